from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.model import identity, schema
from countersign.model.batch import EventBatch, ParseContext
from countersign.model.columns import MAX_DEPTH_TEXT, ORDINARY, Kind, Same

MOMENT = datetime(2026, 11, 21, 12, tzinfo=UTC)
CONTEXT = ParseContext(segment="5" * 64, received=MOMENT, sealed=MOMENT, origin="lab")
NOW = 1_795_262_400_000_000


def batch() -> EventBatch:
    return EventBatch("a.family", CONTEXT)


def rows(one: EventBatch) -> list[dict[str, Any]]:
    return list(one.finish().events.to_pylist())


def when(time: int | None = NOW) -> dict[str, object]:
    return {"time": time, "time_text": "now", "time_basis": "stated"}


def test_an_empty_batch_gives_empty_tables() -> None:
    parsed = batch().finish()
    assert (parsed.events.num_rows, parsed.rejected.num_rows, parsed.duplicates) == (0, 0, 0)
    assert parsed.rejected.schema == schema.REJECTED_SCHEMA


def test_an_event_carries_where_it_came_from() -> None:
    one = batch()
    one.add(3, b"raw", when() | {"user.name": "bob"}, {"CommandLine": "a", "own": 1}, ("k", "1"))
    (row,) = rows(one)
    assert row["id"] == identity.keyed_id("k", "1")
    assert (row["source"], row["origin"], row["segment"], row["record"]) == ("a.family", "lab", "5" * 64, 3)
    assert (row["day"], row["count"], row["keyed"]) == ("2026-11-21", 1, True)
    assert row["user"]["name"] == "bob"
    assert row["src_commandline"] == "a"
    assert row["unmapped"] == [("own", "1")]


def test_every_column_has_its_type() -> None:
    one = batch()
    one.add(0, b"raw", when() | {"src_endpoint.port": 22, "duration": 5}, {"CommandLine": "a"})
    events = one.finish().events
    for field in events.schema:
        assert field.type == schema.events_schema().field(field.name).type


def test_identical_keyless_records_are_one_event_with_a_count() -> None:
    one = batch()
    for place in range(3):
        one.add(place, b"raw", when(), {})
    one.add(3, b"other", when(), {})
    parsed = one.finish()
    assert parsed.events["count"].to_pylist() == [3, 1]
    assert parsed.events["record"].to_pylist() == [0, 3]
    assert parsed.duplicates == 2


def test_a_key_seen_again_is_not_counted_twice() -> None:
    one = batch()
    one.add(0, b"one way", when(), {}, ("k",))
    one.add(1, b"other way", when(), {}, ("k",))
    parsed = one.finish()
    assert parsed.events["count"].to_pylist() == [1]
    assert parsed.duplicates == 1


@pytest.mark.parametrize("time", [None, 0, NOW + 32 * 86_400_000_000, 10**30])
def test_times_missing_or_absurd_are_undated(time: int | None) -> None:
    one = batch()
    one.add(0, b"raw", when(time), {})
    (row,) = rows(one)
    assert (row.get("time"), row["day"], row["time_basis"], row["time_text"]) == (
        None,
        "undated",
        "undated",
        "now",
    )


def test_a_column_that_is_none_is_our_own_mistake() -> None:
    one = batch()
    one.add(0, b"raw", when() | {"user.nmae": "bob"}, {})
    with pytest.raises(RuntimeError, match=r"user\.nmae"):
        one.finish()


def test_a_second_spelling_fills_gaps_and_is_kept_apart() -> None:
    one = batch()
    for place in range(3):
        fields = {"Image": ("a", None, "c")[place], "image": ("x", "y", None)[place]}
        one.add(place, b"%d" % place, when(), fields)
    found = rows(one)
    assert [row["src_image"] for row in found] == ["a", "y", "c"]
    assert [row["unmapped"] for row in found] == [[("image", "x")], None, None]


def test_values_of_any_type_become_text() -> None:
    deep: list[object] = []
    for _ in range(900):
        deep = [deep]
    one = batch()
    one.add(
        0,
        b"raw",
        when(),
        {"a": True, "b": 1.5, "c": [1, None], "d": {"x": "y"}, "e": deep, "f": "\ud800", "g": None},
    )
    (row,) = rows(one)
    assert dict(row["unmapped"]) == {
        "a": "true",
        "b": "1.5",
        "c": "[1,null]",
        "d": '{"x":"y"}',
        "e": MAX_DEPTH_TEXT,
        "f": "?",
    }


