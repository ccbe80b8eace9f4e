"""The state of one SMTP connection: what it says, and what becomes of each mail, whatever the relay answers.

No socket and no clock: replies go in, bytes and outcomes come out.
"""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triagemail.doors.copies import Copy, share, unfit
from triagemail.doors.pipeline import Pipeline
from triagemail.doors.smtp import Accepted, Deferred, Lost, Outcome, Rejected
from triagemail.mail.address import normalise

BODY = b"From: issues@acme.example\r\nSubject: x\r\n\r\n.dots\r\nand more\r\n"
TAKEN = b"250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go on\r\n"
WIRE = BODY.replace(b"\r\n.", b"\r\n..") + b".\r\n"


def copy(number: int, body: bytes = BODY) -> Copy:
    """One mail to one person; its address and its To line tell which."""
    block = b"To: p%d@acme.example\r\n" % number
    return Copy(number, f"issues+b{number}@acme.example", f"p{number}@acme.example", block, share(body))


def envelope(number: int) -> bytes:
    return b"MAIL FROM:<issues+b%d@acme.example>\r\nRCPT TO:<p%d@acme.example>\r\nDATA\r\n" % (number, number)


def body(number: int) -> bytes:
    return b"To: p%d@acme.example\r\n" % number + WIRE


def write(pipeline: Pipeline) -> bytes:
    """Everything that is to be written, as a socket takes it that takes all."""
    octets = pipeline.take()
    pipeline.written += len(octets)
    return octets


def ended(pipeline: Pipeline) -> list[tuple[int, Outcome]]:
    """(which copy, outcome) of all that came to an end since the last time."""
    found = [(copy.key, outcome) for copy, outcome in pipeline.landed]
    pipeline.landed.clear()
    return found


def returned(pipeline: Pipeline) -> list[int]:
    found = [copy.key for copy in pipeline.returned]
    pipeline.returned.clear()
    return found


def under_way(*, pipelining: bool = True) -> Pipeline:
    """Mail 1 is taken and committed; the body of mail 2 is out, and the envelope of mail 3 with it."""
    pipeline = Pipeline(pipelining=pipelining)
    pipeline.offer(copy(1))
    write(pipeline)
    pipeline.received(TAKEN)
    pipeline.offer(copy(2))
    write(pipeline)
    pipeline.received(b"250 2.0.0 taken\r\n" + TAKEN)
    assert ended(pipeline) == [(1, Accepted(250, "2.0.0 taken"))]
    pipeline.release()
    pipeline.offer(copy(3))
    assert write(pipeline) == body(2) + envelope(3)
    return pipeline


# --- one round trip a mail -------------------------------------------------------------------------------------------


def test_a_body_and_the_next_envelope_go_out_together() -> None:
    """RFC 2920 3.1: the content first in a group, then MAIL, RCPT and DATA of the next: one round trip a mail."""
    pipeline = Pipeline(pipelining=True)
    assert pipeline.free
    pipeline.offer(copy(1))
    assert write(pipeline) == envelope(1)
    assert not pipeline.free
    assert not pipeline.ahead, "the relay may still refuse it"
    pipeline.received(TAKEN)
    assert pipeline.ahead
    pipeline.offer(copy(2))
    assert not pipeline.ahead
    assert write(pipeline) == body(1) + envelope(2)


def test_a_body_waits_until_the_last_result_is_committed() -> None:
    """ "A connection sends its next body only after the result of its last one is committed, so kill -9 duplicates at
    most one mail per open SMTP connection." """
    pipeline = under_way()
    pipeline.received(b"250 2.0.0 taken\r\n" + TAKEN)
    assert ended(pipeline) == [(2, Accepted(250, "2.0.0 taken"))]
    assert write(pipeline) == b""
    pipeline.release()
    assert write(pipeline) == body(3)


@pytest.mark.parametrize("refusal", [b"550 no\r\n", b"450 later\r\n"])
def test_a_body_waits_for_the_commit_of_a_refusal_too(refusal: bytes) -> None:
    """The same after a refused recipient: its result is a result."""
    pipeline = Pipeline(pipelining=True)
    pipeline.offer(copy(1))
    write(pipeline)
    pipeline.received(b"250 ok\r\n" + refusal + b"554 no valid recipients\r\n")
    pipeline.offer(copy(2))
    assert write(pipeline) == b"RSET\r\n" + envelope(2)
    pipeline.received(b"250 ok\r\n" + TAKEN)
    assert write(pipeline) == b""
    pipeline.release()
    assert write(pipeline) == body(2)


