"""The mails themselves (process.md 10): every template with its samples, hostile values, broken overrides, one-tap
answers."""

from __future__ import annotations

import ast
import functools
import html.parser
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from texts import CODES

from triagemail.mail import calls, commands, languages, quoting, report, samples, source, templates, wording, words
from triagemail.mail.html import html_to_text
from triagemail.mail.markdown import markdown
from triagemail.mail.quoting import Kind, Line
from triagemail.mail.samples import NOW
from triagemail.mail.samples_company import Sample
from triagemail.mail.templates import Rendered, Templates
from triagemail.process import acts, model
from triagemail.process import intents as want
from triagemail.process.events import Outcome
from triagemail.process.model import Evidence, Level, Priority

ROOT = Path(__file__).parent.parent
CASES = samples.cases()
IDS = [f"{case.template}: {case.title}" for case in CASES]
WORDS = words.parse_words(*languages.texts_of("words.toml"))


def rendered(case: Sample, used: Templates | None = None, language: str = "en") -> Rendered:
    context = templates.context_of(case.policy, case.now, case.issue, case.values, to=case.to, reply_to=case.reply_to)
    return templates.render(used or Templates(), case.template, language, context)


@functools.cache
def usual(place: int) -> Rendered:
    """CASES[place] with the built-in templates, rendered once."""
    return rendered(CASES[place])


def case_of(template: str, title: str) -> Sample:
    return next(case for case in samples.cases(template) if case.title == title)


