"""The quick way for records as EVTX renders them: many of one shape, turned on their side.

Whatever is not shaped as Windows itself writes it, is refused here and read one by one with patience (`nested`).
Both ways give the same events; a test holds them to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from countersign.model.columns import Values, turned
from countersign.sources._windows import clock
from countersign.sources._windows.reader import Reader, Turned

_REFUSED = (TypeError, LookupError, ValueError, AttributeError)
"""What reading a record of another shape raises."""
PLAIN_PARTS = frozenset({"#attributes", "System", "EventData"})
SPECIAL = frozenset({"Data", "#attributes"})
"""Names in EventData that are not plain fields."""
AT_ONCE = 128
"""Records turned together: few enough to stay in the processor's cache."""


def by_beginning(records: Sequence[bytes]) -> list[list[int]]:
    """Indices of the records that begin alike, up to their time: same provider, event, level and so on."""
    groups: dict[bytes, list[int]] = {}
    for index, raw in enumerate(records):
        start = raw[: raw.find(b'"TimeCreated"')]
        members = groups.get(start)
        if members is None:
            groups[start] = [index]
        else:
            members.append(index)
    return [
        group[start : start + AT_ONCE] for group in groups.values() for start in range(0, len(group), AT_ONCE)
    ]


def read(events: Sequence[dict[str, Any]], indexes: Sequence[int], reader: Reader) -> list[int]:
    """Adds records to `reader`, and returns the places (among `events`) of those that are not plain.

    `events` hold what stands under `Event`, `indexes` the records' places in the segment.
    """
    if _read(events, indexes, reader):
        return []
    shapes: dict[tuple[object, ...], list[int]] = {}
    for place, event in enumerate(events):
        shapes.setdefault(_shape(event), []).append(place)
    left: list[int] = []
    for shape, places in shapes.items():
        plain = shape and _read(
            [events[place] for place in places], [indexes[place] for place in places], reader
        )
        if not plain:
            left += places
    return left


def _shape(event: dict[str, Any]) -> tuple[object, ...]:
    """What records must have in common to be turned together."""
    try:
        system, content = event["System"], event["EventData"]
        if content is not None and type(content) is not dict:
            return ()
        return (
            tuple(event),
            tuple(system),
            tuple(content or ()),
            system["Correlation"] is None,
            system["Security"] is None,
            str(system["Channel"]),
            str(system["Computer"]),
        )
    except _REFUSED:
        return ()


def _read(events: Sequence[dict[str, Any]], indexes: Sequence[int], reader: Reader) -> bool:
    try:
        reader.add_many(indexes, _turn(events))
    except _REFUSED:
        return False
    return True


def _turn(events: Sequence[dict[str, Any]]) -> Turned:
    """The events as one block; raises one of `_REFUSED` if they are not of one plain shape."""
    parts = set(map(tuple, events))
    if len(parts) != 1 or not PLAIN_PARTS.issuperset(*parts):
        raise ValueError
    system = _alike([event["System"] for event in events])
    contents = [event["EventData"] for event in events]
    data = {} if contents[0] is None and not any(contents) else _alike(contents)
    if not SPECIAL.isdisjoint(data):
        raise ValueError
    code, qualifiers = _code(_same(system["EventID"]))
    provider = _same(system["Provider"])["#attributes"]
    head = (
        code,
        _same(system["Channel"]),
        provider["Name"],
        _same(system["Level"]),
        _same(system["Task"]),
        _same(system["Opcode"]),
        _same(system["Keywords"]),
        _same(system["Version"]) if "Version" in system else None,
        provider.get("Guid"),
        provider.get("EventSourceName"),
        qualifiers,
    )
    stamps = clock.stated_many([element["#attributes"]["SystemTime"] for element in system["TimeCreated"]])
    return Turned(head, _same(system["Computer"]), stamps, system["EventRecordID"], _own(system), data)


def _alike(rows: list[dict[str, Any]]) -> dict[str, Values]:
    """Rows with the same names in the same order, turned on their side."""
    names = tuple(rows[0])
    if [tuple(row) for row in rows].count(names) < len(rows):
        raise ValueError
    return turned(rows)


def _same(values: Sequence[Any]) -> Any:  # noqa: ANN401  # foreign JSON
    if values.count(values[0]) < len(values):
        raise ValueError
    return values[0]


def _code(element: Any) -> tuple[Any, Any]:  # noqa: ANN401  # foreign JSON
    """The event id and its qualifiers."""
    if type(element) is dict:
        return element["#text"], element["#attributes"].get("Qualifiers")
    if element is None:
        raise TypeError
    return element, None


def _own(system: dict[str, Any]) -> dict[str, Values]:
    """The parts of System that are each record's own, but for computer and number."""
    own: dict[str, Values] = {}
    executions = _attributes(system["Execution"])
    if executions is not None:
        own["ExecutionProcessID"] = [attributes["ProcessID"] for attributes in executions]
        own["ThreadID"] = [attributes["ThreadID"] for attributes in executions]
    users = _attributes(system["Security"])
    if users is not None:
        own["UserID"] = [attributes.get("UserID") for attributes in users]
    activities = _attributes(system["Correlation"])
    if activities is not None:
        own["ActivityID"] = [attributes.get("ActivityID") for attributes in activities]
        related = [attributes.get("RelatedActivityID") for attributes in activities]
        if any(related):
            own["RelatedActivityID"] = related
    return own


def _attributes(elements: Sequence[Any]) -> list[dict[str, Any]] | None:
    """The attributes of one element in every record; None if no record has it."""
    if elements[0] is None:
        if elements.count(None) < len(elements):
            raise TypeError
        return None
    return [element["#attributes"] for element in elements]
