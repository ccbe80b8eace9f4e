"""Several `triagemail run --only work,clock,send` on one PostgreSQL, some of which are killed. The short form is a
test, the long one bench/fleet.py."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from pathlib import Path

from takers import Taker

from triagemail import config as configs
from triagemail.app import App, build
from triagemail.store import audience, claims
from triagemail.store.claims import Arrival

CONNECTIONS = 4
EACH = 4  # reports of one person, one after another
BROADCAST = b"Subject: all of you\r\n"
CONFIG = """
[mail]
address = "issues@acme.example"
[imap]
host = ""
[smtp]
port = {port}
tls = "none"
connections = {connections}
[people]
reporters = ["acme.example"]
triagers = ["sara@acme.example", "carl@acme.example"]
[store]
url = "{url}"
"""
REPORT = """From: A Colleague <p{author}@acme.example>\r
To: issues@acme.example\r
Subject: Report {number}\r
Message-ID: <{number}@client.example>\r
Date: Mon, 23 Nov 2026 09:00:00 +0000\r
\r
What is happening? Page {number} is blank.\r
What did you expect instead? That it is not.\r
How can we see it? Open it.\r
Who is affected? {number} customers.\r
Priority: P2\r
"""


@dataclass
class Fleet:
    """The processes, and the store as seen by the test."""

    app: App
    config: Path
    relay: Taker
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    kills: int = 0

    def start(self, parts: str = "work,clock,send") -> None:
        argv = [sys.executable, "-m", "triagemail", "--config", str(self.config), "run", "--only", parts]
        log = (self.config.parent / "log").open("ab")
        environment = {**os.environ, "TRIAGEMAIL_LOG": "warning"}
        self.running.append(subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, stderr=log))

    def command(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """What a person types meanwhile."""
        tool = [sys.executable, "-m", "triagemail", "--config", str(self.config), *argv]
        return subprocess.run(tool, capture_output=True, text=True, timeout=60, check=False)

    def kill_one(self, chance: random.Random) -> None:
        victim = self.running.pop(chance.randrange(len(self.running)))
        assert victim.poll() is None, f"a process ended by itself: {victim.returncode}"
        victim.kill()
        victim.wait()
        self.kills += 1

    def stop(self) -> list[int]:
        """Exit codes."""
        for process in self.running:
            process.send_signal(signal.SIGTERM)
        ends = [process.wait(40) for process in self.running]
        self.running.clear()
        return ends

    def subscribe(self, readers: int) -> None:
        with self.app.store.transaction():
            for number in range(readers):
                audience.join(self.app.store, f"r{number}@acme.example", self.app.clock.now())

    def broadcast(self) -> None:
        with self.app.store.transaction():
            claims.add_outgoing(
                self.app.store, issue=1, template="update", subject="s", text="t", head=BROADCAST, body=b"x\r\n" * 900,
                detail="", null_sender=False, broadcast=True, automatic=False, rank=1, day=20_000, key="a",
                now=self.app.clock.now(),
            )  # fmt: skip

    def reports(self, first: int, last: int) -> None:
        """Mails that come in, as intake takes them."""
        raws = [REPORT.format(number=n, author=n // EACH).encode() for n in range(first, last)]
        with self.app.store.transaction():
            claims.take(self.app.store, [Arrival(raw, self.app.clock.now()) for raw in raws])
        self.app._waking("work", None)()

    def count(self, query: str) -> int:
        number: int = self.app.store.one(query)[0]
        return number

    def done(self) -> int:
        return self.count("SELECT COUNT(*) FROM inbox WHERE state <> 'received'")

    def waits(self) -> bool:
        """Something is still to be done."""
        return bool(
            self.count("SELECT COUNT(*) FROM inbox WHERE state = 'received'")
            or self.count("SELECT COUNT(*) FROM outgoing WHERE expand_after IS NOT NULL")
            or self.count("SELECT COUNT(*) FROM delivery WHERE state IN ('queued', 'sending', 'deferred')")
        )

    def finish(self, seconds: float) -> float:
        """Waits until nothing waits; how long it took."""
        began = time.monotonic()
        while self.waits():
            if time.monotonic() - began > seconds:
                raise AssertionError(f"after {seconds} s: {self.left()}")
            time.sleep(0.1)
        return time.monotonic() - began

    def left(self) -> list[tuple[object, ...]]:
        queues = ("inbox", "delivery")
        return [row for q in queues for row in self.app.store.all(f"SELECT '{q}', state, COUNT(*) FROM {q} GROUP BY 2")]

    # --- what must be true at the end ---------------------------------------------------------------------------------

    def check(self, reports: int, readers: int) -> int:
        """Nothing lost, nothing doubled but the ambiguous; returns how many mails the relay has twice."""
        store = self.app.store
        assert store.all("SELECT state, COUNT(*) FROM inbox GROUP BY state") == [("done", reports)], self.left()
        assert self.count("SELECT COUNT(*) FROM issue") == reports
        highest = self.count("SELECT MAX(number) FROM issue")
        assert reports <= highest <= reports + self.kills, "a number is lost only by who dies with it in hand"
        filed = "SELECT COUNT(*) FROM event WHERE type = 'ReportFiled'"
        assert self.count(filed) == self.count(filed.replace("*", "DISTINCT issue")) == reports
        assert store.all("SELECT DISTINCT state FROM delivery") == [("sent",)]
        by_author: dict[int, list[int]] = defaultdict(list)
        order = "SELECT e.id FROM inbox i JOIN event e ON e.issue = i.issue AND e.type = 'ReportFiled' ORDER BY i.id"
        for place, (event,) in enumerate(store.all(order)):  # by no number: one that came to nothing comes again later
            by_author[place // EACH].append(event)
        assert all(events == sorted(events) for events in by_author.values()), "somebody's mails changed places"
        times = Counter((rcpt, message_id(raw)) for rcpt, raw in self.relay.mails)
        assert len(times) == self.count("SELECT COUNT(*) FROM delivery"), "a mail is missing, or nobody's"
        heard = {rcpt for rcpt, raw in self.relay.mails if BROADCAST in raw}
        assert heard == {f"r{number}@acme.example" for number in range(readers)}
        twice = {key for key, count in times.items() if count > 1}
        assert sum(times[key] - 1 for key in twice) <= self.kills * CONNECTIONS, len(twice)
        copies = defaultdict(set)
        for rcpt, raw in self.relay.mails:
            copies[rcpt, message_id(raw)].add(raw)
        assert all(len(each) == 1 for each in copies.values()), "a second sending differs"
        return sum(times[key] - 1 for key in twice)


def message_id(raw: bytes) -> str:
    return str(BytesHeaderParser().parsebytes(raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")["Message-ID"])


@contextmanager
def fleet(folder: Path, url: str, relay: Taker) -> Iterator[Fleet]:
    """An open store and nobody at work yet; whoever is at the end is stopped."""
    config = folder / "config.toml"
    config.write_text(CONFIG.format(port=relay.port, connections=CONNECTIONS, url=url))
    (folder / "triagemail.keys").write_text(f"a {'ab' * 32}\n")
    app = build(configs.load(config))
    app.store.open()
    made = Fleet(app, config, relay)
    try:
        yield made
    finally:
        for process in made.running:
            process.kill()
            process.wait()
        app.store.close()
