"""`scan` gives the rows that `events` gives."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from countersign.lake import Filter, Lake
from lake_batches import NOON, event, ids, segment

DAY = timedelta(days=1)
COLUMNS = [
    "id",
    "day",
    "time",
    "user.name",
    "device.hostname",
    "metadata.log_name",
    "class_uid",
    "src_commandline",
    "unmapped",
]
LATER = [name for name in COLUMNS if name != "day"]
FILTERS = [
    Filter(),
    Filter(hosts=("one",)),
    Filter(log_names=("Security",), event_codes=("4625", "4626")),
    Filter(class_uids=(3002,)),
    Filter(segments=("s2",)),
    Filter(segments=("s1", "s3")),
    Filter(days=("2026-03-15",)),
    Filter(days=("undated",)),
    Filter(hosts=()),
    Filter(sources=("sshd", "nothing")),
]
SPANS: list[dict[str, datetime]] = [
    {},
    {"since": NOON + DAY},
    {"until": NOON + DAY},
    {"since": NOON + DAY, "until": NOON + DAY + timedelta(microseconds=1)},
]


@pytest.fixture
def filled(lake: Lake) -> Lake:
    rows = [
        event(
            f"{day} {host} {turn}",
            NOON + DAY * day + timedelta(minutes=turn),
            device={"hostname": host} if turn % 3 else None,
            user={"name": f"user of {host}"},
            metadata={"event_code": str(4624 + day), "log_name": "Security" if turn % 2 else None},
            class_uid=3002 if host == "one" else 1007,
            src_commandline=f"tool.exe {turn % 4}" if turn % 5 else None,
            unmapped=[("KeyLength", str(day)), ("Rare", "x")][: turn % 3] if turn % 4 else None,
        )
        for day in range(3)
        for host in ("one", "two")
        for turn in range(7)
    ]
    lake.append([segment("s1", rows), segment("s2", [event("undated", None, source="sshd")])])
    lake.append([segment("s3", [event("later", NOON + DAY, user={"name": "only a name"})])])
    return lake


def rows(batches: list[pa.RecordBatch], names: list[str]) -> list[Any]:
    found = [
        tuple(repr(batch[name][row].as_py()) if name in batch.schema.names else "None" for name in names)
        for batch in batches
        for row in range(batch.num_rows)
    ]
    return sorted(found)


@pytest.mark.parametrize("where", FILTERS, ids=repr)
@pytest.mark.parametrize("span", SPANS, ids=repr)
def test_the_same_rows_as_events(filled: Lake, where: Filter, span: dict[str, datetime]) -> None:
    passages = list(filled.scan(COLUMNS, where=where, **span))
    wanted = rows(list(filled.events(COLUMNS, where=where, **span)), COLUMNS)
    assert rows([passage.batch for passage in passages], COLUMNS) == wanted


def test_columns_may_be_read_afterwards_for_the_same_rows(filled: Lake) -> None:
    where = Filter(class_uids=(1007,))
    for later in (["id", "user.name"], ["id", "user.domain", "unmapped"]):
        passages = list(filled.scan(["src_commandline"], where=where, later=later))
        found = rows([passage.more(later) for passage in passages], ["src_commandline", *later])
        assert found == rows(
            list(filled.events(["src_commandline", *later], where=where)), ["src_commandline", *later]
        )


@pytest.mark.parametrize("where", FILTERS, ids=repr)
def test_coded_rows_are_the_same_rows(filled: Lake, where: Filter) -> None:
    plain = [passage.batch for passage in filled.scan(COLUMNS, where=where)]
    coded = list(filled.scan(COLUMNS, where=where, coded=True))
    assert rows([passage.batch for passage in coded], COLUMNS) == rows(plain, COLUMNS)
    later = ["id", "user.domain"]
    assert rows([passage.more(later) for passage in coded], later) == rows(
        [passage.more(later) for passage in filled.scan(COLUMNS, where=where)], later
    )


def test_most_rows_of_a_file_come_as_dictionaries(filled: Lake) -> None:
    def dictionaries(*, coded: bool) -> set[bool]:
        passages = filled.scan(["source"], coded=coded)
        return {pa.types.is_dictionary(passage.batch["source"].type) for passage in passages}

    assert dictionaries(coded=True) == {True}
    assert dictionaries(coded=False) == {False}


def test_nothing_may_be_asked_for_at_first(filled: Lake) -> None:
    passages = list(filled.scan(["src_image"], later=["id"]))
    assert sum(passage.batch.num_rows for passage in passages) == 44
    assert sorted(id_ for passage in passages for id_ in passage.more(["id"])["id"].to_pylist()) == sorted(
        filled.events(["id"]).read_all()["id"].to_pylist()
    )


def test_a_map_without_the_keys_asked_for_is_left_out(filled: Lake) -> None:
    def has_map(key: str) -> bool:
        return any(
            "unmapped" in passage.batch.schema.names for passage in filled.scan(["unmapped"], keys=key.__eq__)
        )

    assert has_map("Rare")
    assert not has_map("Other")


def test_ids_and_whole_structs_are_for_events(filled: Lake) -> None:
    with pytest.raises(RuntimeError, match="leaves"):
        list(filled.scan(["id", "user"]))
    with pytest.raises(RuntimeError, match="events"):
        list(filled.scan(["id"], where=Filter(ids=tuple(ids("later")))))


def test_files_of_other_engines_are_scanned_too(filled: Lake) -> None:
    wanted = rows(list(filled.events(LATER)), LATER)
    DeltaTable(str(filled.root / "events")).optimize.compact()
    assert any(not file.ours for file in filled._folder("events").files())
    passages = list(filled.scan(["user.name"], later=LATER))
    assert rows([passage.more(LATER) for passage in passages], LATER) == wanted
