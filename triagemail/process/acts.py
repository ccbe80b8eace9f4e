"""Who may do what, with which evidence (trust.md 3.4 as data)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from triagemail.process import intents as want
from triagemail.process.intents import Intent
from triagemail.process.model import Issue, Level, Policy, admits

BELIEVED = frozenset({Level.E1, Level.E2, Level.E12, Level.E3})
REPLIED = frozenset({Level.E2, Level.E12, Level.E3})
ROLE_PROVEN = frozenset({Level.E1, Level.E12, Level.E3})
ANY = BELIEVED | {Level.E0}

Short = Literal["confirm", "do"]


@dataclass(frozen=True, slots=True)
class Act:
    """One row: the roles that may, how sure we must be, and what happens with less: asked back, or done as
    unverified."""

    roles: frozenset[str]
    sure: frozenset[Level]
    short: Short
    refusal: str = "not-yours"  # the outcome code for somebody without the role


def _act(roles: str, sure: frozenset[Level], short: Short, refusal: str = "not-yours") -> Act:
    return Act(frozenset(roles.split("+")), sure, short, refusal)


TRIAGER = _act("triager", ROLE_PROVEN, "confirm", "not-triager")
OWNER = _act("owner+triager", ROLE_PROVEN, "confirm", "not-owner")
TEAM = _act("owner+triager+team", ROLE_PROVEN, "confirm", "not-owner")
ANYONE = _act("anyone", ANY, "do")
WISH = _act("anyone", BELIEVED, "confirm")

ACTS: Mapping[type[Intent], Act] = {
    want.FileReport: _act("admitted", ANY, "do", "not-admitted"),
    want.FillIn: _act("reporter+triager", ANY, "do"),
    want.Comment: ANYONE,
    want.Note: ANYONE,
    want.Agree: _act("triager+confirmer", ROLE_PROVEN, "confirm", "not-triager"),
    want.SetPriority: _act("triager+reporter+confirmer+asked+ruler", ROLE_PROVEN, "confirm", "not-triager"),
    want.Decline: _act("triager+asked", ROLE_PROVEN, "confirm", "not-triager"),
    want.SetKind: TRIAGER,
    want.DefineExpected: TRIAGER,
    want.SetArea: TRIAGER,
    want.Withdraw: _act("reporter", BELIEVED, "confirm", "not-reporter"),
    want.Dispute: _act("reporter+confirmer", BELIEVED, "confirm", "not-reporter"),
    want.Throw: _act("asked", ROLE_PROVEN, "confirm", "not-asked"),
    want.MarkDuplicate: _act("triager+reporter", BELIEVED, "confirm"),
    want.BookCall: _act("reporter+triager", BELIEVED, "confirm", "not-reporter"),
    want.NameOwner: TRIAGER,
    want.TakeOwnership: OWNER,
    want.RefuseOwnership: _act("owner", ROLE_PROVEN, "confirm", "not-owner"),
    want.SendUpdate: OWNER,
    want.SetNextUpdate: OWNER,
    want.SetHeadline: TRIAGER,
    want.SetDoc: OWNER,
    want.Resolve: OWNER,
    want.Reopen: _act("reporter+owner+triager", BELIEVED, "confirm"),
    want.AddBandAid: TEAM,
    want.FinishBandAid: TEAM,
    want.Remediate: TRIAGER,
    want.EndRemediation: _act("triager+confirmer", ROLE_PROVEN, "confirm", "not-confirmer"),
    want.TakeDuty: TRIAGER,
    want.GoAway: TRIAGER,
    want.TriagerUnreachable: _act("triager", ANY, "do"),
    want.ReportHeld: ANYONE,
    want.MailReturned: ANYONE,
    want.ProbeOver: ANYONE,
    want.HeardFrom: ANYONE,
    want.GiveFeedback: ANYONE,
    want.UndoLast: WISH,
    want.Subscribe: _act("list", BELIEVED, "confirm", "not-admitted-to-list"),
    want.Unsubscribe: WISH,
    want.Digest: WISH,
    want.Pause: WISH,
    want.Resume: WISH,
    want.Confirm: ANYONE,
    want.NearMiss: ANYONE,
    want.TooMany: ANYONE,
}
"""`Ask` is not here: what it needs depends on what is asked (`asking`)."""

OPEN_ASKS = frozenset({"help", "template", "process"})


def asking(intent: want.Ask, issue: Issue | None, address: str) -> Act:
    """Help for anyone; the status of one's own issue, or of the one whose broadcast is answered; `list` and others'
    status for internal people (process.md 1)."""
    if intent.what in OPEN_ASKS:
        return _act("admitted", ANY, "do", "not-admitted")
    if intent.what == "backlog":
        return _act("triager", BELIEVED, "confirm", "not-triager")
    mine = intent.what == "status" and _takes_part(address, issue, asked_in_reply=intent.broadcast_reply)
    return _act("anyone" if mine else "internal", BELIEVED, "confirm", "not-internal")


def _takes_part(address: str, issue: Issue | None, *, asked_in_reply: bool) -> bool:
    if issue is None:
        return False
    people = (issue.reporter, issue.filed_by, issue.owner, *issue.joined, *issue.team)
    return address in people or (asked_in_reply and issue.announced)


def may_see(address: str, issue: Issue | None, policy: Policy) -> bool:
    """Whether an answer to this person may name the issue's headline: "admitted outsiders (customers) see their own
    issues only"."""
    if issue is None or "internal" in roles(address, issue, policy):
        return True
    asked = issue.dispute.asked if issue.dispute is not None else ()
    return _takes_part(address, issue, asked_in_reply=False) or address in asked


