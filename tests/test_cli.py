"""The command line (design.md 6): every command, its exit code (sysexits.h), what it prints, what it leaves alone."""

from __future__ import annotations

import errno
import fcntl
import json
import mailbox
import os
import signal
import sqlite3
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
import servers
from chat import ANNA, BOB, COMPLETE, ISSUES, OPS, SARA
from click.testing import CliRunner, Result
from stores import FIRST_READERS, first_schema

from triagemail import log, units
from triagemail.cli import main
from triagemail.mail import mime
from triagemail.process.model import Priority, Wishes
from triagemail.store import audience, health
from triagemail.store.schema import VERSION
from triagemail.store.store import Store

ROOT = Path(__file__).parent.parent
CONFIG = """\
[mail]
address = "issues@acme.example"
operator = "ops@acme.example"
[imap]
host = ""
[smtp]
port = {smtp}
tls = "none"
[people]
triagers = ["sara@acme.example"]
[auth]
accept_no_evidence = true
[store]
url = "sqlite:///t.db"
"""
CLASSES = [
    "human", "auto_reply", "auto_generated", "bounce", "dsn_delay", "dsn_delivered", "feedback", "list", "own",
    "bad_from",
]  # fmt: skip


def raw(author: str, text: str, number: int = 1, subject: str = "Checkout is blank", more: str = "") -> bytes:
    head = f"From: {author}\r\nTo: {ISSUES}\r\nSubject: {subject}\r\nMessage-ID: <{number}@client.example>\r\n"
    head += f"Date: Mon, 23 Nov 2026 09:00:{number:02d} +0000\r\nContent-Type: text/plain; charset=utf-8\r\n{more}\r\n"
    return (head + text.replace("\n", "\r\n")).encode()


REPORT = raw(BOB, COMPLETE.format(priority="P2"))
TWO_FROM = raw(BOB, "hello", 2, more="From: eve@elsewhere.example\r\n")
REPLY = raw(SARA, "P2 because there is a workaround\n\n> agree\n", 3, "Re: [#1] Checkout is blank")
BOUNCE = b"""\
Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.acme.example>
To: issues+ab.c.d-e@acme.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
Message-ID: <20261123.1@mx.acme.example>
Date: Mon, 23 Nov 2026 09:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Your mail could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.acme.example

Final-Recipient: rfc822; lena@acme.example
Action: failed
Status: 5.1.1

--b--
"""


