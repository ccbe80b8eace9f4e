"""The decision on a report (process.md 3) and disputes about it (4), as conversations."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from chat import ANNA, BOB, CARL, COMPLETE, LENA, OPS, SARA, VERA, VICTOR, Chat, Out, one, opened, talk_directly, to

from triagemail.process.model import Kind, Priority, State

NOBODY = timedelta()

pytestmark = pytest.mark.usefixtures("keeps_its_word")


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Chat]:
    with talk_directly(tmp_path, people={"authority": (VERA, VICTOR)}) as found:
        found.subscribe(LENA)
        yield found


# --- 3. the decision --------------------------------------------------------------------------------------------------


def test_similar_open_issues_stand_in_the_triage_mail(chat: Chat) -> None:
    """A complete report goes to the triager on duty, on one screen: …, similar open issues."""
    opened(chat, "P2", "The export to Excel fails with an error")
    triage, _ = opened(chat, "P2", "Export to Excel fails again")
    assert "#1" in triage.text
    other, _ = opened(chat, "P3", "Typo on the imprint")
    assert "#1" not in other.text.replace("[#1", "")


def test_a_decision_of_another_triager_whose_mail_was_under_way_is_told_who_decided(chat: Chat) -> None:
    """Two triagers: a later decision wins only if its mail was sent after the first was told; else it is answered
    `already decided by …`."""
    triage, _ = opened(chat, "P1")
    chat.answers(triage, f"owner {CARL}")
    at_carl = chat.sent[-1] if chat.sent[-1].to == CARL else to(chat.sent, CARL)[-1]
    chat.append(chat.writes(SARA, "agree", answering=triage))
    chat.append(chat.writes(CARL, "P3 because nobody uses it", answering=at_carl))
    out = chat.settle()
    assert chat.issue(1).priority is Priority.P1
    assert SARA in one(out, CARL, "[#1]").text
    chat.after(minutes=1, step=NOBODY)
    chat.answers(at_carl, "P2 because only few use it")
    assert chat.issue(1).priority is Priority.P2


def test_p0_and_p1_have_a_decision_clock(chat: Chat) -> None:
    """P0 and P1 have a decision clock, from when we first handled the report: a reminder at half time; at its end, and
    every 15 minutes until someone answers, the stand-ins and the next authority are told, and the reported priority
    takes effect: cadence and announcement as if agreed."""
    opened(chat, "P1")
    assert one(chat.after(minutes=16, step=NOBODY), SARA)
    out = chat.after(minutes=15, step=NOBODY)
    assert one(out, CARL)
    assert one(out, VERA)
    assert to(out, VICTOR) == []
    assert one(out, LENA, "PRIORITY 1 ISSUE: CHECKOUT IS BLANK")
    assert chat.issue(1).state is State.TRIAGE
    assert chat.issue(1).in_effect
    again = chat.after(minutes=15, step=NOBODY)
    assert one(again, CARL)
    assert one(again, VICTOR)
    last = to(again, CARL)[0]
    chat.answers(last, "agree")
    assert chat.issue(1).priority is Priority.P1
    later = chat.after(hours=1, step=timedelta(minutes=15))
    assert [m for m in later if m.to in (VERA, VICTOR)] == []


def test_without_stand_in_and_authority_the_operator_is_told(tmp_path: Path) -> None:
    """… the stand-ins and the next authority are told (without any: the operator)."""
    with talk_directly(tmp_path, people={"triagers": (SARA,)}) as chat:
        opened(chat, "P1")
        assert one(chat.after(minutes=31, step=NOBODY), OPS)


def test_an_unverified_p0_does_not_take_effect(chat: Chat) -> None:
    """… except for UNVERIFIED ones."""
    chat.sends(BOB, COMPLETE.format(priority="P0"), subject="Checkout is blank")
    out = chat.after(minutes=16, step=NOBODY)
    assert one(out, CARL)
    assert to(out, LENA) == []
    assert not chat.issue(1).in_effect


def test_any_word_of_the_triager_stops_the_clock(chat: Chat) -> None:
    """… every 15 minutes until someone answers."""
    triage, _ = opened(chat, "P1")
    chat.answers(triage, "I am looking at it, give me a moment")
    out = chat.after(minutes=31, step=NOBODY)
    assert one(out, LENA, "PRIORITY 1 ISSUE")  # the priority takes effect all the same
    assert to(chat.after(minutes=20, step=NOBODY), CARL) == []


def test_raising_a_priority_is_a_new_decision_with_its_own_clock(chat: Chat) -> None:
    """After a decision the reporter may lower the priority at once; raising it is a new decision with its own clock."""
    triage, received = opened(chat, "P2")
    chat.answers(triage, "agree")
    out = chat.answers(received, "P1 because more and more customers call us")
    asked = one(out, SARA, "[#1]")
    assert "more and more customers" in asked.text
    assert (chat.issue(1).state, chat.issue(1).reported) == (State.TRIAGE, Priority.P1)
    assert to(chat.sent, LENA) == []
    assert one(chat.after(minutes=16, step=NOBODY), SARA, "[#1]")
    assert one(chat.answers(asked, "agree"), LENA, "PRIORITY 1 ISSUE:")
    chat.answers(received, "P3")
    assert (chat.issue(1).state, chat.issue(1).priority) == (State.OPEN, Priority.P3)


def test_duplicate_joins_its_reporter_and_keeps_the_higher_priority(chat: Chat) -> None:
    """**duplicate**: its reporter is joined to the other issue and its updates; the higher priority is kept; nothing of
    the second report is lost. … Were both announced, one broadcast says: follow #12."""
    first, _ = opened(chat, "P1")
    chat.answers(first, "agree")
    second, _ = opened(chat, "P0", "Cannot pay", who=ANNA)
    assert to(chat.sent, LENA, "PRIORITY 0 ISSUE: CANNOT PAY")
    out = chat.answers(second, "duplicate #1")
    assert chat.issue(2).state is State.DUPLICATE
    assert chat.issue(1).joined == (ANNA,)
    assert chat.issue(1).priority is Priority.P0
    assert "#1" in one(out, LENA, "CANNOT PAY").text
    assert "#1" in one(out, ANNA, "[#").text
    assert any("blank screen" in getattr(e, "text", "") for _, _, _, e in chat.app.store.journal(1))
    update = chat.answers(first, "update: we found it")
    assert one(update, ANNA)


