"""`triagemail demo`: a whole mail company on loopback plays the story of one P0 through the real protocols, then
stays up.

Everything between the lines is the product itself: the service polls an IMAP mailbox, decides, and sends over SMTP.
Only the people are played, and the clock is moved where the story says so.
"""

from __future__ import annotations

import contextlib
import email
import email.policy
import queue
import shutil
import signal
import smtplib
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console, Group
from rich.panel import Panel
from rich.text import Text

from triagemail.mail import sessions

if TYPE_CHECKING:
    from triagemail.config import Config
    from triagemail.doors.mailboxes import Mailboxes, Written
    from triagemail.doors.smtpd import Envelope, Reply
    from triagemail.doors.web import Routes, Site

Server = TypeVar("Server")

DOMAIN = "acme.example"
ISSUES = f"issues@{DOMAIN}"
PASSWORD = "demo"
IMAP_PORT, SMTP_PORT, WEB_PORT = (
    1143,
    1025,
    8025,
)  # kept where they are free, so that a mail program's set-up outlives the demo
LOOK = timedelta(seconds=2)  # the light IMAP server announces no mail that comes just before IDLE
PATIENCE = 20.0  # seconds that the story waits for a mail
ROLES: Mapping[str, str] = {
    "bob": "reporter",
    "sara": "triager on duty",
    "anna": "subscriber",
    "lena": "subscriber",
    "tom": "subscriber",
}
SUBSCRIBERS = ("anna", "lena", "tom")
COLOURS = {"bob": "cyan", "sara": "magenta", "issues": "yellow"}

FIRST_REPORT = "Hi all,\n\nthe website is down! Customers call me, please have a look.\n\nBob"
ANSWERS = {
    "expected": "The shop, as always.",
    "see": "Open https://shop.acme.example on any phone.",
    "affected": "Every customer, nobody can order. No workaround.",
    "priority": "P0",
}
UPDATE = "update: The load balancer's certificate expired last night. We are installing the new one."
RESOLVE = "resolve: The new certificate is in place and is renewed automatically from now on."


def play(*, stay: bool, color: bool) -> int:
    """The story, and then the company to join in. Returns the exit code; 75 when a mail did not come in time."""
    screen = Console(no_color=not color, highlight=False, soft_wrap=False)
    screen.print(
        "[bold]triagemail demo[/]: a mail company on this machine, for you to watch and to join. Starting it …"
    )
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    folder = Path(tempfile.mkdtemp(prefix="triagemail-demo-"))
    company = None
    try:
        company = Company(folder)
        if stay and company.web is not None:
            screen.print(f"Read along in your browser: {company.mailboxes()}")
        story(company, screen, stop)
        if stay and not stop.is_set():
            company.opens()
            join_in(company, screen)
            while not stop.wait(0.2):
                pass
        return 0
    except Interrupted:
        return 0
    except TimeoutError as error:
        screen.print(f"[red]The story stops here:[/] {error}")
        return 75
    finally:
        try:
            # raises where the screen is gone, as in `triagemail demo | tee`
            screen.print("\nClosing the company …", style="dim")
        finally:
            if company is not None:
                company.close()
            shutil.rmtree(folder, ignore_errors=True)


class Interrupted(Exception):
    """Ctrl-C in the middle of the story."""


# --- the company -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Letter:
    """A mail as its reader's program fetched it."""

    to: str
    mail: EmailMessage

    @property
    def text(self) -> str:
        part = self.mail.get_body(("plain",))
        return part.get_content().replace("\r\n", "\n") if part else ""

    @property
    def subject(self) -> str:
        return str(self.mail["Subject"])


