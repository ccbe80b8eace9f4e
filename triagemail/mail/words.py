"""The words that a mail may use, as a table, and the few ways to compare words (process.md 9: "Any case").

`parse_words` turns the texts of words.toml, one a language, into `Words`: the words of all are understood in every
mail; `report.py` and `commands.py` say what the words do.
Everything here is linear in the text and never raises on it; only a broken table raises.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any, TypeVar

from triagemail.mail.source import toml

Token = tuple[str, int, int]  # a folded word, and where it starts and ends in the text
Wordings = tuple[tuple[int, ...], Mapping[tuple[str, ...], str]]  # their lengths from the longest; all words -> meaning
Phrases = Mapping[str, Wordings]  # by the first word

LINES = 10_000  # lines of a mail in which labels and commands are looked for; no person writes more
REMEMBERED = 1024  # looks at lines
REMEMBERED_LENGTH = 160  # of a line
HEAD = 300  # characters of a line in which its first words are looked for
_WORD = re.compile(r"[^\W_]+")
_PREFIX = re.compile(r"\s*([^\W\d_]{1,20})\s?(?:\[\d{1,3}\]|\(\d{1,3}\)|\d{1,3})?\s?[:：]")
_TAG = re.compile(r"\s*\[([^\[\]]{0,40})\]")
_NUMBER_TAG = re.compile(r"#\d+")
_PREFIX_LIMIT = 30  # of a subject's prefixes and tags that are read
# Unicode's spaces (category Zs), and three invisible characters that HTML leaves.
_SPACES = dict.fromkeys((0xA0, 0x1680, *range(0x2000, 0x200C), 0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF), " ")


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """The words for times of day, days and lengths of time."""

    into: frozenset[str]
    at: frozenset[str]
    plus: frozenset[str]
    until: Phrases
    during: Phrases
    fillers: frozenset[str]
    ordinals: frozenset[str]
    units: Mapping[str, int]  # word -> minutes
    clock: frozenset[str]
    am: frozenset[str]
    pm: frozenset[str]
    spans: Mapping[str, int]  # words -> minutes
    months: Mapping[str, int]  # name -> 1 to 12


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """The words of all languages; every word is folded."""

    languages: Phrases  # what a language is called -> the name of its folder
    telling: Mapping[str, str]  # a word that only one language has -> that one
    commands: Phrases  # meaning: the command's key
    examples: Mapping[str, str]  # command key -> how it is written right, in English
    priority: frozenset[str]
    because: Phrases
    times: Times
    near: Mapping[str, str]  # what may be mistyped -> command key
    never: frozenset[str]
    lookalikes: frozenset[str]  # in lower case, with their accents
    polite: frozenset[str]
    yes: frozenset[str]
    no: frozenset[str]
    not_mine: frozenset[str]
    replies: frozenset[str]
    forwards: frozenset[str]
    own: tuple[str, ...]
    nothing: frozenset[str]
    greetings: Phrases
    addressees: frozenset[str]
    closings: Phrases
    answer: frozenset[str]
    placeholders: frozenset[str]
    negations: frozenset[str]
    origin: Phrases  # meaning: `behalf` or `via`


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject without its prefixes and tags; `own`: only we write such a one (`[#42]`, `PRIORITY 0 ISSUE`)."""

    text: str
    tags: tuple[str, ...]
    replied: bool
    forwarded: bool
    own: bool


T = TypeVar("T")


def by_line(look: Callable[[str, Any], T]) -> Callable[[str, Any], T]:
    """For a pure look at one line, with what is known: its result is remembered, since the labels, blank lines and
    quotes of our own mails come again and again. Long lines are not, so the memory has a bound."""
    kept = lru_cache(maxsize=REMEMBERED)(look)

    @wraps(look)
    def looked(line: str, known: Any) -> T:
        return kept(line, known) if len(line) <= REMEMBERED_LENGTH else look(line, known)

    return looked


# --- comparing words -------------------------------------------------------------------------------------------------


