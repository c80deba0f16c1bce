"""Which events of a batch are new: by id, within the batch and against the days of the lake that can hold them.

An event whose time its source states has the same time wherever it is met again, so only files with that time are
looked at. The same line may get another time when the year or the zone was inferred, so such events are looked for
in neighbouring days, and in the same days of every year. Everything is also looked for among the undated.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from countersign.lake._files import StoredFile
from countersign.model import identity, schema

EXACT_BASES = ("stated", "offset")
"""How a time was understood, such that no other reading of the same record gives another."""
INFERRED_YEAR = "year"
ID_CHARS = 2 * identity.ID_BYTES
MIXER = np.uint64(0x9E37_79B9_7F4A_7C15)
"""An odd number with many bits, so that two words of an id become one that depends on both."""
ORDER = ("time", "source", "segment", "record")


@dataclass(frozen=True, slots=True)
class Split:
    """A batch in order: `first` has each id once, `again` the rows met a second time in the batch."""

    first: pa.Table
    again: pa.Table


def combined(tables: Iterable[pa.Table]) -> pa.Table:
    """All rows, with the core columns and every other that any table has, in the events table's order and types.

    The day is that of the time, whatever the tables say: it names a folder.
    """
    filled = [table for table in tables if table.num_rows]
    names = {*schema.CORE_COLUMNS, *(name for table in filled for name in table.column_names)}
    strange = names.difference(schema.events_schema().names)
    if strange:
        raise RuntimeError(f"no columns of the events table: {', '.join(sorted(strange))}")
    wanted = pa.schema([field for field in schema.events_schema() if field.name in names])
    if not filled:
        return wanted.empty_table()
    rows = pa.concat_tables([_aligned(table, wanted) for table in filled])
    days = pc.fill_null(rows["time"].cast(pa.date32()).cast(pa.string()), schema.UNDATED)
    return rows.set_column(wanted.get_field_index("day"), wanted.field("day"), days)


def _aligned(table: pa.Table, wanted: pa.Schema) -> pa.Table:
    there = dict(zip(table.column_names, table.columns, strict=True))
    nothing = cache(lambda type_: pa.nulls(table.num_rows, type_))  # one for all columns that are missing
    columns = []
    for field in wanted:
        column = there.get(field.name)
        if column is None:
            column = nothing(field.type)
        elif column.type != field.type:
            column = column.cast(field.type)
        columns.append(column)
    return pa.table(columns, schema=wanted)


def split(events: pa.Table, order_by: Sequence[str] = ORDER) -> Split:
    """Sort by time, source, segment and record, and part the first row of each id from the others."""
    order = pc.sort_indices(events, sort_keys=[(name, "ascending") for name in order_by])
    upwards = pa.arange(0, len(events))
    in_order = order.cast(pa.int64()).equals(upwards)  # as a log is that was written in one go
    ordered = events if in_order else events.take(order)
    positions = pa.table({"id": ordered["id"], "position": upwards})
    first = positions.group_by("id", use_threads=False).aggregate([("position", "min")])["position_min"]
    if len(first) == len(ordered):
        return Split(ordered, ordered.slice(0, 0))
    is_first = pc.is_in(positions["position"], first.combine_chunks())
    return Split(ordered.filter(is_first), ordered.filter(pc.invert(is_first)))


def split_few(events: pa.Table, order_by: Sequence[str]) -> Split:
    """What `split` does where hardly any id is there twice and no order is asked for: only rows whose id is are sorted."""
    doubled = _perhaps_twice(events["id"].combine_chunks()) if len(events) else np.zeros(0, np.bool_)
    if not doubled.any():
        return Split(events, events.slice(0, 0))
    parts = split(events.filter(pa.array(doubled)), order_by)
    return Split(pa.concat_tables([events.filter(pa.array(~doubled)), parts.first]), parts.again)


def _perhaps_twice(ids: pa.StringArray) -> npt.NDArray[np.bool_]:
    """Which ids are there more than once, and at times one that is not: ids of our own making, 32 hexadecimal digits, are
    compared by half of them, in a fifth of the time that comparing texts takes."""
    offsets = np.frombuffer(ids.buffers()[1], np.int32, len(ids) + 1, ids.offset * 4)
    if (np.diff(offsets) == ID_CHARS).all():
        text = np.frombuffer(ids.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]
        digits = text.reshape(-1, ID_CHARS)[:, :16].copy().view(np.uint64)
        marks = digits[:, 0] * MIXER ^ digits[:, 1]
    else:
        marks = ids.dictionary_encode().indices.to_numpy()
    ordered = np.sort(marks)
    several = ordered[1:][ordered[1:] == ordered[:-1]]
    return np.isin(marks, several) if len(several) else np.zeros(len(marks), np.bool_)


@dataclass(frozen=True, slots=True)
class Probe:
    """Ids to look for in `files`; with `first` and `last` (microseconds) only at those times."""

    ids: pa.Array
    files: tuple[StoredFile, ...]
    first: int | None = None
    last: int | None = None


def probes(events: pa.Table, files: Sequence[StoredFile]) -> list[Probe]:
    """Where the ids of `events`, which have `id`, `time`, `time_basis` and `day`, may stand already."""
    if not events.num_rows or not files:
        return []
    exact = pc.fill_null(pc.is_in(events["time_basis"], pa.array(EXACT_BASES)), fill_value=False)
    out = [_exact(events.filter(exact), files), _inferred(events.filter(pc.invert(exact)), files)]
    undated = tuple(file for file in files if file.day == schema.UNDATED)
    out.append(Probe(_ids(events), undated))
    return [probe for probe in out if len(probe.ids) and probe.files]


def _exact(events: pa.Table, files: Sequence[StoredFile]) -> Probe:
    times = pa.table({"day": events["day"], "time": events["time"].cast(pa.int64())})
    spans = times.group_by("day").aggregate([("time", "min"), ("time", "max")]).to_pylist()
    by_day = {row["day"]: (row["time_min"], row["time_max"]) for row in spans if row["time_min"] is not None}
    hit = tuple(file for file in files if _overlaps(file, by_day.get(file.day or "")))
    whole = pc.min_max(times["time"]).as_py()
    return Probe(_ids(events), hit, whole["min"], whole["max"])


def _overlaps(file: StoredFile, span: tuple[int, int] | None) -> bool:
    if span is None:
        return False
    if file.first is None or file.last is None:
        return True
    return file.first <= span[1] and file.last >= span[0]


def _inferred(events: pa.Table, files: Sequence[StoredFile]) -> Probe:
    stored: dict[str, set[str]] = defaultdict(set)
    for file in files:
        if file.day and file.day != schema.UNDATED:
            stored[file.day[5:]].add(file.day)
    days: set[str] = set()
    pairs = events.group_by(["day", "time_basis"]).aggregate([]).to_pylist()
    for row in pairs:
        for near in _near(row["day"]):
            days.update(stored.get(near[5:], ()) if row["time_basis"] == INFERRED_YEAR else (near,))
    return Probe(_ids(events), tuple(file for file in files if file.day in days))


def _near(day: str) -> list[str]:
    """The day and its neighbours: zones lie at most 14 hours apart from UTC."""
    if day == schema.UNDATED:
        return []
    middle = date.fromisoformat(day)
    return [(middle + timedelta(days=shift)).isoformat() for shift in (-1, 0, 1)]


def _ids(events: pa.Table) -> pa.Array:
    return events["id"].combine_chunks()
