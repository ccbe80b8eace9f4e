"""The front door of the process: one pure function from what is known and what is wanted to what happens.

`decide` knows no clock, no chance and no I/O: time, numbers and state are arguments. A refusal is a decision too. It
raises only on bugs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from triagemail.process import acts, closure, model, subscriptions, triage, updates
from triagemail.process import intents as want
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
    evolve,
)
from triagemail.process.intents import Intent, Snapshot
from triagemail.process.model import Issue, Policy, Priority, State

CONFIRM_WITHIN = timedelta(hours=24)
SUBSCRIBE_WITHIN = timedelta(days=3)  # trust.md 3.3
KEPT_ALWAYS = (want.Comment, want.FillIn, want.FileReport)  # "answers and comments in it are kept always"


def decide_all(
    snapshot: Snapshot, intents: Sequence[Intent], now: datetime, policy: Policy
) -> tuple[tuple[Intent, Decision], ...]:
    """Several intents of one mail: "all are done or none is, and one reply lists the result of each"."""
    if len(intents) == 1 and isinstance(intents[0], want.Confirm):
        return confirm(intents[0], snapshot, now, policy)
    decided = _fold(snapshot, intents, now, policy)
    if any(d.freeze for _, d in decided):  # one that is short of evidence freezes all
        kept = [i for i in intents if isinstance(i, KEPT_ALWAYS)]
        frozen = tuple(i for i in intents if not isinstance(i, KEPT_ALWAYS))
        return (*_fold(snapshot, kept, now, policy), (frozen[0], ask_to_confirm(frozen, snapshot)))
    if any(not o.ok for _, d in decided for o in d.outcomes):
        decided = _nothing_but_kept(snapshot, intents, decided, now, policy)
    return _with_receipt(decided)


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
    result: list[tuple[Intent, Decision]] = []
    for place, (intent, decision) in enumerate(tried):
        if place in again:
            result.append((intent, again[place]))
            continue
        others = tuple(
            replace(o, ok=False, code="not-done-because-of-others") if o.ok else o for o in decision.outcomes
        )
        result.append((intent, Decision(outcomes=others)))
    return result


def _fold_kept(
    snapshot: Snapshot, intents: Sequence[Intent], now: datetime, policy: Policy
) -> list[tuple[int, Decision]]:
    places = [place for place, intent in enumerate(intents) if isinstance(intent, KEPT_ALWAYS)]
    kept = _fold(snapshot, [intents[place] for place in places], now, policy)
    return [(place, decision) for place, (_, decision) in zip(places, kept, strict=True)]


def _with_receipt(decided: Sequence[tuple[Intent, Decision]]) -> tuple[tuple[Intent, Decision], ...]:
    """One receipt for all commands of a mail, to the address that gave them."""
    outcomes = tuple(o for _, d in decided for o in d.outcomes)
    if not outcomes:
        return tuple(decided)
    last, decision = decided[-1]
    number = next((o.issue for o in outcomes if o.issue), None)
    receipt = Draft("receipt", last.by, number, {"outcomes": outcomes})
    if len(outcomes) == 1 and outcomes[0].code == "near-miss":
        receipt = Draft("near-miss", last.by, number, outcomes[0].values)
    return (*decided[:-1], (last, decision + Decision(drafts=(receipt,))))


def after(snapshot: Snapshot, events: Sequence[Event]) -> Snapshot:
    """The snapshot as it stands after some events; a second intent of the same mail sees what the first one did."""
    issues: dict[int, Issue] = dict(snapshot.issues)
    number = snapshot.next_number
    for event in events:
        if event.issue:
            issues[event.issue] = evolve(issues.get(event.issue), event)
        number += isinstance(event, ReportFiled)
    return replace(snapshot, issues=issues, next_number=number)


def decide(snapshot: Snapshot, intent: Intent, now: datetime, policy: Policy) -> Decision:
    """One intent: is the person allowed, what happens, and is something to be announced because of it."""
    issue = snapshot.issues.get(intent.issue) if intent.issue else None
    if isinstance(intent, want.TimerFired):
        return _announced(_timer(intent, issue, now, policy), issue, now, policy)
    if isinstance(intent, want.Note):
        return note(intent, issue, now)
    if isinstance(intent, ISSUE_ACTS) and issue is None:
        return updates.refuse(intent, "unknown-issue" if intent.issue else "no-issue")
    if code := acts.permit(intent, issue, policy):
        return _short(intent, code)
    believed = _believe(intent, issue, now)
    issue = triage.apply(believed, issue)
    acted = _act(snapshot, intent, issue, now, policy)
    done = believed + acted + _thank(believed, acted, intent, issue, policy)
    return _announced(done, snapshot.issues.get(intent.issue or 0), now, policy)


def _short(intent: Intent, code: str) -> Decision:
    if code == "confirm":
        return Decision(freeze=(intent,))
    if code == "not-admitted":  # no reply to strangers (trust.md 3.5)
        return Decision(held="not-admitted")
    return updates.refuse(intent, code)


def _believe(intent: Intent, issue: Issue | None, now: datetime) -> Decision:
    """ "… until the reporter answers our mail": any believed mail of the reporter verifies the report."""
    if issue is None or not issue.unverified or intent.by != issue.reporter or not intent.evidence.believed:
        return Decision()
    return Decision(events=(ReporterBelieved(issue=issue.number, at=now, by=intent.by),))


def _thank(believed: Decision, acted: Decision, intent: Intent, issue: Issue | None, policy: Policy) -> Decision:
    """Who has just shown that a complete report is theirs hears what happens next, once."""
    if issue is None or not believed.events or not isinstance(intent, want.Comment | want.FillIn):
        return Decision()
    if any(draft.template == "received" for draft in acted.drafts):  # new answers in the same mail have their thanks
        return Decision()
    if issue.state is not State.TRIAGE or triage.missing(issue, policy):
        return Decision()
    return updates.to_people("received", issue, (issue.reporter,), verify=False)


def _announced(decision: Decision, issue: Issue | None, now: datetime, policy: Policy) -> Decision:
    """Whatever was decided, an issue that must be announced now is: there is one place that announces."""
    changed: dict[int, Issue] = {} if issue is None else {issue.number: issue}
    for event in decision.events:
        if event.issue:
            changed[event.issue] = evolve(changed.get(event.issue), event)
    for each in changed.values():
        decision += updates.announce_if_due(each, now, policy)
    return decision


ISSUE_ACTS = (
    want.FillIn, want.Comment, want.Agree, want.SetPriority, want.Decline, want.Withdraw, want.NameOwner,
    want.TakeOwnership, want.SendUpdate, want.SetNextUpdate, want.SetHeadline, want.SetDoc, want.Resolve,
    want.Reopen,
)  # fmt: skip


def _act(snapshot: Snapshot, intent: Intent, issue: Issue | None, now: datetime, policy: Policy) -> Decision:
    """One case per sentence of process.md that starts with somebody's word; those on an issue are in `_on_issue`."""
    if issue is not None and isinstance(intent, ISSUE_ACTS):
        return _on_issue(snapshot, intent, issue, now, policy)
    match intent:
        case want.FileReport():
            return triage.file_report(intent, snapshot.next_number, now, policy, snapshot.first_report)
        case want.Subscribe():
            return subscriptions.subscribe(intent, now)
        case want.Unsubscribe():
            return subscriptions.unsubscribe(intent, now)
        case want.Ask():
            return answer(intent, snapshot, issue)
        case want.NearMiss():
            return updates.refuse(intent, "near-miss", said=intent.said, meant=intent.meant)
        case want.TooMany():
            return updates.refuse(intent, "too-many", count=intent.count)
        case _:
            raise TypeError(f"no rule for {type(intent).__name__}")