def fold(text: str) -> str:
    """`text` without case, accents and compatibility forms, to compare words; never for an identity (trust.md A6)."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text)
    return "".join([c for c in apart if c < "\u0300" or not unicodedata.combining(c)]).casefold()


def composed(text: str) -> str:
    """`text` with its head in composed form (NFC), so that a decomposed `é` is one letter of a word.

    The head only: putting a long run of combining marks in order takes quadratic time (trust.md C6).
    """
    return text if text.isascii() else unicodedata.normalize("NFC", text[:HEAD]) + text[HEAD:]


def spaced(text: str) -> str:
    """`text` with plain spaces for the wide, narrow, non-breaking and invisible ones that programs and typists put;
    of the same length."""
    return text if text.isascii() else text.translate(_SPACES)


def tokens(text: str, start: int = 0, limit: int = HEAD) -> Sequence[Token]:
    """The words of the next `limit` characters of `text` (composed), folded, with their places."""
    return (_tokens if len(text) <= REMEMBERED_LENGTH else _tokens.__wrapped__)(text, start, limit)


@lru_cache(maxsize=REMEMBERED)  # one line is looked at in many ways
def _tokens(text: str, start: int, limit: int) -> Sequence[Token]:
    if text.isascii():  # nearly every line: lower-case once, not word by word
        return [(m[0], *m.span()) for m in _WORD.finditer(text[: start + limit].lower(), start)]
    return [(fold(m[0]), *m.span()) for m in _WORD.finditer(text, start, start + limit)]


def first_word(text: str, limit: int = HEAD) -> str:
    """The first of the `tokens`; "" where there is none."""
    found = _WORD.search(text, 0, limit)
    return fold(found[0]) if found else ""


def plain(text: str, limit: int = HEAD) -> str:
    """The folded words of `text`, one space between them: how two wordings are compared."""
    return " ".join(word for word, _, _ in tokens(composed(text), 0, limit))


def phrases(meanings: Mapping[str, Sequence[str]]) -> Phrases:
    """A table to look wordings up in: `meanings` has the wordings of each meaning."""
    found: dict[str, dict[tuple[str, ...], str]] = {}
    for meaning, wordings in meanings.items():
        for wording in wordings:
            words = tuple(word for word, _, _ in tokens(composed(wording)))
            if words:
                found.setdefault(words[0], {}).setdefault(words, meaning)
    return {first: (tuple(sorted({len(w) for w in some}, reverse=True)), some) for first, some in found.items()}


def is_courtesy(text: str, words: Words) -> bool:
    """Nothing but `please`, `thanks` and the like, at least one of them."""
    found = tokens(text)
    return bool(found) and all(word in words.polite for word, _, _ in found)


def longest(found: Sequence[Token], known: Phrases) -> tuple[int, str] | None:
    """How many of the first words make the longest wording in the table, and what it means."""
    if not found or found[0][0] not in known:
        return None
    sizes, meanings = known[found[0][0]]
    for size in sizes:
        words = tuple(word for word, _, _ in found[:size])
        if words in meanings:
            return len(words), meanings[words]
    return None


def nearest(said: str, words: Words) -> str:
    """The command within a slip or two of the fingers: the longer the word, the more of them."""
    if said in words.near:
        return words.near[said]
    if said in words.never:
        return ""
    for known, key in words.near.items():
        slips = 0 if len(known) < 4 else 1 if len(known) < 8 else 2
        swapped = len(known) > 4 or sorted(known) == sorted(said)  # four letters have too many neighbours
        if slips and swapped and abs(len(known) - len(said)) <= slips and distance(known, said) <= slips:
            return key
    return ""


def distance(one: str, other: str) -> int:
    """How many letters to insert, drop, replace or swap (Damerau-Levenshtein, each place touched once)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1]


# --- subjects --------------------------------------------------------------------------------------------------------


@by_line
def read_subject(subject: str, words: Words) -> Subject:
    """Take prefixes (`Re:`, `AW:`, `Re[2]:`, `Fwd:`) and tags (`[bugs]`) off a subject, in any order."""
    subject = composed(subject)
    tags: list[str] = []
    replied = forwarded = False
    at = 0
    for _ in range(_PREFIX_LIMIT):
        if found := _TAG.match(subject, at):
            tags.append(found[1].strip())
        else:
            found = _PREFIX.match(subject, at)
            word = fold(found[1]) if found else ""
            if not found or word not in words.replies | words.forwards:
                break
            replied |= word in words.replies
            forwarded |= word in words.forwards
        at = found.end()
    text = subject[at:].strip()
    shape = re.sub("[0-9]", "#", plain(text, 60))
    ours = any(shape.startswith(own) for own in words.own)
    if ours:
        text = text.partition(":")[2].strip()
    return Subject(text, tuple(tags), replied, forwarded, ours or any(_NUMBER_TAG.fullmatch(tag) for tag in tags))


# --- courtesy --------------------------------------------------------------------------------------------------------


