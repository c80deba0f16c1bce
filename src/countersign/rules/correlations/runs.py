"""Windows that fulfil a condition, joined to runs.

Windows overlap, and a condition that holds in one mostly holds in the next. Windows that share a hit belong to one run, and
a run is one hit of the correlation: so each hit speaks once for a correlation and a group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from countersign.rules.correlations.frames import Words
from countersign.rules.correlations.items import Items
from countersign.rules.correlations.measures import Floats, measured
from countersign.rules.correlations.plan import Step
from countersign.rules.correlations.windows import Ints, windows

SECOND = 1_000_000
"""In microseconds."""


@dataclass(frozen=True, slots=True)
class Runs:
    """In order of group and time: the positions of the first and last hit of each run, and of the one that completed
    it; its value (None for an extended condition); and every moment at which a window held, with the number of its run."""

    first: Ints
    last: Ints
    completed: Ints
    value: Floats | None
    moments: Ints
    of: Ints


def runs(step: Step, looked: Items, words: Words) -> Runs | None:
    """The runs of a correlation; None if there is none."""
    if not len(looked.time):
        return None
    moments = windows(looked.group, looked.time, step.definition.seconds * SECOND)
    mask, value = measured(step, looked, moments, words)
    if not mask.any():
        return None
    firsts, ends = moments.firsts[mask], moments.ends[mask]
    opens = np.ones(len(ends), dtype=bool)
    opens[1:] = firsts[1:] > ends[:-1]
    begin = np.flatnonzero(opens)
    return Runs(
        firsts[begin],
        ends[np.append(begin[1:], len(ends)) - 1],
        ends[begin],
        None if value is None else _farthest(step, value[mask], begin),
        ends,
        np.cumsum(opens) - 1,
    )


def _farthest(step: Step, value: Floats, begin: Ints) -> Floats:
    """The least value of a run where the condition is an upper bound only, else the greatest."""
    below = all(name in {"lt", "lte"} for name, _ in step.definition.conditions)
    return (np.minimum if below else np.maximum).reduceat(value, begin)
