"""The IMAP door: reading, filing and waiting, with a real Dovecot and pymap."""

from __future__ import annotations

import gc
import threading
import time
from datetime import UTC, datetime

import faults
import pytest
import servers
from door_parts import GREETING, Connect, fetched, imap_settings, mail

from triagemail.doors import imapd
from triagemail.doors.imap import ImapSettings, Mailbox, MailboxLost, MailboxRefused, Opened

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
        (batch,) = opened(proxy, user, max_size=1_000_000).fetch_new(0)  # its size does not count, it is not read
        large, small = batch
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


def test_a_mail_that_was_left_out_of_a_batch_is_asked_for_once_more(opened: Connect) -> None:
    """I6 of libraries.md: fetch may leave out the asked key; alone it is handed out, so nothing is held for nothing."""
    asked: list[bytes] = []

    def fetch(command: bytes) -> list[bytes]:
        asked.append(command)
        if b"RFC822.SIZE" in command:
            return [b"* 1 FETCH (UID 1 RFC822.SIZE 3)", b"* 2 FETCH (UID 2 RFC822.SIZE 3)"]
        rows = [b"* %d FETCH (UID %d BODY[] {3}\r\nabc)" % (uid, uid) for uid in (1, 2)]
        return rows[:1] if b"1,2" in command else rows[1:]

    rows: dict[bytes, faults.Answer] = {b"UID SEARCH": [b"* SEARCH 1 2"], b"UID FETCH": fetch}
    with faults.scripted(GREETING, faults.imap_script(rows)) as server:
        mails = fetched(opened(server))
    assert [(m.uid, m.raw, m.gone) for m in mails] == [(1, b"abc", False), (2, b"abc", False)]
    assert len(asked) == 3


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
        Mailbox(imap_settings(dovecot, user, folder="Reprots")).connect()
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
    for idle in (True, False):
        mailbox, wake = opened(dovecot, user, idle=idle), threading.Event()
        timer = threading.Timer(0.3, wake.set)
        timer.start()
        started = time.monotonic()
        assert mailbox.wait(60, wake) is False
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
