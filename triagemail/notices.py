"""Words to the operator when a promise is at risk: one mail per cause and hour (trust.md R12)."""

from __future__ import annotations

from dataclasses import dataclass

from triagemail.clock import Clock
from triagemail.log import logger
from triagemail.outbox import Outbox
from triagemail.process.model import Policy
from triagemail.store.store import Store


@dataclass(frozen=True, slots=True)
class Notices:
    store: Store
    outbox: Outbox
    policy: Policy
    clock: Clock

    def tell(self, cause: str, text: str) -> bool:
        """Log it always, mail it at most once an hour; its own transaction. True when a mail was queued."""
        logger("notices").error("notice", cause=cause, text=text)
        if not self.policy.operator:
            return False
        with self.store.transaction():
            return self.outbox.tell(cause, text, self.clock.now())

    def add(self, cause: str, text: str) -> bool:
        """The same inside the transaction of what caused it."""
        logger("notices").error("notice", cause=cause, text=text)
        return self.outbox.tell(cause, text, self.clock.now())
