"""Commands in a mail, and how they are told from prose (process.md 9).

Text in, intents out: who may do what, and what it leads to, is decided elsewhere. Linear in the text (trust.md C6): a
line is looked at once, in its first words; free text runs to the next command without being looked at again.

A bullet before a command makes it prose: `- agree` is how our own mails list the answers that one tap gives, so a
quote that lost its mark would otherwise run them all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypedDict

from triagemail.mail import shapes
from triagemail.mail.headers import clean_header
from triagemail.mail.quoting import Kind, Line
from triagemail.mail.words import (
    LINES,
    Token,
    Words,
    composed,
    fold,
    is_greeting,
    longest,
    nearest,
    read_subject,
    tokens,
    uncourteous,
)
from triagemail.process import intents as want
from triagemail.process.intents import Intent
from triagemail.process.model import Evidence, Priority

LIMIT = 10  # commands a mail (trust.md C10)

ALONE = frozenset(["agree", "mine", "subscribe", "unsubscribe", "status", "list", "help", "template", "process"])
ASKS = frozenset(["status", "list", "help", "template", "process"])  # they change nothing, and may be asked with `?`
FREE = frozenset(["decline", "withdraw", "update", "correction", "headline", "resolve", "reopen"])
WITH_REASON = frozenset(["decline", "withdraw", "reopen"])  # alone on a line they count too, and are asked for a reason
SHAPED = frozenset(["priority", "owner", "next_update", "doc"])
ON_ISSUE = FREE | SHAPED | {"agree", "mine"}
INCOMPLETE = (FREE | SHAPED) - WITH_REASON  # alone they are no command
LIST_ONLY = frozenset(["subscribe", "unsubscribe"])
POLITE = LIST_ONLY | {"agree", "mine", "status", "list"}  # `subscribe me please` is nearly one

_LINE = 2000  # characters of a line in which a shaped argument is read
_OPENING = re.compile(r"[\s\u200b\u2060\ufeff]*[*_`\"'“‘]{0,2}(?=[^\W_])")  # HTML leaves invisible characters
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"[\s*_`\"'”’]*#\s?([0-9]{1,9})(?![^\W_])")
_HASH = re.compile(r"[\s*_`\"'”’]*#")
_COLON = re.compile(r"[\s*_`\"'”’]*[:：][*_`\"'”’]*")
_DASH = re.compile(r"\s*[-–—]+\s+(?=\S)")
_ENDS = " \t.!,;…。！*_`\"'”’\u00a0\u200b\u2060\ufeff"
_IN_BRACKETS = re.compile(r"\s*\((.*)\)\s*")
_LAST_NUMBER = re.compile(r"\s#([0-9]{1,9})\s*\Z")
_SCOPE = re.compile(r"\s+(?:#[0-9]+|p[0-3]|area:\S+)\s*\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a mail commands. `comment` is the text that is no command ("never lost").

    `near_miss` is the form that was probably meant when the whole new text is a mistyped command; `comment` then holds
    that text. `too_many` is the number of commands in a mail with more than `LIMIT`: it has no intents, and all of its
    text is the comment. A shaped argument that does not have its shape stands among the intents as a NearMiss.
    """

    intents: tuple[Intent, ...]
    comment: str
    near_miss: str
    too_many: int = 0


Value = Priority | str | timedelta | tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class _Call:
    """One command line: its key, the issue it names, its argument, and the start of its free text if it has any."""

    key: str
    number: int | None = None
    value: Value = None
    said: str = ""
    free: bool = False
    bad: bool = False  # the argument does not have its shape


@dataclass(slots=True)
class _Heard:
    """A command with its free text, while lines are read."""

    call: _Call
    line: str
    text: list[str] = field(default_factory=list)


class _Who(TypedDict):
    by: str
    evidence: Evidence
    issue: int | None
    mail: int | None


