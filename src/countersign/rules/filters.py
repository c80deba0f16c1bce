"""Sigma filter documents: conditions that are added to the rules they name.

A filter says what a rule has to fulfil as well (`condition: not selection` mostly): the rule's condition becomes `(its own)
and (the filter's)`. pySigma's own application gives the filter's selections random names and rewrites conditions as text;
here the names are the same every time, so that a rule's fingerprint changes when its filters do and not otherwise.
"""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from sigma.conditions import (
    ConditionAND,
    ConditionIdentifier,
    ConditionNOT,
    ConditionOR,
    ConditionSelector,
)
from sigma.filters import EmptySigmaGlobalFilter, SigmaFilter
from sigma.policy import SigmaPolicy
from sigma.rule import SigmaDetections, SigmaLogSource, SigmaRule
from sigma.rule.logsource import EmptyLogSource

from countersign.rules.correlations.plan import Known
from countersign.rules.failures import PARSER_FAILURES, clean
from countersign.rules.regexes import QuietRE2
from countersign.rules.rule import Problem, Rule, RuleSet

PREFIX = "_filter_"
"""Selections of a filter are called so in the rules it is added to; a rule's own `1 of ...` never means them."""
_TAKES_IN = re.compile(r"\bof\s+_")
"""A pattern that begins with `_` could mean a filter's selections."""


def parse_filter(data: Mapping[str, Any]) -> tuple[SigmaFilter | None, list[str]]:
    """PySigma's view, None where the filter cannot be applied, and what is wrong with it.

    Raises:
        Exception: what pySigma lets out for odd input (`PARSER_FAILURES`).

    """
    parsed = SigmaFilter.from_dict(dict(data), collect_errors=True, policy=SigmaPolicy(QuietRE2()))
    problems = [str(error) for error in parsed.errors]
    if isinstance(parsed.filter, EmptySigmaGlobalFilter) or isinstance(parsed.logsource, EmptyLogSource):
        return None, problems
    try:
        _rendered(parsed)
    except PARSER_FAILURES as error:
        return None, [*problems, f"its condition cannot be read: {clean(error)}"]
    return parsed, problems


def apply_filters(ruleset: RuleSet) -> RuleSet:
    """The rules with their filters' conditions added, and among the problems what is wrong with filters.

    Needs `parsed`: a rule set without (from a cache) is given back as it is.
    """
    if not ruleset.parsed:
        return ruleset
    parsed = list(ruleset.parsed)
    known = Known(ruleset.rules)
    found: list[Problem] = []
    for index, own in enumerate(ruleset.parsed):
        if isinstance(own, SigmaFilter):
            rule = ruleset.rules[index]
            for place, reason in _targets(own, rule, ruleset, known):
                target = parsed[place] if place is not None else None
                wrong = reason
                if place is not None and isinstance(target, SigmaRule):
                    parsed[place], wrong = _filtered(target, own, rule)
                if wrong:
                    found.append(Problem(rule.path, rule.line, wrong))
    return replace(ruleset, parsed=tuple(parsed), problems=(*ruleset.problems, *found))


def filter_states(ruleset: RuleSet) -> dict[int, tuple[Literal["active", "unsupported"], str]]:
    """Of each filter that could be read whether there is a rule here that it is added to."""
    known = Known(ruleset.rules)
    found: dict[int, tuple[Literal["active", "unsupported"], str]] = {}
    for index, own in enumerate(ruleset.parsed):
        if isinstance(own, SigmaFilter):
            targets = _targets(own, ruleset.rules[index], ruleset, known)
            some = any(place is not None for place, _ in targets)
            found[index] = (
                ("active", "") if some else ("unsupported", "there is no rule here for it to filter")
            )
    return found


