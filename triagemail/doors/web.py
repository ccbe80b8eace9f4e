"""The door of starlette, uvicorn and prometheus_client: the web page (process.md 9 `board`; trust.md U4, X4, O7).

Read-only but for one click that leaves the list (RFC 8058). Nothing is shown without the cookie that a link from a mail
has set. Pages run in threads of their own, each with its own connection to the database while it lasts.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from urllib.parse import quote

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from triagemail.clock import Clock
from triagemail.doors import metrics
from triagemail.doors.link import loopback
from triagemail.log import logger
from triagemail.mail import mime, pages, sessions, wording
from triagemail.mail.headers import clean_header
from triagemail.mail.languages import ENGLISH
from triagemail.mail.tokens import Keyring
from triagemail.process import acts, duty, review
from triagemail.process.model import Issue, Policy, Priority
from triagemail.store import archive, claims, viewers
from triagemail.store.health import health
from triagemail.store.store import STORE_FAULTS, Store

LARGEST = 2**53  # a number in an address; what is beyond was never given out
BODY = 4096  # bytes of the one request that has a body
WEEKS = 12
SHOWN = 50  # broadcasts on a page of the archive
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")  # no type in which a program can hide
CONNECTIONS = 100
GRACE = 5.0  # seconds for what is being shown when the service stops
GUARDS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks: their number, their address, and what they read."""

    person: int
    address: str
    language: str


@dataclass(frozen=True, slots=True)
class Site:
    """What the pages stand on. `leave` takes off the list whom an unsubscribe token names, and says whether it was
    one; `language_of` is what the person of an address reads, "" anybody."""

    store: Store
    keyring: Keyring
    policy: Policy
    clock: Clock
    p1_this_week: Callable[[], int]
    leave: Callable[[str], bool]
    poll: timedelta | None = None
    language_of: Callable[[str], str] = lambda address: ENGLISH

    @property
    def root(self) -> str:
        """The path below which a proxy serves us: that of `web.url`, mostly none."""
        return "/" + path if (path := self.policy.web_url.partition("://")[2].partition("/")[2]) else ""

    @property
    def secure(self) -> bool:
        return self.policy.web_url.startswith("https:")

    @property
    def cookie(self) -> str:
        """With its prefix a cookie comes from this very host, over TLS (RFC 6265bis 4.1.3)."""
        return "__Host-board" if self.secure and not self.root else "board"

    def page(
        self, name: str, status: int = 200, *, viewer: Viewer | None = None, reader: str = "", here: str = "",
        **values: object,
    ) -> Response:  # fmt: skip
        """In the language of the viewer, or of the `reader` of a mail whose link it is."""
        language = viewer.language if viewer else self.language_of(reader)
        shared = {"root": self.root, "viewer": viewer.address if viewer else "", "here": here}
        html = pages.render(name, self.policy, self.clock.now(), {**values, **shared}, language)
        return Response(html, status, media_type="text/html")

    def door(self, why: str, status: int) -> Response:
        return self.page("door.html", status, why=why)

    def lost(self, viewer: Viewer) -> Response:
        return self.page("door.html", 404, viewer=viewer, why="lost")

    def viewer(self, kind: sessions.Kind, word: str) -> Viewer | None:
        """Who may look with this word. Asked each time: who is internal no more, was forgotten, or whose links were
        revoked, sees nothing from then on."""
        session = sessions.read(self.keyring, kind, word, self.clock.now())
        address = self.store.address(session.person) if session else ""
        if session is None or "internal" not in acts.roles(address, None, self.policy):
            return None
        revoked = viewers.revoked_at(self.store, session.person)
        if revoked and session.since <= revoked:
            return None
        return Viewer(session.person, address, self.language_of(address))


Page = Callable[[Site, Request, Viewer], Response]
Routes = Sequence[Route]


# --- the pages --------------------------------------------------------------------------------------------------------


