"""`countersign range` and `countersign demo`: an estate with the truth beside it."""

from __future__ import annotations

from pathlib import Path

import click


@click.group("range")
def range_() -> None:
    """The simulator: an estate's logs with the truth beside them."""


@range_.command("generate")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.argument("spec", required=False, type=click.Path(path_type=Path))
def range_generate(output: Path, seed: int, spec: Path | None) -> None:
    """Write logs, agreements and truth/ of an estate; SPEC is a file, else the demo's estate."""
    from countersign.app.demo import generate

    for line in generate(output, seed, spec):
        click.echo(line)


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--seed", type=int, default=1, show_default=True)
def demo(directory: Path, seed: int) -> None:
    """Generate a small estate with one intrusion, and run everything on it."""
    from countersign.app.demo import demo as run
    from countersign.cli.show import demo_summary
    from countersign.web import render_report

    demo_summary(run(directory, render_report, seed))
