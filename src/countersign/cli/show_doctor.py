"""What is missing, in a terminal."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from countersign.app.documents import stamp
from countersign.cli.text import console, indented, local, plain_table, safe
from countersign.model.visible import counted

if TYPE_CHECKING:
    from rich.console import Console

    from countersign.app.doctor import Diagnosis, Held
    from countersign.app.origins import Until

CANNOT_TELL = "cannot tell"
DAY = timedelta(days=1)
HOSTS_SHOWN = 8
GAPS_SHOWN = 3
REST_SHOWN = 5


def diagnosis(found: Diagnosis, *, how: bool) -> None:
    """What to switch on, then what is at hand."""
    out = console()
    out.print(f"{counted(found.unseen, 'clause')} of visits could not be observed.", style="bold")
    for number, one in enumerate(found.advice, 1):
        out.print(safe(f"{number}. {one.title}", "bold"))
        words = [f"clauses it would decide by itself: {one.alone:,}" if one.alone else ""]
        words += [f"with another source: {one.shared:,}" if one.shared else ""]
        words += [f"hops it would have seen: {one.hops:,}" if one.hops else ""]
        out.print(indented("; ".join(filter(None, words)), "   "))
        if one.hosts:
            more = len(one.hosts) - HOSTS_SHOWN
            named = ", ".join(one.hosts[:HOSTS_SHOWN]) + (f" and {more} more" if more > 0 else "")
            out.print(indented(f"on: {named}", "   ", "dim"))
        for by, text in one.how if how else ():
            out.print(safe(f"   {by}:"))
            for line in text.splitlines():
                out.print(safe(f"     {line}", "dim"), soft_wrap=True)
    if found.advice and not how:
        out.print("countersign doctor sources --how shows the settings for each.", style="dim")
    for missing, count in list(found.rest.items())[:REST_SHOWN]:
        out.print(indented(f"also missing {count:,} times: {missing}", "", "dim"))
    _held(found)


def _held(found: Diagnosis) -> None:
    out = console()
    if not found.held:
        return
    table = plain_table("source", "last record", "gaps (days, UTC)", "overwritten at the origin")
    for one in found.held:
        missing = [first if first == last else f"{first} to {last}" for first, last in one.gaps[:GAPS_SHOWN]]
        if len(one.gaps) > GAPS_SHOWN:
            missing.append(f"and {len(one.gaps) - GAPS_SHOWN} more")
        table.add_row(
            safe(one.source), local(stamp(one.last)), ", ".join(missing) or "none", safe(_until(one.until))
        )
    out.print(table)
    for one in found.held:
        _hosts(out, one)


def _until(until: Until) -> str:
    return f"{until.when if until.when == CANNOT_TELL else local(until.when)}: {until.why}"


def _hosts(out: Console, held: Held) -> None:
    """Machines that have gaps, or fell silent a day before the others; and the logs that are overwritten first."""
    odd = [one for one in held.hosts if one.gaps or (one.last and held.last and held.last - one.last > DAY)]
    if not odd and not held.logs:
        return
    out.print(safe(held.source, "bold"))
    for one in odd[:HOSTS_SHOWN]:
        missing = ", ".join(
            first if first == last else f"{first} to {last}" for first, last in one.gaps[:GAPS_SHOWN]
        )
        more = f" and {len(one.gaps) - GAPS_SHOWN} more" if len(one.gaps) > GAPS_SHOWN else ""
        gaps = f"; without records: {missing}{more}" if missing else ""
        out.print(safe(f"  {one.host}: last record {local(stamp(one.last))}{gaps}"))
    if len(odd) > HOSTS_SHOWN:
        out.print(f"  ... and {len(odd) - HOSTS_SHOWN} more machines (--json has all)", style="dim")
    for log, until in held.logs[:HOSTS_SHOWN]:
        out.print(indented(f"{log.host} {log.log}: {_until(until)}", "  ", "dim"))
