"""The IMAP door against a real Dovecot, pymap, a bad network, and servers that say odd things."""

from __future__ import annotations

import base64
import gc
import random
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import faults
import pytest
import servers

from triagemail.doors import imapd
from triagemail.doors.imap import Fetched, ImapSettings, Mailbox, MailboxLost, MailboxRefused, Opened

GREETING = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN MOVE UIDPLUS IDLE] ready\r\n"


def mail(number: int, size: int = 0, message_id: str = "") -> bytes:
    body = ("x" * 70 + "\r\n") * (size // 72 + 1)
    head = (
        f"Message-ID: {message_id or f'<{number}@acme.example>'}\r\nSubject: number {number}\r\nFrom: sara@acme.example"
    )
    return f"{head}\r\n\r\nReport {number}\r\n{body}".encode()


def settings_for(server: object, user: str, **rest: object) -> ImapSettings:
    values = {"host": "127.0.0.1", "tls": "none", "user": user, "password": servers.PASSWORD, "timeout_read": 5.0}
    return ImapSettings(port=server.port, **{**values, **rest})  # type: ignore[attr-defined,arg-type]


@pytest.fixture
def opened() -> Iterator[Callable[..., Mailbox]]:
    """Connects mailboxes and closes them after the test."""
    mailboxes: list[Mailbox] = []

    def connect(server: object, user: str = "x", **rest: object) -> Mailbox:
        mailbox = Mailbox(settings_for(server, user, **rest))
        mailboxes.append(mailbox)
        mailbox.connect()
        return mailbox

    yield connect
    for mailbox in mailboxes:
        mailbox.close()


Connect = Callable[..., Mailbox]


def fetched(mailbox: Mailbox, after: int = 0) -> list[Fetched]:
    return [one for batch in mailbox.fetch_new(after) for one in batch]


# --- reading ---------------------------------------------------------------------------------------------------------


def test_new_mails_come_whole_in_order_and_with_their_time_of_arrival(
    dovecot: servers.DovecotServer, user: str, opened: Connect
) -> None:
    """I1, T4: the mail is read as it is; arrival is INTERNALDATE in UTC, whatever the Date header says."""
    raws = [mail(n) for n in range(3)]
    for n, raw in enumerate(raws):
        dovecot.deliver(user, raw, arrived=1_700_000_000 + n)
    mails = fetched(opened(dovecot, user))
    assert [m.raw for m in mails] == raws
    assert [m.uid for m in mails] == [1, 2, 3]
    assert [m.size for m in mails] == [len(raw) for raw in raws]
    assert mails[1].arrived == datetime.fromtimestamp(1_700_000_001, UTC)
    assert mails[1].arrived.utcoffset() is not None


def test_the_demos_own_server_is_read_the_same_way(pymap: imapd.ImapServer, opened: Connect) -> None:
    """I7: one door for every server; pymap stores no keyword and needs none."""
    for n in range(3):
        pymap.append("user1", mail(n))
    mailbox = opened(pymap, "user1")
    mails = fetched(mailbox)
    assert [m.raw for m in mails] == [mail(n) for n in range(3)]
    assert mailbox.done([mails[0].uid]) is True
    assert [m.uid for m in fetched(mailbox)] == [mails[1].uid, mails[2].uid]


def test_only_mails_above_the_cursor_are_read(dovecot: servers.DovecotServer, user: str, opened: Connect) -> None:
    """M6: `UID 9:*` names the last mail even when its UID is lower; the door filters uid > cursor."""
    for n in range(3):
        dovecot.deliver(user, mail(n))
    mailbox = opened(dovecot, user)
    assert [m.uid for m in fetched(mailbox, 1)] == [2, 3]
    assert fetched(mailbox, 3) == []
    assert fetched(mailbox, 99) == []


def test_a_look_over_a_kept_connection_sees_what_came_since(
    dovecot: servers.DovecotServer, user: str, opened: Connect
) -> None:
    """I2: poll regardless: Dovecot searches the state that it last told us of, so a NOOP goes before the search."""
    mailbox = opened(dovecot, user)
    for n in range(3):
        assert len(fetched(mailbox)) == n
        dovecot.deliver(user, mail(n))
    assert len(fetched(mailbox)) == 3


def test_arrival_does_not_depend_on_the_hosts_time_zone(
    dovecot: servers.DovecotServer, user: str, opened: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I11 of libraries.md: the library would give INTERNALDATE as naive local time."""
    dovecot.deliver(user, mail(1), arrived=1_700_000_000)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        (one,) = fetched(opened(dovecot, user))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert one.arrived == datetime.fromtimestamp(1_700_000_000, UTC)


def test_reading_marks_nothing(dovecot: servers.DovecotServer, user: str, opened: Connect) -> None:
    r"""M8: BODY.PEEK leaves \Seen off; I9: a mail that a person has read is a new mail all the same."""
    for n in range(3):
        dovecot.deliver(user, mail(n))
    with dovecot.login(user) as person:
        person.select_folder("INBOX")
        person.add_flags([2], [rb"\Seen"])
    assert len(fetched(opened(dovecot, user))) == 3
    with dovecot.login(user) as person:
        person.select_folder("INBOX", readonly=True)
        assert person.search("SEEN") == [2]


def test_batches_are_bounded_by_bytes_and_by_count(dovecot: servers.DovecotServer, user: str, opened: Connect) -> None:
    """Sizes are asked first (I12), so a batch holds at most batch_bytes, and one big mail travels alone."""
    sizes = [1_000, 1_000, 50_000, 1_000, 1_000, 1_000]
    for n, size in enumerate(sizes):
        dovecot.deliver(user, mail(n, size))
    by_bytes = opened(dovecot, user, batch_bytes=10_000)
    assert [[m.uid for m in batch] for batch in by_bytes.fetch_new(0)] == [[1, 2], [3], [4, 5, 6]]
    by_count = opened(dovecot, user, batch_count=4)
    assert [len(batch) for batch in by_count.fetch_new(0)] == [4, 2]


def test_of_a_mail_over_the_limit_only_the_header_travels(
    dovecot: servers.DovecotServer, user: str, opened: Connect
) -> None:
    """I12: RFC822.SIZE first; over the limit headers only; the next mail is processed."""
    dovecot.deliver(user, mail(1, 8_000_000))
    dovecot.deliver(user, mail(2))
    with faults.fault_proxy(dovecot.port) as proxy:
        large, small = fetched(opened(proxy, user, max_size=1_000_000))
        assert proxy.received < 10_000
    assert large.too_large
    assert large.size > 8_000_000
    assert large.raw == mail(1).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert small.raw == mail(2)


def test_a_header_without_end_is_cut(dovecot: servers.DovecotServer, user: str, opened: Connect) -> None:
    """C3: a header block counts up to 256 KiB; of a mail over the limit no more than that is read."""
    dovecot.deliver(user, b"".join(b"X-%06d: %s\r\n" % (n, b"y" * 80) for n in range(20_000)) + b"\r\nbody\r\n")
    (large,) = fetched(opened(dovecot, user, max_size=1_000_000))
    assert large.too_large
    assert large.raw is not None
    assert len(large.raw) == 256 * 1024


def test_a_server_that_understates_a_size_gets_no_large_mail_past_the_limit(opened: Connect) -> None:
    """I12: the limit holds for what arrived, not only for what was announced."""
    raw = mail(1, 5_000)
    rows: dict[bytes, faults.Answer] = {
        b"UID SEARCH": [b"* SEARCH 1"],
        b"UID FETCH": lambda command: (
            [b"* 1 FETCH (UID 1 RFC822.SIZE 10)"]
            if b"RFC822.SIZE" in command
            else [b"* 1 FETCH (UID 1 BODY[] {%d}\r\n%s)" % (len(raw), raw)]
        ),
    }
    with faults.scripted(GREETING, faults.imap_script(rows)) as server:
        (large,) = fetched(opened(server, max_size=2_000))
    assert (large.too_large, large.size) == (True, len(raw))
    assert large.raw == raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


def test_a_mail_deleted_before_the_fetch_is_reported_as_gone(
    dovecot: servers.DovecotServer, user: str, opened: Connect
) -> None:
    """I9, I6 of libraries.md: a UID that vanished is no error; the caller passes it and goes on."""
    for n in range(4):
        dovecot.deliver(user, mail(n))
    mailbox = opened(dovecot, user, batch_count=1)
    batches = mailbox.fetch_new(0)
    assert next(batches)[0].uid == 1
    with dovecot.login(user) as person:
        person.select_folder("INBOX")
        person.delete_messages([2, 3])
        person.expunge([2, 3])
    rest = [one for batch in batches for one in batch]
    assert [(m.uid, m.gone, m.raw is None) for m in rest] == [(2, True, True), (3, True, True), (4, False, False)]
    assert mailbox.done([1, 2, 3, 4]) is True


@pytest.mark.parametrize("row", [b"BODY[] NIL", b"FLAGS (\\Recent)"])
def test_a_mail_that_the_server_lists_but_does_not_hand_out_is_not_gone(row: bytes, opened: Connect) -> None:
    """I6 of libraries.md: BODY[] may be NIL or missing; that mail exists: it is to be held, not passed in silence."""
    rows: dict[bytes, faults.Answer] = {
        b"UID SEARCH": [b"* SEARCH 1"],
        b"UID FETCH": lambda command: [
            b"* 1 FETCH (UID 1 RFC822.SIZE 10)" if b"RFC822.SIZE" in command else b"* 1 FETCH (UID 1 %s)" % row
        ],
    }
    with faults.scripted(GREETING, faults.imap_script(rows)) as server:
        (one,) = fetched(opened(server))
    assert (one.raw, one.gone, one.too_large, one.size) == (None, False, False, 10)


def test_a_mailbox_of_160000_new_mails_is_listed(opened: Connect) -> None:
    """I4 of libraries.md: the answer to SEARCH is one line, here 1.1 MB; imaplib alone gives up at 1,000,000 bytes."""
    uids = range(1_000_001, 1_160_001)
    rows: dict[bytes, faults.Answer] = {
        b"UID SEARCH": [b"* SEARCH " + b" ".join(b"%d" % uid for uid in uids)],
        b"UID FETCH": lambda command: [
            b"* 1 FETCH (UID %s RFC822.SIZE 3 BODY[] {3}\r\nabc)" % uid for uid in command.split()[2].split(b",")
        ],
    }
    with faults.scripted(GREETING, faults.imap_script(rows)) as server:
        batch = next(opened(server).fetch_new(0))
    assert [m.uid for m in batch] == list(uids[:100])


def test_a_recreated_folder_has_another_uidvalidity(dovecot: servers.DovecotServer, user: str, opened: Connect) -> None:
    """I4: a folder that was deleted and made again is seen as another one; the open connection ends."""
    dovecot.doveadm("mailbox", "create", "-u", user, "Reports")
    mailbox = opened(dovecot, user, folder="Reports")
    before = mailbox.uidvalidity
    dovecot.doveadm("mailbox", "delete", "-u", user, "Reports")
    with pytest.raises(MailboxLost):
        mailbox.noop()
    time.sleep(1.1)  # Dovecot makes a UIDVALIDITY of the clock's second
    dovecot.doveadm("mailbox", "create", "-u", user, "Reports")
    assert mailbox.connect().uidvalidity != before


# --- filing ----------------------------------------------------------------------------------------------------------

WITHOUT_MOVE = "IMAP4rev1 SASL-IR IDLE UIDPLUS LITERAL+"
WITHOUT_BOTH = "IMAP4rev1 SASL-IR IDLE LITERAL+"


@pytest.mark.parametrize(
    ("capability", "filing", "words"),
    [("", "move", b"UID MOVE"), (WITHOUT_MOVE, "copy", b"UID COPY"), (WITHOUT_BOTH, "stay", b"")],
)
def test_done_mails_are_filed_as_well_as_the_server_can(
    needs_dovecot: None, user: str, opened: Connect, capability: str, filing: str, words: bytes
) -> None:
    """I15: MOVE, else COPY + STORE + UID EXPUNGE, else they stay; the same mails are read in all three modes."""
    with servers.dovecot(capability) as dovecot, faults.fault_proxy(dovecot.port) as proxy:
        for n in range(4):
            dovecot.deliver(user, mail(n))
        mailbox = opened(proxy, user)
        assert mailbox.opened is not None
        assert mailbox.opened.filing == filing
        assert len(fetched(mailbox)) == 4
        assert mailbox.done([1, 3]) is (filing != "stay")
        assert bool(mailbox.trouble) is (filing == "stay")
        left = [2, 4] if filing != "stay" else [1, 2, 3, 4]
        assert [m.uid for m in fetched(mailbox)] == left
        mailbox.close()
        assert words in proxy.sent
        with dovecot.login(user) as person:
            assert person.select_folder("Done")[b"EXISTS"] == (2 if filing != "stay" else 0)


def test_filing_never_removes_what_a_person_marked(needs_dovecot: None, user: str, opened: Connect) -> None:
    r"""I15: with UID EXPUNGE only our own mails go; a person's \Deleted mail stays until that person expunges."""
    with servers.dovecot(WITHOUT_MOVE) as dovecot:
        for n in range(3):
            dovecot.deliver(user, mail(n))
        with dovecot.login(user) as person:
            person.select_folder("INBOX")
            person.delete_messages([2])
        mailbox = opened(dovecot, user)
        mailbox.done([1])
        assert [m.uid for m in fetched(mailbox)] == [2, 3]


def test_the_done_folder_is_made_once_and_said(dovecot: servers.DovecotServer, user: str, opened: Connect) -> None:
    """I5: the folder that the config names for done mails is made at connect, and connect says so."""
    first, second = opened(dovecot, user).opened, opened(dovecot, user).opened
    assert first is not None
    assert second is not None
    assert (first.made_done_folder, second.made_done_folder) == (True, False)
    without = opened(dovecot, user, done_folder="")
    assert without.opened is not None
    assert (without.opened.filing, without.trouble) == ("stay", "")
    assert without.done([1]) is False


def test_a_missing_folder_is_refused_and_never_made(dovecot: servers.DovecotServer, user: str) -> None:
    """I5: never creates a mailbox silently: a typo in the config is told, not answered with an empty folder."""
    with pytest.raises(MailboxRefused, match="Reprots"):
        Mailbox(settings_for(dovecot, user, folder="Reprots")).connect()
    assert "Reprots" not in dovecot.doveadm("mailbox", "list", "-u", user)


def test_a_done_folder_that_cannot_be_made_does_not_stop_the_reading(opened: Connect) -> None:
    """Filing is tidiness; reports are read all the same, and `trouble` tells the operator why nothing is filed."""
    rows = {b"LIST": [], b"CREATE": [b"TAG NO [NOPERM] not in here"], b"UID SEARCH": [b"* SEARCH"]}
    with faults.scripted(GREETING, faults.imap_script(rows)) as server:
        mailbox = opened(server)
        assert mailbox.done([1]) is False
        assert "[NOPERM] not in here" in mailbox.trouble
        assert fetched(mailbox) == []


def test_a_full_done_folder_ends_the_filing_and_not_the_link(opened: Connect) -> None:
    """I5, quota full: the server's no to MOVE is kept for the operator; reading goes on over the same connection."""
    rows = {b"UID MOVE": [b"TAG NO [OVERQUOTA] Quota exceeded"]}
    with faults.scripted(GREETING, faults.imap_script(rows)) as server:
        mailbox = opened(server)
        assert mailbox.done([1]) is False
        assert "[OVERQUOTA]" in mailbox.trouble
        assert fetched(mailbox) == []
        assert server.connections == 1


def test_a_read_only_folder_is_read(opened: Connect) -> None:
    """I5, permission gone: a folder that may only be read is read; its mails stay."""
    rows: dict[bytes, faults.Answer] = {
        b"SELECT": [b"* FLAGS ()", b"* 0 EXISTS", b"* OK [UIDVALIDITY 7] x", b"TAG OK [READ-ONLY] done"],
        b"EXAMINE": [b"* FLAGS ()", b"* 0 EXISTS", b"* OK [UIDVALIDITY 7] x", b"TAG OK [READ-ONLY] done"],
    }
    with faults.scripted(GREETING, faults.imap_script(rows)) as server:
        mailbox = opened(server)
        assert mailbox.opened == Opened(7, 0, "stay", True, False, "folder INBOX is read-only")


# --- waiting ---------------------------------------------------------------------------------------------------------


def test_a_new_mail_ends_the_wait(dovecot: servers.DovecotServer, user: str, opened: Connect) -> None:
    """I2: IDLE tells at once where the server has it."""
    mailbox = opened(dovecot, user)
    assert fetched(mailbox) == []
    timer = threading.Timer(0.2, dovecot.deliver, (user, mail(1)))
    timer.start()
    assert mailbox.wait(20) is True
    assert len(fetched(mailbox)) == 1


def test_a_mail_between_the_last_search_and_idle_is_not_slept_over(
    dovecot: servers.DovecotServer, user: str, opened: Connect
) -> None:
    """I2: its notice comes in one packet with the answer to IDLE, where polling the socket cannot see it."""
    mailbox = opened(dovecot, user)
    for n in range(5):
        assert len(fetched(mailbox)) == n
        dovecot.deliver(user, mail(n))
        assert mailbox.wait(20) is True


def test_a_notice_inside_another_answer_is_not_slept_over(opened: Connect) -> None:
    """I2: `* 1 EXISTS` may come with the answer to the last SEARCH; no IDLE repeats it."""
    rows = {b"UID SEARCH": [b"* SEARCH", b"* 1 EXISTS"]}
    with faults.scripted(GREETING, faults.imap_script(rows)) as server:
        mailbox = opened(server)
        assert fetched(mailbox) == []
        assert mailbox.wait(20) is True
        assert b"IDLE" not in b"".join(server.lines)


def test_a_person_who_reads_mail_does_not_end_the_wait(
    dovecot: servers.DovecotServer, user: str, opened: Connect
) -> None:
    """I9: flags are not our business, not even as a wake-up."""
    dovecot.deliver(user, mail(1))
    mailbox = opened(dovecot, user)
    assert len(fetched(mailbox)) == 1
    with dovecot.login(user) as person:
        person.select_folder("INBOX")
        timer = threading.Timer(0.1, person.add_flags, ([1], [rb"\Seen"]))
        timer.start()
        assert mailbox.wait(1.5) is False
        timer.join()


def test_the_callers_event_ends_the_wait(dovecot: servers.DovecotServer, user: str, opened: Connect) -> None:
    """O5: SIGTERM must not wait for IDLE's end; with and without IDLE."""
    wake = threading.Event()
    timer = threading.Timer(0.1, wake.set)
    timer.start()
    started = time.monotonic()
    assert opened(dovecot, user).wait(60, wake) is False
    assert opened(dovecot, user, idle=False).wait(60, wake) is False
    assert time.monotonic() - started < 30
    timer.join()


def test_a_server_without_idle_is_waited_for_in_silence(needs_dovecot: None, user: str, opened: Connect) -> None:
    """I2: IDLE is a hint only; without it wait() lets the time pass and asks, and the next look finds the mail."""
    with servers.dovecot("IMAP4rev1 SASL-IR UIDPLUS MOVE LITERAL+") as dovecot:
        mailbox = opened(dovecot, user)
        assert mailbox.wait(0.05) is False
        dovecot.deliver(user, mail(1))
        assert mailbox.wait(0.05) is True
        assert len(fetched(mailbox)) == 1


def test_noop_tells_of_a_new_mail(dovecot: servers.DovecotServer, user: str, opened: Connect) -> None:
    """A NOOP shows that the link lives, and what came."""
    mailbox = opened(dovecot, user)
    assert mailbox.noop() is False
    dovecot.deliver(user, mail(1))
    servers.wait_until(mailbox.noop, what="the notice")


# --- a bad network ---------------------------------------------------------------------------------------------------


def test_a_link_cut_anywhere_in_a_fetch_loses_nothing(dovecot: servers.DovecotServer, user: str) -> None:
    r"""I1: cuts at 20 random offsets while 50 mails are read: each is read once the link is back, none is \Seen."""
    for n in range(50):
        dovecot.deliver(user, mail(n, 300 * (n % 7)))
    chance = random.Random(1)
    seen: list[bytes | None] = []
    cursor, cuts = 0, 0
    with faults.fault_proxy(dovecot.port) as proxy:
        mailbox = Mailbox(settings_for(proxy, user, batch_count=7))
        while len(seen) < 50:
            proxy.cut_after = chance.randrange(200, 12_000) if cuts < 20 else None
            try:
                mailbox.connect()
                for batch in mailbox.fetch_new(cursor):
                    seen += [one.raw for one in batch]
                    cursor = batch[-1].uid
            except MailboxLost:
                cuts += 1
        mailbox.close()
    assert cuts >= 15
    assert seen == [mail(n, 300 * (n % 7)) for n in range(50)]
    with dovecot.login(user) as person:
        person.select_folder("INBOX", readonly=True)
        assert person.search("SEEN") == []


def test_a_black_hole_in_idle_ends_after_the_timeouts(dovecot: servers.DovecotServer, user: str) -> None:
    """I2: a link that died in silence is noticed when the wait and the read timeout end; 20 rounds, no thread left."""
    threads = threading.active_count()
    with faults.fault_proxy(dovecot.port) as proxy:
        for n in range(20):
            proxy.heal()
            mailbox = Mailbox(settings_for(proxy, user, timeout_read=0.2 if n else 0.5))
            mailbox.connect()
            timer = threading.Timer(0.02, setattr, (proxy, "black", True))
            timer.start()
            with pytest.raises(MailboxLost):
                mailbox.wait(0.05)
            timer.join()
        proxy.heal()
        dovecot.deliver(user, mail(1))
        mailbox.connect()
        assert len(fetched(mailbox)) == 1
        mailbox.close()
    servers.wait_until(lambda: threading.active_count() <= threads, what="the end of the proxy's threads")


def test_a_server_that_hangs_up_in_idle_is_noticed_without_spinning(dovecot: servers.DovecotServer, user: str) -> None:
    """I3, M7: a closed link ends the wait in MailboxLost at once, and costs no CPU (idle_check() would spin on it)."""
    with faults.fault_proxy(dovecot.port) as proxy:
        for _ in range(20):
            mailbox = Mailbox(settings_for(proxy, user))
            mailbox.connect()
            timer = threading.Timer(0.02, proxy.drop)
            timer.start()
            started, cpu = time.monotonic(), time.thread_time()
            with pytest.raises(MailboxLost):
                mailbox.wait(30)
            assert time.monotonic() - started < 15
            assert time.thread_time() - cpu < 0.5
            timer.join()


def test_goodbye_in_idle_is_the_end_of_the_link(opened: Connect) -> None:
    """I3: `* BYE` in IDLE means reconnect, also when the connection stays open for a while."""
    rows = {b"IDLE": [b"+ idling", b"* BYE going down for lunch", b"TAG OK done"]}
    with faults.scripted(GREETING, faults.imap_script(rows)) as server:
        mailbox = opened(server)
        with pytest.raises(MailboxLost, match="BYE"):
            mailbox.wait(20)


def test_a_server_that_ends_every_idle_at_once_does_not_make_us_spin(opened: Connect) -> None:
    """I3: never spin, whatever the server does."""
    rows = {b"IDLE": [b"+ idling", b"* OK hello"]}  # the tagged OK follows at once
    with faults.scripted(GREETING, faults.imap_script(rows)) as server:
        assert opened(server).wait(1.5) is False
        assert server.lines.count(b"DONE\r\n") in range(2, 10)


def test_a_silent_server_is_given_up(user: str) -> None:
    """I2: connecting has a timeout too: a server that accepts and says nothing blocks nobody."""
    with faults.scripted(b"", faults.imap_script()) as server:
        mailbox = Mailbox(settings_for(server, user, timeout_connect=0.2))
        with pytest.raises(MailboxLost, match="timed out"):
            mailbox.connect()


def test_after_a_failure_the_mailbox_is_closed_until_it_is_connected_again(
    dovecot: servers.DovecotServer, user: str
) -> None:
    """I2 of libraries.md: after a timeout the old connection is of no use; it is dropped, connect() makes a new one."""
    with faults.fault_proxy(dovecot.port) as proxy:
        mailbox = Mailbox(settings_for(proxy, user, timeout_read=0.2))
        mailbox.connect()
        proxy.black = True
        for _ in range(2):
            with pytest.raises(MailboxLost):
                fetched(mailbox)
        with pytest.raises(MailboxLost, match="not connected"):
            _ = mailbox.uidvalidity
        proxy.heal()
        assert mailbox.connect().exists == 0
        proxy.black = True
        mailbox.close()  # never raises, never takes long
        mailbox.close()


def test_odd_answers_end_in_the_two_exceptions_only(user: str) -> None:
    """R8: whatever bytes a server sends, the loop sees MailboxLost or MailboxRefused, never a crash of the library."""
    chance = random.Random(7)
    pieces = [
        b"* ",
        b"1 FETCH (UID 1 ",
        b"BODY[] {3}\r\nabc",
        b")",
        b"\r\n",
        b'"',
        b"(",
        b"NIL",
        b"* SEARCH x",
        b"\xff",
        b"9",
    ]

    def noise(command: bytes) -> list[bytes]:
        return [b"* " + b"".join(chance.choices(pieces, k=chance.randrange(1, 8))).rstrip(b"\r\n")]

    outcomes = set()
    for n in range(150):
        name = (b"CAPABILITY", b"LIST", b"SELECT", b"UID SEARCH", b"UID FETCH", b"IDLE")[n % 6]
        rows: dict[bytes, faults.Answer] = {b"UID SEARCH": [b"* SEARCH 1"], name: noise}
        with faults.scripted(GREETING, faults.imap_script(rows)) as server:
            mailbox = Mailbox(settings_for(server, user, timeout_read=0.1, timeout_connect=0.1))
            try:
                mailbox.connect()
                fetched(mailbox)
                mailbox.wait(0.02)
                outcomes.add("fine")
            except (MailboxLost, MailboxRefused) as error:
                outcomes.add(type(error).__name__)
            mailbox.close()
    assert "MailboxLost" in outcomes


# --- who may hear the password ---------------------------------------------------------------------------------------


def test_a_refused_login_is_the_operators_affair(dovecot: servers.DovecotServer, user: str) -> None:
    """I3, I14: wrong password: no reconnect storm but MailboxRefused; its text has the user and not the password."""
    with pytest.raises(MailboxRefused) as refused:
        Mailbox(settings_for(dovecot, user, password="opensesame")).connect()
    assert user in str(refused.value)
    assert "opensesame" not in str(refused.value)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([b"TAG NO [AUTHENTICATIONFAILED] no"], MailboxRefused),
        ([b"TAG NO [UNAVAILABLE] the user database is down"], MailboxLost),
        ([faults.HANG_UP], MailboxLost),
    ],
)
def test_a_login_that_fails_for_another_reason_is_tried_again(answer: list[bytes], expected: type[Exception]) -> None:
    """I3: RFC 5530's UNAVAILABLE and a closed link say nothing about the password."""
    with faults.scripted(GREETING, faults.imap_script({b"AUTHENTICATE": answer})) as server:
        mailbox = Mailbox(settings_for(server, "x"))
        with pytest.raises(expected):
            mailbox.connect()


