"""What operators install: the wheel, completion for their shell, the container file."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from docs_man import commands
from test_packaging import checkout

from triagemail.cli import main

ROOT = Path(__file__).parent.parent
PROGRAM = Path(sys.executable).parent / "triagemail"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_wheel_alone_plays_the_demo(tmp_path: Path) -> None:
    """`pip install` from the wheel, with templates included: in a fresh venv, far from the checkout, the demo plays its
    story; the man page comes along."""
    build = ["-m", "pip", "wheel", "-qq", "--no-deps", "--wheel-dir", str(tmp_path), str(checkout(tmp_path))]
    subprocess.run([sys.executable, *build], check=True)
    (wheel,) = tmp_path.glob("triagemail-*.whl")
    shutil.rmtree(tmp_path / "triagemail clone")
    new = tmp_path / "fresh"
    venv.EnvBuilder(symlinks=True, with_pip=False).create(new)
    pip = [sys.executable, "-m", "pip", "--python", str(new / "bin" / "python"), "install", "-qq", str(wheel)]
    subprocess.run(pip, check=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TRIAGEMAIL"))}
    demo = [str(new / "bin" / "triagemail"), "demo", "--once", "--no-color"]
    done = subprocess.run(demo, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-600:] + done.stderr[-600:]
    assert "That was one P0, wholly by mail." in done.stdout
    page = new / "share" / "man" / "man1" / "triagemail.1"
    assert page.read_text() == (ROOT / "man" / "triagemail.1").read_text()


# --- completion -------------------------------------------------------------------------------------------------------


def completes(*words: str) -> set[str]:
    """What bash is told where the last word is being typed."""
    asked = {"_TRIAGEMAIL_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(("triagemail", *words)),
             "COMP_CWORD": str(len(words))}  # fmt: skip
    said = subprocess.check_output([str(PROGRAM)], env={**os.environ, **asked}, text=True, timeout=30)
    return {line.partition(",")[2] for line in said.splitlines()}


def test_the_shell_completes_commands_and_options() -> None:
    """Shell completion, as docs/operating.md says how to install it."""
    assert {path[0] for path, _ in commands(main)} <= completes("")
    assert completes("he") == {"held"}
    assert completes("held", "") == {"list", "show", "release", "drop"}
    assert "--until-idle" in completes("run", "--")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_each_shell_is_one(shell: str) -> None:
    """`_TRIAGEMAIL_COMPLETE=bash_source triagemail` prints what the shell reads."""
    asked = {**os.environ, "_TRIAGEMAIL_COMPLETE": f"{shell}_source"}
    said = subprocess.run([str(PROGRAM)], env=asked, capture_output=True, text=True, timeout=30, check=True)
    assert "_TRIAGEMAIL_COMPLETE" in said.stdout
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=said.stdout, text=True, timeout=30, check=True)


# --- the container file -----------------------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    text = (ROOT / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    found = (re.fullmatch(r"([A-Z]+)\s+(.+)", line) for line in text.splitlines())
    return [(match[1], " ".join(match[2].split())) for match in found if match]


def test_the_container_runs_without_rights_and_says_how_it_is() -> None:
    """A container file: non-root, with a health check; what it calls are commands that there are. It is not built here,
    where mostly no container engine is."""
    known = dict(instructions())
    text = (ROOT / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(lines) == len(instructions())
    user, _, group = known["USER"].partition(":")
    assert int(user) >= 1000
    assert group == user
    assert f"--uid {user}" in text
    assert text.index("\nUSER ") < text.index("\nENTRYPOINT ")
    words = {path[0] for path, _ in commands(main)}
    called = re.findall(r'"(\w+)"', known["HEALTHCHECK"] + known["ENTRYPOINT"] + known["CMD"])
    assert called == ["triagemail", "status", "triagemail", "run"]
    assert {"status", "run"} <= words
    assert known["VOLUME"] == known["WORKDIR"] == "/var/lib/triagemail"
    assert f"TRIAGEMAIL_CONFIG={known['VOLUME']}/config.toml" in known["ENV"]
    assert known["STOPSIGNAL"] == "SIGTERM"


def test_no_secret_gets_into_the_image() -> None:
    """What a checkout may hold beside the source stays out: databases, keys, passwords."""
    left = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert {".git", "**/*.db*", "**/*.keys", "**/*.password"} <= set(left)
