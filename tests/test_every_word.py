"""Every word of process.md 1 to 8 in a mail: in its right and wrong shapes, and in everything that a mail program or a
person does around it (process.md 9)."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import ROOT, WORDS, commands_in, commands_of, lines, ratio, said

from triagemail.mail import calls, commands, intended, wording
from triagemail.mail.commands import LIMIT, Reading
from triagemail.mail.languages import tables
from triagemail.mail.quoting import Kind, Line, split
from triagemail.process import intents as want
from triagemail.process.model import Kind as IssueKind
from triagemail.process.model import Priority

P0, P1, P2, P3 = Priority
Said = tuple[object, ...]


def days(text: str, count: float, *, kind: str = "Pause") -> Said:
    return (kind, timedelta(days=count), None, None, text) if kind == "Pause" else away(text, after=count)


def away(text: str, day: tuple[int, int] | None = None, year: int | None = None, *, after: float | None = None) -> Said:
    return ("GoAway", day, year, None if after is None else timedelta(days=after), text)


def pause(text: str, day: tuple[int, int], year: int | None = None) -> Said:
    return ("Pause", None, day, year, text)


# The plain form of every new word, and what it asks for.
EVERY: dict[str, Said] = {
    "dispute: nobody can pay": ("Dispute", "nobody can pay", None),
    "rock": ("Throw", "rock"),
    "paper": ("Throw", "paper"),
    "scissors": ("Throw", "scissors"),
    "bug": ("SetKind", IssueKind.BUG, ""),
    "feature": ("SetKind", IssueKind.FEATURE, ""),
    "expected: a dark mode": ("DefineExpected", "a dark mode"),
    "not me: bob knows it": ("RefuseOwnership", "bob knows it"),
    "duplicate #12": ("MarkDuplicate", 12),
    "same as #12": ("MarkDuplicate", 12),
    "area billing": ("SetArea", "billing"),
    "call": ("BookCall",),
    "band-aid: restart it each night": ("AddBandAid", "restart it each night"),
    "done": ("FinishBandAid", None),
    "done 2": ("FinishBandAid", 2),
    "remediate P2: restore the rows": ("Remediate", P2, "restore the rows"),
    "retry: order again": ("EndRemediation", "retry", "order again"),
    "not worth it: one euro": ("EndRemediation", "not-worth-it", "one euro"),
    "duty": ("TakeDuty", ""),
    "duty sara@acme.example": ("TakeDuty", "sara@acme.example"),
    "away until 3 May": away("until 3 May", (5, 3)),
    "away 2 weeks": away("2 weeks", after=14),
    "feedback: too many mails": ("GiveFeedback", "too many mails"),
    "undo": ("UndoLast",),
    "subscribe P0": ("Subscribe", P0, "", None),
    "subscribe area:billing": ("Subscribe", None, "billing", None),
    "subscribe #12": ("Subscribe", None, "", 12),
    "unsubscribe #12": ("Unsubscribe", False, 12, ""),
    "unsubscribe area:billing": ("Unsubscribe", False, None, "billing"),
    "digest": ("Digest",),
    "pause 2 weeks": days("2 weeks", 14),
    "pause until 3 May": pause("until 3 May", (5, 3)),
    "resume": ("Resume",),
    "board": ("Ask", "board"),
    "backlog": ("Ask", "backlog"),
    "language de": ("Speak", "de"),
    "language German": ("Speak", "de"),
}
NEW_KEYS = {
    "dispute", "rock", "paper", "scissors", "bug", "feature", "expected", "not_me", "duplicate", "same_as", "area",
    "call", "band_aid", "done", "remediate", "retry", "not_worth_it", "duty", "away", "feedback", "undo", "digest",
    "pause", "resume", "board", "backlog", "language",
}  # fmt: skip


def heard(text: str, **how: object) -> list[Said]:
    return [said(intent) for intent in commands_of(text, **how).intents]  # type: ignore[arg-type]


def flat(found: Said) -> Said:
    """Without case and kinds of space, for texts that were shouted or typed in French."""
    return (found[0], *(" ".join(part.lower().split()) if type(part) is str else part for part in found[1:]))


# --- right shapes ----------------------------------------------------------------------------------------------------

SHAPES: list[tuple[str, Said]] = [
    # a dispute may name the priority that is wanted in front of its reason
    ("dispute: P1, because nobody can pay", ("Dispute", "nobody can pay", P1)),
    ("dispute: P1 because nobody can pay", ("Dispute", "nobody can pay", P1)),
    ("dispute: p1: nobody can pay", ("Dispute", "nobody can pay", P1)),
    ("dispute: P1 - nobody can pay", ("Dispute", "nobody can pay", P1)),
    ("dispute: P0 because\nnobody can pay", ("Dispute", "nobody can pay", P0)),
    ("dispute P1: nobody can pay", ("Dispute", "nobody can pay", P1)),
    ("dispute P1 because nobody can pay", ("Dispute", "nobody can pay", P1)),
    ("dispute: prio 0", ("Dispute", "", P0)), ("dispute P1", ("Dispute", "", P1)),
    ("dispute", ("Dispute", "", None)), ("Dispute!", ("Dispute", "", None)), ("dispute:", ("Dispute", "", None)),
    ("dispute because nobody can pay", ("Dispute", "nobody can pay", None)),
    ("dispute: P2 is wrong, it must be P1", ("Dispute", "P2 is wrong, it must be P1", None)),
    ("dispute: P0 or P1", ("Dispute", "P0 or P1", None)), ("dispute: P4 because", ("Dispute", "P4 because", None)),
    ("dispute: P1 queue is stuck", ("Dispute", "P1 queue is stuck", None)),
    ("dispute:\nnobody can pay", ("Dispute", "nobody can pay", None)),
    ("Scissors!", ("Throw", "scissors")), ("scissor", ("Throw", "scissors")), ("*Rock*", ("Throw", "rock")),
    ("Bug.", ("SetKind", IssueKind.BUG, "")), ("“Feature”", ("SetKind", IssueKind.FEATURE, "")),
    ("feature because it never did this", ("SetKind", IssueKind.FEATURE, "it never did this")),
    ("Feature, because\nit never did this", ("SetKind", IssueKind.FEATURE, "it never did this")),
    ("Expected behaviour: a dark mode", ("DefineExpected", "a dark mode")),
    ("expected:\n- one\n- two", ("DefineExpected", "- one\n- two")), ("expected:", ("DefineExpected", "")),
    ("not me", ("RefuseOwnership", "")), ("Not me.", ("RefuseOwnership", "")), ("not me:", ("RefuseOwnership", "")),
    ("not me because I am away", ("RefuseOwnership", "I am away")), ("not\u00a0me: x", ("RefuseOwnership", "x")),
    ("duplicate of #12", ("MarkDuplicate", 12)), ("Duplicate of # 12.", ("MarkDuplicate", 12)),
    ("duplicate: #12", ("MarkDuplicate", 12)), ("Same as #12, thanks!", ("MarkDuplicate", 12)),
    ("area: Billing", ("SetArea", "billing")), ("Area BILLING.", ("SetArea", "billing")),
    ('area "web-shop_2"', ("SetArea", "web-shop_2")),
    ("Call!", ("BookCall",)), ("bandaid: x", ("AddBandAid", "x")), ("Band aid: x", ("AddBandAid", "x")),
    ("**Band-Aid:** x", ("AddBandAid", "x")), ("band-aid:", ("AddBandAid", "")),
    ("Done.", ("FinishBandAid", None)), ("done 1!", ("FinishBandAid", 1)),
    ("remediate: restore the rows", ("Remediate", None, "restore the rows")),
    ("remediate P2:\nrestore the rows", ("Remediate", P2, "restore the rows")),
    ("Remediate prio 1: x", ("Remediate", P1, "x")), ("remediate: P2 because x", ("Remediate", None, "P2 because x")),
    ("remediate P2:", ("Remediate", P2, "")),
    ("Not worth it: x", ("EndRemediation", "not-worth-it", "x")), ("retry:", ("EndRemediation", "retry", "")),
    ("duty Sara Miller <Sara@ACME.example>", ("TakeDuty", "sara@acme.example")),
    ("duty: sara@acme.example", ("TakeDuty", "sara@acme.example")),
    ("duty sara@acme.example<mailto:sara@acme.example>", ("TakeDuty", "sara@acme.example")),
    ("feedback:\nToo many mails.\n\nAnd too long.", ("GiveFeedback", "Too many mails.\n\nAnd too long.")),
    ("feedback:", ("GiveFeedback", "")), ("Undo.", ("UndoLast",)),
    ("subscribe p1", ("Subscribe", P1, "", None)), ("Subscribe prio 2.", ("Subscribe", P2, "", None)),
    ("subscribe area billing", ("Subscribe", None, "billing", None)),
    ("subscribe area: Billing", ("Subscribe", None, "billing", None)),
    ("unsubscribe area billing", ("Unsubscribe", False, None, "billing")),
    ("subscribe P0 please", ("Subscribe", P0, "", None)), ("subscribe #12, thanks", ("Subscribe", None, "", 12)),
    ("subscribe area billing please", ("Subscribe", None, "billing", None)), ("area ok", ("SetArea", "ok")),
    ("area billing please", ("SetArea", "billing")), ("done 2, thanks", ("FinishBandAid", 2)),
    ("duty sara@acme.example, please!", ("TakeDuty", "sara@acme.example")),
    ("away until 3 May, thank you", away("until 3 May", (5, 3))), ("pause 2 weeks please", days("2 weeks", 14)),
    ("Digest!", ("Digest",)), ("Board?", ("Ask", "board")), ("backlog?", ("Ask", "backlog")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), [*EVERY.items(), *SHAPES])
def test_its_shape(text: str, expected: Said) -> None:
    """ "A word with free text needs its colon"; "a shaped argument must have its shape"; the intent is that of the
    reply's issue, and nothing of the mail is left over."""
    found = commands_of(text)
    assert [said(intent) for intent in found.intents] == [expected]
    assert (found.comment, found.near_miss, found.intents[0].issue) == ("", "", 7)


