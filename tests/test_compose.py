"""The bytes that are sent: headers, MIME shapes, encodings (trust.md X1, X8, X9, V1, S9, S10), with EmailMessage as
oracle."""

from __future__ import annotations

import email
import email.policy
import random
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from triagemail.mail import compose as composing
from triagemail.mail import samples, templates
from triagemail.mail.compose import Composed, compose, personal
from triagemail.mail.samples import NOW
from triagemail.mail.samples_company import Sample
from triagemail.process.model import Issue, State

CASES = samples.cases()
IDS = [f"{case.template}: {case.title}" for case in CASES]
M365_ID = (
    "<AM0PR04MB4274.eurprd04.prod.outlook.com.0123456789abcdef0123456789abcdef@AM0PR04MB4274.eurprd04.prod.outlook.com>"
)
ROOT_ID = "<42.root.5f2c@acme.example>"
PERSON = personal("sara@acme.example", samples.REPLY_TO, "<42.7.abc@acme.example>", "issues+1u.x.y-z@acme.example")


def made(case: Sample, **more: object) -> Composed:
    given: dict[str, object] = {"references": (ROOT_ID, M365_ID), "in_reply_to": "" if case.broadcast else M365_ID}
    given |= {"to": case.to, "reply_to": case.reply_to}
    return compose(
        case.template,
        language="en",
        issue=case.issue,
        policy=case.policy,
        values=case.values,
        now=case.now,
        broadcast=case.broadcast,
        **(given | more),  # type: ignore[arg-type]
    )


def whole(composed: Composed) -> bytes:
    """The mail as it is sent: personal block, head, empty line, body."""
    return PERSON + composed.head + b"\r\n" + composed.body


