"""Every door with words that nobody would say (trust.md 4: "Fuzz: fixed seeds"): no crash, nothing lost, nothing done.

Short always, long with `-m slow`. The seeds are those of the tests' names (`derandomize`), so a run repeats the last.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import faults
import pytest
import servers
from browsing import Browser, looking, way_in
from chat import BOB, COMPLETE, LENA, SARA, Chat, Out, one, talk_directly, to
from click.testing import CliRunner
from door_parts import imap_settings, smtp_settings
from hypothesis import given, settings
from hypothesis import strategies as st
from test_pipeline import copy
from test_web import a_p0, everything

from triagemail import config as configs
from triagemail.cli import main
from triagemail.clock import Clock
from triagemail.doors import smtpd, web
from triagemail.doors.copies import Copy
from triagemail.doors.imap import Mailbox, MailboxLost, MailboxRefused
from triagemail.doors.relay import Relay
from triagemail.doors.smtp import Accepted, RelayDown
from triagemail.intake import taking
from triagemail.mail import sessions
from triagemail.mail.tokens import Keyring, read_message_id, read_secret
from triagemail.store.store import Store


def rounds(short: int, long: int) -> pytest.MarkDecorator:
    """How many examples: a few always, many with `-m slow`."""
    slow = pytest.param(long, marks=[pytest.mark.slow, pytest.mark.timeout(900)])
    return pytest.mark.parametrize("examples", [short, slow])


def tried(examples: int, strategy: st.SearchStrategy[Any], test: Callable[[Any], None]) -> None:
    settings(max_examples=examples, derandomize=True, deadline=None, database=None)(given(strategy)(test))()


# --- IMAP ------------------------------------------------------------------------------------------------------------

ASKED = (b"CAPABILITY", b"LIST", b"SELECT", b"UID SEARCH", b"UID FETCH", b"UID MOVE", b"IDLE")
ROWS = st.lists(
    st.sampled_from([
        b"* ", b"1 FETCH (UID 1 ", b"BODY[] {3}\r\nabc", b"BODY[] {99999999999}", b"RFC822.SIZE ", b"INTERNALDATE ",
        b")", b"\r\n", b'"', b"(", b"NIL", b"SEARCH 1 2 x", b"SEARCH 1:*", b"EXISTS", b"EXPUNGE", b"BYE",
        b"OK [UIDVALIDITY 0]", b"OK [", b"LIST (\\Noselect) ", b"\xff", b"\x00", b"9", b"+ ", b"A1 OK", b"\\Seen",
        b"*", b" ",
    ]) | st.binary(max_size=6), min_size=1, max_size=8,
)  # fmt: skip


@rounds(40, 1_500)
def test_whatever_an_imap_server_says_ends_in_the_two_exceptions(examples: int) -> None:
    """R8: whatever bytes a server sends, the loop sees MailboxLost or MailboxRefused, never a crash of the library; and
    nothing comes in that was not a whole mail."""
    outcomes = set()

    def heard(said: tuple[bytes, list[bytes]]) -> None:
        rows: dict[bytes, faults.Answer] = {b"UID SEARCH": [b"* SEARCH 1"], said[0]: [b"* " + b"".join(said[1])]}
        with faults.scripted(b"* OK ready\r\n", faults.imap_script(rows)) as server:
            mailbox = Mailbox(imap_settings(server, "bob", timeout_read=0.05, timeout_connect=0.05))
            try:
                mailbox.connect()
                for batch in mailbox.fetch_new(0):
                    assert all(isinstance(mail.raw, bytes) or mail.gone for mail in batch)
                mailbox.done([1])
                mailbox.wait(0.01)
                outcomes.add("fine")
            except (MailboxLost, MailboxRefused) as error:
                outcomes.add(type(error).__name__)
            mailbox.close()

    tried(examples, st.tuples(st.sampled_from(ASKED), ROWS), heard)
    assert {"fine", "MailboxLost"} <= outcomes


# --- LMTP ------------------------------------------------------------------------------------------------------------

WORDS = st.sampled_from([
    b"LHLO x", b"EHLO x", b"HELO", b"MAIL FROM:<>", b"MAIL FROM:<bob@acme.example> SIZE=99999999999", b"MAIL FROM:<a@b",
    b"MAIL FROM:<bob@acme.example> BODY=8BITMIME", b"RCPT TO:<issues@acme.example>", b"RCPT TO:<>", b"RCPT TO:<a b@c>",
    b"RCPT TO:<issues@acme.example> X=1", b"RSET", b"NOOP \x00", b"VRFY root", b"EXPN x", b"HELP", b"AUTH PLAIN =",
    b"STARTTLS", b"BDAT 5 LAST", b"DATA x", b"\xff\xfe", b"", b" ", b"MAIL FROM:<" + b"a" * 3000 + b"@b.example>",
])  # fmt: skip
LINES = st.lists(st.one_of(WORDS, st.binary(max_size=80)), max_size=12)
PIECES = st.sampled_from([
    b"From: bob@acme.example\r\n", b"Subject: x\r\n", b"\r\n", b".\r\n", b"\n.\n", b"\r.\r", b"\n.\r\n", b"..", b"\x00",
    b"\xff", b"\r", b"\n", b"MAIL FROM:<eve@evil.example>\r\n", b"Content-Type: multipart/mixed; boundary=x\r\n",
    b"--x\n", b"a" * 1200, b"QUIT\r\n",
])  # fmt: skip
BYTES = st.lists(st.one_of(PIECES, st.binary(max_size=40)), max_size=20).map(b"".join)


class Client:
    """Says bytes as they are, and reads whole replies."""

    def __init__(self, port: int) -> None:
        self.link = socket.create_connection(("127.0.0.1", port), 10)
        self.reader = self.link.makefile("rb")
        self.reply()

    def reply(self) -> bytes:
        line = self.reader.readline()
        while line[3:4] == b"-":
            line = self.reader.readline()
        return line

    def says(self, octets: bytes) -> bytes:
        self.link.sendall(octets)
        return self.reply()

    def ends(self) -> bytes:
        """Nothing more is said; all that it was told until the other side closed."""
        self.link.shutdown(socket.SHUT_WR)
        rest = self.reader.read()
        self.link.close()
        return rest


@pytest.fixture
def lmtp(tmp_path: Path) -> Iterator[tuple[int, Store]]:
    """The door with the store behind it."""
    store = Store(f"sqlite:///{tmp_path}/t.db")
    store.open()
    port = servers.free_port()
    server = smtpd.start_lmtp(("127.0.0.1", port), taking(store, Clock(), lambda: None))
    try:
        yield port, store
    finally:
        server.stop()
        store.close()


def handed_in(port: int, mail: bytes) -> bytes:
    """As a mail server does: lines of a mail that begin with a dot get another one."""
    client = Client(port)
    for line in (b"LHLO x", b"MAIL FROM:<bob@acme.example>", b"RCPT TO:<issues@acme.example>", b"DATA"):
        assert client.says(line + b"\r\n")[:1] in (b"2", b"3")
    stuffed = (b"\r\n" + mail).replace(b"\r\n.", b"\r\n..")[2:]
    said = client.says(stuffed + (b"" if mail.endswith(b"\r\n") else b"\r\n") + b".\r\n")
    client.ends()
    return said


def last_stored(store: Store) -> bytes:
    return bytes(store.one("SELECT r.body FROM inbox i JOIN raw r ON r.id = i.raw ORDER BY i.id DESC LIMIT 1")[0])


@rounds(60, 3000)
def test_any_bytes_by_lmtp_are_stored_as_they_came_or_refused(lmtp: tuple[int, Store], examples: int) -> None:
    """R1: a mail has 250 and is stored exactly as received, or has a 4xx or 5xx and is not; D11: no crash."""
    port, store = lmtp
    count = 0

    def comes(mail: bytes) -> None:
        nonlocal count
        said = handed_in(port, mail)
        assert re.match(rb"250 |[45]\d\d ", said), said
        count += said.startswith(b"250")
        assert store.one("SELECT COUNT(id) FROM inbox")[0] == count
        if said.startswith(b"250"):
            envelope, _, body = last_stored(store).partition(b"Delivered-To: issues@acme.example\r\n")
            assert envelope == b"Return-Path: <bob@acme.example>\r\n"
            assert body == mail + (b"" if mail.endswith(b"\r\n") else b"\r\n")

    tried(examples, BYTES, comes)
    assert count > examples // 2


@rounds(60, 3000)
def test_any_lines_by_lmtp_get_replies_and_the_door_stays_open(lmtp: tuple[int, Store], examples: int) -> None:
    """O7, D11: whatever is said there, each reply is one of SMTP, nothing is taken without a mail, and the next client
    is served."""
    port, store = lmtp

    def talks(lines: list[bytes]) -> None:
        client = Client(port)
        client.link.sendall(b"\r\n".join([*lines, b"QUIT", b""]))
        assert all(re.match(rb"[245]\d\d[ -]", line) for line in client.ends().split(b"\r\n") if line)
        assert store.one("SELECT COUNT(id) FROM inbox")[0] == 0

    tried(examples, LINES, talks)
    assert handed_in(port, b"Subject: x\r\n\r\nstill there\r\n").startswith(b"250")


# --- the relay -------------------------------------------------------------------------------------------------------

CODES = st.sampled_from([*b"220 250 251 354 421 451 550 000 999 2 25 abc".split(), b""])
ENDS = st.sampled_from([b"\r\n", b"\n", b""])
REPLY = st.one_of(
    st.tuples(CODES, st.sampled_from([b" ", b"-", b"", b"\t"]), st.binary(max_size=30), st.sampled_from([b"\r\n",
    b"\n", b""])).map(b"".join),
    st.sampled_from([b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n", b"250-a\r\n250 b\r\n", b"250-a\r\n550 b\r\n",
    b"\r\n"]),
    st.sampled_from([b"250-" + b"x" * 70_000 + b"\r\n", b"x" * 70_000, b"250-x\r\n" * 12_000,
    b"250 " + b"\xff" * 999 + b"\r\n"]),
)  # fmt: skip
GREETINGS = st.one_of(st.just(b"220 hi\r\n"), st.just(b"220 hi\r\n"), REPLY)
HELLOS = st.one_of(
    st.just(b"250-hi\r\n250 PIPELINING\r\n"), st.just(b"250 hi\r\n"), st.just(b"250-hi\r\n250 SIZE 99x\r\n"), REPLY
)
GOOD_TWICE = (b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n", b"250 ok\r\n") * 2
SPOILT = st.lists(st.tuples(st.integers(0, 7), REPLY), max_size=3)  # what stands in the place of a good reply


def dialogue(spoilt: list[tuple[int, bytes]]) -> list[bytes]:
    replies = list(GOOD_TWICE)
    for place, reply in spoilt:
        replies[place] = reply
    return replies


NEARLY_GOOD = SPOILT.map(dialogue)
RELAYS = st.tuples(GREETINGS, HELLOS, st.one_of(NEARLY_GOOD, NEARLY_GOOD, st.lists(REPLY, max_size=14)))


class Odd:
    """A relay that answers line by line from a list, and hangs up at its end. It notes whether a mail was whole."""

    def __init__(self, replies: Sequence[bytes]) -> None:
        self.left = deque(replies)
        self.inside = False
        self.whole: list[bytes] = []  # what it said after each final dot

    def __call__(self, line: bytes) -> bytes | None:
        if self.inside and line != b".\r\n":
            return b""
        if not self.left:
            return None
        said = self.left.popleft()
        if self.inside:
            self.whole.append(said)
        self.inside = not self.inside and line == b"DATA\r\n" and said.startswith(b"3")
        return said


def carried(greeting: bytes, replies: Sequence[bytes]) -> tuple[list[tuple[Copy, Any]], Odd]:
    """Two mails by such a relay: what became of each, as far as something did."""
    odd = Odd(replies)
    hand, landed = deque([copy(1), copy(2)]), []
    with faults.scripted(greeting, lambda: odd) as script:
        relay = Relay(smtp_settings(script, timeout=0.2, timeout_end=0.2, timeout_connect=1.0))
        try:
            for _ in range(60):
                landed += relay.turn(hand, 0.05)
                if not hand and not relay.busy:
                    break
        except RelayDown:
            pass
        finally:
            relay.close()
    return [(each.copy, each.outcome) for each in landed], odd


@rounds(60, 1500)
def test_whatever_a_relay_answers_nothing_is_sent_without_its_250(examples: int) -> None:
    """S2 to S4, S7: no reply of any form breaks us; a mail is `sent` only by a 2xx to its final dot, and once."""
    taken = 0

    def answers(relay: tuple[bytes, bytes, list[bytes]]) -> None:
        nonlocal taken
        greeting, hello, replies = relay
        landed, odd = carried(greeting, [hello, *replies])
        assert len({each.key for each, _ in landed}) == len(landed)
        sent = [outcome for _, outcome in landed if isinstance(outcome, Accepted)]
        taken += len(sent)
        assert len(sent) <= len(odd.whole)
        assert all(200 <= outcome.code <= 299 for outcome in sent)

    tried(examples, RELAYS, answers)
    assert taken > examples // 10
    found, _ = carried(b"220 hi\r\n", [b"250 hi\r\n", *GOOD_TWICE])
    assert [type(outcome) for _, outcome in found] == [Accepted, Accepted]


# --- the web page ----------------------------------------------------------------------------------------------------

USUAL_PATHS = (
    "/", "/issues/1", "/issues/99999999999999999999999", "/issues/-1", "/issues/1/files/1/1", "/archive",
    "/archive/1",
    "/archive/9223372036854775808", "/figures", "/in/x", "/feed/x", "/u/x", "/healthz", "/metrics", "/style.css",
    "/issues/1/files/99999999999999999999/0", "/issues/%31", "//", "/../etc/passwd", "/in/%00", "/u/%ff",
    "/issues/١",
)  # fmt: skip
USUAL_QUERIES = (
    b"", b"q=%00", b"q=%ff", b"q=%22%20OR%20*", b"before=9", b"before=99999999999999999",
    b"before=\xb2",
    b"q=" + b"a" * 5000, b"q=NEAR(&q=x", b"still", b"&&&=", b"q=%ED%A0%80", b"before=-1",
)  # fmt: skip
PATHS = st.one_of(st.sampled_from(USUAL_PATHS), st.text(max_size=40).map("/".__add__))
QUERIES = st.one_of(st.sampled_from(USUAL_QUERIES), st.binary(max_size=30))
METHODS = st.sampled_from(["GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"])
NAMES = st.sampled_from([
    b"accept", b"cookie", b"host", b"x-forwarded-for", b"content-type", b"content-length", b"range", b"if-none-match",
    b"accept-language", b"origin", b"user-agent", b"x-forwarded-prefix",
])  # fmt: skip
VALUES = st.one_of(
    st.sampled_from([b"", b"*/*", b"text/html;q=nan", b"application/x-www-form-urlencoded", b"multipart/form-data",
                     b"board=x", b"__Host-board=" + b"a" * 300, b"bytes=0-", b"-1", b"evil.example", b"a\tb",
                     b"multipart/form-data; boundary=\xff"]),
    st.binary(max_size=40),
)  # fmt: skip
BODIES = st.one_of(st.sampled_from([b"", b"List-Unsubscribe=One-Click", b"List-Unsubscribe"]), st.binary(max_size=60))
REQUESTS = st.tuples(METHODS, PATHS, QUERIES, st.lists(st.tuples(NAMES, VALUES), max_size=5), BODIES, st.booleans())
Request = tuple[str, str, bytes, list[tuple[bytes, bytes]], bytes, bool]


def asked(app: Any, request: Request, cookie: bytes) -> int:
    """The status of an answer to a request as a server hands it to the application."""
    method, path, query, headers, body, known = request
    raw = path.encode("utf-8", "surrogatepass")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": unquote_to_bytes(raw).decode("utf-8", "replace"), "raw_path": raw, "query_string": query,
        "root_path": "", "headers": [*headers, *([(b"cookie", cookie)] if known else [])],
        "client": ("127.0.0.1", 4711), "server": ("127.0.0.1", 8025),
    }  # fmt: skip
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    asyncio.run(app(scope, receive, send))
    return int(said[0]["status"])


@pytest.fixture
def board(tmp_path: Path) -> Iterator[tuple[Chat, Browser]]:
    with looking(tmp_path) as (chat, browser):
        a_p0(chat)
        browser.comes_in(way_in(chat))
        yield chat, browser


@rounds(250, 8000)
def test_whatever_is_asked_of_the_page_it_answers_and_nothing_changes(
    board: tuple[Chat, Browser], examples: int
) -> None:
    """U4, X4: "GET never acts": no path, query, cookie, header or body makes a 500, or changes a row."""
    chat, browser = board
    app, before, seen = web.application(chat.app.site()), everything(chat), set()

    def asks(request: Request) -> None:
        status = asked(app, request, browser.cookie.encode())
        seen.add(status)
        assert status < 500, status

    for path, query in itertools.product(USUAL_PATHS, USUAL_QUERIES):
        asks(("GET", path, query, [], b"", True))
    tried(examples, REQUESTS, asks)
    assert everything(chat) == before
    assert {200, 403, 404} <= seen


@rounds(60, 2000)
def test_bytes_that_are_no_request_do_not_end_the_server(board: tuple[Chat, Browser], examples: int) -> None:
    """U4: also below HTTP: it answers with a 4xx or hangs up, and serves the next one."""
    chat, browser = board
    before = everything(chat)
    line = st.sampled_from([b"GET / HTTP/1.1", b"GET /\xff HTTP/1.1", b"Host: x", b"Host: y", b"Content-Length: 5",
                            b"Content-Length: -1", b"Transfer-Encoding: chunked", b"", b"zz", b"GET http:// HTTP/9.9",
                            b"POST /u/x HTTP/1.0", b"Cookie: " + b"a" * 9000, b"5\r\nList-",
                            b"Connection: close"])  # fmt: skip

    def says(octets: bytes) -> None:
        with socket.create_connection(("127.0.0.1", browser.port), 10) as link:
            link.sendall(octets)
            link.shutdown(socket.SHUT_WR)
            said = b"".join(iter(lambda: link.recv(65536), b""))
        assert re.fullmatch(rb"(?:HTTP/1\.1 [234]\d\d [\s\S]*)?", said), said[:80]

    tried(examples, st.lists(st.one_of(line, st.binary(max_size=30)), max_size=8).map(b"\r\n".join), says)
    assert browser.get("/").status == 200
    assert everything(chat) == before


# --- mails -----------------------------------------------------------------------------------------------------------

HEADERS = st.sampled_from([
    "From: bob@acme.example", "From: sara@acme.example", "From: <>", "From: a, b@c", "Subject: P0: all is down",
    "Subject:",
    "Subject: Re: [#1] x", "Subject: =?utf-7?q?+AAA-?=", "To: issues@acme.example", "Date: 32 Foo 99",
    "Message-ID: <x>",
    "In-Reply-To: $ID", "References: $ID $ID", "Reply-To: $REPLY", "To: $REPLY", "Cc: $REPLY", "Auto-Submitted: no",
    "Auto-Submitted: auto-replied", "Content-Type: text/html", "Content-Type: multipart/mixed; boundary=b",
    "Received: x",
    "Content-Type: multipart/report; report-type=delivery-status; boundary=b", "Content-Transfer-Encoding: base64",
    "Content-Type: text/calendar; method=REPLY", "Content-Type: message/rfc822", "List-Id: <x>", "Precedence: bulk",
    "X-Original-Sender: bob@acme.example", "Return-Path: <>", "Delivered-To: $REPLY", "MIME-Version: 1.0",
])  # fmt: skip
TEXT = st.sampled_from([
    "agree", "P1 because few", "owner anna@acme.example", "update: x", "resolve: done", "undo", "subscribe", "duty x@y",
    "next update in 2 hours", "duplicate #2", "--b", "--b--", "> agree", "-- ", "On Mon, Bob wrote:",
    "1. What is it? x",
    "<p>agree</p><script>x</script>", "BEGIN:VCALENDAR", "reported by: lena@acme.example", "remediate P2: x", "rock",
    "Content-Type: text/plain", "", "{{7*7}}", "away until 31 Feb", "same as #99999999999999999999", "call",
])  # fmt: skip
ODD_TEXT = st.one_of(TEXT, st.text(max_size=40))
FROM = st.sampled_from(["From: bob@acme.example", "From: sara@acme.example", "From: eve@evil.example", ""])
ODD_HEADERS = st.lists(st.one_of(HEADERS, HEADERS, HEADERS, st.text(max_size=20)), max_size=8)
MAILS = st.tuples(st.tuples(FROM, ODD_HEADERS).map(lambda both: [both[0], *both[1]]), st.lists(ODD_TEXT, max_size=8))
KNOWN = re.compile(
    r"(?:not-admitted|spoof-suspect|auto_generated|list|loop|return path|flood|flood-urgent|guess|too-deep"
    r"|too-many-parts|header-flood|line-flood|too-large)(?:$|[: ])"
)


def assembled(parts: tuple[list[str], list[str]], triage: Out) -> bytes:
    headers, lines = parts
    reply = re.sub(r".*<|>.*", "", triage.reply_to)
    text = "\n".join([*headers, "", *lines]).replace("$ID", triage.message_id).replace("$REPLY", reply)
    return text.encode("utf-8", "surrogatepass")


@rounds(120, 4000)
def test_no_mail_breaks_the_service(tmp_path: Path, examples: int) -> None:
    """R1, D11: whatever is in a mail, it is answered, silent, or held for a reason that was foreseen; our reply address
    and the id of a mail of ours stand in many."""
    with talk_directly(tmp_path, people={"internal": ("acme.example",)}) as chat:
        out = chat.sends(BOB, COMPLETE.format(priority="P1"), subject="Checkout is blank")
        triage, seen = to(out, SARA, "[#1]")[0], set[str]()

        def comes(parts: tuple[list[str], list[str]]) -> None:
            chat.append(assembled(parts, triage))
            chat.settle()
            state, why = chat.inbox()[-1]
            seen.add(state)
            assert state in ("done", "silent") or (state == "held" and KNOWN.match(why)), (state, why)

        tried(examples, MAILS, comes)
        assert seen == {"done", "silent", "held"}
        assert one(chat.sends(LENA, COMPLETE.format(priority="P2"), subject="Still there"), LENA)


@rounds(40, 1500)
def test_deliver_takes_any_bytes_or_says_why_not(tmp_path: Path, examples: int) -> None:
    """R1: `triagemail deliver` ends with 0 and the mail is stored as it came, or with 65 where there is none."""
    config = tmp_path / "config.toml"
    config.write_text('[store]\nurl = "sqlite:///t.db"\n')
    store = Store(f"sqlite:///{tmp_path}/t.db")

    def typed(mail: bytes) -> None:
        done = CliRunner().invoke(main, ["--config", str(config), "deliver"], input=mail, catch_exceptions=False)
        assert done.exit_code == (0 if mail.strip() else 65), done.output
        if mail.strip():
            assert last_stored(store) == mail

    tried(examples, BYTES, typed)
    store.close()


# --- config and tokens -----------------------------------------------------------------------------------------------

TOML = st.sampled_from([
    "[mail]", "[people]", "[auth]", "[list]", "[areas]", 'address = "a@b.example"', "triagers = [", "]", '"x"', "= 1",
    "digest_at = 25:00", 'digest_at = "8:00"', "[[hours]]", "days = {a = 1}", "'''", '"""', "\u0000", "[auth.logins]",
    "update_limit = -1", "profile = 1979-05-27", 'timezone = "Mars"', "# x", "reporters = [1, [2]]", "a.b.c = inf",
])  # fmt: skip


