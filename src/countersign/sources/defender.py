"""Microsoft Defender advanced hunting: what its sensors saw on machines, of identities and in cloud apps, as exported tables.

For an auditor an export holds what somebody asked for, not all there was: the query decides, and it ends at 10,000 or 100,000 rows. Times
are UTC. `ReportId` is unique only together with the device and the time, and so are the events' ids made.

Read are the hunting page's CSV, the results of its interfaces (`{"Results": [...]}` taken out, lines, arrays), tables of a workspace
(Sentinel), and the streaming interface's records (`AdvancedHunting-DeviceLogonEvents`).

References: https://learn.microsoft.com/en-us/defender-xdr/advanced-hunting-schema-tables,
.../advanced-hunting-devicelogonevents-table, .../advanced-hunting-deviceprocessevents-table, .../advanced-hunting-devicenetworkevents-table,
https://learn.microsoft.com/en-us/defender-xdr/streaming-api-event-hub.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from countersign.sources._convert import said
from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._mapping import From, Step, What, account, endpoint, enum, via
from countersign.sources._table import csv_source
from countersign.sources._times import iso, written

_PREFIX = "AdvancedHunting-"
_FILE, _PROCESS, _FINDING, _LOGON, _NETWORK, _API = 1001, 1007, 2004, 3002, 4001, 6003
_REGISTRY = 201002


def match(row: Row) -> bool:
    """A row of one of the tables."""
    category = row.get("category")
    if type(category) is str and category.startswith(_PREFIX):
        return type(row.get("properties")) is dict
    if "ActionType" in row and ("ReportId" in row or "ReportId_long" in row or "AdditionalFields" in row):
        return "Timestamp" in row or "TimeGenerated" in row or "TimeGenerated [UTC]" in row
    return "AlertId" in row and "ServiceSource" in row and "DetectionSource" in row


def prepare(row: Row) -> Row:
    """The row itself, its table named; `Timestamp` is when it was."""
    properties = row.get("properties")
    category = row.get("category")
    if type(properties) is dict and type(category) is str and category.startswith(_PREFIX):
        return {**properties, "Table": category[len(_PREFIX) :]}
    made = dict(row)
    made["Table"] = row.get("Type") or _table(row)
    return made


def _table(row: Row) -> str:
    """Which table a row without its name is of."""
    action = str(row.get("ActionType") or "")
    for start, name in _TABLES:
        if action.startswith(start):
            return name
    if "AlertId" in row:
        return "AlertInfo"
    if "DeviceId" in row:
        return "DeviceEvents"
    return "CloudAppEvents" if "RawEventData" in row else "IdentityLogonEvents"


_TABLES = (
    ("Logon", "DeviceLogonEvents"),
    ("Process", "DeviceProcessEvents"),
    ("Connection", "DeviceNetworkEvents"),
    ("InboundConnection", "DeviceNetworkEvents"),
    ("ListeningConnection", "DeviceNetworkEvents"),
    ("NetworkSignature", "DeviceNetworkEvents"),
    ("File", "DeviceFileEvents"),
    ("Registry", "DeviceRegistryEvents"),
    ("ImageLoaded", "DeviceImageLoadEvents"),
)


def _pick(*names: str) -> tuple[str, ...]:
    """A name, and the two that exports give it where a column's type is mixed."""
    return tuple(found for name in names for found in (name, f"{name}_string", f"{name}_long"))


def _hashes(*values: object) -> Sequence[object]:
    return (", ".join(word for value in values if (word := said(value))) or None,)


def _path(folder: object, name: object) -> Sequence[object]:
    """`FolderPath` has the file's name at its end, but not in all tables."""
    where, what = said(folder), said(name)
    if where is None or what is None or where.lower().endswith(what.lower()):
        return (where or what,)
    mark = "/" if "/" in where else "\\"
    return (f"{where.rstrip(mark)}{mark}{what}",)


def _luid(value: object) -> str | None:
    """A logon id as Windows' own records write it; the tables have it in decimal."""
    word = said(value)
    if word is None or not word.isascii() or not word.isdecimal() or len(word) > _LONGEST_LUID:
        return word
    return hex(int(word))