DAYS = [
    ("until 3 May", (5, 3), None), ("until May 3", (5, 3), None), ("until 3 May 2027", (5, 3), 2027),
    ("until May 3rd, 2027", (5, 3), 2027), ("until the 3rd of May", (5, 3), None), ("until 1st June", (6, 1), None),
    ("until 2027-05-03", (5, 3), 2027), ("until 03.05.2027", (5, 3), 2027), ("until 3.5.", (5, 3), None),
    ("until 3. 5. 2027", (5, 3), 2027), ("until 3.5.27", (5, 3), 2027), ("until 3. May", (5, 3), None),
    ("until 31 Dec.", (12, 31), None), ("until 29 February", (2, 29), None), ("until 29 Feb 2028", (2, 29), 2028),
    ("till 3 may", (5, 3), None), ("until 3-May-2027", (5, 3), 2027), ("Until  3  May", (5, 3), None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "day", "year"), DAYS)
def test_a_day(text: str, day: tuple[int, int], year: int | None) -> None:
    """`away until 3 May` and `pause until 3 May`, as people write days."""
    cleaned = " ".join(text.split())
    assert heard(f"away {text}") == [away(cleaned, day, year)]
    assert heard(f"pause {text}!") == [pause(f"{cleaned}!", day, year)]


LENGTHS = [
    ("2 weeks", 14), ("for 3 days", 3), ("for 10 days", 10), ("10d", 10), ("1 week", 7), ("a week", 7), ("2w", 14),
    ("for two weeks", 14), ("1 week and 2 days", 9), ("1.5 weeks", 10.5), ("for 4 hours", 4 / 24), ("1 day", 1),
    ("a fortnight", 14), ("366 days", 366),
]  # fmt: skip


