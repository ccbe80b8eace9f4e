"""Real servers on loopback for tests: Dovecot, Postfix, pymap, and an SMTP sink that answers by script.

Each is a context manager that ends what it started, by pid, and waits for it. Dovecot and Postfix live in folders of
their own under the temporary directory and touch nothing of the system's configuration.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imapclient import IMAPClient

from triagemail.doors import imapd
from triagemail.doors.smtpd import Listener

PATIENCE = 15.0  # seconds that a server may take to start or to end
PASSWORD = "secret"


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_until(true: Callable[[], object], seconds: float = PATIENCE, what: str = "what was waited for") -> None:
    ends = time.monotonic() + seconds
    while not true():
        if time.monotonic() > ends:
            raise TimeoutError(f"{what} did not come in {seconds} s")
        time.sleep(0.01)


def listens(port: int, host: str = "127.0.0.1") -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
        return True
    return False


def missing(*programs: str) -> str:
    """Why a server of the system cannot be run here, or ""."""
    absent = [p for p in programs if shutil.which(p, path=os.environ.get("PATH", "") + ":/usr/sbin") is None]
    if absent:
        return f"{', '.join(absent)} is not installed (apt-get install dovecot-imapd dovecot-lmtpd postfix openssl)"
    return "" if os.geteuid() == 0 else "Dovecot and Postfix have to be started as root"


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A folder that the servers' own users may enter; pytest's tmp_path is closed to them."""
    path = Path(tempfile.mkdtemp(prefix="tm-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _run(*argv: str | Path, check: bool = True) -> str:
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=60, check=False)
    if check and done.returncode:
        raise RuntimeError(f"{argv}: {done.stdout}{done.stderr}")
    return done.stdout


# --- certificates ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Certificates:
    """A CA of our own and a certificate for the name `localhost` only: 127.0.0.1 is a wrong name for it."""

    ca: Path
    cert: Path
    key: Path


def certificates(folder: Path) -> Certificates:
    made = Certificates(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
    request, ca_key, names = folder / "req.pem", folder / "ca-key.pem", folder / "san.cnf"
    names.write_text("subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
    new = ("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    ca_says = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
    _run(*new, "-x509", "-keyout", ca_key, "-out", made.ca, "-subj", "/CN=Test CA", "-days", "2", *ca_says)
    _run(*new, "-keyout", made.key, "-out", request, "-subj", "/CN=localhost")
    signed = ("-CA", made.ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "2", "-extfile", names)
    _run("openssl", "x509", "-req", "-in", request, "-out", made.cert, *signed)
    return made


# --- Dovecot ---------------------------------------------------------------------------------------------------------

# anvil-auth-penalty: without its socket a wrong password in one test does not delay the logins of the next by seconds
DOVECOT = """
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
protocols = imap lmtp
hostname = imap.acme.example
listen = 127.0.0.1
ssl = yes
ssl_cert = <{home}/cert.pem
ssl_key = <{home}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain
auth_failure_delay = 0
default_internal_user = dovecot
default_login_user = dovenull
default_internal_group = dovecot
first_valid_uid = 1
mail_uid = mail
mail_gid = mail
mail_home = {home}/home/%u
mail_location = maildir:~/Maildir
mail_max_userip_connections = 100
{more}
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={home}/home/%u
}}
service imap-login {{
  process_min_avail = 1
  service_count = 0
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  client_limit = 1000
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
"""


@dataclass
class DovecotServer:
    """Any user name logs in with `password`; a user's mailbox begins to exist with the first mail or login."""

    host: str
    port: int
    tls_port: int
    lmtp_port: int
    home: Path
    certificates: Certificates
    password: str = PASSWORD
    _count: int = 0

    def maildir(self, user: str) -> Path:
        return self.home / "home" / user / "Maildir"

    def deliver(self, user: str, raw: bytes, arrived: float | None = None) -> Path:
        """One mail into INBOX as an MTA does it: written to tmp/, renamed into new/. `arrived`: INTERNALDATE, epoch."""
        self._count += 1
        mail_user = pwd.getpwnam("mail")
        box = self.maildir(user)
        if not (box / "new").is_dir():
            for name in ("tmp", "new", "cur"):
                (box / name).mkdir(parents=True, exist_ok=True)
            for path in (box.parent, box, *box.iterdir()):
                os.chown(path, mail_user.pw_uid, mail_user.pw_gid)
        seconds, micros = divmod(time.time_ns() // 1000, 1_000_000)
        name = f"{seconds}.M{micros}P{os.getpid()}Q{self._count}.test"  # Dovecot numbers new mails by seconds, then M
        path = box / "tmp" / name
        path.write_bytes(raw)
        os.chown(path, mail_user.pw_uid, mail_user.pw_gid)
        if arrived is not None:
            os.utime(path, (arrived, arrived))
        return path.rename(box / "new" / name)

    def doveadm(self, *argv: str, check: bool = True) -> str:
        return _run("/usr/bin/doveadm", "-c", self.home / "dovecot.conf", *argv, check=check)

    @contextlib.contextmanager
    def login(self, user: str) -> Iterator[IMAPClient]:
        """A second mail program, say a person's, beside the door under test."""
        with IMAPClient(self.host, self.port, ssl=False, timeout=10) as client:
            client.login(user, self.password)
            yield client


@contextlib.contextmanager
def dovecot(capability: str = "", more: str = "") -> Iterator[DovecotServer]:
    """A Dovecot of our own. `capability` replaces what it says it can (trust.md I15), `more` is further settings."""
    with _folder() as home:
        ports = {"imap": free_port(), "imaps": free_port(), "lmtp": free_port()}
        made = certificates(home)
        more += f"\nimap_capability = {capability}\n" if capability else ""
        config = home / "dovecot.conf"
        config.write_text(DOVECOT.format(home=home, more=more, **ports))
        (home / "home").mkdir()
        os.chown(home / "home", pwd.getpwnam("mail").pw_uid, -1)
        process = subprocess.Popen(
            ["/usr/sbin/dovecot", "-F", "-c", str(config)], stdin=subprocess.DEVNULL, start_new_session=True
        )
        try:
            wait_until(lambda: listens(ports["imap"]) and listens(ports["lmtp"]), what="Dovecot")
            yield DovecotServer("127.0.0.1", ports["imap"], ports["imaps"], ports["lmtp"], home, made)
        finally:
            _end(process)


# --- Postfix ---------------------------------------------------------------------------------------------------------

POSTFIX_MAIN = """
compatibility_level = 3.6
queue_directory = {home}/spool
data_directory = {home}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.acme.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
local_recipient_maps =
maillog_file = {home}/log
maillog_file_prefixes = {home}
virtual_transport = {transport}
virtual_mailbox_domains = acme.example
virtual_mailbox_base = {home}/mail
virtual_mailbox_maps = static:all/
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
default_transport = error:only acme.example is served here
transport_maps = regexp:{home}/transport
virtual_alias_maps = regexp:{home}/aliases
smtpd_recipient_restrictions = check_recipient_access regexp:{home}/access, permit_mynetworks,
  permit_auth_destination, reject
smtpd_authorized_xclient_hosts = 127.0.0.0/8
header_checks = regexp:{home}/headers
smtpd_client_connection_rate_limit = 0
message_size_limit = {size}
"""

POSTFIX_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass
class PostfixServer:
    """Takes mail for anyone@acme.example; dead@acme.example is refused with 550, later@acme.example with 450, and what
    was taken for gone@acme.example comes back."""

    host: str
    port: int
    home: Path

    def mails(self, local: str) -> list[bytes]:
        """What was delivered to local@acme.example, oldest first: trace headers on top, LF line ends, as on disk."""
        box = self.home / "mail" / "all" / "new"
        paths = sorted(box.iterdir(), key=lambda p: p.stat().st_mtime_ns) if box.is_dir() else []
        taken = b"\nDelivered-To: %s@acme.example\n" % local.encode()
        return [raw for raw in (path.read_bytes() for path in paths) if taken in raw.partition(b"\n\n")[0]]

    def flush(self) -> None:
        """What it has deferred is tried again at once."""
        _run("/usr/sbin/postqueue", "-c", self.home / "etc", "-f")

    def waiting(self) -> int:
        """How many mails are in its queues."""
        queues = ("maildrop", "incoming", "active", "deferred", "hold")
        return sum(path.is_file() for name in queues for path in (self.home / "spool" / name).rglob("*"))

    def expect(self, local: str, count: int) -> list[bytes]:
        """Waits until `count` mails are there; TimeoutError if they never come."""
        wait_until(lambda: len(self.mails(local)) >= count, what=f"{count} mails for {local}")
        return self.mails(local)


@contextlib.contextmanager
def postfix(size: int = 10_240_000, *, discard: bool = False, transport: str = "") -> Iterator[PostfixServer]:
    """A Postfix of our own, with its queue and its deliveries in a folder that vanishes with it; with `discard` it
    delivers nothing; `transport` is where it hands everything to, such as `lmtp:inet:HOST:PORT`."""
    with _folder() as home:
        owner, taker, port = pwd.getpwnam("postfix"), pwd.getpwnam("mail"), free_port()
        config = home / "etc"
        for name, uid in (("etc", 0), ("spool", 0), ("data", owner.pw_uid), ("mail", taker.pw_uid)):
            (home / name).mkdir()
            os.chown(home / name, uid, -1)
        values = {"home": home, "size": size, "uid": taker.pw_uid, "gid": taker.pw_gid}
        values["transport"] = transport or ("discard" if discard else "virtual")
        (config / "main.cf").write_text(POSTFIX_MAIN.format(**values))
        (config / "master.cf").write_text(POSTFIX_MASTER.format(port=port))
        (home / "aliases").write_text("/^gone@/ nowhere@acme.example\n")  # who is refused is refused after the queue
        (home / "transport").write_text("/^nowhere@/ error:5.1.1 no such mailbox here\n")
        (home / "headers").write_text("/^Authentication-Results: *mx\\.acme\\.example/ IGNORE\n")  # RFC 8601 5
        (home / "access").write_text("/^dead@/ 550 5.1.1 no such person\n/^later@/ 450 4.2.0 greylisted\n")
        _run("/usr/sbin/postfix", "-c", config, "check")
        environment = {**os.environ, "MAIL_CONFIG": str(config)}
        master = ["/usr/lib/postfix/sbin/master", "-c", str(config), "-d"]
        process = subprocess.Popen(master, env=environment, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            wait_until(lambda: listens(port), what="Postfix")
            yield PostfixServer("127.0.0.1", port, home)
        finally:
            _end(process)


# --- pymap -----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def pymap(accounts: Mapping[str, str]) -> Iterator[imapd.ImapServer]:
    server = imapd.start(accounts)
    try:
        yield server
    finally:
        server.stop()


# --- an SMTP server that answers by script ---------------------------------------------------------------------------

DROP = "drop"  # an answer of this kind closes the connection without a word


@dataclass
class Sink:
    """Takes every mail unless its script says otherwise.

    `script` maps a stage (EHLO, MAIL, RCPT, END, RSET, QUIT) to answers; each such command uses up one, and with none
    left the answer is 250. END is the answer to the final dot; DROP there still stores the mail, as a relay does whose
    answer is lost.
    """

    host: str = "127.0.0.1"
    port: int = 0
    mails: list[tuple[str, bytes, str]] = field(default_factory=list)  # rcpt, raw, mail_from
    script: dict[str, list[str]] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    connections: int = 0

    def answer(self, stage: str) -> str | None:
        answers = self.script.get(stage)
        return answers.pop(0) if answers else None


@contextlib.contextmanager
def sink(**parameters: Any) -> Iterator[Sink]:
    """A Sink on a free port; parameters go to aiosmtpd (ssl_context, tls_context, data_size_limit, ...)."""
    taker = Sink()
    listener = Listener(_Scripted(taker), **parameters)
    taker.port = listener.port
    listener.start()
    taker.connections = 0  # aiosmtpd's own look at the port does not count
    taker.commands.clear()
    try:
        yield taker
    finally:
        listener.stop()


class _Scripted:
    """The names and arguments are aiosmtpd's, which has no types."""

    def __init__(self, taker: Sink) -> None:
        self.taker = taker

    def _say(self, stage: str, server: Any, otherwise: str) -> str:
        said = self.taker.answer(stage) or otherwise
        if said == DROP:
            server.transport.close()
        return said

    async def handle_EHLO(self, server: Any, session: Any, envelope: Any, name: str, replies: list[str]) -> list[str]:
        self.taker.connections += 1
        session.host_name = name
        return replies

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        self.taker.commands.append(f"MAIL {address}")
        said = self._say("MAIL", server, "250 2.1.0 ok")
        if said.startswith("2"):
            envelope.mail_from = address
        return said

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        self.taker.commands.append(f"RCPT {address}")
        said = self._say("RCPT", server, "250 2.1.5 ok")
        if said.startswith("2"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_RSET(self, server: Any, session: Any, envelope: Any) -> str:
        self.taker.commands.append("RSET")
        return self._say("RSET", server, "250 2.0.0 ok")

    async def handle_QUIT(self, server: Any, session: Any, envelope: Any) -> str:
        self.taker.commands.append("QUIT")
        return self._say("QUIT", server, "221 2.0.0 bye")

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.taker.commands.append("END")
        said = self._say("END", server, "250 2.0.0 taken")
        if said.startswith("2") or said == DROP:
            self.taker.mails += [(rcpt, envelope.original_content, envelope.mail_from) for rcpt in envelope.rcpt_tos]
        return said
