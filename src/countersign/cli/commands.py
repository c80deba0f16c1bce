"""The commands, in the order of a working day."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from countersign import __version__
from countersign.cli.agreement import agreement
from countersign.cli.doctor import doctor
from countersign.cli.evaluate import evaluate
from countersign.cli.indicators import indicators
from countersign.cli.ledger import ledger
from countersign.cli.options import (
    LEVELS,
    json_option,
    lines,
    since_option,
    span,
    until_option,
    workspace_of,
)
from countersign.cli.rules import rules
from countersign.cli.simulator import demo, range_
from countersign.cli.sources import source

if TYPE_CHECKING:
    from countersign.app.collect import Summary
    from countersign.app.review import Reviewed
    from countersign.app.workspace import Workspace

EXIT_CODES = """
Exit codes: 0 fine; 1 ran, and something needs a person (--fail-on); 2 bad input or use; 3 evidence does not verify.
"""


@click.group(
    epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option(
    "-C",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The workspace; else the nearest upward.",
)
@click.version_option(__version__, prog_name="countersign")
@click.pass_context
def program(ctx: click.Context, folder: Path | None) -> None:
    """Countersign: every visit of your providers, from your own logs, held to what was agreed."""
    ctx.obj = folder


@program.command()
@click.argument("directory", type=click.Path(path_type=Path))
def init(directory: Path) -> None:
    """Make a workspace: settings, agreements, an empty lake, archive and ledger."""
    from countersign.app.workspace import Workspace

    others = sum(1 for _ in directory.iterdir()) if directory.is_dir() else 0
    workspace = Workspace.create(directory)
    click.echo(f"Made a workspace in {workspace.root}")
    if others:
        click.echo(
            "The folder was not empty: what was there stays, and collect passes over this folder, logs in it too."
        )
    click.echo(f"Next: countersign -C {directory} collect PATH...   (logs, folders, archives)")


@program.command()
@click.argument("paths", nargs=-1, required=True)
@click.option("--origin", help="Label of where these logs come from, such as a site.")
@click.option("--zone", help="IANA time zone of clock texts that name none.")
@json_option
@click.pass_context
def collect(
    ctx: click.Context, paths: tuple[str, ...], origin: str | None, zone: str | None, *, as_json: bool
) -> int:
    """Seal, read and store logs: files, folders, zip, gz, tar, or - for stdin."""
    from countersign.app.collect import collect as run
    from countersign.cli.progress import bar
    from countersign.cli.show import collected

    workspace = workspace_of(ctx)
    with bar("collecting", quiet=as_json) as progress:

        def step(done: int, total: int, records: int) -> None:
            del records
            if progress is not None:
                progress(done, total or None)

        summary = run(workspace, paths, origin=origin, zone=zone, progress=step)
    if as_json:
        lines([summary.to_json()])
    else:
        collected(summary)
    return _exit_of(summary)


def _exit_of(summary: Summary) -> int:
    """0 while anything could be read; 2 if nothing could, or not everything was."""
    could = any(file.status in {"read", "known", "empty", "damaged"} for file in summary.files)
    return 0 if (could or not summary.files) and not summary.stopped else 2


@program.command()
@click.option("--all", "everything", is_flag=True, help="Everything anew, not only what new records touch.")
@click.option(
    "--visits-only", is_flag=True, help="Visits and verdicts; rules and indicators wait for the next review."
)
@json_option
@click.pass_context
def review(ctx: click.Context, *, everything: bool, visits_only: bool, as_json: bool) -> int:
    """Work out visits, verdicts and findings for what is new. Exit code 2 if an agreement had to be left out."""
    from countersign.app.review import review as run
    from countersign.cli.progress import bar
    from countersign.cli.show import reviewed

    workspace = workspace_of(ctx)
    with bar("reviewing", quiet=as_json, unit="events") as progress:
        result = run(workspace, everything=everything, visits_only=visits_only, progress=progress)
    if as_json:
        lines([result.document()])
        _say_why(result)
    else:
        reviewed(result)
    return 2 if result.left_out else 0


def _say_why(result: Reviewed) -> None:
    """On stderr too, for who runs it without reading the document: an exit code is never without words."""
    from countersign.model.visible import visible

    for note in result.notes if result.left_out else ():
        click.echo("countersign: " + "\n".join(map(visible, note.splitlines())), err=True)


@program.command()
@since_option
@until_option
@click.option("--provider", help="Only this provider's.")
@json_option
@click.pass_context
def visits(
    ctx: click.Context, since: str | None, until: str | None, provider: str | None, *, as_json: bool
) -> None:
    """Who came: one line a visit."""
    from countersign.app.results import Results
    from countersign.cli.show import visit_table

    results = Results.open(workspace_of(ctx))
    bodies = results.visits(*span(since, until), provider)
    if as_json:
        lines(bodies)
    else:
        visit_table(bodies, results, filtered=any((since, until, provider)))


@program.command()
@click.argument("visit_id", metavar="ID")
@json_option
@click.pass_context
def visit(ctx: click.Context, visit_id: str, *, as_json: bool) -> None:
    """One visit as a tree, with times, credentials, tools and verdicts. The start of an ID is enough."""
    from countersign.app.results import Results
    from countersign.cli.show_visit import visit_tree

    results = Results.open(workspace_of(ctx))
    body = results.visit(visit_id)
    if as_json:
        lines([body])
    else:
        visit_tree(body, results.findings_of(body))


@program.command()
@since_option
@until_option
@click.option(
    "--fail-on", "level", type=LEVELS, help="Exit with 1 if there is one of this severity or above."
)
@click.option(
    "--scope",
    type=click.Choice(["provider", "estate", "all"]),
    default="all",
    show_default=True,
    help="Those in providers' visits, or those elsewhere in the estate.",
)
@click.option(
    "--held", is_flag=True, help="The hits that exceptions hold back, and why, instead of findings."
)
@click.option("--ocsf", "as_ocsf", is_flag=True, help="OCSF events of class 2003 and 2004, one a line.")
@json_option
@click.pass_context
def findings(
    ctx: click.Context,
    since: str | None,
    until: str | None,
    level: str | None,
    scope: Literal["provider", "estate", "all"],
    *,
    held: bool,
    as_ocsf: bool,
    as_json: bool,
) -> int:
    """What is wrong, most severe first."""
    from countersign.app.documents import finding_from, ocsf
    from countersign.app.results import Results
    from countersign.cli.show_findings import finding_table

    if held:
        return _held(workspace_of(ctx), as_json=as_json)
    results = Results.open(workspace_of(ctx))
    bodies = results.findings(*span(since, until), None if scope == "all" else scope)
    if as_ocsf:
        lines(ocsf(finding_from(body)) for body in bodies)
    elif as_json:
        lines(bodies)
    else:
        finding_table(bodies)
    return 1 if level is not None and results.any_at_least(bodies, level) else 0


def _held(workspace: Workspace, *, as_json: bool) -> int:
    from countersign.app.holding import held_hits
    from countersign.app.workspace import now
    from countersign.cli.show_findings import held_table

    rows = held_hits(workspace, now())
    if as_json:
        lines(rows)
    else:
        held_table(rows)
    return 0


@program.command()
@click.argument("finding_id", metavar="ID")
@json_option
@click.pass_context
def finding(ctx: click.Context, finding_id: str, *, as_json: bool) -> None:
    """What is wrong, why, and the evidence. The start of an ID is enough."""
    from countersign.app.results import Results
    from countersign.cli.show_findings import finding_page

    results = Results.open(workspace_of(ctx))
    body = results.finding(finding_id)
    if as_json:
        lines([body])
    else:
        finding_page(body, results.evidence(body))


@program.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("report.html"),
    show_default=True,
    help="The file; - is stdout.",
)
@since_option
@until_option
@click.pass_context
def report(ctx: click.Context, output: Path, since: str | None, until: str | None) -> None:
    """One page for the contract owner: visits, verdicts, findings, and what could not be seen."""
    from countersign.app.report import report_model, write_report
    from countersign.web import render_report

    if str(output) == "-":
        click.echo(render_report(report_model(workspace_of(ctx), *span(since, until))))
        return
    write_report(workspace_of(ctx), output, render_report, *span(since, until))
    click.echo(f"Wrote {output}")


@program.command()
@click.argument("inbox", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The report; else report.html in the workspace."
)
@click.option(
    "--fail-on", "level", type=LEVELS, help="Exit with 1 if there is a new one of this severity or above."
)
@json_option
@click.pass_context
def daily(ctx: click.Context, inbox: Path, output: Path | None, level: str | None, *, as_json: bool) -> int:
    """Collect what is new in a folder, review it, write a ten-line digest and the report.

    Exit code 2 if not everything could be collected or an agreement had to be left out.
    """
    from countersign.app.daily import daily as run
    from countersign.app.results import Results
    from countersign.web import render_report

    digest = run(workspace_of(ctx), inbox, render_report, output)
    if as_json:
        lines([digest.document()])
        _say_why(digest.reviewed)
    else:
        for line in digest.lines():
            click.echo(line)
    if digest.collected.stopped or digest.reviewed.left_out:
        return 2
    return 1 if level is not None and Results.any_at_least(digest.new_findings, level) else 0


@program.command()
@click.option("--groups", "only_groups", is_flag=True, help="Only the kinds of outsiders, a line each.")
@click.option(
    "--draft",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Write a draft agreement for each group into this folder, a file each.",
)
@json_option
@click.pass_context
def discover(ctx: click.Context, *, only_groups: bool, folder: Path | None, as_json: bool) -> None:
    """Who came from outside: accounts by gateway and origin, to write an agreement from.

    Groups are partner tenants, guests, roles across accounts, VPN groups, vendors' names, groups of remote access, outsiders' rights,
    remote support, vendors' software, accounts that only come from outside, and those that no longer do; by the logs and by collected
    exports of Active Directory and Entra ID.
    """
    from countersign.app.discover import discover as run
    from countersign.app.discover import discover_groups, draft
    from countersign.cli.show_outsiders import outsider_groups, outsiders, what_next

    workspace = workspace_of(ctx)
    groups = discover_groups(workspace) if only_groups or folder or not as_json else []
    drafts = [] if folder is None else draft(groups, folder)
    if as_json:
        lines(one.document() for one in (groups if only_groups else run(workspace)))
        return
    found = [] if only_groups else run(workspace)
    outsider_groups(groups)
    outsiders(found)
    if folder is None:
        what_next(found, groups)
    elif drafts:
        click.echo(f"Wrote {len(drafts)} drafts into {folder}")
        click.echo("Finish them, take `draft` out and put them into agreements/, then: countersign review")
    else:
        click.echo(f"No new drafts: what is in {folder} stays as it is")


@program.command()
@json_option
@click.pass_context
def rejected(ctx: click.Context, *, as_json: bool) -> None:
    """Records that could not be understood: how many, why, and where one of them is."""
    from countersign.app.results import Results
    from countersign.app.sources import unknown_files
    from countersign.cli.show import rejected_table

    workspace = workspace_of(ctx)
    rows = Results.open(workspace).rejected()
    if as_json:
        lines(rows)
        return
    rejected_table(rows)
    if count := len(unknown_files(workspace)):
        click.echo(f"Files of no known format that are kept: {count:,} (countersign source unknown)")


for group in (agreement, rules, indicators, source, doctor, ledger, range_, evaluate, demo):
    program.add_command(group)