class Page(html.parser.HTMLParser):
    """What a browser sees: tags, attributes and text (hidden text apart)."""

    def __init__(self, source_text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.shown = ""
        self.feed(source_text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.shown += "\n" if tag == "br" else ""

    def handle_data(self, data: str) -> None:
        self.shown += data

    @property
    def links(self) -> list[str]:
        return [value for name, value in self.attributes if name == "href"]


def commanded(text: str, subject: str, *, fresh: bool) -> list[object]:
    """What would run if all of `text` stood in a mail as new text: a quote that has lost every mark of a quote."""
    lines = [Line(line, Kind.NEW) for line in text.split("\n")]
    evidence = Evidence(Level.E2, "token")
    got = commands.read(
        lines, subject, by="sara@acme.example", evidence=evidence, issue=42, mail=1, words=WORDS, fresh=fresh
    )
    return [*got.intents, *([got.near_miss] if got.near_miss else [])]


WHY = r"\n\n-- \nYou get this because [^-]+\.\n$"


# --- every mail, as it comes ------------------------------------------------------------------------------------------


def test_all_templates_fit() -> None:
    """S12: compiled and rendered with samples at start."""
    assert templates.check_templates() == []
    assert {case.template for case in CASES} == set(templates.names())


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_every_mail_is_short_and_whole(case: Sample) -> None:
    """The subject stays within 70 characters; our own prose within 76; every mail says why you got it."""
    made = rendered(case)
    assert made.problem == ""
    assert 0 < len(made.subject) <= 70
    theirs = {question.help for question in case.policy.questions}
    long = [line for line in made.text.split("\n") if len(line) > 76 and not line.startswith("> ")]
    assert set(long) <= theirs
    assert re.search(r"\nYou get this because [^-]+\.\n$" if not made.html else WHY, made.text)
    assert "{{" not in made.text + made.html
    assert "{%" not in made.text + made.html
    assert "None" not in made.text.replace("None of this", "")
    assert not re.search(r"[*`]|\n{3}|^#+ |  +$", made.text, re.MULTILINE)
    assert not re.search(r"[*`]", Page(made.html.partition("</style>")[2]).shown)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_both_parts_say_the_same(case: Sample) -> None:
    """One template makes a plain-text part and a small HTML part: no word of the one is missing in the other."""

    def said(text: str) -> list[str]:
        return re.findall(r"\w+", text)

    made = rendered(case)
    if not made.html:
        return
    body = made.text.split("\n-- \n")[0]
    hint = [word for row in re.findall(r"^Answer with one line:|^- or:", body, re.MULTILINE) for word in said(row)]
    shown = said(Page(made.html.split("</style>")[1]).shown)
    missing = [word for word in said(body) if word not in {*shown, *hint} and "://" not in body]
    assert missing == []
    assert len(made.html) < 12_000


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_no_line_of_ours_runs(case: Sample) -> None:
    """None of our own mails has a command at the start of a line where a quote could run it; the reader itself says
    so."""
    made = rendered(case)
    for fresh in (True, False):
        assert commanded(made.text, f"Re: {made.subject}", fresh=fresh) == []
        assert commanded(html_to_text(made.html), f"Re: {made.subject}", fresh=fresh) == []


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_quote_of_it_is_no_new_text(case: Sample) -> None:
    """New text is what does not stand in the mail of ours that it answers, wherever it stands, with or without
    marks."""
    made = rendered(case)
    if case.template in PLAIN:  # a pager quotes nothing
        return
    for reply in (f"Hello there\n\n{made.text}", "Hello there\n\n" + made.text.replace("\n", "\n> ")):
        assert quoting.new_text(quoting.split(reply, made.text)) == "Hello there"


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_nothing_remote_in_it(case: Sample) -> None:
    """V3: no pixels, no click counting; no remote image, no link that acts; the page names its language and role."""
    page = Page(rendered(case).html)
    if case.template in PLAIN:
        assert page.tags == []
        return
    assert not {"img", "script", "link", "iframe", "form", "input", "video", "object"} & set(page.tags)
    names = {name for name, _ in page.attributes}
    assert not {"src", "srcset", "background", "action", "ping", "onload"} & names
    assert ("role", "article") in page.attributes
    assert ("lang", "en") in page.attributes
    ours = ("mailto:", "https://docs.acme.example/", "https://book.acme.example/", "https://board.acme.example")
    assert all(url.startswith(ours) for url in page.links)


PLAIN = {"page", "page-flood"}  # three lines for a pager: no HTML part


def test_the_marker_stands_on_top() -> None:
    """A fixed marker on top of each mail, in both parts; only mails that are answered inline have none."""
    assert templates.marker("en") == "--- Please write above this line ---"
    without = set()
    for place, case in enumerate(CASES):
        made = usual(place)
        if made.text.startswith(templates.marker("en") + "\n\n"):
            visible = made.html.split("display:none")[1].split("</div>\n", 1)[1]
            assert Page(visible).shown.strip().startswith(templates.marker("en"))
        else:
            assert templates.marker("en") not in made.html + made.text
            without.add(case.template)
    assert without == {"missing", "template"} | PLAIN


def test_colours_can_be_read() -> None:
    """AA contrast (WCAG 2.2, 1.4.3: at least 4.5 to 1) of every pair of colours in the layout, light and dark."""
    layout = (ROOT / "templates/en/mail/_layout.html").read_text("utf-8")
    pairs = re.findall(r"background: (#\w{6}) !important;[^}]*?[; ]color: (#\w{6})", layout)
    pairs += re.findall(r"background:(#\w{6});color:(#\w{6})", layout)
    pairs += [re.findall(r"#\w{6}", style)[::2] for style in (wording.FULL, wording.OPEN)]
    pairs += [("#ffffff", re.findall(r"#\w{6}", wording.HINT)[0]), ("#15181d", "#a6adba"), ("#15181d", "#8ab8ff")]
    assert len(pairs) >= 7
    for one, other in pairs:
        bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
        assert (bright + 0.05) / (dim + 0.05) >= 4.5, (one, other)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# --- what the process hands over --------------------------------------------------------------------------------------


class Literals:
    """The texts that the process hands to a function of its own: constants, and what a name, a condition, a table or a
    function of the same module may stand for. What cannot be told fails, lest a text goes unseen."""

    def __init__(self) -> None:
        paths = sorted((ROOT / "triagemail/process").glob("*.py"))
        self.trees = {path.stem: ast.parse(path.read_text("utf-8")) for path in paths}

    def of(self, function: str, place: int | str, *, unknown: Iterable[str] = ()) -> set[str]:
        """Of all calls of `function`, by position or keyword; `unknown` names those arguments ("module: source") that
        are known otherwise."""
        found: set[str] = set()
        for module, tree in self.trees.items():
            for scope in ast.walk(tree):
                if isinstance(scope, ast.FunctionDef) and scope.name != function:
                    for call in self.calls(scope, function):
                        given = dict(enumerate(call.args)) | {each.arg: each.value for each in call.keywords}
                        if place in given:
                            found |= self.texts(given[place], scope, module, set(unknown))
        return found

    def calls(self, scope: ast.AST, function: str) -> Iterator[ast.Call]:
        for node in ast.walk(scope):
            name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
            if isinstance(node, ast.Call) and name == function:
                yield node

    def texts(self, node: ast.AST | None, scope: ast.FunctionDef, module: str, unknown: set[str]) -> set[str]:
        source_ = f"{module}: {ast.unparse(node)}" if node is not None else ""
        match node:
            case ast.Constant(value=str(text)):
                return {text} - {""}
            case ast.IfExp(body=one, orelse=other):
                return self.texts(one, scope, module, unknown) | self.texts(other, scope, module, unknown)
            case ast.BoolOp(values=each):
                return set().union(*(self.texts(one, scope, module, unknown) for one in each))
            case ast.Subscript(value=ast.Name(id=table)):
                return self.table(table, module)
            case ast.Call(func=ast.Name(id=name)) if name.startswith("_"):
                return self.returned(name, module, unknown)
            case ast.Name(id=name) if values := [*assigned(scope, name)]:
                return set().union(*(self.texts(one, scope, module, unknown) for one in values))
        assert source_ in unknown, f"what may {source_} stand for?"
        return set()

    def table(self, name: str, module: str) -> set[str]:
        """The values of a mapping of the module."""
        for node in self.trees[module].body:
            if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == name:
                assert isinstance(node.value, ast.Dict)
                return {str(value.value) for value in node.value.values if isinstance(value, ast.Constant)}
        raise AssertionError(f"no table {name} in {module}")

    def returned(self, name: str, module: str, unknown: set[str]) -> set[str]:
        for node in self.trees[module].body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                given = [each.value for each in ast.walk(node) if isinstance(each, ast.Return)]
                return set().union(*(self.texts(each, node, module, unknown) for each in given))
        raise AssertionError(f"no function {name} in {module}")


def assigned(scope: ast.FunctionDef, name: str) -> Iterator[ast.expr]:
    """What a name is given in a function."""
    for node in ast.walk(scope):
        match node:
            case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                yield value
            case ast.NamedExpr(target=ast.Name(id=found), value=value) if found == name:
                yield value


ASKED = {"decide: intent.what"}  # calls.ASKS has them all


def test_every_draft_has_its_template() -> None:
    """A sentence that a person reads stands in templates/: no draft is without one, and no template without a draft;
    the operator's two, what is told of a stranger, of a token that was used and of a mail that is too large, and a
    drill come from the service."""
    handed = Literals()
    kinds = handed.of("Draft", 0, unknown=ASKED | {"updates: template", "updates: f'broadcast-{kind}'"})
    kinds |= handed.of("to_people", 0) | {f"broadcast-{kind}" for kind in handed.of("broadcast", 0)}
    of_service = {"held", "notice", "borrowed", "stranger", "drill", "drilled", "too-large"}
    assert kinds | calls.ASKS | of_service == set(templates.names())


def test_every_outcome_has_its_sentence() -> None:
    """One reply lists the result of each command: a code without a sentence would be answered `this did not work`, and
    a sentence without a code is never read."""
    handed = Literals()
    codes = handed.of("done", 1) | handed.of("refuse", 1, unknown={"decide: code"})
    codes |= handed.of("Outcome", 1, unknown={"updates: code"})  # `done` and `refuse` themselves
    codes |= handed.of("replace", "code")
    roles = {act.refusal for act in (*acts.ACTS.values(), *map(asking, calls.ASKS))}  # `decide: code`
    assert codes | roles - {"not-admitted"} == CODES - {"other", "other-done"}


def asking(what: str) -> acts.Act:
    return acts.asking(want.Ask(by="", evidence=Evidence(Level.E2, ""), what=what), None, "")


def test_the_reader_of_the_code_sees_what_it_looks_for() -> None:
    """A test that cannot fail is a defect: every way in which the process names a text is read."""
    handed = Literals()
    ways = """
TABLE: Mapping[str, str] = {"a": "in-a-table"}
def _answer(code):
    return "from-a-function" if code else ""
def act(intent, code):
    name = "by-name" if intent else "or-else"
    refuse(intent, "plain"); updates.refuse(intent, name); refuse(intent, code or "at-last")
    refuse(intent, TABLE[intent.how]); refuse(intent, _answer(code))
    if found := _answer(code): refuse(intent, found)
"""
    handed.trees = {"act": ast.parse(ways)}
    assert handed.of("refuse", 1, unknown={"act: code"}) == {
        "plain", "by-name", "or-else", "at-last", "in-a-table", "from-a-function",
    }  # fmt: skip
    with pytest.raises(AssertionError, match="what may act: code stand for"):
        handed.of("refuse", 1)


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_sentence_with_and_without_values(code: str) -> None:
    """A receipt goes out whatever the process knows of the command."""
    full = {"priority": Priority.P0, "by": samples.ALICE, "owner": samples.BOB, "limit": timedelta(hours=4), "due": NOW}
    full |= {"state": model.State.DECLINED, "headline": "x", "number": 43, "meant": "agree", "at": NOW, "until": NOW}
    full |= {"asked": (samples.ALICE, samples.BOB), "address": samples.BOB, "duty": samples.ALICE, "nobody": True}
    full |= {"area": "Billing", "areas": ("billing",), "other": 43, "which": 2, "used": 4, "budget": 3, "count": 11}
    full |= {"kind": model.Kind.BUG, "said": "away until 30 February", "url": "https://docs.acme.example"}
    full |= {"limit": 600} if code == "update-cut" else {}
    case = case_of("receipt", "one done")
    for values in ({}, full):
        outcome = Outcome("Agree", code, True, values, 42)
        made = rendered(replace(case, values={"outcomes": (outcome,), "undo": None}))
        assert made.problem == ""
        assert commanded(made.text, f"Re: {made.subject}", fresh=False) == []
        assert made.text.split("\n")[2].startswith("This is done: ")


def test_an_unknown_code_is_answered_all_the_same() -> None:
    """Never an unanswered command: a code that has no sentence yet gets a plain one."""
    case = case_of("receipt", "one done")
    outcome = Outcome("Agree", "no-such-code", False, {}, 42)
    made = rendered(replace(case, values={"outcomes": (outcome,), "undo": None}))
    assert "This was not done: this did not work." in made.text


# --- the words of process.md ------------------------------------------------------------------------------------------


def test_the_automatic_update_word_for_word() -> None:
    """`Nothing to update. Still investigating. Next update in 30 minutes.` at the issue's cadence."""
    said = "Nothing to update. Still investigating. Next update in 30 minutes."
    made = rendered(case_of("broadcast-update", "automatic"))
    assert said in made.text.split("\n")
    assert said in Page(made.html).shown


def test_an_unconfirmed_report_word_for_word() -> None:
    """Before anyone has answered the text is `Reported at 03:02. Not yet confirmed.`"""
    for case in (case_of("broadcast-new", "not confirmed"), case_of("broadcast-update", "automatic, not confirmed")):
        assert "Reported at 03:02. Not yet confirmed." in rendered(case).text.split("\n")


def test_the_last_update_of_a_day_names_the_next_morning() -> None:
    """The last P1 update of a day names the next morning; the time in list time zone and UTC."""
    made = rendered(case_of("broadcast-update", "automatic, until morning"))
    assert "The next update comes on Tuesday at 09:05 CET (08:05 UTC)." in made.text
    assert "Next update in" not in made.text


@pytest.mark.parametrize(
    ("template", "title", "subject"),
    [
        ("broadcast-new", "agreed", "PRIORITY 1 ISSUE: WEBSITE IS DOWN"),
        ("broadcast-update", "automatic", "PRIORITY 0 ISSUE UPDATE: WEBSITE IS DOWN"),
        ("broadcast-resolved", "resolved", "PRIORITY 0 ISSUE RESOLVED: WEBSITE IS DOWN"),
        ("broadcast-lowered", "to P2", "PRIORITY 0 ISSUE NOW PRIORITY 2: WEBSITE IS DOWN"),
        ("broadcast-reopened", "reopened", "PRIORITY 0 ISSUE REOPENED: WEBSITE IS DOWN"),
        ("broadcast-ended", "withdrawn", "PRIORITY 0 ISSUE CLOSED: WEBSITE IS DOWN"),
        ("triage", "workaround", "[#42] Website is down"),
    ],
)
def test_subjects_shout(template: str, title: str, subject: str) -> None:
    """Subjects shout; mails to one person about one issue keep one subject."""
    assert rendered(case_of(template, title)).subject == subject


def test_a_long_headline_is_cut_at_a_word() -> None:
    """The headline is upper-cased there and cut at a word so that the subject stays within 70 characters."""
    case = case_of("broadcast-update", "automatic")
    assert case.issue
    long = replace(case.issue, headline="the checkout of the web shop shows an empty page to everybody in France")
    assert rendered(replace(case, issue=long)).subject == (
        "PRIORITY 0 ISSUE UPDATE: THE CHECKOUT OF THE WEB SHOP SHOWS AN..."
    )
    one_word = replace(case.issue, headline="x" * 300)
    assert len(rendered(replace(case, issue=one_word)).subject) == 70


def test_the_missing_mail_is_answered_by_filling_the_gaps() -> None:
    """One reply shows [x]/[ ] for the five questions, and can be answered by filling the gaps, over as many mails as it
    takes; with quote marks or without."""
    case = case_of("missing", "first report")
    made = rendered(case)
    assert re.findall(r"^\[[ x]\] \d", made.text, re.MULTILINE) == ["[x] 1", "[ ] 2", "[ ] 3", "[ ] 4", "[ ] 5"]
    given = {"should have happened": "The start page", "Which customers": "All", "You pick it": "P1"}
    for mark in ("> ", ""):
        lines = []
        for line in made.text.split("\n"):
            lines += [mark + line, *(answer for help_, answer in given.items() if help_ in line)]
        read = report.read(
            quoting.split("\n".join(lines), made.text),
            f"Re: {made.subject}",
            case.policy.questions,
            words=WORDS,
            reply=True,
        )
        assert read.answers | {"priority": ""} == {"expected": "The start page", "affected": "All", "priority": ""}
        assert read.priority is Priority.P1


def test_at_e0_only_the_ticks_and_the_headline() -> None:
    """At E0 a reply repeats only the ticks and the headline (trust.md 3.4), and says that a plain answer confirms
    it."""
    for template, title in (("missing", "unverified P0"), ("received", "to be confirmed")):
        made = rendered(case_of(template, title))
        assert "UNVERIFIED" in made.text
        for told in ("white page", "The app", "shop.acme", "white-page.png"):
            assert told not in made.text + made.html


def test_an_attachment_as_answer_is_worded() -> None:
    """Answer 3 is also given by an attachment: a person reads words, not our mark for it."""
    assert wording.ATTACHED == report.ATTACHED
    case = case_of("triage", "workaround")
    assert case.issue
    shown = replace(case.issue, answers={**case.issue.answers, "see": f"{report.ATTACHED}\nin Safari"})
    assert "> (see the attachment)\n> in Safari" in rendered(replace(case, issue=shown)).text


def test_p0_is_a_priority() -> None:
    """P0 is the number 0: nowhere is it taken for none."""
    case = case_of("triage", "unverified P0 with gaps")
    assert "A P0 from sara@acme.example: please decide\nby 03:17 CET (02:17 UTC)." in rendered(case).text
    case = case_of("decided", "lowered")
    assert "is a P2 now, not a P0." in rendered(case).text
    case = case_of("broadcast-update", "written")
    assert case.issue
    raised = replace(case.issue, priority=Priority.P0, reported=Priority.P2)
    assert rendered(replace(case, issue=raised)).subject == "PRIORITY 0 ISSUE UPDATE: WEBSITE IS DOWN"


# --- one-tap answers --------------------------------------------------------------------------------------------------


def tapped(case: Sample, language: str = "en") -> Iterator[tuple[str, str, str]]:
    """(address, subject, body) of each one-tap answer, as a mail program reads the link (RFC 6068)."""
    for url in Page(rendered(case, language=language).html).links:
        if url.startswith("mailto:"):
            asked = parse_qs(urlsplit(url).query, strict_parsing=True)
            yield unquote(urlsplit(url).path), asked["subject"][0], asked["body"][0]


def intents_of(body: str, subject: str) -> list[object]:
    return commanded(body, subject, fresh=False)


def test_one_tap_does_what_it_says() -> None:
    """One-tap answers are mailto links that carry the reply token; what they send is read as the command."""
    case = case_of("triage", "workaround")
    answers = list(tapped(case))
    assert {address for address, _, _ in answers} == {samples.REPLY_TO}
    assert {subject for _, subject, _ in answers} == {"Re: [#42] Website is down"}
    bodies = [body for _, _, body in answers]
    assert bodies[:2] == ["P2 because there is a workaround", "agree"]
    read = [intents_of(body if body[-1] != " " else body + "bob@acme.example", answers[0][1]) for body in bodies]
    kinds = [type(found[0]) for found in read]
    decisions = [want.SetPriority, want.Agree, *[want.SetPriority] * 3, want.Decline]
    assert kinds == [*decisions, want.SetKind, want.SetKind, want.NameOwner]


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.broadcast], ids=[i for i, c in zip(IDS, CASES, strict=True) if c.broadcast]
)
def test_a_broadcast_has_no_taps(case: Sample) -> None:
    """A broadcast's body holds no token (design 7), so it has no one-tap answers."""
    assert list(tapped(case)) == []
    assert "Answer with one line" not in rendered(case).text


