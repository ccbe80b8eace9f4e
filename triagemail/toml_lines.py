"""Where each key of a TOML text stands, so that a mistake is told with its line; tomllib keeps no positions."""

from __future__ import annotations

import contextlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

Path = tuple[str | int, ...]
"""A key as a path from the top: ("people", "triagers", 0) is the first of people.triagers."""

_SPACE = re.compile(r"(?:[ \t\r\n]|\#[^\n]*)*")  # blanks, line ends and comments: all that may stand between two things
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}' + r"|'''.*?'{3,5}" + r'|"(?:[^"\\\n]|\\.)*"' + r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}\s#]+(?: [0-9:.Z+-]+)?")  # a number, a boolean, a date with its time after one blank
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))")
_PLAIN = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}


def key_lines(text: str) -> Mapping[Path, int]:
    """Line (from 1) of every key, table and array item of a TOML text that tomllib has already accepted.

    Never raises: where the text is not as tomllib would have it, the keys found so far are returned.
    """
    scan = _Scan(text)
    with contextlib.suppress(_Odd, RecursionError):
        scan.document()
    return scan.lines


def with_keys(text: str, table: str, values: Mapping[str, object]) -> str:
    """The text with these keys in a table, on a line each; every other line as it was. Values are texts and lists of
    texts. Raises ValueError where one of them stands on several lines now."""
    where, lines = key_lines(text), text.split("\n")
    new = {key: f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()}
    for key in list(new):
        if (number := where.get((table, key))) is not None:
            tomllib.loads(lines[number - 1])
            lines[number - 1] = new.pop(key)
    head = where.get((table,))
    if head is None:
        lines += [f"[{table}]", *new.values(), ""]
    else:
        lines[head:head] = new.values()
    return "\n".join(lines)


class _Odd(Exception):
    """The text is no TOML from here on."""


@dataclass(slots=True)
class _Scan:
    text: str
    at: int = 0
    lines: dict[Path, int] = field(default_factory=dict)
    counts: dict[Path, int] = field(default_factory=dict)  # tables of each [[array]] so far
    line: int = 1
    counted: int = 0  # the line ends before this place are in `line`

    def document(self) -> None:
        table: Path = ()
        while self._peek():
            if self.text.startswith("[[", self.at):
                table = self._array_table()
            elif self.text[self.at] == "[":
                table = self._table()
            else:
                self._pair(table)

    def _peek(self) -> str:
        """The next character that is neither blank nor comment; "" at the end."""
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.text[self.at : self.at + 1]

    def _take(self, wanted: str) -> None:
        if self._peek() != wanted[0] or not self.text.startswith(wanted, self.at):
            raise _Odd
        self.at += len(wanted)

    def _mark(self, path: Path) -> None:
        """Note the line of a key, and of the tables that it makes by the way: `a.b = 1` and `[a.b]` make a, too."""
        self.line += self.text.count("\n", self.counted, self.at)
        self.counted = self.at
        for length in range(1, len(path) + 1):
            self.lines.setdefault(path[:length], self.line)

    def _array_table(self) -> Path:
        self._take("[[")
        path = self._resolve(tuple(self._key()))
        self._mark(path)
        number = self.counts[path] = self.counts.get(path, -1) + 1
        self._mark((*path, number))
        self._take("]]")
        return (*path, number)

    def _table(self) -> Path:
        self._take("[")
        path = self._resolve(tuple(self._key()))
        self._mark(path)
        self._take("]")
        return path

    def _resolve(self, names: tuple[str, ...]) -> Path:
        """`[question.more]` after `[[question]]` is a table of the last question (TOML 1.0, Array of Tables)."""
        path: Path = ()
        for place, name in enumerate(names):
            path = (*path, name)
            if path in self.counts and place < len(names) - 1:
                path = (*path, self.counts[path])
        return path

    def _key(self) -> Iterator[str]:
        while True:
            self._peek()
            if match := _BARE.match(self.text, self.at):
                yield match[0]
            elif match := _STRING.match(self.text, self.at):
                yield _unquoted(match[0])
            else:
                raise _Odd
            self.at = match.end()
            if self._peek() != ".":
                return
            self.at += 1

    def _pair(self, table: Path) -> None:
        path = (*table, *self._key())
        self._mark(path)  # a key is one line, whatever its value
        self._take("=")
        self._value(path)

    def _value(self, path: Path) -> None:
        first = self._peek()
        if first == "[":
            self._array(path)
        elif first == "{":
            self._inline(path)
        elif match := _STRING.match(self.text, self.at) or _SCALAR.match(self.text, self.at):
            self.at = match.end()
        else:
            raise _Odd

    def _array(self, path: Path) -> None:
        self._take("[")
        number = 0
        while self._peek() != "]":
            self._mark((*path, number))
            self._value((*path, number))
            number += 1
            if self._peek() == ",":
                self.at += 1
        self.at += 1

    def _inline(self, path: Path) -> None:
        self._take("{")
        while self._peek() != "}":
            self._pair(path)
            if self._peek() == ",":
                self.at += 1
        self.at += 1


def _unquoted(name: str) -> str:
    if name.startswith("'"):
        return name[1:-1]
    return _ESCAPE.sub(_escaped, name[1:-1])


def _escaped(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    return chr(int(code, 16)) if code else _PLAIN.get(match[3], match[3])
