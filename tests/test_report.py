"""A report is read leniently, as people really write (process.md 2)."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import DEFAULTS, FULL, QUESTIONS, SHAPES, WORDS, blank, lines, ratio, report_of

from triagemail.mail import report
from triagemail.mail.quoting import Kind, Line, split
from triagemail.mail.report import Report
from triagemail.mail.words import plain
from triagemail.process.model import Priority, Question


@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES)
def test_every_shape_that_people_write(text: str) -> None:
    """ "A report is read leniently, as people really write … any alias, any case, any charset." """
    found = report_of(text)
    assert found.answers == FULL
    assert found.priority is Priority.P1
    assert found.labelled
    assert found.rest == ""


def test_answers_run_over_several_lines() -> None:
    """ "…with the answer on the same or the next lines": up to the next label, with blank lines and lists inside."""
    found = report_of("What is happening?\nA\n\nB\nSteps to reproduce:\n1. log in\n2. pay\nBrowser: any\nPriority: P2")
    assert found.answers == {"what": "A\n\nB", "see": "1. log in\n2. pay\nBrowser: any", "priority": "P2"}


def test_two_labels_of_one_question_are_joined() -> None:
    """Nothing that was answered is lost: actual behaviour and description are both answer 1."""
    assert report_of("Description: blank page\nActual behaviour: no order").answers == {"what": "blank page\nno order"}


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
    """ "When answer 4 names a workaround (and does not deny one)": `Workaround: none` must say so in the answer."""
    assert report_of(text).answers == answers


def test_free_text_on_top_is_answer_one() -> None:
    """ "Free text on top", joined with a labelled answer 1 where there is one; the salutation is left out."""
    found = report_of("Hi team,\nthe shop is slow.\n\nWhat is happening? 30 seconds a page\nPriority: 2")
    assert found.answers == {"what": "the shop is slow.\n30 seconds a page", "priority": "2"}
    assert report_of("The shop is slow.\nImpact: all").answers == {"what": "The shop is slow.", "affected": "all"}


def test_free_text_without_a_label_is_a_report() -> None:
    """ "Free text without one label is a report too: the whole text is answer 1 and the rest is asked for." """
    text = "Hi,\nthe checkout is down since 9.\n\nCan you look?\nThanks, Bob"
    found = report_of(f"\n{text}\n\n")
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
        "Was ich auch tue, nichts geht",
        "Wer zahlt, sieht eine leere Seite",
        "Zu 3 Kunden kommt keine Ware",
        "What is happening with you",
    ],
)
def test_prose_that_starts_like_a_label_is_prose(text: str) -> None:
    """A label is followed by its sign, its cell or its line's end; else the words are the reporter's own."""
    found = report_of(text)
    assert found.answers == {"what": text}
    assert not found.labelled


# --- no answers ------------------------------------------------------------------------------------------------------


def test_a_template_left_as_it_was_sent() -> None:
    """ "A template left as it was sent counts as no answer": labels, help text and all."""
    empty = blank(QUESTIONS)
    for text in (empty, f"Hi,\n\n{empty}\nThanks\nBob", empty.upper(), empty.replace("\n", "\n\n")):
        assert report_of(text).answers == {}, text
        assert report_of(text).priority is None


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
    assert report_of(f"Expected: {text}\nImpact:\n{text}\nPriority: {text}").answers == {}


@pytest.mark.parametrize("text", ["n/a", "not sure", "none", "no", "0", "I don't know", "不明", "nothing, why?"])
def test_short_answers_are_answers(text: str) -> None:
    """ "("not sure" is an answer …)", and so is `n/a`."""
    assert report_of(f"What did you expect instead?\n{text}").answers == {"expected": text}


@pytest.mark.parametrize(
    "text",
    ["Hi,", "Hello team", "Hallo", "Dear Sara Miller,", "Hi!\n\nThanks,\nBob", "Best regards\nBob Miller", "thanks!"],
)
def test_courtesy_alone_is_no_answer(text: str) -> None:
    """A salutation or a closing alone says nothing about the issue."""
    assert report_of(text).answers == {}


@pytest.mark.parametrize(
    "text", ["Hi, the site is down", "Hello shop is broken", "Thanks, but it fails again", "Hi down"]
)
def test_text_after_a_salutation_is_an_answer(text: str) -> None:
    """Courtesy is only what is courtesy as a whole line."""
    assert report_of(text).answers == {"what": text}


# --- replies, quotes, forwarded mails --------------------------------------------------------------------------------


def test_answers_under_the_quoted_questions() -> None:
    """ "Answers typed under the quoted questions of our own mail (inline …)"; text on top is no answer 1 then."""
    text = (
        "Hi, see inline.\n^ On Monday we wrote:\n= [x] 1. What is happening?\n= Blank page\n"
        "= [ ] 2. What did you expect instead?\nAn order.\n> [ ] 4. Who is affected?\n"
        "> Which customers, how many.\nACME\nand Globex\n= [ ] 5. Priority\n1"
    )
    found = report_of(text, "Re: [#42] Shop down", reply=True)
    assert found.answers == {"expected": "An order.", "affected": "ACME\nand Globex", "priority": "1"}
    assert found.priority is Priority.P1
    assert found.rest == "Hi, see inline."
    assert found.material == ""


def test_an_answer_at_the_end_of_our_question() -> None:
    """What is typed on the question's own line looks quoted to every reader of mail, and is an answer all the same."""
    text = "= 1. What is happening? Blank page\n> 2. What did you expect instead? An order.\n"
    text += "> 5. What type of response do you want from me? P1"
    for reply in (True, False):  # a reply to the mail that `template` sends is about no issue yet
        found = report_of(text, "Re: The report template", reply=reply)
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
    assert report_of(text, reply=reply).priority is None


