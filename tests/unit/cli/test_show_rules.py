from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from countersign.app.review import review
from countersign.app.workspace import Workspace
from countersign.cli.commands import program
from countersign.cli.show import reviewed
from countersign.cli.show_findings import finding_table
from countersign.cli.text import minute, several_years
from countersign.model.visible import counted
from detecting import lay, process, rule, take


@pytest.fixture
def ward(tmp_path: Path) -> Workspace:
    workspace = Workspace.create(tmp_path / "ward")
    take(workspace, "a.jsonl", [process(1, "evil.exe -x")])
    return workspace


def run(ward: Workspace, *words: str) -> str:
    arguments = ["-C", str(ward.root), "rules", *words]
    return CliRunner().invoke(program, arguments, standalone_mode=False, catch_exceptions=False).output


def test_one_is_not_many(ward: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lay(ward, "one.yml", rule(1, "evil"))
    reviewed(review(ward))
    assert "Elsewhere in the estate: 1 finding (1 medium);" in capsys.readouterr().out
    out = run(ward, "hunt", "Rule 1")
    assert "1 rule over 1 event in" in out
    assert "(1 of its log source): 1 hit." in " ".join(out.split())
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "two.yml").write_text(rule(2, "odd"), "utf-8")
    (tmp_path / "pack" / "other.yml").write_text("on: push", "utf-8")
    out = run(ward, "import", str(tmp_path / "pack"))
    assert "pack: 1 rule in 1 file from" in out
    assert "1 YAML file holds no rule and was passed over" in out
    assert counted(2000, "rule") == "2,000 rules"


def body(number: int, time: str) -> dict[str, Any]:
    return {
        "id": f"{number:032d}",
        "time": time,
        "severity": "high",
        "title": "Event log cleared",
        "hosts": ["SRV1"],
        "visit": None,
    }


def test_the_year_is_said_where_it_is_not_plain(capsys: pytest.CaptureFixture[str]) -> None:
    old, new = "2025-07-02T12:00:00Z", "2026-07-02T12:00:00Z"
    assert several_years([old, new, None])
    assert not several_years([old, old, None])
    assert minute(old, "", year=True).startswith("2025-07-02 ")
    finding_table([body(1, old), body(2, new)])
    out = capsys.readouterr().out
    assert "2025-07-02" in out
    assert "2026-07-02" in out
    finding_table([body(1, old)])
    assert "2025" not in capsys.readouterr().out


def test_what_did_not_run_is_said_beside_the_answer(ward: Workspace, tmp_path: Path) -> None:
    (tmp_path / "good.yml").write_text(rule(1, "evil"), "utf-8")
    (tmp_path / "dns.yml").write_text(rule(2, "x").replace("process_creation", "dns_query"), "utf-8")
    files = [word for name in ("good", "dns") for word in ("--rule", str(tmp_path / f"{name}.yml"))]
    arguments = ["-C", str(ward.root), "rules", "hunt", *files, "--json"]
    result = CliRunner().invoke(program, arguments, standalone_mode=False, catch_exceptions=False)
    assert result.return_value is None, "exit code 0"
    assert "Rule 2 has no log here: waits for a log that is not here" in result.stderr
    assert result.stdout.count("\n") == 1
