"""The values of the process: priorities, evidence, the issue, the desk, and the policy of a company."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from triagemail.process.hours import Hours


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
    """Where an issue is in its life. DRAFT: the triager has not been asked yet. TRIAGE: asked. OPEN: decided.
    VALIDATING: a feature request until it is said what is expected. WAITING: a remediation until service is restored.
    """

    DRAFT = "draft"
    TRIAGE = "triage"
    OPEN = "open"
    VALIDATING = "validating"
    WAITING = "waiting"
    RESOLVED = "resolved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    DUPLICATE = "duplicate"
    LAPSED = "lapsed"


LIVE = (State.DRAFT, State.TRIAGE, State.OPEN, State.VALIDATING, State.WAITING)
UNDECIDED = (State.DRAFT, State.TRIAGE)


class Kind(enum.StrEnum):
    """ "A bug deviates from a defined expected behaviour"; a feature request asks for one to be defined."""

    BUG = "bug"
    FEATURE = "feature"


GAME = "rock-paper-scissors"


@dataclass(frozen=True, slots=True)
class RunningDispute:
    """A running disagreement about one decision (process.md 4). `wanted` and `decided` are the two priorities: None is
    a decline (`decided`)."""

    by: str
    against: str  # who decided
    policy: str  # the rule that was agreed when it began
    wanted: Priority | None
    decided: Priority | None
    reason: str
    started_at: datetime
    deadline: datetime  # of the step that is running
    asked: tuple[str, ...] = ()  # who may rule now, or throw
    step: int = 0  # place in the chain of authorities, or the number of ties
    throws: Mapping[str, str] = field(default_factory=dict)  # sealed until both are in


@dataclass(frozen=True, slots=True)
class BandAid:
    """An easy change that keeps the fault away until the review (process.md 6)."""

    text: str
    by: str
    at: datetime
    done_at: datetime | None = None


@dataclass(frozen=True)  # without slots: `altered` copies all fields in one go
class Issue:
    """One issue as it stands: the fold of its events (`life.evolve`). Times are aware UTC."""

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
    # who reported it, and how
    filed_by: str = ""  # a triager who reported on behalf of `reporter`
    via: str = ""  # how it reached them: "phone"
    joined: tuple[str, ...] = ()  # reporters of duplicates
    duplicate_of: int | None = None
    call_at: datetime | None = None  # the guidance call that was booked
    call_over: bool = False  # the triager was asked to fill in the rest after it
    # the decision
    kind: Kind = Kind.BUG
    expected: str = ""  # of a feature: what the triager defined
    area: str = ""
    clock_from: datetime | None = None  # the decision clock runs since then
    half_told: bool = False
    missed: int = 0  # how often the end of the timebox was told
    missed_at: datetime | None = None
    in_effect: bool = False  # the timebox ran out: the reported priority counts as if agreed
    answered_at: datetime | None = None  # somebody in charge has said something
    changed: bool = False  # the first decision was another priority than the reported one
    first_decided_at: datetime | None = None
    owner_named_at: datetime | None = None
    owner_silent: bool = False  # the triager was told that the owner says nothing
    # the dispute
    dispute: RunningDispute | None = None
    disputed_at: datetime | None = None  # the time of the decision that was disputed last
    disputes: tuple[str, ...] = ()  # how each ended
    final_by: str = ""  # who ruled: nobody else changes this priority
    # updates and closure
    team: tuple[str, ...] = ()  # who sent updates or resolved
    withdrawal_at: datetime | None = None  # the reporter said that it works again; whoever is in charge is to confirm
    continued_as: int | None = None  # the issue that was opened in its place when it was reopened too late
    kept_updates: int = 0  # updates that a person wrote before they were due
    automatic_updates: int = 0
    band_aids: tuple[BandAid, ...] = ()
    # remediation
    remediates: int | None = None  # the troubleshooting issue whose harm this one makes up for
    remediations: tuple[int, ...] = ()  # the other way round

    @property
    def call_waits(self) -> bool:
        """A guidance call is booked and not over yet, so the triager knows of the issue."""
        return self.call_at is not None and not self.call_over

    @property
    def live(self) -> bool:
        return self.state in LIVE

    @property
    def announced(self) -> bool:
        return self.announced_at is not None

    @property
    def current(self) -> Priority | None:
        """The priority that counts now: the decided one, and before a decision the reported one."""
        if self.state in UNDECIDED or self.priority is None:
            return self.reported
        return self.priority

    @property
    def pace(self) -> Priority | None:
        """The priority at which its clocks run: "while a dispute runs … the higher of the two priorities"."""
        if self.dispute is None or self.dispute.wanted is None or self.current is None:
            return self.current
        return min(self.current, self.dispute.wanted)

    @property
    def urgent(self) -> bool:
        """It has a decision clock and, once announced, updates; "a feature is never broadcast"."""
        return self.kind is Kind.BUG and self.current is not None and self.current.urgent

    @property
    def remediation(self) -> bool:
        """One of the two processes, never mixed: it makes up for the harm, the others restore service."""
        return self.remediates is not None

    @property
    def decision_at(self) -> datetime | None:
        """When the decision was made that a dispute would be about."""
        return self.ended_at if self.state is State.DECLINED else self.decided_at

    @property
    def confirmed(self) -> bool:
        """Somebody in charge has answered; before that an automatic update says `Not yet confirmed.`"""
        return self.decided_at is not None or self.last_update_by != ""


def altered(issue: Issue, changes: Mapping[str, object]) -> Issue:
    """`dataclasses.replace` in a tenth of its time: an issue has 61 fields, and a mail alters it half a dozen times.
    Raises TypeError for a field that it has not."""
    held = vars(issue)
    if unknown := changes.keys() - held.keys():
        raise TypeError(f"an issue has no {', '.join(sorted(unknown))}")
    made = object.__new__(Issue)
    vars(made).update(held, **changes)
    return made


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the report template; `key` is the name in the config and in stored answers."""

    key: str
    label: str
    aliases: tuple[str, ...] = ()
    required: bool = True
    help: str = ""
    others: tuple[tuple[str, str], ...] = field(default=(), metadata={"key": False})
    """Label and help as our mails say them in other languages: nobody configures them here."""


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
    doc_url: str = ""  # "" or a link with {number}
    hours: Hours = field(default_factory=Hours)
    dispute_window: timedelta = timedelta(hours=24)
    dispute_step: timedelta = timedelta(minutes=30)
    areas: Mapping[str, str] = field(default_factory=dict)
    p1_per_week: int = 3
    booking_url: str = ""
    offer_after_first: bool = True
    break_minutes: int = 10
    review_every: tuple[int, str] = (2, "month")
    review_at: time = time(10)
    review_length: timedelta = timedelta(minutes=45)
    participants: tuple[str, ...] = ()
    digest_at: time = time(8)
    web_url: str = ""
    monitors: tuple[str, ...] = ()  # machines that may report
    on_duty: str = ""  # set by `duty.present`: who took it
    away: tuple[str, ...] = ()  # set by `duty.present`: who is not there now

    @property
    def duty(self) -> str:
        """The triager on duty: who took it, else the first in the config's order who is not away."""
        if self.on_duty and self.on_duty not in self.away:
            return self.on_duty
        return next((t for t in self.triagers if t not in self.away), self.triagers[0])

    def standby(self, *but: str) -> tuple[str, ...]:
        """The other triagers who are there, in the order in which they stand in."""
        return tuple(t for t in self.triagers if t not in self.away and t not in but)

    @property
    def domain(self) -> str:
        """The domain of our own address: Message-IDs and UIDs end in it."""
        return self.address.rpartition("@")[2]

    def required(self) -> tuple[str, ...]:
        return tuple(q.key for q in self.questions if q.required)


