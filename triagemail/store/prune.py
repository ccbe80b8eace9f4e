"""Retention: what is older than the config keeps goes, a slice at a time (trust.md V5, D12).

The issues, their journal and what was broadcast stay. Raw mails and their inbox rows go, mails to single people, the
rows of who got what, and used or expired confirmations.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from triagemail.store.schema import micros
from triagemail.store.store import Store

SLICE = 500  # rows of one kind a transaction: others write meanwhile
SEEN = timedelta(days=400)  # how long a mail is known to have been here; it may be fetched again from the server
ENDED = "state NOT IN ('queued', 'deferred', 'sending')"


def prune_once(store: Store, now: datetime, raw: timedelta, held: timedelta) -> bool:
    """Deletes up to SLICE of each kind of old row in one transaction; True when there may be more. `raw` and `held`
    are how long mails are kept, worked off and parked ones."""
    with store.transaction():
        return any([*_mails(store, micros(now - raw), micros(now - held)), *_rest(store, now, raw, held)])


def _mails(store: Store, before: int, parked_before: int) -> Iterator[bool]:
    """What came in. The oldest rows have the lowest numbers, so only they are looked at."""
    for state, since in (("done", before), ("silent", before), ("held", parked_before)):
        rows = store.all(
            "SELECT id, raw FROM (SELECT id, raw, received_at FROM inbox WHERE state = ? ORDER BY id LIMIT ?) AS oldest"
            " WHERE received_at < ?",
            state, SLICE, since,
        )  # fmt: skip
        delete(store, "raw", [raw for _, raw in rows])
        delete(store, "inbox", [number for number, _ in rows])
        yield bool(rows)


def _rest(store: Store, now: datetime, raw: timedelta, held: timedelta) -> Iterator[bool]:
    """What went out, and what waited for an answer."""
    before = micros(now - raw)
    rows = store.all(
        f"SELECT id FROM (SELECT d.id, d.state, o.created_at FROM delivery d JOIN outgoing o ON o.id = d.outgoing"
        f" ORDER BY d.id LIMIT ?) AS oldest WHERE created_at < ? AND {ENDED}",
        10 * SLICE, before,
    )  # fmt: skip
    delete(store, "delivery", [number for (number,) in rows])
    yield bool(rows)
    rows = store.all(
        "SELECT id FROM (SELECT id, created_at FROM outgoing WHERE NOT broadcast ORDER BY id LIMIT ?) AS oldest"
        " WHERE created_at < ? AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.outgoing = oldest.id)",
        SLICE, before,
    )  # fmt: skip
    delete(store, "outgoing", [number for (number,) in rows])
    yield bool(rows)
    rows = store.all("SELECT id FROM pending WHERE expires_at < ? LIMIT ?", micros(now - held), SLICE)
    delete(store, "pending", [number for (number,) in rows])
    yield bool(rows)
    gone = store.run(
        "DELETE FROM seen WHERE key IN (SELECT key FROM seen WHERE at < ? LIMIT ?)", micros(now - SEEN), SLICE
    )
    yield bool(gone.rowcount)


def delete(store: Store, table: str, numbers: list[int]) -> None:
    """Rows of one of our tables by their `id`."""
    for start in range(0, len(numbers), SLICE):
        part = numbers[start : start + SLICE]
        store.run(f"DELETE FROM {table} WHERE id IN ({', '.join('?' for _ in part)})", *part)
