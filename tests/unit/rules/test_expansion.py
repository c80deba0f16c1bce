from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pytest

from countersign.rules import RuleSet, compile_rules
from countersign.rules.expansion import names_used

LISTS = {"admins": ("root", "adm?*"), "hosts": ("dc1", "dc2"), "nobody": ()}


@pytest.mark.parametrize(
    ("item", "values", "hits"),
    [
        ("A|expand: '%Admins%'", ["ROOT", "adm1", "adm", "x"], [0, 1]),
        ("A|expand: ['%admins%', x]", ["root", "x", "y"], [0, 1]),
        ("A|contains|expand: '\\%plain%admins%'", ["x%plainroot", "plainroot"], [0]),
        ("A|expand: 'C:\\Users\\%admins%\\x'", ["c:\\users\\root\\x", "c:\\users\\x"], [0]),
        ("A|expand: '\\\\\\\\%hosts%\\%admins%'", ["\\\\dc1\\root", "\\\\dc1"], [0]),
        ("A|expand: '%admins%@%hosts%'", ["root@dc1", "adm11@dc2", "root"], [0, 1]),
        ("A|expand|contains: '%hosts%'", ["xdc1x", "x"], [0]),
        ("A|expand|contains|all: ['%admins%', '%hosts%']", ["root dc2", "dc2 adm1", "dc2"], [0, 1]),
        ("A|expand|neq: '%hosts%'", ["dc1", "DC2", "x"], [2]),
        ("A|expand|cased: '%hosts%'", ["dc1", "DC2", "x"], [0]),
        ("A|expand|base64offset|contains: '%hosts%'", ["xZGMxx", "dc1"], [0]),
        ("A|re|expand: '^%hosts%$'", ["dc1", "DC1", "xdc1"], [0]),
        ("A|re|i|expand: '^%hosts%$'", ["dc1", "DC1", "xdc1"], [0, 1]),
        ("A|expand: '%nobody%'", ["", "x", "%nobody%"], []),
        ("A: '%hosts%'", ["%hosts%", "dc1"], [0]),
        ("A|expand: 'x'", ["x"], [0]),
        ("'|expand': '%hosts%'", ["a dc1 b", "x"], [0]),
    ],
)
def test_expand(
    ruleset: Callable[..., RuleSet],
    events: Callable[..., pa.Table],
    item: str,
    values: Sequence[str],
    hits: list[int],
) -> None:
    made = compile_rules(rule(ruleset, item), placeholders=LISTS)
    assert made.status[0].reason == ""
    assert made.match(events([{"A": value} for value in values]))["row"].to_pylist() == hits


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("A|expand: '%admins%%missing%'", "needs the list missing in placeholders.yaml"),
        ("A|expand|base64: '%admins%'", "wildcards is not allowed"),
        ("A|expand: '%many%%many%%many%'", "more than 10000 combinations"),
        ("A|re|expand: '%broken%'", "invalid"),
    ],
)
def test_what_cannot_be_expanded_says_why(ruleset: Callable[..., RuleSet], item: str, reason: str) -> None:
    lists = {**LISTS, "many": tuple(map(str, range(100))), "broken": ("(?=x)",)}
    status = compile_rules(rule(ruleset, item), placeholders=lists).status[0]
    assert status.state == "unsupported"
    assert reason in status.reason


def test_compiling_twice_gives_the_same(ruleset: Callable[..., RuleSet]) -> None:
    rules = rule(ruleset, "A|contains|expand: ['%Admins%', '\\%x%Hosts%']")
    once, again = (compile_rules(rules, placeholders=LISTS).routes[0].atoms for _ in range(2))
    assert once == again


def test_names_used(ruleset: Callable[..., RuleSet]) -> None:
    parsed: Any = rule(ruleset, "A|expand: '%B%%a%'\n    C: '%d%'\n    E|re|expand: '%F%'").parsed[0]
    assert names_used(parsed) == ("a", "b", "f")


def rule(ruleset: Callable[..., RuleSet], item: str) -> RuleSet:
    return ruleset(
        "title: t\nlogsource: {product: windows, category: process_creation}\n"
        f"detection:\n  s:\n    {item}\n  condition: s\n"
    )
