"""What a returned mail says, or a refusal of our own relay: which address, what it means, and which mail of ours it was
(RFC 3464; libraries.md 4).

Our own reader of delivery reports comes first; text without structure is read for its status, and flufl.bounce, whose
split into permanent and temporary is wrong, finds the address only. Nothing here proves anything: a bounce counts
against a subscriber only through the MAC in its VERP address (trust.md L6). Fed with mail that screening called a
bounce, delay or delivery; never raises.

What it means is one of five words, and `judge` alone chooses it: "hard" (the address is dead), "soft" (it is not, but
takes nothing), "content" (the mail or our host was not wanted: another mail may be), "unknown" (failed, nobody says
why), "delayed" (still tried). "" where the mail arrived.
"""

from __future__ import annotations

import email
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass

from triagemail.mail import phrases
from triagemail.mail.address import ADDRESS_LIMIT, normalise
from triagemail.mail.fields import ids_of
from triagemail.mail.headers import clean_header
from triagemail.mail.mime import ParsedMail
from triagemail.mail.words import fold

MEANINGS = ("hard", "soft", "unknown", "content", "delayed", "")  # the clearest against an address first
RECIPIENT_LIMIT = 200  # of one report
_TEXT_LIMIT = 500  # characters of the explanation that are kept
_ZONE = 6000  # characters of a text in which its explanation is looked for
_FLUFL_LIMIT = 128 * 1024  # octets of a mail that its many detectors get

# The enhanced codes (RFC 3463, registry of RFC 5248) that mean: this address is no address. Only they are hard.
_HARD = frozenset(("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1", "5.4.4"))
# About the mail, or about us (RFC 3463 3.6 to 3.8): the sender's address, too large, protocol, content, policy.
_CONTENT = re.compile(r"5\.(?:1\.[78]|2\.3|3\.4|5\.[2-6]|[67]\.\d{1,3})\Z")
_VAGUE = re.compile(r"[245]\.0\.|5\.(?:1\.0|2\.0|3\.0|4\.0|5\.0|5\.1|7\.1|1\.351)\Z")

_CODE = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d]|\.\d)")
_REPLY = re.compile(r"(?<![\d.:])([45])\d\d(?=[ :\-\]]|\Z)")
_ADDRESS = re.compile(r"[^\s<>()\[\]\",;:\\]{1,64}@[A-Za-z0-9.-]{1,190}")
_MESSAGE_ID = re.compile(r"^message-id[ \t]*:[ \t]*\n?[ \t]*(<[^<>\n]{1,990}>)", re.M | re.I)
_RETURNED = re.compile(
    r"^[ >*]*(?:-{2,}|={2,}|_{2,})? ?(?:(?:below this line|this is) (?:is )?a copy|returned (?:message|mail|to sender)"
    r"|(?:your |the )?original (?:message|mail)|unsent message|message (?:headers?|text) follow"
    r"|(?:received|return-path): )",
    re.M | re.I,
)


@dataclass(frozen=True, slots=True)
class Bounce:
    """What became of our mail to one recipient.

    `recipient` normalised, "" where the mail does not tell. `action`: failed, delayed, delivered, relayed or expanded.
    `status`: an enhanced status code (RFC 3463) or "". `meaning`: one of MEANINGS, see above. `text`: one line of
    explanation. `original_message_id`: of our mail, with angle brackets, or "".
    """

    recipient: str
    action: str
    status: str
    meaning: str
    text: str
    original_message_id: str


def read(mail: ParsedMail, raw: bytes) -> tuple[Bounce, ...]:
    """One Bounce per recipient that the report names; one without recipient where it names none."""
    original = _original(mail)
    zone = _zone(mail.text)
    found = [
        _bounce(fields, zone, original)
        for kind, text in mail.reports
        if kind.endswith("delivery-status")
        for fields in _recipients(text)
    ][:RECIPIENT_LIMIT]
    if found:
        return tuple(found)
    addresses = _named(mail, raw, zone)[:RECIPIENT_LIMIT]
    said = _sayings(zone, addresses) if len(addresses) > 1 else {}
    return tuple(_from_text(address, said.get(address, zone), original) for address in addresses or ("",))


def worst(found: tuple[Bounce, ...], recipient: str) -> Bounce | None:
    """Of a report the bounce of this recipient; where it names others only (a forwarded mail, an alias), the
    clearest."""
    own = [each for each in found if each.recipient == recipient] or found
    return min(own, key=lambda each: MEANINGS.index(each.meaning), default=None)


def of_reply(reply: str) -> str:
    """What a final refusal of our own relay means: `550 5.1.1 no such person`."""
    return judge("failed", _status(reply), reply)


def judge(action: str, status: str, said: str) -> str:
    """One of MEANINGS. A clear status decides (libraries.md 4: most 5.x.x are no dead address), a vague one leaves it
    to the text; a full mailbox is alive whatever code stands beside it."""
    if action != "failed":
        return "delayed" if action == "delayed" else ""
    said = " ".join(fold(said[:_ZONE]).split())
    if _any_of(phrases.FULL_TEXTS, said):
        return "soft"
    vague = not status or bool(_VAGUE.match(status))
    unwanted = _any_of(phrases.CONTENT_TEXTS, said)
    other = unwanted or _any_of(phrases.OTHER_CAUSES, said)
    dead = _any_of(phrases.UNKNOWN_TEXTS, said) and not other and not status.startswith(("2", "4"))
    if status in _HARD or (vague and dead):
        return "hard"
    if _CONTENT.match(status) or (vague and unwanted):
        return "content"
    return "soft" if not vague or other or status.startswith("4") else "unknown"


