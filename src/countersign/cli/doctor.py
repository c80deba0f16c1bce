"""`countersign doctor`: what is missing, and what to do about it."""

from __future__ import annotations

import click

from countersign.cli.options import json_option, lines, workspace_of


@click.group()
def doctor() -> None:
    """What is missing, and what to do about it."""


@doctor.command("sources")
@click.option("--how", is_flag=True, help="With the settings that switch each source on.")
@json_option
@click.pass_context
def doctor_sources(ctx: click.Context, *, how: bool, as_json: bool) -> None:
    """What to switch on, by the clauses and hops it would have shown; and what each source at hand still holds.

    Of each source at hand: its last record, days without one, and when the origin will have overwritten what was not
    collected, where that can be told.
    """
    from countersign.app.doctor import diagnose
    from countersign.cli.show_doctor import diagnosis

    found = diagnose(workspace_of(ctx))
    if as_json:
        lines([found.document()])
    else:
        diagnosis(found, how=how)


@doctor.command("clocks")
@json_option
@click.pass_context
def doctor_clocks(ctx: click.Context, *, as_json: bool) -> None:
    """Whose clock is off, from arrivals that two recorders saw, the worst first."""
    from countersign.app.clocks import clocks
    from countersign.cli.show_clocks import clock_table

    found = clocks(workspace_of(ctx))
    if as_json:
        lines(one.document() for one in found)
    else:
        clock_table(found)
