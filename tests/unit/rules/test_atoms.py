from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.rules import atoms

PATTERNS = st.lists(st.sampled_from(["a", "ab", "b", "aba", atoms.MANY, atoms.ONE]), max_size=7).map(tuple)


def as_regex(pattern: atoms.Pattern) -> str:
    return "".join({0: ".*", 1: "."}[part] if isinstance(part, int) else re.escape(part) for part in pattern)


@given(pattern=PATTERNS, value=st.text("ab\n", max_size=12))
def test_glob_is_what_the_regular_expression_says(pattern: atoms.Pattern, value: str) -> None:
    assert atoms.glob(pattern, value) == bool(re.fullmatch(as_regex(pattern), value, re.DOTALL))


def test_glob_does_not_backtrack_for_ever() -> None:
    pattern = tuple(part for _ in range(200) for part in (atoms.MANY, "a", atoms.ONE))
    assert not atoms.glob((*pattern, "b"), "a" * 20_000)


@pytest.mark.parametrize(
    ("pattern", "shape"),
    [
        ((), "exact"),
        (("x",), "exact"),
        (("x", 0), "prefix"),
        ((0, "x"), "suffix"),
        ((0, "x", 0), "contains"),
        ((0,), "any"),
        (("x", 0, "y"), "glob"),
        ((1,), "glob"),
    ],
)
def test_shape(pattern: atoms.Pattern, shape: str) -> None:
    assert atoms.shape(pattern) == shape


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("4688", 4688),
        ("-1.5", -1.5),
        ("0xC000006D", 0xC000006D),
        ("1_0", None),
        ("nan", None),
        (" 1", None),
        ("", None),
    ],
)
def test_number_is_decimal_or_hexadecimal(text: str, number: float | None) -> None:
    assert atoms.number(text) == number


@pytest.mark.parametrize(
    ("value", "inside"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("11.0.0.1", False),
        ("fe80::1%eth0", False),
        ("host", False),
    ],
)
def test_network(value: str, inside: bool) -> None:
    assert atoms.holds(atoms.Network("ip", "10.0.0.0/8"), value) is inside


def test_time_parts_are_utc() -> None:
    assert atoms.holds(atoms.TimePart("t", "hour", 22), "2026-01-01T00:30:00+02:00")
    assert atoms.holds(atoms.TimePart("t", "week", 53), "2026-12-31")
    assert not atoms.holds(atoms.TimePart("t", "year", 2026), "99999999999999999999")


def test_same_looks_at_no_case() -> None:
    assert atoms.same(atoms.Same("a", "b"), "X\\Admin", "x\\ADMIN")
    assert atoms.same(atoms.Same("a", "b", starts=True), "abc", "AB")
    assert not atoms.same(atoms.Same("a", "b", ends=True), "abc", "ab")
