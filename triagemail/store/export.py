"""Everything that is ours to give away, as plain values: for who leaves us, or counts what happened. No mail as it came
in, no token, no key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from triagemail.process import codec
from triagemail.store import archive, audience
from triagemail.store.schema import from_micros
from triagemail.store.store import Store

STEP = 500  # rows that are read at once


def export(store: Store) -> Iterator[dict[str, Any]]:
    """One value a line, each with its `kind`; all of one moment, while others write."""
    with store.db.atomic() if not store.sqlite else store.db.atomic("DEFERRED"):
        if not store.sqlite:
            store.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield {"kind": "export", "schema": store.version()}  # the first look is the moment
        for row in _sliced(store, "SELECT number, body FROM issue WHERE number > ? ORDER BY number"):
            yield {"kind": "issue", "issue": codec.plain(codec.load(row[1]))}
        events = "SELECT id, issue, at, author, level, rule, body FROM event WHERE id > ? ORDER BY id"
        for _, issue, at, author, level, rule, body in _sliced(store, events):
            told = {"issue": issue, "at": from_micros(at).isoformat(), "author": author, "level": level, "rule": rule}
            yield {"kind": "event", **told, "event": codec.plain(codec.load(body))}
        for sent in archive.every(store):
            yield {"kind": "broadcast", **codec.plain(asdict(sent))}
        for member in audience.members(store):
            yield {"kind": "reader", **codec.plain(asdict(member))}
        for _, address, name in _sliced(store, "SELECT id, address, name FROM person WHERE id > ? ORDER BY id"):
            yield {"kind": "person", "address": address, "name": name}


def _sliced(store: Store, query: str) -> Iterator[Any]:
    """All rows by their first column, which the query wants above a number."""
    last = 0
    while rows := store.all(f"{query} LIMIT {STEP}", last):
        yield from rows
        last = rows[-1][0]
