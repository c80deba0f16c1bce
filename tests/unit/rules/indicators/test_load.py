from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.errors import InputError
from countersign.rules.indicators import Problem, files, load, load_indicators
from countersign.rules.indicators.documents import read_document


def pattern(value: str, number: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "type": "indicator",
        "id": f"indicator--{number:08d}",
        "pattern": f"[domain-name:value = '{value}']",
        "modified": "2026-03-01T00:00:00Z",
    } | changes


BUNDLE = {"type": "bundle", "objects": [pattern("one.example", 1)]}
EVENT = {
    "Event": {
        "info": "Campaign",
        "Attribute": [{"type": "domain", "value": "two.example", "to_ids": True, "uuid": "u2"}],
    }
}


def keys(path: Path, **options: Any) -> tuple[set[str], list[str]]:
    loaded = load_indicators([path], "test", **options)
    return set(loaded.table.column("key").to_pylist()), [problem.reason for problem in loaded.problems]


def test_content_tells_what_it_is_and_names_do_not(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(json.dumps(BUNDLE), "utf-8")
    (tmp_path / "b.csv").write_text("\ufeff " + json.dumps(EVENT), "utf-8")
    (tmp_path / "c.json").write_text("domain\nthree.example\n", "utf-8")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "d").write_text("four.example", "utf-8")
    (tmp_path / "LICENSE").write_text("words that are no indicator", "utf-8")
    (tmp_path / ".hidden").write_text("words that are no indicator", "utf-8")
    (tmp_path / "empty").touch()
    found, reasons = keys(tmp_path)
    assert found == {"indicator--00000001", "u2", "domain:three.example", "domain:four.example"}
    assert not reasons


@pytest.mark.parametrize(
    "document",
    [
        [pattern("one.example", 1)],
        {"objects": [pattern("one.example", 1)], "more": False},
        {"response": [EVENT]},
        [EVENT, EVENT],
        {"response": {"Attribute": EVENT["Event"]["Attribute"]}},
    ],
)
def test_forms_of_json(document: Any) -> None:
    found = list(read_document(json.dumps(document).encode(), "x"))
    assert found
    assert not [one for one in found if isinstance(one, Problem)]


def test_a_feed_s_folder(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"uuid-1": {"info": "x"}, "uuid-2": {}}), "utf-8")
    (tmp_path / "uuid-1.json").write_text(json.dumps(EVENT), "utf-8")
    found, reasons = keys(tmp_path)
    assert found == {"u2"}
    assert reasons == ["the manifest names this event, and it is not there"]