@pytest.mark.parametrize(
    "case", [c for c in CASES if not c.broadcast], ids=[i for i, c in zip(IDS, CASES, strict=True) if not c.broadcast]
)
def test_taps_stand_in_both_parts(case: Sample) -> None:
    """Each one-tap answer of the HTML part is offered in quotes in the text part, and none starts a line there."""
    made = rendered(case)
    flat = " ".join(made.text.split())
    for _, _, body in tapped(case):
        assert f'"{body.strip()}"' in flat.replace(' …"', '"').replace('…"', '"')
    assert not re.search(
        r'^\s*"', made.text.split("\n-- \n")[0].replace('"not sure"', "").replace('"Nothing', ""), re.MULTILINE
    )


def test_a_tap_survives_everything() -> None:
    """Taps work on phones: percent-encoded (RFC 6068), line ends as %0D%0A."""
    url = wording.mailto("a+b.c-d@acme.example", "Re: [#1] 50 % & more?", "update: one\ntwo + ü")
    assert url == (
        "mailto:a%2Bb.c-d@acme.example?subject=Re%3A%20%5B%231%5D%2050%20%25%20%26%20more%3F"
        "&body=update%3A%20one%0D%0Atwo%20%2B%20%C3%BC"
    )


# --- hostile values ---------------------------------------------------------------------------------------------------

