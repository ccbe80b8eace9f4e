"""Who takes part (process.md 1) and what is done with a report before its decision (2), as conversations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from chat import BOB, CARL, COMPLETE, ISSUES, LENA, OPS, PAGER, SARA, VERA, Chat, one, opened, talk_directly, to
from silent_mails import MAILS

from triagemail.process.events import Noted
from triagemail.process.model import Priority, State

BERLIN = ZoneInfo("Europe/Berlin")
NOBODY = timedelta()

pytestmark = pytest.mark.usefixtures("keeps_its_word")


AT_HOME = {
    "profile": "own", "trusted_authserv_id": ("mx.acme.example",), "trusted_received_by": ("mx.acme.example",),
}  # fmt: skip


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Chat]:
    guidance = {"booking_url": "https://book.acme.example/15"}
    with talk_directly(tmp_path, people={"page": (PAGER,), "authority": (VERA,)}, guidance=guidance) as found:
        yield found


def fast(chat: Chat, **span: float) -> None:
    """Time passes at once; what is sent meanwhile is of no interest."""
    chat.after(step=NOBODY, **span)


# --- 1. duty ----------------------------------------------------------------------------------------------------------


def test_duty_takes_it_and_what_waits_for_a_decision_goes_along(chat: Chat) -> None:
    """`duty` takes it."""
    opened(chat, "P1")
    asked = one(chat.sends(CARL, "duty", subject="duty"), CARL)  # a fresh mail shows nothing: one plain reply
    out = chat.answers(asked, "yes")
    passed = one(out, CARL, "[#1]")
    assert chat.issue(1).triager == CARL
    chat.answers(passed, "agree")
    assert chat.issue(1).decided_by == CARL
    new = chat.sends(BOB, COMPLETE.format(priority="P2"), subject="Another one")
    assert one(new, CARL, "[#2]")
    assert to(new, SARA) == []


def test_duty_is_handed_over(chat: Chat) -> None:
    """`duty sara@…` hands it over."""
    triage, _ = opened(chat, "P1")
    out = chat.answers(triage, f"duty {CARL}")
    assert one(out, CARL, "Checkout")
    assert one(out, CARL, "duty")
    assert one(chat.sends(BOB, COMPLETE.format(priority="P2"), subject="Another one"), CARL, "[#2]")
    refused = one(chat.answers(triage, f"duty {BOB}"), SARA)
    assert "Not" in refused.text or "not" in refused.text


def test_away_skips_a_person_until_the_day_comes(chat: Chat) -> None:
    """`away until 3 May` skips a person."""
    triage, _ = opened(chat, "P2")
    out = chat.answers(triage, "away until 3 December")
    assert "3 Dec" in one(out, SARA, "[#1]").text or "2026-12-03" in one(out, SARA, "[#1]").text
    assert one(chat.sends(BOB, COMPLETE.format(priority="P2"), subject="Second"), CARL, "Second")
    chat.clock.advance(datetime(2026, 12, 3, 9, 30, tzinfo=BERLIN) - chat.clock.now())
    chat.settle()
    assert one(chat.sends(BOB, COMPLETE.format(priority="P2"), subject="Third"), SARA, "Third")


def test_an_out_of_office_of_the_triager_on_duty_passes_open_p0_and_p1_on(chat: Chat) -> None:
    """An out-of-office or a bounce from the triager on duty passes every open P0 and P1 to the next in order at once,
    and says so."""
    triage, _ = opened(chat, "P1")
    opened(chat, "P2", "A typo")
    out = chat.answers(
        triage, "I am out of the office until Monday.", subject="Automatic reply: Checkout is blank",
        headers={"Auto-Submitted": "auto-replied"},
    )  # fmt: skip
    passed = one(out, CARL)
    assert "[#1]" in passed.subject
    assert SARA in passed.text
    assert chat.issue(1).triager == CARL
    assert chat.issue(2).triager == SARA
    chat.answers(passed, "agree")
    assert chat.issue(1).state is State.OPEN


def test_an_open_p1_without_an_owner_is_passed_on_too(chat: Chat) -> None:
    """… passes every open P0 and P1 to the next in order at once, and says so; until an owner is named the triager
    counts as one."""
    triage, _ = opened(chat, "P1")
    chat.answers(triage, "agree")
    robot = {"Auto-Submitted": "auto-replied"}
    out = chat.answers(triage, "I am out of the office.", subject="Automatic reply: Checkout", headers=robot)
    passed = one(out, CARL, "[#1]")
    assert SARA in passed.text
    chat.answers(passed, "mine")
    assert chat.issue(1).owner == CARL


def test_who_writes_duty_is_back(chat: Chat) -> None:
    """`duty` takes it, also from who was away until another day."""
    triage, _ = opened(chat, "P2")
    chat.answers(triage, "away until 3 December")
    assert one(chat.sends(BOB, COMPLETE.format(priority="P2"), subject="Second"), CARL, "Second")
    chat.answers(triage, "duty")
    assert one(chat.sends(BOB, COMPLETE.format(priority="P2"), subject="Third"), SARA, "Third")


def test_an_out_of_office_without_our_token_changes_nothing(chat: Chat) -> None:
    """Anybody can write an out-of-office in the triager's name (trust.md A1)."""
    opened(chat, "P1")
    robot = {"Auto-Submitted": "auto-replied"}
    out = chat.sends(SARA, "I am out of the office.", subject="Out of office", headers=robot)
    assert out == []
    assert chat.issue(1).triager == SARA


