"""A mail's source file: front matter, and Markdown with Jinja tags, from which both parts of the mail are made.

The tags are taken out, a word that Markdown leaves alone stands in their place, and they are put back afterwards: what
a tag will be filled with is never read as Markdown (trust.md X4).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent.parent
BUILT_IN = HERE / "templates" if (HERE / "templates").is_dir() else HERE.parent / "templates"
FRONT_KEYS = ("subject", "why", "marker", "summary", "plain")
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_TAPS = re.compile(r"^::: taps[ \t]*\n(.*?)^:::[ \t]*$", re.DOTALL | re.MULTILINE)
_BLOCK_VALUE = re.compile(r"\|\s*(?:quote|say)\s*(?:\([^()]*\))?\s*\}\}\Z")
_PLACE = re.compile(r"qj[svx]\d+jq")
_ALONE = re.compile(r"^[ \t]*((?:qjs\d+jq[ \t]*)+)\n", re.MULTILINE)
_HREF = re.compile(r'(?<=href=")[^"]*')
BLOCK_LINE = re.compile(r"(?:qj[sx]\d+jq\s*)+")  # a line of nothing but statements or values that are blocks


class Misfit(Exception):
    """A template that cannot be used, with the reason."""


def split_front(source: str) -> tuple[dict[str, str], str]:
    """Front matter (`key: value`, indented lines continue a value) and body. Raises Misfit on an unknown key."""
    if not source.startswith("---\n") or "\n---\n" not in source:
        return {}, source
    head, body = source[4:].split("\n---\n", 1)
    front: dict[str, str] = {}
    key = ""
    for line in filter(str.strip, head.split("\n")):
        if line.startswith((" ", "\t")) and key:
            front[key] += " " + line.strip()
            continue
        key, colon, value = line.partition(":")
        if not colon or key not in FRONT_KEYS:
            raise Misfit(f"unknown line in the front matter: {line!r} (known: {', '.join(FRONT_KEYS)})")
        front[key] = value.strip()
    return front, body


def protect(source: str) -> tuple[str, list[str]]:
    """The source with a word in the place of each tag: qjs… a statement, qjx… a value that is a block, qjv… others."""
    if _PLACE.search(source):
        raise Misfit("a word of the form qjs0jq stands in the text")
    tags: list[str] = []

    def keep(tag: str, kind: str) -> str:
        tags.append(tag)
        return f"qj{kind}{len(tags) - 1}jq"

    def taps(found: re.Match[str]) -> str:
        # autoescape off inside: a command is escaped once, after it was percent-encoded
        lines = f"{{% set lines %}}{found[1]}{{% endset %}}{{{{ taps(lines) }}}}"
        return keep(f"{{% autoescape false %}}{lines}{{% endautoescape %}}", "x")

    def tag(found: re.Match[str]) -> str:
        if not found[0].startswith("{{"):
            return keep(found[0], "s")
        return keep(found[0], "x" if _BLOCK_VALUE.search(found[0]) else "v")

    return _TAG.sub(tag, _TAPS.sub(taps, source)), tags


def restore(text: str, tags: list[str]) -> str:
    return _PLACE.sub(lambda found: tags[int(found[0][3:-2])], text)


def to_text(source: str) -> str:
    """The Jinja template of the text part: the source without stars, `commands` in quotes, links as `text <url>`."""
    text, tags = protect(source)
    text = re.sub(r"^#{1,4} ", "", text, flags=re.MULTILINE)
    text = _ALONE.sub(lambda found: "".join(found[1].split()), text)
    text = re.sub(r"\[([^\[\]\n]+)\]\(([^()\s]+)\)", r"\1 <\2>", text)
    text = re.sub(r"`([^`\n]+)`", r'"\1"', text.replace("**", ""))
    return restore(re.sub(r"\\$", "", text, flags=re.MULTILINE), tags)


def to_html(source: str, markdown: Callable[[str], str]) -> str:
    """The Jinja template of the HTML part: Markdown over our own words only. `markdown` turns text into HTML and leaves
    the lines of BLOCK_LINE as they are."""
    text, tags = protect(source)

    def linked(place: re.Match[str]) -> str:
        """A value inside an href passes `link`, whether or not the template's author thought of it."""
        tag = tags[int(place[0][3:-2])]
        return f"{{{{ ({tag[2:-2]}) | link }}}}" if tag.startswith("{{") else tag

    html = _HREF.sub(lambda url: _PLACE.sub(linked, url[0]), markdown(text))
    return restore(html, tags)


@lru_cache(maxsize=64)
def toml(text: str) -> Mapping[str, Any]:
    """Read once: several look into the same files, and English stands behind every other language."""
    return tomllib.loads(text)


# --- where the files are ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Folders:
    """Where files are looked for, the first folder wins; of `own` only the files in `allowed` count."""

    paths: tuple[Path, ...]
    own: Path | None
    allowed: frozenset[str]

    def find(self, name: str) -> list[Path]:
        return [p / name for p in self.paths if (p != self.own or name in self.allowed) and (p / name).is_file()]

    def table(self, name: str) -> dict[str, Any]:
        """A TOML file; a folder in front replaces single keys."""
        layers = [toml(path.read_text("utf-8")) for path in self.find(name)]
        return {key: value for layer in reversed(layers) for key, value in layer.items()}

    def parts(self, name: str) -> tuple[dict[str, str], str] | None:
        """Front matter and body of a mail's source."""
        found = self.find(f"mail/{name}.md")
        return split_front(found[0].read_text("utf-8").replace("\r\n", "\n")) if found else None