def parsed(composed: Composed) -> EmailMessage:
    read = email.message_from_bytes(whole(composed), policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    return read


def part(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    assert found is not None
    return str(found.get_content()).replace("\r\n", "\n")


def case_of(template: str, title: str) -> Sample:
    return next(case for case in samples.cases(template) if case.title == title)


def titled(case: Sample, headline: str) -> Sample:
    assert case.issue is not None
    return replace(case, issue=replace(case.issue, headline=headline))


# --- shape ------------------------------------------------------------------------------------------------------------

PERSONAL = ["To", "Reply-To", "Message-ID", "List-Unsubscribe"]
ALL = ["From", "Date", "Subject", "References"]
AUTOMATIC = ["Auto-Submitted", "Precedence", "X-Auto-Response-Suppress", "MIME-Version", "Content-Type"]
LIST = ["List-Id", "List-Help", "List-Subscribe", "List-Post", "List-Owner"]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_the_same_mail_as_emailmessage_makes(case: Sample) -> None:
    """compose writes the fixed MIME shapes itself; EmailMessage is the oracle: the same headers, the same two texts."""
    composed = made(case)
    mail = parsed(composed)
    context = templates.context_of(case.policy, case.now, case.issue, case.values, to=case.to, reply_to=case.reply_to)
    rendered = templates.render(templates.Templates(), case.template, "en", context)
    oracle = EmailMessage(policy=email.policy.SMTP.clone(max_line_length=998))
    for name, value in mail.items():
        if name.lower() not in ("mime-version", "content-type"):
            oracle[name] = str(value)
    oracle.set_content(rendered.text)
    if rendered.html:
        oracle.add_alternative(rendered.html, subtype="html")
    theirs = email.message_from_bytes(oracle.as_bytes(), policy=email.policy.default)
    assert isinstance(theirs, EmailMessage)
    assert Counter(mail.keys()) == Counter(theirs.keys())
    assert all(mail[name] == theirs[name] for name in mail if name.lower() != "content-type")
    assert [each.get_content_type() for each in mail.walk()] == [each.get_content_type() for each in theirs.walk()]
    assert part(mail, "plain") == part(theirs, "plain") == composed.text
    if rendered.html:
        assert part(mail, "html").rstrip() == part(theirs, "html").rstrip()
    assert mail.defects == []


def composed_html(case: Sample) -> bool:
    return parsed(made(case)).get_body(("html",)) is not None


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_headers_of_people_and_of_the_list(case: Sample) -> None:
    """RFC 3834: auto-replied for answers, auto-generated for broadcasts; Precedence, X-Auto-Response-Suppress (L1);
    the list
    headers of RFC 2369 and 2919 in broadcasts only."""
    mail = parsed(made(case))
    wanted = [*PERSONAL, *ALL, *(LIST if case.broadcast else ["In-Reply-To"]), *AUTOMATIC]
    alone = [] if composed_html(case) else ["Content-Transfer-Encoding"]  # a pager's mail is text alone
    assert Counter(mail.keys()) == Counter([*wanted, *alone])
    assert mail["Auto-Submitted"] == ("auto-generated" if case.broadcast else "auto-replied")
    assert mail["Precedence"] == ("bulk" if case.broadcast else "auto_reply")
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["Subject"] == made(case).subject
    if case.broadcast:
        assert (mail["List-Id"], mail["List-Post"]) == ("<updates.acme.example>", "NO")
        assert mail["List-Subscribe"] == "<mailto:issues+subscribe@acme.example?subject=subscribe>"


def test_who_speaks_first() -> None:
    """RFC 3834 5: what answers nothing is auto-generated; the caller may say so."""
    case = case_of("triage", "workaround")
    assert b"Auto-Submitted: auto-generated\r\n" in made(case, in_reply_to="").head
    assert b"Auto-Submitted: auto-generated\r\n" in made(case, automatic=False).head
    assert b"Auto-Submitted: auto-replied\r\n" in made(case, in_reply_to="", automatic=True).head


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_seven_bits_and_short_lines(case: Sample) -> None:
    """S10: 7-bit transfer encodings, no UTF-8 headers; S9: CRLF only, lines of at most 998 octets."""
    odd = titled(case, "Zürich: größte Störung 💥 im Büro") if case.issue else case
    for each in (case, odd):
        check_wire(whole(made(each)))


def check_wire(raw: bytes, longest: int = 998) -> None:
    assert raw.isascii()
    assert b"\0" not in raw
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", raw)
    assert max(map(len, raw.split(b"\r\n"))) <= longest
    assert not re.search(rb"^\.\r$", raw, re.MULTILINE)


def test_encoded_words_keep_to_their_size() -> None:
    """RFC 2047 2: an encoded word has at most 75 characters, a line with one at most 76; only the Subject has any."""
    for title in ("ü" * 70, "Störung " * 9, "💥" * 70, "a" + "é" * 69, "日本語のタイトル" * 8):
        composed = made(titled(case_of("triage", "workaround"), title))
        lines = composed.head.decode("ascii").split("\r\n")
        coded = [line for line in lines if "=?" in line]
        assert coded
        assert all(len(line) <= 76 and len(word) <= 75 for line in coded for word in re.findall(r"=\?\S+\?=", line))
        assert parsed(composed)["Subject"] == composed.subject
        assert len(composed.subject) <= 70
        assert [line.partition(":")[0] for line in lines if "=?" in line and line[0] != " "] == ["Subject"]


def test_a_from_name_is_a_phrase() -> None:
    """RFC 5322 3.4: a display name is quoted or encoded; it never becomes an address (X6)."""
    case = case_of("triage", "workaround")
    names = [
        "triagemail",
        "Triage, ACME",
        'The "team"',
        "Störungsstelle",
        "x <evil@evil.example>",
        "a\r\nBcc: evil@evil.example",
        "a\\",
    ]
    for name in names:
        read = parsed(made(case, from_name=name))["From"]
        assert [address.addr_spec for address in read.addresses] == ["issues@acme.example"]
        assert Counter(parsed(made(case, from_name=name)).keys()) == Counter(parsed(made(case)).keys())
    assert parsed(made(case, from_name="Störungsstelle"))["From"].addresses[0].display_name == "Störungsstelle"


# --- threading --------------------------------------------------------------------------------------------------------


def test_ids_are_never_encoded_or_folded() -> None:
    """S1 of libraries.md: an id of 78 and more characters stays one word, or threading breaks."""
    head = made(case_of("triage", "workaround")).head.decode("ascii")
    assert len(M365_ID) > 100
    assert f"\r\nIn-Reply-To: {M365_ID}\r\nReferences: {ROOT_ID} {M365_ID}\r\n" in head


def test_many_references() -> None:
    """RFC 5322 2.1.1: the line stays under 998 octets; the first, which is the root, and the latest are kept."""
    ids = [f"<{n}.{'x' * 20}@acme.example>" for n in range(100)]
    kept = line_of("References", made(case_of("triage", "workaround"), references=ids)).split()
    assert kept[0] == ids[0]
    assert kept[1:] == ids[-20:]
    long = [f"<{n}.{'x' * 200}@acme.example>" for n in range(100)]
    composed = made(case_of("triage", "workaround"), references=long)
    line = line_of("References", composed)
    assert len("References: ") + len(line) <= 998
    assert line.split()[0] == long[0]
    assert line.split()[-1] == long[-1]


def line_of(name: str, composed: Composed) -> str:
    return next(line for line in composed.head.decode("ascii").split("\r\n") if line.startswith(f"{name}: ")).partition(
        ": "
    )[2]


def test_what_is_no_id_is_left_out() -> None:
    """X1: a reporter's Message-ID is chosen by their client: nothing of it becomes a header of ours."""
    bad = [
        "",
        "<>",
        "<a b@c>",
        "<a\r\nBcc: x@y.example>",
        "<ü@x.example>",
        f"<{'x' * 10_000}@x.example>",
        "<a@b> <c@d>",
        "\0",
    ]
    composed = made(case_of("triage", "workaround"), references=[ROOT_ID, *bad], in_reply_to="<a\r\nBcc: x@y.example>")
    assert line_of("References", composed) == ROOT_ID
    assert b"In-Reply-To" not in composed.head
    assert b"Bcc" not in composed.head


def test_the_personal_block() -> None:
    """Personal bytes are one prefixed block and a pure function, so a retry sends the same; addresses only, no
    names."""
    assert PERSON == (
        b"To: sara@acme.example\r\nReply-To: issues+1r16.k7.29q-abcdefghijklmnopqrstuvwxyz@acme.example\r\n"
        b"Message-ID: <42.7.abc@acme.example>\r\n"
        b"List-Unsubscribe: <mailto:issues+1u.x.y-z@acme.example?subject=unsubscribe>\r\n"
    )
    assert personal("a@b.example") == b"To: a@b.example\r\n"
    assert personal("a@b.example", message_id="x@y") == b"To: a@b.example\r\nMessage-ID: <x@y>\r\n"
    ready = "<mailto:x@y.example>, <https://y.example/u>"
    assert personal("a@b.example", list_unsubscribe=ready).endswith(f"List-Unsubscribe: {ready}\r\n".encode())
    evil = personal("a@b.example\r\nBcc: c@d.example", "r@b.example\nX: y", "<a\r\nB: c>", "u@b.example\r\nX: y")
    assert Counter(line.partition(b":")[0] for line in evil.split(b"\r\n")[:-1]) == Counter(
        [b"To", b"Reply-To", b"List-Unsubscribe"]
    )


# --- titles -----------------------------------------------------------------------------------------------------------

M1 = "down \U0001f4a9 =?UTF-8?Q?=0A?=Bcc: evil@attacker.example"
PIECES = [
    "\r\n",
    "\n",
    "\r",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x1d",
    "\x1e",
    "\x85",
    "\u2028",
    "\u2029",
    "\0",
    "\x7f",
    "\u202e",
    "\u200b",
    "\ufeff",
    "\ud800",
    "Bcc: evil@evil.example",
    "=?utf-8?q?=0D=0ABcc:_x@y.example?=",
    "=?utf-8?b?DQpCY2M6IHhAeS5leGFtcGxl?=",
    "=?",
    "?=",
    "=\u200b?",
    ":",
    ";",
    ",",
    "<",
    ">",
    '"',
    "\\",
    "(",
    ")",
    "[",
    "]",
    "@",
    "%",
    "{{",
    "}}",
    "ü",
    "日本",
    "💥",
    "a",
    "website",
    "down",
    " ",
    "\t",
    "P0",
    "PRIORITY 0",
    "[P0]",
    "Content-Type: text/html",
    "\r\n\r\n<b>body</b>",
    "--",
    ".",
    "x" * 90,
]


def test_fuzzed_titles_change_no_header() -> None:
    """X1: 5,000 fuzzed titles: header-name multiset unchanged, 0 exceptions; one line, ASCII, at most 70 characters."""
    chance = random.Random(1)
    people, everybody = case_of("resolved", "P2"), case_of("broadcast-ended", "declined")
    wanted = {case.template: Counter(parsed(made(case)).keys()) for case in (people, everybody)}
    for _ in range(5_000):
        title = "".join(chance.choice(PIECES) for _ in range(chance.randint(1, 12)))
        case = titled(chance.choice((people, everybody)), title)
        composed = made(case)
        read = email.message_from_bytes(PERSON + composed.head + b"\r\n", policy=email.policy.compat32)
        assert Counter(read.keys()) == wanted[case.template], title
        assert len(composed.subject) <= 70
        assert composed.problem == ""
        check_wire(composed.head)


def test_cve_2024_6923() -> None:
    """M1: a title that is an encoded word inside another makes no `Bcc:` on any Python, also when the bytes are
    parsed and
    written again."""
    composed = made(titled(case_of("resolved", "P2"), M1))
    again = email.message_from_bytes(parsed(composed).as_bytes(), policy=email.policy.default)
    assert "Bcc" not in again
    assert "\nBcc" not in parsed(composed).as_string()


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("[P0] Website is down", "Website is down"),
        ("P0: Website is down", "Website is down"),
        ("p1 - website", "website"),
        ("PRIORITY 0 ISSUE: PAYROLL", "PAYROLL"),
        ("PRIORITY 0 ISSUE RESOLVED: ALL GOOD", "RESOLVED: ALL GOOD"),
        ("Priority-0 issue: x", "x"),
        ("PRIORITY\u202e 0 ISSUE: x", "x"),
        ("PRIPRIORITY 0ORITY 0 ISSUE: x", "PRI ORITY 0 ISSUE: x"),
        ("[ P0 ] [P0][P1] x", "x"),
        ("[P [P0] 0] x", "x"),
        ("x [p3] y", "x y"),
        ("(P0) x", "x"),
        ("【P0】 x", "x"),
        ("PRIORITY\u00a00: x", "x"),
        ("PRI\u200bORITY 0 ISSUE: x", "x"),
        ("priority: 0 x", "x"),
        ("PRIORITY_1 x", "x"),
        ("[P\u200b0] x", "x"),
        ("PRI\u3164ORITY 0 ISSUE: x", "x"),
        ("\u3164\u115f\uffa0", "a reported problem"),
        ("[P0]", "a reported problem"),
        ("", "a reported problem"),
        ("\U0001f4a5", "\U0001f4a5"),
        ("P10 pumps fail", "P10 pumps fail"),
        ("MP3: no sound", "MP3: no sound"),
        ("Low priority mails are lost", "Low priority mails are lost"),
    ],
)
def test_only_we_write_a_priority(title: str, shown: str) -> None:
    """X9: the priority tag is written by us only; `[P0]` in user titles is neutralised; bidi tricks are cleaned."""
    assert made(titled(case_of("resolved", "P2"), title)).subject == f"[#42] {shown}"


