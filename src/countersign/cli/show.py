"""What a person sees in a terminal: tables and trees, every string from a log made safe, times in their zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from countersign.cli.show_findings import finding_table
from countersign.cli.text import (
    SHORT_ID,
    STYLES,
    brief,
    console,
    minute,
    offset_of,
    plain_table,
    safe,
    several_years,
)
from countersign.model.report import NAMELESS
from countersign.model.visible import counted, size

if TYPE_CHECKING:
    from countersign.app.collect import Summary
    from countersign.app.demo import DemoRun
    from countersign.app.evidence import Outcome
    from countersign.app.review import Reviewed

PATHS_SHOWN = 5


def collected(summary: Summary) -> None:
    """What a collection brought."""
    out = console()
    out.print(
        f"{counted(summary.records, 'record')} read from {counted(len(summary.files), 'file')} ({size(summary.bytes)}) "
        f"in {summary.seconds:.1f} s: {counted(summary.events, 'event')}, {summary.new_events:,} of them new, "
        f"{summary.rejected:,} rejected, {counted(summary.unrecognised, 'file')} not recognised."
    )
    if summary.stopped:
        out.print(safe(f"Stopped early: {summary.stopped}. Run the same command again to go on.", "yellow"))
    odd: dict[tuple[str, str], list[str]] = {}
    for entry in summary.files:
        if entry.status not in {"read", "known"}:
            odd.setdefault((entry.status, entry.reason), []).append(entry.path)
    for (status, reason), paths in sorted(odd.items()):
        out.print(safe(f"{len(paths):,} {status}: {reason}", "yellow"))
        for path in paths[:PATHS_SHOWN]:
            out.print(safe(f"  {path}"))
        if len(paths) > PATHS_SHOWN:
            out.print(f"  ... and {len(paths) - PATHS_SHOWN:,} more (--json lists them all)", style="dim")


def reviewed(result: Reviewed) -> None:
    """What a review found."""
    out = console()
    inside = {level: count - result.estate[level] for level, count in result.severities.items()}
    out.print(
        f"{counted(result.visits, 'visit')}, {counted(sum(inside.values()), 'finding')} ({_by_level(inside)}) "
        f"in {result.seconds:.1f} s."
    )
    if result.revised or result.gone:
        out.print(_changed(result), style="cyan")
    if any(result.estate.values()):
        elsewhere = sum(result.estate.values())
        out.print(
            f"Elsewhere in the estate: {counted(elsewhere, 'finding')} ({_by_level(result.estate)}); countersign findings "
            "--scope estate"
        )
    for note in result.notes:
        out.print(safe(note, "yellow"))
    if result.visits:
        out.print("Next: countersign visits, countersign findings, countersign report")


def _changed(result: Reviewed) -> str:
    words = []
    if result.revised:
        verb = "was" if result.revised == 1 else "were"
        words.append(
            f"{counted(result.revised, 'visit')} {verb} revised: countersign visit ID says what and why."
        )
    if result.gone:
        words.append(
            f"{counted(result.gone, 'visit')} told before {'is' if result.gone == 1 else 'are'} told no more."
        )
    return " ".join(words)


def _by_level(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{count:,} {level}" for level, count in counts.items() if count) or "none"


def visit_table(bodies: Sequence[Mapping[str, Any]], results: Any, *, filtered: bool = False) -> None:  # noqa: ANN401  # app.results.Results
    """One line a visit."""
    out = console()
    if not bodies:
        words = "Declare providers in agreements/ (countersign discover helps), then: countersign review"
        out.print("No visit is like that." if filtered else f"No visits. {words}")
        return
    first = bodies[0]["start"] or results.began(bodies[0])
    offset = offset_of(first) if first else ""
    table = plain_table(
        "visit", f"start ({offset})", "for", "provider", "person", "way", "findings", whole=("visit", "for")
    )
    year = several_years(body["start"] or results.began(body) for body in bodies)
    for body in bodies:
        way = " > ".join(dict.fromkeys(hop["target"] or NAMELESS for hop in body["hops"]))
        worst = results.worst(body)
        table.add_row(
            body["id"][:SHORT_ID],
            safe(minute(body["start"] or results.began(body), offset, year=year)),
            safe(brief(body["start"], body["end"])),
            safe(body["provider"], limit=20),
            safe(body["person"], limit=24),
            safe(way, limit=60),
            Text(f"{len(body['findings'])}, worst {worst}" if worst else "", style=STYLES.get(worst, "")),
        )
    out.print(table)


def rejected_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Reasons why records were not understood, with a place each."""
    out = console()
    if not rows:
        out.print("Every record was understood.")
        return
    for row in rows:
        out.print(safe(f"{row['records']:,} of {row['source']}: {row['reason']}"))
        out.print(safe(f"  for example in segment {row['segment'][:16]}", "dim"))


def verification(outcome: Outcome) -> None:
    """What checking the evidence came to."""
    out = console()
    for problem in outcome.problems:
        out.print(safe(f"✗ {problem}", "bold red"))
    if outcome.sound:
        out.print(safe(f"✓ {outcome.words}", "green"))
    else:
        out.print(
            safe(f"The evidence does not verify: {counted(len(outcome.problems), 'problem')}.", "bold red")
        )


def demo_summary(run: DemoRun) -> None:
    """The demo's end: visits, findings, where the report is."""
    out = console()
    visit_table(run.visits, run.results)
    out.print()
    finding_table(run.findings)
    out.print()
    for note in run.notes:
        out.print(safe(note))
