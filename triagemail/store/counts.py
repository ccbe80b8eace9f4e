"""How much of a budget is used up (process/limits.py): counted from the rows of what went out and came in."""

from __future__ import annotations

from datetime import datetime

from triagemail.process.limits import Answer, Limit
from triagemail.process.model import Priority
from triagemail.store.schema import from_micros, micros
from triagemail.store.store import Store

# a row at a time by their keys, said so that no engine can think of reading all of what went out instead
_TO = (
    "SELECT COUNT((SELECT 1 FROM outgoing o WHERE o.id = d.outgoing AND o.created_at >= ? AND {}))"
    " FROM delivery d WHERE d.person = ?"
)
_FILED = "SELECT COUNT(id) FROM event WHERE type = 'ReportFiled' AND at >= ?"
HELD = "flood-urgent"  # how the reason of a held mail begins that the triager has to hear of


def answers(store: Store, limit: Limit, answer: Answer, now: datetime) -> int:
    """How many answers have been taken from this limit lately; those to nobody in particular only where `unproven`."""
    since = micros(now - limit.within)
    if limit.per == "all":
        return _count(store, "SELECT COUNT(id) FROM outgoing WHERE unproven <> '' AND created_at >= ?", since)
    if limit.per == "kind of all":
        both = "SELECT COUNT(id) FROM outgoing WHERE unproven <> '' AND created_at >= ? AND unproven = ?"
        return _count(store, both, since, answer.kind)
    person = store.known(answer.to)
    match limit.per:
        case "thread":
            same = _TO.format("o.null_sender AND o.template = ? AND o.issue = ?")
            return _count(store, same, since, answer.kind, answer.thread, person)
        case "kind":
            return _count(store, _TO.format("o.unproven = ?"), since, answer.kind, person)
        case _:
            which = "o.unproven <> ''" if answer.unproven else "o.null_sender AND o.unproven = ''"
            return _count(store, _TO.format(which), since, person)


def free(store: Store, address: str, since: datetime, *, issue: int | None = None, kind: str = "") -> None:
    """What somebody got about an issue (0: about none), or of a kind, no longer counts as sent to one who has shown
    nothing."""
    which, value = ("o.unproven = ?", kind) if issue is None else ("o.issue = ?", issue)
    store.run(
        "UPDATE outgoing SET unproven = '' WHERE id IN (SELECT o.id FROM outgoing o JOIN delivery d"
        f" ON d.outgoing = o.id WHERE o.unproven <> '' AND o.created_at >= ? AND d.person = ? AND {which})",
        micros(since), store.known(address), value,
    )  # fmt: skip


def came(store: Store, person: int, limit: Limit, now: datetime) -> int:
    """How many mails of somebody were measured lately (`measure`)."""
    since = micros(now - limit.within)
    return _count(store, "SELECT COUNT(id) FROM inbox WHERE author = ? AND received_at >= ?", person, since)


def by_hand(store: Store, inbox: int) -> bool:
    """Whether the operator has handed a mail in (`import`): that is no flood."""
    row = store.one("SELECT source FROM inbox WHERE id = ?", inbox)
    return bool(row) and row[0] == "import"


def measure(store: Store, inbox: int, person: int) -> None:
    store.run("UPDATE inbox SET author = ? WHERE id = ?", person, inbox)


def reports(store: Store, address: str, limit: Limit, now: datetime) -> int:
    """How many issues somebody has opened lately."""
    return _count(store, f"{_FILED} AND author = ?", micros(now - limit.within), address)


def reports_in_all(store: Store, limit: Limit, now: datetime) -> int:
    """How many issues were opened lately on nobody's word."""
    return _count(store, f"{_FILED} AND level = 'E0'", micros(now - limit.within))


def flooded(store: Store, since: datetime) -> list[tuple[str, Priority | None, list[int]]]:
    """(sender, the most urgent priority that they name, their inbox rows, those that name it first) of the reports that
    were held since then and may be urgent; who names a P0 comes first."""
    rows = store.all(
        "SELECT id, reason FROM inbox WHERE state = 'held' AND done_at >= ? AND reason LIKE ? ORDER BY id",
        micros(since), f"{HELD} %",
    )  # fmt: skip
    found: dict[str, list[tuple[int, int]]] = {}
    for number, reason in rows:
        _, said, address = reason.split(" ", 2)
        found.setdefault(address, []).append((_RANK.index(said), number))
    ordered = sorted((sorted(each), address) for address, each in found.items())
    return [(address, _PRIORITY[each[0][0]], [number for _, number in each]) for each, address in ordered]


def held_between(store: Store, since: datetime, until: datetime) -> dict[str, list[int]]:
    """What was held after `since`, up to `until`, and is still: the inbox rows by the kind of their reason."""
    rows = store.all(
        "SELECT id, reason FROM inbox WHERE state = 'held' AND done_at > ? AND done_at <= ? ORDER BY id",
        micros(since), micros(until),
    )  # fmt: skip
    found: dict[str, list[int]] = {}
    for number, reason in rows:
        kind = "flood" if reason.startswith("flood") else reason.partition(":")[0]
        found.setdefault(kind, []).append(number)
    return found


def count_held(store: Store) -> int:
    return _count(store, "SELECT COUNT(id) FROM inbox WHERE state = 'held'")


def lead(store: Store, name: str, issue: int) -> None:
    """From now on alerts of this name belong to that issue, whatever they belonged to before."""
    store.run(
        "INSERT INTO thread (message_id, issue) VALUES (?, ?)"
        " ON CONFLICT (message_id) DO UPDATE SET issue = excluded.issue",
        name, issue,
    )  # fmt: skip


def last_said(store: Store, issue: int, address: str) -> datetime | None:
    """When somebody last caused an event of an issue."""
    row = store.one("SELECT MAX(at) FROM event WHERE issue = ? AND author = ?", issue, address)
    return None if row[0] is None else from_micros(row[0])


_PRIORITY = (Priority.P0, Priority.P1, None)
_RANK = tuple(str(each) for each in _PRIORITY)


def reason(address: str, priority: Priority | None) -> str:
    """Why a mail is held that `flooded` finds again."""
    return f"{HELD} {priority} {address}"


def _count(store: Store, statement: str, *values: object) -> int:
    number: int = store.one(statement, *values)[0]
    return number
