"""Indicators of compromise: read from what others publish, kept with their validity, matched a million at a time.

It knows Arrow and the columns of an event; of the lake it knows nothing. See docs/indicators.md.
"""

from __future__ import annotations

from countersign.rules.indicators.load import load_indicators
from countersign.rules.indicators.matching import MATCHES, Indicator, IndicatorSet
from countersign.rules.indicators.tables import INDICATORS_SCHEMA, Draft, Loaded, Problem
from countersign.rules.indicators.terms import Clause, Kind, Side, Term, term

__all__ = [
    "INDICATORS_SCHEMA",
    "MATCHES",
    "Clause",
    "Draft",
    "Indicator",
    "IndicatorSet",
    "Kind",
    "Loaded",
    "Problem",
    "Side",
    "Term",
    "load_indicators",
    "term",
]
