"""What `countersign indicators` shows in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from countersign.cli.text import console, indented, local, plain_table, safe
from countersign.model.visible import counted

if TYPE_CHECKING:
    from countersign.app.indicator_hunt import Hunt
    from countersign.app.indicators import Imported, Listed
    from countersign.rules.indicators import Indicator, Problem

PROBLEMS_SHOWN = 10
VALUE_SHOWN = 60
_STATE_STYLES = {"active": "green", "low confidence": "cyan", "refused": "yellow"}


def imported(results: Iterable[Imported]) -> None:
    """What an import or a pull came to."""
    out = console()
    for result in results:
        change = result.change
        out.print(
            safe(
                f"{result.source.name}: {counted(result.source.rows, 'indicator')} "
                f"({change.new:,} new, {change.changed:,} changed, {change.gone:,} gone, {change.same:,} as before)"
            )
        )
        if result.refused:
            verb = "is too broad and matches" if result.refused == 1 else "are too broad and match"
            out.print(
                safe(
                    f"  {result.refused:,} {verb} nothing (countersign indicators list {result.source.name} "
                    "--state refused)"
                )
            )
        _problems(result.problems, result.source.unread)


def _problems(problems: Sequence[Problem], unlisted: int) -> None:
    out = console()
    for problem in problems[:PROBLEMS_SHOWN]:
        place = problem.path if problem.line is None else f"{problem.path}:{problem.line}"
        about = f" {problem.subject}:" if problem.subject else ""
        out.print(indented(f"{place}:{about} {problem.reason}", "  ", "yellow", "  "))
    more = max(len(problems) - PROBLEMS_SHOWN, 0) + unlisted
    if more:
        out.print(f"  and {more:,} more that could not be used; --json lists them")


def source_table(rows: Sequence[Listed]) -> None:
    """One line a source."""
    out = console()
    if not rows:
        out.print("No indicators were imported. `countersign indicators import PATH` reads them.")
        return
    table = plain_table("source", "indicators", "states", "imported", whole=("imported",))
    table.columns[1].justify = "right"
    for row in rows:
        states = ", ".join(f"{count:,} {state}" for state, count in row.states.items())
        if row.warned:
            states += f"; {row.warned:,} with a warning"
        if row.crowded:
            states += f"; {row.crowded:,} not matched, as too many have the same value"
        table.add_row(
            safe(row.source.name), f"{row.source.rows:,}", states, local(row.source.imported.isoformat())[:16]
        )
    out.print(table)


def indicator_table(indicators: Iterable[Indicator], as_of: datetime, limit: int) -> None:
    """One line an indicator."""
    from countersign.app.indicators import state_of

    out = console()
    table = plain_table("state", "what", "title", "why")
    count = 0
    for indicator in indicators:
        count += 1
        if count > limit:
            continue
        state = state_of(indicator, as_of)
        what = " or ".join(
            " and ".join(f"{kind} {value}" for kind, value in clause) for clause in indicator.terms
        )
        table.add_row(
            Text(state, style=_STATE_STYLES.get(state, "dim")),
            safe(what, limit=VALUE_SHOWN * 2),
            safe(indicator.title, limit=VALUE_SHOWN),
            safe(indicator.refused or indicator.warning or "", limit=VALUE_SHOWN * 2),
        )
    out.print(table if count else "There are none.")
    if count > limit:
        out.print(f"and {count - limit:,} more; --json lists them all")


def hunted(hunt: Hunt) -> None:
    """What was seen, one block an indicator and host."""
    from countersign.app.indicators import crowded_said

    out = console()
    out.print(
        f"{counted(hunt.indicators, 'indicator')} against {counted(hunt.events, 'event')}: "
        f"{counted(len(hunt.sightings), 'sighting')}"
    )
    if hunt.crowded:
        out.print(crowded_said(hunt.crowded))
    if not hunt.sightings:
        return
    table: Table = plain_table("first", "count", "host", "field", "value", "indicator", whole=("first",))
    for one in hunt.sightings:
        table.add_row(
            local(one.first.isoformat())[:16] if one.first else "undated",
            f"{one.count:,}",
            safe(one.host or "unnamed"),
            safe(one.field),
            safe(one.value, limit=VALUE_SHOWN),
            safe(
                f"{one.indicator.title or one.indicator.key} ({one.indicator.source})", limit=VALUE_SHOWN * 2
            ),
        )
    out.print(table)
    if hunt.more:
        matches = counted(hunt.more, "further match", "further matches")
        verb = "is" if hunt.more == 1 else "are"
        out.print(f"{matches} {verb} not shown: an indicator is too broad, or the hunt is")
