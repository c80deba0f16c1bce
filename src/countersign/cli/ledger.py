"""`countersign ledger`: the evidence."""

from __future__ import annotations

import click

from countersign.cli.options import json_option, lines, workspace_of


@click.group()
def ledger() -> None:
    """The evidence: what was sealed, when, and that nobody changed it since."""


@ledger.command("verify")
@json_option
@click.pass_context
def ledger_verify(ctx: click.Context, *, as_json: bool) -> int:
    """Check every sealed byte against the ledger. Exit code 3 if anything differs."""
    from countersign.app.evidence import verify
    from countersign.cli.progress import bar
    from countersign.cli.show import verification

    workspace = workspace_of(ctx)
    with bar("verifying", quiet=as_json) as progress:
        outcome = verify(workspace, progress=progress)
    if as_json:
        lines([outcome.document()])
    else:
        verification(outcome)
    return 0 if outcome.sound else 3
