"""Who is believed, as conversations: forged mails, forwarded tokens, old mails, and a mail system that falls silent
(trust.md A1, A9, A11 to A13, 3.4 and 3.5)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from chat import (
    ANNA,
    BOB,
    CARL,
    COMPLETE,
    CONNY,
    ISSUES,
    LENA,
    LIST,
    OPS,
    SARA,
    VERA,
    Chat,
    Out,
    one,
    opened,
    talk_directly,
    to,
)
from spoofs import MX, TRICKS, google

from triagemail.process.events import ReportFiled
from triagemail.process.model import Issue, Priority, State
from triagemail.store import audience, claims
from triagemail.store.claims import Arrival

pytestmark = pytest.mark.usefixtures("keeps_its_word")

EVE, MALLORY = "eve@acme.example", "mallory@evil.example"
AT_GOOGLE = {"profile": "google", "trusted_authserv_id": (MX,), "trusted_received_by": (MX, "2002:")}
PASS = f"{MX}; dmarc=pass header.from=acme.example"
FAIL = PASS.replace("=pass", "=fail")


@contextmanager
def at_google(folder: Path, auth: Mapping[str, object] = AT_GOOGLE) -> Iterator[Chat]:
    """The company with its mailbox at Google, which it may not know."""
    people = {"triagers": (SARA, CARL), "authority": (VERA,), "confirmers": (CONNY,)}
    with talk_directly(folder, auth=auth, people=people, areas={"billing": "Billing"}) as chat:
        yield chat


def stamped(chat: Chat, author: str, text: str, result: str = PASS, **how: object) -> list[Out]:
    """Somebody writes, and Google puts its results above the mail."""
    raw = chat.writes(author, text, **how)  # type: ignore[arg-type]
    chat.append("\r\n".join((*google(result), "")).encode() + raw)
    return chat.settle()


def state(chat: Chat) -> list[object]:
    """All that a forger could want to change: issues, the list and its wishes, the desk. (That a list of held reports
    is on its way to the triager is no change: it is what has to happen to them, trust.md L9.)"""
    issues, desk = [replace(chat.issue(number), touched_at=None) for number in (1, 2, 3)], chat.app.store.desk()
    assert desk is not None
    return [issues, audience.members(chat.app.store), replace(desk, flood_at=None)]


def three_issues(chat: Chat) -> tuple[Out, Out]:
    """#1 is announced and has an owner, #2 waits for the triager, #3 has gaps; Lena reads the list. (Sara's mail about
    #2, Bob's about #2)."""
    chat.subscribe(LENA)
    opened(chat, "P0")
    for text in ("agree #1", f"owner {ANNA} #1"):
        stamped(chat, SARA, text, answering=to(chat.sent, SARA, "[#1]")[0])
    triage, received = opened(chat, "P1", "Invoices are late")
    chat.sends(BOB, "What is happening? The search is slow.", subject="Search is slow")
    assert [chat.issue(n).state for n in (1, 2, 3)] == [State.OPEN, State.TRIAGE, State.DRAFT]
    assert chat.issue(1).owner == ANNA
    return triage, received


