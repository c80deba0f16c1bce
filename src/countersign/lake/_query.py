"""What to read of the events: a typed filter, the files it concerns, and its SQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from countersign.errors import UsageError
from countersign.lake._engine import leaf, quote
from countersign.lake._files import EPOCH, StoredFile
from countersign.lake.tables import TableSpec
from countersign.model import schema

MICROSECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events: each field given must have one of its values; `None` asks nothing, an empty tuple none.

    `hosts` are values of `device.hostname`, as recorded; `log_names` channels, log paths or programs; `days` are
    partitions (`2026-03-02`, or `undated`): only their files are opened.
    """

    class_uids: tuple[int, ...] | None = None
    sources: tuple[str, ...] | None = None
    log_names: tuple[str, ...] | None = None
    event_codes: tuple[str, ...] | None = None
    hosts: tuple[str, ...] | None = None
    segments: tuple[str, ...] | None = None
    ids: tuple[str, ...] | None = None
    days: tuple[str, ...] | None = None

    def conditions(self) -> list[tuple[str, tuple[str | int, ...]]]:
        """(column, allowed values) of every field given, but `ids`, `segments` and `days`."""
        given = (
            ("class_uid", self.class_uids),
            ("source", self.sources),
            ("metadata.log_name", self.log_names),
            ("metadata.event_code", self.event_codes),
            ("device.hostname", self.hosts),
        )
        return [(column, values) for column, values in given if values is not None]


@dataclass(frozen=True, slots=True)
class Span:
    """A time span, `since` included, `until` not, both aware; None is open."""

    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        for moment in (self.since, self.until):
            if moment is not None and moment.tzinfo is None:
                raise RuntimeError("times are aware")

    @property
    def open(self) -> bool:
        """Whether it asks nothing."""
        return self.since is None and self.until is None

    def meets(self, file: StoredFile) -> bool:
        """Whether `file` may hold rows in it. Files without times hold only undated rows."""
        if self.open:
            return True
        if file.first is None or file.last is None:
            return file.day is not None and file.day != schema.UNDATED and self._meets_day(file.day)
        return (self.since is None or file.last >= microseconds(self.since)) and (
            self.until is None or file.first < microseconds(self.until)
        )

    def _meets_day(self, day: str) -> bool:
        """For files of other engines, which may lack statistics."""
        return (self.since is None or day >= _day(self.since)) and (
            self.until is None or day <= _day(self.until)
        )

    def conditions(self, start: str, end: str | None = None) -> tuple[list[str], list[datetime]]:
        """SQL and its parameters. Rows with an extent are in where it overlaps; a missing end is its start."""
        first = f"coalesce({quote(start)}, {quote(end)})" if end else quote(start)
        last = f"coalesce({quote(end)}, {quote(start)})" if end else quote(start)
        texts, values = [], []
        if self.since is not None:
            texts.append(f"{last} >= ?")
            values.append(self.since)
        if self.until is not None:
            texts.append(f"{first} < ?")
            values.append(self.until)
        return texts, values


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 of an aware moment, exactly."""
    delta = moment - EPOCH
    return (delta.days * 86_400 + delta.seconds) * MICROSECOND + delta.microseconds


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d")


def concerned(
    files: Iterable[StoredFile], span: Span, days: Collection[str] | None = None
) -> list[StoredFile]:
    """The files that may hold rows in `span`, of these days."""
    return [file for file in files if span.meets(file) and (days is None or file.day in days)]


def where(filter_: Filter, span: Span) -> tuple[str, list[object]]:
    """The WHERE clause of a filter on events, without its ids and segments, and its parameters."""
    texts, values = span.conditions("time")
    parameters: list[object] = list(values)
    for column, allowed in filter_.conditions():
        marks = ", ".join("?" * len(allowed))
        texts.append(f"{leaf(column)} IN ({marks})" if allowed else "false")
        parameters.extend(allowed)
    return (" AND ".join(texts) or "true"), parameters


def projection(spec: TableSpec, columns: Sequence[str] | None) -> tuple[str, pa.Schema]:
    """The SELECT list of columns or dotted leaves, each under the name it was asked by, and its Arrow schema.

    Raises `UsageError` for a name that is no column.
    """
    names = spec.schema.names if columns is None else list(columns)
    fields = [pa.field(name, _type_of(spec.schema, name)) for name in names]
    return ", ".join(f"{leaf(name)} AS {quote(name)}" for name in names), pa.schema(fields)


def _type_of(columns: pa.Schema, name: str) -> pa.DataType:
    type_: pa.DataType = pa.struct(list(columns))
    for part in name.split("."):
        index = type_.get_field_index(part) if pa.types.is_struct(type_) else -1
        if index < 0:
            raise UsageError(f"{name} is no column of the events table")
        type_ = type_.field(index).type
    return type_
