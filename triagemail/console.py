"""What every command needs: exit codes, words for a terminal, the config, the parts of the service and its store."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from triagemail.app import App
    from triagemail.config import Config
    from triagemail.store.store import Store

NO_CONFIG = "which config? Name it with --config FILE or in TRIAGEMAIL_CONFIG; `triagemail init DIR` makes one"
OK, USAGE, DATA, TRY_AGAIN, BAD_CONFIG = 0, 64, 65, 75, 78  # sysexits.h


def fail(code: int, *lines: str) -> NoReturn:
    for line in lines:
        click.echo(safe(line), err=True)
    sys.exit(code)


def safe(text: object) -> str:
    """Foreign text for a terminal: no control character but LF gets through (trust.md X5)."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in str(text))


def say(*texts: object) -> None:
    click.echo(" ".join(safe(t) for t in texts))


def priority(value: object) -> str:
    """P0 is 0, and a priority all the same."""
    return "--" if value is None else str(value)


def say_json(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=True, default=str))


def read_config(path: Path | None, *, service: bool = False) -> Config:
    from triagemail.config import ConfigError, load

    try:
        config = load(path, service=service)
    except ConfigError as error:
        fail(BAD_CONFIG, *(f"{error.path or 'config'}: {problem}" for problem in error.problems))
    if service and config.imap.host and not config.imap.user:
        fail(
            BAD_CONFIG,
            f'{path}: imap: no password_file and no token_command, so nobody can log in (host = "": no mailbox)',
        )
    for warning in config.warnings:
        click.echo(safe(f"warning: {warning}"), err=True)
    return config


def open_store(path: Path | None) -> Store:
    return open_to_look(path)[1]


def open_to_look(path: Path | None) -> tuple[Config, Store]:
    """The config and the open store alone, for commands that look or put something in: a third of the time that the
    whole service takes to load, and no key file. Every failure ends with one clear line."""
    from triagemail import log
    from triagemail.store.store import SchemaRefused, Store, StoreUnusable

    log.configure(os.environ.get("TRIAGEMAIL_LOG", "warning"))
    if path is None:
        fail(BAD_CONFIG, NO_CONFIG)
    config = read_config(path)
    store = Store(config.store.url)
    try:
        store.open()
    except SchemaRefused as error:  # waiting does not help: systemd does not try it again and again
        fail(BAD_CONFIG, str(error))
    except (OSError, StoreUnusable) as error:
        fail(TRY_AGAIN, str(error))
    return config, store


def open_app(path: Path | None, *, service: bool = False) -> App:
    """The service's parts with an open store; every failure ends with one clear line."""
    from triagemail import log
    from triagemail.app import build, keys_path
    from triagemail.store.store import SchemaRefused, StoreUnusable

    log.configure(os.environ.get("TRIAGEMAIL_LOG", "info" if service else "warning"))
    if path is None:
        fail(BAD_CONFIG, NO_CONFIG)
    config = read_config(path, service=service)
    try:
        app = build(config)
        app.store.open()
    except FileNotFoundError:
        fail(BAD_CONFIG, f"no key file {keys_path(config)}: make a set-up with `triagemail init DIR`")
    except (OSError, ValueError) as error:
        fail(BAD_CONFIG, str(error))
    except SchemaRefused as error:  # waiting does not help: systemd does not try it again and again
        fail(BAD_CONFIG, str(error))
    except StoreUnusable as error:
        fail(TRY_AGAIN, str(error))
    if service and app.outbox.templates.problems:  # trust.md S12: refused at start, not found out at 3 a.m.
        fail(BAD_CONFIG, *(f"templates/{problem}" for problem in app.outbox.templates.problems))
    return app


def as_json(command: Any) -> Any:
    return click.option("--json", "json_lines", is_flag=True, help="Machine-readable lines.")(command)