@dataclass(frozen=True)
class Host:
    """A machine with a set-up, and somebody who types commands there."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    def types(self, *argv: object, stdin: bytes = b"") -> Result:
        """A command in this process, by click's own runner. Whatever it raises comes out."""
        words = ["--config", str(self.config), *map(str, argv)]
        return CliRunner().invoke(main, words, input=stdin, catch_exceptions=False)

    def runs(self, *argv: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """The same as a process of its own."""
        return program("--config", self.config, *argv, stdin=stdin)

    def lines(self, *argv: object) -> list[Any]:
        """The machine-readable lines of a command."""
        return [json.loads(line) for line in self.types(*argv, "--json").stdout.splitlines()]

    def rows(self, query: str, *values: object) -> list[Any]:
        store = Store(f"sqlite:///{self.folder}/t.db")
        try:
            return store.all(query, *values)
        finally:
            store.close()

    def takes(self, *mails: bytes) -> None:
        """Mails come in and are worked off; nothing is sent."""
        for mail in mails:
            assert self.types("deliver", stdin=mail).exit_code == 0
        assert self.types("run", "--until-idle", "--only", "work").exit_code == 0


Ran = subprocess.CompletedProcess[bytes]


def program(*argv: object, stdin: bytes = b"", folder: Path | None = None, config: Path | None = None) -> Ran:
    """A process of its own, as a shell or a mail server starts it; `config` goes in by the environment."""
    tool = [sys.executable, "-m", "triagemail", *map(str, argv)]
    setting = {**os.environ, "PYTHONPATH": str(ROOT), **({"TRIAGEMAIL_CONFIG": str(config)} if config else {})}
    return subprocess.run(tool, input=stdin, env=setting, cwd=folder, capture_output=True, timeout=60, check=False)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    found = Host(tmp_path / "set-up")
    found.folder.mkdir()
    found.config.write_text(CONFIG.format(smtp=servers.free_port()))
    (found.folder / "triagemail.keys").write_text(f"a {'ab' * 32}\n")
    return found


@pytest.fixture(autouse=True)
def one_process_for_many() -> Iterator[None]:
    """The commands set log level and umask of their process, as programs may; here many share one with other tests."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)
    log.configure("warning")


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fit_for_a_terminal(shown: bytes) -> bool:
    """No byte below 0x20 but LF, no DEL, no C1 and no invisible format character, bidi among them."""
    text = shown.decode()
    return all(letter == "\n" or unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for letter in text)


# --- help and usage ---------------------------------------------------------------------------------------------------


def test_every_command_of_the_design_is_there() -> None:
    """design.md 6: the commands and their names are fixed (those of this release)."""
    wanted = "demo init run explain deliver import check status issues show migrate"
    wanted_below = "held list|held show|held release|held drop|subscribers list|subscribers add|subscribers remove"
    there = {" ".join(path) for path in commands(main)}
    assert {*wanted.split(), *wanted_below.split("|")} <= there


@pytest.mark.parametrize("path", list(commands(main)), ids=" ".join)
def test_every_command_helps(path: tuple[str, ...]) -> None:
    """Every command says what it does, without a config."""
    said = CliRunner().invoke(main, [*path, "--help"], catch_exceptions=False)
    assert said.exit_code == 0
    assert f"{' '.join(path)} [OPTIONS]" in said.stdout
    assert len(said.stdout.split("\n\n")[1].strip()) > 10, "a sentence about it"


def test_help_as_a_program_names_the_commands() -> None:
    """`triagemail --help` as a shell runs it."""
    said = program("--help")
    assert (said.returncode, said.stderr) == (0, b"")
    assert {"demo", "run", "deliver", "held"} <= set(said.stdout.decode().split())


@pytest.mark.parametrize(
    "argv",
    [["nonsense"], ["run", "--nonsense"], ["run", "--only", "intake,webb"], ["show"], ["show", "one"], ["held", "show"],
     ["held", "nonsense"], ["import", "no such file"], ["explain", "no such file"], ["subscribers", "add"]],
    ids=" ".join,
)  # fmt: skip
def test_a_mistyped_command_ends_with_64(host: Host, argv: list[str]) -> None:
    """Exit codes of sysexits.h: 64 usage. What was wrong is said on stderr; stdout stays clean for pipes."""
    said = host.types(*argv)
    assert said.exit_code == 64
    assert said.stdout == ""
    assert argv[-1].rpartition(",")[2] in said.stderr or "Missing" in said.stderr


def test_a_mistyped_command_ends_with_64_as_a_program(host: Host) -> None:
    """The same through a shell."""
    said = host.runs("run", "--nonsense")
    assert said.returncode == 64
    assert b"Traceback" not in said.stderr


# --- init and check ---------------------------------------------------------------------------------------------------


def test_init_writes_a_set_up_that_works_as_it_is(tmp_path: Path) -> None:
    """`init DIR` writes config, key file, empty store; what is secret is read by its owner only."""
    folder = tmp_path / "new" / "set-up"
    made = CliRunner().invoke(main, ["init", str(folder)], catch_exceptions=False)
    assert made.exit_code == 0
    assert sorted(files_in(folder)) == ["config.toml", "triagemail.db", "triagemail.keys"]
    for name in ("triagemail.keys", "triagemail.db"):
        assert (folder / name).stat().st_mode & 0o077 == 0, name
    assert len((folder / "triagemail.keys").read_text().split()[1]) >= 32
    for command in (["issues"], ["held", "list"], ["subscribers", "list"]):
        assert Host(folder).types(*command).exit_code == 0, command
    assert "AT RISK: no `triagemail run` is there\n" in Host(folder).types("status").stdout


def test_check_says_what_a_new_set_up_lacks(tmp_path: Path) -> None:
    """A mailbox that nobody can log in to is no service: said at once, not found out when no report arrives."""
    CliRunner().invoke(main, ["init", str(tmp_path)], catch_exceptions=False)
    for command in (["check"], ["run", "--until-idle"]):
        said = Host(tmp_path).types(*command)
        assert said.exit_code == 78
        assert "password_file" in said.stderr
    config = tmp_path / "config.toml"
    lines = config.read_text().splitlines(keepends=True)
    place = next(n for n, line in enumerate(lines) if line.startswith("# password_file"))
    config.write_text("".join([*lines[:place], lines[place][2:], *lines[place + 1 :]]))
    (tmp_path / "imap.password").write_text("secret\n")
    (tmp_path / "imap.password").chmod(0o600)
    assert Host(tmp_path).types("check").exit_code == 0


def test_every_set_up_has_a_key_of_its_own(tmp_path: Path) -> None:
    """A10: weak randomness; two set-ups never share a key."""
    for name in ("one", "two"):
        CliRunner().invoke(main, ["init", str(tmp_path / name)], catch_exceptions=False)
    assert (tmp_path / "one" / "triagemail.keys").read_text() != (tmp_path / "two" / "triagemail.keys").read_text()


@pytest.mark.parametrize("there", ["config.toml", "triagemail.keys", "triagemail.db"])
def test_init_refuses_to_overwrite(tmp_path: Path, there: str) -> None:
    """`init DIR` refuses to overwrite: neither the file that is there nor a new one beside it is written."""
    (tmp_path / there).write_text("mine")
    said = program("init", tmp_path)
    assert said.returncode == 64
    assert there in said.stderr.decode()
    assert files_in(tmp_path) == {there: b"mine"}


@pytest.mark.parametrize("fault", ["full", "store"])
def test_init_that_cannot_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    """`init DIR` on a disk that takes nothing: one clear line, and the next try is not told that files are there."""

    def full(*rest: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = tmp_path / "set-up"
    what = "keys.write_new_key" if fault == "full" else "store.store.Store._create"
    with monkeypatch.context() as patch:
        patch.setattr(f"triagemail.{what}", full)
        said = CliRunner().invoke(main, ["init", str(folder)], catch_exceptions=False)
    assert said.exit_code == 75
    assert len(said.stderr.splitlines()) == 1
    assert "No space left" in said.stderr
    assert files_in(folder) == {}
    assert CliRunner().invoke(main, ["init", str(folder)], catch_exceptions=False).exit_code == 0


def test_init_below_a_file_ends_with_one_clear_line(tmp_path: Path) -> None:
    """Where no folder can be made: 75, and what the system said."""
    (tmp_path / "file").write_text("mine")
    said = CliRunner().invoke(main, ["init", str(tmp_path / "file" / "set-up")], catch_exceptions=False)
    assert said.exit_code == 75
    assert len(said.stderr.splitlines()) == 1


MISTAKES = """\
[mail]
adress = "issues@acme.example"
[imap]
host = ""
poll = "soon"
[people]
triagers = ["sara"]
severity = "high"
"""


@pytest.mark.parametrize("command", [["run", "--until-idle"], ["check"]], ids=" ".join)
def test_a_bad_config_ends_with_78_and_every_mistake_with_its_line(tmp_path: Path, command: list[str]) -> None:
    """O1: refuse to start, all errors at once with line and suggestion."""
    (tmp_path / "c.toml").write_text(MISTAKES)
    said = program("--config", tmp_path / "c.toml", *command)
    told = said.stderr.decode()
    assert said.returncode == 78
    assert "Traceback" not in told
    for line, words in ((2, "address"), (5, "soon"), (7, "sara"), (8, "severity")):
        assert any(f"line {line}:" in row and words in row for row in told.splitlines()), (line, told)
    assert sorted(files_in(tmp_path)) == ["c.toml"]


def test_without_a_triager_there_is_no_service(host: Host) -> None:
    """`run` needs one triager; looking and delivering do not."""
    host.config.write_text(CONFIG.format(smtp=25).replace('["sara@acme.example"]', "[]"))
    assert host.types("run", "--until-idle").exit_code == 78
    assert host.types("check").exit_code == 78
    assert host.types("deliver", stdin=REPORT).exit_code == 0
    assert host.types("issues").exit_code == 0


@pytest.mark.parametrize("command", ["check", "doctor", "run", "status", "migrate", "keys list"])
def test_without_a_config_every_command_asks_for_one(command: str) -> None:
    """Who forgot TRIAGEMAIL_CONFIG hears that, and not what the defaults lack."""
    said = CliRunner().invoke(main, command.split(), env={"TRIAGEMAIL_CONFIG": None})
    assert said.exit_code == 78
    assert said.stderr.startswith("which config?")


def test_a_config_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    """A named file that is not there is a mistake, not a reason for defaults."""
    said = program("--config", tmp_path / "c.toml", "status", folder=tmp_path)
    assert said.returncode == 78
    assert b"c.toml" in said.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("written", "words"),
    [(None, "triagemail.keys"), ("", "triagemail.keys"), ("a zz", "triagemail.keys"), ("a ab", "triagemail.keys"),
     (f"ab {'ab' * 32}", "triagemail.keys")],
)  # fmt: skip
def test_a_bad_key_file_ends_with_78_and_names_the_file(host: Host, written: str | None, words: str) -> None:
    """O1: an unreadable secret is a config error with one clear line."""
    keys = host.folder / "triagemail.keys"
    keys.unlink() if written is None else keys.write_text(written)
    said = host.types("run", "--until-idle")
    assert said.exit_code == 78
    assert words in said.stderr
    assert len(said.stderr.splitlines()) == 1


def test_the_environment_names_the_config(host: Host) -> None:
    """`--config FILE` or `TRIAGEMAIL_CONFIG`."""
    assert b"open issues: 0" in program("status", config=host.config).stdout


def test_check_finds_a_broken_template(host: Host) -> None:
    """`check`: config and templates; every mistake with its line."""
    own = host.folder / "own"
    (own / "en" / "mail").mkdir(parents=True)
    host.config.write_text(host.config.read_text() + f'[templates]\ndir = "{own}"\n')
    assert host.types("check").exit_code == 0
    (own / "en" / "mail" / "received.md").write_text("---\nsubject: x\nwhy: y\n---\n\n{{ nonsense }\n")
    said = host.types("check")
    assert said.exit_code == 78
    assert "received.md" in said.stderr
    assert "nonsense" not in said.stdout


@pytest.mark.parametrize(
    "broken", ["{% if %}", "{{ nope }}", "{{ 1 // 0 }}", "{% for a in range(10**9) %}x{% endfor %}"]
)
def test_a_broken_template_stops_the_start(host: Host, broken: str) -> None:
    """S12: break a template 4 ways (syntax, undefined, raise, 10**9 loop): start refused, with its name."""
    own = host.folder / "own" / "en" / "mail"
    own.mkdir(parents=True)
    host.config.write_text(host.config.read_text() + f'[templates]\ndir = "{host.folder / "own"}"\n')
    (own / "broadcast-update.md").write_text(f"---\nsubject: x\nwhy: y\n---\n\n{broken}\n")
    said = host.types("run", "--until-idle")
    assert said.exit_code == 78
    assert "broadcast-update.md" in said.stderr


# --- explain ----------------------------------------------------------------------------------------------------------

KEYS = [
    "file", "message_id", "from", "subject", "defects", "screening", "evidence", "new_text", "answers", "missing",
    "priority", "intents", "decision",
]  # fmt: skip
EXPLAINED = {
    "report": REPORT,
    "reply": REPLY,
    "bounce": BOUNCE,
    "two authors": TWO_FROM,
    "garbage": bytes(range(256)) * 20,
    "nothing": b"",
    "header only": b"From: bob@acme.example",
    "nested": b"From: bob@acme.example\n"
    + b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(100)),
}


@pytest.mark.parametrize("name", EXPLAINED)
def test_explain_prints_the_object_of_the_design(tmp_path: Path, name: str) -> None:
    """`explain --json` prints one object per file, needs no config, changes nothing.

    Any bytes are a mail (D11, C1, C2).
    """
    (tmp_path / "mail.eml").write_bytes(EXPLAINED[name])
    said = program("explain", "--json", "mail.eml", folder=tmp_path)
    assert (said.returncode, said.stderr) == (0, b"")
    found = json.loads(said.stdout)
    assert said.stdout.count(b"\n") == 1
    assert list(found) == KEYS
    assert sorted(found["screening"]) == ["class", "may_ack", "reason"]
    assert found["screening"]["class"] in CLASSES
    assert type(found["screening"]["may_ack"]) is bool
    assert sorted(found["evidence"]) == ["level", "rule", "text"]
    assert {type(found[key]) for key in ("defects", "missing", "intents")} == {list}
    assert {type(found[key]) for key in ("answers", "decision")} == {dict}
    assert files_in(tmp_path) == {"mail.eml": EXPLAINED[name]}


def explained(tmp_path: Path, mail: bytes) -> dict[str, Any]:
    (tmp_path / "mail.eml").write_bytes(mail)
    said = CliRunner().invoke(main, ["explain", "--json", str(tmp_path / "mail.eml")], catch_exceptions=False)
    found: dict[str, Any] = json.loads(said.stdout)
    return found


def test_explain_shows_what_a_report_would_lead_to(tmp_path: Path) -> None:
    """… evidence, new text, answers, intents, decision."""
    found = explained(tmp_path, REPORT)
    assert (found["file"], found["from"], found["subject"]) == (str(tmp_path / "mail.eml"), BOB, "Checkout is blank")
    assert found["message_id"] == "<1@client.example>"
    assert (found["screening"]["class"], found["screening"]["may_ack"]) == ("human", True)
    assert found["evidence"]["level"] == "E0"
    assert found["answers"]["expected"] == "The payment form."
    assert (found["missing"], found["priority"]) == ([], "P2")
    assert [intent["t"] for intent in found["intents"]] == ["FileReport"]
    assert "ReportFiled" in [event["t"] for event in found["decision"]["events"]]
    assert {"triage", "received"} <= {mail["template"] for mail in found["decision"]["mails"]}


def test_explain_shows_what_is_missing(tmp_path: Path) -> None:
    """… missing[], priority."""
    found = explained(tmp_path, raw(BOB, "the website is down!"))
    assert (found["missing"], found["priority"]) == (["expected", "see", "affected", "priority"], None)
    assert [mail["template"] for mail in found["decision"]["mails"]] == ["missing"]


def test_explain_shows_that_quoted_commands_do_not_count(tmp_path: Path) -> None:
    """C10: commands not inside a quote; what is new stands in new_text."""
    found = explained(tmp_path, REPLY)
    assert "P2 because there is a workaround" in found["new_text"]
    assert "agree" not in found["new_text"]
    assert "Agree" not in [intent["t"] for intent in found["intents"]]


NOBODY = [("bounce", "bounce"), ("two authors", "bad_from"), ("garbage", "bad_from")]


@pytest.mark.parametrize(("name", "class_"), NOBODY)
def test_explain_shows_that_nothing_comes_of_what_no_person_wrote(tmp_path: Path, name: str, class_: str) -> None:
    """What is not from a person leads to no intent, no event and no mail."""
    found = explained(tmp_path, EXPLAINED[name])
    assert (found["screening"]["class"], found["screening"]["may_ack"]) == (class_, False)
    assert (found["intents"], found["decision"]["events"], found["decision"]["mails"]) == ([], [], [])


def test_explain_says_of_an_unreadable_mail_what_the_service_does(tmp_path: Path) -> None:
    """C1: a mail nested too deeply is held; `explain` may not promise a reply that never comes."""
    found = explained(tmp_path, EXPLAINED["nested"])
    assert "too-deep" in found["defects"]
    assert found["decision"]["mails"] == []
    assert found["decision"]["held"] == "too-deep"


def test_explain_takes_many_files_and_standard_input(tmp_path: Path) -> None:
    """One object per FILE…, in their order; `-` is standard input."""
    (tmp_path / "a.eml").write_bytes(REPORT)
    (tmp_path / "b.eml").write_bytes(BOUNCE)
    words = ["explain", "--json", str(tmp_path / "b.eml"), "-", str(tmp_path / "a.eml")]
    said = CliRunner().invoke(main, words, input=REPLY, catch_exceptions=False)
    found = [json.loads(line) for line in said.stdout.splitlines()]
    assert [Path(one["file"]).name for one in found] == ["b.eml", "-", "a.eml"]
    assert [one["from"] for one in found][1:] == [SARA, BOB]


def test_explain_for_people_says_the_same(tmp_path: Path) -> None:
    """Without --json it is text for people, fit for a terminal."""
    evil = raw(BOB, "What is happening? \x1b]52;c;aGk=\x07 all \u202ered\nP1\n")
    (tmp_path / "mail.eml").write_bytes(evil)
    said = CliRunner().invoke(main, ["explain", str(tmp_path / "mail.eml")], catch_exceptions=False)
    for words in (BOB, "human", "E0", "FileReport", "P1", "Checkout is blank"):
        assert words in said.stdout
    assert fit_for_a_terminal(said.stdout_bytes)


# --- mails in ---------------------------------------------------------------------------------------------------------


def test_deliver_takes_one_mail_as_it_is(host: Host) -> None:
    """One raw mail on stdin into the inbox, byte for byte; nothing is printed, for a mail server would mail it back."""
    mail = REPORT + b"\r\n\xff\x00 no text at all"
    said = host.runs("deliver", stdin=mail)
    assert (said.returncode, said.stdout, said.stderr) == (0, b"", b"")
    assert [bytes(body) for (body,) in host.rows("SELECT body FROM raw")] == [mail]
    assert host.rows("SELECT state, source FROM inbox") == [("received", "deliver")]


@pytest.mark.parametrize("mail", [b"", b"\n\r\n "])
def test_deliver_of_nothing_is_bad_input(host: Host, mail: bytes) -> None:
    """65 bad data: there is no mail on standard input."""
    assert host.runs("deliver", stdin=mail).returncode == 65
    assert host.rows("SELECT name FROM sqlite_master") == []


def unusable(host: Host, how: str) -> None:
    """Breaks what `deliver` needs."""
    if how == "no config":
        host.config.unlink()
    elif how == "bad config":
        host.config.write_text("[mail]\nadress = 1\n")
    elif how == "bad store":
        (host.folder / "t.db").write_bytes(b"this is no database" * 500)
    elif how == "folder as store":
        (host.folder / "t.db").mkdir()
    elif how == "no folder for the store":
        host.config.write_text(host.config.read_text().replace("t.db", "nowhere/t.db"))
    elif how == "newer store":
        host.types("status")
        with sqlite3.connect(host.folder / "t.db") as database:
            database.execute("UPDATE meta SET value = '999' WHERE key = 'schema'")
        database.close()
    elif how == "older store":
        first_schema(f"sqlite:///{host.folder / 't.db'}")
    elif how == "store of another program":
        with sqlite3.connect(host.folder / "t.db") as database:
            database.execute("CREATE TABLE person (id INTEGER)")
        database.close()


UNFIT = ["newer store", "older store", "store of another program"]  # waiting will not change that
BROKEN = ["no config", "bad config", "bad store", "folder as store", "no folder for the store", *UNFIT]


@pytest.mark.parametrize(("command", "code"), [("deliver", 75), ("status", 78)])
def test_a_config_that_others_own_is_no_wrong_usage(
    host: Host, monkeypatch: pytest.MonkeyPatch, command: str, code: int
) -> None:
    """`deliver` asks to try again whatever is wrong: a mail server sends the mail back to its author at 64."""

    def closed(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "access", lambda *rest, **more: False)
    monkeypatch.setattr(Path, "read_bytes", closed)
    said = host.types(command, stdin=REPORT)
    assert said.exit_code == code
    assert "config.toml: cannot be read: Permission denied" in said.stderr
    assert len(said.stderr.splitlines()) == 1


@pytest.mark.parametrize("how", BROKEN)
def test_deliver_asks_to_try_again_whatever_is_wrong_here(host: Host, how: str) -> None:
    """`deliver`: 75 if it could not be stored. With any other code a mail server returns the report to its sender."""
    unusable(host, how)
    said = host.runs("deliver", stdin=REPORT)
    assert said.returncode == 75, said.stderr.decode()
    assert b"Traceback" not in said.stderr
    assert len(said.stderr.splitlines()) >= 1


@pytest.mark.parametrize("command", ["status", "deliver", "migrate", "run"])
def test_a_database_that_is_not_there_is_one_line(host: Host, command: str) -> None:
    """D5: one clear line, whatever the driver says in several."""
    url = f"postgresql://t@127.0.0.1:{servers.free_port()}/t"
    host.config.write_text(host.config.read_text().replace("sqlite:///t.db", url))
    said = host.types(command, stdin=REPORT)
    assert said.exit_code == 75
    assert len(said.stderr.splitlines()) == 1
    assert "Connection refused" in said.stderr


@pytest.mark.parametrize("how", BROKEN[2:])
@pytest.mark.parametrize("command", [["status"], ["issues"], ["held", "list"], ["run", "--until-idle"]], ids=" ".join)
def test_a_store_that_cannot_be_used_ends_with_one_clear_line(host: Host, how: str, command: list[str]) -> None:
    """D5, D7: refuse to start with one clear line; never migrate downward, never touch what is not ours. 78 where only
    a person can mend it, so that systemd does not try again and again."""
    unusable(host, how)
    before = files_in(host.folder)
    said = host.types(*command)
    assert said.exit_code == (78 if how in UNFIT else 75)
    assert len(said.stderr.splitlines()) == 1
    assert "t.db" in said.stderr
    assert ("triagemail migrate" in said.stderr) == (how == "older store")
    assert how == "newer store" or {**files_in(host.folder), **before} == files_in(host.folder)
    if how == "newer store":
        assert host.rows("SELECT value FROM meta WHERE key = 'schema'") == [("999",)]


# --- an upgrade ------------------------------------------------------------------------------------------------------


def test_an_upgrade_takes_one_command(host: Host) -> None:
    """D7: migration explicitly, backup first. Until it is typed no command changes the database; after it all go on."""
    unusable(host, "older store")
    said = host.types("migrate")
    assert (said.exit_code, said.stderr) == (0, "")
    assert said.stdout == f"schema 1 -> {VERSION}; the database as it was: {host.folder / 't.db.schema-1'}\n"
    assert host.types("migrate").stdout == f"schema {VERSION}: nothing to do\n"
    assert host.rows("SELECT value FROM meta WHERE key = 'schema'") == [(str(VERSION),)]
    assert [one["address"] for one in host.lines("subscribers", "list")] == FIRST_READERS
    assert host.types("run", "--until-idle", "--only", "work").exit_code == 0
    assert host.lines("held", "list")[0]["reason"] == "not-admitted: eve@evil.example"


def test_migrate_waits_for_no_service(host: Host) -> None:
    """75: while `run` works on the database nothing is migrated under it."""
    unusable(host, "older store")
    with open(host.folder / "t.db.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = host.types("migrate")
    assert (said.exit_code, said.stdout) == (75, "")
    assert said.stderr == f"another triagemail uses {host.folder / 't.db'}\n"
    assert host.rows("SELECT value FROM meta WHERE key = 'schema'") == [("1",)]


@pytest.mark.parametrize("how", ["newer store", "store of another program", "bad store", "no folder for the store"])
def test_migrate_refuses_what_is_no_older_database_of_ours(host: Host, how: str) -> None:
    """D7: a newer or foreign database is refused with one clear line."""
    unusable(host, how)
    before = files_in(host.folder)
    said = host.types("migrate")
    assert said.exit_code == (78 if how in UNFIT else 75)
    assert len(said.stderr.splitlines()) == 1
    assert "t.db" in said.stderr
    assert how == "newer store" or {**files_in(host.folder), **before} == files_in(host.folder)


def test_migrate_asks_for_a_config(tmp_path: Path) -> None:
    """78: without a config nobody knows which database is meant."""
    said = program("migrate", folder=tmp_path)
    assert said.returncode == 78
    assert b"--config" in said.stderr


LOCKED = "deliver|import MAIL|run --until-idle|subscribers add ANNA|subscribers remove ANNA|held release 1|held drop 1"


@pytest.mark.parametrize("command", LOCKED.split("|"))
def test_a_locked_store_ends_with_75_and_one_clear_line(
    host: Host, tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D4: another process holds the database for longer than we wait: one line, no traceback, nothing half done."""
    from triagemail.store import engines

    host.takes(TWO_FROM)
    (tmp_path / "mail.eml").write_bytes(REPORT)
    monkeypatch.setitem(engines.SQLITE_PRAGMAS, "busy_timeout", 50)  # instead of ten seconds
    other = sqlite3.connect(host.folder / "t.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        words = command.replace("MAIL", str(tmp_path / "mail.eml")).replace("ANNA", ANNA).split()
        said = host.types(*words, stdin=REPORT)
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert said.exit_code == 75
    assert len(said.stderr.splitlines()) == 1
    assert host.rows("SELECT COUNT(id) FROM inbox") == [(1,)]


def test_import_takes_every_kind_of_file(host: Host, tmp_path: Path) -> None:
    """mbox, Maildir, .eml files into the inbox."""
    mails = [raw(BOB, f"Mail {n}", n).replace(b"\r\n", b"\n") for n in range(9)]
    line = b"From bob Mon Nov 23 09:00:00 2026\n"
    (tmp_path / "box.mbox").write_bytes(b"".join(line + mail + b"\n\n" for mail in mails[:3]))
    maildir = mailbox.Maildir(tmp_path / "Maildir")
    for mail in mails[3:5]:
        maildir.add(mail)
    read = mailbox.MaildirMessage(mails[5])
    read.set_subdir("cur")
    maildir.add(read)
    (tmp_path / "one.eml").write_bytes(mails[6])
    (tmp_path / "eml" / "deep").mkdir(parents=True)
    (tmp_path / "eml" / "a.eml").write_bytes(mails[7])
    (tmp_path / "eml" / "deep" / "b.eml").write_bytes(mails[8])
    (tmp_path / "eml" / "readme.txt").write_text("no mail")
    said = host.runs("import", *(tmp_path / name for name in ("box.mbox", "Maildir", "one.eml", "eml")))
    assert (said.returncode, said.stdout, said.stderr) == (0, b"9 mail(s) taken into the inbox\n", b"")
    found = [bytes(body).strip() for (body,) in host.rows("SELECT body FROM raw ORDER BY id")]
    assert sorted(found) == sorted(mails)
    assert found[:3] == mails[:3]
    assert found[6:] == mails[6:]
    assert host.rows("SELECT DISTINCT state, source FROM inbox") == [("received", "import")]


def test_an_empty_file_is_no_mail(host: Host, tmp_path: Path) -> None:
    """An mbox in which nothing is, as many a mailbox is: no mail is taken, and none is held."""
    (tmp_path / "empty.mbox").touch()
    (tmp_path / "empty.eml").write_bytes(b"\r\n")
    said = host.types("import", tmp_path / "empty.mbox", tmp_path)
    assert said.stdout == "0 mail(s) taken into the inbox\n"
    assert host.rows("SELECT COUNT(*) FROM inbox") == [(0,)]


def test_import_twice_is_one_issue(host: Host, tmp_path: Path) -> None:
    """I6: duplicates are harmless: the same file again opens nothing and mails nobody."""
    (tmp_path / "one.eml").write_bytes(REPORT)
    for _ in range(2):
        assert host.types("import", tmp_path / "one.eml").exit_code == 0
        assert host.types("run", "--until-idle", "--only", "work").exit_code == 0
    ends = host.rows("SELECT state, reason FROM inbox ORDER BY id")
    assert ends == [("done", "FileReport"), ("silent", "duplicate of 1")]
    assert len(host.lines("issues")) == 1


# --- run --------------------------------------------------------------------------------------------------------------


def test_until_idle_works_off_everything_and_ends(host: Host) -> None:
    """`--until-idle` works off everything that is due and exits."""
    with servers.sink() as sink:
        host.config.write_text(CONFIG.format(smtp=sink.port))
        assert host.types("deliver", stdin=REPORT).exit_code == 0
        assert host.runs("run", "--until-idle").returncode == 0
        assert {rcpt for rcpt, _, _ in sink.mails} == {BOB, SARA}
        assert host.rows("SELECT DISTINCT state FROM delivery") == [("sent",)]
        assert host.runs("run", "--until-idle").returncode == 0
        assert len(sink.mails) == 2


def test_only_runs_the_named_parts(host: Host) -> None:
    """`run --only`: here the mail waits, then is worked off, then is sent, each when its part runs."""
    with servers.sink() as sink:
        host.config.write_text(CONFIG.format(smtp=sink.port))
        host.types("deliver", stdin=REPORT)
        assert host.types("run", "--until-idle", "--only", "send,clock").exit_code == 0
        assert host.rows("SELECT state FROM inbox") == [("received",)]
        assert host.types("run", "--until-idle", "--only", "work").exit_code == 0
        assert host.rows("SELECT state FROM inbox") == [("done",)]
        assert sink.mails == []
        assert host.types("run", "--until-idle", "--only", "send").exit_code == 0
        assert len(sink.mails) == 2


def test_a_relay_that_is_down_ends_until_idle_with_75(host: Host) -> None:
    """S1: the mails wait in the outbox; try again."""
    host.takes(REPORT)
    said = host.types("run", "--until-idle")
    assert said.exit_code == 75
    assert host.rows("SELECT state, attempts FROM delivery") == [("queued", 0)] * 2


def test_a_mailbox_that_is_down_holds_up_nothing_else(host: Host, sink: servers.Sink) -> None:
    """ "Where the mailbox cannot be reached, timers run all the same", from cron too: what is there is worked off and
    sent; it ends with 75, and `status` says at once that the mailbox is not read."""
    (host.folder / "imap.password").write_text("secret\n")
    (host.folder / "imap.password").chmod(0o600)
    down = f'host = "127.0.0.1"\nport = {servers.free_port()}\npassword_file = "imap.password"'
    text = CONFIG.format(smtp=sink.port)
    host.config.write_text(text.replace('host = ""', down))
    assert host.types("deliver", stdin=REPORT).exit_code == 0
    said = host.types("run", "--until-idle")
    assert said.exit_code == 75
    assert "MailboxLost" in said.stderr
    assert {rcpt for rcpt, _, _ in sink.mails} == {BOB, SARA}
    assert "AT RISK: the mailbox is not read since" in host.types("status").stdout
    host.config.write_text(text)
    assert host.types("run", "--until-idle").exit_code == 0
    assert "the mailbox is not read" not in host.types("status").stdout, "there is none any more"


def test_a_refusal_of_the_relay_is_told_from_cron_too(host: Host, sink: servers.Sink) -> None:
    """S11: operator told by a second route, the exit code of `status`, until a connection is open again."""
    text = CONFIG.format(smtp=sink.port)
    host.config.write_text(text.replace('"none"', '"starttls"'))  # which the sink does not offer
    assert host.types("deliver", stdin=REPORT).exit_code == 0
    assert host.types("run", "--until-idle").exit_code == 75
    assert "AT RISK: the relay does not let us in" in host.types("status").stdout
    host.config.write_text(text)
    assert host.types("run", "--until-idle").exit_code == 0
    assert "the relay does not let us in" not in host.types("status").stdout


# --- looking ----------------------------------------------------------------------------------------------------------


def test_status_tells_of_a_relay_that_does_not_let_us_in(host: Host) -> None:
    """S11: operator told by a second route: the exit code of `status`, at once and until it is mended."""
    store = Store(f"sqlite:///{host.folder}/t.db")
    assert host.types("run", "--until-idle").exit_code == 0
    with store.transaction():
        health.note_refusal(store, "login as desk refused: 535 wrong", datetime.now(UTC))
    said = host.types("status")
    assert said.exit_code == 75
    assert "login as desk refused: 535 wrong" in said.stdout
    with store.transaction():
        health.forget_refusal(store)
    store.close()
    assert host.types("status").exit_code == 0


def test_status_is_calm_while_all_promises_stand(host: Host) -> None:
    """`status`: health and backlog; exit 0."""
    host.types("subscribers", "add", ANNA)
    host.takes(REPORT)
    said = host.types("status")
    assert said.exit_code == 0
    assert "open issues: 1" in said.stdout
    assert "subscribers: 1" in said.stdout
    assert "all promises stand" in said.stdout
    (found,) = host.lines("status")
    assert (found["inbox"], found["deliveries"]) == ({"done": 1}, {"queued": 2})
    assert (found["open_issues"], found["risks"]) == (1, [])


def test_status_ends_with_75_when_a_promise_is_at_risk(host: Host) -> None:
    """`status`: exit 75 when a promise is at risk: a held mail, a mail or a delivery that waits too long (R12)."""
    host.takes(TWO_FROM)
    said = host.runs("status")
    assert said.returncode == 75
    assert b"AT RISK: 1 mail(s) held" in said.stdout
    host.types("held", "drop", "1")
    host.rows("UPDATE delivery SET state = 'sent'")
    assert host.types("status").exit_code == 0
    host.types("deliver", stdin=REPORT)
    assert host.types("status").exit_code == 0
    host.rows("UPDATE inbox SET received_at = received_at - 600000000")
    late = host.types("status")
    assert late.exit_code == 75
    assert "a mail has waited since" in late.stdout
    host.types("run", "--until-idle", "--only", "work")
    host.rows("UPDATE outgoing SET created_at = created_at - 600000000")
    assert "a delivery has waited since" in host.types("status").stdout


def test_issues_lists_the_open_ones_the_most_urgent_first(host: Host) -> None:
    """`issues`: open issues, the most urgent first."""
    for number, priority in enumerate(("P3", "P1", "P2", "P0"), 1):
        host.takes(raw(BOB, COMPLETE.format(priority=priority), number, f"Shop {number} is slow"))
    rows = host.types("issues").stdout.splitlines()
    assert [row.split()[:2] for row in rows] == [["#4", "P0"], ["#2", "P1"], ["#3", "P2"], ["#1", "P3"]]
    assert "Shop 4 is slow" in rows[0]
    assert "UNVERIFIED" in rows[0]
    assert [one["number"] for one in host.lines("issues")] == [4, 2, 3, 1]


@pytest.mark.parametrize("priority", ["P0", "P1", "P2", "P3"])
def test_show_names_the_priority(host: Host, priority: str) -> None:
    """One axis only, the priority (P0 to P3), and everywhere by these names."""
    host.takes(raw(BOB, COMPLETE.format(priority=priority)))
    assert f"reported {priority}" in host.types("show", 1).stdout
    assert host.lines("show", 1)[0]["issue"]["reported"] == priority


def test_show_tells_an_issue_with_its_journal(host: Host) -> None:
    """`show N`: one issue with its journal: what happened, who did it, with which evidence."""
    host.takes(REPORT)
    said = host.types("show", 1)
    assert said.exit_code == 0
    for words in ("#1 Checkout is blank", "reported P2", BOB, "UNVERIFIED", "The payment form.", "ReportFiled", "E0"):
        assert words in said.stdout
    (found,) = host.lines("show", 1)
    assert found["issue"]["headline"] == "Checkout is blank"
    first = found["journal"][0]
    assert (first["t"], first["by"], first["level"]) == ("ReportFiled", BOB, "E0")
    assert (first["rule"], first["mail"]) == ("none-fresh: no token of ours", 1)
    assert "E0 by none-fresh: no token of ours, mail 1" in said.stdout


@pytest.mark.parametrize("command", ["show 9", "held show 9", "held release 9", "held drop 9"])
def test_what_is_not_there_ends_with_65(host: Host, command: str) -> None:
    """65 bad data: no such issue, no such held mail."""
    host.takes(REPORT)
    said = host.types(*command.split())
    assert said.exit_code == 65
    assert "9" in said.stderr
    assert said.stdout == ""


EVIL = "Down\r\x1b]52;c;aGVsbG8=\x07\x1b[2J\x9b31m\u202edesrever\u2066x\u200b\u2028\x00\x7f end"


def test_foreign_text_never_reaches_the_terminal_raw(host: Host) -> None:
    """X5: a subject with OSC 52, CSI, CR and bidi: no output has a byte < 0x20 except LF, nor C1 or bidi."""
    from email.header import Header

    subject = Header(EVIL, "utf-8").encode().replace("\n", "\r\n")
    held = raw(BOB, "x", 2, subject, "From: eve@elsewhere.example\r\n")
    host.takes(raw(BOB, f"What is happening? {EVIL}\n5. P1\n", 1, subject), held)
    for command in (["held", "list"], ["issues"], ["show", 1], ["status"], ["subscribers", "list"]):
        said = host.types(*command)
        assert fit_for_a_terminal(said.stdout_bytes + said.stderr_bytes), command
        raw_lines = host.types(*command, "--json").stdout_bytes
        assert raw_lines.isascii()
        assert fit_for_a_terminal(raw_lines), command
    assert len(host.types("held", "list").stdout.splitlines()) == 1
    assert len(host.types("issues").stdout.splitlines()) == 1


def test_the_command_line_is_a_wall_of_its_own(host: Host) -> None:
    """X5: whatever a row of the store holds, C0, C1 and bidi are shown as escapes; each held mail stays one line."""
    host.takes(REPORT, TWO_FROM)
    store = Store(f"sqlite:///{host.folder}/t.db")
    issue = store.issue(1)
    assert issue is not None
    with store.transaction():
        store.save_issue(replace(issue, headline=EVIL, owner=f"{EVIL}@acme.example", answers={"what": EVIL}))
        store.run("UPDATE inbox SET reason = ? WHERE state = 'held'", EVIL)
    store.close()
    for command in (["held", "list"], ["issues"], ["show", 1]):
        said = host.types(*command)
        assert fit_for_a_terminal(said.stdout_bytes), command
        assert "\\x1b" in said.stdout, "shown, not dropped"
    assert len(host.types("held", "list").stdout.splitlines()) == 1


# --- parked mail ------------------------------------------------------------------------------------------------------


def test_held_mail_is_listed_with_its_reason(host: Host) -> None:
    """`held list`: parked mail with reason, author and subject."""
    host.takes(TWO_FROM, REPORT)
    (row,) = host.types("held", "list").stdout.splitlines()
    assert row.split()[0] == "1"
    assert "several From fields" in row
    (found,) = host.lines("held", "list")
    assert (found["id"], found["subject"], found["size"]) == (1, "Checkout is blank", len(TWO_FROM))


def test_a_mail_that_ended_the_process_is_listed_unread(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """D11: a mail that ends, or breaks, what reads it is held; who lists what is held does not end too, and no more
    than a header is read of any."""
    two = "From: eve@elsewhere.example\r\n"
    others = [raw(BOB, "hello", 60 + n, f"{word} is blank", more=two) for n, word in enumerate(("Cart", "Search"))]
    host.takes(TWO_FROM, *others)
    host.rows("UPDATE inbox SET reason = ? WHERE id = 2", units.STRUCK)
    parse = mime.parse

    def parse_(raw: bytes) -> mime.ParsedMail:
        assert b"Cart" not in raw, "it is read again"
        if b"Search" in raw:
            raise ValueError("a bug of ours")
        return parse(raw)

    monkeypatch.setattr(mime, "parse", parse_)
    assert [line["subject"] for line in host.lines("held", "list")] == ["Checkout is blank", "", ""]


def test_who_only_takes_mails_in_loads_no_class_of_an_event(host: Host) -> None:
    """docs/architecture.md, start-up: they are a third of it, and a mail server starts `deliver` for each mail."""
    code = "import sys; from triagemail.cli import main; main(standalone_mode=False); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, "--config", str(host.config), "deliver"],
        input=REPORT, capture_output=True, timeout=60, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert b"triagemail.store.store" in done.stdout
    assert b"triagemail.process.events" not in done.stdout


def test_held_show_prints_the_bytes_as_they_came(host: Host) -> None:
    """`held show`: the raw bytes, so that a pipe gets the mail itself."""
    mail = TWO_FROM + b"\xff\xfe\x00\x1b[31m"
    host.takes(mail)
    assert host.runs("held", "show", 1).stdout == mail
    host.takes(REPORT)
    assert host.runs("held", "show", 2).returncode == 65, "only held mails are shown"


def test_a_released_mail_is_worked_off_again(host: Host) -> None:
    """`held release` gives mails back to the worker, with a clean slate; `held drop` puts them aside."""
    stranger = raw("eve@elsewhere.example", COMPLETE.format(priority="P2"), 4)
    host.takes(stranger, TWO_FROM)
    assert [one["id"] for one in host.lines("held", "list")] == [1, 2]
    host.config.write_text(host.config.read_text().replace("[people]", '[people]\nreporters = ["*"]'))
    assert host.types("held", "release", 1).stdout == "1 released\n"
    assert host.types("held", "drop", 2).stdout == "2 dropped\n"
    assert host.lines("held", "list") == []
    host.types("run", "--until-idle", "--only", "work")
    assert host.rows("SELECT state FROM inbox ORDER BY id") == [("done",), ("silent",)]
    assert [one["reporter"] for one in host.lines("issues")] == ["eve@elsewhere.example"]
    assert host.types("held", "release", 2).exit_code == 65


# --- the distribution list --------------------------------------------------------------------------------------------


def test_subscribers_whose_mails_came_back_are_shown_and_counted(host: Host) -> None:
    """`triagemail subscribers` shows bounce state, `status` counts disabled ones; adding one anew forgets it."""
    host.types("subscribers", "add", ANNA, BOB)
    host.rows("INSERT INTO reach (person, score, probes) SELECT id, 1.5, 0 FROM person WHERE address = ?", ANNA)
    host.rows(
        "INSERT INTO reach (person, score, bounced_at, disabled_at, probes, probed_at)"
        " SELECT id, 5.0, 1, 1000000, 1, 1 FROM person WHERE address = ?", BOB,
    )  # fmt: skip
    anna, bob = host.types("subscribers", "list").stdout.splitlines()
    assert anna.endswith("  score=1.5")
    assert bob.endswith("  score=5.0  disabled=1970-01-01T00:00:01+00:00  probes=1")
    assert [one["reach"]["score"] for one in host.lines("subscribers", "list")] == [1.5, 5.0]
    assert "subscribers: 2 (1 disabled, their mails came back)" in host.types("status").stdout
    assert host.lines("status")[0]["disabled"] == 1
    host.types("subscribers", "add", BOB)
    assert host.lines("subscribers", "list")[1]["reach"] == {}
    host.types("subscribers", "remove", ANNA)
    assert host.rows("SELECT person FROM reach") == []
    said = host.rows("SELECT type, author FROM event ORDER BY id")
    assert said == [("SubscriberJoined", "operator")] * 3 + [("SubscriberLeft", "operator")]


def test_subscribers_are_added_listed_and_removed(host: Host) -> None:
    """`subscribers list`, `add [--group]`, `remove`: the distribution list."""
    assert host.types("subscribers", "add", "Anna@ACME.example", OPS).stdout == "2 on the list\n"
    for us in ("Issues@acme.example", "updates@acme.example"):
        said = host.types("subscribers", "add", BOB, us)
        assert (said.exit_code, said.stderr) == (65, f"this service's own address: {us}\nnobody was added\n")
    assert host.types("subscribers", "add", "--group", "sales@acme.example").exit_code == 0
    assert host.types("subscribers", "add", ANNA).exit_code == 0, "adding twice is harmless"
    found = [(one["address"], one["group"]) for one in host.lines("subscribers", "list")]
    assert found == [(ANNA, False), (OPS, False), ("sales@acme.example", True)]
    assert [row.split()[0] for row in host.types("subscribers", "list").stdout.splitlines()] == [a for a, _ in found]
    assert host.lines("subscribers", "list")[0]["wishes"]["priority"] == "P1"
    said = host.types("subscribers", "remove", "ANNA@acme.example", "tom@acme.example")
    assert said.exit_code == 0
    assert "ANNA@acme.example removed" in said.stdout
    assert "tom@acme.example was not on the list" in said.stdout
    assert [one["address"] for one in host.lines("subscribers", "list")] == [OPS, "sales@acme.example"]


def test_who_is_removed_follows_no_single_issue_either(host: Host) -> None:
    """`subscribers remove`: nothing comes any more, as for who unsubscribes."""
    store = Store(f"sqlite:///{host.folder / 't.db'}")
    store.open()
    with store.transaction():
        audience.set_wishes(store, BOB, Wishes(member=False, issues=(42,)), datetime(2026, 12, 1, tzinfo=UTC))
    assert f"{BOB} removed" in host.types("subscribers", "remove", BOB).stdout
    assert audience.wishes(store, BOB).issues == ()
    store.close()


def test_the_list_shows_what_is_wished(host: Host) -> None:
    """`subscribers list`: wishes that are not everybody's."""
    store = Store(f"sqlite:///{host.folder / 't.db'}")
    store.open()
    until = datetime(2026, 12, 1, tzinfo=UTC)
    wished = Wishes(True, Priority.P0, ("billing", "login"), (42,), (7,), True, until)
    with store.transaction():
        audience.join(store, ANNA, until)
        audience.set_wishes(store, BOB, wished, until)
    store.close()
    anna, bob = host.types("subscribers", "list").stdout.splitlines()
    assert anna.split() == [ANNA, "since", "2026-12-01"]
    assert bob.split()[3:] == [
        "priority=P0", "areas=billing,login", "issues=42", "muted=7", "digest=True",
        "paused_until=2026-12-01T00:00:00+00:00",
    ]  # fmt: skip
    assert host.lines("subscribers", "list")[1]["wishes"] == {
        "priority": "P0", "areas": ["billing", "login"], "issues": [42], "muted": [7], "digest": True,
        "paused_until": "2026-12-01T00:00:00+00:00",
    }  # fmt: skip


BAD = ["anna", "anna@", "@acme.example", "a b@acme.example", "anna@acme.example\nBcc: x@y.example", "ä@acme.example"]


@pytest.mark.parametrize("bad", BAD)
def test_one_bad_address_adds_nobody(host: Host, bad: str) -> None:
    """S8: strict addr-spec check at entry; 65 and nothing half done."""
    said = host.types("subscribers", "add", ANNA, bad)
    assert said.exit_code == 65
    assert "nobody was added" in said.stderr
    assert host.lines("subscribers", "list") == []


# --- the demo ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def leftovers(tmp_path: Path) -> Path:
    """Where a program makes its temporary files; empty again when it cleans up."""
    found = tmp_path / "tmp"
    found.mkdir()
    return found


def start_demo(leftovers: Path, *options: str) -> subprocess.Popen[str]:
    setting = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(leftovers), "COLUMNS": "100"}
    tool = [sys.executable, "-m", "triagemail", "demo", *options]
    return subprocess.Popen(tool, env=setting, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_the_demo_plays_the_story_of_one_p0(leftovers: Path) -> None:
    """`demo --once`: a whole mail company on loopback, no config; plays the story of one P0 in less than a minute.

    Its first line shall come within 3 s; 10 are asked for here, so that a loaded machine is no failure.
    """
    started = time.monotonic()
    demo = start_demo(leftovers, "--once", "--no-color")
    assert demo.stdout is not None
    try:
        first = demo.stdout.readline()
        seconds = time.monotonic() - started
        rest, _ = demo.communicate(timeout=60)
    finally:
        demo.kill()
    assert "triagemail demo" in first
    assert seconds < 10
    assert demo.returncode == 0, rest[-600:]
    assert "cannot reach us" not in rest, "the clock was moved, not the mailbox lost"
    scenes = [line for line in rest.splitlines() if line[:1].isdigit() and line[1:3] == ". "]
    assert [line[0] for line in scenes] == list("12345678")
    for words in ("PRIORITY 0 ISSUE: ", "PRIORITY 0 ISSUE UPDATE: ", "PRIORITY 0 ISSUE RESOLVED: "):
        assert words in rest
    assert "Not yet confirmed" not in rest.partition("\n6. ")[2], "Sara has agreed by then"
    assert "\x1b" not in first + rest
    assert list(leftovers.iterdir()) == []


@pytest.mark.parametrize("until", ["Bob writes", "Ctrl-C ends it"])
def test_ctrl_c_ends_the_demo_and_leaves_nothing_behind(leftovers: Path, until: str) -> None:
    """… then stays up for a real mail program. Ctrl-C ends it, in the story or after it, with 0 and no leftover."""
    demo = start_demo(leftovers)
    assert demo.stdout is not None
    try:
        for line in demo.stdout:
            if until in line:
                break
        assert demo.poll() is None
        assert list(leftovers.iterdir()) != [], "the company's folder is there while it is up"
        demo.send_signal(signal.SIGINT)
        rest, _ = demo.communicate(timeout=10)
    finally:
        demo.kill()
    assert demo.returncode == 0, rest
    assert "Traceback" not in rest
    assert list(leftovers.iterdir()) == []


def test_looking_needs_no_key_and_no_service(host: Host) -> None:
    """Whoever looks at 3 a.m., or takes mails in, needs the database and nothing else: not the key file, and not the
    parts of the service, which take twice as long to load (start-up is a figure of ours)."""
    host.takes(raw(BOB, COMPLETE.format(priority="P2"), 1))
    (host.folder / "triagemail.keys").unlink()
    for words in (["issues"], ["show", "1"], ["status"], ["held", "list"]):
        said = host.types(*words)
        assert (said.exit_code, said.stderr) == (0, ""), words
    loaded = "import sys; from triagemail.cli import main; main(standalone_mode=False); print(*sys.modules)"
    words = [sys.executable, "-c", loaded, "--config", str(host.config), "issues"]
    said_by = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    names = said_by.stdout.split()
    assert "triagemail.store.store" in names
    assert not {"triagemail.app", "triagemail.worker", "jinja2", "mailparser", "rich"} & set(names)


# --- keys, and people who want to be forgotten ------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["export", "subscribers export", "status"])
def test_a_full_disk_behind_standard_output_is_one_clear_line(host: Host, command: str) -> None:
    """D6: `export > file` on a full disk: 75 and what the system said."""
    host.takes(REPORT)
    tool = [sys.executable, "-m", "triagemail", "--config", str(host.config), *command.split()]
    with open("/dev/full", "wb") as full:
        said = subprocess.run(tool, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    assert said.returncode == 75
    assert said.stderr.decode() == "[Errno 28] No space left on device\n"


@pytest.mark.parametrize("command", ["backup COPY", "hold all", "release all"])
def test_a_lost_key_file_keeps_nobody_from_saving_what_is_there(host: Host, command: str) -> None:
    """Who has lost the keys needs a copy of the database, and sending held, more than anybody."""
    host.takes(REPORT)
    (host.folder / "triagemail.keys").unlink()
    assert host.types(*command.replace("COPY", f"{host.folder}/copy.db").split()).exit_code == 0


def test_keys_rotate_puts_a_new_key_in_front(host: Host) -> None:
    """`keys rotate`: two keys live; no key is ever shown."""
    said = host.types("keys", "rotate")
    assert said.stdout.startswith("key b signs from the next start")
    first, second = host.types("keys", "list").stdout.splitlines()
    assert (first.split()[:2], second.split()[:2]) == (["b", "signs"], ["a", "verifies"])
    assert "ab" * 32 not in said.output + host.types("keys", "list").output
    again = host.types("keys", "rotate")
    assert (again.exit_code, "key a signed mails of the last 90 days" in again.stderr) == (64, True)
    assert host.types("keys", "rotate", "--force").exit_code == 0


def test_board_revoke_ends_what_somebody_can_see(host: Host) -> None:
    """A lost phone: one command, and who is not known is named before anything is done."""
    host.takes(raw(BOB, COMPLETE.format(priority="P2"), 4))
    said = host.types("board", "revoke", BOB, "nobody@acme.example")
    assert (said.exit_code, "nobody we know: nobody@acme.example" in said.stderr) == (65, True)
    assert host.rows("SELECT key FROM meta WHERE key LIKE 'board_revoked%'") == []
    said = host.types("board", "revoke", BOB.upper())
    assert (said.exit_code, "counts no longer" in said.stdout) == (0, True)
    assert len(host.rows("SELECT key FROM meta WHERE key LIKE 'board_revoked%'")) == 1


def test_forget_says_what_it_did_and_what_the_mail_server_still_has(host: Host) -> None:
    """`forget ADDR`: pseudonym, how many mails, server copies listed by Message-ID."""
    host.takes(raw(BOB, COMPLETE.format(priority="P2"), 4))
    host.rows("UPDATE delivery SET state = 'sent'")
    said = host.types("forget", BOB.upper())
    assert said.exit_code == 0
    assert "<4@client.example>" in said.stdout
    assert host.lines("issues")[0]["reporter"].endswith("@forgotten.invalid")
    assert BOB.encode() not in (host.folder / "t.db").read_bytes()
    assert host.types("forget", BOB).exit_code == 65


def test_forget_refuses_where_it_would_do_harm(host: Host) -> None:
    """Somebody with a role in the config, no address, mails still on their way, a service that runs."""
    host.takes(raw(BOB, COMPLETE.format(priority="P2"), 4))
    assert "stands in the config" in host.types("forget", SARA).stderr
    assert host.types("forget", "bob").exit_code == 65
    waiting = host.types("forget", BOB)
    assert (waiting.exit_code, "not sent yet" in waiting.stderr) == (75, True)
    with open(host.folder / "t.db.lock", "a", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert host.types("forget", BOB).exit_code == 75
    assert host.lines("issues")[0]["reporter"] == BOB


# --- backup, restore, holding all sending back ------------------------------------------------------------------------


def test_a_restored_backup_does_again_what_came_after_it(host: Host) -> None:
    """D10: back up, mails, restore: they become issues again with the same content when they are read again; what was
    handled before is a duplicate. `backup` runs beside the service."""
    before, after = (raw(BOB, COMPLETE.format(priority="P2"), n, f"Checkout {n}") for n in (1, 2))
    host.takes(before)
    with open(host.folder / "t.db.lock", "a", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert host.types("backup", host.folder / "copy.db").exit_code == 0
    assert (host.folder / "copy.db").stat().st_mode & 0o777 == 0o600
    host.takes(after)
    found = host.lines("issues")
    said = host.types("restore", host.folder / "copy.db")
    assert said.exit_code == 0
    assert "may have been sent since" in said.stdout
    assert "all sending is held since" in host.types("status").stdout, "what waits in the copy may have been sent"
    assert len(host.lines("issues")) == 1
    host.takes(before, after)
    assert [(i["number"], i["headline"], i["answers"]) for i in host.lines("issues")] == [
        (i["number"], i["headline"], i["answers"]) for i in found
    ]
    with sqlite3.connect(host.folder / "t.db.before-restore") as old:
        assert old.execute("SELECT COUNT(*) FROM issue").fetchone() == (2,)


@pytest.mark.parametrize("damage", ["missing", "empty", "text", "cut", "foreign"])
def test_a_bad_copy_is_not_restored(host: Host, damage: str) -> None:
    """D7: a corrupt or foreign database is refused, with one line; all is as it was."""
    host.takes(REPORT)
    copy = host.folder / "copy.db"
    host.types("backup", copy)
    match damage:
        case "missing":
            copy.unlink()
        case "empty":
            copy.write_bytes(b"")
        case "text":
            copy.write_bytes(b"no database " * 1_000)
        case "cut":
            copy.write_bytes(copy.read_bytes()[:20_000])
        case "foreign":
            copy.unlink()
            with sqlite3.connect(copy) as db:
                db.execute("CREATE TABLE x (y)")
    there = sorted(files_in(host.folder))
    said = host.types("restore", copy)
    assert said.exit_code in (65, 75)
    assert len(said.stderr.splitlines()) == 1
    assert said.stderr.endswith("copy.db\n"), "it names the file that was named to it"
    assert sorted(files_in(host.folder)) == there
    assert len(host.lines("issues")) == 1
    assert host.types("status").stdout.count("held since") == 0


def test_a_broken_database_is_put_aside_and_replaced(host: Host) -> None:
    """What a backup is for."""
    host.takes(REPORT)
    host.types("backup", host.folder / "copy.db")
    (host.folder / "t.db").write_bytes(b"broken " * 5_000)
    assert host.types("restore", host.folder / "copy.db").exit_code == 0
    assert len(host.lines("issues")) == 1
    assert (host.folder / "t.db.before-restore").read_bytes().startswith(b"broken")


def test_a_log_without_its_database_is_not_read_into_the_copy(host: Host) -> None:
    """D10: the database file is lost and its log is not: what is put back is the copy, and nothing of that log."""
    host.types("backup", host.folder / "copy.db")
    with sqlite3.connect(host.folder / "t.db") as kept:
        kept.execute("PRAGMA wal_autocheckpoint = 0")
        kept.execute("CREATE TABLE foreign_table (x)")
        kept.commit()
        (host.folder / "wal").write_bytes((host.folder / "t.db-wal").read_bytes())
    kept.close()
    (host.folder / "t.db").unlink()
    (host.folder / "wal").replace(host.folder / "t.db-wal")
    assert host.types("restore", host.folder / "copy.db").exit_code == 0
    with sqlite3.connect(host.folder / "t.db") as put_back:
        assert put_back.execute("SELECT 1 FROM sqlite_master WHERE name = 'foreign_table'").fetchone() is None
    put_back.close()
    assert host.types("restore", host.folder / "copy.db").exit_code == 0
    assert {"t.db.before-restore-wal", "t.db.before-restore-2"} <= set(files_in(host.folder)), "that log is kept"


def test_root_gives_nobody_a_file_behind_a_link(host: Host) -> None:
    """D10, V6: who may write beside the database could make the lock file a link to a file of root's."""
    if os.geteuid() != 0:
        pytest.skip("only root gives files to others")
    host.takes(REPORT)
    host.types("backup", host.folder / "copy.db")
    os.chown(host.folder / "t.db", 65534, 65534)
    (host.folder / "secret").write_text("x")
    (host.folder / "t.db.lock").unlink()
    (host.folder / "t.db.lock").symlink_to(host.folder / "secret")
    said = host.types("restore", host.folder / "copy.db")
    assert (said.exit_code, len(said.stderr.splitlines())) == (75, 1)
    assert (host.folder / "secret").stat().st_uid == 0


def test_restore_by_root_leaves_the_database_to_its_owner(host: Host) -> None:
    """D10: "the way back". The copy lies where only root reads it (docs/operating.md), so root types `restore`; the
    service, another user, goes on with what is put back, and with the lock file, which the first command makes."""
    if os.geteuid() != 0:
        pytest.skip("only root gives files to others")
    host.takes(REPORT)
    host.types("backup", host.folder / "copy.db")
    (host.folder / "t.db.lock").unlink()
    os.chown(host.folder / "t.db", 65534, 65534)
    assert host.types("restore", host.folder / "copy.db").exit_code == 0
    kept = [(host.folder / name).stat() for name in ("t.db", "t.db.lock", "t.db.before-restore")]
    assert {(found.st_uid, found.st_gid) for found in kept} == {(65534, 65534)}
    assert (host.folder / "copy.db").stat().st_uid == 0


def test_migrate_by_root_leaves_the_copy_to_the_owner(host: Host) -> None:
    """An upgrade, and the way back: the copy takes the place of the database, so it belongs to whom that belongs to."""
    if os.geteuid() != 0:
        pytest.skip("only root gives files to others")
    first_schema(f"sqlite:///{host.folder}/t.db")
    os.chown(host.folder / "t.db", 65534, 65534)
    assert host.types("migrate").exit_code == 0
    assert (host.folder / "t.db.schema-1").stat().st_uid == 65534


def test_a_second_restore_keeps_what_the_first_put_aside(host: Host) -> None:
    """D10, and nothing is lost: who restored the wrong copy still has the database as it was."""
    host.takes(REPORT)
    host.types("backup", host.folder / "copy.db")
    host.takes(raw(BOB, COMPLETE.format(priority="P2"), 2, "Checkout 2"))
    for _ in range(3):
        assert host.types("restore", host.folder / "copy.db").exit_code == 0
    with sqlite3.connect(host.folder / "t.db.before-restore") as old:
        assert old.execute("SELECT COUNT(*) FROM issue").fetchone() == (2,)
    assert {"t.db.before-restore-2", "t.db.before-restore-3"} <= set(files_in(host.folder))


@pytest.mark.parametrize("name", ["t.db", "link", "t.db-wal"])
def test_a_backup_never_takes_the_place_of_the_database(host: Host, name: str) -> None:
    """`backup` runs beside the service, which would go on writing into a file that has no name any more."""
    host.takes(REPORT)
    (host.folder / "link").symlink_to(host.folder / "t.db")
    with sqlite3.connect(host.folder / "t.db") as open_:
        open_.execute("SELECT COUNT(*) FROM issue").fetchone()
        before = (host.folder / "t.db").stat().st_ino
        said = host.types("backup", host.folder / name)
        assert said.exit_code == 64
        assert len(said.stderr.splitlines()) == 1
    assert (host.folder / "t.db").stat().st_ino == before
    assert (host.folder / "link").is_symlink()


def test_restore_wants_the_service_stopped(host: Host) -> None:
    """75: try again."""
    host.takes(REPORT)
    host.types("backup", host.folder / "copy.db")
    with open(host.folder / "t.db.lock", "a", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert host.types("restore", host.folder / "copy.db").exit_code == 75


def test_hold_all_sends_nothing_until_release_all(host: Host, sink: servers.Sink) -> None:
    """`hold all` and `release all` for sending: mails are taken in and worked off meanwhile, and `status` says so."""
    host.config.write_text(CONFIG.format(smtp=sink.port))
    assert host.types("hold", "all").stdout == "all sending is held\n"
    assert host.types("deliver", stdin=REPORT).exit_code == 0
    assert host.types("run", "--until-idle").exit_code == 0
    assert sink.mails == []
    assert len(host.lines("issues")) == 1
    said = host.types("status")
    assert (said.exit_code, "AT RISK: all sending is held since" in said.stdout) == (75, True)
    assert host.types("hold", "all").stdout == "all sending was held already\n"
    assert host.types("release", "all").exit_code == 0
    assert host.types("run", "--until-idle").exit_code == 0
    assert len(sink.mails) == 2
    assert host.types("release", "all").stdout == "nothing was held\n"


# --- whole lists ------------------------------------------------------------------------------------------------------

MAILMAN = "lena@acme.example\nTom Tester <tom@acme.example>\n# left in May\nLENA@acme.example\n"
MAILMAN_CSV = "address,display_name,role\nlena@acme.example,Lena,member\ntom@acme.example,,member\n"
LISTMONK = """\
uuid,email,name,attributes,status,created_at,updated_at
a1,lena@acme.example,Lena,"{""city"": ""Köln, Nippes""}",enabled,2025-01-01,2025-01-01
a2,tom@acme.example,Tom,{},enabled,2025-01-01,2025-01-01
a3,kim@acme.example,Kim,{},blocklisted,2025-01-01,2025-01-01
"""
EXCEL = "\ufeffName;E-Mail\r\nLena;lena@acme.example\r\nTom;tom@acme.example\r\n"


@pytest.mark.parametrize("text", [MAILMAN, MAILMAN_CSV, LISTMONK, EXCEL], ids=["lines", "mailman", "listmonk", "excel"])
def test_a_list_is_imported_from_what_others_export(host: Host, text: str) -> None:
    """`subscribers import`: CSV, also Mailman and listmonk exports; nobody is added who had left there, none twice."""
    (host.folder / "list.csv").write_text(text, encoding="utf-8")
    said = host.types("subscribers", "import", host.folder / "list.csv")
    assert said.exit_code == 0
    assert "2 added, 0 on the list already" in said.stdout
    assert [row["address"] for row in host.lines("subscribers", "list")] == ["lena@acme.example", "tom@acme.example"]
    assert "0 added, 2 on the list already" in host.types("subscribers", "import", host.folder / "list.csv").stdout


def test_lines_without_an_address_are_named_and_the_rest_is_added(host: Host) -> None:
    """Bad input gets one clear answer and nothing is lost: which line, and what stood there."""
    (host.folder / "list.csv").write_text("email,name\nlena@acme.example,Lena\nkim at acme,Kim\n\n,Nobody\n")
    said = host.types("subscribers", "import", host.folder / "list.csv")
    assert "line 3: no mail address: kim at acme" in said.stdout
    assert "1 added" in said.stdout


@pytest.mark.parametrize("content", [b"", b"\n\n", b"name\nLena\n", b"\xff\xfe\x00\x01", b'email\n"never closed'])
def test_a_file_that_is_no_list_changes_nothing(host: Host, content: bytes) -> None:
    """65, one line a reason."""
    (host.folder / "list.csv").write_bytes(content)
    said = host.types("subscribers", "import", host.folder / "list.csv")
    assert said.exit_code == 65
    assert host.lines("subscribers", "list") == []


def test_an_export_can_be_imported_again(host: Host) -> None:
    """`subscribers export`: everybody with their wishes; a group stays a group."""
    host.types("subscribers", "add", "lena@acme.example")
    host.types("subscribers", "add", "--group", "all@lists.acme.example")
    exported = host.types("subscribers", "export").stdout
    assert exported.splitlines()[0].startswith("address,since,group,priority")
    host.types("subscribers", "remove", "lena@acme.example", "all@lists.acme.example")
    (host.folder / "list.csv").write_text(exported)
    assert host.types("subscribers", "import", host.folder / "list.csv").exit_code == 0
    assert {row["address"]: row["group"] for row in host.lines("subscribers", "list")} == {
        "lena@acme.example": False,
        "all@lists.acme.example": True,
    }


def test_subscribers_have_a_language(host: Host) -> None:
    """`add --language`, and a column of what is imported and exported: in which language our mails to them are."""
    assert host.types("subscribers", "add", "--language", "de", "lena@acme.example").exit_code == 0
    refused = host.types("subscribers", "add", "--language", "klingon", "tom@acme.example")
    assert refused.exit_code == 65
    assert "there are no mails in 'klingon'; there are: en, de, es, fr" in refused.stderr
    assert "language=de" in host.types("subscribers", "list").stdout
    exported = host.types("subscribers", "export").stdout
    rows = f"{exported}tom@acme.example,,,,,,,,,,fr-CA\nkim@acme.example,,,,,,,,,,nl\n"
    host.types("subscribers", "remove", "lena@acme.example")
    (host.folder / "list.csv").write_text(rows)
    said = host.types("subscribers", "import", host.folder / "list.csv")
    assert "line 4: there are no mails in 'nl'" in said.stdout
    assert "3 added" in said.stdout
    spoken = {row["address"]: row["language"] for row in host.lines("subscribers", "list")}
    assert spoken == {"kim@acme.example": "", "lena@acme.example": "de", "tom@acme.example": "fr"}
