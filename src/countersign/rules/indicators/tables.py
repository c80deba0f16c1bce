"""Indicators as a table: one row each, its terms in a list, and rows made of what loaders find."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from countersign.rules.indicators.breadth import Breadth
from countersign.rules.indicators.terms import Clause, Kind, Side

TIMESTAMP = pa.timestamp("us", tz="UTC")
TERM = pa.struct(
    [
        pa.field("clause", pa.int16()),  # terms of one clause must all hold, one clause is enough
        pa.field("kind", pa.string()),
        pa.field("side", pa.string()),
        pa.field("value", pa.string()),  # in normal form
    ]
)
INDICATORS_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),  # 32 hex digits: of all that decides what it matches, and its source
        pa.field("key", pa.string()),  # the source's own name for it: STIX id, MISP uuid, else kind and value
        pa.field("title", pa.string()),
        pa.field("author", pa.string()),  # who wrote it, where the source says so
        pa.field("labels", pa.string()),  # types and tags, with commas between
        pa.field("confidence", pa.int8()),  # 0 to 100, null where the source does not say
        pa.field("tlp", pa.string()),  # clear, green, amber, amber+strict, red, or empty
        pa.field("valid_from", TIMESTAMP),  # included; null: always was
        pa.field("valid_until", TIMESTAMP),  # not included; null: no end
        pa.field("modified", TIMESTAMP),
        pa.field("revoked", pa.bool_()),
        pa.field("refused", pa.string()),  # why it is not matched, null where it is
        pa.field("warning", pa.string()),  # what to mind about it
        pa.field("pattern", pa.string()),  # as the source wrote it, null where that is its only term
        pa.field("terms", pa.list_(TERM)),
    ]
)
ROWS_AT_ONCE = 65_536
MAX_CLAUSES = 4096
MAX_TEXT = 1024
"""Characters kept of a title, an author, labels."""
MAX_PATTERN = 4096
TLP = ("clear", "green", "amber", "amber+strict", "red")


@dataclass(frozen=True, slots=True)
class Problem:
    """What could not be used of a source, as data: it stops nothing else. `line` is counted from 1, None where there
    is none; `subject` names the indicator, empty for the whole file."""

    path: str
    line: int | None
    subject: str
    reason: str


@dataclass(frozen=True, slots=True)
class Draft:
    """One indicator as a loader found it. Times are aware UTC; `confidence` is 0 to 100 or None."""

    key: str
    clauses: tuple[Clause, ...]
    title: str = ""
    author: str = ""
    labels: str = ""
    confidence: int | None = None
    tlp: str = ""
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    modified: datetime | None = None
    revoked: bool = False
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Plain:
    """Many indicators of one kind and nothing else: `values` in normal form."""

    kind: Kind
    values: pa.Array


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was found in a source: rows of `INDICATORS_SCHEMA` by key, and what was wrong. `repeated` counts
    indicators of which the source holds a later or an equal version too."""

    table: pa.Table
    problems: tuple[Problem, ...]
    repeated: int = 0
    unread: int = field(default=0)  # problems beyond those that are kept


