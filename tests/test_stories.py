"""The main line as conversations over real IMAP (pymap, Dovecot) and SMTP. Each docstring is the sentence of
process.md that the story plays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import servers
from chat import ANNA, BOB, CARL, COMPLETE, ISSUES, OPS, SARA, Chat, one, opened, talk, to

from triagemail.doors import imapd
from triagemail.process.model import Priority, State

LENA, TOM, EVE = "lena@acme.example", "tom@acme.example", "eve@elsewhere.example"

pytestmark = pytest.mark.usefixtures("keeps_its_word")


@pytest.fixture(params=["pymap", "dovecot"])
def chat(request: pytest.FixtureRequest, tmp_path: Path, new_user: Callable[[], str]) -> Iterator[Chat]:
    """A company whose mailbox is on either server."""
    if request.param == "dovecot":
        server: servers.DovecotServer = request.getfixturevalue("dovecot")
        user = new_user()
        with talk(tmp_path, server.port, user, lambda raw: server.deliver(user, raw)) as found:  # type: ignore[arg-type]
            yield found
        return
    light = imapd.start({"issues": servers.PASSWORD})
    try:
        with talk(tmp_path, light.port, "issues", lambda raw: light.append("issues", raw)) as found:
            yield found
    finally:
        light.stop()


# --- 2. the report ---------------------------------------------------------------------------------------------------


def test_an_incomplete_report_is_kept_and_the_gaps_are_asked_for(chat: Chat) -> None:
    """The report is kept as a draft issue from the first mail. One reply shows `[x]`/`[ ]` for the five questions,
    repeats what was understood, asks only for what is open."""
    out = chat.sends(BOB, "the website is down!", subject="website down")
    asked = one(out, BOB)
    assert chat.issue(1).state is State.DRAFT
    assert chat.issue(1).answers == {"what": "the website is down!"}
    assert asked.subject == "[#1] website down"
    assert asked.text.count("[x]") == 1
    assert asked.text.count("[ ] ") >= 4
    assert to(out, SARA) == []


def test_gaps_are_filled_over_as_many_mails_as_it_takes(chat: Chat) -> None:
    """… and can be answered by filling the gaps, over as many mails as it takes, or by one tap for the priority."""
    asked = one(chat.sends(BOB, "the website is down!", subject="website down"), BOB)
    again = one(
        chat.answers(asked, "2. What did you expect instead? The shop.\n3. How can we see it ourselves? Open it."), BOB
    )
    assert again.text.count("[x]") == 3
    last = one(chat.answers(again, "P2"), BOB)
    assert last.text.count("[x]") == 4
    out = chat.answers(last, "Who is affected, and can they work around it? Everybody.")
    assert chat.issue(1).state is State.TRIAGE
    assert chat.issue(1).reported is Priority.P2
    assert "Everybody." in one(out, SARA).text
    assert one(out, BOB)


def test_answers_typed_below_the_quoted_questions_are_read(chat: Chat) -> None:
    """Answers typed under the quoted questions of our own mail (inline)."""
    asked = one(chat.sends(BOB, "the website is down!", subject="website down"), BOB)
    said = {"2.": "The shop.", "3.": "Open it.", "4.": "Everybody, they can phone us as a workaround.", "5.": "P1"}
    lines = []
    for line in asked.text.splitlines():
        lines.append(f"> {line}".rstrip())
        lines += [answer for number, answer in said.items() if f"[ ] {number}" in line]
    out = chat.answers(asked, "\n".join(lines))
    issue = chat.issue(1)
    assert issue.answers == {
        "what": "the website is down!",
        "expected": "The shop.",
        "see": "Open it.",
        "affected": said["4."],
    }
    assert issue.reported is Priority.P1
    screen = one(out, SARA).text
    assert screen.index("P2 because there is a workaround") < screen.index("agree")


def test_a_template_left_as_it_was_sent_counts_as_no_answer(chat: Chat) -> None:
    """A template left as it was sent counts as no answer."""
    template = one(chat.sends(BOB, "template"), BOB)
    out = chat.sends(BOB, template.text, subject="broken")
    assert chat.issue(1).answers in ({}, {"what": "broken"})
    assert "[ ]" in one(out, BOB).text


@pytest.mark.parametrize(("subject", "text"), [("Hello", "Hi"), ("hi", ""), ("Hi", "Hello,"), ("Thx", "Thanks!")])
def test_a_mail_that_only_greets_gets_the_help_page(chat: Chat, subject: str, text: str) -> None:
    """Free text without one label is a report too; a greeting says nothing, and its writer probably looks for help."""
    assert "To report a problem" in one(chat.sends(BOB, text, subject=subject), BOB).text
    assert chat.app.store.issue(1) is None


def test_an_unverified_p0_goes_to_the_triager_at_once_and_is_announced_when_its_reporter_answers(chat: Chat) -> None:
    """An UNVERIFIED one [is announced] when its reporter answers our mail or a triager answers, never by a clock."""
    chat.subscribe(LENA, TOM)
    out = chat.sends(BOB, COMPLETE.format(priority="P0"), subject="Checkout is blank")
    assert "UNVERIFIED" in one(out, SARA).text
    assert to(out, LENA) == []
    assert to(chat.after(minutes=40), LENA) == []
    heard = chat.answers(one(out, BOB), "yes")
    assert one(heard, LENA).subject == "PRIORITY 0 ISSUE: CHECKOUT IS BLANK"
    assert one(heard, TOM)
    assert one(heard, SARA, "PRIORITY 0 ISSUE:")
    assert one(heard, BOB, "PRIORITY 0 ISSUE:")
    assert "sara@acme.example decides" in one(heard, BOB, "[#1]").text
    assert to(heard, SARA, "[#1]") == []
    assert "Not yet confirmed" in one(heard, LENA).text
    assert "blank screen" not in one(heard, LENA).text


def test_an_unverified_p0_is_announced_when_a_triager_answers(chat: Chat) -> None:
    """… or a triager answers."""
    chat.subscribe(LENA)
    out = chat.sends(BOB, COMPLETE.format(priority="P0"), subject="Checkout is blank")
    heard = chat.answers(one(out, SARA), "agree")
    assert one(heard, LENA).subject == "PRIORITY 0 ISSUE: CHECKOUT IS BLANK"
    assert not chat.issue(1).unverified


def test_p0_never_waits_for_answers(chat: Chat) -> None:
    """P0 never waits for answers: the triager is told at once and the gaps are asked for meanwhile."""
    out = chat.sends(BOB, "P0: everything is down", subject="P0: everything is down")
    assert one(out, SARA)
    assert "[ ]" in one(out, BOB).text
    assert chat.issue(1).state is State.TRIAGE


def test_an_incomplete_p1_goes_to_the_triager_after_15_minutes(chat: Chat) -> None:
    """An incomplete P1 goes to the triager with its gaps after 15 minutes."""
    chat.sends(BOB, "Invoices are wrong", subject="[P1] Invoices are wrong")
    assert to(chat.after(minutes=14), SARA) == []
    assert one(chat.after(minutes=2), SARA)


def test_without_a_priority_there_is_one_reminder_and_then_the_triager_is_told(chat: Chat) -> None:
    """The reminder comes after 30 minutes with `P0` first among the answers; after it the triager is told and may
    pick one."""
    chat.sends(BOB, "the website is down!", subject="website down")
    reminder = one(chat.after(minutes=31), BOB)
    assert reminder.text.index('"P0"') < reminder.text.index('"P1"')
    told = one(chat.after(minutes=31), SARA)
    out = chat.answers(told, "P1")
    assert chat.issue(1).priority is Priority.P1
    assert one(out, BOB, "[#1]")


def test_a_draft_untouched_for_14_days_closes_and_a_reply_reopens_it(chat: Chat) -> None:
    """A draft untouched for 14 days closes with a mail; a reply reopens it."""
    asked = one(chat.sends(BOB, "Search is odd", subject="P3: search is odd"), BOB)
    out = chat.after(days=14, hours=1, step=timedelta(hours=6))
    assert chat.issue(1).state is State.LAPSED
    assert "[#1]" in to(out, BOB)[-1].subject
    chat.answers(asked, "What did you expect instead? Results.")
    assert chat.issue(1).state is State.DRAFT


# --- 3. the decision -------------------------------------------------------------------------------------------------


def test_agree_tells_the_reporter_the_priority_and_what_happens_next(chat: Chat) -> None:
    """**agree**: the reporter is told the priority and what happens next."""
    triage, _ = opened(chat, "P1")
    out = chat.answers(triage, "agree")
    told = " ".join(one(out, BOB, "[#1]").text.split())
    assert "#1 is agreed as a P1" in told
    assert "What happens next" in told
    assert (chat.issue(1).priority, chat.issue(1).decided_by) == (Priority.P1, SARA)
    assert one(out, SARA, "[#1]").mail_from == "<>"


def test_another_priority_needs_a_reason_and_the_reporter_is_told_it(chat: Chat) -> None:
    """**another priority** needs a reason (asked for if missing); the reporter is told it."""
    triage, _ = opened(chat, "P1")
    refused = chat.answers(triage, "P2")
    assert chat.issue(1).state is State.TRIAGE
    assert to(refused, BOB) == []
    assert "because" in one(refused, SARA).text
    out = chat.answers(triage, "P2 because there is a workaround")
    assert chat.issue(1).priority is Priority.P2
    assert "there is a workaround" in one(out, BOB).text


def test_p2_and_p3_are_silent_and_it_is_said_up_front(chat: Chat) -> None:
    """P2/P3: updates none, on purpose, said up front. P2 and P3 get no broadcast."""
    chat.subscribe(LENA)
    triage, _ = opened(chat, "P2")
    out = chat.answers(triage, "agree")
    assert "no updates" in one(out, BOB).text.lower()
    kept = chat.answers(triage, "update: we found the cause")
    assert one(kept, BOB).text.count("we found the cause") == 1
    done = chat.answers(triage, "resolve: fixed in 4.2")
    assert "fixed in 4.2" in one(done, BOB).text
    assert to(chat.sent, LENA) == []


def test_decline_closes_it_with_a_reason(chat: Chat) -> None:
    """**decline** closes it with a reason."""
    triage, _ = opened(chat, "P3")
    assert chat.issue(1).state is State.TRIAGE
    out = chat.answers(triage, "decline: it is meant to be like this")
    assert chat.issue(1).state is State.DECLINED
    assert "meant to be like this" in one(out, BOB).text


def test_withdraw_before_a_decision_closes_and_the_list_hears_a_last_word(chat: Chat) -> None:
    """The reporter may `withdraw: why`: before a decision it closes; if it was announced, a last broadcast says so."""
    chat.subscribe(LENA)
    _, received = opened(chat, "P0")
    out = chat.answers(received, "withdraw: it was my wifi")
    assert chat.issue(1).state is State.WITHDRAWN
    assert one(out, LENA)
    assert one(out, SARA, "[#1]")
    assert to(chat.after(hours=2), LENA) == []


def test_withdraw_after_a_decision_is_confirmed_by_the_triager(chat: Chat) -> None:
    """… later the triager confirms."""
    triage, received = opened(chat, "P1")
    chat.answers(triage, "agree")
    out = chat.answers(received, "withdraw: works again")
    assert chat.issue(1).state is State.OPEN
    chat.answers(one(out, SARA), "resolve: it works again")
    assert chat.issue(1).state is State.RESOLVED


def test_an_owner_is_named_and_says_mine(chat: Chat) -> None:
    """**owner**: gets the whole issue and answers `mine`."""
    triage, _ = opened(chat, "P1")
    chat.answers(triage, "agree")
    given = one(chat.answers(triage, f"owner {ANNA}"), ANNA)
    assert "blank screen" in given.text
    chat.answers(given, "mine")
    assert chat.issue(1).owner_accepted
    assert one(chat.answers(given, "update: on it"), BOB, "UPDATE")


def test_nobody_else_may_decide(chat: Chat) -> None:
    """Roles decide who may do what: a colleague's `agree` in an answer to their own copy changes nothing."""
    chat.subscribe(LENA)
    opened(chat, "P0")
    copy = one(chat.sent, LENA)
    for words in (
        "agree",
        "P2 because I say so",
        "decline: no",
        "resolve: done",
        "update: all good",
        f"owner {LENA}",
        "headline: x",
    ):
        out = chat.answers(copy, words)
        assert {m.to for m in out} <= {LENA}, words
    assert chat.issue(1).state is State.TRIAGE


