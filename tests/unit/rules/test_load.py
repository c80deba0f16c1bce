from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from countersign.errors import RuleError
from countersign.rules import load, load_rules

RULE = """title: {title}
id: {id}
level: high
tags: [attack.execution, attack.t1021.002]
logsource: {{product: windows}}
detection:
  selection: {{A: 1}}
  condition: selection
"""
ONE = RULE.format(title="one", id="0f7e5d1c-4a0c-4c67-9a39-3d2d1d6f0a01")
TWO = RULE.format(title="two", id="0f7e5d1c-4a0c-4c67-9a39-3d2d1d6f0a02")


def test_folders_and_zips_give_the_same_rules(tmp_path: Path) -> None:
    folder = tmp_path / "rules" / "deep"
    folder.mkdir(parents=True)
    (folder / "one.yml").write_text(ONE, "utf-8")
    with zipfile.ZipFile(tmp_path / "rules.zip", "w") as archive:
        archive.writestr("../../evil/one.yml", ONE)
        archive.writestr("readme.md", "no rule")
    plain, zipped = load_rules([tmp_path / "rules"]), load_rules([tmp_path / "rules.zip"])
    assert [rule.title for rule in zipped.rules] == [rule.title for rule in plain.rules] == ["one"]
    assert zipped.rules[0].path.endswith("rules.zip!../../evil/one.yml")
    assert not list(tmp_path.glob("**/evil"))
    assert plain.rules[0].sha256 == hashlib.sha256(ONE.encode()).hexdigest()
    assert plain.rules[0].techniques == ("T1021.002",)


def test_a_broken_rule_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("title: [unclosed\n", "utf-8")
    (tmp_path / "b.yml").write_bytes(b"title: \xff\n")
    (tmp_path / "c.yml").write_text(ONE, "utf-8")
    (tmp_path / "d.yml").write_text("just text\n", "utf-8")
    (tmp_path / "e.yml").write_text(TWO.replace("condition: selection", "condition: [1"), "utf-8")
    (tmp_path / "f.yml").write_text("title: f\ntitle: g\n", "utf-8")
    (tmp_path / "g.zip").write_bytes(b"PK\x03\x04 no zip")
    found = load_rules([tmp_path])
    assert [rule.title for rule in found.rules] == ["one"]
    places = [(Path(problem.path).name, problem.line) for problem in found.problems]
    assert places == [("a.yml", 2), ("b.yml", 1), ("d.yml", 1), ("e.yml", 9), ("f.yml", 1), ("g.zip", None)]
    assert all("\n" not in problem.reason for problem in found.problems)


def test_of_one_id_the_first_path_is_kept(tmp_path: Path) -> None:
    (tmp_path / "b.yml").write_text(ONE.replace("title: one", "title: later"), "utf-8")
    (tmp_path / "a.yml").write_text(ONE, "utf-8")
    found = load_rules([tmp_path / "b.yml", tmp_path / "a.yml"])
    assert [rule.title for rule in found.rules] == ["one"]
    assert "same id" in found.problems[0].reason
    assert found.problems[0].path.endswith("b.yml")


def test_doubles_that_never_run_are_not_told(tmp_path: Path) -> None:
    refused = ONE.replace("level: high", "level: high\nstatus: unsupported")
    (tmp_path / "a.yml").write_text(refused, "utf-8")
    (tmp_path / "b.yml").write_text(refused, "utf-8")
    found = load_rules([tmp_path])
    assert (len(found.rules), found.problems) == (1, ())
    (tmp_path / "c.yml").write_text(ONE, "utf-8")
    assert [Path(one.path).name for one in load_rules([tmp_path]).problems] == ["c.yml"]


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "MAX_FILE_BYTES", len(ONE))
    monkeypatch.setattr(load, "MAX_FILES", 1)
    (tmp_path / "a.yml").write_text(ONE, "utf-8")
    (tmp_path / "b.yml").write_text(TWO, "utf-8")
    (tmp_path / "c.yml").write_text(ONE + "# longer", "utf-8")
    found = load_rules([tmp_path])
    assert [rule.title for rule in found.rules] == ["one"]
    assert [problem.path[-5:] for problem in found.problems] == ["b.yml", "c.yml"]


def test_a_zip_that_lies_about_sizes_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "MAX_FILE_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.yml", "a" * 5_000_000)
    data = (
        (tmp_path / "bomb.zip")
        .read_bytes()
        .replace((5_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    )
    (tmp_path / "bomb.zip").write_bytes(data)
    found = load_rules([tmp_path / "bomb.zip"])
    assert found.rules == ()
    assert len(found.problems) == 1


@pytest.mark.parametrize(
    "packed", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_a_damaged_file_in_a_zip_takes_no_other_with_it(tmp_path: Path, packed: int) -> None:
    path = tmp_path / "rules.zip"
    with zipfile.ZipFile(path, "w", packed) as archive:
        archive.writestr("a.yml", "# " + ONE)
        archive.writestr("b.yml", TWO)
        first = archive.getinfo("a.yml")
    data = bytearray(path.read_bytes())
    start = first.header_offset + 30 + len("a.yml")
    data[start : start + 16] = bytes(byte ^ 0xFF for byte in data[start : start + 16])
    path.write_bytes(data)
    found = load_rules([path])
    assert [rule.title for rule in found.rules] == ["two"]
    assert [problem.path for problem in found.problems] == [f"{path}!a.yml"]
    assert found.problems[0].reason.startswith("cannot be read from the zip")


def test_a_missing_path_is_the_users_error(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="no such file"):
        load_rules([tmp_path / "nothing"])
