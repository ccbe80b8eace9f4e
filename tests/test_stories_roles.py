"""What each person on an issue hears and is answered, where somebody else on it has done something meanwhile. Each
docstring is the sentence of process.md that the story plays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chat import ANNA, BOB, CARL, COMPLETE, LENA, SARA, VERA, VICTOR, Chat, one, opened, talk_directly, to

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


def test_who_was_asked_and_is_late_hears_who_is_asked_now(tmp_path: Path) -> None:
    """Who rules answers `P1 because …` (never `agree`: with whom?); a chain of addresses, each with a time limit, then
    the next."""
    with talk_directly(tmp_path, dispute={"policy": "hierarchy"}, **CHAIN) as chat:
        triage, received = opened(chat, "P1")
        chat.answers(triage, "P3 because only one browser is affected")
        asked = one(chat.answers(received, "dispute: all of them are"), VERA)
        assert "with whom?" in one(chat.answers(asked, "agree"), VERA).text
        chat.after(minutes=31)
        for late in ("P1 because Bob is right", "agree"):
            text = one(chat.answers(asked, late), VERA).text
            assert f"in dispute, and {VICTOR} was" in text
            assert "only a triager" not in text
        assert "only a triager" in one(chat.answers(asked, "owner anna@acme.example"), VERA).text


def test_a_dispute_says_when_its_result_comes(tmp_path: Path) -> None:
    """Every step has a deadline; when the last lapses the decision stands. So of a chain only its last step has a
    result by its end."""
    with talk_directly(tmp_path, dispute={"policy": "hierarchy"}, **CHAIN) as chat:
        triage, received = opened(chat, "P1")
        chat.answers(triage, "P3 because only one browser is affected")
        wordless = one(chat.answers(received, "dispute"), BOB)
        assert '"dispute: nobody can pay"' in wordless.text
        told = one(chat.answers(received, "dispute: all of them are"), BOB).text
        assert "the next one is asked" in " ".join(told.split())
        assert "You hear the result by" not in told


def test_a_game_asks_its_players_to_throw(tmp_path: Path) -> None:
    """`rock-paper-scissors`: both mail `rock`, `paper` or `scissors`."""
    with talk_directly(tmp_path, dispute={"policy": "rock-paper-scissors"}) as chat:
        triage, received = opened(chat, "P1")
        chat.answers(triage, "P3 because only one browser is affected")
        told = to(chat.answers(received, "dispute: all of them are"), BOB)[-1].text
        assert "Please throw" in told
        assert f"to {BOB}" not in told
        other = one(chat.answers(triage, "P2 because of mercy"), SARA).text
        assert '"rock", "paper" or "scissors"' in " ".join(other.split())


def test_a_reason_that_is_missing_is_asked_for_with_an_example_that_fits(chat: Chat) -> None:
    """Another priority needs a reason (asked for if missing)."""
    triage, _ = opened(chat, "P2")
    assert '"P0 because nobody can pay"' in one(chat.answers(triage, "P0"), SARA).text
    assert '"P3 because there is a workaround"' in one(chat.answers(triage, "P3"), SARA).text


def test_a_receipt_says_whose_an_issue_without_an_owner_is(chat: Chat) -> None:
    """Until one is named, the triager on duty counts as owner: who hands the duty over and decides all the same is told
    who that is."""
    triage, received = opened(chat, "P2")
    asked = one(chat.answers(received, "P1 because more customers call"), SARA)
    chat.answers(asked, "duty carl@acme.example")
    told = one(chat.answers(asked, "agree"), SARA, "[#1]").text
    assert f"it counts as that of {CARL}" in " ".join(told.split())
    later = one(chat.answers(triage, "headline: Nobody can pay", author=SARA), SARA, "[#1]").text
    assert "counts as yours" not in later


def test_who_reported_a_p0_hears_how_to_reopen_it(chat: Chat) -> None:
    """The reporter always hears when their issue is closed. `reopen: why` works for the configured time."""
    triage, received = opened(chat, "P0")
    closed = one(chat.answers(triage, "resolve: A new disk."), BOB, "RESOLVED")
    assert '"reopen: why"' in closed.text
    heard = one(chat.answers(closed, "The checkout is still blank!"), SARA)
    assert '"reopen: …"' in heard.text
    assert "It ends when" not in heard.text
    assert one(chat.answers(closed, "reopen: still blank"), BOB, "REOPENED")
    assert '"reopen: …"' not in one(chat.answers(received, "Now it works"), SARA).text


def test_what_comes_too_late_says_what_would_work(chat: Chat) -> None:
    """A forbidden command gets one clear reply that says what would work."""
    triage, received = opened(chat, "P2")
    chat.answers(triage, "resolve: A new disk.")
    assert '"reopen: why"' in one(chat.answers(received, "P1"), BOB).text
    assert '"reopen: why"' not in one(chat.answers(triage, "resolve: A new disk."), SARA).text
    chat.answers(triage, "reopen: not yet")
    chat.answers(triage, "decline: it works as designed")
    assert '"dispute: why"' in one(chat.answers(received, "P1"), BOB).text


def test_the_triager_hears_that_a_second_p0_waits_to_be_announced(chat: Chat) -> None:
    """While a P0 announced in the last 60 minutes is open, a new P0 goes to the triager at once but is announced only
    when the triager answers."""
    opened(chat, "P0", "Website is down")
    out = chat.sends(ANNA, COMPLETE.format(priority="P0"), subject="Nobody can order")
    asked = one(out, SARA, "[#2]")
    text = " ".join(asked.text.split())
    assert "It is not announced yet: #1, a P0, is open since" in text
    assert text.count('"duplicate #1"') == 1
    assert to(out, LENA) == []
    assert one(chat.answers(asked, "agree"), LENA, "NOBODY CAN ORDER")
    assert "not announced yet" not in one(chat.sends(ANNA, COMPLETE.format(priority="P1"), subject="Slow"), SARA).text


@pytest.mark.parametrize("end", ["feature", "decline: it is a test"])
def test_the_last_word_names_the_priority_that_the_list_heard(chat: Chat, end: str) -> None:
    """Raising is a new decision; after an announcement a last broadcast ends its updates: under the same priority."""
    triage, received = opened(chat, "P3")
    chat.answers(triage, "agree")
    raised = chat.answers(received, "P0 because nobody can pay")
    assert one(raised, LENA, "PRIORITY 0 ISSUE: ")
    last = one(chat.answers(one(raised, SARA, "[#"), end), LENA)
    assert last.subject.startswith("PRIORITY 0 ISSUE ")
    assert "P3" not in last.text


def test_a_reporter_who_mutes_their_issue_hears_what_still_comes(chat: Chat) -> None:
    """Role holder unsubscribes from P0: allowed for the list, their mails go on and the reply says so (trust.md U7);
    the reporter always hears when their issue is closed."""
    triage, received = opened(chat, "P0")
    told = one(chat.answers(received, "unsubscribe #1"), BOB).text
    assert "Mails about issues that you reported" in told
    assert one(chat.answers(triage, "resolve: A new disk."), BOB, "RESOLVED")
    assert "that you reported" not in one(chat.answers(received, "subscribe"), BOB).text


@pytest.mark.parametrize("who", [BOB, SARA])
def test_new_facts_wait_for_no_dispute(tmp_path: Path, who: str) -> None:
    """ "Unless `P0 because …` names new facts": that stands above a ruling, and so above a dispute that still runs; it
    is a new decision, with which the old one's dispute is over."""
    with talk_directly(tmp_path, dispute={"policy": "hierarchy"}, **CHAIN) as chat:
        triage, received = opened(chat, "P2")
        chat.answers(triage, "P3 because only one browser is affected")
        asked = one(chat.answers(received, "dispute: all of them are"), VERA)
        mine = triage if who == SARA else received
        assert "in dispute" in one(chat.answers(mine, "P1 because it spreads"), who).text
        out = chat.answers(mine, "P0 because all shops are down now")
        issue = chat.issue(1)
        assert issue.dispute is None
        if who == SARA:
            assert issue.priority == 0
            assert "PRIORITY 0 ISSUE" in one(out, BOB, "PRIORITY 0").subject
        else:
            chat.answers(one(out, SARA, "[#1]"), "agree")
        assert "in dispute" not in one(chat.answers(asked, "P1 because Bob is right"), VERA).text
        assert chat.issue(1).priority == 0