_LONGEST_LUID = 20
_TARGET: dict[str, From] = {
    "user.name": "AccountName",
    "user.domain": "AccountDomain",
    "user.uid": ("AccountSid", "AccountObjectId"),
    "user.email_addr": ("AccountUpn",),
    "user.full_name": "AccountDisplayName",
}
_PROCESS_COLUMNS: dict[str, From] = {
    "process.pid": "ProcessId",
    "process.cmd_line": "ProcessCommandLine",
    "process.parent_process.pid": "InitiatingProcessId",
    "process.parent_process.cmd_line": "InitiatingProcessCommandLine",
    "actor.session.uid": via(_luid, "LogonId"),
}
_LOGON_TYPES = {
    "interactive": 2, "network": 3, "batch": 4, "service": 5, "unlock": 7, "networkcleartext": 8, "newcredentials": 9,
    "remoteinteractive": 10, "remote interactive (rdp) logons": 10, "cachedinteractive": 11, "local": 2,
}  # fmt: skip
_WHAT = What(
    columns={
        "metadata.log_name": "Table",
        "metadata.event_code": "ActionType",
        "metadata.uid": _pick("ReportId"),
        "device.hostname": "DeviceName",
        "device.uid": "DeviceId",
        "actor.user.name": "InitiatingProcessAccountName",
        "actor.user.domain": "InitiatingProcessAccountDomain",
        "actor.user.uid": ("InitiatingProcessAccountSid", "InitiatingProcessAccountObjectId"),
        "actor.user.email_addr": "InitiatingProcessAccountUpn",
        "actor.session.uid": via(_luid, "InitiatingProcessLogonId"),
        "actor.process.pid": "InitiatingProcessId",
        "file.name": "FileName",
        "file.size": "FileSize",
        "http_request.user_agent": _pick("UserAgent"),
        "src_endpoint.location.country": "CountryCode",
        "src_endpoint.location.city": "City",
        "message": "Title",
    },
    steps=(
        Step(
            ("InitiatingProcessFolderPath", "InitiatingProcessFileName"),
            ("actor.process.path",),
            _path,
        ),
        Step(("SHA256", "SHA1", "MD5"), ("file.hashes",), _hashes),
        Step(("FolderPath", "FileName"), ("file.path",), _path),
    ),
)
_DEVICE_LOGON = What(
    _LOGON,
    1,
    status=enum("ActionType", {"LogonSuccess": 1, "LogonFailed": 2, "LogonAttempted": 0}),
    columns={
        **_TARGET,
        "session.uid": via(_luid, "LogonId"),
        "logon_type_id": enum("LogonType", _LOGON_TYPES),
        "auth_protocol": "Protocol",
        "status_detail": "FailureReason",
        "src_endpoint.hostname": "RemoteDeviceName",
        "dst_endpoint.hostname": "DeviceName",
    },
    steps=(endpoint("src_endpoint", "RemoteIP", "RemotePort"),),
)
_IDENTITY_LOGON = What(
    _LOGON,
    1,
    status=enum("ActionType", {"LogonSuccess": 1, "LogonFailed": 2}),
    columns={
        **_TARGET,
        "auth_protocol": "Protocol",
        "status_detail": "FailureReason",
        "actor.app_name": "Application",
        "src_endpoint.hostname": "DeviceName",
        "dst_endpoint.hostname": ("DestinationDeviceName", "TargetDeviceName"),
    },
    steps=(
        account("user", "AccountUpn"),
        endpoint("src_endpoint", "IPAddress", "Port"),
        endpoint("dst_endpoint", "DestinationIPAddress", "DestinationPort"),
    ),
)
_STARTED = What(
    _PROCESS,
    1,
    columns={**_TARGET, **_PROCESS_COLUMNS},
    steps=(
        Step(("FolderPath", "FileName"), ("process.path",), _path),
        Step(
            ("InitiatingProcessFolderPath", "InitiatingProcessFileName"),
            ("process.parent_process.path",),
            _path,
        ),
    ),
)
_CONNECTION = What(
    _NETWORK,
    1,
    status=enum("ActionType", {"ConnectionFailed": 2}, 1),
    columns={"connection_info.protocol_name": "Protocol", "url": "RemoteUrl"},
    steps=(
        endpoint("src_endpoint", "LocalIP", "LocalPort"),
        endpoint("dst_endpoint", "RemoteIP", "RemotePort"),
    ),
    constants={"connection_info.direction_id": 2},
)
_INBOUND = What(
    _NETWORK,
    1,
    status=1,
    columns={"connection_info.protocol_name": "Protocol"},
    steps=(
        endpoint("src_endpoint", "RemoteIP", "RemotePort"),
        endpoint("dst_endpoint", "LocalIP", "LocalPort"),
    ),
    constants={"connection_info.direction_id": 1},
)
_FILES = {"FileCreated": 1, "FileDeleted": 4, "FileModified": 3, "FileRenamed": 5}
_CLOUD = What(
    _API,
    99,
    columns={
        "api.operation": "ActionType",
        "api.service.name": "Application",
        "actor.user.full_name": "AccountDisplayName",
        "actor.user.uid": ("AccountObjectId", "UserId"),
        "resources.name": "ObjectName",
        "resources.uid": "ObjectId",
        "resources.type": "ObjectType",
    },
    steps=(account("actor.user", "AccountUpn"), endpoint("src_endpoint", "IPAddress")),
)
_ALERT = What(
    _FINDING,
    1,
    columns={
        "finding_info.title": "Title",
        "finding_info.uid": "AlertId",
        "severity_id": enum("Severity", {"Informational": 1, "Low": 2, "Medium": 3, "High": 4}),
    },
)
_OTHER = What(
    columns={**_TARGET, **_PROCESS_COLUMNS}, steps=(endpoint("dst_endpoint", "RemoteIP", "RemotePort"),)
)

