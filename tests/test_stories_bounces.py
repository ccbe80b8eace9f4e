"""Who cannot be reached (trust.md L6, L7, L8, O2), as conversations: readers are counted, people with a role are told
of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from chat import BOB, CARL, COMPLETE, ISSUES, LENA, OPS, PAGER, SARA, VERA, Chat, Out, one, opened, talk_directly, to
from reports import FULL, HARD, SPAM, comes_back, report

from triagemail.process import readers
from triagemail.process.model import Reach, State
from triagemail.store import audience, reach
from triagemail.store.health import health

pytestmark = pytest.mark.usefixtures("keeps_its_word")

VICTOR, CONNY, ANNA, TOM, GROUP = (f"{name}@acme.example" for name in ("victor", "conny", "anna", "tom", "all"))
DAY = timedelta(days=1)


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Chat]:
    people = {"page": (PAGER,), "authority": (VERA, VICTOR), "confirmers": (CONNY,)}
    with talk_directly(tmp_path, people=people, dispute={"policy": "hierarchy"}) as found:
        found.subscribe(LENA, TOM)
        yield found


def announced(chat: Chat) -> Out:
    """A P0 that everybody hears of; the mail that its triager answers."""
    triage, _ = opened(chat, "P0")
    chat.answers(triage, "agree")
    return triage


def update(chat: Chat, triage: Out, who: str = LENA) -> list[Out]:
    """A day later an update goes to the list: the mails of it to `who`."""
    chat.clock.advance(DAY)
    chat.settle()
    return to(chat.answers(triage, "update: still looking"), who, "UPDATE")


def fares(chat: Chat, who: str = LENA) -> Reach | None:
    return reach.read(chat.app.store, chat.app.store.person(who))


def score(chat: Chat, who: str = LENA) -> float:
    found = fares(chat, who)
    return found.score if found is not None else 0.0


def disabled(chat: Chat) -> tuple[Out, Out]:
    """Five mails come back on five days: (the triager's mail, the probe)."""
    triage = announced(chat)
    out: list[Out] = []
    for _ in range(5):
        (mail,) = update(chat, triage)
        out = comes_back(chat, mail)
    return triage, one(out, LENA, "Do our mails reach you")


def happened(chat: Chat, who: str = LENA) -> list[str]:
    """What the journal says of a reader."""
    return [type(e).__name__ for *_, e in chat.app.store.journal(0) if getattr(e, "address", "") == who]


def folded(chat: Chat, who: str = LENA) -> Reach | None:
    found: Reach | None = None
    for *_, event in chat.app.store.journal(0):
        if getattr(event, "address", "") == who:
            found = readers.evolve(found, event)
    return found


# --- readers ----------------------------------------------------------------------------------------------------------


def test_five_true_bounces_on_five_days_disable_a_reader_and_a_probe_asks(chat: Chat) -> None:
    """L6: score 1/day, 5 to disable, 3 probes; 5 true ones on 5 days: disabled + probe."""
    triage = announced(chat)
    scores = []
    for _ in range(5):
        assert health(chat.app.store, chat.clock.now()).disabled == 0
        (mail,) = update(chat, triage)
        out = comes_back(chat, mail)
        scores.append(score(chat))
    assert scores == [1, 2, 3, 4, 5]
    probe = one(out, LENA)
    assert "issues+ab" in probe.mail_from, "its return path names it"
    assert "any word" in probe.text
    assert health(chat.app.store, chat.clock.now()).disabled == 1
    assert update(chat, triage) == []
    assert len(update(chat, triage, TOM)) == 1, "nobody else is missed"
    assert happened(chat) == ["BounceCounted"] * 5 + ["SubscriberDisabled", "ProbeSent"]
    assert folded(chat) == fares(chat)


def test_the_operator_hears_once_a_day_who_was_lost(chat: Chat) -> None:
    """The operator is told: in one mail a day, of whoever is new on it."""
    disabled(chat)
    told = one(chat.after(days=1, step=timedelta(hours=1)), OPS, "cannot be reached")
    assert LENA in told.text
    assert to(chat.after(days=1, step=timedelta(hours=1)), OPS, "cannot be reached") == []


def test_what_is_queued_for_a_disabled_reader_is_withdrawn(chat: Chat) -> None:
    """A disabled subscriber gets no broadcasts: neither new ones nor what still waits."""
    triage = announced(chat)
    for _ in range(4):
        (mail,) = update(chat, triage)
        comes_back(chat, mail)
    (mail,) = update(chat, triage)
    chat.sink.script["RCPT"] = ["450 4.2.0 later"] * 6
    chat.answers(triage, "update: more")
    chat.sink.script.clear()
    comes_back(chat, mail)
    query = "SELECT d.state FROM delivery d WHERE d.person = ? ORDER BY d.id DESC LIMIT 2"
    assert [s for (s,) in chat.app.store.all(query, chat.app.store.person(LENA))] == ["sent", "withdrawn"]


def test_a_probe_that_does_not_come_back_brings_the_reader_back(chat: Chat) -> None:
    """A probe that does not bounce re-enables."""
    triage, _ = disabled(chat)
    chat.after(days=6, step=timedelta(hours=6))
    assert fares(chat) is not None
    chat.after(days=1, hours=1, step=timedelta(hours=6))
    assert fares(chat) is None
    assert happened(chat)[-1] == "SubscriberEnabled"
    assert len(update(chat, triage)) == 1


def test_three_probes_that_come_back_take_a_reader_off_the_list(chat: Chat) -> None:
    """Up to three probes, a week apart, then removed with the operator told."""
    _, probe = disabled(chat)
    chat.after(days=1, step=timedelta(hours=6))  # the operator has heard of it
    for number in (2, 3):
        assert comes_back(chat, probe) == []
        probe = one(chat.after(days=7, step=timedelta(hours=6)), LENA, "Do our mails reach you")
        assert f"the {'second' if number == 2 else 'third'} of 3" in " ".join(probe.text.split())
    comes_back(chat, probe)
    out = chat.after(days=8, step=timedelta(hours=6))
    assert to(out, LENA) == []
    assert "taken off the list" in one(out, OPS, "cannot be reached").text
    assert not audience.wishes(chat.app.store, LENA).member
    assert happened(chat)[-1] == "SubscriberLeft"
    assert folded(chat) == fares(chat)
    assert chat.app.store.all("SELECT name FROM timer WHERE issue < 0") == []
    chat.after(days=30, step=timedelta(days=1))
    assert happened(chat)[-1] == "SubscriberLeft", "and that was all"


def test_any_mail_of_that_person_brings_them_back(chat: Chat) -> None:
    """Any mail from that person re-enables."""
    triage, _ = disabled(chat)
    chat.sends(LENA, COMPLETE.format(priority="P2"), subject="The footer is wrong")
    assert fares(chat) is None
    assert len(update(chat, triage)) == 1


def test_an_absence_note_of_that_person_brings_them_back(chat: Chat) -> None:
    """Any mail from that person re-enables, also what their program writes."""
    _, probe = disabled(chat)
    robot = {"Auto-Submitted": "auto-replied"}
    assert chat.answers(probe, "I am out of the office.", subject="Automatic reply: mails", headers=robot) == []
    assert fares(chat) is None


def test_an_answer_to_a_probe_is_no_report(chat: Chat) -> None:
    """ "Answer with any word": it is answered with what they get from now on, and opens no issue."""
    _, probe = disabled(chat)
    out = chat.answers(probe, "Yes, I am here!")
    assert one(out, LENA, "What you get from now on")
    assert chat.app.store.issue(2) is None
    assert fares(chat) is None
    again = chat.answers(probe, "Hello?")
    assert one(again, LENA, "What you get from now on")
    gone = chat.answers(probe, "unsubscribe")
    assert one(gone, LENA, "off the distribution list")


def test_a_full_mailbox_counts_half_and_a_day_counts_once(chat: Chat) -> None:
    """Hard 1, soft 0.5; at most once a day, however many come back."""
    triage = announced(chat)
    (mail,) = update(chat, triage)
    more = [m for m in chat.answers(triage, "update: again") if m.to == LENA]
    for each in (mail, *more):
        comes_back(chat, each, FULL)
    assert len(more) == 1
    assert score(chat) == 0.5
    (mail,) = update(chat, triage)
    comes_back(chat, mail)
    assert score(chat) == 1.5
    assert happened(chat) == ["BounceCounted"] * 2


def test_a_score_without_a_bounce_for_a_week_is_stale(chat: Chat) -> None:
    """A score older than 7 days without a bounce begins anew."""
    triage = announced(chat)
    for _ in range(4):
        (mail,) = update(chat, triage)
        comes_back(chat, mail)
    chat.clock.advance(timedelta(days=7))
    chat.settle()
    (mail,) = update(chat, triage)
    comes_back(chat, mail)
    found = fares(chat)
    assert found is not None
    assert (found.score, found.disabled_at) == (1.0, None)


@pytest.mark.parametrize(
    ("said", "action"), [(SPAM, "failed"), (("5.3.4", "552 5.3.4 message too big"), "failed"), (HARD, "delayed")]
)
def test_delayed_and_refused_for_its_content_count_zero(chat: Chat, said: tuple[str, str], action: str) -> None:
    """Delayed and content rejections score zero."""
    triage = announced(chat)
    (mail,) = update(chat, triage)
    comes_back(chat, mail, said, action=action)
    assert fares(chat) is None


def test_a_refusal_of_our_own_relay_counts_too(chat: Chat) -> None:
    """L6: … or our own SMTP 5xx; of a fault of our own address (MAIL FROM) nobody's score knows."""
    triage = announced(chat)
    chat.subscribe(*(f"gone{n}@acme.example" for n in range(3)))
    chat.clock.advance(DAY)
    chat.settle()
    chat.sink.script["RCPT"] = ["550 5.1.1 no such person"] * 40
    chat.answers(triage, "update: one")
    chat.sink.script.clear()
    chat.settle()
    query = "SELECT p.address, r.score FROM reach r JOIN person p ON p.id = r.person ORDER BY p.address"
    found = dict(chat.app.store.all(query))
    assert {who: score for who, score in found.items() if who.startswith("gone")} == {
        f"gone{n}@acme.example": 1.0 for n in range(3)
    }
    assert SARA not in found
    assert [n for (n,) in chat.app.store.all("SELECT name FROM timer WHERE issue < 0")] == []
    chat.clock.advance(DAY)
    chat.sink.script["MAIL"] = ["550 5.7.1 we do not know this sender"] * 3
    chat.answers(triage, "update: two")
    assert dict(chat.app.store.all(query)) == found


# --- forged ones ------------------------------------------------------------------------------------------------------


def test_a_thousand_forged_reports_count_nothing(chat: Chat) -> None:
    """L6: only a VERP MAC address + multipart/report; 1,000 forged DSNs: 0 scores, and no answer to any."""
    triage = announced(chat)
    (mail,) = update(chat, triage)
    path, reply_to = mail.mail_from.strip("<>"), mail.reply_to
    local, _, domain = path.partition("@")
    targets = [
        ISSUES,
        f"{local[:-1]}{'a' if local[-1] != 'a' else 'b'}@{domain}",  # a MAC of another
        f"{local.replace('+ab', '+ar')}@{domain}",  # another kind
        f"{local[:-3]}@{domain}",
        reply_to,  # our own tokens, but for answers
        triage.reply_to,
        f"{local}@elsewhere.example",
    ]
    for number in range(1_000):
        to_ = targets[number % len(targets)]
        chat.append(report(to_, LENA, number=10_000 + number))
    chat.append(report(path, LENA, number=2_000, whole=False))  # the right address, no report
    assert [m for m in chat.settle() if m.to != OPS] == []
    assert chat.app.store.all("SELECT person FROM reach") == []
    assert not {"BounceCounted", "SubscriberDisabled"} & set(happened(chat))
    numbers = "SELECT 1 FROM delivery d JOIN person p ON p.id = d.person WHERE d.outgoing = 1 AND p.address = ?"
    assert chat.app.store.one(numbers, SARA), "the number of the issue is that of a mail to her, too"
    assert "TriagerAway" not in [type(e).__name__ for *_, e in chat.app.store.journal(0)]
    assert comes_back(chat, mail) == []
    assert fares(chat) is not None, "the true one counts"


def test_a_report_that_is_repeated_counts_once(chat: Chat) -> None:
    """A mail comes back once: who has seen one return path cannot disable its reader by it."""
    triage = announced(chat)
    (mail,) = update(chat, triage)
    for _ in range(6):
        comes_back(chat, mail)
        chat.clock.advance(DAY)
    assert score(chat) == 1.0


def test_the_return_path_never_answers(chat: Chat) -> None:
    """L7: our bounce address never answers, whatever comes to it and whether its MAC is ours, expired or forged."""
    triage = announced(chat)
    (mail,) = update(chat, triage)
    path = mail.mail_from.strip("<>")
    for to_ in (path, f"{path.partition('@')[0][:-1]}7@acme.example"):
        out = chat.sends(LENA, "What is this?", to=to_, subject="Hello")
        assert [m for m in out if m.to != OPS] == []
    assert chat.held() == ["return path: not a report that we can read"] * 2
    assert chat.app.store.issue(2) is None


# --- loops ------------------------------------------------------------------------------------------------------------


def test_a_mail_that_goes_round_is_held(chat: Chat) -> None:
    """L8: > 50 Received or own loop id -> held + operator."""
    raw = chat.writes(BOB, COMPLETE.format(priority="P1"), subject="Round and round")
    hop = b"Received: from a.example by b.example; Mon, 23 Nov 2026 09:00:00 +0000\r\n"
    chat.append(hop * 51 + raw)
    out = chat.settle()
    assert chat.held() == ["loop: over 50 hops"]
    assert [m.to for m in out] == [OPS]
    chat.append(hop * 50 + chat.writes(BOB, COMPLETE.format(priority="P1"), subject="A long way"))
    assert one(chat.settle(), SARA, "[#1]")


def test_our_own_mail_that_comes_back_under_another_name_is_held(chat: Chat) -> None:
    """L8: own loop id -> held + operator; A13: only one that carries a MAC counts."""
    triage = announced(chat)
    (mail,) = update(chat, triage)
    for author in (ISSUES, "Lena via a list <list@lists.example>"):
        again = mail.raw.replace(b"From: triagemail <issues@acme.example>", f"From: {author}".encode())
        chat.append(again)
        chat.settle()
    assert [why.partition(",")[0] for why in chat.held()] == ["loop: a mail of ours came back to us"] * 2
    headers = {"Message-ID": f"<ab.aa.aa.aa-{'a' * 26}.q@acme.example>"}
    raw = chat.writes(BOB, COMPLETE.format(priority="P2"), subject="Not ours")
    raw = raw.replace(b"Message-ID: <", f"Message-ID: {headers['Message-ID']}\r\nX-Old: <".encode())
    chat.append(raw)
    assert one(chat.settle(), BOB, "[#2]")


# --- who has a role ---------------------------------------------------------------------------------------------------


def test_a_report_about_a_mail_to_the_triager_passes_on_and_tells_the_operator(chat: Chat) -> None:
    """A bouncing triager is reported to the operator at once, and the next in line is used."""
    triage, _ = opened(chat, "P1")
    out = comes_back(chat, triage, FULL)
    assert one(out, CARL, "[#1]")
    assert chat.issue(1).triager == CARL
    told = one(out, OPS, "cannot be reached").text
    assert SARA in told
    assert "552 5.2.2 mailbox full" in told
    assert one(chat.sends(BOB, COMPLETE.format(priority="P2"), subject="Next"), CARL, "Next")


def test_a_triager_who_is_off_duty_is_told_of_too_once_an_hour(chat: Chat) -> None:
    """Role holders are never disabled, the operator is told: one notice an hour for each of them."""
    chat.subscribe(CARL)
    triage = announced(chat)
    mails = [mail for _ in range(6) for mail in update(chat, triage, CARL)]
    assert len(mails) == 6
    out = [m for mail in mails for m in comes_back(chat, mail)]
    assert len(to(out, OPS, "cannot be reached")) == 1
    assert fares(chat, CARL) is None
    assert len(update(chat, triage, CARL)) == 1


def test_a_dispute_goes_to_the_next_authority_when_a_mail_to_the_first_comes_back(chat: Chat) -> None:
    """A bouncing authority is reported to the operator at once, and the next in line is used; a dispute that begins
    later starts with the next."""
    triage, received = opened(chat, "P1")
    chat.answers(triage, "P2 because few are hit")
    asked = one(chat.answers(received, "dispute: P1, because all are hit"), VERA)
    out = comes_back(chat, asked)
    assert VERA in one(out, OPS, "cannot be reached").text
    ruling = one(out, VICTOR)
    running = chat.issue(1).dispute
    assert running is not None
    assert (running.asked, running.step) == ((VICTOR,), 1)
    assert running.deadline > chat.clock.now()
    chat.answers(ruling, "P1 because it is so")
    assert chat.issue(1).dispute is None
    triage, received = opened(chat, "P1", "Search is blank")
    chat.answers(triage, "P2 because few are hit")
    assert one(chat.answers(received, "dispute: P1, because all are hit"), VICTOR)


def test_a_second_look_goes_to_the_next_triager(tmp_path: Path) -> None:
    """The next in line is used, also where the triager's second look is final."""
    with talk_directly(tmp_path, dispute={"policy": "triager"}) as chat:
        triage, received = opened(chat, "P1")
        chat.answers(triage, "P2 because few are hit")
        asked = one(chat.answers(received, "dispute: P1, because all are hit"), SARA)
        assert one(comes_back(chat, asked), CARL, "[#1]")
        running = chat.issue(1).dispute
        assert running is not None
        assert running.asked == (CARL,)


@pytest.mark.parametrize("who", [CONNY, PAGER, ANNA, GROUP])
def test_nobody_with_a_role_is_ever_disabled(chat: Chat, who: str) -> None:
    """L6: role holders are never disabled, operator is told; neither is a group, for one dead member."""
    with chat.app.store.transaction():
        audience.join(chat.app.store, who, chat.clock.now(), group=who == GROUP)
    triage = announced(chat)
    chat.answers(triage, f"owner {ANNA}")
    told = 0
    for _ in range(6):
        (mail,) = update(chat, triage, who)
        told += len(to(comes_back(chat, mail), OPS, f"{who} cannot be reached"))
    assert told == 6, "once a day here: more than an hour lies between"
    assert fares(chat, who) is None
    assert chat.issue(1).state is State.OPEN
