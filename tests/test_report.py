"""A report is read leniently, as people really write (process.md 2)."""

from __future__ import annotations

import dataclasses
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triagemail.mail import report
from triagemail.mail.priority import pick
from triagemail.mail.quoting import Kind, Line, split
from triagemail.mail.report import Report
from triagemail.mail.words import parse_words, plain, read_subject
from triagemail.process.model import Priority, Question

ROOT = Path(__file__).parent.parent
WORDS = parse_words((ROOT / "templates" / "en" / "words.toml").read_text(encoding="utf-8"))
DEFAULTS = tomllib.loads((ROOT / "triagemail" / "defaults.toml").read_text(encoding="utf-8"))
QUESTIONS = tuple(Question(**{**q, "aliases": tuple(q["aliases"])}) for q in DEFAULTS["question"])
P0, P1, P2, P3 = Priority
MARKS = {">": Kind.QUOTE, "=": Kind.OURS, "~": Kind.FORWARDED, "$": Kind.SIGNATURE, "^": Kind.INTRO}


def lines(text: str) -> tuple[Line, ...]:
    """Lines that start with a mark and a space get its kind: `> ` quote, `= ` ours, `~ ` forwarded, `$ ` signature, `^ ` intro."""
    marked = [(MARKS.get(row[:1]) if row[1:2] == " " else None, row) for row in text.split("\n")]
    return tuple(Line(row[2:], kind) if kind else Line(row, Kind.NEW) for kind, row in marked)


def read(text: str, subject: str = "Checkout is down", *, attachments: bool = False, reply: bool = False) -> Report:
    return report.read(lines(text), subject, QUESTIONS, words=WORDS, attachments=attachments, reply=reply)


FULL = {
    "what": "The checkout shows a blank page.",
    "expected": "An order.",
    "see": "Click on pay.",
    "affected": "Everybody, no workaround.",
    "priority": "P1",
}


# --- the shapes ------------------------------------------------------------------------------------------------------

SHAPES = {
    "label and answer": """\
What is happening? The checkout shows a blank page.
Expected behaviour: An order.
Steps to reproduce: Click on pay.
Who is affected? Everybody, no workaround.
Priority: P1""",
    "numbered, answer on the next line": """\
1. What is happening?
The checkout shows a blank page.

2. What did you expect instead?
An order.

3. How can we see it ourselves?
Click on pay.

4. Who is affected, and can they work around it?
Everybody, no workaround.

5. What type of response do you want from me?
P1""",
    "numbered, answer on the same line": """\
1) What is the issue? The checkout shows a blank page.
2) What should happen? An order.
3) How to reproduce: Click on pay.
4) Impact - Everybody, no workaround.
5) Priority (0-3): P1""",
    "bulleted": """\
- What happened: The checkout shows a blank page.
* Expected: An order.
• Evidence (logs, screenshots, links): Click on pay.
– Impact: Everybody, no workaround.
- Prio: P1""",
    "only numbers": """\
1. The checkout shows a blank page.
2. An order.
3. Click on pay.
4. Everybody, no workaround.
5. P1""",
    "form of a web page, one cell a line": """\
What is happening?: The checkout shows a blank page.
What did you expect instead?: An order.
How can we see it ourselves?: Click on pay.
Affected customers: Everybody, no workaround.
Type of response: P1""",
    "table, cells apart": """\
Problem  The checkout shows a blank page.
Expected result\tAn order.
Steps to reproduce    Click on pay.
Affected  Everybody, no workaround.
Priority  P1""",
    "table with edges": """\
| What is happening? | The checkout shows a blank page. |
| Expected | An order. |
| Steps | Click on pay. |
| Impact | Everybody, no workaround. |
| Priority | P1 |""",
    "numbered table": """\
1  Problem  The checkout shows a blank page.
2  Expected  An order.
3  Steps  Click on pay.
4  Impact  Everybody, no workaround.
5  Priority  P1""",
    "stars": """\
*What is happening?*
The checkout shows a blank page.
*What did you expect instead?* An order.
*Steps to reproduce:* Click on pay.
*Impact* Everybody, no workaround.
*Priority*: P1""",
    "bold": """\
**What is happening?**
The checkout shows a blank page.
__Expected__ An order.
**Steps to reproduce:** Click on pay.
**Who is affected?** Everybody, no workaround.
**Priority** P1""",
    "headings": """\
# What is happening?
The checkout shows a blank page.

## Expected behavior
An order.

### Steps to reproduce
Click on pay.

## Impact
Everybody, no workaround.

## Priority
P1""",
    "capitals, accents, arrows": """\
WHAT IS HAPPENING -> The checkout shows a blank page.
ÈXPECTED = An order.
How can we see it? Click on pay.
“Who’s affected?” Everybody, no workaround.
PRIORITY -> P1""",
    "by number": """\
Answer 1: The checkout shows a blank page.
answer 2 - An order.
Q3: Click on pay.
Question 4: Who is affected? Everybody, no workaround.
Answer #5: P1""",
    "tick boxes": """\
[x] 1. What is happening? The checkout shows a blank page.
[ ] 2. What did you expect instead?
    An order.
☐ 3. How can we see it ourselves? Click on pay.
( ) 4. Who is affected, and can they work around it? Everybody, no workaround.
[ ] 5. What type of response do you want from me?
    P1""",
    "with its help text": """\
1. What is happening? What did you see, where, since when?
The checkout shows a blank page.
2. What did you expect instead?
It is fine to answer "not sure".
An order.
3. How can we see it ourselves?
Steps, a link, an account or order number. A screenshot or a
recording is enough: no typing needed.
Click on pay.
4. Who is affected, and can they work around it?
Which customers, how many. Everybody, no workaround.
5. What type of response do you want from me?
This is the priority: P0, P1, P2 or P3. You pick it, and we may ask you about it.
P1""",
    "greeting and closing": """\
Hi team,

What is happening? The checkout shows a blank page.
Expected: An order.
Steps: Click on pay.
Priority: P1
Impact: Everybody, no workaround.

Kind regards,
Bob Miller
ACME Support""",
    "German": """\
Was passiert? The checkout shows a blank page.
Erwartetes Verhalten: An order.
Schritte zur Reproduktion: Click on pay.
Wer ist betroffen? Everybody, no workaround.
Priorität: P1""",
    "French, accents apart": """\
Que se passe-t-il ? The checkout shows a blank page.
Comportement attendu : An order.
E\u0301tapes : Click on pay.
Qui est touché ? Everybody, no workaround.
Priorite\u0301 : P1""",
    "Spanish": """\
¿Qué está pasando? The checkout shows a blank page.
Resultado esperado: An order.
Pasos para reproducir: Click on pay.
¿Quién está afectado? Everybody, no workaround.
Prioridad: P1""",
}


