"""The two queues: the inbox and the deliveries. Claims, leases, results; the states are listed in
docs/architecture.md."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from triagemail.mail.lanes import lane
from triagemail.store.schema import from_micros, micros
from triagemail.store.store import Store

MAIL_LEASE = timedelta(minutes=5)
SEND_LEASE = timedelta(minutes=20)  # longer than the longest SMTP transaction
SLICE = 5_000
LOOKED_AT = 20  # due timers, where others fire some of them
WINDOW = 1_000  # so many of the oldest waiting mails are looked at for the heads of lanes: a flood has a price
ONE_AT_A_TIME = 1_953_653_615  # any number, the same in all processes: who claims deliveries is alone with it
RELEASED = "released"  # the reason of a mail that a person has let in
NOBODY: Mapping[int, int] = {}


@dataclass(frozen=True, slots=True)
class Arrival:
    """A raw mail on its way into the inbox (T1)."""

    raw: bytes
    received_at: datetime
    source: str = "imap"
    odd: str = ""  # why it must be held, known on arrival: too large, no body


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail that a worker has claimed; `attempts` counts this claim."""

    inbox: int
    raw_id: int
    raw: bytes
    attempts: int
    received_at: datetime
    odd: str


class Outcome(NamedTuple):
    """What became of a mail that came in, and the issue that it was about."""

    state: str
    reason: str
    issue: int | None


class Due(NamedTuple):  # made for every recipient, in a third of the time that a frozen dataclass takes
    """A delivery that the sender has claimed."""

    delivery: int
    outgoing: int
    person: int
    address: str
    group: bool
    attempts: int
    created_at: datetime
    ambiguous: int


class Result(NamedTuple):
    """What became of one attempt to deliver; without `retry_at` it was the last."""

    delivery: int
    state: str
    reply: str
    retry_at: datetime | None = None
    ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class Mail:
    """The bytes of one composed mail and what its personal block is made from."""

    outgoing: int
    issue: int
    head: bytes
    body: bytes
    detail: str
    null_sender: bool
    broadcast: bool
    day: int
    key: str
    template: str
    rank: int


HEADS = (
    f" AND id IN (SELECT id FROM inbox WHERE state = 'received' ORDER BY id LIMIT {WINDOW})"
    " AND (lane = '' OR NOT EXISTS"
    " (SELECT 1 FROM inbox e WHERE e.state = 'received' AND e.lane = i.lane AND e.id < i.id))"
)


# --- inbox -----------------------------------------------------------------------------------------------------------


def take(store: Store, arrivals: Sequence[Arrival]) -> None:
    """T1: raw mail and inbox row. Inside a transaction; the server is told only after it has committed."""
    for arrival in arrivals:
        body = memoryview(arrival.raw) if store.sqlite else arrival.raw
        raw = store.one("INSERT INTO raw (body, size) VALUES (?, ?) RETURNING id", body, len(arrival.raw))[0]
        store.run(
            "INSERT INTO inbox (raw, source, state, lane, holder, leased_until, attempts, received_at, reason,"
            " message_id) VALUES (?, ?, 'received', ?, '', 0, 0, ?, ?, '')",
            raw, arrival.source, "" if store.sqlite else lane(arrival.raw), micros(arrival.received_at), arrival.odd,
        )  # fmt: skip


def claim_mails(store: Store, now: datetime, holder: str, limit: int = 20) -> list[Claimed]:
    """The oldest waiting mails, with the strike counted before anything is parsed; one with a strike comes alone. On
    PostgreSQL, where others claim too, only the oldest of each lane: a mail waits until the one before it is done."""
    with store.transaction():
        waiting = store.all(
            "SELECT id, raw, attempts, received_at, reason FROM inbox i WHERE state = 'received' AND leased_until"
            f" <= ?{'' if store.sqlite else HEADS} ORDER BY id LIMIT ?{store.free}",
            micros(now), limit,
        )  # fmt: skip
        clean = [row for row in waiting if row[2] == 0]
        chosen = waiting[:1] if waiting and waiting[0][2] else clean
        if not chosen:
            return []
        marks = ", ".join("?" for _ in chosen)
        store.run(
            f"UPDATE inbox SET attempts = attempts + 1, holder = ?, leased_until = ? WHERE id IN ({marks})",
            holder, micros(now + MAIL_LEASE), *[row[0] for row in chosen],
        )  # fmt: skip
    marks = ", ".join("?" for _ in chosen)
    bodies = dict(store.all(f"SELECT id, body FROM raw WHERE id IN ({marks})", *[row[1] for row in chosen]))
    return [
        Claimed(i, raw, bytes(bodies[raw]), attempts + 1, from_micros(at), odd) for i, raw, attempts, at, odd in chosen
    ]


