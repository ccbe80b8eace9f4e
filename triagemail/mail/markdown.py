"""The door of markdown-it-py: our own words in Markdown into HTML. No HTML, no images, no code blocks."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from triagemail.mail.source import BLOCK_LINE

if TYPE_CHECKING:  # loaded with the first template that is read: a start needs none
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock


@lru_cache(maxsize=1)
def markdown() -> MarkdownIt:
    """Made once: `render` for blocks, `renderInline` for one line."""
    from markdown_it import MarkdownIt

    made = MarkdownIt("commonmark", {"html": False}).disable(["code", "lheading", "reference", "image"])
    made.block.ruler.before("list", "jinja", _block_lines, {"alt": ["paragraph", "list", "blockquote"]})
    return made


def _block_lines(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A block rule of markdown-it: a line of nothing but statements or block values is no paragraph."""
    line = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]].strip()
    if not BLOCK_LINE.fullmatch(line):
        return False
    if not silent:
        state.push("html_block", "", 0).content = line + "\n"
        state.line = start + 1
    return True
