"""One route over the rows of one batch: row sets of atoms, and set algebra on them.

Row sets are sorted positions within the route's rows, or a mask where more than an eighth of the rows is in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from countersign.rules import atoms
from countersign.rules.columns import Batch, Codes, Column
from countersign.rules.compiled import Plain, Route
from countersign.rules.literals import Ids
from countersign.rules.pool import Answers, Loose
from countersign.rules.values import is_loose, verify

Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
DENSE = 8
"""A set of more than 1/8 of the rows is a mask: eight bytes a position against one a row."""
NONE = np.empty(0, dtype=np.int64)


Node = bool | int | tuple[Any, ...]
"""As `Plain`, but ("or", atoms that only values with hits answer, *other nodes)."""


def _split(node: Plain, known: Sequence[atoms.Atom]) -> Node:
    """An alternative may have hundreds of atoms; a set shows the few that are alive at once."""
    if not isinstance(node, tuple):
        return node
    name, *children = node
    if name != "or":  # single atoms first: they tell soonest that a conjunction cannot hold
        children.sort(key=lambda child: isinstance(child, tuple))
        return (name, *[_split(child, known) for child in children])
    closed = [child for child in children if _is_closed(child, known)]
    rest = [_split(child, known) for child in children if not _is_closed(child, known)]
    return (name, frozenset(closed), *rest)


def _is_closed(node: Plain, known: Sequence[atoms.Atom]) -> bool:
    if isinstance(node, bool) or not isinstance(node, int):
        return False
    atom = known[node]
    return not isinstance(atom, atoms.Absent | atoms.Same) and not is_loose(atom)


class RouteIndex:
    """A route, which variants wait for which atom, and the pool's numbers of its atoms."""

    def __init__(self, route: Route, numbers: Ids) -> None:
        self.route = route
        self.numbers: list[int] = numbers.tolist()
        self.always = [place for place, variant in enumerate(route.variants) if variant.guard is None]
        self._nodes: dict[int, Node] = {}
        self.waiting: dict[int, list[int]] = {}
        for place, variant in enumerate(route.variants):
            for atom in variant.guard or ():
                self.waiting.setdefault(atom, []).append(place)

    def match(
        self, batch: Batch, rows: Places, answers: Answers, live: Iterable[int], keywords: Mapping[int, Mask]
    ) -> list[tuple[int, Places]]:
        """(rule, rows of the batch) for each variant with hits among `rows`, which must not be empty.

        `live` are the route's atoms that some row of the batch answers, keywords not among them; `keywords` are those of
        `rows` that answer a keyword atom.
        """
        alive = frozenset((*live, *keywords))
        scope = Scope(self, batch, rows, answers, keywords, alive)
        awake = {place for atom in alive for place in self.waiting.get(atom, ())}
        awake.update(self.always)
        out: list[tuple[int, Places]] = []
        for place in sorted(awake):
            found = scope.find(self._node(place))
            if len(found):
                out.append((self.route.variants[place].rule, rows[found]))
        return out

    def _node(self, place: int) -> Node:
        if place not in self._nodes:
            self._nodes[place] = _split(self.route.variants[place].node, self.route.atoms)
        return self._nodes[place]


@dataclass(frozen=True, slots=True)
class _Field:
    """A field on the route's rows: the batch's values and how many rows here have each, each row's value (the last
    number for none)."""

    column: Column
    codes: Codes
    counts: Places

    @property
    def size(self) -> int:
        """How many values there are."""
        return len(self.column.values)


