"""Mail of monitors: "allow-list by address + evidence; creates, never answered; dedup by subject for 1 h" (trust.md
L3). Inside T2."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from triagemail import outbox
from triagemail.budgets import Budgets
from triagemail.clock import Clock
from triagemail.mail import reading, recorded
from triagemail.mail.mime import ParsedMail
from triagemail.mail.reading import Anchor, Context
from triagemail.mail.screening import Screening
from triagemail.mail.words import Words, fold
from triagemail.process import intents as want
from triagemail.process import limits
from triagemail.process.model import PRIORITY, Policy
from triagemail.snapshots import Snapshots
from triagemail.store import counts
from triagemail.store.claims import Claimed
from triagemail.store.store import Store

FROM_MACHINES = ("human", "list", "auto_generated")  # many a monitor does not say that it is one


@dataclass(frozen=True, slots=True)
class Alert:
    """What a monitor's mail leads to: an intent; or else it is held, or the issue that it repeats without a word.
    `key` names all alerts of its subject."""

    intent: want.FileReport | want.Comment | None
    key: str = ""
    held: str = ""
    why: str = ""
    issue: int | None = None


@dataclass(frozen=True, slots=True)
class Alerts:
    store: Store
    policy: Policy
    words: Words
    clock: Clock
    known: Snapshots
    budgets: Budgets

    def context(self, mail: Claimed, found: ParsedMail, seen: Screening, *, passed_on: bool) -> Context | None:
        """Who speaks, if it is a monitor that is believed; None for all other mail."""
        author = found.from_.address if found.from_ else ""
        if not self.policy.monitors or seen.class_ not in FROM_MACHINES or seen.reason in recorded.KINDS:
            return None
        anchor = reading.anchor(found, self.known.outbox.keyring, self.policy.address, outbox.day_of(self.clock.now()))
        context = self.known.context(anchor, found, mail.raw_id, mail.received_at, passed_on=passed_on)
        return context if limits.is_monitor(author, context.evidence, self.policy) else None

    def read(self, mail: Claimed, found: ParsedMail, context: Context) -> Alert:
        """No word of an alert is a command. One whose subject came within the hour is noted on its open issue."""
        key, over = _key(context.by, found.subject), self.budgets.alert_flood(mail.inbox, context.by)
        number = self._open(key, context.by)
        if number is not None and over:
            return Alert(None, why=f"alert of #{number}, again", issue=number)
        fresh = Context(context.by, context.evidence, mail.raw_id, sent_at=mail.received_at)
        read = reading.read(found, Anchor(), fresh, self.words, self.policy)
        if number is not None:
            text = read.new_text.strip() or found.subject
            return Alert(want.Comment(**fresh.who(), issue=number, text=text), key)
        form = read.report
        answers = {name: text for name, text in form.answers.items() if name != PRIORITY} if form else {}
        headline = form.headline if form else found.subject
        report = want.FileReport(
            **fresh.who(), headline=headline, answers=answers or {"what": headline},
            priority=form.priority if form else None,
            attachments=tuple(each.name for each in found.attachments if each.material),
        )  # fmt: skip
        held = self.budgets.report_flood(report)
        return Alert(None, held=held) if held else Alert(report, key)

    def _open(self, key: str, by: str) -> int | None:
        """The issue that an alert with this key was about within the hour, if it is still open."""
        number = self.store.thread_issue([key])
        issue = self.store.issue(number) if number else None
        if issue is None or not issue.live:
            return None
        last = counts.last_said(self.store, number, by)
        return number if last is not None and self.clock.now() - last <= limits.REPEATED else None


def _key(by: str, subject: str) -> str:
    """No Message-ID looks like it."""
    said = f"{by}\n{' '.join(fold(subject).split())}"
    return f"alert:{hashlib.sha256(said.encode()).hexdigest()}"
