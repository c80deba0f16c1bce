"""Windows event logs as Windows keeps them: EVTX files, live, archived or gathered by a collector.

For an auditor: the strongest form of a Windows log. Each record carries the computer that wrote it, its channel,
a record id counted by that channel and the time in UTC. In a collector's ForwardedEvents these are the originating
computer's, for they stand inside the forwarded event; the collector's own numbering is not used.

References: MS-EVEN6, https://learn.microsoft.com/windows/win32/wes/eventschema-schema.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from countersign.model.batch import EventBatch, ParseContext, Parsed
from countersign.sources import _framing
from countersign.sources._base import Source
from countersign.sources._windows import nested
from countersign.sources._windows.reader import Reader

NAME = "windows.evtx"


def detect(head: bytes) -> bool:
    """EVTX by its magic number."""
    return head.startswith(_framing.FILE_MAGIC)


def parse(records: Sequence[bytes], context: ParseContext) -> Parsed:
    """Events of the rendered records of one segment."""
    batch = EventBatch(NAME, context)
    reader = Reader(batch)
    loads, read, add = orjson.loads, nested.read, reader.add
    for index, raw in enumerate(records):
        try:
            entry = read(loads(raw)["Event"])
        except (ValueError, LookupError, TypeError, AttributeError):  # no JSON, or no event in it
            entry = None
        if entry is None:
            batch.reject(index, _framing.damage(raw) or "a rendered record that is no Windows event")
        else:
            add(index, raw, entry)
    return batch.finish()


SOURCE = Source(NAME, "Windows event log (EVTX)", "evtx", detect, parse)
