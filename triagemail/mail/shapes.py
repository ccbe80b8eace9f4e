"""Arguments that must have their shape (process.md 9): `owner ADDRESS`, `doc URL`, `next update in 30 minutes`.

Every reader takes the text after the command and gives None where it has not the shape; what then follows, a clear
answer or that it was prose, is said in commands.py.
"""

from __future__ import annotations

import re
from datetime import timedelta

from triagemail.mail.address import normalise
from triagemail.mail.words import Words, fold, plain

_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"]+@[^\s<>()\[\],;:\"]+")
_URL = re.compile(r"<?(https?://[^\s<>\"]+)>?(?:<[^\s<>]*>)?\s*\Z", re.IGNORECASE)
_AMOUNT = re.compile(r"([0-9]{1,4})(?:[.,]([0-9]))? ?([^\W\d_]*)[ ,]*")
_CLOCK = re.compile(r"([0-9]{1,2})(?:[:.h]([0-9]{2}))? ?([^\W\d_]*(?:'[^\W\d_]+)?)")
_FURTHEST = timedelta(days=7)
_WORD = re.compile(r"[^\W_]+")


def owner(argument: str) -> str | None:
    """The one address in `sara@acme.example`, `Sara <sara@acme.example>`, `sara@… <mailto:sara@…>`, normalised."""
    argument = argument.strip(" \t.,;!*_`\"'")
    if len(argument) > 500:
        return None
    plainer = re.sub("mailto:", " ", argument, flags=re.IGNORECASE)
    addresses = {normalise(found.strip(".*_`'")) for found in _ADDRESS.findall(plainer)}
    if len(addresses) != 1:
        return None
    before, bracket, after = argument.partition("<") if "<" in argument else argument.partition("[")
    name = before if bracket else argument
    outside = after.rpartition(">" if "<" in argument else ")")[2] if bracket else ""
    loose = [word for word in name.split() if "@" not in word]
    if outside.strip(" \t.,;!") or (loose and (not bracket or len(loose) > 5)):
        return None
    return addresses.pop()


def doc(argument: str) -> str | None:
    """One link and nothing else; mail programs may add it again in angle brackets."""
    found = _URL.match(argument.rstrip(" \t.,;!"))
    return found[1].rstrip(".,;!*_`'") if found else None


def next_update(argument: str, words: Words) -> timedelta | tuple[int, int] | None:
    """`in 30 minutes`, `in 1h30`, `30 min` as a timedelta; `14:30`, `at 2:30pm` as (hour, minute)."""
    text = fold(argument[:80]).strip(" \t.!,;…*_`\"'")
    first, _, rest = text.partition(" ")
    into, at = first in words.into, first in words.at
    text = rest.strip() if into or at else text
    if not at and (minutes := _minutes(text, words, into=into)):
        length = timedelta(minutes=minutes)
        return length if length <= _FURTHEST else None
    return None if into else _clock(text, words, at=at)


def _minutes(text: str, words: Words, *, into: bool) -> int:
    """A span of time in minutes, 0 where it is none: `30 minutes`, `2 hours`, `1h30`, `an hour`."""
    if (span := words.spans.get(plain(text))) is not None:
        return span
    total, at, hours = 0.0, 0, False
    while at < len(text):
        found = _AMOUNT.match(text, at)
        if not found:
            return 0
        is_hours = found[3] in words.hours
        if not is_hours and found[3] not in words.minutes and not (hours and into and not found[3]):
            return 0
        total += float(f"{found[1]}.{found[2] or 0}") * (60 if is_hours else 1)
        hours, at = is_hours, found.end()
        if (more := _WORD.match(text, at)) and more[0] in words.plus:
            at = more.end() + 1
    return int(total)


def _clock(text: str, words: Words, *, at: bool) -> tuple[int, int] | None:
    """A time of day: `14:30`, `2:30pm`, `2 pm`, after `at` also `14h30`. A zone is refused: the list has its own."""
    found = _CLOCK.fullmatch(text.replace(".m", "m"))
    if not found or (found[2] and text[len(found[1])] == "h" and not at):
        return None  # `1h30` may be a span
    hour, minute, after = int(found[1]), int(found[2] or 0), plain(found[3])
    if after in words.am | words.pm:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if after in words.pm else 0)
    elif (after and after not in words.clock) or (found[2] is None and after not in words.clock):
        return None
    return (hour, minute) if hour < 24 and minute < 60 else None
