"""Closure: resolved with thanks, band-aids, withdrawn, reopened (process.md 6)."""

from __future__ import annotations

from datetime import datetime, timedelta

from triagemail.process import intents as want
from triagemail.process.events import (
    BandAidAdded,
    BandAidDone,
    Decision,
    Draft,
    IssueContinued,
    IssueReopened,
    IssueResolved,
    IssueWithdrawn,
    PriorityDecided,
)
from triagemail.process.model import Invite, Issue, Policy, State
from triagemail.process.reports import apply, file_report
from triagemail.process.triage import ask_withdrawal
from triagemail.process.updates import broadcast, done, first_part, in_charge, next_due, rank, refuse, to_people

BAND_AIDS = 2  # "easy changes, two at most"


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
    if issue.announced:
        decision += broadcast("resolved", after, policy, text=first_part(text, policy.update_limit))
    else:
        reporter = tuple(p for p in (issue.reporter, *issue.joined) if p != intent.by)
        decision += to_people("resolved", after, reporter, by=intent.by, text=text, how="resolved")
    return decision + thanks(after, now, policy)


def thanks(issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "The team gets thanks and a 10-minute break as a calendar invite at the next quarter hour (at night: next
    morning)"; the triager's mail also asks "whether remediation is needed and for one or two band-aids"."""
    if not issue.urgent and not issue.remediation:
        return Decision()
    triager = issue.triager or issue.filed_by or policy.duty
    team = tuple(dict.fromkeys(p for p in (triager, issue.owner, *issue.team) if p))
    starts = policy.hours.quarter(now)
    ends = starts + timedelta(minutes=policy.break_minutes)
    uid = f"break-{issue.number}-{int(starts.timestamp())}@{policy.domain}"
    invite = Invite(uid, starts, ends, policy.timezone, team) if policy.break_minutes else None
    said = {"break_at": starts if invite else None, "team": team}
    asked = () if issue.remediation else (triager,)  # a remediation's "closure asks only for thanks"
    return Decision(
        drafts=tuple(
            Draft("closing" if p in asked else "thanks", p, issue.number, said, rank(issue), invite=invite)
            for p in team
        )
    )


def add_band_aid(intent: want.AddBandAid, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """`band-aid: …`, "from any of the team; a third is refused with the reason"."""
    if issue.remediation:
        return refuse(intent, "is-remediation")
    if issue.state not in (State.TRIAGE, State.OPEN, State.RESOLVED):
        return refuse(intent, "wrong-state", state=issue.state)
    if not intent.text.strip():
        return refuse(intent, "needs-text")
    known = [n for n, each in enumerate(issue.band_aids, 1) if each.text == intent.text.strip() and not each.done_at]
    if known:
        return done(intent, "band-aid-kept", which=known[0])
    if len(issue.band_aids) >= BAND_AIDS:
        return refuse(intent, "third-band-aid")
    event = BandAidAdded(issue=issue.number, at=now, by=intent.by, text=intent.text.strip())
    return Decision(events=(event,)) + done(intent, "band-aid-kept", which=len(issue.band_aids) + 1)


def finish_band_aid(intent: want.FinishBandAid, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "Open ones stand on the review's agenda until `done`." """
    unfinished = [n for n, each in enumerate(issue.band_aids, 1) if each.done_at is None]
    if not unfinished or issue.state not in (State.TRIAGE, State.OPEN, State.RESOLVED):
        return refuse(intent, "no-band-aid")
    which = intent.which if intent.which is not None else unfinished[0]
    if intent.which is None and len(unfinished) > 1:
        return refuse(intent, "which-band-aid")
    if which not in unfinished:
        return refuse(intent, "no-band-aid")
    event = BandAidDone(issue=issue.number, at=now, by=intent.by, which=which)
    return Decision(events=(event,)) + done(intent, "band-aid-done", which=which)


def withdraw(intent: want.Withdraw, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """`withdraw: why` (it works again): "before a decision it closes, later the triager confirms"."""
    if issue.state is State.OPEN:
        return ask_withdrawal(intent, issue, now, policy)
    if issue.state not in (State.DRAFT, State.TRIAGE, State.VALIDATING):
        return refuse(intent, "wrong-state", state=issue.state)
    reason = intent.reason.strip()
    decision = Decision(events=(IssueWithdrawn(issue=issue.number, at=now, by=intent.by, reason=reason),))
    decision += done(intent, "withdrawn")
    if issue.announced:  # "if it was announced, a last broadcast says so"
        decision += broadcast("ended", issue, policy, text=reason)
    if issue.state is not State.DRAFT:
        charge = (in_charge(issue, policy),)
        decision += to_people("withdrawn", issue, charge, by=intent.by, reason=reason, confirm=False)
    return decision


def reopen(intent: want.Reopen, issue: Issue, number: int, now: datetime, policy: Policy) -> Decision:
    """`reopen: why` works for the configured time; "after it, a new issue is opened that refers to the old one"."""
    if issue.live:
        return refuse(intent, "wrong-state", state=issue.state)
    if issue.state in (State.DECLINED, State.DUPLICATE) and intent.by not in policy.triagers:
        return refuse(intent, "declined-final" if issue.state is State.DECLINED else "not-triager")
    if issue.ended_at is not None and now > issue.ended_at + policy.reopen and not issue.remediation:
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
    """The new issue has the old answers, the reason on top, and stands as reported by whoever asked for it. The old one
    says where it goes on, so that asking twice opens one."""
    if issue.continued_as is not None:
        return done(intent, "reopened-late", number=issue.continued_as)
    continued = IssueContinued(issue=issue.number, at=now, by=intent.by, number=number)
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
    new = Decision(events=(continued,)) + done(intent, "reopened-late", number=number)
    return new + file_report(report, number, now, policy, first=False)
