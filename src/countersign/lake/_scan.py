"""Events read straight from our own Parquet files, for those who look at many rows of few columns.

DuckDB is made for joins and sums. To hand over rows as they are it takes three to five times as long as the Parquet reader,
and more where a filter picks rows out of a map. Texts are read as the dictionaries that they are stored as, tested once for
each distinct value, and spelled out only for the rows that will do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from countersign.lake import _files
from countersign.lake._files import StoredFile
from countersign.lake._guard import store_errors
from countersign.lake._query import Filter, Span, microseconds
from countersign.lake.tables import TableSpec

FEWEST_ROWS = 65_536
"""Row groups are put together until they have so many rows that were asked for: engines gain by larger batches."""
HELD_BYTES = 32 << 20
"""Or until they take so much: they are copied when they are put together."""
DECODED_BYTES = 8 << 20
"""Texts spelled out at a time."""
_ROWS = " rows"
"""Stands in for columns where none is there, so that rows can be counted."""
Mask = npt.NDArray[np.bool_]
KeyTest = Callable[[str], bool]
_KEY = ".key_value.key"


class Passage:
    """Rows of our own files: `batch` has what was asked for, `more` reads other columns of the same rows, for those who want
    them of few batches only."""

    def __init__(self, batch: pa.RecordBatch, groups: Sequence[_Group] = ()) -> None:
        self.batch = batch
        self._groups = groups

    def more(self, names: Sequence[str]) -> pa.RecordBatch:
        """Those of these columns and dotted leaves that any row's file has, beside those of `batch`."""
        known = dict(zip(self.batch.schema.names, self.batch.columns, strict=True))
        wanted = [name for name in names if name not in known]
        if wanted and self._groups:
            with store_errors("reading events"):
                found = _together([group.read(wanted) for group in self._groups])
            known |= dict(zip(found.schema.names, found.columns, strict=True))
            known.pop(_ROWS, None)
        return pa.RecordBatch.from_arrays(list(known.values()), names=list(known))


@dataclass(frozen=True, slots=True)
class _Group:
    """A row group and those of its rows that will do, which were read as dictionaries if `coded`."""

    path: Path
    number: int
    mask: Mask
    coded: bool

    def read(self, names: Sequence[str]) -> pa.Table:
        with _open(self.path) as parquet:
            present = set(_files.leaves(parquet.schema_arrow))
            columns = _columns(parquet, self.number, [name for name in names if _has(present, name)])
        return _chosen({_ROWS: pa.chunked_array([pa.nulls(len(self.mask))]), **columns}, self.mask)


def scan(
    root: Path,
    spec: TableSpec,
    files: Sequence[StoredFile],
    names: Sequence[str],
    where: Filter,
    span: Span,
    keys: KeyTest | None = None,
    *,
    coded: bool = False,
) -> Iterator[Passage]:
    """Rows of our own files in batches, with those columns and dotted leaves of `names` that any row of the batch's files
    has, each under the name it was asked by. While one batch is looked at the next is read.

    With `keys`, a map is read only where it has a key that passes. With `coded`, texts come as the dictionaries that they are
    stored as where most rows of a group will do; a dictionary may have values that no row has.
    """
    groups = _Groups(root, spec, names, where, span, keys, coded=coded).read(files)
    with ThreadPoolExecutor(max_workers=1) as pool:
        ahead = pool.submit(next, groups, None)
        while True:
            with store_errors("reading events"):
                passage = ahead.result()
            if passage is None:
                return
            ahead = pool.submit(next, groups, None)
            yield passage