def test_the_password_is_asked_for_at_each_login_and_may_hold_any_character() -> None:
    """I14: a rotated secret is used without a restart; LOGIN alone could not carry this user or password."""
    secrets = iter(["first", 'zwei "ü" \\'])
    with servers.pymap({"sara dot": 'zwei "ü" \\'}) as server:
        mailbox = Mailbox(settings_for(server, "sara dot", password=lambda: next(secrets)))
        with pytest.raises(MailboxRefused):
            mailbox.connect()
        mailbox.connect()
        mailbox.close()


def test_an_access_token_goes_by_xoauth2() -> None:
    """I14: Google and Microsoft 365 take no password for IMAP."""
    with faults.scripted(GREETING, faults.imap_script()) as server:
        mailbox = Mailbox(settings_for(server, "sara@acme.example", password="token", xoauth2=True))
        mailbox.connect()
        mailbox.close()
        said = [base64.b64decode(line) for line in server.lines if line.strip().isalnum() or line.endswith(b"=\r\n")]
    assert b"user=sara@acme.example\1auth=Bearer token\1\1" in said


def test_a_missing_secret_file_is_the_operators_affair() -> None:
    """V6: secrets come by file; where the file is gone, waiting does not help, and nothing is sent."""

    def read() -> str:
        raise FileNotFoundError("no file secret/imap")

    with faults.scripted(GREETING, faults.imap_script()) as server:
        with pytest.raises(MailboxRefused, match="no file secret/imap"):
            Mailbox(settings_for(server, "x", password=read)).connect()
        assert server.connections == 0


