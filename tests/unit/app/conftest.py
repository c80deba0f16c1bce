"""Fixtures of the tests of collecting."""

from __future__ import annotations

from pathlib import Path

import pytest

from collecting import Ward
from countersign.app.workspace import Workspace


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    return Ward(Workspace.create(tmp_path / "ward"))


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    path = tmp_path / "logs"
    path.mkdir()
    return path
