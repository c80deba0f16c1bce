"""A writer that is killed at any moment leaves whole batches, and the next run goes on where it stopped."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from countersign.lake import Lake, WorkspaceLock

BATCHES = 24
KILLS = 6

WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from lake_batches import crash_batch
from countersign.lake import Lake, WorkspaceLock

root = Path(sys.argv[1])
with WorkspaceLock(root) as lock, Lake.open(root / "lake", lock=lock) as lake:
    print("open", flush=True)
    for number in range(int(sys.argv[3])):
        lake.append(crash_batch(number))
print("done", flush=True)
"""


def writer(root: Path) -> subprocess.Popen[bytes]:
    helpers = str(Path(__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root), helpers, str(BATCHES)], stdout=subprocess.PIPE
    )


def test_a_killed_writer_leaves_whole_batches_and_the_next_run_finishes(tmp_path: Path) -> None:
    Lake.create(tmp_path / "lake").close()
    chance = random.Random(11)
    for _ in range(KILLS):
        with writer(tmp_path) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(chance.uniform(0, 0.5))
            process.kill()
        with WorkspaceLock(tmp_path) as lock, Lake.open(tmp_path / "lake", lock=lock) as lake:
            assert_whole(lake)
    with writer(tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.read().endswith(b"done\n")
    with WorkspaceLock(tmp_path) as lock, Lake.open(tmp_path / "lake", lock=lock) as lake:
        assert assert_whole(lake) == BATCHES
        sighted = lake.read("sightings")
        assert sum(sighted["count"].to_pylist()) == BATCHES - 1
        (shared,) = set(sighted["id"].to_pylist())
        assert lake.counts([shared]) == {shared: BATCHES}


def assert_whole(lake: Lake) -> int:
    """Every batch is there with all its segments, events and rejected records, or not at all."""
    stored = lake.stored_segments()
    batches = {segment.split("/")[0] for segment in stored}
    assert len(stored) == 2 * len(batches)
    names = lake.events(["time_text"]).read_all()["time_text"].to_pylist()
    assert len(names) == len(set(names))
    mine = {name for name in names if name != "shared"}
    assert mine == {f"{batch}/{part}/{row}" for batch in batches for part in range(2) for row in range(3)}
    assert len(lake.read("rejected")) == len(batches)
    return len(batches)
