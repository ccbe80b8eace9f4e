"""From a parsed mail to intents: which mail of ours it answers, what is new in it, what it wants."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypedDict

from triagemail.mail import calls, commands, quoting, report, tokens
from triagemail.mail.address import split_detail
from triagemail.mail.mime import ParsedMail
from triagemail.mail.priority import pick
from triagemail.mail.quoting import Line
from triagemail.mail.tokens import Keyring, Token
from triagemail.mail.words import FEW, Words, fold, language_of, plain, uncourteous
from triagemail.process import intents as want
from triagemail.process.intents import Intent
from triagemail.process.model import PRIORITY, Evidence, Issue, Policy, Priority, State

NO_ISSUE = (
    want.Ask, want.Subscribe, want.Unsubscribe, want.Digest, want.Pause, want.Resume, want.TakeDuty, want.GoAway,
    want.GiveFeedback, want.UndoLast, want.Speak,
)  # fmt: skip
"""What may stand beside a report in one mail without `#42`."""
_ENDS = re.compile(r"[^.,;:!?\n]{0,60}[0-3][.! ]*$")  # one clause that ends with the priority
WHOSE = ("received", "missing")  # our mails to a reporter about the report alone
BESIDE = (  # commands that say nothing of what the words beside them are about
    want.SetPriority, want.Subscribe, want.Unsubscribe, want.Digest, want.Pause, want.Resume, want.Speak, want.Ask,
)  # fmt: skip
SAID = 6  # words in which somebody names a priority and says nothing else
_SENTENCES = re.compile(r"[.!?;:,\n]+")
_TRACE = re.compile(  # what each delivery of one mail writes anew
    rb"(?:^|(?<=\n))(?:(?:x-)?received(?:-spf)?|return-path|delivered-to|x-original-to|envelope-to|authentication-results"
    rb"|arc-[a-z-]{1,40}):[^\n]*(?:\n[ \t][^\n]*)*\n?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Anchor:
    """What ties a mail to earlier ones: a valid token, a confirmation's hash, our mail's number, a plus word, thread
    ids."""

    token: Token | None = None
    secret: str = ""
    outgoing: int = 0
    word: str = ""
    thread: tuple[str, ...] = ()
    batch: int = 0  # the broadcast to many at once that it answers: our mail's number, and no word about who answers


class Who(TypedDict):
    """What every intent of a mail has in common."""

    by: str
    evidence: Evidence
    mail: int | None
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Context:
    """What the store says about an anchor. `issue` is set for a reply; `answers` is the template of ours it answers;
    `sent_at` is when the mail arrived."""

    by: str
    evidence: Evidence
    mail: int | None = None
    issue: Issue | None = None
    parent_text: str = ""
    answers: str = ""
    broadcast: bool = False
    sent_at: datetime | None = None

    def who(self) -> Who:
        return Who(by=self.by, evidence=self.evidence, mail=self.mail, sent_at=self.sent_at)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a mail was understood to say; `explain` prints it."""

    new_text: str
    intents: tuple[Intent, ...]
    report: report.Report | None = None
    language: str = ""  # of the new text, where it is plain
    short: bool = False  # too short to change what is known of a language: a German may well say `agree`


def anchor(mail: ParsedMail, keyring: Keyring, address: str, today: int) -> Anchor:
    """Looks in recipients and references, never in bodies (trust.md 3.3). The plus address is primary."""
    found = Anchor(thread=(*mail.references, *mail.in_reply_to))
    domain = address.rpartition("@")[2]
    for detail in _details(mail, address):
        found = _with_detail(found, detail, keyring, today)
    for value in reversed(found.thread[-50:]):
        detail, outgoing = tokens.read_message_id(value, domain)
        if outgoing and (token := keyring.read(detail, today)) is not None:
            same = found.token is None or found.token.number == token.number
            found = replace(found, token=found.token or token, outgoing=found.outgoing or (outgoing if same else 0))
        elif outgoing and (token := keyring.read(detail, today, tokens.TO_MANY)) is not None:
            found = replace(found, batch=found.batch or token.number)
        elif outgoing and not found.secret:
            found = replace(found, secret=tokens.read_secret(detail))
    return found


