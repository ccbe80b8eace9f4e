"""Databases of older releases, for tests of the way to this one."""

from __future__ import annotations

import re
from pathlib import Path

from triagemail.store.store import Store

FIRST = (Path(__file__).parent / "schema_1.sql").read_text(encoding="utf-8")
FIRST_READERS = ["all@lists.acme.example", "lena@acme.example", "tom@acme.example"]
NUMBERED = ("delivery", "event", "inbox", "outgoing", "pending", "person", "raw")  # their ids come from a sequence


def first_schema(url: str) -> Store:
    """A database as the release with schema 1 left it, in the middle of its work. Nothing of it is open."""
    store = Store(url)
    store.db.connect()
    if store.sqlite:
        theirs = re.sub("BIGSERIAL|BIGINT|SMALLINT|BOOLEAN", "INTEGER", FIRST.replace("BYTEA", "BLOB"))
        store.db.connection().executescript(theirs)  # type: ignore[no-untyped-call]  # peewee
        store.run("PRAGMA journal_mode = wal")
    else:
        with store.transaction():
            store.run(FIRST.replace("?", ""))
            for table in NUMBERED:
                store.run(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT MAX(id) FROM {table}))")
    store.close()
    return store
