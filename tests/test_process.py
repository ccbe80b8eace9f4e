"""The process as a pure function: properties that hold for every sequence of mails and timers, and all pairs of its
life."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from triagemail.process import acts, codec, desk, duty, events, model
from triagemail.process import intents as want
from triagemail.process.clocks import clocks, desk_clocks, set_back
from triagemail.process.decide import after, decide, decide_all
from triagemail.process.events import Audience, Decision, ReportFiled
from triagemail.process.intents import Intent, Snapshot, Undo
from triagemail.process.life import TRANSITIONS, Impossible, evolve, evolve_desk
from triagemail.process.model import (
    UNDECIDED,
    Absence,
    Desk,
    Evidence,
    Issue,
    Kind,
    Level,
    Policy,
    Priority,
    PriorityRule,
    Question,
    RunningDispute,
    State,
    Wishes,
)

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SARA, CARL, BOB, ANNA, EVE, VERA, VICTOR, CONNY = (
    f"{name}@acme.example" for name in ("sara", "carl", "bob", "anna", "eve", "vera", "victor", "conny")
)
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
    authority=(VERA, VICTOR),
    confirmers=(CONNY,),
    page=("pager@acme.example",),
    operator="ops@acme.example",
    areas={"billing": "Billing", "shop": "The shop"},
    web_url="https://board.acme.example",
)
FULL = {"what": "It is down.", "expected": "Up.", "see": "Look.", "affected": "All."}


def sure(level: Level) -> Evidence:
    return Evidence(level, "test")


class Maker:
    """Random mails of all roles. A seed gives the same company life each time; hypothesis alone hardly gets past the
    first report."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.words = [*MAIN, *self.chance.sample(sorted(set(WORDS), key=str), 12)]  # each company has its favourites

    def intents(self) -> list[Intent]:
        first = self.intent()
        more = self.chance.choice([0] * 8 + [1, 2])
        return [first, *(dataclasses.replace(self.intent(), by=first.by) for _ in range(more))]

    def intent(self) -> Intent:
        pick = self.chance.choice
        kind = pick(self.words)
        level = pick([Level.E0, *[Level.E2] * 9])
        person = pick([SARA, SARA, SARA, BOB, BOB, ANNA, CARL, EVE, VERA, CONNY])
        if kind in LIKELY and self.chance.random() < 0.7:
            person = pick(LIKELY[kind])
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
            yield ("mail", None) if self.chance.random() < 0.75 else ("wait", self.chance.choice(WAITS))

    def plausible(self, world: World) -> list[Intent]:
        """Mostly a mail that has an effect in this world: people do answer what they were asked."""
        if self.chance.random() < 0.4 and (asked := self.asked(world)):
            return [self.chance.choice(asked)]
        tries = [self.intents() for _ in range(self.chance.choice([1, 12, 12, 12]))]
        return next((wanted for wanted in tries if world.would(wanted)), tries[0])

    def asked(self, world: World) -> list[Intent]:
        """Answers to what is waited for."""
        found: list[Intent] = []
        value = self.value
        for number, issue in world.snapshot.issues.items():
            believed: dict[str, Any] = {"evidence": sure(Level.E2), "issue": number}
            if issue.state is State.TRIAGE and issue.reported is not None:
                found.append(want.SetPriority(by=SARA, priority=Priority.P1, reason="so it is", **believed))
            if issue.state is State.OPEN and issue.decided_by == SARA and not issue.disputes:
                found.append(want.Dispute(by=BOB, reason="no", priority=value("priority"), **believed))
            if issue.dispute is not None:
                hands = [want.Throw(by=who, hand=value("hand"), **believed) for who in issue.dispute.asked]
                ruler = issue.dispute.asked[0]
                ruling = want.SetPriority(by=ruler, priority=Priority.P1, reason="so it is", **believed)
                found += hands if issue.dispute.policy == "rock-paper-scissors" else [ruling]
            if issue.state is State.VALIDATING:
                found.append(want.DefineExpected(by=SARA, text="so", **believed))
            if issue.remediation and issue.live:
                found.append(want.EndRemediation(by=CONNY, how=value("how"), text="they try again", **believed))
            if issue.remediations and issue.state in (State.OPEN, State.RESOLVED):
                found.append(want.Reopen(by=SARA, **believed))
                found.append(want.Resolve(by=SARA, text="done", **believed))
            if issue.unverified:
                found.append(want.Comment(by=issue.reporter, text="yes", **believed))
        return found


