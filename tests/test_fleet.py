"""Several processes on one PostgreSQL: who gets what, and what becomes of it when one is gone (design.md 7)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import conftest
import pytest
from peewee import IntegrityError, OperationalError

from triagemail import config as configs
from triagemail.app import App, InUse, alone, build
from triagemail.files import take_one
from triagemail.mail.lanes import lane
from triagemail.presence import Presence
from triagemail.process.model import Issue
from triagemail.store import audience, claims, processes, tallies
from triagemail.store.claims import Arrival
from triagemail.store.engines import LZ4, Conflict
from triagemail.store.store import Store

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
REPORT = (
    "From: {who}\r\nTo: issues@acme.example\r\nSubject: It is blank\r\nMessage-ID: <{n}@x.example>\r\n\r\nIt is.\r\n"
)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    yield from conftest.postgresql(tmp_path)


@pytest.fixture
def stores(url: str) -> Iterator[Callable[[], Store]]:
    """Stores on one database, each as another process would have it."""
    made: list[Store] = []

    def new() -> Store:
        made.append(Store(url))
        made[-1].open()
        return made[-1]

    yield new
    for store in made:
        store.close()


@pytest.fixture
def apps(url: str, tmp_path: Path) -> Iterator[Callable[[], App]]:
    """Whole services on one database."""
    made: list[App] = []
    base = configs.load(None)
    config = replace(
        base,
        folder=tmp_path,
        mail=replace(base.mail, address="issues@acme.example"),
        imap=replace(base.imap, host=""),
        people=replace(base.people, triagers=("sara@acme.example",), reporters=("*",), internal=("acme.example",)),
        store=replace(base.store, url=url),
    )

    def new() -> App:
        made.append(build(config, keys={"a": b"k" * 32}))
        made[-1].store.open()
        return made[-1]

    yield new
    for app in made:
        app.store.close()


def take(store: Store, *authors: str) -> None:
    with store.transaction():
        claims.take(store, [Arrival(REPORT.format(who=who, n=n).encode(), NOW) for n, who in enumerate(authors)])


def queue(store: Store, *people: str) -> None:
    with store.transaction():
        for person in people:
            number = claims.add_outgoing(
                store, issue=1, template="t", subject="s", text="t", head=b"h", body=b"b", detail="",
                null_sender=False, broadcast=False, automatic=False, rank=2, day=1, key="a", now=NOW,
            )  # fmt: skip
            claims.add_delivery(store, number, store.person(person), 2)


def ids(mails: list[claims.Claimed]) -> list[int]:
    return [mail.inbox for mail in mails]


# --- lanes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("To: issues+ar h.b.cx-".replace(" ", "") + "a" * 26 + "@acme.example", "issue:7"),
        ("References: <arh.b.cx-" + "a" * 26 + ".b.triagemail@acme.example>", "issue:7"),
        ("Delivered-To: ISSUES+ARH.B.CX-" + "A" * 20 + "@acme.example", "issue:7"),
        ("Subject: arh.b.cx-short", "from"),
        ("To: issues+ara.b.cx-" + "a" * 26 + "@acme.example", "from"),
    ],
)
def test_the_lane_is_the_issue_of_a_token_else_who_wrote(header: str, expected: str) -> None:
    """T1 sets `lane`: the issue of a token in the headers, else a hash of From."""
    raw = f"Received: x\r\nFrom: Bob <Bob@acme.example>\r\n{header}\r\n\r\nTo: issues+arb.b.b-{'a' * 26}@x\r\n".encode()
    assert lane(raw).startswith(expected)
    if expected == "from":
        assert lane(raw) == lane(b"from: bob@ACME.example \n\nother") != lane(b"From: carl@acme.example\n\n")


def test_a_mail_without_an_author_has_no_lane() -> None:
    assert lane(b"") == lane(b"\xff\0") == lane(b"\r\n\r\nFrom: bob@acme.example") == ""


def test_only_the_head_of_a_lane_is_claimed(stores: Callable[[], Store]) -> None:
    """A claim takes only the head of a lane: the second mail of a person waits until the first is done."""
    one, two = stores(), stores()
    take(one, "bob@acme.example", "carl@acme.example", "Bob <bob@acme.example>", "bob@acme.example")
    assert ids(claims.claim_mails(one, NOW, "one")) == [1, 2]
    assert ids(claims.claim_mails(two, NOW, "two")) == []
    with one.transaction():
        assert claims.finish_mail(one, 1, "one", "done", NOW)
    assert ids(claims.claim_mails(two, NOW, "two")) == [3]


def test_a_claim_waits_for_no_other(stores: Callable[[], Store]) -> None:
    """SKIP LOCKED: what another process is just claiming is passed by, and nobody gets a mail twice."""
    one, two = stores(), stores()
    take(one, *(f"p{n}@acme.example" for n in range(6)))
    with one.transaction():
        first = claims.claim_mails(one, NOW, "one", 4)
        began = time.monotonic()
        assert ids(claims.claim_mails(two, NOW, "two", 4)) == [5, 6]
        assert time.monotonic() - began < 0.5
    assert ids(first) == [1, 2, 3, 4]


def test_many_claimers_get_each_mail_once(stores: Callable[[], Store]) -> None:
    """R1: nothing twice, nothing left out, and the mails of a lane in their order."""
    takers = [stores() for _ in range(4)]
    take(takers[0], *(f"p{n % 7}@acme.example" for n in range(210)))
    done: list[int] = []

    def work(store: Store, name: str) -> None:
        while len(done) < 210:
            for mail in claims.claim_mails(store, NOW, name, 3):
                done.append(mail.inbox)  # before the commit, so that nobody can have the next one of its lane yet
                with store.transaction():
                    assert claims.finish_mail(store, mail.inbox, name, "done", NOW)
        store.close()

    threads = [threading.Thread(target=work, args=(store, f"w{n}")) for n, store in enumerate(takers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(done) == list(range(1, 211))
    for person in range(7):
        mine = [number for number in done if (number - 1) % 7 == person]
        assert mine == sorted(mine)


# --- what another one has taken over ---------------------------------------------------------------------------------


def test_who_was_taken_for_dead_changes_nothing(apps: Callable[[], App]) -> None:
    """A decision exactly once: who lost a mail to another process brings its own transaction to nothing."""
    slow, quick = apps(), apps()
    take_one(slow.store, REPORT.format(who="bob@acme.example", n=1).encode(), NOW, "deliver")
    (claimed,) = claims.claim_mails(slow.store, slow.clock.now(), slow.worker.units.holder)
    processes.give_up_the_dead(slow.store)  # it never said that it is there
    assert quick.worker.work_once()
    from triagemail.mail import mime

    slow.worker.units.commit([(claimed, mime.parse(claimed.raw))], slow.worker._one)
    assert slow.store.all("SELECT state, issue FROM inbox") == [("done", 1)]
    assert slow.store.one("SELECT COUNT(*) FROM issue")[0] == 1


def test_the_rows_of_a_process_are_free_when_it_is_gone(stores: Callable[[], Store]) -> None:
    """D9: a row names its holder and is free when the holder is gone; a strike stays, and what may have been sent is
    counted."""
    one, two = stores(), stores()
    processes.renew(one, "one", "host:1", "work,send")
    processes.renew(two, "two", "host:2", "work,send")
    take(one, "bob@acme.example")
    queue(one, "lena@acme.example")
    claims.claim_mails(one, NOW, "one")
    claims.claim_deliveries(one, NOW, "one", 9)
    assert processes.give_up_the_dead(two) == (0, 0)
    one.run("UPDATE process SET alive_until = 1 WHERE id = 'one'")
    assert [process.alive for process in processes.processes(two)] == [False, True]
    assert processes.give_up_the_dead(two) == (1, 1)
    assert [mail.attempts for mail in claims.claim_mails(two, NOW, "two")] == [2]
    assert [(due.attempts, due.ambiguous) for due in claims.claim_deliveries(two, NOW, "two", 9)] == [(2, 1)]
    assert not processes.renew(one, "one", "host:1", "work"), "it is told that it was given up"


def test_what_another_has_is_not_given_back(stores: Callable[[], Store]) -> None:
    """A sender that was taken for dead gives back only what is still its own."""
    one, two = stores(), stores()
    queue(one, "lena@acme.example")
    (due,) = claims.claim_deliveries(one, NOW, "one", 9)
    processes.give_up_the_dead(two)
    claims.claim_deliveries(two, NOW, "two", 9)
    claims.unclaim(one, [due.delivery], "one")
    assert one.all("SELECT state, holder FROM delivery") == [("sending", "two")]


def test_a_person_has_mails_from_one_process_at_a_time(stores: Callable[[], Store]) -> None:
    """Deliveries to one person keep their order: the second one is claimed by who has the first, or later."""
    one, two = stores(), stores()
    queue(one, "lena@acme.example", "tom@acme.example", "lena@acme.example", "kim@acme.example")
    assert [due.delivery for due in claims.claim_deliveries(one, NOW, "one", 1)] == [1]
    assert [due.delivery for due in claims.claim_deliveries(two, NOW, "two", 9)] == [2, 4]
    assert [due.delivery for due in claims.claim_deliveries(one, NOW, "one", 9)] == [3]


def test_a_broadcast_is_expanded_by_one(stores: Callable[[], Store]) -> None:
    """A slice of a broadcast is made once, and nobody waits for it."""
    one, two = stores(), stores()
    with one.transaction():
        audience.join(one, "lena@acme.example", NOW)
        claims.add_outgoing(
            one, issue=1, template="t", subject="s", text="t", head=b"h", body=b"b", detail="", null_sender=False,
            broadcast=True, automatic=False, rank=2, day=1, key="a", now=NOW,
        )  # fmt: skip
    with one.transaction():
        assert audience.expand(one)
        assert not audience.expand(two)
    assert one.one("SELECT COUNT(*) FROM delivery")[0] == 1


def test_who_leaves_while_a_broadcast_is_expanded_gets_nothing(stores: Callable[[], Store]) -> None:
    """U6: 0 mails after the goodbye, also where another process was just making the reader's row."""
    one, two = stores(), stores()
    with one.transaction():
        audience.join(one, "lena@acme.example", NOW)
        claims.add_outgoing(
            one, issue=1, template="t", subject="s", text="t", head=b"h", body=b"b", detail="", null_sender=False,
            broadcast=True, automatic=False, rank=2, day=1, key="a", now=NOW,
        )  # fmt: skip

    def leave() -> None:
        with two.transaction():
            audience.leave(two, "lena@acme.example", NOW)
        two.close()

    leaving = threading.Thread(target=leave)
    with one.transaction():
        assert audience.expand(one)
        leaving.start()
        leaving.join(0.5)
        assert leaving.is_alive(), "it waits for the rows"
    leaving.join(10)
    assert one.all("SELECT state FROM delivery") == [("withdrawn",)]