def test_p1_updates_keep_working_hours_and_the_last_one_of_a_day_names_the_next_morning(chat: Chat) -> None:
    """P1's automatic updates and every P2/P3 clock run in working hours; the last P1 update of a day names the next
    morning."""
    chat.subscribe(LENA)
    triage, _ = opened(chat, "P1")
    chat.answers(triage, "agree")
    chat.clock.advance(datetime(2026, 11, 23, 17, 15, tzinfo=BERLIN) - chat.clock.now())
    out = chat.settle()
    due = chat.issue(1).next_update_at
    assert due == datetime(2026, 11, 24, 9, 0, tzinfo=BERLIN)
    assert "Tue" in one(out, LENA).text or "24 Nov" in one(out, LENA).text
    assert to(chat.after(hours=12, step=timedelta(hours=1)), LENA) == []


def test_p0_knows_no_hours(chat: Chat) -> None:
    """P0 knows no hours."""
    chat.subscribe(LENA)
    chat.clock.advance(datetime(2026, 11, 24, 3, 0, tzinfo=BERLIN) - chat.clock.now())
    chat.settle()
    triage, _ = opened(chat, "P0")
    chat.answers(triage, "agree")
    assert one(chat.after(minutes=31, step=NOBODY), LENA, "UPDATE")


def test_one_morning_mail_lists_undecided_p2_p3_and_drafts(chat: Chat) -> None:
    """One morning mail to the triager lists undecided P2/P3 and drafts."""
    opened(chat, "P2", "The logo is blurred")
    chat.sends(BOB, "the search is odd", subject="Search is odd")
    opened(chat, "P1", "Invoices are wrong")
    chat.clock.advance(datetime(2026, 11, 24, 9, 1, tzinfo=BERLIN) - chat.clock.now())
    out = [m for m in chat.settle() if m.to == SARA and "logo is blurred" in m.text and "Search is odd" in m.text]
    assert len(out) == 1
    assert "Invoices are wrong" not in out[0].text


def test_the_pager_gets_three_lines_of_every_p0_and_of_each_missed_clock(chat: Chat) -> None:
    """`people.page`: addresses that get three lines of every P0, unverified ones included, and of each missed clock."""
    out = chat.sends(BOB, COMPLETE.format(priority="P0"), subject="Checkout is blank")
    page = one(out, PAGER)
    assert "UNVERIFIED" in page.text
    assert len([line for line in page.text.splitlines() if line.strip()]) <= 3
    assert to(chat.after(minutes=14, step=NOBODY), PAGER) == []
    assert one(chat.after(minutes=2, step=NOBODY), PAGER)
    opened(chat, "P1", "Invoices are wrong", LENA)
    assert to([m for m in chat.sent if "Invoices" in m.text], PAGER) == []


# --- 2. guidance and gaps ---------------------------------------------------------------------------------------------


