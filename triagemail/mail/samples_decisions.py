"""Samples of the mails that tell a decision, and of those about disputes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from triagemail.mail.samples_company import (
    ALICE,
    ALWAYS_RIGHT,
    AMENDS,
    BOB,
    CHAIN,
    DECLINED,
    DISPUTE,
    GAME,
    IN_CHAIN,
    KIM,
    OPEN_,
    OPEN_P0,
    PLANNED,
    PLAYED,
    QUIET,
    REQUEST,
    SARA,
    URGENT,
    VP,
    WHOLE,
    Sample,
    mail,
)
from triagemail.process.model import Priority, State

REASON = "there is a workaround"
NOT_US = "This is how it was agreed in May."
LOWERED: dict[str, Any] = {
    "agreed": False, "before": Priority.P0, "by": ALICE, "reason": REASON, "silent": True, "disputable": True
}  # fmt: skip
SHARED = replace(QUIET, joined=(KIM,))
DISPUTED = replace(QUIET, dispute=DISPUTE)
NO_DECLINE = replace(DISPUTE, wanted=Priority.P1, decided=None)
THROWN = replace(PLAYED, throws={SARA: "rock", ALICE: "scissors"})
TIED = replace(PLAYED, step=2, throws={SARA: "rock", ALICE: "rock"})
RULED: dict[str, Any] = {"by": "", "reason": "", "dispute": DISPUTE}

DECISIONS: tuple[Sample, ...] = (
    mail(
        "decided",
        "agreed",
        OPEN_,
        SARA,
        agreed=True,
        before=Priority.P1,
        by=ALICE,
        reason="",
        silent=False,
        disputable=False,
    ),
    mail("decided", "lowered", QUIET, SARA, **LOWERED),
    mail("decided", "lowered, a chain decides", QUIET, SARA, CHAIN, **LOWERED),
    mail("decided", "lowered, the reporter is right", QUIET, SARA, ALWAYS_RIGHT, **LOWERED),
    mail("decided", "lowered, the game decides", QUIET, SARA, GAME, **LOWERED),
    mail(
        "decided",
        "raised",
        OPEN_P0,
        SARA,
        **LOWERED | {"before": Priority.P1, "reason": "the app is down too", "silent": False, "disputable": False},
    ),
    mail(
        "decided",
        "picked for the reporter",
        replace(QUIET, reported=None),
        SARA,
        **LOWERED | {"before": None, "reason": ""},
    ),
    mail("decided", "to who reported it too", SHARED, KIM, **LOWERED),
    mail("declined", "reporter", DECLINED, SARA, by=ALICE, reason=NOT_US, disputable=True),
    mail("declined", "owner", replace(OPEN_, state=State.DECLINED), BOB, by=ALICE, reason=NOT_US, disputable=True),
    mail(
        "declined",
        "remediation",
        replace(AMENDS, state=State.DECLINED),
        SARA,
        by=ALICE,
        reason=NOT_US,
        disputable=False,
    ),
    mail("declined", "final", DECLINED, SARA, by=ALICE, reason=NOT_US, disputable=False),
    mail("declined", "to who reported it too", DECLINED, KIM, by=ALICE, reason=NOT_US, disputable=True),
    mail("feature", "reporter", REQUEST, SARA, by=ALICE, reason="It never did this.", disputable=True),
    mail("feature", "to who asked for it too", REQUEST, KIM, by=ALICE, reason="", disputable=True),
    mail("feature", "no priority", replace(REQUEST, reported=None), SARA, by=ALICE, reason="", disputable=True),
    mail("planned", "reporter", PLANNED, SARA, by=ALICE, text="The shop follows the system's setting."),
    mail("planned", "to who asked for it too", PLANNED, KIM, by=ALICE, text="The shop follows the system's setting."),
    mail("joined", "P0", URGENT, KIM, duplicate=43),
    mail("joined", "closed", replace(QUIET, state=State.RESOLVED), KIM, duplicate=43),
    mail("budget", "triager", OPEN_, ALICE, used=4, budget=3),
    mail("budget", "authority", OPEN_, VP, used=4, budget=3),
    mail(
        "withdrawn",
        "closed",
        replace(WHOLE, state=State.WITHDRAWN),
        ALICE,
        by=SARA,
        reason="works again",
        confirm=False,
    ),
    mail("withdrawn", "to be confirmed", OPEN_, BOB, by=SARA, reason="it works again", confirm=True),
    mail("withdrawn", "no reason", OPEN_, BOB, by=SARA, reason="", confirm=True),
    mail("disputed", "to who decided", replace(DISPUTED, dispute=IN_CHAIN), ALICE, CHAIN, dispute=IN_CHAIN),
    mail("ruling", "second look", DISPUTED, ALICE, dispute=DISPUTE),
    mail("ruling", "first of a chain", replace(DISPUTED, reason=""), "cto@acme.example", CHAIN, dispute=IN_CHAIN),
    mail("ruling", "last of a chain", DISPUTED, VP, CHAIN, dispute=replace(IN_CHAIN, step=1, asked=(VP,))),
    mail("ruling", "decline", replace(DECLINED, dispute=NO_DECLINE), ALICE, dispute=NO_DECLINE),
    mail("ruling", "feature", replace(REQUEST, dispute=NO_DECLINE), ALICE, dispute=NO_DECLINE),
    mail("throw", "reporter", DISPUTED, SARA, GAME, dispute=PLAYED),
    mail("throw", "triager", DISPUTED, ALICE, GAME, dispute=PLAYED),
    mail("throw", "again", DISPUTED, ALICE, GAME, dispute=replace(PLAYED, step=1)),
    mail("throw", "about a decline", DECLINED, SARA, GAME, dispute=replace(PLAYED, decided=None)),
    mail("throw", "about a decline, triager", DECLINED, ALICE, GAME, dispute=replace(PLAYED, decided=None)),
    mail("ruled", "ruled", OPEN_, SARA, CHAIN, how="ruled", **RULED | {"by": VP, "reason": "Orders come first."}),
    mail("ruled", "ruled, to the owner", OPEN_, BOB, CHAIN, how="ruled", **RULED | {"by": VP, "reason": "Orders."}),
    mail("ruled", "the decline stands", DECLINED, SARA, how="ruled", **RULED | {"by": ALICE, "reason": NOT_US}),
    mail("ruled", "reporter", OPEN_, ALICE, ALWAYS_RIGHT, how="reporter", **RULED | {"by": SARA, "reason": "No app."}),
    mail("ruled", "won", OPEN_, SARA, GAME, how="won", **RULED | {"by": SARA, "dispute": THROWN}),
    mail("ruled", "lost", OPEN_, ALICE, GAME, how="won", **RULED | {"by": SARA, "dispute": THROWN}),
    mail("ruled", "forfeit", QUIET, SARA, GAME, how="forfeit", **RULED | {"by": ALICE, "dispute": PLAYED}),
    mail("ruled", "nobody threw", QUIET, SARA, GAME, how="nobody-threw", **RULED | {"dispute": PLAYED}),
    mail("ruled", "third tie", QUIET, SARA, GAME, how="third-tie", **RULED | {"dispute": TIED}),
    mail("ruled", "lapsed", REQUEST, SARA, CHAIN, how="lapsed", **RULED | {"dispute": IN_CHAIN}),
    mail("ruled", "withdrawn", QUIET, ALICE, how="withdrawn", **RULED),
)
