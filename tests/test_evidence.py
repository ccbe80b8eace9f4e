"""How sure we are who sent a mail: the four provider profiles (trust.md 3.1, 3.2; rows A1 to A6 of section 2)."""

from __future__ import annotations

import random
import re
import time
from datetime import timedelta

import pytest
from spoofs import (
    BORDER,
    EVIL_PLACES,
    EVIL_RESULTS,
    GENUINE,
    GOOGLE,
    INNER,
    M365,
    MX,
    NONE,
    OWN,
    POSTFIX,
    SARA,
    SUBMITTED,
    THEIRS,
    Above,
    ar,
    google,
    m365,
    own,
)

from triagemail.mail import authres, mime, received
from triagemail.mail.evidence import Trust, judge
from triagemail.process.model import Evidence, Level


def judged(above: Above, token: str | None = None, age: timedelta = timedelta()) -> Evidence:
    found = mime.parse(above.raw())
    author = found.from_.address if found.from_ else ""
    return judge(above.trust, found.trace, author, token, age)


def by_google(value: str, author: str = SARA) -> Evidence:
    return judged(Above("", GOOGLE, google(value), author=author))


# --- A2: Authentication-Results ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("above", GENUINE, ids=lambda above: above.name)
def test_a2_what_mail_systems_write_is_believed(above: Above) -> None:
    """A2: ">= 20 genuine Google/M365/rspamd/OpenDMARC samples: 0 false refusal"."""
    assert len(GENUINE) >= 20
    found = judged(above)
    assert (found.level, found.rule) == (Level.E1, above.rule), found


@pytest.mark.parametrize("value", EVIL_RESULTS)
def test_a2_what_forgers_write_is_not(value: str) -> None:
    """A2: "exact authserv-id …, strict grammar, one dmarc result, header.from = From domain; anything odd = `ambiguous`
    = no evidence"; ">= 60 headers: 0 false pass"."""
    assert len(EVIL_RESULTS) >= 60
    assert by_google(value).level in (Level.E0, Level.EX)


@pytest.mark.parametrize("above", EVIL_PLACES, ids=lambda above: above.name)
def test_a2_nor_where_it_does_not_belong(above: Above) -> None:
    """3.2: "read header lines from the top; stop at the first Received whose `by` host is not in
    `auth.trusted_received_by`; AR below that line is ignored. Exactly one AR with our id may be in the zone"."""
    assert judged(above).level in (Level.E0, Level.EX)


@pytest.mark.parametrize("name", [b"Subject", b"Return-Path", b"X-Odd"])
def test_a2_what_stands_behind_a_lone_carriage_return_is_no_field(name: bytes) -> None:
    """A2: "value injection"; a border that deletes foreign results (RFC 8601 5) sees one line there, and so do we."""
    own = Trust("own", ("mx.acme.example",), ("mx.acme.example",))
    forged = b"Authentication-Results: mx.acme.example; dmarc=pass header.from=acme.example"
    top = b"Received: from x by mx.acme.example; Mon, 23 Nov 2026 10:00:00 +0000\r\n"
    rest = b"From: sara@acme.example\r\nMessage-ID: <1@x.example>\r\n\r\nagree #1\r\n"
    believed = judge(own, mime.parse(top + forged + b"\r\n" + rest).trace, "sara@acme.example", None)
    assert believed.level is Level.E1
    found = mime.parse(top + name + b": x\r" + forged + b"\rX: y\r\n" + rest)
    assert judge(own, found.trace, "sara@acme.example", None).level is Level.E0


def test_a2_the_corpus_is_large_enough() -> None:
    """Section 4: AR headers >= 80."""
    assert len(GENUINE) + len(EVIL_RESULTS) + len(EVIL_PLACES) >= 80


