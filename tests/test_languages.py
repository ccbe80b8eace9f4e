"""Languages (process.md 10: every sentence in templates): templates and command words in English, German, French and
Spanish by a table and a folder, not by code."""

from __future__ import annotations

import functools
import itertools
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from jinja2 import meta
from test_templates import CASES, IDS, PLAIN, Page, case_of, commanded, rendered, tapped
from texts import CODES, DEFAULTS, ROOT, WORDS, commands_of

from triagemail.mail import calls, compose, languages, quoting, report, samples, source, templates, wording
from triagemail.mail.html import html_to_text
from triagemail.mail.samples_company import POLICY, Sample
from triagemail.mail.templates import Rendered, Templates
from triagemail.mail.words import language_of, parse_words, plain, read_subject
from triagemail.process import intents as want
from triagemail.process import model
from triagemail.process.events import Outcome
from triagemail.process.model import Priority, Question

ALL = languages.languages()
OTHERS = ALL[1:]
EVERY = [pytest.param(lang, place, id=f"{lang}-{IDS[place]}") for lang in OTHERS for place in range(len(CASES))]
CUT = {"owner", "duty", "away", "next_update"}  # whose argument a person adds


def table(language: str, name: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / "templates" / language / name).read_text("utf-8"))


@functools.cache
def made(language: str, place: int) -> Rendered:
    return rendered(CASES[place], language=language)


def test_no_markdown_is_left_in_a_mail() -> None:
    """Marks of our own template language are for us: whoever reads the mail sees bold words, not `**`."""
    for language, place in itertools.product(ALL, range(len(CASES))):
        mail = made(language, place)
        for part in (mail.html, mail.text, mail.subject):
            assert "**" not in part, (language, IDS[place])
        assert "](" not in mail.html, (language, IDS[place])


# --- complete ---------------------------------------------------------------------------------------------------------


def test_these_languages_are_there() -> None:
    """ "in English, German, French and Spanish": each a folder."""
    assert ALL == ("en", "de", "es", "fr")


@pytest.mark.parametrize("language", OTHERS)
def test_every_file_is_there(language: str) -> None:
    """The same set of templates, and no file that nobody reads; the frames of web pages and mails serve all."""

    def files(name: str) -> set[str]:
        folder = ROOT / "templates" / name
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}

    english = {name for name in files("en") if not name.startswith("web/")} - {"mail/_layout.html"}
    assert files(language) == english | {"web/words.toml"}


def keys(value: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for key, inner in value.items():
        yield f"{above}{key}"
        if isinstance(inner, dict):
            yield from keys(inner, f"{above}{key}.")


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("name", ["mail/_layout.toml", "outcomes.toml", "words.toml", "web/words.toml"])
def test_every_table_has_the_same_keys(language: str, name: str) -> None:
    """The same keys of words; the names of months and the spans of time alone are a language's own."""
    own = ("months.", "spans.")
    mine, english = ({k for k in keys(table(lang, name)) if not k.startswith(own)} for lang in (language, "en"))
    assert mine == english
    for key in ("weekdays", "months") if name.endswith("_layout.toml") else ():
        assert len(table(language, name)[key]) == len(table("en", name)[key])


@pytest.mark.parametrize("language", OTHERS)
def test_the_pages_say_the_same_values(language: str) -> None:
    """No value of a page is lost in a language, and none is asked for that is not there."""
    mine, english = table(language, "web/words.toml"), table("en", "web/words.toml")
    for part in ("page", "journal", "noted"):
        for key, text in english[part].items():
            said = mine[part][key]
            assert type(said) is type(text), key
            assert sorted(re.findall(r"{\w+}", str(said))) == sorted(re.findall(r"{\w+}", str(text))), key


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_of_the_default_config_is_said(language: str) -> None:
    """The five questions and the priorities, as they stand in defaults.toml."""
    asked = {question[key] for question in DEFAULTS["question"] for key in ("label", "help")}
    ranked = {rule[key] for rule in DEFAULTS["priority"].values() for key in ("meaning", "response")}
    assert set(table(language, "phrases.toml")) == asked | ranked
    assert table("en", "phrases.toml") == {}


def test_every_language_has_the_name_of_its_folder() -> None:
    """`language nl` says the folder's name: copied with another's, one language would hide the other."""
    assert [table(lang, "words.toml")["language"]["names"][0] for lang in ALL] == [*ALL]


def parsed(language: str, name: str) -> tuple[dict[str, str], str]:
    found = source.Folders((ROOT / "templates" / language,), None, frozenset()).parts(name)
    assert found is not None
    return found


ALSO = {"words.hands", "words.states", "issue.remediation"}  # what a language may ask for its own grammar
PATH = re.compile(r"(?<![\w.'\"])[a-z_]+(?:\.[a-z_]+)+")


def values(text: str) -> set[str]:
    """What a template names of the values that it gets: `issue.number`, `reason`."""
    names = meta.find_undeclared_variables(templates.book_of(Templates(), "en").text.parse(text))
    tags = " ".join(re.findall(r"\{[{%].*?[%}]\}", text, re.DOTALL))
    paths = set(PATH.findall(re.sub(r'"[^"]*"', "", tags))) - ALSO
    return paths | (names - {"words"})


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "templates/en/mail").glob("*.md")))
def test_every_template_has_the_same_values_and_parts(language: str, name: str) -> None:
    """The same values, parts, groups of buttons and front matter as in English: no sentence loses its number."""

    (front, body), (front_en, body_en) = parsed(language, name), parsed("en", name)
    assert front.keys() == front_en.keys()
    assert {key: values(front[key]) for key in front} == {key: values(front_en[key]) for key in front_en}
    assert values(body) == values(body_en)
    for part in (r"{% include .*?%}", "(?m)^::: taps$", r"\| quote", r"\| say", "(?m)^## "):
        assert len(re.findall(part, body)) == len(re.findall(part, body_en)), part


