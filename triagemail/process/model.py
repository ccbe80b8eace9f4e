"""The values of the process: priorities, evidence, the issue, the policy, and the intents that mails and timers
become."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta


class Priority(enum.IntEnum):
    """The one axis of the process; P0 is the most urgent, so `P0 < P1`."""

    P0 = 0
    P1 = 1
    P2 = 2
    P3 = 3

    def __str__(self) -> str:
        return self.name

    @property
    def urgent(self) -> bool:
        """P0 and P1 have clocks and broadcasts; P2 and P3 join the planning in silence, on purpose."""
        return self <= Priority.P1


class Level(enum.StrEnum):
    """How sure we are who sent a mail (trust.md 3.1). E12 is E1 and E2 together."""

    EX = "EX"
    E0 = "E0"
    E1 = "E1"
    E2 = "E2"
    E12 = "E12"
    E3 = "E3"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a mail is believed to be from its From address; stored with every event."""

    level: Level
    rule: str
    text: str = ""

    @property
    def believed(self) -> bool:
        return self.level not in (Level.EX, Level.E0)


class State(enum.StrEnum):
    """Where an issue is in its life. DRAFT: the triager has not been asked yet. TRIAGE: asked. OPEN: decided."""

    DRAFT = "draft"
    TRIAGE = "triage"
    OPEN = "open"
    RESOLVED = "resolved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


LIVE = (State.DRAFT, State.TRIAGE, State.OPEN)


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue as it stands: the fold of its events (`events.evolve`). Times are aware UTC."""

    number: int
    reporter: str
    headline: str
    opened_at: datetime
    state: State = State.DRAFT
    answers: Mapping[str, str] = field(default_factory=dict)  # question key -> answer; the priority has its own fields
    reported: Priority | None = None  # what the reporter picked
    priority: Priority | None = None  # what was decided
    unverified: bool = False
    attachments: tuple[str, ...] = ()
    material: str = ""  # forwarded text, shown to the triager
    mails: tuple[int, ...] = ()  # raw mails of the report, for its attachments
    touched_at: datetime | None = None  # the reporter's last mail
    reminded_at: datetime | None = None  # the reporter was reminded of gaps
    triager: str = ""  # who was asked to decide
    asked_at: datetime | None = None
    decided_by: str = ""
    decided_at: datetime | None = None
    reason: str = ""
    owner: str = ""
    owner_accepted: bool = False
    doc: str = ""
    announced_at: datetime | None = None
    last_update: str = ""
    last_update_at: datetime | None = None
    last_update_by: str = ""
    next_update_at: datetime | None = None
    reminded_for: datetime | None = None  # the owner was reminded of the update due then
    automatic_in_a_row: int = 0
    ended_at: datetime | None = None

    @property
    def live(self) -> bool:
        return self.state in LIVE

    @property
    def announced(self) -> bool:
        return self.announced_at is not None

    @property
    def current(self) -> Priority | None:
        """The priority that counts now: the decided one, and before a decision the reported one."""
        return self.reported if self.state in (State.DRAFT, State.TRIAGE) else self.priority

    @property
    def confirmed(self) -> bool:
        """Somebody in charge has answered; before that an automatic update says `Not yet confirmed.`"""
        return self.decided_at is not None or self.last_update_by != ""


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the report template; `key` is the name in the config and in stored answers."""

    key: str
    label: str
    aliases: tuple[str, ...] = ()
    required: bool = True
    help: str = ""


PRIORITY = "priority"  # the key of the question whose answer is the priority


@dataclass(frozen=True, slots=True)
class PriorityRule:
    """What a priority means and what follows from it (process.md 2)."""

    meaning: str
    response: str
    announce: str  # "reported" | "agreed" | "never"
    cadence: timedelta | None = None
    timebox: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """The agreed rules of one company, read from its config; everything `decide` may know beside the snapshot."""

    address: str
    list_address: str
    questions: tuple[Question, ...]
    priorities: Mapping[Priority, PriorityRule]
    triagers: tuple[str, ...]
    reporters: tuple[str, ...] = ("*",)
    internal: tuple[str, ...] = ()
    authority: tuple[str, ...] = ()
    confirmers: tuple[str, ...] = ()
    page: tuple[str, ...] = ()
    operator: str = ""
    profile: str = "none"
    timezone: str = "UTC"
    dispute: str = "triager"
    remind_no_priority: timedelta = timedelta(minutes=30)
    remind_gaps: timedelta = timedelta(hours=4)
    incomplete_p1: timedelta = timedelta(minutes=15)
    draft_closes: timedelta = timedelta(days=14)
    reopen: timedelta = timedelta(days=7)
    list_open_to: tuple[str, ...] = ()
    update_limit: int = 600
    doc_url: str = ""

    @property
    def duty(self) -> str:
        """The triager on duty: the first in the config's order."""
        return self.triagers[0]

    def required(self) -> tuple[str, ...]:
        return tuple(q.key for q in self.questions if q.required)