@pytest.mark.parametrize(
    ("value", "level", "rule"),
    [
        ("dmarc=fail (p=REJECT) header.from=acme.example", Level.EX, "dmarc-fail"),
        ("dmarc=fail header.from=evil.example", Level.E0, "other-domain"),
        ("dmarc=none header.from=acme.example", Level.E0, "dmarc-none"),
        ("dmarc=temperror header.from=acme.example", Level.E0, "dmarc-temperror"),
        ("dkim=fail header.d=acme.example", Level.E0, "dmarc-none"),
        ("dmarc=pass header.from=acme.example; dmarc=pass header.from=acme.example", Level.E0, "ambiguous"),
    ],
)
def test_a_verdict_has_its_level(value: str, level: Level, rule: str) -> None:
    """3.1: EX where the provider says fail for this From; 3.5.5: "temperror counts as E0"."""
    for profile, found in (
        ("google", by_google(f"{MX}; {value}")),
        ("own", judged(Above("", OWN, own(f"mx.acme.example; {value}")))),
    ):
        assert (found.level, found.rule) == (level, rule), profile
    found = judged(Above("", M365, m365(value)))
    assert (found.level, found.rule) == (level, rule)


def test_a_gateway_in_front_of_m365_is_named_by_its_id() -> None:
    """3.2, m365: "third-party gateways in front: use that gateway's id instead"."""
    gateway = Trust("m365", ("gw.acme.example",), (".outlook.com", "gw.acme.example"))
    said = ar("gw.acme.example; dmarc=pass header.from=acme.example")
    assert judged(Above("", gateway, (*m365("dmarc=fail header.from=acme.example")[:4], said))).level is Level.E1
    assert judged(Above("", gateway, m365("dmarc=pass header.from=acme.example"))).level is Level.E0


def test_a_mail_without_results_shows_nothing() -> None:
    """3.1: E0 where it is missing."""
    for trust in (GOOGLE, OWN, M365):
        found = judged(Above("", trust, (INNER, BORDER, THEIRS)))
        assert (found.level, found.rule) == (Level.E0, "no-results")
    assert judged(Above("", NONE, ())) == Evidence(Level.E0, "none-fresh", "no token of ours")


def test_a_login_is_mapped_to_from() -> None:
    """3.2, own: "topmost Received by our host with `(Authenticated sender: login)` and login mapped to From"."""
    other = judged(Above("", OWN, (SUBMITTED.format(login="bob@acme.example"),)))
    assert (other.level, other.rule) == (Level.E0, "login-of-another")
    assert judged(Above("", OWN, (SUBMITTED.format(login="s.smith"),), author="bob@acme.example")).level is Level.E0


# --- A3: ARC ----------------------------------------------------------------------------------------------------------

_SEEN = "ARC-Authentication-Results: i=1; lists.partner.example; dmarc=pass header.from=acme.example"
_SEAL = "ARC-Seal: i=1; a=rsa-sha256; t=1; cv=none; d=lists.partner.example; s=k; b=aa=="
_PASSED_ON = f"{MX}; arc=pass (i=1); dmarc=fail header.from=acme.example"


LISTS = ("lists.partner.example",)


def forwarded(
    value: str = _PASSED_ON, seen: str = _SEEN, seal: str = _SEAL, *, sealers: tuple[str, ...] = LISTS
) -> Level:
    trust = Trust("google", GOOGLE.ids, GOOGLE.hosts, sealers)
    return judged(Above("", trust, (*google(value), seal, seen))).level


def test_a3_a_trusted_forwarder_counts_if_our_server_found_the_chain_whole() -> None:
    """A3: "counts only if the sealer is in `trusted_sealers` and cv=pass is reported by *our* server; default off"."""
    assert forwarded() is Level.E1
    assert forwarded(sealers=()) is Level.EX
    assert forwarded(sealers=("partner.example",)) is Level.EX


_GOOGLES = "ARC-Seal: i=2; a=rsa-sha256; t=2; cv=pass; d=google.com; s=k; b=aa=="
_GOOGLE_SAW = f"ARC-Authentication-Results: i=2; {MX}; arc=pass (i=1); dmarc=fail header.from=acme.example"


