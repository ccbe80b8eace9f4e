"""Kill -9 at random moments and at named steps, with a real Dovecot (trust.md R1-R3, D1, section 4 "H-kill"); the long
form, 5 seeds of 200 kills and 1,000 mails, is bench/kill.py."""

from __future__ import annotations

from pathlib import Path

import pytest
import servers
from siege import siege


def test_kills_lose_nothing_and_double_no_decision(tmp_path: Path, dovecot: servers.DovecotServer, user: str) -> None:
    """D1: 0 lost, 0 duplicate issues, no good mail held, integrity_check ok, duplicates <= connections per kill."""
    found = siege(tmp_path, dovecot, user, mails=200, deaths=40, seed=1, alive=0.15)
    assert found.wrong == []
    assert found.kills == 40
    assert len(+found.steps) >= 5, f"too few of the named steps came by: {found.steps}"


@pytest.mark.parametrize(("design", "step"), [("seen", "before_take_commit"), ("atmost", "after_send_claim")])
def test_a_wrong_design_is_found_out(
    tmp_path: Path, dovecot: servers.DovecotServer, user: str, design: str, step: str
) -> None:
    """Negative controls must fail: what tells the server first loses mails, what counts a claim as sent loses ours."""
    found = siege(tmp_path, dovecot, user, mails=40, deaths=6, seed=2, design=design, alive=0.2, steps=(step,))
    lost = "mails are lost" if design == "seen" else "never came to the relay"
    assert [each for each in found.wrong if lost in each] != []
