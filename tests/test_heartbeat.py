"""The heartbeat: systemd's notify socket, the file beside the database, what `status` makes of both (trust.md O3)."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from triagemail import heartbeat
from triagemail.heartbeat import Heartbeat
from triagemail.loops import HANGS, Loop
from triagemail.store import processes, pulse
from triagemail.store.health import health
from triagemail.store.store import Store


class Systemd:
    """A notify socket; `heard` is all that was said to it."""

    def __init__(self, path: Path) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(str(path))
        self.sock.settimeout(5)

    def hears(self) -> list[str]:
        """The lines of one datagram."""
        return self.sock.recv(4096).decode().splitlines()

    def silent(self) -> bool:
        self.sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            self.sock.recv(4096)
            return False
        self.sock.settimeout(5)
        return True


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Systemd]:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    found = Systemd(tmp_path / "notify")
    yield found
    found.sock.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path}/t.db")
    store.open()
    yield store
    store.close()


def silence(store: Store) -> str:
    from triagemail.clock import Clock

    return health(store, Clock().now()).silence


# --- systemd ----------------------------------------------------------------------------------------------------------


def test_it_says_ready_watchdog_and_stopping(systemd: Systemd, monkeypatch: pytest.MonkeyPatch) -> None:
    """O3 "heartbeat file + systemd watchdog": READY=1 when the loops run, WATCHDOG=1 twice in WATCHDOG_USEC, STOPPING=1
    when the signal has come."""
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    here = threading.get_ident()  # a signal to the whole process may reach a thread that does not block it, and ends us
    said: list[list[str]] = []

    def listen() -> None:
        while len(said) < 3:
            said.append(systemd.hears())
        signal.pthread_kill(here, signal.SIGUSR1)
        while "STOPPING=1" not in said[-1]:
            said.append(systemd.hears())

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        Heartbeat({"work": Loop("work", lambda: False)}, None).until({signal.SIGUSR1})
    finally:
        listener.join(10)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert said[0] == ["WATCHDOG=1", "STATUS=work"]
    assert said[1] == ["READY=1"]
    assert said[2][0] == "WATCHDOG=1"
    assert said[-1][0] == "STOPPING=1"


@pytest.mark.parametrize(
    ("usec", "pid", "seconds"),
    [("", "", 10.0), ("120000000", "", 10.0), ("4000000", "", 2.0), ("4000000", "1", 10.0), ("x", "", 10.0)],
)
def test_it_speaks_twice_as_often_as_it_must(
    usec: str, pid: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sd_watchdog_enabled(3): half of WATCHDOG_USEC, where WATCHDOG_PID is ours or is not there."""
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    if pid:
        monkeypatch.setenv("WATCHDOG_PID", pid)
    assert heartbeat.pause() == seconds


def test_an_abstract_socket_is_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """sd_notify(3): an address that begins with @ is in the abstract namespace."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0triagemail-test-{os.getpid()}")
        sock.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@triagemail-test-{os.getpid()}")
        heartbeat.notify("READY=1")
        assert sock.recv(100) == b"READY=1"


@pytest.mark.parametrize("where", ["", "/nowhere/notify", "vsock:1:2"])
def test_without_systemd_nothing_is_said(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that is not there is no reason not to work."""
    monkeypatch.setenv("NOTIFY_SOCKET", where)
    heartbeat.notify("READY=1")


# --- a loop that hangs ------------------------------------------------------------------------------------------------


def hung(now: list[float], body: Callable[[], bool]) -> Loop:
    """A loop in the middle of its body, by a clock that a test moves."""
    loop = Loop("work", body)
    loop.start()
    now[0] = time.monotonic()
    return loop


def test_a_hung_loop_stops_the_beat(systemd: Systemd, sqlite: Store) -> None:
    """O3: WATCHDOG=1 only while the loops turn; a loop in the same turn for over 5 minutes ends it, in the file as
    well, and the operator is told once. When it turns again, so does the beat."""
    began, go_on, now, alarms = threading.Event(), threading.Event(), [0.0], []

    def body() -> bool:
        began.set()
        go_on.wait(20)
        return False

    loop = hung(now, body)
    heart = Heartbeat(
        {"work": loop}, pulse.place(sqlite), alarm=lambda text: alarms.append(text), clock=lambda: now[0]
    )
    assert began.wait(5)
    assert heart.beat()
    assert systemd.hears()[0] == "WATCHDOG=1"
    assert silence(sqlite) == ""
    now[0] += HANGS + 1
    assert not heart.beat()
    assert systemd.hears() == ["STATUS=work hangs"]
    assert "hangs in work" in silence(sqlite)
    place = pulse.place(sqlite)
    assert place is not None
    said_at = place.stat().st_mtime_ns
    assert not heart.beat()
    assert systemd.silent()
    assert place.stat().st_mtime_ns == said_at, "who looks at its time sees it get older"
    go_on.set()
    loop.stop()
    assert loop.join(5)
    loop.turns()
    now[0] = time.monotonic()
    assert heart.beat()
    assert systemd.hears()[0] == "WATCHDOG=1"
    assert silence(sqlite) == ""
    assert len(alarms) == 1


def test_a_loop_that_rests_hangs_not() -> None:
    """An hour until the next look at what retention lets go, and the pause behind a failure, are no faults."""
    turned = threading.Event()

    def body() -> bool:
        turned.set()
        return False

    loop = Loop("prune", body, idle=3600.0)
    loop.start()
    assert turned.wait(5)
    deadline = time.monotonic() + 5
    while loop.due < time.monotonic() + 3000 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert Heartbeat({"prune": loop}, None, clock=lambda: time.monotonic() + 3000).beat()
    assert not Heartbeat({"prune": loop}, None, clock=lambda: time.monotonic() + 4000).beat()
    loop.stop()
    assert loop.join(5)


# --- `status` ---------------------------------------------------------------------------------------------------------


def test_nobody_there_is_a_risk(store: Store) -> None:
    """O3 "service down unnoticed": `status` tells of it, on either engine."""
    assert pulse.NOBODY in silence(store)


def test_a_process_that_died_is_missed_after_a_minute(sqlite: Store) -> None:
    """A process that was killed leaves its file; a minute later it is missed, also where the clock was set back."""
    place = pulse.place(sqlite)
    assert place is not None
    pulse.say(place, ["work"], [], heartbeat.GOOD_FOR)
    assert silence(sqlite) == ""
    for shift in (-61, 3600):
        os.utime(place, (time.time() + shift, time.time() + shift))
        assert "was last heard" in silence(sqlite)
    assert json.loads(place.read_text())["pid"] == os.getpid()
    pulse.leave(place)
    assert pulse.NOBODY in silence(sqlite)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}', '{"pid": "x", "hanging": [], "good_for": 1}'])
def test_a_file_of_somebody_else_is_no_life(sqlite: Store, content: str) -> None:
    """What cannot be read says nothing good."""
    place = pulse.place(sqlite)
    assert place is not None
    place.write_text(content)
    assert "cannot be read" in silence(sqlite)


def test_on_postgresql_each_process_says_so_in_its_row(store: Store) -> None:
    """Where several work on one database, one of them that hangs is named, and the others are no excuse for it."""
    if store.sqlite:
        pytest.skip("SQLite has one process, and a file")
    from triagemail.presence import Presence

    others = Presence(store, "other")
    with others.shown(("work", "send")):
        assert silence(store) == ""
        others.hang(["work"])
        others.say()
        assert processes.HANGS.strip(", ") in silence(store)
        assert "work" in silence(store)
        others.hang([])
        others.say()
        assert silence(store) == ""
