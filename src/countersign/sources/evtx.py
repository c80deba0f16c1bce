"""Windows event logs as Windows keeps them: EVTX files, live, archived or gathered by a collector.

For an auditor: the strongest form of a Windows log. Each record carries the computer that wrote it, its channel,
a record id counted by that channel and the time in UTC. In a collector's ForwardedEvents these are the originating
computer's, for they stand inside the forwarded event; the collector's own numbering is not used.

References: MS-EVEN6, https://learn.microsoft.com/windows/win32/wes/eventschema-schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from countersign.model.batch import EventBatch, ParseContext, Parsed
from countersign.sources import _framing
from countersign.sources._base import Source
from countersign.sources._windows import blocks, nested
from countersign.sources._windows.reader import Reader

NAME = "windows.evtx"
NO_EVENT = "a rendered record that is no Windows event"


def detect(head: bytes) -> bool:
    """EVTX by its magic number."""
    return head.startswith(_framing.FILE_MAGIC)


def parse(records: Sequence[bytes], context: ParseContext) -> Parsed:
    """Events of the rendered records of one segment."""
    batch = EventBatch(NAME, context)
    reader = Reader(batch)
    for group in blocks.by_beginning(records):
        for index in blocks.read(group, records, reader):
            _read(reader, batch, index, records[index])
    reader.finish()
    return batch.finish()


def _event(raw: bytes) -> dict[str, Any] | None:
    try:
        event = orjson.loads(raw)["Event"]
    except (ValueError, LookupError, TypeError):  # no JSON, or no event in it
        return None
    return event if type(event) is dict else None


def _read(reader: Reader, batch: EventBatch, index: int, raw: bytes) -> None:
    event = _event(raw)
    entry = None if event is None else nested.read(event)
    if entry is None:
        batch.reject(index, _framing.damage(raw) or NO_EVENT)
    else:
        reader.add(index, raw, entry)


SOURCE = Source(NAME, "Windows event log (EVTX)", "evtx", detect, parse, page="windows")
