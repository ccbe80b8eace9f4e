"""A mail that is larger than what we take: its sender hears that nobody has read it, where it is sure who that is
(trust.md I12)."""

from __future__ import annotations

from datetime import datetime, timedelta

from triagemail import outbox
from triagemail.mail import reading, screening
from triagemail.mail.mime import ParsedMail
from triagemail.outbox import Outbox
from triagemail.process.events import Draft
from triagemail.process.model import Level
from triagemail.snapshots import Snapshots
from triagemail.store.claims import Claimed

REASON = "too-large"
SURE = (Level.E1, Level.E2, Level.E12)
HOUR = timedelta(hours=1)


def answer(mail: Claimed, found: ParsedMail, known: Snapshots, outgoing: Outbox, now: datetime) -> int:
    """ "One reply to the sender if authenticated", once an hour; nobody else is answered, and no program. The inbox row
    of the same mail that came before, 0 for none: a mailbox that was moved shows all it has again (trust.md I4). Whole
    it is another one, once `mail.max_size` lets it in."""
    if first := known.store.first_time(f"{REASON} {reading.duplicate_key(found, mail.raw)}", mail.inbox, now):
        return first
    addresses = (known.policy.address, known.policy.list_address)
    if screening.screen(found, addresses, ()).class_ != "human":
        return 0
    anchor = reading.anchor(found, outgoing.keyring, known.policy.address, outbox.day_of(now))
    context = known.context(anchor, found, mail.raw_id, mail.received_at)
    if context.evidence.level not in SURE or not known.store.notice_due(f"{REASON}:{context.by}", now, HOUR):
        return 0
    number = context.issue.number if context.issue else None
    draft = Draft("too-large", context.by, number, {"subject": found.subject})
    outgoing.put(draft, context.issue, now, cause=found.message_id, author=context.by)
    return 0
