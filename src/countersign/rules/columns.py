"""A batch seen by the engine: dictionary-encoded columns, made once each and only when asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from countersign.rules.fields import FieldResolver, coded, leaf
from countersign.rules.literals import casefolded

Codes = npt.NDArray[np.int32]
Kind = tuple[str, ...]
"""An event's names, as in `NAMES`; empty where absent."""
Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

NAMES = ("source", "metadata.log_name", "metadata.log_provider", "metadata.event_code")
"""What a log source is told by, in the order of `Where.holds`."""


@dataclass(slots=True, eq=False)
class Column:
    """Distinct `values`, and for each entry the index of its value, -1 for null. `rows` tells an entry's row
    where entries are not one a row."""

    values: pa.Array
    codes: Codes
    rows: Rows | None = None
    _folded: pa.Array | None = None

    @property
    def folded(self) -> pa.Array:
        """The values casefolded."""
        if self._folded is None:
            self._folded = casefolded(self.values)
        return self._folded

    @property
    def array(self) -> pa.Array:
        """The values, as of `Texts`."""
        return self.values

    def searched(self) -> tuple[pa.Array, Rows | None]:
        """As of `Texts`."""
        return self.values, None

    def holders(self, ids: Rows, size: int) -> Mask:
        """Which of `size` rows hold one of the values `ids`."""
        table = np.zeros(len(self.values) + 1, dtype=bool)
        table[ids] = True
        entries: Mask = table[self.codes]  # the code -1 of null is the last place, which stays false
        return entries if self.rows is None else _marked(self.rows[entries], size)


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """Texts that are searched as they come. `array` is where they stand, `rows` the row of each entry there where that is
    not its place."""

    array: pa.Array
    rows: Rows | None = None

    def searched(self) -> tuple[pa.Array, Rows | None]:
        """The texts that are not null, and their places, None where that is all of them."""
        if not self.array.null_count:
            return self.array, None
        return self.array.drop_null(), np.flatnonzero(self.array.is_valid().to_numpy(zero_copy_only=False))

    def holders(self, ids: Rows, size: int) -> Mask:
        """Which of `size` rows hold one of the texts `ids`."""
        return _marked(ids if self.rows is None else self.rows[ids], size)


def _marked(rows: Rows, size: int) -> Mask:
    mask = np.zeros(size, dtype=bool)
    mask[rows] = True
    return mask


def encode(array: pa.Array, rows: Rows | None = None) -> Column:
    """`array` (strings) with each distinct value once; of a dictionary, its values as they are."""
    if pa.types.is_dictionary(array.type):
        return Column(array.dictionary, array.indices.fill_null(-1).to_numpy(), rows)
    if not array.null_count:
        encoded = array.dictionary_encode()
        return Column(encoded.dictionary, encoded.indices.to_numpy(), rows)
    encoded = array.drop_null().dictionary_encode()  # most columns are null for most events
    codes = np.full(len(array), -1, dtype=np.int32)
    codes[array.is_valid().to_numpy(zero_copy_only=False)] = encoded.indices.to_numpy()
    return Column(encoded.dictionary, codes, rows)


def compact(codes: npt.NDArray[np.integer], size: int) -> tuple[Rows, Rows]:
    """The distinct ones of `codes` (each below `size`), sorted, and for each code its place among them."""
    if size > 4 * len(codes) + 1024:
        kept, places = np.unique(codes, return_inverse=True)
        return kept.astype(np.int64, copy=False), places.astype(np.int64, copy=False)
    present = np.zeros(size, dtype=bool)
    present[codes] = True
    places_of = np.cumsum(present) - 1
    return np.flatnonzero(present), places_of[codes]


def _texts(array: pa.Array, holders: Rows | None, rows: Rows | None, places: Rows | None) -> Texts:
    """The texts of an array, whose rows are `holders` where they are not one a row."""
    if rows is None or places is None:
        return Texts(array, holders)
    if holders is None:
        return Texts(array.take(pa.array(rows)))
    wanted = np.flatnonzero(places[holders] >= 0)
    return Texts(array.take(pa.array(wanted)), places[holders[wanted]])


def _narrowed(column: Column, rows: Rows) -> Column:
    """The column on some rows, with the values that these have."""
    codes = column.codes[rows]
    there = codes >= 0
    kept, places = compact(codes[there], len(column.values))
    narrow = np.full(len(rows), -1, dtype=np.int32)
    narrow[there] = places
    return Column(column.values.take(pa.array(kept)), narrow)


def _distinct(texts: Texts) -> Column:
    values, places = texts.searched()
    if places is None:
        return encode(values, texts.rows)
    return encode(values, places if texts.rows is None else texts.rows[places])


class Batch:
    """One record batch and its encoded columns."""

    def __init__(self, batch: pa.RecordBatch, fields: FieldResolver) -> None:
        self.rows = batch.num_rows
        self._batch = batch
        self._fields = fields.open(batch)
        self._arrays: dict[int, tuple[pa.Array, Column]] = {}  # by identity: the same array is encoded once
        self._columns: dict[str, Column | None] = {}
        self.kinds, self._kind_of_row = self._name_kinds()

    def column(self, field: str) -> Column | None:
        """The field's column, None where no row has the field."""
        if field not in self._columns:
            array = self._fields.column(field)
            empty = array is None or array.null_count == len(array)
            self._columns[field] = None if empty else self._encoded(array)
        return self._columns[field]

    def _encoded(self, array: pa.Array) -> Column:
        known = self._arrays.get(id(array))
        if known is None:
            known = self._arrays[id(array)] = (array, encode(array))
        return known[1]

    def texts(self, rows: Rows | None = None, *, distinct: bool = False) -> Iterator[Column | Texts]:
        """Everything that a keyword is looked for in, by row, or by place in `rows` where these alone are asked for.
        Finding out which values are distinct costs as much as searching them all for words: it is done if asked for."""
        places = None
        if rows is not None:
            places = np.full(self.rows, -1, dtype=np.int64)
            places[rows] = np.arange(len(rows))
        for _, array, holders in self._fields.texts():
            known = self._arrays.get(id(array)) if rows is None else None
            if known is not None:
                yield known[1]
            elif pa.types.is_dictionary(array.type):
                column = self._encoded(array)
                yield column if rows is None else _narrowed(column, rows)
            elif array.null_count < len(array):
                texts = _texts(array, holders, rows, places)
                if texts.array.null_count < len(texts.array):
                    yield _distinct(texts) if distinct else texts

    def select(self, kinds: list[int]) -> Rows:
        """Rows whose combination of names is one of `kinds`, which are places in `self.kinds`."""
        wanted = np.zeros(len(self.kinds), dtype=bool)
        wanted[kinds] = True
        return np.flatnonzero(wanted[self._kind_of_row])

    def _name_kinds(self) -> tuple[list[Kind], Rows]:
        """The distinct combinations of `NAMES`, casefolded, and which of them each row has."""
        kinds: list[Kind] = [()]
        of_row = np.zeros(self.rows, dtype=np.int64)
        for path in NAMES:
            array = leaf(self._batch, path)
            column = encode(coded(array) if array is not None else pa.nulls(self.rows, pa.string()))
            names = [*(value.casefold() for value in column.values.to_pylist()), ""]
            codes = np.where(column.codes < 0, len(names) - 1, column.codes)
            kept, of_row = compact(of_row * len(names) + codes, len(kinds) * len(names))
            kinds = [(*kinds[code // len(names)], names[code % len(names)]) for code in kept.tolist()]
        return kinds, of_row
