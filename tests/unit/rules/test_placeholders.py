from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from countersign.errors import RuleError
from countersign.rules import RuleSet, compile_rules
from countersign.rules.placeholders import load_placeholders


def test_lists_are_read_by_casefolded_name(tmp_path: Path) -> None:
    path = tmp_path / "placeholders.yaml"
    path.write_text("Workstations: ['ws*', PC1]\n'%Admins%': root\nPorts: [22, 3389]\nNobody: []\n")
    assert load_placeholders(path) == {
        "workstations": ("ws*", "PC1"),
        "admins": ("root",),
        "ports": ("22", "3389"),
        "nobody": (),
    }


def test_no_file_is_no_lists(tmp_path: Path) -> None:
    assert load_placeholders(tmp_path / "placeholders.yaml") == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a\n", ":1: is not one mapping"),
        ("a: [x]\nb: {c: d}\n", ":2: `b` is not a list of texts"),
        ("a: [x]\nA: [y]\n", ":2: `A` is there twice"),
        ("a: x\na: y\n", "stands twice"),
        ("a: [x\n", "no YAML"),
        ("a: " + "[" * 200 + "]" * 200, "nested more than 100 deep"),
        ("a: &a [*a]\n", "`a` is not a list"),
        ("a: !!python/object/apply:os.system [x]\n", "no YAML"),
        ("a: [true]\n", "`a` is not a list of texts"),
    ],
)
def test_what_is_no_list_says_where_and_what_to_do(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "placeholders.yaml"
    path.write_text(text)
    with pytest.raises(RuleError) as caught:
        load_placeholders(path)
    assert words in caught.value.diagnostics()
    assert "remedy" in caught.value.diagnostics()


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "placeholders.yaml"
    path.write_bytes(b"a: [x]\nb: \xff\n")
    with pytest.raises(RuleError, match=":2: is not UTF-8"):
        load_placeholders(path)


def test_a_rule_runs_once_its_list_is_there(ruleset: Callable[..., RuleSet]) -> None:
    rules = ruleset(
        "title: t\nlogsource: {product: windows, category: process_creation}\n"
        "detection: {s: {CommandLine|contains|expand: '%known_cdcs%'}, condition: s}\n"
    )
    without = compile_rules(rules)
    assert without.status[0].state == "unsupported"
    assert without.status[0].reason == "needs the list known_cdcs in placeholders.yaml"
    assert compile_rules(rules, placeholders={"known_cdcs": ("dc1",)}).status[0].state == "active"
