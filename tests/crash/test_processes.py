"""Four processes on one PostgreSQL, two of them killed at random: nothing is lost, and nothing doubled but what the
relay may or may not have had (trust.md D9, R1-R3). The long form is bench/fleet.py."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import conftest
import pytest
import servers
from fleets import fleet
from takers import taker

REPORTS, READERS = 240, 1500


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    yield from conftest.postgresql(tmp_path)


def test_two_of_four_processes_are_killed(tmp_path: Path, url: str) -> None:
    """D9: kill a worker that holds claims: all is done within lease + 60 s, duplicates <= open connections per kill.
    `status` shows who is left, and `migrate` refuses meanwhile."""
    chance = random.Random(5)
    with taker() as relay, fleet(tmp_path, url, relay) as here:
        here.subscribe(READERS)
        here.broadcast()
        here.reports(0, REPORTS // 2)
        for _ in range(4):
            here.start()
        servers.wait_until(lambda: here.done() >= chance.randrange(20, 60), 60, "some mails to be worked off")
        here.kill_one(chance)
        here.reports(REPORTS // 2, REPORTS)
        before = len(relay.mails)
        servers.wait_until(lambda: len(relay.mails) > before + chance.randrange(20, 200), 60, "some mails to be sent")
        here.kill_one(chance)
        killed_at = time.monotonic()
        here.finish(75)
        assert time.monotonic() - killed_at < 75
        twice = here.check(REPORTS, READERS)
        # Whoever lives strikes the dead off, after 15 s of silence and a turn of its own.
        servers.wait_until(lambda: here.count("SELECT COUNT(*) FROM process") == 2, 60, "the second one struck off")
        shown = [line for line in here.command("status").stdout.splitlines() if line.startswith("process:")]
        assert len(shown) == 2
        assert all("work,clock,send since" in line and "gone" not in line for line in shown)
        refused = here.command("migrate")
        assert (refused.returncode, refused.stderr.count("stop these first: ")) == (75, 1)
        assert here.stop() == [0, 0]
        assert here.count("SELECT COUNT(*) FROM process") == 0
        print(f"{twice} mails went out twice")
