"""Conversations in mail programs: "Mails to one person about one issue keep one subject (`[#42] Website is down`) and
thread everywhere; broadcasts share References, and where a client groups by subject each kind forms its own
conversation, on purpose." The rules of the mail programs are those that docs/mails.md names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from chat import ANNA, BOB, LENA, SARA, Chat, Out, opened, talk_directly, to

PREFIX = re.compile(r"^(?:(?:re|fwd?|aw|antw|sv|tr)\s*:\s*)+", re.IGNORECASE)
Groups = Callable[[Sequence[Out]], list[set[int]]]


def base(mail: Out) -> str:
    """The subject without what answering puts before it (RFC 5256 2.1, its simple part)."""
    return PREFIX.sub("", mail.subject).strip().lower()


def names(mail: Out) -> set[str]:
    """Every Message-ID that a mail shows: its own and those that it refers to."""
    return {each for field in ("Message-ID", "In-Reply-To", "References") for each in ids(mail, field)}


def ids(mail: Out, field: str) -> list[str]:
    return mail.headers.get(field.lower(), "").split()


def joined(mails: Sequence[Out], alike: Callable[[Out, Out], bool]) -> list[set[int]]:
    """The conversations, as sets of places in `mails`, where two mails that are alike are in one."""
    found: list[set[int]] = []
    for place, mail in enumerate(mails):
        near = [group for group in found if any(alike(mails[other], mail) for other in group)]
        found = [group for group in found if group not in near] + [{place}.union(*near)]
    return found


def by_references(mails: Sequence[Out]) -> list[set[int]]:
    """Apple Mail, Thunderbird, mutt: whatever refers to the same mail, whether that ever came or not."""
    return joined(mails, lambda one, other: bool(names(one) & names(other)))


def by_subject(mails: Sequence[Out]) -> list[set[int]]:
    """Outlook where a mail has no Thread-Index: the subject is the conversation."""
    return joined(mails, lambda one, other: base(one) == base(other))


def by_both(mails: Sequence[Out]) -> list[set[int]]:
    """Gmail since 2019: the same subject, and References that name a mail of it or consistently the same one."""
    return joined(mails, lambda one, other: base(one) == base(other) and bool(names(one) & names(other)))


def a_story(chat: Chat, priority: str) -> None:
    """From a report to its end, by everybody who has a part in it."""
    triage, received = opened(chat, priority, subject="Website is down")
    chat.answers(received, "It is still blank for me.", quote=True)
    chat.answers(triage, f"agree\nowner {ANNA}")
    chat.after(minutes=31)
    chat.answers(triage, "update: The certificate expired. We install a new one.")
    chat.answers(triage, "resolve: The new one is in place.")


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Chat]:
    """Two issues with the same words, one after the other."""
    with talk_directly(tmp_path) as chat:
        chat.subscribe(LENA)
        a_story(chat, "P0")
        a_story(chat, "P0")
        yield chat


def numbers(mails: Sequence[Out], groups: list[set[int]]) -> list[set[str]]:
    """The issues whose mails stand in each conversation."""
    return [
        {number for place in group for number in re.findall(r"\[#(\d+)\]", mails[place].subject)} for group in groups
    ]


@pytest.mark.parametrize("rule", [by_both, by_subject, by_references])
@pytest.mark.parametrize("who", [BOB, SARA, ANNA])
def test_mails_to_one_person_about_one_issue_are_one_conversation(chat: Chat, who: str, rule: Groups) -> None:
    """ "Mails to one person about one issue keep one subject and thread everywhere", in each mail program; two issues
    with the same words stay apart."""
    mails = to(chat.sent, who, "[#")
    groups = rule(mails)
    assert numbers(mails, groups) == [{"1"}, {"2"}]
    assert min(map(len, groups)) >= (3 if who == BOB else 2)
    assert len({base(mail) for mail in mails}) == 2


def test_broadcasts_share_references_and_each_kind_has_its_subject(chat: Chat) -> None:
    """ "Broadcasts share References, and where a client groups by subject each kind forms its own conversation, on
    purpose"."""
    mails = to(chat.sent, LENA, "PRIORITY 0")
    kinds = [re.sub(r":.*", "", mail.subject) for mail in mails[: len(mails) // 2]]
    assert {"PRIORITY 0 ISSUE", "PRIORITY 0 ISSUE UPDATE", "PRIORITY 0 ISSUE RESOLVED"} == set(kinds)
    assert len(by_references(mails)) == 2, "an issue each"
    assert len(by_both(mails)) == 2 * len(set(kinds)), "a kind of each issue"


def test_who_hears_both_has_the_broadcasts_apart(chat: Chat) -> None:
    """Reporter, owner and triager "hear them as if subscribed": what is said to them stays apart from what is said to
    everybody, in every mail program."""
    mails = [mail for mail in chat.sent if mail.to == BOB and ("[#" in mail.subject or "PRIORITY 0" in mail.subject)]
    assert numbers(mails, by_references(mails)) == [{"1"}, set(), {"2"}, set()]


def test_each_mail_of_an_issue_names_one_root(chat: Chat) -> None:
    """Gmail's words for who sends such mails: "references headers that consistently refer to the same message ID"; an
    answer also names the mail that it answers, last, as RFC 5322 3.6.4 wants it."""
    mails = [mail for mail in chat.sent if "[#1]" in mail.subject]
    assert len({ids(mail, "References")[0] for mail in mails}) == 1
    answers = [mail for mail in mails if ids(mail, "In-Reply-To")]
    assert len(answers) >= 4
    for mail in answers:
        assert ids(mail, "References")[-1] == ids(mail, "In-Reply-To")[0]


def test_the_rules_see_what_they_look_for() -> None:
    """A test that cannot fail is a defect: other subjects, other references, and a mail that joins two."""

    def mail(subject: str, own: str, *refers: str) -> Out:
        return Out("", "", b"", subject, "", "", "", f"<{own}>", {
            "message-id": f"<{own}>", "references": " ".join(f"<{each}>" for each in refers)
        })  # fmt: skip

    mails = [mail("[#1] A", "a", "x"), mail("Re: [#1] A", "b", "y"), mail("B", "c", "x", "y")]
    assert by_references(mails) == [{0, 1, 2}]
    assert by_subject(mails) == [{0, 1}, {2}]
    assert by_both(mails) == [{0}, {1}, {2}]
