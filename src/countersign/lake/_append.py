"""Append a batch to several tables so that a crash leaves all of it or nothing.

1. Leave out segments that are stored already.
2. Find the events that are new; keyless ones met again become sightings.
3. Write all files of all tables, durably; no snapshot names them yet. An error until here removes them.
4. Commit the events. The commit carries the batch's number as application transaction, its segment ids, and the
   names of the files of the other tables: from here on the batch is stored.
5. Commit sightings, rejected and, last, segments. If this is cut short, `recover` does it from what 4 says.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from countersign.errors import StoreError
from countersign.lake import _dedupe, _files
from countersign.lake._delta import DeltaFolder
from countersign.lake._files import StoredFile
from countersign.lake._guard import store_errors
from countersign.lake.batch import Appended, Batch, SegmentData, rows_table
from countersign.model import schema

FOLLOWERS = ("sightings", "rejected", "segments")
"""Committed after the events, in this order."""
SEGMENTS_PROPERTY = "countersign.segments"
FILES_PROPERTY = "countersign.files"

Folders = Mapping[str, DeltaFolder]
Known = Callable[[_dedupe.Probe], pa.Array]
"""Those ids of a probe that are stored."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch whose files are written."""

    files: dict[str, tuple[StoredFile, ...]]
    appended: Appended


def select(batch: Batch, stored: Collection[str]) -> tuple[list[SegmentData], list[str]]:
    """The segments to store, each once, and those that are refused."""
    fresh: dict[str, SegmentData] = {}
    refused: list[str] = []
    for data in batch:
        segment = data.row.segment
        if segment in stored or segment in fresh:
            refused.append(segment)
        else:
            fresh[segment] = data
    return list(fresh.values()), refused


def prepare(folders: Folders, known: Known, batch: Sequence[SegmentData]) -> Prepared:
    """Steps 2 and 3."""
    events = _dedupe.combined(data.events for data in batch)
    parts = _dedupe.split(events)
    first, again = _unknown(parts, folders["events"].files(), known)
    tables = {
        "sightings": _sightings(again, batch),
        "rejected": pa.concat_tables([data.rejected.cast(schema.REJECTED_SCHEMA) for data in batch]),
        "segments": rows_table([data.row for data in batch]),
    }
    files = _written(folders, first, tables)
    appended = Appended(
        new_events=first.num_rows,
        duplicates=events.num_rows - first.num_rows,
        rejected=tables["rejected"].num_rows,
        stored=tuple(data.row.segment for data in batch),
    )
    return Prepared(files, appended)


def _unknown(
    parts: _dedupe.Split, files: Sequence[StoredFile], known: Known
) -> tuple[pa.Table, list[pa.Table]]:
    """The new events, and all rows that are not."""
    keys = parts.first.select(["id", "time", "time_basis", "day"])
    found = [known(probe) for probe in _dedupe.probes(keys, files)]
    stored = pa.chunked_array(found, pa.string()) if found else pa.chunked_array([], pa.string())
    if not len(stored):
        return parts.first, [parts.again]
    is_stored = pc.is_in(parts.first["id"], stored.combine_chunks())
    return parts.first.filter(pc.invert(is_stored)), [parts.first.filter(is_stored), parts.again]


def _sightings(again: Sequence[pa.Table], batch: Sequence[SegmentData]) -> pa.Table:
    """Keyless rows met again; a keyed one met again is the same record in another copy of the log."""
    names = ["id", "segment", "count", "keyed"]
    rows = pa.concat_tables([table.select(names) for table in again])
    rows = rows.filter(pc.invert(pc.fill_null(rows["keyed"], fill_value=True)))
    segments = pa.array([data.row.segment for data in batch], pa.string())
    lineages = pa.array([data.row.lineage for data in batch], pa.string())
    lineage = lineages.take(pc.index_in(rows["segment"], segments).combine_chunks())
    count = pc.fill_null(rows["count"], 1)
    return pa.table([rows["id"], rows["segment"], lineage, count], schema=schema.SIGHTINGS_SCHEMA)


def _written(
    folders: Folders, events: pa.Table, others: Mapping[str, pa.Table]
) -> dict[str, tuple[StoredFile, ...]]:
    done: list[tuple[str, StoredFile]] = []
    try:
        with store_errors("the batch cannot be written"):
            for day, rows in days(events):
                done.append(("events", _write(folders["events"], rows, day)))
            done.extend((name, _write(folders[name], rows)) for name, rows in others.items() if rows.num_rows)
    except StoreError:
        for name, file in done:
            _files.discard(folders[name].root, [file])
        raise
    return {name: tuple(file for owner, file in done if owner == name) for name in ("events", *FOLLOWERS)}


def _write(folder: DeltaFolder, rows: pa.Table, day: str | None = None) -> StoredFile:
    return _files.write(folder.root, folder.spec, rows, day)


def days(events: pa.Table) -> list[tuple[str, pa.Table]]:
    """Rows that are sorted by time, cut by day; the undated stand last."""
    counts = {item["values"]: item["counts"] for item in pc.value_counts(events["day"]).to_pylist()}
    out, start = [], 0
    for day in sorted(counts):
        out.append((day, events.slice(start, counts[day])))
        start += counts[day]
    return out


def commit(folders: Folders, prepared: Prepared, now: datetime) -> None:
    """Steps 4 and 5. After an error in 4 (where nothing was committed) the files are removed; after one in 5 the batch waits for `recover`."""
    events = folders["events"]
    number = events.batch + 1
    properties: dict[str, Any] = {
        SEGMENTS_PROPERTY: list(prepared.appended.stored),
        FILES_PROPERTY: {name: [file.to_json() for file in prepared.files[name]] for name in FOLLOWERS},
    }
    try:
        events.commit(prepared.files["events"], now=now, batch=number, properties=properties)
    except StoreError:
        events.refresh()
        if events.batch < number:
            for name, files in prepared.files.items():
                _files.discard(folders[name].root, files)
            raise
    _follow(folders, number, prepared.files, now)


def _follow(folders: Folders, number: int, files: Mapping[str, Sequence[StoredFile]], now: datetime) -> None:
    for name in FOLLOWERS:
        if files[name] and folders[name].batch < number:
            folders[name].commit(files[name], now=now, batch=number)


def recover(folders: Folders, now: datetime) -> tuple[str, ...]:
    """Finish the batch that a crash left after step 4. Returns its segments, none where all was whole."""
    number = folders["events"].batch
    if folders["segments"].batch >= number:
        return ()
    properties = folders["events"].properties_of(number)
    files = {name: [StoredFile(**entry) for entry in properties[FILES_PROPERTY][name]] for name in FOLLOWERS}
    _follow(folders, number, files, now)
    return tuple(properties[SEGMENTS_PROPERTY])
