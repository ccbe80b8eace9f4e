"""Several processes that could read one mailbox, on one PostgreSQL: one of them does, and whoever was taken for dead
takes nothing (trust.md I10)."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import conftest
import fleets
import pytest
import servers
from chat import company
from intakes import delivers, report
from takers import taker

from triagemail import intake as reading
from triagemail.app import PARTS, STANDBY, UNTOLD, App, build
from triagemail.doors import imapd
from triagemail.store import mailbox as mailboxes
from triagemail.store.processes import ALIVE
from triagemail.worker import Worker

Pollers = Callable[[], App]


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    yield from conftest.postgresql(tmp_path)


@pytest.fixture
def box() -> Iterator[imapd.ImapServer]:
    with servers.pymap({"issues": servers.PASSWORD}) as server:
        yield server


@pytest.fixture
def pollers(url: str, tmp_path: Path, box: imapd.ImapServer) -> Iterator[Pollers]:
    """Services on one database and one mailbox, each as another process would be, and known to the others."""
    made: list[App] = []

    def new() -> App:
        config = company(tmp_path, box.port, "issues", 1, store={"url": url})
        app = build(replace(config), keys={"a": b"k" * 32})
        app.store.open()
        app.presence.say()
        made.append(app)
        return app

    yield new
    for app in made:
        app._close_intake()


def dies(app: App) -> None:
    """It says nothing for longer than the others wait, or it is stopped."""
    app.store.run("UPDATE process SET alive_until = 0 WHERE id = ?", app.presence.id)


def connected(*apps: App) -> list[bool]:
    return [app.mailbox is not None and app.mailbox.opened is not None for app in apps]


def taken(app: App) -> int:
    number: int = app.store.one("SELECT COUNT(*) FROM inbox")[0]
    return number


def lease(app: App) -> list[str]:
    """The number of the latest one, and its holder."""
    (row,) = app.store.all("SELECT value FROM meta WHERE key LIKE ?", f"{mailboxes.LEASE}%")
    return str(row[0]).split()


def test_one_of_several_reads_the_mailbox(pollers: Pollers, box: imapd.ImapServer) -> None:
    """I10: "DB lease (row + expiry, fenced by a number)": the others are not even connected; when its holder is gone
    the next one goes on where it stopped."""
    one, two, three = pollers(), pollers(), pollers()
    for number in range(3):
        box.append("issues", report(number))
    assert [app.poll_once() for app in (one, two, three)] == [True, False, False]
    assert connected(one, two, three) == [True, False, False]
    box.append("issues", report(3))
    assert [two.poll_once(), taken(one)] == [False, 3]
    dies(one)
    assert [three.poll_once(), two.poll_once(), one.poll_once()] == [True, False, False]
    assert connected(one, two, three) == [False, False, True]
    assert taken(one) == 4
    with three.presence.shown(("intake",)):
        pass  # it ends in good order: nobody waits for its time to be over
    assert two.poll_once() is False
    assert connected(two) == [True]
    assert lease(two) == ["3", two.presence.id]


def test_who_stands_by_fires_no_timer_before_the_mailbox_is_emptied(
    pollers: Pollers, box: imapd.ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ "First the mailbox is emptied, then timers run", also where another process empties it: after an outage of both
    the `resolve` that waited there comes before the timer. A minute after the start they run all the same."""
    one, two = pollers(), pollers()
    box.append("issues", report(0))
    assert one.intake is not None
    assert mailboxes.lease(one.store, one.intake.place, one.presence.id), "it is about to read it"
    ticks: list[str] = []

    def tick(worker: Worker) -> bool:
        ticks.append(worker.units.holder)
        return False

    monkeypatch.setattr(Worker, "tick_once", tick)
    two.poll_once()
    two._work(("clock",), PARTS)
    assert (ticks, taken(two)) == ([], 0)
    two.started -= UNTOLD
    two._work(("clock",), PARTS)
    assert len(ticks) == 1


def test_who_waits_looks_again_within_seconds(pollers: Pollers) -> None:
    """I10, I2: a process that stands by takes over within 20 seconds: 15 that a silent one counts as there, 5 between
    two looks."""
    one, two = pollers(), pollers()
    one.poll_once()
    loop = two.loops(("intake",))["intake"]
    asked: list[float] = []

    class Wake(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            asked.append(timeout or 0.0)
            return False

    loop.wake = Wake()
    loop._turn()
    assert asked == [STANDBY]
    assert timedelta(seconds=STANDBY) + ALIVE <= timedelta(seconds=20)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 5))])