# --- what a broadcast may carry ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "contact",
    [
        "https://evil.example/pay",
        "http://evil.example",
        "www.evil.example",
        "evil.example/login",
        "HTTPS://EVIL.EXAMPLE",
        "ftp://evil.example",
        "boss@evil.example",
        "mailto:boss@evil.example",
        "<boss@evil.example>",
        "evil\u3002example",
        "xn--evl-zla.example",
        "еvil.example",
        "javascript:evil.example",
        "10.0.0.1",
        "http:/evil.example",
        "hxxps://evil.example",
        "evil.example:8080/x",
        "a.b.evil.example.",
        "(evil.example)",
        "//evil.example",
        "https://evil",
        "tel:+4912345678",
    ],
)
def test_no_link_before_a_decision(contact: str) -> None:
    """X8: before a triager's decision a broadcast carries of the reporter's words only the cleaned headline, without
    links or
    addresses; afterwards the triager has answered for it."""
    case = titled(case_of("broadcast-new", "not confirmed"), f"Site down see {contact} now")
    composed = made(case)
    for said in (composed.subject, composed.text, part(parsed(composed), "html")):
        lower = said.lower().replace("acme.example", "")
        assert not any(word in lower for word in ("evil", "://", "boss", "10.0.0.1", "12345"))
    assert composed.subject == "PRIORITY 0 ISSUE: SITE DOWN SEE [...] NOW"
    decided = titled(case_of("broadcast-new", "agreed"), "Site down see shop.acme.example now")
    assert made(decided).subject == "PRIORITY 1 ISSUE: SITE DOWN SEE SHOP.ACME.EXAMPLE NOW"


