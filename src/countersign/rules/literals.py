"""Many words looked for in many values at once: one automaton over the bytes of an Arrow column.

Values are casefolded and searched where they lie, one after the other in Arrow's buffer; a find that runs over the end of
its value is none. UTF-8 makes the bytes of a word stand only where the word does. The automaton is built whole and
walked in linear time, whatever a log holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

import ahocorasick_rs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ids = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

PIECE = 1 << 19
"""Bytes searched at a time: their finds are held at once, some 150 bytes each in Python."""
MANY = 1 << 15
"""Finds in one piece from which on those that are the same are made one."""
SCREEN_WORDS = 48
"""So many words at a time are first looked for with the processor's wide registers, at some GB/s; that gives one find a place
only, so the values with finds are then searched for all."""
SCREENS = 4
"""More words are searched for at once without screens, which is then no slower."""
SCREEN_LETTERS = 3
"""Words shorter than this stand everywhere: a screen for them lets all through."""
SCREEN_BYTES = 1 << 11
"""Less text is searched without a screen."""
TABLE_BYTES = 3 << 13
"""Words of so many bytes in all get an automaton with a transition for every byte: some 10 MB, made in some 20 ms, and up
to twice as fast. By itself the library makes one for a hundred words at most."""
ROUGH = 0x20
"""The bit by which ASCII's small letters differ from the great: with it set in text and words alike, letters are alike."""
FOLDING = (0xC39F, 0xC4B0, 0xC589, 0xC5BF, 0xC7B0, 0xE1BA, 0xE284, 0xEFAC)
"""The first two bytes, in UTF-8, of the other letters that casefolding turns into letters of ASCII: the sharp s, the Kelvin
sign, ligatures and their like."""
_FILL = tuple(bytes([byte]) * 8 for byte in range(0xF8, 0xFC))
"""Words that UTF-8 cannot hold. With these among its words no three bytes are enough for the library to look for instead: it
would do so, and be slow wherever these are frequent."""


class Finds(NamedTuple):
    """One entry a find: the word's place, the value's index, and whether it begins and ends the value."""

    words: Ids
    values: Ids
    first: Mask
    last: Mask


def casefolded(values: pa.Array) -> pa.Array:
    """The values (strings, none of them null) casefolded, by Unicode's full case folding."""
    lower = pc.ascii_lower(values)
    data, offsets = spans(lower)
    if not len(data) or int(data.max()) < 0x80:
        return lower
    wide = np.flatnonzero(data >= 0x80)
    places = np.unique(_holding(offsets, wide + offsets[0]))
    folded = [text.casefold() for text in values.take(pa.array(places)).to_pylist()]
    patched = _patched(lower, places, [text.encode() for text in folded])
    if patched is not None:
        return patched
    mask = np.zeros(len(values), dtype=bool)
    mask[places] = True
    return pc.replace_with_mask(lower, pa.array(mask), pa.array(folded, pa.string()))


