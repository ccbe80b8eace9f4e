"""Signed tokens in reply addresses and Message-IDs (trust.md 3.3): who was written to, about which issue, until when.

`BASE+<k>r<issue>.<person>.<day>-<mac>@domain`, lower-case base32 only: k = key id, day = expiry in days since
1970-01-01, mac = the first 26 characters (130 bit) of base32(HMAC-SHA256), or 20 (100 bit) where the local part would
pass 64 octets (RFC 5321 4.5.3.1.1). Kinds: r reply, u unsubscribe, b bounce (VERP; its first number is the
outgoing mail), c confirm (a random secret, no MAC), l a broadcast that went to many at once, or to a group (in its
Message-ID only: its first number is the outgoing mail, its person nobody, or the group). The web page has kinds of its
own, which no address may have (sessions.py).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import b32encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
VALUE = {letter: place for place, letter in enumerate(ALPHABET)}
LONG, SHORT, LOCAL_PART = 26, 20, 64
EXPIRES_DAYS = 90
START = "triagemail1|"
IN_ADDRESSES = "rub"  # the kinds that count in the address of a mail
TO_MANY = "l"  # and one that ties an answer to a broadcast, and shows nothing about who answers
RETURN_PATH = re.compile(r"[a-z2-7]b(?:[a-z2-7]{1,12}\.){2}[a-z2-7]{1,12}-(?:[a-z2-7]{20}|[a-z2-7]{26})")
ENOUGH, LEFT_OVER = 17, 6  # octets of an HMAC that hold the 130 bit of a long MAC, and the bits behind these
PAIRS = tuple(one + two for one in ALPHABET for two in ALPHABET)  # 10 bit each
PLACES = range(120, -1, -10)


@dataclass(frozen=True, slots=True)
class Token:
    """What a valid token says. `number` is the issue (0: none) or, in kind b, the outgoing mail; `day` its last
    valid day."""

    kind: str
    number: int
    person: int
    day: int


@dataclass(frozen=True)
class Keyring:
    """The signing keys by their one-letter id: the first signs, all verify, so that a rotation keeps old mails
    answerable."""

    keys: Mapping[str, bytes] = field(repr=False)
    domain: str

    @cached_property
    def current(self) -> str:
        return next(iter(self.keys))

    @cached_property
    def hashes(self) -> Mapping[str, tuple[hashlib._Hash, hashlib._Hash]]:
        """Per key the inner and the outer hash of HMAC (RFC 2104 4), begun: continuing copies of them costs a third of
        hmac.digest."""
        begun = {}
        for key, secret in self.keys.items():
            block = (hashlib.sha256(secret).digest() if len(secret) > 64 else secret).ljust(64, b"\0")
            inner, outer = bytes(octet ^ 0x36 for octet in block), bytes(octet ^ 0x5C for octet in block)
            begun[key] = hashlib.sha256(inner), hashlib.sha256(outer)
        return begun

    def mac(self, key: str, kind: str, payload: str) -> str:
        inner, outer = self.hashes[key]
        inner, outer = inner.copy(), outer.copy()
        inner.update(f"{START}{kind}|{payload}|{self.domain}".encode())
        outer.update(inner.digest())
        return _letters(outer.digest())

    def detail(self, token: Token, base: str, key: str = "") -> str:
        """The signed detail part (RFC 5233) for a token; shorter where `base+detail` would not fit a local part."""
        return self.signer(token.kind, token.number, token.day, base, key)(base32(token.person))

    def signer(self, kind: str, number: int, day: int, base: str, key: str = "") -> Callable[[str], str]:
        """Makes the detail parts of all copies of one mail: from a person, in base32, to what `detail` gives. What they
        have in common is put together, and hashed, once."""
        key = key or self.current
        before, after = f"{base32(number)}.", f".{base32(day)}"
        begun, last = self.hashes[key][0].copy(), self.hashes[key][1]
        begun.update(f"{START}{kind}|{before}".encode())
        head, rest = f"{key}{kind}{before}", f"{after}|{self.domain}"
        room = LOCAL_PART - len(base) - len(f"+{head}{after}-") - LONG  # for the person beside a long MAC

        def sign(person: str) -> str:
            inner, outer = begun.copy(), last.copy()
            inner.update(f"{person}{rest}".encode())
            outer.update(inner.digest())
            mac = _letters(outer.digest())
            return f"{head}{person}{after}-{mac if len(person) <= room else mac[:SHORT]}"

        return sign

    def read(self, detail: str, today: int, kinds: str = IN_ADDRESSES) -> Token | None:
        """The token in a detail part, or None when it is none, forged, of an unknown key, expired or of another kind.
        Never raises."""
        head, dash, mac = detail.lower().partition("-")
        if not dash or len(mac) not in (LONG, SHORT) or len(head) < 7 or head[0] not in self.keys:
            return None
        payload = head[2:]
        numbers = [unbase32(part) for part in payload.split(".")]
        if head[1] not in kinds or len(numbers) != 3 or None in numbers:
            return None
        good = self.mac(head[0], head[1], payload)[: len(mac)]
        if not hmac.compare_digest(good.encode(), mac.encode("ascii", "replace")):
            return None
        token = Token(head[1], numbers[0] or 0, numbers[1] or 0, numbers[2] or 0)
        return token if token.day >= today else None


def _letters(digest: bytes) -> str:
    """The first 26 characters of base32, two at a time: every reader of a broadcast takes three, and b32encode, which
    is no C, nearly twice as long."""
    number = int.from_bytes(digest[:ENOUGH]) >> LEFT_OVER
    return "".join([PAIRS[number >> place & 1023] for place in PLACES])


def is_return_path(detail: str) -> bool:
    """Whether a detail part has the form of kind b, be it ours, expired or forged: nobody is answered there."""
    return bool(RETURN_PATH.fullmatch(detail.lower()))


def base32(number: int) -> str:
    """A number as lower-case base32 digits, no padding: 0 -> "a"."""
    digits = ""
    while True:
        number, rest = divmod(number, 32)
        digits = ALPHABET[rest] + digits
        if not number:
            return digits


def unbase32(text: str) -> int | None:
    """The number behind base32 digits; None for anything else. At most 12 digits, so it fits 60 bit."""
    if not 0 < len(text) <= 12 or not set(text) <= VALUE.keys():
        return None
    number = 0
    for letter in text:
        number = number * 32 + VALUE[letter]
    return number


def new_secret() -> tuple[str, str]:
    """(detail part, hash to store) of a confirmation: 128 random bit, only their sha256 is kept."""
    secret = b32encode(secrets.token_bytes(16)).decode().lower().rstrip("=")
    return f"c-{secret}", secret_hash(secret)


def secret_hash(secret: str) -> str:
    return hashlib.sha256(secret.lower().encode("utf-8", "replace")).hexdigest()


def read_secret(detail: str) -> str:
    """The hash to look for when a detail part is a confirmation's; "" when it is not."""
    head, _, secret = detail.lower().partition("-")
    return secret_hash(secret) if head == "c" and len(secret) == 26 else ""


def message_id(detail: str, outgoing: str, domain: str) -> str:
    """Our Message-ID: the same payload and MAC as the reply address, so that clients which drop Reply-To still
    thread. `outgoing` in base32."""
    return f"<{detail}.{outgoing}@{domain}>"


def read_message_id(value: str, domain: str) -> tuple[str, int]:
    """(detail part, outgoing number) of a Message-ID of ours; ("", 0) for any other."""
    left, at, right = value.strip().strip("<>").rpartition("@")
    if not at or right.lower() != domain:
        return "", 0
    detail, dot, number = left.rpartition(".")
    outgoing = unbase32(number.lower()) if dot else None
    return (detail, outgoing) if outgoing is not None else ("", 0)
