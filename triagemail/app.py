"""The parts list: `build(config)` puts one service together and connects nothing yet."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from triagemail import config as configs
from triagemail import drill, one_click
from triagemail.alerts import Alerts
from triagemail.budgets import Budgets
from triagemail.clock import Clock
from triagemail.config import Config
from triagemail.doors.batches import BatchRelay
from triagemail.doors.imap import ImapSettings, LoginRefused, Mailbox, MailboxLost, MailboxRefused
from triagemail.doors.link import Token
from triagemail.doors.relay import Relay
from triagemail.doors.smtp import RelayDown, SmtpSettings
from triagemail.heartbeat import FROM_CRON, Heartbeat
from triagemail.intake import Intake, Superseded, taking
from triagemail.keys import read_keys
from triagemail.log import logger
from triagemail.loops import Loop, backoff, run_all
from triagemail.mail import templates as mail_templates
from triagemail.mail.languages import texts_of
from triagemail.mail.tokens import Keyring
from triagemail.mail.words import Words, parse_words
from triagemail.notices import Notices
from triagemail.outbox import Outbox
from triagemail.presence import Presence
from triagemail.process.model import Policy
from triagemail.sender import Pace, Sender
from triagemail.snapshots import DEAF, Snapshots
from triagemail.store import claims, health, processes, prune, pulse
from triagemail.store import mailbox as mailboxes
from triagemail.store.backup import hand_over
from triagemail.store.engines import STORE_FAULTS, first_said
from triagemail.store.store import Store
from triagemail.units import Units
from triagemail.watch import Watch
from triagemail.worker import Worker

if TYPE_CHECKING:
    from triagemail.doors.smtpd import LmtpServer
    from triagemail.doors.web import Routes, Site, WebServer

PARTS = ("intake", "work", "send", "clock", "web")
UNTOLD = 60.0  # seconds after the start from when timers run although no poll has succeeded
CAUSES = {
    "LoginRefused": "the mailbox does not take our login",
    "MailboxRefused": "the mailbox does not let us in",
    "MailboxLost": "the mailbox cannot be reached",
    "RelayDown": "the mail relay takes nothing",
}
BROKEN = "the database does not work"
HOUR = 3600.0  # seconds between looks for what retention lets go
LOOK = 1.0  # seconds between looks at a queue that nobody announced anything for
AT_MOST = 60.0  # seconds until mailbox or relay are tried again
LOCKED_OUT = 900.0  # seconds after a login that was refused: four an hour lock no account (trust.md I14)
STANDBY = 5.0  # seconds between two looks whether the process that reads the mailbox is still there
LOSSES = 5  # in a row, until the operator hears of them: after 16 seconds


class InUse(Exception):
    """Another service process has this database."""


@dataclass(slots=True)
class App:
    config: Config
    policy: Policy
    clock: Clock
    store: Store
    keyring: Keyring
    words: Words
    outbox: Outbox
    notices: Notices
    worker: Worker
    mailbox: Mailbox | None
    intake: Intake | None
    sender: Sender
    presence: Presence
    emptied: threading.Event = field(default_factory=threading.Event)  # the mailbox was read to its end since the start
    started: float = field(default_factory=time.monotonic)
    told: str = ""
    intake_loop: Loop | None = None
    refusal_noted: bool = True  # the store may say that the relay does not let us in, from before this start too
    unheard_since: float = 0.0  # when it was noticed that nothing was heard from the mailbox; 0: all is well

    # --- one thread, until nothing is due ----------------------------------------------------------------------------

    def until_idle(self, only: tuple[str, ...] = PARTS) -> None:
        """Work off everything that is due, in this thread: mailbox, mails, timers, deliveries. Raises what a loop
        would catch, when the rest is done: a mailbox that cannot be read holds up nothing else."""
        with self.presence.shown(only):
            unread = self._read_mailbox(only)
            try:
                self._until_idle(only)
            except RelayDown as error:
                self._failed(error, 1)
                raise
        if unread is not None:
            raise unread
        if (place := pulse.place(self.store)) is not None:
            pulse.say(place, only, [], FROM_CRON)

    def _read_mailbox(self, only: tuple[str, ...]) -> MailboxLost | MailboxRefused | None:
        """Once; what kept us from it is noted for `status`."""
        if "intake" in only and self.mailbox is None:
            mailboxes.forget_faults(self.store)
        elif "intake" in only:
            try:
                self.poll_once()
            except (MailboxLost, MailboxRefused) as error:
                self._failed(error, 1)
                return error
        return None

    def _until_idle(self, only: tuple[str, ...]) -> None:
        if "clock" in only:
            self.worker.open_desk()
        busy = True
        while busy:
            busy = "work" in only and self.worker.work_once()
            busy = busy or ("clock" in only and self.worker.tick_once())
            busy = busy or ("send" in only and self._send())
            busy = busy or ("clock" in only and self.prune_once())

    def prune_once(self) -> bool:
        """A slice of what retention lets go; False when all of it is gone. And who has not answered a drill."""
        kept = self.config.retention
        with self.store.transaction():
            if silent := drill.overdue(self.store, self.clock.now()):
                self.notices.add("a drill was not answered", ", ".join(silent))
        return prune.prune_once(self.store, self.clock.now(), kept.raw, kept.held)

    def poll_once(self) -> bool:
        assert self.mailbox is not None
        assert self.intake is not None
        lease = mailboxes.lease(self.store, self.intake.place, self.presence.id)
        if not lease:
            self._stand_by()
            return False
        if self.mailbox.worn():
            self.mailbox.close()
        if self.mailbox.opened is None:
            self.intake.connect()
        try:
            found = self.intake.poll_once(lease)
        except Superseded as error:  # we were taken for dead, and are not
            logger("intake").warning("superseded", mailbox=str(error))
            self._stand_by()
            return False
        self.emptied.set()
        if self.mailbox.trouble and self.mailbox.trouble != self.told:  # mails are read all the same, and pile up
            self.notices.tell("mails that are done cannot be filed", self.mailbox.trouble)
        self.told = self.mailbox.trouble
        return found

    def _stand_by(self) -> None:
        """Another process reads the mailbox (PostgreSQL); what it takes in is there for us too. Nobody tells us when it
        has come to the end, so our timers run a minute after our start at the latest; its own may run before."""
        assert self.mailbox is not None
        if self.mailbox.opened is not None:
            self.mailbox.close()

    def serve(self, only: tuple[str, ...] = PARTS) -> bool:
        """Threads work; the calling one waits for SIGTERM or SIGINT, then each loop finishes what it has in hand.
        True when all ended in time."""
        stop = {signal.SIGTERM, signal.SIGINT}
        signal.pthread_sigmask(signal.SIG_BLOCK, stop)
        loops = self.loops(only)
        if self.intake is None:
            mailboxes.forget_faults(self.store)
        heart = Heartbeat(loops, pulse.place(self.store), self.presence.hang, self._hangs)
        heart.beat()  # before somebody asks the web page how we are
        lmtp = self.start_lmtp(only, loops)
        web = self.start_web(only)
        logger("run").info("started", parts=",".join(loops), store=str(self.store.path or "postgresql"))
        try:
            wakes = {name: loops[name].wake for name in loops}
            with self.presence.shown(only, wakes):  # until the last of them has ended
                ended = run_all(loops, lambda: heart.until(stop))
        finally:
            for server in (lmtp, web):
                if server is not None:
                    server.stop()
            heart.end()
        self.store.settle()
        logger("run").info("stopped", clean=ended)
        return ended

    def start_lmtp(self, only: tuple[str, ...], loops: Mapping[str, Loop]) -> LmtpServer | None:
        """The mail server of this host hands mails to us, where `lmtp.listen` says so. Raises OSError."""
        where = self.config.lmtp.listen
        if "intake" not in only or not where:
            return None
        from triagemail.doors import smtpd  # only who listens waits for its library

        wake = self._waking("work", loops.get("work"))
        place = Path(where.path) if where.path else (where.host, where.port)
        take = taking(self.store, self.clock, wake)
        try:
            return smtpd.start_lmtp(place, take, close=self.store.close, max_size=self.config.mail.max_size)
        except OSError as error:
            raise OSError(f"lmtp.listen: {error}") from error

    def start_web(
        self, only: tuple[str, ...] = PARTS, more: Callable[[Site], Routes] = lambda site: ()
    ) -> WebServer | None:
        """The web page, where `web.listen` says so; `more` are the demo's own pages. Mails are more important: what
        keeps it away is one line."""
        where = self.config.web.listen
        if "web" not in only or not where:
            return None
        try:
            from triagemail.doors import web  # an extra: not everybody has it

            site = self.site()
            return web.start(where.host, where.port, site, more(site))
        except (ImportError, OSError) as error:
            missing = isinstance(error, ImportError)
            why = "it needs more: pip install 'triagemail[web]', or web.listen = \"\"" if missing else str(error)
            logger("run").warning("web-off", listen=f"{where.host}:{where.port}", reason=why)
        return None

    def site(self) -> Site:
        """What the pages stand on."""
        from triagemail.doors.web import Site

        return Site(
            self.store, self.keyring, self.policy, self.clock, self.worker.known.p1_this_week,
            lambda detail: one_click.leave(self.worker, detail), self.config.imap.read_every, self.outbox.language_of,
        )  # fmt: skip

    # --- threads ------------------------------------------------------------------------------------------------------

    def loops(self, only: tuple[str, ...] = PARTS) -> dict[str, Loop]:
        """The loops of a service process, each waking the next: intake -> work -> send."""
        send = Loop("send", self._send, idle=LOOK, close=self._close_sender, on_failure=self._failed, pause=_pause)
        parts = tuple(part for part in ("work", "clock") if part in only)
        self.sender.stopping = send.stopping
        work = Loop(
            "work", lambda: self._work(parts, only), idle=self._until_timer, after=self._waking("send", send),
            close=self.store.close,
            on_failure=self._failed,
        )  # fmt: skip
        found = {}
        if "clock" in only:
            self.worker.open_desk()
        if "intake" in only and self.mailbox is not None:
            found["intake"] = Loop(
                "intake", self.poll_once, idle=self.config.imap.poll.total_seconds(),
                after=self._waking("work", work),
                close=self._close_intake, on_failure=self._failed, pause=_pause,
            )  # fmt: skip
            found["intake"].wait = lambda seconds: self._wait_for_mail(found["intake"], seconds)
            self.intake_loop = found["intake"]
            assert self.intake is not None
            self.intake = replace(self.intake, turns=found["intake"].turns)
        if parts:
            found["work"] = work
        if "send" in only:
            found["send"] = send
        if "clock" in only:
            found["prune"] = Loop("prune", self.prune_once, idle=HOUR, close=self.store.close, on_failure=self._failed)
        return found

    def _waking(self, part: str, loop: Loop | None) -> Callable[[], None]:
        """Something waits for that part: its loop here is woken and, on PostgreSQL, that of every other process."""

        def wake() -> None:
            if loop is not None:
                loop.wake.set()
            with contextlib.suppress(*STORE_FAULTS):  # a hint only
                processes.announce(self.store, part)

        return wake

    def _work(self, parts: tuple[str, ...], only: tuple[str, ...]) -> bool:
        """ "First the mailbox is emptied, then timers run"; where the mailbox cannot be reached, they run all the
        same."""
        if "work" in parts and self.worker.work_once():
            return True
        ready = (
            "intake" not in only
            or self.mailbox is None
            or self.emptied.is_set()
            or time.monotonic() - self.started > UNTOLD
        )
        return "clock" in parts and ready and not self._asks_first() and self.worker.tick_once()

    def _asks_first(self) -> bool:
        """Where the clock has jumped (a machine that slept) nothing was heard from the mailbox for a long time, and
        nothing is wrong with it: it is asked before a timer tells everybody that mails cannot reach us."""
        intake = self.intake_loop
        heard = mailboxes.read_at(self.store) if intake is not None and not intake.failures else None
        if intake is None or heard is None or self.clock.now() - heard < DEAF:
            self.unheard_since = 0.0
            return False
        intake.wake.set()
        self.unheard_since = self.unheard_since or time.monotonic()
        return time.monotonic() - self.unheard_since < UNTOLD

    def _until_timer(self) -> float:
        due = self.store.next_timer()
        return LOOK if due is None else min(LOOK, max(0.05, (due - self.clock.now()).total_seconds()))

    def _wait_for_mail(self, loop: Loop, seconds: float) -> None:
        if self.mailbox is None or loop.stopping.is_set():
            return
        if self.mailbox.opened is None:  # standing by
            loop.wake.wait(min(seconds, STANDBY))
        else:
            self.mailbox.wait(seconds, loop.wake)

    def _send(self) -> bool:
        busy = self.sender.send_once()
        if self.refusal_noted and self.sender.relay.connected:
            with self.store.transaction():
                health.forget_refusal(self.store)
            self.refusal_noted = False
        return busy

    def _close_sender(self) -> None:
        try:
            self.sender.close()
        finally:
            self.store.close()

    def _close_intake(self) -> None:
        if self.mailbox is not None:
            self.mailbox.close()
        self.store.close()

    def _hangs(self, text: str) -> None:
        try:
            self.notices.tell("the service hangs", text)
        finally:
            self.store.close()  # of a thread that ends now

    def _failed(self, error: Exception, failures: int) -> None:
        """What waiting will not mend, or has not mended for a while, is told to the operator. A broken database
        connection stays broken: the next try opens its own."""
        if isinstance(error, STORE_FAULTS):
            self.store.close()
        stuck, unread = isinstance(error, STORE_FAULTS), isinstance(error, MailboxRefused | MailboxLost)
        locked_out = isinstance(error, RelayDown) and error.operator
        if locked_out:
            with contextlib.suppress(*STORE_FAULTS), self.store.transaction():
                health.note_refusal(self.store, str(error), self.clock.now())
            self.refusal_noted = True
        refused = isinstance(error, MailboxRefused) or locked_out
        with contextlib.suppress(Exception):  # it may fail for the very reason that it is about
            if unread and self.intake is not None:
                mailboxes.note_fault(self.store, self.intake.place, self.clock.now(), str(error))
            if refused or failures == LOSSES or ((unread or stuck) and failures > LOSSES):
                cause = BROKEN if stuck else CAUSES.get(type(error).__name__, "something fails again and again")
                self.notices.tell(cause, first_said(error) if stuck else str(error))


def build(config: Config, *, clock: Clock | None = None, keys: dict[str, bytes] | None = None) -> App:
    """One service from its config. Opens no socket and no file but the key file; raises ConfigError, OSError."""
    clock = clock or Clock()
    own = mail_templates.open_templates(config.templates.dir or None)
    policy = mail_templates.in_all_languages(configs.policy(config), own)
    keyring = Keyring(keys or read_keys(keys_path(config)), policy.address.rpartition("@")[2])
    store = Store(config.store.url)
    words = parse_words(*texts_of("words.toml"))
    outbox = Outbox(store, own, keyring, policy, config.mail.language, config.list.language)
    known = Snapshots(store, policy, outbox, clock, configs.trust(config))
    notices = Notices(store, outbox, policy, clock, lambda: Relay(_smtp(config)))
    watch = Watch(store, policy, notices)
    budgets = Budgets(store, policy, words, clock, notices)
    alerts = Alerts(store, policy, words, clock, known, budgets)
    presence = Presence(store)
    units = Units(store, presence.id)
    worker = Worker(
        store, policy, words, outbox, clock, known, watch, budgets, alerts, units, tuple(config.mail.groups),
    )  # fmt: skip
    mailbox, intake = _mailbox(config, store, clock, notices)
    batch, rate = config.smtp.mode == "batch", config.smtp.rate
    relay = (BatchRelay if batch else Relay)(_smtp(config), config.smtp.connections)
    pace = None if rate is None else Pace(rate.count, rate.per, share=presence.senders)
    sender = Sender(
        store, relay, keyring, policy, clock, notices, presence.id, pace=pace, batch=batch,
        present=presence.is_known,
    )  # fmt: skip
    return App(config, policy, clock, store, keyring, words, outbox, notices, worker, mailbox, intake, sender, presence)


def _pause(error: Exception, failures: int) -> float:
    """Mailbox and relay are there again a minute after what kept us from them is over; a refused login is no matter of
    time, and too many of them lock the account. The relay is asked a few times more: mails wait behind it."""
    if isinstance(error, LoginRefused):
        return LOCKED_OUT * random.uniform(1.0, 1.1)
    if isinstance(error, RelayDown) and error.operator and error.code >= 500:
        return backoff(failures + 6, LOCKED_OUT)  # a minute, two, four …
    return backoff(failures, AT_MOST)


def _mailbox(config: Config, store: Store, clock: Clock, notices: Notices) -> tuple[Mailbox | None, Intake | None]:
    imap = config.imap
    if not imap.host or not imap.user:
        return None, None
    command = imap.token_command
    settings = ImapSettings(
        host=imap.host, port=imap.port, tls=imap.tls or "tls", user=imap.user,
        password=imap.password, token=(lambda: _token(command)) if command else None, folder=imap.folder,
        done_folder=imap.done_folder,
        max_size=config.mail.max_size, idle=imap.idle,
    )  # fmt: skip
    mailbox = Mailbox(settings)
    return mailbox, Intake(store, mailbox, f"{imap.user}@{imap.host}", imap.folder, clock, notices)


def _token(command: tuple[str, ...]) -> Token:
    """What the configured command prints: an OAuth access token, and on a second line for how many seconds it is good,
    where it knows that."""
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as error:
        raise OSError("imap.token_command did not end within 30 seconds") from error
    lines = ran.stdout.split()
    if ran.returncode or not lines:
        raise OSError(f"imap.token_command ended with {ran.returncode} and printed no token")
    known = len(lines) > 1 and lines[1].isascii() and lines[1].isdigit()
    return Token(lines[0], float(lines[1])) if known else Token(lines[0])


def _smtp(config: Config) -> SmtpSettings:
    smtp = config.smtp
    domain = config.mail.address.rpartition("@")[2]
    return SmtpSettings(
        host=smtp.host, port=smtp.port, tls=smtp.tls or "tls", user=smtp.user, password=smtp.password, helo=domain
    )


# --- keys: outside the database --------------------------------------------------------------------------------------


def keys_path(config: Config) -> Path:
    """In the config's folder, or where systemd hands it over: "$CREDENTIALS_DIRECTORY/triagemail.keys"."""
    return config.folder / os.path.expandvars(config.auth.keys_file)


# --- one service process a database ----------------------------------------------------------------------------------


@contextlib.contextmanager
def exclusive(store: Store) -> Iterator[None]:
    """On SQLite one service process at a time; what a killed one had claimed is freed. On PostgreSQL any number may
    run. Raises InUse."""
    with alone(store) if store.sqlite else contextlib.nullcontext():
        if store.sqlite:
            claims.free_leases(store)
        yield


@contextlib.contextmanager
def alone(store: Store) -> Iterator[None]:
    """No service process runs meanwhile, and on SQLite no second of what asks for the same. Raises InUse, OSError,
    StoreUnusable."""
    if store.path is None:
        if there := processes.alive_at(store):
            raise InUse(f"stop these first: {', '.join(process.name for process in there)}")
        yield
        return
    flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW
    with open(os.open(f"{store.path}.lock", flags, 0o600), "a", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUse(f"another triagemail uses {store.path}") from None
        hand_over(file.fileno(), store.path if store.path.exists() else store.path.parent)
        yield
