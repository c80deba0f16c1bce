"""What a person sees in a terminal: tables and trees, every string from a log made safe, times in their zone."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from countersign.model.report import NAMELESS
from countersign.model.visible import visible

if TYPE_CHECKING:
    from countersign.app.collect import Summary
    from countersign.app.demo import DemoRun
    from countersign.app.discover import Outsider
    from countersign.app.evidence import Outcome
    from countersign.app.review import Reviewed

WIDTH = 80
"""Narrowest terminal that the tree is made for, and the width of what goes into a pipe."""
SHORT_ID = 8
DEEDS_SHOWN = 8
PATHS_SHOWN = 5
EVIDENCE_SHOWN = 12
STYLES = {
    "critical": "bold red",
    "high": "bold red",
    "medium": "yellow",
    "low": "cyan",
    "informational": "dim",
    "broken": "bold red",
    "kept": "green",
    "not observed": "dim",
}
SIGNS = {"kept": "✓", "broken": "✗", "not observed": "?"}


def console() -> Console:
    """Stdout: colours on a terminal only, 80 columns wide in a pipe."""
    piped = not sys.stdout.isatty()
    return Console(width=WIDTH if piped else None, highlight=False, markup=False, emoji=False)


def local(stamp: str | None) -> str:
    """A time in the user's zone, with its offset; words where it is unknown."""
    if stamp is None:
        return "unknown"
    moment = datetime.fromisoformat(stamp).astimezone()
    return moment.strftime("%Y-%m-%d %H:%M:%S %z")


def clock(stamp: str | None) -> str:
    """Time of day in the user's zone."""
    return "--:--:--" if stamp is None else datetime.fromisoformat(stamp).astimezone().strftime("%H:%M:%S")


def _offset(stamp: str) -> str:
    return datetime.fromisoformat(stamp).astimezone().strftime("%z")


def minute(stamp: str | None, offset: str) -> str:
    """Day and minute in the user's zone; the offset stands beside it where it is not `offset` (summer time)."""
    if stamp is None:
        return "unknown"
    moment = datetime.fromisoformat(stamp).astimezone()
    own = moment.strftime("%z")
    return moment.strftime("%m-%d %H:%M") + (f" {own}" if own != offset else "")


def brief(start: str | None, end: str | None) -> str:
    """How long something took, for a table; `?` where the logs do not say."""
    words = lasting(start, end)
    return (
        "?" if words in {"start unknown", "no end seen"} else words.replace(" h ", "h").replace(" min", "m")
    )


