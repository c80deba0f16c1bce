"""How anything is said in a terminal: every string from a log made safe, times in the user's zone, 80 columns; and in a
pipe, where a row is a line however long."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from countersign.model.visible import visible

WIDTH = 80
"""Narrowest terminal that the tree is made for."""
PIPE_WIDTH = 100_000
"""Columns of what goes into a pipe, where nothing is broken over lines."""
SHORT_ID = 8
STYLES = {
    "critical": "bold red",
    "high": "bold red",
    "medium": "yellow",
    "low": "cyan",
    "informational": "dim",
    "broken": "bold red",
    "kept": "green",
    "not observed": "dim",
}


def console() -> Console:
    """Stdout: colours on a terminal only; in a pipe nothing is broken over lines."""
    width = PIPE_WIDTH if piped() else None
    return Console(width=width, highlight=False, markup=False, emoji=False)


def piped() -> bool:
    """Whether no person reads along, but a program or a file takes what is said."""
    return not sys.stdout.isatty()


def local(stamp: str | None) -> str:
    """A time in the user's zone, with its offset; words where it is unknown."""
    if stamp is None:
        return "unknown"
    moment = datetime.fromisoformat(stamp).astimezone()
    return moment.strftime("%Y-%m-%d %H:%M:%S %z")


def clock(stamp: str | None) -> str:
    """Time of day in the user's zone."""
    return "--:--:--" if stamp is None else datetime.fromisoformat(stamp).astimezone().strftime("%H:%M:%S")


def offset_of(stamp: str) -> str:
    """The zone's offset at that time, as `+0100`."""
    return datetime.fromisoformat(stamp).astimezone().strftime("%z")


def several_years(stamps: Iterable[str | None]) -> bool:
    """Whether times are of more than one year of the user's zone, so that the day alone would mislead."""
    return len({datetime.fromisoformat(stamp).astimezone().year for stamp in stamps if stamp}) > 1


def minute(stamp: str | None, offset: str, *, year: bool = False) -> str:
    """Day and minute in the user's zone; the offset stands beside it where it is not `offset` (summer time)."""
    if stamp is None:
        return "unknown"
    moment = datetime.fromisoformat(stamp).astimezone()
    own = moment.strftime("%z")
    return moment.strftime("%Y-%m-%d %H:%M" if year else "%m-%d %H:%M") + (f" {own}" if own != offset else "")


def brief(start: str | None, end: str | None) -> str:
    """How long something took, for a table; `?` where the logs do not say."""
    words = lasting(start, end)
    return (
        "?" if words in {"start unknown", "no end seen"} else words.replace(" h ", "h").replace(" min", "m")
    )


def lasting(start: str | None, end: str | None) -> str:
    """How long something took, in words."""
    if start is None or end is None:
        return "start unknown" if start is None else "no end seen"
    seconds = int((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())
    hours, minutes = divmod(seconds // 60, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min" if minutes else f"{seconds} s"


def plain_table(*columns: str, whole: Sequence[str] = ()) -> Table:
    """A plain table; the columns named in `whole` are never broken over lines."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in whole)
    return table


def safe(value: object, style: str = "", limit: int | None = None) -> Text:
    """A value from a log or a file, without what a terminal would obey."""
    return Text(visible(str(value), limit), style=style)


def indented(text: str, indent: str, style: str = "", hang: str = "") -> Text:
    """A paragraph of at most 80 columns, or of one line in a pipe."""
    import textwrap

    width = PIPE_WIDTH if piped() else WIDTH - 1
    found = textwrap.wrap(visible(text), width, initial_indent=indent, subsequent_indent=indent + hang)
    return Text("\n".join(found), style=style)
