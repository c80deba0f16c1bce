from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from countersign.rules import CompiledSet, RuleSet, compile_rules, load_logsources

RULE = "title: t\nlogsource: {{product: {product}}}\ndetection: {{s: {{A: x}}, condition: s}}\n{more}"


def test_status(ruleset: Callable[..., RuleSet]) -> None:
    made = compile_rules(
        ruleset(
            RULE.format(product="windows", more=""),
            RULE.format(product="macos", more=""),
            RULE.format(product="windows", more="status: deprecated\n"),
            "title: c\ncorrelation: {type: event_count, rules: [x], timespan: 1m, condition: {gte: 2}}\n",
            "title: f\nfilter: {rules: [x], selection: {A: x}, condition: not selection}\n",
        )
    )
    assert [status.state for status in made.status] == ["active", "no source", *["unsupported"] * 3]
    assert "macos" in made.status[1].reason
    assert made.status[3].reason == "refers to the rule x, which is not here"
    assert "cannot be read" in made.status[4].reason


def test_a_rule_whose_source_is_still_to_come_waits_and_is_ready(
    ruleset: Callable[..., RuleSet], events: Callable[..., pa.Table]
) -> None:
    made = compile_rules(
        ruleset("title: t\nlogsource: {product: soon}\ndetection: {s: {eventType: x}, condition: s}\n"),
        load_logsources("[product.soon]\nsource=['soon']\nwaiting=true\n"),
    )
    assert made.status[0].state == "waiting"
    assert "product soon" in made.status[0].reason
    assert made.fingerprints
    assert made.match(events([{"eventType": "x"}], source="soon", log="soon", event="")).num_rows == 1


def test_guards_are_the_rarest_sure_atoms(compiled: Callable[..., CompiledSet]) -> None:
    made = compiled(
        "a: {Image|endswith: '\\cmd.exe'}\nb: {CommandLine|contains: [longer-literal, another-literal]}\n"
        "c: {User: x}\ncondition: a and b and not c"
    )
    route = made.routes[0]
    guard = route.variants[0].guard
    assert guard is not None
    assert {route.atoms[number].field for number in guard} == {"image"}


def test_negation_and_absence_guard_nothing(compiled: Callable[..., CompiledSet]) -> None:
    made = compiled("a: {Image: x}\nb: {User: null}\ncondition: not a or b")
    assert all(variant.guard is None for route in made.routes for variant in route.variants)


def test_names_are_those_of_the_log_source(compiled: Callable[..., CompiledSet]) -> None:
    made = compiled("a: {Image: x, IntegrityLevel: High, User|fieldref: Image}\ncondition: a")
    fields = [{atom.field for atom in route.atoms} for route in made.routes]
    assert fields == [
        {"image", "integritylevel", "user"},
        {"newprocessname", "mandatorylabel", "subjectusername"},
    ]
