"""Whole mails, as bytes, to intents: what a word means depends on who says it, where (process.md 2, 3, 6, 9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
from test_every_word import EVERY
from texts import EVIDENCE, WORDS, said

from triagemail import config as configs
from triagemail.mail import mime, reading
from triagemail.mail.reading import Anchor, Context
from triagemail.mail.tokens import Token
from triagemail.process import intents as want
from triagemail.process.intents import Intent
from triagemail.process.model import BandAid, Issue, Kind, Policy, Priority, RunningDispute, State

NOW = datetime(2027, 5, 3, 8, 0, tzinfo=UTC)
SARA, BOB, CAROL = (f"{name}@acme.example" for name in ("sara", "bob", "carol"))  # triager, reporter, somebody else
POLICY: Policy = replace(configs.policy(configs.load(None)), triagers=(SARA,), address="issues@acme.example")
ISSUE = Issue(7, BOB, "Shop down", NOW, State.OPEN, {"what": "down"}, Priority.P1, Priority.P1)
FULL = replace(
    ISSUE,
    state=State.VALIDATING,
    kind=Kind.FEATURE,
    band_aids=(BandAid("restart it", SARA, NOW),),
    disputes=("ruled",),
)  # where every word of ours may mean something


def mail_of(text: str, subject: str = "", *, html: str = "", headers: Mapping[str, str] | None = None) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"], mail["Message-ID"] = BOB, POLICY.address, subject, "<1@client.example>"
    for name, value in (headers or {}).items():
        mail[name] = value
    if html:
        mail.set_content(html, subtype="html")
    else:
        mail.set_content(text)
    return bytes(mail)


def read(
    text: str, subject: str = "", *, by: str = SARA, issue: Issue | None = None, word: str = "", html: str = "",
    token: Token | None = None, sent_at: datetime | None = None,
) -> list[Intent]:  # fmt: skip
    """What a mail of `by` asks for; a reply about `issue`, or to a mail of ours about none (`token`), or neither."""
    context = Context(by, EVIDENCE, 3, issue, sent_at=sent_at)
    mail = mime.parse(mail_of(text, subject, html=html))
    return list(reading.read(mail, Anchor(token, word=word), context, WORDS, POLICY).intents)


def told(found: list[Intent]) -> list[tuple[object, ...]]:
    return [said(intent) for intent in found]


@pytest.mark.parametrize(("text", "expected"), EVERY.items())
def test_every_word_in_a_reply(text: str, expected: tuple[object, ...]) -> None:
    """Each word in a mail as it comes, as plain text and as a mail that has only an HTML part."""
    assert told(read(f"{text}\n", "Re: [#7] Shop down", issue=FULL)) == [expected]
    html = f"<html><body><div>Hi,<br></div><p><b>{text}</b></p><div>Gruß<br>Sara</div></body></html>"
    assert told(read("", "AW: [#7] Shop down", issue=FULL, html=html)) == [expected]
    assert read(text, issue=FULL)[0].issue == 7


@pytest.mark.parametrize("text", EVERY)
def test_no_word_in_a_quote_of_a_mail_of_html(text: str) -> None:
    """ "Neither quote …": Gmail's and Outlook's quotes in a mail that has only an HTML part (trust.md C10)."""
    gmail = (
        f'<div>I see.</div><div class="gmail_quote"><div>On Mon, X wrote:</div><blockquote>{text}</blockquote></div>'
    )
    head = "<b>Von:</b> X<br><b>Gesendet:</b> Montag, 3. Mai 2027 10:00<br><b>An:</b> Sara<br><b>Betreff:</b> x"
    outlook = f'<p>I see.</p><div style="border:none;border-top:solid #E1E1E1 1.0pt"><p>{head}</p></div><p>{text}</p>'
    for html in (gmail, outlook):
        assert told(read("", "Re: x", issue=FULL, html=html)) == [("Comment", "I see.", ())], html


def test_every_intent_knows_when_its_mail_came() -> None:
    """trust.md T4: "arrival time rules", whatever the mail is understood as."""
    mails = [
        read("bug\nundo", issue=FULL, sent_at=NOW), read("pause", issue=FULL, sent_at=NOW),
        read("The shop is down.", "Shop", sent_at=NOW), read("Thanks, but it is slow.", issue=ISSUE, sent_at=NOW),
        read("answer 4: all", issue=replace(ISSUE, state=State.TRIAGE), by=BOB, sent_at=NOW),
        read("too long", word="feedback", sent_at=NOW), read("", sent_at=NOW),
        read("\n".join(["undo #1"] * 11), issue=ISSUE, sent_at=NOW),
    ]  # fmt: skip
    assert all(mails)
    assert {intent.sent_at for found in mails for intent in found} == {NOW}
    assert read("bug", issue=FULL)[0].sent_at is None


# --- expected: a command or a label ----------------------------------------------------------------------------------


def test_what_is_expected_of_a_feature() -> None:
    """A feature request waits "until the triager writes `expected: …`"."""
    waiting = replace(ISSUE, state=State.VALIDATING, kind=Kind.FEATURE)
    assert told(read("expected: a dark mode\nand a light one", issue=waiting)) == [
        ("DefineExpected", "a dark mode\nand a light one")
    ]
    assert told(read("Expected behaviour: a dark mode", issue=waiting)) == [("DefineExpected", "a dark mode")]
    assert told(read("expected #7: a dark mode")) == [("DefineExpected", "a dark mode")]


@pytest.mark.parametrize("state", [State.DRAFT, State.TRIAGE])
@pytest.mark.parametrize("by", [BOB, SARA])
def test_expected_is_the_label_of_a_question(state: State, by: str) -> None:
    """ "`Label: answer` lines": the answer to question 2, also where a triager fills it in."""
    found = read("Expected: a form\nmine", issue=replace(ISSUE, state=state), by=by)
    assert [type(intent) for intent in found] == [want.FillIn, want.TakeOwnership]
    assert isinstance(found[0], want.FillIn)
    assert found[0].answers == {"expected": "a form"}


@pytest.mark.parametrize("by", [BOB, CAROL])
def test_expected_of_others_is_a_comment(by: str) -> None:
    """Only a triager says what a feature is to do; what the reporter expects travels as a comment."""
    waiting = replace(ISSUE, state=State.VALIDATING, kind=Kind.FEATURE)
    assert told(read("Expected: a dark mode", issue=waiting, by=by)) == [("Comment", "Expected: a dark mode", ())]


def test_expected_in_a_report() -> None:
    """In a fresh mail it is answer 2, whoever reports."""
    for by in (BOB, SARA):
        (filed,) = read("Expected: a form\nProblem: a blank page", "Shop", by=by)
        assert isinstance(filed, want.FileReport)
        assert filed.answers == {"what": "a blank page", "expected": "a form"}


# --- words that people say for themselves ----------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["done", "Done.", "rock", "Paper!", "Scissors"])
def test_an_everyday_word_alone_is_a_comment(text: str) -> None:
    """ "Done." where there is no band-aid, "Rock" where nobody disputes: prose is never answered with a refusal."""
    assert told(read(text, issue=ISSUE)) == [("Comment", text, ())]
    assert told(read(f"{text}\nundo", issue=ISSUE)) == [("Comment", text, ()), ("UndoLast",)]


def test_where_it_means_something_it_is_a_command() -> None:
    """There is or was a band-aid, a dispute runs or is over: then the process says what becomes of the word."""
    patched = replace(ISSUE, band_aids=(BandAid("x", SARA, NOW, done_at=NOW),))
    assert told(read("done", issue=patched)) == [("FinishBandAid", None)]
    assert told(read("done 2", issue=ISSUE)) == [("FinishBandAid", 2)]
    until = NOW + timedelta(minutes=30)
    game = RunningDispute(BOB, SARA, "rock-paper-scissors", Priority.P0, Priority.P1, "x", NOW, until)
    assert told(read("Rock!", issue=replace(ISSUE, dispute=game), by=BOB)) == [("Throw", "rock")]
    assert told(read("rock", issue=replace(ISSUE, disputes=("forfeit",)))) == [("Throw", "rock")]
    assert told(read("done")) == [("FinishBandAid", None)], "which issue, the process asks"


def test_a_report_in_one_word() -> None:
    """`bug` in a fresh mail opens a report and is asked for more; with its number it is the triager's word."""
    (filed,) = read("bug", "Checkout is down", by=BOB)
    assert isinstance(filed, want.FileReport)
    assert (filed.headline, filed.answers) == ("Checkout is down", {"what": "Checkout is down"})
    assert [type(intent) for intent in read("", "Bug", by=BOB)] == [want.FileReport]
    assert told(read("bug #7\narea billing #7")) == [("SetKind", Kind.BUG, ""), ("SetArea", "billing")]


