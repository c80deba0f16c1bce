from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import countersign.lake
from countersign.lake import Lake, _files
from countersign.lake._engine import scan
from countersign.lake.tables import TableSpec, tables
from lake_batches import NOON, event, minutes, segment

PUBLIC = [
    "Appended",
    "Batch",
    "Extent",
    "Filter",
    "Lake",
    "Maintained",
    "Passage",
    "Seen",
    "SegmentData",
    "SegmentRow",
    "Spill",
    "WorkspaceLock",
]


def test_what_the_room_offers_is_on_purpose() -> None:
    assert countersign.lake.__all__ == PUBLIC


def test_columns_are_numbered_by_name_and_no_two_alike() -> None:
    for spec in tables().values():
        numbers = {_files.field_id(name) for name in spec.schema.names}
        assert len(numbers) == len(spec.schema.names)
    assert _files.field_id("src_commandline") == 987781238  # in files already written: never to change


def test_a_file_says_its_rows_and_times(lake: Lake) -> None:
    lake.append([segment("s1", [event("b", NOON + minutes(5)), event("a"), event("c", None)])])
    dated, undated = lake._folder("events").files()
    assert (dated.rows, dated.day, undated.day) == (2, "2026-03-14", "undated")
    assert json.loads(dated.statistics("time")) == {
        "numRecords": 2,
        "minValues": {"time": "2026-03-14T12:00:00.000000Z"},
        "maxValues": {"time": "2026-03-14T12:05:00.000000Z"},
    }
    assert json.loads(undated.statistics("time")) == {"numRecords": 1}
    table = pq.read_table(lake.root / "events" / dated.path)
    assert table["time_text"].to_pylist() == ["a", "b"]
    assert (lake.root / "events" / dated.path).stat().st_size == dated.size


def test_the_delta_log_agrees_with_the_files(lake: Lake) -> None:
    lake.append([segment("s1", [event("a"), event("b", None)])])
    log = (lake.root / "events" / "_delta_log" / f"{1:020}.json").read_text("utf-8")
    adds = [json.loads(line)["add"] for line in log.splitlines() if '"add"' in line]
    assert {add["partitionValues"]["day"] for add in adds} == {"2026-03-14", "undated"}
    for add in adds:
        assert add["size"] == (lake.root / "events" / add["path"]).stat().st_size


def test_a_schema_is_narrowed_to_what_files_have(tmp_path: Path) -> None:
    inner = pa.struct([pa.field("a", pa.string()), pa.field("b", pa.struct([pa.field("c", pa.int64())]))])
    whole = pa.schema([pa.field("id", pa.string()), pa.field("s", inner), pa.field("x", pa.string())])
    spec = TableSpec("t", whole)
    rows = pa.Table.from_pylist([{"id": "1", "s": {"a": None, "b": {"c": 1}}}], schema=whole)
    stored = _files.write(tmp_path, spec, rows)
    narrow = _files.schema_of([tmp_path / stored.path], whole)
    assert narrow.names == ["id", "s"]
    assert narrow.field("s").type == pa.struct([pa.field("b", pa.struct([pa.field("c", pa.int64())]))])
    assert _files.narrow(rows, narrow).to_pylist() == [{"id": "1", "s": {"b": {"c": 1}}}]


def test_paths_and_names_are_quoted(tmp_path: Path) -> None:
    spec = TableSpec("t", pa.schema([pa.field('we"ird', pa.string())]))
    sql = scan(tmp_path / "it's", spec, [_files.StoredFile("x*.cs.parquet", 1, 1)])
    assert '"we""ird"' in sql
    assert "it''s/x[*].cs.parquet" in sql
