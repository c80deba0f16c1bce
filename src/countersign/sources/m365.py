"""Microsoft 365 unified audit log: mail, files, Teams, administration, and the sign-ins that Microsoft 365 itself noted.

For an auditor it is who read, sent, shared, searched and changed what in the tenant, up to a day late, and only for mailboxes and
licences that it is switched on for. `AppAccessContext.AADSessionId` (`actor.session.uid`) is Entra's session, so that work in a mailbox
belongs to the sign-in before it. A search ends at 50,000 rows: a file with exactly so many is cut off.

Read are the management interface's JSON (arrays, lines, blobs), Purview's CSV with `AuditData`, `Search-UnifiedAuditLog` as CSV and JSON,
the records of Graph's audit queries, and Sentinel's `OfficeActivity`. The record's own id is the event's key in all of them.

References: https://learn.microsoft.com/en-us/office/office-365-management-api/office-365-management-activity-api-schema,
https://learn.microsoft.com/en-us/purview/audit-log-export-records, https://learn.microsoft.com/en-us/purview/audit-search,
https://learn.microsoft.com/en-us/azure/azure-monitor/reference/tables/officeactivity,
https://learn.microsoft.com/en-us/graph/api/resources/security-auditlogrecord.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from countersign.sources._convert import said, split_endpoint
from countersign.sources._family import Family
from countersign.sources._flat import Row, pairs
from countersign.sources._mapping import From, Step, What, enum, via
from countersign.sources._microsoft import opened, person
from countersign.sources._table import csv_source
from countersign.sources._times import iso, written

_ACCOUNT, _ACCESS, _GROUP, _LOGIN, _API, _FINDING, _FILE = 3001, 3005, 3006, 3002, 6003, 2004, 1001
_SENTINEL = {
    "OfficeWorkload": "Workload", "SourceRecordId": "Id", "OfficeId": "Id", "Client_IPAddress": "ClientIP",
    "OfficeObjectId": "ObjectId", "TimeGenerated": "CreationTime", "TimeGenerated [UTC]": "CreationTime",
    "Logon_Type": "LogonType", "Site_": "Site", "Site_Url": "SiteUrl", "UserAgent": "UserAgent",
    "OfficeTenantId": "TenantUid",
}  # fmt: skip
_NAMES = {
    name.lower(): name
    for name in (
        "Id", "CreationTime", "Operation", "OrganizationId", "OrganizationName", "RecordType", "ResultStatus", "UserKey", "UserType",
        "Version", "Workload", "UserId", "ClientIP", "ObjectId", "ExternalAccess", "OriginatingServer", "Parameters",
        "ClientIPAddress", "ActorIpAddress", "ModifiedProperties", "ExtendedProperties", "UserAgent", "SessionId", "AppId",
        "LogonError", "MailboxOwnerUPN", "ClientInfoString",
    )
}  # fmt: skip
"""Collectors that write names in lower case lose what Sigma rules do not need: letter case."""


def match(row: Row) -> bool:
    """A record of the log in any of its shapes."""
    if "Operation" in row and "RecordType" in row:
        return "UserId" in row and ("Workload" in row or "OrganizationId" in row or "OfficeWorkload" in row)
    if "AuditData" in row:
        return "Operations" in row or "Operation" in row or "RecordType" in row
    if "auditData" in row:
        return "auditLogRecordType" in row or "operation" in row
    return "operation" in row and "recordtype" in row and "userid" in row and "workload" in row


def prepare(row: Row) -> Row:
    """The management interface's shape, with lists of names and values as objects beside the lists."""
    inner = opened(row.get("AuditData", row.get("auditData")))
    if type(inner) is dict:
        made = dict(inner)
    elif "AuditData" in row:
        made = _outside(row)
    elif row.get("Type") == "OfficeActivity" or "OfficeWorkload" in row:
        made = {
            _SENTINEL.get(name, name): opened(value)
            if type(value) is str and value[:1] in _OPENING
            else value
            for name, value in row.items()
        }
    elif "recordtype" in row:
        made = {_NAMES.get(name, name): value for name, value in row.items()}
    else:
        made = dict(row)
    for name, label in _PAIRED:
        items = made.get(name)
        if type(items) is list and items:
            for key, value in pairs(items, "Name", "Value").items():
                made.setdefault(f"{label}.{key}" if label else key, value)
    return made


