"""The relay that carries mails out: every answer has its outcome, with Postfix, a scripted sink and a bad network."""

from __future__ import annotations

import ast
import inspect
import itertools
import random
import smtplib
import socket
import threading
from collections.abc import Callable

import faults
import pytest
import servers
from door_parts import MakeRelay, OneByOne, smtp_script, smtp_settings

from triagemail.doors import smtp
from triagemail.doors.smtp import Accepted, Deferred, Lost, Rejected, RelayDown, SmtpSettings

MAIL = b"Message-ID: <1@acme.example>\r\nSubject: hello\r\n\r\nfirst line\r\n"
FROM, TO = "updates@acme.example", "sara@acme.example"


# --- a mail goes out -------------------------------------------------------------------------------------------------


def test_a_mail_arrives_as_it_was_handed_in(postfix: servers.PostfixServer, user: str, relay_to: MakeRelay) -> None:
    """S9, X2: the bytes are built once; dots at line starts, also the lone one, arrive as they were."""
    body = b"Subject: dots\r\n\r\n.\r\n..\r\n.hidden\r\nplain\r\n.\r\nlast\r\n"
    outcome = relay_to(postfix).send(FROM, f"{user}@acme.example", body)
    assert isinstance(outcome, Accepted)
    assert (outcome.code, outcome.stage) == (250, "end")
    (raw,) = postfix.expect(user, 1)
    assert raw.partition(b"\n\n")[2] == body.partition(b"\r\n\r\n")[2].replace(b"\r\n", b"\n")
    assert raw.startswith(b"Return-Path: <updates@acme.example>\n")


def test_the_null_sender_goes_out_as_such(postfix: servers.PostfixServer, user: str, relay_to: MakeRelay) -> None:
    """L1, L7: automatic replies go out with MAIL FROM <>, so that nothing bounces back to them."""
    relay = relay_to(postfix)
    assert isinstance(relay.send("", f"{user}@acme.example", MAIL), Accepted)
    assert [raw.splitlines()[0] for raw in postfix.expect(user, 1)] == [b"Return-Path: <>"]


def test_one_connection_carries_many_mails(
    postfix: servers.PostfixServer, new_user: Callable[[], str], relay_to: MakeRelay
) -> None:
    """S3: one recipient per transaction over one connection; a refused recipient does not touch the next (S4)."""
    people = [new_user() for _ in range(5)]
    with faults.fault_proxy(postfix.port) as proxy:
        relay = relay_to(proxy)
        for person in people:
            assert isinstance(relay.send(FROM, f"{person}@acme.example", MAIL), Accepted)
            assert relay.send(FROM, "dead@acme.example", MAIL) == Rejected(
                550, "5.1.1 <dead@acme.example>: Recipient address rejected: no such person", "rcpt"
            )
            late = relay.send(FROM, "later@acme.example", MAIL)
            assert isinstance(late, Deferred)
            assert (late.code, late.stage) == (450, "rcpt")
        assert proxy.connections == 1
        assert proxy.sent.count(b"RCPT TO:") == 15
        assert proxy.sent.count(b"ehlo desk.acme.example") == 1
    assert [len(postfix.expect(person, 1)) for person in people] == [1] * 5


def test_a_mail_over_the_relays_limit_is_not_sent(needs_postfix: None, relay_to: MakeRelay) -> None:
    """S10: SIZE is checked before a byte of the mail goes out, and declared to relays that ask for it (RFC 1870)."""
    with servers.postfix(size=20_000) as small, faults.fault_proxy(small.port) as proxy:
        relay = relay_to(proxy)
        outcome = relay.send(FROM, TO, MAIL + b"x\r\n" * 10_000)
        assert isinstance(outcome, Rejected)
        assert (outcome.code, outcome.stage) == (552, "here")
        assert b"MAIL" not in proxy.sent
        assert isinstance(relay.send(FROM, TO, MAIL), Accepted)
        assert b"MAIL FROM:<updates@acme.example> SIZE=%d\r\n" % len(MAIL) in proxy.sent


