"""One contract for both engines: what the worker and the sender rely on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from triagemail.doors.imap import Fetched, MailboxLost
from triagemail.intake import Intake
from triagemail.process import events
from triagemail.process import intents as want
from triagemail.process.intents import Pending
from triagemail.process.model import Absence, Desk, Evidence, Issue, Level, Priority, State
from triagemail.store import audience, claims, confirmations, mailbox
from triagemail.store.claims import Arrival, Result
from triagemail.store.schema import micros
from triagemail.store.store import Store, StoreUnusable

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
BOB = "bob@acme.example"


def take(store: Store, *raws: bytes) -> None:
    with store.transaction():
        claims.take(store, [Arrival(raw, NOW) for raw in raws])


def an_issue(number: int, **fields: object) -> Issue:
    base: dict[str, object] = {"number": number, "reporter": BOB, "headline": "x", "opened_at": NOW}
    return Issue(**(base | fields))  # type: ignore[arg-type]


def outgoing(
    store: Store, *, broadcast: bool, automatic: bool = False, issue: int = 1, rank: int = 2, decision: str = ""
) -> int:
    return claims.add_outgoing(
        store, issue=issue, template="t", subject="s", text="t", head=b"h", body=b"b\0", detail="", null_sender=False,
        broadcast=broadcast, automatic=automatic, rank=rank, day=1, key="a", now=NOW, decision=decision,
    )  # fmt: skip


def states(store: Store) -> list[str]:
    return [s for (s,) in store.all("SELECT state FROM delivery ORDER BY id")]


def test_opening_twice_keeps_everything(store: Store) -> None:
    """A second start finds what the first one left."""
    take(store, b"raw")
    store.open()
    assert len(claims.claim_mails(store, NOW, "w")) == 1


def test_a_mail_is_claimed_once_and_its_strike_counted_before_it_is_parsed(store: Store) -> None:
    """ "Strikes are committed before parsing." """
    take(store, b"one\0\xff", b"two")
    first = claims.claim_mails(store, NOW, "w")
    assert [(m.raw, m.attempts) for m in first] == [(b"one\0\xff", 1), (b"two", 1)]
    assert claims.claim_mails(store, NOW, "other") == []


def test_a_row_with_a_strike_is_claimed_alone(store: Store) -> None:
    """A row with a strike is claimed alone, so that a mail which kills the process takes no other with it."""
    take(store, b"one", b"two", b"three")
    claims.claim_mails(store, NOW, "w")
    claims.free_leases(store)
    assert [m.raw for m in claims.claim_mails(store, NOW, "w")] == [b"one"]
    assert [m.raw for m in claims.claim_mails(store, NOW, "w")] == [b"two"]


def test_clean_rows_are_claimed_together_even_behind_a_struck_one(store: Store) -> None:
    """The mail behind a bad one goes through."""
    take(store, b"bad")
    claims.claim_mails(store, NOW, "w")
    take(store, b"good", b"better")
    assert [m.raw for m in claims.claim_mails(store, NOW, "w")] == [b"good", b"better"]


def test_a_transaction_is_whole_or_nothing(store: Store) -> None:
    """One transaction per unit of work."""
    with pytest.raises(ZeroDivisionError), store.transaction():  # noqa: PT012
        store.save_issue(an_issue(1))
        raise ZeroDivisionError
    assert store.issue(1) is None


def test_a_savepoint_gives_back_only_its_own_part(store: Store) -> None:
    """One bad mail of a batch is undone alone."""
    with store.transaction():
        store.save_issue(an_issue(1))
        with pytest.raises(ZeroDivisionError), store.savepoint():  # noqa: PT012
            store.save_issue(an_issue(2))
            raise ZeroDivisionError
    assert store.issue(1) is not None
    assert store.issue(2) is None


def test_issues_and_events_come_back_as_they_were(store: Store) -> None:
    issue = an_issue(7, state=State.OPEN, priority=Priority.P0, answers={"what": "Größe 🎉"}, next_update_at=NOW)
    event = events.UpdateSent(issue=7, at=NOW, by=BOB, text="fixed", next_update_at=NOW)
    with store.transaction():
        store.save_issue(issue)
        store.save_event(event, Evidence(Level.E2, "token"), 3, "d")
    assert store.issue(7) == issue
    assert store.open_issues() == (issue,)
    assert store.journal(7) == [(NOW, BOB, "E2", event)]


def test_numbers_are_drawn_without_gaps(store: Store) -> None:
    """A number is drawn only for a report that is kept."""
    with store.transaction():
        assert store.next_number() == 1
        store.count_numbers(1)
    with pytest.raises(ZeroDivisionError), store.transaction():  # noqa: PT012
        store.count_numbers(store.next_number())
        raise ZeroDivisionError
    with store.transaction():
        assert store.next_number() == 2


def test_timers_are_exactly_what_was_set(store: Store) -> None:
    later = NOW + timedelta(minutes=5)
    with store.transaction():
        store.set_timers(1, {"update": later, "remind": NOW}, 0)
        store.set_timers(2, {"lapse": NOW}, 2)
    assert store.due_timer(NOW) == (1, "remind", NOW)
    with store.transaction():
        store.set_timers(1, {"update": later}, 0)
    assert store.due_timer(NOW) == (2, "lapse", NOW)
    assert store.next_timer() == NOW


def test_a_clock_that_goes_back_lets_nothing_wait_longer(store: Store) -> None:
    """trust.md T2: leases and the next try of a mail keep what was left of them; the newest event tells that it did."""
    take(store, b"one")
    with store.transaction():
        person = store.person(BOB)
        claims.add_delivery(store, outgoing(store, broadcast=False), person, 2)
        store.set_timers(1, {"update": NOW}, 0)
        store.save_issue(an_issue(1), None)
        store.save_event(events.Commented(issue=1, at=NOW, by=BOB, text="x"), Evidence(Level.E2, "test"), None, "")
    assert store.latest() == NOW
    assert list(store.timed_issues()) == [1]
    assert len(claims.claim_mails(store, NOW, "w")) == 1
    store.run("UPDATE delivery SET state = 'deferred', retry_at = ?", micros(NOW + timedelta(minutes=4)))
    back = NOW - timedelta(days=1)
    with store.transaction():
        claims.set_back(store, timedelta(days=1), back)
    assert claims.next_retry(store) == back + timedelta(minutes=4)
    assert claims.claim_mails(store, back + timedelta(minutes=4), "other") == []
    assert len(claims.claim_mails(store, back + timedelta(minutes=6), "other")) == 1


def test_p0_timers_and_deliveries_go_first(store: Store) -> None:
    """P0 first in every queue."""
    with store.transaction():
        store.set_timers(1, {"lapse": NOW - timedelta(days=1)}, 2)
        store.set_timers(2, {"update": NOW}, 0)
        for rank in (2, 0, 1):
            claims.add_delivery(
                store, outgoing(store, broadcast=False, rank=rank), store.person(f"p{rank}@acme.example"), rank
            )
    assert store.due_timer(NOW) == (2, "update", NOW)
    assert [d.address for d in claims.claim_deliveries(store, NOW, "s", 9)] == [f"p{r}@acme.example" for r in (0, 1, 2)]


def test_a_duplicate_names_the_mail_that_came_first(store: Store) -> None:
    """I6: duplicate = same (Message-ID, From address, Date)."""
    with store.transaction():
        assert store.first_time("k", 1, NOW) == 0
        assert store.first_time("k", 2, NOW) == 1
        assert store.first_time("k", 1, NOW) == 0


def test_pending_intents_are_used_once(store: Store) -> None:
    """A confirmation: frozen action, single use; further ones join the same pending item."""
    wish = want.Subscribe(by=BOB, evidence=Evidence(Level.E0, "none-fresh"))
    with store.transaction():
        confirmations.hold(store, "hash", Pending((wish,), BOB, NOW), NOW)
        confirmations.join(store, Pending((wish,), BOB, NOW), NOW - timedelta(days=1))
    assert confirmations.asked(store, BOB, NOW - timedelta(days=1))
    found = confirmations.find(store, "hash")
    assert found is not None
    assert found.intents == (wish, wish)
    with store.transaction():
        confirmations.use(store, "hash", NOW)
    assert confirmations.find(store, "hash") is None


def test_a_broadcast_reaches_every_subscriber_once(store: Store) -> None:
    """One copy per subscriber: who takes part in the issue and is subscribed gets one as well."""
    with store.transaction():
        for n in range(7):
            audience.join(store, f"s{n}@acme.example", NOW)
        number = outgoing(store, broadcast=True)
        claims.add_delivery(store, number, store.person("s3@acme.example"), 2)
        claims.add_delivery(store, number, store.person(BOB), 2)
    assert audience.expand(store)
    assert not audience.expand(store)
    due = claims.claim_deliveries(store, NOW, "s", 100)
    assert sorted(d.address for d in due) == sorted([BOB, *(f"s{n}@acme.example" for n in range(7))])


def test_slices_go_on_where_they_stopped(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deliveries are made in slices with the cursor in the row, in the same transaction."""
    monkeypatch.setattr(audience, "SLICE", 3)
    with store.transaction():
        for n in range(7):
            audience.join(store, f"s{n}@acme.example", NOW)
        outgoing(store, broadcast=True)
    rounds = 0
    while audience.expand(store):
        rounds += 1
    assert rounds == 3
    assert len(states(store)) == 7


