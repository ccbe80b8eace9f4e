"""Loops, storms and floods (trust.md L1 to L5, L9, A14; promise R7). The long forms run with `-m slow`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from absences import ABSENCES
from chat import BOB, CARL, COMPLETE, ISSUES, LENA, LIST, OPS, PAGER, SARA, Chat, Out, one, opened, talk_directly, to
from spoofs import MX, google

from triagemail.process import limits
from triagemail.process.model import Evidence, Level, Priority, State
from triagemail.store import claims

pytestmark = pytest.mark.usefixtures("keeps_its_word")
EVERYBODY = {"reporters": ("*",)}
AT_GOOGLE = {"profile": "google", "trusted_authserv_id": (MX,), "trusted_received_by": (MX, "2002:")}
NO_STEPS = timedelta()
BOT = "bot@acme.example"


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Chat]:
    with talk_directly(tmp_path) as company:
        yield company


@pytest.fixture
def vouching(tmp_path: Path) -> Iterator[Chat]:
    """A company whose mail system vouches for its people; of these mails it says nothing."""
    with talk_directly(tmp_path, auth=AT_GOOGLE) as company:
        yield company


def issues(chat: Chat) -> int:
    number: int = chat.app.store.one("SELECT COUNT(number) FROM issue")[0]
    return number


def but(mails: list[Out], *people: str) -> list[Out]:
    """Of some mails those that go to nobody else than these."""
    return [mail for mail in mails if mail.to not in people]


def flood(chat: Chat, mails: Iterator[tuple[str, str, str]]) -> list[Out]:
    """All of (author, subject, text) come in before the service looks."""
    for author, subject, text in mails:
        chat.append(chat.writes(author, text, subject=subject))
    return chat.settle()


# --- L1: robots ------------------------------------------------------------------------------------------------------


def answers_the_reply_address(chat: Chat, got: Out, number: int) -> None:
    """It says nothing new, but never the same."""
    chat.append(chat.writes(BOT, f"Thank you for writing. Your number is {number}.", answering=got))


def sends_it_back(chat: Chat, got: Out, _: int) -> None:
    chat.append(chat.writes(BOT, got.text, answering=got))


def sends_it_back_quoted(chat: Chat, got: Out, _: int) -> None:
    chat.append(chat.writes(BOT, "Your mail has come.", answering=got, quote=True))


def answers_the_address_in_from(chat: Chat, got: Out, number: int) -> None:
    """Neither Reply-To nor References: all that is left of our mail is its subject."""
    chat.append(chat.writes(BOT, f"We are busy. Number {number}.", subject=f"Re: {got.subject}"))


def answers_everything_anew(chat: Chat, _: Out, number: int) -> None:
    chat.append(chat.writes(BOT, "Thank you, we call back.", subject=f"Request {number} received"))


Robot = Callable[[Chat, Out, int], None]
ROBOTS = (answers_the_reply_address, sends_it_back, sends_it_back_quoted, answers_the_address_in_from)


def a_day_with(chat: Chat, robot: Robot, first: str) -> list[Out]:
    """All mails of 24 hours in which a robot answers each mail that it gets at once."""
    out = chat.sends(BOT, first, subject="Ticket received")
    count = 0
    for _ in range(144):
        for _ in range(60):
            waiting = to(out, BOT)[count:]
            if not waiting:
                break
            for got in waiting:
                count += 1
                robot(chat, got, count)
            out += chat.settle()
        assert count < 60, "it does not stop"
        out += chat.after(minutes=10, step=NO_STEPS)
    return out


@pytest.mark.parametrize("robot", ROBOTS)
@pytest.mark.parametrize("first", ["We have got your mail.", COMPLETE.format(priority="P0"), ""])
def test_l1_a_robot_without_headers_ends(chat: Chat, robot: Robot, first: str) -> None:
    """L1, R7: naive echo bot with fresh Message-IDs, 24 h simulated: <= 10 mails, 1 issue, 1 operator notice."""
    out = a_day_with(chat, robot, first)
    answers = [m for m in to(out, BOT) if "list-id" not in m.headers]  # who is believed to report a P0 gets its updates
    assert 1 <= len(answers) <= 10, Counter(m.subject for m in answers)
    assert issues(chat) <= 1
    told = [m.subject for m in to(out, OPS) if "since yesterday" not in m.subject]  # apart from the list of the day
    assert len(told) <= 1, told


def test_l1_a_robot_that_begins_anew_each_time_gets_one_answer_of_a_kind(chat: Chat) -> None:
    """L1, R7: at E0 1 of a kind to an address in 24 h, 10 in all; what it opens meanwhile is bounded by L9."""
    out = a_day_with(chat, answers_everything_anew, "We have got your mail.")
    subjects = Counter(re.sub(r"#\d+", "#", mail.subject) for mail in to(out, BOT))
    assert 1 <= sum(subjects.values()) <= 10


def test_l1_two_of_us_stop(tmp_path: Path) -> None:
    """L1: triagemail against triagemail: stops <= 2."""
    other = "issues@other.example"
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    both = {"reporters": ("*",), "internal": ("acme.example", "other.example")}
    theirs = {"address": other, "list_address": "updates@other.example", "operator": "ops@other.example"}
    with (
        talk_directly(tmp_path / "a", people=both) as ours,
        talk_directly(tmp_path / "b", people=both, mail=theirs) as them,
    ):
        said = ours.sends(other, "The shop is slow.", subject="Shop is slow")
        crossed = 0
        for _ in range(10):
            there = to(said, other)
            for mail in there:
                them.append(b"Return-Path: <%s>\r\n" % mail.mail_from.strip("<>").encode() + mail.raw)
            back = to(them.settle(), ISSUES) if there else []
            crossed += len(there) + len(back)
            for mail in back:
                ours.append(mail.raw)
            said = ours.settle() + ours.after(minutes=31, step=NO_STEPS)
        assert 1 <= crossed <= 2
        assert issues(them) == 0


def test_l1_a_mail_that_is_believed_is_always_answered(chat: Chat) -> None:
    """L1: a mail at E1 or E2 is always answered (cap 30/h); the receipts of a triager's work are no answers."""
    asked = one(chat.sends(BOB, "help"), BOB)
    out = [mail for _ in range(35) for mail in chat.answers(asked, "help")]
    assert len(to([asked, *out], BOB)) == 30
    assert len(to(out, OPS)) == 1
    assert len(to(chat.after(hours=1, minutes=1, step=NO_STEPS) + chat.answers(asked, "help"), BOB)) == 1
    triage, _ = opened(chat, "P2", who=LENA)
    chat.answers(triage, "agree")
    work = [mail for n in range(35) for mail in chat.answers(triage, f"headline: Checkout is odd {n}")]
    assert len(to(work, SARA)) == 35