def test_text_far_below_our_questions_is_no_answer() -> None:
    """Who writes below the whole quote answers the mail, not its last question."""
    footer = "\n".join(f"= line {n}" for n in range(20))
    found = report_of(f"= 4. Who is affected?\n{footer}\nThanks, it works again", reply=True)
    assert found.answers == {}
    assert found.rest == "Thanks, it works again"


def test_numbers_fill_gaps_in_a_reply() -> None:
    """ "Can be answered by filling the gaps": by the numbers of the questions that were open."""
    assert report_of("3. https://acme.example/a\n4. ACME only", reply=True).answers == {
        "see": "https://acme.example/a",
        "affected": "ACME only",
    }
    assert report_of("5. P1", reply=True).priority is Priority.P1
    for form in ("3 - {}\n4 - {}\n5 - {}", "3/ {}\n4/ {}\n5/ {}", "zu 3: {}\nzu 4: {}\nzu 5: {}"):
        found = report_of(form.format("a", "b", "P2"), reply=True).answers
        assert found == {"see": "a", "affected": "b", "priority": "P2"}
    assert report_of("3 - 4 customers call us", reply=True).answers == {}
    assert report_of("1. restarted\n2. cleared the cache", reply=True).answers == {}


def test_free_text_of_a_reply_is_no_answer() -> None:
    """In a reply answer 1 was asked and given; what is said without a label is a comment."""
    found = report_of("It happens on the phone too", "Re: [#42] Shop down", reply=True)
    assert found.answers == {}
    assert found.rest == "It happens on the phone too"


@pytest.mark.parametrize("style", ["quoted", "outlook"])
def test_inline_answers_as_mail_programs_send_them(style: str) -> None:
    """ "Answers typed under the quoted questions of our own mail (inline, also from Outlook …)" (trust.md C10)."""
    ours = blank(QUESTIONS) + "P0: drop everything\nP1: today\n\nYou get this mail because you reported it."
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
    found = report_of(
        "Please look.\n~ From: Carol <carol@globex.example>\n~ Priority: P0\n~ Problem: all is lost\n~ P0",
        "Fwd: [P0] Help",
    )
    assert found.priority is None
    assert found.answers == {"what": "Please look."}
    assert found.material == "From: Carol <carol@globex.example>\nPriority: P0\nProblem: all is lost\nP0"


def test_a_quoted_complaint_is_material_too() -> None:
    """Passing a customer's mail on by a reply to all is forwarding under another name."""
    found = report_of("See what they write.\n^ On Monday Carol wrote:\n> Priority: P0\n> The shop is down.")
    assert found.answers == {"what": "See what they write."}
    assert found.material == "On Monday Carol wrote:\nPriority: P0\nThe shop is down."
    assert found.priority is None


# --- for somebody else -----------------------------------------------------------------------------------------------

SARA = "sara@shop.example"


@pytest.mark.parametrize(
    ("line", "behalf", "via"),
    [
        ("reported by: sara@shop.example", SARA, ""),
        ("Reported by: Sara Miller <Sara@Shop.Example>", SARA, ""),
        ("On behalf of: sara@shop.example.", SARA, ""),
        ("REPORTED BY\u00a0: sara@shop.example", SARA, ""),
        ("- **Reported by:** sara@shop.example<mailto:sara@shop.example>", SARA, ""),
        ("| Reported by | sara@shop.example |", SARA, ""),
        ("Gemeldet von: sara@shop.example", SARA, ""),
        ("via: phone", "", "phone"),
        ("Via: a call at 9:00, from Berlin", "", "a call at 9:00, from Berlin"),
        ("*Via:* phone", "", "phone"),
    ],
)
@pytest.mark.parametrize("form", ["{}\nThe shop is down.", "The shop is down.\n{}", "Problem:\n{}\nThe shop is down."])
def test_a_triager_reports_for_somebody(line: str, behalf: str, via: str, form: str) -> None:
    """ "A triager may report for someone (`reported by: sara@example.com`, `via: phone`)": the lines are labels and
    stand in no answer; from anybody else, and in a reply, they are what they are."""
    text = form.format(line)
    found = report.read(lines(text), "Shop", QUESTIONS, words=WORDS, for_others=True)
    assert (found.behalf, found.via, found.answers) == (behalf, via, {"what": "The shop is down."})
    for other in (
        report_of(text),
        report.read(lines(text), "Shop", QUESTIONS, words=WORDS, for_others=True, reply=True),
    ):
        assert (other.behalf, other.via) == ("", "")
        assert line.split()[-1].strip("*|") in other.answers.get("what", "") + other.rest


