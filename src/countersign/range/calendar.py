"""Days, working hours and clocks of an estate, in its zone; all moments are microseconds since 1970 in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
SATURDAY = 5


def micro(moment: datetime) -> int:
    """Microseconds since 1970 of an aware moment."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def to_datetime(moment: int) -> datetime:
    """The aware UTC moment of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=moment)


def iso(moment: int) -> str:
    """`2026-03-02T09:00:00.000000Z`."""
    return to_datetime(moment).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the range, from midnight to midnight in the estate's zone; 23 or 25 hours at a change of clocks."""

    number: int
    date: date
    start: int
    end: int
    working: bool
    holiday: bool

    @property
    def length(self) -> int:
        """Microseconds."""
        return self.end - self.start


@dataclass(frozen=True)
class Calendar:
    """The days of a range."""

    first: date
    zone: ZoneInfo
    holidays: frozenset[date]

    def day(self, number: int) -> Day:
        """Day `number`, from 0."""
        date_ = self.first + timedelta(days=number)
        holiday = date_ in self.holidays
        start, end = (moment(d, "00:00", str(self.zone)) for d in (date_, date_ + timedelta(days=1)))
        return Day(number, date_, start, end, date_.weekday() < SATURDAY and not holiday, holiday)


@lru_cache(maxsize=100_000)
def moment(day: date, clock: str, zone: str) -> int:
    """A clock time (`07:30`) of a day in an IANA zone."""
    return micro(datetime.combine(day, time.fromisoformat(clock), ZoneInfo(zone)))


def hours(text: str) -> tuple[str, str]:
    """`08:00-18:00` as its two ends."""
    begin, _, end = text.partition("-")
    return begin, end
