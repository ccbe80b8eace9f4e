"""What the state matrix found, told as conversations: said twice, said too early, taken back, around a dispute, and a
clock that goes back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from chat import ANNA, BOB, CARL, COMPLETE, CONNY, LENA, SARA, VERA, Chat, one, opened, talk_directly, to

from triagemail.process.model import Priority, State
from triagemail.store import audience
from triagemail.store.schema import micros

NOBODY = timedelta()

pytestmark = pytest.mark.usefixtures("keeps_its_word")


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Chat]:
    people = {"authority": (VERA,), "confirmers": (CONNY,)}
    with talk_directly(tmp_path, people=people, dispute={"policy": "hierarchy"}) as found:
        found.subscribe(LENA)
        yield found


# --- 2: the report ----------------------------------------------------------------------------------------------------


def test_a_refused_command_is_an_answer_to_our_mail_too(chat: Chat) -> None:
    """An UNVERIFIED P0 is announced when its reporter answers our mail, whatever the answer says."""
    received = one(chat.sends(BOB, COMPLETE.format(priority="P0"), subject="Checkout is blank"), BOB)
    out = chat.answers(received, "dispute: it is worse")
    assert "not decided yet" in one(out, BOB, "[#1]").text
    assert not chat.issue(1).unverified
    assert one(out, LENA, "PRIORITY 0 ISSUE")
    assert chat.issue(1).dispute is None
    received = one(chat.sends(ANNA, COMPLETE.format(priority="P1"), subject="Search is slow"), ANNA)
    assert "only a triager" in one(chat.answers(received, "agree"), ANNA, "[#2]").text
    assert not chat.issue(2).unverified


def test_who_repeats_their_priority_does_not_ask_the_triager_again(chat: Chat) -> None:
    """The reporter picks the priority of their own report: once, however often it is said."""
    _, received = opened(chat, "P1")
    out = chat.answers(received, "P1")
    assert to(out, SARA) == []
    assert "asks for P1" in one(out, BOB, "[#1]").text


def test_who_fills_one_gap_after_the_triager_was_asked_hears_what_is_open(chat: Chat) -> None:
    """One reply … asks only for what is open, and can be answered by filling the gaps, over as many mails as it
    takes."""
    missing = one(chat.sends(BOB, "It is down.\nPriority: P0", subject="Checkout"), BOB)
    out = chat.answers(missing, "2. What did you expect instead? The payment form.")
    asked = one(out, BOB, "[#1]")
    assert "[x] 2." in asked.text
    assert "[ ] 3." in asked.text
    assert to(chat.answers(missing, "2. What did you expect instead? The payment form."), SARA) == []


def test_a_triager_who_reports_for_somebody_hears_its_number(chat: Chat) -> None:
    """A triager may report for someone, and every act of a role has a receipt (trust.md A12)."""
    page = one(chat.sends(CARL, "help"), CARL)
    report = f"{COMPLETE.format(priority='P2')}\nreported by: {ANNA}\nvia: phone\n"
    out = chat.answers(page, report, subject="Search is slow")
    assert f"it is #1 now, as a report of {ANNA}, who hears of it" in " ".join(one(out, CARL).text.split())
    assert one(out, ANNA, "[#1]")
    assert one(out, SARA, "[#1]")


def test_an_owner_hears_of_a_priority_among_the_answers(chat: Chat) -> None:
    """The reporter's words travel to the owner: also a P0 that stands among answers."""
    missing = one(chat.sends(BOB, "It is down.\nPriority: P1", subject="Checkout"), BOB)
    chat.answers(missing, "yes, it was me")
    asked = to(chat.after(minutes=16), SARA, "[#1]")[0]
    chat.answers(asked, f"owner {ANNA}")
    out = chat.answers(missing, "2. What did you expect instead? The form.\n5. What type of response: P0")
    told = one(out, ANNA, "[#1]")
    assert "The form." in told.text
    assert "P0" in told.text
    assert one(out, LENA, "PRIORITY 0 ISSUE")


