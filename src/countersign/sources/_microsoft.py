"""What Microsoft's cloud logs have in common: one record in the several shapes in which people get it.

The shape of diagnostic settings (`operationName`, `category`, `properties.*`) is the one that Sigma rules are written for. Records of
Microsoft Graph, of PowerShell and of a Log Analytics workspace (Sentinel) are turned into it, so that one name means one thing
wherever the file is from; what has no counterpart there keeps its name.

References: https://learn.microsoft.com/en-us/entra/identity/monitoring-health/concept-activity-log-schemas,
https://learn.microsoft.com/en-us/azure/azure-monitor/reference/tables/signinlogs, .../tables/auditlogs, .../tables/azureactivity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

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


def lowered_names(value: Any, depth: int = 0, *, dates: bool = True) -> Any:  # noqa: ANN401  # foreign
    """Objects as .NET writes them with names as JSON has them; its dates, if there may be any, as their milliseconds since 1970.
    What has nothing to lower comes back as it is."""
    if type(value) is dict and depth < _DEEPEST:
        return _lowered_object(value, depth + 1, dates=dates)
    if type(value) is list and depth < _DEEPEST:
        if not dates and _HOLDERS.isdisjoint(map(type, value)):
            return value
        return [lowered_names(inner, depth + 1, dates=dates) for inner in value]
    if type(value) is str and value.startswith(_DATE) and value.endswith(_DATE_END):
        return value[len(_DATE) : -len(_DATE_END)]
    return value


_HOLDERS = frozenset({dict, list})


def _lowered_object(value: dict[str, Any], depth: int, *, dates: bool) -> dict[str, Any]:
    names = tuple(value)
    lowered = _lowered(names) if len(names) < _MANY else tuple(map(_lower, names))
    made = value if lowered is None else dict(zip(lowered, value.values(), strict=True))
    if not dates and _HOLDERS.isdisjoint(map(type, made.values())):
        return made
    if made is value:
        made = dict(value)
    for name, inner in made.items():
        if type(inner) in _HOLDERS or (dates and type(inner) is str and inner[:1] == "/"):
            made[name] = lowered_names(inner, depth, dates=dates)
    return made


_MANY = 256


@lru_cache(maxsize=2048)
def _lowered(names: tuple[str, ...]) -> tuple[str, ...] | None:
    """The names in lower case; None where they are that already."""
    lowered = tuple(map(_lower, names))
    return None if lowered == names else lowered


def _lower(name: str) -> str:
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
    found = opened(value)
    if found is value:
        return lowered_names(value)
    return lowered_names(found, dates="Date(" in value or "\\u" in value)


_REPEATED = 4096
_BEGINNINGS = "{[/"
"""A text that begins otherwise is neither JSON nor a date."""


class _Places(NamedTuple):
    """What the columns of a table are called: those beside `properties` with their places, and those in it."""

    top: tuple[tuple[str, int], ...]
    inner: tuple[str, ...]
    pick: Callable[[Sequence[Any]], Sequence[Any]]


@lru_cache(maxsize=1024)
def _places(names: tuple[str, ...]) -> _Places:
    shorts = tuple(map(camel, names))
    places = [place for place, short in enumerate(shorts) if short not in _TOP]
    one = places[0] if len(places) == 1 else None
    pick: Callable[[Sequence[Any]], Sequence[Any]] = (
        itemgetter(*places) if len(places) > 1 else lambda values: () if one is None else (values[one],)
    )
    top = tuple((short, place) for place, short in enumerate(shorts) if short in _TOP)
    return _Places(top, tuple(shorts[place] for place in places), pick)


def of_workspace(row: Row, category: str) -> dict[str, Any]:
    """A row of a Log Analytics table, or an object of PowerShell: names with capitals, nested values as text."""
    places, values = _places(tuple(row)), tuple(row.values())
    top: dict[str, Any] = {short: values[place] for short, place in places.top}
    properties: dict[str, Any] = dict(zip(places.inner, places.pick(values), strict=True))
    for short, value in properties.items():
        if type(value) is not str or value[:1] in _BEGINNINGS:
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
