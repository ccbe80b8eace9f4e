"""The service as a process of its own (`triagemail run`) between a real IMAP server and a relay.

Nothing is timed finely: bounds are several times what a loaded machine needs, and far below the 60 s of the next poll
where the rule is that nobody waits for one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import faults
import pytest
import servers
from chat import ANNA, BOB, COMPLETE, ISSUES, OPS, SARA, Out

from triagemail.doors import imapd
from triagemail.doors.smtpd import Listener
from triagemail.store.store import Store

ROOT = Path(__file__).parent.parent
SOON = 25.0  # seconds: answered by an announcement, not by the poll that comes after 60
CONFIG = """\
[mail]
address = "issues@acme.example"
operator = "ops@acme.example"
[imap]
port = {imap}
tls = "none"
user = "{user}"
password = "{password}"
poll = "{poll}"
{more}
[smtp]
port = {smtp}
tls = "none"
[people]
triagers = ["sara@acme.example"]
[store]
url = "sqlite:///t.db"
"""


@dataclass
class Service:
    """One set-up, the process that serves it, and the people's side of its two servers."""

    folder: Path
    append: Callable[[bytes], object]
    imap: int
    smtp: int
    mails: list[tuple[str, bytes, str]]
    user: str = "issues"
    count: int = 0
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def configure(self, *, password: str = servers.PASSWORD, poll: str = "60s", more: str = "") -> None:
        text = CONFIG.format(imap=self.imap, smtp=self.smtp, user=self.user, password=password, poll=poll, more=more)
        (self.folder / "config.toml").write_text(text)
        (self.folder / "triagemail.keys").write_text(f"a {'ab' * 32}\n")

    # --- the host -----------------------------------------------------------------------------------------------------

    def command(self, *argv: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        tool = [sys.executable, "-m", "triagemail", "--config", str(self.folder / "config.toml"), *argv]
        return subprocess.run(tool, input=stdin, env=_environment(), capture_output=True, timeout=60, check=False)

    def start(self, words: str = "started") -> subprocess.Popen[bytes]:
        """A service process; returns when these words stand in its log."""
        begins = len(self.log())
        with (self.folder / "log").open("ab") as log:
            tool = [sys.executable, "-m", "triagemail", "--config", str(self.folder / "config.toml"), "run"]
            process = subprocess.Popen(tool, env=_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.processes.append(process)
        self.until(lambda: words in self.log()[begins:] or process.poll() is not None, words)
        assert process.poll() is None, self.log()
        return process

    def stop(self) -> int:
        """SIGTERM to the last one started, as systemd does; returns its exit code."""
        process = self.processes[-1]
        process.send_signal(signal.SIGTERM)
        return process.wait(60)

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def rows(self, query: str, *values: object) -> list[Any]:
        store = Store(f"sqlite:///{self.folder}/t.db")
        try:
            return store.all(query, *values)
        finally:
            store.close()

    def until(self, true: Callable[[], object], what: str, seconds: float = SOON) -> None:
        try:
            servers.wait_until(true, seconds, what)
        except TimeoutError:
            raise AssertionError(f"{what} did not come in {seconds} s; the log says\n{self.log()[-4000:]}") from None

    # --- people -------------------------------------------------------------------------------------------------------

    def mail(self, author: str, text: str, *, subject: str = "", answering: Out | None = None, more: str = "") -> bytes:
        self.count += 1
        to = answering.reply_to if answering else ISSUES
        head = f"From: {author}\r\nTo: {to}\r\nSubject: {subject or f'Shop {self.count} is slow'}\r\n"
        head += f"Message-ID: <{self.count}@client.example>\r\nDate: Mon, 23 Nov 2026 09:00:{self.count:02d} +0000\r\n"
        if answering:
            head += f"In-Reply-To: {answering.message_id}\r\n"
        head += f"{more}Content-Type: text/plain; charset=utf-8\r\n\r\n"
        return (head + text.replace("\n", "\r\n")).encode()

    def sends(self, author: str, text: str, **how: Any) -> None:
        self.append(self.mail(author, text, **how))

    def sent(self, to: str = "", words: str = "") -> list[Out]:
        """What reached the people, in its order."""
        found = [Out.parse(rcpt, mail_from, raw) for rcpt, raw, mail_from in self.mails if to in ("", rcpt)]
        return [out for out in found if words in out.subject]

    def gets(self, to: str, words: str = "", seconds: float = SOON) -> Out:
        """The first mail to somebody with these words in its subject."""
        self.until(lambda: self.sent(to, words), f"a mail to {to} with {words!r}", seconds)
        return self.sent(to, words)[0]

    # --- what must hold -----------------------------------------------------------------------------------------------

    def assert_nothing_is_half_done(self) -> None:
        """No row is in somebody's hand; what is noted as sent has reached the relay, once."""
        assert self.rows("SELECT id FROM inbox WHERE state = 'received' AND leased_until > 0") == []
        assert self.rows("SELECT id FROM delivery WHERE state = 'sending'") == []
        ((sent,),) = self.rows("SELECT COUNT(id) FROM delivery WHERE state = 'sent'")
        self.assert_each_once()
        assert sent == len(self.mails)

    def assert_each_once(self) -> None:
        twice = {key: n for key, n in Counter((m.to, m.message_id) for m in self.sent()).items() if n > 1}
        assert twice == {}


def _environment() -> Mapping[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "TRIAGEMAIL_LOG": "info"}


@contextlib.contextmanager
def serving(found: Service) -> Iterator[Service]:
    """Ends whatever a test has started."""
    try:
        yield found
    finally:
        for process in found.processes:
            if process.poll() is None:
                process.kill()
            process.wait()


@dataclass(frozen=True)
class Box:
    """An IMAP server with an empty mailbox."""

    port: int
    user: str
    append: Callable[[bytes], object]


@pytest.fixture(params=["pymap", "dovecot"])
def box(request: pytest.FixtureRequest, new_user: Callable[[], str]) -> Iterator[Box]:
    if request.param == "dovecot":
        server: servers.DovecotServer = request.getfixturevalue("dovecot")
        user = new_user()
        yield Box(server.port, user, lambda raw: server.deliver(user, raw))
        return
    light = imapd.start({"issues": servers.PASSWORD})
    try:
        yield Box(light.port, "issues", lambda raw: light.append("issues", raw))
    finally:
        light.stop()


@pytest.fixture
def proxy(box: Box) -> Iterator[faults.FaultProxy]:
    with faults.fault_proxy(box.port) as found:
        yield found


@pytest.fixture
def service(tmp_path: Path, box: Box, proxy: faults.FaultProxy, sink: servers.Sink) -> Iterator[Service]:
    """A service whose IMAP server stands behind a proxy that can lose things."""
    with serving(Service(tmp_path, box.append, proxy.port, sink.port, sink.mails, box.user)) as found:
        found.configure()
        yield found


def idles(proxy: faults.FaultProxy) -> bool:
    """The last that the client said is IDLE: it has looked, and waits to be told."""
    return proxy.sent.endswith(b" IDLE\r\n")


# --- waiting ----------------------------------------------------------------------------------------------------------


def test_a_report_is_answered_while_the_service_waits_in_idle(service: Service, proxy: faults.FaultProxy) -> None:
    """R6: a P0 report reaches the triager on duty in <= 60 s after the fetch; with IDLE nobody waits for the poll."""
    service.start()
    for number in (1, 2):
        service.until(lambda: idles(proxy), "IDLE")
        time.sleep(0.3)  # the server has heard of it
        who = (BOB, ANNA)[number - 1]  # an address that shows nothing is answered once a day
        service.sends(who, COMPLETE.format(priority="P0"), subject=f"Shop {number} is down")
        assert "UNVERIFIED" in service.gets(SARA, f"Shop {number} is down").text
        assert service.gets(who, f"Shop {number} is down")
    assert service.stop() == 0
    service.assert_nothing_is_half_done()
    assert b" LOGOUT\r\n" in proxy.sent, "it said goodbye"


def test_the_log_names_what_happened_and_no_secret(light: Service) -> None:
    """V6: no bodies, no passwords, no tokens in logs; one canonical line per mail and per delivery attempt."""
    password = "canary-Passw0rd"
    light.configure(password=password)
    process = light.start("failed")
    process.kill()
    process.wait()
    light.configure(poll="2s")
    with slow_relay(0.0, light.mails, light.smtp):
        light.start("connected")
        light.sends(BOB, COMPLETE.format(priority="P2"))
        triage = light.gets(SARA, "[#1]")
        light.sends(SARA, "agree", answering=triage)
        light.until(lambda: len(light.sent()) >= 4, "four mails")
        assert light.stop() == 0
    said = light.log()
    assert said.count(" event=mail ") == 2
    assert said.count(" event=delivery ") == len(light.mails)
    for secret in (password, "password", "blank screen", triage.reply_to.partition("@")[0]):
        assert secret not in said


def test_a_mail_from_another_process_is_noticed_at_once(light: Service) -> None:
    """`deliver`: the service notices it within 2 s, though no poll is near. The best of three: the rest is load."""
    light.configure()
    seconds: list[float] = []
    with slow_relay(0.0, light.mails, light.smtp):
        light.start("connected")
        for number in (1, 2, 3):
            said = light.command("deliver", stdin=light.mail(BOB, COMPLETE.format(priority="P2")))
            assert said.returncode == 0
            light.until(lambda n=number: len(light.sent(BOB)) == n, "an answer")  # type: ignore[misc]
            ((took,),) = light.rows("SELECT done_at - received_at FROM inbox WHERE id = ?", number)
            seconds.append(took / 1e6)
        assert light.stop() == 0
    assert min(seconds) < 2


# --- ending -----------------------------------------------------------------------------------------------------------


def test_sigterm_ends_an_idle_service_with_0(service: Service, proxy: faults.FaultProxy) -> None:
    """O5: SIGTERM finishes what is in hand; an idle service ends at once, not after its IDLE."""
    process = service.start("connected")
    service.until(lambda: idles(proxy), "IDLE")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert "event=stopped" in service.log()


def test_ctrl_c_ends_the_service_like_sigterm(light: Service) -> None:
    """The same at a terminal: 0, no traceback."""
    process = light.start("connected")
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    assert "Traceback" not in light.log()


class Slow:
    """aiosmtpd's hooks of a relay that thinks over every mail."""

    def __init__(self, seconds: float, mails: list[tuple[str, bytes, str]]) -> None:
        self.seconds, self.mails = seconds, mails

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        await asyncio.sleep(self.seconds)
        self.mails += [(rcpt, envelope.original_content, envelope.mail_from) for rcpt in envelope.rcpt_tos]
        return "250 2.0.0 taken"


@contextlib.contextmanager
def slow_relay(seconds: float, mails: list[tuple[str, bytes, str]], port: int = 0) -> Iterator[int]:
    listener = Listener(Slow(seconds, mails), port=port)
    listener.start()
    try:
        yield listener.port
    finally:
        listener.stop()


@pytest.fixture
def light(tmp_path: Path) -> Iterator[Service]:
    """A service on the light IMAP server alone, looking often, without a relay yet."""
    box = imapd.start({"issues": servers.PASSWORD})
    try:
        found = Service(tmp_path, lambda raw: box.append("issues", raw), box.port, servers.free_port(), [])
        with serving(found):
            found.configure(poll="2s")
            yield found
    finally:
        box.stop()


def test_sigterm_in_the_middle_leaves_nothing_half_done(light: Service) -> None:
    """O5: SIGTERM: finish the current mail, no new claims; 0 lost, 0 duplicates after the restart."""
    people = [f"r{n}@acme.example" for n in range(18)]
    for person in people:
        light.sends(person, COMPLETE.format(priority="P2"))
    with slow_relay(1.0, light.mails, light.smtp):
        light.start()
        light.until(lambda: len(light.mails) >= 2, "the first mails")
        started = time.monotonic()
        assert light.stop() == 0
        assert time.monotonic() - started < 15, "the rest of the queue is no mail in hand"
        light.assert_nothing_is_half_done()
        before = len(light.mails)
        assert before < 36, "the test must stop it in the middle"
    with slow_relay(0.0, light.mails, light.smtp):
        assert light.command("run", "--until-idle").returncode == 0
    light.assert_nothing_is_half_done()
    assert light.rows("SELECT state, COUNT(id) FROM inbox GROUP BY state") == [("done", 18)]
    assert Counter(m.to for m in light.sent()) == {**dict.fromkeys(people, 1), SARA: 18}


def test_a_second_process_on_one_database_ends_with_75(light: Service) -> None:
    """SQLite: one service process (flock on the database; exit 75 if taken); looking and delivering work beside it."""
    with slow_relay(0.0, light.mails, light.smtp):
        light.start("connected")
        for words in (("run", "--until-idle"), ("run", "--only", "send")):
            said = light.command(*words)
            assert said.returncode == 75
            assert b"another triagemail uses" in said.stderr
            assert b"Traceback" not in said.stderr
        assert light.command("status").returncode == 0
        light.sends(BOB, COMPLETE.format(priority="P2"))
        light.gets(BOB)
        assert light.stop() == 0
        assert light.command("run", "--until-idle").returncode == 0, "the lock is free again"


def test_kill_9_frees_the_database_for_the_next(light: Service) -> None:
    """D1: after kill -9 the next process takes over at once, with what the killed one had claimed."""
    with slow_relay(1.0, light.mails, light.smtp):
        process = light.start("connected")
        light.sends(BOB, COMPLETE.format(priority="P2"))
        light.until(lambda: light.rows("SELECT id FROM delivery WHERE state = 'sending'"), "a claimed delivery")
        process.kill()
        process.wait()
    with slow_relay(0.0, light.mails, light.smtp):
        light.start()
        light.until(lambda: light.rows("SELECT DISTINCT state FROM delivery") == [("sent",)], "all sent")
        assert light.stop() == 0
    assert {m.to for m in light.sent()} == {BOB, SARA}
    assert len(light.mails) <= 3, "at most the one in hand twice"
    assert len({m.raw for m in light.sent()}) == 2, "with the same bytes"


# --- others fail ------------------------------------------------------------------------------------------------------


def test_a_relay_that_comes_back_gets_everything_once(light: Service) -> None:
    """S1: outbox grows, backoff; when the relay is up again all is sent once, nothing lost."""
    people = [f"r{n}@acme.example" for n in range(6)]
    light.start("connected")
    for person in people:
        light.sends(person, COMPLETE.format(priority="P2"))
    light.until(lambda: "RelayDown" in light.log(), "a failure")
    light.until(lambda: light.rows("SELECT COUNT(id) FROM delivery") == [(12,)], "the outbox grows")
    light.until(lambda: light.log().count("RelayDown") >= 2, "a second try")
    assert light.rows("SELECT DISTINCT state, attempts FROM delivery") == [("queued", 0)]
    with slow_relay(0.0, light.mails, light.smtp):
        light.until(lambda: len(light.mails) >= 12, "all mails", 60)
        assert light.stop() == 0
    light.assert_nothing_is_half_done()
    assert Counter(m.to for m in light.sent()) == {**dict.fromkeys(people, 1), SARA: 6}


def test_a_lost_connection_is_made_again(service: Service, proxy: faults.FaultProxy) -> None:
    """I3: server closes during IDLE: abort, reconnect with backoff; the mail that came meanwhile is answered."""
    service.configure(poll="2s")  # pymap forgets to announce what comes just before an IDLE
    service.start("connected")
    for number in (1, 2, 3):
        service.until(lambda: idles(proxy), "IDLE")
        proxy.drop()
        service.sends(BOB, COMPLETE.format(priority="P2"), subject=f"Shop {number} is slow")
        service.gets(SARA, f"Shop {number} is slow")
    assert proxy.connections <= 8, "it does not spin"
    assert service.stop() == 0
    service.assert_nothing_is_half_done()
    assert service.rows("SELECT state, COUNT(id) FROM inbox GROUP BY state") == [("done", 3)]


def test_a_mailbox_that_starts_anew_is_read_anew(tmp_path: Path, sink: servers.Sink) -> None:
    """I4: UIDVALIDITY change: whole mailbox re-read, dedup makes it harmless; and the server was gone for a while."""
    box = imapd.start({"issues": servers.PASSWORD})
    with serving(Service(tmp_path, lambda raw: box.append("issues", raw), box.port, sink.port, sink.mails)) as service:
        service.configure(poll="2s")
        try:
            service.start("connected")
            old = service.mail(BOB, COMPLETE.format(priority="P2"), subject="Old one")
            service.append(old)
            service.gets(BOB, "Old one")
            box.stop()
            service.until(lambda: "MailboxLost" in service.log(), "the loss")
            time.sleep(1.5)
            box = imapd.start({"issues": servers.PASSWORD}, box.port)
            service.append(old)
            service.sends(ANNA, COMPLETE.format(priority="P2"), subject="New one")
            service.gets(ANNA, "New one", 60)
            assert service.stop() == 0
        finally:
            box.stop()
        ends = service.rows("SELECT state, reason FROM inbox ORDER BY id")
        assert ends == [("done", "FileReport"), ("silent", "duplicate of 1"), ("done", "FileReport")]
        assert len(service.sent(BOB)) == 1


def test_the_operator_is_told_once_that_the_login_is_refused(light: Service) -> None:
    """R12, I3: login refused: the operator is told, one notice (1/h per cause); no spinning; and the sender goes on."""
    light.configure(password="wrong")
    with slow_relay(0.0, light.mails, light.smtp):
        light.start("failed")
        notice = light.gets(OPS)
        assert light.command("deliver", stdin=light.mail(BOB, COMPLETE.format(priority="P2"))).returncode == 0
        light.gets(BOB)
        risks = light.command("status")
        assert light.stop() == 0
    assert (risks.returncode, b"login as issues refused" in risks.stdout) == (75, True)
    assert len(light.sent(OPS)) == 1
    assert light.log().count("event=failed") == 1, "a second login within seconds helps to lock the account"
    assert "login" in notice.text
    assert light.user in notice.text
    assert "wrong" not in notice.text, "no password in a mail"


def test_a_bad_mail_is_held_while_others_go_through(light: Service) -> None:
    """A mail that cannot be handled is parked, the operator is told once, and the mail behind it goes through."""
    nested = b"From: eve@acme.example\r\nMessage-ID: <n@x.example>\r\n"
    nested += b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(200))
    with slow_relay(0.0, light.mails, light.smtp):
        light.start("connected")
        for number in (1, 2):
            light.sends(BOB, COMPLETE.format(priority="P2"), subject=f"Shop {number} is slow")
            light.append(nested.replace(b"<n@", b"<%d@" % number))
            light.sends(BOB, "hello", more="From: eve@elsewhere.example\r\n")
            light.append(random.Random(number).randbytes(2000))
        light.sends(BOB, COMPLETE.format(priority="P2"), subject="Shop 3 is slow")
        light.gets(SARA, "Shop 3 is slow")
        light.until(lambda: light.rows("SELECT id FROM inbox WHERE state = 'received'") == [], "an empty inbox")
        light.until(lambda: light.sent(OPS), "a notice of what cannot be read")
        found = [json.loads(line) for line in light.command("held", "list", "--json").stdout.splitlines()]
        assert light.stop() == 0
    assert Counter(one["reason"] for one in found)["too-deep"] == 2
    assert len(found) == 6
    assert len(light.sent(OPS)) == 1, "once an hour and cause; of what is forged the list of the day tells"
    assert len(light.rows("SELECT number FROM issue")) == 3
    assert light.command("status").returncode == 75


def test_two_mails_of_one_person_keep_their_order(service: Service) -> None:
    """Order holds by lane: what one person wrote first is done first, and the list hears it in that order."""
    service.configure(poll="2s")
    service.command("subscribers", "add", ANNA)
    service.start("connected")
    service.sends(BOB, COMPLETE.format(priority="P0"), subject="Shop is down")
    triage = service.gets(SARA, "[#1]")
    words = ["agree", *(f"update: Step {n}." for n in range(1, 5)), "resolve: All is well."]
    for text in words:
        service.sends(SARA, text, answering=triage)
    service.gets(ANNA, "RESOLVED", 60)
    assert service.stop() == 0
    events = [type_ for (type_,) in service.rows("SELECT type FROM event WHERE author = ? ORDER BY id", SARA)]
    kept = [event for event in events if event in ("PriorityDecided", "UpdateSent", "IssueResolved")]
    assert kept == ["PriorityDecided", *["UpdateSent"] * 4, "IssueResolved"]
    heard = [text for m in service.sent(ANNA) for text in words if text.partition(": ")[2] in m.text and ":" in text]
    assert heard == words[1:]


# --- is it there? -----------------------------------------------------------------------------------------------------


def test_status_knows_whether_the_service_is_there(light: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """O3 "service down unnoticed": `status` ends with 75 before it runs, after its end and, a minute later, after it
    was killed; and the service tells systemd that it is ready, and that it ends."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(light.folder / "notify"))
        systemd.settimeout(SOON)
        monkeypatch.setenv("NOTIFY_SOCKET", str(light.folder / "notify"))
        assert b"no `triagemail run` is there" in light.command("status").stdout
        process = light.start("connected")
        said = light.command("status")
        assert (said.returncode, b"all promises stand" in said.stdout) == (0, True)
        heard = systemd.recv(4096) + systemd.recv(4096)
        while b"READY=1" not in heard:
            heard += systemd.recv(4096)
        assert b"WATCHDOG=1" in heard
        assert light.stop() == 0
        while b"STOPPING=1" not in heard:
            heard += systemd.recv(4096)
        assert light.command("status").returncode == 75
        process = light.start("connected")
        process.kill()
        process.wait()
    place = light.folder / "t.db.heartbeat"
    os.utime(place, (time.time() - 61, time.time() - 61))
    said = light.command("status")
    assert said.returncode == 75
    assert b"was last heard 1 min ago" in said.stdout


def test_sigabrt_of_the_watchdog_leaves_where_each_thread_was(light: Service) -> None:
    """O3: systemd's watchdog ends a service that hangs with SIGABRT; the log then shows where, and nothing of a
    mail."""
    process = light.start("connected")
    process.send_signal(signal.SIGABRT)
    assert process.wait(30) == -signal.SIGABRT
    assert "Fatal Python error: Aborted" in light.log()
    assert "in run_all" in light.log()


# --- few files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [256, 64, 14])
def test_few_open_files_lose_nothing(light: Service, limit: int) -> None:
    """O6 "rlimit nofile 256 works", "ulimit -n 64: clear error, no loss". It needs some thirty; where there are not
    even those, it says so, and all is done when it is started with more."""
    tool = [sys.executable, "-m", "triagemail", "--config", str(light.folder / "config.toml"), "run"]
    people = [f"r{n}@acme.example" for n in range(12)]
    for person in people:
        light.sends(person, COMPLETE.format(priority="P2"))

    def done() -> bool:
        rows = light.rows("SELECT state, COUNT(id) FROM inbox GROUP BY state")
        return rows == [("done", 12)] and light.rows("SELECT DISTINCT state FROM delivery") == [("sent",)]

    with slow_relay(0.05, light.mails, light.smtp):
        with (light.folder / "log").open("ab") as log:
            shell = ["sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh", *tool]
            process = subprocess.Popen(shell, env=_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        light.processes.append(process)
        if limit >= 64:
            light.until(lambda: "event=started" in light.log(), "the start")
            light.until(done, "all mails to be done")
            assert "event=failed" not in light.log()
            assert light.stop() == 0
        else:
            light.until(lambda: "Too many open files" in light.log() or "unable to open" in light.log(), "an error")
            process.kill()
            process.wait()
            light.start()
            light.until(done, "all mails to be done")
            assert light.stop() == 0
    assert {m.to for m in light.sent()} - {OPS} == {*people, SARA}
