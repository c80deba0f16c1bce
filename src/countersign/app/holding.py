"""Exceptions at work: which kept hits make no finding, and which exception holds each of them back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from countersign.app.documents import stamp
from countersign.app.hits import live
from countersign.app.ruleset import Ready, prepare
from countersign.app.workspace import Workspace
from countersign.lake import Lake
from countersign.rules import Rule
from countersign.rules.correlations import silent
from countersign.rules.exceptions import Exemption, held_back

_ASKED = ("rule_id", "event", "host", "account")


@dataclass(slots=True)
class Holding:
    """The exceptions in force at a moment, asked of kept hits. `counts` says how many hits each held back so far."""

    exemptions: Sequence[Exemption]
    rules: Sequence[Rule]
    as_of: date
    meant: pa.Table
    counts: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, lake: Lake, ready: Ready, as_of: datetime) -> Holding:
        """Those of a workspace."""
        in_force = [one for one in ready.exemptions if one.in_force(as_of)]
        return cls(in_force, ready.ruleset.rules, as_of, _meant(lake, in_force))

    @classmethod
    def nothing(cls) -> Holding:
        """No exception at all."""
        return cls((), (), date.max, pa.table({name: pa.array([], pa.string()) for name in _ASKED}))

    def held(self, hits: pa.Table) -> pa.Array:
        """For each hit the id of the exception that holds it back, null where none does."""
        if not self.exemptions or not hits.num_rows:
            return pa.nulls(hits.num_rows, pa.string())
        events = pc.unique(hits["event"].combine_chunks())
        beside = self.meant.filter(pc.is_in(self.meant["event"], value_set=events))
        together = pa.concat_tables([hits.select(_ASKED), beside.select(_ASKED)])
        answer = held_back(together.combine_chunks(), self.exemptions, self.as_of, self.rules)
        return answer.slice(0, hits.num_rows)

    def let_through(self, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """The hits that no exception holds back; the others are counted."""
        for table in tables:
            held = self.held(table)
            if held.null_count == len(held):
                yield table
                continue
            for row in pc.value_counts(held.drop_null()).to_pylist():
                self.counts[row["values"]] += row["counts"]
            yield table.filter(held.is_null())


def _meant(lake: Lake, in_force: Sequence[Exemption]) -> pa.Table:
    """The events that exceptions written as filters mean, of those that have other hits."""
    filters = [one.id for one in in_force if one.parsed is not None]
    hits = lake.table("hits")
    found = hits.filter(hits.kind == "exception").filter(hits.rule_id.isin(filters) if filters else False)
    others = hits.filter(hits.kind != "exception").select("event").distinct()
    table = found.semi_join(others, "event").select(*_ASKED).to_pyarrow()
    return table.cast(pa.schema([pa.field(name, pa.string()) for name in _ASKED]))


def speaking(lake: Lake, ready: Ready) -> Iterator[pa.Table]:
    """Hits of rules, but of those that speak through a correlation only, and of those that are gone since they were matched."""
    heard = {rule.id for rule in ready.ruleset.rules} - quiet_rules(ready)
    ids = pa.array(sorted(heard), pa.string())
    for table in live(lake, ("rule",)):
        yield table.filter(pc.is_in(table["rule_id"], value_set=ids))


def quiet_rules(ready: Ready) -> frozenset[str]:
    """Ids of the rules whose hits make no finding, since a correlation that runs refers to them."""
    status = zip(ready.compiled.rules, ready.compiled.status, strict=True)
    return silent(ready.ruleset, {rule.id for rule, state in status if state.state == "active"})


def held_hits(workspace: Workspace, as_of: datetime) -> list[dict[str, Any]]:
    """Hits that make no finding because of an exception, by exception, rule and host, most first."""
    ready = prepare(workspace)
    with workspace.reading() as lake:
        holding = Holding.of(lake, ready, as_of)
        found: dict[tuple[str, str, str], dict[str, Any]] = {}
        for table in chain(speaking(lake, ready), live(lake, ("correlation", "indicator"))):
            held = holding.held(table)
            together = table.append_column("exception", held).filter(held.is_valid())
            _count(together.combine_chunks(), found)
    exceptions = {one.id: one for one in ready.exemptions}
    titles = {rule.id: rule.title for rule in ready.ruleset.rules}
    rows = [
        _document(exceptions[exception], titles.get(rule, rule), rule, host, numbers)
        for (exception, rule, host), numbers in found.items()
    ]
    return sorted(rows, key=lambda row: (-row["count"], row["exception"], row["rule_id"], row["host"]))


def _count(table: pa.Table, found: dict[tuple[str, str, str], dict[str, Any]]) -> None:
    keys = ["exception", "rule_id", "host"]
    sums = table.group_by(keys).aggregate([("id", "count"), ("time", "min"), ("time", "max")])
    for row in sums.to_pylist():
        key = (row["exception"], row["rule_id"], row["host"] or "")
        known = found.setdefault(key, {"count": 0, "first": None, "last": None})
        known["count"] += row["id_count"]
        known["first"] = min((at for at in (known["first"], row["time_min"]) if at), default=None)
        known["last"] = max((at for at in (known["last"], row["time_max"]) if at), default=None)


def _document(one: Exemption, title: str, rule: str, host: str, numbers: dict[str, Any]) -> dict[str, Any]:
    return {
        "exception": one.id,
        "rule_id": rule,
        "title": title,
        "host": host,
        "count": numbers["count"],
        "first": stamp(numbers["first"]),
        "last": stamp(numbers["last"]),
        "until": one.until.isoformat(),
        "reason": one.reason,
        "by": one.by,
        "path": one.path,
        "line": one.line,
    }
