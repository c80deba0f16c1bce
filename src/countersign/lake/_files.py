"""Parquet files of a table: what stands in them, and how they are written."""

from __future__ import annotations

import json
import os
import uuid
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from countersign.lake.tables import TableSpec

SUFFIX = ".cs.parquet"
"""Our own files: every top-level column carries `field_id`, so that readers need no look into each footer."""

FIELD_KEY = b"PARQUET:field_id"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RANDOM_COLUMNS = frozenset({"id", "time", "time_text", "metadata.uid", "body"})
"""Columns whose values hardly repeat: a dictionary would only be built to be thrown away."""
LONG_COLUMNS = frozenset(
    {"message", "process.cmd_line", "process.parent_process.cmd_line", "body", "unmapped"}
)
"""Texts whose least and greatest value prune nothing but fill footers."""


DICTIONARY_BYTES = 2 << 20
"""Twice the library's own limit: 20,000 command lines fit, and a search then looks at each once (two to three times as fast)."""


GROUP_BYTES = 24 << 20
"""A row group under way takes no more memory than this, however wide its rows are."""


MANY = 16_384
"""Rows of most batches, at most."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of a table. `path` is relative to the table, `first` and `last` are microseconds since 1970 of the
    table's time column (None if no row has one), `day` the partition."""

    path: str
    size: int
    rows: int
    day: str | None = None
    first: int | None = None
    last: int | None = None

    @property
    def ours(self) -> bool:
        """Written by this program, not by another engine on the same table."""
        return self.path.endswith(SUFFIX)

    def to_json(self) -> dict[str, object]:
        """For a commit's properties."""
        return asdict(self)

    def statistics(self, time: str | None) -> str:
        """Delta's statistics of the file, as JSON; see `Per-file Statistics` in the Delta protocol."""
        out: dict[str, object] = {"numRecords": self.rows}
        if time and self.first is not None and self.last is not None:
            out["minValues"] = {time: _iso(self.first)}
            out["maxValues"] = {time: _iso(self.last)}
        return json.dumps(out)