# The command, and who has the role for it.
COMMANDS = [
    (SARA, "agree #2"),
    (SARA, "P3 #2 because few are hit"),
    (BOB, "P3 #2"),
    (BOB, "P0 #2"),
    (SARA, "decline #2: no"),
    (SARA, "bug #2"),
    (SARA, "feature #2"),
    (SARA, "expected #2: so"),
    (SARA, "area billing #2"),
    (SARA, "duplicate #1 #2"),
    (BOB, "same as #1"),
    (BOB, "withdraw #2: no"),
    (BOB, "call #2"),
    (BOB, "dispute #1: no"),
    (VERA, "P3 #1 because I say so"),
    (BOB, "rock #1"),
    (SARA, "paper #1"),
    (SARA, f"owner {SARA} #2"),
    (ANNA, "mine #1"),
    (ANNA, "not me #1: no"),
    (ANNA, "update #1: all is well"),
    (SARA, "update #1: all is well"),
    (ANNA, "next update #1 in 4 hours"),
    (ANNA, "correction #1: no"),
    (SARA, "headline #1: Nothing is down"),
    (ANNA, "doc #1 https://evil.example"),
    (ANNA, "resolve #1: done"),
    (SARA, "resolve #2: done"),
    (SARA, "reopen #1: no"),
    (ANNA, "band-aid #1: none"),
    (ANNA, "done #1"),
    (SARA, "remediate #1 P2: all"),
    (CONNY, "retry #1: again"),
    (CONNY, "not worth it #1: no"),
    (EVE, "subscribe"),
    (EVE, "subscribe P0"),
    (LENA, "unsubscribe"),
    (LENA, "unsubscribe #1"),
    (LENA, "digest"),
    (LENA, "pause 2 weeks"),
    (LENA, "resume"),
    (SARA, "duty carl@acme.example"),
    (SARA, "away until 3 May"),
    (SARA, "undo"),
    (EVE, "list"),
    (EVE, "status #1"),
    (EVE, "board"),
    (SARA, "backlog"),
]


def forged(chat: Chat, author: str, text: str, trick: tuple[str, ...]) -> bytes:
    """A fresh mail of a forger who has seen our mails to others."""
    to_ = next((line.partition(": ")[2] for line in trick if line.startswith("To: ")), ISSUES)
    subject = next((line.partition(": ")[2] for line in trick if line.startswith("Subject: ")), text)
    raw = chat.writes(author, text, to=to_, subject=subject)
    above = [line for line in trick if not line.startswith(("To: ", "Subject: "))]
    return "".join(f"{line}\r\n" for line in above).encode("utf-8", "surrogateescape") + raw


PARTS = [0, *(pytest.param(number, marks=pytest.mark.slow) for number in range(1, 8))]


@pytest.mark.parametrize("profile", ["google", "none"])
@pytest.mark.parametrize("part", PARTS)
def test_a1_no_forged_mail_changes_anything(tmp_path: Path, part: int, profile: str) -> None:
    """A1: "Spoofed From sets priority, closes, downgrades … 60-mail spoof corpus x every command: 0 state changes, <= 1
    confirm per address per day"."""
    assert len(TRICKS) >= 60
    with at_google(tmp_path, AT_GOOGLE | {"profile": profile}) as chat:
        triage, _ = three_issues(chat)
        before, already = state(chat), len(chat.sent)
        pairs = list(itertools.product(TRICKS, COMMANDS))[part::8]
        for (_, trick), (author, text) in pairs:
            chat.append(
                forged(
                    chat, author, text, tuple(line.replace("{root}", triage.headers["references"]) for line in trick)
                )
            )
        chat.settle()
        assert len(pairs) >= 60 * len(COMMANDS) // 8
        assert state(chat) == before
        asked = [mail.to for mail in chat.sent[already:] if "Was that you" in mail.subject or "+c-" in mail.reply_to]
        assert len(asked) == len(set(asked)), "one question a day and address"
        assert set(asked) <= {author for author, _ in COMMANDS}
        assert not to(chat.sent[already:], LIST)
        assert not to(chat.sent[already:], LENA, "PRIORITY")


def test_a1_a_genuine_mail_changes_what_it_says(tmp_path: Path) -> None:
    """A test that cannot fail is a defect: with a true verdict the same commands do something."""
    for author, text in (COMMANDS[0], COMMANDS[1], COMMANDS[4], COMMANDS[11], COMMANDS[20], COMMANDS[34]):
        folder = tmp_path / text.replace(" ", "").replace(":", "")
        folder.mkdir()
        with at_google(folder) as chat:
            three_issues(chat)
            before = state(chat)
            stamped(chat, author, text, subject="x")
            assert state(chat) != before, text


