"""What a person newly wrote is found in every layout of every mail program; what we or others wrote is never taken
for it."""

from __future__ import annotations

import importlib.util
import json
import textwrap
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triagemail.mail.quoting import Kind, new_text, split

ROOT = Path(__file__).parent.parent
CORPUS = ROOT.parent / "shared/corpus/replies.jsonl"

ASK = """\
Thank you, we have your report: it is #42. Please add 5 more answers.

The most important one: how soon do you need us?

Answer with one line:
P0
P1
P2 because there is a workaround

Just answer this mail and write below each open question, marked [ ]. Some now and the rest later is fine too.

[ ] 1. What is happening?
What did you see, where, since when?

[ ] 2. What did you expect instead?
"Not sure" is an answer too.

[ ] 3. How can we see it ourselves?
Steps, a link, an account or order number. A screenshot is enough.

[ ] 4. Who is affected, and can they work around it?
Which customers, how many.

[ ] 5. What type of response do you want from me?
One of P0, P1, P2, P3. This one you must pick.

--\x20
You get this because issues@acme.example received this report from your address. At most one reminder follows.
agree
withdraw: it works again
"""

ANSWERS = {
    "1. What": ["The shop shows a white page since 9:40.", "Nobody can pay."],
    "2. What": ["the cart"],
    "3. How": ["https://shop.acme.example/cart and then Pay"],
    "4. Who": ["all customers, no workaround"],
    "5. What": ["P0"],
}
TYPED = [line for answer in ANSWERS.values() for line in answer]


def gt(text: str, wrap: int = 0) -> str:
    """Quoted with `> `; wrapped as some clients do, with the tail left unmarked by none of them."""
    lines = text.split("\n")
    if wrap:
        lines = [part for line in lines for part in (textwrap.wrap(line, wrap) or [""])]
    return "\n".join(f"> {line}".rstrip() for line in lines)


def inline(quoted: str, answers: dict[str, list[str]] = ANSWERS, *, blank: bool = True) -> str:
    """Each answer typed below its question and the question's help text."""
    blocks = []
    for block in quoted.replace("\n> \n", "\n>\n").split("\n>\n" if ">" in quoted else "\n\n"):
        typed = [line for key, answer in answers.items() if f"] {key}" in block for line in answer]
        blocks.append("\n".join([block, *([""] * blank), *typed, *([""] * blank)]) if typed else block)
    return ("\n>\n" if ">" in quoted else "\n\n").join(blocks)


def outlook(labels: str, bold: str = "", rule: str = "") -> str:
    """The header block of Outlook: `From|Sent|To|Subject` in the language of the program."""
    values = (
        "Acme Issues <issues@acme.example>",
        "Monday, May 3, 2027 10:00 AM",
        "Ann Lee <ann@acme.example>",
        "[#42] Shop down",
    )
    lines = [f"{bold}{label}:{bold} {value}" for label, value in zip(labels.split("|"), values, strict=True)]
    return "\n".join(filter(None, (rule, *lines))) + "\n"


@dataclass(frozen=True)
class Reply:
    """One reply to ASK, as a mail program writes it."""

    client: str
    text: str
    expected: list[str]
    parent: str = ASK


TOP = "It is P0.\nNobody can pay."
SAID = TOP.split("\n")
RULE = "_" * 32
US = "Acme Issues <issues@acme.example>"
GMAIL = f"On Mon, May 3, 2027 at 10:00 AM {US} wrote:"
ENGLISH = outlook("From|Sent|To|Subject")
RULED = outlook("From|Sent|To|Subject", rule=RULE)
APPLE = f"> Il giorno 3 mag 2027, alle ore 10:00, {US} ha scritto:\n>\n"
DUTCH = f"> Op 3 mei 2027 om 10:00 heeft {US} het volgende geschreven:\n>\n"
NOTES = f"From:\t{US}\nTo:\tAnn Lee/Acme@Acme\nDate:\t05/03/2027 10:00 AM\nSubject:\t[#42] Shop down\n\n\n"
ALONE = f"{US}\n05/03/2027 10:00 AM\n\nTo\nAnn Lee <ann@acme.example>\ncc\n\nSubject\n[#42] Shop down\n\n"
SAMSUNG = f"-------- Oprindelig besked --------\nFra: {US}\nDato: 03.05.2027 10.00 (GMT+01:00)\nTil: Ann\nEmne: [#42]\n"
STRANGE = f"Qa: {US}\nQb: 3.5.2027 10:00\nQc: Ann\nQd: [#42]\n"
MARKED, BARE = inline(gt(ASK)), inline(ASK)


