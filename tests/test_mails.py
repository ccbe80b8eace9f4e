"""What the mails of the whole process say (process.md 1 to 9), and that every mail of random companies' lives can be
said."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from test_process import Maker, World, company, step
from test_templates import ROOT, Page, case_of, commanded, intents_of, rendered, tapped

from triagemail.mail import compose, samples, wording
from triagemail.mail.samples import Sample
from triagemail.process import intents as want
from triagemail.process.decide import decide_all
from triagemail.process.events import Audience, Draft
from triagemail.process.intents import Snapshot
from triagemail.process.model import Evidence, Issue, Level, Policy, Priority, Wishes


def text_of(template: str, title: str) -> str:
    """The whole text of a sample on one line."""
    return " ".join(rendered(case_of(template, title)).text.split())


def taps_of(template: str, title: str) -> list[str]:
    return [body for _, _, body in tapped(case_of(template, title))]


def asked_by(template: str, title: str) -> list[object]:
    """What each one-tap answer asks for when it is sent, with the end that a person adds."""
    ends = {"owner": "bob@acme.example", "duty": "bob@acme.example", "away until": "3 May", "update": "we know why"}
    found = []
    for _, subject, body in tapped(case_of(template, title)):
        whole = body + ends.get(body.strip(" :"), "it is so") if body.endswith(" ") else body
        read = intents_of(whole, subject)
        assert len(read) == 1, (template, title, whole, read)
        found += read
    return found


# --- every mail of the process can be said ----------------------------------------------------------------------------


def said(draft: Draft, issue: Issue | None, world: World) -> compose.Composed:
    """A draft of the process as the service composes it."""
    to = draft.to if isinstance(draft.to, str) else ""
    return compose.compose(
        draft.template, language="en", issue=issue, policy=world.policy, values=draft.values, now=world.now, to=to,
        reply_to=samples.REPLY_TO, broadcast=isinstance(draft.to, Audience),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(24))
def test_every_mail_of_random_lives_can_be_said(seed: int) -> None:
    """S12: a template that fails gives way to a plain one. None of the built-in ones ever does, whatever the process
    hands over; no sentence has a hole, and no line of it is a command."""
    world, maker = World(company(seed)), Maker(seed)
    seen: set[str] = set()
    for kind, what in maker.steps(40):
        for draft in (draft for decision in step(world, maker, kind, what) for draft in decision.drafts):
            made = said(draft, world.snapshot.issues.get(draft.issue or 0), world)
            assert made.problem == "", draft
            assert not re.search(r"\bNone\b(?! of this)|<triagemail|\{\{", made.text), made.text
            ours = [line for line in made.text.split("\n") if not line.startswith("> ") and "x x x" not in line]
            assert [line for line in ours if len(line) > 76] == []
            assert commanded(made.text, f"Re: {made.subject}", fresh=False) == [], made.text
            seen.add(draft.template)
    assert len(seen) >= 10


# --- 1: who takes part ------------------------------------------------------------------------------------------------


def test_the_pager_gets_three_lines() -> None:
    """`people.page`: "three lines of every P0, unverified ones included, and of each missed clock": text alone."""
    for title in ("P0", "unverified", "not decided in time"):
        case = case_of("page", title)
        made = compose.compose(
            "page", language="en", issue=case.issue, policy=case.policy, values=case.values, now=case.now, to=case.to
        )
        assert len(made.text.strip("\n").split("\n")) == 3
        assert b'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: 7bit\r\n' in made.head
        assert made.body.decode().replace("\r\n", "\n") == made.text
    assert "#42 is a P0: Website is down" in text_of("page", "P0")
    assert "(UNVERIFIED)" in text_of("page", "unverified")
    assert "Nobody has decided in time." in text_of("page", "not decided in time")


def test_whoever_stands_in_is_told_why() -> None:
    """ "… passes every open P0 and P1 to the next in order at once, and says so." """
    assert "alice@acme.example cannot be reached, so it is yours." in text_of("triage", "instead of somebody")
    assert "alice@acme.example cannot be reached: P1 #42 is yours now." in text_of("passed", "from who is away")
    assert "so carol@acme.example has the duty" in text_of("unreachable", "away")
    assert "nobody else is there: please act" in text_of("unreachable", "nobody else")


def test_the_morning_mail_lists_one_line_each() -> None:
    """ "One morning mail to the triager lists undecided P2/P3 and drafts." A draft offers no tap to agree to."""
    text = rendered(case_of("morning", "three")).text
    assert re.findall(r"^- #(\d+) (.+)$", text, re.MULTILINE)[-3:] == [
        ("43", "Typo on the price page"),
        ("46", "The footer has the wrong year"),
        ("47", "The footer has the wrong year"),
    ]
    agreed = asked_by("morning", "three")
    assert [(type(i), i.issue) for i in agreed if isinstance(i, want.Agree)] == [(want.Agree, 46), (want.Agree, 47)]
    assert taps_of("morning", "one draft") == []


# --- 2: the report ----------------------------------------------------------------------------------------------------


def test_a_first_report_is_offered_guidance() -> None:
    """ "The reply also offers 15 minutes of guidance: the config's booking link, and the word `call`." """
    page = Page(rendered(case_of("missing", "first report")).html)
    assert "https://book.acme.example/triage" in page.links
    assert "call" in taps_of("missing", "first report")
    assert "booking" not in text_of("missing", "first report, no page to book")
    assert "call" in taps_of("missing", "first report, no page to book")
    assert "call" not in taps_of("missing", "unverified P0")
    assert "15 minutes" not in text_of("missing", "unverified P0")


@pytest.mark.parametrize("template", ["missing", "received"])
def test_a_second_p0_is_asked_whether_it_is_the_same(template: str) -> None:
    """ "Its reporter's reply names the open one and offers `same as #12`." """
    assert "Is it the same as #41 (Nobody can pay), open since" in text_of(template, "P0 beside another one")
    same = [i for i in asked_by(template, "P0 beside another one") if isinstance(i, want.MarkDuplicate)]
    assert [i.of for i in same] == [41]


def test_who_may_not_see_the_other_issue_gets_its_number() -> None:
    """ "Admitted outsiders (customers) see their own issues only"; nor does a mail that may be forged."""
    assert "Nobody can pay" not in text_of("received", "to be confirmed, beside another one")
    assert "Is it the same as #41, open since" in text_of("received", "to be confirmed, beside another one")


def test_the_process_tells_the_headline_to_believed_colleagues_only() -> None:
    """ "Admitted outsiders (customers) see their own issues only"; an unverified mail may be anybody's."""
    from triagemail.mail.samples_company import OPEN_P0, POLICY, SARA

    def named(by: str, level: Level) -> object:
        report = want.FileReport(by=by, evidence=Evidence(level, "x"), headline="Down", priority=Priority.P0)
        snapshot = Snapshot({}, 99, alarm=OPEN_P0)
        drafts = [d for _, made in decide_all(snapshot, [report], samples.NOW, POLICY) for d in made.drafts]
        reply = next(d for d in drafts if d.template == "missing")
        return reply.values["alarm"] is OPEN_P0 and reply.values["alarm_named"]

    assert named(SARA, Level.E2) is True
    assert named(SARA, Level.E0) is False
    assert named("kim@customer.example", Level.E2) is False