def test_a_mail_that_the_provider_calls_forged_is_held_and_nobody_is_answered(tmp_path: Path) -> None:
    """3.1, 3.5.3: "EX: no reply (backscatter), held 30 d"; also with our own token, and to a question of ours."""
    with at_google(tmp_path) as chat:
        triage, _ = three_issues(chat)
        before = state(chat)
        for answering in (None, triage):
            assert to(stamped(chat, SARA, "agree #2", FAIL, answering=answering), SARA) == []
        asked = one(chat.sends(SARA, "agree #2", subject="x"), SARA)
        assert to(stamped(chat, SARA, "yes", FAIL, answering=asked), SARA) == []
        assert to(stamped(chat, BOB, COMPLETE.format(priority="P0"), FAIL, subject="It burns"), BOB) == []
        assert state(chat) == before
        assert chat.held() == [f"spoof-suspect: {who}, dmarc=fail for acme.example" for who in (SARA, SARA, SARA, BOB)]
        assert stamped(chat, SARA, "yes", answering=asked)
        assert chat.issue(2).state is State.OPEN, "the question was not used up"


def test_who_poses_as_people_with_a_role_is_told_to_the_operator(tmp_path: Path) -> None:
    """3.5.3: "3 EX naming a role holder in 10 min -> immediate operator alert"."""
    posed = "Needs you: somebody poses as people with a role"
    with at_google(tmp_path) as chat:
        for author in (BOB, BOB, BOB, SARA, VERA):
            assert to(stamped(chat, author, "agree #1", FAIL), OPS, posed) == []
        chat.after(minutes=12)
        assert to(stamped(chat, SARA, "agree #1", FAIL), OPS, posed) == []
        assert to(chat.sends(f"{SARA}, {MALLORY}", "agree #1"), OPS, posed) == [], "a bad From counts too"
        told = one(stamped(chat, CONNY, "agree #1", FAIL), OPS, posed)
        assert CONNY in told.text
        assert to(stamped(chat, SARA, "agree #1", FAIL), OPS, posed) == [], "once an hour"
        assert chat.held()[-2].startswith(f"spoof-suspect: {CONNY}")
        assert chat.held()[-3] == "spoof-suspect: bad_from, no single address in From"


def test_evidence_decides_what_is_asked_back(tmp_path: Path) -> None:
    """3.4: triager "role + (E1 or E12)", E2 alone is confirmed; reporter "E2, or E1 + reporter"; a confirmed one is
    E3. The journal keeps level and rule."""
    with at_google(tmp_path) as chat:
        triage, received = three_issues(chat)
        asked = one(chat.answers(triage, "agree"), SARA)  # our token, and no word of the mail system
        assert chat.issue(2).state is State.TRIAGE
        chat.answers(received, "P0")  # the reporter's own
        assert chat.issue(2).reported is Priority.P0
        chat.answers(asked, "yes")
        assert chat.issue(2).state is State.OPEN
        assert chat.app.store.audit(2)[-1][0] == "confirmed"
        stamped(chat, SARA, "P1 #2 because one shop only", subject="x")
        assert chat.issue(2).priority is Priority.P1
        assert chat.app.store.audit(2)[-1][0] == "google-dmarc: dmarc=pass for acme.example"


def test_a_stranger_who_names_a_p0_is_told_to_the_triager(tmp_path: Path) -> None:
    """3.5.2: "Not admitted: held; the triager is told at once if it names P0 or P1 …; no reply"; a flood of them is
    told every ten minutes."""
    with at_google(tmp_path) as chat:
        for priority, told in (("P2", 0), ("P1", 1), ("P0", 0)):
            out = chat.sends(MALLORY, COMPLETE.format(priority=priority), subject="It burns")
            assert len(to(out, SARA)) == told
            assert to(out, MALLORY) == []
        chat.after(minutes=11)
        stamped(chat, SARA, f"duty {CARL}", subject="x")
        said = one(chat.sends("zoe@elsewhere.example", COMPLETE.format(priority="P0"), subject="It burns"), CARL)
        assert "zoe@elsewhere.example reports a P0" in said.text
        assert "held release 5" in said.text
        assert "blank screen" not in said.text, "nothing of a stranger's words but the subject"
        assert len(chat.held()) == 4
        assert chat.app.store.issue(1) is None


