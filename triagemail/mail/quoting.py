"""What a person newly wrote, and what a mail program put around it: every line of a mail gets a kind.

Our own line scanner, because no library finds more than 58 % and several hang on hostile text (`libraries.md` 3,
M15). Losing a person's words is worse than a quoted line too many: in doubt a line is new.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from triagemail.mail.languages import markers as our_markers
from triagemail.mail.quoting_intro import block, marker, wrote_window
from triagemail.mail.quoting_lines import Kind, Scan, absorb, runs, scan
from triagemail.mail.quoting_ours import compare

__all__ = ["Kind", "Line", "new_text", "split"]

_CODE = 500  # lines of a code block
_ARMOUR = 80  # lines of a PGP signature
_TAIL = 15  # lines that may follow a signature's mark
_LONG_TAIL = 40  # the same when it is the mark of RFC 3676 4.3, with its space


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its quote prefix."""

    text: str
    kind: Kind


def split(text: str, parent: str = "", markers: Sequence[str] = ()) -> tuple[Line, ...]:
    """The lines of `text` with their kinds, in order; never raises, linear time.

    `parent` is the text of the mail of ours that is answered ("" = unknown); where its HTML part says more than its
    text part, both, one after the other. `markers` are the lines above which we ask people to write, by default ours in
    every language. A line of our mail is never new where it is quoted or stands below an intro; in an unmarked quote
    (Outlook) what is not in our mail is new, "answers typed under the quoted questions of our own mail" (process.md 2).
    A line that starts with a line of ours and goes on is new as a whole.
    """
    found = scan(text, markers or our_markers(), own=bool(parent.strip()))
    _walk(found)
    replaced = compare(found, parent) if found.own else {}
    spoken = False
    for start, end in list(runs(found.kinds)):
        if any(row.signs for row in found.rows[start:end]):
            _sign(found, start, end, spoken)
        spoken = spoken or any(found.rows[i].plain and found.kinds[i] is Kind.NEW for i in range(start, end))
    return tuple(_lines(found, replaced))


def new_text(lines: Iterable[Line]) -> str:
    """What the person newly wrote or passed on: the NEW and the FORWARDED lines, blank edges trimmed. Readers of
    commands look at the kinds: a forwarded line is kept, and never obeyed."""
    return "\n".join(line.text for line in lines if line.kind in (Kind.NEW, Kind.FORWARDED)).strip()


def _lines(found: Scan, replaced: dict[int, str]) -> Iterator[Line]:
    """The lines to hand out; equal ones are one object."""
    shared: dict[tuple[str, Kind], Line] = {}
    for at, (row, kind) in enumerate(zip(found.rows, found.kinds, strict=True)):
        text = row.text
        if at in found.heads:
            yield Line(text[: found.heads[at]].rstrip(), Kind.NEW)
            text = text[found.heads[at] :]
        elif at in replaced:
            text = replaced[at]
        line = shared.get((text, kind))
        if line is None:
            line = shared[text, kind] = Line(text, kind)
        yield line
    for text in found.beyond:
        line = shared.get((text, Kind.QUOTE))
        if line is None:
            line = shared[text, Kind.QUOTE] = Line(text, Kind.QUOTE)
        yield line


# --- the walk --------------------------------------------------------------------------------------------------------


def _walk(found: Scan) -> None:
    """Gives every line a kind; our own mail and signatures are looked for later."""
    rows, kinds = found.rows, found.kinds
    at = 0
    while at < len(rows):
        row, end = rows[at], at + 1
        if row.depth:
            _quoted(found, at)
        elif not row.plain:
            end = found.after[at]
            kinds.extend([found.rest or Kind.NEW] * (end - at))
        elif found.rest is not None and not found.own:
            kinds.extend([found.rest] * (len(rows) - at))
            return
        elif row.dull:
            _loose(found, at)
        elif row.mark in ("fence", "pgp") and found.rest is None:
            end = _fenced(found, at) if row.mark == "fence" else _armour(found, at)
        elif (end := block(found, at)) > at:
            _begun(found, at, end)
        else:
            end = at + 1
            _loose(found, at)
            if row.ends:
                _introduced(found, at)
        at = end


def _quoted(found: Scan, at: int) -> None:
    """A line with a quote prefix, or one whose `>` closes an address in an intro."""
    row = found.rows[at]
    if found.rest is None and row.mark == "forwarded" and (at == 0 or not found.rows[at - 1].depth):
        found.marked = Kind.FORWARDED
    found.kinds.append(Kind.FORWARDED if found.rest is Kind.FORWARDED else found.marked)
    if found.rest is None and row.ends:
        _introduced(found, at)


def _loose(found: Scan, at: int) -> None:
    """A line without a quote prefix."""
    if found.rest is not None:
        found.kinds.append(found.rest)
        return
    tail = _is_tail(found, at)
    found.kinds.append(found.marked if tail else Kind.NEW)
    if not tail:
        found.marked, found.spoken = Kind.QUOTE, found.spoken or found.rows[at].mark != "rule"


