"""Who may do what, with which evidence (trust.md 3.4, 3.5.6): every profile, every verdict of the mail system, every
kind of token and every act, from the bytes of a mail to the decision, against an expectation that is written apart.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from spoofs import BORDER, EOP, GOOGLE, HUB, INNER, LMTP, M365, NONE, OWN, POSTFIX, THEIRS, Above, ar
from test_process import BOB, CONNY, FULL, NOW, POLICY, SARA, VERA

from triagemail.mail import mime, reading
from triagemail.mail.evidence import Trust, judge
from triagemail.mail.tokens import Keyring, Token
from triagemail.process import intents as want
from triagemail.process import limits
from triagemail.process.decide import decide_all
from triagemail.process.events import Audience, Commented, Decision, Draft, ReportFiled
from triagemail.process.intents import Intent, Pending, Snapshot, Undo
from triagemail.process.model import (
    BandAid,
    Desk,
    Evidence,
    Issue,
    Kind,
    Level,
    Policy,
    Priority,
    RunningDispute,
    State,
    Wishes,
)

ANNA, EVE, TOM, KIM = "anna@acme.example", "eve@acme.example", "tom@acme.example", "kim@customer.example"
KEYS = Keyring({"a": b"k" * 32}, "acme.example")
TODAY = 20_000
PEOPLE = {1: SARA, 2: BOB, 3: ANNA, 4: EVE, 5: KIM, 6: VERA, 7: CONNY, 8: TOM}
OPEN_POLICY = replace(POLICY, reporters=("acme.example", "customer.example"), list_open_to=("acme.example", KIM))

# --- the issues that are acted on -------------------------------------------------------------------------------------

MINUTE = timedelta(minutes=1)
WAITS = Issue(
    number=1,
    reporter=BOB,
    headline="Down",
    opened_at=NOW - 9 * MINUTE,
    state=State.TRIAGE,
    answers=FULL,
    reported=Priority.P1,
    triager=SARA,
    asked_at=NOW - 8 * MINUTE,
    clock_from=NOW - 9 * MINUTE,
)
GAPS = replace(WAITS, state=State.DRAFT, answers={"what": "It is down."}, triager="", asked_at=None)
DECIDED = replace(
    WAITS,
    state=State.OPEN,
    priority=Priority.P1,
    decided_by=SARA,
    decided_at=NOW - 5 * MINUTE,
    owner=ANNA,
    owner_accepted=True,
    announced_at=NOW - 5 * MINUTE,
    next_update_at=NOW + 55 * MINUTE,
    owner_named_at=NOW - 5 * MINUTE,
    band_aids=(BandAid("a check", ANNA, NOW - MINUTE),),
    team=(TOM,),
)
LOWERED = replace(DECIDED, priority=Priority.P2, announced_at=None, next_update_at=None, changed=True)
FEATURE = replace(LOWERED, kind=Kind.FEATURE, state=State.VALIDATING)
RESOLVED = replace(DECIDED, state=State.RESOLVED, ended_at=NOW - MINUTE, next_update_at=None)
AFTER = replace(WAITS, number=1, reporter=SARA, remediates=2, reported=Priority.P2)  # a remediation
_DISPUTE = RunningDispute(
    BOB, SARA, "hierarchy", Priority.P1, Priority.P2, "why", NOW - MINUTE, NOW + 9 * MINUTE, asked=(VERA,)
)
DISPUTED = replace(LOWERED, dispute=_DISPUTE)
GAME = replace(LOWERED, dispute=replace(_DISPUTE, policy="rock-paper-scissors", asked=(BOB, SARA)))
RULED = replace(LOWERED, priority=Priority.P1, decided_by=VERA, final_by=VERA)
DECLINED = replace(DISPUTED, state=State.DECLINED, ended_at=NOW - 2 * MINUTE, dispute=replace(_DISPUTE, decided=None))
PROMISED = replace(AFTER, state=State.OPEN, priority=Priority.P3, decided_by=SARA, decided_at=NOW - 5 * MINUTE)
OTHER = replace(DECIDED, number=2, reporter=EVE)


@dataclass(frozen=True)
class Act:
    """`row` of the table in 3.4, and somebody who has the role for it."""

    row: str
    by: str
    wish: type[Intent]
    issue: Issue | None = WAITS
    fields: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        return f"{self.row}: {self.wish.__name__} by {self.by.partition('@')[0]}"

    def intent(self, evidence: Evidence) -> Intent:
        number = None if self.issue is None else self.issue.number
        return self.wish(by=self.by, evidence=evidence, issue=number, **dict(self.fields))


def act(row: str, by: str, wish: type[Intent], issue: Issue | None = WAITS, **fields: Any) -> Act:
    return Act(row, by, wish, issue, tuple(fields.items()))


ACTS = [
    *(
        act("report", by, want.FileReport, None, headline="Down", answers=FULL, priority=p)
        for p in Priority
        for by in (BOB, KIM)
    ),
    act("report", BOB, want.FileReport, None, headline="Down"),
    act("words", BOB, want.FillIn, GAPS, answers={"expected": "Up."}),
    act("words", BOB, want.Comment, text="It still is."),
    act("words", ANNA, want.Comment, DECIDED, text="On it."),
    act("words of others", EVE, want.Comment, text="Me too."),
    act("reporter", BOB, want.SetPriority, priority=Priority.P2),
    act("reporter", BOB, want.SetPriority, GAPS, priority=Priority.P0),
    act("reporter", BOB, want.Dispute, LOWERED, reason="all are hit"),
    act("reporter", BOB, want.Withdraw),
    act("reporter", BOB, want.Reopen, RESOLVED, reason="again"),
    act("reporter", BOB, want.MarkDuplicate, of=2),
    act("role", SARA, want.Agree),
    act("role", SARA, want.SetPriority, priority=Priority.P2, reason="few are hit"),
    act("role", SARA, want.Decline, reason="as it should be"),
    act("role", SARA, want.SetKind, kind=Kind.FEATURE),
    act("role", SARA, want.SetKind, FEATURE, kind=Kind.BUG),
    act("role", SARA, want.DefineExpected, FEATURE, text="so"),
    act("role", SARA, want.SetArea, area="billing"),
    act("role", SARA, want.NameOwner, owner=EVE),
    act("role", SARA, want.TakeOwnership, LOWERED),
    act("role", ANNA, want.RefuseOwnership, DECIDED, reason="away"),
    act("role", ANNA, want.SendUpdate, DECIDED, text="Found."),
    act("role", ANNA, want.SendUpdate, DECIDED, text="Not so.", correction=True),
    act("role", ANNA, want.SetNextUpdate, DECIDED, after=timedelta(minutes=20)),
    act("role", SARA, want.SetHeadline, headline="Shop is down"),
    act("role", ANNA, want.SetDoc, DECIDED, url="https://doc.acme.example"),
    act("role", ANNA, want.Resolve, DECIDED, text="Rolled back."),
    act("role", SARA, want.Reopen, RESOLVED, reason="again"),
    act("role", SARA, want.MarkDuplicate, of=2),
    act("role", ANNA, want.AddBandAid, DECIDED, text="a second check"),
    act("role", ANNA, want.FinishBandAid, DECIDED),
    act("role", SARA, want.Remediate, DECIDED, priority=Priority.P2, text="restore"),
    act("role", SARA, want.EndRemediation, AFTER, how="retry", text="start over"),
    act("role", SARA, want.TakeDuty, None, to="carl@acme.example"),
    act("role", SARA, want.GoAway, None, after=timedelta(days=2)),
    act("word", VERA, want.SetPriority, DISPUTED, priority=Priority.P1, reason="so be it"),
    act("word", CONNY, want.Agree, AFTER),
    act("word", CONNY, want.SetPriority, AFTER, priority=Priority.P3, reason="it can wait"),
    act("word", CONNY, want.EndRemediation, AFTER, how="retry", text="start over"),
    act("word", BOB, want.Throw, GAME, hand="rock"),
    act("word", SARA, want.Throw, GAME, hand="paper"),
    act("word", VERA, want.SetPriority, RULED, priority=Priority.P2, reason="on second thought"),
    act("word", VERA, want.Decline, DECLINED, reason="it stands"),
    act("reporter", CONNY, want.Dispute, PROMISED, priority=Priority.P2, reason="they wait"),
    act("role", ANNA, want.TakeOwnership, replace(DECIDED, owner_accepted=False)),
    act("role", SARA, want.SendUpdate, DECIDED, text="Found."),
    act("role", SARA, want.SetNextUpdate, DECIDED, after=timedelta(minutes=20)),
    act("role", SARA, want.SetDoc, DECIDED, url="https://doc.acme.example"),
    act("role", SARA, want.Resolve, DECIDED, text="Rolled back."),
    act("role", ANNA, want.Reopen, RESOLVED, reason="again"),
    *(act("role", by, want.AddBandAid, DECIDED, text="a second check") for by in (SARA, TOM)),
    *(act("role", by, want.FinishBandAid, DECIDED) for by in (SARA, TOM)),
    act("wish", SARA, want.BookCall, GAPS),
    act("wish", EVE, want.Subscribe, None),
    act("guest", KIM, want.Subscribe, None),
    *(act("wish", BOB, kind, None) for kind in (want.Unsubscribe, want.Digest, want.Resume)),
    act("wish", BOB, want.Pause, None, after=timedelta(days=2)),
    act("wish", BOB, want.Speak, None, language="de"),
    act("wish", SARA, want.UndoLast, None),
    act("wish", BOB, want.BookCall, GAPS),
    act("wish", BOB, want.Ask, DECIDED, what="status"),
    act("feedback", EVE, want.GiveFeedback, None, text="Too many mails."),
    *(act("wish", EVE, want.Ask, None, what=what) for what in ("list", "status", "board")),
    act("wish", EVE, want.Ask, WAITS, what="status"),
    act("wish", SARA, want.Ask, None, what="backlog"),
    *(act("open", EVE, want.Ask, None, what=what) for what in ("help", "template", "process")),
]
UNSUBSCRIBE_BUTTON = act("token alone", BOB, want.Unsubscribe, None, token=True)

# --- what the mail system says, as each of them writes it -------------------------------------------------------------

VERDICTS = ("pass", "fail", "none", "temperror", "two AR", "forged AR", "no AR")
TOKENS = ("valid", "wrong person", "expired", "none")
PROFILES: dict[str, Trust] = {"google": GOOGLE, "own": OWN, "m365": M365, "none": NONE}


def above(profile: str, verdict: str, author: str) -> Above:
    domain = author.rpartition("@")[2]
    owner = {"google": "mx.google.com; ", "own": "mx.acme.example; ", "m365": "spf=none smtp.helo=x; "}.get(profile, "")
    passed = ar(f"{owner}dmarc=pass header.from={domain}")
    said = {
        "two AR": (passed, passed),
        "forged AR": (),
        "no AR": (),
    }.get(verdict, (ar(f"{owner}dmarc={verdict} header.from={domain}"),))
    forged = (passed,) if verdict == "forged AR" else ()
    match profile:
        case "m365":
            lines = (HUB, *said, EOP, THEIRS, *forged)
        case "own":
            lines = (LMTP, POSTFIX, *said, THEIRS, *forged)
        case _:
            lines = (INNER, BORDER, *said, THEIRS, *forged)
    return Above("", PROFILES[profile], lines, author=author)


def evidence(profile: str, verdict: str, token: str, author: str) -> Evidence:
    """From the bytes of a mail, by the way of the service."""
    mail = above(profile, verdict, author)
    person = next(number for number, address in PEOPLE.items() if address == author)
    person = person % len(PEOPLE) + 1 if token == "wrong person" else person
    day = TODAY - 1 if token == "expired" else TODAY + 90
    detail = "" if token == "none" else f"+{KEYS.detail(Token('r', 1, person, day), 'issues')}"
    raw = mail.raw().replace(b"To: issues@", f"To: issues{detail}@".encode())
    found = mime.parse(raw)
    anchor = reading.anchor(found, KEYS, "issues@acme.example", TODAY)
    assert (anchor.token is None) == (token in ("expired", "none"))
    return judge(mail.trust, found.trace, author, PEOPLE[anchor.token.person] if anchor.token else None)


# --- the expectation, from the words of the table ---------------------------------------------------------------------


def expected_level(profile: str, verdict: str, token: str) -> str:
    """3.1 and 3.2: "`none`: never E1"; A9: somebody else's token is no evidence at all."""
    if profile != "none" and verdict == "fail":
        return "EX"
    if token == "wrong person":
        return "E0"
    vouched = profile != "none" and verdict == "pass"
    return {(True, True): "E12", (True, False): "E1", (False, True): "E2", (False, False): "E0"}[
        vouched, token == "valid"
    ]


