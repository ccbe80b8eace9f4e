"""The operator's commands for the distribution list. Like cli.py it imports click at module level and everything else
per command."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from triagemail.console import DATA, as_json, fail, open_app, say, say_json

if TYPE_CHECKING:
    from triagemail.app import App
    from triagemail.process.events import SubscriberJoined, SubscriberLeft
    from triagemail.process.model import Reach, Wishes


@click.group()
def subscribers() -> None:
    """The distribution list."""


@subscribers.command("list")
@as_json
@click.pass_obj
def subscribers_list(config_file: Path | None, json_lines: bool) -> None:
    """Everyone on the list."""
    from triagemail.store import audience

    app = open_app(config_file)
    for member in audience.members(app.store):
        wished = _fields(member.wishes)
        if json_lines:
            who = {"address": member.address, "since": member.since.isoformat(), "group": member.group}
            say_json({**who, "language": member.language, "wishes": wished, "reach": _fares(member.reach)})
        else:
            group = ("  group" if member.group else "") + (f"  language={member.language}" if member.language else "")
            fares = "".join(f"  {k}={v}" for k, v in _fares(member.reach).items() if v)
            say(f"{member.address:<50} since {member.since:%Y-%m-%d}{group}{_differing(wished)}{fares}")


def _fields(wished: Wishes) -> dict[str, Any]:
    return {
        "priority": str(wished.priority),
        "areas": wished.areas,
        "issues": wished.issues,
        "muted": wished.muted,
        "digest": wished.digest,
        "paused_until": wished.paused_until and wished.paused_until.isoformat(),
    }


def _fares(reach: Reach | None) -> dict[str, Any]:
    """What came back of the mails to them."""
    if reach is None:
        return {}
    disabled = reach.disabled_at and reach.disabled_at.isoformat(timespec="seconds")
    return {"score": reach.score, "disabled": disabled, "probes": reach.probes}


def _differing(wished: dict[str, Any]) -> str:
    """`  priority=P0 areas=billing`: what is not as for everybody."""
    usual = {"priority": "P1", "areas": (), "issues": (), "muted": (), "digest": False, "paused_until": None}
    shown = {k: ",".join(map(str, v)) if isinstance(v, tuple) else v for k, v in wished.items() if v != usual[k]}
    return "".join(f"  {name}={value}" for name, value in shown.items())


@subscribers.command("add")
@click.argument("addresses", nargs=-1, required=True)
@click.option("--group", is_flag=True, help="Another list, not a person: its copies carry no unsubscribe link.")
@click.option("--language", default="", help="In which our mails to these people are, such as `de`.")
@click.pass_obj
def subscribers_add(config_file: Path | None, addresses: tuple[str, ...], group: bool, language: str) -> None:
    """Put addresses on the list, without asking them."""
    from triagemail.mail.address import normalise
    from triagemail.process.events import SubscriberJoined
    from triagemail.store import audience

    app = open_app(config_file)
    good = {a: normalise(a) for a in addresses}
    if bad := [a for a, n in good.items() if n is None]:
        fail(DATA, *(f"no mail address: {a}" for a in bad), "nobody was added")
    if ours := [a for a, n in good.items() if n in (app.policy.address, app.policy.list_address)]:
        fail(DATA, *(f"this service's own address: {a}" for a in ours), "nobody was added")
    if wrong := _no_language(language):
        fail(DATA, wrong, "nobody was added")
    with app.store.transaction():
        for address in good.values():
            audience.join(app.store, address or "", app.clock.now(), group=group)
            _journal(app, SubscriberJoined, address or "")
            if language:
                _speak(app, address or "", language)
    say(len(good), "on the list")


@subscribers.command("remove")
@click.argument("addresses", nargs=-1, required=True)
@click.pass_obj
def subscribers_remove(config_file: Path | None, addresses: tuple[str, ...]) -> None:
    """Take addresses off the list, and off the single issues that they follow."""
    from dataclasses import replace

    from triagemail.mail.address import normalise
    from triagemail.process.events import SubscriberLeft
    from triagemail.store import audience

    app = open_app(config_file)
    now = app.clock.now()
    for address in addresses:
        who = normalise(address) or address
        with app.store.transaction():
            wished = audience.wishes(app.store, who)
            if audience.leave(app.store, who, now):
                _journal(app, SubscriberLeft, who)
            if wished.issues:
                audience.set_wishes(app.store, who, replace(wished, member=False, issues=()), now)
        say(f"{address} {'removed' if wished.member or wished.issues else 'was not on the list'}")


def _journal(app: App, kind: type[SubscriberJoined | SubscriberLeft], address: str) -> None:
    """What the operator does to the list stands in the journal, as what its readers do."""
    from triagemail.process.model import Evidence, Level

    event = kind(issue=0, at=app.clock.now(), by="operator", address=address)
    app.store.save_event(event, Evidence(Level.E3, "host"), None, "")


def _speak(app: App, address: str, language: str) -> None:
    from triagemail.process.events import LanguageSet
    from triagemail.process.model import Evidence, Level
    from triagemail.store import spoken

    spoken.speak(app.store, address, language)
    event = LanguageSet(issue=0, at=app.clock.now(), by="operator", address=address, language=language)
    app.store.save_event(event, Evidence(Level.E3, "host"), None, "")


def _no_language(language: str) -> str:
    """Why a language cannot be had; "" where it can, or none is asked for."""
    from triagemail.mail.languages import languages

    known = languages()
    return "" if language in ("", *known) else f"there are no mails in {language!r}; there are: {', '.join(known)}"


# --- whole lists -----------------------------------------------------------------------------------------------------

ADDRESS = ("address", "email", "e-mail", "email address", "mail", "subscriber")
NOT_ANY_MORE = ("blocklisted", "disabled", "unsubscribed", "bounced")  # listmonk, Mailman
COLUMNS = (
    "address", "since", "group", "priority", "areas", "issues", "muted", "digest", "paused_until", "disabled",
    "language",
)  # fmt: skip
TOGETHER = 500  # people a transaction


class Row(NamedTuple):
    """A line of a list: an address as it stands there, whether it is another list, and why it is left out, if so."""

    line: int
    address: str
    group: bool = False
    left_out: str = ""
    language: str = ""


@subscribers.command("export")
@click.pass_obj
def subscribers_export(config_file: Path | None) -> None:
    """The whole list as CSV, with everybody's wishes; `import` reads it again."""
    from triagemail.store import audience

    app = open_app(config_file)
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(COLUMNS)
    for member in audience.members(app.store):
        wished, fares = _fields(member.wishes), _fares(member.reach)
        lists = {name: " ".join(map(str, wished[name])) for name in ("areas", "issues", "muted")}
        digest, paused = "yes" if wished["digest"] else "", wished["paused_until"] or ""
        rows.writerow(
            (member.address, member.since.isoformat(), "yes" if member.group else "", wished["priority"],
             *lists.values(), digest, paused, fares.get("disabled") or "", member.language)
        )  # fmt: skip


