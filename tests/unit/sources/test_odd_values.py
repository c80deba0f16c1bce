"""JSON whose members hold another type than they should: an object or a list where a word stands, a number, a truth value, null."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import source_coverage

from countersign.sources import source, sources
from countersign.sources._framing import frame
from countersign.sources._json import json_object
from unit.sources.source_lines import context

JSON = [family.name for family in sources() if family.framing == "json"]
ODD: tuple[Any, ...] = (
    {"time": "x", "value": ["y"]},
    ["a", {"type": "User"}],
    10**25,
    True,
    None,
    "x\ud800",
    "2026-11-21T10:00:60",
)
PER_FILE = 6


def objects(name: str) -> Iterator[dict[str, Any]]:
    for case in source_coverage.cases(name):
        records = frame("json", case.read_bytes())
        yield from filter(None, map(json_object, records[:PER_FILE]))


def odd(found: dict[str, Any], value: Any) -> Iterator[dict[str, Any]]:
    """With each member in turn replaced, and each of those within a member."""
    for name, inner in found.items():
        yield {**found, name: value}
        for own in inner if isinstance(inner, dict) else ():
            yield {**found, name: {**inner, own: value}}
    yield dict.fromkeys(found, value)


@pytest.mark.parametrize("name", JSON)
def test_nothing_but_events_and_rejected_comes_out(name: str) -> None:
    family = source(name)
    records = [
        json.dumps(each).encode() for found in objects(name) for value in ODD for each in odd(found, value)
    ]
    parsed = family.parse(records, context())
    assert parsed.events.num_rows + parsed.duplicates + parsed.rejected.num_rows == len(records) > 0


def test_a_value_that_is_nested_deep_is_no_value_to_be_found_by() -> None:
    deep: list[Any] = []
    for _ in range(900):
        deep = [deep]
    event = next(objects("okta")) | {
        "target": [{"type": deep}, {"type": "User", "alternateId": "a@example.com"}]
    }
    parsed = source("okta").parse([json.dumps(event).encode()], context())
    assert parsed.events.num_rows == 1


def test_bytes_that_are_no_utf8_hide_no_record() -> None:
    event = json.dumps(next(objects("okta")) | {"displayMessage": "<>"}).encode()
    parsed = source("okta").parse([event.replace(b"<>", b"\xff"), b'{"a":\xff}'], context())
    assert parsed.events["message"].to_pylist() == ["\ufffd"]
    assert parsed.rejected["record"].to_pylist() == [1]
