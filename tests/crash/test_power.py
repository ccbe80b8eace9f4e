"""The power goes while a service works (trust.md D3). Long form: bench/power.py."""

from __future__ import annotations

from pathlib import Path

import conftest
import power
import pytest

MAILS = 12


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> power.Recorded:
    conftest.need("strace")
    try:
        return power.record(tmp_path_factory.mktemp("power"), MAILS)
    except PermissionError as error:
        pytest.skip(f"strace may not trace here: {error}")


def test_what_was_promised_outlives_a_power_loss(recorded: power.Recorded, tmp_path: Path) -> None:
    """D3 "block-level: … dropped-page copy, replay": what was not synced is there, is not, or is torn. A mail that was
    moved away on the server is stored, one that we sent is known, each issue is what its journal says."""
    found = power.play(tmp_path, recorded, points=40, seed=1)
    assert found.wrong == []
    assert found.promises >= 3 * MAILS  # moved away, and answers to reporter and triager


def test_a_disk_that_lies_is_found_out(recorded: power.Recorded, tmp_path: Path) -> None:
    """The negative control: where nothing that was synced is there for sure, promises break."""
    found = power.play(tmp_path, recorded, points=40, seed=1, lies=True)
    assert len(found.wrong) > 10
