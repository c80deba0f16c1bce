"""Entries into events: identity, common columns, the plan of the event, all fields.

What stands in System repeats from record to record, so everything that follows from it alone (columns, plan,
part of the id) is worked out once for each combination in a segment.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from countersign.model import identity
from countersign.model.batch import EventBatch
from countersign.model.columns import Kind, Same, Values, text_of, turned
from countersign.sources._windows.clock import Stamp, Stamps
from countersign.sources._windows.events import plan_for
from countersign.sources._windows.values import Scalar, text, whole

Data = dict[str, Scalar]
AUDIT_FAILURE = 0x10_0000_0000_0000
AUDIT_SUCCESS = 0x20_0000_0000_0000
"""Bits of Keywords in the Security channel (winmeta.xml)."""
LINUX_SYSMON = "Linux-Sysmon/Operational"
MAX_EVENT_ID = 2**32 - 1
MAX_RECORD_ID_CHARS = 20
"""64 bits in decimal."""


SYSTEM_FIELDS = (
    "EventID",
    "Channel",
    "Provider_Name",
    "Level",
    "Task",
    "Opcode",
    "Keywords",
    "Version",
    "Provider_Guid",
    "Provider_EventSourceName",
    "Qualifiers",
)
"""Names of the parts of System that repeat, in the order of `System`."""
System = tuple[Scalar, Scalar, Scalar, Scalar, Scalar, Scalar, Scalar, Scalar, Scalar, Scalar, Scalar]
OWN = frozenset(
    {
        "Computer",
        "EventRecordID",
        "ExecutionProcessID",
        "ThreadID",
        "UserID",
        "ActivityID",
        "RelatedActivityID",
    }
)
RIVAL = "EventData_"
"""Rules choose records by System's fields: where event data uses the same name, it is kept under a longer one."""


class Entry(NamedTuple):
    """One record in the form-independent shape.

    `own` holds the parts of System that are this record's alone by the names they have as fields (a subset of
    `OWN`), `data` the fields of EventData or UserData. Both are the reader's to keep. `message` is the rendered
    text, where no fields say as much.
    """

    system: System
    computer: Scalar
    stamp: Stamp
    record_id: Scalar
    own: dict[str, Scalar]
    data: Data
    message: object = None


class Turned(NamedTuple):
    """Many records of one System, computer and shape, turned on their side; their times are stated."""

    system: System
    computer: Scalar
    stamps: Stamps
    record_ids: Values
    own: dict[str, Values]
    data: dict[str, Values]


_Shape = tuple[Kind, str | None, tuple[str, ...] | None, bool, tuple[str, ...], tuple[str, ...]]
"""What entries have in common that become events together: their kind, computer, the beginning of their keys (None where they
have none), whether there is a message, and the names of their own parts of System and of their data."""
_Held = tuple[int, int, bytes, str | None, Stamp, dict[str, Scalar], Data]
"""An entry that waits for the others of its shape: how many came before it, index and bytes of its record, its number there, and
its parts."""


