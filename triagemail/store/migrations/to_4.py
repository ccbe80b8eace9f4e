"""Schema 4: the processes that work on one PostgreSQL together; who finds the head of a lane."""

from __future__ import annotations

import re

from triagemail.store.store import Store

BOTH = (  # with the names of PostgreSQL's types
    "CREATE TABLE process (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, parts TEXT NOT NULL, since BIGINT NOT"
    " NULL, alive_until BIGINT NOT NULL)",
)
POSTGRESQL = ("CREATE INDEX inbox_lane ON inbox (lane, id) WHERE state = 'received'",)


def up(store: Store) -> None:
    """Inside the transaction of the whole way."""
    for statement in BOTH:  # SQLite calls all whole numbers INTEGER
        store.run(re.sub(r"\bBIGINT\b", "INTEGER", statement) if store.sqlite else statement)
    for statement in () if store.sqlite else POSTGRESQL:
        store.run(statement)
