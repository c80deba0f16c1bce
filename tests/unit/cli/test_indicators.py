from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from collecting import Ward, syslog
from countersign.app.workspace import Workspace
from countersign.cli.commands import program
from countersign.errors import Error
from countersign.rules.indicators import taxii


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    found = Ward(Workspace.create(tmp_path / "ward"))
    (tmp_path / "auth.log").write_bytes(syslog(range(20)))
    found.collect(tmp_path / "auth.log")
    (tmp_path / "feed.txt").write_text("10.0.0.0/8 # \x1b[31mred\none.example\nnonsense \x1b[2J\n", "utf-8")
    return found


def run(ward: Ward, *words: str, input_: str | None = None) -> str:
    arguments = ["-C", str(ward.workspace.root), "indicators", *words]
    result = CliRunner().invoke(
        program, arguments, standalone_mode=False, input=input_, catch_exceptions=False
    )
    return result.output


def documents(ward: Ward, *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(ward, *words, "--json").splitlines()]


def test_from_import_to_hunt(ward: Ward, tmp_path: Path) -> None:
    out = run(ward, "import", str(tmp_path / "feed.txt"), "--allow-broad")
    assert "feed: 2 indicators (2 new, 0 changed, 0 gone, 0 as before)" in out
    assert "feed.txt:3" in out.replace("\n", "").replace("    ", "")
    (row,) = documents(ward, "list")
    assert (row["source"], row["states"], row["warned"]) == ("feed", {"active": 2}, 1)
    assert "2 active" in run(ward, "list")
    assert {one["key"] for one in documents(ward, "list", "feed")} == {
        "address:10.0.0.0/8",
        "domain:one.example",
    }
    assert "10.0.0.0/8" in run(ward, "list", "feed", "--state", "active")
    assert "There are none" in run(ward, "list", "feed", "--state", "expired")
    found = documents(ward, "hunt")
    assert sum(one["count"] for one in found) == 20
    assert found[0]["first"].endswith("Z")
    shown = run(ward, "hunt")
    assert "2 indicators against 20 events" in shown
    assert "\x1b" not in out + shown


def test_what_is_wrong_is_one_error_with_code_2(ward: Ward, tmp_path: Path) -> None:
    for words in (
        ["import", str(tmp_path / "missing")],
        ["hunt"],
        ["list", "nobody"],
        ["list", "--state", "active"],
        ["pull", "http://taxii.example/"],
    ):
        with pytest.raises(Error) as caught:
            run(ward, *words)
        assert caught.value.exit_code == 2
        assert "remedy" in caught.value.diagnostics()


def test_passwords_come_by_the_environment_or_are_asked_for(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str, str]] = []

    def answer(url: str, **options: Any) -> taxii.Pulled:
        del url
        asked.append((options["user"], options["password"], options["token"]))
        item = {"type": "indicator", "id": "indicator--1", "pattern": "[url:value = 'http://evil.example/']"}
        return taxii.Pulled((item,), "", ("C",), ())

    monkeypatch.setattr(taxii, "pull", answer)
    url = "https://taxii.example/c/"
    assert "typed" not in run(ward, "pull", url, "--user", "a", input_="typed\n")
    monkeypatch.setenv("COUNTERSIGN_TAXII_PASSWORD", "kept")
    run(ward, "pull", url, "--user", "a")
    monkeypatch.setenv("COUNTERSIGN_TAXII_TOKEN", "t")
    (row,) = documents(ward, "pull", url, "--source", "x")
    assert row["source"] == "x"
    assert asked == [("a", "typed", ""), ("a", "kept", ""), ("", "kept", "t")]
