"""Whose clock is off, as a person asks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from collecting import Ward
from countersign.app.workspace import Workspace
from countersign.cli.commands import program


def logon(host: str, number: int, at: float, guid: str) -> str:
    return _record(host, number, at, 4624, TargetLogonId=f"0x{number:x}", LogonType=3, LogonGuid=guid)


def _record(host: str, number: int, at: float, code: int, **fields: object) -> str:
    minute, second = divmod(at, 60)
    known = {
        "Channel": "Security",
        "EventID": code,
        "EventRecordID": number,
        "Hostname": host,
        "@timestamp": f"2026-03-02T10:{int(minute):02}:{second:06.3f}Z",
        "TargetUserName": "clerk",
        "TargetDomainName": "CORP",
    }
    return json.dumps(known | fields)


@pytest.fixture
def ward(tmp_path: Path) -> Workspace:
    """SRV1 is 90 seconds ahead of the controller and of SRV2."""
    ward = Ward(Workspace.create(tmp_path / "ward"))
    records = []
    for number in range(6):
        host, ahead = ("SRV1", 90.0) if number % 2 else ("SRV2", 0.0)
        guid = f"{{0c0ffee0-0000-4000-8000-00000000000{number}}}"
        at = 60.0 * number
        records.append(
            _record("DC01", number, at, 4769, ServiceName=f"{host}$", LogonGuid=guid, Status="0x0")
        )
        records.append(logon(host, 100 + number, at + 0.1 + ahead, guid))
    log = tmp_path / "security.json"
    log.write_text("\n".join(records) + "\n", "utf-8")
    ward.collect(log)
    return ward.workspace


def run(workspace: Workspace, *more: str) -> Result:
    return CliRunner().invoke(program, ["-C", str(workspace.root), "doctor", "clocks", *more])


def test_the_worst_clock_comes_first(ward: Workspace) -> None:
    rows = [json.loads(line) for line in run(ward, "--json").stdout.splitlines()]
    assert [(row["host"], row["ahead"], row["pairs"], row["used"]) for row in rows] == [
        ("SRV1", 90.0, 3, True),
        ("DC01", -0.1, 6, False),
        ("SRV2", 0.0, 3, False),
    ]


def test_a_person_reads_how_many_are_right_and_which_are_not(ward: Workspace) -> None:
    text = run(ward).stdout
    assert "2 of 3 clocks that can be compared are right" in text
    assert "SRV1" in text
    assert "+90.0 s" in text


def test_nothing_to_compare_is_said(tmp_path: Path) -> None:
    assert "often enough" in run(Workspace.create(tmp_path / "ward")).stdout
