"""Records turned into flat fields: nested objects by dotted names, in the order in which the source wrote them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

Row = Mapping[str, Any]
"""One record as its family's reader gives it: JSON as it is, lines and rows flat."""
MAX_DEPTH = 8
MAX_FIELDS = 1024
"""What is nested deeper, or comes after so many fields, stays the JSON text that it was."""
_CACHED = 65_536
Shape = tuple[int, ...]
"""What two records have in common that have the same names in the same order and objects in the same places."""


class _Plan:
    """The keys of objects at one place: a number for their shape, and what was met at each key below."""

    __slots__ = ("below", "number")

    def __init__(self, number: int, keys: int) -> None:
        self.number = number
        self.below: list[dict[tuple[str, ...], _Plan]] = [{} for _ in range(keys)]


class Flattener:
    """Takes records apart; remembers shapes, because records resemble each other."""

    def __init__(self) -> None:
        self._plans: dict[tuple[str, ...], _Plan] = {}
        self._count = 0
        self._most = _CACHED

    def flat(self, row: Row) -> tuple[Shape, list[Any]]:
        """The shape and the values of a record; lists stay lists, what is null is None."""
        shape: list[int] = []
        values: list[Any] = []
        if self._count >= self._most:
            self._most += _CACHED
            self._plans = {}  # numbers go on, so that no two plans ever share one
        self._take(row, self._plans, 0, shape, values)
        return tuple(shape), values

    def _take(
        self,
        row: Row,
        plans: dict[tuple[str, ...], _Plan],
        depth: int,
        shape: list[int],
        values: list[Any],
    ) -> None:
        keys = tuple(row)
        plan = plans.get(keys)
        if plan is None:
            self._count += 1
            plan = plans[keys] = _Plan(self._count, len(keys))
        shape.append(plan.number)
        own = list(row.values())
        types = list(map(type, own))
        if dict not in types:
            values += own
            return
        start = 0
        for _ in range(types.count(dict)):
            place = types.index(dict, start)
            values += own[start:place]
            start = place
            if depth >= MAX_DEPTH or len(values) >= MAX_FIELDS:
                break
            shape.append(~place)
            self._take(own[place], plan.below[place], depth + 1, shape, values)
            start = place + 1
        values += own[start:]


def names_of(row: Row) -> tuple[str, ...]:
    """The names of the values that `Flattener.flat` gives for a record, in their order."""
    names: list[str] = []

    def take(row: Row, prefix: str, depth: int) -> None:
        whole = False
        for key, value in row.items():
            whole = whole or (type(value) is dict and (depth >= MAX_DEPTH or len(names) >= MAX_FIELDS))
            if type(value) is dict and not whole:
                take(value, f"{prefix}{key}.", depth + 1)
            else:
                names.append(prefix + key)

    take(row, "", 0)
    return tuple(names)


def unique(names: tuple[str, ...]) -> tuple[str, ...]:
    """`names`, where one that comes again is numbered: `{"a.b": 1, "a": {"b": 2}}` has two of them."""
    if len(set(names)) == len(names):
        return names
    seen: dict[str, int] = {}
    out = []
    for name in names:
        count = seen[name] = seen.get(name, 0) + 1
        out.append(name if count == 1 else f"{name} ({count})")
    return tuple(out)


def pairs(items: object, name: str, value: str) -> Row:
    """`[{"Name": "a", "Value": 1}]` as `{"a": 1}`; the first of two with one name counts."""
    row: dict[str, Any] = {}
    for item in items if type(items) is list else ():
        if type(item) is dict and type(item.get(name)) is str:
            row.setdefault(item[name], item.get(value))
    return row


def look_up(row: Any, path: str) -> Any:  # noqa: ANN401  # foreign
    """The value at a dotted path, None where there is none.

    A part is a key, in a list also a number or `key=value`, which is the first element that has it:
    `targetResources.0.displayName`, `target.type=User.alternateId`. A key that has dots itself is found whole.
    """
    if type(row) is dict and path in row:
        return row[path]
    return _walk(row, path.split("."))


def _walk(value: Any, parts: Sequence[str]) -> Any:  # noqa: ANN401  # foreign
    for part in parts:
        if type(value) is dict:
            value = value.get(part)
        elif type(value) is list:
            value = _element(value, part)
        else:
            return None
    return value


def _element(items: list[Any], part: str) -> Any:  # noqa: ANN401  # foreign
    if part.isdecimal() and len(part) < 5:
        return items[int(part)] if int(part) < len(items) else None
    key, equal, wanted = part.partition("=")
    if not equal:
        return None
    return next((item for item in items if type(item) is dict and str(item.get(key)) == wanted), None)


def values_at(fields: Mapping[str, Sequence[Any]], path: str) -> Sequence[Any] | None:
    """The values at a path for many records of one shape, None where none can have it.

    `fields` are flat: what stands within a list is found in that list's values.
    """
    found = fields.get(path)
    if found is not None:
        return found
    for holder, rest in _splits(path):
        holders = fields.get(holder)
        if holders is not None:
            values = [_walk(value, rest) for value in holders]
            return values if any(value is not None for value in values) else None
    return None


@lru_cache(maxsize=16_384)
def _splits(path: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Every beginning of a dotted path, longest first, and what follows it."""
    parts = path.split(".")
    return tuple((".".join(parts[:length]), tuple(parts[length:])) for length in range(len(parts) - 1, 0, -1))
