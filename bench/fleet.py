"""Several processes on one PostgreSQL of this program's own: killed, restarted under them, and measured.

    PYTHONPATH=. python bench/fleet.py killed    [--processes 4] [--reports 5000] [--readers 20000] [--deaths 2]
    PYTHONPATH=. python bench/fleet.py restarted [--processes 3] [--reports 1000] [--restarts 20]
    PYTHONPATH=. python bench/fleet.py measured  [--processes 1,2,4] [--reports 2000] [--readers 20000]

`killed` and `restarted` (trust.md D8, D9) end with an error where something is lost, or doubled but the ambiguous.
`measured` prints what a mail and a reader cost: CPU of our processes and of PostgreSQL's, without their start; the
reports are those of ingest.py, each answered; the relay is Postfix's smtp-sink, which does not count. On a machine
where all share the cores, the rate is theirs together. `smtp-source -s 1` sends to the same sink in the same minute.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import broadcast
import ingest
import make_reports
import servers
from fleets import Fleet, fleet
from takers import Taker, taker

from triagemail import config as configs
from triagemail.app import build
from triagemail.store import claims
from triagemail.store.claims import Arrival

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL with its data in a folder that vanishes with it."""

    port: int
    data: Path

    @property
    def url(self) -> str:
        return f"postgresql://root@127.0.0.1:{self.port}/postgres"

    def control(self, *argv: str) -> None:
        as_owner("pg_ctl", "-D", str(self.data), "-w", "-l", f"{self.data}/log", *argv)

    def cpu(self) -> float:
        """Seconds of the postmaster and all it ever started."""
        return all_cpu(int((self.data / "postmaster.pid").read_text().split()[0]))


def as_owner(*argv: str) -> None:
    """PostgreSQL does not work for root."""
    who = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*who, *argv], check=True, stdout=subprocess.DEVNULL, cwd="/")


