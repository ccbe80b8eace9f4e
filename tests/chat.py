"""Conversations with the service: people mail it, it answers, the clock moves. The clock is the only fake: mails
come in over IMAP and go out over SMTP, on loopback, through the same `build(config)` as in production."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

import servers

from triagemail import config as configs
from triagemail.app import App, build
from triagemail.clock import Clock
from triagemail.files import take_one
from triagemail.process.model import Issue
from triagemail.store import audience

KEYS = {"a": b"k" * 32}
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # 10:00 in Berlin, an ordinary working day
ISSUES, LIST = "issues@acme.example", "updates@acme.example"
SARA, BOB, ANNA, OPS, CARL = (f"{name}@acme.example" for name in ("sara", "bob", "anna", "ops", "carl"))
VERA, VICTOR, CONNY, LENA = (f"{name}@acme.example" for name in ("vera", "victor", "conny", "lena"))
PAGER = "pager@acme.example"
"""Sara is the triager on duty, Carl stands by, Bob reports, Anna becomes an owner, Ops operates. Vera and Victor are
the chain of authority, Conny confirms remediations, Lena reads the list."""

COMPLETE = """\
1. What is happening? The checkout page shows a blank screen since 9:00.
2. What did you expect instead? The payment form.
3. How can we see it ourselves? Open https://shop.acme.example and click Pay.
4. Who is affected, and can they work around it? All customers in the EU, no workaround.
5. What type of response do you want from me? {priority}
"""


@dataclass(frozen=True)
class Out:
    """A mail that the service sent, as its receiver's mail program sees it."""

    to: str
    mail_from: str
    raw: bytes
    subject: str
    text: str
    html: str
    reply_to: str
    message_id: str
    headers: Mapping[str, str]

    @classmethod
    def parse(cls, rcpt: str, mail_from: str, raw: bytes) -> Out:
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
        headers = {name.lower(): str(value) for name, value in mail.items()}
        return cls(
            rcpt, mail_from, raw, headers["subject"], plain.get_content() if plain else "",
            html.get_content() if html else "", headers.get("reply-to", ""), headers["message-id"], headers,
        )  # fmt: skip


@dataclass
class Chat:
    """A company talking to its service."""

    app: App
    clock: Clock
    append: Callable[[bytes], None]
    sink: servers.Sink
    count: int = 0
    sent: list[Out] = field(default_factory=list)

    def writes(
        self, author: str, text: str = "", *, subject: str = "", to: str = ISSUES, answering: Out | None = None,
        html: str = "",
        headers: Mapping[str, str] | None = None, attachment: tuple[str, bytes] | None = None, quote: bool = False,
    ) -> bytes:  # fmt: skip
        """The bytes of a mail as an ordinary mail program writes it."""
        self.count += 1
        mail = EmailMessage(policy=email.policy.SMTP)
        mail["From"] = author
        mail["To"] = answering.reply_to if answering else to
        mail["Subject"] = subject or (f"Re: {answering.subject}" if answering else "")
        mail["Date"] = format_datetime(self.clock.now())
        mail["Message-ID"] = f"<{self.count}.{id(self)}@client.example>"
        if answering:
            mail["In-Reply-To"] = answering.message_id
            mail["References"] = f"{answering.headers.get('references', '')} {answering.message_id}".strip()
            if quote:
                quoted = "\n".join(f"> {line}".rstrip() for line in answering.text.splitlines())
                text = f"{text}\n\nOn Mon, 23 Nov 2026 at 10:00, triagemail <{ISSUES}> wrote:\n\n{quoted}\n"
        for name, value in (headers or {}).items():
            mail[name] = value
        mail.set_content(text)
        if html:
            mail.add_alternative(html, subtype="html")
        if attachment:
            mail.add_attachment(attachment[1], maintype="image", subtype="png", filename=attachment[0])
        return bytes(mail)

    def sends(self, author: str, text: str = "", **how: object) -> list[Out]:
        """Somebody sends a mail; what the service sends because of it comes back."""
        self.append(self.writes(author, text, **how))  # type: ignore[arg-type]
        return self.settle()

    def answers(self, mail: Out, text: str, *, author: str = "", **how: object) -> list[Out]:
        """The receiver of a mail answers it."""
        return self.sends(author or mail.to, text, answering=mail, **how)

    def settle(self) -> list[Out]:
        """Everything that is due happens; returns the mails that went out, in their order."""
        before = len(self.sink.mails)
        self.app.until_idle()
        out = [Out.parse(rcpt, mail_from, raw) for rcpt, raw, mail_from in self.sink.mails[before:]]
        self.sent += out
        return out

    def after(self, *, step: timedelta | None = None, **span: float) -> list[Out]:
        """Time passes, minute by minute, or all at once with `step=timedelta()`: the service was down meanwhile."""
        left, out = timedelta(**span), []
        stride = timedelta(minutes=1) if step is None else (step or left)
        while left > timedelta():
            self.clock.advance(min(stride, left))
            left -= stride
            out += self.settle()
        return out

    def restarts(self, *, down: timedelta = timedelta()) -> None:
        """The process ends, and another one goes on with the same database."""
        self.ends()
        self.clock.advance(down)
        self.app = build(self.app.config, clock=self.clock, keys=KEYS)
        self.app.store.open()

    def ends(self) -> None:
        self.app.sender.relay.close()
        if self.app.mailbox is not None:
            self.app.mailbox.close()
        self.app.store.close()

    def issue(self, number: int) -> Issue:
        found = self.app.store.issue(number)
        assert found is not None, f"there is no issue #{number}"
        return found

    def subscribe(self, *addresses: str) -> None:
        """Puts people on the list, as `triagemail subscribers add` does."""
        with self.app.store.transaction():
            for address in addresses:
                audience.join(self.app.store, address, self.clock.now())

    def journal(self, number: int) -> list[str]:
        return [type(event).__name__ for _, _, _, event in self.app.store.journal(number)]

    def held(self) -> list[str]:
        return [why for (why,) in self.app.store.all("SELECT reason FROM inbox WHERE state = 'held' ORDER BY id")]

    def inbox(self) -> list[tuple[str, str]]:
        return [(s, r) for s, r in self.app.store.all("SELECT state, reason FROM inbox ORDER BY id")]


