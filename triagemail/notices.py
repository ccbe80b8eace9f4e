"""Words to the operator when a promise is at risk: one mail per cause and hour (trust.md R12)."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from triagemail import outbox
from triagemail.clock import Clock
from triagemail.doors.copies import Copy, share
from triagemail.doors.relay import Relay
from triagemail.doors.smtp import Accepted, RelayDown
from triagemail.log import logger
from triagemail.outbox import Outbox
from triagemail.process.events import Draft
from triagemail.process.model import Policy
from triagemail.store.store import STORE_FAULTS, Store

HOUR = 3600.0  # seconds
PATIENCE = 60.0  # seconds that a relay has for a mail that no row waits behind


@dataclass(frozen=True, slots=True)
class Notices:
    """`relay` makes a connection of our own for what cannot be queued, since the database is the trouble (D6)."""

    store: Store
    outbox: Outbox
    policy: Policy
    clock: Clock
    relay: Callable[[], Relay] | None = None
    carried: dict[str, float] = field(default_factory=dict)  # cause -> when, by time.monotonic()
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, cause: str, text: str) -> bool:
        """Log it always, mail it at most once an hour; its own transaction. True when a mail was queued, or went out
        from memory where the database does not take it. Raises STORE_FAULTS where that did not work either."""
        logger("notices").error("notice", cause=cause, text=text)
        if not self.policy.operator or self._was_carried(cause):
            return False
        try:
            with self.store.transaction():
                return self.outbox.tell(cause, text, self.clock.now())
        except STORE_FAULTS:
            if not self._carry(cause, text):
                raise
            return True

    def add(self, cause: str, text: str) -> bool:
        """The same inside the transaction of what caused it."""
        logger("notices").error("notice", cause=cause, text=text)
        return self.outbox.tell(cause, text, self.clock.now())

    # --- from memory --------------------------------------------------------------------------------------------------

    def _was_carried(self, cause: str) -> bool:
        at = self.carried.get(cause)
        return at is not None and time.monotonic() - at < HOUR

    def _carry(self, cause: str, text: str) -> bool:
        draft = outbox.notice(self.policy, "notice", {"cause": cause, "text": text})
        if draft is None or self.relay is None:
            return False
        with self.lock:  # all loops meet the same fault at the same time
            if not self._was_carried(cause) and self._send(self.relay(), draft):
                self.carried[cause] = time.monotonic()
            return self._was_carried(cause)

    def _send(self, relay: Relay, draft: Draft) -> bool:
        block, mail = self.outbox.unstored(draft, self.clock.now())
        hand, ends = deque([Copy(0, "", self.policy.operator, block, share(mail))]), time.monotonic() + PATIENCE
        try:
            while time.monotonic() < ends:
                for landed in relay.turn(hand, 1.0):
                    return isinstance(landed.outcome, Accepted)
        except RelayDown:
            pass  # the next failure tries again
        finally:
            relay.close()
        return False
