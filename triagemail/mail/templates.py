"""The door of jinja2: one Markdown source per mail becomes its subject, text part and HTML part.

A source is turned into two Jinja templates once, when it is first used; what people wrote is only ever a value of them,
never Markdown and never a template (trust.md X3, X4). An override that does not fit gives way to the built-in text and
says so in `Rendered.problem` (trust.md S12); nothing here logs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template, TemplateRuntimeError, Undefined
from jinja2 import pass_context as with_context
from jinja2 import pass_eval_context as with_eval_context
from jinja2.exceptions import SecurityError
from jinja2.nodes import EvalContext
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup, escape

from triagemail.mail import wording
from triagemail.mail.languages import ENGLISH, asked_in_all, languages, said, tables
from triagemail.mail.markdown import markdown
from triagemail.mail.source import BUILT_IN, Folders, Misfit, to_html, to_text
from triagemail.mail.wording import clean, cut, flat, folded, link
from triagemail.process.model import Issue, Policy, Priority

SUBJECT_LIMIT = 70  # "the subject stays within 70 characters" (process.md 5)
LARGEST = 400_000  # characters of one part: more is a runaway loop, not a mail
TURNS = 5_000  # of all loops over a range in one rendering
FALLBACK = "_bare"

QUOTED = "margin:4px 0 12px;padding:2px 0 2px 12px;border-left:3px solid #8a94a6"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a template does not fit: `template` is the file below `templates/LANGUAGE/`, `text` a line to read."""

    template: str
    text: str

    def __str__(self) -> str:
        return f"{self.template}: {self.text}"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail before it gets headers. Lines end in LF. `summary` is what a calendar calls its invite ("" where the
    template does not say), `opening` the text before the one-tap answers. `problem`: "" or why an override gave way."""

    subject: str
    text: str
    html: str
    problem: str = ""
    summary: str = ""
    opening: str = ""


class Plain(Environment):
    """What both have. `guard` matches the start of lines that read as commands."""

    guard: re.Pattern[str]

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """As one dictionary: ours never change, and each rendering walks through Jinja's chain of them."""
        return {**self.globals, **(d or {})}


class Trusted(Plain):
    """For the built-in templates, which are code of ours: the sandbox's look at every attribute costs a fifth."""


class Sandbox(Plain, SandboxedEnvironment):
    """Jinja's sandbox, with no operator that makes something huge out of something small (trust.md S12)."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or not isinstance(left, int) or not isinstance(right, int):
            raise SecurityError("only whole numbers can be multiplied, and there are no powers")
        return left * right


@dataclass(frozen=True, slots=True)
class Book:
    """The templates of one language: its fixed words, the texts of the config that it says in its own, the front matter
    by template, and what renders both parts."""

    words: Mapping[str, Any]
    phrases: Mapping[str, str]
    front: Callable[[str], Mapping[str, str]]
    text: Trusted | Sandbox
    html: Trusted | Sandbox


@dataclass(frozen=True, slots=True)
class Templates:
    """The built-in templates and, file by file in front of them, those of a company's own folder that fit."""

    directory: Path | None = None
    allowed: frozenset[str] = frozenset()  # the files below `directory` that were rendered once with samples and fit
    problems: tuple[Problem, ...] = ()


# --- values on their way into a mail ----------------------------------------------------------------------------------


def _plain(value: object) -> object:
    """`finalize` of the text part: a None in a mail is a mistake of the template, not the word `None`."""
    if type(value) is str and value.isprintable():  # nearly always: nothing to do
        return value
    if value is None:
        raise TemplateRuntimeError("a value is None")
    if isinstance(value, Undefined):
        return value  # StrictUndefined raises when Jinja turns it into text
    return clean(value) if isinstance(value, str) else value


@with_eval_context
def _marked(context: EvalContext, value: object) -> object:
    """`finalize` of the HTML part: newlines of a value become <br>; no later line of it reads as a command."""
    if isinstance(value, Markup) or (type(value) is str and value.isprintable()):
        return value
    value = _plain(value)
    if not isinstance(value, str) or not context.autoescape or "\n" not in value:
        return value
    first, rest = value.split("\n", 1)
    return _breaks(f"{first}\n{_guarded(context, rest)}")


def _breaks(text: str) -> Markup:
    return escape(text).replace("\n", Markup("<br>\n"))


