"""The mailbox under every fault of a network or a server, through the loop into the database (trust.md 2, I1 to I5,
I14): nothing is lost or doubled, nobody spins, the operator hears of it once an hour, and it heals alone."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path

import faults
import pytest
import servers
from door_parts import GREETING
from faultproxy import FaultProxy, fault_proxy
from intakes import delivers, reader, report

from triagemail.store import mailbox as mailboxes

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@contextmanager
def in_idle(proxy: FaultProxy, act: Callable[[], object]) -> Iterator[None]:
    """Does that as soon as the client waits in IDLE."""
    proxy.sent = b""

    def look() -> None:
        servers.wait_until(lambda: proxy.sent.endswith(b" IDLE\r\n"), what="IDLE")
        act()

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    yield
    thread.join(servers.PATIENCE)


# --- I1, I2, I3: the link --------------------------------------------------------------------------------------------


def test_a_link_cut_anywhere_between_the_server_and_the_database_loses_and_doubles_nothing(
    dovecot: servers.DovecotServer, user: str, tmp_path: Path
) -> None:
    r"""I1: cuts at 20 random byte offsets, in either direction, x 50 mails: "0 lost, 0 duplicate issues, 0 mails with
    \Seen but no row"."""
    chance, cuts, places = random.Random(1), 0, Counter[str]()
    with fault_proxy(dovecot.port) as proxy, reader(tmp_path, proxy.port, user, batch_count=2) as post:
        coming = iter(range(50))
        while cuts < 20:
            proxy.heal()
            delivers(dovecot.deliver, user, islice(coming, 2 if cuts else 12))
            if cuts % 2:
                proxy.cut_after = chance.randrange(100, 5_000)
            else:
                proxy.cut_up_after = chance.randrange(20, 500)
            if post.turn():
                post.door.close()  # the next cut is anywhere again
                continue
            cuts += 1
            places.update([mailboxes.faults(post.app.store)[0][1].partition(":")[0]])
        proxy.heal()
        delivers(dovecot.deliver, user, coming)
        post.until_read()
        post.until_read()
        assert len(places) >= 5, places
        post.work()
        assert Counter(state for state, _, _ in post.inbox()) == {"done": 50}
        assert post.issues() == 50
    with dovecot.login(user) as person:
        for folder, count in (("INBOX", 0), ("Done", 50)):
            assert person.select_folder(folder, readonly=True)[b"EXISTS"] == count, folder
            assert person.search("SEEN") == []


def test_mail_behind_a_link_that_died_in_idle_is_seen(
    dovecot: servers.DovecotServer, user: str, tmp_path: Path
) -> None:
    """I2: "black-holes during IDLE, mail appended behind it: seen in <= 60 s + timeout"; no blocked thread after 20
    rounds with 0.2 s timeouts is tests/test_imap_faults.py."""
    threads = threading.active_count()
    with (
        fault_proxy(dovecot.port) as proxy,
        reader(tmp_path, proxy.port, user, wait=0.5, timeout_read=0.2) as post,
    ):
        for n in range(3):
            post.until_read()
            with in_idle(proxy, lambda: setattr(proxy, "black", True)):
                assert not post.turn()
            dovecot.deliver(user, report(n))
            proxy.heal()
            assert post.until_read() <= MINUTE
            assert len(post.inbox()) == n + 1
    servers.wait_until(lambda: threading.active_count() <= threads + 1, what="the end of the proxy's threads")


def test_a_server_that_hangs_up_again_and_again_is_asked_at_most_once_a_second(
    dovecot: servers.DovecotServer, user: str, tmp_path: Path
) -> None:
    """I3: "proxy drops 20 times, injected clock: < 5 % CPU, reconnects <= 1/s, first mail after heal <= 60 s"; and all
    the while, it is no more than one attempt a minute."""
    with fault_proxy(dovecot.port) as proxy, reader(tmp_path, proxy.port, user, wait=5.0) as post:
        began, cpu = post.now, time.thread_time()
        for n in range(20):
            if n % 2:
                proxy.refuse = True
                assert not post.turn()
                proxy.refuse = False
            else:
                with in_idle(proxy, proxy.drop):
                    assert not post.turn(), "it hangs up while we wait"
        seconds = (post.now - began).total_seconds()
        assert proxy.connections <= seconds + 1
        assert min(post.pauses.waited) >= 1.0
        assert time.thread_time() - cpu < 0.05 * seconds
        proxy.refuse = True
        assert post.turns(HOUR) <= 90
        proxy.refuse = False
        dovecot.deliver(user, report(1))
        post.loop.wait = lambda seconds: None
        assert post.until_read() <= MINUTE
        assert len(post.inbox()) == 1


def test_who_is_dropped_in_each_idle_still_reads_its_mail(
    dovecot: servers.DovecotServer, user: str, tmp_path: Path
) -> None:
    """I3: the poll before each IDLE succeeds, so mail comes in although no IDLE ever ends well."""
    with fault_proxy(dovecot.port) as proxy, reader(tmp_path, proxy.port, user, wait=5.0) as post:
        proxy.close_at = b" IDLE\r\n"
        for n in range(3):
            dovecot.deliver(user, report(n))
            assert [post.turn(), post.turn()] == [True, False]
        assert len(post.inbox()) == 3


