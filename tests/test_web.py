"""The web page (process.md 9, `board`; trust.md U4, X4, V2, O7, 3.4)."""

from __future__ import annotations

import contextlib
import html
import inspect
import itertools
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote as percent
from xml.etree import ElementTree

import pytest
from browsing import URL, Answer, Browser, Chromium, chromedriver, looking, served, way_in
from chat import ANNA, BOB, COMPLETE, KEYS, LENA, MONDAY, SARA, Chat, one, opened, talk_directly, to

from triagemail.log import configure
from triagemail.mail import pages, sessions, templates
from triagemail.mail.source import BUILT_IN
from triagemail.mail.tokens import Keyring, Token
from triagemail.process import life, review
from triagemail.process.events import Event, Noted
from triagemail.process.model import Issue, Priority, State
from triagemail.store import archive, claims, spoken, viewers
from triagemail.store.store import Store

PIXEL = bytes.fromhex("89504e470d0a1a0a0000000d49484452") + bytes(60_000)  # large enough to be no logo
INSIDE = ("/", "/?still=1", "/issues/1", "/archive", "/archive?q=website&before=9", "/figures")
GUARDED = (*INSIDE, "/issues/1/files/1/1", "/archive/1")


def a_p0(chat: Chat, subject: str = "Website is down") -> None:
    """An announced P0 with an update, a file and a comment."""
    chat.subscribe(LENA)
    first = chat.sends(BOB, COMPLETE.format(priority="P0"), subject=subject, attachment=("white <page>.png", PIXEL))
    triage, received = to(first, SARA, "[#")[0], one(first, BOB)
    chat.answers(received, "yes, it was me")
    chat.answers(triage, f"agree\nowner {ANNA}\nupdate: The certificate expired. We install a new one.")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Chat, Browser]]:
    with looking(tmp_path) as (chat, browser):
        yield chat, browser


def everything(chat: Chat) -> list[list[tuple[object, ...]]]:
    """All rows that there are."""
    tables = [t for t in chat.app.store.db.get_tables() if not t.startswith("search_")]
    return [[tuple(row) for row in chat.app.store.all(f"SELECT * FROM {table}")] for table in sorted(tables)]


# --- who may look -----------------------------------------------------------------------------------------------------


def test_the_board_opens_with_a_link_asked_for_by_mail(site: tuple[Chat, Browser]) -> None:
    """`board` (a link to the web page): it sets the cookie, and the cookie shows the pages."""
    chat, browser = site
    a_p0(chat)
    found = browser.comes_in(way_in(chat))
    assert (found.status, found.headers["location"]) == (303, "/")
    cookie = found.headers["set-cookie"]
    assert cookie.startswith("__Host-board=")
    for part in ("; HttpOnly", "; Path=/", "; SameSite=lax", "; Secure", f"; Max-Age={30 * 86_400}"):
        assert part in cookie
    assert "Domain" not in cookie
    board = browser.get("/")
    assert board.status == 200
    for known in (
        "Website is down",
        "Next update",
        ANNA,
        "0 of 3",
        "The certificate expired",
        f"You look at this as {SARA}",
    ):
        assert known in board.text, known


def test_on_loopback_the_cookie_goes_without_tls(tmp_path: Path) -> None:
    """No cookie without Secure where web.url is https; with http, for a try on one machine, it could not be set."""
    with looking(tmp_path, web={"url": "http://127.0.0.1:8025"}) as (chat, browser):
        cookie = browser.comes_in(way_in(chat)).headers["set-cookie"]
        assert cookie.startswith("board=")
        assert "Secure" not in cookie
        assert browser.get("/").status == 200


def test_nothing_without_the_cookie(site: tuple[Chat, Browser]) -> None:
    """Who may look: a signed link asked for by mail, which sets a cookie; nothing without it (V2)."""
    chat, browser = site
    a_p0(chat)
    for path in GUARDED:
        found = browser.get(path)
        assert found.status == 403, path
        assert "Website" not in found.text, path
        assert SARA not in found.text, path
        assert "mailto:issues@acme.example?subject=board" in found.text
    for path in ("/feed/x", "/in/x", "/in/"):
        assert browser.get(path).status in (403, 404), path


LOOKING: tuple[sessions.Kind, ...] = ("s", "w", "f")


def test_cookies_of_others_and_old_ones_show_nothing(site: tuple[Chat, Browser]) -> None:
    """Expired, forged, of another key, another kind or another domain: each shows nothing (A5)."""
    chat, browser = site
    now, ring = chat.clock.now(), chat.app.keyring
    with chat.app.store.transaction():
        sara = chat.app.store.person(SARA)
    good = sessions.sign(ring, "s", sara, now)
    browser.cookie = f"__Host-board={good}"
    assert browser.get("/").status == 200
    base = good.rpartition("-")[0]
    wrong = {
        "forged": f"{base}-{'a' * 26}",
        "one letter": good[:-1] + ("a" if good[-1] != "a" else "b"),
        "cut": good[:-6],
        "the way in": sessions.sign(ring, "w", sara, now),
        "the feed": sessions.sign(ring, "f", sara, now),
        "a reply address": ring.detail(Token("r", 1, sara, 99_999), "issues"),
        "unsubscribe": ring.detail(Token("u", 1, sara, 99_999), "issues"),
        "over": sessions.sign(ring, "s", sara, now - timedelta(days=30, minutes=2)),
        "another key": sessions.sign(Keyring({"a": b"x" * 32}, ring.domain), "s", sara, now),
        "another domain": sessions.sign(Keyring(KEYS, "evil.example"), "s", sara, now),
        "nobody": sessions.sign(ring, "s", 4_711, now),
        "empty": "", "dots": "...-", "long": "a" * 3_000, "not ascii": "ö-ß",
    }  # fmt: skip
    for why, word in wrong.items():
        browser.cookie = f"__Host-board={word}".encode().decode("latin-1")
        assert browser.get("/").status == 403, why


