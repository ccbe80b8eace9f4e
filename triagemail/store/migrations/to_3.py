"""Schema 3: how our mails fare with each reader; the words of headlines marked in the index (search.py); budgets."""

from __future__ import annotations

import re

from triagemail.store import search
from triagemail.store.store import Store

BOTH = (  # with the names of PostgreSQL's types
    "CREATE TABLE reach (person BIGINT NOT NULL PRIMARY KEY, score REAL NOT NULL, bounced_at BIGINT,"
    " disabled_at BIGINT, probes SMALLINT NOT NULL, probed_at BIGINT, removed_at BIGINT)",
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
    for issue in store.open_issues():
        search.keep(store, issue, None)