@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES)
def test_every_shape_that_people_write(text: str) -> None:
    """ "A report is read leniently, as people really write … any alias, any case, any charset." """
    found = read(text)
    assert found.answers == FULL
    assert found.priority is P1
    assert found.labelled
    assert found.rest == ""


def test_answers_run_over_several_lines() -> None:
    """ "…with the answer on the same or the next lines": up to the next label, with blank lines and lists inside."""
    found = read("What is happening?\nA\n\nB\nSteps to reproduce:\n1. log in\n2. pay\nBrowser: any\nPriority: P2")
    assert found.answers == {"what": "A\n\nB", "see": "1. log in\n2. pay\nBrowser: any", "priority": "P2"}


def test_two_labels_of_one_question_are_joined() -> None:
    """Nothing that was answered is lost: actual behaviour and description are both answer 1."""
    assert read("Description: blank page\nActual behaviour: no order").answers == {"what": "blank page\nno order"}


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("Affected: ACME\nWorkaround: none", {"affected": "ACME\nWorkaround: none"}),
        ("Is there a workaround? yes, by phone", {"affected": "Is there a workaround? yes, by phone"}),
        ("Problem: down\nSince when: 9:00", {"what": "down\nSince when: 9:00"}),
        ("Order number: 4711", {"see": "Order number: 4711"}),
        ("Workaround", {"what": "Workaround"}),
    ],
)
def test_a_part_of_a_question_keeps_its_words(text: str, answers: dict[str, str]) -> None:
    """ "When answer 4 names a workaround (and does not deny one)": `Workaround: none` must still say so in the answer."""
    assert read(text).answers == answers


def test_free_text_on_top_is_answer_one() -> None:
    """ "Free text on top", joined with a labelled answer 1 where there is one; the salutation is left out."""
    found = read("Hi team,\nthe shop is slow.\n\nWhat is happening? 30 seconds a page\nPriority: 2")
    assert found.answers == {"what": "the shop is slow.\n30 seconds a page", "priority": "2"}
    assert read("The shop is slow.\nImpact: all").answers == {"what": "The shop is slow.", "affected": "all"}


