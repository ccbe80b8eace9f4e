"""From a draft to the bytes that are sent: headers, MIME shapes and encodings. ASCII, CRLF, lines <= 998 octets.

The shapes are fixed, so they are written here; EmailMessage, many times slower, is the oracle in the tests. A mail is
`personal(...) + head + CRLF + body`: all but the personal block is the same for every reader of a broadcast.
"""

from __future__ import annotations

import re
import unicodedata
from base64 import b64encode
from binascii import b2a_base64, b2a_qp
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from hashlib import sha256
from urllib.parse import quote

from triagemail.mail.headers import clean_header
from triagemail.mail.templates import Rendered, Templates, book_of, context_of, render
from triagemail.process.model import Issue, Policy, State, altered

CRLF = "\r\n"
LINE_LIMIT = 998  # octets without CRLF (RFC 5322 2.1.1)
ID_LIMIT = 250  # a longer Message-ID is kept out of References: it would push out the others
KEPT_IDS = 20  # beside the first, which is the root of the thread

FROM_NAME = "triagemail"

Attached = tuple[str, str, bytes]  # name, content type, bytes


@dataclass(frozen=True, slots=True)
class Composed:
    """One mail without its personal headers. `head` and `body` are ASCII with CRLF; `head` ends its last line. `text`
    is the plain part as people read it, with LF. `summary` and `opening` are what a calendar shows of an invite: its
    title, and the text before the one-tap answers. `problem`: "" or why a company's own template gave way (S12)."""

    subject: str
    text: str
    head: bytes
    body: bytes
    problem: str = ""
    summary: str = ""
    opening: str = ""


def compose(
    template: str,
    *,
    language: str,
    issue: Issue | None,
    policy: Policy,
    values: Mapping[str, object],
    now: datetime,
    date: datetime | None = None,
    to: str = "",
    reply_to: str = "",
    references: Iterable[str] = (),
    in_reply_to: str = "",
    automatic: bool | None = None,
    broadcast: bool = False,
    list_id: str = "",
    from_name: str = FROM_NAME,
    attachments: Iterable[Attached] = (),
    calendar: bytes = b"",
    templates: Templates | None = None,
) -> Composed:
    """The mail that a draft becomes. `issue` is as it stands after the events; `now` and `date` (default: `now`) are
    aware UTC; `reply_to` is the address with the person's token, for the one-tap answers (a broadcast has none);
    `automatic`: it answers a mail (RFC 3834 5: auto-replied; default: it has an In-Reply-To), else the service speaks
    first (auto-generated); `calendar` is an invite (`invites.calendar`)."""
    values = _for_everybody(issue, values) if broadcast else values
    shown = None if issue is None else _shown(issue, language, broadcast=broadcast)
    context = context_of(policy, now, shown, values, to=to, reply_to="" if broadcast else reply_to)
    made = render(templates or Templates(), template, language, context)
    kind, body = _body(made, tuple(attachments), calendar)
    answers = not broadcast and (bool(in_reply_to) if automatic is None else automatic)
    fields = [
        ("From", f"{_phrase(from_name)} <{_one_line(policy.address)}>"),
        ("Date", format_datetime(date or now)),
        ("Subject", encoded(clean_header(made.subject), len("Subject: "))),
        ("In-Reply-To", _ids((in_reply_to,))),
        ("References", _ids(references)),
        *(_list_fields(policy, list_id) if broadcast else ()),
        *_automatic_fields(answers=answers, broadcast=broadcast),
        ("MIME-Version", "1.0"),
        ("Content-Type", kind),
    ]
    head = "".join(f"{name}: {value}{CRLF}" for name, value in fields if value)
    return Composed(made.subject, made.text, head.encode("ascii"), body, made.problem, _title(made), made.opening)


_BARE = r"[!-;>-~]"  # what is visible in ASCII but `<` and `=`: nothing that any cleaning would change
ONE_CLICK = "List-Unsubscribe=One-Click"
_CLICK = re.compile(r"https://[!#-;=?-~]{1,600}", re.ASCII)
_PLAIN = re.compile(rf"{_BARE}{{1,250}} {_BARE}{{1,250}} <[!-;?-~]{{1,{ID_LIMIT}}}> {_BARE}{{0,250}}")