@pytest.mark.parametrize("host", ["mail.acme.example", "10.0.0.1", "::2"])
def test_plain_text_is_for_loopback_only(host: str) -> None:
    """I13: plain only to loopback."""
    with pytest.raises(ValueError, match="loopback"):
        ImapSettings(host, 143, "none")
    for near in ("127.0.0.1", "::1", "localhost", "127.9.9.9"):
        ImapSettings(near, 143, "none")
    assert ImapSettings(host, 993).tls == "tls"


@pytest.mark.parametrize("tls", ["tls", "starttls"])
def test_a_good_certificate_is_accepted(
    dovecot: servers.DovecotServer, user: str, opened: Connect, monkeypatch: pytest.MonkeyPatch, tls: str
) -> None:
    """I13: TLS with host name check, by a CA that the system (here SSL_CERT_FILE) trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.certificates.ca))
    dovecot.deliver(user, mail(1))
    port = dovecot.tls_port if tls == "tls" else dovecot.port
    mailbox = Mailbox(replace(settings_for(dovecot, user), host="localhost", port=port, tls=tls))  # type: ignore[arg-type]
    mailbox.connect()
    assert len(fetched(mailbox)) == 1
    timer = threading.Timer(0.2, dovecot.deliver, (user, mail(2)))
    timer.start()
    assert mailbox.wait(20) is True
    mailbox.close()


@pytest.mark.parametrize("tls", ["tls", "starttls"])
@pytest.mark.parametrize("wrong", ["name", "authority"])
def test_a_wrong_certificate_is_refused_before_the_login(
    dovecot: servers.DovecotServer, user: str, monkeypatch: pytest.MonkeyPatch, tls: str, wrong: str
) -> None:
    """I13: wrong name or unknown CA: connect refused, no LOGIN bytes on the wire, no fallback to plain."""
    if wrong == "name":
        monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.certificates.ca))
    host = "127.0.0.1" if wrong == "name" else "localhost"
    with faults.fault_proxy(dovecot.tls_port if tls == "tls" else dovecot.port) as proxy:
        mailbox = Mailbox(replace(settings_for(proxy, user), host=host, tls=tls))  # type: ignore[arg-type]
        with pytest.raises(MailboxRefused, match="certificate verify failed"):
            mailbox.connect()
        assert proxy.connections == 1
        clear = re.findall(rb"^[A-Z0-9]+ ([A-Z]+)", proxy.sent, re.MULTILINE)
        assert clear == ([] if tls == "tls" else [b"CAPABILITY", b"STARTTLS"][-len(clear) :])
        assert b"LOGIN" not in proxy.sent
        assert b"AUTHENTICATE" not in proxy.sent


def test_behind_a_wrong_certificate_the_server_reads_nothing(dovecot: servers.DovecotServer) -> None:
    """I13: also inside the encryption: what a server with a wrong name can decrypt is nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(dovecot.certificates.cert, dovecot.certificates.key)
    with faults.scripted(GREETING, faults.imap_script(), tls=context) as server:
        with pytest.raises(MailboxRefused):
            Mailbox(replace(settings_for(server, "x"), tls="tls")).connect()
        assert server.connections == 1
        assert server.lines == []


