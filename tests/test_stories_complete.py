"""Every command, every event and every mail has a story: "a test that lists every command, event and template and fails
when one has no story".

tests/stories.toml is the list, and it cannot lie: while a story runs, ledger.py sees which commands the worker did (and
did not refuse), which events it wrote and which mails it queued, and a story that shows less than the list says of it
fails (`keeps_its_word` in conftest.py). So nothing has to run twice, nothing depends on which tests run beside, and a
reader finds by name where a thing is to be seen. Here the list is held against the code.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import ledger
import pytest
from chat import BOB, COMPLETE, SARA, one, talk_directly
from docs_mails import WORDS

from triagemail.mail import templates
from triagemail.process.events import Event

STORIES = sorted(path for path in Path(__file__).parent.glob("test_stories*.py") if path.name != Path(__file__).name)


def told() -> Iterator[tuple[Path, str]]:
    """Every story: the file it stands in, its name."""
    for path in STORIES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        yield from ((path, node.name) for node in tree.body if isinstance(node, ast.FunctionDef))


def wanted(table: str) -> set[str]:
    """What there is in the code of one kind."""
    match table:
        case "commands":
            keys = {key for _, phrases in WORDS.commands.values() for key in phrases.values()}
            return keys | {"priority"}
        case "events":
            return {kind.__name__ for kind in Event.__subclasses__()}
        case _:
            return set(templates.names())


@pytest.mark.parametrize("table", ["commands", "events", "mails"])
def test_everything_has_a_story(table: str) -> None:
    """A new command, event or mail fails here until tests/stories.toml names a story that shows it."""
    there = wanted(table)
    assert len(there) > 40
    claimed = {name for each, name in ledger.claims() if each == table}
    assert sorted(there - claimed) == [], "without a story"
    assert sorted(claimed - there) == [], "not there any more"


def test_every_story_of_the_list_is_told_and_watched() -> None:
    """A story that was renamed is missed, two of one name would be taken for each other, and each file of stories is
    watched."""
    names = Counter(name for _, name in told())
    assert [story for story in sorted(set(ledger.claims().values())) if names[story] != 1] == []
    mark = 'pytestmark = pytest.mark.usefixtures("keeps_its_word")'
    assert [path.name for path in STORIES if mark not in path.read_text(encoding="utf-8")] == []
    assert len(STORIES) > 3


def test_the_ledger_sees_what_happens_and_no_more(tmp_path: Path) -> None:
    """A test that cannot fail is a defect: what was refused was not done, and what did not happen is not seen."""
    with ledger.watching() as shown, talk_directly(tmp_path) as chat:
        triage = one(chat.sends(BOB, COMPLETE.format(priority="P1"), subject="Checkout is blank"), SARA, "[#")
        shown.clear()
        chat.answers(triage, "P2")
        assert shown == {("mails", "receipt")}  # it needs a reason
        shown.clear()
        chat.answers(triage, "P2 because few are hit")
        assert {("commands", "priority"), ("events", "PriorityDecided"), ("mails", "decided")} <= shown
        assert not shown & {("commands", "agree"), ("events", "IssueResolved"), ("mails", "resolved")}
