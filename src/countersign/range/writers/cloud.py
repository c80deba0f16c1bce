"""Cloud logs: Entra sign-ins and audit (diagnostic settings' JSON lines), Microsoft 365 unified audit, CloudTrail.

References: https://learn.microsoft.com/entra/identity/monitoring-health/reference-azure-monitor-sign-ins-log-schema;
https://learn.microsoft.com/office/office-365-management-api/office-365-management-activity-api-schema;
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from countersign.range.calendar import iso
from countersign.range.draws import mix
from countersign.range.estate import uuid_of

AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/132.0.0.0 Safari/537.36"
GRAPH = "00000003-0000-0000-c000-000000000000"
APPS = (
    ("Azure Portal", "c44b4083-3bb0-49c1-b47d-974e53cbdf3c", "Windows Azure Service Management API"),
    ("Microsoft 365 admin center", "00000006-0000-0ff1-ce00-000000000000", "Microsoft Graph"),
    ("Office 365 Exchange Online", "00000002-0000-0ff1-ce00-000000000000", "Office 365 Exchange Online"),
    (
        "SharePoint Online Web Client Extensibility",
        "08e18876-6177-487e-b8b5-cf950c1e598c",
        "Office 365 SharePoint Online",
    ),
    ("Microsoft Graph Command Line Tools", "14d82eec-204b-4c2f-b7e8-296a70dab67e", "Microsoft Graph"),
)


VPN = len(APPS)
"""The number of the application by which a VPN gateway's users sign in."""
_VPN_APP = (
    "Cisco Secure Firewall - Secure Client (formerly AnyConnect) authentication",
    "5a1f0c3e-5f9b-4b3c-9c0e-0d6b1c2a7e41",
    "Microsoft Graph",
)


_DEVICE = {"deviceId": "", "operatingSystem": "Windows10", "browser": "Chrome 132.0.0"}


def sign_in(
    moment: int, number: int, *, tenant: str, home: str, upn: str, name: str, address: str, app: int, kind: str,
    mfa: bool, error: int = 0, session: int = 0, country: str = "GB", agent: str = AGENT,
) -> bytes:  # fmt: skip
    """A sign-in; `kind` is `member`, `guest` or `partner` (GDAP), `number` the request id, `home` the user's tenant."""
    label, app_id, resource = _VPN_APP if app == VPN else APPS[app % len(APPS)]
    request, user = uuid_of(number), uuid_of(mix(hash_of(upn)))
    crossing = {"member": "none", "guest": "b2bCollaboration", "partner": "serviceProvider"}[kind]
    details = [{"authenticationMethod": "Password", "succeeded": error != 50126}]
    if mfa:
        details.append({"authenticationMethod": "Mobile app notification", "succeeded": True})
    return orjson.dumps(
        {
            "time": iso(moment + 90_000_000),
            "resourceId": f"/tenants/{tenant}/providers/Microsoft.aadiam",
            "operationName": "Sign-in activity",
            "operationVersion": "1.0",
            "category": "SignInLogs",
            "tenantId": tenant,
            "resultType": str(error),
            "resultSignature": "None",
            "resultDescription": "" if not error else "Invalid username or password",
            "durationMs": 0,
            "callerIpAddress": address,
            "correlationId": uuid_of(mix(number + 1)),
            "identity": name,
            "Level": 4,
            "location": country,
            "properties": {
                "id": request,
                "createdDateTime": iso(moment),
                "userDisplayName": name,
                "userPrincipalName": upn,
                "userId": user,
                "appId": app_id,
                "appDisplayName": label,
                "ipAddress": address,
                "status": {"errorCode": error},
                "clientAppUsed": "Browser",
                "userAgent": agent,
                "deviceDetail": _DEVICE,
                "location": {"countryOrRegion": country},
                "correlationId": uuid_of(mix(number + 1)),
                "conditionalAccessStatus": "success" if mfa else "notApplied",
                "isInteractive": True,
                "authenticationRequirement": f"{'multi' if mfa else 'single'}FactorAuthentication",
                "authenticationDetails": details,
                "riskState": "none",
                "resourceDisplayName": resource,
                "resourceId": GRAPH,
                "resourceTenantId": tenant,
                "homeTenantId": home,
                "userType": "Member" if kind == "member" else "Guest",
                "crossTenantAccessType": crossing,
                "uniqueTokenIdentifier": uuid_of(mix(number + 2)),
                "sessionId": uuid_of(session or number),
            },
        }
    )


