"""`triagemail doctor`: what it looks at, what it says of it, and what to do (trust.md O4, 3.2)."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from importlib import metadata
from pathlib import Path

import dns.message
import dns.resolver
import dns.rrset
import pytest
import servers
from chat import Chat, talk, talk_directly
from click.testing import CliRunner

from triagemail import doctor, keys
from triagemail.app import keys_path
from triagemail.cli import main
from triagemail.doors import imapd, names
from triagemail.mail import headers
from triagemail.quantities import Listen, Rate

TODAY = date(2026, 11, 26)
GOOD = {
    "acme.example. MX": ["10 mx.acme.example."],
    "acme.example. TXT": ['"google-site-verification=x"', '"v=spf1 include:relay.example -all"'],
    "_dmarc.acme.example. TXT": ['"v=DMARC1; p=quar" "antine"'],
}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Chat]:
    with talk_directly(tmp_path) as chat:
        keys.write_new_key(keys_path(chat.app.config), TODAY)
        yield chat


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, list[str]]]:
    """What a name server on loopback answers; every other name is unknown to it."""
    records: dict[str, list[str]] = {}
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            octets, client = sock.recvfrom(2_000)
            if octets == b"end":
                return
            sock.sendto(_answer(octets, records), client)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], sock.getsockname()[1]
    monkeypatch.setattr(names, "_resolver", lambda: resolver)
    yield records
    sock.sendto(b"end", sock.getsockname())
    thread.join(5)
    sock.close()


def _answer(octets: bytes, records: Mapping[str, list[str]]) -> bytes:
    query = dns.message.from_wire(octets)
    asked = query.question[0]
    kind = dns.rdatatype.to_text(asked.rdtype)
    answer = dns.message.make_response(query)
    if found := records.get(f"{asked.name} {kind}"):
        answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", kind, *found))
    elif not any(key.startswith(f"{asked.name} ") for key in records):
        answer.set_rcode(dns.rcode.NXDOMAIN)
    return answer.to_wire()


def about(found: list[doctor.Finding]) -> dict[str, doctor.Level]:
    return {finding.about: finding.level for finding in found}


# --- Python and libraries --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "flawed"), [("3.11.7", True), ("3.12.1", True), ("3.13.0", False)])
def test_the_probe_is_red_where_python_writes_a_smuggled_header(version: str, flawed: bool) -> None:
    """O4: a behavioural probe of M1: red on 3.11.7, green on 3.13.0."""
    program = shutil.which(f"python{version.rpartition('.')[0]}")
    ask = [program or "", "-c", "import platform; print(platform.python_version())"]
    if program is None or subprocess.run(ask, capture_output=True, text=True, check=False).stdout.strip() != version:
        pytest.skip(f"no Python {version} here: the probe can only be tried by running it")
    source = Path(headers.__file__).read_text(encoding="utf-8")
    ran = subprocess.run(
        [program, "-c", source + "\nprint(python_is_flawed())"], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == str(flawed)


@pytest.mark.parametrize("flawed", [True, False])
def test_a_flawed_python_is_bad_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch, flawed: bool) -> None:
    """Issue: a clear line."""
    monkeypatch.setattr(doctor, "python_is_flawed", lambda: flawed)
    found = doctor.python()
    assert (found.level, "CVE-2024-6923" in found.text, "3.13" in found.do) == (
        ("bad", True, True) if flawed else ("good", False, False)
    )


@pytest.mark.parametrize(
    ("version", "level"), [("1.4.5", "bad"), ("1.4.6", "good"), ("1.10.0", "good"), ("2.0rc1", "good"), ("1.4", "bad")]
)
def test_an_old_library_is_bad(monkeypatch: pytest.MonkeyPatch, version: str, level: str) -> None:
    """O4: aiosmtpd >= 1.4.6; versions are numbers, not text."""
    monkeypatch.setattr(doctor, "NEEDED", {"aiosmtpd": (1, 4, 6)})
    monkeypatch.setattr(metadata, "version", lambda name: version)
    assert [found.level for found in doctor.libraries()] == [level]


# --- the host --------------------------------------------------------------------------------------------------------


def test_on_a_host_where_all_is_well_nothing_of_ours_is_bad(host: Chat, zone: dict[str, list[str]]) -> None:
    """Mailbox, relay, database, keys, evidence, DNS: all good. Python and the clock are this machine's."""
    zone.update(GOOD)
    found = about(list(doctor.examine(host.app, TODAY)))
    for name in ("keys", "database", "evidence", "mailbox", "relay", "SPF", "DMARC"):
        assert found[name] == "good", name
    assert "promises" not in found
    assert "MX" not in found


