"""Samples of the mails that belong to no single issue: duty, the review, the operator."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from triagemail.mail.samples_company import (
    ALICE,
    ALONE,
    BOB,
    CAROL,
    DAY,
    KIM,
    NOW,
    OPS,
    SALES,
    TYPO,
    VP,
    WHOLE,
    WITH_BAND_AID,
    Sample,
    mail,
)
from triagemail.process.intents import HeldMails, HeldReports
from triagemail.process.model import Complaint, Priority, Reach
from triagemail.process.review import Figures

HELD = (
    HeldReports(BOB, 12, Priority.P0, "The shop is down", 4711),
    HeldReports(KIM, 1, Priority.P1, "agree #42", 4718),
    HeldReports(KIM, 1, None, "", 4730),
)
PARKED = (
    HeldMails("not-admitted", 12, ((KIM, "Invoice 4711", 4712), (KIM, "", 4711), (KIM, "Your site is slow", 4710))),
    HeldMails("spoof-suspect", 2, ((VP, "Please resolve #42 now", 4709), ("", "agree #42", 4708))),
    HeldMails("flood", 1, ((BOB, "The shop is down", 4707),)),
    HeldMails("ValueError", 1, (("", "", 4706),)),
    HeldMails("", 3, ()),
)
PEOPLE = (ALICE, CAROL, VP, SALES, OPS)
REVIEW_AT = datetime(2027, 1, 25, 9, 0, tzinfo=UTC)
READY = replace(WHOLE, number=46, headline="The footer has the wrong year", reported=Priority.P3, opened_at=NOW - DAY)
SEVEN = tuple(replace(READY, number=number) for number in range(50, 57))
BUSY = Figures(
    by_priority=tuple(zip(Priority, (1, 5, 9, 4), strict=True)),
    decision_minutes=11.5,
    decided=16,
    changed=4,
    disputes=(("ruled", 1), ("withdrawn", 1)),
    updates_kept=14,
    updates_due=17,
    p1_per_week=((NOW - 14 * DAY, 1), (NOW - 7 * DAY, 4)),
)
CALM = Figures(
    by_priority=tuple((p, 0) for p in Priority), decision_minutes=None, decided=0, changed=0, disputes=(),
    updates_kept=0, updates_due=0,
)  # fmt: skip
SAID_NO = "550 5.1.1 mx.acme.example: no such mailbox"
LOST = Reach(5.0, NOW - DAY, NOW - DAY, probes=1, probed_at=NOW - DAY)
GONE = Reach(5.0, NOW - 22 * DAY, NOW - 22 * DAY, probes=3, removed_at=NOW - DAY)
SAID = (
    Complaint(BOB, NOW - DAY, "Too many mails at night.\nOne an hour would do."),
    Complaint(KIM, NOW, "I never know who has the duty.", unverified=True),
)

DESK: tuple[Sample, ...] = (
    mail("duty", "handed over", None, CAROL, by=ALICE),
    mail("unreachable", "away", None, OPS, who=ALICE, how="away", said="", duty=CAROL, roles=("triager",)),
    mail("unreachable", "bounced", None, OPS, who=ALICE, how="bounced", said=SAID_NO, duty=CAROL, roles=("triager",)),
    mail(
        "unreachable", "nobody else", None, OPS, ALONE, who=ALICE, how="away", said="", duty=ALICE, roles=("triager",)
    ),
    mail(
        "unreachable",
        "authority",
        None,
        OPS,
        who=VP,
        how="bounced",
        said="",
        duty=ALICE,
        roles=("authority", "confirmer"),
    ),
    mail(
        "unreachable",
        "others",
        None,
        OPS,
        who=KIM,
        how="bounced",
        said=SAID_NO,
        duty=ALICE,
        roles=("pager", "owner", "group"),
    ),
    mail("lost", "two", None, OPS, readers=((KIM, LOST), (BOB, GONE))),
    mail("lost", "one", None, OPS, readers=((KIM, LOST),)),
    mail("held-digest", "some", None, OPS, groups=PARKED, waiting=31),
    mail("held-digest", "one", None, OPS, groups=PARKED[2:3], waiting=1),
    mail("drill", "the only one", None, ALICE),
    mail("drilled", "at once", None, ALICE, took=DAY / 480),
    mail("drilled", "next morning", None, ALICE, took=DAY * 13 / 24),
    mail("probe", "first", None, KIM, probe=1, probes=3),
    mail("probe", "second", None, KIM, probe=2, probes=3),
    mail("probe", "third", None, KIM, probe=3, probes=3),
    mail("morning", "three", None, ALICE, issues=(TYPO, READY, replace(READY, number=47, unverified=True))),
    mail("reminders", "undecided", None, ALICE, about="undecided", issues=(READY, replace(READY, number=47))),
    mail("reminders", "updates", None, BOB, about="update-due", issues=(WHOLE, *SEVEN)),
    mail("reminders", "no owner", None, ALICE, about="unowned", issues=(WHOLE, replace(WHOLE, number=48))),
    mail("flood", "some", None, ALICE, reports=HELD),
    mail("flood", "one", None, ALICE, reports=HELD[2:]),
    mail("flood", "many", None, ALICE, reports=HELD * 20),
    mail("morning", "one draft", None, ALICE, issues=(TYPO,)),
    mail("review-invite", "planned", None, ALICE, how="planned", at=REVIEW_AT, people=PEOPLE),
    mail("review-invite", "moved", None, ALICE, how="moved", at=REVIEW_AT, people=PEOPLE),
    mail("review-invite", "guest", None, KIM, how="guest", at=REVIEW_AT, people=(*PEOPLE, KIM)),
    mail(
        "agenda",
        "much to say",
        None,
        ALICE,
        at=NOW,
        since=NOW - 60 * DAY,
        complaints=SAID,
        band_aids=tuple((WITH_BAND_AID, each) for each in WITH_BAND_AID.band_aids),
        troubleshooting=BUSY,
        remediation=CALM,
        budget=3,
    ),
    mail(
        "agenda",
        "quiet",
        None,
        ALICE,
        ALONE,
        at=None,
        since=NOW - 60 * DAY,
        complaints=(),
        band_aids=(),
        troubleshooting=CALM,
        remediation=CALM,
        budget=3,
    ),
    mail(
        "notice",
        "notice",
        None,
        OPS,
        cause="no relay",
        text="relay.acme.example:587 has refused us for 5 minutes; 12 mails wait.",
    ),
    mail("stranger", "stranger", None, ALICE, named=Priority.P0, from_=KIM, subject="Invoice 4711", held_id=7),
    mail("held", "held", None, OPS, reason="two From addresses", from_="", subject="Invoice 4711", held_id=7),
)