def _guarded(context: EvalContext, text: str) -> str:
    """ "None of our own mails has a command at the start of a line where a quote could run it": it is quoted."""
    environment = context.environment
    return environment.guard.sub("> ", text) if isinstance(environment, Trusted | Sandbox) else text


@with_eval_context
def _quote(context: EvalContext, value: str, limit: int = 4000) -> str:
    """Somebody's words as a quotation: `> ` before each line of the text part, a bar beside them in the HTML part."""
    text = cut(clean(value).strip("\n"), limit)
    if context.autoescape:
        return Markup(f'<blockquote style="{QUOTED}">{_breaks(text)}</blockquote>')
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


@with_eval_context
def _say(context: EvalContext, value: str, limit: int = 4000) -> str:
    """Somebody's words as paragraphs of our own mail, for texts that speak for the service (an owner's update)."""
    text = _guarded(context, cut(clean(value).strip("\n"), limit))
    if not context.autoescape:
        return text
    return Markup("\n").join(Markup(f"<p>{_breaks(part)}</p>") for part in re.split(r"\n\s*\n", text))


@with_eval_context
def _fold(context: EvalContext, text: str, indent: int = 0) -> str:
    """A sentence of our own in short lines; the HTML part is as wide as the reader's screen."""
    if context.autoescape:
        return escape(text)  # the body of a filter block is Markup already, a value is not (trust.md X4)
    guard = getattr(context.environment, "guard", None)
    return folded(text, wording.WIDTH - 2 - indent, guard).replace("\n", "\n" + " " * indent)


def _filters(words: Mapping[str, Any]) -> dict[str, Callable[..., Any]]:
    """What a template may do with a value, beside Jinja's own filters (docs/templates.md lists them)."""

    @with_context
    def when(context: Context, moment: datetime) -> str:
        """'14:30 CET (13:30 UTC)', 'Tuesday 09:00 CET (08:00 UTC)'."""
        return " ".join(filter(None, wording.day_and_time(words, moment, context["now"], context["zone"])))

    @with_context
    def at(context: Context, moment: datetime) -> str:
        """'at 14:30 CET (13:30 UTC)', 'on Tuesday at 09:00 CET (08:00 UTC)'."""
        day, time = wording.day_and_time(words, moment, context["now"], context["zone"])
        return str(words["times"]["other" if day else "today"]).format(day=day, time=time)

    @with_context
    def within(context: Context, priority: Priority) -> str:
        """How soon a priority is decided on: its timebox, else the fixed words for it."""
        rule = context["policy"].priorities[priority]
        if rule.timebox and priority.urgent:
            return str(words["within"]["timebox"]).format(wording.length(words, rule.timebox))
        return str(words["within"][priority.name])

    return {
        "clean": clean, "flat": flat, "cut": cut, "link": link, "quote": _quote, "say": _say, "fold": _fold,
        "when": when, "at": at, "within": within,
        "clock": with_context(lambda context, moment: f"{moment.astimezone(context['zone']):%H:%M}"),
        "day": with_context(lambda context, moment: wording.day(words, moment, context["zone"])),
        "weekdays": lambda days: wording.weekdays(words, days),
        "told": wording.told,
        "minutes": lambda span: wording.length(words, span),
        "every": lambda span: wording.every(words, span),
        "spelt": lambda example: words["spelt"].get(example, example),
        "near": lambda span: abs(span) <= timedelta(minutes=1),
        "listed": lambda values: wording.listed(words, values),
        "answer": lambda text: wording.answer(words, text),
        "shout": lambda text: flat(text).upper(),
        "opening": lambda text: text[:1].upper() + text[1:],
        "brief": lambda text: text.partition(":")[0],
        "detail": lambda text: text.partition(":")[2].strip(),
    }  # fmt: skip


# --- from source to template ------------------------------------------------------------------------------------------


def _source(folders: Folders, outcomes: Mapping[str, str], name: str, *, html: bool) -> str | None:
    """The Jinja source of `NAME` (a body), `NAME#subject`, `NAME#why`, `outcome/CODE` or `_layout.html`, or None."""
    if name == "_layout.html":
        return folders.find("mail/_layout.html")[0].read_text("utf-8")
    stem, _, part = name.partition("#")
    if name.startswith("outcome/"):
        source = outcomes.get(name.removeprefix("outcome/"))
    else:
        front, source = folders.parts(stem) or ({}, None)
        if source is not None and part:
            source = front.get(part)
            if source is None:
                raise Misfit(f"no {part}: in the front matter")
    if source is None:
        return None
    inline = bool(part) or name.startswith("outcome/")
    return to_html(source, markdown().renderInline if inline else markdown().render) if html else to_text(source)


