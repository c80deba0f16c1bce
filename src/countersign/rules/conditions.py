"""From pySigma's parse of a rule to a tree of atoms.

A node is `True`, `False`, an atom, or a tuple ("and" | "or" | "not", *nodes). Negation is two-valued, as
SigmaHQ's rules assume: `not` of a field that a record lacks holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sigma.conditions import (
    ConditionAND,
    ConditionIdentifier,
    ConditionItem,
    ConditionNOT,
    ConditionOR,
    ConditionSelector,
)
from sigma.exceptions import SigmaError
from sigma.modifiers import SigmaEndswithModifier, SigmaExpandModifier, SigmaStartswithModifier
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaRule
from sigma.types import (
    CompareOperators,
    Placeholder,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    SpecialChars,
    TimestampPart,
)

from countersign.rules import atoms, expansion, regexes
from countersign.rules.logsources import Renames
from countersign.rules.placeholders import FILE, NO_LISTS, Lists

Node = bool | atoms.Atom | tuple[Any, ...]

_OPERATORS: Mapping[CompareOperators, atoms.Operator] = {
    CompareOperators.LT: "lt",
    CompareOperators.LTE: "lte",
    CompareOperators.GT: "gt",
    CompareOperators.GTE: "gte",
    CompareOperators.NEQ: "neq",
}
_PARTS: Mapping[TimestampPart, atoms.Part] = {
    TimestampPart.MINUTE: "minute",
    TimestampPart.HOUR: "hour",
    TimestampPart.DAY: "day",
    TimestampPart.WEEK: "week",
    TimestampPart.MONTH: "month",
    TimestampPart.YEAR: "year",
}
MOST_CHARACTERS = 20_000
"""Of all conditions of one rule; the parser takes some 25 microseconds a character."""
MOST_NODES = 20_000
"""The largest rule of SigmaHQ has some 1,500 values; conditions can repeat them, but not for ever."""


class Unsupported(Exception):  # noqa: N818  # it names a state of a rule, as `status` reports it
    """A rule asks for something that the engine does not do; the message says what."""


def tree(rule: SigmaRule, renames: Renames, lists: Lists = NO_LISTS) -> Node:
    """The rule's condition; several conditions are alternatives. `lists` are the values of placeholders.

    Raises:
        Unsupported: with the reason, for a person.

    """
    builder = _Builder(rule, renames, lists)
    conditions = rule.detection.parsed_condition
    if sum(len(parsed.condition) for parsed in conditions) > MOST_CHARACTERS:
        raise Unsupported(f"a condition of more than {MOST_CHARACTERS} characters")
    return either(builder.condition(parsed.parse(postprocess=False)) for parsed in conditions)


def both(nodes: Iterable[Node]) -> Node:
    """Conjunction, flat and without repeats."""
    return _join("and", nodes, stop=False)


def either(nodes: Iterable[Node]) -> Node:
    """Disjunction, flat and without repeats."""
    return _join("or", nodes, stop=True)


def negate(node: Node) -> Node:
    """Complement."""
    if isinstance(node, bool):
        return not node
    if isinstance(node, tuple) and node[0] == "not":
        inner: Node = node[1]
        return inner
    return ("not", node)


def _join(name: str, nodes: Iterable[Node], *, stop: bool) -> Node:
    kept: dict[Node, None] = {}
    for node in nodes:
        if isinstance(node, bool):
            if node is stop:
                return stop
        elif isinstance(node, tuple) and node[0] == name:
            kept.update(dict.fromkeys(node[1:]))
        else:
            kept[node] = None
    if not kept:
        return not stop
    return next(iter(kept)) if len(kept) == 1 else (name, *kept)


class _Builder:
    def __init__(self, rule: SigmaRule, renames: Renames, lists: Lists) -> None:
        self._detections = rule.detection
        self._renames = renames
        self._lists = lists
        self._done: dict[str, Node] = {}
        self._nodes = 0

    def condition(self, item: Any) -> Node:  # noqa: ANN401  # pySigma's parse tree is only loosely typed
        self._count()
        match item:
            case ConditionSelector():
                found = item.resolve_referenced_detections(self._detections)
                if not found:
                    raise Unsupported(f"'{item.args[0]} of {item.pattern}' names no selection")
                join = both if item.cond_class is ConditionAND else either
                return join(self.condition(one) for one in found)
            case ConditionIdentifier():
                return self._selection(item.identifier)
            case ConditionNOT():
                return negate(self.condition(item.args[0]))
            case ConditionAND() | ConditionOR():
                join = both if isinstance(item, ConditionAND) else either
                return join(self.condition(argument) for argument in item.args)
            case ConditionItem() | _:
                raise Unsupported(f"condition element {type(item).__name__}")

    def _count(self) -> None:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise Unsupported(f"more than {MOST_NODES} elements")

    def _selection(self, name: str) -> Node:
        if name not in self._done:
            try:
                detection = self._detections.detections[name]
            except KeyError:
                raise Unsupported(f"the condition names '{name}', which is not defined") from None
            self._done[name] = self._detection(detection)
        return self._done[name]

    def _detection(self, detection: SigmaDetection) -> Node:
        join = both if detection.item_linking is ConditionAND else either
        return join(
            self._detection(item) if isinstance(item, SigmaDetection) else self._item(item)
            for item in detection.detection_items
        )

    def _item(self, item: SigmaDetectionItem) -> Node:
        self._count()
        name = _field(item, self._renames)
        values = self._values(item)
        join = both if item.value_linking is ConditionAND else either
        node = join(self._value(item, name, value) for value in values)
        return negate(node) if item.negated else node

    def _values(self, item: SigmaDetectionItem) -> Sequence[SigmaType]:
        if not item.value:
            return [SigmaNull()]
        if SigmaExpandModifier not in item.modifiers:
            return item.value
        try:
            return expansion.expanded(item, self._lists)
        except expansion.Missing as missing:
            raise Unsupported(f"needs the list {missing} in {FILE}") from missing
        except (SigmaError, ValueError) as error:
            raise Unsupported(f"with the lists of {FILE}: {error}") from error

    def _value(self, item: SigmaDetectionItem, name: str, value: SigmaType) -> Node:
        self._count()
        if isinstance(value, SigmaExpansion):
            return either(self._value(item, name, inner) for inner in value.values)
        if isinstance(value, SigmaRegularExpression):
            return _regex(item, name, value)
        if type(value) in {SigmaString, SigmaBool} and item.field is not None:
            value = self._translated(item.field, value)
        build = _BUILDERS.get(type(value))
        if build is None:
            raise Unsupported(f"values of type {type(value).__name__}")
        if name == atoms.KEYWORDS and isinstance(value, SigmaNull | SigmaExists | SigmaFieldReference):
            raise Unsupported("null, exists and fieldref need a field")
        if isinstance(value, SigmaFieldReference):
            other = value.field.casefold()
            return _reference(name, value, self._renames.fields.get(other, other).casefold())
        return build(name, value)

    def _translated(self, field_: str, value: SigmaType) -> SigmaType:
        known = self._renames.values.get(field_.casefold())
        if not known:
            return value
        replacement = known.get(str(value).casefold())
        return value if replacement is None else SigmaString(replacement)


def _field(item: SigmaDetectionItem, renames: Renames) -> str:
    if item.field is None:
        return atoms.KEYWORDS
    name = item.field.casefold()
    return renames.fields.get(name, name).casefold()


def _text(name: str, value: SigmaString) -> Node:
    cased = isinstance(value, SigmaCasedString)
    return text_atom(name, _pattern(value), cased=cased)


def text_atom(name: str, pattern: atoms.Pattern, *, cased: bool = False) -> atoms.Text:
    """A string atom as the engine wants it: casefolded unless cased, runs of `*` made one; as a keyword it may
    stand anywhere in the value."""
    if name == atoms.KEYWORDS:
        pattern = (atoms.MANY, *pattern, atoms.MANY)
    tidy: list[str | int] = []
    for part in pattern:
        one = part.casefold() if isinstance(part, str) and not cased else part
        if one == "" or (one == atoms.MANY and tidy and tidy[-1] == atoms.MANY):
            continue
        if isinstance(one, str) and tidy and isinstance(tidy[-1], str):
            tidy[-1] += one
        else:
            tidy.append(one)
    return atoms.Text(name, tuple(tidy), cased)


def _pattern(value: SigmaString) -> atoms.Pattern:
    parts: list[str | int] = []
    for part in value.s:
        if isinstance(part, Placeholder):
            raise Unsupported(f"the placeholder %{part.name}% has no values here")
        if isinstance(part, SpecialChars):
            parts.append(atoms.MANY if part is SpecialChars.WILDCARD_MULTI else atoms.ONE)
        else:
            if not part.isascii() and any("\ud800" <= character <= "\udfff" for character in part):
                raise Unsupported("a value with a lone surrogate, which no text holds")
            parts.append(part)
    return tuple(parts)


def _regex(item: SigmaDetectionItem, name: str, value: SigmaRegularExpression) -> Node:
    if value.contains_placeholder():
        raise Unsupported("a placeholder in a regular expression has no values here")
    pattern = str(value.regexp.to_plain(regex=True))
    literals = regexes.required_literals(pattern)
    if SigmaEndswithModifier not in item.modifiers:  # which wants the very end
        pattern = regexes.as_pcre(pattern, lines=SigmaRegularExpressionFlag.MULTILINE in value.flags)
    if SigmaStartswithModifier in item.modifiers:
        pattern = rf"\A(?:{pattern})"
    if SigmaEndswithModifier in item.modifiers:
        pattern = rf"(?:{pattern})\z"
    flags = "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
    if flags:
        pattern = f"(?{flags}){pattern}"
    reason = regexes.refusal(pattern)
    if reason:
        raise Unsupported(f"a regular expression that does not run in linear time (RE2): {reason}")
    return atoms.Regex(name, pattern, literals)


def _reference(name: str, value: SigmaFieldReference, other: str) -> Node:
    return atoms.Same(name, other, value.starts_with, value.ends_with)


def _number(name: str, value: SigmaNumber) -> Node:
    if name == atoms.KEYWORDS:
        return text_atom(name, (str(value.number),))
    return atoms.Number(name, value.number)


def _bool(name: str, value: SigmaBool) -> Node:
    return text_atom(name, ("true" if value.boolean else "false",))


def _exists(name: str, value: SigmaExists) -> Node:
    return negate(atoms.Absent(name)) if value.exists else atoms.Absent(name)


def _compare(name: str, value: SigmaCompareExpression) -> Node:
    operator, number = _OPERATORS[value.op], value.number
    if isinstance(number, SigmaTimestampPart):  # `hour|gte: 20`
        return atoms.TimePart(name, _PARTS[number.timestamp_part], number.number, operator)
    return atoms.Compare(name, operator, number.number)


def _time(name: str, value: SigmaTimestampPart) -> Node:
    return atoms.TimePart(name, _PARTS[value.timestamp_part], value.number)


_BUILDERS: Mapping[type[SigmaType], Callable[[str, Any], Node]] = {
    SigmaString: _text,
    SigmaCasedString: _text,
    SigmaNumber: _number,
    SigmaBool: _bool,
    SigmaNull: lambda name, _value: atoms.Absent(name),
    SigmaExists: _exists,
    SigmaCompareExpression: _compare,
    SigmaCIDRExpression: lambda name, value: atoms.Network(name, str(value.network)),
    SigmaTimestampPart: _time,
    SigmaFieldReference: lambda name, value: atoms.Same(name, value.field.casefold()),
}
