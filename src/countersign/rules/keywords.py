"""Keywords: atoms that any value of a record may answer, for several routes in one pass over a batch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from countersign.rules import atoms
from countersign.rules.columns import Batch, Rows
from countersign.rules.compiled import Route
from countersign.rules.values import FieldIndex, verify


def keyword_atoms(route: Route) -> dict[int, atoms.Value]:
    """The keyword atoms of a route by their number."""
    return {
        number: atom
        for number, atom in enumerate(route.atoms)
        if atom.field == atoms.KEYWORDS and not isinstance(atom, atoms.Absent | atoms.Same)
    }


class KeywordIndex:
    """The keyword atoms of some routes, each once. `of_route` gives for a route's number its keyword atoms and
    their numbers in what `match` gives."""

    def __init__(self, routes: Mapping[int, Route]) -> None:
        known: dict[atoms.Value, int] = {}
        self.of_route: dict[int, dict[int, int]] = {}
        for place, route in routes.items():
            own = self.of_route[place] = {}
            for number, atom in keyword_atoms(route).items():
                own[number] = known.setdefault(atom, len(known))
        self._index = FieldIndex((number, atom) for atom, number in known.items())

    def match(self, batch: Batch) -> dict[int, npt.NDArray[np.bool_]]:
        """For each atom that some row of the batch answers, a mask of those rows."""
        masks: dict[int, npt.NDArray[np.bool_]] = {}
        for column in batch.texts():
            found = self._index.match(column.values)
            everything: Rows = np.arange(len(column.values))
            found.update(
                {
                    number: verify(atom, everything, column.values)
                    for number, atom in self._index.loose.items()
                }
            )
            for number, ids in found.items():
                table = np.zeros(len(column.values) + 1, dtype=bool)
                table[ids] = True
                entries = table[column.codes]  # the code -1 of null is the last place, which stays false
                mask = masks.setdefault(number, np.zeros(batch.rows, dtype=bool))
                if column.rows is None:
                    mask |= entries
                else:
                    mask[column.rows[entries]] = True
        return {number: mask for number, mask in masks.items() if mask.any()}
