from __future__ import annotations

from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.sources._json_records import _Scan, json_end, json_lines, json_spans

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.text('ab"\\{}[],:\n é', max_size=6),
    st.sampled_from(["},{", '"},{"a":']),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.sampled_from("xyz"), VALUES, min_size=1, max_size=3)


def found(text: bytes) -> list[Any]:
    return [orjson.loads(text[start:end]) for start, end in json_spans(text)]


WRITERS = {
    "lines": lambda rows: b"\n".join(map(orjson.dumps, rows)),
    "array": orjson.dumps,
    "pretty": lambda rows: orjson.dumps(rows, option=orjson.OPT_INDENT_2),
    "envelope": lambda rows: orjson.dumps({"Records": rows}),
    "pretty envelope": lambda rows: orjson.dumps(
        {"@odata.context": "x", "value": rows, "nextLink": "y"}, option=orjson.OPT_INDENT_2
    ),
    "envelope within": lambda rows: orjson.dumps(
        {"stat": "OK", "response": {"authlogs": rows, "metadata": {"a": 1}}}
    ),
    "in a row": lambda rows: b"".join(map(orjson.dumps, rows)),
    "pretty in a row": lambda rows: b"\n".join(orjson.dumps(row, option=orjson.OPT_INDENT_2) for row in rows),
    "envelopes in lines": lambda rows: b"\n".join(orjson.dumps({"records": [row]}) for row in rows),
}


@pytest.mark.parametrize("how", WRITERS)
@given(rows=st.lists(OBJECTS, min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_finds_the_records_however_they_are_written(how: str, rows: list[Any]) -> None:
    assert found(WRITERS[how](rows)) == rows


@given(
    rows=st.lists(OBJECTS, min_size=1, max_size=8),
    how=st.sampled_from(["array", "pretty", "envelope", "pretty envelope", "in a row"]),
    cut=st.integers(0, 400),
)
@settings(max_examples=100, deadline=None)
def test_a_document_may_be_cut_after_any_record(rows: list[Any], how: str, cut: int) -> None:
    text = WRITERS[how](rows)
    end = json_end(text[:cut])
    if end:
        assert found(text[:end]) + found(text[end:]) == rows


def test_damage_stays_where_it_is() -> None:
    rows = found_or_text(b'oo","x":1}\n{"a":1}\n{"b":{"c":"d\n{"e":1}\n{"f":{}}')
    assert rows == [b'oo","x":1}', {"a": 1}, b'{"b":{"c":"d', {"e": 1}, {"f": {}}]


def found_or_text(text: bytes) -> list[Any]:
    out: list[Any] = []
    for start, end in json_spans(text):
        record = text[start:end].strip()
        try:
            out.append(orjson.loads(record))
        except ValueError:
            out.append(record)
    return out


def test_an_event_with_a_list_is_no_envelope() -> None:
    rows = [{"id": 7, "items": [{"a": 1}]}, {"kind": "x", "who": {}, "events": [{"b": 1}]}]
    assert found(WRITERS["lines"](rows)) == rows


@pytest.mark.parametrize("text", [b"", b"  \n", b'{"value":[]}', b"[]", b"]}", b'{"Records":[]}\n'])
def test_nothing_is_in_nothing(text: bytes) -> None:
    assert [
        span for span in found_or_text(text) if span not in ({"value": []}, {"Records": []}, [], b"")
    ] == []


@given(
    st.lists(
        st.sampled_from(
            [b"{", b"}", b"[", b"]", b'"', b"\\", b",", b":", b"\n", b'{"a":', b"1", b'{"Records":[']
        ),
        max_size=60,
    )
)
def test_spans_are_in_order_whatever_the_bytes(parts: list[bytes]) -> None:
    text = b"".join(parts)
    spans = json_spans(text)
    assert all(0 <= start <= end <= len(text) for start, end in spans)
    assert all(one[1] <= two[0] for one, two in pairwise(spans))


def test_hostile_text_takes_time_in_proportion() -> None:
    import time

    for unit in (b'{"a":"', b'"\\"', b"{[", b'{"a":1},', b'{"a":1}{"b":{"a":', b'\n{"a":'):
        text = b'{"Records":[' + unit * (400_000 // len(unit))
        begun = time.process_time()
        json_spans(text)
        assert time.process_time() - begun < 5, unit


AROUND = st.sampled_from(
    [b"", b"\n", b" ", b",", b",\n", b"]}", b"\n{", b"[1,", b'{"value":[{"b":1}]}\n', b"\0", b"\xff", b'"']
)


@given(
    st.sampled_from(sorted(WRITERS)), st.lists(OBJECTS, min_size=1, max_size=4), AROUND, AROUND, st.booleans()
)
@settings(max_examples=100)
def test_the_quick_way_finds_what_patience_finds(
    how: str, rows: list[Any], before: bytes, after: bytes, again: bool
) -> None:
    document = WRITERS[how](rows)
    text = before + document + after + (document if again else b"")
    scan = _Scan(text, 0, len(text))
    if not json_lines(text):
        assert json_spans(text) == [*scan.spans(), *scan.rest()]


def test_an_envelope_in_which_two_arrays_have_one_name_is_read_with_patience() -> None:
    text = b'{"Records":[{"x":1}],"Records":[{"y":2}]}'
    assert found(text) == [{"x": 1}]
