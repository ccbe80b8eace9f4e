"""The demo's mailboxes in a browser: "one can read every mail of the story as the persona saw it and reply to it from
the page through SMTP, so that a newcomer can play reporter, triager and subscriber without a mail program"."""

from __future__ import annotations

import html
import re
import smtplib
import threading
from collections.abc import Iterator, Mapping
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlencode

import pytest
from browsing import Answer, Browser, Chromium, chromedriver, looking
from test_web import CONTRAST

from triagemail import demo
from triagemail.doors import mailboxes

GOES_ON = threading.Event()  # nobody interrupts
LINK = r'<a class="button" href="([^"]*\?tap=\d+)#reply">([^<]*)</a>'
LABELLED = "[...document.querySelectorAll('input:not([type=hidden]), textarea')].every(i => i.labels.length)"


@pytest.fixture
def company(tmp_path: Path) -> Iterator[demo.Company]:
    made = demo.Company(tmp_path)
    try:
        yield made
    finally:
        made.close()


def looker(company: demo.Company) -> Browser:
    assert company.web is not None
    return Browser(company.web.port)


def boxes(company: demo.Company) -> mailboxes.Mailboxes:
    assert company.boxes is not None
    return company.boxes


def newest(company: demo.Company, name: str) -> str:
    return f"/mail/{name}/{boxes(company).of(name)[0].number}"


def posts(browser: Browser, path: str, fields: Mapping[str, str], **headers: str) -> Answer:
    return browser.asks("POST", path, urlencode(fields), **headers)


# --- in a real browser ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "dark"), [(360, False), (1000, True)], ids=["phone", "desk, dark"])
def test_reporter_triager_and_subscriber_are_played_in_a_browser(
    company: demo.Company, tmp_path: Path, width: int, dark: bool
) -> None:
    """ "… so that a newcomer can play reporter, triager and subscriber without a mail program": report, pick P0 by a
    tap in the mail, agree by a button, read the broadcast. No error on the console, nothing wider than the screen,
    every field with its label, contrast AA."""
    with chromedriver() as port:
        real = Chromium(port, dark=dark, width=width)
        try:
            _played(company, real, tmp_path, width)
        finally:
            real.close()


def _played(company: demo.Company, real: Chromium, folder: Path, width: int) -> None:
    assert real.opens(company.mailboxes()) == "The demo's mailboxes · triagemail"
    _fine(real, folder / "people.png", width)
    real.presses("\ue004")
    assert real.says("document.activeElement.className") == "skip", "the first Tab shows the way past the navigation"
    real.presses("\ue007")
    assert real.says("document.activeElement.id") == "main"
    real.clicks("a[href='/mail/bob']")
    real.clicks("main a[href='/mail/bob/write']")
    real.types("#subject", "Website is down")
    real.types("#text", "Nothing loads, and customers call me.")
    _fine(real, folder / "write.png", width)
    real.clicks("form button")
    assert real.becomes("document.querySelector('[role=status] strong').textContent", "Sent.")
    company.letter("bob", "[#1]", GOES_ON)
    real.opens(company.mailboxes()[: -len("/mail")] + newest(company, "bob"))
    _fine(real, folder / "letter.png", width)
    assert real.says("document.querySelector('#text').value") == ""
    real.enters("iframe")
    assert "What is happening?" in real.says("document.body.textContent")
    assert real.says("document.documentElement.scrollWidth <= innerWidth")
    real.clicks("a[href*='tap=0']")
    real.enters("")
    assert real.becomes("document.querySelector('#text').value", "P0")
    real.clicks("form button")
    company.letter("bob", "[#1]", GOES_ON)
    company.letter("sara", "[#1]", GOES_ON)
    real.opens(company.mailboxes()[: -len("/mail")] + newest(company, "sara"))
    real.clicks("ul.taps li:first-child a")
    assert real.becomes("document.querySelector('#text').value", "agree")
    _fine(real, folder / "reply.png", width)
    real.clicks("form button")
    assert "is agreed as a P0" in company.letter("bob", "[#1]", GOES_ON).text
    company.letter("anna", "PRIORITY 0 ISSUE: WEBSITE IS DOWN", GOES_ON)
    real.opens(f"{company.mailboxes()}/anna?still=1")
    _fine(real, folder / "box.png", width)
    real.clicks("main li a")
    assert real.becomes("document.querySelector('h1').textContent", "PRIORITY 0 ISSUE: WEBSITE IS DOWN")
    real.enters("iframe")
    assert "Website is down" in real.says("document.body.textContent")


