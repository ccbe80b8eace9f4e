"""Invites as real calendars read them, and what comes back: "Invites are real iCalendar (`METHOD:REQUEST`, same UID for
changes); answers to them (Accepted, Declined), read receipts and emoji reactions are recorded in silence"."""

from __future__ import annotations

import email
import email.policy
import io
import random
import re
import zoneinfo
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import dateutil.tz
import pytest
import servers
import vobject
from chat import BOB, COMPLETE, ISSUES, SARA, Chat, Out, one, talk
from silent_mails import MAILS, Silent

from triagemail.doors import imapd
from triagemail.mail import invites, mime, recorded, samples, screening, wording
from triagemail.mail.compose import Composed, compose
from triagemail.mail.headers import clean_header
from triagemail.mail.templates import open_templates
from triagemail.process.events import Audience, Draft, Noted
from triagemail.process.life import TRANSITIONS
from triagemail.process.model import Invite, Level, Priority, State

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
UID = "break-1@acme.example"
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")
IRREGULAR = ("Africa/Casablanca", "Asia/Jerusalem", "America/Santiago", "Africa/Cairo", "Europe/Dublin", "UTC")


def invite(**changes: Any) -> Invite:
    base = Invite(UID, NOW, NOW + timedelta(minutes=10), "Europe/Berlin", (BOB, SARA))
    return replace(base, **changes)


def written(asked: Invite, **changes: Any) -> bytes:
    given: dict[str, Any] = {
        "organizer": ISSUES, "organizer_name": "triagemail", "summary": "Ten minutes off",
        "description": "Take a break.", "stamp": NOW,
    }  # fmt: skip
    return invites.calendar(asked, **(given | changes))


def told(raw: bytes) -> Any:
    """The calendar as another library reads it."""
    return vobject.readOne(raw.decode(), transform=False)


def properties(component: Any) -> list[tuple[str, dict[str, list[str]], str]]:
    return [(line.name, dict(line.params), line.value) for line in component.lines()]


# --- one invite, property by property ---------------------------------------------------------------------------------


def test_every_property_of_an_invite() -> None:
    """RFC 5546 3.2.2: METHOD:REQUEST with PRODID, VERSION, UID, SEQUENCE, DTSTAMP, times in the zone of the invite, the
    ORGANIZER that answers go to, one ATTENDEE a person who is asked to answer."""
    whole = told(written(invite(sequence=3), summary="Break: Zürich", description="One; two, three\\\nfour"))
    asked = {
        "CUTYPE": ["INDIVIDUAL"], "ROLE": ["REQ-PARTICIPANT"], "PARTSTAT": ["NEEDS-ACTION"], "RSVP": ["TRUE"],
    }  # fmt: skip
    zone = {"TZID": ["Europe/Berlin"]}
    expected = [
        ("ATTENDEE", asked, f"mailto:{BOB}"),
        ("ATTENDEE", asked, f"mailto:{SARA}"),
        ("DESCRIPTION", {}, "One; two, three\\\nfour"),
        ("DTEND", zone, "20261123T101000"),
        ("DTSTAMP", {}, "20261123T090000Z"),
        ("DTSTART", zone, "20261123T100000"),
        ("ORGANIZER", {"CN": ["triagemail"]}, f"mailto:{ISSUES}"),
        ("SEQUENCE", {}, "3"),
        ("STATUS", {}, "CONFIRMED"),
        ("SUMMARY", {}, "Break: Zürich"),
        ("TRANSP", {}, "OPAQUE"),
        ("UID", {}, UID),
    ]
    assert expected == sorted(properties(whole.vevent))
    outer: list[Any] = [("METHOD", {}, "REQUEST"), ("PRODID", {}, invites.PRODID), ("VERSION", {}, "2.0")]
    assert outer == sorted(properties(whole))
    assert sorted(part.name for part in whole.components()) == ["VEVENT", "VTIMEZONE"]


