"""Who can be reached: how our mails fare with each reader, and what became of a mail that came back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from triagemail.process.model import Reach
from triagemail.store.claims import TOGETHER
from triagemail.store.schema import from_micros, micros
from triagemail.store.store import Store

FIELDS = "score, bounced_at, disabled_at, probes, probed_at, removed_at"
UNREACHED = "SELECT person FROM reach WHERE disabled_at IS NOT NULL"
REPLY = 500  # characters of what a report says that are kept


def read(store: Store, person: int) -> Reach | None:
    """None where nothing came back, or all is well again."""
    row = store.one(f"SELECT {FIELDS} FROM reach WHERE person = ?", person)
    return _reach(*row) if row else None


def save(store: Store, person: int, reach: Reach | None) -> None:
    store.run("DELETE FROM reach WHERE person = ?", person)
    if reach is not None:
        times = (reach.bounced_at, reach.disabled_at, reach.probed_at, reach.removed_at)
        bounced, disabled, probed, removed = (None if at is None else micros(at) for at in times)
        store.run(
            f"INSERT INTO reach (person, {FIELDS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
            person, reach.score, bounced, disabled, reach.probes, probed, removed,
        )  # fmt: skip


def disabled(store: Store, address: str) -> int:
    """The number of somebody who gets no broadcast because mails came back; 0 for all others."""
    row = store.one(f"SELECT id FROM person WHERE address = ? AND id IN ({UNREACHED})", address)
    return int(row[0]) if row else 0


def by_address(store: Store) -> dict[str, Reach]:
    """Of all whose mails came back."""
    rows = store.all(f"SELECT p.address, {FIELDS} FROM reach r JOIN person p ON p.id = r.person")
    return {address: _reach(*row) for address, *row in rows}


def lost(store: Store, since: datetime, until: datetime) -> tuple[tuple[str, Reach], ...]:
    """The readers who were disabled or removed after `since`, up to `until`."""
    rows = store.all(
        f"SELECT p.address, {FIELDS} FROM reach r JOIN person p ON p.id = r.person WHERE"
        " (disabled_at > ? AND disabled_at <= ?) OR (removed_at > ? AND removed_at <= ?) ORDER BY p.address",
        *(micros(since), micros(until)) * 2,
    )
    return tuple((address, _reach(*row)) for address, *row in rows)


def _reach(score: float, *rest: Any) -> Reach:
    bounced, disabled, probes, probed, removed = rest
    times = (None if at is None else from_micros(at) for at in (bounced, disabled, probed, removed))
    bounced_at, disabled_at, probed_at, removed_at = times
    return Reach(score, bounced_at, disabled_at, probes, probed_at, removed_at)


def is_group(store: Store, person: int) -> bool:
    row = store.one("SELECT is_group FROM person WHERE id = ?", person)
    return bool(row and row[0])


# --- mails that came back --------------------------------------------------------------------------------------------


def came_back(store: Store, outgoing: int, person: int, said: str, now: datetime) -> bool:
    """A delivery report about one delivery: it ends as bounced. False where there is none, or it has bounced before:
    a mail comes back once, and who repeats a report counts nothing by it."""
    found = store.run(
        "UPDATE delivery SET state = 'bounced', reply = ?, ended_at = ?, holder = '', leased_until = 0"
        " WHERE outgoing = ? AND person = ? AND state <> 'bounced'",
        said[:REPLY], micros(now), outgoing, person,
    )  # fmt: skip
    return bool(found.rowcount)


def batch_came_back(store: Store, outgoing: int, address: str) -> int:
    """Whom a report about a batch is about, 0 for nobody: every reader knows its return path, so it counts only for one
    who was sent that mail in a batch (trust.md S6)."""
    row = store.one(
        "SELECT delivery.person FROM delivery JOIN person p ON p.id = delivery.person"
        f" WHERE delivery.outgoing = ? AND p.address = ? AND delivery.state = 'sent' AND {TOGETHER}",
        outgoing, address,
    )  # fmt: skip
    return row[0] if row else 0


def last_refusal(store: Store, person: int) -> str:
    """What was said when a mail to somebody was last refused for good; "" for never."""
    row = store.one(
        "SELECT reply FROM delivery WHERE person = ? AND state = 'bounced' ORDER BY ended_at DESC, id DESC LIMIT 1",
        person,
    )
    return row[0] if row else ""


def last_probe(store: Store, person: int) -> str:
    """What became of the last probe: "arrived", "returned", or "" while it is on its way, or where nobody took it."""
    row = store.one(
        "SELECT d.state FROM delivery d JOIN outgoing o ON o.id = d.outgoing"
        " WHERE d.person = ? AND o.template = 'probe' ORDER BY d.id DESC LIMIT 1",
        person,
    )
    return {"sent": "arrived", "bounced": "returned"}.get(row[0], "") if row else ""
