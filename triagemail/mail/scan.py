"""A linear byte scan of a mail, before any parser sees it (trust.md C1 to C5): where its parts are, and whether it is
within bounds.

The scan follows the rules of the standard library's feed parser (which mail-parser rests on), so that what it counted
is what the parser will find. It hands on a skeleton: the MIME fields of each part and the boundaries, without bodies,
trace fields, preambles and epilogues. The parser is then fast, and safe on any size of mail; bodies are decoded from
their spans, when they are wanted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.message import Message
from functools import lru_cache

DEPTH_LIMIT = 30
PART_LIMIT = 500
HEADER_LIMIT = 256 * 1024
LINE_LIMIT = 1000
# The field of the skeleton that numbers the parts; no mail can forge it, as only its Content- fields are kept.
SPAN = "Span"

_MIME_FIELD_LIMIT = 4096  # longer parameters are no file name or boundary, and the parser is quadratic in them (C4)
_CANDIDATE_LIMIT = 20_000  # lines that begin like a boundary and are none
_KEPT = frozenset((b"content-type", b"content-disposition", b"content-transfer-encoding", b"content-id"))
_NESTED = frozenset(("message/rfc822", "message/global", "message/news"))
_IDENTITY = frozenset(("", "7bit", "8bit", "binary"))

# One field with its continuation lines (RFC 5322 2.2). No two parts of the pattern can match the same octet, so it
# cannot backtrack far.
_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)\n?")
_LONE_CR = re.compile(rb"\r(?!\n)")
_LONE_CR_LIMIT = 300_000  # in binary octets of 25 MiB one in 256 is a CR
_OURS = b"=_part_"  # how boundaries begin in a skeleton
_MARKS = (*range(0x80, 0x100), *range(9))
_BLANK_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Part:
    """One entity of the mail: byte offsets of header block, body and end, and its encoding."""

    header: int
    body: int
    end: int
    encoding: str


@dataclass(slots=True)
class Scan:
    """What a mail is made of. `fault` is "" or why it is beyond the bounds: then only `fields` is filled."""

    octets: bytes  # the mail with lone CRs turned into LF, same length: offsets fit the raw mail too
    fields: list[tuple[str, bytes]] = field(default_factory=list)  # of the mail itself: lower-case name, folded value
    parts: list[Part] = field(default_factory=list)
    skeleton: bytes = b""
    fault: str = ""  # too-deep, too-many-parts, header-flood, line-flood
    duplicate: bool = False  # some part has two fields of one MIME name; the first is used (trust.md C9)
    taken: bool | None = None  # the mail has boundaries like ours in it; None: not looked for yet


class _Beyond(Exception):
    """The mail is over a bound; the message is the name of the defect."""


def scan(raw: bytes) -> Scan:
    """Scan one mail: any bytes, time linear in their number, no more than DEPTH_LIMIT frames deep."""
    result = Scan(raw)
    start = _envelope_end(raw, 0, len(raw))
    try:
        result.octets = _with_line_ends(raw)
        start = _envelope_end(result.octets, 0, len(raw))
        result.fields, _ = fields(result.octets, start, len(raw))
        out: list[bytes] = []
        _entity(result, out, start, len(raw), 0, "text/plain")
        result.skeleton = b"".join(out)
    except _Beyond as beyond:
        result.fault = str(beyond)
        result.parts.clear()
        result.fields = result.fields or fields(result.octets, start, len(raw), strict=False)[0]
    return result


def header(raw: bytes) -> list[tuple[str, bytes]]:
    """The fields of the mail's own header block alone, as in `Scan.fields`, up to the bounds."""
    octets = _with_line_ends(raw[: HEADER_LIMIT + 2])
    return fields(octets, _envelope_end(octets, 0, len(octets)), len(octets), strict=False)[0]


def as_written(raw: bytes) -> list[tuple[str, bytes]]:
    """The same as servers see them, to whom a lone CR ends no line: what stands behind one in a Subject is no field
    that our border could have taken out (RFC 8601 5)."""
    octets = raw[: HEADER_LIMIT + 2]
    return fields(octets, _envelope_end(octets, 0, len(octets)), len(octets), strict=False)[0]


def fields(octets: bytes, start: int, end: int, *, strict: bool = True) -> tuple[list[tuple[str, bytes]], int]:
    """The fields of the header block at `start` (name in lower case, value still folded), and where the body begins.

    A line that is no field ends the block and belongs to the body. Over the bounds: _Beyond, or when not `strict` what
    came before.
    """
    found: list[tuple[str, bytes]] = []
    at, lines = start, 0
    limit = min(end, start + HEADER_LIMIT + 1)
    while at < limit:
        match = _FIELD.match(octets, at, limit)
        if not match:
            break
        lines += 1 + match[2].count(b"\n")
        at = match.end()
        if lines > LINE_LIMIT or at - start > HEADER_LIMIT:
            if strict:
                raise _Beyond("header-flood")
            break
        found.append((match[1].decode("ascii").lower(), match[2]))
    if octets.startswith(b"\r\n", at, end):
        return found, at + 2
    return found, at + 1 if octets.startswith(b"\n", at, end) else at