class Reader:
    """Turns the entries of one segment into events."""

    def __init__(self, batch: EventBatch, source: str = "") -> None:
        """`source` names the events' family where it is not the batch's."""
        self._batch = batch
        self._source = source
        self._kinds: dict[System, Kind] = {}
        self._held: dict[_Shape, list[_Held]] = {}
        self._come = 0

    def add(self, record: int, raw: bytes, entry: Entry) -> None:
        """Takes record number `record`, whose bytes are `raw`; `finish` adds it."""
        system, computer, stamp, record_id, own, data, message = entry
        try:
            kind = self._kinds.get(system)
            if kind is None:
                kind = self._kinds[system] = _kind(system, self._source)
            host, start = _identity(computer, system[1])
        except TypeError:  # a list or an object where Windows never writes one
            self.add(record, raw, _flattened(entry))
            return
        number = record_number(record_id)
        own["EventRecordID"] = number
        if not own.keys().isdisjoint(data):
            data = {RIVAL + name if name in own else name: value for name, value in data.items()}
        if message is not None:
            data = {**data, "Message": text_of(message)}
        if number is None or stamp.logged is None:
            start = None
        shape = (kind, host, start, message is not None, tuple(own), tuple(data))
        held = self._held.get(shape)
        if held is None:
            held = self._held[shape] = []
        held.append((self._come, record, raw, number, stamp, own, data))
        self._come += 1

    def finish(self) -> None:
        """Adds the events of all entries taken, in the order of their coming."""
        ids, keyed = [""] * self._come, [False] * self._come
        turns: dict[_Shape, tuple[Sequence[int], Sequence[str]]] = {}
        for shape, held in self._held.items():
            start = shape[2]
            come, _, raws, numbers, stamps, _, _ = zip(*held, strict=True)
            if start is None:
                own_ids = self._batch.keyless(raws)
            else:
                own_ids = identity.keyed_ids(start, numbers, [str(stamp.logged) for stamp in stamps])
            for place, id_ in zip(come, own_ids, strict=True):
                ids[place], keyed[place] = id_, start is not None
            turns[shape] = come, own_ids
        places = self._batch.places(ids, keyed)
        for shape, (came, its_ids) in turns.items():
            self._add(shape, self._held[shape], its_ids, [places[place] for place in came])
        self._held.clear()
        self._come = 0

    def _add(
        self, shape: _Shape, held: Sequence[_Held], ids: Sequence[str], at: Sequence[int | None]
    ) -> None:
        kind, host, start, told, _, _ = shape
        _, records, _, numbers, stamps, own, data = zip(*held, strict=True)
        times, _, texts, bases = zip(*stamps, strict=True)
        fields = {**turned(own), **turned(data)}
        columns: dict[str, Values] = {
            "metadata.uid": numbers,
            "device.hostname": Same(host, len(held)),
            "time": times,
            "time_text": texts,
            "time_basis": bases,
        }
        if told:
            columns["message"] = fields["Message"]
        keyed = Same(start is not None, len(held))
        self._batch.add_block(records, ids, keyed, columns, fields, kind, at)

    def add_many(self, indexes: Sequence[int], block: Turned) -> None:
        """What `add` does for many records of one block; raises `ValueError` where one of them has no key."""
        kind = self._kinds.get(block.system)
        if kind is None:
            kind = self._kinds[block.system] = _kind(block.system, self._source)
        host, start = _identity(block.computer, block.system[1])
        numbers = _record_numbers(block.record_ids)
        count = len(indexes)
        if start is None or len(numbers) < count:
            raise ValueError
        own: dict[str, Values] = {
            "Computer": Same(block.computer, count),
            "EventRecordID": numbers,
            **block.own,
        }
        self._batch.add_keyed(
            indexes,
            identity.keyed_ids(start, numbers, map(str, block.stamps.logged)),
            {
                "metadata.uid": numbers,
                "device.hostname": Same(host, count),
                "time": block.stamps.times,
                "time_text": block.stamps.texts,
                "time_basis": block.stamps.bases,
            },
            own | {RIVAL + name if name in own else name: values for name, values in block.data.items()},
            kind,
        )


def event_code(value: Scalar) -> int | None:
    """An event id, None if it is none."""
    number = whole(value)
    return number if number is not None and 0 <= number <= MAX_EVENT_ID else None


def record_number(value: object) -> str | None:
    """A record id as decimal text; zero and everything that is no number mean none."""
    if type(value) is int:
        return str(value) if value > 0 else None
    if isinstance(value, str) and len(value) <= MAX_RECORD_ID_CHARS and value.isdecimal() and value.isascii():
        return value.lstrip("0") or None
    return None


def _record_numbers(values: Values) -> list[str]:
    """The record numbers among many values."""
    if set(map(type, values)) == {int} and min(values) > 0:
        return list(map(str, values))
    return [number for number in map(record_number, values) if number is not None]


@lru_cache(maxsize=4096)
def _identity(computer: Scalar, channel: Scalar) -> tuple[str | None, tuple[str, str, str] | None]:
    """The computer as text, and the beginning of the keys of its records in this channel."""
    host, log = text(computer), text(channel)
    return host, (
        "windows",
        host.casefold(),
        log.casefold(),
    ) if host is not None and log is not None else None


def _kind(system: System, source: str) -> Kind:
    event_id, channel, provider, keywords = text(system[0]), text(system[1]), text(system[2]), system[6]
    code = event_code(system[0])
    plan = plan_for(channel or "", provider or "", code)
    columns = plan.base.copy()
    if "status_id" not in columns and channel is not None and channel.casefold() == "security":
        columns["status_id"] = _status(keywords)
    columns.setdefault("metadata.product", "Sysmon for Linux" if channel == LINUX_SYSMON else "Windows")
    columns["metadata.log_name"] = channel
    if source:
        columns["source"] = source
    columns["metadata.log_provider"] = provider
    columns["metadata.event_code"] = event_id if code is None else str(code)
    fields = {
        name: text_of(value) for name, value in zip(SYSTEM_FIELDS, system, strict=True) if value is not None
    }
    return Kind(columns, fields, plan.derive, RIVAL)


def _status(keywords: Scalar) -> int | None:
    bits = whole(keywords)
    if bits is None or not bits & (AUDIT_FAILURE | AUDIT_SUCCESS):
        return None
    return 2 if bits & AUDIT_FAILURE else 1


def _flattened(entry: Entry) -> Entry:
    """`entry` with lists and objects in System as text, so that every value has a hash."""

    def scalar(value: Scalar | list[object] | dict[str, object]) -> Scalar:
        return text_of(value) if isinstance(value, (list, dict)) else value

    system: System = tuple(scalar(value) for value in entry.system)  # type: ignore[assignment]  # as long as before
    return entry._replace(system=system, computer=scalar(entry.computer))
