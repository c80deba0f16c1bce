"""The events of the records that the truth names, found by what each record says of itself."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from countersign.evaluate.truth import Key
from countersign.lake import Lake
from countersign.ledger import Archive
from countersign.sources import source
from countersign.sources._framing import frame

_COLUMNS = (
    "id",
    "source",
    "segment",
    "record",
    "metadata.log_name",
    "metadata.uid",
    "connection_info.uid",
    "device.hostname",
)
_GLUE = "\x1f"


def events_of(lake: Lake, archive: Archive, wanted: Collection[Key]) -> dict[str, Key]:
    """Event id -> the name in `wanted` of its record. Streams the events; of lines it reads the sealed segments."""
    named = pa.array(sorted({_GLUE.join(key) for key in wanted if key[0] != "line"}), pa.string())
    digests = {key[1] for key in wanted if key[0] == "line"}
    found: dict[str, Key] = {}
    lines: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
    for batch in lake.events(list(_COLUMNS)):
        table = pa.Table.from_batches([batch])
        for part, names in _named(table):
            hit = pc.is_in(names, value_set=named)
            pairs = zip(part["id"].filter(hit).to_pylist(), names.filter(hit).to_pylist(), strict=True)
            found.update((id_, tuple(name.split(_GLUE))) for id_, name in pairs)
        for row in table.filter(_is_line(table)).select(["id", "source", "segment", "record"]).to_pylist():
            lines[row["segment"], row["source"]][row["record"]] = row["id"]
    for (segment, family), events in lines.items():
        records = frame(source(family).framing, archive.get(segment))
        for index, id_ in events.items():
            digest = hashlib.sha256(records[index].rstrip(b"\r\n")).hexdigest()[:32]
            if digest in digests:
                found[id_] = ("line", digest)
    return found


def _named(table: pa.Table) -> Iterator[tuple[pa.Table, pa.ChunkedArray]]:
    """The events of each kind of name, with their names; `None` where an event has not all of it."""
    windows = pc.match_substring_regex(table["source"], "^windows")
    zeek = pc.equal(table["source"], "zeek")
    part = table.filter(windows)
    host = pc.utf8_lower(part["device.hostname"])
    yield part, _joined("windows", host, part["metadata.log_name"], part["metadata.uid"])
    part = table.filter(zeek)
    yield part, _joined("zeek", part["metadata.log_name"], part["connection_info.uid"])
    part = table.filter(pc.invert(pc.or_(windows, zeek)))
    yield part, _joined("id", part["metadata.uid"])


def _joined(kind: str, *columns: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(pa.scalar(kind), *columns, pa.scalar(_GLUE))


def _is_line(table: pa.Table) -> pa.ChunkedArray:
    """Lines have no id of their own; a range's JSON records and connections all do."""
    other = pc.invert(pc.match_substring_regex(table["source"], "^(windows|zeek)"))
    return pc.and_(other, pc.is_null(table["metadata.uid"]))
