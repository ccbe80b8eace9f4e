"""The made-up company of the samples: its rules, its people, and the issues that they have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from triagemail.process.hours import Hours
from triagemail.process.model import (
    PRIORITY,
    BandAid,
    Issue,
    Kind,
    Policy,
    Priority,
    PriorityRule,
    Question,
    RunningDispute,
    State,
)

NOW = datetime(2026, 11, 23, 2, 5, tzinfo=UTC)
REPLY_TO = "issues+1r16.k7.29q-abcdefghijklmnopqrstuvwxyz@acme.example"
SARA, ALICE, BOB, CAROL, KIM = (f"{name}@acme.example" for name in ("sara", "alice", "bob", "carol", "kim"))
VP, SALES, OPS, PAGER = (f"{name}@acme.example" for name in ("vp", "sales", "ops", "pager"))
"""Sara reports, Alice is the triager on duty, Carol stands by, Bob becomes an owner, Kim is a colleague on the list."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DOC = "https://docs.acme.example/outage-42"

POLICY = Policy(
    address="issues@acme.example",
    list_address="updates@acme.example",
    timezone="Europe/Berlin",
    triagers=(ALICE, CAROL),
    internal=("acme.example",),
    authority=(VP,),
    confirmers=(SALES,),
    page=(PAGER,),
    operator=OPS,
    hours=Hours(holidays=frozenset({date(2026, 12, 25)}), timezone="Europe/Berlin"),
    areas={"billing": "Billing and invoices", "shop": "The web shop"},
    web_url="https://board.acme.example",
    booking_url="https://book.acme.example/triage",
    questions=(
        Question("what", "What is happening?", help="What did you see, where, since when?"),
        Question(
            "expected", "What did you expect instead?", help='What should have happened? "not sure" is an answer.'
        ),
        Question(
            "see",
            "How can we see it ourselves?",
            help="Steps, a link, an account or order number. A screenshot is enough: no typing needed.",
        ),
        Question("affected", "Who is affected, and can they work around it?", help="Which customers, how many."),
        Question(
            PRIORITY,
            "What type of response do you want from me?",
            help="This is the priority: P0, P1, P2 or P3. You pick it.",
        ),
    ),
    priorities={
        Priority.P0: PriorityRule(
            "drop everything, now, day or night: core flow down, data at risk, no workaround",
            "all hands until it works",
            "reported",
            30 * MINUTE,
            15 * MINUTE,
        ),
        Priority.P1: PriorityRule(
            "today, before your planned work: some customers broken, no reasonable workaround",
            "a decision in 15 to 30 min, then an owner",
            "agreed",
            60 * MINUTE,
            30 * MINUTE,
        ),
        Priority.P2: PriorityRule(
            "next sprint: broken, but there is a workaround or few are hit",
            "it joins the normal planning",
            "never",
            None,
            timedelta(days=1),
        ),
        Priority.P3: PriorityRule(
            "when you get to it: cosmetic, rare, or really an idea",
            "it joins the backlog",
            "never",
            None,
            timedelta(days=7),
        ),
    },
)
CHAIN = replace(POLICY, dispute="hierarchy", authority=("cto@acme.example", VP))
ALWAYS_RIGHT = replace(POLICY, dispute="reporter")
GAME = replace(POLICY, dispute="rock-paper-scissors")
ALONE = replace(
    POLICY, triagers=(ALICE,), authority=(), confirmers=(), page=(), areas={}, web_url="", booking_url="",
    review_every=(1, "month"), hours=Hours(days=frozenset({0, 2, 5}), timezone="Europe/Berlin"),
)  # fmt: skip
"""A company of few people that has agreed on little."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One way to render one template; `values` holds the draft's own values."""

    template: str
    title: str
    issue: Issue | None
    values: Mapping[str, object]
    to: str = ""
    reply_to: str = ""
    broadcast: bool = False
    policy: Policy = POLICY
    now: datetime = NOW


def mail(template: str, title: str, issue: Issue | None, to: str, policy: Policy = POLICY, **values: object) -> Sample:
    """A mail to one person."""
    return Sample(template, title, issue, values, to, REPLY_TO, policy=policy)