def test_what_opens_the_page_can_be_revoked_for_one_person(site: tuple[Chat, Browser]) -> None:
    """ "Expiring, revocable": a phone was lost. Its cookie, the link in a mail on it and the feed end at once, other
    people's go on, and a link that is asked for later opens the page again."""
    chat, browser = site
    ring, store = chat.app.keyring, chat.app.store
    with store.transaction():
        sara, anna = store.person(SARA), store.person(ANNA)

    def opens(person: int) -> list[int]:
        words = {kind: sessions.sign(ring, kind, person, chat.clock.now()) for kind in LOOKING}
        return [*tried(words)]

    def tried(words: Mapping[sessions.Kind, str]) -> Iterator[int]:
        browser.cookie = f"__Host-board={words['s']}"
        yield browser.get("/").status
        browser.cookie = ""
        yield from (browser.get(path).status for path in (f"/in/{words['w']}", f"/feed/{words['f']}"))

    before = {kind: sessions.sign(ring, kind, sara, chat.clock.now()) for kind in LOOKING}
    assert [*tried(before)] == opens(anna) == [200, 303, 200]
    with store.transaction():
        viewers.revoke(store, sara, chat.clock.now())
    assert [*tried(before)] == [403, 403, 403]
    assert opens(anna) == [200, 303, 200]
    chat.clock.advance(timedelta(minutes=1))
    assert opens(sara) == [200, 303, 200]


def test_no_word_of_the_page_counts_in_a_mail(site: tuple[Chat, Browser]) -> None:
    """A cookie or a link that leaks is no reply address: its kinds do not count in mails (A9)."""
    chat, _ = site
    for kind in ("w", "s", "f"):
        word = sessions.sign(chat.app.keyring, kind, 1, chat.clock.now())
        assert chat.app.keyring.read(word, 0) is None


def test_a_link_is_over_after_an_hour_and_a_session_after_thirty_days(site: tuple[Chat, Browser]) -> None:
    """Expiring: an archive of mails that leaks opens nothing later."""
    chat, browser = site
    link = way_in(chat)
    chat.clock.advance(timedelta(minutes=59))
    assert browser.comes_in(link).status == 303
    chat.clock.advance(timedelta(minutes=2))
    late = browser.get(link)
    assert late.status == 403
    assert "over" in late.text
    chat.clock.advance(timedelta(days=29))
    assert browser.get("/").status == 200
    chat.clock.advance(timedelta(days=1))
    assert browser.get("/").status == 403


def test_revoked_by_a_rotation_and_with_the_right(site: tuple[Chat, Browser]) -> None:
    """Revocable: a rotation of the keys ends every session, and so does it that somebody is internal no more."""
    chat, browser = site
    browser.comes_in(way_in(chat))
    page = chat.app.site()
    rotated = replace(page, keyring=Keyring({"b": b"n" * 32, **KEYS}, page.keyring.domain))
    gone = replace(page, policy=replace(page.policy, internal=("elsewhere.example",), triagers=(BOB,)))
    for changed in (rotated, gone):
        from triagemail.doors import web

        server = web.start("127.0.0.1", 0, changed)
        try:
            assert Browser(server.port, browser.cookie).get("/").status == 403
        finally:
            server.stop()
    assert browser.get("/").status == 200


def test_only_internal_people_get_a_link(tmp_path: Path) -> None:
    """`board`: internal + (E1 or E2); an admitted customer is refused, and no link is in the mail (3.4)."""
    with looking(tmp_path, people={"reporters": ("*",)}) as (chat, _):
        eve = "eve@customer.example"
        heard = chat.sends(eve, "board")
        assert all("/in/" not in mail.text + mail.html for mail in heard)
        asked = chat.sends(SARA, "board")
        assert "/in/" not in one(asked, SARA).text, "E0: sent to the stored address only after confirm"


# --- read only --------------------------------------------------------------------------------------------------------


def test_a_thousand_looks_change_nothing(site: tuple[Chat, Browser]) -> None:
    """1,000 GETs of every page: 0 changes (U4). The pages look at 40 paths, with and without the cookie."""
    chat, browser = site
    a_p0(chat)
    link = way_in(chat)
    browser.comes_in(link)
    leave = unsubscribe_path(chat)
    mail = chat.issue(1).mails[0]
    paths = (
        *INSIDE,
        f"/issues/1/files/{mail}/1",
        "/archive/1",
        link,
        leave,
        "/healthz",
        "/metrics",
        "/style.css",
        "/none",
    )
    before = everything(chat)
    stranger = Browser(browser.port)
    count = 0
    while count < 1000:
        for path in paths:
            assert browser.get(path).status in (200, 303, 404), path
            assert stranger.get(path).status in (200, 303, 403, 404), path
            count += 2
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        for path in (*INSIDE, link):
            assert browser.asks(method, path, "a=b").status == 405, (method, path)
    assert browser.asks("PUT", leave, "List-Unsubscribe=One-Click").status == 405
    assert everything(chat) == before


