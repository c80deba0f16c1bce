"""`countersign source`: which logs are read, and how."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from countersign.cli.options import json_option, lines, workspace_of

if TYPE_CHECKING:
    from countersign.app.workspace import Workspace


@click.group()
def source() -> None:
    """Log families: which there are, and how a file is read."""


@source.command("list")
@click.option("--here", is_flag=True, help="Only those of which this workspace has records.")
@json_option
@click.pass_context
def source_list(ctx: click.Context, *, here: bool, as_json: bool) -> None:
    """Each log family: how its bytes are framed, how sure it is, and how much of it this workspace has.

    Status: seen in a real log, documented by the vendor, or believed; own are the workspace's.
    """
    from countersign.app.sources import listed
    from countersign.cli.show_sources import source_table

    rows = [row for row in listed(workspace_or_none(ctx)) if not here or row.records]
    if as_json:
        lines(row.document() for row in rows)
    else:
        source_table(rows)


@source.command("unknown")
@json_option
@click.pass_context
def source_unknown(ctx: click.Context, *, as_json: bool) -> None:
    """Files of no known format: sealed, each with its first line, and read as soon as something knows them.

    A later version may, or a mapping in sources/ (docs/custom-sources.md); the next collect then reads them from the archive.
    """
    from countersign.app.sources import unknown_files
    from countersign.cli.show_sources import unknown_table

    rows = unknown_files(workspace_of(ctx))
    if as_json:
        lines(row.document() for row in rows)
    else:
        unknown_table(rows)


@source.command("explain")
@click.argument("file", metavar="FILE")
@click.option("--record", "number", type=click.IntRange(1), help="This record, counted from 1.")
@json_option
@click.pass_context
def source_explain(ctx: click.Context, file: str, number: int | None, *, as_json: bool) -> int:
    """How FILE is recognised and understood, field by field: a log, an archive, or one member (a.zip!b/c.log).

    Shows one record of each file: which source field became which column, what stayed as it is. Nothing is sealed or
    stored. Exit code 1 if no file was recognised.
    """
    from countersign.app.sources import explain
    from countersign.cli.show_sources import understood

    known = False
    for found in explain(workspace_or_none(ctx), file, number):
        known = known or found.family is not None
        if as_json:
            lines([found.document()])
        else:
            understood(found)
    return 0 if known else 1


@source.command("test")
@click.argument("mapping", type=click.Path(path_type=Path))
@click.argument("sample", required=False, type=click.Path(path_type=Path))
@click.option("--update", is_flag=True, help="Keep what comes out now as what is expected.")
@json_option
def source_test(mapping: Path, sample: Path | None, *, update: bool, as_json: bool) -> int:
    """Try a mapping (sources/NAME.yaml) on a sample: SAMPLE, or NAME.sample beside it.

    What comes out is kept beside the sample the first time (SAMPLE.expected.jsonl), and compared from then on. Exit code 1
    if it differs, if the sample is not recognised, or if no record of it is understood.
    """
    from countersign.app.own_test import try_mapping
    from countersign.cli.show_sources import mapping_tried

    result = try_mapping(mapping, sample, update=update)
    if as_json:
        lines([result.document()])
    else:
        mapping_tried(result)
    return 0 if result.good else 1


def workspace_or_none(ctx: click.Context) -> Workspace | None:
    """The workspace, None where there is none and none was named: a file can be looked at anywhere."""
    from countersign.errors import WorkspaceError

    try:
        return workspace_of(ctx)
    except WorkspaceError:
        if ctx.obj is not None:
            raise
        return None