def top(intro: str, quoted: str = gt(ASK)) -> str:
    """The answer, then the quote."""
    return f"{TOP}\n\n{intro}\n{quoted}"


def bottom(intro: str, quoted: str = gt(ASK), below: str = "") -> str:
    """The quote, then the answer."""
    return f"{intro}\n{quoted}\n\n{TOP}\n{below}"


REPLIES = [
    Reply("Gmail web, en, top", top(GMAIL), SAID),
    Reply("Gmail web, en, top, wrapped", top(GMAIL.replace("<", "<\n"), gt(ASK, 70)), SAID),
    Reply("Gmail web, en, inline", f"{GMAIL}\n\n{MARKED}", TYPED),
    Reply("Gmail web, en, bottom", bottom(GMAIL), SAID),
    Reply("Gmail mobile, de, top", top(f"Am Mo., 3. Mai 2027 um 10:00 Uhr schrieb {US}:"), SAID),
    Reply("Gmail mobile, fr, inline", f"Le lun. 3 mai 2027 à 10:00, {US} a\nécrit :\n\n{inline(gt(ASK, 72))}", TYPED),
    Reply("Gmail web, ja, top", top(f"2027年5月3日(月) 10:00 {US}:"), SAID),
    Reply("Gmail mobile, tr, no marks", top(f"{US}, 3 May 2027 Pzt, 10:00 tarihinde şunu yazdı:", ASK), SAID),
    Reply("Apple Mail, en, top", top(f"> On 3 May 2027, at 10:00, {US} wrote:\n> "), SAID),
    Reply("Apple Mail, it, inline", f"{APPLE}{inline(gt(ASK), blank=False)}", TYPED),
    Reply(
        "iOS, es, signature", top(f"Enviado desde mi iPhone\n\n> El 3 may 2027, a las 10:00, {US} escribió:\n>"), SAID
    ),
    Reply("iOS, nl, inline", f"Verstuurd vanaf mijn iPhone\n\n{DUTCH}{MARKED}", TYPED),
    Reply("Thunderbird, en, bottom", bottom("On 5/3/27 10:00, Acme wrote:", gt(ASK, 72), "\n-- \nAnn\nagree"), SAID),
    Reply(
        "Thunderbird, de, inline", f"Am 03.05.27 um 10:00 schrieb Acme:\n{inline(gt(ASK, 72))}\n\n-- \nAnn Lee", TYPED
    ),
    Reply("Thunderbird, pl, inline", f"W dniu 3.05.2027 o 10:00, Acme Issues pisze:\n{MARKED}", TYPED),
    Reply("Outlook desktop, en, top", top(ENGLISH, ASK), SAID),
    Reply("Outlook desktop, en, inline, no marks", f"See below.\n\n{ENGLISH}\n{BARE}", ["See below.", *TYPED]),
    Reply(
        "Outlook desktop, de, inline, no marks",
        f"Siehe unten\n\n{outlook('Von|Gesendet|An|Betreff')}\n{inline(ASK, blank=False)}",
        ["Siehe unten", *TYPED],
    ),
    Reply("Outlook desktop, fr", top(f"-----Message d'origine-----\n{outlook('De|Envoyé|À|Objet')}", ASK), SAID),
    Reply(
        "Outlook desktop, pt, bold, inline",
        f"Veja abaixo\n\n{outlook('De|Enviado|Para|Assunto', '*')}\n{BARE}",
        ["Veja abaixo", *TYPED],
    ),
    Reply("Outlook web, en, top", top(RULED, ASK), SAID),
    Reply("Outlook web, sv, inline", f"Hej,\n{outlook('Från|Skickat|Till|Ämne', rule=RULE)}\n{BARE}", ["Hej,", *TYPED]),
    Reply("Outlook mobile, en", top(f"Get Outlook for iOS<https://aka.ms/o0ukef>\n{RULED}", ASK), SAID),
    Reply("Outlook mobile, ru", top(f"Скачать Outlook для Android\n{outlook('От|Отправлено|Кому|Тема')}", ASK), SAID),
    Reply("Yahoo, en, top", f" {top(f'    On Monday, May 3, 2027, 10:00:00 AM GMT+2, {US} wrote:  ', ASK)}", SAID),
    Reply(
        "Yahoo, es, inline, no marks",
        f"Hola\n    El lunes, 3 de mayo de 2027, 10:00:00 GMT+2, {US} escribió:  \n \n {BARE}",
        ["Hola", *TYPED],
    ),
    Reply("Lotus Notes, en, labels with colons", top(NOTES, ASK), SAID),
    Reply("Lotus Notes, en, labels alone", top(ALONE, ASK), SAID),
    Reply(
        "mutt, en, inline", f"On Mon, May 03, 2027 at 10:00AM, Acme wrote:\n{inline(gt(ASK, 72), blank=False)}", TYPED
    ),
    Reply("mutt, cs, bottom", bottom("Dne 03. 05. 27 v 10:00 Acme napsal(a):", gt(ASK, 72), "-- \nAnn"), SAID),
    Reply("Zoho, en, top", top(f"---- On Mon, 03 May 2027 10:00:00 +0200 {US} wrote ----\n", ASK), SAID),
    Reply("Samsung, da, top", top(f"Sendt fra min Galaxy\n\n{SAMSUNG}", ASK), SAID),
    Reply("unknown language, no marks", top("Qorze 3 zwi 2027 10:00 Acme issues@acme.example frobul:", ASK), SAID),
    Reply("unknown header block, no marks", top(STRANGE, ASK), SAID),
    Reply("one tap, no quote", "P2 because there is a workaround\n", ["P2 because there is a workaround"]),
    Reply("one tap above the quote", f"P0\n\n{GMAIL}\n\n{gt(ASK)}", ["P0"]),
    Reply("a word of ours below the quote", f"{GMAIL}\n\n{gt(ASK)}\n\nagree", ["agree"]),
    Reply("marks of two depths", f"{GMAIL}\n\n{gt(gt(ASK))}\n{MARKED}", TYPED),
]


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: reply.client)
def test_answers_are_found_and_our_own_lines_are_not(reply: Reply) -> None:
    """trust.md C10: 0 commands from quoted text, 0 answers lost, wherever the answers stand."""
    lines = split(reply.text, reply.parent)
    assert reply.expected == [line.strip() for line in new_text(lines).split("\n") if line.strip()]