WAITS = [-65, 1, 1, 6, 6, 16, 16, 26, 31, 31, 65, 65, 250, 600, 1500, 3000, 12000, 50000]  # minutes
WORDS = [
    want.FileReport, want.FillIn, want.Agree, want.SetPriority, want.SetPriority, want.Decline, want.Withdraw,
    want.NameOwner, want.TakeOwnership, want.SendUpdate, want.SendUpdate, want.SetNextUpdate, want.SetHeadline,
    want.SetDoc,
    want.Resolve, want.Resolve, want.Reopen, want.Reopen, want.Comment, want.Subscribe, want.Unsubscribe, want.Ask,
    want.NearMiss, want.Dispute, want.Dispute, want.Dispute, want.Throw, want.Throw, want.SetKind, want.DefineExpected,
    want.DefineExpected, want.SetArea, want.RefuseOwnership, want.MarkDuplicate, want.BookCall, want.AddBandAid,
    want.FinishBandAid, want.Remediate, want.Remediate, want.EndRemediation, want.TakeDuty, want.GoAway,
    want.GiveFeedback, want.UndoLast, want.UndoLast, want.Digest, want.Pause, want.Resume, want.TriagerUnreachable,
    want.Note, want.MailReturned, want.ProbeOver, want.HeardFrom, want.ReportHeld, want.Speak,
]  # fmt: skip
MAIN = [want.Agree, want.SetPriority, want.SetPriority, want.NameOwner, want.Resolve, want.Reopen]
LIKELY: dict[type[Intent], list[str]] = {
    want.Dispute: [BOB], want.Throw: [BOB, SARA], want.Withdraw: [BOB], want.TakeOwnership: [ANNA, SARA],
    want.RefuseOwnership: [ANNA, BOB], want.Remediate: [SARA], want.EndRemediation: [CONNY, SARA],
    want.SetKind: [SARA], want.DefineExpected: [SARA], want.TriagerUnreachable: [SARA, CARL],
    want.MailReturned: [SARA, CARL, VERA, VICTOR, ANNA],
    want.MarkDuplicate: [SARA, BOB], want.UndoLast: [SARA, BOB], want.AddBandAid: [SARA], want.FinishBandAid: [SARA],
    want.Agree: [SARA, CONNY], want.SetPriority: [SARA, SARA, BOB, VERA, CONNY], want.NameOwner: [SARA],
    want.Resolve: [SARA, ANNA], want.Decline: [SARA], want.SendUpdate: [SARA, ANNA], want.SetNextUpdate: [SARA, ANNA],
    want.GoAway: [SARA, CARL], want.TakeDuty: [SARA, CARL],
}  # fmt: skip
VALUES: dict[str, list[Any]] = {
    "headline": ["Website is down", ""],
    "answers": [FULL, {"what": "It is down."}, {"see": "there"}, {}],
    "priority": [*Priority, None],
    "reason": ["", "because it is so", "because it is so"],
    "text": ["", "It is being fixed.", "It is being fixed.", "x " * 900],
    "correction": [False, False, True],
    "owner": [ANNA, ANNA, BOB, SARA, CARL],
    "after": [timedelta(minutes=m) for m in (-5, 0, 10, 45, 300)] + [None],
    "clock": [(10, 30), None],
    "broadcast_reply": [True, False],
    "by_number": [False, False, True],
    "unasked": [True, False],
    "what": ["help", "status", "list", "process", "template", "board", "backlog"],
    "hand": ["rock", "paper", "scissors"],
    "kind": list(Kind),
    "area": ["billing", "shop", ""],
    "of": [1, 2, 3],
    "which": [None, None, 1, 2],
    "how": ["retry", "not-worth-it"],
    "to": ["", "", SARA, CARL, BOB],
    "day": [(12, 3), (2, 29), None],
    "year": [None, None, 2027],
    "follow": [None, None, 1, 2],
    "mute": [None, None, 1, 2],
    "behalf": ["", "", BOB],
    "via": ["", "phone"],
    "said": ["agre"],
    "meant": ["agree"],
    "language": ["de", "fr"],
    "url": ["https://docs.acme.example"],
    "meaning": ["hard", "hard", "soft", "content", "delayed", ""],
}
FIELDS: dict[type[Intent], tuple[str, ...]] = {
    kind: tuple(f.name for f in dataclasses.fields(kind) if f.name in VALUES) for kind in set(WORDS)
}  # fmt: skip