def test_leaving_withdraws_what_is_queued_but_not_the_mails_of_a_role(store: Store) -> None:
    """U6, U7: checked again at send time; a role holder's own mails go on."""
    with store.transaction():
        audience.join(store, BOB, NOW)
        outgoing(store, broadcast=True)
    audience.expand(store)
    with store.transaction():
        claims.add_delivery(store, outgoing(store, broadcast=False), store.person(BOB), 2)
        assert audience.leave(store, BOB, NOW)
        assert not audience.leave(store, BOB, NOW)
    assert states(store) == ["withdrawn", "queued"]
    assert audience.members(store) == []


def test_an_unsent_automatic_update_is_replaced_by_the_next(store: Store) -> None:
    """ "An unsent automatic update is replaced by the next of its issue." """
    with store.transaction():
        audience.join(store, BOB, NOW)
        outgoing(store, broadcast=True, automatic=True)
        outgoing(store, broadcast=True)
    while audience.expand(store):
        pass
    with store.transaction():
        claims.supersede(store, 1, NOW)
    assert states(store) == ["superseded", "queued"]


def test_results_move_a_delivery_on(store: Store) -> None:
    """Postfix's outcomes; a deferred one comes back at its time and no sooner."""
    with store.transaction():
        claims.add_delivery(store, outgoing(store, broadcast=False), store.person(BOB), 2)
    (due,) = claims.claim_deliveries(store, NOW, "s", 9)
    later = NOW + timedelta(minutes=1)
    claims.record(store, [Result(due.delivery, "deferred", "450 later", later)], NOW)
    assert claims.claim_deliveries(store, NOW, "s", 9) == []
    (again,) = claims.claim_deliveries(store, later, "s", 9)
    assert again.attempts == 2
    claims.record(store, [Result(due.delivery, "sent", "250 ok")], later)
    assert states(store) == ["sent"]