DRAFT = Issue(
    number=42,
    reporter=SARA,
    headline="Website is down",
    opened_at=NOW - 3 * MINUTE,
    answers={"what": "The shop shows a white page since 3 o'clock.\nThe app still works."},
)
WHOLE = replace(
    DRAFT,
    state=State.TRIAGE,
    reported=Priority.P1,
    clock_from=DRAFT.opened_at,
    triager=ALICE,
    asked_at=NOW,
    answers={
        **DRAFT.answers,
        "expected": "The start page.",
        "see": "Open https://shop.acme.example/ in any browser.",
        "affected": "All customers of the web shop. As a workaround they can use the app.",
    },
    attachments=("white-page.png",),
)
URGENT = replace(WHOLE, reported=Priority.P0, announced_at=NOW, next_update_at=NOW + 30 * MINUTE)
DOUBTED = replace(WHOLE, reported=Priority.P0, unverified=True)
PASSED_ON = replace(WHOLE, filed_by=CAROL, via="phone")
OPEN_ = replace(
    WHOLE,
    state=State.OPEN,
    priority=Priority.P1,
    decided_by=ALICE,
    decided_at=NOW - MINUTE,
    owner=BOB,
    owner_named_at=NOW - MINUTE,
    announced_at=NOW,
    next_update_at=NOW + 60 * MINUTE,
    last_update="We found the cause: a certificate ran out.",
    last_update_at=NOW - MINUTE,
    last_update_by=BOB,
)
OPEN_P0 = replace(OPEN_, reported=Priority.P0, priority=Priority.P0, next_update_at=NOW + 30 * MINUTE)
UNOWNED = replace(OPEN_, owner="", last_update="", last_update_at=None)
QUIET = replace(
    OPEN_, priority=Priority.P2, announced_at=None, next_update_at=None, reason="there is a workaround", owner=""
)
NIGHT = replace(OPEN_, next_update_at=NOW + timedelta(hours=30))
CLOSED = replace(OPEN_P0, state=State.RESOLVED, ended_at=NOW, next_update_at=None)
DECLINED = replace(
    WHOLE, state=State.DECLINED, decided_by=ALICE, ended_at=NOW, reason="This is how it was agreed in May."
)
REQUEST = replace(
    QUIET,
    state=State.VALIDATING,
    kind=Kind.FEATURE,
    priority=None,
    reported=Priority.P3,
    headline="Dark mode",
    reason="",
)
PLANNED = replace(REQUEST, state=State.OPEN, priority=Priority.P3, expected="The shop follows the system's setting.")
TYPO = replace(DRAFT, number=43, headline="Typo on the price page", opened_at=NOW - 2 * DAY)
INVOICES = replace(
    OPEN_, number=40, headline="Invoices go out twice", owner="", last_update="", next_update_at=NOW + 40 * MINUTE
)
AMENDS = replace(
    WHOLE,
    number=44,
    headline="Restore the deleted rows for ACME",
    answers={"what": "Restore the deleted rows for ACME, from the backup of 2 o'clock."},
    attachments=(),
    filed_by=ALICE,
    reported=Priority.P1,
    remediates=42,
)
AMENDING = replace(
    AMENDS, state=State.OPEN, priority=Priority.P1, decided_by=SALES, decided_at=NOW, announced_at=NOW,
    next_update_at=NOW + 60 * MINUTE,
)  # fmt: skip
AMENDED = replace(AMENDING, state=State.RESOLVED, ended_at=NOW, next_update_at=None)
WITH_BAND_AID = replace(CLOSED, band_aids=(BandAid("A reminder two weeks before a certificate ends.", BOB, NOW),))
OTHERS = (OPEN_P0, INVOICES, replace(TYPO, number=45), AMENDING)

GAPS = ("expected", "see", "affected", PRIORITY)
NONE: tuple[str, ...] = ()

DISPUTE = RunningDispute(
    by=SARA,
    against=ALICE,
    policy="triager",
    wanted=Priority.P1,
    decided=Priority.P2,
    reason="The app cannot take orders, so there is no workaround.",
    started_at=NOW,
    deadline=NOW + 30 * MINUTE,
    asked=(ALICE,),
)
IN_CHAIN = replace(DISPUTE, policy="hierarchy", asked=("cto@acme.example",))
PLAYED = replace(DISPUTE, policy="rock-paper-scissors", asked=(SARA, ALICE))
