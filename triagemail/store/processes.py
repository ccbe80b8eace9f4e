"""The processes that work on one PostgreSQL together: who is there, and what they call to each other. All times are the
database's own, since the clocks of hosts differ. SQLite has one process, and none of this."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import peewee as pw

from triagemail.store.engines import named, translated
from triagemail.store.schema import from_micros
from triagemail.store.store import Store, StoreUnusable

ALIVE = timedelta(seconds=15)  # so long after its last word a process counts as there
CHANNEL = "triagemail:"  # and the schema, which two services in one database do not share
HANGS = ", hangs: "  # in what is shown of a process, before its loops that do
NOW = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"


@dataclass(frozen=True, slots=True)
class Process:
    """`name` says where it runs; `alive` is False for one that has said nothing for 15 seconds."""

    id: str
    name: str
    parts: str
    since: datetime
    alive: bool


def renew(store: Store, number: str, name: str, parts: str) -> bool:
    """Here for another 15 seconds. False when it was not there before: it is new, or was given up meanwhile."""
    kept = f"UPDATE process SET alive_until = {NOW} + ?, parts = ? WHERE id = ?"
    there = store.run(kept, _span(), parts, number).rowcount
    if not there:
        store.run(
            f"INSERT INTO process (id, name, parts, since, alive_until) VALUES (?, ?, ?, {NOW}, {NOW} + ?)",
            number, name, parts, _span(),
        )  # fmt: skip
    return bool(there)


def leave(store: Store, number: str) -> None:
    with store.transaction():
        store.run("DELETE FROM process WHERE id = ?", number)
        _free(store)


def give_up_the_dead(store: Store) -> tuple[int, int]:
    """Frees what the processes hold that are gone: (mails, deliveries). A delivery may have been sent, and goes out
    again with the same bytes."""
    with store.transaction():
        store.run(f"DELETE FROM process WHERE alive_until < {NOW}")
        return _free(store)


def _free(store: Store) -> tuple[int, int]:
    """Held rows whose holder is not there. Rows that somebody has locked are left for the next time."""
    gone = "holder <> '' AND holder NOT IN (SELECT id FROM process)"
    mails = store.run(
        "UPDATE inbox SET holder = '', leased_until = 0 WHERE id IN"
        f" (SELECT id FROM inbox WHERE state = 'received' AND {gone} FOR UPDATE SKIP LOCKED)"
    ).rowcount
    sends = store.run(
        "UPDATE delivery SET state = 'queued', holder = '', leased_until = 0, retry_at = 0, ambiguous = ambiguous + 1"
        f" WHERE id IN (SELECT id FROM delivery WHERE state = 'sending' AND {gone} FOR UPDATE SKIP LOCKED)"
    ).rowcount
    return mails, sends


def processes(store: Store) -> list[Process]:
    """All that are known, the oldest first; none on SQLite."""
    if store.sqlite:
        return []
    rows = store.all(f"SELECT id, name, parts, since, alive_until >= {NOW} FROM process ORDER BY since, id")
    return [Process(number, name, parts, from_micros(since), alive) for number, name, parts, since, alive in rows]


def alive_at(store: Store) -> list[Process]:
    """Those that work now on a database that may have an older schema, or no tables yet. Raises StoreUnusable."""
    try:
        store.db.connect(reuse_if_open=True)
        known = processes(store) if "process" in store.db.get_tables() else []
    except pw.DatabaseError as error:
        raise StoreUnusable(f"the database cannot be opened ({error}): {store.name}") from error
    return [process for process in known if process.alive]


# --- what they call to each other -------------------------------------------------------------------------------------


def announce(store: Store, part: str) -> None:
    """Wakes that part of every process, this one's too. A hint only: who misses it looks once a second."""
    if not store.sqlite:
        store.run("SELECT pg_notify(? || current_schema(), ?)", CHANNEL, part)


def listen(store: Store) -> None:
    """From now on this thread's connection hears what is announced."""
    name = f"{CHANNEL}{store.one('SELECT current_schema()')[0]}"
    store.run(f'LISTEN "{name}"')


def heard(store: Store, seconds: float) -> Iterable[str]:
    """The parts that were announced; waits at most so long for the first."""
    connection = store.db.connection()  # type: ignore[no-untyped-call]  # peewee
    with named(), translated():
        return {each.payload for each in connection.notifies(timeout=seconds, stop_after=1)}


def _span() -> int:
    return ALIVE // timedelta(microseconds=1)
