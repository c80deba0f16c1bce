from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from countersign.rules import CompiledSet

MANY = 1_000
DETECTIONS: dict[str, Callable[[int], bool]] = {
    "a: {Image|endswith: '0'}\nb: {CommandLine|re: '^[0-9]'}\ncondition: a and b": lambda i: i % 10 == 0,
    "a: {Image|endswith: '0'}\nb: {CommandLine|re: '[05]$'}\ncondition: a and not b": lambda _: False,
    "a: {CommandLine|re: '[05]$'}\ncondition: a": lambda i: i % 5 == 0,
    "a: {Image|endswith: '0'}\nb: {CommandLine: '7'}\ncondition: a or b": lambda i: i % 10 == 0 or i == 7,
    "a: {Image|contains: '1'}\nb: {Image: '1'}\ncondition: a and not b": lambda i: "1" in str(i) and i != 1,
    "a: {User: null}\nb: {CommandLine: '??'}\ncondition: a and b": lambda i: 10 <= i < 100,
    "a: {User: null}\ncondition: not a": lambda _: False,
    "a: {Image|fieldref: CommandLine}\nb: {Image: '77*'}\ncondition: a and b": lambda i: str(i)[:2] == "77",
    "a: {User: null}\nb: {Image: 'x'}\ncondition: not (b and a) and not b": lambda _: True,
}


@pytest.mark.parametrize("detection", DETECTIONS)
def test_dense_and_sparse_sets_agree(
    compiled: Callable[..., CompiledSet], events: Callable[..., pa.Table], detection: str
) -> None:
    table = events([{"Image": str(i), "CommandLine": str(i)} for i in range(MANY)])
    wanted = [i for i in range(MANY) if DETECTIONS[detection](i)]
    assert compiled(detection).match(table)["row"].to_pylist() == wanted
