"""What happened: events, the life of an issue as one table, how an event changes an issue, and what a decision holds.

An event is both the journal and the only way to change an issue: `issue = evolve(issue, event)`. Fields named
`before` and `after` make an undo possible later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from triagemail.process.intents import Intent
from triagemail.process.model import Invite, Issue, Priority, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to issue `issue` (0: to a person only), by `by` (an address, or "" for the service)."""

    issue: int
    at: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFiled(Event):
    headline: str
    answers: Mapping[str, str] = field(default_factory=dict)
    reported: Priority | None = None
    unverified: bool = False
    attachments: tuple[str, ...] = ()
    material: str = ""
    mail: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersGiven(Event):
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[str, ...] = ()
    mail: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorityPicked(Event):
    """The reporter's own pick, before a decision."""

    before: Priority | None
    after: Priority
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseAsked(Event):
    """The reporter wants a higher priority after the decision: a new decision."""

    before: Priority | None
    after: Priority
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReporterBelieved(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReporterReminded(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftLapsed(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class TriagerAsked(Event):
    triager: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorityDecided(Event):
    before: Priority | None
    after: Priority
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueDeclined(Event):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueWithdrawn(Event):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalAsked(Event):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerNamed(Event):
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerAccepted(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueAnnounced(Event):
    next_update_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateSent(Event):
    text: str
    automatic: bool = False
    correction: bool = False
    next_update_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextUpdateSet(Event):
    before: datetime | None
    after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerReminded(Event):
    due: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadlineSet(Event):
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocSet(Event):
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueResolved(Event):
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueReopened(Event):
    reason: str
    next_update_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Commented(Event):
    text: str
    unverified: bool = False
    mail: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Event):
    """ "Answers to [invites] (Accepted, Declined), read receipts and emoji reactions are recorded in silence": it
    changes nothing. `what` is one of accepted, declined, tentative, read, reaction."""

    what: str
    text: str = ""
    mail: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAnswered(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberJoined(Event):
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberLeft(Event):
    address: str


# --- the life of an issue (printed by docs/process.md) ---------------------------------------------------------------

DRAFT, TRIAGE, OPEN = State.DRAFT, State.TRIAGE, State.OPEN
RESOLVED, DECLINED, WITHDRAWN, LAPSED = State.RESOLVED, State.DECLINED, State.WITHDRAWN, State.LAPSED

ANYWHERE = (Commented, Noted, StatusAnswered, AnswersGiven, ReporterBelieved)  # never lost, whatever the state

TRANSITIONS: Mapping[tuple[State, type[Event]], State] = {
    **{(state, kind): state for state in State for kind in ANYWHERE},
    (DRAFT, PriorityPicked): DRAFT,
    (DRAFT, ReporterReminded): DRAFT,
    (DRAFT, HeadlineSet): DRAFT,
    (DRAFT, TriagerAsked): TRIAGE,
    (DRAFT, IssueDeclined): DECLINED,
    (DRAFT, IssueWithdrawn): WITHDRAWN,
    (DRAFT, DraftLapsed): LAPSED,
    (TRIAGE, PriorityPicked): TRIAGE,
    (TRIAGE, ReporterReminded): TRIAGE,
    (TRIAGE, TriagerAsked): TRIAGE,
    (TRIAGE, PriorityDecided): OPEN,
    (TRIAGE, IssueDeclined): DECLINED,
    (TRIAGE, IssueWithdrawn): WITHDRAWN,
    (OPEN, PriorityDecided): OPEN,
    (OPEN, RaiseAsked): TRIAGE,
    (OPEN, IssueDeclined): DECLINED,
    (OPEN, WithdrawalAsked): OPEN,
    (OPEN, IssueResolved): RESOLVED,
    **{
        (state, kind): state
        for state in (TRIAGE, OPEN)
        for kind in (
            OwnerNamed,
            OwnerAccepted,
            IssueAnnounced,
            UpdateSent,
            NextUpdateSet,
            OwnerReminded,
            HeadlineSet,
            DocSet,
        )
    },
    (RESOLVED, UpdateSent): RESOLVED,  # `correction: …` may follow a wrong last word
    (RESOLVED, DocSet): RESOLVED,
    (RESOLVED, IssueReopened): OPEN,
    (DECLINED, IssueReopened): TRIAGE,
    (WITHDRAWN, IssueReopened): TRIAGE,
    (LAPSED, IssueReopened): DRAFT,
}


class Impossible(Exception):
    """An event that the life of an issue does not know: a bug in the process, never a mail's fault."""


def evolve(issue: Issue | None, event: Event) -> Issue:
    """The issue after the event. Raises Impossible for an event that TRANSITIONS has no row for."""
    if isinstance(event, ReportFiled):
        return Issue(
            number=event.issue,
            reporter=event.by,
            headline=event.headline,
            opened_at=event.at,
            touched_at=event.at,
            answers=dict(event.answers),
            reported=event.reported,
            unverified=event.unverified,
            attachments=event.attachments,
            material=event.material,
            mails=() if event.mail is None else (event.mail,),
        )
    if issue is None:
        raise Impossible(f"{type(event).__name__} on no issue")
    state = TRANSITIONS.get((issue.state, type(event)))
    if state is None:
        raise Impossible(f"{type(event).__name__} in state {issue.state} of #{issue.number}")
    return replace(issue, state=state, **_changes(issue, event))


def _changes(issue: Issue, event: Event) -> dict[str, Any]:
    """The fields that one event sets, the state apart."""
    match event:
        case AnswersGiven():
            mails = issue.mails if event.mail is None or event.mail in issue.mails else (*issue.mails, event.mail)
            attachments = issue.attachments + tuple(a for a in event.attachments if a not in issue.attachments)
            answers = {**issue.answers, **event.after}
            return {"answers": answers, "attachments": attachments, "mails": mails, "touched_at": event.at}
        case PriorityPicked():
            return {"reported": event.after, "touched_at": event.at, **_silenced(event.after)}
        case RaiseAsked():
            return {"reported": event.after, "asked_at": event.at}
        case ReporterBelieved():
            return {"unverified": False}
        case ReporterReminded():
            return {"reminded_at": event.at}
        case TriagerAsked():
            return {"triager": event.triager, "asked_at": event.at}
        case PriorityDecided():
            return _decided(event)
        case Commented():
            return {"touched_at": event.at} if event.by == issue.reporter else {}
        case _:
            return _life_changes(issue, event)


def _decided(event: PriorityDecided) -> dict[str, Any]:
    return {
        "priority": event.after,
        "decided_by": event.by,
        "decided_at": event.at,
        "reason": event.reason,
        "unverified": False,  # somebody in charge has answered for it
        **_silenced(event.after),
    }


def _silenced(priority: Priority) -> dict[str, Any]:
    """ "P2 and P3 get no broadcast": where one becomes that, its updates end."""
    if priority.urgent:
        return {}
    return {"announced_at": None, "next_update_at": None, "reminded_for": None, "automatic_in_a_row": 0}


def _life_changes(issue: Issue, event: Event) -> dict[str, Any]:
    match event:
        case OwnerNamed():
            return {"owner": event.after, "owner_accepted": event.after == event.by}
        case OwnerAccepted():
            return {"owner_accepted": True}
        case IssueAnnounced():
            return {"announced_at": event.at, "next_update_at": event.next_update_at}
        case UpdateSent(automatic=True):
            return {"next_update_at": event.next_update_at, "automatic_in_a_row": issue.automatic_in_a_row + 1}
        case UpdateSent():
            return {
                "last_update": event.text,
                "last_update_at": event.at,
                "last_update_by": event.by,
                "next_update_at": event.next_update_at,
                "automatic_in_a_row": 0,
            }
        case NextUpdateSet():
            return {"next_update_at": event.after}
        case OwnerReminded():
            return {"reminded_for": event.due}
        case HeadlineSet():
            return {"headline": event.after}
        case DocSet():
            return {"doc": event.after}
        case _:
            return _end_changes(issue, event)


def _end_changes(issue: Issue, event: Event) -> dict[str, Any]:
    over: dict[str, Any] = {"ended_at": event.at, "next_update_at": None, "reminded_for": None, "automatic_in_a_row": 0}
    match event:
        case IssueResolved(text=text):
            return over | {"last_update": text, "last_update_at": event.at, "last_update_by": event.by}
        case IssueDeclined(reason=reason):
            return over | {"reason": reason, "decided_by": event.by, "announced_at": None}
        case IssueWithdrawn(reason=reason):
            return over | {"reason": reason, "announced_at": None}
        case DraftLapsed():
            return over
        case IssueReopened():
            again: dict[str, Any] = {"ended_at": None, "next_update_at": event.next_update_at, "touched_at": event.at}
            if issue.state in (DECLINED, WITHDRAWN):  # to be decided anew
                again |= {"decided_at": None, "decided_by": "", "asked_at": event.at}
            return again | ({"reminded_at": None} if issue.state is LAPSED else {})
        case _:
            return {}


# --- what a decision holds -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Audience:
    """The readers of a broadcast: subscribers whose wishes include it, and `also`, who hear it as if subscribed."""

    priority: Priority
    issue: int
    also: tuple[str, ...] = ()
    area: str = ""  # "" where the triager has named none: then it concerns every area


@dataclass(frozen=True, slots=True)
class Draft:
    """A mail to be composed from a template. `rank` is its place in the queue: 0 goes first (P0)."""

    template: str
    to: str | Audience
    issue: int | None = None
    values: Mapping[str, object] = field(default_factory=dict)
    rank: int = 2
    supersedes: bool = False  # an unsent automatic update of its issue is replaced by this one
    invite: Invite | None = None  # the mail carries this appointment


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one command; templates/en/outcomes.toml has the sentence for `code`."""

    command: str
    code: str
    ok: bool
    values: Mapping[str, object] = field(default_factory=dict)
    issue: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What one intent leads to. Decisions add up with `+`."""

    events: tuple[Event, ...] = ()
    drafts: tuple[Draft, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    freeze: tuple[Intent, ...] = ()  # short of evidence: kept until a plain reply confirms them
    held: str = ""  # why the mail is parked for a person to look at

    def __add__(self, other: Decision) -> Decision:
        return Decision(
            self.events + other.events,
            self.drafts + other.drafts,
            self.outcomes + other.outcomes,
            self.freeze + other.freeze,
            self.held or other.held,
        )
