"""That each row of the specification about trust has its test, and each corpus its size; docs/trust.md shows both."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest
from corpora import CORPORA, Corpus

TESTS = Path(__file__).parent
ROWS = [f"{letter}{n}" for letter, last in zip("CALUXV", (11, 14, 9, 8, 9, 6), strict=True) for n in range(1, last + 1)]


@functools.cache
def docstrings() -> dict[str, str]:
    """What each test says that it shows."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in sorted(TESTS.rglob("test_*.py")))
    functions = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return {each.name: ast.get_docstring(each) or "" for each in functions if each.name.startswith("test_")}


def table() -> dict[str, list[str]]:
    """The tests that docs/trust.md names for each row."""
    text = (TESTS.parent / "docs" / "trust.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| ([CALUXV][0-9]+) \|.*\| ([^|]*) \|$", text, re.MULTILINE)
    return {row: re.findall(r"`(test_\w+)`", tests) for row, tests in found}


def test_each_row_stands_in_the_table() -> None:
    """Section 2: "each row is a test in the project, under the row's id"."""
    assert list(table()) == ROWS


@pytest.mark.parametrize("row", ROWS)
def test_the_tests_of_a_row_are_there_and_name_it(row: str) -> None:
    """Section 2: an operator and a checker find each row by its id."""
    said = docstrings()
    assert table()[row]
    for test in table()[row]:
        assert re.search(rf"\b{row}\b", said.get(test, "")), f"{test} does not say that it shows {row}"


@pytest.mark.parametrize("corpus", CORPORA, ids=lambda corpus: corpus.what)
def test_there_are_enough_samples(corpus: Corpus) -> None:
    """Section 4: "spoof (>= 60), OOF (>= 40), clients (>= 25), AR headers (>= 80), From forms (>= 50), adversarial
    strings (>= 40)"; none twice."""
    different = {repr(sample) for sample in corpus.samples}
    print(f"{corpus.what}: {len(different)} of {corpus.wanted}")
    assert len(different) == len(corpus.samples) >= corpus.wanted
