"""The decision on a report: priority, kind, duplicates, decline, its clock and the P1 budget (process.md 3)."""

from __future__ import annotations

from datetime import datetime, timedelta

from triagemail.process import intents as want
from triagemail.process.desk import BudgetTold
from triagemail.process.events import (
    AreaSet,
    Commented,
    Decision,
    DisputeEnded,
    ExpectedDefined,
    HalfTimeTold,
    IssueDeclined,
    MarkedDuplicate,
    PriorityDecided,
    PriorityPicked,
    RaiseAsked,
    ReporterJoined,
    TakenAsBug,
    TakenAsFeature,
    TimeboxMissed,
    TriagerAsked,
    WithdrawalAsked,
)
from triagemail.process.hours import week
from triagemail.process.intents import Snapshot
from triagemail.process.model import UNDECIDED, Issue, Kind, Policy, Priority, State
from triagemail.process.reports import apply, decide_by, page, pick_undecided, screen, tell_list
from triagemail.process.updates import broadcast, done, in_charge, refuse, to_people

AGAIN = timedelta(minutes=15)  # "and every 15 minutes until someone answers"


# --- the reporter's own priority --------------------------------------------------------------------------------------


def pick(
    intent: want.SetPriority, issue: Issue, now: datetime, policy: Policy, snapshot: Snapshot | None = None
) -> Decision:
    """The reporter picks, lowers or raises the priority of their own report."""
    priority, reason = intent.priority, intent.reason
    match issue.state:
        case State.DRAFT | State.TRIAGE:
            return pick_undecided(intent, issue, priority, reason, now, policy)
        case State.OPEN if priority == issue.priority:
            return refuse(intent, "already-same", priority=priority)
        case State.OPEN if issue.kind is Kind.FEATURE:
            return refuse(intent, "is-feature")
        case State.OPEN if ruled(issue, intent):
            return refuse(intent, "ruled", by=issue.final_by)
        case State.OPEN if issue.priority is not None and priority > issue.priority:
            # "After a decision the reporter may lower the priority at once"
            return decide_priority(intent, issue, priority, reason, now, policy, snapshot)
        case State.OPEN:
            return ask_raise(intent, issue, now, policy)
        case _:
            return refuse(intent, "wrong-state", state=issue.state)


