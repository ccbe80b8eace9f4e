"""config.example.toml against the config's tables, and the readers below them: quantities, lines of a TOML text."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Iterator
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from triagemail import config, config_tables, quantities, toml_lines
from triagemail.config import Config, ConfigError
from triagemail.process.model import Question

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "config.example.toml"


def told_by(path: Path) -> str:
    """What is wrong with a file; "" where nothing is."""
    try:
        config.load(path)
    except ConfigError as error:
        return str(error)
    return ""


# --- the example ------------------------------------------------------------------------------------------------------


def keys_of(table: type, path: str = "") -> Iterator[str]:
    """Every key of the config's dataclasses, dotted; the tables of a free-form mapping count as one key."""
    types = {
        "PriorityTable": config_tables.PriorityTable,
        "tuple[Question, ...]": Question,
    } | {name: value for name, value in vars(config_tables).items() if dataclasses.is_dataclass(value)}
    for f in dataclasses.fields(table):
        inner: Any = types.get(str(f.type))
        name = path + f.name.rstrip("_")
        if not f.metadata.get("key", True):
            continue
        if dataclasses.is_dataclass(inner) and isinstance(inner, type) and inner is not quantities.Listen:
            yield from keys_of(inner, f"{name}.")
        else:
            yield name


def shown() -> dict[str, str]:
    """Key -> its comment, of every line of the example, live or commented out."""
    table, found = "", {}
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"(?:# )?\[\[?([\w.]+)\]\]?(?: |$)", line):
            table = match[1]
        elif match := re.match(r"(?:# )?(\w+) = ((?:\"[^\"]*\"|[^#\"])*)(#.*)?$", line):
            found[f"{table}.{match[1]}"] = match[3] or ""
    return found


def test_the_example_shows_every_key_and_no_other() -> None:
    """config.example.toml explains every key in one line each."""
    wanted = set(keys_of(Config)) - {"areas"} | {"areas.billing"}
    assert set(shown()) == wanted
    assert len(wanted) > 80


def test_the_example_explains_each_live_key() -> None:
    """… explains every key in one line each: a key whose words are on its neighbour's line is commented out."""
    live = [line for line in EXAMPLE.read_text(encoding="utf-8").splitlines() if re.match(r"\w+ = ", line)]
    assert [line for line in live if "# " not in line] == []


def test_the_example_loads() -> None:
    """config.example.toml is a config: it loads as it stands and `run` would take it."""
    c = config.load(EXAMPLE, service=True)
    assert c.mail.timezone == "Europe/Berlin"
    assert len(c.warnings) == 1


def test_every_value_of_the_example_is_the_default_or_names_acme(tmp_path: Path) -> None:
    """The values below are the defaults except where they name acme.example (the head of the example says so)."""
    shown_, defaults = tomllib.loads(EXAMPLE.read_text(encoding="utf-8")), config_tables.Config()
    path = tmp_path / "c.toml"
    path.write_text(EXAMPLE.read_text(encoding="utf-8"))
    c = config.load(path)
    other = {"imap.tls", "imap.port", "smtp.tls", "smtp.port", "store.url", "mail.timezone"}
    for section, table in shown_.items():
        for key, value in table.items():
            name = key + "_" if key == "from" else key
            same = getattr(getattr(c, section), name) == getattr(getattr(defaults, section), name)
            assert same or "acme.example" in str(value) or f"{section}.{key}" in other, f"{section}.{key}"


def test_every_commented_key_of_the_example_works(tmp_path: Path) -> None:
    """A key that is commented out is still explained rightly: uncommented, each one loads but for files not there."""
    text = EXAMPLE.read_text(encoding="utf-8")
    for line in re.findall(r"^# \w+ = .*$", text.split("# [[question]]")[0], re.MULTILINE):
        path = tmp_path / "c.toml"
        path.write_text(text.replace(line, line.removeprefix("# ")), encoding="utf-8")
        told = told_by(path)
        if "_file" in line:
            assert "No such file" in told or "are both given" in told, line
        else:
            assert told == "", line
    own = "\n".join(re.findall(r"^# (.*)$", text[text.index("# [[question]]") :], re.MULTILINE))
    path = tmp_path / "own.toml"
    path.write_text(own + '\n[[question]]\nkey = "priority"\nlabel = "Priority"\n')
    c = config.load(path)
    assert c.question[0].key == "what"


