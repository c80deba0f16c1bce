"""A million indicators against a batch of events, by the distinct values of each column.

Each column (see `places`) is dictionary-encoded; its distinct values are looked up once, in tables that were built
when the set was made; rows are joined to what was found through the codes. Nothing is kept between batches: any
batching of the same events gives the same matches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from countersign.rules.indicators.columns import Seen, seen
from countersign.rules.indicators.hashing import Ints, Texts, ranges
from countersign.rules.indicators.lookup import Lookup
from countersign.rules.indicators.places import Place, places
from countersign.rules.indicators.tables import INDICATORS_SCHEMA
from countersign.rules.indicators.terms import Kind, Side

VERSION = 1
"""Raised when the same indicators would match other events than before."""

MATCHES = pa.schema(
    [
        pa.field("row", pa.int64()),  # of what was given
        pa.field("indicator", pa.int32()),  # index in the set
        pa.field("field", pa.string()),  # where the value stood
        pa.field("value", pa.string()),  # the event's value that matched, as the log has it
    ]
)
Mask = NDArray[np.bool_]
NEVER_BEGAN, NEVER_ENDS = np.iinfo(np.int64).min, np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator, for people. Times are aware UTC; `terms` are its clauses, of which one is enough."""

    id: str
    source: str
    key: str
    title: str
    author: str
    labels: str
    confidence: int | None
    tlp: str
    valid_from: datetime | None
    valid_until: datetime | None
    revoked: bool
    refused: str | None
    warning: str | None
    pattern: str | None
    terms: tuple[tuple[tuple[str, str], ...], ...]

    def state(self, as_of: datetime) -> str:
        """`active`, or why it matches nothing that happens at `as_of`."""
        if self.refused is not None:
            return "refused"
        if self.revoked:
            return "revoked"
        if self.valid_until is not None and as_of >= self.valid_until:
            return "expired"
        if self.valid_from is not None and as_of < self.valid_from:
            return "not yet"
        return "active"

    def words(self) -> dict[str, str]:
        """What a person wants to know of it, by name; nothing that is empty."""
        said = {
            "indicator": self.title or self.pattern or self.key.partition(":")[2] or self.key,
            "source": self.source,
            "author": self.author,
            "confidence": "" if self.confidence is None else str(self.confidence),
            "tlp": self.tlp,
            "labels": self.labels,
            "valid_from": "" if self.valid_from is None else self.valid_from.isoformat(),
            "valid_until": "" if self.valid_until is None else self.valid_until.isoformat(),
            "warning": self.warning or "",
        }
        return {name: text for name, text in said.items() if text}


