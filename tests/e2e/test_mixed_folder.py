"""A folder with a log of every family is collected in one command, and the whole program goes on from there."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from countersign.sources import sources

GOLDEN = Path(__file__).parents[1] / "golden"
UNKNOWN = "Frobnicator 9000, 2026-11-20T10:00:00Z: jane from 198.51.100.7 opened valve 7\n"


def run(where: Path, *words: str) -> list[dict[str, Any]]:
    """A command as users start it, in a process of its own (which finds no pandas): its JSON lines."""
    command = [sys.executable, "-m", "countersign", "-C", str(where), *words]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return [orjson.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every golden file under a name that says nothing, and one that nobody knows."""
    place = tmp_path_factory.mktemp("mixed") / "logs"
    place.mkdir()
    for number, raw in enumerate(sorted(GOLDEN.glob("*/*.raw"))):
        (place / f"{number:03}").write_bytes(raw.read_bytes())
    (place / "unknown").write_text(UNKNOWN)
    return place


def test_every_family_in_one_command(folder: Path) -> None:
    workspace = folder.parent / "ws"
    run(folder.parent, "init", str(workspace))
    (collected,) = run(workspace, "collect", str(folder), "--json")
    statuses = Counter(file["status"] for file in collected["files"])
    assert set(statuses) <= {"read", "known", "unrecognised", "damaged"}
    assert [file["path"] for file in collected["files"] if file["status"] == "unrecognised"] == [
        str(folder / "unknown")
    ]
    assert statuses["damaged"] == 1  # an EVTX that is cut off, on purpose
    here = {row["name"] for row in run(workspace, "source", "list", "--here", "--json")}
    assert here == {source.name for source in sources()}
    (unknown,) = run(workspace, "source", "unknown", "--json")
    assert unknown["begins"] == UNKNOWN.strip()
    assert unknown["segments"]
    (doctor,) = run(workspace, "doctor", "sources", "--json")
    assert len(doctor["sources"]) > len(here) - 10
    assert run(workspace, "review", "--json")