def is_greeting(line: str, words: Words) -> bool:
    """A salutation alone: `Hi,` `Hello team` `Dear Sara Miller,`; not `Hi, the site is down`."""
    found = tokens(line) if len(line) <= 80 else []
    hit = longest(found, words.greetings)
    if hit is None:
        return False
    rest = [token for token in found[hit[0] :] if token[0] not in words.addressees]
    if not rest:
        return True
    name = line[found[hit[0] - 1][2] :].rstrip(" \t!,.:;-–—")
    if any(sign in name for sign in ",.;:!?"):
        return False
    return len(rest) <= 3 and (line.rstrip().endswith(",") or (len(rest) <= 2 and _names(line, rest)))


def is_closing(line: str, words: Words) -> bool:
    """A closing alone, with at most a name: `Thanks!` `Best, Bob` `Kind regards`; not `Thanks, it works again`."""
    found = tokens(line) if len(line) <= 80 else []
    hit = longest(found, words.closings)
    if hit is None:
        return False
    rest = [token for token in found[hit[0] :] if token[0] not in words.addressees]
    again = longest(rest, words.closings)  # `Thanks, Best regards`
    rest = rest[again[0] :] if again else rest
    return len(rest) <= 2 and _names(line, rest)


def uncourteous(lines: Sequence[str], words: Words, *, greeting: bool = True) -> list[str]:
    """The lines without blank edges, salutation and closing: empty where courtesy was all."""
    first, last, greetings = 0, len(lines), 3 if greeting else 0
    while first < last and (not lines[first].strip() or (greetings and is_greeting(lines[first], words))):
        greetings -= bool(lines[first].strip())
        first += 1
    while first < last and not lines[last - 1].strip():
        last -= 1
    closing = _closing(lines, first, last, words)
    while first < closing and not lines[closing - 1].strip():
        closing -= 1
    return list(lines[first:closing])


def _closing(lines: Sequence[str], first: int, last: int, words: Words) -> int:
    """Where the closing starts: a line of thanks or regards with at most three lines of names below; else `last`."""
    names, start = 0, last
    for at in range(last - 1, max(first - 1, last - 12), -1):
        line = lines[at]
        if not line.strip():
            continue
        if is_closing(line, words):
            start, names = at, 0
            continue
        found = tokens(line) if len(line) <= 60 else []
        names += 1
        if names > 3 or start < last or not 0 < len(found) <= 4 or ":" in line or not _names(line, found):
            break
    return start


def _names(line: str, found: Sequence[Token]) -> bool:
    """True when every word starts as a name does, or is of a script without capitals."""
    return all(line[start].isupper() or not (line[start].islower() or line[start].isdigit()) for _, start, _ in found)


# --- reading the table -----------------------------------------------------------------------------------------------

_TOLD = 600  # characters of a text by which its language is told


def language_of(text: str, words: Words) -> str:
    """The language of a text, "" where it is not plain: the one with the most words that no other has, at least three
    (in a sentence two, in a few words one), and twice as many as the next."""
    found = _WORD.findall(unicodedata.normalize("NFC", text[:_TOLD]).casefold())
    score = Counter(words.telling[word] for word in found if word in words.telling)
    best = score.most_common(2)
    if not best or (len(best) > 1 and best[0][1] < 2 * best[1][1]):
        return ""
    enough = 1 if len(found) <= FEW else 2 if len(found) <= _SENTENCE else 3
    return best[0][0] if best[0][1] >= enough else ""


FEW = 6  # words of a text that is hardly more than a command
_SENTENCE = 12  # words of a short one
_UNITS = {"minutes": 1, "hours": 60, "days": 1440, "weeks": 10_080}
_TABLES = {
    "language": ("names", "telling"),
    "commands": None,
    "examples": None,
    "shapes": (
        "priority", "because", "in", "at", "and", "until", "for", "fillers", "ordinals", "minutes", "hours", "days",
        "weeks", "clock", "am", "pm",
    ),
    "spans": None,
    "months": None,
    "near": ("commands", "never", "lookalikes", "polite"),
    "reply": ("yes", "no", "not_mine"),
    "subject": ("replies", "forwards", "own", "nothing"),
    "courtesy": ("greetings", "addressees", "closings"),
    "report": ("answer", "placeholders", "negations", "behalf", "via"),
}  # fmt: skip


