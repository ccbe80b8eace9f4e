"""The report and its missing answers, guidance, and what is said about an issue without a command (process.md 2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from triagemail.process import acts
from triagemail.process import intents as want
from triagemail.process.events import (
    AnswersGiven,
    CallBooked,
    CallOver,
    Commented,
    Decision,
    Draft,
    DraftLapsed,
    IssueReopened,
    PriorityPicked,
    ReporterReminded,
    ReportFiled,
    TriagerAsked,
)
from triagemail.process.life import evolve
from triagemail.process.model import PRIORITY, UNDECIDED, Invite, Issue, Policy, Priority, State, admits
from triagemail.process.updates import broadcast, correspondent, done, in_charge, rank, refuse, to_people

CALL_IN = timedelta(minutes=5)
CALL_LASTS = timedelta(minutes=15)

NO_WORKAROUND = (
    "no workaround",
    "no work-around",
    "none",
    "without a workaround",
    "not work around",
    "can't work around",
    "cannot work around",
)
UNSURE = ("not sure", "unsure", "don't know", "do not know", "no idea")


def missing(issue: Issue, policy: Policy) -> tuple[str, ...]:
    """The keys of the required questions that have no answer yet, in the template's order. A remediation asks none, and
    a machine cannot be asked."""
    if issue.remediation or admits(policy.monitors, issue.reporter):
        return ()
    return tuple(
        key
        for key in policy.required()
        if (issue.reported is None if key == PRIORITY else not issue.answers.get(key, "").strip())
    )


def decide_by(issue: Issue, policy: Policy) -> datetime | None:
    """When the timebox of a P0 or P1 ends, which runs "from when we first handled the report"; None for others."""
    if not issue.urgent or issue.clock_from is None or issue.remediation:
        return None
    box = policy.priorities[issue.current or Priority.P0].timebox
    return None if box is None else issue.clock_from + box


def unsure(issue: Issue) -> bool:
    """ "("not sure" is an answer; it hints at a feature request, to the triager only.)" """
    text = issue.answers.get("expected", "").lower().replace("\u2019", "'")
    return any(words in text for words in UNSURE)


def workaround(issue: Issue) -> bool:
    """ "When answer 4 names a workaround (and does not deny one), `P2 because there is a workaround` stands first." """
    text = issue.answers.get("affected", "").lower()
    return ("workaround" in text or "work around" in text or "work-around" in text) and not any(
        n in text for n in NO_WORKAROUND
    )


def apply(decision: Decision, issue: Issue | None) -> Issue | None:
    """The issue after the events of a decision that are about it (or open it)."""
    for event in decision.events:
        if event.issue and (issue is None or event.issue == issue.number):
            issue = evolve(issue, event)
    return issue


def file_report(
    intent: want.FileReport, number: int, now: datetime, policy: Policy, first: bool, alarm: Issue | None = None
) -> Decision:
    """ "The report is kept as a draft issue from the first mail." A triager may report for someone."""
    passed_on = bool(intent.behalf) and intent.by in policy.triagers
    enough = acts.eased(acts.DECIDES, policy) if passed_on else acts.BELIEVED
    event = ReportFiled(
        issue=number,
        at=now,
        by=intent.behalf if passed_on else intent.by,
        headline=intent.headline,
        answers=dict(intent.answers),
        reported=intent.priority,
        unverified=intent.evidence.level not in enough,
        attachments=intent.attachments,
        material=intent.material,
        mail=intent.mail,
        filed_by=intent.by if passed_on else "",
        via=intent.via if passed_on else "",
    )
    issue = evolve(None, event)
    filed = Decision(events=(event,)) + carry_on(issue, now, policy, first=first, alarm=alarm)
    if passed_on and not issue.unverified:  # else who filed it is written to as its reporter (trust.md L5)
        filed += done(intent, "filed-for", number=number, reporter=intent.behalf)
    return filed


def carry_on(
    issue: Issue, now: datetime, policy: Policy, *, first: bool = False, alarm: Issue | None = None
) -> Decision:
    """After new answers: a complete report goes to the triager, P0 never waits, gaps are asked for in one reply."""
    gaps = missing(issue, policy)
    asked = issue.state is not State.DRAFT
    decision = Decision()
    another = alarm if issue.reported is Priority.P0 and alarm is not None and alarm.number != issue.number else None
    if not asked and (not gaps or issue.reported is Priority.P0):
        decision += ask_triager(issue, now, policy, alarm=another)
    issue = apply(decision, issue) or issue
    person = (correspondent(issue),)
    if gaps:
        shown = another_shown(issue, another, policy)
        decision += to_people("missing", issue, person, reminder=False, **shown, **_gaps(issue, policy, first))
    elif not asked or issue.unverified:
        decision += received(issue, correspondent(issue), policy, verify=issue.unverified, alarm=another)
    return decision


def received(
    issue: Issue, person: str, policy: Policy, *, verify: bool = False, alarm: Issue | None = None
) -> Decision:
    """The report is complete: what happens next, and by when."""
    due = decide_by(issue, policy)
    return to_people("received", issue, (person,), verify=verify, due=due, **another_shown(issue, alarm, policy))


def another_shown(issue: Issue, alarm: Issue | None, policy: Policy) -> dict[str, object]:
    """ "Its reporter's reply names the open one"; "admitted outsiders see their own issues only": they get its number,
    and so does whoever has not shown yet who they are."""
    return {"alarm": alarm, "alarm_named": not issue.unverified and admits(policy.internal, correspondent(issue))}


def _gaps(issue: Issue, policy: Policy, first: bool) -> dict[str, object]:
    """What the mail about missing answers says. "A person's first report, and it is incomplete: the reply also offers
    15 minutes of guidance"; "a P0 gets no such offer before it is announced"."""
    offer = first and policy.offer_after_first and (issue.reported is not Priority.P0 or issue.announced)
    booking = policy.booking_url if offer else ""
    return {"first": first, "missing": missing(issue, policy), "offer": offer, "booking_url": booking}


