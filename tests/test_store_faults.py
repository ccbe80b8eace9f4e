"""The database in trouble under a working service: locked, read-only, full, its disk slow to come back, its PostgreSQL
gone (trust.md D3 to D8). Nothing is lost, nothing crashes, it heals alone, and the operator is told once."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import conftest
import power
import pytest
import servers
from chat import BOB, COMPLETE, OPS, Chat, talk
from fleets import fleet
from takers import taker
from test_service import Service, serving

from triagemail import loops
from triagemail.app import BROKEN, App
from triagemail.doors import imapd
from triagemail.store import engines
from triagemail.store.store import Store

HOLDER = """
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA busy_timeout = 10000")
database.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
database.execute("ROLLBACK")
"""
BAD = {"read-only": "query_only = 1", "full": "max_page_count = {pages}"}
SOON = timedelta(seconds=1)
GOOD = ("query_only = 0", "max_page_count = 1073741823")


class Trouble:
    """A pragma for every connection of this process to the database, from its next statement on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pragmas: tuple[str, ...] = ()
        run, cursor = Store.run, Store._cursor

        def checked(store: Store) -> None:
            for pragma in self.pragmas:
                store.db.connection().execute(f"PRAGMA {pragma}")  # type: ignore[no-untyped-call]  # peewee

        def run_(store: Store, statement: str, *values: Any) -> Any:
            checked(store)
            return run(store, statement, *values)

        def cursor_(store: Store) -> Any:
            checked(store)
            return cursor(store)

        monkeypatch.setattr(Store, "run", run_)
        monkeypatch.setattr(Store, "_cursor", cursor_)


