"""Twelve weeks of a company of 200 people, through the real worker on a clock that runs fast.

    python bench/company.py [--weeks 12] [--seed 1] [--dispute triager]

People report, fill gaps, decide, disagree, forget, go away and come back, by chance from a seed. Only SMTP and IMAP are
left out: mails go into the inbox as `triagemail deliver` puts them there, and what the service sends is read from its
outbox. It prints the figures of the review mail, and fails when an open issue is left that no timer or mail leads on.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from triagemail import config as configs
from triagemail.app import App, build
from triagemail.clock import Clock
from triagemail.files import take_one
from triagemail.outbox import Personal
from triagemail.process.clocks import clocks
from triagemail.process.model import Issue, State
from triagemail.process.review import figures
from triagemail.store import audience, claims

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
TRIAGERS = ("sara@acme.example", "carl@acme.example", "tess@acme.example")
AUTHORITY = ("vera@acme.example", "victor@acme.example")
CONNY = "conny@acme.example"
OWNERS = tuple(f"dev{n}@acme.example" for n in range(20))
PEOPLE = tuple(f"p{n:03d}@acme.example" for n in range(180))
THINGS = ("checkout", "invoices", "search", "login", "export", "mails", "reports", "prices", "stock", "vouchers")
TROUBLE = ("is down", "shows nothing", "is slow", "is wrong", "fails with an error", "is empty", "loses what I typed")


@dataclass(order=True)
class Deed:
    """Something that a person will do: at that time, `act`."""

    at: datetime
    number: int
    act: Callable[[], None] = field(compare=False)


@dataclass
class Company:
    app: App
    clock: Clock
    chance: random.Random
    deeds: list[Deed] = field(default_factory=list)
    numbers: itertools.count[int] = field(default_factory=itertools.count)
    seen: int = 0
    sent: Counter[str] = field(default_factory=Counter)
    told: dict[int, set[str]] = field(default_factory=dict)

    def later(self, minutes: float, act: Callable[[], None]) -> None:
        heapq.heappush(self.deeds, Deed(self.clock.now() + timedelta(minutes=minutes), next(self.numbers), act))

    def writes(
        self, author: str, text: str, to: str = "issues@acme.example", subject: str = "", answers: str = ""
    ) -> None:
        number = next(self.numbers)
        head = [
            f"From: {author}", f"To: {to}", f"Subject: {subject or 'Re:'}", f"Message-ID: <{number}@client.example>",
            f"Date: {format_datetime(self.clock.now())}", *([f"In-Reply-To: {answers}"] if answers else []),
        ]  # fmt: skip
        raw = "\r\n".join([*head, "Content-Type: text/plain; charset=utf-8", "", text, ""]).encode()
        take_one(self.app.store, raw, self.clock.now(), "deliver")

    def settle(self) -> None:
        """What is due happens; then everybody reads their mail."""
        self.app.until_idle(("work", "clock"))
        while audience.expand(self.app.store):
            pass
        rows = self.app.store.all(
            "SELECT d.id, d.outgoing, d.person, p.address, p.is_group, o.template, o.issue FROM delivery d"
            " JOIN person p ON p.id = d.person JOIN outgoing o ON o.id = d.outgoing WHERE d.id > ? ORDER BY d.id",
            self.seen,
        )
        for delivery, outgoing, person, address, group, template, issue in rows:
            self.seen = delivery
            self.sent[template] += 1
            self.told.setdefault(issue, set()).add(address)
            due = claims.Due(delivery, outgoing, person, address, bool(group), 1, self.clock.now(), 0)
            _, block = Personal(claims.mail(self.app.store, outgoing), self.app.keyring, self.app.policy)(due)
            self.reads(address, template, issue, block.decode())

    # --- what people do about a mail ----------------------------------------------------------------------------------

    def reads(self, person: str, template: str, number: int, block: str) -> None:
        to = re.search(r"Reply-To: (\S+)", block)
        message_id = re.search(r"Message-ID: (\S+)", block)
        found = ANSWERS.get(template)
        if found is None or to is None or message_id is None:
            return
        chance, minutes, say = found
        if self.chance.random() > chance:
            return
        address, thread = to[1], message_id[1]

        def answer() -> None:
            text = say(self, person, number)
            if text:
                self.writes(person, text, to=address, answers=thread)

        self.later(self.chance.expovariate(1 / minutes), answer)

    def issue(self, number: int) -> Issue | None:
        return self.app.store.issue(number)

    def reports(self) -> None:
        """Somebody has a trouble; the next one comes after a while, in the day rather than at night."""
        pick = self.chance
        author, what = pick.choice(PEOPLE), f"The {pick.choice(THINGS)} {pick.choice(TROUBLE)}"
        priority = pick.choices(("P0", "P1", "P2", "P3", ""), (2, 8, 40, 35, 15))[0]
        lines = [f"1. What is happening? {what}.", "2. What did you expect instead? That it works."]
        lines += ["3. How can we see it ourselves? Open the page.", "4. Who is affected? Some customers."]
        kept = lines if pick.random() < 0.5 else lines[: pick.randint(1, 3)]
        self.writes(author, "\n".join([*kept, f"5. {priority}" if priority else ""]), subject=what)
        hour = (self.clock.now() + timedelta(hours=1)).hour
        self.later(pick.expovariate(1 / (90 if 8 <= hour < 18 else 600)), self.reports)


def decide(company: Company, person: str, number: int) -> str:
    issue = company.issue(number)
    if issue is None or issue.state not in (State.TRIAGE, State.DRAFT):
        return ""
    another = f"{company.chance.choice(('P1', 'P2', 'P2', 'P3', 'P3'))} because of what I know about it"
    first = another if issue.reported is None else "agree"
    said = company.chance.choices(
        (first, another, "decline: it works as agreed", "feature"),
        (60, 22, 8, 10) if issue.reported else (90, 0, 10, 0),
    )[0]
    return f"{said}\nowner {company.chance.choice(OWNERS)}" if said.startswith(("agree", "P")) else said


def fix(company: Company, person: str, number: int) -> str:
    issue = company.issue(number)
    if issue is None or issue.state is not State.OPEN:
        return ""
    return "resolve: found and mended" if company.chance.random() < 0.35 else "update: we are on it, half of it works"


def own(company: Company, person: str, number: int) -> str:
    issue = company.issue(number)
    if issue is None or issue.owner != person or not issue.live:
        return ""
    if company.chance.random() < 0.1:
        return "not me: I do not know this part"
    hours = 2 if issue.urgent else company.chance.choice((20, 60, 200))
    company.later(60 * company.chance.expovariate(1 / hours), lambda: finish(company, person, number))
    return "mine"


def finish(company: Company, person: str, number: int) -> None:
    """They write that it is done, in a fresh mail; what it lacks in evidence they confirm."""
    issue = company.issue(number)
    if issue is not None and issue.state is State.OPEN:
        company.writes(person, f"resolve #{number}: found and mended", subject="done")


def gaps(company: Company, person: str, number: int) -> str:
    issue = company.issue(number)
    if issue is None or issue.state not in (State.DRAFT, State.TRIAGE):
        return ""
    said = ["2. What did you expect instead? That it works.", "3. How can we see it ourselves? Open it."]
    said += ["4. Who is affected, and can they work around it? Some, they can phone us."]
    return "\n".join([*said, f"5. {company.chance.choice(('P1', 'P2', 'P3'))}"])


AFTERWARDS = ("band-aid: an alert for it", "remediate P2: make up for it")
AMENDS = ("agree", "P1 because they are angry", "retry: they try again")
ANSWERS: dict[str, tuple[float, float, Callable[[Company, str, int], str]]] = {
    # template: (how many answer it, after how many minutes on average, what they say)
    "triage": (0.85, 25, decide),
    "undecided": (0.6, 10, decide),
    "morning": (0.0, 1, lambda c, p, n: ""),
    "missing": (0.7, 60, gaps),
    "received": (0.9, 20, lambda c, p, n: "yes"),
    "confirm": (0.9, 10, lambda c, p, n: "yes"),
    "decided": (0.12, 120, lambda c, p, n: "dispute: it hits more people than you think"),
    "ruling": (0.8, 20, lambda c, p, n: f"{c.chance.choice(('P1', 'P2', 'P3'))} because I have looked"),
    "throw": (0.8, 10, lambda c, p, n: c.chance.choice(("rock", "paper", "scissors"))),
    "owner": (0.85, 30, own),
    "unowned": (0.8, 30, lambda c, p, n: f"owner {c.chance.choice(OWNERS)}"),
    "update-due": (0.6, 3, fix),
    "silence": (0.5, 10, fix),
    "closing": (0.4, 200, lambda c, p, n: c.chance.choice(AFTERWARDS)),
    "confirm-remediation": (0.6, 200, lambda c, p, n: c.chance.choice(AMENDS)),
    "remediation": (0.9, 3000, lambda c, p, n: "resolve: made up for it"),
    "feature": (0.05, 100, lambda c, p, n: "dispute: P1, it worked last week"),
    "resolved": (0.05, 300, lambda c, p, n: "reopen: it is back"),
    "broadcast-resolved": (0.002, 300, lambda c, p, n: "feedback: the updates came too late"),
}  # fmt: skip


def found(policy: str, seed: int, folder: Path) -> Company:
    base = configs.load(None)
    base = replace(
        base,
        folder=folder,
        mail=replace(
            base.mail, address="issues@acme.example", list_address="updates@acme.example", operator="ops@acme.example"
        ),
        imap=replace(base.imap, host=""),
        people=replace(
            base.people, triagers=TRIAGERS, authority=AUTHORITY, confirmers=(CONNY,), reporters=("acme.example",),
            internal=("acme.example",),
        ),
        dispute=replace(base.dispute, policy=policy),  # type: ignore[arg-type]  # one of the four, see main
        store=replace(base.store, url=f"sqlite:///{folder}/company.db"),
        list=replace(base.list, open_to=("acme.example",)),
    )  # fmt: skip
    clock = Clock()
    clock.advance(START - clock.now())
    app = build(base, clock=clock, keys={"a": b"k" * 32})
    app.store.open()
    company = Company(app, clock, random.Random(seed))
    with app.store.transaction():
        for person in PEOPLE[::3]:
            audience.join(app.store, person, clock.now())
    return company


def live(company: Company, weeks: int) -> None:
    """Deed by deed and timer by timer: nothing happens between two of them."""
    ends = START + timedelta(weeks=weeks)
    company.app.worker.open_desk()
    company.later(10, company.reports)
    for _ in range(1_000_000):
        timer = company.app.store.next_timer()
        upcoming = [at for at in (timer, company.deeds[0].at if company.deeds else None) if at is not None]
        if not upcoming or min(upcoming) > ends:
            return
        company.clock.advance(max(timedelta(milliseconds=1), min(upcoming) - company.clock.now()))
        while company.deeds and company.deeds[0].at <= company.clock.now():
            heapq.heappop(company.deeds).act()
        company.settle()
    raise SystemExit("a million steps were not enough: something goes round")


def forgotten(company: Company) -> list[str]:
    """Open issues that no timer leads on, and that are nobody's planned work; and open ones that nobody was told of."""
    policy, wrong = company.app.policy, []
    for issue in company.app.store.open_issues():
        planned = not issue.urgent  # the morning mail has it until it is decided, then the backlog
        if not clocks(issue, policy) and not planned and issue.state is not State.WAITING:
            wrong.append(f"#{issue.number} {issue.state} {issue.current}: no timer")
        if issue.state is not State.DRAFT and not company.told.get(issue.number, set()) & {*TRIAGERS, *OWNERS, CONNY}:
            wrong.append(f"#{issue.number} {issue.state} {issue.current}: nobody was told")
    return wrong