def test_l1_whoever_answers_has_a_new_budget(vouching: Chat) -> None:
    """L1: one of a kind a day counts where nobody has answered: a colleague may report twice."""
    first = one(vouching.sends(BOB, "The cart is odd.", subject="Cart is odd"), BOB)
    assert to(vouching.sends(BOB, "The search is odd.", subject="Search is odd"), BOB) == []
    vouching.answers(first, "P2")
    assert one(vouching.sends(BOB, "The map is odd.", subject="Map is odd"), BOB)
    assert issues(vouching) == 3


def test_l1_what_is_decided_is_never_lost(vouching: Chat) -> None:
    """State is decided always: the fifth report of a day opens its issue and reaches the triager, answered or not."""
    for n in range(5):
        out = vouching.sends(BOB, COMPLETE.format(priority="P1"), subject=f"Shop {n} is slow")
        assert one(out, SARA, f"[#{n + 1}]")
        assert len(to(out, BOB)) == (n == 0)


# --- L2: absences ----------------------------------------------------------------------------------------------------


def test_l2_out_of_office_answers_open_nothing(chat: Chat) -> None:
    """L2: out-of-office answers to a broadcast: 40 texts, 12 languages: 0 issues, 0 answers."""
    texts = [each for language in ABSENCES.values() for each in language]
    assert len(texts) >= 40
    assert len(ABSENCES) >= 12
    chat.subscribe(LENA)
    opened(chat, "P0")
    copy = one(chat.sent, LENA)
    for subject, text in texts:
        out = chat.sends(LENA, text, subject=subject.format(copy.subject), answering=copy)
        assert out == [], (subject, text)
    assert issues(chat) == 1
    assert chat.inbox()[-1][0] == "silent"