def test_mails_hold_no_link_that_acts() -> None:
    """Grep test: mail templates contain no action URL (U4); the way in sets a cookie, and the rest only shows."""
    text = "".join(path.read_text("utf-8") for path in (BUILT_IN / "en" / "mail").glob("*"))
    assert "/u/" not in text
    assert not re.search(r"<form|<button|method=", text)


# --- one click --------------------------------------------------------------------------------------------------------


def unsubscribe_path(chat: Chat) -> str:
    mail = to(chat.sent, LENA, "PRIORITY 0 ISSUE")[-1]
    field = re.sub(r"\s+", " ", mail.headers["list-unsubscribe"])
    assert mail.headers["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    assert re.match(r"<mailto:issues\+[a-z0-9.-]+@acme\.example\?subject=unsubscribe>, <https:", field), field
    return str(re.findall(rf"<{URL}(/u/[a-z0-9.-]+)>", field)[0])


def test_one_click_leaves_the_list(site: tuple[Chat, Browser]) -> None:
    """RFC 8058 one-click unsubscribe: the POST of a mail program leaves at once, always with a goodbye that has an
    undo (U3)."""
    chat, browser = site
    a_p0(chat)
    path = unsubscribe_path(chat)
    found = browser.asks("POST", path, "List-Unsubscribe=One-Click", Content_Type="application/x-www-form-urlencoded")
    assert found.status == 200
    goodbye = one(chat.settle(), LENA)
    assert "off our distribution list" in goodbye.text
    again = browser.asks("POST", path, "List-Unsubscribe=One-Click")
    assert again.status == 200
    assert chat.settle() == [], "who has left hears it once"
    back = chat.answers(goodbye, "undo")
    assert to(back, LENA), "a goodbye with undo"
    chat.after(minutes=31)
    assert to(chat.sent, LENA, "UPDATE"), "and is on the list again"


def test_the_button_does_the_same_and_the_page_nothing(site: tuple[Chat, Browser]) -> None:
    """GET never acts; the only http action is the one-click POST and the button behind its page (U4)."""
    chat, browser = site
    a_p0(chat)
    path = unsubscribe_path(chat)
    page = browser.get(path)
    assert page.status == 200
    assert 'name="List-Unsubscribe" value="One-Click"' in page.text
    assert LENA not in page.text
    form = 'a\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\na--'
    assert browser.asks("POST", path, "", Content_Length="0").status == 400
    assert browser.asks("POST", path, "x" * 9_000).status == 400
    assert chat.settle() == []
    assert browser.asks("POST", path, form, Content_Type="multipart/form-data; boundary=a").status == 200
    assert one(chat.settle(), LENA)


def test_a_click_with_another_word_does_nothing(site: tuple[Chat, Browser]) -> None:
    """Unsubscribing another person: only the subscriber's own token (U3)."""
    chat, browser = site
    a_p0(chat)
    good = unsubscribe_path(chat)
    others = (good[:-1] + "a2"[good[-1] == "a"], chat.sent[-1].reply_to.partition("+")[2].partition("@")[0], "x")
    before = everything(chat)
    for word in others:
        path = word if word.startswith("/") else f"/u/{word}"
        assert browser.asks("POST", path, "List-Unsubscribe=One-Click").status == 403, path
        assert browser.get(path).status == 403
    assert everything(chat) == before


def test_no_one_click_without_https(tmp_path: Path) -> None:
    """An https URL in List-Unsubscribe only where web.url is one (RFC 8058 3.1)."""
    for url in ("", "http://127.0.0.1:8025"):
        (tmp_path / url[:4]).mkdir(exist_ok=True)
        with talk_directly(tmp_path / url[:4], web={"url": url}) as chat:
            a_p0(chat)
            mail = to(chat.sent, LENA, "PRIORITY")[-1]
            assert mail.headers["list-unsubscribe"].startswith("<mailto:")
            assert "http" not in mail.headers["list-unsubscribe"]
            assert "list-unsubscribe-post" not in mail.headers


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_an_issue_with_its_journal_updates_and_files(site: tuple[Chat, Browser]) -> None:
    """An issue's page with its journal, updates, attachments (download only)."""
    chat, browser = site
    a_p0(chat)
    browser.comes_in(way_in(chat))
    page = browser.get("/issues/1").text
    for known in ("The payment form.", "PRIORITY 0 ISSUE: WEBSITE IS DOWN", "decided P0", f"named {ANNA} as its owner"):
        assert known in page, known
    path = re.findall(r'href="(/issues/1/files/\d+/\d+)"', page)[0]
    file = browser.get(path)
    assert file.body == PIXEL
    assert file.headers["content-type"] == "image/png"
    said = file.headers["content-disposition"]
    assert said == "attachment; filename=\"attachment\"; filename*=UTF-8''white%20%3Cpage%3E.png"
    assert browser.get("/issues/2").status == 404
    assert browser.get("/issues/1/files/1/99").status == 404
    assert browser.get(f"/issues/{10**30}").status == 404


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "application/xhtml+xml", "text/javascript"])
def test_what_could_run_is_octets(tmp_path: Path, kind: str) -> None:
    """Attachments as downloads only (X4; CVE-2024-39126: SVG)."""
    with looking(tmp_path) as (chat, browser):
        raw = chat.writes(
            BOB, COMPLETE.format(priority="P2"), subject="x", attachment=("a.png", b"<script>1</script>" * 4_000)
        )
        chat.append(raw.replace(b"image/png", kind.encode()))
        chat.settle()
        browser.comes_in(way_in(chat))
        path = re.findall(r'href="(/issues/1/files/\d+/\d+)"', browser.get("/issues/1").text)[0]
        file = browser.get(path)
        assert file.headers["content-type"] == "application/octet-stream"
        assert file.headers["content-disposition"].startswith("attachment;")
        assert file.headers["x-content-type-options"] == "nosniff"