def show(company: Company, since: datetime) -> None:
    everything = company.app.store.issues_since(since)
    for name, part in (("troubleshooting", False), ("remediation", True)):
        of = figures([i for i in everything if i.remediation is part], since, company.app.policy)
        print(f"{name}: " + ", ".join(f"{p} {n}" for p, n in of.by_priority))
        wait = "-" if of.decision_minutes is None else f"{of.decision_minutes:.0f} min (median)"
        print(f"  decided {of.decided} after {wait}; priority changed {of.changed}")
        print(f"  disputes: {', '.join(f'{n} {how}' for how, n in of.disputes) or 'none'}")
        print(f"  updates by a person in time: {of.updates_kept} of {of.updates_due}")
        if of.p1_per_week:
            print(f"  P1 a week: {', '.join(str(n) for _, n in of.p1_per_week)} of {company.app.policy.p1_per_week}")
    print("states:", ", ".join(f"{n} {s}" for s, n in Counter(i.state for i in everything).most_common()))


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--weeks", type=int, default=12)
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument(
        "--dispute", default="triager", choices=("triager", "hierarchy", "reporter", "rock-paper-scissors")
    )
    asked = ask.parse_args()
    with tempfile.TemporaryDirectory(prefix="tm-company-") as folder:
        company = found(asked.dispute, asked.seed, Path(folder))
        began = time.process_time()
        live(company, asked.weeks)
        show(company, START)
        mails = sum(company.sent.values())
        print(f"{mails} mails to people, {next(company.numbers)} deeds, {time.process_time() - began:.0f} s of CPU")
        print("most sent:", ", ".join(f"{n} {t}" for t, n in company.sent.most_common(12)))
        held = company.app.store.one("SELECT COUNT(*) FROM inbox WHERE state = 'held'")[0]
        wrong = forgotten(company)
        company.app.store.close()
    if wrong or held:
        sys.exit("\n".join([f"{held} mails held", *wrong]))
    print("every open issue has a next timer, or is planned work that its people know of")


if __name__ == "__main__":
    main()
