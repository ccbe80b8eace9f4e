"""A long history costs nothing: how SQLite finds what the service asks for."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from chat import BOB, COMPLETE, SARA, one, talk_directly

from triagemail.app import App
from triagemail.store.store import Store

GROWING = {"raw", "inbox", "event", "outgoing", "delivery", "issue", "seen", "thread", "timer", "person"}


def test_no_table_that_grows_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """O6 "bounded": what a mail, a delivery, a timer or a turn of a loop asks the database for is found by an index, so
    it costs the same however long the history is. Retention, once an hour, is not meant."""
    plans: dict[str, list[str]] = {}
    run = Store.run

    def run_(store: Store, statement: str, *values: object) -> object:
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "INSERT")) and statement not in plans:
            plans[statement] = [row[3] for row in run(store, f"EXPLAIN QUERY PLAN {statement}", *values)]
        return run(store, statement, *values)

    monkeypatch.setattr(Store, "run", run_)
    monkeypatch.setattr(App, "prune_once", lambda app: False)
    with talk_directly(tmp_path) as chat:
        asked = one(chat.sends(BOB, COMPLETE.format(priority="P0"), subject="Checkout is blank"), SARA)
        chat.answers(asked, "agree")
        chat.after(hours=2)
        chat.sends(BOB, "It is slow", subject="Search is slow")
        chat.answers(asked, "resolved: it was the cache")
        chat.after(hours=2, step=timedelta())
    assert len(plans) > 60
    assert {statement: plan for statement, plan in plans.items() if read_whole(statement, plan)} == {}


def read_whole(statement: str, plan: list[str]) -> list[str]:
    """The tables that a statement reads from one end to the other; the first row in the order of the table is none."""
    names = {
        alias or table: table for table, alias in re.findall(r"(?:FROM|JOIN|UPDATE) (\w+)(?: ([a-z])\b)?", statement)
    }
    scanned = [found[1] for step in plan if (found := re.fullmatch(r"SCAN (\w+)(?: USING COVERING INDEX \w+)?", step))]
    sorts = any("TEMP B-TREE" in step for step in plan)
    stops = "WHERE" not in statement and "LIMIT 1" in statement and not sorts
    return [names[each] for each in scanned if names.get(each) in GROWING and not stops]
