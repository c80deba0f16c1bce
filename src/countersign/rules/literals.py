"""Many words looked for in many values at once: one automaton over the bytes of an Arrow column.

Values are casefolded and searched where they lie, one after the other in Arrow's buffer; a find that runs over the end of
its value is none. UTF-8 makes the bytes of a word stand only where the word does. The automaton is built whole and
walked in linear time, whatever a log holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import ahocorasick_rs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ids = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

PIECE = 1 << 19
"""Bytes searched at a time: their finds are held at once, some 150 bytes each in Python."""
SCREEN_WORDS = 48
"""So few words are first looked for with the processor's wide registers, which gives one find a place only."""
SCREEN_LETTERS = 3
"""Words shorter than this stand everywhere: a screen for them lets all through."""
SCREEN_BYTES = 1 << 16
"""Less text is searched without a screen."""


class Finds(NamedTuple):
    """One entry a find: the word's place, the value's index, and whether it begins and ends the value."""

    words: Ids
    values: Ids
    first: Mask
    last: Mask


def casefolded(values: pa.Array) -> pa.Array:
    """The values (strings) casefolded, by Unicode's full case folding."""
    lower = pc.ascii_lower(values)
    data, offsets = spans(lower)
    if not len(data) or int(data.max()) < 0x80:
        return lower
    wide = np.flatnonzero(data >= 0x80)
    places = np.unique(np.searchsorted(offsets, wide + int(offsets[0]), side="right") - 1)
    folded = [text.casefold() for text in values.take(pa.array(places)).to_pylist()]
    mask = np.zeros(len(values), dtype=bool)
    mask[places] = True
    return pc.replace_with_mask(lower, pa.array(mask), pa.array(folded, pa.string()))


def spans(values: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """The bytes of an array of strings, and where in its buffer each value begins, and the last ends."""
    _, offsets, data = values.buffers()
    if offsets is None or not len(values):
        return np.empty(0, np.uint8), np.zeros(1, np.int32)
    places = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    if data is None:
        return np.empty(0, np.uint8), places
    return np.frombuffer(data, np.uint8)[places[0] : places[-1]], places


class Literals:
    """Words, each at least one byte long and there once; casefolded."""

    def __init__(self, words: Sequence[bytes]) -> None:
        self._automaton = ahocorasick_rs.BytesAhoCorasick(words) if words else None
        screened = words and len(words) <= SCREEN_WORDS and min(map(len, words)) >= SCREEN_LETTERS
        self._screen = (
            ahocorasick_rs.BytesAhoCorasick(words, matchkind=ahocorasick_rs.MatchKind.LeftmostFirst)
            if screened
            else None
        )

    def find(self, values: pa.Array) -> Finds:
        """Where the words stand in `values` (casefolded strings, none of them null)."""
        if self._automaton is None or not len(values):
            return _NOTHING
        data, offsets = spans(values)
        if self._screen is None or len(data) < SCREEN_BYTES:
            return self._find(data, offsets)
        places = self._screened(data, offsets)
        if not len(places):
            return _NOTHING
        found = self._find(*spans(values.take(pa.array(places))))
        return found._replace(values=places[found.values])

    def _screened(self, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int32]) -> Ids:
        """The values that may hold a word. A find over the border of values hides those that it overlaps, so all
        values that a find touches count."""
        assert self._screen is not None  # noqa: S101  # asked only where there is one
        parts: list[Ids] = []
        for first, last in _pieces(offsets):
            found = self._screen.find_matches_as_indexes(_cut(data, offsets, first, last))
            if found:
                rows = _rows(found)
                touched = np.concatenate([rows[:, 1], rows[:, 2] - 1]) + int(offsets[first])
                parts.append(np.searchsorted(offsets, touched, side="right") - 1)
        return np.unique(np.concatenate(parts)) if parts else _NO_IDS

    def _find(self, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int32]) -> Finds:
        assert self._automaton is not None  # noqa: S101  # asked only where there is one
        parts: list[Finds] = []
        for first, last in _pieces(offsets):
            found = self._automaton.find_matches_as_indexes(
                _cut(data, offsets, first, last), overlapping=True
            )
            if found:
                parts.append(_finds(_rows(found), offsets, int(offsets[first])))
        if len(parts) == 1:
            return parts[0]
        return Finds(*map(np.concatenate, zip(*parts, strict=True))) if parts else _NOTHING


_NO_IDS: Ids = np.empty(0, dtype=np.int64)
_NOTHING = Finds(_NO_IDS, _NO_IDS, np.empty(0, dtype=bool), np.empty(0, dtype=bool))


def _pieces(offsets: npt.NDArray[np.int32]) -> list[tuple[int, int]]:
    """Runs of whole values of some `PIECE` bytes, as (first, last + 1)."""
    size = len(offsets) - 1
    found = []
    first = 0
    while first < size:
        last = int(np.searchsorted(offsets, int(offsets[first]) + PIECE, side="right")) - 1
        last = min(max(last, first + 1), size)
        found.append((first, last))
        first = last
    return found


def _cut(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int32], first: int, last: int) -> memoryview:
    return data[offsets[first] - offsets[0] : offsets[last] - offsets[0]].data


def _rows(found: Sequence[tuple[int, int, int]]) -> Ids:
    return np.fromiter(chain.from_iterable(found), np.int64, 3 * len(found)).reshape(-1, 3)


def _finds(rows: Ids, offsets: npt.NDArray[np.int32], begin: int) -> Finds:
    starts, ends = rows[:, 1] + begin, rows[:, 2] + begin
    values = np.searchsorted(offsets, starts, side="right") - 1
    whole = ends <= offsets[values + 1]
    if not whole.all():
        rows, starts, ends, values = rows[whole], starts[whole], ends[whole], values[whole]
    return Finds(rows[:, 0], values, offsets[values] == starts, offsets[values + 1] == ends)
