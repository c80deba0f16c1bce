"""A Sigma filter as the rule that finds the events it means. The part of exceptions that needs pySigma."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sigma.policy import SigmaPolicy
from sigma.rule import SigmaRule
from sigma.rule.detection import EmptySigmaDetections
from sigma.rule.logsource import EmptyLogSource

from countersign.rules import atoms
from countersign.rules.conditions import Node, Unsupported, tree
from countersign.rules.documents import PARSER_FAILURES
from countersign.rules.logsources import Renames
from countersign.rules.modifiers import aliased
from countersign.rules.regexes import QuietRE2


def parse_filter(value: Mapping[str, Any], wrong: list[str]) -> SigmaRule | None:
    """The rule that holds where the filter's condition does not: a filter is joined to its rules by `and`.

    What is wrong is added to `wrong`, in words.
    """
    filter_ = value.get("filter")
    if not isinstance(filter_, dict) or not isinstance(filter_.get("condition"), str):
        wrong.append("`filter` has no `condition`; write for example `condition: not selection`")
        return None
    detection = {name: one for name, one in filter_.items() if name not in {"rules", "condition"}}
    detection["condition"] = f"not ({filter_['condition']})"
    data = {
        "title": str(value.get("title") or "filter"),
        "logsource": value.get("logsource"),
        "detection": detection,
    }
    try:
        parsed = SigmaRule.from_dict(aliased(data), collect_errors=True, policy=SigmaPolicy(QuietRE2()))
    except PARSER_FAILURES as error:
        wrong.append(_words(error))
        return None
    wrong.extend(_words(error) for error in parsed.errors)
    if isinstance(parsed.detection, EmptySigmaDetections) or isinstance(parsed.logsource, EmptyLogSource):
        return None
    reason = _unfit(parsed)
    if reason:
        wrong.append(reason)
    return None if parsed.errors or reason else parsed


def _unfit(parsed: SigmaRule) -> str:
    """Why a filter can be no exception; empty if it can."""
    try:
        node = tree(parsed, Renames())
    except Unsupported as reason:
        # a list that the workspace may have: the status of the filter's rule will tell
        return "" if "needs the list" in str(reason) else str(reason)
    except PARSER_FAILURES as error:
        return _words(error)
    if holds_on_nothing(node):
        return (
            "would hold back every event that lacks its fields: a filter's condition is what must hold for a rule "
            "to fire; write `condition: not selection`"
        )
    return ""


def holds_on_nothing(node: Node) -> bool:
    """Whether a condition holds on a record without any field."""
    if isinstance(node, bool):
        return node
    if not isinstance(node, tuple):
        return isinstance(node, atoms.Absent)
    kind, *children = node
    if kind == "not":
        return not holds_on_nothing(children[0])
    return (all if kind == "and" else any)(map(holds_on_nothing, children))


def _words(error: object) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