def test_a_relay_without_extensions_is_spoken_to_plainly(relay_to: MakeRelay) -> None:
    """S10: no SIZE, no 8BITMIME, no EHLO at all: HELO and 7-bit bytes suffice."""
    with faults.scripted(b"220 old\r\n", smtp_script({b"EHLO": b"502 what?\r\n"})) as old:
        assert relay_to(old).send(FROM, TO, MAIL) == Accepted(250, "taken")
    assert old.lines[:3] == [
        b"ehlo desk.acme.example\r\n",
        b"helo desk.acme.example\r\n",
        b"MAIL FROM:<%s>\r\n" % FROM.encode(),
    ]


def test_no_part_of_a_mail_waits_for_an_ack(sink: servers.Sink, relay_to: MakeRelay) -> None:
    """libraries.md 6: TCP_NODELAY, and the body with its dot in one write: else 44 ms a mail."""
    relay = relay_to(sink)
    relay.connect()
    sock = relay._links[0].sock
    assert isinstance(sock, socket.socket)
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


# --- every answer leads to its outcome -------------------------------------------------------------------------------

ANSWERS = ["250 fine", "421 4.3.2 going down", "450 4.2.0 busy", "451 4.3.0 error", "452 4.2.2 full"]
ANSWERS += ["550 5.1.1 unknown", "552 5.2.2 over quota", "554 5.7.1 spam"]


@pytest.mark.parametrize(("stage", "said"), list(itertools.product(["MAIL", "RCPT", "END"], ANSWERS)))
def test_every_stage_and_answer_has_one_outcome(sink: servers.Sink, relay_to: MakeRelay, stage: str, said: str) -> None:
    """S4: 2xx goes on, 4xx is Deferred, 5xx is Rejected, each with the code of its own stage; the next mail arrives."""
    sink.script[stage] = [said]
    relay = relay_to(sink)
    outcome = relay.send(FROM, TO, MAIL)
    code, text = int(said[:3]), said[4:]
    if code == 250:
        assert outcome == Accepted(250, "fine" if stage == "END" else "2.0.0 taken")
    else:
        expected = Deferred if code < 500 else Rejected
        assert outcome == expected(code, text, stage.lower())
    assert len(sink.mails) == (code == 250)
    assert relay.connected is (code != 421)
    assert relay.send(FROM, TO, MAIL) == Accepted(250, "2.0.0 taken")
    assert sink.connections == (2 if code == 421 else 1)


def test_a_refused_recipient_ends_its_transaction(sink: servers.Sink, relay_to: MakeRelay) -> None:
    """S3, M12: after a refusal the transaction is reset, so the next mail has one recipient, its own."""
    sink.script["RCPT"] = ["550 no"]
    relay = relay_to(sink)
    relay.send(FROM, "first@acme.example", MAIL)
    relay.send(FROM, "second@acme.example", MAIL)
    assert [rcpt for rcpt, _, _ in sink.mails] == ["second@acme.example"]
    assert sink.commands.count("RSET") == 1


def test_a_relay_that_cannot_reset_is_left(sink: servers.Sink, relay_to: MakeRelay) -> None:
    """S3: in doubt about the state of a connection it is closed, and the next mail takes a new one."""
    sink.script["RCPT"], sink.script["RSET"] = ["550 no"], ["451 cannot"]
    relay = relay_to(sink)
    assert isinstance(relay.send(FROM, TO, MAIL), Rejected)
    assert isinstance(relay.send(FROM, TO, MAIL), Accepted)
    assert sink.connections == 2
    assert [rcpt for rcpt, _, _ in sink.mails] == [TO]


