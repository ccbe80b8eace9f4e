"""The mailbox that reports arrive in. The only module that knows imapclient.

What is read is never marked: the database's cursor (UIDVALIDITY, UID) is the truth and IMAP flags are decoration. A
mail is fetched by BODY.PEEK[], and filed into the done folder only when the caller says that its commit is through.
Every way a link can die ends in MailboxLost (connect again) or MailboxRefused (tell the operator), and in nothing else.
"""

from __future__ import annotations

import contextlib
import imaplib
import math
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import CapabilityError, LoginError, ProtocolError

from triagemail.doors.link import Tls, Token, loopback, one_line, refuse_controls, secret_text, tls_context, tune

# A SEARCH answer is one line. imaplib gives up at 1,000,000 bytes (150,000 mails) and leaves the stream out of step.
imaplib._MAXLINE = 20_000_000  # type: ignore[attr-defined]  # no public setting for it

UIDS_AT_ONCE = 500  # 500 UIDs of 10 digits stay below the 8,000 bytes that RFC 2683 3.2.1.5 calls a safe command line
HEADER_BYTES = 256 * 1024  # what is read of a mail over the limit (trust.md C3: a header block is at most this)
RENEW_IDLE = 9 * 60.0  # seconds; RFC 2177 ends an IDLE after 29 minutes, NATs much sooner
SLICE = 0.5  # seconds between two looks at the caller's wake event while in IDLE
PAUSE = 2.0  # seconds, the longest rest between two IDLEs that ended at once
REFILE = 600.0  # seconds after which a server that would not file mails is asked again, over a new connection
USED = 0.9  # of a token's life, after which we log in with a new one
LEAST = 60.0  # seconds between two such logins, however short the token's life is
GOODBYE = 2.0  # seconds that a polite LOGOUT may take
FOREIGN = (imaplib.IMAP4.error, OSError, ValueError, TypeError, LookupError, AttributeError)  # imapclient, on odd text

Filing = Literal["move", "copy", "stay"]


class MailboxLost(Exception):
    """The network or the protocol failed: the connection is closed, connect again after a backoff."""


class MailboxRefused(Exception):
    """The server answered and said no (login, folder, certificate): waiting alone will not help, tell the operator."""


class LoginRefused(MailboxRefused):
    """It does not take our password or token: who asks too often is locked out."""


@dataclass(frozen=True, slots=True)
class ImapSettings:
    """Where the mailbox is. Times in seconds, sizes in bytes. ValueError when the settings could leak or loop."""

    host: str
    port: int
    tls: Tls = "tls"
    user: str = ""
    password: Callable[[], str] | str = field(default="", repr=False)
    folder: str = "INBOX"
    done_folder: str = "Done"  # "" = mails stay where they are
    timeout_connect: float = 10
    timeout_read: float = 30
    batch_bytes: int = 5_000_000
    batch_count: int = 100
    max_size: int = 25 * 2**20
    idle: bool = True
    token: Callable[[], Token] | None = field(default=None, repr=False)  # asked at each login, instead of a password

    def __post_init__(self) -> None:
        refuse_controls(host=self.host, user=self.user, folder=self.folder, done_folder=self.done_folder)
        if self.tls not in ("tls", "starttls", "none"):
            raise ValueError(f"imap.tls is {self.tls!r}; it must be tls, starttls or none")
        if self.tls == "none" and not loopback(self.host):
            raise ValueError(f"imap.tls = none is for loopback only; to {self.host} the password would go in clear")
        if not self.folder:
            raise ValueError("imap.folder is empty")
        if self.done_folder and _same_folder(self.folder, self.done_folder):
            raise ValueError("imap.done_folder is the folder itself: every mail would come back as a new one")
        if min(self.batch_bytes, self.batch_count, self.max_size) < 1:
            raise ValueError("imap: batch_bytes, batch_count and max_size must be at least 1")


