"""Updates: a broadcast, not an email chain (process.md 5)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from triagemail.process import intents as want
from triagemail.process.events import (
    Audience,
    Commented,
    Decision,
    DocSet,
    Draft,
    HeadlineSet,
    IssueAnnounced,
    NextUpdateSet,
    Outcome,
    OwnerReminded,
    UpdateSent,
)
from triagemail.process.model import Issue, Policy, Priority, State, admits

REMIND_BEFORE = timedelta(minutes=5)  # "Five minutes before one is due the owner is reminded"
FURTHEST = 4  # "at most four cadences ahead"
TWICE = timedelta(minutes=5)  # within which the same words of the same person are one update, sent twice


def refuse(intent: want.Intent, code: str, **values: object) -> Decision:
    """A decision that changes nothing and says why, in one sentence."""
    return Decision(outcomes=(Outcome(type(intent).__name__, code, False, values, intent.issue),))


def done(intent: want.Intent, code: str, **values: object) -> Decision:
    return Decision(outcomes=(Outcome(type(intent).__name__, code, True, values, intent.issue),))


def in_charge(issue: Issue, policy: Policy) -> str:
    """ "Until one is named, the triager on duty counts as owner." """
    return issue.owner or issue.triager or policy.duty


def correspondent(issue: Issue) -> str:
    """Who is written to about a report: its reporter, but nobody hears of one that was filed for them by a mail that is
    not believed yet (trust.md L5)."""
    return issue.filed_by if issue.filed_by and issue.unverified else issue.reporter


def rank(issue: Issue) -> int:
    """P0 first in every queue."""
    return min(2, issue.current) if issue.current is not None else 2


def cadence(issue: Issue, policy: Policy) -> timedelta | None:
    return policy.priorities[issue.pace].cadence if issue.pace is not None else None


def next_due(issue: Issue, now: datetime, policy: Policy) -> datetime | None:
    """ "P0 knows no hours"; "the last P1 update of a day names the next morning"."""
    pace = cadence(issue, policy)
    if pace is None:
        return None
    return now + pace if issue.pace is Priority.P0 else policy.hours.next_open(now + pace)


def to_people(template: str, issue: Issue, people: tuple[str, ...], **values: object) -> Decision:
    """One mail to each, nobody twice."""
    each = dict.fromkeys(p for p in people if p)
    return Decision(drafts=tuple(Draft(template, person, issue.number, values, rank(issue)) for person in each))


def broadcast(kind: str, issue: Issue, policy: Policy, **values: object) -> Decision:
    """To the subscribers; "reporter, owner and triager hear them as if subscribed, one copy each"."""
    priority = issue.current if issue.current is not None else Priority.P3
    before = values.get("before")
    heard_at = (
        min(priority, before) if isinstance(before, Priority) else priority
    )  # who followed a P0 hears it become a P2
    people = dict.fromkeys((issue.reporter, in_charge(issue, policy), issue.triager or policy.duty, *issue.joined))
    also = tuple(person for person in people if not admits(policy.monitors, person))
    more = issue.doc or policy.doc_url.format(number=issue.number)
    known = {"text": "", "automatic": False, "correction": False, "before": None, "more": more, "deaf": False}
    known |= {"feature": False, "follow": None, "paused": False}  # why the updates of one end
    if kind == "ended":  # of one that was raised and never decided again the list heard at the higher priority
        known["before"] = priority if issue.priority is None else min(priority, issue.priority)
    known |= {"confirmed": issue.confirmed} | values
    to = Audience(Priority(heard_at), issue.number, also, issue.area)
    supersedes = kind != "new"
    return Decision(drafts=(Draft(f"broadcast-{kind}", to, issue.number, known, rank(issue), supersedes),))


def announce_if_due(issue: Issue, now: datetime, policy: Policy, alarm: Issue | None = None) -> Decision:
    """P0: at once if its sender is believed, else when its reporter answers or a triager does; P1: when agreed. `alarm`
    is an open P0 announced in the last hour: beside it a new one waits for the triager or for its timebox."""
    if issue.announced or not issue.urgent or issue.state not in (State.TRIAGE, State.OPEN):
        return Decision()
    rule = policy.priorities[issue.current or Priority.P0].announce
    due = next_due(issue, now, policy)
    if due is None or not _may_announce(issue, rule, another=alarm is not None and alarm.number != issue.number):
        return Decision()
    event = IssueAnnounced(issue=issue.number, at=now, by="", next_update_at=due)
    return Decision(events=(event,)) + broadcast("new", issue, policy, text=issue.last_update)


def _may_announce(issue: Issue, rule: str, *, another: bool) -> bool:
    if rule == "never" or (issue.remediation and issue.state is State.TRIAGE):  # its confirmers have not answered
        return False
    agreed = issue.state is State.OPEN or issue.in_effect
    believed = not issue.unverified or issue.confirmed
    return agreed or (rule == "reported" and (issue.confirmed or (believed and not another)))


def send_update(intent: want.SendUpdate, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """The owner writes `update: …`; `correction: …` follows a wrong update."""
    if not intent.text.strip():
        return refuse(intent, "needs-text")
    if issue.state is State.RESOLVED and not intent.correction:
        return refuse(intent, "wrong-state", state=issue.state)
    if issue.state not in (State.TRIAGE, State.OPEN, State.RESOLVED):
        return refuse(intent, "wrong-state", state=issue.state)
    if issue.state is State.TRIAGE and not issue.announced and issue.current is not Priority.P0:
        return refuse(intent, "undecided")
    if not issue.urgent:
        return tell_silently(intent, issue, now, policy)
    due = None if issue.state is State.RESOLVED else next_due(issue, now, policy)
    text = intent.text.strip()
    if _said_before(intent.by, text, issue, now):
        return done(intent, "update-known")
    event = UpdateSent(
        issue=issue.number, at=now, by=intent.by, text=text, correction=intent.correction, next_update_at=due
    )
    said = Decision(events=(event,)) + done(intent, "correction-sent" if intent.correction else "update-sent")
    if len(text) > policy.update_limit:
        said += done(intent, "update-cut", limit=policy.update_limit)
    if not issue.announced:
        # a triager's first word on an unverified P0 announces it: `announce_if_due` sends it as the first broadcast
        return said
    cut = first_part(text, policy.update_limit)
    return said + broadcast("update", issue, policy, text=cut, correction=intent.correction, confirmed=True)


def _said_before(by: str, text: str, issue: Issue, now: datetime) -> bool:
    last = issue.last_update_at
    return last is not None and now - last < TWICE and (by, text) == (issue.last_update_by, issue.last_update)


def tell_silently(intent: want.SendUpdate, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """P2 and P3 get no broadcast, on purpose: the text goes to the reporter and the sender is told so."""
    event = Commented(issue=issue.number, at=now, by=intent.by, text=intent.text, mail=intent.mail)
    told = to_people("comment", issue, (issue.reporter,), author=intent.by, text=intent.text, unverified=False)
    return Decision(events=(event,)) + told + done(intent, "update-kept")


def first_part(text: str, limit: int) -> str:
    """The text up to the limit in characters, cut at a word; "an update over the limit goes out with its first
    part"."""
    if len(text) <= limit:
        return text
    head = text[:limit]
    at = max(head.rfind(" "), head.rfind("\n"))
    return (head[:at] if at > limit // 2 else head).rstrip() + " …"


def set_next_update(intent: want.SetNextUpdate, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """`next update in 30 minutes` or `next update 14:30`, "at most four cadences ahead"."""
    pace = cadence(issue, policy)
    if not issue.announced or issue.next_update_at is None or pace is None:
        return refuse(intent, "not-announced")
    due, tomorrow = when(intent, now, policy)
    if due <= now:
        return refuse(intent, "too-soon", said=intent.said)
    if due > _furthest(issue, now, policy):
        return refuse(intent, "too-far", said=intent.said, limit=FURTHEST * pace)
    event = NextUpdateSet(issue=issue.number, at=now, by=intent.by, before=issue.next_update_at, after=due)
    changed = Decision(events=(event,)) if event.after != event.before else Decision()
    return changed + done(intent, "next-update-tomorrow" if tomorrow else "next-update-set", due=due)


def _furthest(issue: Issue, now: datetime, policy: Policy) -> datetime:
    """Four cadences ahead: of a P1 in working hours, so that a Friday's update may name Monday morning."""
    latest = now
    for _ in range(FURTHEST):
        latest = next_due(issue, latest, policy) or latest
    return latest


def when(intent: want.SetNextUpdate, now: datetime, policy: Policy) -> tuple[datetime, bool]:
    """The UTC time that was meant, and whether a clock time that has passed today was taken as tomorrow's."""
    if intent.clock is None:
        return now + (intent.after or timedelta()), False
    local = now.astimezone(ZoneInfo(policy.timezone))
    hour, minute = intent.clock
    wanted = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
    tomorrow = wanted <= local
    if tomorrow:
        wanted += timedelta(days=1)  # wall-clock arithmetic: the same time on the next day, whatever DST does
    return wanted.astimezone(UTC), tomorrow


def set_headline(intent: want.SetHeadline, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """The triager can set it (`headline: …`)."""
    if not intent.headline.strip():
        return refuse(intent, "needs-text")
    if issue.state not in (State.DRAFT, State.TRIAGE, State.OPEN):
        return refuse(intent, "wrong-state", state=issue.state)
    event = HeadlineSet(issue=issue.number, at=now, by=intent.by, before=issue.headline, after=intent.headline.strip())
    changed = Decision(events=(event,)) if event.after != event.before else Decision()
    return changed + done(intent, "headline-set", headline=intent.headline.strip())


def set_doc(intent: want.SetDoc, issue: Issue, now: datetime, policy: Policy) -> Decision:
    """One link for more: `doc URL`."""
    if issue.state not in (State.TRIAGE, State.OPEN, State.RESOLVED):
        return refuse(intent, "wrong-state", state=issue.state)
    event = DocSet(issue=issue.number, at=now, by=intent.by, before=issue.doc, after=intent.url)
    changed = Decision(events=(event,)) if event.after != event.before else Decision()
    return changed + done(intent, "doc-set", url=intent.url)


def remind_owner(issue: Issue, now: datetime, policy: Policy) -> Decision:
    """ "Five minutes before one is due the owner is reminded." """
    if issue.next_update_at is None:
        return Decision()
    event = OwnerReminded(issue=issue.number, at=now, by="", due=issue.next_update_at)
    if issue.next_update_at <= now:  # too late to remind (we were down): the automatic update itself is due
        return Decision(events=(event,))
    mail = to_people("update-due", issue, (in_charge(issue, policy),), due=issue.next_update_at)
    return Decision(events=(event,)) + mail


def automatic_update(issue: Issue, now: datetime, policy: Policy, *, deaf: bool = False) -> Decision:
    """ "If none comes, the service itself sends `Nothing to update. Still investigating.` at the issue's cadence";
    "after two in a row triagers and authority are told, and at every second one after"."""
    due = next_due(issue, now, policy)
    event = UpdateSent(issue=issue.number, at=now, by="", text="", automatic=True, next_update_at=due)
    said = Decision(events=(event,)) + broadcast("update", issue, policy, automatic=True, deaf=deaf)
    silent_for = issue.automatic_in_a_row + 1
    if silent_for % 2:
        return said
    return said + to_people("silence", issue, (*policy.standby(), *policy.authority), count=silent_for, due=due)