def test_lines_are_folded_at_75_octets() -> None:
    """RFC 5545 3.1: CRLF, at most 75 octets a line, never inside a letter; UTF-8."""
    raw = written(invite(), summary="Größe 💥 " * 30, description="Ünïcödé 💥, " * 300)
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")
    assert raw.endswith(b"END:VCALENDAR\r\n")
    lines = raw.split(b"\r\n")
    assert max(map(len, lines)) in (73, 74, 75)
    assert all(line.decode() for line in lines[:-1])


def test_a_change_has_the_same_uid_and_a_higher_sequence() -> None:
    """ "Same UID for changes": it moves, and each calendar finds what it has."""
    first, later = (
        invite(),
        invite(sequence=1, starts_at=NOW + timedelta(days=1), ends_at=NOW + timedelta(days=1, hours=1)),
    )
    before, after = told(written(first)).vevent, told(written(later, stamp=NOW + timedelta(hours=1))).vevent
    assert before.uid.value == after.uid.value == UID
    assert (before.sequence.value, after.sequence.value) == ("0", "1")
    assert before.organizer.value == after.organizer.value
    assert after.dtstart.value == "20261124T100000"
    assert before.dtstamp.value < after.dtstamp.value


def test_the_same_invite_is_the_same_bytes() -> None:
    """A retry sends the same bytes: nothing in an invite comes from a clock or from chance."""
    assert written(invite()) == written(invite())


def test_attendees_see_whom_the_caller_lists_and_nobody_else() -> None:
    """V1, and each person once: RFC 5545 3.8.4.1."""
    raw = written(invite(attendees=(BOB, BOB)))
    assert [f"mailto:{BOB}"] == [line.value for line in told(raw).vevent.attendee_list]
    assert Counter({BOB: 1, ISSUES: 1, UID: 1}) == Counter(
        re.findall(r"[\w.+-]+@[\w.]+", raw.decode().replace("\r\n ", ""))
    )


# --- time zones -------------------------------------------------------------------------------------------------------


def shown(raw: bytes, zone: str) -> tuple[datetime, datetime]:
    """Start and end in UTC, by the rules that the invite itself brings along and another library evaluates."""
    event = told(raw).vevent
    rules = dateutil.tz.tzical(io.StringIO(raw.decode())) if b"BEGIN:VTIMEZONE" in raw else None
    times = []
    for line in (event.dtstart, event.dtend):
        if line.value.endswith("Z"):
            times.append(datetime.strptime(line.value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC))
        else:
            assert [zone] == line.params["TZID"]
            assert rules is not None
            local = datetime.strptime(line.value, "%Y%m%dT%H%M%S").replace(tzinfo=rules.get(zone))
            times.append(local.astimezone(UTC))
    return times[0], times[1]


def nights(zone: str, year: int) -> list[datetime]:
    """When the clocks change in a year, to the minute; found by asking the zone itself every quarter of an hour."""
    quarter, at = timedelta(minutes=15), datetime(year, 1, 1, tzinfo=UTC)
    found = []
    while at.year == year:
        if at.astimezone(ZoneInfo(zone)).utcoffset() != (at - quarter).astimezone(ZoneInfo(zone)).utcoffset():
            found.append(at)
        at += quarter
    return found


@pytest.mark.parametrize("zone", [*ZONES, *IRREGULAR])
@pytest.mark.parametrize("year", [2026, 2029])
def test_an_invite_in_a_night_of_a_clock_change(zone: str, year: int) -> None:
    """A VTIMEZONE that is right on both sides of both changes (T3): each start is the same moment to another reader."""
    moments = [night + timedelta(minutes=m) for night in nights(zone, year) for m in range(-150, 180, 15)]
    assert len(nights(zone, year)) in ((0,) if zone in ("Asia/Kolkata", "UTC") else (2, 3))  # Morocco: around Ramadan
    moments += [datetime(year, month, 15, hour, tzinfo=UTC) for month in range(1, 13) for hour in (0, 12)]
    moments += [datetime(year, 1, 1, tzinfo=UTC), datetime(year, 12, 31, 23, 55, tzinfo=UTC)]
    for starts in moments:
        ends = starts + timedelta(minutes=45)
        raw = written(invite(starts_at=starts, ends_at=ends, timezone=zone))
        assert (starts, ends) == shown(raw, zone), raw.decode()