TYPED = {  # whatever is called so, anywhere in the values of a mail, a person may have typed
    "headline", "reason", "last_update", "doc", "text", "said", "meant", "subject", "from_", "cause", "more", "via",
    "expected",
}  # fmt: skip
FULL_OF_TYPED = {"answers", "attachments"}


def poisoned(case: Sample, evil: str) -> Sample:
    """The same sample where everything that a person may have typed is `evil`."""
    values = {key: poison(value, evil, key) for key, value in case.values.items()}
    return replace(case, issue=poison(case.issue, evil), values=values)


def poison(value: Any, evil: str, name: str = "") -> Any:
    if isinstance(value, str):
        return evil if name in TYPED | FULL_OF_TYPED and value else value
    if is_dataclass(value) and not isinstance(value, type):
        changed = {f.name: poison(getattr(value, f.name), evil, f.name) for f in fields(value)}
        return replace(value, **changed)
    if isinstance(value, Mapping):
        return {key: poison(each, evil, name if name in FULL_OF_TYPED else str(key)) for key, each in value.items()}
    if isinstance(value, tuple):
        return tuple(poison(each, evil, name) for each in value)
    return value


TEMPLATE_INJECTIONS = [
    "{{7*7}}",
    "{% for a in range(9) %}x{% endfor %}",
    "{{''.__class__.__mro__}}",
    "{# gone #}",
    "{{ config }}",
    "${7*7}",
    "{{ issue.reporter }}",
    "{% include '_answers' %}",
    "qjv0jq",
    "qjs1jq",
    "{{ taps('agree') }}",
    "::: taps\nagree\n:::",
    "}} {{",
]

