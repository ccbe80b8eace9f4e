"""Commands in any mail, and how they are told from prose (process.md 9)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import EVIDENCE, TABLE, WORDS, commands_in, commands_of, lines, ratio, said

from triagemail.mail.commands import LIMIT, Reading
from triagemail.mail.quoting import Kind, Line, split
from triagemail.mail.words import parse_words
from triagemail.process import intents as want
from triagemail.process.model import Priority

P0, P1, P2, P3 = Priority
SUBSCRIBE, UNSUBSCRIBE = ("Subscribe", None, "", None), ("Unsubscribe", False, None, "")
read = commands_of


def in_(text: str, **length: int) -> tuple[object, ...]:
    return ("SetNextUpdate", timedelta(**length), None, text)


def at(text: str, hour: int, minute: int) -> tuple[object, ...]:
    return ("SetNextUpdate", None, (hour, minute), text)


COMMANDS = [
    # words without argument: alone on their line
    ("agree", ("Agree",)), ("Agree.", ("Agree",)), ("AGREE!", ("Agree",)), ("  agreed  ", ("Agree",)),
    ("*agree*", ("Agree",)), ("`agree`", ("Agree",)), ("“agree”", ("Agree",)), ("agree…", ("Agree",)),
    ("mine", ("TakeOwnership",)), ("Mine!", ("TakeOwnership",)), ("subscribe", SUBSCRIBE),
    ("Unsubscribe.", UNSUBSCRIBE), ("status", ("Ask", "status")), ("Status?", ("Ask", "status")),
    ("list", ("Ask", "list")), ("help", ("Ask", "help")), ("HELP!", ("Ask", "help")),
    ("template", ("Ask", "template")), ("process", ("Ask", "process")), ("\u00a0agree\u00a0", ("Agree",)),
    ("\ufeffagree\u200b", ("Agree",)),
    # priorities
    ("P0", ("SetPriority", P0, "")), ("p1.", ("SetPriority", P1, "")), ("Prio 3", ("SetPriority", P3, "")),
    ("P1 please", ("SetPriority", P1, "")),
    ("P2 because there is a workaround", ("SetPriority", P2, "there is a workaround")),
    ("P1: reason", ("SetPriority", P1, "reason")), ("P1, because ACME", ("SetPriority", P1, "ACME")),
    ("p2 - reason", ("SetPriority", P2, "reason")), ("P3 – reason", ("SetPriority", P3, "reason")),
    ("priority 2 because it can wait", ("SetPriority", P2, "it can wait")),
    ("P2 because: x", ("SetPriority", P2, "x")),
    ("P2 (there is a workaround)", ("SetPriority", P2, "there is a workaround")),
    ("P2 because of the fair", ("SetPriority", P2, "of the fair")),
    ("P1 - 3 customers are down", ("SetPriority", P1, "3 customers are down")),
    ("P2 because", ("SetPriority", P2, "")),
    ("P2 because there is\na workaround\n\nfor all", ("SetPriority", P2, "there is\na workaround\n\nfor all")),
    # free text
    ("decline: works as designed", ("Decline", "works as designed")), ("Decline", ("Decline", "")),
    ("decline:", ("Decline", "")), ("decline because it is a duplicate", ("Decline", "it is a duplicate")),
    ("withdraw: it works again", ("Withdraw", "it works again")), ("withdraw", ("Withdraw", "")),
    ("reopen: again", ("Reopen", "again")), ("Reopen", ("Reopen", "")), ("Resolve: done", ("Resolve", "done")),
    ("resolved: restarted", ("Resolve", "restarted")), ("Fixed: restarted", ("Resolve", "restarted")),
    ("resolve:", ("Resolve", "")), ("update: we are on it", ("SendUpdate", "we are on it", False)),
    ("Update : we are on it", ("SendUpdate", "we are on it", False)),
    ("update:\n\nwe are\non it\n", ("SendUpdate", "we are\non it", False)),
    ("UPDATE：全部", ("SendUpdate", "全部", False)), ("*update:* we are on it", ("SendUpdate", "we are on it", False)),
    ("**Update**: on it", ("SendUpdate", "on it", False)),
    ("update: on it\n\nThanks,\nSara Miller\nACME", ("SendUpdate", "on it", False)),
    ("update: - one\n- two", ("SendUpdate", "- one\n- two", False)),
    ("correction: only ACME", ("SendUpdate", "only ACME", True)),
    ("headline: Checkout is down", ("SetHeadline", "Checkout is down")),
    ("headline:\nCheckout is down", ("SetHeadline", "Checkout is down")),
    ("Headline: a\u2028b\x0b", ("SetHeadline", "a b")),
    # owner and doc
    ("owner sara@acme.example", ("NameOwner", "sara@acme.example")),
    ("owner: Sara@ACME.example.", ("NameOwner", "sara@acme.example")),
    ("Owner Sara <sara@acme.example>", ("NameOwner", "sara@acme.example")),
    ("owner <sara@acme.example>", ("NameOwner", "sara@acme.example")),
    ('owner "Miller, Sara" <sara@acme.example>', ("NameOwner", "sara@acme.example")),
    ("owner sara@acme.example<mailto:sara@acme.example>", ("NameOwner", "sara@acme.example")),
    ("owner [sara@acme.example](mailto:sara@acme.example)", ("NameOwner", "sara@acme.example")),
    ("doc https://docs.acme.example/a?b=1", ("SetDoc", "https://docs.acme.example/a?b=1")),
    ("doc: http://x.example/", ("SetDoc", "http://x.example/")),
    ("doc <https://x.example/a>.", ("SetDoc", "https://x.example/a")),
    ("doc https://x.example/a<https://x.example/a>", ("SetDoc", "https://x.example/a")),
    # next update
    ("next update in 30 minutes", in_("in 30 minutes", minutes=30)),
    ("Next update in 2 hours.", in_("in 2 hours.", hours=2)), ("next update in 1h30", in_("in 1h30", minutes=90)),
    ("next update in 1h 30m", in_("in 1h 30m", minutes=90)), ("next update 45 min", in_("45 min", minutes=45)),
    ("next update in 1 hour and 15 minutes", in_("in 1 hour and 15 minutes", minutes=75)),
    ("next update in half an hour", in_("in half an hour", minutes=30)),
    ("next update in an hour", in_("in an hour", hours=1)),
    ("next update in 1.5 hours", in_("in 1.5 hours", minutes=90)), ("next update 14:30", at("14:30", 14, 30)),
    ("next update: 14:30", at("14:30", 14, 30)), ("next update at 14:30!", at("at 14:30!", 14, 30)),
    ("next update at 9.05", at("at 9.05", 9, 5)), ("next update 2:30pm", at("2:30pm", 14, 30)),
    ("next update at 2 p.m.", at("at 2 p.m.", 14, 0)), ("next update 12am", at("12am", 0, 0)),
    ("next update 12:15 pm", at("12:15 pm", 12, 15)), ("next update 9:00 o'clock", at("9:00 o'clock", 9, 0)),
    ("next update at 14h30", at("at 14h30", 14, 30)), ("next update 00:00", at("00:00", 0, 0)),
    ("next update 1 pm", at("1 pm", 13, 0)), ("prio2: x", ("SetPriority", P2, "x")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "intent"), COMMANDS)
def test_a_command(text: str, intent: tuple[object, ...]) -> None:
    """ "A word without argument counts only alone on its line", "a word with free text needs its colon", "a shaped
    argument must have its shape", "any case"."""
    found = read(text)
    assert [said(i) for i in found.intents] == [intent]
    assert found.comment == ""
    assert found.near_miss == ""
    only = found.intents[0]
    assert (only.by, only.evidence, only.issue, only.mail) == ("sara@acme.example", EVIDENCE, 7, 3)