def test_a_persons_first_incomplete_report_is_offered_fifteen_minutes_of_guidance(chat: Chat) -> None:
    """A person's first report, and it is incomplete: the reply also offers 15 minutes of guidance: the config's booking
    link, and the word `call`. (A P0 gets no such offer before it is announced.)"""
    first = one(chat.sends(BOB, "the search is odd", subject="Search is odd"), BOB)
    assert "https://book.acme.example/15" in first.text
    assert "call" in first.text
    chat.after(days=1, minutes=1, step=NOBODY)
    second = one(chat.sends(BOB, "the cart is odd", subject="Cart is odd"), BOB)
    assert "https://book.acme.example/15" not in second.text
    urgent = one(chat.sends(LENA, "P0: all is down", subject="[P0] All is down"), LENA)
    assert "https://book.acme.example/15" not in urgent.text


def test_call_sends_both_an_invite_and_after_it_the_triager_fills_in_the_rest(chat: Chat) -> None:
    """The word `call` sends reporter and triager an invite for five minutes ahead; 15 minutes after its start the
    triager is asked to fill in the rest."""
    asked = one(chat.sends(BOB, "the search is odd", subject="Search is odd"), BOB)
    out = chat.answers(asked, "call")
    for person in (BOB, SARA):
        invite = one(out, person)
        assert b"METHOD:REQUEST" in invite.raw or b"method=REQUEST" in invite.raw
    at = chat.issue(1).call_at
    assert at is not None
    assert timedelta(minutes=5) <= at - chat.clock.now() <= timedelta(minutes=6)
    assert to(chat.after(minutes=19, step=NOBODY), SARA) == []
    rest = one(chat.after(minutes=3, step=NOBODY), SARA)
    out = chat.answers(rest, "answer 2: the right results\nanswer 3: search for shoes\nanswer 4: everybody\nP2")
    assert chat.issue(1).answers["affected"] == "everybody"
    assert chat.issue(1).priority is Priority.P2


def test_where_the_reporter_can_be_reached_goes_to_the_triager_before_the_call(chat: Chat) -> None:
    """Text that is no command is a comment, never lost, and travels: the mail about the call asks for a phone number
    and says that it goes to the triager, so it does, while the report is still a draft."""
    asked = one(chat.sends(BOB, "the search is odd", subject="Search is odd"), BOB)
    invite = one(chat.answers(asked, "call"), BOB)
    out = chat.answers(invite, "+49 30 1234567")
    assert "> +49 30 1234567" in one(out, SARA).text
    assert chat.issue(1).answers == {"what": "the search is odd"}
    assert "> Or by video" in one(chat.answers(asked, "Or by video"), SARA).text


def test_a_phone_number_beside_the_word_call_goes_to_the_triager(chat: Chat) -> None:
    """Several commands in one mail …; answers and comments in it are kept always, and travel."""
    asked = one(chat.sends(BOB, "the search is odd", subject="Search is odd"), BOB)
    out = chat.answers(asked, "call\n\nI am at +49 30 1234567.")
    assert "> I am at +49 30 1234567." in "\n".join(mail.text for mail in to(out, SARA))


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("P2\n\nOnly ACME sees it.", "Only ACME sees it."),
        ("Only ACME sees it.\n\nP2", "Only ACME sees it."),
        ("P2 because of the fair\n\nOnly ACME sees it.", "Only ACME sees it."),
        ("It is about their contract.\n\nExpected: ten hits\nP2", "It is about their contract."),
        ("Priority: high", "high"),
        ("P1 because the fair opens today", "the fair opens today"),
    ],
)
def test_what_a_reporter_writes_beside_an_answer_reaches_the_triager(chat: Chat, said: str, kept: str) -> None:
    """Text that is no command is never lost: in a draft, of which nobody else knows yet, it is added to the first
    answer, where the triager will see it, and one reply says what is still open."""
    asked = one(chat.sends(BOB, "the search is odd", subject="Search is odd"), BOB)
    again = one(chat.answers(asked, said), BOB)
    assert f"> {kept}" in again.text
    triage = one(chat.answers(again, "2. ten hits\n3. search for shoes\n4. everybody\n5. P2"), SARA)
    assert f"> {kept}" in triage.text


@pytest.mark.parametrize("said", ["Priority: high", "As soon as you can."])
def test_words_that_pick_no_priority_are_kept_and_it_is_asked_for_again(chat: Chat, said: str) -> None:
    """Without a priority an issue is not decided: words that name none take no other answer's place, and silence would
    be taken for consent."""
    asked = one(chat.sends(BOB, COMPLETE.format(priority=""), subject="Search is odd"), BOB)
    again = one(chat.answers(asked, said), BOB)
    assert said.removeprefix("Priority: ") in chat.issue(1).answers["what"]
    assert "P0" in again.text
    assert one(chat.answers(again, "P2"), SARA)


