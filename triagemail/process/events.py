"""What happened: the events, which are the journal and the only way to change an issue, and what a decision holds.

How an event changes an issue, and in which states it can happen: `life.py`. Fields named `before` and `after` make an
undo possible later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from triagemail.process.intents import Intent
from triagemail.process.model import Invite, Issue, Priority, RunningDispute, Wishes


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to issue `issue` (0: to a person only), by `by` (an address, or "" for the service)."""

    issue: int
    at: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFiled(Event):
    headline: str
    answers: Mapping[str, str] = field(default_factory=dict)
    reported: Priority | None = None
    unverified: bool = False
    attachments: tuple[str, ...] = ()
    material: str = ""
    mail: int | None = None
    filed_by: str = ""
    via: str = ""
    remediates: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersGiven(Event):
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[str, ...] = ()
    mail: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorityPicked(Event):
    """The reporter's own pick, before a decision."""

    before: Priority | None
    after: Priority
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseAsked(Event):
    """The reporter wants a higher priority after the decision: a new decision."""

    before: Priority | None
    after: Priority
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReporterBelieved(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReporterReminded(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftLapsed(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class TriagerAsked(Event):
    triager: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorityDecided(Event):
    before: Priority | None
    after: Priority
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueDeclined(Event):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueWithdrawn(Event):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalAsked(Event):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerNamed(Event):
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerAccepted(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueAnnounced(Event):
    next_update_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateSent(Event):
    text: str
    automatic: bool = False
    correction: bool = False
    next_update_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextUpdateSet(Event):
    before: datetime | None
    after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerReminded(Event):
    due: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadlineSet(Event):
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocSet(Event):
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueResolved(Event):
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueReopened(Event):
    reason: str
    next_update_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueContinued(Event):
    number: int  # of the new issue that it goes on as: it was closed too long ago to be reopened


@dataclass(frozen=True, slots=True, kw_only=True)
class Commented(Event):
    text: str
    unverified: bool = False
    mail: int | None = None
    in_charge: bool = False  # said by the owner or a triager: somebody has answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Event):
    """ "Answers to [invites] (Accepted, Declined), read receipts and emoji reactions are recorded in silence": it
    changes nothing. `what` is one of accepted, declined, tentative, read, reaction."""

    what: str
    text: str = ""
    mail: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAnswered(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfTimeTold(Event):
    """Half of the timebox is over, and the triager was reminded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeboxMissed(Event):
    """The timebox ran out: the reported priority takes effect, and it is told again until somebody answers."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenAsFeature(Event):
    """It asks for something new: it waits until the triager has said what is expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenAsBug(Event):
    """What was taken for a feature request is decided on as a bug."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedDefined(Event):
    """From here on a feature request is planned work."""

    text: str
    priority: Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaSet(Event):
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnershipRefused(Event):
    owner: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerSilent(Event):
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSetBack(Event):
    span: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBooked(Event):
    starts_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOver(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedDuplicate(Event):
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReporterJoined(Event):
    """The reporter of a duplicate follows this issue from now on."""

    reporter: str
    duplicate: int
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionDisputed(Event):
    dispute: RunningDispute


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeHandedOn(Event):
    """The next in the chain is asked, or a tie is thrown again."""

    dispute: RunningDispute


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrowCast(Event):
    """Sealed: `visible` hides the hand until both are in."""

    hand: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeEnded(Event):
    """`how`: ruled, reporter, won, forfeit, nobody-threw, third-tie, lapsed, withdrawn."""

    how: str
    final_by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BandAidAdded(Event):
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BandAidDone(Event):
    which: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RemediationLinked(Event):
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RemediationStarted(Event):
    """Service is restored: the confirmers are asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemediationResumed(Event):
    """Service is restored again: it goes on where it was paused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemediationPaused(Event):
    """Service is down again: troubleshooting first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemediationEnded(Event):
    """ "Can the customer simply retry or start over?", or it is not worth it (`how`: retry, not-worth-it)."""

    how: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone(Event):
    """The fields `names` are again what they were in `before`."""

    before: Issue
    names: tuple[str, ...]
    mark: str = ""


# --- the list (issue 0); the desk: desk.py ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberJoined(Event):
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberLeft(Event):
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WishesSet(Event):
    address: str
    before: Wishes | None
    after: Wishes


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageSet(Event):
    """Somebody said in which language our mails to them shall be; the name of a folder of templates."""

    address: str
    language: str


def visible(event: Event) -> Event:
    """The event as people may see it: "a throw stays sealed until both are in"."""
    return replace(event, hand="") if isinstance(event, ThrowCast) else event


# --- what a decision holds -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Audience:
    """The readers of a broadcast: subscribers whose wishes include it, and `also`, who hear it as if subscribed."""

    priority: Priority
    issue: int
    also: tuple[str, ...] = ()
    area: str = ""  # "" where the triager has named none: then it concerns every area
    only: bool = False  # `also` and nobody else: the readers of one digest


@dataclass(frozen=True, slots=True)
class Draft:
    """A mail to be composed from a template. `rank` is its place in the queue: 0 goes first (P0)."""

    template: str
    to: str | Audience
    issue: int | None = None
    values: Mapping[str, object] = field(default_factory=dict)
    rank: int = 2
    supersedes: bool = False  # an unsent automatic update of its issue is replaced by this one
    invite: Invite | None = None  # the mail carries this appointment
    cause: str = ""  # a word to the operator: at most one an hour for each cause


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one command; templates/en/outcomes.toml has the sentence for `code`."""

    command: str
    code: str
    ok: bool
    values: Mapping[str, object] = field(default_factory=dict)
    issue: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What one intent leads to. Decisions add up with `+`."""

    events: tuple[Event, ...] = ()
    drafts: tuple[Draft, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    freeze: tuple[Intent, ...] = ()  # short of evidence: kept until a plain reply confirms them
    held: str = ""  # why the mail is parked for a person to look at

    def __add__(self, other: Decision) -> Decision:
        return Decision(
            self.events + other.events,
            self.drafts + other.drafts,
            self.outcomes + other.outcomes,
            self.freeze + other.freeze,
            self.held or other.held,
        )
