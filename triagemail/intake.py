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
from triagemail.store import claims
from triagemail.store.claims import Arrival
from triagemail.store.store import Store

if TYPE_CHECKING:
    from triagemail.doors.smtpd import Envelope


@dataclass(frozen=True, slots=True)
class Intake:
    store: Store
    mailbox: Mailbox
    account: str
    folder: str
    clock: Clock
    turns: Callable[[], None] = lambda: None  # a batch is done: a full mailbox takes longer than a loop may hang

    def connect(self) -> None:
        """A new connection; what a killed process had stored but not filed is filed now. Raises MailboxLost,
        MailboxRefused."""
        opened = self.mailbox.connect()
        logger("intake").info(
            "connected", exists=opened.exists, filing=opened.filing, idle=opened.idle, trouble=opened.trouble
        )
        known, last = claims.cursor(self.store, self.account, self.folder)
        if known == opened.uidvalidity:
            self.mailbox.done(self.mailbox.left_behind(last))
        elif known:
            logger("intake").warning("uidvalidity-changed", before=known, now=opened.uidvalidity)

    def poll_once(self) -> bool:
        """Take every new mail; True when there was one. Raises MailboxLost, MailboxRefused, STORE_FAULTS."""
        validity = self.mailbox.uidvalidity
        known, last = claims.cursor(self.store, self.account, self.folder)
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
            self.store.note_intake(self.clock.now())
            taken += len(here)
            self.turns()
            logger("intake").info("fetched", mails=len(here), gone=len(batch) - len(here), last_uid=batch[-1].uid)
        self.store.note_intake(self.clock.now())  # also where there was nothing to take
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


def delivered(envelope: Envelope) -> bytes:
    """The mail with its envelope on top, as who delivers it last writes it (RFC 5321 4.4): the detail of a reply
    address may stand there only."""
    fields = [f"Return-Path: <{envelope.mail_from}>", *(f"Delivered-To: {rcpt}" for rcpt in envelope.rcpts)]
    return "".join(f"{field}\r\n" for field in fields).encode("ascii", "replace") + envelope.content
