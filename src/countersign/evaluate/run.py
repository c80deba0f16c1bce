"""The product run on a range's logs as its users run it, in processes of their own, and then the comparison."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from countersign.errors import Error, UsageError
from countersign.evaluate.compare import Comparison
from countersign.evaluate.made import made_hops
from countersign.evaluate.overlay import Campaign, campaign_in, lay, truth_of
from countersign.evaluate.records import events_of
from countersign.evaluate.score import Score
from countersign.evaluate.truth import Truth, read_truth, zone_of
from countersign.lake import Lake
from countersign.ledger import Archive

TRUTH = "truth"
CONFIG = "countersign.toml"
AGREEMENTS = "agreements"
_MEGABYTE = 1 << 20
_ERROR_SHOWN = 2000


@dataclass(frozen=True, slots=True)
class Ran:
    """What a process took: wall-clock seconds, and the memory of its largest process, None where no system tells. `said` is
    what it printed."""

    seconds: float
    peak_mb: float | None
    said: bytes = b""


def evaluate_visits(
    made: Path,
    workspace: Path | None = None,
    misses: int = 5,
    *,
    visits_only: bool = False,
    collected: bool = False,
    base: Path | None = None,
    keep: Path | None = None,
) -> Score:
    """Collect and review the range in `made`, and hold the visits against its truth.

    The workspace is a temporary one, unless one is named: it is made where there is none, and kept. With `visits_only` no rules
    are matched; with `collected` the workspace has the range's logs already. Where `made` is a campaign's, the workspace is its
    base's, which stands at `base` if not where it was; the campaign is collected into a copy, `keep` if that is named. Raises
    `UsageError` for a folder that is no range or no workspace where one is needed, `Error` where the product fails.
    """
    if not (made / TRUTH / "visits.jsonl").is_file():
        raise UsageError(
            f"{made} is no range: it has no {TRUTH}/visits.jsonl\n  remedy: name a folder that `countersign range "
            "generate` wrote"
        )
    if collected and (workspace is None or not (workspace / CONFIG).is_file()):
        raise UsageError(
            f"{workspace or 'a temporary workspace'} has collected nothing\n  remedy: name the workspace by `-C DIR`"
        )
    campaign = campaign_in(made, made / TRUTH, base)
    if campaign is None and (base is not None or keep is not None):
        raise UsageError(f"{made} is no campaign, and has neither a base nor a copy of its workspace")
    with _place(workspace) as root:
        collecting = None
        whole = made if campaign is None else campaign.base
        if collected:
            _agree(whole, root)
        else:
            collecting = collect(whole, root)
        if campaign is not None:
            return _campaign(campaign, root, keep, misses, visits_only=visits_only)
        return _scored(root, read_truth(made / TRUTH), misses, collecting, visits_only=visits_only)


def _campaign(campaign: Campaign, base: Path, keep: Path | None, misses: int, *, visits_only: bool) -> Score:
    """The same of a campaign, in a copy of its base's workspace that stands beside it, so that files can be linked."""
    with ExitStack() as stack:
        if keep is None:
            beside = tempfile.TemporaryDirectory(prefix="countersign-campaign-", dir=base.resolve().parent)
            root = Path(stack.enter_context(beside)) / "workspace"
        else:
            root = keep
        begun = time.monotonic()
        laid = lay(campaign, base, root)
        seconds = time.monotonic() - begun
        collecting = collect(campaign.folder, root)
        score = _scored(root, truth_of(campaign, TRUTH), misses, collecting, visits_only=visits_only)
    said = orjson.loads(collecting.said.splitlines()[-1])
    score.campaign = {
        "name": campaign.name,
        "files": len(campaign.files),
        "replaced_files": laid.files,
        "withdrawn_segments": laid.segments,
        "lay_seconds": round(seconds, 3),
        **{f"collected_{name}": said[name] for name in ("records", "new_events", "bytes")},
    }
    return score


def _scored(root: Path, truth: Truth, misses: int, collecting: Ran | None, *, visits_only: bool) -> Score:
    reviewing = _review(root, visits_only=visits_only)
    score = _compare(root, truth, misses)
    score.seconds, score.peak_mb = reviewing.seconds, reviewing.peak_mb
    score.stitch_seconds = orjson.loads(reviewing.said)["phases"]["stitching"]
    if collecting is not None:
        score.collect_seconds, score.collect_peak_mb = collecting.seconds, collecting.peak_mb
    return score


@contextmanager
def _place(workspace: Path | None) -> Iterator[Path]:
    if workspace is not None:
        yield workspace
        return
    with tempfile.TemporaryDirectory(prefix="countersign-evaluate-") as folder:
        yield Path(folder) / "workspace"


def collect(made: Path, root: Path) -> Ran:
    """Collect the range in `made` into the workspace `root`, which is made where there is none. The paths of the logs, the agreements
    and the time zone of the place are all that the product learns of the range."""
    if not (root / CONFIG).exists():
        _run("init", str(root))
    _agree(made, root)
    logs = [path for path in sorted(made.iterdir()) if path.is_dir() and path.name not in {TRUTH, AGREEMENTS}]
    if not logs:
        raise UsageError(f"{made} has no logs beside its {TRUTH}")
    zone = zone_of(made / TRUTH)
    return _run("-C", str(root), "collect", "--json", *(("--zone", zone) if zone else ()), *map(str, logs))


def _agree(made: Path, root: Path) -> None:
    for file in sorted((made / AGREEMENTS).glob("*.yaml")):
        if not (root / AGREEMENTS / file.name).exists():
            shutil.copy(file, root / AGREEMENTS / file.name)


def _review(root: Path, *, visits_only: bool) -> Ran:
    return _run("-C", str(root), "review", "--all", "--json", *(("--visits-only",) if visits_only else ()))


def _compare(root: Path, truth: Truth, misses: int) -> Score:
    with Lake.open(root / "lake") as lake:
        named = events_of(lake, Archive(root / "archive"), truth.owner)
        hops = made_hops(lake, named)
    return Comparison(truth, hops, named).score(misses)


def _run(*arguments: str) -> Ran:
    """The program with these arguments. Raises `Error`, with its own words, where it fails."""
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as wrong:
        begun = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "countersign", *arguments], stdout=said, stderr=wrong
        )
        peak = _wait(process)
        seconds = time.monotonic() - begun
        if process.returncode:
            wrong.seek(0)
            words = wrong.read().decode("utf-8", "replace")[-_ERROR_SHOWN:].strip()
            raise Error(
                f"countersign {' '.join(arguments[:3])} ended with {process.returncode}\n  {words or 'it said nothing'}"
            )
        said.seek(0)
        return Ran(seconds, peak, said.read())


def _wait(process: subprocess.Popen[bytes]) -> float | None:
    """Waits for the end; the peak resident memory of the largest of it and its children, in megabytes. On Linux it is not less than
    what this process held when it started that one, which is little."""
    if not hasattr(os, "wait4"):
        process.wait()
        return None
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    # kilobytes, but bytes on a Mac
    scale = 1 if sys.platform == "darwin" else 1 << 10
    return round(usage.ru_maxrss * scale / _MEGABYTE, 1)
