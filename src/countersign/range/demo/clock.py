"""Simulated time: activities take turns on one clock, so that every log is written in the order of its time.

An activity is a generator that yields how many seconds to wait; the schedule resumes it then. Nothing is
kept but the open activities, whatever the length of the range.
"""

from __future__ import annotations

import heapq
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TypeVar

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

T = TypeVar("T")
Act = Generator[float, None, T]
"""Something that takes time; yields seconds to wait."""


class Schedule:
    """One clock and the activities that wait for it. `now` is microseconds since 1970 in UTC."""

    def __init__(self, start: datetime) -> None:
        self.now = to_microseconds(start)
        self._waiting: list[tuple[int, int, Act[None]]] = []
        self._order = count()

    def begin(self, at: datetime, act: Act[None]) -> None:
        """Lets `act` begin at `at`, which must not be past."""
        moment = to_microseconds(at)
        if moment < self.now:
            raise RuntimeError("an activity cannot begin in the past")
        heapq.heappush(self._waiting, (moment, next(self._order), act))

    def spawn(self, act: Act[None], after: float = 0.0) -> None:
        """Lets `act` begin `after` seconds from now, beside the caller."""
        heapq.heappush(self._waiting, (self.now + _micro(after), next(self._order), act))

    def run(self) -> None:
        """Runs until nothing waits."""
        while self._waiting:
            self.now, _, act = heapq.heappop(self._waiting)
            try:
                wait = next(act)
            except StopIteration:
                continue
            heapq.heappush(self._waiting, (self.now + _micro(wait), next(self._order), act))


def _micro(seconds: float) -> int:
    return max(0, round(seconds * 1_000_000))


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970 of an aware moment, exactly."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def to_datetime(microseconds: int) -> datetime:
    """The aware UTC moment of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=microseconds)


def iso(microseconds: int) -> str:
    """`2026-03-02T09:00:00.000000Z`, as Windows' event records say it to the microsecond."""
    return to_datetime(microseconds).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
