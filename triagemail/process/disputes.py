"""Dispute and escalation: who decides is agreed beforehand, and every step has a deadline (process.md 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from triagemail.process import intents as want
from triagemail.process.events import (
    Decision,
    DecisionDisputed,
    DisputeEnded,
    DisputeHandedOn,
    Event,
    IssueReopened,
    NextUpdateSet,
    PriorityDecided,
    TakenAsBug,
    ThrowCast,
)
from triagemail.process.model import GAME, Issue, Policy, Priority, RunningDispute, State
from triagemail.process.reports import apply, tell_list
from triagemail.process.updates import done, next_due, refuse, to_people

BEATS: Mapping[str, str] = {"rock": "scissors", "paper": "rock", "scissors": "paper"}
TIES = 3  # "at the third tie, the decision stands"


def dispute(intent: want.Dispute, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "The reporter may answer a decision with `dispute: why` within the window (24 h)." """
    if issue.dispute is not None:
        return refuse(intent, "in-dispute", asked=issue.dispute.asked)
    if issue.state not in (State.OPEN, State.DECLINED, State.VALIDATING):
        return refuse(intent, "undecided" if issue.live else "wrong-state", state=issue.state)
    wanted = intent.priority if intent.priority is not None else issue.reported
    code = _refusal(intent, issue, wanted, now, policy)
    if code or wanted is None:
        return refuse(intent, code or "needs-priority", by=issue.final_by, state=issue.state)
    return begin(intent, issue, wanted, intent.reason.strip(), now, policy)


def _refusal(intent: want.Dispute, issue: Issue, wanted: Priority | None, now: datetime, policy: Policy) -> str:
    decided = issue.decision_at
    same = issue.state is State.OPEN and wanted is not None and issue.priority is not None and wanted >= issue.priority
    if issue.final_by:
        return "ruled"
    if decided is None or issue.decided_by == intent.by or (same and not issue.remediation):
        return "nothing-to-dispute"
    if issue.disputed_at is not None and issue.disputed_at >= decided:
        return "already-disputed"
    if now > decided + policy.dispute_window:
        return "dispute-late"
    return "" if intent.reason.strip() else "needs-reason"


def begin(intent: want.Intent, issue: Issue, wanted: Priority, reason: str, now: datetime, policy: Policy) -> Decision:
    """ "Who decides is config." """
    standing = issue.current if issue.state in (State.OPEN, State.TRIAGE) else None
    new = RunningDispute(
        by=intent.by,
        against=issue.decided_by or issue.filed_by or policy.duty,
        policy=policy.dispute,
        wanted=wanted,
        decided=standing,
        reason=reason,
        started_at=now,
        deadline=_deadline(standing, wanted, now, policy),
        step=(_place(-1, policy) or 0) if policy.dispute == "hierarchy" else 0,
    )
    new = replace(new, asked=_first_asked(new, policy))
    event = DecisionDisputed(issue=issue.number, at=now, by=intent.by, dispute=new)
    decision = Decision(events=(event,))
    after = apply(decision, issue) or issue
    if policy.dispute == "reporter":  # "the reported priority is restored at once"
        return decision + settle(after, wanted, new.by, "reporter", reason, now, policy) + done(intent, "dispute-won")
    told = _ask(after, new, policy)
    if new.against not in new.asked:
        told += to_people("disputed", after, (new.against,), dispute=new)
    return decision + _sooner(after, now, policy) + told + done(intent, "disputed", asked=new.asked, until=new.deadline)


def _first_asked(new: RunningDispute, policy: Policy) -> tuple[str, ...]:
    match new.policy:
        case "triager":  # "the triager's second look is final"
            there = new.against in policy.standby()
            return (new.against if there else policy.duty,)
        case "hierarchy":
            return policy.authority[new.step :][:1] or (policy.duty,)
        case "rock-paper-scissors":
            return (new.by, new.against)
        case _:
            return ()


def _place(after: int, policy: Policy) -> int | None:
    """The place of the next authority in the chain who can be reached."""
    return next((n for n, who in enumerate(policy.authority) if n > after and who not in policy.away), None)


def _deadline(standing: Priority | None, wanted: Priority, now: datetime, policy: Policy) -> datetime:
    """Every step has one; "every P2/P3 clock" runs in working hours."""
    urgent = min(p for p in (standing, wanted) if p is not None).urgent
    return now + policy.dispute_step if urgent else policy.hours.add(now, policy.dispute_step)


