"""The lane of a raw mail: mails of one lane are worked off one after another, in the order in which they came, however
many processes work (design.md 7)."""

from __future__ import annotations

import hashlib
import re

from triagemail.mail.tokens import unbase32

LOOKED_AT = 65_536  # octets of the header: what stands behind them changes no lane
END = re.compile(rb"\r?\n\r?\n")
TOKEN = re.compile(rb"[a-z2-7][ru]([a-z2-7]{1,12})\.[a-z2-7]{1,12}\.[a-z2-7]{1,12}-[a-z2-7]{20}", re.IGNORECASE)
FROM = re.compile(rb"^from:([^\r\n]{0,998})", re.IGNORECASE | re.MULTILINE)


def lane(raw: bytes) -> str:
    """`issue:7` where the header has a token of an issue, in a reply address or a Message-ID of ours; else a hash of
    the From field; "" without one. Never raises.

    The token is not verified: a lane gives no power, it only says what waits for what, and so taking a mail needs no
    key.
    """
    end = END.search(raw, 0, LOOKED_AT)
    head = raw[: end.start() if end else LOOKED_AT]
    token = TOKEN.search(head)
    number = unbase32(token[1].decode("ascii").lower()) if token else 0
    if number:
        return f"issue:{number}"
    author = FROM.search(head)
    if author is None:
        return ""
    address = author[1].rpartition(b"<")[2].partition(b">")[0].strip().lower()
    return f"from:{hashlib.sha256(address).hexdigest()[:16]}"
