"""The two engines: how each is opened, and what it says when it is in trouble, in our words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import peewee as pw

STORE_FAULTS = (pw.OperationalError, pw.InterfaceError, pw.InternalError)
"""The database itself is the trouble (locked, full, gone), not what was to be stored: the unit of work is done again
later."""

IN_THE_WAY = ("40001", "40P01")  # PostgreSQL's codes of a failed serialisation and of a deadlock


class Conflict(pw.OperationalError):
    """Another process was in the way and nothing is wrong: the unit of work, undone whole, is done again at once."""


SQLITE_PRAGMAS = {
    "synchronous": "full",
    "foreign_keys": 1,
    "busy_timeout": 10_000,
    "fullfsync": 1,
    "temp_store": "memory",  # else a mail's savepoint writes each page that it changes to a file: 70 calls a mail
}


LZ4 = (
    "SELECT set_config('default_toast_compression', 'lz4', false) FROM pg_settings"
    " WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)"
)


class _PostgreSQL(pw.PostgresqlDatabase):
    """Large values, such as mails, are compressed by LZ4 where the server knows it (14 and later, as most are built):
    its older way took a third of all that the database does for a report."""

    def _initialize_connection(self, connection: Any) -> None:  # peewee's door: each new connection
        connection.execute(LZ4)


def first_said(error: BaseException) -> str:
    """What the database said first: what comes later is often only that nothing can be rolled back (libraries.md
    M16)."""
    while (before := error.__cause__ or error.__context__) is not None:
        error = before
    return str(error)


class StoreUnusable(Exception):
    """The database cannot be used now: not a database, not writable, not there. One line, whatever a driver says."""

    def __init__(self, text: str) -> None:
        super().__init__(" ".join(text.split()))


def database(url: str) -> pw.Database:
    if url.startswith("sqlite:///"):
        return pw.SqliteDatabase(url.removeprefix("sqlite:///"), pragmas=SQLITE_PRAGMAS, lock_type="IMMEDIATE")
    if url.startswith(("postgresql://", "postgres://")):
        return _PostgreSQL(url, prefer_psycopg3=True)
    raise StoreUnusable(f"not a database URL: {url}")


@contextlib.contextmanager
def named() -> Iterator[None]:
    """Of PostgreSQL's errors those that mean another one was in the way are a Conflict, and an error of no kind is the
    loss of the connection (libraries.md M17)."""
    try:
        yield
    except Conflict:
        raise
    except pw.DatabaseError as error:
        if getattr(getattr(error, "orig", None), "sqlstate", None) in IN_THE_WAY:
            raise Conflict(*error.args) from error
        if type(error) is pw.DatabaseError:
            raise pw.OperationalError(*error.args) from error
        raise


def translated() -> contextlib.AbstractContextManager[None]:
    """The driver's errors as peewee's, where its connection is used without peewee."""
    wrapper: contextlib.AbstractContextManager[None] = pw.__exception_wrapper__  # type: ignore[attr-defined]  # its door
    return wrapper
