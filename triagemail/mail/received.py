"""Received fields: which of the lines at the top of a mail our own servers wrote (RFC 5321 4.4; trust.md 3.2).

Each server writes its line above what it was given, so the lines at the top are ours, down to the first Received of
somebody else; everything below that is what the sender wants us to believe. Linear, never raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from triagemail.mail.authres import LIMIT, Cursor, Odd

Lines = Sequence[tuple[str, str]]  # (lower-case name, unfolded value) from the top

_WORD = re.compile(r"[^\s();]+")
_LOGIN = re.compile(r"Authenticated sender: ([!-~]{1,254})\Z")  # Postfix, smtpd_sasl_authenticated_header
_CLIENT = re.compile(r"(?:[^\s\[\]]{1,255} )?\[(127\.[0-9.]{1,11}|(?:IPv6:)?::1)\](?::[0-9]{1,5})?\Z")


@dataclass(frozen=True, slots=True)
class Hop:
    """One Received field: who took the mail (`by`, lower case, "" where that cannot be told), how it came, and the
    login of who handed it in, if the server says so."""

    by: str = ""
    protocol: str = ""
    login: str = ""
    inside: bool = False  # handed on within one of our own hosts


def read(value: str) -> Hop:
    """`[from NAME (what the server saw)] by NAME (…) … with PROTOCOL …; date`. Any other order is nobody's."""
    if len(value) > LIMIT:
        return Hop()
    return _read(value)


@lru_cache(maxsize=64)  # each is asked for its login and for its host
def _read(value: str) -> Hop:
    try:
        return _hop(Cursor(value))
    except Odd:
        return Hop()


def _hop(cursor: Cursor) -> Hop:
    cursor.space()
    word = cursor.take(_WORD, "word").lower()
    seen: tuple[str, ...] = ()
    if word == "from":
        cursor.space()
        cursor.take(_WORD, "name")  # what the client calls itself: anything
        seen = cursor.space()
        word = cursor.take(_WORD, "word").lower()
    if word != "by":
        return Hop()
    cursor.space()
    by = cursor.take(_WORD, "name").lower().rstrip(".")
    protocol = _protocol(cursor)
    login = _LOGIN.match(seen[-1]) if seen else None  # the last comment: the ones before it repeat the client's words
    inside = protocol.startswith("lmtp") or bool(seen and _CLIENT.match(seen[0]))
    return Hop(by, protocol, login[1] if login else "", inside)


def _protocol(cursor: Cursor) -> str:
    """The word after `with`, among the clauses up to the `;`."""
    cursor.space()
    while not cursor.over and not cursor.text.startswith(";", cursor.at):
        word = cursor.take(_WORD, "word").lower()
        cursor.space()
        if word == "with" and not cursor.over and not cursor.text.startswith(";", cursor.at):
            return cursor.take(_WORD, "protocol").lower()
    return ""


def is_ours(host: str, hosts: Sequence[str]) -> bool:
    """Whether `host` is one of `hosts`: a name, `.acme.example` for all names below it, or the beginning of an IPv6
    address with its last colon (`2002:`)."""
    return bool(host) and any(
        host.endswith(one) if one.startswith(".") else host.startswith(one) if one.endswith(":") else host == one
        for one in hosts
    )


def zone(lines: Lines, hosts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The trusted zone: the lines above the first Received that is not by one of `hosts`."""
    for name, value in lines:
        if name == "received" and not is_ours(read(value).by, hosts):
            return
        yield name, value


def login(lines: Lines, hosts: Sequence[str]) -> str:
    """The login with which the mail was handed in at our own door; "" where it came from outside, or nobody says.

    The door is the topmost Received, below hops within our own host (LMTP, loopback): a client from outside makes
    neither. Nothing below it counts, whoever it claims to be by.
    """
    for name, value in lines:
        if name != "received":
            continue
        hop = read(value)
        if not is_ours(hop.by, hosts):
            return ""
        if hop.login or not hop.inside:
            return hop.login
    return ""
