"""Entra ID, Azure and Defender: shapes that give the same event, what second factors prove, hostile values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from countersign.sources import recognise, source
from countersign.sources._framing import frame
from unit.sources.source_lines import context, events, within

SIGN_IN: dict[str, Any] = {
    "id": "req-1",
    "createdDateTime": "2026-11-20T09:00:12.5Z",
    "userPrincipalName": "jane@hospital.example",
    "appId": "app",
    "ipAddress": "203.0.113.45",
    "isInteractive": True,
    "status": {"errorCode": 0},
    "authenticationRequirement": "singleFactorAuthentication",
    "crossTenantAccessType": "none",
    "tokenIssuerType": "AzureAD",
}


def sign_in(**changes: Any) -> dict[str, Any]:
    return events("entra.signin", json.dumps({**SIGN_IN, **changes}))[0]


def steps(*methods: str, result: str = "") -> list[dict[str, Any]]:
    return [
        {"authenticationMethod": method, "succeeded": True, "authenticationStepResultDetail": result}
        for method in methods
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, False),
        ({"authenticationRequirement": "multiFactorAuthentication"}, True),
        ({"authenticationRequirement": "multiFactorAuthentication", "status": {"errorCode": 500121}}, None),
        ({"crossTenantAccessType": "b2bCollaboration"}, None),
        ({"tokenIssuerType": "ADFederationServices"}, None),
        ({"isInteractive": False}, None),
        ({"authenticationDetails": steps("FIDO2 security key")}, True),
        ({"authenticationDetails": steps("Password", "Text message")}, True),
        ({"authenticationDetails": steps("Password")}, False),
        ({"authenticationDetails": steps("Password", result="First factor requirement satisfied by claim in the token")}, None),
        ({"authenticationRequirement": None}, None),
        ({"authenticationDetails": "nothing", "authenticationRequirement": ["odd"]}, None),
    ],
)  # fmt: skip
def test_second_factor(changes: dict[str, Any], expected: bool | None) -> None:
    assert sign_in(**changes).get("is_mfa") is expected


def test_a_guest_is_the_person_of_the_other_tenant() -> None:
    found = sign_in(userPrincipalName="jane_doe_northwind.example#EXT#@hospital.onmicrosoft.com")
    within(
        found,
        user__email_addr="jane_doe@northwind.example",
        user__name="jane_doe",
        user__domain="northwind.example",
        user__uid_alt="jane_doe_northwind.example#ext#@hospital.onmicrosoft.com",
    )
    assert sign_in(userPrincipalName="#EXT#@x.example")["user.name"] == "#EXT#"


@pytest.mark.parametrize("code", [50074, "50140"])
def test_a_step_on_the_way_is_neither_success_nor_failure(code: object) -> None:
    assert sign_in(status={"errorCode": code})["status_id"] == 0


HEADER = "Date (UTC),Request ID,Username,Application ID ,IP address,Location,Status,Sign-in error code\r\n"


@pytest.mark.parametrize(
    ("date", "time"),
    [
        ("2026-11-20T09:00:12Z", "09:00:12"),
        ('"11/20/2026, 12:30:05 AM"', "00:30:05"),
        ('"11/20/2026, 12:30:05 PM"', "12:30:05"),
    ],
)
def test_csv_and_json_name_one_request(date: str, time: str) -> None:
    raw = f'{HEADER}{date},req-1,jane@hospital.example,app,203.0.113.45,"Graz, Steiermark, AT",Success,\r\n'.encode()
    found = recognise(raw)
    assert found is source("entra.signin_csv")
    (row,) = found.parse(frame("csv", raw), context(zone="Europe/Vienna")).events.to_pylist()
    assert row["api"]["request"]["uid"] == sign_in()["api.request.uid"]
    assert row["id"] != sign_in()["id"]  # or whichever came first would hide the other
    assert row["time"].isoformat() == f"2026-11-20T{time}+00:00"
    assert row["src_endpoint"]["location"]["country"] == "AT"


def test_a_mixed_stream_is_taken_apart_the_same_way_whatever_it_is_called() -> None:
    audit = {
        "activityDisplayName": "Add user", "activityDateTime": "2026-11-20T09:00:00Z", "id": "a", "initiatedBy": {},
        "targetResources": [],
    }  # fmt: skip
    activity = {"operationName": "X/Y/WRITE", "category": "Administrative", "resourceId": "/subscriptions/s"}
    lines = [json.dumps(row) for row in (SIGN_IN, audit, activity, {"odd": 1})]
    seen = []
    for name in ("entra.signin", "entra.audit", "azure.activity", "defender"):
        parsed = source(name).parse([line.encode() for line in lines], context())
        assert parsed.rejected.num_rows == 1
        seen.append({(row["source"], row["id"]) for row in parsed.events.to_pylist()})
    assert {one for one, _ in seen[0]} == {"entra.signin", "entra.audit", "azure.activity"}
    assert all(one == seen[0] for one in seen)


def test_roles_given_to_a_guest_name_role_and_guest() -> None:
    change = {"displayName": "Role.DisplayName", "oldValue": None, "newValue": '"Global Reader"'}
    target = {"type": "User", "id": "u", "userPrincipalName": "a@b.example", "modifiedProperties": [change]}
    row = {
        "activityDisplayName": "Add eligible member to role in PIM completed (permanent)",
        "activityDateTime": "2026-11-20T09:00:00Z", "id": "a", "initiatedBy": {"user": None}, "result": "success",
        "targetResources": [target, "odd", None],
    }  # fmt: skip
    (found,) = events("entra.audit", json.dumps(row))
    within(found, class_uid=3005, activity_id=1, privileges="Global Reader", user__email_addr="a@b.example")


def test_dates_of_powershell_are_read() -> None:
    row = {
        "Id": "r", "CreatedDateTime": "/Date(1795165812345)/", "AppId": "a", "IPAddress": "203.0.113.1",
        "UserPrincipalName": "a@b.example", "Status": {"ErrorCode": 50126, "FailureReason": "No."},
    }  # fmt: skip
    (found,) = events("entra.signin", json.dumps(row))
    within(found, status_id=2, status_code="50126", status_detail="No.")
    assert found["time"].isoformat() == "2026-11-20T09:10:12.345000+00:00"


def test_tokens_in_azure_name_the_sign_in() -> None:
    claims = {
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn": "tech@northwind.example",
        "http://schemas.microsoft.com/claims/authnmethodsreferences": "pwd",
        "uti": "token-1",
    }
    row = {
        "time": "2026-11-20T09:00:00Z", "operationName": "MICROSOFT.COMPUTE/VIRTUALMACHINES/DELETE", "category": "Administrative",
        "resourceId": "/SUBSCRIPTIONS/S1/X", "resultType": "Failure", "identity": {"claims": claims},
    }  # fmt: skip
    (found,) = events("azure.activity", json.dumps(row))
    within(
        found,
        actor__session__uid="token-1",
        actor__session__is_mfa=None,
        actor__user__email_addr="tech@northwind.example",
        cloud__account__uid="s1",
        status_id=2,
        activity_id=4,
    )