def is_ours(mail: ParsedMail, keyring: Keyring, today: int) -> bool:
    """Whether it is a mail that we wrote, come round again under whatever name: by the MAC in its Message-ID, since
    anybody can write a header (trust.md L8, A13)."""
    detail, _ = tokens.read_message_id(mail.message_id, keyring.domain)
    return keyring.read(detail, today, tokens.IN_ADDRESSES + tokens.TO_MANY) is not None


def leaves(mail: ParsedMail, keyring: Keyring, address: str, today: int) -> bool:
    """Whether a mail came to some reader's own unsubscribe address, and has an author. Whatever program wrote it, the
    "token alone suffices" (trust.md U5), and no program that answers by itself ever sees that address."""
    token = anchor(mail, keyring, address, today).token
    return mail.from_ is not None and token is not None and token.kind == "u"


def to_return_path(mail: ParsedMail, address: str) -> bool:
    """Whether a mail came to one of our return paths, valid or not: nobody is answered there (trust.md L7)."""
    return any(tokens.is_return_path(detail) for detail in _details(mail, address))


def returned(mail: ParsedMail, keyring: Keyring, address: str, today: int) -> Token | None:
    """Which mail of ours, to whom, a delivery report is about: by the MAC of the return path that it came to, never by
    what it says; None for any other mail (trust.md L6)."""
    if mail.content_type != "multipart/report" or mail.report_type != "delivery-status":
        return None
    tokens_ = (keyring.read(detail, today) for detail in _details(mail, address))
    return next((token for token in tokens_ if token is not None and token.kind == "b"), None)


def _details(mail: ParsedMail, address: str) -> Sequence[str]:
    """The detail parts (RFC 5233) of our address among the recipients, those of the envelope included."""
    found = [split_detail(recipient) for recipient in mail.recipients]
    return [detail for where, detail in found if where == address and detail]


def _with_detail(found: Anchor, detail: str, keyring: Keyring, today: int) -> Anchor:
    if (token := keyring.read(detail, today)) is not None:
        return replace(found, token=found.token or token)
    if secret := tokens.read_secret(detail):
        return replace(found, secret=secret)
    return replace(found, word=detail.lower()) if detail.isalpha() else found


def duplicate_key(mail: ParsedMail, raw: bytes) -> str:
    """A mail's identity: (Message-ID, From, Date); without a usable Message-ID its bytes without the trace headers
    (trust.md I8)."""
    if usable_id(mail):
        author = mail.from_.address if mail.from_ else ""
        date = mail.date.astimezone(UTC).isoformat() if mail.date else ""
        said = f"{mail.message_id}\n{author}\n{date}".encode()
    else:
        head, _, body = raw.partition(b"\r\n\r\n" if b"\r\n\r\n" in raw[:300_000] else b"\n\n")
        said = _TRACE.sub(b"", head + b"\n") + body
    return hashlib.sha256(said).hexdigest()


def id_key(mail: ParsedMail) -> str:
    """Under which its Message-ID alone is known; "" for one that names nothing."""
    return f"id:{hashlib.sha256(mail.message_id.encode()).hexdigest()}" if usable_id(mail) else ""


def usable_id(mail: ParsedMail) -> bool:
    return 3 < len(mail.message_id) <= 1_000 and mail.message_id.isascii()


def read(mail: ParsedMail, found: Anchor, context: Context, words: Words, policy: Policy) -> Reading:
    """The intents of a mail from a person, and its language. Every mail with words in it yields at least one intent."""
    read = _understood(mail, found, context, words, policy)
    text = read.new_text or mail.subject
    return replace(read, language=language_of(text, words), short=len(text.split()) <= FEW)


