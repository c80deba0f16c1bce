"""The worked example of docs/visits.md: its commands print what it shows, and its records are what it says of them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOGS = ROOT / "docs" / "examples" / "visit" / "logs"
SECTION = (
    (ROOT / "docs" / "visits.md").read_text("utf-8").partition("## Worked example")[2].partition("\n## ")[0]
)
ROW = re.compile(r"\| `([\w.]+)` ([\d, ]+) \| (.*?) \| .* \|")
LINK = re.compile(r"^ +(?:entry|proven|inferred|ambiguous): ", re.MULTILINE)


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", SECTION, re.DOTALL)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each command of the section prints."""
    here = tmp_path_factory.mktemp("checkout")
    (here / "docs").symlink_to(ROOT / "docs")
    (script,) = blocks("sh")
    commands = [line for line in script.splitlines() if not line.startswith("export ")]
    commands += [
        block.splitlines()[0].removeprefix("$ ") for block in blocks("text") if block.startswith("$ ")
    ]
    printed = {}
    for command in commands:
        words = shlex.split(command)
        if words[0] == "countersign":
            words[:1] = [sys.executable, "-m", "countersign"]
        run = subprocess.run(  # the commands of our own documentation
            words,
            cwd=here,
            env={**os.environ, "TZ": "UTC", "PYTHONPATH": str(ROOT / "src")},
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
        printed[command] = run.stdout
    return printed


def test_the_trees_are_what_the_commands_print(shown: dict[str, str]) -> None:
    trees = [block for block in blocks("text") if block.startswith("$ ")]
    for tree in trees:
        command, _, expected = tree.partition("\n")
        printed = shown[command.removeprefix("$ ")]
        assert printed.partition("\nAgreement")[0].rstrip() == expected.rstrip()
        # nothing of the way is left out
        assert len(LINK.findall(printed)) == len(LINK.findall(expected))
    names = [tree.split()[5] for tree in trees]
    table = shown["countersign -C example visits"].splitlines()[1:]
    assert [line.split()[0] for line in table] == names


def test_every_record_is_told_of_and_says_what_is_said_of_it() -> None:
    told = set()
    for name, numbers, words in ROW.findall(SECTION):
        lines = (LOGS / name).read_text("utf-8").splitlines()
        for number in numbers.split(","):
            told.add((name, int(number)))
            # JSON writes a backslash twice
            record = (
                lines[int(number) - 1].replace("\\\\", "\\") if name != "signins.json" else "\n".join(lines)
            )
            assert [word for word in re.findall(r"`([^`]+)`", words) if word not in record] == []
    assert told == {
        *(("windows.jsonl", number) for number in range(1, 16)),
        *(("vpn01.log", number) for number in range(1, 5)),
        ("radius.xml", 2),
        ("signins.json", 1),
    }


def test_the_ambiguous_hop_breaks_nothing(shown: dict[str, str]) -> None:
    printed = shown["countersign -C example visit 524093fa"]
    assert "? grant.to: not observed" in printed
    assert "broken" not in printed
