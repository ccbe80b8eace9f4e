"""From an older schema to the one of this release, in one transaction: old or new, never between (trust.md D7)."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import peewee as pw

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
            backup = _back_up(store.path, store.path.with_name(f"{store.path.name}.schema-{before}"))
        for number in range(before + 1, VERSION + 1):
            STEPS[number](store)
        store.run("UPDATE meta SET value = ? WHERE key = 'schema'", str(VERSION))
    return Migrated(before, VERSION, backup)


def _back_up(path: Path, to: Path) -> Path:
    """A whole copy of the database beside it, for its owner only. It appears under its name when it is complete and on
    the disk; an older one of that name gives way. The caller holds the database, so nothing is written meanwhile."""
    half = to.with_name(f"{to.name}.part")
    half.unlink(missing_ok=True)
    os.close(os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with contextlib.closing(sqlite3.connect(path)) as source, contextlib.closing(sqlite3.connect(half)) as copy:
            source.backup(copy)
        _to_disk(half)
        half.replace(to)
    except BaseException:  # whatever it was, half a copy is of no use to anybody
        half.unlink(missing_ok=True)
        raise
    _to_disk(to.parent)
    return to


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
