"""The store: connections, transactions, and what the worker reads and writes in one unit of work (T2)."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import peewee as pw

from triagemail.process import codec
from triagemail.process.model import LIVE, Desk, Evidence, Issue
from triagemail.store import search
from triagemail.store.engines import STORE_FAULTS, StoreUnusable, database, named, translated
from triagemail.store.numbers import Numbers
from triagemail.store.schema import TABLES, VERSION, from_micros, index_statements, micros

if TYPE_CHECKING:  # loaded with the first that is stored (codec.py)
    from triagemail.process.events import Event

TOGETHER = 100  # issues that one statement reads
SCHEMA_LOCK = 1_953_653_614  # any number, the same in all processes: who makes or changes the tables is alone with it

__all__ = ["STORE_FAULTS", "Parent", "SchemaRefused", "Store", "StoreUnusable"]


class SchemaRefused(StoreUnusable):
    """Its tables are not those of this release, and waiting will not change that: only a person can (trust.md D7)."""


@dataclass(frozen=True, slots=True)
class Parent:
    """A mail of ours that an answer refers to."""

    outgoing: int
    issue: int
    template: str
    text: str
    broadcast: bool
    decision: str = ""  # the mark of the decision whose receipt it is; "" for all other mails


class Store:
    """One database. Each thread has its own connection; writers take one lock before BEGIN, since SQLite's own busy
    handler sleeps and starves (design.md 7)."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.sqlite = url.startswith("sqlite:")
        self.path = Path(url.removeprefix("sqlite:///")) if self.sqlite else None
        self.name = str(self.path or re.sub(r"//.*@", "//", url.partition("?")[0]))  # a URL may hold a password
        self.db = database(url)
        self.lock = threading.Lock()
        self.numbers = Numbers(url)
        self.locked = "" if self.sqlite else " FOR UPDATE"  # the rows that are read, until the commit
        self.free = "" if self.sqlite else " FOR UPDATE SKIP LOCKED"  # so, too, and without those that others have
        self.met = threading.local()  # of each thread: the numbers of people, which others may not see committed

    # --- opening ------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Create what is missing. Raises StoreUnusable with one clear line for a person."""
        try:
            found = self.connect()
            if found is None:
                found = self._create()
        except (pw.DatabaseError, OSError) as error:
            raise StoreUnusable(f"the database cannot be opened ({error}): {self.name}") from error
        if found < VERSION:
            raise SchemaRefused(
                f"the database has schema {found}, this release needs {VERSION}: run `triagemail migrate` ({self.name})"
            )

    def connect(self) -> int | None:
        """This thread's connection, and the schema's number: None where there are no tables yet. Raises SchemaRefused
        for a database that a newer release or another program made, DatabaseError, OSError."""
        if self.path is not None and not self.path.exists():  # it holds everybody's mails: for its owner only
            os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600))
        self.db.connect(reuse_if_open=True)
        found = self.version()
        if found is not None and found > VERSION:
            raise SchemaRefused(
                f"the database has schema {found}, this release knows none above {VERSION}: a newer triagemail has"
                f" used it ({self.name})"
            )
        if self.sqlite:  # it stays so; not before it is known to be ours
            self.run("PRAGMA journal_mode = wal")
        return found

    def version(self) -> int | None:
        """The schema's number as it stands there now; None for an empty database. Raises SchemaRefused for tables that
        are not ours: ours would mix with them."""
        if not (tables := self.db.get_tables()):
            return None
        if "meta" in tables and {"key", "value"} <= {column.name for column in self.db.get_columns("meta")}:
            row = self.one("SELECT value FROM meta WHERE key = 'schema'")
            if row and str(row[0]).isdecimal():
                return int(row[0])
        raise SchemaRefused(f"the database holds the tables of another program: {self.name}")

    def _create(self) -> int:
        with self.transaction(), self.db.bind_ctx(TABLES):
            self.lock_schema()
            if (found := self.version()) is not None:
                return found  # another process was first
            self.db.create_tables(TABLES)
            for statement in index_statements(sqlite=self.sqlite):
                self.run(statement)
            self.run("INSERT INTO meta (key, value) VALUES ('schema', ?)", str(VERSION))
            return VERSION

    def lock_schema(self) -> None:
        """Wait for other processes that make or change the tables; until the commit. SQLite's BEGIN did so already."""
        if not self.sqlite:
            self.run("SELECT pg_advisory_xact_lock(?, hashtext(current_schema()))", SCHEMA_LOCK)

    def close(self) -> None:
        """Close this thread's connections."""
        self.numbers.close()
        if not self.db.is_closed():
            self.db.close()

    def settle(self) -> None:
        """SQLite's log into the database file, so that a copy of that file alone holds every row: threads of the web
        page may still have connections, and then the log stays. It waits for nobody."""
        if self.sqlite:
            with contextlib.suppress(*STORE_FAULTS):
                self.run("PRAGMA wal_checkpoint(PASSIVE)")

    # --- statements ---------------------------------------------------------------------------------------------------

    def run(self, statement: str, *values: Any) -> Any:
        """Execute one statement, written with `?` for both engines; returns the cursor. On SQLite without peewee's
        layers, which a mail passes through two dozen times."""
        if not self.sqlite:
            statement = statement.replace("?", "%s")
            with named():
                return self.db.execute_sql(statement, values)  # type: ignore[no-untyped-call]  # peewee
        connection = self.db.connection()  # type: ignore[no-untyped-call]  # peewee
        try:
            return connection.execute(statement, values)
        except sqlite3.Error:
            with translated():
                raise

    def one(self, statement: str, *values: Any) -> Any:
        return self.run(statement, *values).fetchone()

    def all(self, statement: str, *values: Any) -> list[Any]:
        return list(self.run(statement, *values).fetchall())

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """One unit of work: committed whole or not at all."""
        try:
            if self.sqlite:
                with self.lock, self.db.atomic("IMMEDIATE"):
                    yield
            else:
                with named(), self.db.atomic(), self.numbers.used_in_it():
                    yield
        except BaseException:  # whatever it is, it is raised again
            self.forget_people()
            raise

    @contextlib.contextmanager
    def statement(self) -> Iterator[None]:
        """One single statement, which the database commits by itself: without BEGIN and COMMIT around it."""
        with self.lock if self.sqlite else contextlib.nullcontext():
            yield

    def many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """One statement for each of these rows, as a transaction of its own. On SQLite without peewee's layers, which
        cost more than four such rows: the sender does this thousands of times a second."""
        if not self.sqlite:  # the driver sends them in one go, which PostgreSQL takes for one transaction
            with named(), translated():
                self._cursor().executemany(statement.replace("?", "%s"), rows)
            return
        with self.lock, translated():
            cursor = self._cursor()
            cursor.execute("BEGIN IMMEDIATE")
            try:
                cursor.executemany(statement, rows)
                cursor.execute("COMMIT")
            except BaseException:  # whatever it is, it is raised again
                with contextlib.suppress(Exception):  # SQLite itself has ended it, of a full disk say
                    cursor.execute("ROLLBACK")
                raise

    def _cursor(self) -> Any:
        return self.db.cursor()  # type: ignore[no-untyped-call]  # peewee

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """Inside a transaction: what is done in it comes to nothing where it raises. Without peewee's layers, too."""
        self.run("SAVEPOINT unit")
        try:
            yield
        except BaseException:  # whatever it is, it is raised again, or why it cannot be undone
            self.run("ROLLBACK TO SAVEPOINT unit")
            self.run("RELEASE SAVEPOINT unit")
            raise
        self.run("RELEASE SAVEPOINT unit")

    def durable(self, yes: bool) -> None:
        """Whether this thread's commits wait for the disk. Only the results of a claimed batch may do without: a
        power loss forgets them, and at most that batch is sent again."""
        if self.sqlite:
            self.run(f"PRAGMA synchronous = {'FULL' if yes else 'NORMAL'}")
        else:
            self.run(f"SET synchronous_commit = {'on' if yes else 'off'}")

    # --- people -------------------------------------------------------------------------------------------------------

    def person(self, address: str, name: str = "") -> int:
        """The number of a person, made when first met. Inside a transaction."""
        people: dict[str, int] = self.met.__dict__
        known = people.get(address)
        if known is not None:
            return known
        self.run(
            "INSERT INTO person (address, name, is_group) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", address, name, False
        )
        number: int = self.one("SELECT id FROM person WHERE address = ?", address)[0]
        if len(people) > 50_000:
            people.clear()
        people[address] = number
        return number

    def known(self, address: str) -> int:
        """The number of a person who was met before; 0 for any other."""
        found: int | None = self.met.__dict__.get(address)
        if found is None:
            row = self.one("SELECT id FROM person WHERE address = ?", address)
            found = int(row[0]) if row else 0
        return found

    def forget_people(self) -> None:
        """After a rollback this thread may know people who were never committed."""
        self.met.__dict__.clear()

    def address(self, person: int) -> str:
        row = self.one("SELECT address FROM person WHERE id = ?", person)
        return row[0] if row else ""

    # --- issues and their journal -------------------------------------------------------------------------------------

    def issue(self, number: int, *, lock: bool = False) -> Issue | None:
        """With `lock` nobody else changes it until the commit (SQLite's transactions lock everything)."""
        row = self.one(f"SELECT body FROM issue WHERE number = ?{self.locked if lock else ''}", number)
        return codec.load(row[0]) if row else None

    def issues(self, numbers: Iterable[int], *, lock: bool = False) -> dict[int, Issue]:
        """Read, and locked, in ascending order, so that two who want the same ones do not wait for each other."""
        wanted = sorted(set(numbers))
        found: dict[int, Issue] = {}
        for start in range(0, len(wanted), TOGETHER):
            part = wanted[start : start + TOGETHER]
            marks = ", ".join("?" for _ in part)
            which = f"WHERE number IN ({marks}) ORDER BY number{self.locked if lock else ''}"
            found |= {n: codec.load(body) for n, body in self.all(f"SELECT number, body FROM issue {which}", *part)}
        return found

    def open_issues(self) -> tuple[Issue, ...]:
        """All live issues, the most urgent first."""
        marks = ", ".join("?" for _ in LIVE)
        rows = self.all(
            f"SELECT body FROM issue WHERE state IN ({marks}) ORDER BY COALESCE(priority, 9), number", *map(str, LIVE)
        )
        return tuple(codec.load(body) for (body,) in rows)

    def next_number(self, count: int = 1) -> int:
        """The number the next issue gets, the first of `count` that are free."""
        if not self.sqlite:
            return self.numbers.draw(count)
        number: int = self.one("SELECT value FROM counter WHERE name = 'issue'")[0]
        return number + 1

    def count_numbers(self, highest: int) -> None:
        """After new issues were saved: the counter stands at the highest number used."""
        if not self.sqlite:
            self.numbers.used(highest)
        elif highest:
            self.run("UPDATE counter SET value = ? WHERE name = 'issue' AND value < ?", highest, highest)

    def disputed_issues(self) -> tuple[Issue, ...]:
        """Those with a running dispute: each has its timer."""
        rows = self.all("SELECT i.body FROM issue i JOIN timer t ON t.issue = i.number WHERE t.name = 'dispute'")
        return tuple(codec.load(body) for (body,) in rows)

    def has_reported(self, address: str) -> bool:
        return self.one("SELECT 1 FROM issue WHERE reporter = ? LIMIT 1", address) is not None

    def save_issue(self, issue: Issue, before: Issue | None = None, *, new: bool = False) -> None:
        """The row of an issue, and its words for the search unless `before`, as it was stored, had the same. A `new`
        one never takes the place of another: raises IntegrityError where its number is in use."""
        over = (
            "ON CONFLICT (number) DO UPDATE SET state = excluded.state, priority = excluded.priority,"
            " reporter = excluded.reporter, body = excluded.body"
        )
        self.run(
            "INSERT INTO issue (number, state, priority, reporter, body) VALUES (?, ?, ?, ?, ?)"
            f" {'' if new else over}",
            issue.number, str(issue.state), None if issue.current is None else int(issue.current), issue.reporter,
            codec.dump(issue),
        )  # fmt: skip
        search.keep(self, issue, before)

    def save_event(self, event: Event, evidence: Evidence, raw: int | None, decision: str) -> None:
        self.run(
            "INSERT INTO event (issue, type, at, author, level, rule, raw, decision, body) VALUES (?, ?, ?, ?,"
            " ?, ?, ?, ?, ?)",
            event.issue, type(event).__name__, micros(event.at), event.by, str(evidence.level),
            f"{evidence.rule}: {evidence.text}" if evidence.text else evidence.rule, raw, decision,
            codec.dump(event),
        )  # fmt: skip

    def journal(self, number: int) -> list[tuple[datetime, str, str, Event]]:
        """The events of an issue in order: (time, author, evidence level, event)."""
        rows = self.all("SELECT at, author, level, body FROM event WHERE issue = ? ORDER BY id", number)
        return [(from_micros(at), author, level, codec.load(body)) for at, author, level, body in rows]

    def audit(self, number: int) -> list[tuple[str, int | None]]:
        """Beside `journal`: for each event why its author was believed, `rule: text`, and the raw mail it came from."""
        return [
            (rule, raw) for rule, raw in self.all("SELECT rule, raw FROM event WHERE issue = ? ORDER BY id", number)
        ]

    def marked_journal(self, number: int) -> list[tuple[str, Event]]:
        """The events of an issue in order, each with the mark of its decision."""
        rows = self.all("SELECT decision, body FROM event WHERE issue = ? ORDER BY id", number)
        return [(mark, codec.load(body)) for mark, body in rows]

    def happened(self, kind: str, since: datetime) -> list[int]:
        """The issues to which this kind of event has happened since then, in that order, each once. Only for the kinds
        that have an index (schema.INDEXES)."""
        rows = self.all(f"SELECT issue FROM event WHERE type = '{kind}' AND at >= ? ORDER BY at, id", micros(since))
        return list(dict.fromkeys(number for (number,) in rows))

    def issues_since(self, since: datetime) -> tuple[Issue, ...]:
        """Issues that were opened or ended since then, and older ones with something left to do: for the review."""
        found = (codec.load(body) for (body,) in self.all("SELECT body FROM issue ORDER BY number"))
        return tuple(
            issue
            for issue in found
            if max(issue.opened_at, issue.ended_at or issue.opened_at) >= since
            or any(each.done_at is None for each in issue.band_aids)
        )

    def decision_events(self, mark: str) -> list[Event]:
        """What one decision led to, in order; `undo` is their inverse (design.md 7)."""
        rows = self.all("SELECT body FROM event WHERE decision = ? AND decision <> '' ORDER BY id", mark)
        return [codec.load(body) for (body,) in rows]

    def status_answered(self, number: int, address: str, since: datetime) -> bool:
        found = self.one(
            "SELECT 1 FROM event WHERE issue = ? AND type = 'StatusAnswered' AND author = ? AND at >= ? LIMIT 1",
            number, address, micros(since),
        )  # fmt: skip
        return found is not None

    # --- the desk: the state of what is no issue ---------------------------------------------------------------------

    def desk(self, *, lock: bool = False) -> Desk | None:
        """Who is on duty, who is away, the review; None before the first `save_desk`. With `lock` nobody else changes
        it until the commit."""
        row = self.one(f"SELECT body FROM desk WHERE id = 1{self.locked if lock else ''}")
        return codec.load(row[0]) if row[0] else None

    def save_desk(self, desk: Desk) -> None:
        self.run("UPDATE desk SET body = ? WHERE id = 1", codec.dump(desk))

    # --- timers -------------------------------------------------------------------------------------------------------

    def set_timers(self, number: int, clocks: Mapping[str, datetime], rank: int, *, new: bool = False) -> None:
        """The timers of an issue are exactly these (of the desk: number 0); a new issue had none."""
        running = () if new else self.all("SELECT name FROM timer WHERE issue = ?", number)
        for (name,) in running:
            if name not in clocks:
                self.run("DELETE FROM timer WHERE issue = ? AND name = ?", number, name)
        for name, due in clocks.items():
            self.add_timer(number, name, due, rank)

    def add_timer(self, number: int, name: str, due: datetime, rank: int) -> None:
        """One timer, beside those that run."""
        self.run(
            "INSERT INTO timer (issue, name, due, rank) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (issue, name) DO UPDATE SET due = excluded.due, rank = excluded.rank",
            number, name, micros(due), rank,
        )  # fmt: skip

    def due_timer(self, now: datetime, only: str = "") -> tuple[int, str, datetime] | None:
        """The most urgent timer that is due, of the name `only` where one is given: (issue, name, due)."""
        named_so = " AND name = ?" if only else ""
        row = self.one(
            f"SELECT issue, name, due FROM timer WHERE due <= ?{named_so} ORDER BY rank, due, issue LIMIT 1",
            micros(now), *([only] if only else []),
        )  # fmt: skip
        return (row[0], row[1], from_micros(row[2])) if row else None

    def timed_issues(self) -> dict[int, Issue]:
        """Those with a running timer."""
        return self.issues([n for (n,) in self.all("SELECT DISTINCT issue FROM timer WHERE issue > 0")])

    def latest(self) -> datetime | None:
        """When the newest event was written."""
        row = self.one("SELECT at FROM event ORDER BY id DESC LIMIT 1")
        return from_micros(row[0]) if row else None

    def next_timer(self) -> datetime | None:
        row = self.one("SELECT MIN(due) FROM timer")
        return from_micros(row[0]) if row and row[0] is not None else None

    # --- threads and duplicates ---------------------------------------------------------------------------------------

    def first_time(self, key: str, inbox: int, now: datetime) -> int:
        """0 when this (Message-ID, From, Date) is new; else the inbox row that had it first."""
        made = self.one(
            "INSERT INTO seen (key, inbox, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING inbox",
            key,
            inbox,
            micros(now),
        )
        if made:
            return 0
        first: int = self.one("SELECT inbox FROM seen WHERE key = ?", key)[0]
        return 0 if first == inbox else first

    def take_over(self, key: str, inbox: int) -> None:
        """From now on that mail is the first with this key."""
        self.run("UPDATE seen SET inbox = ? WHERE key = ?", inbox, key)

    def join_thread(self, message_id: str, issue: int) -> None:
        if message_id:
            self.run("INSERT INTO thread (message_id, issue) VALUES (?, ?) ON CONFLICT DO NOTHING", message_id, issue)

    def thread_issue(self, message_ids: Sequence[str]) -> int:
        """The issue that one of these Message-IDs belongs to, the last named first; 0 for none."""
        for message_id in reversed(message_ids[-50:]):
            row = self.one("SELECT issue FROM thread WHERE message_id = ?", message_id)
            if row:
                return int(row[0])
        return 0

    def parent(self, outgoing: int) -> Parent | None:
        row = self.one("SELECT id, issue, template, text, broadcast, decision FROM outgoing WHERE id = ?", outgoing)
        return Parent(row[0], row[1], row[2], row[3], bool(row[4]), row[5]) if row else None

    def latest_to(self, person: int, issue: int) -> Parent | None:
        """Our last mail to a person about an issue, for answers that lost their In-Reply-To."""
        row = self.one(
            "SELECT o.id, o.issue, o.template, o.text, o.broadcast, o.decision FROM outgoing o JOIN delivery d"
            " ON d.outgoing = o.id WHERE o.issue = ? AND d.person = ? ORDER BY o.id DESC LIMIT 1",
            issue, person,
        )  # fmt: skip
        return Parent(row[0], row[1], row[2], row[3], bool(row[4]), row[5]) if row else None

    # --- notices ------------------------------------------------------------------------------------------------------

    def notice_due(self, cause: str, now: datetime, gap: timedelta) -> bool:
        """True at most once per `gap` and cause; remembers that it said so."""
        row = self.one("SELECT at FROM notice WHERE cause = ?", cause)
        if row and micros(now - gap) < row[0] <= micros(now):  # one that lies ahead is of a clock that was set back
            return False
        self.run(
            "INSERT INTO notice (cause, at) VALUES (?, ?) ON CONFLICT (cause) DO UPDATE SET at = excluded.at",
            cause,
            micros(now),
        )
        return True

    def noticed(self, cause: str, since: datetime) -> bool:
        """Whether that was told since then."""
        return self.one("SELECT 1 FROM notice WHERE cause = ? AND at >= ?", cause, micros(since)) is not None
