"""What is known: from the store to the Context in which a mail is read and the Snapshot that a decision looks at.

Only what these intents need is read; a number is drawn only where an issue may be opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from triagemail import units
from triagemail.clock import Clock
from triagemail.mail import evidence, mime
from triagemail.mail.evidence import Trust
from triagemail.mail.html import html_to_text
from triagemail.mail.languages import languages
from triagemail.mail.mime import ParsedMail
from triagemail.mail.reading import Anchor, Context
from triagemail.mail.templates import context_of, render
from triagemail.outbox import Outbox
from triagemail.process import decide
from triagemail.process import intents as want
from triagemail.process.events import SubscriberJoined, SubscriberLeft, WishesSet
from triagemail.process.hours import week
from triagemail.process.intents import HeldMails, HeldReports, Intent, Snapshot, Undo
from triagemail.process.life import evolve
from triagemail.process.model import UNDECIDED, Desk, Evidence, Issue, Level, Policy, Priority, Wishes
from triagemail.store import audience, claims, counts, mailbox, reach
from triagemail.store.store import Parent, Store

CRLF = b"\r\n"
REMEMBERED = 100
NAMED = 50  # senders whose held reports the triager gets by name
REASONS, SHOWN = 12, 3  # in the operator's digest: reasons by name, mails of each
SETTLED = timedelta(minutes=5)  # what is held now may be committed only later, by another process
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DEAF = timedelta(minutes=10)  # "while intake is down for over 10 minutes"
OPENING = (want.FileReport, want.Reopen, want.Remediate)
DECIDING = (want.Agree, want.SetPriority, want.MarkDuplicate)
ALARMING = (want.FileReport, want.FillIn, want.Comment, *DECIDING)  # a P0 may be announced because of them
WISHING = (*decide.LIST_WORDS, want.HeardFrom, want.UndoLast)
ON_DUTY = (want.TakeDuty, want.GoAway, want.TriagerUnreachable)


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Reads the store, inside the transaction of the mail or timer. What a decision may change is locked before it is
    read, where others work too: issues in ascending order, then the desk."""

    store: Store
    policy: Policy
    outbox: Outbox
    clock: Clock
    trust: Trust
    words_sent: dict[int, str] = field(default_factory=dict)  # of our latest answered mails, by their number
    template_texts: list[str] = field(default_factory=list)  # of the five-question template, in every language

    # --- what a mail belongs to ---------------------------------------------------------------------------------------

    def context(
        self, anchor: Anchor, found: ParsedMail, raw: int, arrived: datetime, *, passed_on: bool = False
    ) -> Context:
        """The same, of a mail that a group has `passed_on`: whoever it names has shown nothing (`groups.original`)."""
        known = self._context(anchor, found, raw, arrived)
        if passed_on and known.evidence.believed:
            return replace(known, evidence=Evidence(Level.E0, "group", "named by one of our groups"))
        return known

    def _context(self, anchor: Anchor, found: ParsedMail, raw: int, arrived: datetime) -> Context:
        """Who speaks, how sure that is, and which of our mails and issues it is about: token first, then Message-IDs
        seen."""
        author = found.from_.address if found.from_ else ""
        owner = self.store.address(anchor.token.person) if anchor.token else None
        sure = self.judge(owner, found, arrived)
        if anchor.token is not None and anchor.token.kind == "u" and owner:  # suffices alone, whoever's alias sent it
            return Context(owner, Evidence(Level.E2, "unsubscribe-token"), raw, sent_at=arrived)
        if anchor.secret:
            return Context(author, sure, raw, sent_at=arrived)
        number = anchor.token.number if anchor.token else self._thread_issue(anchor)
        issue = self.store.issue(number, lock=True) if number else None
        parent = self.parent(anchor, number)
        if parent is None:  # somebody may have copied our template into a fresh mail: its words are still ours
            return Context(author, sure, raw, issue, self._copied(found.text), sent_at=arrived)
        text, template, broadcast = self._words_of(parent), parent.template, parent.broadcast
        return Context(author, sure, raw, issue, text, template, broadcast, sent_at=arrived)

    def _thread_issue(self, anchor: Anchor) -> int:
        known = self.store.parent(anchor.batch) if anchor.batch else None
        return known.issue if known is not None else self.store.thread_issue(anchor.thread)

    def judge(self, owner: str | None, found: ParsedMail, arrived: datetime) -> Evidence:
        """How sure it is that the author wrote it; `owner` is whom its token names. Its Date is the sender's word, so
        it can only make a mail older (trust.md A11)."""
        author = found.from_.address if found.from_ else ""
        sent = min(arrived, found.date or arrived)
        return evidence.judge(self.trust, found.trace, author, owner, self.clock.now() - sent)

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

    def _copied(self, text: str) -> str:
        """The words of the five-question template, in whichever language a mail holds its beginning. Its HTML part is
        not made: that would be a tenth of a start."""
        if not self.template_texts:
            known = context_of(self.policy, datetime(2026, 1, 1, tzinfo=UTC), None, {})
            made = (render(self.outbox.templates, "template", each, known, html=False) for each in languages())
            self.template_texts.extend(each.text for each in made)
        return next((said for said in self.template_texts if said[:60] in text), "")

    def parent(self, anchor: Anchor, number: int) -> Parent | None:
        outgoing = anchor.outgoing or anchor.batch
        if outgoing and (parent := self.store.parent(outgoing)) is not None:
            return parent
        return self.store.latest_to(anchor.token.person, number) if anchor.token else None

    # --- what a decision may look at ----------------------------------------------------------------------------------

    def of_mail(self, intents: Sequence[Intent], anchor: Anchor, context: Context) -> Snapshot:
        pending = self.store.pending(anchor.secret) if anchor.secret else None
        wanted = (*intents, *pending.intents) if pending else tuple(intents)
        now = self.clock.now()
        opens = sum(isinstance(i, OPENING) for i in wanted)
        only_reports = all(isinstance(i, decide.KEPT_ALWAYS) for i in wanted)  # they are never short of evidence
        asks = any(isinstance(i, want.Ask) and i.what in ("status", "list", "backlog") for i in wanted)
        urgent = self._urgent() if _any(wanted, ON_DUTY) else ()
        return Snapshot(
            issues={**{i.number: i for i in urgent}, **self._issues(wanted)},
            next_number=self.store.next_number(opens) if opens else 0,
            open_issues=self.store.open_issues() if asks else (),
            pending=pending,
            confirm_asked=not only_reports and self.store.confirm_asked(context.by, now - DAY),
            status_answered=self._status_answered(context),
            first_report=opens > 0 and not self.store.has_reported(context.by),
            desk=self.store.desk(lock=not only_reports),
            alarm=self._alarm(now) if _any(wanted, ALARMING) else None,
            p1_this_week=self.p1_this_week() if asks or _any(wanted, DECIDING) else 0,
            wishes=self._wishes(context.by) if _any(wanted, WISHING) else None,
            undo=self._undo(anchor) if _any(wanted, (want.UndoLast,)) else None,
            urgent=urgent,
        )

    def of_timer(self, number: int, name: str, now: datetime) -> Snapshot:
        """For a timer of an issue, or of the desk (number 0)."""
        desk: Desk | None = self.store.desk(lock=number == 0)
        if number:
            intent = want.TimerFired(by="", evidence=Evidence(Level.E3, "timer"), issue=number, timer=name, due=now)
            return Snapshot(issues=self._issues([intent]), desk=desk, alarm=self._alarm(now), deaf=self._deaf(now))
        since = (desk.reviewed_at or desk.opened_at) if desk is not None else now
        told = (desk.digest_at or desk.opened_at) if desk is not None else now
        held = counts.held_between(self.store, told - SETTLED, now - SETTLED) if name == "digest" else {}
        return Snapshot(
            desk=desk,
            waiting=self._waiting() if name == "morning" else (),
            since_review=self.store.issues_since(since) if name in ("review-check", "review") else (),
            digests=tuple(audience.digests(self.store, told, now)) if name == "digest" else (),
            flooded=self._flooded(desk) if name == "flood" else (),
            lost=reach.lost(self.store, told, now) if name == "digest" else (),
            held=self._held(held),
            waiting_held=counts.count_held(self.store) if held else 0,
        )

    def of_alert(self, intent: Intent) -> Snapshot:
        """For a mail of a monitor: it has no commands."""
        opens = isinstance(intent, want.FileReport)
        return Snapshot(
            issues=self._issues([intent]),
            next_number=self.store.next_number() if opens else 0,
            desk=self.store.desk(),
            alarm=self._alarm(self.clock.now()),
        )

    def of_absence(self) -> Snapshot:
        """For a triager who is away."""
        urgent = self._urgent()
        return Snapshot(issues={i.number: i for i in urgent}, urgent=urgent, desk=self.store.desk(lock=True))

    def of_reader(self, person: int) -> Snapshot:
        """For somebody whom a mail of ours did, or did not, reach: what they are needed for, and how our mails fare."""
        address = self.store.address(person)
        live = self.store.open_issues()
        named = (*(i for i in live if i.urgent or i.owner == address), *self.store.disputed_issues())
        theirs = self.store.issues((i.number for i in named), lock=True)
        urgent = [theirs[i.number] for i in live if i.urgent]
        return Snapshot(
            issues=theirs,
            urgent=tuple(i for i in urgent if i.live and i.urgent),
            desk=self.store.desk(lock=True),
            wishes=self._wishes(address),
            reach=reach.read(self.store, person),
            group=reach.is_group(self.store, person),
            probe=reach.last_probe(self.store, person),
        )

    def _issues(self, intents: Iterable[Intent]) -> dict[int, Issue]:
        """The issues that intents name, and those linked to them: what was joined where, the remediations, their first
        issue."""
        fields = ("issue", "of", "follow", "mute")
        named = {n for i in intents for n in (getattr(i, name, None) for name in fields) if n}
        found = self.store.issues(named, lock=True)
        linked = {n for i in found.values() for n in (i.duplicate_of, i.remediates, *i.remediations) if n}
        return found | self.store.issues(linked - set(found), lock=True)

    def _flooded(self, desk: Desk | None) -> tuple[HeldReports, ...]:
        """The reports that are held and may be urgent, by their senders."""
        if desk is None or desk.flood_at is None:
            return ()
        found = counts.flooded(self.store, desk.flood_at)
        return tuple(
            HeldReports(by, len(numbers), priority, self._subject(numbers[0]) if place < NAMED else "", numbers[0])
            for place, (by, priority, numbers) in enumerate(found)
        )

    def _held(self, found: Mapping[str, Sequence[int]]) -> tuple[HeldMails, ...]:
        """By reason, the most frequent first; of those only few are named, for a day may bring thousands."""
        ordered = sorted(found.items(), key=lambda each: (-len(each[1]), each[0]))
        named = [
            HeldMails(why, len(numbers), tuple(self._seen_from_outside(n, why) for n in numbers[: -SHOWN - 1 : -1]))
            for why, numbers in ordered[:REASONS]
        ]
        rest = sum(len(numbers) for _, numbers in ordered[REASONS:])
        return (*named, HeldMails("", rest, ())) if rest else tuple(named)

    def _seen_from_outside(self, inbox: int, why: str) -> tuple[str, str, int]:
        head = units.outside(claims.held_raw(self.store, inbox) or b"", why)
        return head.from_.address if head.from_ else "", head.subject, inbox

    def _subject(self, inbox: int) -> str:
        return mime.parse(claims.held_raw(self.store, inbox) or b"").subject

    def _urgent(self) -> tuple[Issue, ...]:
        found = [i.number for i in self.store.open_issues() if i.urgent]
        locked = self.store.issues(found, lock=True)
        return tuple(locked[number] for number in found if locked[number].live and locked[number].urgent)

    def _waiting(self) -> tuple[Issue, ...]:
        return tuple(i for i in self.store.open_issues() if i.state in UNDECIDED and not i.urgent)

    def _status_answered(self, context: Context) -> bool:
        issue = context.issue
        if not context.broadcast or issue is None:
            return False
        since = max(t for t in (issue.opened_at, issue.announced_at, issue.last_update_at) if t)
        return self.store.status_answered(issue.number, context.by, since)

    def _alarm(self, now: datetime) -> Issue | None:
        """ "While a P0 announced in the last 60 minutes is open …" """
        found = self.store.issues(self.store.happened("IssueAnnounced", now - HOUR)[-20:]).values()
        return next((i for i in found if i.live and i.announced and i.urgent and i.current is Priority.P0), None)

    def p1_this_week(self) -> int:
        """How many issues became P1 since Monday, for the budget (process.md 3)."""
        monday = week(self.clock.now(), self.policy.timezone)
        found = self.store.issues(self.store.happened("PriorityDecided", monday)).values()
        return sum(1 for i in found if i.priority is Priority.P1 and not i.remediation)

    def _wishes(self, address: str) -> Wishes | None:
        found = audience.wishes(self.store, address)
        return found if found.member or found.issues else None

    def _deaf(self, now: datetime) -> bool:
        heard = mailbox.read_at(self.store)
        return heard is not None and heard + DEAF < now

    def _undo(self, anchor: Anchor) -> Undo | None:
        """What the decision did whose receipt this mail answers: the journal, folded up to it and over it."""
        parent = self.store.parent(anchor.outgoing) if anchor.outgoing else None
        if parent is None or not parent.decision or anchor.token is None:
            return None
        events = self.store.decision_events(parent.decision)
        pairs = tuple(self._around(n, parent.decision) for n in dict.fromkeys(e.issue for e in events if e.issue))
        joined = tuple(e.address for e in events if isinstance(e, SubscriberJoined))
        left = tuple(e.address for e in events if isinstance(e, SubscriberLeft))
        wishes = tuple((e.address, e.before, e.after) for e in events if isinstance(e, WishesSet))
        by = self.store.address(anchor.token.person)
        return Undo(parent.decision, by, events[0].at, pairs, joined, left, wishes) if events else None

    def _around(self, number: int, mark: str) -> tuple[Issue | None, Issue]:
        before: Issue | None = None
        current: Issue | None = None
        begun = False
        for each, event in self.store.marked_journal(number):
            if each == mark and not begun:
                before, begun = current, True
            elif each != mark and begun:
                break
            current = evolve(current, event)
        assert current is not None, f"#{number} has no journal"
        return before, current


def _any(intents: Iterable[Intent], kinds: tuple[type[Intent], ...]) -> bool:
    return any(isinstance(i, kinds) for i in intents)