def cpu(process: int, *, ended: bool = False) -> float:
    """Seconds of user and system time of a process, with `ended` of its children that have ended as well."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11 : 15 if ended else 13])) / TICKS


def all_cpu(master: int) -> float:
    """Seconds of a process and all that it ever started."""
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return cpu(master, ended=True) + sum(cpu(int(child)) for child in children)


@contextmanager
def cluster() -> Iterator[Cluster]:
    with tempfile.TemporaryDirectory(prefix="tm-pg-") as top:
        os.chmod(top, 0o777)
        made = Cluster(ingest.free_port(), Path(top) / "data")
        as_owner("initdb", "-D", str(made.data), "-A", "trust", "-U", "root", "--locale=C.UTF-8")
        options = f"-c listen_addresses=127.0.0.1 -c port={made.port} -c unix_socket_directories={top}"
        made.control("-o", options, "start")
        try:
            yield made
        finally:
            made.control("-m", "immediate", "stop")


def until(true: Callable[[], bool], seconds: float, what: str) -> None:
    servers.wait_until(true, seconds, what)


def ready(here: Fleet, number: int) -> None:
    until(lambda: here.count("SELECT COUNT(*) FROM process") == number, 120, "the processes")


# --- killed, restarted -----------------------------------------------------------------------------------------------


def killed(here: Fleet, relay: Taker, asked: argparse.Namespace) -> None:
    chance = random.Random(asked.seed)
    here.subscribe(asked.readers)
    here.reports(0, asked.reports // 2)
    for _ in range(int(asked.processes)):
        here.start()
    began = time.monotonic()
    until(lambda: here.done() > 0, 120, "the first mail")
    here.broadcast()
    here.reports(asked.reports // 2, asked.reports)
    for _ in range(asked.deaths):
        so_far = len(relay.mails)
        until(lambda: len(relay.mails) > so_far + chance.randrange(500, 3000), 300, "mails to be sent")  # noqa: B023
        here.kill_one(chance)
        print(f"killed one after {here.done()} mails in, {len(relay.mails)} out")
    here.finish(1800)
    spent = time.monotonic() - began
    twice = here.check(asked.reports, asked.readers)
    print(
        f"{asked.reports} reports, {len(relay.mails)} mails out in {spent:.0f} s, {twice} of them twice: nothing lost"
    )


def restarted(here: Fleet, relay: Taker, asked: argparse.Namespace, database: Cluster) -> None:
    """PostgreSQL is torn down and started again under the processes."""
    chance = random.Random(asked.seed)
    for _ in range(int(asked.processes)):
        here.start()
    ready(here, int(asked.processes))
    done = 0
    for turn in range(asked.restarts):
        here.app.store.close()
        upto = asked.reports * (turn + 1) // asked.restarts
        here.reports(done, upto)
        done = upto
        time.sleep(chance.uniform(0.0, 0.6))
        here.app.store.close()
        database.control("-m", "immediate", "restart")
        time.sleep(chance.uniform(0.5, 2.0))
        print(f"restart {turn + 1}", flush=True)
    here.app.store.close()
    here.finish(300)
    here.kills = asked.restarts * int(asked.processes)  # as if each had been killed: no result was noted
    twice = here.check(asked.reports, 0)
    print(f"{asked.restarts} restarts in {asked.reports} reports: nothing lost, {twice} mails went out twice")


# --- measured --------------------------------------------------------------------------------------------------------


def ours(here: Fleet) -> float:
    return sum(cpu(process.pid) for process in here.running)


@contextmanager
def company(folder: Path, url: str, relay: Taker) -> Iterator[Fleet]:
    """As bench/ingest.py has it: the mail system vouches for who writes, so that each report is answered."""
    config = ingest.CONFIG.replace("port = 2599", f"port = {relay.port}\nconnections = 4").replace(
        "sqlite:///t.db", url
    )
    path = ingest.set_up(folder / "measured", config)
    made = Fleet(build(configs.load(path)), path, relay)
    made.app.store.open()
    try:
        yield made
    finally:
        made.stop()
        made.app.store.close()


def come_in(here: Fleet, raws: list[bytes]) -> None:
    """As intake takes them, fifty a commit, while the processes work."""
    for start in range(0, len(raws), 50):
        with here.app.store.transaction():
            now = here.app.clock.now()
            claims.take(here.app.store, [Arrival(raw, now, "import") for raw in raws[start : start + 50]])
        here.app._waking("work", None)()


def measured(here: Fleet, database: Cluster, number: int, asked: argparse.Namespace) -> None:
    chance = random.Random(asked.seed)
    raws = [make_reports.report(n, chance) for n in range(100 + asked.reports)]
    for _ in range(number):
        here.start()
    ready(here, number)
    time.sleep(3)
    come_in(here, raws[:100])  # templates are made, statements are known
    here.finish(300)
    for what, count, put in (
        ("report, with its answers out", asked.reports, lambda: come_in(here, raws[100:])),
        ("reader of a broadcast", asked.readers, here.broadcast),
    ):
        if what.startswith("reader"):
            here.subscribe(asked.readers)
        began, mine, theirs = time.monotonic(), ours(here), database.cpu()
        put()
        here.finish(1800)
        wall, mine, theirs = time.monotonic() - began, ours(here) - mine, database.cpu() - theirs
        each = f"{mine / count * 1e6:6.0f} us CPU of ours, {theirs / count * 1e6:6.0f} us of PostgreSQL"
        print(f"{number} processes: {count} x {what}: {count / wall:5.0f}/s, each {each}", flush=True)
    beside = broadcast.source(here.relay.port, 5_000, 1)
    print(f"smtp-source -s 1: {beside.rate:5.0f}/s, each {beside.cost:6.0f} us CPU", flush=True)


def sizes(here: Fleet) -> None:
    def per(count: str, *tables: str) -> float:
        bytes_ = sum(here.count(f"SELECT pg_total_relation_size('{table}')") for table in tables)
        return bytes_ / max(1, here.count(f"SELECT COUNT(*) FROM {count}"))

    rest = ("raw", "inbox", "seen", "issue", "event", "timer", "outgoing", "thread", "search")
    print(f"{per('delivery', 'delivery'):.0f} bytes a delivery, {per('person', 'person'):.0f} a person", end=", ")
    print(f"{per('inbox', *rest) / 1000:.1f} kB a report with its answers")


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("what", choices=("killed", "restarted", "measured"))
    ask.add_argument("--processes", default="")
    ask.add_argument("--reports", type=int, default=0)
    ask.add_argument("--readers", type=int, default=20_000)
    ask.add_argument("--deaths", type=int, default=2)
    ask.add_argument("--restarts", type=int, default=20)
    ask.add_argument("--seed", type=int, default=1)
    asked = ask.parse_args()
    asked.processes = asked.processes or {"killed": "4", "restarted": "3", "measured": "1,2,4"}[asked.what]
    asked.reports = asked.reports or {"killed": 5_000, "restarted": 1_000, "measured": 2_000}[asked.what]
    for number in asked.processes.split(","):
        with cluster() as database, tempfile.TemporaryDirectory(prefix="tm-fleet-") as folder:
            if asked.what == "measured":
                with ingest.sink() as port, company(Path(folder), database.url, Taker(port=port)) as here:
                    measured(here, database, int(number), asked)
                    sizes(here)
                continue
            with taker() as counting, fleet(Path(folder), database.url, counting) as here:
                if asked.what == "killed":
                    killed(here, counting, asked)
                else:
                    restarted(here, counting, asked, database)
                print("exit codes:", here.stop())


if __name__ == "__main__":
    main()