def at_gmail(above: tuple[str, ...], below: tuple[str, ...], sealers: tuple[str, ...] = LISTS) -> Level:
    """A mail as Gmail stores it: its own seal stands above the line of its border, those of others below."""
    trust = Trust("google", GOOGLE.ids, GOOGLE.hosts, sealers)
    inner, *rest = google(_PASSED_ON)
    return judged(Above("", trust, (inner, *above, *rest, *below))).level


def test_a3_the_seal_of_our_own_mail_system_needs_no_listing() -> None:
    """A3: "counts only if the sealer is in `trusted_sealers`": who sealed is the forwarder. Google and Microsoft 365
    put a seal of their own on all that comes in, as the domain under which they pass on mail of any customer."""
    assert at_gmail((_GOOGLES, _GOOGLE_SAW), (_SEAL, _SEEN)) is Level.E1
    assert at_gmail((_GOOGLES, _GOOGLE_SAW), (_SEAL, _SEEN), sealers=()) is Level.EX
    assert at_gmail((_GOOGLES, _GOOGLE_SAW), (_SEAL, _SEEN), sealers=("google.com",)) is Level.EX


@pytest.mark.parametrize(
    ("above", "below"),
    [
        ((), (_GOOGLES, _GOOGLE_SAW, _SEAL, _SEEN)),  # another customer of our provider has passed it on
        ((_GOOGLES.replace("i=2", "i=3"), _GOOGLE_SAW.replace("i=2", "i=3")), (_GOOGLES, _GOOGLE_SAW, _SEAL, _SEEN)),
        ((_GOOGLES, _GOOGLES, _GOOGLE_SAW), (_SEAL, _SEEN)),
        ((_GOOGLES, _GOOGLE_SAW), (_GOOGLES, _SEAL, _SEEN)),
        ((_GOOGLES.replace("google.com", "evil.example"), _GOOGLE_SAW), (_SEAL, _SEEN)),  # above a forged border
        ((_GOOGLES.replace("d=google.com", "d=e.com"), _GOOGLE_SAW), (_SEAL, _SEEN)),
        ((_GOOGLES.replace("; d=google.com", ""), _GOOGLE_SAW), (_SEAL, _SEEN)),
        ((_SEAL.replace("lists.partner", "mail.partner"), _SEEN), ()),  # we are the first: nobody has passed it on
    ],
)
def test_a3_a_seal_of_our_provider_for_others_is_not_ours(above: tuple[str, ...], below: tuple[str, ...]) -> None:
    """A3: what stands where a sender can write is theirs, whatever its domain."""
    assert at_gmail(above, below) is Level.EX


@pytest.mark.parametrize(
    "changed",
    [
        {"value": f"{MX}; dmarc=fail header.from=acme.example"},
        {"value": f"{MX}; arc=fail; dmarc=fail header.from=acme.example"},
        {"value": f"{MX}; arc=none (arc=pass); dmarc=fail header.from=acme.example"},
        {"seen": _SEEN.replace("=pass", "=fail")},
        {"seen": _SEEN.replace("header.from=acme", "header.from=evil")},
        {"seen": _SEEN.replace("i=1", "i=2")},
        {"seen": f"{_SEEN}\r\n{_SEEN}"},
        {"seen": "X-Nothing: x"},
        {"seal": f"{_SEAL}\r\n{_SEAL.replace('i=1', 'i=2').replace('lists.partner', 'evil')}"},
        {"seal": f"{_SEAL}\r\n{_SEAL}"},
        {"seal": f"{_SEAL}; d=evil.example"},
        {"seal": "X-Nothing: x"},
    ],
)
def test_a3_else_it_does_not(changed: dict[str, str]) -> None:
    """A3: ARC-only pass."""
    whole = {"value": _PASSED_ON, "seen": _SEEN, "seal": _SEAL, **changed}
    assert forwarded(whole["value"], whole["seen"], whole["seal"]) in (Level.E0, Level.EX)


# --- A4 to A6: the identity -------------------------------------------------------------------------------------------


