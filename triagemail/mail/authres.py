"""Authentication-Results and what stands beside it, read strictly (RFC 8601 2.2; trust.md 3.2, A2; libraries.md M18).

A reader of grammar, not a search: comments and quoted strings are stepped over and never looked into, so a verdict that
a sender smuggles into one is no verdict. Whatever is not exactly the grammar gives a `fault`, and a fault is no
evidence. Linear, no recursion, never raises.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

LIMIT = 4000  # characters of one field
COMMENT_DEPTH = 10

_SPACE = re.compile(r"[ \t]*")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+")  # RFC 2045 5.1
_KEYWORD = re.compile(r"[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?")  # RFC 8601 2.2: Keyword is an ldh-str
_PROPERTY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?")  # opendkim and Exim write an underscore or two
_VALUE = re.compile(r"[!#-'*+./0-:=?-Z^-~-]+")  # no space, quote, comment, `;`, `,`, bracket or backslash
_DIGITS = re.compile(r"[0-9]{1,3}")
_UNTIL = re.compile(r'[^"\\]*')
_DOMAIN = re.compile(r"[A-Za-z0-9.-]+")
_PLAIN = re.compile(r"[^()\\]*")
_REPEATED = frozenset(("dkim",))  # a result for each signature (RFC 8601 2.7.1)
_EXTRA = frozenset(("action",))  # Microsoft 365: `dmarc=fail action=oreject header.from=…`


class Odd(Exception):
    """The text is not in the grammar; the argument says where."""


@dataclass(slots=True)
class Cursor:
    """A place in a structured field; it only moves on."""

    text: str
    at: int = 0

    def space(self) -> tuple[str, ...]:
        """Step over white space and comments (CFWS, RFC 5322 3.2.2); the comments that were stepped over."""
        comments: list[str] = []
        while True:
            self.at = _end(_SPACE, self.text, self.at)
            if not self.text.startswith("(", self.at):
                return tuple(comments)
            start = self.at
            self._comment()
            comments.append(self.text[start + 1 : self.at - 1])

    def _comment(self) -> None:
        depth = 0
        while self.at < len(self.text):
            sign = self.text[self.at]
            depth += (sign == "(") - (sign == ")")
            self.at += 2 if sign == "\\" else 1
            if depth == 0:
                return
            if depth > COMMENT_DEPTH:
                raise Odd("comments in comments")
            self.at = _end(_PLAIN, self.text, self.at)
        raise Odd("an open comment")

    def sign(self, sign: str) -> bool:
        """Whether `sign` stands here; if so, step over it."""
        found = self.text.startswith(sign, self.at)
        self.at += len(sign) if found else 0
        return found

    def take(self, pattern: re.Pattern[str], what: str) -> str:
        found = pattern.match(self.text, self.at)
        if not found:
            raise Odd(f"no {what}")
        self.at = found.end()
        return found[0]

    def quoted(self) -> str:
        """A quoted string with its quotes (RFC 5322 3.2.4), or an address whose local part is one."""
        start = self.at
        self.at += 1
        while not self.over:
            self.at = _end(_UNTIL, self.text, self.at)
            if self.sign('"'):
                if self.sign("@"):
                    self.take(_DOMAIN, "domain")
                return self.text[start : self.at]
            self.at += 2  # a backslash and what it quotes
        raise Odd("an open quote")

    @property
    def over(self) -> bool:
        return self.at >= len(self.text)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


@dataclass(frozen=True, slots=True)
class Result:
    """One `method=value` with its properties, all names in lower case. A quoted value keeps its quotes, so it equals
    no domain."""

    method: str
    value: str
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Results:
    """One field. `authserv_id` is as it is written, None where it cannot be read, "" where `named` was False; with a
    `fault` nothing in it counts."""

    authserv_id: str | None
    results: tuple[Result, ...] = ()
    fault: str = ""

    def of(self, method: str) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.method == method)


def read(value: str, *, named: bool = True) -> Results:
    """The value of one Authentication-Results field, unfolded. `named`: it begins with an authserv-id, as everywhere
    but at Microsoft 365."""
    if len(value) > LIMIT:
        return Results(_claimed(value[:LIMIT]) if named else "", fault="too long")
    if not value.isascii() or not value.replace("\t", " ").isprintable():
        return Results(_claimed(value) if named else "", fault="odd characters")
    return _read(value, named=named)


@lru_cache(maxsize=256)  # a mail system writes the same of most mails of one person
def _read(value: str, *, named: bool) -> Results:
    cursor, authserv_id = Cursor(value), None if named else ""
    try:
        cursor.space()
        if named:
            quoted = cursor.text.startswith('"', cursor.at)
            authserv_id = cursor.quoted().strip('"') if quoted else cursor.take(_TOKEN, "authserv-id")
            _after_id(cursor, quoted=quoted)
        return Results(authserv_id, _results(cursor))
    except Odd as odd:
        return Results(authserv_id, fault=str(odd))


def _after_id(cursor: Cursor, *, quoted: bool) -> None:
    cursor.space()
    if cursor.text[cursor.at : cursor.at + 1].isdigit():
        _version(cursor)
    if quoted:  # RFC 8601 allows it, no server writes it: somebody tries something
        raise Odd("a quoted authserv-id")
    if not cursor.sign(";"):
        raise Odd("no `;` after the authserv-id")


def _version(cursor: Cursor) -> None:
    if cursor.take(_DIGITS, "version") != "1":
        raise Odd("an unknown version")
    cursor.space()


def _claimed(value: str) -> str | None:
    """The id that a field which is not read any further begins with."""
    found = _TOKEN.match(value.lstrip(" \t"))
    return found[0] if found else None


def _results(cursor: Cursor) -> tuple[Result, ...]:
    """What follows the first `;`: `none`, or results with a `;` between each two. One `;` may end them, as some write
    it."""
    found: list[Result] = []
    cursor.space()
    while not cursor.over:
        method = cursor.take(_KEYWORD, "method").lower()
        cursor.space()
        if method == "none" and not found and cursor.over:
            return ()
        found.append(_result(cursor, method))
        if not cursor.over and not cursor.sign(";"):
            raise Odd("no `;` between results")
        cursor.space()
    if not found:
        raise Odd("no results")
    methods = [result.method for result in found if result.method not in _REPEATED]
    if len(methods) != len(set(methods)):
        raise Odd("a method twice")
    return tuple(found)


def _result(cursor: Cursor, method: str) -> Result:
    """`= value` and its properties, up to the next `;`."""
    if cursor.sign("/"):
        cursor.space()
        _version(cursor)
    if not cursor.sign("="):
        raise Odd("no `=` after a method")
    cursor.space()
    value = cursor.take(_KEYWORD, "result").lower()
    spaced = _gap(cursor)
    properties: dict[str, str] = {}
    while not cursor.over and not cursor.text.startswith(";", cursor.at):
        if not spaced:
            raise Odd("words that run together")
        name = _property_name(cursor)
        if name in properties:
            raise Odd("a property twice")
        free = _VALUE if "." in name else _TOKEN  # addresses and signatures have signs that no token has
        quoted = cursor.text.startswith('"', cursor.at)
        properties[name] = cursor.quoted() if quoted else cursor.take(free, "value")
        spaced = _gap(cursor)
    return Result(method, value, properties)


def _gap(cursor: Cursor) -> bool:
    """Step over white space and comments; whether there was any."""
    before = cursor.at
    cursor.space()
    return cursor.at > before


def _property_name(cursor: Cursor) -> str:
    """`ptype.property =` or `reason =`, up to the value."""
    name = cursor.take(_KEYWORD, "property type").lower()
    cursor.space()
    if cursor.sign("."):
        cursor.space()
        name = f"{name}.{cursor.take(_PROPERTY, 'property').lower()}"
        cursor.space()
    elif name != "reason" and name not in _EXTRA:
        raise Odd("a property without its type")
    if not cursor.sign("="):
        raise Odd("no `=` after a property")
    cursor.space()
    return name


# --- ARC: what another server had seen before it passed the mail on (RFC 8617) ----------------------------------------


def read_arc_results(value: str) -> tuple[int, Results]:
    """The instance of an ARC-Authentication-Results field and its results; (0, a fault) where it is odd."""
    cursor = Cursor(value)
    try:
        cursor.space()
        if cursor.take(_KEYWORD, "instance").lower() != "i":
            raise Odd("no instance")
        cursor.space()
        if not cursor.sign("="):
            raise Odd("no instance")
        cursor.space()
        instance = int(cursor.take(_DIGITS, "instance"))
        cursor.space()
        if not cursor.sign(";"):
            raise Odd("no `;` after the instance")
    except Odd as odd:
        return 0, Results(None, fault=str(odd))
    return instance, read(value[cursor.at :])


def read_tags(value: str) -> Mapping[str, str]:
    """The tags of an ARC-Seal (RFC 6376 3.2: `tag=value; …`), names as they are written; none where one stands twice or
    is odd."""
    found: dict[str, str] = {}
    for part in value[:LIMIT].rstrip(" \t;").split(";"):
        name, equals, said = part.partition("=")
        name = name.strip(" \t")
        if not equals or not name or name in found or len(value) > LIMIT:
            return {}
        found[name] = said.strip(" \t")
    return found
