"""Things that lasted, to be found by a moment: which of many stays was open just then, without looking at each."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from itertools import accumulate
from operator import itemgetter
from typing import Generic, TypeVar

T = TypeVar("T")


class Spans(Generic[T]):
    """`known` are triples of begin, end (microseconds, both included) and what lasted. Whoever makes it has settled when each began and
    ended: later changes of what lasted are not seen."""

    def __init__(self, known: Iterable[tuple[int, int, T]]) -> None:
        self._known = sorted(known, key=itemgetter(0, 1))
        self._begins = [begin for begin, _, _ in self._known]
        self._latest = list(accumulate((end for _, end, _ in self._known), max))

    def at(self, moment: int) -> list[T]:
        """What was open at `moment`, in order of begin."""
        found: list[T] = []
        for place in range(bisect.bisect_right(self._begins, moment) - 1, -1, -1):
            if self._latest[place] < moment:
                break  # nothing that began so early lasted until then
            _, end, what = self._known[place]
            if end >= moment:
                found.append(what)
        found.reverse()
        return found
