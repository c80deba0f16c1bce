"""Rows of one kind gathered until there are many of them: turned on their side, those of one shape together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from countersign.model.columns import Typed, Values
from countersign.sources._flat import Known, flat, unique, values_at

Come = tuple[int, bytes, dict[str, Any], Mapping[str, object]]
"""A row as it came: index and bytes of its record, itself, and its frame."""


class Group(NamedTuple):
    """Rows of one kind and shape, turned on their side."""

    indexes: list[int]
    raws: list[bytes]
    lists: list[Typed]
    fields: dict[str, Values]
    """The lists by name."""
    frames: list[Mapping[str, object]]


class Taken(NamedTuple):
    """Rows of one kind as they came, and those before them by the names of their fields."""

    held: list[Come]
    groups: dict[tuple[str, ...], Group]

    def fold(self, count: int) -> None:
        """Turns the first of the rows on their side and forgets them."""
        if not count:
            return
        indexes, raws, rows, frames = zip(*self.held[:count], strict=True)
        del self.held[:count]
        for members, names, columns, kinds in flat(rows):
            group = self.groups.get(names)
            if group is None:
                lists = [Typed() for _ in names]
                fields: dict[str, Values] = dict(zip(unique(names), lists, strict=True))
                group = self.groups[names] = Group([], [], lists, fields, [])
            for values, more, types in zip(group.lists, columns, kinds, strict=True):
                values.extend(more)
                values.kinds |= types
            whole = len(members) == count
            group.indexes.extend(indexes if whole else [indexes[member] for member in members])
            group.raws.extend(raws if whole else [raws[member] for member in members])
            if frames[0]:
                group.frames.extend(frames if whole else [frames[member] for member in members])


class Gathered:
    """The groups of one kind, one after another: values by path, for all of them at once."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self.groups = groups
        self.count = sum(len(group.indexes) for group in groups)
        self.fields = [group.fields for group in groups]
        self._lists = [any(list in values.kinds for values in group.lists) for group in groups]
        self._elements: list[Known] = [{} for _ in groups]
        self._known: dict[str, Values | None] = {}

    def get(self, path: str) -> Values | None:
        """The values at a path, None if no record has one."""
        if path not in self._known:
            self._known[path] = self._gather(path)
        return self._known[path]

    def _gather(self, path: str) -> Values | None:
        parts = [
            fields.get(path) or (values_at(fields, path, known) if lists else None)
            for fields, lists, known in zip(self.fields, self._lists, self._elements, strict=True)
        ]
        if not any(parts):
            return None
        if len(parts) == 1:
            return parts[0]
        values: list[Any] = []
        for part, group in zip(parts, self.groups, strict=True):
            values += part or (None,) * len(group.indexes)
        return values
