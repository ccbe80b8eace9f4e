"""Mail that programs hand to us: LMTP from the mail server on this host, and an SMTP server for the demo. The only
module that knows aiosmtpd.

They relay nothing and listen on loopback or a unix socket (trust.md O7). What arrives is handed to one function on one
thread, so a slow taker delays its own sender and not every other connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import socket
import ssl
import stat
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.controller import BaseThreadedController
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Session
from aiosmtpd.smtp import Envelope as _Envelope

from triagemail.doors.link import one_line

TOGETHER = 50  # mails that one commit may take
LINE = 1_000_000  # octets: a mail server has cut longer ones long before
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

    def __init__(
        self, hooks: Any, host: str = "127.0.0.1", port: int = 0, sock: socket.socket | None = None, **parameters: Any
    ) -> None:
        self.socket = sock or socket.create_server((host, port))
        self.host: str = "" if sock else self.socket.getsockname()[0]
        self.port: int = 0 if sock else self.socket.getsockname()[1]
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


# --- LMTP (RFC 2033) -------------------------------------------------------------------------------------------------

TakeAll = Callable[[Sequence[Envelope]], None]
_Answer = asyncio.Future[bool]


class LmtpServer:
    """A running server; `stop()` ends it: what is being taken is committed and answered, new mails are not."""

    def __init__(self, listener: _LmtpListener, hooks: _Together) -> None:
        self.port = listener.port
        self._listener, self._hooks = listener, hooks

    def stop(self) -> None:
        self._hooks.end()
        self._listener.stop()
        if self._listener.path is not None:
            self._listener.path.unlink(missing_ok=True)


def start_lmtp(
    where: Path | tuple[str, int],
    take: TakeAll,
    *,
    close: Callable[[], None] = lambda: None,
    max_size: int = 25 * 2**20,
    connections: int = 20,
) -> LmtpServer:
    """Listens on a unix socket (0660) or on host:port. `take` stores up to TOGETHER mails in one commit and returns
    when they are safe; if it raises, each of their senders is told to try again later. OSError at once when somebody
    listens there already. More than `connections` at a time are told to come back."""
    hooks = _Together(take, close)
    listener = _LmtpListener(hooks, where, connections, data_size_limit=max_size)
    hooks.thread.start()
    try:
        listener.start()
    except BaseException:  # whatever ended the start, Ctrl-C too: the place is free again
        hooks.end()
        listener.socket.close()
        raise
    return LmtpServer(listener, hooks)


class _Together:
    """One thread takes what came meanwhile together: a commit waits for the disk, and fifty wait for it once."""

    def __init__(self, take: TakeAll, close: Callable[[], None]) -> None:
        self.take, self.close = take, close
        self.waiting: queue.SimpleQueue[tuple[Envelope, _Answer] | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._run, name="lmtp", daemon=True)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: _Envelope) -> str:
        """One reply for each recipient (RFC 2033 4.2), all the same: a mail is taken once."""
        sender = envelope.mail_from or ""
        content = envelope.original_content or b""
        answer: _Answer = asyncio.get_running_loop().create_future()
        self.waiting.put((Envelope("" if sender == "<>" else sender, tuple(envelope.rcpt_tos), content), answer))
        said = "250 2.0.0 taken" if await answer else TRY_LATER
        return "\r\n".join([said] * len(envelope.rcpt_tos))

    async def handle_exception(self, error: Exception) -> str:
        """Whatever went wrong; without this aiosmtpd answers 500 and shows the exception's text."""
        return TRY_LATER

    def end(self) -> None:
        self.waiting.put(None)
        if self.thread.is_alive():
            self.thread.join(30)

    def _run(self) -> None:
        try:
            self._rounds()
        finally:
            self.close()

    def _rounds(self) -> None:
        while (first := self.waiting.get()) is not None:
            batch, last = [first], False
            with contextlib.suppress(queue.Empty):
                while len(batch) < TOGETHER and not last:
                    more = self.waiting.get_nowait()
                    last = more is None
                    batch += [] if more is None else [more]
            self._take(batch)
            if last:
                return

    def _take(self, batch: list[tuple[Envelope, _Answer]]) -> None:
        try:
            self.take([envelope for envelope, _ in batch])
            stored = True
        except Exception:  # whatever it was: the mail server keeps them and comes again
            stored = False
        for _, answer in batch:
            answer.get_loop().call_soon_threadsafe(_tell, answer, stored)


def _tell(answer: _Answer, stored: bool) -> None:
    if not answer.done():  # the client may have gone meanwhile
        answer.set_result(stored)


class _LmtpListener(Listener):
    """The same over a unix socket, too, and with a limit of connections."""

    def __init__(self, hooks: _Together, where: Path | tuple[str, int], connections: int, **parameters: Any) -> None:
        self.path = where if isinstance(where, Path) else None
        self.most, self.open = connections, 0
        if isinstance(where, Path):
            super().__init__(hooks, sock=_unix_socket(where), **parameters)
        else:
            super().__init__(hooks, *where, **parameters)

    def _create_server(self) -> Awaitable[asyncio.AbstractServer]:
        if self.path is None:
            return super()._create_server()
        return self.loop.create_unix_server(self._factory_invoker, sock=self.socket)

    def _trigger_server(self) -> None:
        if self.path is None:
            super()._trigger_server()
            return
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(2)
            sock.connect(str(self.path))
            sock.recv(1024)

    def factory(self) -> SMTP:
        return _Limited(self)


class _Limited(LMTP):
    """One connection; it counts itself."""

    line_length_limit = LINE

    def __init__(self, listener: _LmtpListener) -> None:
        self.listener, self.counted = listener, False
        super().__init__(listener.handler, loop=listener.loop, **listener.SMTP_kwargs)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self.listener.open >= self.listener.most and isinstance(transport, asyncio.WriteTransport):
            transport.write(b"421 4.3.2 too many connections\r\n")
            transport.close()
            return
        self.listener.open += 1
        self.counted = True
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self.counted:
            self.listener.open -= 1
            super().connection_lost(error)


def _unix_socket(path: Path) -> socket.socket:
    """Bound at `path`, for owner and group; a socket that nobody listens on any more gives way."""
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    made = socket.socket(socket.AF_UNIX)
    try:
        before = os.umask(0o117)
        try:
            made.bind(str(path))
        finally:
            os.umask(before)
        made.listen(100)
    except OSError:
        made.close()
        raise
    return made
