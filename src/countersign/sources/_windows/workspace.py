"""Windows events as a Log Analytics workspace (Sentinel) keeps them: rows of its tables SecurityEvent and WindowsEvent.

A column for each field that any event has, most of them empty; WindowsEvent has the fields in one object. `TimeGenerated` is the event's own
time in UTC. Where the agent wrote the record's number, the event is the same as in EVTX.

References: https://learn.microsoft.com/en-us/azure/azure-monitor/reference/tables/securityevent, .../tables/windowsevent.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from countersign.sources._windows import clock
from countersign.sources._windows.reader import Data, Entry

TABLES = ("SecurityEvent", "WindowsEvent")
_ITS_OWN = frozenset(
    {
        "TenantId", "TimeGenerated", "TimeCreated", "SourceSystem", "Computer", "Channel", "EventSourceName", "Provider", "Task", "Level", "EventID",
        "EventLevel", "EventLevelName", "Opcode", "Keywords", "Version", "Type", "_ResourceId", "SourceComputerId", "ManagementGroupName", "MG",
        "EventRecordId", "EventData", "EventOriginId", "TimeCollected", "SystemUserId", "SystemProcessId", "SystemThreadId", "Correlation", "AccountType",
        "Account", "Activity", "LogonTypeName", "PartitionKey", "RowKey", "StorageAccount", "AzureDeploymentID", "AzureTableName", "RawEventData",
        "_ItemId", "_Internal_WorkspaceResourceId", "_SubscriptionId", "_TimeReceived", "_IsBillable", "_BilledSize", "UserName",
    }
)  # fmt: skip
"""Columns that are no fields of the event: the workspace's own, and what it made of others."""
_OWN = (
    ("Computer", "Computer"),
    ("ExecutionProcessID", "SystemProcessId"),
    ("ThreadID", "SystemThreadId"),
    ("UserID", "SystemUserId"),
)


def is_row(record: Mapping[str, Any]) -> bool:
    """Whether this object is a row of one of the tables."""
    return "TimeGenerated" in record and "EventID" in record and record.get("Type") in TABLES


def read(record: Mapping[str, Any]) -> Entry | None:
    """The entry of one row, None if it has no event id."""
    get = record.get
    if get("EventID") is None:
        return None
    system = (
        get("EventID"),
        get("Channel"),
        get("EventSourceName") or get("Provider"),
        get("Level") or get("EventLevel"),
        get("Task"),
        get("Opcode"),
        get("Keywords"),
        get("Version"),
        None,
        None,
        None,
    )
    own = {name: value for name, column in _OWN if (value := get(column)) is not None}
    stamp = clock.stated(get("TimeGenerated"))
    return Entry(system, get("Computer"), stamp, get("EventRecordId"), own, _data(record))


def _data(record: Mapping[str, Any]) -> Data:
    get = record.get
    data = {
        name: value
        for name in _fields(tuple(record))
        if (value := get(name)) is not None and value != ""  # a list or an object is no text
    }
    held = get("EventData")
    if isinstance(held, str) and held[:1] == "{":
        try:
            held = orjson.loads(held)
        except ValueError:
            return data
    if isinstance(held, dict):
        data.update({name: value for name, value in held.items() if value is not None})
    return data


@lru_cache(maxsize=1024)
def _fields(names: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of a table that are fields of the event."""
    return tuple(name for name in names if name not in _ITS_OWN)
