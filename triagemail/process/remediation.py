"""Remediation makes up for the harm; it starts when service is restored and is never mixed with troubleshooting
(process.md 7)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from triagemail.process import disputes, triage
from triagemail.process import intents as want
from triagemail.process.events import (
    Decision,
    PriorityDecided,
    PriorityPicked,
    RemediationEnded,
    RemediationLinked,
    RemediationPaused,
    RemediationResumed,
    RemediationStarted,
    ReportFiled,
)
from triagemail.process.intents import Snapshot
from triagemail.process.life import evolve
from triagemail.process.model import Issue, Policy, Priority, State
from triagemail.process.reports import apply
from triagemail.process.updates import broadcast, done, first_part, in_charge, refuse, to_people

HEADLINE = 120  # characters of its text that name it


def remediate(intent: want.Remediate, parent: Issue, snapshot: Snapshot, now: datetime, policy: Policy) -> Decision:
    """`remediate P2: restore the deleted rows for ACME` on a troubleshooting issue opens a linked one; "asked for
    earlier, it waits and says so"."""
    text = intent.text.strip()
    if parent.remediation:
        return refuse(intent, "is-remediation")
    if parent.state not in (State.TRIAGE, State.OPEN, State.RESOLVED):
        return refuse(intent, "wrong-state", state=parent.state)
    if intent.priority is None or not text:
        return refuse(intent, "needs-text" if intent.priority is not None else "needs-start-priority")
    linked = (snapshot.issues[n] for n in parent.remediations if n in snapshot.issues)
    known = next((each for each in linked if each.live and each.answers.get("what") == text), None)
    if known is not None:
        return done(intent, "remediation-known", number=known.number)
    number = snapshot.next_number
    filed = ReportFiled(
        issue=number,
        at=now,
        by=parent.reporter,
        headline=first_part(text.splitlines()[0], HEADLINE),
        answers={"what": text},
        reported=intent.priority,
        mail=intent.mail,
        filed_by=intent.by,
        remediates=parent.number,
    )
    link = RemediationLinked(issue=parent.number, at=now, by=intent.by, number=number)
    decision = Decision(events=(link, filed))
    if parent.live:
        return decision + done(intent, "remediation-waits", number=number)
    return decision + done(intent, "remediation-opened", number=number) + start(evolve(None, filed), now, policy)


