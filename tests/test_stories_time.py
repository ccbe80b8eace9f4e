"""Time, as the people of a company live it: the service was down, the clocks change in the night, a hundred timers are
due at once (trust.md T1, T3, T5). Every single timer: test_clocks.py."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from chat import CARL, LENA, SARA, Chat, one, opened, talk_directly, to

from triagemail.mail.samples_company import WHOLE
from triagemail.process.events import Draft
from triagemail.process.reminders import is_one, merged

pytestmark = pytest.mark.usefixtures("keeps_its_word")
NIGHTS = {  # the hour (UTC) in which the clocks go forward, and back
    "Europe/Berlin": (datetime(2027, 3, 28, 1, tzinfo=UTC), datetime(2027, 10, 31, 1, tzinfo=UTC)),
    "America/New_York": (datetime(2027, 3, 14, 7, tzinfo=UTC), datetime(2027, 11, 7, 6, tzinfo=UTC)),
    "Australia/Lord_Howe": (datetime(2027, 10, 2, 15, 30, tzinfo=UTC), datetime(2027, 4, 3, 15, tzinfo=UTC)),
}
SHOWN = re.compile(r"(\d\d):(\d\d) (\w+|[+-]\d{2,4}) \((\d\d):(\d\d) UTC\)")


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Chat]:
    with talk_directly(tmp_path) as found:
        found.subscribe(LENA)
        yield found


def test_reminders_that_are_due_together_are_one_mail_a_person(chat: Chat) -> None:
    """T5 "100 due: P0 first, <= 1 mail per person for reminders": nobody has decided, and the service was down. The
    mail names all, and a word with a number decides one of them."""
    for number in range(6):
        opened(chat, "P0" if number in (2, 4) else "P1", subject=f"Page {number} is blank")
    out = chat.after(hours=2, step=timedelta())
    told = one(out, CARL, "wait for you")  # the stand-in
    assert [int(n) for n in re.findall(r"^- \**#(\d+)", told.text, re.MULTILINE)] == [3, 5, 1, 2, 4, 6]
    assert to(out, CARL) == [told]
    chat.answers(told, "agree #3")
    assert "PriorityDecided" in chat.journal(3)
    again = chat.after(minutes=15, step=timedelta())
    assert one(again, CARL, "5 issues wait for you")


def test_a_hundred_reminders_are_one_mail() -> None:
    """T5: the rule itself, for each kind apart; one alone stays as it is, and a word to the operator too."""
    issues = [replace(WHOLE, number=number) for number in range(1, 101)]
    due = [(Draft("undecided", SARA, each.number, {}, each.number % 3), each) for each in issues]
    due += [(Draft("update-due", SARA, 7, {}, 1), issues[6]), (Draft("undecided", CARL, 9, {}, 1), issues[8])]
    made = merged(due)
    assert [(draft.template, draft.to, issue and issue.number) for draft, issue in made] == [
        ("reminders", SARA, None), ("update-due", SARA, 7), ("undecided", CARL, 9),
    ]  # fmt: skip
    listed = [issue.number for issue in made[0][0].values["issues"]]  # type: ignore[attr-defined]  # Draft.values
    assert listed == sorted(range(1, 101), key=lambda number: (number % 3, number))
    assert not is_one(Draft("undecided", "ops@acme.example", 1, {}, 0, cause="nobody decides"))


def test_eight_hours_down_are_one_mail_an_issue(chat: Chat) -> None:
    """T1 "8 h down, 12 P0/P1 issues: 12 mails, not 192": one catch-up each, and the next after its interval."""
    for number in range(12):
        triage, _ = opened(chat, "P0" if number % 2 else "P1", subject=f"Page {number} is blank")
        chat.answers(triage, "agree")
    caught_up = to(chat.after(hours=8, step=timedelta()), LENA, "UPDATE")
    assert len(caught_up) == 12
    assert len({out.subject for out in caught_up}) == 12
    assert to(chat.after(minutes=29), LENA, "UPDATE") == []
    soon = to(chat.after(minutes=2), LENA, "UPDATE")
    assert len(soon) == 6, "the P0s"


@pytest.mark.parametrize("zone", NIGHTS)
@pytest.mark.parametrize("night", [0, 1], ids=["forward", "back"])
def test_updates_keep_their_spacing_when_the_clocks_change(tmp_path: Path, zone: str, night: int) -> None:
    """T3 "both DST nights in Europe/Berlin, America/New_York, Lord_Howe: spacing 30 min +- 5 s";
    "every time shown with zone and UTC": what stands there is true."""
    at = NIGHTS[zone][night]
    here = ZoneInfo(zone)
    assert (at - timedelta(minutes=1)).astimezone(here).utcoffset() != at.astimezone(here).utcoffset()
    with talk_directly(tmp_path, mail={"timezone": zone}) as chat:
        chat.subscribe(LENA)
        chat.clock.advance(at - timedelta(hours=2) - chat.clock.now())
        chat.settle()
        opened(chat, "P0")
        began = chat.clock.now()
        sent = []
        for _ in range(4 * 60 // 5):
            chat.clock.advance(timedelta(minutes=5))
            sent += [(chat.clock.now(), out) for out in to(chat.settle(), LENA, "UPDATE")]
    assert [(moment - began) // timedelta(minutes=30) for moment, _ in sent] == list(range(1, 9))
    spacing = [b - a for (a, _), (b, _) in pairwise(sent)]
    assert all(abs(each - timedelta(minutes=30)) <= timedelta(seconds=5) for each in spacing), spacing
    for moment, out in sent:
        (hour, minute, name, utc_hour, utc_minute) = SHOWN.findall(out.text)[-1]
        due = moment + timedelta(minutes=30)
        assert f"in 30 minutes, at {hour}:{minute}" in out.text
        assert (utc_hour, utc_minute) == tuple(due.strftime("%H %M").split())
        shown = due.astimezone(here)
        assert (hour, minute) == tuple(shown.strftime("%H %M").split())
        assert name in (shown.tzname(), shown.strftime("%z"))
