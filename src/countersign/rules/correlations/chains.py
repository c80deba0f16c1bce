"""Order: hits of several rules, one after the other, within a window."""

from __future__ import annotations

from itertools import product

import numpy as np

from countersign.rules.correlations.definition import Expression
from countersign.rules.correlations.windows import Ints, Mask, Windows

MOST_TERMS = 64
"""Alternatives of one extended condition, written out."""
Term = tuple[frozenset[str], frozenset[str]]
"""Rules that must occur, in order, and rules that must not."""


class TooMany(Exception):  # noqa: N818  # it names what is wrong with a condition
    """The condition has more than `MOST_TERMS` alternatives."""


def lengths(windows: Windows, rules: Ints, count: int) -> Ints:
    """For each window how many of the rules 0 to `count` - 1 stand in it in this order, at most; rules may be left out.

    For each length the latest start of such a chain is carried along: it lies in the window or no start does. Hits of the
    same time stand in any order, so a chain may go on within one moment.
    """
    size = len(rules)
    places = np.arange(size)
    starts: list[Ints] = []
    for rule in range(count):
        of = rules == rule
        starts.append(np.full(size, -1, dtype=np.int64))
        for length in range(rule, -1, -1):
            begun = places if length == 0 else starts[length - 1][windows.last]
            found = np.maximum.accumulate(np.where(of, begun, -1))
            starts[length] = np.maximum(starts[length], found)
    total = np.zeros(len(windows.ends), dtype=np.int64)
    for start in starts:
        total += start[windows.ends] >= windows.firsts
    return total


def whole(windows: Windows, rules: Ints, order: list[int]) -> Mask:
    """For each window whether hits of the rules in `order` stand in it, one after the other."""
    begun = np.arange(len(rules))
    for step, rule in enumerate(order):
        before = begun if step == 0 else begun[windows.last]
        begun = np.maximum.accumulate(np.where(rules == rule, before, -1))
    return begun[windows.ends] >= windows.firsts


def alternatives(windows: Windows, rules: Ints, names: tuple[str, ...], expression: Expression) -> Mask:
    """For each window whether an extended condition holds in order: the rules that it asks for come one after the other,
    those that it refuses are not in the window at all."""
    holds = np.zeros(len(windows.ends), dtype=bool)
    for wanted, refused in terms(expression):
        order = [number for number, name in enumerate(names) if name in wanted]
        found = whole(windows, rules, order) if order else np.ones(len(holds), dtype=bool)
        for number, name in enumerate(names):
            if name in refused:
                found &= ~windows.present(rules == number)
        holds |= found
    return holds


def terms(expression: Expression) -> tuple[Term, ...]:
    """The alternatives under which an expression holds.

    Raises:
        TooMany: there are more than `MOST_TERMS`.

    """
    return tuple(
        dict.fromkeys(
            (wanted, refused) for wanted, refused in _terms(expression, True) if not wanted & refused
        )
    )


def _terms(expression: Expression, affirm: bool) -> list[Term]:
    if isinstance(expression, str):
        name = frozenset({expression})
        return [(name, frozenset()) if affirm else (frozenset(), name)]
    kind, *children = expression
    if kind == "not":
        return _terms(children[0], not affirm)
    parts = [_terms(child, affirm) for child in children]
    if (kind == "or") == affirm:
        found = [term for part in parts for term in part]
    else:
        found = [(frozenset(), frozenset())]
        for part in parts:
            if len(found) * len(part) > MOST_TERMS * MOST_TERMS:
                raise TooMany
            pairs = product(found, part)
            found = list(dict.fromkeys((one[0] | two[0], one[1] | two[1]) for one, two in pairs))
    found = list(dict.fromkeys(found))
    if len(found) > MOST_TERMS:
        raise TooMany
    return found
