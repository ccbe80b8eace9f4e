"""The door of icalendar: an appointment as the bytes that people's calendars open (RFC 5545, RFC 5546 3.2.2).

Pure: the same arguments give the same bytes. The rules of a time zone are written here: those that icalendar 7.3 makes
put the change to summer time one hour late (`DTSTART` in the new offset, where RFC 5545 3.6.5 wants the old one), and
list years instead of naming a rule, which Exchange does not read ([MS-OXCICAL] 2.1.3.1.1.19.2.2).
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import quote as percent
from zoneinfo import ZoneInfo

from icalendar import (
    Calendar,
    Event,
    Timezone,
    TimezoneDaylight,
    TimezoneStandard,
    vCalAddress,
    vDatetime,
    vRecur,
    vText,
)

from triagemail.mail.headers import clean_header
from triagemail.mail.wording import clean, cut
from triagemail.process.model import Invite

PRODID = "-//triagemail//invites//EN"
DESCRIPTION_LIMIT = 4_000  # characters
ADDRESS_LIMIT = 320  # RFC 5321 4.5.3.1: a local part of 64, the at sign, a domain of 255
YEARS = 8  # in which a rule must hold: the last Sunday of a month is told from its fourth
ASKED = {"CUTYPE": "INDIVIDUAL", "ROLE": "REQ-PARTICIPANT", "PARTSTAT": "NEEDS-ACTION", "RSVP": "TRUE"}
UNQUOTABLE = str.maketrans('"^', "''")  # no parameter can hold the first, and the second begins an escape (RFC 6868)
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def calendar(
    invite: Invite, *, organizer: str, organizer_name: str, summary: str, description: str, stamp: datetime
) -> bytes:
    """One VEVENT to answer, UTF-8, CRLF, lines of at most 75 octets. `organizer` is the address that the answers go to;
    `stamp` is aware UTC. Only the invite's own attendees are named. Raises ZoneInfoNotFoundError for an unknown zone.

    "Nobody's text becomes another property" (trust.md X1): what people wrote is one line or escaped text.
    """
    zone = ZoneInfo(invite.timezone)
    starts, ends = _times(invite, zone)
    event = Event()
    event.add("uid", _Text(clean_header(invite.uid)))
    event.add("sequence", invite.sequence)
    event.add("dtstamp", stamp.astimezone(UTC))
    event.add("dtstart", starts)
    event.add("dtend", ends)
    event.add("summary", _Text(clean_header(summary)))
    event.add("description", _Text(cut(clean(description).strip(), DESCRIPTION_LIMIT)))
    event.add("organizer", _person(_mailto(organizer), CN=clean_header(organizer_name).translate(UNQUOTABLE)))
    for uri in dict.fromkeys(map(_mailto, invite.attendees)):
        event.add("attendee", _person(uri, **ASKED))
    event.add("status", "CONFIRMED")
    event.add("transp", "OPAQUE")
    whole = Calendar()
    whole.add("prodid", PRODID)
    whole.add("version", "2.0")
    whole.add("method", "REQUEST")
    if starts.tzinfo is zone:
        whole.add_component(_timezone(zone, starts.year))
    whole.add_component(event)
    made: bytes = whole.to_ical()
    return made


class _Text(vText):
    """A TEXT value (RFC 5545 3.3.11). icalendar 7.3 takes a backslash and an N that somebody typed for a line end."""

    def to_ical(self) -> bytes:
        text = str(self).replace("\\", "\\\\").replace(";", r"\;").replace(",", r"\,")
        return text.replace("\n", r"\n").encode()


def _mailto(address: str) -> str:
    """An address as a URI: what would end or split a property is percent-encoded (RFC 6068 2)."""
    return "mailto:" + percent(clean_header(address, ADDRESS_LIMIT), safe="@!$'*+^`{|}")


def _person(uri: str, **parameters: str) -> vCalAddress:
    person = vCalAddress(uri)
    for name, value in parameters.items():
        person.params[name] = value
    return person


def _times(invite: Invite, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Start and end in the zone of the invite. In UTC where that is the zone ("TZID MUST NOT be applied" to it), and
    in the hour that comes a second time when summer time ends: a local time there is its first (RFC 5545 3.3.5)."""
    starts, ends = invite.starts_at.astimezone(zone), invite.ends_at.astimezone(zone)
    if starts.tzname() == "UTC" or starts.fold or ends.fold:
        return invite.starts_at.astimezone(UTC), invite.ends_at.astimezone(UTC)
    return starts, ends


