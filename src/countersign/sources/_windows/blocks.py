"""The quick way for records as EVTX renders them: many of one shape, turned on their side.

Whatever is not shaped as Windows itself writes it, is refused here and read one by one with patience (`nested`).
Both ways give the same events; a test holds them to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import orjson

from countersign.model.columns import Values, turned
from countersign.sources._windows import clock
from countersign.sources._windows.reader import Reader, Turned
from countersign.sources._windows.values import Scalar

_REFUSED = (TypeError, LookupError, ValueError, AttributeError, RecursionError)
"""What reading a record of another shape raises."""
SPECIAL = frozenset({"Data", "#attributes"})
"""Names in EventData that are not plain fields."""
AT_ONCE = 128
"""Records turned together: few enough to stay in the processor's cache."""


BORDER = b',"TimeCreated":{'
"""Before it stands what records of one kind share: provider, event, level and so on. Within a text its quotes would be
escaped, so that it is a border of parts wherever it stands."""
REOPENED = b'{"Event":{"System":{'
SHARED = frozenset({"Provider", "EventID", "Version", "Level", "Task", "Opcode", "Keywords"})
"""Parts of System that may stand before the border."""
WHOLE = ("#attributes", "System")
"""What an event begins with: its namespace and System."""
Head = tuple[Scalar, ...]


class Group(NamedTuple):
    """Records that begin alike: the bytes before the border, empty where there is none, and the records' places."""

    start: bytes
    indexes: list[int]


def by_beginning(records: Sequence[bytes]) -> list[Group]:
    """The records by what stands before the border, at most `AT_ONCE` together."""
    groups: dict[bytes, list[int]] = {}
    for index, raw in enumerate(records):
        start, found, _ = raw.partition(BORDER)
        if not found:
            start = b""
        members = groups.get(start)
        if members is None:
            groups[start] = [index]
        else:
            members.append(index)
    return [
        Group(beginning, group[start : start + AT_ONCE])
        for beginning, group in groups.items()
        for start in range(0, len(group), AT_ONCE)
    ]


class _Created(msgspec.Struct, gc=False):
    SystemTime: str


class _TimeCreated(msgspec.Struct, gc=False):
    attributes: _Created = msgspec.field(name="#attributes")


class _Ids(msgspec.Struct, gc=False):
    ProcessID: Any
    ThreadID: Any


class _Execution(msgspec.Struct, gc=False):
    attributes: _Ids = msgspec.field(name="#attributes")


class _Activities(msgspec.Struct, gc=False):
    ActivityID: Any = None
    RelatedActivityID: Any = None


class _Correlation(msgspec.Struct, gc=False):
    attributes: _Activities = msgspec.field(name="#attributes")


class _User(msgspec.Struct, gc=False):
    UserID: Any = None


class _Security(msgspec.Struct, gc=False):
    attributes: _User = msgspec.field(name="#attributes")