def admits(patterns: tuple[str, ...], address: str) -> bool:
    """True when an address fits a list of domains, addresses or `*` (process.md 1). Addresses are already
    normalised."""
    domain = address.rpartition("@")[2]
    return any(p in ("*", address, domain) for p in patterns)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a subscriber wants to hear (process.md 5: "Preferences: by priority, by area and issue, digest, pause")."""

    member: bool = True  # on the list; False: only single issues are followed
    priority: Priority = Priority.P1  # this one and the more urgent
    areas: tuple[str, ...] = ()  # none: every area
    issues: tuple[int, ...] = ()  # followed, whatever the rest says
    muted: tuple[int, ...] = ()
    digest: bool = False  # one mail a day instead of each
    paused_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """How our mails fare with a reader of the list: the fold of their events (`readers.py`)."""

    score: float = 0.0  # what came back counts, once a day
    bounced_at: datetime | None = None  # the last that counted
    disabled_at: datetime | None = None  # since then no broadcast goes out to them
    probes: int = 0  # how many were sent since
    probed_at: datetime | None = None  # the last of them; None: there is none to wait for
    removed_at: datetime | None = None  # we took them off the list

    @property
    def disabled(self) -> bool:
        return self.disabled_at is not None


@dataclass(frozen=True, slots=True)
class Absence:
    """A triager who is away until then, or an authority whom our mails do not reach."""

    address: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Complaint:
    """One `feedback: …`, word for word, for the agenda of the review."""

    by: str
    at: datetime
    text: str
    unverified: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """The state of what is no issue: who is on duty, who is away, the next review, what was told when.

    Like an issue it is the fold of its events (those with issue 0); its clocks are in `clocks.desk_clocks`.
    """

    opened_at: datetime
    duty: str = ""
    absent: tuple[Absence, ...] = ()
    budget_told_at: datetime | None = None
    morning_at: datetime | None = None  # the last morning mail, or that there was none to send
    digest_at: datetime | None = None
    review: int = 0  # the number of the next review; 0 before the first invite
    review_at: datetime | None = None
    sequence: int = 0
    guests: tuple[str, ...] = ()  # beside the roles: authors of feedback
    checked_at: datetime | None = None  # whether enough has happened for the review at `review_at`
    reviewed_at: datetime | None = None  # the last agenda
    complaints: tuple[Complaint, ...] = ()
    flood_at: datetime | None = None  # reports are held since then that the triager has to hear of


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
