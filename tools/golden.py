"""Golden cases of the log families: `tests/golden/<family>/<case>.raw` in, `<case>.events.jsonl` out.

`tools/golden.py` writes the second anew from the first; look at the difference before you commit it. Every line
is one record: an event as its columns by dotted names without those that are null, or the reason why it was
rejected. The context is fixed: received and sealed on 21 November 2026, zone Europe/Berlin, no origin.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from countersign.model.batch import ParseContext
from countersign.sources import recognise, source
from countersign.sources._base import HEAD_BYTES
from countersign.sources._framing import frame

CASES = Path(__file__).parents[1] / "tests" / "golden"
MOMENT = datetime(2026, 11, 21, 12, tzinfo=UTC)
CONTEXT = ParseContext(segment="5" * 64, received=MOMENT, sealed=MOMENT, zone="Europe/Berlin")
CONSTANT = frozenset({"segment", "source", "origin"})


def cases() -> list[Path]:
    """All raw files."""
    return sorted(CASES.glob("*/*.raw"))


def outcome(raw: Path) -> str:
    """What the family named by the folder makes of a raw file, as JSON lines in the order of records."""
    data = raw.read_bytes()
    family = source(raw.parent.name)
    found = recognise(data[:HEAD_BYTES])
    if found is not family:
        raise RuntimeError(f"{raw} is not recognised as {family.name}")
    parsed = family.parse(frame(family.framing, data), CONTEXT)
    lines = [
        (row["record"], {"record": row["record"], "rejected": row["reason"]})
        for row in parsed.rejected.to_pylist()
    ]
    lines += [(row["record"], dict(_flat(row))) for row in parsed.events.to_pylist()]
    lines.sort(key=lambda line: line[0])
    return "".join(orjson.dumps(line, option=orjson.OPT_SORT_KEYS).decode() + "\n" for _, line in lines)


def _flat(row: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in row.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif value is not None and prefix + name not in CONSTANT:
            yield prefix + name, dict(value) if name == "unmapped" else value


def main() -> None:
    """Writes all outcomes."""
    for raw in cases():
        raw.with_suffix(".events.jsonl").write_text(outcome(raw), "utf-8")


if __name__ == "__main__":
    main()
