"""From a YAML document to pySigma's correlation rule and our definition of it: the part that needs pySigma."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionItem,
    CorrelationConditionNOT,
    SigmaCorrelationCondition,
    SigmaCorrelationConditionOperator,
    SigmaCorrelationRule,
    SigmaCorrelationTimespan,
    SigmaCorrelationType,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)
from sigma.exceptions import SigmaCorrelationRuleError

from countersign.rules.correlations.chains import MOST_TERMS, TooMany, terms
from countersign.rules.correlations.definition import (
    KINDS,
    NUMERIC,
    TEMPORAL,
    Definition,
    Expression,
    Kind,
    Operator,
    names_in,
)

MOST_RULES = 50
"""References of one correlation: an ordered one costs the square of them."""
MOST_SECONDS = 100 * 31_556_952
"""A hundred years. Longer ones would leave the range of 64-bit microseconds."""
MOST_EXPRESSION = 2_000
"""Characters of an extended condition."""
MOST_NAMES = 20
"""Fields of `group-by`, and of a count."""
_KEYS = frozenset(
    {"type", "rules", "timespan", "group-by", "condition", "aliases", "generate", "field", "name"}
)


class Broken(Exception):  # noqa: N818  # it names what is wrong with a rule
    """The correlation cannot run; the message says why, for a person."""


@dataclass
class Range(SigmaCorrelationCondition):
    """Several comparisons of one value, which the specification allows (`gt: 100` with `lte: 200`) and pySigma does
    not read. `more` are those after the first."""

    more: tuple[SigmaCorrelationCondition, ...] = ()


def parse_correlation(data: Mapping[str, Any]) -> tuple[SigmaCorrelationRule | None, list[str]]:
    """PySigma's view, None where the correlation cannot run, and what is wrong with the document.

    Raises:
        Exception: what pySigma lets out for odd input (`documents.PARSER_FAILURES`), and `Broken`.

    """
    body = data.get("correlation")
    if not isinstance(body, dict):
        raise Broken("`correlation` must be a mapping")
    expression = body.get("condition")
    if isinstance(expression, str) and len(expression) > MOST_EXPRESSION:
        raise Broken(f"a condition of more than {MOST_EXPRESSION} characters")
    first, more = _split(body.get("condition"))
    parsed = SigmaCorrelationRule.from_dict(
        {**data, "correlation": {**body, "condition": first} if more else body}, collect_errors=True
    )
    if more and isinstance(parsed.condition, SigmaCorrelationCondition):
        others = tuple(SigmaCorrelationCondition.from_dict(one) for one in more)
        kept = parsed.condition
        parsed.condition = Range(kept.op, kept.count, kept.fieldref, kept.percentile, more=others)
    problems = [str(error) for error in parsed.errors]
    problems += [
        f"`{name}` is no part of a correlation" + (" (`group-by` is)" if name == "group_by" else "")
        for name in body
        if name not in _KEYS
    ]
    try:
        define(parsed)
    except Broken as broken:
        return None, problems or [str(broken)]
    # after such an error pySigma may have put a condition of its own in place of the author's
    return None if any(
        isinstance(error, SigmaCorrelationRuleError) for error in parsed.errors
    ) else parsed, problems


def _split(condition: Any) -> tuple[Any, list[dict[str, Any]]]:  # noqa: ANN401  # YAML has no types
    """A condition of several comparisons as one with the first of them, and one for each other."""
    if not isinstance(condition, dict):
        return condition, []
    operators = [name for name in condition if name in SigmaCorrelationConditionOperator.operators()]
    rest = {name: value for name, value in condition.items() if name not in operators}
    more = [{name: condition[name]} for name in operators[1:]]
    return ({**rest, operators[0]: condition[operators[0]]} if operators else condition), more


def define(parsed: SigmaCorrelationRule) -> Definition:
    """The definition, checked.

    Raises:
        Broken: it cannot run.

    """
    type_: Any = parsed.type  # pySigma keeps what YAML said where that is wrong
    timespan: Any = parsed.timespan
    kind = type_.name.lower() if isinstance(type_, SigmaCorrelationType) else ""
    if kind not in KINDS:
        raise Broken("no type of correlation that is known")
    if not isinstance(timespan, SigmaCorrelationTimespan):
        raise Broken("no valid timespan")
    if timespan.seconds > MOST_SECONDS:
        raise Broken("a timespan of more than a hundred years")
    condition = parsed.condition
    made = Definition(
        kind=cast("Kind", kind),
        rules=_rules(parsed),
        seconds=timespan.seconds,
        group_by=_texts(parsed.group_by, "group-by"),
        aliases=_aliases(parsed),
        generate=parsed.generate is True,
    )
    if isinstance(condition, SigmaExtendedCorrelationCondition):
        return _extended(made, expression_of(condition.parsed))
    return _counted(made, condition)


def _rules(parsed: SigmaCorrelationRule) -> tuple[str, ...]:
    condition = parsed.condition
    if parsed.rules:
        references: list[Any] = [one.reference for one in parsed.rules]
    elif isinstance(condition, SigmaExtendedCorrelationCondition):
        references = list(names_in(expression_of(condition.parsed)))
    else:
        raise Broken("it refers to no rule")
    if not all(isinstance(one, str) and one for one in references):
        raise Broken("a reference to a rule must be its id or its name")
    if len(references) > MOST_RULES:
        raise Broken(f"it refers to more than {MOST_RULES} rules")
    twice = next((one for one in references if references.count(one) > 1), None)
    if twice is not None:
        raise Broken(f"it refers to the rule {twice} twice")
    return tuple(references)


def _texts(value: Any, name: str) -> tuple[str, ...]:  # noqa: ANN401  # pySigma keeps what YAML said
    found = [value] if isinstance(value, str) else (value or [])
    if not isinstance(found, list) or not all(isinstance(one, str) and one for one in found):
        raise Broken(f"`{name}` must be the name of a field or a list of names")
    if len(found) > MOST_NAMES:
        raise Broken(f"`{name}` has more than {MOST_NAMES} fields")
    return tuple(dict.fromkeys(found))


def _aliases(parsed: SigmaCorrelationRule) -> dict[str, dict[str, str]] | None:
    found: dict[str, dict[str, Any]] = {
        str(one.alias): {str(reference.reference): field for reference, field in one.mapping.items()}
        for one in parsed.aliases
    }
    if not all(isinstance(field, str) and field for fields in found.values() for field in fields.values()):
        raise Broken("an alias must give the name of a field for each rule")
    return found or None


def _extended(made: Definition, expression: Expression) -> Definition:
    if made.kind == "temporal_ordered":
        try:
            terms(expression)
        except TooMany as error:
            raise Broken(f"its condition has more than {MOST_TERMS} alternatives") from error
    return replace(made, expression=expression)


def _counted(made: Definition, condition: Any) -> Definition:  # noqa: ANN401  # as pySigma keeps it
    if not isinstance(condition, SigmaCorrelationCondition):
        raise Broken("no valid condition")
    comparisons = (condition, *(condition.more if isinstance(condition, Range) else ()))
    fields = () if made.kind in TEMPORAL else _texts(condition.fieldref, "field")
    percentile = condition.percentile
    if made.kind.startswith("value_") and not fields:
        raise Broken(f"{made.kind} needs a `field` in its condition")
    if made.kind in NUMERIC and len(fields) > 1:
        raise Broken(f"{made.kind} reckons with one field, not with several")
    if made.kind == "value_percentile" and percentile is None:
        raise Broken("value_percentile needs a `percentile` in its condition")
    if percentile is not None and not 0 <= percentile <= 100:
        raise Broken("a percentile is a number from 0 to 100")
    return replace(
        made,
        conditions=tuple((cast("Operator", one.op.name.lower()), one.count) for one in comparisons),
        fields=fields if made.kind.startswith("value_") else (),
        percentile=percentile if made.kind == "value_percentile" and percentile is not None else 50,
    )


def expression_of(parsed: CorrelationConditionItem | SigmaRuleReference) -> Expression:
    """PySigma's tree of an extended condition as ours."""
    if isinstance(parsed, SigmaRuleReference):
        return parsed.reference
    if isinstance(parsed, CorrelationConditionNOT):
        name = "not"
    else:
        name = "and" if isinstance(parsed, CorrelationConditionAND) else "or"
    return (name, *(expression_of(argument) for argument in parsed.args))
