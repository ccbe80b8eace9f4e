"""A TCP relay in front of a real server that loses what a test tells it to lose (trust.md 4, H-proxy)."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

Match = bytes | Callable[[bytes], bool]  # these bytes, or a rule for a chunk


class FaultProxy:
    """All knobs may be turned while connections are open, and hold for every connection; heal() turns all back.

    cut_after, cut_up_after: so many bytes still pass, from the server or to it, then the connection is cut.
    black: nothing passes and nothing is closed.
    eat: a chunk of the server that matches is swallowed; the line is cut then, or with `eat_only` stays open.
    close_at: a connection is closed as soon as one of its sides has said these bytes; they do not pass.
    refuse: a new connection is closed at once, as by a server that is down.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.target = (host, port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = "127.0.0.1", int(self.listener.getsockname()[1])
        self.sent = b""  # all that clients said
        self.received = 0  # bytes that the server said
        self.connections = 0
        self.eaten = 0  # chunks that `eat` swallowed
        self._pairs: list[socket.socket] = []
        self.heal()
        threading.Thread(target=self._accept, daemon=True).start()

    def heal(self) -> None:
        self.cut_after: int | None = None
        self.cut_up_after: int | None = None
        self.black, self.refuse, self.eat_only = False, False, False
        self.eat: Match = b""
        self.close_at = b""

    def drop(self) -> None:
        """Closes every connection now."""
        pairs, self._pairs = self._pairs, []
        for sock in pairs:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.drop()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # of the listener: stop() ends it
            while True:
                near, _ = self.listener.accept()
                self.connections += 1
                try:
                    if self.refuse:
                        raise ConnectionRefusedError
                    far = socket.create_connection(self.target, 5)
                except OSError:
                    near.close()
                    continue
                far.settimeout(None)
                self._pairs += [near, far]
                threading.Thread(target=self._up, args=(near, far), daemon=True).start()
                threading.Thread(target=self._down, args=(far, near), daemon=True).start()

    def _up(self, near: socket.socket, far: socket.socket) -> None:
        said = b""
        with contextlib.suppress(OSError):
            while octets := near.recv(65536):
                self.sent += octets
                said = said[-200:] + octets
                if self.black:
                    continue
                if self.close_at and self.close_at in said:
                    near.shutdown(socket.SHUT_RDWR)
                    break
                if self.cut_up_after is not None:
                    octets, self.cut_up_after = octets[: self.cut_up_after], max(0, self.cut_up_after - len(octets))
                far.sendall(octets)
                if self.cut_up_after == 0:
                    near.shutdown(socket.SHUT_RDWR)
                    break
        with contextlib.suppress(OSError):
            far.shutdown(socket.SHUT_WR)

    def _down(self, far: socket.socket, near: socket.socket) -> None:
        said = b""
        with contextlib.suppress(OSError):
            while octets := far.recv(65536):
                self.received += len(octets)
                said = said[-200:] + octets
                if self.black:
                    continue
                if self.eat and matches(self.eat, octets):
                    self.eaten += 1
                    if self.eat_only:
                        continue
                    break
                if self.close_at and self.close_at in said:
                    break
                if self.cut_after is not None:
                    octets, self.cut_after = octets[: self.cut_after], max(0, self.cut_after - len(octets))
                near.sendall(octets)
                if self.cut_after == 0:
                    break
        for sock in (near, far):  # the server must not go on writing to nobody
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def matches(match: Match, octets: bytes) -> bool:
    return match in octets if isinstance(match, bytes) else match(octets)


@contextlib.contextmanager
def fault_proxy(port: int) -> Iterator[FaultProxy]:
    proxy = FaultProxy(port)
    try:
        yield proxy
    finally:
        proxy.stop()