def test_the_mailbox_is_looked_into(tmp_path: Path, pymap: imapd.ImapServer) -> None:
    """IMAP: what is there, and whether it tells at once of new mail; a wrong password is bad, in the server's words."""
    with talk(tmp_path, pymap.port, "user1", lambda raw: None) as chat:
        found = doctor.mailbox(chat.app)
        assert (found.level, "tells at once" in found.text) == ("good", True)
        assert chat.app.mailbox is not None
        chat.app.mailbox.settings = replace(chat.app.mailbox.settings, password="wrong")
        found = doctor.mailbox(chat.app)
        assert (found.level, "refused" in found.text, "[imap]" in found.do) == ("bad", True, True)


def test_a_relay_that_does_not_answer_is_bad(host: Chat) -> None:
    """SMTP: the relay's own words, and where to look."""
    settings = host.app.sender.relay.settings
    host.app.sender.relay.settings = replace(settings, port=servers.free_port())
    found = doctor.relay(host.app)
    assert (found.level, "[smtp]" in found.do) == ("bad", True)


def test_a_rate_that_makes_a_broadcast_slow_is_said(host: Chat) -> None:
    """S6: single mode shows the predicted minutes: 500 readers at 30 a minute take 17."""
    host.subscribe(*(f"r{number}@acme.example" for number in range(500)))
    host.app.config = replace(host.app.config, smtp=replace(host.app.config.smtp, rate=Rate(30, timedelta(minutes=1))))
    found = doctor.relay(host.app)
    assert (found.level, "all 500 on the list" in found.text, "17 minutes" in found.text) == ("warn", True, True)
    assert 'smtp.mode = "batch"' in found.do


def test_what_batches_cost_is_said(host: Chat) -> None:
    """S6: "U5 does not hold there and `doctor` says so"; what single mode would take stands beside it."""
    host.subscribe(*(f"r{number}@acme.example" for number in range(500)))
    batch = replace(host.app.config.smtp, rate=Rate(30, timedelta(minutes=1)), mode="batch")
    host.app.config = replace(host.app.config, smtp=batch)
    found = doctor.relay(host.app)
    assert (found.level, "who leaves with the button" in found.text, "17 minutes" in found.text) == ("good", True, True)


def test_a_key_file_for_everybody_is_bad(host: Chat) -> None:
    """V6: 0600 checked; a key that others could read is to be changed."""
    path = keys_path(host.app.config)
    path.chmod(0o644)
    found = doctor.keys(host.app, TODAY)
    assert (found.level, "rotate" in found.do) == ("bad", True)
    path.chmod(0o600)
    assert doctor.keys(host.app, TODAY).level == "good"
    assert doctor.keys(host.app, date(2028, 11, 26)).level == "warn"


SYSTEMD = """#!/bin/sh
case "$1" in
cat-config) printf '# /etc/x.conf\n[Journal]\n#MaxRetentionSec=1day\nMaxRetentionSec=9week\n%s\n' "$CONF" ;;
timespan) case "$2" in
  9week) us=5443200000000 ;; 4week) us=2419200000000 ;; 0) us=0 ;; *) exit 1 ;;
  esac; printf 'Original: %s\n      us: %s\n   Human: x\n' "$2" $us ;;
esac
"""


@pytest.mark.parametrize(
    ("conf", "level", "text"),
    [
        ("", "warn", "for 9week, and retention.logs says 30day"),
        (" MaxRetentionSec = 4week ", "good", "for 4week"),
        ("MaxRetentionSec=0", "warn", "for as long as it has room"),
        ("MaxRetentionSec=", "warn", "for as long as it has room"),
        ("MaxRetentionSec=for ever", "warn", "for as long as it has room"),
    ],
)
def test_how_long_the_journal_keeps_log_lines(
    host: Chat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, conf: str, level: str, text: str
) -> None:
    """V5: "logs 30 d, all in the config"."""
    tool = tmp_path / "tools" / "systemd-analyze"
    tool.parent.mkdir()
    tool.write_text(SYSTEMD)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")
    monkeypatch.setenv("CONF", conf)
    found = doctor.logs(host.app)
    assert (found.level, found.about) == (level, "logs")
    assert text in found.text
    assert found.do == "" or "MaxRetentionSec=30day in /etc/systemd/journald.conf" in found.do


