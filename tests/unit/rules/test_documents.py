from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from countersign.rules import compile_rules
from countersign.rules.documents import read_documents
from countersign.rules.load import _Loader

GLOBAL = """action: global
title: both
logsource: {product: windows}
detection: {condition: selection}
---
detection: {selection: {A: 1}}
---
detection: {selection: {B: 1}}
---
action: reset
---
title: alone
detection: {selection: {C: 1}, condition: selection}
"""


def test_collections_share_their_global_part_until_reset() -> None:
    documents, problems = read_documents(GLOBAL.encode())
    assert problems == []
    assert [(d.data.get("title"), d.line, d.parsed is not None) for d in documents] == [
        ("both", 6, True),
        ("both", 8, True),
        ("alone", 12, False),
    ]
    assert "log source" in documents[2].problems[0][1]


def test_repeat_adds_to_the_rule_before() -> None:
    text = "title: a\nlogsource: {product: windows}\ndetection: {s: {A: 1}, condition: s}\n---\naction: repeat\ntitle: b\n"
    documents, _ = read_documents(text.encode())
    assert [d.data["title"] for d in documents] == ["a", "b"]
    assert documents[1].parsed is not None


def test_depth_is_refused_before_the_composer_sees_it() -> None:
    for text in ("[" * 100_000, "- " * 50_000, "a: " + "{a: " * 5_000):
        documents, problems = read_documents(text.encode())
        assert documents == []
        assert len(problems) == 1


def test_aliases_cannot_grow() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 8)]
    documents, problems = read_documents("\n".join(lines).encode())
    assert documents == []
    assert "alias" in problems[0][1]


def test_a_wrong_date_does_not_cost_the_rule() -> None:
    text = "title: a\ndate: someday\nlogsource: {product: windows}\ndetection: {s: {A: 1}, condition: s}\n"
    documents, _ = read_documents(text.encode())
    assert documents[0].parsed is not None
    assert "someday" in documents[0].problems[0][1]


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)


@given(
    logsource=DATA,
    detection=DATA,
    rest=st.dictionaries(
        st.sampled_from(["title", "id", "level", "tags", "tests", "cites", "date", "correlation", "related"]),
        DATA,
    ),
)
def test_whatever_a_rule_holds_only_rules_and_problems_come_out(
    logsource: object, detection: object, rest: dict[str, object]
) -> None:
    import orjson

    try:
        data = orjson.dumps({"logsource": logsource, "detection": detection, **rest})
    except TypeError:  # orjson holds no integer beyond 64 bits
        return
    loader = _Loader()
    loader.add("x.yml", data)
    found = loader.finish()
    assert len(found.rules) <= 1
    made = compile_rules(found)
    assert len(made.status) == len(found.rules)


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    documents, problems = read_documents(data)
    assert all(document.line >= 1 for document in documents)
    assert all(line >= 1 for line, _ in problems)