def _fine(real: Chromium, picture: Path, width: int) -> None:
    assert real.console() == []
    assert real.says("document.documentElement.scrollWidth") <= width
    assert real.says("document.querySelectorAll('h1').length") == 1
    assert real.says("document.documentElement.lang") == "en"
    assert real.says("document.scripts.length") == 0
    assert real.says(LABELLED)
    assert real.says(CONTRAST) == []
    real.says("scrollTo(0, 0)")  # a frame out of sight is not drawn
    real.picture(picture)


def test_a_mail_runs_nothing_in_a_browser(company: demo.Company) -> None:
    """X4 (trust.md): a mail as its HTML part, in a sandbox with a strict policy: no program of it runs, no picture is
    fetched, no form of it posts, whoever wrote it."""
    hostile = (
        "<head></head><img src=http://127.0.0.1:9/x onerror=\"document.title='hit'\"><script>document.title='hit'"
        "</script><form action=/mail/time method=post><input name=minutes value=30><button>go</button></form>"
        '<a href="javascript:alert(1)">x</a><a href="mailto:issues@acme.example?body=%3Cscript%3Ealert(1)">y</a>'
    )
    _arrives(company, page=hostile)
    with chromedriver() as port:
        real = Chromium(port, dark=False, width=360)
        try:
            base = company.mailboxes()[: -len("/mail")] + newest(company, "bob")
            real.opens(base)
            real.enters("iframe")
            assert real.says("document.title") != "hit"
            real.clicks("button")
            real.clicks("a[href^='javascript:']")
            assert real.says("document.body.textContent.includes('go')"), "the form posted nothing"
            real.enters("")
            real.clicks("ul.taps a")
            assert real.becomes("document.querySelector('#text').value", "<script>alert(1)")
            assert real.says("document.scripts.length") == 0
            assert real.opens(f"{base}/page") != "hit", "nor where it is opened by itself"
        finally:
            real.close()


def _arrives(company: demo.Company, *, page: str = "", subject: str = "Hello") -> None:
    """A mail of somebody to Bob."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "kim@customer.example", "bob@acme.example", subject
    mail.set_content("Hello\n<b>Bob</b>")
    if page:
        mail.add_alternative(page, subtype="html")
    mail.add_attachment(b"x,y", maintype="text", subtype="csv", filename="<b>.csv")
    with smtplib.SMTP("127.0.0.1", company.smtp.port, timeout=10) as relay:
        relay.send_message(mail)


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_a_mail_is_read_as_text_and_source_and_its_files_are_downloads(company: demo.Company) -> None:
    """A mail "as HTML part … and as plain text"; what it says is a value on the page (X4), an attachment a download."""
    _arrives(company, page="<p>Hi</p>", subject="<i>Hello</i>")
    browser, path = looker(company), newest(company, "bob")
    assert 'sandbox="allow-popups' in browser.get(path).text
    text = browser.get(f"{path}?as=text").text
    assert "&lt;b&gt;Bob&lt;/b&gt;" in text
    assert "<iframe" not in text
    assert "Content-Type: multipart/mixed" in browser.get(f"{path}?as=source").text
    assert "<b>.csv" not in text
    file = browser.get(re.findall(rf"{path}/files/\d+", text)[0])
    assert (file.body.strip(), file.headers["content-type"]) == (b"x,y", "application/octet-stream")
    assert file.headers["content-disposition"].startswith("attachment")
    assert "&gt; Hello\n&gt; &lt;b&gt;Bob" in browser.get(f"{path}?as=text&quote=1").text
    for lost in ("/mail/bob/99", "/mail/sara/1", "/mail/issues", "/mail/nobody", f"{path}/files/99", f"{path}/x"):
        assert browser.get(lost).status == 404, lost


def test_a_page_without_html_is_shown_as_text(company: demo.Company) -> None:
    """A pager's three lines have no HTML part: there is nothing to frame."""
    _arrives(company)
    page = looker(company).get(newest(company, "bob")).text
    assert "<iframe" not in page
    assert "As a page" not in page


