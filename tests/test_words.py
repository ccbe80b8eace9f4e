"""The table of words, and how words are compared."""

from __future__ import annotations

import pytest
from texts import TABLE, WORDS

from triagemail.mail.words import distance, is_closing, is_greeting, parse_words, uncourteous


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('mine = ["mine"]', "mine = []", r"\[commands\] mine"),
        ('mine = ["mine"]', 'mine = "mine"', r"\[commands\] mine"),
        ('mine = "mine"', "", "mine: a command has its words"),
        ('in = ["in"]', "", r"\[shapes\]"),
        ('in = ["in"]', 'in = ["in"]\non = ["on"]', r"\[shapes\]"),
        ("[near]", "[nearly]", "near, nearly"),
        ('"an hour" = 60', '"an hour" = "60"', r"\[spans\] an hour"),
        ("[near]", "[near", "Expected"),
        ('until = ["until", "till", "til"]', "", r"\[shapes\]"),
        ("may = 5", "may = 13", r"\[months\] may"),
        ("may = 5", "may = 0", r"\[months\] may"),
        ('behalf = ["reported by"', 'behalve = ["reported by"', r"\[report\]"),
    ],
)
def test_a_broken_table_is_told(old: str, new: str, told: str) -> None:
    """The table names what is wrong with it; it is read at start, never in the middle of a mail."""
    assert old in TABLE
    with pytest.raises(ValueError, match=told):
        parse_words(TABLE.replace(old, new, 1))


def test_no_real_command_is_near_another() -> None:
    """A command is never taken for a slip of another."""
    for known, key in WORDS.near.items():
        others = [
            other for other, its in WORDS.near.items() if its != key and len(known) > 4 and distance(known, other) <= 1
        ]
        assert not others, known


@pytest.mark.parametrize(
    ("one", "other", "slips"),
    [
        ("", "", 0), ("abc", "abc", 0), ("abc", "acb", 1), ("agree", "agre", 1), ("list", "", 4), ("ab", "ba", 1),
        ("status", "stauts", 1), ("kitten", "sitting", 3),
    ],
)  # fmt: skip
def test_distance(one: str, other: str, slips: int) -> None:
    """A swap of two neighbours is one slip of the fingers (Damerau-Levenshtein)."""
    assert distance(one, other) == distance(other, one) == slips


@pytest.mark.parametrize(
    ("line", "greeting", "closing"),
    [
        ("Hi,", True, False), ("Hello team", True, False), ("hi all!", True, False),
        ("Dear Sara Miller,", True, False), ("Guten Tag", True, False), ("Hi Sara", True, False),
        ("Hi, the site is down", False, False), ("Hello shop is broken", False, False), ("Hi down!", False, False),
        ("Thanks!", False, True), ("Best, Bob", False, True), ("Viele Grüße", False, True),
        ("thank you very much", False, True), ("Thanks Bob Miller", False, True),
        ("Thanks, Best regards", False, True), ("Thanks, it works", False, False), ("Best of all", False, False),
        ("agree", False, False), ("", False, False),
    ],
)  # fmt: skip
def test_courtesy(line: str, greeting: bool, closing: bool) -> None:
    """Courtesy is a whole line of it, with at most a name."""
    assert (is_greeting(line, WORDS), is_closing(line, WORDS)) == (greeting, closing)


def test_a_closing_takes_its_names_along() -> None:
    """The name, the role and the company below a closing belong to it; a sentence does not."""
    assert uncourteous(["Hi,", "", "x", "", "Thanks", "", "Bob Miller", "ACME Support"], WORDS) == ["x"]
    assert uncourteous(["x", "Thanks", "Bob: No"], WORDS) == ["x", "Thanks", "Bob: No"]
    assert uncourteous(["x", "Thanks", "it fails again on the phone, too"], WORDS) == [
        "x",
        "Thanks",
        "it fails again on the phone, too",
    ]