class World:
    """Decides one step after another, and remembers the journal and every mail."""

    def __init__(self, policy: Policy = POLICY) -> None:
        self.policy = policy
        self.snapshot = Snapshot(next_number=1)
        self.now = NOW
        self.journal: list[events.Event] = []
        self.last: Undo | None = None
        self.wished: dict[str, Wishes] = {ANNA: Wishes()}  # who is on the list, or follows an issue
        self._keep([duty.open_desk(NOW)])

    def mail(self, wanted: list[Intent]) -> list[Decision]:
        wanted = [dataclasses.replace(i, sent_at=self.now) for i in wanted]
        before = self._look(wanted[0].by)
        made = [d for _, d in decide_all(before, wanted, self.now, self.policy)]
        self._keep(made)
        self._remember(before, made, wanted[0].by)
        return made

    def would(self, wanted: list[Intent]) -> bool:
        """Whether anything would come of these intents."""
        made = decide_all(self._look(wanted[0].by), wanted, self.now, self.policy)
        return any(e for _, d in made for e in d.events if not isinstance(e, events.Commented))

    def _look(self, by: str) -> Snapshot:
        """What the store would add for a mail of this person."""
        issues = self.snapshot.issues.values()
        hour_ago = self.now - timedelta(hours=1)
        fresh = [i for i in issues if i.live and i.announced_at is not None and i.announced_at >= hour_ago]
        alarm = next((i for i in fresh if i.current is Priority.P0), None)
        return dataclasses.replace(
            self.snapshot,
            urgent=tuple(i for i in issues if i.live and i.urgent),
            waiting=tuple(i for i in issues if i.state in UNDECIDED and not i.urgent),
            since_review=tuple(issues),
            alarm=alarm,
            p1_this_week=sum(1 for i in issues if i.priority is Priority.P1),
            wishes=self.wishes_of(by),
            undo=self.last,
        )

    def wishes_of(self, who: str) -> Wishes | None:
        wished = self.wished.get(who)
        return wished if wished is not None and (wished.member or wished.issues) else None

    def _remember(self, before: Snapshot, made: list[Decision], by: str) -> None:
        happened = [e for d in made for e in d.events]
        if not happened or any(isinstance(e, events.Undone) for e in happened):
            return
        touched = dict.fromkeys(e.issue for e in happened if e.issue)
        pairs = tuple((before.issues.get(n), self.snapshot.issues[n]) for n in touched)
        joined = tuple(e.address for e in happened if isinstance(e, events.SubscriberJoined))
        left = tuple(e.address for e in happened if isinstance(e, events.SubscriberLeft))
        wishes = tuple((e.address, e.before, e.after) for e in happened if isinstance(e, events.WishesSet))
        self.last = Undo("m", by, self.now, pairs, joined, left, wishes)

    def _keep(self, made: list[Decision]) -> None:
        for decision in made:
            self.journal += decision.events
            self.snapshot = after(self.snapshot, decision.events)
            self._wish(decision.events)

    def _wish(self, happened: Iterable[events.Event]) -> None:
        """The list, as the store keeps it."""
        for event in happened:
            match event:
                case events.SubscriberJoined(address=who):
                    self.wished[who] = dataclasses.replace(self.wished.get(who, Wishes()), member=True)
                case events.SubscriberLeft(address=who):
                    self.wished[who] = dataclasses.replace(self.wished.get(who, Wishes()), member=False)
                case events.WishesSet(address=who, after=wished):
                    self.wished[who] = wished

    def wait(self, minutes: int) -> list[Decision]:
        """Time passes; each due timer fires once, the earliest first."""
        self.now += timedelta(minutes=minutes)
        fired: list[Decision] = []
        for _ in range(60):
            due = sorted(
                (at, number, name)
                for number, running in self.running().items()
                for name, at in running.items()
                if at <= self.now
            )
            if not due:
                return fired
            at, number, name = due[0]
            timer = want.TimerFired(by="", evidence=sure(Level.E3), issue=number or None, timer=name, due=at)
            decision = decide(self._look(""), timer, self.now, self.policy)
            assert decision.events, f"the timer {name} fired and nothing happened: it would fire for ever"
            self._keep([decision])
            fired.append(decision)
        raise AssertionError(f"timers do not come to rest: {due}")

    def jump(self, minutes: int) -> list[Decision]:
        """The wall clock is set; whatever is due by it fires."""
        self.now += timedelta(minutes=minutes)
        if minutes < 0:
            issues, span = list(self.snapshot.issues.values()), timedelta(minutes=-minutes)
            self._keep([set_back(issues, self.snapshot.desk, span, self.now)])
        return self.wait(0)

    def running(self) -> dict[int, Mapping[str, datetime]]:
        assert self.snapshot.desk is not None
        today = duty.present(self.policy, self.snapshot.desk, self.now)
        found = {number: clocks(issue, today) for number, issue in self.snapshot.issues.items()}
        return {0: desk_clocks(self.snapshot.desk, today), **found}


