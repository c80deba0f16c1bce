"""Azure activity log and resource logs: what was done to subscriptions, machines, networks, vaults, and by whom.

For an auditor the activity log has every write, deletion and action of Azure's management, with the caller and their address;
reads are not in it. A provider of Azure Lighthouse acts with an account of their own tenant (`identity.claims` names it). Resource
logs (storage, key vault, Kubernetes) are read as calls of the service that their category names.

Read are diagnostic settings (storage account, event hub), the REST interface and `az monitor activity-log list`, Log Analytics
(Sentinel) as JSON and CSV, and the portal's CSV.

References: https://learn.microsoft.com/en-us/azure/azure-monitor/platform/activity-log-schema,
https://learn.microsoft.com/en-us/azure/azure-monitor/platform/resource-logs-schema,
https://learn.microsoft.com/en-us/azure/azure-monitor/reference/tables/azureactivity,
https://learn.microsoft.com/en-us/rest/api/monitor/activity-logs/list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from countersign.sources._convert import said
from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._mapping import Step, What, endpoint, enum, via
from countersign.sources._microsoft import in_words, lowered_names, opened, person
from countersign.sources._table import csv_source
from countersign.sources._times import iso, written

_API, _ACCESS = 6003, 3005
_LOG = "AzureActivity"
_ACTIVITY = frozenset(
    {
        "administrative",
        "servicehealth",
        "resourcehealth",
        "alert",
        "autoscale",
        "security",
        "policy",
        "recommendation",
    }
)
_STATUS = {
    "success": 1, "succeeded": 1, "accept": 1, "accepted": 1, "resolved": 1, "active": 0, "start": 0, "started": 0,
    "failure": 2, "failed": 2, "in progress": 0,
}  # fmt: skip


def match(row: Row) -> bool:
    """A record of the activity log in any JSON shape, or a resource log's."""
    if "operationName" in row:
        category = row.get("category")
        if type(category) is str:
            return "resourceId" in row or "correlationId" in row or type(row.get("properties")) is dict
        return "eventTimestamp" in row or "eventDataId" in row or ("resourceId" in row and "time" in row)
    return "OperationNameValue" in row and (
        "Caller" in row or "CallerIpAddress" in row or "CategoryValue" in row
    )


_SHORT = {
    "TimeGenerated": "time", "TimeGenerated [UTC]": "time", "OperationNameValue": "operationName",
    "CategoryValue": "category", "ActivityStatusValue": "resultType", "ActivitySubstatusValue": "resultSignature",
    "CallerIpAddress": "callerIpAddress", "_ResourceId": "resourceId", "CorrelationId": "correlationId",
    "Caller": "caller", "EventDataId": "eventDataId", "EventSubmissionTimestamp": "submissionTimestamp",
    "SubscriptionId": "subscriptionId", "Level": "level", "OperationId": "operationId",
    "ResourceGroup": "resourceGroupName", "Properties_d": "properties",
}  # fmt: skip


def prepare(row: Row) -> Row:
    """The shape of diagnostic settings, whatever shape the record has."""
    if "OperationNameValue" in row:
        return _of_workspace(row)
    if isinstance(row.get("operationName"), Mapping) or "eventTimestamp" in row:
        return _of_interface(row)
    return row


def _of_workspace(row: Row) -> Row:
    made: dict[str, Any] = {}
    for name, value in row.items():
        if name in {"Authorization", "Authorization_d"}:
            made.setdefault("identity.authorization", lowered_names(opened(value)))
        elif name in {"Claims", "Claims_d"}:
            made.setdefault("identity.claims", opened(value))
        else:
            made[_SHORT.get(name, name)] = opened(value)
    return made


def _of_interface(row: Row) -> Row:
    made = dict(row)
    for name in (
        "operationName",
        "category",
        "eventName",
        "resourceProviderName",
        "resourceType",
        "subStatus",
        "status",
    ):
        word = in_words(row.get(name))
        if word is not None:
            made[name] = word
    made["resultType"] = made.pop("status", None)
    made["resultSignature"] = made.get("subStatus")
    request = row.get("httpRequest")
    if isinstance(request, dict):
        made["callerIpAddress"] = request.get("clientIpAddress")
    made["identity"] = {"claims": made.pop("claims", None), "authorization": made.pop("authorization", None)}
    return made


def _log_name(category: object) -> str | None:
    word = said(category)
    return _LOG if word is None or word.lower() in _ACTIVITY else word


_OURS = "identity.claims."
_SOAP = f"{_OURS}http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_MICROSOFT = f"{_OURS}http://schemas.microsoft.com/"


def _mfa(methods: object) -> bool | None:
    """What the token says of how its owner had signed in; that it says nothing of a second factor proves nothing."""
    word = said(methods)
    return True if word and "mfa" in word.lower() else None


def _status(code: object) -> int | None:
    """OCSF status of a word, or of an HTTP status."""
    word = said(code)
    if word is None:
        return None
    if word.isdecimal() and len(word) == 3:
        return 1 if word < "400" else 2
    return _STATUS.get(word.lower(), 0)


