"""Indicators and events for tests: sets made of a few terms, batches made of a few values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from countersign.model import schema
from countersign.rules.indicators import Draft, IndicatorSet, Kind, Side, Term, term
from countersign.rules.indicators.breadth import Breadth
from countersign.rules.indicators.tables import Builder

Clauses = Sequence[Sequence[Term]]


def one(kind: str, value: str, side: str = "") -> tuple[tuple[Term, ...], ...]:
    """The clauses of an indicator of one term."""
    return ((term(Kind(kind), value, Side(side)),),)


def table_of(drafts: Sequence[Draft], source: str = "test", *, allow_broad: bool = True) -> pa.Table:
    """Rows as an import would keep them."""
    builder = Builder(source, Breadth(allow_broad))
    for draft in drafts:
        builder.add(draft)
    return builder.finish().table


def set_of(named: Mapping[str, Clauses], **validity: datetime | None) -> IndicatorSet:
    """A set of indicators by key, all with the same validity times."""
    drafts = [
        Draft(key, tuple(tuple(clause) for clause in clauses), **validity)  # type: ignore[arg-type]  # times
        for key, clauses in named.items()
    ]
    return IndicatorSet({"test": table_of(drafts)})


def batch_of(events: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
    """Events by dotted column; what is no column goes into `unmapped`."""
    names = schema.events_schema().names
    rows = []
    for event in events:
        row: dict[str, Any] = {}
        rest = []
        for name, value in event.items():
            head, *path = name.split(".")
            if head not in names:
                rest.append((name, value))
                continue
            place = row
            for part in [head, *path][:-1]:
                place = place.setdefault(part, {})
            place[[head, *path][-1]] = value
        if rest:
            row["unmapped"] = rest
        rows.append(row)
    return pa.RecordBatch.from_pylist(rows, schema=schema.events_schema())


def matched(indicators: IndicatorSet, batch: pa.RecordBatch) -> set[tuple[int, str]]:
    """(row, key) of every match."""
    return {
        (row["row"], indicators.indicator(row["indicator"]).key)
        for row in indicators.match(batch).to_pylist()
    }
