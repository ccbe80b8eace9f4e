"""The sender: claims deliveries, hands them to the relay one by one, and notes each result before the next goes out
(T3)."""

from __future__ import annotations

import random
import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from triagemail import outbox
from triagemail.clock import Clock
from triagemail.doors.smtp import Accepted, Deferred, Lost, Outcome, Rejected, Relay, RelayDown
from triagemail.failpoints import step
from triagemail.log import logger
from triagemail.mail.tokens import Keyring
from triagemail.notices import Notices
from triagemail.process.model import Policy
from triagemail.store import audience, claims
from triagemail.store.claims import Due
from triagemail.store.store import Store

BATCH = 100
KEPT_MAILS = 8  # composed mails kept in memory; a broadcast's bytes are read once, not per reader
GIVE_UP = timedelta(days=5)  # RFC 5321 4.5.4.1
URGENT_FOR = timedelta(hours=1)  # P0 and P1 are retried every minute for the first hour (trust.md S1)
MINUTE = timedelta(minutes=1)
LONGEST_WAIT = timedelta(minutes=66)


@dataclass(slots=True)
class Sender:
    store: Store
    relay: Relay
    keyring: Keyring
    policy: Policy
    clock: Clock
    notices: Notices
    holder: str = "main"
    chance: random.Random = field(default_factory=random.Random)
    stopping: threading.Event = field(default_factory=threading.Event)
    mails: OrderedDict[int, claims.Mail] = field(default_factory=OrderedDict)

    def send_once(self) -> bool:
        """Expand a slice of a broadcast if one waits, then send up to a batch. False when there was nothing to do.

        Raises RelayDown when there is no connection to be had; what was claimed is queued again, untouched.
        """
        expanded = audience.expand(self.store)
        if expanded:
            step("after_expand")
        batch = claims.claim_deliveries(self.store, self.clock.now(), self.holder, BATCH)
        if not batch:
            return claims.free_expired(self.store, self.clock.now()) or expanded
        step("after_send_claim")
        self._send(deque(batch))
        return True

    def _send(self, left: deque[Due]) -> None:
        """One after the other; when stopped, or when the relay is gone, the rest goes back into the queue at once."""
        self.store.durable(False)
        try:
            while left and not self.stopping.is_set():  # finish the mail in hand, no more (trust.md O5)
                self._deliver(left[0])
                left.popleft()
        except RelayDown:
            raise
        except BaseException:  # whatever else it was, this one may have been sent: its lease runs out
            left.popleft()
            raise
        finally:
            if left:
                with self.store.transaction():
                    claims.unclaim(self.store, [due.delivery for due in left])
            self.store.durable(True)

    def _deliver(self, due: Due) -> None:
        started = time.monotonic()
        mail = self._mail(due.outgoing)
        sender, block = outbox.personal(mail, due, self.keyring, self.policy)
        outcome = self.relay.send(sender, due.address, block + mail.head + b"\r\n" + mail.body)
        step("after_250")
        state = self._record(due, mail, outcome)
        if isinstance(outcome, Rejected) and outcome.stage in ("mail", "here"):
            self.notices.tell("the relay refuses our own address or mail", f"{outcome.code} {outcome.text}")
        step("after_record_commit")
        logger("sender").info(
            "delivery", outgoing=due.outgoing, template=mail.template, issue=mail.issue, attempt=due.attempts,
            outcome=state,
            reply=outcome.text, seconds=round(time.monotonic() - started, 4),
        )  # fmt: skip

    def _record(self, due: Due, mail: claims.Mail, outcome: Outcome) -> str:
        now = self.clock.now()
        state, reply, retry_at = verdict(outcome, due, mail.rank, now, self.chance)
        ambiguous = isinstance(outcome, Lost) and outcome.ambiguous
        with self.store.statement():
            claims.record(self.store, due.delivery, state, reply, now, retry_at=retry_at, ambiguous=ambiguous)
        if mail.detail and retry_at is None:  # only the hash of a confirmation's secret is kept
            with self.store.statement():
                claims.forget_detail(self.store, due.outgoing)
        return state

    def _mail(self, outgoing: int) -> claims.Mail:
        found = self.mails.get(outgoing)
        if found is None:
            found = self.mails[outgoing] = claims.mail(self.store, outgoing)
            if len(self.mails) > KEPT_MAILS:
                self.mails.popitem(last=False)
        return found


def verdict(
    outcome: Outcome, due: Due, rank: int, now: datetime, chance: random.Random
) -> tuple[str, str, datetime | None]:
    """(state, the relay's words, when to try again) of one delivery attempt: Postfix's outcomes."""
    match outcome:
        case Accepted(code, text):
            return "sent", f"{code} {text}", None
        case Rejected(code, text, stage) if stage != "mail":
            return "bounced", f"{code} {text}", None
        case Rejected(code, text):
            # 5xx to MAIL FROM is about our own address: no fault of the recipient, and mended by a person
            reply = f"{code} {text}"
        case Deferred(code, text):
            reply = f"{code} {text}"
        case Lost(text):
            reply = text
    if now - due.created_at > GIVE_UP:
        return "expired", reply, None
    return "deferred", reply, now + pause(due.attempts, rank, now - due.created_at, chance)


def pause(attempts: int, rank: int, age: timedelta, chance: random.Random) -> timedelta:
    """1, 2, 4 … 66 minutes with jitter; what is about a P0 or P1 every minute for its first hour."""
    wait = min(MINUTE * int(2 ** min(attempts - 1, 10)), LONGEST_WAIT)
    if rank <= 1 and age < URGENT_FOR:
        wait = MINUTE
    return wait * chance.uniform(0.85, 1.0)
