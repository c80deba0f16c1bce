"""The hits of a correlation, as a table for the caller and as a frame for the correlations that refer to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from countersign.model.identity import keyed_ids
from countersign.rules.correlations.definition import TEMPORAL
from countersign.rules.correlations.frames import HOST, MISSING, Frame, Words
from countersign.rules.correlations.items import Items
from countersign.rules.correlations.plan import Step
from countersign.rules.correlations.runs import Runs
from countersign.rules.correlations.windows import Ints

MOST_EVIDENCE = 100
"""Hits and events that one correlation hit names; `count` tells how many there are."""
_TIME = pa.timestamp("us", "UTC")
_TEXTS = pa.map_(pa.string(), pa.string())

CORRELATED = pa.schema(
    [
        pa.field("id", pa.string()),  # made of the correlation and the first hit of the run
        pa.field("rule_id", pa.string()),  # the correlation's
        pa.field("time", _TIME),  # of the hit that completed it
        pa.field("start", _TIME),  # of the first hit
        pa.field("end", _TIME),  # of the last
        pa.field("host", pa.string()),  # of all its hits, else null
        pa.field("group", _TEXTS),  # group-by names, and the values as the first hit writes them
        pa.field("events", pa.list_(pa.string())),  # MOST_EVIDENCE of them at most
        pa.field("hits", pa.list_(pa.string())),  # of rules or correlations, MOST_EVIDENCE at most
        pa.field("value", pa.float64()),  # the farthest that a window went; null for an extended condition
        pa.field("count", pa.int64()),  # how many hits it is made of
    ]
)


@dataclass(frozen=True, slots=True)
class _Members:
    """The hits of all runs, run after run, in order of time: the number of the run, the position among the items, and
    the place in the `frames` put one after the other. `begins` is where each run begins."""

    run: Ints
    position: Ints
    place: Ints
    begins: Ints
    frames: Sequence[Frame]

    def ids(self, chosen: Ints) -> pa.Array:
        return pa.concat_arrays([frame.ids for frame in self.frames]).take(pa.array(self.place[chosen]))

    def shared(self, names: Sequence[str], words: Words) -> Ints:
        """For each run the code of a field's value if all its hits have the same, without regard to case. `names` are
        the field's, one a frame."""
        columns = [frame.column(name) for frame, name in zip(self.frames, names, strict=True)]
        codes = np.concatenate(columns)[self.place]
        folded = words.fold(codes)
        least, most = np.minimum.reduceat(folded, self.begins), np.maximum.reduceat(folded, self.begins)
        return np.where(least == most, codes[self.begins], MISSING)


def made(
    step: Step, rule: str, looked: Items, found: Runs, frames: Mapping[int, Frame], words: Words
) -> tuple[pa.Table, Frame]:
    """One hit a run, by time and id: `CORRELATED`, and the same for other correlations."""
    there = {number: frames[one.index] for number, one in enumerate(step.references) if one.index in frames}
    members = _members(step, looked, found, there)
    size = len(members.begins)
    ids = keyed_ids(("correlation",), [rule] * size, members.ids(members.begins).to_pylist())
    evidence = _evidence(step, looked, found, members)
    host = members.shared([HOST] * len(there), words)
    time = looked.time[found.completed]
    table = pa.table(
        {
            "id": pa.array(ids, pa.string()),
            "rule_id": pa.array([rule] * size, pa.string()),
            "time": _timed(time),
            "start": _timed(looked.time[found.first]),
            "end": _timed(looked.time[found.last]),
            "host": _worded(host, words),
            "group": _groups(step, looked, found, words),
            "events": _events(members, evidence),
            "hits": _lists(members.run[evidence], members.ids(evidence), size),
            "value": pa.nulls(size, pa.float64()) if found.value is None else pa.array(found.value),
            "count": pa.array(np.diff(members.begins, append=len(members.run))),
        },
        schema=CORRELATED,
    )
    order = np.lexsort((np.array(ids), time))
    table = table.take(pa.array(order)).combine_chunks()
    texts = {
        name: members.shared([step.references[number].field(name) for number in there], words)[order]
        for name in step.needed
    }
    return table, _frame(step, table, {**texts, HOST: host[order]}, looked, found, order)


