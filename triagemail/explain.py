"""`triagemail explain`: what a mail would be understood as and lead to. Changes and sends nothing, needs no config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from triagemail import config as configs
from triagemail.config import Config
from triagemail.mail import evidence, groups, mime, reading, screening
from triagemail.mail.languages import texts_of
from triagemail.mail.reading import Anchor, Context
from triagemail.mail.templates import in_all_languages, open_templates
from triagemail.mail.words import parse_words
from triagemail.process import codec, decide, limits
from triagemail.process.intents import Snapshot
from triagemail.worker import set_aside, unreadable


class Explainer:
    """The pure part of the service on one mail, as if its store were empty."""

    def __init__(self, config: Config) -> None:
        self.policy = in_all_languages(configs.policy(config), open_templates(config.templates.dir))
        if not self.policy.triagers:  # no config: everybody may report, and somebody is on duty
            self.policy = replace(self.policy, triagers=("triager@localhost",), reporters=("*",), internal=("*",))
        self.words = parse_words(*texts_of("words.toml"))
        self.groups = tuple(config.mail.groups)
        self.trust = configs.trust(config)

    def explain(self, name: str, raw: bytes) -> dict[str, Any]:
        """The object of design.md 6, as JSON-ready values."""
        mail = mime.parse(raw)
        mail = groups.original(mail, self.groups) or mail
        seen = screening.screen(mail, (self.policy.address, self.policy.list_address), self.groups)
        author = mail.from_.address if mail.from_ else ""
        sure = evidence.judge(self.trust, mail.trace, author, None)
        read = reading.read(mail, Anchor(), Context(author, sure), self.words, self.policy)
        report = read.report
        held = unreadable(mail) or (f"{seen.class_}: {seen.reason}" if set_aside(seen) == "held" else "")
        answered = not held and not set_aside(seen)
        return {
            "file": name,
            "message_id": mail.message_id,
            "from": author,
            "subject": mail.subject,
            "defects": list(mail.defects),
            "screening": {"class": seen.class_, "may_ack": seen.may_ack, "reason": seen.reason},
            "evidence": {"level": str(sure.level), "rule": sure.rule, "text": sure.text},
            "new_text": read.new_text,
            "answers": dict(report.answers) if report else {},
            "missing": self._missing(report.answers, report.priority) if report else [],
            "priority": None if report is None or report.priority is None else str(report.priority),
            "intents": [codec.plain(intent) for intent in read.intents] if answered else [],
            "decision": self._decide(read) if answered else {"events": [], "mails": [], "held": held, "outcomes": []},
        }

    def _missing(self, answers: Mapping[str, str], priority: object) -> list[str]:
        return [
            k
            for k in self.policy.required()
            if (priority is None if k == "priority" else not answers.get(k, "").strip())
        ]

    def _decide(self, read: reading.Reading) -> dict[str, Any]:
        decided = decide.decide_all(Snapshot(next_number=1), read.intents, datetime.now(UTC), self.policy)
        return {
            "events": [codec.plain(event) for _, d in decided for event in d.events],
            "mails": [
                {"template": draft.template, "to": codec.plain(draft.to)}
                for intent, d in decided
                for draft in d.drafts
                if not limits.unanswered(intent, draft, intent.by, None, self.policy)
            ],
            "held": next((d.held for _, d in decided if d.held), ""),
            "outcomes": [{"command": o.command, "code": o.code, "ok": o.ok} for _, d in decided for o in d.outcomes],
        }


def as_text(found: Mapping[str, Any]) -> str:
    """The same for people: one line a fact."""
    lines = [
        f"{found['file']}",
        f"  from       {found['from'] or '(no single sender)'}   subject {found['subject']!r}",
        f"  screening  {found['screening']['class']} ({found['screening']['reason'] or 'an ordinary mail'})",
        f"  evidence   {found['evidence']['level']} ({found['evidence']['rule']}: {found['evidence']['text']})",
        *[f"  defect     {defect}" for defect in found["defects"]],
        *[f"  new text | {line}" for line in str(found["new_text"]).split("\n")[:20]],
        *[f"  answer     {key}: {text}" for key, text in found["answers"].items()],
        f"  missing    {', '.join(found['missing']) or 'nothing'}   priority {found['priority'] or 'not picked'}",
        *[f"  intent     {intent['t']}" for intent in found["intents"]],
        *[f"  event      {event['t']}" for event in found["decision"]["events"]],
        *[f"  mail       {mail['template']} to {_to(mail['to'])}" for mail in found["decision"]["mails"]],
    ]
    if found["decision"]["held"]:
        lines.append(f"  held       {found['decision']['held']}")
    return "\n".join(lines)


def _to(to: Any) -> str:
    return to if isinstance(to, str) else f"the distribution list (P{to['priority'][1:]})"