def test_every_answer_is_guarded(site: tuple[Chat, Browser]) -> None:
    """Strict CSP, nosniff; content type asserted (X4)."""
    chat, browser = site
    a_p0(chat)
    browser.comes_in(way_in(chat))
    feed = re.findall(r'href="(/feed/[^"]+)"', browser.get("/archive").text)[0]
    kinds = {
        "/healthz": "text/plain",
        "/style.css": "text/css",
        "/icon.svg": "image/svg+xml",
        feed: "application/atom+xml",
    }
    for path in (*GUARDED, "/in/x", "/u/x", "/none", "/issues/x", "/metrics", *kinds):
        found = browser.get(path)
        assert found.headers["content-type"].partition(";")[0] == kinds.get(
            path, "text/plain" if path == "/metrics" else "text/html"
        ), path
        policy = found.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "unsafe" not in policy
        assert found.headers["x-content-type-options"] == "nosniff"
        assert found.headers["referrer-policy"] == "no-referrer"
        if path not in ("/style.css", "/icon.svg"):
            assert found.headers["cache-control"] == "private, no-store", path
        assert "server" not in found.headers


def test_pages_fetch_and_run_nothing(site: tuple[Chat, Browser]) -> None:
    """Without JavaScript; no external resource; the style is no attribute, which the CSP would drop."""
    chat, browser = site
    a_p0(chat)
    browser.comes_in(way_in(chat))
    for path in (*INSIDE, "/archive/1", "/none"):
        page = browser.get(path).text
        assert not re.search(r"<script|<img|<iframe|style=|\son\w+=|javascript:", page), path
        assert set(re.findall(r'(?:src|<link[^>]* href)="([^"]*)"', page)) <= {"/icon.svg", "/style.css"}


XSS = [
    *(f"<{t}>alert(1)</{t}>" for t in ("script", "b", "style", "title", "textarea", "noscript", "object", "pre")),
    *(f"<{t} src=x onerror=alert(1)>" for t in ("img", "video", "audio", "iframe", "embed", "input", "svg", "body")),
    *(f"</{tag}><script>alert(1)</script>" for tag in ("title", "pre", "details", "h1", "li", "dd", "main", "time")),
    *(f"{end}><script>alert(1)</script>" for end in ('"', "'", "`", '"/', "'/", '" a="', "-->", "]]>")),
    *(f"{mark}alert(1){mark}" for mark in ("{{", "{%", "{#", "${", "#{", "<%", "<?", "<!--")),
    *(f"[click]({url})" for url in ("javascript:alert(1)", "data:text/html,x", "//evil.example", "vbscript:x")),
    *(f"![x]({url})" for url in ("https://evil.example/a.png", "x onerror=alert(1)")),
    *("&lt;script&gt;", "&#60;script&#62;", "&amp;lt;", "%3Cscript%3E", "\\x3cscript\\x3e", "\\u003cscript\\u003e"),
    *("# heading <h1>", "> quote <q>", "* item <li>", "<a href=//evil.example>x</a>", "<form action=//evil.example>"),
    *('<svg onload="alert(1)">', "<math><mtext></p><script>", "<base href=//evil.example>", "<meta charset=x>"),
]  # fmt: skip


def test_there_are_sixty() -> None:
    """60 XSS strings in all fields, Markdown links, tags and headings among them (X4)."""
    assert len(set(XSS)) >= 60


def test_what_people_wrote_appears_literally(site: tuple[Chat, Browser]) -> None:
    """Autoescape in every page: 60 XSS strings in all fields appear literally (X4)."""
    chat, browser = site
    browser.comes_in(way_in(chat))
    store, now = chat.app.store, chat.clock.now()
    for text in XSS:
        bad = Issue(
            number=1, reporter=text, headline=text, opened_at=now, state=State.OPEN, answers={"what": text}, owner=text,
            reported=Priority.P1, priority=Priority.P1, material=text, reason=text, decided_by=text, decided_at=now,
            doc=text, announced_at=now, last_update=text, next_update_at=now, attachments=(text,), via=text, area=text,
        )  # fmt: skip
        with store.transaction():
            store.save_issue(bad)
        shown = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        shown = shown.replace('"', "&#34;").replace("'", "&#39;")
        for path, times in (("/", 3), ("/issues/1", 8)):
            page = browser.get(path).text
            assert page.count(shown) >= times, (text, path)
            own = page.replace(shown, "")
            assert not re.search(r"alert\(1\)|evil\.example", own), (text, path)
            assert f'href="{shown}"' not in page
        search = browser.get(f"/archive?q={percent(text)}")
        assert f'value="{shown}"' in search.text, text


def test_every_event_has_its_words() -> None:
    """No sentence for a person in Python: the journal has words for each event that `evolve` lets an issue have."""
    words = set(pages._words("en")["journal"])
    known = {kind.__name__: kind for kind in Event.__subclasses__()}
    code = inspect.getsource(life)
    of_issue = code.partition("def evolve_desk")[0]
    assert words <= set(known)
    assert not [name for name in known if re.search(rf"case {name}\b|\b{name}:", of_issue) and name not in words]
    assert len(words) > 45


