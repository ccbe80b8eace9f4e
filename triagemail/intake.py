"""Intake: from the mailbox, and from the mail server on this host, into the inbox (T1). Either is told only after our
commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from triagemail.clock import Clock
from triagemail.doors.imap import Fetched, Mailbox
from triagemail.failpoints import step
from triagemail.log import logger
from triagemail.notices import Notices
from triagemail.store import claims
from triagemail.store import mailbox as mailboxes
from triagemail.store.claims import Arrival
from triagemail.store.store import Store

if TYPE_CHECKING:
    from triagemail.doors.smtpd import Envelope


ANEW = "the mailbox was made anew"


class Superseded(Exception):
    """Another process reads the mailbox by now: nothing was taken."""


@dataclass(frozen=True, slots=True)
class Intake:
    store: Store
    mailbox: Mailbox
    account: str
    folder: str
    clock: Clock
    notices: Notices | None = None
    turns: Callable[[], None] = lambda: None  # a batch is done: a full mailbox takes longer than a loop may hang

    @property
    def place(self) -> str:
        return f"{self.account}/{self.folder}"

    def connect(self) -> None:
        """A new connection; what a killed process had stored but not filed is filed now. Raises MailboxLost,
        MailboxRefused."""
        opened = self.mailbox.connect()
        logger("intake").info(
            "connected", exists=opened.exists, filing=opened.filing, idle=opened.idle, trouble=opened.trouble,
            made_done_folder=opened.made_done_folder,
        )  # fmt: skip
        mailboxes.forget_faults(self.store, self.place)
        known, last = mailboxes.cursor(self.store, self.account, self.folder)
        if known == opened.uidvalidity:
            self.mailbox.done(self.mailbox.left_behind(last))
        elif known:
            logger("intake").warning("uidvalidity-changed", before=known, now=opened.uidvalidity)
            self._begin_anew(opened.uidvalidity, opened.exists)

    def _begin_anew(self, validity: int, exists: int) -> None:
        """ "New cursor from 0, whole mailbox re-read, dedup makes it harmless, one operator notice" (trust.md I4)."""
        if self.notices is not None:
            self.notices.tell(ANEW, f"{self.folder} of {self.account}: all {exists} mails in it are read again")
        with self.store.transaction():
            mailboxes.move_cursor(self.store, self.account, self.folder, validity, 0)

    def poll_once(self, lease: str = "") -> bool:
        """Take every new mail; True when there was one. Raises MailboxLost, MailboxRefused, STORE_FAULTS, and
        Superseded where `lease` is not the latest one any more."""
        validity = self.mailbox.uidvalidity
        known, last = mailboxes.cursor(self.store, self.account, self.folder)
        last = last if known == validity else 0
        taken = 0
        for batch in self.mailbox.fetch_new(last):
            step("after_fetch")
            here = [mail for mail in batch if not mail.gone]
            missing = batch[-1].uid - last - len(here) if last else len(batch) - len(here)
            with self.store.transaction():
                if lease and not mailboxes.holds(self.store, self.place, lease):
                    raise Superseded(self.place)
                claims.take(self.store, [arrival(mail, self.clock) for mail in here])
                mailboxes.move_cursor(self.store, self.account, self.folder, validity, batch[-1].uid)
                total = mailboxes.count_gap(self.store, missing) if missing else 0
                step("before_take_commit")
            step("after_take_commit")
            self.mailbox.done([mail.uid for mail in here])
            step("after_move")
            mailboxes.note_read(self.store, self.place, self.clock.now())
            taken += len(here)
            self.turns()
            if missing:  # somebody deleted or moved them before we came: their act, but it may have been a report
                logger("intake").warning("uid-gap", missing=missing, in_all=total, before=batch[-1].uid)
            logger("intake").info("fetched", mails=len(here), gone=len(batch) - len(here), last_uid=batch[-1].uid)
            last = batch[-1].uid
        mailboxes.note_read(self.store, self.place, self.clock.now())  # also where there was nothing to take
        return taken > 0


def arrival(mail: Fetched, clock: Clock) -> Arrival:
    """When we first handled it rules all clocks (trust.md T4), so that is what is kept; a mail too large comes as
    its header."""
    odd = "too-large" if mail.too_large else "" if mail.raw is not None else "the server gave no body"
    return Arrival(mail.raw or b"", clock.now(), "imap", odd)


def taking(store: Store, clock: Clock, wake: Callable[[], object]) -> Callable[[Sequence[Envelope]], None]:
    """What LMTP hands its mails to: one commit, then the worker is woken. Raises STORE_FAULTS."""

    def take(envelopes: Sequence[Envelope]) -> None:
        now = clock.now()
        with store.transaction():
            claims.take(store, [Arrival(delivered(envelope), now, "lmtp") for envelope in envelopes])
            step("before_lmtp_commit")
        step("after_lmtp_commit")
        logger("intake").info("delivered", mails=len(envelopes))
        wake()

    return take


_CONTROLS = dict.fromkeys((*range(32), 127), "?")


def delivered(envelope: Envelope) -> bytes:
    """The mail with its envelope on top, as who delivers it last writes it (RFC 5321 4.4): the detail of a reply
    address may stand there only. A lone CR in `"a\\rAuthentication-Results: …"@b.example` would end a line in the zone
    that is trusted (trust.md A2)."""
    fields = [f"Return-Path: <{envelope.mail_from}>", *(f"Delivered-To: {rcpt}" for rcpt in envelope.rcpts)]
    return "".join(f"{f.translate(_CONTROLS)}\r\n" for f in fields).encode("ascii", "replace") + envelope.content
