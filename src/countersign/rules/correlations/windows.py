"""Sliding windows over hits in order of group and time, with numpy: what each holds, in n log n.

A *moment* is a time at which hits of a group stand; its window holds all hits of the group from one timespan before it up
to it, both ends included. A window is a run of positions, from `firsts` to `ends`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Windows:
    """`ends` and `firsts` are the positions of the last and the first hit of each moment's window. `last` is, for each
    position, the last one of the same group and time."""

    ends: Ints
    firsts: Ints
    last: Ints

    @property
    def counts(self) -> Ints:
        """Hits in each window."""
        return self.ends - self.firsts + 1

    @property
    def full(self) -> Mask:
        """Windows that are not part of the next one."""
        return np.append(np.diff(self.firsts) > 0, True)

    def sums(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """The sum of `values` over each window."""
        running = np.zeros(len(values) + 1, dtype=values.dtype)
        np.cumsum(values, out=running[1:])
        total: npt.NDArray[np.generic] = running[self.ends + 1] - running[self.firsts]
        return total

    def present(self, of: Mask) -> Mask:
        """Whether one of the hits `of` is in each window."""
        found: Mask = np.asarray(self.sums(of.astype(np.int64)), dtype=np.int64) > 0
        return found

    def distinct(self, group: Ints, codes: Ints) -> Ints:
        """How many different `codes` stand in each window.

        A hit is the first of its code in the windows that hold it and not the one before it of that code: those are
        consecutive, because windows move only forward.
        """
        before = _before(group, codes)
        places = np.arange(len(codes))
        begin = np.maximum(
            np.searchsorted(self.ends, places, "left"), np.searchsorted(self.firsts, before, "right")
        )
        stop = np.searchsorted(self.firsts, places, "right")
        some = begin < stop
        size = len(self.ends) + 1
        steps = np.bincount(begin[some], minlength=size) - np.bincount(stop[some], minlength=size)
        found: Ints = np.cumsum(steps)[:-1]
        return found

    def ranked(self, ranks: Ints, wanted: Ints) -> Ints:
        """The rank (as in `ranks`, from 0) of the `wanted`-th smallest hit of each window, by a wavelet matrix."""
        low, high, left = self.firsts, self.ends + 1, wanted
        found = np.zeros(len(low), dtype=np.int64)
        row = ranks
        for bit in reversed(range(int(ranks.max(initial=0)).bit_length())):
            ones = (row >> bit & 1).astype(bool)
            zeros = np.zeros(len(row) + 1, dtype=np.int64)
            np.cumsum(~ones, out=zeros[1:])
            of_low, of_high = zeros[low], zeros[high]
            inside = of_high - of_low
            up = left >= inside
            found |= up.astype(np.int64) << bit
            left = np.where(up, left - inside, left)
            low = np.where(up, zeros[-1] + low - of_low, of_low)
            high = np.where(up, zeros[-1] + high - of_high, of_high)
            row = np.concatenate((row[~ones], row[ones]))
        return found


def _before(group: Ints, codes: Ints) -> Ints:
    """For each position the last one before it with the same group and code; -1 if none."""
    order = np.lexsort((codes, group))
    same = (group[order][1:] == group[order][:-1]) & (codes[order][1:] == codes[order][:-1])
    before = np.full(len(codes), -1, dtype=np.int64)
    before[order[1:][same]] = order[:-1][same]
    return before


def windows(group: Ints, time: Ints, span: int) -> Windows:
    """The windows of hits that are sorted by `group`, then `time`; `span` is in the unit of `time`."""
    size = len(time)
    opens = np.ones(size, dtype=bool)
    opens[1:] = group[1:] != group[:-1]
    starts = np.flatnonzero(opens)
    begin = np.repeat(starts, np.diff(np.append(starts, size)))
    opens[1:] |= time[1:] != time[:-1]
    ties = np.append(np.flatnonzero(opens)[1:], size) - 1
    last = np.repeat(ties, np.diff(ties, prepend=-1))
    return Windows(ties, _since(begin[ties], ties, time, span), last)


def _since(low: Ints, high: Ints, time: Ints, span: int) -> Ints:
    """For each of `high` the first position from `low` on that lies no more than `span` before it: all are searched at
    once, by halves."""
    goal = time[high] - span
    while np.any(low < high):
        middle = (low + high) >> 1
        below = time[middle] < goal
        low = np.where(below, middle + 1, low)
        high = np.where(below, high, middle)
    return low
