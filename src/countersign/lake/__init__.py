"""The lake: Delta tables of a workspace, written by delta-rs, read by DuckDB. The only importer of either."""

from countersign.lake._lake import Lake
from countersign.lake._maintain import Maintained
from countersign.lake._query import Filter
from countersign.lake._reading import Extent, Seen
from countersign.lake.batch import Appended, Batch, SegmentData, SegmentRow
from countersign.lake.lock import WorkspaceLock

__all__ = [
    "Appended",
    "Batch",
    "Extent",
    "Filter",
    "Lake",
    "Maintained",
    "Seen",
    "SegmentData",
    "SegmentRow",
    "WorkspaceLock",
]
