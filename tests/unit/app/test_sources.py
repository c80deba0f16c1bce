from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
import source_coverage
from click.testing import CliRunner

from countersign.app.sources import explain, listed, statuses
from countersign.cli.commands import program
from countersign.errors import UsageError
from countersign.sources import sources

CLOUDTRAIL = {
    "eventVersion": "1.08",
    "eventSource": "signin.amazonaws.com",
    "eventName": "ConsoleLogin",
    "awsRegion": "eu-central-1",
    "eventTime": "2026-11-20T10:00:00Z",
    "eventID": "00000000-0000-4000-8000-000000000001",
    "sourceIPAddress": "203.0.113.7",
    "userAgent": "curl/8.0",
    "recipientAccountId": "111122223333",
    "userIdentity": {"type": "IAMUser", "userName": "jane", "arn": "arn:aws:iam::111122223333:user/jane"},
    "ourOwnNote": "nobody maps this",
}


def test_the_shipped_status_is_that_of_the_golden_files() -> None:
    assert statuses() == json.loads(source_coverage.status()), "run `make docs`"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "trail.json"
    path.write_text(json.dumps(CLOUDTRAIL) + "\n" + '{"Records":[]}\n{"half": \n')
    return path


def test_each_family_has_a_status_that_its_golden_files_gave() -> None:
    rows = listed(None)
    assert [row.source for row in rows] == list(sources())
    known = statuses()
    assert known["windows.evtx"]["seen"]
    told = [row for row in rows if row.source.name in known]
    assert len(told) > 40
    assert all(row.status in {"seen", "documented", "believed"} for row in told)
    assert rows[0].records is None


def test_a_record_is_explained_field_by_field(log: Path) -> None:
    (found,) = explain(None, str(log))
    assert found.family is not None
    assert found.family.name == "aws.cloudtrail"
    (record,) = found.shown
    by_field = {one.field: one for one in record.fields}
    assert "src_endpoint.ip" in by_field["sourceIPAddress"].columns
    assert "time" in by_field["eventTime"].columns
    assert not by_field["ourOwnNote"].columns
    assert record.document()["unmapped"]["ourOwnNote"] == "nobody maps this"
    assert record.derived["metadata.product"]


def test_a_rejected_record_says_why(log: Path) -> None:
    (found,) = explain(None, str(log))
    assert found.rejected
    reason, (_, first) = next(iter(found.reasons.items()))
    (again,) = explain(None, str(log), first)
    assert again.shown[0].reason == reason


def test_one_member_of_an_archive(log: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(log, "in/trail.json")
        archive.writestr("picture.png", b"\x89PNG\r\n\x1a\n")
    everything = list(explain(None, str(path)))
    assert [one.family.name if one.family else one.why for one in everything] == [
        "aws.cloudtrail",
        "is a PNG picture",
    ]
    (one,) = explain(None, f"{path}!in/trail.json")
    assert one.path == f"{path}!in/trail.json"
    with pytest.raises(UsageError, match="no member"):
        list(explain(None, f"{path}!elsewhere"))


def test_a_record_that_is_not_there_is_a_wrong_use(log: Path) -> None:
    with pytest.raises(UsageError, match="no record 99"):
        list(explain(None, str(log), 99))


def test_header_lines_do_not_count_as_what_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_text(
        "#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\n"
        "1763632800.0\tC1\t192.0.2.1\t1025\t192.0.2.2\t22\n"
    )
    (found,) = explain(None, str(path))
    assert found.header == 3
    fields = {one.field: one.columns for one in found.shown[0].fields}
    assert "src_endpoint.ip" in fields["id.orig_h"]


def test_the_commands(log: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke
    said = run(program, ["source", "list"])
    assert said.exit_code == 0, said.output
    assert "windows.evtx" in said.output
    said = run(program, ["source", "explain", str(log), "--json"])
    assert json.loads(said.output)["source"] == "aws.cloudtrail"
    said = run(program, ["source", "explain", str(log)])
    assert "src_endpoint.ip" in said.output
    unknown = tmp_path / "x.bin"
    unknown.write_bytes(b"%PDF-1.7")
    assert run(program, ["source", "explain", str(unknown)], standalone_mode=False).return_value == 1
