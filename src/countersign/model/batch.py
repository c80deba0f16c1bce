"""From parsed records to Arrow: the one place that builds event columns.

A source calls `add` or `reject` once for each record and `finish` once for each segment. Rows are gathered
as small dicts and turned into columns in one go; a column that no row has is not made at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from countersign.model import identity, schema

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
    """What one segment held: `events` (a subset of `schema.events_schema()`'s columns), `rejected`
    (`schema.REJECTED_SCHEMA`), and how many records came out as an event already in this segment."""

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
        self._rows: list[dict[str, object]] = []
        self._fields: list[Mapping[str, object]] = []
        self._seen: dict[str, int] = {}
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
    ) -> None:
        """One record understood.

        `record` is its index in the segment, `raw` its bytes. `columns` holds dotted OCSF names of
        `schema.OCSF_COLUMNS` plus `time` (microseconds since 1970, None if there is none), `time_text` and
        `time_basis`; it is kept, so pass a fresh dict. `fields` holds the source's fields by their own
        names, as text, numbers or None. `key` is the source's own key, None for a keyless record, whose id
        then comes from bytes and origin.
        """
        id_ = identity.record_id(raw, self._context.origin) if key is None else identity.keyed_id(*key)
        known = self._seen.get(id_)
        if known is not None:
            self._duplicates += 1
            if key is None:
                row = self._rows[known]
                row["count"] = int(row["count"]) + 1  # type: ignore[call-overload]  # set below, always int
            return
        self._seen[id_] = len(self._rows)
        moment = columns.get("time")
        if not isinstance(moment, int) or not self._earliest <= moment <= self._latest:
            columns["time"] = None
            columns["time_basis"] = "undated"
        columns["id"] = id_
        columns["count"] = 1
        columns["keyed"] = key is not None
        columns["record"] = record
        self._rows.append(columns)
        self._fields.append(fields)

    def reject(self, record: int, reason: str) -> None:
        """One record not understood; `reason` is a sentence without log content."""
        self._rejected.append((record, reason))

    def finish(self) -> Parsed:
        """The columns of everything added."""
        return Parsed(self._events(), self._rejects(), self._duplicates)

    def _rejects(self) -> pa.Table:
        count = len(self._rejected)
        return pa.table(
            {
                "segment": pa.array([self._context.segment] * count, pa.string()),
                "record": pa.array([record for record, _ in self._rejected], pa.int32()),
                "source": pa.array([self._source] * count, pa.string()),
                "reason": pa.array([reason for _, reason in self._rejected], pa.string()),
            },
            schema=schema.REJECTED_SCHEMA,
        )

    def _events(self) -> pa.Table:
        rows = self._rows
        count = len(rows)
        arrays: dict[str, pa.Array] = {
            "source": pa.repeat(self._source, count),
            "origin": pa.repeat(self._context.origin, count),
            "segment": pa.repeat(self._context.segment, count),
        }
        present: dict[str, None] = {}
        for row in rows:
            present.update(dict.fromkeys(row))
        for name in present:
            type_ = schema.OCSF_COLUMNS.get(name) or schema.CORE_COLUMNS.get(name)
            if type_ is None:
                raise RuntimeError(f"{self._source} sets {name}, which is no column of the events table")
            if name == "time":
                arrays[name] = pa.array([row["time"] for row in rows], pa.int64()).cast(schema.TIMESTAMP)
            else:
                arrays[name] = _column([row.get(name) for row in rows], type_)
        arrays["day"] = _days(arrays.get("time", pa.nulls(count, schema.TIMESTAMP)))
        arrays.update(self._source_arrays(count))
        return _structs(arrays, count)

    def _source_arrays(self, count: int) -> dict[str, pa.Array]:
        columns: dict[str, list[str | None]] = {}
        unmapped: list[list[tuple[str, str]] | None] = []
        names = schema.source_columns()
        targets: dict[str, str | None] = {}
        for index, fields in enumerate(self._fields):
            rest: list[tuple[str, str]] = []
            for name, value in fields.items():
                if value is None:
                    continue
                text = value if isinstance(value, str) else _text(value)
                if name in targets:
                    target = targets[name]
                else:
                    target = targets[name] = names.get(name.casefold())
                if target is None:
                    rest.append((name, text))
                    continue
                cells = columns.get(target)
                if cells is None:
                    cells = columns[target] = [None] * count
                if cells[index] is None:
                    cells[index] = text
                else:
                    rest.append((name, text))
            unmapped.append(rest or None)
        arrays = {name: _column(cells, pa.string()) for name, cells in columns.items()}
        arrays["unmapped"] = _column(unmapped, schema.UNMAPPED)
        return arrays


def _text(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _column(
    values: list[object] | list[str | None] | list[list[tuple[str, str]] | None], type_: pa.DataType
) -> pa.Array:
    """Arrow column; a lone surrogate (JSON may escape one) is replaced, for Arrow holds only valid UTF-8."""
    try:
        return pa.array(values, type_)
    except UnicodeEncodeError:
        return pa.array([_scrub(value) for value in values], type_)


def _scrub(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [(_scrub(name), _scrub(text)) for name, text in value]
    return value


def _days(times: pa.Array) -> pa.Array:
    return pc.fill_null(pc.strftime(times, format="%Y-%m-%d"), schema.UNDATED)


def _structs(arrays: dict[str, pa.Array], count: int) -> pa.Table:
    """A table in the events schema's order, dotted leaves gathered into structs; absent columns left out."""
    out: dict[str, pa.Array] = {}
    for field in schema.events_schema():
        array = _build(field.name, field.type, arrays, count)
        if array is not None:
            out[field.name] = array
    if not out:
        return schema.events_schema().empty_table().select([])
    return pa.table(out)


def _build(path: str, type_: pa.DataType, arrays: dict[str, pa.Array], count: int) -> pa.Array | None:
    if not pa.types.is_struct(type_):
        return arrays.get(path)
    children = [(inner, _build(f"{path}.{inner.name}", inner.type, arrays, count)) for inner in type_]
    if all(array is None for _, array in children):
        return None
    return pa.StructArray.from_arrays(
        [pa.nulls(count, inner.type) if array is None else array for inner, array in children],
        fields=[inner for inner, _ in children],
    )