def _on_issue(snapshot: Snapshot, intent: Intent, issue: Issue, now: datetime, policy: Policy) -> Decision:
    match intent:
        case want.FillIn():
            return triage.fill_in(intent, issue, now, policy)
        case want.Comment(broadcast_reply=True) if not _takes_part(intent.by, issue, policy):
            return answer_reader(intent, snapshot, issue, now)
        case want.Comment():
            return triage.comment(intent, issue, now, policy)
        case want.Agree():
            return triage.agree(intent, issue, now, policy)
        case want.SetPriority():
            return triage.set_priority(intent, issue, now, policy, as_triager=intent.by in policy.triagers)
        case want.Decline():
            return triage.decline(intent, issue, now, policy)
        case want.Withdraw():
            return closure.withdraw(intent, issue, now, policy)
        case want.NameOwner():
            return triage.name_owner(intent, issue, now, policy)
        case want.TakeOwnership():
            return triage.take_ownership(intent, issue, now, policy)
        case want.Resolve():
            return closure.resolve(intent, issue, now, policy)
        case want.Reopen():
            return closure.reopen(intent, issue, snapshot.next_number, now, policy)
        case _:
            return _on_updates(intent, issue, now, policy)


def _on_updates(intent: Intent, issue: Issue, now: datetime, policy: Policy) -> Decision:
    match intent:
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
    return address in (issue.reporter, issue.owner, *policy.triagers)


# --- questions -------------------------------------------------------------------------------------------------------


def answer(intent: want.Ask, snapshot: Snapshot, issue: Issue | None) -> Decision:
    """`help`, `template`, `process`, `status`, `status #42`, `list`: they change nothing."""
    if intent.what in acts.OPEN_ASKS:
        return Decision(drafts=(Draft(intent.what, intent.by),))
    if intent.issue and issue is None:
        return updates.refuse(intent, "unknown-issue")
    about = issue if intent.what == "status" else None
    shown = (about,) if about is not None else snapshot.open_issues
    number = about.number if about is not None else None
    return Decision(drafts=(Draft(intent.what, intent.by, number, {"issues": shown, "answer_to_broadcast": False}),))


