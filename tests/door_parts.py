"""What the tests of the mail doors share: mails, settings for a server of servers.py, and a relay by script."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import faults
import servers

from triagemail.doors.copies import Copy, share
from triagemail.doors.imap import Fetched, ImapSettings, Mailbox
from triagemail.doors.relay import Relay
from triagemail.doors.smtp import Outcome, SmtpSettings

GREETING = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN MOVE UIDPLUS IDLE] ready\r\n"

Connect = Callable[..., Mailbox]  # the fixture `opened`: (server, user, **settings) -> a connected Mailbox


class OneByOne(Relay):
    """A relay that is handed one mail and waited for."""

    def send(self, mail_from: str, rcpt: str, mail: bytes) -> Outcome:
        hand = deque([Copy(1, mail_from, rcpt, b"", share(mail))])
        for _ in range(1000):
            for landed in self.turn(hand, 0.05):
                return landed.outcome
        raise AssertionError("the mail came to no end")


MakeRelay = Callable[..., OneByOne]  # the fixture `relay_to`: (server, **settings) -> a relay


def imap_settings(server: object, user: str, **rest: object) -> ImapSettings:
    values = {"host": "127.0.0.1", "tls": "none", "user": user, "password": servers.PASSWORD, "timeout_read": 5.0}
    return ImapSettings(port=server.port, **{**values, **rest})  # type: ignore[attr-defined,arg-type]


def smtp_settings(server: object, **rest: object) -> SmtpSettings:
    values = {"host": "127.0.0.1", "tls": "none", "timeout": 5.0, "timeout_end": 5.0, "helo": "desk.acme.example"}
    return SmtpSettings(port=server.port, **{**values, **rest})  # type: ignore[attr-defined,arg-type]


def mail(number: int, size: int = 0, message_id: str = "") -> bytes:
    body = ("x" * 70 + "\r\n") * (size // 72 + 1)
    head = (
        f"Message-ID: {message_id or f'<{number}@acme.example>'}\r\nSubject: number {number}\r\nFrom: sara@acme.example"
    )
    return f"{head}\r\n\r\nReport {number}\r\n{body}".encode()


def fetched(mailbox: Mailbox, after: int = 0) -> list[Fetched]:
    return [one for batch in mailbox.fetch_new(after) for one in batch]


def smtp_script(
    answers: dict[bytes, bytes] | None = None, features: bytes = b"250 ok\r\n"
) -> Callable[[], faults.Speaker]:
    """A relay for faults.scripted(): `answers` maps a verb to its whole reply; 354 and 250 otherwise."""

    def connection() -> faults.Speaker:
        inside = [False]

        def speak(line: bytes) -> bytes | None:
            verb = line.split(b" ")[0].strip().upper()
            if inside[0]:
                inside[0] = line != b".\r\n"
                return b"" if inside[0] else (answers or {}).get(b".", b"250 taken\r\n")
            said = (answers or {}).get(verb, {b"EHLO": features, b"DATA": b"354 go\r\n"}.get(verb, b"250 ok\r\n"))
            inside[0] = verb == b"DATA" and said.startswith(b"354")
            return said

        return speak

    return connection
