"""Which windows fulfil a correlation's condition, and what was measured in them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from countersign.rules.correlations.chains import alternatives, lengths
from countersign.rules.correlations.decimals import Exact, addable, decimals, holds, times
from countersign.rules.correlations.definition import Expression
from countersign.rules.correlations.frames import Words
from countersign.rules.correlations.items import Items
from countersign.rules.correlations.plan import Step
from countersign.rules.correlations.windows import Mask, Windows

Floats = npt.NDArray[np.float64]


def measured(step: Step, found: Items, moments: Windows, words: Words) -> tuple[Mask, Floats | None]:
    """For each window whether the condition holds, and its value (None for an extended condition)."""
    definition = step.definition
    if definition.expression is not None:
        mask, value = _extended(step, found, moments, definition.expression), None
    else:
        above, below = _value(step, found, moments, words)
        mask = holds(above, below, definition.conditions)
        value = above.astype(np.float64) / (
            below.astype(np.float64) if isinstance(below, np.ndarray) else float(below)
        )
    return (mask & moments.full if definition.patient else mask), value


def _value(step: Step, found: Items, moments: Windows, words: Words) -> tuple[Exact, int | Exact]:
    """The value of each window as a fraction."""
    match step.definition.kind:
        case "event_count":
            return moments.counts, 1
        case "value_count":
            return moments.distinct(found.group, found.value), 1
        case "temporal":
            total = np.zeros(len(moments.ends), dtype=np.int64)
            for number in range(len(step.references)):
                total += moments.present(found.reference == number)
            return total, 1
        case "temporal_ordered":
            return lengths(moments, found.reference, len(step.references)), 1
    return _number(step, found, moments, words)


def _number(step: Step, found: Items, moments: Windows, words: Words) -> tuple[Exact, int | Exact]:
    kind = step.definition.kind
    used, codes = np.unique(found.value, return_inverse=True)
    read = decimals(words.texts.take(used).to_pylist())
    unit = 10**read.places
    if kind in {"value_sum", "value_avg"}:
        sums = moments.sums(addable(read.values[codes]))
        return sums, unit if kind == "value_sum" else times(moments.counts, unit)
    percentile = step.definition.percentile if kind == "value_percentile" else 50
    ordered, ranks = np.unique(read.values, return_inverse=True)
    return _percentile(moments, ordered, ranks[codes], percentile), unit * 100


def _percentile(moments: Windows, ordered: Exact, ranks: npt.NDArray[np.int64], percentile: int) -> Exact:
    """A hundred times the percentile, between the two nearest values in proportion."""
    place = percentile * (moments.counts - 1)
    below, part = place // 100, place % 100
    low = ordered[moments.ranked(ranks, below)]
    high = ordered[moments.ranked(ranks, np.minimum(below + 1, moments.counts - 1))]
    wide: Exact = times(low, 100)
    if wide.dtype == object or times(high, 100).dtype == object:
        low, high = low.astype(object), high.astype(object)
    return np.asarray(low * (100 - part) + high * part)


def _extended(step: Step, found: Items, moments: Windows, expression: Expression) -> Mask:
    names = tuple(one.written for one in step.references)
    if step.definition.kind == "temporal_ordered":
        return alternatives(moments, found.reference, names, expression)
    present = {name: moments.present(found.reference == number) for number, name in enumerate(names)}
    return _holds(expression, present)


def _holds(expression: Expression, present: dict[str, Mask]) -> Mask:
    if isinstance(expression, str):
        return present[expression]
    name, *children = expression
    parts = [_holds(child, present) for child in children]
    if name == "not":
        return ~parts[0]
    joined: Mask = (np.logical_and if name == "and" else np.logical_or).reduce(parts)
    return joined
