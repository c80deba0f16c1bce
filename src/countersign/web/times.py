"""Moments and spans in words, in the report's zone and always in English, whatever the machine's locale."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from countersign.model.visible import counted

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment as the page shows it: `text` in the zone with its offset, `machine` in UTC."""

    text: str
    machine: str


def day_text(local: datetime) -> str:
    """`Thu 5 Mar`."""
    return f"{DAYS[local.weekday()]} {local.day} {MONTHS[local.month - 1]}"


def offset_text(local: datetime) -> str:
    """`UTC+01:00`."""
    minutes = int((local.utcoffset() or timedelta()).total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    return f"UTC{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def clock_text(moment: datetime, zone: ZoneInfo) -> str:
    """`23:12:40`."""
    return f"{moment.astimezone(zone):%H:%M:%S}"


def end_text(start: datetime | None, end: datetime | None, zone: ZoneInfo) -> str:
    """`00:01:40`, with its day where that is not the start's."""
    if end is None:
        return "end not seen"
    local = end.astimezone(zone)
    same_day = start is not None and start.astimezone(zone).date() == local.date()
    return clock_text(end, zone) if same_day else f"{day_text(local)}, {local:%H:%M:%S}"


def moment(value: datetime | None, zone: ZoneInfo, *, unknown: str = "not known") -> Moment:
    """`Thu 5 Mar 2026, 23:12:40 UTC+00:00`, and the same in UTC for machines."""
    if value is None:
        return Moment(unknown, "")
    local = value.astimezone(zone)
    text = f"{day_text(local)} {local.year}, {local:%H:%M:%S} {offset_text(local)}"
    return Moment(text, f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")


def span_text(start: datetime | None, end: datetime | None) -> str:
    """`49 minutes`, `1 hour 20 minutes`, `2 days 3 hours`; empty where an end is not known."""
    if start is None or end is None:
        return ""
    seconds = max(0, int((end - start).total_seconds()))
    if seconds < 60:
        return counted(seconds, "second")
    minutes = seconds // 60
    if minutes < 60:
        return counted(minutes, "minute")
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return _two(hours, "hour", minutes, "minute")
    days, hours = divmod(hours, 24)
    return _two(days, "day", hours, "hour")


def _two(first: int, name: str, second: int, other: str) -> str:
    return counted(first, name) if second == 0 else f"{counted(first, name)} {counted(second, other)}"


def listed(words: list[str] | tuple[str, ...]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
