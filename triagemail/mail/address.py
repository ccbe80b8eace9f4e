"""Addresses: one strict reading used everywhere (trust.md A4, A6, A7, C4, C9, U8). Linear, no recursion, never
raises.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from triagemail.mail.charset import decode_words
from triagemail.mail.headers import clean_header

ADDRESS_LIMIT = 254  # RFC 5321 4.5.3.1.3, less the angle brackets of the path
LOCAL_LIMIT = 64  # RFC 5321 4.5.3.1.1
LIST_LIMIT = 200  # addresses read from one mail (trust.md C3)
_FROM_LIMIT = 2000  # longer than any From that a person's mail program writes
_NAME_LIMIT = 100
_COMMENT_DEPTH = 10
_REST_LIMIT = 50_000

_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"  # RFC 5322 3.2.3
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"({_ATEXT}(?:\.{_ATEXT})*)@({_LABEL}(?:\.{_LABEL})*)\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SPECIAL = re.compile(r'["(<>,;:]')  # where the meaning of an address list changes
_UNQUOTED = re.compile(r"[\[\]\\)]")  # of RFC 5322's specials, those that readers of mail take differently
_SEPARATORS = ",;:"
_BETWEEN = re.compile(r"[\s,;:<>()\"]+")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An identity: `address` is normalised (ASCII, lower case, A-labels), `name` is cleaned, for show only."""

    address: str
    name: str


def normalise(text: str) -> str | None:
    """The one key of an address, or None where `text` is not exactly one addr-spec (RFC 5322 3.4.1).

    ASCII only: a non-ASCII look-alike is refused, not folded (trust.md A6), and lower-casing touches ASCII letters
    only. A quoted local part counts when it would not have needed its quotes; domain literals do not. `+detail` is kept
    (U8).
    """
    text = text.strip(" \t")
    if len(text) > ADDRESS_LIMIT or not text.isascii():
        return None
    if text.startswith('"'):
        local, _, domain = text[1:].rpartition('"@')
        text = f"{local}@{domain}"
    found = _ADDRESS.match(text)
    if not found:
        return None
    local, domain = found[1], found[2]
    if len(local) > LOCAL_LIMIT or "=?" in local or domain.rpartition(".")[2].isdigit():
        return None
    return f"{local}@{domain}".lower()


def read_from(values: Sequence[str]) -> Mailbox | None:
    """The author of a mail from its raw From values; None means bad-from (trust.md A4, C4, C9).

    `values` holds the unfolded, undecoded value of every From field. Believed is only what every reader of mail reads
    alike: one field with one mailbox. Two fields, two addresses, group syntax, text after `>`, an unquoted display name
    that is itself another address, controls or open quotes are refused, because the checker of DMARC may have judged
    the other reading (M4).
    """
    if len(values) != 1 or len(values[0]) > _FROM_LIMIT or _CONTROL.search(values[0]):
        return None
    items, rest = _split(values[0])
    if rest or len(items) != 1 or items[0].ended:
        return None
    item = items[0]
    if item.angle is None:
        address = normalise(item.bare)
        return Mailbox(address, _display(item.comment, address)) if address else None
    address = normalise(item.angle)
    if address is None or _UNQUOTED.search(item.loose) or ("@" in item.loose and normalise(item.bare) != address):
        return None
    return Mailbox(address, _display(item.name, address))


def read_list(values: Sequence[str], limit: int = LIST_LIMIT) -> tuple[str, ...]:
    """The normalised addresses of To, Cc and the like, in order, each once; what is no address is left out (trust.md
    C3).

    Lenient where `read_from` is strict: after a fault in the grammar whatever looks like an address counts, since a
    recipient proves nothing by itself (tokens carry a MAC).
    """
    found: dict[str, None] = {}
    for value in values:
        items, rest = _split(value, limit * 2)
        texts = [item.bare if item.angle is None else item.angle for item in items]
        for text in texts + _BETWEEN.split(rest[:_REST_LIMIT]):
            address = normalise(text)
            if address and len(found) < limit:
                found[address] = None
    return tuple(found)


def split_detail(address: str) -> tuple[str, str]:
    """`issues+subscribe@acme.example` as ("issues@acme.example", "subscribe") (RFC 5233); no detail is ""."""
    local, at, domain = address.rpartition("@")
    user, _, detail = local.partition("+")
    return (f"{user}{at}{domain}", detail) if user else (address, "")


def _display(name: str, address: str) -> str:
    """The decoded, cleaned display name; "" when it shows another address than the true one (trust.md X6)."""
    shown = clean_header(decode_words(name), _NAME_LIMIT).strip("\"' ")
    return "" if "@" in shown else shown


@dataclass(slots=True)
class _Item:
    """One element of an address list while it is read: `loose` is the unquoted text, `bare` all text but comments."""

    loose: str = ""
    bare: str = ""
    name: str = ""
    comment: str = ""
    angle: str | None = None
    ended: str = ""  # the separator that ended it


def _split(value: str, limit: int = 4) -> tuple[list[_Item], str]:
    """The elements of an address list (RFC 5322 3.4), at most `limit`, and the text left from the first fault in its
    grammar.

    `;` and `:` end an element too, so a group gives its name as an element of its own, which is no address.
    """
    items = [_Item()]
    at = 0
    while at < len(value) and len(items) <= limit:
        found = _SPECIAL.search(value, at)
        stop = found.start() if found else len(value)
        if not _text(items[-1], value[at:stop]):
            return items, value[at:]
        after = _special(items, value, stop) if found else stop
        if after < 0:
            return items, value[at:]
        at = after
    if len(items) > 1 and not items[-1].bare.strip() and items[-1].angle is None:
        items.pop()
    return items, ""


def _text(item: _Item, text: str) -> bool:
    """Take plain text into `item`; False when it is too long or stands after the angle bracket."""
    if (item.angle is not None and text.strip()) or len(item.bare) > _FROM_LIMIT:
        return False
    item.loose += text
    item.bare += text
    item.name += text
    return True


def _special(items: list[_Item], value: str, at: int) -> int:
    """Take the quoted string, comment, address or separator at `at`; the position after it, -1 if malformed."""
    sign, item = value[at], items[-1]
    if sign in _SEPARATORS:
        item.ended = sign
        items.append(_Item())
        return at + 1
    if sign == ">" or (item.angle is not None and sign != "("):
        return -1
    if sign == "(":
        end = _comment_end(value, at)
        item.comment = value[at + 1 : end - 1] if end > 0 else ""
        item.bare += " "  # RFC 5322 3.2.2: a comment is white space, so it joins no two words
        return end
    if sign == "<":
        end = value.find(">", at)
        item.angle = value[at + 1 : end]
        return end + 1 if end > 0 and "<" not in item.angle else -1
    end = _quote_end(value, at)
    item.bare += value[at:end]
    item.name += re.sub(r"\\(.)", r"\1", value[at + 1 : end - 1]) if end > 0 else ""
    return end


def _quote_end(value: str, at: int) -> int:
    """The position after the quoted string that starts at `at`, or -1 (RFC 5322 3.2.4)."""
    at += 1
    while at < len(value):
        if value[at] == "\\":
            at += 2
            continue
        at += 1
        if value[at - 1] == '"':
            return at
    return -1


def _comment_end(value: str, at: int) -> int:
    """The position after the comment at `at`, or -1; nesting is counted, not recursed into (trust.md C4)."""
    depth = 0
    while at < len(value):
        sign = value[at]
        depth += (sign == "(") - (sign == ")")
        at += 2 if sign == "\\" else 1
        if depth == 0:
            return at
        if depth > _COMMENT_DEPTH:
            return -1
    return -1