PROSE = [
    "I agree with Bob", "I agree that it is bad", "agree with that", "agree?", "agreed with sales: P1", "- agree",
    "* agree", "1. agree", "• P1", "(agree)", "Please update: the docs are old", "Update the docs, please",
    "update - we are on it", "updates: none", "P1 is what I would say", "P0 or P1", "P0, P1 or P2", "P0 - P3", "P1?",
    "P1 P2", "p10 because", "P1 queue is stuck", "mine too", "mine, I think", "help us please",
    "help: I cannot log in", "please help", "the owner bob@acme.example is away", "owner bob@acme.example is away",
    "owner of the shop", "owner's manual", "The owner is Bob", "list of things: a, b", "list everything",
    "status quo", "status: all is well", "status 500 from the server", "template for the fair", "process this please",
    "subscribe me to that", "unsubscribe link is broken", "decline works too", "declined: too late", "withdraw it",
    "resolve it today", "resolve the host first: 10.0.0.1", "reopen the door", "headline news",
    "doc is in the wiki somewhere", "doc draft pending", "doc: see page four there", "next update will follow",
    "next update in the evening", "correction of the text", "yes", "no", "Thanks!", "ok", "1", "#42", "Priority: P1",
    "Priority: 2 because", "fine", "updated", "as agreed", "🙂", "> agree", "$ agree", "~ agree", "= agree", "^ agree",
    "", "next updates: none",
]  # fmt: skip


