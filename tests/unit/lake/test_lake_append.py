from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from countersign.errors import StoreError
from countersign.lake import Appended, Lake, SegmentRow
from countersign.model import schema
from lake_batches import NOON, event, ids, minutes, segment


def stored(lake: Lake, *columns: str) -> list[dict[str, object]]:
    return sorted(lake.events(["id", *columns]).read_all().to_pylist(), key=lambda row: str(row["id"]))


def test_a_batch_is_stored_with_events_rejected_and_segments(lake: Lake) -> None:
    done = lake.append([segment("s1", [event("a"), event("b", NOON + minutes(1))], rejected=2)])
    assert done == Appended(2, 0, 2, ("s1",))
    assert lake.stored_segments() == {"s1"}
    assert lake.read("rejected")["reason"].to_pylist() == ["no time"] * 2
    assert len(stored(lake)) == 2


def test_columns_that_a_batch_lacks_come_back_as_null(lake: Lake) -> None:
    lake.append([segment("s1", [event("a", src_commandline="whoami", user={"name": "ann"})])])
    lake.append([segment("s2", [event("b", unmapped=[("k", "v")], device={"ip": "10.0.0.1"})])])
    table = lake.events().read_all().sort_by("time_text")
    assert table.schema.equals(schema.events_schema())
    assert table["src_commandline"].to_pylist() == ["whoami", None]
    assert table["unmapped"].to_pylist() == [None, [("k", "v")]]
    assert [user and user["name"] for user in table["user"].to_pylist()] == ["ann", None]
    assert [device and device["ip"] for device in table["device"].to_pylist()] == [None, "10.0.0.1"]
    assert table["src_image"].null_count == 2


def test_files_hold_only_columns_with_values(lake: Lake) -> None:
    lake.append([segment("s1", [event("a", user={"name": "ann"})])])
    (path,) = lake.root.glob("events/day=2026-03-14/*.parquet")
    leaves = {column.path for column in pa.parquet.ParquetFile(path).schema}
    assert "user.name" in leaves
    assert "user.domain" not in leaves
    assert not {leaf for leaf in leaves if leaf.startswith("src_")}


def test_a_stored_segment_is_refused(lake: Lake) -> None:
    lake.append([segment("s1", [event("a")])])
    done = lake.append(
        [segment("s1", [event("a")]), segment("s2", [event("b")]), segment("s2", [event("c")])]
    )
    assert done == Appended(1, 0, 0, ("s2",), ("s1", "s2"))
    assert len(stored(lake)) == 2


def test_events_known_from_another_segment_are_duplicates(lake: Lake) -> None:
    lake.append([segment("s1", [event("a"), event("b")])])
    done = lake.append([segment("s2", [event("b"), event("c")])])
    assert (done.new_events, done.duplicates) == (1, 1)
    assert len(lake.read("sightings")) == 0
    assert lake.counts(ids("a", "b", "c", "nowhere")) == dict.fromkeys(ids("a", "b", "c"), 1)


def test_the_first_in_time_source_segment_and_record_wins_within_a_batch(lake: Lake) -> None:
    rows = [event("a", NOON, keyed=False, time_text=text) for text in ("one", "two", "three")]
    parts = [segment(f"s{place}", [row]) for place, row in enumerate(rows)]
    random.Random(4).shuffle(parts)
    lake.append(parts)
    assert stored(lake, "segment", "time_text") == [{"id": ids("a")[0], "segment": "s0", "time_text": "one"}]


def test_a_count_is_the_greatest_of_any_lineage(lake: Lake) -> None:
    line: dict[str, Any] = {"keyed": False, "source": "sshd"}
    lake.append([segment("s1", [event("a", count=3, **line)], lineage="log")])
    lake.append([segment("s2", [event("a", count=4, **line)], lineage="log")])
    lake.append([segment("s3", [event("a", count=5, **line)], lineage="copy of the log")])
    assert lake.counts(ids("a")) == {ids("a")[0]: 7}
    assert len(stored(lake)) == 1


def test_a_line_whose_year_was_inferred_otherwise_is_known(lake: Lake) -> None:
    line: dict[str, Any] = {"keyed": False, "time_basis": "year"}
    lake.append([segment("s1", [event("a", NOON, **line)])])
    done = lake.append([segment("s2", [event("a", NOON.replace(year=2024), **line)])])
    assert (done.new_events, done.duplicates) == (0, 1)


def test_a_line_whose_zone_was_assumed_otherwise_is_known(lake: Lake) -> None:
    line: dict[str, Any] = {"keyed": False, "time_basis": "zone"}
    lake.append([segment("s1", [event("a", NOON, **line)])])
    assert lake.append([segment("s2", [event("a", NOON + timedelta(hours=13), **line)])]).new_events == 0


def test_undated_events_have_one_partition_and_are_known_later(lake: Lake) -> None:
    lake.append([segment("s1", [event("a", None), event("b", None), event("c")])])
    assert {path.name for path in lake.root.glob("events/day=*")} == {"day=undated", "day=2026-03-14"}
    assert lake.append([segment("s2", [event("a", None), event("b", NOON)])]).new_events == 0


def test_the_day_of_a_hostile_table_names_no_folder(lake: Lake) -> None:
    lake.append([segment("s1", [event("a", day="../../outside")])])
    assert stored(lake, "day") == [{"id": ids("a")[0], "day": "2026-03-14"}]


def test_segments_without_events_are_stored(lake: Lake) -> None:
    assert lake.append([segment("s1", []), segment("s2", [], rejected=1)]) == Appended(0, 0, 1, ("s1", "s2"))
    assert lake.stored_segments() == {"s1", "s2"}


def test_segment_rows_come_back_as_given(lake: Lake) -> None:
    data = segment("s1", [])
    row = SegmentRow("s1", "sshd", "l", "h", ("p", "q"), "o", "x!y", 7, 8, NOON, NOON, 1, 2, 3, 4, 5)
    lake.append([type(data)(row, data.events, data.rejected)])
    assert lake.segments() == [row]
    assert lake.leaves(["s1", "s2"]) == {"s1": 5}


def test_what_is_no_column_is_our_own_misuse(lake: Lake) -> None:
    data = segment("s1", [event("a")])
    wrong = data.events.append_column("surprise", pa.array(["x"]))
    with pytest.raises(RuntimeError, match="surprise"):
        lake.append([type(data)(data.row, wrong, data.rejected)])
    assert lake.stored_segments() == set()


def test_without_the_lock_nothing_is_written(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake")
    with pytest.raises(RuntimeError, match="lock"):
        lake.append([segment("s1", [event("a")])])


def test_a_folder_without_a_lake_is_no_lake(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="holds no lake"):
        Lake.open(tmp_path)


def test_creating_twice_keeps_what_is_there(tmp_path: Path, lake: Lake) -> None:
    lake.append([segment("s1", [event("a")])])
    assert Lake.create(tmp_path / "lake").stored_segments() == {"s1"}