def expected(act: Act, profile: str, level: str) -> str:
    """3.4: done, unverified, confirm or held."""
    if level == "EX":
        return "held"
    match act.row:
        case "report" | "words":
            return "unverified" if level == "E0" else "done"
        case "words of others":  # "E2, or E1 + participant"
            return "unverified" if level in ("E0", "E1") else "done"
        case "role":
            enough = level in ("E1", "E12") or (level == "E2" and profile == "none")
        case "word":
            enough = level == "E12" or (level == "E2" and profile == "none")
        case "guest":
            enough = False
        case "open" | "feedback" | "token alone":
            enough = True
        case _:
            enough = level != "E0"
    return "done" if enough else "confirm"


# --- what happens -----------------------------------------------------------------------------------------------------


def world(act: Act) -> Snapshot:
    issues = {i.number: i for i in (OTHER, act.issue) if i is not None}
    undone = Undo("m", SARA, NOW - MINUTE, ((WAITS, DECIDED),)) if act.wish is want.UndoLast else None
    if undone:
        issues[1] = DECIDED
    member = act.wish in (want.Unsubscribe, want.Digest, want.Resume, want.Pause)
    wishes = Wishes(digest=act.wish is want.Resume) if member else None
    return Snapshot(
        issues=issues,
        next_number=3,
        open_issues=tuple(i for i in issues.values() if i.live),
        desk=Desk(NOW - timedelta(days=1)),
        undo=undone,
        wishes=wishes,
    )