def company(seed: int) -> Policy:
    """Every company has agreed on its own rules."""
    return dataclasses.replace(
        POLICY,
        dispute=("triager", "hierarchy", "reporter", "rock-paper-scissors")[seed % 4],
        confirmers=(CONNY,) if seed % 3 else (),
        authority=(VERA, VICTOR) if seed % 5 or seed % 4 == 1 else (),
    )


LIVES = 250


def lives() -> Iterator[tuple[World, list[Decision]]]:
    """Every decision of many companies' lives, beside the world right after it."""
    for seed in range(LIVES):
        world, maker = World(company(seed)), Maker(seed)
        for kind, what in maker.steps(50):
            yield world, step(world, maker, kind, what)


def step(world: World, maker: Maker, kind: str, what: Any) -> list[Decision]:
    if kind == "wait":
        return world.wait(what) if what > 0 else world.jump(what)
    return world.mail(what or maker.plausible(world))


@functools.cache
def lived() -> tuple[list[World], set[str]]:
    """The worlds at the end of all lives, checked after every step, and the templates of all mails."""
    worlds: dict[int, World] = {}
    mails: set[str] = set()
    for world, made in lives():
        for decision in made:
            check_decision(decision)
            mails |= {draft.template for draft in decision.drafts}
        check_issues(world)
        worlds[id(world)] = world
    return list(worlds.values()), mails


def test_every_sequence_of_mails_and_timers_keeps_the_promises() -> None:
    """P2, P3 and features never broadcast; every announced open P0 or P1 has a next update timer; a dispute has a
    deadline; one mail per person and event; a timer that fired does not fire again for the same reason."""
    worlds, _ = lived()
    assert len(worlds) == LIVES


def test_the_journal_replays_to_the_row() -> None:
    """`issue = evolve(issue, event)`, also after the events have been stored and read again."""
    for world in lived()[0]:
        replayed: dict[int, Issue] = {}
        desk: Desk | None = None
        for event in world.journal:
            stored = codec.load(codec.dump(event))
            if event.issue:
                replayed[event.issue] = evolve(replayed.get(event.issue), stored)
            else:
                desk = evolve_desk(desk, stored)
        assert replayed == world.snapshot.issues
        assert desk == world.snapshot.desk
        assert all(codec.load(codec.dump(issue)) == issue for issue in replayed.values())
        assert codec.load(codec.dump(desk)) == desk


def test_the_random_lives_reach_every_event_and_mail() -> None:
    """A property over sequences that never get anywhere would prove nothing."""
    worlds, mails = lived()
    reached = {type(e) for world in worlds for e in world.journal}
    kinds = {
        k
        for k in (*vars(events).values(), *vars(desk).values())
        if isinstance(k, type) and issubclass(k, events.Event) and k is not events.Event
    }
    assert kinds - reached == set()
    assert len(mails) > 50, sorted(mails)


def test_no_state_is_a_dead_end() -> None:
    """No reachable state is a dead end: some command of the triager, or of whoever is asked, always leads on."""
    for world in lived()[0]:
        for number, issue in world.snapshot.issues.items():
            if issue.continued_as is not None:  # it goes on there
                continue
            who: dict[str, Any] = {"by": SARA, "evidence": sure(Level.E2), "issue": number}
            ways: list[Intent] = (
                [want.Decline(**who, reason="no")] if issue.live else [want.Reopen(**who, reason="again")]
            )
            for asked in issue.dispute.asked if issue.dispute is not None else ():
                who |= {"by": asked}
                ways += [want.SetPriority(**who, priority=Priority.P1, reason="so"), want.Throw(**who, hand="rock")]
            tried = [decide(world._look(SARA), way, world.now, world.policy) for way in ways]
            assert any(d.events for d in tried), f"#{number} in {issue.state}: nothing leads on"


def check_decision(decision: Decision) -> None:
    seen = set()
    for draft in decision.drafts:
        if isinstance(draft.to, Audience):
            assert draft.to.priority.urgent, "a broadcast about a P2 or P3"
        key = (draft.template, draft.to, draft.issue)
        assert key not in seen, f"the same mail twice: {key}"
        seen.add(key)