def test_a_call_is_asked_of_both() -> None:
    """ "`call` sends reporter and triager an invite"; the triager "is asked to fill in the rest"."""
    assert "03:10 CET (02:10 UTC) to 03:25" in text_of("call", "to the reporter")
    gaps = [i for i in taps_of("call", "to the triager") if i.startswith("answer")]
    assert gaps == ["answer 2: ", "answer 3: ", "answer 4: "]
    assert "please fill in what you heard" in text_of("triage", "after the call")
    assert [i for i in taps_of("triage", "after the call") if i.startswith("answer")] == gaps


def test_reported_on_behalf_of_somebody() -> None:
    """A triager may report for someone (`reported by: …`, `via: phone`)."""
    said_so = "It was reported by carol@acme.example for sara@acme.example, via phone."
    assert said_so in text_of("triage", "P2 reported for somebody")
    assert "carol@acme.example wrote it down for you." in text_of("received", "reported by a triager")


# --- 3: the decision --------------------------------------------------------------------------------------------------


def test_the_triagers_answers() -> None:
    """One-tap answers: `agree`, `P2 because …`, `decline: why`, `bug`, `feature`, `owner ADDRESS`, `duplicate #12`."""
    kinds = {type(i) for i in asked_by("triage", "similar ones")}
    assert kinds == {
        want.Agree, want.SetPriority, want.Decline, want.SetKind, want.NameOwner, want.MarkDuplicate,
    }  # fmt: skip
    of = [i.of for i in asked_by("triage", "similar ones") if isinstance(i, want.MarkDuplicate)]
    assert of == [40, 43]
    assert taps_of("triage", "workaround")[0] == "P2 because there is a workaround"