def lasting(start: str | None, end: str | None) -> str:
    """How long something took, in words."""
    if start is None or end is None:
        return "start unknown" if start is None else "no end seen"
    seconds = int((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())
    hours, minutes = divmod(seconds // 60, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min" if minutes else f"{seconds} s"


def size(count: int) -> str:
    """Bytes for a person."""
    value = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def _table(*columns: str, whole: Sequence[str] = ()) -> Table:
    """A plain table; the columns named in `whole` are never broken over lines."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in whole)
    return table


def _text(value: object, style: str = "", limit: int | None = None) -> Text:
    return Text(visible(str(value), limit), style=style)


def collected(summary: Summary) -> None:
    """What a collection brought."""
    out = console()
    out.print(
        f"{summary.records:,} records read from {len(summary.files):,} files ({size(summary.bytes)}) "
        f"in {summary.seconds:.1f} s: {summary.events:,} events, {summary.new_events:,} of them new, "
        f"{summary.rejected:,} rejected, {summary.unrecognised:,} files not recognised."
    )
    if summary.stopped:
        out.print(_text(f"Stopped early: {summary.stopped}. Run the same command again to go on.", "yellow"))
    odd: dict[tuple[str, str], list[str]] = {}
    for entry in summary.files:
        if entry.status not in {"read", "known"}:
            odd.setdefault((entry.status, entry.reason), []).append(entry.path)
    for (status, reason), paths in sorted(odd.items()):
        out.print(_text(f"{len(paths):,} {status}: {reason}", "yellow"))
        for path in paths[:PATHS_SHOWN]:
            out.print(_text(f"  {path}"))
        if len(paths) > PATHS_SHOWN:
            out.print(f"  ... and {len(paths) - PATHS_SHOWN:,} more (--json lists them all)", style="dim")


def reviewed(result: Reviewed) -> None:
    """What a review found."""
    out = console()
    out.print(
        f"{result.visits:,} visits, {result.findings:,} findings "
        f"({', '.join(f'{count} {level}' for level, count in result.severities.items() if count) or 'none'}) "
        f"in {result.seconds:.1f} s."
    )
    for note in result.notes:
        out.print(_text(note, "yellow"))
    if result.visits:
        out.print("Next: countersign visits, countersign findings, countersign report")


def visit_table(bodies: Sequence[Mapping[str, Any]], results: Any, *, filtered: bool = False) -> None:  # noqa: ANN401  # app.results.Results
    """One line a visit."""
    out = console()
    if not bodies:
        words = "Declare providers in agreements/ (countersign discover helps), then: countersign review"
        out.print("No visit is like that." if filtered else f"No visits. {words}")
        return
    first = bodies[0]["start"] or results.began(bodies[0])
    offset = _offset(first) if first else ""
    table = _table(
        "visit", f"start ({offset})", "for", "provider", "person", "way", "findings", whole=("visit", "for")
    )
    for body in bodies:
        way = " > ".join(dict.fromkeys(hop["target"] or NAMELESS for hop in body["hops"]))
        worst = results.worst(body)
        table.add_row(
            body["id"][:SHORT_ID],
            _text(minute(body["start"] or results.began(body), offset)),
            _text(brief(body["start"], body["end"])),
            _text(body["provider"], limit=20),
            _text(body["person"], limit=24),
            _text(way, limit=60),
            Text(f"{len(body['findings'])}, worst {worst}" if worst else "", style=STYLES.get(worst, "")),
        )
    out.print(table)


def visit_tree(body: Mapping[str, Any], findings: Sequence[Mapping[str, Any]]) -> None:
    """One visit as a tree, readable in 80 columns."""
    out = console()
    out.print(Text.assemble(("Visit ", "bold"), body["id"]))
    kind = "service" if body["kind"] == "service" else "person"
    out.print(_text(f"{body['person']} ({kind}) of {body['provider']}"))
    first = body["start"] or _first_seen(body)
    if body["start"] is None:
        out.print(f"start unknown, first seen {local(first)}; end {local(body['end'])}")
    else:
        out.print(f"{local(body['start'])} to {local(body['end'])} ({lasting(body['start'], body['end'])})")
    if body["aliases"]:
        out.print(_text(f"earlier known as {', '.join(body['aliases'])}", "dim"))
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
            out.print(_finding_line(finding))
            out.print(_indented(finding["why"], "    "))


def _first_seen(body: Mapping[str, Any]) -> str | None:
    from countersign.app.results import Results

    return Results.began(body)


def _hop(out: Console, hop: Mapping[str, Any], children: Mapping[str | None, list[Any]], indent: str) -> None:
    source = hop["source"] or "?"
    if hop["source_ip"] and hop["source_ip"] != source:
        source = f"{source} ({hop['source_ip']})"
    head = Text(indent)
    head.append(f"{clock(hop['start'])} ", "bold")
    head.append_text(_text(f"{source} > {hop['target'] or NAMELESS}", "bold"))
    head.append_text(_text(f"  {hop['protocol']}", "cyan"))
    head.append(f"  {lasting(hop['start'], hop['end'])}", "dim")
    out.print(head)
    inner = indent + "  "
    account = _text(f"{inner}as {hop['account']}")
    if hop["credential_switch"]:
        account.append("  credential switch", "yellow")
    if hop["mfa"] is not None:
        account.append("  MFA" if hop["mfa"] else "  no MFA", "green" if hop["mfa"] else "yellow")
    out.print(account)
    seen = (
        f"seen by {len(hop['seen_by'])} of {len(hop['expected_by'])}: {', '.join(hop['seen_by']) or 'nobody'}"
    )
    out.print(_indented(f"{hop['link']['kind']}: {hop['link']['reason']}; {seen}", inner, "dim"))
    deeds = _distinct(hop["actions"])
    for action in deeds[:DEEDS_SHOWN]:
        deed = f"{clock(action['time'])} {action['kind']}: {visible(action['text'], 240)}"
        out.print(_indented(deed, inner, hang="  "))
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


def _indented(text: str, indent: str, style: str = "", hang: str = "") -> Text:
    import textwrap

    return Text(
        "\n".join(
            textwrap.wrap(visible(text), WIDTH - 1, initial_indent=indent, subsequent_indent=indent + hang)
        ),
        style=style,
    )


def _verdicts(out: Console, verdicts: Sequence[Mapping[str, Any]]) -> None:
    if not verdicts:
        out.print("\nNo agreement with this provider: nothing to hold the visit to.", style="yellow")
        return
    out.print()
    out.print(Text("Agreement", style="bold"))
    for verdict in verdicts:
        style = STYLES[verdict["verdict"]]
        line = Text(f"  {SIGNS[verdict['verdict']]} ", style)
        line.append_text(_text(f"{verdict['clause']}: {verdict['verdict']}", style))
        out.print(line)
        if verdict["verdict"] != "kept":
            words = verdict["why"]
            if verdict["missing"]:
                words += f" ({verdict['missing']} would decide it)"
            out.print(_indented(words, "      "))


def _finding_line(finding: Mapping[str, Any]) -> Text:
    line = Text(f"  {finding['id'][:SHORT_ID]}  ", "dim")
    line.append(f"{finding['severity']:<14}", STYLES[finding["severity"]])
    line.append_text(_text(finding["title"], limit=54))
    return line


def finding_table(bodies: Sequence[Mapping[str, Any]]) -> None:
    """One line a finding; those of providers' visits first, the rest of the estate apart."""
    out = console()
    if not bodies:
        out.print("No findings. `countersign report` says what could not be seen.")
        return
    parts = (
        ("In providers' visits", [body for body in bodies if body["visit"] is not None]),
        ("Elsewhere in the estate (no provider's)", [body for body in bodies if body["visit"] is None]),
    )
    for title, part in parts:
        if not part:
            continue
        out.print(Text(title, style="bold"))
        offset = next((_offset(body["time"]) for body in part if body["time"]), "")
        table = _table("id", "severity", f"time ({offset})", "finding", "hosts", whole=("id", "severity"))
        for body in part:
            table.add_row(
                body["id"][:SHORT_ID],
                Text(body["severity"], STYLES[body["severity"]]),
                _text(minute(body["time"], offset)),
                _text(body["title"], limit=90),
                _text(", ".join(body["hosts"]), limit=30),
            )
        out.print(table)


def finding_page(body: Mapping[str, Any], evidence: Sequence[Mapping[str, Any]]) -> None:
    """One finding with why and its evidence."""
    out = console()
    out.print(_finding_line(body))
    out.print(f"  {local(body['time'])}  on {visible(', '.join(body['hosts']))}")
    out.print(_indented(body["why"], "  "))
    out.print(_text(f"  rule {body['rule_id']}  ATT&CK {', '.join(body['techniques']) or '-'}"))
    out.print(_text(f"  answers {', '.join(body['cites']) or '-'}"))
    if body["visit"]:
        out.print(f"  visit {body['visit']}")
    out.print(Text("  Evidence", style="bold"))
    for item in evidence[:EVIDENCE_SHOWN]:
        out.print(_text(f"    {local(item['time'])}  {item['said']}", limit=300))
        place = f"record {item['record']} of segment {item['segment'][:16]}, leaf {item['leaf']}"
        out.print(_text(f"      {place}", "dim"))
    if len(evidence) > EVIDENCE_SHOWN:
        out.print(
            f"    ... and {len(evidence) - EVIDENCE_SHOWN} more (--json has all, with their text)",
            style="dim",
        )
    if evidence:
        out.print(Text("  The first record, as it was sealed", style="bold"))
        out.print(_indented(visible(evidence[0]["text"], 1500), "    ", "dim"))


def rejected_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Reasons why records were not understood, with a place each."""
    out = console()
    if not rows:
        out.print("Every record was understood.")
        return
    for row in rows:
        out.print(_text(f"{row['records']:,} of {row['source']}: {row['reason']}"))
        out.print(_text(f"  for example in segment {row['segment'][:16]}", "dim"))


def outsiders(found: Sequence[Outsider]) -> None:
    """Who came from outside."""
    out = console()
    if not found:
        out.print("Nobody came from outside, as far as these logs tell.")
        return
    table = _table("account", "from", "to", "by", "times", "first", "last", "provider")
    for item in found[:60]:
        table.add_row(
            _text(item.account, limit=32),
            _text(item.source),
            _text(item.target),
            item.protocol,
            f"{item.times:,}",
            _text(local(item.first)[:10]),
            _text(local(item.last)[:10]),
            _text(item.provider),
        )
    out.print(table)
    if len(found) > 60:
        out.print(f"... and {len(found) - 60} more; --json lists them all")
    if any(not item.provider for item in found):
        out.print(
            "Write an agreement for each provider in agreements/ (example.yaml shows how), then: countersign review"
        )


def rule_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """One line a rule."""
    table = _table("level", "rule", "state", "reason")
    for row in rows:
        table.add_row(
            row["level"], _text(row["title"], limit=60), row["state"], _text(row["reason"], limit=60)
        )
    console().print(table)


def verification(outcome: Outcome) -> None:
    """What checking the evidence came to."""
    out = console()
    for problem in outcome.problems:
        out.print(_text(f"✗ {problem}", "bold red"))
    if outcome.sound:
        out.print(_text(f"✓ {outcome.words}", "green"))
    else:
        out.print(_text(f"The evidence does not verify: {len(outcome.problems)} problems.", "bold red"))


def demo_summary(run: DemoRun) -> None:
    """The demo's end: visits, findings, where the report is."""
    out = console()
    visit_table(run.visits, run.results)
    out.print()
    finding_table(run.findings)
    out.print()
    for note in run.notes:
        out.print(_text(note))
