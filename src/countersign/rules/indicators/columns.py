"""The distinct values of each place of a batch, and which row has which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from countersign.rules.indicators.hashing import Ints
from countersign.rules.indicators.places import Place

UNMAPPED = "unmapped"


@dataclass(frozen=True, slots=True)
class Seen:
    """Distinct `values` of one place; `codes` says for each entry which it has, -1 for none; `rows` each entry's
    row, None where entry `i` is row `i`."""

    values: pa.Array
    codes: Ints
    rows: Ints | None


def seen(batch: pa.RecordBatch, places: Sequence[Place]) -> Iterator[tuple[Place, Seen]]:
    """Every place that holds anything in this batch."""
    names = {name: number for number, name in enumerate(batch.schema.names)}
    known: dict[str, Seen | None] = {}
    keyed: dict[str, Seen] = {}
    if UNMAPPED in names:
        keyed = _mapped(batch.column(names[UNMAPPED]), {place.key for place in places if place.key})
    for place in places:
        if place.key:
            found = keyed.get(place.key)
        else:
            if place.column not in known:
                known[place.column] = _column(batch, names, place.column)
            found = known[place.column]
        if found is not None:
            yield place, found


def _column(batch: pa.RecordBatch, names: Mapping[str, int], path: str) -> Seen | None:
    """The column by its whole name, as a reader of single leaves gives it, else inside its struct."""
    if path in names:
        array = batch.column(names[path])
    else:
        head, *rest = path.split(".")
        if head not in names:
            return None
        array = batch.column(names[head])
        for name in rest:
            if not pa.types.is_struct(array.type) or array.type.get_field_index(name) < 0:
                return None
            array = pc.struct_field(array, name)
    if array.null_count == len(array):
        return None
    return _encode(array, None)


def _encode(array: pa.Array, rows: Ints | None) -> Seen:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if array.type != pa.string():
        array = array.cast(pa.string())
    if rows is None and array.null_count:
        rows = np.flatnonzero(array.is_valid().to_numpy(zero_copy_only=False))
        array = array.drop_null()  # most columns are null for most events
    encoded = array.dictionary_encode()
    return Seen(encoded.dictionary, encoded.indices.to_numpy().astype(np.int64), rows)


def _mapped(array: pa.Array, keys: set[str]) -> dict[str, Seen]:
    """The places inside `unmapped`: its entries whose key, without regard to case, is one of `keys`."""
    if not keys or not pa.types.is_map(array.type) or not len(array):
        return {}
    offsets = array.offsets.to_numpy().astype(np.int64)
    first, last = int(offsets[0]), int(offsets[-1])
    if first == last:
        return {}
    encoded = array.keys.slice(first, last - first).dictionary_encode()
    items = array.items.slice(first, last - first)
    rows = np.repeat(np.arange(len(array), dtype=np.int64), np.diff(offsets))
    codes: dict[str, list[int]] = {}
    for code, name in enumerate(encoded.dictionary.to_pylist()):
        if name.casefold() in keys:
            codes.setdefault(name.casefold(), []).append(code)
    indices, valid = encoded.indices.to_numpy(), items.is_valid().to_numpy(zero_copy_only=False)
    found = {}
    for name, numbers in codes.items():
        at = np.flatnonzero(np.isin(indices, numbers) & valid)
        if len(at):
            found[name] = _encode(items.take(pa.array(at)), rows[at])
    return found
