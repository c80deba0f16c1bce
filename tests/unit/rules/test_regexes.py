from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from countersign.rules import RuleSet, compile_rules
from countersign.rules.atoms import LAST
from countersign.rules.regexes import as_pcre, refusal, required_literals


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


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        (r"a(?!b)", "look-around"),
        (r"(?<=a)b", "look-around"),
        (r"(a)\1", "back references"),
        ("a++", "possessive"),
        ("(?>a)b", "atomic"),
        ("a{1001}", "at most 1,000"),
    ],
)
def test_the_reason_says_what_is_not_linear(pattern: str, meant: str) -> None:
    assert meant in (refusal(pattern) or "")


def test_what_would_backtrack_in_other_engines_runs() -> None:
    assert refusal(r"(a+)+$") is None


@pytest.mark.parametrize(
    ("pattern", "rewritten"),
    [
        ("a$", "a" + LAST),
        (r"a\$", r"a\$"),
        (r"\\$", r"\\" + LAST),
        ("[$]", "[$]"),
        ("[]$]$", "[]$]" + LAST),
        (r"[^\]$]$", r"[^\]$]" + LAST),
        ("[[:alpha:]$]$", "[[:alpha:]$]" + LAST),
        (r"\Qa$\E$", r"\Qa$\E" + LAST),
        ("(?m)a$", "(?m)a$"),
        ("(?:a$|b)", f"(?:a{LAST}|b)"),
        (r"a\Z", "a" + LAST),
    ],
)
def test_the_end_as_in_pcre(pattern: str, rewritten: str) -> None:
    assert as_pcre(pattern, lines=False) == rewritten
    assert refusal(rewritten) is None


def test_with_m_the_engines_agree() -> None:
    assert as_pcre("a$", lines=True) == "a$"


ENDS = st.recursive(
    st.sampled_from(["a", "b", "$", ".", r"\$", "[$a]", r"\n", "^"]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        inner.map(lambda one: f"(?:{one})?"),
    ),
    max_leaves=6,
)


@given(pattern=ENDS, value=st.text("ab$\n", max_size=5))
def test_the_end_is_that_of_python(pattern: str, value: str) -> None:
    """Python's `$` is PCRE's; a line end asked for after the last `$` is the one thing left out."""
    found = bool(re.search(pattern, value))
    ours = re2.search(as_pcre(pattern, lines=False), value) is not None
    assert ours == found or (found and re.search(r"\$.*\\n|\$.*\.|\$.*\$", pattern))


@pytest.mark.parametrize(
    "pattern",
    [r"(?<=a)b", r"(?!a)b", r"(?P<x>a)(?P=x)", r"(?>a)b", "a++", r"(a)(?(1)b|c)", r"(\pL{1,999}){1,999}"],
)
def test_what_needs_backtracking_makes_its_rule_unsupported(
    ruleset: Callable[..., RuleSet], pattern: str
) -> None:
    made = compile_rules(
        ruleset(
            f"title: t\nlogsource: {{product: windows}}\ndetection: {{s: {{A|re: '{pattern}'}}, condition: s}}\n"
        )
    )
    assert made.status[0].state == "unsupported"
    assert "Regular expression" in made.status[0].reason
