"""The example mails of docs/mail.md and what comes back: each runs through the reader, `decide` and the templates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

from triagemail import config as configs
from triagemail.mail import compose, evidence, mime, reading
from triagemail.mail.reading import Anchor, Context
from triagemail.mail.words import parse_words
from triagemail.process import decide
from triagemail.process.events import Audience, Draft, SubscriberJoined, SubscriberLeft
from triagemail.process.intents import Pending, Snapshot
from triagemail.process.model import Issue, Policy

NINE = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # 9:00 in Berlin
ISSUES = "issues@acme.example"
SARA, BOB, ANNA, LENA, KIM = "sara", "bob", "anna", "lena", "kim"
PEOPLE = {name: f"{name}@acme.example" for name in (SARA, BOB, ANNA, LENA)} | {KIM: "kim@elsewhere.example"}
ROLES = {SARA: "triager", BOB: "reporter", ANNA: "owner", LENA: "colleague", KIM: "stranger"}

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


def _re(author: str, text: str, answers: str, later: timedelta = timedelta()) -> Said:
    """An answer to a mail about issue #1."""
    return Said(author, text, about=1, answers=answers, later=later)


DAYS = timedelta(days=3)
_P0, _P1, _P2 = (Said(BOB, REPORT.format(p), "Checkout is blank") for p in ("P0", "P1", "P2"))
_YES = _re(BOB, "Yes, this report is from me.", "received")
STAGES: Mapping[str, tuple[Said, ...]] = {
    "": (),
    "draft": (Said(BOB, "the checkout page is blank!", "Checkout is blank"),),
    "triage": (_P1, _YES),
    "triage-p2": (_P2, _YES),
    "unverified": (_P0,),
    "open": (_P1, _YES, _re(SARA, "agree", "triage")),
    "owned": (_P1, _YES, _re(SARA, "agree\nowner anna@acme.example", "triage")),
    "resolved": (_P1, _YES, _re(SARA, "agree", "triage"), _re(SARA, "resolve: the disk has room again", "triage")),
    "declined": (_P2, _YES, _re(SARA, "decline: it is meant to be like this", "triage")),
    "asked": (_P1, _YES, Said(SARA, "agree #1")),
    "joining": (Said(LENA, "subscribe"),),
}

EXAMPLES: Mapping[str, Example] = {
    "report": Example(Said(BOB, "the checkout page is blank!", "Checkout is blank")),
    "complete": Example(_P0),
    "gaps": Example(_re(BOB, "What did you expect? A form.\nWho is affected? All customers.", "missing"), "draft"),
    "confirm-report": Example(_YES, "unverified"),
    "agree": Example(_re(SARA, "agree", "triage"), "triage"),
    "priority": Example(_re(SARA, "P2 because there is a workaround", "triage"), "triage"),
    "no-reason": Example(_re(SARA, "P2", "triage"), "triage"),
    "raise": Example(_re(BOB, "P0 because nobody can pay now", "decided"), "open"),
    "lower": Example(_re(BOB, "P3", "decided"), "open"),
    "decline": Example(_re(SARA, "decline: it is meant to be like this", "triage"), "triage-p2"),
    "withdraw": Example(_re(BOB, "withdraw: it works again", "received"), "triage"),
    "withdraw-later": Example(_re(BOB, "withdraw: it works again", "decided"), "open"),
    "owner": Example(_re(SARA, "owner anna@acme.example", "triage"), "open"),
    "mine": Example(_re(ANNA, "mine", "owner"), "owned"),
    "update": Example(_re(ANNA, "update: The database is full, we make room.", "owner"), "owned"),
    "next-update": Example(_re(ANNA, "next update in 90 minutes", "owner"), "owned"),
    "next-update-at": Example(_re(ANNA, "next update 11:30", "owner"), "owned"),
    "correction": Example(_re(ANNA, "correction: It is not the database.", "owner"), "owned"),
    "headline": Example(_re(SARA, "headline: Nobody can pay", "triage"), "open"),
    "doc": Example(_re(ANNA, "doc https://docs.acme.example/42", "owner"), "owned"),
    "resolve": Example(_re(ANNA, "resolve: the disk has room again", "owner"), "owned"),
    "reopen": Example(_re(BOB, "reopen: it is blank again", "broadcast-resolved", DAYS), "resolved"),
    "reopen-declined": Example(_re(BOB, "reopen: I still need it", "declined"), "declined"),
    "comment": Example(_re(BOB, "It is still blank for me.", "decided"), "owned"),
    "reader": Example(_re(LENA, "Is Switzerland hit as well?", "broadcast-new"), "open"),
    "help": Example(Said(BOB, "help")),
    "template": Example(Said(BOB, "", "template")),
    "process": Example(Said(BOB, "process")),
    "status": Example(_re(BOB, "status", "decided"), "open"),
    "status-42": Example(Said(LENA, "status #1", answers="welcome"), "open"),
    "list": Example(Said(LENA, "list", answers="welcome"), "open"),
    "subscribe": Example(Said(LENA, "subscribe")),
    "subscribe-yes": Example(Said(LENA, "yes", confirms=True), "joining"),
    "unsubscribe": Example(Said(LENA, "unsubscribe", answers="welcome")),
    "fresh": Example(Said(SARA, "agree #1"), "triage"),
    "fresh-yes": Example(Said(SARA, "yes", confirms=True), "asked"),
    "several": Example(_re(SARA, "agree\nowner anna@acme.example\nnext update in 2 hours", "triage"), "triage"),
    "all-or-none": Example(_re(SARA, "agree\nowner anna@acme.example\nnext update in 9 hours", "triage"), "triage"),
    "forbidden": Example(_re(LENA, "resolve: done", "broadcast-new"), "open"),
    "near-miss": Example(Said(LENA, "unsubscibe")),
    "stranger": Example(Said(KIM, "Your site is slow.", "Hello")),
}