XSS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    '"><script>alert(1)</script>',
    "'><img src=x>",
    "</title><script>x</script>",
    "</style><img src=x>",
    "<iframe src=//evil.example>",
    "<a href=javascript:x>y</a>",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>x</script>",
    "vbscript:x",
    "<body onload=x>",
    "<input autofocus onfocus=x>",
    "<math><mtext></mtext></math>",
    "<link rel=stylesheet href=//e.example>",
    "<base href=//e.example>",
    "<meta http-equiv=refresh content=0>",
    "<form action=//e.example>",
    "<object data=x>",
    "<embed src=x>",
    "<video src=x>",
    "<style>@import '//e.example'</style>",
    "<div style=background:url(//e.example)>",
    "<!-- <img src=x> -->",
    "]]><script>x</script>",
    "<![CDATA[<b>x</b>]]>",
    "&lt;b&gt;",
    "&#60;b&#62;",
    "&amp;",
    "<",
    ">",
    '"',
    "' onmouseover='x",
    '" onmouseover="x',
    "`x`",
    "``` \n<b>x</b>\n```",
    "**bold**",
    "__bold__",
    "*em*",
    "# heading",
    "## heading",
    "- item",
    "1. item",
    "[link](https://evil.example)",
    "[link](javascript:alert(1))",
    "![image](https://evil.example/x.png)",
    "<https://evil.example>",
    'https://evil.example/"onclick=x',
    "[ref]: https://evil.example",
    "| a | b |\n|---|---|",
    "---",
    "***",
    "    code",
    "> quote",
    "\\<b>",
    "<b>x</b>\n<i>y</i>",
    "a\\\nb",
    "[x](<javascript:x>)",
    "&copy;",
    "<ScRiPt >x</ScRiPt >",
    "%3Cscript%3E",
    "\u003cscript\u003e",
    "<a href='mailto:x@evil.example'>x</a>",
    "=?utf-8?q?x?=",
]


