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
    """What a subscriber wants to hear (process.md 5: "Preferences: by priority, by area and issue, digest, pause")."""

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
