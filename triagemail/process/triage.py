"""The report, its missing answers, and the decision on its priority (process.md 2 and 3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from triagemail.process import intents as want
from triagemail.process.events import (
    AnswersGiven,
    Commented,
    Decision,
    DraftLapsed,
    IssueDeclined,
    IssueReopened,
    OwnerAccepted,
    OwnerNamed,
    PriorityDecided,
    PriorityPicked,
    RaiseAsked,
    ReporterReminded,
    ReportFiled,
    TriagerAsked,
    WithdrawalAsked,
    evolve,
)
from triagemail.process.model import PRIORITY, Issue, Policy, Priority, State
from triagemail.process.updates import broadcast, done, in_charge, refuse, to_people

NO_WORKAROUND = (
    "no workaround",
    "no work-around",
    "none",
    "without a workaround",
    "not work around",
    "can't work around",
    "cannot work around",
)


def missing(issue: Issue, policy: Policy) -> tuple[str, ...]:
    """The keys of the required questions that have no answer yet, in the template's order."""
    return tuple(
        key
        for key in policy.required()
        if (issue.reported is None if key == PRIORITY else not issue.answers.get(key, "").strip())
    )


def workaround(issue: Issue) -> bool:
    """ "When answer 4 names a workaround (and does not deny one), `P2 because there is a workaround` stands first." """
    text = issue.answers.get("affected", "").lower()
    return ("workaround" in text or "work around" in text or "work-around" in text) and not any(
        n in text for n in NO_WORKAROUND
    )


def apply(decision: Decision, issue: Issue | None) -> Issue | None:
    """The issue after a decision's events."""
    for event in decision.events:
        if event.issue:
            issue = evolve(issue, event)
    return issue


def file_report(intent: want.FileReport, number: int, now: datetime, policy: Policy, first: bool) -> Decision:
    """ "The report is kept as a draft issue from the first mail." """
    event = ReportFiled(
        issue=number,
        at=now,
        by=intent.by,
        headline=intent.headline,
        answers=dict(intent.answers),
        reported=intent.priority,
        unverified=not intent.evidence.believed,
        attachments=intent.attachments,
        material=intent.material,
        mail=intent.mail,
    )
    issue = evolve(None, event)
    return Decision(events=(event,)) + carry_on(issue, now, policy, first=first)


def carry_on(issue: Issue, now: datetime, policy: Policy, *, first: bool = False) -> Decision:
    """After new answers: a complete report goes to the triager, P0 never waits, gaps are asked for in one reply."""
    gaps = missing(issue, policy)
    asked = issue.state is not State.DRAFT
    decision = Decision()
    if not asked and (not gaps or issue.reported is Priority.P0):
        decision += ask_triager(issue, now, policy)
    if gaps:
        decision += to_people("missing", issue, (issue.reporter,), first=first, reminder=False, missing=gaps)
    elif not asked or issue.unverified:
        decision += to_people("received", issue, (issue.reporter,), verify=issue.unverified)
    return decision


def ask_triager(issue: Issue, now: datetime, policy: Policy, *, handover: bool = False) -> Decision:
    """ "A complete report goes to the triager on duty, on one screen." """
    event = TriagerAsked(issue=issue.number, at=now, by="", triager=policy.duty)
    return Decision(events=(event,)) + screen(issue, (policy.duty,), policy, handover=handover)


def screen(
    issue: Issue, people: tuple[str, ...], policy: Policy, *, handover: bool = False, reason: str = ""
) -> Decision:
    """The triager's mail; `reason` is what the reporter says beside a new priority."""
    return to_people(
        "triage",
        issue,
        people,
        missing=missing(issue, policy),
        workaround=workaround(issue),
        handover=handover,
        reason=reason.strip(),
    )


