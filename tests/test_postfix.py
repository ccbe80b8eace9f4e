"""One P0 through `build(config)` and a real Postfix: what it stored is what we made. A sink hears the same story."""

from __future__ import annotations

import email
import email.policy
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
import servers
from chat import BOB, COMPLETE, KEYS, SARA, Chat, Out, company, one, to

from triagemail import files
from triagemail.app import App, build
from triagemail.clock import Clock
from triagemail.process.model import State
from triagemail.process.readers import BounceCounted

HEADLINE = "Überweisung schlägt fehl – 支払いできません 🚨"
REPORTER = f"Zoë Łukasiewicz-Müller <{BOB}>"
READERS = tuple(f"{name}@acme.example" for name in ("lena", "tom", "kim", "zoe", "ida"))
SENDER = "PAXPR08MB7013A1B2C3D4E5F60718293A4B0{number:02d}@PAXPR08MB7013.eurprd08.prod.outlook.com"
ROOT_ID = "<issue-1.triagemail@acme.example>"

pytestmark = pytest.mark.xdist_group("postfix")  # one server, one story


class Stopped(Clock):
    """A clock that stands still, so that two tellings of a story are equal to the byte."""

    def now(self) -> datetime:
        return datetime(2026, 11, 23, 9, 0, tzinfo=UTC) + self.offset


@dataclass
class Letterboxes:
    """What Postfix has delivered since the story began, in the form of a sink."""

    server: servers.PostfixServer
    app: App
    before: frozenset[str]
    mails: list[tuple[str, bytes, str]] = field(default_factory=list)
    whole: list[bytes] = field(default_factory=list)

    def collect(self) -> None:
        """Waits until all that the relay took has been delivered."""
        ((sent,),) = self.app.store.all("SELECT COUNT(id) FROM delivery WHERE state = 'sent'")
        missing = sent - len(self.mails)
        servers.wait_until(lambda: len(files_of(self.server) - self.before) >= missing, what=f"{missing} more mails")
        new = files_of(self.server) - self.before
        self.before |= new
        for name in sorted(new):
            raw = (self.server.home / "mail" / "all" / "new" / name).read_bytes()
            self.whole.append(raw)
            self.mails.append((field_of(raw, b"Delivered-To"), original(raw), field_of(raw, b"Return-Path")))


def files_of(server: servers.PostfixServer) -> frozenset[str]:
    box = server.home / "mail" / "all" / "new"
    return frozenset(path.name for path in box.iterdir()) if box.is_dir() else frozenset()


def field_of(raw: bytes, name: bytes) -> str:
    found = re.search(rb"^%s: <?([^\n>]*)" % name, raw, re.MULTILINE)
    assert found is not None
    return found[1].decode()


def original(raw: bytes) -> bytes:
    """The mail below the trace headers that Postfix put on top, with the line ends that it came with."""
    return raw[raw.index(b"\nTo: ") + 1 :].replace(b"\n", b"\r\n")


class Company(Chat):
    """A chat without a mailbox: mails come in as `triagemail deliver` takes them, from Outlook."""

    def settle(self) -> list[Out]:
        before = len(self.sink.mails)
        self.app.until_idle()
        if isinstance(self.sink, Letterboxes):
            self.sink.collect()
        out = [Out.parse(rcpt, mail_from, raw) for rcpt, raw, mail_from in self.sink.mails[before:]]
        self.sent += out
        return out

    def take(self, raw: bytes) -> None:
        given = SENDER.format(number=self.count).encode()
        assert len(given) == 78, "80 with its brackets"
        raw = re.sub(rb"(?m)^Message-ID: <[^>]*>", b"Message-ID: <%s>" % given, raw)
        files.take_one(self.app.store, raw, self.clock.now(), "deliver")


@contextmanager
def talk(folder: Path, smtp_port: int, sink: servers.Sink | servers.PostfixServer) -> Iterator[Company]:
    clock = Stopped()
    app = build(company(folder, 0, "", smtp_port, imap={"host": ""}), clock=clock, keys=KEYS)
    app.store.open()
    try:
        taker = sink if isinstance(sink, servers.Sink) else Letterboxes(sink, app, files_of(sink))
        chat = Company(app, clock, lambda raw: None, taker)  # type: ignore[arg-type]  # a sink by its mails
        chat.append = chat.take
        yield chat
    finally:
        app.sender.relay.close()
        app.store.close()


