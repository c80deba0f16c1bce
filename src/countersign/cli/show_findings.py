"""Findings in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from countersign.cli.text import (
    SHORT_ID,
    STYLES,
    console,
    indented,
    local,
    minute,
    offset_of,
    plain_table,
    safe,
    several_years,
)
from countersign.model.visible import counted, visible

EVIDENCE_SHOWN = 12
TESTS_SHOWN = 8


def finding_line(finding: Mapping[str, Any]) -> Text:
    """Id, severity and title of a finding."""
    line = Text(f"  {finding['id'][:SHORT_ID]}  ", "dim")
    line.append(f"{finding['severity']:<14}", STYLES[finding["severity"]])
    line.append_text(_titled(finding, 54))
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
        offset = next((offset_of(body["time"]) for body in part if body["time"]), "")
        when = f"time ({offset})"
        table = plain_table("id", "severity", when, "finding", "hosts", whole=("id", "severity", when))
        year = several_years(body["time"] for body in part)
        for body in part:
            table.add_row(
                body["id"][:SHORT_ID],
                Text(body["severity"], STYLES[body["severity"]]),
                safe(minute(body["time"], offset, year=year)),
                _titled(body, 90),
                safe(", ".join(body["hosts"]), limit=30),
            )
        out.print(table)


def _titled(body: Mapping[str, Any], limit: int) -> Text:
    """The title, and how many other rules tell of the same records."""
    title = safe(body["title"], limit=limit)
    if also := body.get("also"):
        title.append(f" (+{len(also)})", "dim")
    return title


def finding_page(body: Mapping[str, Any], evidence: Sequence[Mapping[str, Any]]) -> None:
    """One finding with why and its evidence."""
    out = console()
    out.print(finding_line(body))
    out.print(f"  {local(body['time'])}  on {visible(', '.join(body['hosts']))}")
    out.print(indented(body["why"], "  "))
    out.print(safe(f"  rule {body['rule_id']}  ATT&CK {', '.join(body['techniques']) or '-'}"))
    if body["cites"]:
        out.print(safe(f"  answers {', '.join(body['cites'])}"))
    if body["visit"]:
        out.print(f"  visit {body['visit']}")
    if body.get("count", 1) > 1:
        last = f", the last {local(body['end'])}" if body.get("end") else ""
        out.print(f"  {body['count']:,} times{last}")
    for one in body.get("also", ()):
        times = "" if one["count"] == 1 else f", {one['count']:,} times"
        words = f"also told by {one['title']} ({one['severity']}{times})  {one['kind']} {one['rule_id']}"
        out.print(indented(words, "  ", hang="  "))
    _what_held(body.get("matched", ()))
    out.print(Text("  Evidence", style="bold"))
    for item in evidence[:EVIDENCE_SHOWN]:
        out.print(safe(f"    {local(item['time'])}  {item['said']}", limit=300))
        place = f"record {item['record']} of segment {item['segment'][:16]}, leaf {item['leaf']}"
        out.print(safe(f"      {place}", "dim"))
    if len(evidence) > EVIDENCE_SHOWN:
        out.print(
            f"    ... and {len(evidence) - EVIDENCE_SHOWN} more (--json has all, with their text)",
            style="dim",
        )
    if evidence:
        out.print(Text("  The first record, as it was sealed", style="bold"))
        out.print(indented(visible(evidence[0]["text"], 1500), "    ", "dim"))


def _what_held(matched: Sequence[Mapping[str, Any]]) -> None:
    if not matched:
        return
    out, tests = console(), by_value(matched)
    out.print(Text("  What held, of the first of them", style="bold"))
    for words in tests[:TESTS_SHOWN]:
        out.print(indented(words, "    ", hang="  "))
    if len(tests) > TESTS_SHOWN:
        out.print(f"    ... and {len(tests) - TESTS_SHOWN} more (--json has all)", style="dim")


def by_value(matched: Sequence[Mapping[str, Any]]) -> list[str]:
    """The tests that held, one line a field and value: a value is said once, however many tests it met."""
    tests: dict[tuple[str, str | None], list[str]] = {}
    for one in matched:
        told = tests.setdefault((one["field"], one["value"]), [])
        if (test := visible(one["test"], 160)) not in told:
            told.append(test)
    return [
        f"{visible(field, 160) or 'a value'} {', '.join(words)}: {'absent' if value is None else visible(value, 300)}"
        for (field, value), words in tests.items()
    ]


def held_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Hits that exceptions hold back, by exception, rule and host."""
    out = console()
    if not rows:
        out.print("No exception holds anything back.")
        return
    for row in rows:
        host = row["host"] or "an unnamed host"
        out.print(safe(f"{row['count']:,} of {row['title']} on {host}", limit=200))
        why = f"{row['reason']} ({row['by']}, until {row['until']}; {row['path']}:{row['line']})"
        out.print(indented(why, "  ", "dim"))
    total = sum(row["count"] for row in rows)
    out.print(f"{counted(total, 'hit')} {'is' if total == 1 else 'are'} held back.")
