"""What is kept of people, and for how long (trust.md V): retention, forgetting a person, no secrets in the log."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from chat import ANNA, BOB, COMPLETE, LENA, SARA, Chat, opened, talk_directly, to

from triagemail.operating import _author
from triagemail.process.life import evolve
from triagemail.store import claims, forget, prune
from triagemail.store.schema import micros
from triagemail.store.store import Store

DAY = timedelta(days=1)
START = datetime(2026, 11, 23, tzinfo=UTC)
PICTURE = ("shot.png", b"\x89PNG" + b"x" * 2_000)


@pytest.fixture
def talk(store_url: str, tmp_path: Path) -> Iterator[Chat]:
    """The company, on either engine."""
    with talk_directly(tmp_path, store={"url": store_url}) as chat:
        yield chat


def count(store: Store, table: str) -> int:
    return int(store.one(f"SELECT COUNT(*) FROM {table}")[0])


def everything(store: Store) -> str:
    """All that the tables hold, as one text."""
    tables = [name for name in store.db.get_tables() if not name.startswith(("search_", "sqlite_"))]
    rows = (row for table in tables for row in store.all(f"SELECT * FROM {table}"))
    return "\n".join(
        bytes(cell).decode("latin-1") if isinstance(cell, bytes | memoryview) else str(cell)
        for row in rows
        for cell in row
    )


# --- V5: retention ---------------------------------------------------------------------------------------------------


def test_after_100_days_the_mails_are_gone_and_the_issue_is_not(talk: Chat) -> None:
    """V5: raw 90 d, attachments with raw; clock + 100 d: gone, issue text remains."""
    talk.sends(BOB, COMPLETE.format(priority="P2"), subject="Checkout is blank", attachment=PICTURE)
    store = talk.app.store
    kept = talk.issue(1)
    assert count(store, "raw") == count(store, "inbox") == 1
    talk.after(days=89, step=timedelta())
    assert claims.raw(store, kept.mails[0]) != b""
    talk.after(days=11, step=timedelta())
    assert claims.raw(store, kept.mails[0]) == b""
    assert count(store, "raw") == count(store, "inbox") == 0
    assert talk.issue(1).answers == kept.answers
    assert talk.journal(1)[0] == "ReportFiled"


def test_held_mail_is_kept_for_30_days(talk: Chat) -> None:
    """V5: held 30 d."""
    talk.sends("stranger@elsewhere.example", "Buy my shoes", subject="Shoes")
    assert len(talk.held()) == 1
    talk.after(days=29, step=timedelta())
    assert len(talk.held()) == 1
    talk.after(days=2, step=timedelta())
    assert talk.held() == []
    assert count(talk.app.store, "raw") == 0


def test_what_was_sent_to_people_goes_and_what_was_broadcast_stays(talk: Chat) -> None:
    """D12: bounded tables. Mails to one person and the rows of who got what go with the raw mails; broadcasts are the
    archive. What is not sent yet is never pruned."""
    talk.subscribe(LENA)
    opened(talk)
    store, now = talk.app.store, talk.clock.now() + 100 * DAY
    broadcasts = count(store, "outgoing WHERE broadcast")
    assert broadcasts > 0
    store.run("UPDATE delivery SET state = 'deferred', retry_at = ? WHERE id = (SELECT MIN(id) FROM delivery)", 2**60)
    while prune.prune_once(store, now, 90 * DAY, 30 * DAY):
        pass
    assert count(store, "outgoing WHERE broadcast") == broadcasts
    assert count(store, "outgoing WHERE NOT broadcast") == 1
    assert store.all("SELECT state FROM delivery") == [("deferred",)]


def test_pruning_goes_a_slice_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others write meanwhile: at most SLICE rows of a kind a transaction, the oldest first."""
    monkeypatch.setattr(prune, "SLICE", 4)
    with store.transaction():
        for number in range(1, 11):
            store.run("INSERT INTO raw (id, body, size) VALUES (?, ?, 1)", number, b"x")
            store.run(
                "INSERT INTO inbox (raw, source, state, lane, holder, leased_until, attempts, received_at, reason,"
                " message_id) VALUES (?, 'deliver', 'done', '', '', 0, 0, ?, '', '')",
                number, micros(START) + number,
            )  # fmt: skip
    left = []
    while prune.prune_once(store, START + 100 * DAY, 90 * DAY, 30 * DAY):
        left.append(store.one("SELECT MIN(id), COUNT(*) FROM raw"))
    assert left == [(5, 6), (9, 2), (None, 0)]


