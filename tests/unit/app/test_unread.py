from __future__ import annotations

from pathlib import Path

from countersign.app import unread
from countersign.app.collect import collect
from countersign.app.workspace import Workspace

LINE = "2026-03-02T09:00:00+00:00 lnx01 sshd[1]: Accepted password for jdoe from 203.0.113.9 port 4001 ssh2\n"


def test_a_file_that_gave_nothing_is_remembered_until_it_can_be_read(tmp_path: Path) -> None:
    ward = Workspace.create(tmp_path / "ward")
    path = tmp_path / "odd.log"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    collect(ward, [path], workers=1)
    (reason,) = unread.recall(ward).values()
    assert reason.startswith("unrecognised: ")
    path.write_text(LINE, "utf-8")
    collect(ward, [path], workers=1)
    assert unread.recall(ward) == {}


def test_a_damaged_note_is_no_note(tmp_path: Path) -> None:
    ward = Workspace.create(tmp_path / "ward")
    (ward.root / "state" / unread.STATE).write_bytes(b"{")
    assert unread.recall(ward) == {}
