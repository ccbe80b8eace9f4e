"""What happens to the desk: the events of what is no issue (who is on duty, who is away, the review, floods). Their
issue is 0; how each changes the desk: `life.evolve_desk`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from triagemail.process.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskOpened(Event):
    """The service has run for the first time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyTaken(Event):
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TriagerAway(Event):
    """Also of an authority whom our mails do not reach."""

    triager: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TriagerBack(Event):
    triager: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetTold(Event):
    used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MorningTold(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestSent(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewPlanned(Event):
    """A new review: its invite goes out, well ahead."""

    review: int
    review_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewChecked(Event):
    """Enough has happened since the last one: it stays where it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewMoved(Event):
    before: datetime
    after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestInvited(Event):
    guest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackGiven(Event):
    text: str
    unverified: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodBegan(Event):
    """Reports are held because there are too many, and one of them may be urgent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodTold(Event):
    """The triager has the list of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgendaSent(Event):
    pass
