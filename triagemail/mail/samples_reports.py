"""Samples of the mails about a report that is being written, and of those to whoever decides on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from triagemail.mail.samples_company import (
    ALICE,
    ALONE,
    BOB,
    CAROL,
    DOUBTED,
    DRAFT,
    GAPS,
    INVOICES,
    MINUTE,
    NONE,
    NOW,
    OPEN_P0,
    OPS,
    PAGER,
    PASSED_ON,
    QUIET,
    SARA,
    TYPO,
    URGENT,
    VP,
    WHOLE,
    Sample,
    mail,
)
from triagemail.process.model import PRIORITY, Priority, State

DUE = NOW + 27 * MINUTE
SOON = NOW + 12 * MINUTE
ANOTHER = replace(OPEN_P0, number=41, headline="Nobody can pay", opened_at=NOW - 40 * MINUTE)
MISSING: dict[str, Any] = {
    "first": False, "reminder": False, "missing": GAPS, "offer": False, "booking_url": "", "alarm": None,
    "alarm_named": True,
}  # fmt: skip
RECEIVED: dict[str, Any] = {"verify": False, "due": None, "alarm": None, "alarm_named": True}
SCREEN: dict[str, Any] = {
    "due": DUE, "missing": NONE, "workaround": False, "unsure": False, "similar": (), "handover": False, "reason": "",
    "instead_of": "", "called": False, "alarm": None,
}  # fmt: skip
BOOK = "https://book.acme.example/triage"

REPORTS: tuple[Sample, ...] = (
    mail("missing", "first report", DRAFT, SARA, **MISSING | {"first": True, "offer": True, "booking_url": BOOK}),
    mail("missing", "first report, no page to book", DRAFT, SARA, ALONE, **MISSING | {"first": True, "offer": True}),
    mail(
        "missing",
        "reminder for the priority",
        replace(WHOLE, reported=None),
        SARA,
        **MISSING | {"reminder": True, "missing": (PRIORITY,)},
    ),
    mail("missing", "reported by a triager", replace(PASSED_ON, answers={}), SARA, **MISSING | {"missing": GAPS[:3]}),
    mail(
        "missing",
        "unverified P0",
        replace(DOUBTED, answers=DRAFT.answers),
        SARA,
        **MISSING | {"missing": ("see", "affected")},
    ),
    mail(
        "missing",
        "P0 beside another one",
        replace(URGENT, answers=DRAFT.answers, announced_at=None, next_update_at=None),
        SARA,
        **MISSING | {"missing": ("see", "affected"), "alarm": ANOTHER},
    ),
    mail("received", "P0", URGENT, SARA, **RECEIVED | {"due": SOON}),
    mail(
        "received",
        "P0 beside another one",
        replace(URGENT, announced_at=None, next_update_at=None),
        SARA,
        **RECEIVED | {"due": SOON, "alarm": ANOTHER},
    ),
    mail("received", "P1", WHOLE, SARA, **RECEIVED | {"due": DUE}),
    mail("received", "reported by a triager", PASSED_ON, SARA, **RECEIVED | {"due": DUE}),
    mail("received", "P2", replace(WHOLE, reported=Priority.P2), SARA, **RECEIVED),
    mail("received", "to be confirmed", DOUBTED, SARA, **RECEIVED | {"verify": True, "due": SOON}),
    mail(
        "received",
        "to be confirmed, beside another one",
        DOUBTED,
        SARA,
        **RECEIVED | {"verify": True, "due": SOON, "alarm": ANOTHER, "alarm_named": False},
    ),
    mail("lapsed", "draft", replace(DRAFT, state=State.LAPSED), SARA),
    mail("call", "to the reporter", DRAFT, SARA, at=NOW + 5 * MINUTE, until=NOW + 20 * MINUTE),
    mail("call", "to the triager", DRAFT, ALICE, at=NOW + 5 * MINUTE, until=NOW + 20 * MINUTE),
    mail("page", "P0", URGENT, PAGER, missed=False, due=SOON),
    mail("page", "unverified", DOUBTED, PAGER, missed=False, due=None),
    mail("page-flood", "one", None, PAGER, count=1, by=BOB, subject="The shop is down", number=4711),
    mail("page-flood", "many", None, PAGER, count=12, by=BOB, subject="", number=4711),
    mail("page", "not decided in time", WHOLE, PAGER, missed=True, due=NOW),
    mail("triage", "workaround", WHOLE, ALICE, **SCREEN | {"workaround": True}),
    mail("triage", "unverified P0 with gaps", DOUBTED, ALICE, **SCREEN | {"due": SOON, "missing": ("see",)}),
    mail(
        "triage",
        "no priority",
        replace(WHOLE, reported=None, material="From: a customer\nNothing works!"),
        ALICE,
        **SCREEN | {"due": None, "missing": (PRIORITY,), "handover": True},
    ),
    mail(
        "triage",
        "asked to raise",
        replace(QUIET, state=State.TRIAGE, reported=Priority.P0),
        ALICE,
        **SCREEN | {"due": SOON, "reason": "Now it hits all customers."},
    ),
    mail("triage", "beside another P0", URGENT, ALICE, **SCREEN | {"due": SOON, "alarm": ANOTHER}),
    mail("triage", "similar ones", WHOLE, ALICE, **SCREEN | {"similar": (INVOICES, TYPO), "unsure": True}),
    mail(
        "triage", "P2 reported for somebody", replace(PASSED_ON, reported=Priority.P2), ALICE, **SCREEN | {"due": None}
    ),
    mail("triage", "instead of somebody", URGENT, CAROL, **SCREEN | {"due": SOON, "instead_of": ALICE}),
    mail(
        "triage",
        "after the call",
        replace(DRAFT, state=State.TRIAGE, triager=ALICE),
        ALICE,
        **SCREEN | {"due": None, "missing": GAPS, "called": True},
    ),
    mail("undecided", "half time", WHOLE, ALICE, due=DUE, missed=0),
    mail("undecided", "stand-in", replace(URGENT, in_effect=True), CAROL, due=NOW, missed=1),
    mail("undecided", "authority", replace(URGENT, in_effect=True), VP, due=NOW, missed=2),
    mail("undecided", "operator, unverified", DOUBTED, OPS, ALONE, due=NOW, missed=1),
)
