"""Who came from outside, in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import click

from countersign.cli.text import console, local, plain_table, safe

if TYPE_CHECKING:
    from countersign.app.discover import Outsider, OutsiderGroup

GROUPS_SHOWN = 6
"""Of each kind."""
NAMES_SHOWN = 3


def outsiders(found: Sequence[Outsider]) -> None:
    """Who came from outside."""
    out = console()
    if not found:
        return
    table = plain_table("account", "from", "to", "by", "times", "first", "last", "provider")
    for item in found[:60]:
        table.add_row(
            safe(item.account, limit=32),
            safe(item.source),
            safe(item.target),
            item.protocol,
            f"{item.times:,}",
            safe(local(item.first)[:10]),
            safe(local(item.last)[:10]),
            safe(item.provider),
        )
    out.print(table)
    if len(found) > 60:
        out.print(f"... and {len(found) - 60} more; --json lists them all")


def what_next(found: Sequence[Outsider], groups: Sequence[OutsiderGroup]) -> None:
    """What to do about those whom no agreement names, or where nobody came."""
    if not found and not groups:
        click.echo(
            "Nobody came from outside, as far as what was collected tells (countersign collect PATH... reads more)."
        )
    elif not all(item.provider for item in found) or not all(one.provider for one in groups):
        click.echo(
            "Write an agreement for each provider in agreements/ (example.yaml shows how), then: countersign review\n"
            "`countersign discover --draft FOLDER` writes a first one of each group."
        )


def outsider_groups(found: Sequence[OutsiderGroup]) -> None:
    """Kinds of outsiders, a line each; many of one kind are cut short. What directories tell of them stands below."""
    if not found:
        return
    out = console()
    out.print()
    table = plain_table("kind", "what they share", "accounts", "times", "last", "for example", "provider")
    shown = []
    for kind, group in groupby(found, key=lambda one: one.kind):
        members = list(group)
        for one in members[:GROUPS_SHOWN]:
            shown.append(one)
            table.add_row(
                one.kind,
                safe(one.name, limit=36),
                f"{one.accounts:,}",
                f"{one.times:,}",
                safe(local(one.last)[:10]) if one.last else "",
                safe(", ".join(one.names[:NAMES_SHOWN]), limit=40),
                safe(one.provider),
            )
        rest = members[GROUPS_SHOWN:]
        if rest:
            accounts, times = sum(one.accounts for one in rest), sum(one.times for one in rest)
            table.add_row(kind, f"{len(rest):,} more", f"{accounts:,}", f"{times:,}", "", "", "")
    out.print(table)
    told = [one for one in shown if one.why]
    if told:
        out.print()
        out.print("What exported directories tell of them:")
    for one in told:
        listed = "all" if one.listed == one.accounts else f"{one.listed:,} of {one.accounts:,}"
        out.print(safe(f"  {one.kind} {one.name} ({listed} listed), {one.why}", limit=400))
