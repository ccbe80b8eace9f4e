"""`smtp.mode = "batch"`: many readers of a broadcast in one transaction (trust.md S3, S4, S6, V1)."""

from __future__ import annotations

import itertools
import random
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import servers
from chat import BOB, CARL, LENA, LIST, OPS, SARA, Chat, Out, opened, talk_directly, to
from desks import Desk, desk, everybody, reader
from reports import HARD, report
from takers import HANG_UP, Taker, taker

from triagemail.clock import Clock
from triagemail.doors import relay as relays
from triagemail.doors.batches import BatchPipeline, BatchRelay
from triagemail.doors.copies import Copy, share
from triagemail.doors.smtp import Accepted, Lost, RelayDown
from triagemail.mail.address import split_detail
from triagemail.quantities import Rate
from triagemail.store import audience, claims, reach
from triagemail.store.store import Store

GROUPS = b"250-taker\r\n250 PIPELINING\r\n"
PLAIN = b"250 taker\r\n"
TOM, ANNA = "tom@acme.example", "anna@acme.example"
both = pytest.mark.parametrize("features", [GROUPS, PLAIN], ids=["pipelined", "step by step"])


def one_minute(count: int) -> Rate:
    return Rate(count, timedelta(minutes=1))


def states(office: Desk) -> dict[str, int]:
    return dict(office.rows())


def readers(office: Desk) -> dict[str, int]:
    """The same without the mails to the operator."""
    query = "SELECT d.state, COUNT(d.id) FROM delivery d JOIN outgoing o ON o.id = d.outgoing WHERE o.broadcast"
    return dict(office.rows(f"{query} GROUP BY d.state"))


# --- without a fault -------------------------------------------------------------------------------------------------


@both
def test_a_broadcast_is_one_transaction(tmp_path: Path, features: bytes) -> None:
    """S6: `batch` mode, <= 500 recipients: 1,200 readers are three mails to the relay, once each."""
    with taker(features=features) as relay, desk(tmp_path, relay, 1_200, mode="batch") as office:
        office.broadcast()
        office.send()
        assert relay.times() == everybody(1_200)
        assert sorted(len(rcpts) for _, rcpts in relay.transactions) == [200, 500, 500]
        assert len({sender for sender, _ in relay.transactions}) == 1
        assert len({raw for _, raw in relay.mails}) == 1
        assert states(office) == {"sent": 1_200}


def test_nobody_sees_another_reader(tmp_path: Path) -> None:
    """V1: To: the list name, no personal token there; no Cc, no Bcc header; 1,000 captured mails: no other address
    anywhere (headers, body, envelope)."""
    with taker() as relay, desk(tmp_path, relay, 1_000, mode="batch") as office:
        office.broadcast()
        office.send()
        raw = relay.mails[0][1]
        head = raw.partition(b"\r\n\r\n")[0].decode().lower()
        names = [line.partition(":")[0] for line in head.split("\r\n")]
        assert len(relay.mails) == 1_000
        assert not any(reader(number).encode() in raw for number in range(1_000))
        assert not any(reader(number) in sender for sender, _ in relay.transactions for number in range(1_000))
        assert f"to: {LIST}\r\n" in head
        assert {"cc", "bcc", "list-unsubscribe-post"}.isdisjoint(names)
        assert "list-unsubscribe: <mailto:issues+unsubscribe@acme.example?subject=unsubscribe>" in head
        assert "+a" not in head.replace("+unsubscribe", ""), "no token of anybody"


def test_nobody_sees_another_reader_in_single_mode(tmp_path: Path) -> None:
    """V1: To: = the recipient; VERP holds an id, not an address; 1,000 captured mails: no other address anywhere."""
    with taker() as relay, desk(tmp_path, relay, 1_000) as office:
        office.broadcast()
        office.send()
        assert len(relay.mails) == 1_000
        for rcpt, raw in relay.mails:
            assert set(re.findall(rb"r\d{4}@acme\.example", raw)) == {rcpt.encode()}
            assert b"\r\nCc:" not in raw
            assert b"\r\nBcc:" not in raw
        assert {sender.partition("+")[0] for sender, _ in relay.transactions} == {"issues"}


