"""How each mail looks (process.md 10: "a small HTML part, readable on a phone: the first line says what this is and
what is wanted of *you*"). docs/mails.md shows their words; test_docs.py holds it equal to the samples."""

from __future__ import annotations

import html
import re
from pathlib import Path

import docs_gallery
import pytest
from browsing import Chromium, chromedriver
from test_templates import CASES, IDS, PLAIN, rendered
from test_web import CONTRAST

from triagemail.mail import samples, templates
from triagemail.mail.samples import Sample


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_an_inbox_shows_the_first_sentence_beside_the_subject(case: Sample) -> None:
    """A preheader in each HTML part: what a list of mails shows of it is what the mail says, not the line above which
    people write."""
    made = rendered(case)
    if case.template in PLAIN:  # a pager's mail has no such part
        return
    first = html.unescape(re.sub(r"<[^>]*>", " ", made.html.partition("<body")[2].partition(">")[2]))
    body = made.text.removeprefix(templates.marker("en"))
    assert words(first)[:8] == words(body)[:8]
    assert not first.strip().startswith("---")


def test_the_gallery_shows_each_mail_once() -> None:
    """A gallery in docs/mails.md: every template, by step of the process."""
    shown = re.findall(r"<summary><code>([a-z-]+)</code>", docs_gallery.gallery())
    assert sorted(shown) == sorted(templates.names())
    assert {case for step in docs_gallery.STEPS.values() for case in map(id, step)} == set(map(id, samples.ALL))


@pytest.mark.parametrize(("width", "dark"), [(360, False), (360, True), (800, False)], ids=["phone", "dark", "desk"])
def test_every_mail_in_a_real_chromium(tmp_path: Path, width: int, dark: bool) -> None:
    """Readable on a phone, in the light and in the dark: nothing wider than the screen, contrast AA (WCAG 2.2, 1.4.3)
    as the browser computes it, buttons of a finger's height (2.5.8), nothing on the console."""
    with chromedriver() as port:
        real = Chromium(port, dark=dark, width=width)
        try:
            for name, case in zip(IDS, CASES, strict=True):
                if case.template in PLAIN:
                    continue
                page = tmp_path / "mail.html"
                page.write_text(rendered(case).html, "utf-8")
                real.opens(page.as_uri())
                assert real.says(CONTRAST) == [], name
                assert real.says("document.documentElement.scrollWidth") <= width, name
                assert real.says(SMALL) == [], name
                assert real.console() == [], name
        finally:
            real.close()


SMALL = "[...document.querySelectorAll('a.full, a.open')].map(a => a.offsetHeight).filter(high => high < 24)"
