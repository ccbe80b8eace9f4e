"""Updates and the list (process.md 5), closure (6), remediation (7), the review (8) and the words of any mail (9), as
conversations."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from chat import ANNA, BOB, CARL, CONNY, LENA, OPS, SARA, VERA, Chat, Out, one, opened, talk_directly, to

from triagemail.process.model import Priority, State
from triagemail.store import audience

BERLIN = ZoneInfo("Europe/Berlin")
NOBODY = timedelta()
TOM = "tom@acme.example"

pytestmark = pytest.mark.usefixtures("keeps_its_word")


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Chat]:
    people = {"authority": (VERA,), "confirmers": (CONNY,)}
    with talk_directly(tmp_path, people=people, areas={"billing": "Billing", "shop": "The shop"}) as found:
        found.subscribe(LENA)
        yield found


def announced(chat: Chat, priority: str = "P1", subject: str = "Checkout is blank") -> Out:
    """An agreed and announced issue: the triager's mail about it."""
    triage, _ = opened(chat, priority, subject)
    chat.answers(triage, "agree")
    return triage


def wish(chat: Chat, person: str, text: str) -> Out:
    """A fresh mail with a wish about the list, confirmed by one plain reply: what it is answered with."""
    asked = one(chat.sends(person, text, subject="my wishes"), person)
    return one(chat.answers(asked, "yes"), person)


def invite(mail: Out) -> str:
    """The calendar part of a mail."""
    parsed = email.message_from_bytes(mail.raw, policy=email.policy.default)
    found = [part for part in parsed.walk() if part.get_content_type() == "text/calendar"]
    assert len(found) == 1, f"{mail.subject}: {len(found)} calendar parts"
    return str(found[0].get_content()).replace("\r\n ", "")


# --- 5. updates -------------------------------------------------------------------------------------------------------


def test_after_two_automatic_updates_triagers_and_authority_are_told(chat: Chat) -> None:
    """After two automatic updates in a row triagers and authority are told, and at every second one after."""
    announced(chat, "P0")
    first = chat.after(minutes=31, step=NOBODY)
    assert to(first, VERA) == []
    second = chat.after(minutes=31, step=NOBODY)
    assert one(second, VERA)
    assert one(second, CARL)
    assert to(chat.after(minutes=31, step=NOBODY), VERA) == []
    assert one(chat.after(minutes=31, step=NOBODY), VERA)


def test_an_update_has_one_link_for_more(chat: Chat) -> None:
    """… one link for more (`doc URL`, else the issue's page, else "reply `status`")."""
    triage = announced(chat)
    assert "status" in one(chat.answers(triage, "update: we look into it"), LENA).text
    out = chat.answers(triage, "doc https://docs.acme.example/outage\nupdate: we know more")
    assert "https://docs.acme.example/outage" in one(out, LENA).text


def test_preferences_by_priority(chat: Chat) -> None:
    """Preferences: by priority (`subscribe P0`)."""
    wish(chat, TOM, "subscribe P0")
    assert to(self_sent(chat, lambda: announced(chat, "P1")), TOM) == []
    assert to(self_sent(chat, lambda: announced(chat, "P0", "All is down")), TOM)


def self_sent(chat: Chat, act: object) -> list[Out]:
    before = len(chat.sent)
    act()  # type: ignore[operator]
    return chat.sent[before:]


def test_preferences_by_area(chat: Chat) -> None:
    """… by area (`subscribe area:billing`; the triager sets `area billing`, areas are config)."""
    wish(chat, TOM, "subscribe area:billing")
    triage, _ = opened(chat, "P1", "Invoices are wrong")
    chat.answers(triage, "area billing")
    assert to(chat.answers(triage, "agree"), TOM)
    triage, _ = opened(chat, "P1", "Cart is empty")
    chat.answers(triage, "area shop")
    assert to(chat.answers(triage, "agree"), TOM) == []
    refused = one(chat.answers(triage, "area moon"), SARA, "[#2]")
    assert "billing" in refused.text


def test_preferences_by_issue(chat: Chat) -> None:
    """… one issue (`subscribe #42`, `unsubscribe #42`)."""
    triage = announced(chat)
    wish(chat, TOM, "subscribe #1")
    assert one(chat.answers(triage, "update: found it"), TOM)
    other = announced(chat, "P1", "Another")
    assert to(chat.answers(other, "update: looking"), TOM) == []
    heard = one(chat.answers(triage, "update: fixing it"), LENA)
    chat.answers(heard, "unsubscribe #1")
    assert to(chat.answers(triage, "update: nearly"), LENA) == []
    assert one(chat.answers(other, "update: nearly too"), LENA)