def read(
    lines: Sequence[Line],
    subject: str,
    *,
    by: str,
    evidence: Evidence,
    issue: int | None,
    mail: int | None,
    words: Words,
    fresh: bool,
) -> Reading:
    """The commands in a mail's new text and subject; never raises.

    `lines` is the mail's text as quoting.py splits it, `issue` the one that the mail replies to, `fresh` whether it is
    no reply to a mail of ours. In a fresh mail a command about an issue needs `#42` after its word, or to stand before
    all prose: a report may well have a line `Update: …` or `P1`.
    """
    heard, prose = _heard(lines, words, homeless=fresh and issue is None)
    new = [line.text for line in lines if line.kind is Kind.NEW]
    said = "\n".join(uncourteous(prose, words)).strip()
    if fresh and (call := _in_subject(subject, said, words)):
        heard.insert(0, _Heard(call, clean_header(subject)))
    if not heard:
        whole = "\n".join(new).strip()
        return Reading((), whole, _near_miss(uncourteous(new, words), subject, words, fresh=fresh))
    if len(heard) > LIMIT:
        return Reading((), "\n".join(new).strip(), "", too_many=len(heard))
    intents: dict[Intent, None] = {}
    for each in heard:
        number = issue if each.call.number is None else each.call.number
        who = _Who(by=by, evidence=evidence, issue=number, mail=mail)
        free = "\n".join(uncourteous([each.call.said, *each.text], words, greeting=False)) if each.call.free else ""
        intents[_intent(each, free.strip() or each.call.said.strip(), who, words)] = None
    return Reading(tuple(intents), said, "")


def _heard(lines: Sequence[Line], words: Words, *, homeless: bool) -> tuple[list[_Heard], list[str]]:
    """The commands of the new text, and its lines that belong to none.

    Free text "runs to the next command line or the end of the new text"; a quote, a signature or a forwarded block
    ends it too, so that what stands below them is never broadcast by mistake.
    """
    heard: list[_Heard] = []
    prose: list[str] = []
    open_: _Heard | None = None
    spoken = False
    for line in lines[:LINES]:
        if line.kind is not Kind.NEW:
            open_ = None if line.text.strip() else open_
            continue
        call = _call(composed(line.text), words)
        if call and not (homeless and _is_prose(call, spoken=spoken)):
            heard.append(_Heard(call, line.text.strip()))
            open_ = heard[-1] if call.free else None
        elif open_:
            open_.text.append(line.text)
            if open_.call.key == "headline" and line.text.strip():  # which is one line
                open_ = None
        else:
            prose.append(line.text)
            spoken = spoken or (bool(line.text.strip()) and not is_greeting(line.text, words))
    prose.append("\n".join(line.text for line in lines[LINES:] if line.kind is Kind.NEW))
    return heard, prose


def _is_prose(call: _Call, *, spoken: bool) -> bool:
    """In a fresh mail without `#42` a lone `P1` is the report's own, and a wrong shape or a late command is prose."""
    if call.number is not None or call.key in LIST_ONLY or (call.key not in ON_ISSUE and not call.bad):
        return False
    return spoken or call.bad or call.key == "priority"


# --- one line --------------------------------------------------------------------------------------------------------


def _call(line: str, words: Words) -> _Call | None:
    """The command that a line is, or None where it is prose."""
    opening = _OPENING.match(line)
    if not opening:
        return None
    first = _WORD.match(line, opening.end(), opening.end() + 40)
    word = fold(first[0]) if first else ""
    if word not in words.commands and word.rstrip("0123456789") not in words.priority:
        return None
    found = tokens(line, opening.end(), 120)
    if (hit := longest(found, words.commands)) is not None:
        key, end = hit[1], found[hit[0] - 1][2]
        tail = line[end:]
        number, tail, odd = _number(tail)
        if odd:
            return _Call(key, bad=True) if len(tail[:_LINE].split()) <= 2 else None
        return _shaped(key, tail, number, words)
    return _priority(line, found, words)


def _number(tail: str) -> tuple[int | None, str, bool]:
    """`#42` after the word: (the number, what follows it, whether there is a `#` that has no number)."""
    if found := _NUMBER.match(tail):
        return int(found[1]), tail[found.end() :], False
    return None, tail, _HASH.match(tail) is not None


