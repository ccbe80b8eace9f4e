"""The IMAP door under a bad network, a wrong certificate, a lying server, and words that want to become commands."""

from __future__ import annotations

import base64
import contextlib
import random
import re
import ssl
import threading
import time
from dataclasses import replace

import faults
import pytest
import servers
from door_parts import GREETING, Connect, fetched, imap_settings, mail
from faultproxy import fault_proxy

from triagemail.doors.imap import ImapSettings, Mailbox, MailboxLost, MailboxRefused
from triagemail.doors.link import Token

# --- a bad network ---------------------------------------------------------------------------------------------------


def test_a_link_cut_anywhere_in_a_fetch_loses_nothing(dovecot: servers.DovecotServer, user: str) -> None:
    r"""I1: cuts at 20 random offsets while 50 mails are read: each is read once the link is back, none is \Seen."""
    for n in range(50):
        dovecot.deliver(user, mail(n, 300 * (n % 7)))
    chance = random.Random(1)
    seen: list[bytes | None] = []
    cursor, cuts = 0, 0
    with fault_proxy(dovecot.port) as proxy:
        mailbox = Mailbox(imap_settings(proxy, user, batch_count=7))
        while len(seen) < 50:
            proxy.cut_after = chance.randrange(200, 12_000) if cuts < 20 else None
            try:
                mailbox.connect()
                for batch in mailbox.fetch_new(cursor):
                    seen += [one.raw for one in batch]
                    cursor = batch[-1].uid
            except MailboxLost:
                cuts += 1
        mailbox.close()
    assert cuts >= 15
    assert seen == [mail(n, 300 * (n % 7)) for n in range(50)]
    with dovecot.login(user) as person:
        person.select_folder("INBOX", readonly=True)
        assert person.search("SEEN") == []


def test_a_black_hole_in_idle_ends_after_the_timeouts(dovecot: servers.DovecotServer, user: str) -> None:
    """I2: a link that died in silence is noticed when the wait and the read timeout end; 20 rounds, no thread left."""
    threads = threading.active_count()
    with fault_proxy(dovecot.port) as proxy:
        for n in range(20):
            proxy.heal()
            mailbox = Mailbox(imap_settings(proxy, user, timeout_read=0.2 if n else 0.5))
            for _ in range(5):  # a busy machine may need longer than that to let us in
                with contextlib.suppress(MailboxLost):
                    mailbox.connect()
                    break
            timer = threading.Timer(0.02, setattr, (proxy, "black", True))
            timer.start()
            with pytest.raises(MailboxLost):
                mailbox.wait(0.05)
            timer.join()
        proxy.heal()
        dovecot.deliver(user, mail(1))
        mailbox.connect()
        assert len(fetched(mailbox)) == 1
        mailbox.close()
    servers.wait_until(lambda: threading.active_count() <= threads, what="the end of the proxy's threads")


def test_a_server_that_hangs_up_in_idle_is_noticed_without_spinning(dovecot: servers.DovecotServer, user: str) -> None:
    """I3, M7: a closed link ends the wait in MailboxLost at once, and costs no CPU (idle_check() would spin on it)."""
    with fault_proxy(dovecot.port) as proxy:
        for _ in range(20):
            mailbox = Mailbox(imap_settings(proxy, user))
            mailbox.connect()
            timer = threading.Timer(0.02, proxy.drop)
            timer.start()
            started, cpu = time.monotonic(), time.thread_time()
            with pytest.raises(MailboxLost):
                mailbox.wait(30)
            assert time.monotonic() - started < 15
            assert time.thread_time() - cpu < 0.5
            timer.join()


def test_goodbye_in_idle_is_the_end_of_the_link(opened: Connect) -> None:
    """I3: `* BYE` in IDLE means reconnect, also when the connection stays open for a while."""
    rows = {b"IDLE": [b"+ idling", b"* BYE going down for lunch", b"TAG OK done"]}
    with faults.scripted(GREETING, faults.imap_script(rows)) as server:
        mailbox = opened(server)
        with pytest.raises(MailboxLost, match="BYE"):
            mailbox.wait(20)