def test_digest_is_one_mail_a_day(chat: Chat) -> None:
    """`digest` (one mail a day)."""
    chat.subscribe(TOM)
    wish(chat, TOM, "digest")
    out = self_sent(chat, lambda: announced(chat))
    assert to(out, TOM) == []
    chat.clock.advance(datetime(2026, 11, 24, 8, 1, tzinfo=BERLIN) - chat.clock.now())
    daily = one(chat.settle(), TOM)
    assert "CHECKOUT IS BLANK" in daily.text
    chat.clock.advance(timedelta(days=4))
    chat.settle()
    wish(chat, TOM, "resume")
    triage = announced(chat, "P0", "All is down")
    assert one(chat.answers(triage, "update: looking"), TOM)


def test_pause_and_resume(chat: Chat) -> None:
    """`pause 2 weeks`, `resume`."""
    chat.subscribe(TOM)
    wish(chat, TOM, "pause 2 weeks")
    triage = announced(chat, "P0")
    assert to(chat.answers(triage, "update: looking"), TOM) == []
    wish(chat, TOM, "resume")
    assert one(chat.answers(triage, "update: found"), TOM)
    wish(chat, TOM, "pause 1 week")
    chat.answers(triage, "resolve: rolled back")
    chat.clock.advance(timedelta(days=8))
    chat.settle()
    assert to(self_sent(chat, lambda: announced(chat, "P0", "Again")), TOM)


def test_a_group_subscriber_is_added_on_the_host_only(chat: Chat) -> None:
    """A *group* subscriber (another list) is added and removed on the host only."""
    with chat.app.store.transaction():
        audience.join(chat.app.store, "all@acme.example", chat.clock.now(), group=True)
    triage = announced(chat)
    copy = one(chat.answers(triage, "update: looking"), "all@acme.example")
    assert "list-unsubscribe" not in copy.headers
    assert copy.reply_to == "" or "+" not in copy.reply_to
    assert "through a group, leave that group" in " ".join(copy.text.split())  # U5: "say where to leave"


def test_an_answer_out_of_a_group_reaches_the_issue_and_opens_none(chat: Chat) -> None:
    """Replies to a broadcast never reach the list, and are "put in the issue's log, where the owner sees it": also if
    it came through a group. That shows nothing about who answers, so it commands nothing (trust.md U5)."""
    with chat.app.store.transaction():
        audience.join(chat.app.store, "all@acme.example", chat.clock.now(), group=True)
    triage = announced(chat)
    copy = one(chat.answers(triage, "update: looking"), "all@acme.example")
    chat.answers(copy, "Is it fixed?", author=TOM)
    assert chat.journal(1)[-1] == "Commented"
    assert chat.app.store.issue(2) is None
    assert "Please confirm" in one(chat.answers(copy, "unsubscribe", author=TOM), TOM).subject


# --- 6. closure -------------------------------------------------------------------------------------------------------


def test_the_team_gets_thanks_and_a_break_at_the_next_quarter_hour(chat: Chat) -> None:
    """The team (triager, owner, whoever sent an update) gets thanks and a 10-minute break as a calendar invite at the
    next quarter hour."""
    triage = announced(chat)
    asked = one(chat.answers(triage, f"owner {ANNA}"), ANNA, "[#1]")
    chat.answers(asked, "mine\nupdate: I see it")
    out = chat.answers(asked, "resolve: rolled back")
    thanks = next(m for m in to(out, ANNA) if "calendar" in m.raw.decode("ascii").lower())
    assert "DTSTART;TZID=Europe/Berlin:20261123T101500" in invite(thanks)
    assert "DTEND;TZID=Europe/Berlin:20261123T102500" in invite(thanks)
    assert invite(next(m for m in to(out, SARA) if b"text/calendar" in m.raw))
    assert [m for m in to(out, BOB) if b"text/calendar" in m.raw] == []


def test_at_night_the_break_is_next_morning(chat: Chat) -> None:
    """(at night: next morning)"""
    chat.clock.advance(datetime(2026, 11, 24, 3, 10, tzinfo=BERLIN) - chat.clock.now())
    chat.settle()
    triage = announced(chat, "P0")
    out = chat.answers(triage, "resolve: rolled back")
    found = invite(next(m for m in to(out, SARA) if b"text/calendar" in m.raw))
    assert "DTSTART;TZID=Europe/Berlin:20261124T090000" in found


