"""The form that mirrors Windows' own XML: `{"Event": {"System": ..., "EventData": ...}}`.

EVTX renders to it, and `evtx_dump` writes it. A record that a collector forwarded has the same parts, its
System being that of the computer it came from, and may have `RenderingInfo`, the texts rendered there.

References: https://learn.microsoft.com/windows/win32/wes/eventschema-schema,
https://github.com/omerbenamram/evtx.
"""

from __future__ import annotations

from typing import Any

from countersign.model.columns import text_of
from countersign.sources._windows import clock
from countersign.sources._windows.reader import Data, Entry

_NOT_DATA = frozenset({"#attributes", "Event_attributes", "System", "RenderingInfo"})
_NONE: dict[str, Any] = {}
_PLAIN = 3
"""Attributes, System, EventData: what a plain event has."""


def read(event: dict[str, Any]) -> Entry | None:
    """The entry of what stands under `Event`, None if that is no Windows event."""
    system = event.get("System")
    if type(system) is not dict:
        return None
    get = system.get
    event_id = get("EventID")
    qualifiers = None
    if type(event_id) is dict:
        qualifiers = _attributes(system, "EventID").get("Qualifiers")
        event_id = event_id.get("#text")
    if event_id is None:
        return None
    provider = _attributes(system, "Provider")
    computer = get("Computer")
    record_id = get("EventRecordID")
    own = {"Computer": computer}
    execution = _attributes(system, "Execution")
    if execution:
        own["ExecutionProcessID"] = execution.get("ProcessID")
        own["ThreadID"] = execution.get("ThreadID")
    if get("Security") is not None:
        own["UserID"] = _attributes(system, "Security").get("UserID")
    if get("Correlation") is not None:
        correlation = _attributes(system, "Correlation")
        own["ActivityID"] = correlation.get("ActivityID")
        if "RelatedActivityID" in correlation:
            own["RelatedActivityID"] = correlation["RelatedActivityID"]
    data = data_of(event)
    return Entry(
        (
            event_id,
            get("Channel"),
            provider.get("Name"),
            get("Level"),
            get("Task"),
            get("Opcode"),
            get("Keywords"),
            get("Version"),
            provider.get("Guid"),
            provider.get("EventSourceName"),
            qualifiers,
        ),
        computer,
        clock.stated(_attributes(system, "TimeCreated").get("SystemTime")),
        record_id,
        own,
        data,
        None if data else _rendered(event),
    )


def _attributes(system: dict[str, Any], name: str) -> dict[str, Any]:
    """The XML attributes of one element, in either of evtx_dump's two ways to write them."""
    element = system.get(name)
    if type(element) is dict:
        found = element.get("#attributes")
        return found if type(found) is dict else _NONE
    if element is None:
        element = system.get(f"{name}_attributes")
    return element if type(element) is dict else _NONE


def data_of(event: dict[str, Any]) -> Data:
    """The fields of what stands beside System."""
    content = event.get("EventData")
    if (
        type(content) is dict
        and "Data" not in content
        and "#attributes" not in content
        and len(event) <= _PLAIN
    ):
        return content
    return _unusual_data(event)


def _unusual_data(event: dict[str, Any]) -> Data:
    data: Data = {}
    for section, content in event.items():
        if content is None or section in _NOT_DATA:
            continue
        if section == "EventData" and type(content) is dict:
            data |= _event_data(content)
        elif section == "UserData" and type(content) is dict:
            data |= _user_data(content)
        elif type(content) is dict:  # ProcessingErrorData, SubscriptionBookmarkEvent ...
            data |= _texts(content)
        else:
            data[section] = content
    return data


def _rendered(event: dict[str, Any]) -> object:
    """The text that a collector's source rendered."""
    rendered = event.get("RenderingInfo")
    return rendered.get("Message") if type(rendered) is dict else None


def _event_data(content: dict[str, Any]) -> Data:
    """EventData with unnamed parts: `Data` holds them, one a line."""
    data = _texts(content)
    if "Data" not in content:
        return data
    unnamed = content["Data"]
    if type(unnamed) is dict:
        unnamed = unnamed.get("#text")
    if type(unnamed) is list:
        unnamed = "\n".join(["" if part is None else text_of(part) for part in unnamed])
    data["Data"] = unnamed
    return data


def _user_data(content: dict[str, Any]) -> Data:
    """UserData holds one element of the provider's own making, and the fields are in that."""
    data: Data = {}
    for name, element in content.items():
        if type(element) is dict:
            data |= _texts(element)
            if name not in {"EventXML", "EventData"}:
                data["UserData_Name"] = name
        elif element is not None:
            data[name] = element
    return data


def _texts(content: dict[str, Any]) -> Data:
    data: Data = {}
    for name, value in content.items():
        if name == "#attributes":
            if type(value) is dict and value.get("Name") is not None:
                data["EventData_Name"] = value["Name"]
        elif type(value) is dict:
            text = value.get("#text")
            data[name] = text_of(value) if text is None else text
        else:
            data[name] = value
    return data
