"""Records turned into flat fields: nested objects by dotted names, in the order in which the source wrote them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

Row = Mapping[str, Any]
"""One record as its family's reader gives it: JSON as it is, lines and rows flat."""
MAX_DEPTH = 8
MAX_KEYS = 1024
"""What is nested deeper, or in an object of more keys, stays the JSON text that it was."""


class Flat(NamedTuple):
    """Records with the same names: `members` are their places among those given, `columns` their values by name, in the
    order of `names`, `kinds` the types in them (of all records with the same keys, where others' values are of further types)."""

    members: Sequence[int]
    names: tuple[str, ...]
    columns: Sequence[Sequence[Any]]
    kinds: Sequence[set[type]]


def flat(rows: Sequence[Row], prefix: str = "", depth: int = 0) -> list[Flat]:
    """Records taken apart and turned on their side, those of one shape together. Lists stay lists, null is None.

    Records of one kind resemble each other, so that this costs a fraction of walking through each of them.
    """
    keys_of = list(map(tuple, rows))
    if keys_of and keys_of.count(keys_of[0]) == len(keys_of):
        return _of_one_shape(rows, keys_of[0], prefix, depth)
    shapes: dict[tuple[str, ...], list[int]] = {}
    for place, keys in enumerate(keys_of):
        members = shapes.get(keys)
        if members is None:
            shapes[keys] = [place]
        else:
            members.append(place)
    found: list[Flat] = []
    for keys, places in shapes.items():
        parts = _of_one_shape([rows[place] for place in places], keys, prefix, depth)
        found += [part._replace(members=[places[member] for member in part.members]) for part in parts]
    return found


def _of_one_shape(rows: Sequence[Row], keys: tuple[str, ...], prefix: str, depth: int) -> list[Flat]:
    """Records with the same keys: of several shapes only where the objects in them are."""
    columns: list[Sequence[Any]] = list(zip(*[row.values() for row in rows], strict=True))
    kinds = [set(map(type, values)) for values in columns]
    everyone = range(len(rows))
    names = tuple([prefix + key for key in keys]) if prefix else keys
    nested: dict[int, _Nested] = {}
    if depth < MAX_DEPTH and len(keys) <= MAX_KEYS:
        for place, types in enumerate(kinds):
            if dict in types:
                nested[place] = _Nested(columns[place], types, f"{names[place]}.", depth + 1)
    own = Flat(everyone, names, columns, kinds)
    if not nested:
        return [own]
    mixed = [inner.part_of for inner in nested.values() if inner.mixed]
    if not mixed:
        return [_spread(own, nested, everyone)]
    groups: dict[tuple[int, ...], list[int]] = {}
    for member, parts in enumerate(zip(*mixed, strict=True)):
        groups.setdefault(parts, []).append(member)
    return [_spread(own, nested, members) for members in groups.values()]


class _Nested:
    """A column with objects in it: `part_of` says of each record which of the `parts` its object is in (-1: it has none),
    `place_in` where in that part."""

    def __init__(self, values: Sequence[Any], kinds: set[type], prefix: str, depth: int) -> None:
        if len(kinds) == 1:
            self.parts = flat(values, prefix, depth)
            holders: Sequence[int] = range(len(values))
        else:
            holders = [place for place, value in enumerate(values) if type(value) is dict]
            self.parts = flat([values[place] for place in holders], prefix, depth)
        self.mixed = len(self.parts) > 1 or len(kinds) > 1
        if not self.mixed:
            return
        self.part_of = [-1] * len(values)
        self.place_in = [0] * len(values)
        for number, part in enumerate(self.parts):
            for place, member in enumerate(part.members):
                self.part_of[holders[member]] = number
                self.place_in[holders[member]] = place