def _is_tail(found: Scan, at: int) -> bool:
    """An unmarked line among marked ones is an answer, but not the end of a long line or a link that some program
    wrapped."""
    rows = found.rows
    if at == 0 or at + 1 == len(rows) or not rows[at - 1].depth or not rows[at + 1].depth:
        return False
    text, before = rows[at].text, rows[at - 1]
    if any(
        before.plain.rfind(left) > before.plain.rfind(right) and right in text
        for left, right in (("(http", ")"), ("<http", ">"))
    ):
        return True
    long = 60 <= len(before.raw) <= 200 and before.plain[-1:] not in ".?!:;。？！"
    return long and (text[0].islower() or not text[0].isalnum()) and text[0] not in "[*-+#"


def _introduced(found: Scan, at: int) -> None:
    """Looks for an intro that ends in line `at`; unmarked lines behind it are quoted unless marked ones follow."""
    start = wrote_window(found, at)
    if start is None:
        return
    first, offset = start
    if offset:
        found.heads[first] = offset
    found.kinds[first : at + 1] = [Kind.INTRO] * (at + 1 - first)
    absorb(found, first)
    if found.rest is None and not found.quoted(at):
        found.rest = Kind.QUOTE


def _begun(found: Scan, at: int, end: int) -> None:
    """A header block, a title or our marker stands in lines `at` to `end`."""
    row, kinds = found.rows[at], found.kinds
    silent = not (
        found.spoken or found.own or row.mark or marker(found, at)
    )  # Outlook forwards with a header block only
    kind = found.rest or (Kind.FORWARDED if row.mark == "forwarded" or silent else Kind.QUOTE)
    kinds.extend([kind if kind is Kind.FORWARDED else Kind.INTRO] * (end - at))
    absorb(found, at)
    following = found.after[end]
    marked = found.quoted(end - 1) and following + 1 < len(found.rows) and found.rows[following + 1].depth > 0
    if marked and found.rest is None:
        found.marked = kind
    else:
        found.rest = kind


def _fenced(found: Scan, at: int) -> int:
    """Where the code block that starts in line `at` ends. Code is what a person pasted, whatever it looks like."""
    rows, kinds = found.rows, found.kinds
    last = next((i for i in range(at + 1, min(at + _CODE, len(rows))) if rows[i].mark == "fence"), 0)
    if not last:
        _loose(found, at)
        return at + 1
    for i in range(at, last + 1):
        rows[i] = replace(rows[i], text=rows[i].raw, depth=0) if rows[i].depth else rows[i]
    kinds.extend([Kind.NEW] * (last + 1 - at))
    found.spoken = True
    return last + 1


def _armour(found: Scan, at: int) -> int:
    """Where the head of a PGP message or its signature, which starts in line `at`, ends."""
    rows, end = found.rows, at + 1
    signed = rows[at].plain.startswith("-----begin pgp signed")
    while end < min(at + _ARMOUR, len(rows)) and (not signed or rows[end].plain.startswith("hash:")):
        end += 1
        if rows[end - 1].plain.startswith("-----end pgp"):
            break
    found.kinds.extend([Kind.SIGNATURE] * (end - at))
    return end


# --- signatures ------------------------------------------------------------------------------------------------------


def _sign(found: Scan, start: int, end: int, spoken: bool) -> None:
    """The signature, the program's own line and the disclaimers in one run of new lines."""
    kinds, rows = found.kinds, found.rows
    mark = _mark(found, start, end, spoken)
    kinds[mark:end] = [Kind.SIGNATURE] * (end - mark)
    notice = False
    for i in range(start, mark):
        row = rows[i]
        notice = bool(row.plain) and (notice or (row.signs == "notice" and spoken))
        if notice or (row.signs == "sent" and _last(found, i + 1, end)):
            kinds[i] = Kind.SIGNATURE
        elif row.plain:
            spoken = True


def _last(found: Scan, at: int, end: int) -> bool:
    """Nothing follows directly: a program sets its own line apart, a person's sentence goes on."""
    return at >= end or not found.rows[at].plain or found.rows[at].signs != "" or found.rows[at].mark == "rule"


def _mark(found: Scan, start: int, end: int, spoken: bool) -> int:
    """The line of the signature's mark; `end` if there is none. What is above it must say something, or it is no
    signature."""
    rows, left, mark = found.rows, 0, end
    first = next((i for i in range(start, end) if rows[i].plain), end)
    for i in range(end - 1, start - 1, -1):
        row = rows[i]
        if row.signs == "mark":
            limit = _LONG_TAIL if row.raw == "-- " else _TAIL // 2 if row.plain[0] == "_" else _TAIL
            if left <= limit and (spoken or i > first or row.raw == "-- "):
                mark = i
        left += bool(row.plain)
        if left > _LONG_TAIL:
            break
    return mark