# --- every mail in every language -------------------------------------------------------------------------------------


def test_all_templates_fit() -> None:
    """What `check` asks of the languages of the config holds for all: rendered with each sample, and no line of it
    begins like a command."""
    assert templates.check_templates(None, ALL) == []


@pytest.mark.parametrize(("language", "place"), EVERY)
def test_every_mail_is_short_and_whole(language: str, place: int) -> None:
    """As in English: a subject within 70 characters, our prose within 80, the reason at the end, and nothing left over
    of a template or of Markdown. Long words may stand two letters further out than in English."""
    case, shown = CASES[place], made(language, place)
    assert shown.problem == ""
    assert 0 < len(shown.subject) <= 70
    theirs = {help_ for question in case.policy.questions for help_ in (question.help,)}
    assert {x for x in shown.text.split("\n") if len(x) > 80 and not x.startswith("> ")} <= theirs
    assert not re.search(r"\{\{|\{%|\bNone\b|[*`]|\n{3}|^#+ |  +$", shown.text, re.MULTILINE)
    assert not re.search(r"^[:;?!»]", shown.text, re.MULTILINE)
    assert shown.text.count("\n-- \n") == (case.template not in PLAIN)


@pytest.mark.parametrize(("language", "place"), EVERY)
def test_no_line_of_ours_runs(language: str, place: int) -> None:
    """ "None of our own mails has a command at the start of a line where a quote could run it", in whatever language
    the command is."""
    shown = made(language, place)
    for fresh in (True, False):
        assert commanded(shown.text, f"Re: {shown.subject}", fresh=fresh) == []
        assert commanded(html_to_text(shown.html), f"Re: {shown.subject}", fresh=fresh) == []


@pytest.mark.parametrize(("language", "place"), EVERY)
def test_a_quote_of_it_is_no_new_text(language: str, place: int) -> None:
    """New text is what does not stand in the mail of ours that it answers; its marker is known without it too."""
    shown = made(language, place)
    if CASES[place].template in PLAIN:
        return
    for reply in (f"Hallo zusammen\n\n{shown.text}", "Hallo zusammen\n\n" + shown.text.replace("\n", "\n> ")):
        assert quoting.new_text(quoting.split(reply, shown.text)) == "Hallo zusammen"


@pytest.mark.parametrize("language", OTHERS)
def test_the_marker_is_known_without_the_mail(language: str) -> None:
    """A reply whose mail of ours is not known is cut at the line above which people write, in every language."""
    marker = templates.marker(language)
    shown = f"Das ist neu.\n\n{marker}\n\nAlles hier ist alt.\n"
    assert quoting.new_text(quoting.split(shown)) == "Das ist neu."


