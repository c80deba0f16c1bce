"""When a record says it was: declared per family, read for many records at once.

`iso`, `epoch` and `written` each name the fields a time stands in; a family may give several, the first that a record
has counts. Each gives the time in microseconds since 1970 UTC, the source's own text, and its basis (`schema.TIME_BASES`).

References: ISO 8601, RFC 3339, PEP 495; for order and 12-hour clocks the Unicode CLDR date patterns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, Literal

import pyarrow as pa

from countersign.model.batch import EPOCH
from countersign.model.columns import Same, Values, kinds_of
from countersign.sources._clock import MONTHS, Clock
from countersign.sources._convert import text

Stamp = tuple[int | None, str | None, str]
Reader = Callable[[Sequence[Any], Clock], Stamp]
"""The values of a time's fields, and the clock that knows the zone, to a stamp."""
Order = Literal["dmy", "mdy", "ymd"]
NO_STAMP: Stamp = (None, None, "undated")
_SECOND = 1_000_000
_FACTORS = ((11, _SECOND), (14, 1000), (17, 1))
"""Whole numbers since 1970 with fewer digits than these are seconds, milliseconds, microseconds; else nanoseconds."""
_TOO_MANY = 10**20
_NUMBER = re.compile(r"(\d{1,20})(?:\.(\d{1,9})\d{0,9})?")
_PARTS = re.compile(
    r"(\d{1,4})[-/. ](\d{1,2}|[A-Za-z]{3,9})\.?[-/. ],? ?(\d{1,4}),?[T ]{1,3}"
    r"(\d{1,2})[:.](\d\d)(?:[:.](\d\d))?(?:[.,](\d{1,9}))?\s?([AaPp]\.?\s?[Mm]\.?)?\s?"
    r"(Z|UTC|GMT|[+-]\d\d:?\d\d)?"
)
_NAMED_FIRST = re.compile(r"([A-Za-z]{3,9})\.? (\d{1,2}),? (\d{4})")
_UTC = frozenset({"Z", "UTC", "GMT"})
_LONGEST = 64


@dataclass(frozen=True, slots=True)
class Time:
    """One place where a time stands: `paths` are the fields that `read` needs, the first of which must be there.

    `read_all` reads the first field of many records at once, where every one of them states its moment, as `read` would:
    moments and texts.
    """

    paths: tuple[str, ...]
    read: Reader
    read_all: Callable[[Values], tuple[list[int], Values] | None] = lambda _: None


def iso(path: str, *, zone: str | None = None) -> Time:
    """ISO 8601 with `T` or a space; without an offset it is in UTC where `zone` is `UTC`, else in the workspace's zone."""
    return Time((path,), _iso_utc, _all_utc) if zone == "UTC" else Time((path,), _iso, _all_stated)


def epoch(path: str, unit: Literal["s", "ms", "us", "ns", "digits"] = "digits") -> Time:
    """Since 1970 in UTC; `digits` tells the unit by the number of digits."""
    factor = {"s": _SECOND, "ms": 1000, "us": 1, "ns": -1000, "digits": 0}[unit]
    return Time((path,), lambda values, _: _since_1970(values[0], factor), partial(_all_since_1970, factor))


def written(*paths: str, order: Order, zone: str | None = None, offset: str = "") -> Time:
    """A date as people write it (`21/11/2026, 3:07:09 PM`, `11/21/26,15:07:09`, `21.11.2026 15:07`), in one field or
    in a field each for date and time. It is in `zone` if that is `UTC`, in the offset that the field `offset` holds, else in
    the workspace's zone."""
    count = len(paths)

    def read(values: Sequence[Any], clock: Clock) -> Stamp:
        words = [word for value in values[:count] if (word := text(value))]
        aside = text(values[count]) if offset else None
        return on_paper(" ".join(words), order, clock, "UTC" if zone == "UTC" else aside or "")

    return Time((*paths, offset) if offset else paths, read)