def raw(store: Store, number: int) -> bytes:
    """The bytes of a raw mail; b"" when retention has pruned it."""
    row = store.one("SELECT body FROM raw WHERE id = ?", number)
    return bytes(row[0]) if row else b""


def finish_mail(
    store: Store,
    inbox: int,
    holder: str,
    state: str,
    now: datetime,
    *,
    reason: str = "",
    issue: int | None = None,
    message_id: str = "",
) -> bool:
    """received -> done | silent | held, in the transaction that did what the mail wanted. False when `holder` does not
    have it any more: that transaction must come to nothing."""
    done = store.run(
        "UPDATE inbox SET state = ?, reason = ?, issue = ?, message_id = ?, done_at = ?, holder = '',"
        " leased_until = 0 WHERE id = ? AND holder = ? AND state = 'received'",
        state, reason, issue, message_id, micros(now), inbox, holder,
    )  # fmt: skip
    return bool(done.rowcount)


def outcome(store: Store, inbox: int) -> Outcome:
    """What became of a mail; of one that retention has pruned nothing is known."""
    row = store.one("SELECT state, reason, issue FROM inbox WHERE id = ?", inbox)
    return Outcome(*row) if row else Outcome("", "", None)


def give_back(store: Store, holder: str) -> None:
    """What a worker has claimed goes back to the queue; the fault of a store or relay is no strike of the mails."""
    with store.transaction():
        store.run(
            "UPDATE inbox SET holder = '', leased_until = 0, attempts = attempts - 1"
            " WHERE holder = ? AND state = 'received'", holder,
        )  # fmt: skip


def release_held(store: Store, inbox: int) -> bool:
    """held -> received, with a clean slate: a person has looked at it. Its place among the seen mails is given up."""
    found = store.one("SELECT 1 FROM inbox WHERE id = ? AND state = 'held'", inbox)
    if not found:
        return False
    store.run("DELETE FROM seen WHERE inbox = ?", inbox)
    store.run(
        "UPDATE inbox SET state = 'received', reason = ?, attempts = 0, leased_until = 0, done_at = NULL WHERE id = ?",
        RELEASED, inbox,
    )  # fmt: skip
    return True


def drop_held(store: Store, inbox: int) -> bool:
    """held -> silent: looked at and put aside."""
    found = store.run(
        "UPDATE inbox SET state = 'silent', reason = 'dropped: ' || reason WHERE id = ? AND state = 'held'", inbox
    )
    return bool(found.rowcount)


def held(store: Store) -> list[Claimed]:
    """All held mails, the oldest first; `odd` is the reason."""
    rows = store.all(
        "SELECT i.id, i.raw, r.body, i.attempts, i.received_at, i.reason FROM inbox i JOIN raw r ON r.id = i.raw"
        " WHERE i.state = 'held' ORDER BY i.id"
    )
    return [Claimed(i, raw_id, bytes(body), tries, from_micros(at), why) for i, raw_id, body, tries, at, why in rows]


def held_raw(store: Store, inbox: int) -> bytes | None:
    row = store.one("SELECT raw FROM inbox WHERE id = ? AND state = 'held'", inbox)
    return raw(store, row[0]) if row else None


def free_leases(store: Store) -> tuple[int, int]:
    """At the start of the one service process: what a killed one had claimed is free again. (mails, deliveries)
    freed."""
    with store.transaction():
        mails = store.run(
            "UPDATE inbox SET holder = '', leased_until = 0 WHERE state = 'received' AND leased_until > 0"
        ).rowcount
        sends = store.run(
            "UPDATE delivery SET state = 'queued', holder = '', leased_until = 0, retry_at = 0, ambiguous ="
            " ambiguous + 1"
            " WHERE state = 'sending'"
        ).rowcount
    return mails, sends


# --- timers ----------------------------------------------------------------------------------------------------------