@pytest.mark.parametrize(("language", "place"), EVERY)
def test_the_page_names_its_language(language: str, place: int) -> None:
    """A screen reader reads it aloud in its language; nothing is fetched, as in English."""
    page = Page(made(language, place).html)
    if CASES[place].template in PLAIN:
        return
    assert {value for name, value in page.attributes if name == "lang"} == {language}
    assert not {"img", "script", "link", "iframe", "form"} & set(page.tags)


def asked(case: Sample, language: str) -> list[Any]:
    """What each one-tap answer asks for, without its words."""
    ends = {"owner": "bob@acme.example", "duty": "bob@acme.example", "away": "3 May", "next_update": "in 5 min"}
    found = []
    for _, subject, body in tapped(case, language):
        key = next((k for k, said in table(language, "words.toml")["commands"].items() if body.startswith(said[0])), "")
        whole = body + (ends.get(key, "x") if body[-1] == " " else "")
        found += [wordless(intent) for intent in commanded(whole, subject, fresh=False)]
    return found


def wordless(intent: Any) -> Any:
    """An intent but for what a person says in it."""
    if not is_dataclass(intent) or isinstance(intent, type):
        return intent
    said = {"reason", "text", "said", "meant"} & {f.name for f in fields(intent)}
    return replace(intent, **dict.fromkeys(said, ""))


@pytest.mark.parametrize(("language", "place"), EVERY)
def test_the_same_buttons(language: str, place: int) -> None:
    """ "One-tap answers in a German mail use German words and are read back": each asks for what its English one does,
    in the same order."""
    case = CASES[place]
    assert asked(case, language) == asked(case, "en")
    assert len(list(tapped(case, language))) == len(list(tapped(case, "en")))


def test_buttons_are_in_the_language() -> None:
    """German words in a German mail."""
    bodies = [body for _, _, body in tapped(case_of("triage", "workaround"), "de")]
    assert bodies[:2] == ["P2 weil es einen Umweg gibt", "zustimmen"]
    assert [body for _, _, body in tapped(case_of("goodbye", "goodbye"), "fr")] == ["s'abonner", "s'abonner P0"]
    assert [body for _, _, body in tapped(case_of("near-miss", "near-miss"), "es")] == ["darme de baja", "ayuda"]


@pytest.mark.parametrize("language", OTHERS)
def test_subjects_keep_their_tags(language: str) -> None:
    """The number and the priority stand where a machine looks for them; a subject of ours is known as ours."""
    assert rendered(case_of("triage", "workaround"), language=language).subject == "[#42] Website is down"
    for title in ("automatic", "remediation"):
        subject = rendered(case_of("broadcast-update", title), language=language).subject
        assert read_subject(f"AW: {subject}", WORDS).own, subject
        assert re.match(r"PRIORI\w+ [01] [A-ZÉÓÖ]+", subject)


@pytest.mark.parametrize(
    "fake", ["PRIORITÄT 0 STÖRUNG", "Priorität: 1", "PRIORITÉ 0", "PRIORITE\u0301 0", "prioridad #0"]
)
def test_a_headline_shouts_in_no_language(fake: str) -> None:
    """X9: what looks like a subject of ours in a user's title is taken out, in every language."""
    case = case_of("triage", "workaround")
    assert case.issue is not None
    made_ = compose.compose(
        case.template, language="de", issue=replace(case.issue, headline=f"{fake} Kasse leer"), policy=case.policy,
        values=case.values, now=case.now, to=case.to,
    )  # fmt: skip
    assert not re.search(r"(?i)priori|\d", made_.subject.removeprefix("[#42]"))
    assert made_.subject.endswith("Kasse leer")


