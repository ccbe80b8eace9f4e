"""Every regular expression in the package takes linear time (trust.md C6): found by reading the source and the modules,
tried on texts that are made of its own letters."""

from __future__ import annotations

import ast
import importlib
import random
import re
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import triagemail
from triagemail.mail import dsn, headers, priority

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from re import _parser as parser  # type: ignore[attr-defined]  # no public way to see what a pattern is made of

ROOT = Path(triagemail.__file__).parent
METHODS = frozenset({"search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer"})
ANCHORED = frozenset({"match", "fullmatch"})
THE_OPERATORS = frozenset(
    f"triagemail.{name}"
    for name in ("config", "config_tables", "quantities", "toml_lines", "mail.source", "store.store", "mail.templates")
)
BOUNDED = {  # characters of the longest text that it ever sees
    "triagemail.mail.compose._CONTACT": headers.HEADER_LIMIT,
    "triagemail.mail.priority._SEGMENT": priority.SUBJECT_LIMIT,
    "triagemail.mail.shapes._ADDRESS": 500,
    "triagemail.mail.dsn._ADDRESS": dsn._ZONE,
}
SHORT, LONG = 100_000, 1_000_000  # characters
GENERAL = (
    *("a", "b", "0", "é", "е́", " ", "\n", "\t", "\r\n", "=", "-", "--", "_", "*", "(", "[", "<", "<a ", "@", "."),
    *(":", "://", "> ", "- ", "a ", "a\n", "a@", "a.", "http://a", "0 ", "1. ", "a: ", "'", '"', "\\", "&#", "|"),
    *("=?utf-8?q?", "\x00", "[#1] ", "\u202e"),
)  # fmt: skip


class Use(NamedTuple):
    """An expression as the package uses it: by `match` and `fullmatch` at one place of a text, or all through it."""

    pattern: str | bytes
    flags: int
    methods: frozenset[str]


def sources() -> Iterator[tuple[str, ast.Module]]:
    """(module, its syntax tree) of what reads mails; what reads configs and templates of the operator's is left out."""
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(["triagemail", *path.relative_to(ROOT).with_suffix("").parts])
        if name not in THE_OPERATORS:
            yield name, ast.parse(path.read_text(encoding="utf-8"))


