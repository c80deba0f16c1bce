"""One writer a workspace: an advisory lock of the operating system, which no crash can leave behind."""

from __future__ import annotations

import errno
import fcntl
import os
import weakref
from pathlib import Path
from types import TracebackType
from typing import Self

from countersign.errors import WorkspaceError

LOCK_FILE = "lock"
_PID_BYTES = 32


class WorkspaceLock:
    """The right to write a workspace, held from construction until `release` or the end of the process.

    The file stays; only the lock on it counts. It names the pid of the last holder, for people. Forked workers
    give up their share at once, so that none of them can keep the lock of a parent that was killed.
    """

    def __init__(self, workspace: Path) -> None:
        """Take the lock; `WorkspaceError` names the process that has it."""
        self.workspace = workspace
        path = workspace / LOCK_FILE
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise WorkspaceError(f"{path}: cannot be opened for the lock: {error.strerror}") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._descriptor, _PID_BYTES)
            self.release()
            if error.errno not in {errno.EAGAIN, errno.EACCES}:
                raise WorkspaceError(f"{path}: cannot be locked: {error.strerror}") from error
            pid = holder.decode("ascii", "replace").strip() or "unknown"
            raise WorkspaceError(f"{workspace} is in use by process {pid}; wait for it or end it") from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, b"%d\n" % os.getpid(), 0)
        _close_in_children(self)

    @property
    def held(self) -> bool:
        """Whether this object still holds the lock."""
        return self._descriptor >= 0

    def release(self) -> None:
        """Let others write; may be called twice."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _close_in_children(lock: WorkspaceLock) -> None:
    reference = weakref.ref(lock)

    def close() -> None:
        inherited = reference()
        if inherited is not None:
            inherited.release()

    os.register_at_fork(after_in_child=close)
