"""The front door of the process: one pure function from what is known and what is wanted to what happens.

`decide` knows no clock, no chance and no I/O: time, numbers and state are arguments. A refusal is a decision too. It
raises only on bugs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from triagemail.process import (
    acts,
    bounces,
    closure,
    disputes,
    duty,
    limits,
    model,
    ownership,
    remediation,
    reports,
    review,
    subscriptions,
    triage,
    undo,
    updates,
)
from triagemail.process import intents as want
from triagemail.process.clocks import fire, fire_desk
from triagemail.process.events import (
    Commented,
    Decision,
    Draft,
    Event,
    Noted,
    Outcome,
    ReporterBelieved,
    ReportFiled,
    StatusAnswered,
)
from triagemail.process.intents import Intent, Snapshot
from triagemail.process.life import evolve, evolve_desk
from triagemail.process.model import Issue, Kind, Policy, State

CONFIRM_WITHIN = timedelta(hours=24)
SUBSCRIBE_WITHIN = timedelta(days=3)  # trust.md 3.3
LIST_WORDS = (want.Subscribe, want.Unsubscribe, want.Digest, want.Pause, want.Resume)
KEPT_ALWAYS = (want.Comment, want.FillIn, want.FileReport)  # "answers and comments in it are kept always"


Decided = tuple[tuple[Intent, Decision], ...]


def decide_all(snapshot: Snapshot, intents: Sequence[Intent], now: datetime, policy: Policy) -> Decided:
    """Several intents of one mail: "all are done or none is, and one reply lists the result of each"."""
    if any(intent.evidence.level is model.Level.EX for intent in intents):
        return ((intents[0], _short(intents[0], "spoof-suspect")),)
    if len(intents) == 1 and isinstance(intents[0], want.Confirm):
        return confirm(intents[0], snapshot, now, policy)
    decided = _fold(snapshot, intents, now, policy)
    if held := [each for each in decided if each[1].held]:
        return (held[0],)
    if any(d.freeze for _, d in decided):  # one that is short of evidence freezes all
        kept = [i for i in intents if _is_kept(i)]
        frozen = tuple(i for i in intents if not _is_kept(i))
        asked = (frozen[0], ask_to_confirm(frozen, snapshot))
        return (*_fold(snapshot, kept, now, policy), asked)
    if any(not o.ok for _, d in decided for o in d.outcomes):
        decided = _nothing_but_kept(snapshot, intents, decided, now, policy)
    return _with_receipt(decided, snapshot, policy)


def _is_kept(intent: Intent) -> bool:
    """Also where a command beside it is short of evidence; words that only a number puts to an issue are then short of
    it too (A8)."""
    return isinstance(intent, KEPT_ALWAYS) and not (isinstance(intent, want.Comment) and intent.by_number)


def _fold(
    snapshot: Snapshot, intents: Sequence[Intent], now: datetime, policy: Policy
) -> list[tuple[Intent, Decision]]:
    decided: list[tuple[Intent, Decision]] = []
    for intent in intents:
        decision = decide(snapshot, intent, now, policy)
        decided.append((intent, decision))
        snapshot = after(snapshot, decision.events)
    return decided


def _nothing_but_kept(
    snapshot: Snapshot,
    intents: Sequence[Intent],
    tried: Sequence[tuple[Intent, Decision]],
    now: datetime,
    policy: Policy,
) -> list[tuple[Intent, Decision]]:
    """One command was refused, so none is done; the reply says of each why, comments and answers stay."""
    again = dict(_fold_kept(snapshot, intents, now, policy))
    snapshot = after(snapshot, tuple(event for decision in again.values() for event in decision.events))
    result: list[tuple[Intent, Decision]] = []
    for place, (intent, decision) in enumerate(tried):
        if place in again:
            result.append((intent, again[place]))
            continue
        others = tuple(
            replace(o, ok=False, code="not-done-because-of-others") if o.ok else o for o in decision.outcomes
        )
        result.append((intent, _still_believed(decision, snapshot, now, policy) + Decision(outcomes=others)))
        snapshot = after(snapshot, result[-1][1].events)
    return result


def _still_believed(decision: Decision, snapshot: Snapshot, now: datetime, policy: Policy) -> Decision:
    """ "Until the reporter answers our mail": a refused command has answered it too."""
    answered = tuple(
        event
        for event in decision.events
        if isinstance(event, ReporterBelieved) and snapshot.issues[event.issue].unverified
    )
    return _follow_ups(Decision(events=answered), snapshot, now, policy) if answered else Decision()


def _fold_kept(
    snapshot: Snapshot, intents: Sequence[Intent], now: datetime, policy: Policy
) -> list[tuple[int, Decision]]:
    places = [place for place, intent in enumerate(intents) if isinstance(intent, KEPT_ALWAYS)]
    kept = _fold(snapshot, [intents[place] for place in places], now, policy)
    return [(place, decision) for place, (_, decision) in zip(places, kept, strict=True)]


def _with_receipt(decided: Sequence[tuple[Intent, Decision]], snapshot: Snapshot, policy: Policy) -> Decided:
    """One receipt for all commands of a mail, to the address that gave them; it names the issue to whom it concerns."""
    outcomes = tuple(o for _, d in decided for o in d.outcomes)
    if not outcomes:
        return tuple(decided)
    last, decision = decided[-1]
    about = (o.issue for o in outcomes if o.issue)
    number = next((n for n in about if acts.may_see(last.by, snapshot.issues.get(n), policy)), None)
    receipt = Draft("receipt", last.by, number, {"outcomes": outcomes, "undo": _undo_within(decided)})
    if len(outcomes) == 1 and outcomes[0].code == "near-miss":
        receipt = Draft("near-miss", last.by, number, outcomes[0].values)
    return (*decided[:-1], (last, decision + Decision(drafts=(receipt,))))


def _undo_within(decided: Sequence[tuple[Intent, Decision]]) -> timedelta | None:
    """How long `undo` in reply to this receipt takes it back: what changed an issue and opened none (undo.py)."""
    if any(not o.ok for _, d in decided for o in d.outcomes):
        return None
    takes = (i for i in decided if isinstance(i[0], ISSUE_ACTS) and not isinstance(i[0], want.Throw))
    events = [e for _, d in takes for e in d.events if e.issue and e.by and not isinstance(e, ReporterBelieved)]
    opened = any(isinstance(event, ReportFiled) for _, d in decided for event in d.events)
    return undo.WITHIN if events and not opened else None


def after(snapshot: Snapshot, events: Sequence[Event]) -> Snapshot:
    """The snapshot as it stands after some events; a second intent of the same mail sees what the first one did."""
    issues: dict[int, Issue] = dict(snapshot.issues)
    number, desk = snapshot.next_number, snapshot.desk
    for event in events:
        if event.issue:
            issues[event.issue] = evolve(issues.get(event.issue), event)
        else:
            desk = evolve_desk(desk, event)
        number += isinstance(event, ReportFiled)
    urgent = tuple(issues.get(i.number, i) for i in snapshot.urgent)
    return replace(snapshot, issues=issues, next_number=number, desk=desk, urgent=urgent)


def decide(snapshot: Snapshot, intent: Intent, now: datetime, policy: Policy) -> Decision:
    """One intent: is the person allowed, what happens, and what follows of it."""
    if intent.evidence.level is model.Level.EX:
        return _short(intent, "spoof-suspect")
    policy = duty.present(policy, snapshot.desk, now)
    intent = _meant(intent, snapshot)
    issue = snapshot.issues.get(intent.issue) if intent.issue else None
    if isinstance(intent, want.TimerFired):
        if intent.issue is None:
            return fire_desk(intent, snapshot, now, policy)
        return _follow_ups(fire(intent, issue, now, policy, deaf=snapshot.deaf), snapshot, now, policy)
    if isinstance(intent, want.Note):
        return note(intent, issue, now)
    if isinstance(intent, ISSUE_ACTS) and issue is None:
        return updates.refuse(intent, "unknown-issue" if intent.issue else "no-issue")
    believed = _believe(intent, issue, now)
    if code := acts.permit(intent, issue, policy):
        return believed + (disputes.meanwhile(intent, issue, code, policy) or _short(intent, code))
    issue = reports.apply(believed, issue)
    acted = _act(snapshot, intent, issue, now, policy)
    done = believed + acted + _thank(believed, acted, intent, issue, policy)
    return _follow_ups(done, snapshot, now, policy)


def _meant(intent: Intent, snapshot: Snapshot) -> Intent:
    """Words on a duplicate belong to the issue that it was joined to; nothing of a second report is lost."""
    issue = snapshot.issues.get(intent.issue) if intent.issue else None
    if issue is None or issue.duplicate_of is None or not isinstance(intent, want.Comment):
        return intent
    return replace(intent, issue=issue.duplicate_of) if issue.duplicate_of in snapshot.issues else intent


def _short(intent: Intent, code: str) -> Decision:
    if code == "confirm":
        return Decision(freeze=(intent,))
    if code in ("not-admitted", "spoof-suspect"):  # no reply to strangers, nor to whom a liar names (trust.md 3.5)
        return Decision(held=code)
    return updates.refuse(intent, code)


def _believe(intent: Intent, issue: Issue | None, now: datetime) -> Decision:
    """ "… until the reporter answers our mail": any believed mail of the reporter verifies the report."""
    if issue is None or not issue.unverified or not intent.evidence.believed:
        return Decision()
    if intent.by != (issue.filed_by or issue.reporter):
        return Decision()
    return Decision(events=(ReporterBelieved(issue=issue.number, at=now, by=intent.by),))


def _thank(believed: Decision, acted: Decision, intent: Intent, issue: Issue | None, policy: Policy) -> Decision:
    """Who has just shown that a complete report is theirs hears what happens next, once."""
    if issue is None or not believed.events or not isinstance(intent, want.Comment | want.FillIn):
        return Decision()
    if any(draft.template == "received" for draft in acted.drafts):  # new answers in the same mail have their thanks
        return Decision()
    if issue.state is not State.TRIAGE or reports.missing(issue, policy):
        return Decision()
    return reports.received(issue, issue.reporter, policy)


def _follow_ups(decision: Decision, snapshot: Snapshot, now: datetime, policy: Policy) -> Decision:
    """What follows of whatever was decided, in one place: pointless disputes end, remediations start or pause, and what
    must be announced is."""
    touched = dict.fromkeys(e.issue for e in decision.events if e.issue)
    settled = after(snapshot, decision.events)
    for number in touched:
        more = disputes.moot(settled.issues[number], now)
        more += remediation.follow(snapshot.issues.get(number), settled.issues[number], settled, now, policy)
        decision += more
        settled = after(settled, more.events) if more.events else settled
    for number in dict.fromkeys(e.issue for e in decision.events if e.issue):
        decision += updates.announce_if_due(settled.issues[number], now, policy, snapshot.alarm)
    return decision


ISSUE_ACTS = (
    want.FillIn, want.Comment, want.Agree, want.SetPriority, want.Decline, want.Withdraw, want.Dispute, want.Throw,
    want.SetKind, want.DefineExpected, want.SetArea, want.MarkDuplicate, want.BookCall, want.NameOwner,
    want.TakeOwnership, want.RefuseOwnership, want.SendUpdate, want.SetNextUpdate, want.SetHeadline, want.SetDoc,
    want.Resolve, want.Reopen, want.AddBandAid, want.FinishBandAid, want.Remediate, want.EndRemediation,
)  # fmt: skip


def _act(snapshot: Snapshot, intent: Intent, issue: Issue | None, now: datetime, policy: Policy) -> Decision:
    """One case per sentence of process.md that starts with somebody's word; those on an issue are in `_on_issue`."""
    if issue is not None and isinstance(intent, ISSUE_ACTS):
        return _on_issue(snapshot, intent, issue, now, policy)
    match intent:
        case want.FileReport():
            return reports.file_report(intent, snapshot.next_number, now, policy, snapshot.first_report, snapshot.alarm)
        case want.TakeDuty():
            return duty.take_duty(intent, snapshot, now, policy)
        case want.GoAway():
            return duty.go_away(intent, snapshot, now, policy)
        case want.ReportHeld():
            return limits.begin(snapshot, now)
        case want.TriagerUnreachable():
            return duty.unreachable(intent, snapshot, now, policy)
        case want.MailReturned():
            return bounces.returned(intent, snapshot, now, policy)
        case want.ProbeOver():
            return bounces.probe_over(intent, snapshot, now, policy)
        case want.HeardFrom():
            return bounces.heard(intent, snapshot, now, policy)
        case want.GiveFeedback():
            return review.feedback(intent, snapshot, now, policy)
        case want.UndoLast():
            return undo.undo(intent, snapshot, now, policy)
        case want.Ask():
            return answer(intent, snapshot, issue, policy)
        case want.NearMiss():
            return updates.refuse(intent, "near-miss", said=intent.said, meant=intent.meant)
        case want.TooMany():
            return updates.refuse(intent, "too-many", count=intent.count)
        case _:
            return _on_list(snapshot, intent, now, policy)