def _patched(array: pa.Array, places: Ids, values: Sequence[bytes]) -> pa.Array | None:
    """The array with other values at `places`, if each is as long as the old one: only its bytes are copied then."""
    data, offsets = spans(array)
    starts = offsets[places] - offsets[0]
    lengths = offsets[places + 1] - offsets[places]
    if any(len(value) != length for value, length in zip(values, lengths.tolist(), strict=True)):
        return None
    copy = data.copy()
    for start, value in zip(starts.tolist(), values, strict=True):
        copy[start : start + len(value)] = np.frombuffer(value, np.uint8)
    return pa.StringArray.from_buffers(len(array), pa.py_buffer(offsets - offsets[0]), pa.py_buffer(copy))


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
        self._letters = [(place, word[0]) for place, word in enumerate(words) if len(word) == 1]
        longer = [(place, word) for place, word in enumerate(words) if len(word) > 1]
        self._places = np.array([place for place, _ in longer], dtype=np.int64)
        longer_words = [word for _, word in longer]
        self._automaton = _automaton(longer_words) if longer else None
        self._screens: list[Any] = []
        self._ascii = all(word.isascii() for word in words)
        few = len(words) <= SCREEN_WORDS * SCREENS and not self._letters
        if longer and few and min(map(len, longer_words)) >= SCREEN_LETTERS:
            rough = list(dict.fromkeys(bytes(byte | ROUGH for byte in word) for word in longer_words))
            self._screens = [
                ahocorasick_rs.BytesAhoCorasick(
                    [*rough[start : start + SCREEN_WORDS], *_FILL],
                    matchkind=ahocorasick_rs.MatchKind.LeftmostFirst,
                )
                for start in range(0, len(rough), SCREEN_WORDS)
            ]

    @property
    def is_screened(self) -> bool:
        """Whether the words are first looked for roughly."""
        return bool(self._screens)

    def find(self, values: pa.Array) -> Finds:
        """Where the words stand in `values` (casefolded strings, none of them null)."""
        if not len(values):
            return _NOTHING
        places = self.screened(values)
        if places is None:
            spanned = spans(values)
            return _joined([*self._found(*spanned), *self._single(*spanned)])
        if not len(places):
            return _NOTHING
        found = _joined(list(self._found(*spans(values.take(pa.array(places))))))
        return found._replace(values=places[found.values])

    def screened(self, values: pa.Array) -> Ids | None:
        """Those of `values` (strings, as they are; some may be null) that may hold a word once they are casefolded. None
        where it is not worth while to find out."""
        data, offsets = spans(values)
        if not self._screens or len(data) < SCREEN_BYTES:
            return None
        parts = [*self._touched(data, offsets)]
        places = np.unique(np.concatenate(parts)) if parts else _NO_IDS
        if values.null_count and len(places):
            places = places[values.is_valid().to_numpy(zero_copy_only=False)[places]]
        return places

    def _changing(self, data: npt.NDArray[np.uint8]) -> Ids:
        """Where letters stand that casefolding may make a part of a word."""
        wide = np.flatnonzero(data >= 0x80)
        if not self._ascii:
            return wide
        pairs = data[wide].astype(np.int32) << 8
        pairs[:-1] |= data[wide[:-1] + 1]  # the very last byte begins no letter
        return wide[np.isin(pairs, FOLDING)]

    def _single(self, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int32]) -> Iterator[Finds]:
        """Words of one byte stand in nearly every value: numpy finds them without an object for each."""
        for first, last in _pieces(offsets) if self._letters else ():
            piece = np.frombuffer(_cut(data, offsets, first, last), np.uint8)
            for place, letter in self._letters:
                at = np.flatnonzero(piece == letter)
                rows = np.stack([np.full(len(at), place), at, at + 1], axis=1)
                yield _finds(rows, offsets, int(offsets[first]))

    def _touched(
        self, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int32]
    ) -> Iterator[npt.NDArray[np.int64]]:
        """The values that a screen's finds touch, those between the first and the last as well: over the border of values a
        find hides those that it overlaps. And those with letters that casefolding may make a part of a word."""
        room = np.empty(2 * PIECE, np.uint8)  # used again for each piece, so that it stays near the processor
        for first, last in _pieces(offsets):
            begin = int(offsets[first])
            piece = np.frombuffer(_cut(data, offsets, first, last), np.uint8)
            rough = room[: len(piece)] if len(piece) <= len(room) else np.empty(len(piece), np.uint8)
            np.bitwise_or(piece, np.uint8(ROUGH), out=rough)
            for screen in self._screens:
                found = screen.find_matches_as_indexes(rough.data)
                if found:
                    rows = _rows(found) + begin
                    one = _holding(offsets, rows[:, 1])
                    other = _holding(offsets, rows[:, 2] - 1)
                    yield one
                    for apart in np.flatnonzero(other > one).tolist():
                        yield np.arange(one[apart] + 1, other[apart] + 1)
            if len(piece) and int(piece.max()) >= 0x80:
                yield _holding(offsets, self._changing(piece) + begin)

    def _found(self, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int32]) -> Iterator[Finds]:
        if self._automaton is None:
            return
        for first, last in _pieces(offsets):
            found = self._automaton.find_matches_as_indexes(
                _cut(data, offsets, first, last), overlapping=True
            )
            if found:
                rows = _rows(found)
                rows[:, 0] = self._places[rows[:, 0]]
                yield _finds(rows, offsets, int(offsets[first]))


def _automaton(words: Sequence[bytes]) -> Any:  # noqa: ANN401  # the library has no types
    kind = ahocorasick_rs.Implementation.DFA if sum(map(len, words)) <= TABLE_BYTES else None
    return ahocorasick_rs.BytesAhoCorasick(words, implementation=kind)


def _joined(parts: Sequence[Finds]) -> Finds:
    if len(parts) == 1:
        return parts[0]
    return Finds(*map(np.concatenate, zip(*parts, strict=True))) if parts else _NOTHING


_MOST = (1 << 31) - 1
_NO_IDS: Ids = np.empty(0, dtype=np.int64)
_NOTHING = Finds(_NO_IDS, _NO_IDS, np.empty(0, dtype=bool), np.empty(0, dtype=bool))


def _holding(offsets: npt.NDArray[np.int32], places: Ids) -> Ids:
    """The values that hold these bytes; of empty ones at the same place none."""
    at = np.searchsorted(
        offsets, places.astype(np.int32), side="right"
    )  # of another type, all offsets would be copied
    return at.astype(np.int64, copy=False) - 1


def _pieces(offsets: npt.NDArray[np.int32]) -> list[tuple[int, int]]:
    """Runs of whole values of some `PIECE` bytes, as (first, last + 1)."""
    size = len(offsets) - 1
    found = []
    first = 0
    while first < size:
        end = np.array([min(int(offsets[first]) + PIECE, _MOST)])
        last = min(max(int(_holding(offsets, end)[0]), first + 1), size)
        found.append((first, last))
        first = last
    return found


def _cut(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int32], first: int, last: int) -> memoryview:
    return data[offsets[first] - offsets[0] : offsets[last] - offsets[0]].data


def _rows(found: Sequence[tuple[int, int, int]]) -> Ids:
    return np.fromiter(chain.from_iterable(found), np.int64, 3 * len(found)).reshape(-1, 3)


def _finds(rows: Ids, offsets: npt.NDArray[np.int32], begin: int) -> Finds:
    starts, ends = rows[:, 1] + begin, rows[:, 2] + begin
    values = _holding(offsets, starts)
    whole = ends <= offsets[values + 1]
    if not whole.all():
        rows, starts, ends, values = rows[whole], starts[whole], ends[whole], values[whole]
    found = Finds(rows[:, 0], values, offsets[values] == starts, offsets[values + 1] == ends)
    return found if len(values) < MANY else _once(found, len(offsets))


def _once(found: Finds, size: int) -> Finds:
    """Each find in one value once: a log may repeat a word as often as it likes."""
    kinds = (found.words * 2 + found.first) * 2 + found.last
    kinds, values = np.divmod(np.unique(kinds * size + found.values), size)
    return Finds(kinds >> 2, values, (kinds & 2).astype(bool), (kinds & 1).astype(bool))
