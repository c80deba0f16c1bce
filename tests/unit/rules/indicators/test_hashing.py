from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.rules.indicators import hashing
from countersign.rules.indicators.hashing import HashTable, Texts, TextTable, ranges

texts = st.lists(st.text(alphabet="ab.\\ä", max_size=8), max_size=12)


def found(table: TextTable, values: list[str], marks: bytes, *, last: bool) -> set[tuple[int, int]]:
    given_texts = Texts(pa.array(values, pa.string()))
    where = given_texts.after(marks, last=last) if marks else given_texts.wholes()
    first, second = table.find(given_texts, *where)
    return set(zip(first.tolist(), second.tolist(), strict=True))


@given(texts.filter(bool).map(lambda values: sorted(set(values))), texts)
def test_whole_texts_are_found(entries: list[str], values: list[str]) -> None:
    table = TextTable(pa.array(entries, pa.string()))
    expected = {(i, j) for i, value in enumerate(values) for j, entry in enumerate(entries) if value == entry}
    assert found(table, values, b"", last=False) == expected


@given(texts.filter(bool).map(lambda values: sorted(set(values))), texts)
def test_suffixes_after_a_mark_are_found(entries: list[str], values: list[str]) -> None:
    table = TextTable(pa.array(entries, pa.string()))
    expected = {
        (i, j)
        for i, value in enumerate(values)
        for j, entry in enumerate(entries)
        if value == entry or value.endswith("." + entry)
    }
    assert found(table, values, b".", last=False) == expected


@given(texts.filter(bool).map(lambda values: sorted(set(values))), texts)
def test_what_follows_the_last_mark_is_found(entries: list[str], values: list[str]) -> None:
    table = TextTable(pa.array(entries, pa.string()))
    expected = {
        (i, j)
        for i, value in enumerate(values)
        for j, entry in enumerate(entries)
        if value.replace(".", "\\").rpartition("\\")[2] == entry
    }
    assert found(table, values, b".\\", last=True) == expected


def test_equal_hashes_of_other_texts_are_no_match() -> None:
    table = TextTable(pa.array(["one", "two"]))
    table._table = HashTable(np.zeros(2, dtype=np.uint64))
    values = Texts(pa.array(["two", "three"]))
    values.hashes = lambda indexes, _: np.zeros(len(indexes), dtype=np.uint64)  # type: ignore[method-assign]  # all collide
    first, second = table.find(values, *values.wholes())
    assert (first.tolist(), second.tolist()) == ([0], [1])


def test_slices_and_large_texts_are_as_good() -> None:
    long = "x" * (hashing.REACH + 100)
    array = pa.array(["skip", "b", long, long[:-1] + "y"]).slice(1)
    table = TextTable(pa.array(["b", long]))
    values = Texts(array)
    first, second = table.find(values, *values.wholes())
    assert sorted(zip(first.tolist(), second.tolist(), strict=True)) == [(0, 0), (1, 1)]
    first, _ = table.find(Texts(pa.array([], pa.string())), *Texts(pa.array([], pa.string())).wholes())
    assert not len(first)


def test_many_blocks_give_the_hashes_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    values = Texts(pa.array([f"value.{number}" for number in range(500)]))
    whole = values.hashes(*values.wholes())
    monkeypatch.setattr(hashing, "_BLOCK", 64)
    assert (values.hashes(*values.wholes()) == whole).all()


def test_ranges() -> None:
    assert ranges(np.array([5, 9, 0]), np.array([2, 0, 3])).tolist() == [5, 6, 0, 1, 2]