def test_a_complaint_that_is_passed_on_in_an_answer_reaches_the_triager(chat: Chat) -> None:
    """A forwarded mail is kept as material for questions 1 and 3 and shown to the triager; no priority in it counts."""
    asked = one(chat.sends(BOB, "the search is odd", subject="Search is odd"), BOB)
    complaint = "---------- Forwarded message ---------\nFrom: Kim <kim@shop.example>\n\nNo hits for shoes!\nP0"
    again = one(chat.answers(asked, f"This is what Kim says:\n\n{complaint}"), BOB)
    assert chat.issue(1).reported is None
    triage = one(chat.answers(again, "2. ten hits\n3. search for shoes\n4. everybody\n5. P2"), SARA)
    assert "> No hits for shoes!" in triage.text


@pytest.mark.parametrize("subject", ["P2: search is odd", "Search is odd"])
def test_a_draft_that_a_reply_reopens_is_answered_once_and_the_reminder_comes_later(chat: Chat, subject: str) -> None:
    """A draft untouched for 14 days closes with a mail; a reply reopens it. One reply asks for what is open, and the
    one reminder comes in its time after that."""
    asked = one(chat.sends(BOB, "the search is odd", subject=subject), BOB)
    fast(chat, days=14, minutes=1)
    assert chat.issue(1).state is State.LAPSED
    assert "A reminder" not in one(chat.answers(asked, "Sorry, I was away. It is still odd."), BOB).text
    assert chat.issue(1).state is State.DRAFT
    assert "A reminder" in one(chat.after(days=1, step=NOBODY), BOB).text


def test_thanks_beside_an_answer_are_no_part_of_the_report(chat: Chat) -> None:
    """Neither a greeting nor a signature is an answer."""
    asked = one(chat.sends(BOB, "the search is odd", subject="Search is odd"), BOB)
    chat.answers(asked, "Hi,\n\nP2\n\nThanks,\nBob")
    assert chat.issue(1).answers["what"] == "the search is odd"
    assert chat.issue(1).reported is Priority.P2


def test_who_accepts_an_invite_is_noted_and_nobody_answers(chat: Chat) -> None:
    """Answers to invites (Accepted, Declined), read receipts and emoji reactions are recorded in silence."""
    asked = one(chat.sends(BOB, "the search is odd", subject="Search is odd"), BOB)
    invite = one(chat.answers(asked, "call"), BOB)
    found = re.search(r"call-1-[0-9]+@acme\.example", invite.raw.decode().replace("\r\n ", ""))
    assert found is not None
    accepts = MAILS["google accepted"]
    raw = accepts.filled(
        ISSUES=ISSUES, REPLY=invite.reply_to, ID=invite.message_id, SUBJECT=invite.subject, UID=found[0]
    )  # fmt: skip
    chat.append(raw)
    assert chat.settle() == []
    noted = chat.app.store.journal(1)[-1][3]
    assert isinstance(noted, Noted)
    assert (noted.by, noted.what) == (BOB, "accepted")


def test_a_call_out_of_hours_is_next_morning(chat: Chat) -> None:
    """… (out of hours: next morning)."""
    chat.clock.advance(datetime(2026, 11, 27, 21, 0, tzinfo=BERLIN) - chat.clock.now())
    chat.settle()
    asked = to(chat.sends(BOB, "the search is odd", subject="Search is odd"), BOB)[0]
    chat.answers(asked, "call")
    assert chat.issue(1).call_at == datetime(2026, 11, 30, 9, 0, tzinfo=BERLIN)


def test_a_triager_fills_in_gaps(chat: Chat) -> None:
    """… or fill in gaps (`answer 4: only ACME`)."""
    triage = one(chat.sends(BOB, "P0: the website is down", subject="[P0] Website is down"), SARA)
    chat.answers(triage, "answer 4: only ACME")
    assert chat.issue(1).answers["affected"] == "only ACME"


