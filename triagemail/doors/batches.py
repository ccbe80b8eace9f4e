"""Many recipients in one SMTP transaction: what `smtp.mode = "batch"` puts in the place of one mail a person.

Copies that have the same bytes and the same return path go together, all others one by one as ever. A recipient has the
mail when its own RCPT and the final dot both got 250 (trust.md S3); the codes of refused ones are those of their RCPT,
whatever becomes of DATA (libraries.md M12).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from triagemail.doors.copies import Copy, unfit
from triagemail.doors.link import one_line
from triagemail.doors.pipeline import DOWN, WANTED, Pipeline, refusal
from triagemail.doors.relay import Link, Relay
from triagemail.doors.smtp import Accepted, Lost, Outcome, Rejected, SmtpSettings

LARGEST = 500  # recipients of one transaction (Microsoft 365 takes no more)
SMALLEST = 100  # every relay must take so many (RFC 5321 4.5.3.1.8); one that does not says 452, and that is enough
FULL = 452  # "too many recipients" (RFC 5321 4.5.3.1.10), or a full mailbox: which of them, the next transaction shows
MAIL_LIMIT = 900.0  # seconds for one mail from MAIL to the answer to its final dot (trust.md S7)


class BatchPipeline(Pipeline):
    """One copy, or one group of equal copies, is on a connection; no envelope goes ahead with a body."""

    def __init__(self, *, pipelining: bool, size: bool = False, limit: int = 0) -> None:
        super().__init__(pipelining=pipelining, size=size, limit=limit)
        self.group: tuple[Copy, ...] = ()
        self.taken = 0  # recipients of the group whose RCPT got 250
        self.refused_last = 0  # of them that got 452 after the last that was taken
        self._late: list[Copy] = []  # for the next transaction
        self._unheard: deque[Copy] = deque()  # whose RCPT is not answered yet

    @property
    def ahead(self) -> bool:
        return False

    @property
    def asked_for(self) -> Copy | None:
        """One of a group whose envelope is not answered to its end."""
        return self._aboard[0] if self.group and self._aboard and self.stage != "end" else None

    def recall(self) -> None:
        """Nothing is behind another."""

    def offer_all(self, copies: Sequence[Copy]) -> None:
        """Says their envelope; only where `free`."""
        first = copies[0]
        if 0 < self.limit < first.size:
            text = f"the relay takes at most {self.limit} bytes, the mail has {first.size}"
            self.landed += [(copy, Rejected(552, text, "here")) for copy in copies]
            return
        self.group, self.taken, self.refused_last = tuple(copies), 0, 0
        self._aboard.extend(copies)
        self._unheard.extend(copies)
        size = f" SIZE={first.size}" if self.size else ""
        self._unsaid.append(("mail", first, f"MAIL FROM:<{first.mail_from}>{size}\r\n".encode("ascii")))
        self._unsaid.extend(("rcpt", copy, f"RCPT TO:<{copy.rcpt}>\r\n".encode("ascii")) for copy in copies)
        self._unsaid.append(("data", first, b"DATA\r\n"))
        self._go_on()

    def lost(self, text: str) -> None:
        """After the final dot it is open for all whose RCPT was taken. Before it nobody has the mail: the one that was
        being spoken of bears it, unless this is an old connection, and the others go over another one."""
        if not self.group:
            super().lost(text)
            return
        if self.ended:
            return
        self.ended = True
        stage = self.stage or "data"
        if self._body is not None:
            ambiguous = self.written >= self._dot_at
            self._land_all(Lost(text, ambiguous, "end"))
        elif self._aboard and not (self.carried or self.kept):
            self._land(self._unheard[0] if self._unheard else self._aboard[0], Lost(text, False, stage))
        self._return_all()

    # --- what the relay says ------------------------------------------------------------------------------------------

    def _heard(self, stage: str, copy: Copy) -> None:
        if self.group and stage == "rcpt":
            self._unheard.popleft()
            self.taken, self.refused_last = self.taken + 1, 0

    def _no(self, stage: str, copy: Copy, code: int, text: bytes) -> None:
        if not self.group:
            super()._no(stage, copy, code, text)
            return
        good = code // 100 == WANTED[stage]
        outcome = refusal(stage, code, one_line(text))
        if good and self._refused is not None and self._refused.stage == "mail":
            self._land_all(self._refused)  # it goes on after a refused MAIL: whose transaction is it?
            self.lost(one_line(text))
        elif code == DOWN or (isinstance(outcome, Lost) and not good):
            self._goes_down(stage, copy, outcome, text)
        elif stage == "rcpt":
            self._no_recipient(copy, code, outcome)
        else:
            self._no_mail(stage, outcome, good=good)

    def _goes_down(self, stage: str, copy: Copy, outcome: Outcome, text: bytes) -> None:
        """421: to one recipient it is an answer about that one, to DATA about all; to MAIL it ends the connection."""
        if stage == "data":
            self._land_all(outcome)
        elif stage == "rcpt" or not (self.carried or self.kept):
            self._unheard.remove(copy)
            self._land(copy, outcome)
        self.lost(one_line(text))

    def _no_recipient(self, copy: Copy, code: int, outcome: Outcome) -> None:
        self._unheard.popleft()
        if self._refused is not None:  # MAIL was refused: this is but one of the replies that follow
            return
        if code == FULL and self.taken:
            self.refused_last += 1
            self._late.append(copy)
            self._aboard.remove(copy)
        else:
            self._land(copy, outcome)
        if not self._aboard:  # nobody is left to get it
            self._refused = outcome
            if not self.pipelining:
                self._unsaid.clear()
                self._over(with_void=False)
        self._go_on()

    def _no_mail(self, stage: str, outcome: Outcome, *, good: bool) -> None:
        """MAIL or DATA refused, or DATA answered after every RCPT was."""
        if stage == "mail":
            self._refused = outcome
            if self.pipelining:  # the replies to the rest of the group still come
                return
            self._unsaid.clear()
        self._land_all(self._refused or outcome)
        self._over(with_void=good)

    def _over(self, *, with_void: bool) -> None:
        """The transaction came to no dot."""
        self._refused = None
        self._return_all()
        if with_void:  # DATA without a recipient is ended by a lone dot (RFC 2920 3.1)
            self._tell("void", b".\r\n")
        self._tell("rset", b"RSET\r\n")

    def _end(self, copy: Copy, code: int, text: bytes) -> None:
        if not self.group:
            super()._end(copy, code, text)
            return
        said = one_line(text.rstrip())
        self._body = None
        self._land_all(Accepted(code, said) if code // 100 == 2 else refusal("end", code, said))
        self._return_all()
        if code == DOWN or code // 100 not in (2, 4, 5):
            self.lost(said)

    # --- what became of them ------------------------------------------------------------------------------------------

    def _land_all(self, outcome: Outcome) -> None:
        for copy in tuple(self._aboard):
            self._land(copy, outcome)

    def _return_all(self) -> None:
        """Who was not answered, and whom this transaction had no room for, are the first of the next one."""
        left = {copy.key for copy in (*self._aboard, *self._late)}
        self.returned += [copy for copy in self.group if copy.key in left]
        self._aboard.clear()
        self._late.clear()
        self._unheard.clear()
        self.group = ()


class BatchRelay(Relay):
    """A relay that takes copies with the same bytes and the same return path in one transaction."""

    def __init__(self, settings: SmtpSettings, connections: int = 1) -> None:
        super().__init__(settings, connections, BatchPipeline)
        self.largest = LARGEST
        limit = MAIL_LIMIT - settings.timeout_body - settings.timeout_end
        self.envelope_limit = max(settings.timeout, limit)  # seconds

    def _load(self, link: Link, copy: Copy, hand: deque[Copy], now: float) -> None:
        together = [copy, *self._equal(copy, hand)]
        if len(together) == 1:
            super()._load(link, copy, hand, now)
            return
        self._begun.update((each.rcpt, now) for each in together)
        pipeline = link.pipeline
        assert isinstance(pipeline, BatchPipeline)
        pipeline.offer_all(together)

    def _equal(self, first: Copy, hand: deque[Copy]) -> list[Copy]:
        """Those in hand that may go with it; what is not fit to be sent stays, and lands when its turn comes."""
        found: list[Copy] = []
        seen = {first.rcpt, *self._begun}
        for copy in hand:
            same = copy.shared is first.shared and copy.mail_from == first.mail_from and copy.block == first.block
            if same and copy.rcpt not in seen and unfit(copy) is None and len(found) < self.largest - 1:
                found.append(copy)
                seen.add(copy.rcpt)
        gone = {copy.key for copy in found}
        left = [copy for copy in hand if copy.key not in gone]
        hand.clear()
        hand.extend(left)
        return found

    def _watch(self, link: Link, hand: deque[Copy], now: float) -> None:
        super()._watch(link, hand, now)
        pipeline = link.pipeline
        assert isinstance(pipeline, BatchPipeline)
        if pipeline.stage == "end" and pipeline.refused_last > 1:  # it has no room for so many
            self.largest = min(self.largest, max(SMALLEST, pipeline.taken))
        asked_for = pipeline.asked_for
        if asked_for is not None and now - self._begun.get(asked_for.rcpt, now) > self.envelope_limit:
            self.largest = max(1, len(pipeline.group) // 2)
            pipeline.lost("the envelope takes too long")
