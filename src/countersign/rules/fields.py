"""Where the value of a Sigma field stands in a batch of events: the only place that knows our columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

UNMAPPED = "unmapped"
STANDARD: Mapping[str, str] = {
    "eventid": "metadata.event_code",
    "channel": "metadata.log_name",
    "provider_name": "metadata.log_provider",
    "computer": "device.hostname",
    "computername": "device.hostname",
    "message": "message",
}
"""Fields that every source states in a standard column, for rows whose own field is absent."""


class FieldResolver(Protocol):
    """How the engine finds values. Field names are casefolded; columns are string arrays, null where absent."""

    def columns(self, field: str) -> frozenset[str]:
        """Top-level columns that may hold the field."""

    def column(self, batch: pa.RecordBatch, field: str) -> pa.Array | None:
        """The field's values, one a row; None if no row can have one."""

    def texts(self, batch: pa.RecordBatch) -> Iterator[tuple[str, pa.Array, npt.NDArray[np.int64] | None]]:
        """All that a keyword searches: (name, values, rows), rows None where values are one a row."""

    def text_columns(self) -> frozenset[str]:
        """Top-level columns that a keyword searches."""


def leaf(batch: pa.RecordBatch, path: str) -> pa.Array | None:
    """The column at a dotted path; None where the batch has none."""
    head, *rest = path.split(".")
    if head not in batch.schema.names:
        return None
    array = batch.column(head)
    for name in rest:
        if not pa.types.is_struct(array.type) or array.type.get_field_index(name) < 0:
            return None
        array = pc.struct_field(array, name)
    return array


def as_text(array: pa.Array) -> pa.Array:
    """`array` as plain strings, whatever holds them (dictionary, large, view, numbers)."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array if array.type == pa.string() else array.cast(pa.string())


class EventFields:
    """Resolver for the events table: a column of its own, else the map `unmapped`, else a standard column.

    `own` maps a casefolded source field name to its column. Within one row the first entry of the map wins.
    """

    def __init__(self, own: Mapping[str, str], standard: Mapping[str, str] = STANDARD) -> None:
        self._own = own
        self._standard = standard

    def columns(self, field: str) -> frozenset[str]:
        """As in `FieldResolver`."""
        names = {self._own.get(field, UNMAPPED)}
        if field in self._standard:
            names.add(self._standard[field].partition(".")[0])
        return frozenset(names)

    def column(self, batch: pa.RecordBatch, field: str) -> pa.Array | None:
        """As in `FieldResolver`."""
        name = self._own.get(field)
        array = _unmapped(batch, field) if name is None else leaf(batch, name)
        found = None if array is None else as_text(array)
        if field not in self._standard:
            return found
        fallback = leaf(batch, self._standard[field])
        if fallback is None:
            return found
        fallback = as_text(fallback)
        return fallback if found is None else pc.coalesce(found, fallback)

    def texts(self, batch: pa.RecordBatch) -> Iterator[tuple[str, pa.Array, npt.NDArray[np.int64] | None]]:
        """As in `FieldResolver`."""
        for name in sorted(self.text_columns() & set(batch.schema.names)):
            if name != UNMAPPED:
                yield name, as_text(batch.column(name)), None
                continue
            entries = _entries(batch)
            if entries is not None:
                _, items, rows = entries
                yield name, as_text(items), rows

    def text_columns(self) -> frozenset[str]:
        """As in `FieldResolver`."""
        return frozenset({*self._own.values(), UNMAPPED, "message"})


def _entries(batch: pa.RecordBatch) -> tuple[pa.Array, pa.Array, npt.NDArray[np.int64]] | None:
    """Keys, values and row of each entry of the map column."""
    if UNMAPPED not in batch.schema.names:
        return None
    array = batch.column(UNMAPPED)
    if not pa.types.is_map(array.type) or len(array) == 0:
        return None
    offsets = array.offsets.to_numpy()
    first, last = int(offsets[0]), int(offsets[-1])
    rows = np.repeat(np.arange(len(array), dtype=np.int64), np.diff(offsets))
    return array.keys.slice(first, last - first), array.items.slice(first, last - first), rows


def _unmapped(batch: pa.RecordBatch, field: str) -> pa.Array | None:
    entries = _entries(batch)
    if entries is None:
        return None
    keys, items, rows = entries
    encoded = as_text(keys).dictionary_encode()
    codes = [i for i, name in enumerate(encoded.dictionary.to_pylist()) if name.casefold() == field]
    if not codes:
        return None
    at = np.flatnonzero(np.isin(encoded.indices.to_numpy(), codes))
    kept, first = np.unique(rows[at], return_index=True)
    take = np.full(batch.num_rows, -1, dtype=np.int64)
    take[kept] = at[first]
    return as_text(items).take(pa.array(take, mask=take < 0))


def event_fields() -> EventFields:
    """The resolver for Countersign's own events table."""
    from countersign.model.schema import source_columns

    return EventFields(source_columns())
