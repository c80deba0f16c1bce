"""Times as the products write them, quickly: tables of days and of the seconds of a day."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = 86_400
SECOND = 1_000_000
CLOCK: list[bytes] = []
"""`09:00:00` of each second of a day, filled on first use."""


def fill() -> None:
    """Makes the table of clock times."""
    if not CLOCK:
        CLOCK.extend(b"%02d:%02d:%02d" % (s // 3600, s // 60 % 60, s % 60) for s in range(DAY))


@lru_cache(maxsize=1024)
def _date(day: int) -> bytes:
    return datetime.fromtimestamp(day * DAY, UTC).strftime("%Y-%m-%d").encode()


@lru_cache(maxsize=1024)
def _syslog_date(day: int) -> bytes:
    moment = datetime.fromtimestamp(day * DAY, UTC)
    return f"{moment:%b} {moment.day:2d}".encode()


@lru_cache(maxsize=65_536)
def _offset(hour: int, zone: ZoneInfo) -> int:
    delta = datetime.fromtimestamp(hour * 3600, UTC).astimezone(zone).utcoffset()
    return 0 if delta is None else int(delta.total_seconds())


def offset(moment: int, zone: ZoneInfo) -> int:
    """Seconds by which a zone is ahead of UTC at a moment."""
    return _offset(moment // (3600 * SECOND), zone)


def micro(moment: int) -> bytes:
    """`2026-03-02T09:00:00.123456Z`."""
    seconds, rest = divmod(moment, SECOND)
    day, clock = divmod(seconds, DAY)
    return b"%bT%b.%06dZ" % (_date(day), CLOCK[clock], rest)


def milli(moment: int) -> bytes:
    """`2026-03-02T09:00:00.123Z`."""
    seconds, rest = divmod(moment, SECOND)
    day, clock = divmod(seconds, DAY)
    return b"%bT%b.%03dZ" % (_date(day), CLOCK[clock], rest // 1000)


def sysmon(moment: int) -> bytes:
    """`2026-03-02 09:00:00.123`, UTC."""
    seconds, rest = divmod(moment, SECOND)
    day, clock = divmod(seconds, DAY)
    return b"%b %b.%03d" % (_date(day), CLOCK[clock], rest // 1000)


def seconds_utc(moment: int) -> bytes:
    """`2026-03-02T09:00:00Z`."""
    day, clock = divmod(moment // SECOND, DAY)
    return b"%bT%bZ" % (_date(day), CLOCK[clock])


def local(moment: int, zone: ZoneInfo) -> bytes:
    """`2026-03-02 09:00:00` in a zone that is not said."""
    day, clock = divmod(moment // SECOND + offset(moment, zone), DAY)
    return b"%b %b" % (_date(day), CLOCK[clock])


def syslog(moment: int, zone: ZoneInfo) -> bytes:
    """`Mar  2 09:00:00` in a zone that is not said (RFC 3164, 4.1.2)."""
    day, clock = divmod(moment // SECOND + offset(moment, zone), DAY)
    return b"%b %b" % (_syslog_date(day), CLOCK[clock])


def asa(moment: int, zone: ZoneInfo) -> bytes:
    """`Mar 02 2026 09:00:00` in a zone that is not said."""
    day, clock = divmod(moment // SECOND + offset(moment, zone), DAY)
    date = _date(day)
    return b"%b %b %b %b" % (_syslog_date(day)[:3], date[8:10], date[:4], CLOCK[clock])


def zeek(moment: int) -> bytes:
    """`1772442000.123456`."""
    return b"%d.%06d" % divmod(moment, SECOND)