def test_comments_travel_between_reporter_owner_and_triager_and_never_to_the_list(chat: Chat) -> None:
    """Text that is no command is a comment, never lost, and travels: the reporter's to the owner (else the triager
    on duty), the owner's and triager's to the reporter; never to the list."""
    chat.subscribe(LENA)
    triage, received = opened(chat, "P0")
    chat.answers(triage, f"agree\nowner {ANNA}")
    assert "still blank for me" in one(chat.answers(received, "It is still blank for me."), ANNA).text
    given = (
        one(chat.sent, ANNA, "[#1] Checkout is blank")
        if len(to(chat.sent, ANNA, "[#1]")) == 1
        else to(chat.sent, ANNA, "[#1]")[0]
    )
    assert "which browser" in one(chat.answers(given, "Bob, which browser do you use?"), BOB).text
    before = len(to(chat.sent, LENA))
    assert len(to(chat.sent, LENA)) == before


# --- 5. updates ------------------------------------------------------------------------------------------------------


def test_every_update_of_an_announced_issue_goes_to_each_subscriber_once(chat: Chat) -> None:
    """For P0 and P1 every update goes to its subscribers; reporter, owner and triager hear them as if subscribed,
    one copy each."""
    chat.subscribe(LENA, TOM, BOB)
    triage, _ = opened(chat, "P0")
    out = chat.answers(triage, "update: The database is full, we make room.\nnext update in 45 minutes")
    for person in (LENA, TOM, BOB):
        update = one(out, person, "PRIORITY 0 ISSUE UPDATE: CHECKOUT IS BLANK")
        assert "The database is full" in update.text
        assert not any(other in update.raw.decode() for other in {LENA, TOM, BOB} - {person})
    due = chat.issue(1).next_update_at
    assert due is not None
    assert abs(due - chat.clock.now() - timedelta(minutes=45)) < timedelta(minutes=1)