def closing(chat: Chat) -> tuple[Out, Out]:
    """A resolved P1: (the triager's closing mail, their first mail about it)."""
    triage = announced(chat)
    out = chat.answers(triage, "resolve: rolled back")
    return next(m for m in to(out, SARA) if "band-aid" in m.text), triage


def test_the_triager_is_asked_about_remediation_and_band_aids(chat: Chat) -> None:
    """The triager gets one mail that asks whether remediation is needed and for one or two **band-aids**; a third is
    refused with the reason."""
    asked, _ = closing(chat)
    assert "remediate" in asked.text
    chat.answers(asked, "band-aid: alert on blank pages")
    chat.answers(asked, "band-aid: roll back with one command")
    refused = one(chat.answers(asked, "band-aid: rewrite the checkout"), SARA, "[#1]")
    assert "two" in refused.text.lower()
    assert [b.text for b in chat.issue(1).band_aids] == ["alert on blank pages", "roll back with one command"]
    chat.answers(asked, "done 2")
    assert [b.done_at is None for b in chat.issue(1).band_aids] == [True, False]
    chat.answers(asked, "done")
    assert all(b.done_at for b in chat.issue(1).band_aids)


def test_the_reporter_always_hears_when_their_issue_is_closed(chat: Chat) -> None:
    """The reporter always hears when their issue is closed."""
    _, _ = closing(chat)
    assert to(chat.sent, BOB, "RESOLVED")
    triage, _ = opened(chat, "P3", "A typo")
    chat.answers(triage, "agree")
    out = chat.answers(triage, "resolve: corrected")
    assert "corrected" in one(out, BOB, "[#2]").text
    assert to(out, LENA) == []


# --- 7. remediation ---------------------------------------------------------------------------------------------------


def remediation(chat: Chat, text: str = "remediate P2: restore the deleted rows for ACME") -> tuple[Out, Out]:
    asked, triage = closing(chat)
    return one(chat.answers(asked, text), CONNY), triage


def test_remediation_is_confirmed_and_run_like_an_issue_of_its_own(chat: Chat) -> None:
    """`remediate P2: …` opens a linked remediation issue. … First they are asked the cheap question: can the customer
    simply retry or start over? … the confirmers get `agree` / `P1 because …`; the first to answer decides."""
    asked, _ = remediation(chat)
    assert "retry" in asked.text
    assert "restore the deleted rows" in asked.text
    issue = chat.issue(2)
    assert (issue.remediates, issue.state, issue.reported) == (1, State.TRIAGE, Priority.P2)
    out = chat.answers(asked, "agree")
    assert chat.issue(2).state is State.OPEN
    assert to(out, LENA) == []
    told = next(m for m in to(out, SARA) if "[#2]" in m.subject)
    out = chat.answers(told, "resolve: all rows are back")
    assert chat.issue(2).state is State.RESOLVED
    assert one(out, BOB, "[#2]")
    thanks = next(m for m in to(out, SARA) if b"text/calendar" in m.raw)
    assert "band-aid" not in thanks.text


def test_a_remediation_waits_until_service_is_restored(chat: Chat) -> None:
    """It starts when service is restored: asked for earlier, it waits and says so; reopening the first issue pauses
    it."""
    triage = announced(chat)
    out = chat.answers(triage, "remediate P1: restore the deleted rows")
    assert chat.issue(2).state is State.WAITING
    assert to(out, CONNY) == []
    out = chat.answers(triage, "resolve: rolled back")
    asked = one(out, CONNY, "[#2]")
    chat.answers(asked, "agree")
    assert to(chat.sent, LENA, "PRIORITY 1 REMEDIATION")
    chat.answers(triage, "reopen: it is back")
    assert chat.issue(2).state is State.WAITING
    out = chat.answers(triage, "resolve: fixed for good")
    assert chat.issue(2).state is State.OPEN


def test_the_confirmers_other_priority_is_the_dispute(chat: Chat) -> None:
    """… their other priority is the dispute, and in it they count as the reporter."""
    asked, _ = remediation(chat)
    out = chat.answers(asked, "P1 because ACME leaves us otherwise")
    ruling = one(out, SARA, "[#2]")
    assert "ACME leaves us" in ruling.text
    assert chat.issue(2).dispute is not None
    chat.answers(ruling, "P1 because they pay us")
    assert chat.issue(2).priority is Priority.P1
    assert chat.issue(2).state is State.OPEN


