"""One broadcast to N subscribers into a local sink: CPU per recipient of `run --until-idle --only send`.

    python bench/broadcast.py [--small 10000] [--large 50000] [--rounds 3] [--connections 4] [--log error]
    python bench/broadcast.py --postfix [--small 10000] [--rounds 3]
    PYTHONPATH=. python bench/broadcast.py --whole 100000 [--on postgresql]
    PYTHONPATH=. python bench/broadcast.py --rows 1000000 [--on postgresql]

The slope between the two sizes is the cost of a recipient; what is left is start-up. Between the sizes Postfix's own
source, `smtp-source`, sends as many mails of the same size to the same sink, over one connection and over ten: the
machine's speed of the minute. The sink is Postfix's smtp-sink, whose CPU does not count.

With --postfix the mails go to a Postfix with its queue on disk that throws them away at the end, over ten connections,
and what counts is the rate beside that of `smtp-source -s 10`. That sends to one recipient; with `-N` each mail has one
of its own, as ours have. What Postfix itself takes of the CPU for each kind is told as well.

With --whole one broadcast is sent on one engine, and with --rows its rows are made and nothing is sent: what it takes
of everything, the database's own CPU and size too.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import ingest

from triagemail import config as configs
from triagemail.app import App, build
from triagemail.files import take_one
from triagemail.store import audience
from triagemail.store.schema import micros
from triagemail.store.store import Store

SIZE = 3_300  # bytes of a broadcast mail
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


@dataclass(frozen=True)
class Run:
    """What one sender used up for `count` mails."""

    count: int
    cpu: float  # seconds, user and system
    wall: float  # seconds, start-up included
    resident: float  # MB at most

    @property
    def rate(self) -> float:
        return self.count / self.wall

    @property
    def cost(self) -> float:
        """us CPU a mail, start-up included."""
        return self.cpu / self.count * 1e6

    def __str__(self) -> str:
        used = f"{self.cpu:6.2f} s CPU, {self.wall:6.2f} s, {self.rate:7.0f}/s, {self.cost:4.0f} us"
        return f"{self.count:6} mails: {used}, {self.resident:3.0f} MB"


def prepare(folder: Path, port: int, readers: int, connections: int, url: str = "sqlite:///t.db") -> Path:
    """A store with that many subscribers and one P0 whose first broadcast is queued; its few other mails are marked
    sent."""
    config = ingest.CONFIG.replace("port = 2599", f"port = {port}\nconnections = {connections}")
    config = config.replace("sqlite:///t.db", url)
    path = ingest.set_up(folder, config)
    app = build(configs.load(path))
    app.store.open()
    now = micros(datetime.now(UTC))
    with app.store.transaction():
        for n in range(readers):
            app.store.run(
                "INSERT INTO person (address, name, subscribed_at, is_group) VALUES (?, '', ?, ?)",
                f"r{n:06d}@acme.example",
                now,
                False,
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


def broadcast(path: Path, count: int) -> Run:
    """Everything is sent, by a process of its own."""
    tool = [sys.executable, "-m", "triagemail", "--config", str(path), "run", "--until-idle", "--only", "send"]
    run = measure(tool, count)
    store = Store(configs.load(path).store.url)
    ((sent,),) = store.all("SELECT COUNT(id) FROM delivery WHERE state = 'sent' AND attempts = 1")
    store.close()
    if sent < count:
        raise SystemExit(f"{sent} of {count} were sent")
    return run


def source(port: int, count: int, connections: int, *more: str) -> Run:
    """The same number of mails of about the same size from Postfix's smtp-source, over kept connections."""
    who = ["-f", "issues@acme.example", "-t", "r000000@acme.example"]
    size = ["-l", str(SIZE), "-m", str(count), "-s", str(connections)]
    return measure(["smtp-source", "-d", *more, *size, *who, f"127.0.0.1:{port}"], count)


def measure(argv: list[str], count: int) -> Run:
    """Memory is asked of the running process: what wait4 tells counts this one's, from before the exec, as well."""
    started, resident = time.monotonic(), 0
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ended = 0
    while not ended:
        time.sleep(0.02)
        ended, status, used = os.wait4(process.pid, os.WNOHANG)
        if not ended:
            said = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
            resident = max(
                resident, *(int(line.split()[1]) for line in said.splitlines() if line.startswith("VmHWM")), 0
            )
    if status:
        raise SystemExit(f"{argv[0]} ended with {status}")
    return Run(count, used.ru_utime + used.ru_stime, time.monotonic() - started, resident / 1024)


def into_sink(top: Path, asked: argparse.Namespace) -> None:
    slopes, rates, single, several = [], [], [], []
    with ingest.sink() as port:
        for turn in range(asked.rounds):
            runs = []
            for count in (asked.small, asked.large):
                path = prepare(top / f"{turn}-{count}", port, count, asked.connections)
                runs.append(broadcast(path, count))
                print(f"round {turn} triagemail       {runs[-1]}", flush=True)
                for connections, found in ((1, single), (10, several)):
                    found.append(source(port, asked.small, connections))
                    print(f"round {turn} smtp-source -s {connections:<2} {found[-1]}", flush=True)
            small, large = runs
            slopes.append((large.cpu - small.cpu) / (large.count - small.count) * 1e6)
            rates.append((large.count - small.count) / (large.wall - small.wall))
    cost = statistics.median(slopes)
    one, ten = (statistics.median(run.cost for run in found) for found in (single, several))
    print(f"median {cost:.0f} us CPU a recipient, {statistics.median(rates):.0f} recipients/s (slopes)")
    print(f"       {cost / one:.2f} x smtp-source -s 1 ({one:.0f} us), {cost / ten:.2f} x -s 10 ({ten:.0f} us)")


