"""From a bare `python3` (3.11+) to a running demo or test run: `python3 .ci/bootstrap.py demo` or `… test`.

Standard library only. Debian ships Python without ensurepip, and its own pip refuses to install (PEP 668); so the
project lives in `.venv`, and where that cannot get pip from ensurepip, pip's wheel comes from the package index that
pip's configuration names, else from Debian's archive by way of apt-get. No host stands here.
"""

from __future__ import annotations

import sys

try:
    import base64
    import configparser
    import contextlib
    import hashlib
    import json
    import os
    import re
    import shutil
    import ssl
    import subprocess
    import tempfile
    import urllib.parse
    import urllib.request
    import zipfile
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any
except ImportError as error:  # Debian's python3-minimal has not even json
    print(f"{error}: this Python lacks most of its standard library; `apt-get install python3` first", file=sys.stderr)
    sys.exit(69)

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
JSON = "application/vnd.pypi.simple.v1+json"  # PEP 691
WHEEL = re.compile(r"pip-([0-9]+(?:\.[0-9]+)*)-py3-none-any\.whl")
PATIENCE = 60  # seconds for one answer of the index
APT_PATIENCE = 600  # seconds for one run of apt-get; the package lists are some 10 MB
ROOTS = Path("/etc/ssl/certs/ca-certificates.crt")  # Debian's package ca-certificates; a bare machine may lack it
USE = "usage: python3 .ci/bootstrap.py demo [OPTION…] | test [PYTEST-OPTION…]"

EXTRAS = {"demo": "web", "test": "test"}


def main(arguments: list[str]) -> int:
    """Prepare `.venv` for one of the two purposes and run it; the exit code is the one of what ran."""
    if sys.version_info < (3, 11):  # noqa: UP036  # whoever starts it with an older Python is told so, in its own syntax
        print(f"triagemail needs Python 3.11 or newer; this is {sys.version.split()[0]}", file=sys.stderr)
        return 69
    purpose, rest = (arguments or [""])[0], arguments[1:]
    if purpose not in EXTRAS:
        print(USE, file=sys.stderr)
        return 64
    try:
        prepare(EXTRAS[purpose])
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        print(f"{error}\nCould not prepare {VENV}; `apt-get install python3-venv` may help.", file=sys.stderr)
        return 75
    if purpose == "demo":
        return subprocess.call([VENV / "bin" / "triagemail", "demo", *rest], cwd=ROOT)
    return check(rest)


def check(rest: list[str]) -> int:
    """Lint, types, tests; all three run, and the tests come last, so that their summary stands at the end."""
    lint = subprocess.call([PYTHON, "-m", "ruff", "check", "."], cwd=ROOT)
    types = subprocess.call([PYTHON, "-m", "mypy"], cwd=ROOT)
    tests = subprocess.call([PYTHON, "-m", "pytest", "-n", "2", "--dist", "loadgroup", *rest], cwd=ROOT)
    return tests or lint or types


def prepare(extra: str) -> None:
    """Install the project and the libraries of one extra into `.venv`, unless a stamp says that this was done."""
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + sys.version.encode()).hexdigest()
    stamp = VENV / f"installed-{extra}"
    for done in (stamp, VENV / "installed-test"):  # what the tests need holds what the demo needs
        if done.is_file() and done.read_text() == wanted:
            return
    if not works(VENV / "python-version", sys.version):
        make_venv()
        get_pip()
        (VENV / "python-version").write_text(sys.version)
    print(f"Installing into {VENV} (once, about a minute) …", file=sys.stderr)
    run(PYTHON, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--editable", f"{ROOT}[{extra}]")
    stamp.write_text(wanted)


def works(note: Path, version: str) -> bool:
    """True for a `.venv` that was finished, by this Python, and not moved since: an old path would run old code."""
    if not note.is_file() or note.read_text() != version:
        return False
    found = subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True, text=True, check=False)
    return found.returncode == 0 and str(VENV) in found.stdout


