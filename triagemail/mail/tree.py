"""The MIME tree of a mail, from the skeleton that scan.py made. The only module that knows mail-parser.

A skeleton is short, and most mails of one mail program have the same: its tree is made once, and is a value.
"""

from __future__ import annotations

import email
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from functools import lru_cache
from typing import Any

import mailparser

from triagemail.mail.charset import decode_words
from triagemail.mail.fields import from_wire
from triagemail.mail.headers import clean_header
from triagemail.mail.scan import SPAN

_DEFECTS = {
    "NoBoundaryInMultipartDefect": "no-boundary",
    "StartBoundaryNotFoundDefect": "no-start-boundary",
    "InvalidMultipartContentTransferEncodingDefect": "encoded-multipart",
}
_PARAMETERS = ("charset", "delsp", "format", "method", "report-type")  # those of Content-Type that are read
_KEPT_SIZE = 2048  # octets of a skeleton whose tree is kept
_KEPT = 512

# mail-parser warns of every part that it has no use for, with words of the mail; a mail has one canonical log line
# elsewhere.
logging.getLogger("mailparser").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity of a mail (RFC 2045 2.4). `kind` is its media type in lower case, `number` its place in `Scan.parts`
    (-1 for one that the parser made up), `parameters` those of Content-Type that are read here, `name` its file name
    for show, `disposition` that of Content-Disposition, `content_id` whether it has one; `children` is None for a
    leaf."""

    kind: str = "text/plain"
    number: int = -1
    name: str = ""
    disposition: str = ""
    content_id: bool = False
    parameters: Mapping[str, str] | None = None
    children: tuple[Entity, ...] | None = None

    def parameter(self, name: str) -> str:
        """A parameter of Content-Type, RFC 2231 forms included, or ""."""
        return (self.parameters or {}).get(name, "")


def read(skeleton: bytes) -> tuple[Entity, tuple[str, ...]]:
    """The tree of a skeleton, and its defects: no-boundary, no-start-boundary, encoded-multipart, odd-mime."""
    return _kept(skeleton) if len(skeleton) <= _KEPT_SIZE else _read(skeleton)


class _Structure(mailparser.MailParser):  # type: ignore[misc]  # the library has no types
    """mail-parser for the tree and its defects alone: its dictionaries of all header values, made twice a mail, are a
    tenth of the time and read by nobody here."""

    def _make_mail(self, complete: bool = True) -> dict[str, object]:
        return {}


def _read(skeleton: bytes) -> tuple[Entity, tuple[str, ...]]:
    """By mail-parser; by the standard library where mail-parser raises (P1)."""
    try:
        parser = _Structure.from_bytes(skeleton)
        defects = tuple(name for category, name in _DEFECTS.items() if category in parser.defects_categories)
        tree = parser.message
    except Exception:  # what mail-parser raises on hostile MIME fields is not a closed list (libraries.md P1)
        defects = ("odd-mime",)
        tree = email.message_from_bytes(skeleton)
    return _entity(tree) if isinstance(tree, Message) else Entity(), defects


_kept = lru_cache(maxsize=_KEPT)(_read)


def _entity(part: Message) -> Entity:
    """As many frames deep as the scan lets a mail be (scan.DEPTH_LIMIT)."""
    payload = part.get_payload() if part.is_multipart() else None
    number = part[SPAN]
    return Entity(
        kind=(part.get_content_type().split() or ["text/plain"])[0],  # a parameter may follow without its semicolon
        number=int(number) if number is not None else -1,
        name=_name(part),
        disposition=part.get_content_disposition() or "",
        content_id=bool(part["Content-ID"]),
        parameters={name: value for name in _PARAMETERS if (value := _parameter(part, name))},
        children=None if payload is None else tuple(_entity(each) for each in payload if isinstance(each, Message)),
    )


def _name(part: Message) -> str:
    """The file name, decoded and cleaned for show; "" where there is none."""
    try:
        name = part.get_filename()
        if name and "\ufffd" in name:  # raw 8-bit octets, which the parser holds as escapes: read the fields decoded
            shown = Message()
            for field_name, value in part.raw_items():
                shown[field_name] = from_wire(value)
            name = shown.get_filename()
    except (UnicodeError, LookupError, ValueError, TypeError):
        return ""
    return clean_header(decode_words(name)) if name else ""


def _parameter(part: Message, name: str) -> str:
    try:
        value: Any = part.get_param(name)
        return clean_header(str(value[2] if isinstance(value, tuple) else value or ""))
    except (UnicodeError, LookupError, ValueError, TypeError):
        return ""
