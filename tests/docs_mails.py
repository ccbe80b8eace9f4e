"""The example mails of docs/mail.md and what comes back: each runs through the reader, `decide` and the templates."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

from triagemail import config as configs
from triagemail.mail import compose, evidence, mime, reading
from triagemail.mail.languages import texts_of
from triagemail.mail.reading import Anchor, Context
from triagemail.mail.words import parse_words
from triagemail.process import decide
from triagemail.process.events import Audience, Draft, Event, LanguageSet, SubscriberJoined, SubscriberLeft, WishesSet
from triagemail.process.intents import Pending, Snapshot, Undo
from triagemail.process.model import Desk, Issue, Policy, Wishes

NINE = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # 9:00 in Berlin, a Monday
HOUR = timedelta(hours=1)
ISSUES = "issues@acme.example"
SARA, CARL, BOB, TOM, ANNA, LENA, KIM, VERA, CONNY = (
    "sara", "carl", "bob", "tom", "anna", "lena", "kim", "vera", "conny"
)  # fmt: skip
PEOPLE = {name: f"{name}@acme.example" for name in (SARA, CARL, BOB, TOM, ANNA, LENA, VERA, CONNY)}
PEOPLE |= {KIM: "kim@elsewhere.example"}
ROLES = {
    SARA: "triager", CARL: "stands by", BOB: "reporter", TOM: "another reporter", ANNA: "owner", LENA: "colleague",
    KIM: "stranger", VERA: "authority", CONNY: "confirmer",
}  # fmt: skip
GAME = "rock-paper-scissors"

REPORT = """\
1. What is happening? The checkout page is blank since 9:00.
2. What did you expect instead? The payment form.
3. How can we see it ourselves? Open https://shop.acme.example and click Pay.
4. Who is affected, and can they work around it? All customers, no workaround.
5. What type of response do you want from me? {}"""


@dataclass(frozen=True, slots=True)
class Said:
    """One mail to the service. `about` is an issue's number when the mail answers a mail of ours, else 0."""

    author: str
    text: str
    subject: str = ""
    about: int = 0
    answers: str = ""  # the template that it answers
    later: timedelta = timedelta()
    confirms: bool = False  # answers the mail that asks to confirm


@dataclass(frozen=True, slots=True)
class Example:
    """A mail on docs/mail.md, after the mails of its `stage` have been worked off."""

    said: Said
    stage: str = ""
    dispute: str = "triager"  # the company's dispute.policy


def _re(author: str, text: str, answers: str, later: timedelta = timedelta(), about: int = 1) -> Said:
    """An answer to a mail about issue #1."""
    return Said(author, text, about=about, answers=answers, later=later)


DAYS = timedelta(days=3)
_P0, _P1, _P2 = (Said(BOB, REPORT.format(p), "Checkout is blank") for p in ("P0", "P1", "P2"))
_YES = _re(BOB, "Yes, this report is from me.", "received")
_AGREED = (_P1, _YES, _re(SARA, "agree", "triage"))
_SECOND = (
    Said(TOM, REPORT.format("P0"), "I cannot pay"), _re(TOM, "Yes, this report is from me.", "received", about=2)
)  # fmt: skip
_DECIDED = (_P1, _YES, _re(SARA, "P2 because few are hit", "triage"))
_DISPUTED = (*_DECIDED, _re(BOB, "dispute: customers cannot pay", "decided"))
_BUSY = tuple(
    said
    for n in (1, 2, 3)
    for said in (Said(BOB, REPORT.format("P1"), f"Trouble {n}"), _re(SARA, "agree", "triage", about=n))
)
_RESOLVED = (*_AGREED, _re(SARA, "resolve: the disk has room again", "triage"))
_BAND_AID = _re(SARA, "band-aid: an alert when the disk is nearly full", "closing")
_REMEDIATED = (*_RESOLVED, _re(SARA, "remediate P2: restore the lost orders", "closing"))
_JOINED = (Said(LENA, "subscribe", answers="help"),)
STAGES: Mapping[str, tuple[Said, ...]] = {
    "": (),
    "draft": (Said(BOB, "the checkout page is blank!", "Checkout is blank"),),
    "hasty": (Said(BOB, "the checkout page is blank!", "P0: checkout is blank"),),
    "triage": (_P1, _YES),
    "triage-p2": (_P2, _YES),
    "unverified": (_P0,),
    "open": _AGREED,
    "owned": (_P1, _YES, _re(SARA, "agree\nowner anna@acme.example", "triage")),
    "two": (*_AGREED, *_SECOND),
    "alarm": (_P0, _YES, *_SECOND),
    "feature": (_P2, _YES, _re(SARA, "feature", "triage")),
    "busy": (*_BUSY, Said(BOB, REPORT.format("P1"), "Trouble 4")),
    "decided": _DECIDED,
    "disputed": _DISPUTED,
    "thrown": (*_DISPUTED, _re(BOB, "rock", "throw")),
    "resolved": _RESOLVED,
    "band-aid": (*_RESOLVED, _BAND_AID),
    "band-aids": (*_RESOLVED, _BAND_AID, _re(SARA, "band-aid: clean up every night", "closing")),
    "remediated": _REMEDIATED,
    "declined": (_P2, _YES, _re(SARA, "decline: it is meant to be like this", "triage")),
    "asked": (_P1, _YES, Said(SARA, "agree #1")),
    "joining": (Said(LENA, "subscribe"),),
    "joined": _JOINED,
    "digesting": (*_JOINED, Said(LENA, "digest", answers="welcome")),
    "reading": (*_JOINED, *_AGREED),
    "receipt": (*_AGREED, _re(SARA, "resolve: the disk has room again", "triage", HOUR)),
    "planned": (_P2, _YES, _re(SARA, "agree", "triage-p2")),
}

