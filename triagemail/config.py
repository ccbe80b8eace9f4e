"""The config: TOML to frozen values, every mistake at once, each with its line and what would be right (trust.md O1).

pydantic takes a quarter of a second to import, so `cli.py` imports this module per command.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from triagemail import config_tables, quantities, toml_lines
from triagemail.config_tables import HERE, Config
from triagemail.mail.evidence import Trust
from triagemail.process.hours import Hours
from triagemail.process.model import PRIORITY, Policy, Priority, PriorityRule, Question

__all__ = ["Config", "ConfigError", "Problem", "builtin_templates", "example", "load", "policy", "trust"]

Raw = dict[str, Any]
Key = toml_lines.Path
Server = TypeVar("Server", config_tables.Imap, config_tables.Smtp)

ONE_AXIS = (
    "there is one axis only, the priority (P0 to P3): what response somebody needs. "
    "A second one beside it is never agreed on; put what it should change into [priority.P0] to [priority.P3]"
)
_SECOND_AXIS = re.compile(r"severit(y|ies)|sev|sev_?[0-9]|risk|risk_?matrix|impact|urgency", re.IGNORECASE)
_RENAMED: Mapping[Key, Key] = {}  # old key -> new key: a renamed key works for one release, with a warning
_PROVIDERS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {  # ids and hosts that everybody has there
    "google": (("mx.google.com",), ("mx.google.com", "2002:")),  # trust.md 3.2: and its inner `by 2002:...` hops
}
_SECRETS = (("imap", "password"), ("smtp", "password"), ("store", "url"))
_EVERYBODYS = frozenset(
    f"{name}.com"
    for name in ("gmail", "googlemail", "outlook", "hotmail", "live", "yahoo", "icloud", "aol", "qq", "163")
) | {"gmx.de", "gmx.net", "web.de", "proton.me", "protonmail.com", "mail.ru"}
_WANTED = {  # what pydantic's error types mean to the person who wrote the file
    "string_type": "a text in quotes",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list in [ ]",
    "dict_type": "a table",
    "mapping_type": "a table",
    "dataclass_type": "a table",
    "string_too_short": "not empty",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: its line in the file (0 = it is not there), the key with its tables, what would be right."""

    line: int
    key: str
    text: str

    def __str__(self) -> str:
        return f"{f'line {self.line}: ' if self.line else ''}{f'{self.key}: ' if self.key else ''}{self.text}"


class ConfigError(Exception):
    """The config cannot be used; `problems` holds every mistake, in the order of the file."""

    def __init__(self, path: Path | None, problems: list[Problem]) -> None:
        self.path = path
        self.problems = sorted(problems, key=lambda problem: problem.line)
        super().__init__("\n".join(f"{path or 'config'}: {problem}" for problem in self.problems))


@dataclass(slots=True)
class _Found:
    """The mistakes found so far, and where the keys stand."""

    lines: Mapping[Key, int]
    keys: dict[Key, str]

    def add(self, key: Key, text: str) -> None:
        """Keep the first mistake of a key: what follows from it is no news."""
        if not any(key[: len(known)] == known[: len(key)] for known in self.keys):
            self.keys[key] = text

    def problems(self) -> list[Problem]:
        return [Problem(self._line(key), _dotted(key), text) for key, text in self.keys.items()]

    def _line(self, key: Key) -> int:
        return next((self.lines[key[:n]] for n in range(len(key), 0, -1) if key[:n] in self.lines), 0)


_CREDENTIALS = "$CREDENTIALS_DIRECTORY"
_NOT_HERE = "only systemd has it"  # no password, and never one that is sent: `load(service=True)` refuses it


def load(path: Path | None = None, *, service: bool = False) -> Config:
    """The config in the file `path`, defaults filled in and paths absolute; None gives the defaults on loopback.

    `service` also asks for what `triagemail run` cannot do without, a triager. A named file that is not there is a
    mistake, not a reason for defaults. Raises ConfigError with every mistake; shows no secret in any of them.
    """
    raw, lines = _parsed(path)
    folder = path.resolve().parent if path else Path.cwd()
    found = _Found(lines, {})
    warnings = _renamed(raw)
    _second_axes(raw, (), found)
    raw = _known(raw, Config, (), found)
    _secrets(raw, folder, found, service)
    _merged(raw)
    config = _finished(replace(_validated(raw, found), folder=folder))
    for key, text in _rules(config):
        found.add(key, text)
    if service:
        _service(config, found)
    if found.keys:
        raise ConfigError(path, found.problems())
    return replace(config, warnings=(*warnings, *_warnings(config)))