@pytest.mark.parametrize("code", [530, 534, 535, 538])
@pytest.mark.parametrize("stage", ["MAIL", "RCPT"])
def test_a_relay_that_wants_a_login_is_no_fault_of_the_recipient(
    sink: servers.Sink, relay_to: MakeRelay, stage: str, code: int
) -> None:
    """S11: 530 and its kin (RFC 4954) speak of our login: the mail waits, no recipient's bounce is counted."""
    sink.script[stage] = [f"{code} 5.7.0 authentication required"]
    assert relay_to(sink).send(FROM, TO, MAIL) == Deferred(code, "5.7.0 authentication required", stage.lower())


@pytest.mark.parametrize(
    ("verb", "said", "stage", "ambiguous"),
    [
        (b"MAIL", b"999 what\r\n", "mail", False),
        (b"RCPT", b"354 go\r\n", "rcpt", False),
        (b"DATA", b"250 ok\r\n", "data", False),
        (b"DATA", b"garbage\r\n", "data", False),
        (b".", b"354 more\r\n", "end", True),
        (b".", b"\xff\xfe\r\n", "end", True),
    ],
)
def test_an_answer_out_of_step_ends_the_connection(
    relay_to: MakeRelay, verb: bytes, said: bytes, stage: str, ambiguous: bool
) -> None:
    """S3: what is no answer to the command tells nothing; nothing more is said on that connection."""
    with faults.scripted(b"220 hi\r\n", smtp_script({verb: said})) as odd:
        relay = relay_to(odd)
        outcome = relay.send(FROM, TO, MAIL)
        assert isinstance(outcome, Lost)
        assert (outcome.stage, outcome.ambiguous) == (stage, ambiguous)
        assert relay.connected is False


def test_replies_become_one_short_printable_line(relay_to: MakeRelay) -> None:
    """X5: a relay's words go to logs and terminals: one line, no escapes, at most 200 characters."""
    said = b"550-first\r\n550-\x1b]52;c;AAAA\x07 \x9b31m\r\n550 " + b"long " * 500 + b"\r\n"
    with faults.scripted(b"220 hi\r\n", smtp_script({b"RCPT": said})) as odd:
        outcome = relay_to(odd).send(FROM, TO, MAIL)
    assert isinstance(outcome, Rejected)
    assert outcome.text.startswith("first ]52;c;AAAA")
    assert outcome.text.isprintable()
    assert len(outcome.text) == 200


# --- a bad network ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "stage", "ambiguous"),
    [(b"MAIL", "mail", False), (b"RCPT", "rcpt", False), (b"DATA", "data", False), (b".", "end", True)],
)
def test_a_lost_connection_is_ambiguous_only_after_the_final_dot(
    relay_to: MakeRelay, verb: bytes, stage: str, ambiguous: bool
) -> None:
    """S2: only a loss after the final dot leaves open whether the relay has the mail (RFC 1047)."""

    def hangs_up() -> faults.Speaker:
        usual = smtp_script()()
        return lambda line: None if line.split(b" ")[0].strip().upper() == verb else usual(line)

    with faults.scripted(b"220 hi\r\n", hangs_up) as odd:
        outcome = relay_to(odd).send(FROM, TO, MAIL)
    assert isinstance(outcome, Lost)
    assert (outcome.stage, outcome.ambiguous) == (stage, ambiguous)


def test_a_lost_answer_leaves_the_mail_with_the_relay(sink: servers.Sink, relay_to: MakeRelay) -> None:
    """S2, M11: the final 250 is lost: the mail was stored, the outcome says ambiguous; a resend has the same bytes."""
    sink.script["END"] = [servers.DROP]
    relay = relay_to(sink)
    outcome = relay.send(FROM, TO, MAIL)
    assert isinstance(outcome, Lost)
    assert outcome.ambiguous
    assert isinstance(relay.send(FROM, TO, MAIL), Accepted)
    assert sink.mails == [(TO, MAIL, FROM)] * 2


def test_an_eaten_answer_of_postfix_is_ambiguous(
    postfix: servers.PostfixServer, user: str, relay_to: MakeRelay
) -> None:
    """S2, M11: the same over a network that swallows Postfix's `queued as`: the mail is delivered, the outcome open."""
    with faults.fault_proxy(postfix.port) as proxy:
        proxy.eat = b"queued as"
        outcome = relay_to(proxy).send(FROM, f"{user}@acme.example", MAIL)
    assert isinstance(outcome, Lost)
    assert outcome.ambiguous
    assert len(postfix.expect(user, 1)) == 1


