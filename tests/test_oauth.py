"""A mailbox that takes no password but tokens that end: XOAUTH2, as Google and Microsoft 365 want it (trust.md I14)."""

from __future__ import annotations

import base64
import re
import sys
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import faults
import pytest
from door_parts import GREETING
from intakes import Reader, reader, report

from triagemail.app import _token
from triagemail.clock import Clock
from triagemail.doors.imap import MailboxRefused
from triagemail.doors.link import Token

HOUR = timedelta(hours=1)
LIFE = timedelta(minutes=60)


@dataclass
class Provider:
    """Hands out tokens that are good for an hour, and an IMAP server that takes nothing else: who is logged in with one
    that has ended is thrown out at the next word."""

    clock: Clock = field(default_factory=Clock)
    told: bool = True  # the command says how long a token is good
    down: bool = False  # the place where tokens come from
    locked: bool = False  # no login is taken
    mails: dict[int, bytes] = field(default_factory=dict)
    count: int = 0
    ends: dict[str, datetime] = field(default_factory=dict)
    logins: list[tuple[datetime, bool]] = field(default_factory=list)
    thrown_out: int = 0

    def token(self) -> Token:
        if self.down:
            raise OSError("the token command failed")
        text = f"t{len(self.ends)}"
        self.ends[text] = self.clock.now() + LIFE
        return Token(text, LIFE.total_seconds()) if self.told else Token(text)

    def arrives(self, number: int) -> None:
        self.count += 1
        self.mails[self.count] = report(number)

    def script(self) -> faults.Speaker:
        """One connection."""
        said = {b"UID SEARCH": self._search, b"UID FETCH": self._fetch, b"UID MOVE": self._move}
        usual = faults.imap_script(said)()
        asked, tokens = list[bytes](), list[str]()  # the tag of a login that goes on, who is logged in

        def speak(line: bytes) -> bytes | None:
            if asked:
                tokens.append(base64.b64decode(line).split(b"Bearer ")[1].rstrip(b"\1").decode())
                good = not self.locked and self.clock.now() < self.ends[tokens[0]]
                self.logins.append((self.clock.now(), good))
                return asked.pop() + (b" OK in\r\n" if good else b" NO [AUTHENTICATIONFAILED] Invalid credentials\r\n")
            if b" AUTHENTICATE XOAUTH2" in line:
                asked.append(line.split()[0])
                return b"+ \r\n"
            if tokens and self.clock.now() >= self.ends[tokens[0]]:
                self.thrown_out += 1
                return None
            return usual(line)

        return speak

    def _search(self, command: bytes) -> list[bytes]:
        first = re.search(rb"UID (\d+):\*", command)
        found = [uid for uid in self.mails if first and uid >= int(first[1])]  # else what was left behind: nothing
        return [b" ".join([b"* SEARCH", *(b"%d" % uid for uid in found)])]

    def _fetch(self, command: bytes) -> list[bytes]:
        uids = [int(uid) for uid in command.split()[2].split(b",")]
        if b"RFC822.SIZE" in command:
            return [b"* 1 FETCH (UID %d RFC822.SIZE %d)" % (uid, len(self.mails[uid])) for uid in uids]
        return [b"* 1 FETCH (UID %d BODY[] {%d}\r\n%s)" % (u, len(self.mails[u]), self.mails[u]) for u in uids]

    def _move(self, command: bytes) -> list[bytes]:
        for uid in command.split()[2].split(b","):
            del self.mails[int(uid)]
        return []

    def hours(self, post: Reader, hours: float) -> None:
        """Time passes; every half hour a mail comes."""
        for _ in range(int(2 * hours)):
            self.arrives(1_000 + self.count)
            post.turns(HOUR / 2)


@pytest.mark.parametrize("told", [True, False], ids=["told", "untold"])
def test_a_day_with_tokens_that_end(tmp_path: Path, told: bool) -> None:
    """I14: "refresh before expiry; auth failure backs off to 15 min so the account is not locked out"; "fake expiring
    token: 24 h simulated, 0 lost, <= 4 logins/h in failure". Where the command does not say how long its token is good
    the server throws us out once an hour, and we are back in a second."""
    provider = Provider(told=told)
    with (
        faults.scripted(GREETING.replace(b"AUTH=PLAIN", b"AUTH=XOAUTH2"), provider.script) as server,
        reader(tmp_path, server.port, "issues@acme.example", token=provider.token) as post,
    ):
        provider.clock = post.chat.clock
        provider.hours(post, 12)
        assert len(provider.logins) <= 12 / 0.85
        assert provider.thrown_out == 0 if told else provider.thrown_out in range(10, 13)
        assert all(good for _, good in provider.logins)
        assert provider.mails == {}

        provider.locked, since = True, len(provider.logins)
        provider.hours(post, 6)
        failed = [at for at, good in provider.logins[since:] if not good]
        assert len(failed) >= 4
        assert all(sum(at <= other < at + HOUR for other in failed) <= 4 for at in failed)
        assert any("login as issues@acme.example refused" in risk for risk in post.risks())
        provider.locked = False
        assert post.until_read() <= timedelta(minutes=17)

        provider.down = True
        before = len(provider.logins)
        provider.hours(post, 3)
        assert len(provider.logins) == before, "without a token there is no login"
        provider.down = False
        assert post.until_read() <= timedelta(minutes=1)

        provider.hours(post, 3)
        post.work()
        assert (provider.mails, provider.count) == ({}, 48)
        assert not any("mailbox" in risk for risk in post.risks())
        assert {state for state, _, _ in post.inbox()} == {"done"}
        assert post.issues() == 48
        hours = [at for subject, at in post.notices() if "does not take our login" in subject]
        assert len(hours) in (5, 6), "once an hour"


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("abc", Token("abc")),
        ("abc\n", Token("abc")),
        ("abc\n3599\n", Token("abc", 3599.0)),
        ("abc\r\n3599\r\nBearer\r\n", Token("abc", 3599.0)),
        ("abc\nBearer\n", Token("abc")),
        ("abc\n-5\n", Token("abc")),
    ],
)
def test_the_command_prints_a_token_and_perhaps_its_life(printed: str, expected: Token) -> None:
    """I14: "token command in config": the token on the first line, the seconds that it is good for on the second."""
    assert _token((sys.executable, "-c", f"print({printed!r}, end='')")) == expected


@pytest.mark.parametrize("program", ["", "raise SystemExit(3)", "print()"])
def test_a_command_without_a_token_is_told_and_nobody_logs_in(tmp_path: Path, program: str) -> None:
    """I14, R12: where there is no token no connection is made, and the operator is told."""
    with faults.scripted(GREETING, faults.imap_script()) as server, reader(tmp_path, server.port, "x") as post:
        assert post.app.mailbox is not None
        before = server.connections
        command = (sys.executable, "-c", program)
        post.app.mailbox.settings = replace(post.app.mailbox.settings, token=lambda: _token(command))
        with pytest.raises(MailboxRefused, match="no token"):
            post.app.mailbox.connect()
        assert not post.turn()
        assert server.connections == before
        assert [("does not let us in" in subject) for subject, _ in post.notices()] == [True]
