"""The door of structlog: one canonical line per mail and per delivery attempt, key=value, no bodies, no secrets."""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO, cast

import structlog


def _printable(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Control and bidi characters of foreign text as escapes (trust.md X5)."""
    return {key: _escaped(value) if isinstance(value, str) else value for key, value in event.items()}


def _escaped(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class _Stderr:
    """Whatever sys.stderr is at the time of writing."""

    def write(self, text: str) -> None:
        sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def configure(level: str = "info") -> None:
    """Lines go to stderr; systemd's journal and a terminal both read them as they are."""
    logger.cache_clear()
    names = {"debug": 10, "info": 20, "warning": 30, "error": 40}
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _printable,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], drop_missing=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(names.get(level, 20)),
        logger_factory=lambda *_: structlog.PrintLogger(cast("TextIO", _Stderr())),
        cache_logger_on_first_use=False,
    )


@functools.cache
def logger(room: str) -> Any:
    """The logger of one module; bound once, since every mail and delivery writes a line."""
    return structlog.get_logger(room=room).bind()


configure("warning")