@pytest.mark.parametrize("text", PROSE)
@pytest.mark.parametrize("fresh", [False, True])
def test_prose_is_no_command(text: str, fresh: bool) -> None:
    """Prose is a comment, "never lost", and is never answered with "unknown command"; a bullet makes a command prose,
    for that is how our own mails list the answers that one tap gives."""
    found = read(text, "Checkout is down", fresh=fresh, issue=None if fresh else 7)
    assert found.intents == ()
    assert found.near_miss == ""
    assert found.comment == (text if lines(text)[0].kind is Kind.NEW else "")


MALFORMED = [
    ("next update 25:00", "next_update"), ("next update in 0 minutes", "next_update"),
    ("next update in 3 weeks", "next_update"), ("next update 1h30", "next_update"),
    ("next update 14:30 UTC", "next_update"), ("next update at 14", "next_update"),
    ("next update: tomorrow", "next_update"), ("next update in 30", "next_update"),
    ("next update 13pm", "next_update"), ("next update in 9999 hours", "next_update"), ("owner bob", "owner"),
    ("owner:", "owner"), ("owner: bob miller", "owner"), ("owner a@acme.example b@acme.example", "owner"),
    ("owner a@b@acme.example", "owner"), ("owner sárá@acme.example", "owner"), ("status #x", "status"),
    ("agree #", "agree"), ("mine #1234567890", "mine"), ("P4 because of ACME", "priority"), ("doc wiki", "doc"),
    ("doc: javascript:alert(1)", "doc"), ("doc ftp://x.example", "doc"), ("headline:", "headline"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "key"), MALFORMED)
def test_a_shape_that_does_not_fit(text: str, key: str) -> None:
    """ "A shaped argument must have its shape": what was meant as one gets a reply "that says what would work"."""
    found = read(f"Hi Sara,\n{text}\nagree")
    assert [said(i) for i in found.intents] == [("NearMiss", text, WORDS.examples[key]), ("Agree",)]


NEAR = [
    ("unsubscibe", "unsubscribe"), ("Unsubcribe!", "unsubscribe"), ("unsuscribe me please", "unsubscribe"),
    ("subcribe", "subscribe"), ("subscibe", "subscribe"), ("subscribe me please", "subscribe"), ("agre", "agree"),
    ("argee.", "agree"), ("ok agree", "agree"), ("Agree, thanks", "agree"), ("agre #42", "agree"),
    ("statsu", "status"), ("statsu #42", "status"), ("status please", "status"), ("hlep", "help"), ("lsit", "list"),
    ("mien", "mine"), ("templat", "template"), ("Resolved", "resolve"), ("update", "update"),
    ("next update", "next_update"), ("owner", "owner"), ("desline", "decline"), ("P4", "priority"),
    ("Hi Sara,\nunsubscibe\nThanks", "unsubscribe"), ("updaet: the disk is full, we make room", "update"),
    ("Dipsute: all customers call us", "dispute"), ("reslove #42: a new disk", "resolve"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "key"), NEAR)
def test_a_near_miss(text: str, key: str) -> None:
    """ "A near-miss (`unsubscibe`) that is the whole new text … gets one clear reply that says what would work." """
    found = read(text)
    assert found == Reading((), text, WORDS.examples[key])
    longer = read(f"{text}\nThe shop is slow, too.")
    assert (longer.intents, longer.near_miss) == ((), "")


