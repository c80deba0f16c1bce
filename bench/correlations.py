"""Correlations: hits a second of every type, in one group and in many, and what doubling the hits costs.

Times are CPU time. `doubled` is the time for twice as many hits over the time for half: 2 is linear.
"""

from __future__ import annotations

import argparse
import json
import time
from uuid import UUID

import numpy as np
import pyarrow as pa

from countersign.rules import RuleSet
from countersign.rules.correlations import correlate
from countersign.rules.load import _Loader

TYPES = {
    "event_count": "{gte: 50}",
    "value_count": "{field: Value, gte: 40}",
    "temporal": "{gte: 2}",
    "temporal_ordered": "{gte: 2}",
    "value_sum": "{field: Value, gte: 20000}",
    "value_avg": "{field: Value, gte: 400}",
    "value_median": "{field: Value, gte: 400}",
    "value_percentile": "{field: Value, percentile: 95, gte: 900}",
}
RULE = """
title: {name}
name: {name}
id: {id}
logsource: {{product: windows, service: security}}
detection: {{selection: {{EventID: 4625}}, condition: selection}}
---
"""
CORRELATION = """
title: correlated
id: {id}
correlation:
  type: {kind}
  rules: [one, two]
  group-by: [User]
  timespan: 10m
  condition: {condition}
"""


def rules(kind: str) -> RuleSet:
    loader = _Loader()
    base = "".join(
        RULE.format(name=name, id=UUID(int=number)) for number, name in enumerate(("one", "two"), 1)
    )
    text = base + CORRELATION.format(id=UUID(int=3), kind=kind, condition=TYPES[kind])
    loader.add("bench.yml", text.encode())
    return loader.finish()


def hits(count: int, groups: int) -> pa.Table:
    """Two rules in turn, some eight hits a second, as if from `groups` accounts; values repeat."""
    random = np.random.default_rng(7)
    user = random.integers(0, groups, count)
    value = random.integers(0, 1_000, count)
    seconds = 1_700_000_000 + np.sort(random.integers(0, count // 8 + 1, count))
    names = pa.array(["User", "Value"]).take(pa.array(np.tile([0, 1], count)))
    users = pa.array([f"user{number}" for number in range(groups)]).take(pa.array(user))
    values = pa.array([str(number) for number in range(1_000)]).take(pa.array(value))
    both = pa.concat_arrays([users, values]).take(pa.array(np.arange(2 * count).reshape(2, -1).T.ravel()))
    ids = pa.array([f"{number:032x}" for number in random.permutation(count)])
    return pa.table(
        {
            "id": ids,
            "rule_id": pa.array([str(UUID(int=1)), str(UUID(int=2))]).take(pa.array(np.arange(count) % 2)),
            "event": ids,
            "time": pa.array(seconds * 1_000_000).cast(pa.timestamp("us", "UTC")),
            "host": pa.array(["host"] * count),
            "fields": pa.MapArray.from_arrays(
                pa.array(np.arange(count + 1, dtype=np.int32) * 2), names, both
            ),
        }
    )


def measure(kind: str, count: int, groups: int) -> tuple[float, int]:
    table, ruleset = hits(count, groups), rules(kind)
    begun = time.process_time()
    found = correlate(table, ruleset)
    return time.process_time() - begun, found.num_rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hits", type=int, default=1_000_000)
    options = parser.parse_args()
    for groups in (1, 10_000):
        for kind in TYPES:
            half, _ = measure(kind, options.hits // 2, groups)
            whole, found = measure(kind, options.hits, groups)
            print(
                json.dumps(
                    {
                        "bench": "correlations",
                        "type": kind,
                        "groups": groups,
                        "hits": options.hits,
                        "found": found,
                        "hits_a_second": round(options.hits / whole),
                        "doubled": round(whole / half, 2),
                    }
                )
            )


if __name__ == "__main__":
    main()
