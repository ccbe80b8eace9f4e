"""The commands of a mail: which of its lines count, and what is a near-miss (process.md 9).

Text in, intents out: a line is read in calls.py, what it asks for stands in intended.py. Linear in the text (trust.md
C6): a line is looked at once, in its first words; free text runs to the next command without being looked at again.

A bullet before a command makes it prose: `- agree` is how our own mails list the answers that one tap gives, so a
quote that lost its mark would otherwise run them all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from triagemail.mail.calls import ALONE, ASKS, FREE, INCOMPLETE, LIST_ONLY, ON_ISSUE, PERSONAL, SPANS, Call, call
from triagemail.mail.headers import clean_header
from triagemail.mail.intended import Who, intent
from triagemail.mail.quoting import Kind, Line
from triagemail.mail.words import (
    LINES,
    Words,
    composed,
    is_greeting,
    longest,
    nearest,
    plain,
    read_subject,
    tokens,
    uncourteous,
)
from triagemail.process.intents import Intent
from triagemail.process.model import Evidence

LIMIT = 10  # commands a mail (trust.md C10)
MISTYPED = 200  # characters of a line that is nearly a command with its text

IN_REPORTS = frozenset(["bug", "feature", "call"])  # what somebody writes who reports in one word
WITH_TEXT = LIST_ONLY | {"status", "list", "template", "process"}  # in the subject they count above any text
IN_SUBJECT = ALONE | SPANS | {"language"}
ANYWHERE = LIST_ONLY | ASKS | {"feedback"}  # they change no issue, and count below prose too
POLITE = PERSONAL | {"agree", "mine", "status", "list", "undo", "board", "backlog"}  # `subscribe me please`: nearly one


@dataclass(frozen=True, slots=True)
class Reading:
    """What a mail commands. `comment` is the text that is no command ("never lost").

    `near_miss` is the form that was probably meant when the whole new text is a mistyped command; `comment` then holds
    that text. `too_many` is the number of commands in a mail with more than `LIMIT`: it has no intents, and all of its
    text is the comment. A shaped argument that does not have its shape stands among the intents as a NearMiss.

    `lines` are the command lines as they stand, `others` all lines of the mail but the commands and their free text:
    for the reader of reports, to whom `Bug` and `Resume` are labels.
    """

    intents: tuple[Intent, ...]
    comment: str
    near_miss: str
    too_many: int = 0
    lines: frozenset[str] = field(default=frozenset(), compare=False)
    others: Sequence[Line] = field(default=(), compare=False)


@dataclass(slots=True)
class _Heard:
    """A command with its free text, while lines are read."""

    call: Call
    line: str
    text: list[str] = field(default_factory=list)


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
    sent_at: datetime | None = None,
    everyday: frozenset[str] = frozenset(),
) -> Reading:
    """The commands in a mail's new text and subject; never raises.

    `lines` is the mail's text as quoting.py splits it, `issue` the one that the mail replies to, `fresh` whether it is
    no reply to a mail of ours. In a fresh mail a command about an issue needs `#42` after its word, or to stand before
    all prose: a report may well have a line `Update: …` or `P1`. `everyday` are the keys of commands that are everyday
    words in this mail (`expected: …` is a label of reports): they count with `#42` only.
    """
    homeless = fresh and issue is None
    everyday |= IN_REPORTS if homeless else frozenset()
    heard, others = _heard(lines, words, everyday, homeless=homeless)
    spoken = frozenset(each.line for each in heard)
    new = [line.text for line in lines if line.kind is Kind.NEW]
    prose = new if not heard else [line.text for line in others if line.kind is Kind.NEW]
    said = "\n".join(uncourteous(prose, words)).strip()
    if fresh and (found := _in_subject(subject, said, words, everyday)):
        heard.insert(0, _Heard(found, clean_header(subject)))
    if not heard:
        near = _near_miss(uncourteous(new, words), subject, words, fresh=fresh)
        return Reading((), "\n".join(new).strip(), near, others=lines)
    if len(heard) > LIMIT:
        return Reading((), "\n".join(new).strip(), "", too_many=len(heard), others=lines)
    intents: dict[Intent, None] = {}
    for each in heard:
        number = issue if each.call.number is None else each.call.number
        who = Who(by=by, evidence=evidence, issue=number, mail=mail, sent_at=sent_at)
        intents[intent(each.call, _free_text(each, words), each.line, who, words)] = None
    return Reading(tuple(intents), said, "", lines=spoken, others=others)


def key_of(word: str, words: Words) -> str:
    """The key of the command that a word is by itself, "" where it is none: what `issues+WORD@…` asks for."""
    found = longest(tokens(word), words.commands)
    return found[1] if found and len(tokens(word)) == found[0] else ""


def _heard(
    lines: Sequence[Line], words: Words, everyday: frozenset[str], *, homeless: bool
) -> tuple[list[_Heard], list[Line]]:
    """The commands of the new text, and the lines that belong to none.

    Free text "runs to the next command line or the end of the new text"; a quote, a signature or a forwarded block
    ends it too, so that what stands below them is never broadcast by mistake.
    """
    heard: list[_Heard] = []
    others: list[Line] = []
    open_: _Heard | None = None
    spoken = False
    for line in lines[:LINES]:
        found = call(composed(line.text), words) if line.kind is Kind.NEW else None
        if line.kind is not Kind.NEW:
            open_ = None if line.text.strip() else open_
            others.append(line)
        elif found and not _is_prose(found, everyday, homeless=homeless, spoken=spoken):
            heard.append(_Heard(found, line.text.strip()))
            open_ = heard[-1] if found.free else None
        elif open_:
            open_.text.append(line.text)
            if open_.call.key == "headline" and line.text.strip():  # which is one line
                open_ = None
        else:
            others.append(line)
            spoken = spoken or (bool(line.text.strip()) and not is_greeting(line.text, words))
    others.extend(lines[LINES:])
    return heard, others


def _is_prose(found: Call, everyday: frozenset[str], *, homeless: bool, spoken: bool) -> bool:
    """In a fresh mail without `#42` a lone `P1` is the report's own, and a wrong shape or a late command is prose."""
    if found.number is not None:
        return False
    if found.key in everyday and found.which is None:
        return True
    if not homeless or found.key in LIST_ONLY or (found.key in ANYWHERE and not found.bad):
        return False
    return spoken or found.bad or found.key == "priority"