def board(site: Site, request: Request, viewer: Viewer) -> Response:
    now = site.clock.now()
    lines = [pages.line(issue, site.policy, viewer.language) for issue in site.store.open_issues()]
    return site.page(
        "board.html", viewer=viewer, here="board", lines=lines, groups=pages.groups(lines),
        used=site.p1_this_week(), loud=any(line.counts is Priority.P0 for line in lines),
        still="still" in request.query_params, duty=duty.present(site.policy, site.store.desk(), now).duty,
    )  # fmt: skip


def issue_page(site: Site, request: Request, viewer: Viewer) -> Response:
    issue = _issue(site, request)
    if issue is None:
        return site.lost(viewer)
    sent = archive.of_issue(site.store, issue.number)
    events = [event for _, _, _, event in site.store.journal(issue.number)]
    links = (issue.duplicate_of, issue.remediates, issue.continued_as, *issue.remediations)
    return site.page(
        "issue.html", viewer=viewer, issue=issue, line=pages.line(issue, site.policy, viewer.language),
        files=_files(site, issue), journal=pages.journal(events, issue, viewer.language),
        links=sorted({number for number in links if number}), updates=[_readable(each) for each in sent],
    )  # fmt: skip


def attachment(site: Site, request: Request, viewer: Viewer) -> Response:
    """As a download and never shown, whatever it is (trust.md X4)."""
    issue = _issue(site, request)
    mail, part = _number(request, "mail"), _number(request, "part")
    found = [each for each in _files(site, issue) if (each.mail, each.part) == (mail, part)] if issue else []
    if not found:
        return site.lost(viewer)
    kind = found[0].content_type if found[0].content_type in PICTURES else "application/octet-stream"
    called = f"attachment; filename=\"attachment\"; filename*=UTF-8''{quote(found[0].name[:150], safe='')}"
    body = mime.part_bytes(claims.raw(site.store, mail), part)
    return Response(body, media_type=kind, headers={"Content-Disposition": called})


def archive_page(site: Site, request: Request, viewer: Viewer) -> Response:
    asked = request.query_params.get("q", "")[:200]
    before = request.query_params.get("before", "")
    older = int(before) if before.isascii() and before.isdecimal() and len(before) < 16 else 0
    sent = archive.search(site.store, asked.split(), before=older, limit=SHOWN + 1)
    feed = sessions.sign(site.keyring, "f", viewer.person, site.clock.now())
    return site.page(
        "archive.html", viewer=viewer, here="archive", sent=sent[:SHOWN], asked=asked, feed=feed,
        older=sent[SHOWN - 1].number if len(sent) > SHOWN else 0,
    )  # fmt: skip


def broadcast(site: Site, request: Request, viewer: Viewer) -> Response:
    found = archive.one(site.store, _number(request, "number"))
    if found is None:
        return site.lost(viewer)
    return site.page("broadcast.html", viewer=viewer, here="archive", sent=_readable(found))


def figures(site: Site, request: Request, viewer: Viewer) -> Response:
    now, policy = site.clock.now(), site.policy
    first = review.weekly((), now, policy, WEEKS)[0].monday
    issues = site.store.issues_since(first)
    trouble = review.weekly([i for i in issues if not i.remediation], now, policy, WEEKS)
    amends = [i for i in issues if i.remediation]
    drawn = pages.charts(review.weekly(amends, now, policy, WEEKS), None) if amends else ()
    both = (("troubleshooting", pages.charts(trouble, policy.p1_per_week)), ("remediation", drawn))
    return site.page("figures.html", viewer=viewer, here="figures", weeks=WEEKS, both=both)


def _issue(site: Site, request: Request) -> Issue | None:
    return site.store.issue(_number(request, "number"))


def _number(request: Request, name: str) -> int:
    number: int = request.path_params[name]
    return number if number < LARGEST else 0


def _readable(sent: archive.Sent) -> Mapping[str, object]:
    text = wording.told(sent.text)
    return {"number": sent.number, "issue": sent.issue, "subject": sent.subject, "at": sent.at, "text": text}


@dataclass(frozen=True, slots=True)
class File:
    """An attachment of a report, by the raw mail and the part of it."""

    mail: int
    part: int
    name: str
    content_type: str
    size: int