def ask_triager(
    issue: Issue, now: datetime, policy: Policy, *, handover: bool = False, alarm: Issue | None = None
) -> Decision:
    """ "A complete report goes to the triager on duty, on one screen"; the pager gets three lines of every P0."""
    asked = Decision(events=(TriagerAsked(issue=issue.number, at=now, by="", triager=policy.duty),))
    after = apply(asked, issue) or issue
    return asked + screen(after, (policy.duty,), policy, handover=handover, alarm=alarm) + page(after, policy)


def page(issue: Issue, policy: Policy, *, missed: bool = False) -> Decision:
    """ "`people.page`: addresses … that get three lines of every P0, unverified ones included, and of each missed
    clock." """
    if not missed and issue.current is not Priority.P0:
        return Decision()
    return to_people("page", issue, policy.page, missed=missed, due=decide_by(issue, policy))


def screen(
    issue: Issue,
    people: tuple[str, ...],
    policy: Policy,
    *,
    handover: bool = False,
    reason: str = "",
    instead_of: str = "",
    called: bool = False,
    alarm: Issue | None = None,
) -> Decision:
    """The triager's mail; `reason` is what the reporter says beside a new priority, `instead_of` who cannot be reached,
    `called` that the guidance call is over, `alarm` the P0 beside which this one is not announced yet. `similar` open
    issues are for whoever knows them all to fill in."""
    return to_people(
        "triage",
        issue,
        people,
        due=decide_by(issue, policy),
        missing=missing(issue, policy),
        workaround=workaround(issue),
        unsure=unsure(issue),
        similar=(),
        handover=handover,
        reason=reason.strip(),
        instead_of=instead_of,
        called=called,
        alarm=alarm,
    )


# --- answers ----------------------------------------------------------------------------------------------------------


