"""Reading the lake. Every call looks at the newest snapshot; what it returns stays with that snapshot."""

# ruff: noqa: S608  # SQL is put together from our identifiers and the files of a snapshot; values are bound
from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from countersign.errors import UsageError
from countersign.lake import _dedupe, _engine, _scan
from countersign.lake._delta import DeltaFolder
from countersign.lake._engine import quote, scan
from countersign.lake._files import EPOCH, StoredFile
from countersign.lake._guard import store_errors
from countersign.lake._query import Filter, Span, concerned, projection, where
from countersign.lake._scan import Passage
from countersign.lake._views import Views
from countersign.lake.batch import SegmentRow, rows_of
from countersign.lake.tables import TableSpec
from countersign.model import schema

if TYPE_CHECKING:
    import ibis.expr.types as ir

BATCH_ROWS = 32_768
"""Rows of one record batch of `events`: all 331 columns of so many take 60 MB, and 65,536 rows were no faster."""

LISTED_IDS = 1000
"""So many ids are written into the query; more are joined."""

NAMES_LISTED = 20_000
"""A Windows estate with all its channels has some 4,000 combinations of log, provider and event id."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one host's logs of one family hold: rows and their extent in time, None where all are undated."""

    source: str
    host: str
    rows: int
    undated: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Extent:
    """What was looked at: all rows, their extent in time, and each source and host by itself."""

    rows: int
    first: datetime | None
    last: datetime | None
    seen: tuple[Seen, ...]


