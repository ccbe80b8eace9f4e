"""The demo's mailboxes as pages: read each mail as its reader got it, answer it, write one. In the demo only.

Whoever opens them plays any person of the company, without a cookie. So they answer to the names of this machine alone
(a foreign name that leads here could read them otherwise), and a mail leaves only by a form of their own. A mail's
HTML part is shown in a sandbox without programs; a tap in it fills the reply, as it would open one in a mail program.
"""

from __future__ import annotations

import html
import re
import secrets
import smtplib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from triagemail.doors import web
from triagemail.doors.web import Site
from triagemail.mail import address, mime, sessions, templates

BODY = 200_000  # bytes of a form: a long report, with every letter in three
FIRST = 120  # characters of its beginning that a list of mails shows
SPANS = (5, 30)  # minutes by which the clock can be moved
LOCAL = ("127.0.0.1", "localhost", "::1")
TAP = re.compile(  # as templates.py writes them
    r'<a (?:class="\w{1,10}" )?href="(mailto:[^"]{1,4000})"(?: style="[^"]{1,400}")?>(.{1,600}?)</a>', re.DOTALL
)
HREF = re.compile(r'\bhref="mailto:[^"]*"')
SANDBOX = "allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
FRAMED = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none';"
    f" form-action 'none'; frame-ancestors 'self'; sandbox {SANDBOX}",
    "X-Frame-Options": "SAMEORIGIN",
}
FRAMING = {
    "Content-Security-Policy": f"{web.GUARDS['Content-Security-Policy']}; frame-src 'self'",
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers hide the Origin of our own form too
}


@dataclass(frozen=True, slots=True)
class Kept:
    """A mail in somebody's mailbox: one that came, or (`sent`) one that they wrote."""

    number: int
    owner: str
    at: datetime
    sent: bool
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Written:
    """A mail that somebody writes on a page; `answers` is the one that it answers."""

    author: str
    to: str
    subject: str
    text: str
    answers: Kept | None = None


@dataclass
class Mailboxes:
    """What the pages stand on. `people` has a role for each mailbox; `post` hands a mail to the SMTP server and raises
    SMTPException or OSError where that refuses it; `passes` moves the clock, once the story is over (`free`)."""

    people: Mapping[str, str]
    post: Callable[[Written], None]
    passes: Callable[[timedelta], None]
    kept: list[Kept] = field(default_factory=list)
    free: bool = False
    token: str = field(default_factory=secrets.token_urlsafe)

    def keep(self, owner: str, at: datetime, raw: bytes, *, sent: bool = False) -> None:
        self.kept.append(Kept(len(self.kept) + 1, owner, at, sent, raw))

    def of(self, name: str) -> list[Kept]:
        """The newest first."""
        return [each for each in reversed(self.kept) if each.owner == name]


@dataclass(frozen=True, slots=True)
class Tap:
    """A one-tap answer of a mail: a mailto link (RFC 6068), and what stands on it."""

    words: str
    to: str
    subject: str
    body: str


Page = Callable[[Site, Mailboxes, Request], Response]


# --- the pages --------------------------------------------------------------------------------------------------------


def people(site: Site, boxes: Mailboxes, request: Request) -> Response:
    mails = {name: boxes.of(name) for name in boxes.people}
    newest = {name: _head(found[0])["subject"] for name, found in mails.items() if found}
    rows = [(name, role, mails[name], newest.get(name)) for name, role in boxes.people.items()]
    return _page(site, boxes, "mailboxes.html", here="people", who="", rows=rows, spans=SPANS, free=boxes.free)


def mailbox(site: Site, boxes: Mailboxes, request: Request) -> Response:
    name = request.path_params["name"]
    mails = [(each, _head(each)) for each in boxes.of(name)]
    still, sent = ("still" in request.query_params, "sent" in request.query_params)
    return _page(site, boxes, "mailbox.html", here="box", who=name, mails=mails, still=still, sent=sent)


