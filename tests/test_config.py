"""The config: every mistake at once, with its line and what would be right (trust.md O1); every key has a default."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triagemail import config, config_tables, quantities
from triagemail.config import Config, ConfigError, Problem
from triagemail.mail.evidence import Trust
from triagemail.process.model import Priority

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "config.example.toml"


def read(folder: Path, text: str, *, service: bool = False) -> Config:
    path = folder / "triagemail.toml"
    path.write_text(text, encoding="utf-8")
    return config.load(path, service=service)


def problems(folder: Path, text: str, *, service: bool = False) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        read(folder, text, service=service)
    return caught.value.problems


def told_by(path: Path) -> list[Problem]:
    """The mistakes in a file; none is no failure here."""
    try:
        config.load(path)
    except ConfigError as error:
        return error.problems
    return []


# --- defaults ---------------------------------------------------------------------------------------------------------


def test_without_a_file_everything_stays_on_loopback() -> None:
    """Defaults run on loopback without a config file at all."""
    defaults = config.load(None)
    assert quantities.is_loopback(defaults.imap.host)
    assert quantities.is_loopback(defaults.smtp.host)
    assert defaults.web.listen.loopback
    assert defaults.web.listen
    assert not defaults.lmtp.listen
    assert (defaults.imap.port, defaults.imap.tls, defaults.smtp.port) == (143, "none", 25)
    assert defaults.warnings == ()


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    """`run` needs one triager …; every other key has a default."""
    assert dataclasses.replace(read(tmp_path, ""), folder=Path(), store=config_tables.Store()) == dataclasses.replace(
        config.load(None), folder=Path(), store=config_tables.Store()
    )
    only = read(tmp_path, '[people]\ntriagers = ["pm@acme.example"]\n', service=True)
    assert only.people.triagers == ("pm@acme.example",)


def test_the_defaults_of_the_process(tmp_path: Path) -> None:
    """process.md 2, 4, 5 and 6 name the clocks; the defaults are those."""
    c = read(tmp_path, "")
    assert (c.priority.P0.cadence, c.priority.P0.timebox) == (timedelta(minutes=30), timedelta(minutes=15))
    assert (c.priority.P1.cadence, c.priority.P1.timebox) == (timedelta(minutes=60), timedelta(minutes=30))
    assert [getattr(c.priority, p).announce for p in ("P0", "P1", "P2", "P3")] == [
        "reported",
        "agreed",
        "never",
        "never",
    ]
    assert len(c.question) == 5
    assert c.question[-1].key == "priority"
    assert (c.reminder.no_priority, c.reminder.gaps) == (timedelta(minutes=30), timedelta(hours=4))
    assert (c.reminder.incomplete_p1, c.reminder.draft_closes) == (timedelta(minutes=15), timedelta(days=14))
    assert (c.dispute.policy, c.dispute.window, c.budget.p1_per_week) == ("triager", timedelta(hours=24), 3)
    assert (c.closure.reopen, c.closure.break_minutes, c.list.update_limit) == (timedelta(days=7), 10, 600)
    assert (c.review.every, c.review.length) == (quantities.Every(2, "month"), timedelta(minutes=45))
    assert (c.retention.raw, c.retention.held, c.retention.logs) == tuple(timedelta(days=n) for n in (90, 30, 30))


def test_the_domain_of_the_mailbox_is_the_company(tmp_path: Path) -> None:
    """Who may report, who is internal and where broadcasts come from follow from mail.address unless they are given."""
    c = read(tmp_path, '[mail]\naddress = "Issues@ACME.example"\n')
    assert c.mail.address == "issues@acme.example"
    assert c.mail.list_address == "updates@acme.example"
    assert c.people.reporters == c.people.internal == ("acme.example",)
    other = read(tmp_path, '[people]\nreporters = ["*"]\n[list]\nopen_to = ["b.example"]')
    assert other.people.reporters == ("*",)
    assert config.policy(other).list_open_to == ("b.example",)


def test_the_usual_port_follows_tls(tmp_path: Path) -> None:
    """No plain fallback (trust.md S11): a host elsewhere means TLS unless the file says otherwise."""
    c = read(tmp_path, '[imap]\nhost = "imap.acme.example"\n[smtp]\nhost = "smtp.acme.example"\ntls = "starttls"\n')
    assert (c.imap.tls, c.imap.port) == ("tls", 993)
    assert (c.smtp.tls, c.smtp.port) == ("starttls", 587)


def test_paths_start_at_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`deliver` is run by the mail server, wherever that stands: paths start at the config."""
    monkeypatch.chdir("/")
    (tmp_path / "words").mkdir()
    text = '[store]\nurl = "sqlite:///var/t.db"\n[lmtp]\nlisten = "unix:run/l"\n[templates]\ndir = "words"\n'
    c = read(tmp_path, text)
    assert c.store.url == f"sqlite:///{tmp_path}/var/t.db"
    assert c.lmtp.listen.path == f"{tmp_path}/run/l"
    assert c.templates.dir == f"{tmp_path}/words"
    assert read(tmp_path, '[store]\nurl = "sqlite:////srv/t.db"\n').store.url == "sqlite:////srv/t.db"


