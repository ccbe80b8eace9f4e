"""What subscribers wish to hear (process.md 5, "Preferences"): the rule, and the same rule in SQL on both engines."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triagemail.process.events import Audience
from triagemail.process.model import Priority, Wishes
from triagemail.process.subscriptions import wants, wants_at_once
from triagemail.store import audience, claims
from triagemail.store.audience import Broadcast, Member
from triagemail.store.store import Store

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
BOB, LENA, TOM, KIM = (f"{name}@acme.example" for name in ("bob", "lena", "tom", "kim"))
P0, P1, P2 = Priority.P0, Priority.P1, Priority.P2


def queue(store: Store, heard: Audience, at: datetime = NOW, *, automatic: bool = False, only: bool = False) -> int:
    """A broadcast as T2 leaves it, with the rows of those who hear it as if subscribed."""
    made = claims.add_outgoing(
        store, issue=heard.issue, template="t", subject=f"about #{heard.issue}", text="t", head=b"h", body=b"b",
        detail="", null_sender=False, broadcast=True, automatic=automatic, rank=1, day=1, key="a", now=at,
        audience_priority=heard.priority, area=heard.area, only=only,
    )  # fmt: skip
    for address in heard.also:
        claims.add_delivery(store, made, store.person(address), 1)
    return made


def wish(store: Store, address: str, **fields: Any) -> None:
    with store.transaction():
        audience.set_wishes(store, address, Wishes(**fields), NOW)


def expand_all(store: Store) -> None:
    for _ in range(1_000):
        if not audience.expand(store):
            return
    raise AssertionError("expanding does not end")


def readers(store: Store, outgoing: int, state: str = "queued") -> list[str]:
    found = store.all(
        "SELECT p.address FROM delivery d JOIN person p ON p.id = d.person WHERE d.outgoing = ? AND d.state = ?",
        outgoing, state,
    )  # fmt: skip
    return sorted(address for (address,) in found)


# --- the rule --------------------------------------------------------------------------------------------------------

RULE = [
    # what is wished, the priority, issue and area that a broadcast is about, whether it is wanted
    (Wishes(), P1, 42, "", True),
    (Wishes(), P2, 42, "", False),
    (Wishes(priority=P0), P0, 42, "", True),
    (Wishes(priority=P0), P1, 42, "", False),
    (Wishes(areas=("billing",)), P1, 42, "billing", True),
    (Wishes(areas=("billing",)), P1, 42, "login", False),
    (Wishes(areas=("billing",)), P1, 42, "", True),
    (Wishes(areas=("billing",), priority=P0), P1, 42, "billing", False),
    (Wishes(muted=(42,)), P0, 42, "", False),
    (Wishes(muted=(41,)), P0, 42, "", True),
    (Wishes(member=False), P0, 42, "", False),
    (Wishes(member=False, issues=(42,)), P2, 42, "login", True),
    (Wishes(member=False, issues=(41,)), P0, 42, "", False),
    (Wishes(areas=("billing",), priority=P0, issues=(42,)), P1, 42, "login", True),
    (Wishes(paused_until=NOW + HOUR), P0, 42, "", False),
    (Wishes(paused_until=NOW + HOUR, issues=(42,)), P0, 42, "", False),
    (Wishes(paused_until=NOW), P0, 42, "", True),
    (Wishes(digest=True), P1, 42, "", True),
]


@pytest.mark.parametrize(("wished", "priority", "issue", "area", "wanted"), RULE)
def test_the_rule(wished: Wishes, priority: Priority, issue: int, area: str, wanted: bool) -> None:
    """Preferences: by priority (`subscribe P0`), by area, one issue (`subscribe #42`, `unsubscribe #42`), `pause`.
    While no area is named it concerns every area."""
    assert wants(wished, Audience(priority, issue, area=area), NOW) == wanted


def test_a_digest_is_wanted_but_not_at_once() -> None:
    """`digest` (one mail a day)."""
    heard = Audience(P0, 42)
    assert [wants_at_once(Wishes(digest=each), heard, NOW) for each in (True, False)] == [False, True]
    assert not wants_at_once(Wishes(muted=(42,)), heard, NOW)


# --- the rule in SQL -------------------------------------------------------------------------------------------------

few = st.integers(41, 43)
AREAS = st.sampled_from(["billing", "login", "o'brien % ?"])
MOMENTS = st.sampled_from([NOW - HOUR, NOW, NOW + HOUR])
WISHES = st.builds(
    Wishes,
    member=st.booleans(),
    priority=st.sampled_from(Priority),
    areas=st.lists(AREAS, unique=True).map(lambda found: tuple(sorted(found))),
    issues=st.lists(few, max_size=2, unique=True).map(lambda found: tuple(sorted(found))),
    muted=st.lists(few, max_size=2, unique=True).map(lambda found: tuple(sorted(found))),
    digest=st.booleans(),
    paused_until=st.none() | MOMENTS,
)
AUDIENCES = st.builds(Audience, st.sampled_from(Priority), few, area=AREAS | st.just(""))


def clean(store: Store) -> None:
    with store.transaction():
        for table in ("delivery", "outgoing", "follow", "person"):
            store.run(f"DELETE FROM {table}")
    store.forget_people()


SQL_AS_THE_RULE = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SQL_AS_THE_RULE
@given(st.lists(WISHES, max_size=9), st.lists(st.tuples(AUDIENCES, MOMENTS), min_size=1, max_size=3))
def test_sql_makes_rows_for_those_who_want_it(
    store: Store, wished: list[Wishes], sent: list[tuple[Audience, datetime]]
) -> None:
    """`process/subscriptions.wants()` is the rule; a property test holds `store/audience.py` equal to it on both
    engines (design.md 7). Slices are small here, so that they begin and end anywhere."""
    clean(store)
    with store.transaction():
        for number, each in enumerate(wished):
            audience.set_wishes(store, f"r{number}@acme.example", each, NOW)
        made = [queue(store, heard, at) for heard, at in sent]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audience, "SLICE", 2)
        expand_all(store)
    for outgoing, (heard, at) in zip(made, sent, strict=True):
        expected = [f"r{n}@acme.example" for n, each in enumerate(wished) if wants_at_once(each, heard, at)]
        assert expected == readers(store, outgoing)


@SQL_AS_THE_RULE
@given(
    st.lists(WISHES, max_size=6),
    st.lists(st.tuples(AUDIENCES, MOMENTS), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=4),
)
def test_a_digest_tells_each_what_they_want(
    store: Store, wished: list[Wishes], sent: list[tuple[Audience, datetime]], roles: list[tuple[int, int]]
) -> None:
    """`digest` (one mail a day): of the broadcasts since the last one those that the reader wants, and has not had by a
    role: one copy each. Readers of the same are in one group."""
    clean(store)
    people = [f"r{number}@acme.example" for number in range(len(wished))]
    had = {(person, number) for person, number in roles if person < len(wished) and number < len(sent)}
    with store.transaction():
        for address, each in zip(people, wished, strict=True):
            audience.set_wishes(store, address, each, NOW)
        made = [
            queue(store, replace(heard, also=tuple(people[p] for p, n in had if n == number)), at)
            for number, (heard, at) in enumerate(sent)
        ]
    expected: dict[tuple[int, ...], set[str]] = {}
    for person, each in enumerate(wished):
        mine = tuple(
            made[number]
            for number, (heard, at) in enumerate(sent)
            if at > NOW - HOUR and (person, number) not in had and wants(each, heard, at)
        )
        if each.digest and mine:
            expected.setdefault(mine, set()).add(people[person])
    groups = audience.digests(store, NOW - HOUR, NOW + HOUR)
    assert expected == {tuple(b.outgoing for b in told): set(addresses) for told, addresses in groups}
    assert len(groups) == len(expected)


# --- wishes come back, and change what is queued -------------------------------------------------------------------


@settings(parent=SQL_AS_THE_RULE, max_examples=30)
@given(WISHES, WISHES)
def test_wishes_come_back_as_they_were_set(store: Store, first: Wishes, second: Wishes) -> None:
    """The last word counts, whole: nothing of the wishes before it is left."""
    clean(store)
    for wished in (first, second):
        with store.transaction():
            audience.set_wishes(store, LENA, wished, NOW)
        assert audience.wishes(store, LENA) == wished


def test_who_is_not_known_wishes_nothing(store: Store) -> None:
    assert audience.wishes(store, "nobody@acme.example") == Wishes(member=False)
    assert store.all("SELECT id FROM person") == []


def test_who_joins_hears_every_p0_and_p1(store: Store) -> None:
    with store.transaction():
        audience.join(store, LENA, NOW)
    assert audience.wishes(store, LENA) == Wishes()


def test_leaving_keeps_wishes_for_the_day_of_return(store: Store) -> None:
    wish(store, LENA, priority=P0, areas=("billing",), muted=(7,))
    with store.transaction():
        assert audience.leave(store, LENA, NOW)
    assert audience.wishes(store, LENA) == Wishes(member=False, priority=P0, areas=("billing",), muted=(7,))
    with store.transaction():
        audience.join(store, LENA, NOW + HOUR)
    assert audience.members(store) == [
        Member(LENA, NOW + HOUR, False, Wishes(priority=P0, areas=("billing",), muted=(7,)))
    ]


def test_the_list_shows_wishes_and_since_when(store: Store) -> None:
    """A wish of somebody on the list does not make them join anew."""
    with store.transaction():
        audience.join(store, LENA, NOW)
        audience.join(store, "all@lists.acme.example", NOW, group=True)
        audience.set_wishes(store, LENA, Wishes(digest=True), NOW + HOUR)
        audience.set_wishes(store, TOM, Wishes(member=False, issues=(1,)), NOW)
    assert audience.members(store) == [
        Member("all@lists.acme.example", NOW, True, Wishes()),
        Member(LENA, NOW, False, Wishes(digest=True)),
    ]
    assert audience.count(store) == 2


NO_LONGER = [
    {"priority": P0},
    {"areas": ("login",)},
    {"muted": (42,)},
    {"paused_until": NOW + HOUR},
    {"member": False},
    {"member": False, "issues": (41,)},
]


@pytest.mark.parametrize("wished", NO_LONGER, ids=str)
def test_what_is_queued_and_no_longer_wanted_is_withdrawn(store: Store, wished: dict[str, Any]) -> None:
    """Unsubscribing withdraws queued rows in its T2 (U6), and so does any other wish; what somebody gets by a role goes
    on (U7)."""
    wish(store, LENA)
    with store.transaction():
        made = queue(store, Audience(P1, 42, (TOM,), "billing"))
        theirs = queue(store, Audience(P1, 42, (LENA,), "billing"))
    expand_all(store)
    wish(store, LENA, **wished)
    assert readers(store, made) == [TOM]
    assert readers(store, made, "withdrawn") == [LENA]
    assert readers(store, theirs) == [LENA]


@pytest.mark.parametrize("wished", [{"priority": P1}, {"digest": True}, {"member": False, "issues": (42,)}], ids=str)
def test_what_is_queued_and_still_wanted_stays(store: Store, wished: dict[str, Any]) -> None:
    """Who turns to the digest, or leaves the list but follows this issue, gets what was on its way."""
    wish(store, LENA)
    with store.transaction():
        made = queue(store, Audience(P1, 42))
    expand_all(store)
    wish(store, LENA, **wished)
    assert readers(store, made) == [LENA]
    assert audience.digests(store, NOW - HOUR, NOW + HOUR) == []


def test_a_pause_that_ended_brings_later_broadcasts_only(store: Store) -> None:
    """`pause 2 weeks`: what went out meanwhile is not sent afterwards, however late its rows are made."""
    wish(store, LENA, paused_until=NOW)
    with store.transaction():
        missed, heard = queue(store, Audience(P0, 1), NOW - HOUR), queue(store, Audience(P0, 1), NOW)
    expand_all(store)
    assert readers(store, missed) == []
    assert readers(store, heard) == [LENA]


def test_one_copy_each(store: Store) -> None:
    """Reporter, owner and triager hear them as if subscribed, one copy each."""
    wish(store, LENA)
    wish(store, TOM, member=False, issues=(42,))
    with store.transaction():
        made = queue(store, Audience(P1, 42, (LENA, TOM, BOB)))
    expand_all(store)
    assert readers(store, made) == [BOB, LENA, TOM]


# --- the digest ------------------------------------------------------------------------------------------------------


def test_a_digest_tells_broadcasts_in_order_to_groups_of_readers(store: Store) -> None:
    """Digest readers are grouped by equal wishes, one outgoing a group (design.md 7)."""
    wish(store, LENA, digest=True)
    wish(store, TOM, digest=True, priority=P0)
    wish(store, KIM, digest=True)
    with store.transaction():
        before = queue(store, Audience(P0, 1), NOW)
        first = queue(store, Audience(P0, 1), NOW + HOUR)
        second = queue(store, Audience(P1, 2), NOW + HOUR, automatic=True)
        queue(store, Audience(P1, 2), NOW + 3 * HOUR)
    told = [
        Broadcast(first, 1, "about #1", "t", False, NOW + HOUR),
        Broadcast(second, 2, "about #2", "t", True, NOW + HOUR),
    ]
    found = sorted(audience.digests(store, NOW, NOW + 2 * HOUR), key=lambda group: len(group[0]))
    assert found == [((told[0],), (TOM,)), (tuple(told), (KIM, LENA))]
    assert before == first - 1


def test_a_digest_has_the_readers_that_it_names_and_tells_no_digest(store: Store) -> None:
    """A digest goes to its group only, and the next one does not repeat it."""
    for address in (LENA, KIM):
        wish(store, address, digest=True)
    wish(store, TOM)
    with store.transaction():
        digest = queue(store, Audience(P1, 0, (LENA,)), NOW, only=True)
    expand_all(store)
    assert readers(store, digest) == [LENA]
    assert audience.digests(store, NOW - HOUR, NOW + HOUR) == []


def test_without_broadcasts_there_is_no_digest(store: Store) -> None:
    wish(store, LENA, digest=True)
    assert audience.digests(store, NOW - HOUR, NOW + HOUR) == []