# --- quantities and lines ---------------------------------------------------------------------------------------------


def test_what_people_write_and_what_it_means() -> None:
    """Durations as "30m", "2h", "5s", sizes as "25MB"; each reader by one example of each form."""
    assert quantities.duration("1h30m") == timedelta(minutes=90)
    assert [quantities.size(text) for text in ("25MB", "1 MiB", "10kb")] == [25_000_000, 1_048_576, 10_000]
    assert quantities.rate("30/m") == quantities.Rate(30, timedelta(minutes=1))
    assert quantities.clock(time(9, 30)) == quantities.clock("9:30") == time(9, 30)
    assert quantities.day("2026-12-25") == quantities.day(date(2026, 12, 25))
    assert quantities.weekdays("Mon-Fri") == frozenset(range(5))
    assert quantities.weekdays("sun-thu") == frozenset({6, 0, 1, 2, 3})
    assert quantities.weekdays("Mon, wed") == frozenset({0, 2})
    assert quantities.listen("[::1]:25") == quantities.Listen("::1", 25)
    assert quantities.listen("unix:run/x") == quantities.Listen(path="run/x")
    assert quantities.command("a 'b c'") == quantities.command(["a", "b c"]) == ("a", "b c")


TOML = st.recursive(
    st.one_of(st.integers(-5, 5), st.booleans(), st.sampled_from(["", "a # b", "[x]", 'q"u', "l\nf", "'", "{", "ü"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["a", "b.c", "d e", "#"]), inner, max_size=3)
    ),
    max_leaves=12,
)


def written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"""{escaped}"""' if "\n" in value else f'"{escaped}"'
    if isinstance(value, list):
        return "[ # a list\n" + "".join(f"{written(item)},\n" for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}" = {written(item)}' for key, item in value.items()) + "}"
    return str(value)


def paths(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from paths(inner, (*path, key))


@given(st.dictionaries(st.sampled_from(["k", "l", "m-n"]), TOML, min_size=1))
@example({"k": {"a": [{"b.c": 1}]}})
def test_every_key_of_a_toml_text_has_its_line(tables: dict[str, object]) -> None:
    """The line of a key is ours to find: the scanner sees exactly the keys that tomllib sees."""
    text = "".join(f"# [no.table]\n{key} = {written(value)}\n" for key, value in tables.items())
    lines = toml_lines.key_lines(text)
    assert set(lines) == set(paths(tomllib.loads(text)))
    for key in tables:
        assert text.splitlines()[lines[key,] - 1].startswith(f"{key} = ")


def test_lines_of_tables_and_arrays_of_tables() -> None:
    """Headers, dotted keys, quoted names and tables of an array's last item, as TOML 1.0 has them."""
    text = "[a.b]\nc.d = 1\n[[q]]\nk = 1\n[q.sub]\nx = 2026-01-01 10:00:00\n\n[[q]]\n'k' = '''\n[no]\n'''\n"
    text += '"\\u0061b" = 1\n'
    lines = toml_lines.key_lines(text)
    assert set(lines) == set(paths(tomllib.loads(text)))
    assert [lines[key] for key in (("a",), ("a", "b"), ("a", "b", "c"), ("q", 0))] == [1, 1, 2, 3]
    assert [lines[key] for key in (("q", 0, "sub", "x"), ("q", 1, "k"), ("q", 1, "ab"))] == [6, 9, 12]


@given(st.text(alphabet="[]{}=\"'\\\n#., ab1", max_size=60))
def test_lines_of_anything(text: str) -> None:
    """Never raises and always ends, whatever the text is."""
    toml_lines.key_lines(text)
