"""systemd/: what the unit permits, and whether systemd understands it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from conftest import need

ROOT = Path(__file__).parent.parent
UNIT = ROOT / "systemd" / "triagemail.service"


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program and a user that are here, as a folder of a machine would have it."""
    need("systemd-analyze")
    text = UNIT.read_text(encoding="utf-8")
    text = text.replace("/opt/triagemail/bin/triagemail", "/bin/true").replace("=triagemail\n", "=daemon\n")
    found = tmp_path / "triagemail.service"
    found.write_text(text.replace("StateDirectory=daemon", "StateDirectory=triagemail"))
    return found


def exposure(unit: Path) -> float:
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", "--json=off", unit],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    found = re.search(r"Overall exposure level for .*: ([\d.]+)", said.stdout)
    assert found, said
    return float(found[1])


def test_the_unit_exposes_little(unit: Path) -> None:
    """Operation: "`systemd-analyze security` <= 2.0". It is what a service of its kind needs: network and a state."""
    assert exposure(unit) <= 2.0
    open_wide = unit.with_name("open.service")
    lines = [line for line in unit.read_text().splitlines() if not line.startswith("SystemCallFilter")]
    open_wide.write_text("\n".join(lines))
    assert exposure(open_wide) > 2.0, "the figure follows the settings"


def complaints(unit: Path) -> list[str]:
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return [line for line in said.stderr.splitlines() if unit.name in line]


def test_systemd_understands_every_line(unit: Path) -> None:
    """No unknown setting, no wrong value; as a template for a fleet as well."""
    assert complaints(unit) == []
    instance = unit.with_name("triagemail@1.service")
    instance.write_bytes(unit.read_bytes())
    assert complaints(instance) == []
    instance.write_text(unit.read_text().replace("WatchdogSec=60", "WatchdogSecs=60"))
    assert complaints(instance) != []


def test_the_watchdog_and_the_exit_codes_fit_the_service() -> None:
    """READY=1 needs Type=notify; the watchdog waits longer than two words of the service are apart; what only a person
    mends (64, 78) is not tried again; and the time to stop is longer than the 35 seconds of the loops."""
    from triagemail import console, heartbeat

    settings = dict(re.findall(r"^(\w+)=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE))
    assert settings["Type"] == "notify"
    assert int(settings["WatchdogSec"]) >= 3 * heartbeat.EVERY
    assert settings["Restart"] == "on-failure"
    assert settings["RestartPreventExitStatus"].split() == [str(console.USAGE), str(console.BAD_CONFIG)]
    assert int(settings["TimeoutStopSec"]) > 35
    assert int(settings["LimitNOFILE"]) >= 256


def test_all_parts_run_by_default() -> None:
    """The unit alone runs everything that `run` runs by itself."""
    from triagemail.app import PARTS

    (parts,) = re.findall(r"^Environment=PARTS=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(parts.split(",")) == sorted(PARTS)
