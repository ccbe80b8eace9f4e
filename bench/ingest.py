"""Report mails from files to their answers in a local sink: CPU per mail of `import` and `run --until-idle`.

    python bench/ingest.py [--small 1000] [--large 5000] [--rounds 3]
    PYTHONPATH=. python bench/ingest.py --imap [--small 1000] [--large 5000] [--rounds 3]

Half of the reports are complete, half lack their priority, 15 % have a picture of 37 kB; every one is answered, and the
complete ones go to the triager. The slope between the two sizes is the cost of a mail; what is left is start-up. CPU
is user and system time of the whole process tree; the sink is Postfix's smtp-sink, whose CPU does not count.

With --imap the mails wait in a Dovecot instead, whose CPU does not count either; they are fetched, worked off, answered
and moved away by one `run --until-idle`. Between the sizes Postfix's own source, `smtp-source -s 1`, sends a thousand
mails to the same sink: the machine's speed of the minute.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import make_reports

from triagemail import config as configs
from triagemail import trial
from triagemail.store.store import Store

IDLE = ("run", "--until-idle")
CONFIG = """
[mail]
address = "issues@acme.example"
operator = "ops@acme.example"
[imap]
host = ""
[smtp]
host = "127.0.0.1"
port = 2599
tls = "none"
[auth]
profile = "own"
trusted_authserv_id = ["mail0.acme.example"]
trusted_received_by = ["mail0.acme.example"]
[people]
reporters = ["acme.example"]
triagers = ["sara@acme.example"]
[store]
url = "sqlite:///t.db"
"""


def set_up(folder: Path, config: str = CONFIG) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(config)
    (folder / "triagemail.keys").write_text(f"a {'ab' * 32}\n")
    prove(folder / "config.toml")
    return folder / "config.toml"


def prove(path: Path) -> None:
    """As `triagemail doctor --auth` leaves it: else nobody is believed, and most mails are not answered."""
    made = configs.load(path)
    store = Store(made.store.url)
    store.open()
    trial.store_result(store, configs.trust(made), datetime.now(UTC))
    store.close()


def cpu(argv: list[str]) -> tuple[float, int]:
    """(user + system seconds, largest resident set in kB) of one command and its children. Raises on failure."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}  # as installed
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=compiled)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, after.ru_maxrss


def ingest(config: Path, mails: Path) -> tuple[float, float]:
    """CPU seconds of taking the mails in and of working them off."""
    tool = [sys.executable, "-m", "triagemail", "--config", str(config)]
    return cpu([*tool, "import", str(mails)])[0], cpu([*tool, *IDLE])[0]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def sink() -> Iterator[int]:
    """The port of a smtp-sink of Postfix, which takes everything and throws it away until the block ends."""
    port, user = free_port(), ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen(["smtp-sink", *user, f"127.0.0.1:{port}", "1000"])
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


def by_imap(top: Path, port: int, asked: argparse.Namespace) -> None:
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    import broadcast
    import servers

    costs, rates, beside = [], [], []
    for turn in range(asked.rounds):
        spent = {}
        for count in (asked.small, asked.large):
            with servers.dovecot() as server:
                for path in sorted((top / str(count)).iterdir()):
                    server.deliver("bench", path.read_bytes())
                imap = f'host = "127.0.0.1"\nport = {server.port}\ntls = "none"\nuser = "bench"'
                more = CONFIG.replace("2599", str(port)).replace('host = ""', f'{imap}\npassword = "{server.password}"')
                config = set_up(top / f"{turn}-{count}-imap", more)
                run = broadcast.measure([sys.executable, "-m", "triagemail", "--config", str(config), *IDLE], count)
                spent[count] = run
                print(f"round {turn} by IMAP         {run}", flush=True)
                beside.append(broadcast.source(port, 1_000, 1))
                print(f"round {turn} smtp-source -s 1 {beside[-1]}", flush=True)
        more_mails = asked.large - asked.small
        costs.append((spent[asked.large].cpu - spent[asked.small].cpu) / more_mails * 1000)
        rates.append(more_mails / (spent[asked.large].wall - spent[asked.small].wall))
    one = statistics.median(run.cost for run in beside) / 1000
    cost = statistics.median(costs)
    print(f"median {cost:.2f} ms CPU a mail, {statistics.median(rates):.0f} mails/s (slopes), fetch included")
    print(f"       {cost / one:.0f} x a mail of smtp-source -s 1 ({one * 1000:.0f} us)")


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--small", type=int, default=1_000)
    ask.add_argument("--large", type=int, default=5_000)
    ask.add_argument("--rounds", type=int, default=3)
    ask.add_argument("--imap", action="store_true")
    asked = ask.parse_args()
    os.environ["TRIAGEMAIL_LOG"] = "error"
    with tempfile.TemporaryDirectory(prefix="tm-bench-") as folder, sink() as port:
        top = Path(folder)
        slopes, starts = [], []
        for count in (asked.small, asked.large):
            make_reports.write(top / str(count), count)
        if asked.imap:
            by_imap(top, port, asked)
            return
        for turn in range(asked.rounds):
            spent = {}
            for count in (asked.small, asked.large):
                config = set_up(top / f"{turn}-{count}", CONFIG.replace("2599", str(port)))
                took, worked = ingest(config, top / str(count))
                spent[count] = took + worked
                print(f"round {turn} {count:6} mails: import {took:6.2f} s, run {worked:6.2f} s CPU")
            slope = (spent[asked.large] - spent[asked.small]) / (asked.large - asked.small)
            slopes.append(slope * 1000)
            starts.append(spent[asked.small] - slope * asked.small)
        print(
            f"median {statistics.median(slopes):.2f} ms CPU a mail (slope), start-up of both commands"
            f" {statistics.median(starts):.2f} s"
        )
        print(f"largest resident set {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