def test_one_question_a_day_and_the_rest_joins_it(tmp_path: Path) -> None:
    """3.5.2: "E0 + internal: at most one confirm mail per address and 24 h; further ones join the same pending
    item"."""
    with at_google(tmp_path) as chat:
        three_issues(chat)
        asked = one(chat.sends(SARA, "agree #2", subject="x"), SARA)
        chat.after(hours=23, step=timedelta())
        assert to(chat.sends(SARA, "area billing #2", subject="x"), SARA, asked.subject) == []
        assert chat.issue(2).area == ""
        again = one(chat.answers(asked, "yes"), SARA, asked.subject)
        assert (chat.issue(2).decided_by, chat.issue(2).area) == (SARA, "")
        chat.answers(again, "yes")
        assert chat.issue(2).area == "billing"


@pytest.mark.parametrize("auth", [AT_GOOGLE, {"profile": "none"}], ids=["google", "none"])
def test_a1_who_confirms_their_own_wish_confirms_nobody_elses(tmp_path: Path, auth: Mapping[str, object]) -> None:
    """A1: "no evidence -> no state change"; E3 is "mailbox control shown for this very act": what a forger wrote while
    the question was open was not in it, and is asked for by itself."""
    with at_google(tmp_path, auth) as chat:
        three_issues(chat)
        asked = one(chat.sends(SARA, "list", subject="x"), SARA, "Please confirm")
        assert to(chat.sends(SARA, "resolve #1: hacked", subject="x"), SARA) == []
        before, out = state(chat), chat.answers(asked, "yes")
        assert state(chat) == before
        again = one(out, SARA, "Please confirm")
        assert "close the issue as resolved (#1)" in again.text
        assert to(out, LENA) == []
        chat.answers(again, "no")
        assert state(chat) == before


def test_a1_a_no_throws_away_only_what_the_question_named(tmp_path: Path) -> None:
    """3.5.2: "held and confirmed by one plain reply, never dropped": what joined the question of a forger's command is
    asked about by itself."""
    with at_google(tmp_path) as chat:
        three_issues(chat)
        forged = one(chat.sends(SARA, "resolve #1: hacked", subject="x"), SARA, "Please confirm")
        chat.sends(SARA, "area billing #2", subject="x")
        again = one(chat.answers(forged, "no"), SARA, "Please confirm")
        assert "set the area (#2)" in again.text
        chat.answers(again, "yes")
        assert (chat.issue(1).state, chat.issue(2).area) == (State.OPEN, "billing")


@pytest.mark.parametrize(
    "said",
    ["no", "No, that was not me.", "This wasn't me! Somebody forged it.", "Das war ich nicht", "non, ce n'est pas moi",
     "No, este aviso no es mío.", "no that was not me", "No fui yo", "no he sido yo", "No, no lo envié yo"],
)  # fmt: skip
def test_a1_a_forged_report_is_not_announced_by_the_no_of_whom_it_names(tmp_path: Path, said: str) -> None:
    """A1: "no evidence -> no state change"; an UNVERIFIED P0 is announced when its reporter answers our mail: not when
    they answer that it is none of theirs. That ends it, and the triager hears why."""
    with at_google(tmp_path) as chat:
        chat.subscribe(LENA)
        asked = one(chat.sends(BOB, COMPLETE.format(priority="P0"), subject="Checkout is blank"), BOB)
        assert "No, this report is not from me." in asked.text
        out = chat.answers(asked, said)
        assert chat.issue(1).state is State.WITHDRAWN
        assert to(out, LENA) == []
        assert said in one(out, SARA).text