class IndicatorSet:
    """Indicators ready to be matched. `sources` maps a source's name to its rows (`INDICATORS_SCHEMA`).

    With `any_time` validity times are not looked at. Safe to use in any process and on batches of any size.
    """

    def __init__(self, sources: Mapping[str, pa.Table], *, any_time: bool = False) -> None:
        names = sorted(sources)
        tables = [sources[name].select(INDICATORS_SCHEMA.names) for name in names]
        self._names = names
        self._of = np.repeat(np.arange(len(names)), [table.num_rows for table in tables])
        self._rows = pa.concat_tables(tables) if tables else INDICATORS_SCHEMA.empty_table()
        self._any_time = any_time
        self._build()

    def __len__(self) -> int:
        return int(self._rows.num_rows)

    def _build(self) -> None:
        rows = self._rows
        live = pc.and_(
            pc.invert(pc.fill_null(rows.column("revoked"), fill_value=False)),
            rows.column("refused").is_null(),
        )
        lists = _one(rows.column("terms"))
        owners = pc.list_parent_indices(lists).to_numpy().astype(np.int64)
        flat = lists.flatten()
        kept = np.asarray(_one(live).to_numpy(zero_copy_only=False), dtype=bool)[owners]
        if not kept.all():
            flat, owners = flat.take(pa.array(np.flatnonzero(kept))), owners[kept]
        clause = flat.field("clause").to_numpy().astype(np.int64)
        _, clause_of = np.unique(owners * (1 << 16) + clause, return_inverse=True)
        self._owner, self._clause = owners, clause_of.astype(np.int64)
        self._clause_size = np.bincount(self._clause) if len(owners) else np.zeros(0, dtype=np.int64)
        self._lookup = Lookup(flat.field("kind"), flat.field("value"))
        sides = pc.index_in(flat.field("side"), value_set=pa.array([side.value for side in Side]))
        self._side = sides.to_numpy().astype(np.int8)
        self._sided = bool(self._side.any())
        self._from = _microseconds(rows.column("valid_from"), NEVER_BEGAN)
        self._until = _microseconds(rows.column("valid_until"), NEVER_ENDS)
        self._places = tuple(place for place in places() if place.kinds & self._lookup.kinds)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of all that decides what matches. Rows stand by source and key, in whatever order they were read."""
        digest = hashlib.sha256(f"indicators {VERSION} {self._any_time} ".encode())
        digest.update(Texts(self.ids).data.tobytes())  # ids have one length
        return digest.hexdigest()

    @property
    def ids(self) -> pa.Array:
        """Ids by index. An indicator of which anything changes that decides what it matches gets another id."""
        return _one(self._rows.column("id"))

    def indicator(self, index: int) -> Indicator:
        """One of them, for people."""
        return next(self.indicators([index]))

    def indicators(self, indexes: Iterable[int] | None = None) -> Iterator[Indicator]:
        """Some of them, or all."""
        chosen = range(len(self)) if indexes is None else list(indexes)
        for first in range(0, len(chosen), 4096):
            part = list(chosen[first : first + 4096])
            for index, row in zip(part, self._rows.take(pa.array(part, pa.int64())).to_pylist(), strict=True):
                yield _indicator(row, self._names[self._of[index]])

    def only(self, indexes: Sequence[int]) -> IndicatorSet:
        """A set of some of them, such as those that history has not met yet."""
        chosen = np.sort(np.asarray(indexes, dtype=np.int64))
        tables = {
            name: self._rows.take(pa.array(chosen[self._of[chosen] == number]))
            for number, name in enumerate(self._names)
        }
        return IndicatorSet(tables, any_time=self._any_time)

    def needed_columns(self) -> set[str]:
        """Top-level columns of the events that must be read."""
        return {leaf.partition(".")[0] for leaf in self.needed_leaves()}

    def needed_leaves(self) -> set[str]:
        """The same as dotted leaves, which are fewer bytes."""
        return {"time", *(place.column for place in self._places)} if self._places else set()

    @property
    def crowded(self) -> Mapping[str, int]:
        """How many indicators of each source are left out, if any, because too many others have the same value
        (`lookup.SHARED_BY`)."""
        if not self._lookup.crowded:
            return {}
        owners = np.unique(self._owner[np.concatenate(self._lookup.crowded)])
        counts = np.bincount(self._of[owners], minlength=len(self._names))
        return {name: int(count) for name, count in zip(self._names, counts, strict=True) if count}

    @property
    def span(self) -> tuple[int | None, int | None]:
        """Microseconds since 1970 before which, and from which on, nothing can match; None where there is no bound."""
        if self._any_time or not len(self._owner):
            return None, None
        first, last = int(self._from[self._owner].min()), int(self._until[self._owner].max())
        return (None if first == NEVER_BEGAN else first), (None if last == NEVER_ENDS else last)

    def match(self, batch: pa.RecordBatch) -> pa.Table:
        """Which row holds which indicator (`MATCHES`), by row, then indicator.

        An indicator matches events from its `valid_from` on and before its `valid_until`; an event without a time
        matches whatever the validity, since nothing says that it was outside.
        """
        found = [self._in_place(place, column) for place, column in seen(batch, self._places)]
        pairs = [pair for pair in found if len(pair.rows)]
        if not pairs:
            return MATCHES.empty_table()
        rows = np.concatenate([pair.rows for pair in pairs])
        terms = np.concatenate([pair.terms for pair in pairs])
        where = np.concatenate([np.full(len(pair.rows), number) for number, pair in enumerate(pairs)])
        codes = np.concatenate([pair.codes for pair in pairs])
        kept = self._held(rows, terms) & self._valid(batch, rows, terms)
        rows, terms, where, codes = rows[kept], terms[kept], where[kept], codes[kept]
        owners = self._owner[terms]
        order = np.lexsort((codes, where, owners, rows))
        first = np.ones(len(order), dtype=bool)
        if len(order) > 1:
            same = (np.diff(rows[order]) == 0) & (np.diff(owners[order]) == 0)
            first[1:] = ~same
        chosen = order[first]
        return pa.table(
            [
                pa.array(rows[chosen], pa.int64()),
                pa.array(owners[chosen].astype(np.int32)),
                pa.array([pairs[number].place.name for number in where[chosen].tolist()], pa.string()),
                _values(pairs, where[chosen], codes[chosen]),
            ],
            schema=MATCHES,
        )

    def _in_place(self, place: Place, column: Seen) -> _Found:
        """All (row, term) of one place. `codes` index the place's distinct values."""
        values, terms = self._lookup.find(column.values, place)
        if self._sided:
            asked = self._side[terms]
            fits = (asked == 0) | (asked == list(Side).index(place.side))
            values, terms = values[fits], terms[fits]
        if not len(values):
            return _Found(place, column.values, values, values, values)
        order = np.argsort(values, kind="stable")
        values, terms = values[order], terms[order]
        counts = np.bincount(values, minlength=len(column.values))
        starts = np.cumsum(counts) - counts
        hit = np.flatnonzero((column.codes >= 0) & (counts[column.codes] > 0))
        codes = column.codes[hit]
        times = counts[codes]
        rows = hit if column.rows is None else column.rows[hit]
        return _Found(
            place,
            column.values,
            np.repeat(rows, times),
            terms[ranges(starts[codes], times)],
            np.repeat(codes, times),
        )

    def _held(self, rows: Ints, terms: Ints) -> Mask:
        """Which pairs belong to a clause that holds whole in their row."""
        clauses = self._clause[terms]
        single: Mask = self._clause_size[clauses] == 1
        if single.all():
            return single
        many = np.flatnonzero(~single)
        triples = np.unique(np.stack([rows[many], clauses[many], terms[many]]), axis=1)
        pairs, back, counts = np.unique(triples[:2], axis=1, return_inverse=True, return_counts=True)
        del back
        whole = pairs[:, counts == self._clause_size[pairs[1]]]
        size = len(self._clause_size)
        single[many] = np.isin(rows[many] * size + clauses[many], whole[0] * size + whole[1])
        return single

    def _valid(self, batch: pa.RecordBatch, rows: Ints, terms: Ints) -> Mask:
        if self._any_time or "time" not in batch.schema.names:
            return np.ones(len(rows), dtype=bool)
        times = batch.column("time")
        dated = times.is_valid().to_numpy(zero_copy_only=False)[rows]
        at = times.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).fill_null(0).to_numpy()[rows]
        owners = self._owner[terms]
        inside: Mask = ~dated | ((at >= self._from[owners]) & (at < self._until[owners]))
        return inside