@pytest.mark.parametrize(("text", "count"), LENGTHS)
def test_a_length_of_time(text: str, count: float) -> None:
    """`away for 3 days`, `pause 2 weeks`."""
    assert heard(f"away {text}") == [away(text, after=count)]
    assert heard(f"Pause: {text}") == [days(text, count)]


# --- wrong shapes, empty arguments, slips ----------------------------------------------------------------------------

WRONG = [
    ("away until 31 June", "away"), ("pause until 30.02.2027", "pause"), ("away until 2027-02-29", "away"),
    ("away until 2027-13-01", "away"), ("away until 03/05/2027", "away"), ("away until 5/3", "away"),
    ("pause until Monday", "pause"), ("away until tomorrow", "away"), ("away until 3 May 14:00", "away"),
    ("away 3 May", "away"), ("pause May 3", "pause"), ("pause 0 days", "pause"), ("pause 9999 weeks", "pause"),
    ("pause 5 minutes", "pause"), ("away 367 days", "away"), ("pause 14", "pause"),
    ("away until further notice", "away"), ("away until 3 May 1999", "away"), ("away until", "away"),
    ("duplicate 12", "duplicate"),
    ("duplicate #x", "duplicate"), ("duplicate #7 #12", "duplicate"), ("same as #", "same_as"),
    ("area Käse", "area"), ("area b!lling", "area"), ("done 0", "done"), ("duty bob@", "duty"),
    ("duty a@b@acme.example", "duty"), ("remediate P2", "remediate"), ("remediate P2 because it hurts", "remediate"),
    ("remediate P5: x", "remediate"), ("dispute P7: x", "dispute"), ("subscribe P4", "subscribe_to"),
    ("subscribe #x", "subscribe_to"), ("subscribe area", "subscribe_to"), ("subscribe area Käse", "subscribe_to"),
    ("subscribe #12 #13", "subscribe_to"), ("unsubscribe P1", "unsubscribe_from"),
    ("subscribe P0 and P1", "subscribe_to"),
    ("unsubscribe area:", "unsubscribe_from"), ("digest #12", "digest"), ("resume #12", "resume"), ("duty #12", "duty"),
    ("pause 2 weeks #12", "pause"), ("away #12 until 3 May", "away"), ("bug #x", "bug"), ("undo #", "undo"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "key"), WRONG)
