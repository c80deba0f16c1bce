"""Rows into Arrow columns, shape by shape.

Records of one kind have the same names in the same order. Rows are therefore grouped by their names and each
group is turned on its side in one go, which costs a fraction of asking every row for every column. Rare
shapes, which an attacker can make as many of as there are records, are turned one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from countersign.model import schema

Row = Mapping[str, object]
Values = Sequence[Any]
"""The values of one column or field; foreign, hence of any type."""
Parts = dict[int, Values]
"""What one column has in each block, by the number of the block's first record; blocks that lack it are left out."""
Order = npt.NDArray[np.int64]
MAX_DEPTH_TEXT = "(nested too deep)"
_NONE = type(None)
_TEXTUAL = {str, _NONE}
_TRUTHS = {bool, _NONE}
_WORDS = {True: "true", False: "false", None: None}


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


class Same(Sequence[Any]):
    """One value, as often as there are records: it is turned into Arrow once."""

    __slots__ = ("times", "value")

    def __init__(self, value: Any, times: int) -> None:  # noqa: ANN401  # foreign, hence of any type
        self.value = value
        self.times = times

    def __len__(self) -> int:
        return self.times

    def __iter__(self) -> Iterator[Any]:
        return repeat(self.value, self.times)

    def __getitem__(self, place: Any) -> Any:  # noqa: ANN401  # an index or a slice, as of a list
        found = range(self.times)[place]
        return Same(self.value, len(found)) if isinstance(found, range) else self.value


class Typed(list[Any]):
    """Values with the types that are among them: asking each for its own costs as much as making Arrow of it."""

    def __init__(self) -> None:
        super().__init__()
        self.kinds: set[type] = set()