_OPENING = frozenset("{[")
_PAIRED = (("ExtendedProperties", ""), ("DeviceProperties", "Device"), ("Parameters", "Parameter"))


def _outside(row: Row) -> dict[str, Any]:
    """What stands beside an `AuditData` that is cut off or damaged."""
    names = {
        "RecordId": "Id",
        "Identity": "Id",
        "CreationDate": "CreationTime",
        "Operations": "Operation",
        "UserIds": "UserId",
    }
    return {names.get(name, name): value for name, value in row.items()}


def _client(value: object) -> Sequence[object]:
    """Address and port: `203.0.113.5:51234`, `[2001:db8::1]:51234`."""
    address, port, _ = split_endpoint(value)
    return address, port


def _key(value: object) -> str | None:
    found = said(value)
    return None if found == "Not Available" else found


_STATUS = {
    "success": 1, "succeeded": 1, "true": 1, "partiallysucceeded": 1, "failed": 2, "failure": 2, "false": 2,
    "userloggedin": 1, "userloginfailed": 2,
}  # fmt: skip
_USER_TYPES = {
    "0": "Regular", "1": "Reserved", "2": "Admin", "3": "DcAdmin", "4": "System", "5": "Application",
    "6": "ServicePrincipal", "7": "CustomPolicy", "8": "SystemPolicy", "9": "PartnerTechnician", "10": "Guest",
}  # fmt: skip


def _role(changes: object) -> str | None:
    """The role or group given, by the changed properties."""
    for change in changes if isinstance(changes, list) else ():
        if isinstance(change, dict) and change.get("Name") in {"Role.DisplayName", "Group.DisplayName"}:
            return said(change.get("NewValue")) or said(change.get("OldValue"))
    return None


_WHAT = What(
    _API,
    99,
    status=enum("ResultStatus", _STATUS, 0),
    columns={
        "metadata.log_name": "Workload",
        "metadata.event_code": "Operation",
        "metadata.uid": "Id",
        "metadata.correlation_uid": ("AppAccessContext.CorrelationId", "InterSystemsId", "CorrelationId"),
        "metadata.tenant_uid": "OrganizationId",
        "status_detail": ("LogonError", "ResultReasonType", "ResultStatusDetail"),
        "api.operation": "Operation",
        "api.service.name": "Workload",
        "api.request.uid": "AppAccessContext.UniqueTokenId",
        "actor.user.uid": "AppAccessContext.UserObjectId",
        "actor.user.uid_alt": via(_key, "UserKey"),
        "actor.user.type": via(lambda kind: _USER_TYPES.get(str(kind), said(str(kind))), "UserType"),
        "actor.session.uid": ("AppAccessContext.AADSessionId", "SessionId"),
        "actor.user.credential_uid": "AppAccessContext.UniqueTokenId",
        "actor.app_uid": ("AppAccessContext.ClientAppId", "ClientAppId", "AppId", "ApplicationId"),
        "actor.app_name": ("AppAccessContext.ClientAppName", "ApplicationDisplayName", "ClientInfoString"),
        "http_request.user_agent": ("UserAgent", "AppAccessContext.UserAgent", "ClientInfoString"),
        "src_endpoint.name": "Device.DisplayName",
        "src_endpoint.uid": ("Device.Id", "DeviceId"),
        "src_endpoint.os.name": ("Device.OS", "Platform"),
        "src_endpoint.is_compliant": "Device.IsCompliant",
        "src_endpoint.is_managed": "Device.IsCompliantAndManaged",
        "resources.uid": ("ObjectId", "MailboxGuid", "Id"),
        "resources.name": ("MailboxOwnerUPN", "SourceFileName", "Parameter.Identity", "TeamName", "ObjectId"),
        "resources.type": ("ItemType", "Workload"),
        "url": ("SiteUrl", "DestinationUrl"),
    },
    steps=(
        person("actor.user", "UserId"),
        *(
            Step((path,), ("src_endpoint.ip", "src_endpoint.port"), _client)
            for path in ("ClientIP", "ClientIPAddress", "ActorIpAddress", "SenderIp")
        ),
    ),
)  # fmt: skip

