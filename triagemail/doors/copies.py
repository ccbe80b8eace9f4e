"""What a relay is handed: one copy of a mail for one recipient, and what makes it fit for the wire (trust.md S8, S9).

The envelope is what the caller's database rows say, never what a header says (trust.md X2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from triagemail.doors.smtp import Rejected
from triagemail.mail.address import LOCAL_LIMIT, normalise

MAX_LINE = 998  # RFC 5321 4.5.3.1.6, without CRLF

# Header lines as they are on the wire. Begun by a letter, so that no dot ever needs to be doubled in them.
_FIELDS = re.compile(rb"(?:[A-Za-z][\x01-\x09\x0b\x0c\x0e-\x7f]{0,%d}\r\n)*" % (MAX_LINE - 1))

# Nearly every address that is short, so that the strict reading is asked about the odd ones only.
_PLAIN = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@(?:[A-Za-z0-9]+\.)+[A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Shared:
    """The bytes that all copies of one mail have in common, checked and dot-stuffed once.

    `wire` ends with the lone dot, `size` counts neither it nor doubled dots (RFC 1870 3); `fault` is why the bytes must
    not go on the wire, or "".
    """

    wire: bytes
    size: int
    fault: str


class Copy(NamedTuple):  # made for every recipient, in a third of the time that a frozen dataclass takes
    """One mail to one recipient: `block` is its personal header lines, `shared` all that comes after them.

    `key` is the caller's, and no two have the same; `mail_from` is an address, or "" for the null sender.
    """

    key: int
    mail_from: str
    rcpt: str
    block: bytes
    shared: Shared

    @property
    def size(self) -> int:
        return len(self.block) + self.shared.size


def share(mail: bytes) -> Shared:
    """Final bytes, made ready: CRLF lines of at most 998 bytes, 7-bit, no NUL; a missing last CRLF is added."""
    fault = ""
    breaks = mail.count(b"\r\n")
    if mail.count(b"\n") != breaks or mail.count(b"\r") != breaks or b"\0" in mail:
        fault = "the mail holds NUL or a bare CR or LF"
    elif not mail.isascii() or max(map(len, mail.split(b"\r\n"))) > MAX_LINE:
        fault = "the mail holds 8-bit bytes or a line over 998"
    stuffed = mail.replace(b"\r\n.", b"\r\n..")  # RFC 5321 4.5.2
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return Shared(stuffed + (b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n"), len(mail), fault)


def unfit(copy: Copy) -> Rejected | None:
    """Why this must not go on the wire, or None."""
    if not _is_address(copy.rcpt):
        return Rejected(553, "the recipient is no valid address", "here")
    if copy.mail_from and not _is_address(copy.mail_from):
        return Rejected(553, "the envelope sender is no valid address", "here")
    if copy.shared.fault:
        return Rejected(554, copy.shared.fault, "here")
    if not _FIELDS.fullmatch(copy.block):
        return Rejected(554, "the personal header lines are not fit to be sent", "here")
    return None


def _is_address(text: str) -> bool:
    if len(text) <= LOCAL_LIMIT and _PLAIN.fullmatch(text):
        return True
    return text.isascii() and normalise(text) == text.lower()