def personal(
    to_address: str, reply_to: str = "", message_id: str = "", list_unsubscribe: str = "", one_click: str = ""
) -> bytes:
    """The header lines that differ per recipient. `list_unsubscribe` is an address with the subscriber's token, or a
    ready value in angle brackets (RFC 2369 3.2), `one_click` a URL of ours that takes one click (RFC 8058). Pure, so
    that a retry sends the same bytes."""
    if one_click and list_unsubscribe and _CLICK.fullmatch(one_click):
        mailto = _one_line(f"<mailto:{list_unsubscribe}?subject=unsubscribe>")
        both = f"List-Unsubscribe: {mailto}, <{one_click}>{CRLF}List-Unsubscribe-Post: {ONE_CLICK}{CRLF}"
        return personal(to_address, reply_to, message_id) + both.encode("ascii")
    # Nearly always nothing needs cleaning, and to see that takes a quarter of the time that cleaning takes.
    if _PLAIN.fullmatch(f"{to_address} {reply_to} {message_id} {list_unsubscribe}"):
        link = f"List-Unsubscribe: <mailto:{list_unsubscribe}?subject=unsubscribe>{CRLF}" if list_unsubscribe else ""
        return f"To: {to_address}{CRLF}Reply-To: {reply_to}{CRLF}Message-ID: {message_id}{CRLF}{link}".encode("ascii")
    unsubscribe = list_unsubscribe
    if unsubscribe and not unsubscribe.startswith("<"):
        unsubscribe = f"<mailto:{unsubscribe}?subject=unsubscribe>"
    fields = (
        ("To", _one_line(to_address)),
        ("Reply-To", _one_line(reply_to)),
        ("Message-ID", _ids((message_id,))),
        ("List-Unsubscribe", _one_line(unsubscribe)),
    )
    return "".join(f"{name}: {value}{CRLF}" for name, value in fields if value).encode("ascii")


# --- what a headline may say ------------------------------------------------------------------------------------------

_FAKE_TAGS = (
    r"[\[({<【［]\s*P\s*\d\s*[\])}>】］]",  # [P0]
    r"PRIORI[^\s\d]{1,5}[\s:#_-]*\d(?!\d)(?:\s+(?:ISSUE|REMEDIATION)\b)?",  # PRIORITY 0 ISSUE, PRIORITÄT 0
    r"^\s*P\d\s*[:–-]",  # P0: …
)
_FAKE_TAG = re.compile("|".join(_FAKE_TAGS), re.IGNORECASE)
_DOT = "[.\u3002\uff0e\uff61]"  # what a mail program may take for the dot of a domain name
_CONTACTS = (
    r"\b[a-z][a-z0-9+.-]{1,20}:/\S*",  # https://…
    r"\b(?:mailto|tel|sms|callto|skype):\S*",
    r"\S*@\S*",
    rf"\S*[\w-]{_DOT}[^\W\d_]{{2,}}\b\S*",  # shop.example/pay
    r"\S*\b\d{1,3}(?:\.\d{1,3}){3}\b\S*",
)
_CONTACT = re.compile("|".join(_CONTACTS), re.IGNORECASE)


def _headline(issue: Issue, language: str, *, broadcast: bool) -> str:
    """ "`[P0]` in user titles is neutralised" (trust.md X9), and "before a triager's decision a broadcast carries only
    the cleaned headline, without links or addresses" (trust.md X8)."""
    headline = clean_header(issue.headline)
    for _ in range(len(headline)):  # taking one out may bring two halves of another together
        shorter = " ".join(_FAKE_TAG.sub(" ", headline).split())
        if shorter == headline:
            break
        headline = shorter
    if broadcast and issue.decided_at is None:
        headline = " ".join(_CONTACT.sub("[...]", headline).split())
    says = any(unicodedata.category(letter)[0] in "LNS" for letter in headline.replace("[...]", ""))
    return headline.strip(" :-") if says else str(book_of(Templates(), language).words["untitled"])


def _shown(issue: Issue, language: str, *, broadcast: bool) -> Issue:
    """The issue as a template sees it. No word of the report reaches the list, whatever a template asks for (X8)."""
    headline = _headline(issue, language, broadcast=broadcast)
    if not broadcast:
        return altered(issue, {"headline": headline})
    hidden = {"answers": {}, "material": "", "attachments": (), "reporter": "", "mails": ()}
    return altered(issue, {"headline": headline, **hidden})


_TAG = re.compile(r"^\[#\d+\] ")


