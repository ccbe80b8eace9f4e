"""The distribution list: who is on it and what they wish to hear; the rows of a broadcast made in slices (one row of
bytes, one row a reader); the broadcasts of a day for those who want one mail a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from triagemail.process.events import Audience, Event, LanguageSet, SubscriberJoined, SubscriberLeft, WishesSet
from triagemail.process.model import Priority, Reach, Wishes
from triagemail.process.subscriptions import wants
from triagemail.store import reach, spoken
from triagemail.store.claims import SLICE
from triagemail.store.schema import from_micros, micros
from triagemail.store.store import Store


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody on the list. A group is another list, which wishes nothing for itself."""

    address: str
    since: datetime
    group: bool
    wishes: Wishes
    reach: Reach | None = None  # None: nothing came back
    language: str = ""  # in which they want our mails, if they said so


@dataclass(frozen=True, slots=True)
class Broadcast:
    """What went out to the list, as a digest tells it again."""

    outgoing: int
    issue: int
    subject: str
    text: str
    automatic: bool
    at: datetime


# --- a broadcast -----------------------------------------------------------------------------------------------------


def expand(store: Store) -> bool:
    """Make the next slice of delivery rows of one broadcast; False when none is waiting. Its own transaction."""
    with store.transaction():
        row = store.one(
            "SELECT id, rank, expand_after, issue, audience_priority, area, created_at FROM outgoing"
            f" WHERE expand_after >= 0 ORDER BY rank, id LIMIT 1{store.free}"  # so SQLite finds it by its index
        )
        if not row:
            return False
        outgoing, rank, after, *heard = row
        wanting, values = _wanting(*heard)
        last, found = store.one(
            "SELECT MAX(id), COUNT(*) FROM"
            f" (SELECT p.id AS id FROM person p WHERE p.id > ? AND {wanting} ORDER BY p.id LIMIT ?) AS slice",
            after, *values, SLICE,
        )  # fmt: skip
        if found:
            store.run(
                "INSERT INTO delivery (outgoing, person, state, rank, role, holder, leased_until, attempts,"
                " ambiguous, retry_at, reply)"
                " SELECT CAST(? AS BIGINT), p.id, 'queued', CAST(? AS SMALLINT), CAST(? AS BOOLEAN), '', 0, 0, 0,"
                f" 0, '' FROM person p WHERE p.id > ? AND p.id <= ? AND {wanting} ON CONFLICT DO NOTHING",
                outgoing, rank, False, after, last, *values,
            )  # fmt: skip
        store.run("UPDATE outgoing SET expand_after = ? WHERE id = ?", last if found == SLICE else None, outgoing)
    return True


def _wanting(issue: int, priority: int, area: str, created_at: int) -> tuple[str, list[Any]]:
    """`subscriptions.wants_at_once` in SQL, over the rows `p` of `person`, and the values of its marks; of those who
    can be reached. What counts is the time of the broadcast: who is still paused then hears later ones only."""
    followed = "SELECT person FROM follow WHERE kind = '{}' AND value = ?"
    member = f"p.subscribed_at IS NOT NULL AND p.wish_priority >= ? AND p.id NOT IN ({followed.format('mute')})"
    values: list[Any] = [created_at, str(issue), priority, str(issue)]
    if area:
        anywhere = "p.id NOT IN (SELECT person FROM follow WHERE kind = 'area')"
        member += f" AND ({anywhere} OR p.id IN ({followed.format('area')}))"
        values.append(area)
    return (
        f"NOT p.digest AND p.id NOT IN ({reach.UNREACHED}) AND (p.paused_until IS NULL OR p.paused_until <= ?)"
        f" AND (p.id IN ({followed.format('issue')}) OR ({member}))"
    ), values


