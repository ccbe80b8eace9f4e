"""What the database knows of a mailbox that is read: how far, by which process, and how that fares."""

from __future__ import annotations

from datetime import datetime, timedelta

from triagemail.store.processes import NOW
from triagemail.store.schema import from_micros, micros
from triagemail.store.store import Store

GAP = timedelta(minutes=1)  # between two writes of "the mailbox was read"
FAULT = "intake_fault:"  # in `meta`, with account and folder: since when, and what the server said
LEASE = "intake_lease:"  # the same: the number of the lease and its holder


# --- how far ----------------------------------------------------------------------------------------------------------


def cursor(store: Store, account: str, folder: str) -> tuple[int, int]:
    """(UIDVALIDITY, last UID taken); (0, 0) before the first poll."""
    row = store.one("SELECT uidvalidity, uid FROM cursor WHERE account = ? AND folder = ?", account, folder)
    return (row[0], row[1]) if row else (0, 0)


def move_cursor(store: Store, account: str, folder: str, uidvalidity: int, uid: int) -> None:
    store.run(
        "INSERT INTO cursor (account, folder, uidvalidity, uid) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (account, folder) DO UPDATE SET uidvalidity = excluded.uidvalidity, uid = excluded.uid",
        account, folder, uidvalidity, uid,
    )  # fmt: skip


def count_gap(store: Store, missing: int) -> int:
    """Mails that were in the mailbox and gone before they were read, all in all (trust.md I9). Inside T1."""
    total: int = store.one(
        "INSERT INTO counter (name, value) VALUES ('uid_gap', ?) ON CONFLICT (name) DO UPDATE"
        " SET value = counter.value + excluded.value RETURNING value",
        missing,
    )[0]
    return total


# --- by whom: on PostgreSQL one process at a time (trust.md I10) ------------------------------------------------------


def lease(store: Store, place: str, holder: str) -> str:
    """What shows that `holder` alone reads this mailbox, "" while another living process does. It ends with its holder
    (`processes.ALIVE`); each new holder gets the next number. On SQLite there is one process."""
    if store.sqlite:
        return holder
    with store.transaction():
        store.run("INSERT INTO meta (key, value) VALUES (?, '0 ') ON CONFLICT DO NOTHING", LEASE + place)
        value: str = store.one(f"SELECT value FROM meta WHERE key = ?{store.locked}", LEASE + place)[0]
        number, _, held = value.partition(" ")
        if held == holder:
            return value
        if store.one(f"SELECT 1 FROM process WHERE id = ? AND alive_until >= {NOW}", held):
            return ""
        value = f"{int(number) + 1} {holder}"
        store.run("UPDATE meta SET value = ? WHERE key = ?", value, LEASE + place)
        return value


def holds(store: Store, place: str, lease: str) -> bool:
    """Whether that lease is the latest one, and stays so until the commit: asked inside T1."""
    if store.sqlite:
        return True
    row = store.one(f"SELECT value FROM meta WHERE key = ?{store.locked}", LEASE + place)
    return row is not None and row[0] == lease


# --- how it fares -----------------------------------------------------------------------------------------------------


def read_at(store: Store) -> datetime | None:
    """When the mailbox was last read with success, to the minute; None where there is no mailbox, or never was."""
    row = store.one("SELECT value FROM meta WHERE key = 'intake_ok'")
    return from_micros(int(row[0])) if row else None


def note_read(store: Store, place: str, now: datetime) -> None:
    """The mailbox answered. Written at most once a minute, since it may be polled all the time."""
    keys = f"key = 'intake_ok' OR key = '{FAULT}' || ?"
    known = dict(store.all(f"SELECT key, value FROM meta WHERE {keys}", place))
    last = int(known["intake_ok"]) if "intake_ok" in known else None
    if FAULT + place in known:
        with store.statement():
            store.run("DELETE FROM meta WHERE key = ?", FAULT + place)
    elif last is not None and last <= micros(now) < last + micros_of(GAP):
        return
    with store.statement():
        _put(store, "intake_ok", str(micros(now)))


def note_fault(store: Store, place: str, now: datetime, what: str) -> None:
    """The mailbox cannot be read; the time stays that of the first failure, the words are those of the last."""
    with store.transaction():
        row = store.one("SELECT value FROM meta WHERE key = ?", FAULT + place)
        since = row[0].partition(" ")[0] if row else str(micros(now))
        _put(store, FAULT + place, f"{since} {what}")


def forget_faults(store: Store, place: str = "") -> None:
    """Of every other mailbox: the config names another one by now, or none. Who still reads one of them notes it
    anew."""
    with store.statement():
        store.run("DELETE FROM meta WHERE key LIKE ? AND key <> ?", f"{FAULT}%", FAULT + place)


def faults(store: Store) -> list[tuple[datetime, str]]:
    """The mailboxes that cannot be read now: since when, and why."""
    rows = store.all("SELECT value FROM meta WHERE key LIKE ? ORDER BY key", f"{FAULT}%")
    parts = [value.partition(" ") for (value,) in rows]
    return [(from_micros(int(since)), what) for since, _, what in parts]


def _put(store: Store, key: str, value: str) -> None:
    store.run(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value
    )


def micros_of(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
