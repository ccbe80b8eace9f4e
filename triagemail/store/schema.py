"""The tables, on SQLite and PostgreSQL alike. Queue states and who moves them: docs/architecture.md."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import peewee as pw

VERSION = 5
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """An aware datetime as microseconds since 1970-01-01 UTC: what every time column holds."""
    return (at - EPOCH) // MICROSECOND


def from_micros(value: int) -> datetime:
    return EPOCH + timedelta(microseconds=value)


class UtcField(pw.BigIntegerField):
    """Aware UTC datetime <-> BIGINT microseconds, the same on both engines."""

    def db_value(self, value: Any) -> Any:
        return micros(value) if isinstance(value, datetime) else value

    def python_value(self, value: Any) -> Any:
        return None if value is None else from_micros(value)


class Table(pw.Model):
    class Meta:
        legacy_table_names = False


class Meta(Table):
    key = pw.TextField(primary_key=True)
    value = pw.TextField()


class Counter(Table):
    name = pw.TextField(primary_key=True)
    value = pw.BigIntegerField()


class Person(Table):
    """Everyone we ever wrote to or heard from. Their number stands in tokens, never their address."""

    id = pw.BigAutoField()
    address = pw.TextField(unique=True)
    name = pw.TextField(default="")
    subscribed_at = UtcField(null=True, index=True)
    group = pw.BooleanField(default=False, column_name="is_group")
    wish_priority = pw.SmallIntegerField(default=1, constraints=[pw.SQL("DEFAULT 1")])  # this one and the more urgent
    digest = pw.BooleanField(default=False, constraints=[pw.SQL("DEFAULT FALSE")])
    paused_until = UtcField(null=True)
    language = pw.TextField(null=True)  # in which they want our mails, by their own word or the operator's
    heard = pw.TextField(null=True)  # in which they last wrote to us, as far as that was plain


class ReachRow(Table):
    """How our mails fare with a reader; only those whose mails came back have a row."""

    person = pw.BigIntegerField(primary_key=True)
    score = pw.FloatField()
    bounced_at = UtcField(null=True)
    disabled_at = UtcField(null=True)  # since then no broadcast
    probes = pw.SmallIntegerField()
    probed_at = UtcField(null=True)
    removed_at = UtcField(null=True)

    class Meta:
        table_name = "reach"


class Follow(Table):
    """What a person follows or has silenced, a row each; who has none hears of every area."""

    person = pw.BigIntegerField()
    kind = pw.TextField()  # area | issue | mute
    value = pw.TextField()  # the area's name, or the issue's number

    class Meta:
        primary_key = pw.CompositeKey("person", "kind", "value")


class Raw(Table):
    """Raw mails, apart from the inbox rows that are claimed and scanned all the time."""

    id = pw.BigAutoField()
    body = pw.BlobField()
    size = pw.IntegerField()


class Inbox(Table):
    id = pw.BigAutoField()
    raw_mail = pw.BigIntegerField(column_name="raw")
    source = pw.TextField()  # "imap", "deliver", "import"
    state = pw.TextField(default="received")  # received | done | silent | held
    lane = pw.TextField(default="")
    holder = pw.TextField(default="")
    leased_until = UtcField(default=0)
    attempts = pw.SmallIntegerField(default=0)
    received_at = UtcField()
    done_at = UtcField(null=True)
    reason = pw.TextField(default="")
    issue = pw.BigIntegerField(null=True)
    message_id = pw.TextField(default="")
    author = pw.BigIntegerField(null=True)  # who wrote it, where their mails are counted (limits.py)

    class Meta:
        indexes = ((("state", "id"), False),)


class Seen(Table):
    """Mails handled, by (Message-ID, From, Date); outlives the raw mail."""

    key = pw.TextField(primary_key=True)
    inbox = pw.BigIntegerField()
    at = UtcField()


class Cursor(Table):
    account = pw.TextField()
    folder = pw.TextField()
    uidvalidity = pw.BigIntegerField()
    uid = pw.BigIntegerField()

    class Meta:
        primary_key = pw.CompositeKey("account", "folder")


class IssueRow(Table):
    number = pw.BigIntegerField(primary_key=True)
    state = pw.TextField(index=True)
    priority = pw.SmallIntegerField(null=True)
    reporter = pw.TextField(index=True)
    body = pw.TextField()

    class Meta:
        table_name = "issue"


class EventRow(Table):
    """The journal: every change, who caused it and how sure we were of that."""

    id = pw.BigAutoField()
    issue = pw.BigIntegerField(index=True)
    type = pw.TextField()
    at = UtcField()
    by = pw.TextField(column_name="author")
    level = pw.TextField(default="")
    rule = pw.TextField(default="")
    raw_mail = pw.BigIntegerField(column_name="raw", null=True)
    decision = pw.TextField(default="")
    body = pw.TextField()

    class Meta:
        table_name = "event"


class DeskRow(Table):
    """One row: the state of what is no issue (who is on duty, who is away, the review)."""

    id = pw.SmallIntegerField(primary_key=True)
    body = pw.TextField()  # "" until there is one: the row is there from the start, so that it can be locked

    class Meta:
        table_name = "desk"


class Timer(Table):
    """A running clock of an issue; issue 0 is the desk."""

    issue = pw.BigIntegerField()
    name = pw.TextField()
    due = UtcField(index=True)
    rank = pw.SmallIntegerField(default=2)

    class Meta:
        primary_key = pw.CompositeKey("issue", "name")


class Outgoing(Table):
    """One composed mail; `delivery` has one row per envelope recipient."""

    id = pw.BigAutoField()
    issue = pw.BigIntegerField(default=0, index=True)
    template = pw.TextField()
    subject = pw.TextField()
    text = pw.TextField()  # the plain part, to find our own words in an answer
    head = pw.BlobField()
    body = pw.BlobField()
    detail = pw.TextField(default="")  # the reply detail where it is no token: a confirmation's
    null_sender = pw.BooleanField(default=False)
    broadcast = pw.BooleanField(default=False)
    automatic = pw.BooleanField(default=False)
    rank = pw.SmallIntegerField()
    day = pw.IntegerField()  # last day on which its tokens are valid
    key = pw.TextField()
    created_at = UtcField()
    expand_after = pw.BigIntegerField(
        null=True, index=True
    )  # next subscriber slice starts after this person; null: done
    format = pw.SmallIntegerField(default=1)
    decision = pw.TextField(default="", constraints=[pw.SQL("DEFAULT ''")])  # whose receipt it is: `event.decision`
    audience_priority = pw.SmallIntegerField(default=0, constraints=[pw.SQL("DEFAULT 0")])  # in doubt: P0, for all
    area = pw.TextField(default="", constraints=[pw.SQL("DEFAULT ''")])  # of a broadcast; "": it concerns every area
    unproven = pw.TextField(default="", constraints=[pw.SQL("DEFAULT ''")])  # its kind, as an answer without evidence


class Delivery(Table):
    id = pw.BigAutoField()
    outgoing = pw.BigIntegerField()
    person = pw.BigIntegerField()
    state = pw.TextField(default="queued")  # queued sending sent deferred bounced expired withdrawn superseded
    rank = pw.SmallIntegerField()
    role = pw.BooleanField(default=False)  # gets it as reporter, owner or triager, subscribed or not
    holder = pw.TextField(default="")
    leased_until = UtcField(default=0)
    attempts = pw.SmallIntegerField(default=0)
    ambiguous = pw.SmallIntegerField(default=0)
    retry_at = UtcField(default=0)
    reply = pw.TextField(default="")
    ended_at = UtcField(null=True)

    class Meta:
        indexes = ((("outgoing", "person"), True),)


class Pending(Table):
    """What waits for one plain reply: frozen intents, by the sha256 of the secret in the reply address."""

    id = pw.BigAutoField()
    secret = pw.TextField(unique=True)
    address = pw.TextField(index=True)
    body = pw.TextField()
    asked_at = UtcField()
    expires_at = UtcField()
    used_at = UtcField(null=True)


class Thread(Table):
    """Message-IDs of other people's mails that belong to an issue, and UIDs of its invites (`recorded.invite_id`)."""

    message_id = pw.TextField(primary_key=True)
    issue = pw.BigIntegerField()