def test_there_are_enough_layouts() -> None:
    """trust.md C10: 25 real client layouts (Outlook, Gmail, Apple, Thunderbird, mobile; top, inline, bottom)."""
    assert len(REPLIES) >= 25


# --- forwarded mails -------------------------------------------------------------------------------------------------


def test_a_quote_below_a_forwarded_mail_is_a_quote() -> None:
    """process.md 2: only what was passed on is material."""
    lines = split(f"FYI\n\nBegin forwarded message:\n\n> a\n> b\n\nsee above\n\n{GMAIL}\n> agree")
    assert [line.kind for line in lines if line.text == "agree"] == [Kind.QUOTE]


def test_outlook_forwards_without_a_title() -> None:
    """process.md 2: "A forwarded mail (a customer's complaint, passed on) is kept as material"."""
    lines = split(outlook("From|Sent|To|Subject") + "\nThe shop is down\nP0")
    assert {line.kind for line in lines} == {Kind.FORWARDED}


def test_a_forwarded_mail_with_marks_ends_with_its_marks() -> None:
    """trust.md C10: "answers may stand anywhere in it; commands not inside ... a forwarded block"."""
    text = "FYI\n\nBegin forwarded message:\n\n> From: Bob <bob@acme.example>\n> Subject: x\n>\n> agree\n\nP1 for me"
    said = " ".join(line.text for line in split(text) if line.kind is Kind.NEW)
    assert said.split() == ["FYI", "P1", "for", "me"]


# --- signatures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "below",
    [
        "-- \nAnn\nagree", "--\nAnn Lee\nAcme", "—\nAnn", "__\nAnn", f"{RULE}\nshop mailing list\nshop@acme.example",
        "CONFIDENTIALITY NOTICE: This mail\nis not for you.\n\nDisclaimer: none", "-- \n\nYou received this message",
        "-----BEGIN PGP SIGNATURE-----\nVersion: 1\n\niQEzBAEBCAAdFiEE\n=x1y2\n-----END PGP SIGNATURE-----",
    ],
)  # fmt: skip
def test_a_signature_is_no_word_of_a_person(below: str) -> None:
    """trust.md C10: commands not inside a signature (RFC 3676 4.3, and what people write instead of its mark)."""
    assert new_text(split(f"Shop down\n\n{below}\n")) == "Shop down"


