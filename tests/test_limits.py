"""The budgets as a table (process/limits.py), and what the store counts of them, on both engines."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from chat import ANNA, BOB, MONDAY, SARA

from triagemail import config as configs
from triagemail.process import intents as want
from triagemail.process import limits
from triagemail.process.events import Audience, Draft, Outcome
from triagemail.process.intents import Intent
from triagemail.process.limits import Answer, Limit
from triagemail.process.model import Evidence, Issue, Level, Policy, Priority
from triagemail.store import claims, counts
from triagemail.store.store import Store

KIM, WATCH = "kim@customer.example", "watch@machines.example"
POLICY = Policy(
    address="issues@acme.example", list_address="updates@acme.example", questions=(), priorities={}, triagers=(SARA,),
    internal=("acme.example",), confirmers=("conny@sales.example",), monitors=(WATCH,), profile="google",
)  # fmt: skip


def sure(level: Level) -> Evidence:
    return Evidence(level, "test")


def asks(by: str, level: Level) -> Intent:
    return want.Ask(by=by, evidence=sure(level), what="help")


def row(intent: Intent, draft: Draft, issue: Issue | None = None, author: str = "", policy: Policy = POLICY) -> str:
    found = limits.answer(intent, draft, author or intent.by, issue, policy)
    return found.row if found is not None else ""


@pytest.mark.parametrize(
    ("who", "level", "expected"),
    [
        (BOB, Level.E0, "unproven"), (SARA, Level.E0, "unproven"), (KIM, Level.E0, "outsider"),
        (BOB, Level.E1, "proven"), (BOB, Level.E2, "proven"), (KIM, Level.E2, "proven"), (KIM, Level.E12, "proven"),
        (KIM, Level.E3, "proven"), (WATCH, Level.E0, "monitor"), (WATCH, Level.E1, "monitor"),
        ("conny@sales.example", Level.E0, "outsider"),
    ],
)  # fmt: skip
def test_by_who_is_answered(who: str, level: Level, expected: str) -> None:
    """L1, L3, L5: counters for senders at E0; nothing outside without evidence; a monitor is never answered."""
    assert row(asks(who, level), Draft("help", who)) == expected


def test_where_nobody_vouches_for_anybody_a_colleague_is_answered() -> None:
    """L9, R7: ten mails a day to an address, but not one of a kind; nothing outside, as ever."""
    alone = replace(POLICY, profile="none")
    for who, expected in ((BOB, "colleague"), (SARA, "colleague"), (KIM, "outsider")):
        assert row(asks(who, Level.E0), Draft("help", who), policy=alone) == expected
    assert row(asks(BOB, Level.E2), Draft("help", BOB), policy=alone) == "proven"
    assert row(asks(BOB, Level.E0), Draft("confirm", BOB), policy=alone) == "confirm"
    assert limits.ANSWERS["colleague"][1].most == 10
    assert limits.counted(BOB, sure(Level.E0), True, alone) == ()
    for by, policy in ((KIM, alone), (BOB, POLICY)):
        assert len(limits.counted(by, sure(Level.E0), True, policy)) == 3


def test_by_what_is_answered() -> None:
    """U1, U2: questions and refused confirmations have budgets of their own; prose has one beside the hour's."""
    over = {"outcomes": (Outcome("Confirm", "confirm-over", False),)}
    assert row(asks(BOB, Level.E0), Draft("confirm", BOB)) == "confirm"
    assert row(asks(KIM, Level.E0), Draft("confirm", KIM)) == "confirm"  # "always confirm" outside
    assert row(asks(BOB, Level.E0), Draft("receipt", BOB, None, over)) == "guess"
    assert row(asks(KIM, Level.E0), Draft("receipt", KIM, None, over)) == "outsider"
    filled = want.FillIn(by=BOB, evidence=sure(Level.E2), issue=1)
    assert row(filled, Draft("missing", BOB, 1)) == "proven-prose"
    unasked = want.Ask(by=BOB, evidence=sure(Level.E2), what="help", unasked=True)
    assert row(unasked, Draft("help", BOB)) == "proven-prose"


