"""A service between a real Dovecot and a relay that counts, which is killed again and again while mails come in; and
two services of a deliberately wrong design, which must be found out: siege.py plays it.

As a program it is what is killed: `python kills.py CONFIG DESIGN` imports everything once, then runs the service in a
child of its own for each line of its input.
"""

from __future__ import annotations

import builtins
import ctypes
import faulthandler
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CONNECTIONS = 4
DESIGNS = ("right", "seen", "atmost", "poison")
PATIENCE = 5.0  # seconds
NAMED = 1.0  # seconds that a named step has to come by
WINDOW = 0.03  # seconds that a wrong design is wrong for
CONFIG = """
[mail]
address = "issues@acme.example"
[imap]
host = "127.0.0.1"
port = {imap}
tls = "none"
user = "{user}"
password = "secret"
[smtp]
port = {smtp}
tls = "none"
connections = {connections}
[people]
reporters = ["acme.example"]
triagers = ["sara@acme.example"]
[store]
url = "sqlite:///t.db"
"""


# --- what is killed --------------------------------------------------------------------------------------------------


def _seen() -> None:
    """Wrong: the server is told, and the cursor moved, before the mails are stored, as with \\Seen (trust.md I9)."""
    from triagemail import intake
    from triagemail.failpoints import step
    from triagemail.store import claims, mailbox

    def poll_once(self: intake.Intake, lease: str = "") -> bool:
        validity, taken = self.mailbox.uidvalidity, 0
        last = mailbox.cursor(self.store, self.account, self.folder)[1]
        for batch in self.mailbox.fetch_new(last):
            with self.store.transaction():
                mailbox.move_cursor(self.store, self.account, self.folder, validity, max(mail.uid for mail in batch))
            self.mailbox.done([mail.uid for mail in batch])
            time.sleep(WINDOW)
            step("before_take_commit")
            with self.store.transaction():
                claims.take(self.store, [intake.arrival(mail, self.clock) for mail in batch])
            taken += len(batch)
        return taken > 0

    intake.Intake.poll_once = poll_once  # type: ignore[method-assign]


def _atmost() -> None:
    """Wrong: what is claimed counts as sent, so that nothing ever goes out twice."""
    from triagemail.store import claims
    from triagemail.store.store import Store

    right = claims.claim_deliveries

    def claim(store: Store, *values: object, **rest: object) -> list[claims.Due]:
        dues = right(store, *values, **rest)  # type: ignore[arg-type]
        with store.transaction():
            for due in dues:
                store.run("UPDATE delivery SET state = 'sent', holder = '' WHERE id = ?", due.delivery)
        time.sleep(WINDOW)
        return dues

    claims.claim_deliveries = claim


def _die(how: str) -> None:
    if how == "segv":
        faulthandler.disable()
        ctypes.string_at(0)
    elif how == "abort":
        faulthandler.disable()
        os.abort()
    elif how == "exit":
        os._exit(1)
    else:
        os.kill(os.getpid(), signal.Signals[f"SIG{how.upper()}"])


def _poison() -> None:
    """Not wrong: a parser or a rule that fails of a mail in the way that the mail's X-Poison field names (D11)."""
    from triagemail import worker
    from triagemail.mail import mime

    parse, unreadable = mime.parse, worker.unreadable

    def fails(how: str) -> None:
        if how in KINDS_OF_DEATH:
            _die(how)
        elif how == "UnicodeDecodeError":
            b"\xff".decode()
        elif how:
            raise getattr(builtins, how)("poison")

    def parse_(raw: bytes) -> mime.ParsedMail:
        found = parse(raw)
        where, _, how = "".join(found.headers.get("x-poison", ())).partition(" ")
        if where == "parser":
            fails(how)
        return found

    def unreadable_(found: Any) -> str:
        where, _, how = "".join(found.headers.get("x-poison", ())).partition(" ")
        if where == "rule":
            fails(how)
        return unreadable(found)

    mime.parse = parse_
    worker.unreadable = unreadable_


KINDS_OF_DEATH = ("exit", "kill", "bus", "segv", "abort")
KINDS_OF_ERROR = ("ValueError", "KeyError", "RecursionError", "MemoryError", "UnicodeDecodeError")
POISON = tuple(f"{where} {how}" for where in ("parser", "rule") for how in (*KINDS_OF_DEATH, *KINDS_OF_ERROR))
"""Twenty kinds of a mail that breaks what reads it."""


def serve(config: Path, how: str, fail: str) -> int:
    """In the child: "serve" until it is killed, "finish" what is due; it dies at the step `fail`."""
    from triagemail import config as configs
    from triagemail import failpoints
    from triagemail.app import build, exclusive

    failpoints._name, _, nth = fail.partition(":")
    failpoints._left = int(nth or 1)
    app = build(configs.load(config))
    app.store.open()
    with exclusive(app.store):
        if how == "serve":
            return 0 if app.serve() else 75
        app.until_idle()
        app.sender.relay.close()
        return 0