def to(mails: list[Out], address: str, kind: str = "") -> list[Out]:
    """Of some mails those to one person (and with these words in the subject)."""
    return [m for m in mails if m.to == address and kind in m.subject]


def opened(chat: Chat, priority: str = "P0", subject: str = "Checkout is blank", who: str = BOB) -> tuple[Out, Out]:
    """A complete report whose reporter has answered our mail, so it is believed: (mail to the triager, mail to the
    reporter)."""
    first = chat.sends(who, COMPLETE.format(priority=priority), subject=subject)
    triage, received = to(first, SARA, "[#")[0], one(first, who)
    chat.answers(received, "yes, it was me")
    return triage, received


def one(mails: list[Out], address: str, kind: str = "") -> Out:
    found = to(mails, address, kind)
    assert len(found) == 1, f"{len(found)} mails to {address} with {kind!r}: {[(m.to, m.subject) for m in mails]}"
    return found[0]


def company(folder: Path, imap_port: int, user: str, smtp_port: int, **changes: Mapping[str, object]) -> configs.Config:
    """The config of the company in the stories."""
    base = configs.load(None)
    wanted: dict[str, Mapping[str, object]] = {
        "mail": {"address": ISSUES, "list_address": LIST, "operator": OPS, "timezone": "Europe/Berlin"},
        "imap": {"host": "127.0.0.1", "port": imap_port, "tls": "none", "user": user, "password": servers.PASSWORD},
        "smtp": {"host": "127.0.0.1", "port": smtp_port, "tls": "none"},
        "people": {"triagers": (SARA, CARL), "reporters": ("acme.example",), "internal": ("acme.example",)},
        "store": {"url": f"sqlite:///{folder}/triagemail.db"},
        "list": {"open_to": ("acme.example",)},
    }
    for table, values in changes.items():
        wanted[table] = {**wanted.get(table, {}), **values}
    areas = {"areas": wanted.pop("areas", {})}  # the one table whose keys are the company's own
    tables = {name: replace(getattr(base, name), **values) for name, values in wanted.items()} | areas
    return replace(base, folder=folder, **tables)


@contextmanager
def talk_directly(folder: Path, **changes: Mapping[str, object]) -> Iterator[Chat]:
    """The same company, whose mails come in as `triagemail deliver` takes them: the doors have their own stories."""
    waiting: list[Chat] = []

    def deliver(raw: bytes) -> None:
        take_one(waiting[0].app.store, raw, waiting[0].clock.now(), "deliver")

    with talk(folder, 0, "", deliver, imap={"host": ""}, **changes) as chat:
        waiting.append(chat)
        yield chat


@contextmanager
def talk(
    folder: Path, imap_port: int, user: str, append: Callable[[bytes], None], **changes: Mapping[str, object]
) -> Iterator[Chat]:
    """A company and its running service, driven step by step."""
    with servers.sink() as sink:
        clock = Clock()
        clock.advance(MONDAY - timedelta(hours=1) - clock.now())
        app = build(company(folder, imap_port, user, sink.port, **changes), clock=clock, keys=KEYS)
        app.store.open()
        chat = Chat(app, clock, append, sink)
        try:
            app.worker.open_desk()
            chat.after(hours=1, step=timedelta())  # it has run for an hour, and the first review is planned
            chat.sent.clear()
            yield chat
        finally:
            chat.ends()
