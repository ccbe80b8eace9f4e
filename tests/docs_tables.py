"""The parts of docs/ made from the code: `python -m tests.docs_tables` writes them, test_docs.py holds them equal.

A page holds a part between `<!-- NAME -->` and `<!-- /NAME -->`.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # as pytest does

import click
import docs_mails

from triagemail.failpoints import STEPS
from triagemail.mail import compose, samples, templates
from triagemail.process import acts, decide, model
from triagemail.process import intents as want
from triagemail.process.clocks import clocks
from triagemail.process.events import Audience, Decision, Event
from triagemail.process.intents import Intent, Snapshot
from triagemail.process.life import TRANSITIONS
from triagemail.process.model import Issue, Policy, Priority, State

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


def transitions() -> str:
    """One row an event, one column a state: where the issue is afterwards."""
    kinds = list(dict.fromkeys(kind for _, kind in TRANSITIONS))
    rows = [[code(kind.__name__), *[_after(state, kind) for state in State]] for kind in kinds]
    return table(["event", *State], rows)


def _after(state: State, kind: type[Event]) -> str:
    to = TRANSITIONS.get((state, kind))
    return "" if to is None else "stays" if to is state else f"**{to}**"


BOB, ANNA = "bob@acme.example", "anna@acme.example"
BASES = ("opened_at", "touched_at", "reminded_at", "next_update_at")


@dataclass(frozen=True, slots=True)
class Situation:
    """An issue in which clocks run; `set` names the times of BASES that it has."""

    words: str
    state: State
    priority: Priority | None
    missing: bool
    set: tuple[str, ...] = ()
    unverified: bool = False


DRAFT, TRIAGE, OPEN = State.DRAFT, State.TRIAGE, State.OPEN
SITUATIONS = (
    Situation("a draft without a priority", DRAFT, None, True),
    Situation("… its reporter was reminded", DRAFT, None, True, ("reminded_at",)),
    Situation("a draft with P1 and gaps", DRAFT, Priority.P1, True),
    Situation("a draft with P2 or P3 and gaps", DRAFT, Priority.P2, True),
    Situation("… its reporter was reminded", DRAFT, Priority.P2, True, ("reminded_at",)),
    Situation("waiting for a decision, with gaps, not announced", TRIAGE, Priority.P0, True, unverified=True),
    Situation("waiting for a decision, complete, not announced", TRIAGE, Priority.P1, False),
    Situation("waiting for a decision, announced", TRIAGE, Priority.P0, False, ("next_update_at",)),
    Situation("open, announced", OPEN, Priority.P1, False, ("next_update_at",)),
    Situation("open, P2 or P3", OPEN, Priority.P2, False),
    Situation("closed in any way", State.RESOLVED, Priority.P1, False),
)


def timers() -> str:
    """What `clocks` runs in each situation, when it is due, and what it does."""
    policy = docs_mails.company()
    rows = []
    for situation in SITUATIONS:
        issue = _issue(situation, policy)
        running = clocks(issue, policy)
        for name, due in sorted(running.items(), key=lambda item: item[1]):
            rows.append([situation.words, code(name), _since(due, issue), _does(name, due, issue, policy)])
        rows += [] if running else [[situation.words, "none", "", ""]]
    return table(["the issue is", "timer", "due", "then"], rows)


def _issue(situation: Situation, policy: Policy) -> Issue:
    """Each time far from the others, so that a due time shows which one it counts from."""
    start = docs_mails.NINE
    times = {base: start + timedelta(days=1000 * place) for place, base in enumerate(BASES)}
    kept = {base: at for base, at in times.items() if base in ("opened_at", "touched_at", *situation.set)}
    answers = {} if situation.missing else dict.fromkeys(policy.required(), "said")
    announced = start if "next_update_at" in situation.set else None
    return Issue(
        number=1, reporter=BOB, headline="x", state=situation.state, answers=answers, reported=situation.priority,
        priority=situation.priority, triager=policy.duty, owner="" if situation.state is DRAFT else ANNA,
        unverified=situation.unverified, announced_at=announced, **kept,  # type: ignore[arg-type]  # only times in it
    )  # fmt: skip


def _since(due: datetime, issue: Issue) -> str:
    spans = {base: due - at for base in BASES if (at := getattr(issue, base)) is not None}
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
    people = {BOB: "the reporter", ANNA: "the owner", policy.duty: "the triager on duty"}
    events = [code(type(event).__name__) for event in decision.events]
    mails = [
        f"{code(draft.template)} to {'the list' if isinstance(draft.to, Audience) else people[draft.to]}"
        for draft in decision.drafts
    ]
    return ", ".join([*events, *mails])


LEVELS = {
    acts.ANY: "anything",
    acts.BELIEVED: "believed",
    acts.REPLIED: "answered us",
    acts.ROLE_PROVEN: "proven",
}
WITH_LESS = {"confirm": "asked back: one plain reply confirms", "do": "done, marked UNVERIFIED where it matters"}
HARMLESS = (want.Confirm, want.NearMiss, want.TooMany, want.Note)  # change nothing by themselves


def who_may() -> str:
    """acts.ACTS by role: which acts each role has, and how sure we must be."""
    words = words_of("mail/_layout.toml", "intents")
    names = {want.FileReport: "report", want.FillIn: "fill in answers", want.Comment: "comment"}
    rows = []
    for kind, act in acts.ACTS.items():
        if kind not in HARMLESS:
            what = names.get(kind) or words[kind.__name__]
            rows.append([f"{what} ({code(kind.__name__)})", _roles(act), LEVELS[act.sure], WITH_LESS[act.short]])
    for what in ("help", "status"):
        shown = ", ".join(map(code, sorted(acts.OPEN_ASKS))) if what == "help" else "`status` and `list` of everything"
        act = acts.asking(_ask(what), None, "")
        rows.append([f"ask for {shown}", _roles(act), LEVELS[act.sure], WITH_LESS[act.short]])
    mine = acts.asking(_ask("status"), replace(_issue(SITUATIONS[0], docs_mails.company()), owner="anna"), "anna")
    who = "reporter, owner, who answers its broadcast"
    rows.append(["ask for `status` of one issue", who, LEVELS[mine.sure], WITH_LESS[mine.short]])
    return table(["act", "who may", "evidence", "with less evidence"], rows)


def _ask(what: str) -> want.Ask:
    return want.Ask(by="", evidence=model.Evidence(model.Level.E0, ""), what=what)


def _roles(act: acts.Act) -> str:
    order = (
        "reporter", "owner", "team", "triager", "confirmer", "asked", "ruler", "internal", "list", "admitted", "anyone",
    )  # fmt: skip
    return ", ".join(sorted(act.roles, key=order.index))


# --- docs/mail.md -----------------------------------------------------------------------------------------------------

INTENTS: Mapping[str, type[Intent]] = {
    "agree": want.Agree, "priority": want.SetPriority, "decline": want.Decline, "bug": want.SetKind,
    "feature": want.SetKind, "expected": want.DefineExpected, "area": want.SetArea, "duplicate": want.MarkDuplicate,
    "same_as": want.MarkDuplicate, "withdraw": want.Withdraw, "call": want.BookCall, "dispute": want.Dispute,
    "rock": want.Throw, "paper": want.Throw, "scissors": want.Throw, "owner": want.NameOwner,
    "mine": want.TakeOwnership, "not_me": want.RefuseOwnership, "update": want.SendUpdate,
    "correction": want.SendUpdate, "next_update": want.SetNextUpdate, "headline": want.SetHeadline, "doc": want.SetDoc,
    "resolve": want.Resolve, "reopen": want.Reopen, "band_aid": want.AddBandAid, "done": want.FinishBandAid,
    "remediate": want.Remediate, "retry": want.EndRemediation, "not_worth_it": want.EndRemediation,
    "subscribe": want.Subscribe, "subscribe_to": want.Subscribe, "unsubscribe": want.Unsubscribe,
    "unsubscribe_from": want.Unsubscribe, "digest": want.Digest, "pause": want.Pause, "resume": want.Resume,
    "duty": want.TakeDuty, "away": want.GoAway, "feedback": want.GiveFeedback, "undo": want.UndoLast,
}  # fmt: skip


def commands() -> str:
    """Every mail command as a clear reply offers it, its other spellings, what it asks for and who may."""
    spellings = words_of("words.toml", "commands")
    intents = words_of("mail/_layout.toml", "intents")
    rows = []
    for key, example in words_of("words.toml", "examples").items():
        also = ", ".join(map(code, spellings.get(key, ())[1:]))
        kind = INTENTS.get(key)
        act = acts.ACTS[kind] if kind else acts.asking(_ask(key), None, "")
        asks = intents[kind.__name__] if kind else f"ask for the mail {code(key)}"
        own = "; reporter, owner and who answers its broadcast: of that issue" if key == "status" else ""
        rows.append([code(example), also, asks, _roles(act) + own])
    return table(["command", "also", "what it asks for", "who may"], rows)


def mail_templates() -> str:
    """Every template with the subject of its first sample and why it comes."""
    rows = []
    for name in templates.names():
        case = samples.cases(name)[0]
        made = compose.compose(
            name, language="en", issue=case.issue, policy=case.policy, values=case.values, now=case.now, to=case.to,
            reply_to=case.reply_to, broadcast=case.broadcast,
        )  # fmt: skip
        why = " ".join(made.text.rpartition("\n-- \n")[2].split()).removeprefix("You get this because ")
        rows.append([code(name), made.subject, re.split(r"\. (?=[A-Z])", why)[0].rstrip(".")])
    return table(["template", "a subject", "you get it because"], rows)


# --- docs/architecture.md, operating.md, templates.md -----------------------------------------------------------------


def failpoints() -> str:
    return table(["step", "what a crash there leaves"], [[code(step), left] for step, left in STEPS.items()])


def command_line() -> str:
    """Every command with its arguments and the first sentence of its help."""
    from triagemail.cli import main

    return table(["command", "does"], [[code(f"triagemail {usage}"), says] for usage, says in _commands(main, ())])


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

PARTS: Mapping[tuple[str, str], Callable[[], str]] = {
    ("process.md", "transitions"): transitions,
    ("process.md", "timers"): timers,
    ("process.md", "who-may"): who_may,
    ("mail.md", "commands"): commands,
    ("mail.md", "templates"): mail_templates,
    ("architecture.md", "failpoints"): failpoints,
    ("operating.md", "command-line"): command_line,
} | {("mail.md", f"mail {name}"): (lambda name=name: docs_mails.block(name)) for name in docs_mails.EXAMPLES}

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


if __name__ == "__main__":
    main()
