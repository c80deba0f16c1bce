"""Okta System Log as the administrator's console downloads it: CSV, one column for each field.

For an auditor the same records as the interface's (`okta`), with the same ids, so that either may be given; the console's file holds what its
search found, up to the limit that the console sets, and loses what has no column of its own.

References: https://help.okta.com/en-us/content/topics/reports/reports_syslog.htm, https://developer.okta.com/docs/reference/api/system-log/.
Names of columns are believed; they are read without regard to their writing (`actor.alternate_id`, `Actor Alternate Id`).
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

from countersign.sources._console import squeezed
from countersign.sources._flat import Row
from countersign.sources._table import csv_source
from countersign.sources._times import iso, written
from countersign.sources.okta import FAMILY

_PATHS = (
    "uuid", "published", "eventType", "legacyEventType", "displayMessage", "severity", "version",
    "actor.id", "actor.type", "actor.alternateId", "actor.displayName",
    "client.id", "client.ipAddress", "client.zone", "client.device", "client.userAgent.rawUserAgent", "client.userAgent.browser",
    "client.userAgent.os", "client.geographicalContext.city", "client.geographicalContext.state", "client.geographicalContext.country",
    "client.geographicalContext.postalCode", "outcome.result", "outcome.reason",
    "authenticationContext.externalSessionId", "authenticationContext.rootSessionId", "authenticationContext.credentialType",
    "authenticationContext.credentialProvider", "authenticationContext.authenticationProvider", "authenticationContext.authenticationStep",
    "authenticationContext.interface", "authenticationContext.issuer.id", "authenticationContext.issuer.type",
    "securityContext.asNumber", "securityContext.asOrg", "securityContext.isp", "securityContext.domain", "securityContext.isProxy",
    "transaction.id", "transaction.type", "transaction.detail.requestApiTokenId", "debugContext.debugData.requestId",
    "debugContext.debugData.requestUri", "debugContext.debugData.url", "debugContext.debugData.signOnMode",
    "debugContext.debugData.privilegeGranted", "debugContext.debugData.privilegeRevoked", "device.id", "device.name", "device.managed",
)  # fmt: skip
_OTHERWISE = {
    "timestamp": "published",
    "eventid": "uuid",
    "ipaddress": "client.ipAddress",
    "clientip": "client.ipAddress",
    "clientuseragentraw": "client.userAgent.rawUserAgent",
}
_NAMES = {squeezed(path): path for path in _PATHS} | _OTHERWISE
_PARTS = ("id", "type", "alternateId", "displayName")
_MOST_TARGETS = 16
_TARGETS = {
    squeezed(f"target{number}{part}"): (number, part) for number in range(_MOST_TARGETS) for part in _PARTS
}
_WANTED = frozenset({"eventtype", "actoralternateid"})
_KNOWN = frozenset({"uuid", "outcomeresult", "displaymessage"})


@lru_cache(maxsize=256)
def _is_header(fields: tuple[str, ...]) -> bool:
    names = frozenset(map(squeezed, fields))
    return (
        names >= _WANTED and not names.isdisjoint(_KNOWN) and not names.isdisjoint({"published", "timestamp"})
    )


def _match(row: Row) -> bool:
    return _is_header(tuple(row))


def _prepare(row: Row) -> Row:
    """The interface's record: objects in objects, targets in their list; what has no counterpart keeps its name."""
    made: dict[str, Any] = {}
    targets: dict[int, dict[str, Any]] = {}
    for name, value in row.items():
        short = squeezed(name)
        if short in _TARGETS:
            number, part = _TARGETS[short]
            targets.setdefault(number, {})[part] = value
        else:
            made.setdefault(_NAMES.get(short, name), value)
    if targets:
        made["target"] = [targets[number] for number in sorted(targets)]
    return made


CSV = replace(
    FAMILY,
    name="okta.csv",
    title="Okta System Log (the console's CSV)",
    identity="okta",
    match=_match,
    time=(iso("published", zone="UTC"), written("published", order="mdy", zone="UTC")),
    prepare=_prepare,
)
SOURCE = csv_source(CSV)
