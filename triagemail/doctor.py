"""`triagemail doctor`: live checks of what the service stands on, each with what to do about it. It changes nothing but
the done folder, which the first `run` would make as well."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import shutil
import stat
import subprocess
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from importlib import metadata
from typing import Literal, NamedTuple

from triagemail import trial
from triagemail.app import App, keys_path
from triagemail.config import trust
from triagemail.doors import names
from triagemail.doors.imap import MailboxLost, MailboxRefused
from triagemail.doors.link import loopback
from triagemail.doors.smtp import RelayDown, connect
from triagemail.keys import read_file
from triagemail.mail.headers import python_is_flawed
from triagemail.store.health import health

Level = Literal["good", "warn", "bad"]
NEEDED = {"aiosmtpd": (1, 4, 6), "jinja2": (3, 1, 6), "mail-parser": (4, 8)}  # trust.md O4
LONG = 10  # minutes: what a P0's readers should not have to wait
ROOM = 1_000_000_000  # bytes that should be free beside the database
KEY_FOR = timedelta(days=400)  # a key that has signed for longer should be changed
JOURNAL_KEEPS = "MaxRetentionSec"  # journald.conf(5)
UNSYNCHRONISED = 5  # adjtimex(2): TIME_ERROR


class Finding(NamedTuple):
    """`about` in one or two words; `do`: what the operator should do, "" where nothing."""

    level: Level
    about: str
    text: str
    do: str = ""


def examine(app: App, today: date) -> Iterator[Finding]:
    """Every check in turn, those that need no network first."""
    yield python()
    yield from libraries()
    yield clock()
    yield keys(app, today)
    yield from database(app)
    yield logs(app)
    yield evidence(app)
    yield mailbox(app)
    yield relay(app)
    yield from domain(app)


# --- this machine ----------------------------------------------------------------------------------------------------


def python() -> Finding:
    version = platform.python_version()
    if python_is_flawed():
        text = (
            f"{version} can be made to write header lines by a subject (CVE-2024-6923); our mails are safe all the same"
        )
        return Finding("bad", "Python", text, "use Python 3.11.10, 3.12.5, 3.13 or newer, or your distribution's own")
    return Finding("good", "Python", version)


def libraries() -> Iterator[Finding]:
    for name, needed in NEEDED.items():
        version = metadata.version(name)
        wanted = ".".join(map(str, needed))
        if _numbers(version) < needed:
            yield Finding("bad", name, f"{version} has known holes", f"pip install '{name}>={wanted}'")
        else:
            yield Finding("good", name, version)


def _numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version: 3.1.6rc1 -> (3, 1, 6)."""
    parts = ["".join(c for c in part if c.isdigit()) for part in version.split(".")]
    return tuple(int(part) for part in parts if part)