def test_a_priority_table_changes_only_what_it_names(tmp_path: Path) -> None:
    """Template and priorities are data in the config, so a company can reword them."""
    c = read(tmp_path, '[priority.P1]\nmeaning = "today"\ncadence = "45m"\n')
    defaults = config.load(None)
    assert (c.priority.P1.meaning, c.priority.P1.cadence) == ("today", timedelta(minutes=45))
    assert c.priority.P1.timebox == defaults.priority.P1.timebox
    assert c.priority.P0 == defaults.priority.P0


def test_own_questions_replace_the_five(tmp_path: Path) -> None:
    """Template and priorities are data in the config (`[[question]]`: key, label, aliases, required, help)."""
    c = read(
        tmp_path,
        '[[question]]\nkey = "what"\nlabel = "What?"\naliases = ["problem"]\n'
        '[[question]]\nkey = "priority"\nlabel = "When?"\n'
        '[[question]]\nkey = "more"\nlabel = "More"\nrequired = false\n',
    )
    assert [q.key for q in c.question] == ["what", "priority", "more"]
    assert c.question[0].aliases == ("problem",)
    assert config.policy(c).required() == ("what", "priority")


def test_the_policy_is_what_the_process_may_know(tmp_path: Path) -> None:
    """Everything `decide` may know beside the snapshot comes from the config, and no secret is among it."""
    c = read(
        tmp_path,
        '[mail]\naddress = "i@acme.example"\noperator = "ops@acme.example"\n[imap]\npassword = "canary-7"\n'
        '[people]\ntriagers = ["pm@acme.example", "vp@acme.example"]\n[closure]\nreopen = "3d"\n',
    )
    policy = config.policy(c)
    assert policy.duty == "pm@acme.example"
    assert policy.priorities[Priority.P0].cadence == timedelta(minutes=30)
    assert policy.priorities[Priority.P2].announce == "never"
    assert (policy.reopen, policy.operator) == (timedelta(days=3), "ops@acme.example")
    assert policy.list_open_to == ("acme.example",)
    assert "canary-7" not in repr(policy)


# --- secrets ----------------------------------------------------------------------------------------------------------


def test_a_secret_by_file(tmp_path: Path) -> None:
    """Any secret also as `…_file`; secrets by file, 0600 checked (trust.md V6)."""
    secret = tmp_path / "imap.password"
    secret.write_text("canary-7\n")
    secret.chmod(0o600)
    c = read(tmp_path, '[imap]\npassword_file = "imap.password"\n')
    assert (c.imap.password, c.imap.user) == ("canary-7", "issues@localhost")
    secret.chmod(0o644)
    (found,) = problems(tmp_path, '[imap]\npassword_file = "imap.password"\n')
    assert (found.line, found.key) == (2, "imap.password_file")
    assert "chmod 600" in found.text


