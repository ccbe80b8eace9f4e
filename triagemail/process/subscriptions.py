"""The distribution list: joining, leaving and wishes by mail (process.md 5, trust.md U)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from triagemail.process import acts
from triagemail.process import intents as want
from triagemail.process.desk import DigestSent
from triagemail.process.duty import LONGEST, until_of
from triagemail.process.events import (
    Audience,
    Decision,
    Draft,
    LanguageSet,
    SubscriberJoined,
    SubscriberLeft,
    WishesSet,
)
from triagemail.process.intents import Intent, Snapshot
from triagemail.process.model import Policy, Priority, Wishes
from triagemail.process.updates import done, refuse


def subscribe(intent: want.Subscribe, snapshot: Snapshot, now: datetime, policy: Policy) -> Decision:
    """Joining twice is answered like joining once, so that nobody learns who is on the list (trust.md V2); with a wish
    the reader gets what they wish for, without one everything, each mail at once: neither pause nor digest is left."""
    before = snapshot.wishes
    kept = before or Wishes(member=False)
    if intent.follow is not None:
        if intent.follow not in snapshot.issues:
            return refuse(intent, "unknown-issue")
        issues = tuple(dict.fromkeys((*kept.issues, intent.follow)))
        wished = replace(kept, issues=issues, muted=tuple(n for n in kept.muted if n != intent.follow))
        return _set(intent, before, wished, now, policy)
    if intent.area:
        if intent.area not in policy.areas:
            return refuse(intent, "unknown-area", area=intent.area, areas=tuple(policy.areas))
        wished = replace(kept, member=True, areas=tuple(dict.fromkeys((*kept.areas, intent.area))))
        return _join(intent, before, now) + _set(intent, before, wished, now, policy)
    if intent.priority is not None:
        if not intent.priority.urgent:
            return refuse(intent, "silent-priority", priority=intent.priority)
        wished = replace(kept, member=True, priority=intent.priority)
        return _join(intent, before, now) + _set(intent, before, wished, now, policy)
    joined = _join(intent, before, now) + Decision(drafts=(Draft("welcome", intent.by),))
    everything = Wishes(issues=kept.issues)
    if before == everything:
        return joined
    return joined + _wishes_set(intent, before, everything, now)  # also without: their wishes are kept when they leave


def _join(intent: Intent, before: Wishes | None, now: datetime) -> Decision:
    if before is not None and before.member:  # who is on the list is not put on it again: `undo` would take them off
        return Decision()
    return Decision(events=(SubscriberJoined(issue=0, at=now, by=intent.by, address=intent.by),))


def _wishes_set(intent: Intent, before: Wishes | None, after: Wishes, now: datetime) -> Decision:
    return Decision(events=(WishesSet(issue=0, at=now, by=intent.by, address=intent.by, before=before, after=after),))


def _set(intent: Intent, before: Wishes | None, after: Wishes, now: datetime, policy: Policy) -> Decision:
    """What they will get from now on is answered with one mail."""
    words = {"wishes": after, "may_join": may_join(intent, policy)}
    told = Decision(drafts=(Draft("wishes", intent.by, None, words),))
    return told if before == after else _wishes_set(intent, before, after, now) + told


def unsubscribe(intent: want.Unsubscribe, snapshot: Snapshot, now: datetime, policy: Policy) -> Decision:
    """`unsubscribe` leaves, `unsubscribe #42` and `unsubscribe area:billing` leave one issue or area."""
    before = snapshot.wishes
    kept = before or Wishes(member=False)
    if intent.mute is not None:
        if intent.mute not in snapshot.issues and intent.mute not in kept.issues:
            return refuse(intent, "unknown-issue")
        muted = tuple(dict.fromkeys((*kept.muted, intent.mute)))
        wished = replace(kept, muted=muted, issues=tuple(n for n in kept.issues if n != intent.mute))
        return _less(intent, before, wished, now, policy)
    if intent.area and intent.area not in (*policy.areas, *kept.areas):
        return refuse(intent, "unknown-area", area=intent.area, areas=tuple(policy.areas))
    left = tuple(a for a in kept.areas or policy.areas if a != intent.area) if intent.area else ()
    if left:
        return _less(intent, before, replace(kept, areas=left), now, policy)
    return _leave(intent, before, now, policy)


def _less(intent: Intent, before: Wishes | None, after: Wishes, now: datetime, policy: Policy) -> Decision:
    """Who is not on the list has nothing that could become less, and hears so."""
    nothing = Wishes(member=False)
    return _set(intent, nothing, nothing, now, policy) if before is None else _set(intent, before, after, now, policy)


def _leave(intent: want.Unsubscribe, before: Wishes | None, now: datetime, policy: Policy) -> Decision:
    """Nothing comes any more, of single issues neither; who has nothing is answered alike, so that nobody learns who is
    on the list."""
    told = Decision(drafts=(Draft("goodbye", intent.by, None, {"may_join": may_join(intent, policy)}),))
    if before is None:
        return told
    gone = SubscriberLeft(issue=0, at=now, by=intent.by, address=intent.by)
    if not before.issues or intent.area:
        return Decision(events=(gone,)) + told
    nothing = replace(before, member=False, issues=())
    return _wishes_set(intent, before, nothing, now) + Decision(events=(gone,)) + told


def may_join(intent: Intent, policy: Policy) -> bool:
    return "list" in acts.roles(intent.by, None, policy)


def set_wish(
    intent: want.Digest | want.Pause | want.Resume | want.Speak, snapshot: Snapshot, now: datetime, policy: Policy
) -> Decision:
    """`digest` (one mail a day), `pause 2 weeks`, `resume` (every mail again, as it comes); `language de` is for whom
    no list concerns, too."""
    if isinstance(intent, want.Speak):
        spoken = LanguageSet(issue=0, at=now, by=intent.by, address=intent.by, language=intent.language)
        return Decision(events=(spoken,)) + done(intent, "language-set")
    before = snapshot.wishes
    if before is None:
        return refuse(intent, "not-on-list")
    match intent:
        case want.Digest():
            return _set(intent, before, replace(before, digest=True), now, policy)
        case want.Resume():
            return _set(intent, before, replace(before, digest=False, paused_until=None), now, policy)
        case want.Pause():
            until = until_of(intent.day, intent.year, intent.after, now, policy)
            if until is None or until <= now or until > now + LONGEST:
                return refuse(intent, "no-such-day", said=intent.said)
            return _set(intent, before, replace(before, paused_until=until), now, policy)


def digest(snapshot: Snapshot, now: datetime, policy: Policy) -> Decision:
    """ "`digest` (one mail a day)": readers with the same wishes share one. The operator gets one of who was lost,
    and one of what is held: "held 30 d, digest" (trust.md 3.5)."""
    mails = tuple(
        Draft("digest", Audience(Priority.P1, 0, readers, only=True), None, {"broadcasts": broadcasts})
        for broadcasts, readers in snapshot.digests
    )
    if snapshot.lost and policy.operator:
        mails += (Draft("lost", policy.operator, None, {"readers": snapshot.lost}),)
    if snapshot.held and policy.operator:
        values = {"groups": snapshot.held, "waiting": snapshot.waiting_held}
        mails += (Draft("held-digest", policy.operator, None, values),)
    return Decision(events=(DigestSent(issue=0, at=now, by=""),), drafts=mails)


def wants(wishes: Wishes, audience: Audience, now: datetime) -> bool:
    """Whether somebody wants a broadcast that goes out now (process.md 5, "Preferences"). `store/audience.py` says the
    same in SQL, and a property test holds the two equal.

    A pause is over when its time has come. While nobody has named the area of an issue, it concerns every area: in
    doubt people are told.
    """
    if wishes.paused_until is not None and now < wishes.paused_until:
        return False
    if audience.issue in wishes.issues:
        return True
    if not wishes.member or audience.issue in wishes.muted:
        return False
    if audience.priority > wishes.priority:
        return False
    return not wishes.areas or not audience.area or audience.area in wishes.areas


def wants_at_once(wishes: Wishes, audience: Audience, now: datetime) -> bool:
    """`digest` is one mail a day instead of each."""
    return not wishes.digest and wants(wishes, audience, now)