SECRET = "the reporter's own words 4711"


def secretive(issue: Issue) -> Issue:
    answers = dict.fromkeys((q.key for q in samples.POLICY.questions), SECRET)
    return replace(issue, answers=answers, material=SECRET, attachments=(SECRET,))


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.broadcast], ids=[i for i, c in zip(IDS, CASES, strict=True) if c.broadcast]
)
def test_nothing_of_the_report_is_broadcast(case: Sample) -> None:
    """X8: nothing of its body in any broadcast; V1: nobody sees another's address; no token of a person in it."""
    issue = None if case.issue is None else secretive(case.issue)  # a digest is about no single one
    composed = made(replace(case, issue=issue), reply_to=samples.REPLY_TO)
    said = composed.text + part(parsed(composed), "html") + composed.head.decode("ascii")
    assert SECRET not in said
    allowed = {
        "issues@acme.example",
        "issues+help@acme.example",
        "issues+subscribe@acme.example",
        *re.findall(r"\S+@", M365_ID),
    }
    found = {each.rstrip(".") for each in re.findall(r"[\w.+-]+@[\w.-]+", said)} - {
        ROOT_ID.strip("<>"),
        M365_ID.strip("<>"),
    }
    assert found <= allowed
    assert samples.REPLY_TO.split("@")[0] not in said