def test_l2_suppression_on_a_persons_mail_is_no_sign(chat: Chat) -> None:
    """L2: header X-Auto-Response-Suppress on input is not a sign: 5 human mails with the header: 5 processed."""
    for n, value in enumerate(("All", "OOF, AutoReply", "DR, RN, NRN", "AutoReply", "DR, OOF")):
        who, said = f"person{n}@acme.example", {"X-Auto-Response-Suppress": value}
        assert one(chat.sends(who, "The shop is slow.", subject=f"Shop {n} is slow", headers=said), who)
    assert issues(chat) == 5


# --- L3: monitors ----------------------------------------------------------------------------------------------------

WATCH = "watch@machines.example"
MACHINE = {"Auto-Submitted": "auto-generated", "Precedence": "bulk"}


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Chat]:
    with talk_directly(tmp_path, people={"monitors": (WATCH,)}) as company:
        yield company


def alerts(chat: Chat, *subjects: str, text: str = "Node 7 does not answer.") -> list[Out]:
    return [m for s in subjects for m in chat.sends(WATCH, text, subject=s, headers=MACHINE)]


def test_l3_a_monitor_opens_an_issue_and_is_never_answered(watched: Chat) -> None:
    """L3: monitoring tools report by mail: allow-list by address; creates, never answered. A machine cannot be asked:
    its report goes to the triager as it is."""
    out = alerts(watched, "[P1] Disk of db1 is full")
    assert [mail.to for mail in out] == [SARA]
    assert watched.issue(1).reported is Priority.P1
    assert watched.issue(1).unverified
    assert watched.issue(1).state is State.TRIAGE
    assert to(watched.after(hours=5, step=timedelta(minutes=20)), WATCH) == []
    assert to(watched.answers(out[0], "agree"), WATCH) == []
    assert to(watched.answers(out[0], "resolve: grew the disk"), WATCH) == []


def test_l3_without_a_priority_the_triager_picks_one(watched: Chat) -> None:
    """L3: what a monitor does not say is decided by the triager."""
    triage = one(alerts(watched, "Disk of db1 is full"), SARA)
    assert "agree" not in triage.text.split("::")[0].split("\n")[0]
    watched.answers(triage, "P2 because it has a day left")
    assert watched.issue(1).priority is Priority.P2


def test_l3_an_alert_that_comes_again_is_a_comment(watched: Chat) -> None:
    """L3: dedup by subject for 1 h: a comment on the open issue, and nobody is mailed."""
    alerts(watched, "Disk of db1 is full")
    watched.after(minutes=50, step=NO_STEPS)
    assert alerts(watched, "Disk of  DB1 is full") == []
    assert watched.journal(1)[-1] == "Commented"
    watched.after(minutes=50, step=NO_STEPS)
    assert alerts(watched, "Disk of db1 is full") == []
    assert issues(watched) == 1
    assert one(alerts(watched, "Disk of db2 is full"), SARA)
    watched.after(minutes=61, step=NO_STEPS)
    assert one(alerts(watched, "Disk of db1 is full"), SARA)
    assert issues(watched) == 3


def test_l3_no_word_of_an_alert_is_a_command(watched: Chat) -> None:
    """L3: it creates; that is all that it may."""
    watched.subscribe(WATCH)
    out = alerts(watched, "help", "unsubscribe", "status #1", text="resume\nunsubscribe\nhelp\nagree #1")
    assert {mail.to for mail in out} == {SARA}
    assert issues(watched) == 3


def test_l3_only_what_the_config_names_may(chat: Chat) -> None:
    """L3: automatic mail of others is held, also of colleagues."""
    out = [m for who in (WATCH, BOB) for m in chat.sends(who, "Node 7", subject="Disk is full", headers=MACHINE)]
    assert {mail.to for mail in out} == {OPS}
    assert chat.held() == ["auto_generated: Auto-Submitted: auto-generated"] * 2


def storm(chat: Chat, subjects: list[str]) -> list[Out]:
    """500 alerts in ten minutes."""
    out = []
    for minute in range(10):
        for n in range(50):
            subject = subjects[(minute * 50 + n) % len(subjects)]
            chat.append(chat.writes(WATCH, f"Node {n}", subject=subject, headers=MACHINE))
        out += chat.after(minutes=1)
    return out


