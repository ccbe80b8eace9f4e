"""Closure: resolved, withdrawn, reopened (process.md 6)."""

from __future__ import annotations

from datetime import datetime

from triagemail.process import intents as want
from triagemail.process.events import (
    Decision,
    IssueReopened,
    IssueResolved,
    IssueWithdrawn,
    PriorityDecided,
)
from triagemail.process.model import Issue, Policy, State
from triagemail.process.triage import apply, ask_withdrawal, file_report
from triagemail.process.updates import broadcast, done, first_part, in_charge, next_due, refuse, to_people


def resolve(intent: want.Resolve, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """`resolve: what was done` sends the RESOLVED broadcast; for P2 and P3 only the reporter hears."""
    if issue.state not in (State.TRIAGE, State.OPEN):
        return refuse(intent, "wrong-state", state=issue.state)
    if not intent.text.strip():
        return refuse(intent, "needs-text")
    decision = Decision()
    if issue.state is State.TRIAGE:  # fixed before anyone agreed: the reported priority is taken as agreed
        if issue.reported is None:
            return refuse(intent, "no-priority-yet")
        agreed = PriorityDecided(issue=issue.number, at=now, by=intent.by, before=issue.reported, after=issue.reported)
        decision += Decision(events=(agreed,))
        issue = apply(decision, issue) or issue
    text = intent.text.strip()
    resolved = Decision(events=(IssueResolved(issue=issue.number, at=now, by=intent.by, text=text),))
    after = apply(resolved, issue) or issue
    decision += resolved + done(intent, "resolved")
    if not issue.announced:
        reporter = () if issue.reporter == intent.by else (issue.reporter,)
        return decision + to_people("resolved", after, reporter, by=intent.by, text=text)
    return decision + broadcast("resolved", after, policy, text=first_part(text, policy.update_limit))


def withdraw(intent: want.Withdraw, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """`withdraw: why` (it works again): "before a decision it closes, later the triager confirms"."""
    if issue.state is State.OPEN:
        return ask_withdrawal(intent, issue, now, policy)
    if issue.state not in (State.DRAFT, State.TRIAGE):
        return refuse(intent, "wrong-state", state=issue.state)
    reason = intent.reason.strip()
    decision = Decision(events=(IssueWithdrawn(issue=issue.number, at=now, by=intent.by, reason=reason),))
    decision += done(intent, "withdrawn")
    if issue.announced:  # "if it was announced, a last broadcast says so"
        decision += broadcast("ended", issue, policy, text=reason)
    if issue.state is State.TRIAGE:
        decision += to_people(
            "withdrawn", issue, (in_charge(issue, policy),), by=intent.by, reason=reason, confirm=False
        )
    return decision


def reopen(intent: want.Reopen, issue: Issue, number: int, now: datetime, policy: Policy) -> Decision:
    """`reopen: why` works for the configured time; "after it, a new issue is opened that refers to the old one"."""
    if issue.live:
        return refuse(intent, "wrong-state", state=issue.state)
    if issue.state is State.DECLINED and intent.by not in policy.triagers:
        return refuse(intent, "declined-final")
    if issue.ended_at is not None and now > issue.ended_at + policy.reopen:
        return reopen_late(intent, issue, number, now, policy)
    announced = issue.state is State.RESOLVED and issue.announced
    due = next_due(issue, now, policy) if announced else None
    event = IssueReopened(issue=issue.number, at=now, by=intent.by, reason=intent.reason.strip(), next_update_at=due)
    decision = Decision(events=(event,)) + done(intent, "reopened")
    after = apply(decision, issue) or issue
    if announced:
        decision += broadcast("reopened", after, policy, text="")
    people = tuple(p for p in (issue.reporter, in_charge(issue, policy)) if p != intent.by)
    return decision + to_people("reopened", after, people, by=intent.by, reason=intent.reason.strip())


def reopen_late(intent: want.Reopen, issue: Issue, number: int, now: datetime, policy: Policy) -> Decision:
    """The new issue has the old answers, the reason on top, and stands as reported by whoever asked for it."""
    what = f"{intent.reason.strip()}\n\n(#{issue.number}) {issue.answers.get('what', '')}".strip()
    report = want.FileReport(
        by=intent.by,
        evidence=intent.evidence,
        mail=intent.mail,
        headline=issue.headline,
        answers={**issue.answers, "what": what},
        priority=issue.reported if issue.priority is None else issue.priority,
        attachments=issue.attachments,
    )
    new = done(intent, "reopened-late", number=number)
    return new + file_report(report, number, now, policy, first=False)
