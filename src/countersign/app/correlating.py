"""Correlations: worked out anew at each review from the kept hits of the rules they refer to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from countersign.app.hits import Group, Hit, Homes, Place, live
from countersign.app.holding import Holding
from countersign.lake import Lake
from countersign.lake.tables import HITS_SCHEMA
from countersign.model import schema
from countersign.model.visit import Reference
from countersign.rules import RuleSet
from countersign.rules.correlations import correlate, plan

_BASE = ("id", "rule_id", "event", "time", "host", "fields")
_PLACES = ("event", "segment", "record", "account")
COUNT, VALUE = "(hits)", "(value)"
"""Kept with the group's own values; no field is called so."""


@dataclass(frozen=True, slots=True)
class Correlated:
    """Hits of correlations: one row each (`HITS_SCHEMA`), and at the same place the references of all their events."""

    hits: pa.Table
    references: Sequence[tuple[Reference, ...]]


def correlated(lake: Lake, ruleset: RuleSet, holding: Holding, leaves: Mapping[str, int]) -> Correlated:
    """What the correlations make of the hits that no exception holds back."""
    found = plan(ruleset)
    base = [ruleset.rules[index].id for index in found.wanted if ruleset.rules[index].kind == "rule"]
    if not found.steps or not base:
        return Correlated(HITS_SCHEMA.empty_table(), ())
    parts = [
        table.filter(holding.held(table).is_null()) for table in live(lake, ("rule",), base) if table.num_rows
    ]
    if not parts:
        return Correlated(HITS_SCHEMA.empty_table(), ())
    return collected(pa.concat_tables(parts), ruleset, leaves)


def collected(base: pa.Table, ruleset: RuleSet, leaves: Mapping[str, int]) -> Correlated:
    """What the correlations make of these hits."""
    hits = base.combine_chunks()
    made = correlate(hits.select(_BASE), ruleset)
    if not made.num_rows:
        return Correlated(HITS_SCHEMA.empty_table(), ())
    return _kept(made, hits.select(_PLACES), leaves)


def _kept(made: pa.Table, base: pa.Table, leaves: Mapping[str, int]) -> Correlated:
    """Correlation hits as hits, with the places of their events."""
    events = made["events"].combine_chunks()
    rows = base.take(pc.index_in(events.flatten(), base["event"].combine_chunks())).to_pylist()
    lengths = pc.list_value_length(events).to_pylist()
    references: list[tuple[Reference, ...]] = []
    kept: list[dict[str, Any]] = []
    at = 0
    for row, length in zip(made.to_pylist(), lengths, strict=True):
        those = rows[at : at + length]
        at += length
        places = [
            Reference(one["event"], one["segment"], one["record"], leaves.get(one["segment"]))
            for one in those
        ]
        references.append(tuple(places))
        accounts = {one["account"] for one in those}
        last = places[-1]
        kept.append(
            {
                "id": row["id"],
                "rule_id": row["rule_id"],
                "event": last.event,
                "segment": last.segment,
                "record": last.record,
                "time": row["time"],
                "host": row["host"] or "",
                "account": accounts.pop() if len(accounts) == 1 else None,
                "kind": "correlation",
                "fields": [*row["group"], *_numbers(row)],
            }
        )
    return Correlated(pa.Table.from_pylist(kept, schema=HITS_SCHEMA), references)


def _numbers(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield COUNT, str(row["count"])
    if row["value"] is not None and row["value"] != row["count"]:
        yield VALUE, f"{row['value']:g}"


def keep(lake: Lake, hits: pa.Table) -> None:
    """Put the hits of correlations in the place of those of the last review, if they differ."""
    known = lake.table("hits")
    before = known.filter(known.kind == "correlation").select("id", "fields").to_pyarrow()
    if _content(before) == _content(hits):
        return
    lake.remove("hits", "kind", ["correlation"])
    if hits.num_rows:
        lake.replace("hits", hits, ids=hits["id"].to_pylist())


def _content(hits: pa.Table) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    fields = hits["fields"].cast(schema.UNMAPPED).to_pylist()
    return {
        (id_, tuple(map(tuple, words or ())))
        for id_, words in zip(hits["id"].to_pylist(), fields, strict=True)
    }


def group(found: Correlated, homes: Homes, holding: Holding, groups: dict[Place, Group]) -> None:
    """Put correlation hits with the others: each belongs to the visit that has most of its events."""
    held = holding.held(found.hits).to_pylist()
    events = [one.event for references in found.references for one in references]
    visits = homes.of(pa.array(events, pa.string())).tolist()
    at = 0
    for row, references, exception in zip(found.hits.to_pylist(), found.references, held, strict=True):
        visit = _most(visits[at : at + len(references)])
        at += len(references)
        if exception is not None:
            holding.counts[exception] += 1
            continue
        host = row["host"]
        fields = dict(row["fields"])
        hit = Hit(row["rule_id"], "correlation", row["time"], host, references[-1], fields, references[:-1])
        place = Place(row["rule_id"], visit, "" if visit >= 0 else host.lower())
        groups.setdefault(place, Group()).add(1, row["time"], [hit])


def _most(visits: Sequence[int]) -> int:
    """The visit that has most of the events; -1 where none has any."""
    counts = Counter(visit for visit in visits if visit >= 0)
    return min(counts, key=lambda visit: (-counts[visit], visit), default=-1)