def test_a_no_that_answers_a_question_is_no_denial(tmp_path: Path) -> None:
    """Any answer of the reporter's shows that a report is theirs, also one that begins with "no"."""
    with at_google(tmp_path) as chat:
        text = COMPLETE.format(priority="P0").replace("All customers in the EU, no workaround.", "")
        for number, said in enumerate(("No", "No workaround, all customers in the EU."), 1):
            asked = one(chat.sends(BOB, text, subject=f"Checkout is blank {number}"), BOB)
            chat.answers(asked, said)
            assert not chat.issue(number).unverified
            assert said in chat.issue(number).answers["affected"]


@pytest.mark.parametrize(
    "said", ["It was not me who changed it, the release did", "This is not mine alone", "Not mine, it is a customer's"]
)
def test_words_that_begin_as_a_denial_are_an_answer(tmp_path: Path, said: str) -> None:
    """An answer of the reporter's, in whatever words, shows that a report is theirs; a denial is a sentence of its
    own."""
    with at_google(tmp_path) as chat:
        asked = one(chat.sends(BOB, COMPLETE.format(priority="P1"), subject="Checkout is blank"), BOB)
        chat.answers(asked, said)
        assert (chat.issue(1).state, chat.issue(1).unverified) == (State.TRIAGE, False)


@pytest.mark.parametrize("word", ["subscribe", "unsubscribe"])
def test_a1_a_question_about_the_list_is_about_nothing_else(tmp_path: Path, word: str) -> None:
    """A1, 3.3: who is asked about the list resolves no issue by their answer: the question names all that it is
    about."""
    with at_google(tmp_path) as chat:
        three_issues(chat)
        asked = one(chat.sends(SARA, f"{word}\nresolve #1: hacked", subject="x"), SARA, "Please confirm")
        assert "close the issue as resolved" in asked.text


def test_a9_a_token_of_somebody_else_gives_nothing(tmp_path: Path) -> None:
    """A9: "token names a person; other From -> comment at most, never authority"; "mail by B with A's token x every
    command: 0 state changes, A gets one notice"."""
    with at_google(tmp_path) as chat:
        triage, _ = three_issues(chat)
        before, already = state(chat), len(chat.sent)
        for _, text in COMMANDS:
            for result in (PASS, PASS.replace("=pass", "=none")):
                stamped(chat, CARL, text.replace(" #2", ""), result, answering=triage)
        assert state(chat) == before
        told = one(chat.sent[already:], SARA, "Somebody else answered a mail")
        assert CARL in told.text
        assert "#2" in told.text
        stamped(chat, CARL, "I have a look.", answering=triage)
        assert chat.journal(2)[-1] == "Commented"


def test_a11_a_mail_that_comes_again_changes_nothing(tmp_path: Path) -> None:
    """A11: "(Message-ID, From, Date) once only"; "re-inject 100 processed mails with new Received: 0 changes"."""
    with at_google(tmp_path) as chat:
        taken: list[bytes] = []
        append = chat.append

        def take(raw: bytes) -> None:
            taken.append(raw)
            append(raw)

        chat.append = take
        for number in range(1, 26):
            stamped(chat, BOB, COMPLETE.format(priority="P2"), subject=f"Trouble {number}")
            stamped(chat, SARA, f"agree #{number}", subject="x")
            stamped(chat, SARA, f"owner {ANNA} #{number}", subject="x")
            stamped(chat, ANNA, f"resolve #{number}: done", subject="x")
        assert len(taken) == 100
        chat.append = append
        events = chat.app.store.one("SELECT COUNT(id) FROM event")
        for raw in taken:
            append(
                b"Received: from relay.example by mx.google.com with ESMTPS id 9; Tue, 24 Nov 2026 09:00:00 +0000\r\n"
                + raw
            )
        assert chat.settle() == []
        assert chat.app.store.one("SELECT COUNT(id) FROM event") == events
        assert [s for s, _ in chat.inbox()[100:]] == ["silent"] * 100