def _on_list(snapshot: Snapshot, intent: Intent, now: datetime, policy: Policy) -> Decision:
    match intent:
        case want.Subscribe():
            return subscriptions.subscribe(intent, snapshot, now, policy)
        case want.Unsubscribe():
            return subscriptions.unsubscribe(intent, snapshot, now, policy)
        case want.Digest() | want.Pause() | want.Resume() | want.Speak():
            return subscriptions.set_wish(intent, snapshot, now, policy)
        case _:
            raise TypeError(f"no rule for {type(intent).__name__}")


def _on_issue(snapshot: Snapshot, intent: Intent, issue: Issue, now: datetime, policy: Policy) -> Decision:
    match intent:
        case want.FillIn():
            return reports.fill_in(intent, issue, now, policy, snapshot.alarm)
        case want.Comment(broadcast_reply=True) if not _takes_part(intent.by, issue, policy):
            return answer_reader(intent, snapshot, issue, now, policy)
        case want.Comment():
            return reports.comment(intent, issue, now, policy)
        case want.Withdraw():
            return closure.withdraw(intent, issue, now, policy)
        case want.BookCall():
            return reports.book_call(intent, issue, now, policy)
        case want.Resolve():
            return closure.resolve(intent, issue, now, policy)
        case want.Reopen():
            return closure.reopen(intent, issue, snapshot.next_number, now, policy)
        case want.AddBandAid():
            return closure.add_band_aid(intent, issue, now, policy)
        case want.FinishBandAid():
            return closure.finish_band_aid(intent, issue, now, policy)
        case want.Remediate():
            return remediation.remediate(intent, issue, snapshot, now, policy)
        case want.EndRemediation():
            return remediation.end(intent, issue, now, policy)
        case _:
            return _on_decision(snapshot, intent, issue, now, policy)