def parse_words(*toml_texts: str) -> Words:
    """The tables in the texts of words.toml, a language each, English first. Raises ValueError that names the table and
    key that is wrong or missing."""
    each = [toml(text) for text in toml_texts]
    for one in each:
        _check(one)
    tables = _together(each)
    shapes, near, subject, courtesy = tables["shapes"], tables["near"], tables["subject"], tables["courtesy"]
    return Words(
        languages=phrases({one["language"]["names"][0]: one["language"]["names"] for one in each}),
        telling=_telling(each),
        commands=phrases(tables["commands"]),
        examples=dict(tables["examples"]),
        priority=_folded(shapes["priority"]) | {"p"},  # P0 to P3 are the same in every language
        because=phrases({"because": shapes["because"]}),
        times=_times(tables),
        near={plain(w): key for one in each[::-1] for key in one["near"]["commands"] for w in one["commands"][key]},
        never=_folded(near["never"]),
        lookalikes=frozenset(composed(word).casefold() for word in near["lookalikes"]),
        polite=_folded(near["polite"]),
        yes=_folded(tables["reply"]["yes"]),
        no=_folded(tables["reply"]["no"]),
        not_mine=_folded(tables["reply"]["not_mine"]),
        replies=_folded(subject["replies"]),
        forwards=_folded(subject["forwards"]),
        own=tuple(" ".join(fold(own).split()) for own in subject["own"]),
        nothing=_folded(subject["nothing"]),
        greetings=phrases({"greeting": courtesy["greetings"]}),
        addressees=_folded(courtesy["addressees"]),
        closings=phrases({"closing": courtesy["closings"]}),
        answer=_folded(tables["report"]["answer"]),
        placeholders=_folded(tables["report"]["placeholders"]),
        negations=_folded(tables["report"]["negations"]),
        origin=phrases({key: tables["report"][key] for key in ("behalf", "via")}),
    )


def _together(each: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The tables of all languages in one: their lists one after the other, of other values the first."""
    made: dict[str, Any] = {}
    for name in _TABLES:
        table = made[name] = {}
        for one in each:
            for key, value in one[name].items():
                table[key] = [*table.get(key, ()), *value] if isinstance(value, list) else table.get(key, value)
    return made


def _telling(each: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Which words tell which language: those of its own list and of its commands, and no word of two languages. With
    their accents and without, so that nobody's text has to be folded."""
    found: dict[str, set[str]] = {}
    for one in each:
        said = [*one["language"]["telling"], *(spelt for spellings in one["commands"].values() for spelt in spellings)]
        spelt = {word for text in said for word in (*plain(text).split(), *_WORD.findall(composed(text).casefold()))}
        for word in (word for word in spelt if len(word) > 1):
            found.setdefault(word, set()).add(one["language"]["names"][0])
    return {word: names.pop() for word, names in found.items() if len(names) == 1}


def _times(tables: Mapping[str, Any]) -> Times:
    shapes = tables["shapes"]
    units = {word: length for name, length in _UNITS.items() for word in _folded(shapes[name])}
    return Times(
        into=_folded(shapes["in"]),
        at=_folded(shapes["at"]),
        plus=_folded(shapes["and"]),
        until=phrases({"until": shapes["until"]}),
        during=phrases({"for": shapes["for"]}),
        fillers=_folded(shapes["fillers"]),
        ordinals=_folded(shapes["ordinals"]),
        units=units,
        clock=_folded(shapes["clock"]),
        am=_folded(shapes["am"]),
        pm=_folded(shapes["pm"]),
        spans={plain(words): minutes for words, minutes in tables["spans"].items()},
        months={plain(name): number for name, number in tables["months"].items()},
    )


def _folded(words: Sequence[str]) -> frozenset[str]:
    return frozenset(plain(word) for word in words)


def _check(tables: Mapping[str, Any]) -> None:
    """Every table and key is there, none is unknown, and every value is of its kind."""
    if wrong := set(tables) ^ set(_TABLES):
        raise ValueError(f"tables missing or unknown: {', '.join(sorted(wrong))}")
    for name, keys in _TABLES.items():
        table = tables[name]
        if not isinstance(table, dict) or (keys is not None and set(table) ^ set(keys)):
            raise ValueError(f"[{name}] has exactly these keys: {', '.join(keys or ())}")
        for key, value in table.items():
            if not _fits(name, value):
                raise ValueError(f"[{name}] {key}: {value!r} does not fit here")
    for key in (*tables["commands"], *tables["near"]["commands"]):
        if key not in tables["examples"] or (key not in tables["commands"]):
            raise ValueError(f"{key}: a command has its words in [commands] and its example in [examples]")


_MAY_BE_EMPTY = ("shapes", "near")


def _fits(table: str, value: object) -> bool:
    if table in ("spans", "months"):
        most = 12 if table == "months" else 1_000_000
        return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= most
    if table == "examples":
        return isinstance(value, str) and bool(value.strip())
    filled = bool(value) or table in _MAY_BE_EMPTY  # not every language has an `am`
    return isinstance(value, list) and filled and all(isinstance(word, str) and word.strip() for word in value)
