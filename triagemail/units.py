"""Units of work: which mails are claimed and committed together, and what becomes of them when that fails."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from triagemail.failpoints import step
from triagemail.log import logger
from triagemail.mail import mime, scan
from triagemail.mail.mime import ParsedMail
from triagemail.store import claims
from triagemail.store.claims import Claimed
from triagemail.store.engines import STORE_FAULTS, Conflict
from triagemail.store.store import Store

STRIKES = 3
STRUCK = "three strikes: it ended the process"
REDONE = 20  # times that a unit of work is done again at once, since another process was in the way


def read(mail: Claimed) -> tuple[Claimed, ParsedMail]:
    """A mail that has ended the process three times is not read again: reading it may be what does (trust.md D11). One
    that cannot be read at all is no reason to leave those that were claimed with it."""
    if mail.attempts > STRIKES:
        return replace(mail, odd=STRUCK), mime.parse(b"")
    try:
        return mail, mime.parse(mail.raw)
    except Exception as error:  # the parser raises nothing; if it does, that is a bug of ours, and held
        return replace(mail, odd=f"{type(error).__name__}: {error}"[:200]), mime.parse(b"")


def outside(raw: bytes, why: str) -> ParsedMail:
    """What the header of a mail says that is held for that reason: it may be held for what is in it. Nothing, where
    reading it has ended the process or fails; whoever lists held mails is not to end so too."""
    try:
        return mime.parse(b"" if why.startswith(STRUCK.partition(":")[0]) else raw[: scan.HEADER_LIMIT])
    except Exception:  # a bug of ours, told when the mail was held
        return mime.parse(b"")


class Taken(Exception):
    """The mail is another process's by now: this one was taken for dead."""


@dataclass(slots=True)
class Units:
    """On SQLite all mails of a claim are one unit; on PostgreSQL each is one, since others wait for what it locks."""

    store: Store
    holder: str = "main"
    unsure: bool = False  # the store failed: rows may be ours that we know nothing of

    def work_once(self, now: datetime, batch: int, handle: Callable[[Claimed, ParsedMail], None]) -> bool:
        """Claim up to `batch` waiting mails and `handle` each; False when none waits. Raises STORE_FAULTS."""
        claimed = self._claim(now, batch)
        if not claimed:
            return False
        step("after_claim")
        parsed = [read(mail) for mail in claimed]
        try:
            for unit in [parsed] if self.store.sqlite else [[each] for each in parsed]:
                self.commit(unit, handle)
        except STORE_FAULTS:  # the store failed, not the mails: no strike
            self.unsure = True
            with contextlib.suppress(*STORE_FAULTS):  # else they are given back before the next claim
                claims.give_back(self.store, self.holder)
                self.unsure = False
            raise
        step("after_work_commit")
        return True

    def _claim(self, now: datetime, batch: int) -> list[Claimed]:
        try:
            if self.unsure:
                claims.give_back(self.store, self.holder)
            claimed = claims.claim_mails(self.store, now, self.holder, batch)
        except STORE_FAULTS:
            self.unsure = True
            raise
        self.unsure = False
        return claimed

    def commit(self, unit: Sequence[tuple[Claimed, ParsedMail]], handle: Callable[[Claimed, ParsedMail], None]) -> None:
        """T2 of these mails. What a deadlock undid is done again (trust.md D8); what is not ours any more is let be."""
        for left in reversed(range(REDONE)):
            try:
                self._try(unit, handle)
                return
            except Taken as lost:
                logger("worker").warning("mail-taken", inbox=lost.args[0])
                return
            except Conflict:
                if not left:
                    raise

    def _try(self, unit: Sequence[tuple[Claimed, ParsedMail]], handle: Callable[[Claimed, ParsedMail], None]) -> None:
        with self.store.transaction():
            for mail, found in unit:
                handle(mail, found)
            step("before_work_commit")
