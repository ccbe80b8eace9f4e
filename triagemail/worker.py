"""The worker: one unit of work is one mail or one timer, and commits its changes and the mails they cause together
(T2)."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from triagemail import outbox
from triagemail.clock import Clock
from triagemail.failpoints import step
from triagemail.log import logger
from triagemail.mail import evidence, mime, reading, recorded, screening
from triagemail.mail.html import html_to_text
from triagemail.mail.mime import ParsedMail
from triagemail.mail.reading import Anchor, Context
from triagemail.mail.screening import Screening
from triagemail.mail.words import Words
from triagemail.outbox import Outbox
from triagemail.process import decide
from triagemail.process import intents as want
from triagemail.process.events import Decision, Event, SubscriberJoined, SubscriberLeft, evolve
from triagemail.process.intents import Intent, Pending, Snapshot
from triagemail.process.model import Evidence, Issue, Level, Policy
from triagemail.process.updates import rank
from triagemail.store import audience, claims
from triagemail.store.claims import Claimed
from triagemail.store.store import STORE_FAULTS, Parent, Store

CRLF = b"\r\n"
REMEMBERED = 100
STRIKES = 3
ANSWERS_A_DAY = 10  # to an address at E0
ANSWERS_AN_HOUR = 30  # to one that answered our mails
SILENT = ("own", "bounce", "dsn_delay", "dsn_delivered", "feedback", "auto_reply")
HELD = ("bad_from", "auto_generated", "list")
UNREADABLE = ("too-deep", "too-many-parts", "header-flood", "line-flood", "too-large")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SERVICE = Evidence(Level.E3, "service")


def unreadable(found: ParsedMail) -> str:
    """Why a mail cannot be read safely; "" when it can."""
    return next((defect for defect in found.defects if defect in UNREADABLE), "")


def set_aside(seen: Screening) -> str:
    """ "silent" or "held" for a mail that is not from a person to be answered; "" for all others."""
    if seen.class_ in SILENT or seen.reason in recorded.KINDS:
        return "silent"
    return "held" if seen.class_ in HELD and not seen.may_ack else ""  # a list in mail.groups may be answered


@dataclass(frozen=True, slots=True)
class Worker:
    store: Store
    policy: Policy
    words: Words
    outbox: Outbox
    clock: Clock
    groups: tuple[str, ...] = ()
    holder: str = "main"
    batch: int = 20
    words_sent: dict[int, str] = field(default_factory=dict)  # of our latest answered mails, by their number

    # --- mails --------------------------------------------------------------------------------------------------------

    def work_once(self) -> bool:
        """Work off up to `batch` waiting mails in one transaction; False when none waits. Raises STORE_FAULTS."""
        claimed = claims.claim_mails(self.store, self.clock.now(), self.holder, self.batch)
        if not claimed:
            return False
        step("after_claim")
        parsed = [(mail, mime.parse(mail.raw)) for mail in claimed]
        try:
            with self.store.transaction():
                for mail, found in parsed:
                    self._one(mail, found)
                step("before_work_commit")
        except STORE_FAULTS:
            self.store.forget_people()
            with contextlib.suppress(*STORE_FAULTS):  # else their lease runs out
                self._give_back(claimed)
            raise
        step("after_work_commit")
        return True

    def _give_back(self, claimed: Sequence[Claimed]) -> None:
        """The store failed, not the mails: no strike."""
        with self.store.transaction():
            for mail in claimed:
                claims.give_back(self.store, mail.inbox, strike=False)

    def _one(self, mail: Claimed, found: ParsedMail) -> None:
        """One mail in its own savepoint: whatever happens to it, the one behind it goes through."""
        started = time.monotonic()
        try:
            with self.store.savepoint():
                state, why, issue = self._handle(mail, found)
        except STORE_FAULTS:
            raise
        except Exception as error:  # a bug of ours or an unforeseen mail: parked with its reason, never lost
            self.store.forget_people()
            logger("worker").error(
                "mail-failed", inbox=mail.inbox, error=f"{type(error).__name__}: {error}", exc_info=False
            )
            state, why, issue = self._hold(mail, found, f"{type(error).__name__}: {error}"[:200])
        now = self.clock.now()
        claims.finish_mail(
            self.store, mail.inbox, state, now, reason=why, issue=issue, message_id=found.message_id[:998]
        )
        logger("worker").info(
            "mail",
            message_id=found.message_id,
            outcome=state,
            reason=why,
            issue=issue,
            seconds=round(time.monotonic() - started, 4),
        )

    def _hold(self, mail: Claimed, found: ParsedMail, why: str) -> tuple[str, str, int | None]:
        """Parked for a person to look at; the operator is told once an hour and cause."""
        now = self.clock.now()
        values = {
            "reason": why,
            "from_": found.from_.address if found.from_ else "",
            "subject": found.subject,
            "held_id": mail.inbox,
        }
        notice = outbox.notice(self.policy, "held", values)
        if notice is not None and self.store.notice_due(f"held:{why.partition(':')[0]}", now, HOUR):
            self.outbox.put(notice, None, now)
        return "held", why, None

    def _handle(self, mail: Claimed, found: ParsedMail) -> tuple[str, str, int | None]:
        """(state, reason, issue) of one mail: answered, silent(reason) or held(reason)."""
        if mail.attempts > STRIKES:
            return self._hold(mail, found, "three strikes: it ended the process")
        if odd := mail.odd or unreadable(found):
            return self._hold(mail, found, odd)
        first = self.store.first_time(reading.duplicate_key(found, mail.raw), mail.inbox, self.clock.now())
        if first:
            return "silent", f"duplicate of {first}", None
        seen = screening.screen(found, (self.policy.address, self.policy.list_address), self.groups)
        match set_aside(seen):
            case "silent" if seen.reason in recorded.KINDS:
                return self._note(mail, found, seen.reason)
            case "silent":
                return "silent", f"{seen.class_}: {seen.reason}", None
            case "held":
                return self._hold(mail, found, f"{seen.class_}: {seen.reason}")
            case _:
                return self._answer(mail, found)

    def _note(self, mail: Claimed, found: ParsedMail, kind: str) -> tuple[str, str, int | None]:
        """ "Recorded in silence": on the inbox row, and in the journal of the issue that it is about."""
        now = self.clock.now()
        said = recorded.read(found, kind)
        about = replace(found, references=(*found.references, *said.ids))
        anchor = reading.anchor(about, self.outbox.keyring, self.policy.address, outbox.day_of(now))
        context = self.context(anchor, about, mail.raw_id)
        why = f"{kind}: {said.shown}"[:200].rstrip(": ")
        if context.issue is None or not said.what:
            return "silent", why, context.issue.number if context.issue else None
        number = context.issue.number
        noted = want.Note(
            by=context.by, evidence=context.evidence, issue=number, mail=mail.raw_id, what=said.what, text=said.text
        )
        snapshot = Snapshot(issues={number: context.issue})
        decided = [(noted, decide.decide(snapshot, noted, now, self.policy))]
        return "silent", why, self.commit(decided, snapshot, found.message_id, context.by)

    def _answer(self, mail: Claimed, found: ParsedMail) -> tuple[str, str, int | None]:
        now = self.clock.now()
        anchor = reading.anchor(found, self.outbox.keyring, self.policy.address, outbox.day_of(now))
        context = self.context(anchor, found, mail.raw_id)
        read = reading.read(found, anchor, context, self.words, self.policy)
        snapshot = self.snapshot(read.intents, anchor, context)
        decided = decide.decide_all(snapshot, read.intents, now, self.policy)
        held = next((d.held for _, d in decided if d.held), "")
        if held:
            return self._hold(mail, found, f"{held}: {context.by}")
        if anchor.secret and snapshot.pending is not None and snapshot.pending.address == context.by:
            self.store.use_pending(anchor.secret, now)
        touched = self.commit(decided, snapshot, found.message_id, context.by)
        number = touched or (context.issue.number if context.issue else None)
        if number:
            self.store.join_thread(found.message_id, number)
        return "done", ", ".join(type(i).__name__ for i, _ in decided)[:200], number

    # --- what a mail belongs to and what is known --------------------------------------------------------------------

    def context(self, anchor: Anchor, found: ParsedMail, raw: int) -> Context:
        """Who speaks, how sure that is, and which of our mails and issues it is about: token first, then Message-IDs
        seen."""
        author = found.from_.address if found.from_ else ""
        owner = self.store.address(anchor.token.person) if anchor.token else None
        sure = evidence.judge(author, owner)
        if anchor.token is not None and anchor.token.kind == "u" and owner:  # suffices alone, whoever's alias sent it
            return Context(owner, Evidence(Level.E2, "unsubscribe-token"), raw)
        if anchor.secret:
            return Context(author, sure, raw)
        number = anchor.token.number if anchor.token else self.store.thread_issue(anchor.thread)
        issue = self.store.issue(number) if number else None
        parent = self._parent(anchor, number)
        if parent is None:  # somebody may have copied our template into a fresh mail: its words are still ours
            template = self.outbox.template_text()
            return Context(author, sure, raw, issue, template if template[:60] in found.text else "")
        text, template, broadcast = self._words_of(parent), parent.template, parent.broadcast
        return Context(author, sure, raw, issue, text, template, broadcast)

    def _words_of(self, parent: Parent) -> str:
        """All words of a mail of ours that an answer may quote: a client that quotes its HTML part quotes that
        part's."""
        found = self.words_sent.get(parent.outgoing)
        if found is None:
            sent = claims.mail(self.store, parent.outgoing)
            found = f"{parent.text}\n{html_to_text(mime.parse(sent.head + CRLF + sent.body).html)}"
            self.words_sent[parent.outgoing] = found
            while len(self.words_sent) > REMEMBERED:
                self.words_sent.pop(next(iter(self.words_sent)))
        return found

    def _parent(self, anchor: Anchor, number: int) -> Parent | None:
        if anchor.outgoing and (parent := self.store.parent(anchor.outgoing)) is not None:
            return parent
        return self.store.latest_to(anchor.token.person, number) if anchor.token else None

    def snapshot(self, intents: Sequence[Intent], anchor: Anchor, context: Context) -> Snapshot:
        """Only what these intents need; a number is drawn only when a report may open an issue."""
        pending = self.store.pending(anchor.secret) if anchor.secret else None
        wanted = (*intents, *pending.intents) if pending else intents
        issues = self.store.issues([i.issue for i in wanted if i.issue])
        opens = any(isinstance(i, want.FileReport | want.Reopen) for i in wanted)
        only_reports = all(isinstance(i, decide.KEPT_ALWAYS) for i in wanted)  # they are never short of evidence
        asks = any(isinstance(i, want.Ask) and i.what in ("status", "list") for i in wanted)
        now, answered = self.clock.now(), False
        if context.broadcast and context.issue is not None:
            since = max(
                t for t in (context.issue.opened_at, context.issue.announced_at, context.issue.last_update_at) if t
            )
            answered = self.store.status_answered(context.issue.number, context.by, since)
        return Snapshot(
            issues=issues,
            next_number=self.store.next_number() if opens else 0,
            open_issues=self.store.open_issues() if asks else (),
            pending=pending,
            confirm_asked=not only_reports and self.store.confirm_asked(context.by, now - DAY),
            status_answered=answered,
            first_report=opens and not self.store.has_reported(context.by),
        )

    # --- committing a decision ---------------------------------------------------------------------------------------

    def commit(
        self, decided: Sequence[tuple[Intent, Decision]], snapshot: Snapshot, cause: str, author: str
    ) -> int | None:
        """Journal, issues, timers, list and mails of all decisions of one mail. Returns the issue they were about,
        if one."""
        issues: dict[int, Issue] = dict(snapshot.issues)
        changed: dict[int, None] = {}
        for intent, decision in decided:
            mark = uuid.uuid4().hex if decision.events else ""
            for event in decision.events:
                self._record(event, intent, mark, issues)
                changed |= {event.issue: None} if event.issue else {}
        for number in changed:
            issue = issues[number]
            self.store.save_issue(issue)
            new = number not in snapshot.issues
            self.store.set_timers(number, decide.clocks(issue, self.policy), rank(issue), new=new)
        for intent, decision in decided:
            self._send(self._within_limit(intent, decision, author), issues, cause, author)
        self.store.count_numbers(max(changed, default=0))
        return next(iter(changed), None)

    def _record(self, event: Event, intent: Intent, mark: str, issues: dict[int, Issue]) -> None:
        self.store.save_event(event, intent.evidence, intent.mail, mark)
        match event:
            case SubscriberJoined(address=address):
                audience.join(self.store, address, event.at)
            case SubscriberLeft(address=address):
                audience.leave(self.store, address, event.at)
            case _ if event.issue:
                issues[event.issue] = evolve(issues.get(event.issue), event)

    def _within_limit(self, intent: Intent, decision: Decision, author: str) -> Decision:
        """Two robots that answer each other stop: an address that has shown nothing gets ten answers a day, any other
        thirty an hour (trust.md L1). What was decided stands, and mails to others go out."""
        if not any(draft.to == author for draft in decision.drafts):
            return decision
        limit, span = (ANSWERS_AN_HOUR, HOUR) if intent.evidence.believed else (ANSWERS_A_DAY, DAY)
        if claims.answers_since(self.store, self.store.person(author), self.clock.now() - span) < limit:
            return decision
        logger("worker").warning("answers-stopped", address=author, limit=limit)
        return replace(decision, drafts=tuple(draft for draft in decision.drafts if draft.to != author))

    def _send(self, decision: Decision, issues: dict[int, Issue], cause: str, author: str) -> None:
        now = self.clock.now()
        pending = None
        if decision.freeze:
            pending = Pending(decision.freeze, decision.freeze[0].by, decide.confirm_until(decision.freeze, now))
            if not decision.drafts:
                self.store.add_to_pending(pending, now - DAY)
        for draft in decision.drafts:
            issue = issues.get(draft.issue) if draft.issue else None
            kept = pending if draft.template == "confirm" else None
            answer = cause if draft.to == author else ""
            self.outbox.put(draft, issue, now, cause=answer, author=author, pending=kept)

    # --- timers -------------------------------------------------------------------------------------------------------

    def tick_once(self) -> bool:
        """Fire the most urgent due timer; False when none is due. After downtime the mailbox is emptied first
        (process.md 5)."""
        now = self.clock.now()
        if self.store.due_timer(now) is None:
            return False
        with self.store.transaction():
            due = self.store.due_timer(now)
            if due is None:
                return False
            number, name, at = due
            issue = self.store.issue(number)
            intent = want.TimerFired(by="", evidence=SERVICE, issue=number, timer=name, due=at)
            snapshot = Snapshot(issues={number: issue} if issue else {})
            decision = decide.decide(snapshot, intent, now, self.policy)
            self.commit([(intent, decision)], snapshot, "", "")
            if not decision.events:  # it moved or no longer runs: the row is set right
                self.store.set_timers(
                    number, decide.clocks(issue, self.policy) if issue else {}, rank(issue) if issue else 2
                )
        step("after_timer_commit")
        logger("worker").info("timer", timer=name, issue=number, late=round((now - at).total_seconds(), 3))
        return True
