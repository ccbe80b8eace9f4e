"""Raw mail into a ParsedMail, never raising (design.md 5: odd mail yields defects).

A byte scan (scan.py) runs first: it bounds depth, parts and headers (trust.md C1 to C3) and finds the bodies.
mail-parser then reads the skeleton of the mail, without bodies and trace fields (tree.py), and its tree is walked here,
because its own `text_plain` merges the text of attached and returned mails into the text of this one (libraries.md P2),
takes every alternative (P10) and does not decode some charsets (P11). Bodies are decoded from the bytes that the scan
found.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.message import Message

from triagemail.mail import tree
from triagemail.mail.address import Mailbox, read_from, read_list
from triagemail.mail.charset import base64_octets, codec_of, decode_header, decode_text, decode_words
from triagemail.mail.fields import (
    VALUE_LIMIT,
    date_of,
    declared_hint,
    header_values,
    ids_of,
    message_id_of,
    unfold,
)
from triagemail.mail.flowed import unflow
from triagemail.mail.headers import clean_header
from triagemail.mail.html import html_to_text
from triagemail.mail.scan import Part, Scan, as_written, fields, scan
from triagemail.mail.tree import Entity

TEXT_LIMIT = 1 << 20  # octets of body text that are read; a person's mail has no more, and the raw mail keeps the rest
_SUBJECT_LIMIT = 998  # RFC 5322 2.1.1
_REPORT_LIMIT = 256 * 1024
_TRACE = ("received", "authentication-results", "arc-authentication-results", "arc-seal")
_INLINED_SIZE = 64 * 1024  # HTML over it may hold images as data: URLs, which must not use up the budget of text
_RECIPIENT_FIELDS = ("to", "cc", "delivered-to", "x-original-to")
_ONCE = ("subject", "to", "cc", "date", "message-id", "in-reply-to", "references", "reply-to", "sender")  # RFC 5322 3.6
REACTION = "text/vnd.google.email-reaction+json"
_REPORTS = (
    "message/delivery-status",
    "message/global-delivery-status",
    "message/feedback-report",
    "message/disposition-notification",
    REACTION,
)
_HEADERS_ONLY = ("text/rfc822-headers", "message/global-headers")
_MESSAGES = ("message/rfc822", "message/global", "message/news")

_METHOD = re.compile(rb"^METHOD[ \t]*:[ \t]*([A-Za-z-]{1,40})", re.M | re.I)
_INLINED = re.compile(rb"data:[\w.+/-]{1,60};base64,[A-Za-z0-9+/=\s]*")

_IMMATERIAL_TYPES = frozenset(
    (
        "text/vcard",
        "text/x-vcard",
        "text/directory",
        "text/calendar",
        "application/ics",
        "application/ms-tnef",
        "application/vnd.ms-tnef",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "application/pkcs7-mime",
        "application/x-pkcs7-mime",
        "application/pgp-signature",
        "application/pgp-encrypted",
        "application/pgp-keys",
        *_REPORTS,
        *_HEADERS_ONLY,
    )
)
_IMMATERIAL_NAMES = re.compile(r"(?:\.(?:vcf|ics|p7s|p7m|asc|sig|gpg)|^winmail\.dat|^att\d{5}\.(?:txt|html?))\Z", re.I)
_ORNAMENT_NAMES = re.compile(r"logo|signatur|banner|icon|footer|facebook|linkedin|twitter|instagram|youtube", re.I)
_ORNAMENT_SIZE = 24 * 1024  # octets: an inline image below it is taken for a logo, a pasted screenshot is larger
_PIXEL_SIZE = 1024


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is not body text. `name` is for show only, never a path (X7); `size` in octets, decoded; `part` for
    `part_bytes`.

    `material` is False for what process.md 2 does not count as an answer: a logo in a signature, a vCard, a calendar,
    smime.p7s, winmail.dat, delivery reports.
    """

    name: str
    content_type: str
    size: int
    part: int
    material: bool


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """One mail as values; text has LF line ends, no NUL and no lone surrogate.

    `from_` is None for bad-from. `headers` has lower-case names and unfolded, undecoded values in their order.
    `defects` are names for machines: too-deep, too-many-parts, header-flood, line-flood (hold the mail: nothing but the
    header was read), unparsable, text-cut, duplicate-NAME, unknown-charset, bad-charset, no-message-id, no-boundary and
    the like. Beyond the contract: `parts` the media types of all parts in order, `reports` (media type, text) of
    machine-readable parts (RFC 3464, 5965, 8098, a reaction, the calendar part that has a method), `enclosed` the
    header block of the first enclosed or returned mail, `method` that of the calendar part (RFC 6047 2.4), `trace` what
    mail servers wrote: (name, unfolded value) from the top, since their order is evidence (trust.md 3.2).
    """

    message_id: str
    from_: Mailbox | None
    subject: str
    date: datetime | None
    recipients: tuple[str, ...]
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    text: str
    html: str
    attachments: tuple[Attachment, ...]
    headers: Mapping[str, tuple[str, ...]]
    content_type: str
    report_type: str
    forwarded: tuple[str, ...]
    defects: tuple[str, ...]
    size: int
    parts: tuple[str, ...] = ()
    reports: tuple[tuple[str, str], ...] = ()
    enclosed: str = ""
    method: str = ""
    trace: tuple[tuple[str, str], ...] = ()


