"""Hits of rules as correlations want them, for whoever has events and no lake."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from countersign.rules.engine import CompiledSet
from countersign.rules.fields import leaf

_TIME = pa.timestamp("us", "UTC")
_FIELDS = pa.map_(pa.string(), pa.string())


def base_hits(rules: CompiledSet, events: pa.Table) -> pa.Table:
    """One row for each rule and event that matches: id, rule_id, event, time, host, fields; what
    `correlations.correlate` takes.

    `events` have columns of the events table, of which `id` must be there. A hit's id is made of rule and event, so
    hits of several batches may be put together.
    """
    matched = rules.match(events)
    at = events.take(matched["row"]).combine_chunks()
    ids = pa.array([rule.id for rule in rules.rules], pa.string()).take(matched["rule"].combine_chunks())
    batch = at.to_batches()[0] if at.num_rows else None
    event = pa.array([], pa.string()) if batch is None else batch.column("id")
    return pa.table(
        {
            "id": pc.binary_join_element_wise(ids, event, " "),
            "rule_id": ids,
            "event": event,
            "time": _column(batch, "time", _TIME),
            "host": _column(batch, "device.hostname", pa.string()),
            "fields": pa.array([one for part in _captured(rules, events, matched) for one in part], _FIELDS),
        }
    )


def _column(batch: pa.RecordBatch | None, path: str, kind: pa.DataType) -> pa.Array:
    if batch is None:
        return pa.nulls(0, kind)
    found = leaf(batch, path)
    return pa.nulls(batch.num_rows, kind) if found is None else found


def _captured(
    rules: CompiledSet, events: pa.Table, matched: pa.Table
) -> Iterator[list[list[tuple[str, str]] | None]]:
    """For the hits of each rule, which stand together, the fields that correlations ask."""
    for number in pc.unique(matched["rule"]).to_pylist():
        rows = matched["row"].filter(pc.equal(matched["rule"], number))
        names = rules.captured.get(rules.rules[number].id, ())
        if not names:
            yield [None] * len(rows)
            continue
        values = rules.values(events, rows, names, number).to_pylist()
        yield [[(name, text) for name, text in one.items() if text is not None] for one in values]
