from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from countersign.errors import WorkspaceError
from countersign.lake import Lake, WorkspaceLock
from lake_batches import event, segment

HOLD = """
import sys
from pathlib import Path
from countersign.lake.lock import WorkspaceLock
lock = WorkspaceLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_told_who_holds_it(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(WorkspaceError, match=f"in use by process {holder.pid}"):
            WorkspaceLock(tmp_path)
        holder.kill()
        holder.wait()
    WorkspaceLock(tmp_path).release()


def test_it_can_be_taken_again_after_release(tmp_path: Path) -> None:
    with WorkspaceLock(tmp_path) as lock:
        assert lock.held
        with pytest.raises(WorkspaceError, match=str(os.getpid())):
            WorkspaceLock(tmp_path)
    lock.release()
    with WorkspaceLock(tmp_path) as again:
        assert (lock.held, again.held) == (False, True)


def test_a_released_lock_writes_no_more(tmp_path: Path) -> None:
    lock = WorkspaceLock(tmp_path)
    lake = Lake.create(tmp_path / "lake", lock=lock)
    lock.release()
    with pytest.raises(RuntimeError, match="lock"):
        lake.append([segment("s1", [event("a")])])


def test_a_forked_child_does_not_keep_it(tmp_path: Path) -> None:
    script = f"""
import os, time
from pathlib import Path
from countersign.lake.lock import WorkspaceLock
lock = WorkspaceLock(Path({str(tmp_path)!r}))
if os.fork() == 0:
    print("forked", lock.held, flush=True)
    os.close(1)
    time.sleep(60)
    os._exit(0)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, start_new_session=True)
    with parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"forked False\n"
        parent.kill()
        parent.wait()
        WorkspaceLock(tmp_path).release()
        os.killpg(parent.pid, 9)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WorkspaceError, match="cannot be opened"):
        WorkspaceLock(tmp_path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_missing_workspace_is_said(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="cannot be opened"):
        WorkspaceLock(tmp_path / "nowhere")
