"""Rules in a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from countersign.cli.text import console, plain_table, safe

if TYPE_CHECKING:
    from countersign.app.rulelist import Listed


def rule_table(rows: Sequence[Listed]) -> None:
    """One line a rule, then how many of each state."""
    out = console()
    if not rows:
        out.print("No rule is like that.")
        return
    table = plain_table("level", "rule", "state", "reason", whole=("level", "state"))
    for row in rows:
        title = row.title or (f"{row.path}:{row.line}" if row.line else row.path)
        table.add_row(row.level, safe(title, limit=120), row.state, safe(row.reason, limit=160))
    out.print(table)
    counts = Counter(row.state for row in rows)
    out.print(", ".join(f"{count:,} {state}" for state, count in counts.most_common()))
