"""Kill -9 at every named step: no mail is lost, no decision is doubled (trust.md R1-R3, D2)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import servers
from chat import BOB, COMPLETE, SARA, Out
from imapclient import IMAPClient

from triagemail.doors import imapd
from triagemail.failpoints import STEPS
from triagemail.store.store import Store

CONNECTIONS = 4  # to the relay, by default
READERS = ("lena@acme.example", "tom@acme.example", "kim@acme.example")
CONFIG = """
[mail]
address = "issues@acme.example"
operator = "ops@acme.example"
[imap]
port = {imap}
tls = "none"
user = "issues"
password = "secret"
[smtp]
port = {smtp}
tls = "none"
[people]
triagers = ["sara@acme.example"]
[hours]
days = "Mon-Sun"
from = "00:00"
to = "23:59"
[reminder]
gaps = "1s"
[store]
url = "sqlite:///t.db"
"""


class Service:
    """`triagemail run --until-idle` as a process of its own, between an IMAP server and an SMTP sink."""

    def __init__(self, folder: Path, imap: imapd.ImapServer, sink: servers.Sink) -> None:
        self.folder, self.imap, self.sink = folder, imap, sink
        (folder / "config.toml").write_text(CONFIG.format(imap=imap.port, smtp=sink.port))
        (folder / "triagemail.keys").write_text(f"a {'ab' * 32}\n")
        self.command("subscribers", "add", *READERS)

    def command(self, *argv: str, fail: str = "") -> int:
        environment = {**os.environ, "TM_FAIL": fail, "TRIAGEMAIL_LOG": "error"}
        tool = [sys.executable, "-m", "triagemail", "--config", str(self.folder / "config.toml")]
        return subprocess.run([*tool, *argv], env=environment, timeout=60, check=False, capture_output=True).returncode

    def run(self, fail: str = "") -> int:
        return self.command("run", "--until-idle", fail=fail)

    def arrives(self, author: str, text: str, number: int, *, answering: Out | None = None) -> None:
        to = answering.reply_to if answering else "issues@acme.example"
        head = f"From: {author}\r\nTo: {to}\r\nSubject: Mail {number}\r\nMessage-ID: <{number}@client.example>\r\n"
        head += f"Date: Mon, 23 Nov 2026 09:00:{number:02d} +0000\r\nContent-Type: text/plain; charset=utf-8\r\n"
        self.imap.append("issues", (head + "\r\n" + text.replace("\n", "\r\n")).encode())

    def left(self) -> int:
        """How many mails lie in the mailbox's folder."""
        with IMAPClient("127.0.0.1", self.imap.port, ssl=False) as client:
            client.login("issues", servers.PASSWORD)
            return int(client.select_folder("INBOX")[b"EXISTS"])

    def sent(self) -> list[Out]:
        return [Out.parse(rcpt, mail_from, raw) for rcpt, raw, mail_from in self.sink.mails]

    def rows(self, query: str) -> list[tuple[object, ...]]:
        store = Store(f"sqlite:///{self.folder}/t.db")
        found = store.all(query)
        store.close()
        return found


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    imap = imapd.start({"issues": servers.PASSWORD})
    try:
        with servers.sink() as sink:
            yield Service(tmp_path, imap, sink)
    finally:
        imap.stop()


def play(service: Service, fail: str) -> list[int]:
    """A P0 is agreed and announced, a draft is reminded; the process dies at the step wherever the step comes by."""
    codes = []

    def run() -> None:
        code = service.run(fail)
        codes.append(code)
        if code:
            codes.append(service.run())

    service.arrives(BOB, COMPLETE.format(priority="P0"), 1)
    service.arrives(BOB, "What is happening? Something is odd.\nPriority: P3", 2)
    run()
    triage = next(m for m in service.sent() if m.to == SARA)
    service.arrives(SARA, "agree", 3, answering=triage)
    service.arrives(BOB, COMPLETE.format(priority="P2"), 4)
    time.sleep(1.1)  # the reminder of the draft is due in real time
    run()
    service.run()
    return codes


@pytest.mark.parametrize(
    "step",  # those of LMTP have a test of their own: tests/test_lmtp.py
    [*(name for name in STEPS if "lmtp" not in name), "after_250:3", "after_record_commit:4"],
)
def test_a_kill_at_any_step_loses_nothing_and_doubles_no_decision(service: Service, step: str) -> None:
    """Crash at every named step, each exactly once: 0 lost, 0 doubled; only a crash while mails are on their way may
    send one mail a connection twice (trust.md R3), with the same bytes."""
    codes = play(service, step)
    assert 9 in codes, f"the step {step} never came by: {codes}"
    assert [c for c in codes if c not in (0, 9)] == []
    assert service.rows("SELECT state, COUNT(id) FROM inbox GROUP BY state") == [("done", 4)]
    assert service.left() == 0, "a mail was taken and never filed"
    assert service.rows("SELECT number, state FROM issue ORDER BY number") == [(1, "open"), (2, "draft"), (3, "triage")]
    events = Counter(service.rows("SELECT issue, type FROM event WHERE author <> 'operator'"))
    once = {k: n for k, n in events.items() if n > 1}
    assert once == {}, f"a decision was doubled: {once}"
    assert (2, "ReporterReminded") in events
    deliveries = service.rows("SELECT DISTINCT state FROM delivery")
    assert deliveries == [("sent",)]
    mails = Counter((m.to, m.message_id) for m in service.sent())
    assert len(mails) == service.rows("SELECT COUNT(id) FROM delivery")[0][0]
    broadcast = [m for m in service.sent() if m.subject.startswith("PRIORITY 0 ISSUE: ")]
    assert {m.to for m in broadcast} == {*READERS, BOB, SARA}
    twice = {key: n for key, n in mails.items() if n > 1}
    sending = step.startswith(("after_250", "after_record_commit"))
    allowed = codes.count(9) * CONNECTIONS if sending else 0
    assert sum(n - 1 for n in twice.values()) <= allowed, twice
    for key in twice:
        assert len({m.raw for m in service.sent() if (m.to, m.message_id) == key}) == 1


def test_a_mail_that_kills_the_process_is_held_after_three_strikes(service: Service) -> None:
    """D11: the strike is committed before parsing; three strikes, then held, and the mail behind it goes through."""
    service.arrives(BOB, "poison", 1)
    for _ in range(3):
        assert service.run("after_claim") == 9
    service.arrives(BOB, COMPLETE.format(priority="P2"), 2)
    assert service.run() == 0
    assert service.rows("SELECT state, reason FROM inbox ORDER BY id") == [
        ("held", "three strikes: it ended the process"),
        ("done", "FileReport"),
    ]
    assert [m.to for m in service.sent() if "Held" in m.subject] == ["ops@acme.example"]
