"""When a provider may come: days, hours by the clock on a wall in a zone, dates.

Whether a moment is inside is asked of the moment's wall-clock reading, so it is defined for every moment, also
where the clock is set: the hour that happens twice in autumn is inside twice, the one left out in spring never
comes. Hours that run past midnight (`22:00-06:00`) belong to the day on which they begin. An end is exclusive.
"""

from __future__ import annotations

import difflib
import re
import zoneinfo
from datetime import date, datetime, timedelta
from functools import cache, cached_property
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from countersign.agreements.problem import echo, meant, wrong
from countersign.agreements.term import Term

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALL_DAY = "00:00-24:00"
_EVERY = {"daily": "mon-sun", "always": "mon-sun", "weekdays": "mon-fri", "weekends": "sat-sun"}

_HOURS = re.compile(r"([0-9]{1,2}):([0-9]{2})-([0-9]{1,2}):([0-9]{2})")
_DATES = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:\.\.[0-9]{4}-[0-9]{2}-[0-9]{2})?")


@cache
def zone_of(name: str) -> zoneinfo.ZoneInfo:
    """The IANA zone of that name.

    Raises:
        pydantic_core.PydanticCustomError: there is no such zone; the remedy names the nearest.

    """
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise wrong(f"{echo(name)} is no IANA time zone", _nearest_zone(name)) from None


def _nearest_zone(name: str) -> str:
    zones = zoneinfo.available_timezones()
    folded = name.casefold().replace(" ", "_")
    for zone in sorted(zones):
        if zone.casefold() == folded or zone.casefold().endswith(f"/{folded}"):
            return f"did you mean {echo(zone)}?"
    near = difflib.get_close_matches(name, sorted(zones), n=1, cutoff=0.7)
    return f"did you mean {echo(near[0])}?" if near else "write a zone such as Europe/London or UTC"


def _check_zone(name: str) -> str:
    zone_of(name)
    return name


Zone = Annotated[str, Field(max_length=64), AfterValidator(_check_zone)]


def _words(value: Any) -> list[str]:  # noqa: ANN401  # what YAML holds, before it is checked
    """One list of words out of a string or a list of strings."""
    items = value if isinstance(value, list | tuple) else [value]
    if not all(isinstance(item, str | date) for item in items):
        raise wrong("this is no list of words", "write it as one line or as a list of lines")
    return [word for item in items for word in str(item).replace(",", " ").split()]


def _days(value: Any) -> list[str]:  # noqa: ANN401  # as above
    found: set[str] = set()
    for word in _words(value):
        found |= _day_range(_EVERY.get(word.lower(), word.lower()))
    return [day for day in DAYS if day in found]


def _day_range(word: str) -> set[str]:
    first, dash, last = word.partition("-")
    ends = [_day(first)] if not dash else [_day(first), _day(last)]
    span = (ends[-1] - ends[0]) % len(DAYS)
    return {DAYS[(ends[0] + step) % len(DAYS)] for step in range(span + 1)}


def _day(word: str) -> int:
    for index, day in enumerate(DAYS):
        # mon, monday and what lies between
        if word.startswith(day) and _LONG[index].startswith(word):
            return index
    raise wrong(
        f"{echo(word)} is no day", f"{meant(word, DAYS)} (days are {', '.join(DAYS)}, mon-fri, daily)"
    )


_LONG = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _hours(value: Any) -> list[str]:  # noqa: ANN401  # as above
    out = []
    for word in _words(value):
        start, end = _window(word)
        out.append(f"{_clock(start)}-{_clock(end)}")
    return out


def _window(word: str) -> tuple[int, int]:
    found = _HOURS.fullmatch(word)
    minutes = [int(found[i]) * 60 + int(found[i + 1]) for i in (1, 3)] if found else []
    if found is None or int(found[2]) > 59 or int(found[4]) > 59 or minutes[0] >= 1440 or minutes[1] > 1440:
        raise wrong(f"{echo(word)} is no span of hours", "write 08:00-18:00; 22:00-06:00 runs past midnight")
    if minutes[0] == minutes[1]:
        raise wrong(f"{echo(word)} is empty", f"write {ALL_DAY} for the whole day")
    return minutes[0], minutes[1]


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _dates(value: Any) -> list[str]:  # noqa: ANN401  # as above
    out = []
    for word in _words(value):
        first, last = _date_range(word)
        out.append(str(first) if first == last else f"{first}..{last}")
    return out