def own_template(folder: Path, name: str, body: str) -> templates.Templates:
    """A company's own template in `folder`, which fits."""
    file = folder / f"en/mail/{name}.md"
    file.parent.mkdir(parents=True)
    file.write_text(f"---\nsubject: x\nwhy: Because.\n---\n{body}", "utf-8")
    used = templates.open_templates(folder)
    assert used.problems == ()
    return used


def test_even_if_a_template_asks_for_it(tmp_path: Path) -> None:
    """X8: a company's own template cannot broadcast what the report says: it is not handed to it."""
    asks = "{{ issue.answers }}{{ issue.material }}{{ issue.reporter }}{{ issue.attachments }}z\n"
    used = own_template(tmp_path, "broadcast-new", asks)
    case = case_of("broadcast-new", "not confirmed")
    assert case.issue is not None
    composed = made(replace(case, issue=secretive(case.issue)), templates=used)
    assert composed.text.split("\n")[2] == "{}()z"
    assert composed.problem == ""


def test_a_withdrawal_is_told_in_our_words(tmp_path: Path) -> None:
    """X8: the reason of a withdrawal is the reporter's, so the last broadcast does not repeat it, in no template."""
    case = case_of("broadcast-ended", "withdrawn")
    assert case.issue is not None
    assert case.issue.state is State.WITHDRAWN
    case = replace(case, values={**case.values, "text": SECRET})
    assert SECRET not in made(case).text
    assert "it works again" in made(case).text
    used = own_template(tmp_path, "broadcast-ended", "It ends. {{ text }}\n")
    assert made(case, templates=used).text.split("\n")[2] == "It ends. "


def test_the_next_update_is_the_issues_own() -> None:
    """Short: what is known, what is being done, the time of the next update; the process need not repeat it."""
    case = case_of("broadcast-update", "written")
    values = {key: value for key, value in case.values.items() if key != "next_update_at"}
    assert "The next update comes in 30 minutes, at 03:35 CET (02:35 UTC)." in made(replace(case, values=values)).text


# --- bodies and attachments -------------------------------------------------------------------------------------------


def test_fuzzed_bodies_arrive_as_they_were() -> None:
    """S9: no bare CR or LF, no dot to stuff, no line over 998 octets; 400 fuzzed bodies decode to the text we
    meant."""
    chance = random.Random(2)
    pieces = [
        *PIECES,
        "\n",
        "\n.\n",
        "\r\n.\r\n",
        "From me\n",
        "x" * 1500,
        "ü" * 400,
        "日本語" * 300,
        "=",
        "=3D",
        "\n-- \n",
        "   \n",
        "\t\n",
    ]
    case = case_of("comment", "to the owner")
    for _ in range(400):
        text = "".join(chance.choice(pieces) for _ in range(chance.randint(1, 20)))
        composed = made(replace(case, values={**case.values, "text": text}))
        raw = whole(composed)
        assert raw.isascii()
        assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\0", raw)
        assert max(map(len, raw.split(b"\r\n"))) <= 998
        assert not re.search(rb"^\.\r$", composed.body, re.MULTILINE)
        assert part(parsed(composed), "plain") == composed.text