def test_without_pipelining_each_command_waits_for_its_answer() -> None:
    """RFC 5321: a relay that does not announce PIPELINING is told one thing at a time, and no second mail."""
    pipeline = Pipeline(pipelining=False)
    pipeline.offer(copy(1))
    said = []
    for reply in (b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b""):
        said.append(write(pipeline))
        assert not pipeline.ahead
        pipeline.received(reply)
    assert said == [*envelope(1).splitlines(keepends=True), body(1)]
    pipeline.received(b"250 taken\r\n")
    assert ended(pipeline) == [(1, Accepted(250, "taken"))]
    assert pipeline.free


def test_replies_may_come_in_any_pieces() -> None:
    """A reply of several lines, cut anywhere, is one reply; what follows it is not lost."""
    replies = b"250-2.1.0 from\r\n250 ok\r\n250 2.1.5 ok\r\n354 go\r\n"
    for at in range(len(replies)):
        pipeline = Pipeline(pipelining=True)
        pipeline.offer(copy(1))
        for piece in (replies[:at], replies[at:], b"250-2.0.0 it is\r\n", b"250 tak", b"en\r\n"):
            pipeline.received(piece)
        assert ended(pipeline) == [(1, Accepted(250, "2.0.0 it is taken"))]


# --- what the relay refuses ------------------------------------------------------------------------------------------

STAGES = ("mail", "rcpt", "data", "end")
GOOD = {"mail": "250 ok", "rcpt": "250 ok", "data": "354 go", "end": "250 taken"}


def hear(pipeline: Pipeline, stage: str, said: str) -> None:
    """The replies to the mail in hand up to this stage, the last of which is `said`."""
    for each in STAGES[: STAGES.index(stage)]:
        write(pipeline)
        pipeline.received(f"{GOOD[each]}\r\n".encode())
    write(pipeline)
    pipeline.received(f"{said}\r\n".encode())


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("pipelining", [True, False])
def test_421_on_a_fresh_connection_is_the_answer_to_this_mail(stage: str, pipelining: bool) -> None:
    """S3: 421 at any step is a clear no to the mail that it answers, after the dot too (RFC 5321 4.2.1)."""
    pipeline = Pipeline(pipelining=pipelining)
    pipeline.offer(copy(1))
    hear(pipeline, stage, "421 4.3.2 going down")
    assert ended(pipeline) == [(1, Deferred(421, "4.3.2 going down", stage))]
    assert returned(pipeline) == []
    assert pipeline.ended


@pytest.mark.parametrize("stage", STAGES)
def test_421_to_a_mail_spares_the_one_behind_it(stage: str) -> None:
    """S3: the relay goes down while one body is out and the next envelope is said: of the next nothing was sent, so
    another connection carries it, at once."""
    pipeline = under_way()
    if stage == "end":
        pipeline.received(b"421 4.3.2 going down\r\n")
        assert ended(pipeline) == [(2, Deferred(421, "4.3.2 going down", "end"))]
        assert returned(pipeline) == [3]
    else:
        pipeline.received(b"250 taken\r\n")
        hear(pipeline, stage, "421 4.3.2 going down")
        at_mail = stage == "mail"  # a kept connection that is ended there says nothing about the mail
        lost = [] if at_mail else [(3, Deferred(421, "4.3.2 going down", stage))]
        assert ended(pipeline) == [(2, Accepted(250, "taken")), *lost]
        assert returned(pipeline) == ([3] if at_mail else [])
    assert pipeline.ended
    assert write(pipeline) == b"", "nothing more is said"