@rounds(150, 5000)
def test_no_text_at_all_breaks_the_config(tmp_path: Path, examples: int) -> None:
    """O1: "60 refused, 0 tracebacks": any lines, any bytes."""
    path = tmp_path / "config.toml"

    def written(octets: bytes) -> None:
        path.write_bytes(octets)
        with contextlib.suppress(configs.ConfigError):
            configs.load(path)

    lines = st.lists(st.one_of(TOML, st.text(max_size=20)), max_size=12).map("\n".join).map(str.encode)
    tried(examples, st.one_of(lines, st.binary(max_size=80)), written)


RING = Keyring({"a": b"k" * 32, "b": b"q" * 32}, "acme.example")
GOOD = RING.signer("r", 42, 20_000, "issues")("abc")
MARKS = st.sampled_from([*".-+@ar<>\u0130\x00", GOOD, GOOD[:20], GOOD[20:], GOOD.upper()])
MARKED = st.lists(st.one_of(MARKS, st.text(max_size=6)), max_size=8).map("".join)
STRINGS = st.one_of(MARKED, st.text(max_size=120))


@rounds(400, 20_000)
def test_no_string_is_a_token_that_we_did_not_sign(examples: int) -> None:
    """A10: "0 accepted", and no exception, in a reply address, a Message-ID, a cookie and an answer to a question."""
    assert RING.read(GOOD, 20_000) is not None

    def read(text: str) -> None:
        found = RING.read(text, 20_000)
        assert found is None or text.lower() == GOOD
        detail, _ = read_message_id(f"<{text}@acme.example>", "acme.example")
        assert detail == "" or detail.lower() in text.lower()
        read_secret(text)
        assert sessions.read(RING, "s", text, Clock().now()) is None

    tried(examples, STRINGS, read)


def test_a_door_that_breaks_is_found() -> None:
    """A test that cannot fail is a defect: a reader that trips over one octet is caught by the same seeds."""

    def trips(mail: bytes) -> None:
        mail.decode("utf-8")

    with pytest.raises(UnicodeDecodeError):
        tried(60, BYTES, trips)