def test_not_sure_hints_at_a_feature_request() -> None:
    """ ""not sure" is an answer; it hints at a feature request, to the triager only." """
    assert "it may be a feature request" in text_of("triage", "similar ones")
    assert "it may be a feature request" not in text_of("triage", "workaround")


def test_the_mail_about_the_end_says_which_word_opens_it_again() -> None:
    """ "`reopen: why` works for the configured time": prose does not, so the sentence that offers it names the word."""
    assert 'Not fixed? Answer "reopen: why" within 7 days, and it is open again.' in text_of("resolved", "P2")


def test_the_decision_says_how_to_dispute_it() -> None:
    """ "The reporter is told it, and how to dispute": until when, and who decides then, by the config's policy."""
    within = 'You see it differently? Say "dispute: why" within 1 day. Then'
    ways = {
        "lowered": "alice@acme.example looks at it once more, and that is final.",
        "lowered, a chain decides": "cto@acme.example decides, and if there is no answer vp@acme.example.",
        "lowered, the reporter is right": "the priority that you picked counts again at once.",
        "lowered, the game decides": "you and alice@acme.example play rock, paper, scissors about it.",
    }
    for title, way in ways.items():
        assert f"{within} {way}" in text_of("decided", title)
        assert any(isinstance(i, want.Dispute) for i in asked_by("decided", title))
    assert f"{within} {ways['lowered']}" in text_of("declined", "reporter")


def test_what_cannot_be_disputed_offers_no_dispute() -> None:
    """What gives a reporter what they picked, or more, is no ground; a ruling is final; nobody else's it is to
    dispute."""
    for template, title in (
        ("decided", "agreed"), ("decided", "raised"), ("decided", "to who reported it too"), ("declined", "final"),
        ("declined", "owner"), ("declined", "remediation"), ("feature", "to who asked for it too"),
    ):  # fmt: skip
        assert not any(tap.startswith("dispute") for tap in taps_of(template, title)), (template, title)
    assert "P1 because " in taps_of("decided", "raised")  # "may lower the priority at once"


def test_a_dispute_without_a_picked_priority_names_one() -> None:
    """ "may pick one for the reporter (marked so; the reporter may dispute it)": with the one that they want."""
    found = asked_by("decided", "picked for the reporter")
    assert [i.priority for i in found if isinstance(i, want.Dispute)] == [Priority.P1]


