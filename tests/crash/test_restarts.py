"""Rolling restarts while mails come in and go out: nothing is lost, and nothing goes out twice (trust.md O5)."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import conftest
import kills
import pytest
import servers
from fleets import Fleet, fleet
from siege import siege
from takers import taker

FORMS = [(8, 160), pytest.param(50, 1_000, marks=pytest.mark.slow)]  # (restarts, mails)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("restarts", "mails"), FORMS)
def test_restarts_lose_and_double_nothing(
    tmp_path: Path, dovecot: servers.DovecotServer, user: str, restarts: int, mails: int
) -> None:
    """O5 "50 rolling restarts in 1,000 mails: 0 lost, 0 duplicates", SQLite: each SIGTERM finishes what is in hand, in
    30 seconds at most, and the exit code is 0."""
    found = siege(tmp_path, dovecot, user, mails=mails, deaths=restarts, seed=3, gently=True)
    print(f"{restarts} restarts in {mails} mails, {found.seconds:.0f} s; the longest took {found.longest:.1f} s")
    assert found.wrong == []
    assert found.twice == 0
    assert found.longest < 30


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    yield from conftest.postgresql(tmp_path)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("restarts", "mails"), [(6, 150), pytest.param(50, 1_000, marks=pytest.mark.slow)])
def test_two_processes_are_restarted_in_turn(tmp_path: Path, url: str, restarts: int, mails: int) -> None:
    """O5 on PostgreSQL: one of two processes is always there, and the other one ends and begins anew: the same, and no
    number of an issue is lost."""
    chance, longest = random.Random(4), 0.0
    with taker(answer=kills.late(random.Random(4))) as relay, fleet(tmp_path, url, relay) as here:
        begin(here)
        begin(here)
        for number in range(restarts):
            upto = mails * (number + 1) // restarts
            here.reports(mails * number // restarts, upto)
            before = here.done()
            servers.wait_until(lambda: here.done() > before, 60, "a mail to be worked off")  # noqa: B023  # at once
            time.sleep(chance.uniform(0.0, 0.3))
            longest = max(longest, restart(here))
        here.finish(60)
        assert here.check(mails, 0) == 0, "a mail went out twice"
        assert here.stop() == [0, 0]
    print(f"{restarts} restarts in {mails} mails; the longest took {longest:.1f} s")
    assert longest < 30


def restart(here: Fleet) -> float:
    """The older one ends and another begins; how long the end took."""
    oldest = here.running.pop(0)
    began = time.monotonic()
    oldest.send_signal(signal.SIGTERM)
    assert oldest.wait(40) == 0
    took = time.monotonic() - began
    begin(here)
    return took


def begin(here: Fleet) -> None:
    """One process more, which is there when this returns: before that SIGTERM would just end it."""
    here.start()
    there = "SELECT COUNT(*) FROM process"
    servers.wait_until(lambda: here.count(there) == len(here.running), 60, "a process")
