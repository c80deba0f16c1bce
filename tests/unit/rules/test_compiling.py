from __future__ import annotations

from collections.abc import Callable

import pytest

from countersign.rules import CompiledSet, RuleSet, compile_rules

RULE = "title: {title}\nid: 00000000-0000-0000-0000-00000000000{n}\nlogsource: {{product: windows}}\ndetection: {{s: {{A: {value}}}, condition: s}}\n"


def test_fingerprints_follow_meaning_not_words(ruleset: Callable[..., RuleSet]) -> None:
    def prints(title: str, value: str) -> dict[str, str]:
        rules = ruleset(RULE.format(title=title, n=1, value=value), RULE.format(title="o", n=2, value="y"))
        return dict(compile_rules(rules).fingerprints)

    first, renamed, changed = prints("t", "x"), prints("another", "x"), prints("t", "z")
    one, two = sorted(first)
    assert first == renamed
    assert first[one] != changed[one]
    assert first[two] == changed[two]


def test_only_active_rules_have_a_fingerprint(ruleset: Callable[..., RuleSet]) -> None:
    made = compile_rules(ruleset(RULE.format(title="t", n=1, value="x").replace("windows", "macos")))
    assert made.status[0].state == "no source"
    assert made.fingerprints == {}


@pytest.mark.parametrize(
    ("detection", "said"),
    [
        ("a: {A: x}\ncondition: a or not a", True),
        ("a: {A: x}\nb: {B: y}\ncondition: not (a and b and not a)", True),
        ("a: {A: '*'}\nb: {A: null}\ncondition: 1 of them", True),
        ("a: {A: '*'}\nb: {B: null}\ncondition: 1 of them", False),
        ("a: {A: x}\ncondition: a", False),
        ("a: {A: x}\ncondition: not a", False),
    ],
)
def test_a_rule_that_always_fires_is_said(
    compiled: Callable[..., CompiledSet], detection: str, said: bool
) -> None:
    status = compiled(detection).status[0]
    assert status.state == "active"
    assert ("every event" in status.reason) is said