def test_a_throw_is_sealed_on_the_page_too(tmp_path: Path) -> None:
    """A throw stays sealed until both are in."""
    with looking(tmp_path, dispute={"policy": "rock-paper-scissors"}) as (chat, browser):
        triage, received = opened(chat, "P1")
        chat.answers(triage, "P2 because there is a workaround")
        told = to(chat.sent, BOB, "[#1]")[-1]
        asked = chat.answers(told, "dispute: it is worse")
        chat.answers(to(asked, BOB, "[#1]")[-1], "paper")
        browser.comes_in(way_in(chat))
        page = browser.get("/issues/1").text
        assert "disputed the decision" in page
        assert "it is worse" in page
        assert " threw" in page
        assert "paper" not in page
        assert received.to == BOB


# --- archive and figures ----------------------------------------------------------------------------------------------


def test_the_archive_is_searched_and_read_as_a_feed(site: tuple[Chat, Browser]) -> None:
    """The archive of broadcasts with search and an Atom feed, whose address is its key."""
    chat, browser = site
    a_p0(chat)
    browser.comes_in(way_in(chat))
    assert browser.get("/archive").text.count('class="card') >= 2
    for words, found in (
        ("WEBSITE", True),
        ("certificate expired", True),
        ("certificat\u00e9", True),
        ("zebra", False),
    ):
        assert ('class="card p' in browser.get(f"/archive?q={percent(words)}").text) is found, words
    feed = re.findall(r'href="(/feed/[^"]+)"', browser.get("/archive").text)[0]
    reader = Browser(browser.port)
    got = reader.get(feed)
    assert got.status == 200
    tree = ElementTree.fromstring(got.text)
    atom = "{http://www.w3.org/2005/Atom}"
    titles = [entry.findtext(f"{atom}title") for entry in tree.iter(f"{atom}entry")]
    assert "PRIORITY 0 ISSUE: WEBSITE IS DOWN" in titles
    assert tree.findtext(f"{atom}updated")
    reader.cookie = f"__Host-board={feed.rpartition('/')[2]}"
    assert reader.get("/").status == 403, "it opens nothing else"
    chat.clock.advance(timedelta(days=91))
    assert reader.get(feed).status == 403


def test_the_archive_goes_back_page_by_page(site: tuple[Chat, Browser]) -> None:
    """Every broadcast can be found, however many there are."""
    chat, browser = site
    a_p0(chat)
    browser.comes_in(way_in(chat))
    store = chat.app.store
    with store.transaction():
        for _ in range(120):
            store.run(
                "INSERT INTO outgoing (issue, template, subject, text, head, body, detail, null_sender, broadcast,"
                " automatic, rank, day, key, created_at, format) SELECT issue, template, subject, text, head, body,"
                " detail, null_sender, broadcast, automatic, rank, day, key, created_at, format FROM outgoing WHERE"
                " broadcast ORDER BY id LIMIT 1"
            )
    total = store.one("SELECT COUNT(id) FROM outgoing WHERE broadcast")[0]
    seen: list[str] = []
    path = "/archive"
    for _ in range(5):
        page = browser.get(path).text
        seen += re.findall(r'href="/archive/(\d+)"', page)
        more = re.findall(r'href="(/archive\?before=[^"]+)"', page)
        if not more:
            break
        path = more[0].replace("&amp;", "&")
    assert len(seen) == len(set(seen)) == total


def test_the_archive_is_alike_on_both_engines(store: Store) -> None:
    """The archive of broadcasts with search: the same words find the same, whatever keeps them."""
    rows = {"Größe falsch": True, "Website is down": True, "[#1] to one person": False}
    with store.transaction():
        for subject, broadcast in rows.items():
            claims.add_outgoing(
                store, issue=1, template="broadcast-new", subject=subject, text="The CERTIFICATE expired.", head=b"",
                body=b"", detail="", null_sender=False, broadcast=broadcast, automatic=False, rank=0, day=1, key="a",
                now=MONDAY,
            )  # fmt: skip
    found = archive.search(store)
    assert [each.subject for each in found] == ["Website is down", "Größe falsch"]
    assert [each.subject for each in archive.search(store, ["größe", "certificate"])] == ["Größe falsch"]
    assert archive.search(store, ["person"]) == []
    assert archive.search(store, before=found[0].number) == found[1:]
    assert archive.of_issue(store, 1) == found
    assert archive.one(store, found[0].number) == found[0]
    assert archive.one(store, found[0].number + 1) is None


def test_the_figures_are_those_of_the_review(site: tuple[Chat, Browser]) -> None:
    """Figures as server-drawn SVG: reports per week by priority, P1 against the budget, time to decision, share of
    priorities changed, updates on time."""
    chat, browser = site
    triage, _ = opened(chat, "P1")
    chat.after(minutes=7)
    chat.answers(triage, "agree")
    triage, _ = opened(chat, "P1", subject="Mail is slow")
    chat.answers(triage, "P2 because there is a workaround")
    browser.comes_in(way_in(chat))
    page = browser.get("/figures").text
    assert page.count("<svg") == 5
    assert page.count("<rect") >= 4
    week = review.weekly([chat.issue(1), chat.issue(2)], chat.clock.now(), chat.app.policy)[-1]
    assert (week.p1, week.figures.changed, round(week.figures.decision_minutes or 0, 1)) == (1, 1, 3.5)
    drawn = {chart.name: chart.bars[-1].values for chart in pages.charts([week], 3)}
    assert drawn == {"reports": (0, 1, 1, 0), "p1": (1,), "decision": (4,), "changed": (50,), "kept": (None,)}
    for weeks in (12, 1):
        found = review.weekly([], chat.clock.now(), chat.app.policy, weeks)
        assert len(found) == weeks
        assert all((b.monday - a.monday).days in (6, 7) for a, b in itertools.pairwise(found))


