from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from sigma.modifiers import modifier_mapping

from countersign.rules import RuleSet, compile_rules
from countersign.rules.modifiers import ALIASES, aliased


def test_names_of_the_specification_are_those_of_pysigma() -> None:
    data = {"detection": {"s": [{"A|utf16le|base64": "x"}, {"B|contains": "y"}], "condition": "s"}}
    assert aliased(data) == {
        "detection": {"s": [{"A|wide|base64": "x"}, {"B|contains": "y"}], "condition": "s"}
    }


def test_what_has_none_is_left_as_it_is() -> None:
    data = {"detection": {"s": {"A|wide": ["x"]}, "utf16le": {"B": "utf16le"}}, 5: [None]}
    assert aliased(data) is data


def test_both_names_on_one_field_are_refused(ruleset: Callable[..., RuleSet]) -> None:
    rules = ruleset(
        "title: t\nlogsource: {product: windows}\n"
        "detection: {s: {A|wide|base64: x, A|utf16le|base64: y}, condition: s}\n"
    )
    assert compile_rules(rules).status[0].state == "unsupported"


def test_every_modifier_is_documented() -> None:
    text = (Path(__file__).parents[3] / "docs" / "rules.md").read_text("utf-8")
    section = text.partition("## What of the specification")[2].partition("\n## ")[0]
    words = set(re.findall(r"[a-z0-9]+", " ".join(re.findall(r"`([^`]+)`", section))))
    assert {*modifier_mapping, *ALIASES} <= words
