"""What a correlation makes of a handful of hits, with the borders named one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from countersign.rules import RuleSet
from countersign.rules.correlations import CORRELATED, MOST_EVIDENCE, correlate

HITS = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("rule_id", pa.string()),
        pa.field("event", pa.string()),
        pa.field("time", pa.timestamp("us", "UTC")),
        pa.field("host", pa.string()),
        pa.field("fields", pa.map_(pa.string(), pa.string())),
    ]
)
IDS = {name: f"00000000-0000-4000-8000-00000000000{number}" for number, name in enumerate("abc", 1)}
BASE = "\n---\n".join(
    f"title: {name}\nname: {name}\nid: {id_}\nlogsource: {{product: windows, service: security}}\n"
    f"detection: {{selection: {{EventID: {number}}}, condition: selection}}"
    for number, (name, id_) in enumerate(IDS.items(), 4624)
)
START = datetime(2026, 3, 1, 23, 59, 50, tzinfo=UTC)
Rows = Sequence[tuple[Any, ...]]
Run = Callable[..., list[dict[str, Any]]]


def hits(rows: Rows) -> pa.Table:
    """(rule, seconds or None, fields, event number if not its own)"""
    return pa.Table.from_pylist(
        [
            {
                "id": f"hit {number:04} {name}",
                "rule_id": IDS[name],
                "event": f"event {rest[0] if rest else number}",
                "time": None if second is None else START + timedelta(seconds=second),
                "host": "HOST",
                "fields": list(fields.items()),
            }
            for number, (name, second, fields, *rest) in enumerate(rows)
        ],
        schema=HITS,
    )


@pytest.fixture
def run(ruleset: Callable[..., RuleSet]) -> Run:
    def correlated(body: str, rows: Rows, *more: str) -> list[dict[str, Any]]:
        text = f"title: t\nid: 00000000-0000-4000-8000-000000000009\ncorrelation: {body}"
        made = ruleset("\n---\n".join([BASE, *more, text]))
        assert made.problems == ()
        found: list[dict[str, Any]] = correlate(hits(rows), made).to_pylist()
        return [row for row in found if row["rule_id"].endswith("9")]

    return correlated


def seconds(rows: list[dict[str, Any]], name: str = "time") -> list[float]:
    return [(row[name] - START).total_seconds() for row in rows]


COUNT = "{type: event_count, rules: [a], group-by: [User], timespan: 10s, condition: {gte: 3}}"
BOB = {"User": "bob"}


@pytest.mark.parametrize(("last", "fires"), [(10, True), (10.000001, False)])
def test_hits_exactly_a_timespan_apart_are_within_it_even_over_midnight(
    run: Run, last: float, fires: bool
) -> None:
    found = run(COUNT, [("a", 0, BOB), ("a", 5, BOB), ("a", last, BOB)])
    assert seconds(found) == ([10] if fires else [])


def test_a_run_is_one_hit_with_the_time_that_completed_it(run: Run) -> None:
    found = run(COUNT, [("a", second, BOB) for second in range(0, 100, 4)])
    assert (seconds(found), seconds(found, "start"), seconds(found, "end")) == ([8], [0], [96])
    assert found[0]["count"] == len(found[0]["hits"]) == len(found[0]["events"]) == 25
    assert (found[0]["value"], found[0]["host"], found[0]["group"]) == (3, "HOST", [("User", "bob")])


def test_runs_that_share_no_hit_are_two(run: Run) -> None:
    found = run(COUNT, [("a", second, BOB) for second in (0, 1, 2, 11, 12, 13)])
    assert (seconds(found), [row["count"] for row in found]) == ([2], [6])
    found = run(COUNT, [("a", second, BOB) for second in (0, 1, 2, 13, 14, 15)])
    assert (seconds(found), [row["count"] for row in found]) == ([2, 15], [3, 3])
    assert len({row["id"] for row in found}) == 2


def test_the_id_stays_while_a_run_goes_on(run: Run) -> None:
    rows = [("a", second, BOB) for second in range(9)]
    assert run(COUNT, rows[:4])[0]["id"] == run(COUNT, rows)[0]["id"]


def test_groups_are_apart_case_is_not_and_hits_without_group_or_time_are_left_out(run: Run) -> None:
    rows = [
        ("a", 0, BOB),
        ("a", 1, {"user": "BOB"}),
        ("a", 2, {"User": "eve"}),
        ("a", 3, {}),
        ("a", None, BOB),
    ]
    assert run(COUNT, rows) == []
    found = run(COUNT, [*rows, ("a", 4, BOB)])
    assert [(row["group"], row["count"]) for row in found] == [([("User", "bob")], 3)]


def test_an_event_that_two_rules_hit_counts_once(run: Run) -> None:
    body = "{type: event_count, rules: [a, b], timespan: 10s, condition: {gte: 2}}"
    assert run(body, [("a", 0, {}, 7), ("b", 0, {}, 7)]) == []
    assert [row["value"] for row in run(body, [("a", 0, {}, 7), ("b", 0, {}, 8)])] == [2]


@pytest.mark.parametrize(
    ("condition", "fires"), [("{lt: 3}", [40]), ("{eq: 3}", [2]), ("{gt: 1, lte: 2}", [])]
)
def test_upper_bounds_are_asked_of_full_windows(run: Run, condition: str, fires: list[float]) -> None:
    body = f"{{type: event_count, rules: [a], timespan: 10s, condition: {condition}}}"
    assert seconds(run(body, [("a", second, {}) for second in (0, 1, 2, 40)])) == fires


def test_value_count_counts_values_whatever_their_case_and_combinations_of_several_fields(run: Run) -> None:
    rows = [("a", second, {"U": user, "D": "x"}) for second, user in enumerate(["a", "A", "b", "a"])]
    body = "{type: value_count, rules: [a], timespan: 10s, condition: {gte: 2, field: U}}"
    assert [(row["value"], row["count"]) for row in run(body, [*rows, ("a", 4, {})])] == [(2, 4)]
    both = "{type: value_count, rules: [a], timespan: 10s, condition: {gte: 3, field: [U, D]}}"
    assert run(both, [*rows, ("a", 5, {"U": "c"})]) == []
    assert seconds(run(both, [*rows, ("a", 6, {"U": "b", "D": "y"})])) == [6]


@pytest.mark.parametrize(
    ("kind", "more", "texts", "value"),
    [
        ("value_sum", "gte: 22.6", ["0x10", "1", "5.6", "-"], 22.6),
        ("value_avg", "gt: 5.64", ["0x10", "-1", "5.6", "2"], 5.65),
        ("value_median", "eq: 3.3", ["0x10", "1", "2.0", "4.6"], 3.3),
        ("value_percentile", "percentile: 25, lte: 1.75", ["0x10", "1", "2.0", "4.6", "none", "1e3"], 1.75),
        ("value_percentile", "percentile: 100, gte: 16", ["0x10", "1", "nan"], 16.0),
    ],
)
def test_numbers_are_reckoned_with_exactly_and_other_texts_left_out(
    run: Run, kind: str, more: str, texts: list[str], value: float
) -> None:
    rows = [("a", second, {"N": text}) for second, text in enumerate(texts)]
    found = run(f"{{type: {kind}, rules: [a], timespan: 1m, condition: {{field: N, {more}}}}}", rows)
    assert [row["value"] for row in found] == [pytest.approx(value)]


TEMPORAL = "{{type: {kind}, rules: [a, b], group-by: [User], timespan: 10s}}"


def test_temporal_needs_all_rules_in_any_order_and_ordered_in_theirs(run: Run) -> None:
    rows = [("b", 0, BOB), ("a", 3, BOB)]
    assert seconds(run(TEMPORAL.format(kind="temporal"), rows)) == [3]
    assert run(TEMPORAL.format(kind="temporal_ordered"), rows) == []
    later = [*rows, ("b", 13, BOB)]
    assert seconds(run(TEMPORAL.format(kind="temporal_ordered"), later)) == [13]
    assert run(TEMPORAL.format(kind="temporal_ordered"), [*rows, ("b", 13.5, BOB)]) == []


def test_hits_of_one_moment_are_in_any_order(run: Run) -> None:
    assert seconds(run(TEMPORAL.format(kind="temporal_ordered"), [("b", 1, BOB), ("a", 1, BOB)])) == [1]


def test_an_extended_condition_says_what_must_not_be_there(run: Run) -> None:
    body = "{type: temporal, timespan: 10s, condition: a and not b}"
    assert run(body, [("a", 0, {}), ("b", 5, {})]) == []
    found = run(body, [("a", 0, {}), ("b", 11, {}), ("a", 30, {})])
    assert (seconds(found), [row["value"] for row in found]) == ([0, 30], [None, None])
    ordered = "{type: temporal_ordered, rules: [a, b, c], timespan: 10s, condition: a and c and not b}"
    assert run(ordered, [("c", 0, {}), ("a", 1, {})]) == []
    assert seconds(run(ordered, [("a", 0, {}), ("c", 1, {})])) == [1]
    assert run(ordered, [("a", 0, {}), ("b", 0.5, {}), ("c", 1, {})]) == []


def test_aliases_bring_differently_named_fields_together(run: Run) -> None:
    body = (
        "{type: temporal, rules: [a, b], group-by: [ip], timespan: 10s,"
        " aliases: {ip: {a: SourceIp, b: DestinationIp}}}"
    )
    rows = [
        ("a", 0, {"SourceIp": "10.0.0.1"}),
        ("b", 1, {"DestinationIp": "10.0.0.1", "SourceIp": "10.0.0.9"}),
    ]
    assert [row["group"] for row in run(body, rows)] == [[("ip", "10.0.0.1")]]
    assert run(body, [rows[0], ("b", 1, {"DestinationIp": "10.0.0.2"})]) == []


MANY = (
    "title: many\nname: many\nid: 00000000-0000-4000-8000-000000000008\n"
    "correlation: {type: event_count, rules: [a], group-by: [Computer], timespan: 10s, condition: {gte: 3}}"
)


def test_a_correlation_of_a_correlation_sees_it_at_every_moment_at_which_it_held(run: Run) -> None:
    body = "{type: temporal_ordered, rules: [many, b], group-by: [User], timespan: 10s}"
    here = {"User": "bob", "Computer": "pc"}
    rows = [("a", second, here) for second in range(0, 60, 2)]
    found = run(body, [*rows, ("b", 65, here)], MANY)
    assert seconds(found) == [65]
    assert (found[0]["count"], len(found[0]["hits"]), len(found[0]["events"])) == (2, 2, 31)
    assert run(body, [*rows, ("b", 69, here)], MANY) == []


def test_a_correlations_hit_has_a_field_only_where_all_its_hits_agree(run: Run) -> None:
    body = "{type: temporal, rules: [many, b], group-by: [User], timespan: 10s}"
    rows = [
        ("a", second, {"User": user, "Computer": "pc"}) for second, user in enumerate(["bob", "BOB", "bob"])
    ]
    assert len(run(body, [*rows, ("b", 5, BOB)], MANY)) == 1
    assert run(body, [*rows, ("a", 3, {"User": "eve", "Computer": "pc"}), ("b", 5, BOB)], MANY) == []


def test_a_correlations_hit_counts_once(run: Run) -> None:
    body = "{type: event_count, rules: [many], timespan: 5m, condition: {gte: 2}}"
    here = {"Computer": "pc"}
    rows = [("a", second, here) for second in range(30)]
    assert run(body, rows, MANY) == []
    assert [row["value"] for row in run(body, [*rows, *[("a", 100 + n, here) for n in range(3)]], MANY)] == [
        2
    ]


def test_evidence_is_bounded_and_names_every_rule_and_the_completing_hit(run: Run) -> None:
    rows = [("a", number / 1000, BOB) for number in range(1000)] + [("b", 2, BOB)]
    found = run(TEMPORAL.format(kind="temporal"), rows)
    assert found[0]["count"] == 1001
    assert len(found[0]["hits"]) <= MOST_EVIDENCE
    assert len(found[0]["events"]) <= MOST_EVIDENCE
    assert found[0]["hits"][-1] == "hit 1000 b"


def test_no_hits_no_rules(ruleset: Callable[..., RuleSet]) -> None:
    empty = correlate(hits([]), ruleset(BASE))
    assert (empty.schema, empty.num_rows) == (CORRELATED, 0)


@pytest.mark.parametrize("second", [-(1 << 62), 1 << 62])
def test_a_time_far_off_is_no_trouble(ruleset: Callable[..., RuleSet], second: int) -> None:
    made = ruleset(f"{BASE}\n---\ntitle: t\ncorrelation: {COUNT}")
    table = hits([("a", 0, BOB), ("a", 1, BOB), ("a", 2, BOB)])
    far = pa.array([0, 1, second]).cast(pa.timestamp("us", "UTC"))
    assert correlate(table.set_column(3, HITS.field("time"), far), made).num_rows == 0
