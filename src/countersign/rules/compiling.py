"""From a set of rules to routes: the part that needs pySigma."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from sigma.rule import SigmaRule

from countersign.rules import atoms
from countersign.rules.compiled import Body, Plain, Route, Status, Variant, made
from countersign.rules.conditions import Node, Unsupported, tree
from countersign.rules.correlations.states import states as correlation_states
from countersign.rules.failures import PARSER_FAILURES
from countersign.rules.filters import apply_filters, filter_states
from countersign.rules.logsources import LogSources, Meaning, Renames, Where
from countersign.rules.placeholders import NO_LISTS, Lists
from countersign.rules.plain import spelled
from countersign.rules.rule import REFUSED, Rule, RuleSet

if TYPE_CHECKING:
    from sigma.rule import SigmaLogSource

ENGINE_VERSION = 2
"""Raised with every change that can change which events a rule fires on: all fingerprints change with it."""
ALWAYS = "its condition always holds: it fires on every event of its log source"


@dataclass(frozen=True, slots=True)
class Compiled:
    """What compiling comes to. `status` is one a rule, `fingerprints` are by the id of a rule that has a route."""

    routes: tuple[Route, ...]
    status: tuple[Status, ...]
    fingerprints: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Builder:
    where: tuple[Where, ...]
    rename: Mapping[str, str]
    numbers: dict[atoms.Atom, int] = field(default_factory=dict)
    known: list[atoms.Atom] = field(default_factory=list)
    variants: list[Variant] = field(default_factory=list)

    def add(self, rule: int, node: Node) -> None:
        plain = self._plain(node)
        if plain is not False:
            found = guard(plain, self.known)
            sure = None if found is None else tuple(sorted(found[1]))
            self.variants.append(Variant(rule, plain, sure))

    def _plain(self, node: Node) -> Plain:
        if isinstance(node, bool):
            return node
        if isinstance(node, tuple):
            return (node[0], *[self._plain(child) for child in node[1:]])
        number = self.numbers.get(node)
        if number is None:
            number = self.numbers[node] = len(self.known)
            self.known.append(node)
        return number

    def finish(self) -> Route:
        return made(self.where, self.rename, Body(tuple(self.known), tuple(self.variants)))


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


def compile_routes(
    ruleset: RuleSet,
    logsources: LogSources,
    captured: Mapping[str, tuple[str, ...]] | None = None,
    lists: Lists = NO_LISTS,
) -> Compiled:
    """Routes with at least one rule, the status of each rule, and what its hits depend on.

    `captured` are, by rule id, the fields whose values its hits carry, `lists` the values of placeholders.
    """
    ruleset = apply_filters(ruleset)
    compiler = _Compiler(ruleset, logsources, lists)
    status = _with_meta(ruleset, [compiler.compile(index) for index in range(len(ruleset.rules))])
    routes = tuple(route for builder in compiler.builders.values() if (route := builder.finish()).rules)
    return Compiled(routes, status, _fingerprints(ruleset, status, routes, captured or {}))


def _with_meta(ruleset: RuleSet, status: list[Status]) -> tuple[Status, ...]:
    """The states with those of correlations and filters, which depend on other rules."""
    told = {index: (one.state, one.reason) for index, one in enumerate(status)}
    for index, (state, reason) in {**filter_states(ruleset), **correlation_states(ruleset, told)}.items():
        status[index] = Status(state, reason)
    return tuple(status)


class _Compiler:
    def __init__(self, ruleset: RuleSet, logsources: LogSources, lists: Lists) -> None:
        self._ruleset = ruleset
        self._logsources = logsources
        self._lists = {name.casefold(): values for name, values in lists.items()}
        self.builders: dict[tuple[tuple[Where, ...], str], _Builder] = {}

    def compile(self, index: int) -> Status:
        """The state of a rule; of a correlation or filter only that it cannot be read (`_with_meta` says more)."""
        rule, parsed = self._ruleset.rules[index], self._ruleset.parsed[index]
        refused = _refused(rule)
        if not isinstance(parsed, SigmaRule):
            return refused or Status("unsupported", f"it cannot be read: {self._problem(rule)}")
        return refused or self._compile(index, parsed)

    def _compile(self, index: int, parsed: SigmaRule) -> Status:
        source = parsed.logsource
        meanings = self._logsources.find(source.product, source.category, source.service)
        try:
            trees = {
                name: tree(parsed, self._renames(name), self._lists)
                for name in sorted({m.rename for m in meanings} or {""})
            }
        except Unsupported as reason:
            return Status("unsupported", str(reason))
        except PARSER_FAILURES as error:
            return Status(
                "unsupported", f"its condition cannot be read: {' '.join(str(error).split())[:200]}"
            )
        if not meanings:
            return Status("no source", f"no log source here is {_asked(source) or 'named'}")
        for meaning in meanings:
            self._builder(meaning).add(index, trees[meaning.rename])
        if all(meaning.waiting for meaning in meanings):
            return Status("waiting", f"waits for a source: nothing here reads {_asked(source)} yet")
        return Status("active", ALWAYS if any(always(node) for node in trees.values()) else "")

    def _builder(self, meaning: Meaning) -> _Builder:
        key = (meaning.where, meaning.rename)
        if key not in self.builders:
            self.builders[key] = _Builder(meaning.where, self._renames(meaning.rename).fields)
        return self.builders[key]

    def _renames(self, name: str) -> Renames:
        return self._logsources.renames[name] if name else Renames()

    def _problem(self, rule: Rule) -> str:
        found = (
            one.reason for one in self._ruleset.problems if (one.path, one.line) == (rule.path, rule.line)
        )
        return next(found, "see the problems of its file")


def _asked(source: SigmaLogSource) -> str:
    named = (("product", source.product), ("category", source.category), ("service", source.service))
    return ", ".join(f"{name} {value}" for name, value in named if value)


def _refused(rule: Rule) -> Status | None:
    if rule.status in REFUSED:
        return Status("unsupported", f"its authors mark it {rule.status}")
    return None


def always(node: Node) -> bool:
    """Whether it is plain that a condition holds for every event: `x or not x`, `field absent or *`."""
    if isinstance(node, bool):
        return node
    if not isinstance(node, tuple):
        return False
    name, *children = node
    if name == "not":
        return never(children[0])
    if name == "and":
        return all(map(always, children))
    return any(map(always, children)) or _cover(children)


def never(node: Node) -> bool:
    """Whether it is plain that a condition holds for no event."""
    if isinstance(node, bool):
        return not node
    if not isinstance(node, tuple):
        return False
    name, *children = node
    if name == "not":
        return always(children[0])
    if name == "or":
        return all(map(never, children))
    return any(map(never, children)) or any(("not", child) in children for child in children)


def _cover(alternatives: list[Node]) -> bool:
    """Whether the alternatives leave nothing over: one is another's complement, or a field is there or absent."""
    known = set(alternatives)
    there = {
        node.field for node in known if isinstance(node, atoms.Text) and atoms.shape(node.pattern) == "any"
    }
    return any(
        ("not", node) in known or (isinstance(node, atoms.Absent) and node.field in there) for node in known
    )