def test_systemd_hands_secrets_over_its_own_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """secrets by file (LoadCredential …): systemd's folder is private though its files show group bits."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "cred"))
    (tmp_path / "cred").mkdir()
    secret = tmp_path / "cred" / "url"
    secret.write_text("postgresql://t:canary-7@localhost/t")
    secret.chmod(0o440)
    c = read(tmp_path, '[store]\nurl_file = "$CREDENTIALS_DIRECTORY/url"\n')
    assert c.store.url == "postgresql://t:canary-7@localhost/t"


def test_who_types_a_command_needs_no_password_that_systemd_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LoadCredential: `status` and `deliver` run outside the unit and log in nowhere, so they do without; `run` and
    `check` say what is missing, and do not go on with another password."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    text = '[smtp]\nuser = "t"\npassword_file = "$CREDENTIALS_DIRECTORY/smtp"\n[people]\ntriagers = ["a@b.example"]\n'
    assert "canary" not in read(tmp_path, text).smtp.password
    with pytest.raises(ConfigError, match=r"smtp\.password_file: \$CREDENTIALS_DIRECTORY is set by systemd"):
        read(tmp_path, text, service=True)
    (tmp_path / "smtp").write_text("canary-7\n")
    (tmp_path / "smtp").chmod(0o600)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read(tmp_path, text, service=True).smtp.password == "canary-7"


@pytest.mark.parametrize(
    "text",
    [
        '[imap]\npassword = "canary-7"\nport = "x"\n[smtp]\npassword = "canary-7"\ntls = "no"\n',
        '[imap]\npassword = ["canary-7"]\n',
        '[store]\nurl = "mysql://t:canary-7@localhost/t"\n',
        '[store]\nurl = ["postgresql://t:canary-7@localhost/t"]\n',
        '[imap]\npassword = "canary-7"\ntoken_command = "x"\n',
        '[imap]\nhost = "h.example"\npassword = "canary-7"\ntls = "none"\n',
    ],
)
def test_no_mistake_shows_a_secret(tmp_path: Path, text: str) -> None:
    """No secrets in errors (trust.md V6)."""
    assert problems(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert "canary" not in str(caught.value) + repr(caught.value.problems)


def test_a_config_shows_no_secret(tmp_path: Path) -> None:
    """No secrets in logs (trust.md V6): a config that is logged by mistake has none to show."""
    text = (
        '[imap]\npassword = "canary-7"\n[smtp]\npassword = "canary-7"\n[store]\nurl = "postgresql://t:canary-7@h/t"\n'
    )
    assert "canary" not in repr(read(tmp_path, text))


# --- mistakes ---------------------------------------------------------------------------------------------------------

BROKEN = [  # text, line, key, a part of what is said
    ("[mail]\naddres = 'a@acme.example'", 2, "mail.addres", "did you mean address"),
    ("[mial]\n", 1, "mial", "did you mean mail"),
    ("[Mail]\naddress = 'a@acme.example'", 1, "Mail", "did you mean mail"),
    ("triagers = ['a@acme.example']", 1, "triagers", "unknown key"),
    ("\n\n[people]\n\n# who decides\ntriager = ['a@acme.example']", 6, "people.triager", "did you mean triagers"),
    ("people.triager = ['a@acme.example']", 1, "people.triager", "did you mean triagers"),
    ("imap = { host = 'h', prot = 1 }", 1, "imap.prot", "did you mean port"),
    ("[priority.P4]\ncadence = '1h'", 1, "priority.P4", "did you mean P"),
    ("[priority.P0]\ncadenze = '1h'", 2, "priority.P0.cadenze", "did you mean cadence"),
    ("[[question]]\nkey='priority'\nlabel='L'\nalias=['x']", 4, "question[1].alias", "did you mean aliases"),
    ("[mail]\naddress = 'a@b@c'", 2, "mail.address", "no mail address"),
    ("[mail]\naddress = ''", 2, "mail.address", "no mail address"),
    ("[mail]\naddress = 'Issues <issues@acme.example>'", 2, "mail.address", "write it bare"),
    ("[mail]\naddress = 7", 2, "mail.address", "a text in quotes"),
    ("[mail]\naddress = 'i@acme.example'\nlist_address = 'i@acme.example'", 3, "mail.list_address", "must differ"),
    ("[mail]\naddress = 'i@acme.example'\noperator = 'i@acme.example'", 3, "mail.operator", "reach a person"),
    ("[mail]\ntimezone = 'Europe/Berlim'", 2, "mail.timezone", "did you mean 'Europe/Berlin'"),
    ("[mail]\ntimezone = '../etc/passwd'", 2, "mail.timezone", "no time zone"),
    ("[mail]\ntimezone = 'Europe'", 2, "mail.timezone", "no time zone"),
    ("[mail]\nmax_size = '25 apples'", 2, "mail.max_size", "no size"),
    ("[mail]\nmax_size = 25", 2, "mail.max_size", "a size such as"),
    ("[mail]\nmax_size = '0MB'", 2, "mail.max_size", "no size"),
    ("[mail]\ngroups = 'bugs@acme.example'", 2, "mail.groups", "a list in [ ]"),
    ("[mail]\ngroups = [\n 'a@acme.example',\n 'b@'\n]", 4, "mail.groups[2]", "no mail address"),
    ("[imap]\nport = '993'", 2, "imap.port", "a whole number"),
    ("[imap]\nport = 70000", 2, "imap.port", "65535"),
    ("[imap]\nport = true", 2, "imap.port", "a whole number"),
    ("[imap]\ntls = 'ssl'", 2, "imap.tls", "'tls', 'starttls', 'none', not 'ssl'"),
    ("[imap]\nidle = 'yes'", 2, "imap.idle", "true or false"),
    ("[imap]\npoll = 60", 2, "imap.poll", "a duration such as"),
    ("[imap]\npoll = '60'", 2, "imap.poll", "no duration"),
    ("[imap]\npoll = '0s'", 2, "imap.poll", "out of range"),
    ("[imap]\npoll = '99999d'", 2, "imap.poll", "out of range"),
    ("[imap]\npoll = '1.5h'", 2, "imap.poll", "no duration"),
    ('[imap]\nfolder = "x\\r\\nA1 LOGOUT"', 2, "imap.folder", "no folder name"),
    ("[imap]\ndone_folder = 'INBOX'", 2, "imap.done_folder", "must differ from folder"),
    ("[imap]\npassword_file = 'nowhere'", 2, "imap.password_file", "No such file"),
    ("[imap]\npassword_file = '.'", 2, "imap.password_file", ""),
    ("[imap]\npassword = 'a'\npassword_file = 'triagemail.toml'", 2, "imap.password", "keep one"),
    ("[imap]\npassword = 'a'\ntoken_command = 'b'", 3, "imap.token_command", "keep one"),
    ('[imap]\ntoken_command = "a \'b"', 2, "imap.token_command", "no command line"),
    ("[imap]\nuser = 'a'", 2, "imap.user", "without password_file"),
    ("[imap]\nhost = 'h.example'\npassword = 'a'\ntls = 'none'", 4, "imap.tls", "readable by anyone"),
    ("[lmtp]\nlisten = '0.0.0.0:24'", 2, "lmtp.listen", "loopback"),
    ("[lmtp]\nlisten = 'lmtp.sock'", 2, "lmtp.listen", "no address to listen on"),
    ("[smtp]\nhost = ''", 2, "smtp.host", "not empty"),
    ("[imap]\nhost = 'imap.acme.example:993'", 2, "imap.host", "port is a key of its own"),
    ("[imap]\nhost = 'imaps://imap.acme.example'", 2, "imap.host", "no name of a host"),
    ("[smtp]\nhost = 'smtp..acme.example'", 2, "smtp.host", "no name of a host"),
    ("[smtp]\nhost = 'smtp.acme.example '", 2, "smtp.host", "no name of a host"),
    ("[smtp]\nmode = 'bulk'", 2, "smtp.mode", "'single', 'batch'"),
    ("[smtp]\nconnections = 0", 2, "smtp.connections", "greater than or equal to 1"),
    ("[smtp]\nrate = '30 per minute'", 2, "smtp.rate", "no rate"),
    ("[store]\nurl = 'mysql://h/t'", 2, "store.url", "sqlite:///FILE"),
    ("[people]\nreporters = ['acme example']", 2, "people.reporters[1]", "neither a domain"),
    ("[people]\nreporters = '*'", 2, "people.reporters", "a list in [ ]"),
    ("[people]\ntriagers = ['acme.example']", 2, "people.triagers[1]", "no mail address"),
    ("[people]\ntriagers = ['issues@localhost']", 2, "people.triagers[1]", "reach a person"),
    ("[people]\npage = ['a@b.example', 'A@b.example']", 2, "people.page[2]", "named twice"),
    ("[mail]\naddress = 'acme@gmail.com'\n[people]\nreporters = ['*']", 3, "people.internal", "everyone at gmail.com"),
    ("[people]\nreporters = ['gmail.com']", 2, "people.reporters", "everyone at gmail.com"),
    ("[hours]\ndays = 'weekdays'", 2, "hours.days", "no working days"),
    ("[hours]\nfrom = '9'", 2, "hours.from", "no time of day"),
    ("[hours]\nfrom = '25:00'", 2, "hours.from", "no time of day"),
    ("[hours]\nfrom = '18:00'\nto = '09:00'", 3, "hours.to", "ends before it begins"),
    ("[hours]\nholidays = ['2026-02-30']", 2, "hours.holidays[1]", "no date"),
    ("[auth]\nprofile = 'gmail'", 2, "auth.profile", "'none', 'own', 'google', 'm365'"),
    ("[auth]\nprofile = 'own'", 2, "auth.profile", "believes nobody"),
    ("[auth]\nprofile = 'm365'", 2, "auth.profile", ".outlook.com"),
    ("[auth]\nprofile = 'own'\ntrusted_authserv_id = ['mx']", 2, "auth.profile", "trusted_received_by"),
    ("[auth]\ntrusted_received_by = ['mx acme']", 2, "auth.trusted_received_by[1]", "no name of a host"),
    ("[auth]\ntrusted_sealers = ['@acme']", 2, "auth.trusted_sealers[1]", "no name of a host"),
    ("[auth]\nlogins = { bob = ['bob'] }", 2, "auth.logins.bob[1]", "no mail address"),
    ("[dispute]\npolicy = 'coin'", 2, "dispute.policy", "rock-paper-scissors"),
    ("[dispute]\npolicy = 'hierarchy'", 0, "people.authority", "at least one authority"),
    ("[priority.P0]\nannounce = 'always'", 2, "priority.P0.announce", "'reported', 'agreed', 'never'"),
    ("[priority.P2]\nannounce = 'agreed'", 2, "priority.P2.announce", "no broadcast"),
    ("[priority.P1]\ntimebox = ''", 2, "priority.P1.timebox", "give a duration"),
    ("[priority.P0]\nmeaning = ' '", 2, "priority.P0.meaning", "is empty"),
    ("[priority]\nP0 = 'now'", 2, "priority.P0", "a table"),
    ("priority = 'P0'", 1, "priority", "a table"),
    ("[areas]\n'Billing stuff' = 'B'", 2, "areas.Billing stuff", "one lower-case word"),
    ("[areas]\nbilling = 1", 2, "areas.billing", "a text in quotes"),
    ("[budget]\np1_per_week = -1", 2, "budget.p1_per_week", "greater than or equal to 0"),
    ("[guidance]\nbooking_url = 'book.example'", 2, "guidance.booking_url", "no link"),
    ("[review]\nevery = '2 moons'", 2, "review.every", "no distance"),
    ("[list]\nupdate_limit = 10", 2, "list.update_limit", "greater than or equal to 100"),
    ("[templates]\ndir = 'nowhere'", 2, "templates.dir", "no folder"),
    ("[[question]]\nkey = 'what'\nlabel = 'What?'", 1, "question", "must pick the priority"),
    ("[[question]]\nkey = 'priority'\nlabel = 'P'\nrequired = false", 4, "question[1].required", "always required"),
    ("[[question]]\nlabel = 'What?'", 1, "question[1].key", "is missing"),
    ("question = 'what'", 1, "question", "a list in [ ]"),
    ("question = []", 1, "question", "must pick the priority"),
    ("question = [{key='priority', label='A'}, {key='priority', label='B'}]", 1, "question[2].key", "already"),
    ("[[question]]\nkey='priority'\nlabel='A'\n[[question]]\nkey='b'\nlabel=' a '", 6, "question[2].label", "already"),
    ("[mail\n", 1, "", "is no TOML"),
    ("[mail]\naddress = 'a@b.example'\naddress = 'c@d.example'", 3, "", "is no TOML"),
    ('[web]\nurl = """unclosed', 2, "", "is no TOML"),
    ("x = " + "[" * 5000 + "]" * 5000, 0, "", "is no TOML"),
]