class ProcessRow(Table):
    """The processes that work on one PostgreSQL; a row in a queue names its holder. Empty on SQLite."""

    id = pw.TextField(primary_key=True)
    name = pw.TextField()  # host and process number, for a person
    parts = pw.TextField()
    since = UtcField()
    alive_until = UtcField()  # by the database's clock

    class Meta:
        table_name = "process"


class Notice(Table):
    """When the operator was last told of a cause."""

    cause = pw.TextField(primary_key=True)
    at = UtcField()


TABLES = (
    Meta,
    Counter,
    Person,
    ReachRow,
    Follow,
    Raw,
    Inbox,
    Seen,
    Cursor,
    IssueRow,
    EventRow,
    DeskRow,
    Timer,
    Outgoing,
    Delivery,
    Pending,
    Thread,
    Notice,
    ProcessRow,
)

# Queues are found by partial indexes: they hold only what waits, however long the history grows.
INDEXES = (
    "CREATE INDEX IF NOT EXISTS inbox_waiting ON inbox (id) WHERE state = 'received'",
    "CREATE INDEX IF NOT EXISTS delivery_waiting ON delivery (rank, id) WHERE state IN ('queued', 'deferred')",
    "CREATE INDEX IF NOT EXISTS delivery_person ON delivery (person)",
    "CREATE INDEX IF NOT EXISTS delivery_sending ON delivery (id) WHERE state = 'sending'",
    "CREATE INDEX IF NOT EXISTS follow_value ON follow (kind, value)",
    "CREATE INDEX IF NOT EXISTS event_decision ON event (decision) WHERE decision <> ''",
    "CREATE INDEX IF NOT EXISTS event_announced ON event (at) WHERE type = 'IssueAnnounced'",
    "CREATE INDEX IF NOT EXISTS event_decided ON event (at) WHERE type = 'PriorityDecided'",
    "CREATE INDEX IF NOT EXISTS event_filed ON event (at) WHERE type = 'ReportFiled'",
    "CREATE INDEX IF NOT EXISTS inbox_author ON inbox (author, received_at) WHERE author IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS outgoing_unproven ON outgoing (created_at) WHERE unproven <> ''",
    "CREATE INDEX IF NOT EXISTS outgoing_broadcast ON outgoing (created_at) WHERE broadcast",
)

