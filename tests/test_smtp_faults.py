"""Faults of sending, row by row of trust.md 2, S: what a relay, a network, a rate or a template does, and what becomes
of the mails. Batches have tests/test_batch.py; docs/faults.md says where each row is shown."""

from __future__ import annotations

import email
import email.policy
import itertools
import random
import re
import ssl
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import conftest
import pytest
import servers
from chat import KEYS, LENA, OPS, Chat, company, opened, talk_directly, to
from desks import Desk, desk, everybody, reader
from door_parts import MakeRelay
from faultproxy import fault_proxy
from takers import SILENT, taker

from triagemail.app import App, build
from triagemail.clock import Clock
from triagemail.config import builtin_templates
from triagemail.doors import relay as relays
from triagemail.doors.smtp import Accepted, Connection, SmtpSettings, connect
from triagemail.loops import Loop
from triagemail.mail import compose, samples, templates
from triagemail.mail.templates import Templates
from triagemail.quantities import Rate
from triagemail.sender import Pace
from triagemail.store import audience, claims
from triagemail.store.health import health

MINUTE = timedelta(minutes=1)


class Steps(threading.Event):
    """Waits by the clock of the test; when that has come to `until`, `ends` is set (this one, or another)."""

    def __init__(self, clock: Clock, until: datetime, ends: threading.Event | None = None) -> None:
        super().__init__()
        self.clock, self.until, self.ends = clock, until, ends or self

    def wait(self, timeout: float | None = None) -> bool:
        self.clock.advance(timedelta(seconds=timeout or 0))
        if self.clock.now() >= self.until:
            self.ends.set()
        return self.is_set()


def runs(office: Desk, span: timedelta) -> None:
    """The service's own loop sends for so long, with its own pauses."""
    loop: Loop = office.app.loops(("send",))["send"]
    loop.close = lambda: None
    loop.stopping = office.app.sender.stopping = Steps(office.clock, office.clock.now() + span)
    loop.wake = Steps(office.clock, office.clock.now() + span, loop.stopping)
    loop.run()


@contextmanager
def connects(clock: Clock) -> Iterator[list[datetime]]:
    """When a connection was tried."""
    tried: list[datetime] = []
    real = connect

    def counted(settings: SmtpSettings) -> Connection:
        tried.append(clock.now())
        return real(settings)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(relays, "connect", counted)
        yield tried


def most_in_a_minute(tried: list[datetime]) -> int:
    return max(sum(at <= other < at + MINUTE for other in tried) for at in tried)


def point_at(office: Desk, port: int, **rest: object) -> None:
    relay = office.app.sender.relay
    relay.settings = replace(relay.settings, port=port, **rest)  # type: ignore[arg-type]


# --- S1: the relay is down --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["off", "421", "silent"])
def test_a_relay_that_is_down_for_ten_minutes(tmp_path: Path, how: str) -> None:
    """S1: off 10 min with 500 queued: all sent once, <= 20 connects/min; no attempt is counted, and what waits goes
    out within a minute."""
    said = {"421": b"421 4.3.2 closing\r\n", "silent": b""}
    with (
        taker() as good,
        taker(greeting=lambda _: said.get(how, b"")) as bad,
        desk(tmp_path, good, 500) as office,
        connects(office.clock) as tried,
    ):
        port = servers.free_port() if how == "off" else bad.port
        point_at(office, port, timeout=0.05, timeout_connect=0.05)
        office.broadcast(rank=0)
        runs(office, 10 * MINUTE)
        assert (good.mails, bad.mails) == ([], [])
        assert office.rows("SELECT DISTINCT d.state, d.attempts FROM delivery d") == [("queued", 0)]
        assert 10 <= len(tried) <= 40
        assert most_in_a_minute(tried) <= 20
        point_at(office, good.port, timeout=5.0, timeout_connect=5.0)
        runs(office, MINUTE)
        assert {who: n for who, n in good.times().items() if who != OPS} == everybody(500)
        assert good.times()[OPS] == 1, "the operator heard of it, by mail when that went again"


