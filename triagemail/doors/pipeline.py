"""One SMTP connection after its greeting: replies go in, outcomes and bytes come out. No socket and no clock in here.

What is said to a relay that takes groups of commands (RFC 2920):

    MAIL RCPT DATA               250 250 354
    mail 1 .  MAIL RCPT DATA     250            mail 1 is taken;  250 250 354
    mail 2 .  MAIL RCPT DATA     …

That is one round trip a mail. To a relay that takes no groups the same is said step by step. The bytes of a mail go out
only after `release()`: by it the caller says that the result of the one before is committed, so a kill -9 doubles at
most one mail a connection.
"""

from __future__ import annotations

from collections import deque

from triagemail.doors.copies import Copy
from triagemail.doors.link import one_line
from triagemail.doors.smtp import REPLY_BYTES, Accepted, Deferred, Lost, Outcome, Rejected

NEEDS_AUTH = (530, 534, 535, 538)  # RFC 4954 6: about our login, so no fault of the recipient
WANTED = {"mail": 2, "rcpt": 2, "data": 3}  # the first digit with which a transaction goes on
DOWN = 421  # "closing transmission channel", the answer to any command (RFC 5321 4.2.1)


class Pipeline:
    """At most two copies are on a connection: one whose body is out, and one whose envelope went along with it.

    `landed` are copies with their outcomes; `returned` are those of which nothing but the envelope was said, to be
    carried by another connection. The caller empties both, writes what `take()` gives, counts in `written` what the
    socket took, and closes the socket when `ended`.
    """

    def __init__(self, *, pipelining: bool, size: bool = False, limit: int = 0) -> None:
        self.pipelining, self.size, self.limit = pipelining, size, limit
        self.landed: list[tuple[Copy, Outcome]] = []
        self.returned: list[Copy] = []
        self.ended = False
        self.carried = 0  # copies that came to an end here
        self.kept = False  # it stood open without a mail: what ends it then is not about the next one
        self.replies = 0  # read to their end
        self.written = 0  # bytes
        self.out: list[bytes] = []  # to be written
        self._said = 0  # bytes, of which `written` have left
        self._dot_at = 0  # where in them the last final dot ends
        self._aboard: deque[Copy] = deque()
        self._ready: Copy | None = None  # the one aboard whose body the relay waits for
        self._body: Copy | None = None  # the one aboard whose body was said
        self._waits: deque[tuple[str, Copy | None]] = deque()  # what the next replies are about, in their order
        self._unsaid: deque[tuple[str, Copy | None, bytes]] = deque()  # what a relay without PIPELINING is told later
        self._held = False  # an outcome was given that is not committed yet
        self._refused: Outcome | None = None  # of an envelope whose other replies still come
        self._last = False  # nothing more goes over this connection
        self._unread = b""
        self._lines: list[bytes] = []  # of a reply that goes on

    # --- what the caller does -----------------------------------------------------------------------------------------

    @property
    def free(self) -> bool:
        """It carries nothing, and takes a copy."""
        return not self._aboard and not self._last and not self.ended

    @property
    def ahead(self) -> bool:
        """The body of the one copy on it is out: it takes the envelope of the next."""
        return self.pipelining and len(self._aboard) == 1 and self.stage == "end" and not self._last

    @property
    def stage(self) -> str:
        """What the next reply is about: mail, rcpt, data, end, rset, void (a lone dot), quit; "" when none is due."""
        return self._waits[0][0] if self._waits else ""

    @property
    def busy(self) -> bool:
        return bool(self._aboard)

    def offer(self, copy: Copy) -> None:
        """Says its envelope; only where `free` or `ahead`."""
        if 0 < self.limit < copy.size:
            text = f"the relay takes at most {self.limit} bytes, the mail has {copy.size}"
            self.landed.append((copy, Rejected(552, text, "here")))
            return
        self._aboard.append(copy)
        size = f" SIZE={copy.size}" if self.size else ""
        mail, rcpt = f"MAIL FROM:<{copy.mail_from}>{size}\r\n", f"RCPT TO:<{copy.rcpt}>\r\n"
        if self.pipelining:
            self._say(f"{mail}{rcpt}DATA\r\n".encode("ascii"))
            self._waits += (("mail", copy), ("rcpt", copy), ("data", copy))
        else:
            self._unsaid += (("mail", copy, mail.encode()), ("rcpt", copy, rcpt.encode()), ("data", copy, b"DATA\r\n"))
            self._go_on()

    def release(self) -> None:
        """All outcomes that were given are committed: the next body may go."""
        self._held = False
        self._send_body()

    def take(self) -> bytes:
        octets = b"".join(self.out)
        self.out.clear()
        return octets

    def received(self, octets: bytes) -> None:
        lines = (self._unread + octets).split(b"\n")
        self._unread = lines.pop()
        for line in lines:
            if self.ended:
                return
            number = line[:3]
            if line[3:4] == b"-" and number.isdigit():
                self._lines.append(line[4:])
            else:
                self._reply(int(number) if number.isdigit() else -1, line[4:])
        if len(self._unread) + sum(map(len, self._lines)) > REPLY_BYTES:
            self.lost("the reply does not end")

    def recall(self) -> Copy | None:
        """The copy behind one that hangs, for another connection. This one takes no more: DATA may be open for it."""
        if len(self._aboard) < 2:
            return None
        behind = self._aboard.pop()
        self._waits = deque(wait for wait in self._waits if wait[1] is not behind)
        self._last = True
        return behind

    def quit(self) -> None:
        self._last = True
        self._say(b"QUIT\r\n")
        self._waits.append(("quit", None))

    def lost(self, text: str) -> None:
        """The connection is gone or of no use: each copy on it gets its outcome. It is open whether the relay has a
        mail only once its final dot is out (RFC 1047)."""
        if self.ended:
            return
        self.ended = True
        while self._aboard:
            copy = self._aboard[0]
            if copy is self._body:
                self._land(copy, Lost(text, self.written >= self._dot_at, "end"))
            else:
                stages = [stage for stage, whose in self._waits if whose is copy]
                stages += [stage for stage, whose, _ in self._unsaid if whose is copy]
                self._give_back(copy, Lost(text, False, stages[0] if stages else "data"))

    # --- what the relay says ------------------------------------------------------------------------------------------

    def _reply(self, code: int, text: bytes) -> None:
        self.replies += 1
        if self._lines:
            text = b"\n".join([*self._lines, text])
            self._lines.clear()
        if not self._waits:  # nothing was asked: it goes down, or is out of step with us
            self.lost(f"{code} {one_line(text)}")
            return
        stage, copy = self._waits.popleft()
        if copy is None:
            self._aside(stage, code, text)
        elif stage == "end":
            self._end(copy, code, text)
        elif self._refused is not None or code // 100 != WANTED[stage]:
            self._no(stage, copy, code, text)
        elif stage == "data":
            self._ready = copy
            self._send_body()
        else:
            self._heard(stage, copy)
            if self._unsaid:
                self._go_on()

    def _heard(self, stage: str, copy: Copy) -> None:
        """MAIL or RCPT was taken."""

    def _no(self, stage: str, copy: Copy, code: int, text: bytes) -> None:
        """A refusal of the envelope, or one more reply to the group in which it was refused."""
        good = code // 100 == WANTED[stage]
        first = self._refused
        outcome = first or refusal(stage, code, one_line(text))
        if code == DOWN or isinstance(outcome, Lost) or (good and first is not None and first.stage != "rcpt"):
            # The last: it takes DATA after a refused MAIL, so it has a transaction open that we do not know of.
            self._go_down(copy, outcome, text)
            return
        self._refused = outcome
        self._unsaid.clear()
        if stage == "data" or not self.pipelining:  # the last reply to this envelope
            self._refused = None
            self._land(copy, outcome)
            if good:  # DATA without a recipient is ended by a lone dot (RFC 2920 3.1)
                self._tell("void", b".\r\n")
            self._tell("rset", b"RSET\r\n")

    def _go_down(self, copy: Copy, outcome: Outcome, text: bytes) -> None:
        if outcome.stage == "mail":  # it ends a connection that it had kept (RFC 5321 3.8): that is not about this mail
            self._give_back(copy, outcome)
        else:
            self._land(copy, outcome)
        self.lost(one_line(text))

    def _end(self, copy: Copy, code: int, text: bytes) -> None:
        """The reply to the final dot; 421 there is a clear no (RFC 5321 4.2.1), only a missing reply is ambiguous."""
        said = one_line(text.rstrip())
        self._body = None
        self._land(copy, Accepted(code, said) if code // 100 == 2 else refusal("end", code, said))
        if code == DOWN or code // 100 not in (2, 4, 5):
            self.lost(said)
        elif self._last:
            self.ended = True

    def _aside(self, stage: str, code: int, text: bytes) -> None:
        """The reply to what was said for no mail's sake: a lone dot, RSET, QUIT."""
        if stage == "quit":
            self.ended = True
        elif code == DOWN or (stage == "rset" and code // 100 != 2):  # in doubt about its state it is left
            self.lost(f"{code} {one_line(text)}")
        else:
            self._go_on()

    # --- what is said to it -------------------------------------------------------------------------------------------

    def _say(self, octets: bytes) -> None:
        self.out.append(octets)
        self._said += len(octets)

    def _tell(self, stage: str, line: bytes) -> None:
        self._unsaid.append((stage, None, line))
        self._go_on()

    def _go_on(self) -> None:
        """Says what is left to say, without PIPELINING one command at a time."""
        while self._unsaid and (self.pipelining or not self._waits):
            stage, copy, line = self._unsaid.popleft()
            self._say(line)
            self._waits.append((stage, copy))

    def _send_body(self) -> None:
        copy = self._ready
        if copy is None or self._held or self.ended:
            return
        self._ready, self._body = None, copy
        self._say(copy.block + copy.shared.wire)
        self._dot_at = self._said
        self._waits.append(("end", copy))

    # --- what became of it --------------------------------------------------------------------------------------------

    def _land(self, copy: Copy, outcome: Outcome) -> None:
        self._aboard.remove(copy)
        self.landed.append((copy, outcome))
        self.carried += 1
        self._held = True

    def _give_back(self, copy: Copy, outcome: Outcome) -> None:
        """Not late, but to be tried over another connection; on a fresh one it is the relay's answer to this mail."""
        if not (self.carried or self.kept):
            self._land(copy, outcome)
            return
        self._aboard.remove(copy)
        self.returned.append(copy)


def refusal(stage: str, code: int, text: str) -> Outcome:
    if code // 100 == 4 or code in NEEDS_AUTH:
        return Deferred(code, text, stage)
    if code // 100 == 5:
        return Rejected(code, text, stage)
    what = "the mail" if stage == "end" else stage.upper()
    return Lost(f"{code} is no answer to {what}: {text}", stage == "end", stage)
