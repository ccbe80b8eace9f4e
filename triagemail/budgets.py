"""What the budgets of `process/limits.py` let through: the store counts, the operator is told. Inside T2."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from triagemail.clock import Clock
from triagemail.log import logger
from triagemail.mail.mime import ParsedMail
from triagemail.mail.reading import Context
from triagemail.mail.words import Words, read_subject
from triagemail.notices import Notices
from triagemail.process import intents as want
from triagemail.process import limits
from triagemail.process.events import Decision, Draft
from triagemail.process.intents import Intent
from triagemail.process.limits import Answer, Limit
from triagemail.process.model import Issue, Level, Policy
from triagemail.store import counts
from triagemail.store.store import Store

_NUMBER = re.compile(r"#[0-9]{1,12}")
TOLD = {  # of which limits the operator hears: what is wrong, in a few words
    "answers-in-all": "many mails come in that nobody vouches for",
    "answers-a-day": "somebody gets no more automatic answers today",
    "answers-an-hour": "somebody gets no more automatic answers this hour",
    "loop": "a robot seems to answer our answers",
    "confirms-in-all": "many mails ask for something that must be confirmed",
    "guesses": "somebody answers confirmations that are not theirs",
    "mails-of-one": "one address sends too many mails",
    "reports-of-one": "one address sends too many reports",
    "reports-in-all": "too many reports come in that nobody vouches for",
    "alerts-of-one": "a monitor sends too many alerts",
}


@dataclass(frozen=True, slots=True)
class Budgets:
    store: Store
    policy: Policy
    words: Words
    clock: Clock
    notices: Notices

    # --- answers ------------------------------------------------------------------------------------------------------

    def refused(self, intent: Intent, draft: Draft, author: str, issue: Issue | None) -> tuple[bool, str]:
        """(whether a mail does not go out because its budget is used up, the budget that it is taken from, if it is one
        of those who have shown nothing)."""
        answer = limits.answer(intent, draft, author, issue, self.policy)
        if answer is None:
            return False, ""
        used = self._used_up(answer)
        if used is not None:
            logger("budgets").warning("answer-stopped", address=answer.to, kind=answer.kind, limit=used.name)
            self._tell(used, answer.to)
        return used is not None, answer.kind if answer.unproven else ""

    def heard(self, context: Context, number: int) -> None:
        """Whoever answers a mail of ours has shown that we wrote to the right one: it counts no more."""
        if context.evidence.believed:
            counts.free(self.store, context.by, self.clock.now() - limits.DAY, issue=number)

    def confirmed(self, by: str) -> None:
        counts.free(self.store, by, self.clock.now() - limits.DAY, kind="confirm")

    def _used_up(self, answer: Answer) -> Limit | None:
        now = self.clock.now()
        return next(
            (each for each in limits.ANSWERS[answer.row] if counts.answers(self.store, each, answer, now) >= each.most),
            None,
        )

    def cannot_ask(self, decided: Sequence[tuple[Intent, Decision]], author: str) -> str:
        """Why a mail is held whose author cannot be asked now whether they wrote it; "" where they can. What it wants
        would be lost without the question."""
        for intent, decision in decided:
            for draft in decision.drafts if decision.freeze else ():
                answer = limits.answer(intent, draft, author, None, self.policy)
                used = self._used_up(answer) if answer is not None else None
                if used is not None:
                    self._tell(used, author)
                    return f"flood: {used.name}"
        return ""

    # --- what comes in ------------------------------------------------------------------------------------------------

    def flood(self, inbox: int, context: Context, intents: Sequence[Intent]) -> str:
        """Why a mail is held because there are too many of its kind; "" where it is not."""
        opens = any(isinstance(intent, want.FileReport) for intent in intents)
        measured = limits.counted(context.by, context.evidence, opens, self.policy)
        if measured and counts.by_hand(self.store, inbox):
            return ""
        used = self._exceeded(context.by, measured)
        if used is None:
            if measured:
                counts.measure(self.store, inbox, self.store.person(context.by))
            return ""
        if person := self.store.known(context.by):
            counts.measure(self.store, inbox, person)
        return self._held_for(used, context.by, intents)

    def alert_flood(self, inbox: int, by: str) -> bool:
        """Whether a monitor has sent too many alerts lately; this one is counted."""
        person = self.store.person(by)
        over = counts.came(self.store, person, limits.ALERTS, self.clock.now()) >= limits.ALERTS.most
        counts.measure(self.store, inbox, person)
        if over:
            self._tell(limits.ALERTS, by)
        return over

    def report_flood(self, report: want.FileReport) -> str:
        """Why a monitor's new alert is held; "" where it opens an issue."""
        unproven = report.evidence.level is Level.E0
        used = self._exceeded(report.by, (limits.REPORTS, limits.REPORTS_IN_ALL) if unproven else (limits.REPORTS,))
        return self._held_for(used, report.by, (report,)) if used is not None else ""

    def _held_for(self, used: Limit, by: str, intents: Sequence[Intent]) -> str:
        self._tell(used, by)
        urgent = limits.may_be_urgent(intents, self.policy)
        return f"flood: {used.name}, {by}" if urgent is False else counts.reason(by, urgent)

    def _exceeded(self, by: str, measured: Sequence[Limit]) -> Limit | None:
        now = self.clock.now()
        return next((each for each in measured if self._count(by, each, now) >= each.most), None)

    def _count(self, by: str, limit: Limit, now: datetime) -> int:
        if limit is limits.REPORTS_IN_ALL:
            return counts.reports_in_all(self.store, limit, now)
        if limit is limits.REPORTS:
            return counts.reports(self.store, by, limit, now)
        return counts.came(self.store, self.store.known(by), limit, now)

    def lost(self, found: ParsedMail, context: Context, intents: Sequence[Intent]) -> str:
        """Why a mail is held that shows nothing, and has the subject of our mails about an issue of its author: "number
        alone never threads …, else new held item that mentions the guess" (trust.md A8). A robot would else open an
        issue with each answer to us. One that names a P0 or P1 is taken for a report."""
        subject = read_subject(found.subject, self.words)
        if context.evidence.level is not Level.E0 or context.issue is not None or subject.forwarded:
            return ""
        reports = [intent for intent in intents if isinstance(intent, want.FileReport)]
        if not reports or any(each.priority is not None and each.priority.urgent for each in reports):
            return ""
        numbers = (int(tag[1:]) for tag in subject.tags if _NUMBER.fullmatch(tag))
        own = next((n for n in numbers if context.by in self._reporters(n)), None)
        return f"guess: {context.by} may mean #{own}" if own is not None else ""

    def _reporters(self, number: int) -> tuple[str, ...]:
        issue = self.store.issue(number)
        return () if issue is None else (issue.reporter, issue.filed_by)

    def _tell(self, limit: Limit, about: str) -> None:
        if limit.name:
            minutes = limit.within // limits.MINUTE
            span = f"{minutes // 60} hours" if minutes > 60 else f"{minutes} minutes"
            text = f"{about}: {limit.most} in {span} is the limit; what is held: triagemail held list"
            self.notices.add(TOLD[limit.name], text)
