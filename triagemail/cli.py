"""The command line. click at module level and everything else per command: `--help` and `deliver` start fast."""

from __future__ import annotations

import contextlib
import errno
import faulthandler
import gc
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from triagemail import __version__, operating, subscribers
from triagemail.console import (
    BAD_CONFIG,
    DATA,
    NO_CONFIG,
    OK,
    TRY_AGAIN,
    USAGE,
    as_json,
    fail,
    open_app,
    open_store,
    open_to_look,
    priority,
    read_config,
    safe,
    say,
    say_json,
)

if TYPE_CHECKING:
    from triagemail.app import App


class _Group(click.Group):
    """Usage errors end with 64, as sysexits.h says; a database or a disk that does not work, with 75 and one line."""

    def main(self, *args: Any, **extra: Any) -> Any:
        click.UsageError.exit_code = USAGE
        return super().main(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except OSError as error:
            if error.errno == errno.EPIPE:  # click's own: `triagemail export | head` is no fault
                raise
            fail(TRY_AGAIN, str(error))
        except Exception as error:  # only to tell the database's faults from others, without importing it for `--help`
            store = sys.modules.get("triagemail.store.store")
            if store is None or not isinstance(error, store.STORE_FAULTS):
                raise
            fail(TRY_AGAIN, f"the database does not work: {' '.join(str(error).split())}")


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="triagemail")
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, readable=False),
    envvar="TRIAGEMAIL_CONFIG",
    help="The config file.",
)
@click.pass_context
def main(context: click.Context, config_file: Path | None) -> None:
    """A company's production troubleshooting process, run wholly by mail."""
    context.obj = config_file
    gc.set_threshold(50_000, 20, 20)  # what a start loads stays: to look for garbage in it is a twentieth of the CPU


# --- setting up ------------------------------------------------------------------------------------------------------