@dataclass
class Company:
    """Mail servers, mailboxes for everybody, and the service with its own mailbox."""

    folder: Path
    letters: dict[str, queue.Queue[Letter]] = field(default_factory=dict)
    boxes: Mailboxes | None = None  # what the pages show; None where the extra `web` is not installed

    def __post_init__(self) -> None:
        from triagemail import log
        from triagemail.app import build, exclusive
        from triagemail.clock import Clock
        from triagemail.doors import imapd, smtpd
        from triagemail.store import audience

        log.configure("error")
        accounts = dict.fromkeys((*ROLES, "issues"), PASSWORD)
        self.letters = {name: queue.Queue() for name in accounts}
        self.imap = _start(lambda port: imapd.start(accounts, port), IMAP_PORT)
        self.smtp = _start(lambda port: smtpd.start("127.0.0.1", port, self.route), SMTP_PORT)
        self.clock = Clock()
        self.app = build(
            _config(self.folder, self.imap.port, self.smtp.port), clock=self.clock, keys={"a": b"demo" * 8}
        )
        self.app.store.open()
        self.only_one = exclusive(self.app.store)
        self.only_one.__enter__()
        with self.app.store.transaction():
            for name in SUBSCRIBERS:
                audience.join(self.app.store, f"{name}@{DOMAIN}", self.clock.now())
        self.web = self.app.start_web(more=self.pages)
        self.loops = self.app.loops()
        for loop in self.loops.values():
            loop.start()

    def pages(self, site: Site) -> Routes:
        """The mailboxes, to read and to answer in a browser."""
        from triagemail.doors import mailboxes

        self.boxes = mailboxes.Mailboxes(ROLES, self.post, self.passes)
        return mailboxes.routes(site, self.boxes)

    def opens(self) -> None:
        """The story is over: whoever looks at the pages may move the clock."""
        if self.boxes is not None:
            self.boxes.free = True

    def passes(self, span: timedelta) -> None:
        self.clock.advance(span)
        for loop in self.loops.values():
            loop.wake.set()

    def route(self, envelope: Envelope) -> Reply:
        """The company's mail server: each recipient's copy goes into their mailbox."""
        from triagemail.doors.smtpd import Reply

        names = [_mailbox(rcpt) for rcpt in envelope.rcpts]
        if unknown := [r for r, name in zip(envelope.rcpts, names, strict=True) if name not in self.letters]:
            return Reply(550, f"5.1.1 nobody here is called {unknown[0]}; try {', '.join(self.letters)}")
        for name in dict.fromkeys(names):
            self.imap.append(name, envelope.content)
            self._keep(name, envelope.content)
            parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
            assert isinstance(parsed, EmailMessage)
            self.letters[name].put(Letter(name, parsed))
        return Reply()

    def send(self, author: str, text: str, *, subject: str = "", answering: Letter | None = None) -> EmailMessage:
        """Somebody's mail program sends a mail through the company's SMTP server."""
        to = str(answering.mail["Reply-To"]) if answering else ISSUES
        about = f"Re: {answering.subject}" if answering else subject
        return self._sends(author, to, about, text, answering.mail if answering else None)

    def post(self, written: Written) -> None:
        """A mail from the pages. Raises what the SMTP server says."""
        answered = None
        if written.answers is not None:
            answered = email.message_from_bytes(written.answers.raw, policy=email.policy.default)
            assert isinstance(answered, EmailMessage)
        self._sends(written.author, written.to, written.subject, written.text, answered)

    def _sends(self, author: str, to: str, subject: str, text: str, answered: EmailMessage | None) -> EmailMessage:
        mail = EmailMessage(policy=email.policy.SMTP)
        mail["From"] = f"{author.title()} <{author}@{DOMAIN}>"
        mail["To"] = to
        mail["Subject"] = subject
        mail["Date"] = format_datetime(self.clock.now())
        mail["Message-ID"] = make_msgid(domain=f"laptop.{DOMAIN}")
        if answered is not None:
            known = [str(answered[name]) for name in ("References", "Message-ID") if answered[name]]
            mail["In-Reply-To"] = known[-1] if known else ""
            mail["References"] = " ".join(known)
        mail.set_content(text)
        with smtplib.SMTP("127.0.0.1", self.smtp.port, timeout=10) as relay:
            relay.sendmail(f"{author}@{DOMAIN}", [to], bytes(mail))
        self._keep(author, bytes(mail), sent=True)
        return mail

    def _keep(self, name: str, raw: bytes, *, sent: bool = False) -> None:
        if self.boxes is not None:
            self.boxes.keep(name, self.clock.now(), raw, sent=sent)

    def letter(self, name: str, words: str, stop: threading.Event) -> Letter:
        """The next mail to somebody with these words in its subject. Raises TimeoutError, Interrupted."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            if stop.is_set():
                raise Interrupted
            try:
                found = self.letters[name].get(timeout=0.1)
            except queue.Empty:
                continue
            if words.lower() in found.subject.lower():
                return found
        raise TimeoutError(f"no mail to {name} with {words!r} in its subject came within {PATIENCE:.0f} s")

    def link(self, name: str) -> str:
        """What somebody gets who writes `board`."""
        with self.app.store.transaction():
            person = self.app.store.person(f"{name}@{DOMAIN}")
        word = sessions.sign(self.app.keyring, "w", person, self.clock.now())
        return f"{self.app.policy.web_url}/in/{word}"

    def mailboxes(self) -> str:
        return f"{self.app.policy.web_url}/mail"

    def close(self) -> None:
        for loop in self.loops.values():
            loop.stop()
        for loop in self.loops.values():
            loop.join(10)
        if self.web is not None:
            self.web.stop()
        self.only_one.__exit__(None, None, None)
        self.app.store.close()
        self.smtp.stop()
        self.imap.stop()


def _start(start: Callable[[int], Server], wanted: int) -> Server:
    """A server on the usual port, or on any other where that is taken."""
    try:
        return start(wanted)
    except OSError:
        return start(0)


def _free_port(wanted: int) -> int:
    """For the web page: its address stands in mails, so it is known before anything listens there."""
    for port in (wanted, 0):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)) as sock:
            return int(sock.getsockname()[1])
    raise OSError("no port is free on 127.0.0.1")


def _mailbox(rcpt: str) -> str:
    local = rcpt.rpartition("@")[0].partition("+")[0].lower()
    return "issues" if local == "updates" else local


def _config(folder: Path, imap_port: int, smtp_port: int) -> Config:
    from triagemail import config as configs

    base = configs.load(None)
    at = f"@{DOMAIN}"
    port = _free_port(WEB_PORT)
    return replace(
        base,
        folder=folder,
        mail=replace(base.mail, address=ISSUES, list_address=f"updates{at}"),
        imap=replace(
            base.imap, host="127.0.0.1", port=imap_port, tls="none", user="issues", password=PASSWORD, poll=LOOK
        ),
        smtp=replace(base.smtp, host="127.0.0.1", port=smtp_port, tls="none"),
        people=replace(base.people, triagers=(f"sara{at}",), reporters=(DOMAIN,), internal=(DOMAIN,)),
        list=replace(base.list, open_to=(DOMAIN,)),
        store=replace(base.store, url=f"sqlite:///{folder}/triagemail.db"),
        web=replace(base.web, listen=replace(base.web.listen, port=port), url=f"http://127.0.0.1:{port}"),
    )


# --- the story -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stage:
    """Who acts, and the screen that it is told on."""

    company: Company
    screen: Console
    stop: threading.Event

    def scene(self, number: int, text: str) -> None:
        self.screen.print()
        self.screen.rule(f"[bold]{number}. {text}[/]", align="left")

    def writes(
        self, author: str, text: str, *, shown: str = "", subject: str = "", answering: Letter | None = None
    ) -> None:
        mail = self.company.send(author, text, subject=subject, answering=answering)
        self._panel(f"{author.title()} writes", author, mail, shown or text)

    def gets(self, name: str, words: str, *, lines: int = 14) -> Letter:
        letter = self.company.letter(name, words, self.stop)
        body = [line for line in letter.text.split("\n") if "write above this line" not in line]
        shown = "\n".join(body).strip().split("\n")
        more = [f"… ({len(shown) - lines} more lines)"] if len(shown) > lines else []
        self._panel(f"{name.title()} gets", "issues", letter.mail, "\n".join([*shown[:lines], *more]))
        return letter

    def _panel(self, title: str, colour: str, mail: EmailMessage, text: str) -> None:
        head = Text(f"To: {_short(str(mail['To']))}\nSubject: {mail['Subject']}\n", style="dim")
        self.screen.print(
            Panel(Group(head, Text(text)), title=title, title_align="left", border_style=COLOURS.get(colour, "green"))
        )

    def passes(self, span: timedelta, words: str) -> None:
        self.screen.print(f"[bold yellow]⏩ The clock is moved by {words}; in real life you would wait.[/]")
        self.company.passes(span)


def story(company: Company, screen: Console, stop: threading.Event) -> None:
    """One P0 from "the website is down" to its end."""
    stage = Stage(company, screen, stop)
    stage.scene(1, "Bob from sales mails what everybody mails: an incomplete report")
    stage.writes("bob", FIRST_REPORT, subject="Website is down")
    stage.scene(2, "The service keeps it as a draft and asks for what is missing")
    asked = stage.gets("bob", "[#1]", lines=40)
    stage.scene(3, "Bob fills the gaps in his reply, on his phone, below the questions")
    stage.writes(
        "bob", _filled(asked.text, company), shown="\n".join(f"  {text}" for text in ANSWERS.values()), answering=asked
    )
    stage.gets("bob", "[#1]")
    stage.scene(4, "A P0 of a known sender: announced at once, and the triager on duty decides")
    for name in SUBSCRIBERS:
        _told(stage, name, "PRIORITY 0 ISSUE: ")
    others = " and ".join(name.title() for name in SUBSCRIBERS[1:])
    screen.print(
        f"  … and so do {others}, each in a copy of their own: nobody sees who else is on the list.", style="dim"
    )
    triage = stage.gets("sara", "[#1]", lines=30)
    stage.scene(5, "Sara agrees: one tap")
    stage.writes("sara", "agree", answering=triage)
    stage.gets("bob", "[#1]")
    stage.scene(6, "Nobody writes for half an hour, so the service does")
    stage.passes(timedelta(minutes=25, seconds=2), "25 minutes")
    due = stage.gets("sara", "[#1]")
    stage.passes(timedelta(minutes=5), "5 minutes")
    _told(stage, "anna", "PRIORITY 0 ISSUE UPDATE: ")
    stage.scene(7, "Sara knows more, and says so once, to everybody")
    stage.writes("sara", UPDATE, answering=due)
    _told(stage, "anna", "PRIORITY 0 ISSUE UPDATE: ")
    stage.scene(8, "It works again")
    stage.writes("sara", RESOLVE, answering=triage)
    _told(stage, "anna", "PRIORITY 0 ISSUE RESOLVED: ")
    screen.print("\n[bold green]That was one P0, wholly by mail.[/]")


def _told(stage: Stage, name: str, words: str) -> None:
    """The list hears; the first reader's copy is shown."""
    if name == SUBSCRIBERS[0]:
        stage.gets(name, words)
    else:
        stage.company.letter(name, words, stage.stop)


