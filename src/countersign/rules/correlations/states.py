"""What the rest of the house asks about the correlations of a rule set."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Literal

from countersign.rules.correlations.definition import Definition
from countersign.rules.correlations.plan import OFF, plan
from countersign.rules.rule import Problem, RuleSet

State = Literal["active", "unsupported", "no source", "waiting"]
Told = tuple[State, str]
"""A state as in `Status`, and its reason."""
_NAMED = 3
"""Rules named in one reason."""


def captured(ruleset: RuleSet) -> Mapping[str, tuple[str, ...]]:
    """By rule id, the Sigma fields that the hits of base rules must carry for the correlations."""
    found = plan(ruleset)
    written: dict[str, str] = {}
    for name in sorted(name for step in found.steps for name in _names(step.definition)):
        written.setdefault(name.casefold(), name)
    return {
        ruleset.rules[index].id: tuple(written[name] for name in names)
        for index, names in found.wanted.items()
        if names and ruleset.rules[index].kind == "rule"
    }


def _names(definition: Definition) -> Iterator[str]:
    yield from definition.group_by
    yield from definition.fields
    for fields in (definition.aliases or {}).values():
        yield from fields.values()


def problems(ruleset: RuleSet) -> tuple[Problem, ...]:
    """What is wrong with the references of correlations. It can be said only of a whole set, so loading does not."""
    return plan(ruleset).problems


def silent(ruleset: RuleSet, active: Collection[str]) -> frozenset[str]:
    """Ids of rules whose hits speak through correlations only: each active correlation that refers to them lacks
    `generate`, and there is one. A correlation that does not run silences nobody."""
    quiet: set[str] = set()
    loud: set[str] = set()
    for step in plan(ruleset).steps:
        if ruleset.rules[step.index].id in active:
            ids = {ruleset.rules[one.index].id for one in step.references}
            (loud if step.definition.generate else quiet).update(ids)
    return frozenset(quiet - loud)


def states(ruleset: RuleSet, of_rules: Mapping[int, Told]) -> dict[int, Told]:
    """The state of each correlation, by its place; `of_rules` are those of the base rules. It is active when all that it
    refers to is."""
    found = plan(ruleset)
    known = dict(of_rules)
    out: dict[int, Told] = {}
    for step in found.steps:
        missing = [
            one.index for one in step.references if known.get(one.index, ("unsupported",))[0] != "active"
        ]
        out[step.index] = known[step.index] = _waiting(ruleset, missing, known) if missing else ("active", "")
    for index, rule in enumerate(ruleset.rules):
        if rule.kind != "correlation" or index in out:
            continue
        if index in found.broken:
            out[index] = ("unsupported", found.broken[index])
        elif rule.status in OFF:
            out[index] = ("unsupported", f"its authors mark it {rule.status}")
        elif rule.correlation:
            out[index] = ("unsupported", "refers to a correlation that does not run")
    return out


def _waiting(ruleset: RuleSet, missing: list[int], known: Mapping[int, Told]) -> Told:
    told = [known.get(index, ("unsupported", "it does not run")) for index in missing]
    kinds = {one[0] for one in told}
    state: State = "unsupported"
    if kinds <= {"no source", "waiting"}:
        state = "no source" if "no source" in kinds else "waiting"
    named = [
        f"{ruleset.rules[index].title} ({one[1]})"
        for index, one in zip(missing[:_NAMED], told[:_NAMED], strict=True)
    ]
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    return state, f"needs {', '.join(named)}{more}"