def into_postfix(top: Path, asked: argparse.Namespace) -> None:
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    import fleet
    import servers

    runs: dict[str, list[tuple[Run, float]]] = {"triagemail": [], "smtp-source -s 10": [], "smtp-source -s 10 -N": []}
    with servers.postfix(discard=True) as postfix:
        master = (postfix.home / "spool" / "pid" / "master.pid").read_text()

        def beside(name: str, run: Callable[[], Run]) -> None:
            """It begins and ends with nothing in Postfix's queues."""
            before = fleet.all_cpu(int(master))
            made = run()
            servers.wait_until(lambda: not postfix.waiting(), 120, "the end of Postfix's queue")
            runs[name].append((made, (fleet.all_cpu(int(master)) - before) / asked.small * 1e6))
            print(f"{name:20} {made}; Postfix itself {runs[name][-1][1]:.0f} us", flush=True)

        for turn in range(asked.rounds):
            path = prepare(top / f"{turn}", postfix.port, asked.small, 10)
            beside("triagemail", partial(broadcast, path, asked.small))
            beside("smtp-source -s 10", partial(source, postfix.port, asked.small, 10))
            beside("smtp-source -s 10 -N", partial(source, postfix.port, asked.small, 10, "-N"))
    ours, *others = runs
    for other in others:
        ratio = statistics.median(
            mine.rate / its.rate for (mine, _), (its, _) in zip(runs[ours], runs[other], strict=True)
        )
        print(f"median {ratio:.2f} x the rate of {other}, start-up included")
    for name, found in runs.items():
        print(f"median {statistics.median(used for _, used in found):.0f} us of Postfix's CPU for a mail of {name}")


@contextlib.contextmanager
def engine(top: Path, which: str) -> Iterator[tuple[str, Callable[[], float], Callable[[], float]]]:
    """The URL of an empty database, the CPU seconds that it has taken itself, and its size in MB."""
    if which == "sqlite":
        yield "sqlite:///t.db", lambda: 0.0, lambda: sum(f.stat().st_size for f in top.rglob("t.db*")) / 2**20
        return
    import fleet

    with fleet.cluster() as cluster:
        store = Store(cluster.url)

        def size() -> float:
            return float(store.one("SELECT pg_database_size(current_database())")[0]) / 2**20

        yield cluster.url, cluster.cpu, size
        store.close()


def whole(top: Path, asked: argparse.Namespace) -> None:
    count = asked.whole or asked.rows
    with ingest.sink() as port, engine(top, asked.on) as (url, cpu, size):
        path = prepare(top / "c", port, count, asked.connections, url)
        before, theirs = size(), cpu()
        print(f"{asked.on}: {broadcast(path, count) if asked.whole else rows(path, count)}")
        theirs, after = (cpu() - theirs) / count * 1e6, size()
        print(f"the database's own CPU {theirs:.0f} us a reader; {before:.0f} MB before, {after:.0f} MB after it")
        if asked.whole:
            print(f"smtp-source -s 10: {source(port, count, 10)}")


def rows(path: Path, count: int) -> Run:
    """The rows of a broadcast are made, slice by slice, in this process; nothing is sent."""
    app = build(configs.load(path))
    app.store.open()
    started, used = time.monotonic(), time.process_time()
    longest = 0.0
    while (before := time.monotonic()) and audience.expand(app.store):
        longest = max(longest, time.monotonic() - before)
    used, spent = time.process_time() - used, time.monotonic() - started
    print(f"the longest slice took {longest:.2f} s")
    app.store.close()
    return Run(count, used, spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--small", type=int, default=10_000)
    ask.add_argument("--large", type=int, default=50_000)
    ask.add_argument("--rounds", type=int, default=3)
    ask.add_argument("--connections", type=int, default=4)
    ask.add_argument("--log", default="error", help="the level of the sender's log, which is thrown away")
    ask.add_argument("--postfix", action="store_true")
    ask.add_argument("--whole", type=int, default=0, help="readers of one broadcast that is sent")
    ask.add_argument("--rows", type=int, default=0, help="readers of one broadcast whose rows are made")
    ask.add_argument("--on", choices=("sqlite", "postgresql"), default="sqlite")
    asked = ask.parse_args()
    os.environ["TRIAGEMAIL_LOG"] = asked.log
    top = Path(tempfile.mkdtemp(prefix="tm-bench-"))
    try:
        how = whole if asked.whole or asked.rows else into_postfix if asked.postfix else into_sink
        how(top, asked)
    finally:
        shutil.rmtree(top)


if __name__ == "__main__":
    main()
