"""Log families in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from countersign.cli.text import console, indented, plain_table, safe
from countersign.model.visible import counted, size

if TYPE_CHECKING:
    from countersign.app.own_test import MappingTried
    from countersign.app.sources import Listed, Record, Understood, UnknownFile

REASONS_SHOWN = 10
VALUE_SHOWN = 60
DIFFERENCES_SHOWN = 20
TEXT_SHOWN = 400


def source_table(rows: Sequence[Listed]) -> None:
    """One line a family."""
    out = console()
    table = plain_table(
        "family", "what it is", "framing", "status", "records here", whole=("framing", "status")
    )
    for row in rows:
        count = "" if row.records is None else f"{row.records:,}" if row.records else "-"
        if row.rejected:
            count += f" ({row.rejected:,} rejected)"
        table.add_row(safe(row.source.name), safe(row.source.title), row.source.framing, row.status, count)
    out.print(table)
    here = sum(bool(row.records) for row in rows)
    known = any(row.records is not None for row in rows)
    out.print(f"{len(rows)} families" + (f", {here} of them in this workspace." if known else "."))


def unknown_table(rows: Sequence[UnknownFile]) -> None:
    """Two lines a file."""
    out = console()
    if not rows:
        out.print("No file of an unknown format is kept.")
        return
    for row in rows:
        origin = f" from {row.origin}" if row.origin else ""
        out.print(safe(f"{row.path}{origin} ({size(row.size)})", limit=300))
        out.print(indented(row.begins, "  ", "dim"))
    out.print(
        f"{counted(len(rows), 'file')} of no known format, sealed. Describe them in sources/NAME.yaml (docs/custom-sources.md):"
        " the next collect reads them."
    )


def understood(found: Understood) -> None:
    """One file, and a record of it."""
    out = console()
    out.print(safe(found.path, "bold", 300))
    if found.family is None:
        out.print(indented(f"not recognised: {found.why}", "  ", "yellow"))
        return
    out.print(indented(f"{found.family.title} ({found.family.name})", "  "))
    header = f", {found.header} header lines" if found.header else ""
    out.print(indented(f"framing {found.family.framing}, {found.encoding}{header}", "  "))
    if found.also:
        out.print(indented(f"would also be taken by: {', '.join(found.also)}", "  ", "dim"))
    out.print(
        indented(f"{found.records:,} records: {found.events:,} events, {found.rejected:,} rejected", "  ")
    )
    for reason, (count, first) in list(found.reasons.items())[:REASONS_SHOWN]:
        out.print(indented(f"rejected {count:,}: {reason} (first: record {first:,})", "  ", "yellow"))
    if len(found.reasons) > REASONS_SHOWN:
        out.print(f"  ... and {len(found.reasons) - REASONS_SHOWN} more reasons (--json)", style="dim")
    for record in found.shown:
        _record(record)


def _record(record: Record) -> None:
    out = console()
    out.print(safe(f"Record {record.number:,}", "bold"))
    if record.reason:
        out.print(indented(f"rejected: {record.reason}", "  ", "yellow"))
        out.print(safe(record.text, "dim", TEXT_SHOWN))
        return
    out.print(indented(f"time {record.time}", "  "))
    table = plain_table("source field", "value", "column")
    for one in record.fields:
        if one.columns or one.decides:
            columns = ", ".join([*one.columns, *(["(decides the kind)"] if one.decides else [])])
            table.add_row(safe(one.field, limit=120), safe(one.value, limit=VALUE_SHOWN), safe(columns))
    if table.row_count:
        out.print(table)
    kept = [one for one in record.fields if not one.columns and not one.decides]
    if kept:
        names = ", ".join(one.field for one in kept)
        out.print(indented(f"kept as it is, in unmapped or its own column: {names}", "  ", "dim"))
    if record.derived:
        said = ", ".join(f"{name} = {value}" for name, value in record.derived.items())
        out.print(indented(f"from no single field: {said}", "  ", "dim"))


def mapping_tried(result: MappingTried) -> None:
    """What a mapping made of its sample."""
    out = console()
    out.print(safe(f"{result.name} on {result.sample}", "bold", 300))
    if not result.recognised:
        out.print("  the sample is not recognised: its first records do not match", style="yellow")
    if result.also:
        out.print(indented(f"without the mapping it would be: {', '.join(result.also)}", "  ", "dim"))
    out.print(
        indented(
            f"{result.events:,} events, {result.rejected:,} rejected, {result.undated:,} without a time", "  "
        )
    )
    for column, count in result.filled.items():
        out.print(indented(f"{column}: {count:,}", "    ", "dim"))
    for line in result.differences[:DIFFERENCES_SHOWN]:
        out.print(safe(line, "yellow", TEXT_SHOWN))
    words = {
        "written": f"kept as expected in {result.expected}",
        "same": "the same as expected",
        "differs": f"differs from {result.expected} (--update keeps what comes out now)",
    }
    out.print(indented(words[result.outcome], "  ", "green" if result.outcome != "differs" else "red"))