def _understood(mail: ParsedMail, found: Anchor, context: Context, words: Words, policy: Policy) -> Reading:
    lines = quoting.split(mail.text, context.parent_text)
    text = quoting.new_text(lines)
    who = context.who()
    if found.token is not None and found.token.kind == "u":
        return Reading(text, (want.Unsubscribe(**who, token=True),))
    if found.secret:
        return Reading(text, (want.Confirm(**who, cancel=_says_no(text, words)),))
    number = context.issue.number if context.issue is not None else None
    fresh, word = number is None and found.token is None, commands.key_of(found.word, words)
    named = word in calls.ALONE
    subject = found.word if named else "" if word == "feedback" else mail.subject
    everyday = _everyday(context, policy)
    said = commands.read(lines, subject, **who, issue=number, words=words, fresh=fresh or named, everyday=everyday)
    if word == "feedback":  # `issues+feedback@…`: whatever is no command is meant as such
        told = said.comment if said.intents else text or mail.subject
        own = (want.GiveFeedback(**who, issue=number, text=told),) if told or not said.intents else ()
        return Reading(text, (*own, *said.intents))
    if context.answers == "probe" and not said.intents:  # "answer this mail with any word": it is no report
        return Reading(text, (want.HeardFrom(**who, answers=True),))
    if context.answers == "drill" and not said.intents:
        return Reading(text, ())
    return _read(mail, lines, said, who, context, words, policy)


def _read(
    mail: ParsedMail,
    lines: Sequence[Line],
    said: commands.Reading,
    who: Who,
    context: Context,
    words: Words,
    policy: Policy,
) -> Reading:
    """The intents of a mail whose commands are read: what it reports or answers comes to them."""
    number = context.issue.number if context.issue is not None else None
    names = tuple(a.name for a in mail.attachments if a.material)
    reply = number is not None  # in a report the text of a command stays where it is, and is done as well
    form = report.read(
        said.others if reply else lines, mail.subject, policy.questions, words=words, attachments=bool(names),
        reply=reply, for_others=context.by in policy.triagers, no_labels=said.lines,
    )  # fmt: skip
    material = "\n\n".join(part for part in (form.material, *mail.forwarded) if part.strip())[:100_000]
    heard = _Heard(said, form, names, material, "" if said.intents or said.near_miss else said.comment)
    text = quoting.new_text(lines)
    if said.near_miss and not names:
        miss = want.NearMiss(**who, issue=number, said=said.comment[:200], meant=said.near_miss)
        return Reading(text, (miss,), form)
    issue = context.issue
    intents = _fresh(heard, who, words) if issue is None else _reply(heard, who, issue, context, policy, words)
    return Reading(text, tuple(intents), form)


def _everyday(context: Context, policy: Policy) -> frozenset[str]:
    """The words that are no commands in this mail. `Expected: …` is the label of a question, unless a triager says it
    on a feature request that waits for it; `done` and `rock` are what people say, unless there is or was a band-aid or
    a dispute."""
    issue = context.issue
    waits = issue is not None and issue.state is State.VALIDATING and context.by in policy.triagers
    everyday = set() if waits else {"expected"}
    if issue is not None and not issue.band_aids:
        everyday.add("done")
    if issue is not None and issue.dispute is None and not issue.disputes:
        everyday |= {"rock", "paper", "scissors"}
    return frozenset(everyday)


@dataclass(frozen=True, slots=True)
class _Heard:
    """A mail as its readers understood it: commands, form, names of attachments, what was passed on, and text that
    is neither."""

    said: commands.Reading
    form: report.Report
    names: tuple[str, ...]
    material: str
    free: str

    @property
    def answers(self) -> dict[str, str]:
        """The answers of the form; the priority apart, which has fields of its own."""
        return {key: text for key, text in self.form.answers.items() if key != PRIORITY}


