"""Microsoft 365, Okta, Duo, Google and VPC flow logs: what the golden files do not hold."""

from __future__ import annotations

import json
from typing import Any

import pytest

from countersign.sources import recognise, source
from countersign.sources._framing import frame
from unit.sources.source_lines import context, event, events, parse, within

RECORD: dict[str, Any] = {
    "CreationTime": "2026-03-29T01:30:00",
    "Id": "id-1",
    "Operation": "FileDownloaded",
    "OrganizationId": "o",
    "RecordType": 6,
    "UserId": "a@b.example",
    "Workload": "SharePoint",
}


def test_m365_is_one_event_from_json_csv_and_graph() -> None:
    cell = json.dumps(RECORD).replace('"', '""')
    raw = f'RecordId,CreationDate,RecordType,Operation,UserId,AuditData\r\nid-1,29/03/2026 1:30 AM,6,FileDownloaded,a@b.example,"{cell}"\r\n'
    assert recognise(raw.encode()) is source("m365.csv")
    (row,) = (
        source("m365.csv").parse(frame("csv", raw.encode()), context(zone="Europe/Vienna")).events.to_pylist()
    )
    plain = event("m365", json.dumps(RECORD), where=context(zone="Europe/Vienna"))
    graph = event("m365", json.dumps({"id": "id-1", "auditLogRecordType": "x", "auditData": RECORD}))
    assert row["id"] == plain["id"] == graph["id"]
    assert row["time"] == plain["time"]
    assert (
        plain["time"].isoformat() == "2026-03-29T01:30:00+00:00"
    )  # UTC, where Vienna's clock has no such hour


@pytest.mark.parametrize(
    ("client", "address", "port"),
    [
        ("203.0.113.5", "203.0.113.5", None),
        ("203.0.113.5:51234", "203.0.113.5", 51234),
        ("[2001:db8::1]:51234", "2001:db8::1", 51234),
        ("2001:db8::1", "2001:db8::1", None),
        ("<null>", None, None),
        ("", None, None),
    ],
)
def test_m365_addresses(client: str, address: str | None, port: int | None) -> None:
    within(
        event("m365", json.dumps({**RECORD, "ClientIP": client})),
        src_endpoint__ip=address,
        src_endpoint__port=port,
    )


@pytest.mark.parametrize(
    "parameters", [None, "text", [1], [{"Name": 1, "Value": 2}], [{"Name": "a" * 9000}], {"x": []}]
)
def test_m365_odd_lists(parameters: object) -> None:
    assert (
        event("m365", json.dumps({**RECORD, "Operation": "New-InboxRule", "Parameters": parameters}))[
            "class_uid"
        ]
        == 6003
    )


@pytest.mark.parametrize(
    ("factor", "reason", "result", "expected"),
    [
        ("duo_push", "user_approved", "success", True),
        ("passcode", "valid_passcode", "success", True),
        ("not_available", "bypass_user", "success", None),
        ("duo_push", "bypass_user", "success", None),
        ("remembered_device", "remembered_device", "success", None),
        ("duo_push", "user_marked_fraud", "fraud", None),
        ("bypass_code", "valid_passcode", "success", None),
        (None, None, "success", None),
    ],
)
def test_duo_second_factor(
    factor: str | None, reason: str | None, result: str, expected: bool | None
) -> None:
    row = {
        "access_device": {"ip": "203.0.113.1"},
        "factor": factor,
        "reason": reason,
        "result": result,
        "txid": "1",
    }
    assert event("duo.authentication", json.dumps(row)).get("is_mfa") is expected


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        ("login_success", {"is_second_factor": True}, True),
        ("login_success", {"login_challenge_method": ["password", "security_key"]}, True),
        ("login_success", {"is_second_factor": False, "login_type": "google_password"}, False),
        ("login_success", {"is_second_factor": False, "login_type": "saml"}, None),
        ("login_success", {"login_type": "google_password"}, None),
        ("login_failure", {"is_second_factor": False}, None),
        ("login_success", {"login_challenge_method": [{"a": 1}]}, None),
    ],
)
def test_workspace_second_factor(name: str, parameters: dict[str, Any], expected: bool | None) -> None:
    row = {
        "id": {"applicationName": "login"},
        "name": name,
        "parameters": parameters,
        "actor": {"email": "a@b.example"},
    }
    assert event("google_workspace", json.dumps(row)).get("is_mfa") is expected


