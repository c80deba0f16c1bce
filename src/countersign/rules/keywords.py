"""Keywords: atoms that any value of a record may answer, for several routes in one pass over a batch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from countersign.rules import atoms
from countersign.rules.columns import Batch, Column, Mask, Rows, Texts
from countersign.rules.compiled import Route
from countersign.rules.literals import casefolded
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

    def match(self, batch: Batch, rows: Rows | None = None) -> dict[int, Mask]:
        """For each atom that some row of the batch answers, a mask of those rows; `rows` are those to ask, if not all, and
        the masks are then of them."""
        size = batch.rows if rows is None else len(rows)
        masks: dict[int, Mask] = {}
        for column in batch.texts(rows, distinct=not self._index.words_only):
            for number, ids in self._found(column).items():
                if len(ids):
                    holders = column.holders(ids, size)
                    masks[number] = masks[number] | holders if number in masks else holders
        return masks

    def _found(self, column: Column | Texts) -> dict[int, Rows]:
        """For each atom the values that answer it."""
        places = self._index.screened(column.array)
        if places is not None:
            chosen = column.array.take(pa.array(places))
            return {number: places[ids] for number, ids in self._index.match(chosen).items()}
        values, places = column.searched()
        folded = column.folded if isinstance(column, Column) else casefolded(values)
        found = self._index.match(values, folded)
        everything: Rows = np.arange(len(values))
        for number, atom in self._index.loose.items():
            found[number] = verify(atom, everything, values, folded)
        return found if places is None else {number: places[ids] for number, ids in found.items()}
