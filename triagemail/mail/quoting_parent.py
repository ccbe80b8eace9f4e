"""The mail of ours that is answered, made searchable: which lines of a reply are its lines, however a client wrapped
them.

Only letters and digits are compared, so that quote prefixes, white space, bullets, bold stars and wrapping do not
count. Time is linear in both texts: a line is compared at no more than `_PLACES` places.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

SHORT = _GRAM = 12  # letters by which a place is found; shorter lines are looked up whole
_PLACES = 8
_LIMIT = 100_000  # characters of our mail that are compared
_LINK = re.compile(r"[<(\[](?:https?://|mailto:|cid:)[^\s<>()\[\]]{0,2000}[>)\]]", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Match:
    """Where a line stands in our mail. `rest` is what follows our line on the same line, `line` our line then."""

    start: int
    end: int
    letters: int
    words: int
    whole: bool = True  # from the first to the last word of lines of ours
    next: bool = False  # stands where the last line of ours ended
    follows: bool = False  # continues, within one of our lines, what the line before it said
    asks: bool = False  # our line is a question or a label
    led: bool = False  # a few words that begin a line of ours, and the next line of the reply goes on with it
    line: str = ""
    rest: str = ""


def letters(text: str) -> str:
    """The letters and digits of a text, case-folded; links that a program put behind words do not count."""
    if "<" in text or "(" in text or "[" in text:
        text = _LINK.sub(" ", text)
    return "".join(_WORD.findall(text.casefold()))


class Parent:
    """Our mail as one string of letters, with the places where words and lines start."""

    def __init__(self, text: str) -> None:
        self.lines: list[str] = []
        self.starts: list[int] = []
        self.bounds: set[int] = set()
        self.symbols: set[str] = set()
        self.cursor = 0
        self.known: dict[tuple[str, str, int], tuple[Match | None, int]] = {}  # hostile mail repeats its lines
        parts: list[str] = []
        size = 0
        for line in text[:_LIMIT].splitlines():
            key = letters(line)
            self.symbols.add("".join(line.split()))
            if not key:
                continue
            self.lines.append(line.strip(" \t>"))
            self.starts.append(size)
            for word in _WORD.findall(_LINK.sub(" ", line).casefold()):
                self.bounds.update(range(size, size + len(word)) if not word.isascii() else (size,))
                size += len(word)
            parts.append(key)
        self.all = "".join(parts)
        self.bounds.add(size)
        self.starts.append(size)
        self.heads = frozenset(self.starts)
        self._index()

    def _index(self) -> None:
        self.grams: dict[str, list[int]] = {}
        for at in sorted(self.bounds):
            places = self.grams.setdefault(self.all[at : at + _GRAM], [])
            if len(places) < _PLACES:
                places.append(at)
        self.short: dict[str, int] = {}
        for start, end in zip(self.starts, self.starts[1:], strict=False):
            if end - start < _GRAM:
                self.short.setdefault(self.all[start:end], start)

    def match(self, text: str, following: str = "") -> Match | None:
        """Where `text`, the next line of a reply, stands in our mail; None if it does not. Remembers the place for
        the next line, which is `following`."""
        at = self.cursor
        if (text, following, at) not in self.known:
            key = letters(text)
            found = (self._whole(key, text) or self._longer(key, text)) if key else None
            if found is None and 0 < len(key) < _GRAM:
                found = self._begun(key, letters(following), text)
            if found is not None and (found.next or found.led or found.letters >= _GRAM):
                self.cursor = found.end
            elif len(key) >= _GRAM:
                self.cursor = len(self.all)
            self.known[text, following, at] = found, self.cursor
        found, self.cursor = self.known[text, following, at]
        return found

    def _begun(self, key: str, following: str, text: str) -> Match | None:
        """The short first part of a line of ours that was wrapped. Those words alone may be an answer; with the rest of
        our line below them they are none."""
        whole = key + following
        for place in self.grams.get(whole[:_GRAM], ()) if following and len(whole) >= _GRAM else ():
            end = place + len(key)
            if place in self.heads and self._inside(end) and self.all.startswith(whole, place):
                return Match(place, end, len(key), len(text.split()), False, place == self.cursor, led=True)
        return None

    def _whole(self, key: str, text: str) -> Match | None:
        at = self.cursor
        inside = self._inside(at)
        places = [at] if inside else []
        if len(key) >= _GRAM:
            places += [at, *self.grams.get(key[:_GRAM], ())]
        elif key in self.short:
            places += [at if self.all.startswith(key, at) and not self._inside(at + len(key)) else self.short[key]]
        for place in places:
            end = place + len(key)
            if self.all.startswith(key, place):
                line = self.lines[bisect_right(self.starts, place) - 1] if place < len(self.all) else ""
                return Match(
                    place, end, len(key), len(text.split()), not self._inside(place) and not self._inside(end),
                    place == at, inside and place == at, line.rstrip(" *_").endswith(("?", ":", "？", "：")),
                )  # fmt: skip
        return None

    def _longer(self, key: str, text: str) -> Match | None:
        """A line that starts with a line of ours and goes on: an answer typed behind our question."""
        places = [self.cursor] if self._inside(self.cursor) else []
        places += [at for at in self.grams.get(key[:_GRAM], ()) if not self._inside(at)]
        for place in places:
            shared = _shared(key, self.all[place : place + 2000])
            last = bisect_right(self.starts, place + shared) - 1
            end = self.starts[last]
            first = bisect_right(self.starts, place) - 1
            if end <= place or last <= first:
                continue
            rest = _after(text, end - place)
            if rest is not None and (end - place >= _GRAM or self._inside(place)):
                ours = " ".join(self.lines[first:last])
                rest = rest.removeprefix(ours[-1:])  # its question mark
                inside, words = self._inside(place), len(text.split())
                return Match(place, end, len(key), words, next=True, follows=inside, line=ours, rest=rest)
        return None

    def _inside(self, at: int) -> bool:
        """`at` lies within one of our lines, not at its start."""
        return at not in self.heads


def _shared(left: str, right: str) -> int:
    """Length of the shared start."""
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left.startswith(right[:middle]):
            low = middle
        else:
            high = middle - 1
    return low


def _after(text: str, count: int) -> str | None:
    """What follows the first `count` letters, when they end with a word."""
    links = _LINK.search(text)
    for found in _WORD.finditer(text[: links.start()] if links else text):
        count -= len(found[0].casefold())
        if count <= 0:
            return text[found.end() :] if count == 0 else None
    return None