def _parsed(path: Path | None) -> tuple[Raw, Mapping[Key, int]]:
    if path is None:
        return {}, {}
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return tomllib.loads(text.replace("\r\n", "\n")), toml_lines.key_lines(text)
    except OSError as error:
        raise ConfigError(path, [Problem(0, "", f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        line = path.read_bytes().count(b"\n", 0, error.start) + 1
        raise ConfigError(path, [Problem(line, "", "is not UTF-8 text")]) from None
    except RecursionError:
        raise ConfigError(path, [Problem(0, "", "is no TOML: nested too deeply")]) from None
    except tomllib.TOMLDecodeError as error:
        told, _, place = str(error).partition(" (at ")
        line = int(place.split(",")[0].removeprefix("line ")) if place.startswith("line ") else text.count("\n") + 1
        raise ConfigError(path, [Problem(line, "", f"is no TOML: {told}")]) from None


def _renamed(raw: Raw) -> tuple[str, ...]:
    warnings = []
    for old, new in _RENAMED.items():
        table = raw
        for name in old[:-1]:
            table = table.get(str(name), {}) if isinstance(table, dict) else {}
        if isinstance(table, dict) and str(old[-1]) in table:
            value = table.pop(str(old[-1]))
            goal = raw
            for name in new[:-1]:
                goal = goal.setdefault(str(name), {})
            goal.setdefault(str(new[-1]), value)
            warnings.append(f"{_dotted(old)} is now {_dotted(new)}; the old key goes with the next release")
    return tuple(warnings)


def _second_axes(value: object, path: Key, found: _Found) -> None:
    """process.md, head: no severity field and no risk matrix anywhere, not even as a question's key."""
    if isinstance(value, dict):
        for key, inner in value.items():
            named = inner if key in ("key", "label") and path[:1] == ("question",) else key
            if isinstance(named, str) and _SECOND_AXIS.fullmatch(named.strip()):
                found.add((*path, key), ONE_AXIS)
            else:
                _second_axes(inner, (*path, key), found)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _second_axes(inner, (*path, number), found)


def _known(raw: Raw, table: type, path: Key, found: _Found) -> Raw:
    """The keys that `table` has; every other is a mistake that names the nearest."""
    hints = get_type_hints(table)
    fields = {f.name.rstrip("_"): hints[f.name] for f in dataclasses.fields(table) if f.metadata.get("key", True)}
    kept: Raw = {}
    for key, value in raw.items():
        if key not in fields:
            near = difflib.get_close_matches(key.lower(), [name.lower() for name in fields], 1, 0.5)
            name = next((name for name in fields if name.lower() in near), "")
            found.add((*path, key), f"unknown key{f'; did you mean {name}?' if near else ''}")
            continue
        inner = next((hint for hint in (fields[key], *get_args(fields[key])) if dataclasses.is_dataclass(hint)), None)
        kept[key] = value
        if isinstance(inner, type) and isinstance(value, dict):
            kept[key] = _known(value, inner, (*path, key), found)
        elif isinstance(inner, type) and isinstance(value, list):
            kept[key] = [
                _known(one, inner, (*path, key, n), found) if isinstance(one, dict) else one
                for n, one in enumerate(value)
            ]
    return kept


def _secrets(raw: Raw, folder: Path, found: _Found, service: bool) -> None:
    """`password_file` gives `password`; the file is 0600 (trust.md V6), or under systemd's credentials. Those are there
    for the service alone: a command that looks at the store or puts something in does without a password."""
    for section, secret in _SECRETS:
        table = raw.get(section)
        name = table.get(f"{secret}_file") if isinstance(table, dict) else None
        if not isinstance(table, dict) or not isinstance(name, str) or not name:
            continue
        if table.get(secret):
            found.add((section, secret), f"{secret} and {secret}_file are both given: keep one")
            continue
        if _CREDENTIALS in name and _CREDENTIALS[1:] not in os.environ and secret == "password":
            if service:
                found.add((section, "password_file"), f"{_CREDENTIALS} is set by systemd; here, set it yourself")
            table[secret] = _NOT_HERE
            continue
        try:
            table[secret] = _secret(folder / Path(os.path.expandvars(name)).expanduser())
        except (OSError, ValueError, RuntimeError) as error:
            found.add((section, f"{secret}_file"), getattr(error, "strerror", None) or str(error))
            if secret == "password":
                table[secret] = _NOT_HERE  # that there is none is no second mistake


def _secret(file: Path) -> str:
    credentials = os.environ.get(_CREDENTIALS[1:], "")
    mode = file.stat().st_mode
    if mode & 0o077 and not (credentials and file.is_relative_to(credentials)):
        raise ValueError(f"others may read {file}: chmod 600 {file}")
    text = file.read_text(encoding="utf-8").strip("\r\n")
    if not text or "\n" in text or "\0" in text:
        raise ValueError(f"{file} does not hold exactly one line")
    return text


def _merged(raw: Raw) -> None:
    """A [priority.P1] table changes only what it names; the rest stays as in defaults.toml."""
    priorities = raw.get("priority")
    if not isinstance(priorities, dict):
        return
    for name, table in priorities.items():
        if isinstance(table, dict):
            priorities[name] = {**config_tables.defaults()["priority"][name], **table}


def _validated(raw: Raw, found: _Found) -> Config:
    """The values of `raw`; where one is wrong it is told, and the default stands in so that the rest is checked too."""
    try:
        return config_tables.validated(raw)
    except config_tables.Wrong as failed:
        for error in failed.errors(include_url=False):
            found.add(error["loc"], _told(error))
            _drop(raw, error["loc"][:1] if error["loc"][0] == "question" else error["loc"][:2])
    return config_tables.validated(raw)


def _drop(raw: Raw, path: Key) -> None:
    *tables, last = path
    for name in tables:
        raw = raw.get(str(name), {})
    if isinstance(raw, dict):
        raw.pop(str(last), None)


def _told(error: Mapping[str, Any]) -> str:
    kind = str(error["type"])
    if kind == "value_error":
        return str(error["ctx"]["error"])
    if kind == "literal_error":
        return f"must be one of {str(error['ctx']['expected']).replace(' or ', ', ')}, not {error['input']!r}"
    if kind == "missing":
        return "is missing"
    return f"must be {_WANTED[kind]}" if kind in _WANTED else str(error["msg"]).replace("Input should be", "must be")


def _finished(config: Config) -> Config:
    """The defaults that depend on other keys, and absolute paths: `deliver` runs wherever the mail server stands."""
    own = config.mail.address.rpartition("@")[2]
    people, store, folder = config.people, config.store, config.folder
    ids, hosts = _PROVIDERS.get(config.auth.profile, ((), ()))
    auth = replace(
        config.auth,
        trusted_authserv_id=config.auth.trusted_authserv_id or ids,
        trusted_received_by=config.auth.trusted_received_by or hosts,
    )
    url = store.url
    if url.startswith("sqlite:///") and not url.startswith("sqlite:////") and url != "sqlite:///:memory:":
        url = f"sqlite:///{folder / url.removeprefix('sqlite:///')}"
    path = config.lmtp.listen.path
    return replace(
        config,
        mail=replace(config.mail, list_address=config.mail.list_address or f"updates@{own}"),
        imap=_connection(config.imap, config.mail.address, {"tls": 993, "starttls": 143, "none": 143}),
        smtp=_connection(config.smtp, config.mail.address, {"tls": 465, "starttls": 587, "none": 25}),
        people=replace(people, reporters=people.reporters or (own,), internal=people.internal or (own,)),
        auth=auth,
        store=replace(store, url=url),
        lmtp=replace(config.lmtp, listen=quantities.Listen(path=str(folder / path)) if path else config.lmtp.listen),
        templates=replace(config.templates, dir=str(folder / config.templates.dir) if config.templates.dir else ""),
    )


def _connection(table: Server, user: str, ports: Mapping[str, int]) -> Server:
    tls = table.tls or ("none" if quantities.is_loopback(table.host) else "tls")
    known = table.user or (user if _credential(table) else "")
    return replace(table, tls=tls, port=table.port or ports[tls], user=known)


def _credential(table: config_tables.Imap | config_tables.Smtp) -> bool:
    return bool(table.password or getattr(table, "token_command", ()))


def _dotted(key: Key) -> str:
    """`people.triagers[1]` counts from one, as people do."""
    names = [f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in key]
    return "".join(names).removeprefix(".")


# --- rules that no single key can break -------------------------------------------------------------------------

Broken = Iterator[tuple[Key, str]]


def _rules(config: Config) -> Broken:
    yield from _people_rules(config)
    yield from _server_rules(config)
    yield from _priority_rules(config)
    yield from _question_rules(config.question)
    if config.hours.from_ >= config.hours.to:
        yield ("hours", "to"), "the working day ends before it begins"
    if config.auth.profile in ("own", "m365") and not config.auth.trusted_received_by:
        needed = 'trusted_received_by, the hosts that take our mail in, such as "mx.acme.example"'
        if config.auth.profile == "m365":
            needed = 'trusted_received_by; for a mailbox there it is [".outlook.com", ".office365.com"]'
        yield ("auth", "profile"), f"{config.auth.profile} believes nobody without {needed}"
    for area in config.areas:
        if not re.fullmatch("[a-z0-9][a-z0-9-]*", area):
            yield ("areas", area), "an area is one lower-case word, as in `subscribe area:billing`"
    if config.templates.dir and not Path(config.templates.dir).is_dir():
        yield ("templates", "dir"), f"there is no folder {config.templates.dir}"


def _people_rules(config: Config) -> Broken:
    own = (config.mail.address, config.mail.list_address, *config.mail.groups)
    people, domain = config.people, config.mail.address.rpartition("@")[2]
    roles = (*people.triagers, *people.authority, *people.confirmers, *people.page, config.mail.operator)
    people_of_ours = {*roles, *people.reporters, *people.internal, domain}
    if config.mail.list_address == config.mail.address:
        yield ("mail", "list_address"), "must differ from mail.address: replies to a broadcast never reach the list"
    if config.mail.operator in own:
        yield ("mail", "operator"), "is an address of the service itself; it must reach a person"
    for role in ("triagers", "authority", "confirmers", "page"):
        addresses = getattr(config.people, role)
        for number, address in enumerate(addresses):
            if address in own:
                yield ("people", role, number), "is an address of the service itself; it must reach a person"
            elif address in addresses[:number]:
                yield ("people", role, number), f"{address} is named twice; the order is the stand-in order"
    if config.dispute.policy == "hierarchy" and not config.people.authority:
        yield ("people", "authority"), 'dispute.policy = "hierarchy" needs at least one authority'
    for number, pattern in enumerate(config.people.monitors):
        if pattern == "*" or pattern in people_of_ours:
            yield ("people", "monitors", number), "would take people for machines, which nobody answers: name addresses"
    for key, admitted in (("reporters", config.people.reporters), ("internal", config.people.internal)):
        if everybodys := sorted(_EVERYBODYS.intersection(admitted)):
            yield ("people", key), f"would admit everyone at {everybodys[0]}: name addresses or your own domains"


def _server_rules(config: Config) -> Broken:
    for name, table in (("imap", config.imap), ("smtp", config.smtp)):
        if table.tls == "none" and _credential(table) and not quantities.is_loopback(table.host):
            yield (name, "tls"), f"none would send the password to {table.host} readable by anyone: use tls or starttls"
        if table.user and not _credential(table):
            given = "password_file or token_command" if name == "imap" else "password_file"
            yield (name, "user"), f"is given without {given}"
    if config.imap.password and config.imap.token_command:
        yield ("imap", "token_command"), "a password is given too: keep one"
    if config.imap.folder == config.imap.done_folder:
        yield ("imap", "done_folder"), "must differ from folder: a mail is moved there once it is stored"
    for key in ("folder", "done_folder"):
        if re.search(r"[\x00-\x1f\x7f]", getattr(config.imap, key)) or not getattr(config.imap, key):
            yield ("imap", key), "is no folder name"  # libraries.md I10: sent to the server as it is
    if not config.lmtp.listen.loopback:
        yield ("lmtp", "listen"), "must be a unix socket or on loopback: LMTP believes whoever connects"
    if config.web.listen.path:
        yield ("web", "listen"), 'must be HOST:PORT such as "127.0.0.1:8025"'


def _priority_rules(config: Config) -> Broken:
    for priority in Priority:
        rule: config_tables.PriorityTable = getattr(config.priority, priority.name)
        if not priority.urgent and rule.announce != "never":
            yield ("priority", priority.name, "announce"), f"{priority} gets no broadcast: the only choice is never"
        for key in ("cadence", "timebox") if priority.urgent else ():
            if getattr(rule, key) is None:
                yield ("priority", priority.name, key), f"{priority} has a clock: give a duration"
        for key in ("meaning", "response"):
            if not getattr(rule, key).strip():
                yield ("priority", priority.name, key), "is empty: reporters pick the priority by it"


def _question_rules(questions: tuple[Question, ...]) -> Broken:
    keys: dict[str, int] = {}
    words: dict[str, str] = {}
    for number, question in enumerate(questions):
        path: Key = ("question", number)
        if not re.fullmatch("[a-z][a-z0-9_]*", question.key):
            yield (*path, "key"), "a key is one lower-case word, such as what"
        elif keys.setdefault(question.key, number) != number:
            yield (*path, "key"), f"{question.key} is the key of question {keys[question.key] + 1} already"
        for word in (question.label, *question.aliases):
            folded = " ".join(word.casefold().split())
            if not folded:
                yield (*path, "label"), "a label and an alias are not empty"
            elif words.setdefault(folded, question.key) != question.key:
                yield (*path, "label"), f"{word!r} names the question {words[folded]} already"
    if PRIORITY not in keys:
        yield ("question",), f"no question has the key {PRIORITY}: the reporter must pick the priority"
    elif not questions[keys[PRIORITY]].required:
        yield ("question", keys[PRIORITY], "required"), "the reporter must pick the priority: it is always required"


def _service(config: Config, found: _Found) -> None:
    if not config.people.triagers:
        found.add(("people", "triagers"), "`run` needs at least one triager: nobody else can decide")


def _warnings(config: Config) -> tuple[str, ...]:
    """What is allowed and unwise (trust.md 3.2, row `none`)."""
    away = config.imap.host and not quantities.is_loopback(config.imap.host)
    if config.auth.profile == "none" and away and not config.auth.accept_no_evidence:
        return (
            'auth.profile = "none": nobody vouches for a From address, so every command in a fresh mail asks for'
            " a plain reply; auth.accept_no_evidence = true silences this",
        )
    return ()


def trust(config: Config) -> Trust:
    """Which mail servers are ours, and so whom they vouch for."""
    auth = config.auth
    return Trust(auth.profile, auth.trusted_authserv_id, auth.trusted_received_by, auth.trusted_sealers, auth.logins)


def policy(config: Config) -> Policy:
    """What the process may know of the config: no file, no server, no secret."""
    return Policy(
        address=config.mail.address,
        list_address=config.mail.list_address,
        questions=config.question,
        priorities={p: PriorityRule(**dataclasses.asdict(getattr(config.priority, p.name))) for p in Priority},
        triagers=config.people.triagers,
        reporters=config.people.reporters,
        internal=config.people.internal,
        authority=config.people.authority,
        confirmers=config.people.confirmers,
        page=config.people.page,
        operator=config.mail.operator,
        profile=config.auth.profile,
        timezone=config.mail.timezone,
        dispute=config.dispute.policy,
        remind_no_priority=config.reminder.no_priority,
        remind_gaps=config.reminder.gaps,
        incomplete_p1=config.reminder.incomplete_p1,
        draft_closes=config.reminder.draft_closes,
        reopen=config.closure.reopen,
        list_open_to=config.list.open_to or config.people.internal,
        update_limit=config.list.update_limit,
        doc_url=f"{config.web.url}/issues/{{number}}" if config.web.url else "",
        hours=_hours(config),
        dispute_window=config.dispute.window,
        dispute_step=config.dispute.step,
        areas=config.areas,
        p1_per_week=config.budget.p1_per_week,
        booking_url=config.guidance.booking_url,
        offer_after_first=config.guidance.offer_after_first,
        break_minutes=config.closure.break_minutes,
        review_every=(config.review.every.count, config.review.every.unit),
        review_at=config.review.at,
        review_length=config.review.length,
        participants=config.review.participants,
        digest_at=config.list.digest_at,
        web_url=config.web.url,
        monitors=config.people.monitors,
    )


def _hours(config: Config) -> Hours:
    hours = config.hours
    return Hours(hours.days, hours.from_, hours.to, frozenset(hours.holidays), config.mail.timezone)


def builtin_templates() -> Path:
    """The folder of the built-in templates: in the installed package, else in the checkout beside it."""
    packaged = HERE / "templates"
    return packaged if packaged.is_dir() else HERE.parent / "templates"


def example() -> str:
    """The text of the explained example config, which `triagemail init` writes."""
    packaged = HERE / "config.example.toml"
    return (packaged if packaged.is_file() else HERE.parent / "config.example.toml").read_text(encoding="utf-8")
