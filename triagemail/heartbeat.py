"""That the loops of the service turn: said to systemd (sd_notify), to a file beside the database, and on PostgreSQL to
the other processes (trust.md O3). A loop that hangs ends it; then systemd starts the service anew."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from triagemail.log import logger
from triagemail.loops import Loop
from triagemail.store import pulse

EVERY = 10.0  # seconds between two words
GOOD_FOR = 60.0  # seconds after which somebody who said nothing is missed
FROM_CRON = 900.0  # the same after `run --until-idle`, which comes again by cron


def notify(*lines: str) -> None:
    """A word to systemd, where it listens: a datagram of `NAME=value` lines (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(1.0)
        sock.sendto("\n".join(lines).encode(), f"\0{address[1:]}" if address[0] == "@" else address)


def pause() -> float:
    """Seconds between two words: systemd wants one within WATCHDOG_USEC, and asks for two."""
    usec, ours = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", str(os.getpid()))
    watched = usec.isascii() and usec.isdigit() and int(usec) > 0 and ours == str(os.getpid())
    return min(EVERY, int(usec) / 2_000_000) if watched else EVERY


@dataclass(slots=True)
class Heartbeat:
    """`show` tells the other processes which loops hang; `alarm` tells the operator."""

    loops: Mapping[str, Loop]
    path: Path | None
    show: Callable[[Iterable[str]], None] = lambda hanging: None
    alarm: Callable[[str], object] = lambda text: None
    clock: Callable[[], float] = time.monotonic
    hanging: list[str] = field(default_factory=list)

    def beat(self) -> bool:
        """One look at all loops, and a word if they turn. Of those that hang something is said once: after that the
        file gets older and systemd loses its patience."""
        now = self.clock()
        hanging = [name for name, loop in self.loops.items() if loop.due < now]
        if not hanging:
            notify("WATCHDOG=1", f"STATUS={', '.join(self.loops)}")
            if self.path is not None:
                pulse.say(self.path, list(self.loops), [], GOOD_FOR)
        if hanging != self.hanging:
            self._tell(hanging)
        self.hanging = hanging
        return not hanging

    def _tell(self, hanging: list[str]) -> None:
        self.show(hanging)
        if not hanging:
            logger("heartbeat").warning("turns-again", loops=",".join(self.loops))
            return
        logger("heartbeat").error("hangs", loops=",".join(hanging))
        notify(f"STATUS={', '.join(hanging)} hangs")
        if self.path is not None:
            pulse.say(self.path, list(self.loops), hanging, 0.0)
        text = f"It hangs in {', '.join(hanging)}. Under systemd it is started anew; else do so."
        threading.Thread(target=self._alarm, args=(text,), daemon=True).start()  # the store may be what hangs

    def _alarm(self, text: str) -> None:
        with contextlib.suppress(Exception):  # a word more; the log and the exit code of `status` are there already
            self.alarm(text)

    def until(self, stop: set[signal.Signals]) -> None:
        """Beat until one of these signals comes; they are blocked."""
        self.beat()
        notify("READY=1")
        while signal.sigtimedwait(stop, pause()) is None:
            self.beat()
        notify("STOPPING=1", "STATUS=each loop finishes what it has in hand")

    def end(self) -> None:
        if self.path is not None:
            pulse.leave(self.path)
