"""Budgets of loops and floods, as data (trust.md L1, L3, L5, L9, U1, U2).

State is always decided; what is bounded are the mails that nobody has written: automatic answers to an author, and what
clocks write to somebody of whom no mail has shown yet that they know of us. Mails to those who work on an issue, and
broadcasts, are no answers and pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from triagemail.process import intents as want
from triagemail.process.desk import FloodBegan, FloodTold
from triagemail.process.events import Decision, Draft
from triagemail.process.intents import Intent, Snapshot
from triagemail.process.model import Evidence, Issue, Level, Policy, Priority, admits

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TOLD_AFTER = timedelta(seconds=30)  # held reports are gathered so long; the triager has them within a minute (L9)

Per = Literal["address", "kind", "thread", "all", "kind of all"]


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` within the last `within`: to or from one address, of one kind to it, of one kind about one issue
    to it, or by everybody together. `name` is what the operator is told of; "" where it is nothing out of the
    ordinary."""

    most: int
    within: timedelta
    per: Per
    name: str = ""


# --- automatic answers ------------------------------------------------------------------------------------------------

IN_ALL = Limit(20, 10 * MINUTE, "all", "answers-in-all")
A_DAY = Limit(10, DAY, "address", "answers-a-day")
COLLEAGUES = Limit(200, 10 * MINUTE, "all", "answers-in-all")
CONFIRMS = Limit(20, HOUR, "kind of all", "confirms-in-all")

ANSWERS: Mapping[str, tuple[Limit, ...]] = {
    "monitor": (Limit(0, DAY, "address"),),
    "outsider": (Limit(0, DAY, "address"),),
    "unproven": (Limit(1, DAY, "kind"), A_DAY, IN_ALL),
    "colleague": (Limit(3, DAY, "thread"), A_DAY, COLLEAGUES),
    "guess": (Limit(5, HOUR, "kind", "guesses"), A_DAY, IN_ALL),
    "confirm": (CONFIRMS,),
    "proven": (Limit(30, HOUR, "address", "answers-an-hour"),),
    "proven-prose": (Limit(30, HOUR, "address", "answers-an-hour"), Limit(6, DAY, "thread", "loop")),
}
"""By who is answered, and what. `outsider`, `unproven` and `colleague` have shown nothing (E0); of what they got only
that counts which nobody has answered. An `outsider` gets nothing ("E0 + admitted outsider: … no automatic reply",
trust.md 3.5): whoever is named in From may never have heard of us. A `colleague` has an internal address where no mail
system vouches for anybody (profile `none`): each of their reports is answered, or nobody would be. A `guess` is an
answer to a confirmation that is not there. "At most one confirm mail per address and 24 h" is said where it is asked
for (`decide.ask_to_confirm`).
`proven-prose` answers words that were no command: who asks for something six times gets it six times, but robots that
talk past each other always say the same."""

REPLIES = frozenset((
    "missing", "received", "lapsed", "receipt", "near-miss", "help", "template", "process", "status", "list", "board",
    "backlog", "confirm", "welcome", "wishes", "goodbye",
))  # fmt: skip
"""The mails that answer their reader's own mail; all others tell somebody of what others did."""

PROSE = (want.FileReport, want.FillIn, want.Comment, want.NearMiss)


@dataclass(frozen=True, slots=True)
class Answer:
    """An automatic mail that has a budget: to whom, of which kind, about which issue (0: none), and its row."""

    to: str
    kind: str
    thread: int
    row: str

    @property
    def unproven(self) -> bool:
        return self.row in ("outsider", "unproven", "colleague", "guess", "confirm")


def answer(intent: Intent, draft: Draft, author: str, issue: Issue | None, policy: Policy) -> Answer | None:
    """The budget that a mail is taken from; None for one that has none."""
    if not isinstance(draft.to, str):
        return None
    thread, kind = draft.issue or 0, _kind(draft)
    if admits(policy.monitors, draft.to):  # "never answered", whatever it is about
        return Answer(draft.to, kind, thread, "monitor")
    unknown = _unknown(draft.to, intent, issue)
    if intent.evidence.believed and _is_receipt_of_work(draft, issue, policy):
        return None
    if draft.template not in REPLIES or not (unknown or draft.to == author):
        return None
    if unknown or not intent.evidence.believed:
        internal = is_internal(draft.to, policy)
        row = "outsider" if not internal else "colleague" if policy.profile == "none" else "unproven"
        row = {"confirm": "confirm", "confirm-over": "guess" if internal else row}.get(kind, row)
        return Answer(draft.to, kind, thread, row)
    prose = isinstance(intent, PROSE) or (isinstance(intent, want.Ask) and intent.unasked)
    return Answer(draft.to, kind, thread, "proven-prose" if prose and kind != "receipt" else "proven")


