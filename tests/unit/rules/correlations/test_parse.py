"""Broken correlations are told with file and line, and stop nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.rules import RuleSet, compile_rules
from countersign.rules.correlations.definition import Definition, definition_from, spell
from countersign.rules.documents import read_documents
from countersign.rules.load import _Loader

BASE = "title: a\nname: a\nlogsource: {product: windows}\ndetection: {s: {A: x}, condition: s}\n"


def with_body(body: str) -> str:
    return f"{BASE}---\ntitle: c\ncorrelation: {body}\n"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("{type: event_count, rules: [a], timespan: 1x, condition: {gte: 2}}", "'1x' is invalid"),
        ("{type: event_count, rules: [a], timespan: 0m, condition: {gte: 2}}", "greater than zero"),
        ("{type: event_count, rules: [a], timespan: 999y, condition: {gte: 2}}", "a hundred years"),
        ("{type: event_count, rules: [a], timespan: 5, condition: {gte: 2}}", "invalid"),
        ("{type: event_count, rules: [a], condition: {gte: 2}}", "without timespan"),
        ("{type: often, rules: [a], timespan: 1m, condition: {gte: 2}}", "no valid Sigma correlation type"),
        ("{rules: [a], timespan: 1m, condition: {gte: 2}}", "without type"),
        ("{type: event_count, rules: [], timespan: 1m, condition: {gte: 2}}", "refers to no rule"),
        ("{type: event_count, rules: [a, a], timespan: 1m, condition: {gte: 2}}", "the rule a twice"),
        ("{type: event_count, rules: [{a: b}], timespan: 1m, condition: {gte: 2}}", "id or its name"),
        ("{type: event_count, rules: [a], timespan: 1m}", "without condition"),
        ("{type: event_count, rules: [a], timespan: 1m, condition: a and a}", "Extended conditions"),
        ("{type: event_count, rules: [a], timespan: 1m, condition: {gte: many}}", "'many' is no valid"),
        ("{type: event_count, rules: [a], timespan: 1m, condition: {many: 1}}", "exactly one condition"),
        ("{type: event_count, rules: [a], timespan: 1m, condition: {gte: 1, x: 1}}", "invalid items: x"),
        ("{type: value_count, rules: [a], timespan: 1m, condition: {gte: 2}}", "without field"),
        ("{type: value_sum, rules: [a], timespan: 1m, condition: {gte: 2, field: [A, B]}}", "one field"),
        ("{type: value_percentile, rules: [a], timespan: 1m, condition: {gte: 2, field: A}}", "`percentile`"),
        (
            "{type: value_percentile, rules: [a], timespan: 1m, condition: {gte: 2, field: A, percentile: 101}}",
            "from 0 to 100",
        ),
        ("{type: temporal, rules: [a], timespan: 1m, condition: a and}", "parse extended condition"),
        ("{type: temporal, rules: [a], timespan: 1m, group-by: {a: b}}", "group-by"),
        ("{type: temporal, rules: [a], timespan: 1m, aliases: {x: y}}", "alias"),
        ("{type: temporal, rules: [a], timespan: 1m, aliases: {x: {a: 1}}}", "alias"),
        ("[a]", "must be a mapping"),
        ("{type: temporal, rules: [a], timespan: 1m, condition: " + "a or " * 500 + "a}", "2000 characters"),
        (
            "{type: temporal_ordered, timespan: 1m, condition: "
            + " and ".join(f"(a{n} or b{n})" for n in range(7))
            + "}",
            "64 alternatives",
        ),
    ],
)
def test_a_broken_correlation_is_told_and_stops_nothing(
    ruleset: Callable[..., RuleSet], body: str, reason: str
) -> None:
    made = ruleset(with_body(body))
    assert [(one.path[-5:], one.line) for one in made.problems] == [("0.yml", 6)]
    assert reason in made.problems[0].reason
    assert (made.rules[1].kind, made.rules[1].correlation) == ("correlation", "")
    status = compile_rules(made).status
    assert status[0].state == "active"
    assert (status[1].state, reason in status[1].reason) == ("unsupported", True)


def test_an_underscore_for_a_hyphen_is_told_and_the_rest_runs(ruleset: Callable[..., RuleSet]) -> None:
    made = ruleset(with_body("{type: temporal, rules: [a], timespan: 1m, group_by: [A]}"))
    assert [one.reason for one in made.problems] == ["`group_by` is no part of a correlation (`group-by` is)"]
    assert compile_rules(made).status[1].state == "active"


def test_several_comparisons_are_a_range(ruleset: Callable[..., RuleSet]) -> None:
    made = ruleset(with_body("{type: event_count, rules: [a], timespan: 1h, condition: {gt: 100, lte: 200}}"))
    assert made.problems == ()
    assert definition_from(made.rules[1].correlation).conditions == (("gt", 100), ("lte", 200))


def test_a_definition_is_kept_as_text() -> None:
    definition = Definition(
        kind="temporal",
        rules=("a", "b"),
        seconds=60,
        group_by=("x",),
        aliases={"x": {"a": "y"}},
        expression=("and", "a", ("not", "b")),
        generate=True,
    )
    assert definition_from(spell(definition)) == definition


YAML = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.text(max_size=8), st.integers()), inner, max_size=3),
    ),
    max_leaves=8,
)
PART = st.sampled_from(
    ["a", "c", "1m", "event_count", "temporal", "value_sum", {"gte": 2}, {"gte": 1, "field": "A"}]
)


@given(
    st.sampled_from(["correlation", "filter"]),
    st.dictionaries(
        st.sampled_from(
            [
                "type",
                "rules",
                "timespan",
                "condition",
                "group-by",
                "aliases",
                "generate",
                "selection",
                "logsource",
            ]
        ),
        st.one_of(YAML, PART),
    ),
    st.one_of(st.just({"product": "windows"}), YAML),
)
def test_whatever_a_document_says_nothing_is_raised(kind: str, body: object, source: object) -> None:
    from countersign.rules.documents import _document

    found = _document({"title": "c", "logsource": source, kind: body}, 1)
    assert found.parsed is not None or found.problems


def test_collections_of_several_documents(ruleset: Callable[..., RuleSet]) -> None:
    text = (
        "action: global\nlevel: high\nlogsource: {product: windows, service: security}\n---\n"
        "title: one\nname: one\ndetection: {s: {EventID: 1}, condition: s}\n---\n"
        "action: repeat\ntitle: two\nname: two\ndetection: {s: {EventID: 2}}\n---\n"
        "title: many\ncorrelation: {type: event_count, rules: [one, two], timespan: 1m, condition: {gte: 2}}\n---\n"
        "title: not here\nlogsource: {product: windows}\nfilter: {rules: [two], s: {User: x}, condition: not s}\n---\n"
        "action: reset\n---\n"
        "title: three\nlogsource: {product: linux}\ndetection: {s: {A: 1}, condition: s}\n"
    )
    made = ruleset(text)
    assert made.problems == ()
    assert [(rule.title, rule.level, rule.kind, rule.product) for rule in made.rules] == [
        ("one", "high", "rule", "windows"),
        ("two", "high", "rule", "windows"),
        ("many", "informational", "correlation", ""),
        ("not here", "informational", "filter", "windows"),
        ("three", "informational", "rule", "linux"),
    ]
    assert [one.state for one in compile_rules(made).status][:4] == ["active"] * 4


def test_reading_is_the_same_whatever_stands_in_the_file_before() -> None:
    loader = _Loader()
    loader.add("a.yml", with_body("[]").encode())
    documents, problems = read_documents(with_body("[]").encode())
    assert (len(documents), problems, len(loader.finish().rules)) == (2, [], 2)
