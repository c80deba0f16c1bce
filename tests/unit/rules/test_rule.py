from __future__ import annotations

from collections.abc import Callable

from countersign.rules import Example, RuleSet

TEXT = """title: Share mapped
id: 0F7E5D1C-4A0C-4C67-9A39-3D2D1D6F0A03
status: stable
version: 3
level: Medium
description: "  Somebody mapped a share.  "
tags: [attack.lateral-movement, attack.T1021.002, attack.t1021.002, car.2013-01-003]
cites: [TA18-276A/ENG-11]
falsepositives: [backups]
runbook: Ask.
logsource: {product: windows, service: security}
detection: {s: {A: 1}, condition: s}
tests:
  fires: [{log: Security, event: 5140, fields: {A: 1}}]
"""


def test_metadata(ruleset: Callable[..., RuleSet]) -> None:
    rule = ruleset(TEXT).rules[0]
    assert (rule.id, rule.level, rule.version) == ("0f7e5d1c-4a0c-4c67-9a39-3d2d1d6f0a03", "medium", "3")
    assert rule.techniques == ("T1021.002",)
    assert rule.cites == ("TA18-276A/ENG-11",)
    assert rule.description == "Somebody mapped a share."
    assert rule.fires == (Example("Security", "5140", {"A": "1"}),)
    assert (rule.product, rule.category, rule.service) == ("windows", "", "security")


def test_a_rule_without_id_is_named_by_its_bytes(ruleset: Callable[..., RuleSet]) -> None:
    text = "title: a\nlogsource: {product: windows}\ndetection: {s: {A: 1}, condition: s}\n"
    rule = ruleset(text).rules[0]
    assert rule.id == f"sha256:{rule.sha256}:0"
    assert rule.level == "informational"