# --- nobody's words are lost -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "The checkout fails.\nError log from 2021-05-03 10:00:00 for bob@x.example:\nERROR 500\nmore",
        "On Monday we changed the DNS.\nOn the server I see:\nerror 1\nerror 2",
        "Mail bounces:\nFrom: a@b.example\nTo: c@d.example\nit never arrives",
        "Date: today\nSubject area: checkout\nbroken",
        "What I expected: a cart\nWhat I sent:\nnothing",
        "Priority: P1\nFrom: yesterday\nTo: now\nWho: all",
        "********** IMPORTANT **********\nShop is down\n==========\nSince 9:40",
        "This email is confidential to our team, but the shop is down",
        "Sent from the shop form, the order 4711 never arrives. It is P1, please.",
        "I wrote:\n\nnothing",
        "```\n> GET /cart\n< 500\nOn 3 May 2021 10:00, Bob <b@x.example> wrote:\n```\nas you see",
        ">>> import shop\n>>> shop.pay()\nTraceback",
        "| order | state |\n| 4711 | lost |",
        "2021-05-03 10:00:01 ERROR bob@x.example: no cart\n2021-05-03 10:00:02 ERROR ann@x.example: no cart",
        "May  3 10:00:00 mx postfix/smtp[123]: 4A1: to=<bob@x.example>, status=bounced (host said: 550):\nmore",
        "On 3 May 2021 at 10:00 it broke.\nThe customer says:\nnothing works",
        "--\nThe shop is down",
        "Sent from the shop form\nno order ever arrives",
        "At 10:15 he wrote:\nthe page is white",
        "-- it is a bullet\n-- another",
        "Hello\n\n-----\n\nThe shop is down\n\n-----\n\nThanks",
        "to unsubscribe from this list I wrote you twice, please remove me",
        "Re: the shop\nTo: everybody\nit is down",
        "A: yes\nB: no\nDo: nothing",
    ],
)
def test_what_only_looks_like_a_quote_stays(text: str) -> None:
    """libraries.md 3: losing a person's words is worse than a quoted line too many."""
    assert new_text(split(text)) == text


@pytest.mark.parametrize(
    "intro", ["Bob Roe (10:00) <bob@acme.example> wrote:", "Bob Roe <bob@acme.example> schrieb am 3.5.2027, 10:00:"]
)
def test_a_sentence_directly_above_an_intro_stays(intro: str) -> None:
    """libraries.md 3: losing a person's words is worse than a quoted line too many."""
    assert new_text(split(f"On the server nothing works\n{intro}\n> old")) == "On the server nothing works"


@pytest.mark.parametrize(
    ("long", "tail"),
    [
        ("> You wrote that the shop has been down since this morning and that nobody ca", "n pay at all"),
        ("> See the page that shows it (https://shop.acme.example/cart?", "id=4711) for more"),
    ],
)
def test_the_tail_of_a_wrapped_quote_is_no_answer(long: str, tail: str) -> None:
    """libraries.md 3: a program that wraps a quoted line leaves its end without a mark."""
    assert new_text(split(f"Yes\n\n{GMAIL}\n{long}\n{tail}\n> next")) == "Yes"


@pytest.mark.parametrize("answer", ["no, only ACME", "P1", "- ACME", "[x] all"])
def test_a_short_answer_between_quoted_lines_is_no_tail(answer: str) -> None:
    """process.md 2: "answers typed under the quoted questions of our own mail (inline)"."""
    question = "> 4. Who is affected, and can they work around it? Which customers, how many"
    if answer[0].islower():
        question += "?"
    assert new_text(split(f"{GMAIL}\n{question}\n{answer}\n> 5. How soon?")) == answer


def test_a_report_that_only_quotes_keeps_its_quote_as_material() -> None:
    """process.md 2: what others wrote is material, not the person's report."""
    assert {line.kind for line in split("> The shop is down\n> P0")} == {Kind.QUOTE}


# --- our own mail ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", ["", "> "])
def test_an_answer_behind_our_question_is_new_with_the_question(mark: str) -> None:
    """process.md 2: "answers typed under the quoted questions of our own mail (inline, also from Outlook in HTML)"."""
    quoted = ASK.replace("response do you want from me?", "response do you want from me? P1, please")
    text = f"{outlook('From|Sent|To|Subject')}\n{quoted}" if not mark else f"{GMAIL}\n\n{gt(quoted)}"
    assert new_text(split(text, ASK)) == "[ ] 5. What type of response do you want from me? P1, please"


