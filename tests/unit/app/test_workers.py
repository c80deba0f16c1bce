"""Worker processes: what they leave out, and that they never outlive the process they work for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from multiprocessing import forkserver
from pathlib import Path

import pytest

from countersign.app import _workers

SCRIPT = """
import os, signal, sys

def loaded():
    import pyarrow

    pyarrow.array([1])  # when it looks for pandas
    return [name for name in sys.argv[1:] if name in sys.modules]

if __name__ == "__main__":
    from countersign.app import _workers

    pool = _workers.processes(1)
    print(pool.submit(os.getpid).result(), *pool.submit(loaded).result(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
HEAVY = ("pandas", "duckdb", "deltalake", "ibis", "pydantic", "sigma")
PATIENCE = 20


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
def test_a_worker_is_lean_and_ends_with_its_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(SCRIPT)
    with subprocess.Popen(
        [sys.executable, str(script), *HEAVY], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        number, *heavy = process.stdout.readline().decode().split()
        assert not heavy
        worker = int(number)
        assert process.wait(PATIENCE) == -signal.SIGKILL
        deadline = time.monotonic() + PATIENCE
        while alive(worker) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not alive(worker)


def test_without_a_socket_workers_import_for_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OSError("AF_UNIX path too long")

    monkeypatch.setattr(forkserver, "ensure_running", refuse)
    assert _workers.ready().get_start_method() == "spawn"
