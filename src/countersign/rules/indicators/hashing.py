"""Finding texts among a million others without a loop: 64-bit hashes of all distinct values at once.

The hash is a polynomial counted from the end of a text, modulo 2^64. So one pass over the bytes gives the hash of
every *suffix* as well: the parent domains of a name and the last part of a path cost nothing more. A hash only
proposes; bytes are compared before anything is a match, so that collisions, which an attacker can make, cost a
comparison and nothing else.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

U64 = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

REACH = 4096
"""Bytes counted from the end; no indicator is longer. What stands before them has no weight."""
_BLOCK = 1 << 22
"""Bytes hashed at a time: 100 MB of intermediate numbers."""
_ROWS = 1 << 16
"""Texts hashed at a time when a table is made."""
_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio
_MIX = np.uint64(0xD6E8FEB86659FD93)
_SPARSE_BITS = 4
"""The filter has 2^4 places for each text, so that one in 16 absent ones passes it."""


@cache
def _tables() -> tuple[U64, U64]:
    """A number for each byte, and the weight of each place counted from the end."""
    numbers = np.random.default_rng(20181003).integers(1 << 62, 1 << 63, 256, dtype=np.uint64)
    powers = np.full(REACH + 1, _ODD, dtype=np.uint64)
    powers[0] = 1
    weights = np.cumprod(powers, dtype=np.uint64)
    weights[REACH] = 0
    return numbers, weights


def mixed(numbers: U64) -> U64:
    """Each number with its bits stirred, so that any of them may be used as an address."""
    stirred = (numbers ^ (numbers >> np.uint64(32))) * _MIX
    return stirred ^ (stirred >> np.uint64(29))


class Texts:
    """An array of strings as bytes: `data` is all of them, text `i` stands from `offsets[i]` to `offsets[i + 1]`."""

    def __init__(self, array: pa.Array) -> None:
        if array.null_count:
            raise RuntimeError("distinct values hold no null")
        array = array.cast(pa.large_string())
        _, offsets, data = array.buffers()
        ends = np.frombuffer(offsets, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
        self.offsets: Ints = ends - ends[0] if len(ends) else np.zeros(1, dtype=np.int64)
        size = int(self.offsets[-1])
        self.data: Bytes = (
            np.frombuffer(data, dtype=np.uint8)[int(ends[0]) : int(ends[0]) + size]
            if size
            else np.zeros(0, dtype=np.uint8)
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def at(self, index: int) -> bytes:
        """The bytes of one text."""
        return self.data[self.offsets[index] : self.offsets[index + 1]].tobytes()

    def wholes(self) -> tuple[Ints, Ints]:
        """Every text from its beginning: (indexes, starts)."""
        return np.arange(len(self), dtype=np.int64), self.offsets[:-1]

    def after(self, marks: bytes, *, last: bool) -> tuple[Ints, Ints]:
        """The suffix after each of the bytes `marks` and the whole text, or only what follows the last of them."""
        found = np.flatnonzero(np.isin(self.data, np.frombuffer(marks, dtype=np.uint8)))
        of = np.searchsorted(self.offsets, found, side="right") - 1
        if last:
            starts = self.offsets[:-1].copy()
            starts[of] = found + 1  # in order, so that the last one stays
            return np.arange(len(self), dtype=np.int64), starts
        indexes, begins = self.wholes()
        return np.concatenate([indexes, of]), np.concatenate([begins, found + 1])

    def hashes(self, indexes: Ints, starts: Ints) -> U64:
        """The hash of text `indexes[i]` from byte `starts[i]` to its end."""
        sums = self._sums()
        return mixed(sums[self.offsets[indexes + 1]] - sums[starts])

    def _sums(self) -> U64:
        """For each byte the sum of what stands before it, so that a difference is a suffix's polynomial."""
        numbers, weights = _tables()
        sums = np.zeros(len(self.data) + 1, dtype=np.uint64)
        ends = self.offsets[1:]
        for low in range(0, len(self.data), _BLOCK):
            high = min(low + _BLOCK, len(self.data))
            places = np.arange(low, high, dtype=np.int64)
            last = ends[np.searchsorted(ends, places, side="right")] - 1
            far = np.minimum(last - places, REACH)
            sums[low + 1 : high + 1] = numbers[self.data[low:high]] * weights[far]
        np.cumsum(sums, out=sums)
        return sums


class HashTable:
    """Sorted hashes with a sparse filter before them; answers which entries have a given hash."""

    def __init__(self, hashes: U64) -> None:
        self.order: Ints = np.argsort(hashes, kind="stable")
        self._sorted = hashes[self.order]
        bits = max(10, len(hashes).bit_length() + _SPARSE_BITS)
        self._shift = np.uint64(64 - bits)
        self._filter = np.zeros(1 << bits, dtype=bool)
        self._filter[self._sorted >> self._shift] = True

    def candidates(self, hashes: U64) -> tuple[Ints, Ints]:
        """Pairs (place in `hashes`, entry) of equal hashes."""
        likely = np.flatnonzero(self._filter[hashes >> self._shift])
        if not len(likely):
            return likely, likely
        asked = hashes[likely]
        first = np.searchsorted(self._sorted, asked, side="left")
        counts = np.searchsorted(self._sorted, asked, side="right") - first
        return np.repeat(likely, counts), self.order[ranges(first, counts)]


def ranges(first: Ints, counts: Ints) -> Ints:
    """`first[0], first[0]+1, ...` for `counts[0]` numbers, then the next, all in one array."""
    total = int(counts.sum())
    if not total:
        return np.zeros(0, dtype=np.int64)
    before = np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(first, counts) + np.arange(total, dtype=np.int64) - before


class TextTable:
    """Distinct texts that can be found by whole value or by suffix."""

    def __init__(self, values: pa.Array) -> None:
        self._texts = Texts(values)
        parts = [Texts(values.slice(first, _ROWS)) for first in range(0, len(values), _ROWS)]
        self._table = HashTable(np.concatenate([part.hashes(*part.wholes()) for part in parts]))

    def find(self, texts: Texts, indexes: Ints, starts: Ints) -> tuple[Ints, Ints]:
        """Pairs (text, entry) in which the text from its start on equals the entry."""
        places, entries = self._table.candidates(texts.hashes(indexes, starts))
        if not len(places):
            return places, entries
        begins, ends = starts[places], texts.offsets[indexes[places] + 1]
        same = np.fromiter(
            (
                texts.data[begin:end].tobytes() == self._texts.at(entry)
                for begin, end, entry in zip(begins.tolist(), ends.tolist(), entries.tolist(), strict=True)
            ),
            dtype=bool,
            count=len(places),
        )
        return indexes[places[same]], entries[same]