@pytest.mark.parametrize(("text", "line", "key", "told"), BROKEN, ids=[f"{n}-{row[2]}" for n, row in enumerate(BROKEN)])
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, line: int, key: str, told: str) -> None:
    """Config errors: refuse to start … with line and suggestion; 60 broken configs: 60 refused (trust.md O1)."""
    (found,) = problems(tmp_path, text)
    assert (found.line, found.key) == (line, key)
    assert told in found.text


def test_all_mistakes_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    """All errors at once (trust.md O1): unknown keys, wrong types and broken rules in one list."""
    text = (
        "[web]\nlissen = ''\n[imap]\nport = 'x'\npoll = '1 h'\ndone_folder = 'INBOX'\n[dispute]\npolicy = 'hierarchy'\n"
        "[people]\npage = ['nobody']\n[mail]\nseverity = 1\n"
    )
    found = problems(tmp_path, text, service=True)
    assert [(p.line, p.key) for p in found] == [
        (2, "web.lissen"),
        (4, "imap.port"),
        (5, "imap.poll"),
        (6, "imap.done_folder"),
        (9, "people.authority"),
        (9, "people.triagers"),
        (10, "people.page[1]"),
        (12, "mail.severity"),
    ]


def test_one_mistake_is_told_once(tmp_path: Path) -> None:
    """What follows from a mistake is no second mistake: a triager with a bad address is still a triager."""
    (found,) = problems(tmp_path, "[people]\ntriagers = ['nobody']\n", service=True)
    assert found.key == "people.triagers[1]"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[severity]\ncritical = 1\n", 1),
        ("[mail]\nseverity = 1\n", 2),
        ("[priority.P0]\nSeverity = 'high'\n", 2),
        ("[risk_matrix]\n", 1),
        ("[areas]\nseverity = 'x'\n", 2),
        ("[[question]]\nkey = 'severity'\nlabel = 'How bad?'\n", 2),
        ("[[question]]\nkey = 'priority'\nlabel = 'Severity'\n", 3),
        ("\nsev = { a = 1 }\n", 2),
    ],
)
def test_one_axis_only(tmp_path: Path, text: str, line: int) -> None:
    """There is no severity field and no risk matrix anywhere, and a config that adds one is refused with the reason."""
    found = [p for p in problems(tmp_path, text) if "one axis only" in p.text]
    assert [p.line for p in found] == [line]