def test_what_is_no_answer_has_no_budget() -> None:
    """Mails that are no answers are never lost by a budget: triage, broadcasts, receipts of work, invites."""
    own = Issue(number=1, reporter=SARA, headline="x", opened_at=MONDAY, unverified=True)
    report = want.FileReport(by=SARA, evidence=sure(Level.E0), headline="x")
    assert row(report, Draft("triage", SARA, 1), own) == ""
    assert row(report, Draft("page", SARA, 1), own) == ""
    assert row(report, Draft("broadcast-new", Audience(Priority.P0, 1, (SARA,), ""), 1), own) == ""
    done = {"outcomes": (Outcome("Agree", "agreed", True),)}
    refused = {"outcomes": (Outcome("Agree", "no-issue", False),)}
    agreed = want.Agree(by=SARA, evidence=sure(Level.E2), issue=1)
    assert row(agreed, Draft("receipt", SARA, 1, done), own) == ""
    assert row(agreed, Draft("receipt", SARA, 1, refused), own) == "proven"
    assert row(asks(BOB, Level.E2), Draft("receipt", BOB, 1, done), own) == "proven"


def test_what_a_clock_writes_to_whom_nobody_knows() -> None:
    """L5: a reminder to the reporter of an UNVERIFIED report is no better than the report."""
    clock = want.TimerFired(by="", evidence=sure(Level.E3), issue=1, timer="remind", due=MONDAY)
    forged = Issue(number=1, reporter=KIM, headline="x", opened_at=MONDAY, unverified=True)
    true = Issue(number=1, reporter=KIM, headline="x", opened_at=MONDAY)
    reminder = Draft("missing", KIM, 1, {"reminder": True})
    assert row(clock, reminder, forged) == "outsider"
    assert row(clock, reminder, true) == ""
    found = limits.answer(
        clock, Draft("missing", BOB, 1, {"reminder": True}), "", Issue(1, BOB, "x", MONDAY, unverified=True), POLICY
    )
    assert found is not None
    assert (found.row, found.kind) == ("unproven", "reminder")
    decided = want.Agree(by=SARA, evidence=sure(Level.E2), issue=1)
    assert row(decided, Draft("decided", KIM, 1), forged) == ""  # a person writes to them


def test_the_rows_are_as_the_specification_has_them() -> None:
    """L1: 1/kind/address/24 h and 10/address/day; cap 30/h. L5: <= 20 in 10 min in total. U1: 20/h in all. U2: 5/h."""
    said = {name: [(each.most, each.within, each.per) for each in row] for name, row in limits.ANSWERS.items()}
    hour, day, ten = timedelta(hours=1), timedelta(days=1), timedelta(minutes=10)
    assert said["unproven"] == [(1, day, "kind"), (10, day, "address"), (20, ten, "all")]
    assert said["guess"][0] == (5, hour, "kind")
    assert said["confirm"] == [(20, hour, "kind of all")]
    assert said["proven"] == [(30, hour, "address")]
    assert said["outsider"] == said["monitor"] == [(0, day, "address")]
    came = [(each.most, each.within) for each in (limits.MAILS, limits.REPORTS, limits.REPORTS_IN_ALL)]
    assert came == [(30, hour), (10, hour), (20, ten)]


def test_every_limit_that_is_told_of_has_its_words() -> None:
    """R12: the operator is told; a limit without words would break the mail that reached it."""
    from triagemail.budgets import TOLD

    named = {each.name for row in limits.ANSWERS.values() for each in row if each.name}
    named |= {each.name for each in (limits.MAILS, limits.REPORTS, limits.REPORTS_IN_ALL, limits.ALERTS)}
    assert named == set(TOLD)


@pytest.mark.parametrize(
    ("intents", "expected"),
    [
        ([want.FileReport(by=BOB, evidence=sure(Level.E0), headline="x", priority=Priority.P0)], Priority.P0),
        ([want.FileReport(by=BOB, evidence=sure(Level.E0), headline="x", priority=Priority.P1)], Priority.P1),
        ([want.FileReport(by=BOB, evidence=sure(Level.E0), headline="x")], None),
        ([want.FileReport(by=BOB, evidence=sure(Level.E0), headline="x", priority=Priority.P2)], False),
        ([want.FileReport(by=KIM, evidence=sure(Level.E0), headline="x", priority=Priority.P0)], False),
        ([asks(BOB, Level.E0)], False),
    ],
)
def test_a_possible_p0_or_p1_from_an_admitted_address(intents: list[Intent], expected: object) -> None:
    """L9: what names no priority may be one; a stranger's is not."""
    assert limits.may_be_urgent(intents, replace(POLICY, reporters=("acme.example",))) is expected


