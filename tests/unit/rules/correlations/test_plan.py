from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from countersign.rules import RuleSet, compile_rules
from countersign.rules.cache import load_compiled
from countersign.rules.correlations import captured, plan, problems, silent
from countersign.rules.references import checked

A, B = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


def base(name: str, id_: str, product: str = "windows", more: str = "") -> str:
    return (
        f"title: {name}\nname: {name}\nid: {id_}\nlogsource: {{product: {product}}}\n{more}"
        "detection: {s: {A: x}, condition: s}\n"
    )


def correlation(name: str, rules: str, more: str = "") -> str:
    return (
        f"title: {name}\nname: {name}\ncorrelation: {{type: event_count, rules: [{rules}], timespan: 1m,"
        f" condition: {{gte: 2}}{more}}}\n"
    )


Load = Callable[..., RuleSet]


def states(made: RuleSet) -> dict[str, tuple[str, str]]:
    status = compile_rules(made).status
    return {rule.title: (one.state, one.reason) for rule, one in zip(made.rules, status, strict=True)}


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ([correlation("c", "nobody")], "refers to the rule nobody, which is not here"),
        ([correlation("c", "c")], "refers to itself"),
        ([correlation("c", "d"), correlation("d", "c")], "refers to itself by way of d"),
        ([correlation("c", f"a, {A}")], f"refers to one rule as a and as {A}"),
        (
            [correlation("c", "a", ", aliases: {x: {b: y}}"), base("b", B)],
            "the alias x is for the rule b, which the correlation does not refer to",
        ),
        (
            [
                correlation("c", "f"),
                (
                    "title: f\nname: f\nlogsource: {product: windows}\n"
                    "filter: {rules: any, s: {A: y}, condition: not s}\n"
                ),
            ],
            "refers to f, which is a filter",
        ),
        (
            [correlation("c", "same"), base("same", B), base("same", B[::-1])],
            "refers to the rule same, but 2 rules have this name: use an id",
        ),
    ],
)
def test_a_reference_that_leads_nowhere_is_told_and_stops_nothing(
    ruleset: Load, texts: list[str], reason: str
) -> None:
    made = ruleset(base("a", A), *texts)
    found = [one for one in problems(made) if one.path == made.rules[1].path]
    assert [(one.line, one.reason) for one in found] == [(1, reason)]
    assert set(found) <= set(checked(made).problems)
    assert states(made)["c"] == ("unsupported", reason)
    assert states(made)["a"][0] == "active"


def test_what_refers_to_a_broken_one_does_not_run_either(ruleset: Load) -> None:
    made = ruleset(base("a", A), correlation("c", "nobody"), correlation("d", "c, a"))
    assert len(problems(made)) == 1
    assert states(made)["d"] == ("unsupported", "refers to a correlation that does not run")


def test_a_name_in_the_same_file_comes_first(ruleset: Load) -> None:
    made = ruleset(base("a", A), base("a", B) + "---\n" + correlation("c", "a"))
    assert problems(made) == ()
    assert [made.rules[one.references[0].index].id for one in plan(made).steps] == [B]


def test_a_correlation_is_active_when_its_rules_are(ruleset: Load) -> None:
    made = ruleset(
        base("a", A),
        base("mac", B, "macos"),
        base("old", A[::-1], more="status: deprecated\n"),
        correlation("fine", A.upper()),
        correlation("waits", "a, mac"),
        correlation("behind", "waits"),
        correlation("never", "old, mac"),
    )
    found = states(made)
    assert found["fine"] == ("active", "")
    assert found["waits"][0] == found["behind"][0] == "no source"
    assert found["waits"][1].startswith("needs mac (no log source here is product macos")
    assert found["behind"][1].startswith("needs waits (needs mac")
    assert (found["never"][0], "old (its authors mark it deprecated)" in found["never"][1]) == (
        "unsupported",
        True,
    )


def test_what_hits_must_carry_goes_through_correlations_and_aliases(ruleset: Load) -> None:
    made = ruleset(
        base("a", A),
        base("b", B),
        correlation("inner", "a", ", group-by: [Who], aliases: {Who: {a: SubjectUserName}}"),
        correlation("outer", "inner, b", ", group-by: [who, Computer]"),
        "title: sum\ncorrelation: {type: value_sum, rules: [b], timespan: 1m, condition: {gt: 1, field: Bytes}}\n",
    )
    assert captured(made) == {A: ("Computer", "SubjectUserName"), B: ("Bytes", "Computer", "Who")}
    assert compile_rules(made).captured == captured(made)
    assert compile_rules(made).fingerprints.keys() == {A, B}


def test_rules_of_a_correlation_are_silent_unless_one_asks_to_hear_them(ruleset: Load) -> None:
    made = ruleset(
        base("a", A),
        base("b", B),
        correlation("quiet", "a, b"),
        correlation("loud", "b", ", generate: true"),
        correlation("broken", "nobody"),
    )
    everything = {rule.id for rule in made.rules}
    assert silent(made, everything) == {A}
    assert silent(made, everything - {rule.id for rule in made.rules if rule.title == "quiet"}) == frozenset()


def test_a_rule_set_from_the_cache_has_the_same_plan(ruleset: Load, tmp_path: Path) -> None:
    made = ruleset(
        base("a", A),
        "title: t\ncorrelation: {type: temporal, timespan: 1d, condition: a and not a, aliases: {x: {a: y}}}\n",
    )
    files = sorted({tmp_path / rule.path for rule in made.rules})
    load_compiled(files, tmp_path / "cache")
    compiled, cached = load_compiled(files, tmp_path / "cache")
    assert cached.parsed == ()
    assert plan(cached) == plan(made)
    assert compiled.captured == captured(cached) == captured(made)
