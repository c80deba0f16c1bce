from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from countersign.errors import Error, UsageError
from countersign.evaluate import run


@pytest.fixture
def made(tmp_path: Path) -> Path:
    folder = tmp_path / "range"
    for name in ("windows", "zeek", "truth", "agreements"):
        (folder / name).mkdir(parents=True)
    (folder / "agreements" / "northgate.yaml").write_text("version: 1")
    return folder


def test_the_product_is_given_the_logs_and_not_the_truth(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, ...]] = []
    root = tmp_path / "ward"
    (root / "agreements").mkdir(parents=True)

    def note(*arguments: str) -> run.Ran:
        calls.append(arguments)
        return run.Ran(1.0, 2.0)

    monkeypatch.setattr(run, "_run", note)
    run.collect(made, root)
    assert [call[-3:] for call in calls] == [
        ("init", str(root)),
        ("--json", str(made / "windows"), str(made / "zeek")),
    ]
    assert (root / "agreements" / "northgate.yaml").exists()


@pytest.mark.parametrize("named", [False, True], ids=["no -C", "an empty folder"])
def test_what_is_collected_already_needs_a_workspace(made: Path, tmp_path: Path, *, named: bool) -> None:
    (made / "truth" / "visits.jsonl").touch()
    with pytest.raises(UsageError, match="has collected nothing"):
        run.evaluate_visits(made, tmp_path if named else None, collected=True)


def test_a_process_is_measured_and_its_failure_told_in_its_own_words(tmp_path: Path) -> None:
    ran = run._run("--version")
    assert ran.seconds > 0
    assert ran.said.startswith(b"countersign")
    # a child's peak is not less than what its parent held when it was started (Linux, `exec`): so by a small parent
    alone = "from countersign.evaluate import run; print(run._run('--version').peak_mb)"
    told = subprocess.run([sys.executable, "-c", alone], check=True, capture_output=True, text=True).stdout
    assert told.strip() == "None" or 5 < float(told) < 1000
    with pytest.raises(Error, match="is no workspace"):
        run._run("-C", str(tmp_path), "review")