def test_without_systemd_the_keeper_of_the_log_lines_is_told(host: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    """V5: what `retention.logs` says is for whoever has standard error."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert doctor.logs(host.app) == ("good", "logs", "for whoever keeps standard error: retention.logs says 30day", "")


def test_the_systemd_of_this_machine_is_understood(host: Chat) -> None:
    """V5, with the real systemd-analyze where there is one: each span that it writes is one that it reads."""
    if shutil.which("systemd-analyze") is None or doctor._systemd("cat-config", "systemd/journald.conf") is None:
        pytest.skip("no systemd-analyze here that finds a journald.conf")
    assert doctor._systemd("timespan", "30day") is not None
    assert doctor._systemd("timespan", "for ever") is None
    found = doctor.logs(host.app)
    assert found.text.startswith("the journal keeps them")


def test_a_promise_at_risk_is_named(host: Chat) -> None:
    """As `status` says it."""
    host.sends("stranger@elsewhere.example", "Buy my shoes", subject="Shoes")
    found = list(doctor.database(host.app))
    assert ("bad", "promises") in [(each.level, each.about) for each in found]


@pytest.mark.parametrize(
    ("server", "accepts", "level"),
    [("imap.acme.example", False, "bad"), ("imap.acme.example", True, "good"), ("127.0.0.1", False, "good")],
)
def test_no_evidence_is_red_unless_it_is_meant(host: Chat, server: str, accepts: bool, level: str) -> None:
    """3.2: profile none is the default on loopback; anywhere else `doctor` shows it red, and
    `auth.accept_no_evidence = true` silences it."""
    config = host.app.config
    auth, imap = replace(config.auth, accept_no_evidence=accepts), replace(config.imap, host=server)
    host.app.config = replace(config, auth=auth, imap=imap)
    assert doctor.evidence(host.app).level == level


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {"SPF": "good", "DMARC": "good"}),
        ({"acme.example. TXT": ['"v=spf10 x"', '"spf"']}, {"SPF": "warn", "DMARC": "good"}),
        ({"acme.example. TXT": ['"v=spf1 -all"', '"v=spf1 ~all"']}, {"SPF": "bad", "DMARC": "good"}),
        ({"_dmarc.acme.example. TXT": []}, {"SPF": "good", "DMARC": "warn"}),
        ({"acme.example. MX": []}, {"MX": "warn", "SPF": "good", "DMARC": "good"}),
    ],
)
def test_what_the_domain_publishes(
    host: Chat, zone: dict[str, list[str]], change: dict[str, list[str]], expected: dict[str, str]
) -> None:
    """SPF (RFC 7208 4.5) and DMARC (RFC 7489 6.6.3): one record each; two count as none."""
    zone.update(GOOD | change)
    assert about(list(doctor.domain(host.app))) == expected


def test_a_text_record_in_pieces_is_one(zone: dict[str, list[str]]) -> None:
    """RFC 7208 3.3: strings are joined without a space."""
    zone.update(GOOD)
    assert names.published("acme.example").dmarc == ("v=DMARC1; p=quarantine",)


def test_without_a_name_server_nothing_is_claimed(host: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer is no finding about the domain."""
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], servers.free_port()
    monkeypatch.setattr(names, "_resolver", lambda: resolver)
    monkeypatch.setattr(names, "LIFETIME", 0.3)
    assert about(list(doctor.domain(host.app))) == {"DNS": "warn"}


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_ends_with_75_where_something_is_bad(tmp_path: Path, zone: dict[str, list[str]]) -> None:
    """A line a finding, what to do below it; `--json` an object a line."""
    CliRunner().invoke(main, ["init", str(tmp_path / "x")])
    config = tmp_path / "x" / "config.toml"
    config.write_text(
        '[mail]\naddress = "issues@acme.example"\n[imap]\nhost = ""\n[people]\ntriagers = ["sara@acme.example"]\n'
        f'[smtp]\ntls = "none"\nport = {servers.free_port()}\n[store]\nurl = "sqlite:///triagemail.db"\n'
    )
    said = CliRunner().invoke(main, ["--config", str(config), "doctor"])
    assert said.exit_code == 75
    assert "bad   relay" in said.stdout
    assert "-> look at [smtp]" in said.stdout
    lines = CliRunner().invoke(main, ["--config", str(config), "doctor", "--json"]).stdout.splitlines()
    assert {"level", "about", "text", "do"} == set(json.loads(lines[0]))


def test_who_takes_mails_by_lmtp_hears_so(host: Chat) -> None:
    """Without IMAP it says by which way mails come."""
    app = replace(host.app, mailbox=None)
    assert "triagemail deliver" in doctor.mailbox(app).text
    config = replace(app.config, lmtp=replace(app.config.lmtp, listen=Listen("127.0.0.1", 8024)))
    assert "by LMTP at 127.0.0.1:8024" in doctor.mailbox(replace(app, config=config)).text
