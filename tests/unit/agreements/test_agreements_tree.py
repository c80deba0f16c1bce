from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.agreements.tree import DEEPEST, MOST_NODES, read_tree
from countersign.errors import AgreementError


def test_scalars_stay_text() -> None:
    tree = read_tree("a: no\nb: 08:00\nc: 010\nd: ~\ne: '~'\nf:\n  - 2026-01-01\n", "x")
    assert tree.data == {"a": "no", "b": "08:00", "c": "010", "d": None, "e": "~", "f": ["2026-01-01"]}


def test_places_have_lines() -> None:
    tree = read_tree("a: 1\nb:\n  - c: 2\n    d: 3\n", "x")
    assert tree.line(("b", 0, "d")) == 4
    assert tree.line(("b", 0, "missing", 7)) == 3
    assert tree.line(("nowhere",)) == 1


def test_a_key_that_stands_twice_is_told_with_both_lines_and_the_first_counts() -> None:
    tree = read_tree("a: 1\nb: {c: 1}\na: [{x: [1]}, 2]\nb: 2\nd: 3\n", "x")
    assert tree.data == {"a": "1", "b": {"c": "1"}, "d": "3"}
    assert [(line, problem.place) for line, problem in tree.problems] == [(3, ("a",)), (4, ("b",))]
    assert "line 1" in tree.problems[0][1].message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: &x 1\nb: 2", 1),
        ("a: 1\nb: *x", 2),
        ("a: !!python/object:os.system x", 1),
        ("a: 1\n---\nb: 2", 2),
        ("a: [1, 2", 1),
        ("a: b: c", 1),
        ("? [1]\n: 2", 1),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), 1),
        ("who: *", 1),
    ],
)
def test_what_agreements_do_not_need_is_refused_by_line(text: str, line: int) -> None:
    with pytest.raises(AgreementError) as refused:
        read_tree(text, "x.yaml")
    assert (refused.value.path, refused.value.line) == ("x.yaml", line)
    assert refused.value.remedy


def test_an_alias_bomb_and_a_heap_of_nodes_are_refused() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
    )
    for text in (bomb, "[" + "1," * (MOST_NODES + 1) + "]"):
        with pytest.raises(AgreementError):
            read_tree(text, "x")


@given(st.text() | st.text("[]{}:-&*!|>'\"\\%@?# \n\tab01x", max_size=60))
def test_any_text_is_a_tree_or_refused(text: str) -> None:
    try:
        tree = read_tree(text, "x")
    except AgreementError:
        return
    assert tree.data is None or isinstance(tree.data, str | list | dict)