def _date_range(word: str) -> tuple[date, date]:
    first, _, last = word.partition("..")
    try:
        start = date.fromisoformat(first)
        end = date.fromisoformat(last) if last else start
    except ValueError:
        raise wrong(f"{echo(word)} is no date", "write 2026-12-01 or 2026-12-01..2026-12-05") from None
    if end < start:
        raise wrong(f"{echo(word)} ends before it starts", f"write {end}..{start}")
    return start, end


Words = str | list[str]


class Schedule(Term):
    """One weekly schedule; a moment is inside if its day, its hour and its date are."""

    days: Annotated[tuple[str, ...], BeforeValidator(_days, json_schema_input_type=Words)] = Field(
        default=DAYS, min_length=1, description="Days of the week: mon-fri, or a list. All when left out."
    )
    hours: Annotated[tuple[str, ...], BeforeValidator(_hours, json_schema_input_type=Words)] = Field(
        default=(ALL_DAY,),
        min_length=1,
        description="Hours by the wall clock: 08:00-18:00. 22:00-06:00 runs past midnight.",
    )
    zone: Zone | None = Field(
        default=None, description="IANA time zone, Europe/London. The agreement's when left out."
    )
    dates: Annotated[tuple[str, ...], BeforeValidator(_dates, json_schema_input_type=Words)] = Field(
        default=(), description="Only on these dates: 2026-12-01 or 2026-12-01..2026-12-05."
    )

    @model_validator(mode="before")
    @classmethod
    def _from_line(cls, value: Any) -> Any:  # noqa: ANN401  # pydantic hands over whatever YAML held
        return _read_line(value) if isinstance(value, str) else value

    @cached_property
    def _windows(self) -> tuple[tuple[int, int], ...]:
        return tuple(_window(word) for word in self.hours)

    @cached_property
    def _ranges(self) -> tuple[tuple[date, date], ...]:
        return tuple(_date_range(word) for word in self.dates)

    def local(self, moment: datetime, default: str) -> datetime:
        """An aware moment as the schedule's wall clock shows it; `default` is the agreement's zone."""
        return moment.astimezone(zone_of(self.zone or default))

    def covers(self, moment: datetime, default: str) -> bool:
        """Whether an aware moment is inside; `default` is the agreement's zone."""
        wall = self.local(moment, default)
        minute = wall.hour * 60 + wall.minute
        today = wall.date()
        for start, end in self._windows:
            if start < end:
                inside = start <= minute < end and self._is_on(today)
            else:
                inside = (minute >= start and self._is_on(today)) or (
                    minute < end and self._is_on(today - timedelta(days=1))
                )
            if inside:
                return True
        return False

    def _is_on(self, day: date) -> bool:
        if DAYS[day.weekday()] not in self.days:
            return False
        return not self._ranges or any(first <= day <= last for first, last in self._ranges)

    def text(self, default: str) -> str:
        """For a person: `mon-fri 08:00-18:00 Europe/London`."""
        parts = [_days_text(self.days), ",".join(self.hours), ",".join(self.dates), self.zone or default]
        return " ".join(part for part in parts if part)


def _days_text(days: tuple[str, ...]) -> str:
    places = [DAYS.index(day) for day in days]
    if len(places) > 2 and places[-1] - places[0] == len(places) - 1:
        return f"{days[0]}-{days[-1]}"
    return ",".join(days)


def _read_line(line: str) -> dict[str, Any]:
    """`mon-fri 08:00-18:00 Europe/London`, its parts in any order."""
    parts: dict[str, list[str]] = {}
    for word in line.replace(",", " ").split():
        parts.setdefault(_part(word), []).append(word)
    if not parts:
        raise wrong("a schedule is empty", "write mon-fri 08:00-18:00 Europe/London, or leave `when` out")
    zones = parts.pop("zone", [])
    if len(zones) > 1:
        raise wrong(f"{echo(line)} names two zones", "write a list with a schedule for each zone")
    return {**parts, "zone": zones[0]} if zones else dict(parts)


def _part(word: str) -> str:
    if _DATES.fullmatch(word):
        return "dates"
    if ":" in word:
        return "hours"
    if "/" in word or word.upper() in {"UTC", "GMT"}:
        return "zone"
    return "days"
