"""The form of Winlogbeat and Elastic Agent: ECS names, Windows' own under `winlog`, nested or dotted.

References: https://www.elastic.co/docs/reference/beats/winlogbeat/exported-fields-winlog,
https://www.elastic.co/docs/reference/ecs.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from countersign.model.columns import text_of
from countersign.sources._windows import clock
from countersign.sources._windows.reader import Data, Entry

_NONE: dict[str, Any] = {}
_LEVELS = {"critical": "1", "error": "2", "warning": "3", "information": "4", "info": "4", "verbose": "5"}
_KEYWORDS = {"audit success": "0x8020000000000000", "audit failure": "0x8010000000000000"}
MAX_PARAMETERS = 64
"""Unnamed fields are called param1, param2 ...; more than this no event of Windows has."""


def is_ecs(record: dict[str, Any]) -> bool:
    """Whether this JSON object is a Windows event in ECS form."""
    return type(record.get("winlog")) is dict or any(name.startswith("winlog.") for name in record)


def nested(record: dict[str, Any]) -> dict[str, Any]:
    """`record` with dotted names (`winlog.event_data.Image`) made into objects.

    A dotted name whose path another value already blocks stays as it is.
    """
    if not any("." in name for name in record):
        return record
    out: dict[str, Any] = {}
    for name, value in record.items():
        place = out
        path, leaf = _split(name)
        for step in path:
            inner = place.setdefault(step, {})
            if type(inner) is not dict:
                break
            place = inner
        else:
            old = place.get(leaf)
            place[leaf] = {**old, **value} if type(old) is dict and type(value) is dict else value
    return out


@lru_cache(maxsize=4096)
def _split(name: str) -> tuple[list[str], str]:
    """The objects that a dotted name goes through, and its last part."""
    *path, leaf = name.split(".", 3) if name.startswith("winlog.") else name.split(".", 2)
    return path, leaf


def read(record: dict[str, Any]) -> Entry | None:
    """The entry of one record in ECS form, None if it has no event id."""
    record = nested(record)
    winlog, event = _part(record, "winlog"), _part(record, "event")
    event_id = winlog.get("event_id", event.get("code"))
    if type(event_id) is dict:
        event_id = event_id.get("id")
    if event_id is None:
        return None
    computer = winlog.get("computer_name")
    if computer is None:
        computer = _part(record, "host").get("name")
    level = _part(record, "log").get("level")
    system = (
        event_id,
        winlog.get("channel"),
        winlog.get("provider_name", event.get("provider")),
        _LEVELS.get(level.casefold(), level) if isinstance(level, str) else None,
        winlog.get("task"),
        winlog.get("opcode"),
        _keywords(winlog.get("keywords")),
        winlog.get("version"),
        winlog.get("provider_guid"),
        None,
        None,
    )
    stamp = clock.stated(record.get("@timestamp"))
    data = _data(winlog)
    own = {"Computer": computer} | _own(winlog)
    return Entry(
        system, computer, stamp, winlog.get("record_id"), own, data, None if data else record.get("message")
    )


def _part(record: dict[str, Any], name: str) -> dict[str, Any]:
    part = record.get(name)
    return part if type(part) is dict else _NONE


def _keywords(value: object) -> str | None:
    """The 64 bits where the words say them, else the words."""
    words = value if isinstance(value, list) else [value]
    for word in words:
        if isinstance(word, str) and word.casefold() in _KEYWORDS:
            return _KEYWORDS[word.casefold()]
    return None if value is None else ", ".join(map(text_of, words))


def _own(winlog: dict[str, Any]) -> dict[str, Any]:
    process = _part(winlog, "process")
    own = {
        "ExecutionProcessID": process.get("pid"),
        "ThreadID": _part(process, "thread").get("id"),
        "UserID": _part(winlog, "user").get("identifier"),
        "ActivityID": winlog.get("activity_id"),
        "RelatedActivityID": winlog.get("related_activity_id"),
    }
    return {name: value for name, value in own.items() if value is not None}


def _data(winlog: dict[str, Any]) -> Data:
    data: Data = {}
    for section in ("event_data", "user_data"):
        data |= {name: value for name, value in _part(winlog, section).items() if value is not None}
    if "Data" not in data and "param1" in data:
        numbered = [data.get(f"param{number}") for number in range(1, MAX_PARAMETERS + 1)]
        data["Data"] = "\n".join(text_of(value) for value in numbered if value is not None)
    return data