def test_okta_in_lower_case_is_the_same_event() -> None:
    row = {
        "uuid": "u", "published": "2026-11-20T14:00:00.5Z", "eventType": "user.session.start", "outcome": {"result": "SUCCESS"},
        "actor": {"alternateId": "a@b.example"}, "authenticationContext": {"externalSessionId": "s"},
    }  # fmt: skip
    one, two = (
        event("okta", json.dumps(each))
        for each in (row, {name.lower(): value for name, value in row.items()})
    )
    assert one["id"] == two["id"]
    assert one["session.uid"] == two["session.uid"] == "s"


def test_gcp_without_a_granted_permission_failed() -> None:
    payload = {
        "methodName": "storage.objects.get",
        "serviceName": "s",
        "status": {"code": 7, "message": "No."},
    }
    found = event(
        "gcp.audit", json.dumps({"protoPayload": payload, "timestamp": "2026-11-20T14:00:00.123456789Z"})
    )
    within(
        found,
        status_id=2,
        status_code="7",
        status_detail="No.",
        activity_id=2,
        metadata__log_name="cloudaudit",
    )


FLOW = "2 1 eni-1 203.0.113.1 10.0.0.1 50112 3389 6 20 4249 1795165800 1795165860 ACCEPT OK"


def test_flows_of_cloudwatch_have_a_time_in_front() -> None:
    bare = event("aws.vpcflow", FLOW)
    assert event("aws.vpcflow", f"2026-11-20T09:11:00.000Z {FLOW}")["id"] == bare["id"]
    assert bare["time"].isoformat() == "2026-11-20T09:10:00+00:00"
    assert recognise(f"2026-11-20T09:11:00.000Z {FLOW}\n".encode()) is source("aws.vpcflow")


@pytest.mark.parametrize(
    "line",
    ["2 1 eni-1 - -", FLOW.replace("ACCEPT", "PERHAPS"), FLOW + " more and more", "version 2 and srcaddr"],
)
def test_lines_that_are_no_flows_are_rejected(line: str) -> None:
    parsed = parse("aws.vpcflow", [FLOW, line])
    assert (parsed.events.num_rows, parsed.rejected.num_rows) == (1, 1)


def test_a_header_names_the_fields_of_flows() -> None:
    lines = [
        "srcaddr dstaddr pkt-srcaddr pkt-dstaddr start action",
        "10.0.1.5 10.0.2.9 10.0.1.5 203.0.113.10 1795165800 REJECT",
    ]
    (found,) = events("aws.vpcflow", *lines)
    within(
        found,
        src_endpoint__ip="10.0.1.5",
        src_endpoint__proxy_endpoint__ip=None,
        dst_endpoint__ip="203.0.113.10",
        dst_endpoint__proxy_endpoint__ip="10.0.2.9",
        action_id=2,
    )


def test_an_activity_with_several_events_tells_all_of_them() -> None:
    activity = {
        "id": {"time": "2026-11-20T08:00:00Z", "uniqueQualifier": "1", "applicationName": "login"},
        "actor": {"email": "jo@x.example"},
        "events": [
            {"name": "login_success", "type": "login", "parameters": [{"name": "login_type", "value": "google_password"}]},
            {"name": "login_verification", "type": "login", "parameters": [{"name": "is_second_factor", "boolValue": True}, {"name": "x", "value": "1"}]},
            {"name": "login_verification"},
            7,
        ],
    }  # fmt: skip
    found = event("google_workspace", json.dumps(activity))
    assert within(
        found,
        message="login_success, login_verification",
        is_mfa=True,
        class_uid=3002,
        status_id=1,
        metadata__event_code="login_success",
    )
    assert "login_verification" in found["unmapped"]["events"]
    assert "parameters.x" not in found["unmapped"]
    admin = {**activity, "id": {**activity["id"], "applicationName": "admin"}}  # type: ignore[dict-item]  # an object
    assert within(event("google_workspace", json.dumps(admin)), message="login_success, login_verification")