def test_a_second_p0_is_not_announced_beside_the_first(chat: Chat) -> None:
    """While a P0 announced in the last 60 minutes is open, a new P0 goes to the triager at once but is announced only
    when the triager answers (at the latest at its timebox, if believed); its reporter's reply names the open one and
    offers `same as #12`."""
    opened(chat, "P0")
    chat.after(minutes=1)
    triage, received = opened(chat, "P0", "I cannot pay", who=ANNA)
    assert "UNVERIFIED" in triage.text
    assert "same as #1" in received.text
    assert to(chat.sent, LENA, "CANNOT PAY") == []
    out = chat.after(minutes=15, step=NOBODY)
    assert to(out, LENA, "PRIORITY 0 ISSUE: I CANNOT PAY")


def test_same_as_joins_the_reporter(chat: Chat) -> None:
    """… and offers `same as #12`."""
    opened(chat, "P0")
    chat.after(minutes=1)
    _, received = opened(chat, "P0", "I cannot pay", who=ANNA)
    chat.answers(received, "same as #1")
    assert chat.issue(2).state is State.DUPLICATE
    assert chat.issue(1).joined == (ANNA,)
    assert to(chat.after(minutes=20, step=NOBODY), LENA, "CANNOT PAY") == []


def test_words_on_a_duplicate_reach_whoever_works_on_the_first(chat: Chat) -> None:
    """Nothing of the second report is lost."""
    opened(chat, "P1")
    second, received = opened(chat, "P2", "Cannot pay", who=ANNA)
    chat.answers(second, "duplicate #1")
    out = chat.answers(received, "It also happens in Safari.")
    assert "Safari" in one(out, SARA, "[#1]").text


