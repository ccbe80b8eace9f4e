"""The owner of an issue: named, accepted, refused, silent (process.md 3, **owner**)."""

from __future__ import annotations

from datetime import datetime

from triagemail.process import intents as want
from triagemail.process.events import Decision, OwnerAccepted, OwnerNamed, OwnershipRefused, OwnerSilent
from triagemail.process.model import Issue, Policy, State
from triagemail.process.reports import apply
from triagemail.process.updates import cadence, done, refuse, to_people

OWNED = (State.TRIAGE, State.OPEN, State.VALIDATING)


def name_owner(intent: want.NameOwner, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """**owner**: gets the whole issue and answers `mine` or `not me: why`."""
    if issue.state not in OWNED:
        return refuse(intent, "wrong-state", state=issue.state)
    if intent.owner == issue.owner:
        return refuse(intent, "already-owner", owner=intent.owner)
    if intent.owner in (policy.address, policy.list_address):  # we would mail ourselves, and nobody would own it
        return refuse(intent, "owner-is-us", owner=intent.owner)
    event = OwnerNamed(issue=issue.number, at=now, by=intent.by, before=issue.owner, after=intent.owner)
    decision = Decision(events=(event,)) + done(intent, "owner-named", owner=intent.owner)
    if intent.owner == intent.by:
        return decision
    return decision + to_people("owner", apply(decision, issue) or issue, (intent.owner,), by=intent.by)


def take_ownership(intent: want.TakeOwnership, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """`mine`, from the owner; from a triager it names themselves."""
    if issue.state not in OWNED:
        return refuse(intent, "wrong-state", state=issue.state)
    if intent.by == issue.owner:
        if issue.owner_accepted:
            return done(intent, "mine")
        return Decision(events=(OwnerAccepted(issue=issue.number, at=now, by=intent.by),)) + done(intent, "mine")
    event = OwnerNamed(issue=issue.number, at=now, by=intent.by, before=issue.owner, after=intent.by)
    return Decision(events=(event,)) + done(intent, "mine")


def refuse_ownership(intent: want.RefuseOwnership, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """`not me: why`: the triager is told and counts as owner again."""
    if issue.state not in OWNED:
        return refuse(intent, "wrong-state", state=issue.state)
    reason = intent.reason.strip()
    event = OwnershipRefused(issue=issue.number, at=now, by=intent.by, owner=intent.by, reason=reason)
    decision = Decision(events=(event,)) + done(intent, "not-mine")
    people = tuple(p for p in (issue.triager or policy.duty,) if p != intent.by)
    told = to_people("unowned", apply(decision, issue) or issue, people, by=intent.by, reason=reason, silent=False)
    return decision + told


def owner_silent(issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "Silence for half a cadence tells the triager." """
    event = OwnerSilent(issue=issue.number, at=now, by="", owner=issue.owner)
    return Decision(events=(event,)) + to_people(
        "unowned", issue, (issue.triager or policy.duty,), by=issue.owner, reason="", silent=True
    )


def owner_clocks(issue: Issue, policy: Policy) -> dict[str, datetime]:
    pace = cadence(issue, policy)
    if pace is None or issue.state not in (State.TRIAGE, State.OPEN) or not issue.owner or issue.owner_accepted:
        return {}
    if issue.owner_silent or issue.owner_named_at is None:
        return {}
    return {"owner-silent": issue.owner_named_at + pace / 2}