FAMILY = Family(
    name="defender",
    title="Microsoft Defender advanced hunting (JSON)",
    page="defender",
    product="Defender XDR",
    vendor="Microsoft",
    match=match,
    time=(iso("Timestamp", zone="UTC"), iso("TimeGenerated", zone="UTC")),
    what=_WHAT,
    by=("Table", "ActionType"),
    kinds={
        ("DeviceLogonEvents", "*"): _DEVICE_LOGON,
        ("IdentityLogonEvents", "*"): _IDENTITY_LOGON,
        ("DeviceProcessEvents", "*"): _STARTED,
        ("DeviceNetworkEvents", "InboundConnectionAccepted"): _INBOUND,
        ("DeviceNetworkEvents", "InboundConnectionAttempt"): _INBOUND,
        ("DeviceNetworkEvents", "*"): _CONNECTION,
        **{("DeviceFileEvents", name): What(_FILE, activity) for name, activity in _FILES.items()},
        ("DeviceFileEvents", "*"): What(_FILE, 99),
        ("DeviceRegistryEvents", "*"): What(_REGISTRY, 99),
        ("CloudAppEvents", "*"): _CLOUD,
        ("AlertInfo", "*"): _ALERT,
        ("AlertEvidence", "*"): _ALERT,
    },
    otherwise=_OTHER,
    key=("DeviceId", "ReportId", "Timestamp"),
    prepare=prepare,
)


def _match_csv(row: Row) -> bool:
    return match(row) and "InitiatedBy" not in row


_CSV = replace(
    FAMILY,
    name="defender.csv",
    title="Microsoft Defender advanced hunting (CSV)",
    identity="defender",
    ends_at=(10_000, 100_000),
    match=_match_csv,
    time=(
        iso("Timestamp", zone="UTC"),
        written("Timestamp", order="mdy", zone="UTC"),
        iso("TimeGenerated", zone="UTC"),
        written("TimeGenerated [UTC]", order="mdy", zone="UTC"),
    ),
)
SOURCES = (csv_source(_CSV),)