@main.command()
@click.option("--once", is_flag=True, help="Play the story and end.")
@click.option("--no-color", is_flag=True, help="Plain text.")
def demo(once: bool, no_color: bool) -> None:
    """A whole mail company on loopback: play the story of one P0, then stay up for you to join in."""
    from triagemail.demo import play

    sys.exit(play(stay=not once, color=not no_color))


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def init(folder: Path) -> None:
    """Write a config, a key file and an empty store into a folder; overwrites nothing."""
    from datetime import UTC, datetime

    from triagemail import keys as signing
    from triagemail.config import example
    from triagemail.store.store import Store, StoreUnusable

    config, keys, store = folder / "config.toml", folder / "triagemail.keys", folder / "triagemail.db"
    try:
        there = [path for path in (config, keys, store) if path.exists()]
    except OSError as error:
        fail(TRY_AGAIN, f"not written: {error}")
    if there:
        fail(USAGE, *(f"{path} is there already; nothing was written" for path in there))
    made = Store(f"sqlite:///{store.resolve()}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        config.write_text(example(), encoding="utf-8")
        config.chmod(0o600)  # it may come to hold passwords
        signing.write_new_key(keys, datetime.now(UTC).date())
        made.open()
        made.close()
    except (OSError, StoreUnusable) as error:  # no half of a set-up, which the next try would find in its way
        for path in (config, keys, store, *(store.with_name(f"{store.name}-{end}") for end in ("wal", "shm"))):
            with contextlib.suppress(OSError):
                path.unlink()
        fail(TRY_AGAIN, f"not written: {error}")
    say(f"Written: {config}, {keys}, {store}")
    say(f"Next: edit {config}, then `triagemail --config {config} check` and `triagemail --config {config} run`.")


@main.command()
@click.pass_obj
def check(config_file: Path | None) -> None:
    """Check config and templates; every mistake with its line."""
    from triagemail.app import build
    from triagemail.mail import templates

    if config_file is None:
        fail(BAD_CONFIG, NO_CONFIG)
    config = read_config(config_file, service=True)
    spoken = (config.mail.language, config.list.language or config.mail.language)
    found = templates.check_templates(config.templates.dir or None, spoken)
    # of each template the first mistake is shown
    problems = sorted({p.template: f"templates/{p}" for p in reversed(found)}.values())
    try:
        build(config)
    except (OSError, ValueError) as error:
        problems.append(str(error))
    if problems:
        fail(BAD_CONFIG, *problems)
    say("config and templates: all good")


# --- the service -----------------------------------------------------------------------------------------------------


@main.command()
@click.option(
    "--only", default="intake,work,send,clock,web", show_default=True, help="Which parts: intake,work,send,clock,web."
)
@click.option("--until-idle", is_flag=True, help="Work off everything that is due, then end.")
@click.pass_obj
def run(config_file: Path | None, only: str, until_idle: bool) -> None:
    """The service: fetch mails, decide, send, keep the clocks."""
    gc.disable()  # until all is loaded
    from triagemail.app import PARTS, InUse, exclusive
    from triagemail.mail.headers import python_is_flawed

    parts = tuple(part.strip() for part in only.split(","))
    if odd := [part for part in parts if part not in PARTS]:
        fail(USAGE, f"unknown part {odd[0]}: choose from {','.join(PARTS)}")
    app = _believing(open_app(config_file, service=True))
    if not until_idle and python_is_flawed():
        click.echo("warning: this Python's email package has CVE-2024-6923; our mails are safe all the same", err=True)
    sys.setswitchinterval(0.0005)  # a parsing thread must not starve the sender
    gc.enable()
    gc.freeze()  # modules and templates stay: the collector need not look at them, which is a twentieth of the CPU
    if not until_idle and sys.__stderr__ is not None:
        faulthandler.enable(sys.__stderr__)  # systemd's watchdog ends us with SIGABRT: it leaves where each thread was
    try:
        with exclusive(app.store):
            code = _until_idle(app, parts) if until_idle else OK if app.serve(parts) else TRY_AGAIN
    except (InUse, OSError) as error:
        fail(TRY_AGAIN, str(error))
    sys.exit(code)


def _believing(app: App) -> App:
    """ "Without a stored green result the service runs as `none`" (trust.md 3.2)."""
    from dataclasses import replace

    from triagemail import trial
    from triagemail.app import build
    from triagemail.config import trust

    if trial.proven(app.store, trust(app.config)):
        return app
    profile = app.config.auth.profile
    click.echo(
        f'warning: auth.profile = "{profile}" was never tried as it stands, so nobody is believed on its word:'
        " triagemail doctor --auth", err=True,
    )  # fmt: skip
    app.store.close()
    made = build(replace(app.config, auth=replace(app.config.auth, profile="none")))
    made.store.open()
    return made


def _until_idle(app: App, parts: tuple[str, ...]) -> int:
    from triagemail.doors.imap import MailboxLost, MailboxRefused
    from triagemail.doors.smtp import RelayDown
    from triagemail.store.store import STORE_FAULTS

    try:
        app.until_idle(parts)
    except (MailboxLost, MailboxRefused, RelayDown, *STORE_FAULTS) as error:
        fail(TRY_AGAIN, f"{type(error).__name__}: {error}")
    finally:
        app.sender.relay.close()
        if app.mailbox is not None:
            app.mailbox.close()
    return OK


# --- mails in --------------------------------------------------------------------------------------------------------


@main.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path, allow_dash=True)
)
@as_json
@click.pass_obj
def explain(config_file: Path | None, files: tuple[Path, ...], json_lines: bool) -> None:
    """Show per mail what it would be understood as and what it would lead to; change and send nothing."""
    from triagemail import explain as explaining

    explainer = explaining.Explainer(read_config(config_file))
    for file in files:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        found = explainer.explain(str(file), raw)
        if json_lines:
            say_json(found)
        else:
            click.echo(safe(explaining.as_text(found)))


@main.command()
@click.pass_obj
def deliver(config_file: Path | None) -> None:
    """Take one raw mail from standard input into the inbox; 75 if it could not be stored."""
    from triagemail.config import ConfigError, load

    raw = sys.stdin.buffer.read()
    if not raw.strip():
        fail(DATA, "no mail on standard input")
    if config_file is None:
        fail(TRY_AGAIN, NO_CONFIG)
    from triagemail.clock import Clock
    from triagemail.files import take_one
    from triagemail.store.store import STORE_FAULTS, Store, StoreUnusable

    try:
        store = Store(load(config_file).store.url)
        store.open()
        take_one(store, raw, Clock().now(), "deliver")
        store.close()
    except (ConfigError, StoreUnusable, OSError, *STORE_FAULTS) as error:
        fail(TRY_AGAIN, f"not stored: {error}")  # whatever it is, the mail server keeps the mail