def fill_in(intent: want.FillIn, issue: Issue, now: datetime, policy: Policy, alarm: Issue | None = None) -> Decision:
    """ "… can be answered by filling the gaps, over as many mails as it takes." """
    if not intent.evidence.believed:  # kept as an unverified comment (trust.md 3.4)
        lines = [f"{key}: {text}" for key, text in intent.answers.items()]
        lines += [str(intent.priority)] if intent.priority is not None else []
        said = want.Comment(by=intent.by, evidence=intent.evidence, mail=intent.mail, text="\n".join(lines))
        return comment(said, issue, now, policy)
    decision = Decision()
    if issue.state is State.LAPSED:  # "a reply reopens it"
        decision += Decision(events=(IssueReopened(issue=issue.number, at=now, by=intent.by, reason=""),))
    merged = {key: merge(issue.answers.get(key, ""), text) for key, text in intent.answers.items()}
    after = {key: text for key, text in merged.items() if text != issue.answers.get(key, "")}
    if after or set(intent.attachments) - set(issue.attachments):
        given = AnswersGiven(
            issue=issue.number,
            at=now,
            by=intent.by,
            before={key: issue.answers[key] for key in after if key in issue.answers},
            after=after,
            attachments=intent.attachments,
            mail=intent.mail,
        )
        decision += Decision(events=(given,))
    changed = apply(decision, issue) or issue
    picked = intent.priority if intent.priority != changed.reported else None
    if picked is not None:
        pick = pick_undecided(intent, changed, picked, "", now, policy)
        decision += replace(pick, outcomes=()) if changed.state in UNDECIDED else pick  # the thanks say it
        changed = apply(decision, issue) or issue
    if not decision.events and intent.by != issue.reporter:  # said before: its reporter has heard
        return done(intent, "answers-kept")
    labels = {q.key: q.label for q in policy.questions}
    news = [f"{labels.get(key, key)}\n{intent.answers[key]}" for key in after]
    news += [] if picked is None else [str(picked)]
    return decision + after_answers(intent, changed, "\n".join(news), now, policy, alarm)


def after_answers(
    intent: want.FillIn, issue: Issue, news: str, now: datetime, policy: Policy, alarm: Issue | None
) -> Decision:
    """Before a decision the report goes on its way; once the triager has been asked, what is new travels to whoever
    acts. Who reported it hears what is still open, anybody else that it is kept."""
    own = intent.by == issue.reporter
    kept = Decision() if own else done(intent, "answers-kept")
    if issue.state is State.DRAFT:
        return carry_on(issue, now, policy, alarm=alarm) + kept
    if own and issue.state is State.TRIAGE:
        gaps = missing(issue, policy)
        kept = carry_on(issue, now, policy, alarm=alarm) if gaps else received(issue, issue.reporter, policy)
    return kept + (to_charge(intent, issue, news, policy) if news or intent.attachments else Decision())


def merge(old: str, new: str) -> str:
    """Nothing that was answered is lost: a second answer is added to the first."""
    if not old.strip() or new.strip() == old.strip():
        return new
    return old if new.strip() in old else f"{old}\n{new}"


def pick_undecided(
    intent: want.Intent, issue: Issue, priority: Priority, reason: str, now: datetime, policy: Policy
) -> Decision:
    """ "The reporter MUST pick it", and may change the pick until a triager has decided."""
    if issue.state not in UNDECIDED:
        return refuse(intent, "wrong-state", state=issue.state)
    if priority == issue.reported:
        return done(intent, "priority-picked", priority=priority)
    picked = PriorityPicked(
        issue=issue.number, at=now, by=intent.by, before=issue.reported, after=priority, reason=reason.strip()
    )
    decision = Decision(events=(picked,))
    after = apply(decision, issue) or issue
    decision += tell_list(issue, after, reason, policy)
    if issue.state is State.TRIAGE:  # before that, the mail about what is still missing says it
        decision += done(intent, "priority-picked", priority=priority)
        decision += screen(after, (issue.triager or policy.duty,), policy, reason=reason) + page(after, policy)
        if isinstance(intent, want.SetPriority) and issue.owner and issue.owner != issue.triager:
            decision += to_charge(intent, after, f"{priority}\n{reason}".strip(), policy)
    return decision


def to_charge(intent: want.Intent, issue: Issue, text: str, policy: Policy) -> Decision:
    """What somebody added, word for word, to whoever is in charge."""
    people = tuple(p for p in (in_charge(issue, policy),) if p != intent.by)
    return to_people("comment", issue, people, author=intent.by, text=text, unverified=False)


