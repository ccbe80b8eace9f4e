"""Reminders of one kind that are due to one person at the same moment are one mail (trust.md T5: "reminders to one
person merged"): after an outage, say, or where many issues were opened together."""

from __future__ import annotations

from collections.abc import Sequence

from triagemail.process.events import Draft
from triagemail.process.model import Issue

TIMERS = ("update-reminder", "half-time", "timebox", "owner-silent")
TOGETHER = 200  # timers that are fired together


def is_one(draft: Draft) -> bool:
    return draft.template in ("update-due", "undecided", "unowned") and not draft.cause


def merged(drafts: Sequence[tuple[Draft, Issue]]) -> list[tuple[Draft, Issue | None]]:
    """The same mails, but for those of one kind to one person: they are one, which names their issues, the most urgent
    first."""
    alike: dict[tuple[str, object], list[tuple[Draft, Issue]]] = {}
    for draft, issue in drafts:
        alike.setdefault((draft.template, draft.to), []).append((draft, issue))
    return [several[0] if len(several) == 1 else (_one_mail(several), None) for several in alike.values()]


def _one_mail(several: Sequence[tuple[Draft, Issue]]) -> Draft:
    ordered = sorted(several, key=lambda each: (each[0].rank, each[1].number))
    first = ordered[0][0]
    issues = tuple(issue for _, issue in ordered)
    return Draft("reminders", first.to, None, {"about": first.template, "issues": issues}, first.rank)
