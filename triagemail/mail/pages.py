"""What the web pages show, as values, and the pages themselves: pure, as mails are. The pages stand in
`templates/en/web/`, what they say in `templates/LANGUAGE/web/words.toml`, jinja2 behind its door in templates.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from triagemail.mail import templates
from triagemail.mail.headers import clean_header
from triagemail.mail.languages import ENGLISH, said
from triagemail.mail.source import BUILT_IN, toml
from triagemail.process.clocks import clocks
from triagemail.process.events import AnswersGiven, DecisionDisputed, Event, Noted, ThrowCast
from triagemail.process.model import UNDECIDED, Issue, Policy, Priority
from triagemail.process.review import Week

# --- rendering --------------------------------------------------------------------------------------------------------


PAGES = BUILT_IN / ENGLISH / "web"


@lru_cache(maxsize=64)
def _words(language: str) -> Mapping[str, Any]:
    """Those of the mails, and those of the pages: what a language has not is English."""
    ours: dict[str, Any] = {}
    for folder in (ENGLISH, language):
        path = BUILT_IN / folder / "web" / "words.toml"
        for table, words in (toml(path.read_text("utf-8")) if path.is_file() else {}).items():
            ours[table] = {**ours.get(table, {}), **words}
    return {**templates.book_of(templates.Templates(), language).words, **ours}


@lru_cache(maxsize=64)
def _book(language: str) -> templates.Trusted:
    return templates.pages(lambda name: (PAGES / name).read_text("utf-8"), _words(language))


def render(name: str, policy: Policy, now: datetime, values: Mapping[str, object], language: str = ENGLISH) -> str:
    """The page `name`, a file of PAGES, in a language. Raises where a value is missing: a bug of ours."""
    spoken = said(policy, templates.book_of(templates.Templates(), language).phrases)
    fixed = {"policy": spoken, "now": now, "zone": ZoneInfo(policy.timezone), "language": language}
    return _book(language).get_template(name).render({**values, **fixed})


def asset(name: str) -> bytes:
    """The bytes of a file beside the pages."""
    return (PAGES / name).read_bytes()


# --- the board and an issue -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """An issue as the board shows it. `decide_by` is when a decision is due (None: none is awaited), `late` that it
    was; `update_at` when its next update is."""

    issue: Issue
    headline: str
    counts: Priority | None
    decide_by: datetime | None = None
    late: bool = False
    update_at: datetime | None = None


def line(issue: Issue, policy: Policy, language: str = ENGLISH) -> Line:
    headline = clean_header(issue.headline) or str(_words(language)["untitled"])
    counts = issue.current if issue.current is not None else issue.reported
    running = clocks(issue, policy)
    due = running.get("timebox")
    late = issue.live and issue.missed_at is not None and issue.state in UNDECIDED
    if late and issue.clock_from is not None and counts is not None:
        due = issue.clock_from + (policy.priorities[counts].timebox or timedelta())
    return Line(issue, headline, counts, due, late, running.get("update"))


def groups(lines: Sequence[Line]) -> tuple[tuple[Priority | None, tuple[Line, ...]], ...]:
    """P0 first; those without a priority before those that wait for the planning, since somebody is to pick one."""
    order = (Priority.P0, Priority.P1, None, Priority.P2, Priority.P3)
    return tuple((each, tuple(one for one in lines if one.counts is each)) for each in order)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a journal."""

    at: datetime
    by: str
    what: str
    said: str
    unverified: bool


def entry(event: Event, sealed: bool = False, language: str = ENGLISH) -> Entry:
    """An event in words; a throw stays `sealed` until both are in (process.md 4)."""
    values, words = {each.name: getattr(event, each.name) for each in fields(event)}, _words(language)
    if isinstance(event, Noted):  # else it is the emoji of a reaction
        values["what"] = words["noted"].get(event.what, event.what)
    what = str(words["journal"][type(event).__name__]).format(**values)
    match event:
        case AnswersGiven(after=answers):
            told = "\n".join(answers.values())
        case DecisionDisputed(dispute=dispute):
            told = dispute.reason
        case ThrowCast(hand=hand):
            told = "" if sealed else hand
        case _:
            told = str(values.get("text") or values.get("reason") or "")
    return Entry(event.at, event.by, what, told, bool(values.get("unverified")))


def journal(events: Sequence[Event], issue: Issue, language: str = ENGLISH) -> tuple[Entry, ...]:
    """The latest first."""
    sealed = issue.dispute is not None
    return tuple(entry(event, sealed, language) for event in reversed(events))


# --- charts -----------------------------------------------------------------------------------------------------------

HIGH, FLOOR, LEFT, STEP, WIDTH = 160.0, 190.0, 58, 47, 35  # of a drawing that is 640 wide and 224 high


@dataclass(frozen=True, slots=True)
class Part:
    """One coloured piece of a bar."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One week. `values` are its numbers, None where there is nothing to count; `shown` stands above the bar."""

    monday: datetime
    x: int
    width: int
    parts: tuple[Part, ...]
    values: tuple[int | None, ...]
    shown: str
    top: float


@dataclass(frozen=True, slots=True)
class Chart:
    """`top` is the number at the upper end, `line` the height of a limit, None without one."""

    name: str
    columns: tuple[str, ...]
    bars: tuple[Bar, ...]
    top: int
    line: float | None = None


def charts(weeks: Sequence[Week], budget: int | None) -> tuple[Chart, ...]:
    """The figures of process.md 8 over the weeks; `budget` None where none is set for this process."""
    each = [week.figures for week in weeks]
    kinds = tuple(str(priority).lower() for priority in Priority)
    mondays = [week.monday for week in weeks]
    reports = [tuple(count for _, count in one.by_priority) for one in each]
    found = [_chart("reports", mondays, kinds, tuple(map(str, Priority)), reports)]
    if budget is not None:
        found.append(_chart("p1", mondays, ("p1",), ("",), [(week.p1,) for week in weeks], limit=budget))
    minutes = [(None if one.decision_minutes is None else round(one.decision_minutes),) for one in each]
    changed = [(_share(one.changed, one.decided),) for one in each]
    kept = [(_share(one.updates_kept, one.updates_due),) for one in each]
    found.append(_chart("decision", mondays, ("one",), ("",), minutes))
    found.append(_chart("changed", mondays, ("one",), ("",), changed, top=100))
    found.append(_chart("kept", mondays, ("one",), ("",), kept, top=100))
    return tuple(found)


def _share(part: int, whole: int) -> int | None:
    return round(100 * part / whole) if whole else None


def _chart(
    name: str, mondays: Sequence[datetime], kinds: tuple[str, ...], columns: tuple[str, ...],
    rows: Sequence[tuple[int | None, ...]], *, limit: int | None = None, top: int = 0,
) -> Chart:  # fmt: skip
    sums = [sum(value or 0 for value in row) for row in rows]
    top = top or max(*sums, limit or 0, 4)
    bars = []
    for place, (monday, row) in enumerate(zip(mondays, rows, strict=True)):
        parts, y = [], FLOOR
        for kind, value in zip(kinds, row, strict=True):
            height = round(HIGH * (value or 0) / top, 1)
            y = round(y - height, 1)
            parts += [Part(kind, y, height)] if height else []
        shown = "" if all(value is None for value in row) or not any(row) else str(sums[place])
        bars.append(Bar(monday, LEFT + STEP * place, WIDTH, tuple(parts), row, shown, y))
    return Chart(name, columns, tuple(bars), top, None if limit is None else round(FLOOR - HIGH * limit / top, 1))
