"""Docs are tested: every CLI command, config key, mail command and template is listed where a reader looks for it."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, cast

import click
import docs_mails
import docs_tables
import pytest
from docs_man import commands

ROOT = Path(__file__).parent.parent
DOCS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("**/*.md"))]
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


def test_every_mail_command_has_an_example() -> None:
    """docs/mail.md shows every command with an example mail and its answer: one that stands in a mail of EXAMPLES."""
    from triagemail.mail.calls import call

    said = (line for each in docs_mails.EXAMPLES.values() for line in (each.said.subject, *each.said.text.splitlines()))
    found = {heard.key for line in said if (heard := call(line, docs_mails.WORDS)) is not None}
    keys = {*tomllib.loads(text_of(WORDS))["commands"], "priority"}
    assert sorted(keys - found) == []


def test_every_event_and_timer_is_in_docs_process() -> None:
    """docs/process.md names every event, and every timer that `clocks` knows a rule for."""
    from triagemail.process.events import Event

    shown_there = set(code_in(text_of(ROOT / "docs" / "process.md")))
    code = text_of(ROOT / "triagemail" / "process" / "clocks.py")
    timers = set(re.findall(r'^        case "([a-z-]+)":', code, re.MULTILINE))
    assert len(timers) > 12
    assert not sorted(({kind.__name__ for kind in Event.__subclasses__()} | timers) - shown_there)


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


# --- what is made from the code ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("page", "name"), docs_tables.PARTS, ids=[": ".join(part) for part in docs_tables.PARTS])
def test_parts_made_from_the_code_are_as_the_code_has_them(page: str, name: str) -> None:
    """docs/process.md prints TRANSITIONS, and a test compares; so do the other tables and every example mail."""
    found = docs_tables.parts_of(text_of(ROOT / "docs" / page)).get(name)
    assert found is not None, f"docs/{page} has no <!-- {name} -->"
    assert found == docs_tables.PARTS[page, name](), "`python -m tests.docs_tables` writes it anew"


@pytest.mark.parametrize("name", docs_tables.WHOLE)
def test_files_made_from_the_code_are_as_the_code_has_them(name: str) -> None:
    """A man page that is written by hand would be wrong a week later."""
    assert text_of(ROOT / name) == docs_tables.WHOLE[name](), "`python -m tests.docs_tables` writes it anew"


def test_the_man_page_is_one() -> None:
    """`man` shows every command, and finds nothing wrong with the page."""
    if shutil.which("groff") is None:
        pytest.skip("no groff here")
    typeset = ["groff", "-man", "-Tutf8", "-Kutf8", "-ww", "-P-c", "-rLL=200n", str(ROOT / "man" / "triagemail.1")]
    done = subprocess.run(typeset, capture_output=True, text=True, timeout=30, check=True)
    assert done.stderr == ""
    shown = re.sub(r".\x08", "", done.stdout)
    assert [" ".join(path) for path, _ in commands(cli()) if f"\n   {' '.join(path)}" not in shown] == []
    assert "--until-idle" in shown
    assert "TRIAGEMAIL_CONFIG" in shown


def test_every_marked_part_is_made_by_something() -> None:
    """A part between markers that nothing makes would be believed and never checked; so would an open one."""
    pages = {path.name: text_of(path) for path in DOCS}
    marked = {(page, name) for page, text in pages.items() for name in docs_tables.parts_of(text)}
    opened = {(page, name) for page, text in pages.items() for name in re.findall(r"<!-- /?([^>]*?) -->", text)}
    assert marked == opened == set(docs_tables.PARTS)


def test_every_module_is_in_docs_architecture() -> None:
    """A newcomer finds every room: each module stands in docs/architecture.md."""
    known = set(code_in(text_of(ROOT / "docs" / "architecture.md")))
    modules = {path.stem for path in (ROOT / "triagemail").rglob("*.py")}
    assert not sorted(modules - known)


def test_every_state_of_a_queue_is_in_docs_architecture() -> None:
    """Every queue row has a closed list of states, written down in docs/architecture.md as qmail's INTERNALS does."""
    text = text_of(ROOT / "docs" / "architecture.md")
    schema = (ROOT / "triagemail" / "store" / "schema.py").read_text(encoding="utf-8")
    states = re.findall(r'state = pw.TextField\(default="\w+"\)  # (.+)', schema)
    assert len(states) == 2
    words = {word for line in states for word in re.findall(r"\w+", line)}
    assert not sorted(word for word in words if not re.search(rf"^\| `{word}`", text, re.MULTILINE))


