from __future__ import annotations

import pyarrow as pa

from countersign.rules.fields import EventFields, Fields, event_fields

MAP = pa.map_(pa.string(), pa.string())


def batch(**columns: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


def values(fields: Fields, name: str) -> list[str | None]:
    found = fields.column(name)
    assert found is not None
    out: list[str | None] = found.to_pylist()
    return out


def test_a_column_of_its_own_comes_before_the_map_and_the_standard_column() -> None:
    made = batch(
        src_eventid=pa.array(["1", None, None]),
        unmapped=pa.array([[("EventID", "2")], [("eventid", "2")], []], MAP),
        metadata=pa.array([{"event_code": "3"}] * 3),
    )
    fields = EventFields({"eventid": "src_eventid"}).open(made)
    assert values(fields, "eventid") == ["1", "2", "3"]


def test_the_map_is_asked_without_case_spaces_and_underscores() -> None:
    made = batch(
        unmapped=pa.array([[("Threat Name", "x"), ("ThreatName", "y")], None, [("threat_name", "z")]], MAP)
    )
    assert values(EventFields({}).open(made), "threatname") == ["x", None, "z"]


def test_a_slice_of_a_batch_sees_its_own_rows() -> None:
    made = batch(
        metadata=pa.array([{"event_code": str(i)} for i in range(4)]),
        unmapped=pa.array([[("A", str(i))] for i in range(4)], MAP),
    ).slice(1, 2)
    fields = EventFields({}).open(made)
    assert values(fields, "a") == ["1", "2"]
    assert values(fields, "eventid") == ["1", "2"]
    assert [
        (name, values.to_pylist(), rows.tolist()) for name, values, rows in fields.texts() if rows is not None
    ] == [("unmapped", ["1", "2"], [0, 1])]


def test_text_is_read_from_whatever_holds_it() -> None:
    made = batch(src_a=pa.array(["x", None]).dictionary_encode(), src_b=pa.array([7, 8]))
    fields = EventFields({"a": "src_a", "b": "src_b"}).open(made)
    assert values(fields, "a") == ["x", None]
    assert values(fields, "b") == ["7", "8"]


def test_absent_columns_are_no_column() -> None:
    fields = event_fields().open(batch(source=pa.array(["windows"])))
    assert fields.column("commandline") is None
    assert fields.column("channel") is None
    assert list(fields.texts()) == []