def roles(address: str, issue: Issue | None, policy: Policy) -> frozenset[str]:
    """The roles of a person, on an issue if one is named. Addresses are normalised, so comparing them is enough."""
    found = {"anyone"}
    if address in policy.triagers:
        found.add("triager")
    if issue is not None:
        found |= _roles_on(issue, address, policy)
    internal = admits(policy.internal, address)
    found |= {"internal"} if internal or found & {"triager"} else set()
    if admits(policy.reporters + policy.monitors, address) or found - {"anyone"}:
        found.add("admitted")
    if admits(policy.list_open_to, address) or found & {"triager", "owner"}:
        found.add("list")
    return frozenset(found)


def _roles_on(issue: Issue, address: str, policy: Policy) -> set[str]:
    """The roles that a person has on one issue only."""
    found = {
        "reporter": address in (issue.reporter, issue.filed_by) and not issue.remediation,
        "owner": address == issue.owner,
        "team": address in issue.team,
        "asked": issue.dispute is not None and address in issue.dispute.asked,
        "ruler": address == issue.final_by,
        "confirmer": issue.remediation and address in policy.confirmers,  # "in it they count as the reporter"
    }
    return {role for role, has in found.items() if has}


def needed(intent: Intent, issue: Issue | None, policy: Policy) -> Act:
    """The row for an intent, with the rule of the profile `none`: where E12 is asked for, E2 is enough."""
    act = asking(intent, issue, intent.by) if isinstance(intent, want.Ask) else ACTS[type(intent)]
    if act.sure is ROLE_PROVEN and policy.profile == "none":
        return Act(act.roles, REPLIED, act.short, act.refusal)
    return act


def permit(intent: Intent, issue: Issue | None, policy: Policy) -> str:
    """ "" = may; "confirm" = who it claims to be may, if a plain reply proves it; else the code of the refusal."""
    act = needed(intent, issue, policy)
    if not act.roles & roles(intent.by, issue, policy):
        return act.refusal
    if intent.evidence.level in act.sure:
        return ""
    if isinstance(intent, want.Unsubscribe) and intent.token:
        return ""  # the List-Unsubscribe token alone suffices (trust.md U5)
    return "confirm" if act.short == "confirm" else ""
