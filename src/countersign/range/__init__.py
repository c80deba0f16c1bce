"""The simulator: estates, their providers, ordinary work and intrusions, in real log formats with the truth.

It imports nothing of Countersign but `errors`, so that it cannot share a mistake with what it tests.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from countersign.errors import InputError
from countersign.range import demo
from countersign.range.run import Summary, load_made
from countersign.range.run import generate as _generate
from countersign.range.spec import RangeSpec, parse_spec, read_yaml

__all__ = ["RangeSpec", "Summary", "generate", "load_made", "load_spec"]

Progress = Callable[[int, int | None], None]


def load_spec(path: Path) -> RangeSpec | demo.RangeSpec:
    """Reads a range's specification, of the demo's format (version 1) or of any estate (version 2).

    Raises `InputError` with file, line where known and remedy if it cannot be read or does not fit.
    """
    data, raw = read_yaml(path)
    if isinstance(data, dict) and data.get("version") == 1:
        return demo.load_spec(path)
    if not isinstance(data, dict):
        raise InputError("the range: this is no list of keys", path=str(path), remedy="see docs/range.md")
    return parse_spec(data, raw, str(path))


def generate(
    spec: RangeSpec | demo.RangeSpec,
    out: Path,
    seed: int,
    *,
    processes: int = 1,
    progress: Progress | None = None,
) -> Summary | demo.Summary:
    """Writes logs, agreements and the truth of an estate to the empty folder `out`; same seed, same bytes.

    Raises `UsageError` where `out` holds something.
    """
    if isinstance(spec, demo.RangeSpec):
        return demo.generate(spec, out, seed)
    return _generate(spec, out, seed, processes=processes, progress=progress)