def test_what_a_killed_process_had_claimed_is_free_again(store: Store) -> None:
    """D9: a worker dies with claimed rows."""
    take(store, b"raw")
    with store.transaction():
        claims.add_delivery(store, outgoing(store, broadcast=False), store.person(BOB), 2)
    claims.claim_mails(store, NOW, "w")
    claims.claim_deliveries(store, NOW, "s", 9)
    assert claims.free_leases(store) == (1, 1)
    assert [m.attempts for m in claims.claim_mails(store, NOW, "w")] == [2]
    assert len(claims.claim_deliveries(store, NOW, "s", 9)) == 1


def test_held_mail_is_shown_released_and_dropped(store: Store) -> None:
    """Every queue row has a parking place, and a way out of it."""
    take(store, b"one", b"two")
    for mail in claims.claim_mails(store, NOW, "w"):
        with store.transaction():
            claims.finish_mail(store, mail.inbox, "w", "held", NOW, reason="odd")
    first, second = claims.held(store)
    assert (first.raw, first.odd) == (b"one", "odd")
    with store.transaction():
        assert claims.release_held(store, first.inbox)
        assert not claims.release_held(store, first.inbox)
        assert claims.drop_held(store, second.inbox)
    assert [m.attempts for m in claims.claim_mails(store, NOW, "w")] == [1]


def test_the_desk_comes_back_as_it_was_and_has_timers_of_its_own(store: Store) -> None:
    """The state of what is no issue, and its clocks: rows of issue 0."""
    desk = Desk(NOW, duty=BOB, absent=(Absence(BOB, NOW),), review=2)
    with store.transaction():
        assert store.desk() is None
        assert store.desk(lock=True) is None
        store.save_desk(desk)
        store.set_timers(0, {"digest": NOW}, 1)
    assert store.desk() == desk
    with store.transaction():
        store.save_desk(replace(desk, duty=""))
        assert store.desk(lock=True) == replace(desk, duty="")
    assert store.due_timer(NOW) == (0, "digest", NOW)


