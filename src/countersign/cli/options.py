"""What several commands share: options, the workspace, times that a person typed, JSON Lines."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from countersign.app.workspace import Workspace

LEVELS = click.Choice(["informational", "low", "medium", "high", "critical"])
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
since_option = click.option(
    "--since",
    metavar="TIME",
    help="What was there at or after this time or day (2026-03-02, 2026-03-02T08:00, local time).",
)
until_option = click.option(
    "--until", metavar="TIME", help="What began before this time or day (local time)."
)


def workspace_of(ctx: click.Context) -> Workspace:
    """The workspace that `-C` names, else the nearest upward."""
    from countersign.app.workspace import Workspace

    return Workspace.find(ctx.obj)


def moment(text: str | None) -> datetime | None:
    """A time that a person typed, in the local zone where it names none."""
    from countersign.errors import UsageError

    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{text!r} is no time\n  remedy: write 2026-03-02 or 2026-03-02T08:00+01:00"
        ) from error


def span(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """Two times that a person typed, the first before the second."""
    from countersign.errors import UsageError

    first, last = moment(since), moment(until)
    if first is not None and last is not None and first >= last:
        raise UsageError(f"--since {since} is not before --until {until}: nothing lies between them")
    return first, last


def lines(documents: Iterable[Any]) -> None:
    """Print each document as one line of JSON."""
    import orjson

    for document in documents:
        sys.stdout.buffer.write(orjson.dumps(document) + b"\n")
    sys.stdout.flush()