def test_a_server_that_ends_every_idle_at_once_does_not_make_us_spin(opened: Connect) -> None:
    """I3: never spin, whatever the server does."""
    rows = {b"IDLE": [b"+ idling", b"* OK hello"]}  # the tagged OK follows at once
    with faults.scripted(GREETING, faults.imap_script(rows)) as server:
        assert opened(server).wait(1.5) is False
        assert server.lines.count(b"DONE\r\n") in range(2, 10)


def test_a_silent_server_is_given_up(user: str) -> None:
    """I2: connecting has a timeout too: a server that accepts and says nothing blocks nobody."""
    with faults.scripted(b"", faults.imap_script()) as server:
        mailbox = Mailbox(imap_settings(server, user, timeout_connect=0.2))
        with pytest.raises(MailboxLost, match="timed out"):
            mailbox.connect()


def test_after_a_failure_the_mailbox_is_closed_until_it_is_connected_again(
    dovecot: servers.DovecotServer, user: str
) -> None:
    """I2 of libraries.md: after a timeout the old connection is of no use; it is dropped, connect() makes a new one."""
    with fault_proxy(dovecot.port) as proxy:
        mailbox = Mailbox(imap_settings(proxy, user, timeout_read=0.2))
        mailbox.connect()
        proxy.black = True
        for _ in range(2):
            with pytest.raises(MailboxLost):
                fetched(mailbox)
        with pytest.raises(MailboxLost, match="not connected"):
            _ = mailbox.uidvalidity
        proxy.heal()
        assert mailbox.connect().exists == 0
        proxy.black = True
        mailbox.close()  # never raises, never takes long
        mailbox.close()


# --- who may hear the password ---------------------------------------------------------------------------------------


def test_a_refused_login_is_the_operators_affair(dovecot: servers.DovecotServer, user: str) -> None:
    """I3, I14: wrong password: no reconnect storm but MailboxRefused; its text has the user and not the password."""
    with pytest.raises(MailboxRefused) as refused:
        Mailbox(imap_settings(dovecot, user, password="opensesame")).connect()
    assert user in str(refused.value)
    assert "opensesame" not in str(refused.value)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([b"TAG NO [AUTHENTICATIONFAILED] no"], MailboxRefused),
        ([b"TAG NO [UNAVAILABLE] the user database is down"], MailboxLost),
        ([faults.HANG_UP], MailboxLost),
    ],
)
def test_a_login_that_fails_for_another_reason_is_tried_again(answer: list[bytes], expected: type[Exception]) -> None:
    """I3: RFC 5530's UNAVAILABLE and a closed link say nothing about the password."""
    with faults.scripted(GREETING, faults.imap_script({b"AUTHENTICATE": answer})) as server:
        mailbox = Mailbox(imap_settings(server, "x"))
        with pytest.raises(expected):
            mailbox.connect()


def test_the_password_is_asked_for_at_each_login_and_may_hold_any_character() -> None:
    """I14: a rotated secret is used without a restart; LOGIN alone could not carry this user or password."""
    secrets = iter(["first", 'zwei "ü" \\'])
    with servers.pymap({"sara dot": 'zwei "ü" \\'}) as server:
        mailbox = Mailbox(imap_settings(server, "sara dot", password=lambda: next(secrets)))
        with pytest.raises(MailboxRefused):
            mailbox.connect()
        mailbox.connect()
        mailbox.close()