def test_a_wrong_shape(text: str, key: str) -> None:
    """What was surely meant as a command gets a reply "that says what would work", and nobody guesses: `03/05/2027` is
    one day here and another there."""
    found = commands_of(f"Hi Sara,\n{text}\nmine")
    assert [said(intent) for intent in found.intents] == [("NearMiss", text, WORDS.examples[key]), ("TakeOwnership",)]
    assert commands_of(text, issue=None, fresh=True).near_miss == WORDS.examples[key] or key in calls.LIST_ONLY


NEAR = [
    ("dispte", "dispute"), ("feautre", "feature"), ("duplicte", "duplicate"), ("scisors", "scissors"),
    ("band aide", "band_aid"), ("remidiate", "remediate"), ("not wroth it", "not_worth_it"), ("dutiy", ""),
    ("dtuy", "duty"), ("feedbak", "feedback"), ("udno", "undo"), ("digset", "digest"), ("puase", "pause"),
    ("resmue", "resume"), ("baord", "board"), ("backlgo", "backlog"), ("Duplicate.", "duplicate"),
    ("pause", "pause"), ("Pause please", "pause"), ("away", "away"), ("away soon", "away"), ("Away today!", "away"),
    ("feedback", "feedback"), ("not worth it", "not_worth_it"), ("remediate", "remediate"), ("band-aid", "band_aid"),
    ("digest please", "digest"), ("ok undo", "undo"), ("board, please", "board"), ("dispute me", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "key"), NEAR)
def test_a_slip_of_the_fingers(text: str, key: str) -> None:
    """ "A near-miss that is the whole new text … gets one clear reply that says what would work." """
    assert commands_of(text) == Reading((), text, WORDS.examples[key] if key else "")
    longer = commands_of(f"{text}\nThe shop is slow, too.")
    assert (longer.intents, longer.near_miss) == ((), "")


# Slips of everyday words, and real words beside commands: nobody is asked whether they meant a command.
INNOCENT = [
    "rocks", "papers", "pager", "bugs", "bag", "same", "same here", "same as before", "save as", "area", "areas",
    "calls", "cell", "ball", "node", "don", "none", "dune", "retry", "retro", "not mine", "not now", "expected",
    "except", "boards", "beard", "paused", "cause", "parse", "phase", "immediate", "replicate", "features", "creature",
    "future", "disputed", "despite", "digits", "assume", "resumes", "duties", "undone", "a way", "always", "anyway",
    "call me", "call please", "board meeting", "Bug report", "feature request", "pause button", "thanks, done",
    "away from my desk",
]  # fmt: skip


@pytest.mark.parametrize("text", INNOCENT)
@pytest.mark.parametrize("fresh", [False, True])
def test_real_words_are_no_slips(text: str, fresh: bool) -> None:
    """Prose is never scolded: the words that people say for themselves take no part in near-misses."""
    assert commands_of(text, issue=None if fresh else 7, fresh=fresh) == Reading((), text, "")


PROSE = [
    "call me", "Call me at 5", "Calls fail since 9", "board meeting at 3", "The board is red", "Bugs are everywhere",
    "bug in the checkout", "Bug: it is slow", "Feature: dark mode", "feature flags are off", "Bug / feature",
    "expected to work, but it does not", "expected behaviour is described there", "Not me, Bob did it", "Not met yet",
    "Not worth it, I think", "not worth its price", "Duplicate orders since 9", "duplicate of the order",
    "duplicate of #12, but slower", "same as yesterday", "Same as #12 and #13, I fear", "same here", "area of Berlin",
    "Areas: north, south", "Area:", "Done: restarted the host", "done with it", "Done, thanks", "done 2 of 3", "done:",
    "Remediate the rows first", "remediate it", "Retry after 5 minutes", "retry does not help", "Duty calls",
    "Duty: Sara has it this week", "duty roster is attached", "away from my desk", "Away for lunch", "away, back soon",
    "Away may be wrong", "Pause", "Pause button is broken", "pause for a moment", "pause 5 seconds, then pay",
    "Pause until the server is up again", "feedback is welcome", "Feedback form fails", "undo does not work",
    "Undo the change, please", "digest mails are late", "Resume upload fails", "resume: fails", "dispute it",
    "Disputes are open", "rock solid", "Paper jam", "paper: none left", "subscribe to that", "Subscribe button: broken",
    "subscribe area managers to the list of the fair", "backlog is long", "Rock, paper, scissors", "band aid", "- bug",
    "* done", "1. call", "(undo)", "bug?", "call?", "rock?", "done?", "undo?", "P2 bug", "a bug", "the call",
    "We pause", "Résumé", "RE\u0301SUME\u0301", "résumé : page blanche",
]  # fmt: skip