# --- V4: forget ------------------------------------------------------------------------------------------------------


def test_a_forgotten_person_is_in_no_table(talk: Chat) -> None:
    """V4: subscriptions, tokens, counters removed; author in issues -> stable pseudonym; raw mails deleted; server
    copies listed."""
    talk.subscribe(BOB, ANNA)
    triage, _ = opened(talk, "P1")
    out = talk.answers(triage, f"agree\nowner {ANNA}")
    talk.answers(to(out, ANNA, "[#1]")[0], f"I talked to {BOB.upper()}, he saw it too.")
    talk.answers(to(out, BOB, "[#1]")[0], "subscribe issue:1")
    journal = talk.journal(1)
    done = forget.forget(talk.app.store, BOB, talk.clock.now(), _author)
    forget.compact(talk.app.store)
    assert done is not None
    assert done.issues == (1,)
    assert len(done.message_ids) == 3  # the report, yes, subscribe
    assert all(each.endswith("@client.example>") for each in done.message_ids)
    assert BOB not in everything(talk.app.store).lower()
    assert talk.issue(1).reporter == done.pseudonym
    assert talk.journal(1) == journal
    folded = None
    for _, _, _, event in talk.app.store.journal(1):
        folded = evolve(folded, event)
    assert folded == talk.issue(1)


def test_nobody_writes_to_a_forgotten_person(talk: Chat) -> None:
    """The process goes on without them: no mail goes to the pseudonym, and none is waiting for ever."""
    triage, _ = opened(talk, "P1")
    done = forget.forget(talk.app.store, BOB, talk.clock.now(), _author)
    assert done is not None
    out = talk.answers(triage, "agree")
    assert to(out, done.pseudonym) == []
    assert to(out, SARA, "[#1]") != []
    out = talk.after(hours=3, step=timedelta(minutes=30))
    assert to(out, done.pseudonym) == []
    assert talk.app.store.all("SELECT 1 FROM delivery WHERE state IN ('queued', 'deferred')") == []


def test_an_address_that_only_contains_theirs_stays(talk: Chat) -> None:
    """`bob@acme.example` is no part of `jbob@acme.example`, and not of `bob@acme.example.net`."""
    talk.subscribe(f"j{BOB}")
    talk.sends(ANNA, COMPLETE.format(priority="P2") + f"j{BOB} and {BOB}.net", subject="Checkout is blank")
    talk.sends(BOB, COMPLETE.format(priority="P2"), subject="Another thing")
    assert forget.forget(talk.app.store, BOB, talk.clock.now(), _author) is not None
    left = everything(talk.app.store)
    assert f"j{BOB}" in left
    assert f"{BOB}.net" in left
    assert talk.issue(1).reporter == ANNA


def test_a_mail_that_is_not_worked_off_stops_it(talk: Chat) -> None:
    """Nothing is half done: what waits would bring the address back."""
    opened(talk, "P1")
    talk.append(talk.writes(BOB, "one more thing", subject="[#1]"))
    before = everything(talk.app.store)
    with pytest.raises(forget.StillWaiting, match="received"):
        forget.forget(talk.app.store, BOB, talk.clock.now(), _author)
    assert everything(talk.app.store) == before


def test_nothing_is_left_of_somebody_unknown(talk: Chat) -> None:
    """None where nothing holds the address; and no row is made by asking."""
    people = count(talk.app.store, "person")
    assert forget.forget(talk.app.store, "nobody@acme.example", talk.clock.now(), _author) is None
    assert count(talk.app.store, "person") == people


def test_the_file_holds_no_byte_of_a_forgotten_address(tmp_path: Path) -> None:
    """V4: grep the DB file after VACUUM: 0 hits."""
    with talk_directly(tmp_path) as chat:
        opened(chat, "P1")
        assert BOB.encode() in _bytes(tmp_path)
        forget.forget(chat.app.store, BOB, chat.clock.now(), _author)
        assert chat.app.store.one("PRAGMA temp_store") == (2,), "what a savepoint changes is kept in memory"
        forget.compact(chat.app.store)
        assert chat.app.store.one("PRAGMA temp_store") == (1,), "not so a copy of all that there is"
        assert BOB.encode() not in _bytes(tmp_path).lower()
    with sqlite3.connect(tmp_path / "triagemail.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def _bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("triagemail.db*")))
