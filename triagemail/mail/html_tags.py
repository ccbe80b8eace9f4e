"""Cuts HTML into text and tags, in one pass: no tree, no recursion, no backtracking (trust.md C2, C6).

Only what mail/html.py asks about a tag is read from it: is its element hidden, quoted, bold, a block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from urllib.parse import parse_qs, urlsplit

# Traits of an element; several may be set.
HIDDEN, TINY, SIZED, BOLD, PRE, NO_PRE, TIGHT, BLOCK, BULLET, INDENT = (1 << n for n in range(10))
WRAPPER, OUTLOOK, REST = (1 << n for n in range(10, 13))

MAX_UNCLOSED = 16  # tags with an unclosed quote that are searched to the end of the mail
MAX_TARGET = 2000  # characters of a link's target
MAX_STYLE = 4000  # characters of a style attribute
MAX_CACHED = 400  # characters of a tag worth remembering: mail repeats few tags very often

# Possessive, so it never goes back; a quote counts only behind "=" (HTML 13.2.5.37).
_TAG = re.compile(r"""<(/?)([a-zA-Z][^\s/>]*+)((?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+'|(?=[^\s"'])))*+)>""")
_RAGGED_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*+)([^>]*+)>")
_RENAMED = re.compile("^(?:x_)*+")  # Outlook on the web renames what it quotes
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DECLARES = ("!", "?", "/")
_ATTRIBUTE = re.compile(r"""([^\s=>"'/]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>]*+)))?""")
_COMMENT_END = re.compile("--!?>")
_UNREAD = ("iframe", "noembed", "noframes", "script", "style", "title", "xmp")  # their text is no markup (HTML 13.1.2)
_UNREAD_END = {name: re.compile(f"</{name}(?=[\\s/>])", re.I) for name in _UNREAD}
_NUMBER = re.compile("[0-9]{1,6}")

_HIDES = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all"
    r"|(?:max-height|(?<![a-z-])opacity)\s*:\s*0(?:\.0+)?(?:px|pt)?\s*(?:[;!]|$)"
)
_BLOCK = re.compile(r"display\s*:\s*(?:block|flex|grid|list-item|table)")
_FONT_SIZE = re.compile(r"font-size\s*:\s*([^;!]*)")
_NO_SIZE = re.compile(r"(?:0(?:\.0+)?(?:[a-z]{1,3}|%)?|1(?:\.0+)?p[xt])\s*$")
_HEAVY = re.compile(r"font-weight\s*:\s*(?:bold|[6-9]00)")
_SPACES = re.compile(r"white-space\s*:\s*(pre|[a-z]+)")
_ZERO = r"(?:0|0?\.0+1?)[a-z%]*"  # Word writes .0001pt
_NO_MARGIN = re.compile(
    rf"margin-top\s*:\s*{_ZERO}(?![.\d])|margin\s*:\s*{_ZERO}(?:\s+[^\s;]+(?:\s+{_ZERO}(?:\s+[^\s;]+)?)?)?\s*(?:[;!]|$)"
)
_LIST_SIGN = re.compile(r"mso-list\s*:\s*ignore")
_INDENT = re.compile(r"margin\s*:\s*0(?:px)?\s+0(?:px)?\s+0(?:px)?\s+40px\s*;\s*border\s*:\s*none")

_BLOCKS = (
    "address article aside blockquote caption center dd details dialog dir div dl dt fieldset figcaption figure footer"
    " form h1 h2 h3 h4 h5 h6 header legend li main menu nav ol p pre section summary svg table tbody td template"
    " textarea tfoot th thead tr ul xml"
)
BLOCKS = frozenset(_BLOCKS.split())
_VOIDS = "area base br col embed hr img input link meta param source track wbr html head body"
VOIDS = frozenset(_VOIDS.split())  # and those whose ends are often missing or too early
_OWN_TRAITS = {
    **dict.fromkeys(("audio", "canvas", "datalist", "math", "select", "svg", "template", "video", "xml"), HIDDEN),
    **dict.fromkeys(("b", "strong", "th"), BOLD),
    **dict.fromkeys(("pre", "textarea"), PRE),
}

# Containers of quoted text by class, id, name or data-marker, in lower case.
_WRAPPERS = frozenset(
    (
        *("gmail_quote", "gmail_quote_container", "yahoo_quoted", "protonmail_quote", "tutanota_quote", "aol_quote"),
        *("aolmail_quote", "zmail_extra", "freshdesk_quote", "missive_quote", "isreplycontent"),
        *("messagereplysection", "__quoted_text__", "__headers__"),
    )
)
_OUTLOOK = frozenset(
    ("olk_src_body_section", "ms-outlook-mobile-reference-message", "mail-editor-reference-message-container")
)
_RESTS = frozenset(("divrplyfwdmsg", "appendonsend"))  # they stand where the quote begins, not around it


@dataclass(frozen=True, slots=True)
class Tag:
    """One start or end tag. `block`: its element begins and ends a line. `target`: where a link leads, "" if not
    http(s). `number`: of a list or its item, 0 if not said. `alt`: of an image, at most 20 characters."""

    name: str
    closing: bool = False
    traits: int = 0
    block: bool = False
    target: str = ""
    number: int = 0
    alt: str = ""


def cut(html: str) -> Iterator[tuple[str, Tag | None]]:
    """Pairs of a stretch of text, entities not decoded, and the tag behind it; None where there is no such tag."""
    begin = seek = failures = 0  # begin: of the text that is not yet given out
    end = -1
    while (start := html.find("<", seek)) >= 0:
        if end < start:
            end = html.find(">", start)
            if end < 0:
                end = len(html)
        tag = _read(html[start : end + 1]) if end - start < MAX_CACHED else None
        if tag is not None:
            seek = end + 1
        else:
            tag, seek, failed = _read_slowly(html, start, end, failures < MAX_UNCLOSED)
            failures += failed
            if seek == start + 1 or (tag is not None and not tag.name):
                continue
        if tag is not None and tag.name in _UNREAD_END:
            seek = seek if tag.closing else _unread_end(html, seek, tag.name)
            tag = None
        yield html[begin:start], tag
        begin = seek
    if begin < len(html):
        yield html[begin:], None


