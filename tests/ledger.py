"""Which story shows what: tests/stories.toml names one for every command, event and mail, and each story that it names
is watched while it runs. A claim that is not true fails its story; a thing without a claim fails test_stories_shown.py.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from texts import said

from triagemail.mail import commands, intended
from triagemail.outbox import Outbox
from triagemail.process import intents as want
from triagemail.store.store import Store
from triagemail.worker import Worker

CLAIMS = Path(__file__).parent / "stories.toml"
Shown = tuple[str, str]  # ("commands", "agree"), ("events", "IssueResolved"), ("mails", "receipt")


def claims() -> Mapping[Shown, str]:
    """What is shown -> the name of the story that shows it."""
    tables: Mapping[str, Mapping[str, str]] = tomllib.loads(CLAIMS.read_text(encoding="utf-8"))
    return {(table, name): story for table, stories in tables.items() for name, story in stories.items()}


@contextmanager
def watching() -> Iterator[set[Shown]]:
    """What happens meanwhile in a service: the commands that were done, the events that were written to the journal,
    and the mails that were queued, by their templates. A command that was refused was not done."""
    shown: set[Shown] = set()
    keys: defaultdict[str, set[str]] = defaultdict(set)  # what somebody asks for -> the words for it in this story
    read, commit, put, write = intended.intent, Worker.commit, Outbox.put, Store.save_event

    def reads(call: Any, *rest: Any) -> want.Intent:
        found = read(call, *rest)
        keys[repr(said(found))].add(call.key)
        return found

    def commits(worker: Worker, decided: Any, *rest: Any) -> int | None:
        for intent, decision in decided:
            if not decision.freeze and all(outcome.ok for outcome in decision.outcomes):
                shown.update(("commands", key) for key in keys.get(repr(said(intent)), ()))
        return commit(worker, decided, *rest)

    def puts(outbox: Outbox, draft: Any, *rest: Any, **more: Any) -> int:
        shown.add(("mails", draft.template))
        return put(outbox, draft, *rest, **more)

    def writes(store: Store, event: Any, *rest: Any) -> None:
        shown.add(("events", type(event).__name__))
        write(store, event, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commands, "intent", reads)
        patch.setattr(Worker, "commit", commits)
        patch.setattr(Outbox, "put", puts)
        patch.setattr(Store, "save_event", writes)
        yield shown
