"""What each person on an issue hears and is answered, where somebody else on it has done something meanwhile. Each
docstring is the sentence of process.md that the story plays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chat import ANNA, BOB, LENA, SARA, VERA, VICTOR, Chat, one, opened, talk_directly

pytestmark = pytest.mark.usefixtures("keeps_its_word")

CHAIN = {"people": {"authority": (VERA, VICTOR)}}


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Chat]:
    with talk_directly(tmp_path) as found:
        found.subscribe(LENA)
        yield found


def test_the_triager_hears_the_broadcasts_when_there_is_an_owner(chat: Chat) -> None:
    """For P0 and P1 every update goes to its subscribers; reporter, owner and triager hear them as if subscribed, one
    copy each."""
    triage, _ = opened(chat, "P0")
    chat.answers(triage, "agree")
    named = chat.answers(triage, "owner anna@acme.example")
    for text, kind in (("update: The disk is full.", "UPDATE"), ("resolve: A larger disk.", "RESOLVED")):
        out = chat.answers(one(named, ANNA, "[#1]"), text)
        assert sorted(mail.to for mail in out if f"PRIORITY 0 ISSUE {kind}" in mail.subject) == [ANNA, BOB, LENA, SARA]


@pytest.mark.parametrize("policy", ["triager", "hierarchy"])
def test_who_rules_reads_what_the_reporter_picked(tmp_path: Path, policy: str) -> None:
    """The five answers: the fifth is the priority that the reporter picked, whatever was decided."""
    with talk_directly(tmp_path, dispute={"policy": policy}, **CHAIN) as chat:
        triage, received = opened(chat, "P1")
        chat.answers(triage, "P3 because only one browser is affected")
        asked = one(chat.answers(received, "dispute: all of them are"), SARA if policy == "triager" else VERA, "[#1]")
        assert "> P1: today" in asked.text
        assert "> P3: " not in asked.text
        owner = one(chat.answers(triage, "owner anna@acme.example"), ANNA)
        assert "> P1: today" in owner.text
