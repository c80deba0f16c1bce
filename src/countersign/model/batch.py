"""From parsed records to Arrow: the one place that builds event columns.

A source calls `add` or `reject` once for each record and `finish` once for each segment. Rows are gathered
as small dicts and turned into columns in one go; a column that no row has is not made at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from countersign.model import identity, schema
from countersign.model.columns import ORDINARY, Block, Columns, Kind, Row, Same, Shape, Values, turned

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Nothing we read is older; clocks that were reset say 1970, 1980 or 1601."""
LATEST_AHEAD = timedelta(days=31)
"""A record may be this far ahead of the moment its bytes were sealed, no further."""


@dataclass(frozen=True, slots=True)
class ParseContext:
    """What a parser may know besides the bytes.

    `segment` is the digest of the sealed bytes, `received` the file's modification time (the reference for a
    missing year), `sealed` when they were sealed, `zone` the IANA zone of clock texts that name none, `origin`
    the label given at collection.
    """

    segment: str
    received: datetime
    sealed: datetime
    zone: str = "UTC"
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one segment held: `events` (a subset of `schema.events_schema()`'s columns, in the order of records as
    they were added), `rejected` (`schema.REJECTED_SCHEMA`), and how many records came out as an event already in
    this segment."""

    events: pa.Table
    rejected: pa.Table
    duplicates: int


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 in UTC of an aware `moment`, exactly."""
    delta = moment - EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


class EventBatch:
    """Gathers the events and rejected records of one segment."""

    def __init__(self, source: str, context: ParseContext) -> None:
        self._source = source
        self._context = context
        self._shapes: dict[Shape, tuple[list[int], list[Row], list[Row]]] = {}
        self._blocks: list[Block] = []
        self._seen: dict[str, int] = {}  # id -> place among the events
        self._counts: dict[int, int] = {}  # place -> how many, where that is not one
        self._rejected: list[tuple[int, str]] = []
        self._duplicates = 0
        self._earliest = microseconds(EARLIEST)
        self._latest = microseconds(max(context.sealed, EARLIEST) + LATEST_AHEAD)

    def add(
        self,
        record: int,
        raw: bytes,
        columns: dict[str, object],
        fields: Mapping[str, object],
        key: tuple[str, ...] | None = None,
        kind: Kind = ORDINARY,
    ) -> None:
        """One record understood.

        `record` is its index in the segment, `raw` its bytes. `columns` holds dotted OCSF names of
        `schema.OCSF_COLUMNS` plus `time` (microseconds since 1970, None if there is none), `time_text` and
        `time_basis`; it is kept, so pass a fresh dict. `fields` holds the source's fields by their own
        names, as text, numbers or None; it is kept too. `key` is the source's own key, None for a keyless record,
        whose id then comes from bytes and origin. `kind` says what many records have in common, and is the
        quick way where there are such: pass the same object for each of them.
        """
        id_ = identity.record_id(raw, self._context.origin) if key is None else identity.keyed_id(*key)
        place = self._place(id_, keyed=key is not None)
        if place is None:
            return
        moment = columns.get("time")
        if type(moment) is not int or not self._earliest <= moment <= self._latest:
            columns["time"] = None
            columns["time_basis"] = "undated"
        columns["id"] = id_
        columns["keyed"] = key is not None
        columns["record"] = record
        shape = (kind, tuple(columns), tuple(fields))
        group = self._shapes.get(shape)
        if group is None:
            group = self._shapes[shape] = ([], [], [])
        group[0].append(place)
        group[1].append(columns)
        group[2].append(fields)

    def add_many(
        self,
        records: Sequence[int],
        raws: Sequence[bytes],
        columns: dict[str, Values],
        fields: dict[str, Values],
        keys: Sequence[tuple[str, ...] | None],
        kind: Kind,
    ) -> None:
        """What `add` does, for many records with the same names at once.

        Every argument holds as many values as there are records; `columns` must have all of `time`, `time_text`
        and `time_basis`. `columns` and `fields` are kept, so pass fresh dicts.
        """
        if any(keys):
            ids = [
                identity.record_id(raw, self._context.origin) if key is None else identity.keyed_id(*key)
                for raw, key in zip(raws, keys, strict=True)
            ]
            keyed: Sequence[bool] = [key is not None for key in keys]
        else:
            ids = self.keyless(raws)
            keyed = Same(False, len(ids))
        self.add_block(records, ids, keyed, columns, fields, kind)

    def add_keyed(
        self,
        records: Sequence[int],
        ids: Sequence[str],
        columns: dict[str, Values],
        fields: dict[str, Values],
        kind: Kind,
    ) -> None:
        """What `add_many` does, for records that all have a key; `ids` come from `identity.keyed_ids`."""
        self.add_block(records, ids, Same(True, len(ids)), columns, fields, kind)

    def keyless(self, raws: Sequence[bytes]) -> list[str]:
        """Ids of records that bring no key."""
        return identity.record_ids(raws, self._context.origin)

    def places(self, ids: Sequence[str], keyed: Sequence[bool]) -> Sequence[int | None]:
        """For those who add blocks of records that come in turns: where each record has its place, None where it is there
        already. To be asked once, for all in the order of their coming; each block is then added `at` its records' places."""
        first = len(self._seen)
        if self._seen.keys().isdisjoint(ids) and len(set(ids)) == len(ids):
            self._seen.update(zip(ids, range(first, first + len(ids)), strict=True))
            return range(first, first + len(ids))
        return [self._place(id_, keyed=has_key) for id_, has_key in zip(ids, keyed, strict=True)]

    def add_block(
        self,
        records: Sequence[int],
        ids: Sequence[str],
        keyed: Sequence[bool],
        columns: dict[str, Values],
        fields: dict[str, Values],
        kind: Kind,
        at: Sequence[int | None] | None = None,
    ) -> None:
        """What `add_many` does, for records whose ids are known."""
        columns["id"] = ids
        columns["keyed"] = keyed
        columns["record"] = records
        self._date(columns)
        places = self.places(ids, keyed) if at is None else at
        members = places if isinstance(places, range) else [each for each in places if each is not None]
        if len(members) < len(ids):
            columns = {name: _chosen(values, places) for name, values in columns.items()}
            fields = {name: _chosen(values, places) for name, values in fields.items()}
        if members:
            self._blocks.append(Block(kind, members, columns, fields))

    def _place(self, id_: str, *, keyed: bool) -> int | None:
        """The place of a new event; None for one that is there already, which is counted."""
        fresh = len(self._seen)
        place = self._seen.setdefault(id_, fresh)
        if place == fresh:
            return place
        self._duplicates += 1
        if not keyed:
            self._counts[place] = self._counts.get(place, 1) + 1
        return None

    def _date(self, columns: dict[str, Values]) -> None:
        """Takes away times that are missing or absurd."""
        times = columns["time"]
        if set(map(type, times)) == {int} and self._earliest <= min(times) and max(times) <= self._latest:
            return
        good = [type(time) is int and self._earliest <= time <= self._latest for time in times]
        columns["time"] = [time if fine else None for time, fine in zip(times, good, strict=True)]
        columns["time_basis"] = [
            basis if fine else "undated" for basis, fine in zip(columns["time_basis"], good, strict=True)
        ]

    def reject(self, record: int, reason: str) -> None:
        """One record not understood; `reason` is a sentence without log content."""
        self._rejected.append((record, reason))

    def finish(self, *, by_record: bool = False) -> Parsed:
        """The columns of everything added, in its order or in that of the records."""
        return Parsed(self._events(by_record=by_record), self._rejects(), self._duplicates)

    def _rejects(self) -> pa.Table:
        count = len(self._rejected)
        self._rejected.sort()
        return pa.table(
            {
                "segment": pa.array([self._context.segment] * count, pa.string()),
                "record": pa.array([record for record, _ in self._rejected], pa.int32()),
                "source": pa.array([self._source] * count, pa.string()),
                "reason": pa.array([reason for _, reason in self._rejected], pa.string()),
            },
            schema=schema.REJECTED_SCHEMA,
        )

    def _events(self, *, by_record: bool) -> pa.Table:
        count = len(self._seen)
        columns = Columns(count)
        rows = [
            Block(kind, members, turned(rows), turned(fields))
            for (kind, _, _), (members, rows, fields) in self._shapes.items()
        ]
        for block in self._by_record(rows) if by_record else [*self._blocks, *rows]:
            columns.place(block)
        arrays = columns.arrays(self._source)
        arrays["count"] = _counts(self._counts, count)
        named = arrays.get("source")
        arrays["source"] = pa.repeat(self._source, count) if named is None else named.fill_null(self._source)
        arrays["origin"] = pa.repeat(self._context.origin, count)
        arrays["segment"] = pa.repeat(self._context.segment, count)
        arrays["day"] = _days(arrays.get("time", pa.nulls(count, schema.TIMESTAMP)))
        return _structs(arrays, count)

    def _by_record(self, rows: Sequence[Block]) -> Sequence[Block]:
        """All blocks, with the places of their records by the records' order."""
        blocks = [*self._blocks, *rows]
        pairs = [
            pair for block in blocks for pair in zip(block.columns["record"], block.members, strict=True)
        ]
        place_of = {place: new for new, (_, place) in enumerate(sorted(pairs))}
        self._counts = {place_of[place]: count for place, count in self._counts.items()}
        return [block._replace(members=[place_of[place] for place in block.members]) for block in blocks]


