"""One line of a mail, read as a command or as prose (process.md 9: "How a command is told from prose").

Which lines of a mail count is said in commands.py, what each command then asks for in intended.py. Linear in the line
(trust.md C6): it is looked at once, in its first words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from triagemail.mail import shapes
from triagemail.mail.shapes import When
from triagemail.mail.words import Token, Words, by_line, fold, is_courtesy, longest, spaced, tokens
from triagemail.process.model import Priority

ASKS = frozenset(["status", "list", "help", "template", "process", "board", "backlog"])  # may be asked with `?`
LIST_ONLY = frozenset(["subscribe", "unsubscribe", "subscribe_to", "unsubscribe_from"])
PERSONAL = LIST_ONLY | {"digest", "pause", "resume", "duty", "away", "language"}  # of a person: no `#42` behind them
ALONE = ASKS | {
    "agree", "bug", "feature", "call", "rock", "paper", "scissors", "mine", "done", "subscribe", "unsubscribe",
    "digest", "resume", "duty", "undo",
}  # fmt: skip
FREE = frozenset(
    [
        "decline", "expected", "withdraw", "dispute", "not_me", "update", "correction", "headline", "resolve", "reopen",
        "band_aid", "remediate", "retry", "not_worth_it", "feedback",
    ]
)  # fmt: skip
WITH_REASON = frozenset(["decline", "withdraw", "reopen", "dispute", "not_me"])  # alone they are asked for a reason
WHY = frozenset(["feature"])  # alone, or with a `because`: whoever rules that it is one says why
WITH_PRIORITY = frozenset(["dispute", "remediate"])  # `remediate P2: …`
SHAPED = frozenset(
    ["priority", "owner", "next_update", "doc", "area", "duplicate", "same_as", "pause", "away", "language"]
)
SAME = frozenset(["duplicate", "same_as"])  # their `#12` is another issue
OPTIONAL = frozenset(["duty", "done"])  # alone, or with an argument of a shape
ON_ISSUE = (FREE | SHAPED | ALONE) - ASKS - PERSONAL - {"feedback", "undo"}
INCOMPLETE = (FREE | SHAPED) - WITH_REASON  # alone they are no command
SPANS = frozenset(["pause", "away"])
NO_HEADING = frozenset(["owner", "next_update", "doc"])  # `owner:` is a command cut short, `Area:` a heading

_LINE = 2000  # characters of a line in which a shaped argument is read
_OPENING = re.compile(r"[\s\u200b\u2060\ufeff]*[*_`\"'“‘]{0,2}(?=[^\W_])")  # HTML leaves invisible characters
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"[\s*_`\"'”’]*#\s?([0-9]{1,9})(?![^\W_])")
_HASH = re.compile(r"[\s*_`\"'”’]*#")
_COLON = re.compile(r"[\s*_`\"'”’]*[:：][*_`\"'”’]*")
_DASH = re.compile(r"\s*[-–—]+\s+(?=\S)")
_ENDS = " \t.!,;…。！*_`\"'”’\u200b\u2060\ufeff"
_IN_BRACKETS = re.compile(r"\s*\((.*)\)\s*")
_LAST_NUMBER = re.compile(r"\s#([0-9]{1,9})\s*\Z")


@dataclass(frozen=True, slots=True)
class Call:
    """One command line: its key, the issue it names, its argument by kind, and the start of its free text if it has
    any."""

    key: str
    number: int | None = None
    priority: Priority | None = None
    word: str = ""  # an address, a link or an area
    which: int | None = None  # the `2` of `done 2`, the `12` of `duplicate #12` and `subscribe #12`
    when: When | None = None
    said: str = ""
    free: bool = False
    bad: bool = False  # the argument does not have its shape


@by_line
def call(line: str, words: Words) -> Call | None:
    """The command that a line (composed) is, or None where it is prose."""
    opening = _OPENING.match(line)
    if not opening:
        return None
    first = _WORD.match(line, opening.end(), opening.end() + 40)
    word = fold(first[0]) if first else ""
    if word not in words.commands and word.rstrip("0123456789") not in words.priority:
        return None
    if first and first[0].casefold() in words.lookalikes:
        return None
    line = spaced(line)
    found = tokens(line, opening.end(), 120)
    if (hit := longest(found, words.commands)) is not None:
        key, end = hit[1], found[hit[0] - 1][2]
        tail = line[end:]
        number, tail, odd = _number(tail)
        if odd:
            return _odd(key) if len(tail[:_LINE].split()) <= 2 else None
        return _shaped(key, tail, number, words)
    return _priority(line, found, words)


def _number(tail: str) -> tuple[int | None, str, bool]:
    """`#42` after the word: (the number, what follows it, whether there is a `#` that has no number)."""
    if found := _NUMBER.match(tail):
        return int(found[1]), tail[found.end() :], False
    return None, tail, _HASH.match(tail) is not None


def _odd(key: str) -> Call:
    """A command whose argument has not its shape; where another form of it has none, the one with."""
    return Call({"subscribe": "subscribe_to", "unsubscribe": "unsubscribe_from"}.get(key, key), bad=True)


def _shaped(key: str, tail: str, number: int | None, words: Words) -> Call | None:
    """The command `key` with what follows its word and number on the line."""
    empty = not tail.strip(_ENDS)
    if key in LIST_ONLY:
        return _wish(key, tail, number, words)
    if key in SAME:
        return _same(key, tail, number, words)
    if key in FREE:
        return _free(key, tail, number, words)
    if key in ALONE and (empty or (key in ASKS and not tail.strip(_ENDS + "?"))):
        return _homed(Call(key, number))
    if key in WHY:
        because = _reason(tail, words)
        return None if because is None else Call(key, number, said=because, free=True)
    return _argued(key, tail, number, words) if key in SHAPED | OPTIONAL else None


# --- free text -------------------------------------------------------------------------------------------------------


def _free(key: str, tail: str, number: int | None, words: Words) -> Call | None:
    """A word with free text "needs its colon"; where a reason is asked for it may be left out, or start with its own
    word."""
    if colon := _COLON.match(tail):
        said = tail[colon.end() :].strip()
        found = Call(key, number, said=said, free=key != "headline" or not said)
        return _wanted(found, words) if key == "dispute" else found
    if key in WITH_PRIORITY and (graded := _graded(key, tail, number, words)):
        return graded
    if key not in WITH_REASON:
        return None
    if not tail.strip(_ENDS):
        return Call(key, number)
    after = _reason(tail, words)
    return None if after is None else Call(key, number, said=after, free=True)


def _reason(tail: str, words: Words) -> str | None:
    """What follows the `because` of `decline because it works as designed`; None without one."""
    found = tokens(tail)
    hit = longest(found, words.because)
    if hit is None or tail[: found[0][1]].strip(" \t,;:*_-–—"):
        return None
    return tail[found[hit[0] - 1][2] :].lstrip(" \t:,")


def _wanted(found: Call, words: Words) -> Call:
    """`dispute: P1, because …`: a priority in front of the reason is the one that is wanted."""
    before = _priority(found.said, tokens(found.said, 0, 120), words) if found.said else None
    if before is None or before.bad or before.number is not None:
        return found
    return replace(found, priority=before.priority, said=before.said)


def _graded(key: str, tail: str, number: int | None, words: Words) -> Call | None:
    """`remediate P2: restore the rows`, `dispute P1: why`: a priority between the word and its colon."""
    found = tokens(tail, 0, 40)
    digit, end = _digit(tail, found, words) if found and not tail[: found[0][1]].strip(" \t") else ("", 0)
    if not digit:
        return None
    later, rest, odd = _number(tail[end:])
    graded = Call(key, later if number is None else number, _priority_of(digit), bad=odd or digit not in "0123")
    colon, because = _COLON.match(rest), _reason(rest, words)
    if colon:
        return replace(graded, said=rest[colon.end() :].strip(), free=True)
    if rest.strip(_ENDS) and because is None:
        return None
    if key not in WITH_REASON:
        return replace(graded, bad=True)
    return replace(graded, said=because or "", free=because is not None)


# --- shaped arguments ------------------------------------------------------------------------------------------------


def _wish(key: str, tail: str, number: int | None, words: Words) -> Call | None:
    """`subscribe`, `subscribe P0`, `subscribe area:billing`, `subscribe #42`; `unsubscribe` has no priority."""
    if not tail.strip(_ENDS) or (number is not None and is_courtesy(tail, words)):
        return Call(key, which=number)
    wrong = _odd(key) if len(tail[:_LINE].split()) <= 4 else None
    tail = _impolite(tail, words)
    found = tokens(tail, 0, 120)
    if number is not None:
        return wrong
    if not found or tail[: found[0][1]].strip(" \t:"):
        return None
    digit, end = _digit(tail, found, words)
    if digit:
        fits = digit in "0123" and key == "subscribe" and not tail[end:].strip(_ENDS)
        return Call(key, priority=_priority_of(digit)) if fits else wrong
    hit = longest(found, words.commands)
    if hit is None or hit[1] != "area":
        return None
    word = shapes.area(tail[found[hit[0] - 1][2] :][:_LINE].lstrip(" \t:"))
    return Call(key, word=word) if word else wrong


def _same(key: str, tail: str, number: int | None, words: Words) -> Call | None:
    """`duplicate #12`, `same as #12`: the number is the other issue; this one is that of the reply."""
    if number is None and (colon := _COLON.match(tail)):
        number, tail, _ = _number(tail[colon.end() :])
    left = tokens(tail, 0, 120)
    if number is None:
        return Call(key, bad=True) if len(left) == 1 and left[0][0].isdigit() else None
    if not tail.strip(_ENDS) or is_courtesy(tail, words):
        return Call(key, which=number)
    return Call(key, bad=True) if len(left) == 1 and _HASH.match(tail) else None


def _argued(key: str, tail: str, number: int | None, words: Words) -> Call | None:
    colon = _COLON.match(tail)
    argument = (tail[colon.end() :] if colon else tail).strip()
    if not argument or len(argument) > _LINE or not (colon or tail[:1] in " \t"):
        return Call(key, number, bad=True) if colon and not argument and key in NO_HEADING else None
    if number is None and (last := _LAST_NUMBER.search(argument[-20:])):  # `owner sara@acme.example #42`
        number, argument = int(last[1]), argument[: argument.rindex("#")].rstrip()
    found = _argument(Call(key, number, said=_impolite(argument, words)), words)
    if found is not None and not (key in ("done", "language") and colon):  # `Language: German` is a heading
        return _homed(found)
    return Call(key, number, bad=True) if _meant(key, argument, words, colon=bool(colon)) else None


def _impolite(argument: str, words: Words) -> str:
    """An argument without the `please` behind it; what is nothing else stays."""
    found = tokens(argument, 0, _LINE)
    end = len(found)
    while end > 1 and found[end - 1][0] in words.polite:
        end -= 1
    return argument[: found[end][1]].rstrip(" \t,;.!-–—") if 0 < end < len(found) else argument


def _homed(found: Call) -> Call:
    """`digest #42` is no wish that anybody has."""
    return _odd(found.key) if found.key in PERSONAL and found.number is not None else found


def _argument(found: Call, words: Words) -> Call | None:
    """The call with the argument that it says, or None where that does not have its shape."""
    word: str | None = None
    match found.key:
        case "owner" | "duty":
            word = shapes.address(found.said)
        case "doc":
            word = shapes.doc(found.said)
        case "area":
            word = shapes.area(found.said)
        case "language":
            word = _language(found.said, words)
        case "done":
            which = shapes.count(found.said)
            return replace(found, which=which) if which else None
        case key:
            when = (shapes.until if key in SPANS else shapes.next_update)(found.said, words)
            return replace(found, when=when) if when else None
    return replace(found, word=word) if word else None


def _language(said: str, words: Words) -> str | None:
    """The folder of the language that the whole argument names."""
    found = tokens(said, 0, 40)
    hit = longest(found, words.languages)
    return hit[1] if hit is not None and hit[0] == len(found) else None


def _meant(key: str, argument: str, words: Words, *, colon: bool) -> bool:
    """True when a wrong argument was surely meant as one, so that it needs a clear answer and is no prose."""
    parts = argument.split()
    count = len(parts)
    match key:
        case "owner":
            return (colon and count <= 6) or count == 1 or (count <= 3 and "@" in parts[-1])
        case "duty":  # `duty calls`
            return count <= 3 and "@" in argument
        case "doc":
            return (colon and count <= 3) or count == 1
        case "area" | "language":
            return count == 1 and not (key == "language" and colon)
        case "done":
            return not colon and count == 1 and parts[0].strip(_ENDS).isdigit()
    found = [word for word, _, _ in tokens(argument)]
    if key in SPANS:
        return count <= 6 and _is_time(found, count, words)
    started = found[1:] if found and found[0] in words.times.into | words.times.at else found
    return count <= 5 and (colon or bool(started and started[0][0].isdigit()))


def _is_time(found: Sequence[str], count: int, words: Words) -> bool:
    """`until Monday`, `until 31 June`, `for 0 days`, `3 May`: a day or a length of time, though none that fits; not
    `until the server is up`, `for lunch`."""
    times = words.times
    if found and found[0] in times.until:
        return count <= 3 or (len(found) > 1 and (found[1][0].isdigit() or found[1] in times.months))
    first, second = (*(found[1:] if found and found[0] in times.during else found), "", "")[:2]
    if first in times.months:
        return second[:1].isdigit()
    return first[:1].isdigit() and (not second or second in times.units or second in times.months)


# --- priorities ------------------------------------------------------------------------------------------------------


def _digit(line: str, found: Sequence[Token], words: Words) -> tuple[str, int]:
    """The `2` of `P2`, `prio 2`, `priority 2` that the words start with, and where it ends; "" where they do not. It
    may be a priority that there is none of."""
    word, _, end = found[0]
    digit = word[-1:] if word[:-1] in words.priority else ""
    if word in words.priority and len(found) > 1 and line[end : found[1][1]].strip(" \t") == "":
        digit, end = found[1][0].removeprefix("p"), found[1][2]
    return (digit, end) if len(digit) == 1 and digit.isascii() and digit.isdigit() else ("", 0)


def _priority_of(digit: str) -> Priority | None:
    return Priority(int(digit)) if digit in "0123" else None


def _priority(line: str, found: Sequence[Token], words: Words) -> Call | None:
    """`P2 because …`, `P0`, `P1: reason`, `priority 2 because`; not `P1 is what I would say`, `P0 or P1`."""
    digit, end = _digit(line, found, words) if found else ("", 0)
    if not digit:
        return None
    number, tail, odd = _number(line[end:])
    heard = Call("priority", number, _priority_of(digit), bad=odd or digit not in "0123")
    because = _reason(tail, words)
    if because is not None:
        return replace(heard, said=because, free=True)
    if odd or digit not in "0123":
        return heard if odd and not tail.strip(_ENDS + "#") else None
    if not tail.strip(_ENDS) or is_courtesy(tail, words):
        return heard
    after = tokens(tail)
    mark = _COLON.match(tail) or _DASH.match(tail)
    held = _IN_BRACKETS.fullmatch(tail[:_LINE])
    reason = tail[mark.end() :] if mark else held[1] if held else ""
    another = after and (re.fullmatch("p[0-9]", after[0][0]) or (len(after) == 1 and after[0][0].isdigit()))
    return None if another or not reason.strip() else replace(heard, said=reason, free=True)