def test_an_access_token_goes_by_xoauth2() -> None:
    """I14: Google and Microsoft 365 take no password for IMAP."""
    with faults.scripted(GREETING, faults.imap_script()) as server:
        mailbox = Mailbox(imap_settings(server, "sara@acme.example", token=lambda: Token("token")))
        mailbox.connect()
        mailbox.close()
        said = [base64.b64decode(line) for line in server.lines if line.strip().isalnum() or line.endswith(b"=\r\n")]
    assert b"user=sara@acme.example\1auth=Bearer token\1\1" in said


def test_a_missing_secret_file_is_the_operators_affair() -> None:
    """V6: secrets come by file; where the file is gone, waiting does not help, and nothing is sent."""

    def read() -> str:
        raise FileNotFoundError("no file secret/imap")

    with faults.scripted(GREETING, faults.imap_script()) as server:
        with pytest.raises(MailboxRefused, match="no file secret/imap"):
            Mailbox(imap_settings(server, "x", password=read)).connect()
        assert server.connections == 0


@pytest.mark.parametrize("host", ["mail.acme.example", "10.0.0.1", "::2"])
def test_plain_text_is_for_loopback_only(host: str) -> None:
    """I13: plain only to loopback."""
    with pytest.raises(ValueError, match="loopback"):
        ImapSettings(host, 143, "none")
    for near in ("127.0.0.1", "::1", "localhost", "127.9.9.9"):
        ImapSettings(near, 143, "none")
    assert ImapSettings(host, 993).tls == "tls"


@pytest.mark.parametrize("tls", ["tls", "starttls"])
def test_a_good_certificate_is_accepted(
    dovecot: servers.DovecotServer, user: str, opened: Connect, monkeypatch: pytest.MonkeyPatch, tls: str
) -> None:
    """I13: TLS with host name check, by a CA that the system (here SSL_CERT_FILE) trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.certificates.ca))
    dovecot.deliver(user, mail(1))
    port = dovecot.tls_port if tls == "tls" else dovecot.port
    mailbox = Mailbox(replace(imap_settings(dovecot, user), host="localhost", port=port, tls=tls))  # type: ignore[arg-type]
    mailbox.connect()
    assert len(fetched(mailbox)) == 1
    timer = threading.Timer(0.2, dovecot.deliver, (user, mail(2)))
    timer.start()
    assert mailbox.wait(20) is True
    mailbox.close()


@pytest.mark.parametrize("tls", ["tls", "starttls"])
@pytest.mark.parametrize("wrong", ["name", "authority"])
def test_a_wrong_certificate_is_refused_before_the_login(
    dovecot: servers.DovecotServer, user: str, monkeypatch: pytest.MonkeyPatch, tls: str, wrong: str
) -> None:
    """I13: wrong name or unknown CA: connect refused, no LOGIN bytes on the wire, no fallback to plain."""
    if wrong == "name":
        monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.certificates.ca))
    host = "127.0.0.1" if wrong == "name" else "localhost"
    with fault_proxy(dovecot.tls_port if tls == "tls" else dovecot.port) as proxy:
        mailbox = Mailbox(replace(imap_settings(proxy, user), host=host, tls=tls))  # type: ignore[arg-type]
        with pytest.raises(MailboxRefused, match="certificate verify failed"):
            mailbox.connect()
        assert proxy.connections == 1
        clear = re.findall(rb"^[A-Z0-9]+ ([A-Z]+)", proxy.sent, re.MULTILINE)
        assert clear == ([] if tls == "tls" else [b"CAPABILITY", b"STARTTLS"][-len(clear) :])
        assert b"LOGIN" not in proxy.sent
        assert b"AUTHENTICATE" not in proxy.sent


def test_behind_a_wrong_certificate_the_server_reads_nothing(dovecot: servers.DovecotServer) -> None:
    """I13: also inside the encryption: what a server with a wrong name can decrypt is nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(dovecot.certificates.cert, dovecot.certificates.key)
    with faults.scripted(GREETING, faults.imap_script(), tls=context) as server:
        with pytest.raises(MailboxRefused):
            Mailbox(replace(imap_settings(server, "x"), tls="tls")).connect()
        assert server.connections == 1
        assert server.lines == []