class _Groups:
    """Reads row group by row group: first what is asked of rows, then, if any will do, the rest."""

    def __init__(
        self,
        root: Path,
        spec: TableSpec,
        names: Sequence[str],
        where: Filter,
        span: Span,
        keys: KeyTest | None,
        *,
        coded: bool,
    ) -> None:
        self._root = root
        self._spec = spec
        self._keys = keys
        self._coded = coded
        self._names = names
        self._tests = [(column, pa.array(values)) for column, values in where.conditions()]
        if where.segments is not None:
            self._tests.append(("segment", pa.array(where.segments, pa.string())))
        self._span = span

    def read(self, files: Iterable[StoredFile]) -> Iterator[Passage]:
        held: list[tuple[pa.Table, _Group]] = []
        rows = size = 0
        for file in files:
            for table, group in self._of_file(file):
                if held and group.coded != held[0][1].coded:
                    yield _passage(held)
                    held, rows, size = [], 0, 0
                held.append((table, group))
                rows += table.num_rows
                size += table.nbytes
                if rows >= FEWEST_ROWS or size >= HELD_BYTES:
                    yield _passage(held)
                    held, rows, size = [], 0, 0
        if held:
            yield _passage(held)

    def _of_file(self, file: StoredFile) -> Iterator[tuple[pa.Table, _Group]]:
        path = self._root / file.path
        with _open(path) as parquet:
            present = set(_files.leaves(parquet.schema_arrow))
            asked = [column for column, _ in self._tests] + ([] if self._span.open else ["time"])
            if not all(column in present for column in asked):
                return  # null in every row
            wanted = [name for name in self._names if name == self._spec.partition or _has(present, name)]
            first = [name for name in wanted if name in asked]
            rest = [name for name in wanted if name not in asked and name != self._spec.partition]
            for number in range(parquet.num_row_groups):
                if self._outside(parquet, number):
                    continue
                table, mask = self._asked(parquet, number, dict.fromkeys(asked))
                if not mask.any():
                    continue
                columns = {name: table[name] for name in first}
                columns |= _columns(
                    parquet, number, [name for name in rest if self._of_use(parquet, number, name)]
                )
                if self._spec.partition in wanted:
                    columns[self._spec.partition] = pa.chunked_array([pa.repeat(file.day or "", len(mask))])
                nothing = {_ROWS: pa.chunked_array([pa.nulls(len(mask))])}
                found = {name: columns[name] for name in wanted if name in columns} or nothing
                coded = self._coded and 2 * int(np.count_nonzero(mask)) > len(mask)
                yield _chosen(found, mask, coded=coded), _Group(path, number, mask, coded)

    def _of_use(self, parquet: pq.ParquetFile, number: int, name: str) -> bool:
        """Whether a map has a key that is asked for; true for what is no map."""
        if self._keys is None or not pa.types.is_map(self._spec.schema.field(name.partition(".")[0]).type):
            return True
        lists = parquet.read_row_group(number, columns=[f"{name}{_KEY}"])[name]
        return any(
            self._keys(key)
            for chunk in lists.chunks
            for key in pc.struct_field(chunk.flatten(), "key").dictionary.to_pylist()
        )

    def _outside(self, parquet: pq.ParquetFile, number: int) -> bool:
        """Whether no row of the group can be in the span, as its statistics tell."""
        if self._span.open:
            return False
        group = parquet.metadata.row_group(number)
        for place in range(group.num_columns):
            column = group.column(place)
            if column.path_in_schema == self._spec.time and column.statistics is not None:
                if not column.statistics.has_min_max:
                    return False
                low, high = column.statistics.min, column.statistics.max
                return bool(
                    (self._span.since is not None and high < self._span.since)
                    or (self._span.until is not None and low >= self._span.until)
                )
        return False

    def _asked(self, parquet: pq.ParquetFile, number: int, asked: Iterable[str]) -> tuple[pa.Table, Mask]:
        """The columns that are asked about, and the rows that will do."""
        columns = _columns(parquet, number, list(asked))
        mask = np.ones(parquet.metadata.row_group(number).num_rows, dtype=bool)
        for column, values in self._tests:
            mask &= _among(columns[column], values)
        if not self._span.open:
            times = columns["time"].cast(pa.int64())
            if self._span.since is not None:
                mask &= _true(pc.greater_equal(times, microseconds(self._span.since)))
            if self._span.until is not None:
                mask &= _true(pc.less(times, microseconds(self._span.until)))
        return pa.table(columns), mask


def _open(path: Path) -> pq.ParquetFile:
    """A file whose texts are read as dictionaries, but for those that hardly repeat."""
    with pq.ParquetFile(path) as parquet:
        metadata, columns = parquet.metadata, parquet.schema
        texts = [column.path for column in map(columns.column, range(len(columns))) if _repeats(column)]
    return pq.ParquetFile(path, metadata=metadata, read_dictionary=texts)