def test_l3_where_somebody_vouches_for_addresses_a_monitor_needs_it(tmp_path: Path) -> None:
    """L3: allow-list by address + evidence: E1 where a profile exists; a forged alert is held like any
    machine's mail."""
    with talk_directly(tmp_path, people={"monitors": (WATCH,)}, auth={"profile": "own"}) as chat:
        assert [mail.to for mail in alerts(chat, "Disk of db1 is full")] == [OPS]
        assert chat.held() == ["auto_generated: Auto-Submitted: auto-generated"]
        policy = chat.app.policy
        assert limits.is_monitor(WATCH, Evidence(Level.E1, "own-dmarc"), policy)
        assert not limits.is_monitor(WATCH, Evidence(Level.E0, "none-fresh"), policy)
        assert not limits.is_monitor(BOB, Evidence(Level.E1, "own-dmarc"), policy)
        assert limits.is_monitor(WATCH, Evidence(Level.E0, "none-fresh"), replace(policy, profile="none"))


def test_l3_a_storm_of_alerts(watched: Chat) -> None:
    """L3: 500 alerts in 10 min: <= 1 issue per key, 0 replies, breaker notice."""
    out = storm(watched, ["Disk of db1 is full", "Disk of db2 is full", "Shop is slow"])
    assert issues(watched) == 3
    assert to(out, WATCH) == []
    assert len(to(out, OPS)) == 1
    assert len(to(out, SARA)) == 3
    assert {state for state, _ in watched.inbox()} == {"done", "silent"}


def test_l3_a_storm_of_different_alerts_is_gathered(watched: Chat) -> None:
    """L3, L9: with a key of its own each: a few open issues, the triager gets lists of the rest, a minute at most."""
    out = storm(watched, [f"Event {n}" for n in range(500)])
    assert issues(watched) == 10
    assert to(out, WATCH) == []
    lists = to(out, SARA, "held")
    assert 1 <= len(lists) <= 11
    assert "watch@machines.example" in lists[0].text


# --- L4, L5: storms --------------------------------------------------------------------------------------------------


def reply_all(chat: Chat, readers: int) -> None:
    """L4: recipients all reply to all, twice: 0 broadcasts, at most one answer each."""
    people = [f"reader{n}@acme.example" for n in range(readers)]
    chat.subscribe(*people)
    triage, _ = opened(chat, "P0")
    copies = {mail.to: mail for mail in chat.sent if mail.to.startswith("reader")}
    assert len(copies) == readers
    out = []
    for text in ("Please take me off this list!", "Stop replying to all!"):
        for copy in copies.values():
            chat.append(chat.writes(copy.to, text, answering=copy, headers={"Cc": f"{LIST}, {ISSUES}"}))
        out += chat.settle()
    assert Counter(m.to for m in out if m.to in copies) == dict.fromkeys(copies, 1)
    assert [m for m in out if "list-id" in m.headers] == []
    assert len(but(out, *copies)) <= 1
    assert chat.journal(1).count("Commented") == 2 * readers
    assert one(chat.answers(triage, "update: we are on it"), "reader0@acme.example")


def test_l4_a_reply_all_storm(chat: Chat) -> None:
    """L4: list is one-way; replies become comments; <= 1 status answer per person and update."""
    reply_all(chat, 40)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_l4_a_reply_all_storm_of_500(chat: Chat) -> None:
    """L4: 500 recipients all reply-all twice: 0 broadcasts, <= 500 answers."""
    reply_all(chat, 500)


def forge(tmp_path: Path, count: int) -> None:
    """L5: nobody outside gets a mail, also not later; few do inside."""
    names = [f"v{n}@victims.example" if n % 2 else f"v{n}@acme.example" for n in range(count)]
    with talk_directly(tmp_path, people=EVERYBODY, auth=AT_GOOGLE) as chat:
        out = flood(chat, ((name, "Buy", "Look at https://spam.example now") for name in names))
        assert 1 <= len(but(out, OPS, SARA)) <= 20
        assert [mail for mail in out if mail.to.endswith("victims.example")] == []
        assert len(to(out, OPS)) <= 2
        later = chat.after(hours=5, step=timedelta(minutes=30)) + chat.after(days=15, step=timedelta(days=1))
        assert [mail for mail in later if mail.to.endswith("victims.example")] == []
        assert "spam.example" not in "".join(m.text + m.html for m in but(out + later, OPS, SARA, CARL))
        assert issues(chat) <= 20


