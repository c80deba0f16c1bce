"""Readings of a column of Zeek's values, as TSV or JSON has them, into those of OCSF's columns.

References: https://docs.zeek.org/en/master/script-reference/types.html.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from countersign.model.columns import Values
from countersign.sources._address import address

Reader = Callable[[Values], Sequence[object]]


def texts(values: Values) -> Sequence[object]:
    """Texts that say anything."""
    return [value if type(value) is str and value else None for value in values]


@lru_cache(maxsize=65_536)
def _port(value: object) -> int | None:
    found = number(value)
    return found if found is not None and found <= 65_535 else None


def ports(values: Values) -> Sequence[object]:
    """Ports."""
    return [_port(value) for value in values]


def number(value: object) -> int | None:
    """A count, from TSV's text or JSON's number; None beyond 63 bits."""
    if type(value) is str:
        return int(value) if value.isdecimal() and len(value) <= 18 and value.isascii() else None
    if type(value) is int:
        return value if 0 <= value < 1 << 63 else None
    return None


def numbers(values: Values) -> Sequence[object]:
    """Counts."""
    return [number(value) for value in values]


def _duration(value: object) -> int | None:
    """Milliseconds of a duration in seconds."""
    try:
        seconds = float(value) if isinstance(value, str | float | int) else -1.0
    except (ValueError, OverflowError):
        return None
    return round(seconds * 1000) if 0 <= seconds < 1e12 else None


def durations(values: Values) -> Sequence[object]:
    """Milliseconds of durations in seconds."""
    return [None if value is None else _duration(value) for value in values]


_SAID = {"true": 1, "T": 1, "false": 2, "F": 2}


def _status(value: object) -> int:
    if type(value) is bool:
        return 1 if value else 2
    return _SAID.get(value, 0) if type(value) is str else 0


def statuses(values: Values) -> Sequence[object]:
    """OCSF's status of true and false: success, failure, unknown where nothing is said."""
    return [_status(value) for value in values]


def addresses(values: Values) -> Sequence[object]:
    """Addresses in their normal form."""
    return [address(value) if type(value) is str else None for value in values]


def codes(values: Values) -> Sequence[object]:
    """Numbers of answers as text."""
    found = [number(value) for value in values]
    return [None if code is None else str(code) for code in found]


def looked_up(table: Mapping[str, int], other: int) -> Reader:
    """By a table; `other` for what it does not have."""

    def read(values: Values) -> Sequence[object]:
        return [table.get(value, other) if type(value) is str else other for value in values]

    return read