@dataclass
class Desk:
    """A company's service without its store: what `decide` is given is kept here."""

    policy: Policy
    now: datetime = NINE
    issues: dict[int, Issue] = field(default_factory=dict)
    pending: Pending | None = None
    on_list: set[str] = field(default_factory=set)

    def hears(self, said: Said) -> tuple[list[tuple[Draft, compose.Composed]], str]:
        """The mails that one mail leads to, as they are composed, and why it is held, if it is."""
        self.now += said.later + timedelta(minutes=1)
        author, mail = PEOPLE[said.author], mime.parse(_raw(said, self.now))
        sure = evidence.judge(author, author if said.answers or said.confirms else None)
        issue = self.issues.get(said.about)
        context = Context(author, sure, None, issue, "", said.answers, said.answers.startswith("broadcast"))
        anchor = Anchor(secret="asked" if said.confirms else "")
        intents = reading.read(mail, anchor, context, WORDS, self.policy).intents
        number = max(self.issues, default=0) + 1
        live = tuple(i for i in self.issues.values() if i.live)
        known = Snapshot(dict(self.issues), number, live, self.pending, first_report=True)
        decided = decide.decide_all(known, intents, self.now, self.policy)
        events = tuple(event for _, decision in decided for event in decision.events)
        self.issues = dict(decide.after(known, events).issues)
        self.on_list |= {event.address for event in events if isinstance(event, SubscriberJoined)}
        self.on_list -= {event.address for event in events if isinstance(event, SubscriberLeft)}
        frozen = next((decision.freeze for _, decision in decided if decision.freeze), ())
        self.pending = Pending(frozen, author, decide.confirm_until(frozen, self.now)) if frozen else None
        drafts = [draft for _, decision in decided for draft in decision.drafts]
        return [(draft, self._composed(draft)) for draft in drafts], next((d.held for _, d in decided if d.held), "")

    def _composed(self, draft: Draft) -> compose.Composed:
        issue = self.issues.get(draft.issue or 0)
        to = draft.to if isinstance(draft.to, str) else ""
        return compose.compose(
            draft.template, language="en", issue=issue, policy=self.policy, values=draft.values, now=self.now, to=to,
            reply_to=ISSUES, broadcast=isinstance(draft.to, Audience),
        )  # fmt: skip


def company() -> Policy:
    """The default config of a company with one triager, whose list is open to all of it."""
    found = configs.policy(configs.load(None))
    own = ("acme.example",)
    people = replace(found, triagers=(PEOPLE[SARA],), reporters=own, internal=own, list_open_to=own)
    return replace(people, address=ISSUES, list_address="updates@acme.example", timezone="Europe/Berlin")


WORDS = parse_words((configs.builtin_templates() / "en" / "words.toml").read_text(encoding="utf-8"))


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
    desk = Desk(company())
    for said in STAGES[example.stage]:
        desk.hears(said)
    mails, held = desk.hears(example.said)
    lines = ["```text", _heading(example.said), "", *_written(example.said), "", *_answers(mails)]
    if held:
        lines.append("-> nobody: the mail is held, and the operator is told")
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


def first_words(text: str) -> list[str]:
    """How a mail begins: its first sentence, and what it is about where that only announces it; an item a line."""
    body = text.partition("\n-- \n")[0]
    parts = [part.replace("\n  ", " ") for part in body.split("\n\n") if part.strip() and not part.startswith("---")]
    wanted = parts[: 2 if parts[0].endswith((":", "for your information.", "was wrong.")) else 1]
    lines = [line for part in wanted for line in (part.strip().split("\n") if "\n- " in part else [part])]
    return [" ".join(line.split()) for line in lines]
