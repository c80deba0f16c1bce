"""`countersign rules`: what is looked for in the events."""

from __future__ import annotations

from pathlib import Path

import click

from countersign.cli.options import (
    LEVELS,
    json_option,
    lines,
    since_option,
    span,
    until_option,
    workspace_of,
)

STATES = click.Choice(
    ["active", "silent", "waiting", "no source", "unsupported", "broken", "filter", "exception"]
)


@click.group()
def rules() -> None:
    """Detection rules (Sigma)."""


@rules.command("import")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the import; else that of the file or folder.")
@json_option
@click.pass_context
def rules_import(ctx: click.Context, paths: tuple[Path, ...], name: str | None, *, as_json: bool) -> None:
    """Take over rules from a folder, a zip or a SigmaHQ release, and tell what changed since the last time.

    They lie in rules/NAME with a lock of their digests. Your own rules and exceptions are never touched.
    """
    from countersign.app.importing import import_rules
    from countersign.cli.show_rules import imported

    results = import_rules(workspace_of(ctx), paths, name)
    if as_json:
        lines(result.document() for result in results)
    else:
        for result in results:
            imported(result)


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
    """Each rule: active, silent because a correlation speaks for it, waiting for a log that is not here, or why not."""
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


@rules.command("test")
@click.argument("rule")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--record", "records", type=int, multiple=True, help="Only this record, counted from 1; may be repeated."
)
@json_option
@click.pass_context
def rules_test(ctx: click.Context, rule: str, file: Path, records: tuple[int, ...], *, as_json: bool) -> int:
    """Try RULE (a file, or the title or start of an id of one in the workspace) on a log, or on JSON objects.

    Shows which parts of the condition held, with the values. Exit code 0 if it fires, 1 if not.
    """
    from countersign.app.trying import try_rule
    from countersign.app.workspace import Workspace
    from countersign.cli.show_rules import tried
    from countersign.errors import WorkspaceError

    try:
        workspace: Workspace | None = workspace_of(ctx)
    except WorkspaceError:
        if ctx.obj is not None:
            raise
        workspace = None  # a rule's file can be tried anywhere
    trials = try_rule(workspace, rule, file, records)
    if as_json:
        lines(one.document() for trial in trials for one in trial.tried)
    else:
        for trial in trials:
            tried(trial)
    shown = {
        (trial.rule.id, record)
        for trial in trials
        for record in trial.fired
        if not records or record in records
    }
    return 0 if shown else 1


@rules.command("hunt")
@click.argument("names", nargs=-1, metavar="[RULE]...")
@click.option(
    "--rule",
    "files",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Rules that are not in the workspace: a file, a folder or a zip; may be repeated.",
)
@since_option
@until_option
@json_option
@click.pass_context
def rules_hunt(
    ctx: click.Context,
    names: tuple[str, ...],
    files: tuple[Path, ...],
    since: str | None,
    until: str | None,
    *,
    as_json: bool,
) -> None:
    """Run rules over the history, now: those named by title or the start of an id, else all.

    Nothing is kept of it. A rule that lies in the workspace is run over the history by the next review by itself. Exit
    code 2 if none of the rules asked for can run; a rule that has no log here is named, and finds nothing.
    """
    from countersign.app.hunting import hunt
    from countersign.cli.progress import bar
    from countersign.cli.show_rules import caught, not_run

    workspace = workspace_of(ctx)
    first, last = span(since, until)
    with bar("hunting", quiet=as_json, unit="events") as progress:
        result = hunt(workspace, names, files, since=first, until=last, progress=progress)
    for problem in result.problems:
        place = problem.path if problem.line is None else f"{problem.path}:{problem.line}"
        click.echo(f"{place}: {problem.reason}", err=True)
    for note in not_run(result):
        click.echo(note, err=True)
    if as_json:
        lines(one.document() for one in result.caught)
    else:
        caught(result)
