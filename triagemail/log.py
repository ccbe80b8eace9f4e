"""The door of structlog: one canonical line per mail and per delivery attempt, key=value, no bodies, no secrets."""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, TextIO, cast

_RICH = sys.modules.get("rich")
sys.modules["rich"] = cast("Any", None)  # structlog's renderer for a console, unused here, would load it: 60 ms a start
import structlog  # noqa: E402  # after the line above

if _RICH is None:
    del sys.modules["rich"]
else:
    sys.modules["rich"] = _RICH


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


def lines(room: str, event: str, rows: Iterable[Mapping[str, str | int | float]]) -> None:
    """Lines of level info as `logger` writes them, all in one write: the sender ends thousands of mails a second, and
    structlog takes many times as long for each. `rows` is not looked at where nobody wants such lines."""
    if not logger(room).is_enabled_for(logging.INFO):
        return
    start = f"timestamp={datetime.now(UTC).isoformat().removesuffix('+00:00')}Z level=info event={event} room={room}"
    told = [" ".join([f"{key}={_value(value)}" for key, value in row.items()]) for row in rows]
    sys.stderr.write("".join([f"{start} {row}\n" for row in told]))


def _value(value: str | float) -> str:
    """As structlog's LogfmtRenderer writes it."""
    if not isinstance(value, str):
        return str(value)
    said = _escaped(value)
    if " " in said or "=" in said or '"' in said:
        return '"' + said.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return said


configure("warning")
