"""Where a mail program introduces what it quotes: "On …, Bob wrote:", header blocks, title lines, our own marker.

Every look is at a window of a few lines, and the number of windows per text is limited: linear time (trust.md C6).
"""

from __future__ import annotations

import re

from triagemail.mail import quoting_words as words
from triagemail.mail.quoting_lines import (
    EDGE,
    LABEL,
    NOTES,
    NUMERIC,
    TIME,
    WIDTH,
    YEAR,
    Kind,
    Row,
    Scan,
    clean,
    dated,
    letters,
    wrote,
)

_WINDOW = 5  # lines over which an intro may be wrapped
_BLOCK = 16  # lines of a header block

_ADDRESS = re.compile(r"[^\s<>@]@[^\s<>@]")
_BRACKETED = re.compile(r"[^\s<>@]@[^<>@]{1,120}[>)\]]\W{0,3}$")
_FIRST_DATE = re.compile(r"[\W_]{0,3}(?:[^\W\d_]+[.,、]{0,2}\s{1,2}){0,2}\d")
_INNER = re.compile(r"(?:^|(?<=[\s>-]))(?:On|Am|Le|El|Il|Em|Op|Den|På)(?=\s)")
_SENTENCE = re.compile(r"[^\W\d_]{5}[.…]$|[!?]$")
_STAMPED = re.compile(r"\[[\d\s:./,a-z+-]{6,40}\]\s?:$")

NONE, END, DATED, FULL = range(
    4
)  # how sure a window is an intro: not; the end of one; without its start; from its first word on


# --- "On …, Bob wrote:" ----------------------------------------------------------------------------------------------


def wrote_window(scan: Scan, at: int) -> tuple[int, int] | None:
    """(line, offset) where the intro that ends in line `at` starts; None if none does."""
    row = scan.rows[at]
    if scan.budget < 0 or (row.depth and not _closes(row)):
        return None
    found: tuple[int, int] | None = None
    quoted, window = scan.quoted(at), ""
    for first in range(at, max(at - _WINDOW, -1), -1):
        above = scan.rows[first]
        if first < at and (
            _SENTENCE.search(above.plain)
            or scan.kinds[first] is not Kind.NEW
            or (not above.plain and not _hangs(window))
        ):
            break
        scan.budget -= 1
        if scan.budget < 0 or len(window) > WIDTH:
            break
        if above.plain or above.depth:
            window = f"{above.plain if not above.depth else clean(above.raw[:WIDTH])} {window}".strip()
            sure = _intro(window, quoted, above.plain)
            if sure == DATED and window.startswith("<") and not row.depth:
                found = first, 0  # the name stands above
            elif sure >= DATED:
                return _inner(scan, at, quoted) or (first, 0) if sure == DATED else (first, 0)
            if sure == END and not row.depth and (found is None or _completes(above)):
                found = first, 0
    return (_inner(scan, at, quoted) if not row.depth else None) or found


def _closes(row: Row) -> bool:
    """A `>` that is no quote prefix: it closes the address of the line above (`>:`, `> wrote:`)."""
    return len(row.plain) <= 30 and (row.plain in ("", ":") or wrote(row.plain))


def _unopened(window: str) -> bool:
    return window.count(">") > window.count("<")


def _hangs(window: str) -> bool:
    """An address starts above: `<` on one line, a blank one over it (Polymail)."""
    return _unopened(window) or window.startswith("<")


def _completes(above: Row) -> bool:
    """A full line with a date and a time directly above the end of an intro: its start, in words we do not know."""
    return len(above.plain) >= 30 and above.plain[-1] not in ".!?" and dated(above.plain, timed=True)


def _inner(scan: Scan, at: int, quoted: bool) -> tuple[int, int] | None:
    """An intro behind the answer, on the same line: `reply--- On 4 Apr 2012, bob@x.example wrote:`."""
    text = scan.rows[at].text
    if len(text) > WIDTH:
        return None
    for found in list(_INNER.finditer(text))[-3:]:
        head = text[: found.start()].rstrip()
        if head and (quoted or head.endswith("--")) and _intro(clean(text[found.start() :]), quoted) == FULL:
            return at, len(head.rstrip(EDGE))
    return None


def _intro(said: str, quoted: bool, first: str = "") -> int:
    """How sure it is that this, one line or several joined, introduces a quote. `first` is the first of several."""
    said = said[:WIDTH]
    ruled = said[:3].strip(EDGE) == "" and said[-3:].strip(EDGE) == ""
    said = said.strip(EDGE)
    colon = said.endswith(":")
    if _unopened(said) or 0 <= said.find(">") < said.find("<") or (said.count("<") > said.count(">") and not colon):
        return NONE
    address, ends = _ADDRESS.search(said) is not None or "mailto:" in said, wrote(said)
    if said.startswith(words.QUOTING) and colon and (address or quoted):
        return FULL
    timed, leads = TIME.search(said) is not None, _leads((first or said).strip(EDGE))
    if dated(said) and _names(said, quoted, colon=colon, leads=leads, timed=timed, address=address, ends=ends):
        return FULL if leads else DATED
    if NOTES.search(said) or (colon and address and _STAMPED.search(said)):
        return DATED
    if ends and colon and address:
        return FULL if leads and timed else END
    short = quoted and colon and len(said.split()) <= 12
    return END if ends and (ruled or short) else NONE


