"""`undo`: a decision is taken back, for thirty minutes or until something builds on it (process.md 9)."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta

from triagemail.process import intents as want
from triagemail.process.events import Decision, Draft, SubscriberJoined, SubscriberLeft, Undone, WishesSet
from triagemail.process.intents import Snapshot, Undo
from triagemail.process.model import GAME, Issue, Policy, State, Wishes
from triagemail.process.updates import broadcast, done, in_charge, rank, refuse

WITHIN = timedelta(minutes=30)
CLOCKWORK = frozenset(
    (
        "next_update_at", "reminded_for", "automatic_in_a_row", "automatic_updates", "touched_at", "half_told",
        "missed", "missed_at", "reminded_at", "answered_at", "owner_silent",
    )
)  # fmt: skip
"""Fields that move by themselves: nothing builds on them."""
BELIEF = frozenset(("unverified", "announced_at", "next_update_at"))  # what an answer to our mail changes by itself


def undo(intent: want.UndoLast, snapshot: Snapshot, now: datetime, policy: Policy) -> Decision:
    """ "`undo` in reply to a receipt, for 30 minutes or until something builds on it; if it was announced, a correction
    is broadcast." """
    found = snapshot.undo
    if found is None or not (found.joined or found.left or found.wishes or not _only_believed(found)):
        return refuse(intent, "nothing-to-undo")
    if found.by != intent.by:
        return refuse(intent, "not-yours")
    if now > found.at + WITHIN:
        return refuse(intent, "undo-late")
    taken_back = [(before, after, snapshot.issues.get(after.number)) for before, after in found.issues]
    if any(before is None or current is None for before, _, current in taken_back):
        return refuse(intent, "undo-new")
    if _wished_since(found, snapshot.wishes) or any(
        _built_on(before, after, current) for before, after, current in taken_back if before and current
    ):
        return refuse(intent, "undo-built-on")
    if any(before is not None and _revealed(before, after) for before, after in found.issues):
        return refuse(intent, "undo-thrown")
    decision = _list(found, intent, now)
    for before, after, current in taken_back:
        if before is not None and current is not None:
            decision += _take_back(before, after, current, found, intent, now, policy)
    return decision + done(intent, "undone")


def changed(before: Issue, after: Issue) -> tuple[str, ...]:
    return tuple(f.name for f in fields(Issue) if getattr(before, f.name) != getattr(after, f.name))


def _built_on(before: Issue, after: Issue, current: Issue) -> bool:
    return any(
        getattr(after, name) != getattr(current, name) for name in changed(before, after) if name not in CLOCKWORK
    )


def _only_believed(found: Undo) -> bool:
    """All that it did was to show who the reporter is: that is no decision of anybody."""
    return all(
        before is not None and before.unverified and set(changed(before, after)) <= BELIEF
        for before, after in found.issues
    )


def _revealed(before: Issue, after: Issue) -> bool:
    """Both hands were shown: whoever lost would throw another one."""
    game, ended = before.dispute, after.disputes[len(before.disputes) :]
    if game is None or game.policy != GAME:
        return False
    return bool({"won", "third-tie"} & set(ended)) or (after.dispute is not None and after.dispute.step > game.step)


def _wished_since(found: Undo, current: Wishes | None) -> bool:
    """Whether other wishes came after those of the decision; who is off the list has none."""
    after = found.wishes[-1][2] if found.wishes else None
    if after is None or (current is None and not (after.member or after.issues)):
        return False
    return current != after


def _take_back(
    before: Issue, after: Issue, current: Issue, found: Undo, intent: want.UndoLast, now: datetime, policy: Policy
) -> Decision:
    names = changed(before, after)
    event = Undone(issue=current.number, at=now, by=intent.by, before=before, names=names, mark=found.mark)
    decision = Decision(events=(event,))
    if before.announced or after.announced:
        shown = before if before.announced else after  # as the list knows it
        decision += broadcast("undone", shown, policy, at=found.at, before=shown.current)
    people = dict.fromkeys((*_concerned(before, policy), *_concerned(after, policy)))
    values = {"by": intent.by, "at": found.at}
    mails = tuple(Draft("undone", p, current.number, values, rank(current)) for p in people if p not in ("", intent.by))
    return decision + Decision(drafts=mails)


def _concerned(issue: Issue, policy: Policy) -> tuple[str, ...]:
    """Everybody whom a decision on it may have been told to."""
    dispute = issue.dispute
    disputing = () if dispute is None else (dispute.by, dispute.against, *dispute.asked)
    asked = policy.confirmers if issue.remediation and issue.state is State.TRIAGE else ()
    triager = issue.triager or policy.duty
    return (issue.reporter, in_charge(issue, policy), triager, *issue.joined, *issue.team, *disputing, *asked)


def _list(found: Undo, intent: want.UndoLast, now: datetime) -> Decision:
    """Who joined leaves, who left is back, and each has the wishes of before."""
    left = tuple(SubscriberLeft(issue=0, at=now, by=intent.by, address=a) for a in found.joined)
    back = tuple(SubscriberJoined(issue=0, at=now, by=intent.by, address=a) for a in found.left)
    was = {address: before for address, before, _ in reversed(found.wishes)}  # of several the first
    wishes = {address: after for address, _, after in found.wishes}
    again = tuple(
        WishesSet(
            issue=0, at=now, by=intent.by, address=a, before=wishes[a], after=before or Wishes(member=False)
        )
        for a, before in was.items()
    )  # fmt: skip
    return Decision(events=(*left, *back, *again))
