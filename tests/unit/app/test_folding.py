"""Of the rules that tell of the same records one speaks, whatever order they come in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.app.documents import finding_document, finding_from, ocsf
from countersign.app.hit_findings import Sought, hit_findings
from countersign.app.hits import MAX_EVIDENCE, Group, Homes, Place, grouped
from countersign.app.results import Results
from countersign.app.review import review
from countersign.app.workspace import Workspace
from countersign.lake.tables import HITS_SCHEMA
from countersign.model.identity import keyed_id
from countersign.model.visit import SEVERITIES, Finding, Severity
from detecting import found, hits, lay, process, rule, take

NOW = datetime(2026, 4, 1, tzinfo=UTC)
LEVELS = st.sampled_from(SEVERITIES)


def row(rule_id: str, number: int) -> dict[str, object]:
    event = keyed_id("event", str(number))
    return {
        "id": keyed_id("hit", rule_id, event),
        "rule_id": rule_id,
        "event": event,
        "segment": "s",
        "record": number,
        "time": datetime(2026, 3, 2, 8, number // 60 % 60, number % 60, tzinfo=UTC),
        "host": "SRV1",
        "account": None,
        "kind": "rule",
        "fields": None,
    }


def groups_of(rows: list[dict[str, object]], cuts: list[int] | None = None) -> dict[Place, Group]:
    edges = sorted({0, len(rows), *(cut for cut in cuts or () if cut < len(rows))})
    parts = [rows[start:end] for start, end in pairwise(edges)]
    return grouped([pa.Table.from_pylist(part, schema=HITS_SCHEMA) for part in parts], Homes(()), {})


def told(levels: Mapping[str, Severity], groups: Mapping[Place, Group], kind: str = "rule") -> list[Finding]:
    sought = {
        id_: Sought(id_, kind, f"Rule {id_}", level, "It happened.", (f"T{id_}",), (f"C/{id_}",))
        for id_, level in levels.items()
    }
    return hit_findings(groups, (), sought)


def fold(told_by: Mapping[str, tuple[Severity, set[int]]]) -> dict[str, list[str]]:
    """Who speaks, and for whom."""
    rows = [row(id_, number) for id_, (_, numbers) in told_by.items() for number in numbers]
    levels = {id_: level for id_, (level, _) in told_by.items()}
    return {one.rule_id: [also.rule_id for also in one.also] for one in told(levels, groups_of(rows))}


def test_the_most_severe_speaks_for_those_that_tell_of_the_same_or_less() -> None:
    assert fold({"a": ("low", {1, 2}), "b": ("high", {1, 2}), "c": ("medium", {2})}) == {"b": ["c", "a"]}


def test_a_rule_that_tells_of_more_speaks_for_itself() -> None:
    assert fold({"a": ("low", {1, 2, 3}), "b": ("high", {1})}) == {"b": [], "a": []}


def test_a_rule_all_of_whose_records_others_tell_of_goes_to_the_one_that_tells_of_most() -> None:
    assert fold({"a": ("high", {1}), "b": ("high", {2, 3}), "c": ("low", {1, 2, 3})}) == {"b": ["c"], "a": []}


def test_less_severe_rules_hide_nothing() -> None:
    assert fold({"a": ("high", {1}), "b": ("low", {1, 2})}) == {"a": [], "b": []}


def test_more_records_than_are_kept_are_the_same_or_not() -> None:
    many = set(range(3 * MAX_EVIDENCE))
    assert fold({"a": ("low", many), "b": ("high", many)}) == {"b": ["a"]}
    assert fold({"a": ("low", many), "b": ("high", many - {7} | {999})}) == {"b": [], "a": []}


def test_a_correlation_stands_by_itself() -> None:
    groups = groups_of([row("a", 1), row("b", 1)])
    assert len(told({"a": "high", "b": "low"}, groups, kind="correlation")) == 2


def test_what_is_folded_keeps_its_words_and_lends_its_techniques() -> None:
    (one,) = told({"a": "high", "b": "high", "c": "low"}, groups_of([row("a", 1), row("b", 1), row("c", 1)]))
    assert one.techniques == ("Ta", "Tb", "Tc")
    assert one.cites == ("C/a", "C/b", "C/c")
    assert [(also.title, also.severity, also.count) for also in one.also] == [
        ("Rule b", "high", 1),
        ("Rule c", "low", 1),
    ]
    assert one.aliases == (one.also[0].id,), "of the same severity: another name for the same news"
    assert finding_from(finding_document(one)) == one
    assert [item["uid"] for item in ocsf(one)["finding_info"]["related_analytics"]] == ["b", "c"]


RULES = st.dictionaries(
    st.sampled_from("abcdefgh"),
    st.tuples(LEVELS, st.sets(st.integers(0, 9), min_size=1)),
    min_size=1,
)


@given(told_by=RULES, data=st.data())
def test_each_record_has_a_row_of_its_severity_whatever_the_order(
    told_by: dict[str, tuple[Severity, set[int]]], data: st.DataObject
) -> None:
    rows = [row(id_, number) for id_, (_, numbers) in told_by.items() for number in numbers]
    levels = {id_: level for id_, (level, _) in told_by.items()}
    once = told(levels, groups_of(rows))
    shuffled = data.draw(st.permutations(rows))
    cuts = data.draw(st.lists(st.integers(0, len(rows)), max_size=3))
    other = dict(data.draw(st.permutations(list(levels.items()))))
    assert told(other, groups_of(shuffled, cuts)) == once
    named = [id_ for one in once for id_ in (one.rule_id, *(also.rule_id for also in one.also))]
    assert sorted(named) == sorted(told_by), "each rule is named once"
    for level, numbers in told_by.values():
        for number in numbers:
            spoken = [one.severity for one in once if number in {item.record for item in one.evidence}]
            assert any(SEVERITIES.index(severity) >= SEVERITIES.index(level) for severity in spoken)


@pytest.fixture
def ward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr("countersign.app.review.visits_of", lambda *_: ())
    monkeypatch.setattr("countersign.app.review.coverage", lambda _: None)
    workspace = Workspace.create(tmp_path / "ward")
    take(workspace, "a.jsonl", [process(number, "evil.exe -x") for number in range(3)])
    lay(workspace, "one.yml", rule(1, "evil"))
    return workspace


def test_a_further_rule_on_the_same_records_is_no_news_unless_it_is_more_severe(ward: Workspace) -> None:
    (first,) = review(ward, now=NOW).new_findings
    lay(ward, "two.yml", rule(2, "-x", level="low"))
    assert review(ward, now=NOW).new_findings == ()
    assert [body["id"] for body in found(ward).values()] == [first.id]
    assert len(hits(ward)) == 6, "hits of what is folded stay"
    lay(ward, "three.yml", rule(3, "evil.exe -x", level="high"))
    (graver,) = review(ward, now=NOW).new_findings
    assert (graver.title, [one.title for one in graver.also]) == ("Rule 3", ["Rule 1", "Rule 2"])
    assert Results.open(ward).finding(first.id)["id"] == graver.id, "by the id that it had before"


def test_a_rule_of_the_same_severity_that_takes_over_is_no_news(ward: Workspace) -> None:
    (first,) = review(ward, now=NOW).new_findings
    lay(ward, "zero.yml", rule(0, "evil.exe", title="Rule 0"))
    assert review(ward, now=NOW).new_findings == ()
    (body,) = found(ward).values()
    assert (body["title"], body["aliases"]) == ("Rule 0", [first.id])


def test_a_rule_whose_head_an_exception_holds_back_speaks_for_itself_and_is_no_news(ward: Workspace) -> None:
    lay(ward, "two.yml", rule(2, "-x", level="high"))
    review(ward, now=NOW)
    lay(
        ward, "known.yaml", "except: {rule: Rule 2, until: 2999-01-01, reason: known, by: me}\n", "exceptions"
    )
    assert review(ward, now=NOW).new_findings == ()
    (body,) = found(ward).values()
    assert (body["title"], body["also"]) == ("Rule 1", [])
