"""One thing that two logs tell, of which one tells more: the poorer copy gives way, whichever was collected first.

What is left is what the sealed segments say, in any order: an event of a poorer form stays where no richer one names the same
request. It is taken out of the lake alone; its bytes stay sealed, and their leaf stays in the ledger. The rule is asked at the end of each
collection, so that a run that was killed before leaves it to the next.
"""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from countersign.app import _reviewed
from countersign.app.workspace import Workspace
from countersign.lake import Lake
from countersign.sources._copies import RICHER

_REQUEST = "api.request.uid"


def settle(workspace: Workspace, lake: Lake) -> int:
    """Take out what another form tells better; returns how many events went. Reviews forget what they made of them."""
    there = set(lake.segment_rows()["source"].to_pylist())
    told = [
        id_ for poorer, richer in RICHER.items() if poorer in there for id_ in _told(lake, poorer, richer)
    ]
    if not told:
        return 0
    state = _reviewed.recall(workspace)
    if state.made_of:
        _reviewed.remember(workspace, replace(state, made_of=""))
    lake.remove("hits", "event", told)
    return lake.withdraw(told)


def _told(lake: Lake, poorer: str, richer: tuple[str, ...]) -> list[str]:
    """Ids of the poorer form's events whose request an event of a richer form names. Ibis comes in here, which a collection
    without such forms does not need."""
    from countersign.visits.facts import leaf

    events = lake.table("events")
    rich = events.filter(events.source.isin(richer))
    poor = events.filter(events.source == poorer)
    known = rich.select(request=leaf(rich, _REQUEST)).distinct()
    asked = poor.select("id", request=leaf(poor, _REQUEST))
    found: pa.Table = asked.semi_join(known, "request").select("id").to_pyarrow()
    ids: list[str] = sorted(found["id"].to_pylist())
    return ids
