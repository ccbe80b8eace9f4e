"""A service that reads a mailbox over a bad network, turn by turn: time passes in the pauses of its loop, never for
real."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from chat import Chat, talk
from fleets import REPORT

from triagemail.app import App
from triagemail.clock import Clock
from triagemail.doors.imap import Mailbox
from triagemail.loops import Loop
from triagemail.store.health import health
from triagemail.store.schema import from_micros


class Passing(threading.Event):
    """Whoever waits for it moves the clock instead; `waited` says for how long."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock, self.waited = clock, list[float]()

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout or 0.0)
        self.clock.advance(timedelta(seconds=timeout or 0.0))
        return self.is_set()


@dataclass
class Reader:
    """The intake loop of a service, in the hand of a test."""

    chat: Chat
    loop: Loop
    pauses: Passing

    @property
    def app(self) -> App:
        return self.chat.app

    @property
    def now(self) -> datetime:
        return self.chat.clock.now()

    def turn(self) -> bool:
        """One turn of the loop with its rest or its pause; True when the mailbox was read."""
        self.loop._turn()
        return self.loop.failures == 0

    def turns(self, span: timedelta, most: int = 2_000) -> int:
        """As many turns as fit into that time."""
        ends, count = self.now + span, 0
        while self.now < ends:
            self.turn()
            count += 1
            assert count < most, "it spins"
        return count

    def until_read(self, most: int = 100) -> timedelta:
        """Turns until one succeeds; for how long it paused before that."""
        before = len(self.pauses.waited)
        for _ in range(most):
            if self.turn():
                return timedelta(seconds=sum(self.pauses.waited[before:]))
        raise AssertionError(f"not read after {most} turns")

    @property
    def door(self) -> Mailbox:
        assert self.app.mailbox is not None
        return self.app.mailbox

    def work(self) -> None:
        self.app.until_idle(("work", "send"))

    def inbox(self, state: str = "") -> list[tuple[str, str, int | None]]:
        rows = self.app.store.all("SELECT state, reason, issue FROM inbox ORDER BY id")
        return [(s, why, issue) for s, why, issue in rows if state in ("", s)]

    def issues(self) -> int:
        number: int = self.app.store.one("SELECT COUNT(*) FROM issue")[0]
        return number

    def notices(self) -> list[tuple[str, datetime]]:
        """The subjects of what the operator was mailed, and when."""
        rows = self.app.store.all("SELECT subject, created_at FROM outgoing WHERE template = 'notice' ORDER BY id")
        return [(subject, from_micros(at)) for subject, at in rows]

    def risks(self) -> tuple[str, ...]:
        return health(self.app.store, self.now, self.app.config.imap.read_every).risks


@contextmanager
def reader(
    folder: Path, port: int, user: str, *, wait: float | None = None, imap: dict[str, object] | None = None,
    **settings: object,
) -> Iterator[Reader]:  # fmt: skip
    """`imap` is what stands in the config; `settings` are what the door is told besides. With `wait` the loop really
    waits so long for mail; else a minute passes at once."""
    with talk(folder, port, user, lambda raw: None, imap=imap or {}) as chat:
        app = chat.app
        assert app.mailbox is not None
        assert app.intake is not None
        told = replace(app.mailbox.settings, **settings)  # type: ignore[arg-type]  # whichever a test names
        app.mailbox.close()
        app.mailbox = Mailbox(told, lambda: chat.clock.now().timestamp())
        app.intake = replace(app.intake, mailbox=app.mailbox)
        pauses = Passing(chat.clock)
        loop = app.loops(("intake",))["intake"]
        loop.stopping = pauses
        rest = Passing(chat.clock).wait if wait is None else (lambda seconds: really(app, loop, wait))
        loop.wait = lambda seconds: (rest(seconds), None)[1]
        yield Reader(chat, loop, pauses)


def really(app: App, loop: Loop, seconds: float) -> bool:
    assert app.mailbox is not None
    return app.mailbox.wait(seconds, loop.wake)


def report(number: int, more: str = "", *, author: int = -1) -> bytes:
    """A report of somebody; each author writes one."""
    raw = REPORT.format(number=number, author=number if author < 0 else author)
    return (more + raw).encode()


def delivers(deliver: Callable[[str, bytes], object], user: str, numbers: Iterable[int]) -> None:
    for number in numbers:
        deliver(user, report(number))
