"""How often something has happened lately: a row of `counter` for each span of time in which it did."""

from __future__ import annotations

from datetime import datetime, timedelta

from triagemail.store.schema import EPOCH
from triagemail.store.store import Store


def count(store: Store, name: str, now: datetime, *, span: timedelta, keep: timedelta) -> None:
    """It has happened once more; what is older than `keep` is forgotten. Inside a transaction. `name` is letters only,
    so that all engines sort its rows alike."""
    mine = "" if store.sqlite else " || 'p' || pg_backend_pid()"
    row = store.one(
        f"INSERT INTO counter (name, value) VALUES (?{mine}, 1)"
        " ON CONFLICT (name) DO UPDATE SET value = counter.value + 1"
        " RETURNING value",
        _key(name, now, span),
    )
    if row[0] == 1:  # a new span has begun: each mail need not look for old ones
        store.run("DELETE FROM counter WHERE name >= ? AND name < ?", f"{name}0", _key(name, now - keep, span))


def counted(store: Store, name: str, since: datetime, until: datetime, *, span: timedelta) -> int:
    """How often it happened from the span of `since` on to the one before that of `until`."""
    found = store.one(
        "SELECT COALESCE(SUM(value), 0) FROM counter WHERE name >= ? AND name < ?",
        _key(name, since, span), _key(name, until, span),
    )  # fmt: skip
    return int(found[0])


def _key(name: str, at: datetime, span: timedelta) -> str:
    return f"{name}{(at - EPOCH) // span:012d}"
