"""What Microsoft's cloud logs have in common: one record in the several shapes in which people get it.

The shape of diagnostic settings (`operationName`, `category`, `properties.*`) is the one that Sigma rules are written for. Records of
Microsoft Graph, of PowerShell and of a Log Analytics workspace (Sentinel) are turned into it, so that one name means one thing
wherever the file is from; what has no counterpart there keeps its name.

References: https://learn.microsoft.com/en-us/entra/identity/monitoring-health/concept-activity-log-schemas,
https://learn.microsoft.com/en-us/azure/azure-monitor/reference/tables/signinlogs, .../tables/auditlogs, .../tables/azureactivity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson

from countersign.sources._convert import split_account
from countersign.sources._flat import Row
from countersign.sources._mapping import Step
from countersign.sources._times import Time, iso, written

_DATE, _DATE_END = "/Date(", ")/"
_DEEPEST = 6
_SPECIAL = {
    "AADTenantId": "tenantId",
    "IPAddress": "ipAddress",
    "IPAddressFromResourceProvider": "ipAddressFromResourceProvider",
    "TimeGenerated": "time",
    "TimeGenerated [UTC]": "time",
    "AADOperationType": "operationType",
    "LocationDetails": "location",
    "CreatedDateTime [UTC]": "createdDateTime",
    "ActivityDateTime [UTC]": "activityDateTime",
    "Level": "Level",
    "Type": "Type",
    "TenantId": "workspaceId",  # in a workspace it is the workspace's, not the tenant's
}
_TOP = frozenset(
    {
        "time", "resourceId", "operationName", "operationVersion", "tenantId", "resultType", "resultSignature",
        "resultDescription", "durationMs", "correlationId", "identity", "Level", "Type", "workspaceId", "sourceSystem",
    }
)  # fmt: skip
"""Fields of a workspace's table that stand beside `properties` and not in it."""


@lru_cache(maxsize=8192)
def camel(name: str) -> str:
    """`UserPrincipalName` as `userPrincipalName`."""
    return _SPECIAL.get(name) or name[:1].lower() + name[1:]


def lowered_names(value: Any, depth: int = 0) -> Any:  # noqa: ANN401  # foreign
    """Objects as .NET writes them with names as JSON has them; its dates as their milliseconds since 1970."""
    if type(value) is dict and depth < _DEEPEST:
        return {
            _lowered(name): inner
            if type(inner) is str and inner[:1] != "/"
            else lowered_names(inner, depth + 1)
            for name, inner in value.items()
        }
    if type(value) is list and depth < _DEEPEST:
        return [lowered_names(inner, depth + 1) for inner in value]
    if type(value) is str and value.startswith(_DATE) and value.endswith(_DATE_END):
        return value[len(_DATE) : -len(_DATE_END)]
    return value


@lru_cache(maxsize=8192)
def _lowered(name: str) -> str:
    return name[:1].lower() + name[1:]


def opened(value: Any) -> Any:  # noqa: ANN401  # foreign
    """JSON in a text as what it is: workspaces keep lists and objects as text."""
    if type(value) is str and value[:1] in {"{", "["}:
        try:
            found = orjson.loads(value)
        except ValueError:
            return value
        return found if isinstance(found, (dict, list)) else value
    return value


def _understood(value: Any) -> Any:  # noqa: ANN401  # foreign
    if type(value) is str and len(value) <= _REPEATED:
        return _text_understood(value)
    return lowered_names(opened(value))


@lru_cache(maxsize=2048)
def _text_understood(value: str) -> Any:  # noqa: ANN401  # foreign
    """Devices, places and policies repeat themselves from row to row; nothing changes what was read from one."""
    return lowered_names(opened(value))


_REPEATED = 4096
_BEGINNINGS = frozenset("{[/")
"""A text that begins otherwise is neither JSON nor a date."""


@lru_cache(maxsize=1024)
def _places(names: tuple[str, ...]) -> tuple[tuple[str, bool], ...]:
    """What each column is called, and whether it stands beside `properties`."""
    return tuple((camel(name), camel(name) in _TOP) for name in names)


def of_workspace(row: Row, category: str) -> dict[str, Any]:
    """A row of a Log Analytics table, or an object of PowerShell: names with capitals, nested values as text."""
    top: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    for (short, is_top), value in zip(_places(tuple(row)), row.values(), strict=True):
        if is_top:
            top[short] = value
        elif type(value) is str and value[:1] not in _BEGINNINGS:
            properties[short] = value
        else:
            properties[short] = _understood(value)
    if "workspaceId" not in top or "time" in top:
        top["category"] = category
    if "time" not in top and "workspaceId" in top:
        top["tenantId"] = top.pop("workspaceId")
    top["properties"] = properties
    return top


def workspace_times(path: str) -> tuple[Time, ...]:
    """When a record of a workspace's table was: at `path` or, where that is not exported, when it was taken in."""
    return tuple(
        time
        for where in (path, "time")
        for time in (iso(where, zone="UTC"), written(where, order="mdy", zone="UTC"))
    )


def objects_in(value: object) -> Sequence[Mapping[str, Any]]:
    """The objects in a list, whatever else is in it, and whether it is one or not."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else ()


def in_words(value: Any) -> str | None:  # noqa: ANN401  # foreign
    """`{"value": "Start", "localizedValue": ...}` and the like as their value."""
    if isinstance(value, Mapping):
        value = value.get("value")
    return value if isinstance(value, str) else None


_GUEST = "#ext#@"


def person(who: str, path: str) -> Step:
    """`who`.name, .domain, .email_addr and .uid_alt from a user principal name.

    A guest's (`jane_partner.example#EXT#@tenant.example`) is turned back into the address that it was made of, so that
    the guest is the same person in every log; the name itself is `uid_alt` then.
    """
    return Step(
        (path,), tuple(f"{who}.{name}" for name in ("name", "domain", "email_addr", "uid_alt")), _person
    )


def _person(value: object) -> Sequence[object]:
    if type(value) is not str:
        return None, None, None, None
    at = value.lower().find(_GUEST)
    local, mark, domain = value[: max(at, 0)].rpartition("_")
    if at > 0 and mark and local and "." in domain:
        return *split_account(f"{local}@{domain}"), value.lower()
    return *split_account(value), None
