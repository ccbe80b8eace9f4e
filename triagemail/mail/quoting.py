"""What a person newly wrote, and what a mail program put around it: every line of a mail gets a kind.

One pass over the lines, each looked at through a short window, so time is linear in the text (trust.md C6). No pattern here can
match one text in two ways, and none is tried on more than `_WIDTH` characters.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from triagemail.mail import quoting_words as words
from triagemail.mail.quoting_parent import SHORT, Match, Parent

DEFAULT_MARKERS = ("--- Please write above this line ---",)

_WIDTH = 400  # characters of a line that are looked at
_WINDOW = 5  # lines over which an intro may be wrapped
_BUDGET = 3000  # windows that are tried in one text; real mail needs a dozen

_PREFIX = re.compile(r"[ \t\xa0]{0,3}(?:[>＞][ \t\xa0]?)+")
_INVISIBLE: dict[int, str | None] = dict.fromkeys([*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF, 0xAD])
_INVISIBLE.update((ord(zero) + n, str(n)) for zero in "٠۰०๐" for n in range(10))
_EDGE = "-_=*~‐‑‒–—―─━ \t\xa0"
_TAIL = " \t\xa0:：*-_~‐‑‒–—―─>\"'”»،,"

_NUMERIC = re.compile(r"\d{1,4}\s?[./-]\s?\d{1,2}\s?[./-]\s?\d{1,4}")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)|\d\s?[年년]|\d\s?[月월]")
_TIME = re.compile(r"\d{1,2}\s?[:.h٫]\s?\d{2}(?!\d)|\d\s?[時时시点]")
_ADDRESS = re.compile(r"[^\s<>@]@[^\s<>@]")
_BRACKETED = re.compile(r"[^\s<>@]@[^<>@]{1,120}[>)\]]\W{0,3}$")
_FIRST_DATE = re.compile(r"[\W_]{0,3}(?:[^\W\d_]+[.,、]{0,2}\s{1,2}){0,2}\d")
_INNER = re.compile(r"(?:^|(?<=[\s>-]))(?:On|Am|Le|El|Il|Em|Op|Den|På)(?=\s)")
_STAMPED = re.compile(r"\[[\d\s:./,a-z+-]{6,40}\]\s?:$")
_LABEL = re.compile(r"[*_ ]{0,3}[^\W\d_][^:@\n]{0,24}:[*_]{0,2}\s*[^\s/]")
_NOTES = re.compile(r"---\d{1,4}[./-]\d{1,2}[./-]\d{2,4} \d{1,2}:\d{2}[^-]{0,12}---")
_LINK = re.compile(r"<[^<>\s]{1,300}>|\(https?:[^()\s]{1,300}\)|\[[^\[\]]{0,100}\]")


class Kind(enum.StrEnum):
    """Who wrote a line. OURS: it stands in the mail of ours that this one answers. Only NEW lines can hold a command."""

    NEW = "new"
    INTRO = "intro"
    QUOTE = "quote"
    SIGNATURE = "signature"
    FORWARDED = "forwarded"
    OURS = "ours"


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its quote prefix."""

    text: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class _Row:
    """A line as it came, and what it could be by itself. Equal lines share one row."""

    raw: str
    depth: int  # quote prefixes
    text: str  # without them
    plain: str  # cleaned, case-folded, at most _WIDTH characters
    field: str = ""  # kind of mail header field that it starts with
    mark: str = ""  # "original", "forwarded", "rule"
    ends: bool = False  # an intro may end here
    marker: bool = False  # our marker may start here
    titled: bool = False  # a title line between rules
    bare: str = ""  # kind of mail header field whose label is all it says
    signs: str = ""  # "mark", "sent", "notice"
    dull: bool = True  # nothing of these


@dataclass(slots=True)
class _Scan:
    """The lines of one text while they get their kinds."""

    rows: list[_Row]
    after: list[int]  # the next line that is not blank
    markers: tuple[str, ...]
    kinds: list[Kind] = field(default_factory=list)
    heads: dict[int, int] = field(default_factory=dict)  # line -> where the intro starts in it
    budget: int = _BUDGET
    own: bool = False  # our mail is known: inline answers may stand in an unmarked quote

    def quoted(self, at: int) -> bool:
        """The next line that is not blank has a quote prefix."""
        following = self.after[at + 1]
        return following < len(self.rows) and self.rows[following].depth > 0

    def field(self, at: int) -> str:
        return self.rows[at].field if at < len(self.rows) else ""

    def blank(self, at: int) -> bool:
        return not self.rows[at].plain


