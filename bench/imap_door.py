"""How fast the IMAP door reads a backlog: mails/s of Mailbox.fetch_new() from a Dovecot started for it.

    PYTHONPATH=.:tests python bench/imap_door.py [-n 2000] [--rounds 5]          (as root; needs dovecot-imapd)

Prints wall seconds, the door's own CPU and the rest (server, kernel, waiting), and the same for a bare socket that asks
one FETCH for everything and only counts bytes: the ceiling that Dovecot sets. Bar: 4,500 mails/s.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import sys
import time

import servers

from triagemail.doors.imap import ImapSettings, Mailbox

BAR = 4_500


def mail(number: int) -> bytes:
    """A report of 0.8 to 28 KB, by a fixed rule: on average 14 KB, as production mails with one HTML part are."""
    head = f"Message-ID: <{number}@acme.example>\r\nFrom: sara@acme.example\r\nSubject: report {number}\r\n"
    line = "The checkout page answers 502 for about half of the customers since this morning.\r\n"
    return (head + "\r\n" + line * (10 + number * 7919 % 330)).encode()


def door(server: servers.DovecotServer, count: int) -> tuple[float, float]:
    mailbox = Mailbox(ImapSettings(server.host, server.port, "none", "bench", server.password))
    wall, cpu = time.perf_counter(), time.process_time()
    mailbox.connect()
    read = [one for batch in mailbox.fetch_new(0) for one in batch]
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    mailbox.close()
    assert [len(one.raw or b"") for one in read] == [len(mail(n)) for n in range(count)]
    return wall, cpu


def bare(server: servers.DovecotServer, count: int) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    with socket.create_connection((server.host, server.port)) as sock, sock.makefile("rb", 1 << 20) as reader:
        sock.sendall(b"a LOGIN bench %s\r\nb EXAMINE INBOX\r\n" % server.password.encode())
        sock.sendall(b"c UID FETCH 1:* (BODY.PEEK[])\r\n")
        mails = 0
        while not (line := reader.readline()).startswith(b"c "):
            if line.endswith(b"}\r\n"):
                reader.read(int(line[line.rindex(b"{") + 1 : -3]))
                mails += 1
    assert mails == count
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("-n", type=int, default=2_000)
    arguments.add_argument("--rounds", type=int, default=5)
    wanted = arguments.parse_args()
    rate = 0.0
    with servers.dovecot() as server:
        for n in range(wanted.n):
            server.deliver("bench", mail(n))
        bare(server, wanted.n)  # fills Dovecot's index and the page cache
        for name, read in (("bare socket", bare), ("door", door)):
            runs = [read(server, wanted.n) for _ in range(wanted.rounds)]
            wall, cpu = (statistics.median(run[i] for run in runs) for i in (0, 1))
            rate = wanted.n / wall
            each = 1e6 / wanted.n
            print(
                f"{name:12} {wanted.n} mails {sum(len(mail(n)) for n in range(wanted.n)) / 1e6:.1f} MB"
                f"  wall {wall:.3f} s  {rate:7.0f} mails/s  own CPU {cpu * each:4.0f} us/mail"
                f"  rest {(wall - cpu) * each:4.0f} us/mail"
            )
    print(f"bar {BAR} mails/s: {'met' if rate >= BAR else 'MISSED'}")
    return 0 if rate >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