def _title(made: Rendered) -> str:
    """What a calendar calls an invite: what the template says, else the subject, which all mails of an issue share,
    without its tag."""
    return made.summary or _TAG.sub("", made.subject)


def _for_everybody(issue: Issue | None, values: Mapping[str, object]) -> Mapping[str, object]:
    """The values of a broadcast: its next time as the issue has it, and no word of the reporter's (trust.md X8)."""
    usual: dict[str, object] = {"next_update_at": None if issue is None else issue.next_update_at}
    if issue is not None and issue.state is State.WITHDRAWN:
        return {**usual, **values, "text": ""}  # the reason of a withdrawal is the reporter's
    return {**usual, **values}


# --- header fields ----------------------------------------------------------------------------------------------------


def _one_line(value: str) -> str:
    """A value that is ASCII by construction (addresses, our own tokens), cleaned all the same (trust.md X1)."""
    return clean_header(value, LINE_LIMIT - 100).encode("ascii", "ignore").decode()


def _phrase(name: str) -> str:
    """A display name (RFC 5322 3.4): quoted when ASCII, else encoded words."""
    name = clean_header(name)
    if not name.isascii():
        return encoded(name, len("From: "))
    plain = re.fullmatch(r"[\w !#$%&'*+/=?^`{|}~-]+", name)
    return name if plain else '"' + name.replace("\\", " ").replace('"', "'") + '"'


def encoded(text: str, used: int) -> str:
    """Text for an unstructured field or phrase: as it is when ASCII, else encoded words of at most 75 characters, one
    on a line of at most 76 (RFC 2047 2). `used` is what the first line already holds."""
    if text.isascii():
        return text
    words: list[str] = []
    chunk, room = b"", (76 - used - 12) // 4 * 3
    for letter in text:
        one = letter.encode("utf-8", "replace")
        if len(chunk) + len(one) > room:
            words.append(f"=?utf-8?b?{b64encode(chunk).decode()}?=")
            chunk, room = b"", 45
        chunk += one
    words.append(f"=?utf-8?b?{b64encode(chunk).decode()}?=")
    return f"{CRLF} ".join(words)


_ID = re.compile(rf"<?([\x21-\x3b\x3d\x3f-\x7e]{{1,{ID_LIMIT}}})>?")


def _ids(values: Iterable[str]) -> str:
    """Message-IDs on one line, never encoded or folded inside (libraries.md S1): the first and the last twenty, and
    fewer when the line would pass 998 octets. What is no id is left out: a reporter's client chose it."""
    found = list(dict.fromkeys(f"<{m[1]}>" for v in values if (m := _ID.fullmatch(v.strip()))))
    found = found if len(found) <= KEPT_IDS + 1 else [found[0], *found[-KEPT_IDS:]]
    while len(found) > 2 and sum(map(len, found)) + len(found) > LINE_LIMIT - 20:
        del found[1]
    return " ".join(found)


def _automatic_fields(*, answers: bool, broadcast: bool) -> tuple[tuple[str, str], ...]:
    """What keeps machines from answering us (RFC 3834 5; the last for Exchange; trust.md L1)."""
    return (
        ("Auto-Submitted", "auto-replied" if answers else "auto-generated"),
        ("Precedence", "bulk" if broadcast else "auto_reply"),
        ("X-Auto-Response-Suppress", "All"),
    )


def _list_fields(policy: Policy, list_id: str) -> tuple[tuple[str, str], ...]:
    """The same for every reader (RFC 2369, RFC 2919). The owner of the list is reached at our own address: nobody sees
    another's in a broadcast (trust.md V1)."""
    local, _, domain = policy.address.partition("@")
    return (
        ("List-Id", f"<{_one_line(list_id or policy.list_address.replace('@', '.')).strip('<>')}>"),
        ("List-Help", f"<mailto:{local}+help@{domain}?subject=help>"),
        ("List-Subscribe", f"<mailto:{local}+subscribe@{domain}?subject=subscribe>"),
        ("List-Post", "NO"),
        ("List-Owner", f"<mailto:{policy.address}>"),
    )


# --- MIME -------------------------------------------------------------------------------------------------------------


