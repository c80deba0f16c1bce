"""Clock texts to microseconds in UTC: missing years, missing zones, and daylight-saving gaps, on purpose.

A year that the source left out (RFC 3164) is the latest one in which the moment is not later than the file's
modification time plus a day; 29 February takes the latest leap year under the same rule. A zone that the source
left out is the workspace's. A local time that happens twice (clocks put back) is the earlier one, a local time
that never happens (clocks put forward) is read with the offset before the change: both are Python's `fold=0`.
A leap second (:60) is the first second of the next minute. Whatever is no date at all has no time.

References: RFC 3164 section 4.1.2, RFC 3339, RFC 5424 section 6.2.3, PEP 495.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from countersign.model.batch import EPOCH, ParseContext, microseconds

MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1
    )
}
GRACE = timedelta(days=1)
"""Clocks run ahead, and zones are assumed wrongly by up to 14 hours."""
_EASTMOST = timedelta(hours=14)
"""Where the year begins first."""
UTC_NAMES = frozenset({"UTC", "GMT", "Z", "utc"})
"""The only zone abbreviations that mean one offset everywhere; the others are as good as none."""
_CACHED_MINUTES = 10_000
_SECOND = 1_000_000


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise RuntimeError(
            f"{name!r} is no IANA zone; a workspace's zone is checked where it is read"
        ) from error


class Clock:
    """Reads the clock texts of one segment; keeps no state that changes a result."""

    def __init__(self, context: ParseContext) -> None:
        self._zone = _zone(context.zone)
        self._limit = microseconds(context.received + GRACE)
        self._last_year = (context.received + GRACE + _EASTMOST).year
        self._minutes: dict[str, int | None] = {}

    def yearless(self, minute: str, second: int) -> int | None:
        """Microseconds of a time without a year; `minute` is like `Feb 12 14:10`, as the source wrote it."""
        known = self._minutes.get(minute, 0)
        if known == 0:
            known = self._latest(minute, 0)
            if len(self._minutes) >= _CACHED_MINUTES:
                self._minutes.clear()
            self._minutes[minute] = known
        if known is None or not 0 <= second <= 60:
            return None
        moment = known + second * _SECOND
        return moment if moment <= self._limit else self._latest(minute, second)

    def _latest(self, minute: str, second: int) -> int | None:
        try:
            month, day, clock = minute.split()
            number, hour, minutes = MONTHS[month], int(clock[:2]), int(clock[3:5])
            date = int(day)
        except (ValueError, KeyError):
            return None
        for year in range(self._last_year, self._last_year - 10, -1):  # 1896 to 1904 had no leap year
            moment = self.local(year, number, date, hour, minutes, second)
            if moment is not None and moment <= self._limit:
                return moment
        return None

    def local(
        self, year: int, month: int, day: int, hour: int, minute: int, second: int, *, utc: bool = False
    ) -> int | None:
        """Microseconds of a time in the assumed zone, or in UTC; None if there is no such date."""
        start = _minute(UTC if utc else self._zone, year, month, day, hour, minute)
        return start + second * _SECOND if start is not None and 0 <= second <= 60 else None

    def iso(self, text: str) -> tuple[int | None, str]:
        """Microseconds and basis of an ISO 8601 time, with `T` or a space, with or without an offset."""
        leap = 0
        if text[17:19] == "60":
            text, leap = f"{text[:17]}59{text[19:]}", _SECOND
        try:
            moment = datetime.fromisoformat(text)
            basis = "stated"
            if moment.tzinfo is None:
                moment, basis = moment.replace(tzinfo=self._zone), "zone"
            delta = moment - EPOCH
        except (ValueError, OverflowError):
            return None, "undated"
        return (delta.days * 86_400 + delta.seconds) * _SECOND + delta.microseconds + leap, basis


@lru_cache(maxsize=_CACHED_MINUTES)
def _minute(zone: tzinfo, year: int, month: int, day: int, hour: int, minute: int) -> int | None:
    try:
        moment = datetime(year, month, day, hour, minute, tzinfo=zone)
        return microseconds(moment.astimezone(UTC))
    except (ValueError, OverflowError):
        return None


def epoch_microseconds(text: str) -> int | None:
    """Microseconds of seconds since 1970 written as a decimal, exactly and without a float between."""
    if len(text) == 17 and text[10] == ".":  # as Zeek writes it
        digits = text[:10] + text[11:]
        return int(digits) if digits.isdecimal() and digits.isascii() else None
    whole, _, part = text.partition(".")
    if not whole.isdecimal() or len(whole) > 11 or not whole.isascii():
        return None
    if not part:
        return int(whole) * _SECOND
    digits = part[:6].ljust(6, "0")
    return int(whole) * _SECOND + int(digits) if digits.isdecimal() and digits.isascii() else None
