"""`countersign evaluate`: the product held against the truth of a generated range."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from countersign.cli.options import json_option, lines

if TYPE_CHECKING:
    from countersign.evaluate import Score


@click.group()
def evaluate() -> None:
    """The product held against the truth of a generated range."""


@evaluate.command("visits")
@click.option(
    "--range",
    "made",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="What `countersign range generate` wrote.",
)
@click.option(
    "--misses", type=click.IntRange(0, 1000), default=5, show_default=True, help="How many of each kind."
)
@click.option("--visits-only", is_flag=True, help="Match no rules: what is scored are visits.")
@click.option("--collected", is_flag=True, help="The workspace of -C has the range's logs: collect nothing.")
@click.option(
    "--base",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Of a campaign: where the range is that it was laid over, if not where it was then.",
)
@click.option(
    "--copy",
    "keep",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Of a campaign: the copy of its base's workspace that it is collected into, kept. Temporary without.",
)
@json_option
@click.pass_context
def evaluate_visits(
    ctx: click.Context,
    made: Path,
    misses: int,
    base: Path | None,
    keep: Path | None,
    *,
    visits_only: bool,
    collected: bool,
    as_json: bool,
) -> None:
    """Collect and review a range in a temporary workspace (or the one of -C), and compare its visits with truth/.

    A campaign, as `countersign range attack` wrote it, goes into a copy of the workspace of its base, which is that of -C.
    """
    from countersign.evaluate import evaluate_visits as run

    score = run(made, ctx.obj, misses, visits_only=visits_only, collected=collected, base=base, keep=keep)
    if as_json:
        lines([score.document()])
    else:
        _show(score)


def _show(score: Score) -> None:
    from countersign.cli.text import console, indented, plain_table

    out = console()
    table = plain_table("figure", "count", "share", "of")
    proven = score.links.get("proven")
    for name, whole, of in (
        ("hops", None, ""),
        ("lost_whole", score.hops + score.lost_whole, "hops of the truth"),
        ("hops_in_visit", score.hops, "hops"),
        ("hops_wrong_visit", score.hops, "hops"),
        ("wrong_said_ambiguous", score.hops_wrong_visit, "hops_wrong_visit"),
        ("hops_merged", score.hops_in_visit, "hops_in_visit"),
        ("hops_made", None, ""),
        ("parts_elsewhere", score.hops_made, "hops_made"),
        ("false_proven", proven.judged if proven else 0, "proven links judged"),
        ("ambiguous", score.hops_made, "hops_made"),
        ("ambiguous_top3", score.ambiguous_judged, "ambiguous ones judged"),
        ("actions_in_hop", score.actions, "actions"),
        ("actions_elsewhere", score.actions_made, "actions_made"),
        ("visits", None, ""),
        ("visits_made", None, ""),
        ("visits_wrong_person", score.visits_paired, "visits_paired"),
    ):
        count = getattr(score, name)
        share = f"{count / whole:.2%}" if whole else ""
        table.add_row(name, f"{count:,}", share, "" if whole is None else f"{whole:,} {of}")
    table.add_row("seconds", f"{score.seconds:,.1f}", "", "")
    table.add_row("stitch_seconds", f"{score.stitch_seconds:,.1f}", "", "")
    table.add_row("peak_mb", "unknown" if score.peak_mb is None else f"{score.peak_mb:,.0f}", "", "")
    for name, figure in (score.campaign or {}).items():
        table.add_row(f"campaign {name}", f"{figure:,}" if isinstance(figure, int) else str(figure), "", "")
    out.print(table)
    protocols = plain_table("protocol", "hops", "in a visit", "wrong visit", "lost whole")
    for name, counts in sorted(score.protocols.items()):
        figures = (counts.hops, counts.in_visit, counts.wrong_visit, counts.lost_whole)
        protocols.add_row(name, *(f"{figure:,}" for figure in figures))
    out.print(protocols)
    for miss in score.misses:
        out.print(indented(f"{miss.kind}: hop {miss.hop} ({miss.protocol}), {miss.words}", ""))
        out.print(indented(f"made: {miss.made}", "  "))
        for record in miss.records[:2]:
            out.print(indented(record, "  ", "dim"))