@pytest.mark.parametrize("evil", TEMPLATE_INJECTIONS)
def test_template_source_in_a_value_is_a_value(evil: str) -> None:
    """X3: mail text is a value, never a source: it appears literally."""
    appears_literally(evil)


@pytest.mark.parametrize("evil", XSS)
def test_markup_in_a_value_is_a_value(evil: str) -> None:
    """X4: XSS strings in all fields, Markdown links, tags and headings among them, appear literally."""
    assert len(XSS) >= 60
    appears_literally(evil)


@functools.cache
def usual_markup(place: int) -> tuple[frozenset[str], frozenset[str]]:
    page = Page(usual(place).html)
    return frozenset(page.tags), frozenset(name for name, _ in page.attributes)


def appears_literally(evil: str) -> None:
    seen = 0
    for place, case in enumerate(CASES):
        plain, made, (tags, names) = usual(place), rendered(poisoned(case, evil)), usual_markup(place)
        assert made.problem == ""
        page = Page(made.html)
        assert set(page.tags) <= tags | {"br", "p"}, case.template
        assert {name for name, _ in page.attributes} <= names, case.template
        assert all(url.startswith(("mailto:", "https://evil.example", "https://b")) for url in page.links)
        first = evil.split("\n")[0].strip()
        seen += first in made.text
        if first in made.text and first not in plain.text and made.html:
            assert all(line.strip() in page.shown for line in evil.split("\n")), case.template
    assert seen > 20


COMMANDS = """agree
P0
  resolve: it works
Withdraw: x
unsubscribe
status #7
owner bob@acme.example
next update in 3 hours
"mine"
yes"""


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_commands_in_a_value_do_not_run(case: Sample) -> None:
    """None of our own mails has a command at the start of a line where a quote could run it: not even a quoted one."""
    made = rendered(poisoned(case, f"Hello.\n{COMMANDS}"))
    assert commanded(made.text, f"Re: {made.subject}", fresh=False) == []
    assert commanded(html_to_text(made.html), f"Re: {made.subject}", fresh=False) == []


def test_odd_characters_never_break_a_mail() -> None:
    """X1: controls, lone surrogates, every kind of line end and bidi overrides are taken out of what people wrote."""
    odd = "".join(map(chr, [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, 0x202E, 0x2066, 0xD800, 0xDFFF, 0xFEFF]))
    for case in CASES:
        made = rendered(poisoned(case, f"before{odd}after"))
        assert made.problem == ""
        for part in (made.subject, made.text, made.html):
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]", part)
            part.encode("utf-8")


def test_no_template_is_made_from_a_text_at_run_time() -> None:
    """X3: a test greps from_string/Template( on data."""
    for path in (ROOT / "triagemail").rglob("*.py"):
        assert not re.search(r"\.from_string\(|[^\w.]Template\(|\.overlay\(", path.read_text("utf-8")), path


