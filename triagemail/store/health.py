"""What `status` shows: how much waits, how long already, and whether a promise is at risk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from triagemail.store import claims, pulse
from triagemail.store.processes import Process, processes
from triagemail.store.reach import UNREACHED
from triagemail.store.schema import from_micros, micros
from triagemail.store.store import Store

LATE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Health:
    """Counts and the oldest waiting thing of each queue; `risks` is empty when all promises stand."""

    inbox: dict[str, int]
    deliveries: dict[str, int]
    oldest_mail: datetime | None
    oldest_delivery: datetime | None
    oldest_timer: datetime | None
    open_issues: int
    subscribers: int
    disabled: int  # of them: no broadcast goes out to them, since mails came back
    processes: tuple[Process, ...]  # on PostgreSQL; none on SQLite
    silence: str  # why nobody can rely on the service now: it is not there, or hangs; a risk, too
    risks: tuple[str, ...]


def health(store: Store, now: datetime) -> Health:
    inbox = dict(store.all("SELECT state, COUNT(id) FROM inbox GROUP BY state"))
    deliveries = dict(store.all("SELECT state, COUNT(id) FROM delivery GROUP BY state"))
    mail = store.one("SELECT MIN(received_at) FROM inbox WHERE state = 'received'")[0]
    delivery = store.one(
        "SELECT MIN(o.created_at) FROM delivery d JOIN outgoing o ON o.id = d.outgoing WHERE d.state IN"
        " ('queued', 'deferred', 'sending')"
    )[0]
    timer = store.one("SELECT MIN(due) FROM timer WHERE due <= ?", micros(now))[0]
    silence = pulse.silence(store)
    risks = [silence] if silence else []
    if mail is not None and from_micros(mail) + LATE < now:
        risks.append(f"a mail has waited since {from_micros(mail):%Y-%m-%d %H:%M} UTC")
    if delivery is not None and from_micros(delivery) + LATE < now:
        risks.append(f"a delivery has waited since {from_micros(delivery):%Y-%m-%d %H:%M} UTC")
    if timer is not None and from_micros(timer) + LATE < now:
        risks.append(f"a timer was due at {from_micros(timer):%Y-%m-%d %H:%M} UTC")
    if (since := claims.sending_held(store)) is not None:
        risks.append(f"all sending is held since {since:%Y-%m-%d %H:%M} UTC: triagemail release all")
    if inbox.get("held"):
        risks.append(f"{inbox['held']} mail(s) held: triagemail held list")
    return Health(
        inbox,
        deliveries,
        None if mail is None else from_micros(mail),
        None if delivery is None else from_micros(delivery),
        None if timer is None else from_micros(timer),
        len(store.open_issues()),
        store.one("SELECT COUNT(id) FROM person WHERE subscribed_at IS NOT NULL")[0],
        store.one(f"SELECT COUNT(id) FROM person WHERE subscribed_at IS NOT NULL AND id IN ({UNREACHED})")[0],
        tuple(processes(store)),
        silence,
        tuple(risks),
    )