def outcome(decided: tuple[tuple[Intent, Decision], ...], act: Act) -> str:
    """What the decisions on one mail come to, in the words of `expected`."""
    whole = Decision()
    for _, decision in decided:
        whole += decision
    if held := next((d.held for _, d in decided if d.held), ""):
        assert held == "spoof-suspect"
        assert not whole.events
        assert not whole.drafts, "no reply at all"
        return "held"
    if any(d.freeze for _, d in decided):
        assert not whole.events
        assert [(d.template, d.to) for d in whole.drafts] == [("confirm", act.by)]
        return "confirm"
    bad = [o.code for _, d in decided for o in d.outcomes if not o.ok]
    assert not bad, f"the fixture asks for what cannot be: {bad}"
    assert whole.events or whole.drafts
    kept = [e for e in whole.events if isinstance(e, ReportFiled | Commented)]
    return "unverified" if any(e.unverified for e in kept) else "done"


def happens(act: Act, sure: Evidence, policy: Policy) -> str:
    return outcome(decide_all(world(act), [act.intent(sure)], NOW, policy), act)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_and_token_has_its_level(profile: str, verdict: str) -> None:
    """3.1, 3.2: {pass, fail, none, temperror, two AR, forged AR, no AR} x {valid, wrong person, expired, none}."""
    for token, author in itertools.product(TOKENS, PEOPLE.values()):
        assert str(evidence(profile, verdict, token, author).level) == expected_level(profile, verdict, token)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("one", [*ACTS, UNSUBSCRIBE_BUTTON], ids=str)