def test_free_text_without_a_label_is_a_report() -> None:
    """ "Free text without one label is a report too: the whole text is answer 1 and the rest is asked for." """
    text = "Hi,\nthe checkout is down since 9.\n\nCan you look?\nThanks, Bob"
    found = read(f"\n{text}\n\n")
    assert found.answers == {"what": text}
    assert found.priority is None
    assert not found.labelled


@pytest.mark.parametrize(
    "text",
    [
        "The problem is that nobody can pay",
        "Expected to work, but it does not",
        "Who is affected by what is hard to say",
        "Priority is high for us",
        "Steps have been taken",
        "Customers are angry: they call us",
        "I did this:\n1. log in\n2. pay\n3. see an error",
        "Issue-tracking is down",
        "answer me soon",
        "What is happening with you",
    ],
)
def test_prose_that_starts_like_a_label_is_prose(text: str) -> None:
    """A label is followed by its sign, its cell or its line's end; else the words are the reporter's own."""
    found = read(text)
    assert found.answers == {"what": text}
    assert not found.labelled


# --- no answers ------------------------------------------------------------------------------------------------------


def test_a_template_left_as_it_was_sent() -> None:
    """ "A template left as it was sent counts as no answer": labels, help text and all."""
    empty = report.blank(QUESTIONS)
    for text in (empty, f"Hi,\n\n{empty}\nThanks\nBob", empty.upper(), empty.replace("\n", "\n\n")):
        assert read(text).answers == {}, text
        assert read(text).priority is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "…",
        "[ ]",
        "?",
        "-",
        "--",
        "_____",
        "<your answer>",
        "[your answer here]",
        "TBD",
        "(please fill in)",
        "***",
    ],
)
def test_a_placeholder_is_no_answer(text: str) -> None:
    """ "A field whose answer equals the template's placeholder counts as missing" (libraries.md 3)."""
    assert read(f"Expected: {text}\nImpact:\n{text}\nPriority: {text}").answers == {}


@pytest.mark.parametrize("text", ["n/a", "not sure", "none", "no", "0", "I don't know", "不明", "nothing, why?"])
def test_short_answers_are_answers(text: str) -> None:
    """ "("not sure" is an answer …)", and so is `n/a`."""
    assert read(f"What did you expect instead?\n{text}").answers == {"expected": text}


@pytest.mark.parametrize(
    "text",
    ["Hi,", "Hello team", "Hallo", "Dear Sara Miller,", "Hi!\n\nThanks,\nBob", "Best regards\nBob Miller", "thanks!"],
)
def test_courtesy_alone_is_no_answer(text: str) -> None:
    """A salutation or a closing alone says nothing about the issue."""
    assert read(text).answers == {}


@pytest.mark.parametrize(
    "text", ["Hi, the site is down", "Hello shop is broken", "Thanks, but it fails again", "Hi down"]
)
def test_text_after_a_salutation_is_an_answer(text: str) -> None:
    """Courtesy is only what is courtesy as a whole line."""
    assert read(text).answers == {"what": text}


# --- the priority ----------------------------------------------------------------------------------------------------


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
    assert read(f"What type of response do you want from me?\n{text}").priority is priority


def test_an_answer_that_names_no_priority_is_not_lost() -> None:
    """Prose in place of the priority is no priority, and stays readable for the triager."""
    found = read("Problem: down\nPriority: please call me at once")
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
    """ "A priority in the subject (`[P1] …`, `P0: …`; `URGENT` is *not* a priority)"; "no … priority … in a forwarded subject
    counts. A subject of our own form never sets a priority." The headline is free of all of them (trust.md X9)."""
    found = read("It fails.", subject)
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
    """Answer 5 stands before a line that says nothing else, that before the subject; a quote and a signature never count."""
    assert read(text, subject).priority is priority


def test_a_lone_priority_is_no_answer_one() -> None:
    """A report that is nothing but `P0` is a P0 without answers, told to the triager at once, not one about "P0"."""
    assert read("P0").answers == {"priority": "P0"}
    assert read("Hi,\nP0\nImpact: all\nThanks").answers == {"affected": "all", "priority": "P0"}


# --- replies, quotes, forwarded mails --------------------------------------------------------------------------------