def test_the_owner_is_reminded_and_then_the_service_itself_sends(chat: Chat) -> None:
    """Five minutes before one is due the owner is reminded; if none comes, the service itself sends `Nothing to
    update. Still investigating. Next update in 30 minutes.` at the issue's cadence, until resolved."""
    chat.subscribe(LENA)
    triage, _ = opened(chat, "P0")
    chat.answers(triage, "agree")
    early = chat.after(minutes=24)
    assert early == []
    reminder = chat.after(minutes=2)
    assert [m.to for m in reminder] == [SARA]
    automatic = one(chat.after(minutes=5), LENA)
    assert "Nothing to update. Still investigating. Next update in 30 minutes." in automatic.text
    assert automatic.subject == "PRIORITY 0 ISSUE UPDATE: CHECKOUT IS BLANK"
    assert len(to(chat.after(minutes=95), LENA)) == 3
    chat.answers(triage, "resolve: made room")
    assert to(chat.after(hours=3), LENA) == []


def test_before_anyone_answered_the_automatic_text_says_so(chat: Chat) -> None:
    """Before anyone has answered the text is `Reported at 03:02. Not yet confirmed.`"""
    chat.subscribe(LENA)
    opened(chat, "P0")
    automatic = to(chat.after(minutes=31), LENA)[-1]
    assert "Reported at " in automatic.text
    assert "Not yet confirmed." in automatic.text


