"""Forgetting a person (GDPR Art. 17, trust.md V4): their address goes from everywhere, what they caused stays.

In issues and their journal the address becomes a pseudonym, the same everywhere, so that a story still can be told.
Mails that hold it are deleted. It is found as it is written; a mail that hides it in base64 is deleted by retention.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from triagemail.process import codec
from triagemail.store import prune, search
from triagemail.store.store import Store

NOWHERE = "forgotten.invalid"  # RFC 2606 2: no mail can go there
SLICE = 200


class StillWaiting(Exception):
    """Mails that hold the address are not worked off, or not sent."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was done. `message_ids`: mails that they wrote, which the mail server may still have."""

    pseudonym: str
    issues: tuple[int, ...]
    mails: int
    message_ids: tuple[str, ...]


def forget(store: Store, address: str, now: datetime, author_of: Callable[[bytes], str]) -> Forgotten | None:
    """Forget a normalised address; None where nothing holds it. `author_of` reads the normalised From of a raw mail.
    Raises StillWaiting. The caller sees to it that no service runs meanwhile."""
    look = re.compile(rf"(?<![\w.+%-]){re.escape(address)}(?![\w-]|\.\w)", re.IGNORECASE | re.ASCII)
    with store.transaction():
        number = store.person(address)
        pseudonym = f"forgotten-{number}@{NOWHERE}"
        octets = re.compile(look.pattern.encode("ascii"), re.IGNORECASE)
        raws, written = _raw_mails(store, octets, author_of, address)
        sent = _sent(store, look, pseudonym, number)
        issues = _journal(store, look, pseudonym)
        known = store.one("SELECT subscribed_at FROM person WHERE id = ?", number)[0]
        if not (raws or sent or issues or known):
            store.run("DELETE FROM person WHERE id = ?", number)
            store.forget_people()
            return None
        _person(store, number, pseudonym)
        _small_tables(store, look)
        store.run("INSERT INTO meta (key, value) VALUES (?, ?)", pseudonym.partition("@")[0], now.isoformat())
    store.forget_people()
    return Forgotten(pseudonym, issues, raws + sent, written)


def _raw_mails(
    store: Store, look: re.Pattern[bytes], author_of: Callable[[bytes], str], address: str
) -> tuple[int, tuple[str, ...]]:
    """Deletes the raw mails that hold the address: (how many, Message-IDs of those that they wrote)."""
    gone, rows, written = [], [], []
    for number, state, raw, body, message_id in _slices(store):
        if look.search(body):
            if state in ("received", "held"):
                raise StillWaiting(f"mail {number} holds the address and is {state}: work it off or drop it first")
            gone.append(raw)
            rows.append(number)
            if message_id and author_of(body) == address:
                written.append(message_id)
    prune.delete(store, "raw", gone)
    prune.delete(store, "inbox", rows)
    return len(gone), tuple(written)


def _slices(store: Store) -> Iterator[tuple[int, str, int, bytes, str]]:
    last = 0
    while rows := store.all(
        "SELECT i.id, i.state, i.raw, r.body, i.message_id FROM inbox i JOIN raw r ON r.id = i.raw WHERE i.id > ?"
        " ORDER BY i.id LIMIT ?",
        last, SLICE,
    ):  # fmt: skip
        last = rows[-1][0]
        yield from ((number, state, raw, bytes(body), found) for number, state, raw, body, found in rows)


def _sent(store: Store, look: re.Pattern[str], pseudonym: str, person: int) -> int:
    """Deletes our mails to them and those to others that name them; in a broadcast the name is replaced."""
    store.run("UPDATE delivery SET state = 'withdrawn' WHERE person = ? AND state IN ('queued', 'deferred')", person)
    gone = []
    for number, broadcast, shown in _composed(store):
        named = any(look.search(each) for each in shown)
        if not named and (broadcast or not _is_to(store, number, person)):
            continue
        if store.one(f"SELECT 1 FROM delivery WHERE outgoing = ? AND NOT ({prune.ENDED}) LIMIT 1", number):
            raise StillWaiting(f"outgoing mail {number} names the address and is not sent yet")
        if broadcast:
            _replace_in_broadcast(store, number, [look.sub(pseudonym, each) for each in shown])
        else:
            gone.append(number)
    for number in gone:
        store.run("DELETE FROM delivery WHERE outgoing = ?", number)
    prune.delete(store, "outgoing", gone)
    return len(gone)


