"""Schema 5: the language of our mails to each person; SQLite's search looks into fewer segments."""

from __future__ import annotations

from triagemail.store.schema import FEW_SEGMENTS
from triagemail.store.store import Store


def up(store: Store) -> None:
    """Inside the transaction of the whole way."""
    store.run("ALTER TABLE person ADD COLUMN language TEXT")
    store.run("ALTER TABLE person ADD COLUMN heard TEXT")
    if store.sqlite:
        store.run(FEW_SEGMENTS)
