"""Ranges: generate an estate, lay an intrusion over it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path

from countersign.errors import InputError, UsageError

Progress = Callable[[int, int | None], None]


def shipped(folder: str, name: str) -> Path:
    """The file that `name` means: a path, or the name of one that ships (`content/ranges`, `content/scenarios`)."""
    path = Path(name)
    if path.is_file():
        return path
    root = resources.files("countersign").joinpath("content", folder)
    names = sorted(item.name.removesuffix(".yaml") for item in root.iterdir() if item.name.endswith(".yaml"))
    if path.suffix and path.stem in names:
        raise InputError("is no file", path=name, remedy=f"one that ships is called by its name: {path.stem}")
    if path.suffix:
        return path
    if name not in names:
        raise InputError(
            "is no file, and none of this name ships",
            path=name,
            remedy=f"{folder} that ship: {', '.join(names)}",
        )
    return Path(str(root.joinpath(f"{name}.yaml")))


def generate(output: Path, seed: int, spec: str, processes: int, progress: Progress | None) -> list[str]:
    """Write an estate's logs, agreements and truth to `output`; lines that say what was written."""
    from countersign.range import generate as write
    from countersign.range import load_spec

    summary = write(load_spec(shipped("ranges", spec)), output, seed, processes=processes, progress=progress)
    lines = [f"{name}: {count:,} records" for name, count in summary.records.items()]
    lines += [f"{name}: {count:,} visits" for name, count in summary.visits.items()]
    return [*lines, f"{summary.total:,} records in {output}, the truth in {output / 'truth'}"]


def attack(base: Path, scenario: str, output: Path, care: int, number: int) -> list[str]:
    """Write to `output` the files of the range in `base` that a campaign changes, and the truth of the campaign.

    Raises `UsageError` where `output` holds something, as `base` itself does.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UsageError(f"{output} is not an empty folder: choose another, for two campaigns must not mix")
    from countersign.range import load_made
    from countersign.range.attacks import load_scenario, overlay

    spec, seed = load_made(base)
    laid = overlay(
        spec, seed, load_scenario(shipped("scenarios", scenario)), output, care=care, number=number, base=base
    )
    return [
        f"{laid.campaign}: {laid.visits} visits by {laid.provider}, as {laid.person}",
        f"{len(laid.files):,} files in {output} take the place of those in {base}, the truth in {output / 'truth'}",
    ]
