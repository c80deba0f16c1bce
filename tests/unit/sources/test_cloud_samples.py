"""The cloud families on public samples: recognised, and nothing of theirs rejected."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from countersign.sources import HEAD_BYTES, recognise, source
from unit.sources.source_lines import context

Row = dict[str, Any]


def everything(row: Row) -> bool:
    return bool(row)


def workspace(row: Row) -> bool:
    return type(row.get("id")) is dict and "applicationName" in row["id"]


SAMPLES: list[tuple[str, str, Callable[[Row], bool]]] = [
    ("Azure.Audit", "entra.audit", lambda row: "category" in row and "operationName" in row),
    (
        "Azure.MonitorActivity",
        "azure.activity",
        lambda row: "operationName" in row and ("time" in row or "properties" in row),
    ),
    ("Microsoft365.Audit.AzureActiveDirectory", "m365", everything),
    ("Microsoft365.Audit.Exchange", "m365", everything),
    ("Microsoft365.Audit.SharePoint", "m365", everything),
    ("MicrosoftDefenderXDR.AdvancedHunting", "defender", everything),
    ("Okta.SystemLog", "okta", lambda row: "actor" in row and ("eventType" in row or "eventtype" in row)),
    ("Duo.Authentication", "duo.authentication", everything),
    ("Duo.Administrator", "duo.administrator", everything),
    ("GSuite.ActivityEvent", "google_workspace", workspace),
    ("GCP.AuditLog", "gcp.audit", lambda row: "protoPayload" in row or "protopayload" in row),
    ("AWS.VPCFlow", "aws.vpcflow_json", lambda row: "srcAddr" in row),
]
"""File, family, and which of its rows are that family's: the files hold others for contrast."""


def read(family: str, rows: list[Row]) -> None:
    records = [json.dumps(row).encode() for row in rows]
    assert recognise(b"\n".join(records)[:HEAD_BYTES]) is source(family)
    parsed = source(family).parse(records, context())
    assert parsed.rejected.num_rows == 0
    assert parsed.events.num_rows + parsed.duplicates == len(records)


@pytest.mark.parametrize(("file", "family", "own"), SAMPLES, ids=[one[0] for one in SAMPLES])
def test_events_of_collectors(shared_data: Path, file: str, family: str, own: Callable[[Row], bool]) -> None:
    lines = (shared_data / "cloud" / "events" / f"{file}.jsonl").read_text("utf-8").splitlines()
    read(family, [row for line in lines if own(row := json.loads(line)["log"])])


@pytest.mark.parametrize(
    ("file", "family"),
    [
        ("AADAuditEvents", "entra.audit"),
        ("Microsoft365DefenderEvents", "defender"),
        ("OfficeActivityEvents", "m365"),
    ],
)
def test_tables_of_a_workspace(shared_data: Path, file: str, family: str) -> None:
    with zipfile.ZipFile(shared_data / "cloud" / "golden-saml" / f"{file}.Zip") as opened:
        read(family, [json.loads(line) for line in opened.read(f"{file}.json").decode().splitlines()])
