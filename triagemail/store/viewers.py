"""Who may no longer look at the web page with what they were given before."""

from __future__ import annotations

from datetime import datetime

from triagemail.store.schema import from_micros, micros
from triagemail.store.store import Store

REVOKED = "board_revoked:"  # in `meta`, with the person's number: links and cookies signed until then do not count


def revoke(store: Store, person: int, now: datetime) -> None:
    """Inside a transaction. A link that is asked for a minute later opens the page again."""
    store.run(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        f"{REVOKED}{person}", str(micros(now)),
    )  # fmt: skip


def revoked_at(store: Store, person: int) -> datetime | None:
    row = store.one("SELECT value FROM meta WHERE key = ?", f"{REVOKED}{person}")
    return from_micros(int(row[0])) if row else None
