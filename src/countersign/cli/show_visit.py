"""One visit in a terminal: its tree, what reviews revised, verdicts and findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from countersign.cli.show_findings import finding_line
from countersign.cli.text import SHORT_ID, STYLES, clock, console, indented, lasting, local, safe
from countersign.model.report import NAMELESS
from countersign.model.visible import nested, program, visible, volume_words

DEEDS_SHOWN = 8
HOPS_DEEPEST = 16
"""Hops deeper than this are not moved in any further: a line has an end."""
DEEPEST = 4
VOLUMES = ("bytes_in", "bytes_out", "bytes_left")
CANDIDATES_SHOWN = 5
SIGNS = {"kept": "✓", "broken": "✗", "not observed": "?"}


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
    left = [(root, 0) for root in reversed(children.get(None, []))]
    while left:  # no recursion: who writes su's records makes a chain of hops as long as they like
        hop, depth = left.pop()
        _hop(out, hop, "  " * min(depth, HOPS_DEEPEST))
        left.extend((child, depth + 1) for child in reversed(children.get(hop["id"], [])))
    _revisions(out, body["revisions"])
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


def _hop(out: Console, hop: Mapping[str, Any], indent: str) -> None:
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
    _between(out, hop, inner)
    for words in _of_time(hop):
        out.print(indented(words, inner, "dim"))
    _deeds(out, hop, inner)


def _deeds(out: Console, hop: Mapping[str, Any], indent: str) -> None:
    deeds = _distinct(hop["actions"])
    for action, depth in deeds[:DEEDS_SHOWN]:
        deed = f"{clock(action['time'])} {action['kind']}: {visible(action['text'], 240)}"
        if action.get("parent") and not depth:
            deed += f" (started by {visible(program(action['parent']), 60)})"
        out.print(indented(deed, indent + "  " * min(depth, DEEPEST), hang="  "))
    if len(deeds) > DEEDS_SHOWN:
        out.print(f"{indent}... and {len(deeds) - DEEDS_SHOWN} more deeds (--json has all)", style="dim")


def _between(out: Console, hop: Mapping[str, Any], indent: str) -> None:
    """The candidates of an ambiguous link, likeliest first."""
    found = hop["link"]["between"]
    day = (hop["start"] or "")[:10]
    for number, one in enumerate(found[:CANDIDATES_SHOWN], 1):
        start = one["start"]
        since = "an unknown time" if start is None else clock(start) if start[:10] == day else local(start)
        words = f"{number}. {one['target'] or NAMELESS} as {one['account']} since {since}, of {one['person']}"
        words += f" (visit {one['visit'][:SHORT_ID]})"
        out.print(indented(words, indent + "  ", "dim", hang="   "))
    if len(found) > CANDIDATES_SHOWN:
        out.print(f"{indent}  ... and {len(found) - CANDIDATES_SHOWN} more (--json has all)", style="dim")


def _revisions(out: Console, revisions: Sequence[Mapping[str, Any]]) -> None:
    """What reviews changed since the visit was first told, newest first."""
    if not revisions:
        return
    out.print()
    out.print(Text("Revised", style="bold"))
    for one in revisions:
        out.print(indented(f"{local(one['time'])} {one['kind']}: {one['text']}", "  ", hang="  "))


def _of_time(hop: Mapping[str, Any]) -> Iterator[str]:
    """What is to be said of when it began and ended, and how much passed."""
    if why := hop.get("end_reason"):
        yield f"ended: {visible(why, 240)}"
    if ahead := hop.get("clock_ahead"):
        way = "ahead" if ahead > 0 else "behind"
        yield f"the clock of {hop['target']} was {abs(ahead):,.0f} s {way}"
    if words := volume_words(hop["target"], *(hop.get(name) for name in VOLUMES)):
        yield words


def _distinct(actions: Iterable[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], int]]:
    """Deeds as a person counts them, each after the one that started it, with its depth: the same process told by two logs in the same
    second is one line."""
    shown: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    one_of: dict[str, str] = {}
    for action in actions:
        kept = shown.setdefault((action["time"][:19], action["kind"], action["text"]), action)
        one_of[action["event"]] = kept["event"]
    deeds = list(shown.values())
    above = [one_of.get(action.get("under") or "") for action in deeds]
    return [(deeds[index], depth) for index, depth in nested([deed["event"] for deed in deeds], above)]


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