@pytest.mark.parametrize(
    ("said", "priority"),
    [
        ("I'd say P2", 2), ("It should be P1.", 1), ("its a P3", 3), ("Probably P1!", 1), ("Ich denke P2", 2),
        ("P1 or P2, you decide", None), ("Is it a P1?", None), ("Not a P0", None),
        ("We had the same trouble after the P1 in May", None),
    ],
)  # fmt: skip
def test_a_few_words_that_name_the_priority_pick_it(chat: Chat, said: str, priority: int | None) -> None:
    """The reporter MUST pick the priority; "in doubt there is none": who was asked for it and names one, in however
    human words, is not asked again."""
    asked = one(chat.sends(BOB, "\n".join(COMPLETE.splitlines()[:4]), subject="Checkout is blank"), BOB)
    chat.answers(asked, said)
    assert chat.issue(1).reported == priority
    assert not any(said in text for text in chat.issue(1).answers.values()) or priority is None


@pytest.mark.parametrize("said", ["P1, ask Ms Meier first", "It is P1, only ACME hit", "P1 call me at 030 1234567"])
def test_what_stands_beside_the_priority_reaches_the_triager(chat: Chat, said: str) -> None:
    """Words that say more than the priority are no priority alone: the triager reads them."""
    asked = one(chat.sends(BOB, "\n".join(COMPLETE.splitlines()[:4]), subject="Checkout is blank"), BOB)
    out = chat.answers(asked, said)
    assert chat.issue(1).reported == 1
    assert said in " ".join(one(out, SARA, "[#1]").text.split())