# --- said twice -------------------------------------------------------------------------------------------------------


def test_an_update_that_was_sent_twice_goes_out_once(chat: Chat) -> None:
    """Every update goes to each subscriber once: the same words of the same person within five minutes are one."""
    triage, _ = opened(chat, "P0")
    assert one(chat.answers(triage, "update: We renew the certificate."), LENA)
    out = chat.answers(triage, "update: We renew the certificate.")
    assert to(out, LENA) == []
    assert "not sent again" in one(out, SARA, "[#1]").text
    chat.after(minutes=6)
    assert one(chat.answers(triage, "update: We renew the certificate."), LENA)


def test_a_withdrawal_is_asked_for_once_until_somebody_answers(chat: Chat) -> None:
    """Later the triager confirms: two taps ask once; after an answer of theirs it is asked again."""
    triage, received = opened(chat, "P1")
    chat.answers(triage, "agree")
    assert one(chat.answers(received, "withdraw: it works again"), SARA, "[#1]")
    assert to(chat.answers(received, "withdraw: it works again"), SARA) == []
    chat.after(minutes=1)
    chat.answers(triage, "No, it still fails here.")
    assert one(chat.answers(received, "withdraw: now it does"), SARA, "[#1]")
    chat.answers(triage, "resolve: rolled back")
    chat.answers(received, "reopen: blank again")
    assert one(chat.answers(received, "withdraw: it works again"), SARA, "[#1]")


def test_a_remediation_that_was_asked_for_twice_is_opened_once(chat: Chat) -> None:
    """`remediate P2: …` opens a linked remediation issue; the same words name the one that is there."""
    triage, _ = opened(chat, "P1")
    chat.answers(triage, "agree")
    chat.answers(triage, "remediate P2: restore the rows")
    again = one(chat.answers(triage, "remediate P2: restore the rows"), SARA, "[#1]")
    assert "noted already, as #2" in again.text
    assert chat.issue(1).remediations == (2,)
    chat.answers(triage, "remediate P2: pay the fees back")
    assert chat.issue(1).remediations == (2, 3)


def test_an_issue_that_is_reopened_too_late_goes_on_as_one(chat: Chat) -> None:
    """After it, a new issue is opened that refers to the old one: one, and the old one refers to it."""
    triage, received = opened(chat, "P2")
    chat.answers(triage, "agree\nresolve: rolled back")
    chat.after(days=8, step=NOBODY)
    assert "#2" in to(chat.answers(received, "reopen: blank again"), BOB, "[#1]")[0].text
    again = chat.answers(received, "reopen: blank again")
    assert "#2" in one(again, BOB).text
    assert chat.issue(1).continued_as == 2
    assert chat.app.store.issue(3) is None


# --- 4: disputes ------------------------------------------------------------------------------------------------------


def test_who_rules_may_uphold_a_feature_request(chat: Chat) -> None:
    """A ruling is final: `feature because …` of who was asked lets it stay one, and everyone concerned hears why."""
    triage, _ = opened(chat, "P1")
    told = one(chat.answers(triage, "feature because nobody promised it"), BOB, "[#1]")
    assert "nobody promised it" in told.text
    asked = one(chat.answers(told, "dispute: it worked yesterday"), VERA, "[#1]")
    assert "feature because" in asked.text
    assert "needs a reason" in one(chat.answers(asked, "feature"), VERA, "[#1]").text
    out = chat.answers(asked, "feature because it never did this")
    assert "is a feature request" in one(out, BOB, "[#1]").text
    assert "it never did this" in one(out, SARA, "[#1]").text
    assert chat.issue(1).state is State.VALIDATING
    assert (chat.issue(1).dispute, chat.issue(1).final_by) == (None, VERA)


