from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.agreements.globs import glob, globs_meet

PATTERNS = st.text("ab*", max_size=7)
TEXTS = st.text("ab", max_size=9)


@given(PATTERNS, TEXTS)
def test_a_glob_means_what_fnmatch_says(pattern: str, text: str) -> None:
    assert glob(pattern, text) == fnmatch.fnmatchcase(text, pattern)


@given(PATTERNS, PATTERNS, TEXTS)
def test_globs_that_share_a_text_meet(one: str, other: str, text: str) -> None:
    if glob(one, text) and glob(other, text):
        assert globs_meet(one, other)
    assert globs_meet(one, other) == globs_meet(other, one)


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("acme-*", "adm-*", False),
        ("*-acme", "adm-*", True),
        ("a*b", "a*c", False),
        ("a*b*c", "ac", False),
        ("a**", "*a", True),
        ("", "*", True),
        ("", "a*", False),
    ],
)
def test_globs_meet_only_where_a_text_exists(one: str, other: str, meet: bool) -> None:
    assert globs_meet(one, other) is meet


def test_a_hostile_text_takes_linear_time() -> None:
    assert not glob("a*" * 50 + "b", "a" * 200_000)