def _repeats(column: pq.ColumnSchema) -> bool:
    path: str = column.path
    if column.physical_type != "BYTE_ARRAY" or path in _files.RANDOM_COLUMNS:
        return False
    return path.endswith(_KEY) or path.partition(".key_value")[0] not in _files.LONG_COLUMNS


def _among(column: pa.ChunkedArray, values: pa.Array) -> Mask:
    """Which rows have one of the values; a dictionary is asked once for each of its own."""
    if not pa.types.is_dictionary(column.type):
        return _true(pc.is_in(column, value_set=values.cast(column.type)))
    masks = [
        _true(pc.is_in(chunk.dictionary, value_set=values.cast(pa.string())).take(chunk.indices))
        for chunk in column.chunks
    ]
    return np.concatenate(masks) if masks else np.zeros(0, dtype=bool)


def _chosen(columns: Mapping[str, pa.ChunkedArray], mask: Mask, *, coded: bool = False) -> pa.Table:
    """The rows that will do, spelled out unless they are to stay `coded`."""
    table = pa.table(columns)
    if not mask.all():
        table = table.filter(pa.array(mask))
    if coded:
        return table
    return pa.table(
        {name: _spelled(column) for name, column in zip(table.column_names, table.columns, strict=True)}
    )


def _spelled(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column without dictionaries."""
    if pa.types.is_dictionary(column.type):
        return pa.chunked_array([_decoded(chunk) for chunk in column.chunks], column.type.value_type)
    if not pa.types.is_map(column.type) or not pa.types.is_dictionary(column.type.key_type):
        return column
    plain = pa.map_(pa.string(), column.type.item_type)
    return pa.chunked_array([_spelled_map(chunk) for chunk in column.chunks], plain)


def _decoded(chunk: pa.DictionaryArray) -> pa.Array:
    """The texts. Arrow sets memory aside for rows of the dictionary's mean length: for a column of a few scripts among many
    nulls that is hundreds of megabytes, so such a column is done piece by piece."""
    length = chunk.dictionary.nbytes // max(1, len(chunk.dictionary))
    step = max(1024, DECODED_BYTES // max(1, length))
    if len(chunk) <= step:
        return chunk.dictionary_decode()
    pieces = [chunk.slice(start, step).dictionary_decode() for start in range(0, len(chunk), step)]
    return pa.concat_arrays(pieces)


def _spelled_map(chunk: pa.MapArray) -> pa.MapArray:
    offsets = chunk.offsets.to_numpy()
    first, last = int(offsets[0]), int(offsets[-1])
    validity = chunk.is_null() if chunk.null_count else None
    return pa.MapArray.from_arrays(
        pa.array(offsets - first),
        _decoded(chunk.keys.slice(first, last - first)),
        chunk.items.slice(first, last - first),
        mask=validity,
    )


def _true(answers: pa.Array | pa.ChunkedArray) -> Mask:
    mask: Mask = pc.fill_null(answers, fill_value=False).to_numpy(zero_copy_only=False).astype(bool)
    return mask


def _has(present: set[str], name: str) -> bool:
    return name in present or any(leaf.startswith(f"{name}.") for leaf in present)


def _columns(parquet: pq.ParquetFile, number: int, names: Sequence[str]) -> dict[str, pa.ChunkedArray]:
    """Columns and dotted leaves of one row group."""
    if not names:
        return {}
    table = parquet.read_row_group(number, columns=list(names))
    found = {}
    for name in names:
        head, *path = name.split(".")
        column = table[head]
        found[name] = pc.struct_field(column, path) if path else column
    return found


def _passage(held: Sequence[tuple[pa.Table, _Group]]) -> Passage:
    return Passage(_together([table for table, _ in held]), [group for _, group in held])


def _together(held: Sequence[pa.Table]) -> pa.RecordBatch:
    table = held[0] if len(held) == 1 else pa.concat_tables(held, promote_options="default")
    (batch,) = table.combine_chunks().to_batches()
    return batch