def test_a_feature_request_waits_until_it_is_said_what_is_expected(chat: Chat) -> None:
    """A feature request waits in `validating` until the triager writes `expected: …`, then is planned work; it is never
    broadcast (after an announcement a last broadcast ends its updates)."""
    triage, _ = opened(chat, "P0", "Dark mode is missing")
    assert to(chat.sent, LENA, "PRIORITY 0 ISSUE")
    out = chat.answers(triage, "feature")
    assert chat.issue(1).state is State.VALIDATING
    assert chat.issue(1).kind is Kind.FEATURE
    assert one(out, LENA)
    assert one(out, BOB, "[#1]")
    assert to(chat.after(hours=2, step=timedelta(minutes=30)), LENA) == []
    out = chat.answers(triage, "expected: a switch in the settings, dark by default at night")
    assert chat.issue(1).state is State.OPEN
    assert chat.issue(1).priority is Priority.P2
    assert "a switch in the settings" in one(out, BOB, "[#1]").text


def test_a_bug_after_all(chat: Chat) -> None:
    """A bug deviates from a defined expected behaviour."""
    triage, _ = opened(chat, "P2", "Dark mode is missing")
    chat.answers(triage, "feature")
    again = next(m for m in to(chat.answers(triage, "bug"), SARA) if "agree" in m.text)
    assert chat.issue(1).kind is Kind.BUG
    assert chat.issue(1).state is State.TRIAGE
    chat.answers(again, "agree")
    assert chat.issue(1).priority is Priority.P2


def test_an_owner_who_is_not_tells_why_and_the_triager_counts_again(chat: Chat) -> None:
    """**owner**: gets the whole issue and answers `mine` or `not me: why`."""
    triage, _ = opened(chat, "P1")
    asked = one(chat.answers(triage, f"agree\nowner {ANNA}"), ANNA, "[#1]")
    assert "blank screen" in asked.text
    out = chat.answers(asked, "not me: I am on holiday")
    assert "I am on holiday" in one(out, SARA, "[#1]").text
    assert chat.issue(1).owner == ""


def test_an_owners_silence_for_half_a_cadence_tells_the_triager(chat: Chat) -> None:
    """… silence for half a cadence tells the triager."""
    triage, _ = opened(chat, "P1")
    chat.answers(triage, f"agree\nowner {ANNA}")
    assert to(chat.after(minutes=29, step=NOBODY), SARA, "[#1]") == []
    assert ANNA in one(chat.after(minutes=2, step=NOBODY), SARA, "[#1]").text


def test_more_p1_than_the_budget_is_told_once_a_week(chat: Chat) -> None:
    """The mail that agrees number budget+1 says so; once a week at most triagers and authority are told: more P1 than
    we can resolve means more of the work must go into delivery quality."""
    outs = []
    for number in range(1, 6):
        triage, _ = opened(chat, "P1", f"Trouble {number}")
        outs.append(chat.answers(triage, "agree"))
    assert to(outs[2], VERA) == []
    assert one(outs[3], VERA)
    assert one(outs[3], CARL)
    assert "4" in one(outs[3], SARA, "[#4]").text
    assert to(outs[4], VERA) == []


# --- 4. disputes ------------------------------------------------------------------------------------------------------


def decided(chat: Chat, text: str = "P2 because few are hit") -> tuple[Out, Out]:
    """A P1 that was decided otherwise: (the reporter's mail about it, the triager's)."""
    triage, _ = opened(chat, "P1")
    return one(chat.answers(triage, text), BOB, "[#1]"), triage


def company(tmp_path: Path, policy: str) -> object:
    return talk_directly(tmp_path, dispute={"policy": policy}, people={"authority": (VERA, VICTOR)})


def test_the_triagers_second_look_is_final(chat: Chat) -> None:
    """`triager`: the triager's second look is final. A ruling is final for that decision: everyone concerned is told
    who ruled, what and why; afterwards only who ruled changes that priority, unless `P0 because …` names new facts."""
    told, _ = decided(chat)
    out = chat.answers(told, "dispute: customers cannot pay")
    asked = one(out, SARA, "[#1]")
    assert "customers cannot pay" in asked.text
    ruled = chat.answers(asked, "P1 because you are right")
    assert chat.issue(1).priority is Priority.P1
    assert "you are right" in one(ruled, BOB, "[#1]").text
    assert one(ruled, LENA, "PRIORITY 1 ISSUE")
    chat.answers(to(chat.sent, BOB, "[#1]")[-1], "dispute: no, P0")
    assert chat.issue(1).dispute is None
    assert chat.issue(1).final_by == SARA