EXAMPLES: Mapping[str, Example] = {
    # the report
    "report": Example(Said(BOB, "the checkout page is blank!", "Checkout is blank")),
    "complete": Example(_P0),
    "gaps": Example(_re(BOB, "What did you expect? A form.\nWho is affected? All customers.", "missing"), "draft"),
    "confirm-report": Example(_YES, "unverified"),
    "call": Example(_re(BOB, "call", "missing"), "draft"),
    "fill-in": Example(_re(SARA, "answer 4: only ACME", "triage"), "hasty"),
    "behalf": Example(Said(SARA, f"reported by: tom@acme.example\nvia: phone\n{REPORT.format('P1')}", "No checkout")),
    # the decision
    "agree": Example(_re(SARA, "agree", "triage"), "triage"),
    "priority": Example(_re(SARA, "P2 because there is a workaround", "triage"), "triage"),
    "no-reason": Example(_re(SARA, "P2", "triage"), "triage"),
    "over-budget": Example(_re(SARA, "agree", "triage", about=4), "busy"),
    "raise": Example(_re(BOB, "P0 because nobody can pay now", "decided"), "open"),
    "lower": Example(_re(BOB, "P3", "decided"), "open"),
    "decline": Example(_re(SARA, "decline: it is meant to be like this", "triage"), "triage-p2"),
    "withdraw": Example(_re(BOB, "withdraw: it works again", "received"), "triage"),
    "withdraw-later": Example(_re(BOB, "withdraw: it works again", "decided"), "open"),
    "owner": Example(_re(SARA, "owner anna@acme.example", "triage"), "open"),
    "mine": Example(_re(ANNA, "mine", "owner"), "owned"),
    "not-me": Example(_re(ANNA, "not me: I am on holiday", "owner"), "owned"),
    "headline": Example(_re(SARA, "headline: Nobody can pay", "triage"), "open"),
    "area": Example(_re(SARA, "area billing", "triage"), "open"),
    "duplicate": Example(_re(SARA, "duplicate #1", "triage", about=2), "two"),
    "same-as": Example(_re(TOM, "same as #1", "received", about=2), "alarm"),
    "feature": Example(_re(SARA, "feature", "triage"), "triage-p2"),
    "expected": Example(_re(SARA, "expected: a switch for dark mode in the settings", "triage"), "feature"),
    "bug": Example(_re(SARA, "bug", "triage"), "feature"),
    # who is there
    "duty": Example(Said(CARL, "duty", answers="undecided"), "triage"),
    "duty-to": Example(Said(SARA, "duty carl@acme.example", answers="morning")),
    "away": Example(Said(SARA, "away until 3 December", answers="morning")),
    # disputes
    "dispute": Example(_re(BOB, "dispute: customers cannot pay", "decided"), "decided"),
    "rule": Example(_re(SARA, "P1 because Bob is right", "ruling"), "disputed"),
    "agree-with-whom": Example(_re(SARA, "agree", "ruling"), "disputed"),
    "hierarchy": Example(_re(BOB, "dispute: customers cannot pay", "decided"), "decided", "hierarchy"),
    "reporter-right": Example(_re(BOB, "dispute: customers cannot pay", "decided"), "decided", "reporter"),
    "rock": Example(_re(BOB, "rock", "throw"), "disputed", GAME),
    "scissors": Example(_re(SARA, "scissors", "throw"), "thrown", GAME),
    "paper": Example(_re(SARA, "paper", "throw"), "thrown", GAME),
    # updates
    "update": Example(_re(ANNA, "update: The database is full, we make room.", "owner"), "owned"),
    "next-update": Example(_re(ANNA, "next update in 90 minutes", "owner"), "owned"),
    "next-update-at": Example(_re(ANNA, "next update 11:30", "owner"), "owned"),
    "correction": Example(_re(ANNA, "correction: It is not the database.", "owner"), "owned"),
    "doc": Example(_re(ANNA, "doc https://docs.acme.example/42", "owner"), "owned"),
    # the list
    "subscribe": Example(Said(LENA, "subscribe")),
    "subscribe-yes": Example(Said(LENA, "yes", confirms=True), "joining"),
    "subscribe-p0": Example(Said(LENA, "subscribe P0", answers="welcome"), "joined"),
    "subscribe-area": Example(Said(LENA, "subscribe area:billing", answers="welcome"), "joined"),
    "subscribe-issue": Example(Said(TOM, "subscribe #1", answers="help"), "reading"),
    "unsubscribe-issue": Example(_re(LENA, "unsubscribe #1", "broadcast-new"), "reading"),
    "digest": Example(Said(LENA, "digest", answers="welcome"), "joined"),
    "pause": Example(Said(LENA, "pause 2 weeks", answers="welcome"), "joined"),
    "resume": Example(Said(LENA, "resume", answers="wishes"), "digesting"),
    "language": Example(Said(LENA, "language German", answers="welcome"), "joined"),
    "unsubscribe": Example(Said(LENA, "unsubscribe", answers="welcome"), "joined"),
    # the end
    "resolve": Example(_re(ANNA, "resolve: the disk has room again", "owner"), "owned"),
    "band-aid": Example(_BAND_AID, "resolved"),
    "third-band-aid": Example(_re(SARA, "band-aid: rewrite the checkout", "closing"), "band-aids"),
    "done": Example(_re(SARA, "done", "closing"), "band-aid"),
    "reopen": Example(_re(BOB, "reopen: it is blank again", "broadcast-resolved", DAYS), "resolved"),
    "reopen-declined": Example(_re(BOB, "reopen: I still need it", "declined"), "declined"),
    # remediation
    "remediate": Example(_re(SARA, "remediate P2: restore the lost orders", "closing"), "resolved"),
    "remediate-early": Example(_re(SARA, "remediate P2: restore the lost orders", "triage"), "open"),
    "confirm-remediation": Example(_re(CONNY, "agree", "confirm-remediation", about=2), "remediated"),
    "object": Example(_re(CONNY, "P1 because ACME leaves us", "confirm-remediation", about=2), "remediated"),
    "retry": Example(
        _re(CONNY, "retry: they order again, we pay the shipping", "confirm-remediation", about=2), "remediated"
    ),
    "not-worth-it": Example(_re(CONNY, "not worth it: one order", "confirm-remediation", about=2), "remediated"),
    # the review
    "feedback": Example(_re(LENA, "feedback: the updates come too late", "broadcast-new"), "reading"),
    # anything else, and words that work in any mail
    "comment": Example(_re(BOB, "It is still blank for me.", "decided"), "owned"),
    "reader": Example(_re(LENA, "Is Switzerland hit as well?", "broadcast-new"), "open"),
    "help": Example(Said(BOB, "help")),
    "template": Example(Said(BOB, "", "template")),
    "process": Example(Said(BOB, "process")),
    "status": Example(_re(BOB, "status", "decided"), "open"),
    "status-42": Example(Said(LENA, "status #1", answers="welcome"), "open"),
    "list": Example(Said(LENA, "list", answers="welcome"), "open"),
    "backlog": Example(Said(SARA, "backlog", answers="morning"), "planned"),
    "board": Example(Said(LENA, "board", answers="welcome")),
    "undo": Example(_re(SARA, "undo", "receipt"), "receipt"),
    # when something is not right
    "fresh": Example(Said(SARA, "agree #1"), "triage"),
    "fresh-yes": Example(Said(SARA, "yes", confirms=True), "asked"),
    "several": Example(_re(SARA, "agree\nowner anna@acme.example\nnext update in 2 hours", "triage"), "triage"),
    "all-or-none": Example(_re(SARA, "agree\nowner anna@acme.example\nnext update in 9 hours", "triage"), "triage"),
    "forbidden": Example(_re(LENA, "resolve: done", "broadcast-new"), "open"),
    "near-miss": Example(Said(LENA, "unsubscibe")),
    "stranger": Example(Said(KIM, "Your site is slow.", "Hello")),
}


