"""Mail that a company's Google Group passes on (config `mail.groups`; trust.md 3.2)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chat import BOB, COMPLETE, ISSUES, OPS, SARA, Chat, one, talk_directly, to

from triagemail.mail import groups, mime
from triagemail.mail.mime import ParsedMail

BUGS = "bugs@acme.example"
VIA = "'Bob Roe' via Bugs <bugs@acme.example>"
PASSED = {"List-ID": "Bugs <bugs.acme.example>", "X-Original-Sender": BOB, "Precedence": "list"}


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Chat]:
    with talk_directly(tmp_path, mail={"groups": (BUGS,)}) as company:
        yield company


def test_a_report_through_a_group_is_by_its_author(chat: Chat) -> None:
    """That List-Id and exactly one X-Original-Sender is by that person, at most E0: opened UNVERIFIED, answered to
    them."""
    out = chat.sends(VIA, COMPLETE.format(priority="P0"), subject="Checkout is blank", headers=PASSED)
    assert chat.issue(1).reporter == BOB
    assert chat.issue(1).unverified
    assert one(out, SARA, "[#1]")
    chat.answers(one(out, BOB), "yes")
    assert not chat.issue(1).unverified


def test_a_group_at_our_own_address(tmp_path: Path) -> None:
    """Checked before our own-address rule: the group may have the very address that people report to."""
    own = {"List-ID": "<issues.acme.example>", "X-Original-Sender": BOB}
    with talk_directly(tmp_path, mail={"groups": (ISSUES,)}) as chat:
        out = chat.sends(f"Bob via Issues <{ISSUES}>", "The shop is slow.", subject="Shop is slow", headers=own)
        assert one(out, BOB)
        assert chat.sends(ISSUES, "The shop is slow.", subject="Shop is slow") == []
        assert chat.inbox()[-1] == ("silent", "own: from ourselves")


def test_a_token_in_it_proves_nothing(chat: Chat) -> None:
    """At most E0: somebody in the group may have got the mail with the token and put another name on it."""
    triage = one(chat.sends(BOB, COMPLETE.format(priority="P1"), subject="Checkout is blank"), SARA, "[#1]")
    sent = {**PASSED, "X-Original-Sender": SARA}
    chat.sends(VIA, "agree", answering=triage, headers=sent)
    assert chat.issue(1).decided_by == ""
    chat.sends(SARA, "agree", answering=triage, headers=sent)
    assert chat.issue(1).decided_by == ""
    chat.answers(triage, "agree")
    assert chat.issue(1).decided_by == SARA


def test_a_providers_word_about_the_group_is_none_about_the_author(tmp_path: Path) -> None:
    """At most E0: the provider vouches for the group that wrote itself into From, not for whom it names."""
    home = {"profile": "own", "trusted_authserv_id": ("mx.acme.example",), "trusted_received_by": ("mx.acme.example",)}
    said = {**PASSED, "Authentication-Results": "mx.acme.example; dmarc=pass header.from=acme.example"}
    with talk_directly(tmp_path, mail={"groups": (BUGS,)}, auth=home) as chat:
        chat.sends(VIA, COMPLETE.format(priority="P0"), subject="Checkout is blank", headers=said)
        assert chat.issue(1).unverified
        chat.sends(BOB, COMPLETE.format(priority="P0"), subject="Cart is blank", headers=said)
        assert chat.issue(2).unverified
        own = {"Authentication-Results": said["Authentication-Results"]}
        chat.sends(BOB, COMPLETE.format(priority="P0"), subject="Search is blank", headers=own)
        assert not chat.issue(3).unverified


def test_the_direct_copy_and_that_of_the_group_are_one(chat: Chat) -> None:
    """The same mail twice (list copy) is a recorded duplicate (trust.md I6), although its From was written anew."""
    raw = chat.writes(BOB, "The shop is slow.", subject="Shop is slow")
    copy = raw.replace(f"From: {BOB}".encode(), f"From: {VIA}".encode())
    chat.append(raw)
    chat.append(b"".join(f"{name}: {value}\r\n".encode() for name, value in PASSED.items()) + copy)
    chat.settle()
    assert chat.inbox()[-1] == ("silent", "duplicate of 1")


NOT_PASSED = {
    "another list": {**PASSED, "List-ID": "<else.acme.example>"},
    "no List-Id": {"X-Original-Sender": BOB},
    "a list with a longer name": {**PASSED, "List-ID": "<x.bugs.acme.example>"},
    "nobody named": {"List-ID": PASSED["List-ID"]},
    "not an address": {**PASSED, "X-Original-Sender": "Bob"},
    "two addresses": {**PASSED, "X-Original-Sender": f"{BOB}, {SARA}"},
    "the group itself": {**PASSED, "X-Original-Sender": BUGS},
}


@pytest.mark.parametrize("headers", NOT_PASSED.values(), ids=NOT_PASSED)
def test_in_doubt_nobody_is_taken_for_another(chat: Chat, headers: dict[str, str]) -> None:
    """Exactly one author, and exactly that list; nothing else gives anybody's name to a mail."""
    found = mime.parse(chat.writes(VIA, "The shop is slow.", subject="Shop is slow", headers=headers))
    assert groups.original(found, (BUGS,)) is None


def passed(more: str, author: str = VIA) -> ParsedMail | None:
    head = f"From: {author}\nTo: {BUGS}\nSubject: x\nList-ID: <bugs.acme.example>\n{more}"
    return groups.original(mime.parse(f"{head}\nMessage-ID: <1@x.example>\n\nhi\n".encode()), (BUGS,))


def test_two_names_are_none() -> None:
    """Exactly one X-Original-Sender, one From, one List-Id."""
    named = f"X-Original-Sender: {BOB}"
    assert passed(named) is not None
    assert passed(f"{named}\nX-Original-Sender: {SARA}") is None
    assert passed(f"{named}\n{named}") is None
    assert passed(f"{named}\nFrom: {BUGS}") is None
    assert passed(f"{named}\nList-ID: <bugs.acme.example>") is None


def test_another_from_stays(chat: Chat) -> None:
    """A From that is neither the group nor the person named is what it says: no field can put another name on it."""
    assert passed(f"X-Original-Sender: {SARA}", "Eve <eve@else.example>") is None
    same = passed(f"X-Original-Sender: {BOB}", f"Bob Roe <{BOB}>")
    assert same is not None
    assert same.from_ is not None
    assert (same.from_.address, same.from_.name) == (BOB, "Bob Roe")


def test_an_absence_note_through_a_group_is_silent(chat: Chat) -> None:
    """A robot stays a robot, whoever passes its mail on."""
    away = {**PASSED, "Auto-Submitted": "auto-replied"}
    assert to(chat.sends(VIA, "I am away.", subject="Away", headers=away), OPS) == []
    assert chat.inbox()[-1][0] == "silent"
