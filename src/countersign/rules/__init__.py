"""The columnar Sigma engine: rules in, and for batches of events the rows that match.

It knows Arrow and pySigma; where a field stands in a batch it learns from a `FieldResolver`, and which events
a log source means from one table (`logsources.toml`). See docs/rules.md and docs/adr/0005-columnar-rules.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from countersign.rules.compiled import Status
from countersign.rules.content import own_rules
from countersign.rules.engine import HITS, CompiledSet, compile_rules
from countersign.rules.explain import Alternative, Explanation, Fired, Part
from countersign.rules.fields import EventFields, FieldResolver, Fields, event_fields
from countersign.rules.logsources import Claim, LogSources, Meaning, Where, load_logsources, with_claims
from countersign.rules.rule import Example, Problem, Rule, RuleSet
from countersign.rules.tally import Noisy, Tally

if TYPE_CHECKING:
    from countersign.rules.load import load_rules

__all__ = [
    "HITS",
    "Alternative",
    "Claim",
    "CompiledSet",
    "EventFields",
    "Example",
    "Explanation",
    "FieldResolver",
    "Fields",
    "Fired",
    "LogSources",
    "Meaning",
    "Noisy",
    "Part",
    "Problem",
    "Rule",
    "RuleSet",
    "Status",
    "Tally",
    "Where",
    "compile_rules",
    "event_fields",
    "load_logsources",
    "load_rules",
    "own_rules",
    "with_claims",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401  # a module's attribute
    """`load_rules` brings pySigma, which is slow to import and which a cached rule set does not need."""
    if name == "load_rules":
        from countersign.rules.load import load_rules

        return load_rules
    raise AttributeError(name)
