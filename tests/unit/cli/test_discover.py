"""What `discover` says to do next."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from collecting import Ward
from countersign.app.workspace import Workspace
from countersign.cli.commands import program

LOGS = Path(__file__).parents[3] / "docs" / "examples" / "visit" / "logs"


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    return Ward(Workspace.create(tmp_path / "ward"))


def discover(ward: Ward, *words: str) -> str:
    arguments = ["-C", str(ward.workspace.root), "discover", *words]
    return CliRunner().invoke(program, arguments, catch_exceptions=False).stdout


@pytest.mark.parametrize("words", [(), ("--groups",)])
def test_where_nothing_was_collected_it_says_how_to_read_more(ward: Ward, words: tuple[str, ...]) -> None:
    assert discover(ward, *words).splitlines() == [
        "Nobody came from outside, as far as what was collected tells (countersign collect PATH... reads more)."
    ]


def test_the_way_on_is_said_last_and_drafts_are_told_once(ward: Ward, tmp_path: Path) -> None:
    ward.collect(LOGS)
    said = discover(ward).splitlines()
    assert said[-1] == "`countersign discover --draft FOLDER` writes a first one of each group."
    assert any("e.meyer" in line for line in said)
    folder = tmp_path / "drafts"
    first = discover(ward, "--draft", str(folder)).splitlines()
    assert first[-2] == f"Wrote {len(list(folder.iterdir()))} drafts into {folder}"
    assert first[-1].startswith("Finish them, take `draft` out and put them into agreements/")
    again = discover(ward, "--draft", str(folder)).splitlines()
    assert again[-1] == f"No new drafts: what is in {folder} stays as it is"