def test_the_smaller_encoding_is_used() -> None:
    """RFC 2045 6: plain when it can be, quoted-printable for a few letters, base64 for a text of few ASCII letters."""
    case = case_of("comment", "to the owner")

    def encoding(text: str) -> str:
        body = parsed(made(replace(case, values={**case.values, "text": text}))).get_body(("plain",))
        assert body is not None
        return str(body["Content-Transfer-Encoding"])

    assert encoding("plain") == "7bit"
    assert encoding("Störung") == "quoted-printable"
    assert encoding("x" * 900) == "7bit"
    assert encoding("x" * 1000) == "quoted-printable"
    assert encoding("日本語" * 300) == "base64"


def test_attachments() -> None:
    """The attachments come with the triage mail: every byte of them, whatever they are called."""
    octets = bytes(range(256)) * 40
    given = [
        ("white page.png", "image/png", octets),
        ("Störung.txt", "text/plain; charset=utf-8", b"\xfc\r\n.\r\n"),
        ("../../etc/passwd", "application/x-evil\r\nBcc: x@y.example", b"x"),
        ('a"b\r\nBcc: x@y.example', "message/rfc822", b"From: x\r\n\r\ny"),
        ("", "multipart/mixed", b""),
        ("Ü" * 300, "no type", b"x"),
    ]
    composed = made(case_of("triage", "workaround"), attachments=given)
    check_wire(whole(composed))
    mail = parsed(composed)
    assert mail.get_content_type() == "multipart/mixed"
    assert part(mail, "plain") == composed.text
    found = list(mail.iter_attachments())
    assert [each.get_payload(decode=True) for each in found] == [content for _, _, content in given]
    names = [each.get_filename() for each in found]
    assert names[:3] == ["white page.png", "Störung.txt", ".._.._etc_passwd"]
    assert names[4] == "attachment"
    octet_stream = "application/octet-stream"
    kinds = ["image/png", "text/plain", octet_stream, octet_stream, octet_stream, octet_stream]
    assert [each.get_content_type() for each in found] == kinds
    assert "Bcc" not in mail
    assert all("Bcc" not in each for each in found)


def test_boundaries_cannot_be_guessed() -> None:
    """RFC 2046 5.1.1: the boundary occurs in no part, not even when a person sends us one of ours."""
    case = case_of("comment", "to the owner")
    first = made(case)
    boundary = re.search(rb'boundary="([^"]+)"', first.head)
    assert boundary
    second = made(replace(case, values={**case.values, "text": f"--{boundary[1].decode()}--\nafter"}))
    assert part(parsed(second), "plain") == second.text
    assert len(list(parsed(second).walk())) == 3


def test_the_same_draft_makes_the_same_bytes() -> None:
    """Sends at least once, with the same bytes, Message-ID and Date: composing is pure."""
    for case in CASES:
        assert made(case) == made(case)


def test_the_date_is_ours() -> None:
    """RFC 5322 3.3; the Date is given, or the time of composing."""
    case = case_of("triage", "workaround")
    assert line_of("Date", made(case)) == "Mon, 23 Nov 2026 02:05:00 +0000"
    assert line_of("Date", made(case, date=datetime(2026, 5, 4, tzinfo=UTC))) == "Mon, 04 May 2026 00:00:00 +0000"
    assert case.now is NOW


def test_an_override_that_fails_is_named() -> None:
    """S12: at run time fall back to the built-in text; the caller is told."""
    gone = templates.Templates(Path("/nowhere"), frozenset({"mail/triage.md"}))
    assert made(case_of("triage", "workaround"), templates=gone).problem == ""
    broken = replace(case_of("broadcast-update", "written"), values={"text": "We are on it."})
    composed = made(broken)
    assert "We are on it." in composed.text
    assert composed.problem.startswith("mail/broadcast-update.md: ")
    assert composing.LINE_LIMIT == 998
