from __future__ import annotations

import errno
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from countersign.errors import StoreError
from countersign.lake import Lake, Maintained, WorkspaceLock, _files, _maintain
from countersign.lake._files import StoredFile
from lake_batches import NOON, event, ids, minutes, segment

LATER = timedelta(minutes=11)


def data_files(lake: Lake, table: str = "events") -> list[Path]:
    return sorted(path for path in (lake.root / table).rglob("*.parquet") if "_delta_log" not in path.parts)


def append(lake: Lake, first: int, count: int) -> None:
    for number in range(first, first + count):
        lake.append(
            [
                segment(
                    f"s{number}", [event(f"e{number}", NOON - minutes(number), user={"name": f"u{number}"})]
                )
            ]
        )


def small(name: str, day: str | None = "2026-03-14", size: int = 1000) -> StoredFile:
    return StoredFile(name, size, 1, day)


def test_small_files_of_one_partition_are_grouped() -> None:
    files = [small(f"{number}") for number in range(_maintain.SMALL_FILES)]
    assert _maintain.groups(files) == [files]
    assert _maintain.groups(files[1:]) == []
    assert _maintain.groups((*files[1:], small("x", "2026-03-15"))) == []
    assert _maintain.groups((*files[1:], small("x", size=_maintain.SMALL_BYTES))) == []


def test_files_scattered_over_many_days_are_merged_sooner() -> None:
    days = [f"day {number}" for number in range(_maintain.SCATTERED_FILES // 4)]
    files = [small(f"{day} {number}", day) for day in days for number in range(4)]
    assert [len(run) for run in _maintain.groups(files)] == [4] * len(days)
    assert _maintain.groups(files[1:]) == []
    assert _maintain.groups([small(day, day) for day in days * 5][: len(days)]) == []


def test_a_group_takes_in_only_so_much() -> None:
    size = _maintain.MERGED_BYTES // 6
    runs = _maintain.groups([small(f"{number}", size=size) for number in range(19)])
    assert [len(run) for run in runs] == [6, 6, 6]


def test_appending_keeps_the_files_few(lake: Lake) -> None:
    append(lake, 0, 40)
    assert len(lake._folder("events").files()) < _maintain.SMALL_FILES
    assert len(lake._folder("segments").files()) < _maintain.SMALL_FILES
    assert sorted(lake.events(["id"]).read_all()["id"].to_pylist()) == sorted(
        ids(*(f"e{n}" for n in range(40)))
    )


def test_merged_files_are_sorted_and_keep_their_columns(lake: Lake) -> None:
    append(lake, 0, _maintain.SMALL_FILES)
    (file,) = lake._folder("events").files()
    table = pq.read_table(lake.root / "events" / file.path)
    times = table["time"].to_pylist()
    assert times == sorted(times)
    assert (file.rows, file.day) == (_maintain.SMALL_FILES, "2026-03-14")
    assert set(table["user"].to_pylist()[0]) == {"name"}
    assert "src_commandline" not in table.column_names


def test_merging_changes_no_data_for_other_engines(lake: Lake) -> None:
    append(lake, 0, _maintain.SMALL_FILES)
    log = max((lake.root / "events" / "_delta_log").glob("*.json")).read_text("utf-8")
    assert '"dataChange":false' in log
    assert '"dataChange":true' not in log
    assert (
        DeltaTable(str(lake.root / "events")).to_pyarrow_table(columns=["id"]).num_rows
        == _maintain.SMALL_FILES
    )


def test_too_many_rows_to_sort_pass_through(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_maintain, "SORTED_ROWS", 1)
    monkeypatch.setattr(_files, "GROUP_BYTES", 1)
    append(lake, 0, _maintain.SMALL_FILES)
    (file,) = lake._folder("events").files()
    assert file.rows == lake.extent().rows == _maintain.SMALL_FILES
    assert (file.first, file.last) != (None, None)


def test_merged_files_stay_for_readers_until_the_grace_is_over(lake: Lake) -> None:
    append(lake, 0, _maintain.SMALL_FILES - 1)
    reader = Lake.open(lake.root)
    stream = reader.events(["id"])
    append(lake, 100, 1)
    assert len(data_files(lake)) == _maintain.SMALL_FILES + 1
    assert lake.maintain().removed == 0
    assert stream.read_all().num_rows == _maintain.SMALL_FILES - 1
    assert lake.maintain(datetime.now(UTC) + LATER).removed > 0
    assert data_files(lake) == [lake.root / "events" / file.path for file in lake._folder("events").files()]
    assert reader.extent().rows == _maintain.SMALL_FILES


def test_the_folder_holds_only_referenced_files_after_the_grace(lake: Lake) -> None:
    append(lake, 0, 40)
    lake.maintain(datetime.now(UTC) + LATER)
    for name in ("events", "segments"):
        named = {lake.root / name / file.path for file in lake._folder(name).files()}
        assert set(data_files(lake, name)) == named


def test_orphans_of_a_crash_go_and_foreign_files_stay(lake: Lake) -> None:
    append(lake, 0, 1)
    folder = lake.root / "events" / "day=1999-01-01"
    folder.mkdir()
    orphan, note = folder / "x.cs.parquet", lake.root / "events" / "readme.txt"
    orphan.write_bytes(b"PAR1")
    note.write_text("keep")
    assert lake.maintain().removed == 0
    assert lake.maintain(datetime.now(UTC) + LATER) == Maintained(removed=1)
    assert not folder.exists()
    assert note.exists()
    assert lake.extent().rows == 1


def test_the_log_stays_short(lake: Lake) -> None:
    append(lake, 0, 60)
    log = lake.root / "events" / "_delta_log"
    before = len(list(log.glob("*.json")))
    long_ago = datetime.now(UTC).timestamp() - 7200
    for path in log.iterdir():
        os.utime(path, (long_ago, long_ago))
    lake.maintain()
    assert len(list(log.glob("*.json"))) < before / 4
    assert Lake.open(lake.root).extent().rows == 60


def test_recovery_outlives_the_short_log(lake: Lake, lock: WorkspaceLock) -> None:
    test_the_log_stays_short(lake)
    with Lake.open(lake.root, lock=lock) as again:
        assert again.recover() == ()
        assert again.append([segment("new", [event("new")])]).new_events == 1


def test_temporary_files_of_a_killed_run_go(lake: Lake, lock: WorkspaceLock) -> None:
    spill = lake.root / "tmp"
    spill.mkdir(exist_ok=True)
    (spill / "duckdb_temp_storage_DEFAULT-0.tmp").write_bytes(b"x")
    Lake.open(lake.root, lock=lock).close()
    assert not list(spill.iterdir())


def test_a_merge_on_a_full_disk_changes_nothing(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    append(lake, 0, _maintain.SMALL_FILES - 1)
    monkeypatch.setattr(_maintain, "SMALL_FILES", 2)
    before = data_files(lake)

    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(pq.ParquetWriter, "write_table", full)
        with pytest.raises(StoreError, match="disk is full"):
            lake.maintain()
    assert data_files(lake) == before
    assert lake.extent().rows == len(before)


def test_maintenance_needs_the_lock(lake: Lake) -> None:
    with pytest.raises(RuntimeError, match="lock"):
        Lake.open(lake.root).maintain()
