"""How a relay is reached: greeting, TLS and login over smtplib, and the outcomes that a mail can meet there.

After the login the socket is taken out of smtplib and driven by doors/relay.py: smtplib's own sendmail(), mail() and
rcpt() are not used, because they rewrite addresses and forget replies (libraries.md M3, M12, M13).
"""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import time
from dataclasses import dataclass, field
from typing import Any

from triagemail.doors.link import Secret, Tls, loopback, one_line, refuse_controls, secret_text, tls_context, tune

REPLY_BYTES = 64 * 1024  # one reply of any number of lines


@dataclass(frozen=True, slots=True)
class Accepted:
    """250 after the final dot: the relay has it."""

    code: int
    text: str
    stage: str = "end"


@dataclass(frozen=True, slots=True)
class Deferred:
    """4xx: the same mail may go later. `stage` is mail, rcpt, data or end."""

    code: int
    text: str
    stage: str = "rcpt"


@dataclass(frozen=True, slots=True)
class Rejected:
    """5xx: final. `stage` says whose fault: rcpt and end concern the recipient, mail concerns our sender address,
    here means that nothing was sent because the address or the bytes are not fit for the wire."""

    code: int
    text: str
    stage: str = "rcpt"


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection broke. `ambiguous`: after the final dot, so the relay may have the mail (RFC 1047)."""

    text: str
    ambiguous: bool
    stage: str = "mail"


Outcome = Accepted | Deferred | Rejected | Lost


class RelayDown(Exception):
    """No usable connection. `operator`: waiting will not mend it (certificate, login); `code`: the relay's, or 0."""

    def __init__(self, text: str, code: int = 0, operator: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.operator = operator


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """Where the relay is. Times in seconds: per command, for the body, for the answer to the final dot.

    With the defaults one mail takes at most 15 minutes (trust.md S7). ValueError when a password could be overheard.
    """

    host: str
    port: int
    tls: Tls = "tls"
    user: str = ""
    password: Secret = field(default="", repr=False)
    timeout: float = 60
    helo: str = "localhost"
    timeout_connect: float = 30
    timeout_body: float = 120
    timeout_end: float = 600  # RFC 5321 4.5.3.2.6: giving up sooner sends mails twice

    def __post_init__(self) -> None:
        refuse_controls(host=self.host, user=self.user, helo=self.helo)
        if self.tls not in ("tls", "starttls", "none"):
            raise ValueError(f"smtp.tls is {self.tls!r}; it must be tls, starttls or none")
        if self.tls == "none" and self.user and not loopback(self.host):
            raise ValueError(f"smtp.tls = none with a user sends the password in clear text to {self.host}")


@dataclass(frozen=True, slots=True)
class Connection:
    """A relay that has greeted us and let us in. `unread` is what it has said since; `limit` 0: it names none."""

    sock: socket.socket
    unread: bytes
    pipelining: bool  # RFC 2920
    size: bool  # MAIL may say SIZE= (RFC 1870)
    limit: int  # bytes that a mail may have
    made_at: float = field(default_factory=time.monotonic)


def connect(settings: SmtpSettings) -> Connection:
    """Greeting, TLS and login. Raises RelayDown."""
    greeting: _Greeting | None = None
    try:
        context = None if settings.tls == "none" else tls_context()
        greeting = _Greeting(settings, context)
        _greet(greeting, settings, context)
        return greeting.connection()
    except smtplib.SMTPAuthenticationError as error:
        text = f"login as {settings.user} refused: {error.smtp_code} {_words(error)}"
        failed = RelayDown(text, error.smtp_code, operator=True)
    except smtplib.SMTPResponseException as error:
        failed = RelayDown(f"the relay answers {error.smtp_code} {_words(error)}", error.smtp_code)
    except (ssl.SSLCertVerificationError, smtplib.SMTPNotSupportedError, ValueError) as error:
        failed = RelayDown(one_line(str(error)), operator=True)
    except (smtplib.SMTPException, OSError) as error:
        failed = RelayDown(one_line(str(error)) or type(error).__name__)
    if greeting is not None:
        greeting.cut()
    raise failed


def _greet(greeting: _Greeting, settings: SmtpSettings, context: ssl.SSLContext | None) -> None:
    greeting.ehlo_or_helo_if_needed()
    if settings.tls == "starttls":
        greeting.starttls(context=context)  # raises where it is not offered: no plain fallback
        if greeting.unread:  # said before TLS, to be heard as if it were said inside (CVE-2011-0411 kind)
            raise smtplib.SMTPNotSupportedError("the relay sent text between STARTTLS and TLS")
        greeting.ehlo_or_helo_if_needed()
    if settings.user:
        greeting.login(settings.user, secret_text(settings.password))


def _words(error: smtplib.SMTPResponseException) -> str:
    return one_line(error.smtp_error)


class _Greeting(smtplib.SMTP):
    """smtplib's client with TLS as we want it, no delay for small writes, and replies that must end.

    smtplib's own reader restarts its timeout with every byte, so a relay that drips holds a sender for hours (S7).
    """

    def __init__(self, settings: SmtpSettings, context: ssl.SSLContext | None) -> None:
        self.unread = bytearray()
        self.limit = settings.timeout
        self.tls_at_once = context if settings.tls == "tls" else None
        try:
            super().__init__(settings.host, settings.port, settings.helo, settings.timeout_connect)
        except (smtplib.SMTPException, OSError):
            self.cut()
            raise

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        sock = socket.create_connection((host, port), timeout)
        try:
            tune(sock)
            return self.tls_at_once.wrap_socket(sock, server_hostname=host) if self.tls_at_once else sock
        except OSError:
            sock.close()
            raise

    def connection(self) -> Connection:
        said = self.esmtp_features.get("size", "").split()
        limit = int(said[0]) if said and said[0].isdigit() else 0
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("not connected")
        self.sock.setblocking(False)
        return Connection(self.sock, bytes(self.unread), self.has_extn("pipelining"), self.has_extn("size"), limit)

    def getreply(self) -> tuple[int, bytes]:
        """(code, text of all lines); code -1 when it is no SMTP reply. `limit` seconds for the whole reply."""
        ends = time.monotonic() + self.limit
        lines: list[bytes] = []
        read = 0
        while True:
            line = self._line(ends)
            read += len(line)
            if read > REPLY_BYTES:
                raise smtplib.SMTPServerDisconnected("the reply does not end")
            lines.append(line[4:].strip())
            if line[3:4] != b"-" or not line[:3].isdigit():
                return int(line[:3]) if line[:3].isdigit() else -1, b"\n".join(lines)

    def _line(self, ends: float) -> bytes:
        while (at := self.unread.find(b"\n")) < 0:
            left = ends - time.monotonic()
            if left <= 0:
                raise TimeoutError("no reply in time")
            if self.sock is None or len(self.unread) > REPLY_BYTES:
                raise smtplib.SMTPServerDisconnected("no reply that can be read")
            self.sock.settimeout(left)
            octets = self.sock.recv(4096)
            if not octets:
                raise smtplib.SMTPServerDisconnected("the relay closed the connection")
            self.unread += octets
        line = bytes(self.unread[: at + 1])
        del self.unread[: at + 1]
        return line

    def send(self, s: Any) -> None:
        """For smtplib's own EHLO, STARTTLS and AUTH; the time that reading left over must not limit a write."""
        if self.sock is not None:
            self.sock.settimeout(self.limit)
        super().send(s)

    def cut(self) -> None:
        """Closes without a word; a socket that reports its end late (TLS) is no reason to raise."""
        with contextlib.suppress(OSError):
            self.close()