def test_the_night_of_berlin_word_by_word() -> None:
    """RFC 5545 3.6.5: DTSTART of a rule is in the time that counted before it; one rule a side, as Exchange reads."""
    raw = written(invite()).decode()
    assert "BEGIN:DAYLIGHT\r\nDTSTART:20250330T020000\r\n" in raw
    assert "BEGIN:STANDARD\r\nDTSTART:20251026T030000\r\n" in raw
    rules = sorted(re.findall(r"RRULE:(.*)\r\n", raw))
    assert rules == ["FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10", "FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3"]
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # 2:30 for the second time
    assert b"DTSTART:20261025T013000Z\r\n" in written(invite(starts_at=second, ends_at=second + timedelta(hours=1)))
    first = second - timedelta(hours=1)
    assert b"DTSTART;TZID=Europe/Berlin:20261025T023000\r\n" in written(invite(starts_at=first, ends_at=first))


def test_utc_has_no_zone() -> None:
    """RFC 5545 3.2.19: "The TZID property parameter MUST NOT be applied to DATE-TIME properties whose time values are
    specified in UTC"."""
    for zone in ("UTC", "Etc/UTC"):
        raw = written(invite(timezone=zone))
        assert b"TZID" not in raw
        assert b"DTSTART:20261123T090000Z\r\n" in raw


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_zone_of_the_world() -> None:
    """The same for all zones that Python knows, through two years."""
    for zone in sorted(zoneinfo.available_timezones()):
        for year in (2026, 2030):
            for day in range(0, 365, 40):
                starts = datetime(year, 1, 1, 3, tzinfo=UTC) + timedelta(days=day)
                raw = written(invite(starts_at=starts, ends_at=starts + timedelta(hours=1), timezone=zone))
                assert (starts, starts + timedelta(hours=1)) == shown(raw, zone), (zone, starts)


# --- nobody's text becomes another property ---------------------------------------------------------------------------

PIECES = (
    *"\r\n:;,\\\"'^=<>@ \t\0\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\u202e\ufeff\u200b\ud800",
    "\r\n", "\r\n ", "\\n", "\\N", "=\r\n", "^n", "END:VEVENT", "BEGIN:VALARM", "ATTENDEE:mailto:eve@acme.example",
    "\r\nATTENDEE:mailto:eve@acme.example", "\nMETHOD:CANCEL", ";CN=Eve", "=?utf-8?q?x?=", "Größe", "💥", "e\u0301",
    "x" * 80, "bob@acme.example", "mailto:", "http://evil.example/", "%0D%0AX:1", "word",
)  # fmt: skip


def odd_texts(count: int, seed: int = 1) -> Iterator[str]:
    chance = random.Random(seed)
    for _ in range(count):
        yield "".join(chance.choices(PIECES, k=chance.randint(0, 14)))