def test_no_answer_in_a_working_day_means_agreed(chat: Chat) -> None:
    """… no answer in a working day (or no confirmer at all) means agreed."""
    remediation(chat)
    chat.after(hours=23, step=NOBODY)
    assert chat.issue(2).state is State.TRIAGE
    chat.after(hours=2, step=NOBODY)
    assert chat.issue(2).state is State.OPEN


def test_the_customer_may_simply_retry(chat: Chat) -> None:
    """(`retry: …` closes it so; `not worth it: …` too.)"""
    asked, _ = remediation(chat)
    chat.answers(asked, "retry: they order again, we pay the shipping")
    assert chat.issue(2).state is State.RESOLVED


def test_a_remediation_may_not_be_worth_it(chat: Chat) -> None:
    """… `not worth it: …` too."""
    asked, _ = remediation(chat)
    out = chat.answers(asked, "not worth it: a single order")
    assert chat.issue(2).state is State.RESOLVED
    assert one(out, BOB, "[#2]")


def test_the_two_processes_are_never_mixed(chat: Chat) -> None:
    """Never mixed with troubleshooting in list, status, figures or subject lines."""
    asked, triage = remediation(chat, "remediate P1: restore the deleted rows")
    out = chat.answers(asked, "agree")
    assert one(out, LENA).subject.startswith("PRIORITY 1 REMEDIATION")
    announced(chat, "P1", "Search is odd")
    text = one(chat.answers(triage, "list"), SARA).text
    assert (
        text.lower().index("search is odd") < text.lower().index("remediation") < text.index("restore the deleted rows")
    )


# --- 8. the review ----------------------------------------------------------------------------------------------------


def test_the_invite_goes_out_on_the_first_day_to_all_roles(tmp_path: Path) -> None:
    """The invite goes out on the first day, for `review.every` (2 months) ahead, to all roles."""
    with talk_directly(tmp_path, people={"confirmers": (CONNY,), "authority": (VERA,)}) as chat:
        found = [Out.parse(rcpt, sender, raw) for rcpt, raw, sender in chat.sink.mails]
        assert {m.to for m in found} == {SARA, CARL, VERA, CONNY, OPS}
        text = invite(found[0])
        assert "DTSTART;TZID=Europe/Berlin:20270125T100000" in text  # 23 January is a Saturday
        assert "UID:review-1@acme.example" in text
        assert "SEQUENCE:0" in text


def test_feedback_goes_on_the_agenda_word_for_word_and_its_author_is_invited(chat: Chat) -> None:
    """`feedback: …` from anyone at any time goes on its agenda word for word; a believed internal author is added to
    the invite. … On the day it mails the agenda: the complaints, open band-aids, and the figures since the last one."""
    asked, _ = closing(chat)
    chat.answers(asked, "band-aid: alert on blank pages")
    opened(chat, "P2", "Another")
    second = announced(chat, "P1", "A third")
    chat.answers(second, "resolve: done")
    heard = to(chat.sent, LENA)[-1]
    out = chat.answers(heard, "feedback: the updates came  too late\nfor our customers")
    guest = invite(next(m for m in to(out, LENA) if b"text/calendar" in m.raw))
    assert "UID:review-1@acme.example" in guest
    assert "SEQUENCE:1" in guest
    chat.clock.advance(datetime(2027, 1, 25, 9, 1, tzinfo=BERLIN) - chat.clock.now())
    out = chat.settle()
    agenda = next(m for m in to(out, SARA) if "alert on blank pages" in m.text)
    assert "the updates came" in agenda.text
    assert any("the updates came" in m.text for m in to(out, LENA))
    assert "P1" in agenda.text


def test_a_review_moves_when_too_little_has_happened(chat: Chat) -> None:
    """… and moves (same UID) when fewer than 2 issues have run end to end by then."""
    closing(chat)
    chat.clock.advance(datetime(2027, 1, 24, 11, 0, tzinfo=BERLIN) - chat.clock.now())
    out = chat.settle()
    moved = invite(next(m for m in to(out, SARA) if b"UID:review-1@" in m.raw or b"text/calendar" in m.raw))
    assert "UID:review-1@acme.example" in moved
    assert "SEQUENCE:1" in moved
    assert "DTSTART;TZID=Europe/Berlin:20270325T100000" in moved


