"""The sender between a real store and a relay that fails: nobody is left out, nobody gets a mail twice without need."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import faults
import peewee as pw
import pytest
import servers
from desks import Desk, desk, everybody, reader
from takers import HANG_UP, SILENT, Taker, taker

from triagemail import sender as senders
from triagemail.doors import relay as relays
from triagemail.doors.smtp import RelayDown
from triagemail.outbox import Personal
from triagemail.quantities import Rate
from triagemail.store import audience, claims
from triagemail.store.store import Store

Open = Callable[..., Desk]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Opens a desk with readers on a relay, and closes it after the test."""
    made: list[object] = []

    def make(relay: Taker | servers.Sink | faults.FaultProxy, readers: int, connections: int = 4) -> Desk:
        context = desk(tmp_path, relay, readers, connections)
        made.append(context)
        return context.__enter__()

    yield make
    for context in made:
        context.__exit__(None, None, None)  # type: ignore[attr-defined]


# --- what the relay permits ------------------------------------------------------------------------------------------


def test_never_more_mails_in_a_minute_than_the_relay_permits(tmp_path: Path) -> None:
    """S6: token bucket per relay from the config; P0 has its own reserve: what is less urgent leaves a fifth to it."""
    with taker() as relay, desk(tmp_path, relay, 100, rate=Rate(30, timedelta(minutes=1))) as office:
        office.broadcast()
        office.send()
        assert len(relay.mails) == 24
        office.broadcast(rank=0)
        office.send()
        assert len(relay.mails) == 30
        office.clock.advance(timedelta(seconds=59))
        office.send()
        assert len(relay.mails) == 30
        for minute in range(1, 8):
            office.clock.advance(timedelta(seconds=61))
            office.send()
            assert len(relay.mails) <= 30 * (minute + 1)
        assert len(relay.mails) == 200
        assert set(relay.times().values()) == {2}


def test_a_restart_does_not_start_the_minute_anew(tmp_path: Path) -> None:
    """S6: what was sent before the restart counts; a clock that is set back blocks nothing for long."""
    rate = Rate(30, timedelta(minutes=1))
    with taker() as relay:
        with desk(tmp_path, relay, 100, rate=rate) as office:
            office.broadcast()
            office.send()
        with desk(tmp_path, relay, 100, rate=rate) as office:
            office.send()
            assert len(relay.mails) == 24
            office.clock.advance(-timedelta(hours=1))
            office.send()
            assert len(relay.mails) == 48


# --- without a fault -------------------------------------------------------------------------------------------------


def test_a_broadcast_goes_out_over_several_connections_once_each(opened: Open) -> None:
    """R3: 0 duplicates without a fault; at most `smtp.connections` connections, kept from batch to batch."""
    with taker() as relay:
        office = opened(relay, 1200)
        office.broadcast()
        office.send()
        assert relay.times() == everybody(1200)
        assert office.rows() == [("sent", 1200)]
        assert relay.most == relay.connections == 4
        assert office.ambiguous() == set()


def test_a_relay_without_pipelining_gets_the_same(opened: Open) -> None:
    """Servers without PIPELINING are told step by step; nothing else differs."""
    with taker(features=b"250 taker\r\n") as relay:
        office = opened(relay, 60)
        office.broadcast()
        office.send()
        assert relay.times() == everybody(60)


def test_one_mail_needs_one_connection(opened: Open) -> None:
    """More connections are opened only where there is more than one mail to send."""
    with taker() as relay:
        office = opened(relay, 1)
        for _ in range(3):
            office.broadcast()
            office.send()
        assert relay.times() == {reader(0): 3}
        assert relay.connections == 1


def test_the_mails_of_one_reader_keep_their_order(opened: Open) -> None:
    """Claims go by rank, then by age; what one reader gets overtakes nothing, over however many connections."""
    with taker() as relay:
        office = opened(relay, 5)
        for number in range(20):
            office.broadcast(body=b"Subject: %d\r\n\r\nx\r\n" % number)
        office.send()
        for number in range(5):
            subjects = [
                raw.split(b"Subject: ")[1].split(b"\r\n")[0] for rcpt, raw in relay.mails if rcpt == reader(number)
            ]
            assert subjects == [b"%d" % n for n in range(20)]


