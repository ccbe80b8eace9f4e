"""Header fields into values: unfolding, ids, dates, undeclared charsets (libraries.md P4, P5). Linear; never raises."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from triagemail.mail.charset import codec_of, decode_header

VALUE_LIMIT = 16 * 1024  # octets of one header field that are decoded
_ID_LIMIT = 998
_ID_COUNT = 100
_DATE_LIMIT = 100
_ID = re.compile(r"<([^<>]{1,2000})>")
_HINT = re.compile(rb"=\?([^?\s]{1,80})\?[bBqQ]\?")
_CONTROL = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000)))


def header_values(found: list[tuple[str, bytes]], hint: str) -> dict[str, tuple[str, ...]]:
    """All fields by lower-case name: unfolded, undecoded, white space collapsed, controls out (libraries.md P5)."""
    values: dict[str, tuple[str, ...]] = {}
    for name, octets in found:
        text = " ".join(decode_header(octets[:VALUE_LIMIT], hint).split())
        if not text.isprintable():
            text = text.translate(_CONTROL)
        values[name] = (*values.get(name, ()), text)
    return values


def unfold(text: str) -> str:
    """A folded value as one line (RFC 5322 2.2.3); controls stay, for the strict readers to refuse."""
    return text.replace("\r\n", "").replace("\n", "").strip(" \t\r")


def from_wire(text: str) -> str:
    """Text that the parser holds as ASCII with escaped 8-bit octets, with those octets decoded."""
    return decode_header(text.encode("ascii", "surrogateescape"))


def declared_hint(found: list[tuple[str, bytes]]) -> str:
    """The codec that the subject's first encoded word names: the best guess for what is left undeclared."""
    subject = next((value for name, value in found if name == "subject"), b"")
    word = _HINT.search(subject[:VALUE_LIMIT])
    return (codec_of(word[1].decode("ascii", "replace")) or "") if word else ""


def message_id_of(value: str) -> str:
    """The Message-ID with its angle brackets; "" where it is missing, over 998 characters or not ASCII (I8: the key is
    a hash then).
    """
    ids = ids_of(value)
    if ids:
        return ids[0]
    bare = value.strip("<> ")
    return f"<{bare}>" if bare and " " not in bare and bare.isascii() and len(bare) <= _ID_LIMIT else ""


def ids_of(value: str) -> tuple[str, ...]:
    """The `<id>`s of In-Reply-To or References in order, without folds; the newest where there are too many."""
    found = ("<" + "".join(match[1].split()) + ">" for match in _ID.finditer(value))
    return tuple(id_ for id_ in found if 2 < len(id_) <= _ID_LIMIT and id_.isascii())[-_ID_COUNT:]


def date_of(value: str) -> datetime | None:
    """The Date field in UTC; it is the sender's claim, shown and never a clock (trust.md T4)."""
    try:
        date = parsedate_to_datetime(value[:_DATE_LIMIT])
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
