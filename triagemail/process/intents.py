"""What mails and timers want, in the imperative, and what the decision on it may look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from triagemail.process.model import Evidence, Issue, Priority


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