@pytest.mark.parametrize("text", PROSE)
def test_prose_with_its_words(text: str) -> None:
    """Text that only begins with a word of ours is a comment, word for word."""
    found = commands_of(f"{text}\nMore of it.")
    assert (found.intents, found.comment) == ((), f"{text}\nMore of it.")
    assert commands_of(f"Bob,\n{text}\nmine").comment.endswith(text)


# --- around it -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "expected"), EVERY.items())
def test_any_case_and_any_space(text: str, expected: Said) -> None:
    """ "Any case", and the spaces that phones and French keyboards put."""
    french = text.replace(" ", "\u202f")
    for written in (text.upper(), text.title(), text.replace(" ", "\u00a0"), french, f"\ufeff {text} \u200b"):
        assert [flat(one) for one in heard(written)] == [flat(expected)], written
    assert [flat(one) for one in heard(text.replace(":", "\u00a0:"))] == [flat(expected)]


@pytest.mark.parametrize(("text", "expected"), [(t, e) for t, e in EVERY.items() if ": " not in t])
@pytest.mark.parametrize("sign", [".", "!", ",", ";", "…", "!!", "*", " ."])
def test_what_stands_behind_it(text: str, expected: Said, sign: str) -> None:
    """A full stop behind a command is no part of it."""
    found = heard(text + sign)
    assert [one[:-1] if one[0] in ("GoAway", "Pause") else one for one in found] == [
        expected[:-1] if expected[0] in ("GoAway", "Pause") else expected
    ]


NUMBERED: list[tuple[str, Said]] = [
    ("dispute #42: x", ("Dispute", "x", None)), ("dispute #42: P1 because x", ("Dispute", "x", P1)),
    ("dispute #42", ("Dispute", "", None)), ("dispute P1 #42: x", ("Dispute", "x", P1)),
    ("rock #42", ("Throw", "rock")), ("paper #42", ("Throw", "paper")), ("scissors #42.", ("Throw", "scissors")),
    ("bug #42", ("SetKind", IssueKind.BUG, "")),
    ("feature #42", ("SetKind", IssueKind.FEATURE, "")), ("expected #42: x", ("DefineExpected", "x")),
    ("not me #42: x", ("RefuseOwnership", "x")), ("area #42 billing", ("SetArea", "billing")),
    ("area billing #42", ("SetArea", "billing")), ("call #42", ("BookCall",)), ("band-aid #42: x", ("AddBandAid", "x")),
    ("done #42", ("FinishBandAid", None)), ("done #42 2", ("FinishBandAid", 2)), ("done 2 #42", ("FinishBandAid", 2)),
    ("remediate #42 P2: x", ("Remediate", P2, "x")), ("remediate P2 #42: x", ("Remediate", P2, "x")),
    ("retry #42: x", ("EndRemediation", "retry", "x")),
    ("not worth it #42: x", ("EndRemediation", "not-worth-it", "x")),
    ("undo #42", ("UndoLast",)), ("feedback #42: x", ("GiveFeedback", "x")), ("board #42", ("Ask", "board")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), NUMBERED)
@pytest.mark.parametrize("fresh", [False, True])
def test_a_number_behind_the_word(text: str, expected: Said, fresh: bool) -> None:
    """ "`#42` after the word names the issue where the mail is no reply to it", below prose and whatever the word
    means elsewhere."""
    everyday = frozenset(["expected", "done", "rock", "paper", "scissors"])
    rows = lines(f"We talked.\n{text}")
    found = commands_in(rows, "Words", issue=None if fresh else 7, fresh=fresh, everyday=everyday)
    assert [(intent.issue, *said(intent)) for intent in found.intents] == [(42, *expected)]


def test_the_number_of_another_issue_is_none_of_its_own() -> None:
    """`duplicate #12`, `subscribe #12`: the issue is that of the reply, and none in a mail that is no reply."""
    for text in ("duplicate #12", "same as #12", "subscribe #12", "unsubscribe #12"):
        assert [intent.issue for intent in commands_of(text).intents] == [7]
        assert [intent.issue for intent in commands_of(text, issue=None, fresh=True).intents] == [None]


