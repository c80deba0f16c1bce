"""Rules in a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from rich.text import Text

from countersign.cli.text import STYLES, console, indented, local, plain_table, safe
from countersign.model.visible import visible

if TYPE_CHECKING:
    from countersign.app.hunting import Caught, Hunt
    from countersign.app.rulelist import Listed


HOSTS_SHOWN = 10
TESTS_SHOWN = 4
IDLE_SHOWN = 5


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


def caught(result: Hunt) -> None:
    """What a hunt found, by rule and host, with the values of the first record of each."""
    out = console()
    for _, group in groupby(result.caught, key=lambda one: one.rule.id):
        _of_rule(list(group))
    if len(result.idle) > IDLE_SHOWN:
        out.print(f"{len(result.idle):,} rules do not run here: countersign rules list says why", style="dim")
    else:
        for rule, reason in result.idle:
            out.print(safe(f"does not run: {rule.title}: {reason}", "yellow", 300))
    hits = sum(one.count for one in result.caught)
    out.print(
        f"{result.rules:,} rules over {result.stored:,} events in {result.seconds:.1f} s "
        f"({result.events:,} of their log sources): {hits:,} hits."
    )


def _of_rule(group: Sequence[Caught]) -> None:
    out = console()
    rule = group[0].rule
    head = Text(f"{rule.level:<14}", STYLES.get(rule.level, ""))
    head.append_text(safe(f"{rule.title}  ", "bold", 200))
    head.append_text(safe(rule.id, "dim", 80))
    out.print(head)
    for one in group[:HOSTS_SHOWN]:
        span = local(_stamp(one.first)) + (f" to {local(_stamp(one.last))}" if one.last != one.first else "")
        out.print(
            indented(
                f"{one.host or 'unnamed host'}: {'once' if one.count == 1 else f'{one.count:,} times'}, {span}",
                "  ",
            )
        )
        for test in one.matched[:TESTS_SHOWN]:
            value = "absent" if test.value is None else visible(test.value, 200)
            out.print(
                indented(f"{test.field or 'a value'} {visible(test.test, 120)}: {value}", "      ", "dim")
            )
    if len(group) > HOSTS_SHOWN:
        out.print(f"  ... and {len(group) - HOSTS_SHOWN:,} more hosts (--json lists them all)", style="dim")


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