def _free_text(heard: _Heard, words: Words) -> str:
    said = [heard.call.said, *heard.text]
    free = "\n".join(uncourteous(said, words, greeting=False)) if heard.call.free else ""
    return free.strip() or heard.call.said.strip()


# --- the subject, and near-misses ------------------------------------------------------------------------------------


def _in_subject(subject: str, said: str, words: Words, everyday: frozenset[str]) -> Call | None:
    """A word that is "alone in the subject". `help` with a text is somebody who needs help, not the help page, and
    `Resume` with a text an application."""
    head = read_subject(subject, words)
    if head.replied or head.forwarded or head.own:
        return None
    found = call(head.text[:200], words)
    if not found or found.key not in IN_SUBJECT or found.bad or (found.key in everyday and found.number is None):
        return None
    with_text = found.key in WITH_TEXT or (found.key in ON_ISSUE and found.number is not None)
    return found if with_text or not said else None


def _near_miss(new: Sequence[str], subject: str, words: Words, *, fresh: bool) -> str:
    """The form that was meant when the whole new text is one short line that is nearly a command, else "".

    A fresh mail whose subject says something is a report, however short its text; only leaving and joining, and days
    that do not exist, are looked for in it.
    """
    head = read_subject(subject, words)
    speaks = any(word not in words.nothing for word, _, _ in tokens(head.text))
    told = fresh and speaks and not _meaning(head.text, words) and not call(head.text, words)
    texts = [text for text in new if text.strip()]
    if not texts and fresh and not head.replied:
        texts = [head.text]
    key = _meaning(texts[0], words) if len(texts) == 1 else ""
    if len(texts) == 1 and not fresh and not key:
        key = _mistyped(texts[0], words)
    sure = key in LIST_ONLY or (key in PERSONAL and call(composed(texts[0]), words) is not None)
    return words.examples[key] if key and (not told or sure) else ""


def _mistyped(text: str, words: Words) -> str:
    """The key of the command with free text whose word is mistyped before its colon: `updaet: the disk is full`."""
    head, _, free = composed(text[:MISTYPED]).replace("：", ":").partition(":")
    said = plain(re.sub("#[0-9]*", " ", head))
    key = nearest(said, words) if said and free.strip() and len(text) <= MISTYPED and len(said.split()) <= 3 else ""
    return key if key in FREE and words.near.get(said) != key else ""


def _meaning(text: str, words: Words) -> str:
    """The key of the command that a text of at most three words nearly is."""
    if len(text) > 60 or "?" in text:
        return ""
    found = call(composed(text), words)
    if found:
        return found.key if found.bad else ""
    said = plain(re.sub("#[0-9]*", " ", text)).split()
    if not 0 < len(said) <= 3:
        return ""
    if len(said) == 1 and re.fullmatch("p[4-9]", said[0]):
        return "priority"
    if len(said) == 2 and words.near.get(said[0]) == "away":  # `away soon`; but `pause button` is prose
        return "away"
    bare = " ".join(word for word in said if word not in words.polite)
    key = nearest(bare, words)
    exact = words.near.get(bare) == key
    around = len(bare.split()) < len(said)
    if around:
        return key if key in POLITE else ""
    return key if not exact or key in INCOMPLETE else ""
