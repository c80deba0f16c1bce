"""The visits of a lake: its events are asked day by day, with the answers that are kept beside it."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from countersign.agreements import Agreement, Resolver
from countersign.app.agreements import Subjects
from countersign.app.remembering import Remembered
from countersign.lake import Lake
from countersign.model.visit import Visit
from countersign.visits import ASKED, LEAVES, Days, details_of, stitch

if TYPE_CHECKING:
    import ibis.expr.types as ir

NEW_OBJECTS = 100_000
NEVER = 1_000_000
"""Rounds of the search for cycles until old objects are looked at, too."""


def days_of(lake: Lake, state: Path, without: str | None = None) -> Days:
    """The events in `lake`, to be asked; what they answered is kept below `state`. Not those of the day `without`
    (`2026-03-02`), which are left out as if they had not come yet."""
    details = details_of(lake.table("events"))
    digests = {day: digest for day, digest in lake.day_digests("events").items() if day != without}

    def part(days: Collection[str] | None) -> ir.Table:
        return details.filled(lake.flat("events", LEAVES, digests if days is None else days))

    salts = details.digests(lake.flat("events", ASKED, digests)) if details.found else {}
    return Days(part, Remembered(state, digests, salts))


def visits_of(days: Days, agreed: Iterable[Agreement], leaves: Mapping[str, int]) -> tuple[Visit, ...]:
    """The visits of everybody who has an agreement; `leaves` are the ledger's by segment."""
    with _few_cycles():
        visits = tuple(stitch(days, Subjects(Resolver(tuple(agreed))), leaves.get))
        days.release()
        return visits


@contextmanager
def _few_cycles() -> Iterator[None]:
    """The search for cycles of objects looks at what is new only, not again and again at millions that stay: a fifth of the time."""
    before = gc.get_threshold()
    gc.set_threshold(NEW_OBJECTS, 10, NEVER)
    try:
        yield
    finally:
        gc.set_threshold(*before)
