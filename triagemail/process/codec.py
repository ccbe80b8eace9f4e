"""Events, issues and intents as JSON and back: tagged, with a format number, so that stored ones outlive a release."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any

from triagemail.process.model import Priority

FORMAT = 1


@cache
def kinds() -> Mapping[str, type]:
    """What is stored, by its name: no two may share one; a test compares. Loaded with the first that is: a command that
    takes mails in stores none, and these classes are a third of its start."""
    from triagemail.process import desk, events, intents, model, readers

    return {
        name: kind
        for room in (model, intents, events, desk, readers)
        for name, kind in vars(room).items()
        if isinstance(kind, type) and is_dataclass(kind)
    }


def dump(value: object) -> str:
    """JSON text of an Issue, Event or Intent: {"f": format, "t": type name, field: value …}; times in ISO 8601, UTC."""
    body = {"f": FORMAT, "t": type(value).__name__, **_fields(value)}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def load(text: str) -> Any:
    """The value that `dump` wrote. Raises ValueError for an unknown format or type."""
    body = json.loads(text)
    if body.pop("f", None) != FORMAT or body.get("t") not in kinds():
        raise ValueError(f"unknown stored form: {text[:80]}")
    return _build(kinds()[body.pop("t")], body)


def plain(value: object) -> Any:
    """Any value of the process as JSON-ready Python: dataclasses become tagged objects."""
    if isinstance(value, Enum):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [plain(v) for v in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {"t": type(value).__name__, **_fields(value)}
    return value


def _fields(value: object) -> dict[str, Any]:
    """Fields at their default are left out: rows stay small, and a new field needs no migration."""
    found: dict[str, Any] = {}
    for name, default in _defaults(type(value).__name__):
        item = getattr(value, name)
        if item != default:
            found[name] = plain(item)
    return found


@cache
def _defaults(name: str) -> tuple[tuple[str, object], ...]:
    kind: Any = kinds()[name]
    return tuple((f.name, f.default_factory() if callable(f.default_factory) else f.default) for f in fields(kind))


@cache
def _readers(kind: type) -> Mapping[str, Callable[[Any], Any]]:
    return {name: _reader(hint) for name, hint in typing.get_type_hints(kind).items()}


def _build(kind: type, body: Mapping[str, Any]) -> Any:
    readers = _readers(kind)
    return kind(**{name: readers[name](item) for name, item in body.items() if name in readers})


def _reader(hint: Any) -> Callable[[Any], Any]:
    """How a JSON value becomes a field of this type."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Union or origin is types.UnionType:
        inner = _reader(next(a for a in args if a is not type(None)))
        return lambda item: None if item is None else inner(item)
    if origin is tuple:
        each = _reader(args[0])
        return lambda items: tuple(each(i) for i in items)
    if hint is datetime:
        return datetime.fromisoformat
    if hint is timedelta:
        return lambda seconds: timedelta(seconds=seconds)
    if hint is Priority:
        return Priority.__getitem__
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    if isinstance(hint, type) and is_dataclass(hint):
        return lambda item: _build(kinds()[item["t"]], {k: v for k, v in item.items() if k != "t"})
    return lambda item: item
