"""Who the SMTP doors trust: the relay's certificate and login, and the server that takes mails in for the demo."""

from __future__ import annotations

import base64
import smtplib
import socket
import ssl
import threading
from collections import deque
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import faults
import pytest
import servers
from door_parts import MakeRelay, OneByOne, smtp_script
from takers import taker

from triagemail.doors import link, smtpd
from triagemail.doors.copies import Copy, share
from triagemail.doors.smtp import Accepted, Deferred, Rejected, RelayDown, SmtpSettings

MAIL = b"Message-ID: <1@acme.example>\r\nSubject: hello\r\n\r\nfirst line\r\n"
FROM, TO = "updates@acme.example", "sara@acme.example"


# --- who may hear the password ---------------------------------------------------------------------------------------


class Logins:
    """An authenticator for aiosmtpd that remembers what it was told."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    def __call__(self, server: object, session: object, envelope: object, mechanism: str, told: object) -> object:
        from aiosmtpd.smtp import AuthResult

        self.seen.append(told)
        return AuthResult(success=getattr(told, "password", b"") == b"opensesame", handled=False)


@pytest.fixture(scope="module")
def certificates(needs_dovecot: None, tmp_path_factory: pytest.TempPathFactory) -> servers.Certificates:
    return servers.certificates(Path(tmp_path_factory.mktemp("certificates")))


def server_side(certificates: servers.Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.cert, certificates.key)
    return context


@pytest.mark.parametrize("tls", ["tls", "starttls"])
def test_login_over_a_checked_link(
    certificates: servers.Certificates, monkeypatch: pytest.MonkeyPatch, relay_to: MakeRelay, tls: str
) -> None:
    """S11: with a certificate that the system trusts (SSL_CERT_FILE) and the right name, the password is sent."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
    logins = Logins()
    how = "ssl_context" if tls == "tls" else "tls_context"
    rest = {how: server_side(certificates), "authenticator": logins, "auth_require_tls": tls == "starttls"}
    with servers.sink(**rest) as sink:
        relay = relay_to(sink, host="localhost", tls=tls, user="desk", password=lambda: "opensesame")
        assert isinstance(relay.send(FROM, TO, MAIL), Accepted)
        assert len(logins.seen) == 1
        wrong = relay_to(sink, host="localhost", tls=tls, user="desk", password="wrong")
        with pytest.raises(RelayDown, match="login as desk refused: 535") as down:
            wrong.send(FROM, TO, MAIL)
        assert down.value.operator
        assert "wrong" not in str(down.value)


def test_pipelined_mails_over_tls(
    certificates: servers.Certificates, monkeypatch: pytest.MonkeyPatch, relay_to: MakeRelay
) -> None:
    """S11: the same over several encrypted connections; big bodies and replies that TLS has decrypted already."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
    mail = share(MAIL + b"a long line of the body of this mail\r\n" * 8_000)
    with taker(tls=server_side(certificates)) as server:
        relay = relay_to(server, host="localhost", tls="tls")
        relay.connections = 3
        hand = deque(Copy(n, FROM, f"p{n}@acme.example", b"", mail) for n in range(40))
        landed = [one for _ in range(2_000) if hand or relay.busy for one in relay.turn(hand, 0.05)]
        assert sorted(one.copy.key for one in landed) == list(range(40))
        assert {type(one.outcome) for one in landed} == {Accepted}
        assert server.times() == {f"p{n}@acme.example": 1 for n in range(40)}
        assert {len(raw) for _, raw in server.mails} == {mail.size}


@pytest.mark.parametrize("tls", ["tls", "starttls"])
@pytest.mark.parametrize("wrong", ["name", "authority"])
def test_a_wrong_certificate_is_refused_before_the_login(
    certificates: servers.Certificates, monkeypatch: pytest.MonkeyPatch, relay_to: MakeRelay, tls: str, wrong: str
) -> None:
    """S11, I13: wrong name or unknown CA: the operator's affair; no AUTH, no mail, no fallback to plain."""
    if wrong == "name":
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
    logins = Logins()
    how = "ssl_context" if tls == "tls" else "tls_context"
    with servers.sink(**{how: server_side(certificates), "authenticator": logins}) as sink:
        with faults.fault_proxy(sink.port) as proxy:
            host = "127.0.0.1" if wrong == "name" else "localhost"
            relay = relay_to(proxy, host=host, tls=tls, user="desk", password="opensesame")
            with pytest.raises(RelayDown, match="certificate verify failed") as down:
                relay.send(FROM, TO, MAIL)
            assert down.value.operator
            assert proxy.connections == 1
            assert b"AUTH" not in proxy.sent
            assert b"MAIL" not in proxy.sent
        assert (logins.seen, sink.mails) == ([], [])