def parse(raw: bytes) -> ParsedMail:
    """Read one raw mail; any bytes. Over the bounds of the scan only the header is read; `defects` says why."""
    found = scan(raw)
    content = _Content(found.octets, found.parts, hint=declared_hint(found.fields))
    whole = Entity() if found.fault else _tree(found.skeleton, content)
    segments = [] if found.fault else _segments(content, whole)
    text, html = _body(content, segments)
    values = header_values(found.fields, content.hint)
    first = {name: value[0] for name, value in values.items()}
    authors = [unfold(decode_header(octets, content.hint)) for name, octets in found.fields if name == "from"]
    recipients = [value for name in _RECIPIENT_FIELDS for value in values.get(name, ())]
    message_id = message_id_of(first.get("message-id", ""))
    return ParsedMail(
        message_id=message_id,
        from_=read_from(authors),
        subject=clean_header(decode_words(first.get("subject", ""), content.hint), _SUBJECT_LIMIT),
        date=date_of(first.get("date", "")),
        recipients=read_list(recipients),
        in_reply_to=ids_of(first.get("in-reply-to", "")),
        references=ids_of(first.get("references", "")),
        text=text,
        html=html,
        attachments=tuple(content.attachments),
        headers=values,
        content_type=whole.kind,
        report_type=whole.parameter("report-type").lower(),
        forwarded=tuple(content.forwarded),
        defects=_defects(found, content, values, message_id),
        size=len(raw),
        parts=tuple(content.kinds),
        reports=tuple(content.reports),
        enclosed=content.enclosed,
        method=content.method,
        trace=_trace(found.fields if found.octets is raw else as_written(raw)),
    )


def part_bytes(raw: bytes, part: int) -> bytes:
    """The decoded bytes of the part that `Attachment.part` numbers; b"" where the mail has no such part."""
    parts = scan(raw).parts
    return _decoded(raw, parts[part]) if 0 <= part < len(parts) else b""


def _trace(found: list[tuple[str, bytes]]) -> tuple[tuple[str, str], ...]:
    """The lines of mail servers. Controls stay in, for the strict readers to refuse."""
    return tuple(
        (name, unfold(decode_header(value[:VALUE_LIMIT])))
        for name, value in found
        if name in _TRACE or (name.startswith("x-ms-exchange-") and name.endswith("-authas"))
    )


# --- the tree and its parts -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Content:
    """What is found while the tree is walked. `hint`: the codec to try where no charset is declared."""

    octets: bytes
    spans: list[Part]
    hint: str = ""
    budget: int = TEXT_LIMIT
    returned: bool = False  # in a report: an enclosed mail is our own, come back
    unpacked: bool = False  # this is the inside of an enclosed mail that was encoded
    kinds: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    forwarded: list[str] = field(default_factory=list)
    reports: list[tuple[str, str]] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)
    enclosed: str = ""
    method: str = ""
    spare: list[_Segment] = field(default_factory=list)  # named inline texts: the body only where there is no other


@dataclass(slots=True)
class _Segment:
    """A stretch of body: its text/plain leaves, and the HTML leaves that say the same."""

    plain: list[Entity]
    html: list[Entity]


def _tree(skeleton: bytes, content: _Content) -> Entity:
    found, defects = tree.read(skeleton)
    content.defects.extend(defects)
    return found