def _iso(microseconds: int) -> str:
    return (EPOCH + timedelta(microseconds=microseconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def field_id(column: str) -> int:
    """Number of a column in our files. From its name alone, so that new columns renumber none."""
    return zlib.crc32(column.encode()) & 0x7FFF_FFFF


def write(root: Path, spec: TableSpec, rows: pa.Table, day: str | None = None) -> StoredFile:
    """Write `rows`, sorted already, as one durable file that no snapshot names yet."""
    kept = with_values(rows.drop_columns(["day"]) if spec.partition else rows)
    with Writer(root, spec, kept.schema, day).open() as writer:
        writer.add(kept)
    return writer.stored()


class Writer:
    """A file under way. `schema` lacks the partition column and every column without values."""

    def __init__(self, root: Path, spec: TableSpec, schema: pa.Schema, day: str | None) -> None:
        folder = "" if day is None else f"{spec.partition}={day}/"
        self._name = f"{folder}{uuid.uuid4().hex}{SUFFIX}"
        self._path = root / self._name
        self._spec = spec
        self._schema = pa.schema(
            [field.with_metadata({FIELD_KEY: str(field_id(field.name)).encode()}) for field in schema]
        )
        self._day = day
        self._parquet: pq.ParquetWriter | None = None
        self._rows = 0
        self._first: int | None = None
        self._last: int | None = None

    @contextmanager
    def open(self) -> Iterator[Writer]:
        """Create the file; on leaving it is on disk, and after an error it is gone."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        paths = list(leaves(self._schema))
        try:
            with pq.ParquetWriter(
                self._path,
                self._schema,
                compression="zstd",
                use_dictionary=[leaf for leaf in paths if leaf not in RANDOM_COLUMNS],
                write_statistics=[
                    leaf for leaf in paths if leaf.partition(".key_value")[0] not in LONG_COLUMNS
                ],
                dictionary_pagesize_limit=DICTIONARY_BYTES,
                store_schema=False,
            ) as self._parquet:
                yield self
            sync(self._path)
            sync(self._path.parent)
        except BaseException:
            self._path.unlink(missing_ok=True)
            raise

    @property
    def schema(self) -> pa.Schema:
        """The columns of the file, as `add` wants them."""
        return self._schema

    def add(self, rows: pa.Table) -> None:
        """Write the next rows, in row groups of the table's size."""
        if self._parquet is None:
            raise RuntimeError("add rows within open()")
        self._parquet.write_table(rows.cast(self._schema), row_group_size=self._spec.row_group)
        self._rows += rows.num_rows
        time = self._spec.time
        if time and time in rows.column_names:
            span = pc.min_max(rows[time].cast(pa.int64())).as_py()
            self._first = min((at for at in (self._first, span["min"]) if at is not None), default=None)
            self._last = max((at for at in (self._last, span["max"]) if at is not None), default=None)

    def stored(self) -> StoredFile:
        """What was written, after `open` was left."""
        size = self._path.stat().st_size
        return StoredFile(self._name, size, self._rows, self._day, self._first, self._last)


def discard(root: Path, files: Iterable[StoredFile]) -> None:
    """Remove files that no snapshot will name."""
    for file in files:
        (root / file.path).unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Make a file or folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def leaves(schema: pa.Schema) -> Iterator[str]:
    """The names of a schema's leaves as Parquet has them."""
    for field in schema:
        yield from paths_of(field)


def paths_of(field: pa.Field) -> Iterator[str]:
    """Those of one column."""
    return _paths(field.name, field.type)


def alike(root: Path, files: Iterable[StoredFile]) -> list[tuple[frozenset[str], list[StoredFile]]]:
    """Our own files, together where they have the same leaves, which are named; from their footers. Most rows first."""
    groups: dict[frozenset[str], list[StoredFile]] = {}
    for file in files:
        columns = pq.read_metadata(root / file.path).schema
        present = frozenset(columns.column(place).path for place in range(len(columns)))
        groups.setdefault(present, []).append(file)
    return sorted(groups.items(), key=lambda group: -sum(file.rows for file in group[1]))


def _paths(name: str, type_: pa.DataType) -> Iterator[str]:
    if pa.types.is_struct(type_):
        for inner in type_:
            yield from _paths(f"{name}.{inner.name}", inner.type)
    elif pa.types.is_map(type_):
        yield from (f"{name}.key_value.key", f"{name}.key_value.value")
    elif pa.types.is_list(type_):
        yield f"{name}.list.element"
    else:
        yield name


def with_values(rows: pa.Table, keep: Collection[str] = ()) -> pa.Table:
    """Without columns and struct leaves that are null in every row, but for those to `keep`; missing ones read back as
    null."""
    columns: dict[str, pa.Array | pa.ChunkedArray] = {}
    for name, column in zip(rows.column_names, rows.columns, strict=True):
        if pa.types.is_struct(column.type):
            pruned = _pruned(column.combine_chunks())
            if pruned is not None:
                columns[name] = pruned
        elif column.null_count < rows.num_rows or name in keep:
            columns[name] = column
    return pa.table(columns)


def _pruned(array: pa.StructArray) -> pa.StructArray | None:
    fields, arrays = [], []
    for field, leaf in zip(array.type, array.flatten(), strict=True):
        inner = _pruned(leaf) if pa.types.is_struct(field.type) else leaf
        if inner is not None and inner.null_count < len(array):
            fields.append(field.with_type(inner.type))
            arrays.append(inner)
    return pa.StructArray.from_arrays(arrays, fields=fields) if fields else None


def schema_of(paths: Iterable[Path], schema: pa.Schema) -> pa.Schema:
    """The part of `schema` that any of our files at `paths` has; from their footers."""
    present: set[str] = set()
    for path in paths:
        present.update(leaves(pq.read_schema(path)))
    return narrowed(present, schema)


def narrowed(present: Collection[str], schema: pa.Schema) -> pa.Schema:
    """The part of `schema` whose leaves are among those `present`."""
    types = ((field, _narrowed(field.name, field.type, frozenset(present))) for field in schema)
    return pa.schema([field.with_type(type_) for field, type_ in types if type_ is not None])


def _narrowed(name: str, type_: pa.DataType, present: frozenset[str]) -> pa.DataType | None:
    if not pa.types.is_struct(type_):
        return type_ if present.intersection(_paths(name, type_)) else None
    inner = ((field, _narrowed(f"{name}.{field.name}", field.type, present)) for field in type_)
    fields = [field.with_type(kept) for field, kept in inner if kept is not None]
    return pa.struct(fields) if fields else None


def row_groups(batches: Iterable[pa.RecordBatch], spec: TableSpec) -> Iterator[pa.Table]:
    """Batches gathered until they make a row group of `spec`, or as much as memory allows."""
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        held.append(batch)
        rows += batch.num_rows
        size += batch.get_total_buffer_size()
        if rows >= spec.row_group or size >= GROUP_BYTES:
            yield pa.Table.from_batches(held)
            held, rows, size = [], 0, 0
    if held:
        yield pa.Table.from_batches(held)


def narrow(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """`rows` with only the columns and struct leaves of `schema`."""
    return pa.table(
        [_narrow(rows[field.name].combine_chunks(), field.type) for field in schema], schema=schema
    )


class Fitting:
    """Gives batches exactly the columns and struct leaves of `schema`, null where they have none."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._targets = [_target(field) for field in schema]

    def fit(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """`batch` with the columns of the schema."""
        there = dict(zip(batch.schema.names, batch.columns, strict=True))
        nothing: dict[str, pa.Array] = {}
        arrays = [_fit(there.get(one.name), one, batch.num_rows, nothing) for one in self._targets]
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)


class _Target(NamedTuple):
    """A field, looked up once for all batches: Arrow makes new objects for it each time."""

    name: str
    type: pa.DataType
    type_name: str
    fields: tuple[pa.Field, ...]
    inner: tuple[_Target, ...]


def _target(field: pa.Field) -> _Target:
    fields = tuple(field.type) if pa.types.is_struct(field.type) else ()
    return _Target(field.name, field.type, str(field.type), fields, tuple(map(_target, fields)))


@cache
def _many_nulls(type_: pa.DataType) -> pa.Array:
    return pa.nulls(MANY, type_)


def _fit(array: pa.Array | None, target: _Target, rows: int, nothing: dict[str, pa.Array]) -> pa.Array:
    """`array` as `target` has it; `nothing` holds nulls of each type, which are parts of one array for most batches."""
    if array is None:
        nulls = nothing.get(target.type_name)
        if nulls is None:
            many = rows > MANY
            nulls = pa.nulls(rows, target.type) if many else _many_nulls(target.type).slice(0, rows)
            nothing[target.type_name] = nulls
        return nulls
    if array.type == target.type:
        return array
    if not target.inner:
        return array.cast(target.type)
    leaves = dict(zip((field.name for field in array.type), array.flatten(), strict=True))
    inner = [_fit(leaves.get(one.name), one, rows, nothing) for one in target.inner]
    return pa.StructArray.from_arrays(inner, fields=list(target.fields))


def _narrow(array: pa.Array, type_: pa.DataType) -> pa.Array:
    if not pa.types.is_struct(type_):
        return array.cast(type_)
    leaves = dict(zip((field.name for field in array.type), array.flatten(), strict=True))
    return pa.StructArray.from_arrays(
        [_narrow(leaves[field.name], field.type) for field in type_], fields=list(type_)
    )
