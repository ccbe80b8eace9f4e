"""What the IMAP and SMTP doors share about a link to a server: encryption, secrets, and text that is safe to show."""

from __future__ import annotations

import ipaddress
import math
import socket
import ssl
from collections.abc import Callable
from typing import Literal, NamedTuple

Tls = Literal["tls", "starttls", "none"]
Secret = Callable[[], str] | str


class Token(NamedTuple):
    """An OAuth access token, and for how many seconds it is good where that is known."""

    text: str
    seconds: float = math.inf


def loopback(host: str) -> bool:
    """True when `host` is this very machine: `localhost` or a loopback address. No name is looked up."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def tls_context() -> ssl.SSLContext:
    """A context that checks the chain and the host's name (trust.md I13); a CA of one's own comes by SSL_CERT_FILE."""
    return ssl.create_default_context()


def secret_text(secret: Secret) -> str:
    """The secret itself; a callable is asked at each login, so that a rotated file or a fresh token is used."""
    return secret() if callable(secret) else secret


def refuse_controls(**named: str) -> None:
    """ValueError when a text that goes on the wire holds CR, LF or NUL (trust.md I11): a new line is a new command."""
    for name, text in named.items():
        if any(c in text for c in "\r\n\0"):
            raise ValueError(f"{name} holds a line break or NUL and would become a second command on the wire")


def tune(sock: socket.socket) -> None:
    """Small writes go out at once, and the kernel notices a peer that is gone for good (a NAT that forgot us, I2).

    Both libraries write a command in two pieces; Nagle's rule then holds the second back for a delayed ACK, 40 ms each.
    """
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 30), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def one_line(text: str | bytes, limit: int = 200) -> str:
    """A server's words as one printable ASCII-or-better line of at most `limit` characters (trust.md X5)."""
    if isinstance(text, bytes):
        text = text[: 4 * limit].decode("utf-8", "replace")
    if text.isprintable() and len(text) <= limit and "  " not in text:  # nearly every reply
        return text.strip()
    words = "".join(c if c.isprintable() else " " for c in text[: 4 * limit]).split()
    return " ".join(words)[:limit]
