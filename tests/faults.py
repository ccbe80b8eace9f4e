"""What no good server does: servers that answer by script. The network that loses bytes is faultproxy.py."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from faultproxy import FaultProxy as FaultProxy
from faultproxy import fault_proxy as fault_proxy

CRLF = b"\r\n"
HANG_UP = b"hang up"
EMPTY_INBOX = {
    b"LIST": [b'* LIST () "/" Done'],
    b"SELECT": [b"* FLAGS ()", b"* 0 EXISTS", b"* 0 RECENT", b"* OK [UIDVALIDITY 7] x"],
    b"UID SEARCH": [b"* SEARCH"],
}

# --- servers that say what no real one would -------------------------------------------------------------------------


@dataclass
class Script:
    """Every line that a client sent, and the bytes of everything it sent."""

    host: str
    port: int
    lines: list[bytes] = field(default_factory=list)
    connections: int = 0


Speaker = Callable[[bytes], "bytes | None"]
Answer = Sequence[bytes] | Callable[[bytes], Sequence[bytes]]


@contextlib.contextmanager
def scripted(greeting: bytes, speak: Callable[[], Speaker], tls: ssl.SSLContext | None = None) -> Iterator[Script]:
    """A line-based server: for every connection speak() gives a function from one line to the answer; None hangs up.

    With `tls` it speaks TLS from the first byte, and `lines` hold what came out of the encryption.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    script = Script("127.0.0.1", listener.getsockname()[1])

    def serve(connection: socket.socket) -> None:
        answer = speak()
        with contextlib.suppress(OSError), connection:
            link = tls.wrap_socket(connection, server_side=True) if tls else connection
            with link, link.makefile("rb") as reader:
                link.sendall(greeting)
                for line in reader:
                    script.lines.append(line)
                    said = answer(line)
                    if said is None:
                        return
                    link.sendall(said)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                script.connections += 1
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield script
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def imap_script(
    answers: Mapping[bytes, Answer] | None = None,
    capability: bytes = b"IMAP4rev1 AUTH=PLAIN MOVE UIDPLUS IDLE SASL-IR",
) -> Callable[[], Speaker]:
    """An IMAP server with an empty INBOX, for scripted().

    `answers` maps a command (`UID FETCH`) to its untagged lines, or to a function that makes them of the whole command.
    A line that begins with `TAG` is the tagged answer and takes the place of OK; HANG_UP closes the connection.
    """

    usual = {b"CAPABILITY": [b"* CAPABILITY " + capability], **EMPTY_INBOX}

    def connection() -> Speaker:
        waiting: list[bytes] = []  # the tag of an AUTHENTICATE or IDLE that waits for its next line

        def speak(line: bytes) -> bytes | None:
            if waiting:
                return waiting.pop() + b" OK done\r\n"
            if line == b"DONE\r\n":
                return b""
            tag, _, rest = line.rstrip(CRLF).partition(b" ")
            words = rest.upper().split()
            name = b" ".join(words[:2]) if words[:1] == [b"UID"] else (words or [b""])[0]
            ready = b" OK [READ-WRITE] done\r\n" if name == b"SELECT" else b" OK done\r\n"
            if name in (b"AUTHENTICATE", b"IDLE") and name not in (answers or {}):
                waiting.append(tag)
                return b"+ \r\n"
            said = (answers or {}).get(name, usual.get(name, []))
            rows = said(rest) if callable(said) else said
            if HANG_UP in rows:
                return None
            untagged = b"".join(row + CRLF for row in rows if not row.startswith(b"TAG "))
            tagged = next((tag + row[3:] + CRLF for row in rows if row.startswith(b"TAG ")), tag + ready)
            return untagged + tagged

        return speak

    return connection
