"""Things that lasted, to be found by a moment: which of many stays was open just then, without looking at each."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator
from itertools import accumulate
from operator import itemgetter
from typing import Generic, TypeVar

T = TypeVar("T")
WIDTH = 32
"""Of so many neighbours the latest end is known at once."""


class Spans(Generic[T]):
    """`known` are triples of begin, end (microseconds, both included) and what lasted. Whoever makes it has settled when each began and
    ended: later changes of what lasted are not seen."""

    def __init__(self, known: Iterable[tuple[int, int, T]]) -> None:
        self._known = sorted(known, key=itemgetter(0, 1))
        self._begins = [begin for begin, _, _ in self._known]
        self._reach = list(accumulate((end for _, end, _ in self._known), max))
        self._latest = [[end for _, end, _ in self._known]]
        while len(self._latest[-1]) > WIDTH:
            below = self._latest[-1]
            self._latest.append([max(below[at : at + WIDTH]) for at in range(0, len(below), WIDTH)])

    def at(self, moment: int) -> list[T]:
        """What was open at `moment`, in order of begin."""
        return [*self.latest(moment)][::-1]

    def latest(self, moment: int) -> Iterator[T]:
        """The same, the latest begun first; each is looked for when it is asked for."""
        place = bisect.bisect_right(self._begins, moment) - 1
        while (
            place >= 0 and self._reach[place] >= moment
        ):  # else nothing that began so early lasted until then
            over = self._over(place, moment)
            if not over:
                yield self._known[place][2]
            place -= over or 1

    def _over(self, place: int, moment: int) -> int:
        """How many, from `place` down, are known to have ended before `moment`."""
        over, width = 0, 1
        for latest in self._latest:
            if latest[place // width] >= moment:
                break
            over = place % width + 1
            width *= WIDTH
        return over
