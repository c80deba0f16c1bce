"""Entra ID audit log: who changed accounts, groups, roles, applications, policies and trust, and to what.

For an auditor this is how a guest, a role or an application of a provider came to be and went again. The log names who began it
(a person, or an application for them), not the session it was done in; the address is there for most, not for all.

Read are diagnostic settings, Microsoft Graph and the portal's JSON, PowerShell's, Log Analytics (Sentinel) as JSON and CSV, and the
portal's CSV. That one has no record ids: its events do not fall together with those of the other shapes.

References: https://learn.microsoft.com/en-us/graph/api/resources/directoryaudit,
https://learn.microsoft.com/en-us/entra/identity/monitoring-health/reference-audit-activities,
https://learn.microsoft.com/en-us/azure/azure-monitor/reference/tables/auditlogs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from countersign.sources._convert import said
from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._mapping import From, Step, What, endpoint, enum, via
from countersign.sources._microsoft import objects_in, of_workspace, person, workspace_times
from countersign.sources._table import csv_source
from countersign.sources._times import epoch, iso, written

_ACCOUNT, _ENTITY, _ACCESS, _GROUP = 3001, 3004, 3005, 3006
_TARGETS = "properties.targetResources"
_USER = f"{_TARGETS}.type=User"


def match(row: Row) -> bool:
    """An audit record in any of the JSON shapes."""
    properties = row.get("properties")
    if type(properties) is dict:
        return row.get("category") == "AuditLogs" or (
            "initiatedBy" in properties and "loggedByService" in properties
        )
    if "activityDisplayName" in row:
        return "activityDateTime" in row and "initiatedBy" in row
    return "InitiatedBy" in row and "TargetResources" in row and "LoggedByService" in row


def prepare(row: Row) -> Row:
    """The shape of diagnostic settings, whatever shape the record has."""
    properties = row.get("properties")
    if type(properties) is dict:
        return row
    if "activityDisplayName" in row:
        made: dict[str, Any] = {"properties": row}
        properties = row
    else:
        made = of_workspace(row, "AuditLogs")
        properties = made["properties"]
    made["category"] = "AuditLogs"
    if "operationName" not in made:
        made["operationName"] = properties.get("activityDisplayName")
    if "correlationId" not in made:
        made["correlationId"] = properties.get("correlationId")
    return made


def _plain(value: object) -> str | None:
    """A modified property's value without the quotes that it is written in."""
    word = said(value)
    return None if word is None else said(word.strip('[]"\\'))


_PRIVILEGES = frozenset(
    {"Role.DisplayName", "AppRole.Value", "DelegatedPermissionGrant.Scope", "ConsentAction.Permissions"}
)


def _rights(targets: object) -> str | None:
    """Roles and rights given or taken, by the names of roles among the targets and by the changed properties."""
    found: dict[str, None] = {}
    for target in objects_in(targets):
        name = said(target.get("displayName"))
        if target.get("type") == "Role" and name:
            found[name] = None
        for change in objects_in(target.get("modifiedProperties")):
            if change.get("displayName") in _PRIVILEGES:
                word = _plain(change.get("newValue")) or _plain(change.get("oldValue"))
                if word:
                    found[word] = None
    return ", ".join(found) or None


def _group_of(targets: object) -> Sequence[object]:
    """Name and id of the group: a target of its own, or in the changed properties of the member."""
    name = uid = None
    for target in objects_in(targets):
        if target.get("type") == "Group":
            name, uid = said(target.get("displayName")) or name, said(target.get("id")) or uid
        for change in objects_in(target.get("modifiedProperties")):
            value = _plain(change.get("newValue")) or _plain(change.get("oldValue"))
            if change.get("displayName") == "Group.DisplayName":
                name = name or value
            elif change.get("displayName") == "Group.ObjectID":
                uid = uid or value
    return name, uid


def _agent(details: object) -> str | None:
    for detail in objects_in(details):
        if detail.get("key") in {"User-Agent", "UserAgent"}:
            return said(detail.get("value"))
    return None


_USER_COLUMNS: dict[str, From] = {
    "user.uid": f"{_USER}.id",
    "user.full_name": f"{_USER}.displayName",
    "privileges": via(_rights, _TARGETS),
}
_USER_STEPS = (person("user", f"{_USER}.userPrincipalName"),)


def _kind(class_uid: int, activity: int) -> What:
    return What(class_uid, activity, columns=_USER_COLUMNS, steps=_USER_STEPS)


def _group(activity: int) -> What:
    return What(
        _GROUP,
        activity,
        columns=_USER_COLUMNS,
        steps=(*_USER_STEPS, Step((_TARGETS,), ("group.name", "group.uid"), _group_of, whole=True)),
    )


