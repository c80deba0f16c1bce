"""What is missing, in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from countersign.app.documents import stamp
from countersign.cli.text import console, indented, local, plain_table, safe
from countersign.model.visible import counted

if TYPE_CHECKING:
    from countersign.app.doctor import Diagnosis

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
        when = one.overwritten if one.overwritten == "cannot tell" else local(one.overwritten)
        table.add_row(
            safe(one.source), local(stamp(one.last)), ", ".join(missing) or "none", safe(f"{when}: {one.why}")
        )
    out.print(table)