def test_nobodys_text_becomes_another_property() -> None:
    """X1, with 5,000 odd texts as summary, description, attendee, name and UID: the same properties. Of each fifth a
    second library reads back what was written, as it was cleaned."""
    names = (
        "ATTENDEE DESCRIPTION DTEND DTSTAMP DTSTART ORGANIZER SEQUENCE STATUS SUMMARY TRANSP UID VERSION PRODID METHOD"
    )
    expected = Counter([*names.split(), "BEGIN", "END", "BEGIN", "END"])
    for number, text in enumerate(odd_texts(5_000)):
        asked = invite(timezone="UTC", attendees=(f"{text}@acme.example",), uid=text or "x")
        raw = written(asked, summary=text, description=text, organizer_name=text)
        lines = raw.decode().replace("\r\n ", "").removesuffix("\r\n").split("\r\n")
        assert expected == Counter(re.split("[:;]", line, maxsplit=1)[0] for line in lines), (text, lines)
        if number % 5:
            continue
        event = told(raw).vevent
        assert clean_header(text) == event.summary.value, repr(text)
        assert wording.clean(text).strip() == event.description.value, repr(text)
        assert [sorted(a.params) for a in event.attendee_list] == [["CUTYPE", "PARTSTAT", "ROLE", "RSVP"]]
        address = clean_header(f"{text}@acme.example", 320)
        assert f"mailto:{address}" == unquote(event.attendee.value), repr(text)
        assert re.fullmatch(r"mailto:[\w%@.!$'*+^`{|}~/-]+", event.attendee.value, re.ASCII), repr(text)
        name = re.sub('["^]', "'", clean_header(text))
        assert [name] == event.organizer.params.get("CN", [""]), repr(text)


def test_a_description_is_cut() -> None:
    """A calendar is no place for a whole report."""
    assert len(told(written(invite(), description="word " * 5_000)).vevent.description.value) <= 4_000


# --- in a mail --------------------------------------------------------------------------------------------------------


def composed(calendar: bytes, **more: Any) -> Composed:
    case = next(case for case in samples.cases("resolved") if case.issue is not None)
    return compose(
        "resolved", language="en", issue=case.issue, policy=case.policy, values=case.values, now=case.now,
        to=case.to, reply_to=case.reply_to, calendar=calendar, **more,
    )  # fmt: skip


def parsed(raw: bytes) -> EmailMessage:
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


@pytest.mark.parametrize("summary", ["Ten minutes off", "Größe 💥"], ids=["ascii", "utf-8"])
def test_the_same_mail_as_emailmessage_makes(summary: str) -> None:
    """RFC 6047 2.4, and what Gmail and Outlook look for: the calendar with its method as the last alternative, and the
    same as a file beside them. EmailMessage is the oracle."""
    calendar = written(invite(), summary=summary)
    made = composed(calendar)
    ours = parsed(made.head + b"\r\n" + made.body)
    text, html = ours.get_body(("plain",)), ours.get_body(("html",))
    assert text is not None
    assert html is not None
    oracle = EmailMessage(policy=email.policy.SMTP)
    oracle.set_content(text.get_content())
    oracle.add_alternative(html.get_content(), subtype="html")
    method = {"method": "REQUEST", "component": "VEVENT"}
    oracle.add_alternative(calendar.decode().replace("\r\n", "\n"), subtype="calendar", params=method)
    oracle.add_attachment(calendar, "application", "ics", filename="invite.ics", params={"name": "invite.ics"})
    theirs = parsed(bytes(oracle))
    kinds = ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/calendar", "application/ics"]
    assert kinds == [part.get_content_type() for part in ours.walk()] == [p.get_content_type() for p in theirs.walk()]
    for mine, other in list(zip(ours.walk(), theirs.walk(), strict=True))[2:]:
        assert dict(mine["Content-Type"].params) == dict(other["Content-Type"].params)
        assert mine.get_payload(decode=True).rstrip() == other.get_payload(decode=True).rstrip()  # type: ignore[union-attr]
    _, _, _, _, alternative, file = ours.walk()
    assert calendar == alternative.get_payload(decode=True) == file.get_payload(decode=True)
    assert (alternative.get_content_disposition() or "inline") == "inline"
    assert (file.get_content_disposition(), file.get_filename()) == ("attachment", "invite.ics")
    assert ours.defects == []