def split(text: str, parent: str = "", markers: Sequence[str] = DEFAULT_MARKERS) -> tuple[Line, ...]:
    """The lines of `text` with their kinds, in order; never raises, linear time.

    `parent` is the plain text of the mail of ours that is answered ("" = unknown), `markers` are the lines above which we ask
    people to write. A line of our mail is never new where it is quoted or stands below an intro; in an unmarked quote (Outlook)
    what is not in our mail is new, "answers typed under the quoted questions of our own mail" (process.md 2).
    """
    above = tuple(filter(None, map(_letters, markers)))
    scan = _Scan(*_rows(text, above), above, own=bool(parent.strip()))
    _walk(scan)
    heads = dict.fromkeys(scan.heads)
    replaced: dict[int, str] = {}
    if scan.own:
        _compare(scan, Parent(parent), replaced)
    _sign(scan)
    return tuple(_lines(scan, replaced, heads))


def new_text(lines: Iterable[Line]) -> str:
    """What the person newly wrote: the NEW lines, blank edges trimmed."""
    return "\n".join(line.text for line in lines if line.kind is Kind.NEW).strip()


def _lines(scan: _Scan, replaced: dict[int, str], heads: dict[int, None]) -> Iterable[Line]:
    shared: dict[tuple[str, Kind], Line] = {}
    for at, (row, kind) in enumerate(zip(scan.rows, scan.kinds, strict=True)):
        text = row.text
        if at in heads:
            yield Line(text[: scan.heads[at]].rstrip(), Kind.NEW)
            text = text[scan.heads[at] :]
        text = replaced.get(at, text)
        line = shared.get((text, kind))
        if line is None:
            line = shared[text, kind] = Line(text, kind)
        yield line


# --- rows ----------------------------------------------------------------------------------------------------------------------


def _rows(text: str, markers: tuple[str, ...]) -> tuple[list[_Row], list[int]]:
    """The lines, each looked at once, and for each place the next line that is not blank."""
    known: dict[str, _Row] = {}
    rows = []
    for raw in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        row = known.get(raw)
        if row is None:
            row = known[raw] = _look(raw, markers)
        rows.append(row)
    after = [len(rows)] * (len(rows) + 2)
    for at in range(len(rows) - 1, -1, -1):
        after[at] = at if rows[at].plain or rows[at].depth else after[at + 1]
    return rows, after


def _look(raw: str, markers: tuple[str, ...]) -> _Row:
    depth, text = 0, raw.rstrip()
    prefix = _PREFIX.match(text)
    if prefix is not None and not (text.endswith("<<") and ">>" in prefix[0]):
        depth, text = prefix[0].count(">") + prefix[0].count("＞"), text[prefix.end() :]
    plain = clean(text[:_WIDTH])
    bare = plain.strip(_EDGE)
    signs = _signs(plain)
    if not bare:
        return _Row(raw, depth, text, plain, mark="rule" if len(plain) >= 3 and not depth else "", signs=signs)
    mark, label, said = _mark(plain, bare), _field(plain), _letters(plain[:200])
    ends = not mark and (plain.endswith((":", "：", "-", ">", ")")) or "@" in plain or _wrote(plain) or _NOTES.search(plain) is not None)
    marker = any(name in said or name.startswith(said) for name in markers) if said else False
    titled = plain[:2].strip(_EDGE) == "" and plain[-2:].strip(_EDGE) == "" and len(plain) < 80
    only = words.FIELDS.get(plain, "")
    dull = not (mark or label or ends or marker or titled or only)
    return _Row(raw, depth, text, plain, label, mark, ends, marker, titled, only, signs, dull)