def claim_timer(store: Store, now: datetime, only: str = "") -> tuple[int, str, datetime] | None:
    """The most urgent due timer (of the name `only`) that is nobody else's: (issue, name, due). In its transaction. On
    PostgreSQL what it is about (issue, desk or person) is locked first, as a mail does, then the timer's row is read
    again: whoever was there before may have moved it."""
    if store.sqlite:
        return store.due_timer(now, only)
    due = store.all(
        f"SELECT issue, name, due FROM timer WHERE due <= ?{' AND name = ?' if only else ''} ORDER BY rank, due, issue"
        f" LIMIT {LOOKED_AT}",
        micros(now), *([only] if only else []),
    )  # fmt: skip
    for number, name, at in due:
        table, key = ("issue", "number") if number > 0 else ("desk", "id") if number == 0 else ("person", "id")
        free = store.one(f"SELECT 1 FROM {table} WHERE {key} = ?{store.free}", abs(number) or 1)
        here = free and store.one("SELECT due FROM timer WHERE issue = ? AND name = ?", number, name)
        if here and here[0] == at:
            return number, name, from_micros(at)
    return None


# --- outgoing and deliveries -----------------------------------------------------------------------------------------


def add_outgoing(
    store: Store, *, issue: int, template: str, subject: str, text: str, head: bytes, body: bytes, detail: str,
    null_sender: bool,
    broadcast: bool, automatic: bool, rank: int, day: int, key: str, now: datetime, decision: str = "",
    audience_priority: int = 0, area: str = "", only: bool = False, unproven: str = "",
) -> int:  # fmt: skip
    """One composed mail; the number goes into its Message-IDs. `decision` is the mark of the decision that it is the
    receipt of. A broadcast's readers follow from its issue, `audience_priority` and `area`; with `only` it has none but
    those that are added one by one. `unproven` is the kind of an answer to somebody who has shown nothing, for its
    budget. Inside T2."""
    number: int = store.one(
        "INSERT INTO outgoing (issue, template, subject, text, head, body, detail, null_sender, broadcast,"
        " automatic, rank, day,"
        " key, created_at, expand_after, format, decision, audience_priority, area, unproven)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?) RETURNING id",
        issue, template, subject, text, head, body, detail, null_sender, broadcast, automatic, rank, day, key,
        micros(now),
        0 if broadcast and not only else None, decision, int(audience_priority), area, unproven,
    )[0]  # fmt: skip
    return number


def add_delivery(store: Store, outgoing: int, person: int, rank: int) -> None:
    store.run(
        "INSERT INTO delivery (outgoing, person, state, rank, role, holder, leased_until, attempts, ambiguous,"
        " retry_at, reply)"
        " VALUES (?, ?, 'queued', ?, ?, '', 0, 0, 0, 0, '') ON CONFLICT DO NOTHING",
        outgoing, person, rank, True,
    )  # fmt: skip


def supersede(store: Store, issue: int, now: datetime) -> None:
    """ "An unsent automatic update is replaced by the next of its issue." """
    automatic = "SELECT id FROM outgoing WHERE issue = ? AND automatic AND broadcast"
    store.run(f"UPDATE outgoing SET expand_after = NULL WHERE expand_after IS NOT NULL AND id IN ({automatic})", issue)
    store.run(
        f"UPDATE delivery SET state = 'superseded', ended_at = ? WHERE state IN ('queued', 'deferred', 'sending') AND"
        f" outgoing IN ({automatic})",
        micros(now), issue,
    )  # fmt: skip


TOGETHER = (
    "EXISTS (SELECT 1 FROM outgoing o WHERE o.id = delivery.outgoing AND o.broadcast"
    " AND (NOT delivery.role OR o.issue = 0))"
)
"""To a reader of a broadcast or digest: it may go to many in one transaction. Who gets one by a role has a copy."""


def _free(store: Store, holder: str, busy: Collection[int]) -> tuple[str, tuple[str, ...]]:
    """A condition and its values: nobody to whom a mail is on its way, from here (`busy`) or from another process."""
    here = f" AND person NOT IN ({', '.join(f'{person:d}' for person in busy)})" if busy else ""
    there = f"{here} AND person NOT IN (SELECT person FROM delivery WHERE state = 'sending' AND holder <> ?)"
    return (here, ()) if store.sqlite else (there, (holder,))