def test_a5_the_author_is_from_alone() -> None:
    """A5: "Reply-To / Sender / Resent-From used as identity: never"; 6 fixtures."""
    for line in ("Reply-To", "Sender", "Resent-From", "Resent-Sender", "Return-Path", "X-Original-From"):
        above = Above(
            "",
            GOOGLE,
            (*google(f"{MX}; dmarc=pass header.from=acme.example"), f"{line}: {SARA}"),
            author="mallory@evil.example",
        )
        found = mime.parse(above.raw())
        assert found.from_ is not None
        assert found.from_.address == "mallory@evil.example"
        assert judged(above).level is Level.E0


LOOK_ALIKES = [
    (f"{name}@{domain}", verdict)
    for verdict in ("acme.example", "kiwi.example")
    for name, domain in (
        ("sara", f"xn--cme-7lc.{verdict[5:]}"),
        ("sara", f"x{verdict}"),
        ("sara", f"{verdict}.evil.example"),
        ("sara", f"{verdict[:-1]}"),
        ("sara", f"{verdict}x"),
        ("sara", f"{verdict.replace('e', '3', 1)}"),
        ("sara", f"{verdict.replace('i', 'l', 1).replace('m', 'rn', 1)}"),
        ("sara", f"mail.{verdict}"),
        ("sara", f"{verdict.partition('.')[2]}"),
        ("sara", f"{verdict.partition('.')[0]}"),
        ("s\u0430ra", verdict),
        ("sara", f"\u0430{verdict}"),
        ("sar\u0131", verdict),
        ("sara", verdict.replace("k", "\u212a").replace("c", "\u0441")),
        ("\u017fara", verdict),
    )
]


@pytest.mark.parametrize(("author", "verdict"), LOOK_ALIKES)
def test_a6_a_verdict_about_one_name_is_none_about_its_look_alike(author: str, verdict: str) -> None:
    """A6: "Homograph domains, dotless i, Kelvin sign, Unicode local parts"; 30 pairs: 0 equalities."""
    assert len(LOOK_ALIKES) == 30
    assert by_google(f"{MX}; dmarc=pass header.from={verdict}", author).level in (Level.E0, Level.EX)
    assert by_google(f"{MX}; dmarc=pass header.from={verdict}", f"sara@{verdict}").level is Level.E1


# --- 3.1: levels combine ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "token", "days", "level"),
    [
        ("pass", None, 0, Level.E1),
        ("pass", SARA, 0, Level.E12),
        ("pass", "bob@acme.example", 0, Level.E0),
        ("none", None, 0, Level.E0),
        ("none", SARA, 0, Level.E2),
        ("none", "bob@acme.example", 0, Level.E0),
        ("temperror", SARA, 0, Level.E2),
        ("fail", None, 0, Level.EX),
        ("fail", SARA, 0, Level.EX),
        ("fail", "bob@acme.example", 0, Level.EX),
        ("fail", SARA, 9, Level.EX),
        ("pass", None, 7, Level.E1),
        ("pass", None, 8, Level.E0),
        ("pass", SARA, 8, Level.E0),
        ("none", SARA, 8, Level.E0),
    ],
)
def test_levels_combine(value: str, token: str | None, days: int, level: Level) -> None:
    """3.1: "E1 and E2 together = E12"; E2 asks for "person in token = From, evidence not `fail`". A9: "other From ->
    comment at most". A11: "commands older than 7 d … ask again"."""
    above = Above("", GOOGLE, google(f"{MX}; dmarc={value} header.from=acme.example"))
    assert judged(above, token, timedelta(days=days)).level is level


def test_nobody_in_from_is_a_fail() -> None:
    """3.1: EX where it is bad-from."""
    for trust in (GOOGLE, OWN, M365, NONE):
        assert judge(trust, (), "", SARA).level is Level.EX


# --- A2: the reader of grammar ----------------------------------------------------------------------------------------