def test_a_command_is_no_label() -> None:
    """`Bug` and `Resume` (`Résumé`) are labels of question 1 too: where they are commands, what stands below them is no
    answer, and no command stands in an answer."""
    asked = replace(ISSUE, state=State.TRIAGE)
    assert told(read("bug\nI looked at it.", issue=asked)) == [
        ("Comment", "I looked at it.", ()),
        ("SetKind", Kind.BUG, ""),
    ]
    assert told(read("resume\n\nThanks,\nSara", by=BOB)) == [("Resume",)]
    assert told(read("answer 4: only ACME\nP2 because it can wait\nfor long", issue=asked)) == [
        ("FillIn", {"affected": "only ACME"}, None, ()),
        ("SetPriority", Priority.P2, "it can wait\nfor long"),
    ]
    assert told(read("See below.\nwithdraw: it works\n\nBug: none", issue=asked, by=BOB)) == [
        ("Comment", "See below.", ()),
        ("Withdraw", "it works\n\nBug: none"),
    ]
    (filed,) = read("Résumé\nPage blanche", "Boutique", by=BOB)
    assert isinstance(filed, want.FileReport)
    assert filed.answers == {"what": "Page blanche"}
    (filed,) = read("Bug\nThe shop is down.\nsubscribe P0\nSteps: pay", "Shop", by=BOB)[:1]
    assert isinstance(filed, want.FileReport)
    assert filed.answers == {"what": "The shop is down.\nsubscribe P0", "see": "pay"}


