"""Asking "was that you?": subscription bombing, guesses, other people's places on the list, probing (trust.md U1 to U3,
V2)."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from chat import ANNA, BOB, ISSUES, LENA, OPS, Chat, Out, one, opened, talk_directly, to

from triagemail.mail import tokens
from triagemail.store import audience, confirmations

NO_STEPS = timedelta()


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Chat]:
    with talk_directly(tmp_path) as company:
        yield company


def members(chat: Chat) -> set[str]:
    return {member.address for member in audience.members(chat.app.store)}


# --- U1 --------------------------------------------------------------------------------------------------------------


def bomb(tmp_path: Path, requests: int, victims: int, domain: str, **changes: object) -> tuple[list[Out], Chat]:
    with talk_directly(tmp_path, **changes) as chat:  # type: ignore[arg-type]
        for n in range(requests):
            chat.append(chat.writes(f"v{n % victims}@{domain}", "subscribe", subject="subscribe"))
        out = chat.settle()
        assert members(chat) == set()
        return out, chat


def test_u1_subscription_bombing(tmp_path: Path) -> None:
    """U1: 1 confirm/address/24 h, 20/h in all: <= 1 mail per victim, breaker at 20/h; what cannot be asked is held."""
    out, _ = bomb(tmp_path, 200, 50, "acme.example")
    assert len(to(out, OPS)) == 1
    victims = Counter(mail.to for mail in out if mail.to != OPS)
    assert set(victims.values()) == {1}
    assert len(victims) == 20


def test_u1_external_addresses_are_off_by_default(tmp_path: Path) -> None:
    """U1: external addresses off by default: nobody outside gets a mail because somebody names them."""
    out, _ = bomb(tmp_path, 100, 50, "victims.example", people={"reporters": ("*",)})
    assert [mail for mail in out if mail.to != OPS] == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_u1_ten_thousand_requests_for_a_thousand_victims(tmp_path: Path) -> None:
    """U1: 10,000 requests, 1,000 victims: <= 1 mail per victim, breaker at 20/h."""
    out, _ = bomb(tmp_path, 10_000, 1_000, "victims.example", list={"open_to": ("victims.example",)})
    victims = Counter(mail.to for mail in out if mail.to != OPS)
    assert set(victims.values()) == {1}
    assert len(victims) == 20


def test_u1_whoever_confirms_makes_room_for_others(chat: Chat) -> None:
    """U1: 20 confirmations an hour wait for an answer; those that were answered were asked for by their reader."""
    for n in range(30):
        who = f"colleague{n}@acme.example"
        chat.answers(one(chat.sends(who, "subscribe"), who), "yes")
    assert len(members(chat)) == 30


def test_u1_what_is_held_for_want_of_a_question_can_be_let_in(chat: Chat) -> None:
    """Never dropped, never silently accepted (trust.md 3.5): an hour later the operator lets it in, and it is asked."""
    from triagemail.store import claims

    for n in range(21):
        chat.sends(f"v{n}@acme.example", "subscribe")
    assert chat.held() == ["flood: confirms-in-all"]
    chat.after(hours=1, minutes=1, step=NO_STEPS)
    with chat.app.store.transaction():
        claims.release_held(chat.app.store, chat.app.store.one("SELECT id FROM inbox WHERE state = 'held'")[0])
    assert one(chat.settle(), "v20@acme.example")


# --- U2 --------------------------------------------------------------------------------------------------------------


def guess(chat: Chat, who: str, address: str, text: str = "yes") -> list[Out]:
    return to(chat.sends(who, text, to=address, subject="Re: Please confirm"), who)


def detail_of(mail: Out) -> str:
    return mail.reply_to.partition("+")[2].partition("@")[0]


def test_u2_a_hundred_thousand_guesses(chat: Chat) -> None:
    """U2: 128-bit random, stored hashed: 100,000 guesses: 0 hits."""
    asked = one(chat.sends(BOB, "subscribe"), BOB)
    good = detail_of(asked)
    assert confirmations.find(chat.app.store, tokens.read_secret(good)) is not None
    stored = {row[0] for row in chat.app.store.all("SELECT secret FROM pending")}
    tried = 0
    for _ in range(100_000):
        detail, secret = tokens.new_secret()
        tried += secret not in stored and tokens.read_secret(detail) == secret
    assert tried == 100_000
    for n in range(len(good) * 8):  # one letter wrong
        at, letter = n % len(good), secrets.choice("abcdefghijklmnopqrstuvwxyz234567")
        near = good[:at] + letter + good[at + 1 :]
        assert near == good or confirmations.find(chat.app.store, tokens.read_secret(near)) is None
    (kept,) = chat.app.store.one("SELECT secret FROM pending")
    assert good not in kept
    assert len(kept) == 64


def test_u2_five_wrong_an_hour_then_silence(chat: Chat) -> None:
    """U2: 5 wrong/h/address then silence; a true answer works all the same."""
    asked = one(chat.sends(BOB, "subscribe"), BOB)
    out = []
    for _ in range(12):
        detail, _secret = tokens.new_secret()
        out += guess(chat, BOB, ISSUES.replace("@", f"+{detail}@"))
    assert len(out) == 5
    assert one(chat.answers(asked, "yes"), BOB)
    assert members(chat) == {BOB}
    chat.after(hours=1, minutes=1, step=NO_STEPS)
    detail, _secret = tokens.new_secret()
    assert len(guess(chat, BOB, ISSUES.replace("@", f"+{detail}@"))) == 1


def test_u2_refused_with_the_same_text(chat: Chat) -> None:
    """U2: 3 d, single use: expired, used, other person's: refused with the same text."""
    bobs = one(chat.sends(BOB, "subscribe"), BOB)
    annas = one(chat.sends(ANNA, "subscribe"), ANNA)
    lenas = one(chat.sends(LENA, "subscribe"), LENA)
    chat.answers(bobs, "yes")
    detail, _secret = tokens.new_secret()
    said = [
        one(chat.answers(bobs, "yes"), BOB).text,
        guess(chat, BOB, annas.reply_to)[0].text,
        guess(chat, BOB, ISSUES.replace("@", f"+{detail}@"))[0].text,
    ]
    assert members(chat) == {BOB}
    chat.after(days=3, minutes=1, step=timedelta(hours=12))
    said.append(one(chat.answers(lenas, "yes"), LENA).text.replace(LENA, BOB))
    assert len(set(said)) == 1
    assert members(chat) == {BOB}