def test_what_waits_longer_and_longer_is_given_up_after_five_days(tmp_path: Path) -> None:
    """S1: backoff 1, 2, 4 .. 66 min + jitter, 5 d, then expired + operator; P0/P1 retried at <= 1 min for the first
    hour."""
    for rank in (0, 2):
        folder = tmp_path / str(rank)
        folder.mkdir()
        tries: list[datetime] = []
        with taker() as relay, desk(folder, relay, 1) as office:

            def answer(
                connection: int, stage: str, rcpt: str, office: Desk = office, tries: list[datetime] = tries
            ) -> bytes | None:
                if stage != "rcpt" or rcpt == OPS:
                    return None
                tries.append(office.clock.now())
                return b"452 4.2.2 full"

            relay.answer = answer
            office.broadcast(rank=rank)
            start = office.clock.now()
            while office.rows("SELECT state FROM delivery WHERE id = 1") != [("expired",)]:
                office.send()
                office.clock.advance(MINUTE / 2)
            gaps = [(b - a) / MINUTE for a, b in itertools.pairwise(tries)]
            first_hour = [gap for gap, at in zip(gaps, tries, strict=False) if at - start < timedelta(minutes=53)]
            assert max(first_hour) <= (1.5 if rank == 0 else 34)
            assert 55 <= max(gaps) <= 67
            assert 5.0 <= (tries[-1] - start).total_seconds() / 86_400 <= 5.1
            office.send()
            assert [who for who, _ in relay.mails] == [OPS]
            assert b"given up after five days" in relay.mails[0][1]


# --- S2: the last answer is lost --------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [200, pytest.param(1_000, marks=pytest.mark.slow)])
def test_lost_answers_double_exactly_those_mails(tmp_path: Path, count: int) -> None:
    """S2: H-proxy eats the 250 at 100 of 1,000: 1,000 distinct Message-IDs arrive, exactly 100 duplicates, same bytes;
    the row says that it may have gone out twice."""
    seen = 0

    def eat(octets: bytes) -> bool:
        nonlocal seen
        seen += b"taken" in octets
        return b"taken" in octets and seen % 10 == 0 and seen <= count

    with taker() as relay, fault_proxy(relay.port) as proxy, desk(tmp_path, proxy, count) as office:
        proxy.eat = eat
        office.broadcast()
        office.send()
        assert proxy.eaten == count // 10
        office.later()
        assert office.rows() == [("sent", count)]
        ids = Counter(re.search(rb"^Message-ID: (\S+)", raw, re.M)[1] for _, raw in relay.mails)  # type: ignore[index]
        assert (len(ids), len(relay.mails)) == (count, count + count // 10)
        assert set(ids.values()) == {1, 2}
        assert len(set(relay.mails)) == count, "the same bytes"
        assert office.ambiguous() == {who for who, times in relay.times().items() if times == 2}


# --- S5: greylisting --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rank", "tries"), [(2, {2, 3}), (0, set(range(5, 9)))])
def test_greylisting(tmp_path: Path, rank: int, tries: set[int]) -> None:
    """S5: 450 until 5 min: second try >= 5 min later with the same envelope: delivered on try 2 or 3. A P0 is tried
    every minute (S1), so it is there as soon as it may be."""
    first: dict[str, datetime] = {}
    with taker() as relay, desk(tmp_path, relay, 40) as office:

        def answer(connection: int, stage: str, rcpt: str) -> bytes | None:
            now = office.clock.now()
            early = stage == "rcpt" and now - first.setdefault(rcpt, now) < timedelta(seconds=300)
            return b"450 4.2.0 greylisted, come back in 300 seconds" if early else None

        relay.answer = answer
        office.broadcast(rank=rank)
        office.send()
        began = office.clock.now()
        while office.rows() != [("sent", 40)] and office.clock.now() - began < timedelta(minutes=20):
            office.clock.advance(timedelta(seconds=15))
            office.send()
        assert office.rows() == [("sent", 40)]
        assert office.clock.now() - began < timedelta(minutes=7)
        assert {attempts for (attempts,) in office.rows("SELECT attempts FROM delivery")} <= tries
        assert len(set(relay.envelopes)) == 40, "the same sender and recipient each time"


# --- S6: several processes on one relay -------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "each"), [(1, 30), (2, 15), (4, 7), (30, 1)])
def test_processes_divide_the_rate(share: int, each: int) -> None:
    """S6: token bucket per relay: what it permits is divided by the processes that send over it."""
    pace, now = Pace(30, MINUTE, share=lambda: share), Clock().now()
    assert pace.room(now, urgent=True) == each
    assert pace.room(now, urgent=False) == each - each // 5


def test_more_processes_than_mails_take_turns() -> None:
    """S6: "1/s" for three processes: each one mail in three seconds, not three a second."""
    clock = Clock()
    pace = Pace(1, timedelta(seconds=1), share=lambda: 3)
    pace.ended = deque([clock.now()])
    assert pace.room(clock.now() + timedelta(seconds=2.9), urgent=True) == 0
    assert pace.room(clock.now() + timedelta(seconds=3.1), urgent=True) == 1


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Callable[[int], App]]:
    """Services on one PostgreSQL with a limit of 30 mails a minute, a clock for all of them."""
    made: list[App] = []
    clock = Clock()
    for url in conftest.postgresql(tmp_path):

        def new(port: int, url: str = url) -> App:
            smtp = {"rate": Rate(30, MINUTE)}
            config = company(tmp_path, 0, "", port, imap={"host": ""}, smtp=smtp, store={"url": url})
            made.append(build(config, clock=clock, keys=KEYS))
            made[-1].store.open()
            made[-1].presence.parts = "work,send"
            return made[-1]

        yield new
        for app in made:
            app.sender.relay.close()
            app.store.close()