_WHAT = What(
    _API,
    99,
    status=via(_status, "resultType", "resultSignature", "statusCode"),
    columns={
        "metadata.log_name": via(_log_name, "category", ""),
        "metadata.uid": ("eventDataId", "properties.eventDataId"),
        "metadata.event_code": "operationName",
        "metadata.correlation_uid": "correlationId",
        "metadata.tenant_uid": ("tenantId", "Tenant", "properties.tenantId"),
        "status_code": ("resultSignature", "resultType", "statusCode"),
        "status_detail": ("properties.statusMessage", "resultDescription", "statusText"),
        "message": "properties.message",
        "api.operation": "operationName",
        "api.service.name": ("resourceProviderName", "ResourceProviderValue", "properties.serviceType"),
        "api.request.uid": ("operationId", "properties.serviceRequestId"),
        "resources.uid": ("resourceId", "identity.authorization.scope", "properties.entity", "Resource"),
        "resources.type": ("resourceType", "Resource type"),
        "cloud.account.uid": ("subscriptionId", "properties.subscriptionId", "Subscription"),
        "cloud.region": "location",
        "actor.user.uid": (
            f"{_MICROSOFT}identity/claims/objectidentifier",
            f"{_OURS}oid",
            "identity.authorization.evidence.principalId",
        ),
        "actor.user.full_name": f"{_OURS}name",
        "actor.user.org.uid": f"{_MICROSOFT}identity/claims/tenantid",
        "actor.app_uid": f"{_OURS}appid",
        "actor.session.uid": f"{_OURS}uti",
        "actor.session.issuer": f"{_OURS}iss",
        "actor.session.is_mfa": via(_mfa, f"{_MICROSOFT}claims/authnmethodsreferences", f"{_OURS}amr"),
        "actor.user.type": ("identity.authorization.evidence.principalType", "identity.type"),
        "privileges": "identity.authorization.evidence.role",
        "http_request.user_agent": ("properties.userAgentHeader", "properties.userAgent", "userAgent"),
        "severity_id": enum(("level", "Level"), {"informational": 1, "information": 1, "warning": 3, "error": 4, "critical": 5}),
    },
    steps=(
        person("actor.user", f"{_SOAP}upn"),
        person("actor.user", f"{_SOAP}name"),
        person("actor.user", "caller"),
        person("actor.user", "Event initiated by"),
        endpoint("src_endpoint", "callerIpAddress"),
        Step(("resourceId",), ("cloud.account.uid",), lambda resource: (_subscription(resource),)),
    ),
    constants={"cloud.provider": "Azure"},
)  # fmt: skip


def _subscription(resource: object) -> str | None:
    word = said(resource)
    parts = word.split("/", 3) if word else ()
    return parts[2].lower() if len(parts) > 2 and parts[1].lower() == "subscriptions" else None


_CALLS = {activity: What(_API, activity) for activity in (1, 2, 3, 4, 99)}
_GIVEN, _TAKEN = What(_ACCESS, 1), What(_ACCESS, 2)
_RIGHTS = "microsoft.authorization/"
_ENDS = {"write": 3, "delete": 4, "read": 2, "action": 99}
_READS = ("get", "list", "read")
_DELETES = ("delete", "remove")


@lru_cache(maxsize=4096)
def _operation(name: str) -> What:
    """By the last word of `Microsoft.Compute/virtualMachines/write`."""
    word = name.lower().strip()
    if word.startswith(_RIGHTS) and ("roleassignments" in word or "elevateaccess" in word):
        return _TAKEN if word.endswith("/delete") else _GIVEN
    last = word.rpartition("/")[2]
    if last in _ENDS:
        return _CALLS[_ENDS[last]]
    if last.startswith(_READS):
        return _CALLS[2]
    return _CALLS[4 if last.startswith(_DELETES) else 99]


FAMILY = Family(
    name="azure.activity",
    title="Azure activity and resource logs (JSON)",
    page="azure",
    product="Azure Monitor",
    vendor="Microsoft",
    match=match,
    time=(iso("time", zone="UTC"), iso("eventTimestamp", zone="UTC"), iso("p_event_time", zone="UTC")),
    what=_WHAT,
    by=("operationName",),
    otherwise=_operation,
    key=("eventDataId",),
    prepare=prepare,
)
_WORKSPACE = replace(
    FAMILY,
    name="azure.activity_csv",
    title="Azure activity log (CSV)",
    identity="azure.activity",
    match=lambda row: (
        ("OperationNameValue" in row and "Caller" in row)
        or ("Operation name" in row and "Event initiated by" in row)
    ),
    time=(
        iso("time", zone="UTC"),
        written("time", order="mdy", zone="UTC"),
        iso("Time", zone="UTC"),
        written("Time", order="mdy"),
    ),
    prepare=lambda row: _portal(row) if "Operation name" in row else _of_workspace(row),
)
_NAMES = {
    "Correlation id": "correlationId",
    "Operation name": "operationName",
    "Status": "resultType",
    "Event category": "category",
    "Level": "level",
    "Resource group": "resourceGroupName",
}


def _portal(row: Row) -> Row:
    return {_NAMES.get(name, name): value for name, value in row.items()}


SOURCES = (csv_source(_WORKSPACE),)
