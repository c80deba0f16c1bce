"""Workspaces: made whole, found upward, refused when newer, migrated when older."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from countersign.app import workspace
from countersign.app.workspace import CONFIG, FORMAT, Settings, Workspace, migrate
from countersign.errors import InputError, UsageError, WorkspaceError
from countersign.lake import WorkspaceLock
from countersign.ledger import Log


@pytest.fixture
def made(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "ward")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Path]:
    before = Path.cwd()
    os.chdir(tmp_path)
    yield tmp_path
    os.chdir(before)


def test_a_new_workspace_is_empty_private_and_commented(made: Workspace) -> None:
    key = Log(made.ledger).verifier.to_text()
    assert made.settings == Settings(zone="UTC", origin="", workers=2, ledger_key=key)
    assert stat.S_IMODE(made.root.stat().st_mode) == 0o700
    assert Log(made.ledger).size == 0
    assert sorted(path.name for path in made.root.iterdir()) == [
        "agreements", "archive", "countersign.toml", "lake", "ledger", "state",
    ]  # fmt: skip
    text = (made.root / CONFIG).read_text()
    assert f"format = {FORMAT}\n" in text
    assert "# IANA time zone" in text
    assert (made.agreements / "example.yaml").read_text().startswith("#")
    assert made.pending.is_dir()
    assert made.spool.is_dir()


def test_a_workspace_is_not_made_twice(made: Workspace) -> None:
    with pytest.raises(UsageError, match="is a workspace already"):
        Workspace.create(made.root)


def test_an_interrupted_init_can_be_repeated(made: Workspace) -> None:
    head = Log(made.ledger).head()
    (made.root / CONFIG).unlink()
    assert Workspace.create(made.root).root == made.root
    assert Log(made.ledger).head() == head


def test_a_file_cannot_be_a_workspace(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UsageError, match="no workspace can be made here"):
            Workspace.create(path)


def test_found_here_or_in_the_nearest_folder_above(made: Workspace, here: Path) -> None:
    deep = made.root / "some" / "where"
    deep.mkdir(parents=True)
    os.chdir(deep)
    assert Workspace.find().root == made.root
    assert Workspace.find(made.root).root == made.root
    os.chdir(here)
    with pytest.raises(WorkspaceError, match="countersign init"):
        Workspace.find()
    with pytest.raises(WorkspaceError, match="is no workspace"):
        Workspace.find(deep)


def test_a_newer_format_is_refused_and_left_alone(made: Workspace) -> None:
    text = (made.root / CONFIG).read_text().replace(f"format = {FORMAT}", f"format = {FORMAT + 1}")
    (made.root / CONFIG).write_text(text)
    with pytest.raises(WorkspaceError, match=f"has format {FORMAT + 1}; this version .* up to {FORMAT}"):
        Workspace.open(made.root)
    assert (made.root / CONFIG).read_text() == text


def test_an_older_format_is_migrated_step_by_step(made: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (made.root / CONFIG).read_text()
    (made.root / CONFIG).write_text(text.replace(f"format = {FORMAT}", "format = 0") + "# my own remark\n")
    (made.root / "state" / "old-name").write_text("kept")

    def rename(root: Path) -> None:
        if (root / "state" / "old-name").exists():
            (root / "state" / "old-name").rename(root / "state" / "new-name")

    with pytest.raises(WorkspaceError, match="has format 0, which this version"):
        Workspace.open(made.root)
    monkeypatch.setattr(workspace, "MIGRATIONS", {0: rename})
    assert Workspace.open(made.root).settings.workers == 2
    assert (made.root / "state" / "new-name").read_text() == "kept"
    assert (made.root / CONFIG).read_text() == text + "# my own remark\n"
    monkeypatch.setattr(workspace, "MIGRATIONS", {})
    Workspace.open(made.root)


def aged(ward: Workspace) -> str:
    """Says that `ward` has format 0; its settings then."""
    text = (ward.root / CONFIG).read_text().replace(f"format = {FORMAT}", "format = 0")
    (ward.root / CONFIG).write_text(text)
    return text


def test_a_migration_that_fails_is_tried_again(made: Workspace) -> None:
    def fail(root: Path) -> None:
        raise OSError(root)

    before = aged(made)
    with pytest.raises(OSError, match="ward"):
        migrate(made.root, {0: fail})
    assert (made.root / CONFIG).read_text() == before
    done: list[Path] = []
    migrate(made.root, {0: done.append})
    assert done == [made.root]


def test_nobody_migrates_what_another_process_writes(
    made: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = aged(made)
    done: list[Path] = []
    monkeypatch.setattr(workspace, "MIGRATIONS", {0: done.append})
    with WorkspaceLock(made.root), pytest.raises(WorkspaceError, match="is in use by process"):
        Workspace.open(made.root)
    assert (made.root / CONFIG).read_text() == before
    assert done == []
    Workspace.open(made.root)
    assert done == [made.root]


def test_each_step_is_done_by_one_command_only(made: Workspace) -> None:
    done: list[Path] = []

    def step(root: Path) -> None:
        with pytest.raises(WorkspaceError, match="is in use by process"):
            WorkspaceLock(root)
        done.append(root)

    aged(made)
    migrate(made.root, {0: step})
    migrate(made.root, {0: step})  # a command that saw the old format and came second
    assert done == [made.root]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("format = 1\nzone = \n", 2, "Invalid value"),
        ("", None, "says no `format`"),
        ('format = "1"\n', None, "says no `format`"),
        ("format = 1\n\n[colect]\n", 3, "no setting `colect`"),
        ("format = 1\n[collect]\nzones = 1\n", 3, "no setting `zones` in"),
        ('format = 1\n[collect]\nzone = "Mars/Olympus"\n', 3, "IANA time zone"),
        ('format = 1\n[collect]\nzone = "/etc/passwd"\n', 3, "IANA time zone"),
        ("format = 1\n[collect]\nworkers = 0\n", 3, "number from 1"),
        ("format = 1\n[collect]\norigin = 1\n", 3, "text in quotes"),
        ("format = 1\ncollect = 1\n", 2, "should be a section"),
        ("format = 1\n\xff", None, "is not UTF-8"),
    ],
)
def test_settings_that_make_no_sense_name_their_line(
    made: Workspace, text: str, line: int | None, message: str
) -> None:
    (made.root / CONFIG).write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError) as caught:
        Workspace.open(made.root)
    assert caught.value.line == line
    assert caught.value.path == str(made.root / CONFIG)
    assert message in caught.value.message
    assert caught.value.remedy


def test_settings_are_taken(made: Workspace) -> None:
    (made.root / CONFIG).write_text(
        'format = 1\n[collect]\nzone = "Europe/Vienna"\norigin = "north"\nworkers = 4\n'
    )
    assert Workspace.open(made.root).settings == Settings("Europe/Vienna", "north", 4)