@pytest.mark.parametrize("code", sorted(CODES))
@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_with_and_without_values(language: str, code: str) -> None:
    """A receipt goes out whatever the process knows of the command, in every language."""
    soon, span = samples.NOW, timedelta(hours=4)
    full: dict[str, Any] = {
        "priority": Priority.P0, "by": samples.ALICE, "owner": samples.BOB,
        "limit": 600 if code == "update-cut" else span,
        "due": soon, "state": model.State.DECLINED, "headline": "x", "number": 43, "meant": "agree", "at": soon,
        "until": soon, "asked": (samples.ALICE,), "address": samples.BOB, "duty": samples.ALICE, "nobody": True,
        "area": "Billing", "other": 43, "which": 2, "used": 4, "budget": 3, "count": 11, "kind": model.Kind.FEATURE,
    }  # fmt: skip
    for values in ({}, full):
        outcomes = (Outcome("x", code, True, values, 42),)
        case = replace(case_of("receipt", "one done"), values={"outcomes": outcomes, "undo": None})
        shown = rendered(case, language=language)
        assert shown.problem == ""
        assert commanded(shown.text, f"Re: {shown.subject}", fresh=False) == []


# --- the words of commands --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ALL)
def test_every_example_is_read(language: str) -> None:
    """What a clear reply offers does what it says; English words too, whatever the language."""
    for key, example in table(language, "words.toml")["examples"].items():
        found = calls.call(example, WORDS)
        form = {"subscribe_to": "subscribe", "unsubscribe_from": "unsubscribe"}.get(key, key)
        assert found is not None, example
        assert (found.key, found.bad) == (form, False), example


def test_no_word_of_a_command_means_two_things() -> None:
    """ "All languages' words are understood in every mail": a wording of one language is no other command in
    another."""
    meant: dict[str, set[str]] = {}
    for language in ALL:
        for key, spellings in table(language, "words.toml")["commands"].items():
            for spelling in spellings:
                meant.setdefault(plain(spelling), set()).add(key)
    assert {word: keys_ for word, keys_ in meant.items() if len(keys_) > 1} == {}


@pytest.mark.parametrize(
    "group",
    [
        ("shapes", ("minutes", "hours", "days", "weeks")),
        ("reply", ("yes", "no")),
        ("courtesy", ("greetings", "closings")),
    ],
)
def test_no_other_word_means_two_things(group: tuple[str, tuple[str, ...]]) -> None:
    """Nor does a unit of time, or a yes."""
    name, names = group
    said = {
        key: {plain(word) for language in ALL for word in table(language, "words.toml")[name][key]} for key in names
    }
    assert {(a, b): said[a] & said[b] for a, b in itertools.combinations(names, 2) if said[a] & said[b]} == {}


@pytest.mark.parametrize("name", ["months", "spans"])
def test_no_time_means_two_things(name: str) -> None:
    """`mars` and `mai` are months of one number in every language that has them."""
    meant: dict[str, set[int]] = {}
    for language in ALL:
        for word, number in table(language, "words.toml")[name].items():
            meant.setdefault(plain(word), set()).add(number)
    assert {word: numbers for word, numbers in meant.items() if len(numbers) > 1} == {}


def test_no_word_of_a_command_is_a_question() -> None:
    """What opens an answer of a report in one language runs nothing in another: but for the words that count there only
    when a command of theirs is awaited (`Erwartet: …`), and those that stand alone."""
    questions = {plain(alias) for q in DEFAULTS["question"] for alias in (q["label"], *q["aliases"])}
    for language in ALL:
        for key, spellings in table(language, "words.toml")["commands"].items():
            both = {plain(spelling) for spelling in spellings} & questions
            assert not both or key in calls.ALONE | {"expected"}, (language, key, both)


