"""From schema 1 to this release's: whole or not at all, with a copy of what was there before (trust.md D7, O5)."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import sqlite3
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stores import FIRST, FIRST_READERS, first_schema

from triagemail.process.events import PriorityDecided
from triagemail.process.model import Wishes
from triagemail.store import audience, backup, migrate, search
from triagemail.store.migrate import Migrated
from triagemail.store.migrations import STEPS
from triagemail.store.schema import TABLES, VERSION
from triagemail.store.store import SchemaRefused, Store, StoreUnusable


def columns_of_first() -> dict[str, list[str]]:
    tables = re.findall(r'CREATE TABLE "(\w+)" \((.*)\);', FIRST)
    return {name: re.findall(r'(?:^|, )"(\w+)"', re.sub(r"PRIMARY KEY \(.*\)", "", body)) for name, body in tables}


def rows(store: Store) -> dict[str, list[Any]]:
    """Everything that stood in the columns of schema 1, but its number."""
    found = {}
    for table, names in columns_of_first().items():
        columns = ", ".join(f'"{name}"' for name in names)
        where = " WHERE key <> 'schema'" if table == "meta" else ""
        read = store.all(f'SELECT {columns} FROM "{table}"{where} ORDER BY 1, 2')
        found[table] = [tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in read]
    return found


def shape(store: Store) -> list[Any]:
    """Tables, columns and indexes, whatever their order; the inner tables of the search apart."""
    if store.sqlite:
        tables = [t for (t,) in store.all("SELECT name FROM sqlite_master WHERE type = 'table'") if "search_" not in t]
        columns = [(t, *row[1:]) for t in tables for row in store.all(f"PRAGMA table_info({t})")]
        made = store.all("SELECT sql FROM sqlite_master WHERE type = 'index' OR name = 'search'")
        texts = [re.sub(r"IF NOT EXISTS |\s|\"", "", text or "") for (text,) in made]
    else:
        columns = store.all(
            "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
            " WHERE table_schema = current_schema()"
        )
        made = store.all("SELECT indexdef, current_schema() FROM pg_indexes WHERE schemaname = current_schema()")
        texts = [text.replace(f"{schema}.", "") for text, schema in made]
    return [sorted(map(str, columns)), sorted(texts)]


def in_child(url: str, prepare: Callable[[Store], None]) -> int:
    """A migration in a process of its own; its pid."""
    pid = os.fork()
    if pid == 0:
        try:
            store = Store(url)
            prepare(store)
            migrate.migrate(store)
        finally:
            os._exit(0)
    return pid


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def dies_at(step: int) -> Callable[[Store], None]:
    """Kills the process at the step, counted over all statements and all waits for the disk."""
    passed = itertools.count(1)

    def stepping(real: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*values: Any) -> Any:
            if next(passed) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*values)

        return wrapped

    def prepare(store: Store) -> None:
        store.run = stepping(store.run)  # type: ignore[method-assign]
        backup._to_disk = stepping(backup._to_disk)

    return prepare


def found_whole(store: Store, before: tuple[list[Any], dict[str, list[Any]]]) -> int:
    """The schema's number after a kill; fails unless all of that schema and all rows are there."""
    try:
        number = store.connect()
        assert rows(store) == before[1]
        assert (shape(store) == before[0]) == (number == 1), "it stands between two schemas"
        if store.path is not None:
            assert store.all("PRAGMA integrity_check") == [("ok",)]
            backup = Path(f"{store.path}.schema-1")
            assert not backup.exists() or copy_of(backup) == before
        assert number is not None
        return number
    finally:
        store.close()


def copy_of(path: Path) -> tuple[list[Any], dict[str, list[Any]]]:
    copy = Store(f"sqlite:///{path}")
    copy.db.connect()
    found = shape(copy), rows(copy)
    copy.close()
    return found


def known(store: Store) -> tuple[list[Any], dict[str, list[Any]]]:
    store.connect()
    found = shape(store), rows(store)
    store.close()
    return found


# --- the way up ------------------------------------------------------------------------------------------------------


def test_every_row_of_the_older_schema_is_there_afterwards(store_url: str) -> None:
    """D7: migration in one transaction, backup first; O5: an upgrade with mails in flight loses none."""
    store = first_schema(store_url)
    before = known(store)
    assert sum(len(each) for each in before[1].values()) > 60
    done = migrate.migrate(store)
    assert (done.before, done.after) == (1, VERSION)
    store.open()
    assert rows(store) == before[1]
    assert store.version() == VERSION
    if store.path is not None:
        assert done.backup == Path(f"{store.path}.schema-1")
        assert copy_of(done.backup) == before
        assert stat.S_IMODE(done.backup.stat().st_mode) == 0o600
        assert sorted(path.name for path in store.path.parent.glob("*.part*")) == []
    else:
        assert done.backup is None
    store.close()