def ask_raise(intent: want.SetPriority, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "Raising it is a new decision with its own clock." """
    asked = RaiseAsked(
        issue=issue.number, at=now, by=intent.by, before=issue.priority, after=intent.priority,
        reason=intent.reason.strip(),
    )  # fmt: skip
    over = DisputeEnded(issue=issue.number, at=now, by="", how="moot")  # about a decision that is made anew
    raised = Decision(events=(asked, over) if issue.dispute is not None else (asked,))
    after = apply(raised, issue) or issue
    told = screen(after, (policy.duty,), policy, reason=intent.reason) + page(after, policy)
    return raised + told + done(intent, "raise-asked", priority=intent.priority)


# --- the triager's decision -------------------------------------------------------------------------------------------


def overtaken(intent: want.Intent, issue: Issue) -> bool:
    """ "Two triagers: a later decision wins only if its mail was sent after the first was told." """
    decided = issue.decision_at
    if decided is None or intent.sent_at is None or issue.decided_by in ("", intent.by):
        return False
    return intent.sent_at <= decided


def ruled(issue: Issue, intent: want.SetPriority) -> bool:
    """ "Afterwards only who ruled changes that priority, unless `P0 because …` names new facts." """
    return bool(issue.final_by) and issue.final_by != intent.by and not new_facts(intent, issue)


def new_facts(intent: want.SetPriority, issue: Issue) -> bool:
    """`P0 because …` about an open issue: neither a ruling nor a dispute that runs, perhaps over a weekend, stands in
    its way."""
    said = intent.priority is Priority.P0 and bool(intent.reason.strip())
    return said and issue.state is State.OPEN and not issue.remediation


def already(intent: want.Intent, issue: Issue) -> Decision:
    return refuse(intent, "already-decided", by=issue.decided_by, priority=issue.priority)


def agree(
    intent: want.Agree, issue: Issue, now: datetime, policy: Policy, snapshot: Snapshot | None = None
) -> Decision:
    """**agree**: the reporter is told the priority and what happens next."""
    match issue.state:
        case State.OPEN:
            return already(intent, issue)
        case State.TRIAGE if issue.reported is None:
            return refuse(intent, "no-priority-yet")
        case State.TRIAGE if issue.reported is not None:
            return decide_priority(intent, issue, issue.reported, "", now, policy, snapshot)
        case _:
            return refuse(intent, "wrong-state", state=issue.state)


def set_priority(
    intent: want.SetPriority, issue: Issue, now: datetime, policy: Policy, snapshot: Snapshot | None = None
) -> Decision:
    """**another priority** "needs a reason (asked for if missing)"."""
    if issue.state not in (*UNDECIDED, State.OPEN):
        return refuse(intent, "validating" if issue.state is State.VALIDATING else "wrong-state", state=issue.state)
    if issue.state is State.OPEN and intent.priority == issue.priority:
        return refuse(intent, "already-same", priority=intent.priority)
    if issue.state is State.OPEN and overtaken(intent, issue):
        return already(intent, issue)
    if issue.kind is Kind.FEATURE and intent.priority.urgent:
        return refuse(intent, "is-feature")
    if ruled(issue, intent):
        return refuse(intent, "ruled", by=issue.final_by)
    if issue.current not in (None, intent.priority) and not intent.reason.strip():
        return refuse(intent, "needs-reason", priority=intent.priority)
    return decide_priority(intent, issue, intent.priority, intent.reason, now, policy, snapshot)


def decide_priority(
    intent: want.Intent,
    issue: Issue,
    priority: Priority,
    reason: str,
    now: datetime,
    policy: Policy,
    snapshot: Snapshot | None = None,
) -> Decision:
    """The decision: the reporter is told, and what was broadcast is set right."""
    asked = Decision()
    if issue.state is State.DRAFT:  # a triager may decide before being asked
        asked = Decision(events=(TriagerAsked(issue=issue.number, at=now, by="", triager=intent.by),))
    agreed = priority == issue.reported and issue.state is not State.OPEN
    own = intent.by == issue.reporter and intent.by not in policy.triagers  # the reporter lowers it
    code = "agreed" if agreed else "priority-picked" if own else "priority-set"
    return (
        asked
        + decided(issue, priority, reason, intent.by, now, policy)
        + done(intent, code, priority=priority)
        + within_budget(intent, issue, priority, now, policy, snapshot)
    )


def decided(issue: Issue, priority: Priority, reason: str, by: str, now: datetime, policy: Policy) -> Decision:
    """A priority is decided, by whoever may: the event, the reporter's mail, and the list is set right."""
    before = issue.current
    agreed = priority == issue.reported and issue.state is not State.OPEN
    event = PriorityDecided(issue=issue.number, at=now, by=by, before=before, after=priority, reason=reason.strip())
    decision = Decision(events=(event,))
    after = evolved(issue, decision, now)
    if issue.reporter != by and not issue.remediation:
        words = {
            "agreed": agreed,
            "before": before,
            "by": by,
            "reason": reason.strip(),
            "silent": not priority.urgent,
            "disputable": disputable(after),
        }
        decision += to_people("decided", after, (issue.reporter, *(p for p in issue.joined if p != by)), **words)
    return decision + tell_list(issue, after, reason, policy)


def disputable(issue: Issue) -> bool:
    """Whether its reporter may dispute the decision just made. One that gives them what they picked or more is no
    ground for it, nor is a ruling; `disputes.py` knows the rest."""
    if issue.final_by or issue.remediation:  # of a remediation only its confirmers may
        return False
    wanted = issue.reported if issue.reported is not None else Priority.P0
    return issue.state is not State.OPEN or issue.priority is None or issue.priority > wanted


def evolved(issue: Issue, decision: Decision, now: datetime) -> Issue:
    """The issue after a decision; one that is still a draft is asked about first, as `decide_priority` does."""
    if issue.state is State.DRAFT:
        asked = TriagerAsked(issue=issue.number, at=now, by="", triager="")
        issue = apply(Decision(events=(asked,)), issue) or issue
    return apply(decision, issue) or issue


def within_budget(
    intent: want.Intent,
    issue: Issue,
    priority: Priority,
    now: datetime,
    policy: Policy,
    snapshot: Snapshot | None,
) -> Decision:
    """ "The mail that agrees number budget+1 says so; once a week at most triagers and authority are told: more P1 than
    we can resolve means more of the work must go into delivery quality." """
    again = issue.state is State.OPEN and issue.priority is Priority.P1
    if snapshot is None or priority is not Priority.P1 or issue.remediation or again:
        return Decision()
    used = snapshot.p1_this_week + 1
    if used <= policy.p1_per_week:
        return Decision()
    told = done(intent, "over-budget", used=used, budget=policy.p1_per_week)
    desk = snapshot.desk
    this_week = week(now, policy.timezone)
    if desk is None or (desk.budget_told_at is not None and desk.budget_told_at >= this_week):
        return told
    event = BudgetTold(issue=0, at=now, by="", used=used)
    people = tuple(p for p in (*policy.triagers, *policy.authority) if p != intent.by)  # who reads it in the receipt
    return told + Decision(events=(event,)) + to_people("budget", issue, people, used=used, budget=policy.p1_per_week)


def decline(intent: want.Decline, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """**decline** closes it with a reason."""
    if not issue.live:
        return refuse(intent, "wrong-state", state=issue.state)
    if issue.dispute is not None:  # else a decline would be the way around whoever has to rule
        return refuse(intent, "in-dispute", asked=issue.dispute.asked)
    if issue.state is State.OPEN and overtaken(intent, issue):
        return already(intent, issue)
    if not intent.reason.strip():
        return refuse(intent, "needs-reason")
    event = IssueDeclined(issue=issue.number, at=now, by=intent.by, reason=intent.reason.strip())
    decision = Decision(events=(event,)) + done(intent, "declined")
    if issue.announced:
        decision += broadcast("ended", issue, policy, text=intent.reason.strip())
    people = tuple(p for p in (issue.reporter, issue.owner, *issue.joined) if p != intent.by)
    words = {"by": intent.by, "reason": event.reason, "disputable": disputable(apply(decision, issue) or issue)}
    return decision + to_people("declined", issue, people, **words)


# --- bug or feature ---------------------------------------------------------------------------------------------------


def take_as_feature(intent: want.SetKind, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "A feature request waits in `validating` …; it is never broadcast (after an announcement a last broadcast ends
    its updates)." """
    if issue.dispute is not None:
        return refuse(intent, "in-dispute", asked=issue.dispute.asked)
    if issue.kind is Kind.FEATURE:
        return refuse(intent, "already-kind", kind=issue.kind)
    if issue.state not in (*UNDECIDED, State.OPEN) or issue.remediation:
        return refuse(intent, "wrong-state", state=issue.state)
    if issue.state is State.OPEN and overtaken(intent, issue):
        return already(intent, issue)
    asked = Decision()
    if issue.state is State.DRAFT:
        asked = Decision(events=(TriagerAsked(issue=issue.number, at=now, by="", triager=intent.by),))
    event = TakenAsFeature(issue=issue.number, at=now, by=intent.by)
    decision = asked + Decision(events=(event,)) + done(intent, "feature")
    if issue.announced:
        decision += broadcast("ended", issue, policy, text="", feature=True)
    after = apply(decision, issue) or issue
    people = tuple(p for p in (issue.reporter, *issue.joined) if p != intent.by)
    words = {"by": intent.by, "reason": intent.reason.strip(), "disputable": disputable(after)}
    return decision + to_people("feature", after, people, **words)


def take_as_bug(intent: want.SetKind, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "A bug deviates from a defined expected behaviour": what was taken for a feature is decided on after all. What
    nobody took for one is a bug already; to say so in the mail that decides on it is no mistake."""
    if issue.kind is Kind.BUG:
        return done(intent, "bug") if issue.live else refuse(intent, "wrong-state", state=issue.state)
    if issue.state not in (State.VALIDATING, State.OPEN):
        return refuse(intent, "wrong-state", state=issue.state)
    decision = Decision(events=(TakenAsBug(issue=issue.number, at=now, by=intent.by),)) + done(intent, "bug")
    after = apply(decision, issue) or issue
    return decision + screen(after, (intent.by,), policy)


def define_expected(intent: want.DefineExpected, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "… until the triager writes `expected: …`, then is planned work." """
    if issue.state is not State.VALIDATING:
        return refuse(intent, "not-validating")
    text = intent.text.strip()
    if not text:
        return refuse(intent, "needs-text")
    priority = max(Priority.P2, issue.reported if issue.reported is not None else Priority.P3)
    event = ExpectedDefined(issue=issue.number, at=now, by=intent.by, text=text, priority=Priority(priority))
    people = tuple(p for p in (issue.reporter, *issue.joined) if p != intent.by)
    told = to_people("planned", issue, people, by=intent.by, text=text)
    return Decision(events=(event,)) + told + done(intent, "expected-set", priority=priority)


def set_area(intent: want.SetArea, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "The triager sets `area billing`, areas are config." """
    if intent.area not in policy.areas:
        return refuse(intent, "unknown-area", area=intent.area, areas=tuple(policy.areas))
    if not issue.live:
        return refuse(intent, "wrong-state", state=issue.state)
    event = AreaSet(issue=issue.number, at=now, by=intent.by, before=issue.area, after=intent.area)
    changed = Decision(events=(event,)) if event.after != event.before else Decision()
    return changed + done(intent, "area-set", area=policy.areas[intent.area] or intent.area)


# --- duplicates: one alarm for one outage -----------------------------------------------------------------------------


def mark_duplicate(
    intent: want.MarkDuplicate, issue: Issue, now: datetime, policy: Policy, other: Issue | None
) -> Decision:
    """ "Its reporter is joined to the other issue and its updates; the higher priority is kept; nothing of the second
    report is lost. … Were both announced, one broadcast says: follow #12." """
    if other is None:
        return refuse(intent, "unknown-issue")
    if other.number == issue.number or other.duplicate_of == issue.number:
        return refuse(intent, "same-issue")
    if issue.state not in (*UNDECIDED, State.OPEN, State.VALIDATING) or issue.remediation or other.remediation:
        return refuse(intent, "wrong-state", state=issue.state)
    if other.state is State.WAITING or not (other.live or other.state is State.RESOLVED):
        return refuse(intent, "other-over", other=other.number, state=other.state)
    if issue.state is State.OPEN and intent.by not in policy.triagers:
        return refuse(intent, "not-triager")
    marked = MarkedDuplicate(issue=issue.number, at=now, by=intent.by, of=other.number)
    decision = Decision(events=(marked,)) + done(intent, "duplicate", other=other.number)
    if issue.announced:
        decision += broadcast("ended", issue, policy, text="", follow=other.number)
    decision += _join(issue, other, intent.by, now, policy) + _keep_higher(issue, other, intent, now, policy)
    return decision + to_people("joined", other, (issue.reporter, *issue.joined), duplicate=issue.number)


def _join(issue: Issue, other: Issue, by: str, now: datetime, policy: Policy) -> Decision:
    """The second report's words go into the first one's log and to whoever is in charge of it."""
    joined = ReporterJoined(
        issue=other.number, at=now, by=by, reporter=issue.reporter, duplicate=issue.number, others=issue.joined
    )
    labels = {q.key: q.label for q in policy.questions}
    said = "\n\n".join(f"{labels.get(key, key)}\n{text}" for key, text in issue.answers.items() if text.strip())
    text = f"#{issue.number} {issue.headline}\n\n{said}".strip()
    kept = Commented(issue=other.number, at=now, by=issue.reporter, text=text, unverified=issue.unverified)
    charge = tuple(p for p in (in_charge(other, policy),) if p != by)
    told = to_people("comment", other, charge, author=issue.reporter, text=text, unverified=issue.unverified)
    return Decision(events=(joined, kept)) + told


def _keep_higher(issue: Issue, other: Issue, intent: want.Intent, now: datetime, policy: Policy) -> Decision:
    """ "The higher priority is kept", where whoever says so may decide it; else the triager is asked."""
    higher = issue.current
    if higher is None or not other.live or other.kind is Kind.FEATURE:
        return Decision()
    if other.current is not None and other.current <= higher:
        return Decision()
    if issue.unverified and not issue.confirmed and intent.by not in policy.triagers:
        return Decision()
    if other.state in UNDECIDED:
        event = PriorityPicked(issue=other.number, at=now, by=intent.by, before=other.reported, after=higher)
        return Decision(events=(event,))
    if intent.by in policy.triagers and other.state is State.OPEN:
        return decided(other, higher, "", intent.by, now, policy)
    asked = RaiseAsked(issue=other.number, at=now, by=intent.by, before=other.priority, after=higher)
    raised = apply(Decision(events=(asked,)), other) or other
    return Decision(events=(asked,)) + screen(raised, (policy.duty,), policy)


def ask_withdrawal(intent: want.Withdraw, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """After a decision "the triager confirms". Said again before anybody has answered, it is asked once."""
    asked, answered = issue.withdrawal_at, issue.answered_at
    if asked is not None and (answered is None or answered <= asked):
        return done(intent, "withdraw-asked")
    event = WithdrawalAsked(issue=issue.number, at=now, by=intent.by, reason=intent.reason.strip())
    people = (in_charge(issue, policy), issue.triager)
    told = to_people("withdrawn", issue, people, by=intent.by, reason=intent.reason.strip(), confirm=True)
    return Decision(events=(event,)) + told + done(intent, "withdraw-asked")


# --- the decision clock -----------------------------------------------------------------------------------------------


def half_time(issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "P0 and P1 have a decision clock …: a reminder at half time"."""
    event = HalfTimeTold(issue=issue.number, at=now, by="")
    due = timebox_ends(issue, policy)
    if due is None or due <= now:  # we were down: its end is told right away
        return Decision(events=(event,))
    return Decision(events=(event,)) + to_people("undecided", issue, (issue.triager or policy.duty,), due=due, missed=0)


def timebox(issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "At its end, and every 15 minutes until someone answers, the stand-ins and the next authority are told (without
    any: the operator), and the reported priority takes effect"."""
    count = issue.missed + 1
    event = TimeboxMissed(issue=issue.number, at=now, by="", count=count)
    after = apply(Decision(events=(event,)), issue) or issue
    there = [each for each in policy.authority if each not in policy.away] or policy.authority
    authority = there[min(count, len(there)) - 1 :][:1]
    people = (*policy.standby(issue.triager or policy.duty), *authority) or (policy.operator or policy.duty,)
    told = to_people("undecided", after, people, due=timebox_ends(issue, policy), missed=count)
    return Decision(events=(event,)) + told + page(after, policy, missed=True)


def timebox_ends(issue: Issue, policy: Policy) -> datetime | None:
    """When the decision on a P0 or P1 is due; None where none is awaited."""
    return decide_by(issue, policy) if issue.state is State.TRIAGE else None


def decision_clocks(issue: Issue, policy: Policy) -> dict[str, datetime]:
    """The timers of an awaited decision."""
    ends = timebox_ends(issue, policy)
    if ends is None or issue.clock_from is None:
        return {}
    if issue.missed_at is not None:
        return {} if issue.answered_at is not None else {"timebox": issue.missed_at + AGAIN}
    running = {"timebox": ends}
    asked = max(issue.clock_from, issue.asked_at or issue.clock_from)  # whoever was asked late has half of what is left
    if not issue.half_told and issue.answered_at is None and asked < ends:
        running["half-time"] = asked + (ends - asked) / 2
    return running