def test_free_text_ends_at_the_next_word() -> None:
    """Free text "runs to the next command line or the end of the new text"."""
    for text, expected in EVERY.items():
        if ": " in text:
            found = commands_of(f"{text}\nand more\nUndo\nand a comment")
            first, free = said(found.intents[0]), text.partition(": ")[2]
            assert first == tuple(f"{free}\nand more" if part == free else part for part in expected)
            assert [said(intent) for intent in found.intents[1:]] == [("UndoLast",)]
            assert found.comment == "and a comment"


def test_several_of_them() -> None:
    """ "Several commands in one mail", in their order."""
    found = commands_of("Hi,\nbug\narea billing\nduplicate #12\nWhat else?\nfeedback: none\n\nThanks,\nSara")
    assert [said(intent) for intent in found.intents] == [
        EVERY["bug"], EVERY["area billing"], EVERY["duplicate #12"], ("GiveFeedback", "none"),
    ]  # fmt: skip
    assert found.comment == "What else?"
    assert commands_of("undo\n" + "\n".join(f"done #{n}" for n in range(LIMIT))).too_many == LIMIT + 1


# --- quotes, signatures, forwarded mails, in the layouts of mail programs --------------------------------------------

OURS = "Acme Issues <issues@acme.example>"


@dataclass(frozen=True)
class Layout:
    """How a mail program of some language puts an answer over our mail; `marked` quotes have `> `."""

    name: str
    intro: str
    marked: bool

    def reply(self, new: str, parent: str) -> str:
        quoted = "".join(f"> {row}\n" for row in parent.split("\n")) if self.marked else parent
        return f"{new}\n\n{self.intro}\n{quoted}"


def _outlook(labels: str) -> str:
    values = (OURS, "Montag, 3. Mai 2027 10:00", "Ann Lee <ann@acme.example>", "[#7] Shop down")
    return "\n".join(f"{label}: {value}" for label, value in zip(labels.split("|"), values, strict=True)) + "\n"


LAYOUTS = [
    Layout("Gmail, en", f"On Mon, May 3, 2027 at 10:00 AM {OURS} wrote:\n", True),
    Layout("Gmail, de", f"Am Mo., 3. Mai 2027 um 10:00 Uhr schrieb {OURS}:\n", True),
    Layout("Apple Mail, fr", f"Le 3 mai 2027 à 10:00, {OURS} a écrit :\n", True),
    Layout("Gmail, es", f"El lun, 3 may 2027 a las 10:00, {OURS} escribió:\n", True),
    Layout("Outlook, en", _outlook("From|Sent|To|Subject"), False),
    Layout("Outlook, de", _outlook("Von|Gesendet|An|Betreff"), False),
    Layout("Outlook, fr", _outlook("De|Envoyé|À|Objet"), False),
    Layout("Outlook, es", _outlook("De|Enviado|Para|Asunto"), False),
]
PARENT = "Please decide on this.\n\n" + "\n".join(EVERY) + "\n\n-- \nYou get this because you are the triager."


@pytest.mark.parametrize("layout", LAYOUTS, ids=[layout.name for layout in LAYOUTS])
@pytest.mark.parametrize("known", [True, False])
def test_quoted_it_is_nothing_and_above_the_quote_it_counts(layout: Layout, known: bool) -> None:
    """ "Neither quote, signature nor forwarded block holds commands" (trust.md C10), whether our mail that is quoted is
    known or not; the answer above it does, in any language's layout."""

    def read(new: str) -> list[Said]:
        rows = split(layout.reply(new, PARENT), PARENT if known else "")
        return [said(intent) for intent in commands_in(rows, "Re: [#7] Shop down", issue=7).intents]

    assert read("Thanks, I see.") == []
    for text, expected in EVERY.items():
        assert read(text) == [expected], text
        assert read(f"Hi,\n\n{text}\n\nGruß\nSara") == [expected], text


CAROL = "From: Carol <carol@globex.example>\nDate: Mon, 3 May 2027 10:00\nSubject: x\nTo: Ann\n\n"
BEFORE = [
    "-- \nBob Miller\n", "--\nBob Miller\n", f"---------- Forwarded message ---------\n{CAROL}", "> ",
    "On Monday Carol wrote:\n> ",
]  # fmt: skip


@pytest.mark.parametrize("before", BEFORE)
def test_in_a_signature_or_a_forwarded_mail_it_is_nothing(before: str) -> None:
    """ "Neither quote, signature nor forwarded block holds commands" (trust.md C10)."""
    for text in EVERY:
        found = commands_in(split(f"Please look at this.\n\n{before}{text}\n"), "Re: x", issue=7)
        assert found == Reading((), "Please look at this.", ""), text