def stamps(
    times: Sequence[Time], get: Callable[[str], Values | None], count: int, clock: Clock
) -> tuple[Values, Values, Values]:
    """Times, texts and bases of records whose values `get` knows."""
    found: list[Stamp] | None = None
    for time in times:
        columns = [get(path) for path in time.paths]
        if columns[0] is None:
            continue
        at_once = time.read_all(columns[0]) if found is None and count >= _MANY else None
        if at_once is not None:
            return *at_once, Same("stated", count)
        rows = zip(*(column or (None,) * count for column in columns), strict=True)
        now = [time.read(row, clock) for row in rows]
        found = (
            now if found is None else [a if a[0] is not None else b for a, b in zip(found, now, strict=True)]
        )
        if all(stamp[0] is not None for stamp in found):
            break
    if found is None:
        return [None] * count, [None] * count, ["undated"] * count
    return [each[0] for each in found], [each[1] for each in found], [each[2] for each in found]


_MANY = 32
"""So many are read sooner by Arrow than one by one."""


def _all_stated(values: Values) -> tuple[list[int], Values] | None:
    """ISO 8601 with offsets; None where there is one that Arrow does not take. What it takes it reads as Python does."""
    try:
        read = pa.array(values, pa.string()).cast(_NANOSECONDS)
    except (ValueError, TypeError):
        return None
    if read.null_count:
        return None
    return (read.view(pa.int64()).to_numpy() // 1000).tolist(), values


def _all_utc(values: Values) -> tuple[list[int], Values] | None:
    """The same, or all without an offset."""
    found = _all_stated(values)
    if found is None and kinds_of(values) == {str}:
        found = _all_stated([f"{value}Z" for value in values])
    return None if found is None else (found[0], values)


def _all_since_1970(factor: int, values: Values) -> tuple[list[int], Values] | None:
    """Whole numbers, and seconds with fractions."""
    kinds = kinds_of(values)
    if kinds == {int} and min(values) >= 0 and max(values) < _TOO_MANY:
        texts = list(map(str, values))
        found = {factor or _factor(digits) for digits in set(map(len, texts))}
        one = found.pop()
        if not found:
            return [value * one for value in values] if one > 0 else [
                value // -one for value in values
            ], texts
    elif kinds == {float} and factor == _SECOND and all(1 <= value < _ALL_DIGITS for value in values):
        texts = list(map(str, values))
        parts = [text.partition(".") for text in texts]
        return [int(whole) * _SECOND + int(part[:6].ljust(6, "0")) for whole, _, part in parts], texts
    return None


_ALL_DIGITS = 10**15
"""A smaller float is written without an exponent."""
_NANOSECONDS = pa.timestamp("ns", "UTC")


def _iso(values: Sequence[Any], clock: Clock) -> Stamp:
    value = values[0]
    if type(value) is not str or len(value) > _LONGEST:
        return NO_STAMP
    if "/" in value[:5]:  # a year has four digits
        return None, value, "undated"
    moment = _stated(value)
    if moment is not None:
        return moment, value, "stated"
    time, basis = clock.iso(value.strip())
    return (time, value, basis) if time is not None else (None, value, "undated")


def _iso_utc(values: Sequence[Any], clock: Clock) -> Stamp:
    value = values[0]
    if type(value) is str and len(value) <= _LONGEST and "/" not in value[:5]:
        moment = _stated(value) or _stated(value.strip() + "Z")
        if moment is not None:
            return moment, value, "stated"
    return _iso(values, clock)


@lru_cache(maxsize=65_536)
def _stated(value: str) -> int | None:
    """Microseconds of a time that states its offset."""
    try:
        moment = datetime.fromisoformat(_six_digits(value) if len(value) > _SIX_DIGITS else value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * _SECOND + since.microseconds


_SIX_DIGITS = len("2026-11-21T10:00:00.123456Z")


def _six_digits(value: str) -> str:
    """Python reads any number of digits of a second but wants `+00:00` after a blank to be gone."""
    return value.replace(" +", "+").replace(" Z", "Z").replace(" UTC", "Z")


def _since_1970(value: Any, factor: int) -> Stamp:  # noqa: ANN401  # foreign
    if type(value) is int and 0 <= value < _TOO_MANY:
        words = str(value)
        factor = factor or _factor(len(words))
        return value * factor if factor > 0 else value // -factor, words, "stated"
    return _since_1970_in_words(text(value), factor)


def _since_1970_in_words(words: str | None, factor: int) -> Stamp:
    match = _NUMBER.fullmatch(words) if words is not None and len(words) <= _LONGEST else None
    if match is None or words is None:
        return None, words, "undated"
    whole, digits = int(match[1]), len(match[1])
    factor = factor or _factor(digits)
    if factor < 0:
        return whole // -factor, words, "stated"
    fraction = int((match[2] or "").ljust(9, "0")) * factor // 1_000_000_000 if match[2] else 0
    return whole * factor + fraction, words, "stated"


def _factor(digits: int) -> int:
    return next((factor for below, factor in _FACTORS if digits < below), -1000)


def on_paper(words: str, order: Order, clock: Clock, offset: str = "") -> Stamp:
    """A date as people write it; `offset` is `UTC`, an offset such as `+0100`, or empty."""
    if not words or len(words) > _LONGEST:
        return NO_STAMP if not words else (None, words, "undated")
    half = words[-3:] if words[-3:] in _HALVES else ""
    until = words[:-3] if half else words
    whole, _, fraction = until.rpartition(".")
    if not (fraction.isdecimal() and fraction.isascii() and len(fraction) < 10 and whole):
        whole, fraction = until, ""
    second = whole[-2:]
    if whole[-3:-2] == ":" == whole[-6:-5] and second.isdecimal() and second.isascii() and second < "60":
        start, _, basis = _minute(whole[:-2], half, order, clock, offset)
        fine = int(fraction.ljust(6, "0")[:6]) if fraction else 0
        return None if start is None else start + int(second) * _SECOND + fine, words, basis
    return _any_time(words, order, clock, offset)


_HALVES = frozenset({" AM", " PM"})


@lru_cache(maxsize=4096)
def _minute(start: str, half: str, order: Order, clock: Clock, offset: str) -> Stamp:
    """The full minute that this begins: records that follow each other share it."""
    return _any_time(f"{start}00{half}", order, clock, offset)


def _any_time(words: str, order: Order, clock: Clock, offset: str) -> Stamp:
    normal = words.replace("\u202f", " ")
    if normal.upper() != normal.lower():
        normal = _NAMED_FIRST.sub(r"\2 \1 \3", normal)
    match = _PARTS.fullmatch(normal)
    date = _date(match[1], match[2], match[3], order) if match else None
    if match is None or date is None:
        return None, words, "undated"
    hour = _hour(int(match[4]), (match[8] or "").lower())
    if hour is None:
        return None, words, "undated"
    stated = match[9] or offset
    fraction = int((match[7] or "").ljust(6, "0")[:6])
    utc = stated in _UTC
    time = clock.local(*date, hour, int(match[5]), int(match[6] or 0), utc=utc or _shift(stated) is not None)
    if time is None:
        return None, words, "undated"
    shift = 0 if utc else _shift(stated)
    return time + fraction - (shift or 0), words, "stated" if utc or shift is not None else "zone"


def _date(first: str, second: str, third: str, order: Order) -> tuple[int, int, int] | None:
    if not second.isdecimal():  # a month by its name says the order by itself
        month = MONTHS.get(second[:3].title())
        day, year = (third, first) if len(first) == 4 else (first, third)
    elif len(first) == 4 or order == "ymd":
        year, month, day = first, int(second), third
    elif order == "mdy":
        month, day, year = int(first), second, third
    else:
        day, month, year = first, int(second), third
    if month is None or len(day) > 2 or len(year) == 3:
        return None
    return (int(year) if len(year) == 4 else 2000 + int(year)), month, int(day)


def _hour(hour: int, half: str) -> int | None:
    """Hours of a 12-hour clock: 12 AM is midnight, 12 PM is noon."""
    if not half:
        return hour
    if not 1 <= hour <= 12:
        return None
    return hour % 12 + (12 if half[0] == "p" else 0)


@lru_cache(maxsize=256)
def _shift(offset: str) -> int | None:
    """Microseconds east of UTC; None if it is no offset."""
    digits = offset[1:].replace(":", "")
    if offset[:1] not in {"+", "-"} or len(digits) != 4 or not digits.isdecimal():
        return None
    seconds = (int(digits[:2]) * 60 + int(digits[2:])) * 60
    return (-seconds if offset[0] == "-" else seconds) * _SECOND
