"""Mails from the mail server on this host by LMTP (RFC 2033): 250 only after the commit, behind a real Postfix."""

from __future__ import annotations

import os
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import servers
from chat import BOB, COMPLETE, ISSUES, KEYS, SARA, Chat, company, one, talk, to

from triagemail.app import App, build
from triagemail.clock import Clock
from triagemail.doors import smtpd
from triagemail.doors.smtpd import Envelope, LmtpServer
from triagemail.intake import delivered, taking
from triagemail.mail import mime
from triagemail.quantities import Listen
from triagemail.store.store import Store

MAIL = (
    b"From: bob@acme.example\r\nSubject: Checkout is blank\r\nMessage-ID: <%d@client.example>\r\n\r\nIt is blank.\r\n"
)
Take = Callable[[Sequence[Envelope]], None]


@contextmanager
def listening(where: Path | tuple[str, int], take: Take, **more: int) -> Iterator[LmtpServer]:
    server = smtpd.start_lmtp(where, take, **more)  # type: ignore[arg-type]
    try:
        yield server
    finally:
        server.stop()


def hand_in(where: Path | int, mail: bytes, *rcpts: str, sender: str = BOB) -> dict[str, tuple[int, bytes]]:
    """As a mail server does: {recipient: (code, text)} of those that were refused."""
    client = smtplib.LMTP(str(where)) if isinstance(where, Path) else smtplib.LMTP("127.0.0.1", where)
    with client:
        try:
            return client.sendmail(sender, rcpts or (ISSUES,), mail)
        except smtplib.SMTPRecipientsRefused as refused:
            return refused.recipients
        except smtplib.SMTPResponseException as refused:  # of the sender, for its size, or of the mail
            text = refused.smtp_error
            said = text if isinstance(text, bytes) else text.encode()
            return dict.fromkeys(rcpts or (ISSUES,), (refused.smtp_code, said))


