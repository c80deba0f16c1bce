"""Tables in JSON: `{"tables": [{"name": ..., "columns": [{"name": ...}], "rows": [[...], [...]]}]}`, as Log Analytics and Kusto answer.

A record is a row; what stands before the first row of a table, its columns' names among it, is a record too, and is repeated at the start of every
segment. So a large answer is cut between its rows. A row is known by its bytes and its table's columns.

References: https://learn.microsoft.com/en-us/azure/azure-monitor/logs/api/response-format, RFC 8259.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from countersign.sources._json_whole import Span

_TEXT = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_ROW = re.compile(rb'\[(?:[^\[\]{}"]++|' + _TEXT + rb'|[\[{](?:[^\[\]{}"]++|' + _TEXT + rb")*+[\]}])*+\]")
_HEADER = re.compile(rb'"[Rr]ows"\s*+:\s*+\[')
_COLUMNS = re.compile(rb'"[Cc]olumns"\s*+:\s*+(\[(?:[^\[\]"]++|' + _TEXT + rb")*+\])")
_BETWEEN = re.compile(rb"[\s,]*+")
_CLOSED = re.compile(rb"[\s,\]}\0]*+")
_PATIENCE = 16
_MOST_COLUMNS = 2048


def begins(text: bytes) -> int:
    """Where the first row of the first table may stand; 0 if this is no such answer."""
    start = text.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start.startswith(b"{") or b'ables"' not in start[:256]:
        return 0
    found = _HEADER.search(text)
    return found.end() if found else 0


def table_spans(text: bytes) -> list[Span]:
    """Headers and rows, in order; what is neither is a record, for its reader to reject."""
    return list(_spans(text))


def table_end(text: bytes) -> int:
    """Where the last whole row ends, 0 if none is whole."""
    spans = table_spans(text)
    if len(spans) < 2:
        return 0
    start, end = spans[-1]
    return end if _ROW.fullmatch(text, start, end) else spans[-2][1] if len(spans) > 2 else 0


def _spans(text: bytes) -> Iterator[Span]:
    place, failed = 0, 0
    while place < len(text):
        header = _HEADER.search(text, place) if not place or not _ROW.match(text, place) else None
        row = _ROW.match(text, place) if place else None
        if row is not None:
            yield row.span()
            place = _skipped(text, row.end())
        elif header is not None:
            yield place, header.end()
            place = _skipped(text, header.end())
        elif _CLOSED.fullmatch(text, place):
            return
        else:
            following = text.find(b"[", place + 1) if failed < _PATIENCE else -1
            failed += 1
            yield place, len(text) if following < 0 else following
            place = len(text) if following < 0 else following


def _skipped(text: bytes, place: int) -> int:
    match = _BETWEEN.match(text, place)
    return match.end() if match else place


def columns(record: bytes) -> tuple[str, ...] | None:
    """The names in a table's header; None for what is none."""
    found = _HEADER.search(record)
    if found is None or found.end() != len(record):
        return None
    found_columns = list(_COLUMNS.finditer(record))
    named = found_columns[-1] if found_columns else None  # of several tables the nearest
    if named is None:
        return None
    try:
        items = orjson.loads(named[1])
    except ValueError:
        return None
    names = [item.get("name", item.get("ColumnName")) if isinstance(item, dict) else None for item in items]
    return tuple(map(str, names)) if names and len(names) <= _MOST_COLUMNS and None not in names else None


def cells(record: bytes) -> Sequence[Any] | None:
    """The values of a row; None for what is none."""
    try:
        found = orjson.loads(record)
    except ValueError:
        return None
    return found if isinstance(found, list) else None