def test_answers_under_the_quoted_questions() -> None:
    """ "Answers typed under the quoted questions of our own mail (inline …)"; text on top is no answer 1 then."""
    text = (
        "Hi, see inline.\n^ On Monday we wrote:\n= [x] 1. What is happening?\n= Blank page\n= [ ] 2. What did you expect instead?\n"
        "An order.\n> [ ] 4. Who is affected?\n> Which customers, how many.\nACME\nand Globex\n= [ ] 5. Priority\n1"
    )
    found = read(text, "Re: [#42] Shop down", reply=True)
    assert found.answers == {"expected": "An order.", "affected": "ACME\nand Globex", "priority": "1"}
    assert found.priority is P1
    assert found.rest == "Hi, see inline."
    assert found.material == ""


def test_an_answer_at_the_end_of_our_question() -> None:
    """What is typed on the question's own line is seen as quoted by every reader of mail, and is an answer all the same."""
    text = "= 1. What is happening? Blank page\n> 2. What did you expect instead? An order.\n> 5. What type of response do you want from me? P1"
    found = read(text, "Re: [#42] Shop down", reply=True)
    assert found.answers == {"expected": "An order.", "priority": "P1"}


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("> Priority: P0\nme too", True),  # not the words of our mails: somebody else's report
        ("> What type of response do you want from me? P0\nme too", False),  # no reply to us: a colleague's report
        ("= What type of response do you want from me? P0\nthanks", True),  # stands in our mail, so it is known
        ("= Priority (0-3)\n= P0, P1, P2 or P3\nthanks", True),
    ],
)
def test_no_priority_from_a_quote(text: str, reply: bool) -> None:
    """ "A leak of our own quoted template is the dangerous case" (libraries.md 3; trust.md C10)."""
    assert read(text, reply=reply).priority is None


def test_text_far_below_our_questions_is_no_answer() -> None:
    """Who writes below the whole quote answers the mail, not its last question."""
    footer = "\n".join(f"= line {n}" for n in range(20))
    found = read(f"= 4. Who is affected?\n{footer}\nThanks, it works again", reply=True)
    assert found.answers == {}
    assert found.rest == "Thanks, it works again"


def test_numbers_fill_gaps_in_a_reply() -> None:
    """ "Can be answered by filling the gaps": by the numbers of the questions that were open."""
    assert read("3. https://acme.example/a\n4. ACME only", reply=True).answers == {
        "see": "https://acme.example/a",
        "affected": "ACME only",
    }
    assert read("5. P1", reply=True).priority is P1
    assert read("1. restarted\n2. cleared the cache", reply=True).answers == {}


def test_free_text_of_a_reply_is_no_answer() -> None:
    """In a reply answer 1 was asked and given; what is said without a label is a comment."""
    found = read("It happens on the phone too", "Re: [#42] Shop down", reply=True)
    assert found.answers == {}
    assert found.rest == "It happens on the phone too"


@pytest.mark.parametrize("style", ["quoted", "outlook"])
def test_inline_answers_as_mail_programs_send_them(style: str) -> None:
    """ "Answers typed under the quoted questions of our own mail (inline, also from Outlook …)" (trust.md C10: 0 answers lost)."""
    ours = report.blank(QUESTIONS) + "P0: drop everything\nP1: today\n\nYou get this mail because you reported it."
    typed = ours.replace("how many.", "how many.\nAll of ACME.").replace("from me?", "from me? P1").splitlines()
    if style == "quoted":
        new = ("All of ACME.",)
        quote = "\n".join(row if row in new else f"> {row}" for row in typed)
        text = f"See below.\n\nOn Mon, 3 Nov 2025 at 10:00, Issues <issues@acme.example> wrote:\n{quote}"
    else:
        head = "From: Issues <issues@acme.example>\nSent: Monday, 3 November 2025 10:00\nTo: Bob\nSubject: [#42] x"
        text = f"See below.\n\n{head}\n\n" + "\n".join(typed)
    found = report.read(split(text, ours), "RE: [#42] x", QUESTIONS, words=WORDS, reply=True)
    assert found.answers == {"affected": "All of ACME.", "priority": "P1"}
    assert found.rest == "See below."


def test_a_forwarded_mail_is_material() -> None:
    """ "A forwarded mail … is kept as material for questions 1 and 3 …; no command or priority in it … counts." """
    found = read(
        "Please look.\n~ From: Carol <carol@globex.example>\n~ Priority: P0\n~ Problem: all is lost\n~ P0",
        "Fwd: [P0] Help",
    )
    assert found.priority is None
    assert found.answers == {"what": "Please look."}
    assert found.material == "From: Carol <carol@globex.example>\nPriority: P0\nProblem: all is lost\nP0"


