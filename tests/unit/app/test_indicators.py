from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collecting import Ward, syslog
from countersign.app import indicator_hunt, indicators
from countersign.app.indicator_hunt import hunt
from countersign.app.indicators import current, import_, indicators_of, listed, pull
from countersign.app.review import review
from countersign.errors import Error, InputError, UsageError
from countersign.rules.indicators import taxii

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def written(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def stix(*changes: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "indicator", "id": f"indicator--{number}", "pattern": f"[ipv4-addr:value = '203.0.113.{number}']",
         "modified": "2026-03-01T00:00:00Z"} | change
        for number, change in enumerate(changes, 1)
    ]  # fmt: skip


def test_an_import_replaces_what_the_source_had(ward: Ward, tmp_path: Path) -> None:
    path = written(tmp_path / "feed.txt", "one.example\ntwo.example\n10.0.0.1\nnonsense\n")
    (first,) = import_(ward.workspace, [path], clock=NOW)
    assert first.document() | {"digest": "", "origin": ""} == {
        "source": "feed", "indicators": 3, "new": 3, "changed": 0, "gone": 0, "same": 0, "repeated": 0, "refused": 1,
        "problems": [{"path": str(path), "line": 4, "subject": "nonsense", "reason": first.problems[0].reason}],
        "problems_unlisted": 0, "digest": "", "origin": "",
    }  # fmt: skip
    written(path, "two.example\nthree.example\n")
    (second,) = import_(ward.workspace, [path])
    assert (second.change.new, second.change.gone, second.change.same) == (1, 2, 1)
    found = current(ward.workspace)
    assert found is not None
    assert sorted(one.key for one in found.indicators()) == ["domain:three.example", "domain:two.example"]


def test_each_path_is_a_source_or_all_are_one(ward: Ward, tmp_path: Path) -> None:
    paths = [written(tmp_path / "a.txt", "one.example"), written(tmp_path / "b.csv", "two.example")]
    assert [one.source.name for one in import_(ward.workspace, paths)] == ["a", "b"]
    (both,) = import_(ward.workspace, paths, "both")
    assert both.source.rows == 2
    assert [row.source.name for row in listed(ward.workspace)] == ["a", "b", "both"]


def test_a_source_is_not_replaced_by_nothing(ward: Ward, tmp_path: Path) -> None:
    path = written(tmp_path / "feed.txt", "one.example")
    import_(ward.workspace, [path])
    written(path, "nonsense\n")
    with pytest.raises(InputError, match="no indicator could be read") as caught:
        import_(ward.workspace, [path])
    assert caught.value.line == 1
    assert current(ward.workspace) is not None
    with pytest.raises(InputError, match="no such file"):
        import_(ward.workspace, [tmp_path / "x"])


def test_nothing_imported_is_no_set(ward: Ward) -> None:
    assert current(ward.workspace) is None
    assert listed(ward.workspace) == []
    with pytest.raises(UsageError, match="no source"):
        current(ward.workspace, sources=["x"])
    with pytest.raises(UsageError, match="no indicators were imported"):
        hunt(ward.workspace)


def test_states_are_counted_and_listed(ward: Ward, tmp_path: Path) -> None:
    objects = stix(
        {}, {"confidence": 10}, {"valid_until": "2026-03-02T00:00:00Z"}, {"valid_from": "2026-03-03T00:00:00Z"},
        {"revoked": True}, {"pattern": "[ipv4-addr:value = '8.8.8.8']"}, {"pattern": "[ipv4-addr:value = '127.0.0.1']"},
    )  # fmt: skip
    import_(ward.workspace, [written(tmp_path / "feed", json.dumps(objects))])
    (row,) = listed(ward.workspace, NOW)
    assert row.states == {
        "active": 2, "low confidence": 1, "not yet": 1, "expired": 1, "revoked": 1, "refused": 1,
    }  # fmt: skip
    assert row.warned == 1
    assert [one.key for one in indicators_of(ward.workspace, "feed", ["expired"], NOW)] == ["indicator--3"]
    assert len(list(indicators_of(ward.workspace, "feed", as_of=NOW))) == 7
    document = indicators.indicator_document(
        next(indicators_of(ward.workspace, "feed", ["refused"], NOW)), NOW
    )
    assert document["state"] == "refused"
    assert document["terms"] == [[{"kind": "address", "value": "127.0.0.1"}]]
    json.dumps(document)
    json.dumps(row.document())


