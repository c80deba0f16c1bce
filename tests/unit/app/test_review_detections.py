"""Exceptions, correlations and indicators as a review uses them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from countersign.app.holding import held_hits
from countersign.app.indicators import import_
from countersign.app.review import review
from countersign.app.workspace import Workspace
from detecting import found, hits, lay, process, rule, rule_id, take

NOW = datetime(2026, 4, 1, tzinfo=UTC)
SHORT = """\
except:
  rule: Rule 1
  host: SRV1
  until: 2026-05-01
  reason: the nightly backup does it
  by: j.doe
"""
FILTER = """\
title: What the agent runs
logsource: {product: windows, category: process_creation}
filter:
  rules: [00000000-0000-4000-8000-000000000001]
  selection: {CommandLine|endswith: ' -agent'}
  condition: not selection
until: 2026-05-01
reason: the agent's own calls
by: j.doe
"""
CORRELATION = """\
title: Many of rule 1
id: 00000000-0000-4000-8000-000000000099
status: test
correlation:
  type: event_count
  rules: [00000000-0000-4000-8000-000000000001]
  group-by: [User]
  timespan: 10m
  condition: {gte: 3}
level: high
"""


@pytest.fixture(autouse=True)
def no_visits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("countersign.app.review.visits_of", lambda *_: ())
    monkeypatch.setattr("countersign.app.review.coverage", lambda _: None)


@pytest.fixture
def ward(tmp_path: Path) -> Workspace:
    workspace = Workspace.create(tmp_path / "ward")
    records = [process(number, "evil.exe -x") for number in range(3)]
    records += [
        process(3, "evil.exe -agent"),
        process(4, "evil.exe -y", host="SRV2", user="CORP\\bob"),
        process(5, "evil.exe -z", host="SRV2", user="CORP\\anna"),
    ]
    take(workspace, "a.jsonl", records)
    lay(workspace, "one.yml", rule(1, "evil"))
    return workspace


def counted(ward: Workspace) -> dict[str, int]:
    return {hosts: body["count"] for (_, hosts), body in found(ward, [1]).items()}


def test_an_exception_holds_back_past_hits_and_gives_them_back_when_it_goes(ward: Workspace) -> None:
    review(ward, now=NOW)
    assert counted(ward) == {"SRV1": 4, "SRV2": 2}
    path = lay(ward, "backup.yaml", SHORT, "exceptions")
    result = review(ward, now=NOW)
    assert counted(ward) == {"SRV2": 2}
    assert any("4 hits held back by 1 exception" in note for note in result.notes)
    assert len(hits(ward)) == 6
    (row,) = held_hits(ward, NOW)
    assert (row["title"], row["host"], row["count"], row["reason"]) == (
        "Rule 1",
        "SRV1",
        4,
        "the nightly backup does it",
    )
    path.unlink()
    review(ward, now=NOW)
    assert counted(ward) == {"SRV1": 4, "SRV2": 2}


def test_an_expired_exception_is_said_and_holds_nothing_back(ward: Workspace) -> None:
    lay(ward, "backup.yaml", SHORT, "exceptions")
    review(ward, now=NOW)
    later = review(ward, now=datetime(2026, 5, 2, tzinfo=UTC))
    assert counted(ward) == {"SRV1": 4, "SRV2": 2}
    assert any("expired on 2026-05-01" in note for note in later.notes)


def test_a_sigma_filter_as_exception_is_matched_over_history_and_arrivals(ward: Workspace) -> None:
    review(ward, now=NOW)
    lay(ward, "agent.yaml", FILTER, "exceptions")
    review(ward, now=NOW)
    assert counted(ward) == {"SRV1": 3, "SRV2": 2}
    take(ward, "b.jsonl", [process(20, "evil.exe -agent"), process(21, "evil.exe -q")])
    review(ward, now=NOW)
    assert counted(ward) == {"SRV1": 4, "SRV2": 2}
    assert sum(row["count"] for row in held_hits(ward, NOW)) == 2


def test_a_wrong_exception_is_told(ward: Workspace) -> None:
    lay(ward, "bad.yaml", "except: {rule: Rule 1}\n", "exceptions")
    lay(ward, "unknown.yaml", SHORT.replace("Rule 1", "No such rule"), "exceptions")
    assert any("bad.yaml" in note for note in review(ward, now=NOW).notes)
    (ward.root / "exceptions" / "bad.yaml").unlink()
    assert any("no such rule" in note.casefold() for note in review(ward, now=NOW).notes)


def test_a_correlation_is_a_finding_and_its_rules_speak_through_it_only(ward: Workspace) -> None:
    lay(ward, "many.yml", CORRELATION)
    review(ward, now=NOW)
    ((_, hosts), body) = next(iter(found(ward).items()))
    assert len(found(ward)) == 1
    assert (body["kind"], body["scope"], body["count"], body["severity"]) == (
        "correlation",
        "estate",
        1,
        "high",
    )
    assert body["hosts"] == ([hosts] if hosts else [])
    assert len(body["evidence"]) == 5
    assert any(one["value"] == "CORP\\anna" for one in body["matched"])
    assert [row[0] for row in hits(ward)].count("correlation") == 1


def test_generate_gives_the_rules_of_a_correlation_their_findings_back(ward: Workspace) -> None:
    lay(ward, "many.yml", CORRELATION)
    review(ward, now=NOW)
    assert counted(ward) == {}
    lay(ward, "many.yml", CORRELATION.replace("condition:", "generate: true\n  condition:"))
    review(ward, now=NOW)
    assert counted(ward) == {"SRV1": 4, "SRV2": 2}


def test_correlations_do_not_see_hits_that_are_held_back(ward: Workspace) -> None:
    lay(ward, "many.yml", CORRELATION)
    lay(ward, "backup.yaml", SHORT, "exceptions")
    review(ward, now=NOW)
    assert found(ward) == {}
    assert [row[0] for row in hits(ward)].count("correlation") == 0


def test_the_list_of_hits_held_back_adds_up_to_what_the_review_says(ward: Workspace) -> None:
    lay(ward, "two.yml", rule(2, "evil.exe -x"))
    lay(ward, "many.yml", CORRELATION)
    lay(ward, "backup.yaml", SHORT.replace("Rule 1", "any"), "exceptions")
    result = review(ward, now=NOW)
    assert [row["title"] for row in held_hits(ward, NOW)] == ["Rule 2"], "rule 1 has no findings to hold back"
    assert sum(row["count"] for row in held_hits(ward, NOW)) == 3
    assert any("3 hits held back by 1 exception" in note for note in result.notes)


def test_a_correlation_does_not_depend_on_how_its_hits_came(ward: Workspace, tmp_path: Path) -> None:
    lay(ward, "many.yml", CORRELATION)
    review(ward, now=NOW)
    other = Workspace.create(tmp_path / "other" / "ward")
    lay(other, "one.yml", rule(1, "evil"))
    lay(other, "many.yml", CORRELATION)
    records = [process(number, "evil.exe -x") for number in range(3)]
    records += [process(3, "evil.exe -agent"), process(5, "evil.exe -z", host="SRV2")]
    for number, record in enumerate(reversed(records)):
        take(other, f"{number}.jsonl", [record])
        review(other, now=NOW)
    assert {row for row in hits(other) if row[0] == "correlation"} == {
        row for row in hits(ward) if row[0] == "correlation"
    }


def feed(ward: Workspace, *hashes: str) -> None:
    path = ward.root.parent / "bad.txt"
    path.write_text("\n".join(hashes) + "\n", "utf-8")
    import_(ward, [path])


def test_a_new_indicator_is_run_over_history_once_and_one_that_is_gone_leaves_nothing(
    ward: Workspace,
) -> None:
    one, two = "0123456789abcdef" * 4, "fedcba9876543210" * 4
    event = {**process(30, "tool.exe"), "Hashes": f"SHA256={one.upper()}"}
    other = {**process(31, "tool.exe"), "Hashes": f"SHA256={two.upper()}"}
    take(ward, "b.jsonl", [event, other])
    (ward.root / "rules" / "one.yml").unlink()
    review(ward, now=NOW)
    assert found(ward) == {}
    feed(ward, one)
    result = review(ward, now=NOW)
    ((_, body),) = found(ward).items()
    assert (body["kind"], body["scope"], body["hosts"]) == ("indicator", "estate", ["SRV1"])
    assert one in body["title"].casefold()
    assert [finding.id for finding in result.new_findings] == [body["id"]]
    before = hits(ward)
    feed(ward, one, two)
    review(ward, now=NOW)
    assert set(before) < set(hits(ward))
    assert len(hits(ward)) == 2
    feed(ward, two)
    review(ward, now=NOW)
    assert len(hits(ward)) == 1
    assert set(hits(ward)).isdisjoint(before)
    take(ward, "c.jsonl", [{**process(40, "x.exe", host="SRV9"), "Hashes": f"SHA256={two}"}])
    review(ward, now=NOW)
    assert {hosts for _, hosts in found(ward)} == {"SRV1", "SRV9"}


def test_visits_only_leaves_findings_and_rules_as_they_were(ward: Workspace) -> None:
    review(ward, now=NOW)
    before = found(ward)
    take(ward, "b.jsonl", [process(6, "evil.exe -b")])
    lay(ward, "two.yml", rule(2, "evil.exe -x"))
    result = review(ward, now=NOW, visits_only=True)
    assert found(ward) == before
    assert any("were not matched" in note for note in result.notes)
    assert "stitching" in result.phases
    assert "matching" not in result.phases
    review(ward, now=NOW)
    assert counted(ward) == {"SRV1": 5, "SRV2": 2}
    assert [row[1] for row in hits(ward)].count(rule_id(2)) == 3


def test_visits_only_says_nothing_of_rules_that_are_gone(ward: Workspace) -> None:
    review(ward, now=NOW)
    (ward.root / "rules" / "one.yml").unlink()
    review(ward, now=NOW, visits_only=True)
    assert found(ward) == {}


def test_visits_only_of_everything_lets_the_next_review_match_everything(ward: Workspace) -> None:
    review(ward, now=NOW)
    before = hits(ward), found(ward)
    review(ward, now=NOW, everything=True, visits_only=True)
    assert "matching" in review(ward, now=NOW).phases
    assert (hits(ward), found(ward)) == before


def test_a_rule_that_fires_on_everything_is_said(ward: Workspace) -> None:
    take(ward, "many.jsonl", [process(100 + number, f"a.exe {number}") for number in range(1100)])
    lay(ward, "all.yml", rule(5, "exe", title="Everything", level="low"))
    notes = review(ward, now=NOW).notes
    assert any("fires on nearly everything" in note and "Everything" in note for note in notes)
    assert any("Everything" in note for note in review(ward, now=NOW).notes)


def test_many_broken_rules_are_told_once(ward: Workspace) -> None:
    for number in range(5):
        lay(ward, f"broken{number}.yml", "title: [")
    (note,) = [note for note in review(ward, now=NOW).notes if "broken0.yml" in note]
    assert note.startswith("5 problems in rules")
    assert [note for note in review(ward, now=NOW).notes if "rules" in note] == []
    lay(ward, "broken9.yml", "title: [")
    assert any("6 problems in rules" in note for note in review(ward, now=NOW).notes)