def story(chat: Company) -> None:
    """A P0: reported, verified, agreed, updated, resolved; and some talk about it."""
    chat.subscribe(*READERS)
    first = chat.sends(REPORTER, COMPLETE.format(priority="P0"), subject=HEADLINE)
    triage, received = one(first, SARA), one(first, BOB)
    chat.answers(received, "Ja, das war ich. Grüße, Zoë", author=REPORTER, quote=True)
    chat.answers(triage, "agree", quote=True)
    chat.answers(triage, "update: Das Zertifikat ist abgelaufen; wir tauschen es aus – 今やっています.")
    chat.answers(received, "Bei mir geht es noch nicht. " + "ö" * 1200, author=REPORTER)
    chat.answers(triage, "resolve: Das neue Zertifikat läuft. Danke, Zoë!")
    assert chat.issue(1).state is State.RESOLVED


@dataclass(frozen=True)
class Told:
    """A story and what came of it: the mails as made, as Postfix has them on disk, and the delivery rows."""

    mails: list[Out]
    whole: list[bytes]
    states: list[tuple[str, int]]


@pytest.fixture(scope="module")
def stored(postfix: servers.PostfixServer, tmp_path_factory: pytest.TempPathFactory) -> Told:
    with talk(tmp_path_factory.mktemp("postfix"), postfix.port, postfix) as chat:
        story(chat)
        states = chat.app.store.all("SELECT state, COUNT(id) FROM delivery GROUP BY state")
        assert isinstance(chat.sink, Letterboxes)
        return Told(chat.sent, chat.sink.whole, states)


@pytest.fixture(scope="module")
def sunk(tmp_path_factory: pytest.TempPathFactory) -> list[Out]:
    with servers.sink() as sink, talk(tmp_path_factory.mktemp("sink"), sink.port, sink) as chat:
        story(chat)
        return chat.sent


def broadcasts(told: Told) -> list[Out]:
    return [mail for mail in told.mails if mail.subject.startswith("PRIORITY 0 ISSUE")]


def fields(raw: bytes) -> dict[str, str]:
    """The header as lines on the wire, folded ones joined by what folded them."""
    head = raw.partition(b"\r\n\r\n")[0].decode("ascii")
    return {name.lower(): value for name, _, value in (row.partition(": ") for row in re.split(r"\r\n(?![ \t])", head))}


# --- the story --------------------------------------------------------------------------------------------------------


def test_every_mail_is_delivered_once(stored: Told) -> None:
    """R3: 0 duplicates without a fault; every update goes to each subscriber once."""
    ((state, count),) = stored.states
    assert state == "sent"
    assert count == len(stored.mails)
    assert set(Counter((mail.to, mail.message_id) for mail in stored.mails).values()) == {1}
    for reader in READERS:
        kinds = [mail.subject.partition(":")[0] for mail in stored.mails if mail.to == reader]
        assert sorted(kinds) == ["PRIORITY 0 ISSUE", "PRIORITY 0 ISSUE RESOLVED", "PRIORITY 0 ISSUE UPDATE"]


def test_postfix_stores_the_very_bytes_that_we_made(stored: Told, sunk: list[Out]) -> None:
    """X2, S9: the stored bytes are the sent bytes; nothing had to be mended, neither Message-ID nor text."""
    assert len(stored.mails) == len(sunk)
    assert sorted(mail.message_id for mail in stored.mails) == sorted(mail.message_id for mail in sunk)
    there, here = ({(mail.to, mail.message_id): mail for mail in mails} for mails in (stored.mails, sunk))
    for key, mail in there.items():
        assert mail.text.replace("\r\n", "\n") == here[key].text.replace("\r\n", "\n")
        assert mail.subject == here[key].subject
        assert mail.raw == here[key].raw
        assert mail.mail_from == here[key].mail_from.strip("<>")


def test_postfix_adds_nothing_of_its_own_but_a_trace(stored: Told) -> None:
    """Date, Message-ID, From and To are ours; a relay that has to add one makes each copy another mail."""
    trace = {b"Return-Path", b"X-Original-To", b"Delivered-To", b"Received"}
    for raw in stored.whole:
        top = raw[: raw.index(b"\nTo: ") + 1]
        assert {row.partition(b":")[0] for row in top.splitlines() if not row.startswith((b" ", b"\t"))} <= trace
        for name in (b"\nDate: ", b"\nMessage-ID: ", b"\nFrom: ", b"\nTo: ", b"\nMIME-Version: ", b"\nSubject: "):
            assert raw.partition(b"\n\n")[0].count(name) == 1


