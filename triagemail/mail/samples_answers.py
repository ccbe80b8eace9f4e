"""Samples of the mails that answer a command, a question or a wish."""

from __future__ import annotations

from dataclasses import replace

from triagemail.mail.samples_company import (
    ALICE,
    ALONE,
    ALWAYS_RIGHT,
    AMENDING,
    BOB,
    CHAIN,
    GAME,
    INVOICES,
    KIM,
    MINUTE,
    NOW,
    OPEN_,
    OPEN_P0,
    OTHERS,
    PLANNED,
    POLICY,
    QUIET,
    SARA,
    UNOWNED,
    Sample,
    mail,
)
from triagemail.process.events import Outcome
from triagemail.process.model import Issue, Priority, Wishes

UNDO = 30 * MINUTE
AGREED = Outcome("Agree", "agreed", True, {"priority": Priority.P1}, 42)
DUE = Outcome("SetNextUpdate", "next-update-set", True, {"due": NOW + 60 * MINUTE}, 42)
FAR = Outcome("SetNextUpdate", "too-far", False, {"said": "next update in 9 hours", "limit": 240 * MINUTE}, 42)
HELD_BACK = Outcome("NameOwner", "not-done-because-of-others", False, {}, 42)


def _asked(what: str, title: str, issues: tuple[Issue, ...], issue: Issue | None = None) -> Sample:
    return mail(what, title, issue, SARA, issues=issues, answer_to_broadcast=False, used=2)


ANSWERS: tuple[Sample, ...] = (
    mail("receipt", "one done", OPEN_, ALICE, outcomes=(AGREED,), undo=UNDO),
    mail("receipt", "two done", OPEN_, ALICE, outcomes=(AGREED, DUE), undo=UNDO),
    mail("receipt", "no owner yet", UNOWNED, ALICE, outcomes=(AGREED,), undo=UNDO),
    mail("receipt", "one refused", OPEN_, BOB, outcomes=(FAR,), undo=None),
    mail("receipt", "all or nothing", OPEN_, BOB, outcomes=(FAR, HELD_BACK), undo=None),
    mail("receipt", "no issue", None, BOB, outcomes=(Outcome("Agree", "no-issue", False),), undo=None),
    mail("status", "answer to a broadcast", OPEN_P0, KIM, issues=(OPEN_P0,), answer_to_broadcast=True, used=0),
    _asked("status", "all", OTHERS),
    _asked("status", "one of all", (INVOICES,)),
    _asked("status", "one", (AMENDING,), AMENDING),
    _asked("status", "quiet", ()),
    _asked("list", "three", OTHERS),
    _asked("list", "quiet", ()),
    mail(
        "backlog",
        "two processes",
        None,
        ALICE,
        issues=(QUIET, PLANNED, replace(AMENDING, priority=Priority.P2)),
        answer_to_broadcast=False,
        used=2,
    ),
    mail("backlog", "nothing", None, ALICE, issues=(), answer_to_broadcast=False, used=0),
    mail("board", "board", None, ALICE, link=f"{POLICY.web_url}/in/as4sqs4.b.ukk-bvjwmgv3c2w3536mgudho6b5"),
    mail("help", "help", None, SARA, may_ask=True, may_join=True),
    mail("help", "outsider", None, SARA, may_ask=False, may_join=False),
    mail("template", "template", None, SARA),
    mail("process", "process", None, SARA),
    mail("process", "a chain decides", None, SARA, CHAIN),
    mail("process", "the reporter is right", None, SARA, ALWAYS_RIGHT),
    mail("process", "the game decides", None, SARA, GAME),
    mail("process", "few people", None, SARA, ALONE),
    mail("confirm", "subscribe", None, SARA, wish="subscribe", commands=("Subscribe",)),
    mail("confirm", "unsubscribe", None, SARA, wish="unsubscribe", commands=("Unsubscribe",)),
    mail("confirm", "commands", None, ALICE, wish="commands", commands=("SetPriority", "NameOwner"), issues=(42, 42)),
    mail("welcome", "welcome", None, SARA),
    mail("welcome", "no areas", None, SARA, ALONE),
    mail("goodbye", "goodbye", None, SARA, may_join=True),
    mail("too-large", "about an issue", OPEN_, SARA, subject="Screenshots of the checkout"),
    mail("too-large", "a fresh one", None, BOB, subject="Screenshots of the checkout"),
    mail("borrowed", "about an issue", None, SARA, by=BOB, number=42),
    mail("borrowed", "about none", None, SARA, by=BOB, number=None),
    mail("goodbye", "for good", None, SARA, may_join=False),
    mail("wishes", "P0 only", None, SARA, may_join=True, wishes=Wishes(priority=Priority.P0)),
    mail(
        "wishes",
        "areas and issues",
        None,
        SARA,
        may_join=True,
        wishes=Wishes(areas=("billing", "gone"), issues=(42, 43), muted=(40,)),
    ),
    mail("wishes", "digest", None, SARA, may_join=True, wishes=Wishes(digest=True)),
    mail(
        "wishes",
        "pause",
        None,
        SARA,
        may_join=True,
        wishes=Wishes(digest=True, paused_until=NOW + 14 * 24 * 60 * MINUTE),
    ),
    mail("wishes", "one issue only", None, SARA, may_join=True, wishes=Wishes(member=False, issues=(42,))),
    mail("wishes", "nothing", None, SARA, may_join=True, wishes=Wishes(member=False)),
    mail("wishes", "nothing, and no way in", None, SARA, may_join=False, wishes=Wishes(member=False)),
    mail("near-miss", "near-miss", None, SARA, said="unsubscibe", meant="unsubscribe"),
)
