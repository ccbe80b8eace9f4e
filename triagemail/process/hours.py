"""Working hours: "P0 knows no hours"; P1's automatic updates and every P2/P3 clock run in them (process.md 1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

FURTHEST = 400  # days in which a working day is looked for: a calendar of holidays only must not hang us
QUARTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Hours:
    """The company's week: working days (0 is Monday), opening times in `timezone`, holidays. Times are aware UTC."""

    days: frozenset[int] = frozenset(range(5))
    opens: time = time(9)
    closes: time = time(18)
    holidays: frozenset[date] = frozenset()
    timezone: str = "UTC"

    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def works(self, day: date) -> bool:
        return day.weekday() in self.days and day not in self.holidays

    def at(self, day: date, clock: time) -> datetime:
        """A wall-clock time of a day, in UTC: DST is the zone's matter."""
        return datetime.combine(day, clock, self.zone()).astimezone(UTC)

    def span(self, day: date) -> tuple[datetime, datetime]:
        """When a working day opens and closes; one that closes "before" it opens closes on the next day."""
        opens, closes = self.at(day, self.opens), self.at(day, self.closes)
        return (opens, closes) if closes > opens else (opens, self.at(day + timedelta(days=1), self.closes))

    def open_at(self, moment: datetime) -> bool:
        day = moment.astimezone(self.zone()).date()
        return any(
            self.works(each) and self.span(each)[0] <= moment < self.span(each)[1]
            for each in (day - timedelta(days=1), day)
        )

    def opening(self, after: datetime) -> datetime:
        """The next opening of a working day later than `after`."""
        day = after.astimezone(self.zone()).date() - timedelta(days=1)
        for ahead in range(FURTHEST):
            each = day + timedelta(days=ahead)
            if self.works(each) and self.span(each)[0] > after:
                return self.span(each)[0]
        return after + timedelta(days=1)

    def next_open(self, moment: datetime) -> datetime:
        """`moment` itself in working hours, else the next opening ("out of hours: next morning")."""
        return moment if self.open_at(moment) else self.opening(moment)

    def add(self, start: datetime, span: timedelta) -> datetime:
        """`start` plus so much working time."""
        moment, left = self.next_open(start), span
        for _ in range(FURTHEST):
            closes = self._closing(moment)
            if moment + left <= closes:
                return moment + left
            left -= closes - moment
            moment = self.opening(max(moment, closes - timedelta(microseconds=1)))
        return start + span

    def _closing(self, moment: datetime) -> datetime:
        day = moment.astimezone(self.zone()).date()
        spans = [self.span(each) for each in (day - timedelta(days=1), day) if self.works(each)]
        return next((closes for opens, closes in spans if opens <= moment < closes), moment + timedelta(days=1))

    def working_day(self, start: datetime) -> datetime:
        """The same time on the next working day: "no answer in a working day"."""
        local = self.next_open(start).astimezone(self.zone())
        for ahead in range(1, FURTHEST):
            each = local.date() + timedelta(days=ahead)
            if self.works(each):
                return self.at(each, local.time())
        return start + timedelta(days=1)

    def quarter(self, after: datetime) -> datetime:
        """The next quarter hour in working hours, at least five minutes ahead."""
        start = self.next_open(after + timedelta(minutes=5))
        local = start.astimezone(self.zone())
        past = timedelta(minutes=local.minute % 15, seconds=local.second, microseconds=local.microsecond)
        return start if not past else start + QUARTER - past


def week(moment: datetime, timezone: str) -> datetime:
    """The Monday, 00:00, of the week that a moment is in ("Monday to Sunday, list time zone"), in UTC."""
    local = moment.astimezone(ZoneInfo(timezone))
    monday = local.date() - timedelta(days=local.weekday())
    return datetime.combine(monday, time(), ZoneInfo(timezone)).astimezone(UTC)
