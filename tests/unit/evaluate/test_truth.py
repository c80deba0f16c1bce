from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from countersign.errors import InputError
from countersign.evaluate.truth import key_of, read_truth


def hop(id_: str, parent: str | None, *records: dict[str, Any]) -> dict[str, Any]:
    words = {"account": "x", "source": "y", "target": "z", "start": "2026-03-02T08:00:00Z"}
    return {"id": id_, "parent": parent, "protocol": "rdp", "records": list(records), **words}


def write(folder: Path, *lines: str) -> Path:
    (folder / "visits.jsonl").write_text("".join(f"{line}\n" for line in lines))
    (folder / "staff.jsonl").write_text("")
    return folder


def test_the_parent_that_a_log_could_show_is_the_nearest_with_a_record(tmp_path: Path) -> None:
    hops = [
        hop("a", None, {"log": "entra", "id": "1"}),
        hop("b", "a"),
        hop("c", "b", {"log": "entra", "id": "2"}),
    ]
    visit = {"id": "a", "provider": "northgate", "person": "Kate", "hops": hops}
    truth = read_truth(write(tmp_path, json.dumps(visit)))
    above = truth.recorded_parent(truth.hops["c"])
    assert above is truth.hops["a"]
    assert truth.recorded_parent(above) is None
    assert [hop.survived for hop in truth.hops.values()] == [True, False, True]


def test_names_of_records_are_what_their_events_say() -> None:
    record = {"log": "windows", "computer": "DC01.Example", "channel": "Security", "record": 7}
    assert key_of(record) == ("windows", "dc01.example", "Security", "7")
    assert key_of({"log": "line", "host": "asa01", "sha256": "00"}) == ("line", "00")
    assert key_of({"log": "zeek", "path": "conn", "uid": "C1"}) == ("zeek", "conn", "C1")


def test_an_arrival_is_the_hop_and_nothing_done_in_it(tmp_path: Path) -> None:
    record = {"log": "entra", "id": "1"}
    done = [{"kind": kind, "records": [record]} for kind in ("logon", "process")]
    visit = {"id": "a", "provider": "n", "person": "K", "hops": [{**hop("a", None, record), "actions": done}]}
    (deed,) = read_truth(write(tmp_path, json.dumps(visit))).hops["a"].deeds
    assert (deed.kind, deed.number) == ("process", 1)


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"hops": [{"id": 1}]}'])
def test_what_is_no_truth_is_an_error_with_its_place(tmp_path: Path, line: str) -> None:
    with pytest.raises(InputError, match=r"visits\.jsonl:1: is no visit of a range"):
        read_truth(write(tmp_path, line))


def test_a_truth_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_truth(tmp_path)
