from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from countersign.model.schema import UNMAPPED
from countersign.rules.columns import Batch, compact, encode
from countersign.rules.fields import EventFields


@given(st.lists(st.none() | st.sampled_from("abc"), max_size=20))
def test_encode_keeps_every_value(values: list[str | None]) -> None:
    column = encode(pa.array(values, pa.string()))
    known = [*column.values.to_pylist(), None]
    assert [known[code] for code in column.codes.tolist()] == values


@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=30), st.booleans())
def test_compact_is_unique(codes: list[int], dense: bool) -> None:
    kept, places = compact(np.array(codes), 5_001 if not dense else max(codes) + 1)
    assert kept.tolist() == sorted(set(codes))
    assert kept[places].tolist() == codes


def test_kinds_are_the_combinations_that_occur() -> None:
    metadata = [
        {"log_name": "A", "event_code": "1"},
        {"log_name": "B", "event_code": "2"},
        {"log_name": None},
    ] * 2
    batch = Batch(
        pa.RecordBatch.from_pydict({"source": pa.array(["W"] * 6), "metadata": pa.array(metadata)}),
        EventFields({}),
    )
    assert sorted(batch.kinds) == [("w", "", "", ""), ("w", "a", "", "1"), ("w", "b", "", "2")]
    place = batch.kinds.index(("w", "b", "", "2"))
    assert batch.select([place]).tolist() == [1, 4]


def test_the_same_column_is_encoded_once() -> None:
    made = pa.RecordBatch.from_pydict({"src_a": pa.array(["x", None])})
    batch = Batch(made, EventFields({"a": "src_a"}))
    encoded = batch.column("a")
    assert next(batch.texts()) is encoded


def test_texts_of_some_rows() -> None:
    made = pa.RecordBatch.from_pydict(
        {
            "src_a": pa.array(["x", None, "z", "x"]),
            "unmapped": pa.array([[], [("k", "l")], [("m", "n"), ("o", "p")], []], UNMAPPED),
        }
    )
    batch = Batch(made, EventFields({"a": "src_a"}))
    for distinct in (False, True):
        all_, some = batch.texts(distinct=distinct), batch.texts(np.array([2, 3]), distinct=distinct)
        held = [
            {
                value: one.holders(np.array([at]), size).tolist()
                for at, value in enumerate(one.array.to_pylist())
                if value is not None
            }
            for texts, size in ((all_, 4), (some, 2))
            for one in texts
        ]
        assert held[1:] == [
            {
                "l": [False, True, False, False],
                "n": [False, False, True, False],
                "p": [False, False, True, False],
            },
            {"z": [True, False], "x": [False, True]},
            {"n": [True, False], "p": [True, False]},
        ]