def test_a_wrapped_question_and_the_answer_behind_it_come_together() -> None:
    """process.md 2: a client wraps our question, and the person types behind it."""
    text = f"{GMAIL}\n\n> [ ] 4. Who is affected, and can they\n> work around it? All of them"
    assert new_text(split(text, ASK)) == "[ ] 4. Who is affected, and can they work around it? All of them"


def test_a_colleagues_unmarked_quote_is_not_new() -> None:
    """trust.md C10: 0 commands from quoted text, also when our mail is quoted below the colleague's."""
    colleague = f"{outlook('From|Sent|To|Subject')}\ndecline: too dear\nP3\n\n"
    lines = split(f"mine\n\n{colleague}{outlook('Von|Gesendet|An|Betreff')}\n{ASK}", ASK)
    assert new_text(lines) == "mine"


def test_an_older_mail_below_ours_is_not_new() -> None:
    """trust.md C10: 0 commands from quoted text: below the next header block we wait for a line of ours again."""
    older = f"{outlook('Von|Gesendet|An|Betreff')}\ndecline: too dear\nP3"
    assert new_text(split(f"mine\n\n{ENGLISH}\n{ASK}\n\n{older}", ASK)) == "mine"


def test_a_colleagues_marked_quote_is_not_new() -> None:
    """trust.md C10: what is not in our mail is new only without a quote prefix."""
    lines = split(f"mine\n\n{GMAIL}\n> decline: too dear\n>\n> {GMAIL}\n{gt(gt(ASK))}", ASK)
    assert new_text(lines) == "mine"


@pytest.mark.parametrize("mark", ["", "> ", "> > "])
@pytest.mark.parametrize("marker", ["--- Please write above this line ---", "--- Please write above\nthis line ---"])
def test_nothing_below_our_marker_is_new(marker: str, mark: str) -> None:
    """libraries.md 3: cut at the marker's first occurrence, also inside '>' and wrapped."""
    below = "\n".join(mark + line for line in f"{marker}\nagree\nP0".split("\n"))
    assert new_text(split(f"P2 because it can wait\n\n{below}")) == "P2 because it can wait"


def test_text_below_a_marked_quote_with_our_marker_is_new() -> None:
    """trust.md C10: answers may stand below the quote (bottom posting)."""
    assert new_text(split(f"{GMAIL}\n> --- Please write above this line ---\n> agree\n\nmine")) == "mine"


def test_the_marker_is_a_parameter() -> None:
    """process.md 10: every sentence can be reworded or translated."""
    lines = split(
        "ja\n\n--- Bitte über dieser Zeile schreiben ---\nnein", markers=("--- Bitte über dieser Zeile schreiben ---",)
    )
    assert new_text(lines) == "ja"


WORDS = st.text("abcdefghijklmnopqrstuvwxyzäöüžжд字", min_size=4, max_size=9)
SENTENCES = st.lists(WORDS, min_size=3, max_size=30).map(" ".join)
OUR_MAIL = st.lists(SENTENCES, min_size=2, max_size=8).map("\n".join)


@settings(max_examples=60)
@given(OUR_MAIL, st.integers(20, 90), st.booleans(), st.booleans())  # columns at which programs wrap
def test_no_line_of_ours_is_left(ours: str, wrap: int, marked: bool, known: bool) -> None:
    """libraries.md 3: 100 % "no line of the parent is left" when the parent is given, however it was wrapped."""
    lines = [part for line in ours.split("\n") for part in textwrap.wrap(line, wrap)]
    quoted = "\n".join(f"> {line}" if marked else line for line in lines)
    intro = ENGLISH if known else "Qorze 3 zwi 2027, 10:00 Acme <issues@acme.example> frobul:\n"
    assert new_text(split(f"It is P0.\n\n{intro}\n{quoted}", ours)) == "It is P0."


def test_the_short_first_part_of_a_wrapped_line_is_no_answer() -> None:
    """libraries.md 3, as above: a few words that begin a line of ours, with the rest of it below."""
    intro = "Qorze 3 zwi 2027, 10:00 Acme <issues@acme.example> frobul:\n"
    quoted = "your report here\nneed answers\neverybody"
    ours = "your report here\nneed answers everybody"
    assert new_text(split(f"It is P0.\n\n{intro}\n{quoted}", ours)) == "It is P0."