def test_two_processes_keep_to_one_rate(fleet: Callable[[int], App]) -> None:
    """S6: on PostgreSQL several senders share one relay: together never more than it permits, whoever starts later."""
    with taker() as relay:
        first, second = fleet(relay.port), fleet(relay.port)
        with first.store.transaction():
            for number in range(80):
                audience.join(first.store, reader(number), first.clock.now())
        Desk(first, first.clock).broadcast(rank=0)
        for app in (first, second, first):  # each has told that it is there, and has seen the other
            app.presence.say()
        assert (first.presence.senders(), second.presence.senders()) == (2, 2)
        sent = [0]
        for _ in range(5):
            for app in (first, second):
                while app.sender.send_once():
                    pass
            sent.append(len(relay.mails))
            first.clock.advance(MINUTE + timedelta(seconds=1))
        assert [b - a for a, b in itertools.pairwise(sent)] == [15, 30, 30, 5, 0], "who comes later waits a minute"
        assert max(relay.times().values()) == 1


# --- S7: slow relays --------------------------------------------------------------------------------------------------


def test_no_mail_takes_longer_than_a_quarter_of_an_hour() -> None:
    """S7: per-command 60 s and per-mail 15 min caps; a claim lasts longer (D9: lease > SMTP total timeout)."""
    settings = SmtpSettings("relay.acme.example", 465)
    assert settings.timeout == 60
    commands = 3 * settings.timeout
    assert commands + settings.timeout_body + settings.timeout_end <= 900
    assert timedelta(minutes=15) < claims.SEND_LEASE


@pytest.mark.parametrize("mode", ["single", "batch"])
def test_a_slow_connection_holds_up_no_other(tmp_path: Path, mode: str) -> None:
    """S7: 1 slow + 1 good: the good one unaffected; what hangs is tried again when its time is over."""
    slow = threading.Event()
    with taker() as relay, desk(tmp_path, relay, 60, 2, mode=mode) as office:

        def answer(connection: int, stage: str, rcpt: str) -> bytes | None:
            if stage == "end" and connection == 0 and not slow.is_set():
                slow.set()
                return SILENT
            return None

        relay.answer = answer
        office.broadcast(rank=2)
        began = time.monotonic()
        while not slow.is_set() and time.monotonic() - began < 10:
            office.app.sender.send_once()
        assert office.app.sender.relay.busy
        with office.app.store.transaction():  # while that one hangs a P0 comes
            number = claims.add_outgoing(
                office.app.store, issue=2, template="triage", subject="s", text="t", head=b"Subject: P0\r\n",
                body=b"now\r\n", detail="", null_sender=False, broadcast=False, automatic=False, rank=0, day=20_000,
                key="a", now=office.clock.now(),
            )  # fmt: skip
            claims.add_delivery(office.app.store, number, office.app.store.person("sara@acme.example"), 0)
        while "sara@acme.example" not in relay.times() and time.monotonic() - began < 10:
            office.app.sender.send_once()
        assert relay.times()["sara@acme.example"] == 1
        assert office.rows("SELECT COUNT(id) FROM delivery WHERE state = 'sending'")[0][0] >= 1, "it hangs still"


# --- S9: what could smuggle a second mail -----------------------------------------------------------------------------

PIECES = (
    "\n", "\r", "\r\n", "\n.\n", "\r.\r", "\r\n.\r\n", "\n.\r\n", ".", "..", "\0", "x" * 1_200, "ü" * 500, "日本語",
    "\x85", "\u2028", "From me\n", "QUIT\r\n", "MAIL FROM:<a@b.example>\r\n", "DATA\r\n", "hello ", "=", "\t\n", "--\n",
)  # fmt: skip