def _body(made: Rendered, attachments: tuple[Attached, ...], calendar: bytes) -> tuple[str, bytes]:
    """(Content-Type of the whole, its body): text and HTML as alternatives, in front of the attachments. A mail that is
    text alone has its encoding in a header line of its own.

    An invite is the last alternative, and a file beside them. Outlook looks for one in the first part of a mixed mail
    only ([MS-STANOICAL] V0343), Gmail and Apple take the alternative with its method (RFC 6047 2.4), and whoever shows
    only text and attachments has the file."""
    if not made.html:
        head, _, body = _text_part("plain", made.text).partition(b"\r\n\r\n")
        return head.decode().removeprefix("Content-Type: "), body
    parts = [_text_part("plain", made.text), _text_part("html", made.html)]
    if calendar:
        parts.append(_text_part("calendar", calendar.decode().replace(CRLF, "\n"), INVITE))
        attachments = (*attachments, ("invite.ics", "application/ics; name=invite.ics", calendar))
    kind, body = _multipart("alternative", parts)
    if not attachments:
        return kind, body
    inner = f"Content-Type: {kind}{CRLF}{CRLF}".encode("ascii") + body
    return _multipart("mixed", [inner, *(_attached(*each) for each in attachments)])


def _multipart(kind: str, parts: list[bytes]) -> tuple[str, bytes]:
    """A multipart body (RFC 2046 5.1.1). Its boundary is the hash of what it encloses, which no part can hold."""
    boundary = "=_" + sha256(b"".join(parts)).hexdigest()[:40]
    line = f"--{boundary}".encode("ascii")
    body = b"".join(
        line + b"\r\n" + part + b"\r\n" for part in parts
    )  # the last CRLF is the boundary's, not the part's
    return f'multipart/{kind}; boundary="{boundary}"', body + line + b"--\r\n"


INVITE = "; method=REQUEST; component=VEVENT"
_CHANGED = ("From ", ".")  # a relay may change a line that starts so
_LONE_DOT = re.compile(rb"^\.(?=\r$)", re.MULTILINE)
_ASCII = bytes(range(128))


def _text_part(kind: str, text: str, more: str = "") -> bytes:
    """As it is when ASCII in lines that fit, else quoted-printable or, where that is shorter, base64 (RFC 2045 6)."""
    raw = text.replace("\n", CRLF).encode("utf-8", "replace")
    odd = text.startswith(_CHANGED) or any(f"\n{start}" in text for start in _CHANGED)
    encoding = "7bit"
    if odd or not text.isascii() or max(map(len, text.split("\n"))) > LINE_LIMIT:
        if 6 * len(raw.translate(None, _ASCII)) > len(raw):  # each of these takes two more, base64 a third of all
            encoding, raw = "base64", _base64(raw)
        else:
            encoding = "quoted-printable"
            raw = b2a_qp(raw, istext=True)
            if raw.startswith(b".\r\n") or b"\n.\r" in raw:  # a soft break may leave a dot alone
                raw = _LONE_DOT.sub(b"=2E", raw)
    head = f'Content-Type: text/{kind}; charset="utf-8"{more}{CRLF}Content-Transfer-Encoding: {encoding}{CRLF}{CRLF}'
    return head.encode("ascii") + raw


def _base64(raw: bytes) -> bytes:
    """Base64 in lines of 76 (RFC 2045 6.8)."""
    packed = b2a_base64(raw, newline=False)
    return b"\r\n".join([packed[at : at + 76] for at in range(0, len(packed), 76)]) + b"\r\n"


_TYPE = re.compile(r"(?!message/|multipart/)[\w.+-]+/[\w.+-]+(?:; ?[\w-]+=[\w.+-]+)*", re.ASCII)


def _attached(name: str, content_type: str, content: bytes) -> bytes:
    """One attachment. Its name is only ever a parameter (RFC 2231 for what is not ASCII); a type that we cannot write
    down, or that base64 is not allowed for (RFC 2046 5.2.1), becomes octets."""
    name = re.sub(r"[/\\]", "_", clean_header(name)).replace('"', "'") or "attachment"
    kind = content_type if _TYPE.fullmatch(content_type) and len(content_type) < 200 else "application/octet-stream"
    if name.isascii():
        called = f'filename="{name}"'
    else:
        called = f"filename*=utf-8''{quote(name, safe='')}"
    head = (
        f"Content-Type: {kind}{CRLF}Content-Transfer-Encoding: base64{CRLF}"
        f"Content-Disposition: attachment;{CRLF} {called[:900]}{CRLF}{CRLF}"
    )
    return head.encode("ascii") + _base64(content)