def test_monitors_are_no_people() -> None:
    """L3: a pattern that took people for machines would silence them: the config is refused."""
    base = "[people]\ntriagers = ['sara@acme.example']\nmonitors = [{}]\n[mail]\naddress = 'issues@acme.example'\n"
    for pattern in ("'*'", "'acme.example'", "'sara@acme.example'"):
        assert any("machines" in str(problem) for problem in _problems(base.format(pattern)))
    assert _problems(base.format("'watch@acme.example', 'alerts.acme.example'")) == []


def _problems(text: str) -> list[object]:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        path.write_text(text)
        try:
            configs.load(path)
        except configs.ConfigError as error:
            return list(error.problems)
        return []


def outgoing(store: Store, issue: int, kind: str, at: datetime) -> int:
    """An answer to somebody who has shown nothing."""
    return claims.add_outgoing(
        store, issue=issue, template=kind, subject="x", text="x", head=b"x", body=b"x", detail="", null_sender=True,
        broadcast=False, automatic=False, rank=1, day=1, key="a", now=at, unproven=kind,
    )  # fmt: skip


# --- what the store counts -------------------------------------------------------------------------------------------


def test_answers_are_counted_by_address_kind_and_thread(store: Store) -> None:
    """One budget table per address, kind and thread; what was answered counts no more."""
    now = MONDAY
    with store.transaction():
        for n, (who, kind, issue) in enumerate([(BOB, "missing", 1), (BOB, "help", 0), (ANNA, "missing", 2)]):
            number = outgoing(store, issue, kind, now + timedelta(minutes=n))
            claims.add_delivery(store, number, store.person(who), 1)
    later = now + timedelta(minutes=5)

    def count(limit: Limit, who: str = BOB, kind: str = "missing", thread: int = 1, row: str = "unproven") -> int:
        return counts.answers(store, limit, Answer(who, kind, thread, row), later)

    of_a_kind, a_day, in_all = limits.ANSWERS["unproven"]
    assert [count(of_a_kind), count(of_a_kind, kind="status"), count(of_a_kind, who=ANNA)] == [1, 0, 1]
    assert [count(a_day), count(a_day, who="nobody@acme.example"), count(in_all)] == [2, 0, 3]
    assert count(Limit(1, timedelta(minutes=4), "all")) == 2
    assert count(limits.ANSWERS["proven-prose"][1], row="proven-prose") == 1
    assert count(limits.ANSWERS["proven-prose"][1], thread=2, row="proven-prose") == 0
    with store.transaction():
        counts.free(store, BOB, now, issue=1)
    assert [count(of_a_kind), count(a_day), count(in_all), count(of_a_kind, who=ANNA)] == [0, 1, 2, 1]
    assert count(limits.ANSWERS["proven"][0], row="proven") == 1  # it was sent all the same


def test_mails_and_held_reports_are_counted(store: Store) -> None:
    """L9: mails of one sender in an hour; the list of those that are held, who names a P0 first."""
    with store.transaction():
        claims.take(store, [claims.Arrival(b"From: x", MONDAY + timedelta(minutes=n)) for n in range(5)])
        bob = store.person(BOB)
        said = [(BOB, None), (ANNA, Priority.P1), (BOB, Priority.P0), (ANNA, None)]
        for number, (who, priority) in enumerate(said, 1):
            counts.measure(store, number, store.person(who))
            claims.finish_mail(store, number, "", "held", MONDAY, reason=counts.reason(who, priority))
        claims.finish_mail(store, 5, "", "held", MONDAY, reason="flood: reports-of-one")
    assert counts.came(store, bob, limits.MAILS, MONDAY + timedelta(minutes=30)) == 2
    assert counts.came(store, bob, limits.MAILS, MONDAY + timedelta(minutes=61)) == 1
    assert counts.flooded(store, MONDAY) == [(BOB, Priority.P0, [3, 1]), (ANNA, Priority.P1, [2, 4])]
    assert counts.flooded(store, MONDAY + timedelta(seconds=1)) == []