_LOGON = What(
    _LOGIN,
    1,
    status=enum("Operation", _STATUS),
    columns={
        "session.uid": ("SessionId", "Device.SessionId"),
        "user.uid": via(_key, "UserKey"),
        "auth_protocol": "RequestType",
    },
    steps=(person("user", "UserId"),),
)
_USER: dict[str, From] = {"privileges": via(_role, "ModifiedProperties")}


def _kind(class_uid: int, activity: int) -> What:
    return What(class_uid, activity, columns=_USER, steps=(person("user", "ObjectId"),))


def _members(activity: int) -> What:
    return What(
        _GROUP,
        activity,
        columns={"group.name": via(_role, "ModifiedProperties")},
        steps=(person("user", "ObjectId"),),
    )


_DIRECTORY = {
    "add user": _kind(_ACCOUNT, 1),
    "enable account": _kind(_ACCOUNT, 2),
    "change user password": _kind(_ACCOUNT, 3),
    "reset user password": _kind(_ACCOUNT, 4),
    "disable account": _kind(_ACCOUNT, 5),
    "delete user": _kind(_ACCOUNT, 6),
    "update user": _kind(_ACCOUNT, 99),
    "enable strong authentication": _kind(_ACCOUNT, 10),
    "disable strong authentication": _kind(_ACCOUNT, 11),
    "add member to role": _kind(_ACCESS, 1),
    "add eligible member to role": _kind(_ACCESS, 1),
    "consent to application": _kind(_ACCESS, 1),
    "add delegated permission grant": _kind(_ACCESS, 1),
    "add app role assignment to service principal": _kind(_ACCESS, 1),
    "remove member from role": _kind(_ACCESS, 2),
    "remove eligible member from role": _kind(_ACCESS, 2),
    "add member to group": _members(3),
    "remove member from group": _members(4),
    "delete group": _members(5),
    "add group": _members(6),
}
_MAILBOX = What(
    _ACCESS,
    1,
    columns={
        "privileges": "Parameter.AccessRights",
        "resources.name": ("Parameter.Identity", "ObjectId"),
        "resources.uid": "ObjectId",
    },
    steps=(person("user", "Parameter.User"), person("user", "Parameter.Trustee")),
)
_FILE_COLUMNS: dict[str, From] = {
    "file.name": "SourceFileName",
    "file.path": ("ObjectId", "SourceRelativeUrl"),
    "file.size": ("FileSizeBytes", "FileSize"),
}
_FILES = {
    "FileUploaded": 1, "FileAccessed": 14, "FileAccessedExtended": 14, "FilePreviewed": 2, "FileDownloaded": 2, "FileModified": 3,
    "FileModifiedExtended": 3, "FileDeleted": 4, "FileRecycled": 4, "FileRenamed": 5, "FileSyncDownloadedFull": 2,
    "FileSyncUploadedFull": 1, "FileCopied": 1, "FileMoved": 5,
}  # fmt: skip
_FILE_KINDS = {name: What(_FILE, activity, columns=_FILE_COLUMNS) for name, activity in _FILES.items()}
_SHARED = What(
    _ACCESS,
    1,
    columns={**_FILE_COLUMNS, "privileges": ("SharingType", "Permission")},
    steps=(person("user", "TargetUserOrGroupName"),),
)
_SHARING = frozenset(
    {
        "AddedToSecureLink",
        "SharingSet",
        "SharingInvitationCreated",
        "AnonymousLinkCreated",
        "SecureLinkCreated",
        "AddedToGroup",
    }
)
_MAIL = What(
    _API,
    2,
    columns={
        "email.subject": "Item.Subject",
        "email.message_uid": ("Item.InternetMessageId", "InternetMessageId"),
        "email.from": "SendAsUserSmtp",
    },
)
_SENT = What(_API, 1, columns=_MAIL.columns)
_ALERT = What(_FINDING, 1, columns={"finding_info.title": "Name", "finding_info.uid": "AlertId"})
_VERBS = {
    1: ("New-", "Add-", "Install-", "Import-", "Create", "Copy", "Send"),
    2: (
        "Get-",
        "Search-",
        "Export-",
        "Test-",
        "MailItemsAccessed",
        "FolderBind",
        "MessageBind",
        "Search",
        "View",
    ),
    3: ("Set-", "Update-", "Enable-", "Disable-", "Move", "Update", "Start-", "Stop-", "Grant-"),
    4: ("Remove-", "HardDelete", "SoftDelete", "Delete", "Uninstall-", "Revoke-", "Clear-"),
}
_CALLS = {activity: What(_API, activity) for activity in (1, 2, 3, 4, 99)}
_OPEN_MAILBOX = frozenset(
    {
        "Add-MailboxPermission",
        "Add-RecipientPermission",
        "Add-MailboxFolderPermission",
        "AddFolderPermissions",
    }
)
_ROLES = {
    "Add-RoleGroupMember": 1,
    "Remove-RoleGroupMember": 2,
    "New-ManagementRoleAssignment": 1,
    "Update-RoleGroupMember": 1,
}
_ROLE_KINDS = {
    name: What(
        _ACCESS,
        activity,
        columns={
            "privileges": ("Parameter.Identity", "Parameter.Role"),
            "user.name": ("Parameter.Member", "Parameter.User"),
        },
    )
    for name, activity in _ROLES.items()
}
_KINDS: dict[str, What] = {
    **dict.fromkeys(("UserLoggedIn", "UserLoginFailed", "TeamsSessionStarted", "MailboxLogin"), _LOGON),
    **dict.fromkeys(_OPEN_MAILBOX, _MAILBOX),
    **dict.fromkeys(_SHARING, _SHARED),
    **dict.fromkeys(("MailItemsAccessed", "MessageBind"), _MAIL),
    **dict.fromkeys(("Send", "SendAs", "SendOnBehalf"), _SENT),
    **_ROLE_KINDS,
    **_FILE_KINDS,
}


