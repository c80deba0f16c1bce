"""Which correlations run, in which order, on which fields of which rules; and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from countersign.rules.correlations.definition import Definition, definition_from
from countersign.rules.rule import Problem, Rule, RuleSet

OFF = frozenset({"deprecated", "unsupported"})
"""Rules that their authors mark so do not run."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A rule that a correlation refers to: its place in the rule set, its name there as written, and what its hits call
    the fields that the correlation has other names for (both casefolded)."""

    index: int
    written: str
    correlation: bool
    aliases: Mapping[str, str]

    def field(self, name: str) -> str:
        """What the rule's hits call a field, casefolded."""
        name = name.casefold()
        return self.aliases.get(name, name)


@dataclass(frozen=True, slots=True)
class Step:
    """One correlation that can run. `needed` are fields (casefolded) that other correlations want from its hits."""

    index: int
    definition: Definition
    references: tuple[Reference, ...]
    needed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """`steps` in an order in which each comes after those it refers to; `wanted` are, for the place of each rule that is
    referred to, the fields of its hits that are read; `broken` says of a correlation that cannot run why."""

    steps: tuple[Step, ...]
    wanted: Mapping[int, tuple[str, ...]]
    broken: Mapping[int, str]
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class Known:
    """The rules of a set, to be found by the id or name that a correlation or a filter writes."""

    rules: tuple[Rule, ...]
    by_id: dict[str, int] = field(default_factory=dict)
    by_name: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for index, rule in enumerate(self.rules):
            self.by_id[rule.id] = index
            if rule.name:
                self.by_name.setdefault(rule.name, []).append(index)

    def find(self, written: str, asking: Rule) -> int | str:
        """The place of a rule, or what is wrong with the reference. Of rules with one name that of the same file is
        meant."""
        index = self.by_id.get(written.lower())
        if index is not None:
            return index
        found = self.by_name.get(written, [])
        near = [one for one in found if self.rules[one].path == asking.path]
        if len(near or found) == 1:
            return (near or found)[0]
        if not found:
            return f"refers to the rule {written}, which is not here"
        return f"refers to the rule {written}, but {len(near or found)} rules have this name: use an id"


def plan(ruleset: RuleSet) -> Plan:
    """What of the correlations in `ruleset` runs, and how."""
    known = Known(ruleset.rules)
    steps: dict[int, Step] = {}
    broken: dict[int, str] = {}
    problems: list[Problem] = []
    for index, rule in enumerate(ruleset.rules):
        if rule.kind != "correlation" or not rule.correlation:
            continue
        found = _step(index, rule, known)
        if isinstance(found, str):
            broken[index] = found
            problems.append(Problem(rule.path, rule.line, found))
        else:
            steps[index] = found
    order = _order(steps)
    for index, reason in _circles(steps, order, ruleset.rules):
        rule = ruleset.rules[index]
        broken[index] = reason
        problems.append(Problem(rule.path, rule.line, reason))
    running = _running(steps, order, ruleset.rules)
    wanted = _wanted(running)
    return Plan(
        tuple(replace(one, needed=wanted.get(one.index, ())) for one in running),
        wanted,
        broken,
        tuple(problems),
    )


def _step(index: int, rule: Rule, known: Known) -> Step | str:
    definition = definition_from(rule.correlation)
    aliases: dict[int, dict[str, str]] = {}
    places: dict[int, str] = {}
    for written in definition.rules:
        place = known.find(written, rule)
        if isinstance(place, str):
            return place
        if known.rules[place].kind == "filter":
            return f"refers to {written}, which is a filter"
        if place in places:
            return f"refers to one rule as {places[place]} and as {written}"
        places[place] = written
    for alias, fields in (definition.aliases or {}).items():
        for written, name in fields.items():
            place = known.find(written, rule)
            if isinstance(place, str) or place not in places:
                return f"the alias {alias} is for the rule {written}, which the correlation does not refer to"
            aliases.setdefault(place, {})[alias.casefold()] = name.casefold()
    references = tuple(
        Reference(place, written, known.rules[place].kind == "correlation", aliases.get(place, {}))
        for place, written in places.items()
    )
    return Step(index, definition, references)


def _order(steps: Mapping[int, Step]) -> list[int]:
    """Each after those it refers to; those in or behind a circle are left out."""
    waits = {
        index: {one.index for one in step.references if one.index in steps} for index, step in steps.items()
    }
    users: dict[int, list[int]] = {}
    for index, others in waits.items():
        for other in others:
            users.setdefault(other, []).append(index)
    ready = [index for index, others in waits.items() if not others]
    order = []
    while ready:
        index = ready.pop()
        order.append(index)
        for user in users.get(index, ()):
            waits[user].discard(index)
            if not waits[user]:
                ready.append(user)
    return order


def _circles(
    steps: Mapping[int, Step], order: Collection[int], rules: tuple[Rule, ...]
) -> Iterator[tuple[int, str]]:
    """Correlations that refer to themselves, at whatever distance."""
    left = steps.keys() - set(order)
    for index in sorted(left):
        seen: set[int] = set()
        open_ = [one.index for one in steps[index].references]
        while open_:
            place = open_.pop()
            if place in left and place not in seen:
                seen.add(place)
                open_.extend(one.index for one in steps[place].references)
        if index in seen:
            others = sorted(rules[place].title for place in seen if place != index)
            yield index, "refers to itself" + (f" by way of {', '.join(others)[:200]}" if others else "")


def _running(steps: Mapping[int, Step], order: list[int], rules: tuple[Rule, ...]) -> list[Step]:
    """Those whose correlations run too."""
    runs: set[int] = set()
    for index in order:
        sound = all(not one.correlation or one.index in runs for one in steps[index].references)
        if sound and rules[index].status not in OFF:
            runs.add(index)
    return [steps[index] for index in order if index in runs]


def _wanted(running: list[Step]) -> dict[int, tuple[str, ...]]:
    """The fields that are read of each rule's hits; what is wanted of a correlation's is read of those it refers to."""
    found: dict[int, set[str]] = {}
    for step in reversed(running):
        asked = {*step.definition.group_by, *step.definition.fields, *found.get(step.index, ())}
        for reference in step.references:
            found.setdefault(reference.index, set()).update(map(reference.field, asked))
    return {index: tuple(sorted(names)) for index, names in found.items()}
