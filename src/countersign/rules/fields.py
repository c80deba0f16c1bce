"""Where the value of a Sigma field stands in a batch of events: the only place that knows our columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

UNMAPPED = "unmapped"
Rows = npt.NDArray[np.int64]
STANDARD: Mapping[str, str] = {
    "eventid": "metadata.event_code",
    "channel": "metadata.log_name",
    "provider_name": "metadata.log_provider",
    "computer": "device.hostname",
    "computername": "device.hostname",
    "message": "message",
    "timecreated": "time",
    "systemtime": "time",
    "timestamp": "time",
    "@timestamp": "time",
}
"""Fields that every source states in a standard column, for rows whose own field is absent. A time is text in UTC."""


class Fields(Protocol):
    """The values of one batch. Field names are casefolded; arrays are strings or dictionaries of strings (`is_coded`), null
    where a row has no value."""

    def column(self, field: str) -> pa.Array | None:
        """The field's values, one a row; None if no row can have one."""

    def texts(self) -> Iterator[tuple[str, pa.Array, Rows | None]]:
        """All that a keyword searches: (name, values, rows), rows None where values are one a row."""


class FieldResolver(Protocol):
    """How the engine finds values in batches of some shape."""

    def columns(self, field: str) -> frozenset[str]:
        """Top-level columns that may hold the field."""

    def text_columns(self) -> frozenset[str]:
        """Top-level columns that a keyword searches."""

    def open(self, batch: pa.RecordBatch) -> Fields:
        """A view of one batch."""


def leaf(batch: pa.RecordBatch, path: str) -> pa.Array | None:
    """The column at a dotted path; None where the batch has none."""
    head, *rest = path.split(".")
    place = batch.schema.get_field_index(head)  # its list of names would be made anew for each question
    if place < 0:
        return None
    array = batch.column(place)
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


def is_coded(array: pa.Array) -> bool:
    """Whether `array` is a dictionary of plain strings that the engine may take as it is."""
    return (
        pa.types.is_dictionary(array.type)
        and array.type.value_type == pa.string()
        and array.type.index_type == pa.int32()
        and not array.dictionary.null_count
    )


def coded(array: pa.Array) -> pa.Array:
    """`array` as it is if it is coded, else as plain strings."""
    return array if is_coded(array) else as_text(array)


def squeezed(name: str) -> str:
    """A field's name without spaces and underscores: Defender writes `Threat Name` where Sigma has `ThreatName`."""
    return name.casefold().replace(" ", "").replace("_", "")


class EventFields:
    """Resolver for the events table: a column of its own, else the map `unmapped`, else a standard column.

    `own` maps a casefolded source field name to its column. In the map names are compared as `squeezed`, and
    within one row the first entry wins.
    """

    def __init__(self, own: Mapping[str, str], standard: Mapping[str, str] = STANDARD) -> None:
        self.own = own
        self.standard = standard

    def columns(self, field: str) -> frozenset[str]:
        """As in `FieldResolver`."""
        names = {UNMAPPED, self.own.get(field, UNMAPPED)}
        if field in self.standard:
            names.add(self.standard[field].partition(".")[0])
        return frozenset(names)

    def text_columns(self) -> frozenset[str]:
        """As in `FieldResolver`."""
        return frozenset({*self.own.values(), UNMAPPED, "message"})

    def open(self, batch: pa.RecordBatch) -> EventBatchFields:
        """As in `FieldResolver`."""
        return EventBatchFields(self, batch)


class EventBatchFields:
    """One batch of the events table. The map is taken apart once."""

    def __init__(self, fields: EventFields, batch: pa.RecordBatch) -> None:
        self._fields = fields
        self._batch = batch
        self._leaves: dict[str, pa.Array | None] = {}
        self._items: pa.Array | None = None
        self._item_rows: Rows = np.empty(0, dtype=np.int64)
        self._items_by_name: Rows = np.empty(0, dtype=np.int64)
        self._starts: Rows = np.zeros(1, dtype=np.int64)  # of each name there; it ends where the next begins
        self._names: dict[str, list[int]] = {}
        self._open_map()

    def _open_map(self) -> None:
        array = leaf(self._batch, UNMAPPED)
        if array is None or not pa.types.is_map(array.type) or not len(array):
            return
        offsets = array.offsets.to_numpy()
        first, last = int(offsets[0]), int(offsets[-1])
        if first == last:
            return
        self._items = as_text(array.items.slice(first, last - first))
        self._item_rows = np.repeat(np.arange(len(array), dtype=np.int64), np.diff(offsets))
        keys = coded(array.keys.slice(first, last - first))
        encoded = keys if is_coded(keys) else keys.dictionary_encode()
        count = len(encoded.dictionary)
        item_names = encoded.indices.to_numpy()
        if count <= 1 << 16:
            item_names = item_names.astype(np.uint16)  # which are sorted without a comparison
        self._items_by_name = np.argsort(item_names, kind="stable")
        self._starts = np.append(0, np.cumsum(np.bincount(item_names, minlength=count)))
        for code, name in enumerate(encoded.dictionary.to_pylist()):
            self._names.setdefault(squeezed(name), []).append(code)

    def column(self, field: str) -> pa.Array | None:
        """As in `Fields`."""
        own, standard = self._fields.own.get(field), self._fields.standard.get(field)
        found = [
            None if own is None else self._leaf(own),
            self._mapped(field),
            None if standard is None else self._leaf(standard),
        ]
        arrays = [array for array in found if array is not None]
        if len(arrays) > 1:
            return pc.coalesce(*map(as_text, arrays))
        return arrays[0] if arrays else None

    def _leaf(self, path: str) -> pa.Array | None:
        """The column; the same object every time."""
        if path not in self._leaves:
            array = leaf(self._batch, path)
            self._leaves[path] = None if array is None else coded(array)
        return self._leaves[path]

    def _mapped(self, field: str) -> pa.Array | None:
        """The field's values in the map, as a dictionary: most rows have none."""
        names = self._names.get(squeezed(field))
        if not names or self._items is None:
            return None
        runs = [self._items_by_name[self._starts[name] : self._starts[name + 1]] for name in names]
        at = runs[0] if len(runs) == 1 else np.sort(np.concatenate(runs))
        rows = self._item_rows[at]
        first = np.diff(rows, prepend=-1) > 0
        encoded = self._items.take(pa.array(at[first])).dictionary_encode()
        codes = np.full(self._batch.num_rows, -1, dtype=np.int32)
        codes[rows[first]] = encoded.indices.fill_null(-1).to_numpy()
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), encoded.dictionary)

    def texts(self) -> Iterator[tuple[str, pa.Array, Rows | None]]:
        """As in `Fields`."""
        for name in sorted(self._fields.text_columns() & set(self._batch.schema.names) - {UNMAPPED}):
            array = self._leaf(name)
            if array is not None:
                yield name, array, None
        if self._items is not None:
            yield UNMAPPED, self._items, self._item_rows


def event_fields() -> EventFields:
    """The resolver for Countersign's own events table."""
    from countersign.model.schema import source_columns

    return EventFields(source_columns())