def _segments(content: _Content, part: Entity) -> list[_Segment]:
    """The body segments below `part`; attachments, reports and enclosed mails are put down on the way."""
    kind = part.kind
    content.kinds.append(kind)
    if kind in _MESSAGES:
        return _enclosed(content, part)
    if part.children is None or kind in _REPORTS:
        return _leaf(content, part, kind)
    children = part.children
    if kind == "multipart/report":  # RFC 6522 3: the first part is for people, the rest for programs
        first = _segments(content, children[0]) if children else []
        content.returned = True
        for child in children[1:]:
            _segments(content, child)
        return first
    before = len(content.attachments)
    found = [segment for child in children for segment in _segments(content, child)]
    if kind != "multipart/alternative" or not found:
        return found
    whole = {child.number for child in children if child.children is None}
    for at in range(before, len(content.attachments)):  # another form of the same text, and no attachment
        if content.attachments[at].part in whole:
            content.attachments[at] = replace(content.attachments[at], material=False)
    plain = next((segment.plain for segment in found if segment.plain), [])
    return [_Segment(plain, [leaf for segment in found for leaf in segment.html])]


def _leaf(content: _Content, part: Entity, kind: str) -> list[_Segment]:
    """A part without children: body text, or an attachment."""
    if kind in _REPORTS or kind in _HEADERS_ONLY:
        return _report(content, part, kind)
    disposition = part.disposition
    kind = "text/plain" if kind.startswith("multipart/") else kind  # a multipart without boundary is shown as it stands
    name = part.name
    if kind not in ("text/plain", "text/html") or disposition == "attachment" or name:
        _attach(content, part, kind, name)
    if kind not in ("text/plain", "text/html") or disposition == "attachment":
        return []
    segment = _Segment([part], []) if kind == "text/plain" else _Segment([], [part])
    if not name:
        return [segment]
    content.spare.append(segment)
    return []


def _attach(content: _Content, part: Entity, kind: str, name: str) -> None:
    number = part.number
    if number < 0:
        return
    span = content.spans[number]
    if kind == "text/calendar" and not content.method:
        _calendar(content, part, _decoded(content.octets, span)[:_REPORT_LIMIT])
    size = _size(content.octets, span)
    inline = part.content_id and part.disposition != "attachment"
    content.attachments.append(Attachment(name, kind, size, number, _material(name, kind, size, inline)))


def _calendar(content: _Content, part: Entity, octets: bytes) -> None:
    """The first calendar part with a method: an invite or the answer to one. What a person attached is neither, unless
    its Content-Type names the method, as programs that answer do (RFC 6047 2.4)."""
    method = part.parameter("method")
    if not method and part.disposition != "attachment":
        found = _METHOD.search(octets[:VALUE_LIMIT])
        method = found[1].decode("ascii") if found else ""
    if method:
        content.method = method.upper()
        text = decode_text(octets, part.parameter("charset") or "utf-8", content.hint)[0]
        content.reports.append(("text/calendar", _lines(text)))


def _material(name: str, kind: str, size: int, inline: bool) -> bool:
    """Whether an attachment may answer "how can we see it ourselves" (process.md 2)."""
    if kind in _IMMATERIAL_TYPES or _IMMATERIAL_NAMES.search(name) or size == 0:
        return False
    if kind.startswith("image/"):
        ornament = inline or bool(_ORNAMENT_NAMES.search(name))
        return size >= (_ORNAMENT_SIZE if ornament else _PIXEL_SIZE)
    return True


def _report(content: _Content, part: Entity, kind: str) -> list[_Segment]:
    """A part for programs: a delivery status, a feedback report, a receipt, or the returned header."""
    number = part.number
    if number >= 0:
        octets = _decoded(content.octets, content.spans[number])[:_REPORT_LIMIT]
        text = _lines(decode_text(octets, part.parameter("charset"), content.hint)[0])
        if kind in _HEADERS_ONLY:
            content.enclosed = content.enclosed or text
        elif part.disposition != "attachment" or not kind.startswith("text/"):
            content.reports.append((kind, text))  # a reaction that is attached is none, says Google's format
        content.attachments.append(Attachment(part.name, kind, len(octets), number, False))
    return []


def _enclosed(content: _Content, part: Entity) -> list[_Segment]:
    """An enclosed mail: its text is kept apart and is never text of this mail (P2); what it holds is attached."""
    number = part.number
    if number < 0:
        return []
    inner, child = _inside(content, part, content.spans[number])
    name = part.name
    if child is not None:
        span = inner.spans[child.number]
        head = inner.octets[span.header : span.body]
        content.enclosed = content.enclosed or _lines(decode_header(head, content.hint))
        subject = next((value for name, value in fields(head, 0, len(head))[0] if name == "subject"), b"")
        name = name or clean_header(decode_words(unfold(decode_header(subject[:VALUE_LIMIT])), content.hint))
    if child is not None and not content.returned:
        text, _ = _body(inner, _segments(inner, child))
        content.forwarded.extend([text, *inner.forwarded] if text.strip() else inner.forwarded)
        content.budget = inner.budget
    size = content.spans[number].end - content.spans[number].body
    content.attachments.append(Attachment(name, part.kind, size, number, not content.returned))
    if inner.spans is content.spans:
        content.attachments.extend(inner.attachments)
    return []