# --- delivery reports -------------------------------------------------------------------------------------------------


def _recipients(text: str) -> Iterator[dict[str, str]]:
    """The groups of fields that name a recipient (RFC 3464 2.3)."""
    for group in text.split("\n\n")[: 2 * RECIPIENT_LIMIT]:
        fields: dict[str, str] = {}
        name = ""
        for line in group.split("\n"):
            if line[:1] in (" ", "\t") and name:
                fields[name] += " " + line.strip()
                continue
            head, colon, value = line.partition(":")
            name = head.strip().lower() if colon else ""
            if name:
                fields.setdefault(name, value.strip())
        if "final-recipient" in fields or "original-recipient" in fields:
            yield fields


def _bounce(fields: dict[str, str], zone: str, original: str) -> Bounce:
    """`Original-Recipient` is the address that we wrote to, so it is preferred (RFC 3464 2.3.1)."""
    recipient = _recipient(fields.get("original-recipient", "")) or _recipient(fields.get("final-recipient", ""))
    # The words of the host that refused it say more than the Status that the reporting host made of them.
    said = fields.get("diagnostic-code", "")
    stated, quoted = _status(fields.get("status", "")), _code(said)
    status = quoted if quoted and not quoted.endswith(".0.0") else stated or quoted or _status(said)
    word = fields.get("action", "").lower()
    action = next((known for known in ("failed", "delayed", "delivered", "relayed", "expanded") if known in word), "")
    action = action or ("delayed" if status.startswith("4") else "delivered" if status.startswith("2") else "failed")
    return Bounce(
        recipient,
        action,
        status,
        judge(action, status, said or zone),
        clean_header(said or zone, _TEXT_LIMIT),
        original,
    )


def _recipient(value: str) -> str:
    """The address in `rfc822; <user@host>`; what some hosts accept against RFC 5321 (two dots) is kept as it is."""
    text = value.rpartition(";")[2].strip().strip("<>").partition(" ")[0]
    address = normalise(text)
    plain = text.isascii() and text.isprintable() and text.count("@") == 1 and len(text) <= ADDRESS_LIMIT
    if address is None and plain:
        return text.lower()
    return address or ""


def _original(mail: ParsedMail) -> str:
    """The Message-ID of our mail: from the returned header, else from the copy in the text."""
    found = _MESSAGE_ID.search(mail.enclosed) or _MESSAGE_ID.search(mail.text)
    ids = ids_of(found[1]) if found else ()
    return ids[0] if ids else ""


# --- text -------------------------------------------------------------------------------------------------------------


def _zone(text: str) -> str:
    """The explanation: what stands before the returned mail."""
    found = _RETURNED.search(text, 1, _ZONE)
    return text[: found.start() if found else _ZONE]


def _code(text: str) -> str:
    """The first enhanced status code of class 4 or 5, or ""."""
    found = next((match for match in _CODE.finditer(text) if match[1] != "2"), None)
    return f"{found[1]}.{int(found[2])}.{int(found[3])}" if found else ""


def _status(text: str) -> str:
    """The enhanced status code in a text; from a plain reply code (RFC 5321 4.2.1) only its class."""
    found = _CODE.match(text.strip())
    if found:
        return f"{found[1]}.{int(found[2])}.{int(found[3])}"
    code = _code(text)
    reply = None if code else _REPLY.search(text)
    return f"{reply[1]}.0.0" if reply else code


def _from_text(address: str, said: str, original: str) -> Bounce:
    status = _status(said)
    action = "delayed" if status.startswith("4") else "delivered" if status.startswith("2") else "failed"
    return Bounce(address, action, status, judge(action, status, said), clean_header(said, _TEXT_LIMIT), original)


def _any_of(wordings: tuple[str, ...], said: str) -> bool:
    return any(wording in said for wording in wordings)


def _sayings(zone: str, addresses: tuple[str, ...]) -> dict[str, str]:
    """What is said of each of several addresses: the text from where it is first named to the next of them."""
    lower = zone.lower()
    places = sorted((lower.find(address), address) for address in addresses if address in lower)
    ends = [place for place, _ in places[1:]] + [len(zone)]
    return {address: zone[start:end] for (start, address), end in zip(places, ends, strict=False)}


def _named(mail: ParsedMail, raw: bytes, zone: str) -> tuple[str, ...]:
    """The failed addresses: X-Failed-Recipients (Exim), flufl.bounce, the first foreign address of the text."""
    listed = [_recipient(item) for value in mail.headers.get("x-failed-recipients", ()) for item in value.split(",")]
    found = [address for address in listed if address] or _detected(raw)
    if not found:
        known = {*mail.recipients, mail.from_.address if mail.from_ else ""}
        texts = [_recipient(match[0].strip("'.")) for match in _ADDRESS.finditer(zone)]
        found = [text for text in texts if text and text not in known][:1] or [text for text in texts if text][:1]
    return tuple(dict.fromkeys(found))


def _detected(raw: bytes) -> list[str]:
    """The addresses that flufl.bounce finds; its rating of them is not used."""
    from flufl.bounce import scan_message  # 40 ms to import, for the few mails that need it

    logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)  # it logs every detector, and its own faults twice
    try:
        found = scan_message(email.message_from_bytes(raw[:_FLUFL_LIMIT]))
    except Exception:  # its detectors raise on 3 of 100 mails, each in its own way (libraries.md 4)
        return []
    texts = (address.decode("ascii", "replace") if isinstance(address, bytes) else str(address) for address in found)
    return sorted(address for address in map(_recipient, texts) if address)