@dataclass(frozen=True, slots=True)
class Fetched:
    """One mail, or why there is none.

    raw: the whole mail; with `too_large` only its header block; None when `gone` (deleted before we came) or when the
    server lists the mail but will not hand it out (then neither flag is set: hold it, the operator must look).
    size: bytes as the server counts them. arrived: INTERNALDATE, aware UTC; now where the server gives none.
    """

    uid: int
    raw: bytes | None = field(repr=False)
    size: int
    arrived: datetime
    gone: bool = False
    too_large: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """What connect() found, for one log line. `trouble`: why done mails stay where they are; "" when all is well."""

    uidvalidity: int
    exists: int
    filing: Filing
    idle: bool
    made_done_folder: bool = False
    trouble: str = ""


class Mailbox:
    """One connection to one folder; use it from the thread that called connect() (imapclient is not thread-safe)."""

    def __init__(self, settings: ImapSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self._clock = clock
        self._renew_at = math.inf
        self.opened: Opened | None = None
        self.trouble = ""
        self._client: Any = None
        self._filing: Filing = "stay"
        self._thread = 0

    # --- opening and closing ------------------------------------------------------------------------------------------

    def connect(self) -> Opened:
        """Connects, logs in, selects the folder; makes the done folder if it is missing, since the config names it.

        Raises MailboxLost or MailboxRefused. INBOX and the folder itself are never made (trust.md I5).
        """
        self._drop()
        try:
            secret = self.settings.token() if self.settings.token else Token(secret_text(self.settings.password))
            refuse_controls(password=secret.text)
        except (OSError, ValueError) as error:
            raise MailboxRefused(f"no password: {one_line(str(error))}") from error
        self._thread = threading.get_ident()
        with self._faults("connecting"):
            self._client = self._dial()
        with self._link("logging in") as client:
            self._login(client, secret.text)
        with self._link("opening the folder") as client:
            self.opened = self._open_folder(client)
            mends = bool(self.opened.trouble) and _filing(client) != "stay"
        self._filing, self.trouble = self.opened.filing, self.opened.trouble
        self._renew_at = self._clock() + min(max(LEAST, USED * secret.seconds), REFILE if mends else math.inf)
        return self.opened

    def worn(self) -> bool:
        """Time for a new connection: the token ends soon, or the server may file mails by now that it would not."""
        return self._clock() >= self._renew_at

    def close(self) -> None:
        """Says goodbye where the server still listens; never raises, never takes long."""
        if self._client is not None:
            with contextlib.suppress(*FOREIGN):
                self._client.socket().settimeout(GOODBYE)
                self._client.logout()
        self._drop()

    @property
    def uidvalidity(self) -> int:
        """UIDVALIDITY of the folder (RFC 3501 2.3.1.1): UIDs of another value name other mails."""
        if self.opened is None:
            raise MailboxLost("not connected")
        return self.opened.uidvalidity

    def _dial(self) -> Any:
        s = self.settings
        context = None if s.tls == "none" else tls_context()
        timeout = SocketTimeout(s.timeout_connect, s.timeout_read)  # the library's default is to wait for ever
        client = IMAPClient(s.host, s.port, ssl=s.tls == "tls", ssl_context=context, timeout=timeout)
        self._client = client  # known from here on, so that a failure below closes it
        client._imap.debug = 0  # at its default every line, mail bodies too, is formatted for a log
        client.normalise_times = False  # else INTERNALDATE comes naive and in local time
        tune(client.socket())
        if s.tls == "starttls":
            client.socket().settimeout(s.timeout_connect)
            client.starttls(context)  # raises where it is not offered or the greeting was PREAUTH: no plain fallback
            client._set_read_timeout()
        return client

    def _login(self, client: Any, password: str) -> None:
        user = self.settings.user
        try:
            if self.settings.token:
                client.oauth2_login(user, password)
            elif client.has_capability("AUTH=PLAIN"):
                client.plain_login(user, password)  # any character goes: LOGIN leaves the user unquoted and wants ASCII
            else:
                client.login(user, password)
        except LoginError as error:
            cause = error.__context__
            if isinstance(cause, imaplib.IMAP4.abort) or "[UNAVAILABLE]" in str(error):  # RFC 5530: try again later
                raise MailboxLost(f"logging in: {one_line(str(error))}") from error
            raise LoginRefused(f"login as {user} refused: {one_line(str(error))}") from error

    def _open_folder(self, client: Any) -> Opened:
        s = self.settings
        made, trouble = self._done_folder(client)
        readonly = False
        try:
            answer = client.select_folder(s.folder)
        except imaplib.IMAP4.readonly:
            readonly, answer = True, client.select_folder(s.folder, readonly=True)
        except imaplib.IMAP4.error as error:
            if _said_no(error):
                raise MailboxRefused(f"folder {s.folder} cannot be opened: {one_line(str(error))}") from error
            raise
        if not isinstance(answer.get(b"UIDVALIDITY"), int):
            raise MailboxRefused(f"folder {s.folder} has no UIDVALIDITY; its mails cannot be told apart safely")
        filing: Filing = "stay"
        if s.done_folder and not trouble and readonly:
            trouble = f"folder {s.folder} is read-only"
        elif s.done_folder and not trouble:
            filing = _filing(client)
            trouble = "" if filing != "stay" else "the server has neither MOVE nor UIDPLUS"
        idle = s.idle and client.has_capability("IDLE")
        client._imap.untagged_responses.clear()  # the EXISTS of SELECT is no news
        return Opened(answer[b"UIDVALIDITY"], answer.get(b"EXISTS", 0), filing, idle, made, trouble)

    def _done_folder(self, client: Any) -> tuple[bool, str]:
        """(made it now, why it cannot be used). Filing is tidiness: its failure never stops the reading of reports."""
        name = self.settings.done_folder
        if not name or any(_same_folder(found, name) for _, _, found in client.list_folders("", name)):
            return False, ""
        try:
            client.create_folder(name)
        except imaplib.IMAP4.error as error:
            if not _said_no(error):
                raise
            known = "ALREADYEXISTS" in str(error)
            return False, "" if known else f"the done folder {name} cannot be made: {one_line(str(error))}"
        return True, ""

    # --- reading ------------------------------------------------------------------------------------------------------

    def fetch_new(self, after_uid: int) -> Iterator[list[Fetched]]:
        """Every mail with a UID above `after_uid`, ascending, in batches of at most batch_count mails and batch_bytes.

        Sizes are asked first (trust.md I12). A UID that vanished meanwhile comes as `gone`, so the cursor can pass it.
        """
        uids = self._search(after_uid)
        for start in range(0, len(uids), UIDS_AT_ONCE):
            chunk = uids[start : start + UIDS_AT_ONCE]
            with self._link("asking for sizes") as client:
                rows = client.fetch(chunk, ["RFC822.SIZE", "INTERNALDATE"])
            sizes = {uid: _size(rows[uid], self.settings) for uid in chunk if uid in rows}
            for batch in _batches(chunk, sizes, self.settings):
                yield self._fetch(batch, sizes)

    def _search(self, after_uid: int) -> list[int]:
        with self._link("looking for new mails") as client:
            client.noop()  # a server may search the state that it last told us of; NOOP brings it up to date
            client._imap.untagged_responses.clear()  # wait() asks what came since; it would grow for ever besides
            found = client.search(["UID", f"{int(after_uid) + 1}:*"])
        return sorted(uid for uid in set(found) if uid > after_uid)  # `*` always matches the last mail, however old

    def _fetch(self, batch: Sequence[int], sizes: dict[int, int]) -> list[Fetched]:
        limit = self.settings.max_size
        small = [uid for uid in batch if uid in sizes and sizes[uid] <= limit]
        rows = self._bodies(small)
        mails = []
        for uid in batch:
            size, row = sizes.get(uid, 0), rows.get(uid, {})
            if size > limit:
                mails.append(self._header_only(uid, size))
                continue
            raw = _body(row, b"BODY[]")
            if raw is not None and len(raw) > limit:  # RFC822.SIZE is a promise that not every server keeps
                header = raw[: raw.find(b"\r\n\r\n") + 4][:HEADER_BYTES]
                mails.append(Fetched(uid, header, len(raw), _arrived(row), too_large=True))
                continue
            gone = uid not in sizes or (raw is None and not self._exists(uid))
            mails.append(Fetched(uid, raw, size, _arrived(row), gone=gone))
        return mails

    def _bodies(self, uids: list[int]) -> dict[int, dict[bytes, Any]]:
        with self._link("fetching mails") as client:
            rows: dict[int, dict[bytes, Any]] = client.fetch(uids, ["BODY.PEEK[]", "INTERNALDATE"])
            for uid in uids:
                if _body(rows.get(uid, {}), b"BODY[]") is None:  # asked once more alone: some servers skip under load
                    rows[uid] = client.fetch([uid], ["BODY.PEEK[]", "INTERNALDATE"]).get(uid, {})
        return rows

    def _header_only(self, uid: int, size: int) -> Fetched:
        with self._link("fetching a header") as client:
            row = client.fetch([uid], [f"BODY.PEEK[HEADER]<0.{HEADER_BYTES}>", "INTERNALDATE"]).get(uid, {})
        raw = _body(row, b"BODY[HEADER]<0>")
        gone = raw is None and not self._exists(uid)
        return Fetched(uid, raw, size, _arrived(row), gone=gone, too_large=not gone)

    def _exists(self, uid: int) -> bool:
        with self._link("looking for a mail") as client:
            return uid in client.search(["UID", str(uid)])

    def left_behind(self, up_to_uid: int) -> list[int]:
        """The UIDs up to and with `up_to_uid` that are still in the folder: taken before, and not filed."""
        if up_to_uid < 1 or self._filing == "stay":
            return []
        with self._link("looking for old mails") as client:
            found = client.search(["UID", f"1:{int(up_to_uid)}"])
        return sorted(uid for uid in set(found) if uid <= up_to_uid)

    # --- filing -------------------------------------------------------------------------------------------------------

    def done(self, uids: Iterable[int]) -> bool:
        """Files mails that the database holds into the done folder; True when they were, False when they stay.

        MOVE, else COPY + STORE + UID EXPUNGE, else nothing (trust.md I15): a plain EXPUNGE would also remove what a
        person had marked. Where the server says no, mails stay from then on and `trouble` holds its words.
        """
        waiting = [int(uid) for uid in uids]
        for start in range(0, len(waiting), UIDS_AT_ONCE):
            if self._filing == "stay":
                break
            with self._link("filing mails") as client:
                self._file(client, waiting[start : start + UIDS_AT_ONCE])
        return self._filing != "stay"

    def _file(self, client: Any, uids: list[int]) -> None:
        folder = self.settings.done_folder
        try:
            if self._filing == "move":
                client.move(uids, folder)
                return
            client.copy(uids, folder)
            client.add_flags(uids, [rb"\Deleted"], silent=True)
            client.uid_expunge(uids)
        except imaplib.IMAP4.error as error:
            if not _said_no(error):
                raise
            self._filing, self.trouble = "stay", f"mails cannot be filed into {folder}: {one_line(str(error))}"
            self._renew_at = min(self._renew_at, self._clock() + REFILE)

    # --- waiting ------------------------------------------------------------------------------------------------------

    def wait(self, timeout: float, wake: threading.Event | None = None) -> bool:
        """Waits up to `timeout` seconds for a new mail; True when one was announced. `wake` ends it early.

        IDLE is a hint only (trust.md I2): look with fetch_new after every wait, whatever it returned. Raises
        MailboxLost when the link turns out to be dead.
        """
        wake = wake or threading.Event()
        if self.opened is None or self._client is None:
            raise MailboxLost("not connected")
        if "EXISTS" in self._client._imap.untagged_responses:  # came along with an answer since the last search
            return True
        if not self.opened.idle:
            wake.wait(timeout)
            return self.noop()
        ends, quick = time.monotonic() + timeout, 0
        while (left := ends - time.monotonic()) > 0 and not wake.is_set():
            started = time.monotonic()
            if self._idle(min(left, RENEW_IDLE), wake):
                return True
            quick = quick + 1 if time.monotonic() - started < SLICE / 2 else 0
            wake.wait(min(left, quick * SLICE / 4, PAUSE))  # a server that ends each IDLE at once must not make us spin
        return False

    def noop(self) -> bool:
        """Asks whether the link lives; True when the server announced a new mail. Raises MailboxLost."""
        with self._link("asking for life") as client:
            return _announced(client.noop()[1])

    def _idle(self, seconds: float, wake: threading.Event) -> bool:
        """One IDLE, ended by anything that the server says: idle_done() reads it whole, and raises on a closed link.

        The library's idle_check() does neither: on a closed link it returns [] for ever, and half a line is an error.
        """
        with self._link("waiting in IDLE") as client:
            client.idle()
            if not self._unread(client):
                _listen(client.socket(), seconds, wake)
            heard = client.idle_done()[1]
            if any(row and row[0] == b"BYE" for row in heard):
                raise MailboxLost("the server said BYE")
        return _announced(heard)

    def _unread(self, client: Any) -> bool:
        """True when the answer to IDLE brought more with it: those bytes are read already, no poll will show them."""
        sock = client.socket()
        sock.settimeout(0)
        try:
            return bool(getattr(client._imap, "_file", client._imap.__dict__.get("file")).peek(1))  # 3.14 renamed it
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        finally:
            sock.settimeout(self.settings.timeout_read)

    # --- faults -------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _link(self, doing: str) -> Iterator[Any]:
        if self._client is None:
            raise MailboxLost("not connected")
        if self._thread != threading.get_ident():
            raise RuntimeError("a Mailbox belongs to the thread that connected it")
        with self._faults(doing):
            yield self._client

    @contextlib.contextmanager
    def _faults(self, doing: str) -> Iterator[None]:
        """Every failure closes the link: after a timeout the library's object is of no use, not even for logout."""
        try:
            yield
        except (MailboxLost, MailboxRefused):
            self._drop()
            raise
        except (ssl.SSLCertVerificationError, CapabilityError) as error:
            self._drop()
            raise MailboxRefused(f"{doing}: {one_line(str(error))}") from error
        except FOREIGN as error:
            self._drop()
            raise MailboxLost(f"{doing}: {one_line(str(error)) or type(error).__name__}") from error

    def _drop(self) -> None:
        client, self._client, self.opened = self._client, None, None
        if client is not None:
            with contextlib.suppress(*FOREIGN):
                client.shutdown()


def _listen(sock: socket.socket, seconds: float, wake: threading.Event) -> None:
    """Waits until the server says something or hangs up, the time is up, or `wake` is set."""
    poll = select.poll()  # not select(), which fails above 1,024 open files
    poll.register(sock.fileno(), select.POLLIN)
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0 and not wake.is_set():
        if poll.poll(min(left, SLICE) * 1000):
            return


def _announced(rows: Iterable[Any]) -> bool:
    return any(isinstance(row, tuple) and len(row) > 1 and row[1] in (b"EXISTS", b"RECENT") for row in rows)


def _filing(client: Any) -> Filing:
    if client.has_capability("MOVE"):
        return "move"
    return "copy" if client.has_capability("UIDPLUS") else "stay"


def _said_no(error: Exception) -> bool:
    """True for a tagged NO or BAD: the server understood and refused; the link is fine."""
    broken = isinstance(error, imaplib.IMAP4.abort | ProtocolError)
    return isinstance(error, imaplib.IMAP4.error) and not broken and " failed: " in str(error)


def _same_folder(one: str, other: str) -> bool:
    """INBOX is the one name without case (RFC 3501 5.1)."""
    return one == other or (one.upper() == other.upper() == "INBOX")


def _size(row: dict[bytes, Any], settings: ImapSettings) -> int:
    """Bytes; where the server gives none, as much as a whole batch, so that the mail is fetched alone."""
    size = row.get(b"RFC822.SIZE")
    return size if isinstance(size, int) else min(settings.batch_bytes, settings.max_size)


def _batches(uids: Sequence[int], sizes: dict[int, int], settings: ImapSettings) -> Iterator[list[int]]:
    batch: list[int] = []
    total = 0
    for uid in uids:
        size = sizes.get(uid, 0)
        size = size if size <= settings.max_size else HEADER_BYTES
        if batch and (total + size > settings.batch_bytes or len(batch) >= settings.batch_count):
            yield batch
            batch, total = [], 0
        batch.append(uid)
        total += size
    if batch:
        yield batch


def _body(row: dict[bytes, Any], key: bytes) -> bytes | None:
    body = row.get(key)
    return body if isinstance(body, bytes) else None


def _arrived(row: dict[bytes, Any]) -> datetime:
    when = row.get(b"INTERNALDATE")
    if not isinstance(when, datetime):
        return datetime.now(UTC)
    try:
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:  # year 1 or 9999 beside a zone
        return datetime.now(UTC)
