"""Our own rules: each fires on its example, is silent on the other, and cites items that exist."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from countersign.rules import Example, own_rules

RULES = own_rules()
NAMES = [Path(rule.path).stem for rule in RULES.rules]
HIGH = {
    "archive-protected-or-split",
    "directory-database-copied",
    "event-log-cleared",
    "logon-secrets-dumped",
}
"""What hardly ever is ordinary work."""


@pytest.fixture(scope="module")
def compiled() -> object:
    from countersign.rules import compile_rules

    return compile_rules(RULES)


def fired(compiled: object, events: Callable[..., pa.Table], example: Example) -> set[int]:
    table = events([dict(example.fields)], log=example.log, event=example.event)
    return set(compiled.match(table)["rule"].to_pylist())  # type: ignore[attr-defined]  # a CompiledSet


def test_all_are_read_and_active(compiled: object) -> None:
    assert RULES.problems == ()
    assert len(RULES.rules) >= 10
    assert {status.state for status in compiled.status} == {"active"}  # type: ignore[attr-defined]  # a CompiledSet


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_fires_and_is_silent(compiled: object, events: Callable[..., pa.Table], number: int) -> None:
    rule = RULES.rules[number]
    assert rule.fires
    assert rule.silent
    for example in rule.fires:
        assert number in fired(compiled, events, example), example
    for example in rule.silent:
        assert number not in fired(compiled, events, example), example


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_says_what_a_finding_needs(number: int) -> None:
    rule = RULES.rules[number]
    assert uuid.UUID(rule.id).version == 4
    assert rule.techniques
    assert rule.cites
    assert rule.falsepositives
    assert rule.runbook
    assert rule.version == "1"
    assert (rule.level in {"high", "critical"}) == (NAMES[number] in HIGH)


def test_cited_items_exist(shared_data: Path) -> None:
    register = (shared_data.parent / "alerts.md").read_text("utf-8")
    known = set(re.findall(r"^\| ([A-Z0-9-]+/[A-Z0-9-]+) \|", register, re.MULTILINE))
    assert {cite for rule in RULES.rules for cite in rule.cites} <= known


def test_the_table_in_the_documentation_is_that_of_the_rules() -> None:
    text = (Path(__file__).parents[3] / "docs" / "rules.md").read_text("utf-8")
    rows = [f"| {rule.title} | {rule.level} | {', '.join(rule.cites)} |" for rule in RULES.rules]
    assert "\n".join(rows) in text