def _shaped(key: str, tail: str, number: int | None, words: Words) -> _Call | None:
    """The command `key` with what follows its word and number on the line."""
    empty = not tail.strip(_ENDS)
    if key in ALONE:
        if empty or (key in ASKS and not tail.strip(_ENDS + "?")):
            return _Call(key, number, bad=key in LIST_ONLY and number is not None)
        return _Call(key, bad=True) if key in LIST_ONLY and _SCOPE.match(tail) else None
    colon = _COLON.match(tail)
    if key in FREE:
        if colon:
            said = tail[colon.end() :].strip()
            return _Call(key, number, said=said, free=key != "headline" or not said)
        if empty:
            return _Call(key, number) if key in WITH_REASON else None
        return _reasoned(key, tail, number, words) if key in WITH_REASON else None
    argument = (tail[colon.end() :] if colon else tail).strip()
    if not argument or len(argument) > _LINE or not (colon or tail[:1] in " \t"):
        return _Call(key, number, bad=True) if colon and not argument else None
    if number is None and (last := _LAST_NUMBER.search(argument[-20:])):  # `owner sara@acme.example #42`
        number, argument = int(last[1]), argument[: argument.rindex("#")].rstrip()
    value = _value(key, argument, words)
    if value is not None:
        return _Call(key, number, value, said=argument)
    return _Call(key, number, bad=True) if _meant(key, argument, words, colon=bool(colon)) else None


def _value(key: str, argument: str, words: Words) -> Value:
    match key:
        case "owner":
            return shapes.owner(argument)
        case "doc":
            return shapes.doc(argument)
        case _:
            return shapes.next_update(argument, words)


def _reasoned(key: str, tail: str, number: int | None, words: Words) -> _Call | None:
    """`decline because it works as designed`."""
    found = tokens(tail)
    hit = longest(found, words.because)
    if hit is None or tail[: found[0][1]].strip(" \t,*_-–—"):
        return None
    return _Call(key, number, said=tail[found[hit[0] - 1][2] :].lstrip(" \t:,"), free=True)


def _meant(key: str, argument: str, words: Words, *, colon: bool) -> bool:
    """True when a wrong argument was surely meant as one, so that it needs a clear answer and is no prose."""
    count = len(argument.split())
    if key == "owner":
        return (colon and count <= 6) or count == 1 or (count <= 3 and "@" in argument.split()[-1])
    if key == "doc":
        return (colon and count <= 3) or count == 1
    found = [word for word, _, _ in tokens(argument)]
    started = found[1:] if found and found[0] in words.into | words.at else found
    return count <= 5 and (colon or bool(started and started[0][0].isdigit()))


def _priority(line: str, found: Sequence[Token], words: Words) -> _Call | None:
    """`P2 because …`, `P0`, `P1: reason`, `priority 2 because`; not `P1 is what I would say`, `P0 or P1`."""
    word, _, end = found[0]
    digit = word[-1:] if word[:-1] in words.priority else ""
    if word in words.priority and len(found) > 1 and line[end : found[1][1]].strip(" \t") == "":
        digit, end = found[1][0].removeprefix("p"), found[1][2]
    if not (len(digit) == 1 and digit.isascii() and digit.isdigit()):
        return None
    number, tail, odd = _number(line[end:])
    call = _Call("priority", number, Priority(int(digit)) if digit in "0123" else None, bad=odd or digit not in "0123")
    after = tokens(tail)
    hit = longest(after, words.because)
    if hit and not tail[: after[0][1]].strip(" \t,;:*_-–—"):
        return _with_reason(call, tail[after[hit[0] - 1][2] :].lstrip(" \t:,"))
    if odd or digit not in "0123":
        return call if odd and not tail.strip(_ENDS + "#") else None
    if not tail.strip(_ENDS) or (after and all(word in words.polite for word, _, _ in after)):
        return call
    mark = _COLON.match(tail) or _DASH.match(tail)
    held = _IN_BRACKETS.fullmatch(tail[:_LINE])
    reason = tail[mark.end() :] if mark else held[1] if held else ""
    another = after and (re.fullmatch("p[0-9]", after[0][0]) or (len(after) == 1 and after[0][0].isdigit()))
    return None if another or not reason.strip() else _with_reason(call, reason)


