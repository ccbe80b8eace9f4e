"""The review: planned well ahead, moved when too little has happened, its agenda and figures (process.md 8)."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median

from triagemail.process import intents as want
from triagemail.process.desk import AgendaSent, FeedbackGiven, GuestInvited, ReviewChecked, ReviewMoved, ReviewPlanned
from triagemail.process.events import Decision, Draft
from triagemail.process.hours import week
from triagemail.process.intents import Snapshot
from triagemail.process.model import BandAid, Desk, Invite, Issue, Policy, Priority, State, admits
from triagemail.process.updates import done, refuse

ENOUGH = 2  # "moves when fewer than 2 issues have run end to end by then"
LOOK_AHEAD = timedelta(days=1)  # nobody shall learn at the door that a review has moved
SET_UP = timedelta(hours=1)  # after the first start: whoever tries out a config does not invite the company


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of the agenda, of one of the two processes. Times to decision in minutes."""

    by_priority: tuple[tuple[Priority, int], ...]
    decision_minutes: float | None
    decided: int
    changed: int
    disputes: tuple[tuple[str, int], ...]  # how they ended
    updates_kept: int
    updates_due: int
    p1_per_week: tuple[tuple[datetime, int], ...] = ()


def roles(policy: Policy) -> tuple[str, ...]:
    """ "To all roles (or `review.participants`)"."""
    everyone = (
        *policy.triagers,
        *policy.authority,
        *policy.confirmers,
        *((policy.operator,) if policy.operator else ()),
    )
    return tuple(dict.fromkeys(policy.participants or everyone))


def review_day(start: datetime, policy: Policy) -> datetime:
    """`review.every` after `start`, at `review.at`, on a working day."""
    count, unit = policy.review_every
    day = start.astimezone(policy.hours.zone()).date()
    if unit == "month":
        months = day.month - 1 + count
        year, month = day.year + months // 12, months % 12 + 1
        day = date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
    else:
        day += timedelta(days=count * (7 if unit == "week" else 1))
    for ahead in range(400):
        if policy.hours.works(day + timedelta(days=ahead)):
            return policy.hours.at(day + timedelta(days=ahead), policy.review_at)
    return policy.hours.at(day, policy.review_at)


def plan(desk: Desk, now: datetime, policy: Policy) -> Decision:
    """ "The invite goes out on the first day, for `review.every` (2 months) ahead." """
    event = ReviewPlanned(issue=0, at=now, by="", review=desk.review + 1, review_at=review_day(now, policy))
    people = roles(policy)
    return Decision(events=(event,)) + _invite(event.review, event.review_at, 0, people, people, policy, how="planned")


def _invite(
    number: int,
    at: datetime,
    sequence: int,
    attendees: tuple[str, ...],
    to: Sequence[str],
    policy: Policy,
    *,
    how: str,
) -> Decision:
    invite = Invite(
        f"review-{number}@{policy.domain}", at, at + policy.review_length, policy.timezone, attendees, sequence
    )
    values = {"at": at, "how": how, "people": attendees}
    return Decision(drafts=tuple(Draft("review-invite", p, None, values, invite=invite) for p in to))


def people(desk: Desk, policy: Policy) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*roles(policy), *desk.guests)))


def check(desk: Desk, snapshot: Snapshot, now: datetime, policy: Policy) -> Decision:
    """The day before: "moves (same UID) when fewer than 2 issues have run end to end by then"."""
    ended = [i for i in snapshot.since_review if i.state is State.RESOLVED]
    if desk.review_at is None or len(ended) >= ENOUGH:
        return Decision(events=(ReviewChecked(issue=0, at=now, by=""),))
    moved = ReviewMoved(issue=0, at=now, by="", before=desk.review_at, after=review_day(desk.review_at, policy))
    all_ = people(desk, policy)
    told = _invite(desk.review, moved.after, desk.sequence + 1, all_, all_, policy, how="moved")
    return Decision(events=(moved,)) + told