class Builder:
    """Drafts into a table, a batch at a time, so that a million of them need no million objects."""

    def __init__(self, source: str, breadth: Breadth) -> None:
        self.source = source
        self._breadth = breadth
        self._rows: list[tuple[object, ...]] = []
        self._batches: list[pa.RecordBatch] = []

    def add(self, draft: Draft) -> None:
        """One more. Raises `ValueError` for a key that cannot be printed."""
        if not draft.key.isprintable():
            raise ValueError("its id holds characters that cannot be printed")
        clauses, refused, warning = self._breadth.judge(draft.clauses)
        self._rows.append(
            (
                self._id(draft, clauses, refused),
                draft.key,
                draft.title[:MAX_TEXT],
                draft.author[:MAX_TEXT],
                draft.labels[:MAX_TEXT],
                draft.confidence,
                draft.tlp,
                draft.valid_from,
                draft.valid_until,
                draft.modified,
                draft.revoked,
                refused,
                warning,
                None if draft.pattern is None else draft.pattern[:MAX_PATTERN],
                [
                    (number, term.kind, term.side, term.value)
                    for number, clause in enumerate(clauses)
                    for term in clause
                ],
            )
        )
        if len(self._rows) >= ROWS_AT_ONCE:
            self._flush()

    def _id(self, draft: Draft, clauses: tuple[Clause, ...], refused: str | None) -> str:
        """A digest of everything that decides what is matched: another one means another indicator.

        A line each; no part holds a line's end.
        """
        said = [
            self.source,
            draft.key,
            "" if draft.valid_from is None else draft.valid_from.isoformat(),
            "" if draft.valid_until is None else draft.valid_until.isoformat(),
            "off" if draft.revoked or refused is not None else "on",
        ]
        said += [
            f"{number} {term.kind} {term.side} {term.value}"
            for number, clause in enumerate(clauses)
            for term in clause
        ]
        return _digest("\n".join(said).encode())

    def add_plain(self, kind: Kind, values: pa.Array) -> None:
        """Many indicators of one term and nothing else, whose breadth was looked at: `values` in normal form."""
        self._flush()
        head, middle = f"{self.source}\n{kind}:".encode(), f"\n\n\non\n0 {kind}  ".encode()
        ids = [_digest(head + value + middle + value) for value in values.cast(pa.binary()).to_pylist()]
        count = len(values)
        structs = pa.StructArray.from_arrays(
            [
                pa.repeat(pa.scalar(0, pa.int16()), count),
                pa.repeat(str(kind), count),
                pa.repeat("", count),
                values,
            ],
            fields=[TERM.field(place) for place in range(TERM.num_fields)],
        )
        columns: dict[str, pa.Array] = {
            "id": pa.array(ids, pa.string()),
            "key": pc.binary_join_element_wise(str(kind), values, ":"),
            "revoked": pa.repeat(pa.scalar(False), count),  # a value
            "terms": pa.ListArray.from_arrays(
                np.arange(count + 1, dtype=np.int32), structs, type=pa.list_(TERM)
            ),
            **{name: pa.repeat("", count) for name in ("title", "author", "labels", "tlp")},
        }
        arrays = [
            columns[one.name] if one.name in columns else pa.nulls(count, one.type)
            for one in INDICATORS_SCHEMA
        ]
        self._batches.append(pa.RecordBatch.from_arrays(arrays, schema=INDICATORS_SCHEMA))

    def _flush(self) -> None:
        if not self._rows:
            return
        columns = zip(*self._rows, strict=True)
        arrays = [
            _terms(column) if schema_field.name == "terms" else pa.array(column, schema_field.type)
            for schema_field, column in zip(INDICATORS_SCHEMA, columns, strict=True)
        ]
        self._batches.append(pa.RecordBatch.from_arrays(arrays, schema=INDICATORS_SCHEMA))
        self._rows = []

    def finish(self, problems: Iterable[Problem] = ()) -> Loaded:
        """All rows by key; of rows with one key the one last modified is kept."""
        self._flush()
        batches, self._batches = self._batches, []
        given = sum(batch.num_rows for batch in batches)
        kept = newest(pa.Table.from_batches(batches, schema=INDICATORS_SCHEMA))
        return Loaded(kept, tuple(problems), given - kept.num_rows)


def newest(table: pa.Table) -> pa.Table:
    """Rows by key; of rows with one key the one last modified, of those the one with the least id."""
    order = pc.sort_indices(
        table.select(["key", "modified", "id"]),
        sort_keys=[("key", "ascending"), ("modified", "descending"), ("id", "ascending")],
    )
    if table.num_rows > 1:
        keys = table.column("key").take(order).combine_chunks()
        differs = pc.not_equal(keys.slice(1), keys.slice(0, len(keys) - 1))
        order = order.filter(pa.concat_arrays([pa.array([True]), differs]))
    return pa.table([_one(column).take(order) for column in table.columns], schema=table.schema)


def _one(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)


def _digest(said: bytes) -> str:
    return hashlib.blake2b(said, digest_size=16, person=b"indicator").hexdigest()


def _terms(column: Iterable[list[tuple[int, Kind, Side, str]]]) -> pa.Array:
    """Lists of terms, column by column: much quicker than a dictionary each."""
    lists = list(column)
    offsets = [0]
    for one in lists:
        offsets.append(offsets[-1] + len(one))
    flat = [term for one in lists for term in one]
    parts = zip(*flat, strict=True) if flat else ((), (), (), ())
    structs = pa.StructArray.from_arrays(
        [pa.array(part, TERM.field(place).type) for place, part in enumerate(parts)],
        fields=[TERM.field(place) for place in range(TERM.num_fields)],
    )
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), structs, type=pa.list_(TERM))
