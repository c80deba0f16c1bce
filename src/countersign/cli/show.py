"""What a person sees in a terminal: tables and trees, every string from a log made safe, times in their zone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from countersign.cli.show_findings import finding_line, finding_table
from countersign.cli.text import (
    SHORT_ID,
    STYLES,
    brief,
    clock,
    console,
    indented,
    lasting,
    local,
    minute,
    offset_of,
    plain_table,
    safe,
    several_years,
    size,
)
from countersign.model.report import NAMELESS
from countersign.model.visible import counted, visible

if TYPE_CHECKING:
    from countersign.app.collect import Summary
    from countersign.app.demo import DemoRun
    from countersign.app.evidence import Outcome
    from countersign.app.review import Reviewed

DEEDS_SHOWN = 8
PATHS_SHOWN = 5
SIGNS = {"kept": "✓", "broken": "✗", "not observed": "?"}


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


def visit_tree(body: Mapping[str, Any], findings: Sequence[Mapping[str, Any]]) -> None:
    """One visit as a tree, readable in 80 columns."""
    out = console()
    out.print(Text.assemble(("Visit ", "bold"), body["id"]))
    kind = "service" if body["kind"] == "service" else "person"
    out.print(safe(f"{body['person']} ({kind}) of {body['provider']}"))
    first = body["start"] or _first_seen(body)
    if body["start"] is None:
        out.print(f"start unknown, first seen {local(first)}; end {local(body['end'])}")
    else:
        out.print(f"{local(body['start'])} to {local(body['end'])} ({lasting(body['start'], body['end'])})")
    if body["aliases"]:
        out.print(safe(f"earlier known as {', '.join(body['aliases'])}", "dim"))
    out.print()
    children: dict[str | None, list[Mapping[str, Any]]] = {}
    for hop in body["hops"]:
        children.setdefault(hop["parent"], []).append(hop)
    for root in children.get(None, []):
        _hop(out, root, children, "")
    _verdicts(out, body["verdicts"])
    if findings:
        out.print()
        out.print(Text("Findings", style="bold"))
        for finding in findings:
            out.print(finding_line(finding))
            out.print(indented(finding["why"], "    "))


def _first_seen(body: Mapping[str, Any]) -> str | None:
    from countersign.app.results import Results

    return Results.began(body)


def _hop(out: Console, hop: Mapping[str, Any], children: Mapping[str | None, list[Any]], indent: str) -> None:
    from countersign.app.enriching import said

    source = hop["source"] or "?"
    if hop["source_ip"] and hop["source_ip"] != source:
        source = f"{source} ({hop['source_ip']})"
    head = Text(indent)
    head.append(f"{clock(hop['start'])} ", "bold")
    head.append_text(safe(f"{source} > {hop['target'] or NAMELESS}", "bold"))
    head.append_text(safe(f"  {hop['protocol']}", "cyan"))
    head.append(f"  {lasting(hop['start'], hop['end'])}", "dim")
    out.print(head)
    inner = indent + "  "
    account = safe(f"{inner}as {hop['account']}")
    if hop["credential_switch"]:
        account.append("  credential switch", "yellow")
    if hop["mfa"] is not None:
        account.append("  MFA" if hop["mfa"] else "  no MFA", "green" if hop["mfa"] else "yellow")
    out.print(account)
    for name, about in ((source, "source_about"), (hop["target"] or NAMELESS, "target_about")):
        if words := said(hop.get(about)):
            out.print(indented(f"{name}: {words}", inner, "dim"))
    seen = (
        f"seen by {len(hop['seen_by'])} of {len(hop['expected_by'])}: {', '.join(hop['seen_by']) or 'nobody'}"
    )
    missed = [point for point in hop["expected_by"] if point not in hop["seen_by"]]
    seen += f", not by {', '.join(missed)}" if missed else ""
    out.print(indented(f"{hop['link']['kind']}: {hop['link']['reason']}; {seen}", inner, "dim"))
    if ahead := hop.get("clock_ahead"):
        way = "ahead" if ahead > 0 else "behind"
        out.print(indented(f"the clock of {hop['target']} was {abs(ahead):,.0f} s {way}", inner, "dim"))
    deeds = _distinct(hop["actions"])
    for action in deeds[:DEEDS_SHOWN]:
        deed = f"{clock(action['time'])} {action['kind']}: {visible(action['text'], 240)}"
        out.print(indented(deed, inner, hang="  "))
    if len(deeds) > DEEDS_SHOWN:
        out.print(f"{inner}... and {len(deeds) - DEEDS_SHOWN} more deeds (--json has all)", style="dim")
    for child in children.get(hop["id"], []):
        _hop(out, child, children, inner)


def _distinct(actions: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Deeds as a person counts them: the same process told by two logs in the same second is one line."""
    shown: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    for action in actions:
        shown.setdefault((action["time"][:19], action["kind"], action["text"]), action)
    return list(shown.values())


def _verdicts(out: Console, verdicts: Sequence[Mapping[str, Any]]) -> None:
    if not verdicts:
        out.print("\nNo agreement with this provider: nothing to hold the visit to.", style="yellow")
        return
    out.print()
    out.print(Text("Agreement", style="bold"))
    for verdict in verdicts:
        style = STYLES[verdict["verdict"]]
        line = Text(f"  {SIGNS[verdict['verdict']]} ", style)
        line.append_text(safe(f"{verdict['clause']}: {verdict['verdict']}", style))
        out.print(line)
        if verdict["verdict"] != "kept":
            words = verdict["why"]
            if verdict["missing"]:
                words += f" ({verdict['missing']} would decide it)"
            out.print(indented(words, "      "))


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
