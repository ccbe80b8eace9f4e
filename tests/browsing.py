"""A company with its web page on loopback, and who looks at it: plain HTTP, and a real Chromium."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from chat import SARA, Chat, one, talk_directly

from triagemail.doors import web

URL = "https://board.acme.example"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Browser:
    """One client with one cookie."""

    port: int
    cookie: str = ""

    def asks(self, method: str, path: str, body: str = "", **headers: str) -> Answer:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            if self.cookie:
                sent["Cookie"] = self.cookie
            link.request(method, path, body or None, sent)
            got = link.getresponse()
            return Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())
        finally:
            link.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.asks("GET", path, **headers)

    def comes_in(self, path: str) -> Answer:
        """Opens the link of a mail, and keeps the cookie."""
        found = self.get(path)
        self.cookie = found.headers.get("set-cookie", "").partition(";")[0]
        return found


def way_in(chat: Chat, who: str = SARA) -> str:
    """The path of the link that somebody gets who writes `board` and answers the question whether it was them."""
    asked = one(chat.sends(who, "board"), who)
    mail = one(chat.answers(asked, "yes, it was me"), who)
    return str(re.findall(rf"{chat.app.policy.web_url}(/in/[a-z0-9.-]+)", mail.text)[0])


@contextmanager
def served(chat: Chat) -> Iterator[Browser]:
    server = web.start("127.0.0.1", 0, chat.app.site())
    try:
        yield Browser(server.port)
    finally:
        server.stop()


@contextmanager
def looking(folder: Path, **changes: Mapping[str, object]) -> Iterator[tuple[Chat, Browser]]:
    """A company, and somebody from outside who looks at its page."""
    with talk_directly(folder, **{"web": {"url": URL}, **changes}) as chat, served(chat) as browser:
        yield chat, browser


# --- a real browser ---------------------------------------------------------------------------------------------------


class Chromium:
    """WebDriver (W3C) over HTTP: enough of it to open pages, read titles and consoles, and take pictures."""

    def __init__(self, port: int, *, dark: bool, width: int) -> None:
        self.port = port
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
        arguments += [f"--window-size={max(width, 500)},900", "--disable-dev-shm-usage"]
        arguments += ["--blink-settings=preferredColorScheme=0"] if dark else []
        options: dict[str, Any] = {"args": arguments}
        if width < 500:
            options["mobileEmulation"] = {"deviceMetrics": {"width": width, "height": 740, "pixelRatio": 1.0}}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        made = self.asks("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.base = f"/session/{made['sessionId']}"

    def asks(self, method: str, path: str, values: object = None) -> Any:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            link.request(method, path, None if values is None else json.dumps(values))
            found = json.loads(link.getresponse().read())["value"]
        finally:
            link.close()
        assert not (isinstance(found, dict) and "error" in found), found
        return found

    def opens(self, url: str) -> str:
        self.asks("POST", f"{self.base}/url", {"url": url})
        return str(self.asks("GET", f"{self.base}/title"))

    def says(self, script: str) -> Any:
        return self.asks("POST", f"{self.base}/execute/sync", {"script": f"return {script}", "args": []})

    def presses(self, key: str) -> None:
        """One key, by its code point in WebDriver: U+E004 is Tab, U+E007 Enter."""
        keys = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        self.asks("POST", f"{self.base}/actions", {"actions": [{"type": "key", "id": "keys", "actions": keys}]})

    def element(self, css: str) -> str:
        found = self.asks("POST", f"{self.base}/element", {"using": "css selector", "value": css})
        return f"{self.base}/element/{next(iter(found.values()))}"

    def clicks(self, css: str) -> None:
        self.asks("POST", f"{self.element(css)}/click", {})

    def types(self, css: str, text: str) -> None:
        """As a person does, behind what stands there."""
        self.asks("POST", f"{self.element(css)}/value", {"text": text})

    def enters(self, css: str) -> None:
        """Into a frame; what follows happens there. "" is the page again."""
        frame = self.asks("POST", f"{self.base}/element", {"using": "css selector", "value": css}) if css else None
        self.asks("POST", f"{self.base}/frame", {"id": frame})

    def becomes(self, script: str, wanted: object) -> bool:
        """Whether a page that is on its way says so at last: WebDriver tells nobody that a form was answered."""
        for _ in range(100):
            with contextlib.suppress(AssertionError):  # between two pages there is nothing to ask
                if self.says(script) == wanted:
                    return True
            time.sleep(0.1)
        return False

    def console(self) -> list[str]:
        found = self.asks("POST", f"{self.base}/se/log", {"type": "browser"})
        return [f"{each['level']}: {each['message']}" for each in found]

    def picture(self, file: Path) -> None:
        """All of the page, not just what fits into the window."""
        command = {"cmd": "Page.captureScreenshot", "params": {"captureBeyondViewport": True}}
        found = self.asks("POST", f"{self.base}/goog/cdp/execute", command)
        file.write_bytes(base64.b64decode(found["data"]))

    def close(self) -> None:
        self.asks("DELETE", self.base)


@contextmanager
def chromedriver() -> Iterator[int]:
    """Its port. Skips where there is no Chromium with its driver."""
    driver = shutil.which("chromedriver")
    if driver is None or not any(map(shutil.which, ("chromium", "google-chrome"))):
        pytest.skip("no chromium with its chromedriver here")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = subprocess.Popen([driver, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port
    finally:
        program.terminate()
        program.wait(20)
