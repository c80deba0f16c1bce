from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest

from countersign.errors import InputError
from countersign.rules.indicators import INDICATORS_SCHEMA, Draft, Problem, store
from indicator_cases import one, table_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def kept(
    folder: Path, names: list[str], source: str = "CERT feed", **changes: Any
) -> tuple[store.Source, store.Change]:
    drafts = [Draft(f"k{name}", one("domain", f"{name}.example"), **changes) for name in names]
    return store.write(folder, source, table_of(drafts, source), imported=NOW, origin="x.txt")


def test_a_source_comes_back_as_it_was(tmp_path: Path) -> None:
    problems = (Problem("x", 3, "subject", "reason"), Problem("y", None, "", "other"))
    table = table_of([Draft("k", one("domain", "evil.example"), confidence=7, valid_from=NOW, labels="ä")])
    written, _ = store.write(
        tmp_path, "CERT feed", table, imported=NOW, origin="x.txt", problems=problems, unread=2, cursor="c"
    )
    (found,) = store.sources(tmp_path)
    assert found == written
    source, rows = store.read(found.path)
    assert source == written
    assert rows.equals(table)
    assert (source.problems, source.unread, source.rows, source.cursor) == (problems, 2, 1, "c")
    assert store.all_rows(tmp_path).keys() == {"CERT feed"}


def test_what_changed_is_told(tmp_path: Path) -> None:
    assert kept(tmp_path, ["a", "b"])[1] == store.Change(new=2, changed=0, gone=0, same=0)
    assert kept(tmp_path, ["a", "b"])[1] == store.Change(new=0, changed=0, gone=0, same=2)
    assert kept(tmp_path, ["b", "c"])[1] == store.Change(new=1, changed=0, gone=1, same=1)
    assert kept(tmp_path, ["b", "c"], revoked=True)[1] == store.Change(new=0, changed=2, gone=0, same=0)
    assert kept(tmp_path, ["b", "c"], revoked=True, title="t")[1] == store.Change(
        new=0, changed=2, gone=0, same=0
    )
    assert len(store.sources(tmp_path)) == 1


def test_the_digest_is_that_of_the_rows(tmp_path: Path) -> None:
    first, again = kept(tmp_path / "a", ["a", "b"])[0], kept(tmp_path / "b", ["b", "a"])[0]
    assert first.digest == again.digest
    assert kept(tmp_path / "c", ["a", "b"], title="x")[0].digest != first.digest
    sliced = pa.concat_tables(
        [table_of([Draft("ka", one("domain", "a.example"))]), INDICATORS_SCHEMA.empty_table()]
    )
    assert store.digest_of(sliced) == store.digest_of(sliced.combine_chunks())


def test_names_are_files_of_their_own(tmp_path: Path) -> None:
    paths = {store.path_of(tmp_path, name) for name in ("a b", "a-b", "A b", "ü", "ö", "../x", "x" * 100)}
    assert len(paths) == 7
    assert {path.parent for path in paths} == {tmp_path}


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 101, "a\x1b[31m"])
def test_odd_names_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="no name"):
        store.source_name(name)


def test_a_killed_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(tmp_path, ["a"])

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", dies)
    with pytest.raises(KeyboardInterrupt):
        kept(tmp_path, ["b"])
    (source,) = store.sources(tmp_path)
    assert store.read(source.path)[1].column("key").to_pylist() == ["ka"]
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("raw", [b"", b"ARROW1\0\0", b"\0" * 500])
def test_a_damaged_file_is_one_error(tmp_path: Path, raw: bytes) -> None:
    source, _ = kept(tmp_path, ["a"])
    source.path.write_bytes(raw)
    for read in (lambda: store.sources(tmp_path), lambda: store.read(source.path)):
        with pytest.raises(InputError, match="damaged"):
            read()
    assert kept(tmp_path, ["a"])[1].new == 1  # the remedy
    assert len(store.sources(tmp_path)) == 1


def rewritten(path: Path, table: pa.Table, about: dict[str, Any]) -> None:
    schema = table.schema.with_metadata({b"countersign.indicators": orjson.dumps(about)})
    with pa.ipc.new_file(str(path), schema) as writer:
        writer.write_table(table.cast(schema))


def test_changed_rows_are_noticed(tmp_path: Path) -> None:
    source, _ = kept(tmp_path, ["a"])
    table = pa.ipc.open_file(str(source.path)).read_all()
    about = orjson.loads(table.schema.metadata[b"countersign.indicators"])
    other = table_of([Draft("ka", one("domain", "b.example"))], "CERT feed")
    rewritten(source.path, other, about)
    with pytest.raises(InputError, match="not what was imported"):
        store.read(source.path)
    for odd in ({}, about | {"format": 99}, about | {"imported": 5}, about | {"problems": [1]}, []):
        rewritten(source.path, other, odd)  # type: ignore[arg-type]  # odd on purpose
        with pytest.raises(InputError):
            store.sources(tmp_path)


def test_no_folder_is_no_source(tmp_path: Path) -> None:
    assert store.sources(tmp_path / "x") == []
