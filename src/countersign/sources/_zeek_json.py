"""Zeek's JSON: rows gathered by their names, nested records made flat, and its three ways of writing times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import orjson

from countersign.model.columns import MAX_DEPTH_TEXT, Values
from countersign.sources._clock import Clock, epoch_microseconds
from countersign.sources._zeek_paths import RENAMED, path_field, path_of

Row = Mapping[str, object]
_DEEPEST = 4
"""Zeek nests records at most twice (`id`, and a few in `notice`); what is deeper stays JSON text."""
_MILLISECONDS = 10**11
"""A `ts` above this (year 5138 in seconds) is in milliseconds: `JSON::TS_MILLIS`."""
_NO_OBJECT = "the line is no JSON object"
_NO_ROW = "the JSON object has none of the keys of a Zeek log"


def read_row(line: bytes) -> dict[str, object] | None:
    """The JSON object on a line, None if there is none."""
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        try:
            row = orjson.loads(line.decode("utf-8", "replace").strip("\ufeff\0"))
        except orjson.JSONDecodeError:
            return None
    return row if isinstance(row, dict) else None


def flat(found: Row) -> dict[str, object]:
    """The row with nested records as dotted names, lists joined by commas, and Zeek's own names."""
    row: dict[str, object] = {}
    for name, value in found.items():
        if isinstance(value, dict):
            _nest(row, name, value, _DEEPEST)
        elif value is not None and value != []:
            row[RENAMED.get(name, name)] = joined(value) if isinstance(value, list) else value
    return row


def _nest(row: dict[str, object], prefix: str, record: Row, deepest: int) -> None:
    for name, value in record.items():
        if isinstance(value, dict) and deepest:
            _nest(row, f"{prefix}.{name}", value, deepest - 1)
        elif isinstance(value, dict):
            row[f"{prefix}.{name}"] = _text(value)
        elif value is not None and value != []:
            row[f"{prefix}.{name}"] = joined(value) if isinstance(value, list) else value


def joined(values: Iterable[object]) -> str | None:
    """A list as TSV writes it; None if it is empty."""
    return (
        ",".join([value if isinstance(value, str) else _text(value) for value in values if value is not None])
        or None
    )


def _text(value: object) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # orjson's depth limit when it writes; the record itself is sealed
        return MAX_DEPTH_TEXT


def time_of(stamp: object, clock: Clock) -> tuple[int | None, str]:
    """Microseconds and basis of `ts`: seconds since 1970, milliseconds, or ISO 8601."""
    if isinstance(stamp, float) and 0 < stamp < _MILLISECONDS * 1000:
        return round(stamp * (1_000 if stamp > _MILLISECONDS else 1_000_000)), "stated"
    if type(stamp) is int and 0 < stamp < _MILLISECONDS * 1000:
        return stamp * (1_000 if stamp > _MILLISECONDS else 1_000_000), "stated"
    if isinstance(stamp, str):
        seconds = epoch_microseconds(stamp)
        return (seconds, "stated") if seconds is not None else clock.iso(stamp[:64])
    return None, "undated"


@dataclass(slots=True)
class Group:
    """Rows with the same names of one log (`path` empty: it does not say which)."""

    path: str
    names: tuple[str, ...]
    indexes: list[int] = field(default_factory=list)
    raws: list[bytes] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    def columns(self) -> dict[str, Values] | None:
        """The fields of all rows by Zeek's names, without those that hold nothing; None if some are nested."""
        columns: dict[str, Values] = {}
        turned = zip(*[row.values() for row in self.rows], strict=True)
        for name, column in zip(self.names, turned, strict=True):
            kinds = set(map(type, column))
            if dict in kinds:
                return None
            values: Values = column
            if list in kinds:
                values = [joined(value) if isinstance(value, list) else value for value in column]
            if any(value is not None for value in values):
                columns[RENAMED.get(name, name)] = values
        return columns


class Objects:
    """Rows gathered by what they say of their log and by their names."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, tuple[str, ...]], Group] = {}

    def take(self, index: int, raw: bytes, line: bytes) -> str | None:
        """Keeps the row on a line, or says why it is none."""
        row = read_row(line)
        return _NO_OBJECT if row is None else self._keep(index, raw, row)

    def _keep(self, index: int, raw: bytes, row: Row) -> str | None:
        names = tuple(row)
        if len(names) < 2 and path_of(row) is None:
            return _NO_ROW
        field = path_field(names)
        said = row[field] if field is not None else ""
        path = said[:64] if isinstance(said, str) else ""
        group = self._groups.get((path, names))
        if group is None:
            group = self._groups[path, names] = Group(path, names)
        group.indexes.append(index)
        group.raws.append(raw)
        group.rows.append(row)
        return None

    def groups(self, rejected: list[tuple[int, str]]) -> Iterator[tuple[str, Group, dict[str, Values]]]:
        """Log, rows and fields; what belongs to no log is put into `rejected`."""
        for group in self._groups.values():
            columns = group.columns()
            path = group.path or path_of(group.rows[0])
            if columns is None:
                yield from _unnested(group, rejected).groups(rejected)
            elif path is None:
                rejected += [(index, _NO_ROW) for index in group.indexes]
            else:
                yield path, group, columns


def _unnested(group: Group, rejected: list[tuple[int, str]]) -> Objects:
    objects = Objects()
    for index, raw, row in zip(group.indexes, group.raws, group.rows, strict=True):
        reason = objects._keep(index, raw, flat(row))  # noqa: SLF001  # one of its own kind
        if reason is not None:
            rejected.append((index, reason))
    return objects