def next_batch(store: Store, now: datetime, holder: str, least: int = 9, busy: Collection[int] = ()) -> int:
    """The broadcast that the most urgent delivery is of; 0 where that one is a mail to one person, or there is none."""
    free, values = _free(store, holder, busy)
    row = store.one(
        f"SELECT outgoing, {TOGETHER} FROM delivery WHERE state IN ('queued', 'deferred') AND rank <= ?"
        f" AND retry_at <= ?{free} ORDER BY rank, id LIMIT 1",
        least, micros(now), *values,
    )  # fmt: skip
    return row[0] if row and row[1] else 0


def claim_deliveries(
    store: Store, now: datetime, holder: str, limit: int, least: int = 9, batch: int | None = None,
    busy: Collection[int] = (),
) -> list[Due]:  # fmt: skip
    """The most urgent deliveries that may be tried now, up to the rank `least`; queued | deferred -> sending. Only for
    those who have none on its way: the order of a person's mails holds. With `batch` only that broadcast's readers, or
    with 0 only what goes out one by one."""
    free, values = _free(store, holder, busy)
    which = "" if batch is None else f" AND outgoing = {batch:d} AND {TOGETHER}" if batch else f" AND NOT {TOGETHER}"
    with store.transaction():
        if not store.sqlite:
            store.run("SELECT pg_advisory_xact_lock(?, hashtext(current_schema()))", ONE_AT_A_TIME)
        rows = store.all(
            "UPDATE delivery SET state = 'sending', holder = ?, leased_until = ?, attempts = attempts + 1 WHERE id IN"
            " (SELECT id FROM delivery WHERE state IN ('queued', 'deferred') AND rank <= ? AND retry_at <= ?"
            f"{which}{free} ORDER BY rank, id LIMIT ?{store.free})"
            " RETURNING rank, id, outgoing, person, attempts, ambiguous",
            holder, micros(now + SEND_LEASE), least, micros(now), *values, limit,
        )  # fmt: skip
        rows.sort()
        people = _people(store, {row[3] for row in rows})
        made = {
            number: from_micros(store.one("SELECT created_at FROM outgoing WHERE id = ?", number)[0])
            for number in {row[2] for row in rows}
        }
    return [
        Due(number, outgoing, person, *people[person], tries, made[outgoing], ambiguous)
        for _, number, outgoing, person, tries, ambiguous in rows
    ]


def _people(store: Store, numbers: set[int]) -> dict[int, tuple[str, bool]]:
    """(address, is a group) of each person."""
    found: dict[int, tuple[str, bool]] = {}
    wanted = sorted(numbers)
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        marks = ", ".join("?" for _ in part)
        rows = store.all(f"SELECT id, address, is_group FROM person WHERE id IN ({marks})", *part)
        found |= {number: (address, bool(group)) for number, address, group in rows}
    return found


def free_own(store: Store, holder: str) -> None:
    """What a sender has in hand by its rows and not by what it knows, since the database failed: a claim that it was
    not told of, or a result that did not wait for the disk. It may have been sent."""
    with store.transaction():
        store.run(
            "UPDATE delivery SET state = 'queued', holder = '', leased_until = 0, ambiguous = ambiguous + 1"
            " WHERE state = 'sending' AND holder = ?",
            holder,
        )


def free_expired(store: Store, now: datetime) -> bool:
    """sending -> queued where the lease has run out; it may have been sent, and goes out again with the same bytes."""
    with store.transaction():
        freed = store.run(
            "UPDATE delivery SET state = 'queued', holder = '', leased_until = 0, ambiguous = ambiguous + 1"
            " WHERE state = 'sending' AND leased_until <= ?",
            micros(now),
        )
    return bool(freed.rowcount)


def mail(store: Store, outgoing: int) -> Mail:
    row = store.one(
        "SELECT id, issue, head, body, detail, null_sender, broadcast, day, key, template, rank FROM outgoing"
        " WHERE id = ?",
        outgoing,
    )
    return Mail(row[0], row[1], bytes(row[2]), bytes(row[3]), row[4], bool(row[5]), bool(row[6]), *row[7:])


def forget_detail(store: Store, outgoing: int) -> None:
    store.run("UPDATE outgoing SET detail = '' WHERE id = ?", outgoing)