def test_a_quoted_complaint_is_material_too() -> None:
    """Passing a customer's mail on by a reply to all is forwarding under another name."""
    found = read("See what they write.\n^ On Monday Carol wrote:\n> Priority: P0\n> The shop is down.")
    assert found.answers == {"what": "See what they write."}
    assert found.material == "On Monday Carol wrote:\nPriority: P0\nThe shop is down."
    assert found.priority is None


# --- evidence --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "attachments", "see"),
    [
        ("Down, see https://www.loom.com/share/1a.", False, "https://www.loom.com/share/1a"),
        ("Down (https://youtu.be/x)", False, "https://youtu.be/x"),
        ("Steps: click\n\nhttps://jam.dev/c/1", False, "click\n\nhttps://jam.dev/c/1"),
        ("Steps: click\nImpact: all https://jam.dev/c/1", False, "click\nhttps://jam.dev/c/1"),
        ("HTTPS://ACME.SHAREPOINT.COM/:v:/s/x", False, "HTTPS://ACME.SHAREPOINT.COM/:v:/s/x"),
        ("Down", True, report.ATTACHED),
        ("Steps: -", True, report.ATTACHED),
        ("Steps: click", True, "click"),
        ("Down, https://vimeo.com/1", True, "https://vimeo.com/1"),
        ("Down, https://shop.acme.example/", False, None),
        ("Down, https://notloom.com/1", False, None),
        ("Down, https://loom.com.evil.example/1", False, None),
        ("Down, https://loom.com@evil.example/1", False, None),
        ("Down\n> https://loom.com/1", False, None),
        ("Down\n$ https://loom.com/me", False, None),
    ],
)
def test_a_recording_or_an_attachment_answers_question_three(text: str, attachments: bool, see: str | None) -> None:
    """ "Answer 3 is also given by an attachment or by a link that matches the recording patterns (Loom and the like)." """
    assert read(text, attachments=attachments).answers.get("see") == see


def test_recordings_are_a_parameter() -> None:
    """The recording patterns are a company's own."""
    found = report.read(lines("https://rec.acme.example/1"), "", QUESTIONS, words=WORDS, recordings=("acme.example",))
    assert found.answers["see"] == "https://rec.acme.example/1"


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
    text = "Hi team,\n\n1. What is happening?\n**The checkout is down** since nine o'clock this morning for all customers in Europe"
    assert read(text, subject).headline == "The checkout is down** since nine o'clock this morning for all"
    assert len(read("x" * 300, subject).headline) == 70


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
    assert read("It fails.", subject).headline == headline


def test_a_headline_without_answer_one() -> None:
    """Where nothing says what happens, the next best answer names the issue; an attachment's mark never does."""
    assert read("Impact: nobody can pay", "help").headline == "nobody can pay"
    assert read("", "help", attachments=True).headline == "help"


# --- the table -------------------------------------------------------------------------------------------------------


def test_no_wording_names_two_questions() -> None:
    """A label means one question, however it is written."""
    named: dict[str, str] = {}
    for question in QUESTIONS:
        for wording in (question.label, *question.aliases):
            assert named.setdefault(plain(wording), question.key) == question.key, wording


def test_every_alias_is_read() -> None:
    """ "Any alias, any case": each one, as `Alias: answer`."""
    for question in QUESTIONS:
        for alias in (question.label, *question.aliases):
            label = alias.rstrip(":")
            answer = "P1" if question.key == "priority" else "blue"
            found = read(f"{label.upper()}: {answer}").answers
            kept = f"{label.upper()}: {answer}" if alias.endswith(":") else answer
            assert found == {question.key: kept}, alias


def test_questions_may_be_reworded() -> None:
    """ "Template and priorities are data in the config … so a company can reword them." """
    questions = (
        Question(key="priority", label="Wie schnell?", aliases=("Eile",)),
        Question(key="happened", label="Was?", help="Was ging schief?"),
    )
    found = report.read(lines("Hallo,\nalles aus\nEile: P1"), "Hilfe", questions, words=WORDS)
    assert found.answers == {"happened": "alles aus", "priority": "P1"}
    assert found.headline == "alles aus"
    assert report.read(lines(report.blank(questions)), "", questions, words=WORDS).answers == {}