@pytest.mark.parametrize("greeting", [b"* OK ready\r\n", b"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n"])
def test_starttls_that_is_stripped_is_refused(greeting: bytes) -> None:
    """I13: no STARTTLS offered, or PREAUTH that would skip it: no LOGIN bytes on the wire."""
    with faults.scripted(greeting, faults.imap_script()) as server:
        with pytest.raises((MailboxRefused, MailboxLost)):
            Mailbox(replace(settings_for(server, "x"), host="localhost", tls="starttls")).connect()
        said = b"".join(server.lines)
    assert b"AUTHENTICATE" not in said
    assert b"LOGIN" not in said
    assert b"SELECT" not in said


# --- nothing becomes a command ---------------------------------------------------------------------------------------


def test_line_breaks_in_settings_never_reach_the_wire() -> None:
    """I11: the door refuses CR, LF and NUL in every argument; 10,000 fuzzed names, and what passes is one line each."""
    chance = random.Random(3)
    alphabet = 'abcXYZ09 ./*%"\\{}&~ü€\t\x7f' + "\r\n\0"
    passed = []
    for _ in range(10_000):
        name = "".join(chance.choices(alphabet, k=chance.randrange(1, 12)))
        try:
            passed.append(ImapSettings("127.0.0.1", 1, "none", "x", "y", folder=name, done_folder=name + "x").folder)
        except ValueError:
            assert any(c in name for c in "\r\n\0")
        else:
            assert not any(c in name for c in "\r\n\0")
    with faults.scripted(GREETING, faults.imap_script()) as server:
        for name in chance.sample(passed, 150):
            mailbox = Mailbox(settings_for(server, name, folder=name, done_folder=name + "x", timeout_read=1))
            mailbox.connect()
            mailbox.done([1])
            mailbox.close()
        tagged = re.compile(
            rb"[A-P]+\d+ (CAPABILITY|AUTHENTICATE|LIST|CREATE|SELECT|UID MOVE|LOGOUT)\b|[A-Za-z0-9+/=]+\r\n\Z"
        )
        assert [line for line in server.lines if not tagged.match(line)] == []
        assert len(server.lines) > 150 * 5


