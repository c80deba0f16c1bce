"""What compiling leaves of the rules: plain data, by log source.

A node of a compiled condition is `True`, `False`, the number of an atom in its route, or a tuple
("and" | "or" | "not", *nodes): all of it can be written as JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from countersign.rules import atoms
from countersign.rules.conditions import Node, Renames, Unsupported, tree
from countersign.rules.documents import PARSER_FAILURES
from countersign.rules.logsources import LogSources, Where
from countersign.rules.rule import Rule, RuleSet

Plain = bool | int | tuple[Any, ...]
State = Literal["active", "unsupported", "no source"]


@dataclass(frozen=True, slots=True)
class Status:
    """Whether a rule runs; `reason` says why not, and is empty where it does."""

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
class Route:
    """All that is asked of the events of one log source."""

    where: tuple[Where, ...]
    atoms: tuple[atoms.Atom, ...]
    variants: tuple[Variant, ...]

    def takes(self, kind: tuple[str, ...]) -> bool:
        """Whether events with these names (as in `Where.holds`) come here."""
        source, log, provider, event = kind
        return all(one.holds(source, log, provider, event) for one in self.where)


class _RouteBuilder:
    def __init__(self) -> None:
        self._numbers: dict[atoms.Atom, int] = {}
        self._known: list[atoms.Atom] = []
        self._variants: list[Variant] = []

    def add(self, rule: int, node: Node) -> None:
        plain = self._plain(node)
        if plain is not False:
            self._variants.append(Variant(rule, plain, self._guard(plain)))

    def _plain(self, node: Node) -> Plain:
        if isinstance(node, bool):
            return node
        if isinstance(node, tuple):
            return (node[0], *(self._plain(child) for child in node[1:]))
        number = self._numbers.get(node)
        if number is None:
            number = self._numbers[node] = len(self._known)
            self._known.append(node)
        return number

    def _guard(self, plain: Plain) -> tuple[int, ...] | None:
        found = guard(plain, self._known)
        return None if found is None else tuple(sorted(found[1]))

    def finish(self, where: tuple[Where, ...]) -> Route:
        return Route(where, tuple(self._known), tuple(self._variants))


def guard(node: Plain, known: list[atoms.Atom]) -> tuple[float, frozenset[int]] | None:
    """The rarest set of atoms of which one must hold wherever `node` does, with its weight (less is rarer)."""
    if isinstance(node, bool):
        return None
    if isinstance(node, int):
        weight = _weight(known[node])
        return None if weight is None else (weight, frozenset({node}))
    name, *children = node
    if name == "not":
        return None
    found = [guard(child, known) for child in children]
    sure = [one for one in found if one is not None]
    if name == "and":
        return min(sure, key=lambda one: one[0], default=None)
    if len(sure) < len(found):
        return None
    return sum(weight for weight, _ in sure), frozenset().union(*(one for _, one in sure))


def _weight(atom: atoms.Atom) -> float | None:
    match atom:
        case atoms.Text():
            return 1 / (1 + len(atoms.literal(atom.pattern))) if atoms.literal(atom.pattern) else None
        case atoms.Regex():
            return 1 / (1 + min(map(len, atom.literals))) if atom.literals else None
        case atoms.Absent() | atoms.Same():
            return None
    return 0.5


def compile_routes(ruleset: RuleSet, logsources: LogSources) -> tuple[tuple[Route, ...], tuple[Status, ...]]:
    """Routes with at least one rule, and the status of each rule."""
    builders: dict[tuple[Where, ...], _RouteBuilder] = {}
    statuses: list[Status] = []
    for index, rule in enumerate(ruleset.rules):
        status = _refused(rule) or _compile(index, ruleset, logsources, builders)
        statuses.append(status)
    routes = tuple(builder.finish(where) for where, builder in builders.items())
    return tuple(route for route in routes if route.variants), tuple(statuses)


def _refused(rule: Rule) -> Status | None:
    if rule.kind != "rule":
        return Status("unsupported", f"{rule.kind} rules are not run yet")
    if rule.status in {"deprecated", "unsupported"}:
        return Status("unsupported", f"its authors mark it {rule.status}")
    return None


def _compile(
    index: int,
    ruleset: RuleSet,
    logsources: LogSources,
    builders: dict[tuple[Where, ...], _RouteBuilder],
) -> Status:
    parsed = ruleset.parsed[index]
    if parsed is None:
        rule = ruleset.rules[index]
        found = (one.reason for one in ruleset.problems if (one.path, one.line) == (rule.path, rule.line))
        return Status("unsupported", f"it cannot be read: {next(found, 'see the problems of its file')}")
    source = parsed.logsource
    meanings = logsources.find(source.product, source.category, source.service)
    try:
        trees = {
            name: tree(parsed, _renames(logsources.renames, name))
            for name in {m.rename for m in meanings} | {""}
        }
    except Unsupported as reason:
        return Status("unsupported", str(reason))
    except PARSER_FAILURES as error:
        return Status("unsupported", f"its condition cannot be read: {' '.join(str(error).split())[:200]}")
    if not meanings:
        named = (("product", source.product), ("category", source.category), ("service", source.service))
        asked = ", ".join(f"{name} {value}" for name, value in named if value)
        return Status("no source", f"no log source here is {asked or 'named'}")
    for meaning in meanings:
        builders.setdefault(meaning.where, _RouteBuilder()).add(index, trees[meaning.rename])
    return Status("active")


def _renames(known: Mapping[str, Renames], name: str) -> Renames:
    return known[name] if name else Renames()


def by_field(known: Iterable[atoms.Atom]) -> dict[str, list[tuple[int, atoms.Value]]]:
    """The atoms that values answer, by field, with their numbers; those of keywords under `atoms.KEYWORDS`."""
    found: dict[str, list[tuple[int, atoms.Value]]] = {}
    for number, atom in enumerate(known):
        if not isinstance(atom, atoms.Absent | atoms.Same):
            found.setdefault(atom.field, []).append((number, atom))
    return found