@pytest.mark.parametrize("text", ["Updates: none so far", "Solved: it was the cable", "Note: call me", "Hint: updaet"])
def test_what_is_no_near_miss(text: str) -> None:
    """Prose never is answered with "unknown command": real words before a colon are prose."""
    assert read(text) == Reading((), text, "")


@pytest.mark.parametrize(
    ("subject", "text", "near"),
    [
        ("", "updaet: the disk is full", ""),  # a report, whatever its first word
        ("", "unsubscibe", "unsubscribe"),
        ("unsubscibe", "", "unsubscribe"),
        ("help", "statsu", "status"),
        ("Newsletter", "unsubscibe", "unsubscribe"),
        ("Checkout is down", "agre", ""),  # a report, however short
        ("Checkout is down", "resolved", ""),
        ("Re: unsubscibe", "", ""),
        ("", "status #x", "status"),
        ("", "P1", ""),
    ],
)
def test_a_near_miss_in_a_fresh_mail(subject: str, text: str, near: str) -> None:
    """A fresh mail whose subject says something is a report; only joining and leaving are looked for in it."""
    found = read(text, subject, issue=None, fresh=True)
    assert found == Reading((), text, WORDS.examples[near] if near else "")


NUMBERED = [
    ("agree #42", ("Agree",)), ("mine #42.", ("TakeOwnership",)), ("P2 #42 because x", ("SetPriority", P2, "x")),
    ("P2 #42", ("SetPriority", P2, "")), ("P2 #42: x", ("SetPriority", P2, "x")),
    ("update #42: x", ("SendUpdate", "x", False)), ("resolve # 42: x", ("Resolve", "x")),
    ("decline #42: x", ("Decline", "x")), ("decline #42 because x", ("Decline", "x")), ("reopen #42", ("Reopen", "")),
    ("status #42", ("Ask", "status")), ("owner #42 sara@acme.example", ("NameOwner", "sara@acme.example")),
    ("owner sara@acme.example #42", ("NameOwner", "sara@acme.example")),
    ("doc #42 https://x.example", ("SetDoc", "https://x.example")),
    ("next update #42 in 30 minutes", in_("in 30 minutes", minutes=30)), ("headline #42: x", ("SetHeadline", "x")),
    ("correction #42: x", ("SendUpdate", "x", True)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "intent"), NUMBERED)
@pytest.mark.parametrize("fresh", [False, True])
def test_a_number_names_the_issue(text: str, intent: tuple[object, ...], fresh: bool) -> None:
    """ "`#42` after the word names the issue where the mail is no reply to it." """
    found = read(f"{text}", "Some words", issue=None if fresh else 7, fresh=fresh)
    assert [said(i) for i in found.intents] == [intent]
    assert found.intents[0].issue == 42


def test_several_commands() -> None:
    """ "Several commands in one mail", each with its own issue; the text that is no command is the comment."""
    found = read(
        "Hi all,\n\nI looked at it.\nP1 because nobody can pay\nowner bob@acme.example\nupdate: Bob restarts it.\n\n"
        "More soon.\nnext update in 30 minutes\nupdate #8: Same here.\nupdate #8: And again.\nlist\n"
        "Bob, can you call me?\n\nThanks,\nSara"
    )
    assert [(i.issue, *said(i)) for i in found.intents] == [
        (7, "SetPriority", P1, "nobody can pay"),
        (7, "NameOwner", "bob@acme.example"),
        (7, "SendUpdate", "Bob restarts it.\n\nMore soon.", False),
        (7, *in_("in 30 minutes", minutes=30)),
        (8, "SendUpdate", "Same here.", False),
        (8, "SendUpdate", "And again.", False),
        (7, "Ask", "list"),
    ]
    assert found.comment == "I looked at it.\nBob, can you call me?"


@pytest.mark.parametrize(
    "text", ["Hi Sara,\n\nagree\n\nThanks!\nBob", "agree\nBest, Bob", "Hello team\nagree", "agree\n$ -- \n$ Bob"]
)
def test_courtesy_around_commands_is_no_comment(text: str) -> None:
    """A salutation and a closing are not worth carrying to anybody."""
    found = read(text)
    assert found == Reading(read("agree").intents, "", "")


