"""The last word of a service process: a file beside an SQLite database, for `status` and for monitors that look at its
time. On PostgreSQL each process has a row instead."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

from triagemail.store.processes import HANGS, processes
from triagemail.store.store import Store

NOBODY = "no `triagemail run` is there"


def place(store: Store) -> Path | None:
    """None on PostgreSQL."""
    return None if store.path is None else Path(f"{store.path}.heartbeat")


def say(path: Path, parts: Sequence[str], hanging: Sequence[str], good_for: float) -> None:
    """One line; who reads it meanwhile finds the old one or the new one. A disk that takes nothing is told of by its
    age."""
    line = {"pid": os.getpid(), "parts": list(parts), "hanging": list(hanging), "good_for": good_for}
    new = path.with_name(f"{path.name}.new")
    with contextlib.suppress(OSError):
        new.write_text(json.dumps(line) + "\n", encoding="ascii")
        os.replace(new, path)


def leave(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def silence(store: Store) -> str:
    """Why nobody can rely on the service now; "" while it is there and its loops turn. By the wall clock, as the file's
    time is."""
    path = place(store)
    if path is not None:
        return _read(path)
    known = [process for process in processes(store) if process.alive]
    hanging = [f"{process.name} hangs: {process.parts}" for process in known if HANGS in process.parts]
    return "; ".join(hanging) if known else NOBODY


def _read(path: Path) -> str:
    try:
        said_at, line = path.stat().st_mtime, json.loads(path.read_text(encoding="ascii"))
        hanging, good_for, pid = [str(name) for name in line["hanging"]], float(line["good_for"]), int(line["pid"])
    except FileNotFoundError:
        return NOBODY
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{path} cannot be read: {error}"
    seconds = time.time() - said_at
    if hanging:
        return f"`triagemail run` (process {pid}) hangs in {', '.join(hanging)} since over {seconds / 60:.0f} min"
    if abs(seconds) > good_for:  # also where the clock was set back
        return f"`triagemail run` (process {pid}) was last heard {seconds / 60:.0f} min ago"
    return ""
