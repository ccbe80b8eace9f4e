"""A service that only sends, between a real store and a relay of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import faults
import servers
from chat import KEYS, company
from takers import Taker

from triagemail import sender as senders
from triagemail.app import App, build
from triagemail.clock import Clock
from triagemail.quantities import Rate
from triagemail.store import audience, claims

Listening = Taker | servers.Sink | faults.FaultProxy
BODY = b"Subject: PRIORITY 0 ISSUE\r\n\r\n.a line that begins with a dot\r\nmore\r\n"


class Desk:
    """A service that only sends: a store with readers, and broadcasts to them."""

    def __init__(self, app: App, clock: Clock) -> None:
        self.app, self.clock = app, clock

    def broadcast(self, *, rank: int = 2, body: bytes = BODY) -> int:
        """One mail to every reader; its number."""
        head, _, rest = body.partition(b"\r\n\r\n")
        with self.app.store.transaction():
            return claims.add_outgoing(
                self.app.store, issue=1, template="update", subject="s", text="t", head=head + b"\r\n", body=rest,
                detail="", null_sender=False, broadcast=True, automatic=False, rank=rank, day=20_000, key="a",
                now=self.clock.now(),
            )  # fmt: skip

    def send(self) -> None:
        """Until nothing is due."""
        while self.app.sender.send_once():
            pass

    def later(self, minutes: int = 2) -> None:
        self.clock.advance(senders.MINUTE * minutes)
        self.send()

    def rows(self, query: str = "SELECT state, COUNT(id) FROM delivery GROUP BY state ORDER BY state") -> list[Any]:
        return self.app.store.all(query)

    def ambiguous(self) -> set[str]:
        """Who may have got a mail twice, as noted."""
        query = "SELECT p.address FROM delivery d JOIN person p ON p.id = d.person WHERE d.ambiguous > 0"
        return {address for (address,) in self.app.store.all(query)}


def reader(number: int) -> str:
    return f"r{number:04d}@acme.example"


@contextmanager
def desk(
    folder: Path, relay: Listening, readers: int, connections: int = 4, rate: Rate | None = None, mode: str = "single"
) -> Iterator[Desk]:
    clock = Clock()
    smtp = {"connections": connections, "rate": rate, "mode": mode}
    app = build(company(folder, 0, "", relay.port, imap={"host": ""}, smtp=smtp), clock=clock, keys=KEYS)
    app.store.open()
    with app.store.transaction():
        for number in range(readers):
            audience.join(app.store, reader(number), clock.now())
    try:
        yield Desk(app, clock)
    finally:
        app.sender.relay.close()
        app.store.close()


def everybody(count: int) -> dict[str, int]:
    return {reader(number): 1 for number in range(count)}