# --- R12: every fault is told, once an hour, and heals alone ----------------------------------------------------------


def no(words: bytes) -> list[bytes]:
    return [b"TAG NO " + words]


BROKEN = {  # I3, I5, I14: what the server says -> the cause that the operator reads
    "login": ({b"AUTHENTICATE": no(b"[AUTHENTICATIONFAILED] no")}, "does not take our login"),
    "user database": ({b"AUTHENTICATE": no(b"[UNAVAILABLE] later")}, "cannot be reached"),
    "deleted": ({b"SELECT": no(b"[NONEXISTENT] no such mailbox")}, "does not let us in"),
    "permission": ({b"SELECT": no(b"[NOPERM] not yours")}, "does not let us in"),
    "closed": ({b"SELECT": [faults.HANG_UP]}, "cannot be reached"),
    "half": ({b"UID SEARCH": [b"* SEARCH x"]}, "cannot be reached"),
    "quota": ({b"UID MOVE": no(b"[OVERQUOTA] full")}, "cannot be filed"),
}
FINE: dict[bytes, faults.Answer] = {
    b"UID SEARCH": lambda command: [b"* SEARCH 1"] if b"1:*" in command else [b"* SEARCH"],
    b"UID FETCH": lambda command: (
        [b"* 1 FETCH (UID 1 RFC822.SIZE 400)"]
        if b"RFC822.SIZE" in command
        else [b"* 1 FETCH (UID 1 BODY[] {%d}\r\n%s)" % (len(report(1)), report(1))]
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_fault_of_the_mailbox_is_told_once_an_hour_and_heals_alone(tmp_path: Path, kind: str) -> None:
    """R12, I5: "degraded state, retry, operator notice in 5 min, exit code of `status` != 0", "every fault row: one
    notice, rate limited 1/h per cause"; when it is over the mail is read within a minute, after a refused login
    within a quarter of an hour, and `status` is content."""
    said, cause = BROKEN[kind]
    answers: dict[bytes, faults.Answer] = {}
    with faults.scripted(GREETING, faults.imap_script(answers)) as server, reader(tmp_path, server.port, "x") as post:
        answers.update({**FINE, **said})
        before, began = server.connections, post.now
        while not (told := post.notices()):
            post.turn()
        assert told[0][1] - began < 5 * MINUTE
        if kind != "quota":
            assert post.risks() != ()
        post.turns(began + 3 * HOUR - MINUTE - post.now)
        assert [cause in subject for subject, _ in post.notices()] == [True] * (3 if kind != "quota" else 1)
        assert server.connections - before <= (4 if kind == "login" else 90) * 3
        answers.update(FINE)
        for name in said.keys() - FINE.keys():
            del answers[name]
        assert post.until_read() <= (16 if kind == "login" else 1) * MINUTE
        post.turns(11 * MINUTE)
        post.work()
        assert post.risks() == ()
        assert post.app.told == ""
        assert post.issues() == 1


def test_status_tells_of_a_mailbox_that_nobody_reads(tmp_path: Path) -> None:
    """I5, R12: where no process reads the mailbox there is no fault to be noted; its last reading is too long ago."""
    with faults.scripted(GREETING, faults.imap_script()) as server, reader(tmp_path, server.port, "x") as post:
        post.until_read()
        post.chat.clock.advance(4 * MINUTE)
        assert not any("mailbox" in risk for risk in post.risks()), "a poll a minute, and five minutes beside it"
        post.chat.clock.advance(2 * MINUTE)
        assert any("the mailbox was last read at" in risk for risk in post.risks())
        post.until_read()
        assert not any("mailbox" in risk for risk in post.risks())


def test_the_fault_of_a_mailbox_that_the_config_names_no_more_is_over(tmp_path: Path) -> None:
    """R12: who has mended a wrong name in the config has a `status` that is content again; its own fault stays until
    the mailbox is read."""
    answers: dict[bytes, faults.Answer] = {}
    with faults.scripted(GREETING, faults.imap_script(answers)) as server, reader(tmp_path, server.port, "x") as post:
        mailboxes.note_fault(post.app.store, "isues@localhost/INBOX", post.now, "login as isues refused")
        answers.update({**FINE, **BROKEN["login"][0]})
        post.turn()
        assert len(mailboxes.faults(post.app.store)) == 2, "nothing is read yet"
        del answers[b"AUTHENTICATE"]
        post.until_read()
        assert mailboxes.faults(post.app.store) == []
        mailboxes.note_fault(post.app.store, "isues@localhost/INBOX", post.now, "login as isues refused")
        mailboxes.forget_faults(post.app.store)  # as a service does that has no mailbox
        assert not any("isues" in risk for risk in post.risks())
