"""`doctor --auth`: three test mails show what the mail system in front of us vouches for (trust.md 3.2). Without a good
result for the very config that it runs with, the service believes nobody on a provider's word."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from triagemail.mail import authres, evidence, mime, received
from triagemail.mail.evidence import Trust
from triagemail.mail.mime import ParsedMail
from triagemail.process.model import Evidence, Level
from triagemail.store.schema import from_micros, micros
from triagemail.store.store import Store

KINDS = ("inside", "outside", "forged")
GOOD_FOR = timedelta(hours=1)  # how long test mails are looked for
SILENT = "auth-test"
HOPS = 6  # Received fields from the top that may be those of our own servers
_SUBJECT = re.compile(r"\btriagemail-test-([0-9a-f]{8}) (inside|outside|forged)\b")
_KNOWN = (  # what everybody has there
    Trust("google", ("mx.google.com",), ("mx.google.com", "2002:")),
    Trust("m365", (), (".outlook.com", ".office365.com")),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """One of the three mails, and what a config makes of it."""

    kind: str
    author: str
    evidence: Evidence

    @property
    def good(self) -> bool:
        believed = self.evidence.level is Level.E1
        return not believed if self.kind == "forged" else believed


# --- the mails on their way ------------------------------------------------------------------------------------------


def begin(store: Store, now: datetime) -> str:
    """A new trial; the word that stands in the subjects of its mails."""
    code = secrets.token_hex(4)
    with store.transaction():
        _put(store, "auth_test", f"{code} {micros(now)}")
    return f"triagemail-test-{code}"


def kind_of(store: Store, found: ParsedMail, now: datetime) -> str:
    """Which of the three mails of the trial that runs now this one is; "" for all other mails."""
    match = _SUBJECT.search(found.subject[:200])
    if match is None:
        return ""
    code, _, at = (_get(store, "auth_test") or "").partition(" ")
    return match[2] if code == match[1] and now < from_micros(int(at)) + GOOD_FOR else ""


def mails(store: Store) -> dict[str, bytes]:
    """The latest raw mail of each kind in this trial."""
    at = int((_get(store, "auth_test") or " 0").partition(" ")[2])
    rows = store.all(
        "SELECT i.reason, r.body FROM inbox i JOIN raw r ON r.id = i.raw WHERE i.state = 'silent' AND"
        " i.received_at >= ? AND i.reason LIKE ? ORDER BY i.id",
        at, f"{SILENT}: %",
    )  # fmt: skip
    return {reason.partition(": ")[2]: bytes(body) for reason, body in rows}


# --- what they show --------------------------------------------------------------------------------------------------


def judge(trust: Trust, raws: Mapping[str, bytes]) -> tuple[Seen, ...]:
    """Each mail as this config sees it, in the order of KINDS."""
    return tuple(_judge(trust, kind, mime.parse(raws[kind])) for kind in KINDS if kind in raws)


def _judge(trust: Trust, kind: str, found: ParsedMail) -> Seen:
    author = found.from_.address if found.from_ else ""
    return Seen(kind, author, evidence.judge(trust, found.trace, author, None))


def good(seen: Sequence[Seen]) -> bool:
    """All three are there, mail from inside is believed and a forged one is not. Mail from outside need not be: not
    every domain publishes what is needed."""
    return [each.kind for each in seen] == list(KINDS) and all(each.good for each in seen if each.kind != "outside")


def suggest(trust: Trust, raws: Mapping[str, bytes]) -> Trust | None:
    """A config under which the three come out right, the one that believes the fewest hosts; None where there is
    none."""
    tried = ((judge(each, raws), each) for each in candidates(trust, mime.parse(raws["inside"])))
    right = [(seen, each) for seen, each in tried if good(seen)]
    right.sort(key=lambda pair: not all(each.good for each in pair[0]))  # where mail from outside is believed, too
    return right[0][1] if right else None


def candidates(trust: Trust, inside: ParsedMail) -> Iterator[Trust]:
    """The profiles that the trace of a mail from inside speaks for."""
    for known in _KNOWN:
        yield replace(trust, profile=known.profile, ids=known.ids, hosts=known.hosts)
    ids = [authres.read(value).authserv_id for name, value in inside.trace if name == "authentication-results"]
    hops = [received.read(value).by for name, value in inside.trace if name == "received"][:HOPS]
    for count in range(1, len(hops) + 1):
        hosts = tuple(dict.fromkeys(hop for hop in hops[:count] if hop))
        for authserv_id in dict.fromkeys(each for each in ids if each):
            yield replace(trust, profile="own", ids=(authserv_id,), hosts=hosts)
        yield replace(trust, profile="own", ids=(), hosts=hosts)


# --- the result ------------------------------------------------------------------------------------------------------


def store_result(store: Store, trust: Trust, now: datetime) -> None:
    """This config came out right."""
    with store.transaction():
        _put(store, "auth_result", f"{_print(trust)} {now:%Y-%m-%d}")


def proven(store: Store, trust: Trust) -> bool:
    """Whether this very config came out right once; `none` needs no proof."""
    return trust.profile == "none" or (_get(store, "auth_result") or "").partition(" ")[0] == _print(trust)


def _print(trust: Trust) -> str:
    """A fingerprint of all that decides whom we believe."""
    said = [trust.profile, trust.ids, trust.hosts, trust.sealers, sorted(trust.logins.items())]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _put(store: Store, key: str, value: str) -> None:
    store.run(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value
    )


def _get(store: Store, key: str) -> str | None:
    row = store.one("SELECT value FROM meta WHERE key = ?", key)
    return row[0] if row else None