def digests(store: Store, since: datetime, until: datetime) -> list[tuple[tuple[Broadcast, ...], tuple[str, ...]]]:
    """What went out after `since`, up to `until`, for those who want one mail a day: (broadcasts in order, addresses)
    for each group of readers who want the same. What a reader got by a role is not told again ("one copy each")."""
    sent = _broadcasts(store, since, until)
    if not sent:
        return []
    have = _already_have(store, [broadcast.outgoing for broadcast, _ in sent])
    groups: dict[tuple[Broadcast, ...], list[str]] = defaultdict(list)
    wanted: dict[Wishes, tuple[Broadcast, ...]] = {}  # most readers wish the same
    reading = (
        f"p.digest AND p.id NOT IN ({reach.UNREACHED})"
        " AND (p.subscribed_at IS NOT NULL OR p.id IN (SELECT person FROM follow WHERE kind = 'issue'))"
    )
    for person, address, wished in _people(store, reading):
        if wished not in wanted:
            wanted[wished] = tuple(b for b, audience in sent if wants(wished, audience, b.at))
        mine = tuple(b for b in wanted[wished] if (b.outgoing, person) not in have)
        if mine:
            groups[mine].append(address)
    return [(broadcasts, tuple(addresses)) for broadcasts, addresses in groups.items()]


def _broadcasts(store: Store, since: datetime, until: datetime) -> list[tuple[Broadcast, Audience]]:
    rows = store.all(
        "SELECT id, issue, subject, text, automatic, created_at, audience_priority, area FROM outgoing"
        " WHERE broadcast AND issue > 0 AND created_at > ? AND created_at <= ? ORDER BY id",  # 0: a digest
        micros(since), micros(until),
    )  # fmt: skip
    return [
        (
            Broadcast(number, issue, subject, text, bool(automatic), from_micros(at)),
            Audience(Priority(priority), issue, area=area),
        )
        for number, issue, subject, text, automatic, at, priority, area in rows
    ]


def _already_have(store: Store, outgoing: list[int]) -> set[tuple[int, int]]:
    """(outgoing, person) of what digest readers got at once, or will."""
    marks = ", ".join("?" for _ in outgoing)
    rows = store.all(
        "SELECT d.outgoing, d.person FROM delivery d JOIN person p ON p.id = d.person"
        f" WHERE p.digest AND d.outgoing IN ({marks}) AND d.state NOT IN ('withdrawn', 'superseded')",
        *outgoing,
    )
    return {(number, person) for number, person in rows}


# --- the list --------------------------------------------------------------------------------------------------------


def record(store: Store, event: Event) -> None:
    """What the journal says of the list and its readers is so."""
    match event:
        case SubscriberJoined(address=address):
            join(store, address, event.at)
        case SubscriberLeft(address=address):
            leave(store, address, event.at)
        case WishesSet(address=address, after=wished):
            set_wishes(store, address, wished, event.at)
        case LanguageSet(address=address, language=language):
            spoken.speak(store, address, language)


def join(store: Store, address: str, now: datetime, *, group: bool = False) -> None:
    """Idempotent: who is on the list stays on it since they first joined. What came back before is forgotten."""
    person = store.person(address)
    reach.save(store, person, None)
    store.run(
        "UPDATE person SET subscribed_at = COALESCE(subscribed_at, ?), is_group = ? WHERE id = ?",
        micros(now),
        group,
        person,
    )


def leave(store: Store, address: str, now: datetime) -> bool:
    """Off the list, and what is still queued for this reader is withdrawn; mails they get by their role go on. What
    they wished, and the issues that they follow one by one, stay as they are."""
    person = store.person(address)
    was = store.one("SELECT 1 FROM person WHERE id = ? AND subscribed_at IS NOT NULL", person) is not None
    store.run("UPDATE person SET subscribed_at = NULL WHERE id = ?", person)
    store.run("DELETE FROM reach WHERE person = ? AND removed_at IS NULL", person)  # kept of whom we took off ourselves
    _withdraw(store, address, now)
    return was


def members(store: Store) -> list[Member]:
    """Every subscriber, by address."""
    on_it = "p.subscribed_at IS NOT NULL"
    wished = {address: each for _, address, each in _people(store, on_it)}
    fares = reach.by_address(store)
    rows = store.all(f"SELECT address, subscribed_at, is_group, language FROM person p WHERE {on_it} ORDER BY address")
    return [
        Member(address, from_micros(since), bool(group), wished[address], fares.get(address), language or "")
        for address, since, group, language in rows
    ]


def count(store: Store) -> int:
    number: int = store.one("SELECT COUNT(*) FROM person WHERE subscribed_at IS NOT NULL")[0]
    return number


# --- wishes ----------------------------------------------------------------------------------------------------------


def wishes(store: Store, address: str) -> Wishes:
    """What somebody wants to hear; areas and issues in their order."""
    found = _people(store, "p.address = ?", address)
    return found[0][2] if found else Wishes(member=False)


