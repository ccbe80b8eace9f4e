"""One-tap answers: whoever gets a mail may send each of them right then, and it is understood and done (process.md 10).

Every mail here goes the whole way: composed with its template, its mailto links read as a mail program reads them, the
answer parsed, read and decided.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from scenes import SCENES, Scene
from test_matrix import cells
from test_process import CARL, EVE, SARA, Maker, World, company, step, sure
from test_templates import Page
from texts import WORDS

from triagemail.mail import compose, mime, reading, samples
from triagemail.mail.reading import Anchor, Context
from triagemail.mail.tokens import Token
from triagemail.process import intents as want
from triagemail.process.events import Decision, Draft
from triagemail.process.intents import Intent
from triagemail.process.model import Level

ENDS = {"owner ": EVE, "away until ": "3 May"}  # what the reader adds
ELSEWHERE = {
    "confirm": "its `yes` and `no` are about what the reader wrote before: test_stories*.py",
    "near-miss": "it guesses what was meant, and who means it may not be allowed to",
}
ALIKE = ("help", "template", "process", "welcome", "goodbye", "wishes", "list", "status", "backlog", "board", "duty")
"""Mails that are about no issue and alike in every scene: their answers are sent in the first one."""

LATER = (6, 16, 31, 61, 300, 1500, 21_000)  # minutes in which timers fire, also after the service was down


@dataclass(frozen=True)
class Tapped:
    """One answer of one mail: what the reader sends, and the company as it is then."""

    draft: Draft
    to: str
    body: str
    subject: str
    text: str  # of the mail that is answered

    def __str__(self) -> str:
        return f"{self.draft.template} to {self.to}: {self.body!r}"


def tapped(draft: Draft, to: str, world: World) -> Iterator[Tapped]:
    """Every one-tap answer of a mail, with the end that a person adds where it has none."""
    made = compose.compose(
        draft.template, language="en", issue=world.snapshot.issues.get(draft.issue or 0), policy=world.policy,
        values=draft.values, now=world.now, to=to, reply_to=samples.REPLY_TO,
    )  # fmt: skip
    assert made.problem == "", draft
    for url in Page(mime.parse(made.head + b"\r\n" + made.body).html).links:
        if url.startswith("mailto:"):
            asked = parse_qs(urlsplit(url).query, strict_parsing=True)
            body = asked["body"][0]
            ends = ENDS | {"duty ": CARL if to == SARA else SARA}
            whole = body + ends.get(body, "it is so") if body.endswith(" ") else body
            yield Tapped(draft, to, whole, asked["subject"][0], made.text)


def read(tap: Tapped, world: World) -> tuple[Intent, ...]:
    """What the service understands: a reply with the reader's own token (E2)."""
    raw = f"From: {tap.to}\r\nSubject: {tap.subject}\r\nMessage-ID: <1@client.example>\r\n\r\n{tap.body}\r\n"
    number = tap.draft.issue or 0
    context = Context(
        tap.to, sure(Level.E2), None, world.snapshot.issues.get(number), tap.text, tap.draft.template,
        sent_at=world.now,
    )  # fmt: skip
    token = Anchor(token=Token("r", number, 1, 1))
    return reading.read(mime.parse(raw.encode()), token, context, WORDS, world.policy).intents


def check(made: list[Decision], scene: Scene, seen: set[tuple[object, ...]]) -> int:
    """Sends every answer of these mails, each from the same start; returns how many there were."""
    count = 0
    for draft in (draft for decision in made for draft in decision.drafts):
        key = (draft.template, draft.to, draft.issue, scene.world.now)
        if not isinstance(draft.to, str) or draft.template in ELSEWHERE or key in seen:
            continue
        if draft.issue is None and draft.template in ALIKE and not scene.name.startswith(next(iter(SCENES))):
            continue
        seen.add(key)
        for tap in tapped(draft, draft.to, scene.world):
            accepted(tap, scene)
            count += 1
    return count


def accepted(tap: Tapped, scene: Scene) -> None:
    world = scene.copy()
    world.now += timedelta(seconds=10)
    intents = read(tap, world)
    assert intents, f"{scene.name}: {tap}: nothing was understood"
    plain = tap.body.startswith("Yes, this report")
    assert plain or not any(isinstance(i, want.Comment | want.NearMiss) for i in intents), f"{scene.name}: {tap}"
    answer = world.mail(list(intents))
    refused = [outcome for decision in answer for outcome in decision.outcomes if not outcome.ok]
    assert not refused, f"{scene.name}: {tap}: {refused}"
    assert not any(decision.freeze or decision.held for decision in answer), f"{scene.name}: {tap}"
    if plain:
        issue = world.snapshot.issues[tap.draft.issue or 0]
        assert not issue.unverified, tap


@pytest.mark.parametrize("name", SCENES)
def test_every_answer_that_a_mail_offers_is_accepted(name: str) -> None:
    """Process.md 10: "one-tap answers (mailto links that carry the reply token)", of every mail that any command of
    the state matrix leads to, and of every mail of its clocks."""
    scene = SCENES[name]()
    seen: set[tuple[object, ...]] = set()
    for cell in cells(name):
        check(cell.made, replace(scene, name=str(cell), world=cell.world), seen)
    for minutes in LATER:
        world = scene.copy()
        made = world.wait(minutes)
        check(made, replace(scene, name=f"{name}, {minutes} minutes later", world=world), seen)
    assert seen


@pytest.mark.parametrize("seed", range(12))
def test_every_answer_in_random_lives_is_accepted(seed: int) -> None:
    """The same, in companies whose issues have come a long way."""
    world, maker = World(company(seed)), Maker(seed)
    count = 0
    for number, (kind, what) in enumerate(maker.steps(40)):
        made = step(world, maker, kind, what)
        alone = [decision for decision in made if len(made) == 1 or kind == "wait"]  # of several commands each builds
        count += check(alone, Scene(f"step {number}", world, 0, {}), set())  # on the one before
    assert count > 25
