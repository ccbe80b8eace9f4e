"""What the mailbox itself may do to us, and people in it, with a real Dovecot and into the database (trust.md 2, I4 to
I9, I12, I15)."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import servers
from chat import BOB, COMPLETE, Chat, talk_directly
from fleets import REPORT
from intakes import delivers, reader, report
from test_service import CONFIG

from triagemail.store.store import Store

MINUTE = timedelta(minutes=1)


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Chat]:
    with talk_directly(tmp_path) as made:
        yield made


# --- I4: made anew ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("old", [40, pytest.param(500, marks=pytest.mark.slow)])
def test_a_mailbox_that_was_made_anew_is_read_anew(
    dovecot: servers.DovecotServer, user: str, tmp_path: Path, old: int
) -> None:
    """I4: "Dovecot: delete + recreate + redeliver 500 old + 5 new: 5 new issues, 500 recorded duplicates", and one
    operator notice."""
    dovecot.doveadm("mailbox", "create", "-u", user, "Reports")
    save = filing(dovecot, user, "Reports")
    with reader(tmp_path, dovecot.port, user, imap={"folder": "Reports"}) as post:
        for n in range(old):
            save(report(n))
        post.until_read()
        post.work()
        assert post.issues() == old
        dovecot.doveadm("mailbox", "delete", "-u", user, "Reports")
        assert not post.turn()
        time.sleep(1.1)  # Dovecot makes a UIDVALIDITY of the clock's second
        dovecot.doveadm("mailbox", "create", "-u", user, "Reports")
        for n in range(old + 5):
            save(report(n))
        post.until_read()
        post.door.close()
        post.until_read()
        post.work()
        assert post.issues() == old + 5
        assert Counter(state for state, _, _ in post.inbox()) == {"done": old + 5, "silent": old}
        assert [(why, issue) for _, why, issue in post.inbox("silent")] == [
            (f"duplicate of {n}", n) for n in range(1, old + 1)
        ]
        assert sum("made anew" in subject for subject, _ in post.notices()) == 1


def filing(dovecot: servers.DovecotServer, user: str, folder: str) -> Callable[[bytes], object]:
    """Puts a mail into a folder, as a person's rule does."""

    def save(raw: bytes) -> None:
        with dovecot.login(user) as person:
            person.append(folder, raw)

    return save


# --- I5: deleted, renamed, closed, full -------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["deleted", "renamed"])
def test_a_folder_that_is_gone_is_told_and_never_made(
    dovecot: servers.DovecotServer, user: str, tmp_path: Path, what: str
) -> None:
    """I5: "degraded state, retry, operator notice in 5 min, exit code of `status` != 0; never creates a mailbox
    silently"; "doveadm mailbox delete; restore: backlog consumed after heal, 0 lost"."""
    dovecot.doveadm("mailbox", "create", "-u", user, "Reports")
    with reader(tmp_path, dovecot.port, user, imap={"folder": "Reports"}) as post:
        gone, again = {
            "deleted": (("delete", "-u", user, "Reports"), ("create", "-u", user, "Reports")),
            "renamed": (("rename", "-u", user, "Reports", "Old"), ("rename", "-u", user, "Old", "Reports")),
        }[what]
        dovecot.doveadm("mailbox", *gone)
        post.door.close()  # of a renamed folder Dovecot goes on to tell
        began = post.now
        post.turns(6 * MINUTE)
        assert [at - began < 5 * MINUTE for _, at in post.notices()] == [True]
        assert any("Reports" in risk for risk in post.risks())
        assert "Reports" not in dovecot.doveadm("mailbox", "list", "-u", user).split()
        time.sleep(1.1 if what == "deleted" else 0)
        dovecot.doveadm("mailbox", *again)
        filing(dovecot, user, "Reports")(report(1))
        assert post.until_read() <= MINUTE
        post.work()
        assert (post.issues(), post.risks()) == (1, ())


def test_a_full_mailbox_is_read_and_filed_when_there_is_room(needs_dovecot: None, user: str, tmp_path: Path) -> None:
    """I5: "quota rule 1 MB: backlog consumed after heal, 0 lost": where COPY needs room that there is not, mails are
    read all the same, the operator is told, and they are filed within a quarter of an hour after there is room."""
    with servers.dovecot(MODES["copy"], QUOTA) as dovecot, reader(tmp_path, dovecot.port, user) as post:
        for n in range(8):
            dovecot.deliver(user, report(n) + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 3_000)
        post.until_read()
        post.work()
        assert post.issues() == 8
        assert [("cannot be filed" in subject) for subject, _ in post.notices()] == [True]
        assert lying(dovecot, user) == 8
        config = dovecot.home / "dovecot.conf"
        config.write_text(config.read_text().replace("storage=1M", "storage=100M"))
        dovecot.doveadm("reload")
        post.turns(15 * MINUTE)
        post.work()
        assert lying(dovecot, user) == 0
        assert (post.issues(), post.app.told, len(post.inbox())) == (8, "", 8)