def test_run_needs_a_triager(tmp_path: Path) -> None:
    """`run` needs one triager."""
    (found,) = problems(tmp_path, "", service=True)
    assert (found.line, found.key) == (0, "people.triagers")


def test_a_named_file_that_is_not_there(tmp_path: Path) -> None:
    """A typing error after `--config` is no reason to run on defaults; an unreadable file is a mistake, too."""
    for path in (tmp_path / "nowhere.toml", tmp_path):
        with pytest.raises(ConfigError) as caught:
            config.load(path)
        assert str(path) in str(caught.value)
        assert "cannot be read" in str(caught.value)
    (tmp_path / "latin.toml").write_bytes(b"[mail]\n# caf\xe9\n")
    with pytest.raises(ConfigError) as caught:
        config.load(tmp_path / "latin.toml")
    assert (caught.value.problems[0].line, caught.value.problems[0].text) == (2, "is not UTF-8 text")


def test_what_a_person_sees(tmp_path: Path) -> None:
    """Each mistake stands on a line of its own: file, line, key, what would be right."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "[mail]\naddres = 'x'\n[imap]\nport = 'y'\n")
    path = tmp_path / "triagemail.toml"
    assert str(caught.value).splitlines() == [
        f"{path}: line 2: mail.addres: unknown key; did you mean address?",
        f"{path}: line 4: imap.port: must be a whole number",
    ]


def test_a_windows_file_reads_the_same(tmp_path: Path) -> None:
    """Files come from every editor: a byte-order mark and CR LF change nothing, not even the lines."""
    (tmp_path / "w.toml").write_bytes(b"\xef\xbb\xbf[mail]\r\n\r\naddres = 'x'\r\n")
    with pytest.raises(ConfigError) as caught:
        config.load(tmp_path / "w.toml")
    assert [(p.line, p.key) for p in caught.value.problems] == [(3, "mail.addres")]


def test_a_renamed_key_works_one_release_with_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A renamed key works one release with a warning."""
    monkeypatch.setattr(config, "_RENAMED", {("list", "subscribers"): ("list", "open_to")})
    c = read(tmp_path, "[list]\nsubscribers = ['b.example']\n")
    assert c.list.open_to == ("b.example",)
    assert c.warnings == ("list.subscribers is now list.open_to; the old key goes with the next release",)