# --- a mail that is no reply -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["bug", "Feature", "call", "Call!"])
def test_a_report_in_one_word_is_a_report(text: str) -> None:
    """In a fresh mail `bug` is what somebody reports; its text and its subject are no commands."""
    assert commands_of(text, "", issue=None, fresh=True) == Reading((), text, "")
    assert commands_of("", text, issue=None, fresh=True) == Reading((), "", "")
    assert commands_of("It is slow.", text, issue=None, fresh=True) == Reading((), "It is slow.", "")


@pytest.mark.parametrize(
    ("subject", "text", "expected"),
    [
        ("digest", "", [("Digest",)]),
        ("Resume", "Dear Sir, I apply for the job.", []),
        ("Re: resume", "", []),
        ("undo", "Hi,\n\nThanks", [("UndoLast",)]),
        ("duty", "", [("TakeDuty", "")]),
        ("duty sara@acme.example", "", [("TakeDuty", "sara@acme.example")]),
        ("board", "", [("Ask", "board")]),
        ("backlog", "", [("Ask", "backlog")]),
        ("Board", "The board is red", []),
        ("pause 2 weeks", "", [days("2 weeks", 14)]),
        ("Away until 3 May", "", [away("until 3 May", (5, 3))]),
        ("Away until 3 May", "Please call Carl.", []),
        ("subscribe P0", "", [("Subscribe", P0, "", None)]),
        ("subscribe area:billing", "please", [("Subscribe", None, "billing", None)]),
        ("unsubscribe #12", "", [("Unsubscribe", False, 12, "")]),
        ("rock", "", [("Throw", "rock")]),
        ("done #12", "restarted", [("FinishBandAid", None)]),
        ("dispute", "", []),
        ("feedback", "", []),
        ("duplicate #12", "", []),
        ("area billing", "", []),
        ("bug #12", "", [("SetKind", IssueKind.BUG, "")]),
    ],
)
def test_it_alone_in_the_subject(subject: str, text: str, expected: Sequence[Said]) -> None:
    """A word without argument counts "alone in the subject"; an everyday word with a text below is its title."""
    assert heard(text, subject=subject, issue=None, fresh=True) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The player fails:\nPause\nResume\nStop", []),
        ("The shop is down.\nboard\nbacklog", [("Ask", "board"), ("Ask", "backlog")]),
        ("The shop is down.\ndigest\nundo\nduty", []),
        ("The shop is down.\nfeedback: too slow", [("GiveFeedback", "too slow")]),
        ("The shop is down.\nsubscribe P0", [("Subscribe", P0, "", None)]),
        ("Hi,\naway until 3 May\nCarl stands in.", [away("until 3 May", (5, 3))]),
        ("Same as #12\nThe shop is down again.", [("MarkDuplicate", 12)]),
        ("The shop is down.\nsame as #12\nduplicate #12\ndone\nrock\narea billing", []),
        ("The shop is down.\naway until 31 June\npause 0 days", []),
    ],
)
def test_a_report_with_lines_like_its_words(text: str, expected: Sequence[Said]) -> None:
    """A fresh mail is a report before all: below its prose only questions, feedback and the list are heard."""
    assert heard(text, subject="Shop", issue=None, fresh=True) == expected


def test_a_wrong_day_is_told_whatever_the_subject_says() -> None:
    """`Holiday` over `away until 31 June` is no report; `Checkout is down` over `away` is one."""
    assert commands_of("away until 31 June", "Holiday", issue=None, fresh=True).near_miss == WORDS.examples["away"]
    assert commands_of("pause 0 days", "Mails", issue=None, fresh=True).near_miss == WORDS.examples["pause"]
    assert commands_of("away", "Checkout is down", issue=None, fresh=True).near_miss == ""
    assert commands_of("", "pause until Monday", issue=None, fresh=True).near_miss == WORDS.examples["pause"]


def test_an_everyday_word_counts_with_its_number_only() -> None:
    """`Expected: …` is the label of a question where nobody waits for it, and then belongs to the text above it."""
    everyday = frozenset(["expected", "done"])
    rows = lines("Expected: a form\nDone.\nupdate: on it\nExpected: a page\ndone")
    found = commands_in(rows, "Re: x", issue=7, everyday=everyday)
    assert [said(i) for i in found.intents] == [("SendUpdate", "on it\nExpected: a page\ndone", False)]
    assert found.comment == "Expected: a form\nDone."
    assert heard("done 2") == [said(i) for i in commands_in(lines("done 2"), issue=7, everyday=everyday).intents]


# --- the table -------------------------------------------------------------------------------------------------------