def _leads(said: str) -> bool:
    """It starts as an intro does: a date, or `On` and a date. `On the server … on 3 May 2021 Bob wrote:` starts as a
    sentence."""
    if _FIRST_DATE.match(said):
        return True
    first, start = said.split(" ", 1)[0].strip("*,.\"'"), said[:64]
    return first in words.STARTERS and any(pattern.search(start) for pattern in (NUMERIC, YEAR, TIME))


def _names(said: str, quoted: bool, *, colon: bool, leads: bool, timed: bool, address: bool, ends: bool) -> bool:
    """A line with a date is an intro when it also names an author the way programs do."""
    if ends:
        return (timed or address or quoted) and (colon or address or leads)
    if colon and (timed or address or quoted) and any(f" {verb} " in said for verb in words.WROTE_MIDDLE):
        return True
    bracketed = leads and _BRACKETED.search(said) is not None
    return address and ((quoted and (colon or bracketed)) or (colon and bracketed))


# --- header blocks, titles, our marker -------------------------------------------------------------------------------


def block(scan: Scan, at: int) -> int:
    """Where a header block, a title line or our marker that starts in line `at` ends; `at` if there is none."""
    row, following = scan.rows[at], scan.after[at + 1]
    if row.mark in ("original", "forwarded"):
        inner = _fields(scan, following) if following < len(scan.rows) and following - at <= 3 else 0
        return max(inner, at + 1) if inner > following else at + 1
    if row.field:
        return _fields(scan, at)
    if row.bare == "to":
        return _notes(scan, at)
    if row.titled and following < len(scan.rows) and following - at <= 2:
        inner = _fields(scan, following)  # a title that we do not know, over a header block that we do
        return inner if inner > following else at + marker(scan, at)
    return at + marker(scan, at)


def marker(scan: Scan, at: int) -> int:
    """How many lines our marker takes that starts in line `at`; 0 if it does not. It may be wrapped."""
    if not scan.rows[at].marker:
        return 0
    said = ""
    for size, row in enumerate(scan.rows[at : at + 3], 1):
        said += letters(row.plain)
        if any(name in said for name in scan.markers):
            return size
        if not any(name.startswith(said) for name in scan.markers):
            return 0
    return 0


def _fields(scan: Scan, at: int) -> int:
    """Where the header block that starts in line `at` ends; `at` if it is none."""
    kinds: set[str] = set()
    said: list[str] = []
    end, odd, blank, strange = at, 0, 0, 0
    for i, row in enumerate(scan.rows[at : at + _BLOCK], at):
        if (row.depth and (row.field or not row.plain)) or (blank and odd) or blank > 2 or odd > 3:
            break
        if not row.plain:
            blank += 1
            continue
        if (row.field and row.field not in kinds) or row.field in ("other", "cc"):
            kinds |= {row.field, *_inline(row.plain)}
            end, odd, blank = i + 1, 0, 0
        elif blank:
            break
        elif LABEL.match(row.plain):
            odd, strange = 0, strange + 1
        else:
            odd += 1  # a wrapped line; the first may be the last of the block
            if odd == 1 and (row.raw[:1] in " \t" or "@" in row.plain or scan.field(i + 1)):
                end = i + 1
        said.append(row.plain)
    return end if _complete(kinds, strange, "\n".join(said)) else at


def _inline(plain: str) -> set[str]:
    """Further fields on the same line: `À : abc@abc.example Objet : bonjour`."""
    if plain.count(":") < 2:
        return set()
    labels = (part[:-1].strip("*") for part in plain.replace(" :", ":").split()[1:] if part.endswith(":"))
    return {words.FIELDS[label] for label in labels if label in words.FIELDS}


def _complete(kinds: set[str], strange: int, said: str) -> bool:
    """Enough fields for a header. Two are enough only with a date and an address: people report who a mail was from
    and to."""
    core = len(kinds & {"from", "date", "to", "subject"})
    if core != 2 or "@" not in said:
        return core >= 3
    return "date" in kinds or (strange > 0 and dated(said, timed=True))


def _notes(scan: Scan, at: int) -> int:
    """Where a Lotus Notes header ends: labels alone on their lines, the author and the date above them."""
    rows = scan.rows
    stamps = [i for i in range(max(0, at - 4), at) if len(rows[i].plain) <= 60 and dated(rows[i].plain, timed=True)]
    ends = [i for i in range(at + 1, min(at + 10, len(rows))) if rows[i].bare == "subject" and not rows[i].depth]
    if not stamps or not ends:
        return at
    first = stamps[0]
    if (
        first
        and scan.kinds[first - 1] is Kind.NEW
        and 0 < len(rows[first - 1].plain) <= 80
        and rows[first - 1].plain[-1] not in ".!?:,"
    ):
        first -= 1
    scan.kinds[first:at] = [Kind.INTRO] * (at - first)
    following = scan.after[ends[0] + 1]
    return following + 1 if following < len(rows) and following - ends[0] <= 2 else ends[0] + 1