def fuzzed(seed: int) -> bytes:
    """A mail whose text holds whatever a person or an attacker typed."""
    chance = random.Random(seed)
    text = "".join(chance.choices(PIECES, k=chance.randint(1, 20)))
    case = samples.cases("comment")[0]
    made = compose.compose(
        case.template, language="en", issue=case.issue, policy=samples.POLICY, now=samples.NOW,
        values={**case.values, "text": f"#{seed} {text}"}, to=LENA,
    )  # fmt: skip
    return f"To: {LENA}\r\nMessage-ID: <{seed}@acme.example>\r\n".encode() + made.head + b"\r\n" + made.body


def unfit_in(raw: bytes) -> bool:
    lines = raw.split(b"\r\n")
    return bool(re.search(rb"\r(?!\n)|(?<!\r)\n|\0", raw)) or max(map(len, lines)) > 998 or not raw.isascii()


@pytest.mark.parametrize("count", [400, pytest.param(10_000, marks=pytest.mark.slow)])
def test_fuzzed_bodies_are_one_mail_each(
    postfix: servers.PostfixServer, sink: servers.Sink, relay_to: MakeRelay, user: str, count: int
) -> None:
    """S9: 10,000 fuzzed bodies: no bare CR/LF, no line > 998; Postfix and aiosmtpd store exactly 1 mail each, the bytes
    that we made."""
    mails = [fuzzed(seed) for seed in range(count)]
    assert [seed for seed, raw in enumerate(mails) if unfit_in(raw)] == []
    one, other = relay_to(postfix), relay_to(sink)
    for raw in mails:
        assert isinstance(one.send("issues@acme.example", f"{user}@acme.example", raw), Accepted)
        assert isinstance(other.send("issues@acme.example", LENA, raw), Accepted)
    assert [raw for _, raw, _ in sink.mails] == mails
    there = postfix.expect(user, count)
    assert len(there) == count
    found = {raw[raw.index(b"\nTo: ") + 1 :] for raw in there}
    assert found == {raw.replace(b"\r\n", b"\n") for raw in mails}


# --- S10: a relay without extensions ----------------------------------------------------------------------------------


def test_every_mail_goes_to_a_relay_without_extensions(relay_to: MakeRelay) -> None:
    """S10: sink with no extensions: all templates in all our languages delivered, decode equal; 7-bit transfer
    encodings, no UTF-8 headers."""
    languages = sorted(folder.name for folder in builtin_templates().iterdir() if (folder / "mail").is_dir())
    sent: list[compose.Composed] = []
    with taker(features=b"502 no EHLO here\r\n") as relay:
        door = relay_to(relay)
        for language in languages:
            for case in samples.ALL:
                made = compose.compose(
                    case.template, language=language, issue=case.issue, policy=samples.POLICY, values=case.values,
                    now=samples.NOW, to=LENA, reply_to=samples.REPLY_TO,
                )  # fmt: skip
                assert isinstance(
                    door.send("", LENA, b"To: x@y.example\r\n" + made.head + b"\r\n" + made.body), Accepted
                )
                sent.append(made)
        assert len(relay.mails) == len(sent) >= len(samples.ALL)
        assert {name for name in templates.names() if not name.startswith("_")} == {
            case.template for case in samples.ALL
        }
        for (_, raw), made in zip(relay.mails, sent, strict=True):
            assert raw.isascii()
            mail = email.message_from_bytes(raw, policy=email.policy.default)
            assert isinstance(mail, EmailMessage)
            part = mail.get_body(("plain",))
            assert part is not None
            assert (mail["Subject"], part.get_content().replace("\r\n", "\n")) == (made.subject, made.text)


# --- S11: the relay does not let us in --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(needs_dovecot: None, tmp_path_factory: pytest.TempPathFactory) -> servers.Certificates:
    return servers.certificates(Path(tmp_path_factory.mktemp("certificates")))


def wrong_certificate(certificates: servers.Certificates) -> dict[str, object]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.cert, certificates.key)
    return {"tls": context}


