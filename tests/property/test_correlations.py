"""A slow evaluator, from the words of the specification, agrees with the correlations; and neither the order of hits nor
how they come in batches changes the result."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.rules import RuleSet
from countersign.rules.correlations import CORRELATED, correlate
from countersign.rules.load import _Loader
from reference_correlations import Reference

HITS = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("rule_id", pa.string()),
        pa.field("event", pa.string()),
        pa.field("time", pa.timestamp("us", "UTC")),
        pa.field("host", pa.string()),
        pa.field("fields", pa.map_(pa.string(), pa.string())),
    ]
)
MIDNIGHT = 1_700_006_400
"""A day begins at this second."""
BASES = ("a", "b", "c")


def loaded(documents: Sequence[Mapping[str, Any]]) -> RuleSet:
    loader = _Loader()
    loader.add("rules.yml", "\n---\n".join(json.dumps(one) for one in documents).encode())
    made = loader.finish()
    assert made.problems == ()
    return made


def base(name: str, number: int) -> dict[str, Any]:
    return {
        "title": name,
        "name": name,
        "id": str(UUID(int=number + 1)),
        "logsource": {"product": "windows", "category": "process_creation"},
        "detection": {"selection": {"Image": name}, "condition": "selection"},
    }


TYPES = (
    "event_count",
    "value_count",
    "temporal",
    "temporal_ordered",
    "value_sum",
    "value_avg",
    "value_median",
    "value_percentile",
)
NUMBERS = ("1", "2.5", "-3", "0x10", "no number", "40", "12345678901234567890123")


def extended(choose: random.Random, names: Sequence[str]) -> str:
    text, *others = (choose.choice(["", "not "]) + name for name in names)
    for other in others:
        text = f"({text} {choose.choice(['and', 'or'])} {other})"
    return choose.choice(["", "", "not "]) + text


def condition(choose: random.Random, kind: str, names: Sequence[str]) -> dict[str, Any] | str | None:
    if kind.startswith("temporal"):
        form = choose.randrange(3)
        if form == 0:
            return None
        if form == 1:
            return extended(choose, names)
    operators = choose.sample(["gte", "gte", "gt", "lte", "lt", "eq", "neq"], choose.choice([1, 1, 2]))
    made: dict[str, Any] = {name: choose.choice([1, 2, 3, 2.5, 0.1]) for name in operators}
    if kind == "value_count":
        made["field"] = choose.choice(["N", "user", ["Ip", "User"]])
    elif kind.startswith("value_"):
        made["field"] = "N"
    if kind == "value_percentile":
        made["percentile"] = choose.choice([0, 10, 33, 90, 100])
    return made


def correlation(choose: random.Random, number: int, known: Sequence[str]) -> dict[str, Any]:
    kind = choose.choice(TYPES)
    most = min(len(known), 4 if kind.startswith("temporal") else 2)
    names = choose.sample(known, choose.randint(1, most))
    body: dict[str, Any] = {
        "type": kind,
        "rules": names,
        "timespan": choose.choice(["1s", "2s", "3s", "5s", "1m"]),
    }
    needed = condition(choose, kind, names)
    if needed is not None:
        body["condition"] = needed
    grouped = choose.choice([None, "User", ["User", "ip"], ["Who"]])
    if grouped is not None:
        body["group-by"] = grouped
    if grouped == ["Who"]:
        body["aliases"] = {"Who": {name: choose.choice(["User", "Ip"]) for name in names}}
    return {
        "title": f"t{number}",
        "name": f"c{number}",
        "id": str(UUID(int=100 + number)),
        "correlation": body,
    }


def documents(choose: random.Random) -> list[dict[str, Any]]:
    """Three rules, and up to three correlations of them and of each other."""
    made = [base(name, number) for number, name in enumerate(BASES)]
    for number in range(choose.randint(1, 3)):
        made.append(correlation(choose, number, [str(one["name"]) for one in made]))
    return made


def events(choose: random.Random) -> list[dict[str, Any]]:
    """Around midnight, at whole and half seconds, so that equal times and gaps of exactly a timespan are common."""
    made = []
    for _ in range(choose.randint(4, 22)):
        fields = {
            "User": choose.choice(["bob", "Bob", "eve", ""]),
            "Ip": choose.choice(["1", "2"]),
            "N": choose.choice(NUMBERS),
        }
        for name in list(fields):
            if choose.random() < 0.07:
                del fields[name]
        second = choose.choice([choose.randint(-6, 6), choose.randint(-12, 12) / 2])
        made.append(
            {
                "time": None if choose.random() < 0.03 else MIDNIGHT + second,
                "host": choose.choice(["h", "H", "h", "other", None]),
                "fields": fields,
                "rules": choose.sample(BASES, choose.choice([1, 1, 2])),
            }
        )
    return made


def rows_of(events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    ids = {name: str(UUID(int=number + 1)) for number, name in enumerate(BASES)}
    return [
        {
            "id": f"hit {number * 7 % 23} {name}",
            "rule_id": ids[name],
            "event": f"event {number}",
            "time": event["time"],
            "host": event["host"],
            "fields": event["fields"],
        }
        for number, event in enumerate(events)
        for name in sorted(event["rules"])
    ]


def table_of(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                **row,
                "time": None if row["time"] is None else int(row["time"] * 1_000_000),
                "fields": list(row["fields"].items()),
            }
            for row in rows
        ],
        schema=HITS,
    )


def plain(table: pa.Table) -> list[dict[str, Any]]:
    times = {name: table[name].cast(pa.int64()).to_pylist() for name in ("time", "start", "end")}
    return [
        {
            **row,
            **{name: times[name][place] / 1_000_000 for name in times},
            "group": dict(row["group"]),
            "events": frozenset(row["events"]),
            "hits": frozenset(row["hits"]),
        }
        for place, row in enumerate(table.to_pylist())
    ]


def near(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "value": None if row["value"] is None else float(f"{row['value']:.12g}")}


@settings(max_examples=100)
@given(st.integers(0, 2**32))
def test_the_reference_agrees_in_any_order_and_any_batches(seed: int) -> None:
    choose = random.Random(seed)
    rules, rows = documents(choose), rows_of(events(choose))
    ruleset = loaded(rules)
    found = correlate(table_of(rows), ruleset)
    assert found.schema == CORRELATED
    expected = Reference(rules, rows).results()
    assert sorted(map(near, plain(found)), key=repr) == sorted(map(near, expected), key=repr)
    choose.shuffle(rows)
    cut = choose.randint(0, len(rows))
    parts = [table_of(rows[:cut]), table_of(rows[cut:]), table_of(rows[:1])]
    assert correlate(pa.concat_tables(parts), ruleset) == found