def test_after_the_reminder_the_triager_may_pick_one_for_the_reporter_who_may_dispute_it(chat: Chat) -> None:
    """… after it the triager is told and may pick one for the reporter (marked so; the reporter may dispute it)."""
    chat.sends(BOB, COMPLETE.format(priority=""), subject="Checkout is blank")
    out = chat.after(minutes=31, step=NOBODY)
    assert one(out, BOB)
    handed = one(chat.after(minutes=31, step=NOBODY), SARA)
    told = one(chat.answers(handed, "P2"), BOB)
    assert chat.issue(1).priority is Priority.P2
    assert "dispute" in told.text
    chat.answers(told, "dispute: P1, because customers cannot pay")
    assert chat.issue(1).dispute is not None


def test_a_triager_reports_on_behalf_of_somebody(chat: Chat) -> None:
    """A triager may report for someone (`reported by: sara@example.com`, `via: phone`)."""
    text = f"reported by: {LENA}\nvia: phone\n\n{COMPLETE.format(priority='P1')}"
    out = chat.sends(SARA, text, subject="Lena cannot pay")
    issue = chat.issue(1)
    assert (issue.reporter, issue.filed_by, issue.via) == (LENA, SARA, "phone")
    assert to(out, LENA) == []  # nobody hears of a report that is not believed yet
    proof = next(m for m in to(out, SARA) if "UNVERIFIED" in m.text)
    out = chat.answers(proof, "agree")
    assert chat.issue(1).priority is Priority.P1
    assert to(out, LENA)


def test_reported_by_counts_from_a_triager_only(chat: Chat) -> None:
    """Report on behalf of others: a triager (process.md 1)."""
    chat.sends(BOB, f"reported by: {LENA}\n{COMPLETE.format(priority='P1')}", subject="Lena cannot pay")
    assert chat.issue(1).reporter == BOB


def test_a_recording_link_answers_question_three(chat: Chat) -> None:
    """Answer 3 is also given by an attachment or by a link that matches the recording patterns (Loom and the like)."""
    chat.sends(BOB, "The cart is empty, see https://www.loom.com/share/0a1b2c", subject="Cart is empty")
    assert "loom.com" in chat.issue(1).answers["see"]


def test_admitted_outsiders_see_their_own_issues_only(tmp_path: Path) -> None:
    """Internal people may ask for `list` and others' `status`. Admitted outsiders (customers) see their own issues
    only."""
    kim = "kim@customer.example"
    with talk_directly(tmp_path, people={"reporters": ("acme.example", "customer.example")}, auth=AT_HOME) as chat:
        opened(chat, "P1", "A secret trouble")
        said = {"Authentication-Results": "mx.acme.example; dmarc=pass header.from=customer.example"}
        out = chat.sends(kim, COMPLETE.format(priority="P2"), subject="Our export fails", headers=said)
        received = one(out, kim)
        assert "Our export fails" in one(chat.answers(received, "status #2"), kim).text
        refused = one(chat.answers(received, "status #1"), kim)
        assert "secret" not in refused.text + refused.subject
        refused = one(chat.answers(received, "list"), kim)
        assert "secret" not in refused.text


def test_the_service_answers_at_its_own_address_only(chat: Chat) -> None:
    """Plus addresses (`issues+subscribe@…`) are a second way in."""
    out = chat.sends(BOB, "", to=ISSUES.replace("@", "+help@"), subject="")
    assert one(out, BOB)
    assert chat.app.store.issue(1) is None


def test_a_bounce_from_the_triager_on_duty_passes_them_on_too(tmp_path: Path) -> None:
    """An out-of-office or a bounce from the triager on duty passes every open P0 and P1 to the next in order at
    once."""
    with talk_directly(tmp_path, smtp={"connections": 1}) as chat:
        chat.sink.script["RCPT"] = ["550 5.1.1 no such person"]  # the first mail is the triager's
        out = chat.sends(BOB, COMPLETE.format(priority="P0"), subject="Checkout is blank")
        assert one(out, CARL, "[#1]")
        assert chat.issue(1).triager == CARL
        assert one(out, OPS)


def test_the_operator_is_told_when_the_relay_refuses_us(tmp_path: Path) -> None:
    """The operator: told when a promise is at risk, one mail a cause and hour; the mail itself is tried again."""
    with talk_directly(tmp_path, smtp={"connections": 1}) as chat:
        chat.sink.script["MAIL"] = ["550 5.7.1 we do not know this sender"]
        out = chat.sends(BOB, "the search is odd", subject="Search is odd")
        assert "we do not know this sender" in one(out, OPS).text
        assert to(out, BOB) == []
        assert one(chat.after(minutes=2), BOB, "[#1]")
