"""Mails come in, the service dies and dies, then it is let alone, and everything is counted. The short form is a test,
the long one bench/kill.py."""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import kills
import servers
from fleets import EACH, REPORT, message_id
from takers import taker

from triagemail.failpoints import STEPS
from triagemail.store.store import Store

NAMED = tuple(name for name in STEPS if "lmtp" not in name and name not in ("after_timer_commit", "after_expand"))

HEAD = (
    "after_claim",
    "before_work_commit",
)  # not at once: at its third death the first mail would be held, as it should


@dataclass
class Outcome:
    """What a round came to; `wrong` says what of the promises does not stand."""

    kills: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    twice: int = 0
    longest: float = 0.0  # seconds from a SIGTERM to the end
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def expect(self, good: object, otherwise: str) -> None:
        if not good:
            self.wrong.append(otherwise)


def siege(
    folder: Path,
    dovecot: servers.DovecotServer,
    user: str,
    *,
    mails: int,
    deaths: int,
    seed: int,
    design: str = "right",
    alive: float = 0.9,
    steps: Sequence[str] = NAMED,
    gently: bool = False,
) -> Outcome:
    """Every other death is at a named step, or at its moment where the step does not come by. Between two of them it
    works off a mail, and then for up to `alive` seconds. `gently`: each is a SIGTERM, and none a death."""
    chance, found, began, turn = random.Random(seed), Outcome(), time.monotonic(), 0
    raws = [REPORT.format(number=n, author=n // EACH).encode() for n in range(mails)]
    with taker(answer=kills.late(random.Random(seed))) as relay:
        config = folder / "config.toml"
        values = {"imap": dovecot.port, "smtp": relay.port, "user": user, "connections": kills.CONNECTIONS}
        config.write_text(kills.CONFIG.format(**values))
        (folder / "triagemail.keys").write_text(f"a {'ab' * 32}\n")
        with kills.killer(config, design, seed) as killer:
            killer.finish()  # the desk is opened
            deliver: Callable[[bytes], object] = lambda raw: dovecot.deliver(user, raw)  # noqa: E731
            feeder = kills.feed(deliver, raws, lambda: mails * (turn + 1) // deaths)
            store = Store(f"sqlite:///{folder}/t.db")
            for number in range(deaths):
                turn = number
                if gently:
                    took = killer.restart_after(lambda: done(store), chance.uniform(0.0, alive))
                    found.longest = max(found.longest, took)
                    continue
                name = steps[number // 2 % len(steps)]
                step = f"{name}:{chance.randrange(1, 3) + (name in HEAD)}" if number % 2 else ""
                killer.kill_after(lambda: done(store), chance.uniform(0.0, alive), step)
            turn = deaths
            feeder.join()
            killer.finish()
            killer.finish()  # what came in between the first look and the last mail
            store.close()
            found.kills, found.steps = killer.kills, killer.passed
        count(found, Store(f"sqlite:///{folder}/t.db"), relay.mails, mails)
    found.seconds = time.monotonic() - began
    return found


def done(store: Store) -> int:
    number: int = store.one("SELECT COUNT(*) FROM inbox WHERE state <> 'received'")[0]
    return number


def count(found: Outcome, store: Store, taken: list[tuple[str, bytes]], mails: int) -> None:
    inbox = dict(store.all("SELECT state, COUNT(*) FROM inbox GROUP BY state"))
    filed = store.one("SELECT COUNT(*), COUNT(DISTINCT issue) FROM event WHERE type = 'ReportFiled'")
    issues = store.one("SELECT COUNT(*) FROM issue")[0]
    found.expect(inbox.get("done", 0) == mails, f"{mails - inbox.get('done', 0)} of {mails} mails are lost: {inbox}")
    found.expect(not inbox.get("held"), f"{inbox.get('held')} good mails are held")
    found.expect(tuple(filed) == (issues, issues) and issues <= mails, f"{filed} reports filed in {issues} issues")
    found.expect(store.all("PRAGMA integrity_check") == [("ok",)], "the database is broken")
    unsent = store.one("SELECT COUNT(*) FROM delivery WHERE state <> 'sent'")[0]
    found.expect(not unsent, f"{unsent} mails were not sent")
    times = Counter((rcpt, message_id(raw)) for rcpt, raw in taken)
    wanted = store.one("SELECT COUNT(*) FROM delivery")[0]
    found.expect(len(times) == wanted, f"{wanted - len(times)} of {wanted} mails of ours never came to the relay")
    found.twice = sum(n - 1 for n in times.values())
    found.expect(found.twice <= found.kills * kills.CONNECTIONS, f"{found.twice} mails went out twice")
    copies = defaultdict(set)
    for rcpt, raw in taken:
        copies[rcpt, message_id(raw)].add(raw)
    found.expect(all(len(each) == 1 for each in copies.values()), "a second sending differs from the first")
    store.close()