@pytest.mark.parametrize(("rcpt", "end"), list(itertools.product((250, 450, 452, 550, 552, 554), (250, 451, 552, 554))))
@pytest.mark.parametrize("pipelining", [True, False])
def test_the_24_outcomes(rcpt: int, end: int, pipelining: bool) -> None:
    """S4, M12: 4xx retries that one, 5xx is final; the code of RCPT counts even where DATA fails as well."""
    pipeline = Pipeline(pipelining=pipelining)
    pipeline.offer(copy(1))
    replies = [b"250 ok", b"%d rcpt" % rcpt, b"354 go" if rcpt == 250 else b"554 no valid recipients", b"%d end" % end]
    for reply in replies:
        write(pipeline)
        if pipeline.stage in STAGES:
            pipeline.received(reply + b"\r\n")
    code, stage = (end, "end") if rcpt == 250 else (rcpt, "rcpt")
    kind = {2: Accepted, 4: Deferred, 5: Rejected}[code // 100]
    assert ended(pipeline) == [(1, kind(code, stage, stage))]
    assert not pipeline.ended


@pytest.mark.parametrize("void", [b"250 taken\r\n", b"554 5.5.1 no valid recipients\r\n"])
def test_a_refused_recipient_whose_data_is_taken_gets_a_lone_dot(void: bytes) -> None:
    """RFC 2920 3.1: all recipients refused and DATA accepted: a lone dot; then RSET, and the next mail goes on."""
    pipeline = under_way()
    pipeline.received(b"250 taken\r\n250 ok\r\n550 5.1.1 unknown\r\n354 go on\r\n")
    assert ended(pipeline) == [(2, Accepted(250, "taken")), (3, Rejected(550, "5.1.1 unknown", "rcpt"))]
    pipeline.release()
    pipeline.offer(copy(4))
    assert write(pipeline) == b".\r\nRSET\r\n" + envelope(4)
    pipeline.received(void + b"250 flushed\r\n" + TAKEN)
    assert write(pipeline) == body(4)
    assert not pipeline.ended


@pytest.mark.parametrize("rest", [b"250 ok\r\n354 go on\r\n", b"503 no\r\n354 go on\r\n"])
def test_data_after_a_refused_sender_ends_the_connection(rest: bytes) -> None:
    """A relay that takes DATA though it refused MAIL has a transaction open that is not ours: a lone dot would send an
    empty mail to whoever is in it."""
    pipeline = Pipeline(pipelining=True)
    pipeline.offer(copy(1))
    write(pipeline)
    pipeline.received(b"451 4.3.0 no\r\n" + rest)
    assert ended(pipeline) == [(1, Deferred(451, "4.3.0 no", "mail"))]
    assert pipeline.ended
    assert write(pipeline) == b""


def test_a_relay_that_cannot_reset_is_left_and_the_next_mail_goes_elsewhere() -> None:
    """S3: in doubt about the state of a connection it is closed."""
    pipeline = Pipeline(pipelining=True)
    pipeline.offer(copy(1))
    pipeline.received(b"250 ok\r\n550 no\r\n554 no\r\n")
    pipeline.offer(copy(2))
    pipeline.received(b"451 cannot\r\n")
    assert [key for key, _ in ended(pipeline)] == [1]
    assert returned(pipeline) == [2]
    assert pipeline.ended


def test_a_mail_over_the_limit_is_not_said() -> None:
    """S10, RFC 1870: checked before a byte goes out; the connection is as good as before."""
    pipeline = Pipeline(pipelining=True, size=True, limit=300)
    pipeline.offer(copy(1, BODY + b"x\r\n" * 100))
    (found,) = ended(pipeline)
    assert found[0] == 1
    assert isinstance(found[1], Rejected)
    assert (found[1].code, found[1].stage) == (552, "here")
    assert write(pipeline) == b""
    pipeline.offer(copy(2))
    size = len(b"To: p2@acme.example\r\n" + BODY)
    assert write(pipeline) == envelope(2).replace(b">\r\n", b"> SIZE=%d\r\n" % size, 1)


def test_a_relay_that_speaks_unasked_is_left() -> None:
    """`421 idle for too long` comes without a command; there is no mail that it could be about."""
    pipeline = Pipeline(pipelining=True)
    pipeline.received(b"421 4.4.2 idle for too long\r\n")
    assert pipeline.ended
    assert ended(pipeline) == []


# --- what the network loses ------------------------------------------------------------------------------------------


def test_only_after_its_final_dot_is_a_mail_ambiguous() -> None:
    """S2, RFC 1047: the connection is cut after every single byte that was written: the mail whose body is out is
    ambiguous from its final dot on; of the one behind it nothing was sent, and it goes over another connection."""
    whole = len(body(2) + envelope(3))
    dot = len(body(2))
    for at in range(whole + 1):
        pipeline = under_way()
        pipeline.written -= whole - at
        pipeline.lost("cut")
        assert ended(pipeline) == [(2, Lost("cut", at >= dot, "end"))]
        assert returned(pipeline) == [3]
        assert pipeline.ended


@pytest.mark.parametrize(("heard", "stage"), [(0, "mail"), (1, "rcpt"), (2, "data")])
@pytest.mark.parametrize("pipelining", [True, False])
def test_a_loss_before_the_body_is_not_ambiguous(heard: int, stage: str, pipelining: bool) -> None:
    """S2: nothing of the mail went out, so the relay cannot have it."""
    pipeline = Pipeline(pipelining=pipelining)
    pipeline.offer(copy(1))
    write(pipeline)
    for _ in range(heard):
        pipeline.received(b"250 ok\r\n")
        write(pipeline)
    pipeline.lost("cut")
    assert ended(pipeline) == [(1, Lost("cut", False, stage))]


def test_what_hangs_keeps_its_own_mail_only() -> None:
    """S7: the mail behind one that gets no answer is taken back; DATA may be open for it, so that connection ends with
    the answer, and the mail that was taken back is neither sent there nor counted twice."""
    pipeline = under_way()
    behind = pipeline.recall()
    assert behind is not None
    assert behind.key == 3
    assert pipeline.recall() is None
    assert not pipeline.ahead
    pipeline.received(b"250 taken\r\n" + TAKEN)
    assert ended(pipeline) == [(2, Accepted(250, "taken"))]
    assert returned(pipeline) == []
    assert pipeline.ended
    pipeline.release()
    assert write(pipeline) == b""


def test_a_goodbye_is_said_once() -> None:
    """QUIT, its answer, the end."""
    pipeline = Pipeline(pipelining=True)
    pipeline.quit()
    assert not pipeline.free
    assert write(pipeline) == b"QUIT\r\n"
    pipeline.received(b"221 bye\r\n")
    assert pipeline.ended


CODES = st.sampled_from([220, 221, 250, 251, 354, 421, 450, 451, 452, 500, 503, 530, 550, 552, 554, 999])


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(CODES, st.booleans()), max_size=40), st.booleans(), st.integers(0, 3))
def test_whatever_is_answered_each_mail_comes_to_one_end(
    replies: list[tuple[int, bool]], pipelining: bool, hang: int
) -> None:
    """R3, R4: any replies in any order: a mail has one outcome or goes elsewhere, never both; a body goes out never
    while a result is not committed."""
    pipeline = Pipeline(pipelining=pipelining)
    offered, seen, bodies, uncommitted = 0, [], 0, False
    for code, commit in replies:
        if pipeline.free or (pipeline.ahead and hang):
            offered += 1
            pipeline.offer(copy(offered))
        said = write(pipeline)
        assert not (uncommitted and WIRE in said)
        bodies += said.count(WIRE)
        if pipeline.stage == "end" and hang == 3 and (behind := pipeline.recall()):
            seen.append(behind.key)
        if not pipeline.ended:
            pipeline.received(b"%d x\r\n" % code)
        outcomes = ended(pipeline)
        seen += [key for key, _ in outcomes] + returned(pipeline)
        uncommitted = bool(outcomes) or uncommitted
        if commit:
            pipeline.release()
            uncommitted = False
    pipeline.lost("cut")
    seen += [key for key, _ in ended(pipeline)] + returned(pipeline)
    assert sorted(seen) == list(range(1, offered + 1))
    assert bodies <= offered


