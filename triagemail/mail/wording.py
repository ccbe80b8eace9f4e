"""Text as our mails show it: made harmless, cut, folded, times and lengths in words, one-tap answers.

`words` is always the table of `templates/LANGUAGE/mail/_layout.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from html import escape
from itertools import accumulate
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from triagemail.mail.languages import markers

ATTACHED = "@attached"  # the stored answer when only an attachment gives it (mail/report.py writes it)
WIDTH = 76  # of our own prose in the text part
_BREAKS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_ODD = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")
_UNIT = re.compile(  # a no-break space, before a colon in French, holds a line together
    r'(?:[^\n "]+ )?(?:"[^"\n]{1,70}"|P[0-3]\b)[^\n ]*|[^\n ]+'
)


def clean(text: str) -> str:
    """Text with LF as its only line end, without controls, lone surrogates and bidi overrides (trust.md X1)."""
    if text.replace("\n", " ").isprintable():  # nearly always: what is taken out or changed is not printable
        return str(text)
    return _ODD.sub("", _BREAKS.sub("\n", text))


def flat(text: object) -> str:
    """Text on one line."""
    return " ".join(clean(str(text)).split())


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, ended at a word where there is one in the last half, with `...` for the rest."""
    if len(text) <= limit:
        return text
    head = text[: limit - 3]
    at = max(head.rfind(" "), head.rfind("\n"))
    return (head[:at] if at > limit // 2 else head).rstrip(" \n,;:-") + "..."


def link(url: str) -> str:
    """A web or mail address for an href, "" for anything else: no script and no text gets there (trust.md X4)."""
    return url if re.fullmatch(r"(?:https?://|mailto:)[^\s\"'<>`\\\x00-\x20\x7f-\x9f]+", url) else ""


def folded(text: str, width: int = WIDTH - 2, guard: re.Pattern[str] | None = None) -> str:
    """Our own sentence in lines of at most `width` characters. A quoted command stays whole, and neither it nor a
    priority starts a line, nor does anything that `guard` matches: the word before it comes down to it."""
    units = _UNIT.findall(text)
    lines = _wrapped(units, width)
    for _ in range(_GLUED if guard is not None else 0):
        starts = zip(accumulate(map(len, lines)), lines[1:], strict=False)
        first = next((n for n, line in starts if guard and guard.match(" ".join(line))), 0)
        if not first:
            break
        units[first - 1 : first + 1] = [f"{units[first - 1]} {units[first]}"]
        lines = _wrapped(units, width)
    return "\n".join(map(" ".join, lines))


_GLUED = 20  # words of a sentence that are kept from starting a line


def _wrapped(units: Sequence[str], width: int) -> list[list[str]]:
    lines: list[list[str]] = [[]]
    size = 0
    for unit in units:
        if lines[-1] and size + len(unit) > width:
            lines.append([])
            size = 0
        lines[-1].append(unit)
        size += len(unit) + 1
    return lines


WITH_ANY_WORD = ("owner", "next_update", "doc", "area", "away", "pause", "language")
"""Commands whose argument may start with any word."""


def guard(reserved: Iterable[str], tables: Sequence[Mapping[str, Any]]) -> re.Pattern[str]:
    """Matches the start of each line that a reader of commands could take for one; linear in the text. `tables` are
    those of `templates/LANGUAGE/words.toml`, all of which are understood, `reserved` what is to be kept free beside
    them."""

    def all_of(table: str, *keys: str) -> list[str]:
        return [word for words in tables for key in keys or words[table] for word in words[table][key]]

    known = [*reserved, *all_of("report", "answer"), *all_of("reply"), *all_of("commands")]
    names = _either(known)
    numbers, because, into = (_either(all_of("shapes", key)) for key in ("priority", "because", "in"))
    area = _either(all_of("commands", "area"))
    shaped = rf"{_GAP}++(?:#?\d|P[0-3]\b|(?:{into}){_GAP}|(?:{area})(?::|{_GAP})|https?:|[^\s@]++@|(?:{because})\b)"
    alone = rf"(?:[\"”]|{_GAP}*+(?:#\d++{_GAP}*+)?(?::|[.!?;…]*+{_GAP}*+$|[-–—]++{_GAP}))"
    never = _either(all_of("commands", *WITH_ANY_WORD))
    command = rf"(?:{names})(?:{shaped}|{alone})|(?:{never}){_GAP}|(?:{numbers}){_GAP}*+[0-3]\b"
    return re.compile(rf"^(?=[ \t\"'*•–“-]*+(?:{command}))", re.MULTILINE | re.IGNORECASE)


_GAP = r"[^\S\n]"  # a space of any width


def _either(words: Iterable[str]) -> str:
    """A pattern for one of some wordings, the longest first. Those with one first letter stand together: at a line that
    starts with another letter, one look passes by all of them."""
    by_letter: dict[str, set[str]] = {}
    for word in words:
        by_letter.setdefault(word[0].lower(), set()).add(re.escape(word[1:]).replace(r"\ ", f"{_GAP}+"))
    longest = {letter: "|".join(sorted(rest, key=lambda w: (-len(w), w))) for letter, rest in by_letter.items()}
    return "|".join(f"{re.escape(letter)}(?:{rest})" for letter, rest in longest.items())


def faults(guard: re.Pattern[str], subject: str, text: str, html: str, body: str) -> Iterator[str]:
    """What a mail of ours must never be."""
    if not subject or not body:
        yield "an empty subject or body"
    if re.search(r"<(?:img|script|iframe|link|form)\b|url\(|@import", html, re.IGNORECASE):
        yield "something in the HTML part would be fetched or run"
    whole = body + "\n" + text.partition("\n-- \n")[2]
    if found := guard.search(whole):
        line = whole[found.start() :].split("\n", 1)[0]
        yield f"a line starts like a command, which a quote of it could run: {cut(line, 60)!r}"


def opening(words: Mapping[str, Any], body: str) -> str:
    """The paragraphs of a mail's text before its one-tap answers: a calendar shows them, and nobody answers from it."""
    return f"\n\n{body}".partition(f"\n\n{words['tap_text']}")[0].strip("\n")


# --- times and lengths ------------------------------------------------------------------------------------------------


def length(words: Mapping[str, Any], span: timedelta) -> str:
    """'30 minutes', '1 hour', '2 hours 30 minutes', '7 days'; never less than a minute."""
    left = max(1, round(span.total_seconds() / 60))
    if 60 < left < 120:
        return f"{left} {words['units']['minute'][1]}"
    parts = []
    for unit, size in (("day", 1440), ("hour", 60), ("minute", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {words['units'][unit][count != 1]}")
    return " ".join(parts[:2])


def every(words: Mapping[str, Any], span: timedelta | tuple[int, str]) -> str:
    """'every hour', 'every 30 minutes', 'every 2 months': of a length of time, or of so many of a unit."""
    if isinstance(span, timedelta):
        said = length(words, span)
        unit = next(name for name, (one, more) in words["units"].items() if said.split()[1] in (one, more))
        return str(words["every"][unit][not said.startswith("1 ") or said.count(" ") > 1]).format(said)
    count, unit = span
    return str(words["every"][unit][count != 1]).format(f"{count} {words['units'][unit][count != 1]}")


def day_and_time(words: Mapping[str, Any], moment: datetime, now: datetime, zone: ZoneInfo) -> tuple[str, str]:
    """('', '14:30 CET (13:30 UTC)') on the day of `now`, else ('Tuesday', …), beyond a week ('Tuesday 3 May', …):
    "every time shown with zone and UTC offset" (trust.md T3)."""
    local, today = moment.astimezone(zone), now.astimezone(zone).date()
    time = f"{local:%H:%M} {local.tzname()}"
    if local.utcoffset():
        time += f" ({moment.astimezone(UTC):%H:%M} UTC)"
    if local.date() == today:
        return "", time
    named = str(words["weekdays"][local.weekday()])
    if abs((local.date() - today).days) > 6:
        named = str(words["times"]["weekday"]).format(weekday=named, date=day(words, moment, zone))
        if local.year != today.year:
            named = str(words["times"]["year"]).format(day=named, year=local.year)
    return named, time


def day(words: Mapping[str, Any], moment: datetime, zone: ZoneInfo) -> str:
    """'23 November': a date whose year goes without saying."""
    local = moment.astimezone(zone)
    return str(words["times"]["date"]).format(day=local.day, month=words["months"][local.month - 1])


def weekdays(words: Mapping[str, Any], days: Iterable[int]) -> str:
    """'Monday to Friday', 'Monday, Wednesday and Friday', 'Saturday'; 0 is Monday."""
    numbers = sorted(days)
    names = [str(words["weekdays"][number]) for number in numbers]
    if len(names) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{names[0]} {words['through']} {names[-1]}"
    return listed(words, names)


def told(text: str) -> str:
    """What a mail of ours says, in whatever language, without the line to write above and without its signature."""
    body = text.partition("\n-- \n")[0]
    return next((body.removeprefix(m) for m in markers() if body.startswith(m)), body).strip("\n")


def listed(words: Mapping[str, Any], values: Iterable[object]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    items = [str(value) for value in values]
    return f" {words['and']} ".join((", ".join(items[:-1]), items[-1])) if len(items) > 1 else "".join(items)


def answer(words: Mapping[str, Any], text: str) -> str:
    """An answer as a person reads it: one that is only an attachment is said so in words."""
    return "\n".join(str(words["attached"]) if line == ATTACHED else line for line in clean(text).split("\n"))


# --- one-tap answers --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tap:
    """`shown` is the command as read, `body` what the answer's mail holds, `unfinished`: the person adds its end."""

    shown: str
    body: str
    label: str
    unfinished: bool


def taps(block: str) -> list[Tap]:
    """Lines `command` or `command -- what it means`; `…` at the end of a command stands for what the person adds."""
    return [tap for tap in map(_tap, block.split("\n")) if tap.shown]


@lru_cache(maxsize=512)  # the same in most mails, and in both parts of each
def _tap(line: str) -> Tap:
    shown, _, label = flat(line).partition(" -- ")
    return Tap(shown, shown.rstrip("…"), label, shown.endswith("…"))


percent = lru_cache(maxsize=256)(quote)  # the same commands, and of one mail the same address and subject


def mailto(address: str, subject: str, body: str) -> str:
    """A mailto URI; all but unreserved characters percent-encoded, line ends as %0D%0A (RFC 6068 2 and 5)."""
    return f"mailto:{percent(address, safe='@')}?subject={percent(subject, safe='')}&body={_encoded(body)}"


def _encoded(body: str) -> str:
    return percent(body.replace("\r\n", "\n").replace("\n", "\r\n"), safe="")


def text_taps(words: Mapping[str, Any], found: list[Tap]) -> str:
    """The answers in the text part: quoted and never first on their line, so that no quote of the mail can run one."""
    lines = [str(words["tap_text"]), *(f'- {tap.label}: "{tap.shown}"' for tap in found if tap.label)]
    row = str(words["tap_more"]) if len(lines) > 1 else lines.pop()
    short = [f'"{tap.shown}"' for tap in found if not tap.label]
    for place, item in enumerate(short):
        if place and len(row) + len(item) + 5 > WIDTH:
            lines.append(row)
            row = ""
        row += ("  |  " if place else "  ") + item
    return "\n".join([*lines, row] if short else lines)


TAP = "display:block;padding:11px 16px;border-radius:8px;text-decoration:none;"
FULL = TAP + "background:#1a56b0;border:1px solid #1a56b0;color:#ffffff"
OPEN = TAP + "background:#ffffff;border:1px solid #1a56b0;color:#1a56b0"  # a person finishes it, or may reword it
HINT = "margin:16px 0 8px;font-size:14px;color:#5b6472"
LIST = "margin:0 0 8px;padding:0;list-style:none"
PLACE = "margin:0 8px 10px 0"


def html_taps(words: Mapping[str, Any], found: list[Tap], address: str, subject: str) -> str:
    """The one-tap answers of the HTML part: real mailto links, big enough for a thumb. A list, since programs that turn
    it into text put a bullet there, and a line with a bullet is no command (commands.py)."""
    start = escape(mailto(address, subject if subject[:3].lower() == "re:" else f"Re: {subject}", ""))
    links = [start.join(_around(tap)) for tap in found]
    hint = f'<p class="quiet" style="{HINT}">{escape(words["tap_html"])}</p>\n'
    return f'{hint}<ul style="{LIST}">\n' + "\n".join(links) + "\n</ul>"


@lru_cache(maxsize=512)
def _around(tap: Tap) -> tuple[str, str]:
    """A link's HTML before and after the start of its address, which all links of a mail share."""
    label = f" &nbsp;{escape(tap.label)}" if tap.label else ""
    kind, style = ("open", OPEN) if tap.unfinished or ": " in tap.shown else ("full", FULL)
    place = PLACE if tap.label else f"display:inline-block;{PLACE}"
    end = f'{escape(_encoded(tap.body))}" style="{style}"><b>{escape(tap.shown)}</b>{label}</a></li>'
    return f'<li style="{place}"><a class="{kind}" href="', end
