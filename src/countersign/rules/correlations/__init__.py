"""Sigma correlations: hits of rules in, hits of correlations out.

Nothing is kept from one call to the next: the state is the stored hits of the base rules, and what a correlation makes of
them does not depend on their order or on how they came. What the specification leaves open is settled in
docs/adr/0008-correlations.md.
"""

from __future__ import annotations

from countersign.rules.correlations.correlate import correlate
from countersign.rules.correlations.made import CORRELATED, MOST_EVIDENCE
from countersign.rules.correlations.plan import Plan, Reference, Step, plan
from countersign.rules.correlations.states import captured, problems, silent, states

__all__ = [
    "CORRELATED",
    "MOST_EVIDENCE",
    "Plan",
    "Reference",
    "Step",
    "captured",
    "correlate",
    "plan",
    "problems",
    "silent",
    "states",
]
