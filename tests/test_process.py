"""The process as a pure function: properties that hold for every sequence of mails and timers, and all pairs of its
life."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from triagemail.process import acts, codec, events
from triagemail.process import intents as want
from triagemail.process.decide import after, clocks, decide, decide_all
from triagemail.process.events import TRANSITIONS, Audience, Decision, Impossible, ReportFiled, evolve
from triagemail.process.intents import Intent, Snapshot
from triagemail.process.model import Evidence, Issue, Level, Policy, Priority, PriorityRule, Question, State

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SARA, CARL, BOB, ANNA, EVE = (f"{name}@acme.example" for name in ("sara", "carl", "bob", "anna", "eve"))
POLICY = Policy(
    address="issues@acme.example",
    list_address="updates@acme.example",
    questions=tuple(Question(k, k.title() + "?") for k in ("what", "expected", "see", "affected", "priority")),
    priorities={
        Priority.P0: PriorityRule("m", "r", "reported", timedelta(minutes=30), timedelta(minutes=15)),
        Priority.P1: PriorityRule("m", "r", "agreed", timedelta(minutes=60), timedelta(minutes=30)),
        Priority.P2: PriorityRule("m", "r", "never"),
        Priority.P3: PriorityRule("m", "r", "never"),
    },
    triagers=(SARA, CARL),
    reporters=("acme.example",),
    internal=("acme.example",),
    list_open_to=("acme.example",),
)
FULL = {"what": "It is down.", "expected": "Up.", "see": "Look.", "affected": "All."}


def sure(level: Level) -> Evidence:
    return Evidence(level, "test")


class Maker:
    """Random mails of all roles. A seed gives the same company life each time; hypothesis alone hardly gets past the
    first report."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def intents(self) -> list[Intent]:
        return [self.intent() for _ in range(self.chance.choice([1, 1, 1, 2, 3]))]

    def intent(self) -> Intent:
        pick = self.chance.choice
        kind = pick(WORDS)
        level = pick([Level.E0, *[Level.E2] * 9])
        person = pick([SARA, SARA, SARA, BOB, BOB, ANNA, CARL, EVE])
        common = {"by": person, "evidence": sure(level), "issue": pick([1, 1, 1, 2, 2, 3, None])}
        fields = {name: self.value(name) for name in FIELDS[kind]}
        if kind is want.SetPriority:
            fields["priority"] = pick(list(Priority))
        made: Intent = kind(**common, **fields)
        return made

    def value(self, name: str) -> Any:
        return self.chance.choice(VALUES[name])

    def steps(self, count: int) -> Iterator[tuple[str, Any]]:
        for who in (BOB, ANNA):
            report = want.FileReport(
                by=who, evidence=sure(Level.E2), headline="Down", answers=FULL, priority=self.value("priority")
            )
            yield "mail", [report]
        for _ in range(count):
            yield (
                ("mail", self.intents())
                if self.chance.random() < 0.75
                else ("wait", self.chance.choice([1, 6, 26, 31, 65, 250, 3000, 12000, 30000]))
            )


WORDS = [
    want.FileReport, want.FillIn, want.Agree, want.SetPriority, want.SetPriority, want.Decline, want.Withdraw,
    want.NameOwner, want.TakeOwnership, want.SendUpdate, want.SendUpdate, want.SetNextUpdate, want.SetHeadline,
    want.SetDoc,
    want.Resolve, want.Reopen, want.Reopen, want.Comment, want.Subscribe, want.Unsubscribe, want.Ask,
    want.NearMiss, want.Note,
]  # fmt: skip
VALUES: dict[str, list[Any]] = {
    "headline": ["Website is down", ""],
    "answers": [FULL, {"what": "It is down."}, {"see": "there"}, {}],
    "priority": [*Priority, None],
    "reason": ["", "because it is so", "because it is so"],
    "text": ["", "It is being fixed.", "It is being fixed.", "x " * 900],
    "correction": [False, False, True],
    "owner": [ANNA, BOB, SARA, CARL],
    "after": [timedelta(minutes=m) for m in (-5, 0, 10, 45, 300)] + [None],
    "clock": [(10, 30), None],
    "broadcast_reply": [True, False],
    "what": ["help", "status", "list", "process", "template"],
    "said": ["agre"],
    "meant": ["agree"],
    "url": ["https://docs.acme.example"],
}
FIELDS: dict[type[Intent], tuple[str, ...]] = {
    kind: tuple(f.name for f in dataclasses.fields(kind) if f.name in VALUES) for kind in set(WORDS)
}  # fmt: skip


class World:
    """Decides one step after another, and remembers the journal and every mail."""

    def __init__(self) -> None:
        self.snapshot = Snapshot(next_number=1)
        self.now = NOW
        self.journal: list[events.Event] = []

    def mail(self, wanted: list[Intent]) -> list[Decision]:
        made = [d for _, d in decide_all(self.snapshot, wanted, self.now, POLICY)]
        self._keep(made)
        return made

    def _keep(self, made: list[Decision]) -> None:
        for decision in made:
            self.journal += decision.events
            self.snapshot = after(self.snapshot, decision.events)

    def wait(self, minutes: int) -> list[Decision]:
        """Time passes; each due timer fires once, the earliest first."""
        self.now += timedelta(minutes=minutes)
        fired: list[Decision] = []
        for _ in range(20):
            due = sorted(
                (at, number, name)
                for number, i in self.snapshot.issues.items()
                for name, at in clocks(i, POLICY).items()
                if at <= self.now
            )
            if not due:
                return fired
            at, number, name = due[0]
            decision = decide(
                self.snapshot,
                want.TimerFired(by="", evidence=sure(Level.E3), issue=number, timer=name, due=at),
                self.now,
                POLICY,
            )
            assert decision.events, f"the timer {name} fired and nothing happened: it would fire for ever"
            self._keep([decision])
            fired.append(decision)
        raise AssertionError("timers do not come to rest")