def _chosen(values: Values, places: Sequence[int | None]) -> Values:
    return [value for value, place in zip(values, places, strict=True) if place is not None]


def _counts(several: Mapping[int, int], count: int) -> pa.Array:
    """How often each event is there; `several` has the places of those that are not there just once."""
    if not several:
        return pa.repeat(pa.scalar(1, pa.int32()), count)
    return pa.array([several.get(place, 1) for place in range(count)], pa.int32())


def _days(times: pa.Array) -> pa.Array:
    return pc.fill_null(times.cast(pa.date32()).cast(pa.string()), schema.UNDATED)


class _Place(NamedTuple):
    """One field of the events schema: its dotted path and, where it is a struct, what is in it."""

    path: str
    field: pa.Field
    children: tuple[_Place, ...]


@cache
def _places() -> tuple[_Place, ...]:
    """The events schema as a tree; walking it through Arrow costs as much as parsing two hundred records."""

    def place(field: pa.Field, prefix: str) -> _Place:
        path = prefix + field.name
        inner = field.type if pa.types.is_struct(field.type) else ()
        return _Place(path, field, tuple(place(child, f"{path}.") for child in inner))

    return tuple(place(field, "") for field in schema.events_schema())


def _structs(arrays: dict[str, pa.Array], count: int) -> pa.Table:
    """A table in the events schema's order, dotted leaves gathered into structs; absent columns left out."""
    built = {place.path: _build(place, arrays, count) for place in _places()}
    return pa.table({name: array for name, array in built.items() if array is not None})


def _build(place: _Place, arrays: dict[str, pa.Array], count: int) -> pa.Array | None:
    if not place.children:
        return arrays.get(place.path)
    children = [_build(child, arrays, count) for child in place.children]
    if all(array is None for array in children):
        return None
    return pa.StructArray.from_arrays(
        [
            pa.nulls(count, child.field.type) if array is None else array
            for child, array in zip(place.children, children, strict=True)
        ],
        fields=[child.field for child in place.children],
    )
