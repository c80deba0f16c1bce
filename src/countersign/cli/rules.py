"""`countersign rules`: what is looked for in the events."""

from __future__ import annotations

import click

from countersign.cli.options import LEVELS, json_option, lines, workspace_of

STATES = click.Choice(["active", "waiting", "no source", "unsupported", "broken"])


@click.group()
def rules() -> None:
    """Detection rules (Sigma)."""


@rules.command("list")
@click.option(
    "--state", "states", type=STATES, multiple=True, help="Only these; may be given more than once."
)
@click.option("--level", "levels", type=LEVELS, multiple=True, help="Only these levels.")
@click.option("--source", help="Only those of an import, of `countersign` or of the `workspace` itself.")
@click.option("--search", metavar="TEXT", help="Only those with TEXT in title, path or reason.")
@json_option
@click.pass_context
def rules_list(
    ctx: click.Context,
    states: tuple[str, ...],
    levels: tuple[str, ...],
    source: str | None,
    search: str | None,
    *,
    as_json: bool,
) -> None:
    """Each rule: active, waiting for a source that this workspace does not have, or why not."""
    from countersign.app.rulelist import listed
    from countersign.cli.show_rules import rule_table

    wanted = (search or "").casefold()
    rows = [
        row
        for row in listed(workspace_of(ctx))
        if (not states or row.state in states)
        and (not levels or row.level in levels)
        and (source is None or row.source == source)
        and wanted in f"{row.title}\n{row.path}\n{row.reason}".casefold()
    ]
    if as_json:
        lines(row.document() for row in rows)
    else:
        rule_table(rows)