def test_same_as_in_a_report() -> None:
    """`same as #12` above a report is no reply about any issue: the report is filed, nothing of it is lost."""
    (filed,) = read("Same as #12\nThe shop is down.", "Shop", by=BOB)
    assert isinstance(filed, want.FileReport)
    assert filed.answers == {"what": "Same as #12\nThe shop is down."}


def test_what_stands_beside_a_report() -> None:
    """Words that are about no issue are done beside a report in the same mail; words on an issue are its text."""
    found = read("Hi,\naway until 3 May\nbug\nThe shop is down.\nfeedback: too slow", "Shop")
    assert [type(intent) for intent in found] == [want.FileReport, want.GoAway, want.GiveFeedback]
    answer = Token("r", 0, 5, 0)
    assert told(read("digest\nresume\n\nThanks", token=answer)) == [("Digest",), ("Resume",)]


# --- plus addresses --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("digest", ("Digest",)), ("resume", ("Resume",)), ("duty", ("TakeDuty", "")), ("undo", ("UndoLast",)),
        ("board", ("Ask", "board")), ("backlog", ("Ask", "backlog")), ("subscribe", ("Subscribe", None, "", None)),
        ("rock", ("Throw", "rock")), ("mine", ("TakeOwnership",)),
    ],
)  # fmt: skip
def test_a_plus_address(word: str, expected: tuple[object, ...]) -> None:
    """ "Plus addresses (`issues+subscribe@…`) are a second way in", for every word that may stand alone."""
    assert told(read("", word=word)) == [expected]
    assert told(read("Hi,\n\nThanks\nSara", "whatever", word=word)) == [expected]


@pytest.mark.parametrize("word", ["pause", "area", "dispute", "expected", "bug", "nonsense"])
def test_a_plus_address_that_is_no_word_alone(word: str) -> None:
    """A word that needs an argument, and one that people report in, leave the mail what it is."""
    assert [type(intent) for intent in read("The shop is down.", "Shop", word=word)] == [want.FileReport]


def test_the_address_for_feedback() -> None:
    """`issues+feedback@…`: the text is the feedback, word for word; the subject is, where there is no text."""
    text = "Your mails are long.\n\nUpdate: they are longer."
    assert told(read(text, "Hello", word="feedback")) == [("GiveFeedback", text)]
    assert told(read("", "help", word="feedback")) == [("GiveFeedback", "help")]
    assert told(read("unsubscibe", "x", word="feedback")) == [("GiveFeedback", "unsubscibe")]
    assert told(read("feedback: too long", "x", word="feedback")) == [("GiveFeedback", "too long")]
    assert told(read("Too long.\nunsubscribe", "x", word="feedback")) == [
        ("GiveFeedback", "Too long."), ("Unsubscribe", False, None, ""),
    ]  # fmt: skip


# --- on behalf -------------------------------------------------------------------------------------------------------

CALLED = "reported by: Carol <carol@shop.example>\nvia: phone\nThe shop is down.\nPriority: P1"


def test_a_triager_reports_on_behalf() -> None:
    """ "A triager may report for someone (`reported by: sara@example.com`, `via: phone`)"; from anybody else the lines
    are text."""
    (filed,) = read(CALLED, "Shop", by=SARA)
    assert isinstance(filed, want.FileReport)
    assert (filed.by, filed.behalf, filed.via) == (SARA, "carol@shop.example", "phone")
    assert (filed.answers, filed.priority) == ({"what": "The shop is down."}, Priority.P1)
    (other,) = read(CALLED, "Shop", by=BOB)
    assert isinstance(other, want.FileReport)
    assert (other.behalf, other.via) == ("", "")
    assert other.answers == {"what": "\n".join(CALLED.split("\n")[:3])}
    assert told(read(CALLED.partition("\nPrio")[0], issue=ISSUE)) == [("Comment", CALLED.partition("\nPrio")[0], ())]