def test_after_downtime_there_is_one_catch_up_per_issue(chat: Chat) -> None:
    """After an outage of the service: first the mailbox is emptied, then timers run, one catch-up update per issue."""
    chat.subscribe(LENA)
    triage, _ = opened(chat, "P0")
    chat.answers(triage, "agree")
    out = chat.after(hours=8, step=timedelta())
    assert len(to(out, LENA)) == 1
    assert to(out, SARA, "[#1]") == []


def test_a_resolve_that_waited_in_the_mailbox_comes_before_the_timer(chat: Chat) -> None:
    """First the mailbox is emptied, then timers run."""
    chat.subscribe(LENA)
    triage, _ = opened(chat, "P0")
    chat.answers(triage, "agree")
    chat.append(chat.writes(SARA, "resolve: done long ago", answering=triage))
    subjects = [m.subject for m in to(chat.after(hours=8, step=timedelta()), LENA)]
    assert subjects == ["PRIORITY 0 ISSUE RESOLVED: CHECKOUT IS BLANK"]


def test_lowering_an_announced_issue_ends_its_updates_with_a_last_broadcast(chat: Chat) -> None:
    """If a P0 or P1 becomes one, a last broadcast says that updates end here and where it went."""
    chat.subscribe(LENA)
    triage, _ = opened(chat, "P0")
    out = chat.answers(triage, "P2 because only one customer is hit")
    assert one(out, LENA).subject == "PRIORITY 0 ISSUE NOW PRIORITY 2: CHECKOUT IS BLANK"
    assert to(chat.after(hours=2), LENA) == []


