"""Mail that passes through a company's Google Group on its way to us (config `mail.groups`).

For senders whose domain has a strict DMARC policy the group writes itself into From ("Bob via Bugs") and names the
author in a field of its own. That field proves nothing, so whoever it names has shown nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from triagemail.mail.address import Mailbox, normalise
from triagemail.mail.mime import ParsedMail


def named(mail: ParsedMail, groups: Sequence[str]) -> str:
    """The group whose List-Id or List-Post a mail carries; "" for none. RFC 2919 writes the list of bugs@acme.example
    as <bugs.acme.example>, RFC 2369 as <mailto:bugs@acme.example>."""
    shown = " ".join(value for name in ("list-id", "list-post") for value in mail.headers.get(name, ())).lower()
    return next((g for g in groups if f"<{g.replace('@', '.')}>" in shown or f"<mailto:{g}>" in shown), "")


def original(mail: ParsedMail, groups: Sequence[str]) -> ParsedMail | None:
    """The mail as its author wrote it: "that List-Id and exactly one X-Original-Sender is by that person". None where
    the group did not write itself into From, or nobody can be named. Looked at before the rule about our own
    addresses, since the group's address may be ours."""
    ids = mail.headers.get("list-id", ())
    senders = mail.headers.get("x-original-sender", ())
    author = mail.from_.address if mail.from_ is not None else ""
    group = next((g for g in groups if len(ids) == 1 and f"<{g.replace('@', '.')}>" in ids[0].lower()), "")
    if not group or len(senders) != 1 or len(mail.headers.get("from", ())) != 1:
        return None
    sender = normalise(senders[0].strip("<>"))
    if sender is None or sender in groups or author not in (group, sender):
        return None
    return replace(mail, from_=Mailbox(sender, mail.from_.name if author == sender and mail.from_ else ""))