# Each segment of the index is looked into for each word, and each commit makes one: 4 of a size are merged, not 16.
FEW_SEGMENTS = "INSERT INTO search (search, rank) VALUES ('crisismerge', 4)"
# The words of live issues, already folded (search.py): each engine keeps them its own way, neither looks into them.
SEARCH_SQLITE = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS search USING fts5"
    " (headline, words, tokenize = 'ascii', detail = column, columnsize = 0)",
    FEW_SEGMENTS,
)
SEARCH_POSTGRESQL = (
    "CREATE TABLE IF NOT EXISTS search (issue BIGINT NOT NULL PRIMARY KEY, headline TEXT NOT NULL, words TEXT NOT NULL,"
    " vector TSVECTOR NOT NULL)",
    "CREATE INDEX IF NOT EXISTS search_vector ON search USING gin (vector)",
)
# Only where several processes claim: the head of a lane (claims.py).
LANES_POSTGRESQL = ("CREATE INDEX IF NOT EXISTS inbox_lane ON inbox (lane, id) WHERE state = 'received'",)
FIRST_ROWS = (
    "INSERT INTO counter (name, value) VALUES ('issue', 0) ON CONFLICT DO NOTHING",
    "INSERT INTO desk (id, body) VALUES (1, '') ON CONFLICT DO NOTHING",
)


def index_statements(*, sqlite: bool) -> tuple[str, ...]:
    """What peewee does not make: partial indexes, the search, the rows that are there from the start."""
    return (*INDEXES, *(SEARCH_SQLITE if sqlite else SEARCH_POSTGRESQL + LANES_POSTGRESQL), *FIRST_ROWS)
