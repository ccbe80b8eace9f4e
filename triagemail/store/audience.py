"""The distribution list: who is on it, and the rows of a broadcast made in slices (one row of bytes, one row a
reader)."""

from __future__ import annotations

from datetime import datetime

from triagemail.store.claims import SLICE
from triagemail.store.schema import from_micros, micros
from triagemail.store.store import Store


def expand(store: Store) -> bool:
    """Make the next slice of delivery rows of one broadcast; False when none is waiting. Its own transaction."""
    with store.transaction():
        row = store.one(
            "SELECT id, rank, expand_after FROM outgoing WHERE expand_after IS NOT NULL ORDER BY rank, id LIMIT 1"
        )
        if not row:
            return False
        outgoing, rank, last = row
        people = store.all(
            "SELECT id FROM person WHERE subscribed_at IS NOT NULL AND id > ? ORDER BY id LIMIT ?", last, SLICE
        )
        if people:
            store.run(
                "INSERT INTO delivery (outgoing, person, state, rank, role, holder, leased_until, attempts,"
                " ambiguous, retry_at, reply)"
                " SELECT CAST(? AS BIGINT), id, 'queued', CAST(? AS SMALLINT), CAST(? AS BOOLEAN), '', 0, 0, 0,"
                " 0, '' FROM person"
                " WHERE subscribed_at IS NOT NULL AND id > ? AND id <= ? ON CONFLICT DO NOTHING",
                outgoing, rank, False, last, people[-1][0],
            )  # fmt: skip
        full = len(people) == SLICE
        store.run("UPDATE outgoing SET expand_after = ? WHERE id = ?", people[-1][0] if full else None, outgoing)
    return True


def join(store: Store, address: str, now: datetime, *, group: bool = False) -> None:
    """Idempotent: who is on the list stays on it since they first joined."""
    person = store.person(address)
    store.run(
        "UPDATE person SET subscribed_at = COALESCE(subscribed_at, ?), is_group = ? WHERE id = ?",
        micros(now),
        group,
        person,
    )


def leave(store: Store, address: str, now: datetime) -> bool:
    """Off the list, and what is not yet sent to this reader is withdrawn; mails they get by their role go on."""
    person = store.person(address)
    was = store.one("SELECT 1 FROM person WHERE id = ? AND subscribed_at IS NOT NULL", person) is not None
    store.run("UPDATE person SET subscribed_at = NULL WHERE id = ?", person)
    store.run(
        "UPDATE delivery SET state = 'withdrawn', ended_at = ? WHERE person = ? AND NOT role AND state IN"
        " ('queued', 'deferred', 'sending')",
        micros(now), person,
    )  # fmt: skip
    return was


def members(store: Store) -> list[tuple[str, datetime, bool]]:
    """(address, since, group) of every subscriber, by address."""
    rows = store.all(
        "SELECT address, subscribed_at, is_group FROM person WHERE subscribed_at IS NOT NULL ORDER BY address"
    )
    return [(address, from_micros(since), bool(group)) for address, since, group in rows]


def count(store: Store) -> int:
    number: int = store.one("SELECT COUNT(*) FROM person WHERE subscribed_at IS NOT NULL")[0]
    return number
