"""What passes the pipeline: segments on their way, the statements of their leaves, and what the lake is given of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from countersign.app import _parsing
from countersign.app._journal import Entry, Note
from countersign.app._parsing import Outcome
from countersign.ledger import Parser, RecordsStatement, Sealed, SegmentStatement
from countersign.ledger.archive import CODEC
from countersign.model import schema
from countersign.sources._framing import parser_version

if TYPE_CHECKING:
    from countersign.lake import SegmentData


@dataclass(frozen=True, slots=True)
class Loose:
    """Bytes cut but not sealed."""

    raw: bytes
    entry: Entry


@dataclass(slots=True)
class Work:
    """A sealed segment on its way. `records` is the leaf and root of its records if an earlier run got so far."""

    entry: Entry
    note: Note
    leaf: int
    records: tuple[int, str] | None = None


Batch = list[tuple[Work, Outcome]]


@dataclass(slots=True)
class Totals:
    """What has been stored by this run."""

    records: int = 0
    events: int = 0
    rejected: int = 0
    new_events: int = 0
    duplicates: int = 0
    segments: int = 0
    bytes_stored: int = 0


def segment_leaf(entry: Entry, sealed: Sealed) -> bytes:
    """The statement that a segment was sealed."""
    return SegmentStatement(
        digest=sealed.digest,
        size=sealed.size,
        stored_digest=sealed.stored_digest,
        stored_size=sealed.stored_size,
        codec=CODEC,
        framing=entry.framing,
        sealed=entry.sealed,
    ).to_bytes()


def lake_data(work: Work, outcome: Outcome, *, half: bool) -> SegmentData:
    """What the lake is given of a segment; of one that ends in half a record which is whole by now, only its row."""
    from countersign.lake import SegmentData, SegmentRow

    entry = work.entry
    row = SegmentRow(
        segment=entry.digest,
        source=entry.source,
        lineage=entry.lineage,
        head=entry.head,
        pieces=entry.pieces,
        origin=entry.origin,
        path=entry.path,
        offset=entry.offset,
        size=entry.size,
        received=entry.received,
        sealed=entry.sealed,
        records=outcome.events_rows + outcome.duplicates + outcome.rejected_rows,
        events=outcome.events_rows + outcome.duplicates,
        rejected=outcome.rejected_rows,
        leaf_segment=work.leaf,
        leaf_records=work.records[0] if work.records else None,
    )
    rejected = _parsing.table(outcome.rejected)
    if half:
        return SegmentData(row, schema.events_schema().empty_table(), rejected.slice(0, 0))
    return SegmentData(row, None, rejected)


def records_leaf(entry: Entry, outcome: Outcome) -> bytes:
    """The statement of a segment's records, under their root."""
    evtx = entry.framing == "evtx"
    return RecordsStatement(
        segment=entry.digest,
        framing=entry.framing,
        parser=Parser(*parser_version(entry.framing).split(" ", 1)),
        over="rendering" if evtx else "bytes",
        count=outcome.framed,
        root=outcome.root or "",
    ).to_bytes()