def test_a_server_without_tls_hears_no_password(dovecot: servers.DovecotServer, user: str) -> None:
    """I13: "none: connect refused, no LOGIN bytes on the wire": it speaks plain where TLS is wanted."""
    with fault_proxy(dovecot.port) as proxy:
        for tries in range(1, 21):  # a link that we cut at once may take along what the proxy had not read yet
            with pytest.raises((MailboxRefused, MailboxLost)):
                Mailbox(replace(imap_settings(proxy, user), host="localhost", tls="tls")).connect()
            assert proxy.connections == tries
            if proxy.sent:
                break
        assert proxy.sent[:1] == b"\x16", "a TLS handshake, and nothing else"
        assert user.encode() not in proxy.sent
        assert not re.search(rb"LOGIN|AUTHENTICATE", proxy.sent)


@pytest.mark.parametrize("greeting", [b"* OK ready\r\n", b"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n"])
def test_starttls_that_is_stripped_is_refused(greeting: bytes) -> None:
    """I13: no STARTTLS offered, or PREAUTH that would skip it: no LOGIN bytes on the wire."""
    with faults.scripted(greeting, faults.imap_script()) as server:
        with pytest.raises((MailboxRefused, MailboxLost)):
            Mailbox(replace(imap_settings(server, "x"), host="localhost", tls="starttls")).connect()
        said = b"".join(server.lines)
    assert b"AUTHENTICATE" not in said
    assert b"LOGIN" not in said
    assert b"SELECT" not in said


# --- nothing becomes a command ---------------------------------------------------------------------------------------


def test_line_breaks_in_settings_never_reach_the_wire() -> None:
    """I11: the door refuses CR, LF and NUL in every argument; 10,000 fuzzed names, and what passes is one line each."""
    chance = random.Random(3)
    alphabet = 'abcXYZ09 ./*%"\\{}&~ü€\t\x7f' + "\r\n\0"
    passed = []
    for _ in range(10_000):
        name = "".join(chance.choices(alphabet, k=chance.randrange(1, 12)))
        try:
            passed.append(ImapSettings("127.0.0.1", 1, "none", "x", "y", folder=name, done_folder=name + "x").folder)
        except ValueError:
            assert any(c in name for c in "\r\n\0")
        else:
            assert not any(c in name for c in "\r\n\0")
    with faults.scripted(GREETING, faults.imap_script()) as server:
        for name in chance.sample(passed, 150):
            mailbox = Mailbox(imap_settings(server, name, folder=name, done_folder=name + "x", timeout_read=1))
            mailbox.connect()
            mailbox.done([1])
            mailbox.close()
        tagged = re.compile(
            rb"[A-P]+\d+ (CAPABILITY|AUTHENTICATE|LIST|CREATE|SELECT|UID MOVE|LOGOUT)\b|[A-Za-z0-9+/=]+\r\n\Z"
        )
        assert [line for line in server.lines if not tagged.match(line)] == []
        assert len(server.lines) > 150 * 5