def _sooner(issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "While a dispute runs … its updates too [run at the higher priority] if it was already announced"."""
    due = next_due(issue, now, policy)
    if not issue.announced or due is None or issue.next_update_at is None or issue.next_update_at <= due:
        return Decision()
    return Decision(events=(NextUpdateSet(issue=issue.number, at=now, by="", before=issue.next_update_at, after=due),))


def _ask(issue: Issue, running: RunningDispute, policy: Policy) -> Decision:
    """Who rules answers `P1 because …`; who plays throws."""
    template = "throw" if running.policy == GAME else "ruling"
    return to_people(template, issue, running.asked, dispute=running)


def meanwhile(intent: want.Intent, issue: Issue | None, code: str, policy: Policy) -> Decision | None:
    """What an authority hears who agrees, or who decides while another one is asked: not that only triagers decide."""
    asked = issue.dispute.asked if issue is not None and issue.dispute is not None else ()
    decides = isinstance(intent, (want.Agree, want.SetPriority, want.Decline, want.SetKind))
    if code != "not-triager" or not decides or not asked or intent.by not in (*asked, *policy.authority):
        return None
    agrees = isinstance(intent, want.Agree) and intent.by in asked
    return refuse(intent, "no-agree-in-dispute" if agrees else "in-dispute", asked=asked)


# --- rulings ----------------------------------------------------------------------------------------------------------


def rule(intent: want.SetPriority, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "Who rules answers `P1 because …`. A ruling is final for that decision." """
    if not intent.reason.strip():
        return refuse(intent, "needs-reason", priority=intent.priority)
    ruling = settle(issue, intent.priority, intent.by, "ruled", intent.reason.strip(), now, policy)
    return ruling + done(intent, "ruled-it", priority=intent.priority)


def uphold_decline(intent: want.Decline, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """`decline: why` from who rules on a decline: it stands."""
    if not intent.reason.strip():
        return refuse(intent, "needs-reason")
    return settle(issue, None, intent.by, "ruled", intent.reason.strip(), now, policy) + done(intent, "declined")


def uphold_feature(intent: want.SetKind, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """`feature because …` from who rules on one that was taken for a feature request: it stays one."""
    if not intent.reason.strip():
        return refuse(intent, "needs-reason", kind=intent.kind)
    return settle(issue, None, intent.by, "ruled", intent.reason.strip(), now, policy) + done(intent, "feature-upheld")


def accept(intent: want.SetPriority, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """Who disputed writes the decided priority: they agree after all."""
    ended = settle(issue, None, "", "withdrawn", intent.reason.strip(), now, policy)
    others = tuple(draft for draft in ended.drafts if draft.to != intent.by)  # whose receipt says it
    return replace(ended, drafts=others) + done(intent, "dispute-withdrawn", priority=intent.priority)


def settle(
    issue: Issue, priority: Priority | None, by: str, how: str, reason: str, now: datetime, policy: Policy
) -> Decision:
    """The dispute ends with this priority (None: the decision stands). "Everyone concerned is told who ruled, what and
    why." """
    running = issue.dispute
    if running is None:
        return Decision()
    decision = Decision(events=_rightly(issue, priority, by, reason, now))
    ended = DisputeEnded(issue=issue.number, at=now, by=by, how=how, final_by=by, reason=reason)
    decision += Decision(events=(ended,))
    after = apply(decision, issue) or issue
    decision += tell_list(issue, after, reason, policy)
    people = (running.by, running.against, issue.reporter, issue.owner, *running.asked)
    others = tuple(p for p in people if p not in (by, "") or how in ("won", "forfeit"))
    return decision + to_people("ruled", after, others, how=how, by=by, reason=reason, dispute=running)


def _rightly(issue: Issue, priority: Priority | None, by: str, reason: str, now: datetime) -> tuple[Event, ...]:
    """The events that make the ruled priority the issue's."""
    pending = issue.remediation and issue.state is State.TRIAGE  # the dispute was the confirmer's answer
    if priority is None or (priority == issue.priority and issue.state is State.OPEN):
        if not pending:
            return ()
        priority = issue.current or Priority.P2
    decided = PriorityDecided(issue=issue.number, at=now, by=by, before=issue.current, after=priority, reason=reason)
    match issue.state:
        case State.DECLINED:
            return (IssueReopened(issue=issue.number, at=now, by=by, reason=reason), decided)
        case State.VALIDATING:
            return (TakenAsBug(issue=issue.number, at=now, by=by), decided)
        case _:
            return (decided,)


# --- the game ---------------------------------------------------------------------------------------------------------


def throw(intent: want.Throw, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "Both mail `rock`, `paper` or `scissors`; a throw stays sealed until both are in; a tie is thrown again." """
    running = issue.dispute
    if running is None or running.policy != GAME:
        return refuse(intent, "no-game")
    if intent.by in running.throws:
        return refuse(intent, "thrown-already")
    cast = Decision(events=(ThrowCast(issue=issue.number, at=now, by=intent.by, hand=intent.hand),))
    after = apply(cast, issue) or issue
    if after.dispute is None or len(after.dispute.throws) < 2:
        return cast + done(intent, "thrown")
    return cast + done(intent, "thrown-last") + _revealed(after, after.dispute, now, policy)


def _revealed(issue: Issue, running: RunningDispute, now: datetime, policy: Policy) -> Decision:
    hers, theirs = running.throws[running.by], running.throws[running.against]
    if hers != theirs:
        return _won(issue, running.by if BEATS[hers] == theirs else running.against, "won", now, policy)
    if running.step + 1 >= TIES:
        return settle(issue, None, "", "third-tie", "", now, policy)
    again = replace(running, step=running.step + 1, throws={}, deadline=_renewed(running, now, policy))
    event = DisputeHandedOn(issue=issue.number, at=now, by="", dispute=again)
    return Decision(events=(event,)) + _ask(issue, again, policy)


def _won(issue: Issue, winner: str, how: str, now: datetime, policy: Policy) -> Decision:
    """ "The winner's priority stands." """
    running = issue.dispute
    wanted = running.wanted if running is not None and winner == running.by else None
    return settle(issue, wanted, winner, how, "", now, policy)


def _renewed(running: RunningDispute, now: datetime, policy: Policy) -> datetime:
    return _deadline(running.decided, running.wanted or Priority.P3, now, policy)


# --- deadlines --------------------------------------------------------------------------------------------------------


def deadline(issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "Who does not throw by the deadline loses"; "each with a time limit, then the next"; "when the last lapses, [or]
    nobody throws, the decision stands"."""
    running = issue.dispute
    if running is None:
        return Decision()
    if running.policy == GAME:
        winner = next(iter(running.throws), "")
        if winner:
            return _won(issue, winner, "forfeit", now, policy)
        return settle(issue, None, "", "nobody-threw", "", now, policy)
    step = _place(running.step, policy) if running.policy == "hierarchy" else None
    if step is not None:
        return _hand_on(issue, running, step, policy.authority[step], now, policy)
    return settle(issue, None, "", "lapsed", "", now, policy)


def pass_over(issue: Issue, who: str, now: datetime, policy: Policy) -> Decision:
    """Who was asked to rule cannot be reached: the next in line is asked at once; where nobody is left, its time runs
    on."""
    running = issue.dispute
    if running is None or who not in running.asked:
        return Decision()
    step = _place(running.step, policy) if running.policy == "hierarchy" else None
    if step is not None:
        return _hand_on(issue, running, step, policy.authority[step], now, policy)
    if running.policy == "triager" and policy.duty != who:
        return _hand_on(issue, running, running.step, policy.duty, now, policy)
    return Decision()


def _hand_on(issue: Issue, running: RunningDispute, step: int, asked: str, now: datetime, policy: Policy) -> Decision:
    again = replace(running, step=step, asked=(asked,), deadline=_renewed(running, now, policy))
    event = DisputeHandedOn(issue=issue.number, at=now, by="", dispute=again)
    return Decision(events=(event,)) + _ask(issue, again, policy)


def moot(issue: Issue, now: datetime) -> Decision:
    """A dispute about a decision that no longer stands, or of an issue that is over, ends by itself."""
    if issue.dispute is None:
        return Decision()
    over = not issue.live and issue.state is not State.DECLINED
    if not over and issue.state is not State.WAITING and issue.decision_at == issue.disputed_at:
        return Decision()
    return Decision(events=(DisputeEnded(issue=issue.number, at=now, by="", how="moot"),))