def test_a_correction_a_headline_and_a_link(chat: Chat) -> None:
    """`correction: …` follows a wrong update; the triager can set `headline: …`; one link for more (`doc URL`)."""
    chat.subscribe(LENA)
    triage, _ = opened(chat, "P0")
    chat.answers(triage, "agree\nheadline: Payments fail\ndoc https://docs.acme.example/42")
    out = one(chat.answers(triage, "correction: it is not the database"), LENA)
    assert out.subject == "PRIORITY 0 ISSUE UPDATE: PAYMENTS FAIL"
    assert "it is not the database" in out.text
    assert "https://docs.acme.example/42" in out.text


def test_a_question_about_a_broadcast_is_answered_once_per_update_and_logged(chat: Chat) -> None:
    """Replies to a broadcast never reach the list. A question is answered with the latest status (once per person
    and update) and put in the issue's log."""
    chat.subscribe(LENA, TOM)
    opened(chat, "P0")
    copy = one(chat.sent, LENA)
    first = chat.answers(copy, "Is Switzerland hit as well?", quote=True)
    assert [m.to for m in first] == [LENA]
    assert chat.answers(copy, "Hello? Anybody?") == []
    assert chat.journal(1).count("Commented") >= 2


def test_long_updates_go_out_with_their_first_part(chat: Chat) -> None:
    """An update over the limit (600 characters) goes out with its first part; the sender is told."""
    chat.subscribe(LENA)
    triage, _ = opened(chat, "P0")
    out = chat.answers(triage, "update: " + "word " * 400)
    assert len(one(out, LENA).text) < 1500
    assert "600" in one(out, SARA, "[#1]").text


# --- 6. closure ------------------------------------------------------------------------------------------------------


def test_resolve_sends_the_resolved_broadcast_and_reopen_works_for_the_configured_time(chat: Chat) -> None:
    """`resolve: what was done` sends the RESOLVED broadcast; `reopen: why` works for the configured time (7 days)."""
    chat.subscribe(LENA)
    triage, received = opened(chat, "P0")
    chat.answers(triage, "agree")
    done = chat.answers(triage, "resolve: made room on the disk")
    assert one(done, LENA).subject == "PRIORITY 0 ISSUE RESOLVED: CHECKOUT IS BLANK"
    assert "made room" in one(done, BOB).text
    again = chat.answers(received, "reopen: blank again")
    assert one(again, LENA).subject == "PRIORITY 0 ISSUE REOPENED: CHECKOUT IS BLANK"
    assert one(again, SARA, "[#1]")
    assert chat.issue(1).state is State.OPEN


