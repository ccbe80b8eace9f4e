"""Intake: from a mailbox or a file into the inbox (T1). The server is told only after our commit."""

from __future__ import annotations

import mailbox as formats
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from triagemail.clock import Clock
from triagemail.doors.imap import Fetched, Mailbox
from triagemail.failpoints import step
from triagemail.log import logger
from triagemail.store import claims
from triagemail.store.claims import Arrival
from triagemail.store.store import Store

BATCH = 50


@dataclass(frozen=True, slots=True)
class Intake:
    store: Store
    mailbox: Mailbox
    account: str
    folder: str
    clock: Clock

    def poll_once(self) -> bool:
        """Take every new mail; True when there was one. Raises MailboxLost, MailboxRefused, StoreError."""
        validity = self.mailbox.uidvalidity
        known, last = claims.cursor(self.store, self.account, self.folder)
        if known and known != validity:
            logger("intake").warning("uidvalidity-changed", before=known, now=validity)
        taken = 0
        for batch in self.mailbox.fetch_new(last if known == validity else 0):
            step("after_fetch")
            here = [mail for mail in batch if not mail.gone]
            with self.store.transaction():
                claims.take(self.store, [arrival(mail, self.clock) for mail in here])
                claims.move_cursor(self.store, self.account, self.folder, validity, max(mail.uid for mail in batch))
                step("before_take_commit")
            step("after_take_commit")
            self.mailbox.done([mail.uid for mail in here])
            step("after_move")
            taken += len(here)
            logger("intake").info("fetched", mails=len(here), gone=len(batch) - len(here), last_uid=batch[-1].uid)
        return taken > 0


def arrival(mail: Fetched, clock: Clock) -> Arrival:
    """When we first handled it rules all clocks (trust.md T4), so that is what is kept; a mail too large comes as its header."""
    odd = "too-large" if mail.too_large else "" if mail.raw is not None else "the server gave no body"
    return Arrival(mail.raw or b"", clock.now(), "imap", odd)


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
    """The raw mails below a path: a .eml file, an mbox, a Maildir, or a folder of .eml files. Raises OSError."""
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

