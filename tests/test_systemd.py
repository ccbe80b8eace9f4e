"""The unit under a real systemd, which is process 1 of namespaces of its own: its sandbox lets the service work, and
its watchdog ends one that hangs (trust.md O3)."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import servers
from chat import BOB, CARL, COMPLETE
from conftest import need
from test_service import ROOT, Service

from triagemail.doors import imapd

SYSTEMD = Path("/lib/systemd/systemd")
GROUPS = Path("/sys/fs/cgroup")
STATE = "var/lib/triagemail"
# What differs from a machine that it is installed on: no user of that name, and a Python in somebody's home.
HERE = """
[Unit]
DefaultDependencies=no
[Service]
ExecStart=
ExecStart={python} -m triagemail --config /{state}/config.toml run --only intake,work,send
Environment=PYTHONPATH={root}
User=root
Group=root
ProtectHome=no
PrivateTmp=no
StandardOutput=append:/{state}/log
StandardError=append:/{state}/log
WatchdogSec=4
TimeoutAbortSec=10
RestartSec=1
"""
# A state of its own, and nothing of the machine's units, sockets and state: what it does there ends with it.
FIRST = """
set -e
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
cp -r "$1" /{state}
exec env -i PATH="$PATH" container=test SYSTEMD_UNIT_PATH="$2" {systemd} --system --log-target=null
"""


class Machine:
    """A machine within this one. Its own process 1 starts the unit."""

    def __init__(self, first: int) -> None:
        self.first = first

    @property
    def state(self) -> Path:
        """The folder of the service, as it is seen from outside."""
        return Path(f"/proc/{self.first}/root/{STATE}")

    def service(self) -> int:
        """The service's process, by its number outside; 0 while there is none."""
        for child in _children(self.first):
            with contextlib.suppress(OSError):
                if b"\0triagemail\0" in Path(f"/proc/{child}/cmdline").read_bytes():
                    return child
        return 0


def _children(parent: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    return []


@contextlib.contextmanager
def machine(folder: Path, state: Path) -> Iterator[Machine]:
    units = folder / "units"
    (units / "triagemail.service.d").mkdir(parents=True)
    shutil.copy(ROOT / "systemd" / "triagemail.service", units)
    here = HERE.format(python=sys.executable, root=ROOT, state=STATE)
    (units / "triagemail.service.d" / "here.conf").write_text(here)
    target = "[Unit]\nDefaultDependencies=no\nWants=triagemail.service\n"
    (units / "default.target").write_text(target)
    script = FIRST.format(state=STATE, systemd=SYSTEMD)
    spaces = ["unshare", "--fork", "--pid", "--mount", "--mount-proc", "--ipc", "--uts", "--kill-child"]
    with control_groups(f"tm-test-{os.getpid()}") as enter, (folder / "said").open("wb") as said:
        argv = ["sh", "-c", f'{enter} exec "$@"', "sh", *spaces, "sh", "-c", script, "sh", str(state), str(units)]
        outer = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            servers.wait_until(lambda: _children(outer.pid) or outer.poll() is not None, 10, "process 1")
            if outer.poll() is not None:
                pytest.skip(f"no namespaces here: {(folder / 'said').read_text()[-200:]}")
            yield Machine(_children(outer.pid)[0])
        finally:
            for first in _children(outer.pid):
                os.kill(first, signal.SIGKILL)  # and with it all others in there
            outer.wait(30)


@contextlib.contextmanager
def control_groups(name: str) -> Iterator[str]:
    """A group in each hierarchy, and the line of a shell that enters them; empty ones are taken away at the end."""
    tops = [GROUPS] if (GROUPS / "cgroup.procs").exists() else [each for each in GROUPS.iterdir() if each.is_dir()]
    made = [top / name for top in tops if os.access(top, os.W_OK) and not top.is_symlink()]
    try:
        for each in made:
            each.mkdir()
        yield "".join(f"echo $$ 2>&1 >{each}/cgroup.procs || true; " for each in made)
    finally:
        for each in made:
            for place, _, _ in os.walk(each, topdown=False):
                with contextlib.suppress(OSError):
                    Path(place).rmdir()


def test_the_unit_works_and_a_service_that_hangs_is_started_anew(tmp_path: Path) -> None:
    """O3 "watchdog": within its sandbox it fetches, decides and answers; stopped dead, it is ended with SIGABRT, which
    leaves where each thread was, and the next one goes on. Nothing goes out twice."""
    need("unshare", str(SYSTEMD))
    box = imapd.start({"issues": servers.PASSWORD})
    with servers.sink() as sink:
        state = tmp_path / "state"
        state.mkdir()
        people = Service(state, lambda raw: box.append("issues", raw), box.port, sink.port, sink.mails)
        people.configure(poll="1s")
        with machine(tmp_path, state) as there:
            people.folder = there.state  # its log is there
            people.sends(BOB, COMPLETE.format(priority="P2"))
            people.gets(BOB, seconds=60)
            hung = there.service()
            os.kill(hung, signal.SIGSTOP)
            people.sends(CARL, COMPLETE.format(priority="P2"))
            people.until(lambda: there.service() not in (0, hung), "another process", 60)
            people.gets(CARL, seconds=60)
            assert "Fatal Python error: Aborted" in people.log()
            people.assert_each_once()
    box.stop()