def _reply(heard: _Heard, who: Who, issue: Issue, context: Context, policy: Policy, words: Words) -> list[Intent]:
    """A reply about an issue: answers where questions were open, commands, and the rest is a comment that travels."""
    said, number = heard.said, issue.number
    asked_whose = issue.unverified and who["by"] == issue.reporter and context.answers in WHOSE
    if asked_whose and _denies(heard.free, words, context.answers):
        return [want.Withdraw(**who, issue=number, reason=heard.free)]  # somebody else wrote it, in their name
    if context.answers == "call":  # "Answer with a phone number or a link: it goes to" the triager
        heard = replace(heard, free="")
    filled, commanded, comment = _filled(heard, who, issue, policy, words)
    names = () if filled else heard.names
    asked = issue.unverified and who["by"] == (issue.filed_by or issue.reporter)
    if asked and not filled and _says_yes(comment, words):
        filled, comment = [want.FillIn(**who, issue=number)], ""  # "answer this mail with any word": it is no comment
    material = "" if _own(who, issue) and _first_answer(issue, policy) else heard.material  # there it stands already
    text = "\n\n".join(part for part in (comment.strip(), material) if part)
    if said.too_many:
        commanded = [want.TooMany(**who, issue=number, count=said.too_many)]
    if text or (names and not commanded):
        text = text or "\n".join(names)
        filled.append(
            want.Comment(**who, issue=number, text=text, attachments=names, broadcast_reply=context.broadcast)
        )
    told = [replace(i, broadcast_reply=context.broadcast) if isinstance(i, want.Ask) else i for i in commanded]
    booked = [each for each in told if isinstance(each, want.BookCall)]  # first: a phone number beside it travels
    return [*booked, *filled, *(each for each in told if each not in booked)]


def _filled(
    heard: _Heard, who: Who, issue: Issue, policy: Policy, words: Words
) -> tuple[list[Intent], list[Intent], str]:
    """(answers to the report's questions, the other commands, the text that is neither).

    Before a decision the reporter's answers fill the report, and so do a triager's that name their question (`answer 4:
    only ACME`); later, and from anybody else, they are a comment, word for word."""
    commanded = list(heard.said.intents)
    whole = heard.said.comment
    own = _own(who, issue)
    open_ = issue.state in (State.DRAFT, State.TRIAGE, State.LAPSED)
    if not open_ or not (own or (who["by"] in policy.triagers and heard.form.labelled)):
        return [], commanded, whole
    priority, first = heard.form.priority if own else None, ""
    picks = [i for i in commanded if isinstance(i, want.SetPriority)] if own else []
    free = whole if own and commanded and all(isinstance(i, BESIDE) for i in commanded) else heard.free
    asked = own and not picks and not heard.form.labelled and issue.reported is None
    if asked and (named := _picked(free, words)) is not None:
        priority = named
        free, whole = ("", "") if _ENDS.match(free) else (free, whole)  # more than that is kept for the triager
    polite = _only_courtesy(free, words) or (issue.unverified and _says_yes(free, words))
    answers = heard.answers if heard.form.labelled else {} if polite else _free_answer(issue, free, policy)
    if own and "see" in heard.answers and not issue.answers.get("see"):  # a recording or a picture needs no label
        answers = {**answers, "see": heard.answers["see"]}
    comment = heard.form.rest if heard.form.labelled else "" if free in answers.values() else whole
    if own and (first := _first_answer(issue, policy)):
        reasons = [pick.reason for pick in picks[:1]]
        beside = [answers.get(first), comment if heard.form.labelled else "", *reasons, heard.material]
        answers |= {first: text} if (text := "\n".join(filter(None, beside))) else {}
        comment = "" if heard.form.labelled else comment
    if answers and len(picks) == 1 and (first or not picks[0].reason):  # with a `P1` they are one word about one report
        priority, commanded = picks[0].priority, [i for i in commanded if i not in picks]
    elif picks:
        priority = None
    if not answers and priority is None and not heard.names:
        return [], commanded, comment
    fill = want.FillIn(**who, issue=issue.number, answers=answers, priority=priority, attachments=heard.names)
    return [fill], commanded, comment