def _composed(store: Store) -> Iterator[tuple[int, bool, tuple[str, str, str, str]]]:
    last = 0
    while rows := store.all(
        "SELECT id, broadcast, subject, text, head, body FROM outgoing WHERE id > ? ORDER BY id LIMIT ?", last, SLICE
    ):
        last = rows[-1][0]
        for number, broadcast, subject, text, head, body in rows:
            yield number, bool(broadcast), (subject, text, _octets(head), _octets(body))


def _octets(cell: bytes) -> str:
    """A letter for an octet: `_replace_in_broadcast` makes octets of them again."""
    return bytes(cell).decode("latin-1")


def _is_to(store: Store, outgoing: int, person: int) -> bool:
    return store.one("SELECT 1 FROM delivery WHERE outgoing = ? AND person = ?", outgoing, person) is not None


def _replace_in_broadcast(store: Store, outgoing: int, shown: list[str]) -> None:
    subject, text, head, body = shown
    store.run(
        "UPDATE outgoing SET subject = ?, text = ?, head = ?, body = ? WHERE id = ?",
        subject, text, head.encode("latin-1"), body.encode("latin-1"), outgoing,
    )  # fmt: skip


def _journal(store: Store, look: re.Pattern[str], pseudonym: str) -> tuple[int, ...]:
    """The pseudonym in issues, their journal and the desk: the fold of the journal stays the row."""
    touched: dict[int, None] = {}
    for number, author, body, about in store.all("SELECT id, author, body, issue FROM event ORDER BY id"):
        if look.search(body) or look.fullmatch(author):
            said = look.sub(pseudonym, body), look.sub(pseudonym, author)
            store.run("UPDATE event SET body = ?, author = ? WHERE id = ?", *said, number)
            touched |= {about: None} if about else {}
    for number, body in store.all("SELECT number, body FROM issue ORDER BY number"):
        if look.search(body):
            store.save_issue(codec.load(look.sub(pseudonym, body)))
            touched[number] = None
    for number in touched:
        found = store.issue(number)
        if found is not None:
            search.keep(store, found, None)
    body = store.one("SELECT body FROM desk WHERE id = 1")[0]
    store.run("UPDATE desk SET body = ? WHERE id = 1", look.sub(pseudonym, body))
    return tuple(touched)


def _person(store: Store, number: int, pseudonym: str) -> None:
    """Their row keeps its number, which stands in tokens; all else of it goes."""
    store.run(
        "UPDATE person SET address = ?, name = '', subscribed_at = NULL, wish_priority = 1, digest = ?,"
        " paused_until = NULL, language = NULL, heard = NULL WHERE id = ?",
        pseudonym, False, number,
    )  # fmt: skip
    store.run("DELETE FROM follow WHERE person = ?", number)
    store.run("DELETE FROM reach WHERE person = ?", number)
    store.run("UPDATE delivery SET reply = '' WHERE person = ?", number)
    store.run("DELETE FROM timer WHERE issue = ?", -number)


def _small_tables(store: Store, look: re.Pattern[str]) -> None:
    """Open questions to them, and where else an address may stand."""
    for table, key, column in (
        ("pending", "id", "body"),
        ("pending", "id", "address"),
        ("notice", "cause", "cause"),
        ("thread", "message_id", "message_id"),
    ):
        for name, text in store.all(f"SELECT {key}, {column} FROM {table}"):
            if look.search(text):
                store.run(f"DELETE FROM {table} WHERE {key} = ?", name)
    for number, reason in store.all("SELECT id, reason FROM inbox WHERE reason LIKE ?", "%@%"):
        store.run("UPDATE inbox SET reason = ? WHERE id = ?", look.sub("somebody", reason), number)


def compact(store: Store) -> None:
    """Overwrites what was deleted: until then its bytes stand in the file. No transaction may be open."""
    if store.sqlite:
        store.run("PRAGMA temp_store = file")  # a copy of the whole database is made there, which may be large
    store.run("VACUUM")
    if store.sqlite:
        store.run("PRAGMA wal_checkpoint(TRUNCATE)")
