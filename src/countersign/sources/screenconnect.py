"""ScreenConnect (ConnectWise Control) reports of the server: who was connected to which session from where and how long, and what happened.

For an auditor the server knows what the client's own records do not: the address, the session's name (the machine) and the end. Rows of
`SessionConnection` are the visits (`ProcessType` Host is the supporter, Guest the machine), rows of `SessionEvent` and
`SessionConnectionEvent` are what was done. A second factor is in neither; the server's security log has logins.

Read are reports exported as CSV or JSON with the product's column names. Times without an offset are in UTC.

References: https://docs.connectwise.com/ScreenConnect_Documentation (Report manager). Names and forms of columns are believed.
"""

from __future__ import annotations

from dataclasses import replace

from countersign.sources._convert import scaled
from countersign.sources._family import Family
from countersign.sources._flat import Row
from countersign.sources._json import json_source
from countersign.sources._mapping import From, What, account, endpoint, via
from countersign.sources._table import csv_source
from countersign.sources._times import iso, written

_LOGIN, _FILE, _API = 3002, 1001, 6003


def _match(row: Row) -> bool:
    names = row.keys()
    if "ConnectedTime" in names:
        return "ParticipantName" in names and ("NetworkAddress" in names or "ProcessType" in names)
    return (
        "EventType" in names and "Time" in names and ("SessionName" in names or "SessionSessionType" in names)
    )


def _prepare(row: Row) -> Row:
    """With one name for what kind of row it is: a connection by who was connected, or the event's own."""
    return {**row, "kind": row.get("EventType") or f"connection {row.get('ProcessType', '')}".strip()}


_WHERE: dict[str, From] = {
    "dst_endpoint.name": ("SessionName", "Name"),
    "dst_endpoint.hostname": "SessionGuestMachineName",
    "metadata.correlation_uid": ("SessionSessionID", "SessionID"),
    "session.uid": ("ConnectionID", "ConnectionConnectionID"),
    "auth_protocol": ("SessionSessionType", "SessionType"),
    "src_endpoint.agent.name": "ClientType",
    "src_endpoint.agent.version": "ClientVersion",
}
_WHO = (
    account("user", "ParticipantName"),
    account("user", "ConnectionParticipantName"),
    account("user", "Host"),
    endpoint("src_endpoint", "NetworkAddress"),
    endpoint("src_endpoint", "ConnectionNetworkAddress"),
)
_ACTOR = (
    account("actor.user", "ConnectionParticipantName"),
    account("actor.user", "ParticipantName"),
    account("actor.user", "Host"),
    *_WHO[3:],
)
_VISIT = What(_LOGIN, 1, 1, {**_WHERE, "duration": via(scaled(1000), "DurationSeconds")}, _WHO)
_GUEST = What(columns={**_WHERE, "device.hostname": "ParticipantName"}, steps=_WHO[3:])
_DATA: dict[str, From] = {
    **_WHERE,
    "message": "Data",
    "actor.session.uid": ("ConnectionID", "ConnectionConnectionID"),
}
_FILES = What(_FILE, 99, 1, {**_DATA, "file.name": "Data"}, _ACTOR)
_CONNECTION = Family(
    name="screenconnect",
    title="ScreenConnect reports",
    page="remote_support",
    product="ScreenConnect",
    vendor="ConnectWise",
    match=_match,
    prepare=_prepare,
    key=("ConnectionID", "ConnectedTime"),
    time=(
        iso("ConnectedTime", zone="UTC"), written("ConnectedTime", order="mdy", zone="UTC"),
        iso("Time", zone="UTC"), written("Time", order="mdy", zone="UTC"),
    ),
    log="=report",
    by=("kind",),
    kinds={
        "connection Host": _VISIT,
        "connection": _VISIT,
        "connection Guest": _GUEST,
        "Connected": What(_LOGIN, 1, 1, _WHERE, _WHO),
        "Disconnected": What(_LOGIN, 2, 1, _WHERE, _WHO),
        "RanCommand": What(_API, 99, 1, {**_DATA, "process.cmd_line": "Data"}, _ACTOR),
        "QueuedCommand": What(_API, 99, 1, {**_DATA, "process.cmd_line": "Data"}, _ACTOR),
        "RanFiles": _FILES,
        "SentFiles": _FILES,
        "CopiedFiles": _FILES,
        "DraggedFiles": _FILES,
    },
    otherwise=What(_API, 99, None, _DATA, _ACTOR),
    what=What(columns={"api.operation": "kind"}),
)  # fmt: skip
SOURCES = (
    json_source(_CONNECTION),
    csv_source(replace(_CONNECTION, name="screenconnect.csv", identity="screenconnect")),
)
