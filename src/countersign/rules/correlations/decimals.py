"""Exact numbers out of log text, and exact comparisons of sums, averages and percentiles with a rule's threshold.

Values are whole numbers of their smallest decimal place, so that no result depends on the order of additions. Arrays are
int64 where everything fits, else of Python's integers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import eq, ge, gt, le, lt, ne
from typing import Any

import numpy as np
import numpy.typing as npt

from countersign.rules.correlations.definition import Operator

Exact = npt.NDArray[Any]
MOST = 1 << 62
"""Below it two int64 may be added without care."""
MOST_DIGITS = 30
MOST_PLACES = 15
_NUMBER = re.compile(rf"([+-]?)([0-9]{{1,{MOST_DIGITS}}})(?:\.([0-9]{{1,{MOST_PLACES}}}))?")
_HEX = re.compile(r"0[xX]([0-9a-fA-F]{1,16})")
_OPERATORS: Mapping[Operator, Callable[[Any, Any], Any]] = {
    "lt": lt,
    "lte": le,
    "gt": gt,
    "gte": ge,
    "eq": eq,
    "neq": ne,
}


@dataclass(frozen=True, slots=True)
class Decimals:
    """`values` are in units of 10 to the power of minus `places`; `known` says which texts were numbers."""

    values: Exact
    known: npt.NDArray[np.bool_]
    places: int


def decimals(texts: Sequence[str]) -> Decimals:
    """The numbers that texts state, in decimal or 0x hexadecimal."""
    read = [_read(text) for text in texts]
    places = max((one[1] for one in read if one is not None), default=0)
    values = [0 if one is None else one[0] * 10 ** (places - one[1]) for one in read]
    known = np.array([one is not None for one in read], dtype=bool)
    return Decimals(_exact(values), known, places)


def _read(text: str) -> tuple[int, int] | None:
    """A number as a whole one and how many of its digits are decimal places."""
    text = text.strip()
    found = _NUMBER.fullmatch(text)
    if found is not None:
        sign, whole, part = found[1], found[2], (found[3] or "").rstrip("0")
        return int(f"{sign}{whole}{part}"), len(part)
    found = _HEX.fullmatch(text)
    return None if found is None else (int(found[1], 16), 0)


def _exact(values: list[int]) -> Exact:
    fits = all(-MOST < value < MOST for value in values)
    return np.array(values, dtype=np.int64 if fits else object)


def times(values: Exact, factor: int | Exact) -> Exact:
    """The product, in Python's integers where it could leave int64."""
    if biggest(values) * (biggest(factor) if isinstance(factor, np.ndarray) else abs(factor)) < MOST:
        return np.asarray(values * factor)
    return np.asarray(values.astype(object) * factor)


def biggest(values: Exact) -> int:
    """The greatest magnitude."""
    return max(abs(int(values.max())), abs(int(values.min()))) if len(values) else 0


def addable(values: Exact) -> Exact:
    """The same values, such that all of them together can be added."""
    return values if biggest(values) * len(values) < MOST else values.astype(object)


def holds(
    above: Exact, below: int | Exact, conditions: Iterable[tuple[Operator, int | float]]
) -> npt.NDArray[np.bool_]:
    """For each whether `above` / `below` meets all conditions; `below` is positive."""
    result = np.ones(len(above), dtype=bool)
    units = below if isinstance(below, np.ndarray) else np.full(len(above), below, dtype=_kind(below))
    for name, count in conditions:
        threshold = Fraction(str(count))
        left, right = times(above, threshold.denominator), times(units, threshold.numerator)
        result &= _OPERATORS[name](left, right).astype(bool)
    return result


def _kind(value: int) -> type:
    return np.int64 if value < MOST else object
