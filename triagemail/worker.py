"""The worker: one unit of work is one mail or one timer, and commits its changes and the mails they cause together
(T2)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from triagemail import drill, outbox, oversize, trial
from triagemail.alerts import Alerts
from triagemail.budgets import Budgets
from triagemail.clock import Clock
from triagemail.failpoints import step
from triagemail.log import logger
from triagemail.mail import dsn, groups, reading, recorded, screening
from triagemail.mail.mime import ParsedMail
from triagemail.mail.reading import Context
from triagemail.mail.screening import Screening
from triagemail.mail.tokens import Token
from triagemail.mail.words import Words
from triagemail.outbox import Outbox
from triagemail.process import bounces, decide, duty, readers, reminders
from triagemail.process import intents as want
from triagemail.process.clocks import clocks, desk_clocks, set_back
from triagemail.process.events import Decision, Draft, Event
from triagemail.process.intents import Intent, Pending, Snapshot
from triagemail.process.life import evolve, evolve_desk
from triagemail.process.model import Evidence, Issue, Level, Policy
from triagemail.process.readers import SubscriberDisabled
from triagemail.process.updates import rank
from triagemail.snapshots import Snapshots
from triagemail.store import audience, claims, confirmations, counts, reach, spoken
from triagemail.store.claims import Claimed
from triagemail.store.engines import STORE_FAULTS, Conflict
from triagemail.store.store import Store
from triagemail.units import Taken, Units
from triagemail.watch import DUPLICATE, SUSPECT, Watch

SILENT = ("own", "bounce", "dsn_delay", "dsn_delivered", "feedback", "auto_reply")
HELD = ("bad_from", "auto_generated", "list")
HOPS = 50  # `Received` fields of a mail that goes round, as Postfix counts them
BY_DIGEST = ("not-admitted", SUSPECT)  # "held …, digest" (trust.md 3.5); all else may put a promise at risk
UNREADABLE = ("too-deep", "too-many-parts", "header-flood", "line-flood", "too-large")
HARMLESS = (*decide.KEPT_ALWAYS, want.Ask, want.Confirm, want.NearMiss, want.TooMany, want.GiveFeedback)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
STRANGERS = timedelta(minutes=10)  # between two mails to the triager about reports of people who may not report
SERVICE = Evidence(Level.E3, "service")
JITTER = timedelta(minutes=1)  # a clock that is kept right is moved by less
DESK_RANK = 2  # its timers come after all that is urgent
AFTER_ALL_ELSE = 3  # so do those of readers, after it


def unreadable(found: ParsedMail) -> str:
    """Why a mail cannot be read safely, or goes round (RFC 5321 6.3); "" where all is well."""
    if len(found.headers.get("received", ())) > HOPS:
        return "loop: over 50 hops"
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
    known: Snapshots
    watch: Watch
    budgets: Budgets
    alerts: Alerts
    units: Units
    groups: tuple[str, ...] = ()
    batch: int = 20
    seen: list[datetime] = field(default_factory=list)  # the latest time that the clock has shown

    # --- mails --------------------------------------------------------------------------------------------------------

    def work_once(self) -> bool:
        """Work off up to `batch` waiting mails; False when none waits. Raises STORE_FAULTS."""
        self._watch_clock()
        return self.units.work_once(self.clock.now(), self.batch, self._one)

    def _one(self, mail: Claimed, found: ParsedMail) -> None:
        """One mail in its own savepoint: whatever happens to it, the one behind it goes through."""
        started = time.monotonic()
        try:
            with self.store.savepoint():
                state, why, issue = self._handle(mail, found)
                twice = self.watch.collision(found, mail.inbox, why, self.clock.now())
                why += twice if state == "done" else ""  # lists are made from the reasons of the others
        except STORE_FAULTS:
            raise
        except Exception as error:  # a bug of ours or an unforeseen mail: parked with its reason, never lost
            self.store.forget_people()
            said = f"{type(error).__name__}: {error}"
            logger("worker").error("mail-failed", inbox=mail.inbox, error=said, exc_info=False)
            state, why, issue = self._hold(mail, found, said[:200])
        now = self.clock.now()
        if not claims.finish_mail(
            self.store, mail.inbox, self.units.holder, state, now,
            reason=why, issue=issue, message_id=found.message_id[:998],
        ):  # fmt: skip
            raise Taken(mail.inbox)
        logger("worker").info(
            "mail", message_id=found.message_id, outcome=state, reason=why, issue=issue,
            seconds=round(time.monotonic() - started, 4),
        )  # fmt: skip

    def _hold(self, mail: Claimed, found: ParsedMail, why: str) -> tuple[str, str, int | None]:
        """Parked for a person to look at; the operator is told once an hour and cause, of what nobody has to look at
        today by the daily digest. Where there are too many mails it was told, and the triager is of those that may be
        urgent."""
        now = self.clock.now()
        if why == oversize.REASON and (first := oversize.answer(mail, found, self.known, self.outbox, now)):
            return "silent", f"{DUPLICATE} {first}", None
        if why.startswith("flood"):
            if why.startswith(counts.HELD):
                self._gather(now)
            return "held", why, None
        author = found.from_.address if found.from_ else ""
        values = {"reason": why, "from_": author, "subject": found.subject, "held_id": mail.inbox}
        notice = None if why.startswith(BY_DIGEST) else outbox.notice(self.policy, "held", values)
        if notice is not None and self.store.notice_due(f"held:{why.partition(':')[0]}", now, HOUR):
            self.outbox.put(notice, None, now)
        return "held", why, None

    def _tell_triager(self, mail: Claimed, found: ParsedMail, intents: Sequence[Intent], snapshot: Snapshot) -> None:
        """ "Not admitted: held; the triager is told at once if it names P0 or P1" (trust.md 3.5); of a flood of such
        mails one every ten minutes."""
        now = self.clock.now()
        named = [i.priority for i in intents if isinstance(i, want.FileReport) and i.priority is not None]
        if not named or not min(named).urgent or not self.store.notice_due("stranger", now, STRANGERS):
            return
        author = found.from_.address if found.from_ else ""
        values = {"named": min(named), "from_": author, "subject": found.subject, "held_id": mail.inbox}
        triager = duty.present(self.policy, snapshot.desk, now).duty
        self.outbox.put(Draft("stranger", triager, None, values, rank=0), None, now)

    def _suspect(self, mail: Claimed, found: ParsedMail, why: str) -> tuple[str, str, int | None]:
        """Nobody is answered: who is named in From has probably not written it (trust.md 3.5)."""
        self.watch.posed(found, self.clock.now())
        return self._hold(mail, found, f"{SUSPECT}: {why}")

    def _gather(self, now: datetime) -> None:
        """In a moment the triager gets one list of the reports that are held and may be urgent."""
        snapshot = Snapshot(desk=self.store.desk(lock=True))
        held = want.ReportHeld(by="", evidence=SERVICE)
        self.commit([(held, decide.decide(snapshot, held, now, self.policy))], snapshot, "", "")

    def _alert(self, mail: Claimed, found: ParsedMail, context: Context) -> tuple[str, str, int | None]:
        """Mail of a machine that may report: it opens an issue or is noted on the one that is open, and never
        answered."""
        alert = self.alerts.read(mail, found, context)
        if alert.held:
            return self._hold(mail, found, alert.held)
        if alert.intent is None:
            return "silent", alert.why, alert.issue
        snapshot = self.known.of_alert(alert.intent)
        decided = [(alert.intent, decide.decide(snapshot, alert.intent, self.clock.now(), self.policy))]
        number = self.commit(decided, snapshot, found.message_id, context.by)
        if number:
            counts.lead(self.store, alert.key, number)
        return "done", "alert", number

    def _handle(self, mail: Claimed, found: ParsedMail) -> tuple[str, str, int | None]:
        """(state, reason, issue) of one mail: answered, silent(reason) or held(reason)."""
        let_in = mail.odd == claims.RELEASED
        if odd := ("" if let_in else mail.odd) or unreadable(found):
            return self._hold(mail, found, odd)
        passed_on = groups.original(found, self.groups)
        found = passed_on or found
        first = self.watch.first(found, mail.raw, mail.inbox, self.clock.now())
        if first:
            return "silent", f"{DUPLICATE} {first}", claims.outcome(self.store, first).issue
        if kind := trial.kind_of(self.store, found, self.clock.now()):
            return "silent", f"{trial.SILENT}: {kind}", None
        if reading.is_ours(found, self.outbox.keyring, self._today()):
            return self._hold(mail, found, "loop: a mail of ours came back to us")
        seen = screening.screen(found, (self.policy.address, self.policy.list_address), self.groups)
        match "" if reading.leaves(found, self.outbox.keyring, self.policy.address, self._today()) else set_aside(seen):
            case "silent" if seen.reason in recorded.KINDS:
                self._hear_from(found)
                return self._note(mail, found, seen.reason)
            case "silent":
                self._look_for_absence(found, seen)
                self._look_for_return(mail, found, seen)
                return "silent", f"{seen.class_}: {seen.reason}", None
            case "held" if seen.class_ == "bad_from":
                return self._suspect(mail, found, f"bad_from, {seen.reason}")
            case _ if (context := self.alerts.context(mail, found, seen, passed_on=bool(passed_on))) is not None:
                return self._alert(mail, found, context)
            case "held" if not let_in:
                return self._hold(mail, found, f"{seen.class_}: {seen.reason}")
            case _ if reading.to_return_path(found, self.policy.address):  # "our bounce address never answers"
                return self._hold(mail, found, "return path: not a report that we can read")
            case _:
                self._hear_from(found)
                return self._answer(mail, found, passed_on=bool(passed_on))

    def _today(self) -> int:
        return outbox.day_of(self.clock.now())

    def _note(self, mail: Claimed, found: ParsedMail, kind: str) -> tuple[str, str, int | None]:
        """ "Recorded in silence": on the inbox row, and in the journal of the issue that it is about."""
        said = recorded.read(found, kind)
        about = replace(found, references=(*found.references, *said.ids))
        anchor = reading.anchor(about, self.outbox.keyring, self.policy.address, outbox.day_of(self.clock.now()))
        context = self.known.context(anchor, about, mail.raw_id, mail.received_at)
        why = f"{kind}: {said.shown}"[:200].rstrip(": ")
        if context.issue is None or not said.what:
            return "silent", why, context.issue.number if context.issue else None
        number = context.issue.number
        noted = want.Note(
            by=context.by, evidence=context.evidence, issue=number, mail=mail.raw_id, what=said.what, text=said.text
        )
        snapshot = Snapshot(issues={number: context.issue})
        decided = [(noted, decide.decide(snapshot, noted, self.clock.now(), self.policy))]
        return "silent", why, self.commit(decided, snapshot, found.message_id, context.by)

    def _look_for_absence(self, found: ParsedMail, seen: Screening) -> None:
        """An out-of-office: its author is there for mails, and away as a triager, where our own token shows that it
        answers a mail to them."""
        if seen.class_ != "auto_reply":
            return
        self._hear_from(found)
        anchor = reading.anchor(found, self.outbox.keyring, self.policy.address, self._today())
        who = self.store.address(anchor.token.person) if anchor.token else ""
        wrote = found.from_.address if found.from_ else ""
        if who in self.policy.triagers and wrote == who:
            absent = want.TriagerUnreachable(by=who, evidence=self.known.judge(who, found, self.clock.now()))
            self._decide(absent, self.known.of_absence())

    # --- who can be reached -------------------------------------------------------------------------------------------

    def _look_for_return(self, mail: Claimed, found: ParsedMail, seen: Screening) -> None:
        """ "Only a VERP MAC address + multipart/report" counts, and each delivery comes back once."""
        token = reading.returned(found, self.outbox.keyring, self.policy.address, self._today())
        if token is None or seen.class_ != "bounce":
            return
        if token.person == outbox.EVERYBODY:
            self._look_through_batch(token.number, dsn.read(found, mail.raw))
            return
        about = dsn.worst(dsn.read(found, mail.raw), self.store.address(token.person))
        if about is None or about.meaning not in bounces.FAILED:
            return
        said = f"{about.status} {about.text}".strip()
        if reach.came_back(self.store, token.number, token.person, said, self.clock.now()):
            self._returned(token.person, about.meaning, said, Evidence(Level.E2, "return-path"))

    def _look_through_batch(self, outgoing: int, reported: tuple[dsn.Bounce, ...]) -> None:
        """A report that came to the return path of a batch says itself who did not get it. Every reader knows that
        path, so nobody's duty passes on by it."""
        urgent = (*self.policy.triagers, *self.policy.authority)
        for about in {each.recipient: each for each in reported if each.meaning in bounces.FAILED}.values():
            person = reach.batch_came_back(self.store, outgoing, about.recipient)
            said = f"{about.status} {about.text}".strip()
            if not person or about.recipient in urgent:
                continue
            if reach.came_back(self.store, outgoing, person, said, self.clock.now()):
                self._returned(person, about.meaning, said, Evidence(Level.E2, "return-path"))

    def _returned(self, person: int, meaning: str, said: str, evidence: Evidence) -> None:
        who = self.store.address(person)
        logger("worker").warning("mail-returned", address=who, meaning=meaning)
        self._decide(
            want.MailReturned(by=who, evidence=evidence, meaning=meaning, said=said), self.known.of_reader(person)
        )

    def _hear_from(self, found: ParsedMail) -> None:
        """ "Any mail from that person re-enables" whom our mails did not reach."""
        who = found.from_.address if found.from_ else ""
        person = reach.disabled(self.store, who)
        if person:
            heard = want.HeardFrom(by=who, evidence=Evidence(Level.E0, "heard"))
            self._decide(heard, self.known.of_reader(person))

    def _decide(self, intent: Intent, snapshot: Snapshot) -> None:
        """What no mail asks for and nobody is answered."""
        decision = decide.decide(snapshot, intent, self.clock.now(), self.policy)
        self.commit([(intent, decision)], snapshot, "", "")

    def _count(self, event: Event) -> None:
        """A reader's reach is the fold of what happened to them; its timer follows from it."""
        if not isinstance(event, readers.COUNTED):
            return
        person = self.store.person(event.address)
        before = reach.read(self.store, person)
        after = readers.evolve(before, event)
        if after != before:
            reach.save(self.store, person, after)
            self.store.set_timers(-person, readers.clocks(after), AFTER_ALL_ELSE)
        if isinstance(event, SubscriberDisabled):
            audience.withdraw_all(self.store, event.address, event.at)

    def _answer(self, mail: Claimed, found: ParsedMail, *, passed_on: bool) -> tuple[str, str, int | None]:
        now = self.clock.now()
        anchor = reading.anchor(found, self.outbox.keyring, self.policy.address, outbox.day_of(now))
        context = self.known.context(anchor, found, mail.raw_id, mail.received_at, passed_on=passed_on)
        self.watch.stamped(context.by, context.evidence, now)
        self.budgets.heard(context, anchor.token.number if anchor.token else 0)
        read = reading.read(found, anchor, context, self.words, self.policy)
        if context.answers == drill.TEMPLATE and context.evidence.level in drill.PROVEN:
            drill.answered(self.store, self.outbox, context.by, now)
        if not read.intents:
            return "done", "drill", None
        snapshot = self.known.of_mail(read.intents, anchor, context)
        decided = decide.decide_all(snapshot, read.intents, now, self.policy)
        held = next((d.held for _, d in decided if d.held), "")
        if held == SUSPECT:
            return self._suspect(mail, found, f"{context.by}, {context.evidence.text}")
        if held:
            self._tell_triager(mail, found, read.intents, snapshot)
            return self._hold(mail, found, f"{held}: {context.by}")
        if snapshot.pending is None and mail.odd != claims.RELEASED:
            too_much = self.budgets.flood(mail.inbox, context, read.intents)
            if too_much or (lost := self.budgets.lost(found, context, read.intents)):
                return self._hold(mail, found, too_much or lost)
        if unasked := self.budgets.cannot_ask(decided, context.by):
            return self._hold(mail, found, unasked)
        if anchor.secret and snapshot.pending is not None and snapshot.pending.address == context.by:
            confirmations.use(self.store, anchor.secret, now)
            self.budgets.confirmed(context.by)
        spoken.hear(self.store, context.by, read.language, sure=context.evidence.believed and not read.short)
        touched = self.commit(decided, snapshot, found.message_id, context.by)
        if anchor.token is not None and context.evidence.rule == "token-of-another":
            self._tell_owner(anchor.token, context, read.intents)
        number = touched or (context.issue.number if context.issue else None)
        if number:
            self.store.join_thread(found.message_id, number)
        return "done", ", ".join(type(i).__name__ for i, _ in decided)[:200], number

    def _tell_owner(self, token: Token, context: Context, intents: Sequence[Intent]) -> None:
        """Somebody gives commands with the reply address of somebody else, who hears of it once a day (trust.md A9)."""
        now = self.clock.now()
        if all(isinstance(i, HARMLESS) for i in intents):
            return
        if self.store.notice_due(f"borrowed:{token.person}", now, DAY):
            number = context.issue.number if context.issue else None
            values = {"by": context.by, "number": number}
            self.outbox.put(Draft("borrowed", self.store.address(token.person), number, values), context.issue, now)

    # --- committing a decision ---------------------------------------------------------------------------------------

    def commit(
        self, decided: Sequence[tuple[Intent, Decision]], snapshot: Snapshot, cause: str, author: str
    ) -> int | None:
        """Journal, issues, timers, list and mails of all decisions of one mail. Returns the issue they were about,
        if one."""
        issues: dict[int, Issue] = dict(snapshot.issues)
        desk = snapshot.desk
        changed: dict[int, None] = {}
        mark = uuid.uuid4().hex if any(decision.events for _, decision in decided) else ""
        for intent, decision in decided:
            for event in decision.events:
                self._record(event, intent, mark, issues)
                desk = desk if event.issue else evolve_desk(desk, event)
                changed |= {event.issue: None} if event.issue else {}
        for number in changed:
            issue = issues[number]
            new = number not in snapshot.issues
            self.store.save_issue(issue, snapshot.issues.get(number), new=new)
            self.store.set_timers(number, clocks(issue, self.policy), rank(issue), new=new)
        if desk is not None and desk != snapshot.desk:
            self.store.save_desk(desk)
            self.store.set_timers(0, desk_clocks(desk, self.policy), DESK_RANK)
        for intent, decision in decided:
            self._send(intent, decision, issues, cause, author, mark)
        self.store.count_numbers(max(changed, default=0))
        return next(iter(changed), None)

    def _record(self, event: Event, intent: Intent, mark: str, issues: dict[int, Issue]) -> None:
        self.store.save_event(event, intent.evidence, intent.mail, mark)
        self._count(event)
        audience.record(self.store, event)
        if event.issue:
            issues[event.issue] = evolve(issues.get(event.issue), event)

    def _send(
        self, intent: Intent, decision: Decision, issues: dict[int, Issue], cause: str, author: str, mark: str
    ) -> None:
        now = self.clock.now()
        pending = None
        if decision.freeze:
            until = decide.confirm_until(decision.freeze, now)
            pending = Pending(decision.freeze, decision.freeze[0].by, until, len(decision.freeze))
            if not decision.drafts:
                confirmations.join(self.store, pending, now - DAY)
        for draft in decision.drafts:
            if draft.cause and not self.store.notice_due(draft.cause, now, HOUR):
                continue
            issue = issues.get(draft.issue) if draft.issue else None
            refused, unproven = self.budgets.refused(intent, draft, author, issue)
            if refused:
                continue
            kept = pending if draft.template == "confirm" else None
            answer = cause if draft.to == author else ""
            receipt = mark if draft.to == author else ""
            self.outbox.put(
                draft, issue, now, cause=answer, author=author, pending=kept, decision=receipt, unproven=unproven
            )

    # --- timers -------------------------------------------------------------------------------------------------------

    def open_desk(self) -> None:
        """The first time that the service runs: from here on there is a review to plan, and a morning to tell of."""
        with self.store.transaction():
            if self.store.desk(lock=True) is None:
                timer = want.TimerFired(by="", evidence=SERVICE, timer="open", due=self.clock.now())
                self.commit([(timer, duty.open_desk(timer.due))], Snapshot(), "", "")

    def tick_once(self) -> bool:
        """Fire the most urgent due timer; False when none is due. After downtime the mailbox is emptied first
        (process.md 5)."""
        self._watch_clock()
        now = self.clock.now()
        if self.store.due_timer(now) is None:
            return False
        try:
            with self.store.transaction():
                due = claims.claim_timer(self.store, now)
                if due is None:  # others have it
                    return False
                number, name, at = due
                if number < 0:
                    self._of_reader(-number, name)
                else:
                    self._fire_all(due, now)
        except Conflict:
            return True  # it is still due
        step("after_timer_commit")
        logger("worker").info("timer", timer=name, issue=number, late=round((now - at).total_seconds(), 3))
        return True

    def _watch_clock(self) -> None:
        """The wall clock may be set back, while we run or while we were down; timers keep their intervals then
        (trust.md T2). One that is set forward is like an outage."""
        now = self.clock.now()
        last = self.seen[0] if self.seen else self.store.latest() or now
        if last - now > JITTER:
            with self.store.transaction():
                issues, desk = self.store.timed_issues(), self.store.desk(lock=True)
                moved = set_back(tuple(issues.values()), desk, last - now, now)
                timer = want.TimerFired(by="", evidence=SERVICE, timer="clock", due=now)
                self.commit([(timer, moved)], Snapshot(issues=issues, desk=desk), "", "")
                claims.set_back(self.store, last - now, now)
            logger("worker").warning("clock-set-back", seconds=round((last - now).total_seconds()))
        self.seen[:] = [now]

    def _fire_all(self, due: tuple[int, str, datetime] | None, now: datetime) -> None:
        """Reminders that are due with this one are fired with it, so that each person gets one mail (trust.md T5)."""
        kept: list[tuple[Draft, Issue]] = []
        for _ in range(reminders.TOGETHER):
            if due is not None:
                kept += self._fire(*due, now)
                due = claims.claim_timer(self.store, now, due[1]) if due[1] in reminders.TIMERS else None
        for draft, issue in reminders.merged(kept):
            self.outbox.put(draft, issue, now)

    def _fire(self, number: int, name: str, at: datetime, now: datetime) -> list[tuple[Draft, Issue]]:
        """Returns the reminders that it led to; all else is done."""
        snapshot = self.known.of_timer(number, name, now)
        intent = want.TimerFired(by="", evidence=SERVICE, issue=number or None, timer=name, due=at)
        decision = decide.decide(snapshot, intent, now, self.policy)
        later = tuple(draft for draft in decision.drafts if reminders.is_one(draft))
        at_once = tuple(draft for draft in decision.drafts if draft not in later)
        self.commit([(intent, replace(decision, drafts=at_once))], snapshot, "", "")
        if decision.events:
            issues = self.store.issues([number] if later else [])
            return [(draft, issues[number]) for draft in later]
        issue, desk = snapshot.issues.get(number), snapshot.desk  # it moved or no longer runs: the row is set right
        if number:
            self.store.set_timers(number, clocks(issue, self.policy) if issue else {}, rank(issue) if issue else 2)
        else:
            self.store.set_timers(0, desk_clocks(desk, self.policy) if desk else {}, DESK_RANK)
        return []

    def _of_reader(self, person: int, name: str) -> None:
        """A timer in somebody's name: "bounced" was left by the sender, "probe" follows from how our mails fare. What
        is still due afterwards concerns nobody any more."""
        if name == "bounced":
            said = reach.last_refusal(self.store, person)
            self._returned(person, dsn.of_reply(said), said, SERVICE)
        else:
            over = want.ProbeOver(by=self.store.address(person), evidence=SERVICE)
            self._decide(over, self.known.of_reader(person))
        running = readers.clocks(reach.read(self.store, person))
        later = {timer: at for timer, at in running.items() if name == "bounced" or at > self.clock.now()}
        self.store.set_timers(-person, later, AFTER_ALL_ELSE)