def test_a11_an_old_command_is_asked_back(tmp_path: Path) -> None:
    """A11: "commands older than 7 d by arrival/Date ask again"."""
    with at_google(tmp_path) as chat:
        triage, _ = three_issues(chat)
        late = chat.writes(SARA, "agree", answering=triage)
        chat.after(days=8, step=timedelta())
        chat.sent.clear()
        chat.append("\r\n".join((*google(PASS), "")).encode() + late)
        asked = [mail for mail in to(chat.settle(), SARA) if "+c-" in mail.reply_to]
        assert len(asked) == 1
        assert chat.issue(2).decided_by == ""
        stamped(chat, SARA, "yes", answering=asked[0])
        assert chat.issue(2).decided_by == SARA


ROLE_ACTS = [
    "agree",
    "P2 because few are hit",
    "decline: no",
    "feature",
    "area billing",
    f"owner {ANNA}",
    "mine",
    "headline: Other words",
    "doc https://doc.acme.example",
    "resolve: rolled back",
    "duplicate #1",
]
ON_OPEN = [
    "update: found it",
    "correction: not so",
    "next update in 20 minutes",
    "band-aid: a second check",
    "P2 because it is over",
]


@pytest.mark.parametrize("text", [*ROLE_ACTS, *ON_OPEN])
def test_a12_every_act_of_a_role_can_be_taken_back_by_who_has_it(tmp_path: Path, text: str) -> None:
    """A12: "role actions send a receipt with undo to the role holder's own address; audit row holds the evidence text";
    "every role action: 1 receipt <= 60 s; UNDO restores the former state"."""
    with at_google(tmp_path) as chat:
        triage, _ = three_issues(chat)
        number = 1 if text in ON_OPEN else 2
        before = chat.issue(number)
        out = stamped(chat, SARA, text, answering=triage if number == 2 else to(chat.sent, SARA, "[#1]")[0])
        assert changed(before, chat.issue(number))
        receipt = one([mail for mail in to(out, SARA) if "undo" in mail.text], SARA)
        rule, raw = chat.app.store.audit(number)[-1]
        assert rule == "token+google-dmarc: answers a mail that we sent to this person; dmarc=pass for acme.example"
        assert raw is not None
        chat.answers(receipt, "undo")
        assert not changed(before, chat.issue(number)), "as it was"


@pytest.mark.parametrize("text", ["duty carl@acme.example", "away until 3 May", "remediate #1 P2: restore the rows"])
def test_a12_what_undo_does_not_take_back_has_its_receipt_too(tmp_path: Path, text: str) -> None:
    """A12: "role actions send a receipt … to the role holder's own address"; `duty` and `decline` are their inverse."""
    with at_google(tmp_path) as chat:
        three_issues(chat)
        before = (chat.app.store.desk(), chat.issue(1))
        assert one(stamped(chat, SARA, text, subject="x"), SARA)
        assert before != (chat.app.store.desk(), chat.issue(1))


def changed(before: Issue, after: Issue) -> dict[str, object]:
    names = (
        "state",
        "priority",
        "reported",
        "kind",
        "area",
        "owner",
        "headline",
        "doc",
        "duplicate_of",
        "band_aids",
        "last_update",
    )
    found = {name: getattr(after, name) for name in names if getattr(before, name) != getattr(after, name)}
    if before.next_update_at != after.next_update_at:
        found["next_update_at"] = after.next_update_at
    return found


OURS = [
    "X-Triagemail-Priority: P0",
    "X-Triagemail-Role: triager",
    "X-Triagemail-Evidence: E12",
    "X-Triagemail-Token: x",
    "X-Triagemail-Loop: 1",
    "X-Triagemail-Command: resolve",
    "X-Triagemail-Issue: 1",
    "X-Triagemail-From: sara@acme.example",
    "X-Triagemail-Unverified: no",
    "x-triagemail-confirm: yes",
]


