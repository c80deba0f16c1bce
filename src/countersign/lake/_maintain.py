"""Keep the lake small and quick: merge small files, checkpoint, remove what no snapshot names."""

# ruff: noqa: S608  # SQL is put together from our identifiers and the files of a snapshot; values are bound
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from countersign.lake import _files, spill
from countersign.lake._delta import DeltaFolder
from countersign.lake._engine import quote, scan
from countersign.lake._files import StoredFile, Writer
from countersign.lake._guard import store_errors
from countersign.lake.tables import TableSpec

GRACE = timedelta(minutes=10)
"""Files live so long after they were last named, for readers that hold an older snapshot."""
SMALL_BYTES = 24 << 20
"""Larger files are left as they are: merging them again would cost more than it saves."""
SMALL_FILES = 16
"""So many small files of one partition are merged."""
SCATTERED_FILES = 128
SCATTERED_LEAST = 4
"""Where so many small files lie over all partitions, fewer of one are merged: planning looks at every file."""
MERGED_BYTES = 128 << 20
"""One merge takes in no more than this, compressed."""
SORTED_ROWS = 16_384
"""More are not sorted as a whole: a day of wide rows would take more memory than a collection may."""
BATCH_ROWS = 8_192
"""Rows handed over at a time."""


@dataclass(frozen=True, slots=True)
class Maintained:
    """What maintenance did: files merged, files that came of it, files removed from disk."""

    merged: int = 0
    written: int = 0
    removed: int = 0


def groups(files: Iterable[StoredFile]) -> list[list[StoredFile]]:
    """Runs of files, each to become one, of the partitions that have gathered small ones."""
    small: dict[str | None, list[StoredFile]] = defaultdict(list)
    for file in files:
        if file.size < SMALL_BYTES:
            small[file.day].append(file)
    least = SMALL_FILES if sum(map(len, small.values())) < SCATTERED_FILES else SCATTERED_LEAST
    many = (gathered for gathered in small.values() if len(gathered) >= least)
    return [run for gathered in many for run in _runs(gathered) if len(run) > 1]


def _runs(files: list[StoredFile]) -> Iterator[list[StoredFile]]:
    run: list[StoredFile] = []
    size = 0
    for file in files:
        if run and size + file.size > MERGED_BYTES:
            yield run
            run, size = [], 0
        run.append(file)
        size += file.size
    yield run


def merge(
    folder: DeltaFolder, connection: duckdb.DuckDBPyConnection, files: list[StoredFile], now: datetime
) -> int:
    """Replace `files` of one partition by one with the same rows, sorted, in one commit that changes no data.

    Returns how many files came of it.
    """
    with store_errors(f"table {folder.spec.name}: merging small files"):
        schema, day = _schema(folder, files), files[0].day
        if all(file.ours for file in files):
            # one file after the other: a fraction of the memory that a database takes for it
            batches = _batches(folder, files, schema)
            groups_ = (
                _whole(batches, folder.spec) if sortable(files) else _sorted_groups(batches, folder.spec)
            )
            merged = _write(folder, schema, day, groups_)
        else:
            query = scan(folder.root, folder.spec, files)
            merged = rewrite(folder, connection, schema, day, query, sort=sortable(files))
    add = [merged] if merged else []
    folder.exchange(add, files, now=now, data_change=False)
    return len(add)


def sortable(files: Iterable[StoredFile]) -> bool:
    """Whether the rows of `files` are few enough to be sorted together."""
    return sum(file.rows for file in files) <= SORTED_ROWS


def rewrite(
    folder: DeltaFolder,
    connection: duckdb.DuckDBPyConnection,
    schema: pa.Schema,
    day: str | None,
    query: str,
    *,
    sort: bool = True,
) -> StoredFile | None:
    """A new file of `query`'s rows with the columns of `schema`; None for no rows.

    With `sort` they are in the table's order, else only within each row group: then they pass through in a stream,
    however many there are.
    """
    spec = folder.spec
    columns = ", ".join(quote(field.name) for field in schema)
    order = ", ".join(quote(name) for name in spec.order)
    ordered = f" ORDER BY {order}" if sort else ""
    reader = connection.sql(f"SELECT {columns} FROM ({query}){ordered}").to_arrow_reader(BATCH_ROWS)
    groups = _files.row_groups(reader, spec) if sort else _sorted_groups(reader, spec)
    return _write(folder, schema, day, groups)


def _write(
    folder: DeltaFolder, schema: pa.Schema, day: str | None, rows: Iterable[pa.Table]
) -> StoredFile | None:
    with Writer(folder.root, folder.spec, schema, day).open() as writer:
        for group in rows:
            writer.add(_files.narrow(group, schema))
    stored = writer.stored()
    if stored.rows:
        return stored
    _files.discard(folder.root, [stored])
    return None


def _schema(folder: DeltaFolder, files: list[StoredFile]) -> pa.Schema:
    wanted = pa.schema([field for field in folder.spec.schema if field.name != folder.spec.partition])
    if all(file.ours for file in files):
        return _files.schema_of((folder.root / file.path for file in files), wanted)
    return wanted


def _batches(folder: DeltaFolder, files: list[StoredFile], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of our own files, with the columns of `schema`."""
    fitting = _files.Fitting(schema)
    for file in files:
        with pq.ParquetFile(folder.root / file.path) as source:
            for batch in source.iter_batches(BATCH_ROWS, use_threads=False):
                yield fitting.fit(batch)


def _whole(batches: Iterable[pa.RecordBatch], spec: TableSpec) -> Iterator[pa.Table]:
    """All rows in the table's order, cut into row groups."""
    held = list(batches)
    if held:
        rows = pa.Table.from_batches(held).sort_by([(name, "ascending") for name in spec.order])
        for start in range(0, rows.num_rows, spec.row_group):
            yield rows.slice(start, spec.row_group)


def _sorted_groups(batches: Iterable[pa.RecordBatch], spec: TableSpec) -> Iterator[pa.Table]:
    keys = [(name, "ascending") for name in spec.order]
    for rows in _files.row_groups(batches, spec):
        yield rows.sort_by(keys)


def sweep(folder: DeltaFolder, now: datetime) -> int:
    """Remove files that no snapshot within the grace names: merged ones, and orphans of crashed runs."""
    named = {file.path for file in folder.files()} | folder.removed_since(now - GRACE)
    kept = {unquote(path) for path in named}
    removed = 0
    with store_errors(f"table {folder.spec.name}: removing old files"):
        for path in folder.root.rglob("*.parquet"):
            name = path.relative_to(folder.root).as_posix()
            if name.startswith("_") or name in kept or _modified(path) > now - GRACE:
                continue
            path.unlink(missing_ok=True)
            removed += 1
        _remove_empty(folder.root)
    return removed


def _modified(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _remove_empty(root: Path) -> None:
    for path in root.iterdir():
        if path.is_dir() and not path.name.startswith("_") and not any(path.iterdir()):
            path.rmdir()


def clear_spill(root: Path) -> None:
    """Remove what a killed run left of DuckDB's temporary files, and of events that waited to be stored."""
    with store_errors("removing temporary files"):
        for pattern in ("duckdb_temp*", f"*{spill.SUFFIX}"):
            for path in (root / spill.FOLDER).glob(pattern):
                path.unlink(missing_ok=True)