@pytest.mark.parametrize("field", ["host", "user", "folder", "done_folder"])
@pytest.mark.parametrize("evil", ["x\r\nA1 LOGOUT", "x\nA1 LOGOUT", "x\rA", "x\0"])
def test_every_text_that_could_carry_a_second_command_is_refused(field: str, evil: str) -> None:
    """I11, I10 of libraries.md: `select_folder('x\\r\\nA1 LOGOUT')` would put a second command on the wire."""
    with pytest.raises(ValueError, match=f"{field} holds a line break"):
        replace(ImapSettings("127.0.0.1", 143, "none"), **{field: evil})  # type: ignore[arg-type]


def test_a_password_with_a_line_break_is_refused_before_anything_is_sent() -> None:
    """I11: a secret file with two lines is a mistake to be told, not a second command."""
    with faults.scripted(GREETING, faults.imap_script()) as server:
        with pytest.raises(MailboxRefused, match="line break"):
            Mailbox(settings_for(server, "x", password="a\r\nA1 LOGOUT")).connect()
        assert server.connections == 0


def test_the_words_of_a_mail_never_reach_the_server(dovecot: servers.DovecotServer, user: str, opened: Connect) -> None:
    """I11, M2: a crafted Message-ID moved a whole INBOX through SEARCH HEADER; the door has no search by header."""
    evil = '<x@acme.example>" \r\n A1 UID MOVE 1:* Trash'
    for n in range(3):
        dovecot.deliver(user, mail(n, message_id=evil))
    with faults.fault_proxy(dovecot.port) as proxy:
        mailbox = opened(proxy, user)
        assert len(fetched(mailbox)) == 3
        mailbox.wait(0.05)
        mailbox.done([1])
        mailbox.close()
        lines = proxy.sent.split(b"\r\n")[:-1]
    ours = re.compile(rb"[A-P]+\d+ [A-Z]|DONE\Z|[A-Za-z0-9+/=]+\Z")
    assert [line for line in lines if not ours.match(line)] == []
    assert b"Trash" not in proxy.sent
    assert b"HEADER" not in proxy.sent