def _inside(content: _Content, part: Entity, span: Part) -> tuple[_Content, Entity | None]:
    """The content to fill from an enclosed mail, and its root; None where it cannot be read."""
    inner = _Content(content.octets, content.spans, content.hint, content.budget, unpacked=content.unpacked)
    if span.encoding not in ("base64", "quoted-printable"):
        child = part.children[0] if part.children else None
        return inner, child if child is not None and child.number >= 0 else None
    # RFC 2046 5.2.1 forbids to encode an enclosed mail; some senders do. One level is undone, with bounds of its own.
    found = scan(_decoded(content.octets, span)) if not content.unpacked else None
    if found is None or found.fault:
        return inner, None
    inner.octets, inner.spans, inner.unpacked = found.octets, found.parts, True
    return inner, _tree(found.skeleton, inner)


# --- text -------------------------------------------------------------------------------------------------------------


def _body(content: _Content, segments: list[_Segment]) -> tuple[str, str]:
    """(text, html) of a mail: the plain parts in order; text from HTML only where nothing plain precedes it."""
    texts: list[str] = []
    htmls: list[str] = []
    for segment in segments or content.spare:
        plain = "\n".join(_text(content, leaf) for leaf in segment.plain)
        html = "\n".join(_text(content, leaf) for leaf in segment.html)
        if html and not plain.strip() and not any(text.strip() for text in texts):
            plain = _lines(html_to_text(html))
        texts.append(plain)
        htmls.append(html)
    return "\n".join(texts), "\n".join(html for html in htmls if html)


def _text(content: _Content, leaf: Entity) -> str:
    """A body part as text with LF line ends; what goes over the budget of the mail is left out (`text-cut`)."""
    number = leaf.number
    if number < 0:
        return ""
    octets = _decoded(content.octets, content.spans[number])
    is_html = leaf.kind == "text/html"
    if is_html and len(octets) > _INLINED_SIZE:
        octets = _INLINED.sub(b"data:", octets)
    if len(octets) > content.budget:
        content.defects.append("text-cut")
        octets = octets[: content.budget]
    content.budget -= len(octets)
    charset = leaf.parameter("charset")
    text, defect = decode_text(octets, charset, content.hint)
    if defect:
        content.defects.append(defect)
    content.hint = content.hint or codec_of(charset) or ""
    text = _lines(text)
    if not is_html and leaf.parameter("format").lower() == "flowed":
        return unflow(text, delsp=leaf.parameter("delsp").lower() == "yes")
    return text


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _decoded(octets: bytes, part: Part) -> bytes:
    """The body of a part without its transfer encoding (RFC 2045 6); an unknown encoding is left as it is."""
    body = octets[part.body : part.end]
    if part.encoding == "base64":
        return base64_octets(body)
    if part.encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    if part.encoding in ("x-uuencode", "uuencode", "x-uue", "uue"):
        shell = Message()
        shell["Content-Transfer-Encoding"] = "x-uuencode"
        shell.set_payload(body.decode("ascii", "surrogateescape"))
        plain = shell.get_payload(decode=True)
        return plain if isinstance(plain, bytes) else body
    return body


def _size(octets: bytes, part: Part) -> int:
    """Octets after decoding; base64 is counted: attachments are decoded only when they are served (C5)."""
    if part.encoding != "base64":
        return len(_decoded(octets, part))
    signs = sum(octets.count(sign, part.body, part.end) for sign in (b"\n", b"\r", b"=", b" "))
    return (part.end - part.body - signs) * 3 // 4


def _defects(found: Scan, content: _Content, values: Mapping[str, tuple[str, ...]], message_id: str) -> tuple[str, ...]:
    """Every oddity once, the reasons to hold first."""
    names = [found.fault] if found.fault else []
    names += [f"duplicate-{name}" for name in _ONCE if len(values.get(name, ())) > 1]
    names += ["duplicate-mime-field"] if found.duplicate else []
    names += content.defects
    names += [] if message_id else ["no-message-id"]
    return tuple(dict.fromkeys(names))
