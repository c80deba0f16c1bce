from __future__ import annotations

from pathlib import Path

import pytest

from countersign.app.rulelist import Listed, listed
from countersign.app.workspace import Workspace
from countersign.lake import Lake
from detecting import lay, process, rule, rule_id, take

BOTH = """\
title: Twice
id: 00000000-0000-4000-8000-000000000099
status: test
correlation:
  type: event_count
  rules: [00000000-0000-4000-8000-000000000001]
  timespan: 10m
  condition: {gte: 2}
"""


@pytest.fixture
def ward(tmp_path: Path) -> Workspace:
    workspace = Workspace.create(tmp_path / "ward")
    lay(workspace, "one.yml", rule(1, "evil"))
    lay(workspace, "both.yml", BOTH)
    lay(workspace, "sub/two.yml", rule(2, "odd").replace("process_creation", "dns_query"))
    lay(
        workspace,
        "three.yml",
        rule(3, "x").replace("product: windows, category: process_creation", "product: toaster"),
    )
    lay(workspace, "four.yml", rule(4, "x").replace("status: test", "status: deprecated"))
    lay(workspace, "broken.yml", "title: [")
    return workspace


def states(ward: Workspace) -> dict[str, Listed]:
    return {row.id or Path(row.path).name: row for row in listed(ward) if row.source != "countersign"}


def test_rules_wait_for_logs_that_are_not_here_and_run_when_they_come(ward: Workspace) -> None:
    before = states(ward)
    assert {name: row.state for name, row in before.items()} == {
        rule_id(1): "waiting",
        rule_id(99): "waiting",
        rule_id(2): "waiting",
        rule_id(3): "no source",
        rule_id(4): "unsupported",
        "broken.yml": "broken",
    }
    assert "microsoft-windows-sysmon/operational, event 22" in before[rule_id(2)].reason
    assert "security, event 4688" in before[rule_id(1)].reason
    assert "Rule 1" in before[rule_id(99)].reason
    take(ward, "a.jsonl", [process(1, "good.exe")])
    after = states(ward)
    assert {after[rule_id(number)].state for number in (1, 99)} == {"active"}
    assert after[rule_id(2)].state == "waiting"


def test_where_each_rule_is_from(ward: Workspace) -> None:
    rows = states(ward)
    assert rows[rule_id(1)].source == "workspace"
    assert rows[rule_id(2)].source == "sub"
    assert rows["broken.yml"].source == "workspace"
    assert any(row.source == "countersign" for row in listed(ward))
    assert rows[rule_id(99)].kind == "correlation"


def test_a_log_with_too_many_names_makes_no_rule_wait(
    ward: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lake, "names", lambda _: None)
    assert states(ward)[rule_id(2)].state == "active"
