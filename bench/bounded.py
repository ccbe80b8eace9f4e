"""A long life in one process (trust.md D12): what 50,000 mails leave behind in memory, open files and time.

    python bench/bounded.py [--mails 50000] [--step 1000]

A thousand reports at a time come in, are worked off and answered into a local sink; every second one is closed by the
triager's answer, since nobody has 50,000 open issues. Then a hundred days pass, and retention lets go. To pass: the
process grows by less than 20 MB after the first tenth, its open files stay as many, and the last thousand take no more
than 1.5 times the CPU of the first after it.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import ingest
import make_reports

from triagemail import config as configs
from triagemail import log
from triagemail.app import PARTS, App, build
from triagemail.clock import Clock
from triagemail.mail.tokens import Token
from triagemail.outbox import plus
from triagemail.process.model import State
from triagemail.store import claims
from triagemail.store.claims import Arrival

ANSWER = """Authentication-Results: mail0.acme.example; dmarc=pass header.from=acme.example\r
Received: from mx.acme.example by mail0.acme.example with ESMTPS; {date:%a, %d %b %Y %H:%M:%S +0000}\r
From: Sara <sara@acme.example>\r
To: {to}\r
Subject: Re: a report\r
Date: {date:%a, %d %b %Y %H:%M:%S +0000}\r
Message-ID: <{number}.answer@acme.example>\r
\r
decline: it is known\r
"""


def resident() -> float:
    """MB that the process holds in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def work_off(app: App, raws: list[bytes]) -> None:
    for start in range(0, len(raws), 50):
        with app.store.transaction():
            claims.take(app.store, [Arrival(raw, app.clock.now(), "import") for raw in raws[start : start + 50]])
    app.until_idle(tuple(part for part in PARTS if part not in ("intake", "web")))


def answers(app: App) -> list[bytes]:
    """The triager closes what she was asked about and has not answered yet."""
    rows = app.store.all(
        "SELECT o.id, o.issue FROM outgoing o JOIN issue i ON i.number = o.issue"
        " WHERE o.template = 'triage' AND i.state = ? ORDER BY o.id",
        str(State.TRIAGE),
    )
    found = []
    for outgoing, _ in rows:
        mail = claims.mail(app.store, outgoing)
        (person,) = app.store.one("SELECT person FROM delivery WHERE outgoing = ?", outgoing)
        detail = app.keyring.detail(Token("r", mail.issue, person, mail.day), "issues")
        to = plus(app.policy.address, detail)
        found.append(ANSWER.format(to=to, date=app.clock.now(), number=outgoing).encode())
    return found


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--mails", type=int, default=50_000)
    ask.add_argument("--step", type=int, default=1_000)
    asked = ask.parse_args()
    log.configure("error")
    clock = Clock()
    chance = random.Random(12)
    took: list[float] = []
    held: list[float] = []
    files: list[int] = []
    with tempfile.TemporaryDirectory(prefix="tm-bench-") as folder, ingest.sink() as port:
        top = Path(folder)
        app = build(configs.load(ingest.set_up(top / "c", ingest.CONFIG.replace("2599", str(port)))), clock=clock)
        app.store.open()
        for start in range(0, asked.mails, asked.step):
            raws = [make_reports.report(number, chance) for number in range(start, start + asked.step)]
            before = time.process_time()
            work_off(app, raws)
            took.append((time.process_time() - before) / asked.step * 1000)
            work_off(app, answers(app))
            held.append(resident())
            files.append(len(os.listdir("/proc/self/fd")))
            if len(took) % 5 == 1:
                print(f"{start + asked.step:6} mails: {took[-1]:5.2f} ms a mail, {held[-1]:6.1f} MB, {files[-1]} files")
        warm, slower = len(held) // 10, took[-1] / took[len(held) // 10]
        print(
            f"since mail {(warm + 1) * asked.step:,}: grown by {held[-1] - held[warm]:.1f} MB (bar 20), open files"
            f" {files[warm]} then and {files[-1]} now, the last {asked.step} took {slower:.2f} x the CPU (bar 1.5)"
        )
        size = (top / "c" / "t.db").stat().st_size
        rows = [app.store.one(f"SELECT COUNT(*) FROM {name}")[0] for name in ("raw", "outgoing", "inbox", "issue")]
        clock.advance(timedelta(days=100))
        while app.prune_once():
            pass
        left = [app.store.one(f"SELECT COUNT(*) FROM {name}")[0] for name in ("raw", "outgoing", "inbox", "issue")]
        print(f"after 100 days: raw, outgoing, inbox, issue {rows} -> {left}; file {size / 2**20:.0f} MB")


if __name__ == "__main__":
    main()