@pytest.fixture(params=["unix", "tcp"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | tuple[str, int]:
    return tmp_path / "run" / "lmtp.sock" if request.param == "unix" else ("127.0.0.1", servers.free_port())


def reach(place: Path | tuple[str, int]) -> Path | int:
    return place if isinstance(place, Path) else place[1]


# --- the door --------------------------------------------------------------------------------------------------------


def test_250_comes_after_the_commit(place: Path | tuple[str, int]) -> None:
    """250 only after commit: while `take` works nobody is told anything."""
    taken: list[Envelope] = []
    may, told = threading.Event(), threading.Event()

    def take(mails: Sequence[Envelope]) -> None:
        assert may.wait(10)
        taken.extend(mails)

    def send() -> None:
        assert hand_in(reach(place), MAIL % 1) == {}
        told.set()

    with listening(place, take):
        thread = threading.Thread(target=send)
        thread.start()
        assert not told.wait(0.3)
        may.set()
        thread.join(10)
        assert told.is_set()
    assert [(mail.mail_from, mail.rcpts, mail.content) for mail in taken] == [(BOB, (ISSUES,), MAIL % 1)]


def test_a_fault_of_the_store_is_told_as_try_again(place: Path | tuple[str, int]) -> None:
    """RFC 5321 4.2.2: 451, never a bounce; nothing of the exception is shown, and the next mail is taken."""
    fail = [True]

    def take(mails: Sequence[Envelope]) -> None:
        if fail.pop():
            fail.append(False)
            raise OSError("disk full at /secret")

    with listening(place, take):
        ((code, text),) = hand_in(reach(place), MAIL % 1).values()
        assert (code, b"secret" in text) == (451, False)
        fail[:] = [False, False]
        assert hand_in(reach(place), MAIL % 2) == {}


def test_each_recipient_has_an_answer_and_the_mail_is_taken_once(place: Path | tuple[str, int]) -> None:
    """RFC 2033 4.2: one reply per recipient. The token may stand in the envelope only, so all are written down."""
    taken: list[Envelope] = []
    token = "issues+ar1.c.x-mac@acme.example"
    with listening(place, taken.extend), _open(place) as sock:  # smtplib's client reads one reply only
        talk = sock.makefile("rwb")
        for line in ("LHLO mx", "MAIL FROM:<>", f"RCPT TO:<{ISSUES}>", f"RCPT TO:<{token}>", "DATA"):
            talk.write(f"{line}\r\n".encode())
            talk.flush()
        talk.write(MAIL % 1 + b".\r\nQUIT\r\n")
        talk.flush()
        said = talk.read().decode().splitlines()
    assert said[-3:] == ["250 2.0.0 taken", "250 2.0.0 taken", "221 Bye"]
    (mail,) = taken
    assert delivered(mail).split(b"\r\n")[:3] == [
        b"Return-Path: <>", b"Delivered-To: issues@acme.example",
        b"Delivered-To: issues+ar1.c.x-mac@acme.example",
    ]  # fmt: skip


def test_a_mail_over_the_limit_is_refused_and_said_before(place: Path | tuple[str, int]) -> None:
    """Size limit: announced by SIZE, so that a mail server tells its sender at once; kept too where nobody asks."""
    with listening(place, lambda mails: None, max_size=10_000):
        ((code, _),) = hand_in(reach(place), MAIL % 1 + b"x\r\n" * 5_000).values()
        assert code == 552
        assert hand_in(reach(place), MAIL % 1 + b"x\r\n" * 1_000) == {}


def test_a2_no_address_of_the_envelope_writes_a_header() -> None:
    """A2, X1: whoever sends names the envelope, and its addresses stand on top of all that is trusted: a control in a
    quoted local part, which aiosmtpd lets through, must end no line."""
    forged = "Authentication-Results: mx.google.com; dmarc=pass header.from=acme.example"
    got: list[Envelope] = []
    with (
        listening(("127.0.0.1", 0), got.extend) as server,
        socket.create_connection(("127.0.0.1", server.port)) as sock,
    ):
        line = sock.makefile("rwb")
        line.readline()
        said = f'LHLO x|MAIL FROM:<"a\r{forged}\rX: "@b.example>|RCPT TO:<"a\r{forged}\rX: "@b.example>|DATA|'
        line.write(said.replace("|", "\r\n").encode() + MAIL % 1 + b".\r\nQUIT\r\n")
        line.flush()
        line.read()
        line.close()
    assert forged in got[0].mail_from
    assert forged in got[0].rcpts[0]
    found = mime.parse(delivered(got[0]))
    assert found.trace == ()
    assert found.subject == "Checkout is blank"


def test_long_lines_are_taken(place: Path | tuple[str, int]) -> None:
    """What other mail servers let through is not ours to refuse (aiosmtpd's own limit of 1,001 would bounce it)."""
    taken: list[Envelope] = []
    with listening(place, taken.extend):
        assert hand_in(reach(place), MAIL % 1 + b"x" * 50_000 + b"\r\n") == {}
    assert len(taken[0].content) > 50_000


def test_more_connections_than_it_takes_are_told_to_come_back(place: Path | tuple[str, int]) -> None:
    """Concurrency limit: 421, so each may hold a mail of 25 MB in memory and no more of them."""
    with listening(place, lambda mails: None, connections=2):
        socks = [_open(place) for _ in range(3)]
        assert [sock.recv(100)[:3] for sock in socks] == [b"220", b"220", b"421"]
        socks[0].close()
        servers.wait_until(lambda: _open(place).recv(100)[:3] == b"220", 10, "a place")


def _open(place: Path | tuple[str, int]) -> socket.socket:
    if not isinstance(place, Path):
        return socket.create_connection(place, 5)
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(5)
    sock.connect(str(place))
    return sock


def test_what_came_meanwhile_is_committed_together(place: Path | tuple[str, int]) -> None:
    """Group commit: a commit waits for the disk, and those who wait meanwhile share the next."""
    sizes: list[int] = []
    first = threading.Event()

    def take(mails: Sequence[Envelope]) -> None:
        sizes.append(len(mails))
        if len(sizes) == 1:
            assert first.wait(10)

    with listening(place, take):
        senders = [threading.Thread(target=hand_in, args=(reach(place), MAIL % n)) for n in range(12)]
        for thread in senders:
            thread.start()
        time.sleep(0.5)
        first.set()
        for thread in senders:
            thread.join(10)
    assert sum(sizes) == 12
    assert len(sizes) <= 3


def test_a_socket_that_nobody_listens_on_gives_way(tmp_path: Path) -> None:
    """After a kill -9 the socket's name is still there; one that is in use is an error, at once."""
    place = tmp_path / "lmtp.sock"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(place))
    dead.close()
    with listening(place, lambda mails: None):
        assert place.stat().st_mode & 0o777 == 0o660
        with pytest.raises(OSError, match="in use"):
            smtpd.start_lmtp(place, lambda mails: None)
        assert hand_in(place, MAIL % 1) == {}
    assert not place.exists()


# --- the service -----------------------------------------------------------------------------------------------------


def app_of(folder: Path, smtp_port: int, listen: Listen) -> App:
    config = company(folder, 0, "", smtp_port, imap={"host": ""}, lmtp={"listen": listen})
    app = build(config, clock=Clock(), keys=KEYS)
    app.store.open()
    return app


def test_a_conversation_by_lmtp(tmp_path: Path) -> None:
    """The same feed as IMAP: a report, its answers, by the plus-address in the envelope alone."""
    place = tmp_path / "lmtp.sock"
    waiting: list[Chat] = []

    def append(raw: bytes) -> None:
        taking(waiting[0].app.store, waiting[0].clock, lambda: None)([Envelope(BOB, (ISSUES,), raw)])

    with talk(tmp_path, 0, "", append, imap={"host": ""}, lmtp={"listen": Listen(path=str(place))}) as chat:
        waiting.append(chat)
        server = chat.app.start_lmtp(("intake",), {})
        assert server is not None
        try:
            hand_in(place, chat.writes(BOB, COMPLETE.format(priority="P0"), subject="Checkout is blank"))
            out = chat.settle()
            received = one(out, BOB)
            hidden = chat.writes(BOB, "yes, it was me", subject="Re: Checkout is blank", to="undisclosed@acme.example")
            hand_in(place, hidden, received.reply_to)
            assert to(chat.settle(), SARA) != []
            assert chat.issue(1).unverified is False
        finally:
            server.stop()


CONFIG = """
[mail]
address = "issues@acme.example"
[imap]
host = ""
[lmtp]
listen = "unix:lmtp.sock"
[smtp]
port = {smtp}
tls = "none"
[people]
triagers = ["sara@acme.example"]
[store]
url = "sqlite:///t.db"
"""


def service(folder: Path, smtp_port: int, fail: str = "") -> subprocess.Popen[bytes]:
    (folder / "config.toml").write_text(CONFIG.format(smtp=smtp_port))
    (folder / "triagemail.keys").write_text(f"a {'ab' * 32}\n")
    environment = {**os.environ, "TM_FAIL": fail, "TRIAGEMAIL_LOG": "error"}
    argv = [sys.executable, "-m", "triagemail", "--config", str(folder / "config.toml"), "run"]
    process = subprocess.Popen(argv, env=environment, cwd=Path(smtpd.__file__).parents[2])
    servers.wait_until(lambda: (folder / "lmtp.sock").exists() or process.poll() is not None, what="the service")
    return process


@pytest.mark.parametrize(("step", "taken_before"), [("before_lmtp_commit", 0), ("after_lmtp_commit", 1)])
def test_a_kill_at_either_step_loses_and_doubles_nothing(
    tmp_path: Path, sink: servers.Sink, step: str, taken_before: int
) -> None:
    """D2: the mail server was told nothing, so it comes again; if the mail was stored already, that is a duplicate."""
    mail = MAIL % 1
    process = service(tmp_path, sink.port, step)
    with pytest.raises(smtplib.SMTPException):
        hand_in(tmp_path / "lmtp.sock", mail)
    assert process.wait(20) == 9
    store = Store(f"sqlite:///{tmp_path}/t.db")
    assert store.one("SELECT COUNT(*) FROM inbox") == (taken_before,)
    process = service(tmp_path, sink.port)
    try:
        servers.wait_until(lambda: smtpd_answers(tmp_path / "lmtp.sock"), what="LMTP")
        assert hand_in(tmp_path / "lmtp.sock", mail) == {}
        servers.wait_until(lambda: len(sink.mails) >= 1, what="the answer")
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 0
    assert store.one("SELECT COUNT(*) FROM issue") == (1,)
    assert len(sink.mails) == 1
    store.close()
    assert not (tmp_path / "lmtp.sock").exists()


def smtpd_answers(place: Path) -> bool:
    try:
        with _open(place) as sock:
            return sock.recv(10).startswith(b"220")
    except OSError:
        return False


@pytest.mark.xdist_group("postfix-lmtp")
def test_behind_a_real_postfix(tmp_path: Path, needs_postfix: None, sink: servers.Sink) -> None:
    """Tested behind a real Postfix (`virtual_transport`): 40 mails over SMTP become 40 reports; what Postfix could not
    hand over while we were away comes when we are back."""
    port = servers.free_port()
    with servers.postfix(transport=f"lmtp:inet:127.0.0.1:{port}") as postfix:
        app = app_of(tmp_path, sink.port, Listen("127.0.0.1", port))
        server = app.start_lmtp(("intake",), {})
        assert server is not None
        with smtplib.SMTP(postfix.host, postfix.port) as client:
            for number in range(40):
                client.sendmail(BOB, [ISSUES], MAIL % number)
        servers.wait_until(lambda: app.store.one("SELECT COUNT(*) FROM inbox") == (40,), 60, "40 mails")
        server.stop()
        with smtplib.SMTP(postfix.host, postfix.port) as client:
            client.sendmail(BOB, [ISSUES], MAIL % 40)
        time.sleep(1)
        server = app.start_lmtp(("intake",), {})
        assert server is not None
        postfix.flush()
        servers.wait_until(lambda: app.store.one("SELECT COUNT(*) FROM inbox") == (41,), 60, "the late one")
        app.until_idle(("work",))
        assert app.store.one("SELECT COUNT(*) FROM issue") == (41,)
        assert app.store.one("SELECT COUNT(*) FROM inbox WHERE state = 'done'") == (41,)
        server.stop()
        app.store.close()


def test_a_taken_address_is_one_clear_line(tmp_path: Path) -> None:
    """Another program has the port: `run` says so, with the key, and ends with 75, so that systemd tries again."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        text = f'[imap]\nhost = ""\n[lmtp]\nlisten = "127.0.0.1:{port}"\n[people]\ntriagers = ["{SARA}"]\n'
        (tmp_path / "config.toml").write_text(text)
        (tmp_path / "triagemail.keys").write_text(f"a {'ab' * 32}\n")
        argv = ["--config", str(tmp_path / "config.toml"), "run", "--only", "intake"]
        tool = [sys.executable, "-m", "triagemail", *argv]
        said = subprocess.run(tool, capture_output=True, text=True, timeout=60, check=False)
    assert said.returncode == 75
    assert "Traceback" not in said.stderr
    assert "lmtp.listen: [Errno 98] Address already in use" in said.stderr.splitlines()[-1]
