"""What one correlation looks at: the hits that it refers to, group by group, in order of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from countersign.rules.correlations.decimals import decimals
from countersign.rules.correlations.definition import NUMERIC, TEMPORAL
from countersign.rules.correlations.frames import MISSING, Frame, Words
from countersign.rules.correlations.plan import Step
from countersign.rules.correlations.windows import Ints


@dataclass(frozen=True, slots=True)
class Items:
    """Hits sorted by group and time, then in the order of the references: which reference, the hit's place in its frame,
    and the code of its value (of its values together; for numbers the code of the text). `keys` are the codes of the
    group's values, one array a field."""

    group: Ints
    time: Ints
    reference: Ints
    row: Ints
    value: Ints
    keys: tuple[Ints, ...]

    def take(self, places: Ints) -> Items:
        """Some of them."""
        return Items(
            self.group[places],
            self.time[places],
            self.reference[places],
            self.row[places],
            self.value[places],
            tuple(codes[places] for codes in self.keys),
        )


def items(step: Step, frames: Mapping[int, Frame], words: Words) -> Items:
    """The hits that count: those that have all fields of the group and of the value."""
    kind = step.definition.kind
    times, references, rows = [], [], []
    keys: list[list[Ints]] = [[] for _ in step.definition.group_by]
    fields: list[list[Ints]] = [[] for _ in step.definition.fields]
    for number, reference in enumerate(step.references):
        frame = frames.get(reference.index)
        if frame is None:
            continue
        time, row = frame.held if kind in TEMPORAL else (frame.time, np.arange(len(frame.time)))
        times.append(time)
        rows.append(row)
        references.append(np.full(len(row), number, dtype=np.int64))
        for wanted, names in ((keys, step.definition.group_by), (fields, step.definition.fields)):
            for place, name in enumerate(names):
                wanted[place].append(frame.column(reference.field(name))[row])
    joined_keys = tuple(map(_joined, keys))
    joined_fields = tuple(map(_joined, fields))
    time = _joined(times)
    there = np.ones(len(time), dtype=bool)
    for codes in (*joined_keys, *joined_fields):
        there &= codes != MISSING
    value, number_like = _values(kind, joined_fields, words, len(time))
    places = np.flatnonzero(there & number_like)
    group = _combined([words.fold(codes) for codes in joined_keys], len(time))
    places = places[np.lexsort((time[places], group[places]))]
    found = Items(group, time, _joined(references), _joined(rows), value, joined_keys).take(places)
    return found if kind in TEMPORAL or len(step.references) == 1 else _once(found, step, frames)


def _joined(parts: list[Ints]) -> Ints:
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def _values(kind: str, fields: tuple[Ints, ...], words: Words, size: int) -> tuple[Ints, np.ndarray]:
    """The codes of the values, and which hits have one that counts."""
    everything = np.ones(size, dtype=bool)
    if not fields:
        return np.zeros(size, dtype=np.int64), everything
    if kind not in NUMERIC:
        return _combined([words.fold(codes) for codes in fields], size), everything
    used = np.unique(fields[0])
    used = used[used != MISSING]
    known = np.zeros(len(words.texts) + 1, dtype=bool)
    known[used] = decimals(words.texts.take(used).to_pylist()).known
    return fields[0], known[fields[0]]


def _combined(columns: list[Ints], size: int) -> Ints:
    """One number for each combination of codes."""
    if not columns:
        return np.zeros(size, dtype=np.int64)
    found = columns[0]
    for codes in columns[1:]:
        _, left = np.unique(found, return_inverse=True)
        _, right = np.unique(codes, return_inverse=True)
        found = left * (int(right.max(initial=0)) + 1) + right
    return found


def _once(found: Items, step: Step, frames: Mapping[int, Frame]) -> Items:
    """An event counts once in its group, by however many of the rules it was hit."""
    event = np.empty(len(found.row), dtype=np.int64)
    for number, reference in enumerate(step.references):
        of = found.reference == number
        if of.any():
            event[of] = frames[reference.index].event[found.row[of]]
    order = np.lexsort((found.value, event, found.group))
    first = np.ones(len(order), dtype=bool)
    first[1:] = (
        (np.diff(event[order]) != 0) | (np.diff(found.group[order]) != 0) | (np.diff(found.value[order]) != 0)
    )
    return found.take(np.sort(order[first]))