def _read_slowly(html: str, start: int, end: int, whole: bool) -> tuple[Tag | None, int, bool]:
    """(tag or None, where to read on, failed) for what is no short, plain tag; right behind the "<" if that is text.

    `end` is the place of the next ">". Unless `whole`, a tag ends there even within quotes.
    """
    after = html[start + 1 : start + 2]
    if not (after in _LETTERS or (after == "/" and html[start + 2 : start + 3] in _LETTERS)):
        return None, _declaration_end(html, start) if after in _DECLARES else start + 1, False
    if end == len(html):  # cut off within a tag
        return None, end, False
    match = _TAG.match(html, start) if whole else None
    if match is not None:
        return _made(match), match.end(), False
    return _made(_RAGGED_TAG.match(html, start)), end + 1, True


def _unread_end(html: str, start: int, name: str) -> int:
    """Where reading goes on behind an element whose text is not markup; one without an end hides all that follows."""
    closing = _UNREAD_END[name].search(html, start)
    return (html.find(">", closing.end()) + 1 if closing else 0) or len(html)


def _declaration_end(html: str, start: int) -> int:
    """Where a comment, doctype or instruction ends. "<![if ...]>" of Word is one and hides nothing that follows it."""
    if not html.startswith("<!--", start):
        return html.find(">", start) + 1 or len(html)
    if html.startswith((">", "->"), start + 4):
        return html.index(">", start + 4) + 1
    closing = _COMMENT_END.search(html, start + 4)
    return closing.end() if closing else len(html)


@lru_cache(maxsize=4096)
def _read(text: str) -> Tag | None:
    match = _TAG.fullmatch(text)
    tag = None if match is None else _made(match)
    return tag if tag is not None and tag.name else None


def _made(match: re.Match[str] | None) -> Tag:
    """The tag; without a name if it is text: "<jane@acme.example>" that some program did not escape."""
    name = match[2].lower() if match else ""
    if match is None or "@" in name or name.startswith("http"):
        return Tag("")
    if match[1]:
        return Tag(name, closing=True, block=name in BLOCKS)
    found = _attributes(match[3])
    traits = _traits(found) | _OWN_TRAITS.get(name, 0)
    if name == "blockquote":  # quotes by itself, but not where a program's "indent" button made it
        traits &= ~INDENT if traits & WRAPPER else ~0
        traits &= ~(WRAPPER | OUTLOOK | REST)
    number = found.get("start" if name == "ol" else "value", "")
    return Tag(
        name,
        traits=traits,
        block=name in BLOCKS or bool(traits & (WRAPPER | REST | BLOCK)),
        target=_target(found.get("href", "")) if name == "a" else "",
        number=int(number) if _NUMBER.fullmatch(number) else 0,
        alt=unescape(found.get("alt", "")[:20]) if name == "img" else "",
    )


def _attributes(raw: str) -> dict[str, str]:
    """Names (lower-case) and values of a tag's attributes; the first of a name counts."""
    found: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(raw):
        found.setdefault(name.lower(), double or single or bare)
    return found


def _traits(found: dict[str, str]) -> int:
    """What a tag's attributes say about its element."""
    traits = _style_traits(unescape(found["style"][:MAX_STYLE]).lower()) if "style" in found else 0
    if found.get("name") == "quote":  # GMX and WEB.DE
        traits |= WRAPPER
    if "hidden" in found:
        traits |= HIDDEN
    names = [found[key] for key in ("id", "name", "data-marker") if key in found]
    for name in (*names, *found.get("class", "").split()):
        plain = _RENAMED.sub("", name.lower())
        if plain in _WRAPPERS or plain.startswith("yahoo_quoted"):
            traits |= WRAPPER
        elif plain in _OUTLOOK:
            traits |= WRAPPER | OUTLOOK
        elif plain in _RESTS:
            traits |= REST
        elif plain.startswith("mso"):
            traits |= TIGHT
    return traits


def _style_traits(style: str) -> int:
    traits = HIDDEN if _HIDES.search(style) else 0
    if size := _FONT_SIZE.search(style):
        traits |= TINY if _NO_SIZE.match(size[1].strip()) else SIZED
    if spaces := _SPACES.search(style):
        traits |= PRE if spaces[1] == "pre" else NO_PRE
    if _HEAVY.search(style):
        traits |= BOLD
    if _NO_MARGIN.search(style):
        traits |= TIGHT
    if _BLOCK.search(style):
        traits |= BLOCK
    if _INDENT.search(style):
        traits |= INDENT
    if _LIST_SIGN.search(style):
        traits |= BULLET
    return traits


def _target(href: str) -> str:
    """The address that a link leads to, "" unless http(s); Outlook's and Google's detours are taken off."""
    target = "".join(unescape(href).split())
    if not target[:8].lower().startswith(("http://", "https://")) or len(target) > MAX_TARGET:
        return ""
    try:
        parts = urlsplit(target)
        if (parts.hostname or "").endswith(".safelinks.protection.outlook.com"):
            target = parse_qs(parts.query).get("url", [target])[0]
        elif parts.hostname == "www.google.com" and parts.path == "/url":
            target = parse_qs(parts.query).get("q", [target])[0]
    except ValueError:  # "http://[": no address
        return ""
    return "".join(target.split())
