"""`triagemail export`: everything that is ours to give away, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from chat import BOB, KEYS, LENA, SARA, opened, talk_directly

from triagemail.process import codec, life
from triagemail.store.export import export
from triagemail.store.store import Store


def loaded(value: object) -> Any:
    return codec.load(json.dumps({"f": codec.FORMAT, **dict(value)}))  # type: ignore[call-overload]  # a JSON object


def test_the_issues_can_be_made_anew_of_it(tmp_path: Path) -> None:
    """`export`: issues, journal, list, people. The journal is whole: folding it gives the issues that stand there."""
    with talk_directly(tmp_path) as chat:
        chat.subscribe(LENA)
        triage, _ = opened(chat, "P0")
        chat.answers(triage, "agree")
        opened(chat, "P2", subject="Slow")
        lines = [json.loads(json.dumps(line)) for line in export(chat.app.store)]
        store = chat.app.store
        kinds = {kind: [line for line in lines if line["kind"] == kind] for kind in {line["kind"] for line in lines}}
        assert lines[0]["kind"] == "export"
        assert len(kinds["event"]) == store.one("SELECT COUNT(*) FROM event")[0]
        assert [reader["address"] for reader in kinds["reader"]] == [LENA]
        assert {BOB, SARA, LENA} <= {person["address"] for person in kinds["person"]}
        assert len(kinds["broadcast"]) == len(list(store.all("SELECT id FROM outgoing WHERE broadcast AND issue > 0")))
        for number in (1, 2):
            issue = None
            for line in kinds["event"]:
                if line["issue"] == number:
                    issue = life.evolve(issue, loaded(line["event"]))
            (there,) = [line["issue"] for line in kinds["issue"] if line["issue"]["number"] == number]
            assert issue == store.issue(number)
            assert loaded(there) == issue


def test_no_secret_and_no_mail_as_it_came_is_in_it(tmp_path: Path) -> None:
    """"No secrets": no key, no token that somebody could use, no raw mail."""
    with talk_directly(tmp_path) as chat:
        chat.subscribe(LENA)
        out = chat.sends(BOB, "subscribe", headers={"X-Odd": "canary-7"})
        opened(chat, "P0")
        text = json.dumps(list(export(chat.app.store)))
        assert len(chat.sent) + len(out) > 3
        for mail in chat.sent:
            token = mail.reply_to.partition("+")[2].partition("@")[0]
            assert token
            assert token not in text
        secrets = [detail for (detail,) in chat.app.store.all("SELECT detail FROM outgoing WHERE detail <> ''")]
        secrets += [secret for (secret,) in chat.app.store.all("SELECT secret FROM pending")]
        assert secrets
        assert not [each for each in (*secrets, KEYS["a"].hex(), "canary-7") if each in text]


def test_an_empty_store_has_one_line(store: Store) -> None:
    """On either engine, and others may write meanwhile: it is of one moment."""
    lines = export(store)
    assert next(lines)["kind"] == "export"
    other = Store(store.url)
    with other.transaction():
        other.person("late@acme.example")
    other.close()
    assert list(lines) == []
    assert [line["kind"] for line in export(store)] == ["export", "person"]


@pytest.mark.parametrize("rows", [1_234])
def test_more_rows_than_are_read_at_once(store: Store, rows: int) -> None:
    """None is left out between two slices."""
    with store.transaction():
        for number in range(rows):
            store.person(f"p{number}@acme.example")
    assert sum(line["kind"] == "person" for line in export(store)) == rows