def test_agree_is_no_ruling(chat: Chat) -> None:
    """Who rules answers `P1 because …` (never `agree`: with whom?)."""
    told, _ = decided(chat)
    asked = one(chat.answers(told, "dispute: customers cannot pay"), SARA, "[#1]")
    refused = one(chat.answers(asked, "agree"), SARA, "[#1]")
    assert "because" in refused.text
    assert chat.issue(1).dispute is not None


def test_hierarchy_asks_one_after_the_other(tmp_path: Path) -> None:
    """`hierarchy`: a chain of addresses, each with a time limit, then the next; the last one is final."""
    with company(tmp_path, "hierarchy") as chat:  # type: ignore[attr-defined]
        told, triage = decided(chat)
        first = one(chat.answers(told, "dispute: customers cannot pay"), VERA)
        second = one(chat.after(minutes=31, step=NOBODY), VICTOR)
        chat.answers(first, "P0 because I say so")  # her time is over
        assert chat.issue(1).dispute is not None
        out = chat.answers(second, "P1 because customers come first")
        assert chat.issue(1).priority is Priority.P1
        assert VICTOR in one(out, BOB, "[#1]").text
        assert VICTOR in one(out, SARA, "[#1]").text
        chat.answers(triage, "P3 because I do not like it")
        assert chat.issue(1).priority is Priority.P1
        chat.answers(triage, "P0 because all of Europe is hit now")
        assert chat.issue(1).priority is Priority.P0


def test_when_the_last_step_lapses_the_decision_stands(tmp_path: Path) -> None:
    """Every step has a deadline; when the last lapses, …, the decision stands."""
    with company(tmp_path, "hierarchy") as chat:  # type: ignore[attr-defined]
        told, _ = decided(chat)
        chat.answers(told, "dispute: customers cannot pay")
        chat.after(minutes=31, step=NOBODY)
        out = chat.after(minutes=31, step=NOBODY)
        assert chat.issue(1).dispute is None
        assert chat.issue(1).priority is Priority.P2
        assert one(out, BOB, "[#1]")
        assert chat.issue(1).disputes == ("lapsed",)


def test_the_reporter_is_always_right(tmp_path: Path) -> None:
    """`reporter`: the reporter is always right: the reported priority is restored at once; the triager may comment, not
    change it again."""
    with company(tmp_path, "reporter") as chat:  # type: ignore[attr-defined]
        told, triage = decided(chat)
        out = chat.answers(told, "dispute: customers cannot pay")
        assert chat.issue(1).priority is Priority.P1
        assert one(out, SARA, "[#1]")
        refused = one(chat.answers(triage, "P3 because I do not like it"), SARA, "[#1]")
        assert BOB in refused.text
        assert chat.issue(1).priority is Priority.P1
        assert "I still think so" in one(chat.answers(triage, "I still think so."), BOB, "[#1]").text


def game(chat: Chat) -> tuple[Out, Out]:
    told, _ = decided(chat)
    out = chat.answers(told, "dispute: customers cannot pay")
    return next(m for m in to(out, BOB, "[#1]") if "scissors" in m.text), one(out, SARA, "[#1]")


def test_rock_paper_scissors(tmp_path: Path) -> None:
    """`rock-paper-scissors`: both mail `rock`, `paper` or `scissors`; a throw stays sealed until both are in; …; the
    winner's priority stands."""
    with company(tmp_path, "rock-paper-scissors") as chat:  # type: ignore[attr-defined]
        bobs, saras = game(chat)
        out = chat.answers(bobs, "rock")
        assert to(out, SARA) == []
        out = chat.answers(saras, "scissors")
        assert chat.issue(1).priority is Priority.P1
        for person in (BOB, SARA):
            text = "\n".join(m.text for m in to(out, person, "[#1]"))
            assert "rock" in text
            assert "scissors" in text


def test_a_tie_is_thrown_again_and_the_third_ends_it(tmp_path: Path) -> None:
    """A tie is thrown again; … at the third tie, the decision stands."""
    with company(tmp_path, "rock-paper-scissors") as chat:  # type: ignore[attr-defined]
        bobs, saras = game(chat)
        for _ in range(3):
            chat.answers(bobs, "paper")
            out = chat.answers(saras, "paper")
        assert chat.issue(1).dispute is None
        assert chat.issue(1).priority is Priority.P2
        assert chat.issue(1).disputes == ("third-tie",)
        assert to(out, BOB, "[#1]")


