from __future__ import annotations

from collections.abc import Callable

import pytest

from countersign.rules import CompiledSet, RuleSet, compile_rules
from countersign.rules.atoms import Absent, Text
from countersign.rules.conditions import both, either, negate

Fires = Callable[[str, list[dict[str, str | None]]], list[int]]
A, B = Absent("a"), Absent("b")


def test_trees_stay_flat() -> None:
    assert both([A, both([B, A]), True]) == ("and", A, B)
    assert either([A, True]) is True
    assert either([]) is False
    assert both([A]) == A
    assert negate(negate(A)) == A


@pytest.mark.parametrize(
    ("detection", "rows", "hits"),
    [
        ("s: {A|contains|all: [x, y]}\ncondition: s", ["xy", "x", "yx"], [0, 2]),
        ("s: {A|contains|cased: Xy}\ncondition: s", ["aXyb", "axyb"], [0]),
        ("s: {A: 'a\\*b'}\ncondition: s", ["a*b", "axb"], [0]),
        ("s: {A: 'a\\\\*b'}\ncondition: s", ["a\\xxb", "a*b"], [0]),
        ("s: {A: 'C:\\\\Win\\x'}\ncondition: s", ["c:\\win\\X", "c:winx"], [0]),
        ("s: {A: 'a?c'}\ncondition: s", ["abc", "ac", "a\nc"], [0, 2]),
        ("s: {A: '*'}\ncondition: s", ["", None, "x"], [0, 2]),
        ("s: {A: ''}\ncondition: s", ["", None, "x"], [0]),
        ("s: {A: null}\ncondition: s", ["", None, "x"], [1]),
        ("s: {A: [null, '']}\ncondition: s", ["", None, "x"], [0, 1]),
        ("s: {A|exists: true}\ncondition: s", ["", None], [0]),
        ("s: {A|exists: false}\ncondition: s", ["", None], [1]),
        ("s: {A|neq: x}\ncondition: s", ["x", "X", "y", None], [2, 3]),
        ("s: {A: x}\ncondition: not s", ["x", "y", None], [1, 2]),
        ("s: {A: 0xc000006d}\ncondition: s", ["0xC000006D", "3221225581", "x"], [0, 1]),
        ("s: {A: 5}\ncondition: s", ["5", "5.0", "05", "55", "x"], [0, 1, 2]),
        ("s: {A: '5'}\ncondition: s", ["5", "5.0"], [0]),
        ("s: {A: true}\ncondition: s", ["True", "1"], [0]),
        ("s: {A|gt: 5}\ncondition: s", ["6", "5", "x", "0x10"], [0, 3]),
        ("s: {A|lte: 5.5}\ncondition: s", ["5.5", "6"], [0]),
        (
            "s: {A|cidr: ['10.0.0.0/8', 'fe80::/10']}\ncondition: s",
            ["10.1.1.1", "FE80::1", "11.1.1.1"],
            [0, 1],
        ),
        ("s: {A|re: '^a.c$'}\ncondition: s", ["abc", "ABC", "xabc"], [0]),
        ("s: {A|re|i: '^a.c$'}\ncondition: s", ["abc", "ABC"], [0, 1]),
        ("s: {A|re|s: 'a.c'}\ncondition: s", ["a\nc"], [0]),
        ("s: {A|re: 'a.c'}\ncondition: s", ["a\nc"], []),
        ("s: {A|re|m: '^b'}\ncondition: s", ["a\nb"], [0]),
        ("s: {A|re|startswith: 'b'}\ncondition: s", ["abc", "bcd"], [1]),
        ("s: {A|re|endswith: 'c|d'}\ncondition: s", ["abc", "bcd", "dx"], [0, 1]),
        ("s: {A|contains|windash: ' -enc'}\ncondition: s", ["x /enc", "x –enc", "x enc"], [0, 1]),
        ("s: {A|base64offset|contains: 'hello'}\ncondition: s", ["xaGVsbG8x", "eGhlbGxv", "hello"], [0, 1]),
        ("s: {A|wide|base64: 'ab'}\ncondition: s", ["YQBiAA=="], [0]),
        ("s: {A|hour: 22}\ncondition: s", ["2026-01-01T22:00:00Z", "2026-01-01T21:00:00Z"], [0]),
        ("s: [foo, 'b*r']\ncondition: s", ["xFOOx", "a b--r z", "none"], [0, 1]),
        ("s: {'|all': [foo, bar]}\ncondition: s", ["foo bar", "foo"], [0]),
        ("s: {'|re': 'fo+$'}\ncondition: s", ["foo", "foox"], [0]),
        ("s1: {A: x}\ns2: {A: y}\ncondition: 1 of s*", ["x", "y", "z"], [0, 1]),
        ("s1: {A|contains: x}\ns2: {A|contains: y}\ncondition: all of them", ["xy", "y"], [0]),
        ("s: [{A: x}, {A: y}]\ncondition: s", ["x", "y", "z"], [0, 1]),
        ("a: {A: x}\nb: {A: y}\ncondition: [a, b]", ["x", "y", "z"], [0, 1]),
        (
            "a: {A|contains: x}\nb: {A|contains: y}\nc: {A|contains: z}\ncondition: a and not (b or c)",
            ["x", "xy", "xz"],
            [0],
        ),
    ],
)
@pytest.mark.parametrize("field", ["CommandLine", "Oddity"])
def test_semantics(fires: Fires, detection: str, rows: list[str | None], hits: list[int], field: str) -> None:
    detection = detection.replace("{A", "{" + field)
    assert fires(detection, [{field: value} for value in rows]) == hits