def hash_of(text: str) -> int:
    """64 bits of a text, the same in every run."""
    out = 0
    for byte in text.encode():
        out = mix(out ^ byte)
    return out


_SERVICES = {
    "User registered security info": "Authentication Methods",
    "Update conditional access policy": "Conditional Access",
    "Register device": "Device Registration Service",
}


def role_given(user: str, role: str) -> dict[str, object]:
    """Whom a role was given to, as the audit log's target."""
    properties = [{"displayName": "Role.DisplayName", "oldValue": None, "newValue": f'"{role}"'}]
    return {"type": "User", "displayName": user, "modifiedProperties": properties}


def directory_audit(
    moment: int, number: int, *, tenant: str, upn: str, address: str, operation: str, category: str,
    targets: list[Mapping[str, object]], details: list[Mapping[str, str]] | None = None,
) -> bytes:  # fmt: skip
    """An entry of Entra's audit log."""
    return orjson.dumps(
        {
            "time": iso(moment + 60_000_000),
            "resourceId": f"/tenants/{tenant}/providers/Microsoft.aadiam",
            "operationName": operation,
            "operationVersion": "1.0",
            "category": "AuditLogs",
            "tenantId": tenant,
            "resultSignature": "None",
            "durationMs": 0,
            "callerIpAddress": address,
            "correlationId": uuid_of(mix(number + 1)),
            "Level": 4,
            "properties": {
                "id": f"Directory_{uuid_of(mix(number + 1))}_{number % 100_000}",
                "category": category,
                "correlationId": uuid_of(mix(number + 1)),
                "result": "success",
                "resultReason": "",
                "activityDisplayName": operation,
                "activityDateTime": iso(moment),
                "loggedByService": _SERVICES.get(operation, "Core Directory"),
                "operationType": "Update",
                "initiatedBy": {
                    "user": {"id": uuid_of(mix(hash_of(upn))), "userPrincipalName": upn, "ipAddress": address}
                },
                "targetResources": targets,
                "additionalDetails": details or [],
            },
        }
    )


def unified_audit(
    moment: int, number: int, *, tenant: str, upn: str, address: str, operation: str, workload: str, record_type: int,
    more: Mapping[str, object], user_type: int = 0,
) -> bytes:  # fmt: skip
    """A record of the unified audit log; its times are UTC without saying so."""
    return orjson.dumps(
        {
            "CreationTime": iso(moment)[:19],
            "Id": uuid_of(number),
            "Operation": operation,
            "OrganizationId": tenant,
            "RecordType": record_type,
            "ResultStatus": "Succeeded",
            "UserKey": f"{hash_of(upn) >> 16:012X}@{tenant[:8]}",
            "UserType": user_type,
            "Version": 1,
            "Workload": workload,
            "ClientIP": address,
            "UserId": upn,
            **more,
        }
    )


def api_call(
    moment: int, number: int, *, account: str, region: str, service: str, name: str, identity: Mapping[str, object],
    address: str, agent: str, request: object = None, response: object = None, read_only: bool = True,
    resources: object = None,
) -> bytes:  # fmt: skip
    """A CloudTrail record of a management call."""
    out: dict[str, object] = {
        "eventVersion": "1.09",
        "userIdentity": identity,
        "eventTime": iso(moment)[:19] + "Z",
        "eventSource": service,
        "eventName": name,
        "awsRegion": region,
        "sourceIPAddress": address,
        "userAgent": agent,
        "requestParameters": request,
        "responseElements": response,
        "requestID": uuid_of(mix(number + 5)),
        "eventID": uuid_of(number),
        "readOnly": read_only,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
    }
    if resources is not None:
        out["resources"] = resources
    return orjson.dumps(out)


def access_key(number: int) -> str:
    """The id of a temporary access key: ASIA and sixteen of the base-32 letters."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    return "ASIA" + "".join(letters[mix(number + n) % 32] for n in range(16))


def assumed_role(
    account: str, role: str, session: str, key: str, since: int, *, mfa: bool
) -> dict[str, object]:
    """The identity of calls made with a role's temporary key."""
    role_id = "AROA" + access_key(hash_of(account + role))[4:]
    return {
        "type": "AssumedRole",
        "principalId": f"{role_id}:{session}",
        "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
        "accountId": account,
        "accessKeyId": key,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role", "principalId": role_id, "arn": f"arn:aws:iam::{account}:role/{role}",
                "accountId": account, "userName": role,
            },
            "attributes": {"creationDate": iso(since)[:19] + "Z", "mfaAuthenticated": "true" if mfa else "false"},
        },
    }  # fmt: skip