QUOTA = """
protocol imap {
  mail_plugins = quota imap_quota
}
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=1M
}
"""


def lying(dovecot: servers.DovecotServer, user: str) -> int:
    with dovecot.login(user) as person:
        return int(person.select_folder("INBOX", readonly=True)[b"EXISTS"])


# --- I6, I7, I8: which mails are the same ----------------------------------------------------------------------------


@pytest.mark.parametrize(("mails", "again"), [(60, 12), pytest.param(1_000, 50, marks=pytest.mark.slow)])
def test_duplicates_in_any_order_are_linked_to_their_issue(chat: Chat, mails: int, again: int) -> None:
    """I6: "1,000 + 50 duplicates in all orders: 1,000 issues, 50 links", "no new mail"."""
    chance = random.Random(6)
    raws = [REPORT.format(number=n, author=n).encode() for n in range(mails)]
    raws += chance.sample(raws, again)
    chance.shuffle(raws)
    for number, raw in enumerate(raws):
        chat.append(b"Received: by a.example; %d\r\n" % chance.randrange(10**9) + raw)
        if number % 150 == 0:  # more answers in ten minutes have a budget (L9)
            chat.app.until_idle(("work",))
            chat.clock.advance(10 * MINUTE)
    chat.app.until_idle(("work",))
    links = chat.app.store.all(
        "SELECT d.reason, d.issue, f.id, f.issue FROM inbox d JOIN inbox f ON d.reason = 'duplicate of ' || f.id"
    )
    assert len(links) == again
    assert all(link == first for _, link, _, first in links)
    assert chat.app.store.one("SELECT COUNT(*) FROM issue")[0] == mails
    sent = dict(chat.app.store.all("SELECT template, COUNT(*) FROM outgoing GROUP BY template"))
    assert (sent["triage"], sent["received"]) == (mails, mails), "the triager and the reporter, each once"


def test_one_message_id_of_two_reports_is_no_duplicate(chat: Chat) -> None:
    """I7: "two different reports, one Message-ID: 2 issues", flagged `msgid-collision`: another From, another Date."""
    for head in ("From: bob@acme.example\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000",
                 "From: anna@acme.example\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000",
                 "From: bob@acme.example\r\nDate: Mon, 23 Nov 2026 09:05:00 +0000"):  # fmt: skip
        text = COMPLETE.format(priority="P2").replace("\n", "\r\n")
        chat.append(f"{head}\r\nSubject: Slow\r\nMessage-ID: <template@client.example>\r\n\r\n{text}".encode())
    chat.settle()
    assert chat.inbox() == [
        ("done", "FileReport"),
        ("done", "FileReport, msgid-collision with 1"),
        ("done", "FileReport, msgid-collision with 1"),
    ]
    assert chat.app.store.one("SELECT COUNT(*) FROM issue")[0] == 3


def test_a_forged_copy_that_came_first_does_not_hide_the_true_report(tmp_path: Path) -> None:
    """I7: "spoofed From first: the true report still opens an issue", even with the same Message-ID, From and Date."""
    own = {"profile": "own", "trusted_authserv_id": ("mx.acme.example",), "trusted_received_by": ("mx.acme.example",)}
    with talk_directly(tmp_path, auth=own) as chat:
        raw = chat.writes(BOB, COMPLETE.format(priority="P2"), subject="Shop is slow")
        verdict = b"Authentication-Results: mx.acme.example; dmarc=%s header.from=acme.example\r\n"
        chat.append(verdict % b"fail" + raw.replace(b"checkout page", b"forged page"))
        chat.append(verdict % b"pass" + raw)
        chat.append(verdict % b"pass" + raw)
        chat.settle()
        (state, why), *true = chat.inbox()
        assert (state, why.partition(":")[0]) == ("held", "spoof-suspect")
        assert true == [("done", "FileReport, msgid-collision with 1"), ("silent", "duplicate of 2")]
        assert "forged" not in repr(chat.issue(1))


@pytest.mark.parametrize(
    "field",
    [
        b"",
        b"Message-ID:\r\n",
        b"Message-ID: <>\r\n",
        b"Message-ID: <" + b"a" * 10_000 + b"@x.example>\r\n",
        b"Message-ID: <\xc3\xa9@x.example>\r\n",
        b"Message-ID: two words\r\n",
    ],
)
def test_a_mail_without_a_usable_id_is_processed_once_when_it_comes_twice(chat: Chat, field: bytes) -> None:
    """I8: "key = sha256(raw without trace headers)"; "6 fixtures, each processed once when delivered twice": each
    delivery writes other trace fields, folded ones too."""
    raw = b"From: bob@acme.example\r\n" + field + b"Subject: Slow\r\n\r\n" + COMPLETE.format(priority="P2").encode()
    for number, other in ((1, b""), (2, b""), (3, b"It is another one.\r\n")):
        trace = b"Return-Path: <b%d@acme.example>\r\nReceived: from a (a [192.0.2.%d])\r\n\tby mx; id %d\r\n"
        chat.append(trace % (number, number, number) + raw + other)
    chat.settle()
    assert [state for state, _ in chat.inbox()] == ["done", "silent", "done"]
    assert chat.inbox()[1] == ("silent", "duplicate of 1")


