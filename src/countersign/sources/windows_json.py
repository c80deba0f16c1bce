"""Windows events as JSON: flat (NXLog, Logstash), nested (evtx_dump), ECS (Winlogbeat); an object a line, or as documents.

For an auditor: the same events as in EVTX, after a collector. The collector's clock and zone come in (see
`_windows.clock`), and whoever can write to the collector can write these lines. A record with computer,
channel, record id and time has the same id as its EVTX original.

References: see `_windows.flat`, `_windows.nested`, `_windows.ecs`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from countersign.model.batch import EventBatch, ParseContext, Parsed
from countersign.sources._base import Source
from countersign.sources._json import json_rows
from countersign.sources._json_table import begins
from countersign.sources._windows import blocks, ecs, flat, nested, workspace
from countersign.sources._windows.clock import Zone
from countersign.sources._windows.reader import Entry, Reader

NAME = "windows.json"
DOCUMENTS = "windows.json_documents"
LINES_LOOKED_AT = 20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CUT_OFF_SIGNS = ((b'"Channel"', b'"EventID"'), (b'"winlog"', b'"channel"'), (b'"Event"', b'"System"'))
"""Signs of a first line so long that the head of the file does not hold it whole."""
_WRAPPERS = ("_source", "Record")


def detect(head: bytes) -> bool:
    """JSON lines of which one of the first is a Windows event."""
    lines = head.removeprefix(BYTE_ORDER_MARK).split(b"\n", LINES_LOOKED_AT)
    whole = lines[:-1] if len(lines) > 1 else lines
    zone = Zone("UTC")
    for line in whole:
        record = _object(line)
        if record is not None and _entry(record, zone) is not None:
            return True
    start = lines[0].lstrip()
    return (
        len(lines) == 1
        and start.startswith(b"{")
        and not begins(head)
        and any(all(sign in start for sign in signs) for signs in _CUT_OFF_SIGNS)
    )


def detect_documents(head: bytes) -> bool:
    """Windows events as documents over several lines, or as an array: evtx_dump without `-o jsonl`, exports of a search."""
    if detect(head):
        return False
    zone = Zone("UTC")
    return any(_entry(dict(record), zone) is not None for record in json_rows(head))


def _parse(name: str) -> Callable[[Sequence[bytes], ParseContext], Parsed]:
    def parse(records: Sequence[bytes], context: ParseContext) -> Parsed:
        """Events of the records of one segment."""
        batch = EventBatch(name, context)
        reader = Reader(batch)
        zone = Zone(context.zone)
        for group in blocks.by_beginning(records):
            for index in blocks.read(group, records, reader, _opening(group.start)):
                _read(reader, batch, index, records[index], zone)
        reader.finish()
        return batch.finish()

    return parse


def _opening(start: bytes) -> tuple[str, ...]:
    """Exports leave the namespace out as often as not."""
    return ("System",) if start.startswith(blocks.REOPENED) else blocks.WHOLE


def _read(reader: Reader, batch: EventBatch, index: int, raw: bytes, zone: Zone) -> None:
    """One record that is not as EVTX renders it."""
    record = _object(raw)
    if record is None:
        if raw.strip(b"\r\n\t "):  # an empty line is no record
            batch.reject(index, "a line that is no JSON object")
        return
    entry = _entry(record, zone)
    if entry is None:
        batch.reject(index, "a JSON object that is no Windows event")
    else:
        reader.add(index, raw, entry)


def _object(raw: bytes) -> dict[str, Any] | None:
    """The object in one line; bytes that are no UTF-8 are replaced, so that they cannot hide a record."""
    try:
        record = orjson.loads(raw)
    except ValueError:
        cleaned = raw.removeprefix(BYTE_ORDER_MARK).strip(b"\r\n\t \0,")
        if cleaned == raw and cleaned.isascii():
            return None
        try:
            record = orjson.loads(cleaned.decode("utf-8", "replace"))
        except ValueError:
            return None
    return record if type(record) is dict else None


def _entry(record: dict[str, Any], zone: Zone) -> Entry | None:
    """The entry in an object of any of the three forms, None if it is of none."""
    event = record.get("Event")
    if type(event) is dict:
        return nested.read(event)
    if workspace.is_row(record):  # `azure_streams` reads these, with what else a workspace has
        return None
    if flat.is_flat(record):
        return flat.read(record, zone)
    if ecs.is_ecs(record):
        return ecs.read(record)
    for wrapper in _WRAPPERS:
        inner = record.get(wrapper)
        if type(inner) is dict and wrapper not in inner:
            return _entry(inner, zone)
    respelled = flat.respelled(record)
    return flat.read(respelled, zone) if flat.is_flat(respelled) else None


SOURCES = (
    Source(NAME, "Windows events as JSON lines", "lines", detect, _parse(NAME), page="windows"),
    Source(
        DOCUMENTS,
        "Windows events as JSON documents",
        "json",
        detect_documents,
        _parse(DOCUMENTS),
        page="windows",
    ),
)
