from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("golden", Path(__file__).parents[2] / "tools" / "golden.py")
assert _spec is not None
assert _spec.loader is not None
golden = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(golden)


@pytest.mark.parametrize("raw", golden.cases(), ids=lambda raw: f"{raw.parent.name}/{raw.stem}")
def test_golden(raw: Path) -> None:
    expected = raw.with_suffix(".events.jsonl").read_text("utf-8")
    assert golden.outcome(raw) == expected, "look at the difference; `tools/golden.py` writes the new outcome"
