"""Every state that an issue can be in, as real decisions lead to it: the scenes of tests/test_matrix.py.

Nothing is set by hand. A scene says who its people are, so that who may do what need not be asked of the code that is
tested.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from test_process import ANNA, BOB, CARL, CONNY, EVE, FULL, POLICY, SARA, VERA, VICTOR, World, sure

from triagemail.process import intents as want
from triagemail.process.intents import Intent
from triagemail.process.model import Issue, Kind, Level, Policy, Priority, State

TINA, JOE = "tina@acme.example", "joe@acme.example"  # sent an update once; reported it too
NINA = "nina@acme.example"  # reports something else
OTTO, UNKNOWN = "otto@customer.example", "who@nowhere.example"  # an admitted outsider, and who may not report
EVERYBODY = (BOB, SARA, CARL, ANNA, TINA, VERA, VICTOR, CONNY, JOE, EVE, OTTO, UNKNOWN)
COMPANY = replace(POLICY, reporters=("acme.example", "customer.example"))
P0, P1, P2, P3 = Priority
DAY = timedelta(days=1)
GAME = "rock-paper-scissors"
Roles = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Scene:
    """An issue, the company around it, and who is who: the roles are said by the scene, from process.md 1."""

    name: str
    world: World
    number: int
    roles: Roles

    @property
    def issue(self) -> Issue:
        return self.world.snapshot.issues[self.number]

    @property
    def other(self) -> int:
        """The number of an issue that has nothing to do with it."""
        return max(self.world.snapshot.issues)

    def copy(self) -> World:
        """The same company, to go on from here."""
        world = copy.copy(self.world)
        world.journal = list(world.journal)
        world.wished = dict(world.wished)
        return world


class Play:
    """A company's life up to a scene; whatever is said in it must be accepted."""

    def __init__(self, **rules: Any) -> None:
        self.world = World(replace(COMPANY, **rules))

    def says(
        self, by: str, what: type[Intent], number: int | None = 1, level: Level = Level.E2, /, **values: Any
    ) -> Play:
        made = self.world.mail([what(by=by, evidence=sure(level), issue=number, **values)])
        refused = [outcome for decision in made for outcome in decision.outcomes if not outcome.ok]
        assert not refused, f"{by} {what.__name__}: {refused}"
        assert not any(decision.freeze or decision.held for decision in made)
        return self

    def reports(
        self,
        priority: Priority | None = P1,
        answers: Mapping[str, str] = FULL,
        by: str = BOB,
        level: Level = Level.E2,
        **values: Any,
    ) -> Play:
        headline = "Checkout is blank"
        return self.says(
            by, want.FileReport, None, level, headline=headline, answers=answers, priority=priority, **values
        )

    def later(self, **span: float) -> Play:
        """Time passes, and each timer fires when it is due."""
        for _ in range(int(timedelta(**span).total_seconds() // 60)):
            self.world.wait(1)
        return self

    def at_once(self, **span: float) -> Play:
        """Time passes while the service is down."""
        self.world.wait(int(timedelta(**span).total_seconds() // 60))
        return self

    def scene(self, state: State, number: int = 1, **people: str | tuple[str, ...]) -> Scene:
        """The scene is set: the issue is in this state, and these are its people by their roles."""
        issue = self.world.snapshot.issues[number]
        assert issue.state is state, issue
        self.reports(P3, by=NINA)
        self.world.now += timedelta(minutes=1)  # what was decided is told by now
        roles: dict[str, set[str]] = {person: set() for person in EVERYBODY}
        for role, who in (common(self.world.policy, issue) | people).items():
            for person in (who,) if isinstance(who, str) else who:
                roles[person].add(role)
        return Scene("", self.world, number, {person: frozenset(found) for person, found in roles.items()})


def common(policy: Policy, issue: Issue) -> dict[str, str | tuple[str, ...]]:
    """The roles that the config gives. Of a remediation nobody is the reporter but its confirmers."""
    internal = tuple(person for person in EVERYBODY if person.endswith("@acme.example"))
    who: dict[str, str | tuple[str, ...]] = {"triager": (SARA, CARL), "internal": internal}
    return who | ({"confirmer": policy.confirmers} if issue.remediation else {"reporter": BOB})


SCENES: dict[str, Callable[[], Scene]] = {}


def scene(make: Callable[[], Scene]) -> Callable[[], Scene]:
    name = make.__name__.replace("_", " ")
    SCENES[name] = functools.cache(lambda: replace(make(), name=name))
    return SCENES[name]


# --- before the decision ----------------------------------------------------------------------------------------------


@scene
def a_draft_without_a_priority() -> Scene:
    return Play().reports(None, {"what": "It is down."}).scene(State.DRAFT)


@scene
def a_draft_with_gaps() -> Scene:
    return Play().reports(P2, {"what": "It is down."}).scene(State.DRAFT)


@scene
def an_unverified_draft() -> Scene:
    return Play().reports(P1, {"what": "It is down."}, level=Level.E0).scene(State.DRAFT)


@scene
def handed_over_without_a_priority() -> Scene:
    return Play().reports(None, {"what": "It is down."}).later(minutes=61).scene(State.TRIAGE)


@scene
def an_announced_p0() -> Scene:
    return Play().reports(P0).scene(State.TRIAGE)


@scene
def an_unverified_p0() -> Scene:
    return Play().reports(P0, level=Level.E0).scene(State.TRIAGE)


@scene
def a_p1_in_triage() -> Scene:
    return Play().reports(P1).scene(State.TRIAGE)


@scene
def a_p2_in_triage() -> Scene:
    return Play().reports(P2).scene(State.TRIAGE)


@scene
def a_p1_whose_timebox_ran_out() -> Scene:
    return Play().reports(P1).later(minutes=31).scene(State.TRIAGE)


@scene
def an_owner_before_the_decision() -> Scene:
    return Play().reports(P1).says(SARA, want.NameOwner, owner=ANNA).scene(State.TRIAGE, owner=ANNA)


@scene
def a_call_is_booked() -> Scene:
    return Play().reports(P2, {"what": "It is down."}).says(BOB, want.BookCall).scene(State.DRAFT)


@scene
def a_report_on_behalf_of_somebody() -> Scene:
    made = Play().reports(P1, by=CARL, behalf=BOB, via="phone").scene(State.TRIAGE)
    return replace(made, roles={**made.roles, CARL: made.roles[CARL] | {"reporter"}})


@scene
def a_raised_priority() -> Scene:
    return agreed(P2).says(BOB, want.SetPriority, priority=P1, reason="it got worse").scene(State.TRIAGE)


@scene
def a_p1_whose_triager_is_away() -> Scene:
    return Play().reports(P1).says(SARA, want.GoAway, None, after=2 * DAY, said="2 days").scene(State.TRIAGE)


# --- decided ----------------------------------------------------------------------------------------------------------


def agreed(priority: Priority = P1, **rules: Any) -> Play:
    return Play(**rules).reports(priority).says(SARA, want.Agree)


def lowered(reported: Priority = P1, to: Priority = P2, **rules: Any) -> Play:
    return Play(**rules).reports(reported).says(SARA, want.SetPriority, priority=to, reason="there is a workaround")


def crowded(priority: Priority = P1, **rules: Any) -> Play:
    """Open, with all that an issue can have: a team, an owner who accepted, a second reporter, a band-aid."""
    play = agreed(priority, **rules).reports(priority, by=JOE)
    play.says(SARA, want.MarkDuplicate, 2, of=1).says(SARA, want.NameOwner, owner=TINA).says(TINA, want.TakeOwnership)
    play.says(TINA, want.SendUpdate, text="We look at it.").says(SARA, want.NameOwner, owner=ANNA)
    return play.says(ANNA, want.TakeOwnership).says(ANNA, want.AddBandAid, text="restart it each night")


CROWD: dict[str, Any] = {"owner": ANNA, "team": (SARA, ANNA, TINA), "joined": JOE}


@scene
def an_open_p0() -> Scene:
    return agreed(P0).scene(State.OPEN)


@scene
def an_open_p1() -> Scene:
    return agreed(P1).scene(State.OPEN)


@scene
def an_open_p2() -> Scene:
    return agreed(P2).scene(State.OPEN)


@scene
def an_open_p1_with_everybody_in_it() -> Scene:
    return crowded().scene(State.OPEN, **CROWD)


@scene
def an_open_p2_with_everybody_in_it() -> Scene:
    return crowded(P2).scene(State.OPEN, owner=ANNA, team=(SARA, ANNA), joined=JOE)


@scene
def an_owner_who_has_not_answered() -> Scene:
    return agreed(P1).says(SARA, want.NameOwner, owner=ANNA).scene(State.OPEN, owner=ANNA)


@scene
def an_open_p1_that_was_lowered() -> Scene:
    return lowered(P0, P1).scene(State.OPEN)


@scene
def a_withdrawal_is_asked_for() -> Scene:
    return crowded().says(BOB, want.Withdraw, reason="it works again").scene(State.OPEN, **CROWD)


# --- in dispute, and ruled --------------------------------------------------------------------------------------------


def disputed(rule: str, **rules: Any) -> Play:
    return lowered(dispute=rule, **rules).says(BOB, want.Dispute, reason="nobody can pay")


@scene
def the_triager_looks_again() -> Scene:
    return disputed("triager").scene(State.OPEN, asked=SARA)


@scene
def the_first_of_a_chain_is_asked() -> Scene:
    return disputed("hierarchy").scene(State.OPEN, asked=VERA)


@scene
def the_last_of_a_chain_is_asked() -> Scene:
    return disputed("hierarchy").later(minutes=31).scene(State.OPEN, asked=VICTOR)


@scene
def a_game() -> Scene:
    return disputed(GAME).scene(State.OPEN, player=(BOB, SARA))


@scene
def a_game_with_one_throw() -> Scene:
    return disputed(GAME).says(BOB, want.Throw, hand="rock").scene(State.OPEN, player=(BOB, SARA))


@scene
def a_disputed_decline() -> Scene:
    play = Play(dispute="hierarchy").reports().says(SARA, want.Decline, reason="works as agreed")
    return play.says(BOB, want.Dispute, reason="it does not").scene(State.DECLINED, asked=VERA)


@scene
def a_disputed_feature() -> Scene:
    play = Play(dispute="hierarchy").reports().says(SARA, want.SetKind, kind=Kind.FEATURE)
    return play.says(BOB, want.Dispute, reason="it worked yesterday").scene(State.VALIDATING, asked=VERA)


@scene
def an_announced_one_in_dispute() -> Scene:
    play = lowered(P0, P1, dispute="hierarchy").says(BOB, want.Dispute, reason="nobody can pay")
    return play.scene(State.OPEN, asked=VERA)


@scene
def ruled_by_the_authority() -> Scene:
    play = disputed("hierarchy").says(VERA, want.SetPriority, priority=P1, reason="nobody can pay")
    return play.scene(State.OPEN, ruler=VERA)


@scene
def a_decision_where_the_reporter_is_right() -> Scene:
    return lowered(dispute="reporter").scene(State.OPEN)


@scene
def the_reporter_was_right() -> Scene:
    return disputed("reporter").scene(State.OPEN, ruler=BOB)


@scene
def a_decline_that_was_upheld() -> Scene:
    play = Play(dispute="hierarchy").reports().says(SARA, want.Decline, reason="works as agreed")
    play.says(BOB, want.Dispute, reason="it does not").says(VERA, want.Decline, reason="it does")
    return play.scene(State.DECLINED, ruler=VERA)


# --- features ---------------------------------------------------------------------------------------------------------


@scene
def a_feature_request() -> Scene:
    return Play().reports(P2).says(SARA, want.SetKind, kind=Kind.FEATURE).scene(State.VALIDATING)


@scene
def a_planned_feature() -> Scene:
    play = Play().reports(P2).says(SARA, want.SetKind, kind=Kind.FEATURE)
    return play.says(SARA, want.DefineExpected, text="a dark mode").scene(State.OPEN)


# --- closed -----------------------------------------------------------------------------------------------------------


@scene
def a_resolved_p1() -> Scene:
    return crowded().says(ANNA, want.Resolve, text="rolled back").scene(State.RESOLVED, **CROWD)


@scene
def a_resolved_p2() -> Scene:
    return agreed(P2).says(SARA, want.Resolve, text="rolled back").scene(State.RESOLVED, team=SARA)


@scene
def resolved_with_two_band_aids() -> Scene:
    play = agreed(P1).says(SARA, want.Resolve, text="rolled back").says(SARA, want.AddBandAid, text="restart it")
    return play.says(SARA, want.AddBandAid, text="watch it").scene(State.RESOLVED, team=SARA)


@scene
def resolved_long_ago() -> Scene:
    return agreed(P1).says(SARA, want.Resolve, text="rolled back").at_once(days=8).scene(State.RESOLVED, team=SARA)


@scene
def a_declined_report() -> Scene:
    return Play().reports(P1).says(SARA, want.Decline, reason="works as agreed").scene(State.DECLINED)


@scene
def declined_without_a_priority() -> Scene:
    play = Play().reports(None, {"what": "It is down."})
    return play.says(SARA, want.Decline, reason="works as agreed").scene(State.DECLINED)


@scene
def a_withdrawn_report() -> Scene:
    return Play().reports(P1).says(BOB, want.Withdraw, reason="it works again").scene(State.WITHDRAWN)


@scene
def a_duplicate() -> Scene:
    play = agreed(P1).reports(P1, by=JOE).says(SARA, want.MarkDuplicate, 2, of=1)
    made = play.scene(State.DUPLICATE, 2)
    return replace(made, roles={**made.roles, BOB: frozenset({"internal"}), JOE: frozenset({"reporter", "internal"})})


@scene
def a_lapsed_draft() -> Scene:
    return Play().reports(P2, {"what": "It is down."}).at_once(days=15).scene(State.LAPSED)


# --- remediation ------------------------------------------------------------------------------------------------------


def remediated(**rules: Any) -> Play:
    play = agreed(P1, **rules).says(SARA, want.Resolve, text="rolled back")
    return play.says(SARA, want.Remediate, priority=P2, text="restore the rows")


@scene
def a_remediation_that_waits() -> Scene:
    return agreed(P1).says(SARA, want.Remediate, priority=P1, text="restore the rows").scene(State.WAITING, 2)


@scene
def a_remediation_to_be_confirmed() -> Scene:
    return remediated().scene(State.TRIAGE, 2)


@scene
def an_open_remediation() -> Scene:
    return remediated().says(CONNY, want.Agree, 2).scene(State.OPEN, 2)


@scene
def an_announced_remediation() -> Scene:
    play = agreed(P1).says(SARA, want.Resolve, text="rolled back")
    play.says(SARA, want.Remediate, priority=P1, text="restore the rows").says(CONNY, want.Agree, 2)
    return play.says(SARA, want.NameOwner, 2, owner=ANNA).scene(State.OPEN, 2, owner=ANNA)


@scene
def a_remediation_without_confirmers() -> Scene:
    return remediated(confirmers=()).scene(State.OPEN, 2)


@scene
def a_contested_remediation() -> Scene:
    play = remediated(dispute="hierarchy").says(CONNY, want.SetPriority, 2, priority=P1, reason="it is our largest")
    return play.scene(State.TRIAGE, 2, asked=VERA)


@scene
def a_paused_remediation() -> Scene:
    play = remediated().says(CONNY, want.Agree, 2).says(SARA, want.Reopen, 1, reason="again")
    return play.scene(State.WAITING, 2)


@scene
def a_closed_remediation() -> Scene:
    play = remediated().says(CONNY, want.EndRemediation, 2, how="retry", text="order again")
    return play.scene(State.RESOLVED, 2, team=CONNY)


@scene
def the_first_issue_of_a_remediation() -> Scene:
    return remediated().says(CONNY, want.Agree, 2).scene(State.RESOLVED, 1, team=SARA)
