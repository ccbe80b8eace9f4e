"""Every timer after an outage, and after the wall clock was set (process.md 5, trust.md T1 and T2)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from scenes import P1, SCENES, Play
from test_process import SARA, World

from triagemail.process import intents as want
from triagemail.process.events import Decision

DAY, HOUR = 24 * 60, 60  # minutes
CLOCKS = Path(__file__).parent.parent / "triagemail" / "process" / "clocks.py"


def of_issue(name: str) -> Callable[[], tuple[World, int]]:
    return lambda: (SCENES[name]().copy(), SCENES[name]().number)


def desk() -> tuple[World, int]:
    """The desk, of a company in which two issues ran end to end."""
    play = Play()
    for number in (1, 2):
        play.reports(P1).says(SARA, want.Agree, number).says(SARA, want.Resolve, number, text="rolled back")
    return play.world, 0


CASES: dict[str, Callable[[], tuple[World, int]]] = {
    "remind": of_issue("a draft with gaps"),
    "hand-over": of_issue("an unverified draft"),
    "lapse": of_issue("a draft with gaps"),
    "call-over": of_issue("a call is booked"),
    "half-time": of_issue("a p1 in triage"),
    "timebox": of_issue("a p1 in triage"),
    "owner-silent": of_issue("an owner who has not answered"),
    "dispute": of_issue("the first of a chain is asked"),
    "confirm": of_issue("a remediation to be confirmed"),
    "update-reminder": of_issue("an open p0"),
    "update": of_issue("an open p0"),
    "morning": desk,
    "digest": desk,
    "review-invite": desk,
    "review-check": desk,
    "review": desk,
}
"""How each timer comes to run: the company, and the number of the issue (0: the desk)."""

every = pytest.mark.parametrize("name", CASES)


def test_every_timer_has_a_case() -> None:
    """One that has none fails here: `clocks.fire` and `fire_desk` name all there are."""
    assert set(re.findall(r'case "([a-z-]+)":', CLOCKS.read_text("utf-8"))) == set(CASES)


def begun(name: str) -> tuple[World, int]:
    """The company with this timer running, a minute before it is due."""
    world, number = CASES[name]()
    for _ in range(200):
        due = world.running()[number].get(name)
        if due is not None and due - world.now <= timedelta(minutes=1):
            return world, number
        times = [at for running in world.running().values() for at in running.values()]
        first = min([*times, due - timedelta(minutes=1)] if due is not None else times)
        world.wait(max(1, int((first - world.now).total_seconds() // 60)))
    raise AssertionError(f"{name} never comes near")


def fired(world: World, name: str, number: int, act: Callable[[], list[Decision]]) -> list[Decision]:
    """What happens meanwhile; the timer is due in the future afterwards, or over, and no mail is doubled."""
    before = len(world.journal)
    made = act()
    due = world.running()[number].get(name)
    assert due is None or due > world.now, f"{name} is still due: it would fire again at once"
    mails = Counter((draft.template, draft.to, draft.issue) for each in made for draft in each.drafts)
    assert max(mails.values(), default=0) <= 1, [key for key, count in mails.items() if count > 1]
    kinds = Counter((type(event).__name__, event.issue) for event in world.journal[before:])
    assert max((count for (kind, _), count in kinds.items() if kind in ONCE), default=0) <= 1, kinds
    assert world.wait(0) == [], "the same moment again"
    return made


ONCE = {
    "ReporterReminded", "TriagerAsked", "DraftLapsed", "CallOver", "HalfTimeTold", "TimeboxMissed", "OwnerSilent",
    "UpdateSent", "OwnerReminded", "MorningTold", "DigestSent", "ReviewPlanned", "ReviewChecked", "ReviewMoved",
    "AgendaSent", "PriorityDecided",
}  # fmt: skip
"""What a timer writes, once a catch-up."""


@every
@pytest.mark.parametrize("minutes", [8 * HOUR, DAY], ids=["8 hours down", "a day ahead"])
def test_after_an_outage_it_fires_once(name: str, minutes: int) -> None:
    """T1: "one catch-up per issue with a truthful text; next due = now + interval"; a clock that is set a day ahead is
    like an outage of a day (T2)."""
    world, number = begun(name)
    before = len(world.journal)
    fired(world, name, number, lambda: world.jump(minutes))
    assert len(world.journal) > before, f"{name} did not fire"


@every
@pytest.mark.parametrize("minutes", [-HOUR, -DAY], ids=["an hour back", "a day back"])
def test_when_the_clock_goes_back_nothing_is_said_twice(name: str, minutes: int) -> None:
    """T2: "no repeat": right after it fired, and once more a minute later."""
    world, number = begun(name)
    fired(world, name, number, lambda: world.wait(2))
    before = len(world.journal)
    assert world.jump(minutes) == []
    world.wait(1)
    written = {type(event).__name__ for event in world.journal[before:]}
    assert not written & ONCE, f"{name}: {written}"


CALENDAR = ("morning", "digest", "review-invite", "review-check", "review", "call-over", "lapse", "confirm", "remind")
"""Timers of a time of day, or of hours and days: what the clock shows is what counts for them."""


@every
@pytest.mark.parametrize("minutes", [-HOUR, -DAY], ids=["an hour back", "a day back"])
def test_when_the_clock_goes_back_nobody_waits_longer(name: str, minutes: int) -> None:
    """T2: "no silence > 2 intervals": a minute before it is due the clock goes back, and two minutes later it fires all
    the same. A time of day comes when the clock shows it."""
    world, number = begun(name)
    due = world.running()[number][name]
    before = len(world.journal)
    world.jump(minutes)
    now = world.running()[number].get(name)
    assert now is not None
    assert now - world.now <= (due - world.now if name in CALENDAR else timedelta(minutes=2)), f"{name} waits longer"
    world.wait(2 if name not in CALENDAR else 2 - minutes)
    assert {type(event).__name__ for event in world.journal[before:]} & (ONCE | {"DisputeHandedOn"}), name
