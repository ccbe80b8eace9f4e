"""The tables of the config, key by key with type and default; `config.py` reads a file into them.

`config.example.toml` explains each key in one line; a test holds both equal.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationError

from triagemail import quantities
from triagemail.process.model import Question

HERE = Path(__file__).parent
Wrong = ValidationError


def _address(text: str) -> str:
    from triagemail.mail.address import normalise

    if (address := normalise(text)) is None:
        raise ValueError(f'{text!r} is no mail address: write it bare, such as "ops@acme.example"')
    return address


def _address_or_none(text: str) -> str:
    return _address(text) if text else ""


def _pattern(text: str) -> str:
    """A domain, an address or `*` (process.md 1)."""
    from triagemail.mail.address import normalise

    address = text if text == "*" else normalise(text if "@" in text else f"postmaster@{text}")
    if address is None:
        raise ValueError(f'{text!r} is neither a domain ("acme.example"), nor an address, nor "*"')
    return address if "@" in text or text == "*" else address.rpartition("@")[2]


def _host(text: str) -> str:
    """A host, `.acme.example` for all below it, or the beginning of an IPv6 address, `2002:` (received.is_ours)."""
    if text.endswith(":") and set(text.lower()) <= set("0123456789abcdef:"):
        return text.lower()
    return f".{_domain(text[1:])}" if text.startswith(".") else _domain(text)


def _domain(text: str) -> str:
    from triagemail.mail.address import normalise

    address = normalise(f"postmaster@{text}")
    if address is None:
        raise ValueError(f'{text!r} is no name of a host or domain, such as "mx.acme.example"')
    return address.rpartition("@")[2]


def _server(text: str) -> str:
    """A name, or an address of either kind; "" for none."""
    labels = text.removesuffix(".").split(".")
    if not text or quantities.is_address(text) or all(map(_is_label, labels)):
        return text
    name, _, port = text.partition(":")
    if port.isdecimal():
        raise ValueError(f"{text!r}: the port is a key of its own; here stands {name!r} alone")
    raise ValueError(f'{text!r} is no name of a host, such as "mx.acme.example"')


def _is_label(text: str) -> bool:
    return len(text) < 64 and text.replace("-", "").replace("_", "").isalnum()


def _zone(text: str) -> str:
    import difflib
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = difflib.get_close_matches(text, sorted(zoneinfo.available_timezones()), 1)
        hint = f"; did you mean {near[0]!r}?" if near else '; write one such as "Europe/Berlin"'
        raise ValueError(f"{text!r} is no time zone{hint}") from None
    return text


def _language(text: str) -> str:
    from triagemail.mail.languages import languages

    if text not in languages():
        raise ValueError(f"there are no mails in {text!r}; there are: {', '.join(languages())}")
    return text


def _language_or_none(text: str) -> str:
    return _language(text) if text else ""


def _link(text: str) -> str:
    if text and not text.startswith(("https://", "http://")):
        raise ValueError(f"{text!r} is no link: it starts with https:// or http://")
    return text.rstrip("/")


def _store_url(text: str) -> str:
    """The text itself may hold a password, so no message repeats it."""
    if not text.startswith(("sqlite:///", "postgresql://")) or text == "sqlite:///":
        raise ValueError("the store is sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE")
    return text


Duration = Annotated[timedelta, BeforeValidator(quantities.duration)]
DurationOrNone = Annotated[timedelta | None, BeforeValidator(quantities.duration_or_none)]
Clock = Annotated[time, BeforeValidator(quantities.clock)]
Address = Annotated[str, AfterValidator(_address)]
AddressOrNone = Annotated[str, AfterValidator(_address_or_none)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Host = Annotated[str, AfterValidator(_host)]
Server = Annotated[str, AfterValidator(_server)]
Domain = Annotated[str, AfterValidator(_domain)]
Link = Annotated[str, AfterValidator(_link)]
ListenAt = Annotated[quantities.Listen, BeforeValidator(quantities.listen)]
Port = Annotated[int, Field(strict=True, ge=0, le=65535)]
Whole = Annotated[int, Field(strict=True, ge=0, le=100_000)]
Several = Annotated[int, Field(strict=True, ge=1, le=64)]
YesNo = Annotated[bool, Field(strict=True)]
Tls = Literal["", "tls", "starttls", "none"]


@dataclass(frozen=True, slots=True)
class Mail:
    address: Address = "issues@localhost"
    list_address: AddressOrNone = ""  # "" = updates@ at the domain of `address`
    groups: tuple[Address, ...] = ()
    operator: AddressOrNone = ""
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    language: Annotated[str, AfterValidator(_language)] = "en"
    max_size: Annotated[int, BeforeValidator(quantities.size)] = 25_000_000


@dataclass(frozen=True, slots=True)
class Imap:
    host: Server = "127.0.0.1"  # "" = no IMAP intake
    port: Port = 0  # 0 = the usual one of `tls`
    tls: Tls = ""  # "" = none on loopback, else tls
    user: str = ""
    password: str = field(default="", repr=False)
    password_file: str = ""
    token_command: Annotated[tuple[str, ...], BeforeValidator(quantities.command)] = ()
    folder: str = "INBOX"
    done_folder: str = "Done"
    poll: Duration = timedelta(seconds=60)
    idle: YesNo = True

    @property
    def read_every(self) -> timedelta | None:
        """How often the mailbox is looked at; None where there is none."""
        return self.poll if self.host and self.user else None


@dataclass(frozen=True, slots=True)
class Lmtp:
    listen: ListenAt = quantities.Listen()


@dataclass(frozen=True, slots=True)
class Smtp:
    host: Annotated[str, Field(min_length=1), AfterValidator(_server)] = "127.0.0.1"
    port: Port = 0
    tls: Tls = ""
    user: str = ""
    password: str = field(default="", repr=False)
    password_file: str = ""
    mode: Literal["single", "batch"] = "single"
    connections: Several = 4
    rate: Annotated[quantities.Rate | None, BeforeValidator(quantities.rate)] = None


@dataclass(frozen=True, slots=True)
class Store:
    url: Annotated[str, AfterValidator(_store_url)] = field(default="sqlite:///triagemail.db", repr=False)
    url_file: str = ""


@dataclass(frozen=True, slots=True)
class People:
    reporters: tuple[Pattern, ...] = ()  # () = the domain of mail.address
    internal: tuple[Pattern, ...] = ()  # () = the domain of mail.address
    triagers: tuple[Address, ...] = ()
    authority: tuple[Address, ...] = ()
    confirmers: tuple[Address, ...] = ()
    page: tuple[Address, ...] = ()
    monitors: tuple[Pattern, ...] = ()


@dataclass(frozen=True, slots=True)
class Hours:
    days: Annotated[frozenset[int], BeforeValidator(quantities.weekdays)] = frozenset(range(5))
    from_: Annotated[Clock, Field(alias="from")] = time(9)
    to: Clock = time(18)
    holidays: tuple[Annotated[date, BeforeValidator(quantities.day)], ...] = ()


@dataclass(frozen=True, slots=True)
class Auth:
    profile: Literal["none", "own", "google", "m365"] = "none"
    trusted_authserv_id: tuple[str, ...] = ()
    trusted_received_by: tuple[Host, ...] = ()
    trusted_sealers: tuple[Domain, ...] = ()
    logins: Mapping[str, tuple[Address, ...]] = field(default_factory=dict)
    accept_no_evidence: YesNo = False
    keys_file: Annotated[str, Field(min_length=1)] = "triagemail.keys"  # signs reply addresses; outside the database


@dataclass(frozen=True, slots=True)
class Dispute:
    policy: Literal["triager", "hierarchy", "reporter", "rock-paper-scissors"] = "triager"
    window: Duration = timedelta(hours=24)
    step: Duration = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class PriorityTable:
    meaning: str = ""
    response: str = ""
    announce: Literal["reported", "agreed", "never"] = "never"
    cadence: DurationOrNone = None
    timebox: DurationOrNone = None


@functools.cache
def defaults() -> dict[str, Any]:
    """The words of the default template and priorities (process.md 2); read once, never changed."""
    return tomllib.loads((HERE / "defaults.toml").read_text(encoding="utf-8"))


@functools.cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    """What pydantic makes of the values of one shape, which takes it some milliseconds."""
    return TypeAdapter(shape)


def _default_priority(name: str) -> PriorityTable:
    made: PriorityTable = _adapter(PriorityTable).validate_python(defaults()["priority"][name])
    return made


def _default_questions() -> tuple[Question, ...]:
    made: tuple[Question, ...] = _adapter(tuple[Question, ...]).validate_python(defaults()["question"])
    return made


@dataclass(frozen=True, slots=True)
class Priorities:
    P0: PriorityTable = field(default_factory=functools.partial(_default_priority, "P0"))
    P1: PriorityTable = field(default_factory=functools.partial(_default_priority, "P1"))
    P2: PriorityTable = field(default_factory=functools.partial(_default_priority, "P2"))
    P3: PriorityTable = field(default_factory=functools.partial(_default_priority, "P3"))


@dataclass(frozen=True, slots=True)
class Reminder:
    no_priority: Duration = timedelta(minutes=30)
    gaps: Duration = timedelta(hours=4)
    incomplete_p1: Duration = timedelta(minutes=15)
    draft_closes: Duration = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Budget:
    p1_per_week: Whole = 3


@dataclass(frozen=True, slots=True)
class Guidance:
    booking_url: Link = ""
    offer_after_first: YesNo = True


@dataclass(frozen=True, slots=True)
class Closure:
    break_minutes: Whole = 10
    reopen: Duration = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Review:
    every: Annotated[quantities.Every, BeforeValidator(quantities.every)] = quantities.Every(2, "month")
    at: Clock = time(10)
    length: Duration = timedelta(minutes=45)
    participants: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class DistributionList:
    open_to: tuple[Pattern, ...] = ()  # () = people.internal
    digest_at: Clock = time(8)
    update_limit: Annotated[Whole, Field(ge=100)] = 600
    language: Annotated[str, AfterValidator(_language_or_none)] = ""  # "" = that of `mail`


@dataclass(frozen=True, slots=True)
class Retention:
    raw: Duration = timedelta(days=90)
    held: Duration = timedelta(days=30)
    logs: Duration = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Web:
    listen: ListenAt = quantities.Listen("127.0.0.1", 8025)
    url: Link = ""


@dataclass(frozen=True, slots=True)
class Templates:
    dir: str = ""


@dataclass(frozen=True, slots=True)
class Config:
    """One company's config. `load` gives it with every default filled in and every path absolute."""

    mail: Mail = field(default_factory=Mail)
    imap: Imap = field(default_factory=Imap)
    lmtp: Lmtp = field(default_factory=Lmtp)
    smtp: Smtp = field(default_factory=Smtp)
    store: Store = field(default_factory=Store)
    people: People = field(default_factory=People)
    hours: Hours = field(default_factory=Hours)
    auth: Auth = field(default_factory=Auth)
    dispute: Dispute = field(default_factory=Dispute)
    priority: Priorities = field(default_factory=Priorities)
    areas: Mapping[str, str] = field(default_factory=dict)
    reminder: Reminder = field(default_factory=Reminder)
    budget: Budget = field(default_factory=Budget)
    guidance: Guidance = field(default_factory=Guidance)
    closure: Closure = field(default_factory=Closure)
    review: Review = field(default_factory=Review)
    list: DistributionList = field(default_factory=DistributionList)
    retention: Retention = field(default_factory=Retention)
    web: Web = field(default_factory=Web)
    templates: Templates = field(default_factory=Templates)
    question: tuple[Question, ...] = field(default_factory=_default_questions)
    folder: Path = field(default_factory=Path.cwd, metadata={"key": False})  # relative paths of the config start here
    warnings: tuple[str, ...] = field(default=(), metadata={"key": False})


def validated(raw: Mapping[str, Any]) -> Config:
    """The values of `raw`, a file's tables as tomllib gives them. Raises Wrong, which holds everything that is wrong
    with single keys: pydantic's `loc` (the key), `type`, `msg` and `ctx` of each in `errors()`."""
    made: Config = _adapter(Config).validate_python(raw)
    return made