# --- settings and threads --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("folder", "done"), [("INBOX", "inbox"), ("Reports", "Reports")])
def test_a_done_folder_that_is_the_folder_itself_is_refused(folder: str, done: str) -> None:
    """A mail moved into its own folder gets a new UID and would come again for ever."""
    with pytest.raises(ValueError, match="done_folder"):
        ImapSettings("127.0.0.1", 143, "none", folder=folder, done_folder=done)


def test_settings_never_show_the_password() -> None:
    """V6: no passwords in logs."""
    assert "opensesame" not in repr(ImapSettings("mail.acme.example", 993, password="opensesame"))


def test_another_thread_is_refused(dovecot: servers.DovecotServer, user: str, opened: Connect) -> None:
    """I11 of libraries.md: imapclient is not thread-safe: one connection per thread."""
    mailbox = opened(dovecot, user)
    caught: list[Exception] = []

    def use() -> None:
        try:
            mailbox.noop()
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert len(caught) == 1
    assert mailbox.noop() is False


# --- the demo's own server -------------------------------------------------------------------------------------------


def test_the_demos_server_tells_idle_clients_and_survives_the_collector(opened: Connect) -> None:
    """design.md 3: without a hold on its tasks the collector ends IDLE connections on Python 3.13."""
    with servers.pymap({"sara@acme.example": servers.PASSWORD}) as server:
        mailbox = opened(server, "sara@acme.example")
        assert fetched(mailbox) == []

        def deliver() -> None:
            gc.collect()
            server.append("sara@acme.example", mail(1))

        timer = threading.Timer(0.2, deliver)
        timer.start()
        assert mailbox.wait(20) is True
        assert len(fetched(mailbox)) == 1


def test_the_demos_server_ends_for_good() -> None:
    """O7: nothing listens after stop(); stopping twice is fine; an unknown account is an error of the caller."""
    server = imapd.start({"a": "b"})
    with pytest.raises(KeyError):
        server.append("nobody", b"x")
    server.stop()
    server.stop()
    assert not servers.listens(server.port)
