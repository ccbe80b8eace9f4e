"""An IMAP server of our own, in memory: what the demo's people read their mail in. The only module that knows pymap.

Not for production: mails live as long as the process. It listens on loopback only and keeps passwords in the clear,
because the demo prints them anyway and a slow hash would cost half a second per account.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
import threading
from argparse import Namespace
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from proxyprotocol.noop import ProxyProtocolNoop
from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.dict import Config, Login
from pymap.backend.dict.filter import FilterSet
from pymap.backend.dict.mailbox import MailboxSet
from pymap.concurrent import Subsystem
from pymap.imap import IMAPServer
from pymap.parsing.message import AppendMessage
from pymap.user import UserMetadata
from pysasl.hashing import Cleartext

PATIENCE = 10.0  # seconds that the server's own thread may take for one append

T = TypeVar("T")


class _Clear(Cleartext):
    """The library's own comparison raises on any character outside ASCII, and the connection ends without an answer."""

    __slots__ = ()

    def verify(self, secret: str, hash: str) -> bool:
        return secrets.compare_digest(secret.encode(), hash.encode())


class ImapServer:
    """A running server on 127.0.0.1. append() and stop() may be called from any thread."""

    def __init__(self, accounts: Mapping[str, str], port: int) -> None:
        self.host = "127.0.0.1"
        self._socket = socket.create_server((self.host, port))
        self.port: int = self._socket.getsockname()[1]
        self._accounts = dict(accounts)
        self._config = _config()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop = asyncio.new_event_loop()
        self._loop.set_task_factory(self._keep)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="imapd", daemon=True)

    def append(self, user: str, raw: bytes, folder: str = "INBOX") -> None:
        """Puts one mail into a folder of `user`; IDLE connections hear of it at once. KeyError for an unknown one."""
        if user not in self._accounts:
            raise KeyError(user)
        self._call(self._append(user, raw, folder))

    def stop(self) -> None:
        """Closes the port and every connection; more than once is fine."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(PATIENCE)

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    async def _append(self, user: str, raw: bytes, folder: str) -> None:
        self._config.apply_context()
        mailboxes, _ = self._config.set_cache[user]
        mailbox = await mailboxes.get_mailbox(folder)
        await mailbox.append(AppendMessage(raw, datetime.now(UTC)), recent=True)

    def _keep(self, loop: asyncio.AbstractEventLoop, work: Any, **rest: Any) -> asyncio.Task[Any]:
        """asyncio holds its tasks weakly: without this the collector ends an IDLE connection on Python 3.13."""
        task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **rest)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(self._serve())
        self._loop.call_soon(self._ready.set)
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(self._hang_up(tuple(self._tasks)))
        self._loop.close()

    async def _hang_up(self, tasks: tuple[asyncio.Task[Any], ...]) -> None:
        """Ends the connections; they get a second to say BYE."""
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1)

    async def _serve(self) -> asyncio.AbstractServer:
        self._config.apply_context()
        login = Login(self._config)
        for user, password in self._accounts.items():
            login.users_dict[user] = UserMetadata(self._config, user, password=password)
            self._config.set_cache[user] = (MailboxSet(), FilterSet())
        connections = ProxyProtocolReader(ProxyProtocolNoop()).get_callback(IMAPServer(login, self._config))
        return await asyncio.start_server(connections, sock=self._socket)

    def _start(self) -> None:
        self._thread.start()
        if not self._ready.wait(PATIENCE):
            raise TimeoutError("the IMAP server did not start")


def start(accounts: Mapping[str, str], port: int = 0) -> ImapServer:
    """Starts a server for the accounts {user: password} on 127.0.0.1:port (0 = a free one). OSError: port taken."""
    server = ImapServer(accounts, port)
    server._start()
    return server


def _config() -> Config:
    """pymap's settings without its command line, its password hashing and its thread pool."""
    return Config(
        Namespace(),
        host="127.0.0.1",
        port=0,
        demo_data=False,
        demo_user="",
        demo_password="",
        tls_enabled=False,
        ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
        hash_context=_Clear(),
        cpu_subsystem=Subsystem.for_asyncio(),
        proxy_protocol=ProxyProtocolNoop(),
        reject_dnsbl=False,
        invalid_user_sleep=0.0,
    )