@main.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.pass_obj
def import_(config_file: Path | None, paths: tuple[Path, ...]) -> None:
    """Take mbox files, Maildirs and .eml files into the inbox."""
    from triagemail import files
    from triagemail.clock import Clock

    store, clock = open_store(config_file), Clock()
    total = sum(files.count_mails(path) for path in paths)
    done = 0
    with click.progressbar(length=total, label="importing", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        for path in paths:
            for taken in files.take_all(store, files.read_path(path), clock.now()):
                done += taken
                bar.update(taken)
    store.close()
    say(f"{done} mail(s) taken into the inbox")


# --- looking ---------------------------------------------------------------------------------------------------------


@main.command()
@as_json
@click.pass_obj
def status(config_file: Path | None, json_lines: bool) -> None:
    """Health and backlog; ends with 75 when a promise is at risk."""
    from dataclasses import asdict

    from triagemail.clock import Clock
    from triagemail.store.health import health

    config, store = open_to_look(config_file)
    now = Clock().now()
    found = health(store, now, config.imap.read_every)
    if json_lines:
        say_json(asdict(found))
    else:
        disabled = f" ({found.disabled} disabled, their mails came back)" if found.disabled else ""
        say(f"open issues: {found.open_issues}   subscribers: {found.subscribers}{disabled}")
        say("inbox:     ", _counts(found.inbox))
        say("deliveries:", _counts(found.deliveries))
        for name, since in (("mail", found.oldest_mail), ("delivery", found.oldest_delivery)):
            if since is not None:
                say(f"oldest {name} that waits: {(now - since).total_seconds():.0f} s")
        for each in found.processes:
            gone = "" if each.alive else ", gone"
            say(f"process:    {each.name} {each.parts} since {each.since:%Y-%m-%d %H:%M} UTC{gone}")
        for risk in found.risks:
            say(f"AT RISK: {risk}")
        if not found.risks:
            say("all promises stand")
    sys.exit(TRY_AGAIN if found.risks else OK)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{state} {number}" for state, number in sorted(counts.items())) or "empty"


@main.command()
@as_json
@click.pass_obj
def issues(config_file: Path | None, json_lines: bool) -> None:
    """The open issues, the most urgent first."""
    from triagemail.process import codec

    for issue in open_store(config_file).open_issues():
        if json_lines:
            say_json(codec.plain(issue))
        else:
            mark = " UNVERIFIED" if issue.unverified else ""
            due = f"  next update {issue.next_update_at:%H:%M} UTC" if issue.next_update_at else ""
            owner = issue.owner or "-"
            say(
                f"#{issue.number:<5} {priority(issue.current):<3} {issue.state:<8} {issue.headline[:60]:<60}"
                f" {owner}{due}{mark}"
            )


@main.command()
@click.argument("number", type=int)
@as_json
@click.pass_obj
def show(config_file: Path | None, number: int, json_lines: bool) -> None:
    """One issue with its journal."""
    from triagemail.process import codec

    store = open_store(config_file)
    issue = store.issue(number)
    if issue is None:
        fail(DATA, f"there is no issue #{number}")
    rows = list(zip(store.journal(number), store.audit(number), strict=True))
    if json_lines:
        events = [
            {"at": at.isoformat(), "by": by, "level": level, "rule": rule, "mail": mail, **codec.plain(event)}
            for (at, by, level, event), (rule, mail) in rows
        ]
        say_json({"issue": codec.plain(issue), "journal": events})
        return
    say(f"#{issue.number} {issue.headline}")
    say(f"state {issue.state}, priority {priority(issue.current)}, reported {priority(issue.reported)} by"
        f" {issue.reporter}"
        f"{' UNVERIFIED' if issue.unverified else ''}, owner {issue.owner or 'none'}")  # fmt: skip
    for question, answer in issue.answers.items():
        say(f"  {question}: {answer[:300]}".replace("\n", "\n    "))  # no line of it may look like one of ours
    for (at, by, level, event), (rule, mail) in rows:
        rest = {k: v for k, v in codec.plain(event).items() if k not in ("t", "at", "by", "issue")}
        say(
            f"{at:%Y-%m-%d %H:%M:%S}  {level:<3} {type(event).__name__:<16} {by or 'triagemail'} "
            f" {json.dumps(rest, default=str)[:200]}"
        )
        if mail is not None:
            say(f"{'':19}  {level} by {rule}, mail {mail}")


# --- parked mail, the list, the database: operating.py ---------------------------------------------------------------

for _command in (*operating.COMMANDS, subscribers.subscribers):
    main.add_command(_command)