def test_nobody_waits_for_a_number(stores: Callable[[], Store]) -> None:
    """Two processes file reports at the same time: each has a number of its own before the other one commits."""
    one, two = stores(), stores()
    with one.transaction():
        assert one.next_number() == 1
        with two.transaction():
            assert two.next_number() == 2
            two.count_numbers(2)
        assert one.next_number(1) == 1, "it is still there where it was not used"
        one.count_numbers(1)
    assert one.next_number(2) == 3
    assert two.next_number() == 5
    one.count_numbers(3)
    assert one.next_number() == 4
    with pytest.raises(ZeroDivisionError), one.transaction():  # noqa: PT012
        one.count_numbers(4)
        raise ZeroDivisionError
    assert one.next_number() == 4
    one.count_numbers(900)  # a mail about an issue of somebody else's
    assert one.next_number() == 6


def test_a_number_in_hand_is_given_up_with_the_connection(stores: Callable[[], Store]) -> None:
    """A draw does not wait for the disk: a PostgreSQL that has crashed may have forgotten it, and gives the number to
    somebody else. Whoever had it in hand lost the connection then, and takes another."""
    one, two = stores(), stores()
    assert one.next_number() == 1
    two.run("UPDATE counter SET value = 0 WHERE name = 'issue'")  # as after a crash
    with two.transaction():
        assert two.next_number() == 1
        two.count_numbers(1)
    one.close()  # as a loop does after each fault of the store
    assert one.next_number() == 2
    issue = Issue(number=1, reporter="bob@acme.example", headline="x", opened_at=NOW)
    two.save_issue(issue, new=True)
    with pytest.raises(IntegrityError):  # else another's issue would be lost
        one.save_issue(replace(issue, headline="y"), new=True)
    one.save_issue(replace(issue, headline="z"), issue)


