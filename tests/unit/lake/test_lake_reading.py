from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, QueryBuilder

from countersign.errors import StoreError, UsageError
from countersign.lake import Filter, Lake, WorkspaceLock, _views
from countersign.lake._files import StoredFile
from countersign.lake._query import Span, concerned, microseconds
from countersign.model import schema
from lake_batches import NOON, event, ids, minutes, segment

DAY = timedelta(days=1)


@pytest.fixture
def filled(lake: Lake) -> Lake:
    """Three days of two hosts, one undated event."""
    rows = [
        event(
            f"{day} {host}",
            NOON + DAY * day,
            device={"hostname": host},
            user={"name": f"user of {host}"},
            metadata={"event_code": str(4624 + day), "log_name": "Security"},
            class_uid=3002 if host == "one" else 1007,
            unmapped=[("KeyLength", str(day))],
        )
        for day in range(3)
        for host in ("one", "two")
    ]
    lake.append([segment("s1", rows), segment("s2", [event("undated", None, source="sshd")])])
    return lake


def names(lake: Lake, where: Filter | None = None, **span: datetime) -> set[str]:
    return set(lake.events(["time_text"], where=where, **span).read_all()["time_text"].to_pylist())


def test_leaves_come_as_columns_of_that_name(filled: Lake) -> None:
    table = filled.events(["user.name", "time", "metadata", "day"], where=Filter(hosts=("one",))).read_all()
    assert table.column_names == ["user.name", "time", "metadata", "day"]
    assert table.schema.field("time").type == schema.TIMESTAMP
    assert set(table["user.name"].to_pylist()) == {"user of one"}
    assert set(table["day"].to_pylist()) == {"2026-03-14", "2026-03-15", "2026-03-16"}


@pytest.mark.parametrize(
    "name", ["nothing", "user.nothing", "class_uid.x", "user.name.x", "", 'id" FROM x --']
)
def test_what_is_no_column_is_refused(filled: Lake, name: str) -> None:
    with pytest.raises(UsageError, match="no column"):
        filled.events([name])


@pytest.mark.parametrize(
    ("where", "count"),
    [
        (Filter(), 7),
        (Filter(class_uids=(1007,)), 3),
        (Filter(class_uids=(1007, 3002)), 7),
        (Filter(sources=("sshd",)), 1),
        (Filter(event_codes=("4625", "4626"), hosts=("two",)), 2),
        (Filter(log_names=("Security",)), 6),
        (Filter(segments=("s2",)), 1),
        (Filter(ids=(*ids("0 one", "undated"), "nowhere")), 2),
        (Filter(ids=tuple(ids("0 one")), class_uids=(1007,)), 0),
        (Filter(ids=()), 0),
        (Filter(sources=()), 0),
        (Filter(sources=("' OR true --",)), 0),
    ],
)
def test_a_filter_asks_all_its_fields(filled: Lake, where: Filter, count: int) -> None:
    assert len(names(filled, where)) == count


def test_very_many_ids_are_asked_too(filled: Lake) -> None:
    many = (*(f"{number:032x}" for number in range(2000)), *ids("0 one", "1 two"))
    assert names(filled, Filter(ids=many)) == {"0 one", "1 two"}


def test_since_is_in_and_until_is_not(filled: Lake) -> None:
    assert names(filled, since=NOON + DAY, until=NOON + 2 * DAY) == {"1 one", "1 two"}
    assert names(filled, since=NOON + 2 * DAY) == {"2 one", "2 two"}
    assert names(filled, until=NOON) == set()
    assert "undated" in names(filled)


def test_naive_times_are_our_own_misuse(filled: Lake) -> None:
    with pytest.raises(RuntimeError, match="aware"):
        filled.events(since=NOON.replace(tzinfo=None))


def test_only_files_of_the_span_are_read() -> None:
    def file(day: str, first: datetime | None) -> StoredFile:
        at = None if first is None else microseconds(first)
        return StoredFile(day, 1, 1, day, at, at)

    files = [
        file("2026-03-14", NOON),
        file("2026-03-15", NOON + DAY),
        file("undated", None),
        file("2026-03-15", None),
    ]
    assert concerned(files, Span()) == files
    assert concerned(files, Span(since=NOON + minutes(1))) == [files[1], files[3]]
    assert concerned(files, Span(until=NOON)) == []
    assert concerned(files, Span(NOON, NOON + minutes(1))) == [files[0]]


def test_a_stream_keeps_its_snapshot(filled: Lake) -> None:
    reader = filled.events(["id"])
    filled.append([segment("s3", [event("later")])])
    assert sum(batch.num_rows for batch in reader) == 7
    assert filled.extent().rows == 8


