"""Batches to append, written as rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from countersign.lake import SegmentData, SegmentRow
from countersign.model import schema
from countersign.model.identity import keyed_id

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


def event(name: str, time: datetime | None = NOON, **fields: Any) -> dict[str, Any]:
    """One event's columns; `name` makes its id."""
    row = {
        "id": keyed_id(name),
        "time": time,
        "time_text": name,
        "time_basis": "undated" if time is None else "stated",
        "count": 1,
        "keyed": True,
        "source": "windows.evtx",
        "origin": "",
        "record": 0,
        "class_uid": 3002,
    }
    return {**row, **fields}


def segment(digest: str, rows: list[dict[str, Any]], *, lineage: str = "", rejected: int = 0) -> SegmentData:
    """A parsed segment with only the columns that its rows have."""
    rows = [{**row, "segment": digest} for row in rows]
    names = [
        field for field in schema.events_schema() if any(row.get(field.name) is not None for row in rows)
    ]
    events = pa.Table.from_pylist(rows, schema=pa.schema(names))
    rejects = pa.Table.from_pylist(
        [{"segment": digest, "record": n, "source": "x", "reason": "no time"} for n in range(rejected)],
        schema=schema.REJECTED_SCHEMA,
    )
    return SegmentData(SegmentRow(digest, "windows.evtx", lineage or f"lineage of {digest}"), events, rejects)


def ids(*names: str) -> list[str]:
    return [keyed_id(name) for name in names]


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


def crash_batch(number: int) -> list[SegmentData]:
    """Two segments with three events each, one line that every batch has, and one rejected record."""
    parts = [
        [event(f"b{number}/{part}/{row}", NOON + timedelta(days=row)) for row in range(3)]
        for part in range(2)
    ]
    parts[0].append(event("shared", keyed=False))
    return [
        segment(f"b{number}/{part}", rows, lineage="log", rejected=part) for part, rows in enumerate(parts)
    ]
