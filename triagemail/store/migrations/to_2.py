"""Schema 2: wishes of subscribers, the desk, receipts that can be undone, a search for similar issues."""

from __future__ import annotations

import re

from triagemail.store import search
from triagemail.store.store import Store

BOTH = (  # with the names of PostgreSQL's types
    "ALTER TABLE person ADD COLUMN wish_priority SMALLINT NOT NULL DEFAULT 1",
    "ALTER TABLE person ADD COLUMN digest BOOLEAN NOT NULL DEFAULT FALSE",
    "ALTER TABLE person ADD COLUMN paused_until BIGINT",
    "CREATE TABLE follow (person BIGINT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL,"
    " PRIMARY KEY (person, kind, value))",
    "CREATE INDEX follow_value ON follow (kind, value)",
    "CREATE TABLE desk (id SMALLINT NOT NULL PRIMARY KEY, body TEXT NOT NULL)",
    "INSERT INTO desk (id, body) VALUES (1, '')",
    "ALTER TABLE outgoing ADD COLUMN decision TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE outgoing ADD COLUMN audience_priority SMALLINT NOT NULL DEFAULT 0",
    "ALTER TABLE outgoing ADD COLUMN area TEXT NOT NULL DEFAULT ''",
    "UPDATE outgoing SET audience_priority = 1 WHERE broadcast AND rank = 1",  # its rank was its priority until now
    "CREATE INDEX outgoing_broadcast ON outgoing (created_at) WHERE broadcast",
    "CREATE INDEX event_decision ON event (decision) WHERE decision <> ''",
    "CREATE INDEX event_announced ON event (at) WHERE type = 'IssueAnnounced'",
    "CREATE INDEX event_decided ON event (at) WHERE type = 'PriorityDecided'",
)
SQLITE = (
    "CREATE VIRTUAL TABLE search USING fts5 (headline, words, tokenize = 'ascii', detail = column, columnsize = 0)",
)
POSTGRESQL = (
    "CREATE TABLE search (issue BIGINT NOT NULL PRIMARY KEY, headline TEXT NOT NULL, words TEXT NOT NULL,"
    " vector TSVECTOR NOT NULL)",
    "CREATE INDEX search_vector ON search USING gin (vector)",
)


def up(store: Store) -> None:
    """Inside the transaction of the whole way."""
    for statement in BOTH:  # SQLite calls all numbers INTEGER
        store.run(re.sub(r"\b(BIGINT|SMALLINT|BOOLEAN)\b", "INTEGER", statement) if store.sqlite else statement)
    for statement in SQLITE if store.sqlite else POSTGRESQL:
        store.run(statement)
    for issue in store.open_issues():
        search.keep(store, issue, None)
