"""Events on their way: parsed in many workers, and kept in files until they are enough for good Parquet.

A worker leaves the events of its segments in one Arrow file, day by day. When a batch is to be stored, only their
keys are read in one place, to find out which are new; then workers write one Parquet file a day from all that wait.
Files that wait belong to nobody after a crash: their segments are sealed, and are parsed again.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from countersign.lake import _dedupe, _files
from countersign.lake._files import StoredFile, Writer
from countersign.lake.tables import tables

FOLDER = "tmp"
"""Folder in the lake of files that belong to the run under way; emptied when the lake is opened for writing."""
SUFFIX = ".arrow"
KEYS = ("id", "time", "time_basis", "segment", "record", "count", "keyed")
"""What deduplication looks at."""
FEWEST_ROWS = 64
"""Runs of one day shorter than this on average are gathered first: each costs as much as a few dozen rows."""

Mask = npt.NDArray[np.bool_]
Run = Callable[[Callable[..., Any], Sequence["Portion"]], Iterable[Any]]
"""How calls are made, one for each portion: `map`, or that of a pool of processes."""


@dataclass(frozen=True, slots=True)
class Piece:
    """The rows of one batch in a file that waits, all of one day."""

    day: str
    rows: int


@dataclass(frozen=True, slots=True)
class Spill:
    """A file of events that wait: its pieces in the order in which they stand there, `size` bytes unfolded, `leaves` as
    Parquet names them."""

    path: Path
    pieces: tuple[Piece, ...]
    columns: tuple[str, ...]
    leaves: frozenset[str]
    size: int

    @property
    def rows(self) -> int:
        """How many events wait in it."""
        return sum(piece.rows for piece in self.pieces)

    def keys(self) -> pa.Table:
        """The columns of `KEYS` and `day`, of all rows in their order."""
        wanted = [self.columns.index(name) for name in KEYS]
        with _opened(self.path, wanted) as reader:
            rows = reader.read_all()
        days = pa.concat_arrays([pa.repeat(piece.day, piece.rows) for piece in self.pieces])
        return rows.select(list(KEYS)).append_column("day", days)


def discard(spills: Iterable[Spill]) -> None:
    """Remove files whose events are stored, or nobody wants."""
    for one in spills:
        one.path.unlink(missing_ok=True)


def spill(root: Path, tables_: Sequence[pa.Table]) -> Spill | None:
    """Leave events in a new file under the lake `root`; None where there are none. Raises OSError."""
    events = _dedupe.combined(tables_)
    if not events.num_rows:
        return None
    days = events["day"].combine_chunks()
    rows = _files.with_values(events.drop_columns(["day"]), keep=KEYS).combine_chunks()
    runs = list(_runs(days))
    if len(runs) > 1 and len(rows) < FEWEST_ROWS * len(runs):
        order = pc.sort_indices(days)
        days, rows = days.take(order), rows.take(order)
        runs = list(_runs(days))
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{uuid.uuid4().hex}{SUFFIX}"
    try:
        options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
        with (
            pa.OSFile(str(path), "wb") as sink,
            pa.ipc.new_file(sink, rows.schema, options=options) as writer,
        ):
            for start, stop in runs:
                for batch in rows.slice(start, stop - start).to_batches():
                    writer.write_batch(batch)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    pieces = tuple(Piece(days[start].as_py(), stop - start) for start, stop in runs)
    return Spill(path, pieces, tuple(rows.column_names), frozenset(_files.leaves(rows.schema)), rows.nbytes)


def _runs(days: pa.Array) -> Iterator[tuple[int, int]]:
    """Where each run of one and the same day begins and ends."""
    codes = days.dictionary_encode().indices.to_numpy()
    borders = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    return pairwise(borders)


def _opened(path: Path, columns: Sequence[int] | None = None) -> Any:  # noqa: ANN401  # Arrow has no types
    options = pa.ipc.IpcReadOptions(included_fields=list(columns or ()), use_threads=False)
    return pa.ipc.open_file(pa.OSFile(str(path)), options=options)


def all_keys(spills: Sequence[Spill], segments: Sequence[str]) -> pa.Table:
    """The keys of all rows that wait: `KEYS` with `segment` as its place among `segments` (null for another one), `day`,
    and `place`, the row's number among all."""
    known = pa.array(segments, pa.string())
    parts = []
    for one in spills:
        keys = one.keys()
        place = keys.schema.get_field_index("segment")
        parts.append(keys.set_column(place, "segment", pc.index_in(keys["segment"], known)))
    keys = pa.concat_tables(parts).combine_chunks()
    return keys.append_column("place", pa.arange(0, len(keys)))


@dataclass(frozen=True, slots=True)
class Portion:
    """What one day takes from the files that wait: for each of them the numbers of its batches, and, where not every
    row is taken, which are (one byte a row); `leaves` are those of all these files."""

    root: Path
    day: str
    leaves: frozenset[str]
    parts: tuple[tuple[Path, tuple[tuple[int, bytes | None], ...]], ...]


def portions(root: Path, spills: Sequence[Spill], taken: Mask) -> list[Portion]:
    """The days' portions; `taken` says of each row in `all_keys` whether it is stored. Large days come first."""
    days: dict[str, dict[Path, list[tuple[int, bytes | None]]]] = defaultdict(lambda: defaultdict(list))
    sizes: dict[str, int] = defaultdict(int)
    leaves: dict[str, set[str]] = defaultdict(set)
    start = 0
    for one in spills:
        for number, piece in enumerate(one.pieces):
            chosen = taken[start : start + piece.rows]
            start += piece.rows
            rows = int(chosen.sum())
            if rows:
                mask = None if rows == piece.rows else chosen.tobytes()
                days[piece.day][one.path].append((number, mask))
                sizes[piece.day] += rows
                leaves[piece.day] |= one.leaves
    return [
        Portion(
            root,
            day,
            frozenset(leaves[day]),
            tuple((path, tuple(parts)) for path, parts in days[day].items()),
        )
        for day in sorted(days, key=lambda day: (-sizes[day], day))
    ]


def write_day(portion: Portion) -> StoredFile:
    """Write one day's portion as one durable file that no snapshot names yet; in a worker. Raises OSError."""
    spec = tables()["events"]
    whole = pa.schema([field for field in spec.schema if field.name != spec.partition])
    with Writer(portion.root, spec, _files.narrowed(portion.leaves, whole), portion.day).open() as writer:
        batches = map(_files.Fitting(writer.schema).fit, _batches(portion))
        for group in _files.row_groups(batches, spec):
            writer.add(group)
    pa.default_memory_pool().release_unused()
    return writer.stored()


def _batches(portion: Portion) -> Iterator[pa.RecordBatch]:
    for path, parts in portion.parts:
        with _opened(path) as reader:
            for number, mask in parts:
                batch = reader.get_batch(number)
                if mask is not None:
                    batch = batch.filter(pa.array(np.frombuffer(mask, np.bool_)))
                yield batch


def taken(rows: int, places: pa.ChunkedArray) -> Mask:
    """Which of `rows` rows stand at `places`."""
    mask = np.zeros(rows, np.bool_)
    mask[places.to_numpy()] = True
    return mask
