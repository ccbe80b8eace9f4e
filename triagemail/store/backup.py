"""A copy of the database as it stands, while it is in use; and the way back (trust.md D10). SQLite only: PostgreSQL has
pg_dump and pg_restore, which do this better."""

from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import peewee as pw

from triagemail.store import claims
from triagemail.store.store import SchemaRefused, Store, StoreUnusable


@dataclass(frozen=True, slots=True)
class Restored:
    """`before` is the database as it was, beside the new one. `since`: the last mail that the copy knows of came in
    then; what came later has to be read again."""

    before: Path | None
    since: datetime | None
    waiting: int  # deliveries that were not sent when the copy was made; some of them may have been since


def back_up(path: Path, to: Path) -> Path:
    """A whole copy of the database in another file, for its owner only. It appears under its name when it is complete
    and on the disk; an older one of that name gives way. Others may write meanwhile: it is of one moment."""
    handle, name = tempfile.mkstemp(".part", f"{to.name}.", to.parent)  # of its own: two may copy at the same time
    os.close(handle)
    half = Path(name)
    try:
        with contextlib.closing(sqlite3.connect(path)) as source, contextlib.closing(sqlite3.connect(half)) as copy:
            source.backup(copy)
        _to_disk(half)
        half.replace(to)
    except BaseException:  # whatever it was, half a copy is of no use to anybody
        half.unlink(missing_ok=True)
        raise
    _to_disk(to.parent)
    return to


def is_part_of(path: Path, file: Path) -> bool:
    """Whether `file` is the database `path` itself, or a file that SQLite keeps beside it: no place for a copy."""
    return any(file.exists() and there.exists() and file.samefile(there) for there in _files(path))


def _files(path: Path) -> tuple[Path, ...]:
    return (path, Path(f"{path}-wal"), Path(f"{path}-shm"))


def hand_over(file: int, like: Path) -> None:
    """Root may type a command as well: what it leaves beside the database, an open file, belongs to whom the database
    belongs to, else the service cannot open it. Never by name: that could be a link to somebody else's file."""
    if os.geteuid() == 0:
        owner = like.stat()
        os.fchown(file, owner.st_uid, owner.st_gid)


def give_to_owner(path: Path, like: Path) -> None:
    """The same for a file that was just made under this name."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        hand_over(handle, like)
    finally:
        os.close(handle)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def restore(store: Store, copy: Path, now: datetime) -> Restored:
    """Puts a copy in the place of the database, which is kept beside it, and holds sending: what waits in the copy may
    have been sent since. The caller sees to it that nothing runs. Raises StoreUnusable, SchemaRefused, OSError."""
    assert store.path is not None, "there is no file to put back on PostgreSQL"
    if not copy.is_file():
        raise StoreUnusable(f"there is no copy {copy}")
    try:
        found = Store(f"sqlite:///{back_up(copy, store.path.with_name(f'{store.path.name}.restored'))}")
    except sqlite3.Error as error:
        raise StoreUnusable(f"the copy cannot be read ({error}): {copy}") from error
    assert found.path is not None
    found.name = str(copy)  # what is wrong with it is wrong with the file that somebody named
    try:
        since, waiting = _look(found, now)
    except BaseException:  # a copy that is not put in its place is of no use
        found.path.unlink()
        raise
    give_to_owner(found.path, store.path if store.path.exists() else store.path.parent)
    before = _put_aside(store.path)
    found.path.replace(store.path)
    _to_disk(store.path.parent)
    return Restored(before, since, waiting)


def _put_aside(path: Path) -> Path | None:
    """A second name for the database, which may be a broken one, and for the log beside it; `path` itself stays until
    another takes its place. What an earlier restore put aside stays: it may have been of the wrong copy. A log without
    its database goes too: it would be read into the next one. None where there was no database."""
    ends = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
    names = (path.with_name(f"{path.name}.before-restore{end}") for end in ends)
    before = next(name for name in names if not any(each.exists() for each in _files(name)))
    there = path.exists()
    if there:
        with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path)) as whole:
            whole.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # killed in between, nothing stood in the log alone
        os.link(path, before)
    for beside, to in zip(_files(path)[1:], _files(before)[1:], strict=True):
        if beside.exists():
            beside.rename(to)
    return before if there else None


def _look(found: Store, now: datetime) -> tuple[datetime | None, int]:
    """Is it whole, and ours? Then sending is held in it, and it stands in one file."""
    try:
        if found.connect() is None:
            raise SchemaRefused(f"an empty database: {found.name}")
        if (said := found.one("PRAGMA integrity_check")[0]) != "ok":
            raise StoreUnusable(f"the copy is damaged ({said}): {found.name}")
        with found.transaction():
            claims.hold_sending(found, now)
        since, waiting = claims.last_arrival(found), claims.waiting(found)
        found.run("PRAGMA wal_checkpoint(TRUNCATE)")
        return since, waiting
    except (sqlite3.Error, pw.DatabaseError) as error:
        raise StoreUnusable(f"the copy cannot be read ({error}): {found.name}") from error
    finally:
        found.close()
        for beside in _files(Path(str(found.path)))[1:]:
            beside.unlink(missing_ok=True)