@dataclass
class Service:
    """A company's service without its store: what `decide` is given is kept here."""

    policy: Policy
    now: datetime = NINE
    issues: dict[int, Issue] = field(default_factory=dict)
    pending: Pending | None = None
    wishes: dict[str, Wishes] = field(default_factory=dict)
    desk: Desk = field(default_factory=lambda: Desk(NINE, review=1, review_at=NINE + timedelta(days=63, hours=1)))
    last: Undo | None = None  # what the last mail did
    languages: dict[str, str] = field(default_factory=dict)

    def hears(self, said: Said) -> tuple[list[tuple[Draft, compose.Composed]], str]:
        """The mails that one mail leads to, as they are composed, and why it is held, if it is."""
        self.now += said.later + timedelta(minutes=1)
        author, mail = PEOPLE[said.author], mime.parse(_raw(said, self.now))
        sure = evidence.judge(evidence.Trust(), (), author, author if said.answers or said.confirms else None)
        issue = self.issues.get(said.about)
        context = Context(author, sure, None, issue, "", said.answers, said.answers.startswith("broadcast"))
        anchor = Anchor(secret="asked" if said.confirms else "")
        intents = reading.read(mail, anchor, context, WORDS, self.policy).intents
        known = self._known(author)
        decided = decide.decide_all(known, intents, self.now, self.policy)
        self._keep(known, tuple(event for _, decision in decided for event in decision.events), author)
        frozen = next((decision.freeze for _, decision in decided if decision.freeze), ())
        self.pending = Pending(frozen, author, decide.confirm_until(frozen, self.now)) if frozen else None
        drafts = [draft for _, decision in decided for draft in decision.drafts]
        return [(draft, self._composed(draft)) for draft in drafts], next((d.held for _, d in decided if d.held), "")

    def _known(self, author: str) -> Snapshot:
        live = tuple(issue for issue in self.issues.values() if issue.live)
        shouting = (i for i in live if i.announced_at and i.current == 0 and self.now - i.announced_at < HOUR)
        return Snapshot(
            dict(self.issues), max(self.issues, default=0) + 1, live, self.pending,
            first_report=all(issue.reporter != author for issue in self.issues.values()), desk=self.desk,
            alarm=next(shouting, None), p1_this_week=sum(issue.priority == 1 for issue in self.issues.values()),
            wishes=self.wishes.get(author), undo=self.last, urgent=tuple(issue for issue in live if issue.urgent),
        )  # fmt: skip

    def _keep(self, known: Snapshot, events: tuple[Event, ...], author: str) -> None:
        after = decide.after(known, events)
        self.issues, self.desk = dict(after.issues), after.desk or self.desk
        changed = dict.fromkeys(event.issue for event in events if event.issue)
        joined = tuple(event.address for event in events if isinstance(event, SubscriberJoined))
        left = tuple(event.address for event in events if isinstance(event, SubscriberLeft))
        pairs = tuple((known.issues.get(number), self.issues[number]) for number in changed)
        self.last = Undo("mark", author, self.now, pairs, joined, left)
        for event in events:
            match event:
                case SubscriberJoined(address=address):
                    self.wishes[address] = replace(self.wishes.get(address, Wishes()), member=True)
                case SubscriberLeft(address=address):
                    self.wishes.pop(address, None)
                case WishesSet(address=address, after=wished):
                    self.wishes[address] = wished
                case LanguageSet(address=address, language=language):
                    self.languages[address] = language

    def _composed(self, draft: Draft) -> compose.Composed:
        issue = self.issues.get(draft.issue or 0)
        to = draft.to if isinstance(draft.to, str) else ""
        values: Mapping[str, object] = draft.values
        if isinstance(draft.to, Audience):
            values = {**values, "next_update_at": issue.next_update_at if issue is not None else None}
        return compose.compose(
            draft.template, language=self.languages.get(to, "en"), issue=issue, policy=self.policy, values=values,
            now=self.now, to=to, reply_to=ISSUES, broadcast=isinstance(draft.to, Audience),
        )  # fmt: skip


