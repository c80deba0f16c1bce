r"""Sigma's modifier `expand`: placeholders replaced by the values of their lists, where the rule writes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from sigma.modifiers import SigmaExpandModifier
from sigma.policy import SigmaPolicy
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaRule
from sigma.types import Placeholder, SigmaExpansion, SigmaRegularExpression, SigmaString, SigmaType

from countersign.rules.placeholders import MOST_VALUES, Lists
from countersign.rules.regexes import QuietRE2


class Missing(Exception):  # noqa: N818  # it names what a person has to add
    """A rule needs a list that there is not; the argument is the placeholder's name as the rule writes it."""


def names_used(rule: SigmaRule) -> tuple[str, ...]:
    """The placeholders that a rule needs, casefolded and sorted."""
    found: set[str] = set()
    for detection in rule.detection.detections.values():
        for item in _items(detection):
            if SigmaExpandModifier in item.modifiers:
                for value in _before(item):
                    string = value.regexp if isinstance(value, SigmaRegularExpression) else value
                    if isinstance(string, SigmaString):
                        found.update(
                            part.name.casefold() for part in string.s if isinstance(part, Placeholder)
                        )
    return tuple(sorted(found))


def _items(detection: SigmaDetection) -> Iterator[SigmaDetectionItem]:
    for item in detection.detection_items:
        if isinstance(item, SigmaDetection):
            yield from _items(item)
        else:
            yield item


def expanded(item: SigmaDetectionItem, lists: Lists) -> Sequence[SigmaType]:
    """The values of an item with the modifier `expand`, placeholders replaced, the modifiers after it applied to what
    stands there then. A value that became several is one `SigmaExpansion`, so that `all` asks for one of them.

    Raises:
        Missing: a list is not there.
        ValueError: more than `MOST_VALUES` combinations, or a value that a later modifier does not take.

    """
    place = item.modifiers.index(SigmaExpandModifier)
    values = [_replaced(value, lists) for value in _before(item)]
    after = item.modifiers[place + 1 :]
    return SigmaDetectionItem(item.field, after, values, policy=item.policy).value


def _before(item: SigmaDetectionItem) -> list[SigmaType]:
    """The values as they are when `expand` comes to them, placeholders in place."""
    place = item.modifiers.index(SigmaExpandModifier)
    plain = [_again(value) for value in item.original_value or ()]
    found = SigmaDetectionItem(item.field, item.modifiers[:place], plain, policy=item.policy).value
    return [_marked(value) for value in found]


def _again(value: SigmaType) -> SigmaType:
    """A value as the rule writes it: pySigma's `expand` changes the original, too."""
    if type(value) is not SigmaString:
        return value
    again = SigmaString()
    again.original = value.original
    again.s = [f"%{part.name}%" if isinstance(part, Placeholder) else part for part in value.s]
    return again._merge_strs()  # noqa: SLF001  # there is no other way to say that a string is parsed already


def _marked(value: SigmaType) -> SigmaType:
    if isinstance(value, SigmaExpansion):
        return SigmaExpansion([_marked(inner) for inner in value.values])
    if isinstance(value, SigmaRegularExpression):
        return value.insert_placeholders()
    if isinstance(value, SigmaString):
        value.s = [
            part for whole in value.s for part in ([whole] if not isinstance(whole, str) else _cut(whole))
        ]
    return value


def _cut(text: str) -> list[Any]:
    r"""Text and placeholders. `\%` is a plain percent character, as the specification says; but where a value would
    then name no placeholder at all (`C:\Users\%admins%`) its backslash is that of a path."""
    escaped = _scan(text, escapes=True)
    return escaped if any(isinstance(part, Placeholder) for part in escaped) else _scan(text, escapes=False)


def _scan(text: str, *, escapes: bool) -> list[Any]:
    out: list[Any] = []
    plain: list[str] = []
    at = 0
    while at < len(text):
        if escapes and text.startswith("\\%", at):
            plain.append("%")
            at += 2
            continue
        end = text.find("%", at + 1) if text[at] == "%" else -1
        name = text[at + 1 : end] if end > 0 else ""
        if name and "\\" not in name:
            if plain:
                out.append("".join(plain))
                plain.clear()
            out.append(Placeholder(name))
            at = end + 1
        else:
            plain.append(text[at])
            at += 1
    return [*out, "".join(plain)] if plain else out


def _replaced(value: SigmaType, lists: Lists) -> SigmaType:
    if isinstance(value, SigmaExpansion):
        return SigmaExpansion([_replaced(inner, lists) for inner in value.values])
    if isinstance(value, SigmaRegularExpression):
        return _regexes(value, lists)
    if not isinstance(value, SigmaString) or not value.contains_placeholder():
        return value
    out: list[SigmaType] = []
    for parts in _combinations(value, lists):
        string = type(value)()
        string.s = [
            part for one in parts for part in (SigmaString(one[0]).s if isinstance(one, tuple) else [one])
        ]
        out.append(string._merge_strs())  # noqa: SLF001  # as in `_again`
    return SigmaExpansion(out)


def _regexes(value: SigmaRegularExpression, lists: Lists) -> SigmaType:
    """In an expression a list's values are expressions, too, as in pySigma."""
    if not value.contains_placeholder():
        return value
    texts = [
        "".join(f"(?:{part[0]})" if isinstance(part, tuple) else str(part) for part in parts)
        for parts in _combinations(value.regexp, lists)
    ]
    policy = SigmaPolicy(QuietRE2())
    return SigmaExpansion([SigmaRegularExpression(text, set(value.flags), policy) for text in texts])


def _combinations(value: SigmaString, lists: Lists) -> Iterator[tuple[Any, ...]]:
    """The value's parts with each placeholder replaced by one value of its list, as a tuple of one."""
    choices: list[list[Any]] = []
    total = 1
    for part in value.s:
        if isinstance(part, Placeholder):
            found = lists.get(part.name.casefold())
            if found is None:
                raise Missing(part.name)
            choices.append([(one,) for one in found])
            total *= len(found)
        else:
            choices.append([part])
    if total > MOST_VALUES:
        raise ValueError(f"more than {MOST_VALUES} combinations of its placeholders")
    return product(*choices)
