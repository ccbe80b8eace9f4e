"""Words to the operator when a promise is at risk: one mail per cause and hour (trust.md R12)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from triagemail import outbox
from triagemail.clock import Clock
from triagemail.log import logger
from triagemail.outbox import Outbox
from triagemail.process.model import Policy
from triagemail.store.store import Store

HOUR = timedelta(hours=1)


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
            return self._queue(cause, text)

    def add(self, cause: str, text: str) -> bool:
        """The same inside the transaction of what caused it."""
        logger("notices").error("notice", cause=cause, text=text)
        return self._queue(cause, text)

    def _queue(self, cause: str, text: str) -> bool:
        draft = outbox.notice(self.policy, "notice", {"cause": cause, "text": text})
        now = self.clock.now()
        if draft is None or not self.store.notice_due(cause, now, HOUR):
            return False
        self.outbox.put(draft, None, now)
        return True
