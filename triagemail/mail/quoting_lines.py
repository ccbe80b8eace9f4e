"""The lines of a text as `quoting.py` walks over them: each looked at once, by itself.

No pattern can match one text in two ways, and none is tried on more than `WIDTH` characters, so time is linear
(trust.md C6).
"""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from triagemail.mail import quoting_words as words
from triagemail.mail.words import by_line

WIDTH = 400  # characters of a line that are looked at
EDGE = "-_=*~#‐‑‒–—―─━ \t\xa0"
LINES = 20_000  # that are looked at: nobody types more, and below a pasted log of that size nothing is a command
BUDGET = 3000  # windows in which an intro is looked for in one text; real mail needs a dozen

_TAIL = " \t\xa0:：*-_~‐‑‒–—―─>\"'”»،,"
_PREFIX = re.compile(r"[ \t\xa0]{0,3}(?:[>＞][ \t\xa0]?)+")
_OTHER_PREFIX = re.compile(r"[ ]{0,2}(?:\|(?=\s|$)(?!.*\|)|[A-Z]{1,4}>(?=\s|$))\s?")
_LINK = re.compile(r"<[^<>\s]{1,300}>|\(https?:[^()\s]{1,300}\)|\[[^\[\]]{0,100}\]")
_INVISIBLE: dict[int, str | None] = dict.fromkeys(
    [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF, 0xAD]
)
_INVISIBLE.update((ord(zero) + n, str(n)) for zero in "٠۰०๐" for n in range(10))

NUMERIC = re.compile(r"\d{1,4}\s?[./-]\s?\d{1,2}\s?[./-]\s?\d{1,4}")
YEAR = re.compile(
    r"(?<!\d)(?:19|20)\d\d(?!\d)|\d\s?[年년]|\d\s?[月월]"
    r"|(?<!\d)\d{1,2}\.?[ -][^\W\d_]{3,10}\.?,?[ -]['’]?\d\d(?![\d:.h٫])"  # 3. Nov. 26
)
TIME = re.compile(r"\d{1,2}\s?[:.h٫]\s?\d{2}(?!\d)|\d\s?[時时시点]")
LABEL = re.compile(r"[*_ ]{0,3}[^\W\d_][^:@\n]{0,24}:[*_]{0,2}\s*[^\s/]")
NOTES = re.compile(r"---\d{1,4}[./-]\d{1,2}[./-]\d{2,4} \d{1,2}:\d{2}[^-]{0,12}---")


class Kind(enum.StrEnum):
    """Who wrote a line. OURS: it stands in the mail of ours that is answered. Only NEW lines can hold a command."""

    NEW = "new"
    INTRO = "intro"
    QUOTE = "quote"
    SIGNATURE = "signature"
    FORWARDED = "forwarded"
    OURS = "ours"


@dataclass(frozen=True, slots=True)
class Row:
    """A line as it came, and what it could be by itself. Equal lines share one row."""

    raw: str
    depth: int  # quote prefixes
    text: str  # without them
    plain: str  # cleaned, case-folded, at most WIDTH characters
    field: str = ""  # kind of mail header field that it starts with
    bare: str = ""  # the same when the label is all it says
    mark: str = ""  # "original", "forwarded", "rule", "fence", "pgp"
    ends: bool = False  # an intro may end here
    marker: bool = False  # our marker may start here
    titled: bool = False  # a title between rules
    signs: str = ""  # "mark", "sent", "notice"
    dull: bool = True  # nothing that the walk has to look at


@dataclass(slots=True)
class Scan:
    """The lines of one text while they get their kinds."""

    rows: list[Row]
    after: list[int]  # the next line that is not blank
    markers: tuple[str, ...]
    own: bool = False  # our mail is known: inline answers may stand in an unmarked quote
    beyond: Sequence[str] = ()  # lines that are too many to be looked at
    kinds: list[Kind] = field(default_factory=list)
    heads: dict[int, int] = field(default_factory=dict)  # line -> where the intro starts in it
    budget: int = BUDGET
    spoken: bool = False  # a person's words came already
    rest: Kind | None = None  # what unmarked lines are from here on
    marked: Kind = Kind.QUOTE  # what lines with a quote prefix are

    def quoted(self, at: int) -> bool:
        """The next line that is not blank has a quote prefix."""
        following = self.after[at + 1]
        return following < len(self.rows) and self.rows[following].depth > 0

    def field(self, at: int) -> str:
        return self.rows[at].field if at < len(self.rows) else ""

    def blank(self, at: int) -> bool:
        return not self.rows[at].plain


def scan(text: str, markers: Sequence[str], *, own: bool) -> Scan:
    """The lines of `text`, each looked at once."""
    names = tuple(filter(None, map(letters, markers)))
    known: dict[str, Row] = {}
    rows: list[Row] = []
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for raw in lines[:LINES]:
        row = known.get(raw)
        if row is None:
            row = known[raw] = _look(raw, names)
        rows.append(row)
    _reprefix(rows, known, names)
    after = [len(rows)] * (len(rows) + 2)
    following = len(rows)
    for at in range(len(rows) - 1, -1, -1):
        if rows[at].plain or rows[at].depth:
            following = at
        after[at] = following
    return Scan(rows, after, names, own, lines[LINES:])


