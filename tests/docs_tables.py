"""The parts of docs/ made from the code: `python -m tests.docs_tables` writes them, test_docs.py holds them equal.

A page holds a part between `<!-- NAME -->` and `<!-- /NAME -->`.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).parent))  # as pytest does

import click
import docs_gallery
import docs_mails
import docs_man
from corpora import CORPORA

from triagemail import config as configs
from triagemail.explain import Explainer, as_text
from triagemail.failpoints import STEPS
from triagemail.mail.calls import Call
from triagemail.mail.intended import INTENTS, Who
from triagemail.process import acts, decide, events, limits, model, readers
from triagemail.process import desk as befell
from triagemail.process import intents as want
from triagemail.process.clocks import clocks, desk_clocks
from triagemail.process.events import Audience, Decision, Event
from triagemail.process.intents import Intent, Snapshot
from triagemail.process.life import TRANSITIONS
from triagemail.process.model import Desk, Issue, Policy, Priority, State
from triagemail.process.review import review_day

ROOT = Path(__file__).parent.parent
ENGLISH = ROOT / "templates" / "en"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def words_of(file: str, name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = tomllib.loads((ENGLISH / file).read_text(encoding="utf-8"))[name]
    return found


def code(words: object) -> str:
    return f"`{words}`"


# --- docs/process.md --------------------------------------------------------------------------------------------------


def moves() -> str:
    """The events that take an issue from one state to another."""
    found: dict[tuple[type[Event], State], list[State]] = {}
    for (state, kind), to in TRANSITIONS.items():
        if to is not state:
            found.setdefault((kind, to), []).append(state)
    in_order = sorted(found.items(), key=lambda row: (list(State).index(row[0][1]), row[0][0].__name__))
    rows = [[f"**{to}**", code(kind.__name__), ", ".join(states)] for (kind, to), states in in_order]
    return table(["to", "by", "from"], rows)


def stays() -> str:
    """The events that leave an issue in its state: those that can happen in the same states share a row."""
    found: dict[type[Event], list[State]] = {}
    for state, kind in TRANSITIONS:
        if TRANSITIONS[state, kind] is state:
            found.setdefault(kind, []).append(state)
    together: dict[tuple[State, ...], list[str]] = {}
    for kind, states in found.items():
        together.setdefault(tuple(sorted(states, key=list(State).index)), []).append(code(kind.__name__))
    rows = sorted(together.items(), key=lambda row: (-len(row[0]), [list(State).index(state) for state in row[0]]))
    whole = tuple(State)
    return table(
        ["stays in", "with"], [["any state" if on == whole else ", ".join(on), ", ".join(by)] for on, by in rows]
    )


def elsewhere() -> str:
    """The events of no issue: those that TRANSITIONS need not know."""
    known = {kind for _, kind in TRANSITIONS} | {events.Event, events.ReportFiled, events.Undone}
    every = (*vars(events).values(), *vars(befell).values(), *vars(readers).values())
    kinds = dict.fromkeys(kind for kind in every if isinstance(kind, type) and issubclass(kind, events.Event))
    return ", ".join(code(kind.__name__) for kind in kinds if kind not in known)


BOB, ANNA = (docs_mails.PEOPLE[name] for name in ("bob", "anna"))
BASES = (
    "opened_at", "touched_at", "reminded_at", "call_at", "clock_from", "missed_at", "owner_named_at", "asked_at",
    "next_update_at",
)  # fmt: skip
MONDAY, FRIDAY = docs_mails.NINE, docs_mails.NINE + timedelta(days=4, hours=8)  # 9:00; 17:00, just before closing
APART = timedelta(weeks=100)  # so that a due time shows which of the times it counts from, on the same weekday


@dataclass(frozen=True, slots=True)
class Situation:
    """An issue in which clocks run; `set` names the times of BASES that it has."""

    words: str
    state: State
    priority: Priority | None
    missing: bool = False
    set: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)


DRAFT, TRIAGE, OPEN = State.DRAFT, State.TRIAGE, State.OPEN
P0, P1, P2 = Priority.P0, Priority.P1, Priority.P2
DUE = "next_update_at"
MISSED = {"half_told": True, "in_effect": True, "announced_at": MONDAY}
SITUATIONS = (
    Situation("a draft without a priority", DRAFT, None, True),
    Situation("… its reporter was reminded", DRAFT, None, True, ("reminded_at",)),
    Situation("a draft with P1 and gaps", DRAFT, P1, True),
    Situation("a draft with P2 or P3 and gaps", DRAFT, P2, True),
    Situation("… a call was booked", DRAFT, P2, True, ("reminded_at", "call_at")),
    Situation("a P0 or P1 that waits for a decision (here a P1)", TRIAGE, P1, False, ("clock_from",)),
    Situation("… and it has gaps", TRIAGE, P1, True, ("clock_from",), {"half_told": True}),
    Situation("… and its timebox was missed", TRIAGE, P1, False, ("clock_from", "missed_at"), MISSED),
    Situation("a P2 or P3 that waits for a decision, complete", TRIAGE, P2),
    Situation("… with gaps", TRIAGE, P2, True),
    Situation("open, announced", OPEN, P1, False, (DUE,)),
    Situation("… its second automatic update in a row", OPEN, P1, False, (DUE,), {"automatic_in_a_row": 1}),
    Situation("… an owner was named and says nothing", OPEN, P1, False, (DUE, "owner_named_at"), {"owner_accepted": 0}),
    Situation("open, P2 or P3", OPEN, P2),
    Situation("in dispute", OPEN, P2, False, (), {"dispute": "triager"}),
    Situation("… whose next in the chain of authority comes", OPEN, P2, False, (), {"dispute": "hierarchy"}),
    Situation("a remediation that waits for its confirmers", TRIAGE, P2, False, ("asked_at",), {"remediates": 7}),
    Situation("a feature request, or a remediation that waits for service", State.VALIDATING, P2),
    Situation("closed in any way", State.RESOLVED, P1),
)


ASKED = {"triager": (docs_mails.PEOPLE["sara"],), "hierarchy": (docs_mails.PEOPLE["vera"],)}


def timers() -> str:
    """What `clocks` runs in each situation, when it is due, and what it does; a situation that begins with … has only
    what was not shown before."""
    policy = docs_mails.company()
    policy = replace(policy, authority=(*policy.authority, "victor@acme.example"), page=("pager@acme.example",))
    rows: list[list[str]] = []
    shown: list[list[str]] = []
    for situation in SITUATIONS:
        issue, late = (_issue(situation, policy, start) for start in (MONDAY, FRIDAY))
        running, later = clocks(issue, policy), clocks(late, policy)
        shown = shown if situation.words.startswith("…") else []
        for name, due in sorted(running.items(), key=lambda item: item[1]):
            since = _since(due, issue) + ("" if _same(due - MONDAY, later[name] - FRIDAY) else ", in working hours")
            row = [code(name), since, _does(name, due, issue, policy)]
            rows += [] if row in shown else [[situation.words, *row]]
            shown.append(row)
        rows += [] if running else [[situation.words, "none", "", ""]]
    return table(["the issue is", "timer", "due", "then"], rows)


def _same(one: timedelta, other: timedelta) -> bool:
    """So much later on a Monday morning as before a weekend: the clock runs day and night."""
    return abs(one - other) < timedelta(minutes=1)


def _issue(situation: Situation, policy: Policy, start: datetime = MONDAY) -> Issue:
    """Each time far from the others, so that a due time shows which one it counts from; a draft was touched before it
    would have lapsed."""
    times = {base: start + APART * place for place, base in enumerate(BASES)}
    times["touched_at"] = start + timedelta(weeks=1)
    kept = {base: at for base, at in times.items() if base in ("opened_at", "touched_at", *situation.set)}
    more = dict(situation.more)
    if rule := more.pop("dispute", ""):
        more["dispute"] = model.RunningDispute(
            BOB, policy.duty, rule, P1, P2, "x", start, start + policy.dispute_step, ASKED[rule]
        )
        more["disputed_at"] = more["decided_at"] = start
    return Issue(
        number=1, reporter=BOB, headline="x", state=situation.state, reported=situation.priority,
        answers={} if situation.missing else dict.fromkeys(policy.required(), "said"), priority=situation.priority,
        triager=policy.duty, owner="" if situation.state in (DRAFT, TRIAGE) else ANNA,
        **{"owner_accepted": True, "announced_at": start if DUE in situation.set else None, **kept, **more},
    )  # fmt: skip


def _since(due: datetime, issue: Issue) -> str:
    spans = {base: due - at for base in BASES if (at := getattr(issue, base)) is not None}
    if issue.dispute is not None and due == issue.dispute.deadline:
        return f"{_length(due - issue.dispute.started_at)} after the step began"
    base = min(spans, key=lambda name: abs(spans[name]))
    span = spans[base]
    word = "after" if span > timedelta() else "before"
    return f"{_length(abs(span))} {word} {code(base)}" if span else code(base)


def _length(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    unit, size = next((u, s) for u, s in (("day", 1440), ("hour", 60), ("minute", 1)) if minutes % s == 0)
    return f"{minutes // size} {unit}{'s' if minutes != size else ''}"


def _does(name: str, due: datetime, issue: Issue, policy: Policy) -> str:
    fired = want.TimerFired(by="", evidence=model.Evidence(model.Level.E3, ""), issue=1, timer=name, due=due)
    return _told(decide.decide(Snapshot(issues={1: issue}), fired, due, policy), policy)


def _told(decision: Decision, policy: Policy) -> str:
    people = {BOB: "the reporter", ANNA: "the owner", policy.duty: "the triager", policy.page[0]: "the pager"}
    people |= dict.fromkeys(policy.standby(policy.duty), "the stand-ins")
    people |= dict.fromkeys(policy.authority, "the next authority")
    mails: dict[str, list[str]] = {}
    for draft in decision.drafts:
        to = "the list" if isinstance(draft.to, Audience) else people[draft.to]
        readers = mails.setdefault(code(draft.template), [])
        readers += [to] if to not in readers else []
    told = [f"{template} to {_and(readers)}" for template, readers in mails.items()]
    return ", ".join([*(code(type(event).__name__) for event in decision.events), *told])


def _and(words: Sequence[str]) -> str:
    return " and ".join((", ".join(words[:-1]), words[-1]) if len(words) > 1 else words)


def desk_timers() -> str:
    """The clocks of what is no issue, of a service that ran first on Monday at 9:00."""
    policy = docs_mails.company()
    new = Desk(opened_at=MONDAY)
    planned = replace(new, review=1, review_at=review_day(MONDAY, policy))
    seen_to = replace(planned, checked_at=MONDAY)
    rows: list[list[str]] = []
    flooded = replace(new, flood_at=MONDAY)
    whens = ("from the start", "a review is planned", "… and was looked at", "reports are held that may be urgent")
    for words, desk in zip(whens, (new, planned, seen_to, flooded), strict=True):
        for name, due in desk_clocks(desk, policy).items():
            local = due.astimezone(ZoneInfo(policy.timezone))
            if all(code(name) != row[1] for row in rows):
                at = f"{local:%A} {local.day} {local:%B %Y, %H:%M}"
                rows.append([words, code(name), at, _desk_does(name, desk, due)])
    return table(["when", "timer", "due, for a service that first ran on Monday 23 November 2026, 9:00", "then"], rows)


def _desk_does(name: str, desk: Desk, due: datetime) -> str:
    """What happens then, with one of everything waiting."""
    policy = docs_mails.company()
    fired = want.TimerFired(by="", evidence=model.Evidence(model.Level.E3, ""), timer=name, due=due)
    waits = _issue(SITUATIONS[0], policy)
    held = (want.HeldReports(BOB, 1, Priority.P0, "", 1),)
    known = Snapshot(desk=desk, waiting=(waits,), digests=((("a broadcast",), (BOB,)),), flooded=held)
    decision = decide.decide(known, fired, due, policy)
    mails = dict.fromkeys(code(draft.template) for draft in decision.drafts)
    return ", ".join([*(code(type(event).__name__) for event in decision.events), *mails])


LEVELS = {
    acts.ANY: "anything",
    acts.BELIEVED: "believed",
    acts.DECIDES: "vouched for",
    acts.RULES: "twofold",
    acts.PROVEN: "confirmed",
}
WITH_LESS = {"confirm": "asked back: one plain reply confirms", "do": "done, marked UNVERIFIED where it matters"}
HARMLESS = (want.Confirm, want.NearMiss, want.TooMany, want.Note)  # change nothing by themselves
OF_MACHINES = (  # what nobody asks for
    want.TriagerUnreachable, want.MailReturned, want.ProbeOver, want.HeardFrom, want.ReportHeld,
)  # fmt: skip


def who_may() -> str:
    """acts.ACTS by role: which acts each role has, and how sure we must be."""
    words = words_of("mail/_layout.toml", "intents")
    names = {want.FileReport: "report", want.FillIn: "fill in answers", want.Comment: "comment"}
    rows = []
    for kind, act in acts.ACTS.items():
        if kind not in HARMLESS + OF_MACHINES:
            what = names.get(kind) or words[kind.__name__]
            rows.append([f"{what} ({code(kind.__name__)})", _roles(act), _sure(act), WITH_LESS[act.short]])
    rows.append(_asks(f"ask for {', '.join(map(code, sorted(acts.OPEN_ASKS)))}", "help"))
    rows.append(_asks("ask for `status` and `list` of everything, `board`", "status"))
    rows.append(_asks("ask for `backlog`", "backlog"))
    mine = acts.asking(_ask("status"), replace(_issue(SITUATIONS[0], docs_mails.company()), owner="anna"), "anna")
    who = "reporter, owner, team, who answers its broadcast"
    rows.append(["ask for `status` of one issue", who, _sure(mine), WITH_LESS[mine.short]])
    return table(["act", "who may", "evidence", "with less evidence"], rows)


def _sure(act: acts.Act) -> str:
    """One word where it is the same for all, else a word for each role."""
    if len(set(act.needs.values())) == 1:
        return LEVELS[next(iter(act.needs.values()))]
    return "; ".join(f"{role}: {LEVELS[levels]}" for role, levels in act.needs.items())


def _asks(words: str, what: str) -> list[str]:
    act = acts.asking(_ask(what), None, "")
    return [words, _roles(act), _sure(act), WITH_LESS[act.short]]


def _ask(what: str) -> want.Ask:
    return want.Ask(by="", evidence=model.Evidence(model.Level.E0, ""), what=what)


def _roles(act: acts.Act) -> str:
    order = (
        "reporter", "owner", "team", "triager", "asked", "ruler", "confirmer", "internal", "list", "guest",
        "admitted", "anyone",
    )  # fmt: skip
    return ", ".join(sorted(act.roles, key=order.index))


# --- docs/mail.md -----------------------------------------------------------------------------------------------------

WHO = Who(by="", evidence=model.Evidence(model.Level.E0, ""), issue=None, mail=None, sent_at=None)


def intent_of(key: str) -> type[Intent] | None:
    """What a command asks for; None for a question, which has no row in acts.ACTS."""
    make = INTENTS.get(key.removesuffix("_to").removesuffix("_from"))
    return type(make(WHO, Call(key, priority=P1), "x")) if make else None


def commands() -> str:
    """Every mail command as a clear reply offers it, its other spellings, what it asks for and who may."""
    spellings = words_of("words.toml", "commands")
    intents = words_of("mail/_layout.toml", "intents")
    rows = []
    for key, example in words_of("words.toml", "examples").items():
        also = ", ".join(map(code, spellings.get(key, ())[1:]))
        kind = intent_of(key)
        act = acts.ACTS[kind] if kind else acts.asking(_ask(key), None, "")
        asks = intents[kind.__name__] if kind else f"ask for the mail {code(key)}"
        own = "; of one issue also who takes part in it" if key == "status" else ""
        rows.append([code(example), also, asks, _roles(act) + own])
    return table(["command", "also", "what it asks for", "who may"], rows)


def mail_templates() -> str:
    """Every template with the subject of its first sample and why it comes."""
    rows = [[code(name), subject, why] for name, subject, why in docs_gallery.reasons()]
    return table(["template", "a subject", "you get it because"], rows)


# --- docs/architecture.md, operating.md, contributing.md --------------------------------------------------------------


def failpoints() -> str:
    return table(["step", "what a crash there leaves"], [[code(step), left] for step, left in STEPS.items()])


def command_line() -> str:
    """Every command with its arguments and the first sentence of its help."""
    from triagemail.cli import main

    return table(["command", "does"], [[code(f"triagemail {usage}"), says] for usage, says in _commands(main, ())])


MAIL = "From: bob@acme.example\nSubject: Checkout is blank\n\nIt is blank since 9:00.\nPriority: P0\n"


def explained() -> str:
    """What `triagemail explain` says of a short mail."""
    shown = as_text(Explainer(configs.load(None)).explain("-", MAIL.encode()))
    typed = MAIL.replace("\n", "\\n")
    return f"```console\n$ printf '{typed}' | triagemail explain -\n{shown}\n```"


def _commands(group: click.Group, path: tuple[str, ...]) -> Iterable[tuple[str, str]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))
        else:
            usage = command.collect_usage_pieces(click.Context(command))
            options = [_option(o) for o in command.params if isinstance(o, click.Option) and "--help" not in o.opts]
            yield " ".join([*path, name, *options, *usage[1:]]), " ".join((command.help or "").split())


def _option(option: click.Option) -> str:
    return f"[{option.opts[0]}]" if option.is_flag else f"[{option.opts[0]} {option.name and option.name.upper()}]"


# --- reading and writing pages ----------------------------------------------------------------------------------------

# --- docs/trust.md ----------------------------------------------------------------------------------------------------

ANSWERED = {
    "monitor": "a machine in `people.monitors`, whatever it is about",
    "outsider": "an address outside `people.internal` that has shown nothing",
    "unproven": "an internal address that has shown nothing",
    "colleague": '... under `auth.profile = "none"`, where nobody vouches for anybody',
    "guess": "... the answer to a confirmation that is not there",
    "confirm": "... the question `was that you?`, to anybody",
    "proven": "who has shown who they are, and asked for something",
    "proven-prose": "... and wrote words that are no command",
}
PER = {
    "address": "to one address",
    "kind": "of a kind, to one address",
    "thread": "of a kind, about one issue, to one address",
    "all": "to everybody together",
    "kind of all": "to everybody together",
}
CAME = (
    (limits.MAILS, "mails of one address that show nothing"),
    (limits.REPORTS, "reports of one address that show nothing, new alerts of one monitor"),
    (limits.REPORTS_IN_ALL, "reports that show nothing, of everybody together"),
    (limits.ALERTS, "alerts of one monitor"),
)


def budgets() -> str:
    """How many automatic answers there are."""
    rows = [[ANSWERED[name], "; ".join(map(_limit, row))] for name, row in limits.ANSWERS.items()]
    return table(["an answer to", "at most"], rows)


def _limit(limit: limits.Limit) -> str:
    return f"{limit.most} in {_span(limit.within)} {PER[limit.per]}" if limit.most else "none"


def _span(span: timedelta) -> str:
    return "10 minutes" if span < timedelta(hours=1) else "an hour" if span < timedelta(days=1) else "24 hours"


def floods() -> str:
    """How many mails are taken in."""
    return table(["at most", "of"], [[f"{limit.most} in {_span(limit.within)}", words] for limit, words in CAME])


def corpora() -> str:
    """How many samples there are of what attackers write."""
    rows = [[each.what, each.row, str(len(each.samples)), str(each.wanted), code(each.file)] for each in CORPORA]
    return table(["corpus", "row", "samples", "wanted", "file"], rows)


PARTS: Mapping[tuple[str, str], Callable[[], str]] = {
    ("process.md", "moves"): moves,
    ("process.md", "stays"): stays,
    ("process.md", "elsewhere"): elsewhere,
    ("process.md", "timers"): timers,
    ("process.md", "desk-timers"): desk_timers,
    ("process.md", "who-may"): who_may,
    ("trust.md", "budgets"): budgets,
    ("trust.md", "floods"): floods,
    ("trust.md", "corpora"): corpora,
    ("mail.md", "commands"): commands,
    ("mail.md", "templates"): mail_templates,
    ("mails.md", "gallery"): docs_gallery.gallery,
    ("architecture.md", "failpoints"): failpoints,
    ("operating.md", "command-line"): command_line,
    ("contributing.md", "explain"): explained,
} | {("mail.md", f"mail {name}"): (lambda name=name: docs_mails.block(name)) for name in docs_mails.EXAMPLES}

WHOLE: Mapping[str, Callable[[], str]] = {"man/triagemail.1": docs_man.page}
"""Files that are made from the code as a whole."""

MARKED = re.compile(r"<!-- (?P<name>[a-z][a-z0-9 -]*) -->\n(?P<part>.*?)\n?<!-- /(?P=name) -->", re.DOTALL)


def parts_of(text: str) -> Mapping[str, str]:
    """The parts of a page by name."""
    return {found["name"]: found["part"] for found in MARKED.finditer(text)}


def written(page: str, text: str) -> str:
    """The page with each of its parts as the code has it."""

    def fresh(found: re.Match[str]) -> str:
        made = PARTS[page, found["name"]]()
        return f"<!-- {found['name']} -->\n{made}\n<!-- /{found['name']} -->"

    return MARKED.sub(fresh, text)


def main() -> None:
    for page in dict.fromkeys(page for page, _ in PARTS):
        path = ROOT / "docs" / page
        text = path.read_text(encoding="utf-8")
        fresh = written(page, text)
        if fresh != text:
            path.write_text(fresh, encoding="utf-8")
            print(f"written: docs/{page}")
    for name, make in WHOLE.items():
        path = ROOT / name
        if not path.exists() or path.read_text(encoding="utf-8") != make():
            path.write_text(make(), encoding="utf-8")
            print(f"written: {name}")


if __name__ == "__main__":
    main()
