"""The relay that carries our mails out, over several pipelined connections in one thread.

A slow connection holds up nothing but the one mail that it carries. The state of each is a Pipeline; here are the
sockets, the clock and the question of how many connections there should be.
"""

from __future__ import annotations

import contextlib
import selectors
import ssl
import threading
import time
from collections import deque
from typing import NamedTuple

from triagemail.doors.copies import Copy, unfit
from triagemail.doors.link import one_line
from triagemail.doors.pipeline import DOWN, Pipeline
from triagemail.doors.smtp import Connection, Lost, Outcome, RelayDown, SmtpSettings, connect

QUICK = 1.0  # seconds: a connection that answers sooner is given the next envelope together with a body
HANGS = 2.0  # seconds without a word, after which the copy behind goes over another connection
KEPT = 0.1  # seconds after which a connection without a mail may have been ended by the relay meanwhile
IDLE = 10.0  # seconds that a connection is kept without a mail
ALONE = 60.0  # seconds for which no further connection is tried after one failed
BYE = 2.0  # seconds that a relay has to answer QUIT
ARRIVAL = 0.02  # seconds until a connection that was opened beside is looked for
NEVER = float("inf")
LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Landed(NamedTuple):
    """What became of one copy; `seconds` since its envelope was said."""

    copy: Copy
    outcome: Outcome
    seconds: float


class Link:
    """One connection: its socket, its pipeline, and since when it has not moved."""

    __slots__ = ("due", "left", "made_at", "pipeline", "quick", "since", "sock", "state", "useful", "writing")

    def __init__(self, made: Connection, pipeline: type[Pipeline]) -> None:
        self.sock = made.sock
        self.pipeline = pipeline(pipelining=made.pipelining, size=made.size, limit=made.limit)
        self.left = memoryview(b"")  # taken from the pipeline and not by the socket
        self.quick = self.useful = False
        self.writing = False  # the selector tells when the socket takes more
        self.made_at = made.made_at
        self.state: tuple[int, str, bool] | None = None
        self.since = 0.0
        self.due = NEVER  # when it is given up

    def write(self) -> None:
        """As much as the socket takes."""
        try:
            while self.left or self.pipeline.out:
                self.left = self.left or memoryview(self.pipeline.take())
                sent = self.sock.send(self.left)
                self.pipeline.written += sent
                self.left = self.left[sent:]
        except LATER:
            return
        except OSError as error:
            self.pipeline.lost(_words(error))

    def read(self) -> None:
        while self._read_some():
            pass

    def _read_some(self) -> bool:
        """True when there is more that no event of the socket will tell: TLS has decrypted it already."""
        try:
            octets = self.sock.recv(65536)
        except LATER:
            return False
        except OSError as error:
            self.pipeline.lost(_words(error))
            return False
        if not octets:
            self.pipeline.lost("the relay closed the connection")
            return False
        self.pipeline.received(octets)
        return isinstance(self.sock, ssl.SSLSocket) and self.sock.pending() > 0


