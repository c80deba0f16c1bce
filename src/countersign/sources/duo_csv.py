"""Duo's authentication log as its admin panel exports it: CSV, one row for each authentication.

For an auditor the same as the interface's log (`duo`): which second factor was asked and what was answered. Where the panel's export has no transaction
id, its events do not fall together with those of the interface.

References: https://duo.com/docs/administration-reports, https://duo.com/docs/adminapi#authentication-logs. Names of columns are believed; they are
read without regard to their writing. Times are in UTC where the column's name or the value says so, else in the workspace's zone.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

from countersign.sources._console import named, squeezed
from countersign.sources._convert import said
from countersign.sources._flat import Row
from countersign.sources._table import csv_source
from countersign.sources._times import iso, written
from countersign.sources.duo import AUTHENTICATION

_NAMES = {
    name: own
    for own, names in {
        "isotimestamp": ("timestamputc", "timeutc", "datetimeutc", "isotimestamp"),
        "panel_time": ("timestamp", "datetime", "time"),
        "user.name": ("user", "username"),
        "email": ("email", "useremail"),
        "alias": ("alias", "useralias"),
        "application.name": ("application", "applicationname", "integration"),
        "factor": ("factor", "secondfactor", "authenticationmethod", "authmethod", "method"),
        "result": ("result", "authenticationresult"),
        "reason": ("reason", "detail"),
        "txid": ("txid", "transactionid"),
        "access_device.ip": ("accessip", "accessdeviceip", "ipaddress", "ip", "accessdeviceipaddress"),
        "access_device.hostname": ("accessdevice", "accessdevicehostname", "accesshostname", "endpoint"),
        "access_device.os": ("accessos", "accessdeviceos", "os"),
        "access_device.browser": ("accessbrowser", "accessdevicebrowser", "browser"),
        "access_device.place": ("accesslocation", "accessdevicelocation", "location"),
        "auth_device.name": ("authenticationdevice", "authdevice", "authenticationdevicename", "authdevicename", "device"),
        "auth_device.ip": ("authenticationip", "authdeviceip", "authenticationdeviceip"),
    }.items()
    for name in names
}  # fmt: skip
_RESULTS = {
    "granted": "success",
    "allowed": "success",
    "success": "success",
    "failure": "failure",
    "denied": "denied",
    "fraud": "fraud",
}
_OTHERS = frozenset({"requestid", "correlationid", "activityid"})
"""What the logs of other products have beside the same words."""


@lru_cache(maxsize=256)
def _is_header(fields: tuple[str, ...]) -> bool:
    names = frozenset(map(squeezed, fields))
    found = {_NAMES[name] for name in names if name in _NAMES}
    return (
        {"user.name", "application.name", "factor", "result"} <= found
        and not found.isdisjoint({"isotimestamp", "panel_time"})
        and names.isdisjoint(_OTHERS)
    )


def _match(row: Row) -> bool:
    return _is_header(tuple(row))


def _prepare(row: Row) -> Row:
    """With the interface's names beside the panel's own."""
    made: dict[str, Any] = dict(row)
    for own, name in named(row, _NAMES).items():
        made[own] = row[name]
    result = said(made.get("result"))
    if result is not None:
        made["result"] = _RESULTS.get(result.split()[0].lower(), result.lower())
    place = said(made.pop("access_device.place", None))
    if place is not None:
        parts = [part.strip() for part in place[:256].split(",")]
        made["access_device.location.country"] = parts[-1]
        if len(parts) > 1:
            made["access_device.location.city"] = parts[0]
    return made


CSV = replace(
    AUTHENTICATION,
    name="duo.authentication_csv",
    title="Duo authentication log (the admin panel's CSV)",
    identity="duo.authentication",
    match=_match,
    time=(
        iso("isotimestamp", zone="UTC"),
        written("isotimestamp", order="mdy", zone="UTC"),
        iso("panel_time"),
        written("panel_time", order="mdy"),
    ),
    prepare=_prepare,
)
SOURCE = csv_source(CSV)
