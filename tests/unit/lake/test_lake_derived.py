from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from countersign.errors import StoreError, UsageError
from countersign.lake import Lake, WorkspaceLock
from countersign.lake._delta import DeltaFolder
from countersign.lake.tables import FINDINGS_SCHEMA, VISITS_SCHEMA
from lake_batches import NOON, event, minutes, segment


def visit(name: str, start: datetime | None, end: datetime | None = None, body: str = "{}") -> dict[str, Any]:
    return {
        "id": name,
        "provider": "p",
        "person": "q",
        "kind": "person",
        "start": start,
        "end": end,
        "body": body,
    }


def visits(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=VISITS_SCHEMA)


def read(lake: Lake, **span: Any) -> list[str]:
    return [str(name) for name in lake.read("visits", **span)["id"].to_pylist()]


def test_a_derived_table_is_replaced_whole(lake: Lake) -> None:
    lake.replace("visits", visits(visit("b", NOON + minutes(1)), visit("a", NOON)))
    lake.replace("visits", visits(visit("d", NOON), visit("c", NOON)))
    assert read(lake) == ["c", "d"]
    lake.replace("visits", visits())
    assert read(lake) == []


def test_rows_are_replaced_by_id(lake: Lake) -> None:
    lake.replace("visits", visits(*(visit(name, NOON) for name in "abc")))
    lake.replace("visits", visits(visit("e", NOON)), ids=[])
    lake.replace("visits", visits(visit("b", NOON, body="new"), visit("d", NOON)), ids=["a", "b", "nowhere"])
    assert read(lake) == ["b", "c", "d", "e"]
    assert lake.read("visits", ids=["b"])["body"].to_pylist() == ["new"]
    lake.replace("visits", visits(), ids=list("bcde"))
    assert read(lake) == []


def test_visits_are_in_where_they_overlap(lake: Lake) -> None:
    hour = timedelta(hours=1)
    lake.replace(
        "visits",
        visits(
            visit("long", NOON, NOON + 9 * hour),
            visit("no end", NOON + 2 * hour),
            visit("no start", None, NOON + 3 * hour),
            visit("neither", None),
        ),
    )
    assert read(lake, since=NOON + 2 * hour, until=NOON + 3 * hour) == ["long", "no end"]
    assert read(lake, since=NOON + 3 * hour) == ["long", "no start"]
    assert read(lake, until=NOON) == []
    assert len(read(lake)) == 4


def test_findings_have_one_time(lake: Lake) -> None:
    rows = [{"id": str(n), "time": NOON + minutes(n), "body": "{}"} for n in range(3)]
    lake.replace("findings", pa.Table.from_pylist(rows, schema=FINDINGS_SCHEMA))
    found = lake.read("findings", since=NOON + minutes(1), until=NOON + minutes(2))
    assert found["id"].to_pylist() == ["1"]


def test_tables_without_time_are_not_asked_by_it(lake: Lake) -> None:
    with pytest.raises(UsageError, match="no time"):
        lake.read("segments", since=NOON)


def test_stored_tables_are_never_replaced(lake: Lake) -> None:
    lake.append([segment("s1", [event("a")])])
    with pytest.raises(RuntimeError, match="not derived"):
        lake.replace("events", lake.events().read_all())


def test_a_replacement_that_fails_changes_nothing(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.replace("visits", visits(visit("a", NOON)))
    files = set(lake.root.glob("visits/*.parquet"))

    def failing(*_args: object, **_kwargs: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(DeltaFolder, "commit", failing)
        with pytest.raises(StoreError):
            lake.replace("visits", visits(visit("b", NOON)))
    assert set(lake.root.glob("visits/*.parquet")) == files
    assert read(lake) == ["a"]


def test_readers_see_a_replacement_at_their_next_question(lake: Lake, lock: WorkspaceLock) -> None:
    assert lock.held
    reader = Lake.open(lake.root)
    assert read(reader) == []
    lake.replace("visits", visits(visit("a", NOON)))
    assert read(reader) == ["a"]