def test_two_streams_may_be_read_in_turns(filled: Lake) -> None:
    one, two = filled.events(["id"]), filled.events(["id"], where=Filter(hosts=("one",)))
    first = next(one)
    assert sum(batch.num_rows for batch in two) == 3
    assert first.num_rows + sum(batch.num_rows for batch in one) == 7


def test_a_table_is_an_expression(filled: Lake) -> None:
    events = filled.table("events")
    assert events.schema().to_pyarrow().names == schema.events_schema().names
    day = events.filter(events.day == "2026-03-15")
    busy = day.group_by(who=day.user["name"]).agg(n=day.count())
    assert sorted(busy.to_pyarrow().to_pylist(), key=str) == [
        {"who": "user of one", "n": 1},
        {"who": "user of two", "n": 1},
    ]
    assert events.filter(events.unmapped["KeyLength"] == "2").count().to_pyarrow().as_py() == 2
    joined = events.join(filled.table("segments"), "segment").count()
    assert joined.to_pyarrow().as_py() == 7


def test_a_table_asked_again_shows_what_is_new(filled: Lake) -> None:
    filled.table("events")
    filled.append([segment("s3", [event("later")])])
    assert filled.table("events").count().to_pyarrow().as_py() == 8


FLAT = (
    "id",
    "day",
    "source",
    "class_uid",
    "time",
    "user.name",
    "device.hostname",
    "src_endpoint.ip",
    "unmapped",
)


def of_leaves(lake: Lake, days: Collection[str] | None = None) -> list[dict[str, Any]]:
    rows = lake.flat("events", FLAT, days).to_pyarrow()
    assert rows.column_names == list(FLAT)
    assert rows.schema.field("time").type == schema.TIMESTAMP
    return sorted(rows.to_pylist(), key=lambda row: str(row["id"]))


def leaves_of(lake: Lake) -> list[dict[str, Any]]:
    return sorted(lake.events(FLAT).read_all().to_pylist(), key=lambda row: str(row["id"]))


@pytest.mark.parametrize("large", [1, 4, 100])
def test_leaves_are_the_same_however_large_their_files_are(
    filled: Lake, monkeypatch: pytest.MonkeyPatch, large: int
) -> None:
    monkeypatch.setattr(_views, "LARGE_ROWS", large)
    filled.append([segment("s3", [event("more", NOON, src_endpoint={"ip": "10.0.0.1"})])])
    assert of_leaves(filled) == leaves_of(filled)
    assert {row["src_endpoint.ip"] for row in of_leaves(filled)} == {None, "10.0.0.1"}
    monkeypatch.setattr(_views, "MOST_GROUPS", 1)
    assert of_leaves(filled) == leaves_of(filled)


def test_leaves_of_some_days_keep_their_days(filled: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_views, "LARGE_ROWS", 1)
    first, second = (filled.flat("events", FLAT, [day]) for day in ("2026-03-14", schema.UNDATED))
    assert {row["day"] for row in first.to_pyarrow().to_pylist()} == {"2026-03-14"}
    assert [row["time"] for row in second.to_pyarrow().to_pylist()] == [None]
    assert of_leaves(filled, []) == []


def test_leaves_of_files_of_other_engines_are_read_too(filled: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_views, "LARGE_ROWS", 1)
    expected = [{**row, "unmapped": None} for row in leaves_of(filled)]
    DeltaTable(filled.root / "events").optimize.compact()
    assert [{**row, "unmapped": None} for row in of_leaves(filled)] == expected


def test_a_struct_is_no_leaf(filled: Lake) -> None:
    with pytest.raises(RuntimeError, match="leaves"):
        filled.flat("events", ["user"])
    with pytest.raises(UsageError, match="no column"):
        filled.flat("events", ["user.nothing"])


def test_every_table_can_be_read_while_it_is_empty(lake: Lake) -> None:
    for name in ("events", "sightings", "rejected", "segments", "visits", "findings"):
        assert lake.table(name).count().to_pyarrow().as_py() == 0
        assert len(lake.read(name)) == 0
    assert lake.extent().seen == ()
    assert lake.counts(["x"]) == {}
    with pytest.raises(UsageError, match="no table cases"):
        lake.table("cases")


def test_the_extent_says_what_was_looked_at(filled: Lake) -> None:
    extent = filled.extent()
    assert (extent.rows, extent.first, extent.last) == (7, NOON, NOON + 2 * DAY)
    assert [(part.source, part.host, part.rows, part.undated) for part in extent.seen] == [
        ("sshd", "", 1, 1),
        ("windows.evtx", "one", 3, 0),
        ("windows.evtx", "two", 3, 0),
    ]


