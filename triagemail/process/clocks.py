"""Every timer of an issue and of the desk, as a function of its state: what is not in here is not running."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from triagemail.process import limits, remediation, reports, review, subscriptions, triage, updates
from triagemail.process.desk import FloodBegan
from triagemail.process.disputes import deadline
from triagemail.process.duty import morning
from triagemail.process.events import ClockSetBack, Decision, Event
from triagemail.process.intents import Snapshot, TimerFired
from triagemail.process.model import Desk, Issue, Policy, Priority, State
from triagemail.process.ownership import owner_clocks, owner_silent


def clocks(issue: Issue, policy: Policy) -> Mapping[str, datetime]:
    """Timer name -> UTC due time."""
    running: dict[str, datetime] = {}
    if issue.dispute is not None:
        running["dispute"] = issue.dispute.deadline
    if not issue.live:
        return running
    if issue.state is State.DRAFT:
        running |= _draft_clocks(issue, policy)
    if issue.state in (State.DRAFT, State.TRIAGE) and issue.call_at is not None and issue.call_waits:
        running["call-over"] = issue.call_at + reports.CALL_LASTS
    if issue.state is State.TRIAGE and reports.missing(issue, policy) and issue.reminded_at is None:
        running["remind"] = _gaps_due(issue, policy)
    if issue.announced and issue.next_update_at is not None:
        running["update"] = issue.next_update_at
        if issue.reminded_for != issue.next_update_at:
            running["update-reminder"] = issue.next_update_at - updates.REMIND_BEFORE
    return {
        **running,
        **triage.decision_clocks(issue, policy),
        **owner_clocks(issue, policy),
        **remediation.confirm_clock(issue, policy),
    }


def _gaps_due(issue: Issue, policy: Policy) -> datetime:
    """ "One reminder after 4 hours"; "every P2/P3 clock" runs in working hours."""
    since = _asked_since(issue, policy)
    if issue.reported is not None and not issue.reported.urgent:
        return policy.hours.add(since, policy.remind_gaps)
    return since + policy.remind_gaps


def _asked_since(issue: Issue, policy: Policy) -> datetime:
    """When the reporter was asked for the gaps: when the report came, or, where it lapsed since, when a reply reopened
    it."""
    touched = issue.touched_at or issue.opened_at
    return touched if touched >= issue.opened_at + policy.draft_closes else issue.opened_at


def _draft_clocks(issue: Issue, policy: Policy) -> Mapping[str, datetime]:
    touched = issue.touched_at or issue.opened_at
    running = {"lapse": touched + policy.draft_closes}
    if issue.reported is None:
        if issue.reminded_at is None:
            running["remind"] = _asked_since(issue, policy) + policy.remind_no_priority
        else:
            running["hand-over"] = issue.reminded_at + policy.remind_no_priority
        return running
    if issue.reported is Priority.P1:
        running["hand-over"] = issue.opened_at + policy.incomplete_p1
    if issue.reminded_at is None:
        running["remind"] = _gaps_due(issue, policy)
    return running


def desk_clocks(desk: Desk, policy: Policy) -> Mapping[str, datetime]:
    """The timers of what is no issue: the morning mail, the digest, the review."""
    last = desk.digest_at or desk.opened_at
    day = last.astimezone(policy.hours.zone()).date()
    digest = policy.hours.at(day, policy.digest_at)
    told = {"flood": desk.flood_at + limits.TOLD_AFTER} if desk.flood_at is not None else {}
    return {
        **told,
        "morning": policy.hours.opening(desk.morning_at or desk.opened_at),
        "digest": digest if digest > last else policy.hours.at(day + timedelta(days=1), policy.digest_at),
        **review.review_clocks(desk, policy),
    }


def set_back(issues: Sequence[Issue], desk: Desk | None, span: timedelta, now: datetime) -> Decision:
    """The wall clock went back by `span`: without this, all that was due would come so much later (trust.md T2: "no
    silence > 2 intervals"). The desk's times are those of a calendar, and stay, but for the list of a flood."""
    moved: tuple[Event, ...] = tuple(ClockSetBack(issue=each.number, at=now, by="", span=span) for each in issues)
    flooded = desk is not None and desk.flood_at is not None and desk.flood_at > now
    return Decision(events=(*moved, FloodBegan(issue=0, at=now, by="")) if flooded else moved)


def fire(intent: TimerFired, issue: Issue | None, now: datetime, policy: Policy, *, deaf: bool = False) -> Decision:
    """A timer that no longer runs, or runs to another time, does nothing."""
    due = None if issue is None else clocks(issue, policy).get(intent.timer)
    if issue is None or due is None or due > now:
        return Decision()
    match intent.timer:
        case "remind":
            return reports.remind_reporter(issue, now, policy)
        case "hand-over":
            return reports.hand_over(issue, now, policy)
        case "lapse":
            return reports.lapse(issue, now, policy)
        case "call-over":
            return reports.call_over(issue, now, policy)
        case "half-time":
            return triage.half_time(issue, now, policy)
        case "timebox":
            return triage.timebox(issue, now, policy)
        case "owner-silent":
            return owner_silent(issue, now, policy)
        case "dispute":
            return deadline(issue, now, policy)
        case "confirm":
            return remediation.agreed(issue, "", now, policy)
        case "update-reminder":
            return updates.remind_owner(issue, now, policy)
        case "update":
            return updates.automatic_update(issue, now, policy, deaf=deaf)
        case _:
            raise TypeError(f"no rule for the timer {intent.timer}")


def fire_desk(intent: TimerFired, snapshot: Snapshot, now: datetime, policy: Policy) -> Decision:
    desk = snapshot.desk
    due = None if desk is None else desk_clocks(desk, policy).get(intent.timer)
    if desk is None or due is None or due > now:
        return Decision()
    match intent.timer:
        case "morning":
            return morning(snapshot, now, policy)
        case "digest":
            return subscriptions.digest(snapshot, now, policy)
        case "flood":
            return limits.tell(snapshot, now, policy)
        case "review-invite":
            return review.plan(desk, now, policy)
        case "review-check":
            return review.check(desk, snapshot, now, policy)
        case "review":
            return review.agenda(desk, snapshot, now, policy)
        case _:
            raise TypeError(f"no rule for the timer {intent.timer}")
