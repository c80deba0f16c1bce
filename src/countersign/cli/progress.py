"""Progress bars: on long work, on a terminal, never in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[int, int | None], None]
"""Called with what is done and what there is in all (None while unknown), both in the same unit."""


@contextmanager
def bar(title: str, *, quiet: bool = False, unit: str = "") -> Iterator[Progress | None]:
    """A bar with remaining time on stderr; None where stderr is no terminal or `quiet` is asked.

    What is told is bytes, and shown with their rate, unless a `unit` names what is counted.
    """
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as RichProgress

    console = Console(stderr=True)
    amounts = (MofNCompleteColumn(), TextColumn(unit)) if unit else (DownloadColumn(), TransferSpeedColumn())
    columns = (TextColumn("{task.description}"), BarColumn(), *amounts, TimeRemainingColumn())
    with RichProgress(*columns, console=console, transient=True) as live:
        task = live.add_task(title, total=None)

        def step(done: int, total: int | None) -> None:
            live.update(task, completed=done, total=total)

        yield step
