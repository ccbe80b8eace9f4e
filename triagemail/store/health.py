"""What `status` shows: how much waits, how long already, and whether a promise is at risk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from triagemail.store import claims, mailbox, pulse
from triagemail.store.processes import Process, processes
from triagemail.store.reach import UNREACHED
from triagemail.store.schema import from_micros, micros
from triagemail.store.store import Store

LATE = timedelta(minutes=5)
REFUSAL = "relay_refusal"


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


def health(store: Store, now: datetime, poll: timedelta | None = None) -> Health:
    """`poll`: how often the mailbox is read, where there is one."""
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
    since = "has waited since"
    waits = ((f"a mail {since}", mail), (f"a delivery {since}", delivery), ("a timer was due at", timer))
    late = [(what, from_micros(at)) for what, at in waits if at is not None and from_micros(at) + LATE < now]
    risks += [f"{what} {at:%Y-%m-%d %H:%M} UTC" for what, at in late]
    if (held_since := claims.sending_held(store)) is not None:
        risks.append(f"all sending is held since {held_since:%Y-%m-%d %H:%M} UTC: triagemail release all")
    unread = mailbox.faults(store)
    risks += [f"the mailbox is not read since {since:%Y-%m-%d %H:%M} UTC: {why}" for since, why in unread]
    heard = mailbox.read_at(store) if not unread else None
    if poll is not None and heard is not None and heard + poll + LATE < now:
        risks.append(f"the mailbox was last read at {heard:%Y-%m-%d %H:%M} UTC: does `triagemail run` run?")
    if refusal := store.one("SELECT value FROM meta WHERE key = ?", REFUSAL):
        risks.append(f"the relay does not let us in, so no mail tells of it: {refusal[0]}")
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


def note_refusal(store: Store, text: str, now: datetime) -> None:
    """The relay has refused our login, or we its certificate: waiting does not mend that, and no mail can tell of it.
    `status` does, until a connection is open again (trust.md S11)."""
    store.run(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        REFUSAL, f"{text} (last tried {now:%Y-%m-%d %H:%M} UTC)",
    )  # fmt: skip


def forget_refusal(store: Store) -> None:
    store.run("DELETE FROM meta WHERE key = ?", REFUSAL)