def _reprefix(rows: list[Row], known: dict[str, Row], markers: tuple[str, ...]) -> None:
    """Quotes by `|` or initials below an intro count, `>>> ` alone is the prompt of a program."""
    if any(row.depth >= 3 for row in known.values()) and not any(row.depth in (1, 2) for row in known.values()):
        for at, row in enumerate(rows):
            if row.depth:
                rows[at] = replace(row, depth=0, text=row.raw.rstrip())
        return
    others = {raw: found for raw in known if (found := _OTHER_PREFIX.match(raw[:WIDTH]))}
    below = False
    for at, row in enumerate(rows if others else ()):
        prefix = others.get(row.raw)
        if prefix is not None and below:
            rows[at] = replace(_look(row.raw[prefix.end() :], markers), raw=row.raw, depth=1)
        elif row.plain:
            below = row.ends


_NO_LETTER = re.compile(r"[\W_]+")


@by_line
def _look(raw: str, markers: tuple[str, ...]) -> Row:
    depth, text = 0, raw.rstrip()
    prefix = _PREFIX.match(text)
    if prefix is not None and not (text.endswith("<<") and ">>" in prefix[0]):
        depth, text = prefix[0].count(">") + prefix[0].count("＞"), text[prefix.end() :]
    plain = clean(text[:WIDTH])
    signs = _signs(plain)
    bare = plain.strip(EDGE)
    if not bare:
        return Row(raw, depth, text, plain, mark="rule" if len(plain) >= 3 and not depth else "", signs=signs)
    mark, label, said = _mark(plain, bare), _field(plain), _NO_LETTER.sub("", plain[:200])
    ends = not mark and (
        plain.endswith((":", "-", ">", ")")) or "@" in plain or wrote(plain) or NOTES.search(plain) is not None
    )
    marker = said != "" and any(name in said or name.startswith(said) for name in markers)
    titled = plain[:2].strip(EDGE) == "" and plain[-2:].strip(EDGE) == "" and len(plain) < 80
    alone = words.FIELDS.get(plain, "")
    dull = not (mark or label or ends or marker or titled or alone)
    return Row(raw, depth, text, plain, label, alone, mark, ends, marker, titled, signs, dull)


def clean(text: str) -> str:
    """Case-folded, composed, with plain spaces and digits and without invisible characters."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_INVISIBLE)
        return text.strip().casefold().replace("i̇", "i")  # the Turkish capital I
    return text.strip().casefold()


def letters(text: str) -> str:
    """The letters and digits of a text."""
    return _NO_LETTER.sub("", text.casefold())


def wrote(plain: str) -> bool:
    """A line ends with "wrote" in some language."""
    said = plain.rstrip(_TAIL)
    return said.endswith(words.WROTE) and any(
        said.endswith(verb) and _starts_word(said, len(said) - len(verb)) for verb in words.WROTE
    )


def _starts_word(text: str, at: int) -> bool:
    """A word starts here; in Chinese, Japanese and Korean nothing stands between words."""
    return at == 0 or not text[at - 1].isalnum() or ord(text[at]) > 0x2E80


def _mark(plain: str, bare: str) -> str:
    """ "-----Original Message-----" and "Begin forwarded message:" in any language."""
    if plain.startswith("```"):
        return "fence"
    if plain.startswith("-----begin pgp "):
        return "pgp"
    ruled = plain[:2].strip(EDGE) == ""
    name = bare.rstrip(": .*")
    if name in words.FORWARDED and (ruled or plain.endswith(":")):
        return "forwarded"
    if ruled and (name in words.ORIGINAL or (len(name) < 100 and any(above in name for above in words.ABOVE))):
        return "original"
    return "forwarded" if ruled and name.startswith(words.FORWARDED_BY) else ""


def _field(plain: str) -> str:
    """The kind of header field that a line starts with: `*Von:* Bob` is "from"."""
    head, colon, _ = plain[:40].partition(":")
    return words.FIELDS.get(head.strip("*_ \t>|"), "") if colon else ""


def _signs(plain: str) -> str:
    """What a line says about a signature."""
    if plain in ("--", "—", "–") or (plain[:2] == "__" and set(plain) == {"_"}):
        return "mark"
    if plain.startswith(words.SENT_FROM) or plain.endswith(words.SENT_FROM_END):
        said = _LINK.sub("", plain).strip(" .*_")
        named = any(name in said for name in words.PRODUCTS)
        if "excuse" in said or (named and " my " in said):
            return "sent" if len(said.split()) <= 14 else ""
        if len(said.split()) <= (12 if named else 8) and not any(c in said for c in ",;?!") and ". " not in said:
            return "sent"
    return "notice" if plain.strip("*_-# ").startswith(words.NOTICES) else ""


def runs(kinds: Sequence[Kind]) -> Iterator[tuple[int, int]]:
    """The runs of new lines."""
    start = -1
    for at, kind in enumerate(kinds):
        if kind is Kind.NEW:
            start = at if start < 0 else start
        elif start >= 0:
            yield start, at
            start = -1
    if start >= 0:
        yield start, len(kinds)


def absorb(scan: Scan, at: int) -> None:
    """The rule that a program draws above an intro belongs to it."""
    above = at - 1
    while above >= 0 and scan.blank(above) and at - above < 4:
        above -= 1
    if above >= 0 and scan.rows[above].mark == "rule" and scan.kinds[above] is Kind.NEW:
        scan.kinds[above] = Kind.INTRO


def dated(said: str, *, timed: bool = False) -> bool:
    """A full date stands in a text, and a time of day if asked for."""
    return (NUMERIC.search(said) or YEAR.search(said)) is not None and (not timed or TIME.search(said) is not None)
