"""A campaign's files are taken out of the copy of a workspace, and whoever does it is killed: the base is as it was, the half copy is not
taken for a whole one, and what was begun can be done to its end, with what nobody interrupted as the result."""

from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from countersign.errors import UsageError
from countersign.evaluate import overlay
from countersign.evaluate.overlay import Campaign
from countersign.lake import Lake, SegmentData, WorkspaceLock
from lake_batches import crash_batch

BATCHES, HOSTS = 8, 4
REPLACED = ("windows/0.jsonl", "windows/1.jsonl")

LAYER = """
import os, signal, sys
from pathlib import Path
from countersign.evaluate import overlay
from countersign.lake._delta import DeltaFolder

root, what, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
place, name = {"copying": (overlay, "_copy"), "withdrawing": (DeltaFolder, "exchange")}[what]
true, done = getattr(place, name), 0

def counted(*args, **more):
    global done
    done += 1
    if done == number:
        os.kill(os.getpid(), signal.SIGKILL)
    return true(*args, **more)

setattr(place, name, counted)
files = tuple(sys.argv[4:])
campaign = overlay.Campaign("c", root / "campaign", root / "range", files, frozenset())
overlay.lay(campaign, root / "base", root / "copy")
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base's workspace: batches of segments by turns of four hosts, one line that all of them have."""
    root = tmp_path_factory.mktemp("overlay")
    Lake.create(root / "base" / "lake").close()
    with WorkspaceLock(root / "base") as lock, Lake.open(root / "base" / "lake", lock=lock) as lake:
        for number in range(BATCHES):
            lake.append([collected(root, one, number % HOSTS) for one in crash_batch(number)])
    return root


def collected(root: Path, one: SegmentData, host: int) -> SegmentData:
    file = root / "range" / "windows" / f"{host}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    return replace(one, row=replace(one.row, path=str(file)))


def campaign(root: Path) -> Campaign:
    return Campaign("c", root / "campaign", root / "range", REPLACED, frozenset())


def laid(root: Path, what: str, number: int) -> int:
    arguments = [sys.executable, "-c", LAYER, str(root), what, str(number), *REPLACED]
    return subprocess.run(arguments, check=False).returncode


def held(lake: Lake) -> dict[str, Any]:
    """What a lake holds, whatever files it is in."""
    events = lake.events(["id", "segment", "record", "time_text"]).read_all().to_pylist()
    return {
        "events": sorted(tuple(row.values()) for row in events),
        "segments": sorted(lake.stored_segments()),
        "rejected": sorted(row["segment"] for row in lake.read("rejected").to_pylist()),
        "sightings": sorted((row["id"], row["segment"], row["count"]) for row in lake.read("sightings").to_pylist()),
    }  # fmt: skip


def digests(root: Path) -> dict[str, str]:
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def whole(prepared: Path) -> dict[str, Any]:
    copy = prepared / "undisturbed"
    done = overlay.lay(campaign(prepared), prepared / "base", copy)
    assert (done.files, done.segments) == (2, BATCHES)
    with Lake.open(copy / "lake") as lake:
        found = held(lake)
    assert len(found["segments"]) == BATCHES
    assert {row[3].partition("/")[0] for row in found["events"]} == {"b2", "b3", "b6", "b7", "shared"}
    return found


@pytest.mark.parametrize(
    ("what", "number"),
    [("copying", 1), ("copying", 9), *(("withdrawing", number) for number in (1, 2, 3, 4))],
)
def test_who_is_killed_leaves_a_folder_to_delete_and_nothing_else(
    prepared: Path, whole: dict[str, Any], what: str, number: int
) -> None:
    before, copy = digests(prepared / "base"), prepared / "copy"
    assert laid(prepared, what, number) == -signal.SIGKILL
    assert digests(prepared / "base") == before
    with pytest.raises(UsageError, match="is not an empty folder"):
        overlay.lay(campaign(prepared), prepared / "base", copy)
    if what == "withdrawing":
        with WorkspaceLock(copy) as lock, Lake.open(copy / "lake", lock=lock) as lake:
            gone = overlay._segments(
                lake, campaign(prepared)
            )  # a file's segments are named until they are gone
            lake.forget(sorted({segment for found in gone.values() for segment in found}))
            assert held(lake) == whole
        shutil.rmtree(copy)
        assert digests(prepared / "base") == before
        return
    shutil.rmtree(copy)
    assert laid(prepared, what, 10**6) == 0
    with Lake.open(copy / "lake") as lake:
        assert held(lake) == whole
    shutil.rmtree(copy)
    assert digests(prepared / "base") == before
