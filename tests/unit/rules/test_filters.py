"""Filters: conditions added to the rules that they name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa
import pytest
from sigma.collection import SigmaCollection
from sigma.rule import SigmaRule

from countersign.rules import RuleSet, compile_rules
from countersign.rules.filters import PREFIX, apply_filters
from countersign.rules.references import checked

RULE = """title: {title}
name: {title}
id: {id}
logsource: {{product: windows, category: process_creation}}
detection:
  selection: {{Image|endswith: x}}
  other: {{Image: nothing}}
  condition: {condition}
"""
A, B = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
FILTER = """title: {title}
logsource: {{product: {product}, category: process_creation}}
filter:
  rules: {rules}
  {detections}
  condition: {condition}
"""
Load = Callable[..., RuleSet]
Events = Callable[..., pa.Table]
ROWS = [{"Image": "x", "User": "adm"}, {"Image": "x", "User": "bob"}, {"Image": "x"}]


def rule(title: str, id_: str, condition: str = "1 of them") -> str:
    return RULE.format(title=title, id=id_, condition=condition)


def filter_(
    rules: str,
    detections: str = "selection: {User: adm}",
    condition: str = "not selection",
    product: str = "windows",
    title: str = "f",
) -> str:
    return FILTER.format(
        rules=rules, detections=detections, condition=condition, product=product, title=title
    )


def fired(made: RuleSet, table: pa.Table) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {one.title: [] for one in made.rules if one.kind == "rule"}
    for row in compile_rules(made).match(table).to_pylist():
        found[made.rules[row["rule"]].title].append(row["row"])
    return found


@pytest.mark.parametrize("rules", [A, A.upper(), "a", "[a]", f"[{A}, a]"])
def test_only_the_rules_it_names(ruleset: Load, events: Events, rules: str) -> None:
    made = ruleset(rule("a", A), rule("b", B), filter_(rules))
    assert checked(made).problems == ()
    assert fired(made, events(ROWS)) == {"a": [1, 2], "b": [0, 1, 2]}
    assert [one.state for one in compile_rules(made).status] == ["active"] * 3


@pytest.mark.parametrize("rules", ["any", "Any", "[]"])
def test_any_rule_of_its_log_source(ruleset: Load, events: Events, rules: str) -> None:
    elsewhere = rule("b", B).replace("process_creation", "image_load")
    made = ruleset(rule("a", A), elsewhere, filter_(rules))
    assert checked(made).problems == ()
    found = apply_filters(made)
    assert found.parsed[0] is not made.parsed[0]
    assert found.parsed[1] is made.parsed[1]
    assert fired(made, events(ROWS))["a"] == [1, 2]


@pytest.mark.parametrize(
    ("detections", "condition", "rows"),
    [
        ("selection: {User: adm}", "selection", [0]),
        ("s_1: {User: adm}\n  s_2: {User: bob}", "not 1 of s_*", [2]),
        ("s_1: {User: adm}\n  1st: {User: bob}", "not (s_1 or 1st)", [2]),
        ("s_1: {User: adm}\n  s_2: {Image: x}", "not all of them", [1, 2]),
        ("s-1: {User: adm}\n  _other: {User: bob}", "not 1 of them", [1, 2]),
        ("any-thing: {User: adm}", "not any of any*", [1, 2]),
        ("selection: {Image: nothing}", "not selection", [0, 1, 2]),
    ],
)
def test_its_condition_and_selections_are_its_own(
    ruleset: Load, events: Events, detections: str, condition: str, rows: list[int]
) -> None:
    made = ruleset(rule("a", A), filter_("a", detections, condition))
    assert checked(made).problems == ()
    assert fired(made, events(ROWS)) == {"a": rows}


def test_several_filters_and_conditions(ruleset: Load, events: Events) -> None:
    made = ruleset(
        rule("a", A, "[selection, other]"),
        filter_("a"),
        filter_("any", "selection: {User: bob}", title="g"),
    )
    assert fired(made, events(ROWS)) == {"a": [2]}


@pytest.mark.parametrize(
    ("text", "reason", "state"),
    [
        (filter_("nobody"), "refers to the rule nobody, which is not here", "unsupported"),
        (filter_("a", product="linux"), "the rule's log source is not the filter's", "unsupported"),
        (filter_("c"), "which is a correlation: only rules can be filtered", "unsupported"),
        (filter_("[a, nobody]"), "refers to the rule nobody, which is not here", "active"),
    ],
)
def test_what_it_cannot_be_added_to_is_told(ruleset: Load, text: str, reason: str, state: str) -> None:
    counted = "title: c\nname: c\ncorrelation: {type: temporal, rules: [a], timespan: 1m}\n"
    made = ruleset(rule("a", A), counted, text)
    assert made.problems == ()
    found = checked(made).problems
    assert [(one.path[-5:], one.line, reason in one.reason) for one in found] == [("2.yml", 1, True)]
    assert [one.state for one in compile_rules(made).status] == ["active", "active", state]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (filter_("a", condition="not nobody"), "it names 'nobody', which is not defined"),
        (filter_("a", condition="not 1 of x*"), "names no selection"),
        (filter_("a", condition="not selection) or (selection"), "cannot be read"),
        (filter_("a", condition="[not selection]"), "must be a string"),
        (filter_("a").replace("  rules: a\n", ""), "must have a 'rules' field"),
        (filter_("a").replace("logsource", "log"), "must have a log source"),
    ],
)
def test_a_broken_filter_is_told_with_its_line_and_stops_nothing(
    ruleset: Load, events: Events, text: str, reason: str
) -> None:
    made = ruleset(rule("a", A) + "---\n" + text)
    assert [(one.line, reason in one.reason) for one in made.problems] == [(10, True)]
    assert fired(made, events(ROWS)) == {"a": [0, 1, 2]}
    assert compile_rules(made).status[1].state == "unsupported"


def test_a_broken_condition_of_a_rule_is_not_made_whole(ruleset: Load) -> None:
    made = ruleset(rule("a", A, "selection) or (other"), filter_("a"))
    assert compile_rules(made).status[0].state == "unsupported"


def test_a_rule_that_takes_in_every_name_keeps_its_own(ruleset: Load, events: Events) -> None:
    made = ruleset(rule("a", A, "selection or 1 of _*").replace("other:", "_other:"), filter_("a"))
    assert "whose condition takes in all names with `_`" in checked(made).problems[0].reason
    assert fired(made, events(ROWS)) == {"a": [0, 1, 2]}


def test_a_fingerprint_follows_the_filter_and_nothing_else(ruleset: Load) -> None:
    def prints(*texts: str) -> Sequence[str]:
        return [compile_rules(ruleset(*texts)).fingerprints[id_] for id_ in (A, B)]

    plain = prints(rule("a", A), rule("b", B))
    once = prints(rule("a", A), rule("b", B), filter_("a"))
    assert once == prints(rule("a", A), rule("b", B), filter_("a"))
    assert (plain[0] != once[0], plain[1] == once[1]) == (True, True)
    assert prints(rule("a", A), rule("b", B), filter_("a", "selection: {User: eve}"))[0] != once[0]


def test_pysigma_applies_the_same(ruleset: Load) -> None:
    texts = [rule("a", A), filter_("a", "s_1: {User: adm}\n  s_2: {User: bob}", "not 1 of s_*")]
    theirs = SigmaCollection.from_yaml("---\n".join(texts))
    ours = apply_filters(ruleset(*texts)).parsed[0]
    assert isinstance(ours, SigmaRule)
    assert isinstance(theirs.rules[0], SigmaRule)
    assert len(theirs.rules[0].detection.detections) == len(ours.detection.detections) == 4
    assert theirs.rules[0].detection.condition[0].startswith("(1 of them) and (not ")
    assert ours.detection.condition == [
        f"(1 of them) and (not ({' or '.join(list(ours.detection.detections)[2:])}))"
    ]
    assert all(name.startswith(PREFIX) for name in list(ours.detection.detections)[2:])