def methods() -> dict[str, set[str]]:
    """How each is used: module.NAME -> {"match", …}. A name without a use of its own stands in a table: all through."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for module, tree in sources():
        origin = {
            alias.asname or alias.name: f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in METHODS and isinstance(node.value, ast.Name):
                name = node.value.id
                found[origin.get(name, f"{module}.{name}")].add(node.attr)
    return found


def written() -> Iterator[tuple[str, Use]]:
    """Those that stand in a call as a literal: `re.sub("…", …)`."""
    for module, tree in sources():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            called = ast.unparse(node.func)
            pattern = node.args[0].value
            if called.startswith("re.") and (method := called[3:]) in METHODS and isinstance(pattern, str | bytes):
                yield f"{module}:{node.lineno}", Use(pattern, 0, frozenset({method}))


def patterns_in(value: Any, depth: int = 3) -> Iterator[re.Pattern[Any]]:
    """The compiled expressions in a value of a module, in tables and tuples too."""
    if isinstance(value, re.Pattern):
        yield value
    elif depth and isinstance(value, Mapping):
        yield from (each for one in value.values() for each in patterns_in(one, depth - 1))
    elif depth and isinstance(value, list | tuple | set | frozenset):
        yield from (each for one in value for each in patterns_in(one, depth - 1))


def made() -> Iterator[tuple[str, Use]]:
    """Those that modules keep, however they were put together."""
    used = methods()
    for module, _ in sources():
        if module.endswith("__main__"):
            continue
        for name, value in vars(importlib.import_module(module.removesuffix(".__init__"))).items():
            for found in patterns_in(value):
                yield f"{module}.{name}", Use(found.pattern, found.flags, frozenset(used.get(f"{module}.{name}", ())))


def every() -> dict[str, Use]:
    """By where it stands; one that is imported belongs to where it was made."""
    found: dict[tuple[str | bytes, int], tuple[str, Use]] = {}
    for where, use in (*made(), *written()):
        key = (use.pattern, use.flags & ~re.UNICODE)
        if key not in found or (use.methods and not found[key][1].methods):
            found[key] = (where, use)
    return dict(found.values())


EVERY = every()


def letters(tree: Any) -> Iterator[str]:
    """What a parsed pattern may match, a letter at a time."""
    for kind, value in tree:
        match str(kind):
            case "LITERAL" | "NOT_LITERAL":
                yield chr(value)
            case "RANGE":
                yield from (chr(value[0]), chr(value[1]))
            case "CATEGORY":
                yield {"CATEGORY_DIGIT": "7", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "w"}.get(str(value), "!")
            case "ANY":
                yield "x"
            case _:
                yield from _inside(value)


def _inside(value: Any) -> Iterator[str]:
    if isinstance(value, parser.SubPattern):
        yield from letters(value)
    elif isinstance(value, list | tuple):
        if len(value) == 2 and not isinstance(value[0], list | tuple | int | type(None) | parser.SubPattern):
            yield from letters([value])
        else:
            for each in value:
                yield from _inside(each)


def texts(pattern: str | bytes, flags: int) -> list[str]:
    """Short texts to be repeated: general ones, and some of the letters of this pattern."""
    tree = parser.parse(pattern, flags & ~re.UNICODE if isinstance(pattern, bytes) else flags)
    line = "".join(letters(tree))
    own = sorted(set(line))
    chance = random.Random(f"{pattern!r}")
    mixed = ["".join(chance.choices(own, k=chance.choice((2, 2, 3, 4)))) for _ in range(16)] if own else []
    starts = [line[:size] for size in (2, 4, 8, 16) if len(line) >= size]
    return [unit for unit in dict.fromkeys([*GENERAL, *own[:12], *mixed, *starts, line[:60]]) if unit]


def seconds(compiled: re.Pattern[Any], text: Any, use: Use) -> float:
    started = time.process_time()
    if use.methods and use.methods <= ANCHORED:
        for method in use.methods:
            getattr(compiled, method)(text)
    else:
        for _ in compiled.finditer(text):
            pass
    return time.process_time() - started


def tried(use: Use, unit: str, size: int) -> Any:
    text = (unit * size)[:size] + "\x00"
    return text.encode("utf-8", "replace") if isinstance(use.pattern, bytes) else text


def too_slow(use: Use, bound: int = LONG) -> str:
    """ "" or a text on which it is: tried with 5 kB, then 100 kB, then 1 MB; with no more than it ever sees."""
    compiled = re.compile(use.pattern, use.flags)
    for unit in texts(use.pattern, use.flags):
        if seconds(compiled, tried(use, unit, min(5_000, bound)), use) > 0.05:
            return f"{unit!r} * 5,000"
        if bound < SHORT:
            continue
        if (short := seconds(compiled, tried(use, unit, SHORT), use)) > 0.1:
            return f"{unit!r} * 100,000"
        if short > 0.02 and (long := seconds(compiled, tried(use, unit, LONG), use)) > 15 * short:
            return f"{unit!r}: {long / short:.0f} times the time for 10 times the text"
    return ""


@pytest.mark.parametrize("name", EVERY)
def test_every_expression_takes_linear_time(name: str) -> None:
    """C6: each regex in the repo is tested for linear time; 100 KB and 1 MB: time ratio <= 15 for 10 x input."""
    assert too_slow(EVERY[name], BOUNDED.get(name, LONG)) == ""


@pytest.mark.parametrize("pattern", [r"\s+$", r"a.*b.*c", r"-+>", r"[a-z]+@"])
def test_what_is_not_linear_is_found(pattern: str) -> None:
    """The test can fail: quadratic ones are found, among them those that look harmless."""
    assert too_slow(Use(pattern, re.DOTALL, frozenset())) != ""


def test_all_are_found() -> None:
    """Those in tables of patterns and those that are put together are seen, too."""
    assert len(EVERY) > 120
    assert any("quoting_intro" in name for name in EVERY)