def test_a_result_is_read_whole() -> None:
    """RFC 8601 2.2: method, result, reason and properties; names in any case."""
    found = authres.read(
        'mx.acme.example 1; DKIM=Pass reason="a \\" b" (x) Header.D=acme.example header.b="a;b"; spf=none'
    )
    assert found.authserv_id == "mx.acme.example"
    assert [(r.method, r.value, dict(r.properties)) for r in found.results] == [
        ("dkim", "pass", {"reason": '"a \\" b"', "header.d": "acme.example", "header.b": '"a;b"'}),
        ("spf", "none", {}),
    ]
    assert authres.read("mx.acme.example; none") == authres.Results("mx.acme.example")
    assert authres.read("mx.acme.example;").fault


def test_a_received_line_is_read() -> None:
    """RFC 5321 4.4: `from`, `by`, `with`; where the client's words cannot reach."""
    assert received.read(mime.parse(POSTFIX.encode() + b"\r\n\r\n").trace[0][1]) == received.Hop(
        "mx.acme.example", "esmtps"
    )
    assert received.read("by host.acme.example (8.15/Submit) id 1; date").by == "host.acme.example"
    assert received.read("from x ([127.0.0.1]) by h with esmtp; d") == received.Hop("h", "esmtp", inside=True)
    for odd in ("", "from", "from a", "from a b", "from a by", "by", "with by x", "(by x)", "from a (b", "x" * 5000):
        assert received.read(odd).by == ""


HOSTILE = [
    "mx.google.com; " + "(" * 4000,
    "mx.google.com; " + "((" * 1900 + "))" * 90,
    '"' * 3999,
    "mx.google.com; a=b " + "c.d=e " * 600,
    "mx.google.com; " + "a=b;" * 990,
    "(" + "\\" * 3990,
    "mx.google.com" + " " * 3980,
    "a" * 3999,
    "mx.google.com; a=" + '"\\' * 1900,
]


@pytest.mark.parametrize("value", HOSTILE)
def test_a2_a_hostile_field_costs_nothing(value: str) -> None:
    """A strict, linear reader: the longest that is read costs milliseconds."""
    before = time.process_time()
    for _ in range(20):
        assert by_google(value).level is not Level.E1
        received.read(value)
    assert time.process_time() - before < 20 * 0.05


# --- A2: fuzz ---------------------------------------------------------------------------------------------------------

PIECES = [
    MX,
    "mx.evil.example",
    ";",
    "; ",
    " ",
    "\t",
    "=",
    "/",
    "1",
    "(",
    ")",
    '"',
    "\\",
    ".",
    ",",
    "dmarc",
    "dmarc=pass",
    "DMARC=pass",
    "dmarc=fail",
    "dkim=pass",
    "spf=pass",
    "header.from",
    "header.from=acme.example",
    "header.from=evil.example",
    "header.d=acme.example",
    "header.i=@acme.example",
    "none",
    "pass",
    "fail",
    "acme.example",
    "@",
    "x",
    "reason=",
    "action=none",
    "(x)",
    '"x"',
    "\u0430",
    "\x00",
]
GOOD = [
    f"{MX}; dmarc=pass (p=NONE) header.from=acme.example",
    f'{MX}; dkim=pass header.d=acme.example header.b="a"; spf=none',
    f"{MX} 1; spf=none; dmarc=pass header.from=acme.example",
]
SEEDS = [value for value in EVIL_RESULTS if len(value) < 300] + GOOD * 40


def mutated(chance: random.Random) -> str:
    value = chance.choice(SEEDS)
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        at = chance.randrange(len(value) + 1)
        match chance.randrange(4):
            case 0:
                value = value[:at] + chance.choice(PIECES) + value[at:]
            case 1:
                value = value[:at] + value[at + chance.randrange(1, 9) :]
            case 2:
                other = chance.choice(SEEDS)
                value = value[:at] + other[chance.randrange(len(other) + 1) :]
            case _:
                value = value[:at] + chance.choice(PIECES) + value[at + 1 :]
    return value