def test_l5_forged_reports(tmp_path: Path) -> None:
    """L5: backscatter through forged reports: 0 mails to outside domains, <= 20 in 10 min in total (breaker)."""
    forge(tmp_path, 300)


def test_l5_a_breaker_for_everybody_together(vouching: Chat) -> None:
    """L5: <= 20 in 10 min in total (breaker), whatever is asked for; the operator is told once."""
    people = [f"v{n}@acme.example" for n in range(40)]
    out = flood(vouching, ((who, "help", "help") for who in people))
    assert len(but(out, *people)) == 1
    assert len([mail for mail in out if mail.to in people]) == 20
    vouching.after(minutes=10, seconds=30, step=NO_STEPS)
    assert one(vouching.sends(people[-1], "help"), people[-1])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_l5_ten_thousand_forged_reports(tmp_path: Path) -> None:
    """L5: 10,000 forged reports, 10,000 victims: 0 mails to outside domains, <= 20 in 10 min in total (breaker)."""
    forge(tmp_path, 10_000)


# --- L9: floods ------------------------------------------------------------------------------------------------------


def drown(tmp_path: Path, count: int) -> None:
    """L9: a genuine P0 amid a flood reaches the triager within a minute."""
    with talk_directly(tmp_path, auth=AT_GOOGLE) as chat:
        noise = [(BOB, f"Noise {n}", "P3\nnothing") for n in range(count)]
        noise.insert(count // 2, (LENA, "P0: all is down", "[P0] The shop is down since 9:00."))
        for author, subject, text in noise:
            chat.append(chat.writes(author, text, subject=subject))
        begun, out = chat.clock.now(), chat.settle()
        while not any("all is down" in (mail.subject + mail.text).lower() for mail in to(out, SARA)):
            out += chat.after(seconds=5, step=NO_STEPS)
            assert chat.clock.now() - begun <= timedelta(minutes=1)
        assert issues(chat) <= 20
        assert len(to(out, OPS)) <= 2
        assert len(to(out, BOB)) <= 1
        waiting = chat.app.store.one("SELECT COUNT(id) FROM inbox WHERE state = 'received'")
        assert waiting[0] == 0


def test_l9_a_genuine_p0_in_a_flood_of_one(tmp_path: Path) -> None:
    """L9: at E0: 10 new issues and 30 mails/h/sender -> held + one operator digest; the queue drains."""
    drown(tmp_path, 200)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_l9_five_thousand_mails_in_a_minute(tmp_path: Path) -> None:
    """L9: 5,000 mails in 1 min: queue drains, a genuine P0 among them reaches the triager in <= 60 s."""
    drown(tmp_path, 5_000)


def test_l9_over_the_limit_possible_p0s_are_one_list(vouching: Chat) -> None:
    """L9: a possible P0 or P1 from an admitted address is never only held: over the limit it is merged into one list
    mail to the triager on duty."""
    many = [(f"v{n}@acme.example", f"P0: outage {n}", "all is down") for n in range(40)]
    out = flood(vouching, iter(many))
    assert issues(vouching) == 20
    assert len(vouching.held()) == 20
    assert to(out, SARA, "held") == []
    listed = one(vouching.after(minutes=1, step=timedelta(seconds=10)), SARA, "held")
    assert listed.subject == "20 reports are held"
    assert all(f"v{n}@acme.example" in listed.text for n in range(20, 40))
    vouching.after(minutes=5)
    assert to(vouching.sent, SARA, "held") == [listed]
    said = "All is down since 9:00.\nPriority: P0\nreported by: v39@acme.example"
    vouched = "\r\n".join((*google(f"{MX}; dmarc=pass header.from=acme.example"), "")).encode()
    vouching.append(vouched + vouching.writes(SARA, said, answering=listed))
    vouching.settle()
    assert (vouching.issue(21).reporter, vouching.issue(21).filed_by) == ("v39@acme.example", SARA)
    assert not vouching.issue(21).unverified


def test_l9_one_message_id_on_many_mails_is_no_other_sender_each(vouching: Chat) -> None:
    """L9, I7: the list names who wrote, also where a Message-ID was there before on another mail."""
    flood(vouching, ((f"v{n}@acme.example", f"P0: outage {n}", "all is down") for n in range(20)))
    for n in range(3):
        raw = vouching.writes("w@acme.example", "all is down", subject=f"P0: it burns {n}")
        vouching.append(re.sub(rb"Message-ID: <[^>]*>", b"Message-ID: <one@client.example>", raw))
        vouching.clock.advance(timedelta(seconds=2))
    out = vouching.settle() + vouching.after(minutes=1, step=timedelta(seconds=10))
    listed = one(out, SARA, "held")
    assert listed.subject == "3 reports are held"
    assert "From w@acme.example, 3 mails" in " ".join(listed.text.split())
    assert "collision" not in listed.text


def test_l9_a_pager_hears_of_p0s_that_are_held_in_a_flood(tmp_path: Path) -> None:
    """L9: "a possible P0 or P1 from an admitted address is never only held"; process.md, `people.page`: three lines of
    every P0. The list's own go to the pager too, at most once an hour; a flood without a P0 wakes nobody."""
    with talk_directly(tmp_path, auth=AT_GOOGLE, people={"page": (PAGER,)}) as chat:
        for n in range(24):
            chat.append(chat.writes(f"v{n}@acme.example", "all is down\nPriority: P1", subject=f"outage {n}"))
        chat.settle()
        assert one(chat.after(minutes=1), SARA, "reports are held")
        assert to(chat.sent, PAGER) == []
        flood(chat, ((f"w{n}@acme.example", f"P0: outage {n}", "all is down") for n in range(3)))
        rung = one(chat.after(minutes=1), PAGER)
        assert rung.subject == "Reports of 3 senders are held and say P0"
        assert "The first one: P0: outage 0, from w0@acme.example" in " ".join(rung.text.split())
        assert not rung.html
        flood(chat, ((f"x{n}@acme.example", f"P0: outage {n}", "all is down") for n in range(3)))
        out = chat.after(minutes=1)
        assert one(out, SARA, "reports are held")
        assert to(out, PAGER) == []


def let_in(chat: Chat) -> list[Out]:
    """The operator releases what is held: `triagemail held release`."""
    for (number,) in chat.app.store.all("SELECT id FROM inbox WHERE state = 'held'"):
        with chat.app.store.transaction():
            assert claims.release_held(chat.app.store, number)
    return chat.settle()


def test_l9_what_is_held_can_be_let_in(vouching: Chat) -> None:
    """L9: held, and a person decides: the operator lets it in, whatever the limit says."""
    flood(vouching, ((f"v{n}@acme.example", f"P0: outage {n}", "all is down") for n in range(21)))
    assert one(let_in(vouching), SARA, "[#21]")
    assert vouching.held() == []


def test_what_is_held_for_its_kind_can_be_let_in(chat: Chat) -> None:
    """Held mail waits until a person releases or drops it: what that person has let in is not held again for the same
    reason. Nobody can be made of two authors."""
    for n, fields in enumerate(({"List-Id": "<bugs.else.example>"}, {"Auto-Submitted": "auto-generated"})):
        chat.sends(f"v{n}@acme.example", "The shop is slow.", subject=f"Shop {n} is slow", headers=fields)
    raw = chat.writes(BOB, "The shop is slow.", subject="Shop is slow")
    chat.append(raw.replace(b"From: bob@acme.example", b"From: bob@acme.example, eve@else.example"))
    chat.settle()
    assert len(chat.held()) == 3
    let_in(chat)
    assert issues(chat) == 2
    assert chat.held() == ["spoof-suspect: bad_from, no single address in From"]


def test_l9_a_stranger_is_not_on_the_list(chat: Chat) -> None:
    """L9 is for admitted addresses: nobody else's mail reaches a triager by being many."""
    out = flood(chat, ((f"v{n}@else.example", f"P0: outage {n}", "all is down") for n in range(30)))
    out += chat.after(minutes=2)
    assert len(to(out, SARA)) == 1  # "not admitted: held; the triager is told at once if it names P0 or P1"
    assert to(out, SARA, "held") == []
    assert set(chat.held()) == {f"not-admitted: v{n}@else.example" for n in range(30)}


VOUCHED = {"Authentication-Results": "mx.acme.example; dmarc=pass header.from=acme.example"}
AT_HOME = {
    "profile": "own", "trusted_authserv_id": ("mx.acme.example",), "trusted_received_by": ("mx.acme.example",),
}  # fmt: skip


def test_l9_thirty_colleagues_whom_their_provider_vouches_for(tmp_path: Path) -> None:
    """L9: 30 colleagues reporting one outage: 30 answered, in fresh mails, since none of them is at E0."""
    with talk_directly(tmp_path, auth=AT_HOME) as chat:
        for n in range(30):
            raw = chat.writes(f"c{n}@acme.example", "P0: the shop is down", subject="Shop is down", headers=VOUCHED)
            chat.append(raw)
        out = chat.settle()
        assert {m.to for m in out if m.to.startswith("c") and m.to[1].isdigit()} == {
            f"c{n}@acme.example" for n in range(30)
        }
        assert issues(chat) == 30
        assert chat.held() == []


def test_l3_an_alert_that_is_vouched_for_is_believed(tmp_path: Path) -> None:
    """L3: address + evidence: with E1 its report is as good as a colleague's: a P0 is announced at once."""
    watch = "watch@acme.example"
    with talk_directly(tmp_path, people={"monitors": (watch,)}, auth=AT_HOME) as chat:
        chat.subscribe(LENA)
        out = chat.sends(watch, "Node 7", subject="[P0] All nodes are down", headers={**MACHINE, **VOUCHED})
        assert {mail.to for mail in out} == {SARA, LENA}
        assert not chat.issue(1).unverified
        assert [m.to for m in chat.sends(watch, "Node 8", subject="Disk is full", headers=MACHINE)] == [OPS]


def test_l9_thirty_colleagues_report_one_outage(chat: Chat) -> None:
    """L9: 30 colleagues reporting one outage: 30 answered (their mails show who sent them)."""
    people = [f"colleague{n}@acme.example" for n in range(30)]
    asked = []
    for start in (0, 15):
        asked += [one(chat.sends(who, "help"), who) for who in people[start : start + 15]]
        chat.after(minutes=11, step=NO_STEPS)
    for mail in asked:
        chat.append(chat.writes(mail.to, COMPLETE.format(priority="P0"), answering=mail, subject="Shop is down"))
    out = chat.settle()
    assert {mail.to for mail in out if mail.to in people} == set(people)
    assert issues(chat) == 30
    assert chat.held() == []


# --- A14 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("author", ["no-reply@chat.example", "Chat <noreply@chat.example>"])
def test_a14_a_third_partys_code_goes_nowhere(tmp_path: Path, author: str) -> None:
    """A14: our mailbox receives a third-party "verify your account" mail: held, 0 mails out, list members see
    nothing; the operator is told that something is held, not what it says."""
    with talk_directly(tmp_path, people=EVERYBODY) as chat:
        chat.subscribe(LENA)
        out = chat.sends(author, "Your code is 123456. https://chat.example/verify", subject="Verify your address")
        assert [mail.to for mail in out] == [OPS]
        assert "123456" not in out[0].text + out[0].html
        assert "chat.example/verify" not in out[0].text + out[0].html
        assert len(chat.held()) == 1
        assert issues(chat) == 0


# --- where nobody vouches for anybody --------------------------------------------------------------------------------


def test_without_a_mail_system_that_vouches_every_colleague_is_heard_and_answered(chat: Chat) -> None:
    """L9: "30 colleagues reporting one outage: 30 answered", also on the first day, under profile `none`; and who
    reports two things is answered twice (trust.md L1: "a human mail is answered")."""
    people = [f"v{n}@acme.example" for n in range(30)]
    out = flood(chat, ((who, f"Shop is down for {who}", "P1\nIt is down.") for who in people))
    assert issues(chat) == 30
    assert sorted(mail.to for mail in out if mail.to in people) == sorted(people)
    assert one(chat.sends(people[0], "The search is slow.", subject="Another thing"), people[0], "[#31]")
    assert chat.held() == []


def test_without_a_mail_system_that_vouches_a_robot_gets_ten_mails_a_day(chat: Chat) -> None:
    """R7: "<= 10 mails to any address"; its reports are kept."""
    out = flood(chat, ((BOT, f"Build {n} has failed", "See the log.") for n in range(40)))
    assert len(to(out, BOT)) == 10
    assert issues(chat) == 40
    assert len(to(out, OPS)) <= 2