def test_an_answer_that_begins_like_the_line_below_it_is_one() -> None:
    """trust.md C10, 0 answers lost: `P0`, typed above our line that starts with it, and the first words of a line of
    ours that does not go on below them."""
    ours = "What type of response do you want from me?\nP0: drop everything now, day or night\nP1: today, before it"
    for answer in ("P0", "P1", "P0: drop"):
        lines = ours.split("\n")
        quoted = "\n".join([lines[0], answer, *lines[1:]])
        assert new_text(split(f"{ENGLISH}\n{quoted}", ours)) == answer
    assert new_text(split(f"{ENGLISH}\n{lines[0]}\nP0: drop\nit all", ours)) == "P0: drop\nit all"
    assert new_text(split(f"{ENGLISH}\n{lines[0]}\nP0: drop\neverytime", ours)) == "P0: drop\neverytime"


@settings(max_examples=60)
@given(st.lists(st.tuples(SENTENCES, SENTENCES.map(lambda s: f"Q{s}".upper())), min_size=1, max_size=6), st.booleans())
def test_every_answer_between_our_lines_is_found(pairs: list[tuple[str, str]], marked: bool) -> None:
    """trust.md C10: 0 answers lost."""
    ours = "\n".join(line for line, _ in pairs)
    quoted = "\n".join(f"> {line}\n{answer}" if marked else f"{line}\n{answer}" for line, answer in pairs)
    new = new_text(split(f"{ENGLISH}\n{quoted}", ours)).split("\n")
    assert [line for line in new if line] == [answer for _, answer in pairs]


# --- any text --------------------------------------------------------------------------------------------------------

PIECES = st.sampled_from([
    "\n", "> ", ">", "On 3 May 2027 10:00, Bob <b@acme.example> wrote:", "From: a@acme.example", "To:",
    "Subject: x", "agree", "```", "| a", "AB> x", "-----Original Message-----", "Begin forwarded message:", " ", "<",
    ": ", RULE, "P0",
    "--- Please write above this line ---", "\x00", "\ud800", "İ", "Sent from my iPhone", "\r", "-- ",
    "-----BEGIN PGP SIGNATURE-----",
])  # fmt: skip


@settings(max_examples=300)
@given(st.lists(PIECES, max_size=40).map("".join), st.lists(PIECES, max_size=20).map("".join))
def test_any_text_gets_a_kind_for_every_line(text: str, parent: str) -> None:
    """trust.md C6 and R-rows on poison mail: never an exception, nothing left out."""
    lines = split(text, parent)
    assert len(lines) >= text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1


def test_below_20000_lines_nothing_is_new() -> None:
    """trust.md C6: work has a limit; no line below it is a command, and none above it is lost."""
    lines = split("log\n" * 20_000 + "agree")
    assert len(lines) == 20_001
    assert [line.kind for line in lines] == [Kind.NEW] * 20_000 + [Kind.QUOTE]


def bench() -> ModuleType:
    """The benchmark's own figures, so that test and figure cannot part."""
    spec = importlib.util.spec_from_file_location("bench_quoting", ROOT / "bench/quoting.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_time_is_linear_in_the_text() -> None:
    """trust.md C6: 40 adversarial strings, time ratio <= 15 for 10 x input (here 10 kB and 100 kB)."""
    module = bench()
    assert len(module.HOSTILE) >= 40
    for piece in module.HOSTILE:
        small, large = (module.run(piece * (size // len(piece))) for size in (10_000, 100_000))
        assert large <= 15 * max(small, 0.01), piece


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus of other projects' replies is not part of this project")
def test_the_corpus_is_read_as_well_as_promised() -> None:
    """libraries.md 3: at least 85 % exact, lost <= 4 %, leak <= 12 %.

    Six rows are lost on purpose: they expect signatures, a forwarded mail and bare blockquotes as the person's own
    words, or a word that their text does not have.
    """
    module = bench()
    rows = [json.loads(line) for line in CORPUS.read_text("utf-8").splitlines()]
    found = [module.judge(*module.texts(row), row["html"]) for row in rows]
    assert found.count("exact") >= 0.85 * len(rows)
    assert found.count("lost") + found.count("both") <= 0.04 * len(rows)
    assert found.count("leak") + found.count("both") <= 0.12 * len(rows)