class LakeReading:
    """The reading half of `Lake`; see there."""

    def __init__(self, root: Path, folders: Mapping[str, DeltaFolder]) -> None:
        self.root = root
        self._folders = folders
        self._views = Views(lambda: self._connection)

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        return _engine.connect(self.root)

    def _folder(self, name: str) -> DeltaFolder:
        if name not in self._folders:
            raise UsageError(f"the lake has no table {name}; it has {', '.join(self._folders)}")
        folder = self._folders[name]
        folder.refresh()
        return folder

    def _scan(self, name: str) -> str:
        folder = self._folder(name)
        return scan(folder.root, folder.spec, folder.files())

    def events(
        self,
        columns: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        where: Filter | None = None,
        rows: int = BATCH_ROWS,
    ) -> pa.RecordBatchReader:
        """Stream events, in no particular order, at most `rows` in a batch.

        `columns` are columns or dotted leaves (`user.name`, which comes as a column of that name); None means all.
        `since` is included, `until` is not; undated events come only where neither is given. Raises `UsageError`
        for a name that is no column; the stream raises `StoreError`.
        """
        folder = self._folder("events")
        filter_, span = where or Filter(), Span(since, until)
        select, chosen = projection(folder.spec, columns)
        files = concerned(folder.files(), span, filter_.days)
        cursor = self._connection.cursor()
        if filter_.ids is not None:
            files = self._holding(folder, cursor, files, filter_.ids)
        return pa.RecordBatchReader.from_batches(
            chosen, _stream(cursor, folder, files, select, chosen, filter_, span, rows)
        )

    def scan(
        self,
        columns: Sequence[str],
        since: datetime | None = None,
        until: datetime | None = None,
        where: Filter | None = None,
        later: Sequence[str] = (),
        keys: Callable[[str], bool] | None = None,
        *,
        coded: bool = False,
    ) -> Iterator[Passage]:
        """The same rows as `events`, quicker for many rows of few columns, and without the columns that are null in all
        files of a batch. Columns that may be asked of a passage afterwards stand in `later`. With `keys`, `unmapped` may be
        left out where it has no key that passes. With `coded`, texts may come as dictionaries, which may have values that no row
        has. Ids cannot be asked for."""
        folder = self._folder("events")
        filter_, span = where or Filter(), Span(since, until)
        select, chosen = _of_scan(folder, [*columns, *later], filter_)
        files = concerned(folder.files(), span, filter_.days)
        ours = [file for file in files if file.ours]
        yield from _scan.scan(folder.root, folder.spec, ours, columns, filter_, span, keys, coded=coded)
        others = [file for file in files if not file.ours]
        if others:
            cursor = self._connection.cursor()
            for batch in _stream(cursor, folder, others, select, chosen, filter_, span, BATCH_ROWS):
                yield Passage(batch)

    def distinct(self, name: str, columns: Sequence[str]) -> pa.Table:
        """The distinct rows of some columns of a table, in no particular order."""
        folder = self._folder(name)
        source = scan(folder.root, _narrow(folder.spec, *columns), folder.files())
        with store_errors(f"reading {name}"):
            query = f"SELECT DISTINCT {', '.join(map(quote, columns))} FROM ({source})"
            return self._connection.cursor().sql(query).to_arrow_table()

    @staticmethod
    def _holding(
        folder: DeltaFolder,
        cursor: duckdb.DuckDBPyConnection,
        files: Sequence[StoredFile],
        ids: Sequence[str],
    ) -> list[StoredFile]:
        """Those of `files` in which any of the ids stands: two columns are read to spare all others."""
        with store_errors("looking for ids"):
            cursor.register("wanted", pa.table({"id": pa.array(ids, pa.string())}))
            query = f"SELECT DISTINCT filename FROM ({scan(folder.root, _narrow(folder.spec, 'id'), files)})"
            found = {name for (name,) in cursor.execute(f"{query} SEMI JOIN wanted USING (id)").fetchall()}
        return [file for file in files if str(folder.root / file.path) in found]

    def _known(self, probe: _dedupe.Probe) -> pa.Array:
        """Those ids of a probe that stand in its files."""
        folder = self._folders["events"]
        text, moments = "true", []
        if probe.first is not None and probe.last is not None:
            text = "time >= ? AND time <= ?"
            moments = [EPOCH + timedelta(microseconds=at) for at in (probe.first, probe.last)]
        with store_errors("looking for known events"):
            cursor = self._connection.cursor()
            cursor.register("probe", pa.table({"id": probe.ids}))
            source = scan(folder.root, _narrow(folder.spec, "id", "time"), probe.files)
            query = f"SELECT DISTINCT id FROM ({source}) SEMI JOIN probe USING (id) WHERE {text}"
            ids = cursor.sql(query, params=moments).to_arrow_table()["id"].combine_chunks()
            cursor.close()
        return ids.cast(pa.string())

    def table(self, name: str) -> ir.Table:
        """A table as an Ibis expression on DuckDB, over the files of the newest snapshot.

        Run it with `to_pyarrow`. It shows the lake as it was when `table` was last called for that name.
        """
        return self._views.whole(self._folder(name))

    def flat(self, name: str, columns: Sequence[str], days: Collection[str] | None = None) -> ir.Table:
        """Columns and dotted leaves of a table, each under the name that it is asked by, as an Ibis expression like `table`'s; of the
        partitions `days`, if given. For questions to many rows: of large files nothing but the leaves in question is read.

        Raises `UsageError` for a name that is no column.
        """
        return self._views.flat(self._folder(name), columns, days)

    def read(
        self,
        name: str,
        since: datetime | None = None,
        until: datetime | None = None,
        ids: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """Rows of a small table, by time then key; of these `columns`, all if None.

        Rows with a start and an end are in where they overlap the span; a missing end counts as the start, a missing
        start as the end. Rows without any time come only where neither `since` nor `until` is given.
        """
        folder = self._folder(name)
        spec, span = folder.spec, Span(since, until)
        if not span.open and spec.time is None:
            raise UsageError(f"table {name} has no time to choose by")
        texts, values = span.conditions(spec.time or "", spec.end)
        with store_errors(f"reading {name}"):
            cursor = self._connection.cursor()
            files = folder.files() if spec.end else concerned(folder.files(), span)
            chosen = (
                spec.schema if columns is None else pa.schema([spec.schema.field(name) for name in columns])
            )
            query = f"SELECT {', '.join(map(quote, chosen.names))} FROM ({scan(folder.root, spec, files)})"
            if ids is not None:
                cursor.register("wanted", pa.table({spec.key: pa.array(ids, pa.string())}))
                query += f" SEMI JOIN wanted USING ({quote(spec.key)})"
            order = ", ".join(map(quote, spec.order))
            query += f" WHERE {' AND '.join(texts) or 'true'} ORDER BY {order}"
            rows = cursor.sql(query, params=values).to_arrow_table().cast(chosen)
            cursor.close()
        return rows

    def segment_rows(self) -> pa.Table:
        """The segments table (`schema.SEGMENTS_SCHEMA`), by segment."""
        return self.read("segments")

    def segments(self) -> list[SegmentRow]:
        """The stored segments, by digest."""
        return rows_of(self.segment_rows())

    def stored_segments(self) -> set[str]:
        """Digests of the segments that are stored whole."""
        with store_errors("reading segments"):
            rows = (
                self._connection.cursor()
                .execute(f"SELECT segment FROM ({self._scan('segments')})")
                .fetchall()
            )
        return {segment for (segment,) in rows}

    def leaves(self, segments: Sequence[str]) -> dict[str, int]:
        """Segment -> index of its `records` leaf, for those that are stored and have one."""
        rows = self.read("segments", ids=segments).select(["segment", "leaf_records"])
        pairs = zip(*(column.to_pylist() for column in rows.columns), strict=True)
        return {segment: leaf for segment, leaf in pairs if leaf is not None}

    def days(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        segments: Sequence[str] | None = None,
    ) -> list[tuple[str, int]]:
        """The days that have events, in order, and how many rows are to be looked at: those of the files of that day
        that may hold some in the span, or of these segments."""
        folder = self._folder("events")
        files = concerned(folder.files(), Span(since, until))
        found: dict[str, int] = {}
        if segments is None:
            for file in files:
                found[file.day or schema.UNDATED] = found.get(file.day or schema.UNDATED, 0) + file.rows
        else:
            with store_errors("looking for segments"):
                cursor = self._connection.cursor()
                text, values = _among(cursor, "segment", segments)
                source = scan(folder.root, _narrow(folder.spec, "segment", "day"), files)
                query = f"SELECT day, count(*) FROM ({source}) WHERE {text} GROUP BY day"
                found = dict(cursor.execute(query, list(values)).fetchall())
                cursor.close()
        return sorted(found.items())

    def names(self, days: Sequence[str] | None = None) -> list[tuple[str, ...]] | None:
        """What log sources are told by: the distinct source, log, provider and event code of events, as recorded, empty
        where absent. None where there are more than `NAMES_LISTED`, which only a hostile log makes."""
        folder = self._folder("events")
        files = concerned(folder.files(), Span(), None if days is None else frozenset(days))
        with store_errors("reading the names of log sources"):
            cursor = self._connection.cursor()
            rows = cursor.execute(
                f"""
                SELECT DISTINCT coalesce(source, ''), coalesce(metadata.log_name, ''),
                    coalesce(metadata.log_provider, ''), coalesce(metadata.event_code, '')
                FROM ({scan(folder.root, _narrow(folder.spec, "source", "metadata"), files)}) LIMIT {NAMES_LISTED + 1}
                """
            ).fetchall()
            cursor.close()
        return sorted(rows) if len(rows) <= NAMES_LISTED else None

    def counts(self, ids: Sequence[str]) -> dict[str, int]:
        """Event id -> how often the record was met: the greatest number in any one lineage of files."""
        folder = self._folder("events")
        with store_errors("counting sightings"):
            cursor = self._connection.cursor()
            files = self._holding(folder, cursor, folder.files(), ids)
            events = scan(folder.root, _narrow(folder.spec, "id", "segment", "count"), files)
            rows = cursor.execute(
                f"""
                WITH met AS (
                    SELECT e.id, coalesce(s.lineage, e.segment) AS lineage, coalesce(e.count, 1) AS count
                    FROM ({events}) e SEMI JOIN wanted USING (id)
                    LEFT JOIN ({self._scan("segments")}) s ON s.segment = e.segment
                    UNION ALL
                    SELECT id, lineage, count FROM ({self._scan("sightings")}) SEMI JOIN wanted USING (id)
                ), totals AS (SELECT id, lineage, sum(count) AS total FROM met GROUP BY ALL)
                SELECT id, max(total) FROM totals GROUP BY id
                """
            ).fetchall()
            cursor.close()
        return {id_: int(total) for id_, total in rows}

    def day_digests(self, name: str) -> dict[str, str]:
        """The days of a table with a digest of each one's files: a day with the same digest has the same rows."""
        of: dict[str, list[str]] = {}
        for file in self._folder(name).files():
            of.setdefault(file.day or "", []).append(file.path)
        return {
            day: hashlib.sha256("\n".join(sorted(paths)).encode()).hexdigest()
            for day, paths in sorted(of.items())
        }

    def extent(self) -> Extent:
        """What was looked at: first and last time, rows of each source and host."""
        query = f"""
            SELECT source, coalesce(device.hostname, '') AS host, count(*) AS rows,
                   count(*) FILTER (time IS NULL) AS undated, min(time) AS first, max(time) AS last
            FROM ({self._scan("events")}) GROUP BY ALL ORDER BY ALL
            """
        with store_errors("reading the extent of events"):
            table = self._connection.cursor().sql(query).to_arrow_table()
        seen = tuple(Seen(**row) for row in table.to_pylist())
        return Extent(
            rows=sum(part.rows for part in seen),
            first=min((part.first for part in seen if part.first), default=None),
            last=max((part.last for part in seen if part.last), default=None),
            seen=seen,
        )


def _among(
    cursor: duckdb.DuckDBPyConnection, column: str, allowed: Sequence[str]
) -> tuple[str, Sequence[str]]:
    """SQL that a text column has one of these values. A list is tested while the file is read, a join afterwards."""
    if len(allowed) > LISTED_IDS:
        cursor.register(f"allowed_{column}", pa.table({column: pa.array(allowed, pa.string())}))
        return f"{column} IN (SELECT {column} FROM allowed_{column})", ()
    return (f"{column} IN ({', '.join('?' * len(allowed))})" if allowed else "false"), allowed


def _of_scan(folder: DeltaFolder, names: Sequence[str], where: Filter) -> tuple[str, pa.Schema]:
    """SQL and schema of what is asked of a scan, if that can be had of one."""
    if where.ids is not None:
        raise RuntimeError("ask `events` for ids")
    select, chosen = projection(folder.spec, list(dict.fromkeys(names)))
    if any(pa.types.is_struct(field.type) for field in chosen):
        raise RuntimeError("ask for the leaves of a struct")
    return select, chosen


def _narrow(spec: TableSpec, *columns: str) -> TableSpec:
    """The table with a few of its columns: shorter SQL, quicker to plan."""
    return replace(spec, schema=pa.schema([spec.schema.field(name) for name in columns]))


def _stream(
    cursor: duckdb.DuckDBPyConnection,
    folder: DeltaFolder,
    files: Sequence[StoredFile],
    select: str,
    schema: pa.Schema,
    filter_: Filter,
    span: Span,
    rows: int,
) -> Iterator[pa.RecordBatch]:
    condition, parameters = where(filter_, span)
    for column, allowed in (("id", filter_.ids), ("segment", filter_.segments)):
        if allowed is not None:
            text, values = _among(cursor, column, allowed)
            condition += f" AND {text}"
            parameters.extend(values)
    query = f"SELECT {select} FROM ({scan(folder.root, folder.spec, files)}) WHERE {condition}"
    with store_errors("reading events"):
        reader = cursor.sql(query, params=parameters).to_arrow_reader(rows)
    while True:
        with store_errors("reading events"):
            batch = next(reader, None)
        if batch is None:
            return
        yield batch.cast(schema)