def start(issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "It starts when service is restored": the confirmers are asked, or it goes on where it was paused."""
    if issue.decided_at is not None:
        resumed = Decision(events=(RemediationResumed(issue=issue.number, at=now, by=""),))
        after = apply(resumed, issue) or issue
        return resumed + to_people("remediation", after, (in_charge(issue, policy),), how="resumed")
    started = Decision(events=(RemediationStarted(issue=issue.number, at=now, by=""),))
    after = apply(started, issue) or issue
    if not policy.confirmers:  # "no answer in a working day (or no confirmer at all) means agreed"
        return started + agreed(after, "", now, policy)
    return started + ask(after, policy)


def ask(issue: Issue, policy: Policy) -> Decision:
    """ "First they are asked the cheap question: can the customer simply retry or start over?" """
    until = policy.hours.working_day(issue.asked_at or issue.opened_at)
    return to_people("confirm-remediation", issue, policy.confirmers, until=until)


def pause(issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "Reopening the first issue pauses it." """
    paused = Decision(events=(RemediationPaused(issue=issue.number, at=now, by=""),))
    told = broadcast("ended", issue, policy, text="", paused=True) if issue.announced else Decision()
    after = apply(paused, issue) or issue
    return paused + told + to_people("remediation", after, (in_charge(issue, policy),), how="paused")


def follow(before: Issue | None, after: Issue, snapshot: Snapshot, now: datetime, policy: Policy) -> Decision:
    """What a change of the first issue means for its remediations: its end starts them, its reopening pauses them."""
    if before is None or not after.remediations or before.live == after.live:
        return Decision()
    linked = [snapshot.issues[n] for n in after.remediations if n in snapshot.issues]
    decision = Decision()
    for each in linked:
        if not after.live and each.state is State.WAITING:
            decision += start(each, now, policy)
        elif after.live and each.state in (State.TRIAGE, State.OPEN):
            decision += pause(each, now, policy)
    return decision


# --- the confirmers ---------------------------------------------------------------------------------------------------


def agree(intent: want.Agree, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "The confirmers get `agree` / `P1 because …`; the first to answer decides." """
    if issue.state is State.OPEN:
        return triage.already(intent, issue)
    if issue.state is not State.TRIAGE or issue.reported is None:
        return refuse(intent, "wrong-state", state=issue.state)
    if issue.dispute is not None:
        return refuse(intent, "in-dispute", asked=issue.dispute.asked)
    if intent.by not in policy.confirmers and policy.confirmers:
        return refuse(intent, "not-confirmer")
    return agreed(issue, intent.by, now, policy) + done(intent, "agreed", priority=issue.reported)


def agreed(issue: Issue, by: str, now: datetime, policy: Policy) -> Decision:
    """The starting priority is agreed, by a confirmer or by their silence (`by` is "")."""
    priority = issue.current if issue.current is not None else Priority.P2
    event = PriorityDecided(issue=issue.number, at=now, by=by, before=priority, after=priority)
    decision = Decision(events=(event,))
    people = tuple(p for p in (in_charge(issue, policy),) if p != by)
    return decision + to_people("remediation", apply(decision, issue) or issue, people, how="agreed", by=by)


def set_priority(intent: want.SetPriority, issue: Issue, now: datetime, policy: Policy, snapshot: Snapshot) -> Decision:
    """ "The triager sets the starting priority"; the confirmers' "other priority is the dispute"."""
    if intent.by in policy.confirmers and issue.state in (State.TRIAGE, State.OPEN):
        return _of_confirmer(intent, issue, now, policy)
    if issue.state is State.WAITING and intent.by not in policy.triagers:  # its confirmers are asked when it starts
        return refuse(intent, "wrong-state", state=issue.state)
    if issue.state in (State.TRIAGE, State.WAITING) and issue.decided_at is None:
        if intent.priority == issue.reported:
            return refuse(intent, "already-same", priority=intent.priority)
        event = PriorityPicked(issue=issue.number, at=now, by=intent.by, before=issue.reported, after=intent.priority)
        picked = Decision(events=(event,)) + done(intent, "priority-set", priority=intent.priority)
        after = apply(picked, issue) or issue
        return picked + (ask(after, policy) if issue.state is State.TRIAGE else Decision())
    return triage.set_priority(intent, issue, now, policy, snapshot)


def _of_confirmer(intent: want.SetPriority, issue: Issue, now: datetime, policy: Policy) -> Decision:
    if intent.priority == issue.current:
        as_agree = want.Agree(by=intent.by, evidence=intent.evidence, issue=intent.issue, mail=intent.mail)
        return agree(as_agree, issue, now, policy)
    if issue.final_by:
        return refuse(intent, "ruled", by=issue.final_by)
    if issue.state is State.OPEN and issue.decided_by in policy.confirmers:
        return triage.already(intent, issue)
    if not intent.reason.strip():
        return refuse(intent, "needs-reason", priority=intent.priority)
    if issue.state is State.OPEN:
        objection = want.Dispute(
            by=intent.by, evidence=intent.evidence, issue=intent.issue, mail=intent.mail, reason=intent.reason,
            priority=intent.priority,
        )  # fmt: skip
        return disputes.dispute(objection, issue, now, policy)
    return disputes.begin(intent, issue, intent.priority, intent.reason.strip(), now, policy)


def confirm_clock(issue: Issue, policy: Policy) -> dict[str, datetime]:
    """ "No answer in a working day means agreed." """
    if not issue.remediation or issue.state is not State.TRIAGE or issue.dispute is not None or issue.asked_at is None:
        return {}
    return {"confirm": policy.hours.working_day(issue.asked_at)}


ENDINGS: Mapping[str, str] = {"retry": "retried", "not-worth-it": "not-worth-it"}


def end(intent: want.EndRemediation, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """`retry: …` closes it so; `not worth it: …` too."""
    text = intent.text.strip()
    if not issue.remediation:
        return refuse(intent, "not-remediation")
    if issue.state not in (State.WAITING, State.TRIAGE, State.OPEN):
        return refuse(intent, "wrong-state", state=issue.state)
    if not text:
        return refuse(intent, "needs-text")
    event = RemediationEnded(issue=issue.number, at=now, by=intent.by, how=intent.how, text=text)
    decision = Decision(events=(event,)) + done(intent, ENDINGS[intent.how])
    after = apply(decision, issue) or issue
    if issue.announced:
        decision += broadcast("resolved", after, policy, text=first_part(text, policy.update_limit))
        return decision
    people = tuple(p for p in (issue.reporter, in_charge(issue, policy)) if p != intent.by)
    return decision + to_people("resolved", after, people, by=intent.by, text=text, how=intent.how)
