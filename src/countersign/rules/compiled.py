"""What compiling leaves of the rules: plain data, by log source.

A node of a compiled condition is `True`, `False`, the number of an atom in its route, or a tuple
("and" | "or" | "not", *nodes): all of it can be written as JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from countersign.rules import atoms
from countersign.rules.logsources import Where

Plain = bool | int | tuple[Any, ...]
State = Literal["active", "waiting", "unsupported", "no source"]
"""`waiting`: ready to run, but nothing here reads logs of its source yet."""


@dataclass(frozen=True, slots=True)
class Status:
    """Whether a rule runs; `reason` says why not. A rule that runs has none, unless a person should know something."""

    state: State
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Variant:
    """One rule in one log source: the rule's index and its condition. `guard` are atoms of which one must be
    answered by some row before the condition can hold at all; None where nothing is that sure."""

    rule: int
    node: Plain
    guard: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Body:
    """What a route asks: its atoms, which nodes name by their place, and its variants."""

    atoms: tuple[atoms.Atom, ...]
    variants: tuple[Variant, ...]


class Route:
    """All that is asked of the events of one log source.

    `fields` are the names that its atoms read, as the log writes them; `rename` is how the log writes the names of the rules
    (both casefolded), `rules` are the rules with a variant here. The body may be read only when it is asked for: most
    workspaces have few of the log sources.
    """

    def __init__(
        self,
        where: tuple[Where, ...],
        rename: Mapping[str, str],
        fields: frozenset[str],
        rules: tuple[int, ...],
        body: Body | Callable[[], Body],
    ) -> None:
        self.where = where
        self.rename = rename
        self.fields = fields
        self.rules = rules
        self._body = body

    @property
    def body(self) -> Body:
        """Atoms and variants."""
        body = self._body
        if not isinstance(body, Body):
            body = self._body = body()
        return body

    @property
    def atoms(self) -> tuple[atoms.Atom, ...]:
        """The atoms, by number."""
        return self.body.atoms

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The rules' conditions."""
        return self.body.variants

    @property
    def logs(self) -> frozenset[str | None]:
        """The logs whose events may come here; None where the log does not matter."""
        return frozenset(next((one.log for one in self.where if one.log), (None,)))

    def takes(self, kind: tuple[str, ...]) -> bool:
        """Whether events with these names (as in `Where.holds`) come here."""
        source, log, provider, event = kind
        return all(one.holds(source, log, provider, event) for one in self.where)

    def only(self, rules: Mapping[int, int]) -> Route | None:
        """The route with these rules alone, which get new numbers; None if none of them is here."""
        if rules.keys().isdisjoint(self.rules):
            return None
        body = self.body
        numbers: dict[int, int] = {}
        variants = tuple(
            Variant(
                rules[variant.rule],
                _renumbered(variant.node, numbers),
                None
                if variant.guard is None
                else tuple(sorted(numbers.setdefault(atom, len(numbers)) for atom in variant.guard)),
            )
            for variant in body.variants
            if variant.rule in rules
        )
        return made(self.where, self.rename, Body(tuple(body.atoms[number] for number in numbers), variants))


def made(where: tuple[Where, ...], rename: Mapping[str, str], body: Body) -> Route:
    """A route of what is known already."""
    fields = {atom.field for atom in body.atoms}
    fields |= {atom.other for atom in body.atoms if isinstance(atom, atoms.Same)}
    rules = tuple(sorted({variant.rule for variant in body.variants}))
    return Route(where, rename, frozenset(fields), rules, body)


def _renumbered(node: Plain, numbers: dict[int, int]) -> Plain:
    if isinstance(node, bool):
        return node
    if isinstance(node, int):
        return numbers.setdefault(node, len(numbers))
    return (node[0], *(_renumbered(child, numbers) for child in node[1:]))