def test_an_invite_in_seven_bits_and_short_lines() -> None:
    """S10: 7-bit transfer encodings; S9: CRLF only, lines of at most 998 octets; beside other attachments too."""
    calendar = written(invite(), summary="Größe 💥", description="ü" * 3_000)
    made = composed(calendar, attachments=[("a.png", "image/png", b"\x89PNG")])
    assert (made.head + made.body).isascii()
    assert max(map(len, made.body.split(b"\r\n"))) <= 998
    assert made.body.count(b"\n") == made.body.count(b"\r\n")
    names = [part.get_filename() for part in parsed(made.head + b"\r\n" + made.body).iter_attachments()]
    assert [name for name in names if name] == ["a.png", "invite.ics"]


def test_a_mail_without_an_invite_is_as_before() -> None:
    """No calendar, no further part."""
    made = composed(b"")
    assert b"calendar" not in made.head + made.body


def test_the_title_of_an_invite(tmp_path: Path) -> None:
    """A calendar shows the template's `summary:`, else the subject without the number of the issue; and of the text
    what stands before the one-tap answers."""
    made = composed(b"")
    assert "[#42] " + made.summary == made.subject
    assert made.opening.startswith("Good news: your report #42 is resolved.")
    assert made.opening.endswith("it is open again.")
    assert made.opening in made.text
    own = tmp_path / "en" / "mail"
    own.mkdir(parents=True)
    source = "---\nsubject: [#{{ issue.number }}] x\nsummary: Break after\n  #{{ issue.number }}\nwhy: z\n---\nRest.\n"
    (own / "resolved.md").write_text(source)
    templates = open_templates(tmp_path)
    assert templates.problems == ()
    assert (
        (mail := composed(b"", templates=templates)).subject, mail.summary, mail.opening
    ) == ("[#42] x", "Break after #42", "Rest.")  # fmt: skip


# --- answers to it, read receipts, reactions --------------------------------------------------------------------------

FILLED = {
    "ISSUES": ISSUES,
    "REPLY": ISSUES,
    "ID": "<1.2@acme.example>",
    "SUBJECT": "[#1] Checkout is blank",
    "UID": UID,
}


def screened(raw: bytes) -> screening.Screening:
    return screening.screen(mime.parse(raw), (ISSUES,), ())


@pytest.mark.parametrize("mail", MAILS.values(), ids=MAILS)
def test_what_a_mail_in_silence_says(mail: Silent) -> None:
    """C11: never an error, nobody's to answer, and the few words in it are read."""
    found = mime.parse(mail.filled(**FILLED))
    kind, _, shown = mail.reason.replace("@UID@", UID).partition(": ")
    assert screened(mail.filled(**FILLED)) == screening.Screening("auto_generated", False, kind)
    said = recorded.read(found, kind)
    assert (mail.what, shown, mail.text) == (said.what, said.shown, said.text)
    assert found.defects == ()
    assert not any(attachment.material for attachment in found.attachments)


def person(text: str, more: str = "", subject: str = "Re: [#1] Checkout is blank") -> bytes:
    head = (
        f"From: {BOB}\nTo: {ISSUES}\nSubject: {subject}\nMessage-ID: <p@acme.example>\nIn-Reply-To: <1@acme.example>\n"
    )
    return f"{head}{more}\n{text}".encode()


MIXED = 'Content-Type: multipart/mixed; boundary="b"\n'
ANSWER = "BEGIN:VCALENDAR\nMETHOD:REPLY\nBEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR\n"


