"""Append a batch to several tables so that a crash leaves all of it or nothing.

1. Leave out segments that are stored already.
2. Find the events that are new; keyless ones met again become sightings.
3. Write all files of all tables, durably; no snapshot names them yet. An error until here removes them.
4. Commit the events. The commit carries the batch's number as application transaction, its segment ids, and the
   names of the files of the other tables: from here on the batch is stored.
5. Commit sightings, rejected and, last, segments. If this is cut short, `recover` does it from what 4 says.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from countersign.errors import StoreError
from countersign.lake import _dedupe, _files, spill
from countersign.lake._delta import DeltaFolder
from countersign.lake._files import StoredFile
from countersign.lake._guard import store_errors
from countersign.lake.batch import Appended, Batch, SegmentData, SegmentRow, rows_table
from countersign.lake.spill import Run, Spill
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
    """Steps 2 and 3, of events in memory."""
    events = _dedupe.combined(data.events for data in batch if data.events is not None)
    parts = _dedupe.split(events)
    first, again = _unknown(parts, folders["events"].files(), known)
    rows = pa.concat_tables([table.select(["id", "segment", "count", "keyed"]) for table in again])
    segments = pa.array([data.row.segment for data in batch], pa.string())
    places = pc.index_in(rows["segment"], segments).combine_chunks()
    tables = {
        "sightings": _sightings(rows, places, [data.row for data in batch]),
        "rejected": pa.concat_tables([data.rejected.cast(schema.REJECTED_SCHEMA) for data in batch]),
        "segments": rows_table([data.row for data in batch]),
    }
    with _all_or_none(folders) as done:
        for day, part in days(first):
            done.append(("events", _files.write(folders["events"].root, folders["events"].spec, part, day)))
        _write_others(folders, tables, done)
    return _prepared(done, tables, batch, first.num_rows, events.num_rows)


def prepare_waiting(
    folders: Folders, known: Known, batch: Sequence[SegmentData], waiting: Sequence[Spill], run: Run
) -> Prepared:
    """Steps 2 and 3, of events that wait in files; those of segments which are not in `batch`, or bring a table of
    their own, are left out."""
    rows = sorted((data.row for data in batch if data.events is None), key=lambda row: row.segment)
    keys = spill.all_keys(waiting, [row.segment for row in rows])
    wanted = keys.filter(pc.is_valid(keys["segment"])) if keys["segment"].null_count else keys
    parts = _dedupe.split_few(wanted, ("time", "segment", "record"))
    first, again = _unknown(parts, folders["events"].files(), known)
    seen = pa.concat_tables([table.select(["id", "segment", "count", "keyed"]) for table in again])
    tables = {
        "sightings": _sightings(seen, seen["segment"].combine_chunks(), rows),
        "rejected": pa.concat_tables([data.rejected.cast(schema.REJECTED_SCHEMA) for data in batch]),
        "segments": rows_table([data.row for data in batch]),
    }
    shares = spill.portions(folders["events"].root, waiting, spill.taken(len(keys), first["place"]))
    with _all_or_none(folders) as done:
        done.extend(("events", file) for file in run(spill.write_day, shares))
        _write_others(folders, tables, done)
    return _prepared(done, tables, batch, first.num_rows, wanted.num_rows)


def _prepared(
    done: Sequence[tuple[str, StoredFile]],
    tables: Mapping[str, pa.Table],
    batch: Sequence[SegmentData],
    new: int,
    rows: int,
) -> Prepared:
    files = {name: tuple(file for owner, file in done if owner == name) for name in ("events", *FOLLOWERS)}
    appended = Appended(
        new_events=new,
        duplicates=rows - new,
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


def _sightings(rows: pa.Table, places: pa.Array, segments: Sequence[SegmentRow]) -> pa.Table:
    """Keyless rows met again; a keyed one met again is the same record in another copy of the log. `places` are those
    of the rows' segments among `segments`."""
    keyless = pc.invert(pc.fill_null(rows["keyed"], fill_value=True)).combine_chunks()
    rows, places = rows.filter(keyless), places.filter(keyless)
    names = pa.array([row.segment for row in segments], pa.string())
    lineages = pa.array([row.lineage for row in segments], pa.string())
    count = pc.fill_null(rows["count"], 1)
    return pa.table(
        [rows["id"], names.take(places), lineages.take(places), count], schema=schema.SIGHTINGS_SCHEMA
    )


@contextmanager
def _all_or_none(folders: Folders) -> Iterator[list[tuple[str, StoredFile]]]:
    """Files written within, by table; after an error all are removed."""
    done: list[tuple[str, StoredFile]] = []
    try:
        with store_errors("the batch cannot be written"):
            yield done
    except StoreError:
        for name, file in done:
            _files.discard(folders[name].root, [file])
        raise


def _write_others(
    folders: Folders, tables: Mapping[str, pa.Table], done: list[tuple[str, StoredFile]]
) -> None:
    for name, rows in tables.items():
        if rows.num_rows:
            done.append((name, _files.write(folders[name].root, folders[name].spec, rows)))


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