def _on_decision(snapshot: Snapshot, intent: Intent, issue: Issue, now: datetime, policy: Policy) -> Decision:
    match intent:
        case want.SetPriority():
            return _on_priority(snapshot, intent, issue, now, policy)
        case want.Agree() if issue.dispute is not None:
            return updates.refuse(intent, "no-agree-in-dispute", asked=issue.dispute.asked)
        case want.Agree() if issue.remediation:
            return remediation.agree(intent, issue, now, policy)
        case want.Agree():
            return triage.agree(intent, issue, now, policy, snapshot)
        case want.Decline() if issue.state is State.DECLINED and _may_rule(issue, intent.by):
            return disputes.uphold_decline(intent, issue, now, policy)
        case want.Decline() if intent.by in policy.triagers:
            return triage.decline(intent, issue, now, policy)
        case want.Decline():
            return updates.refuse(intent, "not-triager")
        case want.Dispute():
            return disputes.dispute(intent, issue, now, policy)
        case want.Throw():
            return disputes.throw(intent, issue, now, policy)
        case want.SetKind(kind=Kind.FEATURE) if issue.state is State.VALIDATING and _may_rule(issue, intent.by):
            return disputes.uphold_feature(intent, issue, now, policy)
        case want.SetKind() if intent.by not in policy.triagers:
            return updates.refuse(intent, "not-triager")
        case want.SetKind(kind=Kind.FEATURE):
            return triage.take_as_feature(intent, issue, now, policy)
        case want.SetKind():
            return triage.take_as_bug(intent, issue, now, policy)
        case want.DefineExpected():
            return triage.define_expected(intent, issue, now, policy)
        case want.SetArea():
            return triage.set_area(intent, issue, now, policy)
        case want.MarkDuplicate():
            return triage.mark_duplicate(intent, issue, now, policy, snapshot.issues.get(intent.of))
        case _:
            return _on_updates(intent, issue, now, policy)