def test_time_grows_with_length_only() -> None:
    """C6: no regular expression here is slower than linear; a mail of 1 MB takes no longer than ten of 100 kB."""
    import time

    def seconds(size: int) -> float:
        texts = (" " * size + "x", "agree" + " " * size + "x", "P0 " * (size // 3), '"' * size, "a@" * (size // 2))
        tries = []
        for _ in range(3):
            started = time.process_time()
            for text in texts:
                templates.book_of(Templates(), "en").text.guard.sub("> ", text)
                wording.clean(text)
                wording.folded(text[: size // 10])
            tries.append(time.process_time() - started)
        return min(tries)

    seconds(1000)
    assert seconds(400_000) < 60 * max(seconds(20_000), 1e-4)


# --- a company's own templates ----------------------------------------------------------------------------------------

BROKEN = {
    "syntax": "{% if %}",
    "undefined": "{{ no_such_value }}",
    "raise": "{{ 1 // 0 }}",
    "loop": "{% for a in range(1000000000) %}x{% endfor %}",
}
LOOPS = [
    "{% for a in range(4000) %}{% for b in range(4000) %}{% endfor %}{% endfor %}",
    "{{ 'x' * 1000000000 }}",
    "{{ 10 ** 1000000000 }}",
    "{% for a in range(4000) %}{{ policy }}{% endfor %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{{ ''.__class__.__mro__ }}",
    "{{ issue.__init__.__globals__ }}",
]


def override(folder: Path, name: str, body: str, *, front: bool = True) -> Path:
    file = folder / "en" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        ("---\nsubject: Ours\nwhy: You get this because we say so.\n---\n" if front else "") + body, "utf-8"
    )
    return folder


@pytest.mark.parametrize("way", BROKEN)
@pytest.mark.parametrize("name", templates.names())
def test_broken_overrides_are_refused(tmp_path: Path, name: str, way: str) -> None:
    """S12: break each of N templates 4 ways: start refused; injected at run time: the built-in text goes out."""
    file = f"mail/{name}.md"
    used = templates.open_templates(override(tmp_path, file, f"Hello. {BROKEN[way]}\n"))
    assert used.allowed == frozenset()
    assert {problem.template for problem in used.problems} == {file}
    case = samples.cases(name)[0]
    injected = rendered(case, Templates(tmp_path, frozenset({f"en/{file}"})))
    assert replace(injected, problem="") == rendered(case)
    assert injected.problem.startswith(file)


def test_the_check_names_a_broken_override(tmp_path: Path) -> None:
    """S12: `check` says what the start refuses."""
    used = templates.open_templates(override(tmp_path, "mail/triage.md", f"Hello. {BROKEN['undefined']}\n"))
    assert [p.template for p in templates.check_templates(tmp_path)] == [p.template for p in used.problems]


@pytest.mark.parametrize("body", LOOPS)
def test_no_template_runs_away(tmp_path: Path, body: str) -> None:
    """S12: an endless or huge template ends in seconds and the built-in text goes out; the sandbox holds."""
    override(tmp_path, "mail/triage.md", body)
    injected = rendered(CASES[IDS.index("triage: workaround")], Templates(tmp_path, frozenset({"en/mail/triage.md"})))
    assert "please decide" in injected.text
    assert injected.problem


def test_a_template_that_fits_is_used(tmp_path: Path) -> None:
    """An override folder takes precedence file by file."""
    override(tmp_path, "mail/triage.md", "**Ours**: {{ issue.headline }}\n\n::: taps\nagree\n:::\n")
    used = templates.open_templates(tmp_path)
    assert used.problems == ()
    made = rendered(case_of("triage", "workaround"), used)
    assert (made.subject, made.problem) == ("Ours", "")
    assert made.text.split("\n")[2:5] == ["Ours: Website is down", "", 'Answer with one line:  "agree"']
    assert "<strong>Ours</strong>: Website is down" in made.html
    assert rendered(CASES[0], used) == rendered(CASES[0])


def test_shared_parts_and_tables_can_be_overridden(tmp_path: Path) -> None:
    """File by file, and a table key by key; the marker alone stays as it is, since replies are cut at it."""
    override(tmp_path, "mail/_more.md", "Call us.\n", front=False)
    override(tmp_path, "outcomes.toml", 'agreed = "so be it."\n', front=False)
    override(tmp_path, "mail/_layout.toml", 'marker = "--- x ---"\nand = "&"\n', front=False)
    used = templates.open_templates(tmp_path)
    assert used.problems == ()
    assert "Call us." in rendered(case_of("broadcast-new", "agreed"), used).text
    made = rendered(case_of("receipt", "two done"), used)
    assert "- It is done: so be it.\n- It is done: the next update" in made.text
    assert made.text.startswith(templates.marker("en"))


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("mail/triagge.md", "x", "no built-in file of this name"),
        ("mail/_answers.md", "{{ nope }}", "nope"),
        ("mail/_layout.toml", "[", "TOMLDecodeError"),
        ("mail/_layout.html", "{{ body }}<img src='https://evil.example/pixel.gif'>", "would be fetched"),
        ("mail/triage.md", "---\nsubjekt: x\n---\nx", "unknown line in the front matter"),
        ("mail/triage.md", "---\nsubject: x\n---\nx", "no why: in the front matter"),
        ("mail/triage.md", "---\nsubject: x\nwhy: y\n---\nHello.\nagree\n", "starts like a command"),
        ("mail/triage.md", "---\nsubject: x\nwhy: y\n---\n{{ issue.owner_accepted and None }}{{ None }}", "None"),
        ("mail/triage.md", "---\nsubject: {{ '' }}\nwhy: y\n---\nx", "empty subject"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, name: str, body: str, said: str) -> None:
    """One that no longer fits falls back to the built-in one, loudly: the problem names the file and the reason."""
    used = templates.open_templates(override(tmp_path, name, body, front=False))
    assert used.allowed == frozenset()
    assert name in {p.template for p in used.problems}
    assert any(said in problem.text for problem in used.problems), used.problems


def test_even_the_built_in_text_may_fail() -> None:
    """S12: a P0 update still goes out, whatever the process forgot to hand over."""
    case = case_of("broadcast-update", "written")
    made = rendered(replace(case, values={"text": "We are on it."}))
    assert "We are on it." in made.text
    assert "#42 (P0): Website is down." in made.text
    assert "is undefined" in made.problem


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """Loudly: a folder without the language is a problem, and the built-in texts are used."""
    used = templates.open_templates(tmp_path)
    assert [p.template for p in used.problems] == ["en"]
    assert rendered(CASES[0], used) == rendered(CASES[0])
    assert templates.open_templates("") == templates.open_templates(None) == Templates()


# --- small things -----------------------------------------------------------------------------------------------------


def at(zone: str, moment: datetime, now: datetime = NOW) -> str:
    policy = replace(samples.POLICY, timezone=zone)
    context = templates.context_of(policy, now, None, {"moment": moment})
    book = templates.book_of(Templates(), "en")
    day, time = wording.day_and_time(book.words, moment, now, context["zone"])  # type: ignore[arg-type]
    return f"{day} {time}".strip()


def test_times_with_zone_and_utc() -> None:
    """T3: every time shown with zone and UTC offset, the day when it is not today."""
    noon = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
    assert at("Europe/Berlin", noon, noon) == "14:30 CEST (12:30 UTC)"
    assert at("UTC", noon, noon) == "12:30 UTC"
    assert at("Asia/Kolkata", noon, noon) == "18:00 IST (12:30 UTC)"
    assert at("Australia/Lord_Howe", noon, noon) == "23:00 +1030 (12:30 UTC)"
    assert at("Europe/Berlin", noon + timedelta(days=1), noon) == "Tuesday 14:30 CEST (12:30 UTC)"
    assert at("Europe/Berlin", noon + timedelta(days=9), noon) == "Wednesday 13 May 14:30 CEST (12:30 UTC)"
    assert at("Europe/Berlin", noon + timedelta(days=300), noon) == "Sunday 28 February 2027 13:30 CET (12:30 UTC)"
    night = datetime(2026, 10, 25, 0, 45, tzinfo=UTC)  # the hour from two to three comes twice in Berlin
    assert at("Europe/Berlin", night, night) == "02:45 CEST (00:45 UTC)"
    assert at("Europe/Berlin", night + timedelta(hours=1), night) == "02:45 CET (01:45 UTC)"


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(minutes=30), "30 minutes"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(0), "1 minute"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(hours=4), "4 hours"),
        (timedelta(minutes=150), "2 hours 30 minutes"),
        (timedelta(days=7), "7 days"),
        (timedelta(days=1), "1 day"),
        (timedelta(seconds=1799), "30 minutes"),
    ],
)
def test_lengths_in_words(span: timedelta, said: str) -> None:
    """`Next update in 30 minutes`: a length as people say it."""
    assert wording.length(templates.book_of(Templates(), "en").words, span) == said