def test_nobody_gets_around_whoever_has_to_rule(chat: Chat) -> None:
    """While a dispute runs it is decided by whom the company agreed on: a decline, or a feature, does not end it."""
    triage, _ = opened(chat, "P1")
    told = one(chat.answers(triage, "P2 because few are hit"), BOB, "[#1]")
    chat.answers(told, "dispute: customers cannot pay")
    for word in ("decline: too much work", "feature"):
        assert "is in dispute" in one(chat.answers(triage, word), SARA, "[#1]").text
    assert chat.issue(1).dispute is not None
    assert chat.issue(1).state is State.OPEN


def test_a_decline_after_a_ruling_may_be_disputed(chat: Chat) -> None:
    """A ruling is final for that decision: a decline is another one, and the reporter may dispute that too."""
    triage, _ = opened(chat, "P1")
    told = one(chat.answers(triage, "P2 because few are hit"), BOB, "[#1]")
    asked = one(chat.answers(told, "dispute: customers cannot pay"), VERA, "[#1]")
    chat.answers(asked, "P1 because they cannot pay")
    declined = one(chat.answers(triage, "decline: too much work"), BOB, "[#1]")
    assert one(chat.answers(declined, "dispute: it was ruled"), VERA, "[#1]")


def test_the_second_throw_is_not_called_sealed_and_nobody_takes_it_back(tmp_path: Path) -> None:
    """A throw stays sealed until both are in: then both lie open, and whoever lost does not throw another one."""
    with talk_directly(tmp_path, dispute={"policy": "rock-paper-scissors"}) as chat:
        triage, _ = opened(chat, "P1")
        told = one(chat.answers(triage, "P2 because few are hit"), BOB, "[#1]")
        out = chat.answers(told, "dispute: customers cannot pay")
        bobs = next(m for m in to(out, BOB, "[#1]") if "scissors" in m.text)
        assert "sealed until the other one is in" in one(chat.answers(bobs, "rock"), BOB, "[#1]").text
        out = to(chat.answers(one(out, SARA, "[#1]"), "scissors"), SARA, "[#1]")
        assert not any("sealed" in mail.text or "undo" in mail.text for mail in out)
        receipt = next(mail for mail in out if "lie open" in mail.text)
        assert "nobody can take theirs back" in one(chat.answers(receipt, "undo"), SARA).text
        assert chat.issue(1).priority is Priority.P1


# --- 5: the list ------------------------------------------------------------------------------------------------------


def test_who_unsubscribes_follows_no_single_issue_any_more_and_undo_brings_it_back(chat: Chat) -> None:
    """`unsubscribe` leaves: of an issue that was followed by its number nothing comes either."""
    triage, _ = opened(chat, "P0")
    heard = to(chat.sent, LENA, "PRIORITY 0")[0]
    chat.answers(heard, "subscribe #1")
    goodbye = one(chat.answers(heard, "unsubscribe"), LENA)
    assert audience.wishes(chat.app.store, LENA).issues == ()
    assert to(chat.answers(triage, "update: Half of it works."), LENA) == []
    chat.answers(goodbye, "undo")
    assert audience.wishes(chat.app.store, LENA).issues == (1,)
    assert one(chat.answers(triage, "update: All of it works."), LENA)


@pytest.mark.parametrize("narrower", ["subscribe P0", "pause 2 weeks", "digest", "unsubscribe #1"])
@pytest.mark.parametrize("leaves", [False, True])
def test_who_subscribes_without_a_wish_hears_everything_whatever_they_wished_before(
    chat: Chat, narrower: str, leaves: bool
) -> None:
    """One distribution list that anybody admitted may join or leave by mail: `subscribe` alone is everything, at once,
    as its answer says ("You hear when something urgent breaks (P0 and P1)"); nothing of a pause or of other wishes is
    left, also from before they were off the list."""
    triage, _ = opened(chat, "P1")
    chat.answers(triage, "agree")
    heard = to(chat.sent, LENA, "PRIORITY 1")[0]
    chat.answers(heard, narrower)
    assert to(chat.answers(triage, "update: Half of it works."), LENA) == []
    if leaves:
        chat.answers(heard, "unsubscribe")
    welcome = one(chat.answers(heard, "subscribe"), LENA)
    assert one(chat.answers(triage, "update: All of it works."), LENA)
    chat.answers(welcome, "undo")
    assert to(chat.answers(triage, "update: Not yet."), LENA) == []