def kinds_of(values: Values) -> set[type]:
    """The types among these values."""
    if type(values) is Typed:
        return values.kinds
    return {type(values.value)} if type(values) is Same else set(map(type, values))


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
    """The cells of one segment's events. They come in blocks, each with the places of its records; the arrays are in the
    order of these places."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._commons: dict[Kind, _Common] = {}
        self._runs: list[tuple[_Common, int]] = []  # of each block its kind's, and how many records it has
        self._parts: dict[str, Parts] = {}
        self._pairs = _Pairs()
        self._members: list[Sequence[int]] = []
        self._placed = 0
        self._takes: dict[tuple[object, ...], pa.Array] = {}

    def place(self, block: Block) -> None:
        """Adds the records of one shape."""
        kind, members, columns, fields = block
        start, count = self._placed, len(members)
        common = self._commons.get(kind)
        if common is None:
            common = self._commons[kind] = _Common(len(self._commons), kind, self._pairs)
        self._members.append(members)
        self._runs.append((common, count))
        self._placed += count
        for name, values in columns.items():
            self._of(name)[start] = values
        for name, values in kind.derive(fields, count).items():
            self._of(name)[start] = values
        self._place_fields(common, fields, start, count)

    def _of(self, name: str) -> Parts:
        parts = self._parts.get(name)
        if parts is None:
            parts = self._parts[name] = {}
        return parts

    def _place_fields(self, common: _Common, own: Mapping[str, Values], start: int, count: int) -> None:
        taken = common.taken.copy()
        names: list[str] = []
        rest: list[Values] = []
        gaps: list[int] = []  # which of `rest` lack a value somewhere
        for own_name, values in own.items():
            kinds = kinds_of(values)
            if kinds == {_NONE}:
                continue
            name, target = common.named(own_name)
            texts = values if kinds <= _TEXTUAL else _texts(values, kinds)
            if target is not None and target not in taken:
                taken.add(target)
                self._of(target)[start] = texts
                continue
            if target is not None:  # a second spelling of a name fills the gaps of the first, no more
                first = self._of(target).get(start) or Same(common.columns[target], count)
                self._of(target)[start], texts = _filled(first, texts)
            if target is not None or _NONE in kinds:
                gaps.append(len(rest))
            names.append(name)
            rest.append(texts)
        self._pairs.add(common, names, rest, gaps, count)

    def arrays(self, source: str) -> dict[str, pa.Array]:
        """All columns that any row has, by their dotted names."""
        order = self._order()
        kinds = self._kinds(order)
        arrays: dict[str, pa.Array] = {}
        own_columns = set(schema.source_columns().values())
        shared = dict.fromkeys(name for common in self._commons.values() for name in common.columns)
        for name in shared | self._parts:
            type_ = schema.OCSF_COLUMNS.get(name) or schema.CORE_COLUMNS.get(name)
            if type_ is None:
                if name not in own_columns:
                    raise RuntimeError(f"{source} sets {name}, which is no column of the events table")
                type_ = pa.string()
            if name not in self._parts:
                found = [common.columns.get(name) for common in self._commons.values()]
                array = _column(found, type_).take(kinds)
            else:
                parts = self._with_common(name) if name in shared else self._parts[name]
                array = self._array(parts, pa.int64() if name == "time" else type_, order)
            if array.null_count < self._count:
                arrays[name] = array.cast(type_) if name == "time" else array
        arrays["unmapped"] = self._pairs.array(order)
        return arrays

    def _kinds(self, order: Order | None) -> pa.Array:
        """The number of each record's kind."""
        numbers = np.array([common.number for common, _ in self._runs], np.int64)
        kinds = np.repeat(numbers, [count for _, count in self._runs])
        return pa.array(kinds if order is None else kinds[order])

    def _with_common(self, name: str) -> Parts:
        """A column that some records have of their own and some by their kind."""
        own, parts, start = self._parts[name], Parts(), 0
        for common, count in self._runs:
            if start in own:
                parts[start] = own[start]
            elif name in common.columns:
                parts[start] = Same(common.columns[name], count)
            start += count
        return parts

    def _order(self) -> Order | None:
        """Where in the order of blocks each record stands; None where it is in that of records already."""
        members = np.concatenate([_numbers(one) for one in self._members] or [np.empty(0, np.int64)])
        places = np.arange(len(members))
        if np.array_equal(members, places):
            return None
        order = np.empty_like(members)
        order[members] = places
        return order

    def _array(self, parts: Parts, type_: pa.DataType, order: Order | None) -> pa.Array:
        values = [part.value for part in parts.values() if type(part) is Same]
        spans = tuple((start, len(part)) for start, part in parts.items())
        same = len(values) == len(parts)
        if same:
            found = _column(values, type_)
        else:
            found = _column(list(chain.from_iterable(parts.values())), type_)
            if order is None and len(found) == self._count:
                return found
        take = self._takes.get((same, spans))
        if take is None:
            take = self._takes[same, spans] = self._take(spans, order, same=same)
        return found.take(take)

    def _take(self, spans: Sequence[tuple[int, int]], order: Order | None, *, same: bool) -> pa.Array:
        """For each record the number of its value: among those of all spans, or if they are the `same` within a span,
        that of the span; null where there is none."""
        numbers = np.full(self._count, -1, np.int64)
        before = 0
        for number, (start, count) in enumerate(spans):
            numbers[start : start + count] = number if same else np.arange(before, before + count)
            before += count
        if order is not None:
            numbers = numbers[order]
        return pa.array(numbers, mask=numbers < 0) if before < self._count else pa.array(numbers)


class _Common:
    """What a kind gives each of its records, with the names looked up: `columns`, `taken` (those of them that come from
    fields), and `codes` and `places` of the pairs (see `_Pairs`)."""

    def __init__(self, number: int, kind: Kind, pairs: _Pairs) -> None:
        self.number = number
        self.columns = {name: value for name, value in kind.columns.items() if value is not None}
        self.taken: set[str] = set()
        self.codes: list[int] = []
        self.places: list[int] = []
        self._kind = kind
        self._named: dict[str, tuple[str, str | None]] = {}
        targets = schema.source_columns()
        for name, text in kind.fields.items():
            target = targets.get(name.casefold())
            if target is None:
                self.codes.append(pairs.code(name))
                self.places.append(pairs.keep((text,)))
            else:
                self.taken.add(target)
                self.columns[target] = text

    def named(self, own_name: str) -> tuple[str, str | None]:
        """What a record's own field is called, and the column it has, if any."""
        found = self._named.get(own_name)
        if found is None:
            name = self._kind.rival + own_name if own_name in self._kind.fields else own_name
            found = self._named[own_name] = name, schema.source_columns().get(name.casefold())
        return found