def test_a_headline_is_one_line() -> None:
    """A headline goes into subjects; what stands below it is said to somebody else."""
    found = read("headline: Checkout is down\nBob, is that right?")
    assert [said(i) for i in found.intents] == [("SetHeadline", "Checkout is down")]
    assert found.comment == "Bob, is that right?"


@pytest.mark.parametrize("kind", [k for k in Kind if k is not Kind.NEW])
def test_only_new_text_holds_commands(kind: Kind) -> None:
    """ "Neither quote, signature nor forwarded block holds commands" (trust.md C10); each ends the free text above."""
    rows = (
        Line("update: on it", Kind.NEW),
        Line("agree", kind),
        Line("", kind),
        Line("P0", kind),
        Line("Any news?", Kind.NEW),
    )
    found = commands_in(rows, issue=7)
    assert [said(i) for i in found.intents] == [("SendUpdate", "on it", False)]
    assert found.comment == "Any news?"


def test_commands_may_stand_anywhere_in_new_text() -> None:
    """ "New text is what does not stand in the mail of ours …, wherever it stands (top, inline, below)." """
    parent = "Answer with one line:\n- agree\n- P2 because …\n\nWho is affected?\nACME\n"
    quoted = "".join(f"> {row}\n" for row in parent.splitlines())
    for text in (f"agree\n\nOn Monday X wrote:\n{quoted}", f"On Monday X wrote:\n{quoted}\nagree\n"):
        found = commands_in(split(text, parent), "Re: x", issue=7)
        assert [said(i) for i in found.intents] == [("Agree",)]


def test_too_many_commands() -> None:
    """ "<= 10 commands a mail" (trust.md C10): beyond it none is done, and nothing of the text is lost."""
    ten = "\n".join(f"mine #{n}" for n in range(1, LIMIT + 1))
    assert len(read(ten).intents) == LIMIT
    eleven = f"{ten}\nagree\nand a word"
    assert read(eleven) == Reading((), eleven, "", too_many=LIMIT + 1)


@pytest.mark.parametrize(
    ("subject", "text", "intents", "comment"),
    [
        ("help", "", [("Ask", "help")], ""),
        ("Subscribe", "Hi,\n\nThanks\nBob", [SUBSCRIBE], ""),
        ("unsubscribe", "I get too many mails", [UNSUBSCRIBE], "I get too many mails"),
        ("status #42", "", [("Ask", "status")], ""),
        ("list", "", [("Ask", "list")], ""),
        ("[bugs] template", "", [("Ask", "template")], ""),
        ("mine #42", "I know it", [("TakeOwnership",)], "I know it"),
        ("subscribe", "subscribe", [SUBSCRIBE], ""),
        ("Re: subscribe", "", [], ""),
        ("Fwd: subscribe", "", [], ""),
        ("help", "The shop is down", [], "The shop is down"),
        ("help us", "", [], ""),
        ("P0: site down", "", [], ""),
        ("P0", "", [], ""),
        ("P0 because nobody can pay", "", [], ""),
        ("update: it is worse", "", [], ""),
        ("decline", "", [], ""),
        ("agree", "the shop is down", [], "the shop is down"),
    ],
)
def test_a_command_in_the_subject(subject: str, text: str, intents: list[tuple[object, ...]], comment: str) -> None:
    """ "… or alone in the subject", of a fresh mail. A priority there is a report; `help` with a text asks for help."""
    found = read(text, subject, issue=None, fresh=True)
    assert [said(i) for i in found.intents] == intents
    assert found.comment == comment
    assert read(text, subject, issue=7, fresh=False).intents == read(text, "x").intents