def test_after_the_configured_time_a_new_issue_refers_to_the_old_one(chat: Chat) -> None:
    """After it, a new issue is opened that refers to the old one."""
    triage, received = opened(chat, "P2")
    chat.answers(triage, "agree")
    chat.answers(triage, "resolve: done")
    chat.after(days=8, step=timedelta(days=4))
    chat.answers(received, "reopen: it is back")
    assert chat.issue(1).state is State.RESOLVED
    assert "(#1)" in chat.issue(2).answers["what"]


# --- 9. words, the list ----------------------------------------------------------------------------------------------


def test_joining_the_list_is_confirmed_by_one_plain_reply(chat: Chat) -> None:
    """Subscribe and unsubscribe by mail, confirmed by one plain reply."""
    asked = one(chat.sends(LENA, "subscribe"), LENA)
    opened(chat, "P0")
    assert to(chat.sent, LENA, "PRIORITY") == []
    assert one(chat.answers(asked, "yes"), LENA)
    assert one(chat.answers(to(chat.sent, SARA)[0], "update: still on it"), LENA, "UPDATE")


def test_a_confirmation_works_once_and_for_its_person_only(chat: Chat) -> None:
    """Confirm: single use; the asked person."""
    asked = one(chat.sends(LENA, "", subject="subscribe"), LENA)
    chat.answers(asked, "yes", author=TOM)
    assert members(chat) == []
    chat.answers(asked, "yes")
    assert members(chat) == [LENA]
    chat.sends(LENA, "unsubscribe")
    leave = to(chat.sent, LENA)[-1]
    chat.answers(leave, "ok")
    assert members(chat) == []
    chat.answers(asked, "yes again")
    assert members(chat) == []


@pytest.mark.parametrize(
    ("author", "headers"),
    [
        ("lena.private@home.example", {}),
        ("noreply@provider.example", {"Auto-Submitted": "auto-generated"}),
        (LENA, {"Precedence": "bulk", "Return-Path": "<>"}),
        (LENA, {"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All"}),
    ],
)
def test_the_unsubscribe_button_of_a_mail_program_suffices(chat: Chat, author: str, headers: dict[str, str]) -> None:
    """List-Unsubscribe token alone suffices, from whatever alias and by whatever program it is sent (U5)."""
    chat.subscribe(LENA)
    opened(chat, "P0")
    copy = one(chat.sent, LENA)
    link = copy.headers["list-unsubscribe"]
    address = link.removeprefix("<mailto:").partition("?")[0]
    out = chat.sends(author, "unsubscribe", to=address, subject="unsubscribe", headers=headers)
    assert members(chat) == []
    assert [m.to for m in out] == [LENA]


def test_broadcasts_carry_the_headers_of_a_list(chat: Chat) -> None:
    """List-Id, List-Unsubscribe and the other RFC 2369/2919 headers; one copy per subscriber."""
    chat.subscribe(LENA)
    opened(chat, "P0")
    copy = one(chat.sent, LENA)
    assert copy.headers["to"] == LENA
    assert {"list-id", "list-unsubscribe", "list-help", "list-post", "precedence", "auto-submitted"} <= set(
        copy.headers
    )
    assert copy.mail_from.startswith("issues+")


@pytest.mark.parametrize("word", ["help", "template", "process"])
def test_questions_to_the_service_are_answered(chat: Chat, word: str) -> None:
    """`help`, `template`, `process`: words that work in any mail."""
    assert len(one(chat.sends(BOB, word), BOB).text) > 200
    assert one(chat.sends(LENA, "", subject=word.upper()), LENA)
    assert chat.app.store.open_issues() == ()