def test_500_readers_of_a_p0_hear_of_it_within_a_minute(tmp_path: Path) -> None:
    """S6: a sink that answers 432 4.3.2 over 30 mails a minute: 500 recipients P0: batch <= 60 s by the clock; one by
    one the same takes 16 minutes and more."""
    took = {}
    for mode in ("batch", "single"):
        folder = tmp_path / mode
        folder.mkdir()
        seen: list[float] = []
        with (
            taker() as relay,
            desk(folder, relay, 500, rate=one_minute(30), mode=mode) as office,
        ):
            start = office.clock.now()

            def answer(
                connection: int, stage: str, rcpt: str, office: Desk = office, seen: list[float] = seen
            ) -> bytes | None:
                now = office.clock.now().timestamp()
                if stage == "mail":
                    seen.append(now)
                over = sum(now - 60 < at for at in seen) > 30
                return b"432 4.3.2 over the rate" if stage == "mail" and over else None

            relay.answer = answer
            office.broadcast(rank=0)
            office.send()
            while len(relay.mails) < 500 and office.clock.now() - start < timedelta(hours=1):
                office.clock.advance(timedelta(seconds=10))
                office.send()
            assert relay.times() == everybody(500)
            took[mode] = (office.clock.now() - start).total_seconds()
    assert took["batch"] <= 60
    assert took["single"] >= 16 * 60


def test_a_mail_to_one_person_stays_one(tmp_path: Path) -> None:
    """S6: a batch counts as one mail; what went out before a restart counts too, each batch once."""
    with taker() as relay:
        with desk(tmp_path, relay, 700, rate=one_minute(10), mode="batch") as office:
            for _ in range(3):
                office.broadcast()
            office.send()
            assert sorted(len(rcpts) for _, rcpts in relay.transactions) == [200] * 3 + [500] * 3
        with desk(tmp_path, relay, 700, rate=one_minute(10), mode="batch") as office:
            for _ in range(3):
                office.broadcast()
            office.send()
            assert len(relay.transactions) == 8, "two are left of ten, and two are kept for a P0"
            office.clock.advance(timedelta(seconds=61))
            office.send()
            assert len(relay.transactions) == 12


def test_a_relay_with_room_for_100_gets_no_more_mails_than_the_rate(tmp_path: Path) -> None:
    """S6: "30/m" is never more than 30 in any minute: what is claimed together and goes in several transactions counts
    as several mails."""
    asked: dict[int, int] = {}

    def answer(connection: int, stage: str, rcpt: str) -> bytes | None:
        asked[connection] = 0 if stage == "mail" else asked.get(connection, 0) + (stage == "rcpt")
        return b"452 4.5.3 too many recipients" if stage == "rcpt" and asked[connection] > 100 else None

    with taker(answer=answer) as relay, desk(tmp_path, relay, 2_000, rate=one_minute(10), mode="batch") as office:
        office.broadcast()
        office.send()
        assert len(relay.transactions) == 8, "two of ten are kept for a P0"
        office.later(2)
        assert len(relay.transactions) == 16
        office.later(2)
        assert relay.times() == everybody(2_000)


# --- what the relay refuses ------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "end"])
def test_421_at_each_position_of_a_batch(tmp_path: Path, stage: str, features: bytes) -> None:
    """S3: 421 at each position of a 50 batch: 0 lost, 0 duplicates among those never accepted; the untouched ones stay
    queued, without an attempt."""
    said: list[str] = []
    victim = ""

    def answer(connection: int, where: str, rcpt: str) -> bytes | None:
        if said or where != stage or (where == "rcpt" and rcpt != victim):
            return None
        said.append(rcpt)
        return b"421 4.3.2 going down"

    with taker(features=features, answer=answer) as relay, desk(tmp_path, relay, 50, 1, mode="batch") as office:
        for place in range(50) if stage == "rcpt" else (0,):
            victim = reader(place)
            relay.mails.clear()
            said.clear()
            number = office.broadcast()
            office.send()
            assert len(said) == 1
            found = office.rows(f"SELECT state, COUNT(id) FROM delivery WHERE outgoing = {number} GROUP BY state")
            waiting = {state: count for state, count in found if state != "sent"}
            assert waiting == {"deferred": 1 if stage in ("mail", "rcpt") else 50}
            office.later()
            assert relay.times() == dict.fromkeys(everybody(50), 2 if stage == "end" else 1), "its dot was read"
            assert set(states(office)) == {"sent"}
            assert office.ambiguous() == set()