@pytest.mark.parametrize(
    ("wish", "comes"), [("unsubscribe", 0), ("pause 2 weeks", 0), ("resume", 1), ("subscribe P0", 1)]
)
def test_a_digest_that_waits_for_the_relay_is_withdrawn_from_who_leaves(chat: Chat, wish: str, comes: int) -> None:
    """U6: "checked again at send time": it holds for the one mail a day as for each."""
    triage, _ = opened(chat, "P1")
    chat.answers(triage, "agree")
    heard = to(chat.sent, LENA, "PRIORITY 1")[0]
    chat.answers(heard, "digest")
    chat.answers(triage, "update: Half of it works.")
    chat.clock.advance(timedelta(hours=22))
    chat.app.until_idle(only=("intake", "work", "clock"))
    chat.append(chat.writes(LENA, wish, answering=heard))
    chat.app.until_idle(only=("intake", "work", "clock"))
    assert len(to(chat.settle(), LENA, "since yesterday")) == comes


def test_undo_of_a_wish_waits_for_nobody_but_a_later_wish(chat: Chat) -> None:
    """`undo` … until something builds on it: a wish is taken back, unless another one came after it."""
    opened(chat, "P0")
    heard = to(chat.sent, LENA, "PRIORITY 0")[0]
    digest = one(chat.answers(heard, "digest"), LENA)
    chat.answers(digest, "undo")
    assert not audience.wishes(chat.app.store, LENA).digest
    digest = one(chat.answers(heard, "digest"), LENA)
    chat.answers(heard, "subscribe P0")
    assert "builds on it" in one(chat.answers(digest, "undo"), LENA).text
    assert audience.wishes(chat.app.store, LENA).digest


# --- a clock that goes back -------------------------------------------------------------------------------------------


def test_a_clock_that_goes_back_silences_nobody(chat: Chat) -> None:
    """If none comes, the service itself sends at the issue's cadence: also when the clock goes back an hour, a day
    ahead and a day back; nobody hears anything twice at a time (trust.md T2)."""
    opened(chat, "P0")
    for hours in (-1, 24, -24, -1):
        chat.clock.advance(timedelta(hours=hours))
        at_once = len(to(chat.settle(), LENA, "UPDATE"))
        assert at_once == (1 if hours > 0 else 0)
        assert len(to(chat.after(minutes=31), LENA, "UPDATE")) == 1
    assert "ClockSetBack" in chat.journal(1)


def test_mails_that_wait_for_another_try_do_not_wait_for_the_clock(chat: Chat) -> None:
    """A mail that the relay put off is tried again when it was to be tried: also when the clock goes back a day."""
    opened(chat, "P0")
    chat.clock.advance(timedelta(minutes=1))
    chat.settle()
    again = chat.clock.now() + timedelta(minutes=4)
    store = chat.app.store
    put_off = "UPDATE delivery SET state = 'deferred', retry_at = ? WHERE person = ?"
    store.run(put_off, micros(again), store.person(LENA))
    chat.clock.advance(timedelta(days=-1))
    assert to(chat.after(minutes=3), LENA) == []
    assert one(chat.after(minutes=2), LENA, "PRIORITY 0 ISSUE")
    assert store.notice_due("x", chat.clock.now() + timedelta(hours=2), timedelta(hours=1))
    assert store.notice_due("x", chat.clock.now(), timedelta(hours=1))


def test_a_clock_that_was_set_back_while_the_service_was_down(chat: Chat) -> None:
    """The same after a restart: the newest event then lies ahead of the clock."""
    opened(chat, "P0")
    chat.app.worker.seen.clear()
    chat.clock.advance(timedelta(hours=-5))
    assert len(to(chat.after(minutes=31), LENA, "UPDATE")) == 1