def test_every_act_needs_its_evidence(one: Act, profile: str) -> None:
    """3.5.6: "for each profile every combination of {pass, fail, none, temperror, two AR, forged AR, no AR} x {token
    valid, wrong person, expired, none} x {each act of 3.4}, generated from the table: 0 differences"."""
    policy = replace(OPEN_POLICY, profile=profile)
    for verdict, token in itertools.product(VERDICTS, TOKENS):
        sure = evidence(profile, verdict, token, one.by)
        wanted = expected(one, profile, expected_level(profile, verdict, token))
        assert happens(one, sure, policy) == wanted, f"{verdict}, token {token}: {sure}"


def test_the_table_of_acts_is_whole() -> None:
    """3.4: each act of the table; what is not here is a note, a near-miss, a confirmation or said by a program."""
    kinds = {k for k in vars(want).values() if isinstance(k, type) and issubclass(k, Intent) and k is not Intent}
    programs = {want.TimerFired, want.TriagerUnreachable, want.MailReturned, want.ProbeOver, want.HeardFrom} | {
        want.ReportHeld
    }
    beside = {want.Note, want.NearMiss, want.TooMany, want.Confirm} | programs
    assert kinds - {one.wish for one in ACTS} == beside


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    "one", [one for one in ACTS if one.row in ("reporter", "role", "word", "wish", "guest")], ids=str
)
def test_a_plain_reply_proves_what_was_short(one: Act, profile: str) -> None:
    """3.1: E3 where "single-use confirm token came back, From = the asked person, evidence not `fail`"."""
    policy = replace(OPEN_POLICY, profile=profile)
    frozen = one.intent(Evidence(Level.E0, "test"))
    asked = replace(world(one), pending=Pending((frozen,), one.by, NOW + MINUTE))

    def answered(level: Level, by: str = one.by) -> tuple[tuple[Intent, Decision], ...]:
        return decide_all(asked, [want.Confirm(by=by, evidence=Evidence(level, "test"))], NOW, policy)

    for level in (Level.E0, Level.E1, Level.E2, Level.E12):
        assert outcome(answered(level), one) == "done"
        assert {i.evidence.level for i, _ in answered(level)} == {Level.E3}
    assert outcome(answered(Level.EX), one) == "held"
    for _, decision in answered(Level.E12, CONNY if one.by != CONNY else EVE):
        assert not decision.events, "somebody else confirms nothing"


