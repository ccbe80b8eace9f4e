"""Text of an HTML mail, with what its author quotes marked by "> " as in a plain mail.

Only the standard library is used. inscriptis, measured, is not safe on hostile mail: libxml2 below it drops what stands
deeper than 256 elements (an answer would be lost), its walk is recursive, and a table with one wide row and many short
ones costs quadratic time (100 kB: 11 s). `html.parser` of the Pythons that people run (3.11.7) is quadratic as well:
50 kB of "<a " take 75 s (CVE-2025-6069). So mail/html_tags.py cuts out the tags, and here a stack of open elements
writes lines as they pass.

Nothing is fetched, and nothing of the HTML is ever shown: nothing needs sanitising (trust.md C8).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from triagemail.mail.html_tags import (
    BOLD,
    BULLET,
    HIDDEN,
    INDENT,
    NO_PRE,
    OUTLOOK,
    PRE,
    REST,
    SIZED,
    TIGHT,
    TINY,
    VOIDS,
    WRAPPER,
    Tag,
    cut,
)
from triagemail.mail.quoting_words import FIELDS, FORWARDED

MAX_DEPTH = 9  # quote levels that are written; with more the text would grow with the square of the input
MAX_TABLES = 50  # tables inside tables whose rows become lines; deeper ones are only blocks
MAX_OPEN = 5_000  # elements inside elements; what stands deeper is text like any other
MAX_LABEL = 300  # characters of a table cell that may be a label
HEADER_LINES = 12  # among which From, Sent, To and Subject stand

_LONG_NUMBER = re.compile(r"&#[0-9]{8,}+;?")
_UNSHOWN = re.compile(  # control and format characters, halves of surrogate pairs; not NUL, see _preformatted
    "[\x01-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u180e"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\ud800-\udfff\ufeff]+"
)
_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_SCHEME = re.compile(r"^(?:https?://)?(?:www\.)?", re.I)

_STATES = HIDDEN | TINY | SIZED | BOLD | PRE | NO_PRE | BULLET | OUTLOOK  # hold until the element ends
_MATTERS = HIDDEN | TINY | PRE | BULLET | WRAPPER | REST
_EDGES = "-_=*~>:： .\xa0"  # around the title of a forwarded mail
_PARAGRAPHS = frozenset(("p", "h1", "h2", "h3", "h4", "h5", "h6"))
_TABLE_PARTS = frozenset(("table", "caption", "tbody", "td", "tfoot", "th", "thead", "tr"))
_STRUCTURE = frozenset(("table", "tr", "td", "th", "ul", "ol", "li", "pre", "textarea", "blockquote", *_PARAGRAPHS))
_CLOSES = {  # what a start tag ends by itself (HTML 13.1.2.4)
    "li": ("li",),
    "dt": ("dt", "dd"),
    "dd": ("dt", "dd"),
    "td": ("td", "th"),
    "th": ("td", "th"),
    "tr": ("td", "th", "tr"),
    "tbody": ("td", "th", "tr", "tbody", "thead"),
    "tfoot": ("td", "th", "tr", "tbody", "thead"),
    "thead": ("td", "th", "tr", "tbody", "thead"),
}
_FLOORS = {"li": ("ul", "ol"), "dt": ("dl",), "dd": ("dl",)}  # ... but not beyond these


def html_to_text(html: str) -> str:
    """Text of an HTML document: LF line ends, at most one blank line between blocks, none at either end. Never raises.

    Quoted text has "> " before it, once a level. Outlook's header block ("From: ... Sent: ...") and what follows it
    stay as they are, as in the plain part of the same mail: people answer inside it, and mail/quoting.py knows the
    block. So does a forwarded mail: its line "---------- Forwarded message" has no prefix. Linear time.
    Source: process.md 2 ("an HTML form or table; bold or starred labels; answers typed under the quoted questions").
    """
    writer = _Writer()
    for text, tag in cut(html.replace("\0", "")):
        if text:
            writer.text(text)
        if tag is not None:
            writer.end(tag) if tag.closing else writer.start(tag)
    return writer.finish()


class _Open:
    """An element whose end has not come yet, and what was true outside of it."""

    __slots__ = ("block", "cell", "line", "piece", "pre", "same", "table", "tag", "tiny")

    def __init__(self, tag: Tag, same: int, writer: _Writer) -> None:
        self.tag = tag
        self.same = same  # position of the next outer element of this name
        self.line = len(writer.lines)
        self.piece = len(writer.pieces)
        self.block = writer.block
        self.cell = writer.cell
        self.table = writer.table
        self.tiny = writer.tiny
        self.pre = writer.pre


class _Row:
    """A table row: of each cell the first line, and whether all its text is bold."""

    __slots__ = ("cells", "position", "quotes")

    def __init__(self, position: int, quotes: int) -> None:
        self.position = position  # in the stack of open elements
        self.quotes = quotes
        self.cells: list[tuple[int, bool]] = []


class _Writer:
    """Lines of text from tags and text, without a tree: a stack of open elements, and intervals of quoted lines."""

    def __init__(self) -> None:
        self.lines: list[str | None] = []  # None: became part of the line below
        self.gaps: list[bool] = []  # a blank line stands before it
        self.levels: dict[int, int] = {}  # line number -> change of the quote level there
        self.quotes = 0  # intervals closed so far
        self.pieces: list[str] = []  # of the line being written
        self.gap = False
        self.marker = ""  # "- " until the item's first text
        self.open: list[_Open] = []
        self.last: dict[str, int] = {}  # name -> position of the innermost open element
        self.block = -1  # positions of the innermost open block, cell (or table) and table
        self.cell = -1
        self.table = -1
        self.rows: list[_Row] = []
        self.lists: list[int] = []  # next number; 0 = bullets
        self.frames: set[int] = set()  # positions of wrappers with a blockquote as child: people answer below it
        self.rests: dict[int, int] = {}  # position (-1: the document) -> line from which the rest of it is quoted
        self.forwards: set[int] = set()  # lines at which a forwarded mail begins
        self.outlook = 0  # Outlook's quotes that are open: one level however many stand inside each other
        self.hidden = 0
        self.tiny = False
        self.unseen = False  # hidden or tiny
        self.bold = 0
        self.all_bold = False  # of the text in this cell so far
        self.pre = False
        self.skip_newline = False
        self.bullet = False

    def text(self, raw: str) -> None:
        """Text as it stands in the HTML; entities are decoded here."""
        if self.unseen:
            return
        if "&" in raw:
            raw = _decoded(raw)
        if self.all_bold and not self.bold and raw.strip():
            self.all_bold = False
        if self.pre:
            self._preformatted(raw)
        else:
            self.pieces.append(raw)

    def start(self, tag: Tag) -> None:
        """A start tag: what it ends by itself, then what it begins."""
        name = tag.name
        last = self.last
        if name in VOIDS:
            self._void(tag)
            return
        if tag.block:
            if last.get("p", -1) > self.cell:
                self._close_to(last["p"])
            if self.pieces:
                self._flush()
            if name in _CLOSES:
                self._imply_ends(name)
        elif last.get(name, -1) < 0 and not (tag.traits & _MATTERS or tag.target or self.tiny or self.pre):
            if self.cell < 0 or not tag.traits & BOLD:
                return  # nothing to remember, as of most inline elements
        elif name == "a" and last.get(name, -1) > self.block:
            self._close_to(last[name])
        position = len(self.open)
        if position >= MAX_OPEN:
            return
        if tag.traits & (REST | OUTLOOK) or name == "blockquote":
            tag = self._begin_quote(tag)
        self.open.append(_Open(tag, last.get(name, -1), self))
        last[name] = position
        if tag.block:
            self.block = position
            if name in _STRUCTURE:
                self._begin_block(tag, position)
        if tag.traits & _STATES:
            self._begin_traits(tag.traits)

    def end(self, tag: Tag) -> None:
        """An end tag ends what stands inside its element too, but reaches over no block (inline) or cell (block)."""
        position = self.last.get(tag.name, -1)
        if position >= 0:
            if tag.name in _TABLE_PARTS:
                floor = self.table
            else:
                floor = self.cell if tag.block else self.block
            if position >= floor:
                self._close_to(position)
                return
        if tag.name == "br" or (tag.block and self.pieces):  # "</br>" is a line break (HTML 13.2.6.4.7)
            self._flush(forced=tag.name == "br")

    def finish(self) -> str:
        """End what is open, and join the lines."""
        self._close_to(0)
        self._flush()
        if -1 in self.rests:
            self._quote_outlook(self.rests[-1])
        return "\n".join(self._marked()).strip("\n")

    def _marked(self) -> Iterator[str]:
        """The lines with blank lines between blocks, and their quote prefixes."""
        level = before = 0
        for number, line in enumerate(self.lines):
            level += self.levels.get(number, 0)
            if line is None:
                continue
            depth = min(level, MAX_DEPTH)
            if self.gaps[number]:
                yield ("> " * min(before, depth)).rstrip()
            yield "> " * depth + line if line else ("> " * depth).rstrip()
            before = depth

    def _begin_quote(self, tag: Tag) -> Tag:
        if tag.name == "blockquote":
            if self.block >= 0 and self.open[self.block].tag.traits & (WRAPPER | OUTLOOK) == WRAPPER:
                self.frames.add(self.block)
            return tag
        if tag.traits & REST:
            self._quote_rest()
        if tag.traits & OUTLOOK and self.outlook:
            return Tag(tag.name, traits=tag.traits & ~(OUTLOOK | WRAPPER), block=True)
        return tag

    def _quote_rest(self) -> None:
        """Quote what follows in the block that stands open: Outlook marks only where the quote begins."""
        if not self.outlook:
            self.outlook += 1
            self.rests[self.block] = len(self.lines)

    def _begin_traits(self, traits: int) -> None:
        self.hidden += bool(traits & HIDDEN)
        self.bold += bool(traits & BOLD)
        self.outlook += bool(traits & OUTLOOK)
        if traits & (TINY | SIZED):
            self.tiny = bool(traits & TINY)
        if traits & (PRE | NO_PRE):
            self.pre = bool(traits & PRE)
        if traits & BULLET:
            self.bullet = True
        self.unseen = self.tiny or self.hidden > 0

    def _begin_block(self, tag: Tag, position: int) -> None:
        name = tag.name
        if name in _PARAGRAPHS:
            if not tag.traits & (TIGHT | HIDDEN) and not self.unseen:
                self.gap = True
        elif name == "table":
            self.table = self.cell = position
        elif name == "tr":
            if len(self.rows) < MAX_TABLES:
                self.rows.append(_Row(position, self.quotes))
        elif name in ("td", "th"):
            self.cell = position
            self.all_bold = True
            if row := self._row():
                row.cells.append((len(self.lines), False))
        elif name in ("ul", "ol"):
            self.lists.append(0 if name == "ul" else tag.number or 1)
        elif name == "li":
            self._begin_item(tag)
        elif name in ("pre", "textarea"):
            self.skip_newline = True

    def _begin_item(self, tag: Tag) -> None:
        indent = "  " * (min(len(self.lists), 5) - 1)
        if not self.lists or not self.lists[-1]:
            self.marker = indent + "- "
            return
        number = tag.number or self.lists[-1]
        self.lists[-1] = number + 1
        self.marker = f"{indent}{number}. "

    def _row(self) -> _Row | None:
        """The row that a cell belongs to; None outside of rows and in tables that stand too deep."""
        return self.rows[-1] if self.rows and self.rows[-1].position > self.table else None

    def _void(self, tag: Tag) -> None:
        name = tag.name
        if name == "br":
            if not self.unseen and not tag.traits & HIDDEN:
                self._flush(forced=True)
        elif name == "hr":
            self._flush()
            self.gap = self.gap or not self.unseen
            if tag.traits & (REST | WRAPPER):
                self._quote_rest()
        elif 0 < len(tag.alt) <= 8 and not tag.alt.isascii() and not any(map(str.isalpha, tag.alt)):
            self.text(tag.alt)  # an emoji that is shown as an image

    def _imply_ends(self, name: str) -> None:
        """End the outermost of the elements that this start tag ends, unless it stands around the floor."""
        last = self.last
        floor = self.table
        for outer in _FLOORS.get(name, ()):
            floor = max(floor, last.get(outer, -1))
        outermost = len(self.open)
        for inner in _CLOSES[name]:
            position = last.get(inner, -1)
            if floor < position < outermost:
                outermost = position
        self._close_to(outermost)

    def _close_to(self, position: int) -> None:
        while len(self.open) > position:
            self._close(self.open.pop())

    def _close(self, entry: _Open) -> None:
        tag = entry.tag
        self.last[tag.name] = entry.same
        if tag.target:
            self._end_link(entry)
        if tag.block:
            if self.pieces:
                self._flush()
            position = self.block
            self.block = entry.block
            if tag.name in _STRUCTURE:
                self._end_block(entry)
            if tag.traits & WRAPPER:
                self._end_wrapper(entry, position)
            if self.rests and position in self.rests:
                self._quote_outlook(self.rests.pop(position))
                self.outlook -= 1
        if tag.traits & _STATES:
            self._end_traits(entry)

    def _end_traits(self, entry: _Open) -> None:
        traits = entry.tag.traits
        if traits & BULLET and self.bullet:
            self._end_bullet(entry)
        self.hidden -= bool(traits & HIDDEN)
        self.bold -= bool(traits & BOLD)
        self.outlook -= bool(traits & OUTLOOK)
        self.tiny = entry.tiny
        self.pre = entry.pre
        self.unseen = self.tiny or self.hidden > 0

    def _end_block(self, entry: _Open) -> None:
        name = entry.tag.name
        if name in _PARAGRAPHS:
            if not entry.tag.traits & TIGHT and len(self.lines) > entry.line:
                self.gap = True
        elif name in ("td", "th"):
            self._end_cell(entry)
        elif name == "tr":
            if self.rows and self.rows[-1].position == len(self.open):
                self._end_row(self.rows.pop())
        elif name == "table":
            self.table, self.cell = entry.table, entry.cell
        elif name in ("ul", "ol"):
            self.lists.pop()
        elif name == "li":
            self.marker = ""
        elif name == "blockquote" and not entry.tag.traits & INDENT and not self._forwarded(entry.line, ruled=False):
            self._quote(entry.line)

    def _end_cell(self, entry: _Open) -> None:
        if (row := self._row()) and row.cells:
            row.cells[-1] = (row.cells[-1][0], self.all_bold)
        self.cell = entry.cell

    def _end_row(self, row: _Row) -> None:
        """Make one line of a row of one-line cells; "question: answer" of two cells with a label (process.md 2)."""
        if len(row.cells) < 2 or row.quotes != self.quotes:
            return
        starts = [line for line, _ in row.cells]
        counts = [end - start for start, end in zip(starts, [*starts[1:], len(self.lines)], strict=True)]
        first = self.lines[starts[0]] if counts[0] == 1 else None
        if len(counts) == 2 and counts[1] and first and len(first) <= MAX_LABEL:
            ends, bold = first.endswith((":", "?", "：", "？")), row.cells[0][1] and not row.cells[1][1]
            second = self.lines[starts[1]]
            if (ends or bold) and second is not None:
                self.lines[starts[1]] = f"{first}{'' if ends else ':'} {second}"
                self.gaps[starts[1]] = self.gaps[starts[0]]
                self.lines[starts[0]] = None
                return
        if max(counts) == 1 and sum(counts) > 1:
            self.lines[starts[0] :] = ["  ".join(filter(None, self.lines[starts[0] :]))]
            del self.gaps[starts[0] + 1 :]

    def _end_link(self, entry: _Open) -> None:
        """Write a link's target behind its text where the text does not say it."""
        target = entry.tag.target
        if self.unseen:
            return
        if len(self.lines) == entry.line:
            text = "".join(self.pieces[entry.piece :])
            if text.strip() and _bare(text) != _bare(target):
                self.pieces.append(f" <{target}>" + " " * text[-1].isspace())
        elif self.pieces:
            self.pieces.append(f" <{target}>")
        elif _bare(self.lines[-1] or "") != _bare(target):
            self.lines[-1] = f"{self.lines[-1]} <{target}>"

    def _end_bullet(self, entry: _Open) -> None:
        """Word writes the bullet or number of a list item as text of its own."""
        self.bullet = False
        text = " ".join("".join(self.pieces[entry.piece :]).split()) if len(self.lines) == entry.line else ""
        if text and len(text) <= 8:
            sign = "-" if text == "o" or (len(text) == 1 and not text.isalnum()) else text
            self.pieces[entry.piece :] = [sign + " "]

    def _end_wrapper(self, entry: _Open, position: int) -> None:
        """Quote what stood in a container, unless blockquotes in it do, or a forwarded mail does."""
        if position in self.frames:
            self.frames.discard(position)
        elif entry.tag.traits & OUTLOOK:
            self._quote_outlook(entry.line)
        elif not self._forwarded(entry.line):
            self._quote(entry.line)

    def _forwarded(self, line: int, ruled: bool = True) -> bool:
        """A container begins with "---------- Forwarded message"; not `ruled`: with Apple's "Begin forwarded message:".

        Only once for a line: a quote of nothing but a forwarded mail is a quote.
        """
        first = next(filter(None, self.lines[line : line + 2]), "")[:200].casefold().strip()
        if first.strip(_EDGES) not in FORWARDED or line in self.forwards or (first[0] in _EDGES and not ruled):
            return False
        self.forwards.add(line)
        return True

    def _quote_outlook(self, line: int) -> None:
        """Prefix Outlook's quote only if it has no header block by which mail/quoting.py knows it."""
        kinds = set()
        for text in self.lines[line : line + HEADER_LINES]:
            label, colon, _ = (text or "")[:40].replace("：", ":").partition(":")
            if colon:
                kinds.add(FIELDS.get(label.strip().casefold()))
        if len(kinds & {"from", "date", "to", "subject"}) < 3:
            self._quote(line)

    def _quote(self, line: int) -> None:
        """One level more for the lines from this one on."""
        if line < len(self.lines):
            self.quotes += 1
            self.levels[line] = self.levels.get(line, 0) + 1
            self.levels[len(self.lines)] = self.levels.get(len(self.lines), 0) - 1

    def _preformatted(self, raw: str) -> None:
        """Text whose line breaks and spaces count; NUL stands for a space that is kept."""
        raw = _BREAKS.sub("\n", raw)
        if self.skip_newline and raw.startswith("\n"):
            raw = raw[1:]
        self.skip_newline = False
        first, *others = raw.expandtabs(4).replace(" ", "\0").split("\n")
        self.pieces.append(first)
        for other in others:
            if not self._flush():
                self._put("")
            self.pieces.append(other)

    def _flush(self, forced: bool = False) -> bool:
        """End the line; an empty one becomes a gap if a line break or a non-breaking space made it. True if written."""
        raw = "".join(self.pieces)
        self.pieces.clear()
        text = " ".join(raw.split())
        if not (text.isascii() and text.isprintable()):
            text = " ".join(_UNSHOWN.sub("", text).split()).replace("\0", " ").rstrip()
        if not text:
            self.gap = self.gap or forced or "\xa0" in raw
            return False
        if text == "--" and raw[-1] in " \xa0\0\n":
            text = "-- "  # the signature's separator (RFC 3676 4.3)
        self._put(self.marker + text if self.marker else text)
        self.marker = ""
        return True

    def _put(self, line: str) -> None:
        self.lines.append(line)
        self.gaps.append(self.gap)
        self.gap = False


def _decoded(text: str) -> str:
    """Entities decoded; a number of thousands of digits would make int() raise, so a long one is a sign by then."""
    text = text.replace("&nbsp;", "\xa0")  # nearly all there are
    if "&#" in text:
        text = _LONG_NUMBER.sub("\ufffd", text)
    return unescape(text) if "&" in text else text


def _bare(url: str) -> str:
    return _SCHEME.sub("", url.strip()).rstrip("/").lower()