def test_what_was_in_flight_goes_on(store_url: str) -> None:
    """O5: a broadcast that was queued by the older release reaches its readers: they wish for all, as before."""
    store = first_schema(store_url)
    migrate.migrate(store)
    assert [audience.wishes(store, address) for address in FIRST_READERS] == [Wishes()] * 3
    while audience.expand(store):
        pass
    queued = "SELECT p.address FROM delivery d JOIN person p ON p.id = d.person WHERE d.outgoing = ? AND NOT d.role"
    for outgoing in (6, 11):
        assert sorted(address for (address,) in store.all(queued, outgoing)) == FIRST_READERS
    assert store.all("SELECT DISTINCT audience_priority, area FROM outgoing WHERE broadcast") == [(0, "")]
    assert [type(event) for event in store.decision_events("d2")][:1] == [PriorityDecided]
    assert store.desk() is None
    store.close()


def test_live_issues_can_be_found_afterwards(store_url: str) -> None:
    """ "Similar open issues": also those that were there before the search was."""
    store = first_schema(store_url)
    migrate.migrate(store)
    first, second = store.issues([1, 2]).values()
    assert [row[0] for row in search._sharing(store, ["website", "rechnungen", "old"], [], 0)] == [2, 1]
    assert search.similar(store, first) == search.similar(store, second) == []
    store.close()


def test_the_way_up_ends_where_a_new_database_starts(store_url: str, tmp_path: Path) -> None:
    """One schema, whichever way it was reached."""
    store = first_schema(store_url)
    migrate.migrate(store)
    climbed = shape(store)
    names = [table._meta.table_name for table in TABLES] + ["search"]
    for name in names:
        store.run(f'DROP TABLE "{name}"')
    store.close()
    store.open()
    assert climbed == shape(store)
    store.close()


def test_the_search_has_few_segments_on_either_way(tmp_path: Path) -> None:
    """A search looks into each segment of the index for each word: as many of a size as a new database permits."""
    old, new = first_schema(f"sqlite:///{tmp_path}/old.db"), Store(f"sqlite:///{tmp_path}/new.db")
    migrate.migrate(old)
    new.open()
    for store in (old, new):
        assert store.one("SELECT v FROM search_config WHERE k = 'crisismerge'") == (4,)
        store.close()


def test_each_schema_on_the_way_leads_on(store_url: str) -> None:
    """D7: from the release before this one as well, with a copy by its number."""
    for before in range(2, VERSION):
        store = first_schema(store_url)
        store.connect()
        with store.transaction():
            for number in range(2, before + 1):
                STEPS[number](store)
            store.run("UPDATE meta SET value = ? WHERE key = 'schema'", str(before))
        kept = rows(store)
        done = migrate.migrate(store)
        assert (done.before, done.after) == (before, VERSION)
        assert rows(store) == kept
        if store.path is not None:
            assert done.backup == Path(f"{store.path}.schema-{before}")
        store.close()
        empty(store)


def test_a_database_of_this_release_is_left_alone(store_url: str) -> None:
    """A second `migrate` does nothing; where there is no database yet, one is made."""
    store = Store(store_url)
    assert migrate.migrate(store) == Migrated(VERSION, VERSION)
    assert store.version() == VERSION
    made = shape(store)
    assert migrate.migrate(store) == Migrated(VERSION, VERSION)
    assert shape(store) == made
    store.close()


def test_two_at_once_migrate_once(store_url: str) -> None:
    """One of two migrations waits for the other and then finds nothing to do."""
    first_schema(store_url).close()
    done: list[Migrated] = []

    def climb() -> None:
        store = Store(store_url)
        done.append(migrate.migrate(store))
        store.close()

    threads = [threading.Thread(target=climb) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.before for each in done) == [1, 5, 5, 5]


# --- kill -9 ---------------------------------------------------------------------------------------------------------


def test_a_kill_at_any_step_leaves_the_old_schema_or_the_new(store_url: str) -> None:
    """D7: kill -9 in the migration 20 times: old or new schema, never between."""
    store = first_schema(store_url)
    before = known(store)
    kills = 0
    for step in range(1, 100):
        if ended(in_child(store_url, dies_at(step))) == 0:
            break
        kills += 1
        assert found_whole(store, before) == 1, "nothing is committed before the last statement"
    assert kills >= 20
    assert found_whole(store, before) == VERSION


def test_a_kill_at_any_moment_leaves_the_old_schema_or_the_new(store_url: str, tmp_path: Path) -> None:
    """D7: kill -9 in the migration 20 times, also while it commits: old or new schema, never between."""
    store = first_schema(store_url)
    before = known(store)
    saved = shutil.copy(store.path, tmp_path / "saved") if store.path is not None else ""
    started = time.monotonic()
    lasts = 0.1
    found = []
    for kill in range(21):
        pid = in_child(store_url, lambda store: None)
        if kill:
            time.sleep(lasts * kill / 20)
            os.kill(pid, signal.SIGKILL)
        ended(pid)
        lasts = lasts if kill else time.monotonic() - started
        found.append(found_whole(store, before))
        if found[-1] == VERSION:
            empty(store)
            if saved:
                shutil.copy(saved, str(store.path))
            else:
                first_schema(store_url)
    assert found[0] == VERSION
    assert set(found) <= {1, VERSION}