def admits(patterns: tuple[str, ...], address: str) -> bool:
    """True when an address fits a list of domains, addresses or `*` (process.md 1). Addresses are already
    normalised."""
    domain = address.rpartition("@")[2]
    return any(p in ("*", address, domain) for p in patterns)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What one subscriber wants to hear (process.md 5: "Preferences: by priority, by area and issue, digest, pause")."""

    member: bool = True  # on the list; False: only single issues are followed
    priority: Priority = Priority.P1  # this one and the more urgent
    areas: tuple[str, ...] = ()  # none: every area
    issues: tuple[int, ...] = ()  # followed, whatever the rest says
    muted: tuple[int, ...] = ()
    digest: bool = False  # one mail a day instead of each
    paused_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Invite:
    """An appointment (RFC 5546 REQUEST). The same `uid` with a higher `sequence` changes the one sent before.

    `starts_at` and `ends_at` are aware UTC, `timezone` is the IANA name of the zone it is held in: DST follows it.
    """

    uid: str
    starts_at: datetime
    ends_at: datetime
    timezone: str
    attendees: tuple[str, ...]
    sequence: int = 0


# --- intents: what a mail or a timer wants, in the imperative ---------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """Something somebody wants. `by` is the normalised From address; `issue` the number it names or replies to, if
    any."""

    by: str
    evidence: Evidence
    issue: int | None = None
    mail: int | None = None  # the raw mail it was read from


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport(Intent):
    """A new report; `priority` is None when the reporter picked none."""

    headline: str
    answers: Mapping[str, str] = field(default_factory=dict)
    priority: Priority | None = None
    attachments: tuple[str, ...] = ()
    material: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FillIn(Intent):
    """Answers to missing questions, in a reply of the reporter."""

    answers: Mapping[str, str] = field(default_factory=dict)
    priority: Priority | None = None
    attachments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Agree(Intent):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPriority(Intent):
    """`P2 because …`, or a bare `P1`: the reporter's pick or the triager's decision, by who says it."""

    priority: Priority
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline(Intent):
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw(Intent):
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameOwner(Intent):
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOwnership(Intent):
    """`mine`"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendUpdate(Intent):
    """`update: …`; `correction` for `correction: …`."""

    text: str = ""
    correction: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SetNextUpdate(Intent):
    """`next update in 30 minutes` gives `after`; `next update 14:30` gives `clock` as (hour, minute) in the list's
    time zone."""

    after: timedelta | None = None
    clock: tuple[int, int] | None = None
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetHeadline(Intent):
    headline: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDoc(Intent):
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolve(Intent):
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen(Intent):
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment(Intent):
    """Text that is no command: never lost, and it travels."""

    text: str
    attachments: tuple[str, ...] = ()
    broadcast_reply: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe(Intent):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe(Intent):
    """`token` is True when the mail carried a valid List-Unsubscribe token of `by`, which suffices alone."""

    token: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm(Intent):
    """A plain reply to a confirmation mail; the pending intents are in the snapshot. `cancel` when the reply says
    no."""

    cancel: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(Intent):
    """A question that changes nothing: `what` is one of help, template, process, status, list."""

    what: str
    broadcast_reply: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NearMiss(Intent):
    """A mail that is nothing but a mistyped command; `meant` is what was probably meant."""

    said: str
    meant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TooMany(Intent):
    """More commands in one mail than anybody means (trust.md C10); its text is kept as a comment."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired(Intent):
    """A timer of an issue fell due; `due` is when it should have fired."""

    timer: str
    due: datetime


# --- what decide may look at -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pending:
    """Intents that were short of evidence and wait, frozen, for one plain reply of `address` (trust.md 3.3, 3.4)."""

    intents: tuple[Intent, ...]
    address: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the store knows that the decision on one mail or timer may depend on."""

    issues: Mapping[int, Issue] = field(default_factory=dict)  # those that the intents name
    next_number: int = 1
    open_issues: tuple[Issue, ...] = ()  # read only when somebody asks for a list or a status
    pending: Pending | None = None
    confirm_asked: bool = False  # this person got a confirmation mail within a day
    status_answered: bool = False  # this person got the latest status since the latest update
    first_report: bool = False
