"""The real logs of ../shared/data as event tables, read by the sources themselves, without a workspace."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from countersign.model.batch import ParseContext
from countersign.model.schema import source_columns
from countersign.sources import HEAD_BYTES, recognise, source
from countersign.sources._framing import frame

NOW = datetime(2026, 11, 21, tzinfo=UTC)
CONTEXT = ParseContext("0" * 64, NOW, NOW)


def events_of(data: bytes) -> pa.Table | None:
    """The events of one file; None if no source knows it."""
    family = recognise(data[:HEAD_BYTES])
    if family is None:
        return None
    return family.parse(frame(family.framing, data), CONTEXT).events


def members(path: Path, *suffixes: str) -> Iterator[tuple[str, bytes]]:
    """The files of a folder or zip, in the order of their names."""
    if path.is_dir():
        for inner in sorted(path.rglob("*")):
            if inner.is_file() and inner.suffix in suffixes:
                yield str(inner), inner.read_bytes()
        return
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if name.lower().endswith(suffixes):
                yield name, archive.read(name)


def twin_events(data: bytes) -> pa.Table:
    """The events of a regression capture's JSON twin: documents one after the other, written over many lines."""
    return source("windows.json").parse(frame("json", data), CONTEXT).events


def together(tables: list[pa.Table]) -> pa.Table:
    """One table with all their columns."""
    return pa.concat_tables(tables, promote_options="default").combine_chunks()


STANDARD = {
    "EventID": "event_code",
    "Channel": "log_name",
    "Provider_Name": "log_provider",
}


def as_records(events: pa.Table) -> list[dict[str, str]]:
    """Each event as the fields that its source wrote, by their names there (for a field with a column: casefolded)."""
    records: list[dict[str, str]] = [{} for _ in range(events.num_rows)]
    for name, column in source_columns().items():
        if column in events.column_names and events[column].null_count < events.num_rows:
            for record, value in zip(records, events[column].to_pylist(), strict=True):
                if value is not None:
                    record[name] = str(value)
    if "unmapped" in events.column_names:
        for record, pairs in zip(records, events["unmapped"].to_pylist(), strict=True):
            for name, value in pairs or ():
                plain = name.replace(" ", "").replace("_", "")
                if value is not None and plain.casefold() not in {one.casefold() for one in record}:
                    record[plain] = value
    return records


def names_of(events: pa.Table) -> list[tuple[str, str, str, str]]:
    """Source, log, provider and event code of each event."""
    metadata: list[dict[str, Any]] = events["metadata"].to_pylist()
    return [
        (source_, *((one or {}).get(name) or "" for name in ("log_name", "log_provider", "event_code")))
        for source_, one in zip(events["source"].to_pylist(), metadata, strict=True)
    ]
