"""Hosts whose logs are whole or half hours off: they write local time without saying so, and in another zone than was taken for them.

A Linux host that logs in UTC in a place with summer time is right all winter and one hour behind from a Sunday in March on. Pairs
of views of one arrival (`clocks.py`) show it: most of a day's are that many half hours apart, whoever saw the arrival beside the host.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

HALF_HOUR = 1800 * 1_000_000
"""Offsets of zones are multiples of this, but for a few of a quarter (IANA time zone database)."""
MOST = 28 * HALF_HOUR
"""No two zones that people live in are further apart than a day; nobody is further from UTC than 14 hours."""
CLOSE = 120 * 1_000_000
"""So near whole half hours two clocks must be, or it is chance."""
LEAST = 3
"""Pairs that show a step, or nothing is said."""
_DAY = 86_400 * 1_000_000


@dataclass(frozen=True, slots=True)
class Shown:
    """So many pairs of one day show that `host` wrote `step` (microseconds, a multiple of half an hour) later than `other`."""

    host: str
    other: str
    day: int
    step: int
    pairs: int


@dataclass(frozen=True, slots=True)
class Step:
    """From `since` (microseconds, UTC; None from the beginning) on a host is `ahead` by so many half hours (microseconds)."""

    since: int | None
    ahead: int


def steps(shown: Iterable[Shown], right: str) -> dict[str, tuple[Step, ...]]:
    """The steps of every host that has any, in order of time, in whatever order they are given.

    What most of a day's pairs show counts, and of those of which the other host is right by most of its own. `right` is a recorder
    that writes seconds since 1970, which have no zone.
    """
    told = list(shown)
    of_day = _of_days(told)
    sure: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for one in told:
        for host, other, step in ((one.host, one.other, one.step), (one.other, one.host, -one.step)):
            # two that differ and are seen with nobody else: nobody knows which of them is wrong
            told_right = step == 0 or other == right or of_day[other].get(one.day) == 0
            if host != right and told_right and of_day[host].get(one.day) == step:
                sure[host][one.day] += one.pairs
    found = {host: _periods(of_day[host], pairs) for host, pairs in sorted(sure.items())}
    return {host: periods for host, periods in found.items() if any(step.ahead for step in periods)}


def _of_days(shown: Iterable[Shown]) -> dict[str, dict[int, int]]:
    """For each host and day the step that more than half of its pairs show."""
    votes: dict[str, dict[int, dict[int, int]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
    for one in shown:
        votes[one.host][one.day][one.step] += one.pairs
        votes[one.other][one.day][-one.step] += one.pairs
    out: dict[str, dict[int, int]] = defaultdict(dict)
    for host, days in votes.items():
        for day, found in days.items():
            step = max(sorted(found), key=lambda one: found[one])
            if 2 * found[step] > sum(found.values()):
                out[host][day] = step
    return out


def _periods(of_day: Mapping[int, int], pairs: Mapping[int, int]) -> tuple[Step, ...]:
    """Runs of days with one step; a change lies in the middle of the days of which nothing is known. A run of too few pairs is none."""
    runs: list[list[int]] = []
    for day in sorted(pairs):
        if not runs or of_day[runs[-1][-1]] != of_day[day]:
            runs.append([])
        runs[-1].append(day)
    known = [run for run in runs if sum(pairs[day] for day in run) >= LEAST]
    out: list[Step] = []
    for before, run in pairwise([[], *known]):
        ahead = of_day[run[0]]
        if not out or out[-1].ahead != ahead:
            since = (before[-1] + 1 + run[0]) * _DAY // 2 if before else None
            out.append(Step(since, ahead))
    return tuple(out)


def at(known: Iterable[Step], time: int) -> int:
    """By how many half hours (microseconds) a host with these steps was ahead at `time`."""
    return next((s.ahead for s in reversed(list(known)) if s.since is None or s.since <= time), 0)
