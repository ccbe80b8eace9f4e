"""That this process is there: on PostgreSQL, where several work on one database, the others take what it holds once it
has said nothing for 15 seconds. The same thread hears when they have put something into a queue."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from triagemail.log import logger
from triagemail.loops import Loop, backoff
from triagemail.store import processes
from triagemail.store.store import Store

RENEWED = 5.0  # seconds between two words of ours
KNOWN_FOR = 10.0  # seconds after such a word in which a claim may begin: it is sent, or given back, in 15 (design.md 7)
LISTENING = 1.0  # seconds without a look at the clock


@dataclass(slots=True)
class Presence:
    """`id` is what a row names as its holder: of a process that works on PostgreSQL it is its own."""

    store: Store
    id: str = ""
    parts: str = ""
    hanging: str = ""
    wakes: Mapping[str, threading.Event] = field(default_factory=dict)
    said_at: float = float("-inf")  # time.monotonic() before our last word
    listening: bool = False
    sending: int = 1  # processes that send, as of our last word

    def __post_init__(self) -> None:
        self.id = self.id or ("main" if self.store.sqlite else uuid.uuid4().hex)

    def is_known(self) -> bool:
        """Nobody takes us for dead in the next five seconds. On SQLite there is nobody else."""
        return self.store.sqlite or time.monotonic() < self.said_at + KNOWN_FOR

    def senders(self) -> int:
        """How many processes share the relay, at most five seconds ago; this one counts."""
        return self.sending

    @contextlib.contextmanager
    def shown(self, parts: tuple[str, ...], wakes: Mapping[str, threading.Event] | None = None) -> Iterator[None]:
        """Meanwhile the others know of us, and what they announce sets `wakes`, by the part. Raises STORE_FAULTS."""
        if self.store.sqlite:
            yield
            return
        self.parts, self.wakes = ",".join(parts), wakes or {}
        self.say()
        loop = Loop(
            "presence", self.once, close=self.store.close, on_failure=self._failed,
            pause=lambda error, count: backoff(count, LISTENING),
        )  # fmt: skip
        loop.start()
        try:
            yield
        finally:
            loop.stop()
            loop.join(2 * LISTENING)
            with contextlib.suppress(Exception):  # then the others take us for dead in 15 seconds
                processes.leave(self.store, self.id)
                self.store.close()

    def once(self) -> bool:
        """A word of ours when it is time, and what others say until it is time again."""
        if not self.listening:
            processes.listen(self.store)
            self.listening = True
            for wake in self.wakes.values():  # of what was announced meanwhile
                wake.set()
        if time.monotonic() >= self.said_at + RENEWED:
            self.say()
            mails, sends = processes.give_up_the_dead(self.store)
            if mails or sends:
                logger("presence").warning("freed", mails=mails, deliveries=sends)
        for part in processes.heard(self.store, LISTENING):
            if part in self.wakes:
                self.wakes[part].set()
        return True

    def hang(self, loops: Iterable[str]) -> None:
        """From the next word on the others see which of our loops hang."""
        hanging = ",".join(loops)
        self.hanging = f"{processes.HANGS}{hanging}" if hanging else ""

    def say(self) -> None:
        before = time.monotonic()
        known = processes.renew(self.store, self.id, f"{socket.gethostname()}:{os.getpid()}", self.parts + self.hanging)
        if not known and self.said_at > 0:
            logger("presence").warning("taken-for-dead", id=self.id)
        self.said_at = before
        self.sending = max(1, sum(each.alive and "send" in each.parts for each in processes.processes(self.store)))

    def _failed(self, error: Exception, failures: int) -> None:
        self.listening = False
        with contextlib.suppress(Exception):  # a broken connection
            self.store.close()