# --- U3 --------------------------------------------------------------------------------------------------------------


def test_u3_nobody_unsubscribes_another_person(chat: Chat) -> None:
    """U3: B sends A's address without token: A stays."""
    chat.subscribe(ANNA)
    asked = one(chat.sends(BOB, "help"), BOB)
    for text in (f"unsubscribe {ANNA}", f"unsubscribe\n{ANNA}", f"unsubscribe #1 {ANNA}"):
        chat.answers(asked, text)
        chat.sends(BOB, text, subject=text.replace("\n", " "))
    assert ANNA in members(chat)
    question = one(chat.sends(ANNA, "unsubscribe"), ANNA)  # as forged by Bob: she is asked, and does not answer
    assert ANNA in members(chat)
    guess(chat, BOB, question.reply_to)
    chat.after(days=1, minutes=1, step=timedelta(hours=6))
    assert ANNA in members(chat)


def test_u3_a_forwarded_broadcast_holds_no_usable_token(chat: Chat) -> None:
    """U3: List-Unsubscribe carries a MAC of the subscriber, the body never does; without token: From + evidence; always
    a goodbye with undo."""
    chat.subscribe(ANNA)
    opened(chat, "P0")
    copy = one(chat.sent, ANNA)
    theirs = re.search(r"\+([^@>]+)@", copy.headers["list-unsubscribe"])
    assert theirs is not None
    for part in (copy.text, copy.html):
        assert theirs[1] not in part
        assert detail_of(copy) not in part
    for address in set(re.findall(r"[\w.+-]+@acme\.example", copy.text + copy.html)):
        chat.sends(BOB, "unsubscribe", to=address)
    assert ANNA in members(chat)
    button = ISSUES.replace("@", f"+{theirs[1]}@")
    goodbye = one(chat.sends(ANNA, "", to=button, subject="unsubscribe"), ANNA)
    assert members(chat) == set()
    chat.answers(goodbye, "subscribe")
    assert members(chat) == {ANNA}


# --- V2 --------------------------------------------------------------------------------------------------------------


def shown(mail: Out, who: str) -> str:
    """A mail without what differs for everybody: names, tokens, times."""
    text = mail.raw.decode().replace(who, "WHO").replace(detail_of(mail), "TOKEN")
    text = re.sub(r"(?m)^(Date|Message-ID|In-Reply-To|References):.*(?:\r\n[ \t].*)*", r"\1", text)
    text = re.sub(r"\+[a-z0-9.-]+@", "+TOKEN@", text)
    return re.sub(r"=_[0-9a-f]{40}", "BOUNDARY", text)


@pytest.mark.parametrize(
    "word", ["subscribe", "unsubscribe", "pause 2 weeks", "resume", "digest", "status", "list", "subscribe P0"]
)
def test_v2_who_is_on_the_list_is_told_to_nobody(chat: Chat, word: str) -> None:
    """V2: same answer for member and non-member; responses byte-equal modulo names."""
    chat.subscribe(ANNA)
    one_of_us, another = one(chat.sends(ANNA, word), ANNA), one(chat.sends(LENA, word), LENA)
    assert shown(one_of_us, ANNA) == shown(another, LENA)


@pytest.mark.parametrize("text", ["Who is subscribed?", "list subscribers", "subscribers", f"subscribe {ANNA}"])
def test_v2_a_believed_person_cannot_ask_for_others(chat: Chat, text: str) -> None:
    """V2: "who is subscribed?" probing: only the operator lists."""
    asked = one(chat.sends(BOB, "help"), BOB)
    chat.answers(asked, "The first report is answered in another way.", subject="Question")
    before = chat.answers(asked, text, subject="Question")
    chat.subscribe(ANNA)
    after = chat.answers(asked, text, subject="Question")
    assert [re.sub("#[0-9]+", "#", mail.text) for mail in to(before, BOB)] == [
        re.sub("#[0-9]+", "#", mail.text) for mail in to(after, BOB)
    ]
    assert to(before, BOB)