def fill_in(intent: want.FillIn, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "… can be answered by filling the gaps, over as many mails as it takes." """
    if not intent.evidence.believed:  # kept as an unverified comment (trust.md 3.4)
        lines = [f"{key}: {text}" for key, text in intent.answers.items()]
        lines += [str(intent.priority)] if intent.priority is not None else []
        return comment(
            want.Comment(by=intent.by, evidence=intent.evidence, mail=intent.mail, text="\n".join(lines)),
            issue,
            now,
            policy,
        )
    decision = Decision()
    if issue.state is State.LAPSED:  # "a reply reopens it"
        decision += Decision(events=(IssueReopened(issue=issue.number, at=now, by=intent.by, reason=""),))
    after = {key: merge(issue.answers.get(key, ""), text) for key, text in intent.answers.items()}
    if after or intent.attachments:
        before = {key: issue.answers[key] for key in after if key in issue.answers}
        given = AnswersGiven(
            issue=issue.number,
            at=now,
            by=intent.by,
            before=before,
            after=after,
            attachments=intent.attachments,
            mail=intent.mail,
        )
        decision += Decision(events=(given,))
    changed = apply(decision, issue) or issue
    if intent.priority is not None and intent.priority != changed.reported:
        decision += pick(intent, changed, intent.priority, "", now, policy)
        changed = apply(decision, issue) or issue
    return decision + after_answers(intent, changed, after, now, policy)


def after_answers(
    intent: want.FillIn, issue: Issue, after: Mapping[str, str], now: datetime, policy: Policy
) -> Decision:
    """Before a decision the report goes on its way; once the triager has been asked, new answers travel to whoever
    acts."""
    if issue.state is State.DRAFT:
        return carry_on(issue, now, policy)
    if not after and not intent.attachments:
        return Decision()
    thanked = Decision()
    if issue.state is State.TRIAGE and intent.by == issue.reporter and not missing(issue, policy):
        thanked = to_people("received", issue, (issue.reporter,), verify=False)
    labels = {q.key: q.label for q in policy.questions}
    text = "\n".join(f"{labels.get(key, key)}\n{intent.answers[key]}" for key in after)
    told = to_people("comment", issue, (in_charge(issue, policy),), author=intent.by, text=text, unverified=False)
    return thanked + told + (done(intent, "answers-kept") if intent.by != issue.reporter else Decision())


def merge(old: str, new: str) -> str:
    """Nothing that was answered is lost: a second answer is added to the first."""
    if not old.strip() or new.strip() == old.strip():
        return new
    return old if new.strip() in old else f"{old}\n{new}"


def pick(
    intent: want.Intent, issue: Issue, priority: Priority, reason: str, now: datetime, policy: Policy
) -> Decision:
    """The reporter picks, lowers or raises the priority of their own report."""
    match issue.state:
        case State.DRAFT | State.TRIAGE:
            return pick_undecided(intent, issue, priority, reason, now, policy)
        case State.OPEN if priority == issue.priority:
            return refuse(intent, "already-same", priority=priority)
        case State.OPEN if issue.priority is not None and priority > issue.priority:
            # "After a decision the reporter may lower the priority at once"
            return decide_priority(intent, issue, priority, reason, now, policy)
        case State.OPEN:
            return ask_raise(intent, issue, priority, reason, now, policy)
        case _:
            return refuse(intent, "wrong-state", state=issue.state)


def pick_undecided(
    intent: want.Intent, issue: Issue, priority: Priority, reason: str, now: datetime, policy: Policy
) -> Decision:
    """ "The reporter MUST pick it", and may change the pick until a triager has decided."""
    picked = PriorityPicked(
        issue=issue.number, at=now, by=intent.by, before=issue.reported, after=priority, reason=reason.strip()
    )
    decision = Decision(events=(picked,))
    after = apply(decision, issue) or issue
    decision += tell_list(issue, after, reason, policy)
    if issue.state is State.TRIAGE:  # before that, the mail about what is still missing says it
        decision += done(intent, "priority-picked", priority=priority)
        decision += screen(after, (in_charge(issue, policy),), policy, reason=reason)
    return decision


def ask_raise(
    intent: want.Intent, issue: Issue, priority: Priority, reason: str, now: datetime, policy: Policy
) -> Decision:
    """ "Raising it is a new decision with its own clock." """
    asked = RaiseAsked(
        issue=issue.number, at=now, by=intent.by, before=issue.priority, after=priority, reason=reason.strip()
    )
    raised = Decision(events=(asked,))
    after = apply(raised, issue) or issue
    told = screen(after, (policy.duty,), policy, reason=reason)
    return raised + told + done(intent, "raise-asked", priority=priority)


def agree(intent: want.Agree, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """**agree**: the reporter is told the priority and what happens next."""
    match issue.state:
        case State.OPEN:
            return refuse(intent, "already-decided", by=issue.decided_by, priority=issue.priority)
        case State.TRIAGE if issue.reported is None:
            return refuse(intent, "no-priority-yet")
        case State.TRIAGE if issue.reported is not None:
            return decide_priority(intent, issue, issue.reported, "", now, policy)
        case _:
            return refuse(intent, "wrong-state", state=issue.state)


def set_priority(
    intent: want.SetPriority, issue: Issue, now: datetime, policy: Policy, *, as_triager: bool
) -> Decision:
    """**another priority** "needs a reason (asked for if missing)"; the reporter's own word is a pick."""
    if not as_triager:
        picked = pick(intent, issue, intent.priority, intent.reason, now, policy)
        changed = apply(picked, issue) or issue
        return picked + (
            carry_on(changed, now, policy) if changed.state is State.DRAFT and picked.events else Decision()
        )
    if issue.state not in (State.DRAFT, State.TRIAGE, State.OPEN):
        return refuse(intent, "wrong-state", state=issue.state)
    if issue.state is State.OPEN and intent.priority == issue.priority:
        return refuse(intent, "already-same", priority=intent.priority)
    reported = issue.current
    if reported not in (None, intent.priority) and not intent.reason.strip():
        return refuse(intent, "needs-reason", priority=intent.priority)
    return decide_priority(intent, issue, intent.priority, intent.reason, now, policy)


def decide_priority(
    intent: want.Intent, issue: Issue, priority: Priority, reason: str, now: datetime, policy: Policy
) -> Decision:
    """The decision: the reporter is told, and what was broadcast is set right."""
    asked = Decision()
    if issue.state is State.DRAFT:  # a triager may decide before being asked
        asked = Decision(events=(TriagerAsked(issue=issue.number, at=now, by="", triager=intent.by),))
    before = issue.current
    agreed = priority == issue.reported and issue.state is not State.OPEN
    event = PriorityDecided(
        issue=issue.number, at=now, by=intent.by, before=before, after=priority, reason=reason.strip()
    )
    decision = asked + Decision(events=(event,))
    after = apply(decision, issue) or issue
    own = intent.by == issue.reporter and intent.by not in policy.triagers  # the reporter lowers it
    decision += done(intent, "agreed" if agreed else "priority-picked" if own else "priority-set", priority=priority)
    if issue.reporter != intent.by:
        words = {
            "agreed": agreed,
            "before": before,
            "by": intent.by,
            "reason": reason.strip(),
            "silent": not priority.urgent,
        }
        decision += to_people("decided", after, (issue.reporter,), **words)
    return decision + tell_list(issue, after, reason, policy)


def tell_list(before: Issue, after: Issue, reason: str, policy: Policy) -> Decision:
    """ "If a P0 or P1 becomes one [P2 or P3], a last broadcast says that updates end here and where it went"."""
    if not before.announced or before.current is None or before.current == after.current:
        return Decision()
    return broadcast("lowered", after, policy, before=before.current, text=reason.strip())


def decline(intent: want.Decline, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """**decline** closes it with a reason."""
    if issue.state not in (State.DRAFT, State.TRIAGE, State.OPEN):
        return refuse(intent, "wrong-state", state=issue.state)
    if not intent.reason.strip():
        return refuse(intent, "needs-reason")
    event = IssueDeclined(issue=issue.number, at=now, by=intent.by, reason=intent.reason.strip())
    decision = Decision(events=(event,)) + done(intent, "declined")
    if issue.announced:
        decision += broadcast("ended", issue, policy, text=intent.reason.strip())
    people = tuple(p for p in (issue.reporter, issue.owner) if p != intent.by)
    return decision + to_people("declined", issue, people, by=intent.by, reason=intent.reason.strip())


def name_owner(intent: want.NameOwner, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """**owner**: gets the whole issue and answers `mine`."""
    if issue.state not in (State.TRIAGE, State.OPEN):
        return refuse(intent, "wrong-state", state=issue.state)
    if intent.owner == issue.owner:
        return refuse(intent, "already-owner", owner=intent.owner)
    event = OwnerNamed(issue=issue.number, at=now, by=intent.by, before=issue.owner, after=intent.owner)
    decision = Decision(events=(event,)) + done(intent, "owner-named", owner=intent.owner)
    if intent.owner == intent.by:
        return decision
    return decision + to_people("owner", apply(decision, issue) or issue, (intent.owner,), by=intent.by)


def take_ownership(intent: want.TakeOwnership, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """`mine`, from the owner; from a triager it names themselves."""
    if issue.state not in (State.TRIAGE, State.OPEN):
        return refuse(intent, "wrong-state", state=issue.state)
    if intent.by == issue.owner:
        if issue.owner_accepted:
            return done(intent, "mine")
        return Decision(events=(OwnerAccepted(issue=issue.number, at=now, by=intent.by),)) + done(intent, "mine")
    event = OwnerNamed(issue=issue.number, at=now, by=intent.by, before=issue.owner, after=intent.by)
    return Decision(events=(event,)) + done(intent, "mine")


def comment(intent: want.Comment, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """A comment "travels: the reporter's to the owner (else the triager on duty), the owner's and triager's to the
    reporter, anyone else's to the owner; never to the list"."""
    unverified = not intent.evidence.believed
    event = Commented(
        issue=issue.number, at=now, by=intent.by, text=intent.text, unverified=unverified, mail=intent.mail
    )
    charge = in_charge(issue, policy)
    to = issue.reporter if intent.by in (charge, *policy.triagers) and not unverified else charge
    told = to_people("comment", issue, (to,), author=intent.by, text=intent.text, unverified=unverified)
    kept = Decision(events=(event,))
    if issue.state is State.DRAFT and intent.by == issue.reporter:
        return kept  # nobody but the reporter knows of it yet; it is in the log
    return kept + (told if to != intent.by else Decision())


def ask_withdrawal(intent: want.Withdraw, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """After a decision "the triager confirms"."""
    event = WithdrawalAsked(issue=issue.number, at=now, by=intent.by, reason=intent.reason.strip())
    people = (in_charge(issue, policy), issue.triager)
    told = to_people("withdrawn", issue, people, by=intent.by, reason=intent.reason.strip(), confirm=True)
    return Decision(events=(event,)) + told + done(intent, "withdraw-asked")


# --- timers of a report that nobody has finished ---------------------------------------------------------------------


def remind_reporter(issue: Issue, now: datetime, policy: Policy) -> Decision:
    """Once: "the reminder comes after 30 minutes with `P0` first among the answers"; other gaps after 4 hours."""
    event = ReporterReminded(issue=issue.number, at=now, by="")
    mail = to_people("missing", issue, (issue.reporter,), first=False, reminder=True, missing=missing(issue, policy))
    return Decision(events=(event,)) + mail


def hand_over(issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "After it the triager is told and may pick one for the reporter"; an incomplete P1 goes with its gaps after
    15 minutes."""
    return ask_triager(issue, now, policy, handover=issue.reported is None)


def lapse(issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "A draft untouched for 14 days closes with a mail." """
    return Decision(events=(DraftLapsed(issue=issue.number, at=now, by=""),)) + to_people(
        "lapsed", issue, (issue.reporter,)
    )