def _may_rule(issue: Issue, address: str) -> bool:
    return issue.dispute is not None and issue.dispute.policy != model.GAME and address in issue.dispute.asked


def _on_priority(snapshot: Snapshot, intent: want.SetPriority, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """`P1 because …` is a ruling, the reporter's pick, the confirmer's answer or the triager's decision: by who says
    it, and when."""
    running = issue.dispute
    match running:
        case model.RunningDispute() if _may_rule(issue, intent.by):
            return disputes.rule(intent, issue, now, policy)
        case model.RunningDispute() if intent.by == running.by and intent.priority == running.decided:
            return disputes.accept(intent, issue, now, policy)
        case model.RunningDispute() if not triage.new_facts(intent, issue):
            return updates.refuse(intent, "in-dispute", asked=running.asked)
        case _ if issue.remediation:
            return remediation.set_priority(intent, issue, now, policy, snapshot)
        case _ if intent.by in policy.triagers or intent.by == issue.final_by:
            return triage.set_priority(intent, issue, now, policy, snapshot)
        case _:
            picked = triage.pick(intent, issue, now, policy, snapshot)
            changed = reports.apply(picked, issue) or issue
            waits = changed.state is State.DRAFT and picked.events
            return picked + (reports.carry_on(changed, now, policy, alarm=snapshot.alarm) if waits else Decision())


def _on_updates(intent: Intent, issue: Issue, now: datetime, policy: Policy) -> Decision:
    match intent:
        case want.NameOwner():
            return ownership.name_owner(intent, issue, now, policy)
        case want.TakeOwnership():
            return ownership.take_ownership(intent, issue, now, policy)
        case want.RefuseOwnership():
            return ownership.refuse_ownership(intent, issue, now, policy)
        case want.SendUpdate():
            return updates.send_update(intent, issue, now, policy)
        case want.SetNextUpdate():
            return updates.set_next_update(intent, issue, now, policy)
        case want.SetHeadline():
            return updates.set_headline(intent, issue, now, policy)
        case want.SetDoc():
            return updates.set_doc(intent, issue, now, policy)
        case _:
            raise TypeError(f"no rule for {type(intent).__name__}")


def _takes_part(address: str, issue: Issue, policy: Policy) -> bool:
    return address in (issue.reporter, issue.owner, *issue.joined, *policy.triagers)


# --- questions -------------------------------------------------------------------------------------------------------


def answer(intent: want.Ask, snapshot: Snapshot, issue: Issue | None, policy: Policy) -> Decision:
    """`help`, `template`, `process`, `status`, `status #42`, `list`, `board`, `backlog`: they change nothing."""
    if intent.what in acts.OPEN_ASKS:
        known = acts.roles(intent.by, issue, policy)
        may = {"may_ask": "internal" in known, "may_join": "list" in known} if intent.what == "help" else {}
        return Decision(drafts=(Draft(intent.what, intent.by, None, may),))
    if intent.issue and issue is None:
        return updates.refuse(intent, "unknown-issue")
    if intent.what == "board":
        link = Decision(drafts=(Draft("board", intent.by, None, {"link": policy.web_url}),))  # a key to it is added
        return link if policy.web_url else updates.refuse(intent, "no-board")
    about = issue if intent.what == "status" else None
    shown = (about,) if about is not None else snapshot.open_issues
    if intent.what == "backlog":  # "P2 and P3 for sprint planning"
        shown = tuple(i for i in snapshot.open_issues if not i.urgent and i.state is not State.DRAFT)
    number = about.number if about is not None else None
    values = {"issues": shown, "answer_to_broadcast": False, "used": snapshot.p1_this_week}
    return Decision(drafts=(Draft(intent.what, intent.by, number, values),))


def answer_reader(intent: want.Comment, snapshot: Snapshot, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "Replies to a broadcast never reach the list. A question is answered with the latest status (once per person and
    update) and put in the issue's log." """
    said = Commented(
        issue=issue.number,
        at=now,
        by=intent.by,
        text=intent.text,
        unverified=not acts.vouched(intent, issue, policy),
        mail=intent.mail,
    )
    kept = Decision(events=(said,))
    if snapshot.status_answered or not intent.evidence.believed:
        return kept
    told = StatusAnswered(issue=issue.number, at=now, by=intent.by)
    values = {"issues": (issue,), "answer_to_broadcast": True, "used": snapshot.p1_this_week}
    return kept + Decision(events=(told,), drafts=(Draft("status", intent.by, issue.number, values),))


def note(intent: want.Note, issue: Issue | None, now: datetime) -> Decision:
    """ "… are recorded in silence": no mail goes out, and a report is not verified by it. A mail program that sends a
    read receipt by itself has only shown that our mail arrived; a forged report would else confirm itself."""
    if issue is None:
        return Decision()
    said = Noted(issue=issue.number, at=now, by=intent.by, what=intent.what, text=intent.text, mail=intent.mail)
    return Decision(events=(said,))


# --- short of evidence: held, and confirmed by one plain reply -------------------------------------------------------


def ask_to_confirm(frozen: tuple[Intent, ...], snapshot: Snapshot) -> Decision:
    """ "Held and confirmed by one plain reply (frozen action, single use), never dropped"; at most one mail a day."""
    if snapshot.confirm_asked:  # "further ones join the same pending item"
        return Decision(freeze=frozen)
    words, issues = tuple(type(i).__name__ for i in frozen), tuple(i.issue for i in frozen)
    only = words[0].lower() if set(words) in ({"Subscribe"}, {"Unsubscribe"}) else "commands"
    draft = Draft("confirm", frozen[0].by, None, {"wish": only, "commands": words, "issues": issues})
    return Decision(freeze=frozen, drafts=(draft,))


def confirm_until(frozen: Sequence[Intent], now: datetime) -> datetime:
    """When a pending item lapses: a day, for joining or leaving the list three."""
    list_only = all(isinstance(i, LIST_WORDS) for i in frozen)
    return now + (SUBSCRIBE_WITHIN if list_only else CONFIRM_WITHIN)


def confirm(intent: want.Confirm, snapshot: Snapshot, now: datetime, policy: Policy) -> Decided:
    """The plain reply: what the question named is decided against the present, with evidence E3, or cancelled; what
    joined it is asked."""
    pending = snapshot.pending
    outcome = Outcome("Confirm", "cancelled" if intent.cancel and pending else "confirm-over", False)
    nothing = _with_receipt([(intent, Decision(outcomes=(outcome,)))], snapshot, policy)
    if pending is None or pending.expires_at < now or pending.address != intent.by:
        return nothing
    proven = model.Evidence(model.Level.E3, "confirmed")
    asked, joined = pending.asked_and_joined()
    meant = [replace(i, evidence=proven) for i in asked]
    decided = nothing if intent.cancel else decide_all(snapshot, meant, now, policy)
    asks = joined and (replace(intent, evidence=proven), ask_to_confirm(joined, replace(snapshot, confirm_asked=False)))
    return (*decided, asks) if asks else decided