def test_every_log_event_is_in_docs_operating() -> None:
    """What a log line says is explained where an operator looks: docs/operating.md."""
    written = re.compile(r'(?:logger\("\w+"\)\.\w+\(|lines\("\w+",)\s*"([a-z-]+)"')
    events = {event for path in (ROOT / "triagemail").rglob("*.py") for event in written.findall(text_of(path))}
    assert {"mail", "delivery", "timer"} <= events
    assert not sorted(events - set(code_in(text_of(ROOT / "docs" / "operating.md"))))


def test_every_filter_is_in_docs_templates() -> None:
    """What a template may do with a value is listed in docs/templates.md."""
    from triagemail.mail import templates

    assert not sorted(set(templates._filters({})) - set(code_in(text_of(ROOT / "docs" / "templates.md"))))


def test_every_key_of_the_config_is_read() -> None:
    """Every claim is checkable: no key of the config is one that changes nothing."""
    from triagemail.config import Config

    paths = [path for path in (ROOT / "triagemail").rglob("*.py") if path.name != "config_tables.py"]
    code = "\n".join(map(text_of, paths))
    tables = [(each.name, each.default_factory) for each in fields(Config) if is_dataclass(each.default_factory)]
    keys = [f"{table}.{key.name}" for table, made in tables for key in fields(cast(Any, made))]
    keys = [key for key in keys if not key.endswith(("password_file", "url_file"))]  # read by their end
    assert len(keys) > 60
    assert not [key for key in keys if not re.search(rf"\.{key.partition('.')[2]}\b", code)]


def test_every_setting_of_the_unit_has_its_reason() -> None:
    """systemd/triagemail.service: above every setting of [Service] stands why, for it or for the few that follow."""
    lines = (ROOT / "systemd" / "triagemail.service").read_text("utf-8").partition("[Service]")[2].splitlines()
    pairs = itertools.pairwise(lines)
    assert not [line for before, line in pairs if "=" in line and line[0] != "#" and not before]
    assert sum(line.startswith("# ") for line in lines) > 20


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


# --- configs that pages show ------------------------------------------------------------------------------------------


def configs_in(path: Path) -> list[str]:
    return re.findall(r"^```toml\n(.*?)^```", text_of(path), re.MULTILINE | re.DOTALL)


CONFIGS = [(path.name, place) for path in DOCS for place in range(len(configs_in(path)))]


@pytest.mark.parametrize(("page", "place"), CONFIGS, ids=[f"{page}-{place}" for page, place in CONFIGS])
def test_every_config_that_a_page_shows_is_one(page: str, place: int, tmp_path: Path) -> None:
    """What is copied from a page works: each block goes through our own loader, and one that names mailbox and triager
    is enough for `run`, without a warning."""
    from triagemail import config as configs

    block = configs_in(next(path for path in DOCS if path.name == page))[place]
    for name in re.findall(r'_file = "([^"]+)"', block):
        (tmp_path / name).write_text("a secret\n")
        (tmp_path / name).chmod(0o600)
    (tmp_path / "config.toml").write_text(block)
    whole = "[imap]" in block and "triagers" in block
    found = configs.load(tmp_path / "config.toml", service=whole)
    assert not whole or [warning for warning in found.warnings if "auth" not in warning] == []
    assert not whole or (found.imap.user and found.mail.operator)


def test_the_changelog_begins_with_this_release() -> None:
    """Version and schema that CHANGELOG.md names first are those of the code."""
    from triagemail import __version__
    from triagemail.store.schema import VERSION

    first = re.findall(r"^## (.+)$", text_of(ROOT / "CHANGELOG.md"), re.MULTILINE)[0]
    assert re.match(rf"{re.escape(__version__)}\b.*\(schema {VERSION}\)$", first)


def test_each_provider_has_a_whole_config() -> None:
    """docs/providers.md: Google Workspace, Microsoft 365, an own host, each with the profile that fits it."""
    whole = [tomllib.loads(block) for block in configs_in(ROOT / "docs" / "providers.md") if "[imap]" in block]
    assert [each["auth"]["profile"] for each in whole] == ["google", "m365", "own"]
