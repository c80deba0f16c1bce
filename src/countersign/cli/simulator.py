"""`countersign range` and `countersign demo`: an estate with the truth beside it."""

from __future__ import annotations

from pathlib import Path

import click

from countersign.cli.range import range_

__all__ = ["demo", "range_"]


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--seed", type=int, default=1, show_default=True)
def demo(directory: Path, seed: int) -> None:
    """Generate a small estate with one intrusion, and run everything on it."""
    from countersign.app.demo import demo as run
    from countersign.cli.show import demo_summary
    from countersign.web import render_report

    demo_summary(run(directory, render_report, seed))
