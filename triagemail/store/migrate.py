"""From an older schema to the one of this release, in one transaction: old or new, never between (trust.md D7)."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

import peewee as pw

from triagemail.store.backup import back_up, give_to_owner
from triagemail.store.migrations import STEPS
from triagemail.store.schema import VERSION
from triagemail.store.store import Store, StoreUnusable


@dataclass(frozen=True, slots=True)
class Migrated:
    """What was done: nothing where `before` is `after`. `backup` is the database as it was, on SQLite."""

    before: int
    after: int
    backup: Path | None = None


def migrate(store: Store) -> Migrated:
    """Bring the tables to this release's schema; an empty database gets them. On SQLite nobody else may work on it
    meanwhile (`app.alone`). Raises SchemaRefused, StoreUnusable, each with one clear line for a person."""
    try:
        before = store.connect()
        if before is None:
            store.open()
            return Migrated(VERSION, VERSION)
        return _climb(store) if before < VERSION else Migrated(VERSION, VERSION)
    except (pw.DatabaseError, sqlite3.Error, OSError) as error:
        raise StoreUnusable(f"not migrated, all is as it was ({error}): {store.name}") from error


def _climb(store: Store) -> Migrated:
    backup = None
    with store.transaction():
        store.lock_schema()
        before = store.version() or 0  # read again: another process may have been first
        if store.path is not None and before < VERSION:
            backup = back_up(store.path, store.path.with_name(f"{store.path.name}.schema-{before}"))
            give_to_owner(backup, store.path)
        for number in range(before + 1, VERSION + 1):
            STEPS[number](store)
        store.run("UPDATE meta SET value = ? WHERE key = 'schema'", str(VERSION))
    return Migrated(before, VERSION, backup)
