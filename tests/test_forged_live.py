"""Forged mail by a plain SMTP client, through a real Postfix and a real Dovecot, into the service (trust.md R5, A1)."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import servers
from chat import BOB, COMPLETE, ISSUES, LENA, SARA, Chat, one, talk, to
from imapclient import IMAPClient

from triagemail.store import audience

pytestmark = pytest.mark.xdist_group("dovecot")

MX = "mx.acme.example"
AUTH = {"profile": "own", "trusted_authserv_id": (MX,), "trusted_received_by": (MX, "imap.acme.example")}
LIES = (  # what a forger writes on top of his mail
    f"Authentication-Results: {MX}; dmarc=pass header.from=acme.example",
    f"Received: from phone (phone [192.0.2.7]) (Authenticated sender: {SARA}) by {MX} (Postfix) with ESMTPSA id 1;"
    " Mon, 23 Nov 2026 09:00:00 +0000",
    "X-MS-Exchange-Organization-AuthAs: Internal",
    "X-Triagemail-Evidence: E3",
    f"Sender: {SARA}",
)
COMMANDS = (
    (SARA, "agree #1"), (SARA, "P3 #1 because few are hit"), (SARA, "decline #1: no"), (SARA, "resolve #1: done"),
    (SARA, "owner mallory@evil.example #1"), (SARA, "update #1: all is well"), (SARA, "duty carl@acme.example"),
    (BOB, "withdraw #1: no"), (BOB, "P0 #1"), (LENA, "unsubscribe"), ("mallory@acme.example", "subscribe"),
)  # fmt: skip


@contextmanager
def company(folder: Path, dovecot: servers.DovecotServer, postfix: servers.PostfixServer) -> Iterator[Chat]:
    """Mails come in by SMTP from a machine outside, pass Postfix and Dovecot, and are fetched by IMAP."""
    count = [0]

    def send(raw: bytes) -> None:
        count[0] += 1
        to_ = next(line[4:].decode() for line in raw.split(b"\r\n") if line.startswith(b"To: "))
        with smtplib.SMTP(postfix.host, postfix.port) as client:
            client.ehlo("evil.example")
            assert client.docmd("XCLIENT", "ADDR=192.0.2.66 NAME=evil.example")[0] == 220
            client.ehlo("evil.example")
            client.sendmail("mallory@evil.example", [to_], raw)
        with dovecot.login(ISSUES) as person:
            servers.wait_until(lambda: _arrived(person, count[0]), what=f"mail {count[0]}")

    def _arrived(person: IMAPClient, number: int) -> bool:
        status = [person.folder_status(name, ["MESSAGES"])[b"MESSAGES"] for name in ("INBOX", "Done")]
        return bool(sum(status) >= number)

    with talk(folder, dovecot.port, ISSUES, send, auth=AUTH) as chat:
        chat.app.until_idle()  # makes the done folder
        yield chat


def state(chat: Chat) -> list[object]:
    issue = chat.issue(1)
    return [issue.state, issue.priority, issue.owner, issue.unverified, audience.members(chat.app.store),
            chat.app.store.desk(), chat.app.store.one("SELECT COUNT(*) FROM outgoing WHERE broadcast")]  # fmt: skip


def test_forged_mail_by_a_plain_smtp_client_changes_nothing(
    tmp_path: Path, needs_postfix: None, dovecot: servers.DovecotServer
) -> None:
    """ "A real Postfix + Dovecot run in which forged mail by a plain SMTP client changes nothing"; what the triager
    then says by our own token, and confirms, does."""
    with (
        servers.postfix(transport=f"lmtp:inet:127.0.0.1:{dovecot.lmtp_port}") as postfix,
        company(tmp_path, dovecot, postfix) as chat,
    ):
        chat.subscribe(LENA)
        first = chat.sends(BOB, COMPLETE.format(priority="P1"), subject="Checkout is blank")
        assert chat.issue(1).unverified
        before = state(chat)
        for author, text in COMMANDS:
            raw = chat.writes(author, text, subject=text)
            chat.append("\r\n".join((*LIES, "")).encode() + raw)
        out = chat.settle()
        assert state(chat) == before
        assert not to(out, LENA, "PRIORITY")
        assert {level for _, _, level, _ in chat.app.store.journal(1)} == {"E0"}
        chat.after(days=1, hours=1, step=timedelta())  # the question that the forger caused has lapsed
        before = state(chat)
        asked = chat.answers(to(first, SARA, "[#1]")[0], "agree")
        assert state(chat) == before
        chat.answers(one(asked, SARA), "yes")
        assert state(chat) != before
        assert chat.issue(1).priority is not None
