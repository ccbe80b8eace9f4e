"""What people write in a config and what it means: durations, sizes, rates, times of day, working days, listeners.

Every reader takes the value as tomllib gives it and raises ValueError with a sentence that says what would be right.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(?:[0-9]{1,6}[smhdw])+")
_PART = re.compile(r"([0-9]+)([smhdw])")
_LONGEST = timedelta(days=3660)
_BYTES = {"B": 1, "kB": 1000, "MB": 1000**2, "GB": 1000**3, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_SIZE = re.compile(r"([0-9]{1,12}) ?([A-Za-z]+)")
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_EVERY = re.compile(r"([0-9]{1,3}) (day|week|month)s?")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` deliveries within `per`."""

    count: int
    per: timedelta


@dataclass(frozen=True, slots=True)
class Every:
    """A distance in the calendar: `Every(2, "month")`."""

    count: int
    unit: str  # "day" | "week" | "month"


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen: a unix socket (`path`) or `host` and `port`; false when switched off."""

    host: str = ""
    port: int = 0
    path: str = ""

    def __bool__(self) -> bool:
        return bool(self.path or self.host)

    @property
    def loopback(self) -> bool:
        """True when nobody outside this machine can reach it."""
        return not self.host or is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """True for localhost and for the addresses of 127.0.0.0/8 and ::1."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_address(host: str) -> bool:
    """True for what is an address and no name, of either kind."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def duration(value: object) -> timedelta:
    """`30m`, `2h`, `5s`, `14d`, `1h30m`: at least one second, at most ten years."""
    text = _text(value, 'a duration such as "30m", "2h", "5s" or "14d"')
    if not _DURATION.fullmatch(text):
        raise ValueError(f'{text!r} is no duration: write a number and one of s, m, h, d, w, such as "30m"')
    length = timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text)))
    if not timedelta(seconds=1) <= length <= _LONGEST:
        raise ValueError(f"{text!r} is out of range: a duration is from 1s to 3660d")
    return length


def duration_or_none(value: object) -> timedelta | None:
    """A duration; "" means none."""
    return None if value == "" else duration(value)


def size(value: object) -> int:
    """`25MB` in bytes; 1 MB is 1,000,000 bytes and 1 MiB is 1,048,576."""
    text = _text(value, 'a size such as "25MB"')
    match = _SIZE.fullmatch(text)
    factor = next((n for unit, n in _BYTES.items() if match and unit.lower() == match[2].lower()), 0)
    if not match or not factor or not int(match[1]):
        raise ValueError(f'{text!r} is no size: write a number and one of {", ".join(_BYTES)}, such as "25MB"')
    return int(match[1]) * factor


def rate(value: object) -> Rate | None:
    """`30/m` is at most 30 deliveries a minute; "" means no limit."""
    text = _text(value, 'a rate such as "30/m"')
    if not text:
        return None
    count, slash, unit = text.partition("/")
    if not (slash and re.fullmatch("[0-9]{1,9}", count) and int(count) and unit in _UNITS):
        raise ValueError(f'{text!r} is no rate: write a number, a slash and one of s, m, h, d, such as "30/m"')
    return Rate(int(count), timedelta(seconds=_UNITS[unit]))


def clock(value: object) -> time:
    """`09:00`, or TOML's own local time."""
    if isinstance(value, time):
        return value.replace(second=0, microsecond=0)
    text = _text(value, 'a time of day such as "09:00"')
    if not (match := _CLOCK.fullmatch(text)):
        raise ValueError(f'{text!r} is no time of day: write it as "09:00"')
    return time(int(match[1]), int(match[2]))


def day(value: object) -> date:
    """`2026-12-25`, or TOML's own local date."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    text = _text(value, 'a date such as "2026-12-25"')
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f'{text!r} is no date: write it as "2026-12-25"') from None


def weekdays(value: object) -> frozenset[int]:
    """`Mon-Fri`, `Sun-Thu`, `Mon, Wed, Fri` as numbers from 0 (Monday) to 6, as `date.weekday()` gives them."""
    text = _text(value, 'working days such as "Mon-Fri"')
    found: set[int] = set()
    for part in text.split(","):
        names = [name.strip().capitalize() for name in part.split("-")]
        if len(names) > 2 or any(name not in _DAYS for name in names):
            raise ValueError(f'{text!r} names no working days: write "Mon-Fri" or "Mon, Wed, Fri"')
        first, last = _DAYS.index(names[0]), _DAYS.index(names[-1])
        found.update((first + step) % 7 for step in range((last - first) % 7 + 1))
    return frozenset(found)


def every(value: object) -> Every:
    """`2 months`, `6 weeks`, `10 days`."""
    text = _text(value, 'a distance such as "2 months"')
    match = _EVERY.fullmatch(text)
    if not match or not int(match[1]):
        raise ValueError(f'{text!r} is no distance in the calendar: write it as "2 months", "6 weeks" or "10 days"')
    return Every(int(match[1]), match[2])


def listen(value: object) -> Listen:
    """`unix:run/lmtp.sock` or `127.0.0.1:8025` (`[::1]:8025`); "" switches it off."""
    text = _text(value, 'an address to listen on such as "127.0.0.1:8025"')
    if not text:
        return Listen()
    if text.startswith("unix:") and text != "unix:":
        return Listen(path=text.removeprefix("unix:"))
    match = _HOST_PORT.fullmatch(text)
    if not match or not 0 < int(match[2]) < 65536:
        raise ValueError(f'{text!r} is no address to listen on: write "127.0.0.1:8025" or "unix:run/lmtp.sock"')
    return Listen(host=match[1].strip("[]"), port=int(match[2]))


def command(value: object) -> tuple[str, ...]:
    """A command line as one text, or as a list of its words."""
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return tuple(value)
    try:
        return tuple(shlex.split(_text(value, "a command line")))
    except ValueError as error:
        raise ValueError(f"{value!r} is no command line: {error}") from None


def _text(value: object, wanted: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not {wanted}")
    return value.strip()
