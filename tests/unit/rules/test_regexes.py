from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.rules.regexes import refusal, required_literals


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        (r"\snet\s+user\s", ("user",)),
        (r"(?:foo|barbar)x*", ("barbar", "foo")),
        (r"(foo|.)", ()),
        (r"[Rr][Uu]ndll32", ("rundll32",)),
        (r"(abc)?de", ("de",)),
        (r"(abc){2}", ("abc",)),
        (r"a[[:alpha:]]bcd", ()),
        (r"x.y", ()),
        (r"äbc", ("bc",)),
    ],
)
def test_required_literals(pattern: str, literals: tuple[str, ...]) -> None:
    assert required_literals(pattern) == literals


TERMS = st.recursive(
    st.sampled_from(["ab", "c", ".", "[Aa]", "[bc]", r"\w", "^", "$", r"\b"]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        inner.map(lambda one: f"(?:{one})?"),
        inner.map(lambda one: f"(?:{one}){{1,2}}"),
    ),
    max_leaves=8,
)


@given(pattern=TERMS, value=st.text("abcABC", max_size=10), ignore=st.booleans())
def test_every_match_has_a_required_literal(pattern: str, value: str, ignore: bool) -> None:
    literals = required_literals(pattern)
    if literals and re.search(pattern, value, re.IGNORECASE if ignore else 0):
        assert any(literal in value.casefold() for literal in literals)


@pytest.mark.parametrize("pattern", [r"(?=a)b", r"(a)\1", r"a{5000}", "\ud800"])
def test_what_is_not_linear_is_refused_with_a_reason(pattern: str) -> None:
    assert refusal(pattern)


def test_what_would_backtrack_in_other_engines_runs() -> None:
    assert refusal(r"(a+)+$") is None