def test_nobody_vouches(tmp_path: Path) -> None:
    """Profile `none` anywhere but on loopback: `run` warns, and accept_no_evidence silences it (trust.md 3.2)."""
    text = "[imap]\nhost = 'imap.acme.example'\n[auth]\naccept_no_evidence = "
    assert any("vouches" in warning for warning in read(tmp_path, text + "false").warnings)
    assert read(tmp_path, text + "true").warnings == ()


def test_google_is_known_by_its_id(tmp_path: Path) -> None:
    """Profile google: the one Authentication-Results with id exactly mx.google.com; Google: `mx.google.com` and its
    inner `by 2002:...` hops (trust.md 3.2)."""
    c = read(tmp_path, "[auth]\nprofile = 'google'\n")
    assert c.auth.trusted_authserv_id == ("mx.google.com",)
    assert c.auth.trusted_received_by == ("mx.google.com", "2002:")


def test_who_vouches_is_read_from_the_config(tmp_path: Path) -> None:
    """3.2: the provider profiles, exact values in the config; a login may stand for several addresses."""
    own = "[auth]\nprofile = 'own'\ntrusted_received_by = ['MX.acme.example', '.in.acme.example']\n"
    trust = config.trust(read(tmp_path, own + "logins = { bob = ['Bob@acme.example', 'b@acme.example'] }\n"))
    assert trust == Trust(
        "own", (), ("mx.acme.example", ".in.acme.example"), (), {"bob": ("bob@acme.example", "b@acme.example")}
    )
    assert config.policy(read(tmp_path, own)).profile == "own"


