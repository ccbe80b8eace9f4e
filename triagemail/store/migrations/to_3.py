"""Schema 3: budgets of automatic answers and of reports."""

from __future__ import annotations

import re

from triagemail.store.store import Store

BOTH = (  # with the names of PostgreSQL's types
    "ALTER TABLE inbox ADD COLUMN author BIGINT",
    "ALTER TABLE outgoing ADD COLUMN unproven TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX event_filed ON event (at) WHERE type = 'ReportFiled'",
    "CREATE INDEX inbox_author ON inbox (author, received_at) WHERE author IS NOT NULL",
    "CREATE INDEX outgoing_unproven ON outgoing (created_at) WHERE unproven <> ''",
)


def up(store: Store) -> None:
    """Inside the transaction of the whole way."""
    for statement in BOTH:  # SQLite calls all whole numbers INTEGER
        store.run(re.sub(r"\b(BIGINT|SMALLINT|BOOLEAN)\b", "INTEGER", statement) if store.sqlite else statement)