def test_two_who_count_mails_do_not_wait_for_each_other(stores: Callable[[], Store]) -> None:
    """Each mail is counted (trust.md 3.5): one row for all would let no two processes commit at a time."""
    one, two = stores(), stores()
    rules = {"span": timedelta(minutes=10), "keep": timedelta(days=8)}
    with one.transaction():
        tallies.count(one, "internal", NOW, **rules)
        two.run("SET lock_timeout = '1s'")
        with two.transaction():
            tallies.count(two, "internal", NOW, **rules)
            tallies.count(two, "internal", NOW, **rules)
    later = NOW + timedelta(minutes=10)
    assert tallies.counted(one, "internal", NOW, later, span=rules["span"]) == 3


def test_mails_are_compressed_the_cheap_way(stores: Callable[[], Store]) -> None:
    """Where the server knows LZ4, each connection asks for it; on one that does not, nothing is said."""
    store = stores()
    known = "SELECT COUNT(*) FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)"
    if not store.one(known)[0]:
        pytest.skip("this PostgreSQL was built without LZ4")
    body = b"It is blank since nine o'clock.\r\n" * 1_000
    number = store.one("INSERT INTO raw (body, size) VALUES (?, ?) RETURNING id", body, len(body))[0]
    assert store.one("SELECT pg_column_compression(body) FROM raw WHERE id = ?", number) == ("lz4",)
    assert store.all(LZ4.replace("'lz4' = ANY", "'no such' = ANY")) == []
    assert claims.raw(store, number) == body


