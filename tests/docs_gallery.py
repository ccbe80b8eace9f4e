"""docs/mails.md and the table of docs/mail.md: what each mail says, made from the samples that `check` renders."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence

from triagemail.mail import compose, samples, templates
from triagemail.mail.samples import Sample
from triagemail.mail.samples_answers import ANSWERS
from triagemail.mail.samples_decisions import DECISIONS
from triagemail.mail.samples_desk import DESK
from triagemail.mail.samples_list import BROADCASTS
from triagemail.mail.samples_reports import REPORTS
from triagemail.mail.samples_work import WORK

STEPS: Mapping[str, Sequence[Sample]] = {  # in the order of the process
    "The report, and who is asked to decide": REPORTS,
    "The decision, and disputes about it": DECISIONS,
    "The work, its end, and making up for the harm": WORK,
    "Broadcasts to the distribution list": BROADCASTS,
    "Answers to a word, a question or a wish": ANSWERS,
    "Duty, the review, the operator": DESK,
}


def composed(case: Sample) -> compose.Composed:
    """A sample as the service composes it."""
    return compose.compose(
        case.template, language="en", issue=case.issue, policy=case.policy, values=case.values, now=case.now,
        to=case.to, reply_to=case.reply_to, broadcast=case.broadcast,
    )  # fmt: skip


def reasons() -> Iterator[tuple[str, str, str]]:
    """Every template with the subject of its first sample and why it comes."""
    for name in templates.names():
        made = composed(samples.cases(name)[0])
        why = " ".join(made.text.rpartition("\n-- \n")[2].split()).removeprefix("You get this because ")
        yield name, made.subject, re.split(r"\. (?=[A-Z])", why)[0].rstrip(".")


def gallery() -> str:
    """The first sample of each template, by step of the process; a mail opens when its line is clicked."""
    lines: list[str] = []
    shown: set[str] = set()
    for step, cases in STEPS.items():
        lines += [f"## {step}", ""]
        for case in cases:
            if case.template not in shown:
                lines += _shown(case)
            shown.add(case.template)
    return "\n".join(lines).rstrip("\n")


def _shown(case: Sample) -> list[str]:
    made = composed(case)
    head = f"<summary><code>{case.template}</code> {html.escape(made.subject)}</summary>"
    return ["<details>", head, "", "```text", f"Subject: {made.subject}", "", made.text.strip("\n"), "```", "",
            "</details>", ""]  # fmt: skip