def unanswered(intent: Intent, draft: Draft, author: str, issue: Issue | None, policy: Policy) -> bool:
    """Whether a mail never goes out, however few did."""
    found = answer(intent, draft, author, issue, policy)
    return found is not None and any(limit.most == 0 for limit in ANSWERS[found.row])


def _is_receipt_of_work(draft: Draft, issue: Issue | None, policy: Policy) -> bool:
    """Who has a role sees what each of their commands has done, however many there are."""
    holders = (*policy.triagers, *policy.authority, *policy.confirmers, issue.owner if issue is not None else "")
    outcomes = draft.values.get("outcomes")
    return draft.to in holders and isinstance(outcomes, tuple) and any(outcome.ok for outcome in outcomes)


def _unknown(to: str, intent: Intent, issue: Issue | None) -> bool:
    """Somebody is named as the reporter by a mail that nobody vouches for, and no person decides to write to them."""
    if issue is None or not issue.unverified or to not in (issue.reporter, issue.filed_by):
        return False
    return isinstance(intent, want.TimerFired) or not intent.evidence.believed


def _kind(draft: Draft) -> str:
    """One template may be two mails."""
    if draft.template == "missing" and draft.values.get("reminder"):
        return "reminder"
    outcomes = draft.values.get("outcomes")
    only = outcomes[0].code if isinstance(outcomes, tuple) and len(outcomes) == 1 else ""
    return "confirm-over" if draft.template == "receipt" and only == "confirm-over" else draft.template


def is_internal(address: str, policy: Policy) -> bool:
    return address in policy.triagers or admits(policy.internal, address)


# --- mails that come in -----------------------------------------------------------------------------------------------

MAILS = Limit(30, HOUR, "address", "mails-of-one")
REPORTS = Limit(10, HOUR, "address", "reports-of-one")
REPORTS_IN_ALL = Limit(20, 10 * MINUTE, "all", "reports-in-all")
ALERTS = Limit(30, HOUR, "address", "alerts-of-one")
REPEATED = HOUR  # an alert with the subject of an earlier one joins its issue when that one is no older


def counted(by: str, evidence: Evidence, opens: bool, policy: Policy) -> tuple[Limit, ...]:
    """What a mail of a person is measured by: one that nobody vouches for, and one that opens an issue. Where nobody
    vouches for anybody, an internal address is enough: no colleague's report is held in an outage that all report."""
    if evidence.level is not Level.E0 or (policy.profile == "none" and is_internal(by, policy)):
        return ()
    return (MAILS, REPORTS, REPORTS_IN_ALL) if opens else (MAILS,)


def may_be_urgent(intents: Sequence[Intent], policy: Policy) -> Priority | Literal[False] | None:
    """ "A possible P0 or P1 from an admitted address is never only held": the priority that it names, None where it
    names none and may be one, False for all else."""
    for intent in intents:
        if isinstance(intent, want.FileReport) and _admitted(intent.by, policy):
            return intent.priority if intent.priority is None or intent.priority.urgent else False
    return False


def _admitted(address: str, policy: Policy) -> bool:
    return is_internal(address, policy) or admits(policy.reporters + policy.monitors, address)


def begin(snapshot: Snapshot, now: datetime) -> Decision:
    """The first report that is held and may be urgent: the triager has it and what follows in one mail, in a moment."""
    if snapshot.desk is None or snapshot.desk.flood_at is not None:
        return Decision()
    return Decision(events=(FloodBegan(issue=0, at=now, by=""),))


def tell(snapshot: Snapshot, now: datetime, policy: Policy) -> Decision:
    """ "Over the limit it is merged into one list mail to the triager on duty." """
    told = Decision(events=(FloodTold(issue=0, at=now, by=""),))
    if not snapshot.flooded:
        return told
    listed = Draft("flood", policy.duty, None, {"reports": snapshot.flooded}, 0)
    return told + Decision(drafts=(listed, *_page(snapshot.flooded, policy)))


def _page(flooded: Sequence[want.HeldReports], policy: Policy) -> tuple[Draft, ...]:
    """Pagers hear of every P0 (`reports.page`); of those that are held in a flood at most once an hour, or whoever
    floods us would ring them without end."""
    urgent = [each for each in flooded if each.priority is Priority.P0]
    if not urgent:
        return ()
    first = urgent[0]
    values = {"count": len(urgent), "by": first.by, "subject": first.subject, "number": first.number}
    pagers = dict.fromkeys(policy.page)
    return tuple(Draft("page-flood", who, None, values, 0, cause=f"page-flood:{who}") for who in pagers)


# --- machines that may report -----------------------------------------------------------------------------------------


def is_monitor(address: str, evidence: Evidence, policy: Policy) -> bool:
    """ "Allow-list by address + evidence"; where nobody vouches for an address, the address alone counts."""
    return admits(policy.monitors, address) and (evidence.believed or policy.profile == "none")
