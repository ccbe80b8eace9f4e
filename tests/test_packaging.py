"""README's two commands on a bare machine, what the wheel holds, and what a command loads before it does anything."""

from __future__ import annotations

import base64
import hashlib
import http.server
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
CI = pytest.mark.skipif(os.environ.get("CI") != "true", reason="takes a minute and the package index: CI runs it")
COMMAND = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def pythons() -> list[str]:
    """This Python, and 3.13 where one is installed (pyenv's shim of it may answer without having one)."""
    others = [shutil.which("python3.13"), *map(str, Path.home().glob(".pyenv/versions/3.13.*/bin/python3.13"))]
    return [sys.executable, *[path for path in others if path and answers(path)][:1]]


def answers(python: str) -> bool:
    return subprocess.run([python, "-V"], capture_output=True, check=False).returncode == 0


def commands() -> list[str]:
    return [line for block in COMMAND.findall(README.read_text()) for line in block.splitlines()]


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bootstrap() -> ModuleType:
    return load(ROOT / ".ci" / "bootstrap.py")


def checkout(folder: Path) -> Path:
    """What a `git clone` would bring, without the leftovers of this one."""
    left = shutil.ignore_patterns(".git", ".venv", "*cache*", "__pycache__", ".hypothesis", "*.db*")
    return Path(shutil.copytree(ROOT, folder / "triagemail clone", ignore=left))


# --- README's two commands --------------------------------------------------------------------------------------------


def test_ci_runs_readmes_own_command() -> None:
    """`.ci/run` … runs the very README test command; README has two commands, each enough on a bare machine."""
    assert commands() == ["python3 .ci/bootstrap.py demo", "python3 .ci/bootstrap.py test"]
    assert (ROOT / ".ci" / "run").read_text().rstrip().splitlines()[-1] == commands()[1]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


@CI
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("python", "configured"),
    [*((path, True) for path in pythons()), *([(sys.executable, False)] if shutil.which("apt-get") else [])],
)
def test_the_demo_command_on_a_bare_debian(python: str, configured: bool, tmp_path: Path) -> None:
    """Bare Debian has no ensurepip: README's commands try venv, then pip's wheel from an index that is configured, else
    from apt-get.
    """
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    for name in ("ensurepip", "venv"):
        (hidden / f"{name}.py").write_text(f"raise ImportError('{name} is not part of python3-minimal')\n")
    environment = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONHOME")}
    environment |= {"PYTHONPATH": str(hidden), "HOME": os.environ.get("HOME", str(tmp_path))}
    asked = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"  # the index that pip itself would ask
    index = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout.strip()
    if configured:
        environment["PIP_INDEX_URL"] = environment.get("PIP_INDEX_URL") or index
    probe = [python, "-c", "import ensurepip"]
    assert subprocess.run(probe, env=environment, capture_output=True, check=False).returncode != 0
    folder = checkout(tmp_path)
    once = "--once" if (ROOT / "triagemail" / "demo.py").exists() else "--help"
    for told in (True, False):  # the second time nothing is installed
        words = [python, *commands()[0].split()[1:], once]
        done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        assert ("Installing into" in done.stderr) is told
        assert ("has no ensurepip" in done.stderr) is told