def test_the_defaults_are_those_of_the_process() -> None:
    """process.md 2: five questions, the last of them the priority; announce, cadence and timebox of each priority."""
    assert [q.key for q in QUESTIONS] == ["what", "expected", "see", "affected", "priority"]
    assert all(q.required and q.label.endswith("?") for q in QUESTIONS)
    rules = DEFAULTS["priority"]
    assert [
        (rules[p]["announce"], rules[p].get("cadence"), rules[p].get("timebox")) for p in ("P0", "P1", "P2", "P3")
    ] == [
        ("reported", "30m", "15m"),
        ("agreed", "60m", "30m"),
        ("never", None, None),
        ("never", None, None),
    ]


# --- hostile text ----------------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        "Priority: ", "P0", "P1 because ", "What is happening?", "answer 4: ", "Q1: Q1: ", "\n", " ", "[x] ", "1. ",
        "**", "(", ")", "0-3", "https://loom.com/a", "Hi,", "Thanks", "…", "\u0301", "\x00", "\u2028", "é", "#", "|",
        "  ", "-", "?", "Workaround: ", "²", "٣", "ﷺ",
    ]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=30).map("".join))


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(st.tuples(TEXTS, st.sampled_from(Kind)), max_size=12),
    subject=TEXTS,
    reply=st.booleans(),
    more=st.booleans(),
)
def test_any_text_is_read(rows: list[tuple[str, Kind]], subject: str, reply: bool, more: bool) -> None:
    """Never raises; a priority stands in `answers` exactly when there is one; the headline is one clean line."""
    given_lines = tuple(Line(text, kind) for text, kind in rows)
    found = report.read(given_lines, subject, QUESTIONS, words=WORDS, attachments=more, reply=reply)
    assert ("priority" in found.answers) == (found.priority is not None)
    assert set(found.answers) <= {q.key for q in QUESTIONS}
    assert all(text.strip() for text in found.answers.values())
    assert len((found.headline + "x").splitlines()) == 1
    assert len(found.headline) <= 200


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(st.tuples(TEXTS, st.sampled_from([k for k in Kind if k is not Kind.NEW])), max_size=12), subject=TEXTS
)
def test_only_new_text_answers(rows: list[tuple[str, Kind]], subject: str) -> None:
    """Without new text there is no answer but the subject's priority (trust.md C10)."""
    found = report.read(tuple(Line(text, kind) for text, kind in rows), subject, QUESTIONS, words=WORDS)
    assert set(found.answers) <= {"priority"}
    assert found.priority is read("x", subject).priority


@settings(max_examples=200, deadline=None)
@given(tag=st.sampled_from(["Fwd: ", "WG: ", "PRIORITY 0 ISSUE: ", "[#42] "]), subject=TEXTS)
def test_no_priority_in_these_subjects(tag: str, subject: str) -> None:
    """ "No … priority … in a forwarded subject counts. A subject of our own form never sets a priority." """
    assert read("x", tag + subject).priority is None
    assert read_subject(tag + subject, WORDS).own or read_subject(tag + subject, WORDS).forwarded


UNITS = [
    "a\n", "P1\n", "Priority: P1\n", "What is happening? ", "What " * 30 + "\n", "What is what is ", "* ", "*", " ",
    "[ ] ", "1. ", "Priority (", "P1 because ", "Re: ", "[a] ", "Hi\n", "Thanks\n", "\u0301\u0316", "e\u0301",
    "https://", "https://loom.com/a ", "answer 1: ", "\n", "Which customers ",
]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("place", ["new", "ours", "subject"])
def test_time_is_linear(unit: str, place: str) -> None:
    """trust.md C6: "time ratio <= 15 for 10 x input"."""

    def seconds(size: int) -> float:
        text = (unit * (size // len(unit) + 1))[:size]
        kind = Kind.OURS if place == "ours" else Kind.NEW
        rows = tuple(Line(row, kind) for row in ("x" if place == "subject" else text).split("\n"))
        started = time.process_time()
        report.read(rows, text if place == "subject" else "x", QUESTIONS, words=WORDS, reply=place == "ours")
        return time.process_time() - started

    assert seconds(1_000_000) <= 15 * max(seconds(100_000), 0.02)


def test_a_report_is_a_value() -> None:
    """Bytes become frozen values at the door (design 5.1)."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        read("x").headline = "y"  # type: ignore[misc]
