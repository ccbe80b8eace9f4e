"""The relay that carries our mails out: one recipient per transaction over smtplib's connection.

The envelope is what the caller's database rows say, never what a header says (trust.md X2); smtplib's own sendmail(),
mail() and rcpt() are not used, because they rewrite addresses and forget replies (libraries.md M3, M12, M13).
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
from triagemail.mail.address import normalise

REPLY_BYTES = 64 * 1024  # one reply of any number of lines
NEEDS_AUTH = (530, 534, 535, 538)  # RFC 4954 6: about our login, so no fault of the recipient
MAX_LINE = 998  # RFC 5321 4.5.3.1.6, without CRLF


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


class Relay:
    """One connection, kept over many sends; use it from one thread. send() connects when needed."""

    def __init__(self, settings: SmtpSettings) -> None:
        self.settings = settings
        self._link: _Link | None = None

    @property
    def connected(self) -> bool:
        return self._link is not None

    def connect(self) -> None:
        """Opens the connection now, for a check of the settings. Raises RelayDown."""
        if self._link is None:
            self._link = _open(self.settings)

    def close(self) -> None:
        """Says QUIT where the relay still listens; never raises."""
        link, self._link = self._link, None
        if link is not None:
            link.leave()

    def send(self, mail_from: str, rcpt: str, mail: bytes) -> Outcome:
        """One mail to one recipient. `mail_from` is an address, or "" or "<>" for the null sender; `mail` is the final
        bytes: CRLF lines of at most 998 bytes, 7-bit. Raises RelayDown only, and only before anything was sent.
        """
        sender = "" if mail_from == "<>" else mail_from
        refused = _unfit(sender, rcpt, mail)
        if refused is not None:
            return refused
        reused = self._link is not None
        outcome = self._transaction(sender, rcpt, mail)
        if reused and self._link is None and outcome.stage == "mail":
            # The relay had closed the idle connection (RFC 5321 3.8): nothing of this mail was said, so it is not late.
            outcome = self._transaction(sender, rcpt, mail)
        return outcome

    def _transaction(self, sender: str, rcpt: str, mail: bytes) -> Outcome:
        self.connect()
        link = self._link
        assert link is not None
        if 0 < link.size_limit < len(mail):
            return Rejected(552, f"the relay takes at most {link.size_limit} bytes, the mail has {len(mail)}", "here")
        size = f" SIZE={len(mail)}" if link.has_extn("size") else ""
        link.stage, ambiguous = "mail", False
        try:
            refused = self._envelope(
                link, {"mail": f"MAIL FROM:<{sender}>{size}", "rcpt": f"RCPT TO:<{rcpt}>", "data": "DATA"}
            )
            if refused is not None:
                return refused
            link.stage = "end"
            link.push(_stuffed(mail), self.settings.timeout_body)
            ambiguous = True
            return self._answered(*link.answer(self.settings.timeout_end))
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            return Lost(one_line(str(error)) or type(error).__name__, ambiguous, link.stage)

    def _envelope(self, link: _Link, lines: dict[str, str]) -> Outcome | None:
        """MAIL, RCPT and DATA, in one write where the relay takes that (RFC 2920); None when it wants the mail."""
        groups = [list(lines)] if link.has_extn("pipelining") else [[one] for one in lines]
        for group in groups:
            link.push(b"".join(lines[one].encode("ascii") + b"\r\n" for one in group), self.settings.timeout)
            for place, link.stage in enumerate(group):
                code, text = link.answer(self.settings.timeout)
                if code // 100 != (3 if link.stage == "data" else 2):
                    stage = link.stage
                    self._read_on(link, code, group[place + 1 :])
                    return self._refused(stage, code, text)
        return None

    def _read_on(self, link: _Link, code: int, rest: list[str]) -> None:
        """The replies to what was sent along with a refused command. A relay that goes down answers nothing more; one
        that takes DATA without a recipient gets the lone dot that ends it (RFC 2920 3.1)."""
        for stage in rest if code != 421 else ():
            code, _ = link.answer(self.settings.timeout)
            if stage == "data" and code // 100 == 3:
                link.push(b".\r\n", self.settings.timeout)
                link.answer(self.settings.timeout_end)

    def _refused(self, stage: str, code: int, text: str) -> Outcome:
        if code == 421 or code // 100 not in (4, 5):  # going down, or out of step with us
            self._drop()
        else:
            self._reset()
        if code // 100 == 4 or code in NEEDS_AUTH:
            return Deferred(code, text, stage)
        if code // 100 == 5:
            return Rejected(code, text, stage)
        return Lost(f"{code} is no answer to {stage.upper()}: {text}", False, stage)

    def _answered(self, code: int, text: str) -> Outcome:
        """The reply to the final dot; 421 there is a clear no (RFC 5321 4.2.1), only a missing reply is ambiguous."""
        if code == 421 or code // 100 not in (2, 4, 5):
            self._drop()
        if code // 100 == 2:
            return Accepted(code, text)
        if code // 100 == 4 or code in NEEDS_AUTH:
            return Deferred(code, text, "end")
        if code // 100 == 5:
            return Rejected(code, text, "end")
        return Lost(f"{code} is no answer to the mail: {text}", True, "end")

    def _reset(self) -> None:
        try:
            if self._link is not None and self._link.ask("RSET", self.settings.timeout)[0] // 100 == 2:
                return
        except (smtplib.SMTPException, OSError):
            pass
        self._drop()

    def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.cut()


class _Link(smtplib.SMTP):
    """smtplib's client with TLS as we want it, no delay for small writes, and replies that must end.

    smtplib's own reader restarts its timeout with every byte, so a relay that drips holds a sender for hours (S7).
    """

    def __init__(self, settings: SmtpSettings, context: ssl.SSLContext | None) -> None:
        self.unread = bytearray()
        self.stage = "mail"
        self.limit = settings.timeout
        self.settings = settings
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

    @property
    def size_limit(self) -> int:
        """Bytes that the relay takes (RFC 1870), 0 when it does not say."""
        said = self.esmtp_features.get("size", "").split()
        return int(said[0]) if said and said[0].isdigit() else 0

    def ask(self, line: str, limit: float) -> tuple[int, str]:
        self.push(line.encode("ascii") + b"\r\n", limit)
        return self.answer(limit)

    def push(self, octets: bytes, limit: float) -> None:
        """One write, so that no part of a mail waits for an ACK; `limit` seconds for all of it."""
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("not connected")
        self.sock.settimeout(limit)
        self.sock.sendall(octets)

    def answer(self, limit: float) -> tuple[int, str]:
        self.limit = limit
        code, text = self.getreply()
        return code, one_line(text)

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

    def leave(self) -> None:
        """QUIT, if the socket is still open; a relay gets two seconds to answer."""
        with contextlib.suppress(smtplib.SMTPException, OSError):
            self.ask("QUIT", 2)
        self.cut()


def _open(settings: SmtpSettings) -> _Link:
    link: _Link | None = None
    try:
        context = None if settings.tls == "none" else tls_context()
        link = _Link(settings, context)
        _greet(link, settings, context)
        return link
    except smtplib.SMTPAuthenticationError as error:
        text = f"login as {settings.user} refused: {error.smtp_code} {_words(error)}"
        failed = RelayDown(text, error.smtp_code, operator=True)
    except smtplib.SMTPResponseException as error:
        failed = RelayDown(f"the relay answers {error.smtp_code} {_words(error)}", error.smtp_code)
    except (ssl.SSLCertVerificationError, smtplib.SMTPNotSupportedError, ValueError) as error:
        failed = RelayDown(one_line(str(error)), operator=True)
    except (smtplib.SMTPException, OSError) as error:
        failed = RelayDown(one_line(str(error)) or type(error).__name__)
    if link is not None:
        link.cut()
    raise failed


def _greet(link: _Link, settings: SmtpSettings, context: ssl.SSLContext | None) -> None:
    link.ehlo_or_helo_if_needed()
    if settings.tls == "starttls":
        link.starttls(context=context)  # raises where it is not offered: no plain fallback
        if link.unread:  # said before TLS, to be heard as if it were said inside (CVE-2011-0411 kind)
            raise smtplib.SMTPNotSupportedError("the relay sent text between STARTTLS and TLS")
        link.ehlo_or_helo_if_needed()
    if settings.user:
        link.login(settings.user, secret_text(settings.password))


def _words(error: smtplib.SMTPResponseException) -> str:
    return one_line(error.smtp_error)


def _unfit(sender: str, rcpt: str, mail: bytes) -> Rejected | None:
    """Why this must not go on the wire (trust.md S8, S9), or None. Cheap: two counts and a split of the bytes."""
    if normalise(rcpt) != rcpt.lower() or not rcpt.isascii():
        return Rejected(553, "the recipient is no valid address", "here")
    if sender and (normalise(sender) != sender.lower() or not sender.isascii()):
        return Rejected(553, "the envelope sender is no valid address", "here")
    breaks = mail.count(b"\r\n")
    if mail.count(b"\n") != breaks or mail.count(b"\r") != breaks or b"\0" in mail:
        return Rejected(554, "the mail holds NUL or a bare CR or LF", "here")
    if not mail.isascii() or max(map(len, mail.split(b"\r\n"))) > MAX_LINE:
        return Rejected(554, "the mail holds 8-bit bytes or a line over 998", "here")
    return None


def _stuffed(mail: bytes) -> bytes:
    """The bytes of DATA: dots at line starts doubled, the lone dot at the end (RFC 5321 4.5.2)."""
    body = mail.replace(b"\r\n.", b"\r\n..")
    if body.startswith(b"."):
        body = b"." + body
    return body + (b".\r\n" if body.endswith(b"\r\n") else b"\r\n.\r\n")