def _signs(plain: str) -> str:
    """What a line says about a signature."""
    if plain in ("--", "—", "–") or (plain[:2] == "__" and set(plain) == {"_"}):
        return "mark"
    if plain.startswith(words.SENT_FROM) or plain.endswith(words.SENT_FROM_END):
        said = _LINK.sub("", plain).strip(" .*_")
        if len(said) <= 100 and len(said.split()) <= 10 and not any(c in said for c in ",;?!") and ". " not in said:
            return "sent"
    return "notice" if plain.strip("*_-# ").startswith((*words.DISCLAIMERS, *words.FOOTERS)) else ""


def clean(text: str) -> str:
    """Case-folded, composed, without invisible characters and with plain spaces."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_INVISIBLE).casefold().replace("i̇", "i")  # Turkish capital I
    return text.strip().casefold()


def _letters(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def _mark(plain: str, bare: str) -> str:
    """ "-----Original Message-----" and "Begin forwarded message:" in any language."""
    ruled = plain[0] in _EDGE and plain[:2].strip(_EDGE) == ""
    name = bare.rstrip(":： .*").strip()
    if name in words.FORWARDED and (ruled or plain.rstrip().endswith((":", "："))):
        return "forwarded"
    if ruled and name in words.ORIGINAL:
        return "original"
    if ruled and name.startswith(("forwarded by ", "weitergeleitet von ", "forwarded message from ", "пересылаемое сообщение ")):
        return "forwarded"
    return ""


def _field(plain: str) -> str:
    """The kind of header field that a line starts with: `*Von:* Bob` is "from"."""
    head, colon, _ = plain[:40].replace("：", ":").partition(":")
    return words.FIELDS.get(head.strip("*_ \t>|"), "") if colon else ""


# --- the walk ------------------------------------------------------------------------------------------------------------------


def _walk(scan: _Scan) -> None:
    """Gives every line a kind; the parent and signatures come later."""
    rows, kinds = scan.rows, scan.kinds
    rest: Kind | None = None  # what unmarked lines are from here on
    at = 0
    while at < len(rows):
        row = rows[at]
        end = at + 1
        if row.depth:
            kinds.append(Kind.FORWARDED if rest is Kind.FORWARDED else Kind.QUOTE)
            if rest is None and row.ends and (found := _wrote_window(scan, at)) is not None:
                rest = _opened(scan, found, at, rest)
        elif rest is not None and not scan.own:
            kinds.extend([rest] * (len(rows) - at))
            return
        elif row.dull:
            kinds.append(rest or _loose(scan, at))
        elif (end := _block(scan, at)) > at:
            rest = _begun(scan, at, end, rest)
        else:
            end = at + 1
            kinds.append(rest or _loose(scan, at))
            if row.ends and (found := _wrote_window(scan, at)) is not None:
                rest = _opened(scan, found, at, rest)
        at = end


def _begun(scan: _Scan, at: int, end: int, rest: Kind | None) -> Kind | None:
    """A header block, a title or our own marker stands in lines `at` to `end`: what unmarked lines are behind it."""
    kinds = scan.kinds
    above = any(kind is Kind.NEW and not scan.blank(i) for i, kind in enumerate(kinds)) if rest is None else True
    forwarded = scan.rows[at].mark == "forwarded" or not (above or scan.own or scan.rows[at].mark or _is_marker(scan, at))
    forwarded = forwarded and rest is not Kind.QUOTE
    kinds.extend([Kind.FORWARDED if forwarded or rest is Kind.FORWARDED else Kind.INTRO] * (end - at))
    _absorb(scan, at)
    kind = Kind.FORWARDED if forwarded or rest is Kind.FORWARDED else Kind.QUOTE
    marked = scan.quoted(end - 1) and scan.rows[min(scan.after[end] + 1, len(scan.rows) - 1)].depth > 0
    if marked and kind is Kind.FORWARDED:
        for i in range(scan.after[end], len(scan.rows)):  # a forwarded mail that is marked line by line ends with its marks
            if not scan.rows[i].depth and not scan.blank(i):
                break
            kinds.append(kind) if i == len(kinds) else None
        return None
    return None if marked else kind


def _opened(scan: _Scan, start: tuple[int, int], at: int, rest: Kind | None) -> Kind | None:
    """An intro stands in lines `start` to `at`: what unmarked lines are behind it."""
    first, offset = start
    if offset:
        scan.heads[first] = offset
    for i in range(first, at + 1):
        scan.kinds[i] = Kind.INTRO
    _absorb(scan, first)
    if rest is not None:
        return rest
    return None if scan.quoted(at) else Kind.QUOTE


def _absorb(scan: _Scan, at: int) -> None:
    """The rule that a program draws above a header block belongs to it."""
    above = at - 1
    while above >= 0 and scan.blank(above) and at - above < 4:
        above -= 1
    if above >= 0 and scan.rows[above].mark == "rule" and scan.kinds[above] is Kind.NEW:
        scan.kinds[above] = Kind.INTRO


def _loose(scan: _Scan, at: int) -> Kind:
    """An unmarked line among marked ones is an answer, but the tail of a long line that some program wrapped is not."""
    row, rows = scan.rows[at], scan.rows
    if not row.plain or at == 0 or not rows[at - 1].depth or at + 1 == len(rows) or not rows[at + 1].depth:
        return Kind.NEW
    before = rows[at - 1]
    for opened, closed in (("(http", ")"), ("<http", ">")):
        if before.plain.rfind(opened) > before.plain.rfind(closed) and row.plain.find(closed) >= 0:
            return Kind.QUOTE
    long = 60 <= len(before.raw) <= 200 and before.plain[-1:] not in ".?!:;。？！…"
    return Kind.QUOTE if long and (row.text[0].islower() or not row.text[0].isalnum()) and not row.text.startswith(("[", "*", "-")) else Kind.NEW


# --- header blocks, titles, our marker -------------------------------------------------------------------------------------------


def _block(scan: _Scan, at: int) -> int:
    """Where a header block, a title line or our marker that starts in line `at` ends; `at` if there is none."""
    row = scan.rows[at]
    if row.mark in ("original", "forwarded"):
        following = scan.after[at + 1]
        inner = _fields(scan, following) if following < len(scan.rows) and following - at <= 3 else 0
        return inner if inner > following else at + 1
    if row.field:
        return _fields(scan, at)
    if row.bare == "to":
        return _notes(scan, at)
    if row.titled:
        following = scan.after[at + 1]  # a title that we do not know, over a header block that we do
        if following < len(scan.rows) and following - at <= 2:
            inner = _fields(scan, following)
            return inner if inner > following else at
    return at + _is_marker(scan, at)


def _is_marker(scan: _Scan, at: int) -> int:
    """How many lines our marker takes that starts in line `at`; 0 if it does not."""
    if not scan.rows[at].marker:
        return 0
    said = ""
    for size in (1, 2, 3):
        if at + size > len(scan.rows):
            return 0
        said += _letters(scan.rows[at + size - 1].plain)
        if any(marker in said for marker in scan.markers):
            return size
        if not any(marker.startswith(said) for marker in scan.markers):
            return 0
    return 0


def _fields(scan: _Scan, at: int) -> int:
    """Where the header block that starts in line `at` ends; `at` if it is none."""
    kinds: set[str] = set()
    end, odd, blank, strange, said = at, 0, 0, 0, []
    for i in range(at, min(at + 16, len(scan.rows))):
        row = scan.rows[i]
        if row.depth and (row.field or not row.plain):
            break
        if not row.plain:
            blank += 1
            if blank > 2 or odd:
                break
            continue
        if (row.field and row.field not in kinds) or row.field in ("other", "cc"):
            kinds.add(row.field)
            if row.plain.count(":") > 1:
                kinds.update(_inline(row.plain))
            end, odd, blank = i + 1, 0, 0
        elif blank or odd == 3:
            break
        elif _LABEL.match(row.plain):
            odd, strange = 0, strange + 1
        else:
            odd += 1
            if odd == 1 and (row.raw[:1] in " \t" or "@" in row.plain or scan.field(i + 1)):
                end = i + 1
        said.append(row.plain)
    return end if _complete(kinds, strange, "\n".join(said)) else at


def _complete(kinds: set[str], strange: int, said: str) -> bool:
    """Enough fields for a header. Two are enough only with a date and an address: people report who a mail was from and to."""
    core = len(kinds & {"from", "date", "to", "subject"})
    if core >= 3:
        return True
    if core != 2 or "@" not in said:
        return False
    dated = _NUMERIC.search(said) is not None or _YEAR.search(said) is not None
    return "date" in kinds or (strange > 0 and dated and _TIME.search(said) is not None)


def _notes(scan: _Scan, at: int) -> int:
    """Where a Lotus Notes header ends: labels alone on their lines, the author and the date above them."""
    dated = [i for i in range(max(0, at - 4), at) if scan.rows[i].plain and _NUMERIC.search(scan.rows[i].plain) and _TIME.search(scan.rows[i].plain)]
    ends = [i for i in range(at + 1, min(at + 10, len(scan.rows))) if scan.rows[i].bare == "subject" and not scan.rows[i].depth]
    if not dated or not ends or len(scan.rows[dated[0]].plain) > 60:
        return at
    author = dated[0] - 1
    first = author if author >= 0 and 0 < len(scan.rows[author].plain) <= 80 and scan.kinds[author] is Kind.NEW and scan.rows[author].plain[-1] not in ".!?:," else dated[0]
    for i in range(first, at):
        scan.kinds[i] = Kind.INTRO
    following = scan.after[ends[0] + 1]
    return following + 1 if following < len(scan.rows) and following - ends[0] <= 2 else ends[0] + 1


def _inline(plain: str) -> set[str]:
    """Further fields on the same line: `À : abc@abc.example Objet : bonjour`."""
    parts = plain.replace(" :", ":").replace("：", ":").split()
    return {words.FIELDS[part[:-1].strip("*")] for part in parts[1:] if part[-1:] == ":" and part[:-1].strip("*") in words.FIELDS}


# --- "On ..., Bob wrote:" --------------------------------------------------------------------------------------------------------


def _wrote_window(scan: _Scan, at: int) -> tuple[int, int] | None:
    """(line, offset) where the intro that ends in line `at` starts; None if none does."""
    row = scan.rows[at]
    if scan.budget < 0 or row.depth and (len(row.plain) > 30 or not (row.plain.rstrip(" :：") == "" or _wrote(row.plain))):
        return None
    found: tuple[int, int] | None = None
    quoted = scan.quoted(at)
    window = ""
    for first in range(at, max(at - _WINDOW, -1), -1):
        above = scan.rows[first]
        if scan.kinds[first : first + 1] not in ([], [Kind.NEW]) and first < at:
            break
        scan.budget -= 1
        if scan.budget < 0 or len(window) > _WIDTH:
            break
        window = f"{clean(above.raw[:_WIDTH])} {window}".strip() if above.plain or above.depth else window
        strength = _intro(window, quoted) if above.plain or above.depth else 0
        if strength == 2:
            return first, 0
        if strength == 1 and not row.depth and (found is None or _completes(above, found[0] - first)):
            found = first, 0
    return (_inner(scan, at, quoted) if not row.depth else None) or found


def _completes(above: _Row, distance: int) -> bool:
    """A full line with a date and a time, directly above the end of an intro: its start, in words that we do not know."""
    said = above.plain
    dated = (_NUMERIC.search(said) or _YEAR.search(said)) and _TIME.search(said)
    return distance == 1 and len(said) >= 30 and said[-1] not in ".!?" and dated is not None


def _inner(scan: _Scan, at: int, quoted: bool) -> tuple[int, int] | None:
    """An intro behind the answer, on the same line: `reply--- On 4 Apr 2012, bob@x.example wrote:`."""
    text = scan.rows[at].text
    if len(text) > _WIDTH:
        return None
    for found in list(_INNER.finditer(text))[-3:]:
        rest = clean(text[found.start() :])
        if found.start() and (quoted or text[: found.start()].rstrip().endswith("--")) and _intro(rest, quoted) == 2:
            head = text[: found.start()].rstrip(_EDGE)
            return at, len(head)
    return None


def _wrote(plain: str) -> bool:
    """A line ends with "wrote" in some language."""
    said = plain.rstrip(_TAIL)
    return said.endswith(words.WROTE) and any(
        said.endswith(verb) and _starts_word(said, len(said) - len(verb)) for verb in words.WROTE
    )


def _starts_word(text: str, at: int) -> bool:
    return at == 0 or not text[at - 1].isalnum() or not text[at].isascii() and ord(text[at]) > 0x2E80


def _intro(said: str, quoted: bool) -> int:
    """2: an intro from its first word on; 1: the end of one, or one without a date; 0: none."""
    said = said[:_WIDTH]
    ruled = said[:3].strip(_EDGE) == "" and said[-3:].strip(_EDGE) == ""
    said = said.strip(_EDGE)
    opening = said.find("<")
    if _NOTES.search(said):
        return 1
    colon = said.endswith((":", "："))
    unclosed = said.count("<") - said.count(">")
    if unclosed < 0 or 0 <= said.find(">") < opening or (unclosed and not colon):
        return 0
    first = said.split(" ", 1)[0].strip("*,.\"'")
    dated = _NUMERIC.search(said) is not None or _YEAR.search(said) is not None
    timed = _TIME.search(said) is not None
    leads = first in words.STARTERS and _starts_dated(said) or _FIRST_DATE.match(said) is not None
    address = _ADDRESS.search(said) is not None or "mailto:" in said
    wrote = _wrote(said)
    if said.startswith(words.QUOTING) and colon and (address or quoted):
        return 2
    if dated and _dated(said, quoted, colon=colon, leads=leads, timed=timed, address=address, wrote=wrote):
        return 2 if leads else 1
    if wrote and colon and address:
        return 2 if leads and timed else 1
    if colon and address and _STAMPED.search(said):
        return 1
    if wrote and (ruled or (quoted and colon and len(said.split()) <= 12)):
        return 1
    return 0


def _starts_dated(said: str) -> bool:
    """The date stands at the start: `On the server ... on 3 May 2021 Bob wrote:` is a sentence and then an intro."""
    said = said[:64]
    return any(pattern.search(said) for pattern in (_NUMERIC, _YEAR, _TIME))


def _dated(said: str, quoted: bool, *, colon: bool, leads: bool, timed: bool, address: bool, wrote: bool) -> bool:
    """A line with a date is an intro when it also names an author the way programs do."""
    if wrote:
        return (timed or address or quoted) and (colon or address or leads)
    if colon and (timed or address or quoted) and any(f" {verb} " in said for verb in words.WROTE_MIDDLE):
        return True
    if colon and address:
        return quoted or (leads and _BRACKETED.search(said) is not None)
    return address and quoted and leads and _BRACKETED.search(said) is not None


# --- our own mail ----------------------------------------------------------------------------------------------------------------


def _compare(scan: _Scan, parent: Parent, replaced: dict[int, str]) -> None:
    """Marks the lines of our mail, and finds the answers that were typed into it."""
    rows, kinds = scan.rows, scan.kinds
    matches = [parent.match(row.text) if row.plain else None for row in rows]
    for start, end in list(_runs(kinds)):
        for i in range(solid := _solid(scan, matches, start, end), end):
            kinds[i] = Kind.QUOTE  # unmarked, below an intro that we do not know
        if solid < end or (end < len(rows) and matches[end] is not None and rows[end].depth):
            _unknown(scan, min(solid, end))
    seen = False  # since the last intro a line of ours came: only then is unmarked text an answer to us
    for at, (row, found) in enumerate(zip(rows, matches, strict=True)):
        kind = kinds[at]
        if not row.plain or (kind is Kind.NEW and found is not None and _said_again(found)):
            continue
        if found is not None and found.rest:
            if kind is not Kind.FORWARDED and kind is not Kind.INTRO:
                kinds[at], seen = Kind.NEW, True
                replaced[at] = found.line + found.rest if found.follows else row.text
        elif found is not None and (row.depth or found.letters >= SHORT or found.next or not seen or _led(scan, matches, at)):
            kinds[at] = Kind.OURS
            seen = seen or found.letters >= SHORT
        elif kind is Kind.INTRO:
            seen = False
        elif kind is Kind.QUOTE and not row.depth and seen and _says(row, parent):
            kinds[at] = Kind.NEW
    _join(scan)


def _said_again(found: Match) -> bool:
    """Unmarked where all quotes are marked: an answer may have the words of a line of ours ("P2 because there is a workaround")."""
    return not found.rest and not found.follows and not found.asks and found.words <= 8


def _led(scan: _Scan, matches: list[Match | None], at: int) -> bool:
    """The next line goes on in our mail: a few words of ours, and no answer that happens to have them ("P0")."""
    following = scan.after[at + 1]
    found, other = matches[at], matches[following] if following < len(matches) else None
    return found is not None and other is not None and other.start == found.end


def _says(row: _Row, parent: Parent) -> bool:
    """Letters, or a symbol that our mail does not have: a thumb is an answer, a rule is none."""
    if _letters(row.plain):
        return True
    return row.mark != "rule" and not row.plain.isascii() and "".join(row.text.split()) not in parent.symbols


def _runs(kinds: Sequence[Kind]) -> Iterator[tuple[int, int]]:
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


def _solid(scan: _Scan, matches: list[Match | None], start: int, end: int) -> int:
    """The first of these unmarked lines from which our mail is quoted for certain; `end` if nowhere.

    One line may be an answer that has the words of one of ours; lines in our order are not.
    """
    first, size, last = start, 0, -1
    for at in range(start, end):
        found = matches[at]
        if found is None or found.rest:
            if scan.rows[at].plain:
                size = 0
            continue
        if not size or found.start != last:
            first, size = at, 0
        size, last = size + found.words, found.end
        if (at > first and size >= 8) or size >= 12:
            return first
    return end


def _unknown(scan: _Scan, at: int) -> None:
    """An intro in a language we do not know, directly above our quoted mail: an address, a date, a colon; or a block of labels."""
    last = at - 1
    while last >= 0 and scan.blank(last) and at - last < 4:
        last -= 1
    labels, first, said = 0, last, ""
    while first >= 0 and last - first < 8 and scan.kinds[first] is Kind.NEW and not scan.blank(first):
        plain = scan.rows[first].plain
        said, labels = f"{plain} {said}", labels + (_LABEL.match(plain) is not None)
        dated = (_NUMERIC.search(said) or _YEAR.search(said)) and _TIME.search(said)
        ends = scan.rows[last].plain.endswith(":") and last - first < 3
        above = scan.rows[first - 1].plain if first else ""
        if dated and "@" in said and (ends or (labels == last - first + 1 >= 3 and not _LABEL.match(above))):
            scan.kinds[first : last + 1] = [Kind.INTRO] * (last + 1 - first)
            _absorb(scan, first)
            return
        first -= 1


def _join(scan: _Scan) -> None:
    """Blank lines between two new lines belong to them."""
    kinds, last = scan.kinds, -1
    for at in range(len(kinds)):
        if scan.blank(at) and not scan.rows[at].depth:
            continue
        if kinds[at] is Kind.NEW:
            if last >= 0 and kinds[last] is Kind.NEW:
                for i in range(last + 1, at):
                    kinds[i] = Kind.NEW
            last = at
        else:
            last = at


# --- signatures ------------------------------------------------------------------------------------------------------------------


def _sign(scan: _Scan) -> None:
    """Finds the signatures at the end of each run of new lines."""
    for start, end in list(_runs(scan.kinds)):
        if any(row.signs for row in scan.rows[start:end]):
            _sign_run(scan, start, end)


def _sign_run(scan: _Scan, at: int, end: int) -> None:
    """The signature, the program's lines and the disclaimers of one run of new lines."""
    kinds = scan.kinds
    for i in range(*_signature(scan, at, end)):
        kinds[i] = Kind.SIGNATURE
    notice = False
    for i in range(at, end):
        row = scan.rows[i]
        notice = bool(row.plain) and (notice or row.signs == "notice")
        if kinds[i] is Kind.NEW and (notice or row.signs == "sent"):
            kinds[i] = Kind.SIGNATURE


def _signature(scan: _Scan, at: int, end: int) -> tuple[int, int]:
    """The lines from a signature mark to the end of the run (RFC 3676 4.3); an empty range if there is none."""
    left = 0
    marks = []
    for i in range(end - 1, at - 1, -1):
        row = scan.rows[i]
        if row.signs == "mark":
            marks.append((i, left))
        left += bool(row.plain)
        if left > 40:
            break
    for i, below in reversed(marks):
        if scan.rows[i].raw == "-- " or (below <= 15 and scan.rows[i].plain[0] != "_") or below <= 8:
            return i, end
    return end, end