_KINDS: dict[str, What] = {
    name: what
    for what, names in (
        (_kind(_ACCOUNT, 1), ("add user", "invite external user", "invite internal user", "restore user", "create user")),
        (_kind(_ACCOUNT, 2), ("enable account",)),
        (_kind(_ACCOUNT, 3), ("change user password", "change password (self-service)")),
        (_kind(_ACCOUNT, 4), ("reset user password", "reset password (by admin)", "reset password (self-service)")),
        (_kind(_ACCOUNT, 5), ("disable account",)),
        (_kind(_ACCOUNT, 6), ("delete user", "hard delete user")),
        (_kind(_ACCOUNT, 10), ("user registered security info", "admin registered security info",
                               "user registered all required security info", "enable strong authentication")),
        (_kind(_ACCOUNT, 11), ("user deleted security info", "admin deleted security info",
                               "disable strong authentication")),
        (_kind(_ACCOUNT, 99), ("update user", "redeem external user invite", "update stsrefreshtokenvalidfrom timestamp",
                               "user changed default security info", "admin updated security info")),
        (_group(1), ("add owner to group",)),
        (_group(2), ("remove owner from group",)),
        (_group(3), ("add member to group", "add member")),
        (_group(4), ("remove member from group",)),
        (_group(5), ("delete group", "hard delete group")),
        (_group(6), ("add group", "create group")),
    )
    for name in names
}  # fmt: skip
_GIVEN = _kind(_ACCESS, 1)
_TAKEN = _kind(_ACCESS, 2)
_OTHER = {activity: _kind(_ENTITY, activity) for activity in (1, 2, 3, 4, 99)}
_GIVES = ("add member to role", "add eligible member to role", "add scoped member to role", "add app role assignment",
          "add delegated permission grant", "consent to application", "add owner to", "add eligible member",
          "add member to role completed", "user has elevated")  # fmt: skip
_TAKES = ("remove member from role", "remove eligible member", "remove scoped member", "remove app role assignment",
          "remove delegated permission grant", "remove owner from", "revoke consent", "delete role assignment")  # fmt: skip
_VERBS = {
    1: ("add", "create", "set", "register", "invite", "new", "upload"),
    2: ("get", "read", "list", "download", "view"),
    3: (
        "update",
        "change",
        "enable",
        "disable",
        "restore",
        "promote",
        "confirm",
        "approve",
        "verify",
        "review",
    ),
    4: ("delete", "remove", "hard delete", "unregister"),
}


@lru_cache(maxsize=4096)
def _operation(name: str) -> What:
    """What an activity is, by its name: with or without a full stop, in any case."""
    word = name.strip().rstrip(".").lower().removesuffix(" (guest)")
    known = _KINDS.get(word)
    if known is not None:
        return known
    if word.startswith(_GIVES):
        return _GIVEN
    if word.startswith(_TAKES):
        return _TAKEN
    return _OTHER[next((activity for activity, verbs in _VERBS.items() if word.startswith(verbs)), 99)]


_WHO = "properties.initiatedBy.user"
_APP = "properties.initiatedBy.app"
_WHAT = What(
    status=enum(("properties.result", "result", "resultSignature"), {"success": 1, "failure": 2, "timeout": 2}),
    columns={
        "status_detail": ("properties.resultReason", "properties.resultDescription", "resultDescription"),
        "metadata.uid": "properties.id",
        "metadata.event_code": "operationName",
        "metadata.correlation_uid": ("properties.correlationId", "correlationId"),
        "metadata.tenant_uid": ("properties.tenantId", "tenantId"),
        "metadata.log_provider": "properties.loggedByService",
        "api.operation": ("operationName", "properties.activityDisplayName"),
        "api.service.name": "properties.loggedByService",
        "actor.user.uid": (f"{_WHO}.id", f"{_APP}.servicePrincipalId"),
        "actor.user.full_name": f"{_WHO}.displayName",
        "actor.user.type": "ActorType",
        "actor.user.org.uid": f"{_WHO}.homeTenantId",
        "actor.app_name": (f"{_APP}.displayName", f"{_APP}.servicePrincipalName"),
        "actor.app_uid": f"{_APP}.appId",
        "http_request.user_agent": "properties.userAgent",
        "resources.name": (f"{_TARGETS}.0.displayName", f"{_TARGETS}.0.userPrincipalName"),
        "resources.uid": f"{_TARGETS}.0.id",
        "resources.type": f"{_TARGETS}.0.type",
    },
    steps=(
        person("actor.user", f"{_WHO}.userPrincipalName"),
        Step(
            (f"{_APP}.servicePrincipalId", f"{_APP}.displayName"),
            ("actor.user.name", "actor.user.type"),
            lambda uid, name: (said(name), "ServicePrincipal") if said(uid) else (None, None),
        ),
        Step(("properties.additionalDetails",), ("http_request.user_agent",), lambda details: (_agent(details),), whole=True),
        endpoint("src_endpoint", f"{_WHO}.ipAddress"),
        endpoint("src_endpoint", "callerIpAddress"),
    ),
    constants={"cloud.provider": "Azure"},
)  # fmt: skip