def _budgeted_range() -> Callable[..., range]:
    """`range` for one rendering: all its loops together turn at most TURNS times, nested ones too (trust.md S12)."""
    left = [TURNS]

    def limited(*bounds: int) -> range:
        numbers = range(*bounds)
        left[0] -= len(numbers[: TURNS + 1])
        if left[0] < 0:
            raise SecurityError(f"loops of more than {TURNS} turns")
        return numbers

    return limited


def _environment(
    source: Callable[[str], str | None], words: Mapping[str, Any], guard: re.Pattern[str], *, html: bool, ours: bool
) -> Trusted | Sandbox:
    environment = (Trusted if ours else Sandbox)(
        loader=FunctionLoader(source), undefined=StrictUndefined, autoescape=html, auto_reload=False,
        keep_trailing_newline=True, finalize=_marked if html else _plain,
    )  # fmt: skip
    environment.guard = guard

    @with_context
    def taps(context: Context, lines: str) -> str:
        found, address = wording.taps(lines), context["reply_to"]
        if not found or not address:  # a broadcast has no reply address of one person (trust.md V1)
            return ""
        if html:
            return Markup(wording.html_taps(words, found, address, context["own_subject"]))
        return wording.text_taps(words, found)

    called = [table["language"]["names"][1] for table in tables("words.toml")]
    environment.globals = {"taps": taps, "timedelta": timedelta, "languages": called}
    environment.filters |= _filters(words)
    return environment


@lru_cache(maxsize=64)
def _book(folders: Folders) -> Book:
    words, outcomes = folders.table("mail/_layout.toml"), folders.table("outcomes.toml")
    examples, english = folders.table("words.toml")["examples"], tables("words.toml")[0]["examples"]
    words |= {"spelt": {english[key]: example for key, example in examples.items() if key in english}}
    free = {word for layout in tables("mail/_layout.toml") for word in layout["reserved"]}
    guard = _guard(tuple(sorted(free.union(words["reserved"]))))
    front = lru_cache(maxsize=256)(lambda name: (folders.parts(name) or ({}, ""))[0])
    ours = folders.own is None
    text = _environment(lambda name: _source(folders, outcomes, name, html=False), words, guard, html=False, ours=ours)
    html = _environment(lambda name: _source(folders, outcomes, name, html=True), words, guard, html=True, ours=ours)
    return Book(words, folders.table("phrases.toml"), front, text, html)


@lru_cache(maxsize=8)
def _guard(free: tuple[str, ...]) -> re.Pattern[str]:
    """One for all languages, since the commands of all are understood in every mail."""
    return wording.guard(free, tables("words.toml"))


def _folders(templates: Templates, language: str) -> Folders:
    """A company's own folder first, then ours of the language, then English: what is not translated is English."""
    base = tuple(BUILT_IN / name for name in dict.fromkeys((language, ENGLISH)))
    own = None if templates.directory is None else templates.directory / language
    allowed = frozenset(n.partition("/")[2] for n in templates.allowed if n.startswith(f"{language}/"))
    return Folders(base if own is None else (own, *base), own, allowed)


@lru_cache(maxsize=64)
def book_of(templates: Templates, language: str) -> Book:
    return _book(_folders(templates, language))


def pages(source: Callable[[str], str], words: Mapping[str, Any]) -> Trusted:
    """What renders web pages: every value of theirs is escaped, and none is a template (trust.md X4)."""
    made = Trusted(
        loader=FunctionLoader(source), undefined=StrictUndefined, autoescape=True, auto_reload=False, trim_blocks=True,
        lstrip_blocks=True, finalize=lambda value: value if isinstance(value, Markup) else _plain(value),
    )  # fmt: skip
    made.globals["words"] = words
    made.filters |= {**_filters(words), "put": _put}
    return made


def _put(text: str, **values: object) -> str:
    """A sentence with its values, each cleaned as a value that stands alone."""
    said = {name: value if isinstance(value, Markup) else _plain(value) for name, value in values.items()}
    return Markup(escape(text)).format(**said)