def answer_reader(intent: want.Comment, snapshot: Snapshot, issue: Issue, now: datetime) -> Decision:
    """ "Replies to a broadcast never reach the list. A question is answered with the latest status (once per person and
    update) and put in the issue's log." """
    said = Commented(
        issue=issue.number,
        at=now,
        by=intent.by,
        text=intent.text,
        unverified=not intent.evidence.believed,
        mail=intent.mail,
    )
    kept = Decision(events=(said,))
    if snapshot.status_answered or not intent.evidence.believed:
        return kept
    told = StatusAnswered(issue=issue.number, at=now, by=intent.by)
    mail = Draft("status", intent.by, issue.number, {"issues": (issue,), "answer_to_broadcast": True})
    return kept + Decision(events=(told,), drafts=(mail,))


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
    first = frozen[0]
    if snapshot.confirm_asked:  # "further ones join the same pending item"
        return Decision(freeze=frozen)
    wish = {want.Subscribe: "subscribe", want.Unsubscribe: "unsubscribe"}.get(type(first), "commands")
    words = tuple(type(i).__name__ for i in frozen)
    return Decision(freeze=frozen, drafts=(Draft("confirm", first.by, None, {"wish": wish, "commands": words}),))


def confirm_until(frozen: Sequence[Intent], now: datetime) -> datetime:
    """When a pending item lapses: a day, for joining or leaving the list three."""
    list_only = all(isinstance(i, want.Subscribe | want.Unsubscribe) for i in frozen)
    return now + (SUBSCRIBE_WITHIN if list_only else CONFIRM_WITHIN)


def confirm(
    intent: want.Confirm, snapshot: Snapshot, now: datetime, policy: Policy
) -> tuple[tuple[Intent, Decision], ...]:
    """The plain reply: what was frozen is decided against the present, with evidence E3."""
    pending = snapshot.pending
    if pending is None or pending.expires_at < now or pending.address != intent.by or intent.cancel:
        outcome = Outcome("Confirm", "cancelled" if intent.cancel and pending else "confirm-over", False)
        return _with_receipt([(intent, Decision(outcomes=(outcome,)))])
    proven = replace(intent.evidence, level=model.Level.E3, rule="confirmed")
    return decide_all(snapshot, [replace(i, evidence=proven) for i in pending.intents], now, policy)


# --- the clocks ------------------------------------------------------------------------------------------------------


def clocks(issue: Issue, policy: Policy) -> Mapping[str, datetime]:
    """Every timer of an issue, as a function of its state: what is not in here is not running. Timer name -> UTC due
    time."""
    if issue.state is State.DRAFT:
        return _draft_clocks(issue, policy)
    running: dict[str, datetime] = {}
    if issue.state is State.TRIAGE and triage.missing(issue, policy) and issue.reminded_at is None:
        running["remind"] = issue.opened_at + policy.remind_gaps
    if issue.live and issue.announced and issue.next_update_at is not None:
        running["update"] = issue.next_update_at
        if issue.reminded_for != issue.next_update_at:
            running["update-reminder"] = issue.next_update_at - updates.REMIND_BEFORE
    return running


def _draft_clocks(issue: Issue, policy: Policy) -> Mapping[str, datetime]:
    touched = issue.touched_at or issue.opened_at
    running = {"lapse": touched + policy.draft_closes}
    if issue.reported is None:
        if issue.reminded_at is None:
            running["remind"] = issue.opened_at + policy.remind_no_priority
        else:
            running["hand-over"] = issue.reminded_at + policy.remind_no_priority
        return running
    if issue.reported is Priority.P1:
        running["hand-over"] = issue.opened_at + policy.incomplete_p1
    if issue.reminded_at is None:
        running["remind"] = issue.opened_at + policy.remind_gaps
    return running


def _timer(intent: want.TimerFired, issue: Issue | None, now: datetime, policy: Policy) -> Decision:
    """A timer that no longer runs, or runs to another time, does nothing."""
    due = None if issue is None else clocks(issue, policy).get(intent.timer)
    if issue is None or due is None or due > now:
        return Decision()
    match intent.timer:
        case "remind":
            return triage.remind_reporter(issue, now, policy)
        case "hand-over":
            return triage.hand_over(issue, now, policy)
        case "lapse":
            return triage.lapse(issue, now, policy)
        case "update-reminder":
            return updates.remind_owner(issue, now, policy)
        case "update":
            return updates.automatic_update(issue, now, policy)
        case _:
            raise TypeError(f"no rule for the timer {intent.timer}")