def test_everything_is_7_bit_in_short_lines(stored: Told) -> None:
    """S9, S10: 7-bit transfer encodings, no UTF-8 headers, lines <= 998, no bare CR."""
    for raw in stored.whole:
        assert raw.isascii()
        assert b"\r" not in raw
        assert b"\0" not in raw
        assert max(map(len, raw.split(b"\n"))) <= 998
        assert b"SMTPUTF8" not in raw


def test_what_is_not_ascii_reads_as_it_was_written(stored: Told) -> None:
    """Non-ASCII headlines, names and texts arrive as they were typed, in subject, text and HTML."""
    announced = one(stored.mails, READERS[0], "PRIORITY 0 ISSUE: ")
    assert announced.subject == f"PRIORITY 0 ISSUE: {HEADLINE.upper()}"
    assert one(stored.mails, READERS[0], "UPDATE").text.count("今やっています") == 1
    assert "tauschen es aus – 今やっています" in one(stored.mails, READERS[0], "UPDATE").html
    assert "läuft. Danke, Zoë!" in one(stored.mails, READERS[1], "RESOLVED").text
    assert to(stored.mails, BOB, f"[#1] {HEADLINE}")
    assert "ö" * 60 in "".join(mail.text for mail in to(stored.mails, SARA)).replace("\r", "").replace("\n", "")
    for raw in stored.whole:
        parsed = email.message_from_bytes(raw, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        kinds = [part.get_content_type() for part in parsed.walk()]
        both = ["multipart/alternative", "text/plain", "text/html"]
        invited = ["multipart/mixed", *both, "text/calendar", "application/ics"]  # the thanks, with their break
        assert kinds == (invited if "text/calendar" in kinds else both)
        assert [part.defects for part in parsed.walk()] == [[] for _ in kinds]


def test_broadcasts_carry_the_headers_of_a_list(stored: Told) -> None:
    """List-Id and its kin (RFC 2369, RFC 2919), Auto-Submitted, Precedence; our loop signs reach the reader (L1)."""
    link = re.compile(r"<mailto:issues\+\S+@acme\.example\?subject=unsubscribe>")
    for mail in broadcasts(stored):
        assert mail.headers["list-id"] == "<updates.acme.example>"
        assert link.fullmatch(fields(mail.raw)["list-unsubscribe"])
        assert (mail.headers["auto-submitted"], mail.headers["precedence"]) == ("auto-generated", "bulk")
        assert mail.headers["x-auto-response-suppress"] == "All"
    others = [mail for mail in stored.mails if mail not in broadcasts(stored)]
    assert {mail.headers["auto-submitted"] for mail in others} == {"auto-generated", "auto-replied"}
    assert not any("list-id" in mail.headers for mail in others)


def test_references_are_never_broken(stored: Told) -> None:
    """Threading: a Message-ID of 80 characters, as Outlook makes them, comes back whole and on one line."""
    answers = [mail for mail in stored.mails if "in-reply-to" in mail.headers]
    assert answers
    for mail in answers:
        found = fields(mail.raw)
        assert re.fullmatch(rf"<{SENDER.format(number=0)[:33]}.*>", found["in-reply-to"])
        assert found["references"] == f"{ROOT_ID} {found['in-reply-to']}"
        assert len(found["in-reply-to"]) >= 80
    for mail in stored.mails:
        assert "\n" not in fields(mail.raw)["message-id"] + fields(mail.raw).get("references", "")
        assert len(mail.message_id) < 200
    assert {fields(mail.raw)["references"] for mail in broadcasts(stored)} == {"<list-1.triagemail@acme.example>"}


def test_envelope_senders_are_null_for_answers_and_personal_for_broadcasts(stored: Told) -> None:
    """RFC 3834 4: an answer goes out with the null sender; each copy of a broadcast has a return path of its own."""
    paths = [mail.mail_from for mail in broadcasts(stored)]
    assert all(re.fullmatch(r"issues\+ab[a-z2-7.-]+@acme\.example", path) for path in paths)
    assert len(set(paths)) == len(paths)
    for mail in stored.mails:
        if mail.headers["auto-submitted"] == "auto-replied" and mail.to == SARA:
            assert mail.mail_from == ""


def test_nobody_sees_another_reader(stored: Told) -> None:
    """R10, V1: 0 other-recipient addresses in broadcasts, Postfix's own trace lines included."""
    for raw in stored.whole:
        mine = field_of(raw, b"Delivered-To")
        if b"\nList-Id: " in raw:
            assert [reader for reader in (*READERS, BOB, SARA) if reader != mine and reader.encode() in raw] == []


# --- who cannot be reached --------------------------------------------------------------------------------------------


def test_one_dead_and_one_busy_letterbox_stop_nobody_else(postfix: servers.PostfixServer, tmp_path: Path) -> None:
    """R4, S4: a fault is per recipient: 550 is final after one try, 450 is tried again, the others get theirs."""
    with talk(tmp_path, postfix.port, postfix) as chat:
        chat.subscribe("dead@acme.example", "later@acme.example", *READERS)
        first = chat.sends(BOB, COMPLETE.format(priority="P0"), subject="Checkout is blank")
        chat.answers(one(first, SARA), "agree")
        chat.after(minutes=2, seconds=2)
        query = (
            "SELECT p.address, d.state, d.attempts, d.reply FROM delivery d JOIN person p ON p.id = d.person"
            " WHERE p.address IN ('dead@acme.example', 'later@acme.example') ORDER BY p.address"
        )
        dead, later = chat.app.store.all(query)
        assert dead[1:3] == ("bounced", 1)
        assert dead[3].startswith("550 5.1.1")
        assert later[1] == "deferred"
        assert later[2] == 3, "P0 and P1 are retried every minute for the first hour"
        assert later[3].startswith("450 4.2.0")
        for reader in READERS:
            assert one(chat.sent, reader, "PRIORITY 0 ISSUE: CHECKOUT IS BLANK")


def reports_of(server: servers.PostfixServer) -> list[bytes]:
    """The delivery reports that it has delivered, to whomever."""
    box = server.home / "mail" / "all" / "new"
    mails = [box.joinpath(name).read_bytes() for name in files_of(server)]
    return [raw for raw in mails if b"report-type=delivery-status" in raw.partition(b"\n\n")[0]]


def delivered(server: servers.PostfixServer, before: frozenset[str], to: str) -> list[bytes]:
    """What has come to somebody since then."""
    mails = [server.home.joinpath("mail", "all", "new", name).read_bytes() for name in files_of(server) - before]
    return [raw for raw in mails if field_of(raw, b"Delivered-To") == to]


def idle(chat: Company, server: servers.PostfixServer) -> None:
    """All is sent, and the relay has delivered or returned all of it."""
    chat.app.until_idle()
    servers.wait_until(lambda: server.waiting() == 0, what="an empty queue")


def test_a_dead_mailbox_makes_one_report_and_the_chain_ends(postfix: servers.PostfixServer, tmp_path: Path) -> None:
    """L7: real Postfix with a dead mailbox: 1 DSN chain ends; L6: it counts once."""
    gone = "gone@acme.example"
    with talk(tmp_path, postfix.port, postfix) as chat:
        chat.subscribe(gone, *READERS)
        before = files_of(postfix)
        for author, text in ((BOB, COMPLETE.format(priority="P0")), (gone, "hello")):  # an answer to it has no way back
            chat.append(chat.writes(author, text, subject="Checkout is blank"))
        idle(chat, postfix)
        assert reports_of(postfix) == []
        (received,) = [Out.parse(BOB, "", original(raw)) for raw in delivered(postfix, before, BOB)]
        chat.append(chat.writes(BOB, "yes, it was me", answering=received))
        idle(chat, postfix)  # announced: a copy went to each reader
        (report,) = reports_of(postfix)
        path = field_of(report, b"Delivered-To")
        assert re.fullmatch(r"issues\+ab[a-z2-7.-]+@acme\.example", path)
        assert field_of(report, b"Return-Path") == ""
        there = len(files_of(postfix))
        for _ in range(3):  # as a mailbox that is read again would give it
            files.take_one(chat.app.store, report, chat.clock.now(), "deliver")
            idle(chat, postfix)
        assert len(files_of(postfix)) == there, "nobody answered it"
        assert chat.app.store.all("SELECT score FROM reach") == [(1.0,)]
        counted = [e for *_, e in chat.app.store.journal(0) if isinstance(e, BounceCounted)]
        assert [(e.address, e.meaning) for e in counted] == [(gone, "hard")]
