"""The operator's commands: checks, parked mail, the database, the keys, forgetting a person. Like cli.py it imports
click at module level and everything else per command."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from triagemail.console import (
    BAD_CONFIG,
    DATA,
    NO_CONFIG,
    OK,
    TRY_AGAIN,
    USAGE,
    as_json,
    fail,
    open_app,
    open_store,
    read_config,
    safe,
    say,
    say_json,
)

if TYPE_CHECKING:
    from triagemail.app import App
    from triagemail.store.store import Store
    from triagemail.trial import Seen


# --- checks ----------------------------------------------------------------------------------------------------------


@click.command()
@click.option("--auth", is_flag=True, help="Try with three test mails whom our mail system vouches for.")
@click.option("--minutes", default=15, show_default=True, help="With --auth: how long the mails are waited for.")
@as_json
@click.pass_obj
def doctor(config_file: Path | None, auth: bool, minutes: int, json_lines: bool) -> None:
    """Look at all that the service stands on, and say what to do; ends with 75 where something is wrong."""
    from triagemail import doctor as examining

    app = open_app(config_file, service=True)
    if auth:
        sys.exit(OK if _try_evidence(app, config_file, minutes) else TRY_AGAIN)
    found = []
    for finding in examining.examine(app, app.clock.now().date()):
        found.append(finding)
        if json_lines:
            say_json(finding._asdict())
            continue
        say(f"{finding.level:<5} {finding.about:<12} {finding.text}")
        if finding.do:
            say(f"{'':<18} -> {finding.do}")
    sys.exit(TRY_AGAIN if examining.worst(found) == "bad" else OK)


def _try_evidence(app: App, config_file: Path | None, minutes: int) -> bool:
    """The three mails; True when the config as it stands came out right."""
    from triagemail import trial
    from triagemail.config import trust

    word = trial.begin(app.store, app.clock.now())
    triager = app.policy.triagers[0]
    here = app.policy.address
    say(f"Send three mails to {here}, each with its subject; their text does not matter:")
    say(f"1. From your company, with the mail program that you always use:      {word} inside")
    say(f"2. From outside, from a private mailbox say:                          {word} outside")
    say(f"3. A forged one, from a machine that may not send for your company:   {word} forged")
    domain = here.rpartition("@")[2]
    say(f'   swaks --to {here} --from {triager} --server "the MX of {domain}" --header "Subject: {word} forged" \\')
    for name in trust(app.config).ids or (f"mx.{domain}",):  # a border that lets this through would be believed
        say(f'     --add-header "Authentication-Results: {name}; dmarc=pass header.from={triager.rpartition("@")[2]}"')
    _wait_for(app, minutes)
    raws = trial.mails(app.store)
    asked = trust(app.config)
    say(f"\nprofile {asked.profile}, as it stands in the config:")
    seen = trial.judge(asked, raws)
    _tell(seen)
    if trial.good(seen) and asked.profile != "none":
        trial.store_result(app.store, asked, app.clock.now())
        say("This is right, and from the next start of `triagemail run` on it counts.")
        return True
    if missing := [kind for kind in trial.KINDS if kind not in raws]:
        say(f"Not here: {', '.join(missing)}. Nothing was concluded; try again.")
        return False
    _offer(app, config_file, raws)
    return False


def _wait_for(app: App, minutes: int) -> None:
    """Until the three are there. Where no service runs, this takes mails in itself, and works off what else came."""
    import time

    from triagemail import trial
    from triagemail.app import InUse, exclusive
    from triagemail.doors.imap import MailboxLost, MailboxRefused

    there: set[str] = set()
    ends = time.monotonic() + minutes * 60
    while time.monotonic() < ends and len(there) < len(trial.KINDS):
        try:
            with exclusive(app.store):
                app.until_idle(("intake", "work"))
        except InUse:
            pass  # the service itself takes them in
        except (MailboxLost, MailboxRefused, OSError) as error:
            fail(TRY_AGAIN, str(error))
        for kind in trial.mails(app.store).keys() - there:
            there.add(kind)
            say(f"{kind}: here")
        time.sleep(1)


def _tell(seen: Sequence[Seen]) -> None:
    for each in seen:
        mark = "right" if each.good else "WRONG"
        sure = each.evidence
        say(f"{mark}  {each.kind:<8} {each.author:<32} {sure.level:<3} {sure.rule}: {sure.text}")


def _offer(app: App, path: Path | None, raws: dict[str, bytes]) -> None:
    """Another profile under which the three come out right; it is written where the operator says so."""
    from triagemail import trial
    from triagemail.config import trust
    from triagemail.toml_lines import with_keys

    found = trial.suggest(trust(app.config), raws)
    if found is None:
        say("No profile tells the forged mail from the others. With profile none a plain reply proves who somebody is.")
        return
    wanted = {
        "profile": found.profile,
        "trusted_authserv_id": list(found.ids),
        "trusted_received_by": list(found.hosts),
    }
    say("\nThis would come out right:\n\n[auth]")
    for key, value in wanted.items():
        say(f"{key} = {json.dumps(value)}")
    _tell(trial.judge(found, raws))
    if path is None or not click.confirm(f"Write this into {path}?"):
        return
    before = path.read_text("utf-8")
    try:
        after = with_keys(before, "auth", wanted)
    except ValueError:
        fail(DATA, "a key of [auth] stands on several lines: write it yourself")
    kept = path.with_name(f"{path.name}.before")
    kept.touch(0o600)
    kept.chmod(path.stat().st_mode & 0o777)  # it may hold a password, as the config may
    kept.write_text(before, encoding="utf-8")
    path.write_text(after, encoding="utf-8")
    say(f"Written; as it was: {path}.before. Now type `triagemail doctor --auth` once more.")


@click.command("drill")
@click.option("--show", is_flag=True, help="Who has answered the latest one, and how fast; sends nothing.")
@click.pass_obj
def drill_(config_file: Path | None, show: bool) -> None:
    """Play a P0 to who has a role, and nobody else; who does not answer in a day is told to the operator."""
    from triagemail import drill

    app = open_app(config_file, service=True)
    found = drill.latest(app.store) if show else drill.begin(app.store, app.outbox, app.policy, app.clock.now())
    if found is None:
        fail(DATA, "there was no drill yet")
    say(f"drill of {found.at:%Y-%m-%d %H:%M} UTC")
    for address, answered in found.answers.items():
        took = "no answer yet" if answered is None else f"after {(answered - found.at).total_seconds() / 60:.0f} min"
        say(f"  {address:<40} {took}")
    if not show:
        say("`triagemail run` sends it; `triagemail drill --show` tells who has answered.")


# --- parked mail -----------------------------------------------------------------------------------------------------


@click.group()
def held() -> None:
    """Mails that are parked for a person to look at."""


@held.command("list")
@as_json
@click.pass_obj
def held_list(config_file: Path | None, json_lines: bool) -> None:
    """All held mails with their reason."""
    from triagemail.store import claims
    from triagemail.units import outside

    for mail in claims.held(open_store(config_file)):
        found = outside(mail.raw, mail.odd)
        author = found.from_.address if found.from_ else "?"
        if json_lines:
            say_json(
                {"id": mail.inbox, "reason": mail.odd, "from": author, "subject": found.subject, "size": len(mail.raw)}
            )
        else:
            say(f"{mail.inbox:<6} {mail.received_at:%Y-%m-%d %H:%M}  {author:<32} {found.subject[:50]:<50}  {mail.odd}")


@held.command("show")
@click.argument("number", type=int)
@click.pass_obj
def held_show(config_file: Path | None, number: int) -> None:
    """The raw bytes of a held mail, as they came."""
    from triagemail.store import claims

    raw = claims.held_raw(open_store(config_file), number)
    if raw is None:
        fail(DATA, f"no held mail {number}")
    if sys.stdout.isatty():
        click.echo(safe(raw.decode("utf-8", "replace").replace("\r\n", "\n")))
    else:
        sys.stdout.buffer.write(raw)


@held.command("release")
@click.argument("numbers", type=int, nargs=-1, required=True)
@click.pass_obj
def held_release(config_file: Path | None, numbers: tuple[int, ...]) -> None:
    """Give held mails back to the worker."""
    from triagemail.store import claims

    _each_held(open_store(config_file), numbers, claims.release_held, "released")


@held.command("drop")
@click.argument("numbers", type=int, nargs=-1, required=True)
@click.pass_obj
def held_drop(config_file: Path | None, numbers: tuple[int, ...]) -> None:
    """Put held mails aside for good."""
    from triagemail.store import claims

    _each_held(open_store(config_file), numbers, claims.drop_held, "dropped")


def _each_held(store: Store, numbers: tuple[int, ...], act: Any, word: str) -> None:
    for number in numbers:
        with store.transaction():
            found = act(store, number)
        if not found:
            fail(DATA, f"no held mail {number}")
        say(f"{number} {word}")


# --- the database ----------------------------------------------------------------------------------------------------


@click.command()
@click.pass_obj
def migrate(config_file: Path | None) -> None:
    """Bring the database to the schema of this release; on SQLite a copy of it as it was stays beside it."""
    from triagemail.app import InUse, alone
    from triagemail.store import migrate as migrating
    from triagemail.store.store import SchemaRefused, Store, StoreUnusable

    if config_file is None:
        fail(BAD_CONFIG, NO_CONFIG)
    store = Store(read_config(config_file).store.url)
    try:
        with alone(store):
            done = migrating.migrate(store)
    except SchemaRefused as error:
        fail(BAD_CONFIG, str(error))
    except (StoreUnusable, InUse, OSError) as error:
        fail(TRY_AGAIN, str(error))
    if done.before == done.after:
        say(f"schema {done.after}: nothing to do")
    else:
        say(f"schema {done.before} -> {done.after}; the database as it was: {done.backup or 'not copied'}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def backup(config_file: Path | None, file: Path) -> None:
    """Write a copy of the database into a file, while the service runs."""
    import sqlite3

    from triagemail.store.backup import back_up, is_part_of

    path = open_store(config_file).path
    if path is None:
        fail(USAGE, "back up PostgreSQL with pg_dump")
    if is_part_of(path, file):
        fail(USAGE, f"{file} is the database itself: a copy needs a file of its own")
    try:
        back_up(path, file.absolute())
    except (OSError, sqlite3.Error) as error:
        fail(TRY_AGAIN, f"not written: {error}")
    say(f"{file}: {file.stat().st_size:,} bytes. The key file and the config belong to it: keep them as well.")


@click.command()
@click.pass_obj
def export(config_file: Path | None) -> None:
    """Everything as JSON lines: issues, their journal, broadcasts, the list and people; no raw mails, no secrets."""
    from triagemail.store.export import export as everything

    store = open_store(config_file)
    for line in everything(store):
        say_json(line)
    store.close()


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def restore(config_file: Path | None, file: Path) -> None:
    """Put a copy in the place of the database; sending is held until `triagemail release all`."""
    from triagemail.app import InUse, alone
    from triagemail.clock import Clock
    from triagemail.store import backup as copies
    from triagemail.store.store import SchemaRefused, Store, StoreUnusable

    if config_file is None:
        fail(BAD_CONFIG, NO_CONFIG)
    store = Store(read_config(config_file).store.url)
    if store.path is None:
        fail(USAGE, "restore PostgreSQL with pg_restore, then type `triagemail hold all` before the service starts")
    try:
        with alone(store):
            done = copies.restore(store, file, Clock().now())
    except (InUse, OSError) as error:
        fail(TRY_AGAIN, str(error))
    except (SchemaRefused, StoreUnusable) as error:
        fail(DATA, str(error))
    say(f"restored; the database as it was: {done.before or 'there was none'}")
    if done.since is not None:
        say(f"The last mail that it knows of came in at {done.since:%Y-%m-%d %H:%M} UTC. Put what came later from the")
        say("done folder back into the inbox: what was handled before is a harmless duplicate.")
    say(f"{done.waiting} mail(s) wait in it that may have been sent since. `triagemail release all` lets them go.")


@click.command()
@click.argument("what", type=click.Choice(["all"]))
@click.pass_obj
def hold(config_file: Path | None, what: str) -> None:
    """Send nothing until `release all`; mails are still taken in and worked off."""
    from triagemail.clock import Clock
    from triagemail.store import claims

    store = open_store(config_file)
    with store.transaction():
        new = claims.hold_sending(store, Clock().now())
    say("all sending is held" if new else "all sending was held already")


@click.command()
@click.argument("what", type=click.Choice(["all"]))
@click.pass_obj
def release(config_file: Path | None, what: str) -> None:
    """Send again, what waits first of all."""
    from triagemail.store import claims

    store = open_store(config_file)
    with store.transaction():
        was = claims.release_sending(store)
    say(f"{claims.waiting(store)} mail(s) go out now" if was else "nothing was held")


# --- keys, and people who want to be forgotten ------------------------------------------------------------------------


@click.group()
def board() -> None:
    """The web page, and who may look at it."""


@board.command("revoke")
@click.argument("addresses", nargs=-1, required=True)
@click.pass_obj
def board_revoke(config_file: Path | None, addresses: tuple[str, ...]) -> None:
    """End every link, cookie and feed that somebody has: a phone was lost. They mail `board` for a new one."""
    from triagemail.clock import Clock
    from triagemail.mail.address import normalise
    from triagemail.store import viewers

    store = open_store(config_file)
    people = {address: store.known(normalise(address) or address) for address in addresses}
    if unknown := [address for address, person in people.items() if not person]:
        fail(DATA, *(f"nobody we know: {address}" for address in unknown), "nothing was revoked")
    with store.transaction():
        for person in people.values():
            viewers.revoke(store, person, Clock().now())
    say(f"what opens the page for {', '.join(people)} counts no longer")


@click.group()
def keys() -> None:
    """The keys that sign our reply addresses."""


@keys.command("list")
@click.pass_obj
def keys_list(config_file: Path | None) -> None:
    """The ids of the keys and since when each signs; never a key."""
    for place, (name, key) in enumerate(_read_keys(config_file).items()):
        say(f"{name}  {'signs' if place == 0 else 'verifies'}  since {key.since or 'an unknown day'}")


@keys.command("rotate")
@click.option("--force", is_flag=True, help="Even where mails of the last 90 days can no longer be answered then.")
@click.pass_obj
def keys_rotate(config_file: Path | None, force: bool) -> None:
    """Put a new key in front; the one before it goes on verifying, older ones are dropped."""
    from datetime import UTC, datetime

    from triagemail import keys as signing
    from triagemail.app import keys_path

    _read_keys(config_file)
    try:
        made, dropped = signing.rotate(keys_path(read_config(config_file)), datetime.now(UTC).date(), force=force)
    except signing.TooSoon as error:
        fail(USAGE, f"{error}; --force does it all the same")
    except OSError as error:
        fail(TRY_AGAIN, str(error))
    say(f"key {made} signs from the next start of `triagemail run` on; dropped: {', '.join(dropped) or 'none'}")


def _read_keys(config_file: Path | None) -> dict[str, Any]:
    from triagemail.app import keys_path
    from triagemail.keys import read_file

    if config_file is None:
        fail(BAD_CONFIG, NO_CONFIG)
    try:
        return dict(read_file(keys_path(read_config(config_file))))
    except (OSError, ValueError) as error:
        fail(BAD_CONFIG, str(error))


@click.command()
@click.argument("address")
@click.pass_obj
def forget(config_file: Path | None, address: str) -> None:
    """Forget a person: their address becomes a pseudonym in issues, and mails that hold it are deleted."""
    from triagemail.app import InUse, alone
    from triagemail.mail.address import normalise
    from triagemail.store import forget as forgetting

    app = open_app(config_file)
    wanted = normalise(address)
    if wanted is None:
        fail(DATA, f"no mail address: {address}")
    if wanted in _with_a_role(app):
        fail(USAGE, f"{wanted} stands in the config: take it out there first")
    try:
        with alone(app.store):
            done = forgetting.forget(app.store, wanted, app.clock.now(), _author)
            if done is not None:
                forgetting.compact(app.store)
    except (InUse, forgetting.StillWaiting) as error:
        fail(TRY_AGAIN, f"{error}; nothing was changed")
    if done is None:
        fail(DATA, f"nothing here holds {wanted}")
    say(f"{done.pseudonym} stands for {wanted} now in {len(done.issues)} issue(s); {done.mails} mail(s) deleted")
    if done.message_ids:
        say("The mail server may still have what they wrote, by Message-ID:")
    for message_id in done.message_ids:
        say(f"  {message_id}")


def _with_a_role(app: App) -> frozenset[str]:
    policy = app.policy
    named = (*policy.triagers, *policy.authority, *policy.confirmers, *policy.page, policy.operator, policy.address)
    return frozenset(named)


def _author(raw: bytes) -> str:
    from triagemail.mail.mime import parse

    found = parse(raw)
    return found.from_.address if found.from_ else ""


COMMANDS = (doctor, drill_, held, backup, export, restore, hold, release, keys, board, forget, migrate)