def test_examples_can_be_told_apart() -> None:
    """A near-miss is worded in the reader's language by its English example, so no two of them are the same."""
    english = table("en", "words.toml")["examples"]
    assert len(set(english.values())) == len(english)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Zustimmen", want.Agree),
        ("ich stimme zu", want.Agree),
        ("J’ACCEPTE", want.Agree),
        ("de acuerdo.", want.Agree),
        ("P2 weil es geht", want.SetPriority),
        ("P2 parce qu'on peut contourner", want.SetPriority),
        ("Prioridad 1 porque nadie puede pagar", want.SetPriority),
        ("zurückziehen: es geht wieder", want.Withdraw),
        ("retirer : ça remarche", want.Withdraw),
        ("objeción: P1, porque es grave", want.Dispute),
        ("nächstes Update in 30 Minuten", want.SetNextUpdate),
        ("nächstes Update um 14:30 Uhr", want.SetNextUpdate),
        ("prochaine mise à jour à 14h30", want.SetNextUpdate),
        ("próxima novedad a las 14:30", want.SetNextUpdate),
        ("próxima novedad en media hora", want.SetNextUpdate),
        ("abwesend bis 3. Mai", want.GoAway),
        ("absente jusqu'au 1er mai", want.GoAway),
        ("ausente hasta el 3 de mayo", want.GoAway),
        ("pause 2 Wochen", want.Pause),
        ("pausa durante 3 días", want.Pause),
        ("abonnieren Bereich:billing", want.Subscribe),
        ("se désabonner #42", want.Unsubscribe),
        ("darme de baja", want.Unsubscribe),
        ("hilfe", want.Ask),
        ("sprache Englisch", want.Speak),
        ("langue : de", None),  # a heading, as `Language: German` is
        ("idioma español", want.Speak),
        ("language klingonisch", want.NearMiss),
        ("zustimend", want.NearMiss),
    ],
)
def test_commands_in_every_language(said: str, kind: type | None) -> None:
    """ "A German replies `zustimmen` or `agree`", and times and days are said as people say them."""
    found = commands_of(said)
    got = [type(intent) for intent in found.intents] or ([want.NearMiss] if found.near_miss else [])
    assert got == ([kind] if kind else []), found


def test_times_are_what_was_said() -> None:
    """Half an hour, half past two and the third of May, in each."""

    def asked(text: str, value: str) -> object:
        (intent,) = commands_of(text).intents
        return getattr(intent, value)

    assert asked("próxima novedad en media hora", "after") == timedelta(minutes=30)
    assert asked("próxima novedad a las 14:30", "clock") == (14, 30)
    assert asked("prochaine mise à jour à 14h30", "clock") == (14, 30)
    assert asked("absent jusqu'au 1er mai", "day") == (5, 1)
    assert asked("sprache Französisch", "language") == "fr"


# --- the form ---------------------------------------------------------------------------------------------------------


@functools.cache
def questions() -> tuple[Question, ...]:
    """The questions as the service reads them: in all languages."""
    asked_ = tuple(Question(**{**q, "aliases": tuple(q["aliases"])}) for q in DEFAULTS["question"])
    return templates.in_all_languages(replace(POLICY, questions=asked_), Templates()).questions


@pytest.mark.parametrize("language", ALL)
def test_the_form_is_filled_in(language: str) -> None:
    """The template of each language, with an answer below each question: no word of a question or its help is taken for
    one."""
    case = replace(case_of("template", "template"), policy=replace(POLICY, questions=questions()))
    said = {"what": "A", "expected": "B", "see": "C", "affected": "D"}
    text = rendered(case, language=language).text
    phrases_ = table(language, "phrases.toml")
    for question in questions():
        answer = said.get(question.key, "P1")
        last = phrases_.get(question.help, question.help).split()[-1]
        at = text.index(phrases_.get(question.label, question.label))
        end = text.index(last, at) + len(last)
        text = f"{text[:end]}\n{answer}{text[end:]}"
    sent = rendered(case, language=language).text
    found = report.read(quoting.split(text, sent), "Shop", questions(), words=WORDS)
    assert {key: found.answers.get(key, "") for key in said} == said, found
    assert found.priority is Priority.P1


@pytest.mark.parametrize("language", OTHERS)
def test_the_gaps_are_filled_in(language: str) -> None:
    """The questions in a reply of ours, answered below each, whether or not the mail program marks what it quotes."""
    case = case_of("missing", "first report")
    case = replace(case, policy=replace(case.policy, questions=questions()))
    shown = rendered(case, language=language)
    labels = [table(language, "phrases.toml")[q["label"]] for q in DEFAULTS["question"]]
    for mark in ("> ", ""):
        rows = [f"{mark}{row}" for row in shown.text.split("\n")]
        at = next(n for n, row in enumerate(rows) if labels[3] in row) + 2
        rows.insert(at, "Alle")
        read = report.read(
            quoting.split("\n".join(rows), shown.text), f"Re: {shown.subject}", questions(), words=WORDS, reply=True
        )
        assert read.answers == {"affected": "Alle"}


