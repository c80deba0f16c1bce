"""What a correlation says, as plain data: it can stand in a `Rule` and be read without pySigma."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import orjson

Kind = Literal[
    "event_count",
    "value_count",
    "temporal",
    "temporal_ordered",
    "value_sum",
    "value_avg",
    "value_median",
    "value_percentile",
]
Operator = Literal["lt", "lte", "gt", "gte", "eq", "neq"]
KINDS: tuple[str, ...] = get_args(Kind)
TEMPORAL = frozenset({"temporal", "temporal_ordered"})
NUMERIC = frozenset({"value_sum", "value_avg", "value_median", "value_percentile"})
GROWING = frozenset({"gt", "gte"})
"""Comparisons that more hits can only make true."""

Expression = str | tuple[Any, ...]
"""The name of a rule, or ("and" | "or" | "not", *expressions)."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A Sigma correlation.

    `rules` are ids or names as written, without repeats. `conditions` must all hold of the count or value that `kind`
    names; an extended condition stands in `expression` instead. `aliases` gives for an alias and a rule (as written) the
    field that the rule's events have for it. `fields` are those whose values are counted or reckoned with. `seconds` is
    the timespan.
    """

    kind: Kind
    rules: tuple[str, ...]
    seconds: int
    group_by: tuple[str, ...] = ()
    aliases: Mapping[str, Mapping[str, str]] | None = None
    conditions: tuple[tuple[Operator, int | float], ...] = ()
    fields: tuple[str, ...] = ()
    percentile: int = 50
    expression: Expression | None = None
    generate: bool = False

    @property
    def patient(self) -> bool:
        """Whether more hits can make the condition false, so that only full windows are asked."""
        if self.expression is not None:
            return negates(self.expression)
        return self.kind in NUMERIC - {"value_sum"} or any(name not in GROWING for name, _ in self.conditions)


def negates(expression: Expression) -> bool:
    """Whether there is a `not` in it."""
    if isinstance(expression, str):
        return False
    return expression[0] == "not" or any(negates(child) for child in expression[1:])


def names_in(expression: Expression) -> tuple[str, ...]:
    """The rules that an expression names, in the order of their first appearance."""
    if isinstance(expression, str):
        return (expression,)
    return tuple(dict.fromkeys(name for child in expression[1:] for name in names_in(child)))


def spell(definition: Definition) -> str:
    """The definition as text, to be kept in a `Rule`."""
    return orjson.dumps(definition, option=orjson.OPT_NON_STR_KEYS).decode()


def definition_from(text: str) -> Definition:
    """What `spell` wrote."""
    data: dict[str, Any] = orjson.loads(text)
    return Definition(
        **{
            **data,
            "rules": tuple(data["rules"]),
            "group_by": tuple(data["group_by"]),
            "conditions": tuple((name, count) for name, count in data["conditions"]),
            "fields": tuple(data["fields"]),
            "expression": _expression(data["expression"]),
        }
    )


def _expression(data: Any) -> Expression | None:  # noqa: ANN401  # JSON
    if data is None or isinstance(data, str):
        return data
    return tuple(_expression(part) for part in data)
