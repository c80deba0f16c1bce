"""Where the columns of one event came from: each source field is taken out of the record in turn, the record read again,
and what changed is what it gave. Where a line cannot be read without a field, equal values tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import orjson

from countersign.model import schema
from countersign.model.batch import ParseContext
from countersign.sources import Source

MOST = 400
"""Fields that are tried; a larger record says where it stops."""
_CORE = frozenset(schema.CORE_COLUMNS) - {"time"}
_KIND = ("class_uid", "activity_id")
_SAYING = 4
"""Shorter texts are equal by chance."""
_SHORTEST = 2
"""A shorter value stands in a line by chance."""
_VALUE = 2000


@dataclass(frozen=True, slots=True)
class Origin:
    """One source field and the columns that hold what it says; `decides` where without it the record would be another
    kind of event, or none."""

    field: str
    value: str
    columns: tuple[str, ...]
    decides: bool = False

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "field": self.field,
            "value": self.value,
            "columns": list(self.columns),
            "decides": self.decides,
        }


@dataclass(frozen=True, slots=True)
class Traced:
    """The fields of one record; `derived` are columns that no single field gave: constants of the kind."""

    time: str
    fields: tuple[Origin, ...]
    derived: dict[str, Any]


def trace(
    family: Source,
    header: Sequence[bytes],
    record: bytes,
    row: Mapping[str, Any] | None,
    context: ParseContext,
) -> Traced | None:
    """The columns of a record by its fields. `row` is its event as it was read among the others, None where it must be
    read alone. None if it gives no event."""
    context = replace(context, segment="0" * 64)
    alone = _columns(family, header, record, context)
    base = _flat(row) if row is not None else alone
    if base is None:
        return None
    own, columns = _split(base)
    stamp = base.get("time_text")
    fields = []
    for name, value, without in _fields(record, own):
        changed = None
        if without is not None and alone is not None:
            changed = _columns(family, header, without, context)
        one = _origin(name, value, columns, alone, changed, tried=without is not None)
        if value == stamp and "time" not in one.columns:
            one = replace(one, columns=("time", *one.columns))
        fields.append(one)
    given = {column for one in fields for column in one.columns}
    derived = {name: value for name, value in columns.items() if name not in given and name not in _CORE}
    basis = base.get("time_basis", "")
    return Traced(f"{columns.get('time', 'none')} ({basis})", tuple(fields), derived)


def _origin(
    name: str,
    value: str,
    columns: Mapping[str, Any],
    alone: Mapping[str, Any] | None,
    changed: Mapping[str, Any] | None,
    *,
    tried: bool,
) -> Origin:
    if not tried or alone is None:
        return Origin(name, value, _equal(value, columns))
    if changed is None or any(changed.get(one) != alone.get(one) for one in _KIND):
        return Origin(name, value, _equal(value, columns), decides=True)
    before, after = _split(alone)[1], _split(changed)[1]
    gone = [one for one, was in before.items() if one not in _CORE and after.get(one) != was]
    return Origin(name, value, tuple(sorted({*gone, *_equal(value, columns)})))


def _equal(value: str, columns: Mapping[str, Any]) -> tuple[str, ...]:
    """Columns that hold the same text: another field may hold it too, so that taking this one out changes nothing."""
    folded = value.casefold()
    if len(folded) < _SAYING:
        return ()
    return tuple(sorted(name for name, held in columns.items() if _text(held).casefold() == folded))


def _fields(record: bytes, own: Mapping[str, str]) -> Iterator[tuple[str, str, bytes | None]]:
    """Name and value of each field, and the record without it, where it can be taken out."""
    try:
        body = orjson.loads(record)
    except orjson.JSONDecodeError:
        body = None
    if isinstance(body, dict):
        for count, path in enumerate(_leaves(body)):
            if count >= MOST:
                return
            value, without = _without(body, path)
            yield ".".join(map(str, path)), _text(value)[:_VALUE], without
        return
    text = record.decode("utf-8", "surrogateescape")
    for count, (name, value) in enumerate(own.items()):
        if count >= MOST:
            return
        shorter = _cut(text, name, value)
        yield (
            name,
            value[:_VALUE],
            None if shorter is None else shorter.encode("utf-8", "surrogateescape"),
        )


def _cut(text: str, name: str, value: str) -> str | None:
    for written in (f'{name}="{value}"', f"{name}={value}"):
        if text.count(written) == 1:
            return text.replace(written, f"{name}=")
    if len(value) >= _SHORTEST and any(map(str.isalnum, value)) and text.count(value) == 1:
        return text.replace(value, "")
    return None


def _leaves(body: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:  # noqa: ANN401  # JSON
    """Paths to all values, depth first, without recursion: a hostile record may be deep."""
    stack = [(path, body)]
    while stack:
        path, body = stack.pop()
        inside: list[tuple[str | int, Any]] = (
            list(body.items())
            if isinstance(body, dict)
            else list(enumerate(body))
            if isinstance(body, list)
            else []
        )
        if inside:
            stack += [((*path, key), value) for key, value in reversed(inside)]
        elif path:
            yield path


def _without(body: Any, path: tuple[str | int, ...]) -> tuple[Any, bytes]:  # noqa: ANN401  # JSON
    """The value at a path, and the document without it."""
    holder = body
    for key in path[:-1]:
        holder = holder[key]
    value = holder[path[-1]]
    if isinstance(holder, list):
        index = int(path[-1])
        del holder[index]
        text = orjson.dumps(body)
        holder.insert(index, value)
        return value, text
    order = list(holder.items())
    del holder[path[-1]]
    text = orjson.dumps(body)
    holder.clear()
    holder.update(order)
    return value, text


def _columns(
    family: Source, header: Sequence[bytes], record: bytes, context: ParseContext
) -> dict[str, Any] | None:
    parsed = family.parse([*header, record], context)
    if not parsed.events.num_rows:
        return None
    return _flat(parsed.events.slice(parsed.events.num_rows - 1, 1).to_pylist()[0])


def _flat(row: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in row.items():
        if name == "unmapped" and not prefix:
            found[name] = dict(value or ())
        elif isinstance(value, dict):
            found |= _flat(value, f"{prefix}{name}.")
        elif value is not None:
            found[prefix + name] = value
    return found


@cache
def _names() -> dict[str, str]:
    """Column of a source field -> the field's name."""
    return {schema.source_column(name): name for name in schema.source_fields()}


def _split(base: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """Source fields by their own names, and the columns that we give."""
    names = _names()
    own = {str(name): _text(value) for name, value in base.get("unmapped", {}).items() if value is not None}
    own |= {names[column]: _text(value) for column, value in base.items() if column in names}
    columns = {
        name: value.isoformat().replace("+00:00", "Z") if name == "time" else value
        for name, value in base.items()
        if name != "unmapped" and name not in names and (name == "time" or name not in _CORE)
    }
    return own, columns


def _text(value: Any) -> str:  # noqa: ANN401  # a value of any column
    if isinstance(value, str):
        return value
    return orjson.dumps(value, default=str).decode()