def _files(site: Site, issue: Issue) -> list[File]:
    """What the report brought along, as far as its mails are still kept."""
    found = []
    for mail in issue.mails if issue.attachments else ():
        raw = claims.raw(site.store, mail)
        for each in mime.parse(raw).attachments if raw else ():
            name = clean_header(each.name) or f"{each.part}"
            found += [File(mail, each.part, name, each.content_type, each.size)] if each.material else []
    return found


# --- who comes in -----------------------------------------------------------------------------------------------------


def way_in(site: Site, request: Request) -> Response:
    """The link in a mail: it sets the cookie of a session. Whoever opens it, a scanner too, has changed nothing."""
    viewer = site.viewer("w", request.path_params["word"])
    if viewer is None:
        return site.door("over", 403)
    answer = RedirectResponse(f"{site.root}/", 303)
    word = sessions.sign(site.keyring, "s", viewer.person, site.clock.now())
    seconds = int(sessions.LASTS["s"].total_seconds())
    answer.set_cookie(site.cookie, word, seconds, path="/", secure=site.secure, httponly=True, samesite="lax")
    return answer


def feed(site: Site, request: Request) -> Response:
    """Atom (RFC 4287). A feed reader has no cookie: its address is the key, and opens nothing else."""
    viewer = site.viewer("f", request.path_params["word"])
    if viewer is None:
        return site.door("over", 403)
    sent = [_readable(each) for each in archive.search(site.store, limit=SHOWN)]
    url = site.policy.web_url
    xml = pages.render("feed.xml", site.policy, site.clock.now(), {"root": url, "sent": sent}, viewer.language)
    return Response(xml, media_type="application/atom+xml")


def leave_page(site: Site, request: Request) -> Response:
    """GET never acts: it only offers the button (trust.md U4)."""
    reader = _reader(site, request.path_params["word"])
    good = reader is not None
    return site.page("leave.html", 200 if good else 403, reader=reader or "", done=False, good=good)


