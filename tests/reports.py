"""Delivery reports (RFC 3464) about our mails, as Postfix writes them; and forged ones."""

from __future__ import annotations

from chat import Chat, Out

HARD = ("5.1.1", "550 5.1.1 <{to}>: User unknown in virtual mailbox table")
FULL = ("5.2.2", "552 5.2.2 mailbox full")
SPAM = ("5.7.1", "554 5.7.1 message looks like spam")


Said = tuple[str, str]  # the status, and the words of the host that refused


def report(
    to: str, recipient: str, said: Said = HARD, *, action: str = "failed", number: int = 0, whole: bool = True
) -> bytes:
    """A report to the return path `to` about a mail to `recipient`; without `whole` its text alone."""
    status, reply = said
    reply = reply.format(to=recipient)
    kind = 'multipart/report; report-type=delivery-status; boundary="b"' if whole else 'multipart/mixed; boundary="b"'
    return f"""Return-Path: <>
Delivered-To: {to}
Date: Mon, 23 Nov 2026 09:00:00 +0000
From: MAILER-DAEMON@mx.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {to}
Auto-Submitted: auto-replied
Message-ID: <report.{number}@mx.example>
MIME-Version: 1.0
Content-Type: {kind}

--b
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.example.

I'm sorry to have to inform you that your message could not be delivered to one or more recipients.

<{recipient}>: host mx.example said: {reply}
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; {recipient}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {reply}

--b
Content-Type: text/rfc822-headers

Subject: an update
--b--
""".replace("\n", "\r\n").encode()


def comes_back(chat: Chat, mail: Out, said: Said = HARD, **more: object) -> list[Out]:
    """A mail of ours comes back to its return path; what the service sends because of it."""
    chat.count += 1
    path = mail.mail_from.strip("<>")
    chat.append(report(path, mail.to, said, number=chat.count, **more))  # type: ignore[arg-type]
    return chat.settle()