def test_who_was_taken_for_dead_commits_nothing(
    pollers: Pollers, box: imapd.ImapServer, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """I10: 4 pollers, each is stopped past its lease at random moments between its fetch and its commit, while others
    read on: every mail is taken once; 1 issue and 1 mail to the triager of each report: "0 duplicate outbox keys"."""
    apps = [pollers() for _ in range(4)]
    chance, mails = random.Random(seed), 40
    assert all(app.mailbox is not None for app in apps)
    for app in apps:
        app.mailbox.settings = replace(app.mailbox.settings, batch_count=3)  # type: ignore[union-attr]
    for number in range(mails):
        box.append("issues", report(number))
    asleep: list[App] = []

    def stopped(name: str) -> None:
        if name == "after_fetch" and len(asleep) < 3 and chance.random() < 0.5:
            holder = next(app for app in apps if app not in asleep and connected(app)[0])
            asleep.append(holder)
            dies(holder)
            other = chance.choice([app for app in apps if app not in asleep])
            other.presence.say()
            other.poll_once()

    monkeypatch.setattr(reading, "step", stopped)
    for _ in range(3 * len(apps)):
        app = chance.choice(apps)
        app.presence.say()
        app.poll_once()
    monkeypatch.undo()
    assert len(asleep) == 3
    apps[0].until_idle(("intake", "work"))
    check(apps[0], mails)
    assert taken(apps[0]) == mails, "what was taken twice was only caught by the second wall"


def check(app: App, mails: int) -> None:
    ends = Counter((state, why.partition(" ")[0]) for state, why in app.store.all("SELECT state, reason FROM inbox"))
    assert ends[("done", "FileReport")] == mails, ends
    assert set(ends) <= {("done", "FileReport"), ("silent", "duplicate")}, ends
    assert app.store.one("SELECT COUNT(*), COUNT(DISTINCT issue) FROM event WHERE type = 'ReportFiled'") == (
        mails,
        mails,
    )
    keys = app.store.all("SELECT issue, template, COUNT(*) FROM outgoing WHERE issue > 0 GROUP BY issue, template")
    assert [row for row in keys if row[2] > 1] == []


def test_without_the_lease_the_second_wall_holds(
    pollers: Pollers, box: imapd.ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I10: "unique dedup key is the second wall": two that read at the same time all the same open no issue twice."""
    monkeypatch.setattr(mailboxes, "lease", lambda store, place, holder: holder)
    monkeypatch.setattr(mailboxes, "holds", lambda store, place, lease: True)
    one, two = pollers(), pollers()
    for number in range(6):
        box.append("issues", report(number))
    meanwhile = [two.poll_once]
    monkeypatch.setattr(reading, "step", lambda name: meanwhile and meanwhile.pop()())
    one.poll_once()
    one.until_idle(("work",))
    assert taken(one) == 12
    check(one, 6)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_four_pollers_that_are_stopped_past_their_lease(
    url: str, tmp_path: Path, dovecot: servers.DovecotServer, user: str
) -> None:
    """I10: "4 pollers, 1,000 mails, random SIGSTOP 20 s past the lease: 1,000 issues, 0 duplicate outbox keys"."""
    chance, mails, stops = random.Random(10), 1_000, 5
    with taker() as relay, fleets.fleet(tmp_path, url, relay) as fleet:
        imap = f'port = {dovecot.port}\ntls = "none"\nuser = "{user}"\npassword = "{dovecot.password}"\npoll = "1s"'
        fleet.config.write_text(fleet.config.read_text().replace('host = ""', imap))
        for _ in range(4):
            fleet.start("intake,work,send")
        for first in range(0, mails, mails // stops):
            stop_the_holder(fleet, chance, dovecot.deliver, user, range(first, first + mails // stops))
        servers.wait_until(lambda: fleet.count("SELECT COUNT(*) FROM issue") == mails, 120, "all issues")
        fleet.finish(120)
        check(fleet.app, mails)
        assert int(lease(fleet.app)[0]) > stops
        assert set(fleet.stop()) == {0}


def stop_the_holder(
    fleet: fleets.Fleet, chance: random.Random, deliver: Callable[[str, bytes], object], user: str, numbers: range
) -> None:
    """Mails come in, and somewhere among them who reads them is stopped until 20 s after its lease has ended."""
    feed = threading.Thread(target=delivers, args=(deliver, user, numbers))
    feed.start()
    servers.wait_until(lambda: taken(fleet.app) > numbers.start, 60, "the first mails of a round")
    time.sleep(chance.uniform(0.0, 0.3))
    (name,) = fleet.app.store.one("SELECT name FROM process WHERE id = ?", lease(fleet.app)[1])
    victim = next(process for process in fleet.running if process.pid == int(name.rpartition(":")[2]))
    victim.send_signal(signal.SIGSTOP)
    time.sleep(ALIVE.total_seconds() + 20)
    victim.send_signal(signal.SIGCONT)
    feed.join()
