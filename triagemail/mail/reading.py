"""From a parsed mail to intents: which mail of ours it answers, what is new in it, what it wants."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC

from triagemail.mail import commands, quoting, report, tokens
from triagemail.mail.address import split_detail
from triagemail.mail.mime import ParsedMail
from triagemail.mail.quoting import Line
from triagemail.mail.tokens import Keyring, Token
from triagemail.mail.words import Words
from triagemail.process import model
from triagemail.process.model import PRIORITY, Evidence, Intent, Issue, Policy, Priority, State


@dataclass(frozen=True, slots=True)
class Anchor:
    """What ties a mail to earlier ones: a valid token, a confirmation's hash, our mail's number, a plus word, thread ids."""

    token: Token | None = None
    secret: str = ""
    outgoing: int = 0
    word: str = ""
    thread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What the store says about an anchor. `issue` is set for a reply; `answers` is the template of ours it answers."""

    by: str
    evidence: Evidence
    mail: int | None = None
    issue: Issue | None = None
    parent_text: str = ""
    answers: str = ""
    broadcast: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What a mail was understood to say; `explain` prints it."""

    new_text: str
    intents: tuple[Intent, ...]
    report: report.Report | None = None


def anchor(mail: ParsedMail, keyring: Keyring, address: str, today: int) -> Anchor:
    """Looks in recipients and references, never in bodies (trust.md 3.3). The plus address is primary."""
    found = Anchor(thread=(*mail.references, *mail.in_reply_to))
    base, _, domain = address.rpartition("@")
    for recipient in mail.recipients:
        where, detail = split_detail(recipient)
        if where == address and detail:
            found = _with_detail(found, detail, keyring, today)
    for value in reversed(found.thread[-50:]):
        detail, outgoing = tokens.read_message_id(value, domain)
        if outgoing and (token := keyring.read(detail, today)) is not None:
            same = found.token is None or found.token.number == token.number
            found = replace(found, token=found.token or token, outgoing=found.outgoing or (outgoing if same else 0))
        elif outgoing and not found.secret:
            found = replace(found, secret=tokens.read_secret(detail))
    return found


def _with_detail(found: Anchor, detail: str, keyring: Keyring, today: int) -> Anchor:
    if (token := keyring.read(detail, today)) is not None:
        return replace(found, token=found.token or token)
    if secret := tokens.read_secret(detail):
        return replace(found, secret=secret)
    return replace(found, word=detail.lower()) if detail.isalpha() else found


def duplicate_key(mail: ParsedMail, raw: bytes) -> str:
    """A mail's identity: (Message-ID, From, Date); without a usable Message-ID the bytes below the trace headers."""
    if 3 < len(mail.message_id) <= 1_000 and mail.message_id.isascii():
        author = mail.from_.address if mail.from_ else ""
        date = mail.date.astimezone(UTC).isoformat() if mail.date else ""
        said = f"{mail.message_id}\n{author}\n{date}".encode()
    else:
        head, _, body = raw.partition(b"\r\n\r\n" if b"\r\n\r\n" in raw[:300_000] else b"\n\n")
        start = head.lower().rfind(b"\nreceived:")
        said = head[start + 1 :].partition(b"\n")[2] + body
    return hashlib.sha256(said).hexdigest()


def read(mail: ParsedMail, found: Anchor, context: Context, words: Words, policy: Policy) -> Reading:
    """The intents of a mail from a person. Every mail with words in it yields at least one."""
    lines = quoting.split(mail.text, context.parent_text)
    text = quoting.new_text(lines)
    common = {"by": context.by, "evidence": context.evidence, "mail": context.mail}
    if found.token is not None and found.token.kind == "u":
        return Reading(text, (model.Unsubscribe(by=context.by, evidence=context.evidence, mail=context.mail, token=True),))
    if found.secret:
        cancel = _first_word(text) in words.no
        return Reading(text, (model.Confirm(by=context.by, evidence=context.evidence, mail=context.mail, cancel=cancel),))
    fresh = found.token is None and context.issue is None and not found.outgoing
    number = context.issue.number if context.issue is not None else None
    subject = found.word if found.word in words.alone else mail.subject
    said = commands.read(
        lines, subject, **common, issue=number, words=words, fresh=fresh or bool(found.word)
    )
    names = tuple(a.name for a in mail.attachments if a.material)
    form = report.read(lines, mail.subject, policy.questions, attachments=bool(names), reply=not fresh)
    if context.issue is not None:
        intents = _reply(said, form, names, context, context.issue, policy)
    else:
        intents = _fresh(said, form, names, mail, context, words)
    return Reading(text, tuple(intents), form)


