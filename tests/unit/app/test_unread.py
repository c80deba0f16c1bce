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


def test_an_export_that_ends_at_its_limit_is_reported_until_another_takes_its_place(tmp_path: Path) -> None:
    ward = Workspace.create(tmp_path / "ward")
    path = tmp_path / "audit.csv"
    header = "RecordId,CreationDate,RecordType,Operation,UserId,AuditData\n"
    rows = [f"id-{row},2026-11-20T10:00:00Z,6,FileDeleted,a@b.example,{{}}\n" for row in range(50_000)]
    path.write_text(header + "".join(rows), "utf-8")
    (report,) = collect(ward, [path], workers=1).files
    assert (report.status, report.reason[:24]) == ("truncated", "has exactly 50,000 rows,")
    collect(ward, [path], workers=1)
    assert unread.recall(ward)[str(path)].startswith("truncated: ")
    path.write_text(header + "".join(rows[1:]), "utf-8")
    collect(ward, [path], workers=1)
    assert unread.recall(ward) == {}
