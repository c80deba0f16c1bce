"""Where real logs and SigmaHQ's rules are at hand: the engine's hits are those of the specification's words, the expected
rule fires on every regression capture, and what does not compile is what the documentation says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from countersign.rules import CompiledSet, RuleSet, compile_rules, load_rules
from real_events import events_of, members, together, twin_events
from rule_cross import cross, texts_of

NOT_MAIN = ("deprecated/", "unsupported/", "rules-placeholder/")
LISTS = {"known_cdcs": ("dc1", "dc?.corp.example")}
"""The list that two of the rules need."""


@pytest.fixture(scope="module")
def ruleset(shared_data: Path) -> RuleSet:
    return load_rules([shared_data / "sigma" / "sigma-rules.zip"])


@pytest.fixture(scope="module")
def sigma(ruleset: RuleSet) -> CompiledSet:
    return compile_rules(ruleset, placeholders=LISTS)


@pytest.fixture(scope="module")
def bare(ruleset: RuleSet) -> CompiledSet:
    """As a workspace without lists compiles them."""
    return compile_rules(ruleset)


@pytest.fixture(scope="module")
def texts(sigma: CompiledSet, shared_data: Path) -> dict[int, Mapping[str, Any]]:
    return texts_of(sigma, shared_data / "sigma" / "sigma-rules.zip")


def read(shared_data: Path, name: str, *suffixes: str) -> pa.Table:
    found = (
        events_of(data) for path in sorted(shared_data.glob(name)) for _, data in members(path, *suffixes)
    )
    return together([events for events in found if events is not None and events.num_rows])


@pytest.mark.parametrize(
    ("name", "suffix", "hits"),
    [
        ("sigma/sigma-regression.zip", ".evtx", 300),
        ("evtx/evtx-to-mitre-attack.zip", ".evtx", 1_500),
        ("evtx/win10-aptsimulator.zip", ".evtx", 400),
        ("windows-json/[!mp]*.zip", ".json", 500),
        ("zeek", ".log", 50),
        ("syslog", ".log", 0),
    ],
)
def test_hits_are_those_of_the_specification(
    sigma: CompiledSet,
    texts: dict[int, Mapping[str, Any]],
    shared_data: Path,
    name: str,
    suffix: str,
    hits: int,
) -> None:
    """Every hit of the engine, and a seeded 1 % of the pairs of rule and event that it left out."""
    found = cross(sigma, texts, read(shared_data, name, suffix), share=0.01, lists=LISTS)
    assert found.wrong == ()
    assert found.hits >= hits
    assert found.silent > 50


def test_nearly_every_rule_compiles_and_the_others_are_documented(bare: CompiledSet) -> None:
    reasons = unsupported(bare, main=True)
    assert len(reasons) <= 0.005 * 3_757, reasons
    text = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")
    section = text.partition("## What runs")[2].partition("\n## ")[0]
    assert dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", section, re.MULTILINE)) == reasons


def test_every_rule_with_placeholders_says_which_list_it_needs(bare: CompiledSet) -> None:
    reasons = unsupported(bare, main=False)
    assert len(reasons) > 15
    assert {name: one for name, one in reasons.items() if not one.startswith("needs the list ")} == {}


def unsupported(made: CompiledSet, *, main: bool) -> dict[str, str]:
    """The reasons of rules that do not compile, by the names of their files: of SigmaHQ's own, or of those that come with
    placeholders."""
    pairs = [
        (rule.path.rpartition("!")[2], status) for rule, status in zip(made.rules, made.status, strict=True)
    ]
    chosen = [
        (name, status)
        for name, status in pairs
        if (not name.startswith(NOT_MAIN) if main else name.startswith("rules-placeholder/"))
    ]
    assert len(chosen) == 3_757 or not main
    return {Path(name).stem: status.reason for name, status in chosen if status.state == "unsupported"}


def test_the_expected_rule_fires_on_each_regression_capture(sigma: CompiledSet, shared_data: Path) -> None:
    """All 202 EVTX files and their 202 JSON twins."""
    expected = {rule.id: number for number, rule in enumerate(sigma.rules)}
    zipped = shared_data / "sigma" / "sigma-regression.zip"
    captures: list[tuple[str, int, pa.Table]] = []
    for name, data in members(zipped, ".evtx", ".json"):
        events = twin_events(data) if name.endswith(".json") else events_of(data)
        assert events is not None, name
        captures.append((name, expected.get(Path(name).stem, -1), events))
    assert len(captures) == 404
    hits = sigma.match(together([events for _, _, events in captures])).to_pylist()
    fired = {(hit["rule"], hit["row"]) for hit in hits}
    silent, start = [], 0
    for name, rule, events in captures:
        if not any((rule, row) in fired for row in range(start, start + events.num_rows)):
            silent.append(name)
        start += events.num_rows
    assert silent == []
