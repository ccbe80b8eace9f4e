"""The priority that a reporter picks, and the headline of a report (process.md 2)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import WORDS, report_of

from triagemail.mail.priority import pick
from triagemail.mail.words import read_subject
from triagemail.process.model import Priority

P0, P1, P2, P3 = Priority

# --- answer 5 and the subject ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "priority"),
    [
        ("P0", P0), ("p1", P1), ("prio 1", P1), ("1", P1), ("Priority: 0", P0), ("PRIORITY P2", P2), ("prio1", P1),
        ("P2!!", P2), ("P1 because customers cannot pay", P1), ("P2 - there is a workaround", P2),
        ("1 - today please", P1), ("2 (workaround)", P2), ("P1: today, before your planned work", P1), ("3.", P3),
        ("P3, when you get to it", P3), ("1 because of the fair", P1), ("I think P1", P1),
        ("this is a P1 for us", P1), ("P1 because P0 would be too much", P1), ("P1 - 3 customers are down", P1),
        ("[ ] P0\n[x] P1\n[ ] P2", P1), ("( ) P0 (x) P1 ( ) P2 ( ) P3", P1), ("Ｐ１", P1),
        ("\nP1\n\nbecause of ACME", P1), ("P1?", P1), ("P0 or P1?", None), ("P0 P1 P2 P3", None), ("0-3", None),
        ("P0-3", None), ("P0-P3", None), ("0, 1, 2 or 3", None), ("1 or 2", None), ("P0/P1", None),
        ("P1, not P0", None), ("[ ] P0\n[ ] P1", None), ("[x] P0\n[x] P1", None), ("P10", None), ("P4", None),
        ("4", None), ("P0 - drop everything\nP1 - today\nP2 - next sprint\nP3 - an idea", None),
        ("as soon as possible", None), ("URGENT!!!", None), ("drop everything", None), ("high", None),
        ("1 customer", None), ("3 customers are down", None), ("1 hour", None), ("1.5 hours", None),
        ("not a P0", None), ("it is not P0", None), ("last time somebody had said that it was P0", None), ("", None),
        ("no idea", None),
    ],
)  # fmt: skip
def test_the_answer_to_question_five(text: str, priority: Priority | None) -> None:
    """ "This is the priority, and the reporter MUST pick it": one priority counts; two, a range or prose do not."""
    assert pick(text, WORDS) is priority
    assert report_of(f"What type of response do you want from me?\n{text}").priority is priority


def test_an_answer_that_names_no_priority_is_not_lost() -> None:
    """Prose in place of the priority is no priority, and stays readable for the triager."""
    found = report_of("Problem: down\nPriority: please call me at once")
    assert found.priority is None
    assert "priority" not in found.answers
    assert found.rest == "please call me at once"


@pytest.mark.parametrize(
    ("subject", "priority", "headline"),
    [
        ("[P1] Shop down", P1, "Shop down"), ("P0: site down", P0, "site down"), ("p2 - slow", P2, "slow"),
        ("(P1) Shop down", P1, "Shop down"), ("Prio 1: Shop down", P1, "Shop down"),
        ("Priority 0 - Shop down", P0, "Shop down"), ("Shop down [P1]", P1, "Shop down"),
        ("[bugs] P2: x y", P2, "x y"), ("[URGENT P1] Shop down", P1, "Shop down"),
        ("URGENT: P0: Shop down", P0, "Shop down"), ("Re: [P1] Shop down", P1, "Shop down"),
        ("P1 - 3 customers down", P1, "3 customers down"), ("P0", P0, "It fails."),
        ("URGENT: Shop down", None, "URGENT: Shop down"), ("P1 queue is stuck", None, "P1 queue is stuck"),
        ("P0 or P1: Shop down", None, "P0 or P1: Shop down"), ("[P0][P1] Shop down", None, "Shop down"),
        ("Is it [P0]?", None, "Is it [P0]?"), ("Fwd: [P0] Shop down", None, "Shop down"),
        ("WG: P0: Shop down", None, "Shop down"), ("TR: P0 : Shop down", None, "Shop down"),
        ("Re: Fwd: P0: Shop down", None, "Shop down"), ("PRIORITY 0 ISSUE: WEBSITE IS DOWN", None, "WEBSITE IS DOWN"),
        ("PRIORITY 0 ISSUE UPDATE: WEBSITE IS DOWN", None, "WEBSITE IS DOWN"),
        ("Re: PRIORITY 1 REMEDIATION: ROWS", None, "ROWS"), ("[#42] P0: Shop down", None, "Shop down"),
        ("Re: [#42] Website is down", None, "Website is down"),
    ],
)  # fmt: skip
def test_a_priority_in_the_subject(subject: str, priority: Priority | None, headline: str) -> None:
    """ "A priority in the subject (`[P1] …`, `P0: …`; `URGENT` is *not* a priority)"; "no … priority … in a forwarded
    subject counts. A subject of our own form never sets a priority." The headline is free of them (trust.md X9)."""
    found = report_of("It fails.", subject)
    assert found.priority is priority
    assert found.headline == headline
    assert found.answers.get("priority") == (str(priority) if priority is not None else None)