def _spread(own: Flat, nested: Mapping[int, _Nested], members: Sequence[int]) -> Flat:
    """Those of the records that are `members`, whose objects are of one shape in each column, with those put in their
    columns' places."""
    whole = len(members) == len(own.members)
    names: list[str] = []
    columns: list[Sequence[Any]] = []
    kinds: list[set[type]] = []
    for place, (name, values) in enumerate(zip(own.names, own.columns, strict=True)):
        inner = nested.get(place)
        if inner is None or (inner.mixed and inner.part_of[members[0]] < 0):
            names.append(name)
            columns.append(values if whole else [values[member] for member in members])
            kinds.append(own.kinds[place])
            continue
        part = inner.parts[inner.part_of[members[0]] if inner.mixed else 0]
        names += part.names
        kinds += part.kinds
        if inner.mixed:
            places = [inner.place_in[member] for member in members]
            columns += [[column[at] for at in places] for column in part.columns]
        elif whole:
            columns += part.columns
        else:
            columns += [[column[member] for member in members] for column in part.columns]
    return Flat(members, tuple(names), columns, kinds)


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


@lru_cache(maxsize=4096)
def getter(path: str) -> Callable[[Row], Any]:
    """`look_up` of one path in many records."""
    parts = tuple(path.split("."))
    if len(parts) == 1:
        return lambda row: row.get(path)
    first, second = parts[:2]
    deeper = len(parts) > 2

    def get(row: Row) -> Any:  # noqa: ANN401  # foreign
        if path in row:
            return row[path]
        inner = row.get(first)
        return _walk(inner, parts[1:]) if deeper or type(inner) is not dict else inner.get(second)

    return get


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
    place, key, wanted = _asked(part)
    if place is not None:
        return items[place] if place < len(items) else None
    return None if key is None else _by_value(items, key).get(wanted)


def _by_value(items: Any, key: str) -> Mapping[str, Any]:  # noqa: ANN401  # foreign
    """The objects in a list by what they have at a key; the first of those that have the same counts."""
    found: dict[str, Any] = {}
    for item in items if type(items) is list else ():
        if type(item) is dict:
            value = item.get(key)
            if type(value) is str:
                found.setdefault(value, item)
            elif type(value) in _PLAIN:
                found.setdefault(str(value), item)
    return found


_PLAIN = frozenset({int, float, bool, type(None)})


@lru_cache(maxsize=4096)
def _asked(part: str) -> tuple[int | None, str | None, str]:
    """What a part of a path asks of a list: a place in it, or a key and the value that it must have."""
    if part.isdecimal() and len(part) < 5:
        return int(part), None, ""
    key, equal, wanted = part.partition("=")
    return None, key if equal else None, wanted


Known = dict[tuple[str, str], Sequence[Any]]
"""What was found in a list of each record: by the list's name and the part of the path that asks for it; objects by their values
by the key and an equals sign."""


def values_at(
    fields: Mapping[str, Sequence[Any]], path: str, known: Known | None = None
) -> Sequence[Any] | None:
    """The values at a path for many records of one shape, None where none can have it.

    `fields` are flat: what stands within a list is found in that list's values. `known` remembers the elements of
    lists, which several paths ask for.
    """
    found = fields.get(path)
    if found is not None:
        return found
    for holder, rest in _splits(path):
        holders = fields.get(holder)
        if holders is not None:
            values = _within(holders, rest, {} if known is None else known, holder)
            return None if values.count(None) == len(values) else values
    return None


def _within(holders: Sequence[Any], rest: tuple[str, ...], known: Known, name: str) -> Sequence[Any]:
    elements = known.get((name, rest[0]))
    if elements is None:
        elements = known[name, rest[0]] = _elements(holders, rest[0], known, name)
    if len(rest) == 1:
        return elements
    if len(rest) > 2:
        return [None if value is None else _walk(value, rest[1:]) for value in elements]
    own = rest[1]
    return [
        value.get(own) if type(value) is dict else None if value is None else _walk(value, (own,))
        for value in elements
    ]


def _elements(holders: Sequence[Any], part: str, known: Known, name: str) -> Sequence[Any]:
    """What a part of a path asks for, of each record."""
    _, key, wanted = _asked(part)
    if key is None or dict in set(map(type, holders)):
        return [_walk(value, (part,)) for value in holders]
    objects = known.get((name, f"{key}="))
    if objects is None:
        objects = known[name, f"{key}="] = [_by_value(value, key) for value in holders]
    return [found.get(wanted) for found in objects]


@lru_cache(maxsize=16_384)
def _splits(path: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Every beginning of a dotted path, longest first, and what follows it."""
    parts = path.split(".")
    return tuple((".".join(parts[:length]), tuple(parts[length:])) for length in range(len(parts) - 1, 0, -1))