@pytest.mark.parametrize(
    "raw",
    [
        person("[like] Bob Roe reacted to your message:\nand it is still broken."),
        person("It is still broken.\n\n[like] Bob Roe reacted to your message:\n____________\nFrom: x"),
        person("Bob Roe reacted to your message:\n", subject="Checkout").replace(b"In-Reply-To", b"X-Other"),
        person("When Bob reacted to your message: the page was blank. So it is."),
        person(
            f"--b\n\nsee\n--b\nContent-Type: text/calendar\nContent-Disposition: attachment\n\n{ANSWER}--b--", MIXED
        ),
        person(
            "--b\n\nsee\n--b\nContent-Type: message/rfc822\n\nSubject: x\nContent-Type: text/calendar; method=REPLY"
            f"\n\n{ANSWER}\n--b--",
            MIXED,
        ),
        person(
            f"--b\n\nsee\n--b\nContent-Type: {mime.REACTION}\nContent-Disposition: attachment\n\n{{}}\n--b--", MIXED
        ),
        person(f"{ANSWER.replace('REPLY', 'REQUEST')}", "Content-Type: text/calendar; method=REQUEST\n"),
    ],
)
def test_what_a_person_wrote_is_not_silent(raw: bytes) -> None:
    """A person taken for a robot loses a report: words beside a reaction, a calendar or a reaction that is attached or
    passed on, and an invite to us are a person's."""
    assert screened(raw).class_ == "human"


@pytest.mark.parametrize("unit", ["ATTENDEE;", '"', "\n ", "\\n", "BEGIN:VEVENT\n", "UID:", ";PARTSTAT=", "{", "[["])
def test_reading_them_is_linear_and_never_raises(unit: str) -> None:
    """C6: whatever stands in a calendar part, a receipt or a reaction."""
    for kind in ("text/calendar; method=REPLY", "message/disposition-notification", mime.REACTION):
        raw = f"From: {BOB}\nContent-Type: {kind}\n\n".encode() + unit.encode() * (400_000 // len(unit))
        found = mime.parse(raw)
        seen = screened(raw)
        assert seen.reason in recorded.KINDS
        assert recorded.read(found, seen.reason).what in ("", "reaction")


def test_noted_is_in_the_table_and_changes_nothing() -> None:
    """ "Recorded in silence": allowed in every state, and the issue stays as it is."""
    assert {state: state for state in State} == {s: after for (s, kind), after in TRANSITIONS.items() if kind is Noted}


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Chat]:
    light = imapd.start({"issues": servers.PASSWORD})
    try:
        with talk(tmp_path, light.port, "issues", lambda raw: light.append("issues", raw)) as found:
            yield found
    finally:
        light.stop()


def invited(chat: Chat, asked: Invite, to: str | Audience = BOB, number: int | None = 1) -> list[Out]:
    """The service sends a mail with an invite, as a decision would."""
    values = {"by": SARA, "text": "the disk has room again", "more": ""}
    draft = Draft("resolved" if isinstance(to, str) else "broadcast-resolved", to, number, values, invite=asked)
    with chat.app.store.transaction():
        chat.app.worker.outbox.put(draft, chat.issue(1), chat.clock.now())
    return chat.settle()


def reported(chat: Chat, priority: str = "P1") -> Out:
    """Bob's report; the mail that thanks him."""
    return one(chat.sends(BOB, COMPLETE.format(priority=priority), subject="Checkout is blank"), BOB)


def test_an_invite_goes_out_and_comes_in(chat: Chat) -> None:
    """From a draft to the receiver's calendar: our own address organises, since answers must come to us and a change
    must come from who invited; no token is in what a calendar shows to others."""
    reported(chat)
    starts = chat.clock.now().replace(microsecond=0) + timedelta(minutes=15)
    asked = invite(starts_at=starts, ends_at=starts + timedelta(minutes=10))
    got = one(invited(chat, asked), BOB)
    raw = next(p for p in parsed(got.raw).walk() if p.get_content_type() == "text/calendar").get_payload(decode=True)
    assert isinstance(raw, bytes)
    event = told(raw).vevent
    assert (f"mailto:{ISSUES}", "Checkout is blank") == (event.organizer.value, event.summary.value)
    assert got.headers["from"].endswith(f"<{ISSUES}>")
    assert "+" not in raw.decode().replace("+0100", "").replace("+0200", "")
    assert (starts, asked.ends_at) == shown(raw, "Europe/Berlin")
    assert event.description.value in got.text.replace("\r\n", "\n")
    assert "Answer with" not in event.description.value
    again = one(invited(chat, replace(asked, sequence=1)), BOB)
    assert b"SEQUENCE:1" in again.raw
    assert UID.encode() in again.raw


