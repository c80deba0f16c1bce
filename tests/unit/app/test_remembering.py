"""Answers are kept in files, and a file that is not what it should be is no answer."""

from __future__ import annotations

import errno
from pathlib import Path

import pyarrow as pa
import pytest

from countersign.app.remembering import FOLDER, Remembered, forget
from countersign.errors import StoreError
from countersign.visits.asking import Kept

DAYS = {"2026-03-02": "a", "2026-03-03": "b", "undated": "c"}
DAY = 20_514
ROWS = pa.table({"date": pa.array([DAY], pa.int64()), "name": ["ann"]})
KEPT = Kept(ROWS, frozenset({("10.0.0.1", 22), ("10.0.0.2", 3389)}))


def test_an_answer_comes_back_with_its_keys(tmp_path: Path) -> None:
    Remembered(tmp_path, DAYS, {}).keep("flows", DAY, KEPT)
    found = Remembered(tmp_path, DAYS, {}).recall("flows", DAY)
    assert found is not None
    assert found.rows.equals(ROWS)
    assert found.keys == KEPT.keys


def test_days_without_a_date_are_none() -> None:
    assert Remembered(Path(), DAYS, {}).days == {DAY, DAY + 1}


@pytest.mark.parametrize(
    ("days", "salts"),
    [({**DAYS, "2026-03-02": "other"}, {}), (DAYS, {"2026-03-02": "other details"})],
    ids=["files", "details"],
)
def test_other_files_or_details_make_an_answer_void(
    tmp_path: Path, days: dict[str, str], salts: dict[str, str]
) -> None:
    Remembered(tmp_path, DAYS, {}).keep("flows", DAY, KEPT)
    assert Remembered(tmp_path, days, salts).recall("flows", DAY) is None


@pytest.mark.parametrize("damage", [b"", b"A", b"ARROW1\0\0", None], ids=["empty", "a byte", "torn", "cut"])
def test_a_damaged_file_is_no_answer(tmp_path: Path, damage: bytes | None) -> None:
    memory = Remembered(tmp_path, DAYS, {})
    memory.keep("flows", DAY, KEPT)
    (file,) = (tmp_path / FOLDER).rglob("*.arrow")
    file.write_bytes(file.read_bytes()[:-40] if damage is None else damage)
    assert memory.recall("flows", DAY) is None


def test_not_one_bit_of_an_answer_may_differ(tmp_path: Path) -> None:
    memory = Remembered(tmp_path, DAYS, {})
    memory.keep("flows", DAY, KEPT)
    (file,) = (tmp_path / FOLDER).rglob("*.arrow")
    good = file.read_bytes()
    for place in range(len(good)):
        file.write_bytes(bytes([*good[:place], good[place] ^ 1, *good[place + 1 :]]))
        assert memory.recall("flows", DAY) is None, place


def test_an_answer_that_is_written_anew_leaves_other_links_to_the_old_file_alone(tmp_path: Path) -> None:
    """A copy of the workspace has hard links, maybe also of what a killed run left half written."""
    memory, copy = Remembered(tmp_path, DAYS, {}), tmp_path / "copy"
    memory.keep("flows", DAY, KEPT)
    (file,) = (tmp_path / FOLDER).rglob("*.arrow")
    left = file.with_suffix(".new")
    left.write_bytes(b"half")
    copy.hardlink_to(left)
    memory.keep("flows", DAY, Kept(ROWS))
    assert copy.read_bytes() == b"half"
    assert not left.exists()


def test_a_full_disk_is_told_and_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Remembered(tmp_path, DAYS, {})
    memory.keep("flows", DAY, KEPT)

    def full(_from: Path, _to: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("countersign.app.remembering.os.replace", full)
    with pytest.raises(StoreError, match="No space left"):
        memory.keep("flows", DAY, Kept(ROWS))
    (file,) = (path for path in (tmp_path / FOLDER).rglob("*") if path.is_file())
    assert file.suffix == ".arrow"
    found = memory.recall("flows", DAY)
    assert found is not None
    assert found.keys == KEPT.keys


def test_nothing_is_remembered_after_forgetting(tmp_path: Path) -> None:
    memory = Remembered(tmp_path, DAYS, {})
    memory.keep("flows", DAY, KEPT)
    forget(tmp_path)
    assert memory.recall("flows", DAY) is None


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("no folder")
    with pytest.raises(StoreError):
        Remembered(tmp_path, DAYS, {}).keep("flows", DAY, KEPT)
