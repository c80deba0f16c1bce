from __future__ import annotations

import pytest

from countersign.rules.atoms import Absent, Text
from countersign.rules.conditions import Node
from countersign.rules.exempting import holds_on_nothing, parse_filter

A, GONE = Text("a", ("x",)), Absent("b")


@pytest.mark.parametrize(
    ("node", "holds"),
    [
        (True, True),
        (A, False),
        (GONE, True),
        (("not", A), True),
        (("and", GONE, A), False),
        (("or", GONE, A), True),
        (("not", ("or", GONE, A)), False),
    ],
)
def test_what_holds_on_a_record_without_fields(node: Node, holds: bool) -> None:
    assert holds_on_nothing(node) is holds


def test_a_filter_becomes_the_rule_of_what_it_takes_out() -> None:
    wrong: list[str] = []
    parsed = parse_filter(
        {
            "title": "t",
            "logsource": {"product": "windows"},
            "filter": {
                "rules": "any",
                "one": {"A|utf16le|base64": "x"},
                "two": {"B": "y"},
                "condition": "not 1 of them",
            },
        },
        wrong,
    )
    assert wrong == []
    assert parsed is not None
    assert list(parsed.detection.detections) == ["one", "two"]
    assert parsed.detection.condition == ["not (not 1 of them)"]


@pytest.mark.parametrize(
    "value", [{}, {"filter": []}, {"filter": {"condition": ["x"]}}, {"filter": {"condition": "a", "a": 5}}]
)
def test_a_filter_of_odd_form_is_told(value: dict[str, object]) -> None:
    wrong: list[str] = []
    assert parse_filter(value, wrong) is None
    assert wrong
