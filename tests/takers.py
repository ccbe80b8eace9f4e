"""A relay that takes groups of commands (RFC 2920), counts what it takes, and fails where a test tells it to."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

HANG_UP = b"hang up"  # an answer of this kind closes the connection without a word
SILENT = b"silent"  # and this one never comes, nor does any after it

Answer = Callable[[int, str, str], bytes | None]  # (connection, stage, recipient) -> reply line; None: the usual one
USUAL = {"mail": b"250 2.1.0 ok", "rcpt": b"250 2.1.5 ok", "data": b"354 go on", "end": b"250 2.0.0 taken"}
FEATURES = b"250-taker\r\n250 PIPELINING\r\n"


@dataclass
class Taker:
    """`mails` are all whose final dot it has read, `unanswered` those of them whose connection it then cut.

    `cut_after` maps the number of a connection (from 0) to the bytes that it still reads: what it says to the last of
    them is lost.
    """

    host: str = "127.0.0.1"
    port: int = 0
    answer: Answer = lambda connection, stage, rcpt: None
    cut_after: Callable[[int], int | None] = lambda connection: None
    greeting: Callable[[int], bytes] = lambda connection: b"220 taker\r\n"
    features: bytes = FEATURES
    other: Callable[[bytes], bytes] = lambda line: b"250 ok\r\n"  # the answer to any other command
    tls: ssl.SSLContext | None = None
    mails: list[tuple[str, bytes]] = field(default_factory=list)  # rcpt, as it was before its dots were doubled
    transactions: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)  # that came to a dot: sender, rcpts
    envelopes: list[tuple[str, str]] = field(default_factory=list)  # sender and rcpt of each RCPT, taken or not
    unanswered: list[str] = field(default_factory=list)  # rcpt
    connections: int = 0
    open: int = 0
    most: int = 0  # connections at a time
    goodbyes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def times(self) -> Counter[str]:
        """How often each recipient's mail was taken."""
        return Counter(rcpt for rcpt, _ in self.mails)

    def serve(self, sock: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError), sock:
            link = self.tls.wrap_socket(sock, server_side=True) if self.tls else sock
            with link:
                link.sendall(self.greeting(number))
                _Talk(self, link, number).run()
        with self.lock:
            self.open -= 1


class _Talk:
    """One connection."""

    def __init__(self, taker: Taker, sock: socket.socket, number: int) -> None:
        self.taker, self.sock, self.number = taker, sock, number
        self.unread = b""
        self.sender = ""
        self.rcpt = ""
        self.rcpts: list[str] = []  # that were taken in this transaction
        self.taken: list[str] = []  # recipients of the mails that came with the last octets
        self.inside = False  # between 354 and the final dot
        self.ended = False
        self.mute = False

    def run(self) -> None:
        left = self.taker.cut_after(self.number)
        while not self.ended and (octets := self.sock.recv(65536)):
            cut = left is not None and len(octets) >= left
            if left is not None:
                octets, left = octets[:left], left - len(octets)
            self.taken.clear()
            said = self.hear(octets)
            if cut:
                self.taker.unanswered += self.taken
                return
            self.sock.sendall(said)

    def hear(self, octets: bytes) -> bytes:
        self.unread += octets
        said = b""
        while not self.ended and (piece := self.piece()) is not None:
            said += self.mail(piece) if self.inside else self.command(piece)
        return said

    def piece(self) -> bytes | None:
        """The next whole command, or the next whole mail with its final dot."""
        sign = b"\r\n.\r\n" if self.inside and not self.unread.startswith(b".\r\n") else b"\r\n"
        at = self.unread.find(sign)
        if at < 0:
            return None
        piece, self.unread = self.unread[: at + len(sign)], self.unread[at + len(sign) :]
        return piece

    def command(self, line: bytes) -> bytes:
        word = line[:4].upper()
        if word == b"MAIL":
            self.sender = line[11:].partition(b">")[0].decode()
            self.rcpts.clear()
        if word == b"RCPT":
            self.rcpt = line[9:-3].decode()
            self.taker.envelopes.append((self.sender, self.rcpt))
        if word == b"QUIT":
            self.taker.goodbyes += 1
            self.ended = True
        if word in (b"MAIL", b"RCPT", b"DATA"):
            said = self.say(word.decode().lower())
            if word == b"RCPT" and said.startswith(b"25"):
                self.rcpts.append(self.rcpt)
            self.inside = word == b"DATA" and said.startswith(b"354")
            return said
        return self.taker.features if word == b"EHLO" else self.taker.other(line)

    def mail(self, piece: bytes) -> bytes:
        self.inside = False
        if piece != b".\r\n":
            self.taken += self.rcpts
            raw = piece[:-3].replace(b"\r\n..", b"\r\n.")
            with self.taker.lock:
                self.taker.mails += [(rcpt, raw) for rcpt in self.rcpts]
                self.taker.transactions.append((self.sender, tuple(self.rcpts)))
        return self.say("end")

    def say(self, stage: str) -> bytes:
        said = self.taker.answer(self.number, stage, self.rcpt)
        self.ended, self.mute = said == HANG_UP, self.mute or said == SILENT
        if said is None:
            said = USUAL[stage]
        return b"" if self.ended or self.mute else said + b"\r\n"


@contextlib.contextmanager
def taker(**rest: object) -> Iterator[Taker]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=50)
    found = Taker(port=int(listener.getsockname()[1]), **rest)  # type: ignore[arg-type]

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                with found.lock:
                    number, found.connections = found.connections, found.connections + 1
                    found.open += 1
                    found.most = max(found.most, found.open)
                threading.Thread(target=found.serve, args=(sock, number), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield found
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