def stripped(value: str) -> str | None:
    """The oracle's eyes: comments are gone, quoted strings are `Q`; None where either is left open."""
    out, depth, quoted, at = "", 0, False, 0
    while at < len(value):
        sign = value[at]
        if sign == "\\" and (depth or quoted):
            at += 2
            if at > len(value):
                return None
            continue
        if quoted:
            quoted = sign != '"'
        elif sign == "(":
            depth, out = depth + 1, out + " "
        elif depth:
            depth -= sign == ")"
        elif sign == '"':
            quoted, out = True, out + "Q"
        else:
            out += sign
        at += 1
    return None if depth or quoted else out


_HEAD = re.compile(r"[ \t]*mx\.google\.com(?:[ \t]+1)?[ \t]*\Z")
_PASS = re.compile(r"dmarc(?:[ \t]*/[ \t]*1)?[ \t]*=[ \t]*pass(?![A-Za-z0-9-])", re.IGNORECASE)
_FROM = re.compile(r"(?<![\w.-])header[ \t]*\.[ \t]*from[ \t]*=[ \t]*([^ \t;]*)", re.IGNORECASE)
_SIGNED = re.compile(r"dkim(?:[ \t]*/[ \t]*1)?[ \t]*=[ \t]*pass(?![A-Za-z0-9-])", re.IGNORECASE)
_DOMAIN = re.compile(r"header[ \t]*\.[ \t]*[di][ \t]*=[ \t]*[^ \t;@]*@?acme\.example(?![^ \t;])", re.IGNORECASE)


def may_pass(value: str) -> bool:
    """Written apart from the reader, after the rule alone: nothing that this denies may be believed."""
    seen = stripped(value)
    if seen is None or not seen.isascii() or "\x00" in seen or len(value) > 4000:
        return False
    head, *parts = seen.split(";")
    about = [part for part in parts if re.match(r"[ \t]*dmarc[ \t]*[/=]", part, re.IGNORECASE)]
    if not _HEAD.match(head) or len(about) > 1:
        return False
    said = [name.lower() for part in about for name in _FROM.findall(part)]
    if about and _PASS.match(about[0].strip(" \t")):
        return said == ["acme.example"]
    silent = not about or re.match(r"dmarc[ \t]*(?:/[ \t]*1[ \t]*)?=[ \t]*none", about[0].strip(" \t"), re.IGNORECASE)
    signed = any(_SIGNED.match(part.strip(" \t")) and _DOMAIN.search(part) for part in parts)
    return bool(silent) and said in ([], ["acme.example"]) and signed


def fuzz(count: int, seed: int) -> tuple[int, list[str]]:
    """How many of `count` fields were believed, and those of them that must not be."""
    chance = random.Random(seed)
    believed, wrong = 0, []
    for _ in range(count):
        value = mutated(chance)
        found = judge(GOOGLE, (("authentication-results", value),), SARA, None)
        if found.level is Level.E1:
            believed += 1
            wrong += [] if may_pass(value) else [value]
    return believed, wrong


def test_a2_20_000_fuzzed_fields_hold_no_false_pass() -> None:
    """A2: "1 M fuzz: 0 false pass"; the short form."""
    believed, wrong = fuzz(20_000, 20261126)
    assert wrong == []
    assert believed > 200, "a fuzz that never gets through the reader shows nothing"


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a2_a_million_fuzzed_fields_hold_no_false_pass() -> None:
    """A2: "1 M fuzz: 0 false pass"."""
    believed, wrong = fuzz(1_000_000, 1)
    assert wrong == []
    assert believed > 10_000


def test_a2_the_oracle_knows_a_false_pass() -> None:
    """A test that cannot fail is a defect: the searching reader of M18 is caught."""
    fooled = [
        value for value in EVIL_RESULTS if re.search(r"mx\.google\.com.*dmarc=pass.*header\.from=acme\.example", value)
    ]
    assert len([value for value in fooled if not may_pass(value)]) >= 20