def test_what_was_written_stands_in_the_mailbox_too(company: demo.Company) -> None:
    """Every mail of the story: the ones that a person wrote stand among those that they got."""
    company.send("bob", "help", subject="help")
    company.letter("bob", "", GOES_ON)
    page = looker(company).get("/mail/bob").text
    assert "Bob wrote" in page
    assert "Please write above this line" not in page, "how a mail begins is what it says"
    assert page.index("From issues@acme.example") < page.index("Bob wrote"), "the newest first"
    first = min(each.number for each in boxes(company).of("bob"))
    assert "<textarea" not in looker(company).get(f"/mail/bob/{first}").text, "nobody answers themselves"


def test_the_board_is_one_click_away(company: demo.Company) -> None:
    """The page is up beside it: the board as this person sees it."""
    browser = looker(company)
    browser.comes_in(browser.get("/mail/sara/board").headers["location"])
    assert "sara@acme.example" in browser.get("/").text


def test_the_first_hour_can_be_played(company: demo.Company) -> None:
    """docs/first-hour.md, its table line by line, on the pages: each tap is there, and each leads to what is said."""
    browser = looker(company)

    def write(who: str, text: str, **form: str) -> None:
        mail = {"token": boxes(company).token, "to": demo.ISSUES, "subject": "", "answers": "", **form, "text": text}
        assert posts(browser, f"/mail/{who}/send", mail).status == 303

    def tap(who: str, word: str, more: str = "") -> None:
        """The newest mail that offers this; others may have come since."""
        offers = (f"/mail/{who}/{each.number}" for each in boxes(company).of(who) if not each.sent)
        links = (link for path in offers for link in re.findall(LINK, browser.get(path).text))
        found = browser.get(next(link for link, words in links if words.startswith(word))).text
        form = {
            key: html.unescape(value) for key, value in re.findall(r'name="(to|subject)"[^>]*value="([^"]*)"', found)
        }
        said = re.findall(r"<textarea[^>]*>\n(.*?)</textarea>", found, re.DOTALL)[0]
        write(who, html.unescape(said) + more, **form)

    write("bob", "Nobody can log in", subject="Nobody can log in")
    company.letter("bob", "[#1]", GOES_ON)
    tap("bob", "P0")
    company.letter("anna", "PRIORITY 0 ISSUE: NOBODY CAN LOG IN", GOES_ON)
    company.letter("sara", "[#1]", GOES_ON)
    tap("sara", "P2 because", "they can use the app")
    company.letter("anna", "PRIORITY 0 ISSUE NOW PRIORITY 2", GOES_ON)
    while "dispute" not in company.letter("bob", "[#1]", GOES_ON).text:
        pass  # what came before the decision
    tap("bob", "dispute", "the app is down as well")
    while "disputes" not in company.letter("sara", "[#1]", GOES_ON).text:
        pass
    tap("sara", "P0 because", "the app is down as well")
    company.letter("anna", "PRIORITY 0 ISSUE", GOES_ON)
    company.opens()
    posts(browser, "/mail/time", {"token": boxes(company).token, "minutes": "30"})
    company.letter("anna", "PRIORITY 0 ISSUE UPDATE", GOES_ON)


# --- what is sent -----------------------------------------------------------------------------------------------------


