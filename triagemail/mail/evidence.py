"""How sure we are who sent a mail (trust.md 3.1, 3.2). Identity is established once, here, and stored with every event.

From is a claim. The provider checks SPF, DKIM and DMARC; its verdict is read and nothing else in the mail is trusted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from triagemail.mail import authres, received
from triagemail.mail.authres import Results
from triagemail.mail.received import Lines
from triagemail.process.model import Evidence, Level

OLD = timedelta(days=7)  # older mail shows nothing: it may be a genuine one that somebody sends again (trust.md A11)
_AUTHAS = ("x-ms-exchange-", "-authas")
_ORGANIZATION = "x-ms-exchange-organization-authas"


@dataclass(frozen=True, slots=True)
class Trust:
    """Which servers are ours (config `[auth]`): ids of Authentication-Results, hosts of Received lines, domains whose
    ARC seals count, and who may write as whom: login -> addresses."""

    profile: str = "none"
    ids: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    sealers: tuple[str, ...] = ()
    logins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def judge(trust: Trust, lines: Lines, author: str, token_address: str | None, age: timedelta = timedelta()) -> Evidence:
    """The one judgement of a mail.

    `lines` is `ParsedMail.trace`; `author` the normalised From, "" for bad-from; `token_address` the address of the
    person whom a valid token names, None without a token; `age` how long ago it was sent, by its own Date or by its
    arrival. The text names nobody: it stands in the journal, and people may want to be forgotten (V4).
    """
    if not author:
        return Evidence(Level.EX, "bad-from", "no single address in From")
    vouched = _provider(trust, lines, author)
    if vouched.level is Level.EX:
        return vouched
    if token_address not in (None, author):  # it gives nothing, and takes what the mail had (trust.md A9)
        return Evidence(Level.E0, "token-of-another", "the token was given to somebody else")
    if age > OLD:
        return Evidence(Level.E0, "old", f"{age.days} days old")
    if token_address is None:
        return vouched
    if vouched.level is Level.E1:
        return Evidence(
            Level.E12, f"token+{vouched.rule}", f"answers a mail that we sent to this person; {vouched.text}"
        )
    said = "" if trust.profile == "none" else f"; {vouched.text}"
    return Evidence(Level.E2, "token", f"answers a mail that we sent to this person{said}")


def _provider(trust: Trust, lines: Lines, author: str) -> Evidence:
    """What the mail system in front of us says: E1, E0 or EX."""
    match trust.profile:
        case "google":
            return _by_results(trust, lines, author)
        case "own":
            return _by_login(trust, lines, author) or _by_results(trust, lines, author)
        case "m365":
            return _by_exchange(lines) or _by_results(trust, lines, author)
        case _:
            return Evidence(Level.E0, "none-fresh", "no token of ours")


# --- what one server says of who handed it in -------------------------------------------------------------------------


def _by_login(trust: Trust, lines: Lines, author: str) -> Evidence | None:
    """ "… topmost Received by our host with `(Authenticated sender: login)` and login mapped to From"."""
    login = received.login(lines, trust.hosts)
    if not login:
        return None
    may = trust.logins.get(login, (login.lower(),))
    if author in may:
        return Evidence(Level.E1, "own-login", "handed in with a login of this person")
    return Evidence(Level.E0, "login-of-another", "handed in with a login that may not write as this person")


def _by_exchange(lines: Lines) -> Evidence | None:
    """Internal mail at Microsoft 365: the header firewall strips such fields of anybody else."""
    said = [(name, value.strip().lower()) for name, value in lines if _is_authas(name)]
    organization = [value for name, value in said if name == _ORGANIZATION]
    if organization != ["internal"] or any(value == "anonymous" for _, value in said):
        return None
    return Evidence(Level.E1, "m365-internal", "sent by a signed-in mailbox of the organisation")


def _is_authas(name: str) -> bool:
    return name.startswith(_AUTHAS[0]) and name.endswith(_AUTHAS[1])


# --- Authentication-Results -------------------------------------------------------------------------------------------


def _by_results(trust: Trust, lines: Lines, author: str) -> Evidence:
    found = _ours(trust, list(received.zone(lines, trust.hosts)))
    if isinstance(found, Evidence):
        return found
    domain = author.rpartition("@")[2]
    dmarc = next(iter(found.of("dmarc")), None)
    said = dmarc.value if dmarc is not None else "none"
    about = dmarc.properties.get("header.from", "" if said != "none" else domain).lower() if dmarc else domain
    if about != domain:  # the server read another From than we do, or names none
        return Evidence(Level.E0, "other-domain", f"dmarc={said} is not about {domain}")
    if said == "pass":
        return Evidence(Level.E1, f"{trust.profile}-dmarc", f"dmarc=pass for {domain}")
    if said not in ("pass", "none") and (sealer := _forwarded(trust, found, lines, domain)):
        return Evidence(Level.E1, f"{trust.profile}-arc", f"dmarc=pass for {domain} before {sealer} passed it on")
    if said == "fail":
        return Evidence(Level.EX, "dmarc-fail", f"dmarc=fail for {domain}")
    if said == "none" and trust.profile != "m365" and _signed(found, domain):
        return Evidence(Level.E1, f"{trust.profile}-dkim", f"no DMARC record, dkim=pass for {domain}")
    return Evidence(Level.E0, f"dmarc-{said}", f"dmarc={said} for {domain}")


def _ours(trust: Trust, zone: Lines) -> Results | Evidence:
    """The one Authentication-Results of our own server, or why there is none."""
    if trust.profile == "m365" and not trust.ids:
        found = _topmost(zone)
    else:
        found = [each for each in _read(zone) if _may_be_ours(each, trust.ids)]
    if not found:
        return Evidence(Level.E0, "no-results", "no Authentication-Results of our mail system")
    if len(found) > 1:
        return Evidence(Level.E0, "ambiguous", f"{len(found)} Authentication-Results of our mail system")
    if found[0].fault:
        return Evidence(Level.E0, "ambiguous", f"Authentication-Results: {found[0].fault}")
    if found[0].authserv_id not in (*trust.ids, ""):
        return Evidence(Level.E0, "ambiguous", "Authentication-Results: our id in other letters")
    return found[0]


def _read(zone: Lines, *, named: bool = True) -> list[Results]:
    return [authres.read(value, named=named) for name, value in zone if name == "authentication-results"]


def _may_be_ours(found: Results, ids: Sequence[str]) -> bool:
    """In doubt it counts, so that there are two: case does not make another server, and an id that cannot be read may
    be any."""
    return found.authserv_id is None or found.authserv_id.lower() in {one.lower() for one in ids}


def _topmost(zone: Lines) -> list[Results]:
    """Microsoft 365 writes no authserv-id: the topmost field counts, and what else stands beside it, above the next
    Received, makes two."""
    first = next((at for at, (name, _) in enumerate(zone) if name == "authentication-results"), None)
    if first is None:
        return []
    end = next((at for at in range(first, len(zone)) if zone[at][0] == "received"), len(zone))
    return _read(zone[first:end], named=False)


def _signed(found: Results, domain: str) -> bool:
    """A signature of the very domain in From: `header.d`, or the domain of `header.i`."""
    return any(result.value == "pass" and _signer(result.properties) == domain for result in found.of("dkim"))


def _signer(properties: Mapping[str, str]) -> str:
    if "header.d" in properties:
        return properties["header.d"].lower()
    local, at, domain = properties.get("header.i", "").lower().rpartition("@")
    return domain if at and "@" not in local else ""


# --- forwarded mail (RFC 8617; trust.md A3) ---------------------------------------------------------------------------


def _forwarded(trust: Trust, found: Results, lines: Lines, domain: str) -> str:
    """Who passed a mail on that had dmarc=pass when it came to them; "" unless our own server found the chain whole and
    every sealer in it but our own server is trusted. Off without `trusted_sealers`."""
    if not trust.sealers or [result.value for result in found.of("arc")] != ["pass"]:
        return ""
    seals = [authres.read_tags(value) for name, value in lines if name == "arc-seal"]
    seen = [authres.read_arc_results(value) for name, value in lines if name == "arc-authentication-results"]
    numbers = [str(number) for number in range(1, len(seals) + 1)]
    whole = sorted(seal.get("i", "") for seal in seals) == sorted(numbers) and len(seen) == len(seals)
    theirs = [seal for seal in seals if seal.get("i") not in _own_seal(trust, lines, len(seals))]
    if not whole or any(seal.get("d", "").lower() not in trust.sealers for seal in theirs):
        return ""
    first = [results for instance, results in seen if instance == 1 and not results.fault]
    dmarc = first[0].of("dmarc") if len(first) == 1 else ()
    passed = bool(dmarc) and dmarc[0].value == "pass" and dmarc[0].properties.get("header.from", "").lower() == domain
    return next((seal["d"].lower() for seal in theirs if seal["i"] == "1"), "") if passed else ""


_MICROSOFT = "mx.microsoft.com"  # by which Microsoft 365 names itself in ARC-Authentication-Results, if nowhere else


def _own_seal(trust: Trust, lines: Lines, latest: int) -> tuple[str, ...]:
    """The number of the seal that our own mail system put on top when the mail came in. Google and Microsoft 365 do, as
    the very domain under which they pass on anybody's mail: to list that one would be to trust all their customers. It
    is ours where it is the latest, of the domain of our server, and above the line in which our border says that it
    took the mail. Each alone could be had by somebody else: by a customer of the same provider, by one who forges that
    line.
    """
    zone = list(received.zone(lines, trust.hosts))
    border = max((at for at, (name, _) in enumerate(zone) if name == "received"), default=0)
    seals = [authres.read_tags(value) for name, value in zone[:border] if name == "arc-seal"]
    domains = [seal.get("d", "").lower() for seal in seals if seal.get("i") == str(latest)]
    servers = trust.ids or (_MICROSOFT,)
    ours = len(domains) == 1 and any(f".{server.lower()}".endswith(f".{domains[0]}") for server in servers)
    return (str(latest),) if ours else ()
