"""The life of an issue as one table, and how an event changes an issue or the desk: `issue = evolve(issue, event)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from triagemail.process.desk import (
    AgendaSent,
    BudgetTold,
    DeskOpened,
    DigestSent,
    DutyTaken,
    FeedbackGiven,
    FloodBegan,
    FloodTold,
    GuestInvited,
    MorningTold,
    ReviewChecked,
    ReviewMoved,
    ReviewPlanned,
    TriagerAway,
    TriagerBack,
)
from triagemail.process.events import (
    AnswersGiven,
    AreaSet,
    BandAidAdded,
    BandAidDone,
    CallBooked,
    CallOver,
    ClockSetBack,
    Commented,
    DecisionDisputed,
    DisputeEnded,
    DisputeHandedOn,
    DocSet,
    DraftLapsed,
    Event,
    ExpectedDefined,
    HalfTimeTold,
    HeadlineSet,
    IssueAnnounced,
    IssueContinued,
    IssueDeclined,
    IssueReopened,
    IssueResolved,
    IssueWithdrawn,
    MarkedDuplicate,
    NextUpdateSet,
    Noted,
    OwnerAccepted,
    OwnerNamed,
    OwnerReminded,
    OwnershipRefused,
    OwnerSilent,
    PriorityDecided,
    PriorityPicked,
    RaiseAsked,
    RemediationEnded,
    RemediationLinked,
    RemediationPaused,
    RemediationResumed,
    RemediationStarted,
    ReporterBelieved,
    ReporterJoined,
    ReporterReminded,
    ReportFiled,
    StatusAnswered,
    TakenAsBug,
    TakenAsFeature,
    ThrowCast,
    TimeboxMissed,
    TriagerAsked,
    Undone,
    UpdateSent,
    WithdrawalAsked,
)
from triagemail.process.model import (
    Absence,
    BandAid,
    Complaint,
    Desk,
    Issue,
    Kind,
    Priority,
    RunningDispute,
    State,
    altered,
)

# --- the life of an issue (printed by docs/process.md) ----------------------------------------------------------------

DRAFT, TRIAGE, OPEN, VALIDATING, WAITING = State.DRAFT, State.TRIAGE, State.OPEN, State.VALIDATING, State.WAITING
RESOLVED, DECLINED, WITHDRAWN = State.RESOLVED, State.DECLINED, State.WITHDRAWN
DUPLICATE, LAPSED = State.DUPLICATE, State.LAPSED

ANYWHERE = (Commented, Noted, StatusAnswered, AnswersGiven, ReporterBelieved, ClockSetBack)  # whatever the state
DISPUTING = (DecisionDisputed, DisputeHandedOn, ThrowCast)
OWNING = (OwnerNamed, OwnerAccepted, OwnershipRefused, OwnerSilent, HeadlineSet, AreaSet, DocSet)
UPDATING = (IssueAnnounced, UpdateSent, NextUpdateSet, OwnerReminded)
BAND_AIDS = (BandAidAdded, BandAidDone)


def _stay(states: tuple[State, ...], *groups: tuple[type[Event], ...]) -> dict[tuple[State, type[Event]], State]:
    return {(state, kind): state for state in states for group in groups for kind in group}


def _go(states: tuple[State, ...], kind: type[Event], to: State) -> dict[tuple[State, type[Event]], State]:
    return {(state, kind): to for state in states}


TRANSITIONS: Mapping[tuple[State, type[Event]], State] = {
    **_stay(tuple(State), ANYWHERE),
    **_stay((DRAFT, TRIAGE), (PriorityPicked, ReporterReminded, CallBooked, CallOver)),
    **_stay((DRAFT,), (HeadlineSet, AreaSet)),
    **_go((DRAFT, TRIAGE), TriagerAsked, TRIAGE),
    **_go((DRAFT,), DraftLapsed, LAPSED),
    **_go((DRAFT, TRIAGE, OPEN, VALIDATING, WAITING), IssueDeclined, DECLINED),
    **_go((DRAFT, TRIAGE, VALIDATING), IssueWithdrawn, WITHDRAWN),
    **_go((DRAFT, TRIAGE, OPEN, VALIDATING), MarkedDuplicate, DUPLICATE),
    **_go((TRIAGE, OPEN), PriorityDecided, OPEN),
    **_go((TRIAGE, OPEN), TakenAsFeature, VALIDATING),
    **_go((VALIDATING, OPEN), TakenAsBug, TRIAGE),
    **_go((VALIDATING,), ExpectedDefined, OPEN),
    **_go((OPEN,), RaiseAsked, TRIAGE),
    **_go((OPEN,), IssueResolved, RESOLVED),
    **_stay((TRIAGE,), (HalfTimeTold, TimeboxMissed)),
    **_stay((OPEN,), (WithdrawalAsked, TriagerAsked)),
    **_stay((TRIAGE, OPEN, VALIDATING, WAITING), OWNING),
    **_stay((TRIAGE, OPEN), UPDATING),
    **_stay((TRIAGE, OPEN, VALIDATING, DECLINED), DISPUTING),
    **_stay((DRAFT, TRIAGE, OPEN, VALIDATING, WAITING, RESOLVED), (ReporterJoined,)),
    **_stay((TRIAGE, OPEN, RESOLVED), BAND_AIDS, (RemediationLinked,)),
    **_stay(tuple(State), (DisputeEnded,)),  # whatever makes it pointless ends it
    **_go((WAITING, TRIAGE, OPEN), RemediationEnded, RESOLVED),
    **_stay((RESOLVED,), (UpdateSent, DocSet)),  # `correction: …` may follow a wrong last word
    **_stay((WAITING,), (PriorityPicked,)),
    **_go((WAITING,), RemediationStarted, TRIAGE),
    **_go((WAITING,), RemediationResumed, OPEN),
    **_go((TRIAGE, OPEN), RemediationPaused, WAITING),
    **_go((RESOLVED,), IssueReopened, OPEN),
    **_go((DECLINED, WITHDRAWN, DUPLICATE), IssueReopened, TRIAGE),
    **_go((LAPSED,), IssueReopened, DRAFT),
    **_stay((RESOLVED, DECLINED, WITHDRAWN, DUPLICATE, LAPSED), (IssueContinued,)),
}
"""ReportFiled begins a life (a remediation's in WAITING); Undone puts one back to where it was."""


class Impossible(Exception):
    """An event that the life of an issue does not know: a bug in the process, never a mail's fault."""


def evolve(issue: Issue | None, event: Event) -> Issue:
    """The issue after the event. Raises Impossible for an event that TRANSITIONS has no row for."""
    if isinstance(event, ReportFiled):
        return _born(event)
    if issue is None:
        raise Impossible(f"{type(event).__name__} on no issue")
    if isinstance(event, Undone):
        return altered(issue, {name: getattr(event.before, name) for name in event.names})
    state = TRANSITIONS.get((issue.state, type(event)))
    if state is None:
        raise Impossible(f"{type(event).__name__} in state {issue.state} of #{issue.number}")
    return altered(issue, {"state": state, **_changes(issue, event)})


def _born(event: ReportFiled) -> Issue:
    return Issue(
        number=event.issue,
        reporter=event.by,
        headline=event.headline,
        opened_at=event.at,
        state=DRAFT if event.remediates is None else WAITING,
        touched_at=event.at,
        answers=dict(event.answers),
        reported=event.reported,
        unverified=event.unverified,
        attachments=event.attachments,
        material=event.material,
        mails=() if event.mail is None else (event.mail,),
        filed_by=event.filed_by,
        via=event.via,
        clock_from=None if event.reported is None else event.at,
        remediates=event.remediates,
    )


Changes = dict[str, Any]


def _changes(issue: Issue, event: Event) -> Changes:
    """The fields that one event sets, the state apart."""
    for part in PARTS:
        found = part(issue, event)
        if found is not None:
            return found
    return {}


def _report(issue: Issue, event: Event) -> Changes | None:
    match event:
        case AnswersGiven():
            mails = issue.mails if event.mail is None or event.mail in issue.mails else (*issue.mails, event.mail)
            attachments = issue.attachments + tuple(a for a in event.attachments if a not in issue.attachments)
            answers = {**issue.answers, **event.after}
            return {"answers": answers, "attachments": attachments, "mails": mails, "touched_at": event.at}
        case PriorityPicked():
            faster = event.before is None or event.after < event.before
            clock = _new_clock(event.at) if faster else {}
            return {"reported": event.after, "touched_at": event.at, **clock, **_silenced(event.after)}
        case RaiseAsked():
            return {"reported": event.after, "asked_at": event.at, "final_by": "", **_new_clock(event.at)}
        case ReporterBelieved():
            return {"unverified": False}
        case ReporterReminded():
            return {"reminded_at": event.at}
        case CallBooked():
            return {"call_at": event.starts_at, "call_over": False}
        case CallOver():
            return {"call_over": True}
        case Commented(in_charge=True):
            return {"answered_at": event.at}
        case Commented():
            return {"touched_at": event.at} if event.by == issue.reporter else {}
        case ReporterJoined():
            new = tuple(p for p in (event.reporter, *event.others) if p not in (issue.reporter, *issue.joined))
            return {"joined": issue.joined + tuple(dict.fromkeys(new))}
        case _:
            return None


def _new_clock(at: datetime) -> Changes:
    """A decision that is wanted anew has "its own clock"."""
    return {
        "clock_from": at,
        "half_told": False,
        "missed": 0,
        "missed_at": None,
        "in_effect": False,
        "answered_at": None,
    }


def _decision(issue: Issue, event: Event) -> Changes | None:
    match event:
        case TriagerAsked():
            return {"triager": event.triager, "asked_at": event.at}
        case HalfTimeTold():
            return {"half_told": True}
        case TimeboxMissed():
            effect = issue.in_effect or not issue.unverified  # "except for UNVERIFIED ones"
            return {"missed": event.count, "missed_at": event.at, "in_effect": effect}
        case PriorityDecided():
            return _decided(issue, event)
        case TakenAsFeature():
            decided = {"decided_by": event.by, "decided_at": event.at, "answered_at": event.at, "unverified": False}
            return {"kind": Kind.FEATURE, "final_by": "", **decided, **_silenced(Priority.P3)}
        case TakenAsBug():
            again = {"kind": Kind.BUG, "expected": "", "decided_at": None, "decided_by": "", "asked_at": event.at}
            return again | _new_clock(event.at)
        case ExpectedDefined():
            decided = {"priority": event.priority, "decided_by": event.by, "decided_at": event.at}
            return {"expected": event.text, **decided}
        case AreaSet():
            return {"area": event.after}
        case OwnerNamed():
            named = {"owner": event.after, "owner_accepted": event.after == event.by, "owner_silent": False}
            return {**named, "owner_named_at": event.at, "answered_at": event.at}
        case OwnerAccepted():
            return {"owner_accepted": True, "answered_at": event.at}
        case OwnershipRefused():
            return {"owner": "", "owner_accepted": False, "owner_named_at": None, "owner_silent": False}
        case OwnerSilent():
            return {"owner_silent": True}
        case _:
            return None


def _decided(issue: Issue, event: PriorityDecided) -> Changes:
    first: Changes = {}
    if issue.first_decided_at is None:
        first = {"first_decided_at": event.at, "changed": event.after != issue.reported}
    return {
        "priority": event.after,
        "decided_by": event.by,
        "decided_at": event.at,
        "answered_at": event.at,
        "reason": event.reason,
        "unverified": False,  # somebody in charge has answered for it
        "in_effect": False,
        "final_by": issue.final_by if issue.final_by == event.by else "",
        **first,
        **_silenced(event.after),
    }


def _silenced(priority: Priority) -> Changes:
    """ "P2 and P3 get no broadcast": where one becomes that, its updates end."""
    if priority.urgent:
        return {}
    return {"announced_at": None, "next_update_at": None, "reminded_for": None, "automatic_in_a_row": 0}


def _dispute(issue: Issue, event: Event) -> Changes | None:
    match event:
        case DecisionDisputed():
            return {"dispute": event.dispute, "disputed_at": issue.decision_at}
        case DisputeHandedOn():
            return {"dispute": event.dispute}
        case ThrowCast() if issue.dispute is not None:
            throws = {**issue.dispute.throws, event.by: event.hand}
            return {"dispute": replace(issue.dispute, throws=throws)}
        case DisputeEnded():
            return {"dispute": None, "disputes": (*issue.disputes, event.how), "final_by": event.final_by}
        case _:
            return None


def _update(issue: Issue, event: Event) -> Changes | None:
    match event:
        case IssueAnnounced():
            return {"announced_at": event.at, "next_update_at": event.next_update_at}
        case UpdateSent(automatic=True):
            rows, made = issue.automatic_in_a_row + 1, issue.automatic_updates + 1
            return {"next_update_at": event.next_update_at, "automatic_in_a_row": rows, "automatic_updates": made}
        case UpdateSent():
            in_time = issue.next_update_at is not None and event.at <= issue.next_update_at
            return {
                "last_update": event.text,
                "last_update_at": event.at,
                "last_update_by": event.by,
                "answered_at": event.at,
                "next_update_at": event.next_update_at,
                "automatic_in_a_row": 0,
                "kept_updates": issue.kept_updates + in_time,
                "team": _with(issue.team, event.by),
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
            return None


def _with(people: tuple[str, ...], person: str) -> tuple[str, ...]:
    return people if person in people or not person else (*people, person)


def _closure(issue: Issue, event: Event) -> Changes | None:
    over: Changes = {"ended_at": event.at, "next_update_at": None, "reminded_for": None, "automatic_in_a_row": 0}
    match event:
        case IssueResolved(text=text) | RemediationEnded(text=text):
            said = {"last_update": text, "last_update_at": event.at, "last_update_by": event.by}
            return over | said | {"team": _with(issue.team, event.by)}
        case IssueDeclined(reason=reason):
            decided = {"decided_by": event.by, "unverified": False, "final_by": ""}  # a decision like any other
            return over | decided | {"reason": reason, "announced_at": None}
        case WithdrawalAsked():
            return {"withdrawal_at": event.at}
        case IssueContinued(number=number):
            return {"continued_as": number}
        case IssueWithdrawn(reason=reason):
            return over | {"reason": reason, "announced_at": None}
        case MarkedDuplicate(of=of):
            return over | {"duplicate_of": of, "announced_at": None}
        case DraftLapsed():
            return over
        case IssueReopened():
            return _again(issue, event)
        case BandAidAdded():
            return {"band_aids": (*issue.band_aids, BandAid(event.text, event.by, event.at))}
        case BandAidDone(which=which):
            done = (replace(b, done_at=event.at) if n == which else b for n, b in enumerate(issue.band_aids, 1))
            return {"band_aids": tuple(done)}
        case RemediationLinked():
            return {"remediations": (*issue.remediations, event.number)}
        case RemediationStarted():
            return {"asked_at": event.at}
        case RemediationPaused():
            return {"announced_at": None, "next_update_at": None, "reminded_for": None, "automatic_in_a_row": 0}
        case _:
            return None


def _again(issue: Issue, event: IssueReopened) -> Changes:
    again: Changes = {"ended_at": None, "next_update_at": event.next_update_at, "touched_at": event.at}
    again |= {"withdrawal_at": None}
    if issue.state in (DECLINED, WITHDRAWN, DUPLICATE):  # to be decided anew
        again |= {"decided_at": None, "decided_by": "", "asked_at": event.at, "duplicate_of": None}
        again |= _new_clock(event.at)
    return again | ({"reminded_at": None} if issue.state is LAPSED else {})


def _clock(issue: Issue, event: Event) -> Changes | None:
    """Times that lie ahead now come as soon as they would have; an appointment stays what it is."""
    if not isinstance(event, ClockSetBack):
        return None
    moved = _moved(issue, event)
    if issue.dispute is not None:
        moved["dispute"] = replace(issue.dispute, **_moved(issue.dispute, event))
    return moved


def _moved(value: Issue | RunningDispute, event: ClockSetBack) -> Changes:
    times = ((each.name, getattr(value, each.name)) for each in fields(value) if each.name != "call_at")
    return {name: at - event.span for name, at in times if isinstance(at, datetime) and at > event.at}


PARTS: tuple[Callable[[Issue, Event], Changes | None], ...] = (
    _report, _decision, _dispute, _update, _closure, _clock,
)  # fmt: skip


# --- the desk ---------------------------------------------------------------------------------------------------------


def evolve_desk(desk: Desk | None, event: Event) -> Desk | None:
    """The desk after an event of issue 0; those of the list leave it as it is."""
    if isinstance(event, DeskOpened):
        return desk or Desk(opened_at=event.at)
    return desk if desk is None else replace(desk, **_desk_changes(desk, event))


def _desk_changes(desk: Desk, event: Event) -> Changes:
    match event:
        case DutyTaken():
            return {"duty": event.after}
        case TriagerAway():
            return {"absent": (*_but(desk, event.triager), Absence(event.triager, event.until))}
        case TriagerBack():
            return {"absent": _but(desk, event.triager)}
        case BudgetTold():
            return {"budget_told_at": event.at}
        case MorningTold():
            return {"morning_at": event.at}
        case DigestSent():
            return {"digest_at": event.at}
        case FloodBegan():
            return {"flood_at": event.at}
        case FloodTold():
            return {"flood_at": None}
        case ReviewPlanned():
            moved = {"review": event.review, "review_at": event.review_at, "sequence": 0, "guests": ()}
            return {**moved, "checked_at": None}
        case ReviewChecked():
            return {"checked_at": event.at}
        case ReviewMoved():
            return {"review_at": event.after, "sequence": desk.sequence + 1, "checked_at": None}
        case GuestInvited():
            return {"guests": (*desk.guests, event.guest), "sequence": desk.sequence + 1}
        case FeedbackGiven():
            said = Complaint(event.by, event.at, event.text, event.unverified)
            return {"complaints": (*desk.complaints, said)}
        case AgendaSent():
            return {"reviewed_at": event.at, "complaints": ()}
        case _:
            return {}


def _but(desk: Desk, triager: str) -> tuple[Absence, ...]:
    return tuple(a for a in desk.absent if a.address != triager)