def _frame(
    step: Step, table: pa.Table, texts: Mapping[str, Ints], looked: Items, found: Runs, order: Ints
) -> Frame:
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    time, row = looked.time[found.moments], place[found.of]
    by_time = np.lexsort((row, time))
    return Frame(
        table["id"].chunk(0),
        looked.time[found.completed][order],
        texts,
        table["events"].chunk(0),
        -2 - np.arange(len(order)) - (step.index << 32),  # as events, they are like no others
        (time[by_time], row[by_time]),
    )


def _members(step: Step, looked: Items, found: Runs, frames: Mapping[int, Frame]) -> _Members:
    sizes = found.last - found.first + 1
    begins = np.cumsum(sizes) - sizes
    run = np.repeat(np.arange(len(sizes)), sizes)
    position = np.arange(len(run)) - np.repeat(begins - found.first, sizes)
    reference, row = looked.reference[position], looked.row[position]
    if step.definition.kind in TEMPORAL and any(one.correlation for one in step.references):
        kept = _without_repeats(run, reference, row)
        run, position, reference, row = run[kept], position[kept], reference[kept], row[kept]
        begins = np.searchsorted(run, np.arange(len(sizes)))
    lengths = np.zeros(len(step.references), dtype=np.int64)
    for number, frame in frames.items():
        lengths[number] = len(frame.time)
    place = (np.cumsum(lengths) - lengths)[reference] + row
    return _Members(run, position, place, begins, tuple(frames.values()))


def _without_repeats(run: Ints, reference: Ints, row: Ints) -> Ints:
    """A correlation's hit that held at several moments of a run is one hit of it."""
    order = np.lexsort((row, reference, run))
    fresh = np.ones(len(order), dtype=bool)
    for codes in (run, reference, row):
        ordered = codes[order]
        if codes is run:
            fresh[1:] = ordered[1:] != ordered[:-1]
        else:
            fresh[1:] |= ordered[1:] != ordered[:-1]
    return np.sort(order[fresh])


def _evidence(step: Step, looked: Items, found: Runs, members: _Members) -> Ints:
    """The members that are named: the first of each rule of a run, and the one that completed it."""
    reference = looked.reference[members.position]
    number = len(step.references)
    rank = _ranks(members.run * number + reference)
    share = max(1, (MOST_EVIDENCE - 1) // number)
    chosen = rank < share
    completed = np.searchsorted(members.position, found.completed)
    return np.flatnonzero(chosen | np.isin(np.arange(len(rank)), completed[completed < len(rank)]))


def _ranks(groups: Ints) -> Ints:
    """For each how many of the same number come before it."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    opens = np.ones(len(order), dtype=bool)
    opens[1:] = ordered[1:] != ordered[:-1]
    begin = np.flatnonzero(opens)
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order)) - np.repeat(begin, np.diff(np.append(begin, len(order))))
    return ranks


def _events(members: _Members, evidence: Ints) -> pa.ListArray:
    """The events behind the evidence of each run, each once."""
    lists = pa.concat_arrays([frame.events for frame in members.frames]).take(
        pa.array(members.place[evidence])
    )
    run = np.repeat(members.run[evidence], np.diff(lists.offsets.to_numpy()))
    values = lists.flatten()
    codes = values.dictionary_encode().indices.fill_null(MISSING).to_numpy().astype(np.int64)
    fresh = np.flatnonzero(_ranks(run * (int(codes.max(initial=0)) + 2) + codes) == 0)
    fresh = fresh[_ranks(run[fresh]) < MOST_EVIDENCE]
    return _lists(run[fresh], values.take(pa.array(fresh)), len(members.begins))


def _lists(run: Ints, values: pa.Array, size: int) -> pa.ListArray:
    offsets = np.searchsorted(run, np.arange(size + 1))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)


def _groups(step: Step, looked: Items, found: Runs, words: Words) -> pa.MapArray:
    names = step.definition.group_by
    size = len(found.first)
    offsets = pa.array(np.arange(size + 1) * len(names), pa.int32())
    if not names:
        return pa.MapArray.from_arrays(offsets, pa.array([], pa.string()), pa.array([], pa.string()))
    codes = np.stack([keys[found.first] for keys in looked.keys], axis=1).ravel()
    return pa.MapArray.from_arrays(offsets, pa.array(list(names) * size, pa.string()), _worded(codes, words))


def _worded(codes: Ints, words: Words) -> pa.Array:
    return words.texts.take(pa.array(codes, mask=codes == MISSING))


def _timed(time: Ints) -> pa.Array:
    return pa.array(time).cast(_TIME)
