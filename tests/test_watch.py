"""What is counted over many mails (trust.md 3.5): on either engine, and no row longer than it is of use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from triagemail.store import tallies
from triagemail.store.store import Store

NOW = datetime(2026, 11, 23, 9, 5, tzinfo=UTC)
MINUTE, STEP = timedelta(minutes=1), timedelta(minutes=10)


def counted(store: Store, name: str, back: int) -> int:
    return tallies.counted(store, name, NOW - back * MINUTE, NOW + STEP, span=STEP)


def test_what_happened_lately_is_counted(store: Store) -> None:
    """A row for each span of time; names beside each other do not mix."""
    with store.transaction():
        for minutes, times in ((0, 3), (4, 1), (20, 2), (70, 5)):
            for _ in range(times):
                tallies.count(store, "internal", NOW - minutes * MINUTE, span=STEP, keep=timedelta(days=7))
        tallies.count(store, "internalonly", NOW, span=STEP, keep=timedelta(days=7))
    assert [counted(store, "internal", back) for back in (0, 20, 60, 80)] == [4, 6, 6, 11]
    assert counted(store, "internalonly", 80) == 1
    assert counted(store, "unvouched", 80) == 0


def test_what_is_old_is_forgotten(store: Store) -> None:
    """It is kept small, and the numbers of issues stay what they are."""
    with store.transaction():
        before = store.next_number()
        for minutes in range(0, 300, 10):
            tallies.count(store, "posed", NOW + minutes * MINUTE, span=STEP, keep=3 * STEP)
        tallies.count(store, "unvouched", NOW, span=STEP, keep=3 * STEP)
        rows = dict(store.all("SELECT name, value FROM counter"))
        assert len([name for name in rows if name.startswith("posed")]) == 4
        assert len(rows) == 6
        assert store.next_number() == before
