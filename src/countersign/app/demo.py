"""The demo: a small estate with one intrusion, and the whole product run on it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import orjson

from countersign.app.collect import collect
from countersign.app.evidence import verify
from countersign.app.report import Render, write_report
from countersign.app.results import Results
from countersign.app.review import review
from countersign.app.workspace import CONFIG, Workspace
from countersign.errors import UsageError
from countersign.model.visible import visible

GENERATED = ("logs", "ward")


@dataclass(frozen=True, slots=True)
class DemoRun:
    """What the demo found."""

    visits: list[dict[str, Any]]
    findings: list[dict[str, Any]]
    notes: list[str]
    results: Results


def generate(output: Path, seed: int, spec: Path | None = None) -> list[str]:
    """Write an estate's logs, agreements and truth to `output`; lines that say what was written."""
    from countersign.range import generate as write
    from countersign.range import load_spec

    if spec is None:
        with resources.as_file(
            resources.files("countersign").joinpath("content", "ranges", "demo.yaml")
        ) as path:
            summary = write(load_spec(path), output, seed)
    else:
        summary = write(load_spec(spec), output, seed)
    lines = [f"{name}: {count:,} records" for name, count in summary.records.items()]
    return [*lines, f"{summary.total:,} records in {output}, the truth in {output / 'truth'}"]


def demo(directory: Path, render: Render, seed: int = 1) -> DemoRun:
    """Generate, collect, review, verify and report in `directory`, which holds nothing but an earlier demo."""
    logs, ward = _clean(directory)
    generate(logs, seed)
    workspace = Workspace.create(ward)
    for file in sorted((logs / "agreements").glob("*.yaml")):
        shutil.copy(file, workspace.agreements / file.name)
    folders = [path for path in sorted(logs.iterdir()) if path.name not in {"truth", "agreements"}]
    brought = collect(workspace, folders)
    known = review(workspace)
    write_report(workspace, ward / "report.html", render)
    outcome = verify(workspace)
    results = Results.open(workspace)
    seen = f"{brought.records:,} records, {brought.events:,} events, {brought.rejected:,} rejected in {brought.seconds:.1f} s"
    notes = [
        f"Collected {seen}; reviewed in {known.seconds:.1f} s.",
        f"Evidence: {outcome.words}." if outcome.sound else "The evidence does not verify!",
        *known.notes,
        *_against_truth(logs, results.visits(), results.findings()),
        f"Report: {ward / 'report.html'}",
        f"Look around: countersign -C {ward} visits | visit ID | findings | finding ID",
    ]
    return DemoRun(results.visits(), results.findings(), notes, results)


def _clean(directory: Path) -> tuple[Path, Path]:
    logs, ward = (directory / name for name in GENERATED)
    if directory.exists():
        strangers = [path.name for path in directory.iterdir() if path.name not in GENERATED]
        if strangers or (ward.exists() and not (ward / CONFIG).exists()):
            raise UsageError(
                f"{directory} holds other things than an earlier demo\n  remedy: choose an empty folder"
            )
        for path in (logs, ward):
            if path.exists():
                shutil.rmtree(path)
    directory.mkdir(parents=True, exist_ok=True)
    return logs, ward


def _against_truth(logs: Path, visits: list[dict[str, Any]], findings: list[dict[str, Any]]) -> list[str]:
    """The demo may look at the truth beside its own logs, and says how it did."""
    truth = [
        orjson.loads(line) for line in (logs / "truth" / "visits.jsonl").read_bytes().splitlines() if line
    ]
    bad = [visit for visit in truth if visit["malicious"]]
    high = {finding["visit"] for finding in findings if finding["severity"] in {"high", "critical"}}
    flagged = [visit for visit in visits if visit["id"] in high]
    right = [visit for visit in flagged if any(_same(visit, true) for true in bad)]
    lines = [
        (
            f"Truth: {len(truth)} visits, {len(bad)} of them the intrusion. Found: {len(visits)} visits; "
            f"{len(right)} of {len(bad)} intrusions and {len(flagged) - len(right)} ordinary visits have findings of "
            "severity high or above."
        )
    ]
    lines += [f"The intrusion: visit {visit['id'][:12]}, {visible(visit['person'])}" for visit in right]
    return lines


def _same(visit: dict[str, Any], true: dict[str, Any]) -> bool:
    from datetime import datetime

    if visit["provider"] != true["provider"] or visit["start"] is None:
        return False
    apart = datetime.fromisoformat(visit["start"]) - datetime.fromisoformat(true["start"])
    return abs(apart.total_seconds()) < 300