class _Pairs:
    """What has no column of its own: pairs of a name and a text, in the order in which a record has them."""

    def __init__(self) -> None:
        self._names: dict[str, int] = {}
        self._texts: list[str | None] = []
        self._codes: list[Order] = []  # of names, for all records, one after another
        self._places: list[Order] = []  # of their texts
        self._lengths: list[Order] = []  # how many pairs each record has

    def code(self, name: str) -> int:
        """The number of a name."""
        return self._names.setdefault(name, len(self._names))

    def keep(self, texts: Sequence[str | None]) -> int:
        """Where the first of these texts stands from now on."""
        place = len(self._texts)
        self._texts += texts
        return place

    def add(
        self,
        common: _Common,
        names: Sequence[str],
        columns: Sequence[Values],
        gaps: Sequence[int],
        count: int,
    ) -> None:
        """The pairs of the next `count` records; None, in those columns that are `gaps`, says that a record lacks it."""
        codes = np.array(common.codes + [self.code(name) for name in names], np.int64)
        starts, steps = common.places.copy(), [0] * len(common.places)
        for column in columns:
            same = type(column) is Same
            starts.append(self.keep(column[:1] if same else column))
            steps.append(0 if same else 1)
        places = np.arange(count)[:, None] * np.array(steps, np.int64) + np.array(starts, np.int64)
        if not gaps:
            self._codes.append(np.broadcast_to(codes, places.shape).ravel())
            self._places.append(places.ravel())
            self._lengths.append(np.full(count, len(codes)))
            return
        there = np.ones(places.shape, np.bool_)
        for number in gaps:
            there[:, len(common.codes) + number] = [text is not None for text in columns[number]]
        self._codes.append(np.broadcast_to(codes, places.shape)[there])
        self._places.append(places[there])
        self._lengths.append(there.sum(axis=1))

    def array(self, order: Order | None) -> pa.Array:
        """The pairs as a map, records in `order`."""
        nothing = [np.empty(0, np.int64)]
        codes, places = np.concatenate(self._codes or nothing), np.concatenate(self._places or nothing)
        lengths = np.concatenate(self._lengths or nothing)
        if order is not None:
            starts = (np.cumsum(lengths) - lengths)[order]
            lengths = lengths[order]
            pairs = np.repeat(starts - (np.cumsum(lengths) - lengths), lengths) + np.arange(len(codes))
            codes, places = codes[pairs], places[pairs]
        return pa.MapArray.from_arrays(
            pa.array(np.concatenate(([0], np.cumsum(lengths))), pa.int32()),
            _column(list(self._names), pa.string()).take(pa.array(codes)),
            _column(self._texts, pa.string()).take(pa.array(places)),
            mask=pa.array(lengths == 0),
        )


def _numbers(members: Sequence[int]) -> Order:
    if isinstance(members, range):
        return np.arange(members.start, members.stop)
    return np.array(members, np.int64)


def _filled(first: Values, second: Values) -> tuple[Values, Values]:
    """`first` with its gaps filled from `second`, and what of `second` found no room."""
    pairs = list(zip(first, second, strict=True))
    whole = [other if one is None else one for one, other in pairs]
    return whole, [None if one is None else other for one, other in pairs]


def _texts(values: Values, kinds: set[type]) -> Values:
    """Each value as text, None where there is none; `kinds` are the types among them."""
    if type(values) is Same:
        return Same(text_of(values.value), values.times)
    if kinds == {int}:
        return list(map(str, values))
    if kinds <= _TRUTHS:
        return list(map(_WORDS.__getitem__, values))
    if kinds <= {list, _NONE}:
        return [value if value is None else _json_of(value) for value in values]
    return [value if value is None or type(value) is str else text_of(value) for value in values]


def text_of(value: object) -> str:
    """A field's value as text: JSON's words for truth values, JSON for lists and objects."""
    if type(value) is int:
        return str(value)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return _json_of(value) if isinstance(value, (list, dict, tuple)) else str(value)


def _json_of(value: object) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # orjson's depth limit; the record itself is sealed
        return MAX_DEPTH_TEXT


def _column(values: Values, type_: pa.DataType) -> pa.Array:
    """Arrow column; a lone surrogate (JSON may escape one) is replaced, for Arrow holds only valid UTF-8."""
    try:
        return pa.array(values, type_)
    except UnicodeEncodeError:
        return pa.array([_scrub(value) for value in values], type_)


def _scrub(value: object) -> object:
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