def test_a_reply_goes_through_smtp_and_threads(company: demo.Company) -> None:
    """ "… and reply to it from the page through SMTP": as a mail program does, to Reply-To, with its references."""
    company.send("bob", "it is down", subject="Website is down")
    asked = company.letter("bob", "[#1]", GOES_ON)
    browser, token = looker(company), boxes(company).token
    page = browser.get(newest(company, "bob")).text
    form = dict(re.findall(r'name="(to|subject|answers)"[^>]*value="([^"]*)"', page))
    assert form["to"] == asked.mail["Reply-To"]
    assert form["subject"] == "Re: [#1] Website is down"
    found = posts(browser, "/mail/bob/send", {"token": token, "text": "P2", **form})
    assert (found.status, found.headers["location"]) == (303, "/mail/bob?sent=1")
    sent = boxes(company).of("bob")
    raw = next(each.raw for each in sent if each.sent)
    assert f"In-Reply-To: {asked.mail['Message-ID']}".encode() in raw
    company.letter("bob", "[#1]", GOES_ON)
    with company.app.store.transaction():
        issue = company.app.store.issue(1)
    assert issue is not None
    assert str(issue.reported) == "P2"


def test_what_the_server_refuses_is_said_and_nothing_is_lost(company: demo.Company) -> None:
    """A recipient that is not there: its words, and the text still in the form."""
    browser, token = looker(company), boxes(company).token
    for to, why in (("joe@acme.example", "nobody here is called"), ("a b\r\nBcc: c@acme.example", "is no address")):
        form = {"token": token, "to": to, "subject": "x\r\ny", "text": "a long text", "answers": ""}
        found = posts(browser, "/mail/bob/send", form)
        assert found.status == 400
        assert why in found.text
        assert "a long text</textarea>" in found.text
        assert boxes(company).of("bob") == []


def test_only_our_own_form_sends(company: demo.Company) -> None:
    """No cookie is asked for, so a page of another site must not get a mail out: neither without the form's token, nor
    with it from elsewhere, nor under a foreign name that leads here (DNS rebinding); nor can that one read anything."""
    browser, token = looker(company), boxes(company).token
    mail = {"to": demo.ISSUES, "subject": "x", "text": "help", "answers": ""}
    ours = {"token": token, **mail}
    here = f"127.0.0.1:{browser.port}"
    assert posts(browser, "/mail/bob/send", mail).status == 403
    assert posts(browser, "/mail/bob/send", {"token": "x", **mail}).status == 403
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}):
        assert posts(browser, "/mail/bob/send", ours, **headers).status == 403, headers
    assert boxes(company).of("bob") == []
    for path in ("/mail", "/mail/bob", "/mail/bob/board", "/mail/bob/write"):
        assert browser.get(path, Host="evil.example").status == 404, path
        assert browser.get(path, Host=here).status != 404, path
    assert posts(browser, "/mail/bob/send", ours, Origin=f"http://{here}").status == 303
    assert posts(browser, "/mail/bob/send", {**ours, "text": "x" * mailboxes.BODY}).status == 403
    page = browser.get("/mail/bob")
    assert "form-action 'self'" in page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


def test_the_clock_is_moved_when_the_story_is_over(company: demo.Company) -> None:
    """In the demo nobody waits half an hour for the next update; while the story plays, its clock is its own."""
    browser, token = looker(company), boxes(company).token
    before = company.clock.offset
    posts(browser, "/mail/time", {"token": token, "minutes": "30"})
    assert company.clock.offset == before
    assert "minutes later" not in browser.get("/mail").text
    company.opens()
    assert "30 minutes later" in browser.get("/mail").text
    for wrong in ({"token": "x", "minutes": "30"}, {"token": token, "minutes": "99999"}, {"token": token}):
        posts(browser, "/mail/time", wrong)
    assert company.clock.offset == before
    assert posts(browser, "/mail/time", {"token": token, "minutes": "30"}).status == 303
    assert (company.clock.offset - before).total_seconds() == 1800


def test_the_service_has_no_such_pages(tmp_path: Path) -> None:
    """In the demo only, never in `run`: nobody reads other people's mail there."""
    with looking(tmp_path) as (_, browser):
        assert browser.get("/mail").status == 404
        assert browser.asks("POST", "/mail/bob/send", "token=x").status == 404
