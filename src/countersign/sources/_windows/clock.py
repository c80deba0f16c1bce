"""The time of a Windows record, to microseconds in UTC.

EVTX states UTC. Collectors that write flat JSON often state local time without its zone (`EventTime`) beside
a UTC stamp of their own: the difference, rounded to a quarter of an hour, is the zone's offset, whatever the
record's delay below seven and a half minutes. Without any UTC stamp the workspace's zone is assumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from countersign.model.batch import EPOCH, microseconds
from countersign.model.columns import Same

NAIVE_EPOCH = EPOCH.replace(tzinfo=None)
SECOND = 1_000_000
QUARTER = 900 * SECOND
"""Every zone in use is a whole number of quarter hours from UTC (tz database)."""
FARTHEST = 14 * 3600 * SECOND
"""No zone is farther from UTC (Pacific/Kiritimati); a greater difference means records read in much later."""


class Stamp(NamedTuple):
    """When: `time` in microseconds since 1970 UTC, `logged` the whole second at which the log wrote the
    record (part of its id), the source's `text`, and the `basis` (see `schema.TIME_BASES`)."""

    time: int | None
    logged: int | None
    text: str | None
    basis: str


class Stamps(NamedTuple):
    """Many stamps, turned on their side."""

    times: Sequence[int]
    logged: Sequence[int]
    texts: Sequence[str]
    bases: Sequence[str]


RENDERED_CHARS = 27
"""EVTX renders six digits of a second."""


@lru_cache(maxsize=16_384)
def _second(text: str) -> int | None:
    """Seconds since 1970 of `2022-02-05T22:17:46`, taken as UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is not None:
        return None
    since = moment - NAIVE_EPOCH  # aware times are subtracted at a third of the speed
    return since.days * 86_400 + since.seconds


def instant(text: object) -> tuple[int, bool] | None:
    """Microseconds of an ISO 8601 text, and whether it states its zone; without one it is read as UTC.

    Digits below the microsecond are cut off.
    """
    if not isinstance(text, str):
        return None
    second = _second(text[:19])
    if second is None:
        return _unusual(text)
    rest = text[19:]
    stated = rest[-1:] == "Z"
    digits = rest[1:-1] if stated else rest[1:]
    if not rest or rest == "Z":
        return second * SECOND, stated
    if rest[0] == "." and digits.isdecimal() and digits.isascii():
        return second * SECOND + int(digits[:6].ljust(6, "0")), stated
    return _unusual(text)


@lru_cache(maxsize=1024)
def _unusual(text: str) -> tuple[int, bool] | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    stated = moment.tzinfo is not None
    try:
        return microseconds(moment if stated else moment.replace(tzinfo=UTC)), stated
    except OverflowError:
        return None


def stated(text: object) -> Stamp:
    """The stamp of a time that is UTC by definition, whether it says so or not."""
    moment = instant(text)
    if moment is None:
        return Stamp(None, None, text if isinstance(text, str) else None, "undated")
    return Stamp(moment[0], moment[0] // SECOND, str(text), "stated")


def stated_many(texts: Sequence[str]) -> Stamps:
    """The stamps of many times that are UTC by definition; raises `TypeError` or `ValueError` where one of them
    is not written as EVTX renders time, `2022-02-05T22:17:46.551557Z`."""
    whole, count, chars = "".join(texts), len(texts), RENDERED_CHARS
    digits = "".join([whole[place::chars] for place in range(20, chars - 1)])
    if (
        set(map(len, texts)) != {chars}
        or whole[19::chars] != "." * count
        or whole[chars - 1 :: chars] != "Z" * count
        or not digits.isdecimal()
        or not digits.isascii()
    ):
        raise ValueError
    seconds = [_second(text[:19]) for text in texts]
    if None in seconds:
        raise ValueError
    times = [
        second * SECOND + int(text[20:26])
        for second, text in zip(seconds, texts, strict=True)
        if second is not None
    ]
    return Stamps(times, [time // SECOND for time in times], texts, Same("stated", count))


def offset(utc: tuple[int, bool] | None, local: tuple[int, bool] | None) -> int | None:
    """How far `local` is behind UTC, in microseconds; None where the two cannot belong together."""
    if utc is None or local is None:
        return None
    quarters = (utc[0] - local[0] + QUARTER // 2) // QUARTER * QUARTER
    return quarters if abs(quarters) <= FARTHEST else None


class Zone:
    """The zone assumed for local times without any UTC stamp."""

    def __init__(self, name: str) -> None:
        self._zone = _zone(name)

    def utc(self, local: int) -> int | None:
        """UTC of a local time given as microseconds since 1970; of a doubled hour the first."""
        if self._zone is UTC:
            return local
        try:
            naive = NAIVE_EPOCH + timedelta(microseconds=local)
            return microseconds(naive.replace(tzinfo=self._zone))
        except OverflowError:
            return None


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise RuntimeError(
            f"{name!r} is no IANA zone; a workspace's zone is checked where it is read"
        ) from error