def set_wishes(store: Store, address: str, wished: Wishes, now: datetime) -> None:
    """From now on it is these, and what is still queued and no longer wanted is withdrawn. Inside a transaction."""
    person = store.person(address)
    store.run(
        "UPDATE person SET subscribed_at = CASE WHEN CAST(? AS BOOLEAN) THEN COALESCE(subscribed_at, ?) END,"
        " wish_priority = ?, digest = ?, paused_until = ? WHERE id = ?",
        wished.member, micros(now), int(wished.priority), wished.digest,
        None if wished.paused_until is None else micros(wished.paused_until), person,
    )  # fmt: skip
    store.run("DELETE FROM follow WHERE person = ?", person)
    for kind, values in (("area", wished.areas), ("issue", wished.issues), ("mute", wished.muted)):
        for value in dict.fromkeys(map(str, values)):
            store.run("INSERT INTO follow (person, kind, value) VALUES (?, ?, ?)", person, kind, value)
    _withdraw(store, address, now)


def withdraw_all(store: Store, address: str, now: datetime) -> None:
    """What is not sent yet to a reader, but for what they get by a role."""
    _no_slice_meanwhile(store)
    store.run(
        "UPDATE delivery SET state = 'withdrawn', ended_at = ? WHERE person = ?"
        " AND state IN ('queued', 'deferred', 'sending')"
        f" AND (NOT role OR outgoing IN (SELECT o.id FROM outgoing o WHERE {_DIGEST}))",
        micros(now), store.person(address),
    )  # fmt: skip


_DIGEST = "o.broadcast AND o.issue = 0"  # has its readers by name, as those with a role are named


def _withdraw(store: Store, address: str, now: datetime) -> None:
    """What is not sent yet to a reader and not wanted any more; never what they get by a role (trust.md U6, U7)."""
    _no_slice_meanwhile(store)
    wished = wishes(store, address)
    queued = store.all(
        "SELECT d.id, o.issue, o.audience_priority, o.area FROM delivery d JOIN outgoing o ON o.id = d.outgoing"
        f" WHERE d.person = ? AND (NOT d.role OR {_DIGEST}) AND d.state IN ('queued', 'deferred', 'sending')",
        store.person(address),
    )
    paused = wished.paused_until is not None and now < wished.paused_until
    for delivery, issue, priority, area in queued:
        audience = Audience(Priority(priority), issue, area=area)
        listens = (wished.member or bool(wished.issues)) and not paused
        if not (wants(wished, audience, now) if issue else listens):
            store.run("UPDATE delivery SET state = 'withdrawn', ended_at = ? WHERE id = ?", micros(now), delivery)


def _no_slice_meanwhile(store: Store) -> None:
    """Another process may be making rows of a broadcast for who has just left: wait for them, so that they are seen
    here, and let it make no more until the commit, after which it sees who has left (trust.md U6)."""
    if not store.sqlite:
        store.all("SELECT id FROM outgoing WHERE expand_after IS NOT NULL ORDER BY id FOR UPDATE")


def _people(store: Store, which: str, *values: Any) -> list[tuple[int, str, Wishes]]:
    """(number, address, wishes) of the rows `p` of `person` that a condition names, in two queries."""
    rows = store.all(
        "SELECT p.id, p.address, p.subscribed_at, p.wish_priority, p.digest, p.paused_until FROM person p"
        f" WHERE {which} ORDER BY p.address",
        *values,
    )
    followed: dict[int, list[tuple[str, str]]] = defaultdict(list)
    query = f"SELECT f.person, f.kind, f.value FROM follow f JOIN person p ON p.id = f.person WHERE {which}"
    for person, kind, value in store.all(query, *values):
        followed[person].append((kind, value))
    return [
        (
            person,
            address,
            Wishes(
                member=since is not None,
                priority=Priority(priority),
                areas=tuple(sorted(_of("area", followed[person]))),
                issues=tuple(sorted(map(int, _of("issue", followed[person])))),
                muted=tuple(sorted(map(int, _of("mute", followed[person])))),
                digest=bool(digest),
                paused_until=None if until is None else from_micros(until),
            ),
        )
        for person, address, since, priority, digest, until in rows
    ]


def _of(kind: str, followed: Iterable[tuple[str, str]]) -> list[str]:
    return [value for each, value in followed if each == kind]
