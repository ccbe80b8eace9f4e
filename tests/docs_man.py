"""man/triagemail.1, made from the help of each command and from two tables of docs/operating.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from triagemail import __version__
from triagemail.cli import main

OPERATING = Path(__file__).parent.parent / "docs" / "operating.md"
FILES = {
    "config.toml": "The config. Paths in it are relative to its folder.",
    "triagemail.keys": "The keys that sign reply addresses, beside the config; mode 0600.",
    "triagemail.db": "The database, where the config names no other.",
}


def page() -> str:
    """The whole file, in man(7)."""
    return "\n".join([*_head(), *_commands(), *_tables(), *_tail()]) + "\n"


def escaped(text: str) -> str:
    """A text as it stands: no character of it is a command of roff, and hyphens can be copied and typed."""
    safe = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{safe}" if safe.startswith((".", "'")) else safe


def marked(text: str) -> str:
    """A cell of a table in Markdown: `code` in bold, of a link its words, of one in parentheses nothing."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r" \(\[[^\]]*\]\([^)]*\)\)", "", text))
    return "".join(
        f"\\fB{escaped(part)}\\fR" if place % 2 else escaped(part) for place, part in enumerate(words.split("`"))
    )


def _head() -> Iterator[str]:
    yield '.\\" Made by `python -m tests.docs_tables`; changes here are lost.'
    yield f'.TH TRIAGEMAIL 1 "" "triagemail {__version__}" "User Commands"'
    yield from (".SH NAME", f"triagemail \\- {escaped((main.help or '').rstrip('.'))}")
    yield from (".SH SYNOPSIS", ".B triagemail", "[\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARGS\\fR]")
    yield ".SH OPTIONS"
    yield from _options(main)
    yield from (".TP", "\\fB\\-h, \\-\\-help\\fR", "What a command does, and its options; works behind each of them.")


def _commands() -> Iterator[str]:
    yield ".SH COMMANDS"
    for path, command in commands(main):
        pieces = command.collect_usage_pieces(click.Context(command))
        yield f".SS {escaped(' '.join([*path, *pieces]))}"
        yield from (line for part in _paragraphs(command.help or "") for line in (part, ".PP"))
        yield from _options(command)


def _paragraphs(text: str) -> list[str]:
    return [escaped(" ".join(part.split())) for part in text.split("\n\n") if part.strip()]


def _options(command: click.Command) -> Iterator[str]:
    """What click's own help lists, with its own words."""
    options = [option for option in command.params if isinstance(option, click.Option)]
    records = [option.get_help_record(click.Context(command)) for option in options]
    for names, said in filter(None, records):
        yield from (".TP", f"\\fB{escaped(names)}\\fR", escaped(" ".join(said.split())) or "\\&")


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def _tables() -> Iterator[str]:
    text = OPERATING.read_text(encoding="utf-8")
    for title, begins in (("ENVIRONMENT", "| variable |"), ("EXIT STATUS", "| code | when |")):
        yield f".SH {title}"
        rows = text.partition(begins)[2].partition("\n\n")[0].split("\n")[2:]
        for left, right in (row.strip("| ").split(" | ", 1) for row in rows):
            yield from (".TP", f"\\fB{escaped(left.strip('`'))}\\fR", marked(right))


def _tail() -> Iterator[str]:
    yield ".SH FILES"
    for name, words in FILES.items():
        yield from (".TP", f"\\fI{escaped(name)}\\fR", escaped(words))
    yield from (".SH SEE ALSO", "The folder docs/ of the source, first of all docs/operating.md.")