def _with_reason(call: _Call, reason: str) -> _Call:
    return _Call(call.key, call.number, call.value, reason, free=True, bad=call.bad)


# --- the intents -----------------------------------------------------------------------------------------------------


def _intent(heard: _Heard, text: str, who: _Who, words: Words) -> Intent:
    call = heard.call
    if call.bad or (call.key == "headline" and not text):
        return want.NearMiss(**who, said=clean_header(heard.line), meant=words.examples[call.key])
    match call.value:
        case Priority() as priority:
            return want.SetPriority(**who, priority=priority, reason=text)
        case timedelta() as after:
            return want.SetNextUpdate(**who, after=after, said=clean_header(call.said))
        case (int(), int()) as clock:
            return want.SetNextUpdate(**who, clock=clock, said=clean_header(call.said))
        case str() as argument:
            return want.SetDoc(**who, url=argument) if call.key == "doc" else want.NameOwner(**who, owner=argument)
        case _:
            return _by_word(call.key, text, who)


def _by_word(key: str, text: str, who: _Who) -> Intent:
    """One case per word of process.md 3, 5, 6 and 9."""
    match key:
        case "agree":
            return want.Agree(**who)
        case "mine":
            return want.TakeOwnership(**who)
        case "decline":
            return want.Decline(**who, reason=text)
        case "withdraw":
            return want.Withdraw(**who, reason=text)
        case "update" | "correction":
            return want.SendUpdate(**who, text=text, correction=key == "correction")
        case "headline":
            return want.SetHeadline(**who, headline=clean_header(text))
        case "resolve":
            return want.Resolve(**who, text=text)
        case "reopen":
            return want.Reopen(**who, reason=text)
        case "subscribe":
            return want.Subscribe(**who)
        case "unsubscribe":
            return want.Unsubscribe(**who)
        case _:
            return want.Ask(**who, what=key)


# --- the subject, and near-misses ------------------------------------------------------------------------------------


def _in_subject(subject: str, said: str, words: Words) -> _Call | None:
    """A word that is "alone in the subject". `help` with a text is somebody who needs help, not the help page."""
    head = read_subject(subject, words)
    if head.replied or head.forwarded or head.own:
        return None
    call = _call(head.text[:200], words)
    if not call or call.key not in ALONE or call.bad:
        return None
    needs_alone = call.key in words.nothing or (call.key in ON_ISSUE and call.number is None)
    return None if said and needs_alone else call


def _near_miss(new: Sequence[str], subject: str, words: Words, *, fresh: bool) -> str:
    """The form that was meant when the whole new text is one short line that is nearly a command, else "".

    A fresh mail whose subject says something is a report, however short its text; only leaving and joining are looked
    for in it.
    """
    head = read_subject(subject, words)
    speaks = any(word not in words.nothing for word, _, _ in tokens(head.text))
    told = fresh and speaks and not _meaning(head.text, words) and not _call(head.text, words)
    texts = [text for text in new if text.strip()]
    if not texts and fresh and not head.replied:
        texts = [head.text]
    key = _meaning(texts[0], words) if len(texts) == 1 else ""
    return words.examples[key] if key and (not told or key in LIST_ONLY) else ""


def _meaning(text: str, words: Words) -> str:
    """The key of the command that a text of at most three words nearly is."""
    if len(text) > 60 or "?" in text:
        return ""
    call = _call(composed(text), words)
    if call:
        return call.key if call.bad else ""
    found = [word for word, _, _ in tokens(composed(re.sub("#[0-9]*", " ", text)))]
    if not 0 < len(found) <= 3:
        return ""
    if len(found) == 1 and re.fullmatch("p[4-9]", found[0]):
        return "priority"
    bare = " ".join(word for word in found if word not in words.polite)
    key = nearest(bare, words)
    exact = words.near.get(bare) == key
    around = len(bare.split()) < len(found)
    if around:
        return key if key in POLITE else ""
    return key if not exact or key in INCOMPLETE else ""