@dataclass(frozen=True, slots=True)
class _Found:
    place: Place
    values: pa.Array
    rows: Ints
    terms: Ints
    codes: Ints


def _values(pairs: Sequence[_Found], where: Ints, codes: Ints) -> pa.Array:
    """The matched values, taken from each place's distinct ones."""
    if len({id(pair.values) for pair in pairs}) == 1:
        return pairs[0].values.take(pa.array(codes))
    bases = np.cumsum([0, *(len(pair.values) for pair in pairs)])[:-1]
    return pa.concat_arrays([pair.values for pair in pairs]).take(pa.array(bases[where] + codes))


def _one(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)


def _microseconds(column: pa.ChunkedArray, missing: int) -> Ints:
    numbers: Ints = _one(column.cast(pa.int64())).fill_null(missing).to_numpy()
    return numbers


def _indicator(row: Mapping[str, Any], source: str) -> Indicator:
    terms = row["terms"]
    clauses: dict[int, list[tuple[str, str]]] = {}
    for one in terms if isinstance(terms, list) else []:
        clauses.setdefault(one["clause"], []).append((one["kind"], one["value"]))
    chosen = {name: row[name] for name in INDICATORS_SCHEMA.names if name not in {"terms", "modified"}}
    return Indicator(source=source, terms=tuple(tuple(clause) for clause in clauses.values()), **chosen)


__all__ = ["MATCHES", "Indicator", "IndicatorSet", "Kind"]
