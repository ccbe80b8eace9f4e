"""Samples of the mails to everybody on the list."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from triagemail.mail.samples_company import (
    AMENDED,
    AMENDING,
    AMENDS,
    CLOSED,
    DOC,
    HOUR,
    MINUTE,
    NIGHT,
    NOW,
    OPEN_,
    OPEN_P0,
    QUIET,
    REQUEST,
    URGENT,
    WHOLE,
    Sample,
)
from triagemail.process.model import Issue, Priority, State

USUAL: dict[str, object] = {
    "text": "", "automatic": False, "correction": False, "before": None, "more": "", "deaf": False, "feature": False,
    "follow": None, "paused": False, "confirmed": True,
}  # fmt: skip
"""What `updates.broadcast` hands over with every one."""


@dataclass(frozen=True, slots=True)
class Told:
    """A broadcast that went out before, as a digest gets it."""

    subject: str
    text: str
    at: datetime


def _told(subject: str, said: str, at: datetime) -> Told:
    return Told(
        subject, f"--- Please write above this line ---\n\n{said}\n\n-- \nYou get this because of the list.\n", at
    )


def broadcast(kind: str, title: str, issue: Issue, **values: object) -> Sample:
    values = {"next_update_at": issue.next_update_at, **USUAL, **values}
    return Sample(f"broadcast-{kind}", title, issue, values, broadcast=True)


def _digest(title: str, *told: Told) -> Sample:
    return Sample("digest", title, None, {"next_update_at": None, "broadcasts": told}, broadcast=True)


NEW = _told("PRIORITY 0 ISSUE: WEBSITE IS DOWN", "A new P0 issue, #42, for your information.", NOW - HOUR)
OVER = _told("PRIORITY 0 ISSUE RESOLVED: WEBSITE IS DOWN", "It works again: P0 issue #42 is resolved.", NOW)

BROADCASTS: tuple[Sample, ...] = (
    broadcast("new", "not confirmed", URGENT, confirmed=False),
    broadcast("new", "agreed", OPEN_),
    broadcast("new", "with a first word", OPEN_P0, text="We are looking at the load balancer.", more=DOC),
    broadcast("new", "remediation", AMENDING),
    broadcast("update", "automatic", OPEN_P0, automatic=True, more=DOC),
    broadcast("update", "automatic, until morning", NIGHT, automatic=True),
    broadcast("update", "automatic, not confirmed", URGENT, automatic=True, confirmed=False),
    broadcast("update", "automatic, deaf", OPEN_P0, automatic=True, deaf=True),
    broadcast(
        "update", "written", OPEN_P0, text="A certificate ran out. We renew it.\n\nThe app is not affected.", more=DOC
    ),
    broadcast("update", "correction", OPEN_P0, text="The app is affected too.", correction=True),
    broadcast("update", "remediation", AMENDING, text="Half of the rows are back."),
    broadcast("resolved", "resolved", CLOSED, text="The certificate is renewed. All pages load.", more=DOC),
    broadcast("resolved", "remediation", AMENDED, text="The rows are back."),
    broadcast("lowered", "to P2", QUIET, before=Priority.P0, text="there is a workaround"),
    broadcast("lowered", "to P1", OPEN_, before=Priority.P0),
    broadcast("lowered", "raised", OPEN_P0, before=Priority.P1, text="The app is down too."),
    broadcast("reopened", "reopened", OPEN_P0),
    broadcast("reopened", "remediation", AMENDING),
    broadcast("ended", "withdrawn", replace(URGENT, state=State.WITHDRAWN, next_update_at=None)),
    broadcast("ended", "declined", replace(OPEN_, state=State.DECLINED), text="It was a test of the monitoring."),
    broadcast("ended", "feature", replace(REQUEST, reported=Priority.P1), feature=True),
    broadcast("ended", "duplicate", replace(URGENT, number=43, state=State.DUPLICATE, next_update_at=None), follow=42),
    broadcast("ended", "paused", replace(AMENDS, state=State.WAITING), paused=True),
    broadcast("undone", "resolved by mistake", OPEN_P0, before=Priority.P0, at=NOW - 10 * MINUTE),
    broadcast("undone", "announced by mistake", WHOLE, before=Priority.P0, at=NOW - 10 * MINUTE),
    _digest("two", NEW, OVER),
    _digest("one", OVER),
)