# --- the rules of a time zone -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Change:
    """The clocks are put forward or back. `onset` is naive, in the time that counted before it (RFC 5545 3.6.5)."""

    onset: datetime
    before: timedelta
    after: timedelta
    name: str

    @property
    def forward(self) -> bool:
        return self.after > self.before


def _timezone(zone: ZoneInfo, year: int) -> Timezone:
    """The clock changes from the year before to the year after: as two yearly rules, which every calendar reads; one by
    one where they follow no such rule; and a zone without any as one offset."""
    found = Timezone()
    found.add("tzid", str(zone))
    for change, week in _observances(str(zone), year):
        found.add_component(_observance(change, week))
    return found


@lru_cache(maxsize=64)
def _observances(key: str, year: int) -> tuple[tuple[_Change, int], ...]:
    """Each change that is to be written, with the week of its month in which it returns every year (0: it does not)."""
    zone = ZoneInfo(key)
    changes = tuple(_changes(zone, year - 1, year - 1 + YEARS))
    sides = tuple([c for c in changes if c.forward is forward] for forward in (True, False))
    weeks = [_week(side) for side in sides]
    if all(weeks):
        return tuple((side[0], week) for side, week in zip(sides, weeks, strict=True))
    first = datetime(year - 1, 1, 1, tzinfo=UTC).astimezone(zone)
    offset = first.utcoffset() or timedelta()
    always = _Change(datetime(1970, 1, 1), offset, offset, first.tzname() or "")
    return ((always, 0), *((change, 0) for change in changes if change.onset.year <= year + 1))


def _changes(zone: ZoneInfo, first: int, end: int) -> Iterator[_Change]:
    """All changes from the year `first` to before the year `end`."""

    def offset(moment: datetime) -> timedelta:
        return moment.astimezone(zone).utcoffset() or timedelta()

    day, last = datetime(first, 1, 1, tzinfo=UTC), datetime(end, 1, 1, tzinfo=UTC)
    while day < last:
        low, high = day, day + DAY
        day = high
        if (before := offset(low)) == (after := offset(high)):
            continue
        while high - low > SECOND:
            middle = low + (high - low) // 2
            low, high = (middle, high) if offset(middle) == before else (low, middle)
        moment = high.replace(microsecond=0)
        yield _Change((moment + before).replace(tzinfo=None), before, after, moment.astimezone(zone).tzname() or "")


def _week(changes: list[_Change]) -> int:
    """The week of the month in which one side's change comes every year, -1 for the last; 0 where no rule holds."""
    alike = {(c.onset.month, c.onset.weekday(), c.onset.time(), c.before, c.after) for c in changes}
    if len(alike) != 1 or len({c.onset.year for c in changes}) != YEARS or len(changes) != YEARS:
        return 0
    places = [{(c.onset.day - 1) // 7 + 1, _from_the_end(c.onset)} for c in changes]
    return min(set.intersection(*places) - {0}, default=0)


def _from_the_end(moment: datetime) -> int:
    return -1 if moment.day > monthrange(moment.year, moment.month)[1] - 7 else 0


def _observance(change: _Change, week: int) -> TimezoneDaylight | TimezoneStandard:
    part = TimezoneDaylight() if change.forward else TimezoneStandard()
    part.add("dtstart", vDatetime(change.onset))
    part.add("tzoffsetfrom", change.before)
    part.add("tzoffsetto", change.after)
    part.add("tzname", change.name)
    if week:
        rule = {"freq": "yearly", "bymonth": change.onset.month, "byday": f"{week}{WEEKDAYS[change.onset.weekday()]}"}
        part.add("rrule", vRecur(rule))
    return part