@both
@pytest.mark.parametrize("end", [250, 451, 552, 554])
def test_the_24_outcomes(tmp_path: Path, end: int, features: bytes) -> None:
    """S4: 250/450/452/550/552/554 x DATA 250/451/552/554: a recipient is `sent` only when itself got 250 *and* DATA got
    250; codes stored from the RCPT reply even when DATA fails."""
    codes = (250, 450, 452, 550, 552, 554)

    def answer(connection: int, stage: str, rcpt: str) -> bytes | None:
        number = int(rcpt[1:5]) if rcpt else 0
        if stage == "rcpt":
            return b"%d rcpt" % codes[number]
        return b"%d end" % end if stage == "end" else None

    with taker(features=features, answer=answer) as relay, desk(tmp_path, relay, 6, mode="batch") as office:
        office.broadcast()
        office.send()
        found = dict(office.rows("SELECT p.address, d.state FROM delivery d JOIN person p ON p.id = d.person"))
        replies = dict(office.rows("SELECT p.address, d.reply FROM delivery d JOIN person p ON p.id = d.person"))
        kinds = {2: "sent", 4: "deferred", 5: "bounced"}
        for number, code in enumerate(codes):
            told = end if code == 250 else code
            assert found[reader(number)] == kinds[told // 100], (code, end)
            assert replies[reader(number)].startswith(f"{told} {'end' if code == 250 else 'rcpt'}"), (code, end)
        assert len(relay.mails) == 1, "only the one whose RCPT was taken is in the transaction"


@both
@pytest.mark.parametrize("room", [100, 7])
def test_who_found_no_room_is_in_the_next_transaction(tmp_path: Path, room: int, features: bytes) -> None:
    """RFC 5321 4.5.3.1.10: 452 "too many recipients": the rest goes at once in the next transactions, nobody waits for
    a later try; a relay with room for 100 is asked for no more from then on."""
    asked: dict[int, int] = {}

    def answer(connection: int, stage: str, rcpt: str) -> bytes | None:
        if stage == "mail":
            asked[connection] = 0
        if stage == "rcpt":
            asked[connection] += 1
            return b"452 4.5.3 too many recipients" if asked[connection] > room else None
        return None

    with taker(features=features, answer=answer) as relay, desk(tmp_path, relay, 350, 1, mode="batch") as office:
        office.broadcast()
        office.send()
        assert relay.times() == everybody(350)
        assert max(len(rcpts) for _, rcpts in relay.transactions) == room
        assert len(relay.transactions) == -(-350 // room)
        assert isinstance(office.app.sender.relay, BatchRelay)
        assert office.app.sender.relay.largest == 100
        assert office.rows("SELECT DISTINCT state, attempts FROM delivery WHERE attempts > 2") == []


@both
def test_a_batch_of_nobody_ends_in_a_reset(tmp_path: Path, features: bytes) -> None:
    """RFC 2920 3.1: all are refused and DATA is taken all the same: a lone dot, nothing of the mail; the next goes."""

    def answer(connection: int, stage: str, rcpt: str) -> bytes | None:
        return b"550 5.1.1 unknown" if stage == "rcpt" and rcpt < reader(20) else None

    with taker(features=features, answer=answer) as relay, desk(tmp_path, relay, 20, 1, mode="batch") as office:
        office.broadcast()
        office.send()
        assert states(office) == {"bounced": 20}
        assert relay.mails == []
        relay.answer = lambda *_: None
        office.broadcast()
        office.send()
        assert (states(office), relay.connections) == ({"bounced": 20, "sent": 20}, 1)


def test_a_refused_sender_is_about_all_and_nobodys_fault(tmp_path: Path) -> None:
    """S4: 4xx or 5xx to MAIL speaks of our own address: all wait, none has bounced."""
    for reply, at in ((b"451 4.3.0 no", 0), (b"550 5.7.1 we do not know you", 1)):
        folder = tmp_path / str(at)
        folder.mkdir()
        with (
            taker(answer=lambda c, stage, r, reply=reply: reply if stage == "mail" else None) as relay,
            desk(folder, relay, 50, 1, mode="batch") as office,
        ):
            office.broadcast()
            office.send()
            assert readers(office) == {"deferred": 50}
            relay.answer = lambda *_: None
            office.later()
            assert {r: n for r, n in relay.times().items() if r.startswith("r0")} == everybody(50)


def test_postfix_takes_a_batch(postfix: servers.PostfixServer, tmp_path: Path, user: str) -> None:
    """R4, S3: a real server: one dead address and one that is greylisted among 30; everybody else has it once, with one
    Message-ID and the same bytes; the list's name is all that they see."""
    people = [f"{user}x{number}@acme.example" for number in range(30)]
    odd = ["dead@acme.example", "later@acme.example"]
    with desk(tmp_path, servers.Sink(port=postfix.port), 0, mode="batch") as office:
        with office.app.store.transaction():
            for person in (*people[:9], *odd, *people[9:]):
                audience.join(office.app.store, person, office.clock.now())
        office.broadcast()
        office.send()
        assert readers(office) == {"bounced": 1, "deferred": 1, "sent": 30}
        there = [raw for person in people for raw in postfix.expect(person.partition("@")[0], 1)]
    assert len(there) == 30
    assert len({raw[raw.index(b"\nTo: ") :] for raw in there}) == 1
    ours = there[0][there[0].index(b"\nTo: ") :]
    assert user.encode() not in ours
    assert len({raw.partition(b"\n")[0] for raw in there}) == 1, "one return path"


# --- a bad network ---------------------------------------------------------------------------------------------------


def test_a_lost_answer_doubles_one_transaction(tmp_path: Path) -> None:
    """S2, R3: the final 250 is lost: the batch goes out once more with the same bytes, one transaction twice; who
    was refused in it is not asked again."""
    lost: list[str] = []

    def answer(connection: int, stage: str, rcpt: str) -> bytes | None:
        if stage == "rcpt" and rcpt == reader(3):
            return b"550 5.1.1 unknown"
        if stage == "end" and not lost:
            lost.append(rcpt)
            return HANG_UP
        return None

    with taker(answer=answer) as relay, desk(tmp_path, relay, 50, 1, mode="batch") as office:
        office.broadcast()
        office.send()
        assert states(office) == {"bounced": 1, "deferred": 49}
        office.later()
        assert states(office) == {"bounced": 1, "sent": 49}
        assert set(relay.times().values()) == {2}
        assert len(relay.transactions) == 2
        assert len({raw for _, raw in relay.mails}) == 1
        assert len(office.ambiguous()) == 49


def test_a_batch_that_is_cut_anywhere_loses_nobody(tmp_path: Path) -> None:
    """S2, S3: each connection is cut after another number of bytes: twice gets it only who is ambiguous."""
    with taker() as relay, desk(tmp_path, relay, 40, 1, mode="batch") as office:
        office.broadcast()
        cuts = range(20, 3_000, 61)
        relay.cut_after = lambda connection: cuts[connection] if connection < len(cuts) else None
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(relays, "ALONE", 0.0)
            for _ in range(120):
                try:
                    office.later(70)
                except RelayDown:
                    continue
        assert states(office) == {"sent": 40}
        assert relay.times().keys() == everybody(40).keys()
        twice = {rcpt for rcpt, count in relay.times().items() if count > 1}
        assert twice <= office.ambiguous()
        assert relay.connections > 25


def test_a_relay_that_drips_replies_gets_smaller_batches(tmp_path: Path) -> None:
    """S7: per-mail 15 min cap: an envelope whose replies come one by one, each in time, does not hold a connection for
    hours; the next one is half as long, and nobody is left out."""
    said = itertools.count()
    with taker(features=PLAIN) as relay, desk(tmp_path, relay, 64, 1, mode="batch") as office:
        found = office.app.sender.relay
        assert isinstance(found, BatchRelay)
        assert found.envelope_limit == 180
        now = [0.0]

        def answer(connection: int, stage: str, rcpt: str) -> bytes | None:
            now[0] += 9 if stage == "rcpt" else 0
            next(said)
            return None

        relay.answer = answer
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(time, "monotonic", lambda real=time.monotonic: real() + now[0])
            for _ in range(12):
                office.broadcast() if not relay.connections else None
                try:
                    office.later(70)
                except RelayDown:
                    continue
        assert relay.times() == everybody(64)
        assert max(len(rcpts) for _, rcpts in relay.transactions) <= 20
        assert found.largest < 64


# --- the state machine -----------------------------------------------------------------------------------------------


def equal(count: int) -> list[Copy]:
    shared = share(b"Subject: x\r\n\r\nhello\r\n")
    return [Copy(n, "issues+b@acme.example", reader(n), b"To: l@acme.example\r\n", shared) for n in range(count)]


def test_a_body_waits_until_its_refusals_are_committed() -> None:
    """ "A connection sends its next body only after the result of its last one is committed": a refused RCPT is one."""
    pipeline = BatchPipeline(pipelining=True)
    pipeline.offer_all(equal(3))
    pipeline.take()
    pipeline.received(b"250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n")
    assert [copy.key for copy, _ in pipeline.landed] == [1]
    assert pipeline.take() == b""
    pipeline.release()
    assert pipeline.take().endswith(b"hello\r\n.\r\n")
    pipeline.received(b"250 taken\r\n")
    assert [(copy.key, out) for copy, out in pipeline.landed[1:]] == [
        (0, Accepted(250, "taken")), (2, Accepted(250, "taken")),
    ]  # fmt: skip
    assert pipeline.free


def test_data_after_a_refused_sender_ends_the_connection() -> None:
    """A relay that goes on after a refused MAIL has a transaction open that is not ours."""
    pipeline = BatchPipeline(pipelining=True)
    pipeline.offer_all(equal(2))
    pipeline.received(b"451 4.3.0 no\r\n250 ok\r\n")
    assert {out.text for _, out in pipeline.landed} == {"4.3.0 no"}
    assert len(pipeline.landed) == 2
    assert pipeline.ended


def test_an_old_connection_that_ends_is_nobodys_fault() -> None:
    """S1: a kept connection says 421 or nothing at MAIL: all go over another one, at once."""
    for end in (b"421 4.4.2 timeout\r\n", None):
        pipeline = BatchPipeline(pipelining=True)
        pipeline.kept = True
        pipeline.offer_all(equal(3))
        if end:
            pipeline.received(end)
        else:
            pipeline.lost("closed")
        assert (pipeline.landed, [copy.key for copy in pipeline.returned]) == ([], [0, 1, 2])
    pipeline = BatchPipeline(pipelining=True)
    pipeline.offer_all(equal(3))
    pipeline.lost("closed")
    assert pipeline.landed == [(equal(3)[0], Lost("closed", False, "mail"))]
    assert [copy.key for copy in pipeline.returned] == [1, 2]


def test_who_found_no_room_outlives_a_connection_that_ends_after_the_dot() -> None:
    """S2: with the answer to the dot lost, whose RCPT was taken is ambiguous; who got 452 goes over another
    connection."""
    pipeline = BatchPipeline(pipelining=True)
    pipeline.offer_all(equal(3))
    pipeline.take()
    pipeline.received(b"250 ok\r\n250 ok\r\n250 ok\r\n452 4.5.3 too many recipients\r\n354 go\r\n")
    pipeline.release()
    pipeline.take()
    pipeline.written = 1_000
    pipeline.lost("cut")
    assert [(copy.key, out) for copy, out in pipeline.landed] == [(key, Lost("cut", True, "end")) for key in (0, 1)]
    assert [copy.key for copy in pipeline.returned] == [2]


def test_whatever_a_relay_says_each_reader_has_one_outcome() -> None:
    """S2, S4: random replies and cuts, with fixed seeds: of a group each copy lands or goes over another connection,
    once; none is left behind."""
    good = {"data": b"354 go\r\n"}
    codes = (b"452 full", b"550 no", b"451 later", b"421 bye", b"250 ok", b"354 go", b"530 who", b"xyz")
    odd = [code + b"\r\n" for code in codes]
    for seed in range(3_000):
        chance = random.Random(seed)
        pipeline = BatchPipeline(pipelining=chance.random() < 0.5)
        pipeline.kept = chance.random() < 0.3
        pipeline.offer_all(equal(5))
        for _ in range(25):
            pipeline.written += len(pipeline.take())
            if pipeline.ended or not pipeline.stage or chance.random() < 0.05:
                break
            fine = good.get(pipeline.stage, b"250 ok\r\n")
            pipeline.received(fine if chance.random() < 0.7 else chance.choice(odd))
            pipeline.release()
        pipeline.lost("cut")
        keys = [copy.key for copy, _ in pipeline.landed] + [copy.key for copy in pipeline.returned]
        assert sorted(keys) == [0, 1, 2, 3, 4], f"seed {seed}"


def test_a_group_over_the_relays_limit_is_not_sent() -> None:
    """S10: SIZE is checked before a byte goes out, for a group as for one."""
    pipeline = BatchPipeline(pipelining=True, size=True, limit=20)
    pipeline.offer_all(equal(2))
    assert [out.code for _, out in pipeline.landed if not isinstance(out, Lost)] == [552, 552]
    assert (pipeline.take(), pipeline.free) == (b"", True)


# --- what is claimed together ----------------------------------------------------------------------------------------


def test_what_is_claimed_together(store: Store) -> None:
    """S6, on both engines: one broadcast's readers at a time, the most urgent first; what is to one person is claimed
    with others of its kind. What ended together was one mail, or as many as there is room for in one."""
    now = Clock().now()
    with store.transaction():
        for rank, broadcast, people in ((2, True, 7), (0, True, 3), (1, False, 2)):
            number = claims.add_outgoing(
                store, issue=1, template="t", subject="s", text="t", head=b"h", body=b"b", detail="",
                null_sender=False, broadcast=broadcast, automatic=False, rank=rank, day=1, key="a", now=now,
            )  # fmt: skip
            for each in range(people):
                claims.add_delivery(store, number, store.person(reader(each)), rank)
        store.run("UPDATE delivery SET role = ? WHERE outgoing < 3 AND person <> ?", False, store.person(reader(0)))
    found = []
    while True:
        together = claims.next_batch(store, now, "one")
        dues = claims.claim_deliveries(store, now, "one", 500, 9, together)
        if not dues:
            break
        found.append((together, sorted(due.outgoing for due in dues)))
        claims.record(store, [claims.Result(due.delivery, "sent", "250") for due in dues], now)
        now += timedelta(seconds=1)
    assert found == [(0, [1, 2, 3, 3]), (2, [2, 2]), (1, [1] * 6)]
    first = now - timedelta(minutes=1)
    assert len(claims.ended_since(store, first, together=500)) == 6
    assert len(claims.ended_since(store, first, together=4)) == 7, "six copies, four to a mail: two mails in one moment"
    assert len(claims.ended_since(store, first)) == 12
    assert claims.ended_since(store, first) == sorted(claims.ended_since(store, first))


def test_who_has_a_mail_on_its_way_is_in_no_batch(store: Store) -> None:
    """D9: "claim = SKIP LOCKED + lease", and the order of a person's mails holds: whoever has one on its way, from this
    process (`busy`) or from another (PostgreSQL), decides nothing about which broadcast goes next, and is not in it."""
    now = Clock().now()
    with store.transaction():
        ann, bob = (store.person(reader(each)) for each in range(2))
        for people in ((ann,), (ann,), (ann, bob)):
            number = claims.add_outgoing(
                store, issue=1, template="t", subject="s", text="t", head=b"h", body=b"b", detail="",
                null_sender=False, broadcast=True, automatic=False, rank=1, day=1, key="a", now=now,
            )  # fmt: skip
            for person in people:
                claims.add_delivery(store, number, person, 1)
        store.run("UPDATE delivery SET role = ?", False)
    assert [due.person for due in claims.claim_deliveries(store, now, "one", 1)] == [ann]
    busy = {ann} if store.sqlite else set()
    assert claims.next_batch(store, now, "two", 9, busy) == 3
    assert [due.person for due in claims.claim_deliveries(store, now, "two", 500, 9, 3, busy)] == [bob]
    assert claims.next_batch(store, now, "two", 9, busy) == 0


# --- as a company sees it --------------------------------------------------------------------------------------------


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Chat]:
    with talk_directly(tmp_path, smtp={"mode": "batch"}) as found:
        found.subscribe(LENA, TOM, ANNA, CARL)
        yield found


def update(chat: Chat) -> dict[str, Out]:
    """An update of a P0 goes out: the copy of each who hears of it."""
    triage, _ = opened(chat, "P0")
    chat.answers(triage, "agree")
    return {mail.to: mail for mail in chat.answers(triage, "update: still looking") if "UPDATE" in mail.subject}


def test_who_has_a_role_gets_a_copy_of_their_own(chat: Chat) -> None:
    """S6: receipts and questions stay single, and so do the broadcasts of those who answer them."""
    copies = update(chat)
    assert copies[LENA].raw == copies[TOM].raw == copies[ANNA].raw == copies[CARL].raw
    assert copies[LENA].headers["to"] == LIST
    assert copies[BOB].headers["to"] == BOB
    assert copies[BOB].mail_from != copies[LENA].mail_from
    assert split_detail(copies[BOB].reply_to)[1]


def test_a_report_counts_only_for_whom_the_batch_was_sent_to(chat: Chat) -> None:
    """S6: its envelope sender carries outgoing + MAC; a DSN counts only for a recipient it was sent to. Every reader
    knows that path, so it passes on nobody's duty."""
    path = update(chat)[LENA].mail_from.strip("<>")
    local, _, domain = path.partition("@")
    assert split_detail(path)[1].split(".")[1] == "a", "it names nobody"
    forged = f"{local[:-1]}{'a' if local[-1] != 'a' else 'b'}@{domain}"
    targets = [(path, TOM), (path, "nobody@acme.example"), (path, BOB), (path, SARA), (path, CARL), (forged, LENA)]
    with chat.app.store.transaction():  # one who left in time was sent nothing
        chat.app.store.run("UPDATE delivery SET state = 'withdrawn' WHERE person = ?", chat.app.store.person(ANNA))
    targets.append((path, ANNA))
    for number, (where, who) in enumerate(targets):
        chat.append(report(where, who, HARD, number=number))
        assert [mail for mail in chat.settle() if mail.to not in (BOB, SARA)] == []
    counted = dict(chat.app.store.all("SELECT p.address, r.score FROM reach r JOIN person p ON p.id = r.person"))
    assert counted == {TOM: 1.0}
    bounced = "SELECT p.address FROM delivery d JOIN person p ON p.id = d.person WHERE d.state = 'bounced'"
    assert chat.app.store.all(bounced) == [(TOM,)]
    chat.append(report(path, TOM, HARD, number=90))
    chat.settle()
    found = reach.read(chat.app.store, chat.app.store.person(TOM))
    assert found is not None
    assert found.score == 1.0, "it comes back once"


def test_leaving_by_the_button_needs_evidence(chat: Chat) -> None:
    """U3: without token: From + evidence, else confirm; U5 does not hold in a batch."""
    update(chat)
    out = chat.sends("lena.private@elsewhere.example", "", to="issues+unsubscribe@acme.example", subject="unsubscribe")
    assert LENA in {member for (member,) in chat.app.store.all("SELECT address FROM person WHERE subscribed_at > 0")}
    asked = to(chat.sends(LENA, "", to="issues+unsubscribe@acme.example", subject="unsubscribe"), LENA)
    assert len(asked) == 1, out
    chat.answers(asked[0], "yes")
    left = {a for (a,) in chat.app.store.all("SELECT address FROM person WHERE subscribed_at IS NULL")}
    assert LENA in left


def test_an_answer_to_the_list_mail_reaches_the_issue(chat: Chat) -> None:
    """L4: replies become comments; who answers a batch is shown by no token."""
    mail = update(chat)[LENA]
    chat.answers(mail, "I see it in Lisbon too.", author=LENA, quote=True)
    assert chat.journal(1)[-1] == "Commented"
    assert chat.app.store.issue(2) is None
    event = chat.app.store.journal(1)[-1][3]
    assert getattr(event, "text", "") == "I see it in Lisbon too."
    before = chat.journal(1)
    chat.append(mail.raw)
    assert [each.to for each in chat.settle()] == [OPS]
    assert (chat.inbox()[-1][0], chat.journal(1)) == ("held", before), "a mail of ours that comes round is one"


def test_the_type_is_what_the_config_says(tmp_path: Path) -> None:
    """`smtp.mode`: single is the default and knows nothing of batches."""
    with taker() as relay:
        assert isinstance(relay, Taker)
        with desk(tmp_path, relay, 1) as office:
            assert type(office.app.sender.relay) is relays.Relay