@lru_cache(maxsize=4096)
def _operation(operation: str, workload: str) -> What:
    """What an operation is, by its name."""
    found = _KINDS.get(operation) or _DIRECTORY.get(operation.strip().rstrip(".").lower())
    if found is not None:
        return found
    if workload == "SecurityComplianceCenter" and operation.startswith("Alert"):
        return _ALERT
    return _CALLS[next((activity for activity, verbs in _VERBS.items() if operation.startswith(verbs)), 99)]


FAMILY = Family(
    name="m365",
    title="Microsoft 365 unified audit log (JSON)",
    page="m365",
    product="Microsoft 365",
    vendor="Microsoft",
    match=match,
    time=(iso("CreationTime", zone="UTC"), written("CreationTime", order="mdy", zone="UTC")),
    what=_WHAT,
    by=("Operation", "Workload"),
    otherwise=_operation,
    key=("Id",),
    prepare=prepare,
)


def _match_csv(row: Row) -> bool:
    return "AuditData" in row or ("OfficeWorkload" in row and "Operation" in row)


_CSV = replace(
    FAMILY,
    name="m365.csv",
    title="Microsoft 365 unified audit log (CSV)",
    identity="m365",
    match=_match_csv,
    ends_at=(50_000,),
)
SOURCES = (csv_source(_CSV, json_cells=("AuditData",)),)