def _fingerprints(
    ruleset: RuleSet,
    status: tuple[Status, ...],
    routes: tuple[Route, ...],
    captured: Mapping[str, tuple[str, ...]],
) -> dict[str, str]:
    """Of the conditions as compiled, so that a new title or comment changes nothing, and a filter, a placeholder
    or an entry of the log source table only the rules that it touches."""
    parts: dict[int, list[bytes]] = {}
    for index, part in _parts(ruleset, routes, captured):
        parts.setdefault(index, []).append(part)
    found: dict[str, str] = {}
    for index, (rule, state) in enumerate(zip(ruleset.rules, status, strict=True)):
        if state.state in {"active", "waiting"} and rule.kind == "rule":
            digest = hashlib.sha256(_bytes([ENGINE_VERSION, captured.get(rule.id, ())]))
            for part in sorted(parts.get(index, ())):
                digest.update(part)
            found[rule.id] = digest.hexdigest()
    return found


def _parts(
    ruleset: RuleSet, routes: tuple[Route, ...], captured: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[int, bytes]]:
    for route in routes:
        where = [[one.source, one.log, one.provider, one.event] for one in route.where]
        for variant in route.variants:
            names = captured.get(ruleset.rules[variant.rule].id, ())
            read = [route.rename.get(name.casefold(), name) for name in names]
            yield variant.rule, _bytes([where, read, spelled(variant.node, route.atoms)])


def _bytes(data: list[Any]) -> bytes:
    try:
        return orjson.dumps(data)
    except orjson.JSONEncodeError:  # YAML can spell a lone surrogate, UTF-8 cannot
        return json.dumps(data).encode("ascii")