LIVES = 250


def lives() -> Iterator[tuple[World, list[Decision]]]:
    """Every decision of many companies' lives, beside the world right after it."""
    for seed in range(LIVES):
        world, maker = World(), Maker(seed)
        for kind, what in maker.steps(50):
            yield world, world.mail(what) if kind == "mail" else world.wait(what)


def test_every_sequence_of_mails_and_timers_keeps_the_promises() -> None:
    """The journal replays to the row; P2 and P3 never broadcast; every announced open P0 or P1 has a next update
    timer; one mail per person and event; a timer that fired does not fire again for the same reason."""
    for world, made in lives():
        for decision in made:
            check_decision(decision)
        check_issues(world)


def test_the_journal_replays_to_the_row() -> None:
    """`issue = evolve(issue, event)`, also after the events have been stored and read again."""
    for world in {id(world): world for world, _ in lives()}.values():
        replayed: dict[int, Issue] = {}
        for event in world.journal:
            if event.issue:
                replayed[event.issue] = evolve(replayed.get(event.issue), codec.load(codec.dump(event)))
        assert replayed == world.snapshot.issues
        assert all(codec.load(codec.dump(issue)) == issue for issue in replayed.values())


def test_the_random_lives_reach_every_event_and_mail() -> None:
    """A property over sequences that never get anywhere would prove nothing."""
    reached, mails = set(), set()
    for world, made in lives():
        reached |= {type(e) for e in world.journal}
        mails |= {draft.template for d in made for draft in d.drafts}
    kinds = {
        k
        for k in vars(events).values()
        if isinstance(k, type) and issubclass(k, events.Event) and k is not events.Event
    }
    assert kinds - reached == set()
    assert len(mails) > 25, sorted(mails)


def check_decision(decision: Decision) -> None:
    seen = set()
    for draft in decision.drafts:
        if isinstance(draft.to, Audience):
            assert draft.to.priority.urgent, "a broadcast about a P2 or P3"
        key = (draft.template, draft.to)
        assert key not in seen, f"the same mail twice: {key}"
        seen.add(key)


def check_issues(world: World) -> None:
    for issue in world.snapshot.issues.values():
        running = clocks(issue, POLICY)
        if issue.state is State.OPEN and issue.current is not None and issue.current.urgent:
            assert issue.announced, f"#{issue.number} is an open {issue.current} and not announced"
        if issue.live and issue.announced:
            assert running.get("update"), f"#{issue.number} is announced and has no next update"
        if issue.state is State.DRAFT:
            assert "lapse" in running
        if not issue.live:
            assert not running, "a closed issue has clocks"


def test_nothing_without_evidence_moves_priority_status_or_role() -> None:
    """R5: "Nothing unauthenticated moves priority, status, role or list membership"."""
    forger = Maker(7)
    for seed in range(LIVES):
        world, maker = World(), Maker(seed)
        for kind, what in maker.steps(12):
            world.mail(what) if kind == "mail" else world.wait(what)
        for _ in range(20):
            kept = dict(world.snapshot.issues)
            made = world.mail([dataclasses.replace(i, evidence=sure(Level.E0)) for i in forger.intents()])
            for number, issue in kept.items():
                now = world.snapshot.issues[number]
                assert (now.state, now.current, now.owner, now.announced) == (
                    issue.state,
                    issue.current,
                    issue.owner,
                    issue.announced,
                )
            assert not any(
                isinstance(e, events.SubscriberJoined | events.SubscriberLeft) for d in made for e in d.events
            )
            assert not any(isinstance(draft.to, Audience) for d in made for draft in d.drafts)


def test_life_of_an_issue_is_one_table() -> None:
    """The life of an issue is one table, TRANSITIONS; all pairs of state and event are either in it or impossible."""
    kinds = [
        k
        for k in vars(events).values()
        if isinstance(k, type) and issubclass(k, events.Event) and k is not events.Event
    ]
    samples = {k: _sample(k) for k in kinds if k not in (ReportFiled, events.SubscriberJoined, events.SubscriberLeft)}
    for state, (kind, event) in itertools.product(State, samples.items()):
        issue = Issue(number=1, reporter=BOB, headline="x", opened_at=NOW, state=state)
        if (state, kind) in TRANSITIONS:
            assert evolve(issue, event).state is TRANSITIONS[state, kind]
        else:
            with pytest.raises(Impossible):
                evolve(issue, event)


def _sample(kind: type[events.Event]) -> events.Event:
    values: dict[str, Any] = {
        "before": None, "after": Priority.P1, "reason": "r", "text": "t", "triager": SARA, "due": NOW,
        "next_update_at": NOW,
        "headline": "h", "address": BOB, "what": "accepted",
    }  # fmt: skip
    wanted = {f.name: values[f.name] for f in dataclasses.fields(kind) if f.name in values}
    if kind is events.AnswersGiven:
        wanted |= {"before": {}, "after": {"what": "new"}}
    return kind(issue=1, at=NOW, by=SARA, **wanted)


def test_every_intent_has_a_row_of_who_may() -> None:
    """Section 3.4: the table is data in the code; no intent is without a row."""
    kinds = {k for k in vars(want).values() if isinstance(k, type) and issubclass(k, Intent) and k is not Intent}
    assert kinds - set(acts.ACTS) == {want.Ask, want.TimerFired}


def test_intents_survive_being_stored() -> None:
    """Frozen actions have a tagged JSON form with a format number."""
    maker = Maker(1)
    for _ in range(500):
        intent = maker.intent()
        assert codec.load(codec.dump(intent)) == intent
