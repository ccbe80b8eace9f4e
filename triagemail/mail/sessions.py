"""Who may look at the web page: signed words that name a person and a last minute, and no table of them (design.md 7).

They have the form of the tokens in addresses, with kinds of their own, so that neither is ever taken for the other:
w the way in (a link in a mail, for an hour), s the session that it opens (a cookie), f the feed (for programs that have
no cookie). Only the current key counts: `triagemail keys rotate` ends them all, and `triagemail board revoke` those of
one person that were signed until then.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from triagemail.mail.tokens import LONG, Keyring, Token

Kind = Literal["w", "s", "f"]

LASTS = {"w": timedelta(hours=1), "s": timedelta(days=30), "f": timedelta(days=90)}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)


def sign(keyring: Keyring, kind: Kind, person: int, now: datetime) -> str:
    """A word of lower-case letters, digits, dots and one hyphen, for a URL or a cookie."""
    ends = now + LASTS[kind]
    return keyring.detail(Token(kind, (ends - _EPOCH) // _MINUTE, person, (ends - _EPOCH).days), "")


class Session(NamedTuple):
    """The person whom a word names, and when it was signed (aware UTC, to the minute)."""

    person: int
    since: datetime


def read(keyring: Keyring, kind: Kind, word: str, now: datetime) -> Session | None:
    """What a word says; None when it is none, forged, of an old key, of another kind or over. Never raises."""
    token = keyring.read(word, (now - _EPOCH).days, kind)
    current = token is not None and word[:1] == keyring.current and word[-LONG - 1] == "-"
    if token is None or not current or token.number < (now - _EPOCH) // _MINUTE:
        return None
    return Session(token.person, _EPOCH + token.number * _MINUTE - LASTS[kind])
