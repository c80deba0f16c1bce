"""Events of a rule's own examples, and what rules and correlations make of events: without a lake."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from countersign.model.schema import TIMESTAMP, UNMAPPED, source_columns
from countersign.rules import CompiledSet, Example, Rule, RuleSet, load_logsources
from countersign.rules.correlations import correlate
from countersign.rules.hits import base_hits

START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
HOST = "FS01"
Occurrence = tuple[Example, dict[str, str], datetime]


def family(rule: Rule) -> str:
    """The log family in which a rule's examples stand: the first of its product; of a correlation, Windows."""
    return load_logsources().products[rule.product or "windows"].source[0]


def story(rule: Rule, examples: Iterable[Example]) -> pa.Table:
    """The events of `examples` as one table, all from one host."""
    happened: list[Occurrence] = []
    for example in examples:
        for number in range(example.times):
            fields = {
                name: f"{value}{number}" if name in example.vary else value
                for name, value in example.fields.items()
            }
            happened.append((example, fields, START + timedelta(seconds=example.at + number)))
    return _table(family(rule), happened)


def _table(source: str, happened: list[Occurrence]) -> pa.Table:
    own = source_columns()
    names = sorted(
        {own[name.casefold()] for _, fields, _ in happened for name in fields if name.casefold() in own}
    )
    rest = [
        [(name, value) for name, value in fields.items() if name.casefold() not in own]
        for _, fields, _ in happened
    ]
    columns = {
        name: pa.array(
            [
                next((value for field, value in fields.items() if own.get(field.casefold()) == name), None)
                for _, fields, _ in happened
            ],
            pa.string(),
        )
        for name in names
    }
    return pa.table(
        {
            "id": [f"event {number}" for number in range(len(happened))],
            "time": pa.array([time for _, _, time in happened], TIMESTAMP),
            "source": pa.array([source] * len(happened)),
            "metadata": pa.array(
                [{"log_name": example.log, "event_code": example.event} for example, _, _ in happened]
            ),
            "device": pa.array([{"hostname": HOST}] * len(happened)),
            **columns,
            "unmapped": pa.array(rest, UNMAPPED),
        }
    )


def found(compiled: CompiledSet, ruleset: RuleSet, events: pa.Table) -> dict[str, int]:
    """How often each rule and correlation holds on `events`, by id."""
    hits = base_hits(compiled, events)
    counted: dict[str, int] = {}
    for id_ in [*hits["rule_id"].to_pylist(), *correlate(hits, ruleset)["rule_id"].to_pylist()]:
        counted[id_] = counted.get(id_, 0) + 1
    return counted
