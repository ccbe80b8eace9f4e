"""The sender: claims deliveries, hands them to the relay, and commits each round of results before the next bodies go
out (T3)."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from triagemail.clock import Clock
from triagemail.doors.copies import Copy, Shared, share
from triagemail.doors.relay import Landed, Relay
from triagemail.doors.smtp import Accepted, Deferred, Lost, Outcome, Rejected, RelayDown
from triagemail.failpoints import step
from triagemail.log import lines
from triagemail.mail.tokens import Keyring
from triagemail.notices import Notices
from triagemail.outbox import Personal
from triagemail.process.model import Policy
from triagemail.store import audience, claims
from triagemail.store.claims import Due, Result
from triagemail.store.engines import STORE_FAULTS
from triagemail.store.store import Store

LARGEST, FIRST = 500, 20  # deliveries claimed at once; so many while the rate is not known
CLAIMED_FOR = 2.0  # seconds of work that are claimed, so that a P0 or a goodbye waits no longer
TOO_OLD = 3.0  # seconds after which what is claimed and not begun goes back (trust.md U6)
EVERY_RANK, P0_RANK = 9, 0
LOOK = 0.05  # seconds that the relay is waited for before new deliveries are looked for
KEPT_MAILS = 8  # composed mails kept in memory; a broadcast's bytes are read once, not per reader
GIVE_UP = timedelta(days=5)  # RFC 5321 4.5.4.1
URGENT_FOR = timedelta(hours=1)  # P0 and P1 are retried every minute for the first hour (trust.md S1)
MINUTE = timedelta(minutes=1)
LONGEST_WAIT = timedelta(minutes=66)
GREY = (450, 451)  # to RCPT: "come back in five minutes", as a relay says that greylists (trust.md S5)
AFTER_GREY = timedelta(minutes=6)  # so that it is more than five with the jitter
LATE = {"data": " (in reply to DATA command)", "end": " (in reply to end of DATA)"}  # it is about the mail (dsn.py)
AFTER_ALL_ELSE = 3  # the rank of a timer that nobody waits for


@dataclass(frozen=True, slots=True)
class _Ready:
    """A composed mail and what is made once for all its copies."""

    mail: claims.Mail
    shared: Shared
    personal: Personal


@dataclass(slots=True)
class Pace:
    """What a relay permits: at most `limit` mails in any `span` (trust.md S6). A fifth of it is kept for P0. Of `share`
    processes that send over it each takes its part."""

    limit: int
    span: timedelta
    ended: deque[datetime] | None = None  # of the mails of the last `span`; None: not known yet, after a start
    share: Callable[[], int] = lambda: 1

    def room(self, now: datetime, *, urgent: bool) -> int:
        share = max(1, self.share())
        limit = max(1, self.limit // share)
        span = self.span * -(-share // self.limit)  # more of them than mails: each one mail in several spans
        ended = self.ended or deque()
        while ended and not now - span < ended[0] <= now:  # old, or from before the clock was set back
            ended.popleft()
        return max(0, limit - len(ended) - (0 if urgent else limit // 5))


@dataclass(slots=True)
class Sender:
    store: Store
    relay: Relay
    keyring: Keyring
    policy: Policy
    clock: Clock
    notices: Notices
    holder: str = "main"
    pace: Pace | None = None
    batch: bool = False  # a broadcast goes to many readers in one transaction
    chance: random.Random = field(default_factory=random.Random)
    present: Callable[[], bool] = lambda: True  # whether the others know that we are there; else nothing is sent
    unsure: bool = False  # the store failed: deliveries may be ours that we know nothing of
    stopping: threading.Event = field(default_factory=threading.Event)
    hand: deque[Copy] = field(default_factory=deque)  # claimed and not begun
    dues: dict[int, Due] = field(default_factory=dict)  # claimed and without a committed result
    landed: list[Landed] = field(default_factory=list)  # with a result that is not committed
    mails: OrderedDict[int, _Ready] = field(default_factory=OrderedDict)
    about: OrderedDict[int, claims.Mail] = field(default_factory=OrderedDict)  # those on their way, without their bytes
    claimed_at: float = 0.0
    more: bool = False  # the last claim took all that it asked for: others may wait behind them
    rate: float = FIRST / CLAIMED_FOR  # deliveries a second

    def send_once(self) -> bool:
        """Expand a slice of a broadcast if one waits, then send up to a batch. False when there was nothing to do.

        A mail that a slow relay does not answer is left on its connection and looked at in the next call. Raises
        RelayDown when there is no connection to be had; what was claimed is queued again, untouched.
        """
        try:
            return self._once()
        except STORE_FAULTS:  # a claim may be ours unseen, and results that did not wait for the disk may be gone
            self.unsure = True
            raise

    def close(self) -> None:
        """At the end of its thread, once `stopping` is set: the mails on their way are finished (trust.md O5)."""
        try:
            with contextlib.suppress(RelayDown, *STORE_FAULTS):
                self._note()
                self._send()
        finally:
            self.relay.close()

    def _once(self) -> bool:
        self._note()  # what a failing store did not take
        held = not self.hand and claims.sending_held(self.store) is not None
        expanded = not held and audience.expand(self.store)
        if expanded:
            step("after_expand")
        self.more = False
        if not self.hand and not held:
            self._claim()
        if not self.hand and not self.relay.busy:
            self.relay.turn(self.hand, 0)  # idle connections end
            return not held and (claims.free_expired(self.store, self.clock.now()) or expanded)
        self.store.durable(False)
        try:
            self._send()
        finally:
            self.store.durable(True)
        return True

    def _permitted(self, now: datetime) -> tuple[int, int]:
        """(how many more mails, of which rank at most) the relay permits now, with what is on its way counted."""
        if self.pace is None:
            return LARGEST, EVERY_RANK
        if self.pace.ended is None:
            self.pace.ended = deque(claims.ended_since(self.store, now - self.pace.span, together=self.relay.largest))
        on_its_way = self._mails(due.outgoing for due in self.dues.values())
        if (room := self.pace.room(now, urgent=False) - on_its_way) > 0:
            return room, EVERY_RANK
        return self.pace.room(now, urgent=True) - on_its_way, P0_RANK

    def _mails(self, names: Iterable[object]) -> int:
        """How many mails so many copies are to the relay: those of one name (a batch has one return path) go together,
        as many as it has room for."""
        return sum(-(-copies // self.relay.largest) for copies in Counter(names).values())

    def _claim(self) -> None:
        limit = min(LARGEST, max(self.relay.connections, int(self.rate * CLAIMED_FOR)))
        now = self.clock.now()
        room, least = self._permitted(now)
        limit = min(limit, room)
        if limit <= 0 or not self.present():
            return
        if self.unsure and not self.dues:
            claims.free_own(self.store, self.holder)
            self.unsure = False
        busy = {due.person for due in self.dues.values()}  # a relay that hangs with one of theirs holds up nobody else
        together = claims.next_batch(self.store, now, self.holder, least, busy) if self.batch else None
        if together:  # many recipients are one mail to the relay
            limit = min(LARGEST, room * self.relay.largest)
        left = deque(claims.claim_deliveries(self.store, now, self.holder, limit, least, together, busy))
        self.claimed_at = time.monotonic()
        self.more = len(left) == limit and not self.unsure
        if left:
            step("after_send_claim")
        try:
            while left:
                due = left.popleft()
                mail = self._mail(due.outgoing)
                sender, block = mail.personal.together() if together else mail.personal(due)
                self.hand.append(Copy(due.delivery, sender, due.address, block, mail.shared))
                self.dues[due.delivery] = due
        finally:
            if left:  # the one that could not be made waits for its lease to run out; it is no fault of the others
                self._unclaim([due.delivery for due in left])

    def _send(self) -> None:
        """Round after round until the hand is empty and the next claim may go out behind what is on its way, or nothing
        of that is answered soon. When stopped, the mails on their way are finished and no more (trust.md O5)."""
        ended = 0
        while self.hand or self.relay.busy:
            if self.stopping.is_set() or time.monotonic() - self.claimed_at > TOO_OLD:
                self._give_back()
            try:
                self.landed += self.relay.turn(self.hand, LOOK)
            except RelayDown:
                self._give_back()
                raise
            ended += len(self.landed)
            over = self.more or not self.landed
            self._note()
            if over and not self.hand and not self.stopping.is_set():
                break
        self.rate = ended / max(0.001, time.monotonic() - self.claimed_at)

    def _note(self) -> None:
        """The results of a round in one commit."""
        if not self.landed:
            return
        now = self.clock.now()
        results = []
        for copy, outcome, _ in self.landed:
            step("after_250")
            due = self.dues[copy.key]
            state, reply, retry_at = verdict(outcome, due, self._about(due.outgoing).rank, now, self.chance)
            ambiguous = isinstance(outcome, Lost) and outcome.ambiguous
            results.append(Result(due.delivery, state, reply, retry_at, ambiguous))
        claims.record(self.store, results, now, self._refused())
        if self.pace is not None and self.pace.ended is not None:
            mails = self._mails(copy.mail_from or copy.key for copy, _, _ in self.landed)
            self.pace.ended.extend([now] * mails)
        landed, self.landed = self.landed, []
        dues = [self.dues.pop(result.delivery) for result in results]
        lines("sender", "delivery", map(self._line, landed, dues, results))
        told: dict[tuple[str, str], bool] = {}  # what the operator is told, each once
        for due, (_, outcome, _), result in zip(dues, landed, results, strict=True):
            if result.retry_at is None and self._about(due.outgoing).detail:
                with self.store.statement():  # only the hash of a confirmation's secret is kept
                    claims.forget_detail(self.store, due.outgoing)
            if isinstance(outcome, Rejected) and outcome.stage in ("mail", "here"):
                told["the relay refuses our own address or mail", result.reply] = True
            elif result.state == "expired":
                told["a mail was given up after five days", f"{due.address}: {result.reply}"] = True
            step("after_record_commit")
        for cause, text in told:
            self.notices.tell(cause, text)

    def _line(self, landed: Landed, due: Due, result: Result) -> dict[str, str | int | float]:
        mail = self._about(due.outgoing)
        return {
            "outgoing": due.outgoing, "template": mail.template, "issue": mail.issue, "attempt": due.attempts,
            "outcome": result.state, "reply": landed.outcome.text, "seconds": round(landed.seconds, 4),
        }  # fmt: skip

    def _refused(self) -> dict[int, int]:
        """Whom the relay refused for good, and how soon the worker is to look at it: at once where somebody is needed.
        A fault of our own address or mail is no fault of theirs."""
        urgent = (*self.policy.triagers, *self.policy.authority)
        dues = [self.dues[copy.key] for copy, outcome, _ in self.landed if _is_refusal(outcome)]
        return {due.person: 0 if due.address in urgent else AFTER_ALL_ELSE for due in dues}

    def _give_back(self) -> None:
        """What is claimed and not begun is queued again, untouched."""
        self._unclaim([copy.key for copy in self.hand])
        for copy in self.hand:
            del self.dues[copy.key]
        self.hand.clear()

    def _unclaim(self, deliveries: Sequence[int]) -> None:
        if deliveries:
            with self.store.transaction():
                claims.unclaim(self.store, deliveries, self.holder)

    def _mail(self, outgoing: int) -> _Ready:
        found = self.mails.get(outgoing)
        if found is None:
            mail = claims.mail(self.store, outgoing)
            shared = share(mail.head + b"\r\n" + mail.body)
            found = self.mails[outgoing] = _Ready(mail, shared, Personal(mail, self.keyring, self.policy))
            if len(self.mails) > KEPT_MAILS:
                self.mails.popitem(last=False)
            self.about[outgoing] = replace(mail, head=b"", body=b"")
            if len(self.about) > 2 * LARGEST:
                self.about.popitem(last=False)
        return found

    def _about(self, outgoing: int) -> claims.Mail:
        """What is known of a mail whose bytes may have left the memory since they were handed over."""
        return self.about.get(outgoing) or self._mail(outgoing).mail


def _is_refusal(outcome: Outcome) -> bool:
    """5xx of the relay about the recipient or the mail."""
    return isinstance(outcome, Rejected) and outcome.stage not in ("mail", "here")


def verdict(
    outcome: Outcome, due: Due, rank: int, now: datetime, chance: random.Random
) -> tuple[str, str, datetime | None]:
    """(state, the relay's words, when to try again) of one delivery attempt: Postfix's outcomes."""
    match outcome:
        case Accepted(code, text):
            return "sent", f"{code} {text}", None
        case Rejected(code, text, stage) if stage != "mail":
            return "bounced", f"{code} {text}{LATE.get(stage, '')}", None
        case Rejected(code, text):
            # 5xx to MAIL FROM is about our own address: no fault of the recipient, and mended by a person
            reply = f"{code} {text}"
        case Deferred(code, text):
            reply = f"{code} {text}"
        case Lost(text):
            reply = text
    if now - due.created_at > GIVE_UP:
        return "expired", reply, None
    grey = isinstance(outcome, Deferred) and outcome.stage == "rcpt" and outcome.code in GREY
    return "deferred", reply, now + pause(due.attempts, rank, now - due.created_at, chance, grey=grey)


def pause(attempts: int, rank: int, age: timedelta, chance: random.Random, *, grey: bool = False) -> timedelta:
    """1, 2, 4 … 66 minutes with jitter, 6 at least where the relay may be greylisting; what is about a P0 or P1 every
    minute for its first hour."""
    wait = min(MINUTE * int(2 ** min(attempts - 1, 10)), LONGEST_WAIT)
    wait = max(wait, AFTER_GREY) if grey else wait
    if rank <= 1 and age < URGENT_FOR:
        wait = MINUTE
    return wait * chance.uniform(0.85, 1.0)