def _filled(text: str, company: Company) -> str:
    """The mail quoted, with an answer below each open question, as a mail program makes it."""
    lines = []
    labels = {
        question.label: ANSWERS[question.key] for question in company.app.policy.questions if question.key in ANSWERS
    }
    for line in text.split("\n"):
        lines.append(f"> {line}".rstrip())
        lines += [answer for label, answer in labels.items() if label in line and "[ ]" in line]
    return "\n".join(lines)


def _short(address: str) -> str:
    """A reply address without most of its token, which nobody reads."""
    local, _, domain = address.rpartition("@")
    base, plus, detail = local.partition("+")
    return f"{base}+{detail[:8]}…@{domain}" if plus and len(detail) > 12 else address


def join_in(company: Company, screen: Console) -> None:
    """How to take part with a mail program of one's own."""
    imap, smtp = company.imap.port, company.smtp.port
    screen.print()
    screen.print(Panel(
        Group(
            Text(f"IMAP  127.0.0.1  port {imap}   no encryption   password: {PASSWORD}"),
            Text(f"SMTP  127.0.0.1  port {smtp}   no encryption   no login"),
            *[Text(f"{name}@{DOMAIN:<14} user {name:<5} {role}") for name, role in ROLES.items()],
            Text(""),
            Text(f"mutt: mutt -e 'set folder=imap://bob:{PASSWORD}@127.0.0.1:{imap} spoolfile=+INBOX ssl_starttls=no"
                 f" from=bob@{DOMAIN} smtp_url=smtp://127.0.0.1:{smtp}/'"),
        ),
        title="Join in with your own mail program", title_align="left",
    ))  # fmt: skip
    if company.web is not None:
        screen.print(
            f"[bold]Or in your browser[/], everybody's mailbox, to read and to answer: {company.mailboxes()}\n"
            f"The board, as sara sees it: {company.link('sara')}", soft_wrap=True,
        )  # fmt: skip
    screen.print(
        f"Try, as bob: mail {ISSUES} that something is broken, and answer what comes back.\n"
        "Try, as sara: answer with `P2 because there is a workaround`, `owner anna@acme.example`, `update: …`,"
        " `resolve: …`.\n"
        f"Try, as anybody: mail {ISSUES} the one word `help`, `process`, `list`, `board` or `subscribe`.\n"
        "Ctrl-C ends it and leaves nothing behind."
    )