def company(dispute: str = "triager") -> Policy:
    """The default config of a company in which every role has somebody, and whose list is open to all of it."""
    found = configs.policy(configs.load(None))
    own, zone = ("acme.example",), "Europe/Berlin"
    people = replace(
        found, triagers=(PEOPLE[SARA], PEOPLE[CARL]), authority=(PEOPLE[VERA],), confirmers=(PEOPLE[CONNY],),
        reporters=own, internal=own, list_open_to=own,
    )  # fmt: skip
    return replace(
        people, address=ISSUES, list_address="updates@acme.example", timezone=zone, dispute=dispute,
        hours=replace(found.hours, timezone=zone), areas={"billing": "Billing and invoices"},
    )  # fmt: skip


WORDS = parse_words(*texts_of("words.toml"))


def _raw(said: Said, now: datetime) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"] = PEOPLE[said.author], ISSUES
    mail["Subject"] = said.subject or ("Re: yours" if said.answers else "")
    mail["Message-ID"] = "<1@client.example>"
    mail.set_content(said.text)
    return bytes(mail)


def block(name: str) -> str:
    """One example as a fenced block: the mail as it is written, a line for each mail that comes back."""
    example = EXAMPLES[name]
    service = Service(company(example.dispute))
    for said in STAGES[example.stage]:
        service.hears(said)
    mails, held = service.hears(example.said)
    lines = ["```text", _heading(example.said), "", *_written(example.said), "", *_answers(mails)]
    if held:
        lines.append("-> nobody: the mail is held, and stands in the operator's list of the day")
    return "\n".join([*lines, "```"])