def test_who_has_several_roles_is_held_to_the_strictest() -> None:
    """3.4: a triager who is the reporter decides when they say `P2`, so a token alone is too little."""
    own = replace(WAITS, reporter=SARA)
    sure = Evidence(Level.E2, "token")
    both = act("role", SARA, want.SetPriority, own, priority=Priority.P2)
    assert happens(both, sure, replace(POLICY, profile="google")) == "confirm"
    assert happens(replace(both, by=BOB, issue=WAITS), sure, replace(POLICY, profile="google")) == "done"


def test_a_report_for_somebody_else_needs_the_evidence_of_a_role() -> None:
    """3.4: "on behalf" is an act of the triager; with less it waits for their answer, and nobody else hears of it."""
    for profile, level, unverified in (
        ("google", Level.E1, False),
        ("google", Level.E2, True),
        ("none", Level.E2, False),
        ("none", Level.E0, True),
    ):
        on_behalf = act(
            "role", SARA, want.FileReport, None, headline="Down", answers=FULL, priority=Priority.P0, behalf=BOB
        )
        decided = decide_all(
            world(on_behalf), [on_behalf.intent(Evidence(level, "x"))], NOW, replace(POLICY, profile=profile)
        )
        filed = next(e for _, d in decided for e in d.events if isinstance(e, ReportFiled))
        assert filed.unverified is unverified
        assert (BOB in [draft.to for _, d in decided for draft in d.drafts]) is not unverified


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("verdict", ["none", "temperror", "two AR", "forged AR", "no AR"])
def test_a_p0_that_nobody_vouches_for_reaches_the_triager_and_not_the_list(profile: str, verdict: str) -> None:
    """3.5.6: "plus P0 at E0: triager's mail <= 60 s after the fetch, broadcast 0"; it goes out with this decision."""
    policy = replace(OPEN_POLICY, profile=profile)
    for who, token in itertools.product((BOB, KIM), ("expired", "wrong person", "none")):
        wish = act("report", who, want.FileReport, None, headline="Down", answers=FULL, priority=Priority.P0)
        decided = decide_all(world(wish), [wish.intent(evidence(profile, verdict, token, who))], NOW, policy)
        mails = [(draft.template, draft.to) for _, decision in decided for draft in decision.drafts]
        assert ("triage", SARA) in mails
        assert ("page", POLICY.page[0]) in mails
        assert not [to for _, to in mails if isinstance(to, Audience)]


def goes_out(one: Act, sure: Evidence, now: datetime = NOW) -> list[Draft]:
    """The mails of a decision that are not stopped by the table of answers."""
    decided = decide_all(world(one), [one.intent(sure)], now, OPEN_POLICY)
    mails = [(intent, draft) for intent, decision in decided for draft in decision.drafts]
    return [d for i, d in mails if not limits.unanswered(i, d, one.by, one.issue, OPEN_POLICY)]


def test_an_outsider_who_shows_nothing_is_not_answered() -> None:
    """3.5.2: "E0 + admitted outsider: opened UNVERIFIED, P0 and P1 to the triager at once, no automatic reply". Said in
    one row of `limits.ANSWERS`."""
    for priority in Priority:
        wish = act("report", KIM, want.FileReport, None, headline="Down", answers=FULL, priority=priority)
        mails = goes_out(wish, Evidence(Level.E0, "x"))
        assert KIM not in [draft.to for draft in mails]
        assert SARA in [draft.to for draft in mails]
    later = datetime(2027, 1, 1, tzinfo=NOW.tzinfo)
    assert KIM in [draft.to for draft in goes_out(wish, Evidence(Level.E1, "x"), later)]


@pytest.mark.parametrize("one", ACTS, ids=str)
def test_an_outsider_who_shows_nothing_gets_a_question_at_most(one: Act) -> None:
    """3.5.2, L5, whatever they ask for, and whoever they are to the issue: the one mail is "was that you?"."""
    theirs = replace(one, by=KIM)
    if theirs.issue is not None:
        issue = replace(theirs.issue, reporter=KIM) if one.by == BOB else theirs.issue
        theirs = replace(theirs, issue=replace(issue, owner=KIM) if one.by == ANNA else issue)
    mails = [draft.template for draft in goes_out(theirs, Evidence(Level.E0, "x")) if draft.to == KIM]
    assert mails in ([], ["confirm"])