# --- I9: people in the mailbox ---------------------------------------------------------------------------------------


def test_what_people_do_in_the_mailbox_hides_no_report(
    dovecot: servers.DovecotServer, user: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    r"""I9: "mark 200 of 400 \Seen before the poll: 400 processed"; "deletion before fetch is the human's act, logged by
    a UID gap counter"."""
    with reader(tmp_path, dovecot.port, user, idle=False) as post:
        dovecot.deliver(user, report(0))
        post.until_read()
        delivers(dovecot.deliver, user, range(1, 404))
        with dovecot.login(user) as person:
            person.select_folder("INBOX")
            uids = person.search("ALL")
            person.add_flags(uids[:200], [rb"\Seen"])
            person.add_flags(uids[100:150], [rb"\Flagged", rb"\Answered"])
            person.delete_messages(uids[5:8])
            person.expunge(uids[5:8])
        capsys.readouterr()
        post.until_read()
        assert len(post.inbox()) == 401
        said = [line for line in capsys.readouterr().err.splitlines() if "event=uid-gap" in line]
        assert ["missing=3 in_all=3" in line for line in said] == [True]


# --- I12: too big ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [40, pytest.param(200, marks=pytest.mark.slow)])
def test_a_huge_mail_costs_its_header(
    dovecot: servers.DovecotServer, user: str, tmp_path: Path, sink: servers.Sink, size: int
) -> None:
    """I12: "200 MB append: RSS < 150 MB, issue event `too-large`, next mail processed"."""
    text = CONFIG.format(imap=dovecot.port, smtp=sink.port, user=user, password=servers.PASSWORD, poll="60s", more="")
    (tmp_path / "config.toml").write_text(text)
    (tmp_path / "triagemail.keys").write_text(f"a {'ab' * 32}\n")
    path = dovecot.deliver(user, report(1))
    with path.open("ab") as file:
        for _ in range(size):
            file.write((b"x" * 98 + b"\r\n") * 10_486)
    dovecot.deliver(user, report(2))
    tool = [sys.executable, "-c", MEASURED, "--config", str(tmp_path / "config.toml"), "run", "--until-idle"]
    ran = subprocess.run(tool, capture_output=True, text=True, timeout=100, check=False)
    peak = int(ran.stdout.split()[-1])
    assert ran.returncode == 0, ran.stderr
    assert peak < 150_000, f"{peak} kB"
    store = Store(f"sqlite:///{tmp_path}/t.db")
    found = store.all("SELECT state, reason FROM inbox ORDER BY id")
    store.close()
    assert found == [("held", "too-large"), ("done", "FileReport")]


MEASURED = """
from pathlib import Path
from triagemail.cli import main
try:
    main()
finally:  # its own peak in kB; ru_maxrss would be that of pytest, which it was forked from
    print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


# --- I15: servers that can less --------------------------------------------------------------------------------------

MODES = {"move": "", "copy": "IMAP4rev1 SASL-IR IDLE UIDPLUS LITERAL+", "stay": "IMAP4rev1 SASL-IR IDLE LITERAL+"}


@pytest.mark.parametrize("mails", [60, pytest.param(1_000, marks=pytest.mark.slow)])
def test_three_kinds_of_servers_come_to_the_same(
    needs_dovecot: None, new_user: Callable[[], str], tmp_path: Path, mails: int
) -> None:
    """I15: "Dovecot with capabilities cut: same 1,000-mail result in 3 modes"; a new connection reads nothing again."""
    found = {}
    for mode, capability in MODES.items():
        folder, user = tmp_path / mode, new_user()
        folder.mkdir()
        with servers.dovecot(capability) as dovecot, reader(folder, dovecot.port, user) as post:
            post.until_read()
            assert post.door.opened is not None
            assert post.door.opened.filing == mode
            delivers(dovecot.deliver, user, range(mails))
            post.until_read()
            post.door.close()
            dovecot.deliver(user, report(mails))
            post.until_read()
            post.until_read()
            post.work()
            rows = "SELECT number, state, priority, reporter FROM issue ORDER BY number"
            found[mode] = (post.inbox(), post.app.store.all(rows), post.risks())
            assert lying(dovecot, user) == (mails + 1 if mode == "stay" else 0)
    assert found["move"] == found["copy"] == found["stay"]
    assert len(found["move"][1]) == mails + 1
