"""`triagemail drill`: a P0 that is none, to who has a role (trust.md O2)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chat import BOB, CARL, CONNY, LENA, OPS, SARA, VERA, Chat, one, talk_directly, to

from triagemail import drill

pytestmark = pytest.mark.usefixtures("keeps_its_word")


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Chat]:
    people = {"triagers": (SARA, CARL), "authority": (VERA,), "confirmers": (CONNY,)}
    with talk_directly(tmp_path, people=people) as chat:
        yield chat


def begin(chat: Chat) -> None:
    app = chat.app
    drill.begin(app.store, app.outbox, app.policy, chat.clock.now())


def test_a_drill_is_measured(company: Chat) -> None:
    """ "`drill` (plays a P0 to the triagers only)": who has a role gets one mail that says what it is, and hears how
    long the answer took; no issue, no broadcast."""
    company.subscribe(LENA, BOB)
    begin(company)
    out = company.settle()
    assert [mail.to for mail in out] == [SARA, CARL, VERA, CONNY]
    assert all(mail.subject.startswith("DRILL") for mail in out)
    company.after(minutes=3)
    answer = one(company.answers(one(out, SARA), "here"), SARA)
    assert answer.subject == "DRILL: you answered after 3 minutes"
    assert company.answers(one(out, SARA), "here again") == [], "once"
    found = drill.latest(company.app.store)
    assert found is not None
    assert found.silent() == [CARL, VERA, CONNY]
    assert company.app.store.one("SELECT COUNT(*) FROM issue") == (0,)


def test_who_does_not_answer_is_told_to_the_operator_once(company: Chat) -> None:
    """O2: "`doctor` sends a probe with a token; no answer in 24 h -> operator"."""
    begin(company)
    out = company.settle()
    for who in (SARA, CARL):
        company.answers(one(out, who), "here")
    assert to(company.after(hours=23), OPS, "drill") == []
    told = one(company.after(hours=2), OPS, "drill")
    assert VERA in told.text
    assert CONNY in told.text
    assert SARA not in told.text.partition("--")[0]
    assert to(company.after(hours=30), OPS, "drill") == []


def test_only_the_person_who_was_asked_answers_it(company: Chat) -> None:
    """A9: a token in other hands shows nothing; who was not asked is not measured."""
    begin(company)
    out = company.settle()
    company.answers(one(out, SARA), "here", author=CARL)  # who was asked as well, by a mail of his own
    found = drill.latest(company.app.store)
    assert found is not None
    assert {SARA, CARL} <= set(found.silent())


def test_a_command_in_the_answer_is_done_all_the_same(company: Chat) -> None:
    """Nothing that somebody says is lost because they said it in a drill."""
    begin(company)
    out = company.settle()
    company.answers(one(out, CARL), "duty")
    desk = company.app.store.desk()
    assert desk is not None
    assert desk.duty == CARL
    found = drill.latest(company.app.store)
    assert found is not None
    assert CARL not in found.silent()
