"""`countersign rules`: what is looked for in the events."""

from __future__ import annotations

import click

from countersign.cli.options import json_option, lines, workspace_of


@click.group()
def rules() -> None:
    """Detection rules (Sigma)."""


@rules.command("list")
@json_option
@click.pass_context
def rules_list(ctx: click.Context, *, as_json: bool) -> None:
    """Each rule: active, or why not."""
    from countersign.app.ruleset import status
    from countersign.cli.show_rules import rule_table

    rows = status(workspace_of(ctx))
    if as_json:
        lines(rows)
    else:
        rule_table(rows)
