"""One click leaves the list (RFC 8058): the same decision as a mail to the address in List-Unsubscribe."""

from __future__ import annotations

from datetime import datetime

from triagemail.log import logger
from triagemail.mail.reading import Anchor, Context
from triagemail.mail.tokens import Token
from triagemail.outbox import day_of
from triagemail.process import decide
from triagemail.process import intents as want
from triagemail.process.model import Evidence, Level
from triagemail.worker import Worker


def leave(worker: Worker, detail: str) -> bool:
    """Takes whom the token names off the list, with a goodbye that has an undo; False when it is no token of ours. Who
    has left already hears nothing: a provider may click more than once."""
    now = worker.clock.now()
    token = worker.outbox.keyring.read(detail, day_of(now), "u")
    if token is None:
        return False
    try:
        with worker.store.transaction():
            _decide(worker, token, now)
    except Exception:  # whatever it is, it is raised again
        worker.store.forget_people()
        raise
    logger("web").info("one-click", issue=token.number)
    return True


def _decide(worker: Worker, token: Token, now: datetime) -> None:
    who = worker.store.address(token.person)
    context = Context(who, Evidence(Level.E2, "unsubscribe-token", "one click"), sent_at=now)
    intent = want.Unsubscribe(by=who, evidence=context.evidence, token=True)
    snapshot = worker.known.of_mail((intent,), Anchor(token=token), context)
    if who and snapshot.wishes is not None:
        decided = decide.decide_all(snapshot, (intent,), now, worker.policy)
        worker.commit(decided, snapshot, "", who)
