"""What a mail says that is "recorded in silence" (process.md 10): answers to invites, read receipts, reactions.

`screening.py` tells such mails from others; this reads the few words in them (RFC 5546 3.2.3 and 3.2.7, RFC 8098 3.1).
Calendar parts of strangers are read line by line and never by a library: linear, bounded, and it cannot raise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from triagemail.mail import mime
from triagemail.mail.headers import clean_header
from triagemail.mail.mime import ParsedMail

RECEIPT, CALENDAR, REACTION = KINDS = ("read receipt", "calendar answer", "reaction")
PARTSTATS = {"ACCEPTED": "accepted", "DECLINED": "declined", "TENTATIVE": "tentative"}
_HEAD = 64 * 1024  # characters of a part that are read
_TEXT_LIMIT = 500

_FOLD = re.compile(r"\r?\n[ \t]")
_PROPERTY = re.compile(r"^(UID|COMMENT|ATTENDEE)((?:;[^:\n]*)?):(.*)$", re.M | re.I)
_PARTSTAT = re.compile(r';PARTSTAT="?([A-Z-]{1,20})', re.I)
_QUOTED = re.compile(r'"([^"\n]*)"')
_DISPOSITION = re.compile(r"^disposition[ \t]*:[^;\n]*;[ \t]*([a-z-]{1,20})", re.M | re.I)
_ORIGINAL_ID = re.compile(r"^original-message-id[ \t]*:\s*(<[^<>\s]{1,250}>)", re.M | re.I)
_OF_OUTLOOK = re.compile(r"\[([^\]\n]{1,30})\]")


@dataclass(frozen=True, slots=True)
class Recorded:
    """`what` is one of accepted, declined, tentative, read, reaction, or "" for nothing that a journal would note;
    `shown` the same as the mail puts it; `text` the words or the emoji beside it; `ids` name what it is about: the
    Message-ID of our mail, the `invite_id` of our invite."""

    what: str
    shown: str
    text: str = ""
    ids: tuple[str, ...] = ()


def read(mail: ParsedMail, kind: str) -> Recorded:
    """What a mail of one of KINDS says; the last of `ids` is the surest."""
    if kind == RECEIPT:
        return _receipt(_part(mail, "message/disposition-notification"))
    if kind == CALENDAR:
        return _calendar(mail)
    emoji = _emoji(mail)
    return Recorded("reaction", emoji, emoji)


def invite_id(uid: str) -> str:
    """The key under which the thread of an issue knows one of its invites; no Message-ID looks like it."""
    return f"invite:{clean_header(uid)}"


def _part(mail: ParsedMail, kind: str) -> str:
    return next((text[:_HEAD] for name, text in mail.reports if name == kind), "")


def _receipt(report: str) -> Recorded:
    """RFC 8098 3.2.6: only `displayed` says that somebody had it on the screen; `deleted` says the opposite."""
    found = _DISPOSITION.search(report)
    shown = found[1].lower() if found else ""
    about = _ORIGINAL_ID.search(report)
    return Recorded("read" if shown == "displayed" else "", shown, ids=(about[1],) if about else ())


def _calendar(mail: ParsedMail) -> Recorded:
    """An answer has one ATTENDEE, who answers (RFC 5546 3.2.3); where there are several, the one who wrote counts."""
    lines = list(_properties(_FOLD.sub("", _part(mail, "text/calendar"))))
    author = mail.from_.address if mail.from_ else ""
    states = [(value.lower(), _PARTSTAT.search(rest)) for name, rest, value in lines if name == "ATTENDEE"]
    own = [found for value, found in states if found and author and value.endswith(f":{author}")]
    every = own or [found for _, found in states if found]
    state = every[0][1].upper() if every else ""
    uid = next((value for name, _, value in lines if name == "UID"), "")
    said = next((value for name, _, value in lines if name == "COMMENT"), "")
    what = PARTSTATS.get(state, "tentative" if mail.method == "COUNTER" else "")  # another time, if at all
    shown = " ".join(filter(None, (mail.method if mail.method != "REPLY" else "", state, clean_header(uid))))
    return Recorded(what, shown, _unescaped(said), (invite_id(uid),) if uid else ())


def _properties(text: str) -> Iterator[tuple[str, str, str]]:
    """(name, parameters, value) of the first event's lines. A quoted parameter may hold `:` and what looks like another
    parameter: it goes, unless it is a plain word."""
    start = max(text.upper().find("BEGIN:VEVENT"), 0)
    event = text[start:].partition("\nEND:VEVENT")[0]
    plain = _QUOTED.sub(lambda quoted: quoted[1] if quoted[1].isalpha() else "", event)
    for found in _PROPERTY.finditer(plain):
        yield found[1].upper(), found[2], found[3].strip()


def _unescaped(text: str) -> str:
    """A TEXT value as one line (RFC 5545 3.3.11)."""
    plain = re.sub(r"\\(.)", lambda found: " " if found[1] in "nN" else found[1], text)
    return clean_header(plain, _TEXT_LIMIT)


def _emoji(mail: ParsedMail) -> str:
    """The emoji of a reaction of Gmail, or the name that Outlook gives its picture: `like`, `heart`."""
    try:
        said = json.loads(_part(mail, mime.REACTION) or "{}")
    except (ValueError, RecursionError):
        said = {}
    emoji = said.get("emoji") if isinstance(said, dict) else None
    if isinstance(emoji, str):
        return clean_header(emoji, 40)
    named = _OF_OUTLOOK.match(mail.text[:200].lstrip())
    return clean_header(named[1], 40) if named else ""