@subscribers.command("import")
@click.argument("file", type=click.File("r", encoding="utf-8-sig"))
@click.pass_obj
def subscribers_import(config_file: Path | None, file: io.TextIOBase) -> None:
    """Put everybody in a file on the list, without asking them: our own export, one of Mailman or listmonk, any CSV
    with a column `email`, or an address a line."""
    from triagemail.mail.address import normalise

    try:
        rows = list(read_list(file.read()))
    except (UnicodeDecodeError, csv.Error) as error:
        fail(DATA, f"not a list that can be read: {error}")
    good = {address: row for row in rows if not row.left_out and (address := normalise(row.address))}
    for row in rows:
        if row.left_out or normalise(row.address) is None:
            say(f"line {row.line}: {row.left_out or 'no mail address'}: {row.address}")
        elif wrong := _no_language(row.language):
            say(f"line {row.line}: {wrong}: {row.address}")
    if not good:
        fail(DATA, "nobody to add")
    app = open_app(config_file)
    new = _join_all(app, good)
    say(f"{new} added, {len(good) - new} on the list already, {len(rows) - len(good)} lines left out")


def _join_all(app: App, people: dict[str, Row]) -> int:
    """Puts them on the list a few hundred a transaction; how many were not on it. Wishes of those who were stay."""
    new, addresses = 0, list(people)
    with click.progressbar(
        length=len(people), label="importing", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        for start in range(0, len(addresses), TOGETHER):
            part = addresses[start : start + TOGETHER]
            with app.store.transaction():
                new += sum(_join(app, address, people[address]) for address in part)
            bar.update(len(part))
    return new


def _join(app: App, address: str, row: Row) -> bool:
    from triagemail.process.events import SubscriberJoined
    from triagemail.store import audience, spoken

    if audience.wishes(app.store, address).member:
        return False
    audience.join(app.store, address, app.clock.now(), group=row.group)
    _journal(app, SubscriberJoined, address)
    if row.language and not _no_language(row.language) and not spoken.wished(app.store, address):
        _speak(app, address, row.language)
    return True


def read_list(text: str) -> Iterator[Row]:
    """The rows of a list. A header names the column of the address (listmonk: `email`, Mailman: `address`), else each
    line is one, perhaps as `Bob <bob@acme.example>`, with `#` for comments. Raises csv.Error."""
    table = list(csv.reader(io.StringIO(text), dialect=_dialect(text)))
    head = [cell.strip().lower() for cell in table[0]] if table else []
    place = next((head.index(name) for name in ADDRESS if name in head), None)
    if place is None:
        for number, line in enumerate(text.splitlines(), 1):
            said = line.partition("#")[0].strip().strip(",;")
            if said:
                yield Row(number, said.rpartition("<")[2].rstrip(">").strip())
        return
    for number, cells in enumerate(table[1:], 2):
        values = {name: cell.strip() for name, cell in zip(head, cells, strict=False)}
        if address := values.get(head[place], ""):
            state = "disabled" if values.get("disabled") else values.get("status", "").lower()
            left_out = state if state in NOT_ANY_MORE else ""
            language = values.get("language", "").lower().partition("-")[0]  # `de-AT` is German
            yield Row(number, address, values.get("group") == "yes", left_out, language)


def _dialect(text: str) -> type[csv.Dialect]:
    """Comma, semicolon (Excel in half of Europe) or tab, by the first line."""
    first = text.partition("\n")[0]

    class Dialect(csv.excel):
        delimiter = max(",;\t", key=first.count)

    return Dialect