# --- timers and locks ------------------------------------------------------------------------------------------------


def test_a_timer_is_fired_by_one(stores: Callable[[], Store]) -> None:
    """Timers are claimed like mails: what another one has in hand is passed by, and what it moved does not fire."""
    one, two = stores(), stores()
    with one.transaction():
        for number in (1, 2):
            one.save_issue(Issue(number=number, reporter="bob@acme.example", headline="x", opened_at=NOW))
            one.set_timers(number, {"update": NOW}, 0)
    with one.transaction():
        assert claims.claim_timer(one, NOW) == (1, "update", NOW)
        with two.transaction():
            assert claims.claim_timer(two, NOW) == (2, "update", NOW)
        one.set_timers(1, {"update": NOW + timedelta(hours=1)}, 0)
    with two.transaction():
        assert claims.claim_timer(two, NOW) == (2, "update", NOW)


def test_a_timer_that_was_moved_meanwhile_does_not_fire(stores: Callable[[], Store]) -> None:
    """A TimerFired re-reads its timer row and does nothing if it moved."""
    one, two = stores(), stores()
    with one.transaction():
        one.save_issue(Issue(number=1, reporter="bob@acme.example", headline="x", opened_at=NOW))
        one.set_timers(1, {"update": NOW}, 0)
    real = two.one

    def moved_first(statement: str, *values: object) -> object:
        if "FROM issue" in statement:
            with one.transaction():
                one.set_timers(1, {"update": NOW + timedelta(hours=1)}, 0)
        return real(statement, *values)

    two.one = moved_first  # type: ignore[method-assign]
    with two.transaction():
        assert claims.claim_timer(two, NOW) is None


