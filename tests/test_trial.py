"""`doctor --auth`: three test mails, what a config makes of them, and what would come out right (trust.md 3.2)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import servers
from chat import BOB, ISSUES, SARA, Chat, talk_directly
from click.testing import CliRunner, Result

from triagemail import trial
from triagemail.cli import main
from triagemail.mail.evidence import Trust
from triagemail.toml_lines import with_keys

GOOGLE = Trust("google", ("mx.google.com",), ("mx.google.com", "2002:"))
OUTSIDE = "kim@customer.example"


def mail(author: str, subject: str, *trace: str) -> bytes:
    lines = [
        *trace,
        f"From: {author}",
        f"To: {ISSUES}",
        f"Subject: {subject}",
        f"Message-ID: <{hash(subject)}@c.example>",
    ]
    return "".join(f"{line}\r\n" for line in [*lines, "", "a test"]).encode()


def at_google(author: str, subject: str, dmarc: str) -> bytes:
    domain = author.rpartition("@")[2]
    return mail(
        author, subject, "Received: by 2002:a05:6402:1 with SMTP id x; Thu, 26 Nov 2026 09:00:00 -0800 (PST)",
        f"Authentication-Results: mx.google.com; dmarc={dmarc} (p=NONE) header.from={domain}",
        "Received: from out.example (out.example [192.0.2.1]) by mx.google.com with ESMTPS id y; Thu, 26 Nov 2026"
        " 09:00:00 -0800 (PST)",
    )  # fmt: skip


def at_home(author: str, subject: str, result: str) -> bytes:
    """Postfix with a milter that writes Authentication-Results, and an LMTP hop to Dovecot behind it."""
    return mail(
        author, subject,
        "Received: from mx.acme.example by imap.acme.example with LMTP id 1; Thu, 26 Nov 2026 09:00:00 +0000",
        f"Authentication-Results: mx.acme.example; {result}",
        "Received: from out.example (out.example [192.0.2.1]) by mx.acme.example (Postfix) with ESMTPS id 2;"
        " Thu, 26 Nov 2026 09:00:00 +0000",
    )  # fmt: skip


def three(word: str, make: object = at_google, **results: str) -> dict[str, bytes]:
    authors = {"inside": BOB, "outside": OUTSIDE, "forged": SARA}
    usual = {"inside": "pass", "outside": "pass", "forged": "fail"} | results
    return {kind: make(authors[kind], f"{word} {kind}", usual[kind]) for kind in trial.KINDS}  # type: ignore[operator]


def home_results() -> dict[str, str]:
    return {
        "inside": "dmarc=pass header.from=acme.example", "outside": "dmarc=pass header.from=customer.example",
        "forged": "dmarc=fail header.from=acme.example",
    }  # fmt: skip


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Chat]:
    with talk_directly(tmp_path) as chat:
        yield chat


# --- on their way ----------------------------------------------------------------------------------------------------


def test_the_three_mails_are_no_reports_and_nobody_is_answered(host: Chat) -> None:
    """They go through the very doors that all mail goes through, and leave nothing but themselves."""
    word = trial.begin(host.app.store, host.clock.now())
    raws = three(word)
    for raw in raws.values():
        host.append(raw)
        assert host.settle() == []
    assert host.inbox() == [("silent", f"auth-test: {kind}") for kind in trial.KINDS]
    assert trial.mails(host.app.store) == raws
    assert host.app.store.one("SELECT COUNT(*) FROM issue") == (0,)


@pytest.mark.parametrize("change", ["another word", "an hour later", "no kind"])
def test_nobody_can_hide_a_mail_behind_a_test(host: Chat, change: str) -> None:
    """Only the word of the trial that runs now, for an hour: it is random, and no mail vanishes by a guess."""
    word = trial.begin(host.app.store, host.clock.now())
    subject = f"{word} inside"
    if change == "another word":
        trial.begin(host.app.store, host.clock.now())
    elif change == "an hour later":
        host.after(minutes=61, step=timedelta())
    else:
        subject = word
    host.append(host.writes(BOB, "The website is down", subject=subject))
    host.settle()
    assert host.app.store.one("SELECT COUNT(*) FROM issue") == (1,)


# --- what they show --------------------------------------------------------------------------------------------------


def test_a_config_that_tells_them_apart_is_right() -> None:
    """Inside and outside E1, forged not: which rule fired is shown for each."""
    seen = trial.judge(GOOGLE, three("triagemail-test-0a1b2c3d"))
    assert [(str(each.evidence.level), each.evidence.rule) for each in seen] == [
        ("E1", "google-dmarc"), ("E1", "google-dmarc"), ("EX", "dmarc-fail"),
    ]  # fmt: skip
    assert trial.good(seen)


@pytest.mark.parametrize(
    ("results", "right"),
    [
        ({"forged": "pass"}, False),  # a relay that lets anybody send as anybody
        ({"inside": "none"}, False),
        ({"inside": "fail"}, False),
        ({"forged": "none"}, True),
        ({"outside": "none"}, True),  # not every domain publishes what is needed
    ],
)
def test_what_is_right(results: dict[str, str], right: bool) -> None:
    """The tool must come out red where a forged mail is believed, or a colleague is not."""
    assert trial.good(trial.judge(GOOGLE, three("triagemail-test-0a1b2c3d", **results))) is right


@pytest.mark.parametrize("kind", trial.KINDS)
def test_two_mails_prove_nothing(kind: str) -> None:
    """All three must be there."""
    raws = three("triagemail-test-0a1b2c3d")
    del raws[kind]
    assert not trial.good(trial.judge(GOOGLE, raws))


def test_the_profile_is_found_by_itself() -> None:
    """From nothing to the very ids and hosts: Google's by name, one's own by the trace of the mail from inside."""
    found = trial.suggest(Trust(), three("triagemail-test-0a1b2c3d"))
    assert found == GOOGLE
    found = trial.suggest(Trust(), three("triagemail-test-0a1b2c3d", at_home, **home_results()))
    assert found is not None
    assert (found.profile, found.ids) == ("own", ("mx.acme.example",))
    assert set(found.hosts) <= {"imap.acme.example", "mx.acme.example"}


def test_where_the_forged_mail_looks_like_the_others_nothing_is_suggested() -> None:
    """Then a plain reply has to do."""
    raws = three(
        "triagemail-test-0a1b2c3d", at_home, **home_results() | {"forged": "dmarc=pass header.from=acme.example"}
    )
    assert trial.suggest(Trust(), raws) is None


def test_a_result_is_for_the_very_config_that_was_tried(host: Chat) -> None:
    """Another id, another host, a login more: to be tried again."""
    trial.store_result(host.app.store, GOOGLE, host.clock.now())
    assert trial.proven(host.app.store, GOOGLE)
    assert trial.proven(host.app.store, Trust())
    for changed in (
        replace(GOOGLE, ids=("mx.google.com", "x")), replace(GOOGLE, hosts=()), replace(GOOGLE, profile="own"),
        replace(GOOGLE, logins={"bob": (SARA,)}), replace(GOOGLE, sealers=("x.example",)),
    ):  # fmt: skip
        assert not trial.proven(host.app.store, changed)


# --- the command -----------------------------------------------------------------------------------------------------

CONFIG = """\
[mail]
address = "issues@acme.example"
[imap]
host = ""
[people]
triagers = ["sara@acme.example"]
[auth]
# who vouches
profile = "none"
accept_no_evidence = true
[smtp]
tls = "none"
port = {smtp}
[store]
url = "sqlite:///t.db"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG.format(smtp=servers.free_port()))
    (tmp_path / "triagemail.keys").write_text(f"a {'ab' * 32}\n")
    return path