# --- in whose language ------------------------------------------------------------------------------------------------

SAID = {language: pages._words(language) for language in ("en", "de", "fr", "es")}


@pytest.mark.parametrize(("language", "called"), [("de", "Deutsch"), ("fr", "français"), ("es", "español")])
def test_the_pages_are_in_the_language_of_who_looks(tmp_path: Path, language: str, called: str) -> None:
    """ "The language of their report or preference", on the pages as in the mails: no English word is left."""
    mine, english = SAID[language], SAID["en"]
    with looking(tmp_path) as (chat, browser):
        a_p0(chat)
        chat.answers(one(chat.sends(SARA, f"language {called}"), SARA), "yes, it was me")
        browser.comes_in(way_in(chat))
        sent = archive.search(chat.app.store)[0].number
        for path in (*INSIDE, f"/archive/{sent}", "/archive/9999", "/issues/9"):
            page = browser.get(path).text
            assert f'<html lang="{language}">' in page, path
            shown = html.unescape(re.sub(r"<[^>]+>", "\n", page))
            for key, text in english["page"].items():
                if isinstance(text, str) and "{" not in text and text != mine["page"][key]:
                    assert not re.search(rf"^\s*{re.escape(text)}\s*$", shown, re.MULTILINE), (path, key)
        issue = html.unescape(browser.get("/issues/1").text)
        assert mine["journal"]["IssueAnnounced"] in issue
        assert mine["page"]["report"] in issue
        assert chat.app.policy.questions[0].label not in issue, "the questions of the config in this language"


@pytest.mark.parametrize(
    ("language", "said"), [("en", "accepted"), ("de", "zugesagt"), ("fr", "accepté"), ("es", "aceptado")]
)
def test_what_no_person_typed_is_said_in_the_language(language: str, said: str) -> None:
    """An answer of a calendar in the journal, in the reader's words; the emoji of a reaction stays one."""
    for what, shown in (("accepted", said), ("👍", "👍")):
        noted = Noted(issue=1, at=MONDAY, by=BOB, what=what)
        assert pages.entry(noted, language=language).what.endswith(f": {shown}")


def test_values_in_sentences_are_cleaned_as_all_others() -> None:
    """X4, X5: what somebody wrote is text, turns no line around, and is no format."""
    book = pages._book("en")
    shown = book.from_string("{{ 'by {who}' | put(who=name) }}").render(name="a\u202eb\x07<i>{0.__class__}")
    assert shown == "by ab&lt;i&gt;{0.__class__}"


def test_who_leaves_by_a_click_reads_their_own_language(tmp_path: Path) -> None:
    """U4, the page behind the unsubscribe link: in the language of the reader whom its token names; where it names
    nobody, in that of the config."""
    with looking(tmp_path, mail={"language": "fr"}, list={"language": "en"}) as (chat, browser):
        a_p0(chat)
        path = unsubscribe_path(chat)
        with chat.app.store.transaction():
            spoken.speak(chat.app.store, LENA, "es")
        assert SAID["es"]["page"]["leave"] in browser.get(path).text
        assert SAID["es"]["page"]["left"] in browser.asks("POST", path, "List-Unsubscribe=One-Click").text
        lost = html.unescape(browser.get("/u/x").text)
        assert SAID["fr"]["page"]["link_over"] in lost
        assert "<strong>se désabonner</strong>" in lost
        assert SAID["fr"]["page"]["only_link"] in browser.get("/").text


def test_a_language_without_words_of_its_own_has_english_pages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """docs/languages.md: "While a file is missing", it is English."""
    folder = tmp_path / "templates"
    shutil.copytree(BUILT_IN, folder)
    (folder / "de" / "web" / "words.toml").unlink()
    monkeypatch.setattr(pages, "BUILT_IN", folder)
    words = inspect.unwrap(pages._words)("de")
    assert words["page"] == SAID["en"]["page"]
    assert words["states"] == SAID["de"]["states"]


# --- machines ---------------------------------------------------------------------------------------------------------


def test_health_and_metrics(site: tuple[Chat, Browser]) -> None:
    """`/healthz` and `/metrics` (Prometheus); no address and no headline is in them, and no proxy passes them on."""
    chat, browser = site
    a_p0(chat)
    assert (browser.get("/healthz").status, browser.get("/healthz").text) == (200, "ok\n")
    text = browser.get("/metrics").text
    for known in (
        'triagemail_open_issues{priority="P0"} 1.0',
        "triagemail_subscribers 1.0",
        "triagemail_p1_budget 3.0",
    ):
        assert known in text, known
    assert "acme.example" not in text
    assert "ebsite" not in text
    for header in ("X-Forwarded-For", "Forwarded", "Via"):
        assert browser.get("/metrics", **{header.replace("-", "_"): "10.0.0.1"}).status == 404
    chat.append(chat.writes(BOB, "hello"))
    chat.clock.advance(timedelta(minutes=6))
    assert browser.get("/healthz").status == 503


