"""The house rules that a program can check (design: Rooms, Libraries, Words, Habits), over whatever modules exist."""

from __future__ import annotations

import ast
import functools
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "triagemail"

# Imports go down only. Modules of one rank may use each other, without a circle.
RANKS = {
    "": 0,  # triagemail/__init__.py: the version
    "process": 1,
    "mail": 2,
    "clock": 3,
    "failpoints": 3,
    "log": 3,
    "store": 4,
    "doors": 5,
    "files": 6,
    "alerts": 6,
    "budgets": 6,
    "heartbeat": 6,
    "intake": 6,
    "keys": 6,
    "loops": 6,
    "notices": 6,
    "one_click": 6,
    "outbox": 6,
    "oversize": 6,
    "presence": 6,
    "sender": 6,
    "snapshots": 6,
    "units": 6,
    "watch": 6,
    "trial": 6,
    "drill": 6,
    "worker": 6,
    "quantities": 7,
    "toml_lines": 7,
    "config_tables": 7,
    "config": 7,
    "app": 7,
    "doctor": 8,
    "demo": 8,
    "explain": 8,
    "console": 9,
    "operating": 9,
    "subscribers": 9,
    "cli": 9,
    "__main__": 9,
}
PROCESS = (  # inside process, from below; modules on one line do not use each other
    ("hours",),
    ("model",),
    ("intents",),
    ("events",),
    ("desk",),
    ("life", "readers"),
    ("acts", "limits", "screened", "codec"),
    ("updates",),
    ("reports", "reminders"),
    ("triage", "ownership", "undo"),
    ("disputes",),
    ("remediation",),
    ("closure", "duty"),
    ("review", "subscriptions"),
    ("bounces",),
    ("clocks",),
    ("decide",),
)
_IMPURE = "os sys io time random secrets uuid socket threading asyncio subprocess logging sqlite3 pathlib urllib email"
IMPURE = set(_IMPURE.split())
_NOT_IN_MAIL = "asyncio imaplib select selectors smtplib socket sqlite3 ssl subprocess threading time"
NOT_IN_MAIL = set(_NOT_IN_MAIL.split())
CLOCKS = {"now", "today", "utcnow"}

DOORS = {  # library -> the one module (or folder) that imports it
    "aiosmtpd": "doors/smtpd.py",
    "click": "cli.py console.py operating.py subscribers.py",  # the command line
    "dns": "doors/names.py",
    "email_validator": "mail/address.py",
    "flufl": "mail/dsn.py",
    "icalendar": "mail/invites.py",
    "imapclient": "doors/imap.py",
    "jinja2": "mail/templates.py",
    "mailparser": "mail/tree.py",
    "markdown_it": "mail/markdown.py",
    "markupsafe": "mail/templates.py",  # jinja2's own
    "peewee": "store/",
    "playhouse": "store/",
    "prometheus_client": "doors/metrics.py",
    "psycopg": "store/",
    "pydantic": "config_tables.py",
    "pymap": "doors/imapd.py",
    "proxyprotocol": "doors/imapd.py",  # pymap's own, as is pysasl
    "pysasl": "doors/imapd.py",
    "python_multipart": "doors/web.py",
    "rich": "demo.py",
    "starlette": "doors/web.py doors/mailboxes.py",  # the pages of the service; those of the demo
    "structlog": "log.py",
    "uvicorn": "doors/web.py",
}

