"""The operator's daily list of what is held (trust.md 3.5)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from chat import BOB, COMPLETE, OPS, SARA, Chat, one, talk_directly, to

from triagemail.store import claims

pytestmark = pytest.mark.usefixtures("keeps_its_word")
EVE = "eve@evil.example"
LIST = "held since yesterday"
NIGHT = timedelta(hours=12)


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Chat]:
    with talk_directly(tmp_path) as company:
        yield company


@pytest.fixture
def either(store_url: str, tmp_path: Path) -> Iterator[Chat]:
    with talk_directly(tmp_path, store={"url": store_url}) as company:
        yield company


def strangers(chat: Chat, count: int) -> None:
    for n in range(count):
        assert chat.sends(EVE, COMPLETE.format(priority="P2"), subject=f"Buy shoe {n}") == []


def test_the_operator_gets_one_list_a_day_of_what_is_held(chat: Chat) -> None:
    """3.5: "Not admitted: held; … else the operator's daily digest; no reply"; "EX: no reply (backscatter), held 30 d,
    digest". One mail, with the reasons, their counts, the latest of each, and how to look."""
    strangers(chat, 5)
    assert chat.sends(f"{SARA}, {EVE}", "agree #1") == [], "a bad From is EX"
    told = one(chat.after(days=1, step=NIGHT), OPS, LIST)
    assert told.subject == "6 mails were held since yesterday"
    text = " ".join(told.text.split())
    assert "Of people who may not report: 5" in text
    assert "Forged, or from nobody we could make out: 1" in text
    assert [f"Buy shoe {n}" in text for n in range(5)] == [False, False, True, True, True]
    assert "and 2 more" in text
    assert EVE in text
    assert "triagemail held list" in text
    assert "triagemail held show 5" in text
    assert to(chat.after(days=2, step=NIGHT), OPS, LIST) == [], "it was told"
    assert to(chat.sent, EVE) == []


def test_nothing_held_nothing_said(chat: Chat) -> None:
    """3.5: a digest only of what is there; what a person has looked at meanwhile is not."""
    strangers(chat, 2)
    with chat.app.store.transaction():
        assert claims.drop_held(chat.app.store, 1)
        assert claims.drop_held(chat.app.store, 2)
    assert to(chat.after(days=2, step=NIGHT), OPS, LIST) == []


def test_the_next_list_has_what_is_new_and_counts_what_waits(chat: Chat) -> None:
    """3.5, daily: a mail that was told is not told again, but counted as long as it waits."""
    strangers(chat, 1)
    chat.after(days=1, step=NIGHT)
    chat.sends(EVE, "I sell hats", subject="Hats")
    told = one(chat.after(days=1, step=NIGHT), OPS, LIST)
    assert told.subject == "1 mail was held since yesterday"
    assert "Hats" in told.text
    assert "Buy shoe" not in told.text
    assert "In all 2 wait." in " ".join(told.text.split())


def test_a_restart_neither_loses_nor_repeats_the_list(either: Chat) -> None:
    """R1, R11: once a day, whatever happens to the process: down over the hour of the digest, and restarted behind
    it."""
    strangers(either, 1)
    either.restarts(down=timedelta(days=2))
    one(either.settle(), OPS, LIST)
    either.restarts()
    assert to(either.after(days=1, step=NIGHT), OPS, LIST) == []


def test_what_another_process_commits_late_is_in_the_next_list(chat: Chat) -> None:
    """R1: a mail may be held a moment before the list is written, and committed behind it: none is left out."""
    store, clock = chat.app.store, chat.clock
    chat.after(hours=21, minutes=54, step=NIGHT)
    strangers(chat, 1)
    late = clock.now() + timedelta(minutes=5, seconds=30)  # half a minute before the list
    assert to(chat.after(minutes=7), OPS, LIST), "what was held early enough is on it"
    strangers(chat, 1)
    store.run("UPDATE inbox SET done_at = ? WHERE id = 2", int(late.timestamp() * 1_000_000))
    assert "1 mail was held" in one(chat.after(days=1, step=NIGHT), OPS, LIST).subject


def test_hostile_subjects_are_one_clean_line(chat: Chat) -> None:
    """X1, X5: subjects and addresses come from outside; thousands are a few lines."""
    for n in range(4):
        chat.append(f"From: {EVE}\r\nSubject: =?utf-8?q?a=0D=0ABcc=3A_x=E2=80=AE_{n}?=\r\n\r\nhi".encode())
    chat.settle()
    told = one(chat.after(days=1, step=NIGHT), OPS, LIST)
    assert "\u202e" not in told.text
    assert "bcc" not in told.headers
    assert told.text.count("a Bcc: x") == 3


def test_what_puts_a_promise_at_risk_is_told_within_the_hour(chat: Chat) -> None:
    """R12: "the operator is told whenever a promise is at risk": a mail that nobody can read may be a report."""
    hops = "".join(f"Received: from a by b{n}.example; Mon, 23 Nov 2026 09:00:00 +0000\r\n" for n in range(51))
    chat.append(f"{hops}From: {BOB}\r\nSubject: round\r\n\r\nhi".encode())
    assert "Held: round" in one(chat.settle(), OPS).subject
