"""Who came from outside, in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import click
from rich.text import Text

from countersign.cli.text import console, local, plain_table, safe
from countersign.model.visible import counted

if TYPE_CHECKING:
    from countersign.app.discover import Outsider, OutsiderGroup

GROUPS_SHOWN = 6
"""Of each kind."""
ACCOUNTS_SHOWN = 60
GUESTS = "guests"
"""The kind of which there is one line, however many mail domains there are."""
NAMES_SHOWN = 3


def outsiders(found: Sequence[Outsider]) -> None:
    """Who came from outside, an account and address a line; guests are one line, and so is who comes from what is likely the house's own
    address."""
    out = console()
    if not found:
        return
    out.print()
    out.print("Accounts:", style="bold")
    listed = [item for item in found if not item.guest and not item.house]
    table = plain_table("account", "from", "to", "by", "times", "first", "last", "provider")
    for item in listed[:ACCOUNTS_SHOWN]:
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
    if listed:
        out.print(table)
    if len(listed) > ACCOUNTS_SHOWN:
        out.print(f"... and {len(listed) - ACCOUNTS_SHOWN:,} more; --json lists them all")
    guests = [item for item in found if item.guest]
    if guests:
        out.print(f"Guests of your tenant: {_sum_of(guests)}; --json lists them")
    for address in sorted({item.source for item in found if item.house}):
        own = [item for item in found if item.house and item.source == address]
        out.print(safe(f"Likely your own network, {address}: {_sum_of(own)}; --json lists them"))


def _sum_of(items: Sequence[Outsider]) -> str:
    accounts = {item.account for item in items}
    return f"{counted(len(accounts), 'account')}, {counted(sum(item.times for item in items), 'arrival')}"


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
    table = plain_table("kind", "what they share", "accounts", "times", "last", "for example", "provider")
    shown = []
    for kind, group in groupby(found, key=lambda one: one.kind):
        members = list(group)
        if kind == GUESTS and len(members) > 1:
            table.add_row(*_guest_row(members))
            shown += members[:GROUPS_SHOWN]
            continue
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


def _guest_row(members: Sequence[OutsiderGroup]) -> tuple[str | Text, ...]:
    """All guests in one line, with the greatest mail domains."""
    most = sorted(members, key=lambda one: (-one.accounts, one.name))[:NAMES_SHOWN]
    last = max(one.last for one in members)
    providers = {one.provider for one in members}
    return (
        GUESTS,
        f"{len(members):,} mail domains (--groups --json)",
        f"{sum(one.accounts for one in members):,}",
        f"{sum(one.times for one in members):,}",
        safe(local(last)[:10]) if last else "",
        safe(", ".join(f"{one.name} {one.accounts:,}" for one in most), limit=60),
        safe(providers.pop() if len(providers) == 1 else ""),
    )