def types(config: Path, *argv: str, stdin: bytes | str = "") -> Result:
    return CliRunner().invoke(main, ["--config", str(config), *argv], input=stdin)


def tried(config: Path, monkeypatch: pytest.MonkeyPatch, stdin: str = "", **results: str) -> Result:
    """`doctor --auth`, while somebody sends the mails that it asks for."""
    begin = trial.begin

    def begins(*rest: object) -> str:
        word = begin(*rest)  # type: ignore[arg-type]
        for raw in three(word, at_home, **home_results() | results).values():
            assert types(config, "deliver", stdin=raw).exit_code == 0
        return word

    with monkeypatch.context() as patch:
        patch.setattr(trial, "begin", begins)
        return types(config, "doctor", "--auth", "--minutes", "1", stdin=stdin)


def test_from_no_evidence_to_a_profile_that_counts(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ "The tool prints what it saw and which rule fired, and writes the profile. Without a stored green result the
    service runs as `none`." """
    said = tried(config, monkeypatch, "y\n")
    assert said.exit_code == 75
    assert 'profile = "own"' in said.stdout
    assert "swaks --to issues@acme.example --from sara@acme.example" in said.stdout
    assert '--add-header "Authentication-Results: mx.acme.example; dmarc=pass' in said.stdout
    text = config.read_text()
    assert 'profile = "own"' in text
    assert "# who vouches" in text
    assert config.with_name("config.toml.before").read_text().count('"none"') == 2
    assert "was never tried" in types(config, "run", "--until-idle", "--only", "work").stderr
    assert [json.loads(line)["level"] for line in types(config, "doctor", "--json").stdout.splitlines()
            if json.loads(line)["about"] == "evidence"] == ["bad"]  # fmt: skip
    said = tried(config, monkeypatch)
    assert said.exit_code == 0
    assert "right  forged" in said.stdout
    assert "was never tried" not in types(config, "run", "--until-idle", "--only", "work").stderr


def test_a_profile_that_was_not_tried_believes_nobody(config: Path) -> None:
    """A command that the provider vouches for is asked back all the same, until three mails have shown that it does."""
    text = with_keys(
        config.read_text(), "auth",
        {"profile": "own", "trusted_authserv_id": ["mx.acme.example"],
         "trusted_received_by": ["imap.acme.example", "mx.acme.example"]},
    )  # fmt: skip
    config.write_text(text)
    raw = at_home(BOB, "Checkout is blank", "dmarc=pass header.from=acme.example")
    assert types(config, "deliver", stdin=raw).exit_code == 0
    types(config, "run", "--until-idle", "--only", "work")
    (issue,) = [json.loads(line) for line in types(config, "issues", "--json").stdout.splitlines()]
    assert issue["unverified"] is True


def test_the_config_as_it_was_is_for_its_owner_only(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """V6: a config may hold a password, so the copy of it is as closed as the config is."""
    config.chmod(0o600)
    tried(config, monkeypatch, "y\n")
    for path in (config, config.with_name("config.toml.before")):
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_mailbox_that_does_not_let_us_in_is_one_clear_line(config: Path) -> None:
    """`doctor --auth` says what is wrong and ends; to try each second would lock the account (I14)."""
    (config.parent / "imap.password").write_text("wrong\n")
    (config.parent / "imap.password").chmod(0o600)
    values = {"host": "127.0.0.1", "port": servers.free_port(), "password_file": "imap.password"}
    config.write_text(with_keys(config.read_text(), "imap", values))
    said = types(config, "doctor", "--auth", "--minutes", "1")
    assert said.exit_code == 75
    assert said.stderr.splitlines()[-1] == "connecting: [Errno 111] Connection refused"


def test_when_mails_are_missing_nothing_is_concluded(config: Path) -> None:
    """It says which, and ends with 75."""
    said = types(config, "doctor", "--auth", "--minutes", "0")
    assert said.exit_code == 75
    assert "Not here: inside, outside, forged." in said.stdout


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", '[auth]\nprofile = "own"\n'),
        ("[mail]\na = 1\n", '[mail]\na = 1\n\n[auth]\nprofile = "own"\n'),
        ("[auth]\nb = 2\n", '[auth]\nprofile = "own"\nb = 2\n'),
        ('[auth]\nprofile = "none"  # so far\n[mail]\n', '[auth]\nprofile = "own"\n[mail]\n'),
    ],
)
def test_a_key_is_written_where_it_belongs(text: str, expected: str) -> None:
    """Every other line stays as it was."""
    assert with_keys(text, "auth", {"profile": "own"}).lstrip("\n") == expected


def test_a_key_on_several_lines_is_left_to_its_owner() -> None:
    """Better no change than half a one."""
    with pytest.raises(ValueError, match=r"."):
        with_keys('[auth]\nids = [\n  "a",\n]\n', "auth", {"ids": ["b"]})
