from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest

from countersign.errors import RuleError
from countersign.rules import CompiledSet
from countersign.rules.plain import body_data, body_from

EVERYTHING = """a:
  Image|re: 'x+abc'
  A|cidr: 10.0.0.0/8
  B|lt: 5
  C: 0x1ffffffffffffffffffff
  D|fieldref|endswith: E
  F|minute: 5
  G: null
  H: [a*b, '?c']
  I|cased: X
  J: 1.5
condition: a and not 1 of them
"""


def test_bodies_there_and_back(compiled: Callable[..., CompiledSet]) -> None:
    made = compiled(EVERYTHING)
    for route in made.routes:
        text = orjson.dumps(body_data(route.body))
        assert b"10.0.0.0/8" in text
        assert body_from(orjson.loads(text)) == route.body


@pytest.mark.parametrize("data", [[], [1, 2], [[[99, "x"]], []], [[[0]], []], [[], [[1]]], "ab", None])
def test_other_data_is_refused(data: list[object]) -> None:
    with pytest.raises(RuleError):
        body_from(data)