def test_the_timebox_is_told() -> None:
    """ "A reminder at half time; at its end … the reported priority takes effect … except for UNVERIFIED ones"."""
    assert "Half of the time is over: please decide on P1 #42" in text_of("undecided", "half time")
    assert "So it counts as a P0 for now" in text_of("undecided", "stand-in")
    assert "UNVERIFIED, so nothing has been announced" in text_of("undecided", "operator, unverified")
    assert taps_of("undecided", "authority") == []  # who cannot decide is not offered to


def test_the_budget_is_told_with_its_reason() -> None:
    """ "More P1 than we can resolve means more of the work must go into delivery quality." """
    text = text_of("budget", "authority")
    assert "This is P1 number 4 this week, and we agreed on 3." in text
    assert "more of the work must go into the quality of what we deliver" in text


def test_the_owner_answers_mine_or_not_me() -> None:
    """**owner**: "gets the whole issue and answers `mine` or `not me: why`; silence for half a cadence tells the
    triager"."""
    assert [type(i) for i in asked_by("owner", "P1")][:2] == [want.TakeOwnership, want.RefuseOwnership]
    assert "Without an answer within 30 minutes, the triager is told." in text_of("owner", "P1")
    assert "> I do not know certificates." in rendered(case_of("unowned", "not me")).text


# --- 4: disputes ------------------------------------------------------------------------------------------------------


def test_who_rules_is_never_offered_to_agree() -> None:
    """ "Who rules answers `P1 because …` (never `agree`: with whom?)", "or for a decline `decline: why`"."""
    for title in ("second look", "first of a chain", "last of a chain", "decline", "feature"):
        assert not any(isinstance(i, want.Agree) for i in asked_by("ruling", title))
    both = [i.priority for i in asked_by("ruling", "second look") if isinstance(i, want.SetPriority)]
    assert both == [Priority.P1, Priority.P2]
    assert [type(i) for i in asked_by("ruling", "decline")] == [want.SetPriority, want.Decline]


def test_a_deadline_says_what_follows() -> None:
    """ "Every step has a deadline": "a chain of addresses, each with a time limit, then the next"."""
    assert "it goes to vp@acme.example then" in text_of("ruling", "first of a chain")
    assert "Without a word from you the decision stands." in text_of("ruling", "last of a chain")


def test_a_throw_is_sealed_and_shown_afterwards() -> None:
    """ "Both mail `rock`, `paper` or `scissors`; a throw stays sealed until both are in." """
    assert [i.hand for i in asked_by("throw", "reporter") if isinstance(i, want.Throw)] == ["rock", "paper", "scissors"]
    assert "stays sealed until both are in" in text_of("throw", "triager")
    for title in ("won", "lost"):
        assert "- alice@acme.example threw scissors. - sara@acme.example threw rock." in text_of("ruled", title)
    assert "You won" in text_of("ruled", "won")


def test_everyone_is_told_who_ruled_what_and_why() -> None:
    """ "A ruling is final …: everyone concerned is told who ruled, what and why"; "unless `P0 because …` names new
    facts"."""
    text = text_of("ruled", "ruled, to the owner")
    assert "It is ruled: #42 is a P1." in text
    assert "vp@acme.example says why: > Orders." in text
    assert 'unless "P0 because …" names new facts.' in text
    for title in ("nobody threw", "third tie", "lapsed"):
        assert "the decision stands" in text_of("ruled", title)