def test_what_too_many_others_list_is_told(
    ward: Ward, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("countersign.rules.indicators.lookup.SHARED_BY", 2)
    for name in "abc":
        import_(ward.workspace, [written(tmp_path / name, "evil.example\n")])
    import_(ward.workspace, [written(tmp_path / "d", "evil.example\nother.example\n")])
    assert [(row.source.name, row.crowded) for row in listed(ward.workspace)] == [
        ("a", 0), ("b", 0), ("c", 1), ("d", 1),
    ]  # fmt: skip
    words = "2 indicators are not matched: "
    assert any(note.startswith(words) for note in review(ward.workspace).notes)
    monkeypatch.setattr("countersign.app._feeds.current", lambda _: pytest.fail("read again"))
    assert any(note.startswith(words) for note in review(ward.workspace).notes), "and said each time"


# --- hunting


def hunted(ward: Ward, tmp_path: Path, text: str, **options: Any) -> indicator_hunt.Hunt:
    shutil.rmtree(ward.workspace.root / "indicators", ignore_errors=True)
    import_(ward.workspace, [written(tmp_path / "feed", text)], allow_broad=True)
    return hunt(ward.workspace, **options)


def test_a_hunt_puts_sightings_together(ward: Ward, logs: Path, tmp_path: Path) -> None:
    (logs / "auth.log").write_bytes(syslog(range(100)))
    ward.collect(logs)
    addresses = sorted(
        {event["ip"] for event in ward.events("src_endpoint.ip").rename_columns(["ip"]).to_pylist()}
    )
    told: list[tuple[int, int | None]] = []
    found = hunted(ward, tmp_path, addresses[0], progress=lambda *step: told.append(step))
    (one,) = found.sightings
    assert (one.host, one.field, one.value) == ("gate", "src_endpoint.ip", addresses[0])
    events = [
        row
        for row in ward.events("id", "time", "src_endpoint.ip").to_pylist()
        if row["src_endpoint.ip"] == addresses[0]
    ]
    assert one.count == len(events)
    assert (one.first, one.last) == (min(row["time"] for row in events), max(row["time"] for row in events))
    assert one.event == min(events, key=lambda row: (row["time"], row["id"]))["id"]
    assert (found.events, found.indicators) == (100, 1)
    assert told[-1] == (100, 100)
    json.dumps(one.document())


def test_a_hunt_keeps_to_its_days(ward: Ward, logs: Path, tmp_path: Path) -> None:
    (logs / "auth.log").write_bytes(syslog(range(0, 86_400 * 3, 3600)))
    ward.collect(logs)
    everything = hunted(ward, tmp_path, "10.0.0.0/8")
    assert everything.events == 72
    part = hunt(
        ward.workspace, since=datetime(2026, 3, 2, tzinfo=UTC), until=datetime(2026, 3, 3, tzinfo=UTC)
    )
    assert part.events == 24
    assert sum(one.count for one in part.sightings) == 24
    dated = "ip,valid_from,valid_until\n10.0.0.0/8,2026-03-03T12:00:00Z,2026-03-10\n"
    late = hunted(ward, tmp_path, dated)
    assert late.events == 24
    assert sum(one.count for one in late.sightings) == 12
    assert sum(one.count for one in hunt(ward.workspace, any_time=True).sightings) == 72


def test_a_hunt_of_kinds_that_no_column_holds_reads_nothing(ward: Ward, logs: Path, tmp_path: Path) -> None:
    (logs / "auth.log").write_bytes(syslog(range(10)))
    ward.collect(logs)
    import_(ward.workspace, [written(tmp_path / "feed", "10.0.0.1")])  # refused
    assert hunt(ward.workspace).events == 0


def test_sightings_are_bounded_and_the_rest_counted(
    ward: Ward, logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (logs / "auth.log").write_bytes(syslog(range(100)))
    ward.collect(logs)
    monkeypatch.setattr(indicator_hunt, "MAX_SIGHTINGS", 2)
    found = hunted(ward, tmp_path, "10.0.0.0/8")
    assert len(found.sightings) == 2
    assert found.more + sum(one.count for one in found.sightings) == 100


def test_sources_are_chosen(ward: Ward, logs: Path, tmp_path: Path) -> None:
    (logs / "auth.log").write_bytes(syslog(range(10)))
    ward.collect(logs)
    for name in ("a", "b"):
        import_(ward.workspace, [written(tmp_path / name, "10.0.0.0/8")], allow_broad=True)
    assert {one.indicator.source for one in hunt(ward.workspace).sightings} == {"a", "b"}
    assert {one.indicator.source for one in hunt(ward.workspace, sources=["b"]).sightings} == {"b"}


# --- pulling


def served(monkeypatch: pytest.MonkeyPatch, objects: list[dict[str, Any]], mark: str) -> list[str]:
    """What the server gives; returns what it was asked for."""
    asked: list[str] = []

    def answer(_: str, **options: Any) -> taxii.Pulled:
        asked.append(options["added_after"])
        return taxii.Pulled(tuple(objects), mark, ("C",), ())

    monkeypatch.setattr(taxii, "pull", answer)
    return asked


URL = "https://taxii.example/c/"


def test_a_second_pull_adds_to_the_first(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = served(monkeypatch, stix({}, {}), "2026-03-01T00:00:00.000001Z")
    first = pull(ward.workspace, URL)
    assert (first.source.name, first.source.rows) == ("taxii.example", 2)
    asked += served(monkeypatch, stix({}, {"revoked": True, "modified": "2026-03-02T00:00:00Z"}, {}), "m2")
    second = pull(ward.workspace, URL)
    assert (second.change.new, second.change.changed, second.change.same) == (1, 1, 1)
    quiet = served(monkeypatch, [], "")
    third = pull(ward.workspace, URL)
    assert (third.source.rows, third.change.same, third.problems, third.source.cursor) == (3, 3, (), "m2")
    assert quiet == ["m2"]
    fresh = served(monkeypatch, stix({}), "m3")
    assert pull(ward.workspace, URL, everything=True).change.gone == 2
    assert fresh == [""]


def test_another_address_starts_anew(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    served(monkeypatch, stix({}, {}), "m1")
    pull(ward.workspace, URL, "feed")
    asked = served(monkeypatch, stix({}), "m2")
    assert pull(ward.workspace, "https://other.example/", "feed").source.rows == 1
    assert asked == [""]


def test_a_damaged_source_starts_anew(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    served(monkeypatch, stix({}, {}), "m1")
    pull(ward.workspace, URL).source.path.write_bytes(b"damaged")
    with pytest.raises(InputError, match="damaged"):
        current(ward.workspace)
    asked = served(monkeypatch, stix({}), "m2")
    assert pull(ward.workspace, URL).source.rows == 1
    assert asked == [""]


def test_a_time_may_be_asked_for(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = served(monkeypatch, stix({}), "m1")
    pull(ward.workspace, URL, added_after="2026-03-02")
    assert asked == ["2026-03-02T00:00:00.000000Z"]


def test_an_empty_server_is_an_error(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    served(monkeypatch, [], "")
    with pytest.raises(Error, match="no indicator could be read"):
        pull(ward.workspace, URL)
