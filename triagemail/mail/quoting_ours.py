"""Which lines of a reply are lines of our own mail, and which answers were typed between them (process.md 2, trust.md
C10)."""

from __future__ import annotations

from triagemail.mail.quoting_lines import LABEL, Kind, Row, Scan, absorb, dated, letters, runs
from triagemail.mail.quoting_parent import SHORT, Match, Parent

_AGAIN = 8  # words of an answer that may be the words of a line of ours
_ORDER = 6  # words of ours over several lines in our order: no answer
_SURE = 12  # words of one line of ours that no person types


def compare(scan: Scan, parent: str) -> dict[int, str]:
    """Marks the lines of our mail, and finds the answers that were typed into it. Returns lines whose text is to be
    replaced."""
    ours = Parent(parent)
    rows, kinds = scan.rows, scan.kinds
    below = (scan.after[at + 1] for at in range(len(rows)))
    following = (rows[at].text if at < len(rows) else "" for at in below)
    matches = [ours.match(row.text, text) if row.plain else None for row, text in zip(rows, following, strict=True)]
    _unintroduced(scan, matches)
    replaced: dict[int, str] = {}
    seen = False  # a line of ours came since the last intro: only then is unmarked text an answer to us
    for at, (row, found) in enumerate(zip(rows, matches, strict=True)):
        kind = kinds[at]
        if not row.plain or (kind is Kind.NEW and found is not None and _said_again(found)):
            continue
        if found is not None and found.rest:
            if kind is not Kind.FORWARDED and kind is not Kind.INTRO:
                kinds[at], seen = Kind.NEW, True
                replaced[at] = found.line + found.rest if found.follows else row.text
        elif found is not None and (
            row.depth or not seen or found.letters >= SHORT or found.next or _led(scan, matches, at)
        ):
            kinds[at] = Kind.OURS
            seen = seen or found.letters >= SHORT
        elif kind is Kind.INTRO:
            seen = False
        elif kind is Kind.QUOTE and not row.depth and seen and _says(row, ours):
            kinds[at] = Kind.NEW
    _join(scan)
    _pasted(scan)
    return replaced


def _pasted(scan: Scan) -> None:
    """What a person passed on above our mail with quote prefixes, below words of their own (`The customer says:`) and
    not below what a program writes: "new text is what does not stand in the mail of ours" (process.md 9). Like all that
    is passed on it is kept, and never obeyed. Once a line of ours came, what is quoted may be ours in another form."""
    first, above = -1, -1  # where such a run began; the last line with words
    for at, (row, kind) in enumerate(zip(scan.rows, scan.kinds, strict=True)):
        if kind is Kind.OURS:
            return
        if kind is Kind.QUOTE and row.depth:
            first = _led_by(scan, above, at) if first < 0 else first
        elif first >= 0:
            scan.kinds[first:at] = [Kind.FORWARDED] * (at - first)
            first = -1
        above = at if row.plain and kind is not Kind.QUOTE else above
    if first >= 0:
        scan.kinds[first:] = [Kind.FORWARDED] * (len(scan.kinds) - first)


def _led_by(scan: Scan, above: int, at: int) -> int:
    """Where a quote that a person pasted begins, with their own line that introduces it; -1 where a program quoted."""
    if above < 0 or (above < at - 1 and not scan.blank(at - 1)):
        return -1
    said = scan.rows[above].plain
    if scan.kinds[above] is Kind.INTRO and not dated(said) and "@" not in said:
        return above
    return at if scan.kinds[above] is Kind.NEW else -1


def _said_again(found: Match) -> bool:
    """Unmarked where all quotes are marked: an answer may have the words of a line of ours ("P2 because there is a
    workaround")."""
    return not (found.rest or found.follows or found.asks) and found.words <= _AGAIN


def _led(scan: Scan, matches: list[Match | None], at: int) -> bool:
    """The next line goes on in our mail: a few words of ours, and no answer that happens to have them ("P0")."""
    following = scan.after[at + 1]
    found, other = matches[at], matches[following] if following < len(matches) else None
    return found is not None and other is not None and other.start == found.end


def _says(row: Row, ours: Parent) -> bool:
    """Letters, or a symbol that our mail does not have: a thumb is an answer, a rule is none."""
    if letters(row.plain):
        return True
    return row.mark != "rule" and not row.plain.isascii() and "".join(row.text.split()) not in ours.symbols


def _unintroduced(scan: Scan, matches: list[Match | None]) -> None:
    """Our mail quoted without marks below an intro that we do not know."""
    for start, end in list(runs(scan.kinds)):
        solid = _solid(scan, matches, start, end)
        scan.kinds[solid:end] = [Kind.QUOTE] * (end - solid)
        below = matches[end] if end < len(matches) else None
        if solid < end or (below is not None and not below.rest):
            _unknown(scan, min(solid, end))


def _solid(scan: Scan, matches: list[Match | None], start: int, end: int) -> int:
    """The first of these unmarked lines from which our mail is quoted for certain; `end` if nowhere.

    One line may be an answer that has the words of one of ours; lines in our order are not.
    """
    first, size, last = start, 0, -1
    for at in range(start, end):
        found = matches[at]
        if found is None or found.rest:
            size = 0 if scan.rows[at].plain else size
            continue
        if not size or found.start != last:
            first, size = at, 0
        size, last = size + found.words, found.end
        if size >= (_ORDER if at > first else _SURE):
            return first
    return end


def _unknown(scan: Scan, at: int) -> None:
    """An intro in a language we do not know, directly above our quoted mail: an address, a date, a colon; or a block
    of labels."""
    last = at - 1
    while last >= 0 and scan.blank(last) and at - last < 4:
        last -= 1
    if last < 0 or not (scan.rows[last].plain.endswith(":") or LABEL.match(scan.rows[last].plain)):
        return
    labels, said = 0, ""
    for first in range(last, max(last - 8, -1), -1):
        plain = scan.rows[first].plain
        if scan.kinds[first] is not Kind.NEW or not plain:
            return
        said, labels = f"{plain} {said}", labels + (LABEL.match(plain) is not None)
        ends = scan.rows[last].plain.endswith(":") and last - first < 3
        whole = labels == last - first + 1 >= 3 and not (first and LABEL.match(scan.rows[first - 1].plain))
        if (ends or whole) and "@" in said and dated(said, timed=True):
            scan.kinds[first : last + 1] = [Kind.INTRO] * (last + 1 - first)
            absorb(scan, first)
            return


def _join(scan: Scan) -> None:
    """Blank lines between two new lines belong to them."""
    kinds, rows, last = scan.kinds, scan.rows, -1
    for at, kind in enumerate(kinds):
        if not rows[at].plain and not rows[at].depth:
            continue
        if kind is Kind.NEW and last >= 0 and kinds[last] is Kind.NEW and at - last > 1:
            kinds[last + 1 : at] = [Kind.NEW] * (at - last - 1)
        last = at