# --- 5: updates -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "title", "subject"),
    [
        ("broadcast-new", "remediation", "PRIORITY 1 REMEDIATION: RESTORE THE DELETED ROWS FOR ACME"),
        ("broadcast-update", "remediation", "PRIORITY 1 REMEDIATION UPDATE: RESTORE THE DELETED ROWS FOR ACME"),
        ("broadcast-resolved", "remediation", "PRIORITY 1 REMEDIATION RESOLVED: RESTORE THE DELETED ROWS FOR ACME"),
        ("broadcast-reopened", "remediation", "PRIORITY 1 REMEDIATION REOPENED: RESTORE THE DELETED ROWS FOR ACME"),
        ("broadcast-ended", "paused", "PRIORITY 1 REMEDIATION PAUSED: RESTORE THE DELETED ROWS FOR ACME"),
        ("broadcast-ended", "feature", "PRIORITY 1 ISSUE NOW A FEATURE REQUEST: DARK MODE"),
        ("broadcast-ended", "duplicate", "PRIORITY 0 ISSUE CLOSED: WEBSITE IS DOWN"),
        ("broadcast-undone", "announced by mistake", "PRIORITY 0 ISSUE UPDATE: WEBSITE IS DOWN"),
    ],
)
def test_subjects_of_the_two_processes(template: str, title: str, subject: str) -> None:
    """Subjects shout; "remediation has `PRIORITY 1 REMEDIATION …`"."""
    assert rendered(case_of(template, title)).subject == subject


def test_the_last_broadcast_says_where_it_went() -> None:
    """ "One broadcast says: follow #12"; a feature's "last broadcast ends its updates"; a pause is said too."""
    assert "the same as #42: follow #42." in text_of("broadcast-ended", "duplicate")
    assert "is a feature request, so updates end here" in text_of("broadcast-ended", "feature")
    assert "#44 is paused: #42 is open again" in text_of("broadcast-ended", "paused")


def test_while_nothing_is_heard_the_list_is_told() -> None:
    """ "While intake is down for over 10 minutes the automatic text says that mails cannot reach us." """
    assert "Mails cannot reach us right now." in text_of("broadcast-update", "automatic, deaf")
    assert "answer this mail" not in text_of("broadcast-update", "automatic, deaf")
    assert "cannot reach us" not in text_of("broadcast-update", "automatic")


def test_what_was_undone_is_set_right_for_the_list() -> None:
    """ "If it was announced, a correction is broadcast." """
    assert "what was said at 02:55 CET (01:55 UTC) is taken back" in text_of("broadcast-undone", "resolved by mistake")
    assert "#42 is being worked on, as a P0." in text_of("broadcast-undone", "resolved by mistake")
    assert "as a P1. No update is due." in text_of("broadcast-undone", "announced by mistake")


def test_wishes_are_answered_with_what_one_gets() -> None:
    """Preferences: by priority, by area, one issue, `digest` (one mail a day), `pause 2 weeks`, `resume`."""
    assert "- everything about P0 Change" in text_of("wishes", "P0 only")
    assert "in these areas: Billing and invoices, gone" in text_of("wishes", "areas and issues")
    assert "everything about #42, #43 - nothing about #40" in text_of("wishes", "areas and issues")
    assert "as one mail a day, at 08:00" in text_of("wishes", "digest")
    assert "no broadcast until Monday 7 December" in text_of("wishes", "pause")
    assert [type(i) for i in asked_by("wishes", "pause")] == [
        want.Resume, want.Subscribe, want.Subscribe, want.Pause, want.Unsubscribe,
    ]  # fmt: skip


def test_a_pause_that_is_over_is_none() -> None:
    """ "A pause is over when its time has come." """
    case = case_of("wishes", "pause")
    over = replace(case, values={"wishes": Wishes(paused_until=case.now)})
    assert "no broadcast until" not in " ".join(rendered(over).text.split())


def test_a_digest_holds_what_was_said_and_no_more() -> None:
    """ "`digest` (one mail a day)": each broadcast without its frame."""
    text = rendered(case_of("digest", "two")).text
    assert text.count("--- Please write above this line ---") == 1
    assert text.count("You get this because") == 1
    assert "02:05 CET (01:05 UTC): PRIORITY 0 ISSUE: WEBSITE IS DOWN\n> A new P0 issue" in text


# --- 6 and 7: closure and remediation ---------------------------------------------------------------------------------


