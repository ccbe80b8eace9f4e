"""Mails that break what reads them, each in a way of its own, some by ending the process (trust.md D11)."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import kills
import servers
from fleets import EACH, REPORT
from takers import taker

from triagemail.process import codec
from triagemail.store.store import Store

GOOD = 100


def test_twenty_kinds_of_poison_between_good_mails(tmp_path: Path, dovecot: servers.DovecotServer, user: str) -> None:
    """D11 "20 poison kinds between 100 good mails, some killing the process each time: 100 issues, 20 held, no good
    mail delayed > 30 s"; the operator is told of each."""
    between = GOOD // len(kills.POISON)
    came: dict[int, datetime] = {}
    with taker() as relay:
        config = tmp_path / "config.toml"
        values = {"imap": dovecot.port, "smtp": relay.port, "user": user, "connections": 4}
        text = kills.CONFIG.format(**values).replace("[imap]", 'operator = "ops@acme.example"\n[imap]')
        config.write_text(text)
        (tmp_path / "triagemail.keys").write_text(f"a {'ab' * 32}\n")
        store = Store(f"sqlite:///{tmp_path}/t.db")
        store.open()

        def arrive() -> None:
            for number in range(GOOD):
                raw = REPORT.format(number=number, author=number // EACH)
                if number % between == 0:
                    kind = kills.POISON[number // between]
                    bad = REPORT.format(number=number + 1_000, author=900 + number)
                    dovecot.deliver(user, f"X-Poison: {kind}\r\n{bad}".encode())
                came[number] = datetime.now(UTC)
                dovecot.deliver(user, raw.encode())
                time.sleep(0.02)

        def over() -> bool:
            (ended,) = store.one("SELECT COUNT(*) FROM inbox WHERE state <> 'received'")
            return bool(ended == GOOD + len(kills.POISON))

        with kills.killer(config, "poison", 1) as killer:
            killer.finish()
            feeder = threading.Thread(target=arrive)
            feeder.start()
            deaths = killer.keep_alive(60, over)
            feeder.join()
            killer.finish()
    assert dict(store.all("SELECT state, COUNT(*) FROM inbox GROUP BY state")) == {"done": GOOD, "held": 20}
    assert store.one("SELECT COUNT(*) FROM issue")[0] == GOOD
    lethal = 2 * len(kills.KINDS_OF_DEATH)
    assert deaths >= 2 * lethal, "three strikes each, one of them perhaps together with others"
    late = []
    for _, at, headline in filed(store):
        late.append((at - came[int(headline.rpartition(" ")[2])]).total_seconds())
    store.close()
    print(f"{deaths} deaths; the slowest good mail took {max(late):.1f} s")
    assert len(late) == GOOD
    assert max(late) < 30


def filed(store: Store) -> list[tuple[int, datetime, str]]:
    """(number, when we first handled it, headline) of each issue."""
    issues = [codec.load(body) for (body,) in store.all("SELECT body FROM issue")]
    return [(issue.number, issue.opened_at, issue.headline) for issue in issues]