def _own(who: Who, issue: Issue) -> bool:
    """Whether somebody speaks of their own report."""
    return who["by"] in (issue.reporter, issue.filed_by) and not issue.remediation


def _picked(text: str, words: Words) -> Priority | None:
    """The priority that a few words name to whom we asked for it: "I'd say P2". More words may be about something."""
    return pick(text, words) if len(text.split()) <= SAID and "?" not in text else None


def _free_answer(issue: Issue, free: str, policy: Policy) -> dict[str, str]:
    """Free text answers the one question that is still open; with more open, or the priority alone, nobody can know
    which is meant."""
    keys = [key for key in policy.required() if key != PRIORITY]
    gaps = [key for key in keys if not issue.answers.get(key, "").strip()]
    key = gaps[0] if len(gaps) == 1 else _first_answer(issue, policy)
    return {key: free} if key and free.strip() else {}


def _first_answer(issue: Issue, policy: Policy) -> str:
    """Where text that answers no question is added in a draft, so that the triager will see it; "" where the triager
    knows of the issue already and it travels as it is."""
    keys = [key for key in policy.required() if key != PRIORITY]
    return keys[0] if keys and issue.state in (State.DRAFT, State.LAPSED) and not issue.call_waits else ""


def _fresh(heard: _Heard, who: Who, words: Words) -> list[Intent]:
    """A mail that is no reply about an issue: commands, questions to the service, or a report."""
    said, form = heard.said, heard.form
    commanded = list(said.intents)
    filled = form.labelled and bool(heard.answers)  # `resume` alone is a command, though it is a label somewhere too
    if commanded and not filled and not heard.names and not heard.material:
        about = next((i.issue for i in commanded if i.issue), None)
        if not said.comment.strip():
            return commanded
        if about is not None:  # prose beside commands that name an issue belongs to that issue
            return [want.Comment(**who, issue=about, text=said.comment, by_number=True), *commanded]
    said_there = "" if _only_courtesy(form.headline, words) else form.headline  # `Hello` above `Hi` reports nothing
    answers = heard.answers or ({"what": said_there} if said_there else {})
    material = "\n\n".join(part for part in (form.rest if form.labelled else "", heard.material) if part.strip())
    if not answers and form.priority is None and not heard.names and not heard.material:
        return commanded or [want.Ask(**who, what="help", unasked=True)]
    kept = [i for i in commanded if i.issue or isinstance(i, NO_ISSUE)]
    filed = want.FileReport(
        **who,
        headline=form.headline,
        answers=answers,
        priority=form.priority,
        attachments=heard.names,
        material=material,
        behalf=form.behalf,
        via=form.via,
    )
    return [filed, *kept]


def _says_yes(text: str, words: Words) -> bool:
    said = text.split()
    return 0 < len(said) <= 6 and fold(said[0].strip(".,!?;:")) in words.yes


def _denies(text: str, words: Words, answers: str) -> bool:
    """Whether who is asked if a report is theirs says that it is not, in a sentence of its own: "It was not me who did
    it" may answer a question. A bare `no` says so only where nothing else was asked."""
    said = [sentence for sentence in map(plain, _SENTENCES.split(text)[:4]) if sentence]
    if said[:1] and said[0] in words.no:
        said = said[1:]
        if not said:
            return answers == "received"
    first, _, rest = said[0].partition(" ") if said else ("", "", "")
    return bool(said) and (said[0] in words.not_mine or (first in words.no and rest in words.not_mine))


def _only_courtesy(text: str, words: Words) -> bool:
    """ "Thanks!" answers no question."""
    return not any(line.strip() for line in uncourteous(text.split("\n"), words))


def _says_no(text: str, words: Words) -> bool:
    first = (text.split() or [""])[0].strip(".,!?;:")
    return fold(first) in words.no