def clock() -> Finding:
    """The kernel's own opinion; where it has none (no Linux, a container that hides it), nothing is said against it."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))
    except (OSError, AttributeError):
        state = 0
    if state == UNSYNCHRONISED:
        text = "nothing keeps this machine's clock right, and every update names a time"
        return Finding("warn", "clock", text, "timedatectl set-ntp true, or chrony")
    return Finding("good", "clock", "kept right by the system")


def keys(app: App, today: date) -> Finding:
    path = keys_path(app.config)
    found = read_file(path)
    if path.stat().st_mode & (stat.S_IRWXO | stat.S_IWGRP):
        return Finding("bad", "keys", f"{path} can be read by everybody", f"chmod 600 {path}; triagemail keys rotate")
    since = next(iter(found.values())).since
    if since is not None and today - since > KEY_FOR:
        return Finding("warn", "keys", f"the same key has signed since {since}", "triagemail keys rotate")
    return Finding("good", "keys", f"{len(found)} in {path}")


def database(app: App) -> Iterator[Finding]:
    found = health(app.store, app.clock.now(), app.config.imap.read_every)
    for risk in found.risks:
        do = "triagemail status, and the log of `triagemail run`"
        yield Finding("warn" if risk == found.silence else "bad", "promises", risk, do)  # it may not be started yet
    path = app.store.path
    if path is None:
        yield Finding("good", "database", app.store.name)
        return
    free = shutil.disk_usage(path.parent).free
    if path.stat().st_mode & 0o077:
        yield Finding(
            "warn", "database", f"{path} holds everybody's mails, and others may read it", f"chmod 600 {path}*"
        )
    elif free < ROOM:
        yield Finding(
            "warn", "database", f"{free // 1_000_000} MB free beside {path}", "make room: a full disk stops intake"
        )
    else:
        yield Finding("good", "database", f"{path}, {free // 1_000_000_000} GB free beside it")
    if os.geteuid() == 0:
        yield Finding("warn", "user", "this runs as root", "a user of its own: see systemd/ and docs/operating.md")


def logs(app: App) -> Finding:
    """ "logs 30 d" (trust.md V5): whoever has our standard error keeps the lines, which for a unit of systemd is its
    journal. systemd itself says what its files say, and how long a span is."""
    wanted = app.config.retention.logs
    until = f"{wanted.days}day" if wanted == timedelta(days=wanted.days) else f"{wanted.total_seconds():.0f}s"
    said = _systemd("cat-config", "systemd/journald.conf")
    if said is None:
        return Finding("good", "logs", f"for whoever keeps standard error: retention.logs says {until}")
    spans = re.findall(rf"^\s*{JOURNAL_KEEPS}\s*=\s*(.*?)\s*$", said, re.MULTILINE)
    given = spans[-1] if spans else ""
    found = re.search(r"s: ([0-9]+)$", _systemd("timespan", given) or "", re.MULTILINE)
    kept = timedelta(microseconds=int(found[1])) if found else timedelta(0)
    if timedelta(0) < kept <= wanted:
        return Finding("good", "logs", f"the journal keeps them for {given}")
    how = f"for {given}" if kept else "for as long as it has room"
    do = f"{JOURNAL_KEEPS}={until} in /etc/systemd/journald.conf, then systemctl restart systemd-journald"
    return Finding("warn", "logs", f"the journal keeps them {how}, and retention.logs says {until}", do)


def _systemd(*asked: str) -> str | None:
    """What `systemd-analyze` answers; None where there is none, or it has no answer."""
    try:
        told = subprocess.run(["systemd-analyze", *asked], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return told.stdout


def evidence(app: App) -> Finding:
    """ "Anywhere else `run` warns at start, `doctor` shows it red" (trust.md 3.2)."""
    auth = app.config.auth
    if auth.profile != "none":
        if trial.proven(app.store, trust(app.config)):
            return Finding("good", "evidence", f"profile {auth.profile}, tried with three mails")
        text = f"profile {auth.profile} was never tried as it stands, so nobody is believed on its word"
        return Finding("bad", "evidence", text, "triagemail doctor --auth")
    host = app.config.imap.host
    if not host or loopback(host) or auth.accept_no_evidence:
        return Finding("good", "evidence", "profile none: a fresh mail shows nothing, a plain reply does")
    text = "auth.profile is none: nobody vouches for a From address, so every fresh command is asked back"
    return Finding(
        "bad", "evidence", text, "docs/trust.md; or auth.accept_no_evidence = true if that is how it shall be"
    )


# --- servers ---------------------------------------------------------------------------------------------------------


def mailbox(app: App) -> Finding:
    imap = app.config.imap
    if app.mailbox is None:
        lmtp = app.config.lmtp.listen
        by = f"LMTP at {lmtp.path or f'{lmtp.host}:{lmtp.port}'}" if lmtp else "`triagemail deliver`"
        return Finding("good", "mailbox", f"no IMAP: mails come by {by}")
    where = f"{imap.user} at {imap.host}:{imap.port}"
    try:
        opened = app.mailbox.connect()
    except (MailboxLost, MailboxRefused) as error:
        return Finding("bad", "mailbox", f"{where}: {error}", "look at [imap] in the config, and at the server's log")
    finally:
        app.mailbox.close()
    if opened.trouble:
        return Finding(
            "warn", "mailbox", opened.trouble, f"make the folder {imap.done_folder}, with the right to write"
        )
    hears = "tells at once of new mail" if opened.idle else f"is asked every {imap.poll.total_seconds():.0f} s: no IDLE"
    return Finding("good", "mailbox", f"{where}: {opened.exists} mail(s) in {imap.folder}; it {hears}")


def relay(app: App) -> Finding:
    settings = app.sender.relay.settings
    where = f"{settings.host}:{settings.port}"
    try:
        made = connect(settings)
    except RelayDown as error:
        return Finding("bad", "relay", f"{where}: {error}", "look at [smtp] in the config, and at the relay's log")
    made.sock.close()
    if not made.pipelining:
        where += ", without PIPELINING: a broadcast takes a few times longer"
    return _how_it_sends(app, where)


def _how_it_sends(app: App, where: str) -> Finding:
    """ "Single mode shows the predicted minutes in `doctor`"; U5 does not hold in batch mode "and `doctor` says so"
    (trust.md S6)."""
    minutes, readers = _predicted(app)
    single = f"a broadcast to all {readers} on the list, one mail each, takes {minutes:.0f} minutes at smtp.rate"
    if app.config.smtp.mode == "batch":
        text = (
            f"{where}, many readers in one mail: their copies have no address of their own, so who leaves with the"
            " button of a mail program is asked back where the mail system does not vouch for them"
        )
        return Finding("good", "relay", f"{text}; {single}" if minutes > LONG else text)
    if minutes > LONG:
        do = 'smtp.mode = "batch", a relay that permits more, or fewer readers of each copy: a group'
        return Finding("warn", "relay", single, do)
    return Finding("good", "relay", f"{where}; {single}" if minutes else where)


def _predicted(app: App) -> tuple[float, int]:
    """(minutes for a broadcast to everybody on the list, one mail each; how many those are). 0 without a rate."""
    rate, readers = app.config.smtp.rate, health(app.store, app.clock.now()).subscribers
    return (0.0 if rate is None else readers / rate.count * rate.per.total_seconds() / 60), readers


def domain(app: App) -> Iterator[Finding]:
    """What the domain of our address publishes: without it our mails are taken for spam, and others write as us."""
    here = app.policy.address.rpartition("@")[2]
    try:
        found = names.published(here)
    except names.NamesUnknown as error:
        yield Finding("warn", "DNS", str(error), "try again, or look at /etc/resolv.conf")
        return
    if not found.mx:
        yield Finding(
            "warn", "MX", f"{here} names no mail server", f"an MX record for {here}, or nobody can write to us"
        )
    yield _record("SPF", here, found.spf, f'a TXT record at {here}: "v=spf1 … -all" with the relay in it')
    yield _record("DMARC", here, found.dmarc, f'a TXT record at _dmarc.{here}: "v=DMARC1; p=quarantine"')


def _record(kind: str, here: str, found: tuple[str, ...], do: str) -> Finding:
    match found:
        case ():
            return Finding(
                "warn", kind, f"{here} has none: others may write in its name, and ours look like theirs", do
            )
        case (only,):
            return Finding("good", kind, only)
        case _:
            return Finding("bad", kind, f"{here} has {len(found)}, so none counts", "leave one of them")


def worst(found: Iterable[Finding]) -> Level:
    """ "bad" before "warn" before "good"."""
    levels: tuple[Level, ...] = ("bad", "warn", "good")
    there = {each.level for each in found}
    return next((level for level in levels if level in there), "good")