def test_a13_header_fields_as_if_of_ours_have_no_effect(tmp_path: Path) -> None:
    """A13: "Our own control headers forged (`X-Triagemail-*`) … only MAC-carrying loop id counts"; "10 headers forged:
    no effect"."""
    assert len(OURS) == 10
    with at_google(tmp_path) as chat:
        three_issues(chat)
        before, answers = state(chat), set()
        for number, line in enumerate(["X-Nothing: x", *OURS], 4):
            name, _, value = line.partition(": ")
            who = f"p{number}@acme.example"
            out = chat.sends(who, COMPLETE.format(priority="P3"), subject="It is slow", headers={name: value})
            event = chat.app.store.journal(number)[0][3]
            assert isinstance(event, ReportFiled)
            answers.add((event.unverified, event.reported, event.by == who, len(out), bool(to(out, who))))
        assert len(answers) == 1
        assert state(chat) == before


def test_a_mail_system_that_falls_silent_is_told_to_the_operator(tmp_path: Path) -> None:
    """3.5.4: "> 20 % E0 of internal mail in 1 h while the week before had < 2 %: alarm "evidence lost", policy does
    **not** relax; P0 path of 3.4 keeps working through the triager on duty"."""
    lost = "Needs you: our mail system no longer says who sent a mail"
    with at_google(tmp_path) as chat:
        for _ in range(3):
            assert to(chat.sends(BOB, "help"), OPS, lost) == [], "nothing is usual yet"
        chat.after(days=8, step=timedelta())
        for number in range(60):
            stamped(chat, BOB, "help", subject=f"{number}")
        chat.sends(BOB, "help", subject="from a phone")
        chat.after(hours=2, step=timedelta())
        for _ in range(2):
            assert to(chat.sends(BOB, "help", subject="silent"), OPS, lost) == []
        out = chat.sends(BOB, COMPLETE.format(priority="P0"), subject="Checkout is blank")
        assert "100%" in one(out, OPS, lost).text
        assert one(out, SARA, "[#1]"), "the triager hears of it at once"
        assert chat.issue(1).unverified
        assert not chat.issue(1).announced
        assert to(chat.sends(BOB, "help", subject="again"), OPS, lost) == [], "once an hour"
        chat.after(minutes=61, step=timedelta())
        for number in range(3):
            out = chat.sends(ANNA, "help", subject="and again")
            assert len(to(out, OPS, lost)) == (number == 2), "it is still so"


def test_a_mail_system_that_says_something_about_most_is_well(tmp_path: Path) -> None:
    """3.5.4: > 20 %; a few mails that go around our servers are no failure of theirs."""
    with at_google(tmp_path) as chat:
        for number in range(20):
            stamped(chat, BOB, "help", subject=f"{number}")
        chat.after(hours=2, step=timedelta())
        for number in range(20):
            stamped(chat, EVE, "help", subject=f"{number}")
            if number % 6 == 5:
                chat.sends(ANNA, "help", subject=f"{number}")
        assert to(chat.sent, OPS, "Needs you: our mail system") == []


# --- I12 -------------------------------------------------------------------------------------------------------------


def too_large(chat: Chat, author: str, result: str, **how: object) -> list[Out]:
    """The header of a mail that is larger than what we take, as the intake hands it over."""
    raw = chat.writes(author, "x", **how).partition(b"\r\n\r\n")[0]  # type: ignore[arg-type]
    head = "\r\n".join((*google(result), "")).encode() + raw + b"\r\n\r\n"
    with chat.app.store.transaction():
        claims.take(chat.app.store, [Arrival(head, chat.clock.now(), "imap", "too-large")])
    return chat.settle()


