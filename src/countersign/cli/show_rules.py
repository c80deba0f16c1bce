"""Rules in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from countersign.cli.text import console, plain_table, safe


def rule_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """One line a rule."""
    table = plain_table("level", "rule", "state", "reason")
    for row in rows:
        table.add_row(row["level"], safe(row["title"], limit=60), row["state"], safe(row["reason"], limit=60))
    console().print(table)