def _heading(said: Said) -> str:
    answers = "confirm" if said.confirms else said.answers
    how = f"answers `{answers}`" if answers else f"writes to {ISSUES}"
    return f"{said.author.title()} ({ROLES[said.author]}) {how}:"


def _written(said: Said) -> list[str]:
    return [*([f"Subject: {said.subject}"] if said.subject else []), *said.text.splitlines()]


def _answers(mails: list[tuple[Draft, compose.Composed]]) -> Iterator[str]:
    for draft, made in mails:
        to = "the list" if isinstance(draft.to, Audience) else draft.to.partition("@")[0].title()
        yield f"-> {to} gets `{draft.template}`: {made.subject}"
        yield from (f"   {line}" for line in first_words(made.text))


ANNOUNCES = (":", "who takes it?", "for your information.", "was wrong.", "get from now on. Nothing more to do.")


def first_words(text: str) -> list[str]:
    """How a mail begins: its first sentence, and what it is about where that only announces it; an item a line, of what
    somebody said the first line."""
    body = text.partition("\n-- \n")[0]
    parts = [part.replace("\n  ", " ") for part in body.split("\n\n") if part.strip() and not part.startswith("---")]
    wanted = parts[:1]
    if parts[0].endswith(ANNOUNCES):
        headings = sum(1 for _ in itertools.takewhile(_is_heading, parts[1:]))
        wanted = parts[: headings + 2]
    lines = [line for part in wanted for line in (part.strip().split("\n") if "\n- " in part else [part])]
    return [" ".join(_said(line).split()) for line in lines]


def _is_heading(part: str) -> bool:
    return "\n" not in part and part[-1].isalnum() and part[0] not in "->"


def _said(part: str) -> str:
    first, *rest = part.strip().split("\n")
    return f"{first} …" if rest and first.startswith(">") else part
