"""Who is on duty, who stands in, and the morning mail (process.md 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from triagemail.process import intents as want
from triagemail.process.desk import DeskOpened, DutyTaken, MorningTold, TriagerAway, TriagerBack
from triagemail.process.events import Decision, Draft, TriagerAsked
from triagemail.process.intents import Snapshot
from triagemail.process.model import Absence, Desk, Issue, Policy, State
from triagemail.process.reports import screen
from triagemail.process.updates import done, refuse, to_people

UNREACHABLE = timedelta(hours=24)  # how long an out-of-office or a bounce counts, unless they write `duty`
LONGEST = timedelta(days=366)


def present(policy: Policy, desk: Desk | None, now: datetime) -> Policy:
    """The policy as it stands today: who took the duty, and who is away."""
    if desk is None or not (desk.duty or desk.absent):
        return policy
    away = tuple(a.address for a in desk.absent if a.until > now)
    on_duty = desk.duty if desk.duty in policy.triagers else ""
    return replace(policy, on_duty=on_duty, away=away)


def open_desk(now: datetime) -> Decision:
    return Decision(events=(DeskOpened(issue=0, at=now, by=""),))


def take_duty(intent: want.TakeDuty, snapshot: Snapshot, now: datetime, policy: Policy) -> Decision:
    """`duty` takes it, `duty sara@…` hands it over; what waits for a decision goes along."""
    new = intent.to or intent.by
    if new not in policy.triagers:
        return refuse(intent, "no-triager", address=new)
    if new == policy.duty and new not in policy.away and policy.on_duty == new:
        return refuse(intent, "on-duty-already", address=new)
    events = [TriagerBack(issue=0, at=now, by=intent.by, triager=new)] if new in policy.away else []
    taken = DutyTaken(issue=0, at=now, by=intent.by, before=policy.duty, after=new)
    decision = Decision(events=(*events, taken)) + done(intent, "duty-taken", address=new)
    if new != intent.by:
        decision += Decision(drafts=(Draft("duty", new, None, {"by": intent.by}),))
    today = replace(policy, on_duty=new, away=tuple(a for a in policy.away if a != new))
    waiting = [i for i in snapshot.urgent if i.state is State.TRIAGE and i.triager != new]
    return decision + hand_over(waiting, "", now, today)


def go_away(intent: want.GoAway, snapshot: Snapshot, now: datetime, policy: Policy) -> Decision:
    """`away until 3 May` skips a person: they are back when that day opens."""
    until = until_of(intent.day, intent.year, intent.after, now, policy)
    if until is None or until <= now or until > now + LONGEST:
        return refuse(intent, "no-such-day", said=intent.said)
    event = TriagerAway(issue=0, at=now, by=intent.by, triager=intent.by, until=until)
    known = snapshot.desk is not None and Absence(intent.by, until) in snapshot.desk.absent
    gone = Decision() if known else Decision(events=(event,))
    today = replace(policy, away=(*policy.away, intent.by))
    gone += done(intent, "away", until=until, duty=today.duty, nobody=today.duty == intent.by)
    return gone + _pass_on(snapshot, intent.by, now, today)


def until_of(
    day: tuple[int, int] | None, year: int | None, after: timedelta | None, now: datetime, policy: Policy
) -> datetime | None:
    """The UTC time at which a named day opens, or a span from now ends; a day without a year is the next such one."""
    if day is None:
        return None if after is None else now + after
    today = now.astimezone(policy.hours.zone()).date()
    for each in (year,) if year is not None else range(today.year, today.year + 9):  # 29 February comes in eight years
        try:
            found = date(each, *day)
        except ValueError:
            continue
        if found > today or year is not None:
            return policy.hours.at(found, policy.hours.opens)
    return None


def unreachable(intent: want.TriagerUnreachable, snapshot: Snapshot, now: datetime, policy: Policy) -> Decision:
    """ "An out-of-office … from the triager on duty passes every open P0 and P1 to the next in order at once, and says
    so." A bounce does the same, and is told to the operator too (bounces.py)."""
    if intent.by in policy.away or (intent.by != policy.duty and not _theirs(snapshot.urgent, intent.by)):
        return Decision()
    decision, today = gone(snapshot, intent.by, now, policy)
    if today.duty != intent.by or not policy.operator:
        return decision
    values = {"who": intent.by, "how": "away", "said": "", "roles": ("triager",), "duty": today.duty}
    told = Draft("unreachable", policy.operator, None, values, 1, cause=f"unreachable:{intent.by}")
    return decision + Decision(drafts=(told,))


def gone(snapshot: Snapshot, who: str, now: datetime, policy: Policy) -> tuple[Decision, Policy]:
    """A triager or an authority counts as away for a day: what waits for them goes to the next; the policy as it stands
    then."""
    if who in policy.away:
        return Decision(), policy
    away = TriagerAway(issue=0, at=now, by="", triager=who, until=now + UNREACHABLE)
    today = replace(policy, away=(*policy.away, who))
    return Decision(events=(away,)) + _pass_on(snapshot, who, now, today), today


def _theirs(issues: Sequence[Issue], triager: str) -> list[Issue]:
    """Those that wait for a triager: for their decision, or, without an owner, for everything."""
    mine = (i for i in issues if i.triager == triager and not i.remediation)
    return [i for i in mine if i.state is State.TRIAGE or (i.state is State.OPEN and not i.owner)]


def _pass_on(snapshot: Snapshot, triager: str, now: datetime, today: Policy) -> Decision:
    if today.duty == triager:  # nobody else is there
        return Decision()
    return hand_over(_theirs(snapshot.urgent, triager), triager, now, today)


def hand_over(issues: Sequence[Issue], instead_of: str, now: datetime, policy: Policy) -> Decision:
    """Each goes to the triager on duty, with all that its first one was told."""
    decision = Decision()
    for issue in issues:
        event = TriagerAsked(issue=issue.number, at=now, by="", triager=policy.duty)
        decision += Decision(events=(event,))
        if issue.state is State.TRIAGE:
            decision += screen(issue, (policy.duty,), policy, instead_of=instead_of)
        else:
            decision += to_people("passed", issue, (policy.duty,), instead_of=instead_of)
    return decision


def morning(snapshot: Snapshot, now: datetime, policy: Policy) -> Decision:
    """ "One morning mail to the triager lists undecided P2/P3 and drafts." """
    event = MorningTold(issue=0, at=now, by="")
    if not snapshot.waiting:
        return Decision(events=(event,))
    mail = Draft("morning", policy.duty, None, {"issues": snapshot.waiting})
    return Decision(events=(event,), drafts=(mail,))
