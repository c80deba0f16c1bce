"""The lake: Delta tables of a workspace, written by delta-rs, read by DuckDB. The only importer of either.

The engines are loaded when the lake is first opened: a worker that only writes files (`spill`) needs neither.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from countersign.lake._lake import Lake
    from countersign.lake._maintain import Maintained
    from countersign.lake._query import Filter
    from countersign.lake._reading import Extent, Seen
    from countersign.lake._scan import Passage
    from countersign.lake.batch import Appended, Batch, SegmentData, SegmentRow
    from countersign.lake.lock import WorkspaceLock
    from countersign.lake.spill import Spill

__all__ = [
    "Appended",
    "Batch",
    "Extent",
    "Filter",
    "Lake",
    "Maintained",
    "Passage",
    "Seen",
    "SegmentData",
    "SegmentRow",
    "Spill",
    "WorkspaceLock",
]

_HOMES = {
    "Appended": "batch",
    "Batch": "batch",
    "Extent": "_reading",
    "Filter": "_query",
    "Lake": "_lake",
    "Maintained": "_maintain",
    "Passage": "_scan",
    "Seen": "_reading",
    "SegmentData": "batch",
    "SegmentRow": "batch",
    "Spill": "spill",
    "WorkspaceLock": "lock",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
