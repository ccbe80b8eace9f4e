"""Numbers of new issues on PostgreSQL: drawn apart from the transaction that uses them, so that nobody waits for it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import peewee as pw

from triagemail.store.engines import database, named

DRAW = "UPDATE counter SET value = value + %s WHERE name = 'issue' RETURNING value"


class Numbers(threading.local):
    """A thread's own connection for them, and what it has drawn and not used: a transaction that came to nothing leaves
    no gap, only who died, or lost the database, with a number in hand.

    A draw does not wait for the disk. The commit of whoever uses the number does, and what came before it is on disk
    with it; a number that is not used yet is given up with the connection (`close`), since a PostgreSQL that has
    crashed may have forgotten the draw and give it to somebody else."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.db: pw.Database | None = None
        self.first, self.count = 0, 0
        self.before: tuple[int, int] | None = None  # what `used` found, in a transaction that runs

    def draw(self, count: int) -> int:
        """The first of `count` numbers in a row that nobody else gets; the same ones again until they are used."""
        if self.count < count:
            with named():
                last = self._connected().execute_sql(DRAW, (count,)).fetchone()[0]
            self.first, self.count = last - count + 1, count
        return self.first

    def _connected(self) -> Any:
        if self.db is None:
            self.db = database(self.url)
            self.db.execute_sql("SET synchronous_commit = off")  # type: ignore[no-untyped-call]  # peewee
        return self.db

    def used(self, highest: int) -> None:
        """Those up to `highest` are used, unless their transaction comes to nothing."""
        self.before = self.before or (self.first, self.count)
        taken = min(max(0, highest - self.first + 1), self.count)
        self.first, self.count = self.first + taken, self.count - taken

    @contextlib.contextmanager
    def used_in_it(self) -> Iterator[None]:
        """Around a transaction, but for its commit: where that fails the numbers may be in use. If the transaction
        comes to nothing before, they are free again."""
        self.before = None
        try:
            yield
        except BaseException:  # whatever it is, it is raised again
            self.first, self.count = self.before or (self.first, self.count)
            raise

    def close(self) -> None:
        db, self.db = self.db, None
        self.first, self.count = 0, 0
        if db is not None and not db.is_closed():
            db.close()