def test_what_a_kind_has_in_common_is_in_every_row_and_rivals_are_renamed() -> None:
    kind = Kind(
        columns={"class_uid": 3002, "status_id": None},
        fields={"Channel": "Security", "Opcode": "0"},
        derive=lambda fields, count: {"user.name": [f"{value}!" for value in fields["who"]][:count]},
        rival="Data_",
    )
    one = batch()
    one.add(0, b"1", when(), {"who": "ann", "Channel": "forged"}, None, kind)
    one.add(1, b"2", when(), {"who": "bob", "Channel": None}, None, kind)
    found = rows(one)
    assert [row["user"]["name"] for row in found] == ["ann!", "bob!"]
    assert [row["src_channel"] for row in found] == ["Security", "Security"]
    assert dict(found[0]["unmapped"]) == {"Opcode": "0", "who": "ann", "Data_Channel": "forged"}
    assert "status_id" not in found[0]


def test_a_column_may_be_a_kinds_in_one_row_and_a_records_own_in_another() -> None:
    kinds = [Kind(columns={"user.name": "everyone"}, fields={"Image": "shared"}), Kind(rival="Other_")]
    one = batch()
    one.add(0, b"1", when(), {"Image": "b"}, None, kinds[1])
    one.add(1, b"2", when(), {"image": "c"}, None, kinds[0])
    one.add(2, b"3", when() | {"user.name": "bob"}, {}, None, kinds[0])
    one.add(3, b"4", when() | {"user.name": "eve"}, {"Image": "d", "x": "y"}, None, kinds[1])
    found = rows(one)
    assert [row["user"]["name"] for row in found] == [None, "everyone", "bob", "eve"]
    assert [row["src_image"] for row in found] == ["b", "shared", "shared", "d"]
    assert [row["unmapped"] for row in found] == [None, [("image", "c")], None, [("x", "y")]]


@given(st.text(max_size=3), st.integers(1, 5), st.integers(-6, 6))
def test_one_value_for_many_is_as_a_list_of_it(value: str, times: int, place: int) -> None:
    same, values = Same(value, times), [value] * times
    assert (list(same), len(same), list(same[place:]), list(same[:place])) == (
        values,
        times,
        values[place:],
        values[:place],
    )
    if -times <= place < times:
        assert same[place] == values[place]
    else:
        with pytest.raises(IndexError):
            same[place]


FIELDS = st.dictionaries(st.sampled_from(["CommandLine", "commandline", "Image", "x", "y"]), st.none() | st.text(max_size=3) | st.integers(0, 9))  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, 5), FIELDS), max_size=12))
def test_many_at_once_are_the_same_as_one_by_one(records: list[tuple[int, dict[str, object]]]) -> None:
    single, many = batch(), batch()
    shapes: dict[tuple[str, ...], list[int]] = {}
    for place, (_, fields) in enumerate(records):
        shapes.setdefault(tuple(fields), []).append(place)
    for names, places in shapes.items():
        for place in places:
            number, fields = records[place]
            single.add(place, b"%d" % place, when(), fields, ("k", f"{names}", str(number)))
        many.add_many(
            places,
            [b"%d" % place for place in places],
            {
                "time": [NOW] * len(places),
                "time_text": ["now"] * len(places),
                "time_basis": ["stated"] * len(places),
            },
            {name: [records[place][1][name] for place in places] for name in names},
            [("k", f"{names}", str(records[place][0])) for place in places],
            ORDINARY,
        )
    assert _by_id(single) == _by_id(many)


def _by_id(one: EventBatch) -> dict[str, dict[str, Any]]:
    return {row["id"]: {name: value for name, value in row.items() if value is not None} for row in rows(one)}


@given(st.tuples(st.text(), st.text()), st.lists(st.tuples(st.text(), st.text())))
def test_ids_of_many_are_the_ids_of_each(start: tuple[str, str], ends: list[tuple[str, str]]) -> None:
    found = identity.keyed_ids(start, [one for one, _ in ends], [other for _, other in ends])
    assert found == [identity.keyed_id(*start, *end) for end in ends]


@given(st.lists(st.text(), max_size=5), st.lists(st.text(), max_size=5))
def test_different_keys_have_different_ids(one: list[str], other: list[str]) -> None:
    assert (identity.keyed_id(*one) == identity.keyed_id(*other)) == (one == other)


def test_ids_are_fixed_for_ever() -> None:
    assert (
        identity.keyed_id("windows", "ws1", "security", "7", "1600000000")
        == "be03b91c08f3ce76e7545778aabf7971"
    )
    assert identity.record_id(b"record", "lab") == "6bf2ddd43bbb6f8de9ead11c87dd9e4b"
