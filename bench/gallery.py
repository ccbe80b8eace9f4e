"""A picture of every mail: HTML, text and, where chromium is installed, PNGs as wide as a phone and as a desk.

    python bench/gallery.py FOLDER [--dark] [--only TEMPLATE] [--language de]

FOLDER gets NAME.html, NAME.txt, NAME-360.png, NAME-800.png and index.html, which shows them all.
"""

from __future__ import annotations

import argparse
import html
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from triagemail.mail import samples, templates
from triagemail.mail.compose import compose

WIDTHS = (360, 800)


@dataclass(frozen=True, slots=True)
class Picture:
    """One sample on disk: `name` is the file name without its end."""

    name: str
    title: str
    subject: str
    text: str


def slug(case: samples.Sample) -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"{case.template} {case.title}".lower()).strip("-")


def write(folder: Path, case: samples.Sample, language: str) -> Picture:
    """The text and HTML parts of one sample, made as the service makes them."""
    made = compose(
        case.template,
        language=language,
        issue=case.issue,
        policy=case.policy,
        values=case.values,
        now=case.now,
        to=case.to,
        reply_to=case.reply_to,
        broadcast=case.broadcast,
    )
    if made.problem:
        raise SystemExit(made.problem)
    context = templates.context_of(case.policy, case.now, case.issue, case.values, to=case.to, reply_to=case.reply_to)
    shown = templates.render(templates.Templates(), case.template, language, context)
    name = slug(case)
    (folder / f"{name}.html").write_text(shown.html, "utf-8")
    (folder / f"{name}.txt").write_text(f"Subject: {made.subject}\n\n{made.text}", "utf-8")
    return Picture(name, f"{case.template}: {case.title}", made.subject, made.text)


QUIET = "gpu quic background-networking component-update sync"  # it shows files and asks nothing of the network


def chromium(browser: str, profile: str) -> list[str]:
    quiet = [f"--disable-{name}" for name in QUIET.split()]
    return [
        browser,
        "--headless",
        "--no-sandbox",
        "--no-first-run",
        *quiet,
        "--hide-scrollbars",
        f"--user-data-dir={profile}",
    ]


def shoot(browser: str, profile: str, folder: Path, name: str, *, dark: bool) -> None:
    """PNGs of one HTML part. A window cannot be narrower than 500 px, so a phone's page is shown inside a frame."""
    for width in WIDTHS:
        file = folder / f"{name}.html"
        frame = folder / f"{name}.frame.html"
        scheme = "dark" if dark else "light"
        source = html.escape(file.read_text("utf-8"), quote=True)
        frame.write_text(
            f'<body style="margin:0;color-scheme:{scheme}"><iframe srcdoc="{source}" style="border:0;'
            f'color-scheme:{scheme};width:{width}px;height:6000px" onload="this.style.height=document.title='
            "this.contentDocument.documentElement.querySelector('.page').offsetHeight+'px'\"></iframe></body>",
            "utf-8",
        )
        tall = frame_height(browser, profile, frame, dark=dark)
        picture = folder / f"{name}-{width}{'-dark' if dark else ''}.png"
        argv = [*chromium(browser, profile), *theme(dark), f"--window-size={max(width, 500)},{tall}"]
        argv += [f"--screenshot={picture}", frame.as_uri()]
        subprocess.run(argv, capture_output=True, timeout=60, check=False)
        frame.unlink()


def theme(dark: bool) -> list[str]:
    return ["--blink-settings=preferredColorScheme=0"] if dark else []


def frame_height(browser: str, profile: str, frame: Path, *, dark: bool) -> int:
    argv = [*chromium(browser, profile), *theme(dark), "--window-size=800,400", "--dump-dom", frame.as_uri()]
    dom = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False).stdout
    found = re.search(r"<title>(\d+)px</title>", dom)
    return int(found[1]) if found else 1500


def index(folder: Path, pictures: list[Picture]) -> None:
    rows = "".join(
        f"<h2>{html.escape(p.title)}</h2><p>{html.escape(p.subject)}</p><pre>{html.escape(p.text)}</pre>"
        f'<a href="{p.name}.html"><img src="{p.name}-360.png" alt="360 px"></a>'
        for p in pictures
    )
    style = "<style>pre{float:left;margin-right:2em}h2{clear:both}img{border:1px solid #ccc}</style>"
    (folder / "index.html").write_text(f"<!DOCTYPE html><meta charset=utf-8>{style}{rows}", "utf-8")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("folder", type=Path)
    asked.add_argument("--dark", action="store_true", help="PNGs in the dark scheme")
    asked.add_argument("--only", default="", help="one template")
    asked.add_argument("--language", default="en", help="the name of a folder of templates")
    options = asked.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    pictures = [write(options.folder, case, options.language) for case in samples.cases(options.only)]
    index(options.folder, pictures)
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        print("no chromium here: HTML and text only")
        return
    with tempfile.TemporaryDirectory() as profile:
        for picture in pictures:
            shoot(browser, profile, options.folder, picture.name, dark=options.dark)
            print(picture.name, flush=True)


if __name__ == "__main__":
    main()
