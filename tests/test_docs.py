"""Docs are tested: every CLI command, config key, mail command and template is listed where a reader looks for it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parent.parent
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
CLI = ROOT / "triagemail" / "cli.py"
WORDS = ROOT / "templates" / "en" / "words.toml"
TEMPLATES = ROOT / "templates" / "en" / "mail"
PROGRAM = re.compile(r"(?<![\w./-])triagemail((?: +[^\s`|;&>)]+)+)")
LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)")


def text_of(path: Path) -> str:
    assert path.is_file(), f"{path.relative_to(ROOT)} is not written yet"
    return path.read_text(encoding="utf-8")


def code_in(text: str) -> list[str]:
    """What a text shows as code: the lines of fenced blocks and the spans in backticks."""
    lines: list[str] = []
    prose: list[str] = []
    fenced = False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        else:
            (lines if fenced else prose).append(line)
    return lines + re.findall(r"`([^`]+)`", "\n".join(prose))


def shown() -> set[str]:
    """Everything that any page shows as code."""
    return {code for path in DOCS for code in code_in(text_of(path))}


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def cli() -> click.Group:
    if not CLI.exists():
        pytest.skip("triagemail/cli.py does not exist yet")
    from triagemail.cli import main

    assert isinstance(main, click.Group)
    return main


def options(*known: click.Command) -> set[str]:
    return {"--help", "-h"} | {name for command in known for option in command.params for name in option.opts}


def wrong(line: str, main: click.Group) -> str:
    """What is wrong with a command line that a page shows, "" for nothing; what follows `triagemail` is `line`."""
    valued = [option for option in main.params if not getattr(option, "is_flag", False)]
    values = {name for option in valued for name in option.opts}
    words = line.split()
    while words and words[0].startswith("-"):
        if words[0] not in options(main):
            return f"no option {words[0]}"
        words = words[2:] if words[0] in values else words[1:]
    command: click.Command = main
    while words and isinstance(command, click.Group) and re.fullmatch(r"[a-z][a-z-]*", words[0]):
        if words[0] not in command.commands:
            return f"no command {words[0]}"
        command = command.commands[words.pop(0)]
    unknown = [word for word in words if word.startswith("--") and word.split("=")[0] not in options(command)]
    return f"no option {unknown[0]}" if unknown else ""


def test_every_command_that_docs_show_exists() -> None:
    """Every `triagemail …` that a page shows as code is a command, with options that it has."""
    main = cli()
    found = []
    for path in DOCS:
        lines = [match[1] for code in code_in(text_of(path)) for match in PROGRAM.finditer(code)]
        found += [f"{path.name}: triagemail{line}: {wrong(line, main)}" for line in lines if wrong(line, main)]
    assert not found, "\n" + "\n".join(found)


def test_every_command_is_in_the_docs() -> None:
    """Every CLI command is listed where a reader looks for it: README or docs."""
    everything = "\n".join(shown())
    names = [" ".join(path) for path, _ in commands(cli())]
    assert names
    missing = [name for name in names if not re.search(rf"triagemail (?:--?\S+ (?:\S+ )?)*{name}\b", everything)]
    assert not missing, f"not in README or docs: {', '.join(missing)}"


def test_every_config_key_is_in_the_docs() -> None:
    """Every config key is listed where a reader looks for it: config.example.toml, or docs/operating.md."""
    from triagemail.config import example
    from triagemail.config_tables import Config

    operating = ROOT / "docs" / "operating.md"
    everything = example() + (operating.read_text(encoding="utf-8") if operating.exists() else "")
    names = [name for name, field in Config.__dataclass_fields__.items() if field.metadata.get("key", True)]
    assert len(names) > 15
    missing = [name for name in names if not re.search(rf"\[\[?{name}[\].]", everything)]
    assert not missing, f"not in config.example.toml or docs/operating.md: {', '.join(missing)}"


def test_every_mail_command_is_in_docs_mail() -> None:
    """Every mail command is listed where a reader looks for it: docs/mail.md, by the spelling that mails show."""
    spellings = tomllib.loads(text_of(WORDS))["commands"]
    assert len(spellings) > 10
    codes = code_in(text_of(ROOT / "docs" / "mail.md"))
    shown_there = "\n".join(codes)
    first = [words[0] for words in spellings.values()]
    missing = [word for word in first if not re.search(rf"(?im)^{re.escape(word)}\b", shown_there)]
    assert not missing, f"not in docs/mail.md: {', '.join(missing)}"


def test_every_template_is_in_the_docs() -> None:
    """Every template is listed where a reader looks for it: by its name, as code, on a page of docs."""
    names = {path.stem for path in TEMPLATES.glob("*.md") if not path.name.startswith("_")}
    assert len(names) > 15
    missing = sorted(names - {code.rpartition("/")[2].removesuffix(".md") for code in shown()})
    assert not missing, f"not in docs: {', '.join(missing)}"


def test_every_environment_variable_is_in_docs_operating() -> None:
    """What the program reads from its environment is listed where an operator looks: docs/operating.md."""
    named = {
        name
        for path in (ROOT / "triagemail").rglob("*.py")
        for name in re.findall(r"\"(TRIAGEMAIL_[A-Z_]+)\"", path.read_text(encoding="utf-8"))
    }
    missing = sorted(name for name in named if name not in text_of(ROOT / "docs" / "operating.md"))
    assert not missing, f"not in docs/operating.md: {', '.join(missing)}"


def anchors(text: str) -> set[str]:
    """The anchors that a Markdown reader makes of headings: lower case, no punctuation, blanks to hyphens."""
    titles = re.findall(r"^#{1,6} +(.+?) *#*$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", DOCS, ids=[str(path.relative_to(ROOT)) for path in DOCS])
def test_links_resolve(path: Path) -> None:
    """Links in docs resolve: to files that are there, and to headings that stand in them."""
    found = []
    for target in LINK.findall(re.sub(r"```.*?```|`[^`\n]*`", "", text_of(path), flags=re.DOTALL)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if not file.exists() or not file.is_relative_to(ROOT):
            found.append(f"{target}: no such file")
        elif anchor and anchor not in anchors(file.read_text(encoding="utf-8")):
            found.append(f"{target}: no such heading")
    assert not found, "\n" + "\n".join(found)


def test_the_checks_see_what_they_look_for() -> None:
    """A test that cannot fail is a defect: each reader above finds what was put there."""
    page = "Run `triagemail chek` or\n```sh\ntriagemail --config x.toml held lst 7\ntriagemail run --onyl web\n```\n"
    page += "[a](b.md#c)\n"
    main = cli()
    lines = [m[1] for code in code_in(page) for m in PROGRAM.finditer(code)]
    assert sorted(wrong(line, main) for line in lines) == ["no command chek", "no command lst", "no option --onyl"]
    assert wrong(" held list --json", main) == ""
    assert wrong(" --config=x run", main) == "no option --config=x"
    assert wrong(" --config x run --until-idle", main) == ""
    assert LINK.findall(page) == ["b.md#c"]
    assert anchors("# One `thing`, or two\n") == {"one-thing-or-two"}