@given(st.data())
def test_no_text_at_all_is_a_traceback(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """60 broken configs: 60 refused, 0 tracebacks (trust.md O1); here the example with odd values in its place."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        values = ["", "1", "true", '"x"', "[1]", "[[1]]", "{a = 1}", "1979-05-27", '""', "-9" * 9, "nan", '"\\u0000"']
        value = data.draw(st.sampled_from(values))
        before, equals, _ = lines[at].removeprefix("# ").partition(" = ")
        lines[at] = f"{before} = {value}" if equals else before
    path = tmp_path_factory.mktemp("c") / "c.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert all(problem.text for problem in told_by(path))


@pytest.mark.parametrize("host", ["imap.acme.example", "localhost", "127.0.0.1", "::1", "mail_1", "büro.example", "a."])
def test_whatever_can_be_a_host_is_taken(tmp_path: Path, host: str) -> None:
    """A name, also one that only this machine knows, or an address of either kind."""
    assert read(tmp_path, f'[smtp]\nhost = "{host}"\n').smtp.host == host


def test_a_password_that_cannot_be_read_is_one_mistake(tmp_path: Path) -> None:
    """All errors at once (trust.md O1), and none that only follows from another."""
    (found,) = problems(tmp_path, '[imap]\nuser = "desk"\npassword_file = "nowhere"\n')
    assert found.key == "imap.password_file"