def _zygote(config: Path, design: str) -> None:
    from triagemail import app, log  # noqa: F401  # every child has it at once

    log.configure("error")
    {"right": lambda: None, "seen": _seen, "atmost": _atmost, "poison": _poison}[design]()
    print("ready", flush=True)
    for line in sys.stdin:
        how, _, fail = line.strip().partition(" ")
        pid = os.fork()
        if pid == 0:
            code = 70
            try:
                code = serve(config, how, fail)
            finally:
                os._exit(code)
        print(pid, flush=True)
        sys.stdin.readline()  # until it is asked for, its number stays its own
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


# --- who kills -------------------------------------------------------------------------------------------------------


@dataclass
class Killer:
    """Starts the service and kills it. `passed` counts the named steps at which it died by itself."""

    zygote: subprocess.Popen[str]
    chance: random.Random
    kills: int = 0
    passed: Counter[str] = field(default_factory=Counter)

    def hear(self) -> str:
        assert self.zygote.stdout is not None
        return self.zygote.stdout.readline().strip()

    def ask(self, line: str) -> int:
        """The number of a new process, or how the last one ended."""
        assert self.zygote.stdin is not None
        self.zygote.stdin.write(f"{line}\n")
        self.zygote.stdin.flush()
        return int(self.hear())

    def kill_after(self, done: Callable[[], int], seconds: float, fail: str = "") -> None:
        """Killed so many seconds after it has worked off a mail, however slow the machine is, where it has not died at
        its step before. So no mail is in hand at three deaths: that one would be held, as it should."""
        before = done()
        pid = self.ask(f"serve {fail}")
        ends = time.monotonic() + PATIENCE
        while done() == before and time.monotonic() < ends and not _is_dead(pid):
            time.sleep(0.01)
        ends = time.monotonic() + (NAMED if fail else seconds)
        while time.monotonic() < ends and not _is_dead(pid):
            time.sleep(0.01)
        os.kill(pid, signal.SIGKILL)
        code = self.ask("")
        assert code in (9, -signal.SIGKILL), f"it ended by itself with {code}"
        self.kills += 1
        self.passed[fail.partition(":")[0]] += code == 9

    def restart_after(self, done: Callable[[], int], seconds: float) -> float:
        """SIGTERM so many seconds after it has worked off a mail; how long it then took to end well."""
        before = done()
        pid = self.ask("serve")
        ends = time.monotonic() + PATIENCE
        while done() == before and time.monotonic() < ends:
            time.sleep(0.01)
        time.sleep(seconds)
        began = time.monotonic()
        os.kill(pid, signal.SIGTERM)
        code = self.ask("")
        assert code == 0, f"it ended with {code}"
        return time.monotonic() - began

    def keep_alive(self, seconds: float, over: Callable[[], object]) -> int:
        """As systemd does: started again whenever it dies, until it is `over`. How often it died."""
        ends, deaths = time.monotonic() + seconds, 0
        while not over():
            assert time.monotonic() < ends, f"not over after {seconds:.0f} s and {deaths} deaths"
            pid = self.ask("serve")
            while not _is_dead(pid) and not over() and time.monotonic() < ends:
                time.sleep(0.05)
            deaths += _is_dead(pid)
            os.kill(pid, signal.SIGTERM)
            self.ask("")
        return deaths

    def finish(self) -> None:
        self.ask("finish")
        assert self.ask("") == 0, "it must end well when nobody kills it"


def _is_dead(pid: int) -> bool:
    """A child of the zygote that has ended and was not asked for its end."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


@contextmanager
def killer(config: Path, design: str, seed: int) -> Iterator[Killer]:
    argv = [sys.executable, __file__, str(config), design]
    zygote = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    made = Killer(zygote, random.Random(seed))
    try:
        assert made.hear() == "ready"
        yield made
    finally:
        assert zygote.stdin is not None
        zygote.stdin.close()
        zygote.wait(60)


def late(chance: random.Random) -> Callable[[int, str, str], bytes | None]:
    """A relay that takes its time on both sides of its store, so that kills hit the moments between."""

    def answer(connection: int, stage: str, rcpt: str) -> bytes | None:
        if stage in ("data", "end"):
            time.sleep(chance.uniform(0.0, 0.004))
        return None

    return answer


def feed(deliver: Callable[[bytes], object], mails: Sequence[bytes], due: Callable[[], int]) -> threading.Thread:
    """Mails come into the mailbox one by one, so many as are due."""

    def run() -> None:
        for number, raw in enumerate(mails):
            while number >= due():
                time.sleep(0.005)
            deliver(raw)
            time.sleep(0.005)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


if __name__ == "__main__":
    _zygote(Path(sys.argv[1]), sys.argv[2])
