"""Recovery: killed at any moment, a run leaves nothing lost and nothing doubled."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from collecting import Ward, syslog
from countersign.app import _journal
from countersign.errors import WorkspaceError
from countersign.ledger import Archive, Log, RecordsStatement, SegmentStatement, parse_statement

FILES, LINES = 12, 25

RUN = """
import os, signal, sys
from pathlib import Path
from countersign.app import _journal, _pipeline
from countersign.app.collect import collect
from countersign.app.workspace import Workspace
from countersign.lake import Lake, _append, _retract
from countersign.ledger import Archive, Log

_pipeline.SEAL_SEGMENTS = 4
_pipeline.JOB_SEGMENTS = 2
_pipeline.STORE_ROWS = 60

def deadly(owner, name, countdown, after):
    original = getattr(owner, name)
    left = [countdown]
    def wrapped(*args, **kwargs):
        left[0] -= 1
        mine = left[0]
        if mine == 0 and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if mine == 0 and after:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(owner, name, wrapped)

places = {
    "note": (_journal, "write"), "put": (Archive, "put"), "leaf": (Log, "append"), "store": (Lake, "append"),
    "follow": (_append, "_follow"), "forget": (_journal, "remove"), "retract": (_retract, "_without"),
}
if __name__ == "__main__":
    ward, logs, place, count, after = sys.argv[1:]
    if place:
        deadly(*places[place], int(count), after == "after")
    print("ready", flush=True)
    collect(Workspace.open(Path(ward)), [logs])
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "run.py"
    path.write_text(RUN)
    return path


def write(logs: Path) -> None:
    for number in range(FILES):
        (logs / f"{number:02}.log").write_bytes(syslog(range(number * LINES, (number + 1) * LINES)))


def start(script: Path, ward: Ward, logs: Path, *how: str) -> subprocess.Popen[str]:
    arguments = [sys.executable, str(script), str(ward.workspace.root), str(logs), *(how or ("", "0", ""))]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


def check(ward: Ward, logs: Path, expected: int) -> None:
    """The next run goes on from there; every record is there once, every segment has one leaf of each kind."""
    ward.collect(logs)
    assert len(ward.ids()) == len(set(ward.ids())) == expected
    ward.sound()
    statements = [parse_statement(leaf) for leaf in Log(ward.workspace.ledger).leaves()]
    for kind, name in ((SegmentStatement, "digest"), (RecordsStatement, "segment")):
        found = [getattr(statement, name) for statement in statements if isinstance(statement, kind)]
        assert len(found) == len(set(found)) == len(list(Archive(ward.workspace.archive).digests()))
    assert ward.collect(logs).segments == 0


@pytest.mark.parametrize(
    ("place", "count", "when"),
    [
        ("note", 1, "before"),
        ("put", 2, "before"),
        ("put", 4, "after"),
        ("leaf", 1, "after"),
        ("leaf", 2, "after"),
        ("leaf", 4, "after"),
        ("store", 2, "before"),
        ("follow", 2, "before"),
        ("forget", 1, "before"),
    ],
)
def test_killed_between_any_two_steps(
    ward: Ward, logs: Path, script: Path, place: str, count: int, when: str
) -> None:
    write(logs)
    with start(script, ward, logs, place, str(count), when) as process:
        process.wait()
    assert process.returncode == -signal.SIGKILL
    check(ward, logs, FILES * LINES)


@pytest.mark.parametrize(("count", "when"), [(2, "after"), (3, "after")])
def test_killed_while_half_a_line_is_taken_back(
    ward: Ward, logs: Path, script: Path, count: int, when: str
) -> None:
    text = syslog(range(40))
    (logs / "a.log").write_bytes(text[:-50])
    ward.collect(logs)
    (logs / "a.log").write_bytes(text)
    with start(script, ward, logs, "retract", str(count), when) as process:
        process.wait()
    assert process.returncode == -signal.SIGKILL
    check(ward, logs, 40)


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_a_random_moment(ward: Ward, logs: Path, script: Path, seed: int) -> None:
    write(logs)
    with start(script, ward, logs) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(random.Random(seed).random() * 0.6)
        process.kill()
    check(ward, logs, FILES * LINES)


def test_sealed_files_that_are_gone_are_not_lost(ward: Ward, logs: Path, script: Path) -> None:
    write(logs)
    with start(script, ward, logs, "store", "1", "before") as process:
        process.wait()
    for path in logs.iterdir():
        path.unlink()
    summary = ward.collect(logs)
    assert summary.recovered >= 4
    assert len(ward.ids()) == summary.new_events >= 4 * LINES
    ward.sound()


def test_a_sealed_segment_that_cannot_be_read_is_told_once(ward: Ward, logs: Path, script: Path) -> None:
    write(logs)
    with start(script, ward, logs, "leaf", "1", "after") as process:
        process.wait()
    digest = next(Archive(ward.workspace.archive).digests())
    path = ward.workspace.archive / digest[:2] / f"{digest}.zst"
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-7])
    for file in logs.iterdir():
        file.unlink()
    summary = ward.collect(logs)
    assert [report.status for report in summary.files] == ["damaged"]
    assert summary.recovered == 3
    assert list(ward.workspace.pending.iterdir()) == []
    assert ward.collect(logs).files == ()


def test_a_damaged_note_is_an_error_with_a_remedy(ward: Ward, logs: Path) -> None:
    (ward.workspace.pending / "a.json").write_bytes(b'{"leaves": 1}')
    with pytest.raises(WorkspaceError, match=r"a\.json is damaged\n  remedy: "):
        ward.collect(logs)


def test_notes_come_back_as_they_were_written(ward: Ward, logs: Path) -> None:
    (logs / "a.log").write_bytes(syslog(range(3)))
    kept: list[_journal.Note] = []
    remove = _journal.remove
    try:
        _journal.remove = kept.append  # type: ignore[assignment]  # the test keeps it
        ward.collect(logs)
    finally:
        _journal.remove = remove
    assert list(_journal.read(ward.workspace.pending)) == kept
    assert ward.collect(logs).recovered == 0
    ward.sound()