# --- what goes on the wire -------------------------------------------------------------------------------------------


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(max_size=30), st.from_regex(r"[a-zA-Z0-9_+.\-]{1,70}@[a-zA-Z0-9.\-]{1,70}", fullmatch=True)))
def test_the_quick_look_at_an_address_is_as_strict_as_the_long_one(address: str) -> None:
    """S8: strict addr-spec check before RCPT; what the short pattern lets through, the strict reading would too."""
    plain = Copy(1, "", address, b"", share(BODY))
    fit = address.isascii() and normalise(address) == address.lower()
    assert (unfit(plain) is None) == fit


@pytest.mark.parametrize(
    "block",
    [
        b"To: a\nBcc: b\r\n",
        b"To: a\rb\r\n",
        b"To: a\0\r\n",
        b"To: \xe4\r\n",
        b"To: a",
        b".\r\n",
        b"\r\n",
        b"To: a\r\n\r\n",
    ],
)
def test_personal_lines_that_could_smuggle_are_not_sent(block: bytes) -> None:
    """S9, X2: the personal lines are whole header lines of 7-bit text, and no empty line ends the header in them."""
    found = unfit(Copy(1, "", "p1@acme.example", block, share(BODY)))
    assert found is not None
    assert (found.code, found.stage) == (554, "here")


def test_dots_are_doubled_at_every_line_start() -> None:
    """RFC 5321 4.5.2, S9: on a thousand bodies of dots and line ends, taking the dots out again gives the body."""
    chance = random.Random(3)
    for _ in range(1000):
        pieces = chance.choices([b".", b"..", b"\r\n", b"\r\n.\r\n", b"a", b"\r\n.a"], k=12)
        mail = b"".join(pieces) + b"\r\n"
        lines = share(mail).wire.split(b"\r\n")
        assert lines[-2:] == [b".", b""]
        assert b"." not in lines[:-2]
        assert b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines[:-2]) + b"\r\n" == mail