@pytest.mark.parametrize(
    "line",
    [
        "reported by: sara",
        "reported by: sara@shop.example, bob@shop.example",
        "reported by: sára@shop.example",
        "reported by:",
        "Reported by sara@shop.example",
        "Reported by customers since 9",
        "via the app it works",
        "Via:",
        "via: " + "a long story of how it came to us " * 3,
        "> reported by: sara@shop.example",
        "~ via: phone",
    ],
)
def test_a_line_that_names_nobody_is_text(line: str) -> None:
    """ "Invalid": an address that is none, two of them, or no colon; the line stays where it was."""
    found = report.read(lines(f"The shop is down.\n{line}"), "Shop", QUESTIONS, words=WORDS, for_others=True)
    assert (found.behalf, found.via) == ("", "")
    assert found == report_of(f"The shop is down.\n{line}", "Shop")


def test_one_person_told_it() -> None:
    """A second `reported by: …` is text of the report, and a company's own question of that name stays a question."""
    text = "reported by: a@shop.example\nreported by: b@shop.example\nvia: phone\nDown."
    found = report.read(lines(text), "Shop", QUESTIONS, words=WORDS, for_others=True)
    assert (found.behalf, found.via) == ("a@shop.example", "phone")
    assert found.answers == {"what": "reported by: b@shop.example\nDown."}
    own = (*QUESTIONS, Question(key="who", label="Reported by"))
    found = report.read(lines("Problem: x\nReported by: a@shop.example"), "Shop", own, words=WORDS, for_others=True)
    assert (found.behalf, found.answers["who"]) == ("", "a@shop.example")


def test_one_word_labels_in_every_language() -> None:
    """Any alias, any case: what `What`, `Who` and `How` are in English."""
    full = {"what": "a", "see": "c", "affected": "d", "priority": "P2"}
    assert report_of("Was: a\nWie: c\nWer: d\nDringlichkeit: P2").answers == full
    assert report_of("Qué: a\nCómo: c\nQuién: d\nUrgencia: P2").answers == full
    assert report_of("Quoi : a\nComment le voir : c\nQui : d\nUrgence : P2").answers == full


def test_french_spaces_before_a_colon() -> None:
    """French sets a space that does not break before `:` and `?`, and a phone does so by itself."""
    found = report_of("Que se passe-t-il\u00a0? Page blanche\nComportement attendu\u202f: une page\nPriorité\u00a0: P1")
    assert found.answers == {"what": "Page blanche", "expected": "une page", "priority": "P1"}


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
    """ "Answer 3 is also given by an attachment or by a link that matches the recording patterns." """
    assert report_of(text, attachments=attachments).answers.get("see") == see


def test_recordings_are_a_parameter() -> None:
    """The recording patterns are a company's own."""
    found = report.read(lines("https://rec.acme.example/1"), "", QUESTIONS, words=WORDS, recordings=("acme.example",))
    assert found.answers["see"] == "https://rec.acme.example/1"


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
            found = report_of(f"{label.upper()}: {answer}").answers
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
    assert report.read(lines(blank(questions)), "", questions, words=WORDS).answers == {}


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
    assert found.priority is report_of("x", subject).priority


UNITS = [
    "a\n", "P1\n", "Priority: P1\n", "What is happening? ", "What " * 30 + "\n", "What is what is ", "* ", "*", " ",
    "[ ] ", "1. ", "Priority (", "P1 because ", "Re: ", "[a] ", "Hi\n", "Thanks\n", "\u0301\u0316", "e\u0301",
    "https://", "https://loom.com/a ", "answer 1: ", "\n", "Which customers ", "reported by: ", "via: ", "via: a@b\n",
    "reported by: a@b.example ",
]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("kind", [Kind.NEW, Kind.OURS])
def test_time_is_linear(unit: str, kind: Kind) -> None:
    """trust.md C6: "time ratio <= 15 for 10 x input"."""

    def work(rows: tuple[Line, ...], text: str) -> Report:
        ours = kind is Kind.OURS
        return report.read(rows, "Checkout", QUESTIONS, words=WORDS, reply=ours, for_others=not ours)

    assert ratio(unit, kind, work) <= 15


@pytest.mark.parametrize("unit", UNITS)
def test_time_is_linear_in_the_subject(unit: str) -> None:
    """trust.md C6, for a subject of the same text."""
    assert ratio(unit, Kind.NEW, lambda rows, text: report.read((), text, QUESTIONS, words=WORDS)) <= 15


def test_a_report_is_a_value() -> None:
    """Bytes become frozen values at the door (design 5.1)."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        report_of("x").headline = "y"  # type: ignore[misc]
