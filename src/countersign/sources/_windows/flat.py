"""The flat form: one JSON object, fields of System and of the event side by side, as NXLog and others write it.

Names differ between collectors, and in case. What the collector adds about itself is left out, and so is the
rendered `Message` wherever the event's own fields are there: it repeats them in many times the space. (The
sealed record keeps both.)

Reference: https://docs.nxlog.co/refman/current/im/msvistalog.html#fields.
"""

from __future__ import annotations

from typing import Any

from countersign.sources._windows import clock
from countersign.sources._windows.clock import Stamp, Zone
from countersign.sources._windows.reader import Entry, event_code

_COLLECTOR = frozenset(
    {
        "@version",
        "host",
        "port",
        "tags",
        "type",
        "SourceModuleName",
        "SourceModuleType",
        "EventReceivedTime",
        "MessageSourceAddress",
    }
)
"""What NXLog and Logstash say about themselves and their way."""
_SYSTEM = frozenset(
    {
        "EventID",
        "Channel",
        "Hostname",
        "Computer",
        "SourceName",
        "Provider_Name",
        "ProviderGuid",
        "Level",
        "Task",
        "Opcode",
        "OpcodeValue",
        "Keywords",
        "Version",
        "RecordNumber",
        "EventRecordID",
        "EventTime",
        "TimeCreated",
        "SystemTime",
        "@timestamp",
    }
)
_CONSUMED = _COLLECTOR | _SYSTEM
_RENDERED = frozenset(
    {
        "Category",
        "Severity",
        "SeverityValue",
        "EventType",
        "EventTypeOrignal",
        "AccountName",
        "AccountType",
        "Domain",
        "UserID",
        "ActivityID",
        "RelatedActivityID",
        "ExecutionProcessID",
        "ProcessID",
        "ThreadID",
        "ERROR_EVT_UNRESOLVED",
        "UserData",
    }
)
"""Fields that say nothing about the event that its message would not say better."""
_CANON = {name.casefold(): name for name in sorted(_SYSTEM)}
_UNSIGNED = (1 << 64) - 1


def is_flat(record: dict[str, Any]) -> bool:
    """Whether this JSON object is a Windows event in the flat form, its names spelled as we know them."""
    return (
        "EventID" in record
        and "Channel" in record
        and event_code(_scalar(record["EventID"])) is not None
        and type(record["Channel"]) is str
    )


def respelled(record: dict[str, Any]) -> dict[str, Any]:
    """`record` with System's names as we know them, however they were spelled (`channel`, `event_id`)."""
    renamed: dict[str, Any] = {}
    for name, value in record.items():
        known = _CANON.get(name.casefold()) or _CANON.get(name.casefold().replace("_", ""))
        if known is None or known in record or known in renamed:
            renamed.setdefault(name, value)
        else:
            renamed[known] = value
    return renamed


def read(record: dict[str, Any], zone: Zone) -> Entry:
    """The entry of one flat record."""
    get = record.get
    provider = get("SourceName")
    computer = get("Hostname") if get("Computer") is None else get("Computer")
    system = (
        get("EventID"),
        get("Channel"),
        get("Provider_Name") if provider is None else provider,
        get("Level"),
        get("Task"),
        get("Opcode") if get("OpcodeValue") is None else get("OpcodeValue"),
        _keywords(get("Keywords")),
        get("Version"),
        get("ProviderGuid"),
        None,
        None,
    )
    record_id = get("RecordNumber") if get("EventRecordID") is None else get("EventRecordID")
    data = {name: value for name, value in record.items() if name not in _CONSUMED and value is not None}
    message = data.pop("Message", None)
    if message is not None and not data.keys() <= _RENDERED:
        message = None
    own = {"Computer": computer}
    return Entry(system, computer, _stamp(record, zone), record_id, own, data, message)


def _scalar(value: Any) -> Any:  # noqa: ANN401  # foreign JSON
    return None if isinstance(value, (list, dict)) else value


def _keywords(value: Any) -> Any:  # noqa: ANN401  # foreign JSON
    """Keywords as Windows writes them: NXLog has the 64 bits as a signed number."""
    return f"0x{value & _UNSIGNED:x}" if type(value) is int else value


def _stamp(record: dict[str, Any], zone: Zone) -> Stamp:
    """The record's time.

    `TimeCreated` is UTC by definition. `EventTime` is the collector's local time unless it names its zone. Its
    offset comes from the surest pair of clocks in the record: Sysmon's `UtcTime`, else the collector's UTC
    and local stamps of receiving it (`@timestamp`, `EventReceivedTime`), else `@timestamp` and `EventTime`.
    """
    written = record.get("EventTime")
    local = clock.instant(written)
    if local is None or not isinstance(written, str):
        return _stated(record)
    if local[1]:
        return Stamp(local[0], local[0] // clock.SECOND, written, "stated")
    arrived = clock.instant(record.get("@timestamp"))
    sysmon = (
        clock.instant(record.get("UtcTime"))
        if record.get("SourceName") == "Microsoft-Windows-Sysmon"
        else None
    )
    shift = clock.offset(sysmon, local)
    if shift is None:
        shift = clock.offset(arrived, clock.instant(record.get("EventReceivedTime")))
    if shift is None:
        shift = clock.offset(arrived, local)
    if shift is None:
        moment = zone.utc(local[0])
        return Stamp(moment, None if moment is None else moment // clock.SECOND, written, "zone")
    logged = (local[0] + shift) // clock.SECOND
    if sysmon is not None and abs(sysmon[0] - local[0] - shift) <= clock.QUARTER:
        return Stamp(sysmon[0], logged, str(record["UtcTime"]), "offset")
    return Stamp(local[0] + shift, logged, written, "offset")


def _stated(record: dict[str, Any]) -> Stamp:
    for name in ("TimeCreated", "SystemTime", "@timestamp"):
        stamp = clock.stated(record.get(name))
        if stamp.time is not None:
            return stamp
    return clock.stated(record.get("EventTime"))