def test_starttls_that_is_stripped_is_refused(relay_to: MakeRelay) -> None:
    """I13, S11: a relay that offers no STARTTLS gets no password and no mail."""
    with faults.scripted(b"220 hi\r\n", smtp_script(features=b"250-hi\r\n250 AUTH PLAIN\r\n")) as odd:
        with pytest.raises(RelayDown, match="STARTTLS") as down:
            relay_to(odd, host="localhost", tls="starttls", user="desk", password="opensesame").send(FROM, TO, MAIL)
        assert down.value.operator
        assert [line.split()[0] for line in odd.lines] == [b"ehlo"]


def test_text_slipped_in_before_tls_is_refused(
    certificates: servers.Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I13, CVE-2011-0411 kind: what a third party adds behind the answer to STARTTLS must not count as said inside."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
    context = server_side(certificates)
    listener = socket.create_server(("127.0.0.1", 0))
    heard: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with suppress(OSError), connection:
            connection.sendall(b"220 hi\r\n")
            connection.recv(100)
            connection.sendall(b"250-hi\r\n250 STARTTLS\r\n")
            connection.recv(100)
            connection.sendall(b"220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n")
            with context.wrap_socket(connection, server_side=True) as wrapped:
                heard.append(wrapped.recv(100))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    relay = OneByOne(SmtpSettings("localhost", listener.getsockname()[1], "starttls", "desk", "opensesame", timeout=5))
    with pytest.raises(RelayDown, match="between STARTTLS and TLS") as down:
        relay.connect()
    thread.join(5)
    listener.close()
    assert down.value.operator
    assert b"".join(heard) == b""


def test_a_password_never_goes_in_clear_text_over_a_network() -> None:
    """S11: AUTH on a verified link or loopback only; a relay without a login may be plain, where it is named so."""
    with pytest.raises(ValueError, match="clear text"):
        SmtpSettings("relay.acme.example", 25, "none", "desk", "opensesame")
    SmtpSettings("relay.acme.example", 25, "none")
    SmtpSettings("127.0.0.1", 25, "none", "desk", "opensesame")
    assert SmtpSettings("relay.acme.example", 465).tls == "tls"
    assert "opensesame" not in repr(SmtpSettings("relay.acme.example", 465, "tls", "desk", "opensesame"))
    with pytest.raises(ValueError, match="helo holds a line break"):
        replace(SmtpSettings("relay.acme.example", 465), helo="x\r\nRSET")


def test_login_on_loopback(relay_to: MakeRelay) -> None:
    """S11: on loopback nobody listens; the login is what RFC 4616 says."""
    with faults.scripted(b"220 hi\r\n", smtp_script({b"AUTH": b"235 ok\r\n"}, b"250-hi\r\n250 AUTH PLAIN\r\n")) as odd:
        assert isinstance(relay_to(odd, user="desk", password="opensesame").send(FROM, TO, MAIL), Accepted)
    token = odd.lines[1].split()[2]
    assert base64.b64decode(token) == b"\0desk\0opensesame"


# --- the server of the demo ------------------------------------------------------------------------------------------


def test_a_mail_handed_to_the_server_is_taken(relay_to: MakeRelay) -> None:
    """A3, A6 of libraries.md: the null sender arrives as "", the content as it was sent, line ends included."""
    taken: list[smtpd.Envelope] = []

    def take(envelope: smtpd.Envelope) -> smtpd.Reply:
        taken.append(envelope)
        return smtpd.Reply(250, "2.0.0 taken as 7")

    server = smtpd.start("127.0.0.1", 0, take)
    try:
        relay = relay_to(server)
        assert relay.send(FROM, TO, MAIL) == Accepted(250, "2.0.0 taken as 7")
        assert relay.send("", TO, MAIL) == Accepted(250, "2.0.0 taken as 7")
    finally:
        server.stop()
        server.stop()
    assert taken == [smtpd.Envelope(FROM, (TO,), MAIL), smtpd.Envelope("", (TO,), MAIL)]
    assert not servers.listens(server.port)


def test_a_fault_of_ours_never_bounces_a_mail(relay_to: MakeRelay) -> None:
    """A4 of libraries.md: an exception becomes 451, not 500 with its text: the sender keeps the mail, tries again."""

    def take(envelope: smtpd.Envelope) -> smtpd.Reply:
        raise RuntimeError("secret detail")

    server = smtpd.start("127.0.0.1", 0, take)
    try:
        assert relay_to(server).send(FROM, TO, MAIL) == Deferred(451, "4.3.0 not taken, try again later", "end")
    finally:
        server.stop()


def test_a_slow_taker_does_not_stop_other_connections(relay_to: MakeRelay) -> None:
    """A4 of libraries.md: while one mail is stored, other programs are greeted and answered."""
    begun, gate = threading.Event(), threading.Event()

    def take(envelope: smtpd.Envelope) -> smtpd.Reply:
        begun.set()
        gate.wait(20)
        return smtpd.Reply()

    server = smtpd.start("127.0.0.1", 0, take)
    outcomes: list[object] = []
    thread = threading.Thread(target=lambda: outcomes.append(relay_to(server, timeout_end=20.0).send(FROM, TO, MAIL)))
    thread.start()
    try:
        assert begun.wait(20)
        with smtplib.SMTP("127.0.0.1", server.port, "desk", timeout=10) as other:
            assert other.ehlo()[0] == 250
            assert not gate.is_set()
            gate.set()
        thread.join(20)
    finally:
        gate.set()
        server.stop()
    assert outcomes == [Accepted(250, "2.0.0 taken")]


def test_the_server_listens_on_loopback_and_a_taken_port_fails_at_once() -> None:
    """O7, A1 of libraries.md: 127.0.0.1 only; aiosmtpd alone takes 5 s to notice that a port is in use."""
    server = smtpd.start("127.0.0.1", 0, lambda envelope: smtpd.Reply())
    try:
        assert server.host == "127.0.0.1"
        with pytest.raises(OSError, match="in use"):
            smtpd.start("127.0.0.1", server.port, lambda envelope: smtpd.Reply())
    finally:
        server.stop()


def test_a_mail_over_the_servers_limit_is_refused(relay_to: MakeRelay) -> None:
    """I12: the limit is told in EHLO, so that a sender knows before it sends."""
    server = smtpd.start("127.0.0.1", 0, lambda envelope: smtpd.Reply(), max_size=1_000)
    try:
        outcome = relay_to(server).send(FROM, TO, MAIL + b"x\r\n" * 1_000)
        assert isinstance(outcome, Rejected)
        assert outcome.code == 552
    finally:
        server.stop()


@pytest.mark.parametrize("text", ["a\r\nb", b"a\r\n\tb", "a\x1b[31mb", "a\u202eb\u2028c", b"\xff\xfe", "", "x" * 999])
def test_foreign_text_becomes_one_printable_line(text: str | bytes) -> None:
    """X5: control characters, bidi marks and line separators of a server's reply reach no log."""
    line = link.one_line(text)
    assert line.isprintable()
    assert len(line) <= 200
