"""How long somebody waits: from a report's delivery to its answer at the relay, and from a P0 to 1,000 readers.

    PYTHONPATH=. python bench/latency.py [--reports 40] [--readers 1000] [--url sqlite:///t.db]

A real `triagemail run`; the relay is one in this process, which notes when it has read the final dot. Each report waits
for the answer of the one before it and then for up to half a second, so that it meets every loop at any moment of its
rest. Way 1: the mail server of this host hands it over by LMTP (`lmtp.listen`). Way 2: dovecot-lmtp delivers it into a
mailbox that is watched by IDLE and nothing else; "delivered" is that server's 250, and Dovecot itself tells of it
half a second later. Ends with 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import smtplib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import ingest
import make_reports
import servers
from takers import Taker, taker

from triagemail import config as configs
from triagemail.app import build
from triagemail.store import audience

OWN, IDLE, INBOXES = 0.35, 0.8, 1.0  # seconds: the bars
WARM = 3  # reports before those that count
ME = "issues@acme.example"
P0 = (
    b"Authentication-Results: mail0.acme.example; dmarc=pass header.from=acme.example\r\n"
    b"Received: from mx.acme.example by mail0.acme.example with ESMTPS; Mon, 23 Nov 2026 09:00:00 +0000\r\n"
    b"From: bob@acme.example\r\nTo: issues@acme.example\r\nSubject: Website is down\r\nMessage-ID: <p0@x.example>\r\n"
    b"\r\nWhat is happening? It is down.\r\nWhat did you expect? Up.\r\nSteps: open it\r\n"
    b"Who is affected? All, no workaround.\r\nPriority: P0\r\n"
)


class Watch:
    """When the relay had the whole of a mail for somebody, for the first time."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}
        self.relay: Taker | None = None

    def answer(self, connection: int, stage: str, rcpt: str) -> bytes | None:
        if stage == "end":
            self.at.setdefault(rcpt, time.monotonic())
        return None

    def since(self, rcpt: str, began: float) -> float:
        servers.wait_until(lambda: self.at.get(rcpt, 0.0) > began, 30, f"a mail to {rcpt}")
        return self.at[rcpt] - began


@contextlib.contextmanager
def running(folder: Path, relay: Taker, url: str, more: str, readers: int = 0) -> Iterator[None]:
    """The service, with so many readers on its list."""
    config = ingest.CONFIG.replace("2599", str(relay.port)).replace("sqlite:///t.db", url)
    config = config.replace('by = ["mail0.acme.example"]', 'by = ["mail0.acme.example", "imap.acme.example"]')
    path = ingest.set_up(folder, config.replace('[imap]\nhost = ""\n', more))
    app = build(configs.load(path))
    app.store.open()
    with app.store.transaction():
        for number in range(readers):
            audience.join(app.store, f"r{number}@acme.example", app.clock.now())
    app.store.close()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["TRIAGEMAIL_LOG"] = "warning"
    argv = [sys.executable, "-m", "triagemail", "--config", str(path), "run"]
    process = subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(40)


def hand_in(port: int, sender: str, rcpt: str, raw: bytes) -> float:
    """One mail by LMTP; when its 250 was read."""
    with smtplib.LMTP("127.0.0.1", port) as client:
        client.sendmail(sender, [rcpt], raw)
        return time.monotonic()


def answered(watch: Watch, deliver: Callable[[str, bytes], float], count: int) -> list[float]:
    """Seconds until each report's author has an answer at the relay."""
    chance = random.Random(3)
    took = []
    for number in range(count + WARM):
        author = f"user{number:05d}@acme.example"
        raw = make_reports.report(5 * number, chance)
        began = deliver(author, raw)
        took.append(watch.since(author, began))
        time.sleep(chance.uniform(0.0, 0.5))
    return took[WARM:]


def show(what: str, took: list[float], bar: float) -> bool:
    half, most = statistics.median(took), statistics.quantiles(took, n=10)[-1]
    print(f"{what}: p50 {half:.3f} s, p90 {most:.3f} s, at most {max(took):.3f} s; bar {bar} s at p50", flush=True)
    return half <= bar


def by_lmtp(folder: Path, asked: argparse.Namespace) -> bool:
    watch, port = Watch(), ingest.free_port()
    more = f'[imap]\nhost = ""\n[lmtp]\nlisten = "127.0.0.1:{port}"\n'
    with taker(answer=watch.answer) as relay, running(folder, relay, asked.url, more, asked.readers):
        servers.wait_until(lambda: servers.listens(port), 30, "the service")
        good = show("LMTP", answered(watch, lambda by, raw: hand_in(port, by, ME, raw), asked.reports), OWN)
        began = hand_in(port, "bob@acme.example", ME, P0)
        inboxes = [f"r{number}@acme.example" for number in range(asked.readers)]
        took = max(watch.since(inbox, began) for inbox in inboxes)
        print(f"P0: {len(inboxes)} readers have it after {took:.3f} s; bar {INBOXES} s", flush=True)
    return good and took < INBOXES


def by_idle(folder: Path, asked: argparse.Namespace) -> bool:
    watch = Watch()
    with servers.dovecot() as server, taker(answer=watch.answer) as relay:
        more = f'[imap]\nhost = "127.0.0.1"\nport = {server.port}\ntls = "none"\nuser = "bench"\n'
        with running(folder, relay, asked.url, f'{more}password = "{server.password}"\n'):
            took = answered(watch, lambda by, raw: hand_in(server.lmtp_port, by, "bench", raw), asked.reports)
            return show("IDLE", took, IDLE)


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--reports", type=int, default=40)
    ask.add_argument("--readers", type=int, default=1_000)
    ask.add_argument("--url", default="sqlite:///t.db")
    asked = ask.parse_args()
    with tempfile.TemporaryDirectory(prefix="tm-bench-") as top:
        met = [by_lmtp(Path(top) / "lmtp", asked), by_idle(Path(top) / "idle", asked)]
    sys.exit(not all(met))


if __name__ == "__main__":
    main()