def test_list_and_status_are_for_internal_people_who_proved_who_they_are(chat: Chat) -> None:
    """`list`, others' `status`: internal + (E1 or E2); E0: sent to the stored address only after confirm."""
    opened(chat, "P1")
    asked = one(chat.sends(LENA, "list"), LENA)
    assert "Checkout" not in asked.text
    assert "Checkout is blank" in one(chat.answers(asked, "yes"), LENA).text
    helped = one(chat.sends(LENA, "help"), LENA)
    assert "Checkout is blank" in one(chat.answers(helped, "status #1"), LENA).text


def test_several_commands_in_one_mail_are_all_done_or_none(chat: Chat) -> None:
    """Several commands in one mail: all are done or none is, and one reply lists the result of each."""
    triage, _ = opened(chat, "P1")
    out = chat.answers(triage, f"agree\nnext update in 9 hours\nowner {ANNA}")
    assert chat.issue(1).state is State.TRIAGE
    assert len(to(out, SARA)) == 1
    assert to(out, ANNA) == []
    chat.answers(triage, f"agree\nnext update in 2 hours\nowner {ANNA}")
    assert (chat.issue(1).state, chat.issue(1).owner) == (State.OPEN, ANNA)


def test_a_near_miss_gets_one_clear_reply_and_prose_is_never_scolded(chat: Chat) -> None:
    """A near-miss (`unsubscibe`) that is the whole new text gets one clear reply that says what would work."""
    assert "unsubscribe" in one(chat.sends(LENA, "unsubscibe"), LENA).text
    assert chat.app.store.open_issues() == ()


def test_quotes_and_signatures_hold_no_commands(chat: Chat) -> None:
    """Neither quote, signature nor forwarded block holds commands."""
    triage, _ = opened(chat, "P1")
    chat.answers(triage, "I need a minute.\n\n-- \nSara\nagree", quote=True)
    assert chat.issue(1).state is State.TRIAGE
    chat.answers(triage, "agree", quote=True)
    assert chat.issue(1).state is State.OPEN


# --- faults ----------------------------------------------------------------------------------------------------------


def test_strangers_are_held_and_not_answered(chat: Chat) -> None:
    """Not admitted: held; no reply. The operator has them in a list, once a day (test_stories_held.py)."""
    out = chat.sends(EVE, COMPLETE.format(priority="P2"), subject="Hello")
    out += chat.sends(EVE, COMPLETE.format(priority="P2"), subject="Hello again")
    assert out == []
    assert len(chat.held()) == 2


def test_the_same_mail_twice_is_one_issue(chat: Chat) -> None:
    """I6: duplicate = same (Message-ID, From address, Date); linked to the issue, no new mail."""
    raw = chat.writes(BOB, COMPLETE.format(priority="P2"), subject="Twice")
    chat.append(raw)
    assert len(chat.settle()) == 2
    chat.append(raw)
    assert chat.settle() == []
    assert chat.inbox()[-1] == ("silent", "duplicate of 1")


def test_an_out_of_office_answer_is_silent(chat: Chat) -> None:
    """L2: no issue, no reply."""
    chat.subscribe(LENA)
    opened(chat, "P0")
    copy = one(chat.sent, LENA)
    assert chat.answers(copy, "I am away until Monday.", headers={"Auto-Submitted": "auto-replied"}) == []
    assert chat.inbox()[-1][0] == "silent"


def test_a_reaction_and_a_read_receipt_are_recorded_in_silence(chat: Chat) -> None:
    """Answers to invites (Accepted, Declined), read receipts and emoji reactions are recorded in silence."""
    triage, _ = opened(chat, "P1")
    raw = chat.writes(SARA, "", answering=triage).replace(b"text/plain", b"message/disposition-notification")
    chat.append(raw)
    assert chat.settle() == []
    assert chat.inbox()[-1] == ("silent", "read receipt")


