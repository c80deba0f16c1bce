"""`countersign range`: estates and intrusions with the truth beside them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click


@click.group("range")
def range_() -> None:
    """The simulator: an estate's logs with the truth beside them."""


@range_.command("generate")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="An empty or new folder."
)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option(
    "--processes", type=click.IntRange(1, 64), default=1, show_default=True, help="The bytes are the same."
)
@click.argument("spec", default="demo")
def range_generate(output: Path, seed: int, processes: int, spec: str) -> None:
    """Write logs, agreements and truth/ of an estate; SPEC is a file or one of demo, small, office, hospital."""
    from countersign.app.range import generate

    with _days() as progress:
        lines = generate(output, seed, spec, processes, progress)
    for line in lines:
        click.echo(line)


@contextmanager
def _days() -> Iterator[Callable[[int, int | None], None] | None]:
    """A bar of days on stderr, where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("days", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as live:
        task = live.add_task("days", total=None)
        yield lambda done, total: live.update(task, completed=done, total=total)


@range_.command("attack")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="An empty or new folder."
)
@click.option(
    "--care", type=click.IntRange(0, 3), default=1, show_default=True, help="From noisy to in character."
)
@click.option(
    "--number",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Another campaign of this scenario.",
)
@click.argument("base", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("scenario")
def range_attack(output: Path, care: int, number: int, base: Path, scenario: str) -> None:
    """Write the files of the range in BASE that an intrusion changes; SCENARIO is a file or the name of one that ships."""
    from countersign.app.range import attack

    for line in attack(base, scenario, output, care, number):
        click.echo(line)
