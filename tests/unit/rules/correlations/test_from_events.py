"""From events to correlation hits: the engine gives what a correlation asks for, under Sigma's names."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from countersign.rules import RuleSet, compile_rules
from countersign.rules.correlations import correlate

TEXT = """
title: archive
name: archive
id: 11111111-1111-4111-8111-111111111111
logsource: {product: windows, category: process_creation}
detection: {selection: {Image|endswith: rar.exe}, condition: selection}
---
title: many archives
correlation:
  type: value_count
  rules: [archive]
  group-by: [Computer, User]
  timespan: 1h
  condition: {gte: 2, field: CommandLine}
"""


def test_hits_carry_the_fields_of_each_log_under_their_sigma_names(
    ruleset: Callable[..., RuleSet], events: Callable[..., pa.Table]
) -> None:
    made = ruleset(TEXT)
    compiled = compile_rules(made)
    names = compiled.captured["11111111-1111-4111-8111-111111111111"]
    assert names == ("CommandLine", "Computer", "User")
    parts = []
    for number, table in enumerate(
        (
            events([{"Image": "rar.exe", "CommandLine": "rar a", "User": "bob", "Computer": "pc"}]),
            events(
                [
                    {
                        "NewProcessName": "rar.exe",
                        "CommandLine": "rar b",
                        "SubjectUserName": "BOB",
                        "Computer": "PC",
                    }
                ],
                log="Security",
                event="4688",
            ),
        )
    ):
        rows = compiled.match(table)["row"].to_numpy()
        values = compiled.values(table, rows, names, 0).to_pylist()
        parts += [
            {
                "id": f"hit {number}",
                "rule_id": made.rules[0].id,
                "event": f"event {number}",
                "time": number * 3_600_000_000,
                "host": "pc",
                "fields": [(name, text) for name, text in one.items() if text is not None],
            }
            for one in values
        ]
    schema = pa.schema(
        {
            "id": pa.string(),
            "rule_id": pa.string(),
            "event": pa.string(),
            "time": pa.timestamp("us", "UTC"),
            "host": pa.string(),
            "fields": pa.map_(pa.string(), pa.string()),
        }
    )
    found = correlate(pa.Table.from_pylist(parts, schema=schema), made).to_pylist()
    assert [(row["value"], row["count"], row["host"]) for row in found] == [(2, 2, "pc")]
    assert found[0]["group"] == [("Computer", "pc"), ("User", "bob")]