@pytest.fixture
def trouble(monkeypatch: pytest.MonkeyPatch) -> Trouble:
    return Trouble(monkeypatch)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loops that come back sooner than in production."""
    monkeypatch.setattr(loops, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(loops, "LONGEST_PAUSE", 0.5)


@pytest.fixture
def chat(tmp_path: Path, quick: None) -> Iterator[Chat]:
    with company(tmp_path) as found:
        yield found


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 16 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", place], capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@contextlib.contextmanager
def company(folder: Path) -> Iterator[Chat]:
    """Its mails come over the light IMAP server."""
    box = imapd.start({"issues": servers.PASSWORD})
    try:
        with talk(folder, box.port, "issues", lambda raw: box.append("issues", raw), imap={"poll": SOON}) as found:
            yield found
    finally:
        box.stop()


@contextlib.contextmanager
def working(app: App) -> Iterator[dict[str, loops.Loop]]:
    """Its loops, as `run` has them; all are alive at the end."""
    assert app.mailbox is not None
    app.mailbox.close()  # it belongs to the thread that connected it
    app.sender.relay.close()
    found = app.loops(("intake", "work", "send"))
    for loop in found.values():
        loop.start()
    try:
        yield found
        assert all(loop.thread is not None and loop.thread.is_alive() for loop in found.values()), "a loop has died"
    finally:
        for loop in found.values():
            loop.stop()
        assert {loop.join(20) for loop in found.values()} == {True}


def send(chat: Chat, numbers: Iterable[int]) -> None:
    for number in numbers:
        report(chat, number)


def report(chat: Chat, number: int) -> None:
    text = COMPLETE.format(priority="P2")
    chat.append(chat.writes(f"p{number}@acme.example", text, subject=f"Page {number} is blank"))


def all_done(chat: Chat, mails: int) -> Callable[[], bool]:
    """Each of so many mails is an issue, and what they led to is sent; read without a fault."""

    def look() -> bool:
        with contextlib.suppress(*engines.STORE_FAULTS):
            done = chat.app.store.all("SELECT state, COUNT(*) FROM inbox GROUP BY state") == [("done", mails)]
            return done and chat.app.store.all("SELECT DISTINCT state FROM delivery") == [("sent",)]
        return False

    return look


def each_once(chat: Chat, mails: int) -> None:
    store = chat.app.store
    assert store.one("SELECT COUNT(*) FROM issue")[0] == mails
    assert store.one("SELECT COUNT(*), COUNT(DISTINCT issue) FROM event WHERE type = 'ReportFiled'") == (mails, mails)
    times = Counter((rcpt, re.findall(rb"(?im)^message-id: *(\S+)", raw)[0]) for rcpt, raw, _ in chat.sink.mails)
    assert [key for key, count in times.items() if count > 1] == []
    assert store.all("PRAGMA integrity_check") == [("ok",)]


def notices(chat: Chat) -> int:
    return sum(rcpt == OPS and BROKEN.encode() in raw for rcpt, raw, _ in chat.sink.mails)


# --- D4: locked -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("busy", "held", "delay"), [(200, 1.0, 20.0), pytest.param(10_000, 30.0, 45.0, marks=pytest.mark.slow)]
)
def test_a_second_process_holds_the_write_lock(
    chat: Chat, monkeypatch: pytest.MonkeyPatch, busy: int, held: float, delay: float
) -> None:
    """D4 "second process holds the write lock 30 s: 0 lost, 0 crash, delay <= 45 s": longer than SQLite waits; in every
    run by a twentieth of the time."""
    monkeypatch.setitem(engines.SQLITE_PRAGMAS, "busy_timeout", busy)
    monkeypatch.setattr(loops, "FIRST_PAUSE", 1.0 if held > 10 else 0.05)
    chat.app.store.close()
    chat.app.store.db = engines.database(chat.app.store.url)
    holder = [sys.executable, "-c", HOLDER, str(chat.app.store.path), str(held)]
    with working(chat.app), subprocess.Popen(holder, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        began = time.monotonic()
        for number in range(3):
            report(chat, number)
        assert other.wait(60) == 0
        servers.wait_until(all_done(chat, 3), delay, "all mails to be done")
        took = time.monotonic() - began
    each_once(chat, 3)
    print(f"the lock was held for {held} s, all was done after {took:.1f} s")
    assert held <= took <= delay + held


# --- D5, D6: read-only, full ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mails", [60, pytest.param(300, marks=pytest.mark.slow)])
@pytest.mark.parametrize("fault", ["read-only", "full"])
def test_a_disk_that_takes_nothing_heals_alone(chat: Chat, trouble: Trouble, fault: str, mails: int) -> None:
    """D5 "while running: degraded as D6", D6 "300 mails across full/heal: 0 lost, <= 2 notices": stop fetching,
    operator notice sent from memory, heal alone. Six times in turn."""

    def spoil() -> None:
        pages = chat.app.store.one("PRAGMA page_count")[0]
        trouble.pragmas = (BAD[fault].format(pages=pages),)

    def mend() -> None:
        trouble.pragmas = GOOD

    spoiled_and_mended(chat, mails, spoil, mend)


def test_a_disk_without_room_heals_alone(disk: Path, quick: None) -> None:
    """D6 on a file system that is really full. Where there is room left in the WAL a few mails still go through."""

    def spoil() -> None:
        with contextlib.suppress(OSError), (disk / "rest").open("wb", buffering=0) as rest:
            while True:
                rest.write(bytes(4096))

    with company(disk) as chat:
        spoiled_and_mended(chat, 60, spoil, (disk / "rest").unlink, surely=False)
        (told,) = [raw for rcpt, raw, _ in chat.sink.mails if rcpt == OPS and BROKEN.encode() in raw]
        assert b"database or disk is full" in told, "what SQLite said first (libraries.md M16)"


def spoiled_and_mended(
    chat: Chat, mails: int, spoil: Callable[[], object], mend: Callable[[], object], *, surely: bool = True
) -> None:
    slices = [range(first, first + mails // 12) for first in range(0, mails, mails // 12)]
    with working(chat.app) as found:
        for good, bad in zip(slices[::2], slices[1::2], strict=True):
            send(chat, good)
            servers.wait_until(all_done(chat, good.stop), 60, "all mails to be done")
            spoil()
            send(chat, bad)
            if surely:
                servers.wait_until(lambda: any(loop.failures for loop in found.values()), 30, "a loop to meet it")
            servers.wait_until(lambda: notices(chat), 30, "the operator to be told, though nothing can be queued")
            mend()
            servers.wait_until(all_done(chat, bad.stop), 60, "all mails to be done after it has healed")
            chat.clock.advance(timedelta(minutes=30))  # no flood
    each_once(chat, mails)
    assert notices(chat) == 1, "one a cause and hour, however often it fails"


@pytest.mark.parametrize("command", [("status",), ("deliver",), ("run", "--until-idle"), ("run",)], ids=" ".join)
def test_a_read_only_disk_is_refused_at_the_start(disk: Path, command: tuple[str, ...]) -> None:
    """D5 "refuse to start with one clear line"; 75, since it may be mounted otherwise in a minute."""
    with serving(Service(disk, lambda raw: None, servers.free_port(), servers.free_port(), [])) as host:
        host.configure()
        assert host.command("status").returncode == 75
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        said = host.command(*command, stdin=b"From: bob@acme.example\r\n\r\nhello\r\n")
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    assert said.returncode == 75, said
    (line,) = [line for line in said.stderr.decode().splitlines() if not line.startswith(("warning:", "timestamp="))]
    assert "Traceback" not in said.stderr.decode()
    assert "t.db" in line or "database" in line, line


# --- D3: power --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mails", [15, pytest.param(50, marks=pytest.mark.slow)])
def test_a_mail_is_on_the_disk_before_the_server_is_told(tmp_path: Path, mails: int) -> None:
    """D3 "strace: fdatasync on WAL before the IMAP MOVE for each of 50 mails". By the thread that fetches."""
    conftest.need("strace")
    trace = tmp_path / "trace"
    box = imapd.start({"issues": servers.PASSWORD})
    with serving(Service(tmp_path, lambda raw: box.append("issues", raw), box.port, servers.free_port(), [])) as here:
        here.configure(poll="1s")
        options = ("-s", "60", "-e", "trace=fdatasync,fsync,sendto", "-o", str(trace))
        try:
            with power.traced(here, "intake", *options):
                for number in range(mails):
                    here.sends(BOB, COMPLETE.format(priority="P2"))
                    here.until(lambda: told(trace) > number, f"mail {number} to be filed")  # noqa: B023  # at once
        except PermissionError as error:
            pytest.skip(f"strace may not trace here: {error}")
    box.stop()
    assert told(trace) == mails
    assert stored_first(trace.read_text()) == mails


MOVE = re.compile(r"sendto\(.*UID MOVE ")
SYNC = re.compile(r"(?:fdatasync|fsync)\(\d+<[^>]*t\.db-wal>")


def told(trace: Path) -> int:
    return len(MOVE.findall(trace.read_text()))


def stored_first(trace: str) -> int:
    """How often MOVE was said by a thread that had synced the WAL since its FETCH."""
    synced: dict[str, bool] = {}
    good = 0
    for line in trace.splitlines():
        thread = line.split()[0]
        if "UID FETCH" in line and "BODY.PEEK" in line:
            synced[thread] = False
        elif SYNC.search(line):
            synced[thread] = True
        elif MOVE.search(line):
            good += synced.get(thread, False)
    return good


# --- D8: PostgreSQL ---------------------------------------------------------------------------------------------------


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    yield from conftest.postgresql(tmp_path)


def test_postgresql_ends_every_connection_again_and_again(tmp_path: Path, url: str) -> None:
    """D8 "drop the connection …, reconnect, redo the whole unit of work": as a restart does it, 20 times while two
    processes work off mails: 0 lost, 0 duplicate issues. Real restarts: bench/fleet.py restarted."""
    psycopg = pytest.importorskip("psycopg")
    mails, ends = 150, 20
    name = url.rpartition("%3D")[2]
    with taker() as relay, fleet(tmp_path, url, relay) as here:
        here.config.write_text(here.config.read_text().replace(url, f"{url}&application_name={name}"))
        here.start()
        here.start()
        servers.wait_until(lambda: here.count("SELECT COUNT(*) FROM process") == 2, 60, "both processes")
        with psycopg.connect(conftest.SERVER, autocommit=True) as admin:
            ended = 0
            for turn in range(ends):
                here.reports(mails * turn // ends, mails * (turn + 1) // ends)
                time.sleep(0.2)
                query = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = %s"
                ended += admin.execute(query, (name,)).fetchone()[0]
        assert ended > ends, "the test must hit them"
        here.finish(90)
        here.kills = ends * 2  # as if each had been killed: no result was noted
        twice = here.check(mails, 0)
        assert here.stop() == [0, 0]
    print(f"{ended} connections ended, {twice} mails went out twice")
