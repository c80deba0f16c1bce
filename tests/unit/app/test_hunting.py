from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from countersign.app.hunting import hunt
from countersign.app.review import review
from countersign.app.workspace import Workspace
from countersign.errors import RuleError, UsageError
from detecting import found, hits, lay, process, rule, rule_id, take

CORRELATION = """\
---
title: Many of rule 1
id: 00000000-0000-4000-8000-000000000099
status: test
correlation:
  type: event_count
  rules: [00000000-0000-4000-8000-000000000001]
  group-by: [User]
  timespan: 10m
  condition: {gte: 3}
"""


@pytest.fixture
def ward(tmp_path: Path) -> Workspace:
    workspace = Workspace.create(tmp_path / "ward")
    records = [process(number, "evil.exe -x") for number in range(3)]
    records += [
        process(3000, "evil.exe -late", minute=3000),
        process(5, "evil.exe -z", host="SRV2.corp.example"),
    ]
    records += [process(6, "good.exe")]
    take(workspace, "a.jsonl", records)
    return workspace


def test_a_rule_that_is_not_in_the_workspace(ward: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "rule.yml"
    path.write_text(rule(1, "evil", level="high"))
    told: list[tuple[int, int | None]] = []
    result = hunt(ward, files=[path], progress=lambda done, total: told.append((done, total)))
    assert [(one.host, one.count) for one in result.caught] == [("SRV1", 4), ("SRV2", 1)]
    first = result.caught[0]
    assert first.first == datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
    assert first.last == datetime(2026, 3, 4, 2, 0, tzinfo=UTC)
    assert [(one.field, one.value) for one in first.matched] == [("CommandLine", "evil.exe -x")]
    assert (result.stored, result.rules) == (6, 1)
    assert told[-1] == (6, 6)
    assert hits(ward) == []
    assert review(ward).findings == 0


def test_a_span(ward: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "rule.yml"
    path.write_text(rule(1, "evil"))
    late = hunt(ward, files=[path], since=datetime(2026, 3, 3, tzinfo=UTC))
    assert [(one.host, one.count) for one in late.caught] == [("SRV1", 1)]
    early = hunt(ward, files=[path], until=datetime(2026, 3, 2, 0, 2, tzinfo=UTC))
    assert [(one.host, one.count) for one in early.caught] == [("SRV1", 2)]


def test_rules_of_the_workspace_by_id_and_title(ward: Workspace) -> None:
    lay(ward, "one.yml", rule(1, "evil"))
    lay(ward, "two.yml", rule(2, "good", title="The good"))
    assert {one.rule.id for one in hunt(ward, [rule_id(1)[:-1]]).caught} == {rule_id(1), rule_id(2)}
    assert {one.rule.id for one in hunt(ward, ["the GOOD"]).caught} == {rule_id(2)}
    assert {one.rule.id for one in hunt(ward).caught} == {rule_id(1), rule_id(2)}
    with pytest.raises(UsageError, match="no rule"):
        hunt(ward, ["nothing like it"])


def test_a_hunt_finds_what_a_review_finds(ward: Workspace) -> None:
    lay(ward, "one.yml", rule(1, "evil"))
    review(ward)
    bodies = {hosts: body for (_, hosts), body in found(ward).items()}
    for one in hunt(ward, [rule_id(1)]).caught:
        assert bodies[one.host]["count"] == one.count
        assert bodies[one.host]["matched"] == one.document()["matched"]
        assert bodies[one.host]["evidence"][0]["event"] == one.event


def test_a_correlation_with_its_rule(ward: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "both.yml"
    path.write_text(rule(1, "evil") + CORRELATION)
    result = hunt(ward, files=[path])
    assert [(one.rule.title, one.count) for one in result.caught] == [("Many of rule 1", 1)]
    lay(ward, "both.yml", rule(1, "evil") + CORRELATION)
    assert [(one.rule.title, one.count) for one in hunt(ward, ["Many of rule 1"]).caught] == [
        ("Many of rule 1", 1)
    ]


def test_rules_that_do_not_run_are_named_and_broken_files_refused(ward: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "other.yml"
    path.write_text(
        rule(1, "evil").replace("product: windows, category: process_creation", "product: toaster")
    )
    with pytest.raises(UsageError, match=r"Rule 1 does not run: .*toaster"):
        hunt(ward, files=[path])
    (tmp_path / "good.yml").write_text(rule(2, "evil"))
    result = hunt(ward, files=[path, tmp_path / "good.yml"])
    ((idle, reason),) = result.idle
    assert (idle.id, result.rules, len(result.caught)) == (rule_id(1), 1, 2)
    assert "toaster" in reason
    path.write_text("title: [")
    with pytest.raises(UsageError, match="no rule can be read"):
        hunt(ward, files=[path])
    with pytest.raises(RuleError):
        hunt(ward, files=[tmp_path / "nowhere.yml"])


def test_an_empty_lake(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ward")
    result = hunt(workspace)
    assert (result.caught, result.stored) == ((), 0)


def test_a_rule_that_cannot_run_is_an_error_and_one_without_a_log_an_empty_answer(
    ward: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "rule.yml"
    path.write_text(rule(1, "evil").replace("contains: 'evil'", "re: '(?=evil)'"))
    with pytest.raises(UsageError, match="Rule 1 does not run"):
        hunt(ward, files=[path])
    lay(ward, "one.yml", path.read_text())
    with pytest.raises(UsageError, match="Rule 1 does not run"):
        hunt(ward, ["Rule 1"])
    assert hunt(ward).idle, "of all rules the others run"
    path.write_text(rule(2, "evil").replace("process_creation", "dns_query"))
    result = hunt(ward, files=[path])
    ((waits, reason),) = result.waiting
    assert (result.caught, result.idle, waits.id) == ((), (), rule_id(2))
    assert "event 22" in reason


def test_lists_of_the_workspace_serve_rules_that_are_not_in_it(ward: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "rule.yml"
    path.write_text(rule(1, "evil").replace("contains: 'evil'", "contains|expand: '%bad%'"))
    with pytest.raises(UsageError, match="needs the list bad"):
        hunt(ward, files=[path])
    (ward.root / "placeholders.yaml").write_text("bad: [evil, worse]\n")
    assert [one.count for one in hunt(ward, files=[path]).caught] == [4, 1]