@pytest.mark.parametrize(
    ("text", "intents"),
    [
        ("P0\n\nThe shop is down", []),  # the report's own priority
        ("P1 because nobody can pay", []),
        ("The shop is down.\nUpdate: the phones, too\nResolve: restart?\nFixed: no", []),
        ("Owner: unknown\nThe shop is down", []),
        ("The shop is down\nnext update 25:00", []),
        ("agree", [("Agree",)]),  # "which issue?" is answered by the process
        ("Hi,\nupdate: on it", [("SendUpdate", "on it", False)]),
        ("The shop is down.\nlist\nsubscribe", [("Ask", "list"), SUBSCRIBE]),
        ("The shop is down.\nmine #42", [("TakeOwnership",)]),
    ],
)
def test_a_report_with_lines_like_commands(text: str, intents: list[tuple[object, ...]]) -> None:
    """A fresh mail is a report before all: a line `Update: …` in it must not tear it, nor a wrong shape refuse it."""
    found = read(text, "Shop", issue=None, fresh=True)
    assert [said(i) for i in found.intents] == intents
    assert intents or found.comment == text


def test_words_of_another_language() -> None:
    """Words come from a table: nothing of a language stands in the code."""
    table = TABLE.replace('agree = ["agree", "agreed"]', 'agree = ["Einverstanden"]').replace(
        'because = ["because"', 'because = ["weil"'
    )
    table = table.replace('next_update = ["next update"]', 'next_update = ["nächste Meldung"]').replace(
        'minutes = ["minutes"', 'minutes = ["Minuten"'
    )
    words = parse_words(table)
    rows = tuple(
        Line(row, Kind.NEW)
        for row in ("EINVERSTANDEN!", "P2 weil es geht", "Na\u0308chste Meldung in 20 Minuten", "agree")
    )
    found = commands_in(rows, issue=7, words=words)
    assert [said(i) for i in found.intents] == [
        ("Agree",),
        ("SetPriority", P2, "es geht"),
        in_("in 20 Minuten", minutes=20),
    ]


# --- hostile text ----------------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        "agree", "P1", "P2 because ", "update: ", "next update ", "in 30 minutes", "14:30", "owner ",
        "sara@acme.example", "<", ">", "#42", "#", " ", "\n", ":", "*", "`", "decline", "status", "headline: ",
        "doc ", "https://x.example", "Thanks", "Hi,", "1h30", "٣", "²", "\u0301", "\x00", "\u2028", "ſubscribe", "İ",
        "ß", "p.m.",
    ]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=20).map("".join))


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(st.tuples(TEXTS, st.sampled_from(Kind)), max_size=14),
    subject=TEXTS,
    number=st.one_of(st.none(), st.just(7)),
    fresh=st.booleans(),
)
def test_any_text_iscommands_in(rows: list[tuple[str, Kind]], subject: str, number: int | None, fresh: bool) -> None:
    """Never raises; no command without new text or subject; no near-miss beside commands; at most ten."""
    given_lines = tuple(Line(text, kind) for text, kind in rows)
    found = commands_in(given_lines, subject, issue=number, fresh=fresh)
    new = any(line.kind is Kind.NEW and line.text.strip() for line in given_lines)
    assert new or fresh or not found.intents
    assert not (found.near_miss and found.intents)
    assert len(found.intents) <= LIMIT
    for intent in found.intents:
        assert not isinstance(intent, want.SetNextUpdate) or (intent.after is None) != (intent.clock is None)
        assert not isinstance(intent, want.NearMiss) or len((intent.said + "x").splitlines()) == 1


@settings(max_examples=300, deadline=None)
@given(text=TEXTS)
def test_nothing_new_is_lost(text: str) -> None:
    """ "Text that is no command is a comment, never lost": without a command the comment is the whole text."""
    found = commands_in((Line(text, Kind.NEW),), issue=7)
    assert found.intents or found.comment == text.strip()


UNITS = [
    "agree\n", "update: x\n", "update: ", "a\n", "Hi\n", "Thanks\n", "P1 because ", "next update in ",
    "next update 1 ", "owner a@b.example ", "doc https://x.example ", "doc <", "*", " ", "#", "status #",
    "\u0301\u0316", "P1\n", "\n", "headline:\n\n\n\n", "Re: ", "[a] ", "unsubscibe ", "agree #",
]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_time_is_linear(unit: str) -> None:
    """trust.md C6: "time ratio <= 15 for 10 x input"."""
    assert ratio(unit, Kind.NEW, lambda rows, text: commands_in(rows, fresh=True)) <= 15
    assert ratio(unit, Kind.NEW, lambda rows, text: commands_in((), text, fresh=True)) <= 15
