"""The distribution list: joining and leaving by mail (process.md 5, trust.md U)."""

from __future__ import annotations

from datetime import datetime

from triagemail.process import intents as want
from triagemail.process.events import Audience, Decision, Draft, SubscriberJoined, SubscriberLeft


def subscribe(intent: want.Subscribe, now: datetime) -> Decision:
    """Joining twice is answered like joining once, so that nobody learns who is on the list (trust.md V2)."""
    joined = SubscriberJoined(issue=0, at=now, by=intent.by, address=intent.by)
    return Decision(events=(joined,), drafts=(Draft("welcome", intent.by),))


def unsubscribe(intent: want.Unsubscribe, now: datetime) -> Decision:
    left = SubscriberLeft(issue=0, at=now, by=intent.by, address=intent.by)
    return Decision(events=(left,), drafts=(Draft("goodbye", intent.by),))


def wants(audience: Audience) -> bool:
    """Whether a subscriber wants this broadcast. Without preferences (they come by priority, area and issue): every
    one."""
    return audience.priority.urgent