def test_own_words_of_the_config_stay(tmp_path: Path) -> None:
    """What a company words itself is said as it stands, unless a phrases.toml of its own has it in the language."""
    mine = replace(POLICY.questions[0], label="What broke?")
    case = replace(case_of("template", "template"), policy=replace(POLICY, questions=(mine, *POLICY.questions[1:])))
    assert "1. What broke?" in rendered(case, language="de").text
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "phrases.toml").write_text('"What broke?" = "Was ist kaputt?"\n', "utf-8")
    own = templates.open_templates(tmp_path)
    assert own.problems == ()
    assert "1. Was ist kaputt?" in rendered(case, own, "de").text
    known = templates.in_all_languages(case.policy, own).questions[0]
    assert "Was ist kaputt?" in {label for label, _ in known.others}


# --- which language a text has ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The shop shows a white page since nine, and nobody can pay.", "en"),
        ("Der Shop zeigt seit neun Uhr eine weiße Seite, und niemand kann bezahlen.", "de"),
        ("La boutique affiche une page blanche depuis neuf heures, et personne ne peut payer.", "fr"),
        ("La tienda muestra una página en blanco desde las nueve, y nadie puede pagar.", "es"),
        ("zustimmen", "de"),
        ("accepter", "fr"),
        ("de acuerdo", "es"),
        ("agree", "en"),
        ("no", ""),
        ("P1", ""),
        ("status", ""),
        ("", ""),
        ("Error 502", ""),
        ("Checkout 502 nginx/1.25 upstream timed out", ""),
        ("Wir sehen das auf der Seite seit neun und es ist rot: the shop is down, you can not pay.", ""),
        ("Bitte schnell, die Kasse geht nicht: HTTP 502 Bad Gateway.", "de"),
        ("Hola,\n\nno puedo exportar el informe de ventas. Sale error 500.\n\nUn saludo,\nCarlos", "es"),
        ("Buenos días, la página de pago no carga desde esta mañana.", "es"),
        ("No funciona el inicio de sesión, me da error 403.", "es"),
        ("El botón de comprar no responde. Varios clientes han llamado.", "es"),
        ("No me deja adjuntar archivos al correo", "es"),
        ("Bonjour,\n\nImpossible de me connecter ce matin, j'ai une page blanche. Cordialement", "fr"),
        ("La page de paiement ne marche pas.", "fr"),
        ("J'ai un message d'erreur 500 à la connexion", "fr"),
        ("Guten Morgen, leider kommt heute keine Bestellung an. Viele Grüße", "de"),
        ("Rechnung falsch, siehe Anhang. Gruß Tom", "de"),
        ("Export fails with error 500, help please", "en"),
        ("Hallo, die Seite sagt: cannot connect, please retry", ""),
        ("La Poste, de Gaulle: HTTP 502 upstream timed out", ""),
    ],
)
def test_the_language_of_a_text(text: str, language: str) -> None:
    """A small, transparent rule: words that only one language has, at least three and twice as many as of any other;
    of a short sentence two suffice, of a few words one. In doubt none."""
    assert language_of(text, WORDS) == language


def test_telling_a_language_takes_linear_time() -> None:
    """C6: a megabyte is told by its head."""
    assert language_of("und das ist so " * 100_000, WORDS) == "de"


def test_no_word_tells_two_languages() -> None:
    """A word of two languages tells neither: `in`, `die`, `es`."""
    lists = [{plain(word) for word in table(lang, "words.toml")["language"]["telling"]} for lang in ALL]
    shared = {word for one, other in itertools.combinations(lists, 2) for word in one & other}
    assert shared
    assert not shared & WORDS.telling.keys()


# --- dates and times --------------------------------------------------------------------------------------------------


def words_of(language: str) -> Mapping[str, Any]:
    return table(language, "mail/_layout.toml")


