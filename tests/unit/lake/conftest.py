from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from countersign.lake import Lake, WorkspaceLock


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[WorkspaceLock]:
    with WorkspaceLock(tmp_path) as held:
        yield held


@pytest.fixture
def lake(tmp_path: Path, lock: WorkspaceLock) -> Iterator[Lake]:
    with Lake.create(tmp_path / "lake", lock=lock) as made:
        yield made
