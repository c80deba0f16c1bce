"""`countersign indicators`: what others have seen, looked for in the events here."""

from __future__ import annotations

import os
from pathlib import Path

import click

from countersign.cli.options import json_option, lines, since_option, span, until_option, workspace_of

SHOWN = 200
"""Indicators of one source that a terminal is shown."""
STATES = click.Choice(["active", "low confidence", "not yet", "expired", "revoked", "refused"])
PASSWORD, TOKEN = "COUNTERSIGN_TAXII_PASSWORD", "COUNTERSIGN_TAXII_TOKEN"  # names of variables
_broad = click.option(
    "--allow-broad", is_flag=True, help="Match also what is too broad, such as private addresses."
)


@click.group()
def indicators() -> None:
    """Indicators of compromise: STIX, MISP, lists, TAXII."""


@indicators.command("import")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@click.option("--source", metavar="NAME", help="Name of the source; else that of each file or folder.")
@_broad
@json_option
@click.pass_context
def indicators_import(
    ctx: click.Context, paths: tuple[Path, ...], source: str | None, *, allow_broad: bool, as_json: bool
) -> None:
    """Read STIX bundles, MISP events and feeds, lists and CSV: files, folders, zips.

    A source that was imported before is replaced.
    """
    from countersign.app.indicators import import_
    from countersign.cli.progress import bar
    from countersign.cli.show_indicators import imported

    workspace = workspace_of(ctx)
    with bar("importing", quiet=as_json) as progress:
        results = import_(workspace, paths, source, allow_broad=allow_broad, progress=progress)
    if as_json:
        lines(result.document() for result in results)
    else:
        imported(results)


@indicators.command("pull")
@click.argument("url")
@click.option("--source", metavar="NAME", help="Name of the source; else the server's.")
@click.option("--user", default="", help=f"User name; the password is taken from {PASSWORD}, or asked for.")
@click.option("--added-after", metavar="TIME", help="Only what the server was given after this time (UTC).")
@click.option(
    "--all", "everything", is_flag=True, help="Everything anew, not only what came since the last pull."
)
@click.option("--insecure", is_flag=True, help="Allow http to another machine: neither secret nor genuine.")
@_broad
@json_option
@click.pass_context
def indicators_pull(
    ctx: click.Context,
    url: str,
    source: str | None,
    user: str,
    added_after: str | None,
    *,
    everything: bool,
    insecure: bool,
    allow_broad: bool,
    as_json: bool,
) -> None:
    """Pull from a TAXII 2.1 server: a collection, an API root or a discovery service.

    A token is taken from COUNTERSIGN_TAXII_TOKEN.
    """
    from countersign.app.indicators import pull
    from countersign.cli.progress import bar
    from countersign.cli.show_indicators import imported

    workspace = workspace_of(ctx)
    password = os.environ.get(PASSWORD, "")
    if user and not password:
        password = click.prompt("Password", hide_input=True, err=True)
    with bar("pulling", quiet=as_json, unit="objects") as progress:
        result = pull(
            workspace,
            url,
            source,
            user=user,
            password=password,
            token=os.environ.get(TOKEN, ""),
            added_after=added_after,
            everything=everything,
            insecure=insecure,
            allow_broad=allow_broad,
            progress=progress,
        )
    if as_json:
        lines([result.document()])
    else:
        imported([result])


@indicators.command("list")
@click.argument("source", required=False)
@click.option(
    "--state", "states", type=STATES, multiple=True, help="Only these; may be given more than once."
)
@json_option
@click.pass_context
def indicators_list(
    ctx: click.Context, source: str | None, states: tuple[str, ...], *, as_json: bool
) -> None:
    """The sources with the states of their indicators, or the indicators of one SOURCE."""
    from countersign.app.indicators import indicator_document, indicators_of, listed
    from countersign.app.workspace import now
    from countersign.cli.show_indicators import indicator_table, source_table
    from countersign.errors import UsageError

    workspace = workspace_of(ctx)
    if source is None:
        if states:
            raise UsageError("--state asks for a SOURCE\n  remedy: `countersign indicators list` names them")
        rows = listed(workspace)
        if as_json:
            lines(row.document() for row in rows)
        else:
            source_table(rows)
        return
    as_of = now()
    found = indicators_of(workspace, source, states, as_of)
    if as_json:
        lines(indicator_document(one, as_of) for one in found)
    else:
        indicator_table(found, as_of, SHOWN)


@indicators.command("hunt")
@since_option
@until_option
@click.option(
    "--source", "sources", metavar="NAME", multiple=True, help="Only this source's; may be repeated."
)
@click.option("--any-time", is_flag=True, help="Whatever the indicators' validity times say.")
@json_option
@click.pass_context
def indicators_hunt(
    ctx: click.Context,
    since: str | None,
    until: str | None,
    sources: tuple[str, ...],
    *,
    any_time: bool,
    as_json: bool,
) -> None:
    """Look for the indicators in the stored events. Nothing is kept of it; a review does that."""
    from countersign.app.indicator_hunt import hunt
    from countersign.cli.progress import bar
    from countersign.cli.show_indicators import hunted

    workspace = workspace_of(ctx)
    first, last = span(since, until)
    with bar("hunting", quiet=as_json, unit="events") as progress:
        found = hunt(
            workspace,
            since=first,
            until=last,
            sources=sources,
            any_time=any_time,
            progress=progress,
        )
    if as_json:
        lines(one.document() for one in found.sightings)
    else:
        hunted(found)
