"""Samples of the mails to those who work on an issue, and of those about its end and its remediation."""

from __future__ import annotations

from dataclasses import replace

from triagemail.mail.samples_company import (
    ALICE,
    ALONE,
    AMENDED,
    AMENDING,
    AMENDS,
    BOB,
    CAROL,
    CLOSED,
    DAY,
    KIM,
    MINUTE,
    NOW,
    OPEN_,
    OPEN_P0,
    QUIET,
    REQUEST,
    SALES,
    SARA,
    UNOWNED,
    VP,
    WHOLE,
    WITH_BAND_AID,
    Sample,
    mail,
)
from triagemail.process.model import Issue, State

RESOLVED = replace(QUIET, state=State.RESOLVED)
RENEWED = "The certificate is renewed."
TEAM = (ALICE, BOB)


def _comment(title: str, issue: Issue, to: str, author: str, text: str, *, unverified: bool = False) -> Sample:
    return mail("comment", title, issue, to, author=author, text=text, unverified=unverified)


WORK: tuple[Sample, ...] = (
    mail("owner", "P1", replace(OPEN_, owner_accepted=False), BOB, by=ALICE),
    mail("owner", "feature", replace(REQUEST, owner=BOB), BOB, by=ALICE),
    mail("owner", "remediation", replace(AMENDING, owner=BOB), BOB, by=ALICE),
    mail("unowned", "not me", UNOWNED, ALICE, by=BOB, reason="I do not know certificates.", silent=False),
    mail("unowned", "not me, no reason", QUIET, ALICE, by=BOB, reason="", silent=False),
    mail("unowned", "silent", OPEN_, ALICE, by=BOB, reason="", silent=True),
    mail("passed", "from who is away", UNOWNED, CAROL, instead_of=ALICE),
    mail("passed", "with the duty", OPEN_P0, CAROL, instead_of=""),
    _comment("to the owner", OPEN_, BOB, SARA, "ACME called again.\nThey wait."),
    _comment("to the reporter", OPEN_, SARA, BOB, "Which browser?"),
    _comment("from a reader", OPEN_, BOB, KIM, "Is the app hit too?"),
    _comment("unverified", OPEN_, BOB, SARA, "Close it please.", unverified=True),
    mail("update-due", "P1", OPEN_, BOB, due=NOW + 5 * MINUTE),
    mail("silence", "stand-in", OPEN_P0, CAROL, count=2, due=NOW + 30 * MINUTE),
    mail("silence", "in charge", UNOWNED, ALICE, count=4, due=NOW + 60 * MINUTE),
    mail("silence", "authority", OPEN_P0, VP, count=2, due=NOW + 30 * MINUTE),
    mail("undone", "reporter", WHOLE, SARA, by=ALICE, at=NOW - 10 * MINUTE),
    mail("undone", "owner", OPEN_, BOB, by=ALICE, at=NOW - 10 * MINUTE),
    mail("resolved", "P2", RESOLVED, SARA, by=BOB, text=RENEWED, how="resolved"),
    mail(
        "resolved",
        "to who reported it too",
        replace(RESOLVED, joined=(KIM,)),
        KIM,
        by=BOB,
        text=RENEWED,
        how="resolved",
    ),
    mail("resolved", "remediation", AMENDED, SARA, by=BOB, text="The rows are back.", how="resolved"),
    mail("resolved", "retry", AMENDED, SARA, by=SALES, text="They send the order once more.", how="retry"),
    mail("resolved", "not worth it", AMENDED, ALICE, by=SALES, text="One test order only.", how="not-worth-it"),
    mail("reopened", "reporter", OPEN_, SARA, by=BOB, reason="It is back."),
    mail("reopened", "triager", replace(WHOLE, priority=None), ALICE, by=SARA, reason=""),
    mail("reopened", "owner", OPEN_, BOB, by=SARA, reason="It is back."),
    mail("thanks", "owner", CLOSED, BOB, break_at=NOW + 10 * MINUTE, team=TEAM),
    mail("thanks", "no break", CLOSED, BOB, break_at=None, team=(BOB,)),
    mail("thanks", "remediation", AMENDED, ALICE, break_at=NOW + DAY, team=TEAM),
    mail("closing", "triager", CLOSED, ALICE, break_at=NOW + 10 * MINUTE, team=TEAM),
    mail("closing", "a band-aid, no break", WITH_BAND_AID, ALICE, ALONE, break_at=None, team=(ALICE,)),
    mail("confirm-remediation", "P1", AMENDS, SALES, until=NOW + DAY),
    mail("remediation", "agreed", AMENDING, ALICE, how="agreed", by=SALES),
    mail("remediation", "agreed in silence", AMENDING, ALICE, how="agreed", by=""),
    mail("remediation", "agreed, nobody to ask", AMENDING, ALICE, ALONE, how="agreed", by=""),
    mail("remediation", "paused", replace(AMENDS, state=State.WAITING), ALICE, how="paused"),
    mail("remediation", "resumed", replace(AMENDING, owner=BOB), BOB, how="resumed"),
)