# --- rendering --------------------------------------------------------------------------------------------------------

_TIDY = re.compile(r"<p>\s*</p>\n?|</ul>\s*<ul>|<ul>\s*</ul>\n?")


@lru_cache(maxsize=512)
def _template(environment: Trusted | Sandbox, name: str) -> Template:
    """Jinja's own cache looks each time whether a template has changed; ours never do."""
    return environment.get_template(name)


def _fill(environment: Trusted | Sandbox, name: str, context: Mapping[str, object]) -> str:
    made = _template(environment, name)
    if isinstance(environment, Trusted):  # our own loops end
        return made.render(context)
    pieces, size = [], 0
    for piece in made.generate(context):
        size += len(piece)
        if size > LARGEST:
            raise Misfit(f"it makes a mail of more than {LARGEST:,} characters")
        pieces.append(piece)
    return "".join(pieces)


def _body(book: Book, name: str, context: Mapping[str, object]) -> str:
    return re.sub(r"\n{3,}", "\n\n", _fill(book.text, name, context)).strip("\n")


def _render(book: Book, name: str, language: str, context: Mapping[str, object], *, html: bool = True) -> Rendered:
    known = {**_spoken(book, context), "range": _budgeted_range(), "words": book.words}
    known["own_subject"] = subject = cut(flat(_fill(book.text, f"{name}#subject", known)), SUBJECT_LIMIT)
    body, why = _body(book, name, known), flat(_fill(book.text, f"{name}#why", known))
    front = book.front(name)
    marked = "" if front.get("marker") == "no" else marker(language)
    summary = cut(flat(_fill(book.text, f"{name}#summary", known)), SUBJECT_LIMIT) if "summary" in front else ""
    if front.get("plain") == "yes":  # a few lines for a pager: no second part, and the reason is the last of them
        return Rendered(subject, f"{book.text.guard.sub('> ', body)}\n{why}\n", "")
    end = folded(why, guard=book.text.guard)
    text = (f"{marked}\n\n" if marked else "") + f"{book.text.guard.sub('> ', body)}\n\n-- \n{end}\n"
    if not html:
        return Rendered(subject, text, "")
    known |= {
        "language": language,
        "marker": marked,
        "preheader": [line for line in body.split("\n") if line][:3],
        "body": Markup(_TIDY.sub("", _fill(book.html, name, known))),
        "why": Markup(_fill(book.html, f"{name}#why", known)),
    }
    whole = _fill(book.html, "_layout.html", known)
    return Rendered(subject, text, whole, summary=summary, opening=wording.opening(book.words, body))


def _spoken(book: Book, context: Mapping[str, object]) -> Mapping[str, object]:
    """The context with the texts of the config in the language of the book."""
    policy = context["policy"]
    if not book.phrases or not isinstance(policy, Policy):
        return context
    translated, current = said(policy, book.phrases), context["priority"]
    rule = translated.priorities.get(current) if isinstance(current, Priority) else None
    return {**context, "policy": translated, "rule": rule}


def in_all_languages(policy: Policy, templates: Templates) -> Policy:
    """The policy whose questions are known in every language, as those templates say them."""
    return asked_in_all(policy, [_folders(templates, language).table("phrases.toml") for language in languages()])


def render(
    templates: Templates, name: str, language: str, context: Mapping[str, object], *, html: bool = True
) -> Rendered:
    """The mail `name` with the values of `context` (made by `context_of`). A company's own text that fails gives way to
    the built-in one, and that to a bare one that asks nothing of its values, so that an update still goes out (trust.md
    S12). Raises only when even the bare one fails. Without `html` only subject and text are made."""
    built_in = book_of(Templates(), language)
    attempts = [(built_in, name), (built_in, FALLBACK)]
    if templates.allowed:
        attempts.insert(0, (book_of(templates, language), name))
    problems: list[str] = []
    for book, each in attempts:
        try:
            made = _render(book, each, language, context, html=html)
        except Exception as error:  # whatever a template does, a mail goes out; the caller tells the operator
            problems.append(str(Problem(f"mail/{each}.md", f"{type(error).__name__}: {error}")))
            if each == FALLBACK:
                raise
            continue
        return replace(made, problem="; ".join(problems)) if problems else made
    raise AssertionError("there is always a last attempt")