def _targets(
    own: SigmaFilter, rule: Rule, ruleset: RuleSet, known: Known
) -> Iterator[tuple[int | None, str]]:
    """The places of the rules that a filter is for, or what is wrong with a reference."""
    if isinstance(own.filter.rules, str):
        for place, target in enumerate(ruleset.parsed):
            if isinstance(target, SigmaRule) and _within(target.logsource, own.logsource):
                yield place, ""
        return
    for written in dict.fromkeys(str(one.reference) for one in own.filter.rules):
        found = known.find(written, rule)
        if isinstance(found, str):
            yield None, found
            continue
        place = found
        if ruleset.rules[place].kind != "rule":
            yield (
                None,
                f"filters {written}, which is a {ruleset.rules[place].kind}: only rules can be filtered",
            )
        else:
            target = ruleset.parsed[place]
            if isinstance(target, SigmaRule) and not _within(target.logsource, own.logsource):
                yield None, f"does not filter {written}: the rule's log source is not the filter's"
            else:
                yield place, ""


def _within(rule: SigmaLogSource, other: SigmaLogSource) -> bool:
    """Whether a rule's log source has all that the filter's names, without regard to case."""
    pairs = (
        (rule.product, other.product),
        (rule.category, other.category),
        (rule.service, other.service),
    )
    return all(there is None or (own or "").casefold() == there.casefold() for own, there in pairs)


def _filtered(target: SigmaRule, own: SigmaFilter, rule: Rule) -> tuple[SigmaRule, str]:
    """The rule with the filter's condition; itself, with the reason, where it cannot be added."""
    prefix = f"{PREFIX}{hashlib.sha256(rule.id.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}_"
    conditions: list[Any] = target.detection.condition
    if not all(isinstance(one, str) and _closed(one) for one in conditions):
        return target, ""  # the rule is wrong by itself, and compiling says so
    if any(_TAKES_IN.search(one) for one in conditions):
        return target, f"cannot be added to {target.title}, whose condition takes in all names with `_`"
    names = {name: f"{prefix}{number}" for number, name in enumerate(own.filter.detections)}
    added = _text(_read(own), own.filter, names)
    detections = {
        **target.detection.detections,
        **{names[name]: detection for name, detection in own.filter.detections.items()},
    }
    changed = copy.copy(target)
    changed.detection = SigmaDetections(
        detections,
        [f"({condition}) and ({added})" for condition in conditions],
        target.detection.source,
        target.detection.policy,
    )
    return changed, ""


def _closed(condition: str) -> bool:
    """Whether the parentheses of a condition close within it, so that it stays itself in further ones."""
    depth = 0
    for one in condition:
        depth += (one == "(") - (one == ")")
        if depth < 0:
            return False
    return depth == 0


def _read(own: SigmaFilter) -> Any:  # noqa: ANN401  # pySigma's parse tree is only loosely typed
    return own.filter.parsed_condition[0].parse(postprocess=False)


def _rendered(own: SigmaFilter) -> str:
    return _text(_read(own), own.filter, {name: name for name in own.filter.detections})


def _text(item: Any, detections: SigmaDetections, names: Mapping[str, str]) -> str:  # noqa: ANN401  # as above
    """A condition as text, in other names, with every `1 of ...` written out."""
    match item:
        case ConditionSelector():
            found = item.resolve_referenced_detections(detections)
            if not found:
                raise ValueError(f"'{item.args[0]} of {item.pattern}' names no selection")
            word = " and " if item.cond_class is ConditionAND else " or "
            return f"({word.join(_text(one, detections, names) for one in found)})"
        case ConditionIdentifier():
            if item.identifier not in names:
                raise ValueError(f"it names '{item.identifier}', which is not defined")
            return names[item.identifier]
        case ConditionNOT():
            return f"not {_text(item.args[0], detections, names)}"
        case ConditionAND() | ConditionOR():
            word = " and " if isinstance(item, ConditionAND) else " or "
            return f"({word.join(_text(one, detections, names) for one in item.args)})"
    raise ValueError(f"condition element {type(item).__name__}")
