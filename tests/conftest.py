"""Fixtures: one Dovecot, one Postfix and one pymap for a whole test run; each test takes a user of its own. A store on
either engine, new for each test."""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import ledger
import pytest
import servers
from door_parts import Connect, MakeRelay, OneByOne, imap_settings, smtp_settings

from triagemail.doors import imapd
from triagemail.doors.imap import Mailbox
from triagemail.store.store import Store

SERVER = "postgresql://root@127.0.0.1:5432/test"

_numbers = itertools.count(1)


def need(*programs: str) -> None:
    """Skips where a server is not installed, with the reason; in CI its absence is a failure, not a silence."""
    reason = servers.missing(*programs)
    if reason and os.environ.get("CI") == "true":
        pytest.fail(f"CI must run this: {reason}")
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def needs_dovecot() -> None:
    need("dovecot", "doveadm", "openssl")


@pytest.fixture(scope="session")
def needs_postfix() -> None:
    need("postfix", "postconf")


@pytest.fixture(scope="session")
def dovecot(needs_dovecot: None) -> Iterator[servers.DovecotServer]:
    with servers.dovecot() as server:
        yield server


@pytest.fixture(scope="session")
def postfix(needs_postfix: None) -> Iterator[servers.PostfixServer]:
    with servers.postfix() as server:
        yield server


@pytest.fixture(scope="session")
def pymap() -> Iterator[imapd.ImapServer]:
    with servers.pymap({f"user{n}": servers.PASSWORD for n in range(50)}) as server:
        yield server


@pytest.fixture
def sink() -> Iterator[servers.Sink]:
    with servers.sink() as taker:
        yield taker


@pytest.fixture
def new_user() -> Callable[[], str]:
    """Names that no other test uses, also not one in another process of the same run."""
    return lambda: f"u{os.getpid()}n{next(_numbers)}"


@pytest.fixture
def user(new_user: Callable[[], str]) -> str:
    return new_user()


@pytest.fixture
def opened() -> Iterator[Connect]:
    """Connects mailboxes and closes them after the test."""
    mailboxes: list[Mailbox] = []

    def connect(server: object, user: str = "x", **rest: object) -> Mailbox:
        mailbox = Mailbox(imap_settings(server, user, **rest))
        mailboxes.append(mailbox)
        mailbox.connect()
        return mailbox

    yield connect
    for mailbox in mailboxes:
        mailbox.close()


@pytest.fixture
def relay_to() -> Iterator[MakeRelay]:
    """Relays that are closed after the test."""
    relays: list[OneByOne] = []

    def make(server: object, **rest: object) -> OneByOne:
        relays.append(OneByOne(smtp_settings(server, **rest)))
        return relays[-1]

    yield make
    for relay in relays:
        relay.close()


@pytest.fixture
def keeps_its_word(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a story that does not show what tests/stories.toml says of it."""
    name = getattr(request.node, "originalname", request.node.name)
    claimed = {shown for shown, story in ledger.claims().items() if story == name}
    with ledger.watching() as shown:
        yield
    assert not sorted(claimed - shown), f"tests/stories.toml says that {name} shows this, and it does not"


# --- a store on either engine ----------------------------------------------------------------------------------------


def sqlite(folder: Path) -> Iterator[str]:
    yield f"sqlite:///{folder}/t.db"


def postgresql(folder: Path) -> Iterator[str]:
    """An empty schema of its own in the local test database."""
    psycopg = pytest.importorskip("psycopg")
    try:
        admin = psycopg.connect(SERVER, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must run this: {error}")
        pytest.skip(f"no PostgreSQL on 127.0.0.1:5432: {error}")
    schema = f"t{uuid.uuid4().hex[:12]}"
    admin.execute(f"CREATE SCHEMA {schema}")
    yield f"{SERVER}?options=-csearch_path%3D{schema}"
    admin.execute(f"DROP SCHEMA {schema} CASCADE")
    admin.close()


@pytest.fixture(params=[sqlite, postgresql], ids=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database that is not made yet, on both engines in turn."""
    yield from request.param(tmp_path)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    made = Store(store_url)
    made.open()
    yield made
    made.close()