@pytest.mark.parametrize(
    ("text", "subject", "priority"),
    [
        ("Priority: P2\nProblem: x", "[P0] Shop down", P2),
        ("Priority: P0 or P1\nProblem: x", "[P1] Shop down", P1),
        ("P1\n\nShop is down", "[P2] Shop down", P1),
        ("P1 because nobody can pay\n\nShop is down", "Shop down", P1),
        ("P0\nP1\nP2\nP3", "Shop down", None),
        ("the P0 of last week", "Shop down", None),
        ("P0?", "Shop down", None),
        ("$ P0", "Shop down", None),
        ("> P0", "Shop down", None),
    ],
)
def test_the_plainest_pick_wins(text: str, subject: str, priority: Priority | None) -> None:
    """Answer 5 stands before a lone line, that before the subject; a quote and a signature never count."""
    assert report_of(text, subject).priority is priority


def test_a_lone_priority_is_no_answer_one() -> None:
    """A report that is nothing but `P0` is a P0 without answers, told to the triager at once, not one about "P0"."""
    assert report_of("P0").answers == {"priority": "P0"}
    assert report_of("Hi,\nP0\nImpact: all\nThanks").answers == {"affected": "all", "priority": "P0"}


@settings(max_examples=200, deadline=None)
@given(tag=st.sampled_from(["Fwd: ", "WG: ", "PRIORITY 0 ISSUE: ", "[#42] "]), subject=st.text(max_size=100))
def test_no_priority_in_these_subjects(tag: str, subject: str) -> None:
    """ "No … priority … in a forwarded subject counts. A subject of our own form never sets a priority." """
    assert report_of("x", tag + subject).priority is None
    assert read_subject(tag + subject, WORDS).own or read_subject(tag + subject, WORDS).forwarded


# --- the headline ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "  ",
        "help",
        "Problem",
        "URGENT!!!",
        "bug",
        "(no subject)",
        "Re:",
        "Fwd: AW: ",
        "[bugs] issue",
        "P0",
        "Help, urgent problem",
    ],
)
def test_a_subject_that_says_nothing(subject: str) -> None:
    """ "The headline is the subject, or the text's first line where the subject is empty or says nothing." """
    text = "Hi team,\n\n1. What is happening?\nThe checkout is down since nine in the morning for all customers we have"
    assert report_of(text, subject).headline == "The checkout is down since nine in the morning for all customers we"
    assert len(report_of("x" * 300, subject).headline) == 70


@pytest.mark.parametrize(
    ("subject", "headline"),
    [
        ("Re: Fwd: [bugs] [EXTERNAL] Checkout is down ", "Checkout is down"), ("AW: WG: Kasse", "Kasse"),
        ("SV[2]: Re(3): Kassan", "Kassan"), ("Problem with checkout", "Problem with checkout"), ("回复：结帐", "结帐"),
        ("one\r\n two\x0bthree\u2028four", "one two three four"), ("Note: checkout", "Note: checkout"),
        ("\u202eabc\u200b", "abc"), ("=?utf-8?q?x?= y", "= ?utf-8?q?x?= y"),
    ],
)  # fmt: skip
def test_the_headline_is_the_cleaned_subject(subject: str, headline: str) -> None:
    """Prefixes and list tags are no part of the headline; line ends never get into one (trust.md X1)."""
    assert report_of("It fails.", subject).headline == headline


def test_a_headline_without_answer_one() -> None:
    """Where nothing says what happens, the next best answer names the issue; an attachment's mark never does."""
    assert report_of("Impact: nobody can pay", "help").headline == "nobody can pay"
    assert report_of("", "help", attachments=True).headline == "help"
