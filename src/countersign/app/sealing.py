"""What is looked for, sealed: the ledger says from when on which rules and indicators were in force."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from countersign.app.workspace import Workspace
from countersign.errors import WorkspaceError
from countersign.lake import WorkspaceLock
from countersign.ledger import ImportStatement, Log

PATIENCE = 60.0
"""Seconds that an import waits for another command to end."""


def seal_import(
    workspace: Workspace, what: str, name: str, digest: str, count: int, moment: datetime
) -> None:
    """Add the leaf. The workspace's lock must be held, since a verification reads the ledger under it."""
    statement = ImportStatement(what, name, digest, count, moment)
    Log(workspace.ledger).append([statement.to_bytes()])


@contextmanager
def patiently(workspace: Workspace) -> Iterator[None]:
    """The workspace's lock, waited for up to `PATIENCE` seconds. Raises `WorkspaceError` after that."""
    with _lock(workspace, time.monotonic() + PATIENCE):
        yield


def _lock(workspace: Workspace, end: float) -> WorkspaceLock:
    while True:
        try:
            return WorkspaceLock(workspace.root)
        except WorkspaceError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
