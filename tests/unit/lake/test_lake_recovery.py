from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from countersign.errors import StoreError
from countersign.lake import Lake, WorkspaceLock, _delta, _files
from countersign.lake._delta import DeltaFolder
from countersign.lake.batch import SegmentData
from countersign.lake.tables import VISITS_SCHEMA
from lake_batches import NOON, event, ids, segment

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def batch() -> Sequence[SegmentData]:
    again = event("known", keyed=False)
    return [segment("s1", [event("a"), event("b", None), again], rejected=2), segment("s2", [event("c")])]


def parquet_files(lake: Lake) -> set[Path]:
    return set(lake.root.rglob("*.cs.parquet"))


def fail_commit(monkeypatch: pytest.MonkeyPatch, table: str) -> None:
    commit = DeltaFolder.commit

    def failing(folder: DeltaFolder, *args: Any, **kwargs: Any) -> None:
        if folder.spec.name == table:
            raise StoreError("the disk is full")
        commit(folder, *args, **kwargs)

    monkeypatch.setattr(DeltaFolder, "commit", failing)


@pytest.mark.parametrize("table", ["sightings", "rejected", "segments"])
def test_a_batch_cut_short_is_finished_by_the_next_writer(
    lake: Lake, lock: WorkspaceLock, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    lake.append([segment("s0", [event("known", keyed=False)])])
    with monkeypatch.context() as patch:
        fail_commit(patch, table)
        with pytest.raises(StoreError):
            lake.append(batch())
    with Lake.open(lake.root, lock=lock) as again:
        assert again.stored_segments() == {"s0", "s1", "s2"}
        assert len(again.read("rejected")) == 2
        assert again.counts(ids("known")) == {ids("known")[0]: 1}
        assert len(again.read("sightings")) == 1
        assert again.append(batch()).refused == ("s1", "s2")
        assert again.extent().rows == 4


def test_the_same_writer_finishes_it_too(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        fail_commit(patch, "segments")
        with pytest.raises(StoreError):
            lake.append(batch())
    assert lake.append(batch()).refused == ("s1", "s2")
    assert lake.stored_segments() == {"s1", "s2"}


def test_readers_never_finish_anything(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_commit(monkeypatch, "segments")
    with pytest.raises(StoreError):
        lake.append(batch())
    assert Lake.open(lake.root).stored_segments() == set()


def test_a_failed_first_commit_leaves_nothing(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        fail_commit(patch, "events")
        with pytest.raises(StoreError):
            lake.append(batch())
    assert parquet_files(lake) == set()
    assert lake.append(batch()).new_events == 4


@pytest.mark.parametrize("write", [1, 2, 4])
def test_a_full_disk_leaves_the_tables_unchanged(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, write: int
) -> None:
    lake.append([segment("s0", [event("z")])])
    before = parquet_files(lake)
    writes = 0
    real = pq.ParquetWriter.write_table

    def filling(writer: pq.ParquetWriter, *args: Any, **kwargs: Any) -> None:
        nonlocal writes
        writes += 1
        if writes == write:
            raise FULL
        real(writer, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(pq.ParquetWriter, "write_table", filling)
        with pytest.raises(StoreError, match="disk is full"):
            lake.append(batch())
    assert parquet_files(lake) == before
    assert lake.stored_segments() == {"s0"}
    assert lake.append(batch()).new_events == 4


def test_a_file_that_cannot_be_made_durable_is_not_committed(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_path: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(_files, "sync", failing)
        with pytest.raises(StoreError, match="cannot be written"):
            lake.append(batch())
    assert parquet_files(lake) == set()


def test_files_of_a_commit_that_failed_late_stay(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(path: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), path)

    with monkeypatch.context() as patch:
        patch.setattr(_delta, "sync", failing)
        with pytest.raises(StoreError):
            lake.append(batch())
        with pytest.raises(StoreError):
            lake.replace("visits", pa.Table.from_pylist([{"id": "v"}], schema=VISITS_SCHEMA))
    assert lake.append(batch()).refused == ("s1", "s2")
    assert lake.extent().rows == 4
    assert lake.read("visits")["id"].to_pylist() == ["v"]


def test_a_batch_number_is_committed_once(lake: Lake) -> None:
    lake.append(batch())
    events = lake._folders["events"]
    with pytest.raises(RuntimeError, match="has batch 1 already"):
        events.commit((), now=NOON, batch=1)


def test_the_commit_names_its_segments(lake: Lake) -> None:
    lake.append(batch())
    properties = lake._folders["events"].properties_of(1)
    assert properties["countersign.segments"] == ["s1", "s2"]
    with pytest.raises(StoreError, match="no commit of batch 2"):
        lake._folders["events"].properties_of(2)


def test_a_broken_log_is_a_store_error(lake: Lake) -> None:
    log = lake.root / "events" / "_delta_log" / f"{0:020}.json"
    log.write_text("{", "utf-8")
    with pytest.raises(StoreError):
        Lake.open(lake.root)