@pytest.mark.parametrize(
    ("language", "far", "next_year", "date", "days", "listed"),
    [
        ("en", "Sunday 3 May", "Monday 3 May 2027", "3 May", "Monday to Friday", "a, b and c"),
        ("de", "Sonntag, 3. Mai", "Montag, 3. Mai 2027", "3. Mai", "Montag bis Freitag", "a, b und c"),
        ("fr", "dimanche 3 mai", "lundi 3 mai 2027", "3 mai", "lundi à vendredi", "a, b et c"),
        ("es", "domingo 3 de mayo", "lunes 3 de mayo de 2027", "3 de mayo", "lunes a viernes", "a, b y c"),
    ],
)
def test_dates_by_a_table(language: str, far: str, next_year: str, date: str, days: str, listed: str) -> None:
    """Names of weekdays and months by a table in the folder, not by a locale; order and commas too."""
    words, zone = words_of(language), ZoneInfo("UTC")
    now, then = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 5, 3, 14, 30, tzinfo=UTC)
    assert wording.day_and_time(words, then, now, zone) == (far, "14:30 UTC")
    assert wording.day_and_time(words, then.replace(year=2027), now, zone)[0] == next_year
    assert wording.day(words, then, zone) == date
    assert wording.weekdays(words, range(5)) == days
    assert wording.listed(words, "abc") == listed


@pytest.mark.parametrize(
    ("language", "half", "hour", "mixed", "months"),
    [
        ("en", "every 30 minutes", "every hour", "every 2 hours 30 minutes", "every 2 months"),
        ("de", "alle 30 Minuten", "jede Stunde", "alle 2 Stunden 30 Minuten", "alle 2 Monate"),
        ("fr", "toutes les 30 minutes", "chaque heure", "toutes les 2 heures 30 minutes", "tous les 2 mois"),
        ("es", "cada 30 minutos", "cada hora", "cada 2 horas 30 minutos", "cada 2 meses"),
    ],
)
def test_lengths_by_a_table(language: str, half: str, hour: str, mixed: str, months: str) -> None:
    """Lengths of time, with the gender that "every" has in the language."""
    words = words_of(language)
    spans = (timedelta(minutes=30), timedelta(hours=1), timedelta(minutes=150), (2, "month"))
    assert [wording.every(words, span) for span in spans] == [half, hour, mixed, months]


def test_a_colon_starts_no_line() -> None:
    """French sets a space before it, which holds the line together."""
    text = f"{'mot ' * 18}fin\u00a0: suite"
    assert wording.folded(text).split("\n") == [("mot " * 18).strip(), "fin\u00a0: suite"]


def test_a_fold_starts_no_command() -> None:
    """Whatever the values are: the word before it comes down to it."""
    guard = templates.book_of(Templates(), "de").text.guard
    text = f"{'wort ' * 12}also hat Dienst."
    assert guard.search(wording.folded(text, 70))
    assert not guard.search(wording.folded(text, 70, guard))


CACHED = (languages.languages, languages.tables, languages.markers)


def test_a_new_language_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ "Copy templates/en to templates/nl": its words are understood, its sentences said, and what is not there yet is
    English."""
    for cached in CACHED:
        cached.cache_clear()
    (tmp_path / "en").symlink_to(ROOT / "templates" / "en")
    (tmp_path / "nl").mkdir()
    words = (ROOT / "templates/en/words.toml").read_text("utf-8")
    (tmp_path / "nl" / "words.toml").write_text(
        words.replace('"en", "English"', '"nl", "Nederlands"').replace('["agree", "agreed"]', '["akkoord"]'),
        "utf-8",
    )
    (tmp_path / "nl" / "outcomes.toml").write_text('mine = "#{{ outcome.issue }} is van u."\n', "utf-8")
    monkeypatch.setattr(languages, "BUILT_IN", tmp_path)
    monkeypatch.setattr(templates, "BUILT_IN", tmp_path)
    try:
        assert languages.languages() == ("en", "nl")
        known = parse_words(*languages.texts_of("words.toml"))
        assert [calls.call(said, known) for said in ("akkoord", "agree")] == [calls.Call("agree")] * 2
        case = case_of("receipt", "one done")
        done = replace(case, values={"outcomes": (Outcome("x", "mine", True, {}, 42),), "undo": None})
        assert "This is done: #42 is van u." in rendered(done, language="nl").text
        assert calls.call("language Nederlands", known) == calls.Call("language", word="nl", said="Nederlands")
    finally:
        monkeypatch.undo()
        for cached in CACHED:
            cached.cache_clear()
