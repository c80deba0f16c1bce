"""Keywords: atoms that any value of a record may answer, for several routes in one pass over a batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pyarrow as pa

from countersign.rules import atoms
from countersign.rules.columns import Batch, Column, Mask, Rows, Texts
from countersign.rules.compiled import Route
from countersign.rules.literals import casefolded
from countersign.rules.values import FieldIndex, verify

SMALL = 1 << 19
"""Bytes, places in them included."""


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
        for column in self._likely(batch.texts(rows, distinct=not self._index.words_only)):
            for number, ids in self._found(column).items():
                if len(ids):
                    holders = column.holders(ids, size)
                    masks[number] = masks[number] | holders if number in masks else holders
        return masks

    def _likely(self, columns: Iterable[Column | Texts]) -> Iterator[Column | Texts]:
        """Without the small columns that hold no word. There are hundreds of them, and a search takes longer to begin than
        to look through one: they are searched roughly as if they were one."""
        small: list[Column | Texts] = []
        for column in columns:
            if self._index.is_screened and column.array.nbytes < SMALL:
                small.append(column)
            else:
                yield column
        if not small:
            return
        places = self._index.screened(pa.concat_arrays([column.array for column in small]))
        if places is None:
            yield from small
            return
        ends = np.cumsum([len(column.array) for column in small])
        for place in np.unique(np.searchsorted(ends, places, side="right")).tolist():
            yield small[place]

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
