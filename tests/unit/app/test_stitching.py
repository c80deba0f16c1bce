"""A day that is left out, as measuring wants it, is a day that has not come yet; answers kept without it serve with it."""

from __future__ import annotations

from pathlib import Path

from collecting import Ward, syslog
from countersign.app.agreements import load
from countersign.app.remembering import FOLDER
from countersign.app.results import Results
from countersign.app.stitching import days_of, visits_of
from countersign.app.workspace import Workspace
from countersign.model.visit import Visit

AGREEMENT = "version: 1\nprovider: {id: acme, name: ACME}\nidentities:\n  - {name: Anna, accounts: [anna]}\n"
FIRST, LAST = syslog(range(3)), syslog(range(90_000, 90_003))  # on 1 and 2 March 2026


def made(folder: Path, *logs: bytes) -> Workspace:
    folder.mkdir()
    ward = Ward(Workspace.create(folder / "ward"))
    (ward.workspace.agreements / "acme.yaml").write_text(AGREEMENT, "utf-8")
    for number, log in enumerate(logs):
        (folder / f"{number}.log").write_bytes(log)
        ward.collect(folder / f"{number}.log")
    return ward.workspace


def stitched(workspace: Workspace, state: Path, without: str | None = None) -> list[tuple[str, int]]:
    """Ids of visits, and how many hops each has."""
    agreed, _ = load(workspace)
    with workspace.reading() as lake:
        leaves = Results(workspace, lake).leaves()
        found: tuple[Visit, ...] = visits_of(days_of(lake, state, without), agreed, leaves)
    return [(visit.id, len(visit.hops)) for visit in found]


def test_a_day_that_is_left_out_has_not_come_yet(tmp_path: Path) -> None:
    whole, state = made(tmp_path / "whole", FIRST, LAST), tmp_path / "state"
    first = stitched(made(tmp_path / "first", FIRST), tmp_path / "other")
    assert stitched(whole, state, "2026-03-02") == first
    assert [day.name for day in (state / FOLDER).iterdir()] == ["2026-03-01"]
    kept = {path: path.stat().st_mtime_ns for path in (state / FOLDER / "2026-03-01").iterdir()}
    both = stitched(whole, state)
    assert both == stitched(whole, tmp_path / "anew")
    assert set(first) < set(both)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