FAMILY = Family(
    name="entra.audit",
    title="Entra ID audit log (JSON)",
    page="entra",
    product="Entra ID",
    vendor="Microsoft",
    match=match,
    time=(
        iso("properties.activityDateTime", zone="UTC"),
        epoch("properties.activityDateTime", "ms"),
        iso("time", zone="UTC"),
    ),
    what=_WHAT,
    by=("operationName",),
    otherwise=_operation,
    key=("properties.id",),
    log="=AuditLogs",
    prepare=prepare,
)

_NAMES = {
    "Date (UTC)": "properties.activityDateTime",
    "CorrelationId": "properties.correlationId",
    "Service": "properties.loggedByService",
    "Category": "properties.category",
    "Activity": "operationName",
    "Result": "properties.result",
    "ResultReason": "properties.resultReason",
    "User Agent": "properties.userAgent",
    "UserAgent": "properties.userAgent",
    "ActorObjectId": f"{_WHO}.id",
    "ActorUserPrincipalName": f"{_WHO}.userPrincipalName",
    "IPAddress": f"{_WHO}.ipAddress",
    "ActorHomeTenantId": f"{_WHO}.homeTenantId",
    "ActorHomeTenantName": f"{_WHO}.homeTenantName",
    "ActorServicePrincipalId": f"{_APP}.servicePrincipalId",
    "ActorServicePrincipalName": f"{_APP}.servicePrincipalName",
}
"""The portal's column names, and what diagnostic settings call the same."""
_MOST_TARGETS = 3
_MOST_CHANGES = 5


def _match_portal(row: Row) -> bool:
    return "Activity" in row and "ActorType" in row and "Date (UTC)" in row


def _portal(row: Row) -> Row:
    made: dict[str, Any] = {
        own: value for own, value in zip(_own_names(tuple(row)), row.values(), strict=True) if own
    }
    made["category"] = "AuditLogs"
    name = row.get("ActorDisplayName")
    made[f"{_APP if row.get('ActorType') == 'Application' else _WHO}.displayName"] = name
    targets = [_target(row, *columns) for columns in _TARGET_COLUMNS]
    made[_TARGETS] = [target for target in targets if target]
    return made


@lru_cache(maxsize=256)
def _own_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """What diagnostic settings call these columns; empty for those of targets."""
    return tuple("" if name.startswith("Target") else _NAMES.get(name, name) for name in names)


Columns = tuple[tuple[str, str], ...]
Changes = tuple[tuple[str, str, str], ...]


def _columns(start: str) -> tuple[Columns, Changes]:
    names = ("id", "displayName", "type", "userPrincipalName")
    changes = [f"{start}ModifiedProperty{place}" for place in range(1, _MOST_CHANGES + 1)]
    return (
        tuple(
            (name, f"{start}{'ObjectId' if name == 'id' else name[:1].upper() + name[1:]}") for name in names
        ),
        tuple((f"{change}Name", f"{change}OldValue", f"{change}NewValue") for change in changes),
    )


_TARGET_COLUMNS = tuple(_columns(f"Target{number}") for number in range(1, _MOST_TARGETS + 1))


def _target(row: Row, columns: Columns, changes: Changes) -> dict[str, Any]:
    """One of the targets that the portal spreads over columns."""
    made: dict[str, Any] = {name: row[column] for name, column in columns if row.get(column) is not None}
    changed = [
        {"displayName": row[name], "oldValue": row.get(old), "newValue": row.get(new)}
        for name, old, new in changes
        if row.get(name)
    ]
    if changed:
        made["modifiedProperties"] = changed
    return made


_PORTAL = replace(
    FAMILY,
    name="entra.audit_csv",
    title="Entra ID audit log (the portal's CSV)",
    match=_match_portal,
    time=(
        iso("properties.activityDateTime", zone="UTC"),
        written("properties.activityDateTime", order="mdy", zone="UTC"),
    ),
    key=(),
    prepare=_portal,
    ends_at=(100_000, 250_000),
)
_WORKSPACE = replace(
    FAMILY,
    name="entra.audit_workspace",
    title="Entra ID audit log (CSV of Log Analytics)",
    identity="entra.audit",
    match=lambda row: "InitiatedBy" in row and "TargetResources" in row and "LoggedByService" in row,
    time=workspace_times("properties.activityDateTime"),
)
SOURCES = (csv_source(_PORTAL), csv_source(_WORKSPACE))