_WORDS = "email msg notification ticket case incident severity admin moderator manager helper util utils common handler"
WORDS = {*_WORDS.split(), "service", "misc", "data", "info"}
WORDS_OF_OTHERS = {  # names that a library or a protocol asks for
    "data": "DATA of SMTP (RFC 5321 4.1.1.4), TOML and JSON libraries' parameters",
    "handle_data": "html.parser",
    "handler": "aiosmtpd's parameter",
    "service": "the switch of config.load for `triagemail run`, the service",
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def name_of(path: Path) -> str:
    """`mail.address` for triagemail/mail/address.py, "" for triagemail/__init__.py."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def where(path: Path, node: ast.AST | int) -> str:
    line = node if isinstance(node, int) else getattr(node, "lineno", 0)
    return f"{path.relative_to(ROOT)}:{line}"


def imports(path: Path) -> Iterator[tuple[ast.stmt, str]]:
    """Every imported module, also inside functions and under TYPE_CHECKING, absolute, with what is taken from it."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = ("triagemail", *path.relative_to(PACKAGE).parts)
                base = ".".join((*parts[: len(parts) - node.level], *([base] if base else [])))
            yield from ((node, f"{base}.{alias.name}") for alias in node.names)


def own_imports(path: Path) -> Iterator[tuple[ast.stmt, str]]:
    """The project's own modules that a module imports, as `name_of` writes them."""
    known = {name_of(p) for p in modules()}
    for node, name in imports(path):
        if name != "triagemail" and not name.startswith("triagemail."):
            continue
        inner = name.removeprefix("triagemail").removeprefix(".")
        while inner not in known and inner:
            inner = inner.rpartition(".")[0]
        yield node, inner


def room(name: str) -> str:
    return name.partition(".")[0]


def none(found: list[str]) -> None:
    assert not found, "\n" + "\n".join(found)


def test_every_module_has_its_room() -> None:
    """A new module is placed in the order of the rooms before it is written."""
    placed = {*RANKS, *(f"process.{name}" for row in PROCESS for name in row)}
    names_ = {name_of(path) for path in modules()}
    none(sorted(name for name in names_ if (name if room(name) == "process" else room(name)) not in placed))


def test_imports_go_down_only() -> None:
    """cli > demo, doctor > app, config > loops, worker, sender > doors > store > mail > process."""
    found = [
        f"{where(path, node)} imports {name}"
        for path in modules()
        for node, name in own_imports(path)
        if RANKS.get(room(name), 99) > RANKS.get(room(name_of(path)), 99)
    ]
    none(found)


def test_inside_process_too() -> None:
    """Inside process: model < intents < events < life < acts < updates < reports < triage < … < clocks < decide."""
    rank = {f"process.{name}": number for number, row in enumerate(PROCESS) for name in row}
    found = [
        f"{where(path, node)} imports {name}"
        for path in modules()
        if name_of(path) in rank
        for node, name in own_imports(path)
        if name and rank.get(name, 99) >= rank[name_of(path)]
    ]
    none(found)


def test_no_circle() -> None:
    """Imports go down only: modules of one room do not import each other in a circle, not even inside functions."""
    graph = {name_of(path): {name for _, name in own_imports(path)} - {name_of(path)} for path in modules()}
    free = {""}
    while free:  # what imports nothing of the rest, or is imported by nothing of it, is in no circle
        used = {name for wanted in graph.values() for name in wanted}
        free = {name for name, wanted in graph.items() if not wanted & graph.keys() or name not in used}
        graph = {name: wanted - free for name, wanted in graph.items() if name not in free}
    none([f"{name} imports {', '.join(sorted(wanted))}" for name, wanted in sorted(graph.items())])


def test_process_is_pure() -> None:
    """`process` imports nothing but the standard library, and there none of os sys io time …; it reads no clock."""
    found = []
    for path in (p for p in modules() if room(name_of(p)) == "process"):
        for node, name in imports(path):
            top = name.partition(".")[0]
            if top in IMPURE or (top != "triagemail" and top not in sys.stdlib_module_names):
                found.append(f"{where(path, node)} imports {name}")
        found += [f"{where(path, node)} reads the clock" for node in clock_reads(path)]
    none(found)


def test_mail_is_pure() -> None:
    """mail: bytes <-> values; no clock, no sockets, no store."""
    found = []
    for path in (p for p in modules() if room(name_of(p)) == "mail"):
        found += [f"{where(path, node)} imports {n}" for node, n in imports(path) if n.partition(".")[0] in NOT_IN_MAIL]
        found += [f"{where(path, node)} reads the clock" for node in clock_reads(path)]
    none(found)


def clock_reads(path: Path) -> Iterator[ast.AST]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS:
            yield node


def test_one_library_one_door() -> None:
    """One third-party library is imported in one module (its door)."""
    found = []
    for path in modules():
        inside = path.relative_to(PACKAGE).as_posix()
        for node, name in imports(path):
            top = name.partition(".")[0]
            if top == "triagemail" or top in sys.stdlib_module_names:
                continue
            door = DOORS.get(top, "no module: it is not in the table of libraries")
            if inside not in door.split() and not (door.endswith("/") and inside.startswith(door)):
                found.append(f"{where(path, node)} imports {top}, whose door is {door}")
    none(found)


def test_no_import_by_another_way() -> None:
    """The rules above see import statements; so there is no other way to import."""
    other = ("__import__", "importlib.import_module", "import_module")
    found = [
        where(path, node)
        for path in modules()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in other
    ]
    none(found)


# --- words ------------------------------------------------------------------------------------------------------------


def names(path: Path) -> Iterator[tuple[ast.AST, str]]:
    """Every name that a module gives: classes, functions, parameters, variables, fields."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node, node.name
        elif isinstance(node, ast.arg):
            yield node, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node, node.attr


def words_of(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}


def test_one_word_per_idea() -> None:
    """Not used: email/msg/notification, ticket/case/incident, severity, admin, manager/helper/util/common/handler/….

    `level` is used for one thing, how sure we are of a sender (trust.md 3.1).
    """
    found = []
    for path in modules():
        found += [f"{path.relative_to(ROOT)}: {word}" for word in words_of(path.stem) & WORDS]
        for node, name in names(path):
            if words_of(name) & WORDS and name.lower().strip("_") not in WORDS_OF_OTHERS:
                found.append(f"{where(path, node)}: {name}")
    none(found)


SENTENCE = re.compile(r"[A-Za-z]{2,} [a-z]{2,} [a-z]+ [a-z]+")


def test_no_sentence_for_a_person_in_the_process() -> None:
    """No sentence for a person in Python: they stand in templates, by the name that the process gives them."""
    found = []
    for path in (p for p in modules() if room(name_of(p)) == "process"):
        silent = {id(text) for text in texts_for_programmers(path)}
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and SENTENCE.search(node.value):
                found += [f"{where(path, node)}: {node.value}"] if id(node) not in silent else []
    none(found)


def texts_for_programmers(path: Path) -> Iterator[ast.AST]:
    """Docstrings, and the words of exceptions and assertions."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Expr | ast.Raise | ast.Assert):
            yield from ast.walk(node)


# --- size -------------------------------------------------------------------------------------------------------------

CODE = [*modules(), *sorted((ROOT / ".ci").glob("*.py"))]
BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring: explaining is never what makes one too long."""
    first = node.body[0]
    explained = (first.end_lineno or 0) - first.lineno + 1 if ast.get_docstring(node) is not None else 0
    return (node.end_lineno or 0) - node.lineno + 1 - explained


def depth(body: Iterable[ast.AST]) -> int:
    """How deep blocks stand in each other; `elif` is no deeper than its `if`, an inner function starts anew."""
    deepest = 0
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        inner = depth(ast.iter_child_nodes(node))
        if isinstance(node, ast.If) and len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
            inner = max(depth(node.body), depth(node.orelse) - 1)
        deepest = max(deepest, inner + isinstance(node, BLOCKS))
    return deepest


@pytest.mark.parametrize("path", CODE, ids=[str(path.relative_to(ROOT)) for path in CODE])
def test_small_enough_to_read(path: Path) -> None:
    """A file over 500 lines, a function over 40, nesting over 3: split by step of the process, never into `utils`."""
    lines = len(path.read_text(encoding="utf-8").splitlines())
    found = [f"{where(path, 1)}: {lines} lines"] if lines > 500 else []
    for node in functions(path):
        found += [f"{where(path, node)}: {node.name} has {length(node)} lines"] if length(node) > 40 else []
        found += [f"{where(path, node)}: {node.name} nests {depth(node.body)} deep"] if depth(node.body) > 3 else []
    none(found)


# --- reasons ----------------------------------------------------------------------------------------------------------


def comments(path: Path) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}


def catches_all(node: ast.ExceptHandler) -> bool:
    kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    return any(kind is None or ast.unparse(kind) in ("Exception", "BaseException") for kind in kinds)


def test_only_loops_catch_everything() -> None:
    """Only `Loop` catches everything; elsewhere a comment on the line says why."""
    found = []
    for path in CODE:
        said = comments(path)
        for node in ast.walk(tree(path)):
            broad = isinstance(node, ast.ExceptHandler) and catches_all(node)
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("suppress", "contextlib.suppress"):
                broad = any(ast.unparse(argument) in ("Exception", "BaseException") for argument in node.args)
            if broad and path.name != "loops.py" and len(said.get(getattr(node, "lineno", 0), "").split()) < 4:
                found.append(where(path, getattr(node, "lineno", 0)))
    none(found)


IGNORES = re.compile(r"#\s*(?:noqa|type:\s*ignore|pragma)")
NAMED = re.compile(r"#\s*(?:noqa: [A-Z0-9, ]+|type: ignore\[[a-z, -]+\])")  # enough in tests: they break rules to see
REASONED = re.compile(NAMED.pattern + r"\s+# \w+")


def test_a_reason_beside_every_ignore() -> None:
    """ruff with a reason beside every ignore: `# noqa: X1  # why`, `# type: ignore[x]  # why`; none is a blanket."""
    tests = sorted((ROOT / "tests").glob("*.py"))
    found = [
        f"{where(path, line)}: {text}"
        for path in [*CODE, *tests]
        for line, text in comments(path).items()
        if IGNORES.match(text) and not (REASONED if path in CODE else NAMED).match(text)
    ]
    none(found)


def test_every_module_says_what_it_is() -> None:
    """Comments say why; a module's docstring says what the room is for. Annotations are never evaluated at import."""
    found = []
    for path in CODE:
        text = path.read_text(encoding="utf-8")
        if not ast.get_docstring(tree(path)):
            found.append(f"{where(path, 1)}: no docstring")
        if any(functions(path)) and "from __future__ import annotations" not in text:
            found.append(f"{where(path, 1)}: no `from __future__ import annotations`")
    none(found)


# --- the checks check -------------------------------------------------------------------------------------------------


def test_the_checks_see_what_they_look_for(tmp_path: Path) -> None:
    """A test that cannot fail is a defect: each reader above finds what was put there."""
    source = (
        "def f(a):\n    if a:\n        pass\n    elif b:\n        for x in y:\n"
        "            with z:\n                while 1: pass\n"
        "try:\n    g()\nexcept (ValueError, Exception):\n    pass\nclass TicketInfo: sendEmail = 1\n"
    )
    path = tmp_path / "m.py"
    path.write_text(source)
    (function,) = functions(path)
    assert depth(function.body) == 4
    assert length(function) == 7
    assert [catches_all(node) for node in ast.walk(tree(path)) if isinstance(node, ast.ExceptHandler)] == [True]
    assert words_of("TicketInfo") | words_of("sendEmail") == {"ticket", "info", "send", "email"}
    assert {name for _, name in names(path)} >= {"f", "a", "x", "TicketInfo", "sendEmail"}
    assert not REASONED.match("# noqa")
    assert not REASONED.match("# type: ignore[x]")
    assert REASONED.match("# type: ignore[x]  # why")
    assert [name for _, name in own_imports(PACKAGE / "config.py")].count("process.model") >= 1
