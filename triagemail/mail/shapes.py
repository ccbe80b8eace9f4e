"""Arguments that must have their shape (process.md 9): `owner ADDRESS`, `doc URL`, `next update in 30 minutes`,
`away until 3 May`, `area billing`.

Every reader takes the text after the command and gives None where it has not the shape; what then follows, a clear
answer or that it was prose, is said in calls.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from triagemail.mail.address import normalise
from triagemail.mail.words import Words, fold, longest, plain, tokens

_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"]+@[^\s<>()\[\],;:\"]+")
_URL = re.compile(r"<?(https?://[^\s<>\"]+)>?(?:<[^\s<>]*>)?\s*\Z", re.IGNORECASE)
_AREA = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_AMOUNT = re.compile(r"([0-9]{1,4})(?:[.,]([0-9]))? ?([^\W\d_]*)[ ,]*")
_CLOCK = re.compile(r"([0-9]{1,2})(?:[:.h]([0-9]{2}))? ?([^\W\d_]*(?:'[^\W\d_]+)?)")
_ISO = re.compile(r"(20[0-9]{2})-([0-9]{2})-([0-9]{2})")
_DOTTED = re.compile(r"([0-9]{1,2})\. ?([0-9]{1,2})(?:\. ?((?:20)?[0-9]{2}))?")
_NAMED = re.compile(r"[^\W_]+(?:[ ,.-]+[^\W_]+)*")
_DAY = re.compile(r"([0-9]{1,2})([^\W\d_]*)")
_YEAR = re.compile(r"20[0-9]{2}")
_WORD = re.compile(r"[^\W_]+")
_EDGES = " \t.!,;…*_`\"'"
_TIME = 80  # characters
_FURTHEST = timedelta(days=7)
_LONGEST = timedelta(days=366)
_HOUR = 60
_LEAP = 2000  # a day without a year is looked up here: 29 February exists


@dataclass(frozen=True, slots=True)
class When:
    """A time as it was said: a length of time, or a time of day as (hour, minute), or a day as (month, day) with its
    year if that was named."""

    after: timedelta | None = None
    clock: tuple[int, int] | None = None
    day: tuple[int, int] | None = None
    year: int | None = None


def address(argument: str) -> str | None:
    """The one address in `sara@acme.example`, `Sara <sara@acme.example>`, `sara@… <mailto:sara@…>`, normalised."""
    argument = argument.strip(_EDGES)
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


def area(argument: str) -> str | None:
    """The key of an area, one word as it stands in the config, in lower case."""
    found = _AREA.fullmatch(argument.strip(_EDGES + "“”‘’"))
    return found[0].lower() if found else None


def count(argument: str) -> int | None:
    """The `2` of `done 2`."""
    digits = argument.strip(_EDGES)
    return int(digits) or None if re.fullmatch("[0-9]{1,2}", digits) else None


# --- times -----------------------------------------------------------------------------------------------------------


def next_update(argument: str, words: Words) -> When | None:
    """`in 30 minutes`, `in 1h30`, `30 min` as a length; `14:30`, `at 2:30pm` as a time of day."""
    text = _flat(argument)
    first, _, rest = text.partition(" ")
    into, at = first in words.times.into, first in words.times.at
    text = rest if into or at else text
    article, _, rest = text.partition(" ")
    text = rest if at and article in words.times.fillers else text  # `a las 14:30`
    if not at and (minutes := _minutes(text, words, into=into, most=_HOUR)):
        length = timedelta(minutes=minutes)
        return When(after=length) if length <= _FURTHEST else None
    clock = None if into else _clock(text, words, at=at)
    return When(clock=clock) if clock else None


def until(argument: str, words: Words) -> When | None:
    """`until 3 May`, `until 2027-05-03` as a day; `2 weeks`, `for 3 days` as a length, at least an hour."""
    text = _flat(argument)
    found = tokens(text)
    if hit := longest(found, words.times.until):
        return _day(text[found[hit[0] - 1][2] :].strip(), words)
    if hit := longest(found, words.times.during):
        text = text[found[hit[0] - 1][2] :].strip()
    length = timedelta(minutes=_minutes(text, words, into=False))
    return When(after=length) if timedelta(hours=1) <= length <= _LONGEST else None


def _flat(argument: str) -> str:
    """Folded, with single spaces; "" where it is longer than any time that a person writes."""
    text = " ".join(argument.split())
    return fold(text).strip(_EDGES) if len(text) <= _TIME else ""


def _minutes(text: str, words: Words, *, into: bool, most: int = 1_000_000) -> int:
    """A span of time in minutes, 0 where it is none: `30 minutes`, `2 hours`, `1h30`, `an hour`, `2 weeks`. A unit of
    more than `most` minutes is none."""
    if (span := words.times.spans.get(plain(text))) is not None:
        return span
    total, at, hours = 0.0, 0, False
    while at < len(text):
        found = _AMOUNT.match(text, at)
        unit = words.times.units.get(found[3], 0) if found else 0
        if not found or unit > most or not (unit or (hours and into and not found[3])):
            return 0
        total += float(f"{found[1]}.{found[2] or 0}") * (unit or 1)
        hours, at = unit == _HOUR, found.end()
        if (more := _WORD.match(text, at)) and more[0] in words.times.plus:
            at = more.end() + 1
    return int(total)


def _clock(text: str, words: Words, *, at: bool) -> tuple[int, int] | None:
    """A time of day: `14:30`, `2:30pm`, `2 pm`, after `at` also `14h30`. A zone is refused: the list has its own."""
    found = _CLOCK.fullmatch(text.replace(".m", "m"))
    if not found or (found[2] and text[len(found[1])] == "h" and not at):
        return None  # `1h30` may be a span
    hour, minute, after = int(found[1]), int(found[2] or 0), plain(found[3])
    if after in words.times.am | words.times.pm:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if after in words.times.pm else 0)
    elif (after and after not in words.times.clock) or (found[2] is None and after not in words.times.clock):
        return None
    return (hour, minute) if hour < 24 and minute < 60 else None


def _day(text: str, words: Words) -> When | None:
    """`3 May`, `May 3rd, 2027`, `2027-05-03`, `03.05.2027`, `3.5.`; not `03/05/2027`, which is one day here and another
    there, and no day that the calendar has not."""
    if found := _ISO.fullmatch(text):
        year, month, day = found[1], int(found[2]), int(found[3])
    elif found := _DOTTED.fullmatch(text):
        day, month, year = int(found[1]), int(found[2]), found[3] or ""
    elif named := _named(text, words):
        day, month, year = named
    else:
        return None
    named_year = int(year) % 100 + 2000 if year else None
    try:
        date(named_year or _LEAP, month, day)
    except ValueError:
        return None
    return When(day=(month, day), year=named_year)


def _named(text: str, words: Words) -> tuple[int, int, str] | None:
    """(day, month, year or "") of a day that is written with the name of its month."""
    if not _NAMED.fullmatch(text):
        return None
    parts = [part for part in _WORD.findall(text) if part not in words.times.fillers]
    if len(parts) not in (2, 3):
        return None
    day, month = parts[:2] if parts[0][0].isdigit() else (parts[1], parts[0])
    found, year = _DAY.fullmatch(day), parts[2] if len(parts) == 3 else ""
    if not found or found[2] not in ("", *words.times.ordinals) or month not in words.times.months:
        return None
    return (int(found[1]), words.times.months[month], year) if not year or _YEAR.fullmatch(year) else None