def test_zips_are_read_in_place(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("feed/manifest.json", "{}")
        archive.writestr("feed/a.json", json.dumps(EVENT))
        archive.writestr("list.txt", "three.example\n")
        archive.writestr("README.md", "words that are no indicator")
        archive.writestr("bomb.txt", "a.example\n" * 1_000_000)
    found, reasons = keys(path)
    assert found == {"u2", "domain:three.example"}
    assert len(reasons) == 1
    assert "times as large" in reasons[0]


def test_damaged_zips_are_told(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("list.txt", "three.example\n" * 1000)
    raw = bytearray(buffer.getvalue())
    raw[40:60] = b"\xff" * 20
    (tmp_path / "x.zip").write_bytes(raw)
    found, reasons = keys(tmp_path)
    assert not found
    assert len(reasons) == 1
    assert "cannot be" in reasons[0]


def test_zips_with_a_password_are_told(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("list.txt", "three.example\n")
    raw = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(mark) + place] |= 1
    path.write_bytes(raw)
    assert "password" in keys(path)[1][0]


def test_a_later_version_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    for name, value, day, revoked in (
        ("a", "old.example", "02", False),
        ("b", "new.example", "03", True),
        ("c", "older.example", "01", False),
    ):
        item = pattern(value, 1, modified=f"2026-03-{day}T00:00:00Z", revoked=revoked)
        (tmp_path / name).write_text(json.dumps({"objects": [item]}), "utf-8")
    loaded = load_indicators([tmp_path], "test")
    assert loaded.table.column("pattern").to_pylist() == ["[domain-name:value = 'new.example']"]
    assert loaded.table.column("revoked").to_pylist() == [True]
    assert loaded.repeated == 2


def test_order_of_paths_and_files_makes_no_difference(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one.example\ntwo.example\nbroken line", "utf-8")
    (tmp_path / "b").write_text("two.example # again\nthree.example", "utf-8")
    paths = [tmp_path / "a", tmp_path / "b"]
    first, second = load_indicators(paths, "x"), load_indicators(paths[::-1], "x")
    assert first.table.equals(second.table)
    assert first.problems == second.problems


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.json").write_text(json.dumps(BUNDLE), "utf-8")
    (tmp_path / "b.txt").write_text("three.example\n", "utf-8")
    monkeypatch.setattr(files, "MAX_JSON_BYTES", 10)
    monkeypatch.setattr(files, "MAX_LIST_BYTES", 5)
    found, reasons = keys(tmp_path)
    assert not found
    assert ["split it" in reason for reason in reasons] == [True, True]
    monkeypatch.setattr(files, "MAX_FILES", 1)
    assert "files" in keys(tmp_path)[1][1]


def test_too_many_indicators_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("one.example\ntwo.example\nthree.example", "utf-8")
    monkeypatch.setattr(load, "MAX_INDICATORS", 2)
    with pytest.raises(InputError, match="more than 2 indicators"):
        load_indicators([tmp_path], "x")


def test_problems_are_kept_up_to_a_number_and_counted_beyond(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("no\n" * 7 + "one.example", "utf-8")
    monkeypatch.setattr(load, "MAX_PROBLEMS", 3)
    loaded = load_indicators([tmp_path], "x")
    assert (len(loaded.problems), loaded.unread) == (3, 4)


@pytest.mark.parametrize(
    "raw",
    [b"{", b"[{]", b"{}", b"[]", b"[{}]", b'{"objects": 5}', b'{"type":"bundle"}', b'{"Event": 5}', b'{"response": {}}',
     b"[" * 100_000, b'{"a":' * 100_000, b'{"objects":' + b"[" * 5000 + b"]" * 5000 + b"}", b"\x00\x01\x02", b"\xff\xfe\x00",
     b"{\xff}", b'{"objects": [1e999]}', b"\x1f\x8b\x08"],
)  # fmt: skip
def test_what_is_nothing_is_a_problem_and_no_more(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "x").write_bytes(raw)
    loaded = load_indicators([tmp_path], "x")
    assert not loaded.table.num_rows
    assert loaded.problems


@given(
    st.binary(max_size=200)
    | st.sampled_from([b"{", b"[{"]).flatmap(lambda head: st.binary(max_size=60).map(head.__add__))
)
def test_any_bytes_give_rows_or_problems(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.mktemp("x") / "x"
    path.write_bytes(raw)
    loaded = load_indicators([path], "x")
    assert loaded.table.num_rows >= 0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["type", "id", "pattern", "Event", "Attribute", "objects", "value", "to_ids", "Tag", "name", "Object"])
        | st.text(max_size=4),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(json_values)
def test_any_json_gives_rows_or_problems(value: Any) -> None:
    raw = json.dumps(value).encode()
    for document in (raw, b'{"objects":[' + raw + b"]}", b'{"Event":{"Attribute":[' + raw + b"]}}"):
        assert list(read_document(document, "x"))


def test_a_missing_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_indicators([tmp_path / "x"], "x")


def test_progress_ends_at_the_size_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one.example\n" * 40_000, "utf-8")
    (tmp_path / "b").write_text("two.example", "utf-8")
    told: list[tuple[int, int | None]] = []
    load_indicators([tmp_path], "x", progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (480_011, 480_011)
    assert sorted(told) == told


def test_real_hashes(shared_data: Path) -> None:
    loaded = load_indicators([shared_data / "indicators" / "apt10-hashes.txt"], "apt10")
    assert loaded.table.num_rows == 555
    assert not loaded.problems
    assert set(loaded.table.column("title").to_pylist()) != {""}