def test_a_silent_relay_is_given_up(relay_to: MakeRelay) -> None:
    """S7, M7: every command has its own timeout, and so has the answer to the final dot (ambiguous then)."""
    with faults.scripted(b"220 hi\r\n", smtp_script({b"RCPT": b""})) as odd:
        outcome = relay_to(odd, timeout=0.2).send(FROM, TO, MAIL)
        assert outcome == Lost("no reply in time", False, "rcpt") or outcome == Lost("timed out", False, "rcpt")
    with faults.scripted(b"220 hi\r\n", smtp_script({b".": b""})) as odd:
        outcome = relay_to(odd, timeout_end=0.2).send(FROM, TO, MAIL)
        assert isinstance(outcome, Lost)
        assert outcome.ambiguous


def test_a_relay_that_drips_is_given_up(relay_to: MakeRelay) -> None:
    """S7, slow-loris: a byte now and then does not extend the time of a reply."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            for octet in itertools.cycle(b"220-a"):
                if stop.wait(0.02):
                    return
                connection.sendall(bytes([octet]))

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    relay = OneByOne(SmtpSettings("127.0.0.1", listener.getsockname()[1], "none", timeout=0.3))
    with pytest.raises(RelayDown, match=r"in time|timed out"):
        relay.connect()
    stop.set()
    thread.join()
    listener.close()


@pytest.mark.parametrize(
    ("endless", "why"), [(b"220-" + b"x" * 70 + b"\r\n", "does not end"), (b"y" * 70, "can be read")]
)
def test_an_endless_reply_is_given_up(endless: bytes, why: str) -> None:
    """R8: a reply of any number of lines, or without a line end, costs bounded memory, and is not read to its end."""
    with faults.scripted(endless * 2_000, smtp_script()) as odd, pytest.raises(RelayDown, match=why):
        OneByOne(smtp_settings(odd, timeout=2.0)).connect()


def test_a_relay_that_closed_an_idle_connection_costs_no_delay(sink: servers.Sink, relay_to: MakeRelay) -> None:
    """S1: a kept connection may be dead or say 421 at MAIL; nothing of the mail was said, so it goes over a new one."""
    with faults.fault_proxy(sink.port) as proxy:
        relay = relay_to(proxy)
        assert isinstance(relay.send(FROM, TO, MAIL), Accepted)
        proxy.drop()
        assert isinstance(relay.send(FROM, TO, MAIL), Accepted)
        sink.script["MAIL"] = ["421 4.4.2 timeout exceeded"]
        assert isinstance(relay.send(FROM, TO, MAIL), Accepted)
        sink.script["MAIL"] = ["421 4.3.2 going down", "421 4.3.2 going down"]
        assert isinstance(relay.send(FROM, TO, MAIL), Deferred)
        assert proxy.connections == 4
    assert len(sink.mails) == 3


def test_a_relay_that_is_down_is_told_from_a_mail_that_failed(relay_to: MakeRelay) -> None:
    """S1: no connection, a refusing banner, a refusing EHLO: RelayDown, and no mail is spent on it."""
    relay = OneByOne(SmtpSettings("127.0.0.1", servers.free_port(), "none"))
    with pytest.raises(RelayDown) as down:
        relay.send(FROM, TO, MAIL)
    assert (down.value.code, down.value.operator) == (0, False)
    for greeting, answers, code in [
        (b"421 4.3.2 too busy\r\n", {}, 421),
        (b"554 5.7.1 not you\r\n", {}, 554),
        (b"220 hi\r\n", {b"EHLO": b"421 no\r\n", b"HELO": b"421 no\r\n"}, 421),
    ]:
        with faults.scripted(greeting, smtp_script(answers)) as odd, pytest.raises(RelayDown) as down:
            relay_to(odd).send(FROM, TO, MAIL)
        assert down.value.code == code


def test_closing_never_raises(sink: servers.Sink, relay_to: MakeRelay) -> None:
    """The sender closes in `finally`: QUIT where someone listens, silence where the link is dead, twice is fine."""
    relay = relay_to(sink)
    relay.close()
    relay.send(FROM, TO, MAIL)
    relay.close()
    relay.close()
    assert sink.commands[-1] == "QUIT"
    with faults.fault_proxy(sink.port) as proxy:
        relay = relay_to(proxy)
        relay.send(FROM, TO, MAIL)
        proxy.drop()
        relay.close()


# --- nothing unfit goes on the wire ----------------------------------------------------------------------------------


def bad_addresses() -> list[str]:
    """Malformed addresses of many kinds (S8)."""
    chance = random.Random(5)
    bad = ["", "<>", "sara", "@acme.example", "sara@", "a@b@acme.example", "a b@acme.example", "sara@acme..example"]
    bad += ["boss@corp.example <evil@x.example>", "x@y.example, z@w.example", "Sara <sara@acme.example>"]
    bad += ["<sara@acme.example>", " sara@acme.example", "sara@acme.example ", "sara@acme.example\r\nDATA"]
    bad += ["sara\n@acme.example", "sara\0@acme.example", "sära@acme.example", "sara@äcme.example"]
    bad += ["a" * 65 + "@acme.example", "a@" + "b" * 60 + ("." + "c" * 60) * 4 + ".example", "sara@acme.example>"]
    bad += ["sara@acme.example> SIZE=1", "@relay.example:sara@acme.example", "sara@[127.0.0.1]", ".sara@acme.example"]
    while len(bad) < 200:
        at = chance.randrange(len(TO))
        bad.append(TO[:at] + chance.choice(' <>()[],;:\\"\r\n\0\x7fé@') + TO[at:])
    return bad


def test_no_malformed_address_reaches_the_wire(sink: servers.Sink, relay_to: MakeRelay) -> None:
    """S8, M13: 200 malformed addresses: 0 reach MAIL or RCPT, none is rewritten, each is refused with its reason."""
    relay = relay_to(sink)
    for address in bad_addresses():
        assert relay.send(FROM, address, MAIL) == Rejected(553, "the recipient is no valid address", "here")
        if address:
            outcome = relay.send(address, TO, MAIL)
            assert outcome == Rejected(553, "the envelope sender is no valid address", "here")
    assert sink.connections == 0


def test_addresses_are_sent_as_they_are(sink: servers.Sink, relay_to: MakeRelay) -> None:
    """S8: no parseaddr on output: plus addresses, case and odd but valid characters stay."""
    people = ["Sara.Lee+a@Acme.Example", "o'neil@acme.example", "a/b=c@acme.example", "a" * 64 + "@acme.example"]
    relay = relay_to(sink)
    for person in people:
        assert isinstance(relay.send("issues+b1r.x@acme.example", person, MAIL), Accepted)
    assert [rcpt for rcpt, _, _ in sink.mails] == people


@pytest.mark.parametrize(
    "mail",
    [
        b"Subject: x\r\n\r\na\nb\r\n",
        b"Subject: x\r\n\r\na\rb\r\n",
        b"Subject: x\r\n\r\na\r\n.\nMAIL FROM:<evil@x.example>\r\n",
        b"Subject: x\n\nhi\n",
        b"Subject: x\r\n\r\na\0b\r\n",
        "Subject: x\r\n\r\nä\r\n".encode(),
        b"Subject: x\r\n\r\n" + b"y" * 999 + b"\r\n",
    ],
)
def test_bytes_that_could_smuggle_a_second_mail_are_not_sent(
    sink: servers.Sink, relay_to: MakeRelay, mail: bytes
) -> None:
    """S9, CVE-2023-51764: no bare CR or LF, no NUL, 7-bit, lines of at most 998 bytes; our fault, stage `here`."""
    outcome = relay_to(sink).send(FROM, TO, mail)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.stage) == (554, "here")
    assert sink.connections == 0


def test_any_fit_body_is_one_mail_with_the_same_bytes(sink: servers.Sink, relay_to: MakeRelay) -> None:
    """S9: 300 fuzzed bodies full of dots and CRLF: exactly one mail each, byte for byte."""
    chance = random.Random(11)
    relay = relay_to(sink)
    bodies = []
    for _ in range(300):
        pieces = chance.choices([b".", b"..", b"\r\n", b"\r\n.\r\n", b"a", b"DATA", b" ", b"QUIT\r\n"], k=20)
        bodies.append(b"Subject: x\r\n\r\n" + b"".join(pieces) + b"\r\n")
    bodies.append(b".\r\n")
    for body in bodies:
        assert isinstance(relay.send(FROM, TO, body), Accepted)
    assert [raw for _, raw, _ in sink.mails] == bodies
    assert isinstance(relay.send(FROM, TO, b"Subject: no line end"), Accepted)
    assert sink.mails[-1][1] == b"Subject: no line end\r\n"
    assert sink.connections == 1


def test_the_librarys_own_send_is_not_used(
    sink: servers.Sink, relay_to: MakeRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """X2, M1, M12, M13: send_message, sendmail, mail, rcpt and data of smtplib would rewrite or forget."""

    def never(*_: object, **__: object) -> None:
        raise AssertionError("used")

    for name in ("send_message", "sendmail", "mail", "rcpt", "data"):
        monkeypatch.setattr(smtplib.SMTP, name, never)
    assert isinstance(relay_to(sink).send(FROM, TO, MAIL), Accepted)
    names = {n.attr for n in ast.walk(ast.parse(inspect.getsource(smtp))) if isinstance(n, ast.Attribute)}
    assert not names & {"send_message", "sendmail"}


def pipelined(rcpt: bytes, data: bytes) -> Callable[[bytes], bytes | None]:
    """A relay that announces PIPELINING; `rcpt` and `data` are its answers to RCPT and DATA."""
    inside = [False]

    def answer(line: bytes) -> bytes | None:
        word = line[:4].upper()
        if inside[0]:
            inside[0] = line != b".\r\n"
            return b"554 5.5.1 no valid recipients\r\n" if not inside[0] else b""
        inside[0] = word == b"DATA" and data.startswith(b"354")
        answers = {b"EHLO": b"250-relay\r\n250 PIPELINING\r\n", b"RCPT": rcpt, b"DATA": data}
        return answers.get(word, b"250 2.0.0 ok\r\n")

    return answer


@pytest.mark.parametrize("data", [b"354 go on\r\n", b"554 5.5.1 no valid recipients\r\n"])
def test_a_pipelined_refusal_leaves_both_sides_in_step(relay_to: MakeRelay, data: bytes) -> None:
    """RFC 2920 3.1: RCPT is refused and DATA taken all the same: a lone dot ends it, nothing of the mail goes out,
    and the connection is good for the next one."""
    refusal = b"550 5.1.1 no such person\r\n"
    with faults.scripted(b"220 relay\r\n", lambda: pipelined(refusal, data)) as script:
        relay = relay_to(script)
        for _ in range(2):
            assert relay.send(FROM, TO, MAIL) == Rejected(550, "5.1.1 no such person", "rcpt")
        assert script.connections == 1
        assert not any(b"Subject" in line for line in script.lines)


def test_a_relay_that_goes_down_in_a_group_defers(relay_to: MakeRelay) -> None:
    """S3: 421 in RCPT: nothing was taken, and nothing more is waited for."""
    with faults.scripted(b"220 relay\r\n", lambda: pipelined(b"421 4.3.2 going down\r\n", b"")) as script:
        relay = relay_to(script)
        assert relay.send(FROM, TO, MAIL) == Deferred(421, "4.3.2 going down", "rcpt")
        assert not relay.connected
