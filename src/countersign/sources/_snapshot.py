"""Snapshots: exports that say how things stood, without a time of their own. Theirs is the file's.

Dates in them are turned into UTC under names of their own: FILETIME, generalized time and ISO 8601 state it; what people's
locales write is read by the evidence of the whole segment, and by none it stays unread.

References: MS-ADTS 2.2.10 (FILETIME in LDAP attributes), RFC 4517 section 3.3.13 (generalized time).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from countersign.model.batch import ParseContext, microseconds
from countersign.sources._clock import Clock
from countersign.sources._family import Read
from countersign.sources._flat import Row
from countersign.sources._times import Order, on_paper

TAKEN = "snapshot"
"""The field that says when the file was written."""
_FILETIME_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_NEVER = frozenset({"0", "9223372036854775807", "never", ""})
_GENERALIZED = re.compile(r"(\d{14})(?:\.\d{1,6})?Z")
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]")
_PAPER = re.compile(r"(\d{1,2})([./-])(\d{1,2})[./-]\d{2,4}")
Enrich = Callable[[Row, Callable[[object], str | None]], Mapping[str, object]]
"""What a row says in normal form, given a reader of its dates."""


def snapshot(
    read: Iterable[Read], context: ParseContext, enrich: Enrich, dates: Sequence[str]
) -> Iterator[Read]:
    """Rows with their normal form and the time of the file; `dates` are the fields, in lower case, that show the order."""
    found = list(read)
    rows = [row for _, _, row, _ in found if isinstance(row, Mapping)]
    asked = frozenset(dates)
    order = shown_order(row[name] for row in rows for name in _among(tuple(row), asked))
    clock = Clock(context)
    taken = context.received.astimezone(UTC)
    text = taken.isoformat(timespec="seconds").replace("+00:00", "Z")
    frame = {"time": microseconds(taken), "time_text": text, "time_basis": "file"}

    @lru_cache(maxsize=16_384)
    def read_once(value: str) -> str | None:
        return utc(value, order, clock)

    def when(value: object) -> str | None:
        return read_once(value) if type(value) is str else utc(value, order, clock)

    for index, raw, row, _ in found:
        if isinstance(row, Mapping):
            yield index, raw, {**row, **enrich(row, when), TAKEN: text}, frame
        else:
            yield index, raw, row, frame


@lru_cache(maxsize=1024)
def _among(names: tuple[str, ...], asked: frozenset[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name.lower() in asked)


def utc(value: object, order: Order | None, clock: Clock) -> str | None:
    """A date in UTC as ISO 8601, `never` for what means that, None for what cannot be read without guessing."""
    word = str(value).strip().lower() if isinstance(value, (str, int)) else ""
    if word in _NEVER:
        return "never" if value not in (None, "") else None
    if word.isdecimal() and word.isascii() and 17 <= len(word) <= 19:
        return _filetime(int(word))
    if match := _GENERALIZED.fullmatch(word.upper()):
        return f"{match[1][:4]}-{match[1][4:6]}-{match[1][6:8]}T{match[1][8:10]}:{match[1][10:12]}:{match[1][12:]}Z"
    word = str(value).strip()
    if _ISO.match(word):
        time, _ = clock.iso(word)
    else:
        time = on_paper(word, order, clock)[0] if order is not None else None
    if time is None or not 0 <= time < 1 << 52:
        return None
    moment = datetime.fromtimestamp(time // 1_000_000, UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


@lru_cache(maxsize=16_384)
def _filetime(number: int) -> str | None:
    try:
        moment = _FILETIME_EPOCH + timedelta(microseconds=number // 10)
    except OverflowError:
        return None
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def shown_order(values: Iterable[object]) -> Order | None:
    """Whether the day or the month comes first; None where nothing shows it."""
    shown: Order | None = None
    for value in values:
        if not isinstance(value, str):
            continue
        match = _PAPER.match(value)
        if match is None:
            continue
        if match[2] == "." or int(match[1]) > 12:
            return "dmy"
        if int(match[3]) > 12 or value.rstrip()[-2:].upper() in {"AM", "PM"}:
            shown = "mdy"
    return shown


def lowered_names(row: Row) -> dict[str, Any]:
    """A row by its names in lower case: tools write `SamAccountName` and `sAMAccountName`."""
    return dict(zip(_lower(tuple(row)), row.values(), strict=True))


@lru_cache(maxsize=1024)
def _lower(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.lower() for name in names)
