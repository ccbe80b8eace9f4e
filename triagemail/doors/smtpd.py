"""Mail that programs hand to us: an SMTP server for the demo. The only module that knows aiosmtpd.

It relays nothing and listens on loopback unless told otherwise (trust.md O7). What arrives is handed to one function on
one worker thread, so a slow taker delays its own sender and not every other connection.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import BaseThreadedController
from aiosmtpd.smtp import SMTP, Session
from aiosmtpd.smtp import Envelope as _Envelope

from triagemail.doors.link import one_line

TRY_LATER = "451 4.3.0 not taken, try again later"  # RFC 5321 4.2.2: a fault of ours must never bounce a report


@dataclass(frozen=True, slots=True)
class Envelope:
    """One mail as it was handed in. `mail_from` is "" for the null sender; `content` may have bare LF line ends."""

    mail_from: str
    rcpts: tuple[str, ...]
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the sending program is told after the final dot: 250 only when the mail is safely stored."""

    code: int = 250
    text: str = "2.0.0 taken"


Taker = Callable[[Envelope], Reply]


class Listener(BaseThreadedController):
    """aiosmtpd's thread over a socket that is already bound: port 0 works, and a port in use fails at once."""

    def __init__(self, hooks: Any, host: str = "127.0.0.1", port: int = 0, **parameters: Any) -> None:
        self.socket = socket.create_server((host, port))
        self.host, self.port = self.socket.getsockname()[:2]
        self.over_tls: ssl.SSLContext | None = parameters.get("ssl_context")
        parameters.setdefault("server_hostname", "localhost")  # else the name is asked of DNS
        parameters.setdefault("enable_SMTPUTF8", False)  # addresses are ASCII here (trust.md A6)
        super().__init__(hooks, **parameters)

    def _create_server(self) -> Awaitable[asyncio.AbstractServer]:
        return self.loop.create_server(self._factory_invoker, sock=self.socket, ssl=self.over_tls)

    def _trigger_server(self) -> None:
        """aiosmtpd builds its server on the first connection: so one is made, and faults show up in start()."""
        with socket.create_connection((self.host, self.port), 2) as sock:
            if self.over_tls is None:
                sock.recv(1024)
            else:
                _hello_over_tls(sock)

    def factory(self) -> SMTP:
        return SMTP(self.handler, loop=self.loop, **self.SMTP_kwargs)


class SmtpServer:
    """A running server; `stop()` ends it, once or more often."""

    def __init__(self, listener: Listener, pool: ThreadPoolExecutor) -> None:
        self.host, self.port = listener.host, listener.port
        self._listener: Listener | None = listener
        self._pool = pool

    def stop(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.stop()
            self._pool.shutdown(wait=False, cancel_futures=True)


def start(host: str, port: int, on_mail: Taker, *, max_size: int = 25 * 2**20) -> SmtpServer:
    """Listens on host:port (port 0 = a free one, see `.port`) and hands each mail to `on_mail` on a thread of its own.

    `on_mail` answers when the mail is stored; if it raises, the sender is told to try again later. OSError at once when
    the port is taken.
    """
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="smtpd-taker")
    listener = Listener(_Hooks(on_mail, pool), host, port, data_size_limit=max_size)
    try:
        listener.start()
    except BaseException:  # whatever ended the start, Ctrl-C too: the port is free again
        listener.socket.close()
        pool.shutdown(wait=False)
        raise
    return SmtpServer(listener, pool)


class _Hooks:
    """The names are aiosmtpd's: it calls `handle_X` when the command X arrives."""

    def __init__(self, on_mail: Taker, pool: ThreadPoolExecutor) -> None:
        self.on_mail = on_mail
        self.pool = pool

    async def handle_DATA(self, server: SMTP, session: Session, envelope: _Envelope) -> str:
        sender = envelope.mail_from or ""
        content = envelope.original_content or b""
        taken = Envelope("" if sender == "<>" else sender, tuple(envelope.rcpt_tos), content)
        reply = await asyncio.get_running_loop().run_in_executor(self.pool, self.on_mail, taken)
        return f"{reply.code} {one_line(reply.text)}"

    async def handle_exception(self, error: Exception) -> str:
        """Whatever went wrong; without this aiosmtpd answers 500 and shows the exception's text."""
        return TRY_LATER


def _hello_over_tls(sock: socket.socket) -> None:
    """A client of ourselves, for one greeting: there is nothing to verify and nothing is said."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with context.wrap_socket(sock) as wrapped:
        wrapped.recv(1024)