def test_thanks_and_a_break() -> None:
    """ "The team … gets thanks and a 10-minute break as a calendar invite"; wording and ideas are the template's."""
    for template in ("thanks", "closing"):
        title = "owner" if template == "thanks" else "triager"
        assert "Thank you!" in text_of(template, title)
        assert "Please take a break of 10 minutes, at 03:15 CET (02:15 UTC)." in text_of(template, title)
        assert rendered(case_of(template, title)).summary == "A break, after #42"
    assert "break" not in text_of("thanks", "no break")


def test_the_triager_is_asked_for_remediation_and_band_aids_once() -> None:
    """ "The triager gets one mail that asks whether remediation is needed and for one or two band-aids"; the closure of
    a remediation "asks only for thanks"."""
    assert [type(i) for i in asked_by("closing", "triager")] == [want.Remediate, want.AddBandAid]
    assert "no search for the root cause" in text_of("closing", "triager")
    assert taps_of("thanks", "remediation") == []


def test_the_cheap_question_comes_first() -> None:
    """ "First they are asked the cheap question: can the customer simply retry or start over?" """
    text = text_of("confirm-remediation", "P1")
    assert "can the customer simply retry or start over?" in text.split("Answer with one line")[0]
    found = asked_by("confirm-remediation", "P1")
    assert [type(i) for i in found][:3] == [want.EndRemediation, want.EndRemediation, want.Agree]
    assert [i.how for i in found if isinstance(i, want.EndRemediation)] == ["retry", "not-worth-it"]


def test_troubleshooting_and_remediation_are_never_mixed() -> None:
    """ "Two processes, run one after the other and never mixed": lists have a heading for each."""
    for template, title in (("status", "all"), ("list", "three"), ("backlog", "two processes")):
        before, _, after = text_of(template, title).partition(" Remediation ")
        assert " Troubleshooting " in before
        assert "#44" not in before.replace("#44 and", "")
        assert "#44" in after
        assert not re.search(r"#4[0-35-9]", after.split('write "status')[0])


# --- 8: the review ----------------------------------------------------------------------------------------------------


def test_the_agenda_has_complaints_word_for_word() -> None:
    """ "On the day it mails the agenda: the complaints, open band-aids, and the figures"; the two processes apart."""
    text = rendered(case_of("agenda", "much to say")).text
    assert "bob@acme.example, 22 November:\n> Too many mails at night.\n> One an hour would do.\n" in text
    assert "kim@acme.example, 23 November (UNVERIFIED):" in text
    flat = " ".join(text.split())
    assert "- #42 Website is down, noted by bob@acme.example: A reminder two weeks before" in flat
    for figure in (
        "- New: 1 P0, 5 P1, 9 P2, 4 P3", "- Time to decision: 12 minutes", "- Priority changed: 4 of 16 (25 %)",
        "- Disputes: 1 ruled on, 1 taken back", "- Updates on time: 14 of 17", "We agreed on 3 P1 a week",
        "- In the week of 16 November: 4 P1",
    ):  # fmt: skip
        assert figure in flat
    assert flat.index("3. Troubleshooting") < flat.index("14 of 17") < flat.index("4. Remediation")


def test_the_invite_of_the_review_says_what_it_is() -> None:
    """The invite goes out, moves, and "a believed internal author is added"."""
    assert rendered(case_of("review-invite", "planned")).summary == "Review: how we handle problems"
    assert "Please keep some time for the review" in text_of("review-invite", "planned")
    assert "The review has moved to" in text_of("review-invite", "moved")
    assert "Thank you for your feedback: please come" in text_of("review-invite", "guest")


# --- 9: words that work in any mail -----------------------------------------------------------------------------------


def test_help_has_every_word() -> None:
    """`help` shows every command, grouped and short."""
    spellings = tomllib.loads((ROOT / "templates/en/words.toml").read_text("utf-8"))["commands"]
    shown = re.findall(r'"([^"]+)"', text_of("help", "help"))
    missing = [words[0] for words in spellings.values() if not any(f"{code} ".startswith(words[0]) for code in shown)]
    assert missing == ["help"]  # which is how they got here


