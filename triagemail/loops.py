"""Loops: each owns its while, its backoff, its wake and its heartbeat, so that a loop body is a plain `*_once() ->
bool`."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from triagemail.log import logger

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0  # seconds between tries after a failure, but for jitter
HANGS = 300.0  # seconds that one turn may take: each wait in it ends after 30, each mail after 10 (trust.md R8)


def backoff(failures: int, longest: float = LONGEST_PAUSE) -> float:
    """Seconds until the next try: 1, 2, 4 … `longest`, less up to a third, so that not all come back at once; never
    under a second."""
    seconds = min(FIRST_PAUSE * (1 << min(failures - 1, 16)), longest)
    return max(FIRST_PAUSE, seconds * random.uniform(0.7, 1.0))


@dataclass(slots=True)
class Loop:
    """Calls `once` until it says False, then waits for `wake` or `idle` seconds; a failure waits longer each time.

    `idle` may be a function: the time until the next timer. `close` runs in the loop's own thread at its end.
    """

    name: str
    once: Callable[[], bool]
    idle: float | Callable[[], float] = 1.0
    wait: Callable[[float], None] | None = None  # instead of waiting for `wake`: IMAP IDLE
    after: Callable[[], None] = lambda: None  # something was done: wakes the next loop
    close: Callable[[], None] = lambda: None
    on_failure: Callable[[Exception, int], None] = lambda error, count: None
    pause: Callable[[Exception, int], float] = lambda error, count: backoff(count)
    wake: threading.Event = field(default_factory=threading.Event)
    stopping: threading.Event = field(default_factory=threading.Event)
    due: float = float("inf")  # time.monotonic() by when it turns again, if it does not hang
    failures: int = 0
    thread: threading.Thread | None = None

    def start(self) -> None:
        self.thread = threading.Thread(target=self.run, name=self.name, daemon=True)
        self.thread.start()

    def run(self) -> None:
        try:
            while not self.stopping.is_set():
                self.turns()
                self._turn()
        finally:
            self.close()

    def turns(self, rest: float = 0.0) -> None:
        """It is alive now, and may be silent for one turn more, or for its rest. A body that goes on for long may say
        so itself."""
        self.due = time.monotonic() + rest + HANGS

    def _turn(self) -> None:
        try:
            self.wake.clear()
            busy = self.once()
            self.failures = 0
            if busy:
                self.after()
            elif not self.stopping.is_set():
                self._rest()
        except Exception as error:  # the one place that catches everything: a loop outlives whatever its body meets
            self.failures += 1
            seconds = self.pause(error, self.failures)
            logger("loop").warning(
                "failed",
                loop=self.name,
                error=f"{type(error).__name__}: {error}",
                failures=self.failures,
                pause=round(seconds, 1),
            )
            self.on_failure(error, self.failures)
            self.turns(seconds)
            self.stopping.wait(seconds)

    def _rest(self) -> None:
        seconds = self.idle() if callable(self.idle) else self.idle
        self.turns(seconds)
        if self.wait is not None:
            self.wait(seconds)
        else:
            self.wake.wait(seconds)

    def stop(self) -> None:
        self.stopping.set()
        self.wake.set()

    def join(self, seconds: float) -> bool:
        """True when the thread ended in time."""
        if self.thread is not None:
            self.thread.join(seconds)
        return self.thread is None or not self.thread.is_alive()


def run_all(loops: Mapping[str, Loop], until: Callable[[], object], grace: float = 35.0) -> bool:
    """Start every loop, wait in `until`, then stop: each finishes what it has in hand. True when all ended in
    `grace` seconds."""
    for loop in loops.values():
        loop.start()
    try:
        until()
    finally:
        for loop in loops.values():
            loop.stop()
        ends = time.monotonic() + grace
        ended = [loop.join(max(0.0, ends - time.monotonic())) for loop in loops.values()]
    return all(ended)
