"""The power goes: what a service wrote to its database, as strace saw it, played back to a disk that holds what was
synced and, of the rest, whatever the dice say: a write is there, is not, or is torn at a sector (trust.md D3).

Beside the writes the trace has what the service said to others, and each such word is a promise: a mail that is moved
away on the server is stored, and a mail that was handed to the relay is known.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import servers
from chat import COMPLETE, SARA
from test_service import Service, serving

from triagemail.doors import imapd
from triagemail.mail.tokens import read_message_id
from triagemail.process.life import evolve
from triagemail.store.store import Store

SECTOR = 512  # octets that a disk writes whole
LONGEST = 2_000_000  # octets of one write that the trace holds
CALLS = "pwrite64,ftruncate,fdatasync,fsync,unlink,sendto"
DATABASE = ("t.db", "t.db-wal")  # the `-shm` is made anew


@dataclass(frozen=True, slots=True)
class Write:
    """Octets at a place of a file; None: it ends there."""

    file: str
    at: int
    octets: bytes | None


@dataclass(frozen=True, slots=True)
class Sync:
    """All that was written to a file before the first `before` operations is on the disk now."""

    file: str
    before: int


@dataclass(frozen=True, slots=True)
class Unlink:
    file: str


@dataclass(frozen=True, slots=True)
class Promise:
    """What the service said: `moved` by UID, or `sent` by the number of a mail of ours."""

    what: str
    number: int


Operation = Write | Sync | Unlink | Promise


# --- what strace saw --------------------------------------------------------------------------------------------------

_LINE = re.compile(r"(\d+) +(?:<\.\.\. (\w+) resumed>)?(.*)")
_DONE = re.compile(r"(\w+)\((?:\d+<([^>]*)>)?(.*)\) += (-?\d+)", re.DOTALL)
_HEX = re.compile(r"\\x([0-9a-f]{2})")
_OCTETS = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_MOVE = re.compile(rb"UID MOVE ([\d,:]+) ")
_ID = re.compile(rb"\r\nMessage-ID: (<[^>\r\n]+>)")


def read(trace: Path, domain: str) -> list[Operation]:
    """The operations in the order in which they were done; a sync covers only what was done before it began."""
    found: list[Operation] = []
    begun: dict[str, tuple[str, int]] = {}  # by thread: the first half of its call, and how many were done then
    for line in trace.read_text("ascii").splitlines():
        thread, resumed, rest = _LINE.fullmatch(line).groups()  # type: ignore[union-attr]  # each line of it is one
        if rest.endswith("<unfinished ...>"):
            begun[thread] = rest.removesuffix("<unfinished ...>"), len(found)
            continue
        half, before = begun.pop(thread, ("", 0)) if resumed else ("", len(found))
        if call := _DONE.match(half.rstrip() + rest if resumed else rest):
            found += _operations(before, domain, *call.groups())
    return found


def _operations(before: int, domain: str, name: str, path: str | None, rest: str, result: str) -> Iterator[Operation]:
    file = Path(_HEX.sub(lambda found: chr(int(found[1], 16)), path or "")).name
    octets = [bytes.fromhex(text.replace("\\x", "")) for text in _OCTETS.findall(rest)]
    if int(result) < 0:
        return
    if name == "sendto":
        for uids in _MOVE.findall(octets[0]):
            yield from (Promise("moved", uid) for uid in _uids(uids.decode()))
        numbers = (read_message_id(each.decode(), domain)[1] for each in _ID.findall(octets[0]))
        yield from (Promise("sent", number) for number in numbers if number)
    elif name == "unlink" and (gone := Path(os.fsdecode(octets[0])).name) in DATABASE:
        yield Unlink(gone)
    elif file not in DATABASE:
        return
    elif name == "pwrite64":
        yield Write(file, int(rest.rpartition(",")[2]), octets[0][: int(result)])
    elif name == "ftruncate":
        yield Write(file, int(rest.rpartition(",")[2]), None)
    elif name in ("fdatasync", "fsync"):
        yield Sync(file, before)


def _uids(text: str) -> Iterator[int]:
    for part in text.split(","):
        first, _, last = part.partition(":")
        yield from range(int(first), int(last or first) + 1)


# --- the disk ---------------------------------------------------------------------------------------------------------


@dataclass
class Disk:
    """What is on it for sure, and what was written since: (number of the operation, operation), by file. With `lies` it
    says that it has synced and has not."""

    files: dict[str, bytearray]
    lies: bool = False
    unsure: dict[str, list[tuple[int, Write | Unlink]]] = field(default_factory=lambda: defaultdict(list))
    promised: list[Promise] = field(default_factory=list)

    def take(self, number: int, operation: Operation) -> None:
        match operation:
            case Promise():
                self.promised.append(operation)
            case Sync(file, before) if not self.lies:
                waiting = self.unsure[file]
                for _, each in (pair for pair in waiting if pair[0] < before):
                    _apply(self.files, each)
                self.unsure[file] = [pair for pair in waiting if pair[0] >= before]
            case Write() | Unlink():
                self.unsure[operation.file].append((number, operation))

    def after_the_loss(self, chance: random.Random) -> dict[str, bytes]:
        files = {name: bytearray(octets) for name, octets in self.files.items()}
        waiting = sorted(pair for each in self.unsure.values() for pair in each)
        for _, each in waiting:
            luck = chance.random()
            if luck < 0.5:
                continue
            torn = luck > 0.85 and isinstance(each, Write) and each.octets is not None
            _apply(files, _torn(each, chance) if torn else each)
        return {name: bytes(octets) for name, octets in files.items()}


def _torn(write: Write | Unlink, chance: random.Random) -> Write:
    assert isinstance(write, Write)
    assert write.octets is not None
    sectors = len(write.octets) // SECTOR
    return Write(write.file, write.at, write.octets[: chance.randint(0, sectors) * SECTOR])


def _apply(files: dict[str, bytearray], operation: Write | Unlink) -> None:
    if isinstance(operation, Unlink):
        files.pop(operation.file, None)
        return
    held = files.setdefault(operation.file, bytearray())
    if operation.octets is None:
        del held[operation.at :]
        held.extend(bytes(operation.at - len(held)))
        return
    held.extend(bytes(max(0, operation.at - len(held))))
    held[operation.at : operation.at + len(operation.octets)] = operation.octets


# --- what must hold ---------------------------------------------------------------------------------------------------


def faults(folder: Path, files: dict[str, bytes], promised: Sequence[Promise], ids: Mapping[int, str]) -> list[str]:
    """What is wrong with a database as the power loss has left it; `ids` are the Message-IDs of the mails by UID."""
    for name in (*DATABASE, "t.db-shm"):
        (folder / name).unlink(missing_ok=True)
    for name, octets in files.items():
        (folder / name).write_bytes(octets)
    with contextlib.closing(sqlite3.connect(folder / "t.db")) as database:
        try:
            state = database.execute("PRAGMA integrity_check").fetchone()[0]
        except sqlite3.DatabaseError as error:
            state = str(error)
    if state != "ok":
        return [f"the database is broken: {state}"]
    store = Store(f"sqlite:///{folder}/t.db")
    try:
        return [*_broken_promises(store, promised, ids), *_broken_units(store)]
    finally:
        store.close()


def _broken_promises(store: Store, promised: Sequence[Promise], ids: Mapping[int, str]) -> Iterator[str]:
    raws = b"\0".join(bytes(raw) for (raw,) in store.all("SELECT body FROM raw"))
    known = {number for (number,) in store.all("SELECT id FROM outgoing")}
    for each in promised:
        if each.what == "moved" and f"Message-ID: {ids[each.number]}\r\n".encode() not in raws:
            yield f"mail {each.number} was moved away on the server and is not stored"
        if each.what == "sent" and each.number not in known:
            yield f"mail {each.number} of ours was sent and is not known"


def _broken_units(store: Store) -> Iterator[str]:
    """Each issue is the fold of its journal, and who was worked off has it: a unit of work is there whole or not."""
    for (number,) in store.all("SELECT number FROM issue"):
        issue = None
        for _, _, _, event in store.journal(number):
            issue = evolve(issue, event)
        if issue != store.issue(number):
            yield f"issue {number} is not what its journal says"
    for inbox, number in store.all("SELECT id, issue FROM inbox WHERE state = 'done' AND issue IS NOT NULL"):
        if store.issue(number) is None:
            yield f"mail {inbox} is worked off, and its issue {number} is not there"


# --- playing it -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recorded:
    """The files of a database before a service began to work, what that did, and the Message-IDs of the mails that it
    moved away by their UIDs."""

    files: Mapping[str, bytes]
    done: Sequence[Operation]
    ids: Mapping[int, str]


def record(folder: Path, mails: int) -> Recorded:
    """A service between two servers takes, works off and answers so many reports under strace. Raises PermissionError
    where nothing may be traced."""
    trace = folder / "trace"
    box = imapd.start({"issues": servers.PASSWORD})
    with servers.sink() as sink:
        here = Service(folder, lambda raw: box.append("issues", raw), box.port, sink.port, sink.mails)
        with serving(here):
            here.configure(poll="1s")
            here.command("subscribers", "add", "lena@acme.example", "tom@acme.example", "kim@acme.example")
            files = {name: (folder / name).read_bytes() for name in DATABASE if (folder / name).exists()}
            options = ("-xx", "-s", str(LONGEST), "-e", f"trace={CALLS}", "-o", str(trace))
            with traced(here, "intake,work,send", *options):
                _works(here, mails)
    box.stop()
    done = read(trace, "acme.example")
    moved = [each.number for each in done if isinstance(each, Promise) and each.what == "moved"]
    ids = (f"<{number}@client.example>" for number in range(1, here.count + 1))
    return Recorded(files, done, dict(zip(moved, ids, strict=True)))


def _works(here: Service, mails: int) -> None:
    for number in range(mails):
        author, urgent = f"reporter{number}@acme.example", number % 10 == 1
        here.sends(author, COMPLETE.format(priority="P0" if urgent else "P2"))
        here.gets(author, seconds=60)
        if urgent:  # decided on by her token, it goes to the list
            asked = here.gets(SARA, f"Shop {here.count} is slow", 60)
            here.sends(SARA, "agree", answering=asked)
            here.gets("kim@acme.example", f"SHOP {here.count - 1} IS SLOW", 60)


@contextlib.contextmanager
def traced(here: Service, parts: str, *options: str) -> Iterator[None]:
    """These parts of the service under strace with such options, ended as systemd ends it. Raises PermissionError where
    nothing may be traced."""
    argv = ["strace", "-f", "-y", "-qq", *options, sys.executable, "-m", "triagemail"]
    with (here.folder / "log").open("ab") as log:
        argv += ["--config", str(here.folder / "config.toml"), "run", "--only", parts]
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    here.processes.append(process)
    try:
        here.until(lambda: "connected" in here.log() or process.poll() is not None, "connected", 60)
        if process.poll() is not None and "ptrace" in here.log():
            raise PermissionError(here.log().splitlines()[-1])
        yield
    finally:  # strace ends with what it traces; ended itself it would let that live
        with contextlib.suppress(OSError):  # it has ended already
            for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
                os.kill(int(child), signal.SIGTERM)
        process.wait(60)


@dataclass(frozen=True, slots=True)
class Played:
    """`losses` is at how many points the power went, `wrong` what was wrong then, `promises` how many stood at the
    last of them."""

    losses: int
    promises: int
    wrong: list[str]


def play(folder: Path, recorded: Recorded, *, points: int, seed: int, lies: bool = False) -> Played:
    """The power goes at so many points, picked by chance."""
    chance, wrong = random.Random(seed), list[str]()
    disk = Disk({name: bytearray(octets) for name, octets in recorded.files.items()}, lies)
    every = len(recorded.done)
    when = set(chance.sample(range(every), min(points, every)))
    for number, operation in enumerate(recorded.done):
        disk.take(number, operation)
        if number in when:
            found = faults(folder, disk.after_the_loss(chance), disk.promised, recorded.ids)
            wrong += [f"at operation {number} of {every}: {each}" for each in found]
    return Played(len(when), len(disk.promised), wrong)