def test_a_quoted_command_never_starts_a_line() -> None:
    """None of our own mails has a command at the start of a line: folding keeps it behind the word before it."""
    for width in range(20, 80):
        text = wording.folded(
            'It works again? Then please answer with "withdraw: it works again", and we stop. Or "help".', width
        )
        assert not re.search(r'^"', text, re.MULTILINE)


def test_links_are_web_addresses() -> None:
    """X4: nothing but a web or mail address becomes a link."""
    assert wording.link("https://docs.acme.example/a?b=c&d#e") == "https://docs.acme.example/a?b=c&d#e"
    for bad in (
        "javascript:alert(1)",
        "//evil.example",
        'https://a.example/"x',
        "https://a b",
        "data:x",
        "",
        "https://",
        " https://a.example",
    ):
        assert wording.link(bad) == ""


def test_source_of_a_template() -> None:
    """One Markdown source makes both parts; tags inside it are left alone."""
    text = "## Head\n\n{% if a %}\n**b** `c` [d]({{ e }}) {{ f ** g }}\n{% endif %}\nend\\\n"
    assert source.to_text(text) == 'Head\n\n{% if a %}b "c" d <{{ e }}> {{ f ** g }}\n{% endif %}end\n'
    html_part = source.to_html(text, markdown().render)
    assert "<h2>Head</h2>\n{% if a %}\n<p><strong>b</strong> <code>c</code>" in html_part
    assert '<a href="{{ ( e ) | link }}">d</a> {{ f ** g }}</p>\n{% endif %}\n<p>end' in html_part
