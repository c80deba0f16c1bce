"""Rows into Arrow columns, shape by shape.

Records of one kind have the same names in the same order. Rows are therefore grouped by their names and each
group is turned on its side in one go, which costs a fraction of asking every row for every column. Rare
shapes, which an attacker can make as many of as there are records, are turned one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from countersign.model import schema

Row = Mapping[str, object]
Values = Sequence[Any]
"""The values of one column or field; foreign, hence of any type."""
MAX_DEPTH_TEXT = "(nested too deep)"
_NONE = type(None)
_NOTHING = {_NONE}
_TEXTUAL = {str, _NONE}


def _derive_nothing(fields: Mapping[str, Values], count: int) -> Mapping[str, Values]:
    del fields, count
    return {}


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """What all records of one kind have in common, so that it is worked out once and not for each record.

    `columns` and `fields` are the same for all of them; a record's own field of the same name is kept as
    `rival` and that name. `derive` makes further columns from the fields of many records at once: it is given
    their values by field name and their number, and gives as many values for each of its columns.
    """

    columns: Row = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    derive: Callable[[Mapping[str, Values], int], Mapping[str, Sequence[object]]] = _derive_nothing
    rival: str = "Own_"


ORDINARY = Kind()
"""Records that have nothing in common."""
Shape = tuple[Kind, tuple[str, ...], tuple[str, ...]]
"""A kind, the names of the columns and the names of the fields."""


class Block(NamedTuple):
    """Records of one shape: `members` are their places among the segment's events, `columns` and `fields` their
    values by name, as many as there are members."""

    kind: Kind
    members: Sequence[int]
    columns: Mapping[str, Values]
    fields: Mapping[str, Values]


def turned(rows: Sequence[Row]) -> dict[str, Values]:
    """The values of rows with the same names, by name."""
    return dict(zip(rows[0], zip(*[row.values() for row in rows], strict=True), strict=True))


class Columns:
    """The cells of one segment's events, in the order of their shapes; `in_order` restores that of records."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._cells: dict[str, list[object]] = {}
        self._keys: dict[str, int] = {}  # keys of `unmapped`, numbered
        self._codes: list[int] = []  # those of all rows, one after another
        self._texts: list[str] = []  # their values
        self._lengths: list[int] = []  # how many of them each row has
        self._order: list[int] = []

    def place(self, block: Block) -> None:
        """Adds the records of one shape."""
        kind, members, columns, fields = block
        start = len(self._order)
        self._order += members
        count = len(members)
        stop = start + count
        for name, value in kind.columns.items():
            if value is not None:
                self._cell(name)[start:stop] = [value] * count
        for name, values in columns.items():
            self._cell(name)[start:stop] = values
        for name, values in kind.derive(fields, count).items():
            self._cell(name)[start:stop] = values
        self._place_fields(kind, fields, start, stop)

    def _cell(self, name: str) -> list[object]:
        column = self._cells.get(name)
        if column is None:
            column = self._cells[name] = [None] * self._count
        return column

    def _place_fields(self, kind: Kind, own: Mapping[str, Values], start: int, stop: int) -> None:
        count = stop - start
        targets = schema.source_columns()
        taken: set[str] = set()
        names: list[str] = []
        rest: list[Values] = []
        gaps = False  # whether anything in `rest` lacks a value
        for name, text in kind.fields.items():
            target = targets.get(name.casefold())
            if target is None:
                names.append(name)
                rest.append([text] * count)
            else:
                taken.add(target)
                self._cell(target)[start:stop] = [text] * count
        for own_name, values in own.items():
            kinds = set(map(type, values))
            if kinds == _NOTHING:
                continue
            name = kind.rival + own_name if own_name in kind.fields else own_name
            texts = values if kinds <= _TEXTUAL else _texts(values, kinds)
            target = targets.get(name.casefold())
            if target is not None and target not in taken:
                taken.add(target)
                self._cell(target)[start:stop] = texts
                continue
            if target is not None:  # a second spelling of a name fills the gaps of the first, no more
                texts = _fill(self._cells[target], start, texts)
            gaps = gaps or target is not None or _NONE in kinds
            names.append(name)
            rest.append(texts)
        self._leave(names, rest, count, gaps=gaps)

    def _leave(self, names: list[str], rest: list[Values], count: int, *, gaps: bool) -> None:
        """What has no column of its own, as pairs; None says that a row lacks it."""
        keys = self._keys
        codes = [keys.setdefault(name, len(keys)) for name in names]
        if not gaps:
            self._codes += codes * count
            self._texts += chain.from_iterable(zip(*rest, strict=True))
            self._lengths += [len(names)] * count
            return
        for texts in zip(*rest, strict=True):
            before = len(self._texts)
            for code, text in zip(codes, texts, strict=True):
                if text is not None:
                    self._codes.append(code)
                    self._texts.append(text)
            self._lengths.append(len(self._texts) - before)

    def arrays(self, source: str) -> dict[str, pa.Array]:
        """All columns that any row has, by their dotted names, in the order of shapes."""
        arrays: dict[str, pa.Array] = {}
        own_columns = set(schema.source_columns().values())
        for name, cells in self._cells.items():
            type_ = schema.OCSF_COLUMNS.get(name) or schema.CORE_COLUMNS.get(name)
            if type_ is None:
                if name not in own_columns:
                    raise RuntimeError(f"{source} sets {name}, which is no column of the events table")
                type_ = pa.string()
            array = pa.array(cells, pa.int64()).cast(type_) if name == "time" else _column(cells, type_)
            if array.null_count < self._count:
                arrays[name] = array
        arrays["unmapped"] = self._unmapped()
        return arrays

    def _unmapped(self) -> pa.Array:
        offsets = [0, *accumulate(self._lengths)]
        return pa.MapArray.from_arrays(
            pa.array(offsets, pa.int32()),
            _column(list(self._keys), pa.string()).take(pa.array(self._codes, pa.int32())),
            _column(self._texts, pa.string()),
            mask=pa.array([length == 0 for length in self._lengths], pa.bool_()),
        )

    def counts(self, several: Mapping[int, int]) -> pa.Array:
        """The column `count`; `several` has the places of events that are not there just once."""
        return pa.array([several.get(place, 1) for place in self._order], pa.int32())

    def in_order(self, table: pa.Table) -> pa.Table:
        """`table`, whose rows are in the order of shapes, in the order of records."""
        if self._order == sorted(self._order):
            return table
        return table.take(pc.sort_indices(pa.array(self._order, pa.int32())))


def _fill(column: list[object], start: int, texts: Values) -> list[object]:
    """Puts `texts` where `column` is empty and returns what found no room."""
    left: list[object] = list(texts)
    for offset, text in enumerate(texts):
        if text is not None and column[start + offset] is None:
            column[start + offset] = text
            left[offset] = None
    return left


def _texts(values: Values, kinds: set[type]) -> Values:
    """Each value as text, None where there is none; `kinds` are the types among them."""
    if kinds == {int}:
        return list(map(str, values))
    return [value if value is None or type(value) is str else text_of(value) for value in values]


def text_of(value: object) -> str:
    """A field's value as text: JSON's words for truth values, JSON for lists and objects."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, dict, tuple)):
        try:
            return orjson.dumps(value).decode()
        except TypeError:  # orjson's depth limit; the record itself is sealed
            return MAX_DEPTH_TEXT
    return str(value)


def _column(values: Values, type_: pa.DataType) -> pa.Array:
    """Arrow column; a lone surrogate (JSON may escape one) is replaced, for Arrow holds only valid UTF-8."""
    try:
        return pa.array(values, type_)
    except UnicodeEncodeError:
        return pa.array([_scrub(value) for value in values], type_)


def _scrub(value: object) -> object:
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
