"""Rules as a person uses them: import, review, hunt, test, exceptions; and a review that is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from countersign.app.results import Results
from countersign.app.workspace import Workspace
from detecting import lay, process, rule, rule_id, take


def countersign(*arguments: str | Path, code: int = 0) -> str:
    run = subprocess.run(
        [sys.executable, "-m", "countersign", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == code, run.stderr
    assert "Traceback" not in run.stderr
    return run.stdout


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_sigmahq_over_a_capture(shared_data: Path, tmp_path: Path) -> None:
    ward = tmp_path / "ward"
    countersign("init", ward)
    (imported,) = lines(
        countersign("-C", ward, "rules", "import", shared_data / "sigma" / "sigma-rules.zip", "--json")
    )
    assert int(str(imported["rules"])) > 3700
    countersign("-C", ward, "collect", shared_data / "evtx" / "win10-aptsimulator.zip")
    countersign("-C", ward, "review")
    estate = lines(countersign("-C", ward, "findings", "--scope", "estate", "--json"))
    assert estate == lines(countersign("-C", ward, "findings", "--json"))
    loud = [body for body in estate if body["severity"] in {"high", "critical"}]
    assert loud
    assert all(body["matched"] for body in loud if body["kind"] == "rule")
    assert countersign("-C", ward, "findings", "--scope", "provider", "--json") == ""
    first = loud[0]
    page = countersign("-C", ward, "finding", str(first["id"]))
    assert "What held" in page
    hunted = lines(countersign("-C", ward, "rules", "hunt", str(first["rule_id"]), "--json"))
    hosts = first["hosts"]
    assert isinstance(hosts, list)
    assert sum(int(str(body["count"])) for body in hunted if body["host"] in hosts) == first["count"]
    active = lines(countersign("-C", ward, "rules", "list", "--state", "active", "--json"))
    waiting = lines(countersign("-C", ward, "rules", "list", "--state", "waiting", "--json"))
    assert len(active) > 1000
    assert waiting
    assert all(body["reason"] for body in waiting)
    lay(
        Workspace.open(ward),
        "one.yaml",
        f"except: {{rule: {first['rule_id']}, until: 2999-01-01, reason: known, by: me}}\n",
        "exceptions",
    )
    countersign("-C", ward, "review")
    held = lines(countersign("-C", ward, "findings", "--held", "--json"))
    assert {body["rule_id"] for body in held} == {first["rule_id"]}
    left = lines(countersign("-C", ward, "findings", "--json"))
    assert {body["id"] for body in estate} - {body["id"] for body in left} == {
        body["id"] for body in estate if body["rule_id"] == first["rule_id"]
    }


def test_exit_codes_of_trying_a_rule(tmp_path: Path) -> None:
    path, event = tmp_path / "rule.yml", tmp_path / "event.json"
    path.write_text(rule(1, "evil"))
    event.write_text('{"CommandLine": "evil.exe"}')
    assert "✓" in countersign("rules", "test", path, event)
    event.write_text('{"CommandLine": "good.exe"}')
    assert "✗" in countersign("rules", "test", path, event, code=1)
    countersign("rules", "test", path, tmp_path / "nowhere", code=2)


def everything(ward: Workspace) -> list[object]:
    with ward.reading() as lake:
        rows = lake.read("hits").to_pylist()
    found: list[object] = sorted((row["id"], row["rule_id"], row["event"]) for row in rows)
    return found + sorted(body["id"] for body in Results.open(ward).findings())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL, which this sends")
def test_a_review_that_is_killed_is_finished_by_the_next(tmp_path: Path) -> None:
    ward = Workspace.create(tmp_path / "ward")
    lay(ward, "one.yml", rule(1, "tool"))
    records = [
        process(number, f"tool.exe {number}", host=f"SRV{number % 7}", minute=number * 30)
        for number in range(400)
    ]
    take(ward, "a.jsonl", records)
    countersign("-C", ward.root, "review")
    for number in range(2, 6):
        lay(ward, f"{number}.yml", rule(number, f"exe {number}"))
        run = subprocess.Popen([sys.executable, "-m", "countersign", "-C", str(ward.root), "review"])
        time.sleep(0.4 * number)
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    countersign("-C", ward.root, "review")
    killed = everything(ward)
    countersign("-C", ward.root, "review", "--all")
    assert everything(ward) == killed
    assert any(rule_id(5) in row for row in killed if isinstance(row, tuple))
