"""Kill -9 in the middle of a broadcast, again and again: nobody is left out, and at most one mail a connection and kill
goes out twice, with the same bytes (trust.md R3; design: "at most 4 duplicates per kill -9")."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import servers
from takers import Taker, taker

from triagemail import config as configs
from triagemail.app import build
from triagemail.store import audience, claims

READERS, CONNECTIONS = 3000, 4
CONFIG = """
[mail]
address = "issues@acme.example"
[imap]
host = ""
[smtp]
port = {port}
tls = "none"
connections = {connections}
mode = "{mode}"
[people]
triagers = ["sara@acme.example"]
[store]
url = "sqlite:///t.db"
"""


def prepare(folder: Path, port: int, mode: str = "single") -> Path:
    """A store with one broadcast to all readers."""
    path = folder / "config.toml"
    path.write_text(CONFIG.format(port=port, connections=CONNECTIONS, mode=mode))
    (folder / "triagemail.keys").write_text(f"a {'ab' * 32}\n")
    app = build(configs.load(path))
    app.store.open()
    now = app.clock.now()
    with app.store.transaction():
        for number in range(READERS):
            audience.join(app.store, f"r{number}@acme.example", now)
        claims.add_outgoing(
            app.store, issue=1, template="update", subject="s", text="t", head=b"Subject: s\r\n", body=b"x\r\n" * 900,
            detail="", null_sender=False, broadcast=True, automatic=False, rank=0, day=20_000, key="a", now=now,
        )  # fmt: skip
    app.store.close()
    return path


def start(config: Path, fail: str = "") -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "triagemail", "--config", str(config), "run", "--until-idle", "--only", "send"]
    return subprocess.Popen(
        argv, env={**os.environ, "TRIAGEMAIL_LOG": "error", "TM_FAIL": fail}, stdin=subprocess.DEVNULL
    )


def killed(config: Path, relay: Taker, after: int) -> bool:
    """Runs the sender and ends it as kill -9 does once the relay has taken so many more mails."""
    before = len(relay.mails)
    process = start(config)
    try:
        servers.wait_until(lambda: process.poll() is not None or len(relay.mails) >= before + after, 60, "some mails")
        alive = process.poll() is None
    finally:
        process.kill()
        process.wait()
    servers.wait_until(lambda: relay.open == 0, what="the end of its connections")
    return alive


def test_a_kill_doubles_at_most_one_mail_a_connection(tmp_path: Path) -> None:
    """R3: duplicate transactions <= kills x open connections, 0 lost; a repeated mail is the same to the byte."""
    chance = random.Random(7)
    with taker() as relay:
        config = prepare(tmp_path, relay.port)
        kills = 0
        for _ in range(8):
            kills += killed(config, relay, chance.randrange(1, 350))
            twice = len(relay.mails) - len(relay.times())
            assert twice <= kills * CONNECTIONS
        assert kills >= 5, "it must be killed in the middle"
        last = start(config)
        assert last.wait(60) == 0
        times = relay.times()
        assert len(times) == READERS
        assert relay.most <= CONNECTIONS
        assert Counter(times.values()).keys() <= {1, 2}
        for rcpt in [rcpt for rcpt, count in times.items() if count > 1]:
            assert len({raw for to, raw in relay.mails if to == rcpt}) == 1


def test_kill_9_doubles_at_most_one_batch_a_connection(tmp_path: Path) -> None:
    """R3 in batch mode: duplicate transactions <= kills x open connections, with the same bytes; nobody is left out."""
    with taker() as relay:
        config = prepare(tmp_path, relay.port, "batch")
        killed = [start(config, "after_250").wait(60) for _ in range(2)]
        assert killed == [9, 9]
        assert start(config).wait(60) == 0
        times = relay.times()
        assert len(times) == READERS
        assert 0 < len(relay.transactions) - len(set(relay.transactions)) <= 2 * CONNECTIONS
        assert max(times.values()) <= 3
        assert len({raw for _, raw in relay.mails}) == 1
