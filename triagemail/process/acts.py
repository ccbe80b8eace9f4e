"""Who may do what, with which evidence (trust.md 3.4 as data)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from triagemail.process import intents as want
from triagemail.process.intents import Intent
from triagemail.process.model import Issue, Level, Policy, admits

Levels = frozenset[Level]

PROVEN: Levels = frozenset({Level.E3})  # only a plain reply to our question does it
RULES: Levels = frozenset({Level.E12, Level.E3})  # who has the last word: two proofs
DECIDES: Levels = frozenset({Level.E1, Level.E12, Level.E3})  # who has a role: our mail system vouches for them
BELIEVED: Levels = frozenset({Level.E1, Level.E2, Level.E12, Level.E3})
ANY: Levels = BELIEVED | {Level.E0}

Short = Literal["confirm", "do"]


@dataclass(frozen=True, slots=True)
class Act:
    """One row: the roles that may and how sure we must be of each, the strictest first, since who has several is held
    to that; and what happens with less: asked back, or done as unverified."""

    needs: Mapping[str, Levels]
    short: Short
    refusal: str = "not-yours"  # the outcome code for somebody without the role

    @property
    def roles(self) -> frozenset[str]:
        return frozenset(self.needs)

    def sure(self, held: frozenset[str]) -> Levels:
        """How sure we must be of somebody with these roles, of which one at least is named here."""
        return next(levels for role, levels in self.needs.items() if role in held)


def _act(short: Short, refusal: str = "not-yours", **needs: Levels) -> Act:
    return Act(needs, short, refusal)


TRIAGER = _act("confirm", "not-triager", triager=DECIDES)
OWNER = _act("confirm", "not-owner", owner=DECIDES, triager=DECIDES)
TEAM = _act("confirm", "not-owner", owner=DECIDES, triager=DECIDES, team=DECIDES)
ANYONE = _act("do", anyone=ANY)
BY_NUMBER = _act(  # "number alone never threads with authority" (trust.md A8)
    "confirm", "not-admitted", asked=BELIEVED, team=BELIEVED, owner=BELIEVED, reporter=BELIEVED, confirmer=BELIEVED,
    internal=BELIEVED,
)  # fmt: skip
WISH = _act("confirm", anyone=BELIEVED)

ACTS: Mapping[type[Intent], Act] = {
    want.FileReport: _act("do", "not-admitted", admitted=ANY),
    want.FillIn: _act("do", triager=ANY, reporter=ANY),
    want.Comment: ANYONE,
    want.Note: ANYONE,
    want.Agree: _act("confirm", "not-triager", confirmer=RULES, triager=DECIDES),
    want.SetPriority: _act(
        "confirm", "not-triager", asked=RULES, ruler=RULES, confirmer=RULES, triager=DECIDES, reporter=BELIEVED
    ),
    want.Decline: _act("confirm", "not-triager", asked=RULES, triager=DECIDES),
    want.SetKind: _act("confirm", "not-triager", asked=RULES, triager=DECIDES),
    want.DefineExpected: TRIAGER,
    want.SetArea: TRIAGER,
    want.Withdraw: _act("confirm", "not-reporter", reporter=BELIEVED),
    want.Dispute: _act("confirm", "not-reporter", reporter=BELIEVED, confirmer=BELIEVED),
    want.Throw: _act("confirm", "not-asked", asked=RULES),
    want.MarkDuplicate: _act("confirm", triager=DECIDES, reporter=BELIEVED),
    want.BookCall: _act("confirm", "not-reporter", triager=BELIEVED, reporter=BELIEVED),
    want.NameOwner: TRIAGER,
    want.TakeOwnership: OWNER,
    want.RefuseOwnership: _act("confirm", "not-owner", owner=DECIDES),
    want.SendUpdate: OWNER,
    want.SetNextUpdate: OWNER,
    want.SetHeadline: TRIAGER,
    want.SetDoc: OWNER,
    want.Resolve: OWNER,
    want.Reopen: _act("confirm", owner=DECIDES, triager=DECIDES, reporter=BELIEVED),
    want.AddBandAid: TEAM,
    want.FinishBandAid: TEAM,
    want.Remediate: TRIAGER,
    want.EndRemediation: _act("confirm", "not-confirmer", confirmer=RULES, triager=DECIDES),
    want.TakeDuty: TRIAGER,
    want.GoAway: TRIAGER,
    want.TriagerUnreachable: _act("do", triager=ANY),
    want.ReportHeld: ANYONE,
    want.MailReturned: ANYONE,
    want.ProbeOver: ANYONE,
    want.HeardFrom: ANYONE,
    want.GiveFeedback: ANYONE,
    want.UndoLast: WISH,
    want.Subscribe: _act("confirm", "not-admitted-to-list", guest=PROVEN, list=BELIEVED),
    want.Unsubscribe: WISH,
    want.Digest: WISH,
    want.Pause: WISH,
    want.Resume: WISH,
    want.Speak: WISH,
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
        return _act("do", "not-admitted", admitted=ANY)
    if intent.what == "backlog":
        return _act("confirm", "not-triager", triager=BELIEVED)
    mine = intent.what == "status" and _takes_part(address, issue, asked_in_reply=intent.broadcast_reply)
    return Act({"anyone" if mine else "internal": BELIEVED}, "confirm", "not-internal")


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
        found.add("list" if found & {"internal", "owner"} else "guest")
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
    """The row for an intent, with the rule of the profile `none`: "where the table asks for E12, E2 is enough"."""
    match intent:
        case want.Ask():
            act = asking(intent, issue, intent.by)
        case want.Comment(by_number=True):
            act = BY_NUMBER
        case _:
            act = ACTS[type(intent)]
    return Act({role: eased(levels, policy) for role, levels in act.needs.items()}, act.short, act.refusal)


def eased(levels: Levels, policy: Policy) -> Levels:
    """What suffices where nobody vouches for a From address."""
    return levels | {Level.E2} if policy.profile == "none" and levels in (RULES, DECIDES) else levels


def permit(intent: Intent, issue: Issue | None, policy: Policy) -> str:
    """ "" = may; "confirm" = who it claims to be may, if a plain reply proves it; else the code of the refusal."""
    if intent.evidence.level is Level.EX:
        return "spoof-suspect"
    act, held = needed(intent, issue, policy), roles(intent.by, issue, policy)
    if not act.roles & held:
        return act.refusal
    if intent.evidence.level in act.sure(held):
        return ""
    if isinstance(intent, want.Unsubscribe) and intent.token:
        return ""  # the List-Unsubscribe token alone suffices (trust.md U5)
    return "confirm" if act.short == "confirm" else ""


def vouched(intent: Intent, issue: Issue, policy: Policy) -> bool:
    """Whether words about an issue count as their author's: "E2, or E1 + participant"; else they are kept as
    unverified."""
    if intent.evidence.level is not Level.E1:
        return intent.evidence.believed
    asked = issue.dispute.asked if issue.dispute is not None else ()
    return (
        _takes_part(intent.by, issue, asked_in_reply=False)
        or intent.by in asked
        or bool(roles(intent.by, issue, policy) & {"triager", "confirmer"})
    )