def test_who_does_not_throw_by_the_deadline_loses(tmp_path: Path) -> None:
    """Who does not throw by the deadline loses."""
    with company(tmp_path, "rock-paper-scissors") as chat:  # type: ignore[attr-defined]
        bobs, _ = game(chat)
        chat.answers(bobs, "rock")
        chat.after(minutes=31, step=NOBODY)
        assert chat.issue(1).priority is Priority.P1
        assert chat.issue(1).disputes == ("forfeit",)


def test_nobody_throws(tmp_path: Path) -> None:
    """… when … nobody throws …, the decision stands."""
    with company(tmp_path, "rock-paper-scissors") as chat:  # type: ignore[attr-defined]
        game(chat)
        chat.after(minutes=31, step=NOBODY)
        assert chat.issue(1).priority is Priority.P2
        assert chat.issue(1).disputes == ("nobody-threw",)


def test_the_window_is_24_hours(chat: Chat) -> None:
    """The reporter may answer a decision with `dispute: why` within the window (24 h)."""
    told, _ = decided(chat)
    chat.clock.advance(timedelta(hours=24, minutes=1))
    chat.settle()
    refused = one(chat.answers(told, "dispute: customers cannot pay"), BOB, "[#1]")
    assert chat.issue(1).dispute is None
    assert "24" in refused.text or "1 day" in refused.text or "a day" in refused.text


def test_a_decline_may_be_disputed_too(chat: Chat) -> None:
    """**decline** closes it with a reason; the reporter may dispute that too."""
    triage, _ = opened(chat, "P2")
    told = one(chat.answers(triage, "decline: works as designed"), BOB, "[#1]")
    asked = one(chat.answers(told, "dispute: the manual says otherwise"), SARA, "[#1]")
    chat.answers(asked, "P2 because the manual is right")
    assert chat.issue(1).state is State.OPEN
    assert chat.issue(1).priority is Priority.P2


def test_a_decline_that_is_upheld_is_final(chat: Chat) -> None:
    """A ruling is final for that decision."""
    triage, _ = opened(chat, "P2")
    told = one(chat.answers(triage, "decline: works as designed"), BOB, "[#1]")
    asked = one(chat.answers(told, "dispute: the manual says otherwise"), SARA, "[#1]")
    out = chat.answers(asked, "decline: the manual is about another product")
    assert chat.issue(1).state is State.DECLINED
    assert "another product" in one(out, BOB, "[#1]").text
    chat.answers(to(chat.sent, BOB, "[#1]")[-1], "dispute: no")
    assert chat.issue(1).dispute is None


def test_meanwhile_clocks_run_at_the_higher_priority_and_nothing_is_announced(chat: Chat) -> None:
    """While a dispute runs the issue's clocks run at the higher of the two priorities, and its updates too if it was
    already announced; a dispute alone announces nothing."""
    triage, _ = opened(chat, "P0")
    told = one(chat.answers(triage, "P1 because there is a workaround"), BOB, "[#1]")
    assert chat.issue(1).next_update_at - chat.clock.now() > timedelta(minutes=25)  # type: ignore[operator]
    chat.after(minutes=1)
    chat.answers(told, "dispute: nobody can pay")
    due = chat.issue(1).next_update_at
    assert due is not None
    assert due - chat.clock.now() <= timedelta(minutes=30)
    quiet, _ = opened(chat, "P1", "Another")
    told = one(chat.answers(quiet, "P2 because few are hit"), BOB, "[#2]")
    out = chat.answers(told, "dispute: many are hit")
    assert to(out, LENA) == []


def test_only_the_reporter_disputes(chat: Chat) -> None:
    """The reporter (on remediation, the confirmer) may answer a decision with `dispute: why`."""
    told, _ = decided(chat)
    out = chat.answers(told, "dispute: I do not like it", author=ANNA)
    assert chat.issue(1).dispute is None
    assert to(out, SARA, "[#1]") == [] or "dispute" not in one(out, SARA).text.lower()[:40]
