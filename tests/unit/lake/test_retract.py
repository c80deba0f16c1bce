"""Taking back half a record: its events go, all else stays, and doing it twice does no harm."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from countersign.lake import Lake, SegmentData, SegmentRow, WorkspaceLock
from countersign.model.batch import EventBatch, ParseContext, microseconds

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with (
        WorkspaceLock(tmp_path) as lock,
        Lake.create(tmp_path / "lake", lock=lock, clock=lambda: NOW) as made,
    ):
        yield made


def segment(name: str, *lines: str, reject: bool = False) -> SegmentData:
    digest = name * 64
    batch = EventBatch("syslog", ParseContext(digest, NOW, NOW))
    for index, line in enumerate(lines):
        time = microseconds(datetime(2026, 3, 1 + index % 2, tzinfo=UTC))
        batch.add(index, line.encode(), {"time": time, "time_basis": "stated", "message": line}, {})
    if reject:
        batch.reject(len(lines), "is half a record")
    parsed = batch.finish()
    row = SegmentRow(digest, "syslog", name, records=len(lines), events=len(lines))
    return SegmentData(row, parsed.events, parsed.rejected)


def messages(lake: Lake) -> list[str]:
    return sorted(lake.events(["message"]).read_all()["message"].to_pylist())


def test_events_and_rejected_of_the_segment_go(lake: Lake) -> None:
    lake.append([segment("a", "one", "two"), segment("b", "three", "ha", reject=True)])
    lake.append([segment("c", "four", reject=True)])
    assert lake.retract(["b" * 64]) == 2
    assert messages(lake) == ["four", "one", "two"]
    assert lake.read("rejected")["segment"].to_pylist() == ["c" * 64]
    assert lake.stored_segments() == {"a" * 64, "b" * 64, "c" * 64}


def test_it_may_be_repeated_and_appending_goes_on(lake: Lake) -> None:
    lake.append([segment("a", "one", "ha")])
    assert lake.retract(["a" * 64]) == 2
    assert lake.retract(["a" * 64]) == 0
    assert lake.retract(["f" * 64]) == 0
    assert lake.append([segment("b", "one", "half")]).new_events == 2
    assert messages(lake) == ["half", "one"]
    lake.maintain()
    assert messages(lake) == ["half", "one"]


def test_an_event_that_was_met_elsewhere_too_stays(lake: Lake) -> None:
    lake.append([segment("a", "same", "ha")])
    lake.append([segment("b", "same")])
    assert lake.retract(["a" * 64]) == 1
    assert messages(lake) == ["same"]


def test_readers_do_not_take_back(lake: Lake) -> None:
    with Lake.open(lake.root) as reader, pytest.raises(RuntimeError, match="lock"):
        reader.retract(["a" * 64])