# --- 9. words ---------------------------------------------------------------------------------------------------------


def test_the_backlog_comes_as_text_and_csv(chat: Chat) -> None:
    """`backlog` (P2 and P3 for sprint planning, as text and CSV; triagers only)."""
    triage, received = opened(chat, "P3", "=cmd() typo")
    chat.answers(triage, "agree")
    announced(chat, "P1", "Not in here")
    mail = one(chat.answers(triage, "backlog"), SARA)
    assert "typo" in mail.text
    assert "Not in here" not in mail.text
    parsed = email.message_from_bytes(mail.raw, policy=email.policy.default)
    sheet = next(part for part in parsed.walk() if part.get_filename() == "backlog.csv")
    rows = sheet.get_content().lstrip("\ufeff").splitlines()
    assert rows[0].startswith("number,process,kind,priority,state")
    assert len(rows) == 2
    assert "'=cmd() typo" in rows[1]
    assert "typo" not in one(chat.answers(received, "backlog"), BOB).text


def test_undo_takes_a_decision_back_and_corrects_what_was_announced(chat: Chat) -> None:
    """`undo` (in reply to a receipt, for 30 minutes or until something builds on it; if it was announced, a correction
    is broadcast)."""
    triage = announced(chat)
    receipt = next(m for m in to(chat.answers(triage, "resolve: rolled back"), SARA, "[#1]") if "undo" in m.text)
    assert chat.issue(1).state is State.RESOLVED
    out = chat.answers(receipt, "undo")
    assert chat.issue(1).state is State.OPEN
    assert chat.issue(1).next_update_at is not None
    assert one(out, LENA)
    receipt = one(chat.answers(triage, "headline: The checkout"), SARA, "[#1]")
    chat.answers(triage, "headline: The cart")
    refused = one(chat.answers(receipt, "undo"), SARA, "[#1]")
    assert chat.issue(1).headline == "The cart"
    assert "builds on it" in refused.text
    receipt = one(chat.answers(triage, "headline: The till"), SARA, "[#1]")
    chat.after(minutes=31, step=NOBODY)
    chat.answers(receipt, "undo")
    assert chat.issue(1).headline == "The till"


def test_undo_of_leaving_the_list(chat: Chat) -> None:
    """Always a goodbye with undo (trust.md U3)."""
    heard = to(self_sent(chat, lambda: announced(chat)), LENA)[0]
    goodbye = one(chat.answers(heard, "unsubscribe"), LENA)
    assert audience.count(chat.app.store) == 0
    chat.answers(goodbye, "undo")
    assert audience.count(chat.app.store) == 1


def test_several_commands_in_one_mail_are_all_done_or_none(chat: Chat) -> None:
    """Several commands in one mail: all are done or none is, and one reply lists the result of each; answers and
    comments in it are kept always."""
    triage, _ = opened(chat, "P1")
    out = chat.answers(triage, f"agree\nowner {ANNA}\narea billing\nheadline: Billing is down")
    issue = chat.issue(1)
    assert (issue.state, issue.owner, issue.area, issue.headline) == (State.OPEN, ANNA, "billing", "Billing is down")
    assert one(out, SARA, "[#1]").text.count("It is done") + one(out, SARA, "[#1]").text.count("- ") >= 4
    out = chat.answers(triage, "resolve: fixed\narea moon\n\nI think it was the cache.")
    assert chat.issue(1).state is State.OPEN
    assert "the cache" in one(out, BOB, "[#1]").text


def test_the_companys_own_process_on_one_page(chat: Chat) -> None:
    """`process` (the company's own process on one page, made from its config: who decides, the four priorities, how
    disagreements end, when updates come)."""
    text = one(chat.sends(BOB, "process"), BOB).text
    for known in (SARA, "P0", "P3", "30 minutes", "1 day"):
        assert known in text, known


def test_the_board_is_a_link_where_there_is_a_web_page(tmp_path: Path) -> None:
    """`board` (a link to the web page)."""
    with talk_directly(tmp_path, web={"url": "https://board.acme.example"}) as chat:
        chat.subscribe(LENA)
        heard = to(self_sent(chat, lambda: announced(chat)), LENA)[0]
        assert "https://board.acme.example/in/" in one(chat.answers(heard, "board"), LENA).text
