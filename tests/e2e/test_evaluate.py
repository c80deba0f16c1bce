from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def countersign(*arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    run = subprocess.run(
        [sys.executable, "-m", "countersign", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "TZ": "Europe/London"},
        check=False,
    )
    assert run.returncode == code, run.stderr
    assert "Traceback" not in run.stderr
    return run


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """The figures of the small range, and the folder that holds it and its workspace."""
    folder = tmp_path_factory.mktemp("evaluate")
    countersign("range", "generate", "small", "-o", folder / "small", "--seed", "1")
    said = countersign(
        "-C", folder / "ward", "evaluate", "visits", "--range", folder / "small", "--json"
    ).stdout
    (line,) = said.splitlines()
    return json.loads(line), folder


def test_figures_of_the_small_range(evaluated: tuple[dict[str, Any], Path]) -> None:
    found, folder = evaluated
    true = [
        json.loads(line) for line in (folder / "small" / "truth" / "visits.jsonl").read_text().splitlines()
    ]
    hops = [hop for visit in true for hop in visit["hops"]]
    assert found["visits"] == len(true)
    assert found["lost_whole"] == sum(not hop["records"] for hop in hops)
    assert found["hops"] == len(hops) - found["lost_whole"]
    assert found["hops_in_visit"] >= 0.995 * found["hops"]
    assert found["hops_wrong_visit"] <= 0.01 * found["hops"]
    assert found["false_proven"] == 0
    assert found["ambiguous"] <= 0.04 * found["hops_made"]
    assert found["ambiguous_top3"] <= found["ambiguous_judged"] <= found["ambiguous"]
    assert found["hops_made_of_no_truth"] == 0
    assert found["records_found"] == found["records"] > 1000
    assert 0 < found["seconds"] < 300
    assert 0 < found["peak_mb"] < 4000


def test_visits_only_of_what_is_collected_scores_the_same(evaluated: tuple[dict[str, Any], Path]) -> None:
    whole, folder = evaluated
    options = ("--range", folder / "small", "--visits-only", "--collected", "--json")
    found = json.loads(countersign("-C", folder / "ward", "evaluate", "visits", *options).stdout)
    taken = {name for name in found if name.endswith(("seconds", "peak_mb"))}
    assert {name: found[name] for name in found.keys() - taken} == {
        name: whole[name] for name in whole.keys() - taken
    }
    assert found["collect_seconds"] is found["collect_peak_mb"] is None
    for figures in (found, whole):
        assert 0 < figures["stitch_seconds"] < figures["seconds"]


def test_parts_add_up_to_the_whole(evaluated: tuple[dict[str, Any], Path]) -> None:
    found, _ = evaluated
    for part, whole in (("in_visit", "hops_in_visit"), ("wrong_visit", "hops_wrong_visit"), ("hops", "hops")):
        assert sum(counts[part] for counts in found["protocols"].values()) == found[whole]
    assert found["wrong_mixed"] + found["wrong_apart"] == found["hops_wrong_visit"]
    assert {"vpn", "rdp", "ssh", "smb"} <= found["protocols"].keys()
    assert found["links"]["proven"]["false"] == found["false_proven"]


def test_misses_name_records_of_the_truth(evaluated: tuple[dict[str, Any], Path]) -> None:
    found, folder = evaluated
    hops = (folder / "small" / "truth" / "hops.jsonl").read_text()
    for miss in found["misses"]:
        assert miss["hop"] in hops
        assert miss["events"], miss
        assert miss["records"][0].split(" ")[-1] in hops


def test_what_is_no_range_is_an_error(tmp_path: Path) -> None:
    assert "is no range" in countersign("evaluate", "visits", "--range", tmp_path, code=2).stderr