def test_a_database_that_fails_shows_nothing_of_itself(
    site: tuple[Chat, Browser], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that fails says so, in a line of the log and to its reader; what was wrong stays in the log."""
    chat, browser = site
    configure("info")
    browser.comes_in(way_in(chat))
    monkeypatch.setattr(type(chat.app.store), "open_issues", lambda self: 1 / 0)
    found = browser.get("/")
    assert found.status == 500
    assert "division" not in found.text
    assert "page-failed" in capsys.readouterr().err


def test_a_number_of_thousands_of_digits_is_no_page(
    site: tuple[Chat, Browser], capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing is shown without the cookie (process.md 9, `board`), and no stranger fills the journal: Python refuses to
    read so long a number, which is no fault of ours."""
    _, browser = site
    assert browser.get(f"/issues/{'9' * 5_000}").status == 404
    assert "Traceback" not in capfd.readouterr().err


def test_many_look_at_once_and_no_connection_stays(site: tuple[Chat, Browser]) -> None:
    """Database work in threads, each with its own connection, which is closed."""
    chat, browser = site
    a_p0(chat)
    browser.comes_in(way_in(chat))
    found: list[int] = []

    def look() -> None:
        found.extend(browser.get("/issues/1").status for _ in range(10))

    for _ in range(3):
        threads = [threading.Thread(target=look) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(60)
    assert found == [200] * 240
    name = str(chat.app.store.path)
    chat.app.store.close()  # our own: SQLite keeps the files of closed connections while another has locks
    links = [link for link in Path("/proc/self/fd").iterdir() if link.exists() and str(link.readlink()) == name]
    assert links == []


def test_who_listens(tmp_path: Path) -> None:
    """Listening sockets: the web page on loopback by default; "" is off; a taken port stops no mail (O7)."""
    with talk_directly(tmp_path, web={"url": URL}) as chat, served(chat) as browser:
        app = chat.app
        at = replace(app.config.web.listen, port=browser.port)
        assert app.config.web.listen.loopback
        assert app.start_web(("work",)) is None
        app.config = replace(app.config, web=replace(app.config.web, listen=at))
        assert app.start_web() is None, "the port is taken"
        app.config = replace(app.config, web=replace(app.config.web, listen=type(at)()))
        assert app.start_web() is None, "switched off"


def test_without_the_extra_it_is_one_clear_line(tmp_path: Path) -> None:
    """Without the extra `web` the service runs, and says what it lacks."""
    program = (
        "import sys; sys.modules['starlette'] = None\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from pathlib import Path; from chat import talk_directly\n"
        "from triagemail.log import configure; configure('info')\n"
        f"with talk_directly(Path({str(tmp_path)!r})) as chat: print(chat.app.start_web())\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ran.stdout == "None\n", ran.stderr
    assert "event=web-off" in ran.stderr
    assert "triagemail[web]" in ran.stderr


def test_a_proxy_may_serve_it_below_a_path(tmp_path: Path) -> None:
    """`web.url` may have a path, which the proxy takes off: every link of ours has it."""
    with looking(tmp_path, web={"url": "https://acme.example/board"}) as (chat, browser):
        a_p0(chat)
        path = way_in(chat)
        assert browser.comes_in(path).headers["location"] == "/board/"
        assert browser.cookie.startswith("board=")
        for page in INSIDE:
            found = browser.get(page)
            assert found.status == 200
            links = re.findall(r'(?:href|action)="([^"]*)"', found.text)
            assert [link for link in links if not link.startswith(("/board/", "mailto:", "#"))] == [], page


def test_run_serves_it_and_ends(tmp_path: Path) -> None:
    """Listening sockets: a service that runs listens where the config names it and nowhere else (O7); it ends with
    SIGTERM, and what it listened on is free again."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = [sys.executable, "-m", "triagemail", "--config", str(tmp_path / "config.toml")]
    subprocess.run([*program[:3], "init", str(tmp_path / "x")], check=True, capture_output=True, timeout=60)
    (tmp_path / "x" / "triagemail.keys").replace(tmp_path / "triagemail.keys")
    (tmp_path / "config.toml").write_text(
        '[mail]\naddress = "issues@acme.example"\n[imap]\nhost = ""\n'
        '[smtp]\nhost = "127.0.0.1"\nport = 9\ntls = "none"\n[people]\n'
        f'triagers = ["{SARA}"]\n[web]\nlisten = "127.0.0.1:{port}"\n[lmtp]\nlisten = "unix:lmtp.sock"\n'
    )
    (tmp_path / "config.toml").chmod(0o600)
    ran = subprocess.Popen([*program, "run"], stderr=subprocess.PIPE, text=True)
    try:
        answer = eventually(lambda: Browser(port).get("/healthz"))
        assert answer.status == 200
        assert Browser(port).get("/").status == 403
        assert listening(ran.pid) == {port}
    finally:
        ran.terminate()
        _, said = ran.communicate(timeout=60)
    assert ran.returncode == 0, said
    assert "parts=" in said
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_a_service_that_has_ended_leaves_all_in_one_file(tmp_path: Path) -> None:
    """Who stops the service and copies the database file alone has every row, also where somebody looked at the page,
    whose threads have connections of their own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "triagemail.keys").write_text(f"a {'ab' * 32}\n")
    (tmp_path / "config.toml").write_text(
        f'[imap]\nhost = ""\n[smtp]\nport = 9\n[people]\ntriagers = ["{SARA}"]\n'
        f'[web]\nlisten = "127.0.0.1:{port}"\n'
    )
    program = [sys.executable, "-m", "triagemail", "--config", str(tmp_path / "config.toml")]
    ran = subprocess.Popen([*program, "run"], stderr=subprocess.PIPE, text=True)
    try:
        assert eventually(lambda: Browser(port).get("/healthz")).status == 200
        mail = b"From: bob@localhost\r\nSubject: It is blank\r\n\r\nSince ten.\r\n"
        subprocess.run([*program, "deliver"], input=mail, check=True, timeout=60)
    finally:
        ran.terminate()
        ran.communicate(timeout=60)
    (tmp_path / "alone.db").write_bytes((tmp_path / "triagemail.db").read_bytes())
    with contextlib.closing(sqlite3.connect(tmp_path / "alone.db")) as copy:
        assert copy.execute("SELECT COUNT(*) FROM inbox").fetchone() == (1,)


def eventually(ask: Callable[[], Answer]) -> Answer:
    for _ in range(300):
        with contextlib.suppress(OSError):
            return ask()
        time.sleep(0.1)
    raise AssertionError("nobody listens there")


def listening(pid: int) -> set[int]:
    """The TCP ports on which a process listens, from /proc (what `ss -ltn` reads)."""
    inodes = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in inodes}


# --- a real browser ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "dark"), [(360, False), (1000, True)], ids=["phone", "desk, dark"])
def test_in_a_real_chromium(tmp_path: Path, width: int, dark: bool) -> None:
    """Works on a phone and without JavaScript, keyboard and screen reader included; tested in a real Chromium: titles,
    no error on the console, nothing wider than the screen, landmarks, labels, and contrast AA."""
    with looking(tmp_path, web={"url": ""}) as (chat, browser), chromedriver() as port:
        a_p0(chat)
        opened(chat, "P2", subject="Export has wrong commas in every single file that customers download")
        base = f"http://127.0.0.1:{browser.port}"
        with chat.app.store.transaction():
            person = chat.app.store.person(SARA)
        word = sessions.sign(chat.app.keyring, "w", person, chat.clock.now())
        real = Chromium(port, dark=dark, width=width)
        try:
            titles = {
                f"/in/{word}": "P0: 2 open", "/issues/1": "#1 Website is down", "/archive": "Archive",
                "/figures": "Figures", "/archive/1": None, "/u/x": None, "/none": None,
            }  # fmt: skip
            for path, title in titles.items():
                found = real.opens(base + path)
                assert title is None or found == f"{title} · triagemail", path
                if title is not None:
                    assert real.console() == [], path
                assert real.says("document.documentElement.scrollWidth") <= width, path
                assert real.says("document.querySelectorAll('h1').length") == 1, path
                assert real.says("document.querySelectorAll('main, footer').length") == 2, path
                assert real.says(CONTRAST) == [], path
                real.picture(tmp_path / "page.png")
                assert (tmp_path / "page.png").stat().st_size > 5_000
            dark_ground = real.says("getComputedStyle(document.body).backgroundColor") == "rgb(16, 21, 28)"
            assert dark_ground is dark
        finally:
            real.close()


def test_by_keyboard_and_with_hostile_words_in_chromium(tmp_path: Path) -> None:
    """Keyboard and screen reader included: the first Tab shows the way past the navigation, every field has its label,
    headings leave no step out; and nothing that people wrote runs (X4)."""
    with looking(tmp_path, web={"url": ""}) as (chat, browser), chromedriver() as port:
        for number, text in enumerate(XSS, 1):
            with chat.app.store.transaction():
                made = Issue(number, text, text, chat.clock.now(), State.OPEN, {"what": text}, Priority.P0, Priority.P0)
                chat.app.store.save_issue(replace(made, last_update=text, owner=text, material=text))
        with chat.app.store.transaction():
            word = sessions.sign(chat.app.keyring, "w", chat.app.store.person(SARA), chat.clock.now())
        real = Chromium(port, dark=False, width=360)
        try:
            for path in (f"/in/{word}", "/issues/9", "/issues/17", f"/archive?q={percent(XSS[17])}"):
                real.opens(f"http://127.0.0.1:{browser.port}{path}")
                assert real.console() == [], path
                assert (
                    real.says("document.scripts.length + document.querySelectorAll('img, iframe, object').length") == 0
                )
                assert real.says("document.documentElement.scrollWidth") <= 360, path
                levels = real.says("[...document.querySelectorAll('h1, h2, h3')].map(h => Number(h.tagName[1]))")
                assert levels[0] == 1
                assert all(after - before <= 1 for before, after in itertools.pairwise(levels)), levels
                assert real.says(
                    "[...document.querySelectorAll('input:not([type=hidden])')].every(i => i.labels.length)"
                )
                real.presses("\ue004")
                assert real.says("document.activeElement.className") == "skip"
                assert real.says("document.activeElement.getBoundingClientRect().left") >= 0
                real.presses("\ue007")
                assert real.says("document.activeElement.id") == "main"
        finally:
            real.close()


CONTRAST = """(() => {
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b };
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    if (!/^rgba.*, 0\\)$/.test(c)) return c } return 'rgb(255, 255, 255)' };
  const bad = [];
  for (const e of document.querySelectorAll('body *:not(svg):not(svg *)')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || !e.offsetParent) continue;
    const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) bad.push([e.tagName, e.className, ground(e)].join(' '));
  }
  return bad })()"""  # WCAG 2.2, 1.4.3


def test_templates_of_pages_are_never_replaced(tmp_path: Path) -> None:
    """A page is ours alone: a company's own file of that name would silently never be used."""
    (tmp_path / "en" / "web").mkdir(parents=True)
    (tmp_path / "en" / "web" / "board.html").write_text("x")
    found = templates.check_templates(tmp_path)
    assert [problem.template for problem in found] == ["web/board.html"]