def empty(store: Store) -> None:
    if store.path is not None:
        for path in store.path.parent.glob("t.db*"):
            path.unlink()
        return
    store.connect()
    for table in store.db.get_tables():
        store.run(f'DROP TABLE "{table}" CASCADE')
    store.close()


# --- what is refused -------------------------------------------------------------------------------------------------


def test_an_older_schema_is_not_opened_but_named(store_url: str) -> None:
    """D7: refuse to start with one clear line, which says what to do; nothing is changed by itself."""
    store = first_schema(store_url)
    before = known(store)
    with pytest.raises(SchemaRefused, match=r"schema 1, .* needs 5: run `triagemail migrate`") as told:
        store.open()
    assert "\n" not in str(told.value)
    assert known(store) == before


def test_a_newer_schema_is_neither_opened_nor_migrated(store_url: str) -> None:
    """D7: schema+1: refuse to start; never migrate downward."""
    store = Store(store_url)
    store.open()
    with store.transaction():
        store.run("UPDATE meta SET value = ? WHERE key = 'schema'", str(VERSION + 1))
    before = shape(store)
    for use in (store.open, lambda: migrate.migrate(store)):
        with pytest.raises(SchemaRefused, match=f"schema {VERSION + 1}, this release knows none above {VERSION}"):
            use()
    assert shape(store) == before
    store.close()


@pytest.mark.parametrize("table", ["person (id INTEGER)", "meta (name TEXT)", "meta (key TEXT, value TEXT)"])
def test_tables_of_another_program_are_left_alone(store_url: str, table: str) -> None:
    """D7: a foreign database: refuse to start with one clear line; none of our tables gets into it."""
    store = Store(store_url)
    store.db.connect()
    store.run(f"CREATE TABLE {table}")
    for use in (store.open, lambda: migrate.migrate(store)):
        with pytest.raises(SchemaRefused, match="tables of another program"):
            use()
    assert len(store.db.get_tables()) == 1
    assert not store.sqlite or store.all("PRAGMA journal_mode") == [("delete",)], "not even this is changed"
    store.close()


def test_without_a_backup_nothing_is_migrated(tmp_path: Path) -> None:
    """D7: backup first: where the copy cannot be written, all is as it was."""
    store = first_schema(f"sqlite:///{tmp_path}/t.db")
    before = known(store)
    (tmp_path / "t.db.schema-1").mkdir()
    with pytest.raises(StoreUnusable, match="not migrated, all is as it was"):
        migrate.migrate(store)
    store.close()
    assert known(store) == before
    assert not list(tmp_path.glob("*.part"))


def test_a_half_written_backup_of_a_killed_migration_is_no_hindrance(tmp_path: Path) -> None:
    """What a kill left of a copy is written anew; an older copy gives way to the present one."""
    store = first_schema(f"sqlite:///{tmp_path}/t.db")
    before = known(store)
    (tmp_path / "t.db.schema-1.part").write_bytes(b"half")
    (tmp_path / "t.db.schema-1").write_bytes(b"older")
    done = migrate.migrate(store)
    store.close()
    assert done.backup is not None
    assert copy_of(done.backup) == before


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    """D7: truncated file: refuse to start with one clear line."""
    store = first_schema(f"sqlite:///{tmp_path}/t.db")
    whole = (tmp_path / "t.db").read_bytes()
    (tmp_path / "t.db").write_bytes(whole[: len(whole) // 3])
    for use in (store.open, lambda: migrate.migrate(store)):
        with pytest.raises(StoreUnusable) as told:
            use()
        assert "\n" not in str(told.value)
    store.close()


def test_no_password_is_shown() -> None:
    """V6: no secrets in logs, in errors."""
    store = Store("postgresql://root:canary@127.0.0.1:1/test?password=canary")
    assert store.name == "postgresql://127.0.0.1:1/test"
    pytest.importorskip("psycopg")
    with pytest.raises(StoreUnusable) as told:
        store.open()
    assert "canary" not in str(told.value)


def test_the_copy_is_a_database_that_the_older_release_can_use(tmp_path: Path) -> None:
    """The way back: put the copy in the place of the database, and the release that made it goes on."""
    store = first_schema(f"sqlite:///{tmp_path}/t.db")
    done = migrate.migrate(store)
    store.close()
    assert done.backup is not None
    with sqlite3.connect(done.backup) as old:
        assert old.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone() == ("1",)
        assert old.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        old.execute("INSERT INTO person (address, name, is_group) VALUES ('new@acme.example', '', 0)")
    old.close()