def tell_list(before: Issue, after: Issue, reason: str, policy: Policy) -> Decision:
    """ "If a P0 or P1 becomes one [P2 or P3], a last broadcast says that updates end here and where it went"."""
    if not before.announced or before.current is None or before.current == after.current:
        return Decision()
    return broadcast("lowered", after, policy, before=before.current, text=reason.strip())


def comment(intent: want.Comment, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """A comment "travels: the reporter's to the owner (else the triager on duty), the owner's and triager's to the
    reporter, anyone else's to the owner; never to the list"."""
    unverified = not acts.vouched(intent, issue, policy)
    charge = in_charge(issue, policy)
    answers = intent.by in (charge, *policy.triagers) and not unverified
    event = Commented(
        issue=issue.number,
        at=now,
        by=intent.by,
        text=intent.text,
        unverified=unverified,
        mail=intent.mail,
        in_charge=answers,
    )
    to = correspondent(issue) if answers else charge
    told = to_people("comment", issue, (to,), author=intent.by, text=intent.text, unverified=unverified)
    kept = Decision(events=(event,))
    unknown = issue.state is State.DRAFT and not issue.call_waits
    if (unknown and intent.by == issue.reporter) or admits(policy.monitors, intent.by):
        return kept  # nobody but the reporter knows of it yet, or an alert comes again; it is in the log
    return kept + (told if to != intent.by else Decision())


# --- guidance ---------------------------------------------------------------------------------------------------------


def book_call(intent: want.BookCall, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "`call` sends reporter and triager an invite for five minutes ahead (out of hours: next morning)"."""
    if issue.state not in UNDECIDED:
        return refuse(intent, "wrong-state", state=issue.state)
    if issue.call_at is not None and issue.call_at + CALL_LASTS > now:
        return refuse(intent, "call-booked", at=issue.call_at)
    soon = now + CALL_IN + timedelta(minutes=1, microseconds=-1)  # in whole minutes, and never in less than five
    starts = policy.hours.next_open(soon.replace(second=0, microsecond=0))
    triager = intent.by if intent.by in policy.triagers else policy.duty
    people = tuple(dict.fromkeys((issue.reporter, triager)))
    uid = f"call-{issue.number}-{int(starts.timestamp())}@{policy.domain}"
    invite = Invite(uid, starts, starts + CALL_LASTS, policy.timezone, people)
    said = {"at": starts, "until": starts + CALL_LASTS}
    mails = tuple(Draft("call", p, issue.number, said, rank(issue), invite=invite) for p in people)
    event = CallBooked(issue=issue.number, at=now, by=intent.by, starts_at=starts)
    return Decision(events=(event,), drafts=mails)


def call_over(issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "15 minutes after its start the triager is asked to fill in the rest." """
    over = Decision(events=(CallOver(issue=issue.number, at=now, by=""),))
    if not missing(issue, policy):
        return over
    if issue.state is State.TRIAGE:
        return over + screen(issue, (issue.triager or policy.duty,), policy, called=True)
    asked = TriagerAsked(issue=issue.number, at=now, by="", triager=policy.duty)
    return over + Decision(events=(asked,)) + screen(issue, (policy.duty,), policy, called=True)


# --- timers of a report that nobody has finished ----------------------------------------------------------------------


def remind_reporter(issue: Issue, now: datetime, policy: Policy) -> Decision:
    """Once: "the reminder comes after 30 minutes with `P0` first among the answers"; other gaps after 4 hours."""
    event = ReporterReminded(issue=issue.number, at=now, by="")
    if issue.state is State.DRAFT and (issue.touched_at or issue.opened_at) + policy.draft_closes <= now:
        return Decision(events=(event,))  # we were down: it closes right away
    said = _gaps(issue, policy, first=False)
    said |= another_shown(issue, None, policy)
    return Decision(events=(event,)) + to_people("missing", issue, (correspondent(issue),), reminder=True, **said)


def hand_over(issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "After it the triager is told and may pick one for the reporter"; an incomplete P1 goes with its gaps after
    15 minutes."""
    return ask_triager(issue, now, policy, handover=issue.reported is None)


def lapse(issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "A draft untouched for 14 days closes with a mail." """
    return Decision(events=(DraftLapsed(issue=issue.number, at=now, by=""),)) + to_people(
        "lapsed", issue, (correspondent(issue),)
    )
