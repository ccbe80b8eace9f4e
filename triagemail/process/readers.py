"""What happens to a reader of the list when our mails come back: the events, and how our mails fare as their fold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from triagemail.process.events import Event, SubscriberJoined, SubscriberLeft
from triagemail.process.model import Reach


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceCounted(Event):
    """A mail to a reader came back; `score` is what all that came back makes now."""

    address: str
    meaning: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberDisabled(Event):
    """Too much came back: no broadcast goes out to them, until a probe arrives or they write."""

    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSent(Event):
    """The `probe`-th mail that asks whether anybody is there."""

    address: str
    probe: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberEnabled(Event):
    """They can be reached after all: `why` is "probe-arrived" or "heard"; or they have a "role" now."""

    address: str
    why: str


COUNTED = (BounceCounted, SubscriberDisabled, ProbeSent, SubscriberEnabled, SubscriberJoined, SubscriberLeft)


def evolve(reach: Reach | None, event: Event) -> Reach | None:
    """How a reader fares after an event about them; None: nothing is wrong."""
    match event:
        case BounceCounted():
            return replace(reach or Reach(), score=event.score, bounced_at=event.at)
        case SubscriberDisabled():
            return replace(reach or Reach(), disabled_at=event.at)
        case ProbeSent():
            return replace(reach or Reach(), probes=event.probe, probed_at=event.at)
        case SubscriberEnabled() | SubscriberJoined():
            return None
        case SubscriberLeft(by="") if reach is not None:
            return replace(reach, removed_at=event.at, probed_at=None)
        case SubscriberLeft():
            return None
        case _:
            return reach


PROBE_EVERY = timedelta(days=7)  # longer than a mail server tries (RFC 5321 4.5.4.1): what has not come back, arrived


def clocks(reach: Reach | None) -> Mapping[str, datetime]:
    """The timer of a reader whom we probe, as `clocks.clocks` has those of an issue."""
    if reach is None or reach.probed_at is None:
        return {}
    return {"probe": reach.probed_at + PROBE_EVERY}