def feedback(intent: want.GiveFeedback, snapshot: Snapshot, now: datetime, policy: Policy) -> Decision:
    """`feedback: …` "from anyone at any time goes on its agenda word for word; a believed internal author is added to
    the invite"."""
    if not intent.text.strip():
        return refuse(intent, "needs-text")
    believed = intent.evidence.believed
    said = FeedbackGiven(issue=0, at=now, by=intent.by, text=intent.text.strip(), unverified=not believed)
    desk = snapshot.desk
    known = desk is not None and any((each.by, each.text) == (said.by, said.text) for each in desk.complaints)
    decision = (Decision() if known else Decision(events=(said,))) + done(intent, "feedback-kept")
    internal = believed and (admits(policy.internal, intent.by) or intent.by in policy.triagers)
    if not internal or desk is None or desk.review_at is None or intent.by in people(desk, policy):
        return decision
    guest = GuestInvited(issue=0, at=now, by=intent.by, guest=intent.by)
    all_ = (*people(desk, policy), intent.by)
    told = _invite(desk.review, desk.review_at, desk.sequence + 1, all_, (intent.by,), policy, how="guest")
    return decision + Decision(events=(guest,)) + told


def agenda(desk: Desk, snapshot: Snapshot, now: datetime, policy: Policy) -> Decision:
    """ "On the day it mails the agenda: the complaints, open band-aids, and the figures since the last one." """
    since = desk.reviewed_at or desk.opened_at
    trouble = tuple(i for i in snapshot.since_review if not i.remediation)
    amends = tuple(i for i in snapshot.since_review if i.remediation)
    values: dict[str, object] = {
        "at": desk.review_at,
        "since": since,
        "complaints": desk.complaints,
        "band_aids": unfinished(snapshot.since_review),
        "troubleshooting": figures(trouble, since, policy),
        "remediation": figures(amends, since, policy),
        "budget": policy.p1_per_week,
    }
    mails = Decision(drafts=tuple(Draft("agenda", p, None, values) for p in people(desk, policy)))
    return Decision(events=(AgendaSent(issue=0, at=now, by=""),)) + mails + plan(desk, now, policy)


def unfinished(issues: Sequence[Issue]) -> tuple[tuple[Issue, BandAid], ...]:
    return tuple((issue, each) for issue in issues for each in issue.band_aids if each.done_at is None)


def figures(issues: Sequence[Issue], since: datetime, policy: Policy) -> Figures:
    """ "Issues by priority, time to decision, share of priorities changed, disputes and how they ended, updates on
    time, P1 against the budget." """
    issues = [i for i in issues if max(i.opened_at, i.ended_at or i.opened_at) >= since]
    new = [i for i in issues if i.opened_at >= since]
    decided = [i for i in new if i.first_decided_at is not None]
    waits = [max(0.0, (i.first_decided_at - i.opened_at).total_seconds() / 60) for i in decided if i.first_decided_at]
    endings = [how for i in issues for how in i.disputes]
    first = [i for i in new if i.priority is Priority.P1 and i.first_decided_at is not None]
    weeks = [week(i.first_decided_at, policy.timezone) for i in first if i.first_decided_at]
    return Figures(
        by_priority=tuple((p, sum(1 for i in new if i.current is p)) for p in Priority),
        decision_minutes=median(waits) if waits else None,
        decided=len(decided),
        changed=sum(1 for i in decided if i.changed),
        disputes=tuple((how, endings.count(how)) for how in dict.fromkeys(endings)),
        updates_kept=sum(i.kept_updates for i in issues),
        updates_due=sum(i.kept_updates + i.automatic_updates for i in issues),
        p1_per_week=tuple((monday, weeks.count(monday)) for monday in sorted(set(weeks))),
    )


def review_clocks(desk: Desk, policy: Policy) -> dict[str, datetime]:
    if desk.review_at is None:
        return {"review-invite": desk.opened_at + SET_UP}
    if desk.checked_at is None:
        return {"review-check": desk.review_at - LOOK_AHEAD}
    morning = policy.hours.at(desk.review_at.astimezone(policy.hours.zone()).date(), policy.hours.opens)
    return {"review": min(morning, desk.review_at)}