def test_the_next_claim_goes_out_behind_what_is_on_its_way(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """T5: no connection waits for the last mail of a claim before it carries one of the next; what is more urgent
    goes out first of all that are not on their way."""
    monkeypatch.setattr(senders, "LOOK", 10.0)  # nobody looks because the relay is silent
    later = threading.Event()

    def answer(connection: int, stage: str, rcpt: str) -> bytes | None:
        if stage == "rcpt" and rcpt >= reader(senders.FIRST):
            later.set()
        if stage == "end" and rcpt == reader(senders.FIRST - 1):
            assert later.wait(5), "its connection was the only one with a mail"
        return None

    with taker(answer=answer) as relay:
        office = opened(relay, 100)
        office.broadcast()
        office.app.sender.send_once()
        assert office.app.sender.relay.busy
        urgent = office.broadcast(rank=0, body=b"Subject: P0\r\n\r\nx\r\n")
        office.send()
        assert office.rows(f"SELECT state, COUNT(id) FROM delivery WHERE outgoing = {urgent} GROUP BY state") == [
            ("sent", 100)
        ]
        subjects = [b"Subject: P0\r\n" in raw for _, raw in relay.mails]
        assert not any(subjects[:12])
        assert sum(subjects[senders.FIRST :][:100]) >= 90, "the P0 waited for the rest of the other broadcast"
        assert set(relay.times().values()) == {2}


def test_an_idle_connection_ends_politely(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept for the next batch, and after some seconds closed with QUIT."""
    monkeypatch.setattr(relays, "IDLE", 0.3)
    with taker() as relay:
        office = opened(relay, 3)
        office.broadcast()
        office.send()
        assert relay.open > 0
        assert relay.goodbyes == 0
        time.sleep(0.4)

        def ended() -> bool:
            office.app.sender.send_once()
            return relay.open == 0 and not office.app.sender.relay.connected

        servers.wait_until(ended, what="the end of the connections")
        assert relay.goodbyes == relay.connections


# --- one recipient, one mail -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("pipelining", [True, False])
def test_one_bad_recipient_of_500_costs_only_itself(opened: Open, pipelining: bool) -> None:
    """R4: 1 bad of 500 recipients: 499 delivered once, 1 recorded. DATA is taken all the same, as some relays do."""

    def answer(connection: int, stage: str, rcpt: str) -> bytes | None:
        return b"550 5.1.1 unknown" if stage == "rcpt" and rcpt == reader(250) else None

    with taker(answer=answer, features=b"250-x\r\n250 PIPELINING\r\n" if pipelining else b"250 x\r\n") as relay:
        office = opened(relay, 500)
        office.broadcast()
        office.send()
        assert relay.times() - Counter([""]) == Counter(everybody(500)) - Counter([reader(250)])
        assert office.rows() == [("bounced", 1), ("sent", 499)]
        query = "SELECT p.address, d.reply FROM delivery d JOIN person p ON p.id = d.person WHERE d.state = 'bounced'"
        assert office.rows(query) == [(reader(250), "550 5.1.1 unknown")]
        assert relay.connections <= 4


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "end"])
def test_421_at_each_position_of_a_batch(opened: Open, stage: str) -> None:
    """S3: 421 at each position of a 50 batch: 0 lost, 0 duplicates among those never accepted."""
    said: set[str] = set()

    def answer(connection: int, where: str, rcpt: str) -> bytes | None:
        if where == "mail":
            return b"421 4.3.2 going down" if stage == "mail" and connection % 2 == 0 else None
        if where != stage or rcpt in said:
            return None
        said.add(rcpt)
        return b"421 4.3.2 going down"

    with taker(answer=answer) as relay:
        office = opened(relay, 50)
        office.broadcast()
        for _ in range(60):
            try:
                office.later(70)
            except RelayDown:
                continue
            if office.rows() == [("sent", 50)]:
                break
        assert office.rows() == [("sent", 50)]
        twice = {rcpt for rcpt, count in relay.times().items() if count > 1}
        assert relay.times().keys() == everybody(50).keys()
        assert (twice if stage != "end" else set()) == set()
        assert office.ambiguous() == set(), "421 is a clear no, after the dot too"


# --- a bad network ---------------------------------------------------------------------------------------------------


def test_connections_that_are_cut_anywhere_double_only_what_is_ambiguous(opened: Open) -> None:
    """S2, R3: each connection is cut after another number of bytes, in every command, body and dot: the mails whose dot
    the relay had read go out once more with the same bytes, all others once; as many are ambiguous as connections were
    cut, at most."""
    with taker() as relay:
        office = opened(relay, 400)
        office.broadcast()
        length = 460  # bytes of one mail and its envelope, about
        cuts = [*range(1, length, 7), *range(length, 3 * length, 11)]
        relay.cut_after = lambda connection: cuts[connection] if connection < len(cuts) else None
        for _ in range(40):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(relays, "ALONE", 0.0)
                try:
                    office.later()
                except RelayDown:  # ended before it had taken anything, many times in a row
                    continue
            if office.rows() == [("sent", 400)]:
                break
        assert office.rows() == [("sent", 400)]
        assert relay.connections > len(cuts)
        times = relay.times()
        assert times == Counter(everybody(400)) + Counter(relay.unanswered)
        assert set(relay.unanswered) <= office.ambiguous()
        assert len(relay.unanswered) >= 8, "the test must cut behind some dots"
        for rcpt in set(relay.unanswered):
            assert len({raw for to, raw in relay.mails if to == rcpt}) == 1


def test_a_big_mail_that_is_cut_in_its_middle_is_not_ambiguous(opened: Open) -> None:
    """S2: the final dot never left: the relay cannot have the mail."""
    with taker(cut_after=lambda connection: 200_000 if connection == 0 else None) as relay:
        office = opened(relay, 1)
        office.broadcast(body=b"Subject: big\r\n\r\n" + b"x" * 70 + b"\r\n" * 2 + (b"y" * 76 + b"\r\n") * 100_000)
        office.send()
        assert office.rows() == [("deferred", 1)]
        office.later()
        assert office.rows() == [("sent", 1)]
        assert office.ambiguous() == set()
        assert relay.times() == {reader(0): 1}


def test_a_connection_that_hangs_keeps_nobody_waiting(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """S7: 1 slow + 1 good: the good one is unaffected; neither is the mail whose envelope went to the slow one."""
    monkeypatch.setattr(relays, "HANGS", 0.3)

    def answer(connection: int, stage: str, rcpt: str) -> bytes | None:
        return SILENT if stage == "end" and rcpt == reader(100) else None

    with taker(answer=answer) as relay:
        office = opened(relay, 300, 2)
        office.broadcast()
        started = time.monotonic()
        servers.wait_until(
            lambda: office.app.sender.send_once() and len(relay.times()) == 300, what="the mails of all others"
        )
        assert time.monotonic() - started < 10
        for _ in range(3):
            office.app.sender.send_once()
        assert office.rows() == [("sending", 1), ("sent", 299)]
        office.broadcast(rank=0)
        servers.wait_until(lambda: office.app.sender.send_once() and len(relay.mails) == 599, what="the next mails")
        assert relay.times() == Counter(everybody(300)) + Counter(everybody(300)) - Counter([reader(100)])


@pytest.mark.parametrize("mode", ["single", "batch"])
def test_what_waits_behind_a_mail_that_hangs_keeps_nobody_else_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """S7: 1 slow + 1 good: the good one is unaffected, also where more urgent mails to the slow one's reader are due,
    which can go only after it."""
    monkeypatch.setattr(senders, "TOO_OLD", 0.1)

    def answer(connection: int, stage: str, rcpt: str) -> bytes | None:
        return SILENT if stage == "end" and rcpt == reader(0) else None

    with taker(answer=answer) as relay, desk(tmp_path, relay, 1, 2, mode=mode) as office:
        office.broadcast(rank=0)
        office.app.sender.send_once()
        for _ in range(4):
            office.broadcast(rank=1)
            office.app.sender.send_once()
        with office.app.store.transaction():
            audience.join(office.app.store, reader(1), office.clock.now())
        office.broadcast(rank=2)
        servers.wait_until(
            lambda: office.app.sender.send_once() and reader(1) in relay.times(), 5, "the mail of somebody else"
        )
        assert office.rows() == [("queued", 5), ("sending", 1), ("sent", 1)]


def test_what_hangs_too_long_is_ambiguous_and_goes_again(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """S7, S2: no answer to the final dot in time: that mail is tried again with the same bytes, once."""
    silent = [SILENT]

    def answer(connection: int, stage: str, rcpt: str) -> bytes | None:
        return silent.pop() if silent and stage == "end" and rcpt == reader(5) else None

    with taker(answer=answer) as relay:
        office = opened(relay, 20)
        monkeypatch.setitem(office.app.sender.relay._limits, "end", 0.5)
        office.broadcast()
        office.send()
        assert office.rows() == [("deferred", 1), ("sent", 19)]
        assert office.ambiguous() == {reader(5)}
        office.later()
        assert relay.times() == Counter(everybody(20)) + Counter([reader(5)])
        assert len({raw for rcpt, raw in relay.mails if rcpt == reader(5)}) == 1


# --- the relay lets nobody in ----------------------------------------------------------------------------------------


def test_a_relay_that_is_down_costs_no_attempt(opened: Open) -> None:
    """S1: no connection to be had: what was claimed is queued again, untouched, and the caller hears of it."""
    office = opened(servers.Sink(port=servers.free_port()), 30)
    office.broadcast()
    for _ in range(3):
        with pytest.raises(RelayDown):
            office.app.sender.send_once()
    assert office.rows("SELECT DISTINCT state, attempts, holder FROM delivery") == [("queued", 0, "")]


def test_a_relay_that_lets_only_one_in_is_used_as_it_is(opened: Open) -> None:
    """S6: a provider's limit on connections: the mails go over those that it gives; it is not asked again and again."""
    with taker(greeting=lambda connection: b"421 too many\r\n" if connection else b"220 hi\r\n") as relay:
        office = opened(relay, 300)
        office.broadcast()
        office.send()
        assert relay.times() == everybody(300)
        assert relay.connections <= 4


def test_a_relay_that_ends_every_connection_is_left_alone(opened: Open) -> None:
    """S1: it greets and then hangs up at MAIL, each time: a few tries, then the relay counts as down; the attempts of
    the rest of the queue are not used up."""
    with taker(answer=lambda connection, stage, rcpt: b"421 4.3.2 not now") as relay:
        office = opened(relay, 300)
        office.broadcast()
        with pytest.raises(RelayDown, match="before it has taken a mail"):
            office.send()
        assert relay.connections < 20
        tried = dict(office.rows("SELECT attempts, COUNT(id) FROM delivery GROUP BY attempts"))
        assert tried[0] > 280


def test_what_is_refused_here_is_recorded_though_the_relay_is_down(opened: Open) -> None:
    """S8, R4: an address that must not go on the wire is recorded, whatever became of the relay meanwhile."""
    office = opened(servers.Sink(port=servers.free_port()), 3)
    with office.app.store.transaction():
        office.app.store.run("UPDATE person SET address = 'no address' WHERE address = ?", reader(0))
    office.broadcast()
    with pytest.raises(RelayDown):
        office.send()
    assert office.rows() == [("bounced", 1), ("queued", 3)], "two readers, and the notice to the operator"


# --- stopping, leaving, a store that fails ---------------------------------------------------------------------------


def test_stopping_finishes_what_is_on_its_way_and_gives_the_rest_back(opened: Open) -> None:
    """O5: SIGTERM: finish the mails in hand, no new claims; 0 lost, 0 duplicates after the restart."""
    with taker() as relay:
        office = opened(relay, 400)

        def answer(connection: int, stage: str, rcpt: str) -> bytes | None:
            if len(relay.mails) >= 50:
                office.app.sender.stopping.set()
            return None

        relay.answer = answer
        office.broadcast()
        while not office.app.sender.stopping.is_set():
            office.app.sender.send_once()
        office.app.sender.close()
        sent = len(relay.mails)
        assert 50 <= sent < 400
        assert office.rows() == [("queued", 400 - sent), ("sent", sent)]
        assert office.rows("SELECT DISTINCT attempts FROM delivery WHERE state = 'queued'") == [(0,)]
        relay.answer = lambda connection, stage, rcpt: None
        office.app.sender.stopping.clear()
        office.send()
        assert relay.times() == everybody(400)


@contextmanager
def between_two_claims(opened: Open, readers: int) -> Iterator[tuple[Taker, Desk]]:
    """A slow relay that has the first claim of a broadcast; the next is not made."""
    with taker(answer=lambda connection, stage, rcpt: time.sleep(0.02) if stage == "end" else None) as relay:
        office = opened(relay, readers)
        office.broadcast()
        office.app.sender.send_once()
        assert office.app.sender.relay.busy
        yield relay, office


def test_stopping_between_two_claims_finishes_what_is_on_its_way(opened: Open) -> None:
    """O5: SIGTERM when a claim is all on its way and the next is not made: the mails in hand are finished."""
    with between_two_claims(opened, 40) as (relay, office):
        office.app.sender.stopping.set()
        office.app.sender.close()
        sent = len(relay.mails)
        assert 0 < sent < 40
        assert office.rows() == [("queued", 40 - sent), ("sent", sent)]
        assert office.ambiguous() == set()


def test_sending_can_be_held_in_the_middle_of_a_broadcast(opened: Open) -> None:
    """docs/operating.md: "`triagemail hold all` stops sending within seconds", also while the relay is busy."""
    with between_two_claims(opened, 80) as (relay, office):
        with office.app.store.transaction():
            claims.hold_sending(office.app.store, office.clock.now())
        office.send()
        assert office.rows() == [("queued", 60), ("sent", 20)]
        assert len(relay.mails) == 20


@pytest.mark.parametrize("committed", [False, True])
def test_a_store_that_fails_at_a_claim_while_mails_are_on_their_way(
    opened: Open, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    """D8, R3: the next claim fails while the last one's mails are on their way: these keep their results, and what was
    claimed unseen is free again before others are claimed; nobody is left out, nobody gets a mail twice."""
    real, calls = claims.claim_deliveries, [0]
    unseen: list[str] = []

    def claim(*given: Any, **rest: Any) -> list[claims.Due]:
        calls[0] += 1
        if calls[0] != 2:
            return real(*given, **rest)
        assert office.app.sender.relay.busy
        unseen.extend(due.address for due in (real(*given, **rest) if committed else ()))
        raise pw.OperationalError("the connection is lost")

    monkeypatch.setattr(claims, "claim_deliveries", claim)
    with taker(answer=lambda connection, stage, rcpt: time.sleep(0.005) if stage == "end" else None) as relay:
        office = opened(relay, 1500)
        office.broadcast()
        with pytest.raises(pw.OperationalError, match="lost"):
            office.send()
        office.send()
        assert relay.times() == everybody(1500)
        assert office.rows() == [("sent", 1500)]
        assert office.ambiguous() == set(unseen)
        assert bool(unseen) == committed
        last = max((place for place, (rcpt, _) in enumerate(relay.mails) if rcpt in unseen), default=0)
        assert last < 1400, "they waited until all others had gone"


def test_no_body_goes_out_while_a_result_is_not_committed(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """R3: the store fails at a result: nothing more is sent on any connection before it is committed, no result is
    forgotten, and nobody gets a mail twice."""
    real, calls = claims.record, [0]

    def record(*given: Any) -> None:
        calls[0] += 1
        if 10 <= calls[0] < 13:
            raise OSError("the disk is full")
        real(*given)

    monkeypatch.setattr(claims, "record", record)
    with taker() as relay:
        office = opened(relay, 200)
        office.broadcast()
        with pytest.raises(OSError, match="full"):
            office.send()
        time.sleep(0.2)
        noted = dict(office.rows())["sent"]
        assert 0 < len(relay.mails) - noted <= 4
        before = len(relay.mails)
        for _ in range(2):
            with pytest.raises(OSError, match="full"):
                office.send()
        assert len(relay.mails) == before
        office.send()
        assert relay.times() == everybody(200)
        assert office.rows() == [("sent", 200)]


def test_who_leaves_while_a_mail_is_on_its_way_gets_no_other_try(opened: Open) -> None:
    """U6: checked again at send time: what was claimed when its reader left is not tried again."""
    with taker() as relay:
        office = opened(relay, 3)

        def answer(connection: int, stage: str, rcpt: str) -> bytes | None:
            if stage == "rcpt" and rcpt == reader(1):
                thread = threading.Thread(target=goodbye)
                thread.start()
                thread.join()
                return b"450 4.2.0 later"
            return None

        def goodbye() -> None:
            store = Store(office.app.store.url)
            with store.transaction():
                audience.leave(store, reader(1), office.clock.now())
            store.close()

        relay.answer = answer
        office.broadcast()
        office.send()
        assert office.rows() == [("sent", 2), ("withdrawn", 1)]
        relay.answer = lambda connection, stage, rcpt: None
        office.later(70)
        assert relay.times() == Counter([reader(0), reader(2)])


def test_a_hundred_races_of_leaving_and_sending(opened: Open) -> None:
    """U6: 100 races: 0 mails > 5 s after the goodbye commit. Readers leave while a slow relay takes the broadcast;
    here nobody whose goodbye was committed is written to later than what was on its way takes to be answered."""
    reached: dict[str, float] = {}
    left: dict[str, float] = {}

    def answer(connection: int, stage: str, rcpt: str) -> bytes | None:
        if stage == "end":
            begun.set()
            time.sleep(0.004)
            reached[rcpt] = time.monotonic()
        return None

    ready, begun = threading.Event(), threading.Event()
    with taker(answer=answer) as relay:
        office = opened(relay, 300)
        office.broadcast()

        def leave() -> None:
            store = Store(office.app.store.url)
            store.connect()
            ready.set()  # however long that took: else all may have been sent before the first goodbye
            begun.wait(10)
            for number in random.Random(6).sample(range(300), 100):
                with store.transaction():
                    audience.leave(store, reader(number), office.clock.now())
                left[reader(number)] = time.monotonic()
            store.close()

        thread = threading.Thread(target=leave)
        thread.start()
        assert ready.wait(10)
        office.send()
        thread.join()
        late = {who: reached[who] - at for who, at in left.items() if who in reached and reached[who] > at}
        assert not late or max(late.values()) < 5
        states = dict(office.rows())
        assert states["withdrawn"] > 0, "no goodbye was in time: these were no races"
        assert states["sent"] + states["withdrawn"] == 300
        assert len(relay.mails) == states["sent"] >= 200


def test_what_is_claimed_and_not_begun_goes_back_after_seconds(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """U6: 0 mails > 5 s after the goodbye commit: behind a relay that hangs nothing stays claimed, so a goodbye finds
    it."""
    monkeypatch.setattr(senders, "TOO_OLD", 0.2)
    with taker(answer=lambda connection, stage, rcpt: SILENT if stage == "end" else None) as relay:
        office = opened(relay, 40)
        office.broadcast()
        office.app.sender.send_once()
        with office.app.store.transaction():
            for number in range(40):
                audience.leave(office.app.store, reader(number), office.clock.now())
        for _ in range(5):
            office.app.sender.send_once()
        assert len(relay.mails) == 4
        assert office.rows() == [("withdrawn", 40)]


def test_a_mail_that_cannot_be_made_holds_up_nobody_else(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """R4: a fault of ours in one copy: it waits for its lease to run out; the others are queued again at once."""
    real = Personal.__call__

    def personal(self: Personal, due: claims.Due) -> tuple[str, bytes]:
        if due.address == reader(3):
            raise ZeroDivisionError
        return real(self, due)

    monkeypatch.setattr(Personal, "__call__", personal)
    with taker() as relay:
        office = opened(relay, 10)
        office.broadcast()
        with pytest.raises(ZeroDivisionError):
            office.send()
        office.send()
        assert relay.times() == Counter(everybody(10)) - Counter([reader(3)])
        assert office.rows() == [("sending", 1), ("sent", 9)]


def test_an_idle_relay_that_hung_up_costs_nothing(opened: Open) -> None:
    """S1, RFC 5321 3.8: connections that the relay ended meanwhile are noticed; the next mails go over new ones."""
    with taker() as relay, faults.fault_proxy(relay.port) as proxy:
        office = opened(proxy, 30)
        for round_ in range(1, 4):
            office.broadcast()
            office.send()
            assert set(relay.times().values()) == {round_}
            time.sleep(0.2)  # a connection that was still being opened has been
            proxy.drop()
            time.sleep(0.2)  # and the ends have arrived, as they have on one that was idle
        assert office.rows("SELECT DISTINCT state, attempts FROM delivery") == [("sent", 1)]


def test_an_unused_connection_that_was_ended_delays_no_mail(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """S1: one that was opened beside the others when all mails were out has carried nothing; if the relay ends it, the
    next mail goes over another one at once, not a minute later."""
    monkeypatch.setattr(relays, "KEPT", 0.0)
    with taker() as relay, faults.fault_proxy(relay.port) as proxy:
        office = opened(proxy, 3)
        office.app.sender.relay.connect()
        proxy.drop()
        time.sleep(0.2)  # its end has arrived
        office.broadcast()
        office.send()
        assert relay.times() == everybody(3)
        assert office.rows("SELECT DISTINCT state, attempts FROM delivery") == [("sent", 1)]


def test_a_relay_that_ends_connections_after_some_mails(opened: Open) -> None:
    """A limit of mails a connection: `421` or a plain end at the next MAIL is about the connection, not the mail."""
    counts: Counter[int] = Counter()

    def answer(connection: int, stage: str, rcpt: str) -> bytes | None:
        counts[connection] += stage == "mail"
        if stage == "mail" and counts[connection] > 10:
            return HANG_UP if connection % 2 else b"421 4.7.0 enough for one connection"
        return None

    with taker(answer=answer) as relay:
        office = opened(relay, 200)
        office.broadcast()
        office.send()
        assert relay.times() == everybody(200)
        assert office.rows("SELECT DISTINCT state, attempts FROM delivery") == [("sent", 1)]


# --- the operator ----------------------------------------------------------------------------------------------------


def test_what_the_operator_heard_from_memory_is_not_told_again_when_the_database_heals(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R12, D6: one notice an hour and cause, "operator notice (sent from memory), heal alone": of a full disk the
    operator hears once, though the same is told again once the database takes mails; another cause is told."""
    with taker() as relay:
        office = opened(relay, 1)
        notices, real = office.app.notices, Store.transaction

        def full(store: Store) -> Any:
            raise pw.OperationalError("database or disk is full")

        monkeypatch.setattr(Store, "transaction", full)
        assert notices.tell("the database does not work", "it is full")
        assert not notices.tell("the database does not work", "it is full")
        monkeypatch.setattr(Store, "transaction", real)
        assert not notices.tell("the database does not work", "it was full")
        office.send()
        assert [rcpt for rcpt, _ in relay.mails] == [office.app.policy.operator]
        assert notices.tell("the relay takes nothing", "450")
