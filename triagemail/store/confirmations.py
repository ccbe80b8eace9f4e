"""What waits until a plain reply confirms it: intents short of evidence, frozen behind the hash of a secret."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from triagemail.process import codec
from triagemail.process.intents import Pending
from triagemail.store.schema import micros
from triagemail.store.store import Store


def hold(store: Store, secret: str, pending: Pending, now: datetime) -> None:
    store.run(
        "INSERT INTO pending (secret, address, body, asked_at, expires_at) VALUES (?, ?, ?, ?, ?)",
        secret, pending.address, codec.dump(pending), micros(now), micros(pending.expires_at),
    )  # fmt: skip


def join(store: Store, pending: Pending, since: datetime) -> None:
    """ "Further ones join the same pending item." """
    row = store.one(
        "SELECT id, body FROM pending WHERE address = ? AND asked_at >= ? AND used_at IS NULL ORDER BY id DESC LIMIT 1",
        pending.address, micros(since),
    )  # fmt: skip
    if row:
        before: Pending = codec.load(row[1])
        joined = replace(before, intents=before.intents + pending.intents)
        store.run("UPDATE pending SET body = ? WHERE id = ?", codec.dump(joined), row[0])


def asked(store: Store, address: str, since: datetime) -> bool:
    """Whether somebody was asked since then and has not answered."""
    return store.one(
        "SELECT 1 FROM pending WHERE address = ? AND asked_at >= ? AND used_at IS NULL LIMIT 1", address, micros(since)
    ) is not None  # fmt: skip


def find(store: Store, secret: str) -> Pending | None:
    """The frozen intents behind a secret's hash, while unused."""
    row = store.one("SELECT body FROM pending WHERE secret = ? AND used_at IS NULL", secret)
    return codec.load(row[0]) if row else None


def use(store: Store, secret: str, now: datetime) -> None:
    store.run("UPDATE pending SET used_at = ? WHERE secret = ?", micros(now), secret)