def record(store: Store, results: Sequence[Result], now: datetime, refused: Mapping[int, int] = NOBODY) -> None:
    """T3: sending -> sent | deferred | bounced | expired; its own transaction. Whose reader has left, or what was
    replaced, while it was on its way is not tried again. `refused`: the people whom the relay refused for good, with
    the rank of the timer that tells the worker."""
    ended = micros(now)
    statement = (
        "UPDATE delivery SET state = ?, reply = ?, retry_at = ?, ended_at = ?, ambiguous = ambiguous + ?,"
        " holder = '', leased_until = 0 WHERE id = ? AND (state = 'sending' OR ?)"
    )
    rows = [
        (state, reply, 0, ended, int(ambiguous), delivery, True)
        if retry_at is None
        else (state, reply, micros(retry_at), None, int(ambiguous), delivery, False)
        for delivery, state, reply, retry_at, ambiguous in results
    ]
    rows.sort(key=lambda row: row[5])  # locked in one order, whoever else wants them
    if not refused:
        return store.many(statement, rows)
    with store.transaction():
        for row in rows:
            store.run(statement, *row)
        for person, rank in refused.items():
            store.add_timer(-person, "bounced", now, rank)


def unclaim(store: Store, deliveries: Sequence[int], holder: str) -> None:
    """What `holder` has claimed and not tried goes back, untouched."""
    for start in range(0, len(deliveries), 500):
        part = deliveries[start : start + 500]
        store.run(
            "UPDATE delivery SET state = 'queued', holder = '', leased_until = 0, attempts = attempts - 1"
            f" WHERE state = 'sending' AND holder = ? AND id IN ({', '.join('?' for _ in part)})",
            holder, *part,
        )  # fmt: skip


def next_retry(store: Store) -> datetime | None:
    row = store.one("SELECT MIN(retry_at) FROM delivery WHERE state IN ('queued', 'deferred')")
    return from_micros(row[0]) if row and row[0] is not None else None


def set_back(store: Store, span: timedelta, now: datetime) -> None:
    """The wall clock went back by `span`: what waits for a time that lies ahead now waits no longer for that."""
    for table, column, states in (
        ("delivery", "retry_at", "'queued', 'deferred'"),
        ("delivery", "leased_until", "'sending'"),
        ("inbox", "leased_until", "'received'"),
    ):
        store.run(
            f"UPDATE {table} SET {column} = {column} - ? WHERE state IN ({states}) AND {column} > ?",
            span // timedelta(microseconds=1), micros(now),
        )  # fmt: skip


# --- holding all sending back ----------------------------------------------------------------------------------------


def hold_sending(store: Store, now: datetime) -> bool:
    """Nothing more is claimed for sending until `release_sending`; False when it was held already."""
    made = store.run(
        "INSERT INTO meta (key, value) VALUES ('sending_held', ?) ON CONFLICT DO NOTHING", str(micros(now))
    )
    return bool(made.rowcount)


def release_sending(store: Store) -> bool:
    """False when it was not held."""
    return bool(store.run("DELETE FROM meta WHERE key = 'sending_held'").rowcount)


def sending_held(store: Store) -> datetime | None:
    """Since when nothing is sent; None when all is sent as usual."""
    row = store.one("SELECT value FROM meta WHERE key = 'sending_held'")
    return from_micros(int(row[0])) if row else None


def ended_since(store: Store, since: datetime, *, together: int = 1) -> list[datetime]:
    """When mails ended since then, in that order: what a limit of mails a minute has to know after a restart. As many
    as `together` of one broadcast that ended at one moment were one mail."""
    one = f"CASE WHEN {TOGETHER} THEN -outgoing ELSE id END" if together > 1 else "id"
    rows = store.all(
        f"SELECT ended_at, {one} AS mail, COUNT(id) FROM delivery WHERE ended_at >= ? GROUP BY ended_at, mail"
        " ORDER BY ended_at", micros(since),
    )  # fmt: skip
    return [from_micros(at) for at, _, copies in rows for _ in range(-(-copies // together))]


def waiting(store: Store) -> int:
    """Deliveries that are still to be made, those of a broadcast that is not expanded yet apart."""
    number: int = store.one("SELECT COUNT(id) FROM delivery WHERE state IN ('queued', 'deferred', 'sending')")[0]
    return number


def last_arrival(store: Store) -> datetime | None:
    row = store.one("SELECT MAX(received_at) FROM inbox")
    return None if row[0] is None else from_micros(row[0])