def test_an_old_python_is_told(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command is enough with only Python 3.11+: an older one gets one clear line, and nothing is made."""
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 10, 9))
    assert bootstrap.main(["demo"]) == 69
    assert "Python 3.11" in capsys.readouterr().err


def test_usage(bootstrap: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit codes of sysexits.h: 64 usage."""
    assert bootstrap.main([]) == bootstrap.main(["tests"]) == 64
    assert "usage:" in capsys.readouterr().err


def test_every_failure_shows_and_the_tests_come_last(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last lines show pytest's summary; lint or types failing is a failure all the same."""
    for failing in ("ruff", "mypy", "pytest", ""):
        ran: list[str] = []

        def call(words: list[object], failing: str = failing, ran: list[str] = ran, **_: object) -> int:
            ran.append(str(words[2]))
            return 3 if words[2] == failing else 0

        monkeypatch.setattr(bootstrap.subprocess, "call", call)
        assert bootstrap.check([]) == (3 if failing else 0)
        assert ran == ["ruff", "mypy", "pytest"]


def test_done_once(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It must be idempotent and fast the second time: a stamp by the hash of pyproject.toml and the Python."""
    steps: list[str] = []
    for name in ("make_venv", "get_pip", "run"):
        monkeypatch.setattr(bootstrap, name, lambda *_, name=name: steps.append(name))
    monkeypatch.setattr(bootstrap, "VENV", tmp_path)
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    (tmp_path / "pyproject.toml").write_text("a")
    bootstrap.prepare("web")
    assert steps == ["make_venv", "get_pip", "run"]
    bootstrap.prepare("web")
    assert len(steps) == 3
    monkeypatch.setattr(bootstrap, "works", lambda *_: True)
    bootstrap.prepare("test")
    assert steps[3:] == ["run"]
    (tmp_path / "pyproject.toml").write_text("b")
    bootstrap.prepare("web")
    assert steps[4:] == ["run"]
    (tmp_path / "installed-web").unlink()
    bootstrap.prepare("test")
    steps.clear()
    bootstrap.prepare("web")  # what the tests need holds what the demo needs
    assert steps == []


# --- pip's wheel from the index ---------------------------------------------------------------------------------------


class Index:
    """A package index on loopback: /simple/pip/ in JSON (PEP 691) and the files beside it."""

    def __init__(self) -> None:
        self.files: list[dict[str, Any]] = []
        self.bodies: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []
        index = self

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.asked.append((self.path, self.headers.get("Authorization", "")))
                page = json.dumps({"meta": {"api-version": "1.1"}, "files": index.files}).encode()
                body = page if self.path == "/simple/pip/" else index.bodies.get(self.path.rpartition("/")[2])
                self.send_response(404 if body is None else 200)
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server.server_port}/simple"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def add(self, name: str, body: bytes = b"wheel", **more: object) -> None:
        self.bodies[name] = body
        digest = hashlib.sha256(body).hexdigest()
        entry = {"filename": name, "url": f"../../files/{name}", "hashes": {"sha256": digest}}
        self.files.append(entry | {key.replace("_", "-"): value for key, value in more.items()})

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    served = Index()
    monkeypatch.setenv("PIP_INDEX_URL", served.url)
    yield served
    served.close()


def test_the_newest_final_wheel_that_runs_here(bootstrap: ModuleType, index: Index, tmp_path: Path) -> None:
    """pip's wheel from the package index: the newest final one, not yanked, for this Python."""
    for name in ("pip-9.0.3-py2.py3-none-any.whl", "pip-24.9.tar.gz", "pip-25.0b1-py3-none-any.whl"):
        index.add(name)
    index.add("pip-24.9-py3-none-any.whl", b"old", requires_python=">=3.8")
    index.add("pip-24.10-py3-none-any.whl", b"right", requires_python=">=3.8", yanked=False)
    index.add("pip-24.11-py3-none-any.whl", yanked="broken")
    index.add("pip-99.0-py3-none-any.whl", requires_python=">=3.99")
    wheel = bootstrap.fetch_pip(tmp_path)
    assert (wheel.name, wheel.read_bytes()) == ("pip-24.10-py3-none-any.whl", b"right")


def test_other_bytes_are_refused(bootstrap: ModuleType, index: Index, tmp_path: Path) -> None:
    """Checked by sha256: what is not what the index names is never run."""
    index.add("pip-24.0-py3-none-any.whl", b"named")
    index.bodies["pip-24.0-py3-none-any.whl"] = b"other"
    with pytest.raises(ValueError, match="sha256"):
        bootstrap.fetch_pip(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_index_of_a_company(
    bootstrap: ModuleType, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Honours PIP_INDEX_URL and pip.conf; name and password go as Basic, and into no message."""
    index.add("pip-24.0-py3-none-any.whl")
    monkeypatch.delenv("PIP_INDEX_URL")
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {index.url.replace('//', '//u:canary%407@')}\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    assert bootstrap.fetch_pip(tmp_path).read_bytes() == b"wheel"
    basic = "Basic " + base64.b64encode(b"u:canary@7").decode()
    assert index.asked == [("/simple/pip/", basic), ("/files/pip-24.0-py3-none-any.whl", basic)]
    index.files.clear()
    with pytest.raises(ValueError, match="has no wheel") as caught:
        bootstrap.fetch_pip(tmp_path)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://index.acme.example/simple", "ftp://index.acme.example/simple"])
def test_only_https_is_trusted_with_code(
    bootstrap: ModuleType, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From the package index over https; nothing is asked of another kind of index."""
    monkeypatch.setenv("PIP_INDEX_URL", url)
    with pytest.raises(ValueError, match="only https"):
        bootstrap.fetch_pip(tmp_path)


# --- pip's wheel from Debian's archive --------------------------------------------------------------------------------

APT_GET = """\
#!/bin/sh
echo "$*" >>"{asked}"
case "$* {state}" in
update*) : >lists/partial/fresh; exit 0 ;;
*" good") : >python3-pip-whl_1.0_all.deb ;;
*" no lists") [ -e lists/partial/fresh ] && : >python3-pip-whl_1.0_all.deb ;;
*) false ;;
esac || {{ echo "W: old" >&2; echo "E: Unable to locate package python3-pip-whl" >&2; exit 100; }}
"""
DPKG_DEB = """\
#!/bin/sh
PATH=/usr/bin:/bin
mkdir -p "$3/usr/share/python-wheels" && cp "{wheel}" "$3/usr/share/python-wheels"
"""
CERTIFI = "def where():\n    return '/etc/ssl/certs/ca-certificates.crt'\n"


class Bare:
    """A machine without ensurepip whose PATH has apt-get and dpkg-deb only: `state` is good, no lists or nothing."""

    def __init__(self, bootstrap: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bootstrap, self.folder, self.temporary = bootstrap, folder, folder / "temporary"
        self.path = folder / "bin"
        for made in (self.path, self.temporary):
            made.mkdir()
        with zipfile.ZipFile(folder / "pip-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr("pip/__init__.py", "")
            wheel.writestr("pip/_vendor/certifi/core.py", CERTIFI)
            wheel.writestr("pip/_vendor/certifi/cacert.pem", "roots")
        monkeypatch.delenv("PIP_INDEX_URL", raising=False)
        monkeypatch.setattr(bootstrap, "pip_files", lambda: ())
        monkeypatch.setattr(bootstrap, "VENV", folder / ".venv")
        monkeypatch.setattr(bootstrap, "PYTHON", shutil.which("false"))
        monkeypatch.setattr(bootstrap.tempfile, "tempdir", str(self.temporary))
        monkeypatch.setenv("PATH", str(self.path))

    def has_apt(self, state: str) -> None:
        texts = {
            "apt-get": APT_GET.format(state=state, asked=self.folder / "asked"),
            "dpkg-deb": DPKG_DEB.format(wheel=self.folder / "pip-1.0-py3-none-any.whl"),
        }
        for name, text in texts.items():
            (self.path / name).write_text(text)
            (self.path / name).chmod(0o755)

    def gets_pip(self) -> Path:
        """The folder of packages that pip was unpacked into; nothing else is left."""
        self.bootstrap.make_venv()
        self.bootstrap.get_pip()
        assert list(self.temporary.iterdir()) == []
        (made,) = (self.folder / ".venv").glob("lib/python3*/site-packages")
        return Path(made)

    def asked(self) -> list[str]:
        """What apt-get was told, without the path of the options that it was given."""
        told = self.folder / "asked"
        text = told.read_text() if told.exists() else ""
        return [re.sub(r"(--config-file) \S+/apt\.conf$", r"\1", line) for line in text.splitlines()]


@pytest.fixture
def bare(bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bare:
    return Bare(bootstrap, tmp_path, monkeypatch)


DOWNLOAD = "download python3-pip-whl"


@pytest.mark.parametrize(
    ("state", "asked"),
    [
        ("good", [DOWNLOAD]),
        ("no lists", [DOWNLOAD, "update --config-file", f"{DOWNLOAD} --config-file"]),
    ],
)
def test_a_bare_debian_has_pip_in_its_archive(
    bare: Bare, state: str, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command is enough on a bare machine: without an index pip comes from apt-get, with lists of its own if need
    be.
    """
    bare.has_apt(state)
    assert (bare.gets_pip() / "pip" / "__init__.py").is_file()
    assert bare.asked() == asked
    assert capsys.readouterr().err.count("\n") == 1


def test_a_configured_index_comes_first(bare: Bare, index: Index, capsys: pytest.CaptureFixture[str]) -> None:
    """Order: ensurepip, a configured index, apt-get, which is asked where the index has no pip; one line says so."""
    bare.has_apt("good")
    assert (bare.gets_pip() / "pip").is_dir()
    assert bare.asked() == [DOWNLOAD]
    told = capsys.readouterr().err.splitlines()
    assert [line for line in told if "has no wheel of pip" in line] == told[1:2]
    index.add("pip-24.0-py3-none-any.whl", (bare.folder / "pip-1.0-py3-none-any.whl").read_bytes())
    assert (bare.gets_pip() / "pip").is_dir()
    assert bare.asked() == [DOWNLOAD]


@pytest.mark.parametrize(
    ("state", "cause"), [("nothing", "E: Unable to locate package python3-pip-whl"), ("", "PIP_INDEX_URL")]
)
def test_where_pip_is_nowhere_it_says_what_to_do(
    bare: Bare, state: str, cause: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 75, try again: with apt's own words, what to do, and nothing left behind."""
    if state:
        bare.has_apt(state)
    assert bare.bootstrap.main(["demo"]) == 75
    told = capsys.readouterr().err
    assert cause in told
    assert "set PIP_INDEX_URL" in told
    assert "apt-get install python3-venv" in told
    assert list(bare.temporary.iterdir()) == []


@pytest.mark.skipif(shutil.which("apt-config") is None, reason="apt-config is not installed")
def test_apt_keeps_its_lists_out_of_the_system(bootstrap: ModuleType, tmp_path: Path) -> None:
    """Neither root nor a change of the system is needed: apt reads these options as they were meant."""
    hooks = [f'APT::Update::{hook} {{"false";}};\n' for hook in ("Pre-Invoke", "Post-Invoke", "Post-Invoke-Success")]
    (tmp_path / "hooks.conf").write_text("".join(hooks))
    environment = os.environ | {"APT_CONFIG": str(tmp_path / "hooks.conf")}
    options = bootstrap.private_lists(tmp_path)
    told = subprocess.check_output(["apt-config", *options, "dump"], env=environment, text=True).lower()
    assert f'dir::state::lists "{tmp_path}/lists";'.lower() in told
    assert f'dir::cache "{tmp_path}/cache";'.lower() in told
    assert re.findall(r'apt::update::\S*invoke\S* "[^"]+', told) == []


@pytest.mark.parametrize(("installed", "roots"), [(True, "system.crt"), (False, "cacert.pem")])
def test_pip_of_debian_without_ca_certificates(
    bootstrap: ModuleType, tmp_path: Path, installed: bool, roots: str
) -> None:
    """A bare machine has no package ca-certificates: then the bundle in Debian's own wheel is what pip trusts."""
    system = tmp_path / "system.crt"
    (tmp_path / "core.py").write_text(CERTIFI.replace("/etc/ssl/certs/ca-certificates.crt", str(system)))
    (tmp_path / "cacert.pem").write_text("roots")
    if installed:
        system.write_text("roots")
    bootstrap.use_own_roots(tmp_path, system)
    assert load(tmp_path / "core.py").where() == str(tmp_path / roots)


def test_a_python_without_its_library_is_told(tmp_path: Path) -> None:
    """Debian's python3-minimal has not even json, and pip needs far more: one line says what to install."""
    (tmp_path / "json.py").write_text("raise ImportError('No module named json')\n")
    words = [sys.executable, str(ROOT / ".ci" / "bootstrap.py"), "demo"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 69
    assert "`apt-get install python3`" in done.stderr
    assert done.stderr.count("\n") == 1


# --- the wheel --------------------------------------------------------------------------------------------------------


@CI
@pytest.mark.timeout(300)
def test_the_wheel_holds_what_the_program_reads(tmp_path: Path) -> None:
    """The demo runs from the wheel: templates, default words and the example config are in it, and are found there."""
    build = ["-m", "pip", "wheel", "-qq", "--no-deps", "--wheel-dir", str(tmp_path), str(checkout(tmp_path))]
    subprocess.run([sys.executable, *build], check=True)
    (wheel,) = tmp_path.glob("triagemail-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        metadata = archive.read(next(name for name in held if name.endswith("METADATA"))).decode()
    templates = {f"triagemail/{p.relative_to(ROOT)}" for p in (ROOT / "templates").rglob("*") if p.is_file()}
    code = {str(p.relative_to(ROOT)) for p in (ROOT / "triagemail").rglob("*") if p.suffix in (".py", ".toml", ".sql")}
    assert templates | code | {"triagemail/config.example.toml"} <= held
    assert {name.partition("/")[0].partition("-")[0] for name in held} == {"triagemail"}
    assert "License-Expression: Apache-2.0" in metadata
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    ask = "from triagemail.config import *; print(builtin_templates(), len(load().question), example()[:12])"
    environment = os.environ | {"PYTHONPATH": str(site)}
    told = subprocess.check_output([sys.executable, "-c", ask], env=environment, cwd=tmp_path, text=True)
    assert told == f"{site / 'triagemail' / 'templates'} 5 # triagemail\n"


def test_every_library_in_use_is_asked_for() -> None:
    """Core dependencies by the design's table of libraries, each with a lower bound; nothing is asked for in vain."""
    architecture = load(ROOT / "tests" / "test_architecture.py")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *extras["web"], *extras["postgres"]]
    assert [text for text in asked if ">=" not in text] == []
    names = {re.split(r"[\[>]", text)[0].lower() for text in asked}
    used = {n.partition(".")[0] for path in architecture.modules() for _, n in architecture.imports(path)}
    brought = {"markupsafe": "jinja2", "playhouse": "peewee"}
    brought |= {"proxyprotocol": "pymap", "pysasl": "pymap"}
    brought |= {"dns": "dnspython"}
    package = brought | {"flufl": "flufl.bounce", "mailparser": "mail-parser", "markdown_it": "markdown-it-py"}
    wanted = {package.get(name, name).replace("_", "-") for name in used & architecture.DOORS.keys()}
    assert wanted - names == set()


# --- what a command loads ---------------------------------------------------------------------------------------------


def loaded(*arguments: str, stdin: bytes = b"") -> set[str]:
    """The top names of all modules that a command imports, as Python itself tells."""
    command = [sys.executable, "-X", "importtime", "-m", "triagemail", *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    names = re.findall(r"^import time:.*\| +(\S+)$", done.stderr.decode(), re.MULTILINE)
    return {name.partition(".")[0] for name in names}


def libraries() -> set[str]:
    return set(load(ROOT / "tests" / "test_architecture.py").DOORS)


def skip_without_cli() -> None:
    if not (ROOT / "triagemail" / "cli.py").exists():
        pytest.skip("triagemail/cli.py does not exist yet")


def test_help_loads_only_click() -> None:
    """`cli.py` imports click at module level and the rest per command; a test asserts what `--help` … load."""
    skip_without_cli()
    assert loaded("--help") & libraries() == {"click"}


def test_deliver_loads_what_storing_needs(tmp_path: Path) -> None:
    """… and what `deliver` loads: the mail server starts it once a mail."""
    skip_without_cli()
    loaded("init", str(tmp_path / "t"))
    mail = b"From: sara@acme.example\r\nMessage-ID: <1@acme.example>\r\n\r\nThe website is down.\r\n"
    found = loaded("--config", str(tmp_path / "t" / "config.toml"), "deliver", stdin=mail)
    needed = {"click", "pydantic", "peewee", "playhouse", "psycopg", "structlog", "rich"}  # structlog looks for rich
    assert found & libraries() - needed == set()