def test_a_mail_that_is_too_large_is_answered_where_it_is_sure_whose_it_is(tmp_path: Path) -> None:
    """I12: "headers only, `held`, one reply to the sender if authenticated"; the operator hears of it, and who is
    forged, or a program, gets nothing."""
    with at_google(tmp_path) as chat:
        mail = one(too_large(chat, BOB, PASS, subject="Screenshots"), BOB)
        assert "Nobody has read it" in mail.text
        assert too_large(chat, BOB, PASS, subject="Screenshots again") == [], "once an hour"
        assert to(too_large(chat, EVE, FAIL, subject="Screenshots"), EVE) == []
        assert to(too_large(chat, EVE, f"{MX}; dmarc=none", subject="Screenshots"), EVE) == []
        robot = {"Auto-Submitted": "auto-generated"}
        assert to(too_large(chat, CARL, PASS, subject="All log files", headers=robot), CARL) == []
        triage, _ = opened(chat, "P1", "Invoices are late")
        assert "[#1] Too large" in one(too_large(chat, SARA, PASS, answering=triage), SARA).subject
        assert chat.held() == ["too-large"] * 6


def test_a_mailbox_that_was_moved_shows_a_large_mail_again(tmp_path: Path) -> None:
    """I4: "whole mailbox re-read, dedup makes it harmless": held once, answered once; and once `mail.max_size` lets it
    in, the whole mail is none that came before."""
    with at_google(tmp_path) as chat:
        raw = "\r\n".join((*google(PASS), "")).encode() + chat.writes(BOB, "Logo is blurred. P3", subject="Logo")
        head, told = raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n", []
        for octets, odd in ((head, "too-large"), (head, "too-large"), (raw, "")):
            with chat.app.store.transaction():
                claims.take(chat.app.store, [Arrival(octets, chat.clock.now(), "imap", odd)])
            told += [mail.subject for mail in to(chat.settle(), BOB)]
            chat.after(hours=2)
        collided = "FileReport, msgid-collision with 1"  # "same Message-ID, other content: not a duplicate, flagged"
        assert chat.inbox() == [("held", "too-large"), ("silent", "duplicate of 1"), ("done", collided)]
        assert told == ["Too large, and not read: Logo", "[#1] Logo"]


# --- guessed numbers (A8) ---------------------------------------------------------------------------------------------

GUESSES = [40, pytest.param(10_000, marks=pytest.mark.slow)]


@pytest.mark.parametrize("numbers", GUESSES)
def test_a8_guessing_numbers_adds_and_shows_nothing(tmp_path: Path, numbers: int) -> None:
    """A8: enumerate 1..10,000 in Subject and plus-address: 0 comments added, 0 content returned. A number alone never
    threads with authority, whoever guesses."""
    with at_google(tmp_path) as chat:
        three_issues(chat)
        known, secrets = state(chat), ("Checkout", "certificate", "Export")
        journals = [chat.journal(number) for number in (1, 2, 3)]
        for number in range(1, numbers + 1):
            how = {"subject": f"Re: [#{number}] hello", "to": f"issues+aarb{number}.c.bc-{'a' * 26}@acme.example"}
            out = stamped(chat, (EVE, MALLORY)[number % 2], f"agree #{number}\nwhat about it", FAIL, **how)
            out += stamped(chat, EVE, "what about this one", "other.example; dmarc=pass", **how) if number < 20 else []
            shown = [mail for mail in out if mail.to in (EVE, MALLORY)]
            assert not [word for word in secrets for mail in shown if word in mail.text + mail.subject]
        assert state(chat) == known
        assert [chat.journal(number) for number in (1, 2, 3)] == journals


def test_words_beside_a_refused_command_that_names_an_issue_are_kept(tmp_path: Path) -> None:
    """ "Answers and comments in it are kept always": who is believed has their words in the issue, though the command
    beside them is not theirs to give, and the receipt says so."""
    with at_google(tmp_path) as chat:
        opened(chat, "P1", "Checkout is blank")
        out = stamped(chat, LENA, "agree #1\n\nIt is the same in the whole Berlin office.", PASS, subject="hello")
        assert "what you wrote is kept" in " ".join(one(out, LENA).text.split())
        assert "the whole Berlin office" in one(out, SARA, "[#1]").text
        assert chat.issue(1).state is State.TRIAGE