def test_fieldref(fires: Fires) -> None:
    rows: list[dict[str, str | None]] = [
        {"Image": "a", "ParentImage": "A"},
        {"Image": "ab", "ParentImage": "a"},
        {"Image": "a"},
        {},
    ]
    assert fires("s: {Image|fieldref: ParentImage}\ncondition: s", rows) == [0]
    assert fires("s: {Image|fieldref|startswith: ParentImage}\ncondition: s", rows) == [0, 1]
    assert fires("s: {Image|fieldref: ParentImage}\ncondition: not s", rows) == [1, 2, 3]


@pytest.mark.parametrize(
    ("detection", "reason"),
    [
        ("s: {A|expand: '%admins%'}\ncondition: s", "needs the list admins in placeholders.yaml"),
        ("s: {A|re: '(?=x)y'}\ncondition: s", "invalid perl operator: (?="),
        ("s: {A: x}\ncondition: t", "'t'"),
        ("s: {A: x}\ncondition: 1 of t*", "names no selection"),
        ("s: {A: x}\ncondition: s and", "condition"),
        ("s: {A: x}\ncondition: " + "s or " * 5_000 + "s", "more than 20000 characters"),
        ("s: {A: x}\ncondition: " + "(s and " * 2_500 + "s" + ")" * 2_400, "cannot be read"),
        ("s: {'|exists': true}\ncondition: s", "cannot be read"),
    ],
)
def test_what_cannot_run_says_why(ruleset: Callable[..., RuleSet], detection: str, reason: str) -> None:
    body = "\n".join("  " + line for line in detection.splitlines())
    made = compile_rules(ruleset(f"title: t\nlogsource: {{product: windows}}\ndetection:\n{body}\n"))
    assert made.status[0].state == "unsupported"
    assert reason in made.status[0].reason


def test_expand_without_placeholders_is_a_plain_value(fires: Fires) -> None:
    assert fires("s: {CommandLine|expand: 'x'}\ncondition: s", [{"CommandLine": "X"}]) == [0]


def test_text_atoms_are_folded_once(compiled: Callable[..., CompiledSet]) -> None:
    made = compiled("s: {CommandLine|contains: ['ABC', 'abc']}\ncondition: s")
    assert made.routes[0].atoms == (Text("commandline", (0, "abc", 0)),)