def context_of(
    policy: Policy, now: datetime, issue: Issue | None, values: Mapping[str, object],
    *, to: str = "", reply_to: str = "",
) -> dict[str, object]:  # fmt: skip
    """What a template sees: the draft's own values, and names that no draft can replace. `now` is aware UTC; `priority`
    is the one that counts (of a withdrawn report: the reported one), `rule` what follows from it."""
    current = None if issue is None else issue.current if issue.current is not None else issue.reported
    rule = None if current is None else policy.priorities.get(current)
    fixed = {"policy": policy, "now": now, "zone": ZoneInfo(policy.timezone), "priority": current, "rule": rule}
    return {**values, **fixed, "issue": issue, "to": to, "reply_to": reply_to}


def marker(language: str) -> str:
    """The one line above which people answer. Never overridden: `quoting.py` looks for it."""
    return str(book_of(Templates(), language).words["marker"])


# --- checking ---------------------------------------------------------------------------------------------------------


def names(language: str = "en") -> tuple[str, ...]:
    """The built-in mail templates, without the parts that they share (`_…`)."""
    return tuple(sorted(p.stem for p in (BUILT_IN / language / "mail").glob("*.md") if not p.stem.startswith("_")))


def open_templates(directory: str | Path | None = None) -> Templates:
    """The templates to use with a company's own folder, which has a folder for each language that it rewords: each of
    its files is tried alone; `problems` names those left out, which the caller tells the operator."""
    if directory is None or not str(directory):
        return Templates()
    own = Path(directory)
    spoken = [language for language in languages() if (own / language).is_dir()]
    if not spoken:
        none = Problem(ENGLISH, f"there is no folder {own / ENGLISH}, nor one of another language")
        return Templates(own, frozenset(), (none,))
    files = sorted(str(path.relative_to(own)) for each in spoken for path in (own / each).rglob("*") if path.is_file())
    tried = {name: _try_file(own, *name.split("/", 1)) for name in files}
    fitting = frozenset(name for name, found in tried.items() if not found)
    return Templates(own, fitting, tuple(problem for found in tried.values() for problem in found))


def check_templates(directory: str | Path | None = None, spoken: Iterable[str] = (ENGLISH,)) -> list[Problem]:
    """Compiles and renders every built-in template of some languages, then every file of a company's folder, with
    samples."""
    every = [(each, name) for each in dict.fromkeys(spoken) for name in names(each)]
    tried = {pair: _try(book_of(Templates(), pair[0]), pair[1], pair[0]) for pair in every}
    found = [Problem(_shown(each, f"mail/{name}.md"), text) for (each, name), texts in tried.items() for text in texts]
    return found + list(open_templates(directory).problems)


def _shown(language: str, name: str) -> str:
    return name if language == ENGLISH else f"{language}/{name}"


def _try_file(directory: Path, language: str, name: str) -> list[Problem]:
    shown = _shown(language, name)
    if name.startswith("web/") or not any((BUILT_IN / folder / name).is_file() for folder in (language, ENGLISH)):
        return [Problem(shown, "there is no built-in file of this name, so it is never used")]
    shared = not name.startswith("mail/") or Path(name).stem.startswith("_")
    try:
        book = book_of(Templates(directory, frozenset({f"{language}/{name}"})), language)
    except Exception as error:  # bad TOML, bad UTF-8, a missing key: all are the operator's to know
        return [Problem(shown, f"{type(error).__name__}: {error}")]
    each = names(language) if shared else (Path(name).stem,)
    found = [text for template in each for text in _try(book, template, language)]
    return [Problem(shown, text) for text in dict.fromkeys(found)]


def _try(book: Book, name: str, language: str) -> Iterable[str]:
    """What is wrong with one template, rendered with each of its samples."""
    from triagemail.mail import samples  # only needed at start: no mail waits for it

    for sample in samples.cases(name):
        context = context_of(
            sample.policy, sample.now, sample.issue, sample.values, to=sample.to, reply_to=sample.reply_to
        )
        try:
            made = _render(book, name, language, context)
            known = {**_spoken(book, context), "own_subject": "", "range": _budgeted_range(), "words": book.words}
            body = _body(book, name, known)
            yield from wording.faults(book.text.guard, made.subject, made.text, made.html, body)
        except Exception as error:  # any fault of a template is a finding, never a crash of the check
            yield f"{type(error).__name__}: {error} (sample: {sample.title})"