class Relay:
    """At most `connections` connections, kept over many mails; use it from one thread.

    The first one is opened when there is a mail, more only while mails wait; each of those in a thread of its own, so
    that a relay which lets nobody else in keeps no mail waiting.
    """

    def __init__(self, settings: SmtpSettings, connections: int = 1, pipeline: type[Pipeline] = Pipeline) -> None:
        self.settings, self.connections, self.pipeline = settings, connections, pipeline
        self.largest = 1  # copies that go in one transaction
        self._limits = {  # seconds for a reply; together at most 15 minutes a mail with the defaults (trust.md S7)
            **dict.fromkeys(("mail", "rcpt", "data", "rset"), settings.timeout),
            **dict.fromkeys(("end", "void"), settings.timeout_end),
            "quit": BYE,
            "": NEVER,
        }
        self._links: list[Link] = []
        self._selector = selectors.PollSelector()
        self._opening = 0
        self._arrivals: deque[Connection | RelayDown] = deque()
        self._alone_until = 0.0
        self._barren = 0  # connections in a row that ended before they had taken anything
        self._begun: dict[str, float] = {}  # recipient -> when; one mail to a person at a time keeps their order
        self._landed: list[Landed] = []

    @property
    def connected(self) -> bool:
        return bool(self._links)

    @property
    def busy(self) -> bool:
        """Copies are on their way."""
        return bool(self._begun or self._landed)

    def connect(self) -> None:
        """Opens a connection now, if there is none. Raises RelayDown."""
        if self._links:
            return
        if self._barren > 2 * self.connections:
            self._barren = 0
            raise RelayDown("the relay ends every connection before it has taken a mail", 421)
        self._add(connect(self.settings))

    def turn(self, hand: deque[Copy], seconds: float) -> list[Landed]:
        """Takes copies from `hand`, reads and writes for at most `seconds`; returns what came to an end, or [].

        To call it says that all it returned before is committed. A copy of which nothing was sent may come back to the
        front of `hand`. Raises RelayDown when there is no connection to be had; what is in `hand` was not tried.
        """
        now = time.monotonic()
        self._welcome(now)
        for link in self._links:
            link.pipeline.release()
        self._feed(hand, now)
        self._exchange(0 if self._landed or not self._awaits() else seconds, now)
        self._settle(hand, time.monotonic())
        landed, self._landed = self._landed, []
        return landed

    def close(self) -> None:
        """Says QUIT where no mail is on its way; never raises."""
        arrivals, self._arrivals, self._opening = self._arrivals, deque(), 0
        _discard(arrivals)
        for link in self._links:
            if link.pipeline.free:
                link.pipeline.quit()
            else:
                link.pipeline.lost("closed")
        ends = time.monotonic() + BYE
        while (now := time.monotonic()) < ends and not all(link.pipeline.ended for link in self._links):
            self._exchange(ends - now, now)
        for link in self._links[:]:
            self._drop(link)
        self._begun.clear()
        self._landed.clear()

    # --- mails onto connections ---------------------------------------------------------------------------------------

    def _feed(self, hand: deque[Copy], now: float) -> None:
        if hand and not self._links and not self._opening:
            first = self._next(hand)
            if first is None:
                return
            hand.appendleft(first)
            if self._landed:  # what was refused here is told first: to connect may raise
                return
            self.connect()
        for link in self._links:
            pipeline = link.pipeline
            if pipeline.free or (link.quick and pipeline.ahead):
                copy = self._next(hand)
                if copy is None:
                    return
                pipeline.kept = pipeline.free and now - link.made_at > KEPT
                self._load(link, copy, hand, now)
        self._widen(len(hand), now)

    def _load(self, link: Link, copy: Copy, hand: deque[Copy], now: float) -> None:
        self._begun[copy.rcpt] = now
        link.pipeline.offer(copy)

    def _widen(self, waiting: int, now: float) -> None:
        """One more connection, where mails wait and every one that there is carries some."""
        if waiting <= self._opening or len(self._links) + self._opening >= self.connections or now < self._alone_until:
            return
        if self._links and not any(link.pipeline.free for link in self._links):
            self._opening += 1
            threading.Thread(target=self._open, args=(self._arrivals,), name="connect", daemon=True).start()

    def _next(self, hand: deque[Copy]) -> Copy | None:
        """The first copy to a person who has none on the way; what is not fit to be sent lands at once."""
        place = 0
        while place < len(hand):
            copy = hand[place]
            if copy.rcpt in self._begun:
                place += 1
                continue
            del hand[place]
            refused = unfit(copy)
            if refused is None:
                return copy
            self._landed.append(Landed(copy, refused, 0.0))
        return None

    def _settle(self, hand: deque[Copy], now: float) -> None:
        for link in self._links[:]:
            pipeline = link.pipeline
            self._watch(link, hand, now)
            for copy, outcome in pipeline.landed:
                self._land(link, copy, outcome, now)
            for copy in reversed(pipeline.returned):
                self._take_back(copy, hand)
            pipeline.landed.clear()
            pipeline.returned.clear()
            if pipeline.ended:
                self._drop(link)

    def _land(self, link: Link, copy: Copy, outcome: Outcome, now: float) -> None:
        seconds = now - self._begun.pop(copy.rcpt, now)
        self._landed.append(Landed(copy, outcome, seconds))
        if not isinstance(outcome, Lost) and outcome.code != DOWN:
            link.useful = True
            link.quick = seconds < QUICK

    def _take_back(self, copy: Copy, hand: deque[Copy]) -> None:
        self._begun.pop(copy.rcpt, None)
        hand.appendleft(copy)

    # --- sockets ------------------------------------------------------------------------------------------------------

    def _awaits(self) -> bool:
        return bool(self._begun or self._opening) or any(link.pipeline.stage for link in self._links)

    def _exchange(self, seconds: float, now: float) -> None:
        """Writes what there is, then reads what comes within `seconds`."""
        for link in self._links:
            if link.pipeline.out or link.left:
                link.write()
            if link.writing != bool(link.left):
                link.writing = not link.writing
                events = selectors.EVENT_READ | (selectors.EVENT_WRITE if link.writing else 0)
                self._selector.modify(link.sock, events, link)
            seconds = min(seconds, link.due - now)
        if self._opening:
            seconds = min(seconds, ARRIVAL)
        for key, events in self._selector.select(max(0.0, seconds)):
            if events & selectors.EVENT_WRITE:
                key.data.write()
            if events & selectors.EVENT_READ:
                key.data.read()

    def _watch(self, link: Link, hand: deque[Copy], now: float) -> None:
        """What has not moved for too long: a reply that does not come, a mail behind another, an idle connection."""
        pipeline = link.pipeline
        state = (pipeline.replies, pipeline.stage, bool(link.left))
        if state != link.state:
            link.state, link.since = state, now
            link.due = now + (self.settings.timeout_body if link.left else self._limits[pipeline.stage])
        elif now >= link.due:
            pipeline.lost("no reply in time")
        elif now - link.since > HANGS and (behind := pipeline.recall()):
            self._take_back(behind, hand)
        elif now - link.since > IDLE and pipeline.free:
            pipeline.quit()

    def _welcome(self, now: float) -> None:
        while self._arrivals:
            made = self._arrivals.popleft()
            self._opening -= 1
            if isinstance(made, RelayDown):
                self._alone_until = now + ALONE
            else:
                self._add(made)

    def _open(self, arrivals: deque[Connection | RelayDown]) -> None:
        try:
            arrivals.append(connect(self.settings))
        except RelayDown as error:
            arrivals.append(error)
        if arrivals is not self._arrivals:  # closed meanwhile
            _discard(arrivals)

    def _add(self, made: Connection) -> None:
        link = Link(made, self.pipeline)
        self._selector.register(link.sock, selectors.EVENT_READ, link)
        self._links.append(link)
        link.pipeline.received(made.unread)

    def _drop(self, link: Link) -> None:
        if link.useful:
            self._barren = 0
        elif link.pipeline.carried:
            self._barren += 1
            self._alone_until = time.monotonic() + ALONE
        self._links.remove(link)
        self._selector.unregister(link.sock)
        with contextlib.suppress(OSError):
            link.sock.close()


def _discard(arrivals: deque[Connection | RelayDown]) -> None:
    while arrivals:
        made = arrivals.popleft()
        if isinstance(made, Connection):
            made.sock.close()


def _words(error: OSError) -> str:
    return one_line(str(error)) or type(error).__name__
