"""Evaluation: what the product makes of a generated range, held against the range's truth (docs/evaluate.md).

Only this package reads `truth/`, and only after the product has finished, in processes of their own that are given the
logs and nothing else.
"""

from __future__ import annotations

from countersign.evaluate.run import evaluate_visits
from countersign.evaluate.score import Score

__all__ = ["Score", "evaluate_visits"]
