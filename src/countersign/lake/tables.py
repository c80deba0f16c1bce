"""The tables of the lake: names, columns, how they are cut into files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pyarrow as pa

from countersign.model import schema

VISITS_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("provider", pa.string()),
        pa.field("person", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("start", schema.TIMESTAMP),  # null: the visit was open before the logs begin
        pa.field("end", schema.TIMESTAMP),  # null: nothing says that it ended
        pa.field("day_start", pa.string()),  # day of `start` in UTC, or `undated`
        pa.field("body", pa.string()),  # the whole visit as JSON
    ]
)

FINDINGS_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("time", schema.TIMESTAMP),
        pa.field("severity", pa.string()),
        pa.field("provider", pa.string()),
        pa.field("visit", pa.string()),
        pa.field("rule_id", pa.string()),
        pa.field("body", pa.string()),  # the whole finding as JSON
        pa.field("end", schema.TIMESTAMP),  # of its last record, null where that is its first
    ]
)

HITS_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),  # of the hit: rule and event
        pa.field(
            "rule_id", pa.string()
        ),  # or the indicator's, or the exception's whose filter this event answers
        pa.field("event", pa.string()),  # of a correlation the event that made it whole
        pa.field("segment", pa.string()),
        pa.field("record", pa.int32()),
        pa.field("time", schema.TIMESTAMP),  # of the event, null where it is undated
        pa.field("host", pa.string()),
        pa.field(
            "account", pa.string()
        ),  # who did it as the event says, `DOMAIN\\name`; null where it does not
        pa.field("kind", pa.string()),  # one of HIT_KINDS
        pa.field(
            "fields", schema.UNMAPPED
        ),  # what correlations need of the event, what an indicator matched; null if nothing
    ]
)
HIT_KINDS = ("rule", "correlation", "indicator", "exception")

EVENT_ROW_GROUP = 131_072
"""Rows: a multiple of DuckDB's vectors, few enough that a row group of 60 columns stays near 100 MB in memory."""

SMALL_ROW_GROUP = 8_192
"""Rows of tables whose rows are long texts or which are asked for a few rows at a time."""


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One table. `time` is the column whose extent every file states, `end` where rows have an extent of their own,
    `key` the column by which rows are replaced, `derived` whether it can be thrown away and rebuilt."""

    name: str
    schema: pa.Schema
    partition: str | None = None
    time: str | None = None
    end: str | None = None
    key: str = "id"
    derived: bool = False
    row_group: int = SMALL_ROW_GROUP

    @property
    def order(self) -> tuple[str, ...]:
        """Columns by which the rows of a file are sorted."""
        return (self.time, self.key) if self.time else (self.key,)


@cache
def tables() -> dict[str, TableSpec]:
    """All tables by name. Stored ones first, `segments` last of them: a row there says that all else is stored."""
    specs = (
        TableSpec("events", schema.events_schema(), partition="day", time="time", row_group=EVENT_ROW_GROUP),
        TableSpec("sightings", schema.SIGHTINGS_SCHEMA),
        TableSpec("rejected", schema.REJECTED_SCHEMA, key="segment"),
        TableSpec("segments", schema.SEGMENTS_SCHEMA, key="segment"),
        TableSpec("hits", HITS_SCHEMA, time="time", derived=True, row_group=EVENT_ROW_GROUP),
        TableSpec("visits", VISITS_SCHEMA, time="start", end="end", derived=True),
        TableSpec("findings", FINDINGS_SCHEMA, time="time", end="end", derived=True),
    )
    return {spec.name: spec for spec in specs}