def test_a_broadcast_carries_no_invite(chat: Chat) -> None:
    """V1: nobody sees another's address in a broadcast."""
    reported(chat)
    out = invited(chat, invite(), Audience(Priority.P1, 1, also=(BOB,)))
    assert [b"calendar" in mail.raw for mail in out] == [False]


def test_answers_receipts_and_reactions_are_recorded_in_silence(chat: Chat) -> None:
    """ "Answers to them (Accepted, Declined), read receipts and emoji reactions are recorded in silence": on the inbox
    row and in the journal of the issue; none is answered, none opens an issue, none changes one."""
    thanks = reported(chat)
    got = one(invited(chat, invite()), BOB)
    before, issue = chat.journal(1), chat.issue(1)
    for name, mail in MAILS.items():
        raw = mail.filled(
            ISSUES=ISSUES, REPLY=thanks.reply_to, ID=got.message_id, SUBJECT=got.subject, UID=UID
        )  # fmt: skip
        chat.append(raw)
        assert chat.settle() == [], name
        assert chat.inbox()[-1] == ("silent", mail.reason.replace("@UID@", UID)), name
        before += ["Noted"] if mail.what else []
        assert before == chat.journal(1), name
        _, author, level, event = chat.app.store.journal(1)[-1]
        if mail.what:
            assert isinstance(event, Noted)
            expected = (BOB, Level.E2 if mail.threaded else Level.E0, mail.what, mail.text)
            assert expected == (author, level, event.what, event.text), name
    assert chat.issue(1) == issue
    assert issue.unverified
    assert [found.number for found in chat.app.store.open_issues()] == [1]
    assert before.count("Noted") == len(MAILS) - 1


def test_what_belongs_to_no_issue_is_silent_too(chat: Chat) -> None:
    """C11: a calendar answer, receipt or reaction that names nothing of ours opens no issue either."""
    for mail in MAILS.values():
        chat.append(
            mail.filled(ISSUES=ISSUES, REPLY=ISSUES, ID="<1@elsewhere.example>", SUBJECT="x", UID="u@x.example")
        )
    assert chat.settle() == []
    assert {"silent"} == {state for state, _ in chat.inbox()}
    assert chat.app.store.open_issues() == ()


def test_a_read_receipt_verifies_no_report(chat: Chat) -> None:
    """A mail program that sends a receipt by itself has only shown that our mail arrived: a forged P0 stays UNVERIFIED
    and is not announced (trust.md 3.4)."""
    thanks = reported(chat, "P0")
    receipt = MAILS["exchange read receipt"]
    chat.append(
        receipt.filled(ISSUES=ISSUES, REPLY=thanks.reply_to, ID=thanks.message_id, SUBJECT=thanks.subject, UID="")
    )  # fmt: skip
    assert chat.settle() == []
    assert chat.issue(1).unverified
    assert not chat.issue(1).announced
    assert chat.journal(1)[-1] == "Noted"


def test_keys_are_not_in_an_invite(chat: Chat) -> None:
    """An invite is passed on and shown to colleagues: the reply token of its reader is not in it (trust.md 3.3)."""
    got = one([reported(chat)], BOB)
    token = got.reply_to.partition("+")[2].partition("@")[0]
    sent = one(invited(chat, invite()), BOB)
    raw = next(p for p in parsed(sent.raw).walk() if p.get_content_type() == "application/ics").get_payload(decode=True)
    assert isinstance(raw, bytes)
    assert token.encode() not in raw
    assert sent.reply_to.partition("+")[2].partition("@")[0].encode() not in raw
