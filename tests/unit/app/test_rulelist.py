from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from countersign.app.rulelist import STATES, Listed, listed
from countersign.app.workspace import Workspace
from countersign.cli.rules import STATES as RULE_STATES
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
    assert {number: after[rule_id(number)].state for number in (1, 99, 2)} == {
        1: "silent",
        99: "active",
        2: "waiting",
    }


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


def test_a_rule_that_a_correlation_speaks_for_says_so_and_generate_brings_it_back(ward: Workspace) -> None:
    take(ward, "a.jsonl", [process(1, "good.exe")])
    quiet = states(ward)[rule_id(1)]
    assert quiet.state == "silent"
    assert quiet.reason == "speaks through Twice (generate: true gives it findings of its own)"
    lay(ward, "both.yml", BOTH + "  generate: true\n")
    assert states(ward)[rule_id(1)].state == "active"
    lay(ward, "both.yml", BOTH.replace("000000000001", "000000000404"))
    assert states(ward)[rule_id(1)].state == "active", "a correlation that does not run silences nobody"


def test_a_rule_that_cannot_run_by_its_own_fault_is_listed_once(ward: Workspace) -> None:
    lay(ward, "five.yml", rule(5, "x").replace("condition: selection", "condition: selection and nothing"))
    rows = [row for row in listed(ward) if row.path.endswith("five.yml")]
    assert [(row.state, row.id, row.line) for row in rows] == [("broken", rule_id(5), 1)]
    assert "nothing" in rows[0].reason


def test_exceptions_and_filters_are_no_active_rules(ward: Workspace) -> None:
    take(ward, "a.jsonl", [process(1, "good.exe")])
    text = """\
title: What the agent runs
logsource: {product: windows, category: process_creation}
filter:
  rules: [00000000-0000-4000-8000-000000000001]
  selection: {CommandLine|endswith: ' -agent'}
  condition: not selection
"""
    lay(ward, "agent.yml", text)
    lay(ward, "agent.yaml", f"{text}until: 2026-05-01\nreason: its own calls\nby: me\n", "exceptions")
    rows = {
        (row.kind, row.state): row.reason
        for row in listed(ward, datetime(2026, 4, 1, tzinfo=UTC))
        if row.title == "What the agent runs"
    }
    assert rows == {
        ("filter", "filter"): "",
        ("exception", "exception"): "holds hits back until 2026-05-01: its own calls",
    }
    (over,) = (row for row in listed(ward, datetime(2026, 5, 2, tzinfo=UTC)) if row.state == "exception")
    assert over.reason == "expired on 2026-05-01: its own calls"


def test_the_states_that_can_be_asked_for_are_those_that_there_are() -> None:
    assert tuple(RULE_STATES.choices) == STATES