def _reader(site: Site, word: str) -> str | None:
    """Whom an unsubscribe token names; None where it is none, or over."""
    token = site.keyring.read(word, int(site.clock.now().timestamp() // 86_400), "u")
    return None if token is None else site.store.address(token.person)


async def leave(site: Site, request: Request) -> Response:
    """The one click, of a mail program (RFC 8058 3.1) or of the button. It has its body, so that nothing that posts by
    mistake acts."""
    body = await body_of(request, BODY)
    if body is None or b"List-Unsubscribe" not in body or b"One-Click" not in body:
        return site.door("lost", 400)
    return await run_in_threadpool(shown, site, lambda: _left(site, request.path_params["word"]))


async def body_of(request: Request, most: int) -> bytes | None:
    """The body of a request as far as it came, None where it is longer than `most` bytes."""
    body = b""
    with contextlib.suppress(ClientDisconnect):
        async for piece in request.stream():
            body += piece
            if len(body) > most:
                return None
    return body


def _left(site: Site, word: str) -> Response:
    done = site.leave(word)
    reader = _reader(site, word) or ""
    return site.page("leave.html", 200 if done else 403, reader=reader, done=done, good=False)


def asset(name: str, kind: str, site: Site, request: Request) -> Response:
    """The same for everybody, and nobody's secret."""
    return Response(pages.asset(name), media_type=kind, headers={"Cache-Control": "max-age=3600"})


# --- for machines -----------------------------------------------------------------------------------------------------


def healthz(site: Site, request: Request) -> Response:
    """200 while all promises stand, 503 when one is at risk, as `triagemail status` ends with 75."""
    risks = health(site.store, site.clock.now(), site.poll).risks
    return Response("at risk\n" if risks else "ok\n", 503 if risks else 200, media_type="text/plain")


def metrics_page(site: Site, request: Request) -> Response:
    """Prometheus' text form, for this machine only: nothing that a proxy passes on is answered."""
    forwarded = any(name in request.headers for name in ("forwarded", "x-forwarded-for", "via"))
    local = request.client is None or loopback(request.client.host)
    if forwarded or not local:
        return site.door("lost", 404)
    now = site.clock.now()
    counted = {"used": site.p1_this_week(), "budget": site.policy.p1_per_week}
    text = metrics.text(health(site.store, now, site.poll), site.store.open_issues(), now, **counted)
    return Response(text, media_type=metrics.MEDIA_TYPE)


# --- the application --------------------------------------------------------------------------------------------------


def application(site: Site, more: Routes = ()) -> ASGIApp:
    """The pages; `more` are those of the demo."""
    inside: Mapping[str, Page] = {
        "/": board,
        "/issues/{number:int}": issue_page,
        "/issues/{number:int}/files/{mail:int}/{part:int}": attachment,
        "/archive": archive_page,
        "/archive/{number:int}": broadcast,
        "/figures": figures,
    }
    outside: Mapping[str, Callable[[Site, Request], Response]] = {
        "/in/{word}": way_in,
        "/feed/{word}": feed,
        "/u/{word}": leave_page,
        "/healthz": healthz,
        "/metrics": metrics_page,
        "/style.css": partial(asset, "style.css", "text/css"),
        "/icon.svg": partial(asset, "icon.svg", "image/svg+xml"),
    }

    def only_inside(page: Page) -> Callable[[Request], Response]:
        return lambda request: shown(site, lambda: _for_viewer(site, page, request))

    def for_all(page: Callable[[Site, Request], Response]) -> Callable[[Request], Response]:
        return lambda request: shown(site, lambda: page(site, request))

    async def one_click(request: Request) -> Response:
        return await leave(site, request)

    async def lost(request: Request, error: Exception) -> Response:
        return await run_in_threadpool(site.door, "lost", getattr(error, "status_code", 404))

    routes = [Route(path, only_inside(page), methods=["GET"]) for path, page in inside.items()]
    routes += [Route(path, for_all(page), methods=["GET"]) for path, page in outside.items()]
    routes.append(Route("/u/{word}", one_click, methods=["POST"]))
    # ValueError: a number in an address that is longer than Python reads (int() of over 4,300 digits)
    return Guarded(Starlette(routes=[*routes, *more], exception_handlers={404: lost, 405: lost, ValueError: lost}))


def _for_viewer(site: Site, page: Page, request: Request) -> Response:
    viewer = site.viewer("s", request.cookies.get(site.cookie, ""))
    return page(site, request, viewer) if viewer else site.door("none", 403)


def shown(site: Site, page: Callable[[], Response]) -> Response:
    """One page in its thread; a database that does not work, or a fault of ours, shows nothing of itself."""
    try:
        return page()
    except Exception as error:  # mails go on, and so does the next page; the line says what was wrong
        fault = isinstance(error, STORE_FAULTS)
        logger("web").error("page-failed", error=f"{type(error).__name__}: {error}"[:300])
        return site.door("broken", 503 if fault else 500)
    finally:
        site.store.close()


@dataclass(frozen=True, slots=True)
class Guarded:
    """What every answer says to a browser, errors as well."""

    inner: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def say(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in GUARDS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.inner(scope, receive, say)


# --- the server -------------------------------------------------------------------------------------------------------


class WebServer:
    """uvicorn in a thread, on a socket that is bound already."""

    def __init__(self, site: Site, sock: socket.socket, more: Routes = ()) -> None:
        self.sock = sock
        self.server = uvicorn.Server(
            uvicorn.Config(
                application(site, more), log_config=None, access_log=False, server_header=False, proxy_headers=False,
                lifespan="off", ws="none", limit_concurrency=CONNECTIONS, timeout_keep_alive=5,
                timeout_graceful_shutdown=int(GRACE) - 2,
            )
        )  # fmt: skip
        self.thread = threading.Thread(target=self.server.run, args=([sock],), name="web", daemon=True)
        self.thread.start()

    @property
    def port(self) -> int:
        return int(self.sock.getsockname()[1])

    def stop(self) -> None:
        """What is being shown is finished."""
        self.server.should_exit = True
        self.thread.join(GRACE)
        self.sock.close()


def start(host: str, port: int, site: Site, more: Routes = ()) -> WebServer:
    """Raises OSError where nothing can listen there. Port 0 is any free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.create_server((host, port), family=family, backlog=CONNECTIONS)
    return WebServer(site, sock, more)
