"""The priority that a reporter picks: in the answer to question 5, on a line of its own, or in the subject.

In doubt there is none: asking again costs one tap, a wrong P0 costs everybody's evening.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

from triagemail.mail.words import Subject, Token, Words, composed, longest, plain, tokens
from triagemail.process.model import Priority

SUBJECT_LIMIT = 200  # characters of a subject that are read
_ANSWER_LIMIT = 2000
_TICKED = re.compile(r"(?:\[[xX✓✔]\]|\([xX]\)|[☑☒✓✔])\s?([^\[(☐☑☒\n]*)")
_UNTICKED = re.compile(r"(?:\[ ?\]|\( ?\)|☐)\s?")
_OPENING = re.compile(r"\([^()]{0,30}\)[\s:–—-]*")  # `(P1) …`
_SEGMENT = re.compile(r"\s+[-–—|]+\s+|[:：|,]\s*")  # what ends the `P1` of `P1: …`


def pick(text: str, words: Words) -> Priority | None:
    """The one priority in the answer to question 5: `P0`, `prio 1`, `1`, `P2 - there is a workaround`; None in doubt.

    In doubt means more than one (`P0 or P1?`, `0-3`, a list left as it was sent) or none, however urgent the prose.
    """
    text = composed(text[:_ANSWER_LIMIT])
    if ticked := {leads(m[1], words) for m in _TICKED.finditer(text)} - {None}:
        return ticked.pop() if len(ticked) == 1 else None
    lines = [line for line in text.split("\n") if line.strip() and not _UNTICKED.match(line.lstrip(" \t*-•"))]
    first = {lead for line in lines if (lead := leads(line, words)) is not None}
    named = {priority for line in lines for priority, _ in _mentions(tokens(line), line, words)}
    if first:
        return first.pop() if len(first) == 1 and len(named) <= 2 else None
    if len(named) != 1:
        return None
    line = next(line for line in lines if _mentions(tokens(line), line, words))
    found = tokens(line)
    priority, at = _mentions(found, line, words)[0]
    clear = 0 < at <= 4 and not any(word in words.negations for word, _, _ in found[:at])
    return priority if clear else None


def _mentions(found: Sequence[Token], text: str, words: Words) -> list[tuple[Priority, int]]:
    """Every priority that a line names with its sign or word (`P1`, `prio 1`, `priority: P1`), and at which word."""
    mentions = []
    for at, (word, _, end) in enumerate(found):
        if word[-1] in "0123" and word[:-1] in words.priority:
            mentions.append((Priority(int(word[-1])), at))
            continue
        number, start, _ = found[at + 1] if word in words.priority and at + 1 < len(found) else ("", 0, 0)
        if number in ("0", "1", "2", "3") and not text[end:start].strip(" \t:#=.-–"):
            mentions.append((Priority(int(number)), at))
    return mentions


def leads(line: str, words: Words) -> Priority | None:
    """The priority that a line starts with: `P1, today`, `1 because …`; not `P0 or P1`, `1 hour`."""
    found = tokens(line)
    mentions = _mentions(found, line, words)
    if mentions and (mentions[0][1] == 0 or (mentions[0][1] == 1 and found[0][0] in words.priority)):
        priority, at = mentions[0]
        size = at + 1 + (found[at][0] in words.priority)
    elif found and found[0][0] in ("0", "1", "2", "3") and _stands_alone(found, line, words):
        priority, size = Priority(int(found[0][0])), 1
    else:
        return None
    because = longest(found[size:], words.because) is not None
    doubt = any(other != priority and size <= at <= size + 1 for other, at in mentions)
    return None if (doubt and not because) or _ranges(found, size, line) else priority


def _stands_alone(found: Sequence[Token], line: str, words: Words) -> bool:
    """A bare number counts alone or before its reason: `1`, `1 - because`, `2 (a workaround)`; not `1 customer`."""
    after = line[found[0][2] :].lstrip(" \t")
    if not after or longest(found[1:], words.because):
        return True
    another = len(found) > 1 and found[1][0] in ("0", "1", "2", "3")
    return after[0] in ",.;:)!(-–—" and not after[1:2].isdigit() and not another


def _ranges(found: Sequence[Token], size: int, line: str) -> bool:
    """`P0-3`, `0/1`, `1, 2`, `P1 or 2`: more than one, though the others have no sign of their own."""
    following = found[size : size + 2]
    for place, (word, _, end) in enumerate(following):
        last = size + place + 1 == len(found) or line[end : end + 1] in ",/-–"
        if word in ("0", "1", "2", "3") and last:
            return True
    return False


def bare(text: str, words: Words) -> Priority | None:
    """The priority of a line that says nothing else but its reason: `P0`, `prio 1`, `P1 because …`."""
    if len(text) < 2 or text.lstrip(" \t*_[(>-")[:1].lower() not in _firsts(words):
        return None
    text = composed(text)
    found = tokens(text)
    mentions = _mentions(found, text, words)
    if not mentions or mentions[0][1] != 0:
        return None
    size = 1 + (found[0][0] in words.priority)
    alone = len(found) == size and not text.rstrip().endswith("?")
    return mentions[0][0] if alone or longest(found[size:], words.because) else None


@functools.lru_cache(maxsize=16)
def _firsts(words: Words) -> frozenset[str]:
    """The letters that a priority may start with."""
    return frozenset(word[0] for word in words.priority)


def in_subject(head: Subject, words: Words) -> tuple[Priority | None, str]:
    """(priority, the subject without it): `[P1] …`, `P0: …`, `… (P1)`. "A subject of our own form never sets a
    priority", and "no command or priority … in a forwarded subject counts"; the text is free of it all the same."""
    text = head.text[:SUBJECT_LIMIT]
    named = {p for tag in head.tags if (p := _tagged(tag, words)) is not None}
    while text[-1:] in ("]", ")") and (at := max(text.rfind("["), text.rfind("("))) >= 0:
        found = _tagged(text[at + 1 : -1], words)
        if found is None:
            break
        named.add(found)
        text = text[:at].rstrip(" -–—|:")
    ahead = text
    while ahead:  # `P0: …`, `URGENT: P0: …`, `(P1) …`
        cut = _OPENING.match(ahead) or _SEGMENT.search(ahead)
        first = ahead[: cut.start() or cut.end()] if cut else ahead
        ahead = ahead[cut.end() :] if cut else ""
        found = _tagged(first, words)
        if found is not None:
            named.add(found)
            text = ahead
        elif not set(plain(first).split()) <= words.nothing:
            break
    counts = len(named) == 1 and not head.own and not head.forwarded
    return (named.pop() if counts else None), text


def _tagged(text: str, words: Words) -> Priority | None:
    """The priority of a tag that holds nothing else but words that say nothing: `P1`, `Prio 1`, `URGENT P0`."""
    if len(text) > 40 or "?" in text:
        return None
    found = tokens(text)
    mentions = _mentions(found, text, words)
    if len({priority for priority, _ in mentions}) != 1:
        return None
    others = [word for word, _, _ in found if word not in words.nothing and word not in words.priority]
    return mentions[0][0] if all(word[-1] in "0123" and len(word) <= 6 for word in others) else None
