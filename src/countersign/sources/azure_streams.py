"""Streams of Microsoft's diagnostic settings, and tables of a Log Analytics workspace (Sentinel): sign-ins, audit, activity, mail and files, hunting
records and Windows events, in one file or in several.

For an auditor an event hub, a storage account or a workspace holds what the tenant and its subscriptions were told to send there, in the order of
its coming; what was not switched on is not in it. Each record becomes an event of the family that it is of, whichever it came with.

Read are JSON objects (lines, arrays, envelopes), and the answers of a workspace's interface with columns and rows
(`{"tables": [{"columns": [...], "rows": [...]}]}`), whose rows are told apart by their column `Type`, or by their columns.

References: https://learn.microsoft.com/en-us/entra/identity/monitoring-health/concept-activity-log-schemas,
https://learn.microsoft.com/en-us/azure/azure-monitor/platform/stream-monitoring-data-event-hubs,
https://learn.microsoft.com/en-us/azure/azure-monitor/logs/api/response-format, https://learn.microsoft.com/en-us/azure/azure-monitor/reference/tables/securityevent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from countersign.model.batch import EventBatch, ParseContext
from countersign.sources import azure_activity, defender, entra_audit, entra_signin, m365
from countersign.sources._clock import Clock
from countersign.sources._family import NO_FRAME, Family, Layout, Mapper, Read
from countersign.sources._flat import Row
from countersign.sources._json import JSON
from countersign.sources._json_table import begins, cells, columns, table_spans
from countersign.sources._mixed import mixed_sources, whole_source
from countersign.sources._windows import workspace
from countersign.sources._windows.reader import Reader

_LOOKED_AT = 20
_NO_ROW = "neither a row nor the columns of a table"
_OTHER_CELLS = "a row with another number of values than the table has columns"
WINDOWS = Family(
    name="windows.workspace",
    title="Windows events of a Log Analytics workspace (JSON)",
    page="windows",
    product="Windows",
    vendor="Microsoft",
    match=workspace.is_row,
    time=(),
)
FAMILIES = (
    entra_signin.FAMILY,
    entra_audit.FAMILY,
    m365.FAMILY,
    defender.FAMILY,
    azure_activity.FAMILY,
    WINDOWS,
)
_ANSWER = Family(
    name="log_analytics",
    title="Log Analytics (Sentinel): answers with columns and rows",
    page="sentinel",
    product="",
    vendor="Microsoft",
    match=lambda _: False,
    time=(),
)


class _WindowsRows(Mapper):
    """Rows of SecurityEvent, by the table of Windows events."""

    def __init__(self, family: Family) -> None:
        super().__init__(family)
        self._rows: list[tuple[int, bytes, Row]] = []

    def put(self, index: int, raw: bytes, row: Row, frame: Mapping[str, object] = NO_FRAME) -> None:
        """Takes a row that is this family's."""
        del frame
        self._rows.append((index, raw, row))

    def write(self, batch: EventBatch, clock: Clock) -> None:
        """Adds all rows taken to `batch`."""
        del clock
        reader = Reader(batch, self.family.name)
        for index, raw, row in self._rows:
            entry = workspace.read(row)
            if entry is None:
                batch.reject(index, _NO_ROW)
            else:
                reader.add(index, raw, entry)
        reader.finish()
        self._rows.clear()


def _made(family: Family) -> Mapper:
    return _WindowsRows(family) if family is WINDOWS else Mapper(family)


def _read(records: Sequence[bytes], context: ParseContext) -> Iterator[Read]:
    del context
    yield from _rows_of(records)


def _rows_of(records: Sequence[bytes]) -> Iterator[Read]:
    names: tuple[str, ...] = ()
    table = b""  # its columns, in short: a row says nothing without them
    for index, raw in enumerate(records):
        header = columns(raw)
        if header is not None:
            names = header
            table = hashlib.sha256("\0".join(names).encode("utf-8", "replace")).digest()
            continue
        if names and raw.startswith(b"]"):  # behind the last row: statistics, how to draw it
            continue
        values = cells(raw) if names else None
        if values is None:
            yield index, raw, _NO_ROW, NO_FRAME
        elif len(values) != len(names):
            yield index, raw, _OTHER_CELLS, NO_FRAME
        else:
            row = {name: value for name, value in zip(names, values, strict=True) if value not in (None, "")}
            yield index, table + raw, row, NO_FRAME


@lru_cache(maxsize=4)
def _first_rows(head: bytes) -> Sequence[Row]:
    if not begins(head):
        return ()
    records = [head[start:end] for start, end in table_spans(head)[: _LOOKED_AT + 1]]
    names = columns(records[0]) if records else None
    rows = [row for _, _, row, _ in _rows_of(records) if isinstance(row, dict)]
    return rows or ([dict.fromkeys(names, "")] if names else ())


SOURCES = (
    *mixed_sources(FAMILIES, JSON, _made),
    whole_source(_ANSWER, FAMILIES, Layout("table", _read, _first_rows, begins), _made),
)
