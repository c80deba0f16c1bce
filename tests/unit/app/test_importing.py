from __future__ import annotations

import hashlib
import subprocess
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from countersign.app import importing
from countersign.app.evidence import verify
from countersign.app.importing import LOCK, import_rules
from countersign.app.indicators import current, import_
from countersign.app.review import review
from countersign.app.rulelist import listed
from countersign.app.workspace import Workspace
from countersign.errors import RuleError, UsageError, WorkspaceError
from countersign.lake import WorkspaceLock
from countersign.ledger import ImportStatement, Log, parse_statement
from detecting import lay, rule, rule_id

NOW = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def ward(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "ward")


def packed(path: Path, files: Mapping[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def dated(number: int, word: str, day: int) -> str:
    return rule(number, word).replace("status: test", f"status: test\nmodified: 2026-01-{day:02d}")


def test_a_zip_becomes_a_folder_with_a_lock_that_sha256sum_checks(ward: Workspace, tmp_path: Path) -> None:
    release = packed(
        tmp_path / "sigma_core r2026-01-15.zip",
        {
            "rules/windows/one.yml": rule(1, "evil"),
            "rules/two.yml": rule(2, "odd"),
            "README.md": "hello",
            "ci.yml": "on: push",
        },
    )
    with pytest.raises(UsageError, match="--name"):
        import_rules(ward, [release])
    (result,) = import_rules(ward, [release], "sigma", NOW)
    assert (result.rules, result.files, result.first, result.passed_over) == (2, 2, True, 1)
    home = ward.root / "rules" / "sigma"
    assert (home / "rules" / "windows" / "one.yml").read_text() == rule(1, "evil")
    assert "# version: r2026-01-15" in (home / LOCK).read_text()
    subprocess.run(["sha256sum", "--check", "--strict", LOCK], cwd=home, check=True, capture_output=True)
    assert {row.source for row in listed(ward) if row.id.startswith("00000000")} == {"sigma"}


def test_rules_that_cannot_run_by_their_own_fault_are_broken(ward: Workspace, tmp_path: Path) -> None:
    nameless = rule(1, "evil").replace("condition: selection", "condition: selection and not filter")
    undetecting = rule(2, "odd").partition("detection:")[0]
    wanting = rule(3, "x").replace("CommandLine|contains: 'x'", "CommandLine|expand: '%Nowhere%'")
    marked = nameless.replace(rule_id(1), rule_id(4)).replace("status: test", "status: deprecated")
    path = packed(
        tmp_path / "pack.zip", {"a.yml": nameless, "b.yml": undetecting, "c.yml": wanting, "d.yml": marked}
    )
    for _ in range(2):  # the second time from the cache
        (result,) = import_rules(ward, [path])
        told = [(Path(one.path).name, one.line, one.reason) for one in result.broken]
        assert [one[:2] for one in told] == [("b.yml", 1), ("a.yml", 1)]
        assert told[1][2] == "the condition names 'filter', which is not defined"
        assert result.passed_over == 0
    assert any("which is not defined" in note for note in review(ward, now=NOW).notes)
    broken = [row for row in listed(ward) if row.state == "broken"]
    assert [Path(row.path).name for row in broken] == ["a.yml", "b.yml"], "each once"


def test_the_next_import_tells_what_changed(ward: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    folder.mkdir()
    (folder / "one.yml").write_text(dated(1, "evil", 1))
    (folder / "two.yml").write_text(dated(2, "odd", 1))
    (folder / "same.yml").write_text(dated(4, "same", 1))
    import_rules(ward, [folder])
    (folder / "one.yml").write_text(dated(1, "eviler", 2))
    (folder / "two.yml").unlink()
    (folder / "three.yml").write_text(dated(3, "new", 2))
    (folder / "broken.yml").write_text("title: x\ndetection: [\n")
    (result,) = import_rules(ward, [folder])
    assert not result.first
    assert [one.id for one in result.new] == [rule_id(3)]
    assert [(one.rule.id, one.old_version, one.rule.version) for one in result.changed] == [
        (rule_id(1), "2026-01-01", "2026-01-02")
    ]
    assert [one.id for one in result.gone] == [rule_id(2)]
    assert [Path(one.path).name for one in result.broken] == ["broken.yml"]
    assert not (ward.root / "rules" / "pack" / "two.yml").exists()
    assert not list((ward.root / "rules").glob(".*"))


def test_own_rules_and_exceptions_are_never_touched(ward: Workspace, tmp_path: Path) -> None:
    mine = lay(ward, "mine/own.yml", rule(7, "mine"))
    exception = lay(ward, "one.yaml", "except: {}", "exceptions")
    pack = packed(tmp_path / "mine.zip", {"one.yml": rule(1, "evil")})
    with pytest.raises(UsageError, match="no import"):
        import_rules(ward, [pack])
    import_rules(ward, [pack], "theirs")
    assert mine.read_text() == rule(7, "mine")
    assert exception.read_text() == "except: {}"


@pytest.mark.parametrize("name", ["", "..", ".x", "a/b", "countersign", "Workspace", "x" * 65, "a b"])
def test_odd_names_are_refused(ward: Workspace, tmp_path: Path, name: str) -> None:
    pack = packed(tmp_path / "a.zip", {"one.yml": rule(1, "evil")})
    with pytest.raises(UsageError):
        import_rules(ward, [pack], name or "-")


def test_a_zip_cannot_write_elsewhere(ward: Workspace, tmp_path: Path) -> None:
    pack = packed(
        tmp_path / "bad.zip",
        {
            "../../escaped.yml": rule(1, "evil"),
            "/etc/absolute.yml": rule(2, "evil"),
            "a\\..\\..\\b.yml": rule(3, "evil"),
            "fine.yml": rule(4, "evil"),
        },
    )
    (result,) = import_rules(ward, [pack])
    home = ward.root / "rules" / "bad"
    assert {path.relative_to(home).as_posix() for path in home.rglob("*.yml")} <= {
        "fine.yml",
        "etc/absolute.yml",
    }
    assert len(result.broken) >= 2
    assert not (tmp_path / "escaped.yml").exists()


def test_what_holds_no_rule_or_is_not_there_leaves_all_as_it_was(ward: Workspace, tmp_path: Path) -> None:
    pack = packed(tmp_path / "pack.zip", {"one.yml": rule(1, "evil")})
    import_rules(ward, [pack])
    packed(tmp_path / "pack.zip", {"readme.yml": "hello: world"})
    with pytest.raises(UsageError, match="no Sigma rule"):
        import_rules(ward, [pack])
    with pytest.raises(RuleError):
        import_rules(ward, [tmp_path / "nowhere"])
    assert (ward.root / "rules" / "pack" / "one.yml").exists()


def test_a_file_that_differs_from_its_lock_is_said(ward: Workspace, tmp_path: Path) -> None:
    pack = packed(
        tmp_path / "pack.zip", {"one.yml": rule(1, "evil"), "two.yml": rule(2, "odd"), "3.yml": rule(3, "x")}
    )
    import_rules(ward, [pack])
    home = ward.root / "rules" / "pack"
    assert not [note for note in review(ward).notes if "lock" in note]
    (home / "one.yml").write_text(rule(1, "tampered"))
    (home / "two.yml").unlink()
    (home / "four.yml").write_text(rule(4, "added"))
    (note,) = [note for note in review(ward).notes if "lock" in note]
    assert "and 2 more" in note
    reasons = {Path(row.path).name: row.reason for row in listed(ward) if row.state == "broken"}
    assert reasons == {
        "one.yml": "is not what was imported",
        "two.yml": "is in the lock of its import, but not here",
        "four.yml": "is not in the lock of its import",
    }


def test_dying_at_any_rename_leaves_the_old_or_the_new_rules(
    ward: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = packed(tmp_path / "pack.zip", {"one.yml": rule(1, "evil")})
    import_rules(ward, [pack])
    packed(tmp_path / "pack.zip", {"two.yml": rule(2, "odd")})
    original = Path.rename
    for death in (1, 2):
        left = [death]

        def dying(self: Path, target: Path, left: list[int] = left) -> Path:
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
            return original(self, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", dying)
            with pytest.raises(KeyboardInterrupt):
                import_rules(ward, [pack])
        assert [row.id for row in listed(ward) if row.id.startswith("00000000")] == [rule_id(1)]
    import_rules(ward, [pack])
    assert [row.id for row in listed(ward) if row.id.startswith("00000000")] == [rule_id(2)]
    assert [path.name for path in (ward.root / "rules").iterdir()] == ["pack"]


def test_the_document_says_it_all(ward: Workspace, tmp_path: Path) -> None:
    pack = packed(tmp_path / "pack.zip", {"one.yml": rule(1, "evil")})
    (result,) = importing.import_rules(ward, [pack])
    body = result.document()
    assert (body["source"], body["rules"], body["first"]) == ("pack", 1, True)
    assert [one["id"] for one in body["new"]] == [rule_id(1)]


def test_an_import_is_sealed_and_the_ledger_verifies(ward: Workspace, tmp_path: Path) -> None:
    (tmp_path / "one.yml").write_text(rule(1, "evil"), "utf-8")
    (tmp_path / "feed").write_text("evil.example\n", "utf-8")
    import_rules(ward, [tmp_path / "one.yml"], "pack")
    (feed,) = import_(ward, [tmp_path / "feed"])
    sealed = [parse_statement(leaf) for leaf in Log(ward.ledger).leaves()]
    imports = [one for one in sealed if isinstance(one, ImportStatement)]
    lock = hashlib.sha256((ward.root / "rules" / "pack" / "rules.lock").read_bytes()).hexdigest()
    assert [(one.what, one.name, one.digest, one.count) for one in imports] == [
        ("rules", "pack", lock, 1),
        ("indicators", "feed", feed.source.digest, 1),
    ]
    outcome = verify(ward)
    assert (outcome.sound, outcome.report.imports, outcome.report.could_not_tell) == (True, 2, 0)
    assert "2 of them imports" in outcome.words


def test_indicators_wait_for_the_workspace_and_are_left_as_they_were_if_it_stays_busy(
    ward: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("countersign.app.sealing.PATIENCE", 0.0)
    (tmp_path / "feed").write_text("evil.example\n", "utf-8")
    with WorkspaceLock(ward.root), pytest.raises(WorkspaceError, match="in use"):
        import_(ward, [tmp_path / "feed"])
    assert current(ward) is None
