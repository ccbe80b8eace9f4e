"""Four promises of the service as figures (trust.md 1): R6, R8, R9 and R10, each with what may at most be.

    python bench/promises.py [--titles 100000] [--mails 1000]

R5 and R7 are conversations: `pytest -m "slow or not slow" tests/test_stories_trust.py tests/test_stories_floods.py`.
"""

from __future__ import annotations

import argparse
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from chat import BOB, COMPLETE, SARA, Chat, opened, talk_directly, to  # noqa: E402  # the path comes first

from triagemail import log  # noqa: E402  # the path comes first
from triagemail.mail import compose, mime  # noqa: E402  # the path comes first
from triagemail.process.model import Issue, State  # noqa: E402  # the path comes first

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
PIECES = (
    "Website is down", "\r\nBcc: evil@attacker.example", "\n\nDear all", "=?utf-8?q?=0A?=", "=?UTF-8?B?DQpCY2M6?=",
    "\x00", "\x85", "\u2028Bcc:", "\u202eP0", "\ud800", "é", "🚨", ":", "<", ">", "[P0]", "PRIORITY 0 ISSUE: ", "\t",
    "=?utf-8?q?down_=F0=9F=92=A9_=3D=3FUTF-8=3FQ=3F=3D0A=3F=3DBcc=3A_evil=40attacker=2Eexample?=",
)  # fmt: skip


@contextmanager
def company() -> Iterator[Chat]:
    with tempfile.TemporaryDirectory() as folder, talk_directly(Path(folder)) as chat:
        yield chat


def reports_without_evidence(count: int) -> str:
    """R6: 100 % of no-evidence P0 reports reach the triager on duty in <= 60 s after the fetch."""
    slowest, reached = 0.0, 0
    with company() as chat:
        for number in range(count):
            raw = chat.writes(BOB, COMPLETE.format(priority="P0"), subject=f"Shop {number} is down")
            started = time.monotonic()
            chat.append(raw)
            out = chat.settle()
            slowest = max(slowest, time.monotonic() - started)
            reached += bool(to(out, SARA))
            chat.clock.advance(timedelta(minutes=11))
    return f"{reached} of {count} reached the triager, the slowest after {slowest:.2f} s"


HOSTILE: dict[str, Callable[[], bytes]] = {
    "100,000 nested parts": lambda: _nested(100_000),
    "100,000 parts": lambda: b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n' + b"--x\r\n\r\na\r\n" * 100_000,
    "500,000 addresses": lambda: b"To: " + b",\r\n ".join(b"a%d@b.example" % n for n in range(500_000)) + b"\r\n\r\nx",
    "5 MB of one header": lambda: b"X-Long: " + b"a" * 5_000_000 + b"\r\n\r\nx",
    "50,000 parentheses": lambda: b"To: " + b"(" * 50_000 + b"\r\n\r\nx",
    "25 MB of base64": lambda: b"Content-Transfer-Encoding: base64\r\n\r\n" + b"QUFB" * 6_000_000,
    "25 MB of HTML tags": lambda: b"Content-Type: text/html\r\n\r\n" + b"<div a=b>" * 2_700_000,
    "25 MB of quotes": lambda: b"\r\n" + b"> a\r\n" * 5_000_000,
    "25 MB in one line": lambda: b"\r\n" + b"a " * 12_500_000,
}  # fmt: skip


def _nested(depth: int) -> bytes:
    return (
        b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(depth))
        + b"\r\nx"
    )


def hostile_mails() -> str:
    """R8: any mail <= 25 MiB: <= 10 s, <= 512 MiB, others go on; then `held`. Each in a process of its own."""
    worst_time, worst_memory = 0.0, 0
    for name in HOSTILE:
        ran = subprocess.run([sys.executable, __file__, "--one", name], capture_output=True, text=True, check=True)
        seconds, megabytes, after = ran.stdout.split()
        print(f"    {name:<22} {float(seconds):5.2f} s  {int(megabytes):4} MB  {after}")
        worst_time, worst_memory = max(worst_time, float(seconds)), max(worst_memory, int(megabytes))
    return f"the slowest {worst_time:.1f} s, the largest {worst_memory} MB"


def one_hostile(name: str) -> None:
    """The mail and a good one behind it."""
    raw = f"From: {BOB}\r\nSubject: x\r\nMessage-ID: <h@c.example>\r\n".encode() + HOSTILE[name]()
    with company() as chat:
        chat.append(raw[: 25 * 2**20])
        chat.append(chat.writes(BOB, COMPLETE.format(priority="P2"), subject="A good one"))
        started = time.process_time()
        while chat.app.worker.work_once():
            pass
        seconds = time.process_time() - started
        states = [state for state, _ in chat.inbox()]
        assert states[1] == "done", states
    print(f"{seconds:.3f} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} {states[0]}")


def fuzzed_titles(count: int) -> str:
    """R9: 0 changed header sets in 100,000 fuzzed titles."""
    chance = random.Random(9)
    with company() as chat:
        policy = chat.app.policy
    usual: list[bytes] = []
    changed = 0
    for _ in range(count):
        title = "".join(chance.choices(PIECES, k=chance.randrange(1, 6)))
        issue = Issue(number=1, reporter=BOB, opened_at=NOW, touched_at=NOW, headline=title, state=State.TRIAGE)
        made = compose.compose(
            "received", language="en", issue=issue, policy=policy, values={}, now=NOW, to=BOB,
            reply_to="issues+x@acme.example",
        )  # fmt: skip
        names = sorted(re.findall(rb"(?m)^([^ \t\r\n:]+):", made.head))
        usual = usual or names
        changed += names != usual or b"\n" in made.head.replace(b"\r\n", b"") or not made.head.isascii()
        mime.parse(made.head + b"\r\n" + made.body) if chance.random() < 0.01 else None
    return f"{changed} of {count:,} titles changed the header fields"


def seen_addresses(count: int) -> str:
    """R10: 0 other-recipient addresses in 1,000 captured broadcasts: headers, body, envelope."""
    readers = [f"reader{number:04d}@acme.example" for number in range(count)]
    with company() as chat:
        chat.subscribe(*readers)
        triage, _ = opened(chat)
        chat.answers(triage, "agree\nupdate: We look into it.")
        chat.answers(triage, "resolve: It works again")
        copies = [mail for mail in chat.sent if mail.to in set(readers)]
        others = re.compile(rb"reader[0-9]{4}@acme\.example")
        leaks = sum(
            any(found.decode() != mail.to for found in others.findall(mail.raw + mail.mail_from.encode()))
            for mail in copies
        )
    return f"{leaks} of {len(copies):,} copies named another reader"


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--titles", type=int, default=100_000)
    ask.add_argument("--mails", type=int, default=1_000)
    ask.add_argument("--one", default="")
    asked = ask.parse_args()
    log.configure("error")
    if asked.one:
        one_hostile(asked.one)
        return
    print("R6 ", reports_without_evidence(100), flush=True)
    print("R8 ", hostile_mails(), flush=True)
    print("R9 ", fuzzed_titles(asked.titles), flush=True)
    print("R10", seen_addresses(asked.mails), flush=True)


if __name__ == "__main__":
    main()
