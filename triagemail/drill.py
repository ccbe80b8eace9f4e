"""`triagemail drill`: a P0 that is none goes to who has a role, and how fast each of them answers is measured (trust.md
O2). It shows that the mails arrive, that the plus-address comes back to us, and that somebody reads them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from triagemail.outbox import Outbox
from triagemail.process.events import Draft
from triagemail.process.model import Level, Policy
from triagemail.store.schema import from_micros, micros
from triagemail.store.store import Store

TEMPLATE = "drill"
PATIENCE = timedelta(hours=24)  # "no answer in 24 h -> operator"
PROVEN = (Level.E2, Level.E12)  # our token came back from the very person
_KEY = "drill"  # in the table `meta`: the latest drill


@dataclass(frozen=True, slots=True)
class Drill:
    """When it was sent, and to each address when they answered; None: not yet."""

    at: datetime
    answers: dict[str, datetime | None]

    def silent(self) -> list[str]:
        return [address for address, answered in self.answers.items() if answered is None]


def people(policy: Policy) -> tuple[str, ...]:
    """Who is asked: all who decide, each once."""
    return tuple(dict.fromkeys((*policy.triagers, *policy.authority, *policy.confirmers)))


def begin(store: Store, outbox: Outbox, policy: Policy, now: datetime) -> Drill:
    """Queues the mails, one transaction; an earlier drill is forgotten."""
    made = Drill(now, dict.fromkeys(people(policy)))
    with store.transaction():
        for address in made.answers:
            outbox.put(Draft(TEMPLATE, address, None, {}, rank=0), None, now)
        _put(store, made)
    return made


def latest(store: Store) -> Drill | None:
    row = store.one("SELECT value FROM meta WHERE key = ?", _KEY)
    if row is None:
        return None
    at, answers = json.loads(row[0])
    return Drill(from_micros(at), {who: None if when is None else from_micros(when) for who, when in answers.items()})


def answered(store: Store, outbox: Outbox, address: str, now: datetime) -> bool:
    """Somebody answered the mail of a drill: they hear how long it took. False where they were not asked, or have
    answered before. Inside the transaction of that mail."""
    found = latest(store)
    if found is None or address not in found.silent():
        return False
    _put(store, Drill(found.at, {**found.answers, address: now}))
    outbox.put(Draft("drilled", address, None, {"took": now - found.at}), None, now, author=address)
    return True


def overdue(store: Store, now: datetime) -> list[str]:
    """Who has not answered in time, told once. Inside a transaction."""
    found = latest(store)
    silent = found.silent() if found is not None else []
    if found is None or not silent or now < found.at + PATIENCE:
        return []
    told = f"drill of {found.at:%Y-%m-%d %H:%M}"
    return silent if store.notice_due(told, now, timedelta(days=3650)) else []


def _put(store: Store, drill: Drill) -> None:
    answers = {who: None if when is None else micros(when) for who, when in drill.answers.items()}
    store.run(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        _KEY, json.dumps([micros(drill.at), answers]),
    )  # fmt: skip
