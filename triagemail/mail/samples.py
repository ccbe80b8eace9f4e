"""Sample values for every mail template: what `check_templates` renders at start, and what the gallery shows.

One made-up morning at a made-up company. A template override that works with all of these fits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from triagemail.process.events import Outcome
from triagemail.process.model import PRIORITY, Issue, Policy, Priority, PriorityRule, Question, State

NOW = datetime(2026, 11, 23, 2, 5, tzinfo=UTC)
REPLY_TO = "issues+1r16.k7.29q-abcdefghijklmnopqrstuvwxyz@acme.example"
SARA, ALICE, BOB = "sara@acme.example", "alice@acme.example", "bob@acme.example"
MINUTE = timedelta(minutes=1)


POLICY = Policy(
    address="issues@acme.example",
    list_address="updates@acme.example",
    timezone="Europe/Berlin",
    triagers=(ALICE, "carol@acme.example"),
    authority=("vp@acme.example",),
    operator="ops@acme.example",
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
OPEN_ = replace(
    WHOLE,
    state=State.OPEN,
    priority=Priority.P1,
    decided_by=ALICE,
    decided_at=NOW - MINUTE,
    owner=BOB,
    announced_at=NOW,
    next_update_at=NOW + 60 * MINUTE,
    last_update="We found the cause: a certificate ran out.",
    last_update_at=NOW - MINUTE,
    last_update_by=BOB,
)
OPEN_P0 = replace(OPEN_, reported=Priority.P0, priority=Priority.P0, next_update_at=NOW + 30 * MINUTE)
QUIET = replace(
    OPEN_, priority=Priority.P2, announced_at=None, next_update_at=None, reason="there is a workaround", owner=""
)
NIGHT = replace(OPEN_, next_update_at=NOW + timedelta(hours=30))
CLOSED = replace(OPEN_P0, state=State.RESOLVED, ended_at=NOW, next_update_at=None)
OTHERS = (
    OPEN_P0,
    replace(
        OPEN_, number=40, headline="Invoices go out twice", owner="", last_update="", next_update_at=NOW + 40 * MINUTE
    ),
    replace(DRAFT, number=43, headline="Typo on the price page"),
)


GAPS = ("expected", "see", "affected", PRIORITY)
NONE: tuple[str, ...] = ()

MAILS: tuple[tuple[str, str, Issue | None, str, dict[str, object]], ...] = (
    ("missing", "first report", DRAFT, SARA, {"first": True, "reminder": False, "missing": GAPS}),
    (
        "missing",
        "reminder for the priority",
        replace(WHOLE, reported=None),
        SARA,
        {"first": False, "reminder": True, "missing": (PRIORITY,)},
    ),
    (
        "missing",
        "unverified P0",
        replace(DOUBTED, answers=DRAFT.answers),
        SARA,
        {"first": False, "reminder": False, "missing": ("see", "affected")},
    ),
    ("received", "P0", URGENT, SARA, {"verify": False}),
    ("received", "P1", WHOLE, SARA, {"verify": False}),
    ("received", "P2", replace(WHOLE, reported=Priority.P2), SARA, {"verify": False}),
    ("received", "to be confirmed", DOUBTED, SARA, {"verify": True}),
    ("triage", "workaround", WHOLE, ALICE, {"missing": NONE, "workaround": True, "handover": False, "reason": ""}),
    (
        "triage",
        "unverified P0 with gaps",
        DOUBTED,
        ALICE,
        {"missing": ("see",), "workaround": False, "handover": False, "reason": ""},
    ),
    (
        "triage",
        "no priority",
        replace(WHOLE, reported=None, material="From: a customer\nNothing works!"),
        ALICE,
        {"missing": (PRIORITY,), "workaround": False, "handover": True, "reason": ""},
    ),
    (
        "triage",
        "asked to raise",
        replace(QUIET, state=State.TRIAGE, reported=Priority.P0),
        ALICE,
        {"missing": NONE, "workaround": False, "handover": False, "reason": "Now it hits all customers."},
    ),
    (
        "decided",
        "agreed",
        OPEN_,
        SARA,
        {"agreed": True, "before": Priority.P1, "by": ALICE, "reason": "", "silent": False},
    ),
    (
        "decided",
        "lowered",
        QUIET,
        SARA,
        {"agreed": False, "before": Priority.P0, "by": ALICE, "reason": "there is a workaround", "silent": True},
    ),
    (
        "decided",
        "picked for the reporter",
        replace(QUIET, reported=None),
        SARA,
        {"agreed": False, "before": None, "by": ALICE, "reason": "", "silent": True},
    ),
    (
        "declined",
        "reporter",
        replace(WHOLE, state=State.DECLINED),
        SARA,
        {"by": ALICE, "reason": "This is how it was agreed in May."},
    ),
    (
        "declined",
        "owner",
        replace(OPEN_, state=State.DECLINED),
        BOB,
        {"by": ALICE, "reason": "This is how it was agreed in May."},
    ),
    (
        "withdrawn",
        "closed",
        replace(WHOLE, state=State.WITHDRAWN),
        ALICE,
        {"by": SARA, "reason": "works again", "confirm": False},
    ),
    ("withdrawn", "to be confirmed", OPEN_, BOB, {"by": SARA, "reason": "it works again", "confirm": True}),
    ("withdrawn", "no reason", OPEN_, BOB, {"by": SARA, "reason": "", "confirm": True}),
    ("owner", "P1", replace(OPEN_, owner_accepted=False), BOB, {"by": ALICE}),
    (
        "comment",
        "to the owner",
        OPEN_,
        BOB,
        {"author": SARA, "text": "ACME called again.\nThey wait.", "unverified": False},
    ),
    ("comment", "to the reporter", OPEN_, SARA, {"author": BOB, "text": "Which browser?", "unverified": False}),
    (
        "comment",
        "unverified",
        OPEN_,
        BOB,
        {"author": SARA, "text": "Close it please.", "unverified": True, "broadcast_reply": False},
    ),
    (
        "comment",
        "answer to a broadcast",
        OPEN_,
        BOB,
        {"author": "kim@acme.example", "text": "Is the app hit too?", "unverified": False, "broadcast_reply": True},
    ),
    ("update-due", "P1", OPEN_, BOB, {"due": NOW + 5 * MINUTE}),
    (
        "resolved",
        "P2",
        replace(QUIET, state=State.RESOLVED),
        SARA,
        {"by": BOB, "text": "The certificate is renewed."},
    ),
    ("reopened", "reporter", OPEN_, SARA, {"by": BOB, "reason": "It is back."}),
    ("reopened", "triager", replace(WHOLE, priority=None), ALICE, {"by": SARA, "reason": ""}),
    ("reopened", "owner", OPEN_, BOB, {"by": SARA, "reason": "It is back."}),
    ("lapsed", "draft", replace(DRAFT, state=State.LAPSED), SARA, {}),
)
"""(template, title, issue, to, values) of the mails to one person about their issue."""

AGREED = Outcome("Agree", "agreed", True, {"priority": Priority.P1}, 42)
DUE = Outcome("SetNextUpdate", "next-update-set", True, {"due": NOW + 60 * MINUTE}, 42)
FAR = Outcome("SetNextUpdate", "too-far", False, {"said": "next update in 9 hours", "limit": timedelta(hours=4)}, 42)
HELD_BACK = Outcome("NameOwner", "not-done-because-of-others", False, {}, 42)

ANSWERS: tuple[tuple[str, str, Issue | None, str, dict[str, object]], ...] = (
    ("receipt", "one done", OPEN_, ALICE, {"outcomes": (AGREED,)}),
    ("receipt", "two done", OPEN_, ALICE, {"outcomes": (AGREED, DUE)}),
    ("receipt", "one refused", OPEN_, BOB, {"outcomes": (FAR,)}),
    ("receipt", "all or nothing", OPEN_, BOB, {"outcomes": (FAR, HELD_BACK)}),
    ("receipt", "no issue", None, BOB, {"outcomes": (Outcome("Agree", "no-issue", False),)}),
    (
        "status",
        "answer to a broadcast",
        OPEN_P0,
        "kim@acme.example",
        {"issues": (OPEN_P0,), "answer_to_broadcast": True},
    ),
    ("status", "all", None, SARA, {"issues": OTHERS, "answer_to_broadcast": False}),
    ("status", "quiet", None, SARA, {"issues": (), "answer_to_broadcast": False}),
    ("list", "three", None, SARA, {"issues": OTHERS, "answer_to_broadcast": False}),
    ("list", "quiet", None, SARA, {"issues": (), "answer_to_broadcast": False}),
    ("help", "help", None, SARA, {}),
    ("template", "template", None, SARA, {}),
    ("process", "process", None, SARA, {}),
    ("confirm", "subscribe", None, SARA, {"wish": "subscribe", "commands": ("Subscribe",)}),
    ("confirm", "unsubscribe", None, SARA, {"wish": "unsubscribe", "commands": ("Unsubscribe",)}),
    ("confirm", "commands", None, ALICE, {"wish": "commands", "commands": ("SetPriority", "NameOwner")}),
    ("welcome", "welcome", None, SARA, {}),
    ("goodbye", "goodbye", None, SARA, {}),
    ("near-miss", "near-miss", None, SARA, {"said": "unsubscibe", "meant": "unsubscribe"}),
    (
        "notice",
        "notice",
        None,
        "ops@acme.example",
        {"cause": "no relay", "text": "relay.acme.example:587 has refused us for 5 minutes; 12 mails wait."},
    ),
    (
        "held",
        "held",
        None,
        "ops@acme.example",
        {"reason": "two From addresses", "from_": "", "subject": "Invoice 4711", "held_id": 7},
    ),
)
"""(template, title, issue, to, values) of the mails that answer a question or a command."""

DOC = "https://docs.acme.example/outage-42"

BROADCASTS: tuple[tuple[str, str, Issue, dict[str, object]], ...] = (
    ("broadcast-new", "not confirmed", URGENT, {"confirmed": False}),
    ("broadcast-new", "agreed", OPEN_, {}),
    ("broadcast-new", "with a first word", OPEN_P0, {"text": "We are looking at the load balancer.", "more": DOC}),
    ("broadcast-update", "automatic", OPEN_P0, {"automatic": True, "more": DOC}),
    ("broadcast-update", "automatic, until morning", NIGHT, {"automatic": True}),
    ("broadcast-update", "automatic, not confirmed", URGENT, {"automatic": True, "confirmed": False}),
    (
        "broadcast-update",
        "written",
        OPEN_P0,
        {"text": "A certificate ran out. We renew it.\n\nThe app is not affected.", "more": DOC},
    ),
    ("broadcast-update", "correction", OPEN_P0, {"text": "The app is affected too.", "correction": True}),
    (
        "broadcast-resolved",
        "resolved",
        CLOSED,
        {"text": "The certificate is renewed. All pages load.", "more": DOC},
    ),
    ("broadcast-lowered", "to P2", QUIET, {"before": Priority.P0, "text": "there is a workaround"}),
    ("broadcast-lowered", "to P1", OPEN_, {"before": Priority.P0}),
    ("broadcast-lowered", "raised", OPEN_P0, {"before": Priority.P1, "text": "The app is down too."}),
    ("broadcast-reopened", "reopened", OPEN_P0, {}),
    ("broadcast-ended", "withdrawn", replace(URGENT, state=State.WITHDRAWN, next_update_at=None), {"text": ""}),
    (
        "broadcast-ended",
        "declined",
        replace(OPEN_, state=State.DECLINED),
        {"text": "It was a test of the monitoring."},
    ),
)
"""(template, title, issue, values) of the mails to everybody on the list."""


def cases(template: str = "") -> tuple[Sample, ...]:
    """All samples, or those of one template."""
    usual = {"text": "", "automatic": False, "correction": False, "before": None, "more": "", "confirmed": True}
    people = (Sample(name, title, issue, values, to, REPLY_TO) for name, title, issue, to, values in (*MAILS, *ANSWERS))
    everybody = (
        Sample(name, title, issue, {"next_update_at": issue.next_update_at, **usual, **values}, broadcast=True)
        for name, title, issue, values in BROADCASTS
    )
    return tuple(sample for sample in (*people, *everybody) if template in ("", sample.template))