def _reply(
    said: commands.Reading, form: report.Report, names: tuple[str, ...], context: Context, issue: Issue, policy: Policy
) -> list[Intent]:
    """A reply about an issue: answers where questions were open, commands, and the rest is a comment that travels."""
    by, evidence, mail, number = context.by, context.evidence, context.mail, issue.number
    if said.near_miss and not names:
        return [model.NearMiss(by=by, evidence=evidence, mail=mail, issue=number, said=said.near_miss, meant=_meant(said))]
    filled: list[Intent] = []
    comment = said.comment
    if by == issue.reporter and issue.state in (State.DRAFT, State.TRIAGE, State.LAPSED):
        answers = dict(form.answers) if form.labelled else _only_gap(issue, comment, policy)
        picks = any(isinstance(i, model.SetPriority) for i in said.intents)
        priority = None if picks else form.priority if form.labelled else None
        if answers or priority is not None or names:
            filled = [
                model.FillIn(by=by, evidence=evidence, mail=mail, issue=number, answers=answers, priority=priority, attachments=names)
            ]
            comment = "" if answers else comment
            names = ()
    if comment.strip() or (names and not said.intents):
        text = comment.strip() or "\n".join(names)
        filled.append(
            model.Comment(
                by=by, evidence=evidence, mail=mail, issue=number, text=text, attachments=names, broadcast_reply=context.broadcast
            )
        )
    return [*filled, *said.intents]


def _only_gap(issue: Issue, comment: str, policy: Policy) -> dict[str, str]:
    """Free text answers the one question that is still open; with more open, we can't know which is meant."""
    gaps = [key for key in policy.required() if key != PRIORITY and not issue.answers.get(key, "").strip()]
    return {gaps[0]: comment.strip()} if len(gaps) == 1 and comment.strip() else {}


def _fresh(
    said: commands.Reading, form: report.Report, names: tuple[str, ...], mail: ParsedMail, context: Context, words: Words
) -> list[Intent]:
    """A mail that is no reply about an issue: a question to the service, or a report."""
    by, evidence, raw = context.by, context.evidence, context.mail
    if said.near_miss and not form.labelled and not names:
        return [model.NearMiss(by=by, evidence=evidence, mail=raw, said=said.near_miss, meant=_meant(said))]
    if not form.labelled and not names and not mail.forwarded and not form.material and _nothing_but_commands(said, words):
        return list(said.intents)
    kept = [i for i in said.intents if i.issue or isinstance(i, model.Ask | model.Subscribe | model.Unsubscribe)]
    picked = next((i.priority for i in said.intents if isinstance(i, model.SetPriority) and not i.issue), None)
    if any(i.issue for i in kept) and not form.labelled:
        about = next(i.issue for i in kept if i.issue)
        return [model.Comment(by=by, evidence=evidence, mail=raw, issue=about, text=said.comment), *kept]
    if not form.answers and not form.headline and not names and not form.material and not mail.forwarded:
        return kept or [model.Ask(by=by, evidence=evidence, mail=raw, what="help")]
    answers = dict(form.answers) or ({"what": form.headline} if form.headline else {})
    material = "\n\n".join(part for part in (form.material, *mail.forwarded) if part.strip())
    priority: Priority | None = form.priority if form.priority is not None else picked
    filed = model.FileReport(
        by=by, evidence=evidence, mail=raw, headline=form.headline, answers=answers, priority=priority, attachments=names,
        material=material[:100_000],
    )  # fmt: skip
    return [filed, *kept]


def _nothing_but_commands(said: commands.Reading, words: Words) -> bool:
    """Commands and at most a word of courtesy: "thanks" under `subscribe` is no report."""
    return bool(said.intents) and not said.comment.strip()


def _meant(said: commands.Reading) -> str:
    return next((i.meant for i in said.intents if isinstance(i, model.NearMiss)), "")


def _first_word(text: str) -> str:
    return (text.split() or [""])[0].strip(".,!?;:").lower()


def lines_of(mail: ParsedMail) -> Sequence[Line]:
    """The lines of a mail that answers nothing, as `explain` shows them."""
    return quoting.split(mail.text, "")
