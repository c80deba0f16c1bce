"""What is appended to the lake in one commit, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

import pyarrow as pa

from countersign.model import schema


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """One row of the segments table; the fields are those of `schema.SEGMENTS_SCHEMA`, where they are explained."""

    segment: str
    source: str
    lineage: str
    head: str = ""
    pieces: tuple[str, ...] = ()
    origin: str = ""
    path: str = ""
    offset: int = 0
    size: int = 0
    received: datetime | None = None
    sealed: datetime | None = None
    records: int = 0
    events: int = 0
    rejected: int = 0
    leaf_segment: int | None = None
    leaf_records: int | None = None


@dataclass(frozen=True, slots=True)
class SegmentData:
    """One segment, parsed. `events` has a subset of the events table's columns, among them `id`; a table without
    rows may have none. None says that they wait in one of the files (`Spill`) that come with the batch."""

    row: SegmentRow
    events: pa.Table | None
    rejected: pa.Table


Batch = Sequence[SegmentData]


@dataclass(frozen=True, slots=True)
class Appended:
    """What came of a batch: events that are new, rows that were known already (in the lake or earlier in the
    batch), records rejected, and the segments stored. `refused` were stored before: nothing of them is counted."""

    new_events: int = 0
    duplicates: int = 0
    rejected: int = 0
    stored: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def rows_table(rows: Sequence[SegmentRow]) -> pa.Table:
    """Segment rows as a table."""
    names = [field.name for field in fields(SegmentRow)]
    return pa.table(
        {name: [_value(getattr(row, name)) for row in rows] for name in names}, schema=schema.SEGMENTS_SCHEMA
    )


def _value(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def rows_of(table: pa.Table) -> list[SegmentRow]:
    """A table as segment rows."""
    return [SegmentRow(**{**row, "pieces": tuple(row["pieces"] or ())}) for row in table.to_pylist()]