def test_files_of_other_engines_are_read_too(filled: Lake) -> None:
    for number in range(3):
        filled.append(
            [segment(f"m{number}", [event(f"m{number}", src_commandline="x", user={"name": "ann"})])]
        )
    before = filled.events().read_all().sort_by("id")
    DeltaTable(str(filled.root / "events")).optimize.compact()
    assert any(not file.ours for file in filled._folder("events").files())
    after = filled.events().read_all().sort_by("id")
    assert _values(after) == _values(before)
    assert filled.append([segment("s9", [event("m1"), event("new")])]).new_events == 1
    assert (
        filled.table("events").filter(filled.table("events").day == "2026-03-16").count().to_pyarrow().as_py()
        == 2
    )


def test_other_engines_read_the_folder(filled: Lake) -> None:
    filled.append([segment("s3", [event("later", user={"domain": "EXAMPLE"}, src_image="x.exe")])])
    columns = ["id", "user", "device", "src_image", "unmapped"]
    mine = _values(filled.events(columns).read_all().sort_by("id"))
    table = DeltaTable(str(filled.root / "events"))
    assert _values(table.to_pyarrow_table(columns=columns).sort_by("id")) == mine
    query = 'SELECT id, "user", device, src_image, unmapped FROM events ORDER BY id'
    fusion = pa.table(QueryBuilder().register("events", table).execute(query).read_all())
    assert _values(fusion) == mine


@pytest.mark.parametrize("leaf", ["user.name", "user.domain", "device.ip", "actor.user.name", "src_image"])
def test_filters_hold_over_files_that_lack_columns(lake: Lake, leaf: str) -> None:
    """DuckDB 2.0.0 was seen to stop on such files with an internal error; it is held below."""
    shapes: list[dict[str, Any]] = [
        {"user": {"name": "x"}},
        {"user": {"domain": "x", "uid": "y"}, "device": {"ip": "x"}},
        {"actor": {"user": {"name": "x"}}, "src_image": "x"},
        {"user": {"name": "y", "domain": "x"}, "metadata": {"event_code": "1"}},
        {},
    ]
    for number, shape in enumerate(shapes):
        lake.append([segment(f"s{number}", [event(f"{number}", NOON + minutes(number), **shape)])])
    events = lake.table("events")
    column = events
    for part in leaf.split("."):
        column = column[part]
    found = events.filter((column == "x") & (events.class_uid == 3002)).select("time_text").to_pyarrow()

    def value(shape: Any) -> object:
        for part in leaf.split("."):
            shape = (shape or {}).get(part)
        return shape

    assert set(found["time_text"].to_pylist()) == {
        str(number) for number, shape in enumerate(shapes) if value(shape) == "x"
    }


def _values(table: pa.Table) -> list[dict[str, Any]]:
    """Rows without nulls, so that a struct of nulls equals no struct."""

    def full(value: object) -> object:
        if isinstance(value, dict):
            return {name: full(inner) for name, inner in value.items() if full(inner) not in (None, {})}
        return value

    return [full(row) for row in table.to_pylist()]  # type: ignore[misc]  # a row is a dict


def test_a_workspace_may_have_any_name(tmp_path: Path) -> None:
    root = tmp_path / "it's [a] *strange* day=2020 ward?"
    root.mkdir()
    with WorkspaceLock(root) as lock, Lake.create(root / "lake", lock=lock) as lake:
        lake.append([segment("s1", [event("a")])])
        assert lake.append([segment("s2", [event("a"), event("b")])]).new_events == 1
        assert set(lake.events(["day"]).read_all()["day"].to_pylist()) == {"2026-03-14"}


def test_a_damaged_file_is_a_store_error(filled: Lake) -> None:
    for path in filled.root.glob("events/day=*/*.parquet"):
        path.write_bytes(path.read_bytes()[:100])
    reader = filled.events()
    with pytest.raises(StoreError):
        reader.read_all()
    with pytest.raises(StoreError):
        filled.extent()


@pytest.mark.parametrize(
    "query", ["SELECT * FROM read_csv('/etc/hostname')", "COPY (SELECT 1) TO '/var/tmp/x'", "INSTALL httpfs"]
)
def test_the_engine_reads_and_writes_nothing_outside(filled: Lake, query: str) -> None:
    filled.extent()
    with pytest.raises(Exception, match=r"disabled|not allowed|Permission"):
        filled._connection.execute(query)