class Scope:
    """The atoms of one route on some rows of one batch."""

    def __init__(
        self,
        index: RouteIndex,
        batch: Batch,
        rows: Places,
        answers: Answers,
        keywords: Mapping[int, Mask],
        alive: frozenset[int],
    ) -> None:
        self._alive = alive
        self._batch = batch
        self._rows = rows
        self._size = len(rows)
        self._atoms = index.route.atoms
        self._numbers = index.numbers
        self._answers = answers
        self._fields: dict[str, _Field | None] = {}
        self._sets: dict[int, Mask | Places] = dict(keywords)
        self._counts: dict[int, int] = {}

    def _field(self, name: str) -> _Field | None:
        if name not in self._fields:
            column = self._batch.column(name)
            self._fields[name] = None if column is None else self._restrict(column)
        return self._fields[name]

    def _restrict(self, column: Column) -> _Field:
        size = len(column.values)
        codes = column.codes if self._size == self._batch.rows else column.codes[self._rows]
        codes = np.where(codes < 0, np.int32(size), codes)
        return _Field(column, codes, np.bincount(codes, minlength=size + 1))

    def _loose(self, atom: int) -> Loose | None:
        """The atom, if its values were not asked."""
        return self._answers.loose.get(self._numbers[atom])

    def _set(self, atom: int) -> Mask | Places:
        found = self._sets.get(atom)
        if found is None:
            found = self._sets[atom] = self._compute(self._atoms[atom], atom)
        return found

    def _compute(self, atom: atoms.Atom, number: int) -> Mask | Places:
        column = self._field(atom.field)
        if isinstance(atom, atoms.Absent):
            return np.ones(self._size, dtype=bool) if column is None else column.codes == column.size
        if isinstance(atom, atoms.Same):
            return self._same(atom, column)
        if column is None:
            return NONE
        loose = self._loose(number)
        if loose is not None:
            here = np.flatnonzero(column.counts[: column.size])
            ids = verify(loose, here, column.column.values, column.column.folded)
            self._counts[number] = int(column.counts[ids].sum())
        else:
            ids = self._answers.hits.get(self._numbers[number], NONE)
        if not len(ids):
            return NONE
        table = np.zeros(column.size + 1, dtype=bool)
        table[ids] = True
        mask: Mask = table[column.codes]
        return mask if self._count(number) * DENSE > self._size else np.flatnonzero(mask)

    def _same(self, atom: atoms.Same, column: _Field | None) -> Mask | Places:
        other = self._field(atom.other)
        if column is None or other is None:
            return NONE
        width = other.size + 1
        pairs, of_row = np.unique(column.codes * np.int64(width) + other.codes, return_inverse=True)
        lefts, rights = np.divmod(pairs, width)
        both = np.flatnonzero((lefts < column.size) & (rights < other.size))
        holds = np.zeros(len(pairs), dtype=bool)
        texts = zip(
            column.column.values.take(pa.array(lefts[both])).to_pylist(),
            other.column.values.take(pa.array(rights[both])).to_pylist(),
            strict=True,
        )
        holds[both] = [atoms.same(atom, left, right) for left, right in texts]
        return holds[of_row]

    def _count(self, atom: int) -> int:
        """How many rows answer an atom, at most: exact where it was answered, all rows where it was not yet."""
        known = self._counts.get(atom)
        if known is not None:
            return known
        ids = self._answers.hits.get(self._numbers[atom])
        if ids is not None:
            column = self._field(self._atoms[atom].field)
            count = 0 if column is None else int(column.counts[ids].sum())
        elif atom in self._sets:
            found = self._sets[atom]
            count = int(np.count_nonzero(found)) if found.dtype == bool else len(found)
        else:
            open_ = isinstance(self._atoms[atom], atoms.Absent | atoms.Same) or self._loose(atom) is not None
            count = self._size if open_ else 0
        self._counts[atom] = count
        return count

    def _bound(self, node: Node) -> int:
        """No more rows than this can hold."""
        if isinstance(node, bool):
            return self._size if node else 0
        if isinstance(node, int):
            return self._count(node)
        name, *children = node
        if name == "not":
            return self._size
        if name == "and":
            least = self._size
            for child in children:
                least = min(least, self._bound(child))
                if not least:
                    break
            return least
        return min(self._size, sum(map(self._bound, self._alternatives(node))))

    def _alternatives(self, node: tuple[Any, ...]) -> Iterator[Node]:
        """The nodes of an "or" that can hold."""
        _, closed, *rest = node
        yield from closed & self._alive
        yield from rest

    def find(self, node: Node) -> Places:
        """The places where `node` holds, sorted."""
        if isinstance(node, bool):
            return np.arange(self._size) if node else NONE
        if isinstance(node, int):
            return _places(self._set(node))
        name, *children = node
        if name == "not":
            return np.flatnonzero(~self._test(children[0], np.arange(self._size)))
        if name == "or":
            able = (child for child in self._alternatives(node) if self._bound(child))
            parts = [part for child in able if len(part := self.find(child))]
            if len(parts) == 1:
                return parts[0]
            return np.unique(np.concatenate(parts)) if parts else NONE
        return self._find_all(children)

    def _find_all(self, children: Sequence[Node]) -> Places:
        """The places where all hold: the rarest first, and nothing of what is asked where one cannot hold."""
        bounds: list[tuple[bool, int]] = []
        for child in children:
            bound = self._bound(child)
            if not bound:
                return NONE
            bounds.append((_negated(child), bound))
        first, *others = sorted(range(len(children)), key=bounds.__getitem__)
        places = self.find(children[first])
        for other in others:
            if not len(places):
                return NONE
            places = places[self._test(children[other], places)]
        return places

    def _test(self, node: Node, places: Places) -> Mask:
        """For each of `places` (sorted) whether `node` holds there."""
        if isinstance(node, bool):
            return np.full(len(places), node)
        if isinstance(node, int):
            return self._test_atom(node, places)
        name, *children = node
        if name == "not":
            return ~self._test(children[0], places)
        conjunction = name == "and"
        decided = np.full(len(places), conjunction)
        open_ = np.arange(len(places))
        for child in children if conjunction else self._alternatives(node):
            answers = self._test(child, places[open_])
            if not conjunction:
                decided[open_[answers]] = True
                open_ = open_[~answers]
            else:
                decided[open_[~answers]] = False
                open_ = open_[answers]
            if not len(open_):
                break
        return decided

    def _test_atom(self, atom: int, places: Places) -> Mask:
        if not self._count(atom):
            return np.zeros(len(places), dtype=bool)
        if atom not in self._sets and 2 * len(places) < self._size:
            loose = self._loose(atom)
            if loose is not None:
                return self._test_loose(loose, places)
        found = self._set(atom)
        if found.dtype == bool:
            return found[places].astype(bool, copy=False)
        at = np.searchsorted(found, places)
        at[at == len(found)] = 0
        return found[at] == places if len(found) else np.zeros(len(places), dtype=bool)

    def _test_loose(self, atom: Loose, places: Places) -> Mask:
        """Only the values that stand at `places` are looked at."""
        column = self._field(atom.field)
        if column is None:
            return np.zeros(len(places), dtype=bool)
        kept, of_place = np.unique(column.codes[places], return_inverse=True)
        wanted = kept[kept < column.size].astype(np.int64)
        return np.isin(kept, verify(atom, wanted, column.column.values, column.column.folded))[of_place]


def _places(found: Mask | Places) -> Places:
    if found.dtype == bool:
        return np.flatnonzero(found)
    return found.astype(np.int64, copy=False)


def _negated(node: Node) -> bool:
    return isinstance(node, tuple) and node[0] == "not"
