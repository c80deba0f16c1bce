from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from countersign.rules import CompiledSet


def test_every_value_of_the_record_is_searched(
    compiled: Callable[..., CompiledSet], events: Callable[..., pa.Table]
) -> None:
    made = compiled("k: [mimikatz]\ncondition: k", "{product: windows}")
    rows = [
        {"CommandLine": "x MIMIKATZ y"},
        {"Oddity": "mimikatz"},
        {"CommandLine": "x"},
        {"mimikatz": "name"},
    ]
    table = events(rows)
    message = pa.array([None, None, "mimikatz was here", None])
    assert made.match(table)["row"].to_pylist() == [0, 1]
    assert made.match(table.append_column("message", message))["row"].to_pylist() == [0, 1, 2]


def test_keywords_stay_in_their_log_source(
    compiled: Callable[..., CompiledSet], events: Callable[..., pa.Table]
) -> None:
    made = compiled("k: [attack]\ncondition: k", "{product: windows, service: security}")
    assert made.match(events([{"A": "attack"}], log="System")).num_rows == 0
    assert made.match(events([{"A": "attack"}], log="SECURITY")).num_rows == 1


def test_a_keyword_without_a_literal(
    compiled: Callable[..., CompiledSet], events: Callable[..., pa.Table]
) -> None:
    made = compiled("k: {'|re': '^[0-9]{3}$'}\ncondition: k", "{product: windows}")
    assert made.match(events([{"A": "123"}, {"A": "1234"}]))["row"].to_pylist() == [0]
