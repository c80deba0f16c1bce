"""How often each rule fires, so that one that fires on nearly everything is noticed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]

OFTEN = 0.3
"""A rule that fires on more than this share of its log source's events describes the log, not an intruder."""
LEAST_EVENTS = 1_000
"""Of fewer events a share says little."""


@dataclass(frozen=True, slots=True)
class Noisy:
    """A rule (its index) that fired on `hits` of the `events` of its log source."""

    rule: int
    hits: int
    events: int


class Tally:
    """Counts over the batches that it was given to; kept by the caller, for the engine keeps nothing."""

    def __init__(self, rules: int) -> None:
        self.hits: Counts = np.zeros(rules, dtype=np.int64)
        self.events: Counts = np.zeros(rules, dtype=np.int64)

    def met(self, rules: Sequence[int], events: int) -> None:
        """Rules that were asked of so many events."""
        self.events[np.asarray(rules, dtype=np.int64)] += events

    def fired(self, rule: int, hits: int) -> None:
        """A rule and on how many events it fired."""
        self.hits[rule] += hits

    def noisy(self) -> tuple[Noisy, ...]:
        """Rules that fired too often, the worst first."""
        enough = self.events >= LEAST_EVENTS
        often = np.flatnonzero(enough & (self.hits > OFTEN * self.events))
        found = [Noisy(rule, int(self.hits[rule]), int(self.events[rule])) for rule in often.tolist()]
        return tuple(sorted(found, key=lambda one: (-one.hits / one.events, one.rule)))
