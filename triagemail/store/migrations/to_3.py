"""Schema 3: how our mails fare with each reader; the words of headlines marked in the index (search.py)."""

from __future__ import annotations

import re

from triagemail.store import search
from triagemail.store.store import Store

BOTH = (  # with the names of PostgreSQL's types
    "CREATE TABLE reach (person BIGINT NOT NULL PRIMARY KEY, score REAL NOT NULL, bounced_at BIGINT,"
    " disabled_at BIGINT, probes SMALLINT NOT NULL, probed_at BIGINT, removed_at BIGINT)",
)


def up(store: Store) -> None:
    """Inside the transaction of the whole way."""
    for statement in BOTH:  # SQLite calls all whole numbers INTEGER
        store.run(re.sub(r"\b(BIGINT|SMALLINT|BOOLEAN)\b", "INTEGER", statement) if store.sqlite else statement)
    for issue in store.open_issues():
        search.keep(store, issue, None)