def _with_line_ends(raw: bytes) -> bytes:
    """CR alone ends a line for the feed parser; here too, or a boundary between CRs would be seen by one of them only.

    The length stays, so that offsets fit the raw mail. CRLF is set aside under an octet that the mail does not use:
    plain replacing costs milliseconds for 25 MB where a pattern costs seconds.
    """
    if not _LONE_CR.search(raw):  # nearly always
        return raw
    lone = raw.count(b"\r") - raw.count(b"\r\n")
    raw = raw.replace(b"\r\r\n", b" \r\n")
    unused = next((bytes((octet,)) for octet in _MARKS if octet not in raw), b"")
    if unused:
        return raw.replace(b"\r\n", unused + b"\n").replace(b"\r", b"\n").replace(unused, b"\r")
    if lone > _LONE_CR_LIMIT:
        raise _Beyond("line-flood")
    return _LONE_CR.sub(b"\n", raw)


def _envelope_end(octets: bytes, start: int, end: int) -> int:
    """Where the header block of a mail begins: after blank lines and the `From ` line of an mbox."""
    head = octets[start : min(end, start + _BLANK_LIMIT)]
    start += head.rfind(b"\n", 0, len(head) - len(head.lstrip(b" \t\r\n"))) + 1
    if octets.startswith((b"From ", b">From "), start, end):
        start = octets.find(b"\n", start, end) + 1 or end
    return start


def _entity(result: Scan, out: list[bytes], start: int, end: int, depth: int, default: str) -> None:
    """Scan the entity between two offsets and write its skeleton; one frame per level, at most DEPTH_LIMIT."""
    if depth > DEPTH_LIMIT:
        raise _Beyond("too-deep")
    if len(result.parts) >= PART_LIMIT:
        raise _Beyond("too-many-parts")
    found, body = fields(result.octets, start, end)
    mime = _mime_fields(result, found)
    encoding = mime.get(b"content-transfer-encoding", b"").decode("ascii", "replace").partition(";")[0].strip().lower()
    value = mime.get(b"content-type")
    kind = content_type(value, default)
    boundary = _boundary(value) if value is not None and kind.startswith("multipart/") else None
    ours = boundary
    if value is not None and boundary is not None:
        ours, mime[b"content-type"] = _usual(result, value, boundary)
    out.append(b"%s: %d\n" % (SPAN.encode(), len(result.parts)))
    out.extend(b"%s:%s\n" % (name, value) for name, value in mime.items())
    out.append(b"\n")
    result.parts.append(Part(start, body, end, encoding))
    if kind in _NESTED and encoding in _IDENTITY:
        _entity(result, out, _envelope_end(result.octets, body, end), end, depth + 1, "text/plain")
    elif boundary is not None and ours is not None:
        default = "message/rfc822" if kind == "multipart/digest" else "text/plain"
        spans = _split(result.octets, body, end, b"\n--" + boundary)
        for begin, stop in spans:
            out.append(b"--" + ours + b"\n")
            _entity(result, out, begin, stop, depth + 1, default)
            out.append(b"\n")
        if spans:
            out.append(b"--" + ours + b"--\n")


def _split(octets: bytes, body: int, end: int, needle: bytes) -> list[tuple[int, int]]:
    """The spans between the boundary lines (RFC 2046 5.1.1); the line end before a boundary is a part of it."""
    spans: list[tuple[int, int]] = []
    opened, at = -1, max(body - 1, 0)
    for _ in range(_CANDIDATE_LIMIT):
        at = octets.find(needle, at, end)
        if at < 0:
            return [*spans, (opened, end)] if opened >= 0 else spans
        line_end = octets.find(b"\n", at + 1, end)
        line_end = end if line_end < 0 else line_end
        tail = octets[at + len(needle) : line_end].rstrip(b" \t\r")
        if tail in (b"", b"--"):
            if opened >= 0:
                spans.append((opened, max(opened, at - octets.startswith(b"\r", at - 1))))
            if tail or len(spans) > PART_LIMIT:
                return spans
            opened = min(line_end + 1, end)
        at = line_end
    raise _Beyond("too-many-parts")


def _mime_fields(result: Scan, found: list[tuple[str, bytes]]) -> dict[bytes, bytes]:
    mime: dict[bytes, bytes] = {}
    for text, value in found:
        if not text.startswith("content-"):
            continue
        name = text.encode("ascii")
        result.duplicate = result.duplicate or name in mime
        if name in _KEPT:
            mime.setdefault(name, value[:_MIME_FIELD_LIMIT].rstrip(b"\r\n"))
    return mime


def content_type(value: bytes | None, default: str = "text/plain") -> str:
    """The media type, in lower case; what has not exactly one slash is text/plain (RFC 2045 5.2)."""
    if value is None:
        return default
    kind = value.partition(b";")[0].strip().lower().decode("ascii", "replace")
    return kind if kind.count("/") == 1 else "text/plain"


def _usual(result: Scan, value: bytes, boundary: bytes) -> tuple[bytes, bytes]:
    """The boundary of the next part in the skeleton, and the Content-Type that names it. Each mail has its own, and
    with the part's number in its place most skeletons are the same; where it cannot be put there, its own."""
    ours = b"%s%d" % (_OURS, len(result.parts))
    if result.taken is None:  # once a mail: a search for each of its parts would be quadratic
        result.taken = _OURS in result.octets
    if value.count(boundary) == 1 and not result.taken:
        changed = value.replace(boundary, ours)
        if _boundary(changed) == ours:
            return ours, changed
    return boundary, value


@lru_cache(maxsize=256)
def _boundary(value: bytes) -> bytes | None:
    """The boundary as the feed parser will read it, RFC 2231 forms included; None where it has none."""
    part = Message()
    part["Content-Type"] = value.decode("ascii", "surrogateescape")
    try:
        boundary = part.get_boundary()
        return boundary.encode("ascii", "surrogateescape") if boundary is not None else None
    except (UnicodeError, LookupError, ValueError):
        return None