@pytest.mark.parametrize(
    ("title", "rule"),
    [
        ("process", "It is looked at once more by the triager, within 30 minutes. That second look is final."),
        ("a chain decides", "It goes to cto@acme.example and vp@acme.example, in this order, for 30 minutes each."),
        ("the reporter is right", "Whoever reports is always right: that restores the reported priority."),
        ("the game decides", "Both sides mail rock, paper or scissors within 30 minutes. The winner's priority stands"),
    ],
)
def test_the_process_on_one_page(title: str, rule: str) -> None:
    """ "The company's own process on one page, made from its config: who decides, the four priorities, how
    disagreements end, when updates come"; hours and budget."""
    text = text_of("process", title)
    assert rule in text
    assert "alice@acme.example is on duty" in text
    assert all(f"{priority} For example" in text for priority in Priority)
    assert "Monday to Friday, 09:00 to 18:00, time zone Europe/Berlin" in text
    assert "We agreed on 3 a week" in text
    assert "as soon as it is reported, then every 30 minutes" in text


def test_working_days_in_words() -> None:
    """[hours] names working days."""
    words = {"weekdays": ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"], "through": "to", "and": "and"}
    assert wording.weekdays(words, {0, 1, 2, 3, 4}) == "Mo to Fr"
    assert wording.weekdays(words, {0, 2, 5}) == "Mo, We and Sa"
    assert wording.weekdays(words, {5, 6}) == "Sa and Su"
    assert wording.weekdays(words, {6}) == "Su"


def decided(intents: Iterable[want.Intent], policy: Policy, issue: Issue) -> list[Draft]:
    made = decide_all(Snapshot({issue.number: issue}, 99), list(intents), samples.NOW, policy)
    return [draft for _, decision in made for draft in decision.drafts]


def test_a_receipt_says_how_to_take_it_back() -> None:
    """`undo` "in reply to a receipt, for 30 minutes": only where something is there to take back."""
    from triagemail.mail.samples_company import POLICY, WHOLE

    triager: Any = {"by": samples.ALICE, "evidence": Evidence(Level.E2, "token"), "issue": 42}
    agreed = next(d for d in decided([want.Agree(**triager)], POLICY, WHOLE) if d.template == "receipt")
    refused = next(d for d in decided([want.SetArea(**triager, area="x")], POLICY, WHOLE) if d.template == "receipt")
    bug = next(d for d in decided([want.SetKind(**triager, kind=WHOLE.kind)], POLICY, WHOLE) if d.template == "receipt")
    amends = want.Remediate(**triager, priority=Priority.P2, text="rows")
    opened = next(d for d in decided([amends], POLICY, WHOLE) if d.template == "receipt")
    takes = [receipt.values["undo"] is not None for receipt in (agreed, refused, bug, opened)]
    assert takes == [True, False, False, False]
    for title, offered in (("one done", True), ("one refused", False)):
        assert ("For 30 minutes it can be taken back" in text_of("receipt", title)) is offered
        assert ("undo" in taps_of("receipt", title)) is offered


def test_every_tap_of_every_mail_is_understood() -> None:
    """A one-tap answer that is read as prose would be a trap: each is one command, an answer, or a yes or no."""
    for case in samples.cases():
        if case.template in ("confirm", "received", "near-miss", "template", "drill"):
            continue
        for body in taps_with_ends(case):
            found = intents_of(body, "Re: x")
            assert len(found) == 1 or body.startswith("answer "), (case.template, case.title, body)
            assert not any(isinstance(i, want.NearMiss) for i in found), (case.template, case.title, body)


def taps_with_ends(case: Sample) -> list[str]:
    ends = {"owner ": "bob@acme.example", "duty ": "bob@acme.example", "away until ": "3 May"}
    return [body + ends.get(body, "it is so") if body.endswith(" ") else body for _, _, body in tapped(case)]
