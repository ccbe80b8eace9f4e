"""The door of prometheus_client: what `status` shows, as numbers for a monitor. No address and no headline is in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from triagemail.process.model import Issue
from triagemail.store.health import Health

MEDIA_TYPE = CONTENT_TYPE_LATEST


class _Now(Collector):
    """The numbers of one moment."""

    def __init__(self, found: Sequence[GaugeMetricFamily]) -> None:
        self.found = found

    def collect(self) -> Iterator[GaugeMetricFamily]:
        return iter(self.found)


def text(health: Health, issues: Sequence[Issue], now: datetime, *, used: int, budget: int) -> bytes:
    """All of it in the text form of Prometheus."""
    registry = CollectorRegistry()
    registry.register(_Now(_gauges(health, issues, now, used, budget)))
    return generate_latest(registry)


def _gauges(health: Health, issues: Sequence[Issue], now: datetime, used: int, budget: int) -> list[GaugeMetricFamily]:
    waits = {"mail": health.oldest_mail, "delivery": health.oldest_delivery, "timer": health.oldest_timer}
    ages = {name: (now - since).total_seconds() if since is not None else 0.0 for name, since in waits.items()}
    priorities = [str(issue.current) if issue.current is not None else "none" for issue in issues]
    by_priority = {name: float(priorities.count(name)) for name in ("P0", "P1", "P2", "P3", "none")}
    late = sum(1 for i in issues if i.announced and i.next_update_at is not None and i.next_update_at < now)
    return [
        _labelled("inbox", "Mails that came in, by state", "state", health.inbox),
        _labelled("deliveries", "Deliveries, by state", "state", health.deliveries),
        _labelled("open_issues", "Open issues, by the priority that counts", "priority", by_priority),
        _labelled("oldest_waiting_seconds", "How long the oldest has waited", "queue", ages),
        _single("subscribers", "Readers on the list", health.subscribers),
        _single("subscribers_unreached", "Of them those whom no broadcast goes out to", health.disabled),
        _single("updates_overdue", "Announced issues whose update is late", late),
        _single("p1_this_week", "Issues that became P1 since Monday", used),
        _single("p1_budget", "The P1 budget of a week", budget),
        _single("alive", "1 while `triagemail run` is there and its loops turn", 0.0 if health.silence else 1.0),
        _single("risks", "Promises at risk, as status counts them", len(health.risks)),
    ]


def _labelled(name: str, help_: str, label: str, values: dict[str, int] | dict[str, float]) -> GaugeMetricFamily:
    made = GaugeMetricFamily(f"triagemail_{name}", help_, labels=[label])
    for key, value in values.items():
        made.add_metric([key], float(value))
    return made


def _single(name: str, help_: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"triagemail_{name}", help_, value=float(value))