@pytest.mark.parametrize("how", ["certificate", "login"])
def test_the_operator_hears_of_it_by_a_second_route(
    tmp_path: Path, certificates: servers.Certificates, capfd: pytest.CaptureFixture[str], how: str
) -> None:
    """S11: no plain fallback, no credential on an unverified link; AUTH refused 535: backoff, operator told by a second
    route (stderr, exit code), since no mail goes: `status` ends with 75 until the relay lets us in."""
    heard: list[bytes] = []

    def refuse(line: bytes) -> bytes:
        heard.append(line)
        return b"535 5.7.8 wrong\r\n"

    features = b"250-taker\r\n250 AUTH PLAIN\r\n"
    how_bad = wrong_certificate(certificates) if how == "certificate" else {"features": features}
    with (
        taker(**how_bad) as bad,
        taker() as good,
        desk(tmp_path, bad, 5) as office,
        connects(office.clock) as tried,
    ):
        bad.other = refuse
        tls = "tls" if how == "certificate" else "none"
        point_at(office, bad.port, tls=tls, user="desk", password="opensesame")
        office.broadcast()
        runs(office, 5 * MINUTE)
        assert bad.mails == []
        assert office.rows("SELECT DISTINCT state, attempts FROM delivery") == [("queued", 0)]
        assert len(tried) <= 20
        assert (heard == []) is (how == "certificate")
        words = "certificate verify failed" if how == "certificate" else "535 5.7.8 wrong"
        log = capfd.readouterr().err
        assert "event=notice" in log
        assert words in log
        assert "opensesame" not in log
        (risk,) = (risk for risk in health(office.app.store, office.clock.now()).risks if "let us in" in risk)
        assert words in risk
        point_at(office, good.port, tls="none", user="", password="")
        runs(office, 2 * MINUTE)
        assert len(good.mails) == 6, "the five readers, and the operator"
        found = health(office.app.store, office.clock.now())
        assert found.risks == (found.silence,), "nobody runs here"


def test_a_refused_login_is_not_tried_until_the_account_is_locked(tmp_path: Path) -> None:
    """S11: "AUTH refused 535: backoff". Providers lock an account after some wrong passwords: a few tries in the first
    quarter of an hour, then four an hour."""
    with taker(features=b"250-taker\r\n250 AUTH PLAIN\r\n") as relay, desk(tmp_path, relay, 1) as office:
        relay.other = lambda line: b"535 5.7.8 wrong\r\n"
        point_at(office, relay.port, tls="none", user="desk", password="opensesame")
        office.broadcast()
        with connects(office.clock) as tried:
            runs(office, 15 * MINUTE)
            assert 3 <= len(tried) <= 6
            before = len(tried)
            runs(office, 180 * MINUTE)
        assert len(tried) - before <= 6 + 3 * 6
        assert office.rows("SELECT DISTINCT state, attempts FROM delivery") == [("queued", 0)]


# --- S12: a template that fails at run time ---------------------------------------------------------------------------

BROKEN = {
    "syntax": "{% if %}",
    "undefined": "{{ no_such_value }}",
    "raise": "{{ 1 // 0 }}",
    "loop": "{% for a in range(1000000000) %}x{% endfor %}",
}


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Chat]:
    with talk_directly(tmp_path) as found:
        found.subscribe(LENA)
        yield found


@pytest.mark.parametrize("way", BROKEN)
def test_a_template_that_fails_at_run_time(chat: Chat, tmp_path: Path, way: str) -> None:
    """S12: at run time fall back to the built-in text: a P0 update still goes out, in <= 5 s, + operator notice: one an
    hour. (At the start it is refused: test_a_broken_template_stops_the_start.)"""
    folder = tmp_path / "own"
    (folder / "en" / "mail").mkdir(parents=True)
    text = f"---\nsubject: Ours\nwhy: Ours.\n---\nHello. {BROKEN[way]}\n"
    for name in ("broadcast-update", "notice"):
        (folder / "en" / "mail" / f"{name}.md").write_text(text)
    triage, _ = opened(chat, "P0")
    chat.answers(triage, "agree")
    files = frozenset({"en/mail/broadcast-update.md", "en/mail/notice.md"})
    object.__setattr__(chat.app.outbox, "templates", Templates(folder, files))
    began = time.monotonic()
    out = chat.answers(triage, "update: still looking")
    assert time.monotonic() - began <= 5 + 5, "the bound of S12 for each of the two that loop"
    assert "still looking" in to(out, LENA, "PRIORITY 0")[0].text
    (told,) = to(out, OPS)
    assert "broadcast-update" in told.text
    assert to(chat.answers(triage, "update: nearly there"), OPS) == [], "once an hour"