def letter(site: Site, boxes: Mailboxes, request: Request) -> Response:
    kept = _kept(boxes, request)
    if kept is None:
        return site.door("lost", 404)
    read = mime.parse(kept.raw)
    offered = taps(read.html)
    shown = request.query_params.get("as", "")
    shown = shown if shown in ("text", "source") or not read.html else "html"
    text = kept.raw.decode("utf-8", "replace") if shown == "source" else read.text
    lines = sum(1 + len(line) // 60 for line in read.text.split("\n"))
    return _page(
        site, boxes, "letter.html", who=kept.owner, kept=kept, head=_head(kept), shown=shown or "text", text=text,
        files=read.attachments, taps=offered, framed=bool(read.html), height=min(900, max(300, 26 * lines)),
        form=_answer(read, kept, offered, request),
    )  # fmt: skip


def _answer(read: mime.ParsedMail, kept: Kept, offered: tuple[Tap, ...], request: Request) -> Mapping[str, object]:
    """The reply as it stands when the page opens: empty, or as a tap fills it, or with the mail quoted. A tap answers
    no mail, as in a mail program: it opens a new one."""
    chosen = request.query_params.get("tap", "")
    if chosen.isascii() and chosen.isdecimal() and len(chosen) < 4 and int(chosen) < len(offered):
        tap = offered[int(chosen)]
        return {"to": tap.to, "subject": tap.subject, "text": tap.body, "answers": 0}
    back = address.read_list(read.headers.get("reply-to", ()))
    to = back[0] if back else read.from_.address if read.from_ else ""
    subject = read.subject if read.subject.lower().startswith("re:") else f"Re: {read.subject}"
    quoted = "".join(f"> {line}".rstrip() + "\n" for line in read.text.rstrip().split("\n"))
    text = quoted if "quote" in request.query_params else ""
    return {"to": to, "subject": subject, "text": text, "answers": kept.number}


def framed(site: Site, boxes: Mailboxes, request: Request) -> Response:
    """The HTML part as it came, but for its links: a tap fills the reply, any other opens a page of its own."""
    kept = _kept(boxes, request)
    if kept is None:
        return site.door("lost", 404)
    ways = iter(range(len(TAP.findall(mime.parse(kept.raw).html))))
    here = f"{site.root}/mail/{kept.owner}/{kept.number}"

    def lead(match: re.Match[str]) -> str:
        to = f'href="{here}?tap={next(ways)}#reply" target="_top"'
        return HREF.sub(lambda _: to, match[0], count=1)

    shown = TAP.sub(lead, mime.parse(kept.raw).html).replace("<head>", '<head><base target="_blank">', 1)
    return Response(shown, media_type="text/html", headers=FRAMED)


def attachment(site: Site, boxes: Mailboxes, request: Request) -> Response:
    """As a download, whatever it is."""
    kept, part = _kept(boxes, request), request.path_params["part"]
    known = [each.part for each in mime.parse(kept.raw).attachments] if kept else []
    if kept is None or part not in known:
        return site.door("lost", 404)
    heads = {"Content-Disposition": f'attachment; filename="part-{part}"'}
    return Response(mime.part_bytes(kept.raw, part), media_type="application/octet-stream", headers=heads)


def write(site: Site, boxes: Mailboxes, request: Request) -> Response:
    form = {"to": site.policy.address, "subject": "", "text": "", "answers": 0}
    return _page(site, boxes, "write.html", here="write", who=request.path_params["name"], form=form, problem="")


def board(site: Site, boxes: Mailboxes, request: Request) -> Response:
    """To the board as this person sees it: by the link that they would get by mail."""
    with site.store.transaction():
        person = site.store.person(f"{request.path_params['name']}@{site.policy.address.partition('@')[2]}")
    return RedirectResponse(f"{site.root}/in/{sessions.sign(site.keyring, 'w', person, site.clock.now())}", 303)


def _page(site: Site, boxes: Mailboxes, name: str, status: int = 200, *, here: str = "", **values: object) -> Response:
    found = site.page(name, status, viewer=None, reader="", here=here, token=boxes.token, **values)
    found.headers.update(FRAMING)
    return found


def _kept(boxes: Mailboxes, request: Request) -> Kept | None:
    return _numbered(boxes, request.path_params["name"], request.path_params["number"])


def _numbered(boxes: Mailboxes, name: str, number: int) -> Kept | None:
    return next((each for each in boxes.of(name) if each.number == number), None)


def _head(kept: Kept) -> Mapping[str, str]:
    """Who it is from and to, and how it begins, as a mail program lists it."""
    read = mime.parse(kept.raw)
    begins = read.text.removeprefix(templates.marker("en")).lstrip().partition("\n\n")[0]
    first = " ".join(begins.split())
    return {
        "from": read.from_.address if read.from_ else "", "to": ", ".join(read.recipients[:1]),
        "subject": read.subject, "first": first[:FIRST] + ("…" if len(first) > FIRST else ""),
    }  # fmt: skip


def taps(page: str) -> tuple[Tap, ...]:
    """The mailto links of an HTML part, in their order."""
    found = []
    for link, inside in TAP.findall(page):
        to, _, query = html.unescape(link).removeprefix("mailto:").partition("?")
        asked = parse_qs(query.replace("+", "%2B"), keep_blank_values=True)
        words = html.unescape(re.sub(r"<[^<>]{1,100}>", "", inside)).strip()
        subject, body = asked.get("subject", [""])[0], asked.get("body", [""])[0]
        found.append(Tap(words, unquote(to), subject, body.replace("\r\n", "\n")))
    return tuple(found)


# --- what is done -----------------------------------------------------------------------------------------------------


def _sent(site: Site, boxes: Mailboxes, name: str, form: Mapping[str, str]) -> Response:
    number = form.get("answers", "")
    answered = _numbered(boxes, name, int(number)) if number.isascii() and number.isdecimal() else None
    text = form.get("text", "").replace("\r\n", "\n")
    mail = Written(name, form.get("to", "").strip(), " ".join(form.get("subject", "").split()), text, answered)
    try:
        if address.normalise(mail.to) is None:
            raise smtplib.SMTPException(f"{mail.to!r} is no address")
        boxes.post(mail)
    except (smtplib.SMTPException, OSError) as error:
        kept = {"to": mail.to, "subject": mail.subject, "text": text, "answers": number}
        return _page(site, boxes, "write.html", 400, here="write", who=name, form=kept, problem=_words(error))
    return RedirectResponse(f"{site.root}/mail/{name}?sent=1", 303)


def _words(error: Exception) -> str:
    """What the SMTP server said."""
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "; ".join(said.decode("utf-8", "replace") for _, said in error.recipients.values())
    return str(error)


def _passed(site: Site, boxes: Mailboxes, form: Mapping[str, str]) -> Response:
    """The clock moves by one of the offered spans; while the story plays it is the story's own."""
    minutes = [span for span in SPANS if str(span) == form.get("minutes")]
    if boxes.free and minutes:
        boxes.passes(timedelta(minutes=minutes[0]))
    return RedirectResponse(f"{site.root}/mail", 303)


def _acts(site: Site, boxes: Mailboxes, request: Request, form: Mapping[str, str]) -> Response:
    if not secrets.compare_digest(form.get("token", "").encode(), boxes.token.encode()):
        return site.door("lost", 403)
    name = request.path_params.get("name")
    return _passed(site, boxes, form) if name is None else _sent(site, boxes, name, form)


def _ours(request: Request) -> bool:
    """Asked for by a name of this machine, and from no page of another."""
    host = request.headers.get("host", "")
    return urlsplit(f"//{host}").hostname in LOCAL and request.headers.get("origin") in (None, f"http://{host}")


# --- the routes -------------------------------------------------------------------------------------------------------


def routes(site: Site, boxes: Mailboxes) -> list[Route]:
    """What the web page shows beside its own in the demo."""
    looks: Mapping[str, Page] = {
        "/mail": people,
        "/mail/{name}": mailbox,
        "/mail/{name}/write": write,
        "/mail/{name}/board": board,
        "/mail/{name}/{number:int}": letter,
        "/mail/{name}/{number:int}/page": framed,
        "/mail/{name}/{number:int}/files/{part:int}": attachment,
    }

    def known(request: Request) -> bool:
        return request.path_params.get("name", next(iter(boxes.people))) in boxes.people and _ours(request)

    def look(page: Page) -> Callable[[Request], Response]:
        def shown(request: Request) -> Response:
            return page(site, boxes, request) if known(request) else site.door("lost", 404)

        return lambda request: web.shown(site, lambda: shown(request))

    async def act(request: Request) -> Response:
        body = await web.body_of(request, BODY)
        if body is None or not known(request):
            return site.door("lost", 403)
        fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
        form = {key: values[0] for key, values in fields.items()}
        return await run_in_threadpool(web.shown, site, lambda: _acts(site, boxes, request, form))

    acts = [Route(path, act, methods=["POST"]) for path in ("/mail/time", "/mail/{name}/send")]
    return [*acts, *(Route(path, look(page), methods=["GET"]) for path, page in looks.items())]
