"""The atoms of all routes that have met events so far, by field: each is answered once for a batch's distinct values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from countersign.rules import atoms
from countersign.rules.columns import Batch
from countersign.rules.compiled import Route
from countersign.rules.literals import Ids
from countersign.rules.values import FieldIndex

Loose = atoms.Text | atoms.Regex


@dataclass(frozen=True, slots=True)
class Answers:
    """What a batch's values answer, by the pool's numbers of atoms: the sorted indices of values in the column of the atom's
    field. `loose` are atoms that were left unasked."""

    hits: Mapping[int, Ids]
    loose: Mapping[int, Loose]


class Pool:
    """Grows with every route that is met, and then makes the automata of that route's fields anew."""

    def __init__(self) -> None:
        self._numbers: dict[atoms.Value, int] = {}
        self._of_field: dict[str, dict[int, atoms.Value]] = {}
        self._indexes: dict[str, FieldIndex] = {}
        self.holders: dict[int, list[tuple[int, int]]] = {}
        """For each atom the routes that have it, each with its number there."""

    def add(self, place: int, route: Route) -> Ids:
        """Takes a route's atoms in; gives the pool's number for each, -1 for those that no single value answers."""
        numbers = np.full(len(route.atoms), -1, dtype=np.int64)
        for own, atom in enumerate(route.atoms):
            if isinstance(atom, atoms.Absent | atoms.Same) or atom.field == atoms.KEYWORDS:
                continue
            number = self._numbers.setdefault(atom, len(self._numbers))
            numbers[own] = number
            known = self._of_field.setdefault(atom.field, {})
            if number not in known:
                known[number] = atom
                self._indexes.pop(atom.field, None)
            self.holders.setdefault(number, []).append((place, own))
        return numbers

    def answers(self, batch: Batch, fields: Iterable[str]) -> Answers:
        """Asks the atoms of these fields."""
        hits: dict[int, Ids] = {}
        loose: dict[int, Loose] = {}
        for field in fields:
            known = self._of_field.get(field)
            column = batch.column(field) if known else None
            if known and column is not None:
                index = self._indexes.get(field)
                if index is None:
                    index = self._indexes[field] = FieldIndex(known.items())
                hits.update(index.match(column.values, column.folded))
                loose.update(index.loose)
        return Answers(hits, loose)
