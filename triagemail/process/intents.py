"""What mails and timers want, in the imperative, and what the decision on it may look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from triagemail.process.model import Desk, Evidence, Issue, Kind, Priority, Reach, Wishes


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """Something somebody wants. `by` is the normalised From address; `issue` the number it names or replies to, if
    any."""

    by: str
    evidence: Evidence
    issue: int | None = None
    mail: int | None = None  # the raw mail it was read from
    sent_at: datetime | None = None  # when that mail arrived: the sender's own clock may be wrong (trust.md T4)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport(Intent):
    """A new report; `priority` is None when the reporter picked none."""

    headline: str
    answers: Mapping[str, str] = field(default_factory=dict)
    priority: Priority | None = None
    attachments: tuple[str, ...] = ()
    material: str = ""
    behalf: str = ""  # `reported by: sara@example.com`; counts from a triager only
    via: str = ""  # `via: phone`


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
    """Text that is no command: never lost, and it travels. `by_number`: nothing but a number in it names the issue."""

    text: str
    attachments: tuple[str, ...] = ()
    broadcast_reply: bool = False
    by_number: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute(Intent):
    """`dispute: why`; with a priority in front of the reason (`dispute: P1, because …`) that one is wanted."""

    reason: str = ""
    priority: Priority | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Throw(Intent):
    """`rock`, `paper` or `scissors`"""

    hand: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetKind(Intent):
    """`bug`, `feature`; `feature because …` from who rules on whether it is one."""

    kind: Kind
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DefineExpected(Intent):
    """`expected: …` of a feature request."""

    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetArea(Intent):
    """`area billing`"""

    area: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseOwnership(Intent):
    """`not me: why`"""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkDuplicate(Intent):
    """`duplicate #12` of a triager, `same as #12` of the reporter."""

    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BookCall(Intent):
    """`call`: guidance for a report that is hard to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddBandAid(Intent):
    """`band-aid: …`"""

    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishBandAid(Intent):
    """`done`, `done 2`: the band-aid with this number in its issue's list, from 1."""

    which: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remediate(Intent):
    """`remediate P2: restore the deleted rows`"""

    priority: Priority | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRemediation(Intent):
    """`retry: …` (the customer can start over; `how` is "retry"), `not worth it: …` (`how` is "not-worth-it")."""

    how: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeDuty(Intent):
    """`duty`; `duty sara@…` hands it over, then `to` is her address."""

    to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoAway(Intent):
    """`away until 3 May` gives `day` as (month, day) and `year` if it was named; `away 2 weeks` gives `after`."""

    day: tuple[int, int] | None = None
    year: int | None = None
    after: timedelta | None = None
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveFeedback(Intent):
    """`feedback: …`"""

    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoLast(Intent):
    """`undo` in reply to a receipt; what it would undo is in the snapshot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Intent):
    """What a program said for a person and nobody answers: `what` is one of accepted, declined, tentative (an invite),
    read, reaction; `text` the few words or the emoji that came with it."""

    what: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe(Intent):
    """`subscribe`, and with a wish `subscribe P0`, `subscribe area:billing`, `subscribe #42` (`follow`)."""

    priority: Priority | None = None
    area: str = ""
    follow: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe(Intent):
    """`unsubscribe`, `unsubscribe #42` (`mute`), `unsubscribe area:billing`. `token` is True when the mail carried a
    valid List-Unsubscribe token of `by`, which suffices alone."""

    token: bool = False
    mute: int | None = None
    area: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest(Intent):
    """`digest`: one mail a day instead of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause(Intent):
    """`pause 2 weeks` gives `after`, `pause until 3 May` gives `day` as (month, day) and `year` if it was named."""

    after: timedelta | None = None
    day: tuple[int, int] | None = None
    year: int | None = None
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(Intent):
    """`resume`: every mail again, as it comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speak(Intent):
    """`language de`: in which language our mails to its author are."""

    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm(Intent):
    """A plain reply to a confirmation mail; the pending intents are in the snapshot. `cancel` when the reply says
    no."""

    cancel: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(Intent):
    """A question that changes nothing: `what` is one of help, template, process, status, list, board, backlog."""

    what: str
    broadcast_reply: bool = False
    unasked: bool = False  # the mail had no words: its writer probably looks for help


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
    """A timer of an issue, or of the desk (`issue` is None), fell due; `due` is when it should have fired."""

    timer: str
    due: datetime


# --- what decide may look at -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pending:
    """Intents that were short of evidence and wait, frozen, for one plain reply of `address` (trust.md 3.3, 3.4). The
    first `asked` of them stand in the question (0: all); the others joined it later, and no answer to it is about them:
    E3 is "mailbox control shown for this very act", and anybody can write from an address."""

    intents: tuple[Intent, ...]
    address: str
    expires_at: datetime
    asked: int = 0

    def asked_and_joined(self) -> tuple[tuple[Intent, ...], tuple[Intent, ...]]:
        asked = self.asked or len(self.intents)
        return self.intents[:asked], self.intents[asked:]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriagerUnreachable(Intent):
    """An out-of-office from a triager, `by`, whom we wrote to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailReturned(Intent):
    """A mail of ours to `by` came back, or was refused for good; `meaning` is one of dsn.MEANINGS, `said` what
    the host that refused it said."""

    meaning: str
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeOver(Intent):
    """The time has come by which the last probe to `by` would have come back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardFrom(Intent):
    """`by` has written to us; `answers`: to a probe, with any word."""

    answers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportHeld(Intent):
    """There are too many reports: one is held, and it may be urgent."""


@dataclass(frozen=True, slots=True)
class HeldReports:
    """Reports of one sender that were held because there were too many, and may be urgent: how many, the most urgent
    priority that one names, the subject of that one, and under which number the operator finds it."""

    by: str
    count: int
    priority: Priority | None
    subject: str
    number: int


@dataclass(frozen=True, slots=True)
class HeldMails:
    """Mails that are held for one reason: how many, and of the latest few the address, the subject and the number under
    which the operator finds them."""

    reason: str
    count: int
    latest: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True)
class Undo:
    """What a receipt's decision did: each issue before and after it, who got on or off the list, their wishes."""

    mark: str
    by: str
    at: datetime
    issues: tuple[tuple[Issue | None, Issue], ...] = ()
    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    wishes: tuple[tuple[str, Wishes | None, Wishes], ...] = ()  # (address, before it, after it)


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
    desk: Desk | None = None  # None until the service has run for the first time
    alarm: Issue | None = None  # a P0 announced in the last hour that is open
    p1_this_week: int = 0  # troubleshooting issues that became a P1 since Monday
    wishes: Wishes | None = None  # of the sender; None: they get no broadcast
    undo: Undo | None = None
    waiting: tuple[Issue, ...] = ()  # undecided P2, P3 and drafts; read for the morning mail only
    urgent: tuple[Issue, ...] = ()  # open P0 and P1; read when a triager cannot be reached
    since_review: tuple[Issue, ...] = ()  # opened or ended since the last review; read for the review only
    digests: tuple[tuple[tuple[object, ...], tuple[str, ...]], ...] = ()  # (broadcasts, readers), for the digest only
    deaf: bool = False  # no mail could be fetched for over ten minutes
    flooded: tuple[HeldReports, ...] = ()  # held since the triager was last told of such; read for that mail only
    reach: Reach | None = (
        None  # of the reader whom a bounce, a probe or a sign of life is about; None: nothing is wrong
    )
    group: bool = False  # that reader is another list
    probe: str = ""  # what became of the last probe to them: "arrived", "returned", "" (nobody knows yet)
    lost: tuple[tuple[str, Reach], ...] = ()  # readers disabled or removed since the last digest, for the digest only
    held: tuple[HeldMails, ...] = ()  # held since the last digest, for the digest only
    waiting_held: int = 0  # how many are held in all, for the digest only
