"""Numbers of new issues on PostgreSQL: drawn apart from the transaction that uses them, so that nobody waits for it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import peewee as pw

from triagemail.store.engines import database, named

DRAW = "UPDATE counter SET value = value + %s WHERE name = 'issue' RETURNING value"


class Numbers(threading.local):
    """A thread's own connection for them, and what it has drawn and not used: a transaction that came to nothing leaves
    no gap, only a process that died with a number in hand."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.db: pw.Database | None = None
        self.first, self.count = 0, 0
        self.before: tuple[int, int] | None = None  # what `used` found, in a transaction that runs

    def draw(self, count: int) -> int:
        """The first of `count` numbers in a row that nobody else gets; the same ones again until they are used."""
        if self.count < count:
            with named():
                self.db = self.db or database(self.url)
                # on disk before it is used: we outlive a crash of PostgreSQL, and so does a number in hand
                last = self.db.execute_sql(DRAW, (count,)).fetchone()[0]  # type: ignore[no-untyped-call]  # peewee
            self.first, self.count = last - count + 1, count
        return self.first

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
        if self.db is not None and not self.db.is_closed():
            self.db.close()
