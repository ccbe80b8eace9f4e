"""One broadcast to N subscribers into a local sink: CPU per recipient of `run --until-idle --only send`.

    python bench/broadcast.py [--small 10000] [--large 50000] [--rounds 3]

The slope between the two sizes is the cost of a recipient; what is left is start-up. The sink is Postfix's
smtp-sink, whose CPU does not count.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import ingest

from triagemail import config as configs
from triagemail.app import App, build
from triagemail.files import take_one
from triagemail.store.schema import micros

REPORT = b"""From: bob@acme.example\r
To: issues@acme.example\r
Subject: Website is down\r
Message-ID: <1@x.example>\r
Date: Mon, 23 Nov 2026 09:00:00 +0000\r
\r
What is happening? It is down.\r
What did you expect? Up.\r
Steps: open it\r
Who is affected? All, no workaround.\r
Priority: P0\r
"""


def prepare(folder: Path, port: int, readers: int) -> Path:
    """A store with that many subscribers and one P0 whose first broadcast is queued; its few other mails are marked
    sent."""
    path = ingest.set_up(folder, ingest.CONFIG.replace("2599", str(port)))
    app = build(configs.load(path))
    app.store.open()
    now = micros(datetime.now(UTC))
    with app.store.transaction():
        for n in range(readers):
            app.store.run(
                "INSERT INTO person (address, name, subscribed_at, is_group) VALUES (?, '', ?, 0)",
                f"r{n:06d}@acme.example",
                now,
            )
    announce(app)
    app.store.close()
    return path


def announce(app: App) -> None:
    take_one(app.store, REPORT, app.clock.now(), "import")
    app.worker.work_once()
    with app.store.transaction():  # a triager's agreement, without the round trip through a mail program
        from triagemail.process import decide, model
        from triagemail.process import intents as want

        sure = model.Evidence(model.Level.E3, "bench")
        snapshot = want.Snapshot(issues={1: app.store.issues([1])[1]})
        intent = want.Agree(by="sara@acme.example", evidence=sure, issue=1)
        app.worker.commit(decide.decide_all(snapshot, [intent], app.clock.now(), app.policy), snapshot, "", "")
        app.store.run(
            "UPDATE delivery SET state = 'sent' WHERE outgoing NOT IN (SELECT id FROM outgoing WHERE broadcast)"
        )


def broadcast(path: Path) -> tuple[float, float, float]:
    """(CPU seconds, wall seconds, largest resident set in MB) of sending everything."""
    argv = [sys.executable, "-m", "triagemail", "--config", str(path), "run", "--until-idle", "--only", "send"]
    started = time.monotonic()
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the sender ended with {status}")
    return used.ru_utime + used.ru_stime, time.monotonic() - started, used.ru_maxrss / 1024


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--small", type=int, default=10_000)
    ask.add_argument("--large", type=int, default=50_000)
    ask.add_argument("--rounds", type=int, default=3)
    asked = ask.parse_args()
    os.environ["TRIAGEMAIL_LOG"] = "error"
    port = ingest.free_port()
    top = Path(tempfile.mkdtemp(prefix="tm-bench-"))
    sink = ingest.start_sink(port)
    try:
        slopes, rates = [], []
        for turn in range(asked.rounds):
            spent = {}
            for count in (asked.small, asked.large):
                path = prepare(top / f"{turn}-{count}", port, count)
                spent[count], wall, resident = broadcast(path)
                rates.append(count / wall)
                print(
                    f"round {turn} {count:6} readers: {spent[count]:6.2f} s CPU, {wall:6.2f} s,"
                    f" {count / wall:6.0f}/s, {resident:.0f} MB"
                )
            slopes.append((spent[asked.large] - spent[asked.small]) / (asked.large - asked.small) * 1e6)
        print(
            f"median {statistics.median(slopes):.0f} us CPU a recipient (slope), {statistics.median(rates):.0f}"
            f" recipients/s"
        )
    finally:
        sink.terminate()
        sink.wait()
        shutil.rmtree(top)


if __name__ == "__main__":
    main()