class _System(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What System has after the border, in a plain record."""

    TimeCreated: _TimeCreated
    EventRecordID: Any
    Correlation: _Correlation | None
    Execution: _Execution | None
    Channel: str
    Computer: str
    Security: _Security | None


class _Event(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    System: _System
    EventData: dict[str, Any] | None


class _Record(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    Event: _Event


_decode = msgspec.json.Decoder(_Record).decode
"""Half the time that dictionaries take, and whatever is not plain is refused."""


def read(
    group: Group, records: Sequence[bytes], reader: Reader, opening: tuple[str, ...] = WHOLE
) -> list[int]:
    """Adds records to `reader`, and returns the places of those that are not plain, or do not begin with `opening`."""
    head = _head(group.start, opening)
    if head is None:
        return group.indexes
    cut = len(group.start) + 1
    events, indexes, left = _decoded(
        [REOPENED + records[index][cut:] for index in group.indexes], group.indexes
    )
    if not events or _read(head, events, indexes, reader):
        return left
    shapes: dict[tuple[object, ...], list[int]] = {}
    for place, event in enumerate(events):
        shapes.setdefault(_shape(event), []).append(place)
    for places in shapes.values():
        alike = [indexes[place] for place in places]
        if not _read(head, [events[place] for place in places], alike, reader):
            left += alike
    return left


def _decoded(texts: Sequence[bytes], indexes: Sequence[int]) -> tuple[list[_Event], Sequence[int], list[int]]:
    """Events of plain form with their records' places, and the places of the others."""
    try:
        return [_decode(text).Event for text in texts], indexes, []
    except _REFUSED:
        pass
    events, plain, left = [], [], []
    for text, index in zip(texts, indexes, strict=True):
        try:
            events.append(_decode(text).Event)
            plain.append(index)
        except _REFUSED:
            left.append(index)
    return events, plain, left


def _shape(event: _Event) -> tuple[object, ...]:
    """What records must have in common to be turned together."""
    system = event.System
    return (
        tuple(event.EventData or ()),
        system.Correlation is None,
        system.Execution is None,
        system.Security is None,
        system.Channel,
        system.Computer,
    )


@lru_cache(maxsize=4096)
def _head(start: bytes, opening: tuple[str, ...]) -> Head | None:
    """What System has before the border, but for the channel: `reader.System` in its order; None where the beginning is
    no plain one."""
    try:
        event = orjson.loads(start + b"}}}")["Event"]
        if tuple(event) != opening:
            return None
        system = event["System"]
        if not SHARED.issuperset(system):
            return None
        code, qualifiers = _code(system["EventID"])
        provider = system["Provider"]["#attributes"]
        head = (
            code,
            provider["Name"],
            system["Level"],
            system["Task"],
            system["Opcode"],
            system["Keywords"],
            system.get("Version"),
            provider.get("Guid"),
            provider.get("EventSourceName"),
            qualifiers,
        )
    except _REFUSED:
        return None
    return None if any(isinstance(part, (list, dict)) for part in head) else head


def _read(head: Head, events: Sequence[_Event], indexes: Sequence[int], reader: Reader) -> bool:
    try:
        reader.add_many(indexes, _turn(head, events))
    except _REFUSED:
        return False
    return True


def _turn(head: Head, events: Sequence[_Event]) -> Turned:
    """The events as one block; raises one of `_REFUSED` if they are not of one plain shape."""
    systems = [event.System for event in events]
    contents = [event.EventData for event in events]
    data = {} if contents[0] is None and not any(contents) else _alike(contents)
    if not SPECIAL.isdisjoint(data):
        raise ValueError
    code, *others = head
    return Turned(
        (code, _same([system.Channel for system in systems]), *others),
        _same([system.Computer for system in systems]),
        clock.stated_many([system.TimeCreated.attributes.SystemTime for system in systems]),
        [system.EventRecordID for system in systems],
        _own(systems),
        data,
    )


def _alike(rows: Sequence[Any]) -> dict[str, Values]:
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


def _own(systems: Sequence[_System]) -> dict[str, Values]:
    """The parts of System that are each record's own, but for computer and number."""
    own: dict[str, Values] = {}
    ids = _attributes([system.Execution for system in systems])
    if ids is not None:
        own["ExecutionProcessID"] = [one.ProcessID for one in ids]
        own["ThreadID"] = [one.ThreadID for one in ids]
    users = _attributes([system.Security for system in systems])
    if users is not None:
        own["UserID"] = [one.UserID for one in users]
    activities = _attributes([system.Correlation for system in systems])
    if activities is not None:
        own["ActivityID"] = [one.ActivityID for one in activities]
        related = [one.RelatedActivityID for one in activities]
        if any(related):
            own["RelatedActivityID"] = related
    return own


def _attributes(elements: Sequence[Any]) -> list[Any] | None:
    """The attributes of one element in every record; None if no record has it."""
    if elements[0] is None:
        if elements.count(None) < len(elements):
            raise TypeError
        return None
    return [element.attributes for element in elements]
