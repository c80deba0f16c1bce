"""What is wrong between the documents of a rule set: references of correlations and filters that lead nowhere."""

from __future__ import annotations

from dataclasses import replace

from countersign.rules import correlations
from countersign.rules.filters import apply_filters
from countersign.rules.rule import RuleSet


def checked(ruleset: RuleSet) -> RuleSet:
    """The set with these problems among its own.

    It can be said only of the whole: a correlation in one folder may refer to a rule in another. So `load_rules` does not
    say it, and whoever has put a set together asks here.
    """
    return replace(ruleset, problems=(*apply_filters(ruleset).problems, *correlations.problems(ruleset)))