def test_every_word_asks_for_something() -> None:
    """No spelling without a meaning: each command of the table is an intent or a question, and has its example."""
    known = set(WORDS.examples) - {"priority", "subscribe_to", "unsubscribe_from"}
    assert known == {meaning for _, known in WORDS.commands.values() for meaning in known.values()}
    assert known - set(intended.INTENTS) == calls.ASKS
    assert set(intended.INTENTS) - known == {"priority"}
    assert known | {"priority"} == calls.ALONE | calls.FREE | calls.SHAPED
    assert known >= NEW_KEYS


def test_every_example_is_what_works() -> None:
    """What a clear reply offers is understood when it is sent."""
    for key, example in WORDS.examples.items():
        found = commands_of(example, issue=42)
        assert len(found.intents) == 1, key
        assert not isinstance(found.intents[0], want.NearMiss), key


SPELT = [example for table in tables("words.toml") for example in table["examples"].values()]


@pytest.mark.parametrize("text", [*EVERY, *SPELT, "not me because x", "dispute P1: x", "area: x"])
def test_no_line_of_ours_starts_like_it(text: str) -> None:
    """ "None of our own mails has a command at the start of a line where a quote could run it" (process.md 10)."""
    fixed = tomllib.loads((ROOT / "templates/en/mail/_layout.toml").read_text("utf-8"))
    guard = wording.guard(fixed["reserved"], tables("words.toml"))
    assert guard.sub("> ", f"This is it:\n{text}\n") == f"This is it:\n> {text}\n"
    assert guard.sub("> ", f"This is it: {text}\n") == f"This is it: {text}\n"


@pytest.mark.parametrize(
    ("word", "key"),
    [("undo", "undo"), ("Fixed", "resolve"), ("feedback", "feedback"), ("next", ""), ("undoo", ""), ("", "")],
)
def test_the_word_of_a_plus_address(word: str, key: str) -> None:
    """ "Plus addresses (`issues+subscribe@…`) are a second way in"."""
    assert commands.key_of(word, WORDS) == key


# --- hostile text ----------------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        *EVERY, "away ", "pause ", "until ", "for ", "3 May", "31 June", "2027-05-03", "3.5.", "²", "٣", "2 weeks",
        "duplicate ", "of ", "#12", "#", "subscribe ", "area", ":", " ", "\u00a0", "\n", "dispute", "P1", " because ",
        "remediate", "not", " me", "done ", "9" * 30, "duty ", "<", "@", "sara@acme.example", "\u0301", "\x00",
        "\u2028",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=12).map("".join)


@settings(max_examples=400, deadline=None)
@given(rows=st.lists(st.tuples(TEXTS, st.sampled_from(Kind)), max_size=8), subject=TEXTS, fresh=st.booleans())
def test_any_text_is_read(rows: list[tuple[str, Kind]], subject: str, fresh: bool) -> None:
    """Never raises; what comes out has the shape that the process counts on."""
    found = commands_in(tuple(Line(*row) for row in rows), subject, issue=None if fresh else 7, fresh=fresh)
    for intent in found.intents:
        match intent:
            case want.GoAway() | want.Pause():
                assert (intent.after is None) != (intent.day is None)
                assert intent.year is None or intent.day is not None
                assert intent.day is None or (1 <= intent.day[0] <= 12 and 1 <= intent.day[1] <= 31)
                assert intent.after is None or timedelta(hours=1) <= intent.after <= timedelta(days=366)
                assert len((intent.said + "x").splitlines()) == 1
            case want.SetArea():
                assert intent.area
                assert intent.area == intent.area.lower().strip()
            case want.FinishBandAid():
                assert intent.which is None or 0 < intent.which < 100
            case want.Subscribe():
                assert sum((intent.priority is not None, bool(intent.area), intent.follow is not None)) <= 1


UNITS = [
    "away until ", "away until 3 May\n", "pause 1 week and ", "pause 1", "duplicate of #1 ", "same as ",
    "subscribe area ", "subscribe P", "dispute: P1, because ", "dispute P1 ", "remediate P2 ", "remediate P2: x\n",
    "not me ", "not ", "not worth it", "done ", "done 2\n", "duty a@b.example ", "area ", "feedback: ", "\u00a0",
    "away\u00a0", "3.5.", "band-", "band-aid: x\n", "expected: ", "undo\n",
]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_time_is_linear(unit: str) -> None:
    """trust.md C6: "time ratio <= 15 for 10 x input"."""
    assert ratio(unit, Kind.NEW, lambda rows, text: commands_in(rows, issue=7)) <= 15
    assert ratio(unit, Kind.NEW, lambda rows, text: commands_in((), text, fresh=True)) <= 15
