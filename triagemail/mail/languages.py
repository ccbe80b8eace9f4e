"""The languages that there are, and the texts of the config in them. A language is a folder of templates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from triagemail.mail.source import BUILT_IN, toml
from triagemail.process.model import Policy

ENGLISH = "en"


@cache
def languages() -> tuple[str, ...]:
    """Each folder of the built-in templates that has words is a language; English first, whose words are always
    understood."""
    found = sorted(path.parent.name for path in BUILT_IN.glob("*/words.toml"))
    return (ENGLISH, *(name for name in found if name != ENGLISH))


def texts_of(name: str) -> tuple[str, ...]:
    """The text of one file in every language that has it, English first."""
    files = [BUILT_IN / language / name for language in languages()]
    return tuple(file.read_text("utf-8") for file in files if file.is_file())


@cache
def tables(name: str) -> tuple[Mapping[str, Any], ...]:
    """A TOML file in every language that has it, English first."""
    return tuple(map(toml, texts_of(name)))


@cache
def markers() -> tuple[str, ...]:
    """The line above which people answer, in every language."""
    return tuple(str(table["marker"]) for table in tables("mail/_layout.toml"))


def said(policy: Policy, phrases: Mapping[str, str]) -> Policy:
    """The questions, priorities and areas of the config, each text that the table has in its language; what a company
    worded itself stays as it is."""

    def say(text: str) -> str:
        return phrases.get(text, text)

    rules = policy.priorities.items()
    return replace(
        policy,
        questions=tuple(replace(q, label=say(q.label), help=say(q.help)) for q in policy.questions),
        priorities={p: replace(rule, meaning=say(rule.meaning), response=say(rule.response)) for p, rule in rules},
        areas={area: say(name) for area, name in policy.areas.items()},
    )


def asked_in_all(policy: Policy, phrases: Iterable[Mapping[str, str]]) -> Policy:
    """The policy whose questions are known in every language in which a mail of ours may ask them."""
    spoken = [said(policy, table).questions for table in phrases]
    known = []
    for asked, *same in zip(policy.questions, *spoken, strict=True):
        known.append(replace(asked, others=tuple((q.label, q.help) for q in same if q != asked)))
    return replace(policy, questions=tuple(known))