def test_only_one_at_a_time_changes_the_desk(store: Store) -> None:
    """ "`duty` takes it": whoever reads the desk to change it reads what the one before them has written."""
    store.save_desk(Desk(NOW))

    def take() -> None:
        other = Store(store.url)
        for _ in range(10):
            with other.transaction():
                desk = other.desk(lock=True)
                assert desk is not None
                other.save_desk(replace(desk, review=desk.review + 1))
        other.close()

    threads = [threading.Thread(target=take) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.desk() == Desk(NOW, review=30)


def test_a_receipt_leads_to_what_its_decision_did(store: Store) -> None:
    """Events carry the id of their Decision: `undo` is in reply to a receipt."""
    sure = Evidence(Level.E2, "token")
    named = events.OwnerNamed(issue=1, at=NOW, by=BOB, before="", after=BOB)
    done = [named, events.OwnerAccepted(issue=1, at=NOW, by=BOB)]
    with store.transaction():
        store.save_event(done[0], sure, None, "mark")
        store.save_event(events.OwnerAccepted(issue=2, at=NOW, by=BOB), sure, None, "other")
        store.save_event(events.OwnerAccepted(issue=2, at=NOW, by=BOB), sure, None, "")
        store.save_event(done[1], sure, None, "mark")
        receipt = outgoing(store, broadcast=False, decision="mark")
        plain = outgoing(store, broadcast=False)
        claims.add_delivery(store, receipt, store.person(BOB), 2)
    parent = store.parent(receipt)
    assert parent is not None
    assert parent == store.latest_to(store.person(BOB), 1)
    assert store.decision_events(parent.decision) == done
    assert [each and each.decision for each in (store.parent(plain), store.parent(99))] == ["", None]
    assert store.decision_events("") == []


def test_what_happened_since_is_found_by_an_index(store: Store) -> None:
    """Whole journals are never searched: each of these questions has its partial index."""
    if not store.sqlite:
        store.run("SET enable_seqscan = off")
    explain = "EXPLAIN QUERY PLAN" if store.sqlite else "EXPLAIN"
    questions = {
        "event_decision": "SELECT body FROM event WHERE decision = 'm' AND decision <> '' ORDER BY id",
        "event_announced": "SELECT issue FROM event WHERE type = 'IssueAnnounced' AND at >= 1 ORDER BY at, id",
        "event_decided": "SELECT issue FROM event WHERE type = 'PriorityDecided' AND at >= 1 ORDER BY at, id",
        "outgoing_broadcast": "SELECT id FROM outgoing WHERE broadcast AND created_at > 1 AND created_at <= 2",
        "follow_value": "SELECT person FROM follow WHERE kind = 'issue' AND value = '1'",
    }
    plans = {index: str(store.all(f"{explain} {question}")) for index, question in questions.items()}
    assert [index for index, plan in plans.items() if index not in plan] == []


class Postbox:
    """A mailbox with nothing in it that answers when it likes."""

    uidvalidity = 1

    def __init__(self) -> None:
        self.lost = False

    def fetch_new(self, after: int) -> Iterator[list[Fetched]]:
        if self.lost:
            raise MailboxLost("gone")
        return iter(())


class Noon:
    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time


def test_the_last_successful_poll_is_known_to_the_minute(store: Store) -> None:
    """ "While intake is down for over 10 minutes the automatic text says that mails cannot reach us." Written at most
    once a minute, whatever the clock does."""
    postbox, clock = Postbox(), Noon()
    intake = Intake(store, postbox, "a", "INBOX", clock)  # type: ignore[arg-type]
    assert mailbox.read_at(store) is None
    known = []
    for seconds in (0, 59, 60, 61, -3600, -3599):
        clock.time = NOW + timedelta(seconds=seconds)
        intake.poll_once()
        last = mailbox.read_at(store)
        known.append(last and (last - NOW).total_seconds())
    assert known == [0, 0, 60, 60, -3600, -3600]
    postbox.lost, clock.time = True, NOW + timedelta(hours=1)
    with pytest.raises(MailboxLost):
        intake.poll_once()
    assert mailbox.read_at(store) == NOW - timedelta(hours=1)


def test_a_newer_schema_is_refused(store: Store) -> None:
    """D7: refuse to start; never migrate downward."""
    with store.transaction():
        store.run("UPDATE meta SET value = '99' WHERE key = 'schema'")
    with pytest.raises(StoreUnusable, match="99"):
        store.open()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """D7: corrupt or foreign database: refuse to start with one clear line."""
    (tmp_path / "t.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreUnusable, match="cannot be opened"):
        Store(f"sqlite:///{tmp_path}/t.db").open()