PASTED = "The customer says:\n> It fails since nine, in every browser.\n> agree\n> Kind regards, Ms Customer"


def test_what_a_reporter_pastes_with_quote_marks_reaches_the_triager(chat: Chat) -> None:
    """ "New text is what does not stand in the mail of ours": a customer's words, pasted with `> ` into an answer,
    stand in the report of a draft and in the comment on an issue, and command nothing."""
    asked = one(chat.sends(BOB, "Checkout is blank\nPriority: P1", subject="Checkout is blank"), BOB)
    chat.answers(asked, PASTED, quote=True)
    assert "It fails since nine" in chat.issue(1).answers["what"]
    triage, _ = opened(chat, "P1", "Invoices are late")
    decided = one(chat.answers(triage, "agree"), BOB, "[#2]")
    told = one(chat.answers(decided, PASTED, quote=True), SARA)
    assert "It fails since nine, in every browser." in told.text
    assert "The customer says:" in told.text


def test_a_complaint_passed_on_about_an_open_issue_reaches_who_is_in_charge(chat: Chat) -> None:
    """The rest of a reply is a comment that travels, and so is what it passes on."""
    triage, _ = opened(chat, "P1", "Invoices are late")
    decided = one(chat.answers(triage, "agree"), BOB, "[#1]")
    passed_on = "---------- Forwarded message ---------\nFrom: Cust <c@cust.example>\n\nNothing came yet."
    told = one(chat.answers(decided, f"See below.\n\n{passed_on}", quote=True), SARA)
    assert "See below." in told.text
    assert "Nothing came yet." in told.text


@pytest.mark.parametrize("us", ["issues@acme.example", "updates@acme.example"])
def test_our_own_mailbox_owns_nothing(chat: Chat, us: str) -> None:
    """**owner** "gets the whole issue and answers": a mailbox of ours would mail itself."""
    triage, _ = opened(chat, "P1")
    decided = one(chat.answers(triage, "agree"), SARA, "[#1]")
    assert f"{us} is this service itself" in one(chat.answers(decided, f"owner {us}"), SARA).text
    assert chat.issue(1).owner == ""


@pytest.mark.parametrize("commands", ["P1\nsubscribe", "subscribe P0", "language English\nP1", "status"])
def test_what_stands_beside_a_command_reaches_the_triager(chat: Chat, commands: str) -> None:
    """Free text of a reporter is added to the first answer of a draft, also where a mail commands something else: the
    log of a draft is read by nobody."""
    asked = one(chat.sends(BOB, "Checkout is blank", subject="Checkout is blank"), BOB)
    chat.answers(asked, f"{commands}\n\nOnly the Berlin warehouse is hit.")
    assert "Only the Berlin warehouse is hit." in chat.issue(1).answers["what"]
