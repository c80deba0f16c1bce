"""The visits of a lake: its events are asked day by day, with the answers that are kept beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from countersign.agreements import Agreement, Resolver
from countersign.app.agreements import Subjects
from countersign.app.remembering import Remembered
from countersign.lake import Lake
from countersign.model.visit import Visit
from countersign.visits import Days, details_of, stitch


def days_of(lake: Lake, state: Path, without: str | None = None) -> Days:
    """The events in `lake`, to be asked; what they answered is kept below `state`. Not those of the day `without`
    (`2026-03-02`), which are left out as if they had not come yet."""
    table = lake.table("events")
    details = details_of(table)
    digests = {day: digest for day, digest in lake.day_digests("events").items() if day != without}
    kept = table if without is None else table.filter(table.day != without)
    return Days(details.filled(kept), Remembered(state, digests, details.digest))


def visits_of(days: Days, agreed: Iterable[Agreement], leaves: Mapping[str, int]) -> tuple[Visit, ...]:
    """The visits of everybody who has an agreement; `leaves` are the ledger's by segment."""
    return tuple(stitch(days, Subjects(Resolver(tuple(agreed))), leaves.get))