def test_two_that_change_an_issue_come_one_after_the_other(stores: Callable[[], Store]) -> None:
    """T2 locks its issues before it reads them: nothing that another one wrote is overwritten unread."""
    one, two = stores(), stores()
    issue = Issue(number=1, reporter="bob@acme.example", headline="", opened_at=NOW)
    with one.transaction():
        one.save_issue(issue)

    def add(store: Store, letter: str) -> None:
        for _ in range(20):
            with store.transaction():
                found = store.issues([1], lock=True)[1]
                store.save_issue(replace(found, headline=found.headline + letter))
        store.close()

    threads = [threading.Thread(target=add, args=pair) for pair in ((one, "a"), (two, "b"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(one.issues([1])[1].headline) == ["a"] * 20 + ["b"] * 20


def test_a_deadlock_is_a_conflict_and_leaves_nothing(stores: Callable[[], Store]) -> None:
    """D8: serialization errors: the whole unit of work is to be redone."""
    one, two = stores(), stores()
    with one.transaction():
        for number in (1, 2):
            one.save_issue(Issue(number=number, reporter="bob@acme.example", headline="x", opened_at=NOW))
    both = threading.Barrier(2)
    ends: list[str] = []

    def cross(store: Store, first: int, second: int) -> None:
        try:
            with store.transaction():
                store.person(f"p{first}@acme.example")
                store.issues([first], lock=True)
                both.wait(10)
                store.issues([second], lock=True)
            ends.append("done")
        except Conflict:
            ends.append("conflict")
            assert not store.met.__dict__, "it knows nobody who was never committed"
        store.close()

    threads = [threading.Thread(target=cross, args=each) for each in ((one, 1, 2), (two, 2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(ends) == ["conflict", "done"]
    assert one.one("SELECT COUNT(*) FROM person")[0] == 1


def test_a_mail_in_a_deadlock_is_decided_once_and_without_a_strike(apps: Callable[[], App]) -> None:
    """D8: redone at once; what is not its fault is no strike."""
    app = apps()
    take_one(app.store, REPORT.format(who="bob@acme.example", n=1).encode(), NOW, "deliver")
    real, times = claims.finish_mail, []

    def in_the_way(*values: object, **rest: object) -> bool:
        times.append(1)
        if len(times) <= 3:
            raise Conflict("somebody was in the way")
        return real(*values, **rest)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims, "finish_mail", in_the_way)
        assert app.worker.work_once()
    assert app.store.all("SELECT state, attempts, issue FROM inbox") == [("done", 1, 1)]
    assert app.store.one("SELECT COUNT(*) FROM event WHERE type = 'ReportFiled'")[0] == 1


def test_a_lost_connection_is_no_strike_and_the_mail_is_done_later(apps: Callable[[], App]) -> None:
    """D8: drop the connection, reconnect, redo the whole unit of work; whatever the driver calls it (M17)."""
    app, other = apps(), apps()
    take_one(app.store, REPORT.format(who="bob@acme.example", n=1).encode(), NOW, "deliver")
    mine = app.store.one("SELECT pg_backend_pid()")[0]
    real = claims.add_delivery

    def cut_off(*values: object) -> None:
        patch.setattr(claims, "add_delivery", real)
        other.store.one("SELECT pg_terminate_backend(?)", mine)
        real(*values)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims, "add_delivery", cut_off)
        with pytest.raises(Exception) as told:  # noqa: PT011
            app.worker.work_once()
    app._failed(told.value, 1)  # as its loop does
    assert app.worker.work_once()
    number = 2  # the one in hand went with the connection
    assert app.store.all("SELECT state, attempts, issue FROM inbox") == [("done", 1, number)]


# --- who is there ----------------------------------------------------------------------------------------------------


def test_an_announcement_wakes_the_other_process_at_once(apps: Callable[[], App]) -> None:
    """LISTEN/NOTIFY to wake them: long before the look at the queue once a second."""
    one, two = apps(), apps()
    woken = {"work": threading.Event(), "send": threading.Event()}
    with two.presence.shown(("work", "send"), woken):
        assert woken["work"].wait(5), "it begins with a look"
        time.sleep(0.2)
        woken["work"].clear()
        woken["send"].clear()
        began = time.monotonic()
        one._waking("work", None)()
        assert woken["work"].wait(5)
        assert time.monotonic() - began < 0.5
        assert not woken["send"].is_set()
        assert [process.parts for process in processes.processes(one.store)] == ["work,send"]
    assert processes.processes(one.store) == []


def test_who_is_not_known_sends_nothing(apps: Callable[[], App]) -> None:
    """A holder past alive_until sends nothing."""
    app = apps()
    queue(app.store, "lena@acme.example")
    assert not app.sender.send_once()
    assert app.store.all("SELECT state, attempts FROM delivery") == [("queued", 0)]
    app.presence.say()
    app.sender._claim()
    assert app.store.all("SELECT state, attempts FROM delivery") == [("sending", 1)]
    app.presence.said_at = time.monotonic() - 10.1
    assert not app.presence.is_known()


def test_a_delivery_is_not_lost_sight_of_when_the_store_fails_behind_its_claim(apps: Callable[[], App]) -> None:
    """D8: a claim that is committed and then forgotten, since its mail could not be read, is given back without delay
    by who has it, alive as it is."""
    app = apps()
    queue(app.store, "lena@acme.example", "tom@acme.example")
    app.presence.say()

    def gone(*values: object) -> None:
        raise OperationalError("the connection is lost")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims, "mail", gone)
        patch.setattr(claims, "unclaim", gone)
        with pytest.raises(OperationalError):
            app.sender.send_once()
    assert app.store.all("SELECT DISTINCT state FROM delivery") == [("sending",)]
    app.sender._claim()
    assert sorted(app.sender.dues) == [1, 2]
    assert app.store.all("SELECT DISTINCT state, ambiguous FROM delivery") == [("sending", 1)]


def test_nobody_migrates_or_forgets_while_a_process_is_there(stores: Callable[[], Store]) -> None:
    """`migrate` refuses while a process is alive; one that is gone does not hinder it."""
    store = stores()
    shown = Presence(store)
    with shown.shown(("work",)):
        with pytest.raises(InUse, match=r"stop these first: .*:\d+"), alone(store):
            pass
        store.run("UPDATE process SET alive_until = 1")
        with alone(store):
            pass


def test_the_last_word_of_a_process_that_was_killed_runs_out(stores: Callable[[], Store]) -> None:
    """alive_until 15 s, renewed every 5 s, by the clock of the database."""
    store = stores()
    assert not processes.renew(store, "one", "host:1", "work")
    assert processes.renew(store, "one", "host:1", "work")
    left = store.one(f"SELECT alive_until - {processes.NOW} FROM process")[0]
    assert 14_000_000 < left <= 15_000_000
