"""What was broadcast, kept for good: for the archive of the web page, its search and its feed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from triagemail.store.schema import from_micros
from triagemail.store.search import fold
from triagemail.store.store import Store

COLUMNS = "id, issue, subject, text, automatic, audience_priority, created_at"
BROADCAST = "broadcast AND template <> 'digest' AND issue > 0"
STEP = 500  # rows that are read at once


@dataclass(frozen=True, slots=True)
class Sent:
    """One broadcast as it went out. `text` is its plain part, the same for every reader."""

    number: int
    issue: int
    subject: str
    text: str
    automatic: bool
    priority: int
    at: datetime


def search(store: Store, words: Sequence[str] = (), *, before: int = 0, limit: int = 50) -> list[Sent]:
    """The latest broadcasts that hold each of these words, in capitals or not, with accents or without; `before` is the
    number of one, from which on only older ones are wanted."""
    wanted = [fold(word) for word in words]
    found = (each for each in _all(store, before) if _holds(each, wanted))
    return list(islice(found, limit))


def of_issue(store: Store, issue: int) -> list[Sent]:
    """The broadcasts of an issue, the latest first."""
    rows = store.all(f"SELECT {COLUMNS} FROM outgoing WHERE {BROADCAST} AND issue = ? ORDER BY id DESC", issue)
    return [_sent(row) for row in rows]


def one(store: Store, number: int) -> Sent | None:
    row = store.one(f"SELECT {COLUMNS} FROM outgoing WHERE {BROADCAST} AND id = ?", number)
    return _sent(row) if row else None


def every(store: Store) -> Iterator[Sent]:
    """Every broadcast, the latest first."""
    return _all(store, 0)


def _all(store: Store, before: int) -> Iterator[Sent]:
    """Every broadcast, the latest first, a slice at a time: neither engine folds letters as we do."""
    below = before or 2**62
    while rows := store.all(
        f"SELECT {COLUMNS} FROM outgoing WHERE {BROADCAST} AND id < ? ORDER BY id DESC LIMIT ?", below, STEP
    ):
        yield from map(_sent, rows)
        below = rows[-1][0]


def _sent(row: Sequence[Any]) -> Sent:
    number, issue, subject, text, automatic, priority, at = row
    return Sent(number, issue, subject, text, bool(automatic), priority, from_micros(at))


def _holds(sent: Sent, wanted: Sequence[str]) -> bool:
    text = fold(f"{sent.subject} {sent.text}") if wanted else ""
    return all(word in text for word in wanted)
