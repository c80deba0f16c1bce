"""Take back what was read of a segment that turned out to end in half a record, and events that another copy tells better.

A log that is collected while it is written may end in half a line. Its bytes stay sealed, as evidence of what was there;
what was understood of them is removed as soon as the whole record is known.
"""

# ruff: noqa: S608  # SQL is put together from our identifiers and the files of a snapshot; values are bound
from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import duckdb
import pyarrow as pa

from countersign.lake import _files, _maintain
from countersign.lake._delta import DeltaFolder
from countersign.lake._engine import quote, scan
from countersign.lake._files import StoredFile
from countersign.lake._guard import store_errors
from countersign.lake.tables import TableSpec

TABLES = ("sightings", "rejected", "events")
"""Events last: a run that is cut short is repeated, and finds them by the same segments."""


def retract(
    folders: Mapping[str, DeltaFolder],
    connection: duckdb.DuckDBPyConnection,
    segments: Sequence[str],
    now: datetime,
) -> int:
    """Remove the rows of `segments` from all tables but `segments` itself; returns how many events went.

    An event that was met in another segment too (a sighting says so) stays.
    """
    cursor = connection.cursor()
    with store_errors("taking back half a record"):
        cursor.register("gone", pa.table({"segment": pa.array(segments, pa.string())}))
        sightings = folders["sightings"]
        cursor.execute(
            "CREATE OR REPLACE TEMP TABLE elsewhere AS SELECT DISTINCT id FROM "
            f"({scan(sightings.root, sightings.spec, sightings.files())}) ANTI JOIN gone USING (segment)"
        )
    stays = "segment NOT IN (SELECT segment FROM gone)"
    of_events = f"{stays} OR id IN (SELECT id FROM elsewhere)"
    removed = {
        name: _without(folders[name], cursor, "segment", of_events if name == "events" else stays, now)
        for name in TABLES
    }
    cursor.close()
    return removed["events"]


def withdraw(
    events: DeltaFolder, connection: duckdb.DuckDBPyConnection, ids: Sequence[str], now: datetime
) -> int:
    """Remove events by their ids; returns how many went. Their segments' rows, and their bytes, stay."""
    cursor = connection.cursor()
    with store_errors("taking back events"):
        cursor.register("gone", pa.table({"id": pa.array(ids, pa.string())}))
    removed = _without(events, cursor, "id", "id NOT IN (SELECT id FROM gone)", now)
    cursor.close()
    return removed


def _without(
    folder: DeltaFolder, cursor: duckdb.DuckDBPyConnection, key: str, stays: str, now: datetime
) -> int:
    """Write the files anew that hold rows whose `key` is among the `gone`, with those that meet the condition `stays`."""
    spec = folder.spec
    narrow = replace(spec, schema=pa.schema([spec.schema.field(key)]))
    with store_errors(f"table {spec.name}: looking for what goes"):
        query = (
            f"SELECT DISTINCT filename FROM ({scan(folder.root, narrow, folder.files())}) "
            f"SEMI JOIN gone USING ({quote(key)})"
        )
        found = {name for (name,) in cursor.execute(query).fetchall()}
    old = [file for file in folder.files() if str(folder.root / file.path) in found]
    if not old:
        return 0
    days: dict[str | None, list[StoredFile]] = defaultdict(list)
    for file in old:
        days[file.day].append(file)
    new = [written for day, files in days.items() if (written := _kept(folder, cursor, day, files, stays))]
    folder.exchange(new, old, now=now)
    return sum(file.rows for file in old) - sum(file.rows for file in new)


def _kept(
    folder: DeltaFolder,
    cursor: duckdb.DuckDBPyConnection,
    day: str | None,
    files: list[StoredFile],
    stays: str,
) -> StoredFile | None:
    spec: TableSpec = folder.spec
    columns = ", ".join(quote(name) for name in spec.schema.names)
    query = f"SELECT {columns} FROM ({scan(folder.root, spec, files)}) WHERE {stays}"
    with store_errors(f"table {spec.name}: taking back rows"):
        wanted = pa.schema([field for field in spec.schema if field.name != spec.partition])
        if all(file.ours for file in files):
            wanted = _files.schema_of((folder.root / file.path for file in files), wanted)
        return _maintain.rewrite(folder, cursor, wanted, day, query, sort=_maintain.sortable(files))