def test_mail_that_programs_wrote_is_held(chat: Chat) -> None:
    """A14: auto-generated mail from unlisted senders is held; 0 mails out but the operator's."""
    out = chat.sends(
        BOB, "Your code is 123456", subject="Verify your account", headers={"Auto-Submitted": "auto-generated"}
    )
    out += chat.sends(BOB, "Big sale", subject="News", headers={"List-Id": "<news.shop.example>", "Precedence": "bulk"})
    assert {m.to for m in out} == {OPS}
    assert len(chat.held()) == 2


def test_a_mail_that_breaks_us_is_held_and_the_next_goes_through(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail that cannot be handled is parked as `held` with its raw bytes and reason, the operator is told once,
    and the mail behind it goes through."""
    from triagemail.mail import reading

    real = reading.read

    def breaks(mail: object, *rest: object) -> object:
        if "poison" in mail.subject:  # type: ignore[attr-defined]
            raise RuntimeError("boom")
        return real(mail, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "read", breaks)
    chat.append(chat.writes(BOB, "bad", subject="poison"))
    chat.append(chat.writes(BOB, "bad", subject="poison two"))
    out = chat.sends(BOB, COMPLETE.format(priority="P2"), subject="Good")
    assert [m.to for m in to(out, OPS)] == [OPS]
    assert chat.held() == ["RuntimeError: boom"] * 2
    assert chat.issue(1).headline == "Good"


def test_two_robots_that_answer_each_other_stop(chat: Chat) -> None:
    """L1, R7: "<= 10 mails to any address" a day, also where nobody vouches for anybody; what it writes is kept."""
    out = [
        mail
        for n in range(25)
        for mail in chat.sends(BOB, f"Thank you for your mail number {n}.", subject=f"Ticket {n} received")
    ]
    assert len(to(out, BOB)) == 10
    assert len(chat.app.store.open_issues()) == 25
    chat.after(days=1, minutes=1, step=timedelta())  # its reminders use up that day's
    chat.after(days=1, minutes=1, step=timedelta())
    assert len(to(chat.sends(BOB, "a real question", subject="Search is odd"), BOB)) == 1


def test_a_token_of_another_person_gives_no_power(chat: Chat) -> None:
    """A9: token names a person; other From: comment at most, never authority."""
    triage, _ = opened(chat, "P1")
    out = chat.answers(triage, "agree", author=LENA)
    assert chat.issue(1).state is State.TRIAGE
    assert to(out, BOB) == []
    again = chat.answers(triage, "agree", author=CARL)
    assert chat.issue(1).state is State.TRIAGE
    assert [m.to for m in again] == [CARL]


def test_a_triagers_fresh_mail_is_confirmed_by_a_plain_reply(chat: Chat) -> None:
    """E0: confirm to the stored address of that role holder, frozen action."""
    opened(chat, "P1")
    asked = one(chat.sends(SARA, "agree #1"), SARA)
    assert chat.issue(1).state is State.TRIAGE
    chat.answers(asked, "yes, do it")
    assert chat.issue(1).state is State.OPEN


def test_the_number_alone_never_threads(chat: Chat) -> None:
    """A8: guessed issue number in Subject: number alone never threads with authority."""
    opened(chat, "P1")
    before = chat.journal(1)
    chat.sends(LENA, "what about this one", subject="Re: [#1] Checkout is blank")
    assert chat.journal(1) == before


def test_a_reply_is_found_by_message_id_when_the_client_drops_the_plus_address(chat: Chat) -> None:
    """A reply finds its issue by token, then by Message-IDs seen; clients that drop Reply-To still thread by
    References."""
    triage, _ = opened(chat, "P1")
    raw = chat.writes(SARA, "agree", answering=triage).replace(triage.reply_to.encode(), ISSUES.encode())
    chat.append(raw)
    chat.settle()
    assert chat.issue(1).state is State.OPEN


def members(chat: Chat) -> list[str]:
    from triagemail.store import audience

    return [member.address for member in audience.members(chat.app.store)]
