"""In which language our mails to somebody are: what they wish, and what they write."""

from __future__ import annotations

from triagemail.store.store import Store


def language(store: Store, address: str) -> str:
    """The language in which somebody wants our mails, else the one in which they last wrote; "" where neither is
    known."""
    row = store.one("SELECT language, heard FROM person WHERE address = ?", address)
    return next(filter(None, row), "") if row else ""


def wished(store: Store, address: str) -> str:
    """The language that they said they want; "" where they said nothing."""
    row = store.one("SELECT language FROM person WHERE address = ?", address)
    return (row[0] or "") if row else ""


def speak(store: Store, address: str, wanted: str) -> None:
    """They want our mails in this language. Inside a transaction."""
    store.run("UPDATE person SET language = ? WHERE id = ?", wanted, store.person(address))


def hear(store: Store, address: str, said: str, *, sure: bool) -> None:
    """They wrote in this language ("": it was not plain). What may be somebody else's word counts where nothing else is
    known. Inside a transaction."""
    if not said:
        return
    person = store.person(address)
    (known,) = store.one("SELECT heard FROM person WHERE id = ?", person)
    if said != known and (sure or known is None):
        store.run("UPDATE person SET heard = ? WHERE id = ?", said, person)
