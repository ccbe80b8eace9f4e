"""The signing keys, in a file of their own outside the database (trust.md 3.3): one `id hex` line a key, and the day
from which it signs. The first signs, all verify."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from triagemail.mail.tokens import ALPHABET, EXPIRES_DAYS

LIVE = 2  # keys at a time: the one that signs, and the one before it, by which older mails can still be answered


class Key(NamedTuple):
    secret: bytes
    since: date | None  # None in a file of an older release, or written by hand


class TooSoon(Exception):
    """The key that a rotation would drop still signs mails that people may answer."""


def read_keys(path: Path) -> dict[str, bytes]:
    """The keys by their ids, the one that signs first. Raises OSError, ValueError."""
    return {name: key.secret for name, key in read_file(path).items()}


def read_file(path: Path) -> dict[str, Key]:
    found = {}
    for line in path.read_text(encoding="ascii").splitlines():
        name, *rest = line.split() or [""]
        if name and not name.startswith("#"):
            if len(name) != 1 or name not in ALPHABET:
                raise ValueError(f"{path}: a key's id is one letter a-z or digit 2-7")
            found[name] = _key(path, rest)
    if not found or any(len(key.secret) < 16 for key in found.values()):
        raise ValueError(f"{path}: no key of 16 bytes or more")
    return found


def _key(path: Path, words: list[str]) -> Key:
    try:
        secret = bytes.fromhex(words[0])
    except (IndexError, ValueError):
        raise ValueError(f"{path}: a key is written in hexadecimal digits") from None
    try:
        return Key(secret, date.fromisoformat(words[1]) if len(words) > 1 else None)
    except ValueError:
        raise ValueError(f"{path}: behind a key stands the day from which it signs, as 2026-11-30") from None


def write_new_key(path: Path, today: date | None = None) -> None:
    """A new key file, readable by its owner only. Raises FileExistsError rather than overwrite one."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(_line("a", Key(secrets.token_bytes(32), today)))


def rotate(path: Path, today: date, *, force: bool = False) -> tuple[str, tuple[str, ...]]:
    """(id of the new key, ids that are dropped). Two stay live, so that mails of the last 90 days can be answered; a
    key that signed some of those is dropped only with `force`. Raises TooSoon, OSError, ValueError."""
    keys = read_file(path)
    kept, dropped = dict(list(keys.items())[: LIVE - 1]), list(keys)[LIVE - 1 :]
    signs = next(iter(keys.values()))
    if dropped and not force and (signs.since is None or today < signs.since + timedelta(days=EXPIRES_DAYS)):
        raise TooSoon(f"key {dropped[0]} signed mails of the last {EXPIRES_DAYS} days: nobody could answer them then")
    name = next(letter for letter in ALPHABET if letter not in keys)
    made = {name: Key(secrets.token_bytes(32), today), **kept}
    _replace(path, made)
    return name, tuple(dropped)


def _replace(path: Path, keys: Mapping[str, Key]) -> None:
    """At once and for good: a power loss leaves the old file or the new one, with the old one's owner and mode."""
    new, old = path.with_name(f"{path.name}.new"), path.stat()
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.writelines(_line(name, key) for name, key in keys.items())
        os.fchmod(handle, old.st_mode & 0o777)
        if os.geteuid() == 0:
            os.fchown(handle, old.st_uid, old.st_gid)
        file.flush()
        os.fsync(handle)
    os.replace(new, path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(folder)
    os.close(folder)


def _line(name: str, key: Key) -> str:
    return f"{name} {key.secret.hex()}{'' if key.since is None else f' {key.since}'}\n"