def make_venv() -> None:
    """An empty `.venv`. Without the module venv (python3-minimal) its three files are written by hand (PEP 405)."""
    if VENV.exists():
        shutil.rmtree(VENV)
    try:
        import venv
    except ImportError:
        (VENV / "bin").mkdir(parents=True)
        (VENV / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages").mkdir(parents=True)
        base = Path(getattr(sys, "_base_executable", sys.executable) or sys.executable)
        for name in ("python", "python3"):
            (VENV / "bin" / name).symlink_to(base)
        (VENV / "pyvenv.cfg").write_text(f"home = {base.parent}\ninclude-system-site-packages = false\n")
    else:
        venv.EnvBuilder(symlinks=True, with_pip=False).create(VENV)


def get_pip() -> None:
    """pip into `.venv`: from ensurepip, else from its wheel; one of pure Python is installed by unpacking (PEP 427)."""
    bundled = subprocess.run([PYTHON, "-m", "ensurepip", "--default-pip"], capture_output=True, check=False)
    if bundled.returncode == 0:
        return
    (site,) = VENV.glob("lib/python3*/site-packages")
    with tempfile.TemporaryDirectory(prefix="triagemail-") as name, zipfile.ZipFile(pip_wheel(Path(name))) as wheel:
        wheel.extractall(site)
    use_own_roots(site / "pip" / "_vendor" / "certifi", ROOTS)


def use_own_roots(certifi: Path, system: Path) -> None:
    """Debian's pip trusts only the package ca-certificates; where that is missing, the bundle in pip's own wheel does.

    Without either it does not even start (25.1 on Debian 13).
    """
    code, bundle = certifi / "core.py", certifi / "cacert.pem"
    if not system.exists() and bundle.is_file():
        text = code.read_text(encoding="utf-8")
        code.write_text(text.replace(repr(str(system)), repr(str(bundle))), encoding="utf-8")


def pip_wheel(folder: Path) -> Path:
    """pip's wheel from the package index if one is configured, else from Debian's archive; ValueError where none is."""
    sources: list[tuple[str, Callable[[Path], Path]]] = []
    if setting("index-url"):
        sources.append(("the package index", fetch_pip))
    if shutil.which("apt-get") and shutil.which("dpkg-deb"):
        sources.append(("Debian's archive (apt-get)", unpack_pip))
    for name, source in sources:
        print(f"This Python has no ensurepip: fetching pip from {name} …", file=sys.stderr)
        try:
            return source(folder)
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            print(f"That gave none: {error}", file=sys.stderr)
    raise ValueError("Python without ensurepip, and pip was found nowhere else: set PIP_INDEX_URL to a package index.")


def unpack_pip(folder: Path) -> Path:
    """pip's wheel out of Debian's package python3-pip-whl; needs no root, and the system's package lists stay as they
    are.

    apt checks what it downloads by the archive's keys. Where the machine's package lists are missing (a container) or
    old, it gets lists of its own from the machine's sources. Raises ValueError with apt's own words.
    """
    folder.chmod(0o755)  # as root, apt downloads as a user of its own
    download = ("apt-get", "download", "python3-pip-whl")
    wrong = apt(folder, *download)
    if wrong:
        own = private_lists(folder)
        cause = apt(folder, "apt-get", "update", *own)
        wrong = apt(folder, *download, *own)
        if wrong:
            raise ValueError(cause or wrong)
    for package in folder.glob("python3-pip-whl_*.deb"):
        run("dpkg-deb", "-x", package, folder / "package")
    wheels = sorted(folder.glob("package/usr/share/python-wheels/pip-*.whl"))
    if not wheels:
        raise ValueError("python3-pip-whl holds no wheel of pip")
    return wheels[-1]


def private_lists(folder: Path) -> tuple[str, ...]:
    """Options by which apt keeps its package lists and its cache in this folder and runs no hook of the system."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    lines = [f'Dir::State::Lists "{folder}/lists";', f'Dir::Cache "{folder}/cache";', 'Acquire::Languages "none";']
    lines += [f"#clear APT::Update::{hook};" for hook in ("Pre-Invoke", "Post-Invoke", "Post-Invoke-Success")]
    (folder / "apt.conf").write_text("\n".join(lines) + "\n")
    return ("--config-file", str(folder / "apt.conf"))


def apt(folder: Path, *words: str) -> str:
    """Run apt-get in this folder, which is where it puts a download; in one line what went wrong, "" if nothing did."""
    done = subprocess.run(
        words,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        errors="replace",
        timeout=APT_PATIENCE,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if line.startswith("E: ")]
    return "" if done.returncode == 0 else (said or [f"{' '.join(words[:3])} ended with {done.returncode}"])[0]


def fetch_pip(folder: Path) -> Path:
    """The newest final wheel of pip that this Python can run, checked by the index's sha256.

    Raises ValueError where the index has none or the bytes are others, OSError where it does not answer.
    """
    page = setting("index-url").rstrip("/") + "/pip/"
    content = get(page, JSON)
    try:
        files = json.loads(content)["files"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{shown(page)} does not answer as a package index (PEP 691)") from None
    usable = [(release(file), file) for file in files if release(file)]
    if not usable:
        raise ValueError(f"{shown(page)} has no wheel of pip for Python {sys.version.split()[0]}")
    newest = max(usable, key=lambda pair: pair[0])[1]
    body = get(urllib.parse.urljoin(page, newest["url"]), "*/*")
    if hashlib.sha256(body).hexdigest() != newest.get("hashes", {}).get("sha256"):
        raise ValueError(f"{newest['filename']} does not have the sha256 that {shown(page)} names")
    wheel = folder / str(newest["filename"])
    wheel.write_bytes(body)
    return wheel


def release(file: dict[str, Any]) -> tuple[int, ...]:
    """The version of a final wheel of pip that runs here, else (); its `requires-python` is always one lower bound."""
    name = WHEEL.fullmatch(file["filename"])
    bound = re.fullmatch(r">=\s*3\.([0-9]+)", file.get("requires-python") or ">=3.0")
    if not name or file.get("yanked") or not bound or int(bound[1]) > sys.version_info[1]:
        return ()
    return tuple(int(number) for number in name[1].split("."))


def get(url: str, accept: str) -> bytes:
    """One GET; https only (http on loopback, for an index of one's own), name and password of the URL as Basic."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ValueError(f"{shown(url)}: only https is trusted with code")
    request = urllib.request.Request(shown(url), headers={"Accept": accept})
    if parts.username:
        login = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
        request.add_unredirected_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
    trust = ssl.create_default_context(cafile=setting("cert") or None)
    with urllib.request.urlopen(request, timeout=PATIENCE, context=trust) as answer:
        if urllib.parse.urlsplit(answer.geturl()).scheme != parts.scheme:
            raise ValueError(f"{shown(url)} sends us on to {shown(answer.geturl())}: only https is trusted with code")
        body: bytes = answer.read()
    return body


def shown(url: str) -> str:
    """A URL without its name and password, for messages and for the request line."""
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def setting(name: str) -> str:
    """What pip would use for an option: the environment, else the last of its files that has it."""
    given = os.environ.get("PIP_" + name.upper().replace("-", "_"))
    for file in () if given else pip_files():
        parser = configparser.RawConfigParser()
        with contextlib.suppress(configparser.Error, UnicodeDecodeError):
            parser.read(file)
        for section in ("global", "install"):
            given = parser.get(section, name, fallback=given)
    return given or ""


def pip_files() -> Iterator[Path]:
    """pip's configuration files, the ones that win last (pip's documentation, Configuration)."""
    yield from (Path(folder) / "pip/pip.conf" for folder in os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":"))
    yield Path("/etc/pip.conf")
    yield Path.home() / ".pip/pip.conf"
    yield Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "pip/pip.conf"
    if os.environ.get("PIP_CONFIG_FILE"):
        yield Path(os.environ["PIP_CONFIG_FILE"])


def run(*command: object) -> None:
    """A step that must succeed; its own words are the explanation where it does not."""
    words = [str(word) for word in command]
    if subprocess.call(words, cwd=ROOT) != 0:
        raise ValueError(f"This failed: {' '.join(words)}")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
