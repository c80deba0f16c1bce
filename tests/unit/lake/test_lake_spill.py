from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from countersign.errors import StoreError
from countersign.lake import Lake, SegmentData, Spill, WorkspaceLock
from countersign.lake.spill import FOLDER, Portion, spill, write_day
from lake_batches import NOON, event, ids, minutes, segment


def waiting(lake: Lake, batch: Sequence[SegmentData]) -> tuple[list[SegmentData], list[Spill]]:
    """The same batch, its events in one file a segment."""
    files = [spill(lake.root, [data.events]) for data in batch if data.events is not None]
    return [SegmentData(data.row, None, data.rejected) for data in batch], [file for file in files if file]


def opened(root: Path) -> Lake:
    root.mkdir(parents=True)
    lock = WorkspaceLock(root)
    lock.__enter__()
    return Lake.create(root / "lake", lock=lock)


def stored(lake: Lake) -> list[tuple[Any, ...]]:
    rows = lake.events(["id", "time", "day"]).read_all().to_pylist()
    ids = [row["id"] for row in rows]
    counts = lake.counts(ids)
    return sorted((row["id"], str(row["time"]), row["day"], counts[row["id"]]) for row in rows)


def test_days_are_written_whole_and_the_files_go(lake: Lake) -> None:
    batch = [
        segment("s1", [event("a"), event("b", NOON + timedelta(days=1)), event("c", None)]),
        segment("s2", [event("d", NOON + minutes(1))]),
    ]
    segments, files = waiting(lake, batch)
    appended = lake.append(segments, files)
    assert (appended.new_events, appended.duplicates) == (4, 0)
    assert [(file.day, file.rows) for file in lake._folder("events").files()] == [
        ("2026-03-14", 2),
        ("2026-03-15", 1),
        ("undated", 1),
    ]
    assert not list((lake.root / FOLDER).glob("*.arrow"))


def test_events_of_segments_that_are_not_in_the_batch_stay_out(lake: Lake) -> None:
    one, two = segment("s1", [event("a")]), segment("s2", [event("b")])
    _, files = waiting(lake, [one, two])
    half = SegmentData(two.row, two.events.slice(0, 0) if two.events else None, two.rejected)
    lake.append([SegmentData(one.row, None, one.rejected), half], files)
    assert [row[0] for row in stored(lake)] == ids("a")
    assert lake.stored_segments() == {"s1", "s2"}


def test_a_batch_that_is_stored_already_is_refused_with_its_files(lake: Lake) -> None:
    batch = [segment("s1", [event("a")])]
    lake.append(batch)
    segments, files = waiting(lake, batch)
    assert lake.append(segments, files).refused == ("s1",)
    assert len(stored(lake)) == 1
    assert not list((lake.root / FOLDER).glob("*.arrow"))


def test_a_writer_that_fails_leaves_nothing(lake: Lake) -> None:
    segments, files = waiting(lake, [segment("s1", [event("a"), event("b", NOON + timedelta(days=1))])])

    def failing(call: Callable[[Portion], Any], portions: Sequence[Portion]) -> Iterable[Any]:
        yield call(portions[0])
        raise OSError(28, "No space left on device")

    with pytest.raises(StoreError, match="disk is full"):
        lake.append(segments, files, failing)
    assert stored(lake) == []
    assert not list((lake.root / "events").rglob("*.parquet"))
    lake.append(segments, files)
    assert len(stored(lake)) == 2


def test_what_waited_in_a_killed_run_is_removed(lake: Lake) -> None:
    _, (file,) = waiting(lake, [segment("s1", [event("a")])])
    assert file.path.exists()
    assert lake._lock is not None
    Lake.open(lake.root, lock=lake._lock).close()
    assert not file.path.exists()


def test_a_day_is_the_same_whoever_writes_it(lake: Lake) -> None:
    segments, files = waiting(lake, [segment("s1", [event("a"), event("b")])])
    seen: list[str] = []

    def elsewhere(call: Callable[[Portion], Any], portions: Sequence[Portion]) -> list[Any]:
        assert call is write_day
        seen.extend(portion.day for portion in portions)
        return [call(portion) for portion in reversed(portions)]

    lake.append(segments, files, elsewhere)
    assert seen == ["2026-03-14"]
    assert len(stored(lake)) == 2


MOMENTS = st.sampled_from([NOON, NOON + minutes(1), NOON + timedelta(days=1), None])
EVENTS = st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), max_size=6)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(EVENTS, min_size=1, max_size=4), st.dictionaries(st.sampled_from("abcdef"), MOMENTS), st.data()
)
def test_waiting_or_not_the_same_is_stored(
    tmp_path_factory: pytest.TempPathFactory,
    wanted: list[list[tuple[str, bool]]],
    times: dict[str, Any],
    data: st.DataObject,
) -> None:
    """Ids met several times, keyed or not, in segments stored in one commit or in several, in any order."""
    keyed = {name: data.draw(st.booleans(), label=name) for name in "abcdef"}
    batch = [
        segment(
            f"s{number}",
            [event(name, times.get(name, NOON), keyed=keyed[name]) for name in dict(inner)],
        )
        for number, inner in enumerate(wanted)
    ]
    root = tmp_path_factory.mktemp("lakes")
    plain, spilled = opened(root / "plain"), opened(root / "spilled")
    for data_ in batch:
        plain.append([data_])
    order = data.draw(st.permutations(batch), label="order")
    cut = data.draw(st.integers(0, len(order)), label="cut")
    for part in (order[:cut], order[cut:]):
        segments, files = waiting(spilled, part)
        spilled.append(segments, files)
    assert stored(plain) == stored(spilled)
    assert plain.stored_segments() == spilled.stored_segments()
