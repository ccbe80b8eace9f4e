"""The state matrix: every command in every scene of tests/scenes.py, from everybody, once and twice
(process.md 1 to 9).

What a person may change is said here once more, from the tables of process.md and not from the code's own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from scenes import EVERYBODY, JOE, OTTO, P0, P1, P2, P3, SCENES, TINA, UNKNOWN, Scene
from test_process import ANNA, BOB, CARL, FULL, SARA, World, check_decision, check_issues, sure
from texts import CODES

from triagemail.mail import compose, samples
from triagemail.process import desk as befell
from triagemail.process import events as did
from triagemail.process import intents as want
from triagemail.process.decide import ISSUE_ACTS
from triagemail.process.events import Audience, Decision, Draft, Event, Outcome
from triagemail.process.intents import Intent
from triagemail.process.model import Kind, Level, Priority, State, Wishes

THIS, OTHER, NOTHING = -1, -2, 999  # numbers in a command: the scene's issue, another one, none
UNDECIDED = (State.DRAFT, State.TRIAGE, State.LAPSED)
Command = tuple[type[Intent], dict[str, Any]]

COMMANDS: dict[str, Command] = {
    "answers": (want.FillIn, {"answers": {"see": "Open the shop."}}),
    "answers and P0": (want.FillIn, {"answers": {"see": "Open the shop."}, "priority": P0}),
    "yes": (want.FillIn, {}),
    "prose": (want.Comment, {"text": "Any news?"}),
    "prose to the list": (want.Comment, {"text": "Any news?", "broadcast_reply": True}),
    "agree": (want.Agree, {}),
    **{f"{p}": (want.SetPriority, {"priority": p}) for p in Priority},
    **{f"{p} because": (want.SetPriority, {"priority": p, "reason": "it is so"}) for p in Priority},
    "decline": (want.Decline, {}),
    "decline: why": (want.Decline, {"reason": "works as agreed"}),
    "withdraw": (want.Withdraw, {}),
    "bug": (want.SetKind, {"kind": Kind.BUG}),
    "feature": (want.SetKind, {"kind": Kind.FEATURE}),
    "feature because": (want.SetKind, {"kind": Kind.FEATURE, "reason": "it never did this"}),
    "expected:": (want.DefineExpected, {}),
    "expected: text": (want.DefineExpected, {"text": "a dark mode"}),
    "area billing": (want.SetArea, {"area": "billing"}),
    "area moon": (want.SetArea, {"area": "moon"}),
    "duplicate": (want.MarkDuplicate, {"of": OTHER}),
    "duplicate of nothing": (want.MarkDuplicate, {"of": NOTHING}),
    "duplicate of itself": (want.MarkDuplicate, {"of": THIS}),
    "call": (want.BookCall, {}),
    "owner carl": (want.NameOwner, {"owner": CARL}),
    "owner anna": (want.NameOwner, {"owner": ANNA}),
    "mine": (want.TakeOwnership, {}),
    "not me": (want.RefuseOwnership, {"reason": "I do not know it"}),
    "dispute": (want.Dispute, {}),
    "dispute: why": (want.Dispute, {"reason": "nobody can pay"}),
    "dispute: P0, why": (want.Dispute, {"reason": "nobody can pay", "priority": P0}),
    "rock": (want.Throw, {"hand": "rock"}),
    "paper": (want.Throw, {"hand": "paper"}),
    "update:": (want.SendUpdate, {}),
    "update: text": (want.SendUpdate, {"text": "It is being fixed."}),
    "update: long": (want.SendUpdate, {"text": "long " * 200}),
    "correction: text": (want.SendUpdate, {"text": "It was the other one.", "correction": True}),
    "next update in 30 minutes": (want.SetNextUpdate, {"after": timedelta(minutes=30), "said": "in 30 minutes"}),
    "next update in 9 days": (want.SetNextUpdate, {"after": timedelta(days=9), "said": "in 9 days"}),
    "headline": (want.SetHeadline, {"headline": "Shop is down"}),
    "doc": (want.SetDoc, {"url": "https://docs.acme.example/1"}),
    "resolve:": (want.Resolve, {}),
    "resolve: text": (want.Resolve, {"text": "rolled back"}),
    "reopen": (want.Reopen, {}),
    "reopen: why": (want.Reopen, {"reason": "again"}),
    "band-aid": (want.AddBandAid, {"text": "restart it at noon"}),
    "done": (want.FinishBandAid, {}),
    "done 1": (want.FinishBandAid, {"which": 1}),
    "done 9": (want.FinishBandAid, {"which": 9}),
    "remediate": (want.Remediate, {}),
    "remediate P2: text": (want.Remediate, {"priority": P2, "text": "pay the fee back"}),
    "retry:": (want.EndRemediation, {"how": "retry"}),
    "retry: text": (want.EndRemediation, {"how": "retry", "text": "order again"}),
    "not worth it: text": (want.EndRemediation, {"how": "not-worth-it", "text": "one euro"}),
    "report": (want.FileReport, {"headline": "Shop is down", "answers": FULL, "priority": P1}),
    "report for somebody": (want.FileReport, {"headline": "Down", "answers": FULL, "priority": P2, "behalf": BOB}),
    "duty": (want.TakeDuty, {}),
    "duty carl": (want.TakeDuty, {"to": CARL}),
    "duty bob": (want.TakeDuty, {"to": BOB}),
    "away": (want.GoAway, {"after": timedelta(days=2), "said": "2 days"}),
    "away until no day": (want.GoAway, {"day": (2, 30), "said": "until 30 February"}),
    "out of office": (want.TriagerUnreachable, {}),
    "feedback": (want.GiveFeedback, {"text": "too many mails"}),
    "feedback:": (want.GiveFeedback, {}),
    "undo": (want.UndoLast, {}),
    "accepted": (want.Note, {"what": "accepted"}),
    "subscribe": (want.Subscribe, {}),
    "subscribe P0": (want.Subscribe, {"priority": P0}),
    "subscribe P3": (want.Subscribe, {"priority": P3}),
    "subscribe area:billing": (want.Subscribe, {"area": "billing"}),
    "subscribe area:moon": (want.Subscribe, {"area": "moon"}),
    "subscribe issue": (want.Subscribe, {"follow": THIS}),
    "subscribe nothing": (want.Subscribe, {"follow": NOTHING}),
    "unsubscribe": (want.Unsubscribe, {}),
    "unsubscribe issue": (want.Unsubscribe, {"mute": THIS}),
    "unsubscribe nothing": (want.Unsubscribe, {"mute": NOTHING}),
    "unsubscribe area:billing": (want.Unsubscribe, {"area": "billing"}),
    "unsubscribe area:moon": (want.Unsubscribe, {"area": "moon"}),
    "digest": (want.Digest, {}),
    "pause": (want.Pause, {"after": timedelta(days=14)}),
    "pause until no day": (want.Pause, {"day": (2, 30)}),
    "resume": (want.Resume, {}),
    "language": (want.Speak, {"language": "de"}),
    "yes to nothing": (want.Confirm, {}),
    "no to nothing": (want.Confirm, {"cancel": True}),
    **{
        f"{what}?": (want.Ask, {"what": what})
        for what in ("help", "template", "process", "status", "list", "board", "backlog")
    },
    "near miss": (want.NearMiss, {"said": "agre", "meant": "agree"}),
    "too many": (want.TooMany, {"count": 11}),
}

ANYBODY = frozenset({"anybody"})


def roles(names: str) -> frozenset[str]:
    return frozenset(names.split())


MAY: dict[type[Event], frozenset[str]] = {
    # 1, reporter: "report, fill in answers, pick the priority of their own report, withdraw it, dispute … comment"
    did.ReportFiled: ANYBODY,  # who may not report is held: `test_strangers_are_not_answered`
    did.ReporterBelieved: roles("reporter"),
    did.AnswersGiven: roles("reporter triager"),  # "… answer for a reporter"
    did.PriorityPicked: roles("reporter triager"),  # "may pick one for the reporter"; a remediation's starting priority
    did.RaiseAsked: roles("reporter triager"),  # a triager: the higher priority of a duplicate is kept
    did.IssueWithdrawn: roles("reporter"),
    did.WithdrawalAsked: roles("reporter"),
    did.DecisionDisputed: roles("reporter confirmer"),  # "on remediation, the confirmer"
    did.CallBooked: roles("reporter triager"),
    did.Commented: ANYBODY,
    # 1, triager: "agree or change a priority, decline, bug or feature, name an owner, set headline and area, …"
    did.PriorityDecided: roles("triager reporter confirmer asked player ruler owner"),  # see `limits`
    did.IssueDeclined: roles("triager"),
    did.TakenAsFeature: roles("triager"),
    did.TakenAsBug: roles("triager asked"),  # a ruling on what was taken for a feature
    did.ExpectedDefined: roles("triager"),
    did.OwnerNamed: roles("triager"),
    did.HeadlineSet: roles("triager"),
    did.AreaSet: roles("triager"),
    did.MarkedDuplicate: roles("triager reporter"),  # `same as #12`
    did.ReporterJoined: roles("triager reporter"),
    did.RemediationLinked: roles("triager"),
    did.TriagerAsked: roles("triager"),  # a triager who decides on a draft asks themselves
    # 1, owner: "send updates, resolve, say `mine` or `not me: why`"
    did.OwnerAccepted: roles("owner"),
    did.OwnershipRefused: roles("owner"),
    did.UpdateSent: roles("owner triager"),
    did.NextUpdateSet: roles("owner triager"),
    did.DocSet: roles("owner triager"),
    did.IssueResolved: roles("owner triager"),
    did.IssueReopened: roles("owner triager reporter asked"),  # asked: a decline that is overruled
    did.IssueContinued: roles("owner triager reporter"),
    did.BandAidAdded: roles("team owner triager"),  # "from any of the team"
    did.BandAidDone: roles("team owner triager"),
    # 1, authority and confirmer: "rule"; "confirm or contest a remediation's priority"
    did.DisputeEnded: roles("asked player reporter confirmer"),
    did.ThrowCast: roles("player"),
    did.RemediationEnded: roles("confirmer triager"),
    # 1 and 8: the desk and the review
    befell.DutyTaken: roles("triager"),
    befell.TriagerAway: roles("triager"),
    befell.TriagerBack: roles("triager"),
    befell.FeedbackGiven: ANYBODY,  # "from anyone at any time"
    befell.GuestInvited: roles("internal"),
    # 5: the list, a person's own wishes; answers that are recorded
    did.SubscriberJoined: roles("internal triager owner"),
    did.SubscriberLeft: ANYBODY,
    did.WishesSet: ANYBODY,
    did.LanguageSet: ANYBODY,
    did.StatusAnswered: ANYBODY,
    did.Noted: ANYBODY,
    did.Undone: ANYBODY,  # one's own decision only
}
BY_ITSELF = (
    did.IssueAnnounced, did.DisputeEnded, did.DisputeHandedOn, did.TriagerAsked, did.RemediationStarted,
    did.RemediationResumed, did.RemediationPaused, did.PriorityDecided, did.NextUpdateSet, befell.BudgetTold,
    befell.TriagerAway,
)  # fmt: skip
"""What the service does because of it: no person is named as who did it."""

FOR_ANOTHER = (did.ReportFiled, did.Commented, did.PriorityDecided, did.DisputeEnded)
"""Events in the name of somebody else: who it was reported for, whose report was joined, who won the game."""

SILENT = {
    "prose": "text travels, and is answered by people", "accepted": "recorded in silence",
    "prose to the list": "who takes part is no reader of the list", "out of office": "a program",
}  # fmt: skip
AGAIN = {
    "prose": "no word is lost", "prose to the list": "no word is lost", "accepted": "recorded, each",
    "language": "no decision looks at languages: what was wished before, only the store knows",
    "report": "two reports may well be two; `duplicate` joins them", "report for somebody": "the same",
    "rock": "after a tie it is the next throw", "paper": "the same",
}  # fmt: skip
BESIDE = {
    "triage": "is asked to decide", "closing": "has an invite", "thanks": "has an invite", "review-invite": "an invite",
    "joined": "begins the other issue's thread", "remediation": "is about the other issue", "throw": "asks again",
    "ruled": "shows both throws", "call": "an invite",
}  # fmt: skip
"""Mails to the sender of a command beside its answer, and why they are no second answer."""


@dataclass(frozen=True)
class Cell:
    """One command of one person in one scene: what was decided, and the company after it."""

    scene: Scene
    by: str
    label: str
    intent: Intent
    world: World
    made: list[Decision]

    @property
    def happened(self) -> list[Event]:
        return [event for decision in self.made for event in decision.events]

    @property
    def outcomes(self) -> list[Outcome]:
        return [outcome for decision in self.made for outcome in decision.outcomes]

    @property
    def drafts(self) -> list[Draft]:
        return [draft for decision in self.made for draft in decision.drafts]

    @property
    def held(self) -> bool:
        return any(decision.held for decision in self.made)

    def __str__(self) -> str:
        return f"{self.scene.name}: {self.label} of {self.by}"


def intent_of(scene: Scene, by: str, label: str, number: int | None = THIS) -> Intent:
    kind, values = COMMANDS[label]
    numbers = {THIS: scene.number, OTHER: scene.other}
    named: dict[str, Any] = {k: numbers.get(v, v) if k in ("of", "follow", "mute") else v for k, v in values.items()}
    return kind(by=by, evidence=sure(Level.E2), issue=scene.number if number == THIS else number, **named)


def unread(scene: Scene, by: str, label: str) -> bool:
    """Answers are read as such in reports that are open (`reading._filled`), and a priority among them, or a plain
    `yes`, from who reported only."""
    own = "reporter" in scene.roles[by]
    if label not in ("answers", "answers and P0", "yes"):
        return False
    if scene.issue.state not in UNDECIDED or scene.issue.remediation:
        return True
    return not (own or (label == "answers" and "triager" in scene.roles[by])) or (
        label == "yes" and not scene.issue.unverified
    )


@functools.cache
def cells(name: str) -> tuple[Cell, ...]:
    """All cells of a scene, each from the same start."""
    scene = SCENES[name]()
    made = []
    for by in EVERYBODY:
        for label in (label for label in COMMANDS if not unread(scene, by, label)):
            world, intent = scene.copy(), intent_of(scene, by, label)
            made.append(Cell(scene, by, label, intent, world, world.mail([intent])))
    return tuple(made)


everywhere: Callable[..., Any] = pytest.mark.parametrize("name", SCENES)


# --- what the matrix holds --------------------------------------------------------------------------------------------


def test_the_matrix_has_every_state_and_every_command() -> None:
    """Every command that a mail can lead to, in every state of an issue; a new one fails here until it has a place."""
    kinds = {k for k in vars(want).values() if isinstance(k, type) and issubclass(k, Intent)}
    # no words of anybody; they touch no issue
    of_readers = {want.MailReturned, want.ProbeOver, want.HeardFrom, want.ReportHeld}
    assert kinds - {kind for kind, _ in COMMANDS.values()} == {Intent, want.TimerFired} | of_readers
    issues = [make().issue for make in SCENES.values()]
    assert {issue.state for issue in issues} == set(State)
    assert {issue.state for issue in issues if issue.dispute} == {
        State.TRIAGE, State.OPEN, State.VALIDATING, State.DECLINED,
    }  # fmt: skip
    assert {issue.state for issue in issues if issue.remediation} == {
        State.WAITING, State.TRIAGE, State.OPEN, State.RESOLVED,
    }  # fmt: skip
    happened = {type(event) for name in SCENES for cell in cells(name) for event in cell.happened}
    assert set(MAY) - happened == {did.Undone}, "what nobody in the matrix ever does is not tested by it"


# --- once -------------------------------------------------------------------------------------------------------------


@everywhere
def test_each_command_has_one_clear_answer(name: str) -> None:
    """Process.md 9: "one reply lists the result of each"; "prose never is answered with "unknown command""."""
    for cell in cells(name):
        mine = [draft for draft in cell.drafts if draft.to == cell.by]
        answers = [draft.template for draft in mine if draft.template not in BESIDE]
        threads = {draft.issue for draft in mine if draft.template not in BESIDE}
        assert len(answers) == len(threads), f"{cell}: {answers}"
        assert answers.count("receipt") <= 1, f"{cell}: {answers}"
        assert mine or cell.label in SILENT or cell.held, f"{cell}: no answer"
        for decision in cell.made:
            check_decision(decision)
        check_issues(cell.world)


@everywhere
def test_nobody_changes_what_is_not_theirs(name: str) -> None:
    """Process.md 1, "may": the independent table above."""
    for cell in cells(name):
        for event in cell.happened:
            if event.by == cell.by:
                may = MAY[type(event)]
                assert may == ANYBODY or may & cell.scene.roles[cell.by], f"{cell}: {event}"
                assert within_limits(cell, event), f"{cell}: {event}"
            else:
                assert isinstance(event, BY_ITSELF if event.by == "" else FOR_ANOTHER), f"{cell}: {event}"


def within_limits(cell: Cell, event: Event) -> bool:
    """What the table cannot say: a reporter decides on a lower priority only, an owner on none but the reported one
    (`resolve` before anybody agreed), a confirmer on remediations; a dispute is decided by who was asked and a ruling
    changed by who ruled, "unless `P0 because …` names new facts"."""
    issue, mine = cell.scene.issue, cell.scene.roles[cell.by]
    if isinstance(event, did.Undone):
        return False
    if not isinstance(event, did.PriorityDecided) or event.issue != cell.scene.number:
        return True
    if isinstance(cell.intent, want.Resolve):
        return event.after == issue.reported
    facts = event.after is P0 and event.reason != "" and not issue.remediation
    if issue.dispute is not None:
        return bool(mine & {"asked", "player"}) or (facts and "triager" in mine)
    ruled = any("ruler" in found for found in cell.scene.roles.values())
    if ruled and "ruler" not in mine:
        return facts
    lower = issue.priority is not None and event.after > issue.priority
    won = any(isinstance(each, did.DisputeEnded) and each.how == "reporter" for each in cell.happened)
    return bool(mine & {"triager", "ruler", "confirmer"}) or ("reporter" in mine and (lower or won))


@everywhere
def test_without_evidence_nothing_moves(name: str) -> None:
    """trust.md A1, A9: "no evidence -> no state change": a mail that only claims to be from somebody is kept, asked
    back about once, or refused; an out-of-office is believed by our own token (`worker._look_for_absence`)."""
    scene = SCENES[name]()
    for by in EVERYBODY:
        for label in (label for label in COMMANDS if label != "out of office"):
            world = scene.copy()
            intent = replace(intent_of(scene, by, label), evidence=sure(Level.E0))
            made = world.mail([intent])
            kept = {type(event) for decision in made for event in decision.events if event.issue != scene.other + 1}
            assert kept <= {did.Commented, did.Noted, befell.FeedbackGiven}, f"{scene.name}: {label} of {by}: {kept}"
            asked = [draft for each in made for draft in each.drafts if draft.template == "confirm"]
            assert len(asked) == any(decision.freeze for decision in made), f"{scene.name}: {label} of {by}"
            before, after = scene.issue, world.snapshot.issues[scene.number]
            assert replace(before, touched_at=None) == replace(after, touched_at=None)


def sentence(outcome: Outcome, issue: Any, world: World) -> str:
    """The receipt that says it."""
    made = compose.compose(
        "receipt", language="en", issue=issue, policy=world.policy, values={"outcomes": (outcome,), "undo": None},
        now=world.now, to=SARA, reply_to=samples.REPLY_TO,
    )  # fmt: skip
    assert made.problem == "", outcome
    return " ".join(made.text.split())


def test_every_outcome_has_a_sentence() -> None:
    """Process.md 9: a refused command "gets one clear reply that says what would work"."""
    said: dict[tuple[Any, ...], tuple[Outcome, Cell]] = {}
    for cell in (cell for name in SCENES for cell in cells(name)):
        for outcome in cell.outcomes:
            said.setdefault((outcome.code, outcome.ok, *sorted(outcome.values), cell.scene.name), (outcome, cell))
    assert {outcome.code for outcome, _ in said.values()} <= CODES
    for outcome, cell in said.values():
        shown = cell.world.snapshot.issues.get(outcome.issue or 0)
        text = sentence(outcome, shown, cell.world)
        assert ("This is done: " if outcome.ok else "This was not done: ") in text
        assert "None" not in text, text
    unused = CODES - {outcome.code for outcome, _ in said.values()}
    assert unused <= SAID_ELSEWHERE, sorted(unused - SAID_ELSEWHERE)


SAID_ELSEWHERE = {
    "other", "other-done", "not-done-because-of-others",  # several commands in one mail
    "cancelled", "no-issue", "already-decided", "over-budget", "next-update-tomorrow", "dispute-late",
    "already-disputed", "undone", "undo-late", "undo-new", "undo-built-on", "undo-thrown", "nothing-to-undo",
    "not-admitted-to-list", "update-known", "remediation-known", "third-band-aid", "too-soon", "no-board",
    "which-band-aid", "call-booked", "owner-is-us", "thrown-already", "on-duty-already", "other-over",
}  # fmt: skip
"""What takes a second mail, another time or another company."""


# --- twice ------------------------------------------------------------------------------------------------------------


@everywhere
def test_the_second_time_changes_nothing(name: str) -> None:
    """What was sent twice is done once: no second event, no second mail to others, and the sender hears how it is."""
    for cell in cells(name):
        if cell.label in AGAIN or cell.held:
            continue
        world = replace(cell.scene, world=cell.world).copy()
        again = Cell(cell.scene, cell.by, cell.label, cell.intent, world, world.mail([cell.intent]))
        if cell.label.startswith(("update", "correction")) and not cell.scene.issue.urgent:
            continue  # of a P2 or P3 it is a comment, and no word is lost
        assert again.happened == [], f"{cell}: {again.happened}"
        others = [draft for draft in again.drafts if draft.to != cell.by]
        assert others == [], f"{cell}: {[(draft.template, draft.to) for draft in others]}"
        assert again.drafts or cell.label in SILENT, f"{cell}: no answer to the second"


# --- the wrong issue --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), [(NOTHING, "unknown-issue"), (None, "no-issue")])
def test_a_number_that_there_is_not(number: int | None, code: str) -> None:
    """Process.md 9: "`#42` after the word names the issue where the mail is no reply to it"."""
    scene = SCENES["an open p1 with everybody in it"]()
    for by in EVERYBODY:
        for label in (label for label, (kind, _) in COMMANDS.items() if issubclass(kind, ISSUE_ACTS)):
            made = scene.copy().mail([intent_of(scene, by, label, number)])
            assert [o.code for d in made for o in d.outcomes] == [code], (by, label)
            assert [d.to for each in made for d in each.drafts] == [by]
            assert not any(decision.events for decision in made)


SECRETS = ("Checkout is blank", *(text for text in FULL.values() if text != "All."), BOB, ANNA, TINA, JOE)


def seen_by(cell: Cell) -> Iterator[str]:
    """The texts of the mails that the sender gets."""
    for draft in (draft for draft in cell.drafts if draft.to == cell.by):
        issue = cell.world.snapshot.issues.get(draft.issue or 0)
        yield compose.compose(
            draft.template, language="en", issue=issue, policy=cell.world.policy, values=draft.values,
            now=cell.world.now, to=cell.by, reply_to=samples.REPLY_TO,
        ).text  # fmt: skip


@everywhere
def test_an_outsider_sees_nothing_of_anothers_issue(name: str) -> None:
    """Process.md 1: "Admitted outsiders (customers) see their own issues only"; nor do they change anything in it."""
    for cell in cells(name):
        if cell.by != OTTO or cell.label in ("prose to the list", "report"):  # a reader of the list has its status
            continue
        for text in seen_by(cell):
            assert not [secret for secret in SECRETS if secret in text], f"{cell}: {text}"
        before, after = cell.scene.issue, cell.world.snapshot.issues[cell.scene.number]
        assert before == after, cell


@everywhere
def test_strangers_are_not_answered(name: str) -> None:
    """trust.md 3.5: "Not admitted: held"; what they may say on an issue is a comment at most."""
    for cell in cells(name):
        if cell.by == UNKNOWN and isinstance(cell.intent, want.FileReport | want.Ask) and cell.label not in ASKED:
            assert cell.held, cell
            assert not cell.drafts, cell


ASKED = ("status?", "list?", "board?", "backlog?")  # refused, in reply to a mail of ours


# --- back again -------------------------------------------------------------------------------------------------------


def taken_back(cell: Cell) -> Cell:
    """`undo` in reply to the answer, right then."""
    world = replace(cell.scene, world=cell.world).copy()
    intent = want.UndoLast(by=cell.by, evidence=sure(Level.E2))
    return Cell(cell.scene, cell.by, "undo", intent, world, world.mail([intent]))


def offers_undo(cell: Cell) -> bool:
    return any(draft.template == "receipt" and draft.values["undo"] for draft in cell.drafts)


@everywhere
def test_undo_gives_back_the_former_state(name: str) -> None:
    """Process.md 9: "`undo` (in reply to a receipt …; if it was announced, a correction is broadcast)"; its receipt
    says what it cannot take back, and everyone who was told something is told that it no longer counts."""
    for cell in filter(offers_undo, cells(name)):
        back = taken_back(cell)
        assert [outcome.code for outcome in back.outcomes] == ["undone"], f"{cell}: {back.outcomes}"
        for number in {event.issue for event in cell.happened if event.issue}:
            assert back.world.snapshot.issues[number] == cell.scene.world.snapshot.issues[number], f"{cell}: #{number}"
        assert back.world.running() == cell.scene.world.running(), cell
        assert "Mails that have left cannot be taken back" in sentence(back.outcomes[0], None, back.world)
        assert told(cell) <= told(back), f"{cell}: {told(cell) - told(back)} not told"
        if any(isinstance(draft.to, Audience) for draft in cell.drafts):
            assert "broadcast-undone" in {draft.template for draft in back.drafts}, cell


def told(cell: Cell) -> set[str]:
    """Who got a mail about the issue itself; the pager's and the operator's are alarms."""
    aside = {cell.by, *cell.world.policy.page, cell.world.policy.operator}
    drafts = [d for d in cell.drafts if d.issue and d.template != "budget" and isinstance(d.to, str)]
    return {str(draft.to) for draft in drafts} - aside


LISTED = [label for label, (kind, _) in COMMANDS.items() if issubclass(kind, want.Subscribe | want.Unsubscribe)]


@pytest.mark.parametrize("label", [*LISTED, "digest", "pause", "resume"])
@pytest.mark.parametrize(
    "before",
    [None, Wishes(), Wishes(priority=P0, areas=("shop",)), Wishes(issues=(1,)), Wishes(member=False, issues=(1,))],
    ids=["not on the list", "on it", "with wishes", "with an issue", "an issue only"],
)
def test_undo_gives_back_the_former_wishes(label: str, before: Wishes | None) -> None:
    """The same for the list: who was on it with wishes is on it with them again, who was not is not."""
    scene = SCENES["an open p1"]()
    world = scene.copy()
    world.wished = {} if before is None else {ANNA: before}
    intent = intent_of(scene, ANNA, label)
    made = world.mail([intent])
    changed = [event for decision in made for event in decision.events]
    back = world.mail([want.UndoLast(by=ANNA, evidence=sure(Level.E2))]) if changed else []
    assert all(outcome.ok for decision in back for outcome in decision.outcomes)
    assert world.wishes_of(ANNA) == before


def test_unsubscribing_clears_what_was_followed_one_by_one() -> None:
    """Process.md 5: who leaves gets nothing any more, of single issues neither."""
    world = SCENES["an open p1"]().copy()
    world.wished = {ANNA: Wishes(issues=(1,))}
    world.mail([want.Unsubscribe(by=ANNA, evidence=sure(Level.E2))])
    assert world.wishes_of(ANNA) is None
