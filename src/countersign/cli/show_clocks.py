"""Whose clock is off, in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from countersign.cli.text import console, plain_table, safe

if TYPE_CHECKING:
    from countersign.app.clocks import ClockOf

CLOCKS_SHOWN = 40


def clock_table(found: Sequence[ClockOf]) -> None:
    """Clocks that are off, and how many are right."""
    out = console()
    if not found:
        out.print("No two recorders saw the same arrivals often enough to compare their clocks.")
        return
    off = [one for one in found if one.used]
    right = len(found) - len(off)
    out.print(f"{right:,} of {len(found):,} clocks that can be compared are right to two seconds.")
    if not off:
        return
    table = plain_table("host", "ahead by", "give or take", "drift a day", "pairs")
    for one in off[:CLOCKS_SHOWN]:
        drift = f"{one.drift:+.1f} s" if one.drift else "none seen"
        table.add_row(safe(one.host), f"{one.ahead:+,.1f} s", f"{one.spread:.1f} s", drift, f"{one.pairs:,}")
    out.print(table)
    for one in off:
        for since, hours, words in one.steps:
            when = f" from {since} on" if since else ""
            out.print(f"{safe(one.host)}: {hours:+g} h{when}: {words}", soft_wrap=True)
    if len(off) > CLOCKS_SHOWN:
        out.print(f"... and {len(off) - CLOCKS_SHOWN:,} more; --json lists them all", style="dim")
    out.print("Times are shown as logged; links and witnesses reckon with these.", style="dim")
