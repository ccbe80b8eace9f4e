"""Mails from standard input and from files into the inbox (T1): `deliver` and `import`."""

from __future__ import annotations

import mailbox as formats
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from triagemail.store import claims
from triagemail.store.claims import Arrival
from triagemail.store.store import Store

BATCH = 50


def take_one(store: Store, raw: bytes, now: datetime, source: str) -> None:
    """`deliver`: one mail, durable when this returns."""
    with store.transaction():
        claims.take(store, [Arrival(raw, now, source)])


def take_all(store: Store, mails: Iterator[bytes], now: datetime) -> Iterator[int]:
    """`import`: yields after each commit how many mails it took."""
    batch: list[Arrival] = []
    for raw in mails:
        batch.append(Arrival(raw, now, "import"))
        if len(batch) == BATCH:
            yield _commit(store, batch)
            batch = []
    if batch:
        yield _commit(store, batch)


def _commit(store: Store, batch: list[Arrival]) -> int:
    with store.transaction():
        claims.take(store, batch)
    return len(batch)


def read_path(path: Path) -> Iterator[bytes]:
    """The raw mails below a path: a .eml file, an mbox, a Maildir, or a folder of .eml files; a file in which nothing
    stands is none. Raises OSError."""
    yield from (raw for raw in _raw(path) if raw.strip())


def _raw(path: Path) -> Iterator[bytes]:
    if path.is_dir() and (path / "new").is_dir() and (path / "cur").is_dir():
        for folder in ("new", "cur"):
            for entry in sorted(os.scandir(path / folder), key=lambda e: e.name):
                yield Path(entry.path).read_bytes()
    elif path.is_dir():
        for file in sorted(path.glob("**/*.eml")):
            yield file.read_bytes()
    elif _is_mbox(path):
        yield from _mbox(path)
    else:
        yield path.read_bytes()


def _is_mbox(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(5) == b"From "


def _mbox(path: Path) -> Iterator[bytes]:
    box = formats.mbox(path, create=False)
    try:
        for key in box.iterkeys():
            yield box.get_bytes(key)
    finally:
        box.close()


def count_mails(path: Path) -> int:
    """How many mails `read_path` will yield, for a progress bar."""
    if path.is_file():
        return len(formats.mbox(path, create=False)) if _is_mbox(path) else 1
    if (path / "new").is_dir() and (path / "cur").is_dir():
        return sum(len(os.listdir(path / folder)) for folder in ("new", "cur"))
    return len(list(path.glob("**/*.eml")))
