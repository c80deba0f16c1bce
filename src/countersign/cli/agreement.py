"""`countersign agreement`: what was agreed with each provider."""

from __future__ import annotations

from pathlib import Path

import click

from countersign.cli.options import workspace_of


@click.group()
def agreement() -> None:
    """What was agreed with each provider."""


@agreement.command("check")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.pass_context
def agreement_check(ctx: click.Context, files: tuple[Path, ...]) -> int:
    """Check agreement files: those named, else all of the workspace."""
    from countersign.app.agreements import check

    good, problems = check(files or [workspace_of(ctx).agreements])
    for line in good:
        click.echo(line)
    for problem in problems:
        click.echo(problem.diagnostics(), err=True)
    return 2 if problems else 0


@agreement.command("schema")
def agreement_schema() -> None:
    """The JSON Schema of agreement files, for editors."""
    from countersign.app.agreements import schema_text

    click.echo(schema_text())