def test_ten_thousand_fuzzed_mails_put_nothing_on_the_wire() -> None:
    """I11: "recording server: 10,000 fuzzed Message-IDs/subjects/folders, every line starts with our tag or continues a
    literal": what is said to the server are numbers of ours, whatever the mails say."""
    chance = random.Random(11)
    pieces = ["A1 LOGOUT", "\r\n", "\n", "\0", "{9}", "{3+}\r\n", '"', "\\", " UID MOVE 1:* Trash", "*", "%", "(", "é"]

    def fuzzed() -> bytes:
        return "".join(chance.choices(pieces, k=chance.randrange(1, 6))).encode()

    raws = {n: b"Message-ID: <%s>\r\nSubject: %s\r\n\r\nx" % (fuzzed(), fuzzed()) for n in range(1, 10_001)}

    def fetch(command: bytes) -> list[bytes]:
        uids = [int(uid) for uid in command.split()[2].split(b",")]
        if b"RFC822.SIZE" in command:
            return [b"* 1 FETCH (UID %d RFC822.SIZE %d)" % (uid, len(raws[uid])) for uid in uids]
        return [b"* 1 FETCH (UID %d BODY[] {%d}\r\n%s)" % (uid, len(raws[uid]), raws[uid]) for uid in uids]

    found = b" ".join([b"* SEARCH", *(b"%d" % uid for uid in raws)])
    rows: dict[bytes, faults.Answer] = {b"UID SEARCH": [found], b"UID FETCH": fetch}
    with faults.scripted(GREETING, faults.imap_script(rows)) as server:
        mailbox = Mailbox(imap_settings(server, "x"))
        mailbox.connect()
        read = 0
        for batch in mailbox.fetch_new(0):
            assert all(one.raw == raws[one.uid] for one in batch)
            assert mailbox.done([one.uid for one in batch])
            read += len(batch)
        mailbox.close()
    assert read == 10_000
    ours = re.compile(
        rb'[A-P]{4,5}\d+ (CAPABILITY|AUTHENTICATE PLAIN|LIST "" "Done"|SELECT "INBOX"|NOOP|LOGOUT|UID SEARCH UID 1:\*'
        rb"|UID FETCH [\d,:]+ \(RFC822.SIZE INTERNALDATE\)|UID FETCH [\d,:]+ \(BODY.PEEK\[\] INTERNALDATE\)"
        rb'|UID MOVE [\d,:]+ "?Done"?)\r\n\Z|[A-Za-z0-9+/=]+\r\n\Z'
    )
    assert [line for line in server.lines if not ours.match(line)] == []
    assert len(server.lines) > 200


@pytest.mark.parametrize("field", ["host", "user", "folder", "done_folder"])
@pytest.mark.parametrize("evil", ["x\r\nA1 LOGOUT", "x\nA1 LOGOUT", "x\rA", "x\0"])
def test_every_text_that_could_carry_a_second_command_is_refused(field: str, evil: str) -> None:
    """I11, I10 of libraries.md: `select_folder('x\\r\\nA1 LOGOUT')` would put a second command on the wire."""
    with pytest.raises(ValueError, match=f"{field} holds a line break"):
        replace(ImapSettings("127.0.0.1", 143, "none"), **{field: evil})  # type: ignore[arg-type]


def test_a_password_with_a_line_break_is_refused_before_anything_is_sent() -> None:
    """I11: a secret file with two lines is a mistake to be told, not a second command."""
    with faults.scripted(GREETING, faults.imap_script()) as server:
        with pytest.raises(MailboxRefused, match="line break"):
            Mailbox(imap_settings(server, "x", password="a\r\nA1 LOGOUT")).connect()
        assert server.connections == 0


def test_the_words_of_a_mail_never_reach_the_server(dovecot: servers.DovecotServer, user: str, opened: Connect) -> None:
    """I11, M2: a crafted Message-ID moved a whole INBOX through SEARCH HEADER; the door has no search by header."""
    evil = '<x@acme.example>" \r\n A1 UID MOVE 1:* Trash'
    for n in range(3):
        dovecot.deliver(user, mail(n, message_id=evil))
    with fault_proxy(dovecot.port) as proxy:
        mailbox = opened(proxy, user)
        assert len(fetched(mailbox)) == 3
        mailbox.wait(0.05)
        mailbox.done([1])
        mailbox.close()
        lines = proxy.sent.split(b"\r\n")[:-1]
    ours = re.compile(rb"[A-P]+\d+ [A-Z]|DONE\Z|[A-Za-z0-9+/=]+\Z")
    assert [line for line in lines if not ours.match(line)] == []
    assert b"Trash" not in proxy.sent
    assert b"HEADER" not in proxy.sent