def check_issues(world: World) -> None:
    for issue in world.snapshot.issues.values():
        running = clocks(issue, world.policy)
        if issue.state is State.OPEN and issue.urgent:
            assert issue.announced, f"#{issue.number} is an open {issue.current} and not announced"
        if issue.live and issue.announced:
            assert running.get("update"), f"#{issue.number} is announced and has no next update"
            assert issue.urgent, "a P2, P3 or feature is announced"
        if issue.state is State.DRAFT:
            assert "lapse" in running
        if issue.dispute is not None:
            assert "dispute" in running, "a dispute that never ends"
        elif not issue.live:
            assert not running, "a closed issue has clocks"


def test_nothing_without_evidence_moves_priority_status_or_role() -> None:
    """R5: "Nothing unauthenticated moves priority, status, role or list membership"."""
    forger = Maker(7)
    for seed in range(LIVES):
        world, maker = World(), Maker(seed)
        for kind, what in maker.steps(12):
            step(world, maker, kind, what)
        for _ in range(20):
            kept = dict(world.snapshot.issues)
            said = [i for i in forger.intents() if not isinstance(i, want.TriagerUnreachable)]  # it needs our token
            made = world.mail([dataclasses.replace(i, evidence=sure(Level.E0)) for i in said]) if said else []
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
        for k in (*vars(events).values(), *vars(desk).values())
        if isinstance(k, type) and issubclass(k, events.Event) and k is not events.Event
    ]
    samples = {k: _sample(k) for k in kinds if k in {kind for _, kind in TRANSITIONS}}
    of_the_list = {events.SubscriberJoined, events.SubscriberLeft, events.WishesSet, events.LanguageSet}
    of_the_desk = {k for k in kinds if evolve_desk(None if k is desk.DeskOpened else DESK, _sample(k)) != DESK}
    assert set(kinds) - set(samples) - of_the_list - of_the_desk == {ReportFiled, events.Undone}
    for state, (kind, event) in itertools.product(State, samples.items()):
        issue = Issue(number=1, reporter=BOB, headline="x", opened_at=NOW, state=state)
        if (state, kind) in TRANSITIONS:
            assert evolve(issue, event).state is TRANSITIONS[state, kind]
        else:
            with pytest.raises(Impossible):
                evolve(issue, event)


DESK = Desk(
    opened_at=NOW - timedelta(days=1),
    absent=(Absence(CARL, NOW - timedelta(hours=1)),),
    flood_at=NOW - timedelta(days=2),
)


def _sample(kind: type[events.Event]) -> events.Event:
    """An event of this kind; what it holds is of the right type, and matters to nothing here."""
    values: dict[str, Any] = {
        "datetime": NOW, "timedelta": timedelta(hours=1), "str": "x", "int": 1, "bool": False, "Priority": Priority.P1,
        "RunningDispute": A_DISPUTE, "Issue": Issue(number=1, reporter=BOB, headline="x", opened_at=NOW),
        "Wishes": Wishes(), "tuple": (),
        "Mapping": {}, "triager": CARL,
    }  # fmt: skip
    wanted = {}
    for each in dataclasses.fields(kind):
        name = str(each.type).partition(" ")[0].partition("[")[0]
        if each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING:
            wanted[each.name] = values.get(each.name, values[name])
    return kind(**wanted)


A_DISPUTE = RunningDispute(BOB, SARA, "triager", Priority.P0, Priority.P2, "why", NOW, NOW)


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


def test_stored_values_are_told_apart_by_their_names() -> None:
    """A tagged JSON form: no two classes of the process share a name."""
    rooms = (model, want, events)
    named = {(name, kind) for room in rooms for name, kind in vars(room).items() if dataclasses.is_dataclass(kind)}
    assert len(named) == len({name for name, _ in named})


def test_an_altered_issue_is_what_replace_makes_of_it() -> None:
    """An event makes a new issue of an old one: `altered` is `dataclasses.replace` for it, and the old one stays as it
    was; a field that it has not is a mistake."""
    issue = model.Issue(1, "bob@acme.example", "Checkout is blank", datetime(2026, 11, 23, 9, 0, tzinfo=UTC))
    wanted: dict[str, Any] = {"headline": "Search is blank", "missed": 2}
    assert model.altered(issue, wanted) == dataclasses.replace(issue, **wanted)
    assert issue.headline == "Checkout is blank"
    with pytest.raises(TypeError, match="an issue has no head"):
        model.altered(issue, {"head": "x"})
